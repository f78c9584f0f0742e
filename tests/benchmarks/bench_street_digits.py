"""How many street digits a second: python -m tests.benchmarks.bench_street_digits."""

import os
import statistics
import time

from helpers.data import load_images, street_digits


def main() -> None:
    """Draw 10,000 images seven times and print the median."""
    began = time.perf_counter()
    street_digits._atlas()
    print(f"glyphs, once: {time.perf_counter() - began:.2f} s")
    rates = []
    for seed in range(7):
        began = time.perf_counter()
        load_images(count=10_000, seed=seed)
        rates.append(10_000 / (time.perf_counter() - began))
    print(
        f"{statistics.median(rates):,.0f} images a second "
        f"({min(rates):,.0f} to {max(rates):,.0f}; {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()

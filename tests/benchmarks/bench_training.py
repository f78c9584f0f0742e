"""Images per second of three GAN training loops: python -m tests.benchmarks.bench_training.

The same networks (width 32, 32 x 32 images, batches of 128), the same data, the same arithmetic
(float32, Adam), one process, taking turns, medians:

(a) a plain loop, as the DCGAN lesson of a well-known course has it: a ``DataLoader`` that turns
    one PIL image after the other into a tensor, noise from NumPy, fakes that are not detached in
    the discriminator's step and drawn anew for the generator's, losses read back at every step;
(b) a plain loop, as PyTorch's DCGAN tutorial has it: a ``DataLoader`` with two workers, one
    backward pass for the reals and one for the fakes, fakes detached and used twice, losses and
    mean outputs read back at every step;
(c) ours, ``helpers.pytorch.training.Trainer``.

Both plain loops were written anew for this file from what such loops do. PyTorch counts the
floating-point operations of convolutions and dense layers: each loop's stand beside its speed, and
the share of this machine's own matrix-multiply speed that ours reaches below. With ``--compile``
there is a fourth loop: ours with both networks under ``torch.compile`` (needs a C++ compiler).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

from helpers.data import load_images
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator import build_generator
from helpers.pytorch.training import Trainer, pick_device

LATENT_DIM = 100


class Pictures(Dataset):
    """Images as a torchvision data set holds them: made into a PIL image, then transformed."""

    def __init__(self, images: np.ndarray, transform: Callable) -> None:
        self.images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self.transform(Image.fromarray(self.images[place]))


def networks(device: torch.device) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return build_generator(LATENT_DIM).to(device), build_discriminator().to(device)


def adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999))


def for_ever(loader: DataLoader) -> Iterator[torch.Tensor]:
    for _ in count():
        yield from loader


def course_loop(images: np.ndarray, batch_size: int, device: torch.device) -> Iterator[None]:
    """(a); every ``next`` is one step."""
    loader = DataLoader(
        Pictures(images, transforms.ToTensor()), batch_size, shuffle=True, drop_last=True
    )
    generator, discriminator = networks(device)
    g_adam, d_adam = adam(generator), adam(discriminator)
    bce = nn.BCEWithLogitsLoss()

    def noise() -> torch.Tensor:
        z = np.random.uniform(-1, 1, size=(batch_size, LATENT_DIM))
        return torch.from_numpy(z).float().to(device)

    def loss_towards(logits: torch.Tensor, target: float) -> torch.Tensor:
        return bce(logits.squeeze(), torch.full((batch_size,), target).to(device))

    losses = []
    for reals in for_ever(loader):
        reals = reals.to(device) * 2 - 1
        d_adam.zero_grad()
        d_loss = loss_towards(discriminator(reals), 1.0)
        d_loss = d_loss + loss_towards(discriminator(generator(noise())), 0.0)
        d_loss.backward()
        d_adam.step()

        g_adam.zero_grad()
        g_loss = loss_towards(discriminator(generator(noise())), 1.0)
        g_loss.backward()
        g_adam.step()
        losses.append((d_loss.item(), g_loss.item()))
        yield


def tutorial_loop(images: np.ndarray, batch_size: int, device: torch.device) -> Iterator[None]:
    """(b); every ``next`` is one step."""
    transform = transforms.Compose(
        [
            transforms.Resize(32),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    loader = DataLoader(
        Pictures(images, transform), batch_size, shuffle=True, drop_last=True, num_workers=2
    )
    generator, discriminator = networks(device)
    g_adam, d_adam = adam(generator), adam(discriminator)
    bce = nn.BCEWithLogitsLoss()
    losses = []
    for reals in for_ever(loader):
        discriminator.zero_grad()
        reals = reals.to(device)
        label = torch.full((batch_size,), 1.0, device=device)
        output = discriminator(reals).view(-1)
        real = bce(output, label)
        real.backward()
        d_x = output.mean().item()
        z = torch.randn(batch_size, LATENT_DIM, device=device)
        fakes = generator(z)
        label.fill_(0.0)
        output = discriminator(fakes.detach()).view(-1)
        fake = bce(output, label)
        fake.backward()
        d_g_z1 = output.mean().item()
        d_adam.step()

        generator.zero_grad()
        label.fill_(1.0)
        output = discriminator(fakes).view(-1)
        g_loss = bce(output, label)
        g_loss.backward()
        d_g_z2 = output.mean().item()
        g_adam.step()
        losses.append(((real + fake).item(), g_loss.item(), d_x, d_g_z1, d_g_z2))
        yield


def our_trainer(
    images: np.ndarray, batch_size: int, device: torch.device, **options: object
) -> Trainer:
    return Trainer(
        *networks(device), images, latent_dim=LATENT_DIM, batch_size=batch_size, device=device,
        **options,
    )  # fmt: skip


def our_loop(trainer: Trainer, log_every: int = 50) -> Iterator[None]:
    """(c), with the losses read back as ``train`` does."""
    losses = []
    for step in count(1):
        losses.append(trainer.step())
        if step % log_every == 0:
            torch.stack(losses).cpu()
            losses = []
        yield


def seconds(steps: Iterator[None], number: int, device: torch.device) -> float:
    """Seconds per step over the next ``number`` steps."""
    began = time.perf_counter()
    for _ in islice(steps, number):
        pass
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / number


def multiply_speed(device: torch.device, size: int, seconds_long: float = 0.3) -> float:
    """Floating-point operations per second of a large float32 matrix product, the best of a few."""
    first, second = (torch.randn(size, size, device=device) for _ in range(2))
    best, until = 0.0, time.perf_counter() + seconds_long
    while time.perf_counter() < until:
        began = time.perf_counter()
        first @ second
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def main() -> None:
    """Time the three loops and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="steps of each loop per round")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--count", type=int, default=20_000, help="images")
    parser.add_argument("--device", default=str(pick_device()))
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--mixed-precision", action="store_true", help="ours in bfloat16")
    parser.add_argument("--compile", action="store_true", help="ours under torch.compile, too")
    parser.add_argument("--out", type=Path, help="also write the figures to this .json")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    images, _ = load_images("street_digits", "train", options.count)

    def trainer() -> Trainer:
        return our_trainer(
            images, options.batch_size, device, mixed_precision=options.mixed_precision
        )

    loops = {
        "(a) plain course loop": course_loop(images, options.batch_size, device),
        "(b) plain tutorial loop": tutorial_loop(images, options.batch_size, device),
        "(c) ours": our_loop(trainer()),
    }
    operations = {}
    for name, loop in loops.items():
        with FlopCounterMode(display=False) as counter:
            next(loop)
        operations[name] = counter.get_total_flops()
    if options.compile:
        compiled = trainer()
        compiled.generator.compile()
        compiled.discriminator.compile()
        loops["(c) ours, compiled"] = our_loop(compiled)
        operations["(c) ours, compiled"] = operations["(c) ours"]
    times: dict[str, list[float]] = {name: [] for name in loops}
    peaks = []
    for loop in loops.values():
        seconds(loop, 3, device)  # warm up
    for _ in range(options.rounds):
        for name, loop in loops.items():
            times[name].append(seconds(loop, options.steps, device))
        peaks.append(multiply_speed(device, 1536 if device.type == "cpu" else 8192))
    ours = statistics.median(times["(c) ours"])
    print(f"PyTorch {torch.__version__}, {device}, {torch.get_num_threads()} threads, ", end="")
    print(f"batch {options.batch_size}, {options.rounds} rounds of {options.steps} steps")
    table = {}
    for name, values in times.items():
        median = statistics.median(values)
        # The ratio of each round, since what else the machine does changes from round to round.
        ratio = statistics.median(
            value / our for value, our in zip(values, times["(c) ours"], strict=True)
        )
        table[name] = {
            "images_per_second": options.batch_size / median,
            "ours_is_times": ratio,
            "operations_per_step": operations[name],
        }
        print(
            f"{name:25} {options.batch_size / median:8,.0f} images/s  {1000 * median:7.1f} ms "
            f"a step ({1000 * min(values):.1f} to {1000 * max(values):.1f})  "
            f"{operations[name] / 1e9:.2f} billion operations  ours is {ratio:.2f} times as fast"
        )
    peak, speed = statistics.median(peaks), operations["(c) ours"] / ours
    print(
        f"ours: {speed / 1e9:,.0f} billion operations a second; "
        f"matrix product {peak / 1e9:,.0f}: {speed / peak:.0%}"
    )
    if options.out:
        facts = {
            "device": str(device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "matrix_product_per_second": peak,
            "loops": table,
        }
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()

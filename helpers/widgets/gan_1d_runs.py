"""The bundled runs of the 1-D GAN player. They were trained and stored by::

    python -m helpers.widgets.gan_1d_runs

which takes half a minute on one CPU core. GAN training amplifies the smallest differences: on
another processor the runs come out differently, and what their notes say may not hold there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.widgets.gan_1d_view import RUNS, pack


@dataclass(frozen=True)
class Preset:
    """A run to show: the settings of ``helpers.pytorch.gan_1d.train``, and what there is to see."""

    note: str
    modes: tuple[float, ...]
    deviation: float
    settings: dict[str, Any]


PRESETS = {
    "circling": Preset(
        "One mode, Adam, no regularisation. The fakes come to the data, are pushed past them, come "
        "back and are pushed past them again, while both losses stay near their dotted lines.",
        modes=(1.5,),
        deviation=0.6,
        settings={"steps": 500, "every": 5},
    ),
    "collapse": Preset(
        "Two modes, Adam with momentum 0.9, no regularisation. All fakes go to one mode; when the "
        "discriminator has learned that, they move to the other one together.",
        modes=(-1.5, 1.5),
        deviation=0.5,
        settings={"steps": 800, "every": 8, "hidden": 8, "momentum": 0.9, "seed": 2},
    ),
    "settling": Preset(
        "The same data and the same networks at the start, with R1 and plain gradient descent "
        "whose learning rate falls. The fakes divide between the modes and stay there; a "
        "continuous generator leaves a bridge between the two.",
        modes=(-1.5, 1.5),
        deviation=0.5,
        settings={
            "steps": 1400, "every": 14, "hidden": 8, "batch_size": 256, "seed": 2,
            "optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1, "r1": 0.5, "decay": True,
        },
    ),
}  # fmt: skip


def main() -> None:
    """Train all runs and store them."""
    from helpers.pytorch.gan_1d import Mixture, train

    parser = argparse.ArgumentParser(
        prog="python -m helpers.widgets.gan_1d_runs", description=main.__doc__
    )
    parser.add_argument("--out", type=Path, default=RUNS)
    options = parser.parse_args()
    runs = {}
    for name, preset in PRESETS.items():
        mixture = Mixture(preset.modes, (preset.deviation,) * len(preset.modes))
        runs[name] = pack(train(mixture, samples=30, **preset.settings), preset.note)
        print(f"{name}: Jensen-Shannon divergence {runs[name]['divergence'][-1]} at the end")
    stored = {"made_by": "python -m helpers.widgets.gan_1d_runs", "runs": runs}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(stored, ensure_ascii=False) + "\n", "utf-8")
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

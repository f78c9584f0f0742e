"""Pictures for the README, taken in a real JupyterLab.

Run from the root::

    python -m tests.screenshots

writes the pictures of widgets and checks to ``data/images/`` (light theme), and a grid of what the
bundled generator makes. Needs what the browser tests need; ``python -m tests.screenshots FOLDER``
writes there instead.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from helpers.pytorch.pretrained import load_generator
from helpers.pytorch.training import sample_images
from helpers.runs import save_grid
from tests import browser

# Same shape in both frameworks, other numbers: what no other calculator says.
_CALCULATOR = """from helpers.widgets.conv_shapes import ConvShapeCalculator
calculator = ConvShapeCalculator(size=14, kernel_size=3, stride=2, padding=1)
calculator.one_layer.row.value, calculator.one_layer.column.value = 2, 4
calculator"""

_DIAGNOSIS = """def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    return math.ceil((size + 2 * padding - span) / stride) + 1


conv_output_size = check.conv_output_size(conv_output_size)"""
_PLAYER = """from helpers.widgets.gan_1d import Gan1dPlayer
Gan1dPlayer()"""
_IMPORTS = "import math\nfrom helpers.checks import conv_shapes as check"


def take(folder: Path) -> list[Path]:
    """Save the pictures in ``folder``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser.lab() as lab:
        notebook = lab.notebook([_IMPORTS, _DIAGNOSIS], name="diagnosis.ipynb", width=900)
        notebook.page.locator(".jp-OutputArea-output [role=status]").wait_for()
        notebook.page.wait_for_timeout(500)
        diagnosis = notebook.screenshot(folder / "diagnosis.png", ".jp-Cell:has([role=status])")
        notebook = lab.notebook([_CALCULATOR], width=1120, height=1500)
        notebook.page.locator(".convshape").wait_for()
        notebook.page.wait_for_timeout(500)  # the tab bar settles after the drawing
        calculator = notebook.screenshot(
            folder / "conv_shape_calculator.png", ".jp-OutputArea-output .widget-tab"
        )
        notebook = lab.notebook([_PLAYER], width=1000, height=1100)
        player = notebook.page.locator(".gan-1d[data-ready]")
        player.wait_for()
        for _ in range(30):
            player.get_by_role("button", name="Next", exact=True).click()
        player_picture = notebook.screenshot(folder / "gan_1d_player.png", ".gan-1d[data-ready]")
    return [calculator, diagnosis, player_picture, draw_samples(folder)]


def draw_samples(folder: Path) -> Path:
    """Save 48 images that the bundled generator makes, twice as large as they are."""
    z = torch.randn(48, 100, generator=torch.Generator().manual_seed(3))
    images = sample_images(load_generator(), z).numpy()
    path = folder / "samples.png"
    save_grid(path, images.repeat(2, 2).repeat(2, 3), columns=16)
    return path


def main() -> None:
    """Take the pictures, or say why not."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.screenshots", description=__doc__.splitlines()[0]
    )
    images = browser.ROOT / "data" / "images"
    parser.add_argument("folder", nargs="?", type=Path, default=images, help="where to write")
    given = parser.parse_args()
    reason = browser.missing()
    if reason:
        sys.exit(f"No picture: {reason}.")
    for path in take(given.folder):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

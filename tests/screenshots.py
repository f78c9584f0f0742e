"""Pictures of the widgets for the README, taken in a real JupyterLab.

Run from the root::

    python -m tests.screenshots

writes ``data/images/conv_shape_calculator.png`` (light theme, cropped to the widget). Needs what
the browser tests need; ``python -m tests.screenshots FOLDER`` writes there instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests import browser

# Same shape in both frameworks, other numbers: what no other calculator says.
_CALCULATOR = """from helpers.widgets.conv_shapes import ConvShapeCalculator
calculator = ConvShapeCalculator(size=14, kernel_size=3, stride=2, padding=1)
calculator.one_layer.row.value, calculator.one_layer.column.value = 2, 4
calculator"""


def take(folder: Path) -> Path:
    """Save the calculator's picture in ``folder``; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser.lab() as lab:
        notebook = lab.notebook([_CALCULATOR], width=1120, height=1500)
        notebook.page.locator(".convshape").wait_for()
        notebook.page.wait_for_timeout(500)  # the tab bar settles after the drawing
        return notebook.screenshot(
            folder / "conv_shape_calculator.png", ".jp-OutputArea-output .widget-tab"
        )


def main() -> None:
    """Take the picture, or say why not."""
    reason = browser.missing()
    if reason:
        sys.exit(f"No picture: {reason}.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else browser.ROOT / "data" / "images"
    path = take(folder)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

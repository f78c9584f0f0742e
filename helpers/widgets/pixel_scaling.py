"""The pixel-scaling explorer: choose a range, see what a generator can reach and what comes back.

Two lines in an empty notebook show it::

    from helpers.widgets.pixel_scaling import PixelScalingExplorer
    PixelScalingExplorer()

ipywidgets core only: controls, and ``HTML`` for text and drawings. What it says and draws comes
from the pure functions in ``pixel_scaling_view``.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np

from helpers.pixel_scaling import ACTIVATION_RANGES
from helpers.widgets import pixel_scaling_view as view
from helpers.widgets.parts import page, verdict_box

_LABEL = {"description_width": "130px"}
_BACK = {"the range above": None, "[−1, 1]": (-1.0, 1.0), "[0, 1]": (0.0, 1.0)}


class PixelScalingExplorer(widgets.VBox):
    """One image there and back: scaled to a range, through a last layer, to bytes again.

    images : uint8 (N, 3, H, W) to choose from; eight street digits if None.
    feature_range : where black and white go at the start.
    activation : the generator's last layer at the start: "sigmoid", "tanh", "relu" or "linear".

    ``trip`` holds the numbers behind what is shown.
    """

    def __init__(
        self,
        images: np.ndarray | None = None,
        feature_range: tuple[float, float] = (-1.0, 1.0),
        activation: str = "tanh",
    ) -> None:
        if images is None:
            from helpers.data import load_images

            images, _ = load_images("street_digits", "test", 8)
        self._images = np.asarray(images)
        contrast = self._images.std(axis=(1, 2, 3))
        self.image = widgets.IntSlider(
            value=int(contrast.argmax()) + 1, min=1, max=len(self._images), description="Image",
            style=_LABEL,
        )  # fmt: skip
        self.low = self._end("Black (0) goes to", feature_range[0])
        self.high = self._end("White (255) goes to", feature_range[1])
        self.activation = widgets.Dropdown(
            options=list(ACTIVATION_RANGES), value=activation, description="Last layer",
            style=_LABEL,
        )  # fmt: skip
        self.back_from = widgets.Dropdown(
            options=list(_BACK), description="Way back expects", style=_LABEL
        )
        self.wraps = widgets.Dropdown(
            options=[("are clamped", False), ("wrap round", True)],
            description="Bytes off the scale",
            style=_LABEL,
        )
        self.result = widgets.HTML()
        self.histogram = widgets.HTML()
        self.pictures = widgets.HTML()
        self._controls = [
            self.low, self.high, self.activation, self.back_from, self.wraps, self.image,
        ]  # fmt: skip
        for control in self._controls:
            control.layout.width, control.layout.flex = "auto", "1 1 300px"
            control.layout.max_width = "430px"
            control.observe(self._on_change, "value")
        super().__init__(
            [
                widgets.Box(
                    self._controls, layout=widgets.Layout(flex_flow="row wrap", width="100%")
                ),
                self.result,
                self.histogram,
                self.pictures,
            ]
        )
        self._on_change(None)

    @staticmethod
    def _end(name: str, value: float) -> widgets.FloatSlider:
        return widgets.FloatSlider(
            value=value, min=view.AXIS[0], max=view.AXIS[1], step=0.1, readout_format=".1f",
            description=name, style=_LABEL,
        )  # fmt: skip

    @property
    def feature_range(self) -> tuple[float, float]:
        """Where black and white go."""
        return round(self.low.value, 6), round(self.high.value, 6)

    def __repr__(self) -> str:
        low, high = map(view.number, self.feature_range)
        return (
            f"Pixel-scaling explorer: {low} to {high}, {self.activation.value}. Run this cell to "
            "move the sliders."
        )

    def _on_change(self, change: Any) -> None:
        try:
            self._refresh()
        except Exception as error:  # in a callback it would vanish into a log
            self._say(False, [f"The explorer itself failed: {type(error).__name__}: {error}"])

    def _refresh(self) -> None:
        low, high = self.feature_range
        if not low < high:
            self._say(
                False,
                [
                    f"Black at {view.number(low)} and white at {view.number(high)} is no range: "
                    "move white above black."
                ],
            )
            return
        name, wraps = self.activation.value, self.wraps.value
        image = self._images[self.image.value - 1]
        self.trip = view.travel(image, (low, high), name, _BACK[self.back_from.value], wraps)
        self._say(*view.verdict(self.trip, name, wraps))
        self.histogram.value = page(view.histogram_svg(self.trip.scaled, name))
        best = view.nearest_bytes(self.trip.reached, (low, high))
        self.pictures.value = page(
            view.picture_html(image, "In", "the bytes that went in")
            + view.picture_html(best, "Generator’s best", f"the nearest that {name} can put out")
            + view.picture_html(self.trip.back, "Back", "the bytes that come out")
        )

    def _say(self, good: bool, lines: list[str]) -> None:
        self.result.value = page(verdict_box(good, lines, min_height=60))

"""The kernel-density explorer.

Two lines in an empty notebook show it::

    from helpers.widgets.parametric_models import KdeExplorer
    KdeExplorer()

ipywidgets core only: sliders, a button, and ``HTML`` for text and drawings. What it says and draws
comes from ``parametric_models_view``.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from helpers import parametric_models as reference
from helpers.widgets import parametric_models_view as view
from helpers.widgets.parts import page


class KdeExplorer(widgets.VBox):
    """A kernel density estimate of N handwritten digits, live.

    Two sliders, the number of images and the bandwidth, show samples beside their nearest training
    images, how many numbers the estimate keeps, and its leave-one-out log-likelihood.

    images : ndarray of shape (n, pixels) with values from 0 to 1, square images; scikit-learn's
        handwritten digits unless given.
    """

    def __init__(self, images: np.ndarray | None = None) -> None:
        if images is None:
            from sklearn.datasets import load_digits

            images = load_digits().data / 16
        self._kde = view.Kde(images)
        self._seed = 0
        style, layout = {"description_width": "90px"}, widgets.Layout(width="min(440px, 98%)")
        self.count = widgets.SelectionSlider(
            options=[(f"{count:,}", count) for count in self._kde.counts],
            value=self._kde.counts[-1],
            description="Images N",
            style=style,
            layout=layout,
        )
        self.bandwidth = widgets.SelectionSlider(
            options=[(f"{bandwidth:g}", bandwidth) for bandwidth in self._kde.bandwidths],
            value=0.13,
            description="Bandwidth",
            style=style,
            layout=layout,
        )
        self.again = widgets.Button(
            description="Draw other samples",
            layout=widgets.Layout(width="170px", margin="2px 2px 2px 94px"),
        )
        self.numbers, self.curve, self.samples = (widgets.HTML() for _ in range(3))
        self.numbers.layout.flex, self.numbers.layout.min_width = "1 1 300px", "280px"
        self.curve.layout.flex, self.curve.layout.max_width = "1 1 320px", "440px"
        for slider in (self.count, self.bandwidth):
            slider.observe(self._update, "value")
        self.again.on_click(self._draw_again)
        below = widgets.Box(
            [self.numbers, self.curve], layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        super().__init__([self.count, self.bandwidth, self.again, self.samples, below])
        self._update()

    def __repr__(self) -> str:
        return (
            f"KDE explorer: {self.count.value} images, bandwidth {self.bandwidth.value:g}. "
            "Run this cell to move the sliders."
        )

    def _draw_again(self, _: Any) -> None:
        self._seed += 1
        self._update()

    def _update(self, _: Any = None) -> None:
        # An exception in a callback would vanish into a log.
        try:
            self._show(self.count.value, self.bandwidth.value)
        except Exception as error:
            self.samples.value = self.curve.value = ""
            self.numbers.value = page(
                f'<div role="alert">✗ The explorer itself failed: {type(error).__name__}: '
                f"{escape(str(error))}</div>"
            )

    def _show(self, count: int, bandwidth: float) -> None:
        numbers = self._kde.numbers(count, bandwidth)
        drawn = self._kde.draw(count, bandwidth, self._seed)
        dim = self._kde.x.shape[1]
        self.samples.value = page(
            f"<div>{view.SHOWN} samples</div>",
            view.image_strip(drawn.samples, f"{view.SHOWN} samples of the estimate"),
            '<div style="margin-top:6px">The nearest training image of each</div>',
            view.image_strip(drawn.nearest, "The nearest training image of each sample"),
        )
        gaussian = reference.gaussian_parameter_count(dim)
        rows = [
            ("Stored numbers", f"{count:,}·{dim} + 1 = <strong>{numbers.stored:,}</strong>"),
            ("A Gaussian stores", f"{gaussian:,}, whatever N is"),
            (
                "Leave-one-out log-likelihood",
                f"<strong>{view.signed(numbers.log_likelihood)}</strong> nats per image",
            ),
            (
                f"The highest for N = {count:,}",
                f"{view.signed(numbers.best_log_likelihood)} at bandwidth "
                f"{numbers.best_bandwidth:g}",
            ),
            (
                "Samples to their nearest image",
                f"{drawn.distances.mean():.2f} apart on average; real images to the nearest other "
                f"one: {numbers.real_distance:.2f}",
            ),
        ]
        table = "".join(
            '<tr><th scope="row" style="text-align:left;font-weight:400;opacity:.85;'
            f'padding:2px 12px 2px 0;vertical-align:top">{name}</th>'
            f'<td style="padding:2px 0">{value}</td></tr>'
            for name, value in rows
        )
        self.numbers.value = page(
            f'<table style="border-collapse:collapse">{table}</table>',
            f'<div role="status" style="margin-top:6px">{view.verdict(numbers, bandwidth)}</div>',
        )
        self.curve.value = page(
            "<div>Leave-one-out log-likelihood, the marker at this bandwidth</div>",
            view.draw_curve(
                self._kde.bandwidths,
                self._kde.curve(count),
                self._kde.bandwidths.index(bandwidth),
            ),
        )

"""Two explorers of batch normalisation.

Two lines in an empty notebook show one::

    from helpers.widgets.batch_norm import ActivationExplorer
    ActivationExplorer()

``ActivationExplorer`` shows what becomes of activations and gradients in a deep network before any
training, with and without batch normalisation; ``BatchSizeExplorer`` how much the statistics of a
batch, and so its normalised images, depend on its size. ipywidgets core only: controls, and
``HTML`` for text and drawings. What they say and draw comes from ``batch_norm_view``.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from helpers.widgets import batch_norm_view as view
from helpers.widgets.parts import BLUE, ORANGE, number, page, verdict_box

_LABEL = {"description_width": "130px"}
_DEVIATIONS = (
    0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.125, 0.15, 0.177, 0.2, 0.25,
    0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0,
)  # fmt: skip
# 64·64·64 multiplications are few enough for BLAS not to start threads, whose waiting for each
# other on a busy computer takes ten times as long as the work.
_BATCH = 64


class _Explorer(widgets.VBox):
    """Controls in a row that wraps; whatever fails on a change is shown, not lost in a log."""

    def __init__(self, controls: list, shown: list) -> None:
        for control in controls:
            control.layout.width, control.layout.flex = "auto", "1 1 360px"
            control.layout.max_width = "430px"
            control.observe(self._update, "value")
        self.again.layout = widgets.Layout(width="180px", margin="2px 2px 2px 134px")
        self.again.on_click(self._draw_again)
        self._seed = 0
        row = widgets.Layout(flex_flow="row wrap", width="100%")
        super().__init__([widgets.Box([*controls, self.again], layout=row), *shown])
        self._update()

    def _draw_again(self, _: Any) -> None:
        self._seed += 1
        self._update()

    def _update(self, _: Any = None) -> None:
        try:
            self._show()
        except Exception as error:
            for html in self._shown:
                html.value = ""
            self._shown[0].value = page(
                f'<div role="alert">✗ The explorer itself failed: {type(error).__name__}: '
                f"{escape(str(error))}</div>"
            )


class ActivationExplorer(_Explorer):
    """Activations and gradients per layer of a deep network, with and without batch normalisation.

    A fully connected network of 64 units per layer sees 64 handwritten digits once, forwards and
    back, with fresh weights. Controls: its depth, the standard deviation of its initial weights,
    its activation function; the button draws other weights.

    ``without`` and ``with_bn`` hold the numbers behind what is shown, a LayerSummary per layer.
    """

    def __init__(self) -> None:
        data, target = _digits()
        deviation = data.std(axis=0)
        chosen = np.random.default_rng(0).permutation(len(data))[:_BATCH]
        standardised = (data - data.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
        self._x, self._labels = standardised[chosen], target[chosen]
        self.depth = widgets.IntSlider(
            value=8, min=1, max=20, description="Hidden layers", style=_LABEL
        )
        self.deviation = widgets.SelectionSlider(
            options=[(f"{value:g}", value) for value in _DEVIATIONS],
            value=0.05, description="Weights’ deviation", style=_LABEL,
        )  # fmt: skip
        self.activation = widgets.Dropdown(
            options=list(view.ACTIVATIONS), value="sigmoid", description="Activation", style=_LABEL
        )
        self.again = widgets.Button(description="Draw other weights")
        self.left, self.right, self.gradients = self._shown = [widgets.HTML() for _ in range(3)]
        for column in (self.left, self.right):
            column.layout.flex, column.layout.min_width = "1 1 400px", "300px"
            column.layout.max_width = "620px"
            column.layout.margin = "0 16px 0 0"
        columns = widgets.Box(
            [self.left, self.right], layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        super().__init__([self.depth, self.deviation, self.activation], [columns, self.gradients])

    def __repr__(self) -> str:
        return (
            f"Activation explorer: {self.depth.value} layers, {self.activation.value}, weights of "
            f"deviation {self.deviation.value:g}. Run this cell to move the sliders."
        )

    def _show(self) -> None:
        name = self.activation.value
        weights = view.make_weights(self.depth.value, self.deviation.value, self._seed)
        columns, summaries = [], []
        for batch_norm, colour in ((False, ORANGE), (True, BLUE)):
            result = view.propagate(self._x, self._labels, weights, name, batch_norm)
            summaries.append(view.summarise(result, name))
            columns.append(
                page(
                    '<div style="font-weight:600">'
                    f"{'With' if batch_norm else 'Without'} batch normalisation</div>",
                    verdict_box(*view.activation_verdict(summaries[-1], name, batch_norm), 96),
                    view.layer_table(result, summaries[-1], name, colour),
                )
            )
        self.without, self.with_bn = summaries
        self.left.value, self.right.value = columns
        self.gradients.value = page(
            '<div style="display:flex;flex-wrap:wrap;gap:4px 24px;margin-top:6px">',
            '<div style="flex:1 1 380px;max-width:480px"><div style="font-weight:600">Gradient '
            "arriving at each layer, the last layer’s being 1</div>",
            view.gradient_svg(self.without, self.with_bn),
            '</div><div style="flex:1 1 260px;max-width:460px;opacity:.85">',
            f"<p>Between images: a unit’s deviation over the {_BATCH} digits, root mean square "
            f"over the layer’s {view.UNITS} units. A wide histogram may belong to a dead layer: "
            "then its units differ from each other, but not from image to image.</p><p>Gradient: "
            "the loss’s derivatives with respect to the layer’s activations, root mean square.</p>"
            f"<p>With {view.UNITS} inputs, weights of deviation 1/√{view.UNITS} = 0.125 keep the "
            f"variance from layer to layer where the activation is linear, √(2/{view.UNITS}) = "
            "0.177 with ReLU.</p><p>Each layer’s bars have a scale of their own. A bar that would "
            "flatten all others is cut off.</p></div></div>",
        )


class BatchSizeExplorer(_Explorer):
    """How the statistics of a batch, and an image normalised by them, depend on the batch size.

    1,000 batches of handwritten digits are drawn with replacement; shown are the means and
    variances of one feature, measured and by theory, and what one image becomes in those batches.
    """

    def __init__(self) -> None:
        self._data, self._labels = _digits()
        self._features = _features(self._data)
        self.size = widgets.SelectionSlider(
            options=[(str(2**power), 2**power) for power in range(9)],
            value=8, description="Batch size", style=_LABEL,
        )  # fmt: skip
        self.feature = widgets.Dropdown(
            options=list(self._features), description="Feature", style=_LABEL
        )
        self.image = widgets.IntSlider(value=1, min=1, max=10, description="Image", style=_LABEL)
        self.again = widgets.Button(description="Draw other batches")
        self.result, self.histograms, self.numbers = self._shown = [
            widgets.HTML() for _ in range(3)
        ]
        super().__init__([self.size, self.feature, self.image], self._shown)

    def __repr__(self) -> str:
        return (
            f"Batch-size explorer: batches of {self.size.value}, {self.feature.value}. Run this "
            "cell to move the sliders."
        )

    def _show(self) -> None:
        n, place = self.size.value, self.image.value - 1
        values, pixel = self._features[self.feature.value]
        rng = np.random.default_rng(self._seed)
        batches, expected = view.draw_batches(values, place, n, rng), view.theory(values, n)
        deviation = expected.variance**0.5
        by_all = float((values[place] - expected.mean) / np.sqrt(expected.variance + view.EPS))
        self.result.value = page(verdict_box(*view.batch_verdict(batches, n, by_all)))
        ends = expected.mean - 3 * deviation, expected.mean + 3 * deviation
        if pixel is not None:
            ends = 0.0, 16.0
        panels = (
            (batches.means, ends, expected.mean, "batch means", "mean of all"),
            (
                batches.variances, (0.0, 4 * expected.variance), expected.variance,
                "batch variances", "variance of all",
            ),
            (batches.normalised, (-4.0, 4.0), by_all, "image after normalising", "by all images"),
        )  # fmt: skip
        self.histograms.value = page(
            '<div style="display:flex;flex-wrap:wrap;gap:4px 16px">',
            *(view.batch_histogram(*panel) for panel in panels),
            "</div>",
        )
        rows = [
            ("Deviation of the means", f"s/√{n}", expected.mean_deviation, batches.means.std()),
            (
                "Average of the variances", f"s²·{n - 1}/{n}", expected.variance_mean,
                batches.variances.mean(),
            ),
            (
                "Deviation of the variances", "", expected.variance_deviation,
                batches.variances.std(),
            ),
        ]  # fmt: skip
        self.numbers.value = page(
            '<div style="display:flex;flex-wrap:wrap;gap:8px 24px;align-items:flex-start">',
            view.digit_svg(
                self._data[place].reshape(8, 8),
                f"The image, a handwritten {self._labels[place]}, its feature is "
                f"{number(values[place])}",
                pixel,
            ),
            view.statistics_table(rows),
            "</div>",
            '<div style="opacity:.85;margin-top:4px">'
            f"The feature of this image is {number(values[place])}; of all {len(values):,} images "
            f"its mean is {number(expected.mean)} and its deviation s = {number(deviation)}. "
            f"{view.BATCHES:,} batches; values beyond an axis are counted at its end. On average "
            "a batch’s variance is too small by the factor (n − 1)/n, which is why PyTorch’s "
            "running variance divides by n − 1.</div>",
        )


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's handwritten digits: (1797, 64) with values from 0 to 16, and their classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.data, digits.target


def _features(data: np.ndarray) -> dict[str, tuple[np.ndarray, tuple[int, int] | None]]:
    """Each feature's name, its value for every image, and the pixel (row, column) that it is."""
    weights = np.random.default_rng(0).standard_normal(data.shape[1])
    return {
        "a pixel in the middle": (data[:, 8 * 3 + 4], (3, 4)),
        "a pixel at the edge, mostly 0": (data[:, 6], (0, 6)),
        "a hidden unit, a weighted sum of all pixels": (data / 16 @ weights, None),
    }

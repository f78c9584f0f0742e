"""What the two batch-normalisation explorers compute, say and draw.

numpy only, so that a moved slider is answered at once. The first half is about activations and
gradients in a deep network before training, the second about the statistics of small batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from helpers.widgets.parts import BLUE, ORANGE, line, number, percent, short, text, times

EPS = 1e-5  # PyTorch's default
UNITS = 64

# ---- A deep network, one pass forward and one back --------------------------------------------


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(z / 2)  # does not overflow


# The function, and its slope computed from its output.
ACTIVATIONS = {
    "sigmoid": (_sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "ReLU": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(float)),
}
# What the histograms show; activations beyond are counted at the edge.
AXES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "ReLU": (0.0, 4.0)}


@dataclass(frozen=True)
class Pass:
    """One batch through a network and back.

    activations : of each hidden layer, (N, units). gradients : of the loss with respect to them.
    variances : of what enters each activation function, per unit, over the batch.
    loss : cross-entropy, the mean over the batch.
    """

    activations: list[np.ndarray]
    gradients: list[np.ndarray]
    variances: list[np.ndarray]
    loss: float


def propagate(
    x: np.ndarray,
    labels: np.ndarray,
    weights: Sequence[np.ndarray],
    activation: str,
    batch_norm: bool,
) -> Pass:
    """Forward and backward through hidden layers without biases and a linear last layer.

    x : (N, features). labels : (N,) integers. weights : one (fan in, fan out) matrix per hidden
    layer, then that of the last layer. batch_norm : normalise what enters each activation
    function by the batch's mean and biased variance, with gamma 1 and beta 0.
    """
    function, slope = ACTIVATIONS[activation]
    hidden, activations, normalised, variances = x, [], [], []
    for matrix in weights[:-1]:
        z = hidden @ matrix
        variances.append(z.var(axis=0))
        if batch_norm:
            z = (z - z.mean(axis=0)) / np.sqrt(variances[-1] + EPS)
        normalised.append(z)
        hidden = function(z)
        activations.append(hidden)

    logits = hidden @ weights[-1]
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    rows = np.arange(len(x))
    error = np.exp(log_p)
    error[rows, labels] -= 1
    gradient = error / len(x) @ weights[-1].T

    gradients = []
    for layer in reversed(range(len(activations))):
        gradients.insert(0, gradient)
        d = gradient * slope(activations[layer])
        if batch_norm:
            # The batch's mean and variance depend on every image, so each image's gradient loses
            # what all share and what is proportional to its normalised value.
            x_hat = normalised[layer]
            d = d - d.mean(axis=0) - x_hat * (d * x_hat).mean(axis=0)
            d = d / np.sqrt(variances[layer] + EPS)
        gradient = d @ weights[layer].T
    return Pass(activations, gradients, variances, float(-log_p[rows, labels].mean()))


def make_weights(depth: int, deviation: float, seed: int, features: int = UNITS) -> list:
    """Normal weights of the given deviation for ``depth`` hidden layers, then a last layer.

    The last layer, to 10 classes, keeps the deviation 1/sqrt(64) so that only the hidden layers'
    varies. Equal seeds give the same layers whatever the depth.
    """
    rng = np.random.default_rng(seed)
    last = rng.standard_normal((UNITS, 10)) / np.sqrt(UNITS)
    sizes = [features] + [UNITS] * (depth - 1)
    return [rng.standard_normal((size, UNITS)) * deviation for size in sizes] + [last]


@dataclass(frozen=True)
class LayerSummary:
    """One hidden layer in numbers.

    mean, deviation : of all its activations.
    signal : how much one unit's activation differs between images: its deviation over the batch,
        root mean square over the units.
    flat : share of the activations where the activation function's slope is less than a tenth of
        its largest.
    gradient : root mean square of the loss's gradient with respect to the activations.
    variance : of what enters the activation function over the batch, mean over the units.
    """

    mean: float
    deviation: float
    signal: float
    flat: float
    gradient: float
    variance: float


def summarise(result: Pass, activation: str) -> list[LayerSummary]:
    """Each hidden layer in numbers, the first first."""
    slope = ACTIVATIONS[activation][1]
    steepest = 0.25 if activation == "sigmoid" else 1.0
    return [
        LayerSummary(
            float(a.mean()),
            float(a.std()),
            float(np.sqrt(a.var(axis=0).mean())),
            float((slope(a) < steepest / 10).mean()),
            float(np.sqrt((gradient**2).mean())),
            float(variance.mean()),
        )
        for a, gradient, variance in zip(
            result.activations, result.gradients, result.variances, strict=True
        )
    ]


def relative_gradients(layers: Sequence[LayerSummary]) -> list[float]:
    """Each layer's gradient over the last layer's."""
    return [layer.gradient / layers[-1].gradient for layer in layers]


DIED = 0.01  # of a signal
GREW = 100.0
FAINT, LOUD = 0.01, 100.0  # first layer's gradient over the last's


def activation_verdict(
    layers: Sequence[LayerSummary], activation: str, batch_norm: bool
) -> tuple[bool, list[str]]:
    """Whether images and gradients get through these layers, and what becomes of them."""
    lines, good, last, depth = [], True, layers[-1], len(layers)
    if last.signal < DIED:
        good = False
        lines.append(
            f"{_from_end([layer.signal < DIED for layer in layers])} a unit’s activation differs "
            f"by less than {DIED} between images: the signal has died."
        )
        if batch_norm:
            lines.append(
                f"What enters layer {depth}’s {activation} has a variance of "
                f"{number(last.variance, 2)}, far below the ε = {number(EPS)} that batch "
                "normalisation adds to it under the root, and so is not scaled up."
            )
    elif last.deviation > GREW:
        good = False
        lines.append(
            f"The activations grow from layer to layer: their deviation in layer {depth} is "
            f"{number(last.deviation, 2)}."
        )
    elif activation != "ReLU" and last.flat > 0.5:
        good = False
        lines.append(
            f"{_from_end([layer.flat > 0.5 for layer in layers])} most activations are saturated, "
            f"{percent(last.flat)} in the last layer: the slope there is less than a tenth of its "
            "largest."
        )
    else:
        lines.append(
            f"The signal gets through: in layer {depth} a unit’s activation differs by "
            f"{number(last.signal, 2)} between images."
        )
    if depth > 1:
        ratio = relative_gradients(layers)[0]
        arrives = f"layer 1’s gradient is {times(ratio)} layer {depth}’s"
        if ratio < FAINT:
            good = False
            lines.append(f"On the way back it vanishes: {arrives}.")
        elif ratio > LOUD:
            good = False
            lines.append(f"On the way back it explodes: {arrives}.")
        else:
            lines.append(f"On the way back, {arrives}.")
    return good, lines


def _from_end(true: Sequence[bool]) -> str:
    """Where the run of True at the end begins, in words."""
    first = len(true)
    while first > 1 and true[first - 2]:
        first -= 1
    return f"In layer {first}" if first == len(true) else f"From layer {first} on"


_BAR_WIDTH, _BAR_HEIGHT, _BINS = 160, 24, 40


def layer_table(result: Pass, layers: Sequence[LayerSummary], activation: str, colour: str) -> str:
    """A row per layer: histogram, mean, deviation, signal, and gradient over the last layer's."""
    low, high = AXES[activation]
    cell = 'style="padding:0 0 0 10px;text-align:right;white-space:nowrap"'
    head = 'style="padding:0 0 2px 10px;text-align:right;font-weight:400;opacity:.85"'
    rows = []
    for place, (a, layer, share) in enumerate(
        zip(result.activations, layers, relative_gradients(layers), strict=True), 1
    ):
        label = f"Layer {place}: nine tenths of the activations lie between " + " and ".join(
            number(end, 2) for end in np.percentile(a, (5, 95))
        )
        rows.append(
            '<tr style="background:none">'
            f'<th scope="row" style="font-weight:400;text-align:right;padding:0 8px 0 0">{place}'
            f'</th><td style="padding:0">{_histogram_row(a, low, high, label, colour)}</td>'
            + "".join(
                f"<td {cell}>{number(value, 2)}</td>"
                for value in (layer.mean, layer.deviation, layer.signal, share)
            )
            + "</tr>"
        )
    last = f"≥ {short(high)}" if activation == "ReLU" else short(high)
    ends = zip(
        (0, _BAR_WIDTH / 2, _BAR_WIDTH),
        (short(low), short((low + high) / 2), last),
        ("start", "middle", "end"),
        strict=True,
    )
    axis = "".join(text(x, 13, name, anchor) for x, name, anchor in ends)
    return (
        '<table class="layer-table" style="border-collapse:collapse;margin:0;font-size:12px;'
        'line-height:1.2;font-variant-numeric:tabular-nums">'
        '<thead><tr style="background:none;vertical-align:bottom">'
        '<th scope="col" style="font-weight:400;opacity:.85;padding:0 8px 2px 0;text-align:right">'
        "layer</th>"
        '<th scope="col" style="font-weight:400;opacity:.85;padding:0 0 2px;text-align:left">'
        "activations</th>"
        f'<th scope="col" {head}>mean</th><th scope="col" {head}>deviation</th>'
        f'<th scope="col" {head}>between<br>images</th>'
        f'<th scope="col" {head}>gradient,<br>last = 1</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody>"
        '<tfoot><tr style="background:none"><td></td><td style="padding:0">'
        f'<svg aria-hidden="true" width="{_BAR_WIDTH}" height="16" style="display:block;'
        f'max-width:none">{axis}</svg></td></tr></tfoot></table>'
    )


def bar_shares(values: np.ndarray, low: float, high: float, bins: int) -> np.ndarray:
    """Share of the values in each of ``bins`` equal bins; those beyond count at the edges."""
    places = np.floor((values.ravel() - low) / (high - low) * bins).clip(0, bins - 1)
    return np.bincount(places.astype(int), minlength=bins) / values.size


def bar_heights(shares: np.ndarray) -> np.ndarray:
    """Heights up to 1; a spike that would flatten all other bars sticks out, but is cut off."""
    second, highest = np.sort(shares)[-2:]
    if highest <= 1.5 * second:
        return shares / highest
    return np.minimum(shares / max(second, highest / 12) * 2 / 3, 1)


def _bars(heights: np.ndarray, width: float, height: float) -> str:
    """The path of bars on the line y = height, as one outline."""
    step = width / len(heights)
    steps = "".join(
        f"V{height - max(share * height, 0.7):.1f}H{place * step:.1f}"
        if share
        else f"V{height}H{place * step:.1f}"
        for place, share in enumerate(heights.tolist(), 1)
    )
    return f"M0 {height}{steps}V{height}z"


def _histogram_row(values: np.ndarray, low: float, high: float, label: str, colour: str) -> str:
    heights = bar_heights(bar_shares(values, low, high, _BINS))
    return (
        f'<svg class="layer-histogram" role="img" aria-label="{escape(label)}" '
        f'width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" '
        'style="display:block;max-width:none">'
        f'<path d="{_bars(heights, _BAR_WIDTH, _BAR_HEIGHT - 4)}" transform="translate(0 3)" '
        f'fill="{colour}"/>'
        f'<path d="M0 {_BAR_HEIGHT - 0.5}h{_BAR_WIDTH}" stroke="currentColor" opacity=".45"/></svg>'
    )


def gradient_svg(without: Sequence[LayerSummary], with_bn: Sequence[LayerSummary]) -> str:
    """Both networks' gradients over the layers, relative to the last layer's, on a log axis."""
    width, height, left, right, top, floor = 460, 200, 58, 14, 26, 158
    depth = len(without)
    curves = [np.log10(relative_gradients(layers)) for layers in (without, with_bn)]
    low = min(-1, int(np.floor(min(map(min, curves)))))
    high = max(1, int(np.ceil(max(map(max, curves)))))
    tick = -(-(high - low) // 5)

    def across(layer: int) -> float:
        return left + (width - left - right) * ((layer - 0.5) / depth)

    def down(log: float) -> float:
        return top + (high - log) / (high - low) * (floor - top)

    parts = [
        f'<rect x="{left}" y="{top}" width="{width - left - right}" height="{floor - top}" '
        'fill="none" stroke="currentColor" opacity=".5"/>',
        line(left, down(0), width - right, down(0), dashed=True),
    ]
    for power in range(-(-low // tick) * tick, high + 1, tick):
        parts.append(line(left - 4, down(power), left, down(power)))
        parts.append(text(left - 7, down(power) + 4, short(10.0**power), "end"))
    for layer in range(1, depth + 1):
        parts.append(line(across(layer), floor, across(layer), floor + 4))
        if depth <= 12 or layer % 2:
            parts.append(text(across(layer), floor + 17, str(layer), "middle"))
    parts.append(text((left + width - right) / 2, height - 6, "layer", "middle"))
    names = ("without batch normalisation", "with")
    for place, (curve, colour) in enumerate(zip(curves, (ORANGE, BLUE), strict=True)):
        points = [(across(layer), down(log)) for layer, log in enumerate(curve, 1)]
        parts.append(
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
        x = left + (4, 206)[place]
        parts += [_mark(x, y, colour, place) for x, y in [*points, (x, 12)]]
        parts.append(text(x + 9, 16, names[place], "start"))
    label = (
        f"Gradient arriving at each layer relative to layer {depth}’s. At layer 1 without batch "
        f"normalisation {number(10 ** curves[0][0], 2)}, with it {number(10 ** curves[1][0], 2)}."
    )
    return (
        f'<svg class="gradient-curve" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width} {height}" style="width:100%;max-width:{width}px">'
        f"{''.join(parts)}</svg>"
    )


def _mark(x: float, y: float, colour: str, square: int) -> str:
    if square:
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


# ---- The statistics of small batches -----------------------------------------------------------

BATCHES = 1000


@dataclass(frozen=True)
class Batches:
    """Many batches of one size, drawn with replacement.

    means, variances : of each batch, the variance divided by n.
    normalised : what one image becomes in each batch when it takes the place of one of its images.
    """

    means: np.ndarray
    variances: np.ndarray
    normalised: np.ndarray


def draw_batches(
    values: np.ndarray, image: int, batch_size: int, rng: np.random.Generator
) -> Batches:
    """BATCHES batches of a feature: ``values`` has one for every image, ``image`` is a place."""
    drawn = values[rng.integers(len(values), size=(BATCHES, batch_size))]
    means, variances = drawn.mean(axis=1), drawn.var(axis=1)
    drawn[:, 0] = values[image]
    normalised = (values[image] - drawn.mean(axis=1)) / np.sqrt(drawn.var(axis=1) + EPS)
    return Batches(means, variances, normalised)


@dataclass(frozen=True)
class Theory:
    """What the statistics of a batch of n are, for a population of variance s² and kurtosis.

    mean, variance : the population's.
    mean_deviation : of a batch's mean, s/sqrt(n).
    variance_mean : of a batch's variance, (n − 1)/n·s².
    variance_deviation : of a batch's variance,
        sqrt(((n − 1)·m4 − (n − 3)·s⁴)·(n − 1)/n³), m4 the population's fourth central moment.
    """

    mean: float
    variance: float
    mean_deviation: float
    variance_mean: float
    variance_deviation: float


def theory(values: np.ndarray, batch_size: int) -> Theory:
    """Of batches of ``batch_size`` that are drawn from ``values`` with replacement."""
    n, mean, variance = batch_size, float(values.mean()), float(values.var())
    fourth = float(((values - mean) ** 4).mean())
    spread = ((n - 1) * fourth - (n - 3) * variance**2) * (n - 1) / n**3
    return Theory(
        mean, variance, (variance / n) ** 0.5, variance * (n - 1) / n, max(spread, 0.0) ** 0.5
    )


def batch_verdict(
    batches: Batches, batch_size: int, expected: float
) -> tuple[bool | None, list[str]]:
    """What a batch of this size makes of the image; ``expected`` by the population's statistics.

    False for sizes that leave nothing of the image, None for those that leave more or less.
    """
    by_all = number(expected, 2)
    in_eval = f"In evaluation, with the statistics of all images, it always becomes {by_all}."
    if batch_size == 1:
        return False, [
            "A single image is its own mean, and its variance is 0: it becomes 0/√ε = 0, and the "
            "layer puts out β whatever the image shows. PyTorch’s BatchNorm1d refuses such a "
            "batch.",
            in_eval,
        ]
    low, high = np.percentile(batches.normalised, (5, 95))
    if batch_size == 2:
        return False, [
            "Of two images the one with the higher value becomes 1 and the other −1 (0 if they "
            "are equal), however far apart they are.",
            in_eval,
        ]
    lines = [
        "In training, in nine of ten batches, the image becomes something between "
        f"{number(low, 2)} and {number(high, 2)}, depending on the images beside it.",
        in_eval,
    ]
    return None, lines


_PANEL_WIDTH, _PANEL_HEIGHT, _BASE, _SIDE, _PANEL_BINS = 320, 168, 118, 14, 64


def ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers from ``low`` to ``high``: multiples of 1, 2 or 5 times 10^k."""
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    step = max(times * power for times in (1, 2, 5) if times * power <= (high - low) / 4)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(place * step) for place in np.arange(first, last + 1)]


def batch_histogram(
    values: np.ndarray, axis: tuple[float, float], marker: float, name: str, marker_name: str
) -> str:
    """Histogram over ``axis``, values beyond counted at its edges, and a marked value."""
    low, high = axis
    inner = _PANEL_WIDTH - 2 * _SIDE
    heights = bar_heights(bar_shares(values, low, high, _PANEL_BINS))

    def across(value: float) -> float:
        return _SIDE + (min(max(value, low), high) - low) / (high - low) * inner

    at = across(marker)
    anchor = "start" if at < 90 else "end" if at > _PANEL_WIDTH - 90 else "middle"
    parts = [
        f'<g transform="translate({_SIDE} 32)"><path class="bars" '
        f'd="{_bars(heights, inner, _BASE - 32)}" fill="{BLUE}"/></g>',
        line(_SIDE, _BASE, _PANEL_WIDTH - _SIDE, _BASE),
        f'<path d="M{at:.1f} 24V{_BASE}" stroke="{ORANGE}" stroke-width="2.5" '
        'stroke-dasharray="5 3"/>',
        text(at, 17, f"{marker_name} {number(marker, 2)}", anchor),
        text(_PANEL_WIDTH / 2, _PANEL_HEIGHT - 10, name, "middle"),
    ]
    for tick in ticks(low, high):
        parts.append(line(across(tick), _BASE, across(tick), _BASE + 4))
        parts.append(text(across(tick), _BASE + 18, short(tick), "middle"))
    ends = " to ".join(number(end, 2) for end in np.percentile(values, (5, 95)))
    label = (
        f"Histogram of the {name} in {len(values)} batches: nine of ten from {ends}; "
        f"{marker_name} {number(marker, 2)}."
    )
    return (
        f'<svg class="batch-histogram" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_PANEL_WIDTH} {_PANEL_HEIGHT}" '
        f'style="flex:1 1 250px;min-width:240px;max-width:{_PANEL_WIDTH}px">{"".join(parts)}</svg>'
    )


def digit_svg(image: np.ndarray, name: str, marked: tuple[int, int] | None = None) -> str:
    """An 8×8 image with values from 0 to 16 in grey, one pixel (row, column) framed."""
    pixels = "".join(
        f'<rect x="{column * 10}" y="{row * 10}" width="10.2" height="10.2" '
        f'fill="rgb({level},{level},{level})"/>'
        for (row, column), value in np.ndenumerate(image)
        for level in [round(value / 16 * 255)]
    )
    frame = ""
    if marked is not None:
        row, column = marked
        frame = (
            f'<rect x="{column * 10 + 0.5}" y="{row * 10 + 0.5}" width="9" height="9" fill="none" '
            f'stroke="{ORANGE}" stroke-width="2.5"/>'
        )
    return (
        f'<svg class="digit" role="img" aria-label="{escape(name)}" viewBox="0 0 80 80" '
        f'width="96" height="96" style="display:block;border:1px solid currentColor">{pixels}'
        f"{frame}</svg>"
    )


def statistics_table(rows: Sequence[tuple[str, str, float, float]]) -> str:
    """A row per (name, formula, by theory, as measured)."""
    cell = 'style="padding:1px 0 1px 16px;text-align:right"'
    body = "".join(
        '<tr style="background:none"><th scope="row" style="font-weight:400;text-align:left;'
        f'padding:1px 0">{name}</th><td {cell}>{formula and formula + " = "}'
        f"{number(expected)}</td><td {cell}>{number(measured)}</td></tr>"
        for name, formula, expected, measured in rows
    )
    head = 'style="padding:1px 0 1px 16px;text-align:right;font-weight:400;opacity:.85"'
    return (
        '<table class="statistics" style="border-collapse:collapse;margin:0;'
        'font-variant-numeric:tabular-nums"><thead><tr style="background:none"><td></td>'
        f'<th scope="col" {head}>by theory</th><th scope="col" {head}>measured</th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )

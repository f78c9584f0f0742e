"""The explorers of batch normalisation without a browser: arithmetic, drawings, controls."""

import itertools
import re
import subprocess
import sys

import ipywidgets as widgets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.widgets import batch_norm as module
from helpers.widgets import batch_norm_view as view
from helpers.widgets import parts
from helpers.widgets.batch_norm import ActivationExplorer, BatchSizeExplorer

CASES = list(itertools.product(view.ACTIVATIONS, (False, True)))


def text(html):
    """What a reader sees of HTML or an HTML widget."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", getattr(html, "value", html)))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(5)
    return rng.standard_normal((12, 7)), rng.integers(10, size=12)


# ---- Forward and backward -----------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "batch_norm"), CASES)
def test_gradients_by_finite_differences(batch, activation, batch_norm):
    x, labels = batch
    first, *others = view.make_weights(4, 0.4, seed=1, features=7)
    whole = view.propagate(x, labels, [first, *others], activation, batch_norm)
    assert len(whole.activations) == len(whole.gradients) == 4
    # The first layer's activations are the input of the layers above it.
    hidden, rng = whole.activations[0], np.random.default_rng(2)
    for _ in range(5):
        direction = rng.standard_normal(hidden.shape) * 1e-6
        above, below = (
            view.propagate(hidden + sign * direction, labels, others, activation, batch_norm).loss
            for sign in (1, -1)
        )
        expected = (above - below) / 2
        assert (whole.gradients[0] * direction).sum() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("activation", "batch_norm"), CASES)
def test_everything_is_what_torch_computes(batch, activation, batch_norm):
    torch = pytest.importorskip("torch")
    x, labels = batch
    weights = view.make_weights(5, 0.3, seed=3, features=7)
    result = view.propagate(x, labels, weights, activation, batch_norm)
    function = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}[activation]
    hidden, kept = torch.from_numpy(x), []
    for matrix in weights[:-1]:
        hidden = hidden @ torch.from_numpy(matrix)
        if batch_norm:
            hidden = torch.nn.functional.batch_norm(hidden, None, None, training=True)
        hidden = function(hidden).requires_grad_()
        hidden.retain_grad()
        kept.append(hidden)
    logits = hidden @ torch.from_numpy(weights[-1])
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    assert result.loss == pytest.approx(loss.item(), rel=1e-9)
    for mine, gradient, theirs in zip(result.activations, result.gradients, kept, strict=True):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-6, atol=1e-12)


@given(st.integers(1, 20), st.sampled_from([0.001, 0.05, 3.0]), st.integers(0, 9))
def test_weights_have_their_deviation_and_do_not_depend_on_the_depth(depth, deviation, seed):
    weights = view.make_weights(depth, deviation, seed)
    assert [w.shape for w in weights] == [(64, 64)] * depth + [(64, 10)]
    assert np.std(weights[:-1]) == pytest.approx(deviation, rel=0.06)
    deepest = view.make_weights(20, deviation, seed)
    assert all(map(np.array_equal, weights[:-1], deepest))
    assert np.array_equal(weights[-1], deepest[-1])


@given(st.sampled_from(list(view.ACTIVATIONS)), st.floats(0.5, 50))
def test_with_batch_norm_the_scale_of_the_weights_hardly_matters(activation, scale):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((16, 9)), rng.integers(10, size=16)
    weights = view.make_weights(3, 1.0, seed=0, features=9)
    scaled = [scale * w for w in weights[:-1]] + weights[-1:]
    one, other = (view.propagate(x, labels, w, activation, True) for w in (weights, scaled))
    for a, b in zip(one.activations, other.activations, strict=True):
        np.testing.assert_allclose(a, b, atol=5e-3)


def test_summary_of_known_activations():
    a = np.array([[0.5, 0.99], [0.7, 0.99]])
    gradient = np.array([[3.0, 4.0], [0.0, 0.0]])
    result = view.Pass([a], [gradient], [np.array([1.0, 3.0])], 0.0)
    (layer,) = view.summarise(result, "sigmoid")
    assert layer.mean == pytest.approx(a.mean()) and layer.deviation == pytest.approx(a.std())
    # One unit has deviation 0.1 over the batch, the other 0.
    assert layer.signal == pytest.approx(0.1 / 2**0.5)
    assert layer.flat == 0.5  # 0.99 · 0.01 is less than a tenth of 1/4
    assert layer.gradient == 2.5 and layer.variance == 2.0
    (of_tanh,) = view.summarise(result, "tanh")
    assert of_tanh.flat == 0.5
    dead = view.Pass([np.array([[0.0, 2.0]])], [gradient], [np.zeros(2)], 0.0)
    assert view.summarise(dead, "ReLU")[0].flat == 0.5


def layer(signal=0.3, deviation=0.5, flat=0.1, gradient=1.0, variance=1.0):
    return view.LayerSummary(0.0, deviation, signal, flat, gradient, variance)


@pytest.mark.parametrize(
    ("layers", "activation", "batch_norm", "good", "said"),
    [
        ([layer(), layer(gradient=2)], "tanh", False, True,
         ["gets through: in layer 2", "layer 1’s gradient is 0.50 times layer 2’s."]),
        ([layer()], "tanh", True, True, ["gets through: in layer 1"]),
        ([layer(), layer(signal=0.002), layer(signal=0.001)], "sigmoid", False, False,
         ["From layer 2 on a unit’s activation differs by less than 0.01", "about as large as"]),
        ([layer(signal=0.001), layer(), layer(signal=0.001)], "ReLU", False, False,
         ["In layer 3 a unit’s"]),
        ([layer(), layer(signal=1e-4, variance=1e-8)], "sigmoid", True, False,
         ["variance of 10⁻⁸, far below the ε = 10⁻⁵"]),
        ([layer(), layer(signal=90, deviation=3214)], "ReLU", False, False,
         ["deviation in layer 2 is 3,200"]),
        ([layer(flat=0.9), layer(flat=0.92)], "tanh", False, False,
         ["From layer 1 on most activations are saturated, 92 % in the last layer"]),
        ([layer(flat=0.9), layer(flat=0.92)], "ReLU", False, True, ["gets through"]),
        ([layer(gradient=1e-9), layer()], "sigmoid", False, False,
         ["it vanishes: layer 1’s gradient is 10⁻⁹ times layer 2’s."]),
        ([layer(gradient=2500), layer()], "tanh", False, False,
         ["it explodes: layer 1’s gradient is 2,500 times layer 2’s."]),
    ],
)  # fmt: skip
def test_verdicts_on_activations(layers, activation, batch_norm, good, said):
    judged, lines = view.activation_verdict(layers, activation, batch_norm)
    assert judged is good
    for sentence in said:
        assert sentence in " ".join(lines)
    assert len(lines) == (len(layers) > 1) + 1 + (batch_norm and not good)


# ---- Statistics of batches ----------------------------------------------------------------------


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=5), st.integers(1, 4))
def test_theory_is_the_average_over_all_batches(population, n):
    values = np.array(population, float)
    every = np.array(list(itertools.product(values, repeat=n)))
    right = view.theory(values, n)
    means, variances = every.mean(axis=1), every.var(axis=1)
    assert right.mean == pytest.approx(means.mean(), abs=1e-9)
    assert right.variance == pytest.approx(values.var(), abs=1e-9)
    assert right.mean_deviation == pytest.approx(means.std(), abs=1e-9)
    assert right.variance_mean == pytest.approx(variances.mean(), abs=1e-9)
    # abs: the root of a rounding error that should be 0
    assert right.variance_deviation == pytest.approx(variances.std(), abs=1e-5)


def drawn(values, image, n, seed=0):
    return view.draw_batches(values, image, n, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [1, 2, 4, 32, 256])
def test_batches_obey_the_theory(n):
    values = np.random.default_rng(1).gamma(2, size=500)
    batches, right = drawn(values, 3, n), view.theory(values, n)
    assert len(batches.means) == len(batches.normalised) == view.BATCHES
    # Within five deviations of an average over 1,000 batches.
    tolerance = 5 / view.BATCHES**0.5
    assert abs(batches.means.mean() - right.mean) <= tolerance * right.mean_deviation
    assert abs(batches.variances.mean() - right.variance_mean) <= (
        tolerance * right.variance_deviation
    )
    assert batches.means.std() == pytest.approx(right.mean_deviation, rel=0.25)
    assert batches.variances.std() == pytest.approx(right.variance_deviation, rel=0.4)


def test_one_and_the_same_image_is_in_each_batch():
    values = np.array([0.0, 10.0, 20.0])
    single = drawn(values, 2, 1)
    assert (single.normalised == 0).all() and (single.variances == 0).all()
    pair = drawn(values, 2, 2)
    assert set(pair.normalised.round(4)) == {0.0, 1.0}
    assert set(drawn(values, 1, 2).normalised.round(4)) == {-1.0, 0.0, 1.0}
    # In a large batch it becomes what the population's statistics make of it.
    values = np.random.default_rng(0).normal(5, 2, 800)
    exact = (values[7] - values.mean()) / values.std()
    assert drawn(values, 7, 256).normalised.mean() == pytest.approx(exact, abs=0.05)


def test_other_seeds_draw_other_batches():
    values = np.arange(9.0)
    assert np.array_equal(drawn(values, 0, 4).means, drawn(values, 0, 4).means)
    assert not np.array_equal(drawn(values, 0, 4).means, drawn(values, 0, 4, seed=1).means)


def test_verdicts_on_batches():
    values = np.random.default_rng(0).normal(size=300)
    judged, lines = view.batch_verdict(drawn(values, 0, 1), 1, 0.126)
    assert judged is False and "puts out β whatever" in lines[0] and "becomes 0.13." in lines[1]
    judged, lines = view.batch_verdict(drawn(values, 0, 2), 2, 0.126)
    assert judged is False and "however far apart" in lines[0]
    batches = view.Batches(np.zeros(3), np.ones(3), np.linspace(-1, 1, 21))
    judged, lines = view.batch_verdict(batches, 8, 0.126)
    assert judged is None and "between −0.90 and 0.90" in lines[0]


# ---- Text and drawings --------------------------------------------------------------------------


@given(st.lists(st.floats(-5, 5), min_size=1), st.integers(2, 50))
def test_every_value_is_in_one_bar(values, bins):
    shares = view.bar_shares(np.array(values), -1, 1, bins)
    assert len(shares) == bins and shares.sum() == pytest.approx(1)
    heights = view.bar_heights(shares)
    assert heights.max() <= 1 and (heights[shares > 0] > 0).all()
    assert heights[shares.argmax()] == heights.max()


def test_bars_of_known_values():
    assert view.bar_shares(np.array([-7, 0, 0.4, 0.5, 9]), 0, 1, 2).tolist() == [0.6, 0.4]
    np.testing.assert_allclose(view.bar_heights(np.array([0.6, 0.4])), [1, 2 / 3])
    # A spike leaves the others their shape, and still sticks out.
    np.testing.assert_allclose(
        view.bar_heights(np.array([0.7, 0.2, 0.1])), [1, 2 / 3, 1 / 3], rtol=1e-6
    )
    assert view.bar_heights(np.array([0.0, 1.0, 0.0])).tolist() == [0, 1, 0]


@given(st.floats(-100, 100), st.floats(0.01, 1000))
def test_ticks_are_few_and_inside(low, width):
    places = view.ticks(low, low + width)
    assert 4 <= len(places) <= 11
    assert low - 1e-6 * width <= places[0] and places[-1] <= low + width * (1 + 1e-6)
    np.testing.assert_allclose(np.diff(places), places[1] - places[0], rtol=1e-3)


@pytest.mark.parametrize(
    ("low", "high", "right"),
    [(0, 16, range(0, 17, 2)), (-4, 4, range(-4, 5, 2)), (0, 151, range(0, 141, 20))],
)
def test_ticks_of_known_axes(low, high, right):
    assert view.ticks(low, high) == list(right)


def test_the_histogram_marks_the_value_and_says_so():
    values = np.linspace(2, 4, 201)
    html = view.batch_histogram(values, (0, 8), 2.0, "batch <means>", "of all")
    assert 'role="img"' in html and "batch &lt;means&gt;" in html and "<means>" not in html
    assert "nine of ten from 2.1 to 3.9; of all 2.0." in html
    (at,) = re.findall(r'<path d="M([\d.]+) 24V', html)
    assert float(at) == pytest.approx(14 + (320 - 28) / 4)
    (bars,) = re.findall(r'class="bars" d="([^"]+)"', html)
    steps = re.findall(r"V([\d.]+)H([\d.]+)", bars)  # y of a bar's top, x of its right end
    ends = [float(x) for y, x in steps if float(y) < 118 - 32]
    assert len(steps) == 64
    assert min(ends) == pytest.approx(292 / 4, abs=5)
    assert max(ends) == pytest.approx(292 / 2, abs=5)


def test_the_table_has_a_row_for_each_layer(batch):
    x, labels = batch
    result = view.propagate(x, labels, view.make_weights(3, 0.2, 0, 7), "ReLU", False)
    layers = view.summarise(result, "ReLU")
    html = view.layer_table(result, layers, "ReLU", "#123456")
    assert html.count('scope="row"') == html.count('role="img"') == 3 and "≥ 4" in text(html)
    for summary in layers:
        row = f"{parts.number(summary.mean, 2)} {parts.number(summary.deviation, 2)}"
        assert row in text(html)


def test_the_gradient_curve_falls_where_the_gradient_does():
    without = [layer(gradient=1e-6), layer(gradient=1e-3), layer(gradient=1.0)]
    html = view.gradient_svg(without, [layer()] * 3)
    assert "At layer 1 without batch normalisation 10⁻⁶, with it 1.0." in html
    first, second = re.findall(r'<polyline points="([^"]+)"', html)
    heights = [float(pair.split(",")[1]) for pair in first.split()]
    assert heights[0] > heights[1] > heights[2]
    assert len({pair.split(",")[1] for pair in second.split()}) == 1


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (0, "0"), (1, "1.00"), (-0.5, "−0.500"), (0.00852, "0.00852"), (3473.1, "3,470"),
        (9999, "10⁴"), (0.9996, "1.00"), (2.28e23, "2.28·10²³"), (-1.5e-7, "−1.50·10⁻⁷"),
        (1e-5, "10⁻⁵"), (123.4, "123"),
    ],
)  # fmt: skip
def test_numbers(value, right):
    assert parts.number(value) == right


def test_short_numbers_and_factors():
    assert [parts.short(v) for v in (0.5, 20, 100, 1e-7)] == ["0.5", "20", "100", "10⁻⁷"]
    assert parts.times(0.98) == "about as large as" and parts.times(2.14) == "2.1 times"


# ---- The explorers ------------------------------------------------------------------------------


def test_activations_follow_the_controls():
    explorer = ActivationExplorer()
    assert "the signal has died" in text(explorer.left)
    assert "The signal gets through" in text(explorer.right)
    assert explorer.left.value.count('scope="row"') == 8
    before = [html.value for html in explorer._shown]
    explorer.depth.value = 20
    assert explorer.right.value.count('scope="row"') == 20
    assert all(old != html.value for old, html in zip(before, explorer._shown, strict=True))
    assert len(explorer.without) == len(explorer.with_bn) == 20

    explorer.activation.value, explorer.deviation.value = "ReLU", 3.0
    assert "The activations grow" in text(explorer.left) and "explodes" in text(explorer.left)
    assert "gets through" in text(explorer.right)
    explorer.activation.value = "tanh"
    assert "saturated" in text(explorer.left)
    explorer.activation.value, explorer.deviation.value = "sigmoid", 0.001
    assert "below the ε" in text(explorer.right) and "vanishes" in text(explorer.left)
    explorer.depth.value = 1
    assert "way back" not in text(explorer.left)


def test_statistics_follow_the_controls():
    explorer = BatchSizeExplorer()
    assert "s/√8" in text(explorer.numbers)
    assert explorer.histograms.value.count('role="img"') == 3
    explorer.size.value = 1
    assert "variance is 0" in text(explorer.result) and "s/√1" in text(explorer.numbers)
    explorer.size.value = 256
    before = text(explorer.numbers), text(explorer.result), explorer.numbers.value
    explorer.image.value = 2
    assert "handwritten 1" in explorer.numbers.value and text(explorer.result) != before[1]
    explorer.feature.index = 1
    assert text(explorer.numbers) != before[0]


@pytest.fixture(params=[ActivationExplorer, BatchSizeExplorer])
def explorer(request):
    return request.param()


def test_button_draws_again(explorer):
    before = [html.value for html in explorer._shown]
    explorer.again.click()
    assert all(old != html.value for old, html in zip(before, explorer._shown, strict=True))


def test_repr_is_a_sentence_and_follows_the_controls(explorer):
    if isinstance(explorer, ActivationExplorer):
        explorer.depth.value, explorer.activation.value = 3, "ReLU"
        right = "Activation explorer: 3 layers, ReLU, weights of deviation 0.05."
    else:
        explorer.size.value = 64
        right = "Batch-size explorer: batches of 64, a pixel in the middle."
    assert repr(explorer) == f"{right} Run this cell to move the sliders."


def test_only_core_widgets_and_every_control_has_a_label(explorer):
    stack, controls = [explorer], 0
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        base = next(kind for kind in type(widget).__mro__ if not kind.__module__.startswith("help"))
        assert base.__module__.startswith("ipywidgets.widgets")
        assert not isinstance(widget, widgets.Output)
        if isinstance(
            widget, (widgets.SelectionSlider, widgets.IntSlider, widgets.Dropdown, widgets.Button)
        ):
            controls += 1
            assert widget.description.strip()
    assert controls == 4


def test_failures_are_shown_not_lost(explorer, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a <bug>")

    monkeypatch.setattr(module.view, "make_weights", broken)
    monkeypatch.setattr(module.view, "draw_batches", broken)
    explorer.again.click()
    assert "RuntimeError: a &lt;bug&gt;" in explorer._shown[0].value
    monkeypatch.undo()
    explorer.again.click()
    assert "RuntimeError" not in explorer._shown[0].value


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.batch_norm\n"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

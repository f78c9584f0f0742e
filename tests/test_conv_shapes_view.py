"""What the conv-shape calculator says, against the real layers of PyTorch and Keras."""

import random
import time
from dataclasses import replace

import pytest

from helpers.conv_shapes import Axis, Layer, ShapeError, axes, receptive_field, solve_conv
from helpers.widgets import conv_shapes_drawing as drawing
from helpers.widgets import conv_shapes_view as view

CONV = Layer("conv", 16, 4, 2, 1)


# --- The words --------------------------------------------------------------------------------


def test_formula_holds_the_learners_numbers():
    height, width = view.work_out(Layer("conv", 8, 5, 2, 1), (3, 28, 32))
    assert height.numbers == "⌊(28 + 2·1 − 1·(5 − 1) − 1) / 2⌋ + 1 = ⌊25 / 2⌋ + 1 = 12 + 1 = 13"
    assert height.remainder == 1 and "25 / 2 = 12 remainder 1" in height.note
    assert "the last of the 30 padded pixels holds no further window" in height.note
    assert width.result == 15


def test_formula_of_a_transposed_convolution():
    layer = Layer("conv_transpose", 8, 3, 2, 1, output_padding=1)
    height, _ = view.work_out(layer, (3, 7, 7))
    assert height.numbers == "(7 − 1)·2 − 2·1 + 1·(3 − 1) + 1 + 1 = 14"
    assert height.remainder is None


def test_formula_of_ceil_mode_and_of_the_window_that_pytorch_drops():
    more, _ = view.work_out(Layer("max_pool", None, 2, 2, 0, ceil_mode=True), (1, 5, 5))
    assert more.result == 3 and "one more window hangs over the edge" in more.note
    dropped, _ = view.work_out(Layer("max_pool", None, 2, 3, 1, ceil_mode=True), (1, 5, 5))
    assert dropped.result == 2 and "PyTorch drops it" in dropped.note


def test_formula_of_same():
    height, _ = view.work_out(Layer("conv", 8, 4, 1, "same"), (3, 9, 9))
    assert height.result == 9 and "3 zeros, 1 before + 2 after" in height.numbers


def test_unread_pixels_are_named():
    height, _ = view.work_out(Layer("conv", 1, 3, 4, 0), (1, 9, 9))
    assert height.unread == (3, 7, 8)


def test_costs():
    costs = view.costs(CONV, (3, 32, 32))
    assert (costs.weights, costs.biases, costs.multiply_adds) == (768, 16, 196_608)
    assert costs.field == (4, 4) and costs.weights_text == "4·4·3·16 = 768"
    grouped = view.costs(replace(CONV, groups=2), (4, 32, 32))
    assert grouped.weights_text == "4·4·(4/2)·16 = 512"
    pooled = view.costs(Layer("max_pool", None, 2), (3, 8, 8))
    assert (pooled.weights, pooled.biases, pooled.multiply_adds) == (0, 0, 0)


def test_limits_are_explained():
    for layer, shape in (
        (CONV, (3, 5000, 5)),
        (Layer("conv_transpose", 1, 3, 200), (3, 4000, 5)),
        (Layer("conv", 1, 1000, 1), (3, 5, 5)),
    ):
        with pytest.raises(ShapeError, match="than this calculator draws"):
            view.calculated_axes(layer, shape)


def test_checkerboard_warning():
    assert view.overlap_counts(3, 2) == [2, 1]
    assert view.overlap_counts(4, 2) == [2, 2]
    assert view.overlap_counts(4, 2, dilation=2) == [4, 0]
    warning = view.checkerboard_warning(Layer("conv_transpose", 1, 3, 2, 1))
    assert "kernel 3 is not a multiple of stride 2" in warning and "kernel 2 or 4" in warning
    assert view.checkerboard_warning(Layer("conv_transpose", 1, 4, 2, 1)) == ""
    assert view.checkerboard_warning(Layer("conv", 1, 3, 2, 1)) == ""
    assert "dilation 2" in view.checkerboard_warning(Layer("conv_transpose", 1, 4, 2, 1, 2))


# --- Lines of code and the badge, against the frameworks --------------------------------------


def random_setting(rng, kind):
    pooling = kind in ("max_pool", "avg_pool")
    kernel_size = rng.choice([1, 2, 3, 3, 4, 5, 6])
    padding = rng.choice([0, 0, 1, 1, 2, 3, "same", "valid"])
    if pooling and isinstance(padding, int):
        padding = min(padding, kernel_size // 2) if rng.random() < 0.9 else padding
    layer = Layer(
        kind,
        None if pooling else rng.choice([4, 4, 4, 6]),
        kernel_size,
        rng.choice([1, 2, 2, 3, kernel_size]),
        padding,
        1 if kind == "avg_pool" else rng.choice([1, 1, 1, 2]),
        rng.choice([0, 0, 1]) if kind == "conv_transpose" else 0,
        1 if pooling else rng.choice([1, 1, 1, 2, 4]),
        pooling and rng.random() < 0.5,
        pooling or rng.random() < 0.7,
    )
    return layer, (4, rng.randint(3, 12), rng.randint(3, 12))


def copy_weights(torch_layer, keras_model):
    """OIHW to HWIO and IOHW to HWOI are the same permutation."""
    weighted = [keras_model, *getattr(keras_model, "layers", [])]
    weighted = next((one for one in weighted if hasattr(one, "kernel")), None)
    if weighted is not None:
        arrays = [torch_layer.weight.detach().numpy().transpose(2, 3, 1, 0)]
        if torch_layer.bias is not None:
            arrays.append(torch_layer.bias.detach().numpy())
        weighted.set_weights(arrays)


@pytest.fixture(scope="module")
def frameworks():
    torch = pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    import keras

    torch.manual_seed(0)
    return torch, keras


def run_torch(torch, code, x):
    layer = eval(code, {"torch": torch})
    with torch.no_grad():
        return layer, layer(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()


def torch_refusal(torch, code, x):
    try:
        _, result = run_torch(torch, code, x)
    except Exception as error:
        return str(error)
    assert result.size == 0, f"{code} gives {result.shape}"
    return "empty"


def run_keras(keras, code, x, torch_layer):
    import numpy as np

    model = eval(code, {"keras": keras})
    model(x)  # builds the weights
    if torch_layer is not None:
        copy_weights(torch_layer, model)
    return np.asarray(model(x))


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "max_pool", "avg_pool"])
def test_lines_run_and_the_badge_is_true(frameworks, kind):
    import numpy as np

    torch, keras = frameworks
    rng = random.Random(kind)
    numbers = np.random.default_rng(0)
    seen = set()
    for _ in range(30):
        layer, shape = random_setting(rng, kind)
        comparison = view.compare(layer, shape)
        seen.add(comparison.verdict)
        x = numbers.standard_normal((8, *shape[1:], shape[0])).astype("float32")
        context = f"{layer} on {shape}: {comparison}"

        torch_layer = None
        if comparison.torch.shape is None:
            said = torch_refusal(torch, comparison.torch.code, x)
            # With one axis of 0 pixels PyTorch's answer depends on the processor's library: an
            # empty tensor, its own sentence, or the library's.
            nothing_left = comparison.torch.refusal == "Output size is too small"
            assert comparison.torch.refusal in said or nothing_left, f"{context}\n{said}"
        else:
            torch_layer, expected = run_torch(torch, comparison.torch.code, x)
            assert expected.shape[1:] == comparison.torch.shape, context
            expected = expected.transpose(0, 2, 3, 1)

        if comparison.keras.shape is None:
            if "empty" in comparison.keras.refusal:
                assert 0 in run_keras(keras, comparison.keras.code, x, None).shape, context
            else:
                with pytest.raises(Exception) as refusal:
                    run_keras(keras, comparison.keras.code, x, None)
                said, quote = str(refusal.value), comparison.keras.refusal
                # Quoted from Keras 3.15; Keras 3.13 has other words for a kernel too large.
                older = "resulted in an empty output" if quote.startswith("Computed") else quote
                words = " ".join(quote.split()[:4])
                assert words in said or older in said, f"{context}\n{said}"
        else:
            got = run_keras(keras, comparison.keras.code, x, torch_layer)
            assert got.shape[1:] == comparison.keras.shape, context

        if comparison.verdict == "equal":
            np.testing.assert_allclose(got, expected, atol=1e-4, err_msg=context)
        elif comparison.verdict == "same shape":
            assert not np.allclose(got, expected, atol=1e-4), context
        elif comparison.verdict == "other shape":
            assert got.shape != expected.shape, context
        else:
            assert None in (comparison.torch.shape, comparison.keras.shape), context

        if comparison.equal_code is not None:
            got = run_keras(keras, comparison.equal_code, x, torch_layer)
            np.testing.assert_allclose(got, expected, atol=1e-4, err_msg=context)
    assert {"equal", "refused"} <= seen


@pytest.mark.parametrize(
    ("layer", "shape", "verdict"),
    [
        (Layer("conv", 8, 4, 2, 1), (3, 32, 32), "equal"),
        (Layer("conv", 8, 3, 2, 1), (3, 32, 32), "same shape"),
        (Layer("conv", 8, 3, 2, 1), (3, 33, 33), "equal"),
        (Layer("conv", 8, 3, 2, 1), (3, 33, 32), "same shape"),
        (Layer("conv", 8, 4, 1, "same"), (3, 9, 9), "equal"),
        (Layer("conv", 8, 4, 2, "same"), (3, 9, 9), "refused"),
        (Layer("conv", 8, 3, 2, 1, 2), (3, 32, 32), "refused"),
        (Layer("conv_transpose", 8, 4, 2, 1), (3, 8, 8), "equal"),
        (Layer("conv_transpose", 8, 3, 2, 1, output_padding=1), (3, 8, 8), "same shape"),
        (Layer("conv_transpose", 8, 2, 3, 0), (3, 8, 8), "other shape"),
        (Layer("max_pool", None, 2, 2), (3, 8, 8), "equal"),
        (Layer("max_pool", None, 2, 2, ceil_mode=True), (3, 5, 5), "equal"),
        (Layer("max_pool", None, 3, 2, 1), (3, 8, 8), "same shape"),
        (Layer("avg_pool", None, 3, 1, 1), (3, 8, 8), "same shape"),
    ],
)
def test_verdicts_worth_knowing(layer, shape, verdict):
    assert view.compare(layer, shape).verdict == verdict


def test_equal_lines_that_the_lesson_quotes():
    padded = view.compare(Layer("conv", 8, 3, 2, 1), (3, 32, 32)).equal_code
    assert padded == (
        "keras.Sequential([keras.layers.ZeroPadding2D(1), "
        "keras.layers.Conv2D(8, kernel_size=3, strides=2)])"
    )
    layer = Layer("conv_transpose", 8, 3, 2, 1, output_padding=1)
    assert "Cropping2D(((1, 0), (1, 0)))" in view.compare(layer, (3, 8, 8)).equal_code


# --- Reverse ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "target"), [(32, 16), (28, 7), (7, 7), (5, 1), (9, 4), (4, 9)])
def test_reverse_finds_what_the_lessons_function_finds(size, target):
    found = {(s.kernel_size, s.stride, s.padding) for s in view.reverse(size, target, 7)}
    assert found == set(solve_conv(size, target, 7))


@pytest.mark.parametrize(("size", "target"), [(16, 32), (4, 16), (1, 4), (7, 28), (5, 5)])
def test_reverse_of_transposed_finds_all(size, target):
    found = {
        (s.kernel_size, s.stride, s.padding, s.output_padding)
        for s in view.reverse(size, target, 5, "conv_transpose")
    }
    expected = set()
    for kernel_size in range(1, 6):
        for stride in range(1, target + 5) if size > 1 else (1,):
            for padding in range(kernel_size):
                for extra in range(stride):
                    made = (size - 1) * stride - 2 * padding + kernel_size + extra
                    if made == target:
                        expected.add((kernel_size, stride, padding, extra))
    assert found == expected


def test_reverse_ranks_the_good_ones_first():
    found = view.reverse(32, 16, 11)
    assert len(found) == 11
    assert [s.kernel_size for s in found[:5]] == [2, 4, 6, 8, 10]
    assert all(s.score == 4 for s in found[:5]) and found[5].score < 4
    assert all(s.padding == s.kernel_size // 2 - 1 for s in found[:5])
    up = view.reverse(16, 32, 5, "conv_transpose")
    assert (up[0].kernel_size, up[1].kernel_size) == (2, 4) and up[0].score == 4


def test_reverse_facts_agree_with_the_axis():
    for kind in ("conv", "conv_transpose"):
        for s in view.reverse(9, 5 if kind == "conv" else 20, 6, kind):
            layer = Layer(
                kind, 2, s.kernel_size, s.stride, s.padding, output_padding=s.output_padding
            )
            axis, _ = axes(layer, (2, 9, 9))
            assert s.unread == axis.input_coverage().count(0), s
            assert s.equal == (view.compare(layer, (2, 9, 9)).verdict == "equal"), s


def test_reverse_refuses_nonsense():
    for size, target, largest in ((0, 1, 3), (5, 0, 3), (5, 5, 0), (10**6, 5, 3)):
        with pytest.raises(ShapeError):
            view.reverse(size, target, largest)


# --- Network ----------------------------------------------------------------------------------


def test_presets_have_the_published_shapes():
    traced = {p.name: view.trace_network(p.shape, p.layers) for p in view.PRESETS}
    sizes = {name: [row.shape[1] for row in rows] for name, rows in traced.items()}
    assert sizes["DCGAN discriminator"] == [16, 8, 4, 1]
    assert sizes["DCGAN generator"] == [4, 8, 16, 32]
    assert sizes["LeNet-5"] == [28, 14, 10, 5, 1, 1, 1]
    assert sizes["AlexNet, first layers"] == [55, 27, 27, 13, 13]
    assert [row.field[0] for row in traced["DCGAN discriminator"]][:3] == [4, 10, 22]
    assert sum(row.parameters for row in traced["LeNet-5"]) == 61_706


def test_network_marks_the_first_error_and_knows_nothing_after_it():
    layers = [CONV, Layer("conv", 4, 99), CONV]
    rows = view.trace_network((3, 32, 32), layers)
    assert rows[0].shape == (16, 16, 16) and rows[0].error is None
    assert "kernel 99 does not fit" in rows[1].error.reason
    assert rows[2] == view.NetworkRow(None, None, None)


def test_network_survives_absurd_stacks():
    layers = [Layer("conv_transpose", 1, 8, 8, 0)] * 3 + [Layer("conv", 1, 8, 8, 0)] * 6
    start = time.perf_counter()
    rows = view.trace_network((1, 8, 8), layers * 2)
    assert time.perf_counter() - start < 2
    assert rows[1].shape == (1, 512, 512) and rows[1].field == (1, 1)
    assert rows[5].shape == (1, 8, 8) and rows[5].field is None
    assert view.trace_network((0, 1, 1), [CONV])[0].error is not None


# --- Challenges -------------------------------------------------------------------------------


def answers(challenge):
    """Every answer with small numbers, one layer after the other."""
    options = [
        Layer(challenge.kind, 1, k, s, p)
        for k in range(1, 12)
        for s in range(1, 5)
        for p in range(k)
        if k > 1 or s > 1
    ]
    if challenge.count == 1:
        return [[option] for option in options]
    good = [
        Layer(challenge.kind, 1, k, s, p) for k, s, p in
        ((4, 2, 1), (2, 2, 0), (3, 1, 1), (4, 4, 0), (8, 8, 0), (4, 1, 0), (7, 1, 3), (5, 1, 2),
         (3, 2, 1), (1, 2, 0))
    ]  # fmt: skip
    if challenge.count == 2:
        return [[a, b] for a in good for b in good]
    return [[a, b, c] for a in good for b in good for c in good]


@pytest.mark.parametrize("challenge", view.CHALLENGES, ids=lambda c: c.text[:30])
def test_challenges_can_be_solved_and_missed(challenge):
    results = [(layers, view.check_challenge(challenge, layers)) for layers in answers(challenge)]
    right = [layers for layers, result in results if result.passed]
    assert right, "no answer passes"
    assert len(right) < len(results), "every answer passes"
    for layers in right:
        shape = (1, challenge.size, challenge.size)
        assert view.trace_network(shape, layers)[-1].shape[1] == challenge.target
        if challenge.field:
            assert receptive_field(layers) == (challenge.field, challenge.field)
    for _, result in results:
        assert result.message and (result.passed or result.message != "Solved.")


def test_challenge_feedback_says_what_happened():
    task = view.CHALLENGES[1]
    identity = Layer("conv", 1, 1, 1, 0)
    quarter = Layer("conv", 1, 4, 4, 0)
    assert "moves nothing" in view.check_challenge(task, [quarter, identity]).message
    half = Layer("conv", 1, 4, 2, 1)
    assert view.check_challenge(task, [half, half]).passed
    missed = view.check_challenge(task, [half, Layer("conv", 1, 3, 1, 1)])
    assert missed.message.startswith("You arrive at 14, 7 pixels too many")
    impossible = view.check_challenge(task, [half, Layer("conv", 1, 15, 1, 0)])
    assert "Layer 2 is impossible" in impossible.message and "Remedy" in impossible.message
    exact = view.check_challenge(view.CHALLENGES[0], [Layer("conv", 1, 3, 2, 1)])
    assert "rounds off a remainder of 1" in exact.message
    wrong_count = view.check_challenge(task, [quarter])
    assert not wrong_count.passed and "asks for 2" in wrong_count.message


# --- Drawing ----------------------------------------------------------------------------------


def random_axis(rng):
    transposed = rng.random() < 0.5
    layer = Layer(
        "conv_transpose" if transposed else "conv",
        1,
        rng.randint(1, 5),
        rng.randint(1, 4),
        rng.randint(0, 2),
        rng.randint(1, 3),
    )
    try:
        return axes(layer, (1, rng.randint(1, 14), 9))[0]
    except ShapeError:
        return random_axis(rng)


def test_linked_is_the_true_set():
    rng = random.Random(5)
    for _ in range(300):
        axis = random_axis(rng)
        for pixel in range(axis.size):
            assert drawing.linked(axis, "input", pixel) == axis.feeds(pixel), axis
        for pixel in range(axis.output_size):
            assert drawing.linked(axis, "output", pixel) == axis.reads(pixel), axis


def test_runs():
    assert drawing.runs([0, 1, 2, 5, 7, 8]) == "0–2, 5, 7, 8"
    assert drawing.runs(range(0, 40, 2)) == "0, 2, 4, 6, …, 36, 38"
    assert drawing.runs([]) == ""


def test_sentences():
    height, width = axes(CONV, (3, 32, 32))
    sentence = drawing.selection_sentence(height, width, drawing.Selection("output", 3, 0))
    assert sentence == (
        "Output pixel (row 3, column 0) reads 12 input pixels: rows 5–8, columns 0–2, "
        "and 4 of the padding."
    )
    sentence = drawing.selection_sentence(height, width, drawing.Selection("input", 0, 5))
    assert "feeds 2 output pixels: row 0, columns 2, 3" in sentence
    sparse = axes(Layer("conv", 1, 1, 2), (1, 8, 8))
    sentence = drawing.selection_sentence(*sparse, drawing.Selection("input", 1, 1))
    assert "never reads it" in sentence


def test_drawing_is_valid_xml_and_never_huge():
    from xml.etree import ElementTree

    rng = random.Random(7)
    pairs = [(random_axis(rng), random_axis(rng)) for _ in range(60)]
    pairs.append(axes(Layer("conv", 1, 11, 4), (3, 1024, 777)))
    pairs.append(axes(Layer("conv_transpose", 1, 4, 2, 1), (3, 1024, 777)))
    for height, width in pairs:
        for side in ("output", "input"):
            last = height.size if side == "input" else height.output_size
            html = drawing.draw_layer(
                height, width, drawing.Selection(side, last - 1, 0), "x", rng.random() < 0.5
            )
            assert len(html) < 160_000
            ElementTree.fromstring(html)
            assert 'role="img"' in html and "aria-label=" in html


def test_hover_rules_count_rows_and_columns_not_cells():
    height, width = axes(CONV, (3, 32, 32))
    html = drawing.draw_layer(height, width, drawing.Selection(), "x")
    assert html.count(":has(") < 2 * (32 + 16) + 10
    assert ".x:has(.or3:hover){--ir5:1;--ir6:1;--ir7:1;--ir8:1;}" in html
    assert ".x:has(.ic5:hover){--oc2:1;--oc3:1;}" in html


def test_large_inputs_say_what_is_drawn():
    height, width = axes(Layer("conv", 96, 11, 4), (3, 227, 227))
    html = drawing.draw_layer(height, width, drawing.Selection("output", 54, 0), "x")
    assert "drawn: rows 203–226, columns 0–23" in html


def test_unread_pixels_are_hatched():
    axis, _ = axes(Layer("conv", 1, 3, 4), (1, 9, 9))
    html = drawing.draw_layer(axis, axis, drawing.Selection(), "x")
    assert html.count('class="never"') == 2 + 2 * 2
    whole, _ = axes(CONV, (1, 8, 8))
    assert 'class="never"' not in drawing.draw_layer(whole, whole, drawing.Selection(), "x")


def test_overlap_strip_and_misfits():
    axis = Axis(True, 7, 13, 3, 2, 1, 1)
    strip = drawing.draw_overlap(axis, "x")
    assert "columns 0–12: 1, 2, 1, 2" in strip
    misfit = drawing.draw_misfit(Layer("conv", 1, 7, 2), (1, 5, 5), "x")
    assert "7 × 7 kernel (red, dashed) sticks out of the 5 × 5 input." in misfit
    cut = drawing.draw_misfit(Layer("conv_transpose", 1, 2, 1, 4), (1, 3, 3), "x")
    assert "leaves nothing" in cut
    assert drawing.draw_misfit(Layer("conv", 1, 3, 2, "same"), (1, 5, 5), "x") == ""

"""The conv-shape calculator without a browser: its controls moved from Python."""

import re
import subprocess
import sys

import ipywidgets as widgets
import pytest

from helpers.conv_shapes import Layer, ShapeError
from helpers.widgets import conv_shapes as module
from helpers.widgets.conv_shapes import ConvShapeCalculator


@pytest.fixture
def calculator():
    return ConvShapeCalculator()


def text(html):
    """What a reader sees of an HTML widget."""
    html = re.sub(r"<style>.*?</style>", "", html.value, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_repr_is_a_sentence_and_follows_the_controls(calculator):
    sentence = "Conv-shape calculator: 32 → 16. Run this cell to move the sliders."
    assert repr(calculator) == sentence and len(sentence) <= 110
    calculator.one_layer.kernel_size.value = 3
    calculator.one_layer.padding.value = 0
    assert "32 → 15." in repr(calculator)
    assert "5×9 → 3×5." in repr(ConvShapeCalculator((5, 9), kernel_size=3))
    assert "5 → impossible." in repr(ConvShapeCalculator(5, kernel_size=7, padding=0))


def test_what_a_notebook_stores_is_the_sentence(calculator):
    """nbval compares text/plain; ipywidgets 7 and 8 both take it from repr."""
    if hasattr(calculator, "_repr_mimebundle_"):
        plain = calculator._repr_mimebundle_()["text/plain"]
    else:
        from unittest import mock

        with mock.patch("ipywidgets.widgets.widget.display") as display:
            calculator._ipython_display_()
        plain = display.call_args.args[0]["text/plain"]
    assert plain == repr(calculator)


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.conv_shapes\n"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_of_the_constructor():
    calculator = ConvShapeCalculator(size=28, kernel_size=5, stride=1, padding=2, channels=1)
    assert calculator.layer == Layer("conv", 16, 5, 1, 2)
    assert calculator.input_shape == (1, 28, 28) and calculator.output_shape == (16, 28, 28)
    large = ConvShapeCalculator(size=(1024, 900), kernel_size=31, stride=16, padding=12)
    assert large.output_shape == (16, 64, 56)
    pool = ConvShapeCalculator(kind="max_pool", kernel_size=2, ceil_mode=True)
    assert pool.output_shape == (3, 16, 16) and pool.layer.ceil_mode
    same = ConvShapeCalculator(kernel_size=3, stride=1, padding="same")
    assert same.output_shape == (16, 32, 32)
    with pytest.raises(ShapeError, match="kind 'dense' is unknown"):
        ConvShapeCalculator(kind="dense")


def test_only_core_widgets_and_every_control_has_a_label(calculator):
    seen, stack = set(), [calculator]
    labelled = widgets.Dropdown, widgets.IntText, widgets.IntSlider, widgets.Checkbox
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        base = next(kind for kind in type(widget).__mro__ if not kind.__module__.startswith("help"))
        assert base.__module__.startswith("ipywidgets.widgets"), base
        assert not isinstance(widget, widgets.Output)
        seen.add(base.__name__)
        if isinstance(widget, (*labelled, widgets.Button, widgets.ToggleButtons)):
            assert widget.description.strip(), widget
    assert {"HTML", "IntSlider", "IntText", "Dropdown", "Checkbox", "Play", "Tab"} <= seen


def test_numbers_follow_the_controls(calculator):
    tab = calculator.one_layer
    assert "(3, 32, 32) → (16, 16, 16)" in text(tab.result)
    assert "⌊30 / 2⌋ + 1 = 15 + 1 = 16" in text(tab.result)
    assert "4·4·3·16 = 768" in text(tab.result) and "196,608" in text(tab.result)
    assert "✓ Equal numbers" in text(tab.details)
    tab.kernel_size.value = 3
    assert "≠ Same shape, other numbers" in text(tab.details)
    assert "ZeroPadding2D(1)" in text(tab.details)
    assert "remainder 1" in text(tab.result)
    tab.out_channels.value = 8
    assert "(8, 16, 16)" in text(tab.result)
    tab.bias.value = False
    assert "bias=False" in text(tab.details) and "use_bias=False" in text(tab.details)


def test_each_setting_changes_what_is_said(calculator):
    tab = calculator.one_layer
    moves = [
        (tab.height, 40), (tab.channels, 4), (tab.out_channels, 8), (tab.kernel_size, 5),
        (tab.stride, 3), (tab.padding, 2), (tab.dilation, 2), (tab.groups, 4),
        (tab.padding_mode, "valid"), (tab.bias, False), (tab.kind, "conv_transpose"),
        (tab.padding_mode, "number"), (tab.output_padding, 1), (tab.kind, "max_pool"),
        (tab.dilation, 1), (tab.ceil_mode, True), (tab.kind, "avg_pool"), (tab.square, False),
        (tab.width, 50),
    ]  # fmt: skip
    for control, value in moves:
        before = tab.result.value, tab.details.value, tab.drawing.value, tab.hidden_note.value
        control.value = value
        after = tab.result.value, tab.details.value, tab.drawing.value, tab.hidden_note.value
        if control is not tab.square:
            assert before != after, control.description
        assert "itself failed" not in tab.result.value


def test_width_follows_height_only_while_square(calculator):
    tab = calculator.one_layer
    tab.height.value = 20
    assert tab.width.value == 20 and tab.width.disabled
    tab.square.value = False
    tab.width.value = 30
    assert calculator.output_shape == (16, 10, 15) and not tab.width.disabled
    assert "height:" in text(tab.result) and "width:" in text(tab.result)


def test_controls_that_do_not_apply_are_hidden_and_pooling_says_why(calculator):
    tab = calculator.one_layer

    def hidden(*controls):
        return [control.layout.display == "none" for control in controls]

    assert hidden(tab.ceil_mode, tab.output_padding, tab.groups) == [True, True, False]
    assert not text(tab.hidden_note).strip()  # a convolution has no use for them
    tab.kind.value = "avg_pool"
    assert hidden(tab.out_channels, tab.groups, tab.bias, tab.dilation) == [True] * 4
    assert tab.ceil_mode.layout.display != "none"
    assert "has no dilation" in text(tab.hidden_note)
    tab.kind.value = "conv_transpose"
    assert hidden(tab.output_padding, tab.ceil_mode) == [False, True]
    tab.padding_mode.value = "same"
    assert hidden(tab.padding) == [True]


def test_impossible_settings_explain_themselves_and_leave_nothing_behind():
    calculator = ConvShapeCalculator(5, kernel_size=3, padding=0)
    tab = calculator.one_layer
    tab.kernel_size.value = 7
    said = text(tab.result)
    assert "Impossible: kernel 7 does not fit in 5 + 2·0 pixels." in said
    assert "Remedy: raise padding to 1 or shrink the kernel." in said
    assert "Kernel size can&#x27;t be greater than actual input size" in said
    assert "→ (" not in said and calculator.output_shape is None
    assert "kernel (red, dashed) sticks out" in text(tab.drawing)
    assert "Output pixel" not in text(tab.drawing)
    assert tab.row.disabled and tab.play.disabled
    tab.row.value = 0
    tab.play.value = 1  # nothing to slide over: no crash, no drawing
    assert "sticks out" in text(tab.drawing)
    tab.padding.value = 1
    assert "→ (16, 1, 1)" in text(tab.result) and not tab.row.disabled


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "height is 0"),
        ({"size": -3}, "height is -3"),
        ({"size": 10**7}, "more than this calculator draws"),
        ({"channels": 0}, "channels is 0"),
        ({"groups": 2}, "in_channels 3 does not divide into 2 groups"),
        ({"groups": 0}, "groups is 0"),
        ({"stride": 2, "padding": "same"}, "set stride to 1"),
        ({"kind": "max_pool", "padding": "same"}, "takes no padding"),
        ({"kind": "max_pool", "kernel_size": 3, "padding": 2}, "more than half of kernel 3"),
        ({"kind": "conv_transpose", "output_padding": 2}, "output_padding 2 is not smaller"),
        ({"kind": "conv_transpose", "size": 1, "padding": 3}, "cuts 6 pixels off a result of 4"),
        ({"kernel_size": 0, "padding": 0}, "kernel_size is 0"),
        ({"stride": 0}, "stride is 0"),
        ({"out_channels": -1}, "out_channels is -1"),
        ({"padding": -2}, "padding is -2"),
    ],
)
def test_every_refusal_is_explained(options, words):
    tab = ConvShapeCalculator(**options).one_layer
    assert words in text(tab.result)
    assert "itself failed" not in text(tab.result)
    assert "Refused" in text(tab.details) or not tab.details.value or words in text(tab.result)


def test_choosing_pixels(calculator):
    tab = calculator.one_layer
    assert (tab.row.max, tab.column.max) == (15, 15)
    tab.row.value, tab.column.value = 3, 4
    assert "Output pixel (row 3, column 4) reads 16 input pixels: rows 5–8" in text(tab.drawing)
    tab.side.value = "input"
    assert tab.row.max == 31
    assert "Input pixel (row 3, column 4) feeds 4 output pixels" in text(tab.drawing)
    tab.row.value = 31
    tab.side.value = "output"
    assert tab.row.value == 15 and tab.row.max == 15
    tab.stride.value = 8
    assert tab.row.max == 3 and tab.row.value == 3


def test_play_slides_over_the_output(calculator):
    tab = calculator.one_layer
    assert tab.play.max == 16 * 16 - 1
    tab.side.value = "input"
    tab.play.value = 18
    assert tab.side.value == "output"
    assert "Output pixel (row 1, column 2)" in text(tab.drawing)


def test_coverage_map(calculator):
    tab = calculator.one_layer
    tab.height.value, tab.padding.value, tab.stride.value = 9, 0, 4
    plain = tab.drawing.value
    tab.coverage.value = True
    assert "the darker" in text(tab.drawing) and tab.drawing.value != plain
    assert 'class="never"' in tab.drawing.value
    assert "Never read: 8" in text(tab.result)


def test_the_sliders_of_pixels_are_new_ones_only_where_the_output_has_another_size(calculator):
    tab = calculator.one_layer
    row, column = tab.row, tab.column
    row.value = 9
    tab.out_channels.value = 8  # 16 by 16 pixels still
    assert tab.row is row and tab.column is column
    tab.stride.value = 4
    assert tab.row is not row and tab.row.max == tab.column.max == 7
    assert tab.row.value == 7 and "Output pixel (row 7, column 0)" in text(tab.drawing)
    assert row.comm is None  # closed, not left in the browser
    tab.row.value = 2
    assert "Output pixel (row 2, column 0)" in text(tab.drawing)


def test_checkerboard_strip():
    tab = ConvShapeCalculator(7, kind="conv_transpose", kernel_size=3, stride=2).one_layer
    assert "Checkerboard: kernel 3 is not a multiple of stride 2" in text(tab.details)
    assert "columns 0–12: 1, 2, 1, 2" in tab.details.value
    tab.kernel_size.value = 4
    assert "Checkerboard" not in text(tab.details)
    assert "Overlap strip" in text(tab.details)  # stays, to compare
    tab.kind.value = "conv"
    assert "Overlap strip" not in text(tab.details)


def test_two_calculators_do_not_share_names():
    first, second = ConvShapeCalculator(), ConvShapeCalculator()
    names = [re.search(r'class="(cs\w+) convshape"', c.one_layer.drawing.value) for c in
             (first, second)]  # fmt: skip
    assert names[0].group(1) != names[1].group(1)
    assert names[0].group(1) not in second.one_layer.drawing.value


def test_an_update_sends_few_messages(calculator, monkeypatch):
    sent = []
    monkeypatch.setattr(
        widgets.Widget, "send_state", lambda self, key=None: sent.append((self, key))
    )
    calculator.one_layer.row.value = 5
    assert len(sent) <= 2  # the slider itself and the drawing


def test_reverse(calculator):
    tab = calculator.reverse
    assert "7 settings take 32 to 16" in text(tab.table)
    assert tab.choice.value == 0 and tab.choice.options[1][0] == "2. kernel 4, stride 2, padding 1"
    assert "overlaps evenly" in text(tab.table) and "checkerboard" not in text(tab.table)
    tab.max_kernel_size.value = 11
    assert "11 settings" in text(tab.table)
    tab.kind.value = "conv_transpose"
    tab.size.value, tab.target.value = 16, 32
    tab.choice.value = 1
    calculator.tabs.selected_index = 1
    tab.button.click()
    assert calculator.tabs.selected_index == 0
    assert calculator.layer == Layer("conv_transpose", 16, 4, 2, 1)
    assert calculator.output_shape == (16, 32, 32)
    tab.size.value = 0
    assert "from is 0" in text(tab.table) and tab.button.disabled
    tab.button.click()
    tab.size.value, tab.target.value, tab.max_kernel_size.value = 16, 1, 7
    assert "No transposed convolution" in text(tab.table)


def test_network(calculator):
    tab = calculator.network
    assert "32 → 16 → 8 → 4 → 1" in text(tab.summary) and "167,649 parameters" in text(tab.summary)
    assert "(32, 16, 16)" in text(tab.rows[0].result)
    tab.rows[1].kernel_size.value = 99
    assert "kernel 99 does not fit" in text(tab.rows[1].result)
    assert "Unknown" in text(tab.rows[2].result)
    assert "layer 2" in text(tab.summary)
    tab.rows[1].kernel_size.value = 4
    tab.rows[3].remove.click()
    assert len(tab.rows) == 3 and "32 → 16 → 8 → 4 Total" in text(tab.summary)
    tab.add.click()
    assert len(tab.list.children) == 4 and tab.rows[3].kind.description == "Layer 4"
    first = tab.rows[0]
    first.down.click()
    assert tab.rows[1] is first and tab.rows[0].up.disabled
    first.up.click()
    assert tab.rows[0] is first
    tab.rows[0].kind.value = "max_pool"
    assert tab.rows[0].out_channels.layout.display == "none"
    assert "(3, 16, 16)" in text(tab.rows[0].result) and " 0 parameters" in text(tab.rows[0].result)
    tab.height.value = 0
    assert "height is 0" in text(tab.rows[0].result)
    for _ in range(20):
        tab.add.click()
    assert len(tab.rows) == module._MOST_LAYERS and tab.add.disabled
    for row in list(tab.rows):
        row.remove.click()
    assert "No layers yet" in text(tab.summary)
    tab.add.click()
    assert len(tab.rows) == 1


def test_network_presets(calculator):
    tab = calculator.network
    ends = ["(1, 1, 1)", "(3, 32, 32)", "(10, 1, 1)", "(384, 13, 13)"]
    for index, end in enumerate(ends):
        tab.preset.value = index
        assert f"→ {end}" in text(tab.summary)
    tab.bias.value = False
    assert "1,533,984 parameters" in text(tab.summary)


def test_challenge(calculator):
    tab = calculator.challenge
    tab.task.value = 1
    assert "Take 28 to 7" in text(tab.text) and "0 of 7 solved" in text(tab.text)
    assert tab.rows[2].layout.display == "none"
    tab.check.click()
    assert "Not yet" in text(tab.feedback) and "You arrive at 28" in text(tab.feedback)
    for row in tab.rows[:2]:
        row.kernel_size.value, row.stride.value, row.padding.value = 4, 2, 1
    assert tab.feedback.value == ""  # the judgement was about another answer
    tab.check.click()
    assert "✓ Solved." in text(tab.feedback) and "28 → 14" in text(tab.feedback)
    assert "1 of 7 solved" in text(tab.text)
    tab.next.click()
    assert tab.task.value == 2 and tab.feedback.value == ""
    tab.task.value = 6
    tab.next.click()
    assert tab.task.value == 0


def test_failures_in_callbacks_are_shown_not_lost(calculator, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(module.view, "compare", broken)
    calculator.one_layer.kernel_size.value = 5
    assert "RuntimeError: a bug" in text(calculator.one_layer.result)
    monkeypatch.undo()
    calculator.one_layer.kernel_size.value = 6
    assert "a bug" not in text(calculator.one_layer.result)
    monkeypatch.setattr(module.view, "reverse", broken)
    calculator.reverse.size.value = 40
    assert "a bug" in text(calculator.reverse.table)
    monkeypatch.setattr(module.view, "trace_network", broken)
    calculator.network.height.value = 40
    assert "a bug" in text(calculator.network.summary)
    monkeypatch.setattr(module.view, "check_challenge", broken)
    calculator.challenge.check.click()
    assert "a bug" in text(calculator.challenge.feedback)

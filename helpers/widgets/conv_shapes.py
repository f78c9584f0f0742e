"""The conv-shape calculator.

Two lines in an empty notebook show it::

    from helpers.widgets.conv_shapes import ConvShapeCalculator
    ConvShapeCalculator()

ipywidgets core only: controls, and ``HTML`` for text and drawings. What it says and draws comes
from the pure functions in ``conv_shapes_view`` and ``conv_shapes_drawing``.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.conv_shapes import KINDS, Axis, Layer, Shape, ShapeError
from helpers.widgets import conv_shapes_drawing as drawing
from helpers.widgets import conv_shapes_view as view
from helpers.widgets.conv_shapes_drawing import Selection
from helpers.widgets.parts import page

_LABEL = {"description_width": "110px"}
_KIND_OPTIONS = [(view.KIND_NAMES[kind], kind) for kind in KINDS]


class ConvShapeCalculator(widgets.VBox):
    """Shapes, costs and connections of a layer, live, for PyTorch and Keras.

    size : pixels of the input, one number or (height, width).
    channels : channels of the input.
    kind : ``"conv"``, ``"conv_transpose"``, ``"max_pool"`` or ``"avg_pool"``.
    out_channels, kernel_size, stride, padding, dilation, groups, output_padding, ceil_mode, bias :
        as in ``helpers.conv_shapes.Layer``, where it starts. An impossible start is allowed; the
        calculator explains it.

    ``layer``, ``input_shape`` and ``output_shape`` say where the learner has taken it.
    """

    def __init__(
        self,
        size: int | tuple[int, int] = 32,
        channels: int = 3,
        kind: str = "conv",
        out_channels: int = 16,
        kernel_size: int = 4,
        stride: int | None = None,
        padding: int | str | None = None,
        dilation: int = 1,
        groups: int = 1,
        output_padding: int = 0,
        ceil_mode: bool = False,
        bias: bool = True,
    ) -> None:
        if kind not in KINDS:
            raise ShapeError(f"kind {kind!r} is unknown", f"choose one of {', '.join(KINDS)}")
        height, width = size if isinstance(size, Sequence) else (size, size)
        pooling = kind in ("max_pool", "avg_pool")
        if stride is None:
            stride = kernel_size if pooling else 2
        if padding is None:
            padding = 0 if pooling else min(1, max(kernel_size - 1, 0))
        start = Layer(
            kind, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
            ceil_mode, bias,
        )  # fmt: skip
        self.one_layer = OneLayerTab(start, (channels, height, width))
        self.reverse = ReverseTab(self._use)
        self.network = NetworkTab()
        self.challenge = ChallengeTab()
        self.tabs = widgets.Tab(
            children=[self.one_layer, self.reverse, self.network, self.challenge]
        )
        for index, title in enumerate(("One layer", "Reverse", "Network", "Challenge")):
            self.tabs.set_title(index, title)
        super().__init__([self.tabs])

    def _use(self, layer: Layer, size: int) -> None:
        """Load a solution of the second tab into the first and show it."""
        channels, *_ = self.input_shape
        layer = replace(layer, out_channels=self.one_layer.out_channels.value)
        self.one_layer.load(layer, (channels, size, size))
        self.tabs.selected_index = 0

    @property
    def layer(self) -> Layer:
        """The layer of the first tab."""
        return self.one_layer.layer

    @property
    def input_shape(self) -> Shape:
        """Its input, (channels, height, width)."""
        return self.one_layer.input_shape

    @property
    def output_shape(self) -> Shape | None:
        """Its output, (channels, height, width); None where the setting is impossible."""
        return self.one_layer.output_shape

    def __repr__(self) -> str:
        sizes = _sizes_text(self.input_shape)
        result = _sizes_text(self.output_shape) if self.output_shape else "impossible"
        return f"Conv-shape calculator: {sizes} → {result}. Run this cell to move the sliders."


def _sizes_text(shape: Shape) -> str:
    _, height, width = shape
    return str(height) if height == width else f"{height}×{width}"


def _shows_failures(method: Callable[..., None]) -> Callable[..., None]:
    """An exception in a widget callback vanishes into a log; this puts it on the screen."""

    @functools.wraps(method)
    def wrapped(self: Any, *arguments: Any) -> None:
        try:
            method(self, *arguments)
        except Exception as error:
            self.show_failure(error)

    return wrapped


def _alert(title: str, lines: Sequence[str]) -> str:
    """A message box: red edge, word and sign, so not by colour alone. Lines are HTML."""
    body = "".join(f"<div>{line}</div>" for line in lines)
    return (
        '<div role="alert" class="alert" style="border-left:5px solid #d6453d;padding:6px 12px;'
        'background:rgba(214,69,61,.12);margin:4px 0"><strong>'
        f"✗ {escape(title)}</strong>{body}</div>"
    )


def _explained(error: Exception) -> str:
    """A refusal: the reason, what to change, the framework's own words."""
    if not isinstance(error, ShapeError):
        return _alert("That cannot be computed", [escape(str(error))])
    lines = [f"Remedy: {escape(error.remedy)}."]
    if error.framework:
        lines.append(f"PyTorch says: <q>{escape(error.framework)}</q>")
    return _alert(f"Impossible: {error.reason}.", lines)


def _failure(error: Exception) -> str:
    return _alert(
        "The calculator itself failed; the setting may still be a good one",
        [f"{type(error).__name__}: {escape(str(error))}"],
    )


def _slider(name: str, value: int, lowest: int, highest: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        value=value,
        min=min(lowest, value),
        max=max(highest, value),
        description=name,
        style=_LABEL,
        layout=widgets.Layout(width="auto"),
    )


def _integer(name: str, value: int) -> widgets.IntText:
    return widgets.IntText(
        value=value, description=name, style=_LABEL, layout=widgets.Layout(width="auto")
    )


def _show(widget: widgets.DOMWidget, visible: bool) -> None:
    display = None if visible else "none"
    if widget.layout.display != display:
        widget.layout.display = display


class OneLayerTab(widgets.VBox):
    """One layer: its controls, its numbers, both frameworks, the drawing."""

    def __init__(self, layer: Layer, shape: Shape) -> None:
        self._prefix = f"cs{uuid.uuid4().hex[:8]}"
        self._busy = False
        self._axes: tuple[Axis, Axis] | None = None
        self.output_shape: Shape | None = None
        channels, height, width = shape

        self.kind = widgets.Dropdown(
            options=_KIND_OPTIONS,
            value=layer.kind,
            description="Layer",
            style=_LABEL,
            layout=widgets.Layout(width="auto"),
        )
        self.height = _integer("Height", height)
        self.width = _integer("Width", width)
        self.square = widgets.Checkbox(
            value=height == width, description="Width = height", style=_LABEL
        )
        self.channels = _integer("Channels in", channels)
        self.out_channels = _integer("Channels out", layer.out_channels)
        self.kernel_size = _slider("Kernel", layer.kernel_size, 1, 15)
        self.stride = _slider("Stride", layer.stride, 1, 8)
        number = layer.padding if isinstance(layer.padding, int) else 0
        self.padding_mode = widgets.Dropdown(
            options=[("a number", "number"), ("'same'", "same"), ("'valid'", "valid")],
            value=layer.padding if isinstance(layer.padding, str) else "number",
            description="Padding is",
            style=_LABEL,
            layout=widgets.Layout(width="auto"),
        )
        self.padding = _slider("Padding", number, 0, 8)
        self.output_padding = _slider("Output padding", layer.output_padding, 0, 7)
        self.dilation = _slider("Dilation", layer.dilation, 1, 6)
        self.groups = _integer("Groups", layer.groups)
        self.ceil_mode = widgets.Checkbox(
            value=layer.ceil_mode, description="Round up (ceil_mode)", style=_LABEL
        )
        self.bias = widgets.Checkbox(value=layer.bias, description="Bias", style=_LABEL)
        self.hidden_note = widgets.HTML()

        self.side = widgets.ToggleButtons(
            options=[("Output pixel", "output"), ("Input pixel", "input")],
            description="Choose an",
            style={"description_width": "110px", "button_width": "110px"},
        )
        self.row = _slider("Row", 0, 0, 1)
        self.column = _slider("Column", 0, 0, 1)
        self.play = widgets.Play(interval=400, max=1, description="Slide the kernel")
        self.play_label = widgets.Label("Slide the kernel over the output:")
        self.coverage = widgets.Checkbox(
            value=False, description="Coverage map: how often each pixel is read", indent=False
        )
        self.coverage.layout.width = "auto"

        self.result = widgets.HTML()
        self.drawing = widgets.HTML()
        self.details = widgets.HTML()

        self._settings = [
            self.kind, self.height, self.square, self.width, self.channels, self.out_channels,
            self.kernel_size, self.stride, self.padding_mode, self.padding, self.output_padding,
            self.dilation, self.groups, self.ceil_mode, self.bias,
        ]  # fmt: skip
        for control in self._settings:
            control.observe(self._on_setting, "value")
        for control in (self.side, self.row, self.column, self.coverage):
            control.observe(self._on_selection, "value")
        self.play.observe(self._on_play, "value")

        for control in self._settings:
            control.layout.width, control.layout.flex = "auto", "1 1 285px"
            control.layout.max_width = "420px"
        # A row that wraps: one column beside the numbers, two or three where it has the line alone.
        left = widgets.Box(
            [*self._settings, self.hidden_note],
            layout=widgets.Layout(
                flex_flow="row wrap", flex="1 1 290px", align_content="flex-start"
            ),
        )
        right = widgets.VBox(
            [self.result, self.details],
            layout=widgets.Layout(flex="2 1 420px", min_width="300px", margin="0 0 0 12px"),
        )
        self._places = widgets.VBox(
            [self.side, self.row, self.column],
            layout=widgets.Layout(flex="1 1 340px", min_width="280px"),
        )
        selectors = widgets.Box(
            [
                self._places,
                widgets.VBox(
                    [self.play_label, self.play, self.coverage],
                    layout=widgets.Layout(flex="1 1 300px", min_width="260px"),
                ),
            ],
            layout=widgets.Layout(flex_flow="row wrap", width="100%"),
        )
        super().__init__(
            [
                widgets.Box(
                    [left, right], layout=widgets.Layout(flex_flow="row wrap", width="100%")
                ),
                selectors,
                self.drawing,
            ]
        )
        self._on_setting(None)

    # --- what the controls say ---

    @property
    def layer(self) -> Layer:
        kind = self.kind.value
        pooling = kind in ("max_pool", "avg_pool")
        padding = self.padding.value
        if self.padding_mode.value != "number":
            padding = self.padding_mode.value
        return Layer(
            kind,
            out_channels=None if pooling else self.out_channels.value,
            kernel_size=self.kernel_size.value,
            stride=self.stride.value,
            padding=padding,
            dilation=1 if kind == "avg_pool" else self.dilation.value,
            output_padding=self.output_padding.value if kind == "conv_transpose" else 0,
            groups=1 if pooling else self.groups.value,
            ceil_mode=pooling and self.ceil_mode.value,
            bias=pooling or self.bias.value,
        )

    @property
    def input_shape(self) -> Shape:
        return self.channels.value, self.height.value, self.width.value

    def load(self, layer: Layer, shape: Shape | None = None) -> None:
        """Set every control at once, with one update."""
        self._busy = True
        try:
            if shape is not None:
                self.channels.value, self.height.value, self.width.value = shape
                self.square.value = shape[1] == shape[2]
            self.kind.value = layer.kind
            for name in ("kernel_size", "stride", "dilation", "output_padding"):
                self._set_slider(getattr(self, name), getattr(layer, name))
            if isinstance(layer.padding, str):
                self.padding_mode.value = layer.padding
            else:
                self.padding_mode.value = "number"
                self._set_slider(self.padding, layer.padding)
            self.ceil_mode.value = layer.ceil_mode
            if not layer.is_pool:
                self.out_channels.value = layer.out_channels
                self.groups.value, self.bias.value = layer.groups, layer.bias
        finally:
            self._busy = False
        self._on_setting(None)

    @staticmethod
    def _set_slider(slider: widgets.IntSlider, value: int) -> None:
        slider.max = max(slider.max, value)
        slider.value = value

    # --- updates ---

    def show_failure(self, error: Exception) -> None:
        self._busy = False
        self.result.value = page(_failure(error))
        self.details.value = self.drawing.value = ""

    @_shows_failures
    def _on_setting(self, change: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            if self.square.value:
                self.width.value = self.height.value
            self.width.disabled = self.square.value
            self._hide_what_does_not_apply()
            layer, shape = self.layer, self.input_shape
            try:
                self._axes = view.calculated_axes(layer, shape)
            except (ShapeError, TypeError) as error:
                self._axes = self.output_shape = None
                self._explain(error, layer, shape)
            else:
                self._fit_selection()
                self._report(layer, shape)
                self._draw()
            # Without an output there is no pixel to choose.
            for control in (self.side, self.row, self.column, self.play, self.coverage):
                control.disabled = self._axes is None
        finally:
            self._busy = False

    @_shows_failures
    def _on_selection(self, change: Any) -> None:
        if self._busy or self._axes is None:
            return
        self._busy = True
        try:
            if change.owner is self.side:
                self._fit_selection()
            self._draw()
        finally:
            self._busy = False

    @_shows_failures
    def _on_play(self, change: Any) -> None:
        if self._busy or self._axes is None:
            return
        _, width = self._axes
        self._busy = True
        try:
            if self.side.value != "output":
                self.side.value = "output"
                self._fit_selection()
            self.row.value, self.column.value = divmod(self.play.value, width.output_size)
            self._draw()
        finally:
            self._busy = False

    def _hide_what_does_not_apply(self) -> None:
        kind = self.kind.value
        pooling = kind in ("max_pool", "avg_pool")
        for control in (self.out_channels, self.groups, self.bias):
            _show(control, not pooling)
        _show(self.ceil_mode, pooling)
        _show(self.output_padding, kind == "conv_transpose")
        _show(self.dilation, kind != "avg_pool")
        _show(self.padding, self.padding_mode.value == "number")
        if pooling:
            note = "Pooling keeps the channels and learns nothing: no channels out, groups, bias."
            if kind == "avg_pool":
                note += " PyTorch's average pooling has no dilation."
        else:
            note = ""
        note = page(f'<div style="opacity:.8">{note}</div>')
        if self.hidden_note.value != note:
            self.hidden_note.value = note

    def _fit_selection(self) -> None:
        height, width = self._axes
        before = self.row, self.column
        self.row, self.column = (
            self._fitting(slider, (axis.output_size if self.side.value == "output" else axis.size))
            for slider, axis in zip(before, (height, width), strict=True)
        )
        if before != (self.row, self.column):
            self._places.children = [self.side, self.row, self.column]
            for slider in {*before} - {self.row, self.column}:
                slider.close()
        last = height.output_size * width.output_size - 1
        with self.play.hold_trait_notifications():
            self.play.value = min(self.play.value, last)
            self.play.max = last

    def _fitting(self, slider: widgets.IntSlider, size: int) -> widgets.IntSlider:
        """The slider for ``size`` pixels, a new one unless this one fits.

        In the browser, the key End goes on meaning the maximum that a slider was made with,
        whatever its maximum is now.
        """
        if slider.max == size - 1:
            return slider
        fitting = _slider(slider.description, min(slider.value, size - 1), 0, size - 1)
        fitting.observe(self._on_selection, "value")
        return fitting

    def _draw(self) -> None:
        height, width = self._axes
        selection = Selection(self.side.value, self.row.value, self.column.value)
        sentence = drawing.selection_sentence(height, width, selection)
        picture = drawing.draw_layer(height, width, selection, self._prefix, self.coverage.value)
        hint = "Move the sliders, or point at a pixel with the mouse. Counting starts at 0."
        self.drawing.value = page(
            f'<div role="status"><strong>{escape(sentence)}</strong></div>',
            f'<div style="opacity:.8">{hint}</div>',
            picture,
        )

    def _report(self, layer: Layer, shape: Shape) -> None:
        comparison = view.compare(layer, shape)
        self.output_shape = comparison.torch.shape
        self.result.value = page(
            _headline(layer, shape, comparison.torch.shape),
            _work_html(view.work_out(layer, shape)),
            _costs_html(view.costs(layer, shape)),
        )
        strip = ""
        if layer.kind == "conv_transpose":
            warning = view.checkerboard_warning(layer)
            prefix = f"{self._prefix}s"
            strip = (
                f"<style>{drawing.overlap_style(prefix)}</style>"
                + (_note_box("⚠ " + warning) if warning else "")
                + drawing.draw_overlap(self._axes[1], prefix)
            )
        self.details.value = page(_comparison_html(comparison), strip)

    def _explain(self, error: Exception, layer: Layer, shape: Shape) -> None:
        self.result.value = page(_explained(error))
        try:
            frameworks = _comparison_html(view.compare(layer, shape))
        except (ShapeError, TypeError, ZeroDivisionError):
            frameworks = ""
        self.details.value = page(frameworks)
        picture = drawing.draw_misfit(layer, shape, self._prefix)
        self.drawing.value = page(picture or "No output, so there is nothing to draw.")


def _note_box(text: str) -> str:
    return (
        '<div role="note" style="border-left:5px solid #e0821a;padding:6px 12px;'
        f'background:rgba(224,130,26,.12);margin:6px 0">{escape(text)}</div>'
    )


def _headline(layer: Layer, before: Shape, after: Shape) -> str:
    return (
        '<div style="font-size:18px;font-weight:600;margin-bottom:4px">'
        f"({', '.join(map(str, before))}) → ({', '.join(map(str, after))})"
        '<span style="font-size:13px;font-weight:400;opacity:.8"> channels, height, width'
        "</span></div>"
    )


_CODE_STYLE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:12px;white-space:pre-wrap;"
    "overflow-wrap:anywhere"
)


def _work_html(work: tuple[view.AxisWork, view.AxisWork]) -> str:
    height, width = work
    alike = height.numbers == width.numbers
    rows = [("height and width" if alike else "height", height)]
    if not alike:
        rows.append(("width", width))
    parts = [f'<div style="opacity:.8">{escape(height.formula)}</div>']
    for name, axis in rows:
        unread = ""
        if axis.unread:
            unread = (
                f" <strong>Never read: {drawing.runs(axis.unread)}</strong> "
                f"({len(axis.unread)} of the input)."
            )
        parts.append(
            f'<div>{name}: <span style="font-weight:600">{escape(axis.numbers)}</span></div>'
            f"<div>{escape(axis.note)}{unread}</div>"
        )
    return "".join(parts)


def _costs_html(costs: view.Costs) -> str:
    rows = [
        ("Weights", costs.weights_text),
        ("Biases", f"{costs.biases:,}"),
        ("Parameters", f"{costs.weights + costs.biases:,}"),
        ("Multiply–adds", costs.multiply_adds_text),
        ("Receptive field", f"{costs.field[0]} × {costs.field[1]} input pixels"),
    ]
    return _table(rows)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        '<tr><th scope="row" style="text-align:left;font-weight:400;opacity:.8;'
        f'padding:0 14px 0 0;white-space:nowrap">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<table style="border-collapse:collapse;margin:4px 0">{cells}</table>'


_BADGES = {
    "equal": ("✓ Equal numbers", "#2f9e6b"),
    "same shape": ("≠ Same shape, other numbers", "#e0821a"),
    "other shape": ("≠ Other shape", "#e0821a"),
    "refused": ("✗ Refused", "#d6453d"),
}


def _comparison_html(comparison: view.Comparison) -> str:
    name, colour = _BADGES[comparison.verdict]
    sides = "".join(
        _side_html(title, side)
        for title, side in (("PyTorch", comparison.torch), ("Keras", comparison.keras))
    )
    equal = ""
    if comparison.equal_code:
        equal = (
            "<div>Keras with PyTorch's numbers:</div>"
            f'<div style="{_CODE_STYLE}">{escape(comparison.equal_code)}</div>'
        )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:4px 20px">{sides}</div>'
        f'<div style="margin:4px 0"><span style="border:2px solid {colour};border-radius:4px;'
        f'padding:0 6px;font-weight:600">{name}</span> {escape(comparison.reason)}</div>{equal}'
    )


def _side_html(title: str, side: view.Side) -> str:
    if side.shape is None:
        outcome = f"✗ <q>{escape(side.refusal)}</q>"
    else:
        order = "C, H, W" if title == "PyTorch" else "H, W, C"
        outcome = f"({', '.join(map(str, side.shape))}) <span style='opacity:.8'>{order}</span>"
    return (
        f'<div style="flex:1 1 260px;min-width:0"><strong>{title}</strong> {outcome}'
        f'<div style="{_CODE_STYLE}">{escape(side.code)}</div></div>'
    )


# --- Reverse ----------------------------------------------------------------------------------

_SHOWN_SOLUTIONS = 40


class ReverseTab(widgets.VBox):
    """Which settings take one size to another, the best first.

    use : called with (layer, size) when the learner wants to see one of them.
    """

    def __init__(self, use: Callable[[Layer, int], None]) -> None:
        self._use = use
        self._busy = False
        self._solutions: list[view.Solution] = []
        self.kind = widgets.Dropdown(
            options=_KIND_OPTIONS[:2], description="Layer", style=_LABEL,
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.size = _integer("From", 32)
        self.target = _integer("To", 16)
        self.max_kernel_size = _slider("Largest kernel", 7, 1, 15)
        self.table = widgets.HTML()
        self.choice = widgets.Dropdown(
            options=[], description="Solution", style=_LABEL,
            layout=widgets.Layout(width="auto", min_width="340px"),
        )  # fmt: skip
        self.button = widgets.Button(
            description="Show it in “One layer”", layout=widgets.Layout(width="auto")
        )
        for control in (self.kind, self.size, self.target, self.max_kernel_size):
            control.observe(self._on_question, "value")
        self.button.on_click(self._on_use)
        questions = widgets.VBox(
            [self.kind, self.size, self.target, self.max_kernel_size],
            layout=widgets.Layout(width="340px", max_width="100%"),
        )
        use_row = widgets.Box(
            [self.choice, self.button], layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        super().__init__([questions, use_row, self.table])
        self._on_question(None)

    def show_failure(self, error: Exception) -> None:
        self._busy = False
        self.table.value = page(_failure(error))

    @_shows_failures
    def _on_question(self, change: Any) -> None:
        kind = self.kind.value
        try:
            found = view.reverse(
                self.size.value, self.target.value, self.max_kernel_size.value, kind
            )
        except ShapeError as error:
            found, text = [], _explained(error)
        else:
            text = _solutions_html(found, self.size.value, self.target.value, kind)
        self._solutions = found[:_SHOWN_SOLUTIONS]
        options = [
            (f"{number}. {_setting_text(solution, kind)}", number - 1)
            for number, solution in enumerate(self._solutions, start=1)
        ]
        if tuple(self.choice.options) != tuple(options):
            self.choice.options = options
            self.choice.index = 0 if options else None
        self.choice.disabled = self.button.disabled = not options
        self.table.value = page(text)

    @_shows_failures
    def _on_use(self, button: Any) -> None:
        if self.choice.value is None:
            return
        solution = self._solutions[self.choice.value]
        layer = Layer(
            self.kind.value, None, solution.kernel_size, solution.stride, solution.padding,
            output_padding=solution.output_padding,
        )  # fmt: skip
        self._use(layer, self.size.value)


def _setting_text(solution: view.Solution, kind: str) -> str:
    text = f"kernel {solution.kernel_size}, stride {solution.stride}, padding {solution.padding}"
    if kind == "conv_transpose":
        text += f", output padding {solution.output_padding}"
    return text


_CELL = "padding:2px 10px;text-align:center;border-bottom:1px solid rgba(136,136,136,.35)"


def _html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Cells are HTML; the first of a row heads it."""
    head = "".join(f'<th scope="col" style="{_CELL};font-weight:600">{cell}</th>' for cell in heads)
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:400">{row[0]}</th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:6px 0">'
        f'<caption style="caption-side:top;text-align:left;padding:0 0 4px 0">{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _yes(good: bool, otherwise: str = "no") -> str:
    return "✓ yes" if good else f'<span style="opacity:.8">✗ {otherwise}</span>'


def _solutions_html(found: list[view.Solution], size: int, target: int, kind: str) -> str:
    name = view.KIND_NAMES[kind].lower()
    if not found:
        return _note_box(
            f"No {name} with kernels up to this size takes {size} to {target}. Raise the largest "
            "kernel, or go there in two layers."
        )
    transposed = kind == "conv_transpose"
    heads = ["", "kernel", "stride", "padding"]
    heads += ["output padding", "needs no output padding"] if transposed else ["nothing floored"]
    heads += ["overlaps evenly", "Keras gives equal numbers", "every pixel used"]
    rows = []
    for number, solution in enumerate(found[:_SHOWN_SOLUTIONS], start=1):
        row = [str(number), solution.kernel_size, solution.stride, solution.padding]
        if transposed:
            row += [solution.output_padding, _yes(solution.exact)]
        else:
            row.append(_yes(solution.exact, f"remainder {solution.remainder}"))
        row += [_yes(solution.even), _yes(solution.equal)]
        row.append(_yes(solution.unread == 0, f"{solution.unread} unread"))
        rows.append([str(cell) for cell in row])
    plural = "settings take" if len(found) > 1 else "setting takes"
    caption = f"<strong>{len(found)} {plural} {size} to {target}</strong>, the best first"
    if len(found) > _SHOWN_SOLUTIONS:
        caption += f"; the first {_SHOWN_SOLUTIONS} are shown"
    notes = "Keras's line is “valid” without padding, else “same”."
    if not transposed:
        notes += (
            " A convolution’s kernels overlap on the way back: in its gradient, not its output."
        )
    return _html_table(heads, rows, caption) + f'<div style="opacity:.8">{notes}</div>'


# --- Network ----------------------------------------------------------------------------------

_MOST_LAYERS = 16


class NetworkTab(widgets.VBox):
    """A stack of editable layers with shapes, parameters and receptive field down the stack."""

    def __init__(self) -> None:
        self._busy = False
        self.rows: list[NetworkRowEditor] = []
        names = [(network.name, index) for index, network in enumerate(view.PRESETS)]
        self.preset = widgets.Dropdown(
            options=names, value=0, description="Start from", style=_LABEL,
            layout=widgets.Layout(width="340px", max_width="100%"),
        )  # fmt: skip
        narrow = widgets.Layout(width="190px")
        self.channels, self.height, self.width = (
            widgets.IntText(description=name, style=_LABEL, layout=narrow)
            for name in ("Input channels", "Input height", "Input width")
        )
        self.bias = widgets.Checkbox(
            value=True, description="Layers have biases", indent=False,
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.summary = widgets.HTML()
        self.list = widgets.VBox()
        self.add = widgets.Button(description="Add a layer", icon="plus")
        self.preset.observe(self._on_preset, "value")
        for control in (self.channels, self.height, self.width, self.bias):
            control.observe(self._on_edit, "value")
        self.add.on_click(self._on_add)
        inputs = widgets.Box(
            [self.channels, self.height, self.width, self.bias],
            layout=widgets.Layout(flex_flow="row wrap", width="100%"),
        )
        super().__init__([self.preset, inputs, self.list, self.add, self.summary])
        self._on_preset(None)

    @property
    def layers(self) -> list[Layer]:
        return [replace(row.layer, bias=self.bias.value) for row in self.rows]

    def show_failure(self, error: Exception) -> None:
        self._busy = False
        self.summary.value = page(_failure(error))

    @_shows_failures
    def _on_preset(self, change: Any) -> None:
        network = view.PRESETS[self.preset.value]
        self._busy = True
        self.channels.value, self.height.value, self.width.value = network.shape
        # Editors that are there already are filled anew: making widgets is what takes time.
        rows = self.rows[: len(network.layers)]
        for row, layer in zip(rows, network.layers, strict=False):
            row.load(layer)
        self._busy = False
        rows += [self._row(layer) for layer in network.layers[len(rows) :]]
        self._set_rows(rows)

    @_shows_failures
    def _on_edit(self, change: Any) -> None:
        if not self._busy:
            self._refresh()

    @_shows_failures
    def _on_add(self, button: Any) -> None:
        if len(self.rows) >= _MOST_LAYERS:
            return
        last = self.rows[-1].layer if self.rows else view.PRESETS[0].layers[0]
        self._set_rows([*self.rows, self._row(last)])

    @_shows_failures
    def _on_row(self, row: NetworkRowEditor, action: str) -> None:
        if action == "edit":
            if not self._busy:
                self._refresh()
            return
        rows = list(self.rows)
        index = rows.index(row)
        if action == "remove":
            del rows[index]
        else:
            other = index + (-1 if action == "up" else 1)
            if not 0 <= other < len(rows):
                return
            rows[index], rows[other] = rows[other], rows[index]
        self._set_rows(rows)

    def _row(self, layer: Layer) -> NetworkRowEditor:
        return NetworkRowEditor(layer, self._on_row)

    def _set_rows(self, rows: list[NetworkRowEditor]) -> None:
        self.rows = rows
        self.list.children = rows
        self.add.disabled = len(rows) >= _MOST_LAYERS
        for number, row in enumerate(rows, start=1):
            row.place(number, len(rows))
        self._refresh()

    def _refresh(self) -> None:
        shape = self.channels.value, self.height.value, self.width.value
        results = view.trace_network(shape, self.layers)
        for row, result in zip(self.rows, results, strict=True):
            row.show(result)
        self.summary.value = page(_network_html(shape, self.layers, results))


class NetworkRowEditor(widgets.Box):
    """One layer of the stack. ``notify(row, action)`` hears of edits, moves and removal."""

    def __init__(self, layer: Layer, notify: Callable[[NetworkRowEditor, str], None]) -> None:
        self._notify = notify
        self.kind = widgets.Dropdown(
            options=_KIND_OPTIONS, value=layer.kind, description="Layer",
            style={"description_width": "55px"}, layout=widgets.Layout(width="245px"),
        )  # fmt: skip
        self.out_channels = self._number("Channels out", layer.out_channels or 1, 160)
        self.kernel_size = self._number("Kernel", layer.kernel_size, 115)
        self.stride = self._number("Stride", layer.stride or 1, 115)
        self.padding = self._number("Padding", layer.padding, 120)
        self.output_padding = self._number("Output padding", layer.output_padding, 165)
        self.up = self._button("Up", "up")
        self.down = self._button("Down", "down")
        self.remove = self._button("Remove", "remove")
        self.result = widgets.HTML(layout=widgets.Layout(flex="1 1 100%"))
        numbers = (
            self.out_channels, self.kernel_size, self.stride, self.padding, self.output_padding,
        )  # fmt: skip
        for control in (self.kind, *numbers):
            control.observe(self._on_edit, "value")
        super().__init__(
            [self.kind, *numbers, self.up, self.down, self.remove, self.result],
            layout=widgets.Layout(
                flex_flow="row wrap", width="100%", border="1px solid rgba(136,136,136,.4)",
                padding="2px 4px", margin="2px 0",
            ),
        )  # fmt: skip
        self._hide_what_does_not_apply()

    @staticmethod
    def _number(name: str, value: int, width: int) -> widgets.IntText:
        return widgets.IntText(
            value=value, description=name, style={"description_width": f"{width - 65}px"},
            layout=widgets.Layout(width=f"{width}px"),
        )  # fmt: skip

    def _button(self, name: str, action: str) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._notify(self, action))
        return button

    @property
    def layer(self) -> Layer:
        kind = self.kind.value
        pooling = kind in ("max_pool", "avg_pool")
        return Layer(
            kind,
            None if pooling else self.out_channels.value,
            self.kernel_size.value,
            self.stride.value,
            self.padding.value,
            output_padding=self.output_padding.value if kind == "conv_transpose" else 0,
        )

    def load(self, layer: Layer) -> None:
        """Show another layer."""
        self.kind.value = layer.kind
        self.out_channels.value = layer.out_channels or 1
        for name in ("kernel_size", "stride", "padding", "output_padding"):
            getattr(self, name).value = getattr(layer, name)

    def place(self, number: int, count: int) -> None:
        """Say which layer of how many this is."""
        self.kind.description = f"Layer {number}"
        self.up.disabled, self.down.disabled = number == 1, number == count

    def show(self, result: view.NetworkRow) -> None:
        """Show what the trace found."""
        if result.error is not None:
            text = _explained(result.error)
        elif result.shape is None:
            text = "<div>Unknown: an earlier layer does not fit.</div>"
        else:
            field = "not counted"
            if result.field:
                field = f"{result.field[0]} × {result.field[1]} input pixels"
            text = (
                f"<div>→ <strong>({', '.join(map(str, result.shape))})</strong> &nbsp; "
                f"{result.parameters:,} parameters &nbsp; receptive field {field}</div>"
            )
        text = page(text)
        if self.result.value != text:
            self.result.value = text

    def _on_edit(self, change: Any) -> None:
        if change.owner is self.kind:
            self._hide_what_does_not_apply()
        self._notify(self, "edit")

    def _hide_what_does_not_apply(self) -> None:
        _show(self.out_channels, self.kind.value in ("conv", "conv_transpose"))
        _show(self.output_padding, self.kind.value == "conv_transpose")


def _network_html(shape: Shape, layers: list[Layer], results: list[view.NetworkRow]) -> str:
    if not layers:
        return _note_box("No layers yet: add one.")
    bad = next((n for n, result in enumerate(results, start=1) if result.error), None)
    if bad is not None:
        return _note_box(f"The first layer that does not fit is layer {bad}; see there.")
    sizes = [_sizes_text(shape), *(_sizes_text(result.shape) for result in results)]
    total = sum(result.parameters for result in results)
    field = results[-1].field
    sees = ""
    if field:
        sees = f"; an output pixel sees {field[0]} × {field[1]} input pixels, borders ignored"
    shapes = f"({', '.join(map(str, shape))}) → ({', '.join(map(str, results[-1].shape))})"
    return (
        f'<div style="font-size:16px;font-weight:600">{" → ".join(sizes)}</div>'
        f"<div><strong>Total</strong>: {shapes}, {total:,} parameters{sees}.</div>"
    )


# --- Challenge --------------------------------------------------------------------------------


class ChallengeTab(widgets.VBox):
    """Tasks such as "take 28 to 7 in two convolutions", judged by what the answer computes."""

    def __init__(self) -> None:
        self._solved: set[int] = set()
        tasks = [(f"{n + 1}. {task.text}", n) for n, task in enumerate(view.CHALLENGES)]
        self.task = widgets.Dropdown(
            options=tasks, value=0, description="Task", style={"description_width": "60px"},
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.text = widgets.HTML()
        self.rows = [ChallengeRow(number) for number in range(1, 4)]
        self.check = widgets.Button(description="Check", button_style="primary")
        self.next = widgets.Button(description="Next task")
        self.feedback = widgets.HTML()
        self.task.observe(self._on_task, "value")
        self.check.on_click(self._on_check)
        self.next.on_click(self._on_next)
        for row in self.rows:
            row.on_change(self._on_change)
        super().__init__(
            [
                self.task, self.text, *self.rows, widgets.HBox([self.check, self.next]),
                self.feedback,
            ]
        )  # fmt: skip
        self._on_task(None)

    @property
    def challenge(self) -> view.Challenge:
        """The current task."""
        return view.CHALLENGES[self.task.value]

    @property
    def layers(self) -> list[Layer]:
        """The learner's answer."""
        kind = self.challenge.kind
        return [row.layer(kind) for row in self.rows[: self.challenge.count]]

    def show_failure(self, error: Exception) -> None:
        self.feedback.value = page(_failure(error))

    @_shows_failures
    def _on_task(self, change: Any) -> None:
        challenge = self.challenge
        for row in self.rows:
            row.prepare(challenge.kind, row.number <= challenge.count)
        self._say("")

    @_shows_failures
    def _on_change(self, change: Any) -> None:
        if self.feedback.value:  # it judged another answer than the one that stands there now
            self.feedback.value = ""

    @_shows_failures
    def _on_check(self, button: Any) -> None:
        result = view.check_challenge(self.challenge, self.layers)
        if result.passed:
            self._solved.add(self.task.value)
        self._say(_feedback_html(result))

    @_shows_failures
    def _on_next(self, button: Any) -> None:
        self.task.value = (self.task.value + 1) % len(view.CHALLENGES)

    def _say(self, feedback: str) -> None:
        solved = f"{len(self._solved)} of {len(view.CHALLENGES)} solved"
        mark = " ✓ solved" if self.task.value in self._solved else ""
        self.text.value = page(
            f'<div style="font-size:16px;font-weight:600">{escape(self.challenge.text)}{mark}</div>'
            f'<div style="opacity:.8">{solved}. Every right answer counts.</div>'
        )
        self.feedback.value = page(feedback) if feedback else ""


class ChallengeRow(widgets.Box):
    """The sliders of one layer of the answer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.label = widgets.Label(f"Layer {number}", layout=widgets.Layout(width="70px"))
        self.kernel_size = self._slider("Kernel", 1, 15, 1)
        self.stride = self._slider("Stride", 1, 8, 1)
        self.padding = self._slider("Padding", 0, 7, 0)
        self.output_padding = self._slider("Output padding", 0, 7, 0)
        self._sliders = [self.kernel_size, self.stride, self.padding, self.output_padding]
        super().__init__(
            [self.label, *self._sliders],
            layout=widgets.Layout(flex_flow="row wrap", width="100%"),
        )

    @staticmethod
    def _slider(name: str, lowest: int, highest: int, value: int) -> widgets.IntSlider:
        slider = _slider(name, value, lowest, highest)
        slider.style.description_width = "100px"
        slider.layout.width = "290px"
        return slider

    def on_change(self, function: Callable[[Any], None]) -> None:
        """Call ``function`` when a slider moves."""
        for slider in self._sliders:
            slider.observe(function, "value")

    def prepare(self, kind: str, used: bool) -> None:
        """Start a task: back to a layer that changes nothing."""
        _show(self, used)
        _show(self.output_padding, kind == "conv_transpose")
        for slider in self._sliders:
            slider.value = slider.min

    def layer(self, kind: str) -> Layer:
        """The layer that the sliders describe."""
        return Layer(
            kind,
            1,
            self.kernel_size.value,
            self.stride.value,
            self.padding.value,
            output_padding=self.output_padding.value if kind == "conv_transpose" else 0,
        )


def _feedback_html(result: view.ChallengeResult) -> str:
    steps = "".join(f"<div>{escape(step)}</div>" for step in result.steps)
    if not result.passed:
        return _alert("Not yet", [steps, escape(result.message)])
    return (
        '<div role="status" style="border-left:5px solid #2f9e6b;padding:6px 12px;'
        f'background:rgba(47,158,107,.14);margin:4px 0"><strong>✓ {escape(result.message)}'
        f"</strong>{steps}</div>"
    )

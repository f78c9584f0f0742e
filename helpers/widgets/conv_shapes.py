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
from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.conv_shapes import KINDS, Axis, Layer, Shape, ShapeError
from helpers.widgets import conv_shapes_drawing as drawing
from helpers.widgets import conv_shapes_view as view
from helpers.widgets.conv_shapes_drawing import Selection

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
        self.tabs = widgets.Tab(children=[self.one_layer])
        for index, title in enumerate(("One layer",)):
            self.tabs.set_title(index, title)
        super().__init__([self.tabs])

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


_TEXT_STYLE = (
    "color:var(--jp-ui-font-color1,var(--vscode-editor-foreground,inherit));"
    "font-size:13px;line-height:1.5"
)


def _page(*parts: str) -> str:
    return f'<div style="{_TEXT_STYLE}">{"".join(parts)}</div>'


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
            value=height == width, description="Width = height", indent=False
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
            value=layer.ceil_mode, description="Round up (ceil_mode)", indent=False
        )
        self.bias = widgets.Checkbox(value=layer.bias, description="Bias", indent=False)
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

        left = widgets.VBox(
            [*self._settings, self.hidden_note],
            layout=widgets.Layout(flex="0 1 300px", min_width="270px"),
        )
        right = widgets.VBox(
            [self.result, self.details],
            layout=widgets.Layout(flex="1 1 380px", min_width="300px"),
        )
        selectors = widgets.Box(
            [
                widgets.VBox(
                    [self.side, self.row, self.column],
                    layout=widgets.Layout(flex="1 1 340px", min_width="280px"),
                ),
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
        self.result.value = _page(_failure(error))
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
            note = "Rounding up (ceil_mode) is for pooling only."
            if kind == "conv":
                note += " Output padding is for transposed convolutions only."
        note = _page(f'<div style="opacity:.8">{note}</div>')
        if self.hidden_note.value != note:
            self.hidden_note.value = note

    def _fit_selection(self) -> None:
        height, width = self._axes
        for slider, axis in ((self.row, height), (self.column, width)):
            size = axis.output_size if self.side.value == "output" else axis.size
            with slider.hold_trait_notifications():
                slider.value = min(slider.value, size - 1)
                slider.max = size - 1
        last = height.output_size * width.output_size - 1
        with self.play.hold_trait_notifications():
            self.play.value = min(self.play.value, last)
            self.play.max = last

    def _draw(self) -> None:
        height, width = self._axes
        selection = Selection(self.side.value, self.row.value, self.column.value)
        sentence = drawing.selection_sentence(height, width, selection)
        picture = drawing.draw_layer(height, width, selection, self._prefix, self.coverage.value)
        hint = "Move the sliders, or point at a pixel with the mouse. Counting starts at 0."
        self.drawing.value = _page(
            f'<div role="status"><strong>{escape(sentence)}</strong></div>',
            f'<div style="opacity:.8">{hint}</div>',
            picture,
        )

    def _report(self, layer: Layer, shape: Shape) -> None:
        comparison = view.compare(layer, shape)
        self.output_shape = comparison.torch.shape
        self.result.value = _page(
            _headline(layer, shape, comparison.torch.shape),
            _work_html(view.work_out(layer, shape)),
            _costs_html(view.costs(layer, shape)),
        )
        warning = view.checkerboard_warning(layer)
        strip = ""
        if warning:
            prefix = f"{self._prefix}s"
            strip = (
                f"<style>{drawing.overlap_style(prefix)}</style>"
                + _note_box("⚠ " + warning)
                + drawing.draw_overlap(self._axes[1], prefix)
            )
        self.details.value = _page(_comparison_html(comparison), strip)

    def _explain(self, error: Exception, layer: Layer, shape: Shape) -> None:
        self.result.value = _page(_explained(error))
        try:
            frameworks = _comparison_html(view.compare(layer, shape))
        except (ShapeError, TypeError, ZeroDivisionError):
            frameworks = ""
        self.details.value = _page(frameworks)
        picture = drawing.draw_misfit(layer, shape, self._prefix)
        self.drawing.value = _page(picture or "No output, so there is nothing to draw.")


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

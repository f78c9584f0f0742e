"""The conv-shape calculator's pictures: SVG inside HTML, made by pure functions.

A layer connects rows with rows and columns with columns, so which cell lights up for which is a
product of two small tables. The hover rules use this: hovering row r of one grid sets custom
properties for the rows it is connected to, hovering column c those of its columns, and each
cell's opacity is the product of its row's property and its column's. That takes as many rules as
there are rows and columns, not cells, and no script.

Every selector is scoped to ``prefix``, a class of the caller's choosing, so that two calculators
on one page keep apart. Text takes the colour of the surrounding theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from helpers.conv_shapes import Axis, Layer

WHOLE = 36
"""Cells along an axis up to which a grid is drawn whole."""
WINDOW = 24
"""Cells along an axis that are drawn around the selection of a larger grid."""

_PANEL = 330  # pixels that the cells of a grid may take
_SMALLEST_NUMBER = 15  # pixels a cell needs before a number inside it can be read

BLUE, ORANGE, RED = "#3a8ad8", "#e0821a", "#d6453d"  # legible on white and on near-black


@dataclass(frozen=True)
class Selection:
    """The chosen pixel: which grid, and where. Rows and columns count from 0."""

    side: Literal["output", "input"] = "output"
    row: int = 0
    column: int = 0


def linked(axis: Axis, side: str, index: int) -> list[int]:
    """Positions on the other grid that pixel ``index`` is connected to, along one axis.

    side "output": the input positions that it reads, the padding included.
    side "input": the output pixels that it feeds.
    """
    if side == "output":
        return axis.reads(index)
    # Axis.feeds asks every output; here only the kernel's taps are asked.
    taps = range(0, axis.dilation * axis.kernel_size, axis.dilation)
    if axis.transposed:
        outputs = (index * axis.stride - axis.padding + tap for tap in taps)
    else:
        shifted = (index + axis.padding - tap for tap in taps)
        outputs = (place // axis.stride for place in shifted if place % axis.stride == 0)
    return sorted(output for output in outputs if 0 <= output < axis.output_size)


def runs(numbers: Iterable[int]) -> str:
    """Sorted numbers as text: 1–3, 5, 7–8."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    texts = []
    for first, last in parts:
        if last > first + 1:
            texts.append(f"{first}–{last}")
        else:
            texts += [str(number) for number in range(first, last + 1)]
    if len(texts) > 8:
        return ", ".join(texts[:4]) + ", …, " + ", ".join(texts[-2:])
    return ", ".join(texts)


def _place(rows: list[int], columns: list[int]) -> str:
    named = ((rows, "row"), (columns, "column"))
    return ", ".join(f"{word}{'s' if places[1:] else ''} {runs(places)}" for places, word in named)


def selection_sentence(height: Axis, width: Axis, selection: Selection) -> str:
    """What the chosen pixel reads or feeds, in words."""
    rows = linked(height, selection.side, selection.row)
    columns = linked(width, selection.side, selection.column)
    pixel = f"{selection.side.capitalize()} pixel (row {selection.row}, column {selection.column})"
    if selection.side == "input":
        count = len(rows) * len(columns)
        if not count:
            return f"{pixel} feeds no output pixel: the layer never reads it."
        plural = "s" if count > 1 else ""
        where = _place(rows, columns)
        return f"{pixel} feeds {count} output pixel{plural}: {where}."
    inside_rows = [row for row in rows if 0 <= row < height.size]
    inside_columns = [column for column in columns if 0 <= column < width.size]
    total, inside = len(rows) * len(columns), len(inside_rows) * len(inside_columns)
    if not inside:
        return f"{pixel} reads no input pixel: it holds nothing but the bias."
    plural = "s" if inside > 1 else ""
    sentence = f"{pixel} reads {inside} input pixel{plural}: {_place(inside_rows, inside_columns)}"
    return sentence + (f", and {total - inside} of the padding." if total > inside else ".")


# --- Grids ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    """Cells lo, …, hi − 1 of one axis; those below 0 and from ``size`` on are padding."""

    lo: int
    hi: int
    size: int
    whole_lo: int
    whole_hi: int

    @property
    def count(self) -> int:
        return self.hi - self.lo

    @property
    def cut(self) -> bool:
        return self.count < self.whole_hi - self.whole_lo

    def shown(self, indices: Iterable[int]) -> list[int]:
        return [index for index in indices if self.lo <= index < self.hi]


def _span(size: int, whole_lo: int, whole_hi: int, focus: Sequence[int]) -> _Span:
    if whole_hi - whole_lo <= WHOLE:
        return _Span(whole_lo, whole_hi, size, whole_lo, whole_hi)
    first, last = (focus[0], focus[-1]) if focus else (0, 0)
    count = min(max(WINDOW, last - first + 3), WHOLE)
    lo = min(max((first + last + 1 - count) // 2, whole_lo), whole_hi - count)
    return _Span(lo, lo + count, size, whole_lo, whole_hi)


def _input_edges(axis: Axis) -> tuple[int, int]:
    if axis.transposed:
        return 0, axis.size
    # Windows of "same" and of ceil_mode may end beyond the padding in front.
    return -axis.padding, max(axis.size + axis.padding, axis.reads(axis.output_size - 1)[-1] + 1)


def _output_edges(axis: Axis) -> tuple[int, int]:
    if not axis.transposed:
        return 0, axis.output_size
    full = (axis.size - 1) * axis.stride + axis.dilation * (axis.kernel_size - 1) + 1
    return -axis.padding, max(full - axis.padding, axis.output_size)


def draw_layer(
    height: Axis, width: Axis, selection: Selection, prefix: str, coverage: bool = False
) -> str:
    """Input grid and output grid with the chosen pixel and what it is connected to.

    prefix : a class name that no other drawing on the page has.
    coverage : colour and number the cells by how often they are read instead.
    """
    chosen_rows, chosen_columns = [selection.row], [selection.column]
    linked_rows = linked(height, selection.side, selection.row)
    linked_columns = linked(width, selection.side, selection.column)
    if selection.side == "output":
        focus = linked_rows, linked_columns, chosen_rows, chosen_columns
    else:
        focus = chosen_rows, chosen_columns, linked_rows, linked_columns
    in_rows = _span(height.size, *_input_edges(height), focus[0])
    in_columns = _span(width.size, *_input_edges(width), focus[1])
    out_rows = _span(height.output_size, *_output_edges(height), focus[2])
    out_columns = _span(width.output_size, *_output_edges(width), focus[3])

    sentence = selection_sentence(height, width, selection)
    drawn = {"input": (in_rows, in_columns), "output": (out_rows, out_columns)}
    panels, rules = [], []
    for side, (rows, columns) in drawn.items():
        panel = _Panel(side, rows, columns, prefix)
        on_this_side = side == selection.side
        panel.hatch_unread(height, width)
        if coverage:
            panel.colour_by_coverage(height, width)
        else:
            panel.mark_padding()
            panel.mark_windows(height, width)
        if on_this_side:
            panel.choose(selection.row, selection.column)
        else:
            panel.light(linked_rows, linked_columns, outline=coverage)
            panel.frame(height, width, selection)
        panels.append(panel.html(height, width, sentence))
        rules.append(panel.style())
    rules += _hover_rules(height, in_rows, out_rows, "r")
    rules += _hover_rules(width, in_columns, out_columns, "c")
    return (
        f'<div class="{prefix} convshape"><style>{_base_style(prefix)}{"".join(rules)}'.replace(
            "@", f".{prefix}"
        )
        + f'</style><div class="panels">{"".join(panels)}</div>'
        + _legend(height.transposed, coverage, prefix)
        + "</div>"
    )


def _hover_rules(axis: Axis, inputs: _Span, outputs: _Span, letter: str) -> list[str]:
    """Rules of one axis; ``@`` stands for the scope."""
    rules = []
    real_outputs = range(max(outputs.lo, 0), min(outputs.hi, axis.output_size))
    for output in real_outputs:
        lit = "".join(f"--i{letter}{i}:1;" for i in inputs.shown(axis.reads(output)))
        rules.append(f"@:has(.o{letter}{output}:hover){{{lit}}}")
    for input in range(max(inputs.lo, 0), min(inputs.hi, axis.size)):
        lit = "".join(f"--o{letter}{o}:1;" for o in outputs.shown(linked(axis, "input", input)))
        rules.append(f"@:has(.i{letter}{input}:hover){{{lit}}}")
    name = "--a" if letter == "r" else "--b"
    for side, indices in (("i", range(inputs.lo, inputs.hi)), ("o", real_outputs)):
        rules += [f"@ .{side}{letter}{i}{{{name}:var(--{side}{letter}{i},0)}}" for i in indices]
    return rules


class _Panel:
    """One grid, built layer by layer: what is drawn later lies on top."""

    def __init__(self, side: str, rows: _Span, columns: _Span, prefix: str) -> None:
        self.side, self.letter, self.prefix = side, side[0], prefix
        self.rows, self.columns = rows, columns
        self.cell = max(9, min(26, _PANEL // max(rows.count, columns.count)))
        self.left, self.top = 32, 22
        self.under: list[str] = []
        self.over: list[str] = []

    def x(self, column: int) -> int:
        return self.left + (column - self.columns.lo) * self.cell

    def y(self, row: int) -> int:
        return self.top + (row - self.rows.lo) * self.cell

    def box(self, rows: tuple[int, int], columns: tuple[int, int], attributes: str) -> str:
        """A rectangle over cells rows[0] … rows[1] − 1, cut at the edge of what is shown."""
        top, bottom = max(rows[0], self.rows.lo), min(rows[1], self.rows.hi)
        left, right = max(columns[0], self.columns.lo), min(columns[1], self.columns.hi)
        if top >= bottom or left >= right:
            return ""
        return (
            f'<rect x="{self.x(left)}" y="{self.y(top)}" width="{(right - left) * self.cell}" '
            f'height="{(bottom - top) * self.cell}" {attributes}/>'
        )

    def number(self, row: int, column: int, text: object, weight: str = "") -> str:
        middle = self.cell // 2
        return (
            f'<text x="{self.x(column) + middle}" y="{self.y(row) + middle}" class="num{weight}">'
            f"{text}</text>"
        )

    def real(self) -> tuple[range, range]:
        """Shown rows and columns that are pixels, not padding."""
        return (
            range(max(self.rows.lo, 0), min(self.rows.hi, self.rows.size)),
            range(max(self.columns.lo, 0), min(self.columns.hi, self.columns.size)),
        )

    def counts(self, height: Axis, width: Axis) -> tuple[dict[int, int], dict[int, int]]:
        """How often each shown row and column is read (input), or reads a pixel (output)."""
        pair = []
        for axis, indices in zip((height, width), self.real(), strict=True):
            if self.side == "input":
                pair.append({i: len(linked(axis, "input", i)) for i in indices})
            else:
                pair.append({i: sum(0 <= p < axis.size for p in axis.reads(i)) for i in indices})
        return pair[0], pair[1]

    def hatch_unread(self, height: Axis, width: Axis) -> None:
        rows, columns = self.counts(height, width)
        hatch = f'class="never" fill="url(#{self.prefix}-{self.letter}-never)"'
        # Rows right across, columns only where no row is hatched yet: twice would look like more.
        for top, bottom in _runs([row for row, count in rows.items() if count == 0]):
            self.under.append(self.box((top, bottom), (0, self.columns.size), hatch))
        read = _runs([row for row, count in rows.items() if count])
        for left, right in _runs([column for column, count in columns.items() if count == 0]):
            self.under += [self.box(run, (left, right), hatch) for run in read]

    def colour_by_coverage(self, height: Axis, width: Axis) -> None:
        rows, columns = self.counts(height, width)
        most = max(rows.values(), default=0) * max(columns.values(), default=0)
        for row, row_count in rows.items():
            for column, column_count in columns.items():
                count = row_count * column_count
                if count:
                    opacity = round(0.08 + 0.6 * count / most, 2)
                    fill = f'fill="{BLUE}" fill-opacity="{opacity}"'
                    self.under.append(self.box((row, row + 1), (column, column + 1), fill))
                if self.cell >= _SMALLEST_NUMBER and count < 1000:
                    self.over.append(self.number(row, column, count))

    def mark_padding(self) -> None:
        if self.cell < _SMALLEST_NUMBER:
            return
        real_rows, real_columns = self.real()
        sign = "0" if self.side == "input" else "×"
        for row in range(self.rows.lo, self.rows.hi):
            for column in range(self.columns.lo, self.columns.hi):
                if row not in real_rows or column not in real_columns:
                    self.over.append(self.number(row, column, sign, " faint"))

    def mark_windows(self, height: Axis, width: Axis) -> None:
        """Ticks along the edges where each kernel position starts."""
        if height.transposed != (self.side == "output"):
            return
        ticks = []
        for axis, span, place in ((width, self.columns, self.x), (height, self.rows, self.y)):
            number = axis.size if axis.transposed else axis.output_size
            first = max(0, (span.lo + axis.padding) // axis.stride)
            last = min(number, (span.hi + axis.padding) // axis.stride + 1)
            for window in range(first, last):
                start = window * axis.stride - axis.padding
                if span.lo <= start < span.hi:
                    at = place(start)
                    if axis is width and place == self.x:
                        ticks.append(f"M{at} {self.top - 6}h5l-5 5z")
                    else:
                        ticks.append(f"M{self.left - 6} {at}v5l5 -5z")
        self.under.append(f'<path d="{"".join(ticks)}" class="tick"/>')

    def choose(self, row: int, column: int) -> None:
        self.over.append(self.box((row, row + 1), (column, column + 1), 'class="sel chosen"'))

    def light(self, rows: list[int], columns: list[int], outline: bool) -> None:
        # A run of neighbours is one rectangle: the grid lines over it show the cells.
        style = 'class="sel lit edge"' if outline else 'class="sel lit"'
        for top, bottom in _runs(rows):
            for left, right in _runs(columns):
                self.under.append(self.box((top, bottom), (left, right), style))

    def frame(self, height: Axis, width: Axis, selection: Selection) -> None:
        """The kernel's outline: on the input for a convolution, on the output for a transposed."""
        if height.transposed == (selection.side == "output"):
            return
        sides = []
        for axis, index in ((height, selection.row), (width, selection.column)):
            start = index * axis.stride - axis.padding
            sides.append((start, start + axis.dilation * (axis.kernel_size - 1) + 1))
        self.over.append(self.box(sides[0], sides[1], 'class="sel kernel"'))

    def style(self) -> str:
        return f"@ .g{self.letter} .cell{{width:{self.cell}px;height:{self.cell}px}}"

    def html(self, height: Axis, width: Axis, sentence: str) -> str:
        across = self.columns.count * self.cell
        down = self.rows.count * self.cell
        total = (self.left + across + 6, self.top + down + 6)
        real_rows, real_columns = self.real()
        grid = self.box(
            (real_rows.start, real_rows.stop),
            (real_columns.start, real_columns.stop),
            'class="image"',
        )
        # Shade what lies between the outer edge and the image: even-odd leaves the inside alone.
        inner = (
            f"M{self.x(real_columns.start)} {self.y(real_rows.start)}"
            f"h{len(real_columns) * self.cell}v{len(real_rows) * self.cell}"
            f"h-{len(real_columns) * self.cell}z"
        )
        ring = (
            f'<path d="M{self.left} {self.top}h{across}v{down}h-{across}z{inner}" '
            'fill-rule="evenodd" class="ring"/>'
        )
        lines = "".join(
            f"M{self.x(column)} {self.top}v{down}"
            for column in range(self.columns.lo, self.columns.hi + 1)
        ) + "".join(
            f"M{self.left} {self.y(row)}h{across}" for row in range(self.rows.lo, self.rows.hi + 1)
        )
        cells = "".join(
            f'<g class="{self.letter}r{row}" transform="translate(0 {self.y(row)})">'
            + "".join(
                f'<rect class="cell {self.letter}c{column}" x="{self.x(column)}"/>'
                for column in self._hoverable(1)
            )
            + "</g>"
            for row in self._hoverable(0)
        )
        rows, columns = (height.size, width.size)
        if self.side == "output":
            rows, columns = height.output_size, width.output_size
        shown = ""
        if self.rows.cut or self.columns.cut:
            shown = (
                f'<div class="shown">drawn: rows {self.rows.lo}–{self.rows.hi - 1}, '
                f"columns {self.columns.lo}–{self.columns.hi - 1}</div>"
            )
        label = escape(f"{self.side.capitalize()} grid of {rows} × {columns} pixels. {sentence}")
        return (
            f'<div class="panel"><div class="head">{self.side.capitalize()} {rows} × {columns}'
            f'{self._extra()}</div>{shown}<svg class="g{self.letter}" role="img" '
            f'aria-label="{label}" viewBox="0 0 {total[0]} {total[1]}" width="{total[0]}" '
            f'height="{total[1]}"><desc>{label}</desc>{_hatch(self.prefix, self.letter)}'
            f'{ring}{"".join(self.under)}<path d="{lines}" class="lines"/>{grid}{self._labels()}'
            f"{''.join(self.over)}{cells}</svg></div>"
        )

    def _hoverable(self, axis: int) -> range:
        # The input's padding can be lit, so it has cells; what an output cuts off cannot.
        span = (self.rows, self.columns)[axis]
        return range(span.lo, span.hi) if self.side == "input" else self.real()[axis]

    def _extra(self) -> str:
        before = -min(self.rows.whole_lo, self.columns.whole_lo)
        after = max(self.rows.whole_hi - self.rows.size, self.columns.whole_hi - self.columns.size)
        if before <= 0 and after <= 0:
            return ""
        what = "padding" if self.side == "input" else "cut off"
        return f' <span class="faint">{what}: {before} before, {after} after</span>'

    def _labels(self) -> str:
        every = next(step for step in (1, 2, 4, 8) if step * self.cell >= 17)
        texts = []
        real_rows, real_columns = self.real()
        middle = self.cell / 2
        for column in real_columns:
            if column % every == 0:
                texts.append(
                    f'<text x="{self.x(column) + middle}" y="{self.top - 9}" '
                    f'class="lab top {self.letter}c{column}">{column}</text>'
                )
        for row in real_rows:
            if row % every == 0:
                texts.append(
                    f'<text x="{self.left - 9}" y="{self.y(row) + middle}" '
                    f'class="lab side {self.letter}r{row}">{row}</text>'
                )
        return "".join(texts)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    for number in numbers:
        if parts and number == parts[-1][1]:
            parts[-1] = parts[-1][0], number + 1
        else:
            parts.append((number, number + 1))
    return parts


def _hatch(prefix: str, letter: str) -> str:
    return (
        f'<defs><pattern id="{prefix}-{letter}-never" width="5" height="5" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="5" height="5" fill="#888" fill-opacity=".25"/>'
        '<path d="M0 0v5" stroke="#888" stroke-width="2.5"/></pattern></defs>'
    )


def _base_style(prefix: str) -> str:
    lit = "calc(var(--a,0)*var(--b,0)"
    return (
        "@{color:var(--jp-ui-font-color1,var(--vscode-editor-foreground,inherit));"
        "font-size:13px;line-height:1.45}"
        "@ .panels{display:flex;flex-wrap:wrap;gap:8px 20px}"
        "@ .panel{min-width:0;max-width:100%}"
        "@ .head{font-weight:600}"
        "@ .faint,@ .shown{font-weight:400;opacity:.8}"
        "@ svg{max-width:100%;height:auto;display:block}"
        "@ svg text{fill:currentColor;font:11px sans-serif;pointer-events:none}"
        "@ .num{text-anchor:middle;dominant-baseline:central}"
        "@ text.faint{opacity:.55}"
        "@ .lab{fill-opacity:calc(.75 + .25*(var(--a,0) + var(--b,0)));"
        "font-weight:calc(400 + 300*(var(--a,0) + var(--b,0)))!important}"
        "@ .top{text-anchor:middle}@ .side{text-anchor:end;dominant-baseline:central}"
        "@ .lines{stroke:currentColor;stroke-opacity:.22;fill:none}"
        "@ .ring{fill:#888;fill-opacity:.16}"
        "@ .image{fill:none;stroke:currentColor;stroke-width:1.6}"
        "@ .tick{fill:currentColor;fill-opacity:.7}"
        f"@ .lit{{fill:{ORANGE};fill-opacity:.5}}"
        # On the coverage map a fill would change the colours that carry the counts.
        f"@ .edge{{fill-opacity:0;stroke:{ORANGE};stroke-width:3}}"
        f"@ .kernel{{fill:none;stroke:{ORANGE};stroke-width:3}}"
        f"@ .chosen{{fill:{BLUE};fill-opacity:.55;stroke:{BLUE};stroke-width:3}}"
        f"@ .cell{{fill:{ORANGE};stroke:{ORANGE};stroke-width:1.5;"
        f"fill-opacity:{lit}*.5);stroke-opacity:{lit})}}"
        f"@ .cell:hover{{fill:{BLUE};fill-opacity:.55;stroke:{BLUE};stroke-width:3;"
        "stroke-opacity:1}"
        # While the mouse chooses, the sliders' choice would only confuse.
        "@:has(.cell:hover) .sel{visibility:hidden}"
        "@ .legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin-top:4px}"
        "@ .legend svg{display:inline-block;vertical-align:-2px;margin-right:5px}"
    )


def _legend(transposed: bool, coverage: bool, prefix: str) -> str:
    def swatch(shape: str) -> str:
        return f'<svg width="14" height="14" aria-hidden="true">{shape}</svg>'

    square = 'x="2" y="2" width="10" height="10"'
    items = [
        (swatch(f'<rect {square} class="chosen"/>'), "chosen pixel"),
        (
            swatch(f'<rect {square} class="lit" stroke="{ORANGE}"/>'),
            "what it is connected to",
        ),
        (
            swatch(f'<rect {square} class="kernel"/>'),
            "kernel, with its gaps" if not transposed else "where the kernel writes",
        ),
        (
            swatch(f'<rect {square} fill="url(#{prefix}-i-never)" stroke="#888"/>'),
            "never read" if not transposed else "no connection",
        ),
    ]
    if not coverage:
        items.append(
            (
                swatch('<path d="M2 4h9l-9 9z" class="tick"/>'),
                "a kernel position starts",
            )
        )
    else:
        text = "the darker, the more output pixels read it (input) or inputs it adds up (output)"
        items.append((swatch(f'<rect {square} fill="{BLUE}" fill-opacity=".6"/>'), text))
    spans = "".join(f"<span>{picture}{text}</span>" for picture, text in items)
    return f'<div class="legend">{spans}</div>'


# --- Checkerboard strip and misfits -----------------------------------------------------------


def draw_overlap(axis: Axis, prefix: str) -> str:
    """Bars: how many input columns each output column adds up, with the number over each."""
    shown = min(axis.output_size, WINDOW)
    counts = [sum(0 <= p < axis.size for p in axis.reads(output)) for output in range(shown)]
    most = max(max(counts), 1)
    step, unit = 22, max(6, min(16, 64 // most))
    tall = most * unit
    bars = []
    for output, count in enumerate(counts):
        x, top = output * step + 2, 16 + tall - count * unit
        bars.append(
            f'<rect x="{x}" y="{top}" width="{step - 4}" height="{count * unit}" class="bar"/>'
            + "".join(
                f'<path d="M{x} {top + line * unit}h{step - 4}" class="cut"/>'
                for line in range(1, count)
            )
            + f'<text x="{x + step // 2 - 2}" y="{top - 4}" class="num2">{count}</text>'
            + f'<text x="{x + step // 2 - 2}" y="{tall + 30}" class="num2 faint">{output}</text>'
        )
    total = (shown * step + 4, tall + 36)
    of = f" of {axis.output_size}" if shown < axis.output_size else ""
    title = f"Overlap strip: input columns added up in output columns 0–{shown - 1}{of}"
    label = escape(f"{title}: {', '.join(map(str, counts))}.")
    return (
        f'<div class="{prefix} overlap"><div class="head">{title}</div>'
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {total[0]} {total[1]}" '
        f'width="{total[0]}" height="{total[1]}"><desc>{label}</desc>{"".join(bars)}</svg></div>'
    )


def overlap_style(prefix: str) -> str:
    """Rules for draw_overlap and draw_misfit where no draw_layer stands beside them."""
    return (
        f".{prefix} .bar{{fill:{BLUE};fill-opacity:.6;stroke:{BLUE}}}"
        f".{prefix} .cut{{stroke:currentColor;stroke-opacity:.5}}"
        f".{prefix} .num2{{text-anchor:middle}}"
        f".{prefix} .head{{font-weight:600}}"
        f".{prefix} svg{{max-width:100%;height:auto;display:block}}"
        f".{prefix} svg text{{fill:currentColor;font:11px sans-serif}}"
    )


def draw_misfit(layer: Layer, shape: Sequence[int], prefix: str) -> str:
    """An impossible layer: the kernel laid over the input it does not fit into.

    Empty where the reason is not one of size (groups, an option that PyTorch lacks).
    """
    numbers = (layer.kernel_size, layer.dilation, *shape[1:])
    if isinstance(layer.padding, str) or min(numbers) < 1 or layer.padding < 0:
        return ""
    extent = layer.dilation * (layer.kernel_size - 1) + 1
    padding = layer.padding
    if layer.kind == "conv_transpose":
        return _draw_all_cut(layer, shape, extent, prefix)
    down, across = (pixels + 2 * padding for pixels in shape[1:])
    if extent <= min(down, across):
        return ""
    unit = min(26, 300 / max(extent, down, across))

    def rect(rows: float, columns: float, at: float, attributes: str) -> str:
        x = y = 10 + at * unit
        return (
            f'<rect x="{x:g}" y="{y:g}" width="{columns * unit:g}" height="{rows * unit:g}" '
            f"{attributes}/>"
        )

    rows, columns = max(extent, down), max(extent, across)
    lines = ""
    if unit >= 8:  # thinner, and the lines would be all there is to see
        lines = "".join(
            f"M{10 + i * unit:g} 10V{10 + rows * unit:g}" for i in range(columns + 1)
        ) + "".join(f"M10 {10 + i * unit:g}H{10 + columns * unit:g}" for i in range(rows + 1))
    parts = [
        rect(extent, extent, 0, f'fill="{RED}" fill-opacity=".25"'),
        rect(down, across, 0, 'class="ring"'),
        rect(shape[1], shape[2], padding, 'class="image"'),
        f'<path d="{lines}" stroke="currentColor" stroke-opacity=".3" fill="none"/>',
        rect(
            extent, extent, 0, f'fill="none" stroke="{RED}" stroke-width="3" stroke-dasharray="7 4"'
        ),
    ]
    tall, wide = max(extent, down) * unit + 20, max(extent, across) * unit + 20
    kernel = f"The {layer.kernel_size} × {layer.kernel_size} kernel"
    if layer.dilation > 1:
        kernel += f", spread to {extent} × {extent} by dilation {layer.dilation},"
    around = f" with its padding of {padding}" if padding else ""
    label = f"{kernel} (red, dashed) sticks out of the {shape[1]} × {shape[2]} input{around}."
    return _misfit_html(label, parts, wide, tall, prefix)


def _draw_all_cut(layer: Layer, shape: Sequence[int], extent: int, prefix: str) -> str:
    stride = layer.stride or 1
    if stride < 1 or layer.output_padding < 0:
        return ""
    down, across = ((pixels - 1) * stride + extent + layer.output_padding for pixels in shape[1:])
    padding = layer.padding
    if min(down, across) > 2 * padding:
        return ""
    unit = min(26, 300 / max(down, across))
    tall, wide = down * unit, across * unit
    cut = min(padding * unit, tall, wide)
    red = f'fill="{RED}" fill-opacity=".3"'
    parts = [
        f'<rect x="10" y="10" width="{wide:g}" height="{tall:g}" class="image"/>',
        f'<rect x="10" y="10" width="{wide:g}" height="{cut:g}" {red}/>',
        f'<rect x="10" y="{10 + tall - cut:g}" width="{wide:g}" height="{cut:g}" {red}/>',
        f'<rect x="10" y="10" width="{cut:g}" height="{tall:g}" {red}/>',
        f'<rect x="{10 + wide - cut:g}" y="10" width="{cut:g}" height="{tall:g}" {red}/>',
    ]
    label = (
        f"The full result has {down} × {across} pixels (frame); padding {padding} cuts "
        f"{padding} off each side (red) and leaves nothing."
    )
    return _misfit_html(label, parts, wide + 20, tall + 20, prefix)


def _misfit_html(label: str, parts: list[str], wide: float, tall: float, prefix: str) -> str:
    return (
        f'<div class="{prefix}"><style>.{prefix} .ring{{fill:#888;fill-opacity:.15;'
        "stroke:currentColor;stroke-dasharray:2 3}"
        f".{prefix} .image{{fill:{BLUE};fill-opacity:.25;stroke:currentColor;stroke-width:1.6}}"
        f"{overlap_style(prefix)}</style>"
        f'<svg class="misfit" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {wide:g} {tall:g}" width="{wide:g}" height="{tall:g}">'
        f"<desc>{escape(label)}</desc>{''.join(parts)}</svg><div>{escape(label)}</div></div>"
    )

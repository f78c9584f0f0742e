"""What the tape explorer says and draws: the frames of a recording and its replay.

Pure functions: from an expression and x to the frames, from a frame to text, drawing and table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

from helpers.expression_graph import EXPRESSIONS, Line, names, record, replay
from helpers.widgets.parts import BLUE, ORANGE, short

#: (column, row) of each line of the tape. A line stands to the right of all that it uses.
PLACES: dict[str, Sequence[tuple[float, float]]] = {
    "x²": ((0, 0), (1, 0)),
    "sin x · x": ((0, 1), (1, 0), (2, 1)),
    "x³ − 2x": ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0.5)),
}


@dataclass(frozen=True)
class Frame:
    """What is known at one step.

    heading, sentence : what happens. written : how many lines the tape has. gradients : of the
    lines that have got one. finished : those to which nothing more will be added. shares : what
    was handed back along each edge (line, which of its inputs). line, edge : what is at work.
    correct : True in the last frame, where the result is that of the formula on paper.
    """

    heading: str
    sentence: str
    written: int = 0
    gradients: Mapping[int, float] = field(default_factory=dict)
    finished: frozenset[int] = frozenset()
    shares: Mapping[tuple[int, int], float] = field(default_factory=dict)
    line: int | None = None
    edge: tuple[int, int] | None = None
    correct: bool | None = None


@dataclass(frozen=True)
class Film:
    """A recording of an expression at x: its lines, their names, and what happens step by step."""

    expression: str
    lines: Sequence[Line]
    names: Sequence[str]
    frames: Sequence[Frame]


def film(expression: str, x: float) -> Film:
    """Record ``expression``, a key of EXPRESSIONS, at x, and make the frames."""
    lines = record(EXPRESSIONS[expression].function, x)
    called = names(lines)
    frames = _forwards(lines, called)
    frames += _backwards(lines, called, frames[-1])
    frames.append(_end(expression, x, frames[-1]))
    return Film(expression, lines, called, frames)


def _forwards(lines: Sequence[Line], called: Sequence[str]) -> list[Frame]:
    sentence = (
        f"x = {short(lines[0].value)} is watched: from here on the tape writes down what is "
        "computed with it."
    )
    frames = [Frame("Forwards", sentence, written=1, line=0)]
    for place, line in enumerate(lines):
        if not line.inputs:
            continue  # x is there already, and a constant comes with what uses it
        result = f"{called[place]} = {_filled(line.formula, line, called)} = {short(line.value)}."
        slopes = [
            f"{slope_name(lines, called, place, which)} = {_slope(line, called, which)}"
            for which, target in enumerate(line.inputs)
            if lines[target].watched
        ]
        constants = [called[target] for target in line.inputs if not lines[target].watched]
        kept = f"The tape keeps {' and '.join(slopes)}."
        ignored = f" {constants[0]} is a constant that nobody watches." if constants else ""
        frames.append(Frame("Forwards", f"{result} {kept}{ignored}", place + 1, line=place))
    return frames


def _backwards(lines: Sequence[Line], called: Sequence[str], before: Frame) -> list[Frame]:
    last = len(lines) - 1
    frames = [
        replace(
            before,
            heading="Backwards",
            sentence="y is computed, and the tape is read from its end. How fast does y change "
            "with y itself? Just as fast: its gradient is 1.",
            gradients={last: 1.0},
            finished=frozenset({last}),
            line=last,
        )
    ]
    shares = replay(lines)
    for position, step in enumerate(shares):
        source, target = called[step.source], called[step.target]
        sentence = (
            f"{source} hands to {target}: its own gradient {short(step.arriving)}, times the "
            f"slope {slope_name(lines, called, step.source, step.which)} = {short(step.slope)}, "
            f"makes {short(step.share)}."
        )
        known = frames[-1].gradients
        if step.target in known:
            sentence += (
                f" {target} has {short(known[step.target])} already; both ways together: "
                f"{short(step.total)}."
            )
        waiting = {later.target for later in shares[position + 1 :]}
        gradients = {**known, step.target: step.total}
        frames.append(
            replace(
                frames[-1],
                sentence=sentence,
                gradients=gradients,
                finished=frozenset(gradients) - waiting,
                shares={**frames[-1].shares, (step.source, step.which): step.share},
                line=step.source,
                edge=(step.source, step.which),
            )
        )
    return frames


def _end(expression: str, x: float, before: Frame) -> Frame:
    known = EXPRESSIONS[expression]
    found, on_paper = before.gradients[0], known.derivative(x)
    correct = abs(found - on_paper) < 1e-9
    return replace(
        before,
        heading="Done",
        sentence=f"The tape is back at its beginning: dy/dx = {short(found)} at x = {short(x)}. "
        f"On paper, {known.derivative_formula} is {short(on_paper)}"
        + (" too." if correct else "."),
        line=0,
        edge=None,
        correct=correct,
    )


def slope_name(lines: Sequence[Line], called: Sequence[str], place: int, which: int) -> str:
    """ "∂y/∂a"; with a plain d where the line has one input only."""
    d = "d" if len(lines[place].inputs) == 1 else "∂"
    return f"{d}{called[place]}/{d}{called[lines[place].inputs[which]]}"


def _filled(formula: str, line: Line, called: Sequence[str]) -> str:
    return formula.format(*(called[place] for place in line.inputs))


def _slope(line: Line, called: Sequence[str], which: int) -> str:
    """ "cos x = −0.990", or the number alone where the formula is that number."""
    formula = _filled(line.slope_formulas[which], line, called)
    constant = formula.lstrip("−").isdigit()
    return formula if constant else f"{formula} = {short(line.slopes[which])}"


# ---- The drawing --------------------------------------------------------------------------------

_BOX = (150, 76)  # width and height
_STEP = (292, 128)  # from one column, one row, to the next
_PAD = 10


def graph_svg(shown: Film, step: int) -> str:
    """The lines of the tape as boxes, their inputs as arrows, at one step."""
    frame, places = shown.frames[step], PLACES[shown.expression]
    width = _STEP[0] * max(column for column, _ in places) + _BOX[0] + 2 * _PAD
    height = _STEP[1] * max(row for _, row in places) + _BOX[1] + 2 * _PAD
    parts = [
        _edge(shown, frame, (place, which))
        for place, line in enumerate(shown.lines)
        for which in range(len(line.inputs))
    ]
    parts += [_box(shown, frame, place) for place in range(len(shown.lines))]
    known = [
        f"{shown.names[place]} has the value {short(line.value)}"
        + (f" and the gradient {short(frame.gradients[place])}" if place in frame.gradients else "")
        for place, line in enumerate(shown.lines[: frame.written])
    ]
    label = f"Graph of y = {shown.expression}. {'; '.join(known)}."
    return (
        f'<svg class="tape-graph" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width:g} {height:g}" style="display:block;width:100%;'
        f'max-width:{width:g}px;height:auto;margin:6px 0" fill="currentColor" font-size="13">'
        f"{''.join(parts)}</svg>"
    )


def _corner(shown: Film, place: int) -> tuple[float, float]:
    column, row = PLACES[shown.expression][place]
    return _PAD + column * _STEP[0], _PAD + row * _STEP[1]


def _box(shown: Film, frame: Frame, place: int) -> str:
    x, y = _corner(shown, place)
    line, name = shown.lines[place], shown.names[place]
    written, active = place < frame.written, place == frame.line
    title = name if not line.inputs else f"{name} = {_filled(line.formula, line, shown.names)}"
    rows = [_word(x + _BOX[0] / 2, y + 21, title, "font-weight:600;font-size:15px")]
    if written and (line.inputs or line.watched):
        rows.append(_word(x + _BOX[0] / 2, y + 43, f"value {short(line.value)}", f"fill:{BLUE}"))
    if not line.watched:
        rows.append(_word(x + _BOX[0] / 2, y + 43, "constant,"))
        rows.append(_word(x + _BOX[0] / 2, y + 61, "not watched"))
    if place in frame.gradients:
        so_far = "" if place in frame.finished else " so far"
        words = f"gradient {short(frame.gradients[place])}{so_far}"
        rows.append(_word(x + _BOX[0] / 2, y + 64, words, f"fill:{ORANGE};font-weight:600"))
    colour, thick = "currentColor", 1.2
    if active:
        colour, thick = (ORANGE if frame.gradients else BLUE), 3.5
    dashes = "" if line.watched else ' stroke-dasharray="5 4"'
    return (
        f'<g class="tape-box" opacity="{1 if written else 0.45}"><rect x="{x:g}" y="{y:g}" '
        f'width="{_BOX[0]}" height="{_BOX[1]}" rx="8" fill="none" stroke="{colour}" '
        f'stroke-width="{thick}"{dashes}/>{"".join(rows)}</g>'
    )


def _edge(shown: Film, frame: Frame, edge: tuple[int, int]) -> str:
    place, which = edge
    line = shown.lines[place]
    target = line.inputs[which]
    start_x, start_y = _corner(shown, target)
    start_x, start_y = start_x + _BOX[0], start_y + _BOX[1] / 2
    end_x, end_y = _corner(shown, place)
    # Edges into one box arrive one below the other, in the order of the boxes they come from.
    order = sorted(line.inputs, key=lambda source: _corner(shown, source)[1])
    end_y += _BOX[1] * (order.index(target) + 1) / (len(order) + 1)
    if start_y == _corner(shown, place)[1] + _BOX[1] / 2:
        start_y = end_y  # a level line where the boxes are level
    middle_x, middle_y = (start_x + end_x) / 2, (start_y + end_y) / 2
    colour, thick, tip, way = "currentColor", 1.2, (end_x, end_y), -10
    if frame.edge == edge:
        colour, thick, tip, way = ORANGE, 3.5, (start_x, start_y), 10
    elif frame.line == place and not frame.gradients:
        colour, thick = BLUE, 3.5
    drawn = (
        f'<path class="tape-edge" d="M{start_x:g} {start_y:g}C{middle_x:g} {start_y:g} '
        f'{middle_x:g} {end_y:g} {end_x:g} {end_y:g}" fill="none" stroke="{colour}" '
        f'stroke-width="{thick}"/><path d="M{tip[0]:g} {tip[1]:g}l{way} -5v10z" fill="{colour}"/>'
    )
    words = []
    if place < frame.written and shown.lines[target].watched:
        slope = f"{slope_name(shown.lines, shown.names, place, which)} = "
        words.append((f"{slope}{short(line.slopes[which])}", ""))
    if edge in frame.shares:
        words.append((f"hands back {short(frame.shares[edge])}", f"fill:{ORANGE};font-weight:600"))
    rows = len(words) - 1
    if start_y == end_y:  # above the line; a line past another box has room below it
        anchor, at_x = "middle", middle_x
        first = end_y + 17 if end_x - start_x > _STEP[0] else end_y - 9 - 16 * rows
    elif end_y - start_y > _STEP[1] / 2:  # beside it, between two rows of boxes
        anchor, at_x, first = "start", middle_x + 24, _corner(shown, target)[1] + _BOX[1] + 18
    elif start_y < end_y:
        anchor, at_x, first = "start", middle_x + 10, middle_y - 6 - 16 * rows
    else:
        anchor, at_x, first = "start", middle_x + 10, middle_y + 16
    text = "".join(
        _word(at_x, first + 16 * row, written, style, anchor)
        for row, (written, style) in enumerate(words)
    )
    opacity = 1 if place < frame.written else 0.45
    return f'<g opacity="{opacity}">{drawn}{text}</g>'


def _word(x: float, y: float, words: str, style: str = "", anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}">'
        f"{escape(words)}</text>"
    )


# ---- The table ----------------------------------------------------------------------------------


def tape_table(shown: Film, step: int) -> str:
    """The tape itself, a row for each line, as far as it is written."""
    frame = shown.frames[step]
    head = "".join(
        f'<th scope="col" style="text-align:left;font-weight:400;opacity:.85;padding:2px 18px 2px '
        f'0">{name}</th>'
        for name in ("", "Line of the tape", "Value", "Slopes", "Gradient")
    )
    rows = ""
    for place, line in enumerate(shown.lines):
        called, written = shown.names[place], place < frame.written
        if not line.watched:
            continue  # the tape does not write down what it does not watch
        what = (
            "x, watched"
            if not line.inputs
            else f"{called} = {_filled(line.formula, line, shown.names)}"
        )
        slopes = ", ".join(
            f"{slope_name(shown.lines, shown.names, place, which)} = {short(line.slopes[which])}"
            for which, target in enumerate(line.inputs)
            if shown.lines[target].watched
        )
        gradient = "–"
        if place in frame.gradients:
            gradient = short(frame.gradients[place])
            gradient += "" if place in frame.finished else " so far"
        cells = [what, short(line.value), slopes, gradient] if written else ["–"] * 4
        mark = "▶" if place == frame.line else ""
        body = "".join(f'<td style="padding:2px 18px 2px 0">{cell}</td>' for cell in cells)
        weight = "600" if place == frame.line else "400"
        rows += (
            f'<tr style="background:none;font-weight:{weight}"><td style="width:18px">{mark}</td>'
            f"{body}</tr>"
        )
    return (
        '<table class="tape-table" style="border-collapse:collapse;margin:4px 0;text-align:left;'
        f'font-variant-numeric:tabular-nums"><thead><tr style="background:none">{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )

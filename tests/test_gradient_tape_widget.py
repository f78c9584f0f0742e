"""The tape explorer without a browser: its frames, its drawing, its controls."""

import itertools
import re
import subprocess
import sys
from html import unescape

import ipywidgets as widgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.expression_graph import EXPRESSIONS, gradients, replay
from helpers.widgets import gradient_tape as module
from helpers.widgets import gradient_tape_view as view
from helpers.widgets.gradient_tape import TapeExplorer
from helpers.widgets.parts import short

expressions = st.sampled_from(sorted(EXPRESSIONS))
places = st.integers(-30, 30).map(lambda tenths: tenths / 10)


def text(html):
    """What a reader sees of HTML or an HTML widget."""
    seen = re.sub(r"<[^>]+>", " ", getattr(html, "value", html))
    return re.sub(r"\s+", " ", unescape(seen))


@given(expressions, places)
def test_forwards_writes_the_tape_and_backwards_reads_it(expression, x):
    film = view.film(expression, x)
    operations = [place for place, line in enumerate(film.lines) if line.inputs]
    shares = replay(film.lines)
    assert len(film.frames) == 1 + len(operations) + 1 + len(shares) + 1
    forwards = film.frames[: 1 + len(operations)]
    assert [frame.line for frame in forwards] == [0, *operations]
    assert all(not frame.gradients and not frame.shares for frame in forwards)
    backwards = film.frames[len(forwards) + 1 : -1]
    assert [frame.edge for frame in backwards] == [(s.source, s.which) for s in shares]
    for before, after in itertools.pairwise(film.frames):
        assert before.written <= after.written
        assert before.gradients.keys() <= after.gradients.keys()
        assert before.finished <= after.finished
        # What is finished does not change any more.
        assert all(after.gradients[line] == before.gradients[line] for line in before.finished)


@given(expressions, places)
def test_the_last_frame_has_every_gradient_and_is_right(expression, x):
    film = view.film(expression, x)
    end = film.frames[-1]
    right = {n: g for n, g in enumerate(gradients(film.lines)) if g is not None}
    assert end.gradients == right and end.finished == right.keys()
    assert end.correct is True
    assert [frame.correct for frame in film.frames[:-1]] == [None] * (len(film.frames) - 1)
    result = EXPRESSIONS[expression].derivative(x)
    assert f"dy/dx = {short(end.gradients[0])} at x = {short(x)}." in end.sentence
    assert end.gradients[0] == pytest.approx(result, abs=1e-12)


def test_a_wrong_result_would_be_seen(monkeypatch):
    wrong = EXPRESSIONS["x²"]._replace(derivative=lambda x: 2 * x + 0.1)
    monkeypatch.setitem(EXPRESSIONS, "x²", wrong)
    assert view.film("x²", 3.0).frames[-1].correct is False


def test_what_is_said_about_two_ways_to_x():
    said = [frame.sentence for frame in view.film("sin x · x", 2.5).frames]
    assert said == [
        "x = 2.5 is watched: from here on the tape writes down what is computed with it.",
        "a = sin x = 0.598. The tape keeps da/dx = cos x = −0.801.",
        "y = a · x = 1.5. The tape keeps ∂y/∂a = x = 2.5 and ∂y/∂x = a = 0.598.",
        "y is computed, and the tape is read from its end. How fast does y change with y itself? "
        "Just as fast: its gradient is 1.",
        "y hands to a: its own gradient 1, times the slope ∂y/∂a = 2.5, makes 2.5.",
        "y hands to x: its own gradient 1, times the slope ∂y/∂x = 0.598, makes 0.598.",
        "a hands to x: its own gradient 2.5, times the slope da/dx = −0.801, makes −2. x has "
        "0.598 already; both ways together: −1.4.",
        "The tape is back at its beginning: dy/dx = −1.4 at x = 2.5. On paper, cos x · x + sin x "
        "is −1.4 too.",
    ]


def test_a_constant_is_mentioned_and_gets_nothing():
    film = view.film("x³ − 2x", 1.0)
    assert film.frames[2].sentence == (
        "b = 2 · x = 2. The tape keeps ∂b/∂x = 2. 2 is a constant that nobody watches."
    )
    constant = film.names.index("2")
    assert all(constant not in frame.gradients for frame in film.frames)
    assert "constant, not watched" in text(view.graph_svg(film, 0))


@given(expressions, places, st.data())
def test_the_drawing_shows_what_the_frame_knows(expression, x, data):
    film = view.film(expression, x)
    step = data.draw(st.integers(0, len(film.frames) - 1))
    frame, svg = film.frames[step], view.graph_svg(film, step)
    seen = text(svg)
    assert svg.count('class="tape-box"') == len(film.lines)
    assert svg.count('class="tape-edge"') == sum(len(line.inputs) for line in film.lines)
    values = [line for line in film.lines[: frame.written] if line.watched]
    assert seen.count("value ") == len(values)
    assert seen.count("gradient ") == len(frame.gradients)
    assert seen.count("hands back") == len(frame.shares)
    for line, gradient in frame.gradients.items():
        so_far = "" if line in frame.finished else " so far"
        assert f"gradient {short(gradient)}{so_far}" in seen
        assert f"and the gradient {short(gradient)}" in svg  # in the text alternative too


def test_no_two_boxes_overlap():
    for expression, chosen in view.PLACES.items():
        film = view.film(expression, 1.0)
        corners = [view._corner(film, place) for place in range(len(film.lines))]
        assert len(chosen) == len(film.lines)
        for (x1, y1), (x2, y2) in itertools.combinations(corners, 2):
            apart = abs(x1 - x2) >= view._BOX[0] + 40 or abs(y1 - y2) >= view._BOX[1] + 40
            assert apart
        for place, line in enumerate(film.lines):
            for target in line.inputs:
                assert corners[target][0] + view._BOX[0] < corners[place][0]


def test_the_table_is_the_tape_as_far_as_it_is_written():
    film = view.film("x³ − 2x", 2.0)
    html = view.tape_table(film, 1)
    assert text(html).strip() == (
        "Line of the tape Value Slopes Gradient x, watched 2 – ▶ a = x³ 8 da/dx = 12 – "
        "– – – – – – – –"
    )
    last = text(view.tape_table(film, len(film.frames) - 1))
    assert "y = a − b 4 ∂y/∂a = 1, ∂y/∂b = −1 1" in last
    assert "▶ x, watched 2 10" in last and "b = 2 · x 4 ∂b/∂x = 2 −1" in last
    halfway = text(view.tape_table(film, 7))
    assert "x, watched 2 −2 so far" in halfway


# ---- The explorer -------------------------------------------------------------------------------


@pytest.fixture
def explorer():
    return TapeExplorer()


def test_it_starts_with_the_square_of_three(explorer):
    explorer.step.value = explorer.step.max
    assert "dy/dx = 6 at x = 3. On paper, 2x is 6 too." in text(explorer.result)
    assert "✓" in explorer.result.value


def test_buttons_move_within_the_film(explorer):
    explorer.back.click()
    assert explorer.step.value == 0
    for place in range(1, 5):
        explorer.next.click()
        assert explorer.step.value == place
    assert "Done." in text(explorer.result)
    explorer.next.click()
    assert explorer.step.value == 4 == explorer.step.max
    explorer.back.click()
    assert "Backwards. y hands to x" in text(explorer.result)


def test_play_and_the_step_slider_go_together(explorer):
    explorer.play.value = 2
    assert explorer.step.value == 2 and "read from its end" in text(explorer.result)
    explorer.step.value = 1
    assert explorer.play.value == 1  # playing goes on from where the learner has gone
    assert explorer.play.max == explorer.step.max == 4


def test_a_new_expression_starts_anew_and_a_new_x_does_not(explorer):
    explorer.step.value = 4
    explorer.x.value = -1.5
    assert explorer.step.value == 4 and "dy/dx = −3 at x = −1.5" in text(explorer.result)
    explorer.expression.value = "x³ − 2x"
    assert explorer.step.value == 0 and explorer.step.max == explorer.play.max == 9
    explorer.step.value = 9
    explorer.expression.value = "sin x · x"
    assert explorer.step.value == 0 and explorer.step.max == 7
    assert "Forwards. x = −1.5 is watched" in text(explorer.result)


def test_x_is_what_the_slider_says(explorer):
    explorer.x.value = 0.1 + 0.2
    assert explorer.film.lines[0].value == 0.3


def test_repr_is_a_sentence_and_follows_the_controls():
    explorer = TapeExplorer("sin x · x", 2.0)
    explorer.x.value = -0.5
    assert repr(explorer) == (
        "Tape explorer: y = sin x · x at x = −0.5. Run this cell to move the sliders."
    )


def test_only_core_widgets_and_every_control_has_a_label(explorer):
    stack, controls = [explorer], 0
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        base = next(kind for kind in type(widget).__mro__ if not kind.__module__.startswith("help"))
        assert base.__module__.startswith("ipywidgets.widgets")
        assert not isinstance(widget, widgets.Output)
        if hasattr(widget, "description") and not isinstance(widget, widgets.HTML):
            controls += 1
            assert isinstance(widget, widgets.Label) or widget.description.strip()
    assert controls >= 6


def test_failures_are_shown_not_lost(explorer, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a <bug>")

    monkeypatch.setattr(module.view, "film", broken)
    explorer.x.value = 1.0
    assert "RuntimeError: a &lt;bug&gt;" in explorer.result.value
    assert explorer.graph.value == explorer.table.value == ""
    monkeypatch.undo()
    explorer.x.value = 2.0
    assert "RuntimeError" not in explorer.result.value and "tape-graph" in explorer.graph.value


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.gradient_tape\n"
        "print([m for m in ('torch', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

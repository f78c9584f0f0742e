"""The phase plane without a browser: its numbers, its sentences, its drawings, its controls."""

import math
import re
import subprocess
import sys
from html import unescape

import ipywidgets as widgets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import games
from helpers.widgets import phase_plane as module
from helpers.widgets import phase_plane_drawing as drawing
from helpers.widgets.phase_plane import PhasePlane
from helpers.widgets.phase_plane_drawing import EXAMPLES, Settings, compute, verdict

places = st.integers(-20, 20).map(lambda tenths: tenths / 10)
any_settings = st.builds(
    Settings,
    game=st.sampled_from(sorted(drawing.GAMES)),
    rule=st.sampled_from(games.RULES),
    learning_rate=st.sampled_from(module.LEARNING_RATES),
    r1=st.sampled_from(module.R1_WEIGHTS),
    consensus_weight=st.sampled_from(module.CONSENSUS_WEIGHTS),
    start=st.tuples(places, places),
    steps=st.sampled_from(module.STEPS),
)


def text(html):
    """What a reader sees of HTML or an HTML widget."""
    seen = re.sub(r"<[^>]+>", " ", getattr(html, "value", html))
    return re.sub(r"\s+", " ", unescape(seen))


def said(**changes):
    good, lines = verdict(compute(Settings(**changes)))
    return good, " ".join(lines)


# ---- Numbers ------------------------------------------------------------------------------------


def test_every_rule_is_on_offer():
    assert tuple(drawing.RULES) == games.RULES
    assert set(drawing.GAMES) == {"bilinear", *games.LOSSES}


@pytest.mark.parametrize(
    ("rule", "distance"),
    [("simultaneous", 17.0), ("extragradient", 0.118), ("optimistic", 0.113)],
)
def test_the_distance_after_500_steps(rule, distance):
    result = compute(Settings(rule=rule))
    assert len(result.trajectory) == 501
    assert result.distances[-1] == pytest.approx(distance, rel=0.01)
    assert result.factor == pytest.approx(distance ** (1 / 500) / 2 ** (1 / 1000), rel=1e-3)


def test_fewer_steps_are_the_same_trajectory_cut_short():
    long, short = compute(Settings(steps=300)), compute(Settings(steps=7))
    assert len(short.trajectory) == 8
    assert np.array_equal(long.trajectory[:8], short.trajectory)
    played = games.play(games.BilinearGame(), (1.0, 1.0), 700, 0.1)
    assert np.array_equal(compute(Settings(steps=700)).trajectory, played)  # more than is kept


def test_the_kept_trajectory_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        compute(Settings()).trajectory[0] = 5.0


def test_what_goes_out_of_reach_is_cut_and_said():
    result = compute(Settings(learning_rate=1.0))
    assert result.escaped and result.distances.max() < 1e9
    _, lines = verdict(result)
    # √2 · √2ⁿ is first above 10⁹ for n = 59.
    assert lines[1].startswith("After 59 steps it is more than 10⁹ away")


# ---- Sentences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "good", "words"),
    [
        ({}, False, "multiplies the distance by 1.005 = √(1 + 0.1²), so it doubles every 139"),
        ({}, False, "After 500 steps it is 17.0 away from the equilibrium; it started 1.41"),
        ({"rule": "alternating"}, None, "have modulus 1, so it goes round and round."),
        ({"rule": "alternating"}, None, "the distance stays between 1.35 and 1.41"),
        ({"rule": "extragradient"}, True, "Converges: each step multiplies the distance by 0.995"),
        ({"rule": "optimistic"}, True, "each step on average multiplies the distance by 0.9949"),
        ({"rule": "consensus"}, True, "it is 1.62·10⁻¹⁰ away"),
        ({"rule": "optimistic", "learning_rate": 0.6}, False, "The steps are too large"),
        ({"rule": "extragradient", "learning_rate": 1.0}, None, "round and round"),
        ({"rule": "extragradient", "learning_rate": 1.2}, False, "The steps are too large"),
        ({"rule": "alternating", "learning_rate": 1.5}, None, "round and round"),
        ({"rule": "alternating", "learning_rate": 2.0}, False, "both eigenvalues of a step are −1"),
        ({"start": (0.0, 0.0)}, None, "nobody moves"),
        ({"game": "standard", "r1": 0.9}, True, "Underdamped"),
        ({"game": "standard", "r1": 1.0}, True, "Critically damped: the game’s two eigenvalues"),
        ({"game": "standard", "r1": 1.0}, True, "0.95 = |1 − 0.1 · 0.5|"),
        ({"game": "standard", "r1": 1.1}, True, "Overdamped"),
        ({"game": "wasserstein", "r1": 1.9}, True, "Underdamped"),
        ({"game": "wasserstein", "r1": 2.0}, True, "have met at −1."),
        ({"game": "standard", "learning_rate": 1.0}, False, "the gradient has vanished"),
        ({"game": "non-saturating", "learning_rate": 0.3}, False, "a ring, about 0.77 from"),
        ({"game": "non-saturating", "rule": "alternating"}, None, "curvature leads inwards"),
    ],
)
def test_the_verdict(changes, good, words):
    found, sentences = said(**changes)
    assert words in sentences
    assert found is good


def test_a_double_eigenvalue_of_modulus_1_is_no_ring():
    settings = {"game": "wasserstein", "rule": "extragradient", "r1": 2.0, "learning_rate": 1.0}
    _, sentences = said(**settings)
    assert sentences.startswith("Moves away, but slowly: both eigenvalues of a step are 1")
    distances = compute(Settings(**settings)).distances
    assert np.diff(distances)[-100:] == pytest.approx(np.diff(distances)[-1], rel=1e-3)


def test_far_from_the_equilibrium_a_modulus_below_1_is_no_promise():
    good, sentences = said(
        game="standard", rule="optimistic", learning_rate=0.9, r1=1.0, start=(-2.0, 2.0)
    )
    assert good is False
    assert "Converges: close to the equilibrium" in sentences
    assert "more than 10⁹ away" in sentences


@settings(deadline=None, max_examples=60)
@given(any_settings)
def test_verdict_and_drawings_go_with_the_numbers(chosen):
    result = compute(chosen)
    good, lines = verdict(result)
    html = drawing.picture(result)
    seen = f"{' '.join(lines)} {text(html)}"
    assert 2 <= len(lines) <= 3
    assert not re.search(r"\b(nan|inf|None)\b|\de[-+]\d", seen)
    assert "nan" not in html
    assert html.count('role="img"') == 5
    if good is not None:
        assert good == (result.factor < 1 and not result.escaped)
        assert lines[0].startswith("Converges" if good or result.factor < 1 else "Moves away")
    if good and len(result.distances) > 1:
        assert result.distances[-1] <= 1.02 * result.distances[0]


@settings(deadline=None, max_examples=60)
@given(any_settings)
def test_the_formula_gives_the_factor(chosen):
    result = compute(chosen)
    formula = drawing.step_formula(result)
    if not formula:
        return
    python = formula.replace("²", "**2").replace("√", "sqrt").replace("−", "-").replace("·", "*")
    python = re.sub(r"\|(.*)\|", r"abs(\1)", python)
    found = eval(python, {"sqrt": math.sqrt, "abs": abs})  # of our own making, digits and signs
    assert found == pytest.approx(result.factor, rel=5e-4)  # from numbers of four digits


@given(st.floats(0.01, 3).filter(lambda factor: abs(factor - 1) > 1e-6))
def test_a_factor_never_looks_like_1(factor):
    written = drawing.factor_text(factor)
    assert float(written) == pytest.approx(factor, abs=max(0.06 * abs(factor - 1), 0.0005))
    assert float(written) != 1 and (float(written) > 1) == (factor > 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1 + 0.1j, 1 - 0.1j), "1 ± 0.1i"),
        ((1j, -1j), "±i"),
        ((-0.1 - 0.49j, -0.1 + 0.49j), "−0.1 ± 0.49i"),
        ((-0.5, -0.5), "−0.5, twice"),
        ((-0.0858, -2.91), "−2.91 and −0.0858"),
        ((0.1j, 0.9 + 0.1j, -0.1j, 0.9 - 0.1j), "0.9 ± 0.1i"),
    ],
)
def test_eigenvalues_in_words(values, words):
    assert drawing.eigenvalue_text(np.array(values, complex)) == words


# ---- Drawings -----------------------------------------------------------------------------------


def points(svg, kind):
    """A polyline's points, in pixels."""
    found = re.search(rf'<polyline points="([^"]*)"[^>]*class="{kind}"', svg)
    return np.array([[float(part) for part in pair.split(",")] for pair in found[1].split()])


def mark(svg, kind):
    found = re.search(rf'class="{kind}" (?:cx|x)="(-?[\d.]+)" (?:cy|y)="(-?[\d.]+)"', svg)
    return float(found[1]), float(found[2])


def test_the_plane_is_to_scale_and_right_way_up():
    svg = drawing.plane_svg(compute(Settings(start=(2.0, 0.0), steps=1, learning_rate=0.5)))
    start, end = points(svg, "trajectory")
    # x = 2, y = 0: y goes up by a half of x, and up is a smaller number of pixels.
    assert end[0] == start[0] and end[1] < start[1]
    width = float(re.search(r'<svg x="\d+" y="\d+" width="(\d+)"', svg)[1])
    assert start[1] - end[1] == pytest.approx(width / 4.8, abs=0.11)
    assert mark(svg, "start") == (start[0], start[1])
    x, y = mark(svg, "end")
    assert (x + 5.5, y + 5.5) == pytest.approx(tuple(end), abs=0.11)
    assert ">start</text>" in svg and ">end</text>" in svg


def test_planes_have_equal_scales_both_ways():
    result = compute(Settings())
    for svg in (
        drawing.plane_svg(result),
        drawing.game_eigenvalues_svg(result),
        drawing.step_eigenvalues_svg(result),
        drawing.magnified_svg(result)[1],
    ):
        width, height = re.search(
            r'<svg x="\d+" y="\d+" width="(\d+)" height="(\d+)"', svg
        ).groups()
        assert width == height


def test_what_leaves_the_picture_is_marked_at_its_edge():
    svg = drawing.plane_svg(compute(Settings(learning_rate=1.0, steps=100)))
    assert ">leaves the picture</text>" in svg and ">end</text>" not in svg
    assert "It leaves the picture." in svg
    width = float(re.search(r'<svg x="\d+" y="\d+" width="(\d+)"', svg)[1])
    assert all(0 <= place <= width for place in mark(svg, "end"))


def test_arrows_point_where_the_field_does():
    result = compute(Settings("standard", r1=1.0))
    svg = drawing.plane_svg(result)
    path = re.search(r'class="field" d="([^"]*)"', svg)[1]
    arrows = re.findall(r"M([\d.-]+) ([\d.-]+)L([\d.-]+) ([\d.-]+)M[^M]*", path)
    assert len(arrows) >= 13 * 13 - 1  # where the field is zero there is none
    width = float(re.search(r'<svg x="\d+" y="\d+" width="(\d+)"', svg)[1])
    for arrow in arrows:
        x1, y1, x2, y2 = map(float, arrow)
        middle = np.array([(x1 + x2) / 2 - width / 2, width / 2 - (y1 + y2) / 2]) / width * 4.8
        field, drawn = result.game.field(middle), np.array([x2 - x1, y1 - y2])
        if np.hypot(*drawn) > 6:  # pixels are rounded
            alike = field @ drawn / np.hypot(*field) / np.hypot(*drawn)
            assert alike > 0.97


def test_the_distance_is_logarithmic_and_the_prediction_exact_where_the_game_is_linear():
    svg = drawing.distance_svg(compute(Settings()))
    curve, (first, last) = points(svg, "distance"), points(svg, "predicted")
    assert curve[0] == pytest.approx(first, abs=0.11) and curve[-1] == pytest.approx(last, abs=0.11)
    straight = np.linspace(curve[0, 1], curve[-1, 1], len(curve))
    assert curve[:, 1] == pytest.approx(straight, abs=0.11)
    assert curve[-1, 1] < curve[0, 1]


@pytest.mark.parametrize(
    ("rule", "where"), [("simultaneous", 1), ("alternating", 0), ("extragradient", -1)]
)
def test_magnified_one_sees_on_which_side_of_the_circle_the_eigenvalue_is(rule, where):
    times, svg = drawing.magnified_svg(compute(Settings(rule=rule)))
    circle = re.search(r'class="unit-circle" cx="([^"]*)" cy="([^"]*)" r="([^"]*)"', svg)
    cx, cy, radius = map(float, circle.groups())
    found = re.findall(r'class="eigenvalue" cx="([^"]*)" cy="([^"]*)"', svg)
    distances = [math.hypot(float(x) - cx, float(y) - cy) - radius for x, y in found]
    off = min(distances, key=abs)
    assert times > 5
    assert abs(off) < 0.5 if where == 0 else off * where > 5  # pixels


def test_the_step_ticks_are_round_and_few():
    for end in module.STEPS:
        ticks = drawing._step_ticks(end)
        assert ticks[0] == 0 and ticks[-1] <= end and 2 <= len(ticks) <= 11


@given(st.floats(-12, 9), st.floats(0.6, 20))
def test_the_distance_axis_has_ticks(low, span):
    ticks = drawing._log_ticks(low, low + span)
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-9 <= math.log10(tick) <= low + span + 1e-9 for tick in ticks)


# ---- The widget ---------------------------------------------------------------------------------


@pytest.fixture
def plane():
    return PhasePlane()


def test_it_opens_with_the_spiral(plane):
    assert "1.005 = √(1 + 0.1²)" in text(plane.result)
    assert plane.settings == EXAMPLES["Simultaneous: spirals out"]
    assert "trajectory" in plane.picture.value


def test_every_example_shows_what_its_name_says(plane):
    shown = {}
    for name, chosen in EXAMPLES.items():
        plane.example.value = name
        assert plane.settings == chosen and plane.example.value == name
        shown[name] = text(plane.result)
    for name, words in {
        "Simultaneous: spirals out": "Moves away",
        "Alternating: stays on a ring": "round and round",
        "Extragradient: spirals in": "Converges",
        "Optimistic: spirals in": "Converges",
        "Consensus: spirals in faster": "halves every 15 steps",
        "A GAN without R1 circles": "modulus 1",
        "A little R1: still circles": "Underdamped",
        "R1 with critical damping": "Critically damped",
        "Too much R1 is slow": "Overdamped",
        "Non-saturating: to a ring": "settled on a ring",
        "Large steps: no gradient left": "gradient has vanished",
    }.items():
        assert words in shown.pop(name)
    assert not shown


def test_a_control_that_is_moved_makes_the_settings_the_learner_s_own(plane):
    plane.steps.value = 100
    assert plane.example.value == "Simultaneous: spirals out"
    plane.learning_rate.value = 0.2
    assert plane.example.value == "your own settings"
    assert "√(1 + 0.2²)" in text(plane.result)
    plane.example.value = "Simultaneous: spirals out"
    assert plane.learning_rate.value == 0.1 and plane.steps.value == 500
    plane.example.value = "your own settings"
    assert plane.learning_rate.value == 0.1  # choosing it changes nothing


def test_only_what_matters_is_switched_on_and_the_reason_is_said(plane):
    assert plane.r1.disabled and plane.consensus_weight.disabled
    assert "R1 weight (this game has no discriminator)" in text(plane.off)
    plane.game.value = "standard"
    assert not plane.r1.disabled and "R1" not in text(plane.off)
    plane.rule.value = "consensus"
    assert not plane.consensus_weight.disabled and text(plane.off).strip() == ""
    plane.r1.value = 1.0
    plane.game.value = "bilinear"
    assert plane.r1.disabled and plane.settings.r1 == 0
    plane.game.value = "standard"
    assert plane.settings.r1 == 1.0  # kept for when it matters again


def test_the_start_is_named_after_the_players(plane):
    assert (plane.first.description, plane.second.description) == ("Start x", "Start y")
    plane.game.value = "wasserstein"
    assert (plane.first.description, plane.second.description) == ("Start θ", "Start ψ")
    plane.first.value = 0.1 + 0.2
    assert plane.settings.start == (0.3, 1.0)


def test_play_goes_through_the_steps(plane):
    plane.play.value = 2
    assert plane.steps.value == 3 and "After 3 steps" in text(plane.result)
    plane.steps.value = 50
    assert module.STEPS[plane.play.value] == 50  # playing goes on from where the learner has gone


def test_settings_at_the_start():
    plane = PhasePlane("R1 with critical damping", learning_rate=0.5, start=(1, 0))
    assert plane.settings == Settings(
        "standard", learning_rate=0.5, r1=1.0, start=(1, 0), steps=200
    )
    assert plane.example.value == "your own settings"
    assert repr(plane) == (
        "Phase plane: Dirac-GAN, standard, simultaneous updates, learning rate 0.5. Run this "
        "cell to move the sliders."
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"example": "Spiral"}, "no example 'Spiral': choose from Simultaneous: spirals out, Alt"),
        ({"speed": 1}, "no setting 'speed': choose from game, rule"),
        ({"learning_rate": 0.25}, r"learning_rate 0.25 is not on offer: choose from 0.01, 0.02"),
        ({"game": "chess"}, "game 'chess' is not on offer: choose from bilinear"),
        ({"rule": "random"}, "rule 'random' is not on offer: choose from simultaneous"),
        ({"r1": 50}, "r1 50 is not on offer"),
        ({"consensus_weight": -1}, "consensus_weight -1 is not on offer"),
        ({"steps": 10_000}, "steps 10000 is not on offer"),
        ({"start": (3, 0)}, r"start \(3, 0\) is not on offer: give two numbers from −2 to 2"),
        ({"start": (1, 1, 1)}, r"give two numbers"),
    ],
)
def test_settings_that_are_not_on_offer(settings, words):
    with pytest.raises(ValueError, match=words):
        PhasePlane(**settings)


def test_only_core_widgets_and_every_control_has_a_label(plane):
    stack, controls = [plane], 0
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        base = next(kind for kind in type(widget).__mro__ if not kind.__module__.startswith("help"))
        assert base.__module__.startswith("ipywidgets.widgets")
        assert not isinstance(widget, widgets.Output)
        if hasattr(widget, "description") and not isinstance(widget, widgets.HTML):
            controls += 1
            assert isinstance(widget, widgets.Label) or widget.description.strip()
    assert controls >= 11


def test_an_example_is_drawn_once(plane, monkeypatch):
    drawn = []
    picture = drawing.picture
    monkeypatch.setattr(drawing, "picture", lambda result: drawn.append(1) or picture(result))
    plane.example.value = "R1 with critical damping"
    assert len(drawn) == 1


def test_failures_are_shown_not_lost(plane, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a <bug>")

    monkeypatch.setattr(module.drawing, "compute", broken)
    plane.first.value = 0.5
    assert "RuntimeError: a &lt;bug&gt;" in plane.result.value and plane.picture.value == ""
    monkeypatch.undo()
    plane.first.value = 0.6
    assert "RuntimeError" not in plane.result.value and "trajectory" in plane.picture.value


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.phase_plane\n"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

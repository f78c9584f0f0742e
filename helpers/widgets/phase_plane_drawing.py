"""What the phase plane computes, says and draws: a two-player game played by gradient steps.

Pure functions: from settings to a result, from a result to sentences and drawings.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from helpers.games import BilinearGame, DiracGAN, Game, play, update_eigenvalues
from helpers.widgets.parts import BLUE, ORANGE, line, number, short, text

#: What each game is called, and its two axes.
GAMES = {
    "bilinear": "f(x, y) = x · y",
    "standard": "Dirac-GAN, standard",
    "non-saturating": "Dirac-GAN, non-saturating",
    "wasserstein": "Dirac-GAN, Wasserstein",
}
_LINEAR = ("bilinear", "wasserstein")
#: Each update rule in a few words.
RULES = {
    "simultaneous": "simultaneous: both at once",
    "alternating": "alternating: one by one",
    "extragradient": "extragradient: looks ahead",
    "optimistic": "optimistic: extrapolates",
    "consensus": "consensus: shortens arrows",
}
LONGEST = 500  # steps: what can be played in a fraction of 100 ms
_TOLERANCE = 1e-6  # a modulus so near to 1 counts as 1
_FAR, _NEAR = 1e9, 1e-12  # distances that are not followed any further


@dataclass(frozen=True)
class Settings:
    """One way to play a game.

    game : a key of GAMES. rule : a key of RULES. r1 : weight of the R1 penalty on the
    discriminator, which the bilinear game has not. consensus_weight : of the rule of that name.
    """

    game: str = "bilinear"
    rule: str = "simultaneous"
    learning_rate: float = 0.1
    r1: float = 0.0
    consensus_weight: float = 0.5
    start: tuple[float, float] = (1.0, 1.0)
    steps: int = 500


#: The lesson's story, in its order.
EXAMPLES = {
    "Simultaneous: spirals out": Settings(),
    "Alternating: stays on a ring": Settings(rule="alternating"),
    "Extragradient: spirals in": Settings(rule="extragradient"),
    "Optimistic: spirals in": Settings(rule="optimistic"),
    "Consensus: spirals in faster": Settings(rule="consensus"),
    "A GAN without R1 circles": Settings("standard", "alternating"),
    "A little R1: still circles": Settings("standard", r1=0.2, steps=200),
    "R1 with critical damping": Settings("standard", r1=1.0, steps=200),
    "Too much R1 is slow": Settings("standard", r1=3.0, steps=200),
    "Non-saturating: to a ring": Settings("non-saturating", learning_rate=0.3),
    "Large steps: no gradient left": Settings("standard", learning_rate=1.0, steps=100),
}


@dataclass(frozen=True)
class Result:
    """What came of playing.

    trajectory : (steps + 1, 2), or shorter if it went out of reach. distances : of its points from
    the equilibrium. game_eigenvalues : of the field's Jacobian at the equilibrium.
    step_eigenvalues : of the map that one step is, there. factor : their largest modulus.
    """

    settings: Settings
    game: Game
    trajectory: np.ndarray
    distances: np.ndarray
    game_eigenvalues: np.ndarray
    step_eigenvalues: np.ndarray
    factor: float

    @property
    def escaped(self) -> bool:
        """Whether it went so far that the rest is left out."""
        return len(self.trajectory) <= self.settings.steps

    @property
    def linear(self) -> bool:
        """Whether the field is linear, so that the eigenvalues tell all."""
        return self.settings.game in _LINEAR


def make_game(settings: Settings) -> Game:
    """The game of these settings."""
    if settings.game == "bilinear":
        return BilinearGame()
    return DiracGAN(loss=settings.game, r1=settings.r1)


def axis_names(game: str) -> tuple[str, str]:
    """What the two players move."""
    return ("x", "y") if game == "bilinear" else ("θ", "ψ")


def compute(settings: Settings) -> Result:
    """Play the game and linearise it."""
    game = make_game(settings)
    longest = replace(settings, steps=max(settings.steps, LONGEST))
    trajectory = _trajectory(longest)[: settings.steps + 1]
    with np.errstate(all="ignore"):  # a trajectory may overflow, and is cut below
        distances = np.hypot(*(trajectory - game.equilibrium).T)
    far = ~(distances < _FAR)
    if far.any():
        end = int(far.argmax())
        trajectory, distances = trajectory[:end], distances[:end]
    eigenvalues = _step_eigenvalues(game, settings)
    return Result(
        settings,
        game,
        trajectory,
        distances,
        game.eigenvalues(),
        eigenvalues,
        float(np.abs(eigenvalues).max()),
    )


def _step_eigenvalues(game: Game, settings: Settings) -> np.ndarray:
    return update_eigenvalues(
        game,
        settings.rule,
        settings.learning_rate,
        consensus_weight=settings.consensus_weight,
    )


@functools.lru_cache(maxsize=16)
def _trajectory(settings: Settings) -> np.ndarray:
    """The points, kept: when only the number of steps changes, nothing is played again."""
    trajectory = play(
        make_game(settings),
        settings.start,
        settings.steps,
        settings.learning_rate,
        rule=settings.rule,
        consensus_weight=settings.consensus_weight,
    )
    trajectory.setflags(write=False)
    return trajectory


# ---- What is said -------------------------------------------------------------------------------


def verdict(result: Result) -> tuple[bool | None, list[str]]:
    """Whether it converges (None: not to be said), and two or three sentences."""
    headline = _headline(result)
    if result.distances[0] == 0:
        nobody = (
            "The start is the equilibrium, where the field is zero: nobody moves. From any other "
            "start the eigenvalues tell:"
        )
        return None, [nobody, headline]
    surprise = _surprise(result)
    good = None if _is_one(result.factor) else result.factor < 1
    if headline.startswith("Moves away"):  # with modulus 1 too
        good = False
    if good and surprise:  # close to the equilibrium it would converge, but it is not there
        good = False if result.escaped else None
    lines = [headline, _observed(result), surprise or _too_large(result) or _damping(result)]
    return good, [line for line in lines if line]


def _is_one(factor: float) -> bool:
    return abs(factor - 1) < _TOLERANCE


def _headline(result: Result) -> str:
    close = "" if result.linear else "close to the equilibrium, "
    first, second = _largest(result.step_eigenvalues)
    if _is_one(result.factor):
        if not result.linear:
            return (
                "The eigenvalues leave it open: those of a step have modulus 1, so close to the "
                "equilibrium neither way wins, and the little more that happens they do not see."
            )
        if abs(first - second) < _TOLERANCE:
            return (
                f"Moves away, but slowly: both eigenvalues of a step are {short(first.real)}, and "
                "in the long run every step adds the same to the distance."
            )
        round_it_goes = ", so it goes round and round" if abs(first.imag) > _TOLERANCE else ""
        return (
            f"Neither arrives nor leaves: the eigenvalues of a step have modulus 1{round_it_goes}."
        )
    if result.factor < _TOLERANCE:
        return "Converges at once: the eigenvalues of a step are 0, and a few steps arrive."
    word = "Converges" if result.factor < 1 else "Moves away"
    formula = step_formula(result)
    said = (
        f"{word}: {close}each step {'' if _steady(result) else 'on average '}multiplies the "
        f"distance by {factor_text(result.factor)}{' = ' + formula if formula else ''}"
    )
    steps = math.log(2) / abs(math.log(result.factor))
    if steps >= 1.5:
        every = f"{steps:,.0f}" if steps >= 10 else f"{steps:.1f}"
        said += f", so it {'halves' if result.factor < 1 else 'doubles'} every {every} steps"
    return f"{said}."


def _largest(values: Sequence[complex]) -> list[complex]:
    """The two of largest modulus."""
    return sorted(values, key=abs, reverse=True)[:2]


def _steady(result: Result) -> bool:
    """Whether every step changes the distance by the same factor."""
    kept = result.distances[result.distances > _NEAR]
    return (
        result.linear
        and len(kept) > 1
        and np.allclose(kept[1:] / kept[:-1], result.factor, rtol=1e-6)
    )


def factor_text(factor: float) -> str:
    """The factor with two digits of what it differs from 1 by: 1.005, 0.99995."""
    difference = abs(factor - 1)
    digits = 3 if difference > 0.1 else min(1 - math.floor(math.log10(difference)), 9)
    return f"{factor:.{digits}f}".rstrip("0").rstrip(".")


def step_formula(result: Result) -> str:
    """Where the factor comes from, with this game's numbers; empty if that is no short formula."""
    settings, values = result.settings, result.game_eigenvalues
    rate, turn = settings.learning_rate, float(np.abs(values.imag).max())
    rule = settings.rule
    if rule == "consensus" and settings.consensus_weight == 0:
        rule = "simultaneous"  # the same
    if np.abs(values.real).max() < _TOLERANCE:  # the field goes round, at this speed
        angle = _fine(rate * turn)
        shorter = _fine(settings.consensus_weight * rate * turn**2)
        return {
            "simultaneous": f"√(1 + {angle}²)",
            "extragradient": f"√((1 − {angle}²)² + {angle}²)",
            "consensus": f"√((1 − {shorter})² + {angle}²)",
        }.get(rule, "")
    if rule == "simultaneous" and turn < _TOLERANCE:
        slowest = max(values.real, key=lambda value: abs(1 + rate * value))
        return f"|1 − {_fine(rate)} · {_fine(-slowest)}|"
    return ""


def _fine(value: float) -> str:
    """Four digits, so that a reader's calculator finds the factor; no zeros at the end."""
    written = number(value, 4)
    return written.rstrip("0").rstrip(".") if "." in written and "·" not in written else written


def _observed(result: Result) -> str:
    distances = result.distances
    started = f"it started {number(distances[0])} from it"
    if result.escaped:
        return (
            f"After {len(distances):,} steps it is more than {number(_FAR)} away from the "
            f"equilibrium and not followed any further; {started}."
        )
    end = number(distances[-1]) if distances[-1] > _NEAR else f"less than {number(_NEAR)}"
    steps = result.settings.steps
    said = f"After {steps:,} step{'s' * (steps != 1)} it is {end} away from the equilibrium"
    late = distances[len(distances) // 2 :]
    if _is_one(result.factor) and result.linear and len(late) > 10:
        return (
            f"{said}; on the way the distance stays between {number(distances.min())} and "
            f"{number(distances.max())}."
        )
    return f"{said}; {started}."


def _surprise(result: Result) -> str:
    """A sentence where the trajectory does what the eigenvalues do not tell."""
    distances, factor = result.distances, result.factor
    quarters = [float(quarter.mean()) for quarter in np.array_split(distances, 4) if len(quarter)]
    if _is_one(factor):  # one turn may end farther out than it began without any drift
        grown, shrunk = quarters[-1] > 1.05 * quarters[0], quarters[-1] < 0.95 * quarters[0]
    else:
        grown, shrunk = distances[-1] > 1.02 * distances[0], distances[-1] < 0.98 * distances[0]
    if result.escaped:
        return f"The eigenvalues speak of {_ONLY[result.linear]}." if factor < 1 else ""
    if not result.linear:
        speeds = np.hypot(*result.game.field(result.trajectory).T)
        if distances[-1] > 1 and speeds[-1] < 0.01 * speeds.max():
            return (
                "It is stuck there, far from the equilibrium: the discriminator is so sure that "
                f"the gradient has vanished. It was {number(speeds.max(), 2)} long, and is "
                f"{number(speeds[-1], 2)}."
            )
        growth = len(distances) / 4 * math.log(factor)  # of a quarter, if the eigenvalues told all
        if growth > 0.2 and abs(math.log(quarters[-1] / quarters[-2])) < 0.05 * growth:
            return (
                f"It has settled on a ring, about {number(quarters[-1], 2)} from the equilibrium: "
                "out there, what the eigenvalues do not see draws it inwards as much as the steps "
                "throw it outwards."
            )
        if _is_one(factor) and (grown or shrunk):
            way = "outwards" if grown else "inwards"
            return f"Here the distance has changed: the field’s curvature leads {way}."
    if (grown and factor < 1 - _TOLERANCE) or (shrunk and factor > 1 + _TOLERANCE):
        so_far = "grown" if grown else "shrunk"
        return f"So far the distance has {so_far}: the eigenvalues speak of {_ONLY[result.linear]}."
    return ""


# What the eigenvalues tell, of a field that is not linear and of one that is.
_ONLY = ("what happens close to the equilibrium", "the long run")
_SMALL = 0.01  # a learning rate


def _too_large(result: Result) -> str:
    """A sentence where only the learning rate keeps it from converging."""
    settings = result.settings
    if result.factor <= 1 + _TOLERANCE or settings.learning_rate <= _SMALL:
        return ""
    small = replace(settings, learning_rate=_SMALL)
    if np.abs(_step_eigenvalues(result.game, small)).max() > 1 - 1e-9:
        return ""
    return (
        "The steps are too large: with small ones, such as a learning rate of "
        f"{_SMALL}, the same rule converges in this game."
    )


def _damping(result: Result) -> str:
    """A sentence on what the R1 penalty does to the field, if there is one."""
    if result.settings.r1 == 0:
        return ""
    values = result.game_eigenvalues
    if np.abs(values.imag).max() > 1e-6:
        return (
            "Underdamped: the game’s eigenvalues have imaginary parts, so small steps circle on "
            "their way in."
        )
    slow, fast = values.real.max(), values.real.min()
    if slow - fast < 1e-6:
        return (
            f"Critically damped: the game’s two eigenvalues have met at {short(slow)}. With less "
            "R1 the players circle; with more, one eigenvalue goes back towards 0."
        )
    return (
        f"Overdamped: no more circling. Of the game’s eigenvalues {short(fast)} and {short(slow)} "
        "the one nearer to 0 sets the pace, and more R1 brings it nearer still."
    )


def eigenvalue_text(values: Sequence[complex]) -> str:
    """ "1 ± 0.1i", "−0.5, twice", "−2.82 and −0.177"; of four, the two of largest modulus."""
    first, second = _largest(values)
    if abs(first.imag) > _TOLERANCE:
        real = "" if abs(first.real) < _TOLERANCE else f"{short(first.real)} "
        size = "" if abs(abs(first.imag) - 1) < _TOLERANCE else short(abs(first.imag))
        return f"{real}±{' ' if real else ''}{size}i"
    if abs(first - second) < 1e-5:
        return f"{short(first.real)}, twice"
    return f"{short(first.real)} and {short(second.real)}"


# ---- The drawings -------------------------------------------------------------------------------

_GREEN = "rgba(47,158,107,.2)"  # where eigenvalues mean that it converges
_HALO = (
    'style="paint-order:stroke;stroke:var(--jp-layout-color0,transparent);stroke-width:4px;'
    'stroke-linejoin:round"'
)


class _Panel:
    """A framed part of a drawing with its own scales; what is put into it is cut at the frame."""

    def __init__(
        self,
        size: tuple[float, float],
        across: tuple[float, float],
        up: tuple[float, float],
        margins: tuple[float, float, float, float] = (8, 10, 38, 42),
    ) -> None:
        self.top, right, bottom, self.left = margins
        self.size = size
        self.width, self.height = size[0] - self.left - right, size[1] - self.top - bottom
        self._across, self._up = across, up
        self._inside: list[str] = []
        self._outside: list[str] = []

    def x(self, value: float | np.ndarray) -> float | np.ndarray:
        low, high = self._across
        return (value - low) / (high - low) * self.width

    def y(self, value: float | np.ndarray) -> float | np.ndarray:
        low, high = self._up
        return (high - value) / (high - low) * self.height

    def add(self, *parts: str) -> None:
        self._inside += parts

    def polyline(self, across: np.ndarray, up: np.ndarray, **attributes: str) -> None:
        """A line through points; where it leaves the frame far behind, it is not followed."""
        pixels = np.stack([self.x(across), self.y(up)], axis=1)
        pixels = np.clip(pixels, -20 * self.size[0], 20 * self.size[0])
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
        words = " ".join(
            f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items()
        )
        self.add(f'<polyline points="{points}" fill="none" {words}/>')

    def ticks(self, across: Sequence[float], up: Sequence[float], up_names: Sequence[str] = ()):
        bottom = self.top + self.height
        for value in across:
            x = self.left + self.x(value)
            self._outside += [
                line(x, bottom, x, bottom + 4),
                text(x, bottom + 16, short(value), "middle"),
            ]
        for value, name in zip(up, up_names or [short(value) for value in up], strict=True):
            y = self.top + self.y(value)
            self._outside += [
                line(self.left - 4, y, self.left, y),
                text(self.left - 6, y + 4, name, "end"),
            ]

    def names(self, across: str, up: str) -> None:
        middle = self.top + self.height / 2
        self._outside.append(text(self.left + self.width / 2, self.size[1] - 5, across, "middle"))
        self._outside.append(
            f'<text x="11" y="{middle:.1f}" text-anchor="middle" fill="currentColor" '
            f'font-size="12" transform="rotate(-90 11 {middle:.1f})">{escape(up)}</text>'
        )

    def svg(self, kind: str, label: str, max_width: int | None = None) -> str:
        width, height = self.size
        return (
            f'<svg class="{kind}" role="img" aria-label="{escape(label)}" '
            f'viewBox="0 0 {width:g} {height:g}" style="display:block;width:100%;'
            f'max-width:{max_width or width:g}px;height:auto">'
            f'<svg x="{self.left}" y="{self.top}" width="{self.width:g}" '
            f'height="{self.height:g}" style="overflow:hidden">{"".join(self._inside)}</svg>'
            f'<rect x="{self.left}" y="{self.top}" width="{self.width:g}" '
            f'height="{self.height:g}" fill="none" stroke="currentColor" opacity=".5"/>'
            f"{''.join(self._outside)}</svg>"
        )


# How far the picture reaches, and how far apart its ticks are.
_REACHES = ((2.4, 1), (5, 2), (10, 5), (20, 10))
_ARROWS = 13


def plane_svg(result: Result) -> str:
    """The field as arrows, and the trajectory with its start and its end."""
    trajectory = result.trajectory
    furthest = np.abs(trajectory).max()
    reach, step = next((r for r in _REACHES if furthest <= 0.97 * r[0]), _REACHES[-1])
    panel = _Panel((430, 424), (-reach, reach), (-reach, reach), (8, 8, 38, 44))
    names = axis_names(result.settings.game)
    marks = [step * place for place in range(-int(reach // step), int(reach // step) + 1)]
    panel.ticks(marks, marks)
    players = (
        ("makes f small", "makes f large")
        if result.settings.game == "bilinear"
        else ("the generator’s", "the discriminator’s")
    )
    panel.names(*(f"{name}, {whose}" for name, whose in zip(names, players, strict=True)))
    panel.add(_arrows(panel, result, reach))
    middle_x, middle_y = panel.x(0), panel.y(0)
    panel.add(
        f'<path class="equilibrium" d="M{middle_x - 8:.1f} {middle_y:.1f}h16m-8 -8v16" '
        'stroke="currentColor" stroke-width="2"/>'
    )
    panel.polyline(
        trajectory[:, 0], trajectory[:, 1], **{"class": "trajectory"}, stroke=ORANGE,
        stroke_width="1.8", stroke_linejoin="round",
    )  # fmt: skip
    if result.settings.steps <= 60:  # few enough to be told apart
        panel.add(
            *(
                f'<circle cx="{panel.x(x):.1f}" cy="{panel.y(y):.1f}" r="2.6" fill="{ORANGE}"/>'
                for x, y in trajectory[(np.abs(trajectory) <= reach).all(axis=1)]
            )
        )
    panel.add(*_ends(panel, trajectory, reach))
    outside = " It leaves the picture." if furthest > reach else ""
    start, end = (
        f"({', '.join(short(float(value)) for value in point)})"
        for point in (trajectory[0], trajectory[-1])
    )
    label = (
        f"Phase plane of {GAMES[result.settings.game]}: {names[0]} across, {names[1]} up, the "
        f"equilibrium in the middle. The trajectory starts at {start} and is at {end} after "
        f"{len(trajectory) - 1} steps.{outside}"
    )
    return panel.svg("phase-plane", label)


def _arrows(panel: _Panel, result: Result, reach: float) -> str:
    cell = 2 * reach / _ARROWS
    places = (np.arange(_ARROWS) + 0.5) * cell - reach
    points = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    field = np.asarray(result.game.field(points))
    lengths = np.hypot(*field.T)
    shown = lengths > 1e-9
    points, field, lengths = points[shown], field[shown], lengths[shown]
    # The root lets short arrows be seen too; the longest is nearly as long as its cell.
    sizes = 0.85 * cell * np.maximum(np.sqrt(lengths / lengths.max()), 0.12)
    directions = field / lengths[:, None]
    half = directions * sizes[:, None] / 2
    tails, tips = points - half, points + half
    head = np.minimum(0.25 * cell, 0.4 * sizes)[:, None]
    side = np.stack([-directions[:, 1], directions[:, 0]], axis=1)
    wings = [tips - head * directions + way * 0.5 * head * side for way in (1, -1)]
    path = "".join(
        "M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}".format(
            *(pixel for x, y in (tail, tip, left, tip, right) for pixel in (panel.x(x), panel.y(y)))
        )
        for tail, tip, left, right in zip(tails, tips, *wings, strict=True)
    )
    return (
        f'<path class="field" d="{path}" fill="none" stroke="currentColor" stroke-width="1.1" '
        'opacity=".42"/>'
    )


def _ends(panel: _Panel, trajectory: np.ndarray, reach: float) -> list[str]:
    """Start and end, each with its word on the side away from the other."""
    first, last = trajectory[0], trajectory[-1]
    shown = np.clip(last, -0.97 * reach, 0.97 * reach)
    left = bool(np.abs(last).max() > reach)
    parts = []
    for point, word, way in (
        (shown, "leaves the picture" if left else "end", 1),
        (first, "start", -1),
    ):
        x, y = panel.x(point[0]), panel.y(point[1])
        shape = (
            f'<circle class="start" cx="{x:.1f}" cy="{y:.1f}" r="6" '
            f'fill="var(--jp-layout-color0,none)" stroke="{BLUE}" stroke-width="3"/>'
            if word == "start"
            else f'<rect class="end" x="{x - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" '
            f'fill="{ORANGE}" stroke="currentColor" stroke-width="1.5"/>'
        )
        down = way * (1 if shown[1] <= first[1] else -1)
        middle = min(max(x, 20), panel.width - 20)
        if left and word != "start":
            middle = min(max(x, 60), panel.width - 60)
        base = y + (22 if down > 0 else -13)
        if not 12 < base < panel.height - 4:
            base = y - 13 if down > 0 else y + 22
        parts.append(
            f'{shape}<text x="{middle:.1f}" y="{base:.1f}" text-anchor="middle" '
            f'fill="currentColor" font-size="13" font-weight="600" {_HALO}>{word}</text>'
        )
    return parts


def distance_svg(result: Result) -> str:
    """The distance from the equilibrium over the steps, on a logarithmic axis."""
    distances = np.maximum(result.distances, _NEAR)
    low, high = math.log10(distances.min()), math.log10(distances.max())
    spare = max(0.6 - (high - low), 0.06 * (high - low)) / 2
    low, high = low - spare, high + spare
    end = max(result.settings.steps, 1)
    panel = _Panel((560, 210), (0, end), (low, high), (8, 14, 38, 58))
    marks = _log_ticks(low, high)
    panel.ticks(_step_ticks(end), [math.log10(value) for value in marks], [*map(short, marks)])
    panel.names("step", "distance")
    steps = np.arange(len(distances))
    panel.polyline(
        steps, np.log10(distances), **{"class": "distance"}, stroke=ORANGE, stroke_width="2.6"
    )
    if result.factor > 0:
        predicted = math.log10(distances[0]) + steps * math.log10(result.factor)
        panel.polyline(
            steps[[0, -1]], predicted[[0, -1]], **{"class": "predicted"}, stroke=BLUE,
            stroke_width="2", stroke_dasharray="7 7",
        )  # fmt: skip
    label = (
        f"Distance from the equilibrium over {end} steps, logarithmic: from "
        f"{number(result.distances[0])} to {number(result.distances[-1])}; dashed, what the "
        "eigenvalues predict."
    )
    return panel.svg("distance-curve", label, 640)


def _step_ticks(end: int) -> list[int]:
    power = 10 ** max(math.floor(math.log10(end / 4)), 0) if end >= 4 else 1
    step = max(times * power for times in (1, 2, 5) if times * power <= max(end / 4, 1))
    return list(range(0, end + 1, step))


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, not more than eight; where the axis is short, round numbers between them."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    if high - low >= 2:
        every = math.ceil(len(powers) / 8)
        return [10.0**power for power in powers if power % every == 0 and low <= power <= high]
    for multiples in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [times * 10.0**power for power in powers for times in multiples]
        found = [value for value in found if low <= math.log10(value) <= high]
        if len(found) >= 3:
            break
    return found


_EIGEN_SIZE = (206, 200)  # square within the margins, so that a circle is one
_EIGEN_MARGINS = (8, 8, 36, 42)


def _eigen_panel(centre: complex, half: float) -> _Panel:
    return _Panel(
        _EIGEN_SIZE,
        (centre.real - half, centre.real + half),
        (centre.imag - half, centre.imag + half),
        _EIGEN_MARGINS,
    )


def _dots(panel: _Panel, values: np.ndarray) -> None:
    panel.add(
        *(
            f'<circle class="eigenvalue" cx="{panel.x(value.real):.1f}" '
            f'cy="{panel.y(value.imag):.1f}" r="5" fill="{ORANGE}" stroke="currentColor" '
            'stroke-width="1.2"/>'
            for value in values
        )
    )


def _cross(panel: _Panel) -> None:
    x, y = panel.x(0), panel.y(0)
    panel.add(line(x, 0, x, panel.height), line(0, y, panel.width, y))


def _reach(values: np.ndarray) -> tuple[float, float]:
    """Half the width of a picture with 0 in the middle, and the distance of its ticks."""
    largest = max(np.abs(values.real).max(), np.abs(values.imag).max())
    for half, step in ((1.4, 1), (3.5, 2), (7, 5), (14, 10)):
        if largest <= 0.93 * half:
            return half, step
    power = 10.0 ** math.ceil(math.log10(largest))
    return 1.1 * power, power


def game_eigenvalues_svg(result: Result) -> str:
    """The eigenvalues of the field's Jacobian; left of 0, small enough steps converge."""
    values = result.game_eigenvalues
    half, step = _reach(values)
    panel = _eigen_panel(0, half)
    panel.add(f'<rect width="{panel.x(0):.1f}" height="{panel.height:g}" fill="{_GREEN}"/>')
    _cross(panel)
    _dots(panel, values)
    panel.ticks((-step, 0, step), (-step, 0, step))
    panel.names("real part", "imaginary part")
    label = (
        f"Eigenvalues of the game’s Jacobian: {eigenvalue_text(values)}. The left half of the "
        "plane, where small steps converge, is shaded."
    )
    return panel.svg("game-eigenvalues", label, 240)


def step_eigenvalues_svg(result: Result) -> str:
    """The eigenvalues of one step and the unit circle; inside it, play converges."""
    values = result.step_eigenvalues
    half, step = _reach(values)
    panel = _eigen_panel(0, half)
    panel.add(_unit_circle(panel))
    _cross(panel)
    _dots(panel, values)
    panel.ticks((-step, 0, step), (-step, 0, step))
    panel.names("real part", "imaginary part")
    label = (
        f"Eigenvalues of one step and the unit circle: {eigenvalue_text(values)}, "
        f"{modulus_text(result)}."
    )
    return panel.svg("step-eigenvalues", label, 240)


def modulus_text(result: Result) -> str:
    """ "modulus 1.005, outside the circle"."""
    if _is_one(result.factor):
        return "modulus 1, on the circle"
    where = "inside" if result.factor < 1 else "outside"
    return f"modulus {factor_text(result.factor)}, {where} the circle"


def _unit_circle(panel: _Panel) -> str:
    radius = panel.x(1) - panel.x(0)
    return (
        f'<circle class="unit-circle" cx="{panel.x(0):.1f}" cy="{panel.y(0):.1f}" '
        f'r="{radius:.1f}" fill="{_GREEN}" stroke="currentColor" stroke-width="1.5"/>'
    )


def magnified_svg(result: Result) -> tuple[float, str]:
    """The neighbourhood of the largest eigenvalue, and how many times it is magnified."""
    values = result.step_eigenvalues
    largest = values[np.argmax(np.abs(values) + 1e-9 * values.imag)]
    gap = abs(abs(largest) - 1)
    centre = largest / abs(largest) if abs(largest) > _TOLERANCE else 1 + 0j
    halves = [1.4 / times for times in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)]
    half = 0.14
    if gap > _TOLERANCE:
        half = min((half for half in halves if gap <= 0.7 * half), default=gap / 0.7)
    panel = _eigen_panel(complex(centre), half)
    panel.add(_unit_circle(panel))
    _dots(panel, values)
    panel.names("real part", "imaginary part")
    label = f"The largest eigenvalue and the unit circle, magnified: {modulus_text(result)}."
    return _reach(values)[0] / half, panel.svg("magnified", label, 240)


def picture(result: Result) -> str:
    """All drawings with their titles."""
    times, magnified = magnified_svg(result)
    prediction = (
        f"{number(result.distances[0])} · {factor_text(result.factor)}ⁿ"
        if not _is_one(result.factor)
        else "no change"
    )
    small = "".join(
        '<div style="flex:1 1 160px;max-width:240px"><div style="opacity:.85;min-height:40px;'
        f'display:flex;align-items:end"><div>{caption}</div></div>{svg}</div>'
        for caption, svg in (
            (
                f"of the game: {eigenvalue_text(result.game_eigenvalues)}",
                game_eigenvalues_svg(result),
            ),
            (
                f"of one step: {eigenvalue_text(result.step_eigenvalues)}",
                step_eigenvalues_svg(result),
            ),
            (
                f"magnified × {short(times)}: {modulus_text(result).removesuffix(' the circle')}",
                magnified,
            ),
        )
    )
    names = axis_names(result.settings.game)
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:4px 20px">'
        f'<div style="flex:1 1 340px;max-width:470px">{_title("Where the players go")}'
        f'<div style="opacity:.85">Arrows: the way in which {names[0]} and {names[1]} improve for '
        f"their own players, the longer the faster. +: equilibrium.</div>{plane_svg(result)}</div>"
        f'<div style="flex:1 1 480px;max-width:660px">{_title("Distance from the equilibrium")}'
        f'<div style="opacity:.85">Logarithmic. Dashed: what the eigenvalues predict, {prediction}.'
        f"</div>{distance_svg(result)}"
        f'<div style="margin-top:6px">{_title("Eigenvalues")}</div>'
        '<div style="opacity:.85">Green: it converges; for the game, if the steps are small.</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:4px 12px">{small}</div></div></div>'
    )


def _title(words: str) -> str:
    return f'<div style="font-weight:600">{words}</div>'

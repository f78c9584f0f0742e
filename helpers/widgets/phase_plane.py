"""The phase plane: two players' gradient steps, where they lead, and the eigenvalues that tell.

Two lines in an empty notebook show it::

    from helpers.widgets.phase_plane import PhasePlane
    PhasePlane()

ipywidgets core only: controls, and ``HTML`` for text and drawings. What it computes comes from
``helpers.games``, what it says and draws from ``phase_plane_drawing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.widgets import phase_plane_drawing as drawing
from helpers.widgets.parts import page, short, verdict_box
from helpers.widgets.phase_plane_drawing import EXAMPLES, GAMES, RULES, Settings

#: What the sliders offer.
LEARNING_RATES = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1.0,
    1.2,
    1.5,
    2.0,
)
R1_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
CONSENSUS_WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STEPS = (
    *range(1, 11), 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120, 150, 200, 250, 300, 400, 500,
)  # fmt: skip
FURTHEST = 2.0

_OWN = "your own settings"
_LABEL = {"description_width": "128px"}


class PhasePlane(widgets.VBox):
    """A two-player game played by gradient steps: trajectory, distance, eigenvalues, verdict.

    example : a key of phase_plane_drawing.EXAMPLES, at the start. settings : fields of
    phase_plane_drawing.Settings (game, rule, learning_rate, r1, consensus_weight, start, steps)
    that are to differ from it, from what the controls offer; ValueError otherwise.

    ``settings`` is what the controls say, ``played`` the numbers behind what is shown.
    """

    def __init__(self, example: str = next(iter(EXAMPLES)), **settings: Any) -> None:
        chosen = _chosen(example, settings)
        self.example = widgets.Dropdown(
            options=[*EXAMPLES, _OWN], value=_OWN if settings else example, description="Example"
        )
        self.game = _dropdown("Game", GAMES, chosen.game)
        self.rule = _dropdown("Update rule", RULES, chosen.rule)
        self.learning_rate = _slider("Learning rate", LEARNING_RATES, chosen.learning_rate)
        self.r1 = _slider("R1 weight", R1_WEIGHTS, chosen.r1)
        self.consensus_weight = _slider(
            "Consensus weight", CONSENSUS_WEIGHTS, chosen.consensus_weight
        )
        self.first, self.second = (
            widgets.FloatSlider(
                value=place, min=-FURTHEST, max=FURTHEST, step=0.1, readout_format=".1f"
            )
            for place in chosen.start
        )
        self.steps = _slider("Steps", STEPS, chosen.steps)
        self.play_label = widgets.Label("Play the steps:")
        self.play = widgets.Play(
            value=STEPS.index(chosen.steps), max=len(STEPS) - 1, interval=200,
            description="Play the steps",
        )  # fmt: skip
        self.off, self.result, self.picture = (widgets.HTML() for _ in range(3))

        self._busy = False
        self._settings_controls = (
            self.game, self.rule, self.learning_rate, self.r1, self.consensus_weight, self.first,
            self.second, self.steps,
        )  # fmt: skip
        for control in (self.example, *self._settings_controls):
            control.style = _LABEL
            control.layout = widgets.Layout(width="auto")
            control.observe(self._on_change, "value")
        self.play.observe(self._on_play, "value")
        grid = widgets.Layout(
            width="100%", grid_template_columns="repeat(auto-fill, minmax(310px, 1fr))"
        )
        row = widgets.Layout(
            flex_flow="row wrap", width="100%", align_items="center", margin="0 0 0 8px"
        )
        super().__init__(
            [
                widgets.GridBox([self.example, *self._settings_controls], layout=grid),
                widgets.Box([self.play_label, self.play, self.off], layout=row),
                self.result,
                self.picture,
            ]
        )
        self.play_label.layout.margin = self.play.layout.margin = "0 16px 0 0"
        self._on_change(None)

    def __repr__(self) -> str:
        now = self.settings
        return (
            f"Phase plane: {GAMES[now.game]}, {now.rule} updates, learning rate "
            f"{short(now.learning_rate)}. Run this cell to move the sliders."
        )

    @property
    def settings(self) -> Settings:
        """What the controls say; a penalty that the game has not is 0."""
        return Settings(
            game=self.game.value,
            rule=self.rule.value,
            learning_rate=self.learning_rate.value,
            r1=0.0 if self.game.value == "bilinear" else self.r1.value,
            consensus_weight=self.consensus_weight.value,
            start=(_tenths(self.first.value), _tenths(self.second.value)),
            steps=self.steps.value,
        )

    def _on_play(self, change: Any) -> None:
        if not self._busy:
            self.steps.index = self.play.value

    def _on_change(self, change: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            if change is not None and change["owner"] is self.example:
                if self.example.value != _OWN:
                    self._take(EXAMPLES[self.example.value])
            elif change is not None and change["owner"] is not self.steps:
                self.example.value = _OWN  # more or fewer steps are still the same example
            self._show()
        except Exception as error:  # in a callback it would vanish into a log
            self.picture.value = ""
            self.result.value = page(
                f'<div role="alert">✗ The phase plane itself failed: {type(error).__name__}: '
                f"{escape(str(error))}</div>"
            )
        finally:
            self._busy = False

    def _take(self, settings: Settings) -> None:
        for name in ("game", "rule", "learning_rate", "r1", "consensus_weight", "steps"):
            getattr(self, name).value = getattr(settings, name)
        self.first.value, self.second.value = settings.start

    def _show(self) -> None:
        names = drawing.axis_names(self.game.value)
        for slider, name in zip((self.first, self.second), names, strict=True):
            slider.description = f"Start {name}"
        self._switch()
        self.play.value = self.steps.index
        self.played = drawing.compute(self.settings)
        self.result.value = page(verdict_box(*drawing.verdict(self.played), min_height=62))
        self.picture.value = page(drawing.picture(self.played))

    def _switch(self) -> None:
        """Switch off what does not matter, and say why."""
        self.r1.disabled = self.game.value == "bilinear"
        self.consensus_weight.disabled = self.rule.value != "consensus"
        reasons = []
        if self.r1.disabled:
            reasons.append("R1 weight (this game has no discriminator)")
        if self.consensus_weight.disabled:
            reasons.append("Consensus weight (another update rule)")
        said = f"Switched off: {', '.join(reasons)}." if reasons else ""
        self.off.value = page(f'<div style="opacity:.85">{said}</div>')


def _tenths(value: float) -> float:
    return round(value, 6)  # 0.1 + 0.2 is 0.3 here


def _dropdown(label: str, names: dict[str, str], value: str) -> widgets.Dropdown:
    options = [(name, key) for key, name in names.items()]
    return widgets.Dropdown(options=options, value=value, description=label)


def _slider(label: str, values: Sequence[float], value: float) -> widgets.SelectionSlider:
    options = [(f"{value:g}", value) for value in values]
    return widgets.SelectionSlider(options=options, value=value, description=label)


def _chosen(example: str, changes: dict[str, Any]) -> Settings:
    if example not in EXAMPLES:
        raise ValueError(f"There is no example {example!r}: choose from {', '.join(EXAMPLES)}.")
    known = [field.name for field in fields(Settings)]
    for name in changes:
        if name not in known:
            raise ValueError(f"There is no setting {name!r}: choose from {', '.join(known)}.")
    chosen = replace(EXAMPLES[example], **changes)
    for name, offered in (
        ("game", tuple(GAMES)),
        ("rule", tuple(RULES)),
        ("learning_rate", LEARNING_RATES),
        ("r1", R1_WEIGHTS),
        ("consensus_weight", CONSENSUS_WEIGHTS),
        ("steps", STEPS),
    ):
        if getattr(chosen, name) not in offered:
            raise ValueError(
                f"{name} {getattr(chosen, name)!r} is not on offer: choose from "
                f"{', '.join(map(str, offered))}."
            )
    if len(chosen.start) != 2 or any(abs(place) > FURTHEST for place in chosen.start):
        raise ValueError(
            f"start {chosen.start!r} is not on offer: give two numbers from −{FURTHEST:g} to "
            f"{FURTHEST:g}."
        )
    return chosen

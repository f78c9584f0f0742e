"""The tape explorer: what a gradient tape writes down, and how it is read backwards.

Two lines in an empty notebook show it::

    from helpers.widgets.gradient_tape import TapeExplorer
    TapeExplorer()

ipywidgets core only: controls, and ``HTML`` for text and drawings. What it computes comes from
``helpers.expression_graph``, what it says and draws from ``gradient_tape_view``.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.expression_graph import EXPRESSIONS
from helpers.widgets import gradient_tape_view as view
from helpers.widgets.parts import page, short, verdict_box

_LABEL = {"description_width": "90px"}


class TapeExplorer(widgets.VBox):
    """An expression drawn as a tape records it, forwards and then backwards, step by step.

    expression : "x²", "sin x · x" or "x³ − 2x" at the start. x : where it is computed.

    ``film`` holds the recording behind what is shown; ``step.value`` is the place in it.
    """

    def __init__(self, expression: str = "x²", x: float = 3.0) -> None:
        self.expression = widgets.Dropdown(
            options=list(EXPRESSIONS), value=expression, description="y =", style=_LABEL
        )
        self.x = widgets.FloatSlider(
            value=x, min=-3, max=3, step=0.1, readout_format=".1f", description="x", style=_LABEL
        )
        self.back = widgets.Button(description="Back", tooltip="One step back")
        self.next = widgets.Button(description="Next", tooltip="One step on")
        self.play_label = widgets.Label("Play all steps:")
        self.play = widgets.Play(interval=1500, max=1, description="Play all steps")
        self.result, self.graph, self.table = widgets.HTML(), widgets.HTML(), widgets.HTML()

        self._busy = False
        for control in (self.expression, self.x):
            self._prepare(control)
        self.play.observe(self._on_play, "value")
        for button, way in ((self.back, -1), (self.next, 1)):
            button.layout = widgets.Layout(width="80px", margin="2px 8px 2px 2px")
            button.on_click(lambda _, way=way: self._move(way))
        row = {"flex_flow": "row wrap", "width": "100%", "align_items": "center"}
        self._controls = widgets.Box(layout=widgets.Layout(**row))
        super().__init__(
            [
                self._controls,
                widgets.Box(
                    [self.back, self.next, self.play_label, self.play],
                    layout=widgets.Layout(**row, margin="0 0 0 94px"),
                ),
                self.result,
                self.graph,
                self.table,
            ]
        )
        self._begin()
        self._on_change(None)

    def __repr__(self) -> str:
        return (
            f"Tape explorer: y = {self.expression.value} at x = {short(self._x)}. Run this cell "
            "to move the sliders."
        )

    @property
    def _x(self) -> float:
        return round(self.x.value, 6)  # 0.1 + 0.2 is 0.3 here

    def _prepare(self, control: Any) -> None:
        control.layout = widgets.Layout(width="auto", flex="1 1 280px", max_width="400px")
        control.observe(self._on_change, "value")

    def _begin(self) -> None:
        """Go to the first step, with a slider as long as the film.

        A new slider: in the browser, the key End goes on meaning the maximum that a slider was made
        with, whatever its maximum is now.
        """
        last = len(view.film(self.expression.value, self._x).frames) - 1
        self.step = widgets.IntSlider(value=0, min=0, max=last, description="Step", style=_LABEL)
        self._prepare(self.step)
        before = self._controls.children[2:]
        self._controls.children = [self.expression, self.x, self.step]
        for slider in before:
            slider.close()
        self.play.max = last

    def _move(self, way: int) -> None:
        self.step.value = min(max(self.step.value + way, 0), self.step.max)

    def _on_play(self, change: Any) -> None:
        if not self._busy:
            self.step.value = self.play.value

    def _on_change(self, change: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            if change is not None and change["owner"] is self.expression:
                self._begin()
            self._show()
        except Exception as error:  # in a callback it would vanish into a log
            self.graph.value = self.table.value = ""
            self.result.value = page(
                f'<div role="alert">✗ The explorer itself failed: {type(error).__name__}: '
                f"{escape(str(error))}</div>"
            )
        finally:
            self._busy = False

    def _show(self) -> None:
        self.film = view.film(self.expression.value, self._x)
        step = self.play.value = self.step.value
        frame = self.film.frames[step]
        said = [f"{frame.heading}. {frame.sentence}"]
        self.result.value = page(verdict_box(frame.correct, said, min_height=44))
        self.graph.value = page(view.graph_svg(self.film, step))
        self.table.value = page(view.tape_table(self.film, step))

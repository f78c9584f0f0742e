"""The latent walk: move through the space of random vectors and see what a generator makes of it.

Two lines in an empty notebook show it::

    from helpers.widgets.generator import LatentWalk
    LatentWalk()

ipywidgets core only: controls, and ``HTML`` for text and pictures. What it says and draws comes
from the pure functions in ``generator_view``.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from helpers import latent_space
from helpers.pixel_scaling import unscale_to_uint8
from helpers.widgets import generator_view as view
from helpers.widgets.parts import BLUE, ORANGE, page, verdict_box

if TYPE_CHECKING:
    from torch import nn

#: Latent vectors (N, dim) to uint8 images (N, 3, H, W).
Decode = Callable[[np.ndarray], np.ndarray]

_LABEL = {"description_width": "120px"}
_IMAGES = 8
_WAYS = {
    "Straight line": latent_space.interpolate_linear,
    "Arc": latent_space.interpolate_spherical,
}


class LatentWalk(widgets.VBox):
    """Two ways to explore a generator: a walk along two directions, and ways between two images.

    generator : a PyTorch generator, (N, latent_dim) to images in [-1, 1] of shape (N, 3, H, W); the
        course's own, trained on street digits, if None. It is used in eval mode and left in the
        mode in which it was.
    latent_dim : numbers per latent vector.

    ``walk`` and ``between`` are the two tabs, with their controls and what they show.
    """

    def __init__(self, generator: nn.Module | None = None, latent_dim: int = 100) -> None:
        if generator is None:
            from helpers.pytorch.pretrained import load_generator

            generator = load_generator()
        decode = _decoder(generator)
        self.walk, self.between = WalkTab(decode, latent_dim), BetweenTab(decode, latent_dim)
        self.tabs = widgets.Tab(children=[self.walk, self.between])
        for index, title in enumerate(("Walk", "Between two images")):
            self.tabs.set_title(index, title)
        super().__init__([self.tabs])

    def __repr__(self) -> str:
        return (
            f"Latent walk: z is {latent_space.norm(self.walk.z):.1f} long. Run this cell to move "
            "the sliders."
        )


def _decoder(generator: nn.Module) -> Decode:
    import torch

    def decode(z: np.ndarray) -> np.ndarray:
        modes = {module: module.training for module in generator.modules()}
        like = next(generator.parameters(), torch.zeros(()))
        try:
            generator.eval()
            with torch.no_grad():
                images = generator(torch.as_tensor(z, dtype=like.dtype, device=like.device))
        finally:
            for module, training in modes.items():
                module.training = training
        return unscale_to_uint8(images.float().cpu().numpy())

    return decode


class _Tab(widgets.VBox):
    """Controls in a row that wraps; whatever fails on a change is shown, not lost in a log."""

    def __init__(self, sliders: list, buttons: list, below: list, shown: list) -> None:
        self._busy = False
        for slider in sliders:
            slider.layout.width, slider.layout.flex = "auto", "1 1 380px"
            slider.layout.max_width = "460px"
            slider.observe(self._update, "value")
        for button in buttons:
            button.layout = widgets.Layout(width="150px", margin="2px 8px 2px 2px")
        row = widgets.Layout(flex_flow="row wrap", width="100%")
        super().__init__(
            [widgets.Box(sliders, layout=row), widgets.Box(buttons, layout=row), *below]
        )
        self._shown = shown
        self._update()

    def _set(self, **values: float) -> None:
        """Set several controls, then show once."""
        self._busy = True
        try:
            for name, value in values.items():
                getattr(self, name).value = value
        finally:
            self._busy = False
        self._update()

    def _update(self, _: Any = None) -> None:
        if self._busy:
            return
        try:
            self._show()
        except Exception as error:
            for html in self._shown:
                html.value = ""
            self._shown[0].value = page(
                f'<div role="alert">✗ The latent walk itself failed: {type(error).__name__}: '
                f"{escape(str(error))}</div>"
            )


class WalkTab(_Tab):
    """From a random start along two random directions, and nearer to 0 or away from it.

    ``z`` is the latent vector whose image is shown.
    """

    def __init__(self, decode: Decode, latent_dim: int) -> None:
        self._decode, self._dim, self._seeds = decode, latent_dim, {"start": 0, "directions": 0}
        self._map: tuple[Any, str] = None, ""  # what it was drawn for, and the drawing
        end = view.MAP_STEPS[-1]
        self.first, self.second = (
            widgets.FloatSlider(
                value=0, min=-end, max=end, step=0.5, readout_format=".1f",
                description=f"Direction {number}", style=_LABEL,
            )
            for number in (1, 2)
        )  # fmt: skip
        self.factor = widgets.FloatSlider(
            value=1, min=0, max=3, step=0.05, readout_format=".2f", description="Multiply z by",
            style=_LABEL,
        )  # fmt: skip
        self.new_start, self.new_directions, self.back = (
            widgets.Button(description=name)
            for name in ("New start", "New directions", "Back to the start")
        )
        self.new_start.on_click(lambda _: self._draw("start"))
        self.new_directions.on_click(lambda _: self._draw("directions"))
        self.back.on_click(lambda _: self._set(first=0, second=0, factor=1))
        self.result, self.image, self.map = (widgets.HTML() for _ in range(3))
        pictures = widgets.Box(
            [self.image, self.map], layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        super().__init__(
            [self.first, self.second, self.factor],
            [self.new_start, self.new_directions, self.back],
            [self.result, pictures],
            [self.result, self.image, self.map],
        )

    @property
    def start(self) -> np.ndarray:
        """The latent vector from which the walk starts."""
        return np.random.default_rng(self._seeds["start"]).standard_normal(self._dim)

    @property
    def directions(self) -> np.ndarray:
        """The two directions, each of length 1 and at a right angle to the other."""
        rng = np.random.default_rng([1, self._seeds["directions"]])
        return latent_space.random_directions(self._dim, 2, rng)

    @property
    def z(self) -> np.ndarray:
        """The latent vector whose image is shown."""
        return self._plane([(self.first.value, self.second.value)])[0]

    def _plane(self, places: list[tuple[float, float]]) -> np.ndarray:
        return view.plane(self.start, self.directions, places, self.factor.value)

    def _draw(self, what: str) -> None:
        self._seeds[what] += 1
        self._update()

    def _show(self) -> None:
        place = self.first.value, self.second.value
        length = float(latent_space.norm(self.z))
        image = self._decode(self.z[None])[0]
        good, sentence = view.length_verdict(length, self._dim)
        self.result.value = page(verdict_box(good, [sentence], min_height=44))
        notes = [
            f"length of z {length:.1f}",
            f"contrast {view.contrast(image):.0f} grey levels",
        ]
        alt = f"The generated image; {', '.join(notes)}"
        self.image.value = page(view.figure(image, "Image", notes, alt, 280))
        # The map comes last: until its 25 images are there, the image has long been shown.
        key = (*self._seeds.values(), self.factor.value)
        if self._map[0] != key:
            self._map = key, view.map_picture(self._decode(self._plane(view.map_places())))
        self.map.value = page(view.map_html(self._map[1], place))


class BetweenTab(_Tab):
    """From one image to another: on the straight line and on the arc."""

    def __init__(self, decode: Decode, latent_dim: int) -> None:
        self._decode, self._dim, self._seed = decode, latent_dim, 0
        self._drawn: tuple[Any, list[str]] = None, []  # what for, and the drawings
        self.start, self.end = (
            widgets.IntSlider(value=value, min=1, max=_IMAGES, description=name, style=_LABEL)
            for value, name in ((1, "From image"), (_IMAGES, "To image"))
        )
        self.t = widgets.FloatSlider(
            value=0.5, min=0, max=1, step=0.05, readout_format=".2f",
            description="Share of the way", style=_LABEL,
        )  # fmt: skip
        self.new_images = widgets.Button(description="New images")
        self.new_images.on_click(self._draw)
        self.choice, self.result, self.rows = (widgets.HTML() for _ in range(3))
        super().__init__(
            [self.start, self.end, self.t],
            [self.new_images],
            shown := [self.choice, self.result, self.rows],
            shown,
        )

    @property
    def vectors(self) -> np.ndarray:
        """The latent vectors of the images to choose from, (8, dim)."""
        rng = np.random.default_rng([2, self._seed])
        return rng.standard_normal((_IMAGES, self._dim))

    def _draw(self, _: Any) -> None:
        self._seed += 1
        self._update()

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The latent vectors of the two images chosen."""
        vectors = self.vectors
        return vectors[self.start.value - 1], vectors[self.end.value - 1]

    @property
    def here(self) -> tuple[np.ndarray, np.ndarray]:
        """The latent vectors at the chosen share of the way: on the line, and on the arc."""
        line, arc = (way(*self.ends, self.t.value) for way in _WAYS.values())
        return line, arc

    def _show(self) -> None:
        if self._drawn[0] != (key := (self._seed, self.start.value, self.end.value)):
            self._drawn = key, self._strips()
        choice, *strips = self._drawn[1]
        here = self.here
        images, lengths = self._decode(np.stack(here)), latent_space.norm(np.stack(here)).tolist()
        self.choice.value = choice
        self.result.value = page(verdict_box(*self._verdict(lengths), min_height=64))
        rows = zip(_WAYS, (ORANGE, BLUE), strips, images, lengths, strict=True)
        self.rows.value = page(
            *(self._row(*row) for row in rows),
            '<div style="font-weight:600;margin-top:6px">Length of z on the way: '
            f'<span style="border-bottom:3px dashed {ORANGE}">straight line</span>, '
            f'<span style="border-bottom:3px solid {BLUE}">arc</span>; grey: the lengths of 98 of '
            "100 random vectors</div>",
            self._curve(),
        )

    def _strips(self) -> list[str]:
        """What does not change with the share of the way: the choice, and a row for each way."""
        numbers = range(1, _IMAGES + 1)
        roles = {self.end.value: " to", self.start.value: " from"}
        ways = [way(*self.ends, view.WAY_STEPS) for way in _WAYS.values()]
        choice, *found = np.split(
            self._decode(np.concatenate([self.vectors, *ways])),
            [_IMAGES, _IMAGES + len(view.WAY_STEPS)],
        )
        strips = [
            page(
                '<div style="font-weight:600">To choose from</div>',
                view.strip(
                    choice,
                    [f"Image {number}" for number in numbers],
                    [f"{number}{roles.get(number, '')}" for number in numbers],
                ),
            )
        ]
        for name, images, vectors in zip(_WAYS, found, ways, strict=True):
            lengths = latent_space.norm(vectors)
            names = [f"{name}, {step:.0%} of the way" for step in view.WAY_STEPS]
            strips.append(view.strip(images, names, [f"{length:.1f}" for length in lengths]))
        return strips

    def _row(self, name: str, colour: str, strip: str, image: np.ndarray, length: float) -> str:
        here = f"{name} at {self.t.value:.2f}"
        notes = [f"length of z {length:.1f}", f"contrast {view.contrast(image):.0f} grey levels"]
        return (
            '<div style="display:flex;flex-wrap:wrap;align-items:center;margin-top:4px">'
            '<div style="margin-right:14px">'
            f'<div style="font-weight:600;border-bottom:3px solid {colour};display:inline-block;'
            f'margin-bottom:4px">{name}; below each image the length of its z</div>{strip}</div>'
            f"{view.figure(image, here, notes, f'{here}, {notes[0]}, {notes[1]}', 96)}</div>"
        )

    def _verdict(self, lengths: list[float]) -> tuple[bool | None, list[str]]:
        if self.start.value == self.end.value:
            return None, ["From and to are the same image: choose two."]
        degrees = np.degrees(latent_space.angle(*self.ends))
        sentences = [f"The two vectors stand at an angle of {degrees:.0f}°."]
        usual = []
        for name, length in zip(_WAYS, lengths, strict=True):
            good, sentence = view.length_verdict(length, self._dim)
            usual.append(good)
            sentences.append(f"{name}: {sentence}")
        return (True if all(usual) else None), sentences

    def _curve(self) -> str:
        ways = np.linspace(0, 1, 41)
        lengths = (latent_space.norm(way(*self.ends, ways)).tolist() for way in _WAYS.values())
        return view.length_svg(ways.tolist(), *lengths, self.t.value, self._dim)

"""The phase plane in a real JupyterLab: moved by keyboard and by mouse, switched off, played.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.phase_plane import PhasePlane\nPhasePlane()"


@pytest.fixture(scope="module")
def notebook():
    with browser.lab() as lab:
        opened = lab.notebook([TWO_LINES], width=1200, height=960)
        opened.page.locator(".phase-plane").wait_for()
        yield opened
        assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def plane(notebook):
    return Plane(notebook.page)


class Plane(browser.Widget):
    def drawn(self, kind="trajectory"):
        return self.root.locator(f".{kind}").evaluate("e => e.outerHTML")

    def drawn_otherwise(self, before, kind="trajectory"):
        return self.changed(lambda: self.drawn(kind), before)

    def drag(self, label, pixels):
        handle = self.control(label).locator(".noUi-handle")
        handle.scroll_into_view_if_needed()
        place = handle.bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=5)
        self.page.mouse.up()


def test_sliders_by_keyboard_and_by_mouse(plane):
    plane.says("1.005 = √(1 + 0.1²), so it doubles every 139 steps")
    line, distance = plane.drawn(), plane.drawn("distance-curve")
    plane.key("Learning rate", "ArrowRight")
    plane.says("√(1 + 0.15²)")
    line = plane.drawn_otherwise(line)
    plane.drawn_otherwise(distance, "distance-curve")
    plane.key("Learning rate", "End")
    plane.says("not followed any further")
    plane.key("Learning rate", "Home")
    plane.says("√(1 + 0.01²)")
    plane.key("Learning rate", "ArrowRight", 3)
    plane.says("√(1 + 0.1²)")
    line = plane.drawn()
    plane.key("Start x", "ArrowLeft", 2)
    plane.says("it started 1.28 from it")
    line = plane.drawn_otherwise(line)
    plane.drag("Start y", -400)
    plane.says("it started 2.15 from it")
    line = plane.drawn_otherwise(line)
    plane.key("Steps", "Home")
    plane.says("After 1 step it is")
    line = plane.drawn_otherwise(line)
    plane.key("Steps", "ArrowRight")
    plane.says("After 2 steps it is")
    plane.drawn_otherwise(line)


def test_rules_and_games_by_keyboard_and_by_mouse(plane):
    plane.choose("Example", "Simultaneous: spirals out")
    plane.says("√(1 + 0.1²)")
    plane.next_option("Update rule")
    plane.says("goes round and round")
    plane.choose("Update rule", "consensus: shortens arrows")
    plane.says("halves every 15 steps")
    plane.key("Consensus weight", "ArrowRight")
    plane.says("√((1 − 0.1)² + 0.1²)")
    plane.next_option("Game")
    plane.root.locator(".phase-plane text", has_text="θ, the generator").wait_for()
    plane.control("Start θ").wait_for()
    plane.choose("Example", "Simultaneous: spirals out")
    plane.says("√(1 + 0.1²)")
    plane.next_option("Example")
    plane.says("Neither arrives nor leaves")


def test_what_does_not_matter_is_switched_off_and_says_why(plane):
    plane.choose("Example", "Simultaneous: spirals out")
    plane.says("Switched off: R1 weight (this game has no discriminator), Consensus weight")
    before = plane.drawn()
    slider = plane.control("R1 weight").locator(".noUi-target")
    assert slider.get_attribute("disabled") is not None
    plane.key("R1 weight", "ArrowRight", 3)
    plane.choose("Example", "R1 with critical damping")
    plane.says("have met at −0.5")
    line = plane.drawn_otherwise(before)
    assert slider.get_attribute("disabled") is None
    plane.key("R1 weight", "ArrowRight")
    plane.says("Overdamped")
    plane.drawn_otherwise(line)
    plane.key("R1 weight", "ArrowLeft", 2)
    plane.says("Underdamped")


def test_play_goes_through_the_steps(plane):
    plane.choose("Example", "Extragradient: spirals in")
    plane.says("it is 0.118 away")
    plane.key("Steps", "Home")
    plane.says("After 1 step it is")
    plane.root.locator(".widget-play button").first.click()
    plane.says("it is 0.118 away")


def test_both_themes_can_be_read(notebook, plane, tmp_path):
    plane.choose("Example", "A little R1: still circles")
    plane.says("Underdamped")
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png")
        word = plane.root.locator(".phase-plane text").first
        colours.append(word.evaluate("e => getComputedStyle(e).fill"))
    assert colours[0] != colours[1]
    notebook.theme("JupyterLab Light")


def test_every_drawing_has_a_text_alternative(plane):
    labels = plane.root.locator("svg[role=img]").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert len(labels) == 5 and all(labels)
    assert labels[0].startswith("Phase plane of ")

"""The latent walk in a real JupyterLab: moved by mouse and by keyboard.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

CELL = "from helpers.widgets.generator import LatentWalk\nLatentWalk()"


@pytest.fixture(scope="module")
def notebook():
    with browser.lab() as lab:
        opened = lab.notebook([CELL], width=1200, height=1150)
        opened.page.locator(".latent-map").wait_for()
        yield opened
        assert opened.errors == [], "the browser's console complained"


class Walk(browser.Widget):
    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def tab(self, name):
        self.root.get_by_role("tab", name=name).click()

    def pictures(self, selector=""):
        """What the visible pictures show."""
        found = self.root.locator(f"{selector} img").locator("visible=true")
        return found.evaluate_all("all => all.map(e => e.src)")

    def changes(self, before, selector=""):
        return self.changed(lambda: self.pictures(selector), before)


@pytest.fixture
def walk(notebook):
    return Walk(notebook.page)


def test_walk_by_keyboard_and_buttons(walk):
    walk.tab("Walk")
    walk.says("as random vectors are (98 of 100 are 8.4 to 11.7 long)")
    before, drawn_map = walk.pictures(), walk.pictures(".latent-map")
    walk.key("Direction 1", "ArrowRight", 10)
    walk.root.get_by_label("You are at 5, 0").wait_for()
    before = walk.changes(before)
    walk.key("Direction 2", "End")
    walk.root.get_by_label("You are at 5, 10").wait_for()
    before = walk.changes(before)
    assert walk.pictures(".latent-map") == drawn_map
    walk.key("Multiply z by", "Home")
    walk.says("z is 0.0 long, shorter than almost all random vectors")
    walk.changes(drawn_map, ".latent-map")
    walk.key("Multiply z by", "End")
    walk.says("longer than almost all random vectors")
    walk.press("Back to the start")
    walk.root.get_by_label("You are at 0, 0").wait_for()
    walk.says("as random vectors are")
    before = walk.pictures()
    walk.press("New start")
    before = walk.changes(before)
    walk.press("New directions")
    walk.changes(before)


def test_walk_by_mouse(walk):
    walk.tab("Walk")
    before = walk.pictures()
    handle = walk.control("Direction 2").locator(".noUi-handle").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    walk.page.mouse.move(x, y)
    walk.page.mouse.down()
    walk.page.mouse.move(x + 30, y, steps=5)
    walk.page.mouse.up()
    walk.changes(before)


def test_between_two_images(walk):
    walk.tab("Between two images")
    walk.says("The two vectors stand at an angle of")
    walk.says("Straight line at 0.50")
    before = walk.pictures()
    walk.key("Share of the way", "ArrowRight", 5)
    walk.says("Arc at 0.75")
    before = walk.changes(before)
    walk.key("To image", "Home")
    walk.says("From and to are the same image")
    walk.key("From image", "End")
    walk.says("8 from")
    before = walk.changes(before)
    walk.press("New images")
    walk.changes(before)


def test_every_picture_has_a_text_alternative(walk):
    for name in ("Walk", "Between two images"):
        walk.tab(name)
        walk.settled()
        pictures = walk.root.locator("img, svg[role=img]").locator("visible=true")
        labels = pictures.evaluate_all("all => all.map(e => e.alt || e.ariaLabel)")
        assert labels and all(labels)


def test_both_themes_can_be_read(notebook, walk, tmp_path):
    walk.tab("Between two images")
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png")
        colours.append(
            [
                walk.root.locator(selector)
                .locator("visible=true")
                .first.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).fill]")
                for selector in (".length-curve text", "figcaption")
            ]
        )
    assert all(light != dark for light, dark in zip(*colours, strict=True))
    notebook.theme("JupyterLab Light")

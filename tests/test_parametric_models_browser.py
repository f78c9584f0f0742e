"""The kernel-density explorer in a real JupyterLab: moved by mouse and by keyboard.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.parametric_models import KdeExplorer\nKdeExplorer()"


@pytest.fixture(scope="module")
def notebook():
    with browser.lab() as lab:
        opened = lab.notebook([TWO_LINES])
        opened.page.locator(".kde-curve").wait_for()
        yield opened
        assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def explorer(notebook):
    return Explorer(notebook.page)


class Explorer(browser.Widget):
    def strips(self):
        return self.root.locator("img.kde-strip").evaluate_all("all => all.map(e => e.src)")

    def other_samples_than(self, before):
        self.page.wait_for_function(
            "before => document.querySelector('img.kde-strip').src !== before", arg=before[0]
        )


def test_two_lines_in_an_empty_notebook(explorer):
    explorer.says("1,797·64 + 1 = 115,009")
    explorer.says("31.6 nats per image")
    assert explorer.root.locator("img.kde-strip").count() == 2
    assert explorer.root.locator("img.kde-strip").first.get_attribute("alt")
    curve = explorer.root.locator(".kde-curve")
    assert "highest at 0.13; now at 0.13" in curve.get_attribute("aria-label")


def test_sliders_by_keyboard(explorer):
    before = explorer.strips()
    explorer.key("Bandwidth", "Home")
    explorer.says("Too narrow")
    explorer.other_samples_than(before)
    explorer.key("Bandwidth", "ArrowRight", 2)
    explorer.says("−1,201.")
    explorer.key("Images N", "Home")
    explorer.says("20·64 + 1 = 1,281")
    explorer.key("Images N", "ArrowRight")
    explorer.says("50·64 + 1 = 3,201")
    explorer.key("Bandwidth", "End")
    explorer.says("Too wide")


def test_slider_by_mouse(explorer):
    handle = explorer.control("Bandwidth").locator(".noUi-handle")
    track = explorer.control("Bandwidth").locator(".noUi-base").bounding_box()
    handle.scroll_into_view_if_needed()
    place = handle.bounding_box()
    y = place["y"] + place["height"] / 2
    explorer.page.mouse.move(place["x"] + place["width"] / 2, y)
    explorer.page.mouse.down()
    explorer.page.mouse.move(track["x"], y, steps=5)
    explorer.page.mouse.up()
    explorer.says("Too narrow")


def test_button_draws_other_samples(explorer):
    before = explorer.strips()
    explorer.root.get_by_role("button", name="Draw other samples").click()
    explorer.other_samples_than(before)


def test_both_themes_can_be_read(notebook, explorer, tmp_path):
    explorer.key("Images N", "End")
    explorer.key("Bandwidth", "Home")
    explorer.key("Bandwidth", "ArrowRight", 13)
    explorer.says("31.6 nats per image")
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png")
        colours.append(
            explorer.root.locator(".kde-curve text").first.evaluate("e => getComputedStyle(e).fill")
        )
    assert colours[0] != colours[1]
    notebook.theme("JupyterLab Light")

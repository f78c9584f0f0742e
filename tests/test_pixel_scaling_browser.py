"""The pixel-scaling explorer in a real JupyterLab: moved by mouse and by keyboard.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.pixel_scaling import PixelScalingExplorer\nPixelScalingExplorer()"


@pytest.fixture(scope="module")
def lab():
    with browser.lab() as running:
        yield running


@pytest.fixture(scope="module")
def notebook(lab):
    opened = lab.notebook([TWO_LINES], width=1100, height=1000)
    opened.page.locator(".pixel-histogram").wait_for()
    yield opened
    assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def explorer(notebook):
    return Explorer(notebook.page)


class Explorer(browser.Widget):
    def label(self):
        return self.root.locator(".pixel-histogram").get_attribute("aria-label")

    def source(self, name):
        return self.root.locator(f"img[alt^='{name}']").get_attribute("src")


def test_sliders_dropdowns_text_and_drawings(explorer, notebook, tmp_path):
    explorer.says("Every number can be reached, and every byte comes back as it was.")
    drawn, back = explorer.label(), explorer.source("Back")
    notebook.screenshot(tmp_path / "start.png")

    explorer.key("Black (0) goes to", "ArrowLeft", 5)
    explorer.says("of the numbers are out of reach: tanh puts out −1 to 1 only.")
    assert explorer.label() != drawn and "−1.5" in explorer.control("Black (0) goes to").locator(
        ".widget-readout"
    ).inner_text().replace("-", "−")
    assert explorer.source("Back") != back

    explorer.choose("Last layer", "linear")
    explorer.says("Every number can be reached")
    explorer.key("Black (0) goes to", "ArrowRight", 5)
    explorer.choose("Last layer", "sigmoid")
    explorer.says("sigmoid puts out 0 to 1 only")
    explorer.next_option("Last layer")
    explorer.says("Every number can be reached")

    explorer.choose("Way back expects", "[0, 1]")
    explorer.says("they are clamped")
    clamped = explorer.source("Back")
    explorer.choose("Bytes off the scale", "wrap round")
    explorer.says("they wrap round, bright to dark and dark to bright.")
    assert explorer.source("Back") != clamped
    notebook.theme("JupyterLab Dark")
    notebook.screenshot(tmp_path / "dark.png")
    notebook.theme("JupyterLab Light")
    explorer.choose("Way back expects", "the range above")
    explorer.says("Every number can be reached")


def test_a_slider_dragged_by_mouse(explorer):
    handle = explorer.control("White (255) goes to").locator(".noUi-handle")
    place = handle.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page = explorer.page
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    explorer.says("of the numbers are out of reach")
    explorer.key("White (255) goes to", "Home")
    explorer.says("is no range: move white above black.")

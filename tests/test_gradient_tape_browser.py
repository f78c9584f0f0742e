"""The tape explorer in a real JupyterLab: stepped by mouse, by keyboard, and played.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.gradient_tape import TapeExplorer\nTapeExplorer()"


@pytest.fixture(scope="module")
def notebook():
    with browser.lab() as lab:
        opened = lab.notebook([TWO_LINES], width=1100, height=900)
        opened.page.locator(".tape-graph").wait_for()
        yield opened
        assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def explorer(notebook):
    return Explorer(notebook.page)


class Explorer(browser.Widget):
    def press(self, name, key=None):
        button = self.root.get_by_role("button", name=name)
        if key:
            button.press(key)
        else:
            button.click()

    def drawn(self, words):
        """Wait until the drawing says so."""
        self.settled()
        self.root.locator(".tape-graph text", has_text=words).first.wait_for()


def test_by_button_keyboard_and_slider(explorer, notebook, tmp_path):
    explorer.says("x = 3 is watched")
    explorer.press("Next")
    explorer.says("The tape keeps dy/dx = 2 · x = 6.")
    explorer.drawn("value 9")
    explorer.press("Next", "Enter")
    explorer.says("the tape is read from its end")
    explorer.press("Next", "Enter")
    explorer.drawn("gradient 6")
    explorer.drawn("hands back 6")
    notebook.screenshot(tmp_path / "light.png")
    explorer.press("Back")
    explorer.says("the tape is read from its end")
    explorer.key("Step", "End")
    explorer.says("dy/dx = 6 at x = 3. On paper, 2x is 6 too.")
    explorer.key("x", "ArrowLeft", 5)
    explorer.says("dy/dx = 5 at x = 2.5. On paper, 2x is 5 too.")


def test_another_expression_by_keyboard_and_by_mouse(explorer):
    explorer.next_option("y =")
    explorer.drawn("a = sin x")
    explorer.choose("y =", "x³ − 2x")
    explorer.drawn("not watched")
    explorer.says("Forwards. x =")
    explorer.key("Step", "End")
    explorer.says("On paper, 3x² − 2 is")
    explorer.key("Step", "ArrowLeft", 2)
    explorer.drawn("so far")
    explorer.choose("y =", "x²")
    explorer.drawn("y = x²")


def test_play_goes_through_all_steps(explorer):
    explorer.key("Step", "Home")
    explorer.says("is watched")
    explorer.root.locator(".widget-play button").first.click()
    explorer.says("Done. The tape is back at its beginning")


def test_both_themes_can_be_read(notebook, explorer, tmp_path):
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png")
        title = explorer.root.locator(".tape-graph text").first
        colours.append(title.evaluate("e => getComputedStyle(e).fill"))
    assert colours[0] != colours[1]
    notebook.theme("JupyterLab Light")


def test_the_drawing_has_a_text_alternative(explorer):
    graph = explorer.root.locator(".tape-graph")
    assert graph.get_attribute("role") == "img"
    assert "Graph of y = x²" in graph.get_attribute("aria-label")

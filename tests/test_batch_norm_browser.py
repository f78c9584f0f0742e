"""The explorers of batch normalisation in a real JupyterLab: moved by mouse and by keyboard.

Screenshots of both themes are left in pytest's temporary folder.
"""

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

CELLS = [
    f"from helpers.widgets.batch_norm import {name}\n{name}()"
    for name in ("ActivationExplorer", "BatchSizeExplorer")
]


@pytest.fixture(scope="module")
def notebook():
    with browser.lab() as lab:
        opened = lab.notebook(CELLS, width=1200, height=1700)
        opened.page.locator(".batch-histogram").nth(2).wait_for()
        yield opened
        assert opened.errors == [], "the browser's console complained"


class Explorer(browser.Widget):
    def drag(self, label, pixels):
        handle = self.control(label).locator(".noUi-handle")
        handle.scroll_into_view_if_needed()
        place = handle.bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=5)
        self.page.mouse.up()

    def press(self, name):
        self.root.get_by_role("button", name=name).click()

    def drawn(self, selector):
        """The drawings' shapes."""
        paths = self.root.locator(f"{selector} path, {selector} polyline")
        return paths.evaluate_all("all => all.map(e => e.getAttribute('d') || e.outerHTML)")

    def drawn_otherwise(self, selector, before):
        return self.changed(lambda: self.drawn(selector), before)


@pytest.fixture
def activations(notebook):
    return Explorer(notebook.page, 0)


@pytest.fixture
def sizes(notebook):
    return Explorer(notebook.page, 1)


def rows(explorer):
    return explorer.root.locator(".layer-histogram").count()


def test_activations_by_keyboard_mouse_and_button(activations):
    activations.says("the signal has died")
    activations.says("The signal gets through: in layer 8")
    assert rows(activations) == 16  # 8 layers without, 8 with
    bars = activations.drawn(".layer-histogram")
    curve = activations.drawn(".gradient-curve")

    activations.key("Hidden layers", "End")
    activations.says("in layer 20 a unit’s")
    assert rows(activations) == 40
    activations.key("Hidden layers", "Home")
    activations.says("The signal gets through: in layer 1 a unit’s")
    activations.drag("Hidden layers", 60)
    curve = activations.drawn_otherwise(".gradient-curve", curve)
    activations.key("Hidden layers", "End")
    activations.key("Hidden layers", "ArrowLeft", 10)
    activations.says("in layer 10 a unit’s")
    bars = activations.drawn_otherwise(".layer-histogram", bars)

    activations.choose("Activation", "tanh")
    activations.drawn_otherwise(".layer-histogram", bars)
    activations.key("Weights’ deviation", "End")
    activations.says("most activations are saturated")
    activations.says("it explodes")
    activations.next_option("Activation")
    activations.says("The activations grow from layer to layer")
    activations.drag("Weights’ deviation", -600)
    activations.says("From layer 1 on a unit’s activation differs by less than 0.01")
    activations.key("Weights’ deviation", "ArrowRight", 12)
    activations.says("On the way back, layer 1’s gradient is")

    before = activations.drawn(".gradient-curve")
    activations.press("Draw other weights")
    activations.drawn_otherwise(".gradient-curve", before)


def test_every_drawing_has_a_text_alternative(activations, sizes):
    for explorer in (activations, sizes):
        drawings = explorer.root.locator("svg:not([aria-hidden])")
        labels = drawings.evaluate_all(
            "all => all.map(e => e.getAttribute('role') === 'img' && e.ariaLabel)"
        )
        assert labels and all(labels)


def test_batch_sizes_by_keyboard_mouse_and_button(sizes):
    sizes.says("s/√8")
    sizes.says("In training, in nine of ten batches")
    drawn = sizes.drawn(".batch-histogram")
    sizes.key("Batch size", "Home")
    sizes.says("A single image is its own mean")
    sizes.key("Batch size", "ArrowRight")
    sizes.says("however far apart they are")
    sizes.drag("Batch size", 600)
    sizes.says("s/√256")
    drawn = sizes.drawn_otherwise(".batch-histogram", drawn)

    sizes.key("Image", "ArrowRight")
    sizes.root.locator("svg.digit[aria-label*='handwritten 1']").wait_for()
    sizes.drag("Image", 600)
    sizes.root.locator("svg.digit[aria-label*='handwritten 9']").wait_for()
    sizes.choose("Feature", "a pixel at the edge, mostly 0")
    drawn = sizes.drawn_otherwise(".batch-histogram", drawn)
    sizes.next_option("Feature")
    drawn = sizes.drawn_otherwise(".batch-histogram", drawn)
    sizes.press("Draw other batches")
    sizes.drawn_otherwise(".batch-histogram", drawn)


def test_both_themes_can_be_read(notebook, activations, sizes, tmp_path):
    activations.choose("Activation", "sigmoid")
    sizes.key("Batch size", "ArrowLeft", 4)
    sizes.says("s/√16")
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png")
        colours.append(
            [
                explorer.root.locator(f"{drawing} text").first.evaluate(
                    "e => getComputedStyle(e).fill"
                )
                for explorer, drawing in (
                    (activations, ".gradient-curve"),
                    (activations, ".layer-table"),
                    (sizes, ".batch-histogram"),
                )
            ]
        )
    assert all(light != dark for light, dark in zip(*colours, strict=True))
    notebook.theme("JupyterLab Light")

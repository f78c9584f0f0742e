"""The conv-shape calculator in a real JupyterLab: moved by mouse and by keyboard.

Screenshots of both themes are left in pytest's temporary folder.
"""

import re

import pytest

from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.conv_shapes import ConvShapeCalculator\nConvShapeCalculator()"


@pytest.fixture(scope="module")
def lab():
    with browser.lab() as running:
        yield running


@pytest.fixture(scope="module")
def notebook(lab):
    opened = lab.notebook([TWO_LINES, "ConvShapeCalculator(8, kernel_size=3)"])
    opened.page.locator(".convshape").nth(1).wait_for()
    yield opened
    assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def calculator(notebook):
    """The first of the two, fresh."""
    output = notebook.page.locator(".jp-OutputArea-output")
    before = output.locator(".convshape").evaluate_all("all => all.map(e => e.className).join()")
    notebook.run_all()
    notebook.page.wait_for_function(
        """before => { const now = [...document.querySelectorAll('.jp-OutputArea .convshape')];
             return now.length == 2 && now.every(e => !before.includes(e.classList[0])); }""",
        arg=before,
    )
    return Calculator(notebook.page, output.first)


class Calculator(browser.Widget):
    def __init__(self, page, root):
        self.page, self.root = page, root

    def checkbox(self, label):
        # The empty label before an indented checkbox holds a zero-width space.
        starts = re.compile(rf"^[\s\u200b]*{label}")
        return self.root.locator(".widget-checkbox", has_text=starts).locator("input")

    def tab(self, name):
        self.root.get_by_role("tab", name=name).click()

    def number(self, label, value):
        field = self.control(label).locator("input")
        field.fill(str(value))
        field.press("Enter")

    def readout(self, label):
        return int(self.control(label).locator(".widget-readout").inner_text())

    def slide(self, label, value):
        """Drag the handle with the mouse until the slider says ``value``."""
        handle = self.control(label).locator(".noUi-handle")
        track = self.control(label).locator(".noUi-base")
        for _ in range(3):  # the first pull may stop one step short
            handle.scroll_into_view_if_needed()
            bounds, place = track.bounding_box(), handle.bounding_box()
            low = int(handle.get_attribute("aria-valuemin").split(".")[0])
            high = int(handle.get_attribute("aria-valuemax").split(".")[0])
            x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
            goal = bounds["x"] + bounds["width"] * (value - low) / (high - low)
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(goal, y, steps=4)
            self.page.mouse.up()
            self.settled()  # or what the kernel still sends may put the handle back
            if self.readout(label) == value:
                return
        raise AssertionError(f"{label} is {self.readout(label)}, not {value}")

    def silent(self, text):
        self.settled()
        assert self.root.get_by_text(text).locator("visible=true").count() == 0


def test_two_lines_in_an_empty_notebook(calculator):
    calculator.says("(3, 32, 32) → (16, 16, 16)")
    calculator.says("✓ Equal numbers")
    drawing = calculator.root.locator("svg.gi")
    assert drawing.get_attribute("role") == "img"
    assert "Input grid of 32 × 32 pixels" in drawing.get_attribute("aria-label")


def test_sliders_by_mouse_and_keyboard(calculator):
    calculator.slide("Kernel", 7)
    calculator.says("(3, 32, 32) → (16, 14, 14)")
    calculator.key("Kernel", "ArrowLeft")
    calculator.says("6·6·3·16 = 1,728")
    calculator.slide("Stride", 4)
    calculator.says("(3, 32, 32) → (16, 8, 8)")
    calculator.key("Stride", "ArrowRight")
    calculator.says("⌊28 / 5⌋ + 1 = 5 + 1 = 6")
    calculator.slide("Padding", 3)
    calculator.says("(32 + 2·3 − 1·(6 − 1) − 1) / 5")
    calculator.key("Padding", "ArrowLeft")
    calculator.says("(32 + 2·2 − 1·(6 − 1) − 1) / 5")
    calculator.slide("Dilation", 3)
    calculator.says("16 × 16 input pixels")
    calculator.key("Dilation", "ArrowLeft")
    calculator.says("11 × 11 input pixels")
    calculator.key("Dilation", "Home")


@pytest.mark.parametrize(
    ("label", "typed", "said", "stepped"),
    [
        ("Height", 40, "(3, 40, 40) → (16, 20, 20)", "(3, 41, 41)"),
        ("Channels in", 8, "(8, 32, 32) → (16, 16, 16)", "(9, 32, 32)"),
        ("Channels out", 24, "(3, 32, 32) → (24, 16, 16)", "(25, 16, 16)"),
        ("Groups", 7, "does not divide into 7 groups", "does not divide into 8 groups"),
    ],
)
def test_numbers_typed_stepped_and_clicked(calculator, label, typed, said, stepped):
    calculator.number(label, typed)
    calculator.says(said)
    field = calculator.control(label).locator("input")
    field.press("ArrowUp")
    calculator.says(stepped)
    size = field.bounding_box()  # the spinner's lower arrow, at the right edge
    field.hover()
    calculator.page.mouse.click(size["x"] + size["width"] - 14, size["y"] + size["height"] * 0.68)
    calculator.says(said)


def test_width_of_its_own(calculator):
    box = calculator.checkbox("Width = height")
    assert calculator.control("Width").locator("input").is_disabled()
    box.press("Space")
    calculator.number("Width", 48)
    calculator.says("(3, 32, 48) → (16, 16, 24)")
    box.click()
    calculator.says("(3, 32, 32) → (16, 16, 16)")


def test_bias_padding_word_and_kind(calculator):
    bias = calculator.checkbox("Bias")
    bias.click()
    calculator.says("bias=False")
    bias.press("Space")
    calculator.says(re.compile(r"padding=1\)"))
    word = calculator.control("Padding is").locator("select")
    word.select_option("'same'")
    calculator.says("padding='same' is not supported for strided convolutions")
    calculator.next_option("Padding is")
    calculator.says('padding="valid"')
    word.select_option("a number")
    kind = calculator.control("Layer").locator("select")
    calculator.next_option("Layer")
    calculator.says("(3, 32, 32) → (16, 64, 64)")
    calculator.slide("Output padding", 1)
    calculator.says("(3, 32, 32) → (16, 65, 65)")
    calculator.key("Output padding", "ArrowLeft")
    kind.select_option("Max pooling")
    calculator.says("pooling has nothing to learn")
    assert not calculator.root.get_by_text("Channels out", exact=True).first.is_visible()
    calculator.slide("Kernel", 3)
    round_up = calculator.checkbox("Round up")
    round_up.click()
    calculator.says("(3, 32, 32) → (3, 17, 17)")
    round_up.press("Space")
    calculator.says("(3, 32, 32) → (3, 16, 16)")


def test_impossible_setting_explains_itself_and_goes_away(calculator):
    calculator.number("Height", 5)
    calculator.slide("Kernel", 8)
    calculator.says("kernel 8 does not fit in 5 + 2·1 pixels")
    calculator.says("Remedy: raise padding to 2 or shrink the kernel.")
    calculator.says("Kernel size can't be greater than actual input size")
    assert calculator.root.locator("svg.misfit").is_visible()
    calculator.silent("(3, 5, 5) →")
    calculator.slide("Padding", 2)
    calculator.says("(3, 5, 5) → (16, 1, 1)")
    assert calculator.root.locator("svg.misfit").count() == 0


def test_choosing_pixels_by_sliders_and_side(calculator):
    calculator.slide("Row", 3)
    calculator.says("Output pixel (row 3, column 0) reads 12 input pixels: rows 5–8")
    calculator.key("Column", "ArrowRight")
    calculator.says("Output pixel (row 3, column 1)")
    calculator.key("Row", "ArrowRight")
    calculator.says("Output pixel (row 4, column 1)")
    calculator.slide("Column", 6)
    button = calculator.root.get_by_role("button", name="Input pixel")
    button.click()
    calculator.says("Input pixel (row 4, column 6) feeds 4 output pixels")
    calculator.root.get_by_role("button", name="Output pixel").press("Enter")
    calculator.says("Output pixel (row 4, column 6) reads")
    calculator.key("Column", "End")
    calculator.says("Output pixel (row 4, column 15) reads")
    calculator.number("Height", 5)  # one row of output pixels, and one column
    calculator.slide("Kernel", 7)
    calculator.says("(3, 5, 5) → (16, 1, 1)")
    calculator.key("Row", "End")
    calculator.says("Output pixel (row 0, column 0) reads")
    calculator.number("Height", 20)
    calculator.control("Row").locator(".noUi-handle[aria-valuemax='7.0']").wait_for()
    calculator.key("Row", "End")
    calculator.says("Output pixel (row 7, column 0) reads")
    coverage = calculator.checkbox("Coverage map")
    coverage.click()
    calculator.says("the darker, the more output pixels read it")
    coverage.press("Space")
    calculator.says("a kernel position starts")


def lit(root, letter):
    """Cells of one grid that the hover rules have made visible, as (row, column)."""
    return root.locator(f"svg.g{letter} .cell").evaluate_all(
        """cells => cells.filter(c => !c.matches(':hover')
              && parseFloat(getComputedStyle(c).fillOpacity) > 0.2)
            .map(c => [c.parentNode.classList[0].slice(2), c.classList[1].slice(2)].map(Number))"""
    )


def test_hovering_lights_what_is_connected(calculator):
    calculator.root.locator("svg.go .or3 .oc5").hover()
    assert lit(calculator.root, "i") == [[r, c] for r in range(5, 9) for c in range(9, 13)]
    assert not calculator.root.locator(".sel").first.is_visible()
    calculator.root.locator("svg.gi .ir7 .ic0").hover()
    assert lit(calculator.root, "o") == [[3, 0], [4, 0]]
    # The other calculator on the page stays dark.
    other = calculator.page.locator(".jp-OutputArea-output").nth(1)
    assert lit(other, "o") == [] and lit(other, "i") == []
    calculator.page.mouse.move(2, 2)
    assert lit(calculator.root, "o") == []


def test_play_slides_the_kernel(calculator):
    play = calculator.root.locator(".widget-play button")
    play.first.click()
    # Any later pixel: on a busy machine a single step may come and go unseen.
    calculator.says(re.compile(r"Output pixel \(row \d+, column [1-9]\d*\)"))
    play.first.click()  # pause
    play.nth(1).press("Enter")  # stop: back to the start
    calculator.says("Output pixel (row 0, column 0)")


def test_reverse_tab(calculator):
    calculator.tab("Reverse")
    calculator.says("7 settings take 32 to 16")
    calculator.slide("Largest kernel", 11)
    calculator.says("11 settings take 32 to 16")
    calculator.number("From", 28)
    calculator.number("To", 7)
    calculator.says("take 28 to 7")
    calculator.says("overlaps evenly")
    calculator.control("Layer").locator("select").select_option("Transposed convolution")
    calculator.number("From", 7)
    calculator.number("To", 14)
    calculator.says("take 7 to 14")
    choice = calculator.control("Solution").locator("select")
    choice.select_option("2. kernel 4, stride 2, padding 1, output padding 0")
    calculator.root.get_by_role("button", name="Show it in “One layer”").press("Enter")
    calculator.says("(3, 7, 7) → (16, 14, 14)")
    calculator.key("Kernel", "ArrowLeft")
    calculator.says("Checkerboard: kernel 3 is not a multiple of stride 2")
    assert calculator.root.locator(".overlap svg").is_visible()


def test_network_tab(calculator):
    calculator.tab("Network")
    calculator.says("32 → 16 → 8 → 4 → 1")
    boxes = calculator.root.locator(".widget-box:has(> .widget-dropdown)", has_text="Layer 2")
    row = boxes.locator("visible=true").last  # the innermost: the tab itself is such a box too
    kernel = row.locator(".widget-text", has_text="Kernel").locator("input")
    kernel.fill("40")
    kernel.press("Enter")
    calculator.says("kernel 40 does not fit in 16 + 2·1 pixels")
    calculator.says("Unknown: an earlier layer does not fit.")
    row.get_by_role("button", name="Remove").click()
    calculator.says("32 → 16 → 8 → 5")
    calculator.root.get_by_role("button", name="Add a layer").press("Enter")
    calculator.says("32 → 16 → 8 → 5 → 2")
    calculator.control("Start from").locator("select").select_option("AlexNet, first layers")
    calculator.says("227 → 55 → 27 → 27 → 13 → 13")


def test_network_inputs_and_every_control_of_a_layer(calculator):
    calculator.tab("Network")
    calculator.number("Input channels", 1)
    calculator.says("(1, 32, 32) → (1, 1, 1)")
    calculator.number("Input height", 36)
    calculator.says("(1, 36, 32) → (1, 1, 1)")
    calculator.number("Input width", 40)
    calculator.says("(1, 36, 40) → (1, 1, 2)")
    calculator.checkbox("Layers have biases").click()
    calculator.says("512 parameters")
    boxes = calculator.root.locator(".widget-box:has(> .widget-dropdown)", has_text="Layer 1")
    row = boxes.locator("visible=true").last
    for label, value, shape in [
        ("Channels out", 8, "(8, 18, 20)"),
        ("Kernel", 5, "(8, 17, 19)"),
        ("Stride", 1, "(8, 34, 38)"),
        ("Padding", 2, "(8, 36, 40)"),
    ]:
        text = row.locator(".widget-text", has_text=label).locator("visible=true")
        field = text.first.locator("input")
        field.fill(str(value))
        field.press("Enter")
        calculator.says(shape)
    row.get_by_role("button", name="Down").click()
    calculator.says("(8, 18, 20)")  # the layer of 8 channels comes second now
    kind = boxes.locator("visible=true").last.locator("select").first
    kind.select_option("Max pooling")
    calculator.says("(1, 18, 20)")


def test_challenge_tab(calculator):
    calculator.tab("Challenge")
    calculator.root.get_by_role("button", name="Next task").click()
    calculator.says("0 of 7 solved")
    check = calculator.root.get_by_role("button", name="Check")
    check.click()
    calculator.says("You arrive at 28, 21 pixels too many for 7")
    for line in range(2):
        for label, value in (("Kernel", 2), ("Stride", 2)):
            row = calculator.root.locator(
                ".widget-box:has(> .widget-hslider)", has_text=f"Layer {line + 1}"
            ).last
            handle = row.locator(".widget-hslider", has_text=label).locator(".noUi-handle")
            for _ in range(value - 1):
                handle.press("ArrowRight")
    check.press("Enter")
    calculator.says("✓ Solved.")
    calculator.says("1 of 7 solved")


def test_screenshots_in_both_themes(notebook, calculator, tmp_path):
    page = notebook.page
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        colours = page.evaluate(
            """() => { const word = document.querySelector('.convshape');
                 const panel = document.querySelector('.jp-Notebook');
                 return [word, panel].map(e => getComputedStyle(e))
                   .map((s, i) => i ? s.backgroundColor : s.color); }"""
        )
        light = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in colours]
        assert abs(light[0] - light[1]) > 0.5, f"{theme}: text {colours[0]} on {colours[1]}"
        path = notebook.screenshot(tmp_path / f"calculator-{theme.lower()}.png")
        assert path.stat().st_size > 20_000
    notebook.theme("JupyterLab Light")


def test_narrow_window_needs_no_sideways_scrolling(notebook):
    page = notebook.page
    page.set_viewport_size({"width": 760, "height": 1200})
    page.wait_for_timeout(300)
    wide = page.locator(".jp-OutputArea-output").first.evaluate(
        "e => e.scrollWidth - e.clientWidth"
    )
    page.set_viewport_size({"width": 1300, "height": 1500})
    assert wide <= 1

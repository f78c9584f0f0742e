"""The 1-D GAN player in a real JupyterLab, in a page made by nbconvert, and not trusted.

Screenshots of both themes are left in pytest's temporary folder.
"""

import json

import pytest

from helpers.widgets.gan_1d import Gan1dPlayer
from tests import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "-")

TWO_LINES = "from helpers.widgets.gan_1d import Gan1dPlayer\nGan1dPlayer()"
RUNS = list(Gan1dPlayer().runs)


class Player:
    """A player on a page; its controls are found by their labels, as a reader finds them."""

    def __init__(self, page, place=0):
        self.page = page
        self.root = page.locator(".gan-1d[data-ready]").nth(place)
        self.root.wait_for()
        self.slider = self.root.get_by_label("Step", exact=True)
        self.run = self.root.get_by_label("Run", exact=True)
        self.speed = self.root.get_by_label("Speed", exact=True)

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def place(self):
        return int(self.slider.input_value())

    def last(self):
        return int(self.slider.get_attribute("max"))

    def fact(self, words):
        return self.root.locator(".facts div", has_text=words).locator("strong").inner_text()

    def drawing(self):
        return self.root.locator("svg").first.inner_html()

    def wait(self, condition):
        self.page.wait_for_function(
            f"root => {{ const slider = root.querySelector('input'); {condition} }}",
            arg=self.root.element_handle(),
        )


@pytest.fixture(scope="module")
def lab():
    with browser.lab() as running:
        yield running


@pytest.fixture(scope="module")
def notebook(lab):
    opened = lab.notebook([TWO_LINES, "Gan1dPlayer()"], width=1100, height=1700)
    Player(opened.page, 1)
    yield opened
    assert opened.errors == [], "the browser's console complained"


@pytest.fixture
def player(notebook):
    player = Player(notebook.page)
    if player.button("Pause").count():
        player.button("Pause").click()
    player.run.select_option(RUNS[1])
    player.run.select_option(RUNS[0])  # back to its start
    player.speed.select_option("1")
    return player


def test_by_buttons(player):
    before = player.drawing()
    player.button("Next").click()
    player.button("Next").click()
    assert player.place() == 2 and player.drawing() != before
    steps = Gan1dPlayer().runs[RUNS[0]]["steps"]
    assert player.fact("Step") == f"{steps[2]:,}"
    player.button("Back").click()
    player.button("Back").click()
    assert player.drawing() == before
    player.button("Back").click()
    assert player.place() == 0


def test_by_keyboard_alone(player, notebook):
    cells = notebook.page.locator(".jp-Cell").count()
    player.slider.focus()
    keys = notebook.page.keyboard
    for key, place in (
        ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", player.last()), ("Home", 0),
    ):  # fmt: skip
        keys.press(key)
        assert player.place() == place, key
    # JupyterLab would delete, cut or insert cells with these, and move away with the arrows.
    for key in ("d", "d", "x", "a", "b", "m"):
        keys.press(key)
    assert notebook.page.locator(".jp-Cell").count() == cells
    keys.press("Shift+Tab")
    keys.press("Enter")  # Next
    assert player.place() == 1
    keys.press("Space")
    assert player.place() == 2
    player.run.focus()
    keys.press("ArrowDown")
    assert player.run.input_value() == RUNS[1]
    assert player.place() == 0
    assert player.run.evaluate("e => e === document.activeElement")


# All drawings of the records; then those seen from now on until the player has come to a record.
RECORDED = """root => {
  const slider = root.querySelector("input"), drawings = [];
  for (let place = 0; place <= +slider.max; place++) {
    slider.value = place;
    slider.dispatchEvent(new Event("input"));
    drawings.push(root.querySelector("svg").innerHTML);
  }
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  return drawings;
}"""
SEEN_UNTIL = """([root, end]) => new Promise(done => {
  const seen = new Set();
  const look = () => {
    seen.add(root.querySelector("svg").innerHTML);
    if (+root.querySelector("input").value < end) requestAnimationFrame(look);
    else done([...seen]);
  };
  look();
})"""


def test_play_moves_between_records_too_pauses_and_ends(player):
    recorded = player.root.evaluate(RECORDED)
    assert len(set(recorded)) == len(recorded)
    player.speed.select_option("0.25")
    player.button("Play").click()
    seen = player.page.evaluate(SEEN_UNTIL, [player.root.element_handle(), 4])
    assert set(seen) - set(recorded)
    player.button("Pause").click()
    place, drawn = player.place(), player.drawing()
    player.page.wait_for_timeout(300)
    assert (player.place(), player.drawing()) == (place, drawn)
    player.speed.select_option("4")
    player.button("Play").click()
    player.wait(f"return +slider.value === {player.last()}")
    player.button("Play").wait_for()
    player.button("Play").click()  # from the start again
    player.wait(f"return +slider.value < {player.last()} && +slider.value > 0")
    player.button("Pause").click()


def test_the_slider_can_be_pulled_while_it_plays(player):
    player.button("Play").click()
    player.slider.fill("7")
    assert player.place() == 7
    player.button("Play").wait_for()  # it has stopped


def test_every_run_is_another_one(player):
    seen = set()
    for name in RUNS:
        player.run.select_option(name)
        player.slider.fill(str(player.last()))
        note = Gan1dPlayer().runs[name]["note"]
        player.root.get_by_text(note).wait_for()
        seen.add(player.drawing())
    assert len(seen) == len(RUNS)


def test_players_on_one_page_do_not_disturb_each_other(player, notebook):
    other = Player(notebook.page, 1)
    before = other.drawing()
    player.run.select_option(RUNS[1])
    player.slider.fill("9")
    assert other.drawing() == before
    other.button("Next").click()
    assert player.place() == 9


def test_what_is_said_to_those_who_cannot_see_it(player):
    drawing = player.root.locator("svg").first
    assert drawing.get_attribute("role") == "img"
    player.button("Next").click()
    step = player.fact("Step")
    assert f"Step {step} of" in drawing.get_attribute("aria-label")
    assert f"Step {step} of" in player.root.get_by_role("status").inner_text()
    assert player.slider.get_attribute("aria-valuetext") == f"step {step}"
    assert player.root.get_attribute("aria-label") == "1-D GAN player"


def test_both_themes_can_be_read(notebook, player, tmp_path):
    player.slider.fill("40")
    colours = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"{theme[-5:].strip()}.png", ".gan-1d")
        for find in (player.root.locator("svg text").first, player.button("Next"), player.run):
            colours.append(find.evaluate("e => getComputedStyle(e).color"))
    assert len(set(colours[:3])) == len(set(colours[3:])) == 1
    assert colours[0] != colours[3]
    notebook.theme("JupyterLab Light")


def test_less_motion_shows_still_after_still(notebook):
    page = notebook.page
    page.emulate_media(reduced_motion="reduce")
    try:
        player = Player(page, 1)
        recorded = player.root.evaluate(RECORDED)
        player.button("Play").click()
        player.root.get_by_text("Your system asks for less motion").wait_for()
        seen = player.page.evaluate(SEEN_UNTIL, [player.root.element_handle(), 12])
        assert set(seen) <= set(recorded[::4])
        player.button("Pause").click()
    finally:
        page.emulate_media(reduced_motion="no-preference")


def _stored():
    """A notebook that was run and saved."""
    player = Gan1dPlayer()
    data = {"text/html": player._repr_html_(), "text/plain": repr(player)}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    made = browser._notebook([TWO_LINES, TWO_LINES])
    for cell in made["cells"]:
        cell["outputs"] = [output]
    return made


def test_alive_without_a_kernel_in_a_page_made_by_nbconvert(lab, notebook, tmp_path):
    nbconvert = pytest.importorskip("nbconvert")
    nbformat = pytest.importorskip("nbformat")
    made = nbformat.from_dict(_stored())
    page_text, _ = nbconvert.HTMLExporter().from_notebook_node(made)
    path = tmp_path / "page.html"
    path.write_text(page_text, encoding="utf-8")
    page = notebook.page.context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("http*://**", lambda route: route.abort())  # no network
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    for place in (0, 1):
        player = Player(page, place)
        player.speed.select_option("4")
        player.button("Play").click()
        player.wait("return +slider.value > 3")
        player.button("Pause").click()
    page.screenshot(path=str(tmp_path / "nbconvert.png"))
    page.close()
    assert [error for error in errors if "gan" in error.lower()] == []


def test_not_trusted_a_still_picture_and_a_sentence_remain(lab, notebook, tmp_path):
    (lab.folder / "stored.ipynb").write_text(json.dumps(_stored()), encoding="utf-8")
    page = notebook.page.context.new_page()
    page.goto(f"{lab.url}/doc/tree/stored.ipynb?token={lab.token}&reset")
    page.get_by_text("This is a still picture").first.wait_for()
    picture = page.locator(".jp-OutputArea-output img").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("e => e.complete && e.naturalWidth") > 300
    assert "Jensen-Shannon" in picture.get_attribute("alt")
    output = page.locator(".jp-OutputArea-output")
    assert output.locator("button").count() == output.locator("input").count() == 0
    page.screenshot(path=str(tmp_path / "untrusted.png"))
    page.close()

"""The 1-D GAN player without a browser: its bundled runs, its packing, its page."""

import base64
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.games import jensen_shannon, optimal_discriminator
from helpers.pytorch.gan_1d import TWO_MODES, train
from helpers.widgets import gan_1d_view as view
from helpers.widgets.gan_1d import Gan1dPlayer
from helpers.widgets.gan_1d_runs import PRESETS


@pytest.fixture(scope="module")
def history():
    return train(TWO_MODES, steps=23, every=5, samples=6)


@pytest.fixture(scope="module")
def runs():
    return view.load_runs()


# ---- Packing ------------------------------------------------------------------------------------


def test_a_packed_run_is_the_history_up_to_rounding(history):
    run = json.loads(json.dumps(view.pack(history, "a note")))
    assert run["steps"] == [0, 5, 10, 15, 20, 23] and run["note"] == "a note"
    top = run["top"]
    assert top == pytest.approx(2.2 * history.real_density.max(), rel=1e-3)
    for name, original, accuracy in (
        ("real", history.real_density[None], top / 400),
        ("fake", np.minimum(history.fake_density, top), top / 400),
        ("judged", history.discriminator, 1 / 400),
        ("optimal", history.optimal, 1 / 400),
        ("samples", history.samples, 1e-3),
    ):
        packed = view.unpack(run, name)
        if name == "samples":
            original = np.clip(original, run["low"], run["high"])
        assert packed.shape == original.shape
        assert np.abs(packed - original).max() < accuracy, name
    assert run["peaks"] == pytest.approx(history.fake_density.max(axis=1), abs=0.006)
    assert run["divergence"] == pytest.approx(history.divergence, abs=0.0006)
    assert run["modes"] == [-2, 2]


def test_pushes_keep_their_way(history):
    run = view.pack(history)
    raw = np.frombuffer(base64.b64decode(run["pushes"]), np.uint8).reshape(6, 6).astype(int) - 127
    strong = np.abs(history.pushes) > 0.02 * np.abs(history.pushes).max()
    assert strong.any()
    assert (np.sign(raw) == np.sign(history.pushes))[strong].all()


def test_losses_are_means_since_the_record_before(history):
    run = view.pack(history)
    assert run["d_losses"][0] == pytest.approx(history.d_losses[0], abs=0.001)
    assert run["d_losses"][1] == pytest.approx(history.d_losses[:5].mean(), abs=0.001)
    assert run["g_losses"][-1] == pytest.approx(history.g_losses[20:].mean(), abs=0.001)


@given(st.integers(1, 1000))
def test_long_runs_are_thinned_out_evenly_with_both_ends(records):
    history = SimpleNamespace(
        mixture=TWO_MODES,
        steps=np.arange(records) * 3,
        grid=np.linspace(-1, 1, 5),
        real_density=np.ones(5),
        **{n: np.zeros((records, 5)) for n in ("fake_density", "discriminator", "optimal")},
        **{n: np.zeros((records, 2)) for n in ("samples", "pushes", "shares")},
        divergence=np.zeros(records),
        d_losses=np.ones(max(3 * records - 3, 1)),
        g_losses=np.full(max(3 * records - 3, 1), 2.0),
    )
    run = view.pack(history)
    steps = run["steps"]
    assert len(steps) == min(records, view.MOST_RECORDS)
    assert steps[0] == 0 and steps[-1] == 3 * (records - 1)
    gaps = np.diff(steps) // 3
    assert records == 1 or gaps.max() - gaps.min() <= 1
    assert set(run["d_losses"]) == {1.0} and set(run["g_losses"]) == {2.0}
    assert len(view.unpack(run, "fake")) == len(steps)


# ---- The bundled runs ---------------------------------------------------------------------------


def test_the_bundled_file_is_small_and_says_how_it_was_made():
    stored = json.loads(view.RUNS.read_text("utf-8"))
    assert stored["made_by"] == "python -m helpers.widgets.gan_1d_runs"
    assert view.RUNS.stat().st_size < 300_000
    assert len(Gan1dPlayer()._repr_html_().encode()) < 300_000


def test_bundled_frames_belong_together(runs):
    for run in runs.values():
        real, fake = view.unpack(run, "real")[0], view.unpack(run, "fake")
        optimal = view.unpack(run, "optimal")
        assert len(fake) == len(optimal) == len(run["steps"]) == len(run["divergence"])
        # Where a byte is accurate enough, and nothing is cut off at the top.
        clear = (real > 0.1 * real.max()) & (fake < 0.98 * run["top"]) & (fake > 0)
        best = optimal_discriminator(np.broadcast_to(real, fake.shape), fake)
        assert np.abs(best - optimal)[clear].max() < 0.05
        whole = np.array(run["peaks"]) < run["top"]
        for record in np.flatnonzero(whole):
            shares = real / real.sum(), fake[record] / fake[record].sum()
            assert run["divergence"][record] == pytest.approx(jensen_shannon(*shares), abs=0.03)
        assert min(run["divergence"]) >= 0 and max(run["divergence"]) <= round(math.log(2), 3)


def test_the_notes_tell_what_the_runs_show(runs):
    assert {name: run["note"] for name, run in runs.items()} == {
        name: preset.note for name, preset in PRESETS.items()
    }
    circling, collapse, settling = (runs[name] for name in ("circling", "collapse", "settling"))

    side = np.sign(view.unpack(circling, "samples").mean(axis=1) - circling["modes"][0])
    assert np.count_nonzero(np.diff(side)) >= 8
    assert np.abs(np.array(circling["d_losses"]) - 2 * math.log(2)).max() < 0.2
    assert np.abs(np.array(circling["g_losses"]) - math.log(2)).max() < 0.3
    assert max(circling["divergence"][10:]) > 0.4

    left, right = np.array(collapse["shares"]).T
    assert (right[20:60] > 0.9).all() and (left[-10:] > 0.9).all()
    assert np.minimum(left, right)[5:60].max() < 0.05
    assert np.minimum(left, right)[-10:].max() < 0.05

    shares = np.array(settling["shares"])
    assert settling["modes"] == collapse["modes"]
    assert shares[:3].min() < 0.05 and shares[50:].min() > 0.4
    assert max(settling["divergence"][50:]) < 0.1 < min(settling["divergence"][:10])
    start = view.unpack(settling, "samples")[0], view.unpack(collapse, "samples")[0]
    assert np.array_equal(*start)  # the same networks at the start


# ---- The page -----------------------------------------------------------------------------------


def test_the_same_runs_give_the_same_page_and_others_another_key(runs, history):
    page = view.player_html(runs)
    assert page == view.player_html(view.load_runs())
    key = re.search(r'data-gan-1d="(\w+)"', page)[1]
    assert f'KEY = "{key}"' in page
    other = Gan1dPlayer({"mine": history})._repr_html_()
    assert key not in other


def test_the_page_needs_nothing_beside_itself(runs):
    page = view.player_html(runs)
    addresses = set(re.findall(r"https?://[^\"' )]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "import " not in page and "require" not in page
    assert "{{" not in page


def test_nothing_in_a_run_can_end_the_script(history):
    player = Gan1dPlayer({"</script><b>": replace(history)})
    assert player._repr_html_().count("</script>") == 1
    assert "<b>" not in player._repr_html_()


def test_without_its_script_a_still_picture_and_a_sentence_remain(runs):
    page = re.sub(r"<script>.*</script>", "", view.player_html(runs), flags=re.S)
    assert "<input" not in page and "<button" not in page  # nothing that does nothing
    words = unescape(re.sub(r"<[^>]+>", " ", page))
    assert "still picture" in words and "Trust Notebook" in words
    picture = base64.b64decode(re.search(r"svg\+xml;base64,([^\"]+)", page)[1]).decode()
    drawn = ElementTree.fromstring(picture)
    curves = drawn.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(curves) == 2 * 3 * len(runs)
    alternative = unescape(re.search(r'alt="([^"]+)"', page)[1])
    for name, run in runs.items():
        assert f"{name}: the Jensen-Shannon divergence" in alternative
        assert f"at step {run['steps'][-1]}" in alternative


def test_the_player_says_what_it_is_where_no_html_is_shown(history):
    assert repr(Gan1dPlayer()) == (
        f"1-D GAN player with the runs: {', '.join(view.load_runs())}. "
        "It plays where HTML is shown."
    )
    assert "mine" in repr(Gan1dPlayer({"mine": history}))


def test_wrong_arguments_are_refused_in_words(history, tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        Gan1dPlayer({})
    with pytest.raises(TypeError, match="give histories by name"):
        Gan1dPlayer(history)
    with pytest.raises(TypeError, match="'mine' is a dict: give a history"):
        Gan1dPlayer({"mine": {}})
    with pytest.raises(FileNotFoundError, match="python -m helpers.widgets.gan_1d_runs"):
        view.load_runs(tmp_path / "nothing.json")


def test_the_bundled_player_needs_no_framework():
    code = (
        "import sys; from helpers.widgets.gan_1d import Gan1dPlayer; Gan1dPlayer(); "
        "assert not {'torch', 'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""The pixel-scaling explorer without a browser: pure functions, and controls from Python."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pixel_scaling import ACTIVATION_RANGES
from helpers.widgets import pixel_scaling_view as view
from helpers.widgets.pixel_scaling import PixelScalingExplorer

ALL = np.concatenate([np.arange(256), np.arange(256), np.arange(256)]).astype(np.uint8)
ALL = ALL.reshape(3, 16, 16)


@pytest.fixture
def explorer():
    return PixelScalingExplorer(np.stack([ALL // 2 + 40, ALL]))


def text(html):
    """What a reader sees of an HTML widget."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.value))


@given(st.integers(-30, 29), st.integers(1, 60), st.sampled_from(list(ACTIVATION_RANGES)))
def test_what_is_within_reach_comes_back_unchanged(low, width, activation):
    feature_range = low / 10, (low + width) / 10
    for wraps in (False, True):
        trip = view.travel(ALL, feature_range, activation, wraps=wraps)
        unreached = trip.scaled != trip.reached
        assert np.array_equal(trip.back[~unreached], ALL[~unreached])
        assert trip.out_of_reach == pytest.approx(unreached.mean())
        assert trip.changed <= trip.out_of_reach
        assert trip.off_scale == 0 or activation != "linear"


@pytest.mark.parametrize(
    ("feature_range", "activation", "lost"),
    [
        ((-1, 1), "tanh", 0),
        ((0, 1), "sigmoid", 0),
        ((-1, 1), "sigmoid", 0.5),
        ((0, 2), "tanh", 0.5),
    ],
)
def test_out_of_reach(feature_range, activation, lost):
    assert view.travel(ALL, feature_range, activation).out_of_reach == lost


def test_the_way_back_from_another_range_clamps_or_wraps():
    clamped = view.travel(ALL, (-1, 1), "tanh", back_from=(0, 1))
    assert clamped.off_scale == 0.5 and (clamped.back[ALL < 128] == 0).all()
    wrapped = view.travel(ALL, (-1, 1), "tanh", back_from=(0, 1), wraps=True)
    assert wrapped.back[0, 0, 0] == 1  # 0 is -1, -255, 1
    assert wrapped.off_scale == 0.5 and wrapped.changed > 0.9
    pale = view.travel(ALL, (0, 1), "sigmoid", back_from=(-1, 1))
    assert pale.off_scale == 0 and pale.back.min() == 128


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="low < high"):
        view.travel(ALL, (0, 1), "tanh", back_from=(1, 1))


def test_histogram_counts_every_number_once_and_in_its_place():
    values = np.array([-1.0, -0.999, 0.0, 0.05, 1.0, 2.99, 7.0])
    counts, lefts = view.histogram(values)
    assert counts.sum() == len(values)
    found = {
        round(float(left), 2): int(count)
        for left, count in zip(lefts, counts, strict=True)
        if count
    }
    assert found == {-1.0: 2, 0.0: 1, 0.05: 1, 1.0: 1, 2.95: 2}


@pytest.mark.parametrize(
    ("value", "words"), [(-1.0, "−1"), (0.0, "0"), (-0.001, "0"), (2.5, "2.5"), (-0.25, "−0.25")]
)
def test_numbers_in_words(value, words):
    assert view.number(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.001, "less than 1 %"), (0.5, "50 %"), (0.999, "more than 99 %"), (1, "100 %")],
)
def test_shares_in_words(share, words):
    assert view.percent(share) == words


def test_the_drawing_names_itself_and_marks_what_is_out_of_reach():
    scaled = view.travel(ALL, (-1, 1), "sigmoid").scaled
    drawn = view.histogram_svg(scaled, "sigmoid")
    assert 'role="img"' in drawn and "50 % of them are out of reach of sigmoid" in drawn
    outlined = re.search(r'd="([^"]*)" fill="none"', drawn)[1]
    filled = re.search(r'd="([^"]*)" fill="#', drawn)[1]
    assert outlined.count("z") == 20 and filled.count("z") == 21  # bins of 0.05, and 1 itself
    everything = view.histogram_svg(scaled, "linear")
    assert 'd="" fill="none"' in everything


def test_repr_is_a_sentence_and_follows_the_controls(explorer):
    assert repr(explorer) == (
        "Pixel-scaling explorer: −1 to 1, tanh. Run this cell to move the sliders."
    )
    explorer.low.value, explorer.activation.value = -2.5, "linear"
    assert "−2.5 to 1, linear." in repr(explorer)


def test_matching_settings_are_praised(explorer):
    assert "✓ Every number can be reached" in text(explorer.result)


def test_every_control_changes_what_is_shown(explorer):
    shown = [text(explorer.result) + explorer.pictures.value + explorer.histogram.value]

    def differs():
        shown.append(text(explorer.result) + explorer.pictures.value + explorer.histogram.value)
        return shown[-1] not in shown[:-1]

    explorer.image.value = 3 - explorer.image.value
    assert differs()
    explorer.activation.value = "sigmoid"
    assert differs() and "out of reach: sigmoid puts out 0 to 1 only" in text(explorer.result)
    explorer.activation.value = "relu"
    assert differs() and "relu puts out nothing below 0" in text(explorer.result)
    explorer.activation.value = "tanh"
    explorer.high.value = 2.8
    assert differs() and "tanh puts out −1 to 1 only" in text(explorer.result)
    explorer.low.value = -2.0
    assert differs()
    explorer.back_from.value = "[0, 1]"
    assert differs() and "they are clamped" in text(explorer.result)
    explorer.wraps.value = True
    assert differs() and "wrap round" in text(explorer.result)


def test_black_above_white_explains_itself_and_recovers(explorer):
    explorer.low.value = 1.5
    assert "Black at 1.5 and white at 1 is no range" in text(explorer.result)
    explorer.low.value = 1.0
    assert "is no range" in text(explorer.result)
    explorer.low.value = -1.0
    assert "✓" in text(explorer.result)


def test_a_failure_is_shown(explorer, monkeypatch):
    monkeypatch.setattr(view, "travel", lambda *_: 1 / 0)
    explorer.low.value = 0.0
    assert "itself failed: ZeroDivisionError" in text(explorer.result)


def test_street_digits_are_there_without_asking():
    explorer = PixelScalingExplorer()
    assert explorer.trip.image.shape == (3, 32, 32) and explorer.image.max == 8


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.pixel_scaling\n"
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

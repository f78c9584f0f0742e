"""The kernel-density explorer without a browser."""

import re
import subprocess
import sys

import ipywidgets as widgets
import numpy as np
import pytest

from helpers.widgets import parametric_models as module
from helpers.widgets.parametric_models import KdeExplorer


@pytest.fixture(scope="module")
def images():
    from sklearn.datasets import load_digits

    return load_digits().data[:250] / 16


@pytest.fixture
def explorer(images):
    return KdeExplorer(images)


def text(html):
    """What a reader sees of an HTML widget."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.value))


def test_digits_are_the_default():
    assert "1797 images" in repr(KdeExplorer())


def test_repr_is_a_sentence_and_follows_the_controls(explorer):
    explorer.count.value, explorer.bandwidth.value = 50, 0.2
    assert repr(explorer) == (
        "KDE explorer: 50 images, bandwidth 0.2. Run this cell to move the sliders."
    )


def test_numbers_and_pictures_follow_the_sliders(explorer):
    assert "250·64 + 1 = 16,001" in text(explorer.numbers)
    before = explorer.samples.value, explorer.curve.value, explorer.numbers.value
    explorer.bandwidth.value = 0.01
    assert "Too narrow" in text(explorer.numbers) and "far below" in explorer.curve.value
    after = explorer.samples.value, explorer.curve.value, explorer.numbers.value
    assert all(old != new for old, new in zip(before, after, strict=True))
    explorer.count.value = 20
    assert "20·64 + 1 = 1,281" in text(explorer.numbers)
    explorer.bandwidth.value = 1.0
    assert "Too wide" in text(explorer.numbers)


def test_button_draws_other_samples_and_leaves_the_numbers(explorer):
    samples, curve = explorer.samples.value, explorer.curve.value
    explorer.again.click()
    assert explorer.samples.value != samples and explorer.curve.value == curve


def test_only_core_widgets_and_every_control_has_a_label(explorer):
    stack = [explorer]
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        base = next(kind for kind in type(widget).__mro__ if not kind.__module__.startswith("help"))
        assert base.__module__.startswith("ipywidgets.widgets")
        assert not isinstance(widget, widgets.Output)
        if isinstance(widget, (widgets.SelectionSlider, widgets.Button)):
            assert widget.description.strip()


def test_an_update_sends_few_messages(explorer, monkeypatch):
    sent = []
    monkeypatch.setattr(widgets.Widget, "send_state", lambda self, key=None: sent.append(self))
    explorer.bandwidth.value = 0.3
    assert len(sent) <= 4  # the slider, the samples, the numbers, the curve


def test_failures_are_shown_not_lost(explorer, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a <bug>")

    monkeypatch.setattr(module.view, "draw_curve", broken)
    explorer.bandwidth.value = 0.3
    assert "RuntimeError: a &lt;bug&gt;" in explorer.numbers.value
    monkeypatch.undo()
    explorer.bandwidth.value = 0.2
    assert "RuntimeError" not in explorer.numbers.value


def test_it_never_changes_the_caller_s_images(images):
    before = images.copy()
    KdeExplorer(images).again.click()
    assert np.array_equal(images, before)


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.parametric_models\n"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

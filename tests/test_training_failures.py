"""The six runs of lesson 08: each defect shows in its curves as the lesson says."""

import json
import math

import numpy as np
import pytest

from helpers.data import load_images
from helpers.pytorch.threads import one_thread
from helpers.pytorch.training_failures import CURVES, RECIPES, load_curves, losses_of


@pytest.fixture(scope="module")
def stored():
    return load_curves()


def test_every_recipe_has_its_stored_curve(stored):
    assert list(stored) == list(RECIPES)
    assert {curve.shape for curve in stored.values()} == {(60, 2)}
    assert (
        json.loads(CURVES.read_text())["made_by"] == "python -m helpers.pytorch.training_failures"
    )


def test_the_stored_curves_can_be_told_apart(stored):
    ends = {name: curve[-20:] for name, curve in stored.items()}
    healthy = ends["healthy"]
    assert 0.05 < healthy[:, 0].min() < healthy[:, 0].max() < 2 * math.log(2)
    assert healthy[:, 1].max() < 6
    d_loss, g_loss = ends["the discriminator wins"].T
    assert d_loss.max() < 0.01
    assert g_loss.min() > 8
    d_loss, g_loss = ends["the discriminator is never updated"].T
    assert d_loss.min() > 4
    assert g_loss.max() < 0.05
    assert ends["the discriminator's labels are swapped"].max() < 0.05
    np.testing.assert_allclose(
        ends["the discriminator sees no difference"],
        [[2 * math.log(2), math.log(2)]] * 20,
        atol=1e-3,
    )
    jumps = {name: np.abs(np.diff(curve[:, 0])).mean() for name, curve in stored.items()}
    assert max(jumps, key=jumps.get) == "the learning rate is far too high"


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("the discriminator wins", lambda d, g: d < 0.1 and g > 2),
        ("the discriminator's labels are swapped", lambda d, g: d < 1.2 and g < 0.6),
        ("the discriminator is never updated", lambda d, g: d > 1.6 and g < 0.6),
        ("the discriminator sees no difference", lambda d, g: abs(g - math.log(2)) < 1e-3),
    ],
)
def test_a_short_run_shows_the_defect(name, shows):
    images, _ = load_images("street_digits", "train", 200)
    with one_thread():
        losses = losses_of(RECIPES[name], images, steps=30)
    assert losses.shape == (30, 2)
    assert shows(*losses[-5:].mean(0))

"""Recipes: what they allow, what the course's own are, and that nothing heavy comes with them."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.pytorch.losses import fake_loss, real_loss
from helpers.recipes import (
    AUGMENTATIONS,
    BASELINE,
    DIFF_POLICY,
    NUMBERS,
    RECIPES,
    Recipe,
    smooth_labels,
)


def changes(recipe, against=BASELINE):
    """Which fields differ, but for the name."""
    names = [field.name for field in dataclasses.fields(Recipe) if field.name != "name"]
    return {name for name in names if getattr(recipe, name) != getattr(against, name)}


def test_each_recipe_changes_one_thing():
    assert changes(BASELINE) == set()
    for name, field in [
        ("no-batch-norm", "batch_norm"),
        ("global-average-pooling", "head"),
        ("smooth-labels", "smooth"),
        ("diff-augmentation", "augmentation"),
        ("few-images", "images"),
    ]:
        assert changes(RECIPES[name]) == {field}
    assert changes(RECIPES["naive-augmentation"], RECIPES["diff-augmentation"]) == {"augment_fakes"}
    assert changes(RECIPES["few-images-diff-augmentation"], RECIPES["few-images"]) == {
        "augmentation"
    }
    assert RECIPES["flipped-digits"].augmentation == ("flip",)
    assert not RECIPES["flipped-digits"].augment_fakes
    assert all(name == recipe.name for name, recipe in RECIPES.items())
    assert len({recipe.name for recipe in RECIPES.values()}) == len(RECIPES) == 9


def test_the_random_numbers_are_shared_out_without_gap_or_overlap():
    taken = [i for columns in AUGMENTATIONS.values() for i in range(NUMBERS)[columns]]
    assert sorted(taken) == list(range(NUMBERS))
    assert "flip" not in DIFF_POLICY and set(DIFF_POLICY) < set(AUGMENTATIONS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"augmentation": ("colour",)}, "'colour'"),
        ({"augmentation": "color"}, "a tuple of names"),
        ({"augmentation": ("cutout", "cutout")}, "comes once"),
        ({"head": "mean"}, "'mean'"),
        ({"images": 0}, "images is 1 or more"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        Recipe(**change)


def test_a_recipe_cannot_be_changed_but_another_made_of_it():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASELINE.smooth = True
    assert dataclasses.replace(BASELINE, smooth=True).smooth


@given(st.floats(0, 0.99))
def test_smoothing_is_one_sided(amount):
    labels = np.array([1.0, 0.0, 1.0])
    np.testing.assert_allclose(smooth_labels(labels, amount), [1 - amount, 0, 1 - amount])
    assert labels.tolist() == [1, 0, 1]


def test_smoothed_labels_are_what_the_losses_aim_at():
    logits = torch.tensor([2.0, -1.0, 0.5])
    for value, expected in ((1.0, real_loss(logits, smooth=True)), (0.0, fake_loss(logits))):
        targets = smooth_labels(torch.full((3,), value))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        assert float(loss) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("amount", [-0.1, 1, 1.5])
def test_an_amount_that_makes_no_sense(amount):
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        smooth_labels(np.ones(2), amount)


def test_recipes_and_stored_tables_are_read_without_a_framework():
    code = (
        "import sys, helpers.recipes, helpers.ablations;"
        "print([name for name in ('torch', 'tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

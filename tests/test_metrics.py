"""The Fréchet distance, the classifier behind it, and the judge that uses both."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from scipy.linalg import sqrtm

from helpers.data import load_images
from helpers.metrics import Judgement, frechet_distance, judge
from helpers.pytorch import digit_classifier
from helpers.pytorch.digit_classifier import DigitClassifier, load_classifier, run


@pytest.fixture(scope="module")
def real() -> tuple[np.ndarray, np.ndarray]:
    return load_images(split="test", count=2000, seed=7)


# ------------------------------------------------------------------------- Fréchet distance


@given(
    mean=st.floats(-5, 5),
    deviation=st.floats(0.1, 5),
    other_mean=st.floats(-5, 5),
    other_deviation=st.floats(0.1, 5),
)
def test_one_feature_has_a_closed_form(mean, deviation, other_mean, other_deviation):
    z = np.random.default_rng(0).normal(size=(200, 1))
    z = (z - z.mean()) / z.std(ddof=1)
    distance = frechet_distance(mean + deviation * z, other_mean + other_deviation * z[::-1])
    expected = (mean - other_mean) ** 2 + (deviation - other_deviation) ** 2
    assert distance == pytest.approx(expected, abs=1e-9)


@given(seed=st.integers(0, 10_000), width=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_agrees_with_the_matrix_root_and_is_symmetric(seed, width):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(60, width)) @ rng.normal(size=(width, width))
    second = rng.normal(size=(80, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)
    cov1, cov2 = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second))
    shift = first.mean(0) - second.mean(0)
    expected = shift @ shift + np.trace(cov1 + cov2 - 2 * np.real(sqrtm(cov1 @ cov2)))
    distance = frechet_distance(first, second)
    assert distance == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert frechet_distance(second, first) == pytest.approx(distance, rel=1e-6, abs=1e-6)


def test_equal_sets_are_at_zero_and_a_shift_counts_squared():
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x, x + np.float32(2)) == pytest.approx(6 * 4, rel=1e-5)


def test_fewer_images_than_features_and_constant_features_are_no_trouble():
    rng = np.random.default_rng(0)
    few, constant = rng.normal(size=(5, 20)), np.zeros((9, 20))
    assert np.isfinite(frechet_distance(few, rng.normal(size=(7, 20))))
    expected = (few.mean(0) ** 2).sum() + few.var(0, ddof=1).sum()
    assert frechet_distance(few, constant) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4)), "equally many"),
        (np.zeros(5), np.zeros(5), "shape"),
        (np.zeros((1, 3)), np.zeros((5, 3)), "two images"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "finite"),
    ],
)
def test_impossible_features_are_refused(first, second, words):
    with pytest.raises(ValueError, match=words):
        frechet_distance(first, second)


# ------------------------------------------------------------------------------ classifier


def test_bundled_classifier_reads_as_well_as_its_file_says(real):
    images, labels = real
    with safe_open(digit_classifier.WEIGHTS, "numpy") as file:
        claimed = float(file.metadata()["test_accuracy"])
        assert "helpers.pytorch.digit_classifier" in file.metadata()["made_by"]
    accuracy = (run(load_classifier(), images)[1].argmax(1) == labels).mean()
    assert claimed > 0.95 and accuracy == pytest.approx(claimed, abs=0.02)
    assert digit_classifier.WEIGHTS.stat().st_size < 1_000_000


def test_features_and_probabilities(real):
    classifier = load_classifier()
    features, probabilities = run(classifier, real[0][:70], batch_size=32)
    assert features.shape == (70, 64) and probabilities.shape == (70, 10)
    assert features.min() >= 0 and probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    # Batches do not matter: the classifier is in eval mode.
    alone, _ = run(classifier, real[0][:1])
    assert alone[0] == pytest.approx(features[0], abs=1e-4)
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


def test_its_docstring_counts_the_parameters():
    count = sum(parameter.numel() for parameter in DigitClassifier().parameters())
    assert f"{count:,} parameters" in DigitClassifier.__doc__


def test_training_learns_something_and_repeats(monkeypatch):
    monkeypatch.setattr(digit_classifier, "tqdm", lambda **_: _Silent())
    images, labels = load_images(count=640)
    first = digit_classifier.train(images, labels, epochs=8, batch_size=64)
    again = digit_classifier.train(images, labels, epochs=8, batch_size=64)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    accuracy = (run(first, images)[1].argmax(1) == labels).mean()
    assert accuracy > 0.4  # always saying 1 gives 0.19


class _Silent:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self):
        pass


def test_missing_weights_say_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="helpers.pytorch.digit_classifier --out"):
        load_classifier(tmp_path / "none.safetensors")


# ----------------------------------------------------------------------------------- judge


def test_real_images_are_at_the_floor(real):
    judgement = judge(real[0][:1000])
    assert 0.5 < judgement.distance / judgement.floor < 2
    assert judgement.confident > 0.85
    assert sum(judgement.shares) == pytest.approx(1) and len(judgement.shares) == 10
    shares = np.bincount(real[1][:1000], minlength=10) / 1000
    assert np.abs(shares - judgement.shares).max() < 0.03


def test_damage_raises_the_distance(real):
    images = real[0][:600]
    rng = np.random.default_rng(0)
    noisy = np.clip(images + rng.normal(0, 40, images.shape), 0, 255).astype(np.uint8)
    one_digit = images[real[1][:600] == 3].repeat(12, 0)[:600]
    nothing = rng.integers(0, 256, images.shape, dtype=np.uint8)
    plain = judge(images)
    for damaged in (noisy, one_digit, nothing):
        assert judge(damaged).distance > 5 * plain.distance
    assert judge(one_digit).shares[3] > 0.9


def test_judgement_reads_as_a_sentence_with_its_floor():
    text = str(Judgement(12.34, 0.567, 0.8, (0.1,) * 10, 2000))
    assert "12.3" in text and "0.57" in text and "2,000 real images" in text and "80%" in text


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((5, 3, 32, 32), np.float32), TypeError, "uint8"),
        (np.zeros((5, 32, 32, 3), np.uint8), ValueError, "shape"),
        (np.zeros((3, 32, 32), np.uint8), ValueError, "shape"),
        (np.zeros((1, 3, 32, 32), np.uint8), ValueError, "2 to 13,016"),
    ],
)
def test_what_is_no_set_of_images_is_refused(images, error, words):
    with pytest.raises(error, match=words):
        judge(images)


def test_importing_metrics_loads_no_framework():
    code = "import sys, helpers.metrics; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""Street digits: what load_images promises, and that they look like SVHN where that is a number."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.data import load_images, street_digits

ROOT = Path(__file__).resolve().parents[1]
BLOCK = street_digits._BLOCK


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, np.ndarray]:
    return load_images(count=6000, seed=1)


def test_shapes_and_types(many):
    images, labels = many
    assert images.shape == (6000, 3, 32, 32) and images.dtype == np.uint8
    assert labels.shape == (6000,) and labels.dtype == np.int64
    assert set(labels.tolist()) == set(range(10))


@given(count=st.integers(1, 3 * BLOCK), seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_first_images_do_not_depend_on_the_count(count, seed):
    images, labels = load_images(count=count, seed=seed)
    more_images, more_labels = load_images(count=3 * BLOCK + 1, seed=seed)
    assert np.array_equal(images, more_images[:count])
    assert np.array_equal(labels, more_labels[:count])


def test_number_of_threads_does_not_matter(monkeypatch):
    images, labels = load_images(count=500)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    again_images, again_labels = load_images(count=500)
    assert np.array_equal(images, again_images) and np.array_equal(labels, again_labels)


def test_no_image_appears_twice_in_any_split_or_seed():
    seen = set()
    for split in ("train", "test", "extra"):
        for seed in (0, 1):
            seen |= {image.tobytes() for image in load_images(split=split, count=700, seed=seed)[0]}
    assert len(seen) == 6 * 700


def test_pictures_are_those_that_the_repository_shows():
    """Renew with: python -m helpers.data.street_digits --preview data/images/street_digits.png.

    Where this fails after a change of the program, raise VERSION too: the images of every seed
    have changed, and with them what lessons print and bundled networks were trained on.
    """
    stored = np.asarray(Image.open(ROOT / "data" / "images" / "street_digits.png"))[::2, ::2]
    images, _ = load_images(count=160)
    grid = images.reshape(10, 16, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(320, 512, 3)
    difference = np.abs(grid.astype(int) - stored)
    # Another processor or FreeType may round some pixels otherwise, not more.
    assert difference.mean() < 0.5


def test_class_frequencies_are_those_of_svhn(many):
    expected = np.array(street_digits.CLASS_COUNTS) / sum(street_digits.CLASS_COUNTS)
    shares = np.bincount(many[1], minlength=10) / len(many[1])
    assert np.abs(shares - expected).max() < 0.02
    assert sum(street_digits.CLASS_COUNTS) == 73_257


def test_channel_statistics_are_near_those_of_svhn(many):
    values = many[0] / 255
    assert values.mean((0, 2, 3)) == pytest.approx([0.4377, 0.4438, 0.4728], abs=0.02)
    assert values.std((0, 2, 3)) == pytest.approx([0.1980, 0.2010, 0.1970], abs=0.02)


def test_colours_are_mostly_pale_with_some_blue_and_some_brown(many):
    colours = many[0].mean((2, 3)) / 255
    saturation = colours.max(1) - colours.min(1)
    assert np.median(saturation) < 0.10
    blue, brown = colours[:, 2] - colours[:, 0] > 0.10, colours[:, 0] - colours[:, 2] > 0.05
    assert 0.05 < blue.mean() < 0.25 and 0.05 < brown.mean() < 0.25


def test_digits_are_lighter_and_darker_than_their_wall(rng):
    wall, digit = street_digits._palette(rng, np.zeros(4000, bool))
    lighter = (digit.mean((1, 2, 3)) > wall.mean((1, 2, 3))).mean()
    assert 0.3 < lighter < 0.7


def test_layout_is_svhns(rng):
    layout = street_digits._lay_out(rng, 6000)
    left, middle, right = layout["glyphs"] != street_digits._BLANK
    assert middle.all()
    assert (~left & ~right).mean() == pytest.approx(1 / 6, abs=0.03)
    assert (left & right).mean() == pytest.approx(1 / 6, abs=0.03)
    share = layout["height"] / 32
    assert np.quantile(share, 0.05) > 0.64 and np.quantile(share, 0.95) <= 1
    ones = layout["glyphs"][1, layout["labels"] == 1]
    drawn = ones > street_digits._BLANK
    bare = np.isin((ones[drawn] - street_digits._BLANK - 1) % len(street_digits._SHAPES), (0, 1))
    assert 0.15 < bare.sum() / len(ones) < 0.35 and 0.2 < (~drawn).mean() < 0.45


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_middle_digit_is_the_label_and_stands_in_the_middle(rng):
    """The signed distance is that of the label's glyph where the pose is plain."""
    layout = street_digits._lay_out(rng, 50)
    layout.update({name: np.zeros(50) for name in ("x", "y", "turn", "slant", "bold")})
    layout["narrow"] = np.ones(50)
    layout["height"] = np.full(50, 28.0)
    inside = street_digits._distance(layout, *street_digits._place(layout))
    cells, widths = street_digits._atlas()
    for image, glyph, gap in zip(inside, layout["glyphs"][1], layout["gap"], strict=True):
        half = int((widths[glyph] + gap) / 2 * 28)  # pixels from the middle to half the gap
        seen = image[:, 16 - half : 16 + half]
        centre = street_digits._CELL / 2
        at = np.rint(centre + (np.arange(32) - 15.5) / 28 * street_digits._CAP - 0.5).astype(int)
        wanted = cells[glyph][np.ix_(at, at)][:, 16 - half : 16 + half]
        assert np.abs(seen - wanted).max() < 0.03


def test_every_glyph_of_the_atlas_has_ink_and_the_blank_has_none():
    cells, widths = street_digits._atlas()
    ink = (cells > 0).mean((1, 2))
    assert len(cells) == len(widths) == street_digits._BLANK + 1 + len(street_digits._ONES)
    assert ink[street_digits._BLANK] == 0
    assert np.delete(ink, street_digits._BLANK).min() > 0.03
    # No two digits of a font are the same picture.
    for font in range(len(street_digits._FONTS)):
        assert len({cell.tobytes() for cell in cells[10 * font : 10 * font + 10]}) == 10


def test_missing_font_is_one_sentence_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="ttf is not in .* pip install"):
        street_digits._atlas.__wrapped__()


def test_importing_and_drawing_loads_no_framework():
    code = (
        "import sys; from helpers.data import load_images; load_images(count=1);"
        "print([name for name in ('torch', 'tensorflow', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_preview_draws_a_grid(tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.png"
    monkeypatch.setattr(sys, "argv", ["street_digits", "--preview", str(out), "--seed", "3"])
    street_digits.main()
    with Image.open(out) as picture:
        assert picture.size == (1024, 640)
        first = np.asarray(picture)[:64:2, :64:2]
    assert np.array_equal(first.transpose(2, 0, 1), load_images(count=1, seed=3)[0][0])
    assert "160 street digits" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere/out.png", "out.nonsense"])
def test_preview_that_cannot_be_written_says_so(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["street_digits", "--preview", str(tmp_path / name)])
    with pytest.raises(SystemExit):
        street_digits.main()
    assert "could not be written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

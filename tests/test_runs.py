"""A run's folder: checkpoints that are whole or not there, metrics that survive a crash."""

import json
import os

import numpy as np
import pytest

from helpers import runs
from helpers.runs import (
    Checkpoint,
    CheckpointError,
    History,
    MetricsFile,
    TrainingStopped,
    newest_checkpoint,
    read_checkpoint,
    require_finite,
    require_same_settings,
    save_curves,
    save_grid,
    write_checkpoint,
    write_whole,
)

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "count": np.array(7),  # without axes, as PyTorch counts batches
}
FACTS = {"framework": "pytorch", "settings": {"seed": 3}}


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = write_checkpoint(tmp_path, 12, ARRAYS, FACTS)
    back = read_checkpoint(path)
    assert (back.step, back.facts, back.path) == (12, FACTS, path)
    assert set(back.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert back.arrays[name].shape == array.shape
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array)


def test_the_newest_by_step_is_used_and_old_ones_go(tmp_path):
    for step in (900, 1000, 20_000):
        write_checkpoint(tmp_path, step, ARRAYS, FACTS, keep=2)
    assert newest_checkpoint(tmp_path, "pytorch").step == 20_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_00001000.safetensors",
        "step_00020000.safetensors",
    ]


def test_no_checkpoint_is_no_error(tmp_path):
    assert newest_checkpoint(tmp_path, "pytorch") is None
    assert newest_checkpoint(tmp_path / "missing", "pytorch") is None


def flip_a_bit_of_the_numbers(data):
    return data[:-3] + bytes([data[-3] ^ 4]) + data[-2:]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: b"", "damaged"),
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: b"PK\x03\x04" + data, "damaged"),
        (flip_a_bit_of_the_numbers, "checksum"),
        (lambda data: data.replace(b'"version":"1"', b'"version":"9"'), "update the course"),
        (lambda data: data.replace(b"dcgan-course", b"other-course"), "no checkpoint of this"),
        (lambda data: data.replace(b"pytorch", b"painter"), "written by the painter trainer"),
    ],
    ids=["empty", "cut off", "another format", "flipped bit", "newer", "foreign", "framework"],
)
def test_one_that_cannot_be_used_is_passed_over_for_the_one_before(tmp_path, damage, says):
    write_checkpoint(tmp_path, 1, ARRAYS, FACTS)
    newest = write_checkpoint(tmp_path, 2, ARRAYS, FACTS)
    newest.write_bytes(damage(newest.read_bytes()))
    with pytest.warns(UserWarning, match=says) as told:
        assert newest_checkpoint(tmp_path, "pytorch").step == 1
    assert str(newest) in str(told[0].message)
    (tmp_path / "step_00000001.safetensors").unlink()
    with pytest.raises(CheckpointError, match=says):
        newest_checkpoint(tmp_path, "pytorch")


def test_an_ordinary_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "step_00000001.safetensors"
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="damaged|no checkpoint"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "missing.safetensors")


def test_a_full_disk_leaves_the_older_checkpoint_and_no_part(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, 1, ARRAYS, FACTS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(tmp_path, 2, ARRAYS, FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001.safetensors"]
    assert read_checkpoint(tmp_path / "step_00000001.safetensors").step == 1


def test_write_whole_replaces_the_file(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_another_setting_is_named(tmp_path):
    checkpoint = Checkpoint(tmp_path / "x", 1, {}, {"settings": {"seed": 3, "batch_size": 64}})
    require_same_settings(checkpoint, {"seed": 3, "batch_size": 64, "added_later": 1})
    with pytest.raises(CheckpointError, match="batch_size=64, not 32"):
        require_same_settings(checkpoint, {"seed": 3, "batch_size": 32})


def test_metrics_go_on_from_the_checkpoint(tmp_path):
    path = tmp_path / "run" / "metrics.jsonl"
    first = MetricsFile(path)
    for step in (50, 100, 150):
        first.add(step, d_loss=step / 100, g_loss=1.0, images_per_second=9.0)
    with path.open("a") as file:
        file.write('{"step": 200, "d_lo')  # the process was killed here
    again = MetricsFile(path, step=100)
    again.add(150, d_loss=0.5, g_loss=1.0, images_per_second=9.0)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [50, 100, 150]
    assert again.history() == History(
        [50, 100, 150], [0.5, 1.0, 0.5], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0]
    )


@pytest.mark.parametrize(
    ("d_losses", "g_losses", "says"),
    [
        ([1, np.nan, np.nan], [1, 1, np.nan], "step 101 the discriminator's loss is nan"),
        ([1, 1, 1], [1, 1, np.inf], "step 102 the generator's loss is inf"),
        ([1, 1, 1], [2e4, 1, 1], "step 100 the generator's loss is 2e[+]04"),
    ],
)
def test_the_first_bad_loss_is_named(d_losses, g_losses, says):
    with pytest.raises(TrainingStopped, match=says) as stop:
        require_finite(100, np.array(d_losses), np.array(g_losses), "Do this.")
    assert str(stop.value).endswith("Do this.")
    require_finite(100, np.array([1.0, 2.0]), np.array([0.0, runs.EXPLODED]), "")


def test_the_grid_has_the_images_in_reading_order(tmp_path):
    from PIL import Image

    images = np.zeros((3, 3, 4, 4), np.uint8)
    images[0], images[1, 0], images[2, 2] = 10, 200, 90
    save_grid(tmp_path / "samples" / "grid.png", images, columns=2)
    grid = np.asarray(Image.open(tmp_path / "samples" / "grid.png"))
    assert grid.shape == (8, 8, 3)
    assert (grid[:4, :4] == 10).all()
    assert (grid[:4, 4:] == [200, 0, 0]).all()
    assert (grid[4:, :4] == [0, 0, 90]).all()
    assert (grid[4:, 4:] == 255).all()  # no image here


def test_curves_are_a_picture(tmp_path):
    from PIL import Image

    history = History([1, 2], [1.4, 1.2], [0.7, 0.9], [1.0, 1.0])
    save_curves(tmp_path / "curves.png", history)
    assert Image.open(tmp_path / "curves.png").size == (770, 352)

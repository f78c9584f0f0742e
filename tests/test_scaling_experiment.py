"""The experiment of lesson 02 in small: fair, repeatable, resumable."""

import json

import numpy as np
import pytest
import torch

from helpers.pytorch import scaling_experiment as module
from helpers.pytorch.scaling_experiment import SETTINGS, Options, Run

SMALL = Options(steps=4, batch_size=4, conv_dim=2, looks=2)
ARGUMENTS = "--steps 2 --seeds 2 --conv-dim 2 --batch-size 4 --images 16 --count 8 --device cpu"


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)


@pytest.fixture
def street_digits(monkeypatch, images):
    """Noise instead of street digits: the look does not matter here."""
    import helpers.data

    monkeypatch.setattr(
        helpers.data,
        "load_images",
        lambda source, split, count: (np.resize(images, (count, 3, 32, 32)), None),
    )


def judge(images):
    assert images.dtype == np.uint8 and images.shape[1:] == (3, 32, 32)
    return {"distance": float(images.mean())}


def test_settings_of_one_seed_start_with_the_same_weights(images):
    states = [
        Run(setting, images, 3, SMALL).generator.state_dict() for setting in SETTINGS.values()
    ]
    for state in states[1:]:
        assert all(torch.equal(state[key], value) for key, value in states[0].items())
    other = Run(SETTINGS["[0, 1] and tanh"], images, 4, SMALL).generator.state_dict()
    assert not torch.equal(other["dense.weight"], states[0]["dense.weight"])


def test_a_run_repeats_itself_and_leaves_the_global_seed_alone(images):
    before = torch.get_rng_state()
    samples = []
    for _ in range(2):
        run = Run(SETTINGS["[-1, 1] and tanh"], images, 0, SMALL)
        run.advance(2)
        samples.append(run.sample(3))
    assert np.array_equal(*samples)
    assert torch.equal(torch.get_rng_state(), before)


def test_training_in_parts_is_training_in_one_go(images):
    whole, parts = (Run(SETTINGS["[0, 1] and sigmoid"], images, 0, SMALL) for _ in range(2))
    whole.advance(4)
    parts.advance(1)
    parts.sample(2)  # a look changes nothing
    parts.advance(3)
    assert np.array_equal(whole.sample(3), parts.sample(3))
    assert whole.steps == parts.steps == 4


@pytest.mark.parametrize("name", SETTINGS)
def test_the_mean_output_becomes_the_byte_that_it_stands_for(images, name):
    """An untrained generator with zero weights puts out one number; where does it end up?"""
    run = Run(SETTINGS[name], images, 0, SMALL)
    torch.nn.init.zeros_(run.generator.to_image.weight)
    expected = {"[0, 1] and sigmoid": 128, "[-1, 1] and tanh": 128, "[0, 1] and tanh": 0}[name]
    assert np.unique(run.sample(2)).tolist() == [expected]


def test_the_mismatch_s_negative_pixels_are_cut_off_not_wrapped_round(images):
    run = Run(SETTINGS["[0, 1] and tanh"], images, 0, SMALL)
    torch.nn.init.zeros_(run.generator.to_image.weight)
    torch.nn.init.constant_(run.generator.to_image.bias, -2.0)
    assert not run.sample(2).any()


def test_each_step_moves_both_networks(images):
    run = Run(SETTINGS["[-1, 1] and tanh"], images, 0, SMALL)
    before = [
        p.detach().clone() for n in (run.generator, run.discriminator) for p in n.parameters()
    ]
    run.advance(1)
    after = [p for n in (run.generator, run.discriminator) for p in n.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_command_writes_both_files_and_goes_on_where_it_stopped(
    tmp_path, street_digits, capsys, monkeypatch
):
    out = tmp_path / "new folder" / "results.json"
    module.main([*ARGUMENTS.split(), "--out", str(out)], judge)
    whole, whole_samples = json.loads(out.read_text()), module.load_samples(out)
    assert [(run["setting"], run["seed"]) for run in whole["runs"]] == [
        (name, seed) for name in SETTINGS for seed in (0, 1)
    ]
    assert whole["runs"][0]["history"][-1]["step"] == 2
    ends = module.distances(whole)
    assert list(ends) == list(SETTINGS)
    assert ends["[0, 1] and tanh"][1] == whole["runs"][-1]["history"][-1]["distance"]
    first = module.distances(whole, look=0)["[0, 1] and sigmoid"]
    assert first.tolist() == [run["history"][0]["distance"] for run in whole["runs"][:2]]
    assert whole_samples["[-1, 1] and tanh"][1].shape == (module.SAMPLES_PER_RUN, 3, 32, 32)

    # Somebody stops it during the third run, then starts it again.
    class Stop(Exception):
        pass

    asked = iter(range(1 + 2 * Options().looks + 2))

    def stopping(images):
        if next(asked, None) is None:
            raise Stop
        return judge(images)

    second = tmp_path / "second.json"
    with pytest.raises(Stop):
        module.main([*ARGUMENTS.split(), "--out", str(second)], stopping)
    assert len(json.loads(second.read_text())["runs"]) == 2
    capsys.readouterr()
    module.main([*ARGUMENTS.split(), "--out", str(second)], judge)
    assert "2 runs are there already." in capsys.readouterr().out
    assert json.loads(second.read_text()) == whole
    for name, rows in module.load_samples(second).items():
        for seed, row in rows.items():
            assert np.array_equal(row, whole_samples[name][seed])
    assert [path.suffix for path in tmp_path.glob("second*")].count(".part") == 0

    # Other options: nothing of it may be kept.
    module.main([*ARGUMENTS.replace("--steps 2", "--steps 3").split(), "--out", str(second)], judge)
    assert "starting anew" in capsys.readouterr().out
    assert json.loads(second.read_text())["options"]["steps"] == 3


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ([1, 2, 3], [11, 12, 13], "closer in every seed, and by more than the seeds differ"),
        ([11, 12, 13], [1, 2, 3], "further away in every seed, and by more than the seeds differ"),
        ([1, 2, 3], [2, 3, 4], "closer in every seed, but by less than the seeds differ"),
        ([1, 2, 3], [11, 12, 2], "not clearly better or worse: the seeds disagree"),
    ],
)
def test_verdict_claims_no_more_than_the_seeds_show(first, second, found):
    assert module.verdict(np.array(first), np.array(second)) == found


def test_missing_results_name_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m helpers.pytorch.scaling_experiment"):
        module.load_results(tmp_path / "nothing.json")


def test_the_stored_results_are_those_of_the_default_command():
    results = module.load_results()
    defaults = json.loads(json.dumps(module.asdict(Options())))
    assert results["options"] == defaults
    assert [(run["setting"], run["seed"]) for run in results["runs"]] == [
        (name, seed) for name in SETTINGS for seed in range(3)
    ]
    assert {run["history"][-1]["step"] for run in results["runs"]} == {Options().steps}
    samples = module.load_samples()
    assert samples["[0, 1] and tanh"][2].shape == (module.SAMPLES_PER_RUN, 3, 32, 32)
    assert all(row.std() > 5 for rows in samples.values() for row in rows.values())

"""The runner of ablations in small: what a look measures, and that a killed run goes on."""

import json
import re

import numpy as np
import pytest
import torch

from helpers import ablations as module
from helpers import runs
from helpers.ablations import (
    COLUMNS,
    SAMPLES,
    Options,
    Run,
    ablate,
    load_results,
    load_samples,
    measure,
    target_images,
)
from helpers.data import load_images
from helpers.recipes import RECIPES, Recipe

SMALL = {"looks": (2, 4, 6), "batch_size": 4, "conv_dim": 2, "latent_dim": 5, "count": 20}
ARGUMENTS = "--steps 6 --every 2 --conv-dim 2 --batch-size 4 --images 16 --count 20 --device cpu"


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)


@pytest.fixture
def quick(monkeypatch, images):
    """Noise instead of street digits, and a measure that is quick: the look does not matter."""
    import helpers.data

    def look(samples):
        assert samples.dtype == np.uint8 and samples.shape[1:] == (3, 32, 32)
        return {**dict.fromkeys(COLUMNS[5:12], float(samples.mean())), "digits": 7}

    monkeypatch.setattr(module, "measure", look)
    monkeypatch.setattr(
        helpers.data,
        "load_images",
        lambda source, split, count: (np.resize(images, (count, 3, 32, 32)), None),
    )


@pytest.fixture(scope="module")
def real():
    return load_images("street_digits", "extra", 600)[0]


def command(out, *more):
    module.main([*ARGUMENTS.split(), "--out", str(out), *more])
    return load_results(out)


def lasting(results):
    """The rows without what differs from run to run."""
    return [{key: row[key] for key in COLUMNS if key != "seconds"} for row in results.rows]


# --- what a look measures ---


def test_real_images_are_as_good_as_it_gets(real):
    found = measure(real)
    assert found["distance"] < 2 * found["floor"]
    assert found["sure"] > 0.9
    assert found["digits"] == 10
    assert found["share_gap"] < 0.1
    assert found["grey"] < 0.05
    assert found["mirrored"] < 0.25


def test_mirrored_images_are_read_more_surely_when_mirrored_back(real):
    assert measure(real[..., ::-1])["mirrored"] == pytest.approx(
        1 - measure(real)["mirrored"], abs=0.02
    )


def test_what_cutout_and_translation_leave_behind_is_counted(real):
    from helpers.pixel_scaling import scale_uint8, unscale_to_uint8
    from helpers.pytorch.augment import diff_augment

    torch.manual_seed(0)
    holes = diff_augment(scale_uint8(torch.from_numpy(real)), ("cutout",))
    # A hole covers at most a quarter, and about 0.19 of an image on average.
    grey = measure(unscale_to_uint8(holes).numpy())["grey"]
    assert 0.15 < grey - measure(real)["grey"] < 0.23


def test_one_digit_only_is_seen_in_the_digits_and_in_their_shares():
    images, labels = load_images("street_digits", "extra", 2000)
    found = measure(images[labels == 1])
    assert found["digits"] == 1
    assert found["share_gap"] == pytest.approx(1 - (labels == 1).mean(), abs=0.05)


def test_a_perfect_generator_draws_what_the_discriminator_sees_of_the_real_images(real):
    before = real.copy()
    for name in ("baseline", "smooth-labels", "diff-augmentation"):
        assert np.array_equal(target_images(RECIPES[name], real), real)
    mirrored = target_images(RECIPES["flipped-digits"], real)
    turned = (mirrored == real[..., ::-1]).all((1, 2, 3))
    assert (turned | (mirrored == real).all((1, 2, 3))).all()
    assert 0.4 < turned.mean() < 0.6
    holes = target_images(RECIPES["naive-augmentation"], real)
    assert holes.dtype == np.uint8 and holes.shape == real.shape
    assert not np.array_equal(holes, target_images(RECIPES["naive-augmentation"], real, seed=1))
    assert np.array_equal(real, before)
    # Neither recipe gets near to the real images, however long it is trained.
    best = measure(real)["distance"]
    assert measure(mirrored)["distance"] > 4 * best
    assert measure(holes)["distance"] > 8 * best
    assert measure(holes)["grey"] > 0.2


# --- one run ---


def test_recipes_that_build_the_same_networks_start_alike_and_see_the_same_images(images):
    first, second = (Run(RECIPES[name], images, 3, Options(**SMALL), "cpu") for name in
                     ("baseline", "diff-augmentation"))  # fmt: skip
    for a, b in zip(first.trainer.state().values(), second.trainer.state().values(), strict=True):
        assert np.array_equal(a, b)
    assert torch.equal(first.trainer._next_batch(), second.trainer._next_batch())
    other = Run(RECIPES["baseline"], images, 4, Options(**SMALL), "cpu")
    assert not np.array_equal(other.sample(2), first.sample(2))


def test_training_in_parts_is_training_in_one_go_and_leaves_the_callers_random_numbers(images):
    recipe = Recipe("some", ("color", "cutout"))
    before = torch.get_rng_state()
    whole, parts = (Run(recipe, images, 0, Options(**SMALL), "cpu") for _ in range(2))
    whole.advance(4)
    parts.advance(1)
    parts.sample(3)  # a look changes nothing
    parts.advance(3)
    assert np.array_equal(whole.sample(3), parts.sample(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert whole.seconds > 0


def test_samples_come_from_the_averaged_generator(images):
    run = Run(RECIPES["baseline"], images, 0, Options(**SMALL), "cpu")
    run.advance(3)
    before = run.sample(2)
    torch.nn.init.zeros_(run.trainer.generator.to_image.weight)
    assert np.array_equal(run.sample(2), before)
    torch.nn.init.zeros_(run.trainer.averaged.to_image.weight)
    assert not np.array_equal(run.sample(2), before)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_live(quick, images, name):
    looks = list(ablate(RECIPES[name], images, seed=1, device="cpu", **SMALL))
    assert [look["step"] for look in looks] == [2, 4, 6]
    assert [list(look) for look in looks] == 3 * [list(COLUMNS)]
    assert {(look["recipe"], look["seed"]) for look in looks} == {(name, 1)}
    assert np.isfinite([look["d_loss"] + look["g_loss"] for look in looks]).all()
    seconds = [look["seconds"] for look in looks]
    assert seconds == sorted(seconds)


def test_losses_are_means_since_the_last_look(quick, images):
    fine, coarse = (
        list(ablate(RECIPES["baseline"], images, device="cpu", **SMALL | {"looks": looks}))
        for looks in ((1, 2, 3, 4), (4,))
    )
    for column in ("d_loss", "g_loss"):
        mean = np.mean([look[column] for look in fine])
        assert coarse[0][column] == pytest.approx(mean, rel=1e-3)


def test_parameters_count_both_networks(quick, images):
    def count(name):
        return next(ablate(RECIPES[name], images, device="cpu", **SMALL))["parameters"]

    assert count("baseline") - count("global-average-pooling") == 15 * 4 * SMALL["conv_dim"]


def test_a_run_whose_losses_are_no_numbers_is_a_result_too(quick, images, monkeypatch):
    monkeypatch.setattr(Run, "advance", lambda run, steps: (float("nan"), 1.0))
    looks = list(ablate(RECIPES["baseline"], images, device="cpu", **SMALL))
    assert np.isnan([look["distance"] for look in looks]).all()
    assert looks[0]["digits"] == 0 and looks[0]["parameters"] > 0


@pytest.mark.parametrize("looks", [(), (0, 5), (5, 2), (3, 3)])
def test_looks_that_make_no_sense(looks):
    with pytest.raises(ValueError, match="looks"):
        Options(looks=looks)


# --- the command ---


def test_the_command_writes_a_table_and_samples(quick, tmp_path, capsys, images):
    out = tmp_path / "new folder" / "results.csv"
    names = ["diff-augmentation", "baseline"]
    results = command(out, "--recipe", *names, "--seeds", "2")
    # In the order of RECIPES, however they were asked for.
    assert results.recipes == ["baseline", "diff-augmentation"]
    assert results.steps == [2, 4, 6]
    keys = [(row["recipe"], row["seed"], row["step"]) for row in results.rows]
    assert keys == [(n, s, look) for n in results.recipes for s in (0, 1) for look in (2, 4, 6)]
    assert results.curve("baseline", "distance").shape == (2, 3)
    assert np.array_equal(
        results.values("baseline", "g_loss"), results.curve("baseline", "g_loss")[:, -1]
    )
    assert results.values("baseline", "step", step=4).tolist() == [4, 4]
    assert results.facts["command"].startswith("python -m helpers.ablations --recipe diff-aug")
    assert "cpu" in results.facts["device"]
    assert results.facts["versions"]["torch"] == torch.__version__
    assert str(tmp_path) not in out.read_text()
    samples = load_samples(out)
    assert list(samples) == results.recipes
    run = Run(RECIPES["diff-augmentation"], images, 0, Options((6,), 4, 2), "cpu")
    run.advance(6)
    assert np.array_equal(samples["diff-augmentation"], run.sample(20)[:SAMPLES])
    assert sorted(path.name for path in out.parent.iterdir()) == ["results.csv", "results.png"]
    assert "step 6: distance" in capsys.readouterr().out


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and it strikes between any two statements."""


@pytest.mark.parametrize("function", ["write_checkpoint", "write_whole"])
@pytest.mark.parametrize("moment", [1, 3, 4, 6])
def test_a_killed_command_goes_on_and_ends_with_the_same_table(
    quick, tmp_path, monkeypatch, function, moment
):
    more = ("--recipe", "baseline", "smooth-labels", "--seeds", "1")
    whole = command(tmp_path / "whole.csv", *more)
    trained = []
    advance = Run.advance
    monkeypatch.setattr(
        Run, "advance", lambda run, steps, bar: trained.append(steps) or advance(run, steps, bar)
    )
    out, original, calls = tmp_path / "parts.csv", getattr(runs, function), []

    def kills(*arguments, **options):
        calls.append(arguments)
        if len(calls) == moment:
            raise Killed
        return original(*arguments, **options)

    monkeypatch.setattr(runs, function, kills)
    try:
        command(out, *more)
    except Killed:
        before = sum(trained)
        monkeypatch.setattr(runs, function, original)
        command(out, *more)
        assert before < 12 and sum(trained) <= 12 + 2  # at most one look is done again
    assert lasting(load_results(out)) == lasting(whole)
    for name, samples in load_samples(out).items():
        assert np.array_equal(samples, load_samples(tmp_path / "whole.csv")[name])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["parts.csv", "parts.png", "whole.csv", "whole.png"]


def test_a_partial_table_is_of_use(quick, tmp_path, monkeypatch):
    def stop(run, steps, bar):
        trainer = run.trainer
        if (trainer.recipe.name, trainer.seed, trainer.steps_done) == ("baseline", 1, 4):
            raise KeyboardInterrupt
        return advance(run, steps, bar)

    advance = Run.advance
    monkeypatch.setattr(Run, "advance", stop)
    out = tmp_path / "partial.csv"
    with pytest.raises(SystemExit, match="The same command goes on"):
        command(out, "--recipe", "baseline", "no-batch-norm", "--seeds", "2")
    results = load_results(out)
    assert results.recipes == ["baseline", "no-batch-norm"]  # seed 0 of all of them comes first
    assert len(results.rows) == 3 + 3 + 2
    assert results.curve("baseline", "sure").shape == (1, 3)  # not the run that is not complete


def test_more_recipes_and_seeds_are_added_to_a_table(quick, tmp_path, monkeypatch):
    out = tmp_path / "table.csv"
    first = command(out, "--recipe", "no-batch-norm", "--seeds", "1")
    second = command(out, "--recipe", "baseline", "--seeds", "2")
    assert second.recipes == ["baseline", "no-batch-norm"]
    assert lasting(second)[6:] == lasting(first)
    assert set(second.facts["recipes"]) == {"baseline", "no-batch-norm"}
    monkeypatch.setattr(Run, "advance", None)  # nothing is left to train
    assert command(out, "--recipe", "baseline", "--seeds", "2").rows == second.rows


@pytest.mark.parametrize("change", [("--steps", "8"), ("--conv-dim", "3"), ("--count", "30")])
def test_a_table_of_another_experiment_is_not_written_over(quick, tmp_path, change):
    out = tmp_path / "table.csv"
    command(out, "--recipe", "baseline", "--seeds", "1")
    before = out.read_bytes()
    with pytest.raises(SystemExit, match="was made with other options"):
        command(out, "--recipe", "smooth-labels", "--seeds", "1", *change)
    assert out.read_bytes() == before


def test_a_recipe_that_has_changed_is_not_mixed_with_what_it_was(quick, tmp_path, monkeypatch):
    out = tmp_path / "table.csv"
    command(out, "--recipe", "few-images", "--seeds", "1")
    monkeypatch.setitem(RECIPES, "few-images", Recipe("few-images", images=8))
    with pytest.raises(SystemExit, match="other recipes"):
        command(out, "--recipe", "few-images", "--seeds", "2")


def test_files_that_are_not_there_or_no_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m helpers.ablations"):
        load_results(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="python -m helpers.ablations"):
        load_samples(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no table of ablations"):
        load_results(tmp_path / "other.csv")


def test_recipes_and_columns_that_there_are_not(quick, tmp_path):
    results = command(tmp_path / "table.csv", "--recipe", "baseline", "--seeds", "1")
    with pytest.raises(KeyError, match="baseline"):
        results.curve("smooth-labels", "distance")
    with pytest.raises(KeyError, match="distance"):
        results.curve("baseline", "fid")


@pytest.mark.parametrize("change", [("--steps", "0"), ("--seeds", "0"), ("--every", "-1")])
def test_numbers_that_make_no_sense(tmp_path, change):
    with pytest.raises(SystemExit, match=f"{change[0].removeprefix('--')} is 1 or more"):
        command(tmp_path / "table.csv", *change)


LONGER = module.RESULTS.with_name("ablations_longer.csv")


@pytest.mark.parametrize("path", [module.RESULTS, LONGER], ids=lambda path: path.stem)
def test_a_stored_table_is_whole_and_made_by_the_recipes_of_today(path):
    results = load_results(path)
    assert results.facts["recipes"] == json.loads(
        json.dumps({name: module._as_json(recipe) for name, recipe in RECIPES.items()})
    )
    assert results.recipes == list(RECIPES) == list(load_samples(path))
    looks = len(results.steps)
    for name in RECIPES:
        distances = results.curve(name, "distance")
        assert distances.shape == (3, looks) and np.isfinite(distances).all()
    assert len(results.rows) == 3 * looks * len(RECIPES)
    for option in (f"--steps {results.steps[-1]}", "--recipe all", "--seeds 3"):
        assert option in results.facts["command"]
    assert not re.search(r"/(root|tmp|work|home|Users)\b", json.dumps(results.facts))
    sizes = [each.stat().st_size for each in path.parent.glob(f"{path.stem}.*")]
    assert len(sizes) == 2 and max(sizes) < 350_000


def test_the_longer_table_is_the_shorter_one_gone_on():
    shorter, longer = load_results(), load_results(LONGER)
    both = [step for step in shorter.steps if step in longer.steps]
    assert both and longer.steps[-1] > 4 * shorter.steps[-1]
    for name in RECIPES:
        for step in both:
            for column in ("distance", "sure", "digits", "grey", "parameters"):
                found = [each.values(name, column, step) for each in (shorter, longer)]
                assert np.array_equal(*found), (name, step, column)

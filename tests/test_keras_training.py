"""The Keras trainer: what a step computes, and that no run is lost, whatever happens to it."""

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from helpers import runs
from helpers.keras import keras, tf, training
from helpers.keras.augment import diff_augment
from helpers.keras.losses import fake_loss, generator_loss, real_loss
from helpers.keras.training import Trainer, build_networks, sample_images, train, train_step
from helpers.recipes import NUMBERS, RECIPES, Recipe

ROOT = Path(__file__).parents[1]
layers = keras.layers

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 2, 2), dtype=np.uint8)
QUICK = {"batch_size": 16, "progress": False, "log_every": 3}


def networks(seed=0, batch_norm=True, dropout=True):
    """Images of 2 x 2 pixels from 4 numbers: small networks are traced quickly.

    Dropout, so that the networks draw random numbers too. The DCGAN itself is trained by the test
    of the command line.
    """
    keras.utils.set_random_seed(seed)
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(12)])
    discriminator = keras.Sequential([keras.Input((2, 2, 3)), layers.Flatten(), layers.Dense(6)])
    if batch_norm:
        generator.add(layers.BatchNormalization())
    if dropout:
        discriminator.add(layers.Dropout(0.3))
    generator.add(layers.Activation("tanh"))
    generator.add(layers.Reshape((2, 2, 3)))
    discriminator.add(layers.LeakyReLU())
    discriminator.add(layers.Dense(1))
    return generator, discriminator


def weights(*networks):
    return [w.numpy() for network in networks for w in network.variables]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def trained(steps=7, seed=0, **options):
    """All weights of both networks after training."""
    found = networks()
    train(*found, IMAGES, steps=steps, seed=seed, **(QUICK | options))
    return weights(*found)


def reals(count):
    return tf.cast(IMAGES[:count].transpose(0, 2, 3, 1), tf.float32) / 127.5 - 1


def sgd(learning_rate=0.1):
    return keras.optimizers.SGD(learning_rate)


def start_python(code, *arguments):
    code = "import sys\n" + code
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


# --- one step ---


def test_a_step_descends_both_losses_from_where_the_networks_stood():
    generator, discriminator = networks(batch_norm=False, dropout=False)
    images, z = reals(8), tf.random.normal((8, 4))
    with tf.GradientTape(persistent=True) as tape:
        fakes = generator(z, training=True)
        d_loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))
        g_loss = generator_loss(discriminator(fakes))
    expected = []
    for network, loss in ((generator, g_loss), (discriminator, d_loss)):
        gradients = tape.gradient(loss, [w.value for w in network.trainable_variables])
        expected += [
            w.numpy() - 0.1 * dw
            for w, dw in zip(network.trainable_variables, gradients, strict=True)
        ]
    got = train_step(generator, discriminator, images, sgd(), sgd(), 4, z)
    np.testing.assert_allclose(got, (d_loss, g_loss), rtol=1e-6)
    for weight, value in zip(weights(generator, discriminator), expected, strict=True):
        np.testing.assert_allclose(weight, value, atol=1e-6)


@pytest.mark.parametrize("augment_fakes", [True, False])
def test_an_augmented_step_descends_the_losses_on_augmented_images(augment_fakes):
    policy = ("color", "flip")
    generator, discriminator = networks(batch_norm=False, dropout=False)
    images, z = reals(8), tf.random.normal((8, 4))
    numbers = tf.random.uniform((2, 8, NUMBERS))
    with tf.GradientTape(persistent=True) as tape:
        fakes = generator(z, training=True)
        if augment_fakes:
            fakes = diff_augment(fakes, policy, numbers[1])
        real_logits = discriminator(diff_augment(images, policy, numbers[0]))
        d_loss = real_loss(real_logits, smooth=True) + fake_loss(discriminator(fakes))
        g_loss = generator_loss(discriminator(fakes))
    expected = []
    for network, loss in ((generator, g_loss), (discriminator, d_loss)):
        gradients = tape.gradient(loss, [w.value for w in network.trainable_variables])
        expected += [
            w.numpy() - 0.1 * dw
            for w, dw in zip(network.trainable_variables, gradients, strict=True)
        ]
    recipe = Recipe("some", policy, augment_fakes, smooth=True)
    before = weights(generator)
    got = train_step(
        generator, discriminator, images, sgd(), sgd(), 4, z, recipe=recipe, numbers=numbers
    )
    np.testing.assert_allclose(got, (d_loss, g_loss), rtol=1e-6)
    for weight, value in zip(weights(generator, discriminator), expected, strict=True):
        np.testing.assert_allclose(weight, value, atol=1e-6)
    assert all((a != b).any() for a, b in zip(weights(generator), before, strict=True))


def test_augmentation_draws_in_every_call_of_the_graph_and_for_each_image():
    generator, discriminator = networks(batch_norm=False, dropout=False)
    optimizers = sgd(0.0), sgd(0.0)
    for optimizer, network in zip(optimizers, (generator, discriminator), strict=True):
        optimizer.build(network.trainable_variables)
    images, z = tf.repeat(reals(1), 8, axis=0), tf.zeros((8, 4))
    step = tf.function(
        lambda recipe: train_step(
            generator, discriminator, images, *optimizers, 4, z, recipe=recipe
        )
    )
    for augment_fakes, different in ((True, 4), (False, 1)):
        recipe = Recipe("some", ("color",), augment_fakes)
        losses = [[float(loss) for loss in step(recipe)] for _ in range(4)]
        assert len({d_loss for d_loss, _ in losses}) == 4
        assert len({g_loss for _, g_loss in losses}) == different  # only if the fakes are changed


def test_a_recipe_reaches_the_trainer_and_a_resumed_run_ends_with_the_same_bits(tmp_path):
    recipe = Recipe("some", ("color", "flip"), smooth=True, images=20)
    options = {"recipe": recipe, "out": tmp_path}
    trained(steps=3, **options)
    resumed = trained(steps=7, resume=True, **options)
    assert same(resumed, trained(steps=7, recipe=recipe))
    for other in (Recipe(), Recipe("other", ("color", "flip"), images=20)):
        assert not same(resumed, trained(steps=7, recipe=other))
    with pytest.raises(runs.CheckpointError, match="augmentation"):
        trained(steps=8, out=tmp_path, resume=True)
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES.transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="take"):
        Trainer(*networks(), dataset.batch(16, drop_remainder=True), recipe=recipe)
    gap, plain = (
        build_networks(RECIPES[name], 5, 2)[1] for name in ("global-average-pooling", "baseline")
    )
    assert plain.count_params() - gap.count_params() == 15 * 8


def test_a_step_is_the_same_in_a_graph_and_under_xla_for_batches_of_any_size():
    after = []
    for wrap in (lambda step: step, tf.function, partial(tf.function, jit_compile=True)):
        generator, discriminator = networks(dropout=False)
        step, g_optimizer, d_optimizer = wrap(train_step), sgd(), sgd()
        for optimizer, network in ((g_optimizer, generator), (d_optimizer, discriminator)):
            optimizer.build(network.trainable_variables)
        for count in (16, 5):
            z = tf.random.stateless_normal((count, 4), seed=[1, count])
            losses = step(generator, discriminator, reals(count), g_optimizer, d_optimizer, 4, z)
        after.append([*weights(generator, discriminator), *losses])
    for eager, graph, xla in zip(*after, strict=True):
        np.testing.assert_allclose(eager, graph, atol=1e-5)
        np.testing.assert_allclose(eager, xla, atol=1e-5)


def test_noise_is_drawn_in_every_call_of_the_graph():
    generator, discriminator = networks(batch_norm=False, dropout=False)
    optimizers = sgd(0.0), sgd(0.0)
    for optimizer, network in zip(optimizers, (generator, discriminator), strict=True):
        optimizer.build(network.trainable_variables)
    step = tf.function(lambda images: train_step(generator, discriminator, images, *optimizers, 4))
    assert len({float(step(reals(8))[1]) for _ in range(4)}) == 4


def test_running_statistics_move_in_training_only():
    generator, discriminator = networks()
    (norm,) = (layer for layer in generator.layers if isinstance(layer, layers.BatchNormalization))
    train_step(generator, discriminator, reals(8), sgd(), sgd(), 4)
    moved = norm.moving_mean.numpy()
    assert moved.all()
    z = tf.random.normal((5, 4))
    together = sample_images(generator, z)
    assert together.dtype == tf.uint8 and together.shape == (5, 2, 2, 3)
    np.testing.assert_array_equal(together[:1], sample_images(generator, z[:1]))
    np.testing.assert_array_equal(norm.moving_mean.numpy(), moved)


# --- a run ---


def test_training_moves_all_weights_and_the_discriminator_learns():
    generator, discriminator = networks()
    before = weights(generator, discriminator)
    white = np.full((200, 3, 2, 2), 255, np.uint8)
    history = train(
        generator, discriminator, white, steps=20, learning_rate=0.01, progress=False, log_every=5
    )
    assert history.steps == [5, 10, 15, 20]
    assert history.d_losses[0] > 1.2 * history.d_losses[-1]
    assert all(speed > 0 for speed in history.images_per_second)
    after = weights(generator, discriminator)
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_a_seed_repeats_a_run_and_the_channels_may_come_last():
    first = trained(seed=3)
    assert same(first, trained(seed=3))
    assert not same(first, trained(seed=4))
    found = networks()
    train(*found, np.ascontiguousarray(IMAGES.transpose(0, 2, 3, 1)), steps=7, seed=3, **QUICK)
    assert same(first, weights(*found))


def test_every_pass_takes_each_image_once_in_another_order():
    data = Trainer(*networks(), IMAGES[:20], batch_size=5)._data
    batches = [
        data.select(data.for_step(step), tf.constant(step), 0).numpy().reshape(5, -1)
        for step in range(8)
    ]
    flat = IMAGES[:20].transpose(0, 2, 3, 1).reshape(20, -1)
    for first in (0, 4):
        seen = np.concatenate(batches[first : first + 4])
        assert sorted(map(tuple, seen)) == sorted(map(tuple, flat))
    assert (np.concatenate(batches[:4]) != np.concatenate(batches[4:])).any()


def test_a_run_under_xla():
    generator, discriminator = networks()
    before = weights(generator, discriminator)
    history = train(generator, discriminator, IMAGES, steps=2, jit_compile=True, **QUICK)
    assert np.isfinite(history.d_losses + history.g_losses).all()
    after = weights(generator, discriminator)
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_dataset_of_batches_trains_and_resumes_in_its_own_seeded_order(tmp_path, dtype):
    def dataset():
        images = IMAGES.transpose(0, 2, 3, 1)
        if dtype == "float32":
            images = images.astype(np.float32) / 127.5 - 1
        keras.utils.set_random_seed(0)
        whole = tf.data.Dataset.from_tensor_slices(images)
        return whole.shuffle(50, seed=1).batch(16, drop_remainder=True)

    def go(found, steps, **options):
        train(*found, dataset(), steps=steps, progress=False, **options)
        return weights(*found)

    go(networks(), 4, out=tmp_path)
    assert same(go(networks(), 8), go(networks(seed=9), 8, out=tmp_path, resume=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES.astype(np.float32)}, "images are uint8"),
        ({"images": IMAGES[0]}, "images are uint8"),
        ({"images": np.zeros((50, 1, 2, 2), np.uint8)}, "images are uint8"),
        ({"images": IMAGES[:9]}, "9 images are fewer than a batch of 16"),
        ({"images": tf.data.Dataset.range(9)}, "elements are batches of one size"),
        ({"images": tf.data.Dataset.from_tensors((0, 1))}, "leave labels out"),
        (
            {"images": tf.data.Dataset.from_tensor_slices(IMAGES).batch(16)},
            "drop_remainder=True",
        ),
        ({"batch_size": 1}, "batch_size is 2 or more"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
        ({"log_every": 0}, "log_every is 1 or more steps, not 0"),
        ({"resume": True}, "resume needs out"),
    ],
)
def test_impossible_arguments_are_refused(change, message):
    arguments = {"images": IMAGES, "steps": 1, **QUICK, **change}
    with pytest.raises(ValueError, match=message):
        train(*networks(), **arguments)


# --- checkpoints ---


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    trained(steps=3, out=tmp_path)
    found = networks(seed=9)  # other first weights, which the checkpoint replaces
    history = train(*found, IMAGES, steps=7, out=tmp_path, resume=True, **QUICK)
    assert same(weights(*found), trained(steps=7))
    assert history.steps == [3, 6, 7]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [3, 6, 7]
    assert (tmp_path / "samples" / "step_00000007.png").stat().st_size > 0
    assert (tmp_path / "curves.png").stat().st_size > 0


KILLED = """
from tests.test_keras_training import IMAGES, QUICK, networks
from helpers.keras.training import train
train(*networks(), IMAGES, steps=100_000, out=sys.argv[1], checkpoint_every=1, **QUICK)
"""


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path):
    process = start_python(KILLED, tmp_path)
    deadline = time.monotonic() + 300
    while len(list(tmp_path.glob("checkpoints/*.safetensors"))) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.2))  # while one is written, or not
    process.kill()
    process.communicate()
    reached = runs.newest_checkpoint(tmp_path / "checkpoints", "keras").step
    found = networks(seed=9)
    train(*found, IMAGES, steps=reached + 2, out=tmp_path, resume=True, **QUICK)
    assert same(weights(*found), trained(steps=reached + 2))


def test_ctrl_c_ends_the_step_saves_and_says_how_to_go_on(tmp_path, monkeypatch):
    step, before = Trainer.step, signal.getsignal(signal.SIGINT)

    def interrupted(self):
        losses = step(self)
        if self.steps_done == 4:
            signal.raise_signal(signal.SIGINT)
        return losses

    monkeypatch.setattr(Trainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="step_00000004.*--resume"):
        trained(steps=7, out=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt, match="Nothing was saved"):
        trained(steps=7)
    monkeypatch.undo()
    assert same(trained(steps=7, out=tmp_path, resume=True), trained(steps=7))


def test_losses_that_explode_stop_the_run_and_leave_the_last_good_checkpoint(tmp_path):
    trained(steps=2, out=tmp_path)
    (good,) = (tmp_path / "checkpoints").iterdir()
    trainer_step = Trainer.step

    def broken(self):
        if self.steps_done == 4:
            self.discriminator.weights[0].assign(np.full((12, 6), np.nan))
        return trainer_step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", broken)
        with pytest.raises(runs.TrainingStopped, match=f"At step 5 .*nan.*{good.name}"):
            trained(steps=9, out=tmp_path, resume=True)
    assert list((tmp_path / "checkpoints").iterdir()) == [good]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    trained(steps=4, out=tmp_path, checkpoint_every=2)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-9])
    with pytest.warns(UserWarning, match=f"damaged.*Using {older.name}"):
        assert same(trained(out=tmp_path, resume=True), trained())


def _rewrite(folder, **changes):
    """The only checkpoint of a run, with other facts."""
    (path,) = (folder / "checkpoints").iterdir()
    found = runs.read_checkpoint(path)
    facts = {**found.facts, **changes}
    runs.write_checkpoint(folder / "checkpoints", found.step, found.arrays, facts)


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda folder: None, {"resume": False}, "holds a run already"),
        (lambda folder: None, {"seed": 5}, "seed=0, not 5"),
        (lambda folder: None, {"batch_size": 8}, "batch_size=16, not 8"),
        (
            lambda folder: _rewrite(folder, framework="pytorch"),
            {},
            "written by the pytorch trainer",
        ),
        (lambda folder: next(folder.glob("*/*.safetensors")).write_bytes(b"junk"), {}, "damaged"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_refused(tmp_path, spoil, options, message):
    trained(steps=1, out=tmp_path)
    spoil(tmp_path)
    with pytest.raises(runs.CheckpointError, match=message):
        trained(**{"out": tmp_path, "resume": True, **options})


def test_a_newer_checkpoint_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "CHECKPOINT_VERSION", 99)
    trained(steps=1, out=tmp_path)
    monkeypatch.undo()
    with pytest.raises(runs.CheckpointError, match="newer version of the course"):
        trained(out=tmp_path, resume=True)


def test_a_checkpoint_of_other_networks_is_refused_and_changes_nothing(tmp_path):
    trained(steps=1, out=tmp_path)
    others = networks(batch_norm=False, dropout=False)
    before = weights(*others)
    with pytest.raises(runs.CheckpointError, match="holds other networks: .* has shape"):
        train(*others, IMAGES, steps=2, out=tmp_path, resume=True, **QUICK)
    assert same(weights(*others), before)


# --- several devices, the command line ---

ON_TWO_CPUS = """
import tensorflow
(cpu,) = tensorflow.config.list_physical_devices("CPU")
tensorflow.config.set_logical_device_configuration(
    cpu, [tensorflow.config.LogicalDeviceConfiguration()] * 2
)
import numpy as np
from helpers.keras import tf
from helpers.keras.training import Trainer, pick_strategy, train
from tests.test_keras_training import IMAGES, QUICK, networks

def go(strategy, steps, **options):
    with strategy.scope():
        found = networks(batch_norm=False, dropout=False)
    history = train(*found, IMAGES, steps=steps, **QUICK, **options)
    return [w.numpy() for network in found for w in network.variables], history

strategy = pick_strategy()
assert strategy.num_replicas_in_sync == 2, strategy
one, one_history = go(tf.distribute.get_strategy(), 3)
two, two_history = go(strategy, 3)
# Without batch normalisation the mean over two halves of a batch is the mean over the batch.
for a, b in zip(one, two, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
np.testing.assert_allclose(one_history.d_losses, two_history.d_losses, rtol=1e-5)
with strategy.scope():
    images, order = Trainer(*networks(), IMAGES, batch_size=16)._data.for_step(0)
for copies in (images, order):
    assert [copy.device[-1] for copy in copies.values] == ["0", "1"], copies
go(strategy, 2, out=sys.argv[1])
resumed, _ = go(strategy, 3, out=sys.argv[1], resume=True)
assert all((a == b).all() for a, b in zip(resumed, two, strict=True))
try:
    train(*networks(), IMAGES, steps=1, batch_size=16, jit_compile=True, progress=False)
    with strategy.scope():
        found = networks()
    train(*found, IMAGES, steps=1, batch_size=15, progress=False)
except ValueError as error:
    print(error)
"""


def test_two_devices_share_a_batch(tmp_path):
    process = start_python(ON_TWO_CPUS, tmp_path)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert said == "batch_size is 2 or more and a multiple of the 2 devices, not 15.\n"


SMALL = ["--count=40", "--batch-size=8", "--conv-dim=1", "--latent-dim=3", "--out"]


def test_the_command_line_trains_the_dcgan_and_resumes(tmp_path, monkeypatch, capsys):
    out = str(tmp_path / "run")
    command = [sys.executable, "-m", "helpers.keras.training", *SMALL, out, "--steps", "2"]
    environment = {name: value for name, value in os.environ.items() if "TF_" not in name}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{out}: 2 steps, D 1.")
    # Nothing but the bar: TensorFlow says nothing.
    assert all("step" in line for line in done.stderr.replace("\r", "\n").split("\n") if line)

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["training", *arguments])
        training.main()

    with pytest.raises(SystemExit, match="holds a run already: go on with it"):
        main(*SMALL, out)
    main(*SMALL, out, "--steps", "3", "--resume")
    assert f"{out}: 3 steps" in capsys.readouterr().out
    found = sorted(path.name for path in Path(out).iterdir())
    assert found == [
        "checkpoints", "curves.png", "discriminator.keras", "generator.keras", "metrics.jsonl",
        "samples",
    ]  # fmt: skip
    loaded = keras.models.load_model(Path(out) / "generator.keras")
    newest = runs.newest_checkpoint(Path(out) / "checkpoints", "keras")
    stored = [array for name, array in newest.arrays.items() if name.startswith("generator.")]
    assert newest.step == 3 and same(sorted_by_size(weights(loaded)), sorted_by_size(stored))


def sorted_by_size(arrays):
    return sorted(arrays, key=lambda array: (array.size, array.tobytes()))


def test_help_names_every_option(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["training", "--help"])
    with contextlib.suppress(SystemExit):
        training.main()
    said = capsys.readouterr().out
    for option in ("data", "steps", "batch-size", "out", "resume", "seed", "jit-compile"):
        assert f"  --{option}" in said
    assert "python -m helpers.keras.training" in said


def test_the_twins_arguments_have_the_same_names_and_defaults():
    def keyword_arguments(framework):
        text = (ROOT / "helpers" / framework / "training.py").read_text(encoding="utf-8")
        (node,) = (
            n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == "train"
        )
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        return {arg.arg: default and ast.unparse(default) for arg, default in pairs}

    ours, theirs = keyword_arguments("keras"), keyword_arguments("pytorch")
    assert ours.keys() - theirs.keys() == {"jit_compile"}
    assert {name: theirs[name] for name in ours.keys() & theirs.keys()} == {
        name: default for name, default in ours.items() if name != "jit_compile"
    }

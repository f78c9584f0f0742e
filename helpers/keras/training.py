"""Train a DCGAN in Keras, from Python or the command line; twin of ``helpers.pytorch.training``.

    from helpers.keras.training import train

    history = train(build_generator(), build_discriminator(), images, steps=1000)

    python -m helpers.keras.training --data street_digits --steps 20000 --out runs/keras
    python -m helpers.keras.training --data street_digits --steps 30000 --out runs/keras --resume

What a step computes is in ``train_step``: one forward pass through both networks, a tape for each
of the two losses, an update of each network. Both gradients are taken of the networks as they were
before the step, whereas the PyTorch twin's generator already meets the updated discriminator.

Around it stands what makes it quick: the step is a graph (``tf.function``); images stay on the
device as bytes and are gathered and scaled there, batch by batch; no loss is read back until it is
to be shown, since every ``.numpy()`` waits for the device.

Every step's random numbers follow from the run's seed and the step's number alone. So a run that
goes on from a checkpoint ends with the same bits, on the same CPU, as one that never stopped. (On a
GPU some of TensorFlow's kernels add in any order, unless
``tf.config.experimental.enable_op_determinism()`` was called first, which costs speed.)

With several devices, build the networks under a strategy, and ``train`` uses it too::

    with pick_strategy().scope():
        generator, discriminator = build_generator(), build_discriminator()

Source: I. Goodfellow et al., "Generative adversarial networks", 2014, arXiv:1406.2661; A. Radford,
L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
adversarial networks", 2015, arXiv:1511.06434 (Adam's learning rate 0.0002 and beta_1 0.5).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    # On CPUs without AVX-512 TensorFlow leaves oneDNN off, with which training is nearly twice as
    # quick. Not in the lessons: its max pooling ends Python where nothing is left to pool.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from helpers import runs
from helpers.keras import keras, tf
from helpers.keras.augment import diff_augment, draw
from helpers.keras.discriminator import build_discriminator
from helpers.keras.generator import build_generator
from helpers.keras.losses import fake_loss, generator_loss, real_loss
from helpers.recipes import BASELINE, NUMBERS, RECIPES, Recipe
from helpers.runs import History


def build_networks(
    recipe: Recipe = BASELINE, latent_dim: int = 100, conv_dim: int = 32, image_size: int = 32
) -> tuple[keras.Model, keras.Model]:
    """The generator and the discriminator that a recipe asks for, with the paper's first weights.

    The other arguments are those of ``build_generator`` and ``build_discriminator``.
    """
    generator = build_generator(
        latent_dim, conv_dim, image_size=image_size, batch_norm=recipe.batch_norm
    )
    discriminator = build_discriminator(conv_dim, image_size, recipe.batch_norm, recipe.head)
    return generator, discriminator


def train_step(
    generator: keras.Model,
    discriminator: keras.Model,
    images: tf.Tensor,
    g_optimizer: keras.optimizers.Optimizer,
    d_optimizer: keras.optimizers.Optimizer,
    latent_dim: int,
    z: tf.Tensor | None = None,
    recipe: Recipe = BASELINE,
    numbers: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update both networks once, each by the gradient of its own loss.

    images : float (N, H, W, 3) in [-1, 1]. z : (N, latent_dim), by default drawn from N(0, 1) anew
    in every call. recipe : how images are augmented, and the target for the real ones. numbers :
    (2, N, 8) in [0, 1), the augmentation's random numbers for the real images and for the fakes, by
    default drawn too; both losses see the fakes augmented alike (in PyTorch the generator's draws
    anew). Returns (d_loss, g_loss), scalars in nats, as they were before the update.

    ``training=True`` in all three calls: batch normalisation uses the batch's own statistics and
    moves its running ones. The discriminator sees the real images and the fakes as two batches.
    Under ``tf.function`` the graph keeps of each tape only what its gradient needs.
    """
    if z is None:
        z = tf.random.normal((tf.shape(images)[0], latent_dim))
    if numbers is None and recipe.augmentation:
        numbers = tf.reshape(draw(2 * tf.shape(images)[0]), (2, -1, NUMBERS))
    with tf.GradientTape() as d_tape, tf.GradientTape() as g_tape:
        fakes = generator(z, training=True)
        if recipe.augmentation:
            images = diff_augment(images, recipe.augmentation, numbers[0])
            if recipe.augment_fakes:
                fakes = diff_augment(fakes, recipe.augmentation, numbers[1])
        real_logits = discriminator(images, training=True)
        fake_logits = discriminator(fakes, training=True)
        d_loss = real_loss(real_logits, recipe.smooth) + fake_loss(fake_logits)
        g_loss = generator_loss(fake_logits)

    # Each loss is differentiated by one network's weights: the other is held fixed.
    d_weights, g_weights = discriminator.trainable_variables, generator.trainable_variables
    d_gradients = d_tape.gradient(d_loss, d_weights)
    g_gradients = g_tape.gradient(g_loss, g_weights)
    d_optimizer.apply(d_gradients, d_weights)
    g_optimizer.apply(g_gradients, g_weights)
    return d_loss, g_loss


def sample_images(generator: keras.Model, z: tf.Tensor) -> tf.Tensor:
    """Images from z, to be looked at: (N, latent_dim) -> uint8 (N, H, W, 3).

    With ``training=False``, so that an image does not depend on the others in its batch.
    """
    images = tf.cast(generator(z, training=False), tf.float32)
    return tf.cast(tf.clip_by_value(tf.round((images + 1) * 127.5), 0, 255), tf.uint8)


def pick_strategy() -> tf.distribute.Strategy:
    """``MirroredStrategy`` on all GPUs where there are several, else TensorFlow's default.

    Several logical CPUs count too where there is no GPU: with them it can be tried out.
    """
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def train(
    generator: keras.Model,
    discriminator: keras.Model,
    images: np.ndarray | tf.data.Dataset,
    *,
    steps: int,
    batch_size: int = 128,
    latent_dim: int | None = None,
    learning_rate: float = 2e-4,
    beta_1: float = 0.5,
    recipe: Recipe = BASELINE,
    seed: int = 0,
    jit_compile: bool | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    log_every: int = 50,
    sample_every: int = 500,
    checkpoint_every: int = 500,
    progress: bool = True,
) -> History:
    """Train both networks in place and return the losses.

    Parameters
    ----------
    generator : (N, latent_dim) -> (N, H, W, 3) in (-1, 1). discriminator : images -> logits (N, 1).
    images : uint8 (M, 3, H, W), as ``load_images`` gives them, or (M, H, W, 3), with M at least
        batch_size; kept on the device. Or a ``tf.data.Dataset`` of batches of one size, uint8 or
        floats in [-1, 1], (N, H, W, 3); it is repeated as often as need be.
    steps : updates of each network, counted from the start of the run also when it resumes.
    batch_size : real images per step, over all devices; as many fakes. A dataset has its own.
    latent_dim : by default the size of the generator's input.
    learning_rate, beta_1 : Adam's, for both networks.
    recipe : what the discriminator sees of the images, its target for the real ones, and how many
        images there are (not of a dataset). How the networks are built is ``build_networks``' part.
    jit_compile : compile the step with XLA, which takes some seconds at the first step; by default
        on a single GPU only, where it makes few kernels out of many. XLA draws other random numbers
        from the same seed.
    out : folder for metrics, samples, curves and checkpoints (see ``helpers.runs``); None: nothing
        is written.
    resume : go on from the newest usable checkpoint in ``out``, or start where there is none. A
        dataset is read from its start up to that step; if it shuffles, give it a seed, and set
        TensorFlow's too, by ``keras.utils.set_random_seed``, before it is made.
    log_every, sample_every, checkpoint_every : in steps.
    progress : show a bar with images per second and both losses.

    Raises
    ------
    ValueError
        For images of another type or shape, or fewer than a batch; for numbers that make no sense.
    helpers.runs.TrainingStopped
        When a loss is not finite, or exploded; the message names the step and the checkpoint.
    helpers.runs.CheckpointError
        When no checkpoint can be used, or the run to go on with had other settings, or ``out``
        holds a run already and ``resume`` is False.
    KeyboardInterrupt
        After Ctrl-C, once the step is done and saved. A second one stops at once.
    """
    if resume and out is None:
        raise ValueError("resume needs out, the folder of the run to go on with.")
    runs.require_positive(
        log_every=log_every, sample_every=sample_every, checkpoint_every=checkpoint_every
    )
    trainer = Trainer(
        generator,
        discriminator,
        images,
        batch_size=batch_size,
        latent_dim=latent_dim,
        learning_rate=learning_rate,
        beta_1=beta_1,
        recipe=recipe,
        seed=seed,
        jit_compile=jit_compile,
    )
    folder = None
    if out is not None:
        # The same z for every grid, whatever the run's seed.
        z = tf.random.stateless_normal((100, trainer.latent_dim), seed=[0, 0], alg="philox")
        folder = runs.RunFolder(
            out,
            trainer,
            framework="keras",
            versions={"tensorflow": tf.__version__, "keras": keras.__version__},
            sample=lambda: sample_images(generator, z).numpy().transpose(0, 3, 1, 2),
            resume=resume,
            sample_every=sample_every,
            checkpoint_every=checkpoint_every,
        )
    return runs.lead(trainer, steps, folder, log_every, progress)


class Trainer:
    """Both networks, their optimisers and the images: what a training step needs.

    ``step()`` trains on one batch; ``state()`` and ``restore()`` give and take all that the next
    step depends on, as NumPy arrays. The arguments are those of ``train``.
    """

    is_first_process = True  # there is one process, whatever the number of devices

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        images: np.ndarray | tf.data.Dataset,
        *,
        batch_size: int = 128,
        latent_dim: int | None = None,
        learning_rate: float = 2e-4,
        beta_1: float = 0.5,
        recipe: Recipe = BASELINE,
        seed: int = 0,
        jit_compile: bool | None = None,
    ) -> None:
        if seed < 0:
            raise ValueError(f"seed is 0 or more, not {seed}.")
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim = generator.input_shape[-1] if latent_dim is None else latent_dim
        self.recipe, self.seed, self.steps_done = recipe, seed, 0
        self.strategy = _strategy_of(generator, discriminator)
        devices = self.strategy.num_replicas_in_sync
        if isinstance(images, tf.data.Dataset):
            if recipe.images is not None:
                raise ValueError("recipe.images is for arrays; give the dataset .take(...).")
            self._data = _FromDataset(images, self.strategy)
        else:
            self._data = _OnDevice(images[: recipe.images], batch_size, seed, self.strategy)
        self.batch_size = self._data.batch_size
        if self.batch_size < 2 or self.batch_size % devices:
            raise ValueError(
                f"batch_size is 2 or more and a multiple of the {devices} devices, "
                f"not {self.batch_size}."
            )
        #: What a run must have in common with the one that it goes on from.
        self.settings = {
            "batch_size": self.batch_size,
            "latent_dim": self.latent_dim,
            "learning_rate": learning_rate,
            "beta_1": beta_1,
            **recipe.settings,
            "seed": seed,
            "devices": devices,
            "images": self._data.images,
            "data": self._data.fingerprint,
        }
        with self.strategy.scope():
            # A loss is a mean over one device's share of the batch, and Keras adds the devices'
            # gradients up; loss_scale_factor divides them, which makes a mean over the whole batch.
            self.g_optimizer, self.d_optimizer = (
                keras.optimizers.Adam(
                    learning_rate, beta_1, loss_scale_factor=devices if devices > 1 else None
                )
                for _ in range(2)
            )
            self.g_optimizer.build(generator.trainable_variables)
            self.d_optimizer.build(discriminator.trainable_variables)
        if jit_compile is None:
            jit_compile = devices == 1 and bool(tf.config.list_logical_devices("GPU"))
        elif jit_compile and devices > 1:
            raise ValueError("jit_compile is for one device: XLA does not compile what they share.")
        # partial: many trainers in one program are no reason to warn of "retracing".
        self._graph = tf.function(
            partial(self._step_on_all_devices), autograph=False, jit_compile=jit_compile
        )

    def step(self) -> tf.Tensor:
        """Train both networks on the next batch. Returns both losses, (2,), on the device."""
        data = self._data.for_step(self.steps_done)
        losses = self._graph(tf.constant(self.steps_done), data)
        self.steps_done += 1
        return losses

    def read(self, losses: Sequence[tf.Tensor]) -> np.ndarray:
        """The losses of several steps, (steps, 2). Waits for the device."""
        return tf.stack(list(losses)).numpy()

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on, by name."""
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def restore(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Go back to a ``state()`` after ``step`` steps.

        Raises CheckpointError if it is another network's; then nothing has changed.
        """
        variables = self._variables()
        ours = {name: tuple(variable.shape) for name, variable in variables.items()}
        theirs = {name: array.shape for name, array in arrays.items()}
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                raise runs.CheckpointError(
                    f"The checkpoint holds other networks: {name} has shape {theirs.get(name)} "
                    f"there and {ours.get(name)} here (None: it is missing). Build the networks "
                    "as they were, or give this run another folder."
                )
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self.steps_done = step

    def any_process(self, yes: bool, ask_others: bool) -> bool:
        """Whether any process says yes; there is one."""
        return yes

    def _step_on_all_devices(self, step: tf.Tensor, data: Any) -> tf.Tensor:
        losses = self.strategy.run(self._step_on_one_device, args=(step, data))
        return self.strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

    def _step_on_one_device(self, step: tf.Tensor, data: Any) -> tf.Tensor:
        devices = self.strategy.num_replicas_in_sync
        device = tf.distribute.get_replica_context().replica_id_in_sync_group
        images = self._data.select(data, step, device)
        share = tf.shape(images)[0]
        # The whole batch's noise, of which every device takes its share.
        z = tf.random.stateless_normal(
            (share * devices, self.latent_dim), seed=[self.seed, step], alg="philox"
        )
        numbers = None
        if self.recipe.augmentation:
            # Of another seed: of the same one they would be the noise in other clothes.
            seed = tf.random.experimental.stateless_fold_in([self.seed, step], 1, alg="philox")
            numbers = tf.random.stateless_uniform(
                (2, share * devices, NUMBERS), seed=seed, alg="philox"
            )[:, device * share : (device + 1) * share]
        losses = train_step(
            self.generator,
            self.discriminator,
            scale_uint8(images) if images.dtype == tf.uint8 else images,
            self.g_optimizer,
            self.d_optimizer,
            self.latent_dim,
            z[device * share : (device + 1) * share],
            self.recipe,
            numbers,
        )
        return tf.stack(losses)

    def _variables(self) -> dict[str, Any]:
        found = {
            f"{name}.{number}.{variable.name}": variable
            for name in ("generator", "discriminator")
            for number, variable in enumerate(getattr(self, name).variables)
        }
        # Without their names, which count how many layers of a kind were made before.
        return found | {
            f"{name}.{number}": variable
            for name in ("g_optimizer", "d_optimizer")
            for number, variable in enumerate(getattr(self, name).variables)
        }


def scale_uint8(images: tf.Tensor) -> tf.Tensor:
    """Bytes to floats in [-1, 1]: ``images / 127.5 - 1``, as float32."""
    return tf.cast(images, tf.float32) / 127.5 - 1


class _OnDevice:
    """Images as bytes on every device. A pass takes each once, the next in another order."""

    def __init__(
        self, images: np.ndarray, batch_size: int, seed: int, strategy: tf.distribute.Strategy
    ) -> None:
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or 3 not in images.shape[1::2]:
            raise ValueError(
                "images are uint8 of shape (N, 3, H, W) or (N, H, W, 3), not "
                f"{images.dtype} {images.shape}: load_images gives such ones."
            )
        if len(images) < batch_size:
            raise ValueError(f"{len(images)} images are fewer than a batch of {batch_size}.")
        if images.shape[3] != 3:
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.images, self.batch_size = len(images), batch_size
        self.fingerprint: str | None = runs.fingerprint(images)
        self._seed, self._epoch = seed, -1
        self._strategy = strategy
        self._share = batch_size // strategy.num_replicas_in_sync
        self._all = self._on_every_device(images)

    def for_step(self, step: int) -> Any:
        """What ``select`` needs: all images, and the order of this pass through them."""
        epoch = step // (self.images // self.batch_size)
        if epoch != self._epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(self.images)
            self._epoch, self._order = epoch, self._on_every_device(order)
        return self._all, self._order

    def select(self, data: Any, step: tf.Tensor, device: int | tf.Tensor) -> tf.Tensor:
        """One device's share of the step's batch, on the device."""
        images, order = data
        place = step % (self.images // self.batch_size)
        first = place * self.batch_size + device * self._share
        # Not a slice: XLA would compile the step anew for every place where one begins.
        chosen = tf.gather(order, first + tf.range(self._share))
        return tf.gather(images, chosen)

    def _on_every_device(self, array: np.ndarray) -> Any:
        if self._strategy.num_replicas_in_sync == 1:
            return tf.constant(array)

        def place(context: tf.distribute.InputContext) -> tf.Tensor:
            devices = self._strategy.extended.worker_devices
            with tf.device(devices[context.replica_id_in_sync_group]):
                return tf.constant(array)

        return self._strategy.experimental_distribute_values_from_function(place)


class _FromDataset:
    """Batches of a ``tf.data.Dataset``, as often round as need be."""

    images = "a tf.data.Dataset"
    fingerprint = None  # what it will yield is not known before

    def __init__(self, dataset: tf.data.Dataset, strategy: tf.distribute.Strategy) -> None:
        spec = dataset.element_spec
        shape = getattr(spec, "shape", tf.TensorShape(None))
        if shape.rank != 4 or shape[0] is None or shape[3] != 3:
            raise ValueError(
                f"a dataset's elements are batches of one size, (N, H, W, 3), not {spec}: "
                "leave labels out, and call .batch(128, drop_remainder=True)."
            )
        self.batch_size = shape[0]
        self._dataset, self._strategy = dataset, strategy
        self._next_step = None

    def for_step(self, step: int) -> Any:
        """The next batch; after a jump the dataset is read from its beginning."""
        if step != self._next_step:
            rest = self._dataset.repeat().skip(step)
            self._batches = iter(self._strategy.experimental_distribute_dataset(rest))
        self._next_step = step + 1
        return next(self._batches)

    def select(self, data: Any, step: tf.Tensor, device: int | tf.Tensor) -> tf.Tensor:
        """The batch; TensorFlow has given every device its share."""
        return data


def _strategy_of(*networks: keras.Model) -> tf.distribute.Strategy:
    first, second = (network.distribute_strategy for network in networks)
    if first is not second:
        raise ValueError(
            "The two networks were built under different strategies: build both under one "
            "`with strategy.scope():`, or both outside."
        )
    return first


def main() -> None:
    """Train a DCGAN on 32 x 32 images; the run's folder gets losses, samples and checkpoints."""
    options = _parser().parse_args()
    try:
        _run(options)
    except KeyboardInterrupt as stop:
        sys.exit(f"\nStopped. {stop}")
    except (ValueError, OSError, runs.CheckpointError, runs.TrainingStopped) as error:
        sys.exit(f"{error}")


def _parser() -> argparse.ArgumentParser:
    parser = runs.training_parser("helpers.keras.training", main.__doc__)
    parser.add_argument(
        "--jit-compile",
        action=argparse.BooleanOptionalAction,
        help="compile the step with XLA (default: on a single GPU only)",
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    from helpers.data import load_images

    recipe = RECIPES[options.recipe]
    keras.utils.set_random_seed(options.seed)
    with pick_strategy().scope():
        generator, discriminator = build_networks(recipe, options.latent_dim, options.conv_dim)
    images, _ = load_images(options.data, "train", options.count)
    history = train(
        generator,
        discriminator,
        images,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        recipe=recipe,
        seed=options.seed,
        jit_compile=options.jit_compile,
        out=options.out,
        resume=options.resume,
        sample_every=options.sample_every,
        checkpoint_every=options.checkpoint_every,
    )
    generator.save(options.out / "generator.keras")
    discriminator.save(options.out / "discriminator.keras")
    print(
        f"{options.out}: {history.steps[-1]:,} steps, D {history.d_losses[-1]:.2f}, "
        f"G {history.g_losses[-1]:.2f}."
    )


if __name__ == "__main__":
    main()

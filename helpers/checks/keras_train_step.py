"""Check of lesson 07 on the train step in TensorFlow; part of ``helpers.checks.gradient_tape``.

There::

    train_step = keras_train_step.register_train_step(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below ``register_train_step`` is what the lesson has to tell the learner about the exercise.

How it judges. The attempt gets two tiny networks that note what they are called with, and two
optimisers without momentum. So for every call the noise is known, and with it the gradients of the
four terms that losses are made of: real images called real, real images called fake, fakes called
real, fakes called fake. How much of each is in the weights' change is then a linear system with one
solution, and the solution says what was minimised, however it was written: (1, 0, 0, 1) for the
discriminator and 1 of "fakes called real" for the generator.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask
from helpers.checks.tapes import Event, Seen, flat, is_tensor, keras, number, shown, tf, watching

_LATENT_DIM = 20
_IMAGE = (4, 4, 3)
_INPUTS = {"generator": (_LATENT_DIM,), "discriminator": _IMAGE}
_RATES = {"generator": 0.3, "discriminator": 0.4}
_BATCHES = (16, 5)
_NEAR = 2e-3

#: The terms of a loss; each network's own is made of them.
_REAL_AS_REAL, _REAL_AS_FAKE, _FAKE_AS_REAL, _FAKE_AS_FAKE = range(4)
_TERMS = (
    "real images called real",
    "real images called fake",
    "fakes called real",
    "fakes called fake",
)


# --- the networks, under observation ------------------------------------------------------------


@dataclass(frozen=True)
class _Batch:
    """What a network got in one call: so many rows, of which ``inputs`` has the first 40."""

    network: str
    training: bool
    rows: int
    inputs: np.ndarray


class _Call:
    """Room for a call of a network; in a graph it is written down whenever the graph runs.

    A graph that is traced may make no variables and, under XLA, may not change their shape. So
    there is room for so many rows, and what is left over stays empty.
    """

    ROWS = 40

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.network, self.training = "", False
        self._inputs = tf.Variable(tf.zeros((self.ROWS, *shape)), trainable=False)
        self._rows = tf.Variable(0, trainable=False)
        self._order = tf.Variable(0, trainable=False)

    def write(self, x: Any, order: Any) -> None:
        rows = x.shape[0] or tf.shape(x)[0]
        kept = tf.cast(x[: self.ROWS], tf.float32)
        missing = tf.maximum(self.ROWS - rows, 0)
        padding = [[0, missing], *([0, 0] for _ in x.shape[1:])]
        self._inputs.assign(tf.reshape(tf.pad(kept, padding), self._inputs.shape))
        self._rows.assign(rows)
        self._order.assign(order)

    def clear(self) -> None:
        self._order.assign(0)

    @property
    def order(self) -> int:
        """Its place among the calls, from 1; 0 where it did not happen."""
        return int(self._order)

    def batch(self) -> _Batch:
        inputs = self._inputs.numpy()[: int(self._rows)]
        return _Batch(self.network, self.training, int(self._rows), inputs)


@dataclass(frozen=True)
class _Applied:
    """One call of an optimiser, of ``network``'s optimiser by rights."""

    network: str
    gradients: list[Any]
    variables: list[Any] | None


@dataclass
class _Run:
    """One call of the attempt: what was seen, weights before and after it.

    applied, tapes : hold what happened in Python, nothing where a graph ran that was traced before.
    """

    images: np.ndarray
    batches: list[_Batch]
    before: dict[str, list[np.ndarray]]
    after: dict[str, list[np.ndarray]]
    applied_times: dict[str, int]
    returned: Any

    def of(self, network: str) -> list[_Batch]:
        return [batch for batch in self.batches if batch.network == network]

    @property
    def generated(self) -> list[_Batch]:
        """The generator's batches that it can have learnt from: in training, if any was."""
        batches = self.of("generator")
        return [batch for batch in batches if batch.training] or batches

    def moved(self, network: str) -> bool:
        return any(
            not np.array_equal(a, b)
            for a, b in zip(self.before[network], self.after[network], strict=True)
        )


def _build(note: Callable[[str, Any, Any], None] | None) -> dict[str, Any]:
    """A generator and a discriminator of a few hundred weights, always the same."""
    layers = keras.layers

    def tap(network: str, x: Any) -> Any:
        if note is None:
            return x

        @tf.autograph.experimental.do_not_convert
        def note_call(x: Any, training: Any) -> None:
            note(network, x, training)

        return _tap_class()(note_call)(x)

    z = keras.Input((_LATENT_DIM,))
    x = layers.Dense(16, use_bias=False)(tap("generator", z))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(math.prod(_IMAGE), activation="tanh")(x)
    generator = keras.Model(z, layers.Reshape(_IMAGE)(x), name="generator")

    images = keras.Input(_IMAGE)
    x = layers.Dense(12, use_bias=False)(layers.Flatten()(tap("discriminator", images)))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(x))
    discriminator = keras.Model(images, layers.Dense(1)(x), name="discriminator")

    networks = {"generator": generator, "discriminator": discriminator}
    random = np.random.default_rng(7)
    for network in networks.values():
        for variable in network.variables:
            values = random.normal(0, 0.4, variable.shape)
            if variable.name in ("gamma", "moving_variance"):
                values = 1.5 + np.abs(values)
            variable.assign(values)
    return networks


@functools.cache
def _tap_class() -> type:
    """A layer that notes what passes through it."""

    class Tap(keras.layers.Layer):
        def __init__(self, note: Callable[[Any, Any], None]) -> None:
            super().__init__()
            self._note = note

        def call(self, x: Any, training: Any = None) -> Any:
            self._note(x, training)
            return x

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    return Tap


@functools.cache
def _optimizer_class() -> type:
    """Gradient descent that notes what it is given."""

    class Watched(keras.optimizers.SGD):
        def __init__(self, rate: float, note: Callable[[list, list | None], None]) -> None:
            super().__init__(rate)
            self._note_applied = note

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            variables = None if trainable_variables is None else list(trainable_variables)
            self._note_applied(grads, variables)
            if variables is not None and len(variables) == len(grads):
                # Running statistics among the variables: an optimiser that is built by its first
                # call takes them, and leaves them alone for want of a gradient.
                pairs = [
                    (gradient, variable)
                    for gradient, variable in zip(grads, variables, strict=True)
                    if gradient is not None or getattr(variable, "trainable", True)
                ]
                grads, variables = (list(each) for each in zip(*pairs, strict=True))
            return super().apply(grads, variables)

    return Watched


class _Laboratory:
    """Both networks and optimisers, what is noted of them, and a copy to compute with."""

    def __init__(self) -> None:
        self.tapes = Seen()
        self.applied: list[_Applied] = []
        self.frozen: set[str] = set()
        self._recording = False
        self._calls: list[_Call] = []
        self._room: dict[str, list[_Call]] = {name: [] for name in _INPUTS}
        self._clock = tf.Variable(0, trainable=False)
        self.networks = _build(self._note_call)
        self.copies = _build(None)
        self.optimizers = {}
        for name, network in self.networks.items():
            note = functools.partial(self._note_applied, name)
            self.optimizers[name] = _optimizer_class()(_RATES[name], note)
            # A tf.function that has run before may make no variables any more.
            self.optimizers[name].build(network.trainable_variables)
        self._start = self._weights()
        keras.random.normal((1,))  # its seed is a variable too, made at its first use

    def arguments(self, images: Any) -> tuple:
        return (
            self.networks["generator"],
            self.networks["discriminator"],
            images,
            self.optimizers["generator"],
            self.optimizers["discriminator"],
            _LATENT_DIM,
        )

    def owner(self, variable: Any) -> str:
        """The network that it is a variable of, or ''."""
        for name, network in self.networks.items():
            if any(variable is each or variable is each.value for each in network.variables):
                return name
        return ""

    def run(self, call: Callable[[Any], Any], images: np.ndarray) -> _Run:
        """Call the attempt on the images, from the same weights each time.

        Raises Complaint, or what the attempt raises where that says it best.
        """
        for name, network in self.networks.items():
            network.trainable = True
            for variable, value in zip(network.variables, self._start[name], strict=True):
                variable.assign(value)
        for each in self._calls:
            each.clear()
        for name, shape in _INPUTS.items():
            self._room[name] += [_Call(shape) for _ in range(6 - len(self._room[name]))]
        self._clock.assign(0)
        self.applied, self.frozen = [], set()
        times = {name: int(each.iterations) for name, each in self.optimizers.items()}
        with watching() as self.tapes:
            self._recording = True
            try:
                returned = call(tf.constant(images))
            except Exception as error:
                _raise_again(error, self)
                raise
            finally:
                self._recording = False
        self.frozen |= {name for name, each in self.networks.items() if not each.trainable}
        now = {name: int(each.iterations) for name, each in self.optimizers.items()}
        return _Run(
            images,
            self._batches(),
            self._start,
            self._weights(),
            {name: now[name] - times[name] for name in now},
            returned,
        )

    def terms(
        self, z: np.ndarray, images: np.ndarray, weights: Mapping[str, list], joined: bool = False
    ) -> _Terms:
        """The four terms and their gradients for these weights."""
        for name, network in self.copies.items():
            for variable, value in zip(network.variables, weights[name], strict=True):
                variable.assign(value)
        return _Terms(self.copies, z, images, joined)

    def trainable(self, name: str, weights: Sequence[np.ndarray]) -> np.ndarray:
        """The trainable ones of a network's weights, as one vector."""
        keep = [variable.trainable for variable in self.copies[name].variables]
        chosen = [w.ravel() for w, kept in zip(weights, keep, strict=True) if kept]
        return np.concatenate(chosen).astype(float)

    def statistics(self, name: str, weights: Sequence[np.ndarray]) -> np.ndarray:
        """The running statistics among a network's weights, as one vector."""
        keep = [not variable.trainable for variable in self.copies[name].variables]
        chosen = [w.ravel() for w, kept in zip(weights, keep, strict=True) if kept]
        return np.concatenate(chosen).astype(float)

    def _weights(self) -> dict[str, list[np.ndarray]]:
        return {
            name: [variable.numpy() for variable in network.variables]
            for name, network in self.networks.items()
        }

    def _note_applied(self, network: str, gradients: list, variables: list | None) -> None:
        self.applied.append(_Applied(network, gradients, variables))

    def _note_call(self, network: str, x: Any, training: Any) -> None:
        if not self._recording:
            return
        training = bool(tf.get_static_value(training) if tf.is_tensor(training) else training)
        self.tapes.note("ran", subject=network).result = training
        self.frozen |= {network} if not self.networks[network].trainable else set()
        room = self._room[network]
        if not room and not tf.executing_eagerly():
            return
        call = room.pop() if room else _Call(_INPUTS[network])
        call.network, call.training = network, training
        self._calls.append(call)
        call.write(x, self._clock.assign_add(1))

    def _batches(self) -> list[_Batch]:
        happened = [call for call in self._calls if call.order]
        return [call.batch() for call in sorted(happened, key=lambda call: call.order)]


class _Terms:
    """For some noise and weights: the value of each term, and its gradient by each network.

    joined : real images and fakes go through the discriminator as one batch.
    values : of the terms. gradients : by network, an array with a column for each term.
    """

    def __init__(
        self, networks: Mapping[str, Any], z: np.ndarray, images: np.ndarray, joined: bool
    ) -> None:
        from helpers.keras.losses import fake_loss, generator_loss, real_loss

        self._networks = networks
        generator, discriminator = networks["generator"], networks["discriminator"]
        with tf.GradientTape(persistent=True) as self._tape:
            fakes = generator(z, training=True)
            if joined:
                logits = discriminator(tf.concat([images, fakes], 0), training=True)
                self._real, self._fake = logits[: len(images)], logits[len(images) :]
            else:
                self._real = discriminator(images, training=True)
                self._fake = discriminator(fakes, training=True)
            real, fake = self._real, self._fake
            terms = [real_loss(real), fake_loss(real), generator_loss(fake), fake_loss(fake)]
        self.values = np.array([float(term) for term in terms])
        columns = [self._by_both(self._tape, term) for term in terms]
        self.gradients = {
            name: np.stack([column[name] for column in columns], axis=1) for name in networks
        }

    def others(self, name: str) -> dict[str, np.ndarray]:
        """By a mistake's name: the gradient of what it would be minimising, by that network."""
        from helpers.keras.losses import fake_loss, generator_loss, real_loss

        probability = keras.losses.BinaryCrossentropy()
        with self._tape:
            real, fake = self._real, self._fake
            if name == "discriminator":
                twice = real_loss(tf.sigmoid(real)) + fake_loss(tf.sigmoid(fake))
                no_logits = probability(tf.ones_like(real), real)
                no_logits += probability(tf.zeros_like(fake), fake)
            else:
                twice = generator_loss(tf.sigmoid(fake))
                no_logits = probability(tf.ones_like(fake), fake)
        values = {"sigmoid_twice": twice, "no_logits": no_logits}
        return {slug: self._by_both(self._tape, value)[name] for slug, value in values.items()}

    def _by_both(self, tape: Any, value: Any) -> dict[str, np.ndarray]:
        # Not the Keras variables themselves, for which TensorFlow makes no zeros.
        variables = {
            name: [variable.value for variable in network.trainable_variables]
            for name, network in self._networks.items()
        }
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(value, variables, unconnected_gradients=zero)
        return {
            name: np.concatenate([np.ravel(each) for each in gradients]).astype(float)
            for name, gradients in found.items()
        }


# --- errors -------------------------------------------------------------------------------------


def _raise_again(error: Exception, laboratory: _Laboratory) -> None:
    """Raise Complaint in place of an error that is well known, or too long to be read."""
    if isinstance(error, NotImplementedError):
        return
    named = _known_error(error, laboratory)
    text = str(error)
    name = type(error).__name__
    if named:
        raise Complaint(f"raised {name}. {named[1]}", mistake=named[0]) from error
    if "in user code:" in text:  # AutoGraph's text is a whole traceback
        last = [line.strip() for line in text.splitlines() if line.strip()][-1]
        lines = re.findall(r"File .*?, line \d+, in \S+\s*\n\s*(.*)", text)
        at = f", at `{lines[0].strip()}`" if lines else ""
        raise Complaint(f"raised {name} when tf.function traced it{at}: {last[:300]}") from error


def _known_error(error: Exception, laboratory: _Laboratory) -> tuple[str, str] | None:
    text = str(error)
    found = re.search(r"expected shape=\(None, (\d+)\), found shape=\((\w+), (\d+)\)", text)
    if found and found[1] == str(_LATENT_DIM) and found[3] != found[1]:
        return (
            "latent_dim_fixed",
            f"The generator takes {_LATENT_DIM} random numbers per image here, the argument "
            f"latent_dim; it got {found[3]}.",
        )
    if "non-persistent GradientTape" in text:
        return "one_tape_twice", "One tape was asked for both networks' gradients."
    if isinstance(error, AttributeError | TypeError | NotImplementedError) and _symbolic(text):
        return (
            "needs_a_number",
            "While tf.function traces a step, its tensors have no numbers yet, which something "
            "asked for.",
        )
    if laboratory.applied:
        return _known_misuse(laboratory.applied[-1], laboratory)
    return None


def _symbolic(text: str) -> bool:
    signs = (
        "SymbolicTensor",
        "Symbolic Tensor",
        "symbolic tf.Tensor",
        "'numpy'",
        "symbolic tensor",
    )
    return any(sign in text for sign in signs)


def _known_misuse(applied: _Applied, laboratory: _Laboratory) -> tuple[str, str] | None:
    """What is wrong with what an optimiser was given last."""
    name, gradients, variables = applied.network, applied.gradients, applied.variables
    letter = name[0]
    if any(map(laboratory.owner, gradients)) and not any(map(laboratory.owner, variables or [])):
        return "zip_order", f"{letter}_optimizer got variables where it expects gradients."
    if gradients and all(each is None for each in gradients):
        asked = [
            event
            for event in laboratory.tapes.of_kind("asked")
            if all(each is None for each in flat(event.result))
        ]
        if not asked:
            return None
        of = laboratory.owner(flat(asked[-1].sources)[0]) or name
        slug, why = _why_none(of, asked[-1], laboratory.tapes)
        return slug, f"All gradients by the {of}'s weights are None. {why}"
    owners = {laboratory.owner(each) for each in variables or []}
    made_for = {
        laboratory.owner(source)
        for event in laboratory.tapes.of_kind("asked")
        for gradient, source in zip(flat(event.result), flat(event.sources), strict=False)
        if any(gradient is each for each in gradients if each is not None)
    }
    if len(owners) > 1:
        return (
            "both_networks",
            f"{letter}_optimizer got the weights of both networks, {len(variables or [])} arrays.",
        )
    if owners and name not in owners and owners != {""}:
        (other,) = owners
        return "optimizers_swapped", f"{letter}_optimizer got the {other}'s weights."
    if made_for and name not in made_for and made_for != {""}:
        (other, *_) = made_for
        return (
            "gradients_swapped",
            f"{letter}_optimizer got gradients by the {other}'s weights for the {name}'s.",
        )
    return None


def _why_none(network: str, asked: Event, tapes: Seen) -> tuple[str, str]:
    """Why all gradients by a network's weights are None: which call the tape has no record of."""
    runs = tapes.of_kind("ran")

    def recorded(name: str) -> bool:
        return any(
            run.subject == name and any(asked.tape is each for each in run.open_tapes)
            for run in runs
        )

    if network == "generator" and not recorded("generator"):
        return "fakes_outside_the_tape", "The generator ran while that tape was not recording."
    if not recorded("discriminator"):
        return (
            "discriminator_outside_the_tape",
            "The discriminator ran while that tape was not recording.",
        )
    if network == "generator" and not any(run.result for run in runs if run.subject == network):
        return (
            "predicted",
            "The generator ran inside the tape's block, not in training, and left no record.",
        )
    return "cut_off", "Both networks ran inside the tape's block, but the way back to it is cut."


# --- the judgement ------------------------------------------------------------------------------


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    laboratory = _Laboratory()
    random = np.random.default_rng(1)
    # Images as different from the fakes as real ones are, with pixels in (-1, 1).
    images = {
        size: np.tanh(random.normal(0.3, 0.7, (size, *_IMAGE))).astype("float32")
        for size in _BATCHES
    }
    drawn: list[np.ndarray] = []

    def direct(batch: Any) -> Any:
        return attempt(*laboratory.arguments(batch))

    @functools.cache
    def compiled() -> Callable:
        return tf.function(direct)

    def step(call: Callable[[], Callable], size: int) -> str:
        try:
            run = laboratory.run(call(), images[size])
        except NotImplementedError:
            plain = getattr(attempt, "python_function", None)
            if plain is not None:  # tf.function's own error hides the line that it came from
                plain(*laboratory.arguments(tf.constant(images[size])))
            raise
        _judge(run, laboratory)
        # Only calls of one graph are compared: after tf.random.set_seed, each graph draws the same.
        if call is compiled:
            noises = [batch.inputs for batch in run.generated]
            for noise in noises:
                if any(_alike(each, noise) for each in drawn):
                    raise _complaint_of_old_noise(direct, laboratory, images[size], noise)
            drawn.extend(noises)
        return "as asked"

    yield ask("train_step on 16 images", functools.partial(step, lambda: direct, 16))
    yield ask("train_step on 5 images", functools.partial(step, lambda: direct, 5))
    yield ask("train_step inside tf.function", functools.partial(step, compiled, 5))
    yield ask("train_step inside tf.function, again", functools.partial(step, compiled, 5))


def _judge(run: _Run, laboratory: _Laboratory) -> None:
    """Raise Complaint unless both networks made the right step and the losses are returned."""
    _require_noise(run, laboratory)
    zs = _different([batch.inputs for batch in run.generated])
    fits = _fit_both(run, zs, laboratory)
    d_fit, g_fit = fits["discriminator"], fits["generator"]
    if not (d_fit.found and _discriminator_is_right(d_fit) and g_fit.found and g_fit.is_one_of(_G)):
        _complain_of_steps(run, fits, laboratory)
    _complain_of_frozen(laboratory)
    _complain_of_answer(run, fits)
    for name in ("generator", "discriminator"):
        before, after = (laboratory.statistics(name, w[name]) for w in (run.before, run.after))
        if np.allclose(before, after, rtol=1e-6):
            raise Complaint(
                f"moves both networks' weights rightly, but the {name}'s running statistics, which "
                "batch normalisation needs later, are what they were before."
            )


def _require_noise(run: _Run, laboratory: _Laboratory) -> None:
    """Raise Complaint about the calls of the generator and the numbers it was given."""
    calls = run.generated
    if not calls:
        seen = run.of("discriminator")
        if not seen:
            raise Complaint("never called the generator.")
        if any(_alike(batch.inputs, run.images) for batch in seen) and not all(
            _alike(batch.inputs, run.images) for batch in seen
        ):
            raise Complaint(
                "never called the generator, and the discriminator got something else than images.",
                mistake="noise_as_fakes",
            )
        raise Complaint("never called the generator.")
    size = len(run.images)
    for call in calls:
        if call.rows != size:
            raise Complaint(
                f"gave the generator {call.rows} random vectors for {size} images.",
                mistake="batch_size_fixed",
            )
    z = calls[0].inputs.astype(float)
    if np.allclose(z, z[:1]):
        raise Complaint(
            f"gave the generator the same random vector {size} times.",
            mistake="one_vector",
        )
    mean, deviation = z.mean(), z.std()
    if z.size >= 200 and (abs(mean) > 0.35 or not 0.75 < deviation < 1.25):
        seen = f"gave the generator numbers from {shown(z.min())} to {shown(z.max())} with mean "
        seen += f"{mean:.2f} and standard deviation {deviation:.2f}."
        uniform = np.abs(z).max() <= 1 and deviation > 0.2
        raise Complaint(seen, mistake="uniform_noise" if uniform else "other_noise")


def _different(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Without those that are among the earlier ones."""
    kept: list[np.ndarray] = []
    for array in arrays:
        if not any(_alike(array, each) for each in kept):
            kept.append(array)
    return kept[:4]


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, atol=1e-5))


#: The generator's loss, in shares of the four terms.
_G = ((0.0, 0.0, 1.0, 0.0),)
#: The discriminator's, and with real images called 0.9 real.
_D = ((1.0, 0.0, 0.0, 1.0), (0.9, 0.1, 0.0, 1.0))


@dataclass(frozen=True)
class _Fit:
    """What a network's change of weights is made of.

    shares : of the four terms. found : they explain it all. terms : for the noise and the weights
    that fit best. change : of the trainable weights, by learning rate. other : where the shares do
    not explain it, a mistake that does.
    """

    network: str
    shares: np.ndarray
    found: bool
    terms: _Terms
    change: np.ndarray
    residual: float
    other: str = ""

    def is_one_of(self, rights: Sequence[Sequence[float]], scale: float = 1.0) -> bool:
        return any(
            np.allclose(self.shares, np.multiply(right, scale), atol=0.01) for right in rights
        )

    def words(self) -> str:
        """ "1 x real images called fake - 1 x fakes called real"."""
        parts = [
            f"{'-' if share < 0 else '+'} {abs(share):.3g} x {term}"
            for share, term in zip(self.shares, _TERMS, strict=True)
            if abs(share) > 0.005
        ]
        text = " ".join(parts).removeprefix("+ ")
        return text or "nothing"


def _discriminator_is_right(fit: _Fit) -> bool:
    return fit.is_one_of(_D) or fit.is_one_of(_D, 0.5)


def _fit_both(run: _Run, zs: list[np.ndarray], laboratory: _Laboratory) -> dict[str, _Fit]:
    """The best explanation of how each network's weights changed.

    Several orders are right. Both gradients may be taken before either network moves, or one
    network may move first; noise may be drawn once or twice, fakes and real images be one batch.
    """

    @functools.cache
    def terms(which: int, joined: bool, g_moved: bool, d_moved: bool) -> _Terms:
        weights = {
            "generator": (run.after if g_moved else run.before)["generator"],
            "discriminator": (run.after if d_moved else run.before)["discriminator"],
        }
        return laboratory.terms(zs[which], run.images, weights, joined)

    joins = [False]
    if any(batch.rows == 2 * len(run.images) for batch in run.of("discriminator")):
        joins = [True, False]
    fits = {}
    for name, other in (("discriminator", "generator"), ("generator", "discriminator")):
        before, after = (laboratory.trainable(name, w[name]) for w in (run.before, run.after))
        change = (before - after) / _RATES[name]
        tried = []
        for other_moved, which, joined in itertools.product(
            [False, True] if run.moved(other) else [False], range(len(zs)), joins
        ):
            moved = {name: False, other: other_moved}
            found = terms(which, joined, moved["generator"], moved["discriminator"])
            tried.append(_fit(name, change, found, joined))
            if tried[-1].found:
                break
        fits[name] = min(tried, key=lambda fit: fit.residual)
        if not fits[name].found:
            fits[name] = next((each for each in map(_named, tried) if each.other), fits[name])
    return fits


def _fit(name: str, change: np.ndarray, terms: _Terms, joined: bool) -> _Fit:
    columns = terms.gradients[name]
    used = slice(0, 4) if name == "discriminator" or joined else slice(2, 4)
    shares = np.zeros(4)
    if not change.any() or not np.isfinite(change).all():
        return _Fit(name, shares, not change.any(), terms, change, 0.0 if not change.any() else 1.0)
    shares[used] = np.linalg.lstsq(columns[:, used], change, rcond=None)[0]
    residual = float(np.linalg.norm(change - columns @ shares) / np.linalg.norm(change))
    return _Fit(name, shares, residual < _NEAR, terms, change, residual)


def _named(fit: _Fit) -> _Fit:
    """The fit with the mistake that explains the change, if one of those that are no mixture."""
    for slug, gradient in fit.terms.others(fit.network).items():
        if np.linalg.norm(fit.change - gradient) < _NEAR * np.linalg.norm(fit.change):
            return replace(fit, other=slug)
    return fit


# What the discriminator's and the generator's shares are a sign of.
_D_SIGNS: dict[str, tuple[float, ...]] = {
    "labels_swapped": (0, 1, 1, 0),
    "real_alone": (1, 0, 0, 0),
    "fake_alone": (0, 0, 0, 1),
    "all_called_real": (1, 0, 1, 0),
    "all_called_fake": (0, 1, 0, 1),
    "discriminator_ascends": (-1, 0, 0, -1),
    "arguments_swapped": (1, -1, 0, 0),
    "generators_loss_for_both": (0, 0, 1, 0),
    "sum_of_both_losses": (1, 0, 1, 1),
    "difference": (1, 0, 0, -1),
    "reals_as_fakes": (1, 1, 0, 0),
}
_G_SIGNS: dict[str, tuple[float, ...]] = {
    "generator_called_fake": (0, 0, 0, 1),
    "saturating": (0, 0, 0, -1),
    "generator_ascends": (0, 0, -1, 0),
    "generator_arguments_swapped": (0, 0, 1, -1),
    "sum_of_both_losses": (0, 0, 1, 1),
}


def _complain_of_steps(run: _Run, fits: Mapping[str, _Fit], laboratory: _Laboratory) -> None:
    """Raise Complaint about the weights' changes, the most telling first."""
    for name in ("discriminator", "generator"):
        times, moved = run.applied_times[name], run.moved(name)
        change = laboratory.trainable(name, run.after[name])
        if not np.isfinite(change).all():
            raise Complaint(f"turned the {name}'s weights into nan.")
        weights_moved = not np.array_equal(change, laboratory.trainable(name, run.before[name]))
        if not times and moved and weights_moved:
            raise Complaint(
                f"changed the {name}'s weights, but {name[0]}_optimizer was never used.",
                mistake="by_hand",
            )
        if not times:
            raise Complaint(
                f"left the {name}'s weights as they were: {name[0]}_optimizer was never used.",
                mistake=f"{name}_not_updated",
            )
        if times > 1:
            raise Complaint(
                f"used {name[0]}_optimizer {times} times.", mistake="applied_more_than_once"
            )
    d_fit, g_fit = fits["discriminator"], fits["generator"]
    d_right = d_fit.found and _discriminator_is_right(d_fit)
    _complain_of_inputs(run)
    _complain_of_modes(run, d_fit, g_fit)
    _complain_of_frozen(laboratory)
    returned = [number(each) for each in flat(run.returned)]
    if not d_right:
        _complain_of_discriminator(run, d_fit, returned)
    _complain_of_generator(run, g_fit, d_fit, returned)


def _complain_of_frozen(laboratory: _Laboratory) -> None:
    """Raise Complaint where a network was made untrainable on the way, or at the end."""
    for name in sorted(laboratory.frozen):
        raise Complaint(f"set {name}.trainable to False.", mistake="frozen")


def _complain_of_inputs(run: _Run) -> None:
    """Raise Complaint where the discriminator never saw the images as they are."""
    got = [batch.inputs for batch in run.of("discriminator")]
    size = len(run.images)
    if any(len(each) == 2 * size for each in got):
        return
    if not any(_alike(each, run.images) for each in got):
        for factor, shift, how in ((127.5, 1.0, "/ 127.5 - 1"), (255.0, 0.0, "/ 255")):
            if any(_alike(each, run.images / factor - shift) for each in got):
                raise Complaint(
                    f"gave the discriminator images {how}; they were in [-1, 1] already.",
                    mistake="scaled_again",
                )
        if any(_alike(each, 2 * run.images - 1) for each in got):
            raise Complaint(
                "gave the discriminator images * 2 - 1; they were in [-1, 1] already.",
                mistake="scaled_again",
            )


def _complain_of_modes(run: _Run, d_fit: _Fit, g_fit: _Fit) -> None:
    """Raise Complaint where a network ran with ``training=False``, said or unsaid."""
    still = {
        name: sum(not batch.training for batch in run.of(name))
        for name in ("generator", "discriminator")
    }
    totals = {name: len(run.of(name)) for name in still}
    counts = {name: f"{still[name]} of {totals[name]} calls" for name in still}
    wrong_g = not g_fit.found or not d_fit.found
    if still["generator"] and still["discriminator"] and wrong_g:
        raise Complaint(
            f"ran both networks without training=True: the generator in {counts['generator']}, the "
            f"discriminator in {counts['discriminator']}.",
            mistake="no_training_flags",
        )
    for name in still:
        if still[name] and wrong_g:
            raise Complaint(
                f"ran the {name} without training=True in {counts[name]}.",
                mistake=f"{name}_in_inference",
            )


def _complain_of_discriminator(run: _Run, fit: _Fit, returned: list[Any]) -> None:
    start = "moved the discriminator's weights down the gradient of "
    if not fit.found:
        if fit.other:
            raise Complaint(
                "moved the discriminator's weights down a much flatter loss than asked for."
                if fit.other == "sigmoid_twice"
                else "moved the discriminator's weights as if its logits were probabilities.",
                mistake=fit.other,
            )
        raise Complaint(
            "moved the discriminator's weights in a direction that is no mixture of the gradients "
            f"of real and fake images called real or fake ({fit.residual:.0%} of the change is "
            "something else)."
        )
    text = f"{start}{fit.words()}, instead of 1 x {_TERMS[0]} + 1 x {_TERMS[3]}."
    for slug, shares in _D_SIGNS.items():
        if np.allclose(fit.shares, shares, atol=0.01) or np.allclose(
            2 * fit.shares, shares, atol=0.01
        ):
            right = fit.terms.values[_REAL_AS_REAL] + fit.terms.values[_FAKE_AS_FAKE]
            if slug == "generators_loss_for_both" and returned and _close(returned[0], right):
                slug = "wrong_loss_for_the_discriminator"
            raise Complaint(text, mistake=slug)
    if fit.is_one_of(_D, len(run.images)):
        raise Complaint(text, mistake="summed")
    raise Complaint(text)


def _complain_of_generator(run: _Run, fit: _Fit, d_fit: _Fit, returned: list[Any]) -> None:
    if not fit.found:
        if fit.other:
            raise Complaint(
                "moved the generator's weights down a much flatter loss than asked for."
                if fit.other == "sigmoid_twice"
                else "moved the generator's weights as if the logits were probabilities.",
                mistake=fit.other,
            )
        raise Complaint(
            "moved the generator's weights in a direction that is no mixture of the gradients of "
            f"fakes called real and of fakes called fake ({fit.residual:.0%} of the change is "
            "something else)."
        )
    text = f"moved the generator's weights down the gradient of {fit.words()}, instead of 1 x "
    text += f"{_TERMS[2]}."
    for slug, shares in _G_SIGNS.items():
        if np.allclose(fit.shares, shares, atol=0.01):
            right = fit.terms.values[_FAKE_AS_REAL]
            if slug == "generator_called_fake" and any(_close(each, right) for each in returned):
                slug = "wrong_loss_for_the_generator"
            raise Complaint(text, mistake=slug)
    if fit.is_one_of(_G, len(run.images)):
        raise Complaint(text, mistake="summed")
    raise Complaint(text)


def _close(value: Any, expected: float) -> bool:
    return isinstance(value, float) and abs(value - expected) < 1e-3 * max(1.0, abs(expected))


def _complain_of_answer(run: _Run, fits: Mapping[str, _Fit]) -> None:
    """Raise Complaint unless both losses, before the step, were returned."""
    rights = {
        "d": [
            scale * float(np.dot(shares, fits["discriminator"].terms.values))
            for shares in _D
            for scale in (1.0, 0.5)
        ],
        "g": [float(fits["generator"].terms.values[_FAKE_AS_REAL])],
    }
    asked = f"(d_loss, g_loss) = ({rights['d'][0]:.3f}, {rights['g'][0]:.3f})"
    value = run.returned
    start = f"moves both networks' weights rightly. It should return {asked},"
    if value is None:
        raise Complaint(f"{start} yours returned None.", mistake="no_return")
    if is_tensor(value) and tuple(value.shape) == (2,):
        value = list(np.asarray(value))
    if not isinstance(value, list | tuple) or len(value) != 2:
        if is_tensor(value) and any(
            _close(number(value), each) for each in (*rights["d"], *rights["g"])
        ):
            raise Complaint(f"{start} yours returned one number.", mistake="one_loss")
        kind = type(value).__name__
        many = f" of {len(value)}" if isinstance(value, list | tuple | dict) else ""
        raise Complaint(f"{start} yours returned a {kind}{many}.")
    for each in value:
        if is_tensor(each) and tuple(each.shape):
            raise Complaint(
                f"{start} yours returned a tensor of shape {tuple(each.shape)}, a loss for every "
                "image."
            )
    d_loss, g_loss = map(number, value)
    if any(_close(d_loss, each) for each in rights["d"]) and _close(g_loss, rights["g"][0]):
        return
    got = f"({shown(d_loss)}, {shown(g_loss)})"
    if _close(d_loss, rights["g"][0]) and any(_close(g_loss, each) for each in rights["d"]):
        raise Complaint(f"{start} yours returned {got}.", mistake="returned_swapped")
    raise Complaint(f"{start} yours returned {got}.", mistake="other_losses_returned")


def _complaint_of_old_noise(
    call: Callable, laboratory: _Laboratory, images: np.ndarray, noise: np.ndarray
) -> Complaint:
    """Whether noise that came twice is drawn once for good, or when the step is traced."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        first, second = (laboratory.run(call, images).generated[0].inputs for _ in range(2))
    finally:
        tf.config.run_functions_eagerly(before)
    numbers = ", ".join(f"{value:.3f}" for value in noise.ravel()[:3])
    seen = f"gave the generator the numbers of an earlier call, {numbers}, ..."
    if _alike(first, second):
        return Complaint(f"{seen} So it does without tf.function.", mistake="noise_fixed")
    return Complaint(f"{seen} Without tf.function they are new each time.", mistake="noise_frozen")


# --- wrong and right answers --------------------------------------------------------------------


def _compiled(function: Callable, **options: Any) -> Callable:
    """The function under ``tf.function``, made when it is first called."""

    @functools.cache
    def made() -> Callable:
        return tf.function(function, **options)

    @functools.wraps(function)
    def attempt(*args: Any) -> Any:
        return made()(*args)

    return attempt


def _bce(labels: Any, logits: Any) -> Any:
    return keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits)


def _ones(labels: Any) -> Any:
    return tf.ones_like(labels)


def _zeros(labels: Any) -> Any:
    return tf.zeros_like(labels)


def _normal(images: Any, latent_dim: int) -> Any:
    return tf.random.normal((tf.shape(images)[0], latent_dim))


def _d_loss(real: Any, fake: Any) -> Any:
    return _bce(_ones(real), real) + _bce(_zeros(fake), fake)


def _g_loss(real: Any, fake: Any) -> Any:
    return _bce(_ones(fake), fake)


def _step(
    *,
    noise: Callable[[Any, int], Any] = _normal,
    make: Callable[[Any, Any], Any] = lambda generator, z: generator(z, training=True),
    see_real: Callable[[Any, Any], Any] = lambda network, images: network(images, training=True),
    see_fake: Callable[[Any, Any, Any], Any] = lambda network, fakes, images: network(
        fakes, training=True
    ),
    d_loss: Callable[[Any, Any], Any] = _d_loss,
    g_loss: Callable[[Any, Any], Any] = _g_loss,
    d_target: Callable[[Any, Any], Any] = lambda d_loss, g_loss: d_loss,
    g_target: Callable[[Any, Any], Any] = lambda d_loss, g_loss: g_loss,
    apply: Callable[..., Any] | None = None,
    answer: Callable[[Any, Any], Any] = lambda d_loss, g_loss: (d_loss, g_loss),
) -> Callable:
    """A train step with one thing done otherwise."""

    def train_step(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
        z = noise(images, latent_dim)
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fakes = make(generator, z)
            real = see_real(discriminator, images)
            fake = see_fake(discriminator, fakes, images)
            d_value = d_loss(real, fake)
            g_value = g_loss(real, fake)
            d_minimised = d_target(d_value, g_value)
            g_minimised = g_target(d_value, g_value)
        d_weights, g_weights = discriminator.trainable_variables, generator.trainable_variables
        d_gradients = d_tape.gradient(d_minimised, d_weights)
        g_gradients = g_tape.gradient(g_minimised, g_weights)
        if apply:
            apply(g_optimizer, d_optimizer, g_gradients, d_gradients, g_weights, d_weights)
        else:
            d_optimizer.apply_gradients(zip(d_gradients, d_weights, strict=True))
            g_optimizer.apply_gradients(zip(g_gradients, g_weights, strict=True))
        return answer(d_value, g_value)

    return train_step


def _fakes_before(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    fakes = generator(_normal(images, latent_dim), training=True)
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
    weights = generator.trainable_variables
    g_optimizer.apply(g_tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _discriminator_before(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    fakes = generator(_normal(images, latent_dim), training=True)
    real = discriminator(images, training=True)
    fake = discriminator(fakes, training=True)
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
    weights = generator.trainable_variables
    g_optimizer.apply(g_tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _losses_after(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
    d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
    weights = generator.trainable_variables
    g_optimizer.apply(g_tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _one_tape_twice(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape() as tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(tape.gradient(d_loss, weights), weights)
    weights = generator.trainable_variables
    g_optimizer.apply(tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _both_networks(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
    weights = generator.trainable_variables + discriminator.trainable_variables
    g_optimizer.apply(g_tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _by_hand(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    for tape, loss, network in ((d_tape, d_loss, discriminator), (g_tape, g_loss, generator)):
        weights = network.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(2e-4 * gradient)
    return d_loss, g_loss


def _frozen(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape() as tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        fake = discriminator(fakes, training=True)
        d_loss = _d_loss(discriminator(images, training=True), fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(tape.gradient(d_loss, weights), weights)
    discriminator.trainable = False
    with tf.GradientTape() as tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        g_loss = _g_loss(None, discriminator(fakes, training=True))
    weights = generator.trainable_variables
    g_optimizer.apply(tape.gradient(g_loss, weights), weights)
    discriminator.trainable = True
    return d_loss, g_loss


def _losses_of_another_batch(
    generator, discriminator, images, g_optimizer, d_optimizer, latent_dim
):
    _step()(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim)
    fake = discriminator(generator(_normal(images, latent_dim)))
    real = discriminator(images)
    return _d_loss(real, fake), _g_loss(real, fake)


def _generator_twice(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    d_loss, _ = _in_turns(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim)
    with tf.GradientTape() as tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        g_loss = _g_loss(None, discriminator(fakes, training=True))
    weights = generator.trainable_variables
    g_optimizer.apply(tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


def _noise_for_the_discriminator(
    generator, discriminator, images, g_optimizer, d_optimizer, latent_dim
):
    with tf.GradientTape() as d_tape:
        real = discriminator(images, training=True)
        fake = discriminator(tf.random.normal(tf.shape(images)), training=True)
        d_loss = g_loss = _d_loss(real, fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
    return d_loss, g_loss


def _in_turns(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    """The discriminator first, on noise of its own, then the generator against the new one."""
    n = images.shape[0]
    fakes = generator(tf.random.normal([n, latent_dim]), training=True)
    with tf.GradientTape() as tape:
        real_output = discriminator(images, training=True)
        fake_output = discriminator(tf.stop_gradient(fakes), training=True)
        d_loss = _d_loss(real_output, fake_output)
    gradients = tape.gradient(d_loss, discriminator.trainable_weights)
    d_optimizer.apply_gradients(zip(gradients, discriminator.trainable_weights, strict=True))
    with tf.GradientTape() as tape:
        fakes = generator(tf.random.normal([n, latent_dim]), training=True)
        g_loss = _g_loss(None, discriminator(fakes, training=True))
    gradients = tape.gradient(g_loss, generator.trainable_weights)
    g_optimizer.apply_gradients(zip(gradients, generator.trainable_weights, strict=True))
    return d_loss, g_loss


def _generator_first(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    """The generator first, and the discriminator sees fakes of the new one."""
    z = keras.random.normal((len(images), latent_dim))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([weight.value for weight in generator.trainable_variables])
        g_loss = _g_loss(None, discriminator(generator(z, training=True), training=True))
    weights = generator.trainable_variables
    g_optimizer.apply(tape.gradient(g_loss, weights), weights)
    with tf.GradientTape() as tape:
        fakes = generator(z, training=True)
        fake = discriminator(fakes, training=True)
        d_loss = _d_loss(discriminator(images, training=True), fake)
    weights = discriminator.trainable_variables
    d_optimizer.apply(tape.gradient(d_loss, weights), weights)
    return d_loss, g_loss


def _one_persistent_tape(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    with tf.GradientTape(persistent=True) as tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        fake = discriminator(fakes, training=True)
        real = discriminator(images, training=True)
        g_loss = tf.reduce_mean(tf.math.softplus(-fake))
        d_loss = tf.reduce_mean(tf.math.softplus(-real)) + tf.reduce_mean(tf.math.softplus(fake))
    d_optimizer.apply(tape.gradient(d_loss, discriminator.trainable_variables))
    g_optimizer.apply(tape.gradient(g_loss, generator.trainable_variables))
    del tape
    return [d_loss, g_loss]


def _both_in_one_batch(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    z = tf.random.normal((images.shape[0], latent_dim))
    both = tf.concat([generator(z, training=True), images], axis=0)
    labels = tf.concat([tf.zeros((images.shape[0], 1)), tf.ones((images.shape[0], 1))], axis=0)
    with tf.GradientTape() as tape:
        d_loss = _bce(labels, discriminator(both, training=True))
    gradients = tape.gradient(d_loss, discriminator.trainable_weights)
    d_optimizer.apply(gradients, discriminator.trainable_weights)
    z = tf.random.normal((images.shape[0], latent_dim))
    with tf.GradientTape() as tape:
        g_loss = _g_loss(None, discriminator(generator(z, training=True), training=True))
    gradients = tape.gradient(g_loss, generator.trainable_weights)
    g_optimizer.apply(gradients, generator.trainable_weights)
    return d_loss, g_loss


def _all_variables(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    """Asks for gradients by the running statistics too, which are None, and passes them on."""
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fakes = generator(_normal(images, latent_dim), training=True)
        real = discriminator(images, training=True)
        fake = discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
    for tape, loss, network, optimizer in (
        (d_tape, d_loss, discriminator, d_optimizer),
        (g_tape, g_loss, generator, g_optimizer),
    ):
        pairs = zip(tape.gradient(loss, network.variables), network.variables, strict=True)
        optimizer.apply_gradients(pairs)
    return d_loss, g_loss


def _apply_early(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    """Moves the discriminator before the other gradient is taken: harmless, the tape has it all."""
    z = tf.random.normal(shape=(tf.shape(images)[0], latent_dim), dtype="float32")
    with tf.GradientTape() as tape1, tf.GradientTape() as tape2:
        fakes = generator(z, training=True)
        real, fake = discriminator(images, training=True), discriminator(fakes, training=True)
        d_loss, g_loss = _d_loss(real, fake), _g_loss(real, fake)
        d_loss = 0.5 * d_loss
    weights = discriminator.trainable_variables
    d_optimizer.apply_gradients(zip(tape2.gradient(d_loss, weights), weights, strict=True))
    weights = generator.trainable_variables
    g_optimizer.apply_gradients(zip(tape1.gradient(g_loss, weights), weights, strict=True))
    return d_loss, g_loss


def _with_numpy(images: Any, latent_dim: int) -> Any:
    return np.random.normal(size=(images.shape[0], latent_dim)).astype("float32")


def _smooth(real: Any, fake: Any) -> Any:
    return _bce(0.9 * _ones(real), real) + _bce(_zeros(fake), fake)


def _apply_pairs(
    pairs: Callable[..., tuple[Any, Any]],
) -> Callable[..., None]:
    def apply(g_optimizer, d_optimizer, g_gradients, d_gradients, g_weights, d_weights):
        for_d, for_g = pairs(g_gradients, d_gradients, g_weights, d_weights)
        d_optimizer.apply_gradients(zip(*for_d, strict=False))
        g_optimizer.apply_gradients(zip(*for_g, strict=False))

    return apply


def _with_swapped_optimizers(
    g_optimizer, d_optimizer, g_gradients, d_gradients, g_weights, d_weights
):
    g_optimizer.apply(d_gradients, d_weights)
    d_optimizer.apply(g_gradients, g_weights)


_OTHER_BCE = {
    "sigmoid": lambda labels, logits: _bce(labels, tf.sigmoid(logits)),
    "no_logits": lambda labels, logits: keras.losses.BinaryCrossentropy()(labels, logits),
    "vector": lambda labels, logits: tf.nn.sigmoid_cross_entropy_with_logits(labels, logits),
    "sum": lambda labels, logits: tf.reduce_sum(
        tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
    ),
}


def _with_bce(name: str) -> dict[str, Callable]:
    """Both losses with another cross-entropy."""
    bce = _OTHER_BCE[name]
    return {
        "d_loss": lambda real, fake: bce(_ones(real), real) + bce(_zeros(fake), fake),
        "g_loss": lambda real, fake: bce(_ones(fake), fake),
    }


_MISTAKES = {
    "fakes_outside_the_tape": Mistake(
        "The way from the generator's loss to its weights leads through the fakes: call the "
        "generator inside the `with` block of its tape.",
        _fakes_before,
    ),
    "discriminator_outside_the_tape": Mistake(
        "A tape records what happens in its `with` block. Call the discriminator there, on the "
        "images and on the fakes.",
        _discriminator_before,
    ),
    "cut_off": Mistake(
        "Something in between leaves no record: losses that are computed after the `with` block, "
        "`tf.stop_gradient` around the fakes that the generator learns from, or `.numpy()`.",
        _losses_after,
    ),
    "predicted": Mistake(
        "`generator.predict` returns NumPy arrays, of which no tape knows how they were computed. "
        "Call the network, `generator(z, training=True)`.",
        _step(make=lambda generator, z: generator.predict(z, verbose=0)),
    ),
    "one_tape_twice": Mistake(
        "A tape answers once. Take two, `with tf.GradientTape() as g_tape, tf.GradientTape() as "
        "d_tape:`, or one with `persistent=True`.",
        _one_tape_twice,
    ),
    "zip_order": Mistake(
        "apply_gradients expects pairs of gradient and variable, in this order: "
        "`zip(gradients, network.trainable_variables)`.",
        _step(
            apply=_apply_pairs(
                lambda g_gradients, d_gradients, g_weights, d_weights: (
                    (d_weights, d_gradients),
                    (g_weights, g_gradients),
                )
            )
        ),
    ),
    "gradients_swapped": Mistake(
        "Each network moves by its own gradients: look at which ones go to which optimiser.",
        _step(
            apply=_apply_pairs(
                lambda g_gradients, d_gradients, g_weights, d_weights: (
                    (g_gradients, d_weights),
                    (d_gradients, g_weights),
                )
            )
        ),
    ),
    "optimizers_swapped": Mistake(
        "Each optimiser has a network of its own, with its own learning rate and, in Adam, its own "
        "averages: g_optimizer moves the generator, d_optimizer the discriminator.",
        _step(apply=_with_swapped_optimizers),
    ),
    "both_networks": Mistake(
        "The generator's loss moves the generator alone, and the discriminator's the "
        "discriminator: the other network would help its opponent. Ask for the gradients by one "
        "network's `trainable_variables`.",
        _both_networks,
    ),
    "by_hand": Mistake(
        "Hand the gradients to the optimiser, `d_optimizer.apply_gradients(zip(gradients, "
        "variables))`: with Adam it does more than multiply by a learning rate.",
        _by_hand,
    ),
    "discriminator_not_updated": Mistake(
        "Hand the discriminator's gradients to d_optimizer.",
        _step(
            apply=lambda g_optimizer, d_optimizer, g, d, g_weights, d_weights: g_optimizer.apply(
                g, g_weights
            )
        ),
    ),
    "generator_not_updated": Mistake(
        "Hand the generator's gradients to g_optimizer.",
        _step(
            apply=lambda g_optimizer, d_optimizer, g, d, g_weights, d_weights: d_optimizer.apply(
                d, d_weights
            )
        ),
    ),
    "applied_more_than_once": Mistake(
        "One train step updates each network once.",
        _generator_twice,
    ),
    "noise_frozen": Mistake(
        "tf.function runs the Python of your step once and then repeats the operations it saw. "
        "NumPy's random numbers are Python: they became constants. Use `tf.random.normal`, which "
        "is an operation.",
        _step(noise=_with_numpy),
    ),
    "noise_fixed": Mistake(
        "Draw new noise in every step. A seed that is set inside the step, or noise that is drawn "
        "once outside of it, gives the same images over and over.",
        _step(
            noise=lambda images, latent_dim: keras.random.normal(
                (images.shape[0], latent_dim), seed=1
            )
        ),
    ),
    "uniform_noise": Mistake(
        "This course draws z from the normal distribution, `tf.random.normal`, wherever it makes "
        "images. (The DCGAN paper's z is uniform between -1 and 1; a generator that was trained on "
        "the one makes poor images of the other.)",
        _step(
            noise=lambda images, latent_dim: tf.random.uniform((tf.shape(images)[0], latent_dim))
        ),
    ),
    "other_noise": Mistake(
        "z is from the normal distribution with mean 0 and standard deviation 1, the default of "
        "`tf.random.normal`. (0.02 is the deviation of the first weights.)",
        _step(
            noise=lambda images, latent_dim: tf.random.normal(
                (tf.shape(images)[0], latent_dim), stddev=0.02
            )
        ),
    ),
    "one_vector": Mistake(
        "The generator makes as many equal images. Draw z of shape (number of images, latent_dim).",
        _step(
            noise=lambda images, latent_dim: tf.repeat(
                tf.random.normal((1, latent_dim)), tf.shape(images)[0], axis=0
            )
        ),
    ),
    "batch_size_fixed": Mistake(
        "Draw as many as there are images: the last batch of an epoch is smaller. Take the number "
        "from the images, `tf.shape(images)[0]`.",
        _step(noise=lambda images, latent_dim: tf.random.normal((16, latent_dim))),
    ),
    "latent_dim_fixed": Mistake(
        "Draw z of shape (number of images, latent_dim), with the argument latent_dim.",
        _step(noise=lambda images, latent_dim: tf.random.normal((tf.shape(images)[0], 100))),
    ),
    "noise_as_fakes": Mistake(
        "Fakes are what the generator makes of noise: `fakes = generator(z, training=True)`.",
        _noise_for_the_discriminator,
    ),
    "reals_as_fakes": Mistake(
        "The discriminator is told that the same images are real and fake. What it is to call fake "
        "is `discriminator(fakes, training=True)`.",
        _step(
            d_loss=lambda real, fake: _bce(_ones(real), real) + _bce(_zeros(real), real),
        ),
    ),
    "scaled_again": Mistake(
        "The images come scaled. Scaled twice they are nearly one colour, which the discriminator "
        "learns to tell at once. Use them as they are.",
        _step(see_real=lambda network, images: network(images / 127.5 - 1, training=True)),
    ),
    "no_training_flags": Mistake(
        "Call both with `training=True`. Without it, batch normalisation uses its running "
        "statistics, which then never move.",
        _step(
            make=lambda generator, z: generator(z),
            see_real=lambda network, images: network(images),
            see_fake=lambda network, fakes, images: network(fakes),
        ),
    ),
    "generator_in_inference": Mistake(
        "Write `generator(z, training=True)`. Without it, its batch normalisation uses the running "
        "statistics, which then never move.",
        _step(make=lambda generator, z: generator(z)),
    ),
    "discriminator_in_inference": Mistake(
        "Write `discriminator(..., training=True)`, for images and fakes. Without it, its batch "
        "normalisation uses the running statistics instead of the batch's own.",
        _step(
            see_real=lambda network, images: network(images, training=False),
            see_fake=lambda network, fakes, images: network(fakes, training=False),
        ),
    ),
    "frozen": Mistake(
        "There is no need: the generator's gradients are asked for by its own weights alone, so "
        "the discriminator stays as it is in that step. And in Keras 3 batch normalisation that is "
        "not trainable uses its running statistics, which changes the generator's gradient.",
        _frozen,
    ),
    "labels_swapped": Mistake(
        "The labels are swapped: 1 is for real images, 0 for fakes.",
        _step(d_loss=lambda real, fake: _bce(_zeros(real), real) + _bce(_ones(fake), fake)),
    ),
    "arguments_swapped": Mistake(
        "The cross-entropy's arguments are swapped: labels first, logits second, `bce(ones, "
        "real_logits)`. Swapped, every image pulls alike, however sure the discriminator is, and "
        "fakes do not pull at all.",
        _step(d_loss=lambda real, fake: _bce(real, _ones(real)) + _bce(fake, _zeros(fake))),
    ),
    "generator_arguments_swapped": Mistake(
        "The cross-entropy's arguments are swapped in the generator's loss: labels first, logits "
        "second, `bce(ones, fake_logits)`. Swapped, every fake pulls alike.",
        _step(g_loss=lambda real, fake: _bce(fake, _ones(fake))),
    ),
    "real_alone": Mistake(
        "The discriminator learns from the real images alone, so it calls everything real. Add the "
        "loss on the fakes.",
        _step(d_loss=lambda real, fake: _bce(_ones(real), real)),
    ),
    "fake_alone": Mistake(
        "The discriminator learns from the fakes alone, so it calls everything fake. Add the loss "
        "on the real images.",
        _step(d_loss=lambda real, fake: _bce(_zeros(fake), fake)),
    ),
    "all_called_real": Mistake(
        "For the discriminator fakes have the label 0: `tf.zeros_like(fake_logits)`.",
        _step(d_loss=lambda real, fake: _bce(_ones(real), real) + _bce(_ones(fake), fake)),
    ),
    "all_called_fake": Mistake(
        "For the discriminator real images have the label 1: `tf.ones_like(real_logits)`.",
        _step(d_loss=lambda real, fake: _bce(_zeros(real), real) + _bce(_zeros(fake), fake)),
    ),
    "difference": Mistake(
        "Add the two losses. With a minus between them the discriminator unlearns the fakes.",
        _step(d_loss=lambda real, fake: _bce(_ones(real), real) - _bce(_zeros(fake), fake)),
    ),
    "discriminator_ascends": Mistake(
        "The discriminator gets worse with every step: leave the minus out. Optimisers subtract "
        "the gradient already.",
        _step(d_target=lambda d_loss, g_loss: -d_loss),
    ),
    "generators_loss_for_both": Mistake(
        "That is the generator's loss. The discriminator's is the cross-entropy of real images "
        "with 1 plus that of fakes with 0.",
        _step(d_loss=_g_loss),
    ),
    "wrong_loss_for_the_discriminator": Mistake(
        "You return the right d_loss, but the tape was asked about g_loss: "
        "`d_tape.gradient(d_loss, discriminator.trainable_variables)`.",
        _step(d_target=lambda d_loss, g_loss: g_loss),
    ),
    "sum_of_both_losses": Mistake(
        "You differentiate the sum of both losses. The networks are opponents: each is moved by "
        "its own loss alone.",
        _step(
            d_target=lambda d_loss, g_loss: d_loss + g_loss,
            g_target=lambda d_loss, g_loss: d_loss + g_loss,
        ),
    ),
    "generator_called_fake": Mistake(
        "The generator learns to make what the discriminator calls fake. It wants its images to "
        "be called real: label 1, `tf.ones_like(fake_logits)`.",
        _step(g_loss=lambda real, fake: _bce(_zeros(fake), fake)),
    ),
    "wrong_loss_for_the_generator": Mistake(
        "You return the right g_loss, but the tape was asked about d_loss: "
        "`g_tape.gradient(g_loss, generator.trainable_variables)`.",
        _step(g_target=lambda d_loss, g_loss: d_loss),
    ),
    "saturating": Mistake(
        "That is the saturating loss, log(1 - D(G(z))): right in the game's theory, but where the "
        "discriminator is sure its gradient vanishes. Use the cross-entropy of the fakes with 1.",
        _step(g_loss=lambda real, fake: -_bce(_zeros(fake), fake)),
    ),
    "generator_ascends": Mistake(
        "The generator gets worse with every step: leave the minus out. Optimisers subtract the "
        "gradient already.",
        _step(g_target=lambda d_loss, g_loss: -g_loss),
    ),
    "sigmoid_twice": Mistake(
        "The sigmoid is taken twice, by you and by a loss with from_logits=True. The "
        "discriminator's outputs are logits: hand them over as they are.",
        _step(**_with_bce("sigmoid")),
    ),
    "no_logits": Mistake(
        "The discriminator's outputs are logits, any number; probabilities would be between 0 and "
        "1. Say so: `BinaryCrossentropy(from_logits=True)`.",
        _step(**_with_bce("no_logits")),
    ),
    "summed": Mistake(
        "That is as many times too much as there are images: take the mean over the batch. (From a "
        "loss with an entry for every image, a tape takes the sum.)",
        _step(**_with_bce("sum")),
    ),
    "needs_a_number": Mistake(
        "Return the losses as tensors: `.numpy()`, `float()` and `if` on a tensor's value work "
        "outside of tf.function only. Whoever calls the step can take the numbers.",
        _step(answer=lambda d_loss, g_loss: (d_loss.numpy(), g_loss.numpy())),
    ),
    "no_return": Mistake(
        "Write `return d_loss, g_loss` at the end.",
        _step(answer=lambda d_loss, g_loss: None),
    ),
    "one_loss": Mistake(
        "Return both losses: `return d_loss, g_loss`.",
        _step(answer=lambda d_loss, g_loss: d_loss),
    ),
    "returned_swapped": Mistake(
        "The discriminator's loss comes first: `return d_loss, g_loss`.",
        _step(answer=lambda d_loss, g_loss: (g_loss, d_loss)),
    ),
    "other_losses_returned": Mistake(
        "Return the losses that the gradients were taken of, as they were before the step.",
        _losses_of_another_batch,
    ),
}

_RIGHT = [
    _step(),
    _compiled(
        _step(noise=lambda images, latent_dim: keras.random.normal((len(images), latent_dim)))
    ),
    _in_turns,
    _compiled(_generator_first),
    _one_persistent_tape,
    _both_in_one_batch,
    _all_variables,
    _compiled(_apply_early),
    _step(d_loss=_smooth),
]


def register_train_step(lesson: Lesson) -> Exercise:
    """Add the exercise ``train_step`` to the lesson."""
    return lesson.exercise(
        "helpers.keras.training.train_step",
        probe=_probe,
        names_mistakes=True,
        mistakes=_MISTAKES,
        hints=[
            "Draw z. Then, with both tapes open: fakes from the generator, logits of the images "
            "and of the fakes from the discriminator, both losses. After the block: each tape's "
            "gradient of its loss by its network's trainable_variables, to its optimiser.",
            "`z = tf.random.normal((tf.shape(images)[0], latent_dim))`; "
            "`with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:`; in it "
            "`fakes = generator(z, training=True)`, and the discriminator with `training=True` on "
            "images and on fakes.",
            "`d_gradients = d_tape.gradient(d_loss, discriminator.trainable_variables)`; "
            "`d_optimizer.apply_gradients(zip(d_gradients, discriminator.trainable_variables))`; "
            "the same for the generator; `return d_loss, g_loss`.",
        ],
        right=_RIGHT,
        difficulty=3,
        minutes=15,
        seconds=60,
    )


"""train_step(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim)
-> (d_loss, g_loss): one update of each network. (●●●, 15 min)

images are float32 (N, H, W, 3) in [-1, 1], and N may differ from call to call. z is (N, latent_dim)
from N(0, 1), new in every call. Both networks are called with training=True. d_loss is the mean
cross-entropy of real images with 1 plus that of fakes with 0, g_loss that of fakes with 1, all on
logits; both are returned as scalar tensors, as they are before the update. It has to run eagerly
and inside tf.function; the decorator @tf.function is welcome but not needed.

What passes as well: tapes swapped or one persistent tape, one noise for both or one each, the
discriminator first or the generator first, fakes and images in one batch, half of d_loss (its
learning rate halved), one-sided label smoothing with 0.9."""

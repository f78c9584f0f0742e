"""What a Keras network computes, observed and not read: for the checks of lessons 05 and 06.

``watch`` traces a network once and then shows, for any weights, what enters each of its learnt
layers and what comes out, however the layers were written: every convolution and matrix product
with weights is found among the operations of the traced graph. ``relate`` says how a layer's output
becomes what enters the next one: which numbers of the one go with which of the other (padding,
cropping and flattening aside), along which line, with which slope for negative values.

Importing this module does not load TensorFlow; its functions do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks.sandbox import Complaint

if TYPE_CHECKING:
    import keras

#: The operations that have weights: kind, where the data enters, where the weights do.
_LEARNT_OPERATIONS = {
    "Conv2D": ("convolution", 0, 1),
    "DepthwiseConv2dNative": ("convolution", 0, 1),
    "Conv2DBackpropInput": ("transposed convolution", 2, 1),
    "MatMul": ("dense layer", 0, 1),
    "BatchMatMul": ("dense layer", 0, 1),
    "BatchMatMulV2": ("dense layer", 0, 1),
    "BatchMatMulV3": ("dense layer", 0, 1),
    "Einsum": ("dense layer", 0, 1),
}
# As far as eps and half precision may move a value, relative to the largest one.
_NEAR = 0.01


@dataclass(frozen=True)
class Step:
    """One use of a layer's weights on one batch.

    kind : "convolution", "transposed convolution" or "dense layer".
    entering, out : what it gets and gives, the latter before its bias is added.
    """

    kind: str
    entering: np.ndarray
    out: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A network's output for a batch in train mode, and the steps that made it."""

    output: np.ndarray
    steps: list[Step]


class Watch:
    """A network in train mode, traced: call it to see what it computes with its present weights.

    Calling changes nothing in the network, not even its running statistics.
    inputs : a batch; the network is traced for its shape. operations : the types of those
    operations, such as "MaxPool", that stand between the inputs and the output.
    """

    def __init__(self, network: keras.Model, inputs: np.ndarray) -> None:
        from helpers.keras import tf

        self._inputs = tf.constant(inputs)
        self._kinds: list[str] = []
        self.operations: set[str] = set()

        def run(batch: tf.Tensor) -> Any:
            output = network(batch, training=True)
            steps = self._find_steps(batch, tf.compat.v1.get_default_graph())
            return output, steps

        eagerly = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)  # a tf.function inside is to be seen through
        try:
            self._run = tf.compat.v1.wrap_function(
                run, [tf.TensorSpec(inputs.shape, self._inputs.dtype)]
            )
        except Exception as error:
            message = str(error).partition("\n\nArguments received")[0].split("\n")[-1]
            raise Complaint(
                "cannot be traced into a graph, as a train step under tf.function has to, though "
                f"it does answer: {type(error).__name__}: {message} Inside a network, use "
                "`keras.ops` and `x.shape`, not NumPy, `len` or `.numpy()`."
            ) from error
        finally:
            tf.config.run_functions_eagerly(eagerly)

    def _find_steps(self, batch: Any, graph: Any) -> list[tuple[Any, Any]]:
        from helpers.keras import tf

        data, learnt, steps = {batch.ref()}, set(), []
        for operation in graph.get_operations():
            inputs = [tensor.ref() for tensor in operation.inputs]
            outputs = {tensor.ref() for tensor in operation.outputs}
            from_data = not data.isdisjoint(inputs)
            if from_data:
                data |= outputs
                self.operations.add(operation.type)
            elif not learnt.isdisjoint(inputs) or any(
                tensor.dtype == tf.resource for tensor in operation.outputs
            ):
                learnt |= outputs
            if "Random" in operation.type:
                self.operations.add(operation.type)
            if not from_data or operation.type not in _LEARNT_OPERATIONS:
                continue
            kind, entering, weights = _LEARNT_OPERATIONS[operation.type]
            if kind == "dense layer" and inputs[weights] not in learnt:
                entering, weights = weights, entering
            if inputs[entering] in data and inputs[weights] in learnt:
                self._kinds.append(kind)
                steps.append((operation.inputs[entering], operation.outputs[0]))
        return steps

    def __call__(self) -> Seen:
        output, pairs = self._run(self._inputs)
        steps = [
            Step(kind, entering.numpy().astype(float), out.numpy().astype(float))
            for kind, (entering, out) in zip(self._kinds, pairs, strict=True)
        ]
        return Seen(np.asarray(output, float), steps)


def numbers(shape: Sequence[int], seed: int) -> np.ndarray:
    """Normal numbers, float32, the same for the same shape and seed."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def a_network(value: Any) -> keras.layers.Layer:
    """The value, which has to be a Keras network. Raises Complaint."""
    from helpers.keras import keras

    if isinstance(value, type) and issubclass(value, keras.layers.Layer):
        raise Complaint(
            "returned a class. Return a network made from it, with the brackets of a call."
        )
    if isinstance(value, keras.KerasTensor):
        raise Complaint(
            "returned what the last layer puts out. Make a network of the inputs and that: "
            "keras.Model(inputs, outputs)."
        )
    if not isinstance(value, keras.layers.Layer):
        kind = "None" if value is None else f"a value of type {type(value).__name__}"
        raise Complaint(f"returned {kind}, not a keras.Model.")
    return value


def fill(network: keras.Model, factor: float) -> None:
    """Give every kernel known numbers, such that it makes its outputs about ``factor`` large.

    Gammas, betas and biases stay as they are.
    """
    for seed, variable in enumerate(kernels(network)):
        fan_in = np.prod(variable.shape[:-1])
        variable.assign(factor / np.sqrt(fan_in) * numbers(variable.shape, seed))


def kernels(network: keras.Model) -> list[keras.Variable]:
    """The weights of convolutions and dense layers that can learn."""
    return [each for each in network.trainable_variables if _is_kernel(each)]


def _is_kernel(variable: keras.Variable) -> bool:
    """One number per channel, as a scale of shape (1, 1, 1, C) has it, is none."""
    return len(variable.shape) in (2, 4) and int(np.prod(variable.shape[:-1])) > 1


@dataclass(frozen=True)
class Relation:
    """How a layer's output u becomes what enters the next one.

    Per channel (or unit) v = gain * u + shift, and what enters is v where v > 0 and slope * v
    elsewhere; or the activation comes first, with its kink at u = 0 or at u's mean.

    kink : "v" (the activation comes last), "u" (first) or "mean" (between two normalisations).
    groups : "channel", "unit" or "image", what has a line of its own.
    gains : one per group. deviations : u's standard deviation in each of them, over all its values.
    means : v's mean in each of them.
    """

    kink: str
    groups: str
    slope: float
    gains: np.ndarray
    deviations: np.ndarray
    means: np.ndarray


def relate(out: np.ndarray, entering: np.ndarray) -> Relation | None:
    """How ``out`` becomes ``entering``; None where it is not by lines and a kink.

    A line per channel is tried first, then one per unit (as batch normalisation of flat values
    has it), then one per image and channel.
    """
    for kink in ("v", "u", "mean"):
        for groups, u, w in aligned(out, entering):
            relation = _kinked_lines(kink, groups, u, w)
            if relation:
                return relation
    return None


def activation_before(first: Seen, number: int, known: np.ndarray) -> str:
    """The activation that acts on a step's output before it is normalised, or an empty string.

    If another one follows the normalisation, what enters the next layer may look as if there were
    that one alone; but then what is normalised has another mean and deviation than 0 and 1.
    known : the scales and shifts that a normalisation may have, 0 and 1 aside.
    """
    step, later = first.steps[number : number + 2]

    def fits(u: np.ndarray) -> bool:
        relation = relate(u, later.entering)
        if relation is None or relation.kink != "v" or relation.groups == "image":
            return False
        deviations = relation.gains * relation.deviations
        return _all_among(deviations, [1.0, *known]) and _all_among(relation.means, [0.0, *known])

    if fits(step.out):
        return ""
    slopes = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
    lines = {"ReLU": 0.0} | {f"LeakyReLU with slope {slope:.2f}": slope for slope in slopes}
    found = [
        name
        for name, slope in lines.items()
        if fits(np.where(step.out > 0, step.out, slope * step.out))
    ]
    found += [
        name for name, function in _curves().items() if not found and fits(function(step.out))
    ]
    return found[0] if found else ""


def _all_among(values: np.ndarray, known: Sequence[float]) -> bool:
    """Whether each value is one of the known ones, as far as can be seen."""
    return bool((np.abs(values[:, None] - np.asarray(known)).min(1) < 0.03).all())


def curve(out: np.ndarray, entering: np.ndarray) -> str:
    """The name of a curved activation that makes ``entering`` of ``out``, or an empty string."""
    misfits: dict[str, float] = {}
    for groups, u, w in aligned(out, entering):
        if groups == "image":
            continue
        normalised = (u - u.mean(0)) / np.maximum(u.std(0), 1e-9)
        for name, function in _curves().items():
            misfit = min(np.abs(function(v) - w).max() for v in (u, normalised))
            misfit /= max(np.abs(w).max(), 0.5)
            misfits[name] = min(misfit, misfits.get(name, np.inf))
    best = min(misfits, key=misfits.__getitem__, default="")
    return best if best and misfits[best] < 0.02 else ""


def _curves() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * np.tanh(v / 2)

    return {
        "tanh": np.tanh,
        "sigmoid": sigmoid,
        "ELU": lambda v: np.where(v > 0, v, np.expm1(np.minimum(v, 0))),
        "SELU": lambda v: 1.0507 * np.where(v > 0, v, 1.6733 * np.expm1(np.minimum(v, 0))),
        "GELU": lambda v: 0.5 * v * (1 + np.tanh(0.79788456 * (v + 0.044715 * v**3))),
        "SiLU": lambda v: v * sigmoid(v),
        "softplus": lambda v: np.logaddexp(v, 0),
    }


def same_size(out: np.ndarray, entering: np.ndarray) -> bool:
    """Whether the maps have one size but for a margin that was added or cut off."""
    return next(_laid_out(out, entering), None) is not None


def unchanged(given: np.ndarray, entering: np.ndarray) -> bool:
    """Whether a layer gets what was given to the network, but for a margin and the shape."""
    return any(np.allclose(u, w, 1e-4, 1e-4) for u, w in _laid_out(given, entering))


_Laid = tuple[np.ndarray, np.ndarray]


def _laid_out(out: np.ndarray, entering: np.ndarray) -> Iterator[_Laid]:
    """out and entering in one shape, in every way that can be meant."""
    if out.ndim == 2 and entering.ndim == 2 and out.shape == entering.shape:
        yield out, entering
    elif out.ndim == 4 and entering.ndim == 2 and out[0].size == entering[0].size:
        n, height, width, channels = out.shape
        yield out, entering.reshape(out.shape)
        yield out, entering.reshape(n, channels, height, width).transpose(0, 2, 3, 1)
    elif out.ndim == 2 and entering.ndim == 4 and out[0].size == entering[0].size:
        n, height, width, channels = entering.shape
        yield out.reshape(entering.shape), entering
        yield out.reshape(n, channels, height, width).transpose(0, 2, 3, 1), entering
    elif out.ndim == 4 and entering.ndim == 4 and out.shape[3] == entering.shape[3]:
        margins = [entering.shape[axis] - out.shape[axis] for axis in (1, 2)]
        if max(margins) > 4 or min(margins) < -4 or min(margins) * max(margins) < 0:
            return
        smaller = [min(out.shape[axis], entering.shape[axis]) for axis in (1, 2)]
        middle = [abs(margin) / 2 for margin in margins]
        starts = itertools.product(*(range(abs(margin) + 1) for margin in margins))
        for start in sorted(starts, key=lambda s: abs(s[0] - middle[0]) + abs(s[1] - middle[1])):
            rows, columns = (slice(a, a + size) for a, size in zip(start, smaller, strict=True))
            if max(margins) > 0:
                yield out, entering[:, rows, columns]
            else:
                yield out[:, rows, columns], entering


def aligned(out: np.ndarray, entering: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(kind of groups, u, w) for every layout and every kind; u and w are (values, groups)."""
    for u, w in _laid_out(out, entering):
        if u.ndim == 2:
            yield "unit", u, w
            continue
        channels = u.shape[3]
        yield "channel", u.reshape(-1, channels), w.reshape(-1, channels)
    for u, w in _laid_out(out, entering):
        if u.ndim == 4:
            if 2 in (out.ndim, entering.ndim):
                yield "unit", u.reshape(len(u), -1), w.reshape(len(w), -1)
            if u.shape[1] * u.shape[2] >= 8:
                yield "image", _per_image(u), _per_image(w)


def _per_image(maps: np.ndarray) -> np.ndarray:
    n, height, width, channels = maps.shape
    return maps.transpose(1, 2, 0, 3).reshape(height * width, n * channels)


def _normalised(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    centred = values - values.mean(axes, keepdims=True)
    return centred / np.maximum(centred.std(axes, keepdims=True), 1e-9)


def _kinked_lines(kink: str, groups: str, u: np.ndarray, w: np.ndarray) -> Relation | None:
    scale = max(np.abs(w).max(), 1e-9)
    if kink == "v":
        upper, lower = w > 0, w < 0
    else:
        middle = 0.0 if kink == "u" else u.mean(0)
        upper, lower = u > middle, u < middle
    gains, shifts = _lines(u, w, upper)
    lower_gains, _ = _lines(u, w, lower)
    known = np.isfinite(gains)
    if not known.any():
        return None
    both = known & np.isfinite(lower_gains) & (np.abs(gains) > 1e-6)
    slope = float(np.median(lower_gains[both] / gains[both])) if both.any() else 0.0
    u, w, gains, shifts = u[:, known], w[:, known], gains[known], shifts[known]
    v = gains * u + shifts
    if kink == "v":
        expected = np.where(v > 0, v, slope * v)
    else:
        at_kink = gains * (0.0 if kink == "u" else u.mean(0)) + shifts
        expected = at_kink + np.where(v > at_kink, 1.0, slope) * (v - at_kink)
    if np.abs(expected - w).max() > _NEAR * scale:
        return None
    return Relation(kink, groups, slope, gains, u.std(0), v.mean(0))


def _lines(u: np.ndarray, w: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and shift of each column's line through the points where; nan with fewer than four."""
    count = where.sum(0)
    enough = np.maximum(count, 1)
    mean_u, mean_w = (u * where).sum(0) / enough, (w * where).sum(0) / enough
    centred = (u - mean_u) * where
    spread = (centred**2).sum(0)
    known = (count >= 4) & (spread > 1e-12 * np.maximum((u**2).sum(0), 1e-30))
    gains = np.where(known, (centred * (w - mean_w)).sum(0) / np.where(known, spread, 1), np.nan)
    return gains, mean_w - gains * mean_u


def follows_the_batch(first: Relation, second: Relation) -> bool | None:
    """Whether u is normalised: with weights ``second``'s times as large, are its gains smaller?

    True for batch statistics, False for a fixed line, None for neither.
    """
    if first.gains.shape != second.gains.shape:
        return None
    ratio = np.median(second.gains / first.gains)
    spread = np.median(second.deviations / np.maximum(first.deviations, 1e-9))
    if abs(ratio - 1) < 0.05:
        return False
    return True if abs(ratio * spread - 1) < 0.15 else None


@dataclass(frozen=True)
class Look:
    """A network in train mode, with kernels that make large values and with ones twice as large.

    moved : with the first kernels, and all that learns besides them (scales, shifts, slopes) ten
        times as large and then 0.3 larger where it was 0.
    """

    network: keras.Model
    watch: Watch
    first: Seen
    second: Seen
    moved: Seen

    def relations(self, number: int) -> tuple[Relation | None, Relation | None]:
        """How the step's output becomes what enters the next one, with either kernels."""
        pairs = [seen.steps[number : number + 2] for seen in (self.first, self.second)]
        return tuple(relate(step.out, later.entering) for step, later in pairs)


# Large against the eps of any batch normalisation.
_SMALLER, _LARGER = 4.0, 8.0


def look_at(network: keras.Model, inputs: np.ndarray) -> Look:
    """Watch the network with known kernels; they stay in it, scaled to keep values near 1.

    So do scales that began near 0, as larger ones.
    """
    watch = Watch(network, inputs)
    fill(network, _SMALLER)
    for each in network.trainable_variables:
        largest = float(np.abs(each.numpy()).max())
        if "gamma" in each.path and 0 < largest < 0.3:
            each.assign(each / largest)  # small scales would make the next layer's eps count
    first = watch()
    others = [each for each in network.trainable_variables if not _is_kernel(each)]
    values = [each.numpy() for each in others]
    for each, value in zip(others, values, strict=True):
        each.assign(np.where(value == 0, 0.3, 10 * value))
    moved = watch()
    for each, value in zip(others, values, strict=True):
        each.assign(value)
    fill(network, _LARGER)
    second = watch()
    fill(network, 1.0)
    return Look(network, watch, first, second, moved)


def complain_of_what_follows(look: Look, number: int, normalised: bool, slope: float) -> None:
    """Require [batch normalisation and] an activation of that slope after step ``number``.

    Raises Complaint, which names one of the mistakes ``no_batch_norm``, ``frozen_batch_norm``,
    ``batch_norm_on_the_input_layer``, ``batch_norm_after_the_activation``, ``batch_norm_twice``,
    ``activation_twice``, ``per_image``, ``no_activation``, ``relu``, ``keras_slope``,
    ``torch_slope``, ``other_activation``, or none.
    """
    step, later = look.first.steps[number : number + 2]
    after = f"after {step.kind} {number + 1}"
    if np.ptp(later.entering) == 0:
        raise Complaint(
            f"{after} the next layer gets {later.entering.flat[0]:.2f} everywhere, whatever comes "
            "in. Are the scales (gamma) 0?"
        )
    first, second = look.relations(number)
    if normalised:
        _complain_of_an_activation_before(look, number, after, first, second)
    if first is None or second is None:
        name = curve(step.out, later.entering)
        if name:
            raise Complaint(f"{after} the activation is {name}.", mistake="other_activation")
        _complain_of_other_normalisations(step.out, later.entering, after)
        raise Complaint(
            f"{after} something else happens than "
            f"{'batch normalisation and ' if normalised else ''}"
            f"{'LeakyReLU' if slope else 'ReLU'}."
        )
    if first.groups == "image":
        raise Complaint(f"{after} each image is normalised by itself.", mistake="per_image")
    follows = follows_the_batch(first, second)
    slope_seen = f"passes on {abs(first.slope):.2f} of a negative value"
    if first.kink == "mean":
        raise Complaint(f"{after} the values are normalised twice.", mistake="batch_norm_twice")
    if first.kink == "u" and follows:
        raise Complaint(
            f"{after} the activation comes first and batch normalisation second.",
            mistake="batch_norm_after_the_activation",
        )
    if first.kink == "u" or follows is None:
        raise Complaint(f"{after} something else happens than normalisation and activation.")
    if follows and not normalised:
        raise Complaint(
            f"{after} a channel's values are normalised to mean 0 and deviation "
            f"{np.median(first.gains * first.deviations):.2f}.",
            mistake="batch_norm_on_the_input_layer",
        )
    if normalised and not follows:
        frozen = _depends_on_running_statistics(look, number)
        how = "nothing is normalised at all"
        if frozen:
            how = "values are normalised by statistics that are not the batch's"
        raise Complaint(
            f"{after} {how}: with weights twice as large the next layer gets larger values too.",
            mistake="frozen_batch_norm" if frozen else "no_batch_norm",
        )
    if abs(first.slope - slope) > 0.005:
        named = {0.0: "relu", 0.3: "keras_slope", 0.01: "torch_slope", 1.0: "no_activation"}
        named[0.2] = "leaky_relu"
        slugs = [slug for known, slug in named.items() if abs(first.slope - known) < 0.003]
        raise Complaint(f"{after} the activation {slope_seen}.", mistake=slugs[0] if slugs else "")
    step, later = look.moved.steps[number : number + 2]
    largest = float(later.entering.max())
    if largest > 0 and (later.entering > 0.999 * largest).mean() > 0.01:
        raise Complaint(
            f"{after} no value gets larger than {largest:.2f}, however large the weights are.",
            mistake="other_activation",
        )
    moved = relate(step.out, later.entering)
    if moved and moved.kink == "v" and abs(moved.slope - slope) > 0.05:
        raise Complaint(
            f"{after} the activation learns what it passes on of a negative value.",
            mistake="other_activation",
        )


def _complain_of_other_normalisations(out: np.ndarray, entering: np.ndarray, after: str) -> None:
    if entering.ndim == 4 and relate(out, entering.swapaxes(1, 2)):
        raise Complaint(
            f"{after} height and width change places. Maps are (height, width, channels) all the "
            "way: nothing has to be permuted."
        )
    maps = out.reshape(entering.shape) if entering.ndim == 4 and out.ndim == 2 else out
    ways = [(maps, (1, 2, 3)), (maps, (3,)), (maps, (0, 2, 3))] if maps.ndim == 4 else []
    for numbers_out, axes in [*ways, *([(out, (1,))] if out.ndim == 2 else [])]:
        if not relate(_normalised(numbers_out, axes), entering):
            continue
        if axes == (0, 2, 3):
            raise Complaint(
                f"{after} each row of the maps is normalised, not each channel: leave out `axis=`."
            )
        what = "pixel" if axes == (3,) else "image"
        raise Complaint(f"{after} each {what} is normalised by itself.", mistake="per_image")


def _complain_of_an_activation_before(
    look: Look, number: int, after: str, first: Relation | None, second: Relation | None
) -> None:
    if first and (first.kink != "v" or first.groups == "image"):
        return
    if first and second and not follows_the_batch(first, second):
        return
    vectors = [each for each in look.network.trainable_variables if len(each.shape) == 1]
    known = np.concatenate([np.zeros(1), *(each.numpy() for each in vectors)])
    name = activation_before(look.first, number, known)
    if name:
        raise Complaint(
            f"{after} {name} acts before batch normalisation, and another activation after it.",
            mistake="activation_twice",
        )


def _depends_on_running_statistics(look: Look, number: int) -> bool:
    statistics = [
        each for each in look.network.non_trainable_variables if each.dtype.startswith("float")
    ]
    before = [each.numpy() for each in statistics]
    now = look.watch().steps[number + 1].entering
    for each in statistics:
        each.assign(4 * each + 0.5)
    moved = look.watch().steps[number + 1].entering
    for each, value in zip(statistics, before, strict=True):
        each.assign(value)
    return not np.allclose(now, moved, 1e-3, 1e-3 * np.abs(now).max())


def complain_of_weights(network: keras.Model) -> None:
    """Require that the network has weights and that all kernels can learn.

    Raises Complaint: ``layers_made_in_call``, ``not_trainable``, ``constant_weights``.
    """
    fixed = [each for each in network.non_trainable_variables if _is_kernel(each)]
    if not network.weights:
        raise Complaint("are none that the network knows of.", mistake="layers_made_in_call")
    if fixed or not kernels(network):
        count = sum(int(np.prod(each.shape)) for each in network.trainable_variables)
        raise Complaint(
            f"are fixed, at least some: an optimiser would move {count:,} numbers, but not those "
            f"of {fixed[0].path if fixed else 'the kernels'}.",
            mistake="not_trainable",
        )
    constant = [each for each in kernels(network) if np.ptp(each.numpy()) == 0]
    if len(constant) > 1:  # one alone, the last layer's, can learn
        value = float(constant[0].numpy().flat[0])
        raise Complaint(
            f"of {len(constant)} layers begin as one number each, {value:g} all over "
            f"{constant[0].path}.",
            mistake="constant_weights",
        )


def complain_of_randomness(look: Look) -> None:
    """Require that nothing random enters in training. ``dropout``."""
    kinds = [kind for kind in look.watch.operations if "Random" in kind]
    if not kinds:
        return
    shares = [float((step.entering == 0).mean()) for step in look.first.steps[1:]]
    if max(shares, default=0.0) > 0.02 and any("Uniform" in kind for kind in kinds):
        where = int(np.argmax(shares))
        raise Complaint(
            f"sets {shares[where]:.0%} of the values behind {look.first.steps[where].kind} "
            f"{where + 1} to 0, others each time.",
            mistake="dropout",
        )
    raise Complaint("draws random numbers, as layers of noise do. Leave them out.")


def complain_of_idle_weights(network: keras.Model, inputs: np.ndarray) -> None:
    """Require that each trainable number changes the output, and gets a gradient for it.

    Raises Complaint: ``detached``, ``bias_before_batch_norm``.
    """
    from helpers.keras import tf

    with tf.GradientTape() as tape:
        output = network(inputs, training=True)
        loss = tf.reduce_sum(output * numbers(output.shape, 5))
    variables = network.trainable_variables
    gradients = tape.gradient(loss, variables)
    cut = [v for v, each in zip(variables, gradients, strict=True) if each is None]
    cut = [each for each in cut if _matters(network, inputs, each)]
    if cut:
        names = ", ".join(each.path for each in cut[:3])
        raise Complaint(
            f"get no gradient, though the network uses them: {len(cut)} of {len(variables)} "
            f"arrays, such as {names}.",
            mistake="detached",
        )
    sizes = [0.0 if each is None else float(tf.reduce_max(tf.abs(each))) for each in gradients]
    idle = [
        variable
        for variable, size in zip(variables, sizes, strict=True)
        if size < 1e-3 * max(sizes)  # rounding leaves 1e-6, what matters 0.05 or more
    ]
    if idle:
        names = ", ".join(f"{each.path} ({int(np.prod(each.shape))} numbers)" for each in idle)
        vectors = all(len(each.shape) == 1 for each in idle)
        if vectors and any("gamma" in each.path for each in idle):
            raise Complaint(
                f"change no output in training: {names}. A scale is idle if another batch "
                "normalisation follows at once: one is enough."
            )
        raise Complaint(
            f"change no output in training: {names}.",
            mistake="bias_before_batch_norm" if vectors else "",
        )


def _matters(network: keras.Model, inputs: np.ndarray, variable: keras.Variable) -> bool:
    """Whether the network's output is another one with other numbers in the variable."""
    value = variable.numpy()
    before = np.asarray(network(inputs, training=True))
    variable.assign(value + numbers(value.shape, 3))
    after = np.asarray(network(inputs, training=True))
    variable.assign(value)
    return not np.allclose(before, after, 1e-3, 1e-3)


def complain_of_cut_inputs(network: keras.Model, inputs: np.ndarray) -> None:
    """Require that a gradient gets back to the inputs. ``input_detached``."""
    from helpers.keras import tf

    given = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = tf.reduce_sum(network(given, training=True))
    if tape.gradient(loss, given) is None:
        raise Complaint("of the output does not get back to the input.", mistake="input_detached")


def complain_of_inference(network: keras.Model, inputs: np.ndarray) -> None:
    """Require that inference uses running statistics, which training moves. ``always_training``."""
    together = np.asarray(network(inputs, training=False))
    alone = np.asarray(network(inputs[1:2], training=False))
    if alone.shape != together[1:2].shape:
        raise Complaint(
            f"the answer to a batch of one has shape {alone.shape}, should be "
            f"{together[1:2].shape}. Is there a `squeeze`? It drops the batch axis too, where that "
            "is 1."
        )
    difference = np.abs(together[1:2] - alone).max()
    # A GPU may compute a batch of another size by another algorithm, with three digits.
    if difference > 0.01 * max(np.abs(together).max(), 1e-3):
        raise Complaint(
            f"with training=False, the answer to one input moves by {difference:.2g} with what "
            "else is in the batch.",
            mistake="always_training",
        )
    network(3 * inputs + 1, training=True)
    if np.array_equal(together, np.asarray(network(inputs, training=False))):
        raise Complaint(
            "training leaves the running statistics where they are, so that inference makes no "
            "use of the data: do the layers get the argument training, and is their momentum "
            "less than 1?"
        )

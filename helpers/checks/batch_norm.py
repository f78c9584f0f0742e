"""Checks of lesson 04, batch normalisation, in PyTorch.

The string below each exercise is what the lesson has to tell the learner about it.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask
from helpers.pytorch import batch_norm as reference

lesson = Lesson("04", "Batch normalisation")
progress = lesson.progress

# float32 in another order of operations; every known mistake is far larger.
_TOLERANCE = 1e-4

# Few values per channel make n/(n - 1) visible, a large eps makes eps visible. The second column
# varies so little that the default eps is visible too.
_ROWS = torch.tensor([[1.0, 0.011], [3.5, 0.004], [2.0, 0.017], [6.0, -0.008]])
_WIDE_ROWS = torch.tensor([[1.0, -2.0], [3.5, 5.0], [2.0, -4.0], [6.0, 1.5]])
_ROW_GAMMA, _ROW_BETA = torch.tensor([2.0, -0.5]), torch.tensor([0.3, 1.5])
_IMAGES = torch.tensor(
    [1.0, 2.5, -4.0, -1.0, 0.6, 0.9, 0.3, 1.9, -7.0, -2.2, 1.4, -0.2]
).reshape(2, 3, 2, 1)  # fmt: skip
_MORE_IMAGES = torch.tensor(
    [0.2, 1.1, -3.0, 2.0, 0.9, 3.0, 1.7, -1.2, 0.4, -6.0, 2.2, 0.1,
     2.9, 0.8, -1.5, -0.4, 1.3, 2.5]
).reshape(3, 3, 1, 2)  # fmt: skip
_GAMMA, _BETA = torch.tensor([0.5, 2.0, -1.5]), torch.tensor([1.0, -2.0, 0.3])
_MEAN, _VAR = torch.tensor([0.4, -1.0, 2.0]), torch.tensor([0.5, 3.0, 1.6])
_ONE_IMAGE = torch.tensor(
    [0.5, 3.0, 1.5, -2.0, 0.0, 4.5, 0.3, -0.7, 1.8, 1.1, -1.6, 0.9]
).reshape(1, 2, 3, 2)  # fmt: skip


_ONE_OF_THREE = _ONE_IMAGE.reshape(1, 3, 2, 2)


def _weights(x: torch.Tensor) -> torch.Tensor:
    """What a loss multiplies y with: unequal, without a pattern that a sum could hide."""
    return torch.cos(torch.arange(1.0, x.numel() + 1) ** 2).reshape(x.shape).to(x.dtype)


def _axes(x: torch.Tensor) -> tuple[int, ...]:
    return tuple(axis for axis in range(x.ndim) if axis != 1)


def _along(x: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    return vector.reshape(1, -1, *[1] * (x.ndim - 2))


def _count(x: torch.Tensor) -> int:
    return x.numel() // x.shape[1]


def _kind(value: Any) -> str:
    """What a value is, without its numbers."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, tuple | list) and len(value) <= 6:
        return f"a {type(value).__name__} of {len(value)}"
    article = "an" if type(value).__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def _tensor(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise Complaint(f"is {_kind(value)}. It has to be a tensor, for gradients to flow back.")
    return value


def _parts(value: Any, names: str) -> list[torch.Tensor]:
    """The tensors of an answer that has several."""
    count = names.count(",") + 1
    parts = list(value) if isinstance(value, tuple | list) else []
    if isinstance(value, torch.Tensor) and value.ndim == 2 and len(value) == count:
        parts = list(value)  # torch.stack unpacks just as well
    if len(parts) != count or not all(isinstance(part, torch.Tensor) for part in parts):
        kinds = ", ".join(_kind(part) for part in parts)
        told = f"{_kind(value)} ({kinds})" if kinds else _kind(value)
        raise Complaint(f"is {told}. The function has to end in `return {names}`, {count} tensors.")
    return parts


@dataclass(frozen=True)
class _Call:
    """A call for a probe to make: what the learner reads of it, and its arguments by name."""

    told: str
    arguments: Mapping[str, torch.Tensor]
    options: Mapping[str, float]

    def label(self, name: str) -> str:
        words = [*self.arguments, *(f"{key}={value}" for key, value in self.options.items())]
        return f"{name}({', '.join(words)}) with {self.told}"

    def fresh(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.arguments.items()}


def _question(name: str, call: _Call, attempt: Callable, **options: Any) -> Question:
    """Ask for the call's value; the engine sees whether the arguments are changed."""
    inputs = call.fresh()
    answer = functools.partial(attempt, *inputs.values(), **call.options)
    return Question(call.label(name), answer, inputs=inputs, **options)


def _gradient_questions(
    name: str, call: _Call, attempt: Callable, wanted: Collection[str]
) -> Generator[Question, Any, None]:
    """Ask for the gradients of a weighted sum of the call's value by the wanted arguments."""

    def gradients() -> dict[str, torch.Tensor]:
        inputs = call.fresh()
        for each in wanted:
            inputs[each].requires_grad_()
        y = _tensor(attempt(*inputs.values(), **call.options))
        leaves = [inputs[each] for each in wanted]
        return dict(zip(wanted, _gradient(y, leaves), strict=True))

    label = call.label(name)
    found = yield ask(f"The result of {label}", gradients, compare=False)
    for each in wanted:
        yield ask(
            f"The gradient that flows back to {each} through {label}",
            lambda each=each: found[each],
        )


def _gradient(y: torch.Tensor, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The gradient of a weighted sum of y by each leaf, 0 where none arrives."""
    learning = [leaf for leaf in leaves if leaf.requires_grad]
    found: dict[int, torch.Tensor | None] = {}
    if y.requires_grad and learning:
        loss = (y * _weights(y.detach())).sum()
        gradients = torch.autograd.grad(loss, learning, retain_graph=True, allow_unused=True)
        found = {id(leaf): each for leaf, each in zip(learning, gradients, strict=True)}
    return [
        torch.zeros_like(leaf) if found.get(id(leaf)) is None else found[id(leaf)]
        for leaf in leaves
    ]


# --- batch_norm_train -------------------------------------------------------------------------


_TRAIN_CALLS = [
    _Call(
        "x of shape (4, 2), gamma 1 and beta 0",
        {"x": _ROWS, "gamma": torch.ones(2), "beta": torch.zeros(2)},
        {},
    ),
    _Call(
        "x of shape (4, 2)",
        {"x": _WIDE_ROWS, "gamma": _ROW_GAMMA, "beta": _ROW_BETA},
        {"eps": 0.1},
    ),
    _Call(
        "one image, x of shape (1, 2, 3, 2)",
        {"x": _ONE_IMAGE, "gamma": _ROW_GAMMA, "beta": _ROW_BETA},
        {"eps": 0.1},
    ),
    _Call(
        "x of shape (2, 3, 2, 1)",
        {"x": _IMAGES, "gamma": _GAMMA, "beta": _BETA},
        {"eps": 0.1},
    ),
]


def _train_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for call in _TRAIN_CALLS:
        yield _question("batch_norm_train", call, attempt, required=False)
    wanted = ("x", "gamma", "beta")
    yield from _gradient_questions("batch_norm_train", _TRAIN_CALLS[-1], attempt, wanted)


def _train(formula: Callable) -> Callable:
    """A wrong answer from its formula; mean and var, gamma and beta are shaped to meet x."""

    def wrong(x, gamma, beta, eps=1e-5):
        axes = _axes(x)
        mean, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
        return formula(x, mean, var, _along(x, gamma), _along(x, beta), eps)

    return wrong


def _train_over(axes: Callable) -> Callable:
    """A wrong answer that takes its statistics over other axes."""

    def wrong(x, gamma, beta, eps=1e-5):
        mean = x.mean(axes(x), keepdim=True)
        var = x.var(axes(x), correction=0, keepdim=True)
        return _along(x, gamma) * (x - mean) / (var + eps).sqrt() + _along(x, beta)

    return wrong


def _centres_in_place(x, mean, var, gamma, beta, eps):
    x -= mean
    return gamma * x / (var + eps).sqrt() + beta


def _vectors_left_alone(x, gamma, beta, eps=1e-5):
    axes = _axes(x)
    mean, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    return gamma * (x - mean) / (var + eps).sqrt() + beta


def _nothing_shaped(x, gamma, beta, eps=1e-5):
    mean, var = x.mean(_axes(x)), x.var(_axes(x), correction=0)
    return gamma * (x - mean) / (var + eps).sqrt() + beta


def _rows_formula(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0, correction=0) + eps).sqrt() + beta


def _train_by_loops(x, gamma, beta, eps=1e-5):
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        channel = x[:, c]
        mean = channel.mean()
        var = ((channel - mean) ** 2).mean()
        y[:, c] = gamma[c] * (channel - mean) / torch.sqrt(var + eps) + beta[c]
    return y


def _train_by_moving_the_channels_last(x, gamma, beta, eps=1e-5):
    last = x.movedim(1, -1)
    flat = last.reshape(-1, x.shape[1])
    var, mean = torch.var_mean(flat, 0, correction=0)
    return (gamma * (last - mean) * torch.rsqrt(var + eps) + beta).movedim(-1, 1)


def _train_by_einsum(x, gamma, beta, eps=1e-5):
    n = x.numel() / x.shape[1]
    mean = torch.einsum("nc...->c", x) / n
    centred = x - mean.reshape((-1,) + (1,) * (x.ndim - 2))
    var = torch.einsum("nc...,nc...->c", centred, centred) / n
    scaled = torch.einsum("nc...,c->nc...", centred, gamma / (var + eps) ** 0.5)
    return scaled + beta.reshape((-1,) + (1,) * (x.ndim - 2))


batch_norm_train: Exercise = lesson.exercise(
    reference.batch_norm_train,
    probe=_train_probe,
    mistakes={
        "beta_missing": Mistake(
            "beta never enters. After gamma * normalised comes + beta.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v + eps).sqrt()),
        ),
        "gamma_missing": Mistake(
            "gamma never enters. Multiply what you have normalised by gamma, then add beta.",
            _train(lambda x, m, v, g, b, eps: (x - m) / (v + eps).sqrt() + b),
        ),
        "only_normalised": Mistake(
            "You stop at mean 0 and variance 1. The learnt scale and shift come after that: times "
            "gamma, plus beta.",
            _train(lambda x, m, v, g, b, eps: (x - m) / (v + eps).sqrt()),
        ),
        "gamma_and_beta_swapped": Mistake(
            "You multiply by beta and add gamma. It is the other way round.",
            _train(lambda x, m, v, g, b, eps: b * (x - m) / (v + eps).sqrt() + g),
        ),
        "beta_scaled_too": Mistake(
            "You add beta before you multiply, so it is scaled by gamma too. First gamma * "
            "normalised, then + beta.",
            _train(lambda x, m, v, g, b, eps: g * ((x - m) / (v + eps).sqrt() + b)),
        ),
        "beta_normalised_too": Mistake(
            "You add beta before you divide by the standard deviation. It comes last.",
            _train(lambda x, m, v, g, b, eps: (g * (x - m) + b) / (v + eps).sqrt()),
        ),
        "not_centred": Mistake(
            "You divide by the standard deviation but do not subtract the mean before.",
            _train(lambda x, m, v, g, b, eps: g * x / (v + eps).sqrt() + b),
        ),
        "brackets_missing": Mistake(
            "`x - mean / std` divides the mean alone: `/` binds tighter than `-`. Put x − mean in "
            "brackets.",
            _train(lambda x, m, v, g, b, eps: g * (x - m / (v + eps).sqrt()) + b),
        ),
        "only_centred": Mistake(
            "You subtract the mean but do not divide by the standard deviation.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) + b),
        ),
        "divided_by_the_variance": Mistake(
            "You divide by var + eps. The root is missing: divide by the standard deviation.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v + eps) + b),
        ),
        "multiplied_by_the_deviation": Mistake(
            "You multiply by the standard deviation. To bring the spread to 1, divide by it.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) * (v + eps).sqrt() + b),
        ),
        "eps_outside_the_root": Mistake(
            "You add eps to the standard deviation. It belongs to the variance, inside the root: "
            "sqrt(var + eps).",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v.sqrt() + eps) + b),
        ),
        "eps_missing": Mistake(
            "eps never enters. It is added to the variance, inside the root; without it a channel "
            "that does not vary gives 0/0.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / v.sqrt() + b),
        ),
        "eps_fixed": Mistake(
            "You write 1e-5 into the formula. Use the argument eps, which may be another number.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v + 1e-5).sqrt() + b),
        ),
        "eps_of_keras": Mistake(
            "You write 1e-3 into the formula, which is what Keras takes if it is told nothing. "
            "Use the argument eps.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v + 1e-3).sqrt() + b),
        ),
        "unbiased": Mistake(
            "You normalise by the unbiased variance, divided by n − 1, which is what `var` and "
            "`std` give if they are told nothing. The batch is normalised by the one divided by "
            "n: `correction=0` or `unbiased=False`.",
            _train(
                lambda x, m, v, g, b, eps: (
                    g * (x - m) / (v * _count(x) / (_count(x) - 1) + eps).sqrt() + b
                )
            ),
        ),
        "unbiased_and_eps_outside_the_root": Mistake(
            "Two things about what you divide by. `std` divides by n − 1 if it is told nothing: "
            "`correction=0`. And eps belongs to the variance, inside the root: sqrt(var + eps).",
            _train(
                lambda x, m, v, g, b, eps: (
                    g * (x - m) / ((v * _count(x) / (_count(x) - 1)).sqrt() + eps) + b
                )
            ),
        ),
        "per_activation": Mistake(
            "Right for (N, D). For images you average over the batch only, x.mean(0), so each "
            "pixel has statistics of its own. A channel has one mean and one variance, over "
            "batch, height and width: axes (0, 2, 3).",
            _train_over(lambda x: (0,)),
        ),
        "per_image": Mistake(
            "You normalise each image by itself (that is instance normalisation). The statistics "
            "run over the batch as well: axes (0, 2, 3).",
            _train_over(lambda x: tuple(range(2, x.ndim)) if x.ndim > 2 else (0,)),
        ),
        "per_row": Mistake(
            "You take mean and variance within each example, over its features (that is layer "
            "normalisation). A feature has its own, over the whole batch: axis 0 for (N, D), axes "
            "(0, 2, 3) for (N, C, H, W).",
            _train_over(lambda x: tuple(range(1, x.ndim))),
        ),
        "one_for_all_channels": Mistake(
            "You take one mean and one variance of all numbers. Each feature or channel has its "
            "own: axis 0 for (N, D), axes (0, 2, 3) for (N, C, H, W).",
            _train_over(lambda x: tuple(range(x.ndim))),
        ),
        "per_width": Mistake(
            "For images you average over axes (0, 1, 2), which is right where the channels come "
            "last, as in Keras. In PyTorch they are axis 1: (0, 2, 3).",
            _train_over(lambda x: tuple(range(x.ndim - 1))),
        ),
        "images_only": Mistake(
            "Axes (0, 2, 3) do not exist for x of shape (N, D). Average over every axis but "
            "axis 1, however many there are.",
            _train_over(lambda x: (0, 2, 3)),
        ),
        "gamma_along_the_width": Mistake(
            "Right for (N, D). For images, gamma of shape (C,) meets the last axis, the width, "
            "because PyTorch lines shapes up from the right. Reshape gamma and beta to "
            "(1, C, 1, 1).",
            _vectors_left_alone,
        ),
        "nothing_shaped": Mistake(
            "Right for (N, D). For images, vectors of shape (C,) meet the last axis, the width, "
            "because PyTorch lines shapes up from the right. Keep the axes of mean and variance "
            "(`keepdim=True`), and reshape gamma and beta to (1, C, 1, 1).",
            _nothing_shaped,
        ),
        "rows_formula": Mistake(
            "Right for (N, D). Images need two changes: mean and variance over (0, 2, 3), with "
            "`keepdim=True`, since all pixels of a channel share them; and gamma and beta in the "
            "shape (1, C, 1, 1), since a shape (C,) meets the last axis, the width.",
            _rows_formula,
        ),
        "statistics_detached": Mistake(
            "The numbers are right, the gradient is not: you cut the mean and the variance out of "
            "the graph (`detach`, `no_grad`, `.data`, `.item()`). They depend on x, and the "
            "gradient has to flow through them.",
            _train(lambda x, m, v, g, b, eps: g * (x - m.detach()) / (v.detach() + eps).sqrt() + b),
        ),
        "mean_detached": Mistake(
            "The numbers are right, the gradient is not: the mean is cut out of the graph. It "
            "depends on x, and the gradient has to flow through it.",
            _train(lambda x, m, v, g, b, eps: g * (x - m.detach()) / (v + eps).sqrt() + b),
        ),
        "variance_detached": Mistake(
            "The numbers are right, the gradient is not: the variance is cut out of the graph. It "
            "depends on x, and the gradient has to flow through it.",
            _train(lambda x, m, v, g, b, eps: g * (x - m) / (v.detach() + eps).sqrt() + b),
        ),
        "no_graph": Mistake(
            "The numbers are right, but no gradient flows back at all: everything happens under "
            "`torch.no_grad()` or on detached copies. Nothing before this layer could learn.",
            torch.no_grad()(reference.batch_norm_train),
        ),
        "in_place": Mistake(
            "`x -= …` (or `x.sub_`) changes the caller's x. Build a new tensor: `x - mean`.",
            _train(_centres_in_place),
        ),
        "statistics_returned_too": Mistake(
            "You return the statistics as well. Return y alone.",
            _train(lambda x, m, v, g, b, eps: (g * (x - m) / (v + eps).sqrt() + b, m, v)),
        ),
    },
    hints=[
        "In four steps: mean, variance, normalise, scale and shift. Over which axes do the first "
        "two run, if each channel is to have one mean? By which number does `var` divide?",
        "`axes = [axis for axis in range(x.ndim) if axis != 1]`, `x.mean(axes, keepdim=True)`, "
        "`x.var(axes, correction=0, keepdim=True)`; for images gamma becomes "
        "`gamma.reshape(1, -1, 1, 1)`, and y = gamma * (x − mean) / sqrt(var + eps) + beta.",
    ],
    right=[
        _train_by_loops,
        _train_by_moving_the_channels_last,
        _train_by_einsum,
        lambda x, gamma, beta, eps=1e-5: F.batch_norm(x, None, None, gamma, beta, True, 0.0, eps),
        _train(
            lambda x, m, v, g, b, eps: x * (g / (v + eps).sqrt()) + b - m * g / (v + eps).sqrt()
        ),
        _train(
            lambda x, m, v, g, b, eps: (
                b + g * (x - m) / ((x**2).mean(_axes(x), keepdim=True) - m**2 + eps) ** 0.5
            )
        ),
    ],
    returns="a tensor of x's shape",
    difficulty=2,
    minutes=5,
    tolerance=_TOLERANCE,
)
"""y = gamma * (x − mean) / sqrt(var + eps) + beta, for x (N, D) or (N, C, H, W).

Mean and variance of each feature (axis 1) over all other axes of this batch; the variance is the
biased one, divided by n. gamma, beta (D,) or (C,). Returns y of x's shape; x is not changed, and
gradients flow back to x (through mean and variance too), gamma and beta.
"""


# --- update_running_stats ---------------------------------------------------------------------


_UPDATE_CALLS = [
    _Call(
        "x of shape (4, 2)",
        {
            "running_mean": torch.tensor([1.0, -0.5]),
            "running_var": torch.tensor([4.0, 2.0]),
            "x": _WIDE_ROWS,
        },
        {"momentum": 0.3},
    ),
    _Call(
        "x of shape (2, 3, 2, 1)",
        {"running_mean": _MEAN, "running_var": _VAR, "x": _IMAGES},
        {"momentum": 0.3},
    ),
    _Call(
        "x of shape (3, 3, 1, 2)",
        {"running_mean": _MEAN, "running_var": _VAR, "x": _MORE_IMAGES},
        {},
    ),
]


def _update_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for call in _UPDATE_CALLS:
        label = call.label("update_running_stats")
        pair = yield _question("update_running_stats", call, attempt, compare=False)
        found = yield ask(
            f"The result of {label}",
            lambda pair=pair: _parts(pair, "new_mean, new_var"),
            compare=False,
        )
        yield ask(f"The new mean of {label}", lambda found=found: found[0])
        yield ask(f"The new variance of {label}", lambda found=found: found[1])

    def graph() -> None:
        arguments = _UPDATE_CALLS[1].fresh()
        arguments["x"].requires_grad_()
        if any(part.requires_grad for part in attempt(**arguments)):
            raise Complaint("carries x's graph. Detach x, or compute under `torch.no_grad()`.")

    yield ask("The result of update_running_stats for an x that requires a gradient", graph)


def _update(mean: Callable, var: Callable | None = None) -> Callable:
    """A wrong answer from what it makes of (old, batch's, momentum, x), for mean and variance.

    ``var`` is given the unbiased variance; without it both follow ``mean``.
    """

    def wrong(running_mean, running_var, x, momentum=0.1):
        x = x.detach()
        new_mean = mean(running_mean, x.mean(_axes(x)), momentum, x)
        new_var = (var or mean)(running_var, x.var(_axes(x)), momentum, x)
        return new_mean, new_var

    return wrong


def _average(old, new, momentum, x):
    return (1 - momentum) * old + momentum * new


def _biased(new, x):
    return new * (_count(x) - 1) / _count(x)


def _updates_in_place(running_mean, running_var, x, momentum=0.1):
    mean, var = reference.update_running_stats(running_mean, running_var, x, momentum)
    return running_mean.copy_(mean), running_var.copy_(var)


def _updates_in_place_and_returns_nothing(running_mean, running_var, x, momentum=0.1):
    _updates_in_place(running_mean, running_var, x, momentum)


def _update_over(axes: Callable) -> Callable:
    def wrong(running_mean, running_var, x, momentum=0.1):
        x = x.detach()
        return (
            _average(running_mean, x.mean(axes(x)), momentum, x),
            _average(running_var, x.var(axes(x)), momentum, x),
        )

    return wrong


def _updates_with_graph(running_mean, running_var, x, momentum=0.1):
    return (
        _average(running_mean, x.mean(_axes(x)), momentum, x),
        _average(running_var, x.var(_axes(x)), momentum, x),
    )


def _updates_one_after_the_other(running_mean, running_var, x, momentum=0.1):
    mean = _average(running_mean, x.detach().mean(_axes(x)), momentum, x)
    squares = ((x.detach() - _along(x, mean)) ** 2).sum(_axes(x)) / (_count(x) - 1)
    return mean, _average(running_var, squares, momentum, x)


def _updates_about_the_old_mean(running_mean, running_var, x, momentum=0.1):
    mean = _average(running_mean, x.detach().mean(_axes(x)), momentum, x)
    squares = ((x.detach() - _along(x, running_mean)) ** 2).sum(_axes(x)) / (_count(x) - 1)
    return mean, _average(running_var, squares, momentum, x)


def _update_by_pytorch(running_mean, running_var, x, momentum=0.1):
    mean, var = running_mean.clone(), running_var.clone()
    F.batch_norm(x.detach(), mean, var, training=True, momentum=momentum)
    return mean, var


@torch.no_grad()
def _update_by_lerp(running_mean, running_var, x, momentum=0.1):
    flat = x.transpose(0, 1).flatten(1)
    return torch.lerp(running_mean, flat.mean(1), momentum), torch.lerp(
        running_var, flat.var(1), momentum
    )


update_running_stats: Exercise = lesson.exercise(
    reference.update_running_stats,
    probe=_update_probe,
    mistakes={
        "biased": Mistake(
            "The new mean is right. For the variance you take the biased one, divided by n; what "
            "PyTorch keeps is the unbiased one, divided by n − 1 (the default of `var`). Keras "
            "keeps the biased one.",
            _update(_average, lambda old, new, m, x: _average(old, _biased(new, x), m, x)),
        ),
        "convention_of_keras": Mistake(
            "You take momentum for the share that is kept, as Keras does. In PyTorch it is the "
            "share of the new batch: (1 − momentum) * old + momentum * new.",
            _update(lambda old, new, m, x: m * old + (1 - m) * new),
        ),
        "convention_of_keras_throughout": Mistake(
            "This is the Keras convention in both respects: momentum is the share that is kept, "
            "and the variance is biased. In PyTorch momentum is the share of the new batch, and "
            "the variance is divided by n − 1.",
            _update(
                lambda old, new, m, x: m * old + (1 - m) * new,
                lambda old, new, m, x: m * old + (1 - m) * _biased(new, x),
            ),
        ),
        "convention_of_keras_for_the_variance": Mistake(
            "The new mean is right. In the variance old and new have changed places: momentum is "
            "the share of the new batch.",
            _update(_average, lambda old, new, m, x: m * old + (1 - m) * new),
        ),
        "convention_of_keras_for_the_mean": Mistake(
            "The new variance is right. In the mean old and new have changed places: momentum is "
            "the share of the new batch.",
            _update(lambda old, new, m, x: m * old + (1 - m) * new, _average),
        ),
        "momentum_fixed": Mistake(
            "You write 0.1 into the formula. Use the argument momentum.",
            _update(lambda old, new, m, x: 0.9 * old + 0.1 * new),
        ),
        "not_averaged": Mistake(
            "You return this batch's statistics. The old ones stay in with weight 1 − momentum.",
            _update(lambda old, new, m, x: new),
        ),
        "not_averaged_and_biased": Mistake(
            "You return this batch's statistics, and the variance divided by n. The old ones stay "
            "in with weight 1 − momentum, and the variance that enters is divided by n − 1.",
            _update(lambda old, new, m, x: new, lambda old, new, m, x: _biased(new, x)),
        ),
        "old_not_shrunk": Mistake(
            "You add momentum * new to the whole of the old value, so the sum grows for ever. The "
            "old one has weight 1 − momentum.",
            _update(lambda old, new, m, x: old + m * new),
        ),
        "new_not_weighted": Mistake(
            "You add the whole of the new value to (1 − momentum) * old. The new one has weight "
            "momentum.",
            _update(lambda old, new, m, x: (1 - m) * old + new),
        ),
        "away_from_the_batch": Mistake(
            "You move away from the batch's statistics. old + momentum * (new − old) goes towards "
            "them; check the sign of the difference.",
            _update(lambda old, new, m, x: old - m * (new - old)),
        ),
        "halves": Mistake(
            "You take the plain average of old and new. The new one has weight momentum.",
            _update(lambda old, new, m, x: (old + new) / 2),
        ),
        "deviation_kept": Mistake(
            "You average the standard deviation into the running variance. Leave the root out: it "
            "is taken when it is needed, together with eps.",
            _update(_average, lambda old, new, m, x: _average(old, new.sqrt(), m, x)),
        ),
        "correction_upside_down": Mistake(
            "The variance that enters is too small: multiplied by (n − 1)/n once too often. If "
            "you multiply `x.var()` by something, note that it is unbiased already; from the "
            "biased one it is times n/(n − 1).",
            _update(
                _average,
                lambda old, new, m, x: _average(old, _biased(_biased(new, x), x), m, x),
            ),
        ),
        "corrected_twice": Mistake(
            "The variance is corrected twice: `x.var()` divides by n − 1 already, and you multiply "
            "it by n/(n − 1).",
            _update(
                _average,
                lambda old, new, m, x: _average(old, new * _count(x) / (_count(x) - 1), m, x),
            ),
        ),
        "whole_corrected": Mistake(
            "You multiply the whole running variance by n/(n − 1), the old part too. Only the "
            "batch's variance is corrected, before the two are averaged.",
            _update(
                _average,
                lambda old, new, m, x: (
                    _average(old, _biased(new, x), m, x) * _count(x) / (_count(x) - 1)
                ),
            ),
        ),
        "counts_images_only": Mistake(
            "Right for (N, D). For images your n is the number of images, but a channel has "
            "n = N·H·W values.",
            _update(
                _average,
                lambda old, new, m, x: _average(old, _biased(new, x) * len(x) / (len(x) - 1), m, x),
            ),
        ),
        "spread_about_the_new_mean": Mistake(
            "You take the variance about the running mean that you have just updated. It is about "
            "the mean of this batch: compute both of the batch first, then average.",
            _updates_one_after_the_other,
        ),
        "spread_about_the_old_mean": Mistake(
            "You take the variance about the running mean. It is about the mean of this batch.",
            _updates_about_the_old_mean,
        ),
        "mean_only": Mistake(
            "The new mean is right, but you return the running variance as it was.",
            _update(_average, lambda old, new, m, x: old.clone()),
        ),
        "variance_only": Mistake(
            "The new variance is right, but you return the running mean as it was.",
            _update(lambda old, new, m, x: old.clone(), _average),
        ),
        "order_of_the_results": Mistake(
            "You return the variance first. The order is new_mean, new_var.",
            lambda running_mean, running_var, x, momentum=0.1: reference.update_running_stats(
                running_mean, running_var, x, momentum
            )[::-1],
        ),
        "per_activation": Mistake(
            "Right for (N, D). For images you average over the batch only, so each pixel has "
            "statistics of its own. A channel has one mean and one variance: axes (0, 2, 3).",
            _update_over(lambda x: 0),
        ),
        "images_only": Mistake(
            "Axes (0, 2, 3) do not exist for x of shape (N, D). Average over every axis but "
            "axis 1, however many there are.",
            _update_over(lambda x: (0, 2, 3)),
        ),
        "one_for_all_channels": Mistake(
            "You take one mean and one variance of all numbers. Each feature or channel has its "
            "own: every axis but axis 1.",
            _update_over(lambda x: tuple(range(x.ndim))),
        ),
        "per_row": Mistake(
            "You take statistics for each example. Each feature has its own, over the batch: axis "
            "0 for (N, D).",
            _update_over(lambda x: tuple(range(1, x.ndim))),
        ),
        "graph_kept": Mistake(
            "The numbers are right, but they carry x's graph: the running statistics would keep "
            "every batch since the start in memory. Use `x.detach()` or `torch.no_grad()`.",
            _updates_with_graph,
        ),
        "in_place": Mistake(
            "The numbers are right, but you have changed the caller's running_mean and "
            "running_var (`+=`, `copy_`, `mul_`, `lerp_`). Build new tensors and return those.",
            _updates_in_place,
        ),
        "in_place_and_nothing_returned": Mistake(
            "You change the caller's running_mean and running_var and return nothing. Build new "
            "tensors and end in `return new_mean, new_var`.",
            _updates_in_place_and_returns_nothing,
        ),
    },
    hints=[
        "Three questions: which share does the new batch have, by which number is its variance "
        "divided, and what must not come along from x?",
        "(1 − momentum) * old + momentum * new, for both. `x.detach().var(axes)` divides by n − 1 "
        "if you do not tell it otherwise, which is what is kept here.",
    ],
    right=[
        _update_by_pytorch,
        _update_by_lerp,
        _update(lambda old, new, m, x: old + m * (new - old)),
        lambda running_mean, running_var, x, momentum=0.1: [
            part.detach() for part in _updates_with_graph(running_mean, running_var, x, momentum)
        ],
        lambda *args, **kwargs: torch.stack(reference.update_running_stats(*args, **kwargs)),
    ],
    returns="(new_mean, new_var)",
    difficulty=2,
    minutes=4,
    tolerance=_TOLERANCE,
)
"""(new_mean, new_var) = (1 − momentum) * old + momentum * the batch's, PyTorch's convention.

momentum is the share of the NEW batch; the batch's variance is the UNBIASED one here (n − 1, with
n = N or N·H·W values per channel). All of shape (D,) or (C,); x (N, D) or (N, C, H, W). New
tensors: running_mean and running_var stay as they are, and the results carry no graph.
"""


# --- batch_norm_eval --------------------------------------------------------------------------


_EVAL_CALLS = [
    _Call(
        "one example, x of shape (1, 2)",
        {
            "x": torch.tensor([[3.0, 0.01]]),
            "running_mean": torch.tensor([1.0, 0.004]),
            "running_var": torch.tensor([4.0, 2e-5]),
            "gamma": torch.ones(2),
            "beta": torch.zeros(2),
        },
        {},
    ),
    _Call(
        "x of shape (4, 2)",
        {
            "x": _WIDE_ROWS,
            "running_mean": torch.tensor([1.0, -0.5]),
            "running_var": torch.tensor([4.0, 2.0]),
            "gamma": _ROW_GAMMA,
            "beta": _ROW_BETA,
        },
        {"eps": 0.1},
    ),
    _Call(
        "one image, x of shape (1, 2, 3, 2)",
        {
            "x": _ONE_IMAGE,
            "running_mean": torch.tensor([1.0, -0.5]),
            "running_var": torch.tensor([4.0, 2.0]),
            "gamma": _ROW_GAMMA,
            "beta": _ROW_BETA,
        },
        {"eps": 0.1},
    ),
    _Call(
        "x of shape (2, 3, 2, 1)",
        {
            "x": _IMAGES,
            "running_mean": _MEAN,
            "running_var": _VAR,
            "gamma": _GAMMA,
            "beta": _BETA,
        },
        {"eps": 0.1},
    ),
]


def _eval_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for call in _EVAL_CALLS:
        yield _question("batch_norm_eval", call, attempt, required=False)
    wanted = ("x", "gamma", "beta")
    yield from _gradient_questions("batch_norm_eval", _EVAL_CALLS[-1], attempt, wanted)


def _eval(formula: Callable) -> Callable:
    """A wrong answer from its formula; all vectors are shaped to meet x."""

    def wrong(x, running_mean, running_var, gamma, beta, eps=1e-5):
        vectors = [_along(x, v) for v in (running_mean, running_var, gamma, beta)]
        return formula(x, *vectors, eps)

    return wrong


def _batch_mean(x):
    return x.mean(_axes(x), keepdim=True)


def _batch_var(x, correction=0):
    n = torch.tensor(float(_count(x)))  # a tensor may be divided by 0, and does not warn of it
    return x.var(_axes(x), correction=0, keepdim=True) * n / (n - correction)


def _eval_in_place(x, m, v, g, b, eps):
    x -= m
    return g * x / (v + eps).sqrt() + b


def _eval_as_images(x, running_mean, running_var, gamma, beta, eps=1e-5):
    m, v, g, b = (each.reshape(1, -1, 1, 1) for each in (running_mean, running_var, gamma, beta))
    return g * (x - m) / (v + eps).sqrt() + b


def _eval_corrected(x, m, v, g, b, eps):
    n = _count(x)
    return g * (x - m) / (v * (n - 1) / n + eps).sqrt() + b


def _eval_by_loops(x, running_mean, running_var, gamma, beta, eps=1e-5):
    channels = [
        gamma[c] * (x[:, c] - running_mean[c]) / (running_var[c] + eps) ** 0.5 + beta[c]
        for c in range(x.shape[1])
    ]
    return torch.stack(channels, 1)


def _eval_as_a_line(x, running_mean, running_var, gamma, beta, eps=1e-5):
    slope = gamma / torch.sqrt(running_var + eps)
    shift = beta - running_mean * slope
    return (x.movedim(1, -1) * slope + shift).movedim(-1, 1)


batch_norm_eval: Exercise = lesson.exercise(
    reference.batch_norm_eval,
    probe=_eval_probe,
    mistakes={
        "batch_statistics": Mistake(
            "You use the mean and variance of x. In evaluation the running ones take their place, "
            "or the answer for an image would depend on its neighbours in the batch.",
            _eval(
                lambda x, m, v, g, b, eps: (
                    g * (x - _batch_mean(x)) / (_batch_var(x) + eps).sqrt() + b
                )
            ),
        ),
        "unbiased_batch_statistics": Mistake(
            "You use the mean and variance of x (and one image alone has none). In evaluation the "
            "running ones take their place.",
            _eval(
                lambda x, m, v, g, b, eps: (
                    g * (x - _batch_mean(x)) / (_batch_var(x, 1) + eps).sqrt() + b
                )
            ),
        ),
        "batch_mean": Mistake(
            "You divide by the running deviation but subtract this batch's mean. Subtract "
            "running_mean.",
            _eval(lambda x, m, v, g, b, eps: g * (x - _batch_mean(x)) / (v + eps).sqrt() + b),
        ),
        "batch_variance": Mistake(
            "You subtract the running mean but divide by this batch's deviation. Use running_var.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / (_batch_var(x) + eps).sqrt() + b),
        ),
        "averages_once_more": Mistake(
            "You mix this batch into the running statistics before you use them. Evaluation does "
            "not look at the batch's statistics.",
            _eval(
                lambda x, m, v, g, b, eps: (
                    g
                    * (x - (0.9 * m + 0.1 * _batch_mean(x)))
                    / (0.9 * v + 0.1 * _batch_var(x, min(1, _count(x) - 1)) + eps).sqrt()
                    + b
                )
            ),
        ),
        "corrected_back": Mistake(
            "You turn the running variance into a biased one, with the n of this batch. Use it as "
            "it is: in evaluation nothing may depend on how many images come together.",
            _eval(_eval_corrected),
        ),
        "beta_missing": Mistake(
            "beta never enters: gamma * normalised + beta.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / (v + eps).sqrt()),
        ),
        "gamma_missing": Mistake(
            "gamma never enters: gamma * normalised + beta.",
            _eval(lambda x, m, v, g, b, eps: (x - m) / (v + eps).sqrt() + b),
        ),
        "only_normalised": Mistake(
            "You stop after normalising. gamma and beta are used in evaluation as in training.",
            _eval(lambda x, m, v, g, b, eps: (x - m) / (v + eps).sqrt()),
        ),
        "gamma_and_beta_swapped": Mistake(
            "You multiply by beta and add gamma. It is the other way round.",
            _eval(lambda x, m, v, g, b, eps: b * (x - m) / (v + eps).sqrt() + g),
        ),
        "eps_missing": Mistake(
            "eps never enters. It is added to the running variance, inside the root.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / v.sqrt() + b),
        ),
        "eps_outside_the_root": Mistake(
            "You add eps to the standard deviation. It belongs to the variance, inside the root: "
            "sqrt(running_var + eps).",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / (v.sqrt() + eps) + b),
        ),
        "eps_fixed": Mistake(
            "You write 1e-5 into the formula. Use the argument eps.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / (v + 1e-5).sqrt() + b),
        ),
        "divided_by_the_variance": Mistake(
            "You divide by the variance. The root is missing: running_var holds a variance, not a "
            "standard deviation.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m) / (v + eps) + b),
        ),
        "mean_and_variance_swapped": Mistake(
            "running_mean and running_var have changed places: a variance is subtracted.",
            _eval(lambda x, m, v, g, b, eps: g * (x - v) / (m + eps).sqrt() + b),
        ),
        "mean_added": Mistake(
            "You add the running mean. Subtract it.",
            _eval(lambda x, m, v, g, b, eps: g * (x + m) / (v + eps).sqrt() + b),
        ),
        "not_centred": Mistake(
            "You do not subtract the running mean.",
            _eval(lambda x, m, v, g, b, eps: g * x / (v + eps).sqrt() + b),
        ),
        "brackets_missing": Mistake(
            "`x - mean / std` divides the mean alone: `/` binds tighter than `-`. Put the "
            "difference in brackets.",
            _eval(lambda x, m, v, g, b, eps: g * (x - m / (v + eps).sqrt()) + b),
        ),
        "vectors_along_the_width": Mistake(
            "Right for (N, D). For images, vectors of shape (C,) meet the last axis, the width, "
            "because PyTorch lines shapes up from the right. Reshape them to (1, C, 1, 1).",
            lambda x, running_mean, running_var, gamma, beta, eps=1e-5: (
                gamma * (x - running_mean) / (running_var + eps).sqrt() + beta
            ),
        ),
        "images_only": Mistake(
            "Shaped (1, C, 1, 1), the vectors fit images, but not x of shape (N, D). As many ones "
            "as x has axes after the second: `reshape(1, -1, *[1] * (x.ndim - 2))`.",
            _eval_as_images,
        ),
        "no_graph": Mistake(
            "The numbers are right, but no gradient flows back: everything happens under "
            "`torch.no_grad()` or on detached copies. A layer in eval mode still passes gradients "
            "on; whoever needs none says so outside.",
            torch.no_grad()(reference.batch_norm_eval),
        ),
        "in_place": Mistake(
            "`x -= …` (or `x.sub_`) changes the caller's x. Build a new tensor.",
            _eval(_eval_in_place),
        ),
    },
    hints=[
        "The same formula as in training. Which two numbers per channel come from elsewhere?",
        "gamma * (x − running_mean) / sqrt(running_var + eps) + beta, with the four vectors "
        "reshaped to (1, C, 1, 1) for images. One image alone has to work too.",
    ],
    right=[
        _eval_by_loops,
        _eval_as_a_line,
        lambda x, running_mean, running_var, gamma, beta, eps=1e-5: F.batch_norm(
            x, running_mean, running_var, gamma, beta, False, 0.0, eps
        ),
        _eval(lambda x, m, v, g, b, eps: torch.rsqrt(v + eps) * g * (x - m) + b),
    ],
    returns="a tensor of x's shape",
    difficulty=1,
    minutes=3,
    tolerance=_TOLERANCE,
)
"""y = gamma * (x − running_mean) / sqrt(running_var + eps) + beta, for x (N, D) or (N, C, H, W).

The batch's own statistics do not enter: N may be 1, and each image's result is the same whatever
else is in the batch. The vectors are (D,) or (C,). x is not changed; gradients flow to x, gamma
and beta.
"""


# --- BatchNorm --------------------------------------------------------------------------------


_NAMES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _layer(value: Any) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise Complaint(
            f"is {_kind(value)}, not a module. Write `class BatchNorm(nn.Module):`, and begin "
            "__init__ with `super().__init__()`."
        )
    return value


class _Roles:
    """The layer's two parameters, told apart by what they start at, else by name or order."""

    def __init__(self, layer: nn.Module, num_features: int) -> None:
        named = [(n, p) for n, p in layer.named_parameters() if p.numel() == num_features]
        self.weight = self.bias = None
        for name, parameter in named:
            if (parameter == 1).all() and self.weight is None:
                self.weight = parameter
            elif (parameter == 0).all() and self.bias is None and not _sounds(name, "weight"):
                self.bias = parameter
        for role in ("weight", "bias"):
            free = [(n, p) for n, p in named if p is not self.weight and p is not self.bias]
            if getattr(self, role) is None and free:
                fitting = [p for n, p in free if _sounds(n, role)] or [p for _, p in free]
                setattr(self, role, fitting[0])

    @torch.no_grad()
    def set(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        for parameter, values in ((self.weight, weight), (self.bias, bias)):
            if parameter is not None:
                parameter.copy_(values.reshape(parameter.shape))


def _sounds(name: str, role: str) -> bool:
    words = {"weight": ("weight", "gamma", "scale"), "bias": ("bias", "beta", "shift", "offset")}
    return any(word in name.lower() for word in words[role])


def _start(parameter: torch.Tensor) -> str:
    frozen = "" if parameter.requires_grad else ", requires_grad=False"
    for number, word in ((0, "zeros"), (1, "ones")):
        if (parameter == number).all():
            return word + frozen
    return "other numbers" + frozen


def _names_of_a_drop_in(layer: nn.Module) -> bool:
    found = [name for name in layer.state_dict() if not name.endswith("_extra_state")]
    missing = [name for name in _NAMES if name not in found]
    extra = [name for name in found if name not in _NAMES]
    if not missing and not extra:
        return True
    told = [f"lacks {', '.join(missing)}"] if missing else []
    told += [f"has {', '.join(extra)} instead" if missing else f"also has {', '.join(extra)}"]
    raise Complaint(
        f"{' and '.join(each for each in told if extra or each != told[-1])}. What your layer "
        "computes is right. A drop-in saves and loads under nn.BatchNorm2d's names as well: the "
        "parameters weight and bias, and the buffers running_mean, running_var and "
        "num_batches_tracked (`self.register_buffer(name, tensor)`)."
    )


def _entry(layer: nn.Module, name: str) -> torch.Tensor:
    found = layer.state_dict()
    if name not in found:
        kind = (
            "Parameter(tensor)" if name in ("weight", "bias") else "register_buffer(name, tensor)"
        )
        raise Complaint(f"is missing there (it has {', '.join(found) or 'nothing'}): use {kind}.")
    return found[name]


def _layer_probe(attempt: Callable) -> Generator[Question, Any, None]:
    made = "BatchNorm(3, eps=0.1, momentum=0.3)"

    def make(*args: Any, **kwargs: Any) -> nn.Module:
        if isinstance(attempt, nn.Module):
            raise Complaint("cannot be made from a layer: pass the class, without calling it.")
        return attempt(*args, **kwargs)

    layer = yield ask(made, lambda: _layer(make(3, eps=0.1, momentum=0.3)), compare=False)
    yield ask(
        f"How many numbers each of the parameters has that {made}.parameters() gives",
        lambda: [each.numel() for each in layer.parameters()],
    )
    yield ask(
        "What the parameters start at",
        lambda: sorted(_start(each) for each in layer.parameters()),
    )
    roles = _Roles(layer, 3)
    roles.set(_GAMMA, _BETA)

    about = f"{made}, weight {_GAMMA.tolist()}, bias {[round(b, 1) for b in _BETA.tolist()]}"
    x = _IMAGES.clone()
    shape = tuple(x.shape)
    y = yield Question(
        f"The output in train mode of {about}, for x of shape {shape}",
        lambda: _tensor(layer(x)),
        inputs={"x": x},
    )
    for name in ("running_mean", "running_var"):
        yield ask(
            f"{name} in the state_dict after that batch",
            lambda name=name: _entry(layer, name).flatten(),
            required=False,
        )
    layer.eval()
    image = _ONE_OF_THREE.clone()
    yield Question(
        "The output in eval mode for one image, x of shape (1, 3, 2, 2), after that batch",
        lambda: _tensor(layer(image)),
        inputs={"x": image},
        required=False,
    )

    layer.train()
    x = _IMAGES.clone().requires_grad_()
    y = yield ask("The output in train mode for the same batch again", lambda: _tensor(layer(x)))
    leaves = {"x": x, "weight": roles.weight, "bias": roles.bias}
    for name, leaf in leaves.items():
        yield ask(
            f"The gradient that flows back to {name} in train mode",
            lambda leaf=leaf: None if leaf is None else _gradient(y, [leaf])[0].flatten(),
            required=False,
        )

    layer.eval()
    inner = _ONE_OF_THREE.clone().requires_grad_()
    z = yield ask(
        "The output in eval mode for one image, after both batches", lambda: _tensor(layer(inner))
    )
    yield ask("The running statistics", lambda: _complain_of_a_graph(layer, z, x), required=False)
    yield ask("The gradient that flows back to x in eval mode", lambda: _gradient(z, [inner])[0])
    before = copy.deepcopy(layer.state_dict())
    yield ask("The output in eval mode for another image", lambda: layer(-_ONE_OF_THREE.clone()))
    yield ask("Eval mode", lambda: _complain_of_changes(before, layer.state_dict()), required=False)
    layer.train()
    yield ask(
        "The output in train mode for a batch of another size, x of shape (3, 3, 1, 2)",
        lambda: layer(_MORE_IMAGES.clone()),
    )
    layer.eval()
    yield ask("The output in eval mode after three batches", lambda: layer(_ONE_OF_THREE.clone()))

    value = yield ask("BatchNorm(2)", lambda: _layer(make(2)), compare=False)
    _Roles(value, 2).set(torch.ones(2), torch.zeros(2))
    value.train()
    small = _ROWS.reshape(4, 2, 1, 1)
    yield ask(
        "The output in train mode of BatchNorm(2), eps and momentum as they are by default",
        lambda: value(small.clone()),
    )
    value.eval()
    yield ask(
        "The output in eval mode of BatchNorm(2), eps and momentum as they are by default",
        lambda: value(small.clone()),
    )

    yield ask("The layer's state_dict", lambda: _names_of_a_drop_in(layer))
    for name in _NAMES[2:]:
        yield ask(
            f"{name} in the state_dict after three batches",
            lambda name=name: (
                _entry(layer, name).flatten().tolist()
                if name != _NAMES[-1]
                else int(_entry(layer, name))
            ),
            required=False,
        )
    fresh = yield ask("Another BatchNorm(3, eps=0.1)", lambda: make(3, eps=0.1), compare=False)
    yield ask(
        "The shapes in the state_dict of a new BatchNorm(3)",
        lambda: {name: tuple(_entry(fresh, name).shape) for name in _NAMES},
    )
    theirs = nn.BatchNorm2d(3, eps=0.1)
    theirs.load_state_dict(
        {
            "weight": _GAMMA,
            "bias": _BETA,
            "running_mean": _MEAN,
            "running_var": torch.tensor([0.5, 2e-5, 1.6]),  # so small that a tiny eps shows
            "num_batches_tracked": torch.tensor(7),
        }
    )

    def load() -> torch.Tensor:
        fresh.load_state_dict(theirs.state_dict())
        return fresh.eval()(_MORE_IMAGES.clone())

    yield ask("The output in eval mode with the state_dict of an nn.BatchNorm2d loaded", load)
    yield ask("Your class", lambda: _complain_of_call(fresh))


def _complain_of_a_graph(layer: nn.Module, y: torch.Tensor, x: torch.Tensor) -> None:
    """y : the output in eval mode. x : what the layer has seen in train mode."""
    kept = [*layer.buffers()]
    for module in layer.modules():
        kept += [each for each in vars(module).values() if isinstance(each, torch.Tensor)]
    if _gradient(y, [x])[0].any() or any(not each.is_leaf for each in kept):
        raise Complaint(
            "carry the graph of the batches they have seen. Update them under `torch.no_grad()`."
        )


def _complain_of_changes(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]
) -> None:
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    if changed:
        raise Complaint(f"changes {' and '.join(changed)}. Only train mode may.")


def _complain_of_call(layer: nn.Module) -> None:
    """A layer that defines __call__ computes the same, unseen by hooks."""
    seen = []
    handle = layer.register_forward_hook(lambda *_: seen.append(1))
    layer(_IMAGES.clone())
    handle.remove()
    if not seen:
        raise Complaint(
            "defines `__call__`, so hooks and tools that look at layers pass it by. Name the "
            "method `forward`; nn.Module calls it."
        )


class _Written(nn.Module):
    """A right layer in parts, of which a wrong one replaces some."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.make_parameters(num_features)
        self.make_statistics(num_features)

    def make_parameters(self, c):
        self.weight = nn.Parameter(torch.ones(c))
        self.bias = nn.Parameter(torch.zeros(c))

    def make_statistics(self, c):
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        if self.training:
            mean, var = self.statistics(x)
            self.observe(x)
        else:
            mean, var = self.running_mean, self.running_var
        return self.normalise(x, mean, var)

    def statistics(self, x):
        return x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)

    @torch.no_grad()
    def observe(self, x):
        mean, var = self.observed(x)
        share = self.share()
        self.running_mean.copy_((1 - share) * self.running_mean + share * mean)
        self.running_var.copy_((1 - share) * self.running_var + share * var)
        self.num_batches_tracked += 1

    def observed(self, x):
        return x.mean((0, 2, 3)), x.var((0, 2, 3))

    def share(self):
        return self.momentum

    def deviation(self, var):
        return (var + self.eps).sqrt()

    def normalise(self, x, mean, var):
        z = (x - _along(x, mean)) / _along(x, self.deviation(var))
        return _along(x, self.weight) * z + _along(x, self.bias)


def _written(**parts: Callable) -> type[nn.Module]:
    """A layer like ``_Written`` with some of its parts replaced."""
    return type("BatchNorm", (_Written,), parts)


def _normalise(formula: Callable) -> type[nn.Module]:
    """A wrong layer from its formula in x, mean, deviation, weight and bias."""

    def normalise(self, x, mean, var):
        vectors = (mean, self.deviation(var), self.weight, self.bias)
        return formula(x, *(_along(x, each) for each in vectors))

    return _written(normalise=normalise)


def _forward(forward: Callable) -> type[nn.Module]:
    return _written(forward=forward)


def _parameters(make_parameters: Callable) -> type[nn.Module]:
    return _written(make_parameters=make_parameters)


def _statistics_over(*axes: int) -> type[nn.Module]:
    """A wrong layer whose statistics run over other axes and keep them."""

    def forward(self, x):
        if self.training:
            mean = x.mean(axes, keepdim=True)
            var = x.var(axes, correction=0, keepdim=True)
            n = x[tuple(slice(None) if a in axes else 0 for a in range(x.ndim))].numel()
            with torch.no_grad():
                m = self.momentum
                self.running_mean = (1 - m) * self.running_mean + m * mean
                self.running_var = (1 - m) * self.running_var + m * var * n / max(1, n - 1)
                self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        z = (x - mean) / (var + self.eps).sqrt()
        return _along(x, self.weight) * z + _along(x, self.bias)

    def make_statistics(self, c):
        self.register_buffer("running_mean", torch.zeros(1, c, 1, 1))
        self.register_buffer("running_var", torch.ones(1, c, 1, 1))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    return _written(forward=forward, make_statistics=make_statistics)


def _uses_what_it_has_just_updated(self, x):
    if self.training:
        self.observe(x)
    return self.normalise(x, self.running_mean, self.running_var)


def _batch_statistics_always(self, x):
    if self.training:
        self.observe(x)
    return self.normalise(x, *self.statistics(x))


def _trains_always(self, x):
    self.observe(x)
    return self.normalise(x, *self.statistics(x))


def _observes_in_eval_mode_too(self, x):
    mean, var = self.statistics(x) if self.training else (self.running_mean, self.running_var)
    y = self.normalise(x, mean.clone(), var.clone())
    self.observe(x)
    return y


def _observes_whatever_the_mode(self, x):
    self.observe(x)
    statistics = self.statistics(x) if self.training else (self.running_mean, self.running_var)
    return self.normalise(x, *statistics)


def _modes_swapped(self, x):
    if self.training:
        return self.normalise(x, self.running_mean, self.running_var)
    self.observe(x)
    return self.normalise(x, *self.statistics(x))


def _keeps_the_graph(self, x):
    mean, var = self.observed(x)
    self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
    self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
    self.num_batches_tracked += 1


def _plain_statistics(self, c):
    self.running_mean, self.running_var = torch.zeros(c), torch.ones(c)
    self.num_batches_tracked = torch.tensor(0)


def _statistics_as_parameters(self, c):
    self.running_mean = nn.Parameter(torch.zeros(c), requires_grad=False)
    self.running_var = nn.Parameter(torch.ones(c), requires_grad=False)
    self.register_buffer("num_batches_tracked", torch.tensor(0))


def _statistics_start_at(mean: float, var: float) -> Callable:
    def make_statistics(self, c):
        self.register_buffer("running_mean", torch.full((c,), mean))
        self.register_buffer("running_var", torch.full((c,), var))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    return make_statistics


def _shaped_statistics(self, c):
    self.register_buffer("running_mean", torch.zeros(1, c, 1, 1))
    self.register_buffer("running_var", torch.ones(1, c, 1, 1))
    self.register_buffer("num_batches_tracked", torch.tensor(0))


def _shaped_parameters(self, c):
    self.weight = nn.Parameter(torch.ones(1, c, 1, 1))
    self.bias = nn.Parameter(torch.zeros(1, c, 1, 1))


def _not_persistent(self, c):
    for name, value in (("running_mean", 0.0), ("running_var", 1.0)):
        self.register_buffer(name, torch.full((c,), value), persistent=False)
    self.register_buffer("num_batches_tracked", torch.tensor(0))


class _Shaped(_Written):
    """Everything of shape (1, C, 1, 1): right numbers, another state_dict."""

    make_parameters, make_statistics = _shaped_parameters, _shaped_statistics

    def statistics(self, x):
        return _batch_mean(x), _batch_var(x)

    def observed(self, x):
        return _batch_mean(x), _batch_var(x, 1)


class _NoCounter(_Written):
    def make_statistics(self, c):
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))

    @torch.no_grad()
    def observe(self, x):
        mean, var = self.observed(x)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var, self.momentum)


class _GreekNames(_Written):
    def make_parameters(self, c):
        self.gamma = nn.Parameter(torch.ones(c))
        self.beta = nn.Parameter(torch.zeros(c))

    weight, bias = property(lambda self: self.gamma), property(lambda self: self.beta)


class _GreekNamesWithoutCounter(_NoCounter, _GreekNames):
    pass


class _Holder(nn.Module):
    """Holds PyTorch's layer: right numbers, names with a prefix."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.bn = nn.BatchNorm2d(num_features, eps, momentum)

    def forward(self, x):
        return self.bn(x)


class _Affineless(_Written):
    def make_parameters(self, c):
        pass

    def normalise(self, x, mean, var):
        return (x - _along(x, mean)) / _along(x, self.deviation(var))


class _NeverCounts(_Written):
    def observe(self, x):
        super().observe(x)
        self.num_batches_tracked -= 1


class _Subclass(nn.BatchNorm2d):
    """Nothing of its own: allowed, and nothing learnt."""


class _ByFunctions(nn.Module):
    """From the functions of the exercises before."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.weight = nn.Parameter(torch.ones(num_features))
        for name, value in (
            ("num_batches_tracked", torch.tensor(0, dtype=torch.long)),
            ("running_var", torch.ones(num_features)),
            ("running_mean", torch.zeros(num_features)),
        ):
            self.register_buffer(name, value)

    def forward(self, x):
        if self.training:
            self.running_mean, self.running_var = reference.update_running_stats(
                self.running_mean, self.running_var, x, self.momentum
            )
            self.num_batches_tracked = self.num_batches_tracked + 1
            return reference.batch_norm_train(x, self.weight, self.bias, self.eps)
        return reference.batch_norm_eval(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.eps
        )


class _Functional(_Written):
    """From F.batch_norm."""

    def forward(self, x):
        if self.training:
            self.num_batches_tracked += 1
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )


def _observed(observed: Callable) -> type[nn.Module]:
    return _written(observed=observed)


def _updated(mean: Callable, var: Callable | None = None) -> type[nn.Module]:
    """A wrong layer from what it makes of (old, new, momentum), for mean and variance."""

    @torch.no_grad()
    def observe(self, x):
        new_mean, new_var = self.observed(x)
        self.running_mean.copy_(mean(self.running_mean, new_mean, self.momentum))
        self.running_var.copy_((var or mean)(self.running_var, new_var, self.momentum))
        self.num_batches_tracked += 1

    return _written(observe=observe)


def _towards(old, new, momentum):
    return (1 - momentum) * old + momentum * new


def _in_place(self, x, mean, var):
    x -= _along(x, mean)
    return _along(x, self.weight) * x / _along(x, self.deviation(var)) + _along(x, self.bias)


def _detached(mean: bool, var: bool) -> type[nn.Module]:
    def statistics(self, x):
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        return m.detach() if mean else m, v.detach() if var else v

    return _written(statistics=statistics)


def _eps_only_in_training(self, var):
    return (var + self.eps * self.training).sqrt()


def _bare_in_eval_mode(self, x):
    if self.training:
        self.observe(x)
        return self.normalise(x, *self.statistics(x))
    return (x - _along(x, self.running_mean)) / _along(x, self.deviation(self.running_var))


BatchNorm: Exercise = lesson.exercise(
    reference.BatchNorm,
    probe=_layer_probe,
    mistakes={
        "bias_missing": Mistake(
            "The bias (beta) never enters the output. Add it last.",
            _normalise(lambda x, m, s, w, b: w * (x - m) / s),
        ),
        "weight_missing": Mistake(
            "The weight (gamma) never enters the output. Multiply what you have normalised by it.",
            _normalise(lambda x, m, s, w, b: (x - m) / s + b),
        ),
        "weight_and_bias_missing": Mistake(
            "weight and bias exist but never enter the output: weight * normalised + bias.",
            _normalise(lambda x, m, s, w, b: (x - m) / s),
        ),
        "no_parameters": Mistake(
            "The layer has nothing to learn: its parameters() gives nothing, so an optimiser would "
            "change nothing. Either weight and bias are missing, or they are plain tensors: "
            "`self.weight = nn.Parameter(torch.ones(num_features))`, and zeros for bias.",
            _Affineless,
        ),
        "bias_scaled_too": Mistake(
            "You add the bias before you multiply, so it is scaled too. First weight * "
            "normalised, then + bias.",
            _normalise(lambda x, m, s, w, b: w * ((x - m) / s + b)),
        ),
        "not_centred": Mistake(
            "You do not subtract the mean.",
            _normalise(lambda x, m, s, w, b: w * x / s + b),
        ),
        "divided_by_the_variance": Mistake(
            "You divide by var + eps. The root is missing.",
            _written(deviation=lambda self, var: var + self.eps),
        ),
        "eps_outside_the_root": Mistake(
            "You add eps to the standard deviation. It belongs to the variance, inside the root.",
            _written(deviation=lambda self, var: var.sqrt() + self.eps),
        ),
        "eps_missing": Mistake(
            "eps never enters. It is added to the variance, inside the root.",
            _written(deviation=lambda self, var: var.sqrt()),
        ),
        "eps_fixed": Mistake(
            "The layer always uses eps = 1e-5. Keep the argument eps of __init__ in self.eps and "
            "use that (and hand it on, if you call a function).",
            _written(deviation=lambda self, var: (var + 1e-5).sqrt()),
        ),
        "eps_fixed_in_eval_mode": Mistake(
            "Train mode is right, but eval mode uses eps = 1e-5. Use self.eps there too (and hand "
            "it on, if you call a function).",
            _written(
                deviation=lambda self, var: (var + (self.eps if self.training else 1e-5)).sqrt()
            ),
        ),
        "eps_fixed_in_train_mode": Mistake(
            "Eval mode is right, but train mode uses eps = 1e-5. Use self.eps there too (and hand "
            "it on, if you call a function).",
            _written(
                deviation=lambda self, var: (var + (1e-5 if self.training else self.eps)).sqrt()
            ),
        ),
        "eps_only_in_training": Mistake(
            "Train mode is right, but in eval mode eps is missing. It is added to running_var too.",
            _written(deviation=_eps_only_in_training),
        ),
        "bare_in_eval_mode": Mistake(
            "Train mode is right, but in eval mode weight and bias do not enter.",
            _forward(_bare_in_eval_mode),
        ),
        "unbiased": Mistake(
            "The batch is normalised by the biased variance, divided by n: `correction=0`. The "
            "unbiased one, which `var` gives if it is told nothing, goes into running_var only.",
            _written(statistics=lambda self, x: (x.mean((0, 2, 3)), x.var((0, 2, 3)))),
        ),
        "running_variance_biased": Mistake(
            "The batch's variance goes into running_var divided by n. PyTorch keeps the unbiased "
            "one, divided by n − 1 (Keras keeps the biased one).",
            _observed(lambda self, x: self.statistics(x)),
        ),
        "biased_and_unbiased_swapped": Mistake(
            "You normalise the batch by the unbiased variance and keep the biased one. It is the "
            "other way round.",
            _written(
                statistics=lambda self, x: (x.mean((0, 2, 3)), x.var((0, 2, 3))),
                observed=lambda self, x: (x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)),
            ),
        ),
        "convention_of_keras": Mistake(
            "You take momentum for the share that is kept, as Keras does. In PyTorch it is the "
            "share of the new batch: (1 − momentum) * old + momentum * new.",
            _written(share=lambda self: 1 - self.momentum),
        ),
        "convention_of_keras_throughout": Mistake(
            "The running statistics follow Keras: momentum is the share that is kept, and the "
            "variance is biased. In PyTorch momentum is the share of the new batch, and the "
            "variance that is kept is divided by n − 1.",
            _written(share=lambda self: 1 - self.momentum, observed=_Written.statistics),
        ),
        "momentum_fixed": Mistake(
            "The running statistics always move by 0.1. Keep the argument momentum of __init__ in "
            "self.momentum and use that (and hand it on, if you call a function).",
            _written(share=lambda self: 0.1),
        ),
        "eps_and_momentum_fixed": Mistake(
            "The layer always uses eps = 1e-5 and momentum = 0.1. Keep both arguments of __init__ "
            "in self.eps and self.momentum, and hand them on to the functions that you call.",
            _written(
                deviation=lambda self, var: (var + 1e-5).sqrt(),
                share=lambda self: 0.1,
            ),
        ),
        "not_averaged": Mistake(
            "The running statistics are those of the last batch alone. Average: "
            "(1 − momentum) * old + momentum * new.",
            _written(share=lambda self: 1.0),
        ),
        "old_not_shrunk": Mistake(
            "You add momentum * new to the whole of the old running statistics, so they grow with "
            "every batch. The old ones have weight 1 − momentum.",
            _updated(lambda old, new, m: old + m * new),
        ),
        "deviation_kept": Mistake(
            "running_var receives the standard deviation. Leave the root out there.",
            _updated(_towards, lambda old, new, m: _towards(old, new.sqrt(), m)),
        ),
        "never_observes": Mistake(
            "The running statistics never move: in train mode, update running_mean and "
            "running_var. (Did you compute the new ones and not store them on self?)",
            _written(observe=lambda self, x: self.num_batches_tracked.add_(1)),
        ),
        "nothing_observed_or_counted": Mistake(
            "The running statistics never move and batches are not counted: in train mode, update "
            "running_mean, running_var and num_batches_tracked.",
            _written(observe=lambda self, x: None),
        ),
        "mean_only": Mistake(
            "running_mean moves, running_var never does.",
            _updated(_towards, lambda old, new, m: old),
        ),
        "variance_only": Mistake(
            "running_var moves, running_mean never does.",
            _updated(lambda old, new, m: old, _towards),
        ),
        "batch_statistics_in_eval_mode": Mistake(
            "In eval mode you still normalise by the batch's statistics. There running_mean and "
            "running_var take their place: ask `self.training`.",
            _forward(_batch_statistics_always),
        ),
        "always_training": Mistake(
            "The layer does not notice `.eval()`: it goes on using, and collecting, the batch's "
            "statistics. Ask `self.training`, which `.train()` and `.eval()` set.",
            _forward(_trains_always),
        ),
        "modes_swapped": Mistake(
            "Train and eval mode have changed places. `self.training` is True in train mode.",
            _forward(_modes_swapped),
        ),
        "running_statistics_in_train_mode": Mistake(
            "In train mode you normalise by the running statistics. Use the batch's own there; "
            "the running ones are only updated.",
            _forward(_uses_what_it_has_just_updated),
        ),
        "observes_in_eval_mode_too": Mistake(
            "The output is right in both modes, but eval mode changes the running statistics. "
            "Update them in train mode only: test images must leave no trace.",
            _forward(_observes_in_eval_mode_too),
        ),
        "observes_whatever_the_mode": Mistake(
            "You update the running statistics before you ask for the mode, so eval mode moves "
            "them, and normalises by what it has just changed. Update them in train mode only.",
            _forward(_observes_whatever_the_mode),
        ),
        "per_activation": Mistake(
            "You average over the batch only, x.mean(0), so each pixel has statistics of its own. "
            "A channel has one mean and one variance: axes (0, 2, 3).",
            _statistics_over(0),
        ),
        "per_image": Mistake(
            "You normalise each image by itself (that is instance normalisation). The statistics "
            "run over the batch as well: axes (0, 2, 3).",
            _statistics_over(2, 3),
        ),
        "per_image_all_channels": Mistake(
            "You take one mean and variance per image (that is layer normalisation). Each channel "
            "has its own, over the whole batch: axes (0, 2, 3).",
            _statistics_over(1, 2, 3),
        ),
        "one_for_all_channels": Mistake(
            "You take one mean and one variance of all numbers. Each channel has its own: axes "
            "(0, 2, 3).",
            _statistics_over(0, 1, 2, 3),
        ),
        "per_width": Mistake(
            "You average over axes (0, 1, 2), which is right where the channels come last, as in "
            "Keras. In PyTorch they are axis 1: (0, 2, 3).",
            _statistics_over(0, 1, 2),
        ),
        "statistics_detached": Mistake(
            "All outputs are right, the gradient to x is not: you cut the batch's mean and "
            "variance out of the graph (`detach`, `no_grad`, `.item()`). Only what goes into the "
            "running statistics is detached.",
            _detached(True, True),
        ),
        "mean_detached": Mistake(
            "All outputs are right, the gradient to x is not: the batch's mean is cut out of the "
            "graph. Only what goes into the running statistics is detached.",
            _detached(True, False),
        ),
        "variance_detached": Mistake(
            "All outputs are right, the gradient to x is not: the batch's variance is cut out of "
            "the graph. Only what goes into the running statistics is detached.",
            _detached(False, True),
        ),
        "graph_kept": Mistake(
            "The numbers are right, but the running statistics carry the graph of every batch "
            "since the start: memory fills up, and backward fails sooner or later. Update them "
            "under `torch.no_grad()`, or detach what goes in.",
            _written(observe=_keeps_the_graph),
        ),
        "no_graph": Mistake(
            "The numbers are right, but no gradient flows back at all: everything happens under "
            "`torch.no_grad()`. Only the update of the running statistics belongs there.",
            _forward(torch.no_grad()(_Written.forward)),
        ),
        "not_buffers": Mistake(
            "What the layer computes is right, but running_mean and running_var are plain "
            "attributes: state_dict() does not save them and .to(device) leaves them behind. Use "
            "`self.register_buffer(name, tensor)`, for num_batches_tracked too.",
            _written(make_statistics=_plain_statistics),
        ),
        "buffers_not_saved": Mistake(
            "What the layer computes is right, but `persistent=False` keeps the running "
            "statistics out of the state_dict: a loaded model would have lost them.",
            _written(make_statistics=_not_persistent),
        ),
        "statistics_as_parameters": Mistake(
            "running_mean and running_var are parameters, so they are handed to the optimiser. "
            "They are observed, not learnt: `self.register_buffer(name, tensor)`.",
            _written(make_statistics=_statistics_as_parameters),
        ),
        "parameters_as_buffers": Mistake(
            "weight and bias are buffers, so the optimiser never sees them. They are learnt: "
            "`nn.Parameter(torch.ones(num_features))`.",
            _parameters(
                lambda self, c: (
                    self.register_buffer("weight", torch.ones(c)),
                    self.register_buffer("bias", torch.zeros(c)),
                )
            ),
        ),
        "weight_starts_at_zero": Mistake(
            "weight starts at 0, so the layer puts out zeros and the layers before it get no "
            "gradient. It starts at 1.",
            _parameters(
                lambda self, c: (
                    setattr(self, "weight", nn.Parameter(torch.zeros(c))),
                    setattr(self, "bias", nn.Parameter(torch.zeros(c))),
                )
            ),
        ),
        "weight_starts_at_random": Mistake(
            "weight starts at random numbers. It starts at 1, so that the layer begins by "
            "normalising and nothing else.",
            _parameters(
                lambda self, c: (
                    setattr(self, "weight", nn.Parameter(torch.rand(c))),
                    setattr(self, "bias", nn.Parameter(torch.zeros(c))),
                )
            ),
        ),
        "running_variance_starts_at_zero": Mistake(
            "running_var starts at 0. It starts at 1: before the first batch, eval mode should "
            "not divide by nearly nothing.",
            _written(make_statistics=_statistics_start_at(0.0, 0.0)),
        ),
        "running_mean_starts_at_one": Mistake(
            "running_mean starts at 1. It starts at 0 (and running_var at 1).",
            _written(make_statistics=_statistics_start_at(1.0, 1.0)),
        ),
        "starts_swapped": Mistake(
            "running_mean starts at 1 and running_var at 0. It is the other way round.",
            _written(make_statistics=_statistics_start_at(1.0, 0.0)),
        ),
        "greek_names": Mistake(
            "What the layer computes is right. A drop-in saves and loads under nn.BatchNorm2d's "
            "names, though, and there gamma is called weight and beta is called bias.",
            _GreekNames,
        ),
        "greek_names_and_not_counted": Mistake(
            "What the layer computes is right. A drop-in saves and loads under nn.BatchNorm2d's "
            "names, though: gamma is called weight there, beta is called bias, and there is a "
            "third buffer, num_batches_tracked, which counts the training batches.",
            _GreekNamesWithoutCounter,
        ),
        "no_counter": Mistake(
            "What the layer computes is right. nn.BatchNorm2d has a third buffer, "
            "num_batches_tracked, without which neither loads the other's state_dict: "
            '`self.register_buffer("num_batches_tracked", torch.tensor(0))`, plus 1 per batch '
            "in train mode.",
            _NoCounter,
        ),
        "never_counts": Mistake(
            "What the layer computes is right, but num_batches_tracked stays 0. Add 1 for every "
            "batch in train mode.",
            _NeverCounts,
        ),
        "holder": Mistake(
            "What the layer computes is right, but an inner layer puts its own name before those "
            "in the state_dict, so a saved nn.BatchNorm2d does not load. Inherit from it, or "
            "write the layer out.",
            _Holder,
        ),
        "shaped": Mistake(
            "What the layer computes is right, but weight, bias and the running statistics have "
            "shape (1, C, 1, 1), so a saved nn.BatchNorm2d does not load. Keep them as (C,) and "
            "reshape them where they meet x.",
            _Shaped,
        ),
        "in_place": Mistake(
            "`x -= …` (or `x.sub_`) changes the input, which belongs to the layer before. Build a "
            "new tensor.",
            _written(normalise=_in_place),
        ),
        "statistics_returned_too": Mistake(
            "forward returns several things. Return y alone; the running statistics are stored on "
            "self.",
            _forward(
                lambda self, x: (_Written.forward(self, x), self.running_mean, self.running_var)
            ),
        ),
    },
    hints=[
        "Three kinds of numbers: learnt ones (`nn.Parameter`), observed ones "
        "(`self.register_buffer`), fixed ones (plain attributes). Which is which? And who tells "
        "you whether it is training or evaluation?",
        "In forward: `if self.training:` batch_norm_train for the output and "
        "update_running_stats for the buffers, with eps and momentum handed on, and "
        "`self.num_batches_tracked += 1`; otherwise batch_norm_eval with the running statistics.",
        "The names of nn.BatchNorm2d: parameters weight (ones) and bias (zeros); buffers "
        "running_mean (zeros), running_var (ones), num_batches_tracked (`torch.tensor(0)`).",
    ],
    right=[_ByFunctions, _Functional, _Subclass, _Written],
    returns="a layer",
    difficulty=3,
    minutes=8,
    tolerance=_TOLERANCE,
)
"""class BatchNorm(nn.Module), a drop-in for nn.BatchNorm2d: BatchNorm(num_features, eps, momentum).

Called with x (N, C, H, W). Same numbers, same gradients, same state_dict: parameters weight (gamma,
ones at first) and bias (beta, zeros at first), buffers running_mean (zeros), running_var (ones) and
num_batches_tracked (0, counts training batches), all of shape (C,) but the last. `self.training`
says which mode it is in; only train mode updates the buffers, and they carry no graph. The
functions of the exercises before may be used, and F.batch_norm or a subclass of nn.BatchNorm2d
passes too: the check looks at what is computed (but who inherits has learnt nothing).
"""


# --- batch_norm_backward ----------------------------------------------------------------------


_PARTS = ("dx", "dgamma", "dbeta")
_BACKWARD_CALLS = [
    _Call(
        "x of shape (4, 2)",
        {"dy": _weights(_WIDE_ROWS), "x": _WIDE_ROWS, "gamma": _ROW_GAMMA},
        {"eps": 0.1},
    ),
    _Call(
        "x of shape (2, 3, 2, 1)",
        {"dy": 1 + _weights(_IMAGES), "x": _IMAGES, "gamma": _GAMMA},
        {"eps": 0.1},
    ),
    _Call(
        "one image, x of shape (1, 2, 3, 2)",
        {"dy": _weights(_ONE_IMAGE), "x": _ONE_IMAGE, "gamma": _ROW_GAMMA},
        {"eps": 0.5},
    ),
    _Call(
        "x of shape (4, 2) with a small spread",
        {"dy": _weights(_ROWS), "x": _ROWS, "gamma": torch.ones(2)},
        {},
    ),
]


def finite_differences(
    dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float = 1e-5, step: float = 1e-5
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(dx, dgamma, dbeta) of L = sum(dy * batch_norm_train(x, gamma, beta)), by differences.

    Each number is moved a step up and a step down, in float64: (L(up) - L(down)) / (2 * step).
    """
    values = [x.double(), gamma.double(), torch.zeros_like(gamma).double()]

    def loss() -> float:
        return float((dy.double() * reference.batch_norm_train(*values, eps)).sum())

    found = []
    for value in values:
        flat, gradient = value.view(-1), torch.zeros_like(value)
        for i in range(flat.numel()):
            middle = float(flat[i])
            flat[i] = middle + step
            up = loss()
            flat[i] = middle - step
            down = loss()
            flat[i] = middle
            gradient.view(-1)[i] = (up - down) / (2 * step)
        found.append(gradient)
    return tuple(found)


@functools.cache
def _measured(number: int) -> dict[str, torch.Tensor]:
    call = _BACKWARD_CALLS[number]
    return dict(zip(_PARTS, finite_differences(**call.arguments, **call.options), strict=True))


def _judged_by_differences(number: int, found: Mapping[str, torch.Tensor]) -> str:
    """Raise a complaint that names the gradients that are wrong, and what gives dx away."""
    measured = _measured(number)
    wrong = [name for name in _PARTS if not _near(found[name], measured[name])]
    if not wrong:
        return "agrees"
    right = [name for name in _PARTS if name not in wrong]
    told = f"differs from finite differences in {' and '.join(wrong)}"
    if right:
        told += f"; {' and '.join(right)} {'is' if len(right) == 1 else 'are'} right"
    shapes = [
        f"{name} has shape {tuple(found[name].shape)} instead of {tuple(measured[name].shape)}"
        for name in wrong
        if found[name].shape != measured[name].shape
    ]
    told += ". " + ("; ".join(shapes) + "." if shapes else "")
    if not shapes and wrong == ["dx"]:
        told += _clue_about(found["dx"].double(), measured["dx"], _BACKWARD_CALLS[number])
    raise Complaint(told.strip())


def _near(value: torch.Tensor, expected: torch.Tensor) -> bool:
    if value.shape != expected.shape:
        return False
    return bool(torch.allclose(value.double(), expected, 2e-3, 2e-3 * float(expected.abs().max())))


def _clue_about(dx: torch.Tensor, right: torch.Tensor, call: _Call) -> str:
    """Which property of the right dx is missing: the two directions, then the factor."""
    axes, large = _axes(dx), float(right.abs().max())
    if dx.sum(axes).abs().max() > 1e-2 * large:
        return (
            "Adding a constant to a channel of x changes nothing, so dx has to sum to 0 over each "
            "channel, and yours does not: look at what flows through the mean, − mean(dy) in the "
            "brackets."
        )
    x = call.arguments["x"].double()
    z = x - x.mean(axes, keepdim=True)
    z = z / z.square().mean(axes, keepdim=True).sqrt()
    along = ((dx - right) * z).sum(axes, keepdim=True) / z.square().sum(axes, keepdim=True)
    if (dx - right - along * z).abs().max() < 1e-2 * large:
        return (
            "It differs by a multiple of the normalised x, z: look at what flows through the "
            "variance, − z * mean(dy * z) in the brackets."
        )
    return (
        "It sums to 0 over each channel, as it should. Look at the factor in front of the "
        "brackets, gamma / sqrt(var + eps), and at − z * mean(dy * z) inside."
    )


def _backward_probe(attempt: Callable) -> Generator[Question, Any, None]:
    @functools.wraps(attempt)
    def without_autograd(*args: Any, **kwargs: Any) -> Any:
        try:
            with torch.inference_mode():
                return attempt(*args, **kwargs)
        except RuntimeError as error:
            if any(words in str(error) for words in ("require grad", "grad_fn", "nference")):
                raise Complaint("needs autograd, which is off here: write it by hand.") from error
            raise

    for number, call in enumerate(_BACKWARD_CALLS):
        label = call.label("batch_norm_backward")
        value = yield _question("batch_norm_backward", call, without_autograd, compare=False)
        parts = yield ask(
            f"What {label} returns",
            lambda value=value: [part.clone() for part in _parts(value, "dx, dgamma, dbeta")],
            compare=False,
        )
        found = dict(zip(_PARTS, parts, strict=True))
        yield ask(
            f"The result of {label}",
            lambda number=number, found=found: _judged_by_differences(number, found),
            required=False,
        )
        for name in _PARTS:
            yield ask(f"{name} of {label}", lambda name=name, found=found: found[name])


def _backward(
    dx: Callable | None = None, dgamma: Callable | None = None, dbeta: Callable | None = None
) -> Callable:
    """A wrong answer from its formulas in the parts below; without one, the right formula."""

    def wrong(dy, x, gamma, eps=1e-5):
        parts = _Backward(dy, x, gamma, eps)
        return (
            (dx or _Backward.dx)(parts),
            (dgamma or _Backward.dgamma)(parts),
            (dbeta or _Backward.dbeta)(parts),
        )

    return wrong


class _Backward:
    """What the gradients are made of."""

    def __init__(self, dy, x, gamma, eps):
        self.dy, self.x, self.gamma, self.eps = dy, x, gamma, eps
        self.axes = _axes(x)
        self.m, self.v = _batch_mean(x), _batch_var(x)
        self.s = (self.v + eps).sqrt()
        self.z = (x - self.m) / self.s
        self.g = _along(x, gamma)
        self.n = _count(x)

    def mean(self, value):
        return value.mean(self.axes, keepdim=True)

    def dx(self):
        return (
            self.g / self.s * (self.dy - self.mean(self.dy) - self.z * self.mean(self.dy * self.z))
        )

    def dgamma(self):
        return (self.dy * self.z).sum(self.axes)

    def dbeta(self):
        return self.dy.sum(self.axes)


def _backward_with(change: Callable) -> Callable:
    """A wrong answer that goes wrong before the formulas, in one of their parts."""

    def wrong(dy, x, gamma, eps=1e-5):
        parts = _Backward(dy, x, gamma, eps)
        change(parts)
        return parts.dx(), parts.dgamma(), parts.dbeta()

    return wrong


def _set(**formulas: Callable) -> Callable:
    def change(parts):
        for name, formula in formulas.items():
            setattr(parts, name, formula(parts))

    return change


def _axes_become(axes: Callable) -> Callable:
    def wrong(dy, x, gamma, eps=1e-5):
        parts = _Backward(dy, x, gamma, eps)
        parts.axes = axes(x)
        mean = x.mean(parts.axes, keepdim=True)
        var = x.var(parts.axes, correction=0, keepdim=True)
        parts.s = (var + eps).sqrt()
        parts.z = (x - mean) / parts.s
        return parts.dx(), parts.dgamma(), parts.dbeta()

    return wrong


def _by_autograd(dy, x, gamma, eps=1e-5):
    x, gamma = x.detach().clone().requires_grad_(), gamma.detach().clone().requires_grad_()
    beta = torch.zeros_like(gamma).requires_grad_()
    y = F.batch_norm(x, None, None, gamma, beta, True, 0.0, eps)
    return torch.autograd.grad((y * dy).sum(), (x, gamma, beta))


def _backward_step_by_step(dy, x, gamma, eps=1e-5):
    """Along the graph, node by node, as it is usually drawn."""
    axes, n = _axes(x), _count(x)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    var = centred.pow(2).mean(axes, keepdim=True)
    inverse = 1 / torch.sqrt(var + eps)
    dz = dy * gamma.view(shape)
    dvar = (dz * centred).sum(axes, keepdim=True) * -0.5 * inverse**3
    dmean = -(dz * inverse).sum(axes, keepdim=True) - 2 * dvar * centred.mean(axes, keepdim=True)
    dx = dz * inverse + dvar * 2 * centred / n + dmean / n
    return dx, (dy * centred * inverse).sum(axes), dy.sum(axes)


def _backward_per_channel(dy, x, gamma, eps=1e-5):
    dx, dgamma, dbeta = torch.zeros_like(x), torch.zeros(x.shape[1]), torch.zeros(x.shape[1])
    for c in range(x.shape[1]):
        values, upstream = x[:, c].flatten(), dy[:, c].flatten()
        n = len(values)
        z = (values - values.mean()) / (values.var(unbiased=False) + eps).sqrt()
        dbeta[c], dgamma[c] = upstream.sum(), upstream @ z
        scale = gamma[c] / (n * (values.var(unbiased=False) + eps).sqrt())
        dx[:, c] = (scale * (n * upstream - dbeta[c] - z * dgamma[c])).view_as(x[:, c])
    return dx, dgamma, dbeta


def _backward_by_jacobian(dy, x, gamma, eps=1e-5):
    flat, upstream = x.transpose(0, 1).flatten(1), dy.transpose(0, 1).flatten(1)
    n = flat.shape[1]
    s = (flat.var(1, correction=0, keepdim=True) + eps).sqrt()
    z = (flat - flat.mean(1, keepdim=True)) / s
    jacobian = torch.eye(n) - 1 / n - torch.einsum("ci,cj->cij", z, z) / n
    dx = torch.einsum("cij,cj->ci", jacobian, upstream) * gamma[:, None] / s
    moved = x.transpose(0, 1)
    return dx.reshape(moved.shape).transpose(0, 1), (upstream * z).sum(1), upstream.sum(1)


batch_norm_backward: Exercise = lesson.exercise(
    reference.batch_norm_backward,
    probe=_backward_probe,
    mistakes={
        "statistics_constant": Mistake(
            "dgamma and dbeta are right. Your dx takes mean and variance for constants: "
            "gamma / sqrt(var + eps) * dy. They depend on every x of the channel; in brackets "
            "comes dy − mean(dy) − z * mean(dy * z).",
            _backward(lambda p: p.g / p.s * p.dy),
        ),
        "through_the_mean_missing": Mistake(
            "dgamma and dbeta are right. In dx, what flows through the mean is missing: − mean(dy) "
            "in the brackets. That makes dx sum to 0 over a channel.",
            _backward(lambda p: p.g / p.s * (p.dy - p.z * p.mean(p.dy * p.z))),
        ),
        "through_the_variance_missing": Mistake(
            "dgamma and dbeta are right. In dx, what flows through the variance is missing: "
            "− z * mean(dy * z) in the brackets.",
            _backward(lambda p: p.g / p.s * (p.dy - p.mean(p.dy))),
        ),
        "through_the_variance_with_the_wrong_sign": Mistake(
            "dgamma and dbeta are right. In dx the term of the variance has the wrong sign: it is "
            "subtracted, as that of the mean is.",
            _backward(lambda p: p.g / p.s * (p.dy - p.mean(p.dy) + p.z * p.mean(p.dy * p.z))),
        ),
        "through_the_mean_with_the_wrong_sign": Mistake(
            "dgamma and dbeta are right. In dx the term of the mean has the wrong sign: it is "
            "subtracted, as that of the variance is.",
            _backward(lambda p: p.g / p.s * (p.dy + p.mean(p.dy) - p.z * p.mean(p.dy * p.z))),
        ),
        "through_the_variance_without_z": Mistake(
            "dgamma and dbeta are right. In dx the last term is z * mean(dy * z): a number per "
            "channel times z, and you left that z out.",
            _backward(lambda p: p.g / p.s * (p.dy - p.mean(p.dy) - p.mean(p.dy * p.z))),
        ),
        "sums_instead_of_means": Mistake(
            "dgamma and dbeta are right. In dx you use sums where means belong: divide dbeta and "
            "dgamma by n, the number of values per channel, before you subtract them.",
            _backward(
                lambda p: p.g / p.s * (p.dy - p.n * p.mean(p.dy) - p.n * p.z * p.mean(p.dy * p.z))
            ),
        ),
        "n_counts_images_only": Mistake(
            "dgamma and dbeta are right, and dx is for (N, D). For images your n is the number of "
            "images; a channel has n = N·H·W values.",
            _backward(
                lambda p: (
                    p.g / p.s * (p.dy - p.n / len(p.x) * (p.mean(p.dy) + p.z * p.mean(p.dy * p.z)))
                )
            ),
        ),
        "n_minus_one": Mistake(
            "dgamma and dbeta are right. In dx you divide the two sums by n − 1. The batch is "
            "normalised by the biased variance: divide by n.",
            _backward(
                lambda p: (
                    p.g / p.s * (p.dy - p.n / (p.n - 1) * (p.mean(p.dy) + p.z * p.mean(p.dy * p.z)))
                )
            ),
        ),
        "unbiased": Mistake(
            "dx and dgamma are wrong because the normalised x inside them is: it is divided by "
            "the unbiased deviation. `correction=0`, as in batch_norm_train. dbeta is right.",
            _backward_with(
                _set(
                    s=lambda p: (p.v * p.n / (p.n - 1) + p.eps).sqrt(),
                    z=lambda p: (p.x - p.m) / p.s,
                )
            ),
        ),
        "gamma_missing": Mistake(
            "dgamma and dbeta are right. gamma is missing in dx: y = gamma * z + beta, so all "
            "that flows back to z is multiplied by gamma.",
            _backward(lambda p: p.dx() / p.g),
        ),
        "deviation_missing": Mistake(
            "dgamma and dbeta are right. In dx the division by sqrt(var + eps) is missing.",
            _backward(lambda p: p.dx() * p.s),
        ),
        "divided_by_the_variance": Mistake(
            "dgamma and dbeta are right. dx is divided by var + eps; divide by its root.",
            _backward(lambda p: p.dx() / p.s),
        ),
        "multiplied_by_the_deviation": Mistake(
            "dgamma and dbeta are right. dx is multiplied by the deviation; divide by it. The "
            "wider x is spread, the less a step in it matters.",
            _backward(lambda p: p.dx() * p.s**2),
        ),
        "x_instead_of_z": Mistake(
            "dbeta is right. In dgamma and in dx you use x where the normalised one belongs: "
            "z = (x − mean) / sqrt(var + eps).",
            _backward_with(_set(z=lambda p: p.x)),
        ),
        "centred_instead_of_z": Mistake(
            "dbeta is right. In dgamma and in dx you use x − mean where the normalised one "
            "belongs: divided by sqrt(var + eps).",
            _backward_with(_set(z=lambda p: p.x - p.m)),
        ),
        "eps_missing": Mistake(
            "eps never enters, so dx and dgamma are off: z is divided by sqrt(var + eps), as in "
            "batch_norm_train. dbeta is right.",
            _backward_with(_set(s=lambda p: p.v.sqrt(), z=lambda p: (p.x - p.m) / p.s)),
        ),
        "eps_fixed": Mistake(
            "You write 1e-5 where the argument eps belongs, so dx and dgamma are off. dbeta is "
            "right.",
            _backward_with(_set(s=lambda p: (p.v + 1e-5).sqrt(), z=lambda p: (p.x - p.m) / p.s)),
        ),
        "eps_outside_the_root": Mistake(
            "You add eps to the standard deviation, so dx and dgamma are off. It belongs to the "
            "variance, inside the root. dbeta is right.",
            _backward_with(_set(s=lambda p: p.v.sqrt() + p.eps, z=lambda p: (p.x - p.m) / p.s)),
        ),
        "dgamma_of_x": Mistake(
            "dx and dbeta are right. dgamma is sum(dy * z) with the normalised z; you multiply by "
            "x itself.",
            _backward(dgamma=lambda p: (p.dy * p.x).sum(p.axes)),
        ),
        "dgamma_of_centred": Mistake(
            "dx and dbeta are right. dgamma is sum(dy * z) with the normalised z; you multiply by "
            "x − mean, which is not divided by the deviation yet.",
            _backward(dgamma=lambda p: (p.dy * (p.x - p.m)).sum(p.axes)),
        ),
        "dgamma_of_y": Mistake(
            "dx and dbeta are right. dgamma is sum(dy * z); you multiply by gamma * z.",
            _backward(dgamma=lambda p: (p.dy * p.g * p.z).sum(p.axes)),
        ),
        "dgamma_without_z": Mistake(
            "dx and dbeta are right. Your dgamma is sum(dy), which is dbeta. gamma multiplies z, "
            "so dgamma is sum(dy * z).",
            _backward(dgamma=lambda p: p.dy.sum(p.axes)),
        ),
        "dgamma_averaged": Mistake(
            "dx and dbeta are right. dgamma is a sum over the channel; you take the mean.",
            _backward(dgamma=lambda p: (p.dy * p.z).mean(p.axes)),
        ),
        "dbeta_averaged": Mistake(
            "dx and dgamma are right. dbeta is a sum over the channel; you take the mean.",
            _backward(dbeta=lambda p: p.dy.mean(p.axes)),
        ),
        "both_averaged": Mistake(
            "dx is right. dgamma and dbeta are sums over the channel; you take means. (In dx the "
            "means are in place.)",
            _backward(
                dgamma=lambda p: (p.dy * p.z).mean(p.axes), dbeta=lambda p: p.dy.mean(p.axes)
            ),
        ),
        "dbeta_times_gamma": Mistake(
            "dx and dgamma are right. dbeta is sum(dy): beta is added last, gamma has no part in "
            "it.",
            _backward(dbeta=lambda p: (p.dy * p.g).sum(p.axes)),
        ),
        "not_summed": Mistake(
            "dx is right. dgamma and dbeta have x's shape: the whole channel shares one gamma and "
            "one beta, so sum over every axis but axis 1.",
            _backward(dgamma=lambda p: p.dy * p.z, dbeta=lambda p: p.dy),
        ),
        "summed_over_the_batch_only": Mistake(
            "Right for (N, D). For images you sum dgamma and dbeta over the batch only; a channel "
            "shares one of each, so sum over height and width too: axes (0, 2, 3).",
            _backward(dgamma=lambda p: (p.dy * p.z).sum(0), dbeta=lambda p: p.dy.sum(0)),
        ),
        "axes_kept": Mistake(
            "dx is right, and so are the numbers of dgamma and dbeta, but they have shape "
            "(1, C, 1, 1) or (1, D) because of `keepdim=True`. They are (C,) or (D,), like gamma.",
            _backward(
                dgamma=lambda p: (p.dy * p.z).sum(p.axes, keepdim=True),
                dbeta=lambda p: p.dy.sum(p.axes, keepdim=True),
            ),
        ),
        "per_activation": Mistake(
            "Right for (N, D). For images you take all means and sums over the batch only, axis "
            "0. A channel is one unit: axes (0, 2, 3). So dx, dgamma and dbeta are off.",
            _axes_become(lambda x: (0,)),
        ),
        "one_for_all_channels": Mistake(
            "You take all means and sums over all axes. Each feature or channel has its own: all "
            "axes but axis 1. So dx, dgamma and dbeta are off.",
            _axes_become(lambda x: tuple(range(x.ndim))),
        ),
        "images_only": Mistake(
            "Axes (0, 2, 3) do not exist for x of shape (N, D), so neither dx nor dgamma nor "
            "dbeta comes out. Take every axis but axis 1, however many there are.",
            _axes_become(lambda x: (0, 2, 3)),
        ),
        "order_of_the_results": Mistake(
            "dgamma and dbeta have changed places. The order is dx, dgamma, dbeta.",
            lambda dy, x, gamma, eps=1e-5: [
                reference.batch_norm_backward(dy, x, gamma, eps)[i] for i in (0, 2, 1)
            ],
        ),
        "dy_ignored": Mistake(
            "dx and dgamma and dbeta are those for dy = 1: the incoming gradient dy never enters.",
            lambda dy, x, gamma, eps=1e-5: reference.batch_norm_backward(
                torch.ones_like(dy), x, gamma, eps
            ),
        ),
        "signs": Mistake(
            "dx, dgamma and dbeta all have the wrong sign. Return the gradient; the optimiser is "
            "who walks against it.",
            lambda dy, x, gamma, eps=1e-5: tuple(
                -part for part in reference.batch_norm_backward(dy, x, gamma, eps)
            ),
        ),
        "in_place": Mistake(
            "You change the caller's dy (`dy -= …`, `dy *= …`). Build new tensors for dx, dgamma "
            "and dbeta.",
            lambda dy, x, gamma, eps=1e-5: (
                reference.batch_norm_backward(dy, x, gamma, eps),
                dy.mul_(_along(x, gamma)),
            )[0],
        ),
        "autograd": Mistake(
            "You let PyTorch find dx, dgamma and dbeta. Here you write them out by hand, so the "
            "check runs your function with autograd switched off.",
            _by_autograd,
        ),
    },
    hints=[
        "Begin with the two easy ones: y = gamma * z + beta, and a channel shares one gamma and "
        "one beta. dbeta has one sum in it, dgamma has z as well. Then ask what happens to y when "
        "a constant is added to x, and when x − mean is doubled.",
        "dz = gamma * dy. x reaches y on three ways: directly, through the mean, and through the "
        "variance. The second takes the mean of dy out, the third takes out its part along z.",
        "dx = gamma / sqrt(var + eps) * (dy − mean(dy) − z * mean(dy * z)), with "
        "z = (x − mean) / sqrt(var + eps) and all means over a channel, `keepdim=True`.",
    ],
    right=[_backward_step_by_step, _backward_per_channel, _backward_by_jacobian],
    returns="(dx, dgamma, dbeta)",
    difficulty=3,
    minutes=10,
    tolerance=1e-3,
)
"""(dx, dgamma, dbeta), the gradients of batch_norm_train, written out by hand.

dy is the loss's gradient at y, of x's shape; x (N, D) or (N, C, H, W); gamma (D,) or (C,). dx has
x's shape, dgamma and dbeta gamma's. dy and x are not changed. No autograd: the check compares with
finite differences and runs the function with autograd switched off.
"""


# --- add_batch_norm ---------------------------------------------------------------------------


def _numbers(shape: Sequence[int], seed: int) -> torch.Tensor:
    """Normal numbers that depend on how many there are, not on how they are arranged."""
    count = torch.Size(shape).numel()
    draw = torch.Generator().manual_seed(1000 * seed + count)
    return torch.randn(count, generator=draw).reshape(shape)


_PICTURES = _numbers((5, 1, 8, 8), 1) * 0.7 + 0.4
_OTHER_PICTURES = _numbers((3, 1, 8, 8), 2) * 1.5 - 0.3


@dataclass
class _Step:
    """One use of a convolution's or dense layer's weights, however it was written."""

    inputs: torch.Tensor
    output: torch.Tensor
    bias: torch.Tensor | None

    @property
    def without_bias(self) -> torch.Tensor:
        """A convolution's output before its bias is added."""
        if self.bias is None:
            return self.output
        return self.output - self.bias.reshape(-1, *[1] * (self.output.ndim - 2))


class _Watch(TorchFunctionMode):
    """Records every convolution and matrix product with a parameter while a network runs.

    fill : first give those weights and biases known numbers.
    """

    _LAYERS = (F.conv2d, F.linear, torch.conv1d, torch.conv3d)
    _PRODUCTS = (torch.matmul, torch.mm, torch.Tensor.matmul, torch.Tensor.mm)
    _OPERATORS = (torch.Tensor.__matmul__, torch.addmm)

    def __init__(self, fill: bool = False) -> None:
        super().__init__()
        self.steps: list[_Step] = []
        self._fill = fill

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = self._operands(function, args, kwargs)
        if found is None:
            return function(*args, **kwargs)
        inputs, weight, bias = found
        if self._fill:
            with torch.no_grad():
                weight.copy_(_numbers(weight.shape, 3))
                if bias is not None:
                    bias.copy_(_numbers(bias.shape, 4))
        before = inputs.detach().clone()  # an in-place activation may follow
        output = function(*args, **kwargs)
        known = None if bias is None else bias.detach().clone()
        self.steps.append(_Step(before, output.detach().clone(), known))
        return output

    def _operands(self, function, args, kwargs):
        given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
        if function in self._LAYERS:
            return given["input"], given["weight"], given.get("bias")
        if function in (*self._PRODUCTS, *self._OPERATORS):
            bias, tensors = (args[0], args[1:]) if function is torch.addmm else (None, args)
            weight = next((each for each in tensors if _is_learnt_matrix(each)), None)
            if weight is not None and len(tensors) == 2:
                inputs = tensors[0] if tensors[1] is weight else tensors[1]
                return inputs, weight, bias
        return None


def _is_learnt_matrix(value: Any) -> bool:
    origin = value if getattr(value, "_base", None) is None else value._base
    return isinstance(origin, nn.Parameter) and value.ndim == 2 and min(value.shape) > 1


def _run(network: nn.Module, images: torch.Tensor, fill: bool = False):
    """The network's output with the steps that made it."""
    with _Watch(fill) as watch:
        logits = network(images.clone())
    return logits, watch.steps


def _bare(shape: Sequence[int]) -> tuple[int, ...]:
    """(5, 10, 1, 1) and (5, 10) are the same: a last convolution may replace the dense layer."""
    shape = tuple(shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _network(value: Any) -> nn.Module:
    if isinstance(value, type):
        raise Complaint(
            "returned a class. Return a network made from it, with the brackets of a call."
        )
    if not isinstance(value, nn.Module):
        raise Complaint(
            f"returned {_kind(value)}, not a network. Build an nn.Sequential or a module of your "
            "own and return that."
        )
    if isinstance(value, torch.jit.ScriptModule):
        raise Complaint(
            "returned a compiled network, into which the check cannot look. Return it as it was "
            "before torch.jit."
        )
    return value


def _sorted(step: _Step) -> torch.Tensor:
    """What enters the output layer, in an order that does not depend on how it was flattened."""
    return step.inputs.flatten(1).sort(1).values


def _add_probe(attempt: Callable) -> Generator[Question, Any, None]:
    network = yield ask("add_batch_norm(3)", lambda: _network(attempt(3)), compare=False)
    yield ask("The new network", lambda: _complain_of_eval_mode(network), required=False)
    network.train()
    logits, _ = yield ask(
        "The logits of add_batch_norm(3) for 5 images",
        lambda: _run(network, _PICTURES, fill=True),
        compare=False,
    )
    yield ask(
        "The shape of the logits of add_batch_norm(3) for images of shape (5, 1, 8, 8)",
        lambda: _bare(_tensor(logits).shape),
    )
    logits, steps = yield ask(
        "The network with known weights", lambda: _run(network, _PICTURES), compare=False
    )
    yield ask(
        "The shapes that the convolutions and the output layer of add_batch_norm(3) put out",
        lambda: [_bare(step.output.shape) for step in steps],
    )
    # What happens between the layers in words, then in numbers that tell banked mistakes apart.
    yield ask("The network", lambda: _complain_of_images(steps[0]), required=False)
    for number, after in ((1, "convolution 2"), (2, "the output layer")):
        yield ask(
            f"Between convolution {number} and {after}",
            lambda number=number: _complain_of_what_is_between(*steps[number - 1 : number + 1]),
            required=False,
        )
    yield ask(
        "After the output layer",
        lambda: _complain_of_a_change(steps[-1].output.flatten(1), logits.detach().flatten(1)),
        required=False,
    )
    yield ask("The bias", lambda: _complain_of_biases(steps), required=False)
    yield ask(
        "add_batch_norm(3).parameters()", lambda: _complain_of_their_number(network), required=False
    )
    yield ask("Training", lambda: _complain_of_unused(network, logits), required=False)
    yield ask(
        "What convolution 2 puts out in train mode",
        lambda: steps[1].without_bias,
        required=False,
    )
    yield ask(
        "What enters the output layer in train mode, sorted",
        lambda: _sorted(steps[2]),
        required=False,
    )
    yield ask(
        "Training goes on", lambda: [network(_OTHER_PICTURES.clone()) for _ in "ab"], compare=False
    )
    network.eval()
    _, steps = yield ask(
        "One image in eval mode", lambda: _run(network, _OTHER_PICTURES[1:2]), compare=False
    )
    yield ask("In eval mode", lambda: _complain_of_batch_statistics(steps), required=False)
    yield ask(
        "What convolution 2 puts out for one image, in eval mode after four training batches",
        lambda: steps[1].without_bias,
        required=False,
    )
    yield ask(
        "What enters the output layer for one image, in eval mode, sorted",
        lambda: _sorted(steps[2]),
        required=False,
    )
    smaller = yield ask("add_batch_norm(2)", lambda: _network(attempt(2)), compare=False)
    yield ask(
        "The shapes that the layers of add_batch_norm(2) put out",
        lambda: [_bare(step.output.shape) for step in _run(smaller, _PICTURES)[1]],
    )


def _complain_of_eval_mode(network: nn.Module) -> None:
    if not all(module.training for module in network.modules()):
        raise Complaint("is in eval mode, or a part of it is. Leave out `.eval()`.")


def _normalised(x: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(x, None, None, training=True)


def _alike(value: torch.Tensor, expected: torch.Tensor) -> bool:
    """Equal whatever the order within an image, and as far as any usual eps allows."""
    if value.numel() != expected.numel():
        return False
    value, expected = (each.flatten(1).sort(1).values for each in (value, expected))
    return bool(torch.allclose(value, expected, 0.01, 0.01))


_ACTIVATIONS = {
    "the identity": lambda x: x,
    "leaky ReLU": lambda x: F.leaky_relu(x, 0.2),
    "leaky ReLU with slope 0.01": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "GELU": F.gelu,
    "ELU": F.elu,
    "SiLU": F.silu,
}


def _complain_of_images(first: _Step) -> None:
    """Zeros aside, which padding may have added."""
    seen, given = first.inputs[first.inputs != 0], _PICTURES[_PICTURES != 0]
    if seen.shape != given.shape or not torch.allclose(seen, given, 1e-3, 1e-3):
        raise Complaint(
            "changes the images before the first convolution. Nothing comes before it, no "
            "BatchNorm either."
        )


def _complain_of_what_is_between(before: _Step, after: _Step) -> None:
    out, entering = before.output, after.inputs
    if entering.numel() != out.numel():  # padding may be a layer of its own: leave its zeros out
        entering = entering[..., 1:-1, 1:-1]
    if _alike(entering, F.relu(_normalised(out))):
        return
    told = "something else than BatchNorm and ReLU happens"
    if _alike(entering, F.relu(out)):
        told = "nothing is normalised: ReLU gets what the convolution puts out"
    elif _alike(entering, out):
        told = "nothing happens, neither BatchNorm nor ReLU"
    elif _alike(entering, _normalised(F.relu(out))):
        told = "ReLU comes first and BatchNorm second. It is the other way round"
    elif _alike(entering, _normalised(F.relu(_normalised(out)))):
        told = "BatchNorm comes twice, before and after ReLU. Once, before it, is enough"
    elif _alike(entering, F.relu(F.instance_norm(out))):
        told = "each image is normalised by itself. BatchNorm takes its statistics over the batch"
    elif _alike(entering, F.relu(F.group_norm(out, 1))):
        told = (
            "each image is normalised over all its channels, as LayerNorm does, not over the batch"
        )
    elif _alike(entering, _normalised(out)):
        told = "ReLU is missing after BatchNorm"
    else:
        for name, activation in _ACTIVATIONS.items():
            if _alike(entering, activation(_normalised(out))):
                told = f"the activation is {name}. Leave it ReLU"
    raise Complaint(f"{told}. Asked for is: convolution, BatchNorm, ReLU.")


def _complain_of_a_change(before: torch.Tensor, after: torch.Tensor) -> None:
    difference = after - before  # the same for all images where a bias is added by hand
    if before.shape != after.shape or (difference - difference.mean(0)).abs().max() > 1e-3:
        raise Complaint(
            "something changes the logits. Nothing comes after it: no BatchNorm, no activation."
        )


def _complain_of_biases(steps: Sequence[_Step]) -> None:
    numbers = [str(i) for i, step in enumerate(steps[:-1], 1) if step.bias is not None]
    if numbers:
        raise Complaint(
            f"of convolution {' and '.join(numbers)} is still there. The BatchNorm after it "
            "subtracts it again: `bias=False`."
        )


def _complain_of_their_number(network: nn.Module) -> None:
    counts = [parameter.numel() for parameter in network.parameters() if parameter.requires_grad]
    right = 27 + 288 + 6 + 12 + 970
    if sum(counts) != right:
        raise Complaint(
            f"should hold {right} numbers that can learn: 27 and 288 weights of the convolutions, "
            "6 and 12 gammas and betas, 960 weights and 10 biases of the output layer. Yours hold "
            f"{sum(counts)}: {' + '.join(map(str, counts)) or 'nothing at all'}."
        )


def _complain_of_unused(network: nn.Module, logits: torch.Tensor) -> None:
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    if not named or not logits.requires_grad:
        raise Complaint("changes nothing: no gradient flows back from the logits.")
    loss = (logits * _weights(logits.detach())).sum()
    found = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True)
    unused = [name for (name, _), gradient in zip(named, found, strict=True) if gradient is None]
    if unused:
        raise Complaint(f"never changes {', '.join(unused)}: forward makes no use of it.")


def _complain_of_batch_statistics(steps: Sequence[_Step]) -> None:
    out, entering = steps[0].output, steps[1].inputs
    if entering.numel() != out.numel():
        entering = entering[..., 1:-1, 1:-1]
    if _alike(entering, F.relu(_normalised(out))):
        raise Complaint(
            "an image is still normalised by its own statistics. The running ones belong there."
        )


def _built(
    *,
    bias: tuple[bool, bool, bool] = (False, False, True),
    before: Callable = lambda c: [],
    first: Callable = lambda c: [nn.BatchNorm2d(c), nn.ReLU()],
    second: Callable = lambda c: [nn.BatchNorm2d(2 * c), nn.ReLU()],
    middle: Callable | None = None,
    after: Callable = lambda c: [],
    change: Callable = lambda network: network,
) -> Callable:
    """A network as add_batch_norm makes it, with other layers in some places."""

    def build(conv_dim):
        c = conv_dim
        convolution = nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=bias[1])
        network = nn.Sequential(
            *before(c),
            nn.Conv2d(1, c, 3, padding=1, bias=bias[0]),
            *first(c),
            *(middle(c) if middle else [convolution]),
            *second(c),
            nn.Flatten(),
            nn.Linear(2 * c * 4 * 4, 10, bias=bias[2]),
            *after(c),
        )
        return change(network) or network

    return build


def _left_out(conv_dim):
    return _PythonList(conv_dim)


class _PythonList(nn.Module):
    def __init__(self, conv_dim):
        super().__init__()
        self.layers = list(reference.add_batch_norm(conv_dim))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class _PartlyInAList(nn.Module):
    """The normalisation in a list, the rest registered."""

    def __init__(self, conv_dim):
        super().__init__()
        self.all = nn.Sequential(*_built(first=_relu, second=_relu)(conv_dim))
        self.norms = [nn.BatchNorm2d(conv_dim), nn.BatchNorm2d(2 * conv_dim)]

    def forward(self, x):
        first, relu, second, _, flatten, dense = self.all
        x = relu(self.norms[0](first(x)))
        return dense(flatten(relu(self.norms[1](second(x)))))


def _relu(c):
    return [nn.ReLU()]


class _BatchStatisticsAlways(nn.Module):
    """F.batch_norm without running statistics: eval mode changes nothing."""

    def __init__(self, conv_dim):
        super().__init__()
        c = conv_dim
        self.first = nn.Conv2d(1, c, 3, padding=1, bias=False)
        self.second = nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False)
        self.dense = nn.Linear(2 * c * 4 * 4, 10)
        self.norms = nn.ParameterList(
            [torch.ones(c), torch.zeros(c), torch.ones(2 * c), torch.zeros(2 * c)]
        )

    def forward(self, x):
        g1, b1, g2, b2 = self.norms
        x = F.relu(F.batch_norm(self.first(x), None, None, g1, b1, training=True))
        x = F.relu(F.batch_norm(self.second(x), None, None, g2, b2, training=True))
        return self.dense(x.flatten(1))


class _WrittenOut(nn.Module):
    """A module with functional calls, the layers in another order than they are used."""

    def __init__(self, conv_dim):
        super().__init__()
        self.out = nn.Linear(32 * conv_dim, 10)
        self.n2 = reference.BatchNorm(2 * conv_dim)
        self.n1 = nn.BatchNorm2d(conv_dim)
        self.c2 = nn.Conv2d(conv_dim, 2 * conv_dim, 4, 2, 1, bias=False)
        self.c1 = nn.Conv2d(1, conv_dim, 3, 1, 1, bias=False)

    def forward(self, images):
        x = torch.relu_(self.n1(self.c1(images)))
        x = self.n2(self.c2(x)).clamp(min=0)
        return self.out(x.view(len(x), -1))


def _with_a_last_convolution(conv_dim):
    return nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding="same", bias=False),
        nn.BatchNorm2d(conv_dim),
        nn.ReLU(inplace=True),
        nn.Conv2d(conv_dim, 2 * conv_dim, (4, 4), (2, 2), (1, 1), bias=False),
        nn.BatchNorm2d(2 * conv_dim),
        nn.ReLU(True),
        nn.Conv2d(2 * conv_dim, 10, 4),
        nn.Flatten(),
    )


def _lazily(conv_dim):
    return nn.Sequential(
        nn.LazyConv2d(conv_dim, 3, padding=1, bias=False),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.LazyConv2d(2 * conv_dim, 4, stride=2, padding=1, bias=False),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


class _ByHand(nn.Module):
    """No layer of PyTorch's at all."""

    def __init__(self, conv_dim):
        super().__init__()
        c = conv_dim
        self.w1 = nn.Parameter(torch.randn(c, 1, 3, 3))
        self.w2 = nn.Parameter(torch.randn(2 * c, c, 4, 4))
        self.w3 = nn.Parameter(torch.randn(32 * c, 10))
        self.b3 = nn.Parameter(torch.zeros(10))
        self.norms = nn.ModuleList([_ByFunctions(c), _ByFunctions(2 * c)])

    def forward(self, x):
        x = self.norms[0](F.conv2d(x, self.w1, padding=1))
        x = torch.where(x > 0, x, torch.zeros_like(x))
        x = F.relu(self.norms[1](F.conv2d(x, self.w2, stride=2, padding=1)), inplace=True)
        return F.linear(x.flatten(1), self.w3.T, self.b3)


add_batch_norm: Exercise = lesson.exercise(
    reference.add_batch_norm,
    probe=_add_probe,
    mistakes={
        "unchanged": Mistake(
            "This is the plain network. A BatchNorm comes after each of the two convolutions, and "
            "the convolutions lose their bias.",
            reference.plain_network,
        ),
        "biases_removed_only": Mistake(
            "The convolutions have no bias any more, but nothing is normalised yet: put an "
            "nn.BatchNorm2d after each of them.",
            _built(first=_relu, second=_relu),
        ),
        "biases_left": Mistake(
            "Place and order are right, but both convolutions still have a bias. The mean that is "
            "subtracted contains it, so it changes nothing: `bias=False`.",
            _built(bias=(True, True, True)),
        ),
        "first_bias_left": Mistake(
            "Place and order are right, but the first convolution still has a bias, which does "
            "nothing: `bias=False`.",
            _built(bias=(True, False, True)),
        ),
        "second_bias_left": Mistake(
            "Place and order are right, but the second convolution still has a bias, which does "
            "nothing: `bias=False`.",
            _built(bias=(False, True, True)),
        ),
        "no_bias_anywhere": Mistake(
            "The output layer has lost its bias too. It is not followed by a BatchNorm whose beta "
            "could take its place: keep it.",
            _built(bias=(False, False, False)),
        ),
        "biases_the_wrong_way_round": Mistake(
            "The biases are the wrong way round: the convolutions, which a BatchNorm follows, "
            "need none; the output layer keeps its.",
            _built(bias=(True, True, False)),
        ),
        "after_relu": Mistake(
            "You normalise after ReLU. Asked for is the paper's order: convolution, BatchNorm, "
            "ReLU. (The other order works too; it is another network, whose ReLU gets what the "
            "convolution happens to put out.)",
            _built(
                first=lambda c: [nn.ReLU(), nn.BatchNorm2d(c)],
                second=lambda c: [nn.ReLU(), nn.BatchNorm2d(2 * c)],
            ),
        ),
        "after_relu_with_bias": Mistake(
            "You normalise after ReLU, and the convolutions keep their bias (which does something "
            "there). Asked for is the paper's order: convolution without bias, BatchNorm, ReLU.",
            _built(
                bias=(True, True, True),
                first=lambda c: [nn.ReLU(), nn.BatchNorm2d(c)],
                second=lambda c: [nn.ReLU(), nn.BatchNorm2d(2 * c)],
            ),
        ),
        "before_and_after_relu": Mistake(
            "You normalise twice, before and after ReLU. Once, before, is enough.",
            _built(
                first=lambda c: [nn.BatchNorm2d(c), nn.ReLU(), nn.BatchNorm2d(c)],
                second=lambda c: [nn.BatchNorm2d(2 * c), nn.ReLU(), nn.BatchNorm2d(2 * c)],
            ),
        ),
        "first_only": Mistake(
            "Only the first convolution is followed by a BatchNorm (and has no bias). The second "
            "needs one too, and no bias.",
            _built(bias=(False, True, True), second=_relu),
        ),
        "first_only_without_biases": Mistake(
            "Neither convolution has a bias, but only the first is followed by a BatchNorm. The "
            "second needs one too.",
            _built(second=_relu),
        ),
        "second_only": Mistake(
            "Only the second convolution is followed by a BatchNorm (and has no bias). The rule "
            "that the input layer has none is the DCGAN discriminator's; here both have one.",
            _built(bias=(True, False, True), first=_relu),
        ),
        "second_only_without_biases": Mistake(
            "Neither convolution has a bias, but only the second is followed by a BatchNorm. The "
            "first needs one too.",
            _built(first=_relu),
        ),
        "on_the_images": Mistake(
            "You normalise the images before each convolution, not what the convolutions put out: "
            "BatchNorm comes after the convolution, before ReLU.",
            _built(
                before=lambda c: [nn.BatchNorm2d(1)],
                first=lambda c: [nn.ReLU(), nn.BatchNorm2d(c)],
                second=_relu,
            ),
        ),
        "on_the_images_with_bias": Mistake(
            "You normalise what enters each convolution. Asked for is what they put out: "
            "convolution without bias, BatchNorm, ReLU.",
            _built(
                bias=(True, True, True),
                before=lambda c: [nn.BatchNorm2d(1)],
                first=lambda c: [nn.ReLU(), nn.BatchNorm2d(c)],
                second=_relu,
            ),
        ),
        "on_the_images_too": Mistake(
            "You normalise the images as well. BatchNorm comes after each convolution only.",
            _built(before=lambda c: [nn.BatchNorm2d(1)]),
        ),
        "on_the_logits_too": Mistake(
            "You normalise the logits too. The output layer is left alone: its mean and scale are "
            "what the network has to say.",
            _built(after=lambda c: [nn.BatchNorm1d(10)]),
        ),
        "on_the_logits_too_without_bias": Mistake(
            "You normalise the logits too, and drop the output layer's bias for it. The output "
            "layer is left alone: its mean and scale are what the network has to say.",
            _built(bias=(False, False, False), after=lambda c: [nn.BatchNorm1d(10)]),
        ),
        "after_flatten": Mistake(
            "The second BatchNorm comes after the flattening (and after ReLU), so each of the "
            "16 pixels of a channel has statistics of its own. It belongs between convolution and "
            "ReLU, as nn.BatchNorm2d.",
            _built(
                second=lambda c: [nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(32 * c)],
            ),
        ),
        "relu_missing": Mistake(
            "ReLU is gone. Convolution, BatchNorm, ReLU: without it, two convolutions are no more "
            "than one.",
            _built(first=lambda c: [nn.BatchNorm2d(c)], second=lambda c: [nn.BatchNorm2d(2 * c)]),
        ),
        "last_relu_missing": Mistake(
            "ReLU after the second BatchNorm is gone.",
            _built(second=lambda c: [nn.BatchNorm2d(2 * c)]),
        ),
        "first_relu_missing": Mistake(
            "ReLU after the first BatchNorm is gone.",
            _built(first=lambda c: [nn.BatchNorm2d(c)]),
        ),
        "another_activation": Mistake(
            "The network has a leaky ReLU now. Leave the activations as they were, ReLU.",
            _built(
                first=lambda c: [nn.BatchNorm2d(c), nn.LeakyReLU(0.2)],
                second=lambda c: [nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2)],
            ),
        ),
        "not_affine": Mistake(
            "The normalisation has no gamma and beta (`affine=False`). The convolutions have lost "
            "their bias, so something has to take its place: leave nn.BatchNorm2d as it is.",
            _built(
                first=lambda c: [nn.BatchNorm2d(c, affine=False), nn.ReLU()],
                second=lambda c: [nn.BatchNorm2d(2 * c, affine=False), nn.ReLU()],
            ),
        ),
        "no_running_statistics": Mistake(
            "Train mode is right, but there are no running statistics, so eval mode still "
            "normalises by the batch. Leave `track_running_stats` alone; with F.batch_norm, hand "
            "over buffers and `training=self.training`.",
            _BatchStatisticsAlways,
        ),
        "instance_norm": Mistake(
            "You normalise each image by itself (nn.InstanceNorm2d, or nn.GroupNorm with a group "
            "per channel). nn.BatchNorm2d takes its statistics over the batch.",
            _built(
                first=lambda c: [nn.InstanceNorm2d(c, affine=True), nn.ReLU()],
                second=lambda c: [nn.InstanceNorm2d(2 * c, affine=True), nn.ReLU()],
            ),
        ),
        "instance_norm_not_affine": Mistake(
            "You normalise each image by itself (nn.InstanceNorm2d, which has neither gamma nor "
            "beta of its own accord). nn.BatchNorm2d takes its statistics over the batch.",
            _built(
                first=lambda c: [nn.InstanceNorm2d(c), nn.ReLU()],
                second=lambda c: [nn.InstanceNorm2d(2 * c), nn.ReLU()],
            ),
        ),
        "group_norm": Mistake(
            "You normalise each image over all its channels (nn.GroupNorm with one group). "
            "nn.BatchNorm2d has statistics per channel, over the batch.",
            _built(
                first=lambda c: [nn.GroupNorm(1, c), nn.ReLU()],
                second=lambda c: [nn.GroupNorm(1, 2 * c), nn.ReLU()],
            ),
        ),
        "pooling": Mistake(
            "The second convolution has lost its stride and a pooling layer halves the image. "
            "Leave the convolutions as they were but for their bias.",
            _built(
                middle=lambda c: [
                    nn.Conv2d(c, 2 * c, 3, padding=1, bias=False),
                    nn.MaxPool2d(2),
                ]
            ),
        ),
        "conv_dim_fixed": Mistake(
            "The widths are numbers that you wrote in. Make them from the argument: conv_dim "
            "channels after the first convolution, 2 * conv_dim after the second.",
            lambda conv_dim: reference.add_batch_norm(8),
        ),
        "left_in_eval_mode": Mistake(
            "The network is right but comes in eval mode, so its running statistics would never "
            "move. Leave out `.eval()`.",
            _built(change=lambda network: network.eval()),
        ),
        "layers_in_a_list": Mistake(
            "The layers are in a Python list, so the network does not know them: its parameters() "
            "gives nothing, and .eval() does not reach them. Use nn.Sequential, nn.ModuleList or "
            "an attribute for each.",
            _left_out,
        ),
        "norms_in_a_list": Mistake(
            "The BatchNorm layers are in a Python list, so the network does not know them: their "
            "gamma and beta are not in its parameters(), and .eval() does not reach them. Use "
            "nn.ModuleList, or an attribute for each.",
            _PartlyInAList,
        ),
    },
    hints=[
        "Add a number to a convolution's bias and normalise after it: what does the output do? "
        "And which layer has nothing after it that could replace its bias?",
        "Twice convolution with `bias=False`, `nn.BatchNorm2d(channels)`, ReLU, with conv_dim and "
        "2 * conv_dim channels; then flatten and linear as they were.",
    ],
    right=[_WrittenOut, _with_a_last_convolution, _lazily, _ByHand, _built()],
    returns="a network",
    difficulty=2,
    minutes=4,
    tolerance=5e-3,  # any usual eps
)
"""add_batch_norm(conv_dim) returns plain_network(conv_dim) with batch normalisation added.

After each of the two convolutions, before its ReLU; no bias in those two; nothing on the output
layer, which keeps its bias. Everything else (kernels, strides, ReLU, sizes) stays. BatchNorm with
its default settings, nn.BatchNorm2d or your own. Any way of writing the network will do: the check
looks at what it computes, in train and in eval mode.
"""


# --- classify_one_by_one ----------------------------------------------------------------------


class _Spy(nn.Module):
    """A small network that notes how many images it is given; a copy notes in the same place."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4, momentum=0.3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * 4 * 4, 5),
        )
        self.seen: list[int] = []
        with torch.no_grad():
            for seed, parameter in enumerate(self.parameters()):
                parameter.copy_(_numbers(parameter.shape, 10 + seed))
            norm = self.layers[1]
            norm.running_mean.copy_(torch.tensor([0.5, -1.0, 2.0, 0.2]))
            norm.running_var.copy_(torch.tensor([4.0, 0.3, 9.0, 1.5]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.ndim != 4 or images.shape[1:] != (2, 4, 4):
            raise Complaint(
                f"hands the network a tensor of shape {tuple(images.shape)}. It wants a batch, "
                "even of one: (1, 2, 4, 4) here, by `image[None]` or `image.unsqueeze(0)`."
            )
        self.seen.append(len(images))
        return self.layers(images)

    def __deepcopy__(self, memo: dict) -> _Spy:
        twin = copy.copy(self)
        twin.__dict__ = copy.deepcopy(
            {name: value for name, value in vars(self).items() if name != "seen"}, memo
        )
        twin.seen = self.seen
        return twin


_DIGITS = (_numbers((12, 2, 4, 4), 5) * torch.linspace(0.3, 3, 12).reshape(-1, 1, 1, 1)) + 0.5


def _classify_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for mode, many in (("train", 12), ("eval", 7)):
        network = _Spy().train(mode == "train")
        before, settings = copy.deepcopy(network.state_dict()), _settings(network)
        images = _DIGITS[:many].clone()
        label = f"classify_one_by_one(network, images) with {many} images, network in {mode} mode"
        call = functools.partial(attempt, network, images)
        classes = yield Question(label, call, compare=False, inputs={"images": images})
        yield ask(f"PyTorch after {label}", _complain_of_gradients_off, required=False)
        torch.set_grad_enabled(True)
        yield ask(
            f"The sizes of the batches that the network got in {label}",
            lambda seen=tuple(network.seen): seen,
        )
        yield ask(f"The result of {label}", lambda classes=classes: classes, required=False)
        yield ask(
            f"The type of the result of {label}",
            lambda classes=classes: _type(classes),
            required=False,
        )
        yield ask(
            f"How many of the network's modules are in train mode after {label}",
            lambda network=network: sum(each.training for each in network.modules()),
        )
        yield ask(
            f"The network after {label}",
            lambda network=network, before=before, settings=settings: _complain_of_traces(
                network, before, settings
            ),
            required=False,
        )


def _complain_of_gradients_off() -> None:
    if not torch.is_grad_enabled():
        raise Complaint(
            "has its gradients switched off, and no network would learn any more. Use "
            "`with torch.no_grad():`."
        )


def _type(classes: Any) -> str:
    if not isinstance(classes, torch.Tensor):
        raise Complaint(f"is {_kind(classes)}. Return an int64 tensor.")
    return str(classes.dtype).removeprefix("torch.")


def _settings(network: nn.Module) -> dict[str, Any]:
    """The plain attributes of all modules, such as a BatchNorm's momentum."""
    return {
        f"{name}.{key}": value
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if key != "training" and isinstance(value, bool | int | float | None)
    }


def _complain_of_traces(
    network: nn.Module, before: Mapping[str, torch.Tensor], settings: Mapping[str, Any]
) -> None:
    after = network.state_dict()
    names = [name for name in before if not torch.equal(before[name], after[name])]
    names += [name for name, value in _settings(network).items() if settings.get(name) != value]
    if any(not parameter.requires_grad for parameter in network.parameters()):
        names.append("requires_grad")
    if names:
        names = sorted({name.rpartition(".")[2] for name in names})
        raise Complaint(f"has another {' and '.join(names)} than before. Leave it as it came.")


def _classify(
    one: Callable = lambda network, image: network(image[None]).argmax(1),
    collect: Callable = torch.cat,
    during: bool | None = False,
    after: Callable = lambda network, was: network.train(was),
) -> Callable:
    """A wrong answer: what happens to an image, to the results, to the network's mode."""

    def wrong(network, images):
        was = network.training
        if during is not None:
            network.train(during)
        with torch.no_grad():
            classes = collect([one(network, image) for image in images])
        after(network, was)
        return classes

    return wrong


def _all_at_once(training: bool | None) -> Callable:
    def wrong(network, images):
        was = network.training
        if training is not None:
            network.train(training)
        with torch.no_grad():
            classes = network(images).argmax(1)
        network.train(was)
        return classes

    return wrong


def _grad_left_off(network, images):
    torch.set_grad_enabled(False)
    return reference.classify_one_by_one(network, images)


def _freezes(network, images):
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return reference.classify_one_by_one(network, images)


def _train_mode_put_back(network, images):
    kept = copy.deepcopy(network.state_dict())
    was = network.training
    network.train()
    with torch.no_grad():
        classes = torch.cat([network(image[None]).argmax(1) for image in images])
    network.load_state_dict(kept)
    network.train(was)
    return classes


def _with_a_copy(network, images):
    twin = copy.deepcopy(network).eval()
    return torch.stack([twin(image.unsqueeze(0)).argmax() for image in images])


def _by_slices(network, images):
    was_training = network.training
    network.eval()
    classes = torch.zeros(len(images), dtype=torch.long)
    for i in range(len(images)):
        classes[i] = int(network(images[i : i + 1]).softmax(1).argmax())
    if was_training:
        network.train()
    return classes


def _by_a_loader(network, images):
    modes = {module: module.training for module in network.modules()}
    network.eval()
    found = []
    with torch.inference_mode():
        for batch in torch.utils.data.DataLoader(images, batch_size=1):
            found += network(batch).max(1).indices.tolist()
    for module, training in modes.items():
        module.training = training
    return torch.tensor(found)


def _norms_only_in_eval_mode(network, images):
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for norm in norms:
        norm.eval()
    classes = torch.tensor([network(image[None]).topk(1).indices.item() for image in images])
    for norm in norms:
        norm.train()
    return classes


classify_one_by_one: Exercise = lesson.exercise(
    reference.classify_one_by_one,
    probe=_classify_probe,
    mistakes={
        "train_mode": Mistake(
            "You leave the network in the mode it came in. In train mode each image is normalised "
            "by its own statistics, and each moves the running ones. Call `network.eval()` first.",
            _classify(during=None),
        ),
        "train_mode_on_purpose": Mistake(
            "You put the network into train mode. There each image is normalised by its own "
            "statistics, and each moves the running ones. Use `network.eval()`.",
            _classify(during=True),
        ),
        "train_mode_put_back": Mistake(
            "You let the network run in train mode and put its statistics back afterwards. But in "
            "train mode an image is normalised by its own statistics, so the classes are wrong: "
            "`network.eval()`.",
            _train_mode_put_back,
        ),
        "all_at_once": Mistake(
            "The classes are right, but all images go through the network in one batch. One image "
            "at a time: `network(image[None])`.",
            _all_at_once(False),
        ),
        "all_at_once_in_train_mode": Mistake(
            "All images go through the network in one batch, and in train mode: the class of an "
            "image depends on the others, and the running statistics move. One at a time, after "
            "`network.eval()`.",
            _all_at_once(None),
        ),
        "left_in_eval_mode": Mistake(
            "The classes are right, but a network that came in train mode is left in eval mode, "
            "and its training would go on without batch statistics. Note `network.training` before "
            "`network.eval()`, and put it back by `network.train(was_training)`.",
            _classify(after=lambda network, was: None),
        ),
        "always_left_in_train_mode": Mistake(
            "The classes are right, but you end with `network.train()` even if the network came "
            "in eval mode. Note `network.training` first: `network.train(was_training)`.",
            _classify(after=lambda network, was: network.train()),
        ),
        "mode_inverted": Mistake(
            "The classes are right, but the network ends in the other mode than it came in.",
            _classify(after=lambda network, was: network.train(not was)),
        ),
        "outer_module_only": Mistake(
            "The classes are right, but you put back the mode of the outer module alone. "
            "`network.train(was_training)` reaches all the modules inside it.",
            _classify(after=lambda network, was: setattr(network, "training", was)),
        ),
        "logits": Mistake(
            "You return the logits. The class is the index of the largest: `argmax(1)`.",
            _classify(lambda network, image: network(image[None])),
        ),
        "largest_logit": Mistake(
            "You return the largest logit of each image. The class is its index: `argmax(1)`, or "
            "the second of what `max(1)` returns.",
            _classify(lambda network, image: network(image[None]).max(1).values),
        ),
        "over_the_wrong_axis": Mistake(
            "You take argmax over axis 0, the batch, which holds one image: all zeros. The classes "
            "are axis 1.",
            _classify(lambda network, image: network(image[None]).argmax(0)),
        ),
        "smallest": Mistake(
            "You take the class with the smallest logit: argmin. Take argmax.",
            _classify(lambda network, image: network(image[None]).argmin(1)),
        ),
        "from_one": Mistake(
            "You count the classes from 1. The class is the index itself, from 0.",
            _classify(lambda network, image: network(image[None]).argmax(1) + 1),
        ),
        "no_batch_axis": Mistake(
            "`network(image)` hands over (C, H, W). The network wants a batch, even of one: "
            "(1, C, H, W), by `image[None]` or `image.unsqueeze(0)`.",
            _classify(lambda network, image: network(image).argmax(1)),
        ),
        "doubled": Mistake(
            "You hand over each image twice to have a batch. In eval mode one image alone is fine.",
            _classify(lambda network, image: network(torch.stack([image] * 2)).argmax(1)[:1]),
        ),
        "list_of_numbers": Mistake(
            "The classes are right, but they are in a list. Return a tensor: torch.tensor(list).",
            _classify(
                lambda network, image: int(network(image[None]).argmax()), collect=lambda c: c
            ),
        ),
        "column": Mistake(
            "The classes are right, but their shape is (N, 1): torch.stack puts them below each "
            "other, or argmax keeps its axis. Use torch.cat, or leave `keepdim` out.",
            _classify(collect=torch.stack),
        ),
        "float": Mistake(
            "The classes are right, but they are floats. A class is an index: int64, which is what "
            "argmax gives.",
            _classify(collect=lambda found: torch.cat(found).float()),
        ),
        "int32": Mistake(
            "The classes are right, but they are int32. PyTorch's losses and indices want int64, "
            "which is what argmax gives.",
            _classify(collect=lambda found: torch.cat(found).int()),
        ),
        "first_image_only": Mistake(
            "You return after the first image: the `return` stands inside the loop.",
            _classify(collect=lambda found: found[0]),
        ),
        "last_image_only": Mistake(
            "You return the class of the last image. Collect all of them in a list.",
            _classify(collect=lambda found: found[-1]),
        ),
        "gradients_left_off": Mistake(
            "Classes and network are right, but `torch.set_grad_enabled(False)` stays in force "
            "afterwards, and no network would learn any more. Use `with torch.no_grad():`.",
            _grad_left_off,
        ),
        "parameters_frozen": Mistake(
            "The classes are right, but afterwards the network's parameters do not learn any more "
            "(`requires_grad_(False)`). Use `with torch.no_grad():`.",
            _freezes,
        ),
    },
    hints=[
        "In which mode does a network give an image the same class, whatever else is in the batch? "
        "In which mode did it come, and how do you get back there?",
        "`was_training = network.training`, `network.eval()`, for each image "
        "`network(image[None]).argmax(1)`, `torch.cat` of the list, `network.train(was_training)`.",
    ],
    right=[_with_a_copy, _by_slices, _by_a_loader, _norms_only_in_eval_mode],
    returns="an int64 tensor of shape (N,)",
    difficulty=2,
    minutes=4,
)
"""int64 classes (N,) of images (N, C, H, W), with one image in the network at a time.

The network is called with batches of one, (1, C, H, W), and gives logits (1, classes). The classes
are those of eval mode. Afterwards network and PyTorch are as before: the mode it came in (which may
be either), running statistics, parameters, gradients switched on.
"""

"""Checks of lesson 06, the generator, in PyTorch; those in Keras are in ``keras_generator``.

The string below each exercise is what the lesson has to tell the learner about it.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask, case
from helpers.pytorch import generator as reference
from helpers.pytorch import losses

lesson = Lesson("06", "The generator")
progress = lesson.progress


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


# --- generator_parameter_count ----------------------------------------------------------------


def _count(
    *,
    kernel: int = 16,
    maps: int = 16,
    widths: Callable = lambda c: [4 * c, 2 * c, c],
    dense_bias: bool = False,
    biases: bool = False,
    last_bias: bool = True,
    norms: Callable = lambda widths: 2 * sum(widths),
    colours: int = 3,
    changes: Callable = lambda total: total,
) -> Callable:
    """A wrong count: the numbers of a network that differs from the reference's."""

    def count(latent_dim=100, conv_dim=32):
        w = widths(conv_dim)
        total = latent_dim * w[0] * maps + norms(w)
        total += sum(a * b for a, b in zip(w, [*w[1:], colours], strict=True)) * kernel
        total += w[0] * maps * dense_bias + sum(w[1:]) * biases + colours * last_bias
        return changes(total)

    return count


def _fixed(**fixed: int) -> Callable:
    def count(latent_dim=100, conv_dim=32):
        return reference.generator_parameter_count(
            fixed.get("latent_dim", latent_dim), fixed.get("conv_dim", conv_dim)
        )

    return count


def _count_without_input_channels(latent_dim=100, conv_dim=32):
    c = conv_dim
    return latent_dim * 64 * c + 16 * (2 * c + c + 3) + 14 * c + 3


def _count_of_the_real_one(latent_dim=100, conv_dim=32):
    network = reference.Generator(latent_dim, conv_dim)
    return sum(parameter.numel() for parameter in network.parameters())


def _count_layer_by_layer(latent_dim=100, conv_dim=32):
    channels = 4 * conv_dim
    total = latent_dim * channels * 4**2 + 2 * channels
    for _ in range(2):
        total += channels * (channels // 2) * 4**2 + 2 * (channels // 2)
        channels //= 2
    return total + channels * 3 * 4**2 + 3


def _count_as_a_polynomial(latent_dim=100, conv_dim=32):
    return 160 * conv_dim**2 + (64 * latent_dim + 62) * conv_dim + 3


generator_parameter_count: Exercise = lesson.exercise(
    reference.generator_parameter_count,
    cases=[case(), case(10, 1), case(latent_dim=1, conv_dim=5), case(100, 64), case(64, 16)],
    mistakes={
        "dense_bias_counted": Mistake(
            "You count 4 * conv_dim * 16 biases of the dense layer. A BatchNorm follows it, so it "
            "has none.",
            _count(dense_bias=True),
        ),
        "hidden_biases_counted": Mistake(
            "You count biases of the hidden transposed convolutions, 2 * conv_dim + conv_dim of "
            "them. A BatchNorm follows each, so they have none.",
            _count(biases=True),
        ),
        "all_biases_counted": Mistake(
            "You count a bias for every layer. Only the last one has biases, 3: all the others "
            "are followed by a BatchNorm, whose shift takes the bias's place.",
            _count(biases=True, dense_bias=True),
        ),
        "last_bias_missing": Mistake(
            "You are 3 short: the last layer has a bias per colour, for no BatchNorm follows it.",
            _count(last_bias=False),
        ),
        "batch_norm_missing": Mistake(
            "The three BatchNorms are missing: each learns a scale and a shift per channel, "
            "2 * (4 + 2 + 1) * conv_dim in all.",
            _count(norms=lambda widths: 0),
        ),
        "batch_norm_and_last_bias_missing": Mistake(
            "You count the weights alone. The three BatchNorms are missing, 2 * (4 + 2 + 1) * "
            "conv_dim, and the 3 biases of the last layer.",
            _count(norms=lambda widths: 0, last_bias=False),
        ),
        "batch_norm_half": Mistake(
            "You count one number per channel for each BatchNorm. It learns two, a scale and a "
            "shift.",
            _count(norms=sum),
        ),
        "running_statistics_counted": Mistake(
            "You count four numbers per channel for each BatchNorm. Running mean and variance are "
            "kept, not learnt: two are parameters.",
            _count(norms=lambda widths: 4 * sum(widths)),
        ),
        "first_batch_norm_missing": Mistake(
            "The BatchNorm after the dense layer is missing: 2 * 4 * conv_dim.",
            _count(norms=lambda widths: 2 * sum(widths[1:])),
        ),
        "first_batch_norm_per_feature": Mistake(
            "You count a scale and a shift for each of the 4 * conv_dim * 16 outputs of the dense "
            "layer. The first BatchNorm comes after the reshape: 2 * 4 * conv_dim.",
            _count(norms=lambda widths: 2 * (16 * widths[0] + sum(widths[1:]))),
        ),
        "batch_norm_on_the_images": Mistake(
            "You are 6 too many: no BatchNorm follows the last layer, so that the images keep "
            "their own mean and scale.",
            _count(norms=lambda widths: 2 * (sum(widths) + 3)),
        ),
        "kernel_counted_once": Mistake(
            "You count 4 weights for a kernel of 4 x 4. It has 16.",
            _count(kernel=4),
        ),
        "kernel_of_3": Mistake(
            "You count 3 * 3 = 9 weights per kernel. Here a kernel is 4 x 4, 16 weights.",
            _count(kernel=9),
        ),
        "kernel_of_5": Mistake(
            "You count 5 * 5 = 25 weights per kernel, as in the paper. Here a kernel is 4 x 4, 16.",
            _count(kernel=25),
        ),
        "maps_of_one_pixel": Mistake(
            "Your dense layer makes 4 * conv_dim numbers. It makes that many maps of 4 x 4, 16 "
            "times more.",
            _count(maps=1),
        ),
        "maps_of_four_pixels": Mistake(
            "Your dense layer makes 4 numbers per map. A map is 4 x 4, 16 of them.",
            _count(maps=4),
        ),
        "input_channels_forgotten": Mistake(
            "Your transposed convolutions have 16 weights per output channel. They have a kernel "
            "for each pair of channels: in_channels * out_channels * 16.",
            _count_without_input_channels,
        ),
        "widths_upside_down": Mistake(
            "Your widths go conv_dim, 2 * conv_dim, 4 * conv_dim, as in the discriminator. The "
            "generator begins wide: 4, 2, 1 times conv_dim, then 3.",
            _count(widths=lambda c: [c, 2 * c, 4 * c]),
        ),
        "widths_all_equal": Mistake(
            "You take conv_dim channels everywhere. They are 4, 2, 1 times conv_dim, then 3.",
            _count(widths=lambda c: [c, c, c]),
        ),
        "one_block_too_many": Mistake(
            "You count three hidden transposed convolutions, which is the network for 64 x 64. "
            "From 4 x 4 to 32 x 32 there are two, and the one that makes the image.",
            _count(widths=lambda c: [8 * c, 4 * c, 2 * c, c]),
        ),
        "one_block_too_few": Mistake(
            "You count one hidden transposed convolution. From 4 x 4 to 32 x 32 the size doubles "
            "three times: two hidden ones, and the one that makes the image.",
            _count(widths=lambda c: [2 * c, c]),
        ),
        "grey_images": Mistake(
            "Your images have one channel. They have three, red, green and blue: 3 * conv_dim * "
            "16 weights and 3 biases in the last layer.",
            _count(colours=1),
        ),
        "last_layer_missing": Mistake(
            "The layer that makes the images is missing: conv_dim * 3 * 16 weights and 3 biases.",
            _count(colours=0),
        ),
        "conv_dim_fixed": Mistake(
            "Right for conv_dim=32, but you wrote the widths in as numbers. Make them from "
            "conv_dim.",
            _fixed(conv_dim=32),
        ),
        "latent_dim_fixed": Mistake(
            "Right for latent_dim=100, but you wrote the 100 in. The dense layer has latent_dim "
            "inputs.",
            _fixed(latent_dim=100),
        ),
        "both_fixed": Mistake(
            "370627 is right for latent_dim=100 and conv_dim=32. For other arguments the count "
            "has to be computed from them.",
            _fixed(latent_dim=100, conv_dim=32),
        ),
    },
    hints=[
        "Layer by layer: dense, BatchNorm, transposed convolution, BatchNorm, and so on. A layer "
        "with a 4 x 4 kernel has in_channels * out_channels * 16 weights. Which layers have a "
        "bias?",
        "With c = conv_dim: dense latent_dim * 4c * 16, the convolutions (4c * 2c + 2c * c + "
        "c * 3) * 16, the BatchNorms 2 * (4c + 2c + c), and 3 biases at the end.",
    ],
    right=[_count_of_the_real_one, _count_layer_by_layer, _count_as_a_polynomial],
    features={"conv_dim is odd": lambda latent_dim, conv_dim: conv_dim % 2 == 1},
    returns="an int",
    difficulty=2,
    minutes=5,
)
"""How many numbers the generator learns, an int, as a formula in latent_dim and conv_dim.

The network: dense layer without bias from latent_dim to 4 * conv_dim maps of 4 x 4; BatchNorm and
ReLU; transposed convolution to 2 * conv_dim, BatchNorm, ReLU; another to conv_dim, BatchNorm, ReLU;
another to 3 channels, with bias; tanh. All kernels are 4 x 4, no convolution but the last has a
bias, each BatchNorm has a scale and a shift per channel.
"""


# --- init_weights -----------------------------------------------------------------------------

# 4096 numbers per layer: the mean of a right answer is off by 0.00031 typically, its deviation by
# 0.00022, its kurtosis (3 for a normal distribution) by 0.077. More than five times that happens
# less than once in a million checks.
_MEAN_WITHIN, _DEVIATION_WITHIN, _KURTOSIS_WITHIN = 0.0017, 0.0012, 0.5

_WEIGHTED: dict[str, Callable[[], nn.Module]] = {
    "nn.ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 64, 4),
    "nn.Conv2d": lambda: nn.Conv2d(4, 64, 4),
    "nn.Linear": lambda: nn.Linear(64, 64),
}
_NORMS: dict[str, Callable[[], nn.Module]] = {
    "nn.BatchNorm2d": lambda: nn.BatchNorm2d(4096),
    "nn.BatchNorm1d": lambda: nn.BatchNorm1d(4096),
}
_WITHOUT_SOMETHING: dict[str, Callable[[], nn.Module]] = {
    "nn.ConvTranspose2d(3, 2, 4, bias=False)": lambda: nn.ConvTranspose2d(3, 2, 4, bias=False),
    "nn.Linear(3, 2, bias=False)": lambda: nn.Linear(3, 2, bias=False),
    "nn.BatchNorm2d(3, affine=False)": lambda: nn.BatchNorm2d(3, affine=False),
    "nn.ReLU()": nn.ReLU,
    "nn.Unflatten(1, (2, 4, 4))": lambda: nn.Unflatten(1, (2, 4, 4)),
}

Before = Mapping[str, torch.Tensor]


def _init_probe(attempt: Callable) -> Generator[Question, Any, None]:
    def question(label: str, make: Callable[[], nn.Module]) -> Question:
        def initialise() -> tuple[nn.Module, Before]:
            layer = make()
            before = {name: each.clone() for name, each in layer.state_dict().items()}
            nn.Sequential(layer).apply(attempt)
            return layer, before

        return ask(label, initialise, compare=False)

    torch.manual_seed(6)  # the same answer meets the same verdict; the engine puts the seed back
    for name, make in _WEIGHTED.items():
        layer, before = yield question(f"init_weights on an {name}", make)
        yield ask(
            f"The weights of an {name}",
            functools.partial(_complain_of_numbers, layer, "weight", before, 0),
            required=False,
        )
        yield ask(
            f"The biases of an {name}",
            functools.partial(_complain_of_biases, layer, before),
            required=False,
        )
    twin, _ = yield question("init_weights on another nn.Linear", make)
    yield ask(
        "The weights of two layers of one shape",
        functools.partial(_complain_of_equal_weights, layer, twin),
        required=False,
    )
    for name, make in _NORMS.items():
        layer, before = yield question(f"init_weights on an {name}", make)
        yield ask(
            f"The scales (`weight`) of an {name}",
            functools.partial(_complain_of_numbers, layer, "weight", before, 1),
            required=False,
        )
        yield ask(
            f"The shifts (`bias`) of an {name}",
            functools.partial(_complain_of_biases, layer, before),
            required=False,
        )
    for call, make in _WITHOUT_SOMETHING.items():
        yield question(f"init_weights({call})", make)


def _numbers_of(layer: nn.Module, name: str, before: Before) -> torch.Tensor:
    """A layer's parameter, flat, if it still is what the layer needs."""
    value = getattr(layer, name, None)
    if not isinstance(value, nn.Parameter):
        raise Complaint(f"are {_kind(value)} afterwards. Change the numbers in `{name}` in place.")
    if value.shape != before[name].shape:
        raise Complaint(
            f"have shape {tuple(value.shape)} afterwards, before it was "
            f"{tuple(before[name].shape)}. Change the numbers in place."
        )
    if not value.requires_grad:
        raise Complaint("cannot learn afterwards: requires_grad is False. Leave it True.")
    return value.detach().flatten()


def _complain_of_numbers(layer: nn.Module, name: str, before: Before, mean: int) -> None:
    """Whether the numbers are normal with deviation 0.02."""
    numbers = _numbers_of(layer, name, before)
    if torch.equal(numbers, before[name].flatten()):
        started = "they are all 1" if mean else f"deviation {float(numbers.std()):.2g}"
        raise Complaint(
            f"stay as PyTorch made them ({started}). They should come from N({mean}, 0.02)."
        )
    found, deviation = float(numbers.mean()), float(numbers.std())
    wanted = f"Wanted are mean {mean} and standard deviation 0.02."
    if not math.isfinite(deviation):
        raise Complaint(f"are not all finite numbers. {wanted}")
    if deviation < 1e-6:
        raise Complaint(f"are all {found:.2g}, so that all channels learn alike. {wanted}")
    # Rounded so that the text is the same for any random numbers.
    near = next((whole for whole in (0, 1) if abs(found - whole) < 0.05 * deviation), None)
    told = f"{found:.2g}" if near is None else near
    seen = f"have mean {told} and standard deviation {deviation:.2g}."
    if abs(found - mean) > _MEAN_WITHIN or abs(deviation - 0.02) > _DEVIATION_WITHIN:
        raise Complaint(f"{seen} {wanted}")
    kurtosis = float(((numbers - found).square() / deviation**2).square().mean())
    if abs(kurtosis - 3) > _KURTOSIS_WITHIN:
        beyond = float(((numbers - found).abs() > 0.04).float().mean())
        raise Complaint(
            f"have the right mean and standard deviation, but {100 * beyond:.0f} % of them are "
            "further than 0.04 from the mean; of a normal distribution it is 5 %. Use "
            "`nn.init.normal_`."
        )


def _complain_of_biases(layer: nn.Module, before: Before) -> None:
    numbers = _numbers_of(layer, "bias", before)
    if not numbers.any():
        return
    if torch.equal(numbers, before["bias"]):
        raise Complaint(
            f"stay as PyTorch made them, up to {float(numbers.abs().max()):.1g}. They "
            "should be 0: `nn.init.zeros_`."
        )
    if numbers.std() < 1e-6:
        raise Complaint(f"are all {float(numbers[0]):.2g}. They should be 0.")
    raise Complaint(
        f"are random, with standard deviation {float(numbers.std()):.1g}. They should be 0: "
        "`nn.init.zeros_`."
    )


def _complain_of_equal_weights(one: nn.Module, other: nn.Module) -> None:
    if torch.equal(one.weight, other.weight):
        raise Complaint(
            "are the same numbers. Leave the seed out of init_weights: whoever builds the network "
            "sets it, once."
        )


_KINDS = (nn.ConvTranspose2d, nn.Conv2d, nn.Linear)
_NORM_KINDS = (nn.BatchNorm2d, nn.BatchNorm1d)


def _normal(mean: float, deviation: float) -> Callable:
    return functools.partial(nn.init.normal_, mean=mean, std=deviation)


def _uniform(half: float, about: float = 0.0) -> Callable:
    return functools.partial(nn.init.uniform_, a=about - half, b=about + half)


_as_asked, _scales_as_asked = _normal(0.0, 0.02), _normal(1.0, 0.02)


def _zero(bias: torch.Tensor) -> None:
    nn.init.zeros_(bias)


def _leave(numbers: torch.Tensor) -> None:
    pass


def _init(
    *,
    kinds: tuple = _KINDS,
    norm_kinds: tuple = _NORM_KINDS,
    weights: Callable = _as_asked,
    biases: Callable = _zero,
    scales: Callable = _scales_as_asked,
    shifts: Callable = _zero,
) -> Callable:
    """A wrong answer that differs from the reference in some part."""

    def init_weights(module):
        if isinstance(module, kinds):
            weights(module.weight)
            if module.bias is not None:
                biases(module.bias)
        elif isinstance(module, norm_kinds) and module.affine:
            scales(module.weight)
            shifts(module.bias)

    return init_weights


def _works_on_a_copy(module):
    module = copy.deepcopy(module)
    reference.init_weights(module)
    return module


def _assigns_a_tensor(module):
    if isinstance(module, _KINDS):
        module.weight = torch.randn(module.weight.shape) * 0.02


def _in_place_on_a_leaf(module):
    if isinstance(module, _KINDS):
        module.weight.normal_(0.0, 0.02)


def _needs_weights(module):
    if isinstance(module, _NORM_KINDS):
        if module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    else:
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _needs_biases(module):
    if isinstance(module, _KINDS):
        nn.init.normal_(module.weight, 0.0, 0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, _NORM_KINDS) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _needs_scales(module):
    if isinstance(module, _KINDS):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, _NORM_KINDS):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _looks_at_children(module):
    for child in module.children():
        reference.init_weights(child)


def _freezes_weights(module):
    reference.init_weights(module)
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)


def _seeds(module):
    torch.manual_seed(0)
    reference.init_weights(module)


def _init_by_class_name(module):
    name = module.__class__.__name__
    bias = getattr(module, "bias", None)
    if name.startswith("Conv") or "Linear" in name:
        nn.init.normal_(module.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1 and module.weight is not None:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
    if isinstance(bias, torch.Tensor):
        nn.init.constant_(bias.data, 0)


def _init_by_shape(module):
    with torch.no_grad():
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias":
                parameter.zero_()
            else:
                mean = 1.0 if parameter.ndim == 1 else 0.0
                parameter.copy_(mean + 0.02 * torch.randn_like(parameter))


def _init_by_match(module):
    match module:
        case nn.Conv2d() | nn.ConvTranspose2d() | nn.Linear():
            module.weight.data.normal_(0, 0.02)
            if module.bias is not None:
                module.bias.data.fill_(0)
        case nn.BatchNorm2d(affine=True) | nn.BatchNorm1d(affine=True):
            module.weight.data.normal_(1.0, 0.02)
            module.bias.data.zero_()
    return module


def _init_by_numpy(module):
    if not hasattr(module, "weight") or module.weight is None:
        return
    is_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    drawn = np.random.normal(float(is_norm), 0.02, module.weight.shape)
    module.weight.data = torch.from_numpy(drawn.astype(np.float32))
    if module.bias is not None:
        module.bias.data *= 0


def _init_with_new_parameters(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        module.weight = nn.Parameter(torch.empty_like(module.weight).normal_(std=0.02))
        if module.bias is not None:
            module.bias = nn.Parameter(torch.zeros_like(module.bias))
    elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.affine:
        module.weight = nn.Parameter(1 + 0.02 * torch.randn(module.num_features))


def _init_of_everything_below(module):
    for each in module.modules():
        reference.init_weights(each)


_PLAIN_NORMAL = "`nn.init.normal_(module.weight, 0.0, 0.02)`"

init_weights: Exercise = lesson.exercise(
    reference.init_weights,
    probe=_init_probe,
    mistakes={
        "deviation_ten_times": Mistake(
            "Your weights have standard deviation 0.2. It is 0.02: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.2)),
        ),
        "deviation_a_tenth": Mistake(
            "Your weights have standard deviation 0.002. It is 0.02: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.002)),
        ),
        "variance": Mistake(
            "Your weights have standard deviation 0.14, the root of 0.02: you take 0.02 for the "
            "variance. It is the standard deviation, which `normal_` takes.",
            _init(weights=_normal(0.0, math.sqrt(0.02))),
        ),
        "variance_everywhere": Mistake(
            "Weights and scales have standard deviation 0.14, the root of 0.02: you take 0.02 for "
            "the variance. It is the standard deviation, which `normal_` takes.",
            _init(weights=_normal(0.0, math.sqrt(0.02)), scales=_normal(1.0, math.sqrt(0.02))),
        ),
        "deviation_squared": Mistake(
            "Your weights have standard deviation 0.0004, the square of 0.02. `normal_` takes the "
            "standard deviation as it is: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.0004)),
        ),
        "deviation_one": Mistake(
            "Your weights have standard deviation 1. It is 0.02. (`normal_(w, 0.02)` sets the mean "
            "to 0.02; the deviation is the next argument.) " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.normal_),
        ),
        "weights_about_one": Mistake(
            "The weights of convolutions and dense layers are drawn about 1. That is for "
            "BatchNorm's scale; theirs have mean 0.",
            _init(weights=_normal(1.0, 0.02)),
        ),
        "scales_about_zero": Mistake(
            "BatchNorm's scale has mean 0, so it shrinks what it has normalised to a fiftieth. It "
            "is drawn about 1: `nn.init.normal_(module.weight, 1.0, 0.02)`.",
            _init(scales=_normal(0.0, 0.02)),
        ),
        "everything_about_zero": Mistake(
            "You draw every `weight` and `bias` from N(0, 0.02), BatchNorm's too. Its scale is "
            "drawn about 1, and all biases and shifts are 0.",
            _init(biases=_normal(0.0, 0.02), scales=_normal(0.0, 0.02), shifts=_normal(0.0, 0.02)),
        ),
        "scales_untouched": Mistake(
            "BatchNorm stays as PyTorch made it, its scales are all 1. They are drawn from N(1, "
            "0.02): ask for nn.BatchNorm1d and nn.BatchNorm2d, then "
            "`nn.init.normal_(module.weight, 1.0, 0.02)`.",
            _init(scales=_leave),
        ),
        "scales_zero": Mistake(
            "BatchNorm's scale becomes 0, so nothing comes through it any more. It is drawn from "
            "N(1, 0.02); 0 is for the shift.",
            _init(scales=_zero),
        ),
        "scale_and_shift_swapped": Mistake(
            "BatchNorm's scale becomes 0 and its shift is drawn about 1: the other way round. "
            "`weight` is the scale, `bias` the shift.",
            _init(scales=_zero, shifts=_normal(1.0, 0.02)),
        ),
        "shifts_random": Mistake(
            "BatchNorm's shift (its `bias`) is drawn at random, with standard deviation 0.02. It "
            "starts at 0.",
            _init(shifts=_normal(0.0, 0.02)),
        ),
        "shifts_one": Mistake(
            "BatchNorm's shift (its `bias`) becomes 1. It starts at 0; the scale is about 1.",
            _init(shifts=nn.init.ones_),
        ),
        "biases_untouched": Mistake(
            "The biases of convolutions and dense layers stay random, as PyTorch made them. Set "
            "them to 0, where there are any.",
            _init(biases=_leave),
        ),
        "biases_random": Mistake(
            "The biases of convolutions and dense layers are drawn from N(0, 0.02) like the "
            "weights. They start at 0.",
            _init(biases=_normal(0.0, 0.02)),
        ),
        "biases_one": Mistake(
            "The biases of convolutions and dense layers become 1. They start at 0.",
            _init(biases=nn.init.ones_),
        ),
        "transposed_forgotten": Mistake(
            "The weights of nn.ConvTranspose2d stay as they were: it is no subclass of nn.Conv2d, "
            "so name both.",
            _init(kinds=(nn.Conv2d, nn.Linear)),
        ),
        "convolution_forgotten": Mistake(
            "The weights of nn.Conv2d stay as they were. The discriminator is made of them: name "
            "it as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Linear)),
        ),
        "linear_forgotten": Mistake(
            "The weights of nn.Linear stay as they were, with a deviation of 0.072 for 64 "
            "inputs. The first layer of the generator is one: name it as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d)),
        ),
        "convolution_only": Mistake(
            "Only nn.Conv2d changes. nn.ConvTranspose2d is no subclass of it; name it, and "
            "nn.Linear.",
            _init(kinds=(nn.Conv2d,)),
        ),
        "batch_norm_1d_forgotten": Mistake(
            "nn.BatchNorm1d stays as it was, of all BatchNorms only nn.BatchNorm2d changes. Name "
            "both.",
            _init(norm_kinds=(nn.BatchNorm2d,)),
        ),
        "only_convolutions_and_batch_norm_2d": Mistake(
            "nn.Linear and nn.BatchNorm1d stay as they were. The generator's first layer is an "
            "nn.Linear, and an nn.BatchNorm1d may follow it: name them as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d), norm_kinds=(nn.BatchNorm2d,)),
        ),
        "convolutions_only": Mistake(
            "Only the two kinds of convolution change. nn.Linear has weights from N(0, 0.02) too, "
            "BatchNorm scales from N(1, 0.02).",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d), norm_kinds=()),
        ),
        "weights_constant": Mistake(
            "All your weights are 0.02. Then all channels compute the same and learn the same: "
            "draw them from N(0, 0.02).",
            _init(weights=functools.partial(nn.init.constant_, val=0.02)),
        ),
        "weights_zero": Mistake(
            "All your weights are 0. Then all channels compute the same and learn the same: draw "
            "them from N(0, 0.02).",
            _init(weights=_zero),
        ),
        "uniform": Mistake(
            "Your weights are uniform between -0.02 and 0.02, deviation 0.012. Draw them from a "
            "normal distribution: " + _PLAIN_NORMAL + ".",
            _init(weights=_uniform(0.02)),
        ),
        "uniform_everywhere": Mistake(
            "Weights and scales are uniform within 0.02, deviation 0.012. Draw them from a normal "
            "distribution: `nn.init.normal_`.",
            _init(weights=_uniform(0.02), scales=_uniform(0.02, 1.0)),
        ),
        "uniform_of_the_same_deviation": Mistake(
            "Your weights have the right standard deviation but are uniform: none is further than "
            "0.035 from 0. Draw them from a normal distribution: " + _PLAIN_NORMAL + ".",
            _init(weights=_uniform(0.02 * math.sqrt(3))),
        ),
        "truncated": Mistake(
            "You cut the normal distribution off at two deviations, which leaves a deviation of "
            "0.018. Use `normal_`, or `trunc_normal_` without bounds.",
            _init(weights=lambda w: nn.init.trunc_normal_(w, 0.0, 0.02, -0.04, 0.04)),
        ),
        "xavier": Mistake(
            "Your weights have Xavier's (Glorot's) deviation, which depends on the size of the "
            "layer: 0.043 and 0.12 here. DCGAN takes 0.02 for all: " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.xavier_normal_),
        ),
        "kaiming": Mistake(
            "Your weights have Kaiming He's deviation, which depends on the number of inputs: "
            "0.044 and 0.18 here. DCGAN takes 0.02 for all: " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.kaiming_normal_),
        ),
        "copied": Mistake(
            "Nothing has changed: your function works on a copy, or gives a variable of its own "
            "another value. `apply` throws away what is returned: change the module itself, as "
            "the functions `nn.init.…_` do.",
            _works_on_a_copy,
        ),
        "assigns_a_tensor": Mistake(
            "A parameter cannot be replaced by a plain tensor. Change its numbers in place: "
            + _PLAIN_NORMAL
            + ".",
            _assigns_a_tensor,
        ),
        "in_place_on_a_leaf": Mistake(
            "PyTorch refuses to change a parameter in place while it records gradients. "
            + _PLAIN_NORMAL
            + " switches that off, as does `with torch.no_grad():`.",
            _in_place_on_a_leaf,
        ),
        "needs_weights": Mistake(
            "Your function fails on modules without weights of their own, such as nn.ReLU: "
            "`apply` hands over every module, the network itself included. Ask with `isinstance` "
            "first.",
            _needs_weights,
        ),
        "needs_biases": Mistake(
            "Your function fails on layers without a bias (`bias=False`), where `module.bias` is "
            "None. Ask `if module.bias is not None` first.",
            _needs_biases,
        ),
        "needs_scales": Mistake(
            "Your function fails on a BatchNorm with `affine=False`, whose `weight` and `bias` "
            "are None. Ask `module.affine` first.",
            _needs_scales,
        ),
        "frozen": Mistake(
            "The numbers are right, but afterwards they cannot learn: requires_grad is False. "
            "Leave it alone.",
            _freezes_weights,
        ),
        "seeds": Mistake(
            "You set the seed inside init_weights, so all layers of one shape get the same "
            "numbers, in the generator and in every other network. Leave it out.",
            _seeds,
        ),
    },
    hints=[
        "`apply` calls the function with every module of the network in turn, also with ReLU and "
        "with the network itself. `isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)` "
        "tells whether it has weights to set. Which of them have a bias?",
        "`nn.init.normal_(module.weight, 0.0, 0.02)` and, if `module.bias is not None`, "
        "`nn.init.zeros_(module.bias)`; for a BatchNorm whose `module.affine` is true "
        "`nn.init.normal_(module.weight, 1.0, 0.02)` and `nn.init.zeros_(module.bias)`.",
    ],
    right=[
        _init_by_class_name,
        _init_by_shape,
        _init_by_match,
        _init_by_numpy,
        _init_with_new_parameters,
        _init_of_everything_below,
        _looks_at_children,
        _init(weights=functools.partial(nn.init.trunc_normal_, std=0.02), shifts=_leave),
    ],
    returns="nothing",
    difficulty=2,
    minutes=6,
)
"""init_weights(module) initialises one module in place; network.apply(init_weights) calls it with
every module of the network, the network itself included.

nn.Conv2d, nn.ConvTranspose2d, nn.Linear: weights from N(0, 0.02), 0.02 being the standard
deviation, biases (where there are any) 0. nn.BatchNorm1d and nn.BatchNorm2d: scale from N(1, 0.02),
shift 0 (unless `affine=False`). Any other module stays as it is. What the function returns does not
matter.
"""


# --- generator_loss ---------------------------------------------------------------------------

_LOGITS = torch.tensor([[-2.0], [1.0], [3.0]])
_MORE_LOGITS = torch.tensor([[0.5], [-1.0], [2.0], [-0.3], [4.0]])
_ONE_LOGIT = torch.tensor([[-1.5]])
_EXTREME_LOGITS = torch.tensor([[-200.0], [200.0]])
_SURE_LOGITS = torch.tensor([[-5.0], [0.0], [2.0], [6.0]])


def _written(logits: torch.Tensor) -> str:
    return "[" + ", ".join(f"[{logit:g}]" for logit in logits.flatten().tolist()) + "]"


def _scalar(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise Complaint(
            f"is {_kind(value)}. It has to be a tensor, through which gradients flow back: leave "
            "out `.item()`, `.tolist()`, `float()` and NumPy."
        )
    if value.numel() != 1:
        raise Complaint(
            f"has shape {tuple(value.shape)}: it still has several numbers. The loss of a batch "
            "is one number, the mean over its images."
        )
    return value.reshape(())


def _loss_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for logits in (_LOGITS, _ONE_LOGIT, _MORE_LOGITS, _EXTREME_LOGITS):
        given = logits.clone()
        yield Question(
            f"generator_loss(torch.tensor({_written(logits)}))",
            lambda given=given: float(f"{_scalar(attempt(given)).item():.6g}"),
            required=False,
            inputs={"fake_logits": given},
        )
    yield ask(
        f"The gradient of generator_loss at the logits {_written(_SURE_LOGITS)}",
        lambda: _loss_gradient(attempt, _SURE_LOGITS),
        required=False,
    )
    yield ask(
        f"The gradient of generator_loss at the logits {_written(_EXTREME_LOGITS)}",
        lambda: _loss_gradient(attempt, _EXTREME_LOGITS),
        required=False,
    )


def _loss_gradient(attempt: Callable, logits: torch.Tensor) -> torch.Tensor:
    leaf = logits.clone().requires_grad_()
    loss = _scalar(attempt(leaf * 1.0))  # logits are no leaf, they come from a network
    if not loss.requires_grad:
        raise Complaint(
            "does not exist: the loss is cut off from the logits. Leave out `.detach()`, `.data` "
            "and `torch.no_grad()`."
        )
    (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    if gradient is None:
        raise Complaint("does not exist: the loss does not depend on these logits.")
    return gradient


_bce = F.binary_cross_entropy_with_logits


def _towards(target: float) -> Callable:
    return lambda fake_logits: _bce(fake_logits, torch.full_like(fake_logits, target))


def _targets_of_shape(*shape: int) -> Callable:
    return lambda fake_logits: _bce(fake_logits, torch.ones(*shape))


def _loss_by_a_criterion(fake_logits):
    criterion = nn.BCEWithLogitsLoss()
    return criterion(fake_logits.squeeze(1), torch.ones(fake_logits.size(0)))


def _loss_by_two_classes(fake_logits):
    pairs = torch.cat([torch.zeros_like(fake_logits), fake_logits], 1)
    return F.cross_entropy(pairs, torch.ones(len(pairs), dtype=torch.long))


generator_loss: Exercise = lesson.exercise(
    losses.generator_loss,
    probe=_loss_probe,
    mistakes={
        "labels_swapped": Mistake(
            "You compare the fakes with 0, as the discriminator does. The generator wants them to "
            "pass for real: its targets are 1.",
            _towards(0.0),
        ),
        "saturating": Mistake(
            "You return minus the discriminator's loss, the game as it stands on paper. It has the "
            "right optimum but hardly a gradient where the discriminator is sure: for an image "
            "with a logit of -5 it is 0.007, not 0.993. Compare the logits with targets of 1.",
            lambda fake_logits: -_bce(fake_logits, torch.zeros_like(fake_logits)),
        ),
        "negative": Mistake(
            "The sign is the wrong way round: you return the mean of log D, which gets larger the "
            "better the fakes are. A loss is minimised: minus that.",
            lambda fake_logits: F.logsigmoid(fake_logits).mean(),
        ),
        "sigmoid_twice": Mistake(
            "The sigmoid comes twice: you apply it, and `binary_cross_entropy_with_logits` does so "
            "again. Hand it the logits as they are.",
            lambda fake_logits: _bce(fake_logits.sigmoid(), torch.ones_like(fake_logits)),
        ),
        "no_sigmoid": Mistake(
            "You hand logits to `binary_cross_entropy`, which takes probabilities between 0 and 1. "
            "Its name has to end in `_with_logits`.",
            lambda fake_logits: F.binary_cross_entropy(fake_logits, torch.ones_like(fake_logits)),
        ),
        "naive_logarithm": Mistake(
            "You take the logarithm of the sigmoid in two steps. At a logit of -200 the sigmoid is "
            "0 in float32 and the loss infinite; it should be 200. Use "
            "`F.binary_cross_entropy_with_logits` or `F.logsigmoid`, which do both in one.",
            lambda fake_logits: -torch.log(torch.sigmoid(fake_logits)).mean(),
        ),
        "clamped_logarithm": Mistake(
            "You take the sigmoid first and then `binary_cross_entropy`. At a logit of -200 the "
            "sigmoid is 0 in float32, the logarithm is cut off at -100, and no gradient comes "
            "back. Use `F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: F.binary_cross_entropy(
                fake_logits.sigmoid(), torch.ones_like(fake_logits)
            ),
        ),
        "logarithm_with_eps": Mistake(
            "You add 1e-8 to the sigmoid before the logarithm. At a logit of -200 the loss stops "
            "at 18.4 instead of 200, and no gradient comes back. Use "
            "`F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: -torch.log(fake_logits.sigmoid() + 1e-8).mean(),
        ),
        "logarithm_of_a_clamp": Mistake(
            "You keep the sigmoid away from 0 by a clamp of 1e-7. At a logit of -200 the loss "
            "stops at 16.1 instead of 200, and no gradient comes back. Use "
            "`F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: -torch.log(fake_logits.sigmoid().clamp(1e-7, 1 - 1e-7)).mean(),
        ),
        "sum": Mistake(
            "You add the images up. Take their mean, or the step size depends on the batch size.",
            lambda fake_logits: _bce(fake_logits, torch.ones_like(fake_logits), reduction="sum"),
        ),
        "not_reduced": Mistake(
            "You return a loss for each image. Take their mean, one number: leave "
            "`reduction='none'` out, or end in `.mean()`.",
            lambda fake_logits: F.softplus(-fake_logits),
        ),
        "mean_first": Mistake(
            "You average the logits and then take the loss of that one number. Take the loss of "
            "each logit first, then the mean.",
            lambda fake_logits: F.softplus(-fake_logits.mean()),
        ),
        "detached": Mistake(
            "The value is right, but no gradient comes back to the logits, so the generator would "
            "learn nothing: leave out `.detach()` and `torch.no_grad()`.",
            lambda fake_logits: _towards(1.0)(fake_logits.detach()),
        ),
        "item": Mistake(
            "The value is right, but it is a Python float (`.item()` or `float()`). Return the "
            "tensor, or no gradient can flow back.",
            lambda fake_logits: _towards(1.0)(fake_logits).item(),
        ),
        "hinge": Mistake(
            "You return minus the mean logit, the generator's loss in a Wasserstein or hinge GAN. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: -fake_logits.mean(),
        ),
        "hinge_with_margin": Mistake(
            "You return the hinge loss max(0, 1 - logit), which gives sure fakes no gradient. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: F.relu(1 - fake_logits).mean(),
        ),
        "least_squares": Mistake(
            "You return the squared distance of the logits from 1, as in a least-squares GAN. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: F.mse_loss(fake_logits, torch.ones_like(fake_logits)),
        ),
        "squares_of_probabilities": Mistake(
            "You return the squared distance of D from 1. Its gradient vanishes where D is near 0: "
            "take -log D, cross entropy with targets of 1.",
            lambda fake_logits: ((fake_logits.sigmoid() - 1) ** 2).mean(),
        ),
        "probability": Mistake(
            "You return the mean of 1 - D, without a logarithm. Its gradient vanishes where D is "
            "near 0: take -log D, cross entropy with targets of 1.",
            lambda fake_logits: (1 - fake_logits.sigmoid()).mean(),
        ),
        "smooth": Mistake(
            "Your targets are 0.9. Smoothing is for the discriminator's real images alone; here "
            "the targets are 1.",
            _towards(0.9),
        ),
        "target_half": Mistake(
            "Your targets are 0.5, and the generator would aim at fakes that leave D undecided. "
            "Its targets are 1.",
            _towards(0.5),
        ),
        "both_losses": Mistake(
            "You add the loss with targets of 0 as well. That is the discriminator's business; "
            "here the targets are 1, and that is all.",
            lambda fake_logits: _towards(1.0)(fake_logits) + _towards(0.0)(fake_logits),
        ),
        "half": Mistake(
            "You take half of the loss. The half is sometimes put before the discriminator's two "
            "terms; the generator has one.",
            lambda fake_logits: 0.5 * _towards(1.0)(fake_logits),
        ),
        "bits": Mistake(
            "You take the logarithm to base 2. The loss is in nats: the natural logarithm.",
            lambda fake_logits: F.softplus(-fake_logits).mean() / math.log(2),
        ),
        "softmax": Mistake(
            "Your loss is always 0: `cross_entropy` takes a softmax over the classes, and over a "
            "single logit that is always 1. Use `binary_cross_entropy_with_logits`.",
            lambda fake_logits: F.cross_entropy(
                fake_logits, torch.zeros(len(fake_logits), dtype=torch.long)
            ),
        ),
        "first_logit_only": Mistake(
            "You look at the first image of the batch alone. Take the mean over all of them.",
            lambda fake_logits: F.softplus(-fake_logits[0, 0]),
        ),
        "divided_by_64": Mistake(
            "You divide by 64, whatever the size of the batch. Take the mean, or divide by "
            "`len(fake_logits)`.",
            lambda fake_logits: F.softplus(-fake_logits).sum() / 64,
        ),
        "targets_of_64": Mistake(
            "Your targets are 64, whatever the size of the batch. Make them of the logits' shape: "
            "`torch.ones_like(fake_logits)`.",
            _targets_of_shape(64, 1),
        ),
        "targets_without_a_column": Mistake(
            "The logits have shape (N, 1), your targets (N,). Make them alike: "
            "`torch.ones_like(fake_logits)`.",
            lambda fake_logits: _bce(fake_logits, torch.ones(len(fake_logits))),
        ),
    },
    hints=[
        "The generator wants the discriminator to say real, that is 1, of its images. Which loss "
        "is small when a logit is large and positive, and still has a gradient when it is -5?",
        "`F.binary_cross_entropy_with_logits(fake_logits, targets)` with targets of the same shape "
        "that are all 1.",
    ],
    right=[
        _loss_by_a_criterion,
        _loss_by_two_classes,
        lambda fake_logits: F.softplus(-fake_logits).mean(),
        lambda fake_logits: -F.logsigmoid(fake_logits).sum() / fake_logits.numel(),
        lambda fake_logits: torch.logaddexp(torch.zeros(()), -fake_logits).mean(),
        lambda fake_logits: torch.mean(_bce(fake_logits, fake_logits * 0 + 1, reduction="none"), 0),
    ],
    returns="a tensor with one number",
    difficulty=1,
    minutes=4,
    tolerance=1e-4,
)
"""generator_loss(fake_logits) is the generator's loss on the discriminator's logits for its images.

fake_logits : (N, 1), before any sigmoid. Returns a tensor with one number, the mean over the batch
of -log D, where D = sigmoid(logit): in nats, finite for logits of -200 and 200 too, and with a
gradient for the logits.
"""

"""Checks of lesson 02, pixel scaling. The images that they hand out are PyTorch tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np
import torch

from helpers import pixel_scaling as reference
from helpers.checks.engine import Exercise, Lesson, Mistake, Question, ask, case

lesson = Lesson("02", "Pixel scaling")
progress = lesson.progress


def _floats(*values: float, shape: tuple[int, ...] = (-1,)) -> torch.Tensor:
    return torch.tensor(values).reshape(shape)


def _bytes(*values: int, shape: tuple[int, ...] = (-1,)) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8).reshape(shape)


def _questions(name: str, argument: str, inputs: Mapping[str, torch.Tensor], with_type: bool):
    """A probe that calls the attempt with each input, and asks for the data type of the last.

    inputs : what the learner reads about the input, and the input. with_type : ask for the type.
    """

    def probe(attempt: Callable) -> Generator[Question, Any, None]:
        for label, original in inputs.items():
            x = original.clone()
            # "Changed" is seen by the engine, which looks at `inputs` before and after.
            result = yield Question(
                f"{name}({label})",
                functools.partial(attempt, x),
                required=False,
                inputs={argument: x},
            )
        if with_type and result is not None:
            yield ask(
                "the data type of the result",
                lambda: _type_name(result),
                required=False,
            )

    return probe


def _type_name(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


# --- scale ------------------------------------------------------------------------------------


def _line(formula: Callable) -> Callable:
    """A wrong answer from its formula in x, low and high."""
    return lambda x, feature_range=(-1, 1): formula(x, *feature_range)


def _in_place(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    x *= high - low
    x += low
    return x


def _min_max(x: torch.Tensor) -> torch.Tensor:
    return (x - x.min()) / (x.max() - x.min())


scale: Exercise = lesson.exercise(
    reference.scale,
    cases=[
        case(_floats(0.2, 0.3, 0.6, 1.3)),
        case(_floats(0.2, 0.3, 0.6, 1.3), (0, 5)),
        case(_floats(0.0, 0.25, 0.75, 1.0), feature_range=(-3, 2)),
        case(_floats(0.1, 0.9), (0, 1)),
        case(_floats(0.1, 0.5, 0.35, 0.8, 0.05, 0.6, shape=(2, 3)), (2, 2.5)),
        case(_floats(-0.5, 0.4), (-1, 4)),
    ],
    mistakes={
        "unchanged": Mistake(
            "You return x as it came. Stretch it to the width of the range, then shift it.",
            _line(lambda x, low, high: x),
        ),
        "range_ignored": Mistake(
            "You compute 2x − 1, or (x − 0.5)/0.5, which is the same. That is right for (−1, 1) "
            "only; let low and high of feature_range enter.",
            _line(lambda x, low, high: x * 2 - 1),
        ),
        "input_taken_for_bytes": Mistake(
            "You divide by 127.5 as if x were 0 to 255. Here x is 0 to 1 already.",
            _line(lambda x, low, high: x / 127.5 - 1),
        ),
        "bytes_to_any_range": Mistake(
            "You divide by 255 as if x were bytes. Here x is 0 to 1 already.",
            _line(lambda x, low, high: x / 255 * (high - low) + low),
        ),
        "shift_missing": Mistake(
            "You stretch x to the right width, but 0 stays 0. It has to become low: add it.",
            _line(lambda x, low, high: x * (high - low)),
        ),
        "stretch_missing": Mistake(
            "You shift x but do not stretch it: 0 becomes low, and 1 becomes low + 1 instead of "
            "high. Multiply by high − low first.",
            _line(lambda x, low, high: x + low),
        ),
        "shift_subtracted": Mistake(
            "You subtract low. 0 has to become low: add it (adding −1 is subtracting 1).",
            _line(lambda x, low, high: x * (high - low) - low),
        ),
        "shifted_by_high": Mistake(
            "You add high. Then 0 becomes high; it has to become low.",
            _line(lambda x, low, high: x * (high - low) + high),
        ),
        "width_is_high": Mistake(
            "You multiply by high. The range is high − low wide: 1 has to become high after low "
            "was added.",
            _line(lambda x, low, high: x * high + low),
        ),
        "width_is_the_sum": Mistake(
            "You multiply by high + low. The width of the range is the difference, high − low.",
            _line(lambda x, low, high: x * (high + low) + low),
        ),
        "shifted_before_stretching": Mistake(
            "You add low before multiplying, so the shift is stretched too. First "
            "x * (high − low), then add low; check your brackets.",
            _line(lambda x, low, high: (x + low) * (high - low)),
        ),
        "brackets_missing": Mistake(
            "`x * high - low + low` multiplies x by high alone: `*` binds tighter than `-`. Put "
            "high − low in brackets.",
            _line(lambda x, low, high: x * high - low + low),
        ),
        "divided_by_the_width": Mistake(
            "You divide by the width of the range. x is 0 to 1 and has to become that wide: "
            "multiply.",
            _line(lambda x, low, high: x / (high - low) + low),
        ),
        "shift_fixed": Mistake(
            "You always subtract 1, which is right only where low is −1. 0 has to become low: add "
            "low.",
            _line(lambda x, low, high: x * (high - low) - 1),
        ),
        "width_fixed": Mistake(
            "You always multiply by 2, the width of (−1, 1). The range that is asked for is "
            "high − low wide.",
            _line(lambda x, low, high: x * 2 + low),
        ),
        "centred_on_0": Mistake(
            "You subtract one half and stretch, which centres the range on 0. Its lower end has "
            "to be low: x * (high − low), then add low.",
            _line(lambda x, low, high: (x - 0.5) * (high - low)),
        ),
        "the_way_back": Mistake(
            "You compute the way back, from feature_range to [0, 1]. Here x is 0 to 1 and "
            "feature_range is where it has to go.",
            _line(lambda x, low, high: (x - low) / (high - low)),
        ),
        "ends_swapped": Mistake(
            "0 becomes high and 1 becomes low in your answer: bright and dark are swapped. "
            "feature_range is (low, high).",
            _line(lambda x, low, high: x * (low - high) + high),
        ),
        "own_minimum_and_maximum": Mistake(
            "You use the smallest and largest number of this very x. Then every image is "
            "stretched differently, and a dark image comes out as bright as a light one. 0 has to "
            "become low and 1 high, whether they occur or not.",
            _line(lambda x, low, high: _min_max(x) * (high - low) + low),
        ),
        "own_maximum": Mistake(
            "You divide by the largest number in this very x. x is 0 to 1 already, and 1 has to "
            "become high whether it occurs or not.",
            _line(lambda x, low, high: x / x.max() * (high - low) + low),
        ),
        "own_minimum": Mistake(
            "You subtract the smallest number in this very x. It is 0 that has to become low, "
            "whether it occurs or not.",
            _line(lambda x, low, high: (x - x.min()) * (high - low) + low),
        ),
        "own_minimum_and_maximum_to_one": Mistake(
            "You compute (x − x.min())/(x.max() − x.min()), the step before: x is 0 to 1 already. "
            "Now it has to go to feature_range.",
            _line(lambda x, low, high: _min_max(x)),
        ),
        "standardises": Mistake(
            "You standardise: mean 0, deviation 1. Asked for is the straight line on which 0 "
            "becomes low and 1 high, whatever else is in x.",
            _line(lambda x, low, high: (x - x.mean()) / x.std()),
        ),
        "standardises_biased": Mistake(
            "You standardise: mean 0, deviation 1. Asked for is the straight line on which 0 "
            "becomes low and 1 high, whatever else is in x.",
            _line(lambda x, low, high: (x - x.mean()) / x.std(correction=0)),
        ),
        "clipped": Mistake(
            "You cut off what lies outside. In this exercise it follows the same line: with the "
            "range (0, 5), 1.3 becomes 6.5. (`np.interp` cuts off as well.)",
            _line(lambda x, low, high: x.clamp(0, 1) * (high - low) + low),
        ),
        "in_place": Mistake(
            "The numbers are right, but `*=` and `+=` (or `mul_`, `add_`) change the caller's x: "
            "scaled twice, a data set is ruined. Build a new one, `x * … + …`.",
            _line(_in_place),
        ),
        "float16": Mistake(
            "Your numbers are float16, which keeps three digits only. Leave them float32.",
            _line(lambda x, low, high: (x * (high - low) + low).half()),
        ),
        "list": Mistake(
            "The numbers are right, but they are in a list. x is a tensor, and `x * …` "
            "works on all its numbers at once: no loop, no `.tolist()`.",
            _line(lambda x, low, high: (x * (high - low) + low).tolist()),
        ),
        "whole_numbers": Mistake(
            "Your numbers have lost their fractions on the way: `//`, `int`, `.long()` and "
            "`.round()` all do that. Leave them floats.",
            _line(lambda x, low, high: (x * (high - low) + low).long()),
        ),
    },
    hints=[
        "Two things have to happen. How wide is the range that x has now, how wide is the one it "
        "shall have? And where does 0 end up after stretching, where should it?",
        "With numbers: for (−3, 2) the width is 2 − (−3) = 5. x = 0.4 becomes 0.4 · 5 = 2, and "
        "shifted by −3 that is −1. `low, high = feature_range` unpacks the range.",
    ],
    features={
        "low is not 0": lambda x, feature_range: feature_range[0] != 0,
        "x leaves [0, 1]": lambda x, feature_range: bool((x < 0).any() or (x > 1).any()),
    },
    right=[
        _line(lambda x, low, high: low + (high - low) * x),
        _line(lambda x, low, high: high * x + low * (1 - x)),
        _line(
            lambda x, low, high: torch.lerp(torch.full_like(x, low), torch.full_like(x, high), x)
        ),
        _line(lambda x, low, high: np.asarray(x) * (high - low) + low),
        _line(lambda x, low, high: x.clone().mul_(high - low).add_(low)),
        _line(lambda x, low, high: x.double() * (high - low) + low),
        lambda x, feature_range=(-1, 1): (
            x * (max(feature_range) - min(feature_range)) + min(feature_range)
        ),
    ],
    returns="a tensor of the same shape",
    difficulty=1,
    minutes=4,
)


# --- scale_uint8 ------------------------------------------------------------------------------


def _divides_in_place(images: torch.Tensor) -> torch.Tensor:
    images /= 127.5
    return images - 1


scale_uint8: Exercise = lesson.exercise(
    reference.scale_uint8,
    probe=_questions(
        "scale_uint8",
        "images",
        {
            "tensor([3, 51, 127, 128, 200, 250], dtype=torch.uint8)": _bytes(
                3, 51, 127, 128, 200, 250
            ),
            "tensor([0, 255], dtype=torch.uint8)": _bytes(0, 255),
            "tensor([0, 1, 1], dtype=torch.uint8)": _bytes(0, 1, 1),
            "two images of shape (3, 1, 2)": _bytes(
                7, 20, 33, 90, 91, 140, 150, 170, 201, 222, 240, 249, shape=(2, 3, 1, 2)
            ),
        },
        with_type=True,
    ),
    mistakes={
        "scaled_as_if_unit": Mistake(
            "You compute 2x − 1 on numbers up to 255: 255 becomes 509. Bring them to [0, 1] first: "
            "divide by 255.",
            lambda images: images.float() * 2 - 1,
        ),
        "bytes_overflow": Mistake(
            "You calculate with bytes, and a byte that passes 255 starts again at 0: 200·2 is 144. "
            "Make the images floats before any arithmetic: `images.float()`.",
            lambda images: images * 2 - 1,
        ),
        "subtracts_in_bytes": Mistake(
            "You subtract before the images are floats. A byte below 0 starts again at 255: "
            "3 − 128 is 131. Convert first: `images.float()`.",
            lambda images: (images - 128) / 127.5,
        ),
        "subtracts_127_in_bytes": Mistake(
            "You subtract before the images are floats. A byte below 0 starts again at 255: "
            "3 − 127 is 132. Convert first: `images.float()`.",
            lambda images: (images - 127) / 127.5,
        ),
        "bytes_overflow_before_dividing": Mistake(
            "You divide, but too late: `images * 2` is still bytes, and a byte that passes 255 "
            "starts again at 0: 200·2 is 144. Divide first, or begin with `images.float()`.",
            lambda images: images * 2 / 255 - 1,
        ),
        "asks_whether_bytes": Mistake(
            "You ask whether the largest number is above 1 to find out whether these are bytes. "
            "They always are, and an almost black image has no byte above 1. Divide in any case.",
            lambda images: images / 127.5 - 1 if images.max() > 1 else images.float() * 2 - 1,
        ),
        "leaves_small_bytes": Mistake(
            "You ask whether the largest number is above 1 to find out whether these are bytes. "
            "They always are, and an almost black image has no byte above 1. Divide in any case.",
            lambda images: images / 127.5 - 1 if images.max() > 1 else images.float(),
        ),
        "divides_in_place": Mistake(
            "`/=` wants to write fractions into a tensor of bytes, which PyTorch refuses. Make a "
            "new tensor: `images / …`.",
            _divides_in_place,
        ),
        "converted_too_early": Mistake(
            "You divide by 255 and cut the fractions off (`.to(torch.uint8)`, `.long()`, `//`): "
            "all but the brightest pixels are −1. Fractions need floats.",
            lambda images: (images // 255).float() * 2 - 1,
        ),
        "whole_number_division": Mistake(
            "`//` cuts the fractions off, so only −1, 0 and 1 are left. Use `/`.",
            lambda images: images.float() // 127.5 - 1,
        ),
        "only_to_one": Mistake(
            "Your result is in [0, 1]. Go on to [−1, 1].",
            lambda images: images / 255,
        ),
        "only_divided_by_half": Mistake(
            "Your result is in [0, 2]: the shift is missing. Subtract 1.",
            lambda images: images / 127.5,
        ),
        "shifted_without_stretching": Mistake(
            "Your result is in [−1, 0]: you subtract 1 from numbers in [0, 1]. Multiply by 2 "
            "first, or divide by 127.5 instead of 255.",
            lambda images: images / 255 - 1,
        ),
        "centred_on_one_half": Mistake(
            "Your result is in [−0.5, 0.5]. It is centred, but half as wide as it should be.",
            lambda images: images / 255 - 0.5,
        ),
        "divided_by_128": Mistake(
            "255 becomes 0.992 instead of 1: you divide by 128 (or by 256, or subtract 128 first). "
            "The brightest byte is 255, and the middle between it and 0 is 127.5.",
            lambda images: images / 128 - 1,
        ),
        "minus_128_by_127": Mistake(
            "You subtract 128 and divide by 127: 255 becomes 1, but 0 becomes −1.008. The middle "
            "between 0 and 255 is 127.5: subtract that, and divide by it.",
            lambda images: (images.float() - 128) / 127,
        ),
        "divided_by_127": Mistake(
            "255 becomes 1.008 instead of 1: you divide by 127 (or by 254). The brightest byte is "
            "255, half of it is 127.5.",
            lambda images: images / 127 - 1,
        ),
        "negative": Mistake(
            "Bright and dark are swapped: 0 becomes 1 in your answer. It is images/127.5 − 1, not "
            "1 − images/127.5.",
            lambda images: 1 - images / 127.5,
        ),
        "centred_on_127_5": Mistake(
            "You centre on 127.5, which is right, but divide by another number: with 128 neither "
            "0 nor 255 reaches the end of the range. Divide by 127.5 too.",
            lambda images: (images.float() - 127.5) / 128,
        ),
        "own_maximum": Mistake(
            "You divide by the largest number in these very images. A dark batch would come out "
            "as bright as a light one: 255 is the largest a byte can be; divide by that.",
            lambda images: images / images.max() * 2 - 1,
        ),
        "own_minimum_and_maximum": Mistake(
            "You use the smallest and largest number of these very images. Every batch would be "
            "stretched differently; 0 has to become −1 and 255 has to become 1.",
            lambda images: _min_max(images.float()) * 2 - 1,
        ),
        "standardises": Mistake(
            "You standardise: mean 0, deviation 1. Asked for is the line on which 0 becomes −1 "
            "and 255 becomes 1.",
            lambda images: (images.float() - images.float().mean()) / images.float().std(),
        ),
        "mean_of_bytes": Mistake(
            "PyTorch computes no mean of bytes: call images.float() first. And you need no mean: "
            "asked for is the line on which 0 becomes −1 and 255 becomes 1.",
            lambda images: (images - images.mean()) / images.std(),
        ),
        "float64": Mistake(
            "The numbers are right, but they are float64, twice the memory; PyTorch's layers "
            "expect float32 and refuse float64. (NumPy makes float64 when you divide bytes.)",
            lambda images: images.double() / 127.5 - 1,
        ),
        "float16": Mistake(
            "Your numbers are float16, which keeps three digits. Use float32: `images.float()`.",
            lambda images: (images / 127.5 - 1).half(),
        ),
        "list": Mistake(
            "The numbers are right, but they are in a list. images is a tensor, and `images / …` "
            "works on all its numbers at once: no loop, no `.tolist()`.",
            lambda images: (images / 127.5 - 1).tolist(),
        ),
        "channels_last": Mistake(
            "The numbers are right, but their order is not: leave channels, height and width "
            "where they are.",
            lambda images: (images / 127.5 - 1).permute(
                0, *range(2, images.ndim), *range(1, min(2, images.ndim))
            ),
        ),
        "flattened": Mistake(
            "The numbers are right, but the shape is lost: (N, 3, H, W) has to stay that way.",
            lambda images: (images / 127.5 - 1).flatten(),
        ),
    },
    hints=[
        "In two steps: first to [0, 1], then to [−1, 1]. You have a function for the second. What "
        "does a byte do when it passes 255?",
        "`images.float()` makes float32 of bytes, and `images / 255` does too. 0 → −1, 127.5 → 0, "
        "255 → 1.",
    ],
    right=[
        lambda images: (images.float() - 127.5) / 127.5,
        lambda images: images.to(torch.float32).div(255).mul(2).sub(1),
        lambda images: reference.scale(images.float() / 255),
        lambda images: images / 255 * 2 - 1,
        lambda images: images.numpy().astype(np.float32) / 127.5 - 1,
        lambda images: np.float32(images) / np.float32(127.5) - 1,
        lambda images: ((images / 255) - 0.5) / 0.5,
        lambda images: torch.linspace(-1, 1, 256)[images.long()],
        lambda images: (2 * images.to(torch.int16) - 255).float() / 255,
        lambda images: np.interp(np.asarray(images), [0, 255], [-1, 1]).astype("float32"),
    ],
    returns="a float32 tensor of the same shape",
    difficulty=1,
    minutes=4,
)


# --- unscale_to_uint8 -------------------------------------------------------------------------


def _wrap(x: torch.Tensor) -> torch.Tensor:
    """Bytes that start again at 0 after 255, on every processor (a bare cast may not)."""
    return x.to(torch.int64).remainder(256).to(torch.uint8)


def _stretched(x: torch.Tensor) -> torch.Tensor:
    return (x + 1) * 127.5


def _unscales_in_place(x: torch.Tensor) -> torch.Tensor:
    return x.add_(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


unscale_to_uint8: Exercise = lesson.exercise(
    reference.unscale_to_uint8,
    probe=_questions(
        "unscale_to_uint8",
        "x",
        {
            "tensor([-1.0, 1.0])": _floats(-1.0, 1.0),
            "tensor([-0.9, -0.47, 0.01, 0.303, 0.77])": _floats(-0.9, -0.47, 0.01, 0.303, 0.77),
            "tensor([-1.2, 1.1, -9.0, 4.0, 0.5])": _floats(-1.2, 1.1, -9.0, 4.0, 0.5),
            "an image of shape (3, 1, 2)": _floats(
                -0.81, 0.2, 0.44, -0.33, 0.95, -0.05, shape=(3, 1, 2)
            ),
        },
        with_type=True,
    ),
    mistakes={
        "truncated": Mistake(
            "You cut the fractions off: `.to(torch.uint8)` turns 12.75 into 12. The nearest byte "
            "is 13: round before you convert. Images that go there and back would get darker.",
            lambda x: _stretched(x).clamp(0, 255).to(torch.uint8),
        ),
        "rounded_up": Mistake(
            "You always round up. Take the nearest byte: `round`.",
            lambda x: _stretched(x).ceil().clamp(0, 255).to(torch.uint8),
        ),
        "wraps_round": Mistake(
            "Rounded well, but what lies outside [−1, 1] wraps round: 1.1 is 268 and becomes 12, "
            "a black dot in a white area. Clamp to 0…255, and do it before the conversion: "
            "afterwards 12 is a byte like any other.",
            lambda x: _wrap(_stretched(x).round()),
        ),
        "wraps_round_after_adding_one_half": Mistake(
            "Rounded well, but what lies outside [−1, 1] wraps round: 1.1 is 268 and becomes 12, "
            "a black dot in a white area. Clamp to 0…255, and do it before the conversion: "
            "afterwards 12 is a byte like any other.",
            lambda x: _wrap((_stretched(x) + 0.5).trunc()),
        ),
        "truncated_and_wraps_round": Mistake(
            "Two things are missing before the conversion to bytes: rounding (12.75 becomes 12) "
            "and clamping (1.1 is 268 and becomes 12, a black dot in a white area).",
            lambda x: _wrap(_stretched(x)),
        ),
        "only_clamped_below": Mistake(
            "Dark is clamped, bright is not: 1.1 is 268 and wraps round to 12. Clamp at 255 too.",
            lambda x: _wrap(_stretched(x).round().clamp(min=0)),
        ),
        "only_clamped_above": Mistake(
            "Bright is clamped, dark is not: −1.2 is below 0 and wraps round to a bright byte. "
            "Clamp at 0 too.",
            lambda x: _wrap(_stretched(x).round().clamp(max=255)),
        ),
        "clamped_at_256": Mistake(
            "1.1 and all that is brighter than white comes out black. Either you clamp at 256, "
            "which is no byte any more and wraps round to 0 (the largest byte is 255), or you set "
            "to 0 what lies outside, on both sides.",
            lambda x: _wrap(_stretched(x).round().clamp(0, 256)),
        ),
        "folded_back": Mistake(
            "You take absolute values, so that −0.9 becomes as bright as 0.9. Shift by 1 instead: "
            "−1 is black.",
            lambda x: (x.abs() * 255).round().clamp(0, 255).to(torch.uint8),
        ),
        "taken_for_unit_range": Mistake(
            "You multiply by 255 as if x were in [0, 1]: all that is below 0, the darker half, "
            "comes out black. Go to [0, 1] first: (x + 1)/2.",
            lambda x: (x * 255).round().clamp(0, 255).to(torch.uint8),
        ),
        "taken_for_unit_range_clamped_first": Mistake(
            "You clamp x to [0, 1], and all that is below 0, the darker half, comes out black. Go "
            "to [0, 1] by (x + 1)/2, and clamp then.",
            lambda x: (x.clamp(0, 1) * 255).to(torch.uint8),
        ),
        "taken_for_unit_range_and_wraps_round": Mistake(
            "You multiply by 255 as if x were in [0, 1]. Numbers below 0 are no bytes and wrap "
            "round, dark to bright. Go to [0, 1] first: (x + 1)/2. Then round and clamp.",
            lambda x: _wrap(x * 255),
        ),
        "only_to_one": Mistake(
            "You stop at [0, 1]. Go on: times 255, round, clamp, `.to(torch.uint8)`.",
            lambda x: (x + 1) / 2,
        ),
        "brackets_missing": Mistake(
            "Brackets are missing: `x + 1 * 127.5` multiplies the 1 alone, and `x + 1 / 2 * 255` "
            "does the same. Write (x + 1) * 127.5.",
            lambda x: (x + 127.5).round().clamp(0, 255).to(torch.uint8),
        ),
        "negative": Mistake(
            "Bright and dark are swapped: −1 becomes 255. Use x + 1 rather than 1 − x.",
            lambda x: ((1 - x) * 127.5).round().clamp(0, 255).to(torch.uint8),
        ),
        "rounded_twice": Mistake(
            "You add one half and then round as well, so most bytes come out one too large. "
            "Either add 0.5 and cut off, or round.",
            lambda x: (_stretched(x) + 0.5).round().clamp(0, 255).to(torch.uint8),
        ),
        "times_127": Mistake(
            "You use 127 instead of 127.5: 1 becomes 254 instead of 255.",
            lambda x: ((x + 1) * 127).round().clamp(0, 255).to(torch.uint8),
        ),
        "times_256_cut_off": Mistake(
            "You cut off after multiplying by 128 (256 steps): that divides [−1, 1] into 256 equal "
            "parts, but asked for is the nearest byte. Multiply by 127.5 and round.",
            lambda x: ((x + 1) * 128).floor().clamp(0, 255).to(torch.uint8),
        ),
        "not_halved": Mistake(
            "You compute (x + 1)·255: the brighter half becomes white. x + 1 is 0 to 2, so "
            "multiply by 127.5.",
            lambda x: ((x + 1) * 255).round().clamp(0, 255).to(torch.uint8),
        ),
        "halved_without_shift": Mistake(
            "You multiply by 127.5 without the shift, and what is below 0 comes out black. Add 1 "
            "first.",
            lambda x: (x * 127.5).round().clamp(0, 255).to(torch.uint8),
        ),
        "stays_in_unit_range": Mistake(
            "You return [0, 1] turned into bytes, so 0 and 1 only. Multiply by 255 before you "
            "convert.",
            lambda x: ((x + 1) / 2).round().clamp(0, 1).to(torch.uint8),
        ),
        "times_128": Mistake(
            "You use 128 instead of 127.5: bytes come out up to 1 too bright, and the way there "
            "and back is not exact.",
            lambda x: ((x + 1) * 128).round().clamp(0, 255).to(torch.uint8),
        ),
        "rounded_too_early": Mistake(
            "You round while the numbers are still −1 to 1, which leaves three values. First "
            "(x + 1)·127.5, then round.",
            lambda x: _stretched(x.round()).round().clamp(0, 255).to(torch.uint8),
        ),
        "own_minimum_and_maximum": Mistake(
            "You stretch by the smallest and largest number of this very x. A grey image would "
            "come out in black and white; −1 has to become 0 and 1 has to become 255.",
            lambda x: (_min_max(x) * 255).round().to(torch.uint8),
        ),
        "float": Mistake(
            "The numbers are right, but they are still floats, four bytes each, and imshow takes "
            "floats above 1 for white. Convert: `.to(torch.uint8)`.",
            lambda x: _stretched(x).round().clamp(0, 255),
        ),
        "float_without_clamping": Mistake(
            "Your numbers are rounded, but neither kept within 0 to 255 nor bytes: clamp, then "
            "`.to(torch.uint8)`.",
            lambda x: _stretched(x).round(),
        ),
        "float_without_rounding": Mistake(
            "Your numbers are neither rounded, nor kept within 0 to 255, nor bytes. In this "
            "order: round, clamp, `.to(torch.uint8)`.",
            lambda x: _stretched(x),
        ),
        "int64": Mistake(
            "The numbers are right, but not bytes: int64 needs eight times the memory. Convert "
            "with `.to(torch.uint8)`.",
            lambda x: _stretched(x).round().clamp(0, 255).to(torch.int64),
        ),
        "int32": Mistake(
            "The numbers are right, but not bytes: int32 needs four times the memory. Convert "
            "with `.to(torch.uint8)`.",
            lambda x: _stretched(x).round().clamp(0, 255).to(torch.int32),
        ),
        "in_place": Mistake(
            "The bytes are right, but the caller's x is changed: functions that end in `_` write "
            "into x, and so do `+=` and `*=`. Use `x + 1`, `.clamp` and so on.",
            _unscales_in_place,
        ),
    },
    hints=[
        "Go the way of scale_uint8 backwards: −1 has to become 0 and 1 has to become 255. Then "
        "look at 12.75 and at 268: what should they become, and what does a conversion to bytes "
        "make of them?",
        "Four steps in this order: (x + 1) * 127.5, `.round()`, `.clamp(0, 255)`, "
        "`.to(torch.uint8)`. NumPy says np.rint, np.clip, astype(np.uint8).",
    ],
    right=[
        lambda x: ((x + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8),
        lambda x: ((x.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8),
        lambda x: torch.clip(torch.round(127.5 * x + 127.5), 0, 255).byte(),
        lambda x: np.clip(np.rint((x.numpy() + 1) * 127.5), 0, 255).astype(np.uint8),
        lambda x: np.clip(np.round((np.asarray(x) + 1) * 127.5), 0, 255).astype("uint8"),
        lambda x: torch.floor(_stretched(x) + 0.5).clamp(0, 255).to(torch.uint8),
        lambda x: _stretched(x.clamp(min=-1, max=1)).round().type(torch.uint8),
        lambda x: _stretched(x.double()).round().clamp(0, 255).to(torch.uint8),
        lambda x: np.rint(np.interp(np.asarray(x), [-1, 1], [0, 255])).astype(np.uint8),
        lambda x: torch.bucketize(x, (torch.arange(255) + 0.5) / 127.5 - 1).to(torch.uint8),
    ],
    returns="a uint8 tensor of the same shape",
    difficulty=2,
    minutes=6,
)


# --- to_display -------------------------------------------------------------------------------


def _as_imshow_sees_it(value: Any) -> Any:
    """Whole numbers are 0 to 255, floats 0 to 1, and what lies outside is cut off."""
    if isinstance(value, tuple):  # nested lists
        try:
            value = np.array(value)
        except ValueError:
            return value
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "uif":
        return value
    if value.dtype.kind == "f":
        return np.clip(value.astype(float), 0, 1)
    return np.clip(value, 0, 255) / 255


_PICTURE = _floats(
    -0.9, 0.4, 0.75, -0.3, 0.1, 0.62, -0.55, 0.95,
    0.3, -0.7, 0.05, 0.85, -0.15, -0.98, 0.5, -0.42,
    0.68, -0.05, 0.9, -0.62, 0.22, -0.35, -0.8, 0.15,
    shape=(3, 2, 4),
)  # fmt: skip
_PICTURE_32 = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _shows(change: Callable) -> Callable:
    """A wrong answer that gets the order right and does something else to the numbers."""
    return lambda x: change(x.permute(1, 2, 0))


to_display: Exercise = lesson.exercise(
    reference.to_display,
    probe=_questions(
        "to_display",
        "x",
        {
            "an image of shape (3, 32, 32)": _PICTURE_32,
            "an image of shape (3, 2, 4)": _PICTURE,
            "a grey image of shape (3, 2, 1)": torch.full((3, 2, 1), -0.2),
        },
        with_type=False,
    ),
    normalise=_as_imshow_sees_it,
    tolerance=0.0045,  # bytes are as good as floats
    mistakes={
        "the_cell_above": Mistake(
            "This is what the cell above does, with both of its bugs: `reshape` cuts the numbers "
            "up in the order in which they lie in memory, and all that is below 0 is shown black.",
            lambda x: x.reshape(x.shape[1], x.shape[2], 3),
        ),
        "the_cell_above_as_it_is": Mistake(
            "This is what the cell above does, with both of its bugs: `reshape` cuts the numbers "
            "up in the order in which they lie in memory, and all that is below 0 is shown black. "
            "(And images need not be 32 × 32.)",
            lambda x: x.reshape(32, 32, 3),
        ),
        "reshaped_to_32": Mistake(
            "The range is right, the order is not: `reshape` and `view` keep the order in memory, "
            "so that colours and places are mixed up. Axes are moved by `permute` (NumPy: "
            "`transpose`). (And images need not be 32 × 32.)",
            lambda x: ((x + 1) / 2).reshape(32, 32, 3),
        ),
        "reshaped": Mistake(
            "The range is right, the order is not: `reshape` and `view` keep the order in memory, "
            "so that colours and places are mixed up. Axes are moved by `permute` (NumPy: "
            "`transpose`).",
            lambda x: ((x + 1) / 2).reshape(x.shape[1], x.shape[2], 3),
        ),
        "range_left": Mistake(
            "The order is right, the range is not: imshow wants floats in [0, 1] and shows "
            "everything below 0, half of your image, black.",
            _shows(lambda x: x),
        ),
        "axes_reversed": Mistake(
            "You turn all three axes round (`x.T` and `transpose(0, 2)` do that), so that height "
            "and width are swapped and the digit lies on its side: permute(1, 2, 0).",
            lambda x: ((x + 1) / 2).permute(2, 1, 0),
        ),
        "axes_reversed_and_range_left": Mistake(
            "Two things. You turn all three axes round (`x.T` and `transpose(0, 2)` do that), so "
            "that height and width are swapped: permute(1, 2, 0). And imshow wants floats in "
            "[0, 1]; it shows everything below 0 black.",
            lambda x: x.permute(2, 1, 0),
        ),
        "order_left": Mistake(
            "The range is right, but the channels still come first; imshow wants them last and "
            "refuses this shape.",
            lambda x: (x + 1) / 2,
        ),
        "axes_turned_the_wrong_way": Mistake(
            "permute(2, 0, 1) goes the other way, from channels last to channels first. You have "
            "(channels, height, width) = axes 0, 1, 2 and want (height, width, channels).",
            lambda x: ((x + 1) / 2).permute(2, 0, 1),
        ),
        "one_swap_only": Mistake(
            "You swap the first two axes and stop there. From (channels, height, width) to "
            "(height, width, channels) all three move: permute(1, 2, 0).",
            lambda x: ((x + 1) / 2).transpose(0, 1),
        ),
        "not_halved": Mistake(
            "You add 1 but do not halve: 0 to 2, and the brighter half is shown white.",
            _shows(lambda x: x + 1),
        ),
        "halved_without_shift": Mistake(
            "You halve without the shift; what is below 0 is still shown black. (x + 1)/2.",
            _shows(lambda x: x / 2),
        ),
        "shifted_by_one_half": Mistake(
            "You add one half but do not halve x first: −0.5 to 1.5, cut off at both ends, too "
            "much contrast. x/2 + 0.5.",
            _shows(lambda x: x + 0.5),
        ),
        "folded": Mistake(
            "You take absolute values: black becomes as bright as white. Shift, then halve.",
            _shows(lambda x: x.abs()),
        ),
        "negative": Mistake(
            "Bright and dark are swapped: you show the negative. (x + 1)/2 rather than (1 − x)/2.",
            _shows(lambda x: (1 - x) / 2),
        ),
        "own_minimum_and_maximum": Mistake(
            "You stretch every image by its own smallest and largest number: the picture looks "
            "fine, and yet its brightness and contrast are made up. (A grey image has no contrast "
            "at all, and you divide by 0.) Use (x + 1)/2.",
            _shows(_min_max),
        ),
        "floats_up_to_255": Mistake(
            "Your numbers are floats from 0 to 255. imshow takes floats for 0 to 1 and shows "
            "nearly everything white: divide by 255, or convert to uint8.",
            _shows(_stretched),
        ),
        "rounded_floats_up_to_255": Mistake(
            "Your numbers are whole, 0 to 255, but floats. imshow takes floats for 0 to 1 and "
            "shows nearly everything white: convert to uint8.",
            _shows(lambda x: _stretched(x).round()),
        ),
        "bytes_not_halved": Mistake(
            "You compute (x + 1)·255 and convert to bytes: x + 1 is 0 to 2, so the brighter half "
            "is above 255 and wraps round. Halve first: (x + 1)·127.5.",
            _shows(lambda x: _wrap((x + 1) * 255)),
        ),
        "floats_times_255": Mistake(
            "Your numbers are floats from −255 to 255. imshow takes floats for 0 to 1, so what "
            "is below 0 is black and the rest white. (x + 1)/2 is all that is needed.",
            _shows(lambda x: x * 255),
        ),
        "bytes_of_unit_range": Mistake(
            "You convert to bytes while the numbers are in [0, 1], so that nothing but 0 is left, "
            "or 0 and 1 of 255: black. Multiply by 255 first, or leave them floats.",
            _shows(lambda x: ((x + 1) / 2).to(torch.uint8)),
        ),
        "bytes_of_half_the_range": Mistake(
            "You multiply by 255 and convert to bytes, but x starts at −1: negative numbers wrap "
            "round and dark becomes bright. unscale_to_uint8 knows the way.",
            _shows(lambda x: _wrap(x * 255)),
        ),
        "colours_reversed": Mistake(
            "Red and blue are swapped. imshow wants red, green, blue, and so they come.",
            lambda x: ((x + 1) / 2).permute(1, 2, 0).flip(2),
        ),
        "grey": Mistake(
            "You average the channels away; imshow then shows one number per pixel in false "
            "colours. Keep the three.",
            lambda x: ((x + 1) / 2).mean(0),
        ),
        "one_channel": Mistake(
            "You show one channel only. Keep the three.",
            lambda x: ((x + 1) / 2)[0],
        ),
        "in_place": Mistake(
            "The picture is right, but the caller's x is changed: shown twice, it looks different "
            "the second time. Write `(x + 1) / 2`, not `x += 1` or `add_`.",
            lambda x: x.add_(1).div_(2).permute(1, 2, 0),
        ),
    },
    hints=[
        "Two bugs. Where in the tensor is the red of the pixel in row 0, column 1, and where does "
        "imshow look for it? And what does imshow show for −0.5?",
        "`x.permute(1, 2, 0)` puts axis 0, the channels, last. (x + 1)/2 goes from [−1, 1] to "
        "[0, 1].",
    ],
    right=[
        _shows(lambda x: x / 2 + 0.5),
        _shows(lambda x: ((x + 1) / 2).numpy()),
        _shows(lambda x: reference.unscale_to_uint8(x)),
        _shows(lambda x: ((x + 1) / 2).clamp(0, 1)),
        _shows(lambda x: (_stretched(x)).to(torch.uint8)),
        lambda x: ((x + 1) / 2).numpy().transpose(1, 2, 0),
        lambda x: np.moveaxis((x.numpy() + 1) / 2, 0, -1),
        lambda x: torch.einsum("chw->hwc", x) * 0.5 + 0.5,
        lambda x: torch.stack([x[0], x[1], x[2]], dim=-1).add(1).div(2),
        lambda x: ((x + 1) / 2).permute(1, 2, 0).tolist(),
        lambda x: (_stretched(x)).round().int().permute(1, 2, 0).numpy(),
    ],
    returns="an array of shape (H, W, 3)",
    difficulty=2,
    minutes=5,
)


# --- matching_activation ----------------------------------------------------------------------


def _first_that_reaches(*names: str) -> Callable:
    """The first of these activations whose range holds the data's; else linear."""

    def pick(low: float, high: float) -> str:
        for name in names:
            lowest, highest = reference.ACTIVATION_RANGES[name]
            if lowest <= low and high <= highest:
                return name
        return "linear"

    return pick


def _by_width(low: float, high: float) -> str:
    if high - low <= 1:
        return "sigmoid"
    if high - low <= 2:
        return "tanh"
    return "relu" if low >= 0 else "linear"


def _exactly(low: float, high: float, otherwise: Callable) -> str:
    return {(0, 1): "sigmoid", (-1, 1): "tanh"}.get((low, high)) or otherwise(low, high)


def _strictly(low: float, high: float) -> str:
    if low > 0 and high < 1:
        return "sigmoid"
    if low > -1 and high < 1:
        return "tanh"
    return "relu" if low > 0 else "linear"


def _middle(low: float, high: float) -> str:
    if low >= 0 and high <= 1:
        return "sigmoid"
    return "tanh" if low == -high else ("relu" if low >= 0 else "linear")


_SWAPPED = {"sigmoid": "tanh", "tanh": "sigmoid", "relu": "relu", "linear": "linear"}

matching_activation: Exercise = lesson.exercise(
    reference.matching_activation,
    cases=[
        case(0, 1),
        case(-1, 1),
        case(0, 255),
        case(-2.2, 2.6),
        case(0.2, 0.8),
        case(-0.5, 0.5),
        case(-0.1, 0.9),
        case(0.5, 1.2),
        case(0, 0.4),
        case(-1, 3),
        case(-3, 0.5),
        case(1.5, 2),
        case(-0.4, 0),
        case(-5, -2),
        case(-2, 2),
        case(-0.9, 1),
        case(0, 65_535),
    ],
    mistakes={
        "swapped": Mistake(
            "You have the two swapped: a sigmoid puts out 0 to 1, tanh −1 to 1.",
            lambda low, high: _SWAPPED[reference.matching_activation(low, high)],
        ),
        "always_tanh": Mistake(
            "You always say tanh. It is what most DCGANs use because their images are in [−1, 1]; "
            "the data's range decides.",
            lambda low, high: "tanh",
        ),
        "always_sigmoid": Mistake(
            "You always say sigmoid. It reaches 0 to 1 only; the data's range decides.",
            lambda low, high: "sigmoid",
        ),
        "always_linear": Mistake(
            "You always say linear. It reaches every number, but also all those that no image "
            "has. Take the narrowest that reaches the data.",
            lambda low, high: "linear",
        ),
        "usual_ranges_only": Mistake(
            "You compare with (0, 1) and (−1, 1) exactly and say linear for the rest. Data from "
            "0.2 to 0.8 lies within a sigmoid's range: compare with <=.",
            lambda low, high: _exactly(low, high, lambda low, high: "linear"),
        ),
        "usual_ranges_or_relu": Mistake(
            "You compare with (0, 1) and (−1, 1) exactly. Data from 0.2 to 0.8 lies within a "
            "sigmoid's range, data from −0.5 to 0.5 within tanh's: compare with <=.",
            lambda low, high: _exactly(low, high, _first_that_reaches("relu")),
        ),
        "strictly_inside": Mistake(
            "You compare with < where the ends meet, and so refuse [0, 1] for the sigmoid. The "
            "ends count: use <=.",
            _strictly,
        ),
        "strict_for_sigmoid": Mistake(
            "You compare with < or > where the sigmoid's ends meet, and so refuse [0, 1]. The ends "
            "count: 0 <= low and high <= 1.",
            lambda low, high: (
                "sigmoid"
                if low > 0 and high < 1
                else _first_that_reaches("tanh", "relu")(low, high)
            ),
        ),
        "strict_for_tanh": Mistake(
            "You compare with < or > where tanh's ends meet, and so refuse [−1, 1]. The ends "
            "count: -1 <= low and high <= 1.",
            lambda low, high: (
                "sigmoid"
                if low >= 0 and high <= 1
                else "tanh"
                if low > -1 and high < 1
                else _first_that_reaches("relu")(low, high)
            ),
        ),
        "relu_ends_at_255": Mistake(
            "You let the relu end at 255. It has no upper end: data from 0 to 65,535 are within "
            "its reach.",
            lambda low, high: (
                "linear"
                if high > 255 and low >= 0
                else _first_that_reaches("sigmoid", "tanh", "relu")(low, high)
            ),
        ),
        "relu_from_0_only": Mistake(
            "You say relu only where low is 0. Data from 0.5 to 1.2 has no number below 0 either: "
            "low >= 0.",
            lambda low, high: (
                "linear"
                if low > 0 and high > 1
                else _first_that_reaches("sigmoid", "tanh", "relu")(low, high)
            ),
        ),
        "relu_before_sigmoid": Mistake(
            "You ask whether a relu reaches the data before you ask about the sigmoid, and take "
            "relu for [0, 1]. Ask in the order of the table: narrowest first.",
            _first_that_reaches("relu", "sigmoid", "tanh"),
        ),
        "tanh_before_sigmoid": Mistake(
            "You ask whether tanh reaches the data before you ask about the sigmoid, and take tanh "
            "for [0, 1]. It can put out all of these, and as many numbers below 0 that no image "
            "has. Ask in the order of the table: narrowest first.",
            _first_that_reaches("tanh", "sigmoid", "relu"),
        ),
        "relu_before_tanh_missing": Mistake(
            "You never say tanh. [−1, 1] is exactly its range.",
            _first_that_reaches("sigmoid", "relu"),
        ),
        "relu_missing": Mistake(
            "You never say relu. Data from 0 to 255 has no number below 0, and a relu puts out "
            "none: it is narrower than linear.",
            _first_that_reaches("sigmoid", "tanh"),
        ),
        "linear_missing": Mistake(
            "You never say linear. Standardised images, −2.2 to 2.6, have numbers below −1: "
            "nothing else reaches them.",
            lambda low, high: (
                "relu" if (name := reference.matching_activation(low, high)) == "linear" else name
            ),
        ),
        "tanh_for_all_negatives": Mistake(
            "You say tanh whenever there are numbers below 0. tanh reaches down to −1 and up to 1; "
            "standardised images go beyond both.",
            lambda low, high: "tanh" if low < 0 else reference.matching_activation(low, high),
        ),
        "sign_only": Mistake(
            "You look at the sign only: sigmoid without negative numbers, tanh with. Both end "
            "at 1: compare high as well.",
            lambda low, high: "tanh" if low < 0 else "sigmoid",
        ),
        "high_only": Mistake(
            "You look at high only. A sigmoid reaches nothing below 0: compare low as well.",
            lambda low, high: "sigmoid" if high <= 1 else "relu",
        ),
        "upper_end_only_for_tanh": Mistake(
            "For tanh you compare high, but not low: data from −3 to 0.5 goes below what tanh "
            "can reach.",
            lambda low, high: (
                "sigmoid"
                if low >= 0 and high <= 1
                else "tanh"
                if high <= 1
                else _first_that_reaches("relu")(low, high)
            ),
        ),
        "lower_end_only_for_tanh": Mistake(
            "For tanh you compare low, but not high: data from −1 to 3 goes above what tanh "
            "can reach.",
            lambda low, high: (
                "sigmoid"
                if low >= 0 and high <= 1
                else "tanh"
                if -1 <= low < 0
                else _first_that_reaches("relu")(low, high)
            ),
        ),
        "lower_end_only_for_sigmoid": Mistake(
            "For the sigmoid you compare low, but not high: data from 0 to 255 goes above what a "
            "sigmoid can reach.",
            lambda low, high: "sigmoid" if low >= 0 else _first_that_reaches("tanh")(low, high),
        ),
        "upper_end_only_for_sigmoid": Mistake(
            "For the sigmoid you compare high, but not low: data from −1 to 1 goes below what a "
            "sigmoid can reach.",
            lambda low, high: "sigmoid" if high <= 1 else _first_that_reaches("relu")(low, high),
        ),
        "width_only": Mistake(
            "You look at how wide the data's range is. Where it lies matters too: data from −0.5 "
            "to 0.5 is as wide as a sigmoid's range, but half of it lies below.",
            _by_width,
        ),
        "symmetric_only": Mistake(
            "You say tanh where the data's range is symmetric about 0. (−2, 2) is, and tanh does "
            "not reach it; (−0.1, 0.9) is not, and tanh does.",
            _middle,
        ),
        "inside_out": Mistake(
            "You compare the wrong way round: what the activation puts out must hold the data's "
            "range, not the other way.",
            lambda low, high: next(
                (
                    name
                    for name, (lowest, highest) in reference.ACTIVATION_RANGES.items()
                    if low <= lowest and highest <= high
                ),
                "linear",
            ),
        ),
        "one_case_or": Mistake(
            "You join the two comparisons by `or`; both ends have to be within reach: `and`.",
            lambda low, high: (
                "sigmoid"
                if low >= 0 or high <= 1
                else "tanh"
                if low >= -1 or high <= 1
                else "linear"
            ),
        ),
        "another_name_for_linear": Mistake(
            'Right, but the name is another one: say "linear" where there is no activation.',
            lambda low, high: reference.matching_activation(low, high).replace(
                "linear", "identity"
            ),
        ),
        "none_for_linear": Mistake(
            'Right, but the name is another one: say "linear" where there is no activation.',
            lambda low, high: reference.matching_activation(low, high).replace("linear", "none"),
        ),
        "functions_for_names": Mistake(
            'You return the activations themselves. Return their names as strings, such as "tanh".',
            lambda low, high: {
                "sigmoid": torch.sigmoid,
                "tanh": torch.tanh,
                "relu": torch.relu,
                "linear": torch.nn.Identity,
            }[reference.matching_activation(low, high)],
        ),
    },
    hints=[
        "Go through the table from the narrowest to the widest and stop at the first activation "
        "that reaches both ends of the data.",
        "A sigmoid reaches both ends if `0 <= low and high <= 1`. Three questions like this one, "
        'in the order of the table, and "linear" where none is answered by yes.',
    ],
    features={
        "there are numbers below 0": lambda low, high: low < 0,
        "there are numbers above 1": lambda low, high: high > 1,
    },
    normalise=lambda value: value.strip().lower() if isinstance(value, str) else value,
    right=[
        _first_that_reaches("sigmoid", "tanh", "relu"),
        _first_that_reaches("sigmoid", "relu", "tanh"),  # after the sigmoid no range suits both
        lambda low, high: reference.matching_activation(low, high).capitalize(),
        lambda low, high: (
            ("sigmoid" if high <= 1 else "relu")
            if low >= 0
            else ("tanh" if low >= -1 and high <= 1 else "linear")
        ),
        lambda low, high: (
            "linear"
            if low < -1 or (low < 0 and high > 1)
            else "relu"
            if high > 1
            else "tanh"
            if low < 0
            else "sigmoid"
        ),
    ],
    returns="the name of an activation",
    difficulty=1,
    minutes=4,
)

"""Checks of lesson 10: augmentation, global average pooling, smooth labels, reading an ablation.

The two networks are checked in ``gap_discriminator`` and ``keras_gap_discriminator``. The string
below each exercise is what the lesson has to tell the learner about it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional as F

from helpers import ablation_reading
from helpers.checks import gap_discriminator as gap
from helpers.checks import keras_gap_discriminator as keras_gap
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask, case
from helpers.checks.torch_networks import kind_of
from helpers.pytorch import improvements as reference
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss
from helpers.recipes import smooth_labels as reference_smooth_labels

lesson = Lesson("10", "Improvements")
progress = lesson.progress

_FURTHEST = 4
_NEAR = 2e-4


# --- read_ablation -----------------------------------------------------------------------------


def _read(
    *,
    mean: Callable[[float, float], float] = max,
    baseline: Callable[[float, float], float] | None = None,
    error: Callable[[float, float, int], float] = lambda own, other, n: math.sqrt(
        (own**2 + other**2) / n
    ),
    times: float = 3,
    words: tuple[str, str, str] = ("helped", "hurt", "cannot tell"),
    baseline_too: bool = False,
) -> Callable:
    """``read_ablation`` with one thing done otherwise."""
    helped, hurt, open_ = words

    def read_ablation(table, floor, seeds=3):
        own_mean, own_spread = table["baseline"]
        verdicts = {}
        for name, (other_mean, spread) in table.items():
            if name == "baseline" and not baseline_too:
                continue
            gain = (baseline or mean)(own_mean, floor) - mean(other_mean, floor)
            limit = times * error(own_spread, spread, seeds)
            verdicts[name] = helped if gain > limit else hurt if gain < -limit else open_
        return verdicts

    return read_ablation


def _unless_at_the_floor(table, floor, seeds=3):
    """Whatever touches the floor cannot be told."""
    verdicts = ablation_reading.read_ablation(table, -1e9, seeds)
    low = {name for name, (mean, _) in table.items() if mean <= floor}
    return {n: "cannot tell" if {n, "baseline"} & low else v for n, v in verdicts.items()}


def _against_the_floor(table, floor, seeds=3):
    verdicts = {}
    for name, (mean, spread) in table.items():
        limit = 3 * spread / math.sqrt(seeds)
        if name != "baseline":
            verdicts[name] = "hurt" if mean - floor > limit else "cannot tell"
    return verdicts


def _no_worse(table, floor, seeds=3):
    verdicts = ablation_reading.read_ablation(table, floor, seeds)
    return {n: v if v == "helped" else "cannot tell" for n, v in verdicts.items()}


def _two_words(table, floor, seeds=3):
    verdicts = ablation_reading.read_ablation(table, floor, seeds)
    return {n: v if v == "helped" else "hurt" for n, v in verdicts.items()}


def _as_a_list(table, floor, seeds=3):
    verdicts = ablation_reading.read_ablation(table, floor, seeds)
    return list(verdicts.values())


def _by_comprehension(table, floor, seeds=3):
    def verdict(mean, spread):
        base, base_spread = table["baseline"]
        base, mean = max(base, floor), max(mean, floor)
        error = (base_spread**2 / seeds + spread**2 / seeds) ** 0.5
        if abs(mean - base) <= 3 * error:
            return "cannot tell"
        return "helped" if mean < base else "hurt"

    return {name: verdict(*row) for name, row in table.items() if name != "baseline"}


def _with_numpy(table, floor, seeds=3):
    import numpy as np

    names = list(table)
    means, spreads = np.array([table[name] for name in names]).T
    means = means.clip(floor)
    here = names.index("baseline")
    scores = (means[here] - means) / np.maximum(
        np.hypot(spreads, spreads[here]) / np.sqrt(seeds), 1e-12
    )
    words = np.select([scores > 3, scores < -3], ["helped", "hurt"], "cannot tell")
    return {name: word for name, word in zip(names, words, strict=True) if name != "baseline"}


# Errors of the difference with 3 runs: 2 against 2 is 1.63, times three 4.90.
_TABLE = {
    "baseline": (30.0, 2.0),
    "far better": (18.0, 2.0),
    "far worse": (45.0, 3.0),
    "a little better": (29.0, 2.0),
    "a little worse": (31.5, 1.0),
    "in the middle": (26.0, 2.0),  # 4.0: more than two errors, less than three
}
_SPREADS = {
    "baseline": (40.0, 6.0),
    "steady": (32.0, 0.5),  # the baseline's own spread makes it open: 10.4
    "steady too": (35.0, 0.5),
    "nearly as steady": (32.8, 0.5),
    "unsteady": (52.0, 9.0),  # 18.7
    "steadier and better": (27.0, 1.0),  # 10.5
    "worse": (59.0, 6.0),  # 14.7
}
_SMALL = {"baseline": (8.0, 0.3), "other": (7.0, 0.3), "another": (9.2, 0.4), "third": (7.5, 0.2)}
_AT_THE_FLOOR = {
    "baseline": (1.1, 0.02),
    "below": (0.7, 0.02),
    "level": (1.12, 0.02),
    "far above": (1.9, 0.05),
    "just above": (1.3, 0.01),
}
_TO_THE_FLOOR = {"baseline": (9.0, 0.4), "below": (1.0, 0.1), "above": (3.0, 0.3)}

read_ablation: Exercise = lesson.exercise(
    ablation_reading.read_ablation,
    cases=[
        case(_TABLE, 0.6),
        case(_SPREADS, 0.6),
        case(_SMALL, 0.6),
        case(_AT_THE_FLOOR, 1.25),
        case(_TO_THE_FLOOR, 1.25),
        case(
            {
                "baseline": (30.0, 2.0),
                "other": (24.5, 2.0),
                "a third": (35.6, 2.0),
                "a fourth": (25.5, 2.0),
            },
            0.6,
            seeds=2,
        ),
        case({"baseline": (30.0, 2.0), "other": (24.6, 2.0), "a third": (35.5, 2.0)}, 0.6, 3),
        case({"baseline": (30.0, 2.0), "other": (28.2, 2.0), "a third": (33.0, 2.0)}, 0.6, 12),
        case({"other": (4.0, 0.2), "baseline": (6.0, 0.2)}, 0.6),
        case({"baseline": (20.0, 0.5), "unsteady": (17.5, 2.0)}, 0.6),
    ],
    mistakes={
        "means_only": Mistake(
            "You compare means and leave the spread out. Two seeds of the same recipe differ too: "
            "a difference counts when it is more than 3 standard errors.",
            _read(times=0),
        ),
        "means_and_no_floor": Mistake(
            "You compare means, and leave out the spread and the floor. Two seeds of the same "
            "recipe differ too: a difference counts when it is more than 3 standard errors. And "
            "what is below the floor counts as the floor.",
            _read(times=0, mean=lambda mean, floor: mean),
        ),
        "direction": Mistake(
            "A smaller distance is better: a recipe helped if its mean is below the baseline's.",
            _read(words=("hurt", "helped", "cannot tell")),
        ),
        "floor_ignored": Mistake(
            "The floor is not used (or subtracted on both sides, where it cancels). What is below "
            "the floor counts as the floor: max(mean, floor).",
            _read(mean=lambda mean, floor: mean),
        ),
        "floor_for_the_recipe_only": Mistake(
            "You lift the recipe's mean to the floor and leave the baseline's below it. Both count "
            "as at least the floor.",
            _read(baseline=lambda mean, floor: mean),
        ),
        "floor_for_the_baseline_only": Mistake(
            "You lift the baseline's mean to the floor and leave the recipe's below it. Both count "
            "as at least the floor.",
            _read(mean=lambda mean, floor: mean, baseline=max),
        ),
        "floor_as_ceiling": Mistake(
            "min(mean, floor) makes the floor of everything that is above it. What is *below* the "
            "floor counts as the floor: max(mean, floor).",
            _read(mean=min),
        ),
        "floor_as_verdict": Mistake(
            "One mean at the floor does not make a row open: a recipe that came down from 9 to the "
            "floor did help. Put max(mean, floor) in the place of each mean and go on as usual.",
            _unless_at_the_floor,
        ),
        "against_the_floor": Mistake(
            "You compare with the floor. The comparison is with the row `baseline`.",
            _against_the_floor,
        ),
        "spread_as_error": Mistake(
            "You take the spread of single runs. The mean of several is more certain: the error "
            "of the difference is sqrt((s1² + s2²) / seeds).",
            _read(error=lambda own, other, n: math.hypot(own, other)),
        ),
        "divided_by_seeds": Mistake(
            "The division by seeds belongs under the root: sqrt((s1² + s2²) / seeds).",
            _read(error=lambda own, other, n: math.hypot(own, other) / n),
        ),
        "seeds_minus_one": Mistake(
            "You divide by seeds − 1. That belongs in the spread, where it already is; the mean of "
            "n runs has the variance s² / n: sqrt((s1² + s2²) / seeds).",
            _read(error=lambda own, other, n: math.sqrt((own**2 + other**2) / (n - 1))),
        ),
        "divided_by_both_runs": Mistake(
            "You divide by the runs of both recipes together. Each mean has its own seeds runs: "
            "s1² / seeds + s2² / seeds.",
            _read(error=lambda own, other, n: math.sqrt((own**2 + other**2) / (2 * n))),
        ),
        "errors_added": Mistake(
            "Independent errors add up as squares: sqrt((s1² + s2²) / seeds), which is less than "
            "the sum of both.",
            _read(error=lambda own, other, n: (own + other) / math.sqrt(n)),
        ),
        "own_spread_only": Mistake(
            "You leave the baseline's spread out. Its mean is uncertain too.",
            _read(error=lambda own, other, n: other / math.sqrt(n)),
        ),
        "baseline_spread_only": Mistake(
            "You leave the recipe's own spread out. Its mean is uncertain too.",
            _read(error=lambda own, other, n: own / math.sqrt(n)),
        ),
        "not_squared": Mistake(
            "The spreads under the root are squared: sqrt((s1² + s2²) / seeds).",
            _read(error=lambda own, other, n: math.sqrt((own + other) / n)),
        ),
        "ranges_overlap": Mistake(
            "You ask whether mean ± spread overlap. Asked for is a difference of more than "
            "3 sqrt((s1² + s2²) / seeds).",
            _read(error=lambda own, other, n: own + other, times=1),
        ),
        "two_errors": Mistake(
            "Two standard errors are enough where there are many runs. With three of each, asked "
            "for are 3.",
            _read(times=2),
        ),
        "one_error": Mistake(
            "One standard error is passed by chance in four comparisons of ten. Asked for are 3.",
            _read(times=1),
        ),
        "seeds_written_in": Mistake(
            "3 is written in for the number of runs. It is the argument seeds (the 3 standard "
            "errors stay).",
            _read(error=lambda own, other, n: math.sqrt((own**2 + other**2) / 3)),
        ),
        "seeds_as_times": Mistake(
            "The difference is compared with seeds times the error. It is always 3 times.",
            _read(error=lambda own, other, n: n * math.sqrt((own**2 + other**2) / n), times=1),
        ),
        "never_hurt": Mistake(
            "A recipe can also hurt: where its mean is above the baseline's by more than 3 "
            "standard errors.",
            _no_worse,
        ),
        "never_open": Mistake(
            "What did not help has not hurt yet. Where the difference is no more than 3 standard "
            'errors, either way, the verdict is "cannot tell".',
            _two_words,
        ),
        "baseline_too": Mistake(
            "The baseline is what the others are compared with; it gets no verdict itself.",
            _read(baseline_too=True),
        ),
        "other_words": Mistake(
            'Spell the verdicts "helped", "hurt" and "cannot tell".',
            _read(words=("Helped", "Hurt", "Cannot tell")),
        ),
        "a_list": Mistake(
            "You return the verdicts without the recipes. Return a dict, recipe to verdict.",
            _as_a_list,
        ),
    },
    hints=[
        "Three numbers for every row: the gain, baseline's mean minus the recipe's (both at least "
        "the floor); its standard error; and how the one compares with 3 times the other.",
        "gain = max(base_mean, floor) - max(mean, floor), error = ((base_spread**2 + spread**2) / "
        "seeds) ** 0.5.",
        '"helped" if gain > 3 * error, "hurt" if gain < -3 * error, otherwise "cannot tell"; in a '
        "dict, for all rows but `baseline`.",
    ],
    right=[_read(), _by_comprehension, _with_numpy],
    returns="a dict, recipe to verdict",
    difficulty=2,
    minutes=8,
)
"""read_ablation(table, floor, seeds=3) -> dict, recipe to "helped", "hurt" or "cannot tell".
(●●○, 8 min)

table : dict, recipe to (mean, spread) of its Fréchet distances over `seeds` runs, one of them
"baseline"; smaller is better. A mean below the floor counts as the floor. A recipe helped if its
mean is below the baseline's by more than 3 standard errors of the difference,
sqrt((s1² + s2²) / seeds), hurt if it is above by more than that. No verdict on the baseline."""


# --- diff_augment ------------------------------------------------------------------------------


def _images(count: int, seed: int = 1, most: float = 0.97) -> torch.Tensor:
    """Noise, so that no shift of an image looks like another."""
    draw = torch.Generator().manual_seed(seed)
    return (2 * torch.rand((count, 3, 32, 32), generator=draw) - 1) * most


def _rows(*rows: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(rows)


_STILL = 0.5  # no brightness, no shift
_BRIGHTNESS = _rows((0.9, 0.5, 0.5), (0.5, 0.5, 0.5), (0.2, 0.5, 0.5), (0.62, 0.5, 0.5))
# 0.95 · 9 = 8.55: rounded, it would be 9. 0.3 · 9 = 2.7. 0.05 · 9 = 0.45. 0.72 · 9 = 6.48.
_SHIFTS = _rows((0.5, 0.95, 0.3), (0.5, 0.05, 0.85), (0.5, 0.5, 0.72), (0.5, 0.3, 0.5))
_BOTH = _rows((0.85, 0.95, 0.3), (0.1, 0.05, 0.85), (0.7, 0.72, 0.5), (0.3, 0.5, 0.17))


def _augment_probe(attempt: Callable) -> Generator[Question, Any, None]:
    four, four_numbers = _images(4), _BOTH.clone()
    call = functools.partial(attempt, four, four_numbers)
    out = yield ask("diff_augment(images, numbers) for 4 images", call, compare=False)
    yield ask("For 4 images, diff_augment", lambda: _complain_of_images(out, 4))
    yield ask("The arguments:", lambda: _complain_of_changes(four, four_numbers))
    yield ask("A second call:", lambda: _complain_of_chance(attempt))
    yield ask("Nothing but brightness:", lambda: _complain_of_brightness(attempt))
    yield ask("Nothing but shifts:", lambda: _complain_of_shifts(attempt))
    yield ask("The range:", lambda: _complain_of_range(attempt))
    yield ask("Both together:", lambda: _complain_of_both(attempt))
    yield ask("Another batch:", lambda: _complain_of_batch_size(attempt))
    yield ask("The gradient:", lambda: _complain_of_gradient(attempt))


def _augmented(attempt: Callable, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    out = attempt(images.clone(), numbers.clone())
    _complain_of_images(out, len(images))
    return out.detach()


def _complain_of_images(out: Any, count: int) -> None:
    if isinstance(out, list | tuple) and out and isinstance(out[0], torch.Tensor):
        raise Complaint(
            f"returns a {type(out).__name__} of {len(out)} tensors, not one tensor.", "not_stacked"
        )
    if not isinstance(out, torch.Tensor):
        raise Complaint(f"returns {kind_of(out)}, not a tensor of images.")
    shape = tuple(out.shape)
    if shape != (count, 3, 32, 32):
        slug = ""
        if shape[:2] == (count, 3) and min(shape[2:]) > 32:
            slug = "padding_left"
        elif shape[:2] == (count, 3):
            slug = "cut_off"
        elif shape == (count, 32, 32, 3):
            slug = "channels_last"
        elif shape == (3, 32, 32) or shape == (1, 3, 32, 32):
            slug = "one_image"
        raise Complaint(f"returns shape {shape}, not ({count}, 3, 32, 32).", slug)
    if not out.is_floating_point():
        raise Complaint(f"returns {str(out.dtype).removeprefix('torch.')}, not floats.")
    if not bool(torch.isfinite(out).all()):
        raise Complaint("returns nan or infinity in some pixels.")


def _complain_of_changes(images: torch.Tensor, numbers: torch.Tensor) -> None:
    changed = float((images - _images(4)).abs().max())
    if changed:
        raise Complaint(
            f"after the call the images that came in differ by up to {changed:.2f}.",
            "images_changed",
        )
    if not torch.equal(numbers, _BOTH):
        raise Complaint("after the call the numbers that came in are others.", "numbers_changed")


def _complain_of_chance(attempt: Callable) -> None:
    first, second = (_augmented(attempt, _images(4), _BOTH) for _ in "ab")
    off = float((first - second).abs().max())
    if off > _NEAR:
        raise Complaint(
            f"with the same images and the same numbers, pixels differ by up to {off:.2f}.",
            "other_numbers",
        )


def _complain_of_brightness(attempt: Callable) -> None:
    """With shifts of 0, images that are grey enough not to be clamped."""
    images, u = _images(4, 2, 0.4), _BRIGHTNESS[:, :1, None, None]
    out = _augmented(attempt, images, _BRIGHTNESS)
    expected = images + u - 0.5

    def fits(candidate: torch.Tensor) -> bool:
        return bool((out - candidate).abs().max() < _NEAR)

    if fits(expected):
        return
    candidates: dict[str, torch.Tensor] = {
        "brightness_missing": images,
        "brightness_not_centred": images + u,
        "brightness_turned": images - u + 0.5,
        "brightness_multiplied": images * (u + 0.5),
        "brightness_one_for_all": images + u[0] - 0.5,
        "brightness_twice": images + 2 * u - 1,
        "clamped_to_unit": expected.clamp(0, 1),
    }
    for slug, candidate in candidates.items():
        if any(map(fits, (candidate, candidate.clamp(-1, 1), candidate.clamp(0, 1)))):
            _raise_of_brightness(out - images, slug)
    mean = images.mean((1, 2, 3), keepdim=True)
    if fits(images + u - 0.5 - mean):
        _raise_of_brightness(out - images)
    moved = [_shift_of(out[n], expected[n]) for n in range(4)]
    if all(moved) and any(shift[:2] != (0, 0) for shift in moved if shift):
        down, right, _ = next(shift for shift in moved if shift and shift[:2] != (0, 0))
        raise Complaint(
            f"with v = w = 0.5 the images do not stay in place, but move by {_way(down, right)}. "
            "floor(9 · 0.5) - 4 is 0.",
            "shift_not_centred" if (down, right) == (4, 4) else "",
        )
    _raise_of_brightness(out - images)


def _raise_of_brightness(rise: torch.Tensor, slug: str = "") -> None:
    seen = [float(each.mean()) for each in rise]
    wanted = [float(u) - 0.5 for u in _BRIGHTNESS[:, 0]]
    place = max(range(4), key=lambda n: abs(seen[n] - wanted[n]))
    same = rise.flatten(1).std(1).max() < 1e-3
    raise Complaint(
        f"for u = {float(_BRIGHTNESS[place, 0]):.2f} the pixels change by {seen[place]:+.2f}"
        f"{'' if same else ' on average, but not all alike'}; asked for is {wanted[place]:+.2f} "
        "for all of them.",
        slug,
    )


_FILLS = {
    "": "grey",
    "wrapped_round": "what went out on the other side",
    "edge_repeated": "the edge, repeated or mirrored",
    "filled_with_black": "black (-1)",
    "filled_otherwise": "something other than 0",
}


def _shift_of(out: torch.Tensor, image: torch.Tensor) -> tuple[int, int, str] | None:
    """(down, right, what comes in) with which the image becomes out; None where nothing fits."""
    most = 9
    for down, right in sorted(
        itertools.product(range(-most, most + 1), repeat=2), key=lambda s: abs(s[0]) + abs(s[1])
    ):
        rows, columns = _inside(down), _inside(right)
        back = image[:, _from(down), _from(right)]
        if (out[:, rows, columns] - back).abs().max() > _NEAR:
            continue
        outside = torch.ones(32, 32, dtype=torch.bool)
        outside[rows, columns] = False
        came = out[:, outside]
        if not came.numel() or came.abs().max() < _NEAR:
            return down, right, ""
        if (torch.roll(image, (down, right), (1, 2)) - out).abs().max() < _NEAR:
            return down, right, "wrapped_round"
        if (came + 1).abs().max() < _NEAR:
            return down, right, "filled_with_black"
        for mode in ("replicate", "reflect"):
            padded = F.pad(image[None], (most,) * 4, mode=mode)[0]
            part = padded[:, most - down :, most - right :][:, :32, :32]
            if (part - out).abs().max() < _NEAR:
                return down, right, "edge_repeated"
        return down, right, "filled_otherwise"
    return None


def _inside(shift: int) -> slice:
    return slice(max(shift, 0), 32 + min(shift, 0))


def _from(shift: int) -> slice:
    return slice(max(-shift, 0), 32 + min(-shift, 0))


def _way(down: int, right: int) -> str:
    words = []
    if down:
        words.append(f"{abs(down)} {'down' if down > 0 else 'up'}")
    if right:
        words.append(f"{abs(right)} to the {'right' if right > 0 else 'left'}")
    return " and ".join(words) or "no pixel"


def _asked_for(numbers: torch.Tensor) -> list[tuple[int, int]]:
    return [
        tuple(math.floor(9 * float(u)) - _FURTHEST for u in row[1:])  # type: ignore[misc]
        for row in numbers
    ]


def _complain_of_shifts(attempt: Callable) -> None:
    images = _images(4, 3, 0.4)
    out = _augmented(attempt, images, _SHIFTS)
    asked = _asked_for(_SHIFTS)
    found = [_shift_of(*pair) for pair in zip(out, images, strict=True)]
    for number, each in enumerate(found):
        if each is None:
            raise Complaint(
                f"image {number} should move by {_way(*asked[number])}. What comes out is not "
                "that image moved by whole pixels, in any direction.",
                "not_a_shift",
            )
    shifts = [each[:2] for each in found if each]
    fills = [each[2] for each in found if each and each[2]]
    if shifts == asked:
        if fills:
            raise Complaint(f"at the edges {_FILLS[fills[0]]} comes in.", fills[0])
        return
    wrong = next(n for n in range(4) if shifts[n] != asked[n])
    v, w = (float(each) for each in _SHIFTS[wrong, 1:])
    told = (
        f"image {wrong}, with v = {v:.2f} and w = {w:.2f}, moves by {_way(*shifts[wrong])}; asked "
        f"for is {_way(*asked[wrong])}."
    )
    raise Complaint(told, _why_other_shifts(shifts, asked))


def _why_other_shifts(shifts: list[tuple[int, int]], asked: list[tuple[int, int]]) -> str:
    def by(formula: Callable[[float], int]) -> list[tuple[int, ...]]:
        return [tuple(formula(float(u)) for u in row[1:]) for row in _SHIFTS]

    stories = [
        ("translation_missing", [(0, 0)] * 4),
        ("one_for_all", [asked[0]] * 4),
        ("down_and_right_swapped", [each[::-1] for each in asked]),
        ("directions_turned", [(-down, -right) for down, right in asked]),
        ("only_down", [(down, 0) for down, _ in asked]),
        ("only_right", [(0, right) for _, right in asked]),
        ("diagonal", [(down, down) for down, _ in asked]),
        ("diagonal", [(right, right) for _, right in asked]),
        ("shift_not_centred", by(lambda u: math.floor(9 * u))),
        ("rounded", by(lambda u: round(9 * u) - 4)),
        ("rounded", by(lambda u: round(9 * u - 4.5))),
        ("rounded", by(lambda u: round(8 * u) - 4)),
        ("eight_steps", by(lambda u: math.floor(8 * u) - 4)),
        ("towards_zero", by(lambda u: int(9 * u - 4))),
    ]
    return next((slug for slug, story in stories if story == shifts), "")


def _complain_of_range(attempt: Callable) -> None:
    images = _images(4, 4)
    numbers = _BRIGHTNESS
    out = _augmented(attempt, images, numbers)
    low, high = float(out.min()), float(out.max())
    if low < -1 - 1e-5 or high > 1 + 1e-5:
        raise Complaint(
            f"pixels from {images.min():.2f} to {images.max():.2f} come out from {low:.2f} to "
            f"{high:.2f}.",
            "range_left",
        )
    expected = (images + numbers[:, :1, None, None] - 0.5).clamp(-1, 1)
    off = (out - expected).abs()
    if float(off.max()) > _NEAR:
        place = torch.unravel_index(off.argmax(), off.shape)
        raise Complaint(
            f"a pixel of {images[place]:.2f}, made brighter by {numbers[place[0], 0] - 0.5:+.2f}, "
            f"comes out as {out[place]:.2f}; it should be {expected[place]:.2f}.",
            "squeezed",
        )


def _complain_of_both(attempt: Callable) -> None:
    images = _images(4, 5)
    out = _augmented(attempt, images, _BOTH)
    brightness = _BOTH[:, :1, None, None] - 0.5
    expected = reference.diff_augment(images, _BOTH)
    if (out - expected).abs().max() < _NEAR:
        return
    still = torch.cat([torch.full((4, 1), _STILL), _BOTH[:, 1:]], 1)
    late = (reference.diff_augment(images, still) + brightness).clamp(-1, 1)
    if (out - late).abs().max() < _NEAR:
        edge = float(brightness.flatten()[0])
        raise Complaint(
            f"the edge that came in is {edge:+.2f}, as if it were part of the image; asked for is "
            "0.",
            "brightened_last",
        )
    off = (out - expected).abs().amax((1, 2, 3))
    raise Complaint(
        f"image {int(off.argmax())} differs from what is asked for by up to {float(off.max()):.2f} "
        "in a pixel, though brightness alone and shifts alone are right."
    )


def _complain_of_batch_size(attempt: Callable) -> None:
    for count in (1, 7):
        images = _images(count, 6)
        numbers = torch.rand((count, 3), generator=torch.Generator().manual_seed(count))
        told = "1 image" if count == 1 else f"{count} images"
        try:
            out = _augmented(attempt, images, numbers)
        except Complaint as complaint:
            raise Complaint(f"4 images are fine; for {told} it {complaint}", "batch_size") from None
        except Exception as error:
            raise Complaint(
                f"4 images are fine; {told} raise {type(error).__name__}: {error}.", "batch_size"
            ) from error
        off = (out - reference.diff_augment(images, numbers)).abs().amax((1, 2, 3))
        if off.max() > _NEAR:
            raise Complaint(
                f"4 images are fine; of {told} number {int(off.argmax())} differs from what is "
                f"asked for by up to {float(off.max()):.2f}.",
                "batch_size",
            )


def _complain_of_gradient(attempt: Callable) -> None:
    images = _images(4, 7).requires_grad_()
    weights = _images(4, 8)
    try:
        out = attempt(images * 1, _BOTH.clone())  # not the leaf, which forbids in-place changes
    except RuntimeError as error:
        if "numpy" not in str(error):
            raise
        raise Complaint(f"raised RuntimeError: {error}", "detached") from error
    if not out.requires_grad:
        raise Complaint("what comes out carries no graph: nothing flows back.", "detached")
    (got,) = torch.autograd.grad((out * weights).sum(), images, allow_unused=True)
    if got is None or not got.any():
        raise Complaint("what comes out carries a graph, but nothing arrives.", "detached")
    again = _images(4, 7).requires_grad_()
    kept = reference.diff_augment(again, _BOTH)
    (expected,) = torch.autograd.grad((kept * weights).sum(), again)
    off = ((got - expected).abs() * (expected != 0)).amax((1, 2, 3))  # as you like where clamped
    if off.max() > _NEAR:
        raise Complaint(
            f"in image {int(off.argmax())} it is off by up to {float(off.max()):.2f}, though the "
            "pixels are right.",
            "gradient_changed",
        )


def _steps(
    bright: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda x, u: x + u - 0.5,
    bound: Callable[[torch.Tensor], torch.Tensor] = lambda x: x.clamp(-1, 1),
    shift: Callable[[float], int] = lambda u: math.floor(9 * u) - 4,
    moved: Callable[[torch.Tensor, int, int], torch.Tensor] | None = None,
    rows: Callable[[torch.Tensor], torch.Tensor] = lambda numbers: numbers,
    together: Callable[[list[torch.Tensor]], Any] = torch.stack,
    first: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
) -> Callable:
    """``diff_augment`` with one thing done otherwise."""
    move = moved or _padded

    def diff_augment(images, numbers):
        numbers = rows(numbers)
        x = bound(bright(first(images), numbers[:, :1, None, None]))
        return together(
            [
                move(each, shift(float(v)), shift(float(w)))
                for each, (_, v, w) in zip(x, numbers, strict=True)
            ]
        )

    return diff_augment


def _padded(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Pad by 9 on every side and cut out."""
    wide = F.pad(image, (9, 9, 9, 9))
    return wide[:, 9 - down : 41 - down, 9 - right : 41 - right]


def _padded_with(**options: Any) -> Callable:
    def move(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
        wide = F.pad(image[None], (9, 9, 9, 9), **options)[0]
        return wide[:, 9 - down : 41 - down, 9 - right : 41 - right]

    return move


def _shift_then_brighten(images, numbers):
    still = torch.cat([torch.full_like(numbers[:, :1], 0.5), numbers[:, 1:]], 1)
    x = reference.diff_augment(images, still)
    return (x + numbers[:, :1, None, None] - 0.5).clamp(-1, 1)


def _draws_its_own(images, numbers):
    return reference.diff_augment(images, torch.rand(len(images), 3))


def _brightens_in_place(images, numbers):
    images += numbers[:, :1, None, None] - 0.5
    images.clamp_(-1, 1)
    still = torch.cat([torch.full_like(numbers[:, :1], 0.5), numbers[:, 1:]], 1)
    return reference.diff_augment(images, still)


def _numbers_in_place(images, numbers):
    out = reference.diff_augment(images, numbers)
    numbers -= 0.5
    return out


def _by_numpy(images, numbers):
    return reference.diff_augment(torch.tensor(images.numpy()), numbers)


def _of_four(images, numbers):
    out = torch.zeros_like(images)
    for n in range(4):
        out[n] = reference.diff_augment(images[n : n + 1], numbers[n : n + 1])[0]
    return out


def _half_pixels(image, down, right):
    if not down and not right:
        return image
    return (_padded(image, down, right) + _padded(image, down, right + 1)) / 2


def _straight_through(images, numbers):
    out = reference.diff_augment(images, numbers).detach()
    return out + images - images.detach()


def _returns_the_first(images, numbers):
    for image, row in zip(images, numbers, strict=True):
        return reference.diff_augment(image[None], row[None])[0]


def _by_a_grid(images, numbers):
    n, _, height, width = images.shape
    x = torch.clamp(images + (numbers[:, 0] - 0.5).reshape(n, 1, 1, 1), min=-1.0, max=1.0)
    down, right = ((numbers[:, 1:] * 9).long() - 4).T
    row = torch.arange(height) - down[:, None]
    column = torch.arange(width) - right[:, None]
    padded = F.pad(x, (4, 4, 4, 4)).permute(0, 2, 3, 1)
    batch = torch.arange(n)[:, None, None]
    return padded[batch, row[:, :, None] + 4, column[:, None, :] + 4].permute(0, 3, 1, 2)


def _into_zeros(images, numbers):
    bright = F.hardtanh(images + numbers[:, 0].view(-1, 1, 1, 1) - 0.5)
    out = torch.zeros_like(images)
    for n in range(images.shape[0]):
        down = int(torch.floor(9 * numbers[n, 1])) - 4
        right = int(torch.floor(9 * numbers[n, 2])) - 4
        size = 32
        out[n, :, max(0, down) : size + min(0, down), max(0, right) : size + min(0, right)] = (
            bright[n, :, max(0, -down) : size - max(0, down), max(0, -right) : size - max(0, right)]
        )
    return out


def _rolled_and_masked(images, numbers):
    x = torch.minimum(
        torch.maximum(images + numbers[:, :1, None, None] - 0.5, -torch.ones(())), torch.ones(())
    )
    result = []
    for image, (_, v, w) in zip(x, numbers, strict=True):
        down, right = math.floor(9 * v) - 4, math.floor(9 * w) - 4
        mask = torch.zeros(32, 32)
        mask[max(down, 0) : 32 + min(down, 0), max(right, 0) : 32 + min(right, 0)] = 1
        result.append(torch.roll(image, (down, right), dims=(1, 2)) * mask)
    return torch.stack(result)


def _in_place_on_a_copy(images, numbers):
    images = images.clone()
    images += numbers[:, 0, None, None, None]
    images -= 0.5
    images.clamp_(-1, 1)
    return torch.cat(
        [
            _padded(image, int(9 * v) - 4, int(9 * w) - 4)[None]
            for image, v, w in zip(images, numbers[:, 1], numbers[:, 2], strict=True)
        ]
    )


_AUGMENT_MISTAKES = {
    "images_changed": Mistake(
        "They belong to the caller, who trains on them again: next time they are brighter still. "
        "Write `images = images + ...` instead of `+=` or an operation that ends in an "
        "underscore.",
        _brightens_in_place,
    ),
    "numbers_changed": Mistake(
        "They belong to the caller. Write `numbers - 0.5` into a new name instead of `-=`.",
        _numbers_in_place,
    ),
    "other_numbers": Mistake(
        "Use the random numbers that come in; draw none of your own. (Then the same function can "
        "be tested, and repeated.)",
        _draws_its_own,
    ),
    "not_stacked": Mistake("`torch.stack(...)` makes one tensor of them.", _steps(together=list)),
    "one_image": Mistake(
        "That is the first image alone: does the loop end in a `return`? Collect all of them and "
        "stack them after the loop.",
        _returns_the_first,
    ),
    "padding_left": Mistake(
        "The padding is still there. Cut a window of 32 x 32 out of each padded image.",
        lambda images, numbers: F.pad(reference.diff_augment(images, numbers), (4, 4, 4, 4)),
    ),
    "cut_off": Mistake(
        "What is moved out is gone, and nothing comes in. Pad first, `F.pad(image, (4, 4, 4, 4))`, "
        "then cut out 32 x 32.",
        lambda images, numbers: reference.diff_augment(images, numbers)[:, :, 4:-4, 4:-4],
    ),
    "channels_last": Mistake(
        "Keep the channels where they are, (N, 3, 32, 32).",
        lambda images, numbers: reference.diff_augment(images, numbers).permute(0, 2, 3, 1),
    ),
    "brightness_missing": Mistake(
        "Nothing is added. Brightness is numbers[:, 0] - 0.5, one number per image.",
        _steps(bright=lambda x, u: x),
    ),
    "brightness_not_centred": Mistake(
        "u itself is added, so that images only get brighter. Add u - 0.5.",
        _steps(bright=lambda x, u: x + u),
    ),
    "brightness_turned": Mistake(
        "A large u should make the image brighter: add u - 0.5, do not subtract it.",
        _steps(bright=lambda x, u: x - (u - 0.5)),
    ),
    "brightness_multiplied": Mistake(
        "Pixels are multiplied, which changes the contrast and leaves grey as it is. Brightness is "
        "added.",
        _steps(bright=lambda x, u: x * (u + 0.5)),
    ),
    "brightness_one_for_all": Mistake(
        "All images get the brightness of the first. Each has a number of its own: "
        "`numbers[:, 0]`, in the shape (N, 1, 1, 1).",
        _steps(bright=lambda x, u: x + u[0] - 0.5),
    ),
    "brightness_twice": Mistake(
        "That is twice as much as asked for: u - 0.5, from -0.5 to 0.5.",
        _steps(bright=lambda x, u: x + 2 * u - 1),
    ),
    "clamped_to_unit": Mistake(
        "Pixels below 0 are cut off. The course's images are in [-1, 1]: `.clamp(-1, 1)`.",
        _steps(bound=lambda x: x.clamp(0, 1)),
    ),
    "range_left": Mistake(
        "A generator that ends in tanh cannot make such pixels, so they would give the real images "
        "away. `.clamp(-1, 1)` after the brightness.",
        _steps(bound=lambda x: x),
    ),
    "squeezed": Mistake(
        "The range is kept by something that changes the pixels inside it too, such as tanh or a "
        "division. `.clamp(-1, 1)` cuts off only what is outside.",
        _steps(bound=lambda x: torch.where(x.abs() < 0.95, x, x.tanh())),
    ),
    "translation_missing": Mistake(
        "No image moves. v = numbers[n, 1] says how far down, w = numbers[n, 2] how far right.",
        _steps(shift=lambda u: 0),
    ),
    "one_for_all": Mistake(
        "All images move as the first does. Each has numbers of its own: go through them one by "
        "one, and stack the results.",
        _steps(
            rows=lambda numbers: torch.cat(
                [numbers[:, :1], numbers[:1, 1:].expand(len(numbers), 2)], 1
            )
        ),
    ),
    "down_and_right_swapped": Mistake(
        "Down and right are swapped: v moves along the rows, axis 2 of (N, 3, 32, 32), w along the "
        "columns, axis 3. (F.pad begins with the last axis.)",
        _steps(moved=lambda image, down, right: _padded(image, right, down)),
    ),
    "directions_turned": Mistake(
        "Up instead of down, left instead of right. An image moves down if the window is cut out "
        "further up: `padded[:, 4 - down : 36 - down, 4 - right : 36 - right]`.",
        _steps(moved=lambda image, down, right: _padded(image, -down, -right)),
    ),
    "only_down": Mistake(
        "Nothing moves to the right or left: w = numbers[n, 2] is not used.",
        _steps(moved=lambda image, down, right: _padded(image, down, 0)),
    ),
    "only_right": Mistake(
        "Nothing moves down or up: v = numbers[n, 1] is not used.",
        _steps(moved=lambda image, down, right: _padded(image, 0, right)),
    ),
    "diagonal": Mistake(
        "One number is used for both directions. v says how far down, w how far right.",
        _steps(moved=lambda image, down, right: _padded(image, down, down)),
    ),
    "shift_not_centred": Mistake(
        "Images move down and right only, by 0 to 8. Subtract 4 after floor.",
        _steps(shift=lambda u: math.floor(9 * u)),
    ),
    "rounded": Mistake(
        "That is rounded, so that the outermost shifts come up half as often as the others, or "
        "there is one too many. floor(9 u) - 4 gives each of the nine the same share.",
        _steps(shift=lambda u: round(9 * u) - 4),
    ),
    "eight_steps": Mistake(
        "From -4 to 4 there are nine shifts: floor(9 u) - 4. With 8 the last one never comes up.",
        _steps(shift=lambda u: math.floor(8 * u) - 4),
    ),
    "towards_zero": Mistake(
        "`int()` and `.long()` cut off towards 0, so that negative shifts come out one too small. "
        "Subtract 4 after that: int(9 * u) - 4.",
        _steps(shift=lambda u: int(9 * u - 4)),
    ),
    "wrapped_round": Mistake(
        "`torch.roll` brings in again what goes out. Asked for is 0: pad with `F.pad`, and cut a "
        "window out.",
        _steps(moved=lambda image, down, right: torch.roll(image, (down, right), (1, 2))),
    ),
    "edge_repeated": Mistake(
        "Asked for is 0, mid-grey: F.pad does that if it is told no mode.",
        _steps(moved=_padded_with(mode="replicate")),
    ),
    "filled_with_black": Mistake(
        "-1 is black here, where pixels are in [-1, 1]. Asked for is 0, mid-grey.",
        _steps(moved=_padded_with(value=-1.0)),
    ),
    "filled_otherwise": Mistake(
        "Asked for is 0, mid-grey: F.pad does that if it is told no value.",
        _steps(moved=_padded_with(value=1.0)),
    ),
    "not_a_shift": Mistake(
        "Move by whole pixels, without interpolation: `padded[:, 4 - down : 36 - down, 4 - right : "
        "36 - right]` of an image that F.pad has made 40 x 40.",
        _steps(moved=_half_pixels),
    ),
    "brightened_last": Mistake(
        "Brightness comes first and the shift second, so that what comes in stays 0.",
        _shift_then_brighten,
    ),
    "batch_size": Mistake(
        "Write no number of images into the function: `len(images)`, or go through `zip(images, "
        "numbers)`.",
        _of_four,
    ),
    "detached": Mistake(
        "The generator learns from the gradient that comes back through its augmented images, so "
        "every operation has to be PyTorch's, without `.detach()`, `.data`, NumPy, "
        "`torch.tensor(...)` or `torch.no_grad()`.",
        _by_numpy,
    ),
    "gradient_changed": Mistake(
        "It goes back as if nothing had been moved, or is scaled. Leave out `.detach()` and hooks: "
        "the gradient of a shift is the shift back.",
        _straight_through,
    ),
}


diff_augment: Exercise = lesson.exercise(
    reference.diff_augment,
    probe=_augment_probe,
    names_mistakes=True,
    mistakes=_AUGMENT_MISTAKES,
    hints=[
        "Brightness is one line for the whole batch: numbers[:, 0] in the shape (N, 1, 1, 1) is "
        "added to images of shape (N, 3, 32, 32). For the shift, take image by image.",
        "`F.pad(image, (4, 4, 4, 4))` is 40 x 40, with zeros around the image. A window of 32 x 32 "
        "whose first row is 4 - down shows the image moved down by `down`.",
        "brighter = (images + numbers[:, 0].view(-1, 1, 1, 1) - 0.5).clamp(-1, 1); then for each "
        "image with its v and w: down = int(9 * v) - 4, right = int(9 * w) - 4, and "
        "`F.pad(image, (4, 4, 4, 4))[:, 4 - down : 36 - down, 4 - right : 36 - right]`; "
        "`torch.stack` of all.",
    ],
    right=[
        _steps(),
        _by_a_grid,
        _into_zeros,
        _rolled_and_masked,
        _in_place_on_a_copy,
        _steps(bright=lambda x, u: x + (u - 0.5).expand(-1, 3, 32, 32)),
    ],
    returns="a tensor of images",
    difficulty=3,
    minutes=12,
    seconds=10.0,
)
"""diff_augment(images, numbers) -> augmented images, the same shape. (●●●, 12 min)

images (N, 3, 32, 32) in [-1, 1], numbers (N, 3) uniform in [0, 1). With (u, v, w) = numbers[n]:
first add u - 0.5 to all pixels of image n and clamp to [-1, 1]; then move it by floor(9 v) - 4
pixels down and floor(9 w) - 4 to the right (negative: up, left), and let 0 come in at the edges.
images and numbers stay as they are, and a gradient flows back to the images."""


# --- augmented_losses --------------------------------------------------------------------------

_LEVELS = torch.linspace(-1, 1, 3 * 32 * 32).reshape(3, 32, 32)
_PATTERN = _images(1, 11)[0]


class _Discriminator(torch.nn.Module):
    """A few pixels' weighted sum as logit; notes what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(_PATTERN / 8)
        self.calls: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not isinstance(images, torch.Tensor) or images.shape[1:] != (3, 32, 32):
            raise Complaint(f"gave the discriminator {kind_of(images)}, not images.")
        self.calls.append(images.detach())
        return self.logits(images)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return 0.2 + (images * self.weight).sum((1, 2, 3))[:, None]


class _Augment:
    """Turns images upside down and darker; counts the images that it gets."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if not isinstance(images, torch.Tensor) or images.shape[1:] != (3, 32, 32):
            raise Complaint(f"gave augment {kind_of(images)}, not images.")
        self.count += len(images)
        return self.of(images)

    @staticmethod
    def of(images: torch.Tensor) -> torch.Tensor:
        return 0.7 * images.flip(2) + 0.3 * _LEVELS


@dataclass
class _Game:
    """One call of augmented_losses."""

    discriminator: _Discriminator = field(default_factory=_Discriminator)
    augment: _Augment = field(default_factory=_Augment)
    images: torch.Tensor = field(default_factory=lambda: _images(6, 12))
    source: torch.Tensor = field(default_factory=lambda: _images(6, 13).requires_grad_())
    losses: tuple[torch.Tensor, torch.Tensor] | None = None

    @functools.cached_property
    def fakes(self) -> torch.Tensor:
        return torch.tanh(self.source)

    def seen(self) -> dict[str, torch.Tensor]:
        """Logits of what the discriminator may be shown, by whether it is augmented."""
        given = {"reals": self.images, "fakes": self.fakes}
        logits = {name: self.discriminator.logits(each) for name, each in given.items()}
        for name, each in given.items():
            logits[f"augmented {name}"] = self.discriminator.logits(_Augment.of(each))
            logits[f"twice augmented {name}"] = self.discriminator.logits(
                _Augment.of(_Augment.of(each))
            )
        return {name: each.detach() for name, each in logits.items()}


def _losses_probe(attempt: Callable) -> Generator[Question, Any, None]:
    game = _Game()
    call = functools.partial(_play, attempt, game)
    yield ask("augmented_losses(discriminator, augment, images, fakes)", call, compare=False)
    yield ask("What it returns:", lambda: _complain_of_pair(game))
    yield ask("The discriminator's loss:", lambda: _complain_of_d_loss(game))
    yield ask("The generator's loss:", lambda: _complain_of_g_loss(game))
    yield ask("The gradients:", lambda: _complain_of_gradients(game))
    yield ask("The discriminator:", lambda: _complain_of_plain_images(game))


def _play(attempt: Callable, game: _Game) -> None:
    game.losses = attempt(game.discriminator, game.augment, game.images, game.fakes)


def _complain_of_pair(game: _Game) -> None:
    losses = game.losses
    if isinstance(losses, torch.Tensor) and losses.numel() == 1:
        raise Complaint(f"one number, {losses.item():.3f}, not two losses.", "one_loss")
    if not isinstance(losses, tuple | list) or len(losses) != 2:
        raise Complaint(f"{kind_of(losses)}, not (d_loss, g_loss).")
    for name, each in zip(("d_loss", "g_loss"), losses, strict=True):
        if isinstance(each, float):
            raise Complaint(f"{name} is a Python float.", "items")
        if not isinstance(each, torch.Tensor) or each.numel() != 1:
            raise Complaint(f"{name} is {kind_of(each)}, not a tensor with one number.")
        if not bool(torch.isfinite(each)):
            raise Complaint(f"{name} is {float(each)}.")
    if not torch.equal(game.images, _images(6, 12)):
        raise Complaint("the images that came in are changed.", "images_changed")


def _near(value: torch.Tensor, expected: torch.Tensor) -> bool:
    value, expected = float(torch.as_tensor(value).detach()), float(expected)
    return abs(value - expected) < 1e-4 * max(1.0, abs(expected))


_KINDS = ("augmented ", "", "twice augmented ")


def _d_stories(seen: Mapping[str, torch.Tensor]) -> Iterator[tuple[float, str, str]]:
    """(loss, what was done, slug), the right one first."""
    for reals, fakes in itertools.product(_KINDS, repeat=2):
        x, y = seen[f"{reals}reals"], seen[f"{fakes}fakes"]
        slug = {
            ("augmented ", ""): "only_reals",
            ("", "augmented "): "only_fakes",
            ("", ""): "not_augmented",
        }.get((reals, fakes), "augmented_twice")
        slug = "" if reals == fakes == "augmented " else slug
        told = f"of the loss on {reals}reals and the loss on {fakes}fakes"
        yield float(real_loss(x) + fake_loss(y)), f"it is the sum {told}.", slug
    x, y = seen["augmented reals"], seen["augmented fakes"]
    yield float(real_loss(x)), "it is the loss on reals alone.", "term_missing"
    yield float(fake_loss(y)), "it is the loss on fakes alone.", "term_missing"
    yield float(fake_loss(x) + real_loss(y)), "reals are called fake, fakes real.", "swapped"
    yield float(real_loss(x, True) + fake_loss(y)), "the targets of reals are 0.9.", "smoothed"


def _complain_of_d_loss(game: _Game) -> None:
    loss, seen = game.losses[0], game.seen()
    if _near(loss, (real_loss(seen["augmented reals"]) + fake_loss(seen["augmented fakes"])) / 2):
        return  # right up to its scale
    for value, told, slug in _d_stories(seen):
        if _near(loss, value):
            if slug:
                raise Complaint(told, slug)
            return
    wanted = next(_d_stories(seen))[0]
    other = generator_loss(seen["augmented fakes"])
    if _near(loss, other) and _near(game.losses[1], wanted):
        raise Complaint("it comes second; (d_loss, g_loss) is asked for.", "losses_swapped")
    raise Complaint(f"it is {float(loss):.3f}, should be {wanted:.3f}.")


def _complain_of_g_loss(game: _Game) -> None:
    loss, seen = game.losses[1], game.seen()
    logits = seen["augmented fakes"]
    wanted = generator_loss(logits)
    if _near(loss, wanted):
        return
    stories = {
        "generator_not_augmented": (
            generator_loss(seen["fakes"]),
            "it is that of fakes that are not augmented.",
        ),
        "augmented_twice": (
            generator_loss(seen["twice augmented fakes"]),
            "it is that of fakes that are augmented twice.",
        ),
        "saturating": (-fake_loss(logits), "it is minus the discriminator's loss on the fakes."),
        "generator_as_fake": (fake_loss(logits), "it is the discriminator's loss on the fakes."),
        "generator_on_reals": (
            generator_loss(seen["augmented reals"]),
            "it is computed on the real images.",
        ),
    }
    for slug, (value, told) in stories.items():
        if _near(loss, value):
            raise Complaint(told, slug)
    raise Complaint(f"it is {float(loss):.3f}, should be {float(wanted):.3f}.")


def _complain_of_gradients(game: _Game) -> None:
    d_loss, g_loss = game.losses
    weight = game.discriminator.weight
    for name, loss, wanted in (("d_loss", d_loss, weight), ("g_loss", g_loss, game.source)):
        player = "discriminator's weights" if name == "d_loss" else "fakes"
        slug = "discriminator_cut" if name == "d_loss" else "generator_cut"
        gradient = None
        if loss.requires_grad:
            (gradient,) = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        if gradient is None or not gradient.any():
            raise Complaint(f"none flows from {name} to the {player}.", slug)
        if name == "d_loss":
            (spare,) = torch.autograd.grad(loss, game.source, retain_graph=True, allow_unused=True)
            if spare is not None and spare.any():
                raise Complaint("one flows from d_loss into the fakes.", "fakes_attached")
    _complain_of_learning(game)
    again = _images(6, 13).requires_grad_()
    fakes = _Augment.of(torch.tanh(again))
    (expected,) = torch.autograd.grad(generator_loss(game.discriminator.logits(fakes)), again)
    (got,) = torch.autograd.grad(g_loss, game.source, retain_graph=True)
    if (got - expected).abs().max() > 1e-3 * expected.abs().max():
        share = float((got * expected).sum() / expected.square().sum())
        raise Complaint(
            f"what flows from g_loss to the fakes is not the loss's gradient (in its direction "
            f"{share:.2f} of it).",
            "generator_cut" if abs(share) < 0.5 else "",
        )


def _complain_of_learning(game: _Game) -> None:
    """The discriminator learns from both kinds, in equal parts."""
    weight, parts = game.discriminator.weight, {}
    for name, images, loss in (("reals", game.images, real_loss), ("fakes", game.fakes, fake_loss)):
        logits = game.discriminator.logits(_Augment.of(images.detach()))
        (parts[name],) = torch.autograd.grad(loss(logits), weight)
    (got,) = torch.autograd.grad(game.losses[0], weight, retain_graph=True)
    for share in (1.0, 0.5):
        if (got / share - parts["reals"] - parts["fakes"]).abs().max() < 1e-3 * got.abs().max():
            return
    flat = torch.stack([each.flatten() for each in parts.values()], 1)
    shares = torch.linalg.lstsq(flat, got.flatten()[:, None]).solution[:, 0]
    told = " and ".join(f"{float(s):.2f} of the {n}'" for n, s in zip(parts, shares, strict=True))
    raise Complaint(
        f"what flows from d_loss to the discriminator's weights is {told} gradient, not the whole.",
        "discriminator_cut",
    )


def _complain_of_plain_images(game: _Game) -> None:
    shown = torch.cat(game.discriminator.calls)
    for name, given in (("real", game.images), ("fake", game.fakes.detach())):
        apart = (shown[:, None] - given[None]).abs().flatten(2).amax(2)
        plain = int((apart < 1e-6).any(1).sum())
        if plain:
            raise Complaint(
                f"it got {plain} {name} images too that augment has not had.", "shown_plain_too"
            )


def _losses(
    reals: Callable = lambda augment, x: augment(x),
    fakes: Callable = lambda augment, x: augment(x.detach()),
    generated: Callable = lambda augment, x: augment(x),
    d: Callable = lambda x, y: real_loss(x) + fake_loss(y),
    g: Callable = generator_loss,
    pair: Callable = lambda d_loss, g_loss: (d_loss, g_loss),
) -> Callable:
    """``augmented_losses`` with one thing done otherwise."""

    def augmented_losses(discriminator, augment, images, fakes_in):
        x, y = discriminator(reals(augment, images)), discriminator(fakes(augment, fakes_in))
        return pair(d(x, y), g(discriminator(generated(augment, fakes_in))))

    return augmented_losses


def _without_gradient(augment: Callable, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return augment(x)


def _reals_in_the_generator(discriminator, augment, images, fakes):
    d_loss, _ = reference.augmented_losses(discriminator, augment, images, fakes)
    return d_loss, generator_loss(discriminator(augment(images)))


def _changes_the_images(discriminator, augment, images, fakes):
    losses = reference.augmented_losses(discriminator, augment, images, fakes)
    images.mul_(0.5)
    return losses


def _looks_at_plain_images(discriminator, augment, images, fakes):
    discriminator(images)
    return reference.augmented_losses(discriminator, augment, images, fakes)


def _learns_from_reals_only(discriminator, augment, images, fakes):
    logits = discriminator(augment(fakes))
    d_loss = real_loss(discriminator(augment(images))) + fake_loss(logits.detach())
    return d_loss, generator_loss(logits)


def _one_augmentation_for_both(discriminator, augment, images, fakes):
    seen = augment(fakes)
    d_loss = real_loss(discriminator(augment(images))) + fake_loss(discriminator(seen.detach()))
    return d_loss, generator_loss(discriminator(seen))


def _in_one_batch(discriminator, augment, images, fakes):
    both = augment(torch.cat([images, fakes.detach()]))
    real, fake = discriminator(both).split(len(images))
    return [fake_loss(fake) + real_loss(real), generator_loss(discriminator(augment(fakes)))]


def _by_softplus(discriminator, augment, images, fakes):
    x = discriminator(augment(images))
    y = discriminator(augment(fakes.detach()))
    z = discriminator(augment(fakes))
    return (F.softplus(-x).mean() + F.softplus(y).mean()).reshape(1), F.softplus(-z).mean()


augmented_losses: Exercise = lesson.exercise(
    reference.augmented_losses,
    probe=_losses_probe,
    names_mistakes=True,
    mistakes={
        "only_reals": Mistake(
            "Then holes and shifts are signs of the real, and the generator learns to draw them. "
            "The discriminator sees augmented fakes too: `augment(fakes.detach())`.",
            _losses(fakes=lambda augment, x: x.detach()),
        ),
        "only_fakes": Mistake(
            "Then whatever is augmented is fake. The real images are augmented too: "
            "`augment(images)`.",
            _losses(reals=lambda augment, x: x),
        ),
        "not_augmented": Mistake(
            "The discriminator sees nothing but augmented images: `augment(images)` and "
            "`augment(fakes.detach())`.",
            _losses(reals=lambda augment, x: x, fakes=lambda augment, x: x.detach()),
        ),
        "augmented_twice": Mistake(
            "Once is enough: has a name been overwritten with its augmented images?",
            _losses(reals=lambda augment, x: augment(augment(x))),
        ),
        "generator_not_augmented": Mistake(
            "The generator asks a discriminator that has only ever seen augmented images: show it "
            "augmented fakes here too, `discriminator(augment(fakes))`.",
            _losses(generated=lambda augment, x: x),
        ),
        "generator_cut": Mistake(
            "All that the generator learns comes back through `augment` and the images. No "
            "`.detach()` and no `torch.no_grad()` there.",
            _losses(generated=lambda augment, x: augment(x.detach())),
        ),
        "fakes_attached": Mistake(
            "In the discriminator's loss, detach the fakes: `d_loss.backward()` would run on into "
            "the generator and free the graph that g_loss needs.",
            _losses(fakes=lambda augment, x: augment(x)),
        ),
        "discriminator_cut": Mistake(
            "The discriminator could not learn from all it sees. Only the fakes are detached, not "
            "what the discriminator says of them, and no call of it stands in torch.no_grad().",
            _learns_from_reals_only,
        ),
        "shown_plain_too": Mistake(
            "A call whose logits are not used counts too: in train mode it moves the running "
            "statistics of batch normalisation. Leave it out.",
            _looks_at_plain_images,
        ),
        "swapped": Mistake(
            "`real_loss` takes the logits of real images, `fake_loss` those of fakes.",
            _losses(d=lambda x, y: fake_loss(x) + real_loss(y)),
        ),
        "term_missing": Mistake(
            "The discriminator's loss is a sum: real_loss of the reals plus fake_loss of the "
            "fakes.",
            _losses(d=lambda x, y: real_loss(x)),
        ),
        "smoothed": Mistake(
            "Label smoothing is the next section: leave `smooth` out.",
            _losses(d=lambda x, y: real_loss(x, smooth=True) + fake_loss(y)),
        ),
        "saturating": Mistake(
            "That is the saturating loss, whose gradient vanishes where the fakes are told. Use "
            "`generator_loss`.",
            _losses(g=lambda z: -fake_loss(z)),
        ),
        "generator_as_fake": Mistake(
            "So the generator would help the discriminator. Use `generator_loss`.",
            _losses(g=fake_loss),
        ),
        "generator_on_reals": Mistake(
            "The generator is judged by its own images: the fakes.", _reals_in_the_generator
        ),
        "losses_swapped": Mistake(
            "Return them the other way round.", _losses(pair=lambda d, g: (g, d))
        ),
        "one_loss": Mistake(
            "Two players, two losses: `return d_loss, g_loss`.", _losses(pair=lambda d, g: d + g)
        ),
        "items": Mistake(
            "A float has no gradient: leave out `.item()`.",
            _losses(pair=lambda d, g: (d.item(), g.item())),
        ),
        "images_changed": Mistake(
            "They belong to the caller: leave out operations that end in an underscore.",
            _changes_the_images,
        ),
    },
    hints=[
        "It is lesson 08's two losses with one rule more: whatever goes into the discriminator "
        "goes through `augment` first. How often does something go in?",
        "Three times: reals and detached fakes for the discriminator's loss, and fakes with their "
        "history for the generator's.",
        "d_loss = real_loss(discriminator(augment(images))) + "
        "fake_loss(discriminator(augment(fakes.detach()))); g_loss = "
        "generator_loss(discriminator(augment(fakes)))",
    ],
    right=[
        _losses(),
        _one_augmentation_for_both,
        _in_one_batch,
        _by_softplus,
        _losses(fakes=lambda augment, x: _without_gradient(augment, x)),
        _losses(fakes=lambda augment, x: augment(x).detach()),
        _losses(d=lambda x, y: (real_loss(x) + fake_loss(y)) / 2),
    ],
    returns="two losses",
    difficulty=2,
    minutes=6,
    seconds=5.0,
)
"""augmented_losses(discriminator, augment, images, fakes) -> (d_loss, g_loss). (●●○, 6 min)

augment takes images to augmented ones, others in every call; a gradient flows through it. images
and fakes (N, 3, 32, 32), the fakes as they come out of the generator, not detached. Both losses
as in lesson 08 (real_loss, fake_loss, generator_loss), but the discriminator gets augmented images
only. No gradient of d_loss reaches the fakes; g_loss's does."""


# --- gap_discriminator, keras_gap_discriminator -------------------------------------------------

gap_discriminator: Exercise = gap.register(lesson)
keras_gap_discriminator: Exercise = keras_gap.register(lesson)


# --- smooth_labels -----------------------------------------------------------------------------

_LABELS = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0])[:, None]


def _smooth_probe(attempt: Callable) -> Generator[Question, Any, None]:
    asked = {
        "smooth_labels(labels)": (_LABELS, ()),
        "smooth_labels(labels, 0.3)": (_LABELS, (0.3,)),
        "smooth_labels(labels, 0.0)": (_LABELS, (0.0,)),
        "smooth_labels(labels, 0.25), with labels of shape (6,),": (_LABELS[:6, 0], (0.25,)),
        "smooth_labels(labels, 0.25) with real images only": (torch.ones(3, 1), (0.25,)),
        "smooth_labels(labels, 0.25) with fakes only": (torch.zeros(3, 1), (0.25,)),
    }
    for label, (labels, options) in asked.items():
        yield ask(label, functools.partial(_judge_labels, attempt, labels, *options))


def _judge_labels(attempt: Callable, labels: torch.Tensor, *options: float) -> None:
    given = labels.clone()
    try:
        out = attempt(given, *options)
    except TypeError as error:
        if "required positional argument" not in str(error):
            raise
        raise Complaint(f"raised TypeError: {error}.", "default_missing") from error
    if not torch.equal(given, labels):
        raise Complaint("changes the labels that come in.", "labels_changed")
    if not hasattr(out, "shape"):
        raise Complaint(f"returns {kind_of(out)}, not a tensor.")
    out = torch.as_tensor(out)
    if out.shape != labels.shape:
        raise Complaint(f"returns shape {tuple(out.shape)}, not {tuple(labels.shape)}.")
    amount = options[0] if options else 0.1
    if not out.is_floating_point():
        whole = f"returns {str(out.dtype).removeprefix('torch.')}s."
        raise Complaint(whole, "" if out.dtype == torch.bool else "whole_numbers")
    out = out.detach().float()
    wanted = labels * (1 - amount)
    if torch.allclose(out, wanted, atol=1e-5):
        return
    real, fake = (sorted({round(float(x), 4) for x in out[labels == k]}) for k in (1, 0))
    told = " and ".join(
        f"{name} {_listed(values)}"
        for name, values in (("real images", real), ("fakes", fake))
        if values
    )
    wishes = [f"{1 - amount:g} for real images"] * bool(real) + ["0 for fakes"] * bool(fake)
    raise Complaint(
        f"gives {told}; asked for is {' and '.join(wishes)}.",
        _why_other_labels(out, labels, amount, real, fake),
    )


def _listed(values: list[float]) -> str:
    if len(values) > 2:
        return f"numbers from {values[0]:g} to {values[-1]:g}"
    return " or ".join(f"{value:g}" for value in values)


def _why_other_labels(
    out: torch.Tensor, labels: torch.Tensor, amount: float, real: list[float], fake: list[float]
) -> str:
    if max(len(real), len(fake)) > 1:
        return "random"
    a, y = amount, labels
    stories = {
        "not_smoothed": y,
        "both_sides": y * (1 - 2 * a) + a,
        "over_two_classes": y * (1 - a) + a / 2,
        "fakes_only": y + (1 - y) * a,
        "all_the_same": torch.full_like(y, 1 - a),
        "swapped": (1 - y) * (1 - a),
        "amount_is_the_target": y * a,
        "above_one": y * (1 + a),
        "subtracted_from_all": y - a,
        "amount_ignored": y * 0.9,
    }
    found = [slug for slug, story in stories.items() if torch.allclose(out, story, atol=1e-5)]
    return found[0] if found else ""


def _smoothing(formula: Callable) -> Callable:
    def smooth_labels(labels, amount=0.1):
        return formula(labels, amount)

    return smooth_labels


def _in_place(labels, amount=0.1):
    labels *= 1 - amount
    return labels


def _no_default(labels, amount):
    return labels * (1 - amount)


def _by_index(labels, amount=0.1):
    targets = labels.clone()
    targets[labels == 1] = 1 - amount
    return targets


smooth_labels: Exercise = lesson.exercise(
    reference_smooth_labels,
    probe=_smooth_probe,
    names_mistakes=True,
    mistakes={
        "not_smoothed": Mistake(
            "These are the labels as they came in. Those of real images become 1 - amount.",
            _smoothing(lambda y, a: y),
        ),
        "both_sides": Mistake(
            "Both sides are smoothed. With a target above 0 for fakes the discriminator is paid "
            "for calling fakes real where there are many of them: theirs stay 0.",
            _smoothing(lambda y, a: y * (1 - 2 * a) + a),
        ),
        "over_two_classes": Mistake(
            "That is how a classifier's labels are smoothed: a share is dealt out to all classes. "
            "Here it is one-sided: 1 - amount for real images, 0 for fakes.",
            _smoothing(lambda y, a: y * (1 - a) + a / 2),
        ),
        "fakes_only": Mistake(
            "It is the other side: real images get 1 - amount, fakes stay 0.",
            _smoothing(lambda y, a: y + (1 - y) * a),
        ),
        "all_the_same": Mistake(
            "All labels become 1 - amount, those of fakes too. Theirs stay 0: multiply.",
            _smoothing(lambda y, a: torch.full_like(y, 1 - a)),
        ),
        "swapped": Mistake(
            "The labels are swapped: 1 is real.", _smoothing(lambda y, a: (1 - y) * (1 - a))
        ),
        "amount_is_the_target": Mistake(
            "amount is how much is taken away, not what is left: 1 - amount.",
            _smoothing(lambda y, a: y * a),
        ),
        "above_one": Mistake(
            "A target above 1 is no probability. Smoothing makes it smaller: 1 - amount.",
            _smoothing(lambda y, a: y * (1 + a)),
        ),
        "subtracted_from_all": Mistake(
            "amount is subtracted from the fakes' labels too, which become negative: no "
            "probability. Multiply by 1 - amount, or change only where the label is 1.",
            _smoothing(lambda y, a: y - a),
        ),
        "amount_ignored": Mistake(
            "0.9 is written in. The target is 1 - amount.", _smoothing(lambda y, a: y * 0.9)
        ),
        "random": Mistake(
            "Labels that are drawn at random are another method (noisy labels). Here every real "
            "image has the same target, 1 - amount.",
            _smoothing(lambda y, a: y * (1 - a * torch.rand_like(y))),
        ),
        "whole_numbers": Mistake(
            "Whole numbers have no 0.9. Leave the labels floats.",
            _smoothing(lambda y, a: (y * (1 - a)).long()),
        ),
        "labels_changed": Mistake(
            "They belong to the caller, who smooths them again in the next step: 0.9, 0.81, "
            "0.73 ... Write `labels * ...` instead of `*=`, or work on `labels.clone()`.",
            _in_place,
        ),
        "default_missing": Mistake(
            "Keep the first line as it was: `def smooth_labels(labels, amount=0.1):`", _no_default
        ),
    },
    hints=[
        "What should become of a 1, and what of a 0? One multiplication does both.",
        "`labels * (1 - amount)`: 1 becomes 1 - amount, and 0 stays 0.",
    ],
    right=[
        _smoothing(lambda y, a: (1 - a) * y),
        _smoothing(lambda y, a: y - a * y),
        _smoothing(lambda y, a: y.clamp(max=1 - a)),
        _smoothing(lambda y, a: torch.where(y == 1, 1 - a, 0.0)),
        _smoothing(
            lambda y, a: torch.tensor([1 - a if each else 0.0 for each in y.ravel()]).view(y.shape)
        ),
        _by_index,
    ],
    returns="a tensor of targets",
    difficulty=1,
    minutes=3,
)
"""smooth_labels(labels, amount=0.1) -> targets of the same shape. (●○○, 3 min)

labels : a tensor of floats, 1 for real images and 0 for fakes, in any mixture. One-sided: 1 becomes
1 - amount, 0 stays 0. A new tensor; labels stay as they are."""

"""Checks of lesson 03, convolution shapes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from helpers import conv_shapes as reference
from helpers.checks.engine import Case, Exercise, Lesson, Mistake, case

lesson = Lesson("03", "Convolution shapes")
progress = lesson.progress


def _random_cases(settings: Callable[[random.Random], dict], accepts: Callable, number: int):
    """Seeded cases beside the chosen ones, so that no formula passes by luck."""

    def draw() -> Iterator[Case]:
        generator = random.Random(3)
        seen = set()
        while len(seen) < number:
            arguments = settings(generator)
            try:
                accepts(**arguments)
            except ValueError:
                continue
            if tuple(arguments.values()) not in seen:
                seen.add(tuple(arguments.values()))
                size, kernel_size = arguments.pop("size"), arguments.pop("kernel_size")
                yield case(size, kernel_size, **arguments)

    return list(draw())


def _conv_settings(generator: random.Random) -> dict:
    return {
        "size": generator.randint(5, 40),
        "kernel_size": generator.randint(1, 7),
        "stride": generator.randint(1, 4),
        "padding": generator.randint(0, 3),
        "dilation": generator.choice((1, 1, 2, 3)),
    }


def _ceil_divide(a: int, b: int) -> int:
    return -(-a // b)


def _raises_when_inexact(n, k, s=1, p=0, d=1):
    if (n + 2 * p - d * (k - 1) - 1) % s:
        raise ValueError("the kernel does not fit evenly")
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def _parameters(**names: str):
    """Let the terse wrong answers below be called by the exercise's argument names."""

    def decorate(function: Callable) -> Callable:
        def call(*args, **kwargs):
            return function(*args, **{names[name]: value for name, value in kwargs.items()})

        return call

    return decorate


_conv = _parameters(size="n", kernel_size="k", stride="s", padding="p", dilation="d")


conv_output_size: Exercise = lesson.exercise(
    reference.conv_output_size,
    cases=[
        case(5, 3),
        case(28, 5),
        case(3, 3),
        case(31, 5, 3, 0),
        case(28, 5, 2, 2),
        case(7, 3, 2, 1),
        case(13, 4, 3, 2),
        case(227, 11, 4),
        case(32, 4, stride=2, padding=1),
        case(12, 3, dilation=2),
        case(10, 2, stride=4),
        case(9, 2, stride=4),
        *_random_cases(_conv_settings, reference.conv_output_size, 40),
    ],
    mistakes={
        "float_division": Mistake(
            "The numbers may be right, but `/` makes a float such as 9.0 or 9.67, and no image "
            "has 9.67 pixels. Use the whole-number division `//`, which rounds down.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1) - 1) / s + 1),
        ),
        "no_plus_one": Mistake(
            "Your answers are 1 too small throughout: the division counts the steps of the "
            "window, and there is one position more than steps.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1) - 1) // s),
        ),
        "plus_one_before_dividing": Mistake(
            "You add the 1 before dividing. Only the steps are divided by the stride; the first "
            "position is added afterwards.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1)) // s),
        ),
        "padding_once": Mistake(
            "You add the padding once, but both sides of the image get it: 2·padding.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + p - d * (k - 1) - 1) // s + 1),
        ),
        "padding_ignored": Mistake(
            "Padding changes nothing in your answer. It adds pixels on both sides before the "
            "window starts to move.",
            _conv(lambda n, k, s=1, p=0, d=1: (n - d * (k - 1) - 1) // s + 1),
        ),
        "padding_subtracted": Mistake(
            "You subtract the padding. It makes the input larger: size + 2·padding.",
            _conv(lambda n, k, s=1, p=0, d=1: (n - 2 * p - d * (k - 1) - 1) // s + 1),
        ),
        "rounds_up": Mistake(
            "You round up where the division leaves a remainder. A window that does not fit "
            "completely is not placed, so the division rounds down.",
            _conv(lambda n, k, s=1, p=0, d=1: _ceil_divide(n + 2 * p - d * (k - 1) - 1, s) + 1),
        ),
        "rounds_to_nearest": Mistake(
            "You round to the nearest whole number. A window that does not fit completely is not "
            "placed, however little is missing: always round down, with `//`.",
            _conv(lambda n, k, s=1, p=0, d=1: round((n + 2 * p - d * (k - 1) - 1) / s) + 1),
        ),
        "refuses_remainders": Mistake(
            "You raise an error where the division leaves a remainder. PyTorch and Keras do not: "
            "they round down and never look at the last pixels.",
            _conv(_raises_when_inexact),
        ),
        "stride_ignored": Mistake(
            "The stride changes nothing in your answer. The window moves stride pixels at a "
            "time, so there are stride times fewer steps.",
            _conv(lambda n, k, s=1, p=0, d=1: n + 2 * p - d * (k - 1)),
        ),
        "only_kernel_divided": Mistake(
            "Only the kernel is divided by the stride: `//` binds tighter than `+` and `-`. Put "
            "the whole numerator in brackets.",
            _conv(lambda n, k, s=1, p=0, d=1: n + 2 * p - (d * (k - 1) + 1) // s + 1),
        ),
        "numerator_without_brackets": Mistake(
            "Only the last 1 of the numerator is divided: `//` binds tighter than `+` and `-`. Put "
            "the whole numerator in brackets.",
            _conv(lambda n, k, s=1, p=0, d=1: n + 2 * p - d * (k - 1) - 1 // s + 1),
        ),
        "one_added_to_the_stride": Mistake(
            "You add 1 to the stride. The + 1 belongs outside: (…) // stride + 1.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1) - 1) // (s + 1)),
        ),
        "exact_fit_left_out": Mistake(
            "The last window is missing where it fits exactly, ending on the last pixel. If you "
            "count in a loop, compare with <= instead of <.",
            _conv(lambda n, k, s=1, p=0, d=1: len(range(0, n + 2 * p - d * (k - 1) - 1, s))),
        ),
        "size_over_stride": Mistake(
            "size // stride is a rule of thumb that holds for DCGAN's kernel 4, stride 2, "
            "padding 1. Kernel and padding have to enter.",
            _conv(lambda n, k, s=1, p=0, d=1: n // s),
        ),
        "keras_same": Mistake(
            "⌈size / stride⌉ is what Keras gives for padding='same', where Keras chooses the "
            "padding. Here the padding is a number that the caller chooses.",
            _conv(lambda n, k, s=1, p=0, d=1: _ceil_divide(n, s)),
        ),
        "transposed_formula": Mistake(
            "This is the formula of the transposed convolution, which goes the other way and "
            "enlarges. A convolution with a stride shrinks: divide by it.",
            _conv(lambda n, k, s=1, p=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + 1),
        ),
        "dilation_ignored": Mistake(
            "Right as long as dilation is 1. Dilation spreads the kernel: from its first to its "
            "last pixel it spans dilation·(kernel_size − 1) + 1.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - k) // s + 1),
        ),
        "dilation_times_kernel": Mistake(
            "You let a dilated kernel span dilation·kernel_size pixels. Between kernel_size taps "
            "there are kernel_size − 1 gaps: it spans dilation·(kernel_size − 1) + 1.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * k) // s + 1),
        ),
        "span_one_short": Mistake(
            "Your kernel spans dilation·(kernel_size − 1) pixels, which is 1 too few: a kernel "
            "of 3 with dilation 1 spans 3 pixels, not 2.",
            _conv(lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1)) // s + 1),
        ),
    },
    hints=[
        "Lay the kernel on the first pixels of the padded image. How many pixels are left to its "
        "right? How often can it move by stride pixels before it would stick out?",
        "With numbers: kernel 5, stride 3, 31 pixels. The first window leaves 31 − 5 = 26 pixels, "
        "26 // 3 = 8 steps, 8 + 1 = 9 windows. Padding adds 2·padding to the 31; with dilation the "
        "kernel spans dilation·(kernel_size − 1) + 1 pixels instead of 5.",
    ],
    features={
        "the division leaves a remainder": lambda size, kernel_size, stride, padding, dilation: (
            (size + 2 * padding - dilation * (kernel_size - 1) - 1) % stride != 0
        ),
    },
    right=[
        lambda size, kernel_size, stride=1, padding=0, dilation=1: (
            (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1
        ),
        lambda size, kernel_size, stride=1, padding=0, dilation=1: len(
            range(0, size + 2 * padding - dilation * (kernel_size - 1), stride)
        ),
        lambda size, kernel_size, stride=1, padding=0, dilation=1: int(
            (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1
        ),
    ],
    add_ons=["dilation"],
    returns="an int",
    difficulty=1,
    minutes=3,
)


_count = _parameters(in_channels="i", out_channels="o", kernel_size="k", bias="b")

conv_parameter_count: Exercise = lesson.exercise(
    reference.conv_parameter_count,
    cases=[
        case(1, 1, 3),
        case(3, 32, 4),
        case(3, 5, 2, bias=False),
        case(32, 64, 4, bias=False),
        case(3, 96, 11),
        case(7, 2, 5),
        case(2, 7, 5, bias=True),
        case(6, 10, 1),
        case(5, 4, 3, False),
    ],
    mistakes={
        "no_biases": Mistake(
            "You count the weights only. Unless bias=False, every filter has one bias as well.",
            _count(lambda i, o, k, b=True: k * k * i * o),
        ),
        "bias_argument_ignored": Mistake(
            "You count biases even when bias=False.",
            _count(lambda i, o, k, b=True: k * k * i * o + o),
        ),
        "bias_argument_reversed": Mistake(
            "You count biases when bias=False and leave them out when bias=True.",
            _count(lambda i, o, k, b=True: k * k * i * o + (0 if b else o)),
        ),
        "one_bias_for_all": Mistake(
            "You count one bias for the whole layer. Every filter has its own: out_channels.",
            _count(lambda i, o, k, b=True: k * k * i * o + (1 if b else 0)),
        ),
        "bias_per_input": Mistake(
            "You count one bias per input channel. A bias is added to a filter's sum, so there "
            "is one per filter: out_channels.",
            _count(lambda i, o, k, b=True: k * k * i * o + (i if b else 0)),
        ),
        "bias_per_pair": Mistake(
            "You count a bias for each pair of input channel and filter. The filter's products "
            "from all input channels go into one sum, and that gets one bias.",
            _count(lambda i, o, k, b=True: k * k * i * o + (i * o if b else 0)),
        ),
        "kernel_not_squared": Mistake(
            "You multiply by kernel_size once. The window has height and width: kernel_size².",
            _count(lambda i, o, k, b=True: k * i * o + (o if b else 0)),
        ),
        "caret_is_no_power": Mistake(
            "`^` is not a power in Python, it combines bits: 3 ^ 2 is 1. Write kernel_size ** 2.",
            _count(lambda i, o, k, b=True: (k ^ 2) * i * o + (o if b else 0)),
        ),
        "kernel_doubled": Mistake(
            "You use 2·kernel_size where the window has kernel_size·kernel_size pixels.",
            _count(lambda i, o, k, b=True: 2 * k * i * o + (o if b else 0)),
        ),
        "input_channels_missing": Mistake(
            "The input channels do not enter. A filter is as deep as its input: it has weights "
            "for every input channel.",
            _count(lambda i, o, k, b=True: k * k * o + (o if b else 0)),
        ),
        "one_filter_only": Mistake(
            "You count the parameters of a single filter. The layer has out_channels of them.",
            _count(lambda i, o, k, b=True: k * k * i + (1 if b else 0)),
        ),
        "one_filter_all_biases": Mistake(
            "The biases are right, but you count the weights of one filter only: there are "
            "out_channels filters.",
            _count(lambda i, o, k, b=True: k * k * i + (o if b else 0)),
        ),
        "channels_added": Mistake(
            "You add the input channels to the window. Each of its pixels is read in each "
            "channel: multiply.",
            _count(lambda i, o, k, b=True: (k * k + i) * o + (o if b else 0)),
        ),
        "not_added_up": Mistake(
            "You return weights and biases apart. The lesson needs their sum, one number.",
            _count(lambda i, o, k, b=True: (k * k * i * o, o if b else 0)),
        ),
        "float": Mistake(
            "The numbers are right but floats. `/`, `math.pow` and `2.0` make floats; with "
            "`*`, `**` and `//` on ints a count stays an int.",
            _count(lambda i, o, k, b=True: float(k * k * i * o + (o if b else 0))),
        ),
    },
    hints=[
        "Count one filter first: a window of kernel_size × kernel_size pixels, in how many "
        "channels?",
        "With numbers: 3 channels in, 32 out, kernel 4. One filter has 4·4·3 = 48 weights and 1 "
        "bias; 32 of them have 32·48 weights and 32 biases.",
    ],
    right=[
        lambda in_channels, out_channels, kernel_size, bias=True: (
            (kernel_size**2 * in_channels + bool(bias)) * out_channels
        ),
        lambda in_channels, out_channels, kernel_size, bias=True: sum(
            kernel_size * kernel_size * in_channels + int(bias) for _ in range(out_channels)
        ),
    ],
    add_ons=["bias"],
    returns="an int",
    difficulty=1,
    minutes=3,
)


def _same_settings(generator: random.Random) -> dict:
    return {
        "size": generator.randint(3, 40),
        "kernel_size": generator.randint(1, 9),
        "stride": generator.randint(1, 4),
    }


def _same_total(n: int, k: int, s: int) -> int:
    return max((_ceil_divide(n, s) - 1) * s + k - n, 0)


def _halves(total: int) -> tuple[int, int]:
    return total // 2, total - total // 2


_same = _parameters(size="n", kernel_size="k", stride="s")

same_padding: Exercise = lesson.exercise(
    reference.same_padding,
    cases=[
        case(32, 3, 1),
        case(32, 4, 2),
        case(32, 3, 2),
        case(32, 5, 2),
        case(7, 3, 2),
        case(31, 4, 3),
        case(10, 1, 3),
        case(28, 4),
        *_random_cases(_same_settings, reference.same_padding, 40),
    ],
    mistakes={
        "extra_before": Mistake(
            "Where the total is odd you put the extra zero before the image. Keras puts it "
            "after: (low, high) with high ≥ low.",
            _same(lambda n, k, s=1: _halves(_same_total(n, k, s))[::-1]),
        ),
        "odd_zero_lost": Mistake(
            "Where the total is odd you lose one zero: total // 2 on both sides makes total − 1. "
            "Give the rest, total − total // 2, to the end.",
            _same(lambda n, k, s=1: (_same_total(n, k, s) // 2,) * 2),
        ),
        "rounded_up_twice": Mistake(
            "Where the total is odd you add one zero too many: both sides are rounded up.",
            _same(lambda n, k, s=1: (_ceil_divide(_same_total(n, k, s), 2),) * 2),
        ),
        "half_pixels": Mistake(
            "You split the total with `/`, which makes half pixels. Use `//` for one side and "
            "give the rest to the other.",
            _same(lambda n, k, s=1: (_same_total(n, k, s) / 2,) * 2),
        ),
        "stride_ignored": Mistake(
            "You always add kernel_size − 1 zeros. That is right for stride 1; with a larger "
            "stride the last window starts earlier or later, and the total changes.",
            _same(lambda n, k, s=1: _halves(k - 1)),
        ),
        "pytorch_habit": Mistake(
            "kernel_size // 2 on both sides is the PyTorch habit for odd kernels and stride 1. "
            "Keras' total depends on size and stride, and the sides may differ.",
            _same(lambda n, k, s=1: (k // 2, k // 2)),
        ),
        "negative": Mistake(
            "Some of your paddings are negative: where the stride is larger than the kernel, "
            "the windows need less than there is. Nothing is cut off then: at least 0.",
            _same(lambda n, k, s=1: _halves((_ceil_divide(n, s) - 1) * s + k - n)),
        ),
        "output_rounded_down": Mistake(
            "You compute with ⌊size / stride⌋ output pixels. 'same' rounds up: ⌈size / stride⌉.",
            _same(lambda n, k, s=1: _halves(max((n // s - 1) * s + k - n, 0))),
        ),
        "ceiling_by_adding_one": Mistake(
            "You compute ⌈size / stride⌉ as size // stride + 1, which is one too many where the "
            "stride divides the size. Use -(-size // stride) or math.ceil(size / stride).",
            _same(lambda n, k, s=1: _halves(max((n // s + 1 - 1) * s + k - n, 0))),
        ),
        "distance": Mistake(
            "Where nothing sticks out the total is 0, not the distance to the edge: max(…, 0) "
            "instead of abs(…).",
            _same(lambda n, k, s=1: _halves(abs((_ceil_divide(n, s) - 1) * s + k - n))),
        ),
        "rounded_half": Mistake(
            "`round` goes to the nearest even number: round(1.5) is 2, round(0.5) is 0. Use "
            "total // 2 for the zeros before.",
            _same(
                lambda n, k, s=1: (
                    round(_same_total(n, k, s) / 2),
                    _same_total(n, k, s) - round(_same_total(n, k, s) / 2),
                )
            ),
        ),
        "one_step_too_many": Mistake(
            "The last of m windows starts at (m − 1)·stride, not at m·stride: you need fewer "
            "zeros.",
            _same(lambda n, k, s=1: _halves(max(_ceil_divide(n, s) * s + k - n, 0))),
        ),
        "assumes_divisible": Mistake(
            "kernel_size − stride is the total only where the stride divides the size. In "
            "general the last window ends at (⌈size/stride⌉ − 1)·stride + kernel_size.",
            _same(lambda n, k, s=1: _halves(max(k - s, 0))),
        ),
        "all_after": Mistake(
            "You put all zeros at the end. They are split: total // 2 before, the rest after.",
            _same(lambda n, k, s=1: (0, _same_total(n, k, s))),
        ),
        "all_before": Mistake(
            "You put all zeros before the image. They are split: total // 2 before, the rest "
            "after.",
            _same(lambda n, k, s=1: (_same_total(n, k, s), 0)),
        ),
        "total_on_each_side": Mistake(
            "You add the total on each side. It is the sum of both sides: split it.",
            _same(lambda n, k, s=1: (_same_total(n, k, s),) * 2),
        ),
        "total_only": Mistake(
            "You return the total. The lesson needs both sides, as (low, high).",
            _same(lambda n, k, s=1: _same_total(n, k, s)),
        ),
    },
    hints=[
        "How many output pixels are there? Where does the last window start, where does it end, "
        "and how far is that beyond the image?",
        "total = (⌈size/stride⌉ − 1)·stride + kernel_size − size, but never below 0. Half of it, "
        "rounded down, goes before, the rest after.",
    ],
    features={
        "the total is odd": lambda size, kernel_size, stride: (
            _same_total(size, kernel_size, stride) % 2 == 1
        ),
        "the stride does not divide the size": lambda size, kernel_size, stride: size % stride != 0,
        "the kernel is smaller than the stride": lambda size, kernel_size, stride: (
            kernel_size < stride
        ),
    },
    right=[
        lambda size, kernel_size, stride=1: (
            list(divmod(max(kernel_size - ((size - 1) % stride + 1), 0), 2))[:1]
            + [(max(kernel_size - ((size - 1) % stride + 1), 0) + 1) // 2]
        ),
        lambda size, kernel_size, stride=1: _halves(
            max(kernel_size - stride, 0)
            if size % stride == 0
            else max(kernel_size - size % stride, 0)
        ),
    ],
    add_ons=["stride"],
    returns="(low, high), two ints",
    difficulty=2,
    minutes=8,
)


def _transpose_settings(generator: random.Random) -> dict:
    return {
        "size": generator.randint(1, 20),
        "kernel_size": generator.randint(1, 6),
        "stride": generator.randint(1, 4),
        "padding": generator.randint(0, 2),
        "output_padding": generator.choice((0, 0, 1, 2)),
        "dilation": generator.choice((1, 1, 2, 3)),
    }


_transpose = _parameters(
    size="n", kernel_size="k", stride="s", padding="p", output_padding="op", dilation="d"
)

conv_transpose_output_size: Exercise = lesson.exercise(
    reference.conv_transpose_output_size,
    cases=[
        case(1, 4, 1, 0, 0),
        case(1, 1),
        case(4, 4, 2, 1),
        case(7, 5, 2, 2, 1),
        case(7, 5, 2, 2, 0),
        case(5, 3, 3, 1, 2),
        case(6, 2, stride=3),
        case(5, 3, dilation=2),
        *_random_cases(_transpose_settings, reference.conv_transpose_output_size, 40),
    ],
    mistakes={
        "size_times_stride": Mistake(
            "size·stride is a rule of thumb that holds for DCGAN's kernel 4, stride 2, padding "
            "1. Kernel, padding and output_padding have to enter.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: n * s),
        ),
        "padding_missing": Mistake(
            "Padding changes nothing in your answer. In a transposed convolution it cuts "
            "padding pixels off each side of the result.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s + d * (k - 1) + 1 + op),
        ),
        "padding_once": Mistake(
            "You cut the padding off one side only: it is 2·padding.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - p + d * (k - 1) + 1 + op),
        ),
        "padding_added": Mistake(
            "You add the padding. In a transposed convolution it makes the result smaller: it is "
            "cut off both sides.",
            _transpose(
                lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s + 2 * p + d * (k - 1) + 1 + op
            ),
        ),
        "output_padding_ignored": Mistake(
            "output_padding changes nothing in your answer. It adds that many pixels at the end.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + 1),
        ),
        "output_padding_twice": Mistake(
            "You add output_padding on both sides. It is added once, at the end.",
            _transpose(
                lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + 1 + 2 * op
            ),
        ),
        "output_padding_subtracted": Mistake(
            "You subtract output_padding. It enlarges the result.",
            _transpose(
                lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + 1 - op
            ),
        ),
        "one_step_too_many": Mistake(
            "You use size·stride. Between size pixels there are size − 1 steps: (size − 1)·stride.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: n * s - 2 * p + d * (k - 1) + 1 + op),
        ),
        "stride_ignored": Mistake(
            "The stride changes nothing in your answer. Neighbouring input pixels lay their "
            "kernels stride pixels apart.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) - 2 * p + d * (k - 1) + 1 + op),
        ),
        "brackets_missing": Mistake(
            "size - 1 * stride is size − stride: `*` binds tighter than `-`. Write "
            "(size - 1) * stride.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: n - 1 * s - 2 * p + d * (k - 1) + 1 + op),
        ),
        "kernel_missing": Mistake(
            "The kernel does not enter. The last input pixel lays down a whole kernel, which "
            "spans dilation·(kernel_size − 1) + 1 pixels.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + 1 + op),
        ),
        "one_too_small": Mistake(
            "Your answers are 1 too small throughout: a kernel of 3 spans 3 pixels, "
            "dilation·(kernel_size − 1) + 1.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + op),
        ),
        "one_too_large": Mistake(
            "Your answers are 1 too large throughout: kernel_size already contains the + 1 of "
            "dilation·(kernel_size − 1) + 1.",
            _transpose(
                lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * (k - 1) + 2 + op
            ),
        ),
        "dilation_ignored": Mistake(
            "Right as long as dilation is 1. A dilated kernel spans "
            "dilation·(kernel_size − 1) + 1 pixels.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + k + op),
        ),
        "dilation_times_kernel": Mistake(
            "You let a dilated kernel span dilation·kernel_size pixels. Between kernel_size taps "
            "there are kernel_size − 1 gaps: it spans dilation·(kernel_size − 1) + 1.",
            _transpose(lambda n, k, s=1, p=0, op=0, d=1: (n - 1) * s - 2 * p + d * k + op),
        ),
        "conv_formula": Mistake(
            "This is the formula of the convolution, which divides by the stride. A transposed "
            "convolution goes the other way: solve it for the input size.",
            _transpose(
                lambda n, k, s=1, p=0, op=0, d=1: (n + 2 * p - d * (k - 1) - 1) // s + 1 + op
            ),
        ),
    },
    hints=[
        "Every input pixel lays a kernel on the output, stride pixels after its neighbour's. "
        "Where does the first kernel start and the last one end? Then cut the padding off.",
        "With numbers: kernel 5, stride 2, padding 2 on 7 pixels. The last kernel starts at "
        "(7 − 1)·2 = 12 and spans 5, which makes 17 pixels; cut off 2·2, 13 are left; add "
        "output_padding.",
    ],
    right=[
        lambda size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1: (
            (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1
        ),
        lambda size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1: (
            max(i * stride + t * dilation for i in range(size) for t in range(kernel_size))
            + 1
            + output_padding
            - padding
            - padding
        ),
    ],
    add_ons=["dilation", "output_padding"],
    returns="an int",
    difficulty=1,
    minutes=4,
)


def _layer(kind: str, out_channels: int, kernel_size: int, **options: int) -> dict:
    return {"kind": kind, "out_channels": out_channels, "kernel_size": kernel_size, **options}


_DOWN = [_layer("conv", channels, 4, stride=2, padding=1) for channels in (32, 64, 128)]
_UP = [_layer("conv_transpose", channels, 4, stride=2, padding=1) for channels in (64, 32, 3)]


def _size_after(size: int, layer: dict, with_output_padding: bool = True) -> int:
    k, s, p = layer["kernel_size"], layer.get("stride", 1), layer.get("padding", 0)
    if layer["kind"] == "conv_transpose":
        extra = layer.get("output_padding", 0) if with_output_padding else 0
        return (size - 1) * s - 2 * p + k + extra
    return (size + 2 * p - k) // s + 1


def _trace(step: Callable[[tuple, dict], tuple]) -> Callable:
    def trace_shapes(shape, layers):
        shapes = [tuple(shape)]
        for layer in layers:
            shapes.append(step(shapes[-1], layer))
        return shapes

    return trace_shapes


def _right_step(shape: tuple, layer: dict) -> tuple:
    return layer["out_channels"], _size_after(shape[1], layer), _size_after(shape[2], layer)


_right_trace = _trace(_right_step)


def _trace_from_the_input_each_time(shape, layers):
    return [tuple(shape)] + [_right_step(shape, layer) for layer in layers]


def _trace_popping(shape, layers):
    shapes = [tuple(shape)]
    while layers:
        shapes.append(_right_step(shapes[-1], layers.pop(0)))
    return shapes


def _trace_without_defaults(shape, layers):
    for layer in layers:
        layer["stride"], layer["padding"]
    return _right_trace(shape, layers)


def _needing(option: str, shape: tuple, layer: dict) -> tuple:
    layer[option]
    return _right_step(shape, layer)


def _float_step(shape: tuple, layer: dict) -> tuple:
    if layer["kind"] == "conv_transpose":
        return _right_step(shape, layer)
    k, s, p = layer["kernel_size"], layer.get("stride", 1), layer.get("padding", 0)
    return layer["out_channels"], *((size + 2 * p - k) / s + 1 for size in shape[1:])


def _with_stride(shape: tuple, layer: dict, stride: int) -> tuple:
    return _right_step(shape, {"stride": stride, **layer})


trace_shapes: Exercise = lesson.exercise(
    reference.trace_shapes,
    cases=[
        case((3, 32, 32), _DOWN[:1]),
        case((3, 32, 32), _DOWN),
        case((128, 4, 4), _UP),
        case((3, 24, 40), _DOWN),
        case((64, 3, 5), _UP),
        case((3, 28, 28), [_layer("conv", 6, 5, padding=0)]),
        case((3, 28, 28), [_layer("conv", 6, 5, stride=1)]),
        case((3, 20, 20), [_layer("conv", 4, 3, stride=2, padding=0)]),
        case((3, 10, 10), [_layer("conv_transpose", 4, 3, stride=1, padding=0)]),
        case((3, 28, 20), [_layer("conv", 6, 5), _layer("conv", 16, 3, stride=2)]),
        case((1, 9, 13), []),
        case(
            (8, 5, 7),
            [
                _layer("conv_transpose", 4, 5, stride=2, padding=2, output_padding=1),
                _layer("conv", 2, 3, padding=1, stride=3),
                _layer("conv_transpose", 5, 3),
            ],
        ),
        case((3, 227, 227), [_layer("conv", 96, 11, stride=4)]),
        case((16, 6, 3), [_layer("conv_transpose", 2, 3, stride=3, padding=1, output_padding=2)]),
    ],
    mistakes={
        "input_left_out": Mistake(
            "The input's own shape is missing at the start of the list: n layers give n + 1 "
            "shapes.",
            lambda shape, layers: _right_trace(shape, layers)[1:],
        ),
        "last_only": Mistake(
            "You return the last shape only. The lesson needs all of them, the input's first.",
            lambda shape, layers: _right_trace(shape, layers)[-1],
        ),
        "last_left_out": Mistake(
            "The last shape is missing: append the shape after a layer, too, not only the one "
            "before it.",
            lambda shape, layers: _right_trace(shape, layers)[:-1] if layers else [tuple(shape)],
        ),
        "always_the_input": Mistake(
            "Every layer gets the shape of the first input. A layer's input is the output of the "
            "layer before: update the shape inside the loop.",
            _trace_from_the_input_each_time,
        ),
        "height_for_both": Mistake(
            "You use the height for the width too. Images need not be square: compute both.",
            _trace(
                lambda shape, layer: _right_step(shape, layer)[:2] + _right_step(shape, layer)[1:2]
            ),
        ),
        "height_and_width_swapped": Mistake(
            "Height and width have changed places: a shape is (channels, height, width).",
            _trace(
                lambda shape, layer: (
                    layer["out_channels"],
                    _size_after(shape[2], layer),
                    _size_after(shape[1], layer),
                )
            ),
        ),
        "channels_kept": Mistake(
            "The channels stay as they were. A layer puts out as many channels as it has "
            "filters: layer['out_channels'].",
            _trace(lambda shape, layer: (shape[0], *_right_step(shape, layer)[1:])),
        ),
        "channels_last": Mistake(
            "You put the channels last, as Keras does. This lesson writes shapes as PyTorch "
            "does: (channels, height, width).",
            lambda shape, layers: [(h, w, c) for c, h, w in _right_trace(shape, layers)],
        ),
        "channels_last_after_the_input": Mistake(
            "From the first layer on you put the channels last. This lesson writes every shape as "
            "(channels, height, width).",
            lambda shape, layers: [
                tuple(shape),
                *((h, w, c) for c, h, w in _right_trace(shape, layers)[1:]),
            ],
        ),
        "floats": Mistake(
            "Sizes such as 16.0 and 11.5 come from `/`. Use `//`, or your conv_output_size.",
            _trace(_float_step),
        ),
        "returns_in_the_loop": Mistake(
            "You stop after the first layer: `return` is indented into the loop. Move it to the "
            "left, under the `for`.",
            lambda shape, layers: _right_trace(shape, layers)[:2] if layers else None,
        ),
        "numbers_one_by_one": Mistake(
            "`+=` and `extend` add the three numbers of a shape one by one. Append the shape as "
            "one thing: shapes.append((c, h, w)).",
            lambda shape, layers: [
                tuple(shape),
                *(number for after in _right_trace(shape, layers)[1:] for number in after),
            ],
        ),
        "channels_last_input": Mistake(
            "You read the shapes as (height, width, channels), as Keras has them. Here the "
            "channels come first: height is shape[1], width is shape[2].",
            _trace(
                lambda shape, layer: (
                    _size_after(shape[0], layer),
                    _size_after(shape[1], layer),
                    layer["out_channels"],
                )
            ),
        ),
        "one_list_changed": Mistake(
            "All entries of your list are the last shape: you change one and the same list and "
            "append it every time. Append a new one: shapes.append((c, h, w)).",
            lambda shape, layers: [_right_trace(shape, layers)[-1]] * (len(layers) + 1),
        ),
        "sizes_only": Mistake(
            "You return (height, width) without the channels: the lesson needs "
            "(channels, height, width).",
            lambda shape, layers: [(h, w) for _, h, w in _right_trace(shape, layers)],
        ),
        "transposed_as_conv": Mistake(
            "You treat every layer as a convolution. Look at layer['kind']: 'conv_transpose' "
            "has the other formula.",
            _trace(lambda shape, layer: _right_step(shape, {**layer, "kind": "conv"})),
        ),
        "output_padding_ignored": Mistake(
            "The output_padding of transposed layers does not enter.",
            _trace(
                lambda shape, layer: (
                    layer["out_channels"],
                    _size_after(shape[1], layer, False),
                    _size_after(shape[2], layer, False),
                )
            ),
        ),
        "padding_ignored": Mistake(
            "The layers' padding does not enter.",
            _trace(lambda shape, layer: _right_step(shape, {**layer, "padding": 0})),
        ),
        "no_defaults": Mistake(
            "Your function needs every layer to say its stride and padding, and raises a "
            "KeyError where one does not. What is not said is stride 1 and padding 0: "
            "layer.get('stride', 1).",
            _trace_without_defaults,
        ),
        "no_default_stride": Mistake(
            "Your function raises a KeyError where a layer does not say its stride. What is not "
            "said is stride 1: layer.get('stride', 1).",
            _trace(lambda shape, layer: _needing("stride", shape, layer)),
        ),
        "no_default_padding": Mistake(
            "Your function raises a KeyError where a layer does not say its padding. What is not "
            "said is padding 0: layer.get('padding', 0).",
            _trace(lambda shape, layer: _needing("padding", shape, layer)),
        ),
        "no_default_output_padding": Mistake(
            "Your function raises a KeyError where a transposed layer does not say its "
            "output_padding. What is not said is 0: layer.get('output_padding', 0).",
            _trace(
                lambda shape, layer: (
                    _needing("output_padding", shape, layer)
                    if layer["kind"] == "conv_transpose"
                    else _right_step(shape, layer)
                )
            ),
        ),
        "stride_two_by_default": Mistake(
            "A layer that does not say its stride has stride 1, yours gets 2.",
            _trace(lambda shape, layer: _with_stride(shape, layer, 2)),
        ),
        "stride_is_kernel_by_default": Mistake(
            "A layer that does not say its stride has stride 1; only pooling layers default to "
            "the kernel size.",
            _trace(lambda shape, layer: _with_stride(shape, layer, layer["kernel_size"])),
        ),
        "layers_used_up": Mistake(
            "You take the layers out of the caller's list with pop, so that the list is empty "
            "afterwards. Go through it with a `for` loop instead.",
            _trace_popping,
        ),
    },
    hints=[
        "Start a list with the input's shape. For each layer compute the new shape from the last "
        "one in the list, and append it.",
        "conv_output_size and conv_transpose_output_size do the sizes, once for the height and "
        "once for the width; layer.get('stride', 1) reads a value that may be missing.",
    ],
    features={
        "height and width differ": lambda shape, layers: shape[1] != shape[2],
        "a layer is transposed": lambda shape, layers: any(
            layer["kind"] == "conv_transpose" for layer in layers
        ),
        "a layer does not say its stride or padding": lambda shape, layers: any(
            not {"stride", "padding"} <= layer.keys() for layer in layers
        ),
        "a layer has output_padding": lambda shape, layers: any(
            "output_padding" in layer for layer in layers
        ),
        "there is no layer at all": lambda shape, layers: not layers,
    },
    right=[
        _right_trace,
        lambda shape, layers: [list(shape) for shape in _right_trace(shape, layers)],
        lambda shape, layers: tuple(_right_trace(list(shape), layers)),
    ],
    returns="a list of (channels, height, width)",
    difficulty=2,
    minutes=8,
)


def _solutions(n: int, m: int, kernels: range, strides=None, paddings=None, fits=None) -> list:
    strides = strides or (lambda k: range(1, n + 1))
    paddings = paddings or range
    fits = fits or (lambda k, s, p: k <= n + 2 * p and (n + 2 * p - k) // s + 1 == m)
    return [(k, s, p) for k in kernels for s in strides(k) for p in paddings(k) if fits(k, s, p)]


def _up_to(largest: int) -> range:
    return range(1, largest + 1)


def _as_set(value):
    """The order of the answers does not matter, nor does naming one twice."""
    if isinstance(value, tuple) and all(
        isinstance(item, tuple) and all(isinstance(number, int) for number in item)
        for item in value
    ):
        return tuple(sorted(set(value)))
    return value


solve_conv: Exercise = lesson.exercise(
    reference.solve_conv,
    cases=[
        case(32, 16),
        case(28, 7),
        case(16, 16),
        case(20, 1),
        case(12, 5),
        case(9, 3, 5),
        case(5, 5, max_kernel_size=3),
        case(32, 2, 4),
        case(3, 6, 9),
        case(6, 11, 4),
        case(4, 1, 6),
    ],
    mistakes={
        "stride_two_only": Mistake(
            "You try stride 2 only. That is enough for 32 → 16, but not for other sizes: try "
            "every stride from 1 to size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), lambda k: [2]
            ),
        ),
        "stride_up_to_kernel": Mistake(
            "Your strides stop at the kernel size. Larger ones skip pixels, but they are "
            "possible: kernel 1 with stride 2 takes 32 to 16 as well.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), _up_to
            ),
        ),
        "largest_stride_left_out": Mistake(
            "The largest stride, size itself, is missing: range(1, size) stops before it.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), lambda k: range(1, size)
            ),
        ),
        "always_up_to_seven": Mistake(
            "You always try kernels up to 7. The largest one is the argument max_kernel_size.",
            lambda size, target, max_kernel_size=7: _solutions(size, target, _up_to(7)),
        ),
        "no_plus_one": Mistake(
            "The + 1 for the first position is missing. Ask conv_output_size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: k <= size + 2 * p and (size + 2 * p - k) // s == target,
            ),
        ),
        "padding_once": Mistake(
            "You add the padding once, but both sides of the image get it: 2·padding.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: k <= size + p and (size + p - k) // s + 1 == target,
            ),
        ),
        "unchecked_fit": Mistake(
            "You list kernels that do not fit into the padded image: int(…) rounds a negative "
            "fraction up to 0. Keep a setting only if kernel_size <= size + 2 * padding.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: int((size + 2 * p - k) / s) + 1 == target,
            ),
        ),
        "stride_up_to_max_kernel": Mistake(
            "Your strides stop at max_kernel_size. They have nothing to do with it: try every "
            "stride from 1 to size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), lambda k: _up_to(max_kernel_size)
            ),
        ),
        "exact_only": Mistake(
            "You keep only settings whose division leaves no remainder. PyTorch rounds down, so "
            "kernel 3, stride 2, padding 1 takes 32 to 16 too.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: size + 2 * p - k == (target - 1) * s,
            ),
        ),
        "rounds_up": Mistake(
            "You round the division up; a window that does not fit completely is not placed.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: (
                    k <= size + 2 * p and _ceil_divide(size + 2 * p - k, s) + 1 == target
                ),
            ),
        ),
        "largest_kernel_left_out": Mistake(
            "The largest kernel is missing: range(1, max_kernel_size) stops before it.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, range(1, max_kernel_size)
            ),
        ),
        "no_kernel_of_one": Mistake(
            "Kernel 1 is missing. It is a kernel like any other: start at 1.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, range(2, max_kernel_size + 1)
            ),
        ),
        "odd_kernels_only": Mistake(
            "You try odd kernels only. Even ones are allowed, and DCGAN's 4 is one of them.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, range(1, max_kernel_size + 1, 2)
            ),
        ),
        "no_padding": Mistake(
            "You try padding 0 only. Try every padding below the kernel size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: [0]
            ),
        ),
        "no_zero_padding": Mistake(
            "Padding 0 is missing: start the paddings at 0.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: range(1, k)
            ),
        ),
        "half_kernel_padding": Mistake(
            "You try only padding kernel_size // 2. Try every padding below the kernel size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: [k // 2]
            ),
        ),
        "padding_up_to_half": Mistake(
            "Your paddings stop at kernel_size // 2, the limit for pooling. A convolution "
            "accepts more; here every padding below the kernel size counts.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: range(k // 2 + 1)
            ),
        ),
        "padding_up_to_kernel": Mistake(
            "You allow padding equal to the kernel size. Then the first window sees nothing but "
            "zeros: the padding has to be smaller than the kernel.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: range(k + 1)
            ),
        ),
        "rule_of_thumb": Mistake(
            "You decide by size // stride, whatever kernel and padding are. Ask conv_output_size.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), fits=lambda k, s, p: size // s == target
            ),
        ),
        "largest_padding_left_out": Mistake(
            "The largest padding, kernel_size - 1, is missing: range(kernel_size - 1) stops before "
            "it.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size), paddings=lambda k: range(max(k - 1, 1))
            ),
        ),
        "exact_fit_left_out": Mistake(
            "A kernel exactly as large as the padded image is missing: it fits once. Compare "
            "with <= instead of <.",
            lambda size, target, max_kernel_size=7: _solutions(
                size,
                target,
                _up_to(max_kernel_size),
                fits=lambda k, s, p: k < size + 2 * p and (size + 2 * p - k) // s + 1 == target,
            ),
        ),
        "first_only_bare": Mistake(
            "You return the first solution instead of a list of all: `return` inside the loop ends "
            "the search. Collect them in a list and return that at the end.",
            lambda size, target, max_kernel_size=7: next(
                iter(_solutions(size, target, _up_to(max_kernel_size))), None
            ),
        ),
        "other_order": Mistake(
            "The numbers are right, but their order is not: (kernel_size, stride, padding).",
            lambda size, target, max_kernel_size=7: [
                (k, p, s) for k, s, p in _solutions(size, target, _up_to(max_kernel_size))
            ],
        ),
        "numbers_one_by_one": Mistake(
            "`+=` and `extend` add the three numbers one by one. Append them as one thing: "
            "solutions.append((kernel_size, stride, padding)).",
            lambda size, target, max_kernel_size=7: [
                number
                for solution in _solutions(size, target, _up_to(max_kernel_size))
                for number in solution
            ],
        ),
        "first_only": Mistake(
            "You stop at the first solution: `return` inside the loop ends the search. Collect "
            "them in a list and return that at the end.",
            lambda size, target, max_kernel_size=7: _solutions(
                size, target, _up_to(max_kernel_size)
            )[:1],
        ),
    },
    hints=[
        "Three loops, one inside the other: kernel sizes, strides, paddings. Ask "
        "conv_output_size for each and keep what gives the target.",
        "kernel_size in range(1, max_kernel_size + 1), stride in range(1, size + 1), padding in "
        "range(kernel_size), and only where kernel_size <= size + 2 * padding.",
    ],
    normalise=_as_set,
    right=[
        lambda size, target, max_kernel_size=7: set(
            _solutions(size, target, _up_to(max_kernel_size))
        ),
        lambda size, target, max_kernel_size=7: [
            [k, s, p] for k, s, p in _solutions(size, target, _up_to(max_kernel_size))[::-1]
        ],
    ],
    returns="a list of (kernel_size, stride, padding)",
    difficulty=3,
    minutes=10,
)

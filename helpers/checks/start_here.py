"""Checks of lesson 00, start here."""

from __future__ import annotations

from helpers import start_here as reference
from helpers.checks.engine import Exercise, Lesson, Mistake, case

lesson = Lesson("00", "Start here")
progress = lesson.progress


pixel_count: Exercise = lesson.exercise(
    reference.pixel_count,
    cases=[case(1, 1), case(32, 32), case(2, 5), case(2, 7), case(7, 3, 1), case(4, 6, channels=2)],
    mistakes={
        "channels_forgotten": Mistake(
            "You count the pixels, but each pixel of a colour image is 3 numbers, one per "
            "channel: multiply by channels.",
            lambda height, width, channels=3: height * width,
        ),
        "always_three": Mistake(
            "You multiply by 3 whatever channels says. A grey image has 1 channel: use the "
            "argument.",
            lambda height, width, channels=3: height * width * 3,
        ),
        "added": Mistake(
            "You add. An image has height rows of width pixels each: multiply.",
            lambda height, width, channels=3: height + width + channels,
        ),
        "channels_added": Mistake(
            "You add the channels. Every single pixel has that many numbers: multiply.",
            lambda height, width, channels=3: height * width + channels,
        ),
        "square": Mistake(
            "You use the height for both sides. Images need not be square.",
            lambda height, width, channels=3: height * height * channels,
        ),
        "square_of_width": Mistake(
            "You use the width for both sides. Images need not be square.",
            lambda height, width, channels=3: width * width * channels,
        ),
        "shape": Mistake(
            "You return the three numbers themselves. The exercise asks for their product, one "
            "number.",
            lambda height, width, channels=3: (height, width, channels),
        ),
        "perimeter": Mistake(
            "2·(height + width) is the way around the image; the inside is height·width.",
            lambda height, width, channels=3: 2 * (height + width) * channels,
        ),
        "one_row": Mistake(
            "You count one row only. There are height rows.",
            lambda height, width, channels=3: width * channels,
        ),
        "one_column": Mistake(
            "You count one column only. There are width columns.",
            lambda height, width, channels=3: height * channels,
        ),
        "float": Mistake(
            "The numbers are right but floats, such as 3072.0. A count is an int: `*` on ints "
            "keeps it one.",
            lambda height, width, channels=3: float(height * width * channels),
        ),
    },
    hints=[
        "An image is a grid of height rows and width columns, and every cell of the grid holds "
        "channels numbers.",
        "One line is enough: return the product of the three arguments.",
    ],
    right=[
        lambda height, width, channels=3: channels * width * height,
        lambda height, width, channels=3: sum(
            channels for _ in range(height) for _ in range(width)
        ),
    ],
    returns="an int",
    difficulty=1,
    minutes=2,
)

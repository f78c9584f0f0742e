"""The checks of lesson 10 on answers that no bank holds, and the references that are only there.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers.ablation_reading import read_ablation
from helpers.checks import improvements as check
from helpers.pytorch.discriminator import conv_block
from helpers.pytorch.improvements import augmented_losses, diff_augment
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss


def grade(cell, name):
    names = {
        **{"torch": torch, "nn": nn, "F": F, "math": math, "conv_block": conv_block},
        **{"real_loss": real_loss, "fake_loss": fake_loss, "generator_loss": generator_loss},
    }
    exec(cell, names)
    return check.lesson.exercises[name].grade(names[name])


# --- the references ----------------------------------------------------------------------------


def test_diff_augment_moves_a_single_pixel_as_it_says():
    images = torch.zeros(1, 3, 32, 32)
    images[0, 0, 10, 20] = 0.25
    out = diff_augment(images, torch.tensor([[0.5, 0.95, 0.3]]))
    (place,) = out.nonzero()
    assert place.tolist() == [0, 0, 14, 18]


def test_diff_augment_lets_grey_in_and_stays_in_range():
    images = torch.full((1, 3, 32, 32), 0.8)
    out = diff_augment(images, torch.tensor([[0.9, 0.0, 0.5]]))
    assert out.amin() == 0 and out.amax() == 1
    assert (out[0, :, -4:] == 0).all() and (out[0, :, :-4] == 1).all()


def test_augmented_losses_leave_the_fakes_to_the_generator_s_loss():
    fakes = torch.rand(4, 3, 32, 32, requires_grad=True)
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(3072, 1))
    d_loss, g_loss = augmented_losses(discriminator, lambda x: 0.5 * x, fakes.detach(), fakes * 1)
    d_loss.backward()
    assert fakes.grad is None
    g_loss.backward()
    assert fakes.grad.any()


def test_read_ablation_counts_differences_of_more_than_three_errors():
    table = {"baseline": (30.0, 3.0), "better": (20.0, 3.0), "worse": (38.0, 3.0), "by": (25.0, 3)}
    verdicts = read_ablation(table, floor=0.5)  # 3 errors are 7.3
    assert verdicts == {"better": "helped", "worse": "hurt", "by": "cannot tell"}


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 10), st.floats(0, 10), st.integers(1, 20))
def test_read_ablation_is_fair_to_both_sides(one, other, spread, other_spread, seeds):
    rows = {"baseline": (one, spread), "x": (other, other_spread)}
    turned = {"baseline": (other, other_spread), "x": (one, spread)}
    opposite = {"helped": "hurt", "hurt": "helped", "cannot tell": "cannot tell"}
    verdict = read_ablation(rows, 1.0, seeds)["x"]
    assert read_ablation(turned, 1.0, seeds)["x"] == opposite[verdict]


def test_nothing_below_the_floor_helps():
    assert read_ablation({"baseline": (1.0, 0.01), "x": (0.1, 0.01)}, 1.5) == {"x": "cannot tell"}


# --- cells that learners write -----------------------------------------------------------------

LOOP = """
def diff_augment(images, numbers):
    out = []
    for image, (u, v, w) in zip(images, numbers):
        image = {bright}
        down, right = {shift}
        padded = F.pad(image, ({pad}))
        out.append(padded[:, {rows}, {columns}])
    return torch.stack(out){end}
"""


def loop(**parts):
    usual = {
        "bright": "torch.clamp(image + (u - 0.5), -1, 1)",
        "shift": "int(torch.floor(9 * v)) - 4, int(torch.floor(9 * w)) - 4",
        "pad": "4, 4, 4, 4",
        "rows": "4 - down : 36 - down",
        "columns": "4 - right : 36 - right",
        "end": "",
    }
    return LOOP.format(**usual | parts)


@pytest.mark.parametrize(
    "cell",
    [
        loop(),
        loop(bright="(image + u.item() - 0.5).clamp(-1, 1)"),
        loop(shift="(9 * v).long().item() - 4, (9 * w).long().item() - 4"),
        loop(bright="torch.max(torch.min(image + u - .5, torch.tensor(1.)), torch.tensor(-1.))"),
        loop(
            pad="0, 0, 0, 0",
            rows=":",
            columns=":",
            end="; ",
            bright="F.pad(torch.clamp(image + u - 0.5, -1, 1), (int(9*w)-4, 4-int(9*w), "
            "int(9*v)-4, 4-int(9*v)))",
        ),
        loop(end=".contiguous()"),
    ],
)
def test_diff_augment_right(cell):
    outcome = grade(cell, "diff_augment")
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize(
    ("cell", "slug"),
    [
        (loop(bright="image + u - 0.5"), "range_left"),
        (loop(bright="image.add_(u - 0.5).clamp_(-1, 1)"), "images_changed"),
        (loop(rows="4 + down : 36 + down", columns="4 + right : 36 + right"), "directions_turned"),
        (loop(rows="4 - right : 36 - right", columns="4 - down : 36 - down"),
         "down_and_right_swapped"),
        (loop(bright="torch.clamp(image + (numbers[0, 0] - 0.5), -1, 1)"),
         "brightness_one_for_all"),
        (loop(bright="torch.tanh(image + u - 0.5)"), None),
        (loop(bright="torch.clamp(image.detach() + (u - 0.5), -1, 1)"), "detached"),
        (loop(shift="torch.randint(-4, 5, (2,)).tolist()"), "other_numbers"),
        (loop(shift="round(float(9 * v)) - 4, round(float(9 * w)) - 4", pad="5, 5, 5, 5",
              rows="5 - down : 37 - down", columns="5 - right : 37 - right"), "rounded"),
    ],
)  # fmt: skip
def test_diff_augment_wrong(cell, slug):
    outcome = grade(cell, "diff_augment")
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome.message


GAP = """
class gap_discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.body = nn.Sequential(conv_block(3, c, False), conv_block(c, 2*c), conv_block(2*c, 4*c))
        {init}
        self.fc = nn.Linear({size}, 1)

    def forward(self, x):
        x = self.body(x)
        {pool}
        return self.fc(x)
"""


def gap(pool, size="4 * c", init="pass"):
    return GAP.format(pool=pool, size=size, init=init)


@pytest.mark.parametrize(
    "pool",
    [
        "x = x.mean([2, 3])",
        "x = x.mean(3).mean(2)",
        "x = torch.mean(x, dim=(2, 3), keepdim=True).flatten(1)",
        "x = F.avg_pool2d(x, x.shape[2:])[:, :, 0, 0]",
        "x = F.avg_pool2d(F.avg_pool2d(x, 2), 2).flatten(1)",
        "x = x.reshape(x.shape[0], x.shape[1], -1).sum(-1) / 16",
        "x = F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)",
    ],
)
def test_gap_discriminator_right(pool):
    outcome = grade(gap(pool), "gap_discriminator")
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize(
    ("cell", "slug"),
    [
        (gap("x = x.flatten(1)", "64 * c"), "flattened"),
        (gap("x = x.amax((2, 3))"), "maximum"),
        (gap("x = x.amin((2, 3))"), None),
        (gap("x = x.mean((2, 3)).squeeze()"), "batch_size_fixed"),
        (gap("x = F.relu(x.mean((2, 3)))"), "something_between"),
        (gap("x = x[:, :, 1:3, 1:3].mean((2, 3))"), "something_between"),
        (gap("x = F.dropout(x.mean((2, 3)), 0.3, self.training)"), None),
        (gap("x = x.norm(dim=(2, 3)) / 4"), "something_between"),
        (gap("x = F.adaptive_avg_pool2d(x, 1)"), "flatten_missing"),
    ],
)
def test_gap_discriminator_wrong(cell, slug):
    outcome = grade(cell, "gap_discriminator")
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome.message
    assert "check itself failed" not in outcome.message


LOSSES = """
def augmented_losses(discriminator, augment, images, fakes):
    {lines}
    return d_loss, g_loss
"""


@pytest.mark.parametrize(
    ("lines", "slug"),
    [
        ("images, fakes = augment(images), augment(fakes); d_loss = real_loss(discriminator("
         "images)) + fake_loss(discriminator(fakes.detach())); g_loss = generator_loss("
         "discriminator(fakes))", ""),
        ("x = discriminator(augment(fakes)); g_loss = generator_loss(x); "
         "d_loss = real_loss(discriminator(augment(images))) + fake_loss(x)", "fakes_attached"),
        ("images = augment(images); fakes = fakes.detach(); d_loss = real_loss(discriminator("
         "images)) + fake_loss(discriminator(augment(fakes))); g_loss = generator_loss("
         "discriminator(augment(fakes)))", "generator_cut"),
        ("images, fakes = augment(images), augment(fakes); d_loss = real_loss(discriminator("
         "augment(images))) + fake_loss(discriminator(fakes.detach())); g_loss = generator_loss("
         "discriminator(fakes))", "augmented_twice"),
    ],
)  # fmt: skip
def test_augmented_losses(lines, slug):
    outcome = grade(LOSSES.format(lines=lines), "augmented_losses")
    assert (outcome.mistake or "") == slug, outcome.message
    assert (outcome.status == "passed") == (not slug)


KERAS = """
from helpers.checks import improvements as check
from helpers.keras import keras
from helpers.keras.discriminator import conv_block

def build(*head):
    def keras_gap_discriminator(conv_dim=32):
        images = keras.Input((32, 32, 3))
        x = conv_block(images, conv_dim, batch_norm=False)
        x = conv_block(x, 2 * conv_dim)
        x = conv_block(x, 4 * conv_dim)
        for layer in head:
            x = layer()(x)
        return keras.Model(images, x)
    return keras_gap_discriminator

L = keras.layers
dense = lambda: L.Dense(1)
grade = check.keras_gap_discriminator.grade
answers = {
    "gap": (build(L.GlobalAveragePooling2D, dense), True, None),
    "cropped": (build(lambda: L.Cropping2D(1), L.GlobalAveragePooling2D, dense), False,
                "something_between"),
    "summed": (build(lambda: L.Lambda(lambda x: keras.ops.sum(x, (1, 2))), dense), False, "summed"),
    "relu": (build(L.GlobalAveragePooling2D, L.ReLU, dense), False, "something_between"),
    "drop": (build(L.GlobalAveragePooling2D, lambda: L.Dropout(0.5), dense), False, None),
    "twice": (build(L.GlobalAveragePooling2D, dense, dense), False, "hidden_dense"),
    "average": (build(lambda: L.AveragePooling2D(4), L.Flatten, dense), True, None),
}
for name, (answer, right, slug) in answers.items():
    outcome = grade(answer)
    assert (outcome.status == "passed") == right, (name, outcome)
    assert outcome.mistake == slug, (name, outcome)
    assert "check itself failed" not in outcome.message, (name, outcome)
"""


def test_keras_gap_discriminator():
    done = subprocess.run([sys.executable, "-c", KERAS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_lesson_s_checks_do_not_load_tensorflow():
    code = (
        "import sys; from helpers.checks import improvements as check;"
        "check.smooth_labels.grade(lambda labels, amount=0.1: labels * (1 - amount));"
        "assert 'tensorflow' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


SMOOTH = """
def smooth_labels(labels, amount=0.1):
    return torch.where(labels > 0.5, torch.ones_like(labels) - amount, {fakes})
"""


@pytest.mark.parametrize(
    ("fakes", "slug"),
    [
        ("torch.zeros_like(labels)", ""),
        ("0.05", None),
        ("amount", "both_sides"),
        ("torch.rand_like(labels)", "random"),
    ],
)
def test_smooth_labels(fakes, slug):
    outcome = grade(SMOOTH.format(fakes=fakes), "smooth_labels")
    assert outcome.status == ("failed" if slug != "" else "passed"), outcome
    assert (outcome.mistake or None) == (slug or None), outcome

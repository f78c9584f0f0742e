"""What a network is made of, read from live networks of both frameworks, and drawn."""

import math
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers import plots
from helpers.architecture import INPUT, UNUSED, LayerRow, describe, parameter_totals, stages, table
from helpers.pytorch.discriminator import Discriminator
from helpers.pytorch.generator import Generator
from helpers.pytorch.summary import trace_layers


def kinds(rows):
    return [row.kind for row in rows]


def totals(network):
    return sum(parameter.numel() for parameter in network.parameters())


class Functional(nn.Module):
    """No layers but one, which is used twice, and one that is never used."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 4, 4))
        self.norm = nn.BatchNorm2d(8)
        self.idle = nn.Linear(3, 4)

    def forward(self, x):
        scale = torch.ones(2).sum()  # is not made of the input: no row
        x = F.leaky_relu(F.conv2d(x, self.weight, stride=2, padding=1), 0.2) * scale
        x = self.norm(self.norm(x))
        return x.view(x.shape[0], -1).contiguous()


def test_every_layer_of_the_discriminator_has_a_row():
    rows = trace_layers(Discriminator(), (3, 32, 32))
    block = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    first = ["input", "Conv2d", "LeakyReLU"]
    assert kinds(rows) == [*first, *block, *block, "flatten", "Linear"]
    assert [row.output_shape for row in rows if row.mixes] == [
        (32, 16, 16),
        (64, 8, 8),
        (128, 4, 4),
        (1,),
    ]
    assert parameter_totals(rows) == (167_809, 384)
    assert rows[1].details == "4×4, stride 2"
    assert rows[2].details == "0.2"


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([1, 3, 8]), st.sampled_from([32, 64]), st.integers(1, 20))
def test_all_parameters_are_counted_whatever_the_size(conv_dim, image_size, latent_dim):
    discriminator = Discriminator(conv_dim, image_size)
    rows = trace_layers(discriminator, (3, image_size, image_size))
    assert parameter_totals(rows)[0] == totals(discriminator)
    assert rows[-1].output_shape == (1,)
    generator = Generator(latent_dim, conv_dim, image_size=image_size)
    rows = trace_layers(generator, (latent_dim,))
    assert parameter_totals(rows)[0] == totals(generator)
    assert rows[-1].maps == (3, image_size, image_size)


def test_functions_outside_layers_are_followed():
    rows = trace_layers(Functional(), (3, 8, 8))
    assert kinds(rows) == [
        INPUT,
        "conv2d",
        "leaky_relu",
        "mul",
        "BatchNorm2d",
        "BatchNorm2d",
        "view",
        UNUSED,
    ]
    assert [row.trainable for row in rows] == [0, 384, 0, 0, 16, 0, 0, 16]
    assert [row.non_trainable for row in rows] == [0, 0, 0, 0, 16, 0, 0, 0]


def test_a_reshaped_parameter_belongs_to_where_it_is_used():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = nn.Parameter(torch.ones(3))
            self.register_buffer("mean", torch.zeros(3))

        def forward(self, x):
            shift = torch.sqrt(self.mean.abs())[:, None, None]
            return (x - shift) * self.gamma.view(-1, 1, 1)

    rows = trace_layers(Scaled(), (3, 4, 4))
    assert kinds(rows) == [INPUT, "sub", "mul"]
    assert [(row.trainable, row.non_trainable) for row in rows[1:]] == [(0, 3), (3, 0)]


def test_weights_that_are_computed_belong_to_their_layer():
    layer = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 8, 4, 2, 1))
    rows = trace_layers(nn.Sequential(layer, nn.LeakyReLU(0.2)), (3, 8, 8))
    assert kinds(rows) == [INPUT, "Conv2d", "LeakyReLU"]
    assert rows[1].trainable == 8 * 3 * 16 + 8
    assert rows[1].details == "4×4, stride 2"


def test_layers_that_find_out_their_size_by_themselves():
    layers = nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(1)
    rows = trace_layers(nn.Sequential(*layers), (3, 6, 6))
    assert kinds(rows) == [INPUT, "Conv2d", "BatchNorm2d", "Flatten", "Linear"]
    assert parameter_totals(rows) == (8 * 27 + 8 + 16 + 8 * 16 + 1, 16)


def test_frozen_parameters_are_not_trainable():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    network[1].weight.requires_grad_(False)
    assert parameter_totals(trace_layers(network, (3, 2, 2))) == (5, 60)


def test_a_single_layer_is_a_network():
    rows = trace_layers(nn.MaxPool2d(3, 2), (4, 9, 9))
    assert rows == [
        LayerRow(INPUT, (4, 9, 9)),
        LayerRow("MaxPool2d", (4, 4, 4), details="3×3, stride 2"),
    ]


def test_tracing_leaves_the_network_as_it_was():
    network = Discriminator(4).train()
    network.blocks[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trace_layers(network, (3, 32, 32))
    assert network.training and not network.blocks[1][1].training
    assert network.blocks[2][1].training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_the_network_refuses_is_passed_on_and_the_hooks_are_gone():
    network = Discriminator(4)
    with pytest.raises(ValueError, match="made for"):
        trace_layers(network, (3, 16, 16))
    with pytest.raises(ValueError, match="sizes of 1 or more"):
        trace_layers(network, (3, 0, 32))
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_stages_begin_where_features_are_computed_or_the_shape_changes():
    groups = stages(trace_layers(Discriminator(4), (3, 32, 32)))
    assert [len(group) for group in groups] == [1, 2, 3, 3, 1, 1]
    same_size = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 1))
    groups = stages(trace_layers(same_size, (3, 5, 5)))
    assert [kinds(group) for group in groups] == [["input"], ["Conv2d", "ReLU"], ["Conv2d"]]
    assert UNUSED not in str(stages(trace_layers(Functional(), (3, 8, 8))))


def test_the_table_shows_every_row_and_the_totals():
    text = table(trace_layers(Functional(), (3, 8, 8)))
    lines = text.splitlines()
    assert "conv2d" in lines[3] and "8 × 4 × 4" in lines[3] and "384" in lines[3]
    assert lines[-1].split() == ["total", "416", "16"]
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("image_size", [32, 128])
def test_the_drawing_is_to_scale_and_nothing_overlaps(image_size):
    plots.use_style()
    rows = trace_layers(Discriminator(16, image_size), (3, image_size, image_size))
    figure = plots.draw_architecture(rows, "A network")
    figure.canvas.draw()
    fronts = [p for p in figure.axes[0].patches if type(p).__name__ == "Rectangle"]
    heights = [front.get_height() for front in fronts[:-2]]
    for first, second in zip(heights, heights[1:], strict=False):
        assert math.isclose(first / second, 2, rel_tol=0.05) or second <= 0.05
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for number, one in enumerate(boxes):
        assert one.x0 >= 0 and one.x1 <= figure.bbox.x1 and one.y0 >= 0
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])
    words = [text.get_text() for text in figure.axes[0].texts]
    assert ("1,024" if image_size == 32 else "4,096") in words
    assert f"3 × {image_size} × {image_size}" in words
    assert describe(rows).count(";") == len(stages(rows)) - 1
    plt.close(figure)


def test_the_rows_need_no_framework():
    code = (
        "import sys, helpers.architecture as a; "
        "assert not {'torch', 'tensorflow', 'keras', 'matplotlib', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_keras_gives_the_same_rows():
    from helpers.keras import keras, tf
    from helpers.keras.discriminator import build_discriminator
    from helpers.keras.generator import build_generator
    from helpers.keras.summary import trace_layers as trace_keras

    network = build_discriminator()
    ours, theirs = (
        trace_layers(Discriminator(), (3, 32, 32)),
        trace_keras(network, (32, 32, 3)),
    )
    assert [row.maps for row in ours] == [row.maps for row in theirs]
    assert [row.trainable for row in ours] == [row.trainable for row in theirs]
    assert [row.non_trainable for row in ours] == [row.non_trainable for row in theirs]
    assert [row.details for row in ours] == [row.details for row in theirs]
    assert [len(group) for group in stages(ours)] == [len(group) for group in stages(theirs)]
    assert sum(parameter_totals(theirs)) == network.count_params() == 168_193
    # Called with training=False: no batch of zeros in the running statistics.
    moving = [weight for weight in network.weights if "moving_mean" in weight.path]
    assert len(moving) == 2 and not any(tf.reduce_any(weight != 0) for weight in moving)
    generator = trace_keras(build_generator(7, 8), (7,))
    assert parameter_totals(generator) == parameter_totals(trace_layers(Generator(7, 8), (7,)))
    assert generator[-1].details == "tanh" and generator[-1].maps == (3, 32, 32)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = build_discriminator(4)
            self.drop = keras.layers.Dropout(0.5)
            self.dense = keras.layers.Dense(2, activation="relu")
            self.idle = keras.layers.Dense(3)
            self.idle.build((None, 2))

        def call(self, images, training=False):
            return self.dense(self.drop(tf.nn.relu(self.inner(images, training=training))))

    call = keras.layers.Layer.__call__
    subclassed = Subclassed()
    rows = trace_keras(subclassed, (32, 32, 3))
    assert kinds(rows)[-4:] == ["Dense", "Dropout", "Dense", UNUSED]
    assert rows[-2].details == "relu" and rows[-1].trainable == 9
    assert sum(row.kind == "Conv2D" for row in rows) == 3
    assert parameter_totals(rows)[0] == sum(
        math.prod(w.shape) for w in subclassed.trainable_weights
    )
    assert parameter_totals(rows)[1] == 2 * (8 + 16)
    assert keras.layers.Layer.__call__ is call
    with pytest.raises(ValueError):
        trace_keras(build_discriminator(4), (32, 32))
    assert keras.layers.Layer.__call__ is call

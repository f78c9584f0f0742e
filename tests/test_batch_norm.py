"""Batch normalisation written out in PyTorch, against PyTorch's own layers."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers.pytorch.batch_norm import (
    BatchNorm,
    add_batch_norm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_train,
    classify_one_by_one,
    plain_network,
    update_running_stats,
)

SHAPES = [(2, 1), (5, 3), (2, 3, 1, 1), (2, 3, 2, 1), (1, 2, 3, 4), (6, 4, 3, 3)]
TYPES = [torch.float32, torch.float64]


def close(value, expected, **options):
    """Equal up to rounding, and of equal type and shape."""
    torch.testing.assert_close(value, expected, **options)


def data(shape, dtype=torch.float32, seed=0):
    """x whose channels differ in mean and scale, with gamma and beta of either sign."""
    draw = torch.Generator().manual_seed(seed)
    channels = shape[1]
    x = torch.randn(shape, generator=draw, dtype=torch.float64).transpose(0, 1)
    steps = torch.arange(1.0, channels + 1, dtype=torch.float64)
    x = x * steps.reshape(-1, *[1] * (x.ndim - 1)) + 3 * steps.reshape(-1, *[1] * (x.ndim - 1))
    gamma, beta = torch.randn(2, channels, generator=draw, dtype=torch.float64)
    return x.transpose(0, 1).contiguous().to(dtype), gamma.to(dtype), beta.to(dtype)


def layers(shape, dtype=torch.float32, **options):
    """Ours and PyTorch's layer, with the same unequal parameters and running statistics."""
    theirs = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(shape[1], **options)
    _, gamma, beta = data(shape, seed=1)
    with torch.no_grad():
        theirs.weight.copy_(gamma)
        theirs.bias.copy_(beta)
        theirs.running_mean.copy_(beta + 1)
        theirs.running_var.copy_(gamma**2 + 0.5)
    ours = BatchNorm(shape[1], **options)
    ours.load_state_dict(theirs.state_dict())
    return ours.to(dtype), theirs.to(dtype)


@st.composite
def batches(draw):
    """A shape with at least two values per channel, eps, momentum and a seed."""
    if draw(st.booleans()):
        shape = (draw(st.integers(2, 6)), draw(st.integers(1, 4)))
    else:
        n, c, h, w = (draw(st.integers(1, 4)) for _ in range(4))
        shape = (n if n * h * w > 1 else 2, c, h, w)
    eps = draw(st.sampled_from([1e-5, 1e-3, 0.1, 2.0]))
    return shape, eps, draw(st.floats(0, 1)), draw(st.integers(0, 10_000))


@given(batches())
@settings(max_examples=40, deadline=None)
def test_functions_equal_pytorch_for_any_shape_eps_and_momentum(batch):
    shape, eps, momentum, seed = batch
    x, gamma, beta = data(shape, torch.float64, seed)
    mean, var = beta + 1, gamma**2 + 0.5
    expected_mean, expected_var = mean.clone(), var.clone()
    expected = F.batch_norm(x, expected_mean, expected_var, gamma, beta, True, momentum, eps)
    close(batch_norm_train(x, gamma, beta, eps), expected)
    before = mean.clone(), var.clone()
    close(update_running_stats(mean, var, x, momentum), (expected_mean, expected_var))
    close((mean, var), before, rtol=0, atol=0)
    expected = F.batch_norm(x, mean, var, gamma, beta, False, momentum, eps)
    close(batch_norm_eval(x, mean, var, gamma, beta, eps), expected)


@given(batches())
@settings(max_examples=40, deadline=None)
def test_backward_by_hand_equals_autograd_through_pytorch(batch):
    shape, eps, _, seed = batch
    x, gamma, beta = (tensor.requires_grad_() for tensor in data(shape, torch.float64, seed))
    y = F.batch_norm(x, None, None, gamma, beta, True, 0.0, eps)
    dy = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    expected = torch.autograd.grad(y, (x, gamma, beta), dy)
    close(batch_norm_backward(dy, x.detach(), gamma.detach(), eps), expected)


@pytest.mark.parametrize("shape", [(4, 2), (2, 3, 2, 1)])
def test_gradients_against_finite_differences(shape):
    x, gamma, beta = (tensor.requires_grad_() for tensor in data(shape, torch.float64))
    assert torch.autograd.gradcheck(lambda *args: batch_norm_train(*args, 0.1), (x, gamma, beta))
    running = data(shape, torch.float64, 2)[1:]
    assert torch.autograd.gradcheck(
        lambda *args: batch_norm_eval(args[0], running[0], running[1] ** 2, *args[1:]),
        (x, gamma, beta),
    )


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_equals_pytorch_s_over_several_steps(shape, dtype):
    ours, theirs = layers(shape, dtype, eps=0.1, momentum=0.3)
    for seed in range(4):
        x = data(shape, dtype, seed)[0].requires_grad_()
        close(ours(x), theirs(x))
        weights = data(shape, dtype, seed + 9)[0]
        close(
            torch.autograd.grad((ours(x) * weights).sum(), (x, ours.weight, ours.bias)),
            torch.autograd.grad((theirs(x) * weights).sum(), (x, theirs.weight, theirs.bias)),
            rtol=1e-4 if dtype == torch.float32 else 1e-7,
            atol=1e-4 if dtype == torch.float32 else 1e-7,
        )
        close(dict(ours.state_dict()), dict(theirs.state_dict()))
    assert not ours.running_mean.requires_grad and not ours.running_var.requires_grad
    before = copy.deepcopy(ours.state_dict())
    ours.eval(), theirs.eval()
    for size in (1, len(x)):
        close(ours(x[:size]), theirs(x[:size]))
    close(dict(ours.state_dict()), dict(before), rtol=0, atol=0)


def test_defaults_are_pytorch_s():
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    close(dict(ours.state_dict()), dict(theirs.state_dict()))
    assert (ours.eps, ours.momentum) == (theirs.eps, theirs.momentum)
    assert dict(ours.named_parameters()).keys() == dict(theirs.named_parameters()).keys()
    assert repr(ours) == "BatchNorm(3, eps=1e-05, momentum=0.1)"


def test_sequences_are_normalised_per_channel_too():
    x, gamma, beta = data((4, 3, 5))
    close(batch_norm_train(x, gamma, beta), F.batch_norm(x, None, None, gamma, beta, True))


def test_state_dict_goes_both_ways_and_through_a_file():
    x = data((4, 3, 2, 2))[0]
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    ours(x)
    file = io.BytesIO()
    torch.save(ours.state_dict(), file)
    file.seek(0)
    theirs.load_state_dict(torch.load(file, weights_only=True))
    close(theirs(x), ours(x))
    again = BatchNorm(3)
    again.load_state_dict(theirs.state_dict())
    close(dict(again.state_dict()), dict(theirs.state_dict()))
    assert int(again.num_batches_tracked) == 2


@pytest.mark.parametrize("training", [True, False])
def test_channels_last_keeps_its_memory_format(training):
    ours, theirs = layers((4, 3, 5, 6))
    ours.train(training), theirs.train(training)
    x = data((4, 3, 5, 6))[0].contiguous(memory_format=torch.channels_last)
    y, expected = ours(x), theirs(x)
    close(y, expected)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert y.stride() == expected.stride()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(training, dtype):
    ours, theirs = layers((64, 3, 16, 16))
    ours.train(training), theirs.train(training)
    x = (data((64, 3, 16, 16))[0] + 100).to(dtype)
    y = ours(x)
    assert y.dtype == dtype and ours.running_mean.dtype == torch.float32
    close(y, theirs(x))
    close(dict(ours.state_dict()), dict(theirs.state_dict()))


def test_autocast():
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3)
    ours, theirs = (nn.Sequential(copy.deepcopy(conv), norm) for norm in layers((1, 3, 1, 1)))
    x = torch.randn(16, 2, 8, 8) + 3
    gradients = []
    for network in (ours, theirs):
        with torch.autocast("cpu", torch.bfloat16):
            y = network(x)
        y.float().pow(2).mean().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == theirs(x).dtype == torch.bfloat16
        close(ours(x), theirs(x))
    close(dict(ours.state_dict()), dict(theirs.state_dict()))
    for ours_, theirs_ in zip(*gradients, strict=True):
        close(ours_, theirs_, rtol=0.02, atol=0.02)


def test_running_statistics_carry_no_graph_and_backward_works_step_after_step():
    layer = BatchNorm(2)
    x = data((3, 2))[0].requires_grad_()
    for _ in range(3):
        layer(x).sum().backward()
    mean, var = update_running_stats(torch.zeros(2, requires_grad=True), torch.ones(2), x)
    assert not mean.requires_grad and not var.requires_grad


def test_one_value_per_channel_is_refused_in_train_mode_only():
    layer = BatchNorm(3)
    for x in (torch.ones(1, 3), torch.ones(1, 3, 1, 1)):
        with pytest.raises(ValueError, match=r"1 value per channel.*larger batch, or eval mode"):
            layer.train()(x)
        with pytest.raises(ValueError, match="1 value per channel"):
            update_running_stats(torch.zeros(3), torch.ones(3), x)
        assert layer.eval()(x).shape == x.shape
    close(dict(layer.state_dict()), dict(BatchNorm(3).state_dict()))  # nothing half-updated


def test_network_with_batch_norm():
    network, plain = add_batch_norm(3), plain_network(3)
    images = data((5, 1, 8, 8))[0]
    assert network(images).shape == plain(images).shape == (5, 10)
    count, before = (sum(p.numel() for p in n.parameters()) for n in (network, plain))
    assert before == 3 * 9 + 3 + 6 * 3 * 16 + 6 + 96 * 10 + 10
    assert count == before - (3 + 6) + 2 * (3 + 6)  # biases go, gamma and beta come
    network(images).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_one_by_one_is_eval_mode_and_leaves_no_trace(training):
    torch.manual_seed(0)
    network, images = add_batch_norm(4), data((20, 1, 8, 8))[0]
    for _ in range(3):
        network(images)
    expected = network.eval()(images).argmax(1)
    network.train(training)
    before = copy.deepcopy(network.state_dict())
    classes = classify_one_by_one(network, images)
    close(classes, expected)
    assert network.training is training and len(classes.unique()) > 1
    close(dict(network.state_dict()), dict(before), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(0), "num_features is 1 or more, not 0"),
        (lambda: BatchNorm(3, eps=-1.0), r"eps.*not -1\.0"),
        (lambda: BatchNorm(3, momentum=1.5), r"momentum.*not 1\.5"),
        (lambda: BatchNorm(3)(torch.ones(2, 4)), r"shape \(2, 4\).*3 features"),
        (lambda: BatchNorm(3)(torch.ones(3)), r"shape \(3,\)"),
        (lambda: batch_norm_train(torch.ones(3), 1, 0), r"not of shape \(3,\)"),
    ],
)
def test_impossible_arguments_name_the_value_and_the_remedy(make, message):
    with pytest.raises(ValueError, match=message):
        make()

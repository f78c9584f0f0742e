"""The experiments of lesson 04: networks side by side train as each would alone."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.pytorch.batch_norm import BatchNorm, plain_network
from helpers.pytorch.batch_norm_experiments import (
    Digits,
    Networks,
    Runs,
    graph_size,
    load_digits,
    train_network,
    train_side_by_side,
)

NORMS = {"plain": None, "PyTorch's": nn.BatchNorm2d, "ours": BatchNorm}


@pytest.fixture(scope="module")
def digits():
    return load_digits(200, 60)


def small(digits, norm=None, **options):
    options = {"hidden": [6, 5], "steps": 4, "batch_size": 8, "look_every": 2} | options
    return train_side_by_side(digits, norm, **options)


def one_by_hand(digits, norm, rate, seed, steps, activation=torch.relu):
    """What ``small`` trains for one setting, from PyTorch's own layers; returns the losses."""
    layers = [nn.Linear(*sizes, bias=not norm) for sizes in ((64, 6), (6, 5))]
    draw = torch.Generator().manual_seed(seed)
    layers.append(nn.Linear(5, 10))
    for layer in layers:
        inputs = layer.in_features
        layer.weight.data = (
            torch.randn(inputs, layer.out_features, generator=draw).T * (2 / inputs) ** 0.5
        )
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    norms = nn.ModuleList([norm(6), norm(5)]) if norm else [nn.Identity()] * 2
    parameters = [p for module in (*layers, *norms) for p in module.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=rate)
    draw, losses = torch.Generator().manual_seed(1000 + seed), []
    for _ in range(steps):
        chosen = torch.randint(len(digits.images), (8,), generator=draw)
        x = digits.images[chosen]
        for layer, each in zip(layers[:-1], norms, strict=True):
            x = activation(each(layer(x)[..., None, None])[..., 0, 0])
        loss = cross_entropy(layers[-1](x), digits.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_each_network_trains_as_if_it_were_alone(digits, norm):
    runs = small(digits, norm, rate=[0.05, 0.5], seeds=[3, 7])
    for row, rate in enumerate([0.05, 0.5]):
        for column, seed in enumerate([3, 7]):
            alone = one_by_hand(digits, norm, rate, seed, steps=4)
            assert runs.loss[:, row, column] == pytest.approx(alone, abs=2e-4)


def test_a_network_that_diverges_does_not_touch_its_neighbours(digits):
    alone = small(digits, steps=6, rate=0.05, seeds=[0])
    beside = small(digits, steps=6, rate=[0.05, 1e30], seeds=[0])
    assert np.isnan(beside.loss[-1, 1, 0])
    assert np.allclose(beside.loss[:, 0], alone.loss)


def test_axes_are_those_of_the_lists(digits):
    runs = small(
        digits,
        BatchNorm,
        activation=[torch.relu, torch.tanh, torch.sigmoid],
        deviation=["He", 0.1],
        rate=[0.1, 0.2, 0.3, 0.4],
        seeds=range(2),
    )
    assert runs.accuracy.shape == (2, 3, 2, 4, 2)
    assert runs.loss.shape == (4, 3, 2, 4, 2)
    assert runs.steps.tolist() == [2, 4]
    assert small(digits, seeds=[5]).loss.shape == (4, 1)


def test_activations_side_by_side_are_those_of_each_alone(digits):
    pair = small(digits, BatchNorm, activation=[torch.tanh, torch.sigmoid])
    for place, activation in enumerate([torch.tanh, torch.sigmoid]):
        alone = small(digits, BatchNorm, activation=activation)
        assert np.allclose(pair.loss[:, place], alone.loss, atol=1e-4)


def test_a_deviation_is_that_of_the_first_weights():
    deviations = [0.5, "He", "PyTorch"]
    networks = Networks([2000], None, [torch.relu] * 3, deviations, [0] * 3)
    found = networks.weights[0].detach().std(dim=(1, 2)).tolist()
    linear = nn.Linear(64, 2000).weight.std().item()
    assert found == pytest.approx([0.5, (2 / 64) ** 0.5, linear], rel=0.02)


def test_an_unknown_initialisation_is_named():
    with pytest.raises(ValueError, match="no initialisation 'Glorot'.*'PyTorch', 'He'"):
        Networks([2], None, [torch.relu], ["Glorot"], [0])


def test_a_normalised_layer_has_no_bias():
    plain, normalised = (Networks([6, 5], n, [torch.relu], ["He"], [0]) for n in (None, BatchNorm))
    assert [tuple(bias.shape[1:]) for bias in plain.biases] == [(1, 6), (1, 5), (1, 10)]
    assert [tuple(bias.shape[1:]) for bias in normalised.biases] == [(1, 10)]


def test_best_and_steps_to():
    accuracy = np.array([[0.2, 0.96, 0.1], [0.95, 0.9, 0.1], [0.97, 0.95, 0.1]])
    runs = Runs(np.array([25, 50, 75]), accuracy, np.zeros((75, 3)))
    assert runs.best().tolist() == [0.97, 0.96, 0.1]
    assert runs.steps_to(0.95).tolist() == [50, 25, np.inf]


def test_digits_are_dealt_once_and_without_overlap():
    digits = load_digits(1300, 497)
    assert (digits.images.min(), digits.images.max()) == (-1, 1)
    everything = torch.cat([digits.images, digits.test_images])
    assert len(everything) == 1797
    assert everything.unique(dim=0).shape[0] == load_digits(1797, 0).images.unique(dim=0).shape[0]
    again, other = load_digits(1300, 497), load_digits(1300, 497, split=1)
    assert torch.equal(digits.images, again.images)
    assert not torch.equal(digits.images, other.images)
    assert digits.labels.bincount().min() > 100


def test_too_many_digits_are_refused():
    with pytest.raises(ValueError, match="1700 \\+ 200 images: there are 1797"):
        load_digits(1700, 200)


def test_a_network_learns_and_the_seed_decides_how(digits):
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        network = train_network(plain_network(4), digits, steps=60, batch_size=20, seed=seed)
        networks.append(network)
    with torch.no_grad():
        logits = [network(digits.images.view(-1, 1, 8, 8)) for network in networks]
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])
    assert (logits[0].argmax(1) == digits.labels).double().mean() > 0.5


def test_training_leaves_the_global_seed_and_the_threads_alone(digits):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    small(digits, BatchNorm)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_the_graph_that_is_kept_is_counted():
    x = torch.ones(3, requires_grad=True)
    assert graph_size(x.detach()) == 0
    once = graph_size(x * 2)  # the product, and the place that collects x's gradient
    assert once == 2
    y = x
    for _ in range(5):
        y = 0.9 * y + x
    assert graph_size(y) == 2 * 5 + 1


def test_digits_is_a_named_tuple_of_four(digits):
    few = Digits(digits.images[:10], digits.labels[:10], *digits[2:])
    assert small(few, BatchNorm).loss.shape == (4, 3)

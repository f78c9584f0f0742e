"""The same weights in both frameworks: from PyTorch to Keras and back.

    to_keras(torch_network, keras_network)    to_torch(keras_network, torch_network)

=================== =============== ================ ==========================================
weights             PyTorch         Keras            from PyTorch to Keras
=================== =============== ================ ==========================================
convolution         (out, in, H, W) (H, W, in, out)  ``transpose(2, 3, 1, 0)``
transposed          (in, out, H, W) (H, W, out, in)  ``transpose(2, 3, 1, 0)``
dense               (out, in)       (in, out)        ``transpose(1, 0)``
flattened maps      C, H, W         H, W, C          sort the dense layer's rows or columns
=================== =============== ================ ==========================================

Batch normalisation's scale, shift, running mean and running variance are copied as they are, and
the two networks then compute the same. When both are trained on, their running variances part:
PyTorch averages n / (n - 1) times a batch's variance, n values per channel, Keras the variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras
    from torch import nn

#: How the axes of a weight with so many of them change places.
TO_KERAS = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
TO_TORCH = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}


def to_keras(torch_network: nn.Module, keras_network: keras.Model) -> None:
    """Copy a PyTorch network's weights and running statistics into its Keras twin.

    Both networks list the same layers in the order of their use: convolutions, transposed
    convolutions, dense layers and batch normalisations, and between them any without weights.
    Maps that are flattened, or that a dense layer's outputs become, are square.

    Raises TypeError for what is no network, and ValueError where kinds, sizes, strides, padding,
    biases or epsilons differ; then nothing is copied.
    """
    for parameter, variable, orders in _pairs(torch_network, keras_network):
        array = parameter.detach().cpu().numpy()
        array = array.transpose(TO_KERAS[array.ndim])
        for axis, order in orders:
            array = array.take(order, axis)
        variable.assign(array)


def to_torch(keras_network: keras.Model, torch_network: nn.Module) -> None:
    """Copy a Keras network's weights and running statistics into its PyTorch twin.

    The inverse of ``to_keras``, which says what the networks must have in common and which errors
    are raised. ``num_batches_tracked``, which Keras does not have, stays as it is.
    """
    import torch

    for parameter, variable, orders in _pairs(torch_network, keras_network):
        array = variable.numpy()
        for axis, order in orders:
            array = array.take(np.argsort(order), axis)
        with torch.no_grad():
            parameter.copy_(torch.tensor(array.transpose(TO_TORCH[array.ndim])))


def same_weights(torch_discriminator: nn.Module, keras_discriminator: keras.Model) -> None:
    """``to_keras`` for the one network of lesson 05, the discriminator of 32 x 32, written out.

    Both list the same arrays in the same order, but for PyTorch's counters of batches.
    """
    arrays = []
    for value in torch_discriminator.state_dict().values():
        array = value.cpu().numpy()
        if array.ndim == 4:  # (out, in, H, W) -> (H, W, in, out)
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:  # (1, C * H * W) -> (H * W * C, 1)
            array = array.reshape(-1, 4, 4).transpose(1, 2, 0).reshape(-1, 1)
        if array.ndim > 0:
            arrays.append(array)
    keras_discriminator.set_weights(arrays)


class _Layer(NamedTuple):
    """A layer with weights; where two compute the same, all but the weights are equal."""

    kind: str
    inputs: int
    outputs: int
    details: str
    weights: list[Any]

    def __str__(self) -> str:
        return f"{self.kind} {self.inputs} -> {self.outputs}, {self.details}"


#: A PyTorch tensor, its Keras variable, and those of the latter's axes that are sorted otherwise.
_Pair = tuple[Any, Any, list[tuple[int, np.ndarray]]]


def _pairs(torch_network: nn.Module, keras_network: keras.Model) -> list[_Pair]:
    """Every weight beside its twin."""
    layers, twins = list(_torch_layers(torch_network)), list(_keras_layers(keras_network))
    _require_twins(layers, twins)
    pairs: list[_Pair] = []
    after = 0  # channels of the square maps that a layer's outputs make up, 0 if they do not
    for index, (layer, twin) in enumerate(zip(layers, twins, strict=True)):
        before = after
        is_convolution = layer.kind.endswith("convolution")
        if is_convolution:
            after = layer.outputs
        elif layer.kind == "dense layer":
            later = [other for other in layers[index + 1 :] if other.kind != "normalisation"]
            after = later[0].inputs if later and later[0].kind.endswith("convolution") else 0
        for weight, variable in zip(layer.weights, twin.weights, strict=True):
            axes = len(variable.shape)
            sorted_axes = [] if is_convolution else _sorted_axis(axes - 1, layer.outputs, after)
            if axes == 2:
                sorted_axes += _sorted_axis(0, layer.inputs, before)
            pairs.append((weight, variable, sorted_axes))
    return pairs


def _require_twins(layers: list[_Layer], twins: list[_Layer]) -> None:
    for number, (layer, twin) in enumerate(zip(layers, twins, strict=False), 1):
        if str(layer) != str(twin):
            raise ValueError(
                f"The networks differ: layer {number} of those with weights is in PyTorch a "
                f"{layer}; in Keras a {twin}."
            )
    if len(layers) != len(twins):
        single = max(layers, twins, key=len)[min(len(layers), len(twins))]
        raise ValueError(
            f"The networks differ: {len(layers)} layers have weights in PyTorch, {len(twins)} in "
            f"Keras. The first without a twin is a {single}."
        )


def _sorted_axis(axis: int, features: int, channels: int) -> list[tuple[int, np.ndarray]]:
    """Where the features in the order H, W, C are found among those in the order C, H, W."""
    if channels in (0, features):
        return []
    side = math.isqrt(features // channels)
    if channels * side**2 != features:
        raise ValueError(f"{features} features do not make square maps of {channels} channels.")
    maps = np.arange(features).reshape(channels, side, side)
    return [(axis, maps.transpose(1, 2, 0).ravel())]


def _torch_layers(network: nn.Module) -> Iterator[_Layer]:
    from torch import nn

    if not isinstance(network, nn.Module):
        raise TypeError(f"torch_network is a torch.nn.Module, not a {type(network).__name__}.")
    for module in network.modules():
        match module:
            case nn.Conv2d() | nn.ConvTranspose2d():
                sizes = (module.in_channels, module.out_channels)
                window = (module.kernel_size, module.stride, module.padding, module.output_padding)
                weights = {"kernel": module.weight, "bias": module.bias}
                yield _convolution(module.transposed, sizes, *window, weights)
            case nn.Linear():
                sizes = (module.in_features, module.out_features)
                weights = {"kernel": module.weight, "bias": module.bias}
                yield _layer("dense layer", sizes, [], weights)
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                weights = {
                    "scale": module.weight,
                    "shift": module.bias,
                    "mean": module.running_mean,
                    "variance": module.running_var,
                }
                sizes = 2 * [module.num_features]
                yield _layer("normalisation", sizes, [f"epsilon {module.eps:g}"], weights)
            case _:
                _refuse(module, list(module.parameters(recurse=False)))


def _keras_layers(network: keras.Model) -> Iterator[_Layer]:
    from helpers.keras import keras

    if not isinstance(network, keras.Model):
        raise TypeError(f"keras_network is a keras.Model, not a {type(network).__name__}.")
    if not network.built:
        raise ValueError("The Keras network has no weights yet: call it on a batch first.")
    for layer in network.layers:
        match layer:
            case keras.Model():
                yield from _keras_layers(layer)
            case keras.layers.Conv2D() | keras.layers.Conv2DTranspose():
                transposed = isinstance(layer, keras.layers.Conv2DTranspose)
                sizes = (layer.kernel.shape[3 if transposed else 2], layer.filters)
                window = (layer.kernel_size, layer.strides, layer.padding, (0, 0))
                weights = {"kernel": layer.kernel, "bias": layer.bias}
                yield _convolution(transposed, sizes, *window, weights)
            case keras.layers.Dense():
                weights = {"kernel": layer.kernel, "bias": layer.bias}
                yield _layer("dense layer", layer.kernel.shape, [], weights)
            case keras.layers.BatchNormalization():
                weights = {
                    "scale": layer.gamma,
                    "shift": layer.beta,
                    "mean": layer.moving_mean,
                    "variance": layer.moving_variance,
                }
                sizes = 2 * [layer.moving_mean.shape[0]]
                yield _layer("normalisation", sizes, [f"epsilon {layer.epsilon:g}"], weights)
            case _:
                _refuse(layer, layer.weights)


def _convolution(
    transposed: bool,
    sizes: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int] | str,
    output_padding: Sequence[int],
    weights: dict[str, Any],
) -> _Layer:
    if padding == "same":  # kernel - stride in all; an odd number is shared out unevenly
        padding = [(kernel - step) / 2 for kernel, step in zip(kernel_size, stride, strict=True)]
    elif padding == "valid":
        padding = [0 for _ in kernel_size]
    window = {"kernel": kernel_size, "stride": stride, "padding": padding}
    if any(output_padding):
        window["output padding"] = output_padding
    details = [f"{name} {'x'.join(f'{size:g}' for size in window[name])}" for name in window]
    kind = "transposed convolution" if transposed else "convolution"
    return _layer(kind, sizes, details, weights)


def _layer(
    kind: str, sizes: Sequence[int], details: Sequence[str], weights: dict[str, Any]
) -> _Layer:
    present = {name: weight for name, weight in weights.items() if weight is not None}
    details = ", ".join([*details, f"with {' and '.join(present)}"])
    return _Layer(kind, *sizes, details, list(present.values()))


def _refuse(layer: Any, weights: list[Any]) -> None:
    if weights:
        raise ValueError(
            f"{type(layer).__name__} has weights and no twin here: only convolutions, transposed "
            "convolutions, dense layers and batch normalisations can be copied."
        )

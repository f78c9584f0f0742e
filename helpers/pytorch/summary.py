"""List the layers of a PyTorch network in the order of their use; see ``helpers.architecture``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from helpers.architecture import INPUT, UNUSED, LayerRow, layer_details

# Functions that hand on the same numbers in the same shape.
_SILENT = {"contiguous", "to", "float", "clone", "detach", "requires_grad", "type"}


def trace_layers(network: nn.Module, input_shape: Sequence[int]) -> list[LayerRow]:
    """The layers that one example of ``input_shape`` passes, such as (3, 32, 32).

    Functions that the network calls outside its layers, such as ``x.flatten(1)`` or
    ``F.leaky_relu(x, 0.2)``, have rows of their own. The network is run in eval mode on zeros and
    is left as it was; its first parameter decides device and type.

    Raises what the network raises for such an input, and ValueError for sizes below 1.
    """
    if any(size < 1 for size in input_shape):
        raise ValueError(f"input_shape is {tuple(input_shape)}: give sizes of 1 or more.")
    like = next(network.parameters(), torch.zeros(()))
    example = torch.zeros(1, *input_shape, device=like.device, dtype=like.dtype)
    trace = _Trace(network, example)
    modes = {module: module.training for module in network.modules()}
    hooks = [hook for module in modes for hook in trace.watch(module)]
    try:
        network.eval()
        with torch.no_grad(), trace:
            network(example)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return trace.finished()


class _Trace(TorchFunctionMode):
    """Follows what is made of the example: by layers, and by functions outside of them."""

    def __init__(self, network: nn.Module, example: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.rows = [LayerRow(INPUT, tuple(example.shape[1:]))]
        self.inside = 0  # of how many layers at the moment
        self.made = {id(example): example}  # kept, so that no id is given away again
        self.counted: set[int] = set()
        # Which parameters and buffers a tensor is, or was computed from: a reshaped gamma is gamma.
        own = [*network.parameters(), *network.buffers()]
        self.sources = {id(each): (each, [each]) for each in own}

    def watch(self, module: nn.Module) -> list[Any]:
        if not self._is_layer(module):
            return []
        return [
            module.register_forward_pre_hook(self._enter),
            module.register_forward_hook(self._leave, always_call=True),
        ]

    def _is_layer(self, module: nn.Module) -> bool:
        children = {name for name, _ in module.named_children()} - {"parametrizations"}
        if children or isinstance(module, nn.Sequential):
            return False
        # A network without layers calls functions with its own parameters: those are of interest.
        return module is not self.network or type(module).__module__.startswith("torch.nn.")

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self.inside += 1

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.inside -= 1
        # What makes a weight, such as spectral normalisation, is a module too: it sees no data.
        seen = any(id(each) in self.made for each in tree_leaves(inputs))
        if seen and isinstance(output, torch.Tensor):
            self._add(
                type(module).__name__.removeprefix("Parametrized"),
                output,
                [*module.parameters(), *module.buffers()],
                layer_details(module),
            )

    def __torch_function__(
        self,
        function: Callable,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        if self.inside:
            return output
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        results = [x for x in tree_leaves(output) if isinstance(x, torch.Tensor)]
        if not any(id(tensor) in self.made for tensor in tensors):
            sources = self._sources(tensors)
            self.sources |= {id(result): (result, sources) for result in results if sources}
            return output
        self.made |= {id(result): result for result in results}
        name = getattr(function, "__name__", "function").rstrip("_")
        if isinstance(output, torch.Tensor) and name not in _SILENT and name[:2] != "__":
            self._add(name, output, tensors)
        return output

    def _add(
        self, kind: str, output: torch.Tensor, tensors: Sequence[torch.Tensor], details: str = ""
    ) -> None:
        self.made[id(output)] = output
        numbers = self._count(self._sources(tensors))
        self.rows.append(LayerRow(kind, tuple(output.shape[1:]), *numbers, details))

    def _sources(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [each for x in tensors for each in self.sources.get(id(x), (x, []))[1]]

    def _count(self, tensors: Sequence[torch.Tensor]) -> tuple[int, int]:
        """(trainable, non-trainable) numbers not counted before; a counter is no such number."""
        totals = [0, 0]
        for tensor in tensors:
            if id(tensor) not in self.counted and tensor.is_floating_point():
                self.counted.add(id(tensor))
                totals[0 if tensor.requires_grad else 1] += tensor.numel()
        return totals[0], totals[1]

    def finished(self) -> list[LayerRow]:
        rest = self._count([*self.network.parameters(), *self.network.buffers()])
        return self.rows + ([LayerRow(UNUSED, (), *rest)] if any(rest) else [])

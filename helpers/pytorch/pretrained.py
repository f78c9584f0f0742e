"""Networks that come trained: a DCGAN's generator and discriminator, trained on street digits.

    from helpers.pytorch.pretrained import load_generator

    images = load_generator()(torch.randn(16, 100))

``data/README.md`` has the command that made the files; it is in their headers too. The generator is
the running average that the trainer keeps (see ``helpers.pytorch.training.train``).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from helpers.pytorch.discriminator import Discriminator
from helpers.pytorch.generator import Generator
from helpers.runs import write_whole

_MODELS = Path(__file__).parents[2] / "data" / "models"
GENERATOR = _MODELS / "dcgan_generator.safetensors"
DISCRIMINATOR = _MODELS / "dcgan_discriminator.safetensors"


def load_generator(path: str | Path = GENERATOR, device: str | torch.device = "cpu") -> Generator:
    """The trained generator in eval mode: (N, 100) from N(0, 1) -> (N, 3, 32, 32) in (-1, 1).

    path : by default the file that the course brings; the trainer writes such files too. Raises
    FileNotFoundError when it is not there, ValueError when it holds another network.
    """
    facts = _facts(path)
    network = Generator(
        int(facts["latent_dim"]),
        int(facts["conv_dim"]),
        batch_norm=facts.get("batch_norm") != "False",
    )
    return _fill(network, path, device)


def load_discriminator(
    path: str | Path = DISCRIMINATOR, device: str | torch.device = "cpu"
) -> Discriminator:
    """The discriminator of the same run in eval mode: (N, 3, 32, 32) in [-1, 1] -> logits (N, 1).

    It was trained against the generator's current weights, not against their average. Arguments
    and errors as in ``load_generator``.
    """
    facts = _facts(path)
    network = Discriminator(
        int(facts["conv_dim"]),
        batch_norm=facts.get("batch_norm") != "False",
        head=facts.get("head", "dense"),
    )
    return _fill(network, path, device)


def save_network(path: str | Path, network: nn.Module, **facts: object) -> None:
    """Write a network's weights and the facts that it was built with, whole or not at all."""
    from safetensors.torch import save

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    write_whole(path, save(tensors, {name: str(value) for name, value in facts.items()}))


def _facts(path: str | Path) -> dict[str, str]:
    from safetensors import safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path} is not there. Fetch it again from the course's repository, or train one: "
            "python -m helpers.pytorch.training --help"
        )
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def _fill(network: nn.Module, path: str | Path, device: str | torch.device) -> nn.Module:
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(path))
    except RuntimeError:
        raise ValueError(
            f"{path} holds another network than a {type(network).__name__}: its weights have "
            "other names or shapes."
        ) from None
    return network.to(device).eval()

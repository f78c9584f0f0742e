"""A small classifier of street digits, the judge that `helpers.metrics` asks.

The bundled weights (0.9 MB) were made by::

    python -m helpers.pytorch.digit_classifier --out data/models/digit_classifier.safetensors

which also writes how many of 10,000 test images the classifier reads into the file's metadata.
Nothing in it is real SVHN; it was trained on `helpers.data.street_digits` only.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from helpers.data import load_images

WEIGHTS = Path(__file__).resolve().parents[2] / "data" / "models" / "digit_classifier.safetensors"
FEATURES = 64


class DigitClassifier(nn.Module):
    """Five convolutions and two dense layers, 212,682 parameters.

    ``forward(images)``: (N, 3, 32, 32) in [-1, 1] -> (N, 10) logits.
    ``features(images)``: the same -> (N, 64), the last layer's input, which is 0 or more.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = [(3, 32, 4, 2), (32, 32, 3, 1), (32, 64, 4, 2), (64, 64, 3, 1), (64, 64, 4, 2)]
        layers = []
        for in_channels, out_channels, kernel_size, stride in sizes:
            layers += [
                nn.Conv2d(in_channels, out_channels, kernel_size, stride, 1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(64 * 4 * 4, FEATURES), nn.ReLU()
        )
        self.head = nn.Linear(FEATURES, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 10) for images (N, 3, 32, 32) in [-1, 1]."""
        return self.head(self.features(images))


def to_input(images: np.ndarray | torch.Tensor, device: str | torch.device = "cpu") -> torch.Tensor:
    """Turn uint8 images (N, 3, 32, 32) into what the classifier takes, float32 in [-1, 1]."""
    images = torch.as_tensor(images).to(device).float() / 127.5 - 1
    return images.contiguous(memory_format=torch.channels_last)


def load_classifier(
    path: str | Path = WEIGHTS, device: str | torch.device = "cpu"
) -> DigitClassifier:
    """Return the trained classifier in eval mode, without gradients.

    Raises
    ------
    FileNotFoundError
        If ``path`` is not there; the message says how to make it.
    """
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path} is not there. Fetch it again from the course's repository, or make it: "
            f"python -m helpers.pytorch.digit_classifier --out {path}"
        )
    classifier = DigitClassifier()
    classifier.load_state_dict(load_file(path))
    return classifier.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


def train(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = 4,
    batch_size: int = 128,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> DigitClassifier:
    """Train on uint8 images (N, 3, 32, 32) and labels (N,); return the classifier in eval mode.

    Adam with a one-cycle learning rate; images are moved by up to two pixels at random.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    classifier = DigitClassifier().to(device, memory_format=torch.channels_last)
    data, targets = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
    batches = len(data) // batch_size
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * batches)
    with tqdm(total=epochs * batches, unit="step") as bar:
        for _ in range(epochs):
            order = torch.randperm(len(data), generator=random)[: batches * batch_size]
            for chosen in order.view(batches, batch_size).to(device):
                move = torch.randint(-2, 3, (2,), generator=random).tolist()
                batch = to_input(torch.roll(data[chosen], move, (2, 3)), device)
                loss = cross_entropy(classifier(batch), targets[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
    return classifier.eval().requires_grad_(False)


@torch.no_grad()
def run(
    classifier: DigitClassifier, images: np.ndarray, batch_size: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, 64) and class probabilities (N, 10), float32, of uint8 images."""
    device = next(classifier.parameters()).device
    features, probabilities = [], []
    for start in range(0, len(images), batch_size):
        some = classifier.features(to_input(images[start : start + batch_size], device))
        features.append(some.cpu().numpy())
        probabilities.append(classifier.head(some).softmax(1).cpu().numpy())
    return np.concatenate(features), np.concatenate(probabilities)


def main() -> None:
    """Train the classifier on street digits, test it on 10,000 others, save it."""
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(
        prog="python -m helpers.pytorch.digit_classifier", description=main.__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--count", type=int, default=50_000, help="training images (50000)")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)

    images, labels = load_images("street_digits", "train", options.count)
    classifier = train(
        images, labels, epochs=options.epochs, seed=options.seed, device=options.device
    )
    images, labels = load_images("street_digits", "test", 10_000)
    accuracy = float((run(classifier, images)[1].argmax(1) == labels).mean())
    command = "python -m helpers.pytorch.digit_classifier"
    command += f" --count {options.count} --epochs {options.epochs} --seed {options.seed}"
    metadata = {"made_by": command, "test_accuracy": f"{accuracy:.4f}"}
    tensors = {name: value.cpu().contiguous() for name, value in classifier.state_dict().items()}
    part = options.out.with_suffix(".part")
    save_file(tensors, part, metadata)
    os.replace(part, options.out)
    print(f"{options.out}: reads {accuracy:.1%} of 10,000 test images")


if __name__ == "__main__":
    main()

"""Train a DCGAN in PyTorch, from Python or from the command line.

    from helpers.pytorch.training import train

    history = train(build_generator(), build_discriminator(), images, steps=1000)

    python -m helpers.pytorch.training --data street_digits --steps 20000 --out runs/first
    python -m helpers.pytorch.training --data street_digits --steps 30000 --out runs/first --resume
    torchrun --nproc-per-node 2 -m helpers.pytorch.training --steps 20000 --out runs/two

What a step computes is in ``Trainer.step``. Beside it, what makes it quick: images stay on the
device as bytes and are gathered and scaled there, batch by batch; the discriminator's step does not
differentiate the generator, nor the generator's step the discriminator's weights; both use the same
fakes, so the generator runs once; and no loss is read back until it is to be shown, since every
``.item()`` waits for the device.

Every step's random numbers follow from the run's seed and the step's number alone. So a run that
goes on from a checkpoint ends with the same bits, on the same device, as one that never stopped.

Source: I. Goodfellow et al., "Generative adversarial networks", 2014, arXiv:1406.2661; A. Radford,
L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
adversarial networks", 2015, arXiv:1511.06434 (Adam's learning rate 0.0002 and beta_1 0.5).
"""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import distributed, nn

from helpers import runs
from helpers.pixel_scaling import scale_uint8, unscale_to_uint8
from helpers.pytorch.augment import diff_augment
from helpers.pytorch.discriminator import Discriminator, build_discriminator
from helpers.pytorch.generator import Generator, build_generator
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss
from helpers.recipes import BASELINE, RECIPES, Recipe
from helpers.runs import History

#: How much of the running average of the generator's weights each step keeps, at most.
AVERAGE_KEEP = 0.999


def pick_device() -> torch.device:
    """The quickest device there is: CUDA, Apple's MPS, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def build_networks(
    recipe: Recipe = BASELINE, latent_dim: int = 100, conv_dim: int = 32, image_size: int = 32
) -> tuple[Generator, Discriminator]:
    """The generator and the discriminator that a recipe asks for, with the paper's first weights.

    The other arguments are those of ``build_generator`` and ``build_discriminator``.
    """
    generator = build_generator(
        latent_dim, conv_dim, image_size=image_size, batch_norm=recipe.batch_norm
    )
    discriminator = build_discriminator(conv_dim, image_size, recipe.batch_norm, recipe.head)
    return generator, discriminator


def discriminator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    images: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    latent_dim: int,
) -> float:
    """One step of the discriminator: real images up, as many generated ones down.

    images : (N, 3, H, W) in [-1, 1]. optimizer : the discriminator's. Returns the loss, in nats.
    The fakes are detached: the generator's weights get no gradient. Its batch normalisation sees
    the batch, as in training.
    """
    z = torch.randn(len(images), latent_dim, device=images.device)
    fakes = generator(z).detach()
    loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    latent_dim: int,
) -> float:
    """One step of the generator: its images up, in the eyes of the discriminator.

    optimizer : the generator's. Returns the loss, in nats. The gradient flows through the
    discriminator, whose weights stay as they are.
    """
    z = torch.randn(batch_size, latent_dim, device=next(generator.parameters()).device)
    loss = generator_loss(discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def sample_images(generator: nn.Module, z: torch.Tensor) -> torch.Tensor:
    """Images from z, to be looked at: (N, latent_dim) -> uint8 (N, 3, H, W).

    In eval mode, so that an image does not depend on the others in its batch, and without
    gradients. Every module is left in the mode it was in.
    """
    with _eval_mode(generator):
        return unscale_to_uint8(generator(z).float())


def train(
    generator: nn.Module,
    discriminator: nn.Module,
    images: np.ndarray | torch.Tensor,
    *,
    steps: int,
    batch_size: int = 128,
    latent_dim: int | None = None,
    learning_rate: float = 2e-4,
    beta_1: float = 0.5,
    recipe: Recipe = BASELINE,
    seed: int = 0,
    averaged: nn.Module | None = None,
    device: str | torch.device | None = None,
    mixed_precision: bool | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    log_every: int = 50,
    sample_every: int = 500,
    checkpoint_every: int = 500,
    progress: bool = True,
) -> History:
    """Train both networks in place and return the losses.

    Parameters
    ----------
    generator : (N, latent_dim) -> (N, 3, H, W) in (-1, 1). discriminator : images -> logits (N, 1).
        Both end on ``device``, in train mode.
    images : uint8, (M, 3, H, W) with M at least batch_size; kept on the device.
    steps : updates of each network, counted from the start of the run also when it resumes.
    batch_size : real images per step, over all processes; as many fakes.
    latent_dim : by default ``generator.latent_dim``.
    learning_rate, beta_1 : Adam's, for both networks.
    recipe : what the discriminator sees of the images, its target for the real ones, and how many
        images there are. How the networks are built is ``build_networks``' part of it.
    averaged : a copy of the generator that is made a running average of its weights; its samples
        are steadier than the generator's own (Yazıcı et al. 2019, arXiv:1806.04498).
    device : by default the quickest: see ``pick_device``.
    mixed_precision : bfloat16 where it is safe; by default on CUDA only.
    out : folder for metrics, samples, curves and checkpoints (see ``helpers.runs``); None: nothing
        is written.
    resume : go on from the newest usable checkpoint in ``out``, or start where there is none.
    log_every, sample_every, checkpoint_every : in steps.
    progress : show a bar with images per second and both losses.

    Raises
    ------
    ValueError
        For images of another type or shape, or fewer than a batch; for numbers that make no sense.
    helpers.runs.TrainingStopped
        When a loss is not finite, or exploded; the message names the step and the checkpoint.
    helpers.runs.CheckpointError
        When no checkpoint can be used, or the run to go on with had other settings, or ``out``
        holds a run already and ``resume`` is False.
    KeyboardInterrupt
        After Ctrl-C, once the step is done and saved. A second one stops at once.
    """
    if resume and out is None:
        raise ValueError("resume needs out, the folder of the run to go on with.")
    trainer = Trainer(
        generator,
        discriminator,
        images,
        latent_dim=generator.latent_dim if latent_dim is None else latent_dim,
        averaged=averaged,
        device=device,
        mixed_precision=mixed_precision,
        batch_size=batch_size,
        learning_rate=learning_rate,
        beta_1=beta_1,
        recipe=recipe,
        seed=seed,
    )
    runs.require_positive(
        log_every=log_every, sample_every=sample_every, checkpoint_every=checkpoint_every
    )
    folder = None
    if out is not None:
        # The same z for every grid, whatever the run's seed.
        z = torch.randn(100, trainer.latent_dim, generator=torch.Generator().manual_seed(0))
        best = trainer.generator if trainer.averaged is None else trainer.averaged
        folder = runs.RunFolder(
            out,
            trainer,
            framework="pytorch",
            versions={"torch": torch.__version__},
            sample=lambda: sample_images(best, z.to(trainer.device)).cpu().numpy(),
            resume=resume,
            sample_every=sample_every,
            checkpoint_every=checkpoint_every,
        )
    with _own_random_numbers(trainer.device):
        return runs.lead(trainer, steps, folder, log_every, progress)


class Trainer:
    """Both networks, their optimisers and the images: what a training step needs.

    ``step()`` trains on one batch; ``state()`` and ``restore()`` give and take all that the next
    step depends on, as NumPy arrays. The arguments are those of ``train``.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        images: np.ndarray | torch.Tensor,
        *,
        latent_dim: int,
        batch_size: int = 128,
        learning_rate: float = 2e-4,
        beta_1: float = 0.5,
        recipe: Recipe = BASELINE,
        seed: int = 0,
        averaged: nn.Module | None = None,
        device: str | torch.device | None = None,
        mixed_precision: bool | None = None,
    ) -> None:
        images = torch.as_tensor(images)
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(
                f"images are uint8 of shape (N, 3, H, W), not {images.dtype} "
                f"{tuple(images.shape)}: load_images gives such ones."
            )
        if seed < 0:
            raise ValueError(f"seed is 0 or more, not {seed}.")
        self.rank, self.processes = _place_among_processes()
        if batch_size < 2 or batch_size % self.processes:
            raise ValueError(
                f"batch_size is 2 or more and a multiple of the {self.processes} processes, "
                f"not {batch_size}."
            )
        images = images[: recipe.images]
        if len(images) < batch_size:
            raise ValueError(f"{len(images)} images are fewer than a batch of {batch_size}.")
        self.device = torch.device(device) if device is not None else pick_device()
        self.images = images.to(self.device)
        if mixed_precision is None:
            mixed_precision = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.mixed_precision = mixed_precision
        self.latent_dim, self.batch_size = latent_dim, batch_size
        self.recipe, self.seed = recipe, seed
        #: What a run must have in common with the one that it goes on from.
        self.settings = {
            "batch_size": batch_size,
            "latent_dim": latent_dim,
            "learning_rate": learning_rate,
            "beta_1": beta_1,
            **recipe.settings,
            "seed": seed,
            "averaged": averaged is not None,
            "mixed_precision": mixed_precision,
            "processes": self.processes,
            "images": len(images),
            "data": runs.fingerprint(images.cpu().numpy()),
        }
        self.steps_done = 0
        self._order: tuple[int, torch.Tensor] | None = None
        self.generator = self._place(generator).train()
        self.discriminator = self._place(discriminator).train()
        self.averaged = None if averaged is None else self._place(averaged).eval()
        if self.averaged is not None:
            self.averaged.load_state_dict(self.generator.state_dict())
        self._d_weights = [w for w in self.discriminator.parameters() if w.requires_grad]
        self.optimizers = {
            name: torch.optim.Adam(
                network.parameters(), learning_rate, betas=(beta_1, 0.999), fused=self._fused()
            )
            for name, network in (
                ("g_optimizer", self.generator),
                ("d_optimizer", self.discriminator),
            )
        }
        self._run_generator = self._distributed(self.generator)
        self._run_discriminator = self._distributed(self.discriminator)

    @property
    def is_first_process(self) -> bool:
        """Whether this process writes the files and shows the bar."""
        return self.rank == 0

    def step(self) -> torch.Tensor:
        """Train both networks on the next batch. Returns both losses, (2,), on the device."""
        torch.manual_seed(self._seed(self.steps_done, self.rank))
        reals = self._next_batch()
        z = torch.randn(len(reals), self.latent_dim, device=self.device)

        with self._precision():
            fakes = self._run_generator(z)
            real_logits = self._run_discriminator(self._augment(reals))
            fake_logits = self._run_discriminator(self._augment_fakes(fakes.detach()))
            d_loss = real_loss(real_logits, self.recipe.smooth) + fake_loss(fake_logits)
        self._update("d_optimizer", d_loss)

        # The gradient goes through the discriminator to the fakes, not to its weights.
        for weight in self._d_weights:
            weight.requires_grad_(False)
        with self._precision():
            g_loss = generator_loss(self.discriminator(self._augment_fakes(fakes)))
        self._update("g_optimizer", g_loss)
        for weight in self._d_weights:
            weight.requires_grad_(True)

        self.steps_done += 1
        if self.averaged is not None:
            # A short memory at first, so that the first weights are forgotten.
            keep = min(AVERAGE_KEEP, self.steps_done / (self.steps_done + 100))
            _average(self.averaged, self.generator, keep)
        return torch.stack([d_loss.detach(), g_loss.detach()])

    def read(self, losses: Sequence[torch.Tensor]) -> np.ndarray:
        """The losses of several steps, (steps, 2). Waits for the device."""
        return torch.stack(list(losses)).cpu().numpy()

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on, by name."""
        arrays = {}
        for name, network in self._networks().items():
            for key, value in network.state_dict().items():
                arrays[f"{name}.{key}"] = _to_numpy(value)
        for name, optimizer in self.optimizers.items():
            for number, numbers in optimizer.state_dict()["state"].items():
                for key, value in numbers.items():
                    arrays[f"{name}.{number}.{key}"] = _to_numpy(value)
        return arrays

    def restore(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Go back to a ``state()`` after ``step`` steps. Raises CheckpointError if it is another
        network's."""
        groups: dict[str, dict[str, torch.Tensor]] = {}
        for name, array in arrays.items():
            network, _, key = name.partition(".")
            groups.setdefault(network, {})[key] = torch.from_numpy(array.copy())
        networks = self._networks()
        for name, network in networks.items():
            ours = {key: value.shape for key, value in network.state_dict().items()}
            theirs = {key: value.shape for key, value in groups.get(name, {}).items()}
            if ours != theirs:
                raise runs.CheckpointError(
                    f"The checkpoint holds another {name}: its weights have other names or "
                    "shapes. Build the networks as they were, or give this run another folder."
                )
        for name, network in networks.items():
            network.load_state_dict(groups[name])
        for name, optimizer in self.optimizers.items():
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in groups.get(name, {}).items():
                number, _, part = key.partition(".")
                state.setdefault(int(number), {})[part] = value
            fresh = optimizer.state_dict()
            optimizer.load_state_dict({"state": state, "param_groups": fresh["param_groups"]})
            # Adam's fused kernel walks memory: its averages must lie as their weights do.
            for weight, numbers in optimizer.state.items():
                for key, value in numbers.items():
                    if value.shape == weight.shape:
                        numbers[key] = torch.empty_like(weight).copy_(value)
        self.steps_done = step

    def any_process(self, yes: bool, ask_others: bool) -> bool:
        """Whether any process says yes; several can only tell when all of them ask."""
        if self.processes == 1:
            return yes
        if not ask_others:
            return False
        votes = torch.tensor(float(yes), device=self.device)
        distributed.all_reduce(votes)
        return bool(votes.item())

    def _networks(self) -> dict[str, nn.Module]:
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return networks | ({"averaged": self.averaged} if self.averaged is not None else {})

    def _augment(self, images: torch.Tensor) -> torch.Tensor:
        """Images as the discriminator sees them. Without augmentation no random number is drawn."""
        if not self.recipe.augmentation:
            return images
        return diff_augment(images.float(), self.recipe.augmentation)

    def _augment_fakes(self, images: torch.Tensor) -> torch.Tensor:
        return self._augment(images) if self.recipe.augment_fakes else images

    def _update(self, name: str, loss: torch.Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def _next_batch(self) -> torch.Tensor:
        """This process's share of the batch, in [-1, 1]. All images once, then in a new order."""
        per_epoch = len(self.images) // self.batch_size
        epoch, place = divmod(self.steps_done, per_epoch)
        if self._order is None or self._order[0] != epoch:
            random = torch.Generator().manual_seed(self._seed(epoch, -1))
            order = torch.randperm(len(self.images), generator=random)
            self._order = epoch, order.to(self.device)
        share = self.batch_size // self.processes
        first = place * self.batch_size + self.rank * share
        chosen = self._order[1][first : first + share]
        return scale_uint8(self.images[chosen]).contiguous(memory_format=torch.channels_last)

    def _seed(self, number: int, rank: int) -> int:
        # PyTorch's CPU generator uses 32 bits of its seed; SeedSequence mixes all of ours in.
        return int(np.random.SeedSequence([self.seed, number, rank + 1]).generate_state(1)[0])

    def _precision(self) -> Any:
        if self.mixed_precision:
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def _place(self, network: nn.Module) -> nn.Module:
        return network.to(self.device, memory_format=torch.channels_last)

    def _fused(self) -> bool:
        return self.device.type in ("cuda", "cpu")

    def _distributed(self, network: nn.Module) -> nn.Module:
        if self.processes == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        # Every process normalises by its own share of the batch; the first one's running
        # statistics are the ones that are saved.
        known = inspect.signature(DistributedDataParallel).parameters
        newer, older = "forward_sync_buffers", "broadcast_buffers"
        return DistributedDataParallel(network, **{newer if newer in known else older: False})


def _average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Move every weight of ``averaged`` a little towards the network's."""
    with torch.no_grad():
        theirs = network.state_dict()
        pairs = [(value, theirs[name]) for name, value in averaged.state_dict().items()]
        moving = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([a for a, _ in moving], [b for _, b in moving], 1 - keep)
        for value, other in pairs:
            if not value.is_floating_point():
                value.copy_(other)


def _to_numpy(value: torch.Tensor) -> np.ndarray:
    return value.detach().cpu().contiguous().numpy()


def _place_among_processes() -> tuple[int, int]:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


@contextmanager
def _eval_mode(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _own_random_numbers(device: torch.device) -> Iterator[None]:
    """Leave the caller's random numbers as they were: every step seeds its own."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


def main() -> None:
    """Train a DCGAN on 32 x 32 images; the run's folder gets losses, samples and checkpoints."""
    options = _parser().parse_args()
    launched = "WORLD_SIZE" in os.environ  # by torchrun
    go_on = (
        "Start the same command again with --resume: checkpoints are in "
        f"{options.out / 'checkpoints'}."
    )

    def end(sentence: str) -> NoReturn:
        if launched:  # a request to end that comes while the sentence is printed would swallow it
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(sentence)

    if launched:
        # torchrun ends all processes when one of them has ended.
        signal.signal(
            signal.SIGTERM, lambda *_: end(f"Another process of this run has ended. {go_on}")
        )
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        _run(options)
    except KeyboardInterrupt as stop:
        end(f"\nStopped. {stop}")
    except (ValueError, OSError, runs.CheckpointError, runs.TrainingStopped) as error:
        end(f"{error}")
    except RuntimeError as error:
        if not launched:
            raise
        reason = str(error).splitlines()[0][:200]
        end(f"Another process of this run has ended, or cannot be reached. {go_on} ({reason})")
    finally:
        if launched:
            distributed.destroy_process_group()


def _parser() -> argparse.ArgumentParser:
    parser = runs.training_parser("helpers.pytorch.training", main.__doc__)
    parser.add_argument("--device", help="cuda, mps or cpu (default: the quickest there is)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    parser.add_argument(
        "--judge", type=int, default=2000, help="samples that the classifier reads at the end"
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    from helpers.data import load_images
    from helpers.metrics import judge
    from helpers.pytorch.pretrained import save_network

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    sizes = {"latent_dim": options.latent_dim, "conv_dim": options.conv_dim}
    recipe = RECIPES[options.recipe]
    generator, averaged = (build_generator(**sizes, batch_norm=recipe.batch_norm) for _ in range(2))
    discriminator = build_discriminator(
        options.conv_dim, batch_norm=recipe.batch_norm, head=recipe.head
    )
    images, _ = load_images(options.data, "train", options.count)
    history = train(
        generator,
        discriminator,
        images,
        averaged=averaged,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        recipe=recipe,
        seed=options.seed,
        device=options.device,
        out=options.out,
        resume=options.resume,
        sample_every=options.sample_every,
        checkpoint_every=options.checkpoint_every,
    )
    if _place_among_processes()[0] != 0:
        return
    z = torch.randn(options.judge, options.latent_dim, generator=torch.Generator().manual_seed(1))
    verdict = "not judged"
    if options.judge:
        verdict = judge(sample_images(averaged.cpu(), z).numpy(), options.data)
    command = "python -m helpers.pytorch.training " + " ".join(
        f"--{name.replace('_', '-')} {getattr(options, name)}"
        for name in (
            "recipe", "data", "count", "steps", "batch_size", "conv_dim", "latent_dim", "seed",
        )
    )  # fmt: skip
    facts = {
        "made_by": command,
        "torch": torch.__version__,
        "device": str(next(generator.parameters()).device),
        "judged": str(verdict),
        "batch_norm": recipe.batch_norm,
        "head": recipe.head,
    }
    save_network(options.out / "generator.safetensors", averaged, **sizes, **facts)
    save_network(
        options.out / "discriminator.safetensors",
        discriminator.cpu(),
        conv_dim=options.conv_dim,
        **facts,
    )
    print(f"{options.out}: {history.steps[-1]:,} steps. The averaged generator: {verdict}.")


if __name__ == "__main__":
    main()

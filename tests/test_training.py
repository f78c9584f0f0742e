"""The PyTorch trainer: what a step computes, and that no run is lost, whatever happens to it."""

import contextlib
import copy
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers import runs
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator import build_generator
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss
from helpers.pytorch.pretrained import load_discriminator, load_generator, save_network
from helpers.pytorch.training import (
    Trainer,
    build_networks,
    discriminator_step,
    generator_step,
    sample_images,
    train,
)
from helpers.recipes import DIFF_POLICY, RECIPES, Recipe

ROOT = Path(__file__).parents[1]
IMAGES = np.random.default_rng(0).integers(0, 256, (100, 3, 32, 32), dtype=np.uint8)
QUICK = {"batch_size": 16, "progress": False, "device": "cpu", "log_every": 3}


def networks(seed=0):
    torch.manual_seed(seed)
    generator = build_generator(latent_dim=6, conv_dim=2)
    return generator, build_discriminator(conv_dim=2), copy.deepcopy(generator)


def weights(network):
    return [value.clone() for value in network.state_dict().values()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def sgd(network):
    return torch.optim.SGD(network.parameters(), 0.1)


def reals(count=8):
    return torch.from_numpy(IMAGES[:count]).float() / 127.5 - 1


def test_the_discriminators_step_descends_its_loss_and_leaves_the_generator():
    generator, discriminator, _ = networks()
    twin, g_before = copy.deepcopy(discriminator), [w.clone() for w in generator.parameters()]
    torch.manual_seed(5)
    z = torch.randn(8, 6)
    loss = real_loss(twin(reals())) + fake_loss(twin(copy.deepcopy(generator)(z)))
    loss.backward()
    expected = [w - 0.1 * w.grad for w in twin.parameters()]
    torch.manual_seed(5)
    got = discriminator_step(generator, discriminator, reals(), sgd(discriminator), 6)
    assert got == pytest.approx(loss.item())
    for weight, value in zip(discriminator.parameters(), expected, strict=True):
        torch.testing.assert_close(weight, value)
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), g_before, strict=True))
    assert all(w.grad is None for w in generator.parameters())


def test_the_generators_step_descends_its_loss_and_leaves_the_discriminators_weights():
    generator, discriminator, _ = networks()
    twin, d_before = copy.deepcopy(generator), [w.clone() for w in discriminator.parameters()]
    torch.manual_seed(5)
    loss = generator_loss(copy.deepcopy(discriminator)(twin(torch.randn(8, 6))))
    loss.backward()
    expected = [w - 0.1 * w.grad for w in twin.parameters()]
    torch.manual_seed(5)
    got = generator_step(generator, discriminator, sgd(generator), 8, 6)
    assert got == pytest.approx(loss.item())
    for weight, value in zip(generator.parameters(), expected, strict=True):
        torch.testing.assert_close(weight, value)
    assert all(torch.equal(a, b) for a, b in zip(discriminator.parameters(), d_before, strict=True))


def test_samples_are_bytes_one_by_one_the_same_and_leave_every_mode():
    generator, _, _ = networks()
    generator.train()
    generator.start.eval()  # a mixed state must come back as it was
    before, modes = weights(generator), [m.training for m in generator.modules()]
    z = torch.randn(5, 6)
    images = sample_images(generator, z)
    assert images.dtype == torch.uint8
    assert images.shape == (5, 3, 32, 32)
    assert torch.equal(images[2:3], sample_images(generator, z[2:3]))
    assert [m.training for m in generator.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(weights(generator), before, strict=True))


def test_one_step_of_the_trainer_is_the_plain_step_of_both():
    generator, discriminator, _ = networks()
    g, d = copy.deepcopy(generator), copy.deepcopy(discriminator)
    trainer = Trainer(
        generator, discriminator, IMAGES, latent_dim=6, batch_size=16, learning_rate=0.01,
        beta_1=0.5, recipe=Recipe(smooth=True), device="cpu",
    )  # fmt: skip
    z, real = [], []
    generator.register_forward_pre_hook(lambda _, given: z.append(given[0]))
    discriminator.register_forward_pre_hook(lambda _, given: real.append(given[0]))
    d_loss, g_loss = trainer.step().tolist()
    assert len(z) == 1  # the generator runs once for both

    g_adam, d_adam = (torch.optim.Adam(n.parameters(), 0.01, betas=(0.5, 0.999)) for n in (g, d))
    fakes = g(z[0])
    loss = real_loss(d(real[0]), smooth=True) + fake_loss(d(fakes.detach()))
    loss.backward()
    d_adam.step()
    assert d_loss == pytest.approx(loss.item(), rel=1e-5)
    loss = generator_loss(d(fakes))
    loss.backward()
    g_adam.step()
    assert g_loss == pytest.approx(loss.item(), rel=1e-5)
    for ours, plain in ((generator, g), (discriminator, d)):
        for value, expected in zip(ours.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5)
    assert all(weight.requires_grad for weight in discriminator.parameters())


def seen_by_the_discriminator(recipe):
    """One step: the real images, the generator's, and what the discriminator is given of them."""
    generator, discriminator, _ = networks()
    trainer = Trainer(
        generator, discriminator, IMAGES, latent_dim=6, batch_size=16, recipe=recipe, device="cpu"
    )
    seen, made = [], []
    generator.register_forward_hook(lambda *call: made.append(call[2].detach().clone()))
    discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    reals, before = trainer._next_batch(), [w.clone() for w in generator.parameters()]
    trainer.step()
    moved = [not torch.equal(a, b) for a, b in zip(generator.parameters(), before, strict=True)]
    assert all(moved)  # the gradient comes back through the augmentation
    return reals, made[0], seen


def test_without_augmentation_the_discriminator_sees_the_images_as_they_are():
    reals, fakes, seen = seen_by_the_discriminator(Recipe())
    for found, expected in zip(seen, (reals, fakes, fakes), strict=True):
        assert torch.equal(found, expected)


def test_differentiable_augmentation_meets_real_and_fake_images_each_by_its_own_numbers():
    reals, fakes, seen = seen_by_the_discriminator(RECIPES["diff-augmentation"])
    for found, plain in zip(seen, (reals, fakes, fakes), strict=True):
        assert not torch.isclose(found, plain).flatten(1).all(1).any()
        assert found.abs().max() <= 1
    assert not torch.equal(seen[1], seen[2])  # the generator's step draws anew
    holes = [(images == 0).all(1) for images in seen]
    assert not torch.equal(holes[0], holes[1])


def test_naive_augmentation_leaves_the_fakes_alone():
    reals, fakes, seen = seen_by_the_discriminator(RECIPES["naive-augmentation"])
    assert not torch.isclose(seen[0], reals).flatten(1).all(1).any()
    assert torch.equal(seen[1], fakes) and torch.equal(seen[2], fakes)


def test_flipped_digits_are_the_real_ones_or_their_mirror_images():
    reals, fakes, seen = seen_by_the_discriminator(RECIPES["flipped-digits"])
    turned = [torch.equal(a, b.flip(2)) for a, b in zip(seen[0], reals, strict=True)]
    same_ = [torch.equal(a, b) for a, b in zip(seen[0], reals, strict=True)]
    assert any(turned) and any(same_) and sum(turned) + sum(same_) == 16
    assert torch.equal(seen[1], fakes)


def test_a_recipe_says_how_many_images_there_are_and_builds_its_networks():
    nets = networks()
    trainer = Trainer(
        *nets[:2], IMAGES, latent_dim=6, batch_size=16, recipe=Recipe(images=20), device="cpu"
    )
    assert torch.equal(trainer.images, torch.from_numpy(IMAGES[:20]))
    with pytest.raises(ValueError, match="15 images are fewer"):
        train(*nets[:2], IMAGES, steps=1, recipe=Recipe(images=15), **QUICK)
    generator, discriminator = build_networks(RECIPES["no-batch-norm"], 6, 2)
    for network in (generator, discriminator):
        assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert build_networks(RECIPES["global-average-pooling"], 6, 2)[1].dense.in_features == 8
    torch.manual_seed(0)
    built = build_networks(latent_dim=6, conv_dim=2)
    assert all(same(a, b) for a, b in zip(built, networks(), strict=False))


def test_every_image_goes_by_once_before_any_comes_again():
    images = np.zeros((70, 3, 32, 32), np.uint8)
    images[:] = np.arange(70, dtype=np.uint8)[:, None, None, None]
    generator, discriminator, _ = networks()
    trainer = Trainer(generator, discriminator, images, latent_dim=6, batch_size=16, device="cpu")
    epochs = []
    for _ in range(2):
        epoch = []
        for _ in range(4):  # 70 // 16 batches; six images wait for another order
            batch = trainer._next_batch()
            epoch += ((batch[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
            trainer.steps_done += 1
        assert len(set(epoch)) == 64
        epochs.append(epoch)
    assert epochs[0] != epochs[1]


def test_the_average_is_between_the_first_weights_and_the_last():
    generator, discriminator, averaged = networks()
    first = weights(generator)
    train(generator, discriminator, IMAGES, steps=30, averaged=averaged, **QUICK)
    closer = 0
    for mean, last, start in zip(weights(averaged), weights(generator), first, strict=True):
        if mean.is_floating_point():
            closer += int((mean - last).abs().sum() < (mean - start).abs().sum())
        else:
            assert torch.equal(mean, last)
    assert closer > 5
    assert not same(averaged, generator)
    assert not averaged.training


def test_the_same_seed_gives_the_same_run_and_leaves_the_callers_random_numbers():
    runs_ = []
    for seed in (1, 1, 2):
        generator, discriminator, _ = networks()
        torch.manual_seed(9)
        expected = torch.randn(3)
        torch.manual_seed(9)
        train(generator, discriminator, IMAGES, steps=3, seed=seed, **QUICK)
        assert torch.equal(torch.randn(3), expected)
        runs_.append(generator)
    assert same(runs_[0], runs_[1])
    assert not same(runs_[0], runs_[2])


def test_training_learns_the_mean_colour():
    """The smallest thing a GAN can learn: images of one grey level."""
    images = np.full((64, 3, 32, 32), 200, np.uint8)
    torch.manual_seed(0)
    generator, discriminator = build_generator(6, 4), build_discriminator(4)
    z = torch.randn(20, 6)
    before = abs(sample_images(generator, z).float().mean().item() - 200)
    train(generator, discriminator, images, steps=150, learning_rate=2e-3, **QUICK)
    assert abs(sample_images(generator, z).float().mean().item() - 200) < before / 2


def test_a_run_that_stops_and_goes_on_ends_with_the_same_bits(tmp_path):
    def run(folder, steps, resume=False):
        nets = networks()
        history = train(
            *nets[:2], IMAGES, averaged=nets[2], steps=steps, out=tmp_path / folder,
            resume=resume, sample_every=5, checkpoint_every=4, **QUICK,
        )  # fmt: skip
        return nets, history

    whole, _ = run("whole", 15)
    run("parts", 7)
    run("parts", 12, resume=True)
    parts, history = run("parts", 15, resume=True)
    assert all(same(a, b) for a, b in zip(whole, parts, strict=True))
    assert history.steps[-1] == 15
    assert history.steps == sorted(set(history.steps))
    files = {path.name for path in (tmp_path / "parts").rglob("*") if path.is_file()}
    # Samples every 5 steps, checkpoints every 4, both where a part ended; two checkpoints are kept.
    assert files == {
        "curves.png",
        "metrics.jsonl",
        *(f"step_{step:08d}.png" for step in (4, 5, 7, 8, 10, 12, 15)),
        *(f"step_{step:08d}.safetensors" for step in (12, 15)),
    }


def test_a_run_in_its_folder_is_not_written_over(tmp_path):
    nets = networks()
    train(*nets[:2], IMAGES, steps=2, out=tmp_path, **QUICK)
    with pytest.raises(runs.CheckpointError, match="holds a run already"):
        train(*nets[:2], IMAGES, steps=2, out=tmp_path, **QUICK)


def test_an_augmented_run_that_stops_and_goes_on_ends_with_the_same_bits(tmp_path):
    def run(folder, steps, resume=False):
        nets = networks()
        train(
            *nets[:2], IMAGES, steps=steps, out=tmp_path / folder, resume=resume,
            recipe=Recipe("all", (*DIFF_POLICY, "flip"), smooth=True), **QUICK,
        )  # fmt: skip
        return nets

    whole = run("whole", 5)
    run("parts", 2)
    assert all(same(a, b) for a, b in zip(whole, run("parts", 5, resume=True), strict=True))


@pytest.mark.parametrize(
    "name, change",
    [
        ("batch_size", {"batch_size": 8}),
        ("seed", {"seed": 4}),
        ("learning_rate", {"learning_rate": 0.1}),
        ("smooth", {"recipe": Recipe(smooth=True)}),
        ("augmentation", {"recipe": Recipe(augmentation=("cutout",))}),
        ("augment_fakes", {"recipe": Recipe(augment_fakes=False)}),
        ("images", {"recipe": Recipe(images=30)}),
        ("data", {"images": 255 - IMAGES}),
    ],
)
def test_going_on_with_another_setting_is_refused(tmp_path, name, change):
    nets = networks()
    train(*nets[:2], IMAGES, steps=2, out=tmp_path, **QUICK)
    options = {"images": IMAGES, **QUICK, **change}
    images = options.pop("images")
    with pytest.raises(runs.CheckpointError, match=f"with {name}="):
        train(*nets[:2], images, steps=3, out=tmp_path, resume=True, **options)


def test_going_on_with_another_network_is_refused(tmp_path):
    nets = networks()
    train(*nets[:2], IMAGES, steps=2, out=tmp_path, **QUICK)
    wider = build_discriminator(conv_dim=3)
    before = weights(nets[0])
    with pytest.raises(runs.CheckpointError, match="another discriminator"):
        train(nets[0], wider, IMAGES, steps=3, out=tmp_path, resume=True, **QUICK)
    assert all(torch.equal(a, b) for a, b in zip(weights(nets[0]), before, strict=True))


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    def run(**options):
        nets = networks()
        train(
            *nets[:2], IMAGES, steps=8, out=tmp_path, checkpoint_every=4, **QUICK | options
        )  # fmt: skip
        return nets

    first = run()
    newest = tmp_path / "checkpoints" / "step_00000008.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="damaged"):
        again = run(resume=True)
    assert same(first[0], again[0])


def test_losses_that_are_no_numbers_stop_the_run_with_the_step(tmp_path):
    generator, discriminator, _ = networks()
    calls = []

    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = discriminator

        def forward(self, images):
            calls.append(1)
            # three calls per step: the seventh is the first of step 3
            return self.inner(images) * (float("nan") if len(calls) > 24 else 1.0)

    with pytest.raises(runs.TrainingStopped, match="step 9 .* is nan") as stop:
        train(
            generator, Breaks(), IMAGES, steps=20, out=tmp_path, checkpoint_every=5,
            **QUICK | {"log_every": 4},
        )  # fmt: skip
    assert "step_00000005.safetensors" in str(stop.value)
    kept = [path.name for path in (tmp_path / "checkpoints").iterdir()]
    assert kept == ["step_00000005.safetensors"]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["d_loss"]) for line in lines)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"images": IMAGES.astype(np.float32)}, "uint8"),
        ({"images": IMAGES[0]}, "uint8"),
        ({"images": IMAGES[:10]}, "10 images are fewer"),
        ({"batch_size": 1}, "batch_size is 2"),
        ({"log_every": 0}, "log_every"),
        ({"checkpoint_every": -1}, "checkpoint_every"),
        ({"seed": -1}, "seed is 0"),
        ({"resume": True}, "resume needs out"),
    ],
)
def test_arguments_that_make_no_sense(change, says):
    generator, discriminator, _ = networks()
    options = {"images": IMAGES, "steps": 1, **QUICK, **change}
    with pytest.raises(ValueError, match=says):
        train(generator, discriminator, options.pop("images"), **options)


def test_it_trains_outside_the_main_thread():
    nets, histories, errors = networks(), [], []

    def work():
        torch.set_num_threads(1)  # a new thread has a number of its own: as many as there are cores
        try:
            histories.append(train(*nets[:2], IMAGES, steps=3, **QUICK))
        except BaseException as error:  # one that ends a thread, such as SystemExit, says nothing
            errors.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(120)
    frame = sys._current_frames().get(worker.ident)  # none once it has ended
    assert frame is None, "it hangs here:\n" + "".join(traceback.format_stack(frame))
    assert not errors and histories[0].steps == [3], errors


def test_mixed_precision_trains_in_bfloat16_and_keeps_float32_weights():
    nets = networks()
    history = train(*nets[:2], IMAGES, steps=3, mixed_precision=True, **QUICK)
    assert np.isfinite(history.d_losses).all()
    assert {weight.dtype for weight in nets[0].parameters()} == {torch.float32}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_runs_resume_exactly(tmp_path):
    def run(folder, steps, resume=False):
        nets = networks()
        options = QUICK | {"device": "cuda", "out": tmp_path / folder, "resume": resume}
        torch.backends.cudnn.deterministic = True
        train(*nets[:2], IMAGES, averaged=nets[2], steps=steps, **options)
        return nets

    whole = run("whole", 9)
    run("parts", 5)
    assert all(same(a, b) for a, b in zip(whole, run("parts", 9, resume=True), strict=True))


def test_networks_are_saved_and_loaded(tmp_path):
    generator = build_generator(latent_dim=7, conv_dim=2).eval()
    discriminator = build_discriminator(conv_dim=2).eval()
    save_network(tmp_path / "g.safetensors", generator, latent_dim=7, conv_dim=2, made_by="x")
    save_network(tmp_path / "d.safetensors", discriminator, conv_dim=2)
    again = load_generator(tmp_path / "g.safetensors")
    assert not again.training
    assert same(again, generator)
    assert same(load_discriminator(tmp_path / "d.safetensors"), discriminator)
    for recipe in (RECIPES["no-batch-norm"], RECIPES["global-average-pooling"]):
        facts = {"conv_dim": 2, "batch_norm": recipe.batch_norm, "head": recipe.head}
        nets = build_networks(recipe, 7, 2)
        save_network(tmp_path / "g.safetensors", nets[0], latent_dim=7, **facts)
        save_network(tmp_path / "d.safetensors", nets[1], **facts)
        assert same(load_generator(tmp_path / "g.safetensors"), nets[0])
        assert same(load_discriminator(tmp_path / "d.safetensors"), nets[1])
        assert load_discriminator(tmp_path / "d.safetensors").head == recipe.head
    save_network(tmp_path / "other.safetensors", discriminator, latent_dim=7, conv_dim=2)
    with pytest.raises(ValueError, match="another network"):
        load_generator(tmp_path / "other.safetensors")
    with pytest.raises(FileNotFoundError, match="helpers.pytorch.training"):
        load_generator(tmp_path / "missing.safetensors")


# The command line, in processes of its own.

TINY = [
    "--count", "64", "--batch-size", "16", "--conv-dim", "2", "--latent-dim", "6", "--judge", "0",
    "--device", "cpu", "--threads", "1", "--checkpoint-every", "5", "--sample-every", "50",
]  # fmt: skip


def command(out, steps, *more, launcher=("-m",)):
    return [
        sys.executable, *launcher, "helpers.pytorch.training",
        *TINY, "--out", str(out), "--steps", str(steps), *more,
    ]  # fmt: skip


def run(out, steps, *more, **options):
    return subprocess.run(
        command(out, steps, *more, **options),
        cwd=ROOT, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def start(out, steps, *more, **options):
    return subprocess.Popen(
        command(out, steps, *more, **options),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # A shell's background jobs ignore Ctrl-C, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )  # fmt: skip


def wait_for_checkpoint(out, step, process):
    limit = time.monotonic() + 200
    while time.monotonic() < limit:
        steps = [int(path.stem[5:]) for path in (out / "checkpoints").glob("step_*.safetensors")]
        if max(steps, default=0) >= step:
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    raise AssertionError("no checkpoint came")


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_killed_at_any_moment_and_resumed_it_ends_with_the_same_bits(tmp_path):
    random = np.random.default_rng(os.getpid())
    whole = run(tmp_path / "whole", 120)
    assert whole.returncode == 0, whole.stderr
    process = start(tmp_path / "killed", 100_000)
    try:
        wait_for_checkpoint(tmp_path / "killed", 10, process)
        time.sleep(random.uniform(0, 0.3))
    finally:
        end(process)
    left = runs.newest_checkpoint(tmp_path / "killed" / "checkpoints", "pytorch").step
    steps = max(120, left + 5)
    resumed = run(tmp_path / "killed", steps, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    if steps != 120:  # this machine was quicker than the kill
        again = run(tmp_path / "whole", steps, "--resume")
        assert again.returncode == 0, again.stderr
    for network in ("generator", "discriminator"):
        files = [tmp_path / name / f"{network}.safetensors" for name in ("whole", "killed")]
        load = load_generator if network == "generator" else load_discriminator
        assert same(*map(load, files))


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, number):
    process = start(tmp_path, 100_000)
    try:
        wait_for_checkpoint(tmp_path, 5, process)
        process.send_signal(number)
        text, _ = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 1
    last = text.strip().splitlines()[-1]
    path = Path(re.search(r"checkpoint is (\S+);", last)[1])
    assert "--resume goes on" in last
    assert "Traceback" not in text
    assert path == runs.newest_checkpoint(tmp_path / "checkpoints", "pytorch").path


def test_errors_of_the_command_line_are_one_sentence(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step_00000005.safetensors").write_bytes(b"no")
    result = run(tmp_path, 5, "--resume")
    assert result.returncode == 1
    assert "No checkpoint can be used." in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr


#: torchrun, with a free port of its own.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")


needs_gloo = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="PyTorch was built without gloo",
)


@needs_gloo
def test_two_processes_train_one_network_and_resume(tmp_path):
    whole = run(tmp_path / "whole", 10, launcher=TORCHRUN)
    assert whole.returncode == 0, whole.stderr
    first = run(tmp_path / "parts", 5, launcher=TORCHRUN)
    assert first.returncode == 0, first.stderr
    second = run(tmp_path / "parts", 10, "--resume", launcher=TORCHRUN)
    assert second.returncode == 0, second.stderr
    files = [tmp_path / name / "generator.safetensors" for name in ("whole", "parts")]
    parts = [list(load_generator(file).parameters()) for file in files]
    assert all(torch.equal(a, b) for a, b in zip(*parts, strict=True))


@needs_gloo
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes in /proc")
def test_one_of_two_processes_is_killed(tmp_path):
    process = start(tmp_path, 100_000, launcher=TORCHRUN)
    try:
        wait_for_checkpoint(tmp_path, 5, process)
        workers = [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdigit() and _is_worker(path, process.pid)
        ]
        assert len(workers) == 2
        os.kill(max(workers), signal.SIGKILL)
        text, _ = process.communicate(timeout=120)
    finally:
        end(process)
    assert process.returncode != 0
    assert "Another process of this run has ended" in text or "--resume goes on" in text, text
    left = runs.newest_checkpoint(tmp_path / "checkpoints", "pytorch").step
    again = run(tmp_path, left + 5, "--resume", launcher=TORCHRUN)
    assert again.returncode == 0, again.stderr


def _is_worker(path, parent):
    try:
        words = (path / "stat").read_text().rpartition(")")[2].split()
        return int(words[1]) == parent
    except (OSError, IndexError):
        return False

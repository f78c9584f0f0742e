# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training a DCGAN
#
# Two networks, two losses, one loop: you write the steps, watch the first house numbers appear, learn
# what loss curves can and cannot tell, and see what 36,000 steps of the same loop make of it.
#
# | | |
# |---|---|
# | **Time** | 60 minutes |
# | **You need** | the discriminator and its losses (lesson 05), the generator and its loss (lesson 06) |
# | **Afterwards you can** | train a DCGAN; say why one tensor is detached and the other is not; read loss curves; stop a run and go on with it; tell whether a generator copies its training images |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
import math
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import plots
from helpers.checks import training as check
from helpers.data import load_images
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator import build_generator
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss

plots.use_style()

# %% [markdown]
# ## The data
#
# Street digits, house numbers that a program draws. One word switches to real photographs.

# %%
SOURCE = "street_digits"  # "svhn" downloads 182 MB once and trains on photographs
images, _ = load_images(SOURCE, "train", 10_000)
data = torch.from_numpy(images)
print(data.shape, data.dtype)

# %% [markdown]
# The images stay bytes, as they are: a quarter of the memory of floats. A batch is picked and
# scaled to [−1, 1], where the generator's tanh lives (lesson 02), only when it is needed. The labels
# are thrown away: nobody tells this game which digit is which.


# %%
def next_batch(size=64):
    """Pick images at random, scaled to [-1, 1]."""
    chosen = torch.randint(len(data), (size,))
    return data[chosen].float() / 127.5 - 1


torch.manual_seed(0)
reals = next_batch()
print(reals.shape, f"from {reals.min():.2f} to {reals.max():.2f}")
plots.show(
    plots.image_grid((reals[:20].numpy() + 1) / 2, 10, "What the discriminator sees as real"),
    alt="Twenty colour images of house numbers, drawn by a program.",
)

# %% [markdown]
# ## The discriminator's step
#
# A **training step** of a GAN is two steps, one per player. The discriminator's comes first: draw as
# many fakes as there are reals, and lower the sum of `real_loss` and `fake_loss`.
#
# One thing is easy to get wrong in silence. The fakes come out of the generator, so the gradient of
# the discriminator's loss runs on into the generator if nothing stops it. What would it do there?

# %%
torch.manual_seed(0)
generator, discriminator = build_generator(100), build_discriminator()
fakes = generator(torch.randn(8, 100))
fake_loss(discriminator(fakes)).backward()
print("the generator got gradients:", generator.dense.weight.grad is not None)

# %% [markdown]
# It got gradients that ask for *worse* fakes, the discriminator's wish. They do no harm as long as
# only the discriminator's optimiser steps and the generator's gradients are cleared before its own
# step; but they are work for nothing, and the day somebody moves a `zero_grad()` they are poison.
# `fakes.detach()` cuts them off: the same numbers, without their history.
#
# **Exercise 1** `discriminator_step` (●●○, 8 min). Train the discriminator on one batch of `images`,
# (N, 3, 32, 32) in [−1, 1], and as many fakes: draw a new z from N(0, 1) in every call,
# (N, `latent_dim`), on the device of the images. Clear the gradients, make one step of the
# `optimizer`, which is the discriminator's, and return the loss as a float. The generator's weights
# stay as they are; detach the fakes. Both networks are in train mode and stay there.


# %% exercise="discriminator_step" points=2
def discriminator_step(generator, discriminator, images, optimizer, latent_dim):
    """Real images up, as many generated ones down; return the loss."""
    ### BEGIN SOLUTION
    z = torch.randn(len(images), latent_dim, device=images.device)
    fakes = generator(z).detach()
    loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% check="discriminator_step"
discriminator_step = check.discriminator_step(discriminator_step)

# %% [markdown]
# ## The generator's step
#
# Now the other player. It never sees a real image; all that it learns, it learns from the gradient
# that comes *through* the discriminator. So here nothing may be detached.
#
# **Exercise 2** `generator_step` (●●○, 7 min). Draw `batch_size` new z, on the generator's device,
# lower `generator_loss` of what the discriminator says of their images by one step of the
# `optimizer`, which is the generator's, and return the loss as a float. The discriminator's weights
# stay as they are, and both networks in train mode.


# %% exercise="generator_step" points=2
def generator_step(generator, discriminator, optimizer, batch_size, latent_dim):
    """Generated images up, in the eyes of the discriminator; return the loss."""
    ### BEGIN SOLUTION
    z = torch.randn(batch_size, latent_dim, device=next(generator.parameters()).device)
    loss = generator_loss(discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% check="generator_step"
generator_step = check.generator_step(generator_step)

# %% [markdown]
# This step leaves gradients behind in the *discriminator's* weights, since they lie on the way. The
# discriminator's next step clears them first: that is what `zero_grad()` is for. What if it did not?
# The check has an answer:


# %%
def forgetful_step(generator, discriminator, images, optimizer, latent_dim):
    """A discriminator step that never clears the gradients."""
    z = torch.randn(len(images), latent_dim, device=images.device)
    loss = real_loss(discriminator(images)) + fake_loss(discriminator(generator(z).detach()))
    loss.backward()
    optimizer.step()
    return loss.item()


check.discriminator_step.look_at(forgetful_step)

# %% [markdown]
# ## Looking at samples
#
# To see progress, look at the *same* z again and again. And look in eval mode: in train mode, batch
# normalisation would make each image depend on the others in its batch, and looking would move
# the running statistics.
#
# **Exercise 3** `sample_images` (●●○, 6 min). Return the generator's images for `z` as a uint8
# tensor, (N, 3, 32, 32): in eval mode, under `torch.no_grad()`, from [−1, 1] back to 0 … 255, rounded.
# Afterwards the generator is in the mode in which you found it.


# %% exercise="sample_images" points=2
def sample_images(generator, z):
    """Images from z as bytes; leaves the generator's mode as it was."""
    ### BEGIN SOLUTION
    training = generator.training
    generator.eval()
    with torch.no_grad():
        pixels = (generator(z) + 1) * 127.5
    generator.train(training)
    return pixels.round().clamp(0, 255).to(torch.uint8)
    ### END SOLUTION


# %% check="sample_images"
sample_images = check.sample_images(sample_images)

# %% [markdown]
# ## The loop
#
# All parts are there. The optimisers are the paper's: Adam with $\beta_1$ = 0.5 instead of the usual
# 0.9, so that the memory of past gradients is short, since the other player changes what they mean.
# The learning rate there is 0.0002; here the networks have half the usual width, the batches are
# small, and it is 0.0005, because you want to see something within a minute.
#
# How far do 800 such steps go?

# %%
torch.manual_seed(0)
generator, discriminator = build_generator(100, conv_dim=16), build_discriminator(conv_dim=16)
adam = {"lr": 5e-4, "betas": (0.5, 0.999)}
g_optimizer = torch.optim.Adam(generator.parameters(), **adam)
d_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)
fixed_z = torch.randn(10, 100)
BATCH, STEPS, LOOKS = 16, 800, (0, 100, 300, 800)

# %% tags=["nbval-ignore-output"]
losses, looks = [], [sample_images(generator, fixed_z)]
began = time.perf_counter()
for step in range(1, STEPS + 1):
    d_loss = discriminator_step(generator, discriminator, next_batch(BATCH), d_optimizer, 100)
    g_loss = generator_step(generator, discriminator, g_optimizer, BATCH, 100)
    losses.append((d_loss, g_loss))
    if step in LOOKS:
        looks.append(sample_images(generator, fixed_z))
seconds = time.perf_counter() - began
speed = BATCH * STEPS / seconds
print(f"{STEPS} steps in {seconds:.0f} s: {speed:.0f} images per second")
print(f"all 73,257 training images of SVHN once: {73257 / speed / 60:.0f} minutes")

# %% [markdown]
# Every row below shows the same ten z.

# %%
title = "Light and dark first, then strokes, then something like digits"
labels = [f"step {step}" for step in LOOKS]
plots.show(
    plots.image_grid(torch.cat(looks).numpy(), 10, title, row_labels=labels),
    alt="Four rows of ten images from the same z: plain grey, then blurred light and dark patches, "
    "then strokes, and at last coloured shapes, some of which look like digits.",
)

# %% [markdown]
# Before training, the running statistics are not those of the network yet, and the images are grey.
# Then come light and dark, then strokes, at last colours and shapes that resemble digits: the
# discriminator finds the largest difference first, and the generator removes it. Digits that you
# can read take longer.

# %% [markdown]
# ## What the curves say
#
# A classifier's loss falls, and that is progress. What does a GAN's loss do?

# %%
smooth = [
    np.convolve(losses_of_one, np.ones(41) / 41, "valid") for losses_of_one in np.transpose(losses)
]
undecided = {"discriminator": (2 * math.log(2), "2 ln 2"), "generator": (math.log(2), "ln 2")}
figure, ax = plt.subplots()
for curve, color, name in zip(smooth, (plots.BLUE, plots.RED), undecided, strict=True):
    level, label = undecided[name]
    ax.plot(range(21, STEPS - 19), curve, color=color, label=name)
    ax.axhline(level, color=color, lw=1, ls=":")
    ax.text(STEPS, level, f" {label}", va="bottom", color=color)
ax.set(title="Neither loss settles at 0, and neither should", xlabel="steps", ylabel="loss (nats)")
ax.legend()
plots.show(figure, alt="Both losses over 800 steps: they move up and down; neither settles at 0.")

# %% [markdown]
# Each loss is measured against an opponent that learns too. When was the discriminator best?

# %%
early, late = np.mean(losses[50:100], 0)[0], np.mean(losses[-100:], 0)[0]
print("its loss is higher at the end than around step 75:", bool(late > early))

# %% [markdown]
# By its loss, early on, when the fakes were fog. It has learnt all the time since, and its loss
# rose, because the other one learnt as well. The same goes for the generator: its loss says how it
# does against *this* discriminator.
#
# The dotted lines are what the losses are when the discriminator answers 0.5 to everything, which it
# does when it cannot tell real from fake. Where do they come from? −ln 0.5 = ln 2 for each of the
# three terms:

# %%
zeros = torch.zeros(4, 1)  # a logit of 0 is a probability of 0.5
print(round((real_loss(zeros) + fake_loss(zeros)).item(), 3), round(2 * math.log(2), 3))
print(round(generator_loss(zeros).item(), 3), round(math.log(2), 3))

# %% [markdown]
# If the game ever ended in its equilibrium, the losses would be there. The converse does not hold,
# and that is a trap: a discriminator that has learnt *nothing* gives the same two numbers (lesson 09
# goes into it). So loss curves tell you when something is broken, hardly ever how good the images are.
#
# Here are six runs of 600 steps, five of them broken, in a way that a loop written by hand can be.

# %%
from helpers.pytorch.training_failures import load_curves

curves = check.lettered_curves(load_curves())
figure, panels = plt.subplots(2, 3, figsize=(8.4, 4.6), sharex=True)
for ax, (letter, curve) in zip(panels.flat, curves.items(), strict=True):
    steps = 10 * np.arange(1, len(curve) + 1)
    ax.plot(steps, curve[:, 0], color=plots.BLUE, label="discriminator")
    ax.plot(steps, curve[:, 1], color=plots.RED, ls="--", label="generator")
    ax.set(title=letter, ylim=(-0.3, 12))
    ax.axhline(math.log(2), color=plots.GREY, lw=1, ls=":")
    ax.axhline(2 * math.log(2), color=plots.GREY, lw=1, ls=":")
figure.supxlabel("steps", fontsize=11)
figure.supylabel("loss (nats)", fontsize=11)
panels.flat[0].legend(fontsize=8)
plots.show(figure, alt=check.CURVES_IN_WORDS)

# %% [markdown]
# **Exercise 4** `read_curves` (●●○, 8 min). Which curve is which? Return, for a letter from "A" to
# "F", one of the following, spelled like this; each happens once:
#
# - `"healthy"`
# - `"the discriminator wins"`: it learns much faster than the generator
# - `"the discriminator is never updated"`: its `step()` is missing
# - `"the learning rate is far too high"`: for both
# - `"the discriminator's labels are swapped"`: it calls fakes real and reals fake
# - `"the discriminator sees no difference"`: the images reach it as zeros


# %% exercise="read_curves" points=2
def read_curves(letter):
    """What happened in the run with this letter."""
    ### BEGIN SOLUTION
    return {
        "A": "the discriminator sees no difference",
        "B": "the discriminator wins",
        "C": "healthy",
        "D": "the discriminator is never updated",
        "E": "the learning rate is far too high",
        "F": "the discriminator's labels are swapped",
    }[letter]
    ### END SOLUTION


# %% check="read_curves"
read_curves = check.read_curves(read_curves)

# %% [markdown]
# Three of them look alarming and one looks perfect. The perfect one, two flat lines on 2 ln 2 and
# ln 2 from the first step on, is dead. In the healthy one both losses keep moving, in small steps,
# and neither runs away.

# %% [markdown]
# ## Stop, and go on
#
# Real runs take hours, and computers get closed. A **checkpoint** is what the next step depends on,
# in a file. That is more than the weights: also Adam's averages and step counts, batch
# normalisation's running statistics, the place in the data, and the random numbers. Leave one out
# and the run goes on, but it is another run.
#
# `helpers.pytorch.training.train` is the loop from above with all that. Does a run that was stopped
# half-way end where one ends that was not? Not nearly: exactly?

# %% tags=["nbval-ignore-output"]
from helpers.pytorch.training import train


def run(folder, steps, resume=False):
    torch.manual_seed(1)
    networks = build_generator(100, 8), build_discriminator(8)
    train(*networks, images, steps=steps, batch_size=32, out=folder, resume=resume)
    return networks[0]


with tempfile.TemporaryDirectory() as folder:
    never_stopped = run(f"{folder}/one", 40)
    run(f"{folder}/two", 20)
    stopped = run(f"{folder}/two", 40, resume=True)

# %%
pairs = zip(never_stopped.state_dict().values(), stopped.state_dict().values(), strict=True)
print("bit by bit the same:", all(torch.equal(a, b) for a, b in pairs))

# %% [markdown]
# To the last bit, on one machine. It is worth the care: had the resumed run come out different, you
# could not tell a bug from bad luck. Between machines the last bits of a sum differ, a GAN amplifies
# them, and after some hundred steps two runs show other digits. Compare runs by what they *reach*.
#
# The same trainer is a command. It shows a progress bar, writes samples, curves and checkpoints to
# a folder, and goes on after Ctrl-C or a crash with `--resume`:
#
# ```
# python -m helpers.pytorch.training --data street_digits --steps 20000 --out runs/first
# python -m helpers.pytorch.training --data svhn --steps 20000 --out runs/photographs
# ```

# %% [markdown]
# ## 36,000 steps later
#
# The course brings the result of such a run. Its header knows the command. The bundled generator is a
# **running average** of the weights over the last thousand or so steps, which is steadier than any
# one moment of the game.

# %%
from safetensors import safe_open

from helpers.pytorch import pretrained

trained = pretrained.load_generator()
with safe_open(pretrained.GENERATOR, "pt") as file:
    print(file.metadata()["made_by"])
torch.manual_seed(4)
grid = sample_images(trained, torch.randn(60, 100))
plots.show(
    plots.image_grid(grid.numpy(), 12, "Sixty samples, not picked"),
    alt="Sixty generated house numbers; most show a digit that can be read, a few do not.",
)

# %% [markdown]
# Most can be read, some cannot. How many? Let the course's classifier read 2,000 of them. It was
# trained on street digits, never on generated ones.

# %%
from helpers.metrics import judge

torch.manual_seed(5)
verdict = judge(sample_images(trained, torch.randn(2000, 100)).numpy())
print("read with confidence above 0.9: more than 70 %:", verdict.confident > 0.7)
print("every digit at least 2 % of the samples:", min(verdict.shares) > 0.02)
print("distance at least 3 times that of real images:", verdict.distance > 3 * verdict.floor)

# %% [markdown]
# All ten digits are there, and the distance to real images is still several times what two sets of
# real images have between them. 36,000 steps do not finish the job.

# %% [markdown]
# ## Does it copy?
#
# A generator that had learnt its training images by heart would have perfect samples and no use. Put
# beside each sample the training image that is nearest to it. By what distance? Pixel by pixel, the
# nearest image is often only one with the same background, so take the classifier's features.

# %%
from helpers.parametric_models import nearest_rows
from helpers.pytorch.digit_classifier import load_classifier
from helpers.pytorch.digit_classifier import run as classify

torch.manual_seed(6)
samples = sample_images(trained, torch.randn(12, 100)).numpy()
classifier = load_classifier()
known, _ = load_images("street_digits", "train", 10_000)  # what it was trained on
features, _ = classify(classifier, known)
wanted, _ = classify(classifier, samples)
pixels = known.reshape(len(known), -1) / 255
by_pixels = known[nearest_rows(samples.reshape(12, -1) / 255, pixels)[1]]
by_features = known[nearest_rows(wanted, features)[1]]

# %%
rows = {"sample": samples, "by pixels": by_pixels, "by features": by_features}
title = "Samples, and the nearest of 10,000 training images"
figure = plots.image_grid(np.concatenate(list(rows.values())), 12, title, row_labels=list(rows))
plots.show(
    figure,
    alt="Twelve samples; below each, the nearest training image by pixels, which has a similar "
    "colour, and by features, which mostly shows the same digit in another look.",
)

# %% [markdown]
# None is a copy: same digit perhaps, same colour perhaps, never both with the same strokes. It is
# no proof; there are 73,257 training images, and here you look among 10,000. Lesson 01's kernel
# density estimate, with its small bandwidth, fails this test at the first look.
#
# The second sign that a generator has learnt more than a list: walk from one z to another. A list
# would jump.

# %%
from helpers.latent_space import interpolate_linear, interpolate_spherical

generator_z = np.random.default_rng(2)
start, end = generator_z.standard_normal((2, 100))
t = np.linspace(0, 1, 12)
walks = [interpolate_linear(start, end, t), interpolate_spherical(start, end, t)]
z = torch.tensor(np.concatenate(walks), dtype=torch.float32)
lengths = [np.linalg.norm(walk[[0, 6]], axis=1) for walk in walks]
print("length in the middle / at the start:", *[f"{b / a:.1f}" for a, b in lengths])
plots.show(
    plots.image_grid(
        sample_images(trained, z).numpy(), 12, "From one z to another: no jumps",
        row_labels=["straight", "on the sphere"],
    ),
    alt="Two rows of twelve images; each changes gradually from the first digit to the last.",
)  # fmt: skip

# %% [markdown]
# On the straight line, the middle is shorter than nearly every z that the generator has met in
# training: random vectors of 100 numbers nearly all have a length near 10 (lesson 06). Walking on the sphere
# keeps the length.

# %% [markdown]
# ## Photographs
#
# Everything above works on SVHN: set `SOURCE = "svhn"` at the top and run all. What does it cost
# here? The images have the same size, so a step takes the same time; your own number for one pass
# through its 73,257 training images, with half the width, stands under the loop above. The bundled
# generator has seen thirty-one passes of as many street digits, 36,000 batches of 64, at full
# width. The download, once, is 182 MB. (The sections on the bundled generator stay with the street
# digits: that is what it was trained on.)

# %% [markdown]
# ## Check yourself
#
# **1. Why does the discriminator's step detach the fakes?**
#
# <details><summary>Otherwise the generator would be updated in the wrong direction.</summary>No. Only the discriminator's optimiser steps here. But the generator's gradients would be filled with the discriminator's wish, which costs time and does harm if nobody clears them.</details>
# <details><summary>So that no gradient is computed for the generator in this step.</summary>Yes. It is not needed, it costs a backward pass, and it would pile up in the generator's <code>.grad</code>.</details>
# <details><summary>Because the discriminator's loss would be another number.</summary>No. Detaching changes no value, only what gradients flow through.</details>

# %% [markdown]
# **2. And why does the generator's step not?**
#
# <details><summary>Because the generator learns only from the gradient that comes back through its own images.</summary>Yes. Detached fakes give the same loss and no gradient: the generator would stand still, and nothing would complain.</details>
# <details><summary>It could; the discriminator's weights carry the gradient.</summary>No. The way to the generator's weights leads through its images; cut there, nothing arrives.</details>
# <details><summary>Because the discriminator must learn in this step too.</summary>No. Its weights get gradients on the way, but its optimiser does not step.</details>

# %% [markdown]
# **3. After 36,000 steps the generator's loss is higher than after 500. What follows?**
#
# <details><summary>Training diverged: go back to step 500.</summary>No. The loss is measured against a discriminator that is better now. Look at the samples, or at a distance to real images.</details>
# <details><summary>Too little to say anything about the images.</summary>Yes. The loss says how well the generator does against today's discriminator, not how good its images are.</details>
# <details><summary>The generator collapsed to one image.</summary>No. Collapse shows in the samples, and can leave the losses quiet.</details>

# %% [markdown]
# **4. Both losses have been lying exactly on 2 ln 2 and ln 2 since the first step.**
#
# <details><summary>Equilibrium: the generator is perfect.</summary>No. From the first step on? These numbers only say that the discriminator answers 0.5 to everything.</details>
# <details><summary>The discriminator is dead or blind.</summary>Yes. It answers 0.5 to everything because it has learnt nothing; look at what it is given, and at its gradients.</details>
# <details><summary>The learning rate is too high.</summary>No. That makes losses jump.</details>

# %% [markdown]
# **5. A checkpoint has the weights of both networks and nothing else. What is lost?**
#
# <details><summary>Nothing: the weights are the model.</summary>No. To sample, they are enough. To go on with the training, the optimisers' averages are missing, and the first steps will be rough.</details>
# <details><summary>Adam's averages, the place in the data and the random numbers.</summary>Yes. The run would go on, but not as it would have.</details>
# <details><summary>The running statistics of batch normalisation.</summary>No. They are buffers, so they are in the network's <code>state_dict</code> with the weights.</details>

# %% [markdown]
# ## What to remember
#
# - One step: the discriminator on reals and detached fakes, then the generator through the
#   discriminator. Clear the gradients before each.
# - Sample from fixed z, in eval mode, without gradients, and leave the mode as it was.
# - Losses of a GAN are measured against an opponent that learns. They show what is broken, not what
#   is good; 2 ln 2 and ln 2 are what a discriminator pays that cannot tell, or has not learnt.
# - A checkpoint holds everything that the next step depends on.
# - Nearest training images and walks between z show whether a generator has learnt more than a list.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661)
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434)
# - Y. Netzer et al., “Reading digits in natural images with unsupervised feature learning”, 2011,
#   [ufldl.stanford.edu/housenumbers](http://ufldl.stanford.edu/housenumbers)
# - Y. Yazıcı et al., “The unusual effectiveness of averaging in GAN training”, 2018,
#   [arXiv:1806.04498](https://arxiv.org/abs/1806.04498)
# - T. White, “Sampling generative networks”, 2016,
#   [arXiv:1609.04468](https://arxiv.org/abs/1609.04468)

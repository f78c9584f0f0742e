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
# # The discriminator
#
# You build the network that tells real images from generated ones, in PyTorch and in Keras with the
# same answers, and you look into a trained one: it has learned more than it was asked.
#
# | | |
# |---|---|
# | **Time** | 80 minutes |
# | **You need** | PyTorch: `nn.Module`, autograd; the sizes of convolutions (lesson 03) and batch normalisation (lesson 04); for the last part a little Keras |
# | **Afterwards you can** | build a DCGAN's discriminator in both frameworks and give reasons for each layer; write its loss so that it never overflows; say what a strided convolution learns that pooling cannot; copy weights from PyTorch to Keras |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers import architecture, conv_shapes, plots
from helpers.checks import discriminator as check
from helpers.data import load_images
from helpers.pytorch import discriminator_experiments as experiments
from helpers.pytorch.pretrained import load_discriminator, load_generator
from helpers.pytorch.summary import trace_layers

plots.use_style()

# %% [markdown]
# ## One number for an image
#
# The **discriminator** gets an image and puts out one number, the **logit**. Above 0 it means
# “real”, below 0 “generated”, and the further from 0, the surer. Whoever prefers a probability puts
# the logit through a sigmoid: $D(x) = 1 / (1 + e^{-\text{logit}})$ is the probability that $x$ is
# real.
#
# Is that hard? Some of these images are street digits; the others were made by a generator that was
# trained on street digits. Which are which?

# %%
pixels, labels = load_images("street_digits", "test", count=1000)
real = torch.tensor(pixels) / 127.5 - 1
torch.manual_seed(0)
with torch.no_grad():
    fake = load_generator()(torch.randn(1000, 100))
order = [0, 9, 4, 12, 2, 15, 8, 7, 11, 1, 14, 6, 3, 10, 5, 13]
mixed = torch.cat([real[:8], fake[:8]])[order]
title = "Eight are street digits, eight generated"
figure = plots.image_grid((mixed.numpy() + 1) / 2, 8, title, size=1.0)
plots.show(figure, alt="Sixteen small colour images of digits on coloured walls, in two rows.")

# %% [markdown]
# <details><summary>Which are generated?</summary>In the upper row the 2nd, 4th, 6th and 7th; in the lower row the 1st, 3rd, 6th and 8th.</details>
#
# Note what the discriminator will *not* get: the labels. They are there, in `labels`, but all it
# is told is which images come from the data set and which from the generator, and for that nobody
# has to look at an image. So DCGAN learns **unsupervised**.

# %% [markdown]
# ## Five guidelines
#
# Training a GAN is delicate, and for a long time it failed with deep convolutional networks.
# Radford, Metz and Chintala (2015) tried many designs and found a family that trains stably. Their
# guidelines for the discriminator:
#
# 1. No pooling. Convolutions with stride 2 make the maps smaller.
# 2. Batch normalisation, but not on the input layer.
# 3. LeakyReLU with slope 0.2 as activation.
# 4. No fully connected hidden layers: the last maps are flattened and become one number.
# 5. That number goes through a sigmoid.
#
# The paper presents them as what came out of the search, without an experiment for each. What can be
# said for them? You look at one after the other, and build what they say.

# %% [markdown]
# ## 1. Strided convolutions, no pooling
#
# Somewhere 32 × 32 pixels have to become one number. A convolution with stride 2 halves height and
# width; max pooling, which takes the largest of each 2 × 2, does so too, and has nothing to learn.
# **Spatial downsampling** can be done in many ways, though. Say that each 2 × 2 should become
#
# - their mean, or
# - the lower right one, or
# - left minus right, which finds vertical edges, or
# - the largest.
#
# Three candidates try to learn each from examples (images of noise, three seeds): one convolution
# with stride 2; one convolution and then max pooling, with as many weights; and to be fair, eight
# convolutions with max pooling whose results are mixed with weights. How much of the target do they
# miss? (0: nothing. 1: as bad as always saying the average.)

# %%
candidates = {
    "strided convolution": experiments.strided,
    "convolution, max pooling": experiments.pooled,
    "8 × convolution, max pooling, mixed": experiments.pooled_and_mixed,
}
missed, trained_layers = {}, {}
for name, layers in candidates.items():
    missed[name], trained_layers[name] = experiments.learn_to_downsample(layers)

# %%
figure, ax = plt.subplots(figsize=(8, 3.4))
for place, (name, shares) in enumerate(missed.items()):
    heights = [share.mean() for share in shares.values()]
    positions = np.arange(len(heights)) + 0.27 * (place - 1)
    ax.bar(positions, heights, 0.25, color=plots.PALETTE[place], label=name)
    for x, height in zip(positions, heights, strict=True):
        ax.text(x, height + 0.01, f"{height:.2f}", ha="center", fontsize=9)
ax.set_xticks(range(len(heights)), shares)
ax.set(xlabel="what becomes of 2 × 2 pixels", ylabel="share missed", ylim=(0, 0.95))
ax.set_title("A strided convolution learns every weighted sum; max pooling only the largest")
ax.legend(loc="upper left", fontsize=9, ncols=2)
plots.show(figure, alt="Strided: 0 but for the largest, 0.49. Pooling: 0.23 to 0.64, largest 0.")

# %%
print("misses less than 1%, in every seed, of")
for name, shares in missed.items():
    sums, largest = experiments.worst(shares) < 0.01, bool(shares["the largest"].max() < 0.01)
    print(f"{name:>36}: each weighted sum {sums!s:>5}, the largest {largest!s:>5}")
still = missed["8 × convolution, max pooling, mixed"]["left minus right"].min() > 0.2
print("eight filters with pooling miss more than 20% of left minus right:", bool(still))

# %% [markdown]
# The strided convolution learns all three weighted sums, max pooling none of them. With eight filters
# it comes near the mean, but *where* in the window a number was is lost, and eight filters do not
# bring that back. The reverse holds too: a strided convolution alone cannot take the largest.
# So pooling is not worse at everything, it is a fixed choice. A strided convolution makes a choice
# of its own, and you can read off which:

# %%
kernels = trained_layers["strided convolution"].weight.detach()[::3, 0].numpy()
figure, panels = plt.subplots(1, 3, figsize=(8, 3.4))
for ax, name, kernel in zip(panels, experiments.RULES, kernels, strict=False):
    ax.imshow(kernel, cmap="PuOr", vmin=-1.2, vmax=1.2)
    for (row, column), weight in np.ndenumerate(kernel.round(2) + 0.0):  # + 0.0: no "-0"
        ink = "white" if weight > 0.8 else "black"
        text = f"{weight:g}".replace("-", "−")
        ax.text(column, row, text, ha="center", va="center", color=ink)
    ax.set_title(name, fontsize=11)
    ax.axis("off")
figure.suptitle("The rules can be read off the learned 4 × 4 kernels\n", x=0.02, ha="left")
plots.show(figure, alt="In the middle 2 × 2: four times 0.25; a single 1; 0.5 and −0.5. Else 0.")

# %% [markdown]
# There is a second reason, and it concerns the *generator*. All that it ever learns is the gradient
# which the discriminator sends back to its image: “change this pixel like that, and I would be
# fooled”. Which share of the numbers that go into a layer get such a message?


# %%
def share_with_gradient(layer):
    torch.manual_seed(0)
    maps = torch.randn(8, 16, 32, 32, requires_grad=True)
    output = layer(maps)
    (output * torch.randn_like(output)).sum().backward()
    return (maps.grad != 0).double().mean().item()


print(f"max pooling: {share_with_gradient(nn.MaxPool2d(2)):.2f}")
print(f"strided convolution: {share_with_gradient(nn.Conv2d(16, 16, 4, 2, 1)):.2f}")

# %% [markdown]
# Max pooling answers one number in four and leaves three without a word. (The layers before it
# spread the message out again, so that every pixel hears something, but less.)
#
# Do not conclude that a discriminator with pooling cannot tell real from generated. Classifiers
# with pooling are excellent. But a GAN's discriminator is a teacher too.

# %% [markdown]
# ## 2. Batch normalisation, but not on the input layer
#
# Lesson 04 has shown what batch normalisation is good for in hidden layers. Why not in the first
# one? First you write the block, then you try it out.
#
# **Exercise 1** `conv_block` (●○○, 6 min). Return a module that makes (N, out_channels, H/2, W/2)
# of (N, in_channels, H, W), for even H and W: a convolution that halves, then batch normalisation
# if `batch_norm` is true, then LeakyReLU with slope 0.2. Where batch normalisation follows, the
# convolution has no bias. The course takes kernel 4, stride 2, padding 1; another kernel that
# halves will do. Nothing else belongs in the block, and the first weights may stay as PyTorch draws
# them.


# %% exercise="conv_block" points=2
def conv_block(in_channels, out_channels, batch_norm=True):
    """Strided convolution, batch normalisation or not, LeakyReLU."""
    ### BEGIN SOLUTION
    layers = [nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))
    ### END SOLUTION


# %% check="conv_block"
conv_block = check.conv_block(conv_block)

# %% [markdown]
# Now suppose that a generator makes images with half the contrast of real ones. It gets its own
# batch: real and generated images come to the discriminator one after the other. How much of what
# the first block puts out changes when all its images have half the contrast?

# %%
torch.manual_seed(0)
for batch_norm in (False, True):
    block = conv_block(3, 32, batch_norm)
    with torch.no_grad():
        full, half = block(real[:64]), block(real[:64] / 2)
    change = ((half - full).abs().mean() / full.abs().mean()).item()
    print(f"batch_norm={batch_norm}: the output changes by {100 * change:.0f}%")

# %% [markdown]
# By nothing, with batch normalisation. The batch is divided by its own deviation, and what the
# images' contrast was, no later layer can tell. Yet that is among the easiest things to tell a bad
# generator by. The paper reports that with batch normalisation on
# *all* layers the samples oscillated and the training became unstable, and leaves it out here and
# on the generator's last layer.
#
# ### Why no bias
#
# A bias adds a constant to a channel. Here is a trained discriminator of the course, in train mode.
# Somebody adds 100 to everything that one of its convolutions puts out. Does the logit notice?

# %%
for number in range(3):
    network = load_discriminator().train()
    convolution = network.blocks[number][0]
    with torch.no_grad():
        before = network(real[:64])
        convolution.register_forward_hook(lambda layer, inputs, output: output + 100)
        moved = (network(real[:64]) - before).abs().max().item()
    print(f"convolution {number + 1}: the logits move by more than 0.01: {moved > 0.01}")

# %% [markdown]
# Where batch normalisation follows, in the second and third block, the constant is part of the mean,
# which is subtracted: a bias there is dead. In the first block it would count. The course's
# network has none there either, to keep the blocks alike; yours may have one.

# %% [markdown]
# ## 3. LeakyReLU
#
# You have used it already: it passes on positive numbers as they are, and 0.2 of negative ones.
# (The default is 0.01 in PyTorch and 0.3 in Keras, so say 0.2.) Ask the same question as above:
# which share of the numbers that go in gets a gradient back?

# %%
print(f"ReLU: {share_with_gradient(nn.ReLU()):.2f}")
print(f"LeakyReLU: {share_with_gradient(nn.LeakyReLU(0.2)):.2f}")

# %% [markdown]
# ReLU is silent about everything negative, here half of the numbers. (As with max pooling, the
# layers before spread the message out again, so that no pixel need be without one.) Through
# LeakyReLU every number gets an answer, the negative ones a fifth of it.

# %% [markdown]
# ## 4. One logit at the end
#
# Now all of it. The course's own discriminator halves 32 × 32 three times to 4 × 4, and each block
# after the first doubles the channels: `conv_dim`, `2 * conv_dim`, `4 * conv_dim`. Then the maps are
# flattened, and one dense layer makes one number of them.
#
# **Exercise 2** `Discriminator` (●●○, 12 min). Write the network, from images (N, 3, 32, 32) with
# pixels in [−1, 1] to logits (N, 1). Copy the design above or make your own, along these lines:
#
# - Three or more strided convolutions and no pooling of any kind. The images go into the first one
#   as they are: no scaling, no normalisation, no noise.
# - Widths scale with `conv_dim`: with twice the `conv_dim`, each of these convolutions has twice as
#   many filters.
# - Batch normalisation after every convolution but the first, and no bias in front of it. Its gamma
#   and beta may stay as PyTorch starts them, at 1 and 0.
# - LeakyReLU with slope 0.2 in all hidden layers. No dropout.
# - Flatten and one dense layer, or a last convolution, to one logit. No hidden dense layer, no batch
#   normalisation on the logit, and nothing that bounds it, such as a sigmoid.


# %% exercise="Discriminator" points=3
class Discriminator(nn.Module):
    """Images (N, 3, 32, 32) to logits (N, 1)."""

    def __init__(self, conv_dim=32):
        super().__init__()
        ### BEGIN SOLUTION
        self.blocks = nn.Sequential(
            conv_block(3, conv_dim, batch_norm=False),
            conv_block(conv_dim, 2 * conv_dim),
            conv_block(2 * conv_dim, 4 * conv_dim),
        )
        self.dense = nn.Linear(4 * conv_dim * 4 * 4, 1)
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        return self.dense(self.blocks(images).flatten(1))
        ### END SOLUTION


# %% check="Discriminator"
Discriminator = check.Discriminator(Discriminator)

# %% [markdown]
# What have you built? This figure is drawn from your network: an image of zeros goes through it, and
# everything that it passes is written down.

# %%
rows = trace_layers(Discriminator(), (3, 32, 32))
most = max(row.maps[0] for row in rows if row.maps)
figure = plots.draw_architecture(rows, f"From 3 large maps to {most} small ones to one logit")
plots.show(figure, alt=f"Boxes from left to right. {architecture.describe(rows)}.")

# %%
print(architecture.table(rows))

# %% [markdown]
# “Not trainable” are the running means and variances. The trainable numbers you can also count by
# hand, with the formula from lesson 03: $F \cdot F \cdot D_1$ weights for each of the $K$ filters.

# %%
convolutions = sum(
    conv_shapes.conv_parameter_count(inputs, outputs, kernel_size=4, bias=False)
    for inputs, outputs in [(3, 32), (32, 64), (64, 128)]
)
gammas_and_betas = 2 * 64 + 2 * 128
dense = 128 * 4 * 4 + 1
print(f"{convolutions:,} + {gammas_and_betas} + {dense:,} =", end=" ")
print(f"{convolutions + gammas_and_betas + dense:,}")
print(f"a hidden dense layer with 1,000 units would add {(128 * 4 * 4 + 1) * 1000:,}")

# %% [markdown]
# (With other kernels than 4 × 4 yours has another number, and with a bias in the first convolution
# 32 more, one for each filter. Both are fine.) The last line is about
# the fourth guideline. Older networks ended in large dense layers; a single hidden one would have
# twelve times as many parameters as all the rest. The paper went further and tried averaging each
# map instead of flattening, which was more stable and learned more slowly; lesson 10 measures that.
#
# How much of the image does a number in each block see? The formula says:

# %%
block = {"kind": "conv", "out_channels": 1, "kernel_size": 4, "stride": 2, "padding": 1}
fields = [conv_shapes.receptive_field([block] * number)[0] for number in (1, 2, 3)]
print("pixels, in height and width:", fields)

# %% [markdown]
# The gradient knows it too: of one number of a map, it is 0 for every pixel that the number does not
# see. Here are the pixels seen by one number in the middle of each block's maps.

# %%
network = load_discriminator()
seen = []
for number in (1, 2, 3):
    image = real[14:15].clone().requires_grad_()
    maps = network.blocks[:number](image)
    middle = maps.shape[-1] // 2
    maps[0, :, middle, middle].sum().backward()
    rows_seen, columns_seen = torch.nonzero(image.grad[0].abs().sum(0), as_tuple=True)
    seen.append((rows_seen.min().item(), columns_seen.min().item(), len(rows_seen.unique())))
print("by the gradient:", [size for _, _, size in seen])

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.8))
ax.imshow((real[14].permute(1, 2, 0) + 1) / 2)
colors = ("white", plots.ORANGE, plots.SKY)
for number, ((top, left, size), color) in enumerate(zip(seen, colors, strict=True), start=1):
    label = f"one number of block {number}\nsees {size} × {size} pixels"
    corner = (left - 0.5, top - 0.5)
    ax.add_patch(plt.Rectangle(corner, size, size, fill=False, lw=3, ec=color, label=label))
beside = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "labelspacing": 1.2}
ax.legend(**beside, frameon=True, facecolor="#555555", labelcolor="white")
ax.set_title("No number of the last maps sees the whole image", x=0.0)
ax.axis("off")
plots.show(figure, alt="A street digit; inside three nested squares of 4, 10 and 22 pixels.")

# %% [markdown]
# 22 of 32 pixels: enough for most of a digit, not for all of it. What the sixteen places of the
# last maps have seen, the dense layer puts together.

# %% [markdown]
# ## 5. The sigmoid sits in the loss
#
# Many descriptions, the paper's among them, end the discriminator in one *sigmoid* unit. The
# probability is needed for the loss alone, and there it is better computed in one go with the
# logarithm. Suppose the discriminator is sure that an image is real, logit 200, and it is generated.
# The loss is $-\log(1 - D)$. What is its value, and what is the gradient, from which it should
# learn?

# %%
target = torch.tensor(0.0)
ways = {
    "sigmoid, then the formula": lambda logit: -torch.log(1 - torch.sigmoid(logit)),
    "sigmoid, then BCELoss": lambda logit: F.binary_cross_entropy(torch.sigmoid(logit), target),
    "both in one": lambda logit: F.binary_cross_entropy_with_logits(logit, target),
}
for name, loss in ways.items():
    logit = torch.tensor(200.0, requires_grad=True)
    value = loss(logit)
    value.backward()
    print(f"{name:<26} loss {value.item():5.0f}, gradient {logit.grad.item():3.0f}")
print("the sigmoid of 20, in float32:", torch.sigmoid(torch.tensor(20.0)).item())

# %% [markdown]
# With the formula as it stands the loss is infinite and the gradient no number (`nan`): after the
# next step every weight is `nan`. PyTorch's `BCELoss` cuts the logarithm off at −100, so it is
# finite, but the gradient is 0: the surer of its error, the less it learns. In one go,
# $-\log(1 - D) = \log(1 + e^{\text{logit}})$, both are right. You do not have to go to 200 for
# that: the sigmoid of 20 is 1 already, to the last bit.
#
# So the network puts out logits and the loss takes logits. What does the check say to a network that
# ends in a sigmoid all the same?


# %%
def ends_in_a_sigmoid(conv_dim=32):
    return nn.Sequential(Discriminator(conv_dim), nn.Sigmoid())


check.Discriminator.look_at(ends_in_a_sigmoid)

# %% [markdown]
# It noticed by moving the last number before the output: a logit moves along, a probability does
# not. Now the losses.
#
# **Exercise 3** `real_loss` (●○○, 5 min). The loss on real images, from logits (N, 1) to a tensor
# with one number: binary cross-entropy against 1, which is the mean of $-\log D$ over the batch.
# With `smooth=True` it is against 0.9: the mean of $-0.9 \log D - 0.1 \log(1 - D)$. Loss and
# gradient are finite at any logit, −200 and 200 too, and the loss is not cut off anywhere.


# %% exercise="real_loss" points=2
def real_loss(logits, smooth=False):
    """The discriminator's loss on real images."""
    ### BEGIN SOLUTION
    targets = torch.full_like(logits, 0.9 if smooth else 1.0)
    return F.binary_cross_entropy_with_logits(logits, targets)
    ### END SOLUTION


# %% check="real_loss"
real_loss = check.real_loss(real_loss)

# %% [markdown]
# **Exercise 4** `fake_loss` (●○○, 3 min). The loss on generated images, from logits (N, 1) to a
# tensor with one number: binary cross-entropy against 0, which is the mean of $-\log(1 - D)$. It is
# never smoothed. Loss and gradient are finite at any logit, and the loss is not cut off anywhere.


# %% exercise="fake_loss" points=1
def fake_loss(logits):
    """The discriminator's loss on generated images."""
    ### BEGIN SOLUTION
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
    ### END SOLUTION


# %% check="fake_loss"
fake_loss = check.fake_loss(fake_loss)

# %% [markdown]
# The discriminator minimises the sum of the two. What does one get that says 0, “I cannot tell”,
# to everything?

# %%
undecided = torch.zeros(10, 1)
total = (real_loss(undecided) + fake_loss(undecided)).item()
print(f"{total:.3f}, and 2 ln 2 is {2 * np.log(2):.3f}")

# %% [markdown]
# Remember that number: 1.386 is what you see when the discriminator has given up, and also when the
# generator has become perfect. The loss does not tell which (lesson 08).

# %%
logits = torch.linspace(-6, 6, 241)
curves = {
    "real_loss": [real_loss(logit[None]).item() for logit in logits],
    "real_loss, smooth": [real_loss(logit[None], smooth=True).item() for logit in logits],
    "fake_loss": [fake_loss(logit[None]).item() for logit in logits],
}
lowest = logits[np.argmin(curves["real_loss, smooth"])].item()
print(f"smooth, the best logit is {lowest:.1f}, where D is {1 / (1 + np.exp(-lowest)):.2f}")

# %%
figure, ax = plt.subplots()
for (name, losses), style in zip(curves.items(), ("-", "--", "-"), strict=True):
    ax.plot(logits, losses, style, label=name)
ax.plot(lowest, min(curves["real_loss, smooth"]), "o", color=plots.ORANGE)
ax.set(xlabel="logit", ylabel="loss", ylim=(0, 6))
ax.set_title("Smoothed, it no longer pays to be ever surer that an image is real")
ax.legend(loc="upper center")
plots.show(figure, alt="real_loss falls, fake_loss rises; smooth has its lowest point at 2.2.")

# %% [markdown]
# Without smoothing a larger logit for a real image is always a little better, and nothing keeps
# the logits from growing. **Label smoothing** with 0.9 has its lowest point at ln 9 = 2.2, where $D$ is 0.9.
# It is **one-sided**: the target of generated images stays 0. With a target above 0 the
# discriminator would be content to call bad images a little real just where there are no real ones
# near, and nothing would drive the generator away from there (Salimans et al., 2016).

# %% [markdown]
# ## Inside a trained one
#
# The course brings a discriminator that was trained against the generator from above. What does it
# say to 500 street digits, none of which it was trained on, and to 500 generated images? In
# training it gets real and generated images in batches of their own, in train mode. Here they are
# judged like that, then in train mode with both in one batch, then in eval mode.


# %%
def judge(train_mode, mixed=False):
    network = load_discriminator().train(train_mode)
    found = []
    with torch.no_grad():
        for batches in zip(real[:500].split(50), fake[:500].split(50), strict=True):
            if mixed:
                found.append(network(torch.cat(batches)).view(2, 50))
            else:
                found.append(torch.stack([network(batch).ravel() for batch in batches]))
    return torch.cat(found, dim=1)


found = {
    "train mode, batches apart": judge(train_mode=True),
    "train mode, mixed batches": judge(train_mode=True, mixed=True),
    "eval mode": judge(train_mode=False),
}

# %%
figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.5), sharey=True, sharex=True)
bins = np.linspace(-7, 7, 57)
for ax, (mode, (on_real, on_fake)) in zip(panels, found.items(), strict=True):
    ax.hist(on_fake, bins, color=plots.ORANGE, alpha=0.7, label="generated")
    ax.hist(on_real, bins, color=plots.BLUE, alpha=0.7, label="real", hatch="//")
    ax.axvline(0, color="#333333", linewidth=1, linestyle="--")
    ax.set(xlabel="logit")
    ax.set_title(mode, fontsize=11)
panels[0].set_ylabel("images")
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
figure.suptitle("Generated images are given away by their company", x=0.02, ha="left")
plots.show(figure, alt="Batches apart: two hills, hardly touching. Mixed and eval: they overlap.")

# %% [markdown]
# Take any real and any generated image. Does the real one get the higher logit?

# %%
for mode, (on_real, on_fake) in found.items():
    higher = (on_real[:, None] > on_fake).double().mean().item()
    print(f"{mode}: in more than 75% of all pairs: {higher > 0.75}, more than 95%: {higher > 0.95}")

# %% [markdown]
# The same network, the same weights, the same images. With batches apart it is hardly ever wrong;
# otherwise the two hills overlap. What gave the generated images away was, in part, not the image
# but the *batch*: normalised by its own statistics, a batch of nothing but generated images looks
# different from one of nothing but real ones. That is why it matters how batches are made up, and
# why lesson 08 keeps to one way. And the running statistics are a mixture of both, so in eval
# mode do not rely on the 0: logits can be compared, but the border may lie elsewhere.

# %% [markdown]
# What does it look at? Here are a street digit, and of the 32 maps of the first block the eight that
# vary the most; above those of the trained network, below those of a network with random weights,
# as the paper initialises them (lesson 06).

# %%
from helpers.pytorch.discriminator import build_discriminator as build_untrained

torch.manual_seed(0)
networks = {"trained": load_discriminator(), "random weights": build_untrained()}
maps = {name: experiments.feature_maps(n, real[:200]) for name, n in networks.items()}
shown = []
for first, _, _ in maps.values():
    most_varied = first.std((0, 2, 3)).argsort(descending=True)[:8]
    chosen = F.interpolate(first[14:15, most_varied], size=32)[0, :, None]
    darkest, brightest = chosen.amin((1, 2, 3), True), chosen.amax((1, 2, 3), True)
    grey = ((chosen - darkest) / (brightest - darkest)).expand(-1, 3, -1, -1)
    shown += [(real[14:15] + 1) / 2, grey]

# %%
title = "Trained: mostly edges. Random weights: the image, light or dark"
captions = 2 * ["the image", *(f"map {number}" for number in range(1, 9))]
grid = torch.cat(shown).numpy()
figure = plots.image_grid(grid, 9, title, row_labels=list(networks), captions=captions)
alt = "A 5; trained: mostly its left, right, upper, lower edges; random: light or dark fives."
plots.show(figure, alt=alt)

# %% [markdown]
# Most of the trained maps show edges: left ones, right ones, horizontal ones; one or the other still
# is a dark copy of the digit. Without training, they show the same blurred digit, light or dark.
# Does that hold beyond eight maps and one digit? Take any two channels of a block; how strongly do
# they correlate over 200 digits? (0: they tell different things. 1: the same.)

# %%
for block in range(3):
    alike = {name: experiments.similarity(each[block]) for name, each in maps.items()}
    less = alike["trained"] < 0.8 * alike["random weights"]
    print(f"block {block + 1}: less alike by a fifth or more when trained: {less}")

# %% [markdown]
# And is what it sees good for anything but this game? The paper's test: take all maps, max-pooled to
# 4 × 4, as **features** of an image, and let a *linear* classifier read the digit from them. It
# learns from 1,000 labelled digits and is tested on 1,000 others. The labels are used here for the
# first time; the discriminator was trained without.

# %%
train_pixels, train_labels = load_images("street_digits", "train", count=1000)
train_real = torch.tensor(train_pixels) / 127.5 - 1
read = {}
for name in ("pixels", "random weights", "trained"):
    network = networks.get(name)
    inputs = [
        experiments.features(network, images) if network else images.flatten(1)
        for images in (train_real, real)
    ]
    targets = torch.tensor(train_labels), torch.tensor(labels)
    read[name] = experiments.read_classes(inputs[0], targets[0], inputs[1], targets[1])

# %%
figure, ax = plt.subplots(figsize=(7, 2.3))
bars = ax.barh(list(read), list(read.values()), color=[plots.GREY, plots.ORANGE, plots.BLUE])
ax.bar_label(bars, fmt="{:.0%}", padding=4)
commonest = max(np.bincount(labels)) / len(labels)
line = {"color": "#333333", "linewidth": 1, "linestyle": "--"}
ax.axvline(commonest, **line, label="always the commonest digit")
ax.legend(loc="upper right", fontsize=9)
ax.set(xlabel="digits read by a linear classifier", xlim=(0, 1))
ax.invert_yaxis()
ax.xaxis.set_major_formatter("{x:.0%}")
ax.set_title("Playing the game, the discriminator has learned about digits")
plots.show(figure, alt="Pixels about 30%, random weights about 75%, trained about 90%.")

# %%
print("trained, more than 80% of the digits are read:", read["trained"] > 0.8)
print("from the pixels, less than half:", read["pixels"] < 0.5)
print("with random weights, more than half:", read["random weights"] > 0.5)
print("training adds more than 5 points:", read["trained"] > read["random weights"] + 0.05)
halfway = (read["pixels"] + read["trained"]) / 2
print("random weights are more than halfway there:", read["random weights"] > halfway)

# %% [markdown]
# Nobody told the discriminator that there are ten digits, and yet a linear classifier can read them
# from its maps. But look at the second bar before you praise it: more than half of the way from the
# pixels is made by the *architecture*, with random weights.
#
# Which comparison belongs beside such a result? The paper compares, on photographed house numbers,
# with other methods and with a network of the same architecture that was trained *with* labels, and
# does better than that one: so it argues that the architecture is not what matters most. It also
# shows pictures of what random filters respond to. The second bar asks another question: how many
# digits does the same linear classifier read from the maps of an *untrained* discriminator? The
# paper gives no such number, and here it is a large one. (Do not compare the percentages with the
# paper's: the course's street digits are drawn by a program and easier than photographs.)

# %% [markdown]
# ## The same in Keras
#
# Now the other framework. Three things are different:
#
# - A Keras image has its channels last, (N, 32, 32, 3).
# - `padding="same"` is what `padding=1` is in PyTorch, with kernel 4 and stride 2 (lesson 03: with
#   kernel 3 or 5 the two would pad differently).
# - Batch normalisation has other defaults. What it adds to the variance before it divides is 0.00001
#   in PyTorch and 0.001 in Keras; the share of a new batch in the running statistics is 0.1 in
#   PyTorch and 0.01 in Keras, where `momentum=0.99` is the share of the old ones.

# %%
from helpers.keras import keras
from helpers.keras.discriminator import build_discriminator as build_course_discriminator
from helpers.keras.summary import trace_layers as trace_keras_layers

# %% [markdown]
# **Exercise 5** `build_discriminator` (●●●, 12 min). Return a new Keras model, from images
# (N, 32, 32, 3) to logits (N, 1); without an argument, `conv_dim` is 32. It has exactly three
# convolutions, with stride 2, padding "same" and kernel 4 (5 will do too), to 16 × 16 with
# `conv_dim` filters, 8 × 8 with `2 * conv_dim` and 4 × 4 with `4 * conv_dim`; after each, LeakyReLU
# with slope 0.2; before it, in the second and third block, batch normalisation, and no bias where it
# follows. Then flatten and one dense layer with one unit. No sigmoid or other bound on the logit, no
# pooling, no dropout. Sequential, functional or subclassed, as you like.
#
# Give batch normalisation `momentum=0.9, epsilon=1e-5`, and it computes what PyTorch's does. (The
# check lets Keras' defaults pass, as a network of its own is right with either. Below you see where
# they are wrong.)


# %% exercise="build_discriminator" points=3
def build_discriminator(conv_dim=32):
    """The discriminator as a Keras model, (N, 32, 32, 3) to (N, 1)."""
    ### BEGIN SOLUTION
    layers = keras.layers
    options = {"kernel_size": 4, "strides": 2, "padding": "same", "use_bias": False}
    like_pytorch = {"momentum": 0.9, "epsilon": 1e-5}
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(conv_dim, **options),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(2 * conv_dim, **options),
            layers.BatchNormalization(**like_pytorch),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(4 * conv_dim, **options),
            layers.BatchNormalization(**like_pytorch),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    ### END SOLUTION


# %% check="build_discriminator"
build_discriminator = check.build_discriminator(build_discriminator)

# %%
keras_discriminator = build_discriminator()
print(architecture.table(trace_keras_layers(keras_discriminator, (32, 32, 3))))
print()
print(f"count_params() says {keras_discriminator.count_params():,}")

# %% [markdown]
# With kernel 4 and no bias in the first convolution: the same layers and the same trainable numbers
# as in PyTorch, channels last. But `count_params()` says 384 more: it counts the running means and
# variances, two numbers for each of 64 and 128 channels, which nobody trains. Keras' `summary()`
# lists both kinds apart, below their sum. PyTorch keeps the statistics as buffers, and
# `parameters()` leaves them out. If somebody tells you a network's size, ask which.

# %% [markdown]
# ### Same weights, same answer
#
# Are the two networks the same? With random weights that cannot be seen. So give them the same
# ones. What has to change places on the way?
#
# | | PyTorch | Keras |
# |---|---|---|
# | kernel of a convolution | (out, in, H, W) | (H, W, in, out) |
# | weights of a dense layer | (out, in) | (in, out) |
# | the inputs of the dense layer: flattened maps in the order | C, H, W | H, W, C |
# | batch normalisation | `weight`, `bias`, `running_mean`, `running_var` | `gamma`, `beta`, `moving_mean`, `moving_variance` |
# | a setting: added to the variance | `eps`, 1e-5 by default | `epsilon`, 1e-3 by default |
# | a setting: share of the new batch | `momentum`, 0.1 by default | 1 − `momentum`, 0.01 by default |
#
# The third row is the first trap: shapes fit, nothing complains, and the answer is wrong. The last
# two rows are no weights: copying does not bring them along, they have to be set when the network is
# built. The course's Keras network has them as PyTorch does.
#
# What do the course's own two networks consist of?

# %%
network, twin = load_discriminator(), build_course_discriminator()
for name, module in network.named_modules():
    shapes = [f"{key} {tuple(tensor.shape)}" for key, tensor in module.state_dict().items()]
    if not list(module.children()):
        print(f"{name:<11} {type(module).__name__:<12} {', '.join(shapes)}".rstrip())

# %%
for number, layer in enumerate(twin.layers):
    shapes = [f"{variable.name} {tuple(variable.shape)}" for variable in layer.weights]
    name = f"layers[{number}]"
    print(f"{name:<11} {type(layer).__name__:<19} {', '.join(shapes)}".rstrip())

# %% [markdown]
# So `network.blocks[1][1]`, here `blocks.1.1`, is a batch normalisation, `twin.layers[4]` is its
# twin, and Keras counts the input as `layers[0]`. `network.state_dict()` and `twin.weights`, the list
# of all the arrays above, are in the same order, but for PyTorch's counters.
#
# **Exercise 6** `same_weights` (●●●, 12 min). Give the Keras network, in place, the weights and
# running statistics of the PyTorch one. Both are networks of the course, made like the two above,
# not your own from exercises 2 and 5; their `conv_dim` is the same and may be any number, and the
# last maps are 4 × 4. The running statistics are copied as they are, `num_batches_tracked` has no
# twin. All that changes are the Keras network's arrays: leave the PyTorch network as it is, and
# change no setting of either. What you return does not matter.


# %% exercise="same_weights" points=3
def same_weights(torch_discriminator, keras_discriminator):
    """Give the Keras network the weights and running statistics of the PyTorch one, in place."""
    ### BEGIN SOLUTION
    state = {
        name: tensor.detach().cpu().numpy()
        for name, tensor in torch_discriminator.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    # Both list kernel, then gamma, beta, mean, variance, layer by layer.
    for array, variable in zip(state.values(), keras_discriminator.weights, strict=True):
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            channels = array.shape[1] // (4 * 4)
            array = array.reshape(channels, 4, 4).transpose(1, 2, 0).reshape(-1, 1)
        variable.assign(array)
    ### END SOLUTION


# %% check="same_weights"
same_weights = check.same_weights(same_weights)

# %% [markdown]
# Do the two say the same to 64 street digits, with the weights of the trained one?

# %%
same_weights(network, twin)
with torch.no_grad():
    logits = network(real[:64]).numpy()
keras_images = real[:64].permute(0, 2, 3, 1).numpy()


def largest_difference():
    twin_logits = keras.ops.convert_to_numpy(twin(keras_images, training=False))
    return np.abs(twin_logits - logits).max()


print("the logits differ by less than 0.0001:", bool(largest_difference() < 1e-4))

# %% [markdown]
# So the two are the same function. But what if the Keras network had been built with Keras' own
# `epsilon`, and got the same weights?

# %%
normalisations = [twin.layers[4], twin.layers[7]]
for layer in normalisations:
    layer.epsilon = 1e-3
print("Keras' epsilon, the logits differ by more than 1:", bool(largest_difference() > 1))
variances = network.blocks[1][1].running_var
below = (variances < 1e-3).float().mean().item()
print("in block 2, more than half of the running variances are below it:", below > 0.5)
for layer in normalisations:
    layer.epsilon = 1e-5

# %% [markdown]
# Every weight is right, and the answers are not. 0.001 sounds like nothing, but this network's second
# convolution puts out small numbers, and most of their variances are smaller: what was to
# protect from division by zero decides what is divided by. In a network that is trained with Keras'
# epsilon from the start that is no mistake; its weights fit it. Weights that come from elsewhere
# do not.
#
# And if epsilon is right, but the dense layer's weights are only transposed, without sorting?

# %%
twin.layers[-1].kernel.assign(network.dense.weight.detach().numpy().T)
print("the logits differ by more than 1:", bool(largest_difference() > 1))

# %% [markdown]
# Neither time an error or a warning, only other answers. Whoever copies weights compares outputs.

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. What can a convolution with stride 2 learn, and max pooling not?**
#
# <details><summary>To halve height and width</summary>No. Both do that, and neither has to learn it.</details>
# <details><summary>Which of the four pixels in a window was the largest</summary>No. It cannot pick the largest either; it computes weighted sums.</details>
# <details><summary>How to make one number of a window, for instance left minus right</summary>Yes. Any weighted sum; pooling always takes the largest, and the place in the window is lost.</details>

# %% [markdown]
# **2. Why is there no batch normalisation on the input layer?**
#
# <details><summary>The images are scaled to [−1, 1] already, which is the same</summary>No. Scaling is one fixed map for all images; what differs between two batches still does afterwards.</details>
# <details><summary>It would divide away what the images of a batch have in common, such as their contrast</summary>Yes. Real and generated images come in batches of their own, so it would hide a difference between them.</details>
# <details><summary>Because that convolution has no bias</summary>No. It would need one less, not more: batch normalisation makes a bias useless.</details>

# %% [markdown]
# **3. The discriminator ends in a sigmoid, and the loss is `BCELoss`. What happens where it is sure and wrong?**
#
# <details><summary>Where the sigmoid is 1 to the last bit, the gradient is 0</summary>Yes. The loss is cut off at 100 and says nothing about the direction. On logits the gradient is 1.</details>
# <details><summary>Nothing special; it is the same function</summary>No. The same in mathematics, but in float32 the sigmoid of 20 is exactly 1, and nothing is left of how sure it was.</details>
# <details><summary>The gradient gets too large</summary>No. It gets too small: it is the loss that is large.</details>

# %% [markdown]
# **4. `real_loss` plus `fake_loss` is 1.386. What do you know?**
#
# <details><summary>The generator makes perfect images</summary>No. It could be, but a discriminator that says 0 to everything gets the same.</details>
# <details><summary>The discriminator is about as good as one that says 0 to everything</summary>Yes. 2 ln 2. Whether the images are too good for it or it has not learned anything, the number does not say.</details>
# <details><summary>The discriminator is right every time</summary>No. Then the sum would be near 0.</details>

# %% [markdown]
# **5. You copy the PyTorch network into Keras and only transpose the dense layer's weights. What happens?**
#
# <details><summary>Keras refuses: the shapes do not fit</summary>No. (1, 2048) transposed is (2048, 1), which fits.</details>
# <details><summary>Nothing, the order of the inputs does not matter for a sum</summary>No. Each weight belongs to its own input, and they would be multiplied with others.</details>
# <details><summary>It runs, and the logits are wrong</summary>Yes. The flattened maps come in another order: H, W, C instead of C, H, W.</details>

# %% [markdown]
# **6. A linear classifier reads nine of ten street digits from the discriminator's maps. What follows?**
#
# <details><summary>The discriminator was told the labels</summary>No. Only the linear classifier saw them.</details>
# <details><summary>Its maps hold what tells digits apart; how much of that is due to training, a network with random weights has to show</summary>Yes. Here random weights come most of the way, and training adds the rest.</details>
# <details><summary>The discriminator can name the digit</summary>No. It has one output, real or not. The classifier on top reads its maps.</details>

# %% [markdown]
# ## What to remember
#
# - The discriminator turns an image into one logit. Strided convolutions halve the maps; each learns
#   its own way to do so, and every number gets a gradient back.
# - Batch normalisation in the hidden layers, no bias before it, none on the input layer, so that
#   the contrast stays visible. LeakyReLU with 0.2.
# - 167,809 trainable numbers without a bias in the first convolution; Keras' `count_params()`,
#   168,193, includes the running statistics. The last maps see 22 of 32 pixels.
# - The sigmoid sits in the loss. On logits the loss is finite, and the gradient right, everywhere.
# - `real_loss` + `fake_loss` = 2 ln 2 is what saying 0 to everything costs. Smoothing is one-sided.
# - It learns without labels, and a linear classifier can read labels from what it has learned; how
#   much of that is training, a network with random weights shows.
# - From PyTorch to Keras: kernels (2, 3, 1, 0), dense weights transposed, flattened maps sorted, and
#   `epsilon=1e-5` set by hand. Compare outputs.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - T. Salimans et al., “Improved techniques for training GANs”, 2016,
#   [arXiv:1606.03498](https://arxiv.org/abs/1606.03498) (label smoothing).
# - J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, “Striving for simplicity: the all
#   convolutional net”, 2014, [arXiv:1412.6806](https://arxiv.org/abs/1412.6806) (strided
#   convolutions instead of pooling).
# - S. Ioffe, C. Szegedy, “Batch normalization”, 2015,
#   [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - A. L. Maas, A. Y. Hannun, A. Y. Ng, “Rectifier nonlinearities improve neural network acoustic
#   models”, ICML Workshop on Deep Learning for Audio, Speech and Language Processing, 2013
#   (LeakyReLU).

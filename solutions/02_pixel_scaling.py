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
# # Pixel scaling
#
# You take pixels from bytes to the numbers that a network works with, and back without damage, and
# you see what the choice of range does to a GAN.
#
# | | |
# |---|---|
# | **Time** | 45 minutes |
# | **You need** | PyTorch tensors, or NumPy arrays; what the generator and the discriminator are (lesson 00) |
# | **Afterwards you can** | scale to any range and back; spot a wrapped byte and a picture shown wrongly; choose the generator's last activation; say what centring is good for, and what it is not |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import pixel_scaling, plots
from helpers.checks import pixel_scaling as check
from helpers.data import load_images

plots.use_style()

# %% [markdown]
# ## What a pixel is
#
# The images of this course are **street digits**: drawings by a program that look like photographs
# of house numbers. `load_images` gives them as an array. What is in it?

# %%
arrays, labels = load_images("street_digits", "train", count=2000)
images = torch.from_numpy(arrays)
print("shape (images, channels, height, width):", tuple(images.shape))
print("type:", images.dtype, "smallest:", images.min().item(), "largest:", images.max().item())
plots.show(
    plots.image_grid(
        arrays[:24], 12, "Street digits, 32 × 32 pixels: the digit in the middle counts"
    ),
    alt="24 small colour images of house numbers, with parts of neighbouring digits at the edges.",
)

# %% [markdown]
# A pixel has three numbers, one each for red, green and blue, and each of them is a **byte**
# (`uint8`): a whole number from 0, dark, to 255, bright. Bytes are small, and bad at arithmetic.
# What is 250 + 10?

# %%
print((torch.tensor([250], dtype=torch.uint8) + 10).item())

# %% [markdown]
# 260 is no byte, so it starts again at 0: the number **wraps round**. No error, no warning. A
# network has to multiply and add, so its pixels have to be floats. Floats in which range?

# %% [markdown]
# ## Three words
#
# - **Min-max normalisation** takes the smallest possible number to 0 and the largest to 1:
#   $(x - \min)/(\max - \min)$. For bytes that is $x/255$, whatever is in the image.
# - **Centring** puts the middle at 0: $2x - 1$ takes [0, 1] to [−1, 1].
# - **Standardisation** subtracts the mean of the data set and divides by its standard deviation,
#   here for each channel: mean 0, deviation 1, and no fixed ends.
#
# What do they do to our pixels?

# %%
normalised = arrays / 255
scaled = {
    "normalised": normalised,
    "centred": 2 * normalised - 1,
    "standardised": pixel_scaling.standardise(normalised),
}
for name, x in scaled.items():
    mean = round(x.mean(), 1) + 0.0  # no "-0.0"
    print(f"{name:>12}: {x.min():4.1f} to {x.max():.1f}, mean {mean:4.1f}, deviation {x.std():.1f}")

# %% [markdown]
# And how are the values spread?

# %%
figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.8), sharex=True)
for ax, (name, x), color in zip(panels, scaled.items(), plots.PALETTE, strict=False):
    ax.hist(x.ravel(), bins=np.linspace(-3, 3, 61), color=color, density=True)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set(title=name, xlabel="pixel value", yticks=[])
panels[0].set_ylabel("share of pixels")
figure.suptitle("Three scalings, one shape: only place and width differ", x=0.02, ha="left")
plots.show(
    figure,
    alt="Three histograms of the same shape: from 0 to 1, from -1 to 1, and a wider one around 0.",
)

# %% [markdown]
# Each of the three maps is a straight line (standardisation has one for each channel, and the three
# are nearly the same), so the histogram only moves and stretches. Nothing about the images is lost:
# each map can be undone. In the first, no number is below 0. That will matter.

# %% [markdown]
# ## Two formulas, one map
#
# Older notes list two methods to get from [0, 1] to a range $(\min, \max)$:
#
# 1. $x \cdot (\max - \min) + \min$
# 2. $2x - 1$
#
# Are they different? Write the first one, and you will see.
#
# **Exercise 1** `scale` (●○○, 4 min). Map [0, 1] to `feature_range` by a straight line: 0 becomes
# the lower end and 1 the upper end. Numbers outside [0, 1] follow the same line. Leave `x` itself
# unchanged. (`x` is a PyTorch tensor of floats, and so is your answer; a NumPy array is welcome
# too, here and in the exercises below.)


# %% exercise="scale" points=1
def scale(x, feature_range=(-1, 1)):
    """Map [0, 1] to feature_range by a straight line."""
    ### BEGIN SOLUTION
    low, high = feature_range
    return x * (high - low) + low
    ### END SOLUTION


# %% check="scale"
scale = check.scale(scale)

# %% [markdown]
# Now compare the methods on all 256 brightnesses. Is there one on which they differ?

# %%
brightness = torch.arange(256) / 255
method_1 = np.asarray(scale(brightness, (-1, 1)))
method_2 = np.asarray(2 * brightness - 1)
print("largest difference below a millionth:", bool(np.abs(method_1 - method_2).max() < 1e-6))
print("method 1 on (0, 5):", np.asarray(scale(torch.tensor([0.0, 0.5, 1.0]), (0, 5))).tolist())

# %% [markdown]
# For (−1, 1) the first is $x \cdot 2 + (-1)$, which *is* the second. They are the same map; method 1
# goes to other ranges as well.

# %% [markdown]
# ## From bytes and back
#
# **Exercise 2** `scale_uint8` (●○○, 4 min). Take bytes to [−1, 1]: 0 becomes −1 and 255 becomes 1,
# whatever else is in `images`. Return float32 in the same shape, and let any shape be welcome: a
# batch (N, 3, H, W), one image, or a plain row of bytes.


# %% exercise="scale_uint8" points=1
def scale_uint8(images):
    """Bytes (0 to 255) to float32 in [-1, 1]."""
    ### BEGIN SOLUTION
    return images.float() / 127.5 - 1
    ### END SOLUTION


# %% check="scale_uint8"
scale_uint8 = check.scale_uint8(scale_uint8)

# %% [markdown]
# This is what the check says to somebody who starts calculating before the bytes are floats:

# %%
check.scale_uint8.look_at(lambda images: images * 2 - 1)

# %% [markdown]
# A generator puts out floats, and to look at them or to save them you need bytes again. Three
# things can go wrong on the way back. Converting to bytes cuts the fraction off, so 12.75 becomes
# 12 instead of 13. Numbers a little above 1 wrap round. And sometimes the caller's numbers are
# changed on the way.
#
# **Exercise 3** `unscale_to_uint8` (●●○, 6 min). Take floats in [−1, 1] to the nearest byte. What
# lies below −1 becomes 0, what lies above 1 becomes 255. `x` has any shape, and the bytes have the
# same. Leave `x` unchanged.


# %% exercise="unscale_to_uint8" points=2
def unscale_to_uint8(x):
    """Floats in [-1, 1] to the nearest byte; what lies outside becomes 0 or 255."""
    ### BEGIN SOLUTION
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    ### END SOLUTION


# %% check="unscale_to_uint8"
unscale_to_uint8 = check.unscale_to_uint8(unscale_to_uint8)

# %% [markdown]
# Does every byte survive the trip there and back? And if the fractions are cut off instead of
# rounded?

# %%
all_bytes = torch.arange(256, dtype=torch.uint8)
there = torch.as_tensor(scale_uint8(all_bytes))
back = torch.as_tensor(unscale_to_uint8(there))
floats = (there + 1) * 127.5
lost = floats.to(torch.uint8) != all_bytes
first = int(lost.nonzero()[0])
print("with rounding, bytes that changed:", (back != all_bytes).sum().item())
print(f"without, {first} is {floats[first].item():.8f} and becomes {int(floats[first])}")

# %% [markdown]
# Floats are not exact, and cutting off turns a hair's breadth into a whole step. And what if the
# numbers leave the range? Here is a bit of noise on an image, converted without and with clamping.

# %%
bright, dark = (images > 240).sum((1, 2, 3)), (images < 100).sum((1, 2, 3))
sharpest = int((bright * dark).argmax())
torch.manual_seed(0)
noisy = torch.as_tensor(scale_uint8(images[sharpest])) + 0.06 * torch.randn(3, 32, 32)
wrapped = ((noisy + 1) * 127.5).round().long().remainder(256).to(torch.uint8)
pair = np.stack([wrapped, torch.as_tensor(unscale_to_uint8(noisy))])
print("some numbers are above 1:", bool((noisy > 1).any()))
title = "Unclamped, the brightest pixels turn dark"
plots.show(
    plots.image_grid(pair, 2, title, captions=["wrapped round", "clamped"], size=1.4),
    alt="The same image twice: left with dark and coloured specks in its bright areas.",
)
assert int(((pair[0] < 50) & (pair[1] > 200)).sum()) > 20  # bright numbers that turned dark

# %% [markdown]
# Specks like those on the left in the samples of a GAN are not the generator's fault.

# %% [markdown]
# ## A picture that is shown wrongly
#
# Somebody wants to look at an image in [−1, 1] and writes the cell below. `imshow` wanted the
# channels last, so the image was reshaped; it complained about numbers below 0, so they were
# clamped. No error is left. Is the picture right?

# %%
x = torch.as_tensor(scale_uint8(images[sharpest]))
figure, ax = plt.subplots(figsize=(2.4, 2.6))
ax.imshow(x.reshape(32, 32, 3).clamp(0, 1))
ax.set_title("No error, but nine digits")
ax.axis("off")
plots.show(figure, alt="Nine small, blocky, garish copies of a digit on black.")

# %% [markdown]
# Two bugs. The nine copies come from the order of the numbers in memory, the black from the range.
#
# **Exercise 4** `to_display` (●●○, 5 min). Take an image of shape (3, H, W) in [−1, 1] to an array
# of shape (H, W, 3) that `imshow` shows as it is: floats from 0 to 1, or bytes. Leave `x` unchanged.


# %% exercise="to_display" points=2
def to_display(x):
    """An image (3, H, W) in [-1, 1] as imshow wants it: (H, W, 3) in [0, 1]."""
    ### BEGIN SOLUTION
    return (x.permute(1, 2, 0) + 1) / 2
    ### END SOLUTION


# %% check="to_display"
to_display = check.to_display(to_display)

# %% [markdown]
# And now?

# %%
figure, ax = plt.subplots(figsize=(2.4, 2.6))
ax.imshow(np.asarray(to_display(x)))
ax.set_title("A house number")
ax.axis("off")
plots.show(figure, alt="A sharp colour image of a digit.")

# %% [markdown]
# ## What can the generator put out?
#
# The last layer of the generator ends in an **activation**, a function that is applied to each
# number. It decides which pixels the generator can make at all:
#
# | Activation | puts out |
# |---|---|
# | `"sigmoid"` | 0 to 1 |
# | `"tanh"` | −1 to 1 |
# | `"relu"` | 0 and above |
# | `"linear"` (none) | any number |

# %%
a = torch.linspace(-5, 5, 201)
figure, ax = plt.subplots()
for name, values in [("tanh", torch.tanh(a)), ("sigmoid", torch.sigmoid(a))]:
    ax.plot(a, values, label=name)
for height in (-1, 0, 1):
    ax.axhline(height, color=plots.GREY, linewidth=0.8, linestyle="--")
ax.set(xlabel="what the last layer computes", ylabel="pixel", yticks=[-1, 0, 1])
ax.set_title("tanh fills −1 to 1, a sigmoid 0 to 1")
ax.legend()
plots.show(figure, alt="Two S-shaped curves, tanh from -1 to 1 and the sigmoid from 0 to 1.")

# %% [markdown]
# It has to match the data. What is missing can never be made; what is too much has to be
# unlearned, and meanwhile tells the discriminator that an image is fake. So: the narrowest
# activation that reaches every number in the data. (A sigmoid comes as close to 0 and 1 as you
# like, which is good enough for us; the ends count as reached.)
#
# **Exercise 5** `matching_activation` (●○○, 4 min). Data lies between `low` and `high`. Return the
# name of the narrowest activation in the table that reaches both ends. The table is in the order
# from narrow to wide.


# %% exercise="matching_activation" points=1
def matching_activation(low, high):
    """The narrowest of sigmoid, tanh, relu and linear that reaches low and high."""
    ### BEGIN SOLUTION
    if low >= 0 and high <= 1:
        return "sigmoid"
    if low >= -1 and high <= 1:
        return "tanh"
    if low >= 0:
        return "relu"
    return "linear"
    ### END SOLUTION


# %% check="matching_activation"
matching_activation = check.matching_activation(matching_activation)

# %% [markdown]
# Which activation belongs to which scaling?

# %%
for name, x in {"bytes": arrays, **scaled}.items():
    low, high = float(x.min()), float(x.max())
    print(f"{name:>12}, {low:4.1f} to {high:5.1f}: {matching_activation(low, high)}")

# %% [markdown]
# (Bytes and a relu would fit, but a last layer that starts with weights around 0.02 would have a
# long way to 255.)
#
# And if they do not match? The best that a generator can do is the nearest number that it can put
# out. How much of the data is out of reach, and what does the best possible image look like?

# %%
pairs = [("centred", "sigmoid"), ("standardised", "tanh"), ("normalised", "tanh")]
best, captions = [normalised[sharpest]], ["the image"]
for name, activation in pairs:
    x = scaled[name]
    lost = pixel_scaling.out_of_reach(x, activation)
    print(f"{name} pixels out of reach of {activation}: {lost:.0%}")
    reached = pixel_scaling.nearest_reachable(x[sharpest], activation)
    best.append((reached - x.min()) / (x.max() - x.min()))
    captions.append(f"{name},\n{activation}")
title = "The best image that each last layer can put out"
plots.show(
    plots.image_grid(np.stack(best), 4, title, captions=captions, size=1.4),
    alt="The image; with grey instead of dark; with little contrast; and unharmed.",
)

# %% [markdown]
# A sigmoid for [−1, 1] loses everything darker than the middle: no training can bring it back.
# tanh for standardised pixels loses the highlights and the shadows. tanh for [0, 1] loses nothing,
# but half of what it can put out is no pixel.

# %%
centred_lost = pixel_scaling.out_of_reach(scaled["centred"], "sigmoid")
standardised_lost = pixel_scaling.out_of_reach(scaled["standardised"], "tanh")
assert centred_lost > 0.4 and 0.2 < standardised_lost < 0.6
assert pixel_scaling.out_of_reach(scaled["normalised"], "tanh") == 0

# %% [markdown]
# The two pairs that match, [0, 1] with a sigmoid and [−1, 1] with tanh, are closer relatives than
# they look:
#
# $$\tanh(a) = 2\,\sigma(2a) - 1$$
#
# A sigmoid of twice the number, then method 2. Is that so?

# %%
print(bool(torch.allclose(torch.tanh(a), 2 * torch.sigmoid(2 * a) - 1, atol=1e-6)))

# %% [markdown]
# So whatever one generator can make, the other can make too: the weights and biases of its last layer
# only have to be halved or doubled. If one of them is better, then not because of what it can do, but
# because of how it *learns*. Could there be a reason?

# %% [markdown]
# ## Why centre?
#
# There is a classic one, and it is about the other network, the discriminator, whose first layer
# is fed with pixels (LeCun et al., 1998). Gradient descent walks down a valley. How steep the valley
# is in each direction is told by the **second-moment matrix** of the inputs, the mean of
# $x x^\top$; its **eigenvalues** are the curvatures (exactly so for a single linear layer with a
# squared error). The largest one limits the step: above 2 / largest the walk diverges. In the
# direction of the smallest one, such a step hardly moves. Their ratio is the **condition number**,
# and the larger it is, the more steps are needed.
#
# Take two independent pixels and one linear unit that has to learn the weights 1 and −1. How many
# steps does it need with pixels in [0, 1], and how many with pixels in [−1, 1]?

# %%
rng = np.random.default_rng(0)
pixels = rng.uniform(size=(10_000, 2))
target = np.array([1.0, -1.0])
for name, inputs in [("[0, 1]", pixels), ("[−1, 1]", 2 * pixels - 1)]:
    matrix = inputs.T @ inputs / len(inputs)
    eigenvalues = pixel_scaling.second_moments(inputs)
    weights, steps = np.zeros(2), 0
    while np.abs(weights - target).max() > 0.01:
        weights -= matrix @ (weights - target) / eigenvalues[0]
        steps += 1
    number = pixel_scaling.condition_number(eigenvalues)
    print(f"{name}: condition number {number:.0f}, steps needed: {steps}")

# %% [markdown]
# With positive pixels, moving both weights up changes every output by much: a steep direction.
# Moving one up and the other down nearly cancels: a flat one. Around 0 the valley is round.
#
# Those were pixels that have nothing to do with each other. In an image neighbours are alike. Our
# discriminator's first layer will read windows of 4 × 4 pixels in 3 channels, so 48 inputs. What
# are the eigenvalues of street digits?

# %%
conditions, shares = {}, {}
for name, x in scaled.items():
    windows = pixel_scaling.patches(x[:1000], size=4, stride=2)
    eigenvalues = pixel_scaling.second_moments(windows)
    conditions[name] = pixel_scaling.condition_number(eigenvalues)
    shares[name] = eigenvalues[0] / eigenvalues.sum()
    rounded = float(f"{conditions[name]:.0e}")
    print(f"{name:>12}: the largest eigenvalue is {shares[name]:.0%} of the sum, ", end="")
    print(f"condition number about {rounded:,.0f}")

# %%
assert shares["normalised"] > 0.95 and shares["centred"] > 0.8
assert conditions["normalised"] / conditions["centred"] > 4
assert 0.5 < conditions["standardised"] / conditions["centred"] < 2
assert min(conditions.values()) > 10_000

# %% [markdown]
# What came out, and what did not:
#
# - Centring helps. The condition number becomes several times smaller.
# - It does not make the valley round. The largest eigenvalue still has most of the sum, because it
#   is not only the common mean: in a window of 4 × 4, all pixels are bright together or dark
#   together. The condition number stays above 10,000 in every scaling.
# - Standardisation is no better than centring. All pixels have about the same deviation, so dividing
#   by it stretches every direction alike, and a common factor does not change a ratio.
#
# What would help further is to undo the correlation of the inputs (whitening), or to centre again
# after each layer. The second is what batch normalisation does, and that is lesson 04.

# %% [markdown]
# ## Model 1 against model 2
#
# Now the real question. The same DCGAN three times:
#
# | | pixels | last activation |
# |---|---|---|
# | model 1 | [0, 1] | sigmoid |
# | model 2 | [−1, 1] | tanh |
# | mismatch | [0, 1] | tanh |
#
# For each seed the three begin with the same weights and see the same images and the same random
# numbers. They differ in nothing but the table. (You build these networks yourself in lessons 05
# and 06.) Which one makes the better images?

# %%
from helpers.pytorch.scaling_experiment import SETTINGS, Options, Run

BUDGET = "short"  # "full" trains 1,500 steps with batches of 64: some minutes
steps, batch_size = {"short": (100, 32), "full": (1500, 64)}[BUDGET]
torch.set_num_threads(1)  # networks this small gain little from more, and lose on a busy computer
samples = {}
for name, setting in SETTINGS.items():
    run = Run(setting, arrays, seed=0, options=Options(batch_size=batch_size))
    run.advance(steps)
    samples[name] = run.sample(1000)

# %% [markdown]
# After so few steps no digit is to be seen. What is there instead, row by row?

# %%
rows = np.concatenate([sample[:8] for sample in samples.values()])
plots.show(
    plots.image_grid(rows, 8, f"After {steps} steps", row_labels=list(samples)),
    alt="Three rows of eight images without digits: blots or textures, one row for each setting.",
)

# %% [markdown]
# Which row is best? You will see in it what you expect to see, so let a number judge too. A small
# classifier that knows street digits turns each image into 64 numbers, its **features**. The
# **Fréchet distance** compares the mean and the covariance of the features of generated images with
# those of real ones; 0 means no difference. Two sets of *real* images differ a little too, by
# chance: that is the **floor**, and no generator can be expected far below it. (Lesson 11 takes
# this number apart.)

# %% tags=["nbval-ignore-output"]
from helpers.metrics import judge

judged = {name: judge(sample) for name, sample in samples.items()}
for name, found in judged.items():
    print(f"{name:>18}: distance {found.distance:.0f}, floor {found.floor:.0f}")

# %%
assert all(found.distance > 3 * found.floor for found in judged.values())
print("All three are far above the floor.")

# %% [markdown]
# One seed and a few seconds of training say little. So the same code ran longer, with three seeds
# for each setting, and its results are stored with the course. How close did they come?

# %%
from helpers.pytorch.scaling_experiment import distances, load_results, load_samples, verdict

results = load_results()
finals = distances(results)
for name, ends in finals.items():
    each = ", ".join(f"{distance:.0f}" for distance in ends)
    print(f"{name:>18}: mean distance {ends.mean():.0f}, by seed {each}")
print(f"{'real images':>18}: {results['floor']['distance']:.0f}")
print("Made by:", results["command"].replace(" --steps", "\n  with --steps"))

# %%
figure, ax = plt.subplots(figsize=(7, 3.6))
lines = zip(SETTINGS, ("model 1", "model 2", "mismatch"), plots.PALETTE, strict=False)
for name, model, color in lines:
    histories = [run["history"] for run in results["runs"] if run["setting"] == name]
    at = [look["step"] for look in histories[0]]
    seeds = np.array([[look["distance"] for look in history] for history in histories])
    ax.plot(at, seeds.mean(0), "o-", color=color, label=f"{model}: {name}")
    ax.fill_between(at, seeds.min(0), seeds.max(0), color=color, alpha=0.2)
ax.axhline(results["floor"]["distance"], color="black", linestyle=":", label="real images")
ax.set(xlabel="training steps", ylabel="Fréchet distance", ylim=(0, None))
ax.set_title("Model 1 starts ahead; at the end it and model 2 are level")
ax.legend(fontsize=9)
plots.show(figure, alt="Three falling lines with overlapping bands; real images lie near 0.")

# %% [markdown]
# A line is the mean of three seeds, the band around it reaches from the best to the worst seed. And
# to the eye?

# %%
stored = load_samples()
rows = np.concatenate([stored[name][seed] for name in SETTINGS for seed in stored[name]])
row_labels = [f"{name}, seed {seed}" for name in SETTINGS for seed in stored[name]]
plots.show(
    plots.image_grid(rows, 10, f"After {at[-1]} steps", row_labels=row_labels, size=0.6),
    alt="Nine rows of ten generated images, three rows for each setting.",
)

# %% [markdown]
# How sure can we be? Three seeds are few: even if two settings were equally good, all three seeds
# would point the same way in one of four comparisons. So a difference counts here only if every
# seed agrees *and* the two means are further apart than the best and the worst seed of either setting.

# %%
for look, when in [(0, "At the first look"), (-1, "At the end")]:
    model_1, model_2, mismatch = distances(results, look).values()
    print(f"{when}, after {at[look]} steps:")
    print("- model 2 against model 1: model 2 is", verdict(model_2, model_1))
    print("- the mismatch against model 1: it is", verdict(mismatch, model_1))
    print("- the mismatch against model 2: it is", verdict(mismatch, model_2))

# %% [markdown]
# What came out, and what did not:
#
# - **Model 1 against model 2: no winner.** At the end one seed says this and another that. The
#   advice that [−1, 1] is better is not confirmed here. That need not surprise you after
#   $\tanh(a) = 2\,\sigma(2a) - 1$, and the centring argument is about a single layer and plain
#   gradient descent; here Adam and batch normalisation are at work, too.
# - **They start differently.** At the first look model 1 is ahead in every seed, and by more than
#   the seeds differ. Later model 2 catches up.
# - **The mismatch costs something.** At the end it is further away than model 2 in every seed, and
#   by more than the seeds differ. Against model 1 it was behind in every seed at the first look, and
#   at the end no longer in all of them. It does learn: everything that it needs is within its reach.
# - **None of them is done.** All nine runs end far above the real images. What longer training
#   changes you will see in lesson 08.
#
# From here on the course uses [−1, 1] and tanh, because the DCGAN paper and nearly everybody after
# it does, not because these runs demand it. What they suggest is to make the two match: at none of
# the five looks is the mismatch ahead of either of the others in every seed.

# %%
start_1, start_2, start_mismatch = distances(results, 0).values()
end_1, end_2, end_mismatch = distances(results).values()
assert "disagree" in verdict(end_2, end_1) and "disagree" in verdict(end_mismatch, end_1)
assert verdict(start_1, start_2).startswith("closer in every seed, and by more")
assert verdict(end_mismatch, end_2).startswith("further away in every seed, and by more")
assert verdict(start_mismatch, start_1).startswith("further away in every seed")
for look in range(5):
    first, second, third = distances(results, look).values()
    assert not any(verdict(third, other).startswith("closer") for other in (first, second))
ends = np.concatenate([end_1, end_2, end_mismatch])
assert ends.min() > 50 * results["floor"]["distance"]

# %% [markdown]
# ## Play with it
#
# Below is one image on its whole way: scaled to a range, put out by the best generator that there
# could be, and turned back into bytes. Four things to try:
#
# 1. Choose *sigmoid* as the last layer. Which part of the histogram is out of reach, and what does
#    that do to the image? Mend it by moving *Black (0) goes to*.
# 2. Let black go to −2 and white to 2, with tanh. Which pixels suffer? Which last layer helps?
# 3. Range −1 to 1, tanh, and the way back expects [0, 1]. What does *wrap round* do?
# 4. Range 0 to 1, and the way back expects [−1, 1]. Why is the picture so pale?

# %%
from helpers.widgets.pixel_scaling import PixelScalingExplorer

PixelScalingExplorer()

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. `x` is in [0, 1]. What is the difference between `x * (1 - -1) + -1` and `2 * x - 1`?**
#
# <details><summary>The first stretches every image by its own minimum and maximum</summary>No. In this formula they are the ends of the range to go to, not those of the image.</details>
# <details><summary>None</summary>Yes. 1 − (−1) is 2, and adding −1 is subtracting 1.</details>
# <details><summary>The second can leave [−1, 1]</summary>No. It takes 0 to −1 and 1 to 1, and all between them to between those.</details>

# %% [markdown]
# **2. Pixels are in [−1, 1], and the generator ends in a sigmoid. What happens?**
#
# <details><summary>Training takes longer, then it works</summary>No. A sigmoid never puts out a negative number, however long it is trained.</details>
# <details><summary>It cannot make anything darker than middle grey</summary>Yes. Middle grey is 0, and a sigmoid puts out nothing below it.</details>
# <details><summary>Nothing, as tanh(a) = 2σ(2a) − 1</summary>No. That identity has a method 2 in it, and here nobody applies it.</details>

# %% [markdown]
# **3. A sample from your GAN has black dots in its brightest area. What do you look at first?**
#
# <details><summary>The conversion to bytes</summary>Yes. Numbers just above 1 that wrap round look exactly like this.</details>
# <details><summary>The learning rate</summary>No. A wrong learning rate spoils whole images, not single bright pixels.</details>
# <details><summary>The discriminator</summary>No. It has no hand in how you convert the sample.</details>

# %% [markdown]
# **4. Centring made the condition number several times smaller, standardisation no smaller still. Why?**
#
# <details><summary>Standardisation loses information</summary>No. It is a straight line and can be undone.</details>
# <details><summary>Street digits are too dark</summary>No. The mean is subtracted, whatever it is.</details>
# <details><summary>All pixels have nearly the same deviation, and a common factor leaves a ratio as it is</summary>Yes. It would help if some inputs varied a thousand times as much as others.</details>

# %% [markdown]
# **5. An image has shape (3, 32, 32). Which of these gives `imshow` the right order?**
#
# <details><summary>x.reshape(32, 32, 3)</summary>No. It keeps the order in memory, so three neighbours in a row of the red channel become one pixel.</details>
# <details><summary>x.T</summary>No. The channels are last, but rows and columns are swapped too.</details>
# <details><summary>x.permute(1, 2, 0)</summary>Yes. Height, width, and the channels last.</details>

# %% [markdown]
# ## What to remember
#
# - Make bytes floats before any arithmetic; on the way back round, clamp, and only then convert.
# - $x \cdot (\max - \min) + \min$ takes [0, 1] anywhere; for (−1, 1) it is $2x - 1$.
# - The last activation must reach the data: sigmoid for [0, 1], tanh for [−1, 1], none for
#   standardised data.
# - Centring takes the common mean out of the inputs and makes the valley several times rounder. It
#   does not remove what makes neighbouring pixels alike.
# - [0, 1] with a sigmoid and [−1, 1] with tanh came out even here; a mismatch did worse than the
#   second. Compare settings with several seeds and a number, and say how much the seeds differ.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, “Efficient BackProp”, in *Neural Networks: Tricks of
#   the Trade*, 1998, [doi:10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2)
#   (inputs around 0, section 4.3).
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434)
#   (scales images to [−1, 1], the range of tanh).
# - M. Heusel et al., “GANs trained by a two time-scale update rule converge to a local Nash
#   equilibrium”, 2017, [arXiv:1706.08500](https://arxiv.org/abs/1706.08500) (the Fréchet distance
#   for generated images).

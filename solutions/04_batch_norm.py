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
# # Batch normalisation
#
# You write the layer that made deep networks easy to train, and then you put the seven claims that
# are made for it to the test. Not all of them hold.
#
# | | |
# |---|---|
# | **Time** | 60 minutes |
# | **You need** | PyTorch: tensors, `nn.Module`, a training loop; what a convolution is (lesson 03) |
# | **Afterwards you can** | say what batch normalisation computes in training and in evaluation; write it, and its gradient; explain why the layer before it has no bias; tell which of its promises hold, and how it fails |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from helpers import plots
from helpers.checks import batch_norm as check
from helpers.pytorch import batch_norm_experiments as experiments

plots.use_style()

# %% [markdown]
# ## What it computes
#
# Pixels are scaled before they go into a network (lesson 02). Why stop there? Every layer is the
# input of the next one, and what it puts out can lie anywhere and be spread over anything.
# **Batch normalisation** rescales *inside* the network: each feature gets mean 0 and standard
# deviation 1 (from here on just “deviation”), measured over the examples that are in the batch.
#
# Here is a batch of four examples with two features. The second is ten times the first. What is
# left of that?

# %%
x = torch.tensor([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0], [7.0, 70.0]])
mean = x.mean(0)
variance = ((x - mean) ** 2).mean(0)
print("means", mean.tolist(), "and variances", variance.tolist())
print(((x - mean) / variance.sqrt()).numpy().round(3))

# %% [markdown]
# Nothing: both columns are now −1.342, −0.447, 0.447, 1.342. Follow the first one by hand: the mean
# is 4, the squared distances 9, 1, 1, 9 have the mean 5, and (1 − 4)/√5 = −1.342.
#
# A layer must still be able to put out what is useful. So each feature has two more numbers, which
# are learnt: the result is multiplied by **gamma** ($\gamma$) and **beta** ($\beta$) is added.
# And a feature that is the same in all examples would be divided by 0, so a small **eps**
# ($\varepsilon$) is added to the variance, under the root:
#
# $$y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# The variance $\sigma^2$ is the **biased** one, the sum of the $n$ squared distances divided by
# $n$, not by $n - 1$.
#
# In a convolution, the features are the channels. A channel uses the same filter at every pixel, so
# it gets one mean, one variance, one gamma and one beta for all its pixels: of a batch of shape
# (N, C, H, W) they are taken over N, H and W. In both cases: over every axis but axis 1.
#
# **Exercise 1** `batch_norm_train` (●●○, 5 min). Return $y$, in the shape of `x`, which is (N, D)
# or (N, C, H, W); `gamma` and `beta` have the shape (D,) or (C,). Leave `x` as it is, and let
# gradients flow through the mean and the variance too.


# %% exercise="batch_norm_train" points=2
def batch_norm_train(x, gamma, beta, eps=1e-5):
    """Normalise a batch by its own mean and variance, then scale and shift it."""
    ### BEGIN SOLUTION
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean = x.mean(axes, keepdim=True)
    variance = ((x - mean) ** 2).mean(axes, keepdim=True)
    normalised = (x - mean) / torch.sqrt(variance + eps)
    return gamma.reshape(shape) * normalised + beta.reshape(shape)
    ### END SOLUTION


# %% check="batch_norm_train"
batch_norm_train = check.batch_norm_train(batch_norm_train)

# %% [markdown]
# “Batch normalisation gives every layer mean 0 and deviation 1” is often said. Is it so?

# %%
torch.manual_seed(0)
images = 5 + 3 * torch.randn(60, 3, 8, 8)
gamma, beta = torch.tensor([1.0, 2.0, -0.5]), torch.tensor([0.0, 3.0, 1.0])
y = batch_norm_train(images, gamma, beta)
for channel in range(3):
    values = y[:, channel]
    middle = abs(round(values.mean().item(), 2))  # abs: no "-0.00"
    print(f"gamma {gamma[channel]:4}, beta {beta[channel]}: ", end="")
    print(f"mean {middle:.2f}, deviation {values.std().item():.2f}")

# %% [markdown]
# Only where gamma is 1 and beta is 0. Every network starts there, but after that the mean of a
# channel is beta and its deviation is the size of gamma: the next layer gets what the *training*
# makes of them, and no longer what the layers before happen to put out.

# %% [markdown]
# ## One image alone
#
# What is the deviation of a batch of one? PyTorch has an answer to that:

# %%
try:
    nn.BatchNorm1d(2)(torch.tensor([[3.0, 30.0]]))
except ValueError as error:
    print(str(error).split(",")[0])

# %% [markdown]
# A single value is its own mean, so nothing but beta would come out. And even in a larger batch, an
# image's result depends on the other images, which is odd when you want to know what *this* image
# shows. So training keeps a record: after each batch the **running mean** moves a small step
# towards the batch's mean, the **running variance** towards its variance, and a trained network
# normalises by these two.
#
# $$\text{new} = (1 - \text{momentum}) \cdot \text{old} + \text{momentum} \cdot \text{batch's}$$
#
# In PyTorch, **momentum** is the share of the *new* batch, normally 0.1. One more subtlety: the
# batch is normalised by the biased variance, but PyTorch records the **unbiased** one, the sum
# divided by $n - 1$, because it is to stand for all images and not only for those of the batch.
# $n$ is the number of values per channel: N, or N·H·W.
#
# **Exercise 2** `update_running_stats` (●●○, 4 min). Return the new running mean and the new
# running variance, two new tensors; leave the old ones as they are. They are a record and nothing
# to learn through: no gradient may flow into them.


# %% exercise="update_running_stats" points=2
def update_running_stats(running_mean, running_var, x, momentum=0.1):
    """The running mean and variance, moved a step towards those of the batch x."""
    ### BEGIN SOLUTION
    x = x.detach()
    axes = [axis for axis in range(x.ndim) if axis != 1]
    mean, variance = x.mean(axes), x.var(axes, correction=1)
    new_mean = (1 - momentum) * running_mean.detach() + momentum * mean
    new_var = (1 - momentum) * running_var.detach() + momentum * variance
    return new_mean, new_var
    ### END SOLUTION


# %% check="update_running_stats"
update_running_stats = check.update_running_stats(update_running_stats)

# %% [markdown]
# The running mean starts at 0 and the running variance at 1, which is wrong for almost every layer.
# How long does that last? Here are batches of a feature with mean 5 and deviation 3, so
# variance 9.

# %%
torch.manual_seed(0)
running_mean, running_var, path = torch.zeros(1), torch.ones(1), [(0.0, 1.0)]
for _ in range(80):
    batch = 5 + 3 * torch.randn(60, 1)
    running_mean, running_var = update_running_stats(running_mean, running_var, batch)
    path.append((running_mean.item(), running_var.item()))
print(f"share of the start after 40 batches: {0.9**40:.3f}")

# %%
figure, ax = plt.subplots()
for name, values, end in zip(("mean", "variance"), zip(*path, strict=True), (5, 9), strict=True):
    ax.plot(values, label=f"running {name}")
    ax.axhline(end, color=plots.GREY, linewidth=1, linestyle="--")
ax.set(xlabel="batches seen", ylabel="value", ylim=(0, 11))
ax.set_title("It takes some 40 batches to forget the start")
ax.legend(loc="lower right")
plots.show(
    figure, alt="Both curves rise steeply, reach 5 and 9 after some 40 batches, and tremble."
)

# %% [markdown]
# They never stand still: each batch pulls them its way. How much the statistics of a batch tremble
# depends on its size. Move *Batch size* from 2 to 256 and watch what one and the same image
# becomes:

# %%
from helpers.widgets.batch_norm import ActivationExplorer, BatchSizeExplorer

BatchSizeExplorer()

# %% [markdown]
# **Exercise 3** `batch_norm_eval` (●○○, 3 min). Normalise by the running statistics instead of the
# batch's own; everything else is as in exercise 1. Now N may be 1.


# %% exercise="batch_norm_eval" points=1
def batch_norm_eval(x, running_mean, running_var, gamma, beta, eps=1e-5):
    """Normalise by given statistics, then scale and shift."""
    ### BEGIN SOLUTION
    shape = [1, -1] + [1] * (x.ndim - 2)
    centred = x - running_mean.reshape(shape)
    normalised = centred / torch.sqrt(running_var + eps).reshape(shape)
    return gamma.reshape(shape) * normalised + beta.reshape(shape)
    ### END SOLUTION


# %% check="batch_norm_eval"
batch_norm_eval = check.batch_norm_eval(batch_norm_eval)

# %% [markdown]
# ## The layer
#
# Two ways to compute, one layer. Which of them it uses is decided by its **mode**: `layer.train()`
# sets its attribute `training` to true, `layer.eval()` to false, and a network passes the call on
# to all its layers. Gamma and beta are learnt, so they are **parameters**. The running statistics
# are not, but they have to be saved with the network and move to the GPU with it: they are
# **buffers**, made by `self.register_buffer("name", tensor)`.
#
# **Exercise 4** `BatchNorm` (●●●, 8 min). Write a drop-in for `nn.BatchNorm2d`, for x of shape
# (N, C, H, W):
#
# - parameters `weight` (gamma, at first 1) and `bias` (beta, at first 0) of shape (C,);
# - buffers `running_mean` (at first 0) and `running_var` (at first 1) of shape (C,), and
#   `num_batches_tracked`, at first `torch.tensor(0)`, which counts the batches seen in train mode;
# - only train mode changes the buffers.
#
# Use your functions from exercises 1 to 3.


# %% exercise="BatchNorm" points=3
class BatchNorm(nn.Module):
    """Batch normalisation over channels, as nn.BatchNorm2d does it."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        if not self.training:
            return batch_norm_eval(
                x, self.running_mean, self.running_var, self.weight, self.bias, self.eps
            )
        mean, var = update_running_stats(self.running_mean, self.running_var, x, self.momentum)
        self.running_mean.copy_(mean)
        self.running_var.copy_(var)
        self.num_batches_tracked += 1
        return batch_norm_train(x, self.weight, self.bias, self.eps)
        ### END SOLUTION


# %% check="BatchNorm"
BatchNorm = check.BatchNorm(BatchNorm)

# %% [markdown]
# Is it PyTorch's layer? Both see the same ten batches and then, in eval mode, one image.

# %%
ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
for number in range(10):
    batch = number + torch.randn(4, 3, 8, 8)
    gap = (ours(batch) - theirs(batch)).abs().max()
    assert gap < 1e-4, gap
one = torch.randn(1, 3, 8, 8)
gap = (ours.eval()(one) - theirs.eval()(one)).abs().max()
print("equal in train mode, and on one image in eval mode:", bool(gap < 1e-4))
print("equal records:", bool(torch.allclose(ours.running_var, theirs.running_var, rtol=1e-4)))
theirs.load_state_dict(ours.state_dict())
print("PyTorch's layer can load ours:", list(ours.state_dict()))

# %% [markdown]
# And what does the mode change? Here is one image in the company of two different batches.

# %%
company_1, company_2 = torch.randn(7, 3, 8, 8), 4 * torch.randn(7, 3, 8, 8)
for mode in (True, False):
    ours.train(mode)
    with torch.no_grad():
        first, second = (ours(torch.cat([one, other]))[0] for other in (company_1, company_2))
    name = "train" if mode else "eval"
    print(f"{name} mode, the same output in both: {bool(torch.allclose(first, second))}")

# %% [markdown]
# In train mode an image is judged by the company it keeps. In eval mode it is not.

# %% [markdown]
# ## Why no bias before it
#
# Networks with batch normalisation are written with `bias=False` in the layers before it. You may
# read as a reason that the mean should be 0 and an offset would spoil that. It cannot be the
# reason, as beta is an offset too. What happens if a convolution has a bias, and you add 100 to it?

# %%
torch.manual_seed(0)
images = torch.randn(16, 1, 8, 8)
convolution, norm = nn.Conv2d(1, 4, 3, padding=1), BatchNorm(4)
before = norm(convolution(images))
with torch.no_grad():
    convolution.bias += 100
after = norm(convolution(images))
print("the output moves by less than a thousandth:", bool((after - before).abs().max() < 1e-3))
loss = (after * torch.randn_like(after)).sum()
loss.backward()
print("the bias' gradient is 0, up to rounding:", bool(convolution.bias.grad.abs().max() < 0.01))
print("the weights' gradient is not:", bool(convolution.weight.grad.abs().max() > 1))

# %% [markdown]
# The bias moves the mean by 100, and the mean is subtracted: whatever the bias is, the output is
# the same. A number without influence on the loss has gradient 0 and learns nothing. So the bias is
# not harmful, it is *dead*; beta does its work. The same in eval mode, where the running mean
# contains it. Where no batch normalisation follows, as in the last layer of a network, the bias
# stays.
#
# The weights have lost something too: their size. Multiply all weights of a layer by 1,000, and
# the mean and the deviation grow by 1,000 as well.

# %%
torch.manual_seed(0)
layer_output = torch.randn(16, 4, 8, 8)
gap = BatchNorm(4)(1000 * layer_output) - BatchNorm(4)(layer_output)
print("the output moves by less than a thousandth:", bool(gap.abs().max() < 1e-3))

# %% [markdown]
# Keep that in mind for the third claim.

# %% [markdown]
# ## Its gradient
#
# Adding a constant to x changes nothing, scaling x changes nothing: both say something about the
# gradient. With $z$ for the normalised x, and $dy$ for the gradient that arrives from above:
#
# - $d\beta$ is the sum of $dy$ over the channel, $d\gamma$ the sum of $dy \cdot z$.
# - A gradient step must not waste anything on directions that have no effect. So the average of
#   $dy$ is taken out (adding a constant), and the part along $z$ too (scaling).
#
# $$dx = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}}\;\bigl(dy - \text{mean}(dy) - z \cdot \text{mean}(dy \cdot z)\bigr)$$
#
# **Exercise 5** `batch_norm_backward` (●●●, 10 min). Return `(dx, dgamma, dbeta)`; all sums and
# means run over a channel. Write it out by hand: the check compares with finite differences, and it
# switches autograd off.


# %% exercise="batch_norm_backward" points=3
def batch_norm_backward(dy, x, gamma, eps=1e-5):
    """Gradients of batch_norm_train with respect to x, gamma and beta."""
    ### BEGIN SOLUTION
    axes = [axis for axis in range(x.ndim) if axis != 1]
    mean = x.mean(axes, keepdim=True)
    deviation = torch.sqrt(((x - mean) ** 2).mean(axes, keepdim=True) + eps)
    z = (x - mean) / deviation
    dbeta, dgamma = dy.sum(axes), (dy * z).sum(axes)
    inner = dy - dy.mean(axes, keepdim=True) - z * (dy * z).mean(axes, keepdim=True)
    dx = gamma.reshape(mean.shape) / deviation * inner
    return dx, dgamma, dbeta
    ### END SOLUTION


# %% check="batch_norm_backward"
batch_norm_backward = check.batch_norm_backward(batch_norm_backward)

# %% [markdown]
# Does autograd find the same? It differentiates `batch_norm_train`, step by step.

# %%
torch.manual_seed(0)
x = torch.randn(8, 3, 4, 4, requires_grad=True)
gamma, beta = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
dy = torch.randn(8, 3, 4, 4)
found = torch.autograd.grad(batch_norm_train(x, gamma, beta), [x, gamma, beta], dy)
by_hand = batch_norm_backward(dy, x.detach(), gamma.detach())
for name, one, other in zip(("dx", "dgamma", "dbeta"), by_hand, found, strict=True):
    print(name, "is autograd's:", bool(torch.allclose(one, other, atol=1e-4)))
print("dx sums to 0 in every channel:", bool(by_hand[0].sum((0, 2, 3)).abs().max() < 1e-3))

# %% [markdown]
# It sums to 0, and that is why the bias learns nothing: its gradient *is* that sum. A common
# mistake is to forget that the mean and the variance depend on x. The check recognises it:


# %%
def statistics_are_constants(dy, x, gamma, eps=1e-5):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=0)
    z = (x - mean) / torch.sqrt(variance + eps)
    dx = dy * gamma.reshape(mean.shape) / torch.sqrt(variance + eps)
    return dx, (dy * z).sum(axes), dy.sum(axes)


check.batch_norm_backward.look_at(statistics_are_constants)

# %% [markdown]
# ## Where it goes
#
# The paper puts it between a layer and its activation: layer → batch norm → activation. Here is a
# small network without it, for images of 8 × 8 pixels and ten classes:


# %%
def plain_network(conv_dim=8):
    return nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(conv_dim, 2 * conv_dim, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * conv_dim * 4 * 4, 10),
    )


# %% [markdown]
# **Exercise 6** `add_batch_norm` (●●○, 4 min). Return the same network with batch normalisation
# after each of the two convolutions, before the ReLU, and without the biases that this makes
# useless. The last layer puts out what is to be compared with the labels; leave it as it is. Use
# your `BatchNorm` or `nn.BatchNorm2d`.


# %% exercise="add_batch_norm" points=2
def add_batch_norm(conv_dim=8):
    """plain_network(conv_dim) with batch normalisation."""
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding=1, bias=False),
        BatchNorm(conv_dim),
        nn.ReLU(),
        nn.Conv2d(conv_dim, 2 * conv_dim, 4, stride=2, padding=1, bias=False),
        BatchNorm(2 * conv_dim),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * conv_dim * 4 * 4, 10),
    )
    ### END SOLUTION


# %% check="add_batch_norm"
add_batch_norm = check.add_batch_norm(add_batch_norm)

# %% [markdown]
# Must it be in this order? Train two networks with three layers of 50 units on scikit-learn's
# handwritten digits, once with batch norm before the ReLU, once after it. (`train_side_by_side`
# trains one network per learning rate and seed, all at once, with the layer that you give it:
# yours.)

# %%
digits = experiments.load_digits()
orders = {
    "before ReLU": (BatchNorm, torch.relu),
    "after ReLU": (lambda channels: nn.Sequential(nn.ReLU(), BatchNorm(channels)), lambda x: x),
}
for name, (norm, activation) in orders.items():
    runs = experiments.train_side_by_side(digits, norm, activation=activation, rate=0.4, steps=100)
    good = bool((runs.best() > 0.95).all())
    print(f"{name}: all three seeds above 95% on digits never seen: {good}")

# %% [markdown]
# Both learn. The paper's order is a convention and not a law; this course keeps to it, because the
# DCGAN paper does.

# %% [markdown]
# ## Seven claims
#
# This is what is commonly said in favour of batch normalisation:
#
# 1. Networks train faster.
# 2. It allows higher learning rates.
# 3. It makes weights easier to initialise.
# 4. It makes more activation functions viable.
# 5. It simplifies the creation of deeper networks.
# 6. It provides a bit of regularisation.
# 7. It may give better results overall.
#
# Every claim gets an experiment: small fully connected networks, 1,200 handwritten digits of 8 × 8
# pixels to train on and 400 others to judge by, plain gradient descent with batches of 60. One run
# says little, so each has several seeds. Before you read on, decide: which would you bet on?
#
# First look at a network before any training. Set *Activation* to sigmoid and raise *Hidden
# layers*; then move the deviation of the weights from one end to the other. What happens to the
# last layers without batch normalisation, and what with it?

# %%
ActivationExplorer()

# %% [markdown]
# ### 1 and 2: faster, and at higher learning rates
#
# Three layers of 50 sigmoid units, with the first weights that PyTorch gives to a layer, at six
# learning rates, three seeds each. The plain networks get 800 steps; those with batch normalisation
# only half as many.

# %%
rates, verdicts = [0.03, 0.1, 1, 3, 10, 100], {}
options = {"activation": torch.sigmoid, "deviation": "PyTorch", "rate": rates}
plain = experiments.train_side_by_side(digits, None, **options, steps=800)
normed = experiments.train_side_by_side(digits, BatchNorm, **options, steps=400)

# %% [markdown]
# How many steps does each need until 95% of the new digits are right, at its own best learning
# rate?

# %%
steps_plain, steps_normed = (np.median(r.steps_to(0.95), axis=1) for r in (plain, normed))
factor = steps_plain.min() / steps_normed.min()
verdicts["1 trains faster"] = bool(factor > 3)
print("at least three times fewer steps with batch norm:", verdicts["1 trains faster"])

figure, ax = plt.subplots()
for runs, steps, color in [(plain, steps_plain, plots.RED), (normed, steps_normed, plots.BLUE)]:
    name = "plain" if runs is plain else "batch norm"
    best = runs.accuracy[:, steps.argmin()]
    ax.plot(runs.steps, best, color=color, label=[f"{name}, three seeds", None, None])
ax.set(xlabel="training steps", ylabel="test accuracy", ylim=(0, 1.02))
ax.set_title("Plain, the network needs several times as many steps")
ax.legend()
plots.show(
    figure, alt="With batch norm all seeds are above 0.95 by step 150, plain ones after 600."
)

# %% [markdown]
# The claim holds. The paper reports 14 times fewer steps for an image classifier that was the
# state of the art (Ioffe and Szegedy, 2015). But steps are not seconds: what does *one* step cost?
# (Your computer's answer will differ from everybody else's.)

# %% tags=["nbval-ignore-output"]
seconds = []
for norm in (None, nn.BatchNorm2d, BatchNorm):
    start = time.perf_counter()
    experiments.train_side_by_side(digits, norm, activation=torch.sigmoid, steps=50)
    seconds.append(time.perf_counter() - start)
print(f"PyTorch's layer: {seconds[1] / seconds[0]:.1f} times a plain step")
print(f"your layer: {seconds[2] / seconds[0]:.1f} times a plain step")

# %% [markdown]
# That eats up part of the gain, more of it with a layer in Python than with PyTorch's own. And the
# gain depends on whom you compare with. Sigmoids are hard to train. How large is the factor with
# ReLU and initial weights that were made for it (He et al., 2015)?

# %%
options = {"rate": [0.1, 0.2, 0.4], "steps": 150, "look_every": 5}
relu = [experiments.train_side_by_side(digits, norm, **options) for norm in (None, BatchNorm)]
fewest = [np.median(runs.steps_to(0.95), axis=1).min() for runs in relu]
print("with ReLU, batch norm needs fewer steps:", bool(fewest[1] < fewest[0]))
print("the factor is smaller than with sigmoids:", bool(fewest[0] / fewest[1] < factor))

# %% [markdown]
# Faster still, but not by as much: **batch normalisation gains most where the plain network is in
# trouble**. You will see that again and again.
#
# Second claim: at which learning rates does each learn? Say that it learns if every seed gets more
# than 90% right.

# %%
worst = {"plain": plain.best().min(1), "batch norm": normed.best().min(1)}
figure, ax = plt.subplots()
for (name, accuracy), color in zip(worst.items(), (plots.RED, plots.BLUE), strict=True):
    ax.plot(rates, accuracy, "o-", color=color, label=name)
    print(f"{name} learns at", [rate for rate, a in zip(rates, accuracy, strict=True) if a > 0.9])
ax.axhline(0.1, color=plots.GREY, linewidth=1, linestyle="--")
ax.annotate("guessing", (0.03, 0.03), color="#555555", fontsize=9)
ax.set(xscale="log", xlabel="learning rate", ylabel="test accuracy, worst seed", ylim=(0, 1.02))
ax.set_title("Batch norm learns at almost every rate, the plain network at one")
ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
ax.legend(loc="center left", bbox_to_anchor=(0, 0.6))
plots.show(figure, alt="Batch norm is above 0.9 from 0.03 to 10, the plain network only at 3.")

# %%
highest = {
    name: max(r for r, a in zip(rates, accuracy, strict=True) if a > 0.9)
    for name, accuracy in worst.items()
}
verdicts["2 higher learning rates"] = highest["batch norm"] > highest["plain"]
print("higher learning rates with batch norm:", verdicts["2 higher learning rates"])

# %% [markdown]
# It holds, and it says too little. The highest rate is some three times as high; the *lowest* is
# a hundred times as low. With batch normalisation you hardly have to look for a learning rate.
# There is still an end: at 100 nothing learns.

# %% [markdown]
# ### 3: weights are easier to initialise
#
# Five layers of ReLU; the deviation of the first weights goes from 0.001 to 3, and each may take
# the better of two learning rates. Where do both seeds get more than 70% right within 200 steps?

# %%
deviations = [0.001, 0.01, 0.1, 0.3, 1, 3]
options = {"hidden": [50] * 5, "deviation": deviations, "rate": [0.1, 0.3], "seeds": range(2)}
figure, ax = plt.subplots()
learns = {}
for name, norm, color in [("plain", None, plots.RED), ("batch norm", BatchNorm, plots.BLUE)]:
    runs = experiments.train_side_by_side(digits, norm, **options, steps=200)
    worst = runs.best().max(axis=1).min(axis=1)  # the better rate, then the worse seed
    learns[name] = [d for d, a in zip(deviations, worst, strict=True) if a > 0.7]
    ax.plot(deviations, worst, "o-", color=color, label=name)
ax.set(xscale="log", xlabel="deviation of the first weights", ylabel="test accuracy, worse seed")
ax.set_xticks(deviations, [f"{deviation:g}" for deviation in deviations])
ax.set(ylim=(0, 1.02), title="Plain networks need the right first weights, batch norm does not")
ax.legend(loc="center left")
plots.show(figure, alt="Batch norm: above 0.7 everywhere. Plain: only at 0.1 and 0.3.")

# %%
for name, found in learns.items():
    print(f"{name} learns with deviation", found)
verdicts["3 easier to initialise"] = len(learns["batch norm"]) >= 2 * len(learns["plain"])
print("at least twice as many work with batch norm:", verdicts["3 easier to initialise"])

# %% [markdown]
# It holds. You have seen why: the size of the weights cancels, so a layer puts out the same with
# weights of deviation 0.01 and 1. (At 0.001 the variance is so small that eps counts.) Their size
# is not quite without influence: large weights are turned less by the same step, which is why the
# blue line falls off to the right.

# %% [markdown]
# ### 4: more activation functions
#
# Six layers, at a learning rate of 0.1, with the three classic activations and an odd one, the bump
# $e^{-v^2}$. Which of them get more than 80% right in every seed?

# %%
activations = {
    "ReLU": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "bump": lambda v: torch.exp(-v * v),
}
options = {"hidden": [50] * 6, "activation": list(activations.values()), "steps": 150}
trains = {}
for name, norm in [("plain", None), ("batch norm", BatchNorm)]:
    accuracy = experiments.train_side_by_side(digits, norm, **options).best().min(axis=1)
    trains[name] = [a for a, each in zip(activations, accuracy, strict=True) if each > 0.8]
    print(f"{name} trains with", ", ".join(trains[name]))
verdicts["4 more activations"] = set(trains["batch norm"]) > set(trains["plain"]) - {"bump"}
print("more of the three classic ones with batch norm:", verdicts["4 more activations"])

# %% [markdown]
# The deep sigmoid network, the textbook's example, is rescued: the claim holds for the activations
# that people use. It is no law. The bump works *without* batch normalisation and fails with it. A
# likely reason: a centred input is where a sigmoid is steepest, and where the bump is flat and the
# same for v and −v.

# %% [markdown]
# ### 5: deeper networks
#
# ReLU layers with the initial weights that were made for them, at the better of two learning rates,
# 100 steps. How deep can the network be? (Forty layers of your own would take a while; here
# PyTorch's layer does it, which computes the same.)

# %%
depths, deep = [3, 10, 20, 40], {"plain": [], "batch norm": []}
options = {"rate": [0.05, 0.1], "seeds": range(2), "steps": 100, "look_every": 50}
for depth in depths:
    for name, norm in [("plain", None), ("batch norm", nn.BatchNorm2d)]:
        runs = experiments.train_side_by_side(digits, norm, hidden=[50] * depth, **options)
        deep[name].append(runs.best().max(axis=0))
figure, ax = plt.subplots()
for (name, accuracy), color in zip(deep.items(), (plots.RED, plots.BLUE), strict=True):
    ax.plot(depths, accuracy, "o-", color=color, label=[f"{name}, two seeds", None])
ax.set(xlabel="hidden layers", ylabel="test accuracy", ylim=(0, 1.02), xticks=depths)
ax.set_title("20 layers learn with batch norm, hardly without; 40 do neither way")
ax.legend(loc="lower left")
plots.show(figure, alt="At 20 layers batch norm is above 0.7, plain below 0.4. Both fail at 40.")

# %%
at_20 = [np.min(deep["batch norm"][2]), np.max(deep["plain"][2])]
verdicts["5 deeper networks"] = bool(at_20[0] > at_20[1] + 0.05)
print("20 layers: batch norm ahead by more than 5 points:", verdicts["5 deeper networks"])
print("40 layers: batch norm above 80%:", bool(np.max(deep["batch norm"][3]) > 0.8))

# %% [markdown]
# Deeper holds; arbitrarily deep does not, at least not in 100 steps. In a very deep network batch
# normalisation itself makes gradients grow from layer to layer (Yang et al., 2019). What made
# networks of hundreds of layers possible are connections that skip layers, together with batch
# normalisation.

# %% [markdown]
# ### 6: a bit of regularisation
#
# **Regularisation** is what makes a network do better on new data at the expense of the data it
# learns from. In train mode every image is disturbed a little by its random company; noise like
# that can work as one. The fewer images in a batch, the more noise. Train on only 100 digits,
# where there is much to gain, and compare batches of 10 with the whole 100 at once. (A small batch
# makes any training noisy; the plain network, with batches of 10 too, shows how much.)

# %%
few = digits._replace(images=digits.images[:100], labels=digits.labels[:100])
options = {"hidden": [50, 50], "seeds": range(8), "steps": 300, "look_every": 300}
small, large = "batch norm, batches of 10", "batch norm, batches of 100"
losses, tests = {}, {}
for name, norm, size in [("plain", None, 10), (small, BatchNorm, 10), (large, BatchNorm, 100)]:
    runs = experiments.train_side_by_side(few, norm, batch_size=size, **options)
    losses[name], tests[name] = runs.loss[-50:].mean(), runs.accuracy[-1].mean()

# %%
noisy = bool(losses[small] > 2 * losses[large])
print("small batches at least double the training loss:", noisy)
at_fault = bool(losses[small] > 2 * losses["plain"])
print("and not because they are small: without batch norm it is less than half:", at_fault)
print("which wins 2 points on new digits:", bool(tests[small] > tests[large] + 0.02))
verdicts["6 a bit of regularisation"] = bool(tests[small] > tests["plain"])
print("better than without batch norm:", verdicts["6 a bit of regularisation"])

# %% [markdown]
# The noise is there, and it makes the training digits harder to learn by heart. But it does not
# pay: the new digits are not recognised better. So the claim does not hold here. (The paper found an
# effect on a large image classifier, and could leave out dropout, another regularisation.) Do not
# rely on it.

# %% [markdown]
# ### 7: better results overall
#
# ReLU, three layers, good initial weights and a learning rate that suits the plain network: no
# trouble anywhere. The 400 test digits are too few to see small differences. So the digits are
# dealt anew three times, 1,200 to train on and the other 597 to judge by, with three seeds each.

# %%
options = {"rate": 0.2, "steps": 300, "look_every": 300}
gains = []
for split in range(3):
    dealt = experiments.load_digits(1200, 597, split)
    ends = [
        experiments.train_side_by_side(dealt, norm, **options).accuracy[-1].mean()
        for norm in (None, nn.BatchNorm2d)
    ]
    gains.append(ends[1] - ends[0])
verdicts["7 better results overall"] = bool(np.mean(gains) > 0)
print("batch norm ahead, on average:", verdicts["7 better results overall"])
print("by 2 points of accuracy or more:", bool(np.mean(gains) > 0.02))

# %% [markdown]
# It holds, by a hair: a point of accuracy is 6 of 597 digits, and in a single deal with a single
# seed you could see the opposite. “May” is the right word. Where the plain network trains well,
# batch normalisation has little to add.

# %% [markdown]
# ### The score

# %%
for claim, holds in verdicts.items():
    print(f"{claim:<26} {'holds' if holds else 'does not hold here'}")

# %% [markdown]
# The first five are about *getting there*, and they hold, each most of all where the plain network
# is in trouble. The last two are about *where you get*: one does not hold here, the other by a
# hair. Easy training is what a GAN needs most: two networks have to keep pace with each other for a
# long time, and no loss tells you whether the learning rate was right.

# %% [markdown]
# ## Full disclosure
#
# Batch normalisation breaks a promise that every other layer keeps: that an image's result
# depends on nothing but the image. Here are four ways in which that hurts.
#
# ### A batch of two
#
# Take two examples and normalise each feature. What can come out?

# %%
torch.manual_seed(0)
pair = torch.randn(2, 6) * torch.tensor([0.1, 1.0, 10.0, 1.0, 1.0, 100.0])
print(batch_norm_train(pair, torch.ones(6), torch.zeros(6)).numpy().round(2))

# %% [markdown]
# Only −1 and 1: of two values, one is above their mean and the other equally far below. All that is
# left of a feature is which of the two examples has more of it. (In a convolution, two images of
# 8 × 8 pixels are 128 values per channel, and it is not as bad.) Can a network learn like that? Each
# one sees 1,500 images, in batches of 2 or of 10.

# %%
for size in (2, 10):
    options = {"batch_size": size, "steps": 1500 // size, "look_every": 1500 // size}
    for name, norm in [("plain", None), ("batch norm", nn.BatchNorm2d)]:
        accuracy = experiments.train_side_by_side(digits, norm, **options).accuracy[-1]
        print(f"batches of {size:>2}, {name:>10}: above half in every seed: ", end="")
        print(bool(accuracy.min() > 0.5))

# %% [markdown]
# ### The wrong mode
#
# Here is a trained network with three fully connected layers and PyTorch's `nn.BatchNorm1d`. You
# forget `network.eval()`, and the test digits come sorted by class, 20 at a time. How many are
# right?

# %%
torch.manual_seed(0)
layers = [nn.Flatten()]
for inputs in (64, 50, 50):
    layers += [nn.Linear(inputs, 50, bias=False), nn.BatchNorm1d(50), nn.ReLU()]
network = nn.Sequential(*layers, nn.Linear(50, 10))
network = experiments.train_network(network, digits, steps=200)

# %%
trained = {name: value.clone() for name, value in network.state_dict().items()}

test_images, test_labels = digits.test_images.view(-1, 1, 8, 8), digits.test_labels
order = test_labels.argsort()
with torch.no_grad():
    in_train_mode = [network(part).argmax(1) for part in test_images[order].split(20)]
right = (torch.cat(in_train_mode) == test_labels[order]).double().mean().item()
print("in train mode, fewer than 40% right:", right < 0.4)


# %%
def accuracy_in_eval_mode():
    with torch.no_grad():
        return (network.eval()(test_images).argmax(1) == test_labels).double().mean().item()


network.load_state_dict(trained)
print("in eval mode, more than 95% right:", accuracy_in_eval_mode() > 0.95)

# %% [markdown]
# In a batch of nothing but threes, what all threes have in common is the mean, and it is
# subtracted. Eval mode is right whatever the order, and whatever the size of the batch: one image
# alone must get the same answer as in the crowd. You can prove that.
#
# **Exercise 7** `classify_one_by_one` (●●○, 4 min). Return the classes of `images`, int64 of shape
# (N,): for each image the place of the largest of the ten numbers that the network puts out, with
# one image in the network at a time. Afterwards the network is in the mode in which it came, and
# its running statistics are unchanged.


# %% exercise="classify_one_by_one" points=2
def classify_one_by_one(network, images):
    """The class of each image, with one image in the network at a time."""
    ### BEGIN SOLUTION
    was_training = network.training
    network.eval()
    with torch.no_grad():
        classes = [network(image[None]).argmax(1) for image in images]
    network.train(was_training)
    return torch.cat(classes)
    ### END SOLUTION


# %% check="classify_one_by_one"
classify_one_by_one = check.classify_one_by_one(classify_one_by_one)

# %%
alone = classify_one_by_one(network, test_images)
with torch.no_grad():
    together = network.eval()(test_images).argmax(1)
print("same class for", int((alone == together).sum()), "of", len(alone), "digits")

# %% [markdown]
# ### Test images that teach
#
# In train mode, the running statistics learn even where nothing else does: `torch.no_grad()` does
# not stop them. Somebody looks at what the network makes of negatives, black for white, and forgets
# the mode. Twenty batches, no gradient, no optimizer. Is the network still the same?

# %%
network.train()
with torch.no_grad():
    for _ in range(20):
        network(-test_images[:60])
print(
    "no weight has changed:", all(torch.equal(p, trained[n]) for n, p in network.named_parameters())
)
print("still more than 80% right, in eval mode:", accuracy_in_eval_mode() > 0.8)
network.load_state_dict(trained)
print("and with the old statistics, more than 95%:", accuracy_in_eval_mode() > 0.95)

# %% [markdown]
# Nobody trained anything, and the network is ruined for the images that it could read. For the same
# reason a GAN's discriminator, which sees real and fake images in separate batches, has running
# statistics that are a mixture of both.

# %% [markdown]
# ### A record that remembers too much
#
# A hand-written layer has one more trap. Leave out `detach()` in exercise 2, and the running mean
# carries the history of all batches with it, because autograd keeps whatever it might have to
# differentiate. How many operations does it keep?

# %%
weight = torch.randn(64, 5, requires_grad=True)
with_graph, without = torch.zeros(5), torch.zeros(5)
for number in range(1, 101):
    features = digits.images[:60] @ weight
    with_graph = 0.9 * with_graph + 0.1 * features.mean(0)
    without = 0.9 * without + 0.1 * features.mean(0).detach()
    if number in (1, 10, 100):
        kept = experiments.graph_size(with_graph), experiments.graph_size(without)
        print(f"after {number:>3} batches: {kept[0]:>3} operations, with detach {kept[1]}")

# %% [markdown]
# It grows with every step, and so does the memory: training works, gets slower, and some hours
# later it stops. Or it stops at once, if the loss uses the running mean:

# %%
with_graph = torch.zeros(5)
try:
    for _ in range(2):
        features = digits.images[:60] @ weight
        with_graph = 0.9 * with_graph + 0.1 * features.mean(0)
        ((features - with_graph) ** 2).mean().backward()
except RuntimeError as error:
    print(str(error).split(" (")[0])

# %% [markdown]
# When you meet this message in a network of your own, look for something that is carried over from
# one step to the next.

# %% [markdown]
# ## Why it works
#
# Nobody knows for certain. There are two explanations.
#
# **Internal covariate shift** (Ioffe and Szegedy, 2015). While a network learns, every layer
# changes what the next one gets as input, which has to follow a moving target. Batch normalisation
# holds mean and variance still.
#
# - For it: it is what the layer was invented for, and it worked, with 14 times fewer steps.
# - Against it: make the inputs move again on purpose, *after* the normalisation, and training
#   should suffer. It hardly does (Santurkar et al., 2018). They also measured the shift, and with
#   batch normalisation it was not smaller, sometimes larger.
#
# **A smoother landscape** (Santurkar et al., 2018). Batch normalisation makes the loss and its
# gradient change less from step to step, so that a gradient can be trusted for longer, and larger
# steps are safe.
#
# - For it: they measure it, and prove it for simple cases. It fits what you saw at high learning
#   rates.
# - Against it: it says what batch normalisation does to the loss, and not quite why that happens.
#   And before any training, the gradients of a very deep network explode *because* of batch
#   normalisation (Yang et al., 2019), which is anything but smooth.
#
# One of these tests you can repeat. After your `BatchNorm`, every feature is scaled and shifted at
# random, anew at every step. Does the sigmoid network of the first claim still train much faster
# than the plain one?


# %%
class ShakenBatchNorm(nn.Module):
    """Batch normalisation whose output moves about at every training step."""

    def __init__(self, channels):
        super().__init__()
        self.norm = BatchNorm(channels)

    def forward(self, x):
        y = self.norm(x)
        if not self.training:
            return y
        scale, shift = torch.randn(2, 1, y.shape[1], 1, 1)
        return y * torch.exp(0.5 * scale) + 0.5 * shift


# %%
torch.manual_seed(0)
options = {"activation": torch.sigmoid, "deviation": "PyTorch", "rate": 1.0, "steps": 300}
shaken = experiments.train_side_by_side(digits, ShakenBatchNorm, **options)
fewer = bool(np.median(shaken.steps_to(0.95)) < steps_plain.min() / 2)
print("shaken, it needs fewer than half the steps of the plain one:", fewer)

# %% [markdown]
# It does. The inputs of every layer jump about at every step, and it is still much the faster of
# the two. Whatever helps, it is not that the layers' inputs hold still.

# %% [markdown]
# ## PyTorch and Keras
#
# Keras has the layer too, with the same formula and other conventions. One batch through both, as
# they come out of the box: what differs?

# %%
from helpers.keras import keras

x = torch.tensor([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0], [7.0, 70.0]]) / 10


def through_both(torch_layer, keras_layer):
    y = torch_layer(x).detach().numpy()
    keras_y = keras.ops.convert_to_numpy(keras_layer(x.numpy(), training=True))
    print("largest difference of the outputs:", round(float(np.abs(y - keras_y).max()), 3))
    for name in ("mean", "variance"):
        ours = getattr(torch_layer, {"mean": "running_mean", "variance": "running_var"}[name])
        theirs = keras.ops.convert_to_numpy(getattr(keras_layer, f"moving_{name}"))
        print(f"{name:>8}: PyTorch {ours.numpy().round(3)}, Keras {theirs.round(3)}")


through_both(nn.BatchNorm1d(2), keras.layers.BatchNormalization())

# %% [markdown]
# Everything. The outputs: Keras' eps is 0.001 where PyTorch's is 0.00001, which shows where the
# variance is small. The running mean: PyTorch's has moved a tenth of the way to the batch's means,
# 0.4 and 4; Keras' a hundredth. Its `momentum` is 0.99 and means the share that is *kept*. To get
# PyTorch's 0.1 you say 0.9:

# %%
through_both(nn.BatchNorm1d(2), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5))

# %% [markdown]
# The outputs and the running mean are equal now. The running variance is not: PyTorch records the
# unbiased variance, Keras the biased one. With batches of four values these differ by a factor of
# 4/3; with many, hardly. No argument changes that.

# %%
biased, unbiased = (x.var(0, correction=c).numpy() for c in (0, 1))
print("Keras:  ", (0.9 * 1 + 0.1 * biased).round(3))
print("PyTorch:", (0.9 * 1 + 0.1 * unbiased).round(3))

# %% [markdown]
# One more difference: a Keras layer is told the mode in the call, `layer(x, training=True)`.
# Without it, a layer called by itself is in evaluation mode, while PyTorch's is in train mode until
# you say otherwise. And Keras' channels are the *last* axis. What you wrote in exercises 1 to 4
# exists for Keras too: `helpers/keras/batch_norm.py` has the same names in the same order.

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. A convolution puts out (60, 32, 8, 8), and batch normalisation follows. How many means does it compute?**
#
# <details><summary>60</summary>No. That would be one per image; that layer exists, and is called layer normalisation.</details>
# <details><summary>32</summary>Yes. One per channel, each over 60 · 8 · 8 values.</details>
# <details><summary>2,048</summary>No. That is one per channel and pixel. A filter is the same at every pixel, so all pixels of a channel are taken together.</details>

# %% [markdown]
# **2. Why does the convolution before batch normalisation have no bias?**
#
# <details><summary>Because the mean of the outputs has to be 0</summary>No. Beta moves it away from 0 again, and may.</details>
# <details><summary>Because a bias would make training unstable</summary>No. It would do nothing at all: its gradient is 0.</details>
# <details><summary>Because the mean that is subtracted contains it, whatever it is</summary>Yes. It has no influence on the output; beta takes its place.</details>

# %% [markdown]
# **3. After training, you forget `network.eval()`. What can happen?**
#
# <details><summary>An image's class depends on the other images in the batch</summary>Yes. And the running statistics change with every batch, without any gradient.</details>
# <details><summary>The weights go on changing</summary>No. Only an optimizer's step changes them. The running statistics change.</details>
# <details><summary>Nothing, as long as you use `torch.no_grad()`</summary>No. It stops gradients; the batch statistics are used, and recorded, all the same.</details>

# %% [markdown]
# **4. PyTorch's `momentum=0.1` corresponds to which momentum in Keras?**
#
# <details><summary>0.1</summary>No. In Keras that would keep a tenth of the record and take nine tenths from the new batch.</details>
# <details><summary>0.99, the default</summary>No. That takes a hundredth of the new batch, not a tenth.</details>
# <details><summary>0.9</summary>Yes. PyTorch names the share of the new batch, Keras the share that is kept.</details>

# %% [markdown]
# **5. Which of these did the experiments *not* confirm?**
#
# <details><summary>It works over a wider range of learning rates</summary>No. That is the clearest of all the results.</details>
# <details><summary>The noise of the batches makes the network better on new images</summary>Yes. The noise is there, and the network was no better for it.</details>
# <details><summary>The size of the first weights matters less</summary>No. It cancels, and networks trained from deviation 0.001 to 3.</details>

# %% [markdown]
# **6. Why does batch normalisation help?**
#
# <details><summary>Because it removes internal covariate shift</summary>No. That was the idea, but moving the inputs about on purpose hardly hurts.</details>
# <details><summary>It is not settled; a smoother loss is the better supported explanation</summary>Yes. And it does not explain everything either.</details>
# <details><summary>Because it adds parameters, gamma and beta</summary>No. A plain layer can learn the same scale and shift with its weights and its bias.</details>

# %% [markdown]
# ## What to remember
#
# - Per feature, or per channel over all its pixels: subtract the batch's mean, divide by its
#   deviation, then times gamma, plus beta. Mean 0 and deviation 1 hold only before gamma and beta.
# - Training uses the batch's statistics and records them; evaluation uses the record.
#   `network.eval()` before you look, `network.train()` before you go on.
# - The bias before it is dead, and so is the size of the weights.
# - It makes training easier: faster, at more learning rates, from more first weights, in deeper
#   networks. Where plain training is in trouble it gains much, elsewhere little.
# - It fails in small batches, in the wrong mode, and when its record sees the wrong images.
# - PyTorch and Keras differ in momentum, in eps, and in the variance that they record.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - S. Ioffe, C. Szegedy, “Batch normalization: accelerating deep network training by reducing
#   internal covariate shift”, 2015, [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Madry, “How does batch normalization help optimization?”,
#   2018, [arXiv:1805.11604](https://arxiv.org/abs/1805.11604).
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz, “A mean field theory of
#   batch normalization”, 2019, [arXiv:1902.08129](https://arxiv.org/abs/1902.08129).
# - K. He, X. Zhang, S. Ren, J. Sun, “Delving deep into rectifiers: surpassing human-level
#   performance on ImageNet classification”, 2015,
#   [arXiv:1502.01852](https://arxiv.org/abs/1502.01852).
# - A. Radford, L. Metz, S. Chintala, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434)
#   (DCGAN).
# - E. Alpaydin, C. Kaynak, “Optical recognition of handwritten digits”, UCI Machine Learning
#   Repository, 1998 (the digits).

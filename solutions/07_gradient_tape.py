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
# # GradientTape and the train step
#
# You see what TensorFlow writes down while it computes, and how it reads that record backwards; and
# then you write the step by which both networks of a DCGAN learn.
#
# | | |
# |---|---|
# | **Time** | 70 minutes |
# | **You need** | Python; what a derivative is; for the last part, what the two networks of a GAN do (lessons 05 and 06) and what batch normalisation records (lesson 04) |
# | **Afterwards you can** | take derivatives with a tape, also second ones; find out why a gradient is `None`, and mend it; say what reverse mode saves, and what `tf.function` does; write a DCGAN's train step in TensorFlow |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import plots
from helpers.checks import gradient_tape as check
from helpers.keras import gradient_experiments as experiments
from helpers.keras import keras, tf

plots.use_style()

# %% [markdown]
# ## A slope at a place
#
# A network learns by small changes of its weights, and for each weight it has to know: if I make
# you a little larger, does the loss grow or shrink, and how fast? That is the loss's derivative
# with respect to the weight; all of them together are the **gradient**.
#
# TensorFlow finds it with a `GradientTape`. Here is the smallest example. What is the slope of x²
# at x = 3?

# %%
x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x**2
slope = tape.gradient(y, x)
print("y is", y.numpy(), "and dy/dx is", slope.numpy())

# %% [markdown]
# 6: where x is 3, x² grows six times as fast as x. `tape.gradient(y, x)` takes first what is
# differentiated and then by what.
#
# You may read that the tape is given a function and returns its derivative. Neither is so. It got
# no function: it looked on, while the `with` block ran, at what was computed. And it returns no
# formula like 2x, but the slope at the one place where y was computed. What does it say elsewhere?

# %%
for place in (-1.0, 0.0, 3.0, 10.0):
    x.assign(place)
    with tf.GradientTape() as tape:
        y = x**2
    print(f"at {place:4}: {tape.gradient(y, x).numpy():4}")

# %% [markdown]
# ## What the tape writes down
#
# Every operation in the `with` block gets a line: what was computed, from what, with which result.
# From these follows the operation's own **slope** with respect to each of its inputs. Then
# `tape.gradient` reads the lines backwards. How fast does y change with y? Just as fast: 1. And if
# y changes so many times as fast as a, and a so many times as fast as x, then the two numbers are
# multiplied. Where x gets into y in several ways, they are added up. That is the **chain rule**,
# and this way of working through it is called **reverse mode**.
#
# Follow it: press *Next* until the tape has been read, or *play*. Then choose sin x · x, where x is
# used twice, and x³ − 2x, where something is not watched. At the last step, move *x*.

# %%
from helpers.widgets.gradient_tape import TapeExplorer

TapeExplorer()

# %% [markdown]
# Is that what TensorFlow does? Ask it for the gradient on the way, at a = sin x, too:

# %%
x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    a = tf.sin(x)
    y = a * x
dy_da, dy_dx = tape.gradient(y, [a, x])
through_a, directly = dy_da * tf.cos(x), tf.sin(x)
print(f"dy/da {dy_da:.3f}, through a {through_a:.3f}, directly {directly:.3f}")
print(f"dy/dx {dy_dx:.3f}; the two ways together {through_a + directly:.3f}")

# %% [markdown]
# The same numbers as in the explorer at x = 2. (A list of sources gives a list of gradients.)
#
# So what is the tape *for*? TensorFlow normally runs **eagerly**: each line is computed at once, as
# in NumPy, and nobody remembers how a number came about. Without a record there is nothing to go
# back through. You may read that the tape is there for “faster backpropagation”. It is there to
# make backpropagation *possible*; whether it is fast, you will measure. It has a price as well: all
# that the slopes need is kept in memory until the tape has been read.

# %% [markdown]
# ## What is watched
#
# A network computes with millions of numbers, and most of them are no weights. So the tape writes
# down only what depends on something it watches. Which of these three does it watch?

# %%
numbers = {
    "variable": tf.Variable(3.0),
    "variable, not trainable": tf.Variable(3.0, trainable=False),
    "constant": tf.constant(3.0),
}
for name, x in numbers.items():
    with tf.GradientTape() as tape:
        y = x**2
    print(f"{name}: {tape.gradient(y, x)}")

# %% [markdown]
# Trainable variables, by itself, and nothing else. Whoever asks for another gradient gets `None`:
# not 0, but “I have no record of that”. For a constant, tell the tape before you compute:

# %%
x = tf.constant(3.0)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x**2
print("watched:", tape.gradient(y, x).numpy())

# %% [markdown]
# **Exercise 1** `gradient_at` (●○○, 5 min). Return the derivative of `function` at `x`, by a tape.
# `function` takes a scalar tensor, returns one, and is made of TensorFlow operations; `x` is a
# Python float or a scalar float tensor, which nobody watches yet.


# %% exercise="gradient_at" points=1
def gradient_at(function, x):
    """The derivative of function at x."""
    ### BEGIN SOLUTION
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)
    ### END SOLUTION


# %% check="gradient_at"
gradient_at = check.gradient_at(gradient_at)

# %% [markdown]
# It knows nothing of formulas, so it does not mind a function with branches and loops. The tape
# records the way that was taken. What is the slope of this one?


# %%
def halve_until_small(x):
    y = x**2
    while y > 1:
        y = y / 2
    return y


for place in (0.5, 1.5, 5.0):
    print(f"at {place}: {float(gradient_at(halve_until_small, place)):.3f}")

# %% [markdown]
# At 0.5 no halving takes place, so 2x = 1; at 1.5 there are two, so 2x/4 = 0.75; at 5, five:
# 2x/32, rounded 0.312.

# %% [markdown]
# ### One tape, one answer
#
# What if you need the slopes of two results?

# %%
x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y, z = x**2, x**3
print("dy/dx", tape.gradient(y, x).numpy())
try:
    tape.gradient(z, x)
except RuntimeError as error:
    print(error)

# %% [markdown]
# After its first answer a tape lets go of its record, and of the memory. There are two ways out: a
# second tape beside it, or a **persistent** one, which keeps the record until the tape itself is
# gone.

# %%
with tf.GradientTape(persistent=True) as tape:
    y, z = x**2, x**3
print("dy/dx", tape.gradient(y, x).numpy(), "and dz/dx", tape.gradient(z, x).numpy())
del tape

# %% [markdown]
# ### Holding something fixed
#
# `tf.stop_gradient(x)` has the value of x, but for the tape it is a constant. What is then the
# slope of x · x?

# %%
with tf.GradientTape() as tape:
    y = x * tf.stop_gradient(x)
print(tape.gradient(y, x).numpy())

# %% [markdown]
# 3, and not 6: one of the two ways to x is closed.
#
# ### A tape that watches a tape
#
# A gradient is computed, too, by operations like any other. If that happens inside the block of a
# second tape, they are recorded there, and the second tape can differentiate the first one's
# answer. This is how the second derivative is found. GANs need it: a remedy for circling that you
# meet in lesson 09, R1, puts a gradient into the loss.
#
# **Exercise 2** `second_derivative` (●●○, 8 min). Return the second derivative of `function` at
# `x`; both are as in exercise 1. (No straight lines: their second derivative is 0, but the tape
# finds no way to x any more and says `None`.)


# %% exercise="second_derivative" points=2
def second_derivative(function, x):
    """The second derivative of function at x."""
    ### BEGIN SOLUTION
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
        first = inner.gradient(y, x)  # inside the outer block: outer records it
    return outer.gradient(first, x)
    ### END SOLUTION


# %% check="second_derivative"
second_derivative = check.second_derivative(second_derivative)

# %% [markdown]
# The commonest mistake here runs without an error. What does the check say to it?


# %%
def too_late(function, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(x)
        inner.watch(x)
        y = function(x)
    first = inner.gradient(y, x)
    return outer.gradient(first, x)


check.second_derivative.look_at(too_late)

# %% [markdown]
# ## Beside it: PyTorch
#
# PyTorch keeps the same kind of record, and calls it **autograd**. Here are three examples in both.
# First, x² at 3:

# %%
x = torch.tensor(3.0, requires_grad=True)
y = x**2
y.backward()
print("TensorFlow:", float(gradient_at(lambda x: x**2, 3.0)))
print("PyTorch:   ", x.grad.item())
y = x**2
y.backward()
print("PyTorch, once more:", x.grad.item())

# %% [markdown]
# Twelve? `backward()` *adds* the gradient to what `x.grad` holds already. This is why every PyTorch
# training step begins with `optimizer.zero_grad()`, and why there is no such line in TensorFlow,
# where `tape.gradient` returns it.
#
# Second, the second derivative of x³ at 2. There is one record instead of two nested ones;
# `create_graph=True` says that the way back is to be recorded too.

# %%
x = torch.tensor(2.0, requires_grad=True)
(first,) = torch.autograd.grad(x**3, x, create_graph=True)
(second,) = torch.autograd.grad(first, x)
print("TensorFlow:", float(second_derivative(lambda x: x**3, 2.0)))
print("PyTorch:   ", second.item())

# %% [markdown]
# Third, x · x with one of the two held fixed:

# %%
x = torch.tensor(3.0, requires_grad=True)
(slope,) = torch.autograd.grad(x * x.detach(), x)
print("TensorFlow:", float(gradient_at(lambda x: x * tf.stop_gradient(x), 3.0)))
print("PyTorch:   ", slope.item())

# %% [markdown]
# PyTorch's record needs no `with` block. It hangs at the result, and you can look at it. From which
# operations came y = sin x · x?

# %%
y = torch.sin(x) * x
print(y.grad_fn.name(), "uses", [line.name() for line, _ in y.grad_fn.next_functions])

# %% [markdown]
# A product, made from a sine and from x itself, as you saw it in the explorer. (`AccumulateGrad`
# is what adds to `x.grad`.)
#
# | | TensorFlow | PyTorch |
# |---|---|---|
# | is watched | trainable variables, others by `tape.watch(x)` | tensors with `requires_grad=True` |
# | is recorded | in the block of a tape | always, except under `torch.no_grad()` |
# | you ask | `tape.gradient(y, x)`, which returns the gradient | `y.backward()`, which adds it to `x.grad`, or `torch.autograd.grad(y, x)`, which returns it |
# | second derivative | a tape in a tape | `create_graph=True` |
# | held fixed | `tf.stop_gradient(x)` | `x.detach()` |
# | no way from y to x | `None` | an error |
#
# The last line is the most important difference. Here is PyTorch's error:

# %%
try:
    (torch.tensor(3.0) ** 2).backward()
except RuntimeError as error:
    print(error)

# %% [markdown]
# TensorFlow says nothing at all.

# %% [markdown]
# ## Six ways to lose a gradient
#
# A `None` is noticed late, often somewhere else. What do you get to see when it comes to a weight?

# %%
weight = tf.Variable(1.0)
optimizer = keras.optimizers.SGD(learning_rate=0.1)
try:
    optimizer.apply([None], [weight])
except ValueError as error:
    print("ValueError:", error)
try:
    weight.assign_sub(0.1 * None)
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# Learn to read these two as “some gradient is `None`”. And if only *some* are, Keras just warns,
# trains the rest, and goes on:

# %%
other = tf.Variable(1.0, name="other")
with experiments.heard() as said:
    keras.optimizers.SGD(learning_rate=0.1).apply([tf.constant(1.0), None], [weight, other])
print(said[0].split(" [")[0], "...")

# %% [markdown]
# (`experiments.heard()` collects what TensorFlow and Keras say in red.) Now the six causes. Before
# you read the mend, look for it.
#
# ### 1. A constant that nobody watches
#
# You have met it: `tape.gradient` is `None` for a `tf.constant` and for a variable with
# `trainable=False`. No message. The mend: `tape.watch(x)`, or a trainable variable.
#
# ### 2. Computed outside the tape

# %%
weight = tf.Variable(3.0)
prediction = weight * 2
with tf.GradientTape() as tape:
    loss = prediction**2
print("prediction made before the block:", tape.gradient(loss, weight))

with tf.GradientTape() as tape:
    prediction = weight * 2
    loss = prediction**2
print("inside it:", tape.gradient(loss, weight).numpy())

# %% [markdown]
# No message either. The tape starts with `prediction`, and where that came from it has not seen.
# In a GAN: fakes that are generated above the `with` line. The mend: compute everything from the
# weights to the loss inside the block.
#
# ### 3. Through NumPy

# %%
with tf.GradientTape() as tape:
    loss = np.square(weight)
try:
    tape.gradient(loss, weight)
except AttributeError as error:
    print("AttributeError:", error)

with tf.GradientTape() as tape:
    loss = 2 * tf.constant(np.square(weight))
print("made a tensor again:", tape.gradient(loss, weight))

# %% [markdown]
# NumPy computes with the value, on no tape: `np.` functions, `.numpy()`, `float(x)`. What comes out
# is not even a tensor, which the strange message is about; if it is made one again, the message is
# gone and the gradient is still `None`. The mend: the function of the same name in `tf`, or in
# `tf.math`.
#
# ### 4. Whole numbers

# %%
constant, variable = tf.constant(3), tf.Variable(3)
with experiments.heard() as said, tf.GradientTape() as tape:
    tape.watch(constant)
    y = constant * constant
print("constant:", tape.gradient(y, constant), "and a warning:", said[0])
with experiments.heard() as said, tf.GradientTape() as tape:
    y = variable * variable
print("variable:", tape.gradient(y, variable), "and warnings:", len(said))

# %% [markdown]
# A slope asks what happens if x changes *a little*, and a whole number cannot. TensorFlow warns of a
# watched constant, in red among other lines and not every time; for a variable it does not warn at
# all. The mend: floats from the beginning, `3.0` instead of `3`, and for bytes
# `tf.cast(images, tf.float32)`.
#
# ### 5. A variable that has become a tensor

# %%
weight = tf.Variable(3.0)
for step in (1, 2):
    with tf.GradientTape() as tape:
        loss = weight**2
    gradient = tape.gradient(loss, weight)
    print(f"step {step}: {type(weight).__name__}, gradient {gradient}")
    if gradient is not None:
        weight = weight - 0.1 * gradient

# %% [markdown]
# The first step works. But `weight - ...` is a new tensor, and under the old name it takes the
# variable's place; the next tape does not watch it. Only a method of variables tells you:

# %%
try:
    weight.assign_sub(0.1)
except AttributeError as error:
    print("AttributeError:", error)

# %% [markdown]
# The mend: change the variable in place, `weight.assign_sub(0.1 * gradient)`. (An optimizer does
# that.)
#
# ### 6. No way, or no slope

# %%
weight, unused = tf.Variable(2.6), tf.Variable(1.0)
with tf.GradientTape(persistent=True) as tape:
    y = weight**2
    rounded = tf.round(weight) ** 2
    different = tf.unique(weight[None])[0]
print("not used for y:", tape.gradient(y, unused))
print("through round:", tape.gradient(rounded, weight))
try:
    tape.gradient(different, weight)
except LookupError as error:
    print("LookupError:", error)

# %% [markdown]
# What y does not depend on has no gradient. (If a 0 suits you better, ask with
# `unconnected_gradients="zero"`.) And some operations are steps: `tf.round`, `tf.argmax`,
# comparisons, a cast to whole numbers. Their slope would be 0 or nothing, so TensorFlow defines none.
# Then the mend is another loss, one that changes gradually: the cross-entropy of a probability
# instead of the number of wrong answers.
#
# | Cause | You see | Mend |
# |---|---|---|
# | 1 a constant | `None` | `tape.watch(x)`, or a trainable variable |
# | 2 outside the tape | `None` | everything from the weights to the loss in the block |
# | 3 through NumPy | an error about `_id`, or `None` | the function of `tf` |
# | 4 whole numbers | `None`, at most a warning | floats |
# | 5 a variable became a tensor | one good step, then `None` | `assign_sub` |
# | 6 no way, or no slope | `None`, or a `LookupError` | another loss |
#
# ### Mend three
#
# The next three cells are broken. Each time, find the cause among the six and write the function so
# that it works. This one should give the slope of x³ at a whole number:


# %%
def broken_dtype(x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
    return tape.gradient(y, x)


with experiments.heard():
    print(broken_dtype(2))

# %% [markdown]
# **Exercise 3** `mended_dtype` (●○○, 3 min). The slope of x³ at the whole number `x`, by a tape:
# 12.0 for 2.


# %% exercise="mended_dtype" points=1
def mended_dtype(x):
    """The slope of x³ at the whole number x."""
    ### BEGIN SOLUTION
    x = tf.constant(float(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
    return tape.gradient(y, x)
    ### END SOLUTION


# %% check="mended_dtype"
mended_dtype = check.mended_dtype(mended_dtype)

# %% [markdown]
# The second is the discriminator's loss on fakes, mean(log(1 + exp(logits))):


# %%
def broken_numpy(logits):
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        losses = np.log1p(np.exp(logits))
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, logits)


print(broken_numpy(np.array([2.0, -1.0, 0.5], np.float32)))

# %% [markdown]
# **Exercise 4** `mended_numpy` (●○○, 3 min). The gradient of that loss with respect to `logits`, a
# float32 array of shape (N,), by a tape.


# %% exercise="mended_numpy" points=1
def mended_numpy(logits):
    """The gradient of mean(log(1 + exp(logits)))."""
    ### BEGIN SOLUTION
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        losses = tf.math.log1p(tf.exp(logits))
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, logits)
    ### END SOLUTION


# %% check="mended_numpy"
mended_numpy = check.mended_numpy(mended_numpy)

# %% [markdown]
# The third walks downhill on (x − 2)², which is lowest at 2:


# %%
def broken_update(x, learning_rate, steps):
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return x


print(f"after one step: {float(broken_update(5.0, 0.1, steps=1)):.1f}")
try:
    broken_update(5.0, 0.1, steps=2)
except TypeError as error:
    print("after two:", error)

# %% [markdown]
# **Exercise 5** `mended_update` (●○○, 4 min). Return `x` after `steps` steps, each of them
# `learning_rate` times the gradient; `x` comes as a float.


# %% exercise="mended_update" points=1
def mended_update(x, learning_rate, steps):
    """Where gradient descent on (x - 2)² gets to from x."""
    ### BEGIN SOLUTION
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x
    ### END SOLUTION


# %% check="mended_update"
mended_update = check.mended_update(mended_update)

# %% [markdown]
# ## Learning a line
#
# Loss, gradient, a small step against the gradient: this is all that training is. Do it for the
# smallest model there is, $w x + b$ with two weights, and the mean of the squared errors as loss.
#
# **Exercise 6** `linear_regression_step` (●●○, 8 min). One step of gradient descent: subtract
# `learning_rate` times its gradient from each of the scalar variables `w` and `b`, in place. Both
# gradients are taken before either variable moves. `x` and `y` are float tensors of shape (N,).
# Return the loss before the step.


# %% exercise="linear_regression_step" points=2
def linear_regression_step(w, b, x, y, learning_rate):
    """One step of gradient descent on the mean squared error of w * x + b."""
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    w_gradient, b_gradient = tape.gradient(loss, [w, b])
    w.assign_sub(learning_rate * w_gradient)
    b.assign_sub(learning_rate * b_gradient)
    return loss
    ### END SOLUTION


# %% check="linear_regression_step"
linear_regression_step = check.linear_regression_step(linear_regression_step)

# %% [markdown]
# Does it find a line? Forty points, scattered about 2x − 1:

# %%
rng = np.random.default_rng(0)
points = rng.uniform(-1, 1, 40).astype(np.float32)
heights = 2 * points - 1 + rng.normal(0, 0.2, 40).astype(np.float32)
w, b, lines, losses = tf.Variable(0.0), tf.Variable(0.0), {0: (0.0, 0.0)}, []
for step in range(1, 101):
    x, y = tf.constant(points), tf.constant(heights)
    losses.append(float(linear_regression_step(w, b, x, y, learning_rate=0.1)))
    lines[step] = w.numpy(), b.numpy()
best = np.polyfit(points, heights, 1)
print("within 0.01 of the best line there is:", np.allclose(lines[100], best, atol=0.01))

# %%
figure, ax = plt.subplots()
ax.plot(points, heights, "o", color=plots.GREY, markersize=4)
ends = np.array([-1, 1])
for step, color in zip((0, 5, 20, 100), plots.PALETTE, strict=False):
    slope, height = lines[step]
    ax.plot(ends, slope * ends + height, color=color, label=f"after {step} steps")
ax.set(xlabel="x", ylabel="y", title="A hundred steps against the gradient find the line")
ax.legend(loc="upper left")
plots.show(figure, alt="Forty points and four lines: level at first, after 100 steps among them.")

# %% [markdown]
# ## Is it fast?
#
# There is another way to find slopes, which needs no record at all: change one parameter a little
# and look how the loss changes. These are **finite differences**.


# %%
def by_tape(loss, w):
    w = tf.constant(w)
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = loss(w)
    return tape.gradient(value, w).numpy()


def by_differences(loss, w, change=1e-2):
    gradient, start = np.zeros_like(w), float(loss(w))
    for place in range(len(w)):
        moved = w.copy()
        moved[place] += change
        gradient[place] = (float(loss(moved)) - start) / change
    return gradient


# %% [markdown]
# They need one more evaluation of the loss for every parameter. What does the tape need? Measure
# both for small networks with 10 to 1,000 parameters, and compare with the cost of one evaluation.
# (The quick ones are called 25 times in turn, and the median counts, in case your computer is busy
# with something else.)

# %%
counts, seconds = [10, 30, 100, 300, 1000], []
for count in counts:
    loss, w = experiments.network_loss(count)
    quick = {"one evaluation": partial(loss, w), "tape": partial(by_tape, loss, w)}
    slow = {"finite differences": partial(by_differences, loss, w)}
    seconds.append(experiments.median_seconds(quick, rounds=25))
    seconds[-1] |= experiments.median_seconds(slow, rounds=1, warm_up=False)

loss, w = experiments.network_loss(30)
gap = np.abs(by_tape(loss, w) - by_differences(loss, w))
print("both find about the same gradient:", bool(gap.max() < 0.05))

# %%
costs = {name: np.array([each[name] for each in seconds]) for name in seconds[0]}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
for (name, values), color in zip(costs.items(), (plots.GREY, plots.BLUE, plots.RED), strict=True):
    left.loglog(counts, 1000 * values, "o-", color=color, label=name)
left.set(xlabel="parameters", ylabel="milliseconds", title="The tape’s price hardly grows")
left.legend()
ratio = costs["finite differences"] / costs["tape"]
right.loglog(counts, ratio, "o-", color=plots.GREEN)
right.set(xlabel="parameters", ylabel="differences’ time / tape’s time")
right.set_title("The more parameters, the more it saves")
plots.show(
    figure,
    alt="Left: evaluation and tape stay level, finite differences rise with the parameters. "
    "Right: the ratio of the two rises in proportion to the parameters.",
)

# %%
print("1,000 parameters, the tape at least 100 times as fast:", bool(ratio[-1] > 100))
worth = costs["tape"] / costs["one evaluation"]
print("a gradient costs less than ten evaluations:", bool(np.median(worth) < 10))

# %% [markdown]
# That is what is fast about it: **one reading of the record gives all slopes**, whether 10 or a
# thousand, for the price of a few evaluations. (Counted in additions, multiplications and divisions,
# it is never more than five; Baur and Strassen, 1983.) How about a real discriminator?

# %%
from helpers.keras.discriminator import build_discriminator
from helpers.keras.generator import build_generator

discriminator = build_discriminator()
evaluate = partial(discriminator, tf.zeros((16, 32, 32, 3)), training=True)
once = experiments.median_seconds({"evaluation": evaluate}, rounds=3)["evaluation"]
weights = sum(int(tf.size(weight)) for weight in discriminator.trainable_variables)
print(f"{weights:,} weights, each of which needs an evaluation of its own")
print("finite differences would take more than a minute for one gradient:", once * weights > 60)

# %% [markdown]
# For a single gradient, and training takes thousands. Nobody could train a network like that.
#
# And are they at least exact? A smaller change should give a better slope. Try 1,000 slopes of
# sin x · x, in 32-bit numbers, which networks use, and in 64-bit ones:

# %%
places = np.random.default_rng(0).uniform(0.5, 1.5, 1000)
exact = np.cos(places) * places + np.sin(places)
changes, errors = 10.0 ** np.arange(-12, 0), {}
for dtype in (np.float32, np.float64):
    x = places.astype(dtype)
    differences = [(np.sin(x + h) * (x + h) - np.sin(x) * x) / h for h in changes.astype(dtype)]
    errors[dtype.__name__] = np.median(np.abs(differences / exact - 1), axis=1)
x = tf.constant(places, tf.float32)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.sin(x) * x
tape_error = np.median(np.abs(tape.gradient(y, x).numpy() / exact - 1))

# %% [markdown]
# (y has 1,000 numbers here. The tape then gives the slopes of their sum; as each y depends on one x
# only, these are the 1,000 slopes.)

# %%
figure, ax = plt.subplots()
for (name, values), color in zip(errors.items(), (plots.RED, plots.ORANGE), strict=True):
    ax.loglog(changes, values, "o-", color=color, label=f"differences, {name}")
ax.axhline(tape_error, color=plots.BLUE, linestyle="--", label="tape, float32")
ax.set(xlabel="change of x", ylabel="relative error of the slope", ylim=(1e-13, 30))
ax.set_title("Too large a change is inexact, and so is too small a one")
ax.legend(loc="lower left", fontsize=9)
plots.show(
    figure,
    alt="V-shaped curves: the best float32 differences err by more than 0.0001 at a change near "
    "0.001, float64 ones by 1e-8. The tape in float32 errs by less than 1e-6 and has no V.",
)

# %%
best = {name: float(values.min()) for name, values in errors.items()}
print("float32, the best differences err by more than 1 in 100,000:", best["float32"] > 1e-5)
print("the tape by less than 1 in 1,000,000:", bool(tape_error < 1e-6))
print("the change that suits float64 best suits float32:", end=" ")
print(bool(errors["float32"][errors["float64"].argmin()] < 0.01))

# %% [markdown]
# A large change measures across the bend of the curve. A small one subtracts two nearly equal
# numbers, of which rounding leaves few digits that differ. The tape has no change to choose. Finite
# differences are still good for one thing, and that is to test gradients that somebody wrote by
# hand, on few parameters and best in 64 bits. The exercise `batch_norm_backward` of lesson 04 is
# checked by them.

# %% [markdown]
# ## The train step of a DCGAN
#
# Now for the two networks. In lessons 05 and 06 you built them, and their losses:
#
# | | wants | its loss, on logits |
# |---|---|---|
# | discriminator D | real images called real, fakes called fake | `real_loss(D(images)) + fake_loss(D(fakes))` |
# | generator G | its fakes called real | `generator_loss(D(fakes))` |
#
# The networks are narrow here, so that a step takes a moment only. What do street digits look like
# to TensorFlow?

# %%
from helpers.data import load_images
from helpers.keras.losses import fake_loss, generator_loss, real_loss

digits, _ = load_images("street_digits", "train", count=2000)
batch = tf.cast(digits[:32].transpose(0, 2, 3, 1), tf.float32) / 127.5 - 1
print(digits.shape, "becomes", tuple(batch.shape), "with the channels last,")
print(f"from {batch.numpy().min():.0f} to {batch.numpy().max():.0f}")

# %% [markdown]
# ### In training or not
#
# Batch normalisation does two different things (lesson 04). In training it normalises by the
# batch's own statistics, and moves its running ones towards them; otherwise it normalises by the
# running ones. In Keras you say which in the call. What does a generator's first normalisation
# record in either?

# %%
keras.utils.set_random_seed(0)
generator = build_generator(latent_dim=32, conv_dim=8)
norm = next(x for x in generator.layers if isinstance(x, keras.layers.BatchNormalization))
z = tf.random.normal((32, 32))
images = {}
for training in (False, True):
    before = norm.moving_variance.numpy()
    images[training] = generator(z, training=training).numpy()
    moved = bool(np.any(norm.moving_variance.numpy() != before))
    print(f"training={training}: the running variance moved: {moved}")
contrast = images[True].std() / images[False].std()
print("contrast of the images, training=True, at least 5 times as large:", bool(contrast > 5))

# %% [markdown]
# With `training=False` nothing is recorded, and the new network's images are nearly grey: the
# statistics that it normalises by are still the 0 and 1 with which they began. Leave the flag out
# in a train step, and the network trains without ever using its batch normalisation. There is no
# message.
#
# ### Two losses, two tapes
#
# One forward pass gives both losses. Then D's loss is differentiated with respect to D's weights,
# G's loss with respect to G's. As a tape answers once, take two, side by side:
#
# ```python
# with tf.GradientTape() as d_tape, tf.GradientTape() as g_tape:
#     ...
# ```
#
# D's loss depends on G's weights too, by way of the fakes, and G's loss on D's weights. You need no
# `stop_gradient` for that: what you do not ask for is not computed.
#
# **Exercise 7** `train_step` (●●●, 15 min). Update both networks once and return
# `(d_loss, g_loss)`, as they were before the update.
#
# - `images` is a batch of real images, float of shape (N, 32, 32, 3); N may be different in every
#   call. Draw as many z of `latent_dim` numbers each from a normal distribution, anew in every call.
# - Both networks are called in training.
# - Each optimizer updates its own network: `optimizer.apply(gradients, variables)`.
# - It has to work by itself and inside `tf.function`.


# %% exercise="train_step" points=3
def train_step(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    """Update both networks once; return both losses."""
    ### BEGIN SOLUTION
    z = tf.random.normal((tf.shape(images)[0], latent_dim))
    with tf.GradientTape() as d_tape, tf.GradientTape() as g_tape:
        fakes = generator(z, training=True)
        fake_logits = discriminator(fakes, training=True)
        d_loss = real_loss(discriminator(images, training=True)) + fake_loss(fake_logits)
        g_loss = generator_loss(fake_logits)

    d_variables, g_variables = discriminator.trainable_variables, generator.trainable_variables
    d_optimizer.apply(d_tape.gradient(d_loss, d_variables), d_variables)
    g_optimizer.apply(g_tape.gradient(g_loss, g_variables), g_variables)
    return d_loss, g_loss
    ### END SOLUTION


# %% check="train_step"
train_step = check.train_step(train_step)

# %% [markdown]
# Look at what one step changes. There are four groups of numbers; which of them should move?


# %%
def new_game(conv_dim=8, latent_dim=32):
    keras.utils.set_random_seed(0)
    networks = build_generator(latent_dim, conv_dim), build_discriminator(conv_dim)
    optimizers = []
    for network in networks:
        optimizers.append(keras.optimizers.Adam(2e-4, beta_1=0.5))
        optimizers[-1].build(network.trainable_variables)
    return *networks, *optimizers


# %%
generator, discriminator, g_optimizer, d_optimizer = new_game()
groups = {}
for network in (generator, discriminator):
    groups[f"{network.name}, weights"] = network.trainable_variables
    groups[f"{network.name}, running statistics"] = network.non_trainable_variables
before = {name: [each.numpy() for each in group] for name, group in groups.items()}
d_loss, g_loss = train_step(generator, discriminator, batch, g_optimizer, d_optimizer, 32)
for name, group in groups.items():
    moved = [np.any(new.numpy() != old) for new, old in zip(group, before[name], strict=True)]
    print(f"{name}: {'all' if all(moved) else sum(moved)} of {len(moved)} moved")
print(f"D's loss within 0.2 of 2 ln 2: {abs(float(d_loss) - 2 * np.log(2)) < 0.2}")
print(f"G's loss within 0.2 of ln 2: {abs(float(g_loss) - np.log(2)) < 0.2}")

# %% [markdown]
# All four. And the losses are those of a discriminator that does not know anything yet: it calls
# everything real with a probability of ½, and −log ½ = ln 2.

# %% [markdown]
# ## tf.function
#
# In a train step, Python calls TensorFlow for every operation, forwards and backwards, and many of
# them take less time than the call. `tf.function` lets Python run *once*, with
# placeholders instead of numbers, and notes down which operations are called, as a **graph**. This
# is called **tracing**. From then on the graph runs, without Python. What does it gain? Two sizes
# of the game take turns between both ways:


# %%
def race(conv_dim, batch_size, rounds=2):
    game = new_game(conv_dim)
    arguments = *game[:2], batch[:batch_size], *game[2:], 32
    eager = getattr(train_step, "python_function", train_step)  # in case you decorated yours
    steps = {"eager": eager, "graph": tf.function(eager)}

    def once(step):
        return float(step(*arguments)[0])

    calls = {name: partial(once, step) for name, step in steps.items()}
    return experiments.median_seconds(calls, rounds)


small, larger = race(conv_dim=4, batch_size=4), race(conv_dim=16, batch_size=32)

# %%
gain = {"small": small["eager"] / small["graph"], "larger": larger["eager"] / larger["graph"]}
print("small networks, at least twice as fast:", gain["small"] > 2)
print("larger networks gain less:", gain["larger"] < gain["small"])

# %% [markdown]
# The more there is to compute in each operation, the less it matters who calls it. Small steps gain
# most. There is a price: the first call takes seconds, as it traces. And there are traps, which all
# come from one thing: **Python runs only while it is traced**.
#
# ### Three traps
#
# Here is a step with three lines of Python in it: a note in a list, a random number from NumPy, a
# learning rate that changes later. What do three calls do?

# %%
traced, learning_rate = [], 0.1


@tf.function
def step(x):
    traced.append("Python was here")
    numpy_noise = np.random.default_rng().normal()
    return learning_rate * x, tf.constant(numpy_noise), tf.random.normal(())


first = step(tf.constant(1.0))
learning_rate = 0.5
second, third = step(tf.constant(1.0)), step(tf.constant(1.0))

# %%
print("entries in the list:", len(traced))
print("NumPy's noise is the same every time:", bool(first[1] == second[1] == third[1]))
print("TensorFlow's is another:", bool(first[2] != second[2]))
print("learning rate in the third call:", round(float(third[0]), 3))

# %% [markdown]
# The list got one entry, NumPy drew one number for ever, and the learning rate stays what it was.
# In the train step, z from `np.random` would mean: **the same noise in every step**, so that the
# generator learns to make one batch of images. No message. The mend: `tf.random.normal`, and for
# what changes a `tf.Variable` or an argument.
#
# The second trap: when does it trace again? For every new *Python* number, but not for another
# tensor of a shape and type that it has seen:

# %%
for make in (float, tf.constant):
    traced.clear()
    with experiments.heard() as said:
        for number in (1.5, 2.5, 3.5, 4.5, 5.5, 6.5):
            step(make(number))
    print(f"six numbers made by {make.__name__}: traced {len(traced)} times")
    if said:
        print(said[0].split(". ")[1])

# %% [markdown]
# TensorFlow's warning names the cause. A step that is traced in every call is slower than without
# `tf.function`. So give it tensors, and keep their shape: a shorter last batch costs a trace more.
#
# Third, variables: a function may make some in its very first call only. Keras' optimizers make
# theirs when they first see the weights. What happens with a second optimizer?


# %%
@tf.function
def update(optimizer, weight):
    optimizer.apply([tf.constant(1.0)], [weight])


for number in (1, 2):
    try:
        update(keras.optimizers.Adam(), tf.Variable(1.0))
        print(f"optimizer {number}: works")
    except ValueError as error:
        sentence = next(line for line in str(error).splitlines() if "singleton" in line)
        print(f"optimizer {number}: {sentence.strip().split('. ')[0]}")

# %% [markdown]
# So take a new `tf.function` for new networks, or build the optimizers before, with
# `optimizer.build(weights)`, as `new_game` does.

# %% [markdown]
# ## A short training
#
# `helpers.keras.training.train` repeats such a step, as a graph, with all images on the device and
# Adam for both networks. (`python -m helpers.keras.training --help` says how to run it for hours.)
# What can narrow networks learn in 500 steps? As there are so few, the learning rate is 0.001, five
# times as high as usual.

# %% tags=["nbval-ignore-output"]
from helpers.keras.training import train

generator, discriminator, _, _ = new_game()
z = tf.random.stateless_normal((256, 32), seed=[1, 2])
samples = {"before": generator(z, training=False).numpy()}
options = {"steps": 500, "batch_size": 32, "learning_rate": 1e-3, "log_every": 10}
history = train(generator, discriminator, digits, **options)
samples["after"] = generator(z, training=False).numpy()
samples["real"] = digits[:256].transpose(0, 2, 3, 1) / 127.5 - 1

# %%
figure, ax = plt.subplots()
curves = {"discriminator": (history.d_losses, 2), "generator": (history.g_losses, 1)}
for (name, (losses, terms)), color in zip(curves.items(), (plots.BLUE, plots.RED), strict=True):
    ax.plot(history.steps, losses, color=color, label=name)
    ax.axhline(terms * np.log(2), color=color, linewidth=1, linestyle="--")
ax.set(xlabel="steps", ylabel="loss", ylim=(0, None), title="The discriminator is soon ahead")
ax.legend(loc="upper right")
plots.show(
    figure,
    alt="From the dashed lines, the losses of a discriminator that guesses, the generator’s loss "
    "rises and the discriminator’s falls within 50 steps. Then both waver, without a trend.",
)

# %%
d_losses, g_losses = np.array(history.d_losses[5:]), np.array(history.g_losses[5:])
print("after step 50, the generator's loss is the higher one:", np.mean(g_losses > d_losses) > 0.9)

# %% [markdown]
# (Dashed: the two losses where the discriminator can only guess, 2 ln 2 and ln 2.) It is ahead, but
# it does not win for good: the losses waver, with no end in sight. Is the generator learning at all?
# Two numbers tell grey from images: how much the brightness differs from image to image, and how
# much contrast there is within one. Say yes to the first from a quarter of what real images have,
# to the second from a half.

# %%
spread = {name: np.std(group.mean(axis=(1, 2, 3))) for name, group in samples.items()}
contrast = {name: group.std(axis=(1, 2)).mean() for name, group in samples.items()}
for name in ("before", "after"):
    print(f"{name}: brightness differs:", bool(spread[name] > spread["real"] / 4), end=", ")
    print("contrast:", bool(contrast[name] > contrast["real"] / 2))
rows = np.concatenate([group[:10] for group in samples.values()]) / 2 + 0.5
title = "500 steps: from grey to light and dark walls, no digits yet"
plots.show(
    plots.image_grid(rows, columns=10, title=title, row_labels=list(samples)),
    alt="Ten even grey squares; ten blurred squares, some light, some dark; ten house numbers.",
)

# %% [markdown]
# The curves say little, the images more: the generator has found out that house walls are light or
# dark, and mostly greyish. Digits it has not found, and a regular pattern lies over its walls. That
# is what the first seconds of training look like. In lesson 08 you train for longer, in PyTorch, and
# learn to read the curves.

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. What does `tape.gradient(y, x)` return for y = x² at x = 3?**
#
# <details><summary>The function 2x</summary>No. The tape knows no formulas; it multiplies the slopes of the operations that it saw.</details>
# <details><summary>9</summary>No. That is y itself.</details>
# <details><summary>6</summary>Yes. The slope at the place where y was computed.</details>

# %% [markdown]
# **2. What would you lose without the tape?**
#
# <details><summary>The gradient: eager code leaves no record to go back through</summary>Yes. The tape is what makes backpropagation possible there.</details>
# <details><summary>Only speed</summary>No. Without a record there is nothing to be fast with, only finite differences.</details>
# <details><summary>Nothing, if <code>tf.function</code> is used</summary>No. It makes a step faster, but does not find the gradient for you.</details>

# %% [markdown]
# **3. A network has 1,000 weights. What does one gradient by reverse mode cost?**
#
# <details><summary>About 1,000 evaluations of the loss</summary>No. That is what finite differences cost.</details>
# <details><summary>A few evaluations of the loss</summary>Yes. One reading of the record gives all slopes.</details>
# <details><summary>Nothing: the slopes are on the tape already</summary>No. They still have to be multiplied and added up, from the end to the beginning.</details>

# %% [markdown]
# **4. The second step of your training fails with `unsupported operand type(s) for *: 'float' and 'NoneType'`; the first one worked. What is the likeliest cause?**
#
# <details><summary><code>w = w - 0.1 * gradient</code> has made a tensor of the variable</summary>Yes. The first step watched a variable, the second a tensor that nobody watches.</details>
# <details><summary>The loss is computed through NumPy</summary>No. Then the first step would fail as well.</details>
# <details><summary>The learning rate is too high</summary>No. Then the loss would grow, and the gradient would be a number, or nan.</details>

# %% [markdown]
# **5. In the train step, the fakes are made just above the `with` line. What happens?**
#
# <details><summary>Both networks train, only slower</summary>No. One of them gets no gradient.</details>
# <details><summary>The generator's gradients are all <code>None</code>, and its optimizer says that no gradients are provided</summary>Yes. Its tape has not seen how the fakes came about. The discriminator would train.</details>
# <details><summary>The discriminator's gradients are <code>None</code></summary>No. What D computes from the fakes is recorded.</details>

# %% [markdown]
# **6. Inside `tf.function` you draw z with `np.random.normal`. What do you notice?**
#
# <details><summary>An error while it is traced</summary>No. For tracing, a NumPy array is a constant like any other.</details>
# <details><summary>A warning about retracing</summary>No. Nothing is traced again; that is the trouble.</details>
# <details><summary>At first nothing; the generator gets the same z in every step</summary>Yes. Python ran once, when the step was traced.</details>

# %% [markdown]
# ## What to remember
#
# - The tape writes down operations while they run. `tape.gradient` reads the record backwards,
#   multiplies slopes along each way and adds the ways up.
# - It watches trainable variables; for anything else, `tape.watch`. It answers once, unless it is
#   persistent. A tape in a tape gives second derivatives.
# - `None` means that there is no way from the result back to the variable. Look for a constant, for
#   something outside the block, NumPy, whole numbers, a variable that became a tensor, an
#   operation without a slope.
# - Reverse mode gives all slopes for the price of a few evaluations. That is what is fast; the tape
#   is what makes it possible in eager code.
# - `tf.function` runs Python once and the graph ever after. It gains most where steps are small.
# - The train step: z anew by TensorFlow, both networks with `training=True`, a tape for each loss,
#   an optimizer for each network.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - S. Linnainmaa, “Taylor expansion of the accumulated rounding error”, 1976,
#   [doi:10.1007/BF01931367](https://doi.org/10.1007/BF01931367) (reverse mode).
# - W. Baur, V. Strassen, “The complexity of partial derivatives”, 1983,
#   [doi:10.1016/0304-3975(83)90110-X](https://doi.org/10.1016/0304-3975%2883%2990110-X).
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, “Automatic differentiation in
#   machine learning: a survey”, 2018, [arXiv:1502.05767](https://arxiv.org/abs/1502.05767).
# - A. Agrawal et al., “TensorFlow Eager: a multi-stage, Python-embedded DSL for machine learning”,
#   2019, [arXiv:1903.01855](https://arxiv.org/abs/1903.01855) (the tape, and `tf.function`).
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - A. Radford, L. Metz, S. Chintala, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434)
#   (DCGAN).

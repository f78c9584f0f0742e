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
# # Convolution shapes
#
# You compute the shape, the parameters and the blind spots of any convolution before PyTorch or
# TensorFlow can complain about them.
#
# | | |
# |---|---|
# | **Time** | 60 minutes |
# | **You need** | Python functions and loops; you have met a convolution before |
# | **Afterwards you can** | say what size comes out of a convolution, a transposed convolution and a stack of them; count parameters; explain why this course's DCGAN uses kernel 4, stride 2, padding 1 |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %% [markdown]
# The lesson itself is plain Python. PyTorch and Keras come along to be asked whether our numbers
# are theirs.

# %%
import random

import torch
from torch import nn

from helpers import plots
from helpers.checks import conv_shapes as check
from helpers.conv_shapes import Layer, axes, receptive_field
from helpers.keras import keras

plots.use_style()

# %% [markdown]
# ## How often does the window fit?
#
# A convolution lays a small window, the **kernel**, on the image, multiplies the pixels under it by
# the kernel's weights, adds up, and that is one output pixel. Then the window moves on by the
# **stride** and does it again. Here is one row of 7 pixels, a kernel of 3 weights and stride 2:

# %%
pixels, weights = [3, 1, 4, 1, 5, 9, 2], [1, 0, -1]
for start in (0, 2, 4):
    window = pixels[start : start + 3]
    total = sum(pixel * weight for pixel, weight in zip(window, weights, strict=True))
    print(f"pixels {start} to {start + 2}: {window} times {weights}, added up: {total}")

# %% [markdown]
# An image has rows and columns, and the window moves along both in the same way, so one axis is
# enough to think about. How often does a kernel of 3 pixels fit on 7 pixels if it moves 2 at a
# time? In the drawing the numbers are positions; every row below is one window.

# %%
plots.show_axis("Kernel 3, stride 2 on 7 pixels: 3 windows", size=7, kernel_size=3, stride=2)

# %% [markdown]
# The first window takes 3 pixels, 4 are left, and the window can move 4 / 2 = 2 times: 3 windows.
# **Padding** adds zeros on both sides, so that the window can start earlier and end later. The
# dashed cells are the zeros:

# %%
plots.show_axis(
    "Kernel 3, stride 2, padding 1 on 7 pixels: 4 windows",
    size=7,
    kernel_size=3,
    stride=2,
    padding=1,
)

# %% [markdown]
# **Dilation** spreads the kernel: it reads every second pixel for dilation 2, every third for
# dilation 3. A kernel of 3 with dilation 2 reads three pixels, but it spans 5.

# %%
plots.show_axis("Kernel 3, dilation 2 on 7 pixels: 3 windows", size=7, kernel_size=3, dilation=2)

# %% [markdown]
# Now with letters: input size $W_1$, kernel $F$, padding $P$ on each side, stride $S$, dilation
# $D$. The padded axis has $W_1 + 2P$ pixels. The kernel spans $D(F - 1) + 1$ of them. What is left,
# divided by the stride, is how often the window can move, and the first position comes on top:
#
# $$W_2 = \left\lfloor \frac{W_1 + 2P - D(F - 1) - 1}{S} \right\rfloor + 1$$
#
# Without dilation ($D = 1$) the fraction is $(W_1 - F + 2P)/S$. The brackets $\lfloor\ \rfloor$
# round down, which matters more than it looks; we come back to them.
#
# **Exercise 1** `conv_output_size` (●○○, 3 min). Return $W_2$ as an int. You may take for granted
# that the window fits at least once.


# %% exercise="conv_output_size" points=1
def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """Pixels that a convolution puts out along one axis."""
    ### BEGIN SOLUTION
    span = dilation * (kernel_size - 1) + 1
    steps = (size + 2 * padding - span) // stride
    return steps + 1
    ### END SOLUTION


# %% check="conv_output_size"
conv_output_size = check.conv_output_size(conv_output_size)

# %% [markdown]
# Do real layers agree? Ask PyTorch about 200 random settings.

# %%
choose = random.Random(0).randint
differ = 0
for _ in range(200):
    size, kernel, stride = choose(15, 40), choose(1, 7), choose(1, 4)
    padding, dilation = choose(0, 3), choose(1, 2)
    layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation)
    torch_size = layer(torch.zeros(1, 1, size, size)).shape[-1]
    differ += torch_size != conv_output_size(size, kernel, stride, padding, dilation)
print(f"{differ} of 200 settings differ from PyTorch.")

# %% [markdown]
# Keras has no `padding=1`; its `"valid"`, which is the default, means no padding at all. There the
# formula with $P = 0$ must hold.

# %%
differ = 0
for _ in range(50):
    size, kernel, stride = choose(7, 40), choose(1, 7), choose(1, 4)
    layer = keras.layers.Conv2D(1, kernel, strides=stride, padding="valid")
    keras_size = layer(keras.ops.zeros((1, size, size, 1))).shape[1]
    differ += keras_size != conv_output_size(size, kernel, stride)
print(f"{differ} of 50 settings differ from Keras.")

# %% [markdown]
# ## What the floor loses
#
# On 8 pixels, kernel 3 and stride 2 leave a remainder: (8 − 3)/2 = 2.5. The lecture notes of
# CS231n call such a setting invalid. PyTorch and Keras accept it and round down. Which pixel is
# lost?

# %%
plots.show_axis(
    "Kernel 3, stride 2 on 8 pixels: the last one is never read", size=8, kernel_size=3, stride=2
)

# %% [markdown]
# You need not believe the drawing. A pixel that is never read cannot change the output, so the
# output's gradient with respect to it is exactly zero.

# %%
row = torch.ones(1, 1, 1, 8, requires_grad=True)
layer = nn.Conv2d(1, 1, kernel_size=(1, 3), stride=(1, 2))
layer(row).sum().backward()
print("pixels without influence:", (row.grad.flatten() == 0).nonzero().flatten().tolist())

# %% [markdown]
# Pixel 7 is blind: no training will ever use it. That is no error, but you should know it.
#
# Would it not be kinder to round up? The last window would then stick out by one pixel. If that
# was your answer to exercise 1, this is what the check told you:


# %%
def rounds_up(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    return -((size + 2 * padding - span) // -stride) + 1


check.conv_output_size.look_at(rounds_up)

# %% [markdown]
# The classic case is AlexNet's first layer, kernel 11 and stride 4 without padding. The paper
# says that the images have 224 pixels; the network makes sense with 227. What does each give?

# %%
for size in (224, 227):
    steps = (size - 11) / 4
    _, width = axes(Layer("conv", 96, 11, 4), (3, size, size))
    unread = width.input_coverage().count(0)
    print(f"{size} pixels: {steps} steps, {conv_output_size(size, 11, 4)} out, {unread} never read")

# %% [markdown]
# 227 fits exactly and gives the 55 of the paper. With 224 the division leaves a remainder, one
# output pixel is missing, and one pixel per axis is never read: the image's last row and its last
# column.

# %% [markdown]
# ## How many parameters?
#
# An image has **channels**, three for colour, and the window looks into all of them at once. So it
# takes one $F \times F$ kernel for each input channel; together they are a **filter**. For $D_1$
# input channels that is $F \cdot F \cdot D_1$ weights. A filter makes one number per position, that
# is one output channel; a layer with $K$ filters puts out $K$ channels. Each filter also has one
# **bias**, a number that is added to its sum. The size of the image does not enter: the same filter
# is used at every position.
#
# **Exercise 2** `conv_parameter_count` (●○○, 3 min). Return the number of weights and biases
# together, or of the weights alone if `bias` is false.


# %% exercise="conv_parameter_count" points=1
def conv_parameter_count(in_channels, out_channels, kernel_size, bias=True):
    """Learnable numbers in a convolution with a square kernel."""
    ### BEGIN SOLUTION
    weights = kernel_size * kernel_size * in_channels * out_channels
    return weights + out_channels if bias else weights
    ### END SOLUTION


# %% check="conv_parameter_count"
conv_parameter_count = check.conv_parameter_count(conv_parameter_count)

# %% [markdown]
# Compare with layers of the discriminator that you will build in lesson 05, and with AlexNet's
# first layer. Are they the same numbers?

# %%
for inputs, filters, kernel, bias in [(3, 32, 4, True), (32, 64, 4, False), (3, 96, 11, True)]:
    torch_layer = nn.Conv2d(inputs, filters, kernel, bias=bias)
    torch_count = sum(parameter.numel() for parameter in torch_layer.parameters())
    keras_layer = keras.layers.Conv2D(filters, kernel, use_bias=bias)
    keras_layer.build((None, 32, 32, inputs))
    ours = conv_parameter_count(inputs, filters, kernel, bias)
    print(f"{inputs:>2} -> {filters}, kernel {kernel:>2}: ", end="")
    print(f"PyTorch {torch_count}, Keras {keras_layer.count_params()}, formula {ours}")

# %% [markdown]
# ## Keras says “same” and “valid”
#
# In Keras you do not choose the number of zeros. `padding="valid"` means none: only positions
# where the kernel lies wholly on the image are valid. `padding="same"` means: as many zeros as it
# takes to get ⌈size / stride⌉ pixels out (⌈ ⌉ rounds up), which for stride 1 is the same size.
#
# How many zeros is that? With $W_2 = \lceil W_1 / S \rceil$ windows, the last one starts at pixel
# $(W_2 - 1)S$ and ends $F$ pixels further on. What sticks out beyond the image is the total of
# the zeros, never below 0. Half of it goes before the image; **if it is odd, the extra zero goes
# after it**.
#
# **Exercise 3** `same_padding` (●●○, 8 min). Return `(low, high)`: the zeros that Keras adds
# before and after.


# %% exercise="same_padding" points=2
def same_padding(size, kernel_size, stride=1):
    """Zeros (before, after) that padding="same" adds along one axis."""
    ### BEGIN SOLUTION
    output_size = -(-size // stride)
    total = max((output_size - 1) * stride + kernel_size - size, 0)
    return total // 2, total - total // 2
    ### END SOLUTION


# %% check="same_padding"
same_padding = check.same_padding(same_padding)

# %% [markdown]
# Ask Keras, on 32 pixels: a layer with `"same"` must give exactly what its weights give without
# padding, after your zeros were added by hand.

# %%
image = keras.random.normal((1, 32, 32, 3), seed=0)
for kernel, stride in [(3, 1), (4, 2), (3, 2), (5, 2), (5, 3)]:
    same = keras.layers.Conv2D(2, kernel, strides=stride, padding="same")
    out = same(image)
    low, high = same_padding(32, kernel, stride)
    padded = keras.ops.pad(image, [(0, 0), (low, high), (low, high), (0, 0)])
    by_hand = keras.ops.conv(padded, same.kernel, stride, padding="valid")
    equal = bool(keras.ops.max(keras.ops.abs(out - by_hand)) < 1e-5)
    print(f"kernel {kernel}, stride {stride}: zeros {low} and {high}, equal: {equal}")

# %% [markdown]
# Look at kernel 3 with stride 2: no zero before, one after. PyTorch's `padding=1` puts one on each
# side. Both give 16 pixels, so every shape fits, and yet their windows lie on other pixels. Do the
# two layers compute the same numbers when they have the same weights?

# %%
image_torch = torch.tensor(keras.ops.convert_to_numpy(image)).permute(0, 3, 1, 2)
for kernel, padding in [(3, 1), (4, 1)]:
    layer = keras.layers.Conv2D(2, kernel, strides=2, padding="same", use_bias=False)
    out = torch.tensor(keras.ops.convert_to_numpy(layer(image))).permute(0, 3, 1, 2)
    weight = torch.tensor(keras.ops.convert_to_numpy(layer.kernel)).permute(3, 2, 0, 1)
    out_torch = nn.functional.conv2d(image_torch, weight, stride=2, padding=padding)
    equal = torch.allclose(out, out_torch, atol=1e-4)
    print(f"kernel {kernel}: same shape {out.shape == out_torch.shape}, same numbers {equal}")

# %% [markdown]
# With kernel 3 the shapes agree and the numbers do not: an error that no error message reports.
# With kernel 4 the total is even, the zeros are one and one, and both frameworks compute the same.
#
# What about `padding="same"` in PyTorch? It exists, but only for stride 1. Ask for more and it
# refuses:

# %%
try:
    nn.Conv2d(3, 32, 4, stride=2, padding="same")
except ValueError as error:
    print("PyTorch:", error)

# %% [markdown]
# ## The way back: transposed convolution
#
# A generator has to enlarge. A **transposed convolution** turns the picture round: every *input*
# pixel lays a kernel, multiplied by its value, onto the output, stride pixels after its
# neighbour's, and where kernels overlap they are added. (Older texts say “fractionally strided
# convolution”; “deconvolution” is wrong, as it does not undo a convolution.) `padding` now cuts
# pixels off both sides of the result.

# %%
plots.show_axis(
    "Transposed, kernel 4, stride 2, padding 1: 4 pixels become 8",
    size=4,
    kind="conv_transpose",
    kernel_size=4,
    stride=2,
    padding=1,
)

# %% [markdown]
# The bottom row counts how many kernels land on each output pixel. The last of $W_1$ kernels starts
# at $(W_1 - 1)S$ and spans $D(F - 1) + 1$ pixels; $2P$ are cut off. Several input sizes of a
# convolution can have the same output size (7 and 8 pixels both become 4 with kernel 3, stride 2,
# padding 1), so the way back is not unique: `output_padding` adds pixels at the end to choose.
#
# $$W_2 = (W_1 - 1)S - 2P + D(F - 1) + \text{output\_padding} + 1$$
#
# **Exercise 4** `conv_transpose_output_size` (●○○, 4 min). Return $W_2$ as an int.


# %% exercise="conv_transpose_output_size" points=2
def conv_transpose_output_size(
    size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1
):
    """Pixels that a transposed convolution puts out along one axis."""
    ### BEGIN SOLUTION
    last_start = (size - 1) * stride
    span = dilation * (kernel_size - 1) + 1
    return last_start + span - 2 * padding + output_padding
    ### END SOLUTION


# %% check="conv_transpose_output_size"
conv_transpose_output_size = check.conv_transpose_output_size(conv_transpose_output_size)

# %% [markdown]
# Does PyTorch agree this time too?

# %%
differ = 0
for _ in range(200):
    size, kernel, stride = choose(1, 12), choose(4, 7), choose(1, 4)
    padding, extra = choose(0, 1), choose(0, stride - 1)
    layer = nn.ConvTranspose2d(1, 1, kernel, stride, padding, extra)
    torch_size = layer(torch.zeros(1, 1, size, size)).shape[-1]
    differ += torch_size != conv_transpose_output_size(size, kernel, stride, padding, extra)
print(f"{differ} of 200 settings differ from PyTorch.")

# %% [markdown]
# And Keras? Its `"same"` always puts out size · stride, whatever the kernel is. Which kernel does
# the same with PyTorch's `padding=1`?

# %%
for kernel in (3, 4, 5):
    layer = keras.layers.Conv2DTranspose(1, kernel, strides=2, padding="same")
    keras_size = layer(keras.ops.zeros((1, 4, 4, 1))).shape[1]
    ours = conv_transpose_output_size(4, kernel, stride=2, padding=1)
    print(f"kernel {kernel}: Keras same takes 4 to {keras_size}, padding 1 to {ours}")

# %% [markdown]
# Only kernel 4. With kernel 3 you can reach 8 pixels by `output_padding=1`, which puts back at the
# end what the padding cuts off there. Look at the bottom row before you use it:

# %%
plots.show_axis(
    "Transposed, kernel 3, stride 2: the kernels overlap unevenly",
    size=4,
    kind="conv_transpose",
    kernel_size=3,
    stride=2,
    padding=1,
    output_padding=1,
)

# %% [markdown]
# 1, 2, 1, 2 (the end apart): every second pixel is reached by twice as many kernels. In two
# dimensions the counts are a **checkerboard**, and generated images often show one (Odena et al.,
# 2016). The *uneven overlap* disappears when the stride divides the kernel. What comes out of a
# perfectly flat image if all weights are 1?

# %%
flat = {}
for kernel, extra in [(3, 1), (4, 0)]:
    layer = nn.ConvTranspose2d(1, 1, kernel, 2, 1, extra, bias=False)
    nn.init.ones_(layer.weight)
    with torch.no_grad():
        flat[f"kernel {kernel}"] = layer(torch.ones(1, 1, 6, 6))[0, 0, 2:-2, 2:-2].numpy()
plots.show(
    plots.draw_grids(flat, "Kernel 3 leaves a checkerboard, kernel 4 a flat image"),
    alt="Left, kernel 3: values 1, 2 and 4 in a checkerboard. Right, kernel 4: 4 everywhere.",
)

# %% [markdown]
# That is with equal weights. There are others with which kernel 3 leaves a flat image flat, and others
# with which kernel 4 does not. What kernel 4 gives is that every output pixel adds up equally many
# products, so that nothing has to be made up for. Lesson 06 tries both.

# %% [markdown]
# ## A whole network
#
# This course's discriminator halves the image three times, 32 → 16 → 8 → 4, and the generator
# doubles it back. A **shape** is `(channels, height, width)` from here on.
#
# **Exercise 5** `trace_shapes` (●●○, 8 min). Return the list of all shapes along a stack of
# layers, the input's shape first. A layer is a dictionary with a `"kind"` (`"conv"` or
# `"conv_transpose"`), `"out_channels"` and `"kernel_size"`, and perhaps `"stride"` (otherwise 1),
# `"padding"` (otherwise 0) and `"output_padding"` (otherwise 0). Images need not be square. You may
# use your functions from exercises 1 and 4; leave the dictionaries as they are.


# %% exercise="trace_shapes" points=2
def trace_shapes(shape, layers):
    """Shapes (channels, height, width) along a stack of layers, the input's first."""
    ### BEGIN SOLUTION
    shapes = [tuple(shape)]
    for layer in layers:
        numbers = [layer["kernel_size"], layer.get("stride", 1), layer.get("padding", 0)]
        if layer["kind"] == "conv":
            sizes = [conv_output_size(size, *numbers) for size in shapes[-1][1:]]
        else:
            numbers.append(layer.get("output_padding", 0))
            sizes = [conv_transpose_output_size(size, *numbers) for size in shapes[-1][1:]]
        shapes.append((layer["out_channels"], *sizes))
    return shapes
    ### END SOLUTION


# %% check="trace_shapes"
trace_shapes = check.trace_shapes(trace_shapes)

# %% [markdown]
# What are the shapes inside DCGAN, and what does each layer of the discriminator see of the image?
# The **receptive field** of a pixel is the part of the input that can change it. It starts at 1 and
# every layer adds (kernel − 1) times the product of the strides of all *earlier* layers:
# 1 + 3·1 = 4, then 4 + 3·2 = 10, then 10 + 3·4 = 22.

# %%
down = [
    {"kind": "conv", "out_channels": channels, "kernel_size": 4, "stride": 2, "padding": 1}
    for channels in (32, 64, 128)
]
for number, shape in enumerate(trace_shapes((3, 32, 32), down)):
    field = receptive_field(down[:number])
    print(f"after {number} layers: {shape}, each pixel sees {field[0]} x {field[1]} pixels")

# %% [markdown]
# The image shrinks, the channels grow, and what one pixel sees grows to 22 × 22 of 32 × 32 pixels.
# The generator runs the same road backwards:

# %%
up = [
    {**layer, "kind": "conv_transpose", "out_channels": channels}
    for layer, channels in zip(down, (64, 32, 3), strict=True)
]
print(" -> ".join(map(str, trace_shapes((128, 4, 4), up))))
modules = [nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in [(128, 64), (64, 32), (32, 3)]]
print("PyTorch ends with", tuple(nn.Sequential(*modules)(torch.zeros(1, 128, 4, 4)).shape[1:]))

# %% [markdown]
# ## Why 4, 2, 1?
#
# **Exercise 6** `solve_conv` (●●●, 10 min). Return every `(kernel_size, stride, padding)` that
# takes `size` pixels to `target`: kernels from 1 to `max_kernel_size`, strides from 1 to `size`,
# paddings from 0 to `kernel_size - 1`, dilation 1, and only what fits into the padded image. Any
# order will do, and you may use `conv_output_size`.


# %% exercise="solve_conv" points=3
def solve_conv(size, target, max_kernel_size=7):
    """Every (kernel_size, stride, padding) that takes size pixels to target."""
    ### BEGIN SOLUTION
    solutions = []
    for kernel_size in range(1, max_kernel_size + 1):
        for stride in range(1, size + 1):
            for padding in range(kernel_size):
                fits = kernel_size <= size + 2 * padding
                if fits and conv_output_size(size, kernel_size, stride, padding) == target:
                    solutions.append((kernel_size, stride, padding))
    return solutions
    ### END SOLUTION


# %% check="solve_conv"
solve_conv = check.solve_conv(solve_conv)

# %% [markdown]
# Seven settings take 32 pixels to 16. Which of them would you choose? Put three questions to each:
# does the division come out even, is every pixel read, and does Keras' `"same"` compute the same
# numbers as PyTorch?

# %%
print("kernel  stride  padding  weights   even  all read  Keras equal")
for kernel, stride, padding in sorted(solve_conv(32, 16)):
    _, width = axes(Layer("conv", 1, kernel, stride, padding), (1, 32, 32))
    even = (32 + 2 * padding - kernel) % stride == 0
    all_read = min(width.input_coverage()) > 0
    keras_equal = same_padding(32, kernel, stride)[0] == padding
    row = f"{kernel:>6}  {stride:>6}  {padding:>7}  {conv_parameter_count(1, 1, kernel, False):>7}"
    yes = ["yes" if answer else "no" for answer in (even, all_read, keras_equal)]
    print(f"{row}  {yes[0]:>5}  {yes[1]:>8}  {yes[2]:>11}")

# %% [markdown]
# Odd kernels leave a remainder. Kernel 1 never reads every second pixel; 3, 5 and 7 lose only a
# padding zero, but they sit on other pixels than Keras'. Kernels 2, 4 and 6 pass all three
# questions. With 2 the windows do not overlap, so nothing that lies on the border of two windows is
# ever seen whole; 6 has 36 weights per channel where 4 has 16. So 4, 2, 1 it is, and on the way
# back its kernels overlap evenly.
#
# (The DCGAN paper's own code has kernel 5, stride 2, padding 2. Later implementations, and this
# course, take 4. What does the calculator below say about the overlap of 5 and 2?)

# %% [markdown]
# ## Play with it
#
# The calculator below knows everything in this lesson, PyTorch's refusals included, and a little
# more (ignore *Groups* and pooling for now). Four things to try:
#
# 1. In *One layer*, set Height to 5, Padding to 0 and Kernel to 7. What does PyTorch say, and which
#    remedies are there? Then set Padding to 1: why does it fit now?
# 2. Choose *Transposed convolution*, Height 4, Kernel 4, Padding 1 and look at the overlap strip.
#    Now move Kernel to 3, to 5 and to 6.
# 3. Open *Network*, choose the DCGAN discriminator and change one kernel. What happens downstream?
# 4. Open *Challenge* and take 28 pixels to 7 in two layers (task 2).

# %%
from helpers.widgets.conv_shapes import ConvShapeCalculator

ConvShapeCalculator()

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. A layer with kernel 5, stride 2, padding 2 gets 28 pixels. How many come out?**
#
# <details><summary>13</summary>No. (28 + 4 − 5)/2 = 13.5 is rounded down to 13 steps; the first position comes on top.</details>
# <details><summary>14.5, so PyTorch refuses</summary>No. PyTorch rounds down and never mentions it.</details>
# <details><summary>14</summary>Yes. ⌊(28 + 4 − 5)/2⌋ + 1 = 13 + 1 = 14.</details>

# %% [markdown]
# **2. You double height and width of the images. What happens to the number of parameters of a convolution?**
#
# <details><summary>It grows four times</summary>No. The number of output pixels does, and so does the work, but all positions share the same weights.</details>
# <details><summary>It stays the same</summary>Yes. Weights are F·F·D₁ per filter, wherever the filter is used.</details>
# <details><summary>It doubles</summary>No. The image's size does not enter at all.</details>

# %% [markdown]
# **3. Keras' `padding="same"` and PyTorch's `padding=1` both take 32 to 16 with kernel 3, stride 2. With equal weights, are the outputs equal?**
#
# <details><summary>No, the windows lie one pixel apart</summary>Yes. No error message tells you. With stride 2 and an even size, an even kernel avoids it.</details>
# <details><summary>Yes, the shapes are equal</summary>No. Equal shapes do not mean equal windows: Keras adds (0, 1) zeros, PyTorch (1, 1).</details>
# <details><summary>Only for square images</summary>No. The shift happens on every axis by itself.</details>

# %% [markdown]
# **4. In which transposed convolution do the kernels overlap unevenly?**
#
# <details><summary>Kernel 4, stride 2</summary>No. 2 divides 4: inside, every output pixel is reached by the same number of kernels.</details>
# <details><summary>Kernel 5, stride 2</summary>Yes. Output pixels are reached by 2 and 3 kernels in turn.</details>
# <details><summary>Kernel 3, stride 1</summary>No. Stride 1 divides everything.</details>

# %% [markdown]
# **5. What does `output_padding=1` do?**
#
# <details><summary>It adds one row and one column at the end of the result</summary>Yes. It chooses among the sizes that a convolution would have mapped to the same size.</details>
# <details><summary>It adds a zero on each side of the input</summary>No. That would be padding the input of an ordinary convolution.</details>
# <details><summary>It cuts one pixel off each side</summary>No. That is what `padding` does in a transposed convolution.</details>

# %% [markdown]
# ## What to remember
#
# - $W_2 = \lfloor (W_1 + 2P - D(F-1) - 1)/S \rfloor + 1$; where the division leaves a remainder,
#   pixels at the end may never be read.
# - $F \cdot F \cdot D_1$ weights per filter, one bias per filter, whatever the size of the image.
# - “same” in Keras and `padding=` in PyTorch can agree in shape and differ in every number.
# - A transposed convolution restores the shape: $(W_1 - 1)S - 2P + D(F-1) + \text{output\_padding} + 1$.
# - On even sizes, kernel 4, stride 2, padding 1 halves and doubles exactly, reads every pixel,
#   overlaps evenly on the way back, and is equal in both frameworks.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - V. Dumoulin, F. Visin, “A guide to convolution arithmetic for deep learning”, 2016,
#   [arXiv:1603.07285](https://arxiv.org/abs/1603.07285).
# - A. Odena, V. Dumoulin, C. Olah, “Deconvolution and checkerboard artifacts”, Distill, 2016,
#   [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# - A. Krizhevsky, I. Sutskever, G. Hinton, “ImageNet classification with deep convolutional neural
#   networks”, NeurIPS 2012 (AlexNet).
# - Stanford CS231n, [notes on convolutional networks](https://cs231n.github.io/convolutional-networks/).
# - A. Radford, L. Metz, S. Chintala, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434)
#   (DCGAN).

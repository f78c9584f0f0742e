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
# # The generator
#
# You build the network that turns 100 random numbers into a colour image, in PyTorch and in Keras,
# you find out what its layers really compute, and you walk through everything that a trained one
# can make.
#
# | | |
# |---|---|
# | **Time** | 75 minutes |
# | **You need** | PyTorch: `nn.Module`, autograd; transposed convolutions (lesson 03), batch normalisation (lesson 04); for the last part a little Keras |
# | **Afterwards you can** | build a DCGAN's generator in both frameworks and count its parameters by hand; say what a transposed convolution computes, and where checkerboards come from; start it with the right weights; give it a loss that teaches even while it loses; say why the middle between two random vectors is no random vector |
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

from helpers import architecture, latent_space, plots
from helpers.checks import generator as check
from helpers.data import load_images
from helpers.pytorch import generator_experiments as experiments
from helpers.pytorch.pretrained import load_generator
from helpers.pytorch.summary import trace_layers

plots.use_style()
torch.set_num_threads(1)  # networks this small gain little from more, and lose on a busy computer

# %% [markdown]
# ## From numbers to an image
#
# A **generator** is a function: some random numbers go in, an image comes out. The list of numbers
# is called the **latent vector** $z$; in this course it has 100 numbers, each drawn from a normal
# distribution with mean 0 and deviation 1. All the vectors together are the **latent space**.
#
# Here is a generator that was trained on street digits. What does it make of 16 random vectors?

# %%
trained = load_generator()
torch.manual_seed(0)
images = experiments.images_of(trained, torch.randn(16, 100))
figure = plots.image_grid(images, 8, "Sixteen random vectors, sixteen images")
plots.show(figure, alt="Two rows of eight small coloured images, all different.")

# %% [markdown]
# Nobody drew these, and no two are alike. Some you can read, others not; making them better is the
# subject of later lessons. How does it do that at all? The figure is drawn from the network itself:

# %%
rows = trace_layers(trained, (100,))
figure = plots.draw_architecture(rows, "From 100 numbers to 128 small maps to one large image")
plots.show(figure, alt=f"Boxes from left to right. {architecture.describe(rows)}.")

# %%
print(architecture.table(rows))

# %% [markdown]
# It is a discriminator that runs backwards. From left to right:
#
# - A dense layer makes 2,048 numbers of the 100. From there on they are *called* 128 maps of 4 × 4
#   pixels, which moves nothing: it is a **reshape**.
# - Three transposed convolutions double the size, 4 → 8 → 16 → 32, and halve the channels,
#   128 → 64 → 32, until the last one makes 3: red, green and blue. They are all that enlarges.
# - After each layer come batch normalisation and ReLU, except after the last: there is nothing but
#   a tanh, because the images that it has to match are scaled to [−1, 1] (lesson 02). The paper
#   leaves out batch normalisation there because with it the samples oscillated.
#
# You may read somewhere that the first maps are “4x3x512”. What would become of these?

# %%
with torch.no_grad():
    for height, width in ((4, 3), (4, 4)):
        image = trained.to_image(trained.blocks(torch.zeros(1, 128, height, width)))
        print(f"{height} x {width} becomes {image.shape[2]} x {image.shape[3]}")

# %% [markdown]
# An image that is not square. It is a slip for 4 × 4 × 512. And 512 is a choice: the paper, whose
# images are 64 × 64, starts with 1,024 maps, this generator with 128. What more maps cost, you
# compute in exercise 3.

# %% [markdown]
# ## What a transposed convolution computes
#
# In lesson 03 every input pixel laid a kernel, multiplied by its value, onto the output. There is a
# second way to get the same numbers, and it explains the older name “fractionally strided
# convolution”: put zeros *between* the pixels, then slide an ordinary window over them. This is
# **zero-stuffing**. Three pixels, kernel 4, stride 2, padding 1:

# %%
kernel = [1, 2, 3, 4]
stuffed = [0, 0, 5, 0, 6, 0, 7, 0, 0]
turned = kernel[::-1]
by_hand = [
    sum(pixel * weight for pixel, weight in zip(stuffed[start : start + 4], turned, strict=True))
    for start in range(6)
]
pixels, weights = torch.tensor([[[5.0, 6.0, 7.0]]]), torch.tensor([[kernel]]).float()
from_torch = F.conv_transpose1d(pixels, weights, stride=2, padding=1)
print("by hand:", by_hand)
print("PyTorch:", from_torch.int().flatten().tolist())

# %% [markdown]
# The same. Three things make it so:
#
# - stride − 1 zeros between the pixels. A window that moves on by 1 has moved by *half* a pixel of
#   the original: a stride of ½, hence “fractionally strided”.
# - kernel − 1 − padding zeros at each end, here 4 − 1 − 1 = 2. `padding` takes away from them, which
#   is why more of it makes the output smaller.
# - The kernel is turned round. In lesson 03's picture, pixel $i$ reached output $o = 2i - 1 + j$ with
#   weight $j$. Seen from the output, the further to the right a pixel lies, the *smaller* is $j$.
#
# With images, the kernel is turned by 180 degrees:

# %%
kernel = np.array([[1, 2, 0, 1], [2, 1, 3, 1], [2, 0, 1, 0], [1, 1, 1, 2]])
figure = plots.draw_zero_stuffing(np.arange(1, 10).reshape(3, 3), kernel, 2, 1, at=(2, 3))
plots.show(
    figure,
    alt="3 x 3 pixels, the same with zeros between them and two rows of zeros around, the kernel "
    "turned by 180 degrees, and the output of 6 x 6. A framed window of 4 x 4 gives the output 32.",
)

# %% [markdown]
# Look into the frame: of its 16 numbers only 2, 3, 5 and 6 are pixels, and the turned kernel has 1,
# 1, 3 and 2 in their places: 1·2 + 1·3 + 3·5 + 2·6 = 32. The other twelve weights meet zeros.
# (Remember that; it will explain something below.)
#
# Does it hold for a whole layer, with many channels in and out?


# %%
def stuff(x, stride, border):
    """Zeros between the pixels of (N, C, H, W), and a border of them around."""
    n, channels, height, width = x.shape
    wide = torch.zeros(n, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
    wide[:, :, ::stride, ::stride] = x
    return F.pad(wide, [border] * 4)


torch.manual_seed(0)
layer, x = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False), torch.randn(2, 64, 8, 8)
weight = layer.weight.transpose(0, 1)  # (in, out, 4, 4) becomes (out, in, 4, 4)
stuffed, wanted = stuff(x, stride=2, border=2), layer(x)
turned = F.conv2d(stuffed, weight.flip(2, 3))
print("turned kernel, equal:", bool(torch.allclose(turned, wanted, atol=1e-4)))
print("kernel as it is, equal:", bool(torch.allclose(F.conv2d(stuffed, weight), wanted, atol=1e-4)))

# %% [markdown]
# It does. Nobody computes it like that, though: most of the numbers in the stuffed image are zeros.

# %%
print(f"zeros in the stuffed image: {(stuffed == 0).float().mean():.0%}")

# %% [markdown]
# ### It restores the shape, not the values
#
# “Deconvolution” would be something that undoes a convolution. Does this? Halve a street digit with
# a kernel that averages, and double it again with the transposed convolution of the same kernel:

# %%
pixels, _ = load_images("street_digits", "test", count=8)
x = torch.tensor(pixels) / 255
kernel = torch.full((3, 1, 4, 4), 1 / 16)  # one kernel per colour
small = F.conv2d(x, kernel, stride=2, padding=1, groups=3)
back = F.conv_transpose2d(small, 4 * kernel, stride=2, padding=1, groups=3)
print(f"{tuple(x.shape[1:])} -> {tuple(small.shape[1:])} -> {tuple(back.shape[1:])}")
print("largest difference above 50 of 255 grey levels:", bool((back - x).abs().max() > 50 / 255))

# %%
both = torch.cat([x, back]).numpy()
figure = plots.image_grid(
    both, 8, "The shape comes back, the image does not", row_labels=["before", "after"]
)
plots.show(figure, alt="Eight street digits, and below them the same ones blurred.")

# %% [markdown]
# (The dark rim is there because fewer kernels land on the border.) No other weights could do it in
# general: 3,072 numbers were squeezed into 768, and what is gone is
# gone. So what is *transposed*? A convolution is a matrix that is multiplied with the pixels, with
# mostly zeros in it; the transposed convolution multiplies with the same matrix, rows and columns
# exchanged.

# %%
kernel = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
matrix = F.conv1d(torch.eye(6)[:, None], kernel, stride=2, padding=1)[:, 0].T
print(matrix.int().numpy())
three = torch.tensor([5.0, 6.0, 7.0])
by_torch = F.conv_transpose1d(three[None, None], kernel, stride=2, padding=1)[0, 0]
print("transposed matrix:", (matrix.T @ three).int().tolist())
print("PyTorch:          ", by_torch.int().tolist())
print("one after the other:\n", (matrix @ matrix.T).int().numpy(), sep="")

# %% [markdown]
# Row by row you see the kernel move on by two pixels, cut off at the ends. The transposed matrix
# gives what PyTorch gives, and what you computed above. But it is no inverse: one after the other,
# the two would have to give ones on the diagonal and zeros elsewhere. (You use it more often than
# you think: when a gradient goes *back* through a convolution, autograd multiplies it with the
# transposed matrix.)

# %% [markdown]
# ### Checkerboards
#
# In the picture above, 4 of 16 weights met a pixel. Which four depends on where the output pixel
# lies: in an even or odd row, in an even or odd column. So there are four kinds of output pixels, A
# to D, and each has weights of its own. In the figure, each weight of a kernel bears the letter of
# the pixels that it reaches:

# %%
title = "Kernel 4 has equally many weights for each kind of pixel; 3 and 5 have not"
figure = plots.draw_phases((3, 4, 5), title)
plots.show(
    figure,
    alt="Weights for A, B, C and D: 4, 2, 2, 1 with kernel 3; 4 each with 4; 9, 6, 6, 4 with 5.",
)

# %% [markdown]
# With kernel 3, a pixel of kind A adds up four products and one of kind D only one. How strong is a
# pixel of each kind, before any training? Here are 2,000 random kernels, each on an image that is
# 1 everywhere, and the deviation of what they put out:

# %%
torch.manual_seed(0)
flat = torch.ones(1, 1, 8, 8)
outputs = {}
for size in (3, 4, 5):
    kernels = torch.randn(1, 2000, size, size)
    outputs[f"kernel {size}"] = F.conv_transpose2d(flat, kernels, stride=2)[0, :, 6:8, 6:8]
enlarged = F.interpolate(flat, scale_factor=2)  # each pixel becomes 2 x 2
outputs["enlarge, then kernel 3"] = F.conv2d(enlarged, torch.randn(2000, 1, 3, 3))[0, :, 6:8, 6:8]
for name, values in outputs.items():
    a, b, c, d = values.std(0).flatten()
    print(f"{name:>22}: A {a:.1f}, B {b:.1f}, C {c:.1f}, D {d:.1f}")

# %% [markdown]
# With kernel 3, A is twice as strong as D; with kernel 5, 1.5 times. That is the **uneven overlap** of
# lesson 03. Weights exist that make up for it, but training has to find them, layer by layer, and
# Odena et al. (2016) report that in practice it does not quite. Kernel 4 is even, because the
# stride divides it. Is a flat image then still flat? Take one random kernel of each size, and one of
# size 3 that balances the four kinds:

# %%
torch.manual_seed(1)
grids = {}
for size in (3, 4):
    kernel = torch.randn(1, 1, size, size)
    grids[f"kernel {size}"] = F.conv_transpose2d(flat, kernel, stride=2)[0, 0, 6:12, 6:12]
balanced = torch.outer(torch.tensor([0.5, 1, 0.5]), torch.tensor([0.5, 1, 0.5]))[None, None]
grids["3, balanced"] = F.conv_transpose2d(flat, balanced, stride=2)[0, 0, 6:12, 6:12]
grids["enlarge, then kernel 3"] = F.conv2d(enlarged, torch.randn(1, 1, 3, 3))[0, 0, 6:12, 6:12]
for name, grid in grids.items():
    print(f"{name:>22}: flat is {bool(grid.std() < 1e-5)}")
values = np.stack([grid.numpy() for grid in grids.values()])
shades = (values - values.min()) / (values.max() - values.min())
title = "A flat image: random kernels 3 and 4 leave patterns"
figure = plots.image_grid(shades, 4, title, captions=list(grids), size=1.6)
plots.show(figure, alt="Random kernels 3 and 4 leave a pattern of two pixels; the others are flat.")

# %% [markdown]
# It is not. The four kinds have equally *many* weights with kernel 4, but different ones, and with
# random weights they put out different numbers. So an even overlap is a better start, and no
# guarantee: with kernel 3 or 4, training has to balance the kinds, and does not always. Odena et al.
# recommend another way, the last image: first enlarge by repeating pixels, then convolve with stride
# 1. There all kinds share all weights, and a flat image stays flat whatever the weights. DCGAN keeps
# its transposed convolutions.
#
# What is left in the trained generator? The measure is how strong the finest checkerboard is,
# compared with patterns that are almost as fine; 1 means that it does not stand out.

# %%
torch.manual_seed(0)
real, _ = load_images("street_digits", "test", count=500)
generated = experiments.images_of(trained, torch.randn(500, 100))
found = {"street digits": real, "generated": generated}
for name, images in found.items():
    print(f"{name}: it stands out: {experiments.checkerboard(images) > 1.5}")

# %% [markdown]
# In the street digits it does not, in the generated images it does: this generator has not quite
# learned it away. You hardly see it, but a discriminator could.

# %% [markdown]
# ## A block
#
# Now build it. What comes twice in the network is a block: twice the size, another number of
# channels, batch normalisation, ReLU.
#
# **Exercise 1** `deconv_block` (●○○, 5 min). Return a network, an `nn.Module`, that makes maps of
# shape (N, out_channels, 2H, 2W) from maps of shape (N, in_channels, H, W): a transposed
# convolution with kernel 4, stride 2, padding 1 (or another kernel that doubles exactly, such as
# the paper's kernel 5 with padding 2 and output_padding 1), then batch normalisation, then ReLU.
# No bias in the convolution: you know from lesson 04 why.


# %% exercise="deconv_block" points=1
def deconv_block(in_channels, out_channels):
    """Transposed convolution, batch normalisation, ReLU; doubles height and width."""
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
    ### END SOLUTION


# %% check="deconv_block"
deconv_block = check.deconv_block(deconv_block)

# %% [markdown]
# What does it do to the numbers? Before the ReLU every channel has mean 0 and deviation 1, whatever
# the weights are; the ReLU then cuts off what is below 0, which is about half.

# %%
torch.manual_seed(0)
maps = deconv_block(128, 64)(torch.randn(16, 128, 4, 4))
zeros = (maps == 0).float().mean()
print(tuple(maps.shape), f"about half are 0: {bool(0.4 < zeros < 0.6)}")

# %% [markdown]
# ## The whole network
#
# **Exercise 2** `Generator` (●●●, 15 min). Write the network of the figure above, for any
# `latent_dim` and `conv_dim`: z of shape (N, latent_dim) to images (N, 3, 32, 32) in (−1, 1).
#
# - First a dense layer, whose outputs become 4 · conv_dim maps of 4 × 4.
# - Then transposed convolutions that double the size, to 2 · conv_dim, to conv_dim, and to 3
#   channels; nothing else enlarges.
#   Each doubles exactly, with every channel connected to every one (no groups), and nothing is
#   cropped.
# - After the first layer and after every transposed convolution but the last: one batch
#   normalisation, with its scale and shift, then ReLU. No bias in a layer that a batch normalisation
#   follows.
# - After the last one tanh alone, without batch normalisation.
# - z goes into the first layer as it is; no dropout, no noise. Give the layers their sizes (no lazy
#   ones): the weights have to be there to be counted and initialised.
#
# Use your `deconv_block`, or write it in any other way: the check looks at what is computed.
# (`nn.Unflatten(1, (channels, 4, 4))` is a layer that reshapes.)


# %% exercise="Generator" points=4
class Generator(nn.Module):
    """Random numbers (N, latent_dim) to images (N, 3, 32, 32) in (-1, 1)."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        ### BEGIN SOLUTION
        self.dense = nn.Linear(latent_dim, 4 * conv_dim * 4 * 4, bias=False)
        self.start = nn.Sequential(
            nn.Unflatten(1, (4 * conv_dim, 4, 4)), nn.BatchNorm2d(4 * conv_dim), nn.ReLU()
        )
        self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim)
        self.block2 = deconv_block(2 * conv_dim, conv_dim)
        self.to_image = nn.ConvTranspose2d(conv_dim, 3, 4, stride=2, padding=1)
        ### END SOLUTION

    def forward(self, z):
        ### BEGIN SOLUTION
        maps = self.block2(self.block1(self.start(self.dense(z))))
        return torch.tanh(self.to_image(maps))
        ### END SOLUTION


# %% check="Generator"
Generator = check.Generator(Generator)

# %% [markdown]
# The figure and the table can be drawn from any network. Here is yours, with twice the width:

# %%
print(architecture.table(trace_layers(Generator(conv_dim=64), (100,))))

# %% [markdown]
# And what does it make of random vectors, before it has learned anything?

# %%
torch.manual_seed(0)
untrained = Generator()
with torch.no_grad():
    images = untrained(torch.randn(4, 100))  # in train mode, as during training
title = "Before training: noise, with a fine grain"
figure = plots.image_grid((images.numpy() + 1) / 2, 4, title, size=1.6)
plots.show(figure, alt="Four images of coloured noise, with a regular fine grain.")

# %% [markdown]
# Noise, and through it a grain that repeats every two pixels, as you know it by now.

# %% [markdown]
# ## What it costs
#
# Where do the 370,627 numbers of the table sit, and what would the paper's width cost?
#
# **Exercise 3** `generator_parameter_count` (●●○, 5 min). Return how many numbers the network
# learns, an int computed from `latent_dim` and `conv_dim`: the network of the figure at the top, with
# kernel 4 everywhere. Each batch normalisation learns two numbers per channel, also the first one,
# and of all the layers only the last has a bias, 3 numbers.


# %% exercise="generator_parameter_count" points=2
def generator_parameter_count(latent_dim=100, conv_dim=32):
    """How many numbers a generator learns."""
    ### BEGIN SOLUTION
    c = conv_dim
    dense = latent_dim * 4 * c * 4 * 4
    convolutions = (4 * c * 2 * c + 2 * c * c + c * 3) * 4 * 4
    batch_norms = 2 * (4 * c + 2 * c + c)
    return dense + convolutions + batch_norms + 3
    ### END SOLUTION


# %% check="generator_parameter_count"
generator_parameter_count = check.generator_parameter_count(generator_parameter_count)

# %%
counted = sum(parameter.numel() for parameter in Generator().parameters())
print(f"by hand {generator_parameter_count():,}, PyTorch {counted:,}")
dense = 100 * 2048
print(f"share of the dense layer: {dense / generator_parameter_count():.0%}")
for conv_dim in (32, 64, 256):
    print(f"conv_dim {conv_dim:3}: {generator_parameter_count(100, conv_dim):12,}")

# %% [markdown]
# (If yours has another kernel, normalises before the reshape or has no bias at the end, the first two
# numbers differ.) More than half of the numbers are in the dense layer, which only has to make small
# maps. Twice the width costs about three times as much, and 1,024 first maps, as in the paper, need
# 12 million numbers: the hidden convolutions grow with the square of the width, the dense and the
# last layer only with the width.

# %% [markdown]
# ## The first weights
#
# PyTorch draws a layer's first weights from a range that depends on the layer's size. The DCGAN
# paper draws all weights from a normal distribution with mean 0 and deviation 0.02, and its code
# draws the scale of each batch normalisation (gamma, called `weight` in PyTorch) with mean 1 and
# deviation 0.02, and sets its shift (beta, called `bias`) to 0.
#
# **Exercise 4** `init_weights` (●●○, 6 min). Initialise one module, in place, so that
# `network.apply(init_weights)` initialises a network: `apply` calls it with *every* module of the
# network, the ReLUs and the network itself included.
#
# - `nn.Conv2d`, `nn.ConvTranspose2d`, `nn.Linear`: weights from N(0, 0.02), 0.02 being the
#   standard deviation; biases 0, where there are any.
# - `nn.BatchNorm1d`, `nn.BatchNorm2d`: weights from N(1, 0.02), biases 0. With `affine=False` a
#   batch normalisation has neither.
# - Any other module stays as it is.


# %% exercise="init_weights" points=2
def init_weights(module):
    """Initialise one module as the DCGAN paper does; for network.apply(init_weights)."""
    ### BEGIN SOLUTION
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    ### END SOLUTION


# %% check="init_weights"
init_weights = check.init_weights(init_weights)

# %%
torch.manual_seed(0)
network = Generator()
before = {name: parameter.std().item() for name, parameter in network.named_parameters()}
network.apply(init_weights)
for name, parameter in network.named_parameters():
    now = f"{parameter.std():.3f} around {parameter.mean().abs():.1f}"
    print(f"{name:>16}: deviation {before[name]:.3f}, now {now}")

# %% [markdown]
# The table shows what has changed: all weights have 0.02 now, where PyTorch has a number for each
# layer; batch normalisation's scales lie around 1, shifts and biases are 0. Does it matter? Lesson 04
# says no, wherever a batch normalisation follows. Multiply the weights of all layers but the last by
# 10:

# %%
torch.manual_seed(0)
z = torch.randn(32, 100)
with torch.no_grad():
    images = network(z)
    for parameter in network.parameters():
        if parameter.ndim > 1 and parameter.shape[1] != 3:
            parameter *= 10
    moved = (network(z) - images).abs().max()
print("the images move by less than a hundredth:", bool(moved < 0.01))

# %% [markdown]
# The images hardly notice. What counts is the last layer, which nothing normalises, and how much a
# weight can change in training. DCGAN's optimizer is Adam, whose first step moves every weight by
# about its learning rate, 0.0002 (lesson 08), whatever the gradient. Four deviations; how
# different are the pixels, how many of them are beyond ±0.99, and how far does one step go?

# %%
for deviation in (0.002, 0.02, 0.2, 1.0):
    torch.manual_seed(0)
    network = Generator()
    experiments.set_deviation(network, deviation)
    images = network(z)
    images.square().mean().backward()
    first = max(network.parameters(), key=torch.numel)  # of the dense layer
    before = first.detach().clone()
    torch.optim.Adam(network.parameters(), lr=0.0002).step()
    step = (first - before).abs().mean() / deviation
    saturated = (images.abs() > 0.99).float().mean()
    print(f"{deviation:5}: pixels' deviation {images.std():.2f}, ", end="")
    print(f"{saturated:.0%} beyond 0.99, a step is {step:.2%} of a weight")

# %% [markdown]
# With deviation 1, most numbers of an image start near −1 or 1, in garish colours: there tanh is
# flat, and hardly any gradient gets through. And a step moves a weight by a fiftieth of a percent, so
# that it keeps its random value for thousands of steps. With 0.02 the images start out grey, where
# tanh is steep, and a hundred steps can replace a weight. With 0.002, ten steps can, so too small a
# start is soon made up for. 0.02 is a good choice and not a magic number.

# %% [markdown]
# ## A loss that teaches while it loses
#
# The discriminator minimises −log D(real) − log(1 − D(fake)), with D = sigmoid(logit) (lesson 05).
# The generator is its opponent, so in the game as Goodfellow et al. (2014) define it, it minimises
# the opposite: **log(1 − D(fake))**. The same paper advises against it, and takes **−log D(fake)**
# instead. Both are smallest where the discriminator takes a fake for real. What is the difference?
#
# At the start, the discriminator finds its task easy. Say that it gives a fake the logit −5:

# %%
losses = {
    "saturating, log(1 - D)": lambda logits: F.logsigmoid(-logits).mean(),
    "non-saturating, -log D": lambda logits: -F.logsigmoid(logits).mean(),
}
slopes = []
for name, loss in losses.items():
    logit = torch.tensor([-5.0], requires_grad=True)
    loss(logit).backward()
    slopes.append(logit.grad.item())
    print(f"{name}: gradient {slopes[-1]:.4f}")
factor = slopes[1] / slopes[0]
print(f"{factor:.0f} times as much, which is e to the power of {np.log(factor):.0f}")

# %% [markdown]
# Both say: up with the logit. The first says it in a whisper. Its gradient is −D, which is almost
# 0 just where the generator is bad; the other's is −(1 − D), almost −1. Over all logits:

# %%
logits = torch.linspace(-8, 8, 200, requires_grad=True)
curves = {}
for name, loss in losses.items():
    values = torch.stack([loss(logit[None]) for logit in logits])
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    curves[name] = values.tolist(), gradient.abs().tolist()

# %%
figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.2))
labels = ("generator's loss", "size of its gradient")
titles = ("The same aim: up with the logit", "Only one insists when losing")
for place, ax in enumerate(panels):
    for (name, curve), style in zip(curves.items(), ("--", "-"), strict=True):
        ax.plot(logits.tolist(), curve[place], style, label=name)
    ax.set(xlabel="logit of a fake", ylabel=labels[place], title=titles[place])
panels[0].legend(fontsize=9)
panels[1].axvline(-5, color=plots.GREY, linewidth=1, linestyle=":")
alt = "Both losses fall from left to right. The saturating one's gradient grows from 0 to 1, the "
plots.show(figure, alt=alt + "other's falls from 1 to 0; at -5 they are 0.007 and 0.993.")

# %% [markdown]
# The first loss **saturates** where the discriminator is sure of its case, the second does not.
#
# **Exercise 5** `generator_loss` (●○○, 4 min). Return the non-saturating loss of a batch of logits of
# shape (N, 1): the mean of −log D over the batch, with D = sigmoid(logit), a tensor with one number.
# It has to be finite for logits of ±200 too, so leave it to PyTorch to take both, sigmoid and
# logarithm, in one step.


# %% exercise="generator_loss" points=1
def generator_loss(fake_logits):
    """The generator's loss, small where its images pass for real."""
    ### BEGIN SOLUTION
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    ### END SOLUTION


# %% check="generator_loss"
generator_loss = check.generator_loss(generator_loss)

# %% [markdown]
# A common answer is to turn round the sign of the discriminator's loss. What does the check say to
# it?


# %%
def opposite_of_the_discriminator(fake_logits):
    return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


check.generator_loss.look_at(opposite_of_the_discriminator)

# %% [markdown]
# Does such a thing happen in a real network? Here a discriminator learns for 60 steps while the
# generator stands still, and every five steps both losses are asked how strong a gradient they
# would give to the generator's weights:

# %%
from helpers.pytorch.discriminator import build_discriminator

torch.manual_seed(0)
losses = {"saturating": losses["saturating, log(1 - D)"], "non-saturating": generator_loss}
network = Generator(conv_dim=16).apply(init_weights)
digits, _ = load_images("street_digits", "train", count=1000)
seen = experiments.discriminator_alone(network, build_discriminator(conv_dim=16), digits, losses)
faded = {name: norms[-1] / norms[0] for name, norms in seen.norms.items()}
print("the mean logit of a fake is below -3:", seen.logits[-1] < -3)
print("a tenth of the saturating gradient is left, or less:", faded["saturating"] < 0.1)
print("the non-saturating one is larger than at the start:", faded["non-saturating"] > 1)

# %%
figure, ax = plt.subplots()
for (name, norms), style in zip(seen.norms.items(), ("--", "-"), strict=True):
    ax.plot(seen.steps, norms, style, label=name)
ax.set(yscale="log", xlabel="steps of the discriminator", ylabel="length of the gradient")
ax.set_title("The surer the discriminator, the quieter the saturating loss")
ax.legend(loc="lower left")
plots.show(
    figure, alt="The saturating gradient falls by more than a factor of ten; the other rises."
)

# %% [markdown]
# That is why the loss that everyone uses is not the one of the definition. For a single fake both
# point the same way, only one whispers where it matters. Over a batch they also weight the fakes
# differently: the first listens to those that pass already, the second to those that do not. Where
# the game ends is the same (Goodfellow et al., 2014).

# %% [markdown]
# ## A walk through latent space
#
# Back to the trained generator. Training has shown it nothing but random vectors. What do these
# have in common? Their **norm**, for one thing, which is the length $\|z\|$, the root of the sum of
# the squares. The squares are 1 on average, and there are 100, so we expect about √100 = 10. And
# the point in the middle between two random vectors?

# %%
rng = np.random.default_rng(0)
one, other = rng.standard_normal((2, 10_000, 100))
lengths = {"random vectors": latent_space.norm(one)}
lengths["middle between two"] = latent_space.norm((one + other) / 2)
for name, values in lengths.items():
    print(f"{name}: {values.mean():.1f} long on average")
typical = lengths["middle between two"].mean()
shorter = int((lengths["random vectors"] < typical).sum())
print(f"random vectors that are shorter than a typical middle: {shorter} of 10,000")

# %%
figure, ax = plt.subplots()
bins = np.arange(4, 14, 0.1)
for (name, values), color in zip(lengths.items(), (plots.BLUE, plots.ORANGE), strict=True):
    ax.hist(values, bins, color=color, alpha=0.7, label=name)
ax.set(xlabel="length of the vector", ylabel="vectors of 10,000")
ax.set_title("The middle between two random vectors is no random vector")
ax.legend()
plots.show(figure, alt="Two heaps that hardly touch: middles around 7, random vectors around 10.")

# %% [markdown]
# Two heaps that hardly touch. Random vectors are all about 10 long: they lie in a thin shell round
# 0. And any two of them stand almost at a right angle, so that the straight line between them, the
# **linear interpolation** $(1 - t)\,a + t\,b$, cuts through the inside of the shell, where the
# generator has hardly ever been. **Spherical interpolation** (White, 2016, brought it to generators)
# takes the arc instead: here, the direction turns evenly from $a$ to $b$, and the length changes
# evenly from one to the other.
#
# Does the generator care? The number below each image is the length of its vector:

# %%
t = np.linspace(0, 1, 8)
a, b = one[9], other[9]
line = latent_space.interpolate_linear(a, b, t)
arc = latent_space.interpolate_spherical(a, b, t)
figure = plots.image_grid(
    experiments.images_of(trained, np.concatenate([line, arc])),
    8,
    "Half-way, the straight line loses contrast; the arc keeps it",
    row_labels=["straight line", "arc"],
    captions=[f"{length:.1f}" for length in latent_space.norm(np.concatenate([line, arc]))],
)
plots.show(
    figure, alt="Two rows of eight images, equal at both ends. Lengths above 9 in the second."
)

# %% [markdown]
# One pair proves nothing. So take the middles of 1,000 pairs, on the line and on the arc, and for
# comparison random vectors, twice a thousand, and some 1.5 times as long. The **contrast** of an image
# is the deviation of its pixels, in grey levels:

# %%
pairs = list(zip(one[:1000], other[:1000], strict=True))
vectors = {
    "random": one[:1000],
    "other random ones": one[1000:2000],
    "middle of the line": [latent_space.interpolate_linear(a, b, 0.5) for a, b in pairs],
    "middle of the arc": [latent_space.interpolate_spherical(a, b, 0.5) for a, b in pairs],
    "random, 1.5 times": 1.5 * one[:1000],
}
found = {name: experiments.images_of(trained, np.stack(z)) for name, z in vectors.items()}
for name, images in found.items():
    print(f"{name:>18}: contrast {images.std(axis=(1, 2, 3)).mean():.0f}")

# %% [markdown]
# In the middle of the line a good part of the contrast is gone; on the arc there is as much as
# anywhere. Are the images worse, too? The judge of lesson 02 compares them with real images; a
# smaller distance is better:

# %% tags=["nbval-ignore-output"]
from helpers.metrics import judge

distance = {name: judge(images).distance for name, images in found.items()}
for name, value in distance.items():
    print(f"{name:>18}: distance {value:.0f}")

# %%
ratio = {name: value / distance["random"] for name, value in distance.items()}
for name in list(vectors)[1:]:
    verdict = "above 3" if ratio[name] > 3 else "below 2" if ratio[name] < 2 else "2 to 3"
    print(f"{name:>18}: times as far as random: {verdict}")
print("other random ones, other by more than a tenth:", abs(ratio["other random ones"] - 1) > 0.1)

# %% [markdown]
# The middles of the line are clearly worse. The others differ from the random ones little more than
# two sets of random ones from each other; the middles of the line are several times as far. The usual
# explanation is that the generator does not know such short vectors. It cannot be the whole
# explanation: it does not know vectors that are 1.5 times as long either, and their images are hardly
# worse. What short vectors lack is contrast. The first layer has no bias, so a shorter vector makes
# all its outputs smaller; batch normalisation, which in eval mode divides by what it recorded in
# training, does not make up for it, and so it goes on through the network.
#
# Now walk yourself. In the first tab the two directions are random ones and the map shows where
# they lead; in the second you choose two images.
#
# 1. Move *Direction 1* slowly from one end to the other. Does the image jump, or flow?
# 2. *Back to the start*, then *Multiply z by* 0. Every start ends in this one image. Why?
# 3. Multiply by 3. What happens to the contrast?
# 4. In the second tab, move *Share of the way*. Where do the two ways differ most?
# 5. Go from a light digit to a dark one. What happens on the way, even on the arc?

# %%
from helpers.widgets.generator import LatentWalk

LatentWalk()

# %% [markdown]
# It flows: neighbouring vectors make similar images. The authors of DCGAN walk for this reason:
# sharp transitions would be a sign that the training images were learned by heart. At 0 all starts
# are one and the same vector. Three times as long, the first layer puts out three times as much, and
# in the end tanh is driven towards −1 and 1. The two ways differ most near the middle, where the
# line is closest to 0. And between light on dark and dark on light there is a point without
# contrast; no way avoids it.
#
# And which way is right? The arc keeps the length and with it the contrast. Between vectors at a
# small angle the two hardly differ.

# %% [markdown]
# ## The same in Keras
#
# Keras differs in three things: an image is (height, width, channels), `padding="same"` does what
# padding 1 does in PyTorch for kernel 4 and stride 2 (lesson 03), and a layer is told only how many
# channels it puts out.

# %%
from helpers import parity
from helpers.keras import generator as keras_reference
from helpers.keras import keras

layers = keras.layers

# %% [markdown]
# **Exercise 6** `build_generator` (●●●, 12 min). Return a Keras model from z (N, latent_dim) to
# images (N, 32, 32, 3) in (−1, 1): `Dense` to 4 · 4 · 4·conv_dim numbers, reshaped to (4, 4,
# 4·conv_dim), batch normalisation (before or after the reshape), ReLU; two `Conv2DTranspose` with
# stride 2 and padding "same", to 8 × 8 with 2·conv_dim and to 16 × 16 with conv_dim filters, each
# followed by batch normalisation and ReLU; a third to 32 × 32 with 3 filters, followed by tanh
# alone. Kernel 4, or 5 as in the paper. No bias where a batch normalisation follows. Sequential,
# functional or subclassed, as you like.
#
# (With `momentum=0.9, epsilon=1e-5` batch normalisation computes what PyTorch's does; the check
# takes any.)


# %% exercise="build_generator" points=4
def build_generator(latent_dim=100, conv_dim=32):
    """Random numbers (N, latent_dim) to images (N, 32, 32, 3) in (-1, 1)."""
    ### BEGIN SOLUTION
    z = keras.Input((latent_dim,))
    x = layers.Dense(4 * 4 * 4 * conv_dim, use_bias=False)(z)
    x = layers.Reshape((4, 4, 4 * conv_dim))(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    x = layers.ReLU()(x)
    for channels in (2 * conv_dim, conv_dim):
        x = layers.Conv2DTranspose(channels, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = layers.ReLU()(x)
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x)
    return keras.Model(z, x)
    ### END SOLUTION


# %% check="build_generator"
build_generator = check.build_generator(build_generator)

# %% [markdown]
# Does it compute the same? Give it the weights of the trained PyTorch generator. `to_keras` turns
# the kernels' axes round and sorts the dense layer's outputs, which PyTorch reads as (channels,
# height, width) and Keras as (height, width, channels). It refuses a network that is built otherwise
# than the trained one (another kernel; batch normalisation before the reshape, or with Keras' own
# epsilon of 0.001; layers of your own), which may be right all the same; then the course's takes
# the place of yours.

# %%
torch.manual_seed(0)
z = torch.randn(8, 100)
twin = build_generator()
twin(z.numpy())  # some kinds of model make their weights when they are first called
torch_images = trained(z).detach().permute(0, 2, 3, 1).numpy()


def largest_difference(network):
    parity.to_keras(trained, network)
    images = keras.ops.convert_to_numpy(network(z.numpy(), training=False))
    return np.abs(images - torch_images).max()


# %%
try:
    if largest_difference(twin) > 1e-4:
        raise ValueError("Its maps of 4 x 4 are read in another order.")
except ValueError as error:
    print("Yours is right, but built otherwise than the trained one.", error)
    twin = keras_reference.build_generator()
print("largest difference of any pixel below 0.0001:", bool(largest_difference(twin) < 1e-4))
keras_images = keras.ops.convert_to_numpy(twin(z.numpy(), training=False))

# %%
figure = plots.image_grid((keras_images + 1) / 2, 8, "Trained in PyTorch, drawn by Keras")
plots.show(figure, alt="Eight images in the manner of the trained generator.")

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. A transposed convolution has kernel 4, stride 2, padding 1. Written as a convolution over a zero-stuffed image, what is its stride?**
#
# <details><summary>2</summary>No. The stride of 2 has become the zeros between the pixels.</details>
# <details><summary>½</summary>No. That is what it amounts to on the original pixels; the window over the stuffed image cannot move by half a cell.</details>
# <details><summary>1</summary>Yes. And because the pixels are now two cells apart, that is half a pixel of the original.</details>

# %% [markdown]
# **2. Why is kernel 4 preferred to kernel 3 at stride 2?**
#
# <details><summary>All output pixels get equally many weights</summary>Yes. With kernel 3 they get 4, 2, 2 or 1, and training has to make up for it.</details>
# <details><summary>With kernel 4 there can be no checkerboard</summary>No. The four kinds of pixels have different weights, and can put out different numbers.</details>
# <details><summary>Kernel 3 cannot double the size</summary>No. With padding 1 and output_padding 1 it does.</details>

# %% [markdown]
# **3. Why is there no batch normalisation on the generator's output?**
#
# <details><summary>Because tanh would undo it</summary>No. It would be before the tanh, like everywhere.</details>
# <details><summary>Because the images are to have brightness and contrast of their own, and with it the samples oscillated</summary>Yes. That is the paper's experience; every batch would be forced to one mean and deviation per colour.</details>
# <details><summary>Because the last layer has a bias</summary>No. That is the consequence: it has one because no batch normalisation follows.</details>

# %% [markdown]
# **4. You double `conv_dim`. How does the number of parameters grow?**
#
# <details><summary>It doubles</summary>No. That holds for the dense layer, the last layer and the batch normalisations.</details>
# <details><summary>By more than double and less than four times</summary>Yes. The dense layer doubles, the hidden convolutions grow fourfold.</details>
# <details><summary>Fourfold</summary>No. That holds for the hidden convolutions only; the dense layer has as many inputs as before.</details>

# %% [markdown]
# **5. The discriminator gives every fake the logit −5. What does the generator learn from log(1 − D)?**
#
# <details><summary>Hardly anything: the gradient is about 0.007 per logit</summary>Yes. −log D has 0.993 there, 148 times as much.</details>
# <details><summary>The wrong thing: the gradient points the other way</summary>No. Both want larger logits; only the size differs.</details>
# <details><summary>As much as from −log D</summary>No. That holds at logit 0, where both gradients are ½.</details>

# %% [markdown]
# **6. What is special about the middle of the straight line between two random vectors of 100 numbers?**
#
# <details><summary>Nothing: the normal distribution is densest at 0, so it is more likely than its ends</summary>No. The *density* is highest at 0, but hardly any space is there; the lengths show it.</details>
# <details><summary>Its image is the average of the two images</summary>No. The generator is not linear.</details>
# <details><summary>It is about 7 long, and random vectors are about 10</summary>Yes. √50 instead of √100, and hardly any vector of the training was as short.</details>

# %% [markdown]
# ## What to remember
#
# - z → dense → 128 maps of 4 × 4 → three transposed convolutions → 3 × 32 × 32. Batch normalisation
#   and ReLU after every layer but the last; tanh there, for images in [−1, 1].
# - A transposed convolution is a convolution with stride 1 over pixels with zeros between them, with
#   the kernel turned round. It brings back the shape and not the values.
# - With a kernel that is no multiple of the stride, output pixels get unequally many weights, and
#   checkerboards come easily. Kernel 4 is even, but a checkerboard can still be left.
# - First weights from N(0, 0.02): grey images, a tanh that lets the gradient through, and steps that
#   count.
# - −log D instead of log(1 − D): up with the logit, too, but the gradient does not fade where the
#   generator loses.
# - Random vectors of 100 numbers are all about 10 long. In the middle of the straight line between
#   two it is 7, and the image loses contrast; on the arc it does not.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - V. Dumoulin, F. Visin, “A guide to convolution arithmetic for deep learning”, 2016,
#   [arXiv:1603.07285](https://arxiv.org/abs/1603.07285).
# - A. Odena, V. Dumoulin, C. Olah, “Deconvolution and checkerboard artifacts”, Distill, 2016,
#   [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# - T. White, “Sampling generative networks”, 2016,
#   [arXiv:1609.04468](https://arxiv.org/abs/1609.04468).

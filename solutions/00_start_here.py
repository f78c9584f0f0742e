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
# # Start here
#
# In ten minutes you will know what this course builds, how its exercises answer you, and whether
# your computer is ready for it.
#
# | | |
# |---|---|
# | **Time** | 10 minutes |
# | **You need** | Python: functions, loops, lists. No network, no GPU. |
# | **Afterwards you can** | say what the two networks of a GAN do; read a check's diagnosis and act on it; find help when you are stuck |
#
# {{colab_badge}}

# %% [markdown]
# The first cell of every lesson finds the course's `helpers` package and tells you whether the
# notebook and the package belong together. Click into it and press **Shift + Enter** to run it.

# %% tags=["setup"]
# {{setup}}

# %% [markdown]
# ## What a GAN is
#
# A **generative adversarial network** (GAN) is a pair of neural networks that learn by playing
# against each other (Goodfellow et al., 2014). The **generator** turns random numbers into an
# image. The **discriminator** looks at an image and says whether it is real, from the data, or
# fake, from the generator. What does each of them learn from?

# %%
from helpers import plots

plots.use_style()
plots.show(
    plots.draw_gan(),
    alt="Random numbers go through the generator and become a fake image. Fake and real images "
    "go to the discriminator, which says real or fake. Its answer teaches both networks.",
)

# %% [markdown]
# Follow the dashed arrows: one and the same answer teaches both. The images of this course are
# photographs of house numbers, 32 × 32 pixels small (the data set SVHN; Netzer et al., 2011), and
# drawings that look like them. Nobody tells the generator what a house number looks like. It only
# feels which change to its image would have fooled the discriminator, and the discriminator gets
# better at not being fooled.
#
# A **deep convolutional GAN** (DCGAN; Radford et al., 2015) is a GAN whose two networks are built
# of convolutions in a way that trains well. At the end of the course you will have built one twice,
# in PyTorch and in TensorFlow, and you will be able to explain each of its layers.

# %% [markdown]
# ## The map
#
# | Lesson | You learn | Minutes |
# |---|---|---|
# | [00 Start here](00_start_here.ipynb) | how the course works | 10 |
# | [01 Parametric models](01_parametric_models.ipynb) | what a model keeps of its data | 45 |
# | [02 Pixel scaling](02_pixel_scaling.ipynb) | how images go in and come out, and what the range changes | 45 |
# | [03 Convolution shapes](03_conv_shapes.ipynb) | what size comes out of any convolution, and why | 60 |
# | [04 Batch normalisation](04_batch_norm.ipynb) | what it computes, and what it is good for | 60 |
# | [05 The discriminator](05_discriminator.ipynb) | strided convolutions instead of pooling, and a look into a trained network | 80 |
# | [06 The generator](06_generator.ipynb) | convolutions that enlarge, and a walk through what they make | 75 |
# | [07 GradientTape](07_gradient_tape.ipynb) | how TensorFlow differentiates, and a train step | 70 |
# | [08 Training](08_training.ipynb) | the whole thing, and what can go wrong | 60 |
# | [09 Nash equilibrium](09_nash_equilibrium.ipynb) | what the two players can converge to | 60 |
# | [10 Improvements](10_improvements.ipynb) | which changes help, measured | 80 |
#
# Each lesson stands on its own feet: it names what it needs from earlier ones, and you can start
# anywhere.

# %% [markdown]
# ## How exercises work
#
# An exercise is a function with a gap. Below it stands a cell that checks your answer: it calls
# your function with numbers chosen to tell mistakes apart, and if it knows yours, it says so.
#
# Here is an answer that is wrong on purpose. The question was: how many numbers is a colour image
# of `height` rows and `width` columns made of? What does the check say to it?

# %%
from helpers.checks import start_here as check


def a_wrong_pixel_count(height, width, channels=3):
    return height * width


check.pixel_count.look_at(a_wrong_pixel_count)

# %% [markdown]
# The check did not read the code. It saw the numbers that came back, and they are those of
# somebody who forgets the channels.
#
# Now you. Every exercise says how hard it is (●○○ easy, ●●● hard) and how long it takes. Replace
# the line `raise NotImplementedError`, run the cell, and run the check below it.
#
# **Exercise 1** `pixel_count` (●○○, 2 min). Return how many numbers an image of `height` rows,
# `width` columns and `channels` numbers per pixel is made of.


# %% exercise="pixel_count" points=1
def pixel_count(height, width, channels=3):
    """How many numbers an image is made of."""
    ### BEGIN SOLUTION
    return height * width * channels
    ### END SOLUTION


# %% check="pixel_count"
pixel_count = check.pixel_count(pixel_count)

# %% [markdown]
# A check hands something back: your own function if it passed, otherwise the course's. So no
# lesson stops at an exercise that you leave out, and the next cell works in either case. How many
# numbers does the generator of this course have to get right in one image?

# %%
numbers_per_image = pixel_count(32, 32)
print(f"An image of 32 x 32 pixels is {numbers_per_image} numbers.")

# %% [markdown]
# In this course the generator makes those 3072 numbers from 100 random ones. You will see how.

# %% [markdown]
# ## When you are stuck
#
# | You type | You get |
# |---|---|
# | `check.pixel_count.hint()` | the first hint, then the next with every call |
# | `check.pixel_count.solution()` | an answer, and the course's reference implementation |
# | `check.progress()` | the exercises of this lesson, and which of them you have passed |
#
# Try one. The first hint never gives the answer away.

# %%
check.pixel_count.hint()

# %% [markdown]
# Where do you stand?

# %%
check.progress()

# %% [markdown]
# ## Is your computer ready?
#
# The next cell looks at your Python, the packages, the device that will compute, and the disk.
# What it shows is about your machine, so it looks different from everybody else's.

# %% tags=["nbval-ignore-output", "no-output"]
from helpers.doctor import doctor, widget_test

doctor()

# %% [markdown]
# If the line below the table says that everything is here, you can go on. Otherwise it names the
# remedy.
#
# Some lessons have sliders. Does one show up below, and does the text follow it when you move it?

# %%
widget_test()

# %% [markdown]
# If you see only a line of text, the lessons still work; where a widget explains something, the
# text beside it does too.

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. What is the generator given as input?**
#
# <details><summary>Real images</summary>No. Only the discriminator ever sees real images.</details>
# <details><summary>Random numbers</summary>Yes. Other numbers give another image.</details>
# <details><summary>The discriminator's verdict</summary>No. The verdict decides how it is changed, but it is not its input.</details>

# %% [markdown]
# **2. What teaches the generator?**
#
# <details><summary>The difference between its image and the nearest real one</summary>No. Nothing compares the two; the generator never meets a real image.</details>
# <details><summary>Labels that people wrote</summary>No. A DCGAN needs no labels: it is unsupervised.</details>
# <details><summary>The discriminator's answer to its image</summary>Yes. It is changed so that the answer moves towards “real”.</details>

# %% [markdown]
# **3. You skip an exercise. What happens in the cells below it?**
#
# <details><summary>They use the course's answer, and the check says so</summary>Yes. You can read on and come back later.</details>
# <details><summary>They stop with an error</summary>No. The check hands out the course's own function, and they use that.</details>
# <details><summary>They use your unfinished function</summary>No. Only an answer that passed is handed on.</details>

# %% [markdown]
# ## What to remember
#
# - A GAN is two networks: a generator that makes images from random numbers, and a discriminator
#   that tells real from fake. One answer teaches both.
# - A check tells you what it saw, names known mistakes, and always gives you something to go on
#   with.
# - `.hint()`, `.solution()` and `check.progress()` are there in every lesson.

# %% [markdown]
# ## References
#
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - Y. Netzer et al., “Reading digits in natural images with unsupervised feature learning”, NIPS
#   workshop, 2011 (SVHN).
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).

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
# # Parametric and non-parametric models
#
# You make new handwritten digits with three models, and find out what each of them has to keep of
# the data to do so.
#
# | | |
# |---|---|
# | **Time** | 45 minutes |
# | **You need** | Python and a little numpy; what a mean, a standard deviation and a normal distribution are |
# | **Afterwards you can** | tell a parametric from a non-parametric model; count what a model keeps; sample from a Gaussian and from a kernel density estimate; find out whether a model copies its training images |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %% [markdown]
# Everything here is numpy. scikit-learn brings the data and, later, a few models to look into.

# %%
import numpy as np
from sklearn.datasets import load_digits

from helpers import parametric_models as models
from helpers import plots
from helpers.checks import parametric_models as check

plots.use_style()

# %% [markdown]
# ## Real digits
#
# In the 1990s 43 people wrote digits into forms (Alpaydin and Kaynak, 1998). A part of them comes
# with scikit-learn, shrunk to 8 × 8 pixels. Each image is one **row** of `x`, and each pixel a
# number from 0 to 1. How many are there, and what do they look like?

# %%
digits = load_digits()
x, labels = digits.data / 16, digits.target
n, dim = x.shape
print(f"{n} images of {dim} pixels, which is {x.size} numbers from {x.min():g} to {x.max():g}")
plots.show(
    plots.image_grid(x[:30].reshape(-1, 8, 8), 15, "Real digits, written by hand", size=0.45),
    alt="Thirty small grey images of the digits 0 to 9 in different hands.",
)

# %% [markdown]
# A **generative model** makes new images that could have been among these. To do that it has to
# keep something of the data. Two kinds of models differ in what they keep:
#
# - A **parametric** model keeps a number of parameters that is **fixed before it sees data**. More
#   data make their values better, but add none.
# - A **non-parametric** model keeps something that **grows with the data**. The name misleads: such
#   a model has parameters, often very many.

# %% [markdown]
# ## What does a Gaussian keep?
#
# A **Gaussian** (normal distribution) over images of $d$ pixels has a **mean**, a vector of $d$
# numbers, and a **covariance**, a $d \times d$ matrix. Its diagonal holds the variance of each
# pixel; the entry $(i, j)$ says whether pixels $i$ and $j$ tend to be bright together. Since $(i, j)$
# and $(j, i)$ are the same pair of pixels, the matrix is symmetric.
#
# **Exercise 1** `gaussian_parameter_count` (●○○, 3 min). Return how many different numbers a
# Gaussian in `dim` dimensions has, mean and covariance together, as an int. A number that symmetry
# forces to be equal to another counts once.


# %% exercise="gaussian_parameter_count" points=1
def gaussian_parameter_count(dim):
    """Parameters of a Gaussian in dim dimensions."""
    ### BEGIN SOLUTION
    return dim + dim * (dim + 1) // 2
    ### END SOLUTION


# %% check="gaussian_parameter_count"
gaussian_parameter_count = check.gaussian_parameter_count(gaussian_parameter_count)

# %% [markdown]
# ## What does a kernel density estimate keep?
#
# A **kernel density estimate** (KDE) makes no assumption about the shape of the distribution. It
# puts a small Gaussian bump, the **kernel**, on every training image; the density is the average of
# all the bumps. One number, the **bandwidth** $h$, says how wide they are: it is the standard
# deviation of the bump in every pixel.
#
# **Exercise 2** `kde_parameter_count` (●○○, 2 min). Return how many numbers a KDE of `n` images with
# `dim` pixels has to keep: the images themselves and one bandwidth for all, as an int.


# %% exercise="kde_parameter_count" points=1
def kde_parameter_count(n, dim):
    """Numbers that a kernel density estimate of n images keeps."""
    ### BEGIN SOLUTION
    return n * dim + 1
    ### END SOLUTION


# %% check="kde_parameter_count"
kde_parameter_count = check.kde_parameter_count(kde_parameter_count)

# %% [markdown]
# ## The picture to remember
#
# Let us count for the images of this course, 32 × 32 pixels in three colours, 3072 numbers each.
# We add three more models. A mixture of ten Gaussians has ten means and covariances, and ten shares
# that add up to 1, so nine of them are free. **k nearest neighbours** (k-NN) keeps every image and
# its label. The generator of a DCGAN keeps the weights of its layers; `models` counts those of the
# one that you will build in lesson 06.

# %%
size = 32 * 32 * 3
dcgan = models.dcgan_generator_parameter_count(latent_dim=100, conv_dim=32)
flat = {
    "mixture of 10 Gaussians": models.gaussian_mixture_parameter_count(10, size),
    "Gaussian": gaussian_parameter_count(size),
    "DCGAN's generator": dcgan,
}
for name, count in flat.items():
    print(f"{name}: {count:,} parameters, for any number of images")

# %% [markdown]
# How do these compare with the models that keep images, as the number of images $N$ grows?

# %%
images = np.logspace(0, 6, 50).astype(int)
figure, ax = plots.plt.subplots(figsize=(7.4, 3.8))
for (name, count), color in zip(flat.items(), (plots.SKY, plots.BLUE, plots.GREEN), strict=True):
    ax.plot(images, np.full(len(images), count), color=color)
    ax.text(1.3, count * 1.25, name, color=color, va="bottom")
kde = [kde_parameter_count(int(count), size) for count in images]
knn = [models.nearest_neighbours_parameter_count(int(count), size) for count in images]
ax.plot(images, kde, color=plots.RED)
ax.plot(images, knn, color="black", linestyle=(0, (1, 3)))
ax.text(9e5, 1.1e7, "KDE (solid), k-NN (dotted)", color=plots.RED, ha="right")
ax.set(xscale="log", yscale="log", xlim=(1, 1e6), xlabel="training images N")
ax.set(ylabel="numbers kept", title="Parametric models stay flat, non-parametric ones grow")
plots.show(figure, alt="Three flat lines and, for KDE and k-NN, one line that rises with N.")

# %% [markdown]
# KDE and k-NN lie on each other: one label per image does not show beside 3072 pixels. From which
# number of images on does the KDE keep more than the DCGAN, and more than one Gaussian?

# %%
for name in ("DCGAN's generator", "Gaussian"):
    first = next(n for n in range(1, 10_000) if kde_parameter_count(n, size) > flat[name])
    print(f"From {first} images on, a KDE keeps more numbers than the {name} has.")

# %% [markdown]
# 121 images are nothing. Note two more things. Parametric does not mean small: one Gaussian has
# nearly thirteen times as many parameters as the DCGAN's generator. And a parametric model is not
# automatically a good one; its number of parameters is fixed, that is all.
#
# How much is that on disk? We take 4 bytes per number, for the digits of this lesson and for the
# 73,257 house numbers in the training set of SVHN, which you will meet later.

# %%
gan = models.DigitsGenerator()
for data, number, pixels in [("digits", n, dim), ("SVHN", 73_257, size)]:
    network = gan.parameter_count if data == "digits" else dcgan
    kept = {
        "Gaussian": gaussian_parameter_count(pixels),
        "generator of a GAN": network,
        "KDE": kde_parameter_count(number, pixels),
    }
    for name, count in kept.items():
        print(f"{data:>6}, {name:<18} {count:>11,} numbers {4 * count / 1e6:>8.2f} MB")

# %% [markdown]
# The KDE of SVHN needs 900 MB, the DCGAN 1.5 MB, and every further image makes the first larger and
# leaves the second as it is.

# %% [markdown]
# ## A Gaussian makes digits
#
# To fit a Gaussian means to compute the mean and the covariance of the data:
#
# $$\text{mean} = \frac{1}{n} \sum_i x_i \qquad
# \text{cov} = \frac{1}{n - 1} \sum_i (x_i - \text{mean})(x_i - \text{mean})^\top$$
#
# **Exercise 3** `fit_gaussian` (●●○, 5 min). `x` has shape (n, dim), an image in each row. Return
# `mean, cov`: the mean of each pixel, shape (dim,), and the covariance, shape (dim, dim), **divided
# by n − 1** as `numpy.cov` does it. (Some books divide by n; for many images it makes hardly any
# difference.) Leave `x` as it is.


# %% exercise="fit_gaussian" points=2
def fit_gaussian(x):
    """Mean, shape (dim,), and covariance, shape (dim, dim), of the rows of x."""
    ### BEGIN SOLUTION
    mean = x.mean(axis=0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)
    ### END SOLUTION


# %% check="fit_gaussian"
fit_gaussian = check.fit_gaussian(fit_gaussian)

# %% [markdown]
# Now the way back, from parameters to images. Start with **standard normal** noise $z$: independent
# numbers with mean 0 and deviation 1. Then $\text{mean} + A z$ is a sample of the Gaussian if
# $A A^\top = \text{cov}$. Which $A$ you take does not matter; there are several ways to get one.
#
# One obstacle is real. Are all pixels of the zeros used?

# %%
mean, cov = fit_gaussian(x[labels == 0])
constant = int((np.diag(cov) == 0).sum())
print(f"{constant} of {dim} pixels have the same value in all zeros.")
try:
    np.linalg.cholesky(cov)
except np.linalg.LinAlgError:
    print("numpy.linalg.cholesky refuses this covariance.")

# %% [markdown]
# A pixel without variance makes the covariance **singular**: it has no inverse, and numpy's Cholesky
# factor wants a positive definite matrix. Eigenvectors, a singular value decomposition or
# `rng.multivariate_normal` do not mind, and neither does Cholesky if you add something tiny (1e-6)
# to the diagonal.
#
# **Exercise 4** `sample_gaussian` (●●○, 7 min). Draw `n` samples and return them as an array of shape
# (n, dim), also for `n` = 1. `rng` is a `numpy.random.Generator`: take all randomness from its
# methods. The covariance may be singular. Do not clip: a Gaussian knows no range.


# %% exercise="sample_gaussian" points=2
def sample_gaussian(mean, cov, n, rng):
    """n samples, shape (n, dim), of the Gaussian with this mean and covariance."""
    ### BEGIN SOLUTION
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(values.clip(min=0))  # rounding can leave a value just below 0
    return mean + rng.standard_normal((n, len(mean))) @ root.T
    ### END SOLUTION


# %% check="sample_gaussian"
sample_gaussian = check.sample_gaussian(sample_gaussian)

# %% [markdown]
# One Gaussian for all digits, or one for each of the ten? The first row below comes from one for
# all, the others from one per digit.

# %%
rng = np.random.default_rng(1)
for_all = sample_gaussian(*fit_gaussian(x), 10, rng)
per_digit = np.stack(
    [sample_gaussian(*fit_gaussian(x[labels == digit]), 3, rng) for digit in range(10)], axis=1
)
samples = np.concatenate([for_all, per_digit.reshape(30, dim)]).reshape(-1, 8, 8)
title = "One Gaussian blends all digits; one per digit makes readable ones"
names = ["one for all", "one per digit", "", ""]
plots.show(
    plots.image_grid(samples, 10, title, row_labels=names, size=0.55),
    alt="First row: blurred mixtures of digits. Three more rows: digits 0 to 9, mostly readable.",
)

# %% [markdown]
# One bump in 64 dimensions is too simple for ten digits. Ten bumps do better, and they do something
# else: ask for a 3 and you get a 3. You have just **generated images from labels**, with a model far
# older than neural networks. It knows what two pixels do together, but not what three do; look at
# the 8s.

# %% [markdown]
# ## A kernel density estimate makes digits
#
# The density is an average of bumps. So drawing from it takes two steps: pick one of the bumps, then
# draw from that bump.
#
# **Exercise 5** `sample_kde` (●●○, 5 min). Return `n` samples, shape (n, dim). Each one is a row of
# `x`, **drawn at random with replacement**, plus independent normal noise in every pixel, whose
# **standard deviation is** `bandwidth`. `n` may be larger than the number of rows. Take all
# randomness from `rng`, do not clip, and leave `x` as it is.


# %% exercise="sample_kde" points=2
def sample_kde(x, bandwidth, n, rng):
    """n samples, shape (n, dim), of the kernel density estimate of the rows of x."""
    ### BEGIN SOLUTION
    rows = rng.integers(len(x), size=n)
    return x[rows] + bandwidth * rng.standard_normal((n, x.shape[1]))
    ### END SOLUTION


# %% check="sample_kde"
sample_kde = check.sample_kde(sample_kde)

# %% [markdown]
# What does the bandwidth do? Below each row of samples stands, for each sample, the training image
# that is nearest to it.

# %%
rng = np.random.default_rng(2)
rows, names = [], []
for bandwidth in (0.02, 0.13, 0.4):
    samples = sample_kde(x, bandwidth, 10, rng)
    _, nearest = models.nearest_rows(samples, x)
    rows += [samples, x[nearest]]
    names += [f"bandwidth {bandwidth:g}", "nearest"]
images = np.concatenate(rows).reshape(-1, 8, 8)
plots.show(
    plots.image_grid(images, 10, "A KDE adds noise to copies", row_labels=names, size=0.55),
    alt="Bandwidth 0.02: samples equal to training images. 0.13: noisy copies. 0.4: mostly noise.",
)

# %% [markdown]
# With bandwidth 0.02 you cannot tell sample and training image apart: the model **copies**. With 0.4
# you see noise. In between, the digits are readable, and each of them is one training image with
# noise on it. A KDE knows every image that it has seen, and nothing about what a 3 is.

# %% [markdown]
# ## Which bandwidth is best?
#
# A natural idea: the better the model, the more probable it finds the data. The **log-likelihood**
# of an image is the natural logarithm of the model's density there; its unit is the **nat**. We
# take the mean over all images, for many bandwidths. There are two ways: let each image be judged
# by a model that contains it, or **leave it out** and let the others judge it. Do both ways find the
# same bandwidth?

# %%
bandwidths = np.arange(2, 61) / 100
training = models.kde_log_likelihood(x, bandwidths, leave_one_out=False)
left_out = models.kde_log_likelihood(x, bandwidths)
best = bandwidths[left_out.argmax()]
print(f"training images: best bandwidth {bandwidths[training.argmax()]:.2f}, the smallest tried")
print(f"images left out: best bandwidth {best:.2f}")
copying = left_out[0] < left_out.max() - 1000
print(f"At {bandwidths[0]} an image left out is over 1000 nats worse than at the best: {copying}")

# %% [markdown]
# What do the two curves look like?

# %%
figure, ax = plots.plt.subplots(figsize=(7.0, 3.4))
ax.plot(bandwidths, training, color=plots.RED, linestyle="--")
ax.plot(bandwidths, left_out, color=plots.BLUE)
ax.plot(best, left_out.max(), "o", color=plots.BLUE, markersize=8)
ax.annotate("training images", (0.057, 136), color=plots.RED)
ax.annotate("images left out", (0.13, -62), color=plots.BLUE)
ax.set(xscale="log", ylim=(-120, 200), xlabel="bandwidth", ylabel="log-likelihood, nats per image")
ax.set(title=f"Only images that were left out find a bandwidth: {best:.2f}")
ax.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5], ["0.02", "0.05", "0.1", "0.2", "0.5"])
ax.minorticks_off()
plots.show(
    figure,
    alt="The curve for training images rises without end as the bandwidth falls. The curve for "
    "images left out has its highest point near 0.13 and falls steeply to the left.",
)

# %% [markdown]
# On its own training images the KDE looks better and better as the bandwidth shrinks, without end: a
# narrow bump on each image gives that image all the probability. That is **memorisation**. Images
# that were left out tell the truth, so the remedy is always the same: judge a model by images that
# it was not fitted to.
#
# One warning. 0.13 is the best bandwidth by likelihood, and yet its samples look noisy. Likelihood
# and looks are two different things (Theis et al., 2016).

# %% [markdown]
# ## A GAN makes digits
#
# The third model is a small **GAN** ([lesson 00](00_start_here.ipynb) says what that is). Its
# generator turns 16 random numbers into 64 pixels through three layers, which is a few lines of
# numpy. The training took a minute and is not part of this lesson; `data/README.md` has the command.

# %%
z = np.random.default_rng(3).standard_normal((1000, gan.latent_dim))
generated = gan(z)
distances, nearest = models.nearest_rows(generated[:10], x)
images = np.concatenate([generated[:10], x[nearest]]).reshape(-1, 8, 8)
captions = [""] * 10 + [f"{distance:.1f} apart" for distance in distances]
title = f"{gan.parameter_count:,} weights make digits that are no copies"
names = ["the GAN's", "nearest"]
plots.show(
    plots.image_grid(images, 10, title, row_labels=names, captions=captions, size=0.62),
    alt="Ten generated digits, and below each the nearest training image, similar but different.",
)

# %% [markdown]
# They look like digits, cleaner than those of the two other models. Are they copies? A number needs
# something to be compared with: real images have neighbours too. So how far is a sample from its
# nearest training image, and how far is a real image from the nearest *other* real image?

# %%
squares = models.squared_distances(x, x)
np.fill_diagonal(squares, np.inf)
print(f"real image to the nearest other one {np.sqrt(squares.min(axis=1)).mean():>6.1f}")
rng = np.random.default_rng(4)
ten = [fit_gaussian(x[labels == digit]) for digit in range(10)]
sets = {
    "KDE, bandwidth 0.02": sample_kde(x, 0.02, 1000, rng),
    "KDE, bandwidth 0.13": sample_kde(x, 0.13, 1000, rng),
    "KDE, bandwidth 0.4": sample_kde(x, 0.4, 1000, rng),
    "a Gaussian per digit": np.concatenate([sample_gaussian(*each, 100, rng) for each in ten]),
    "GAN": generated,
}
for name, samples in sets.items():
    print(f"{name:<35} {models.nearest_rows(samples.clip(0, 1), x)[0].mean():>6.1f}")

# %% [markdown]
# With the first two bandwidths the KDE's samples are nearer to a training image than real images are
# to each other: copies, at 0.02 nearly exact ones. Distance alone is no proof, though: with 0.4 the
# KDE copies just as much and hides it under noise. So look at the samples, too. The Gaussians' and
# the GAN's are a little farther away than real images, and the GAN's show no noise that could hide
# a copy. (A GAN *can* memorise, having enough weights for its data; that is why you
# will ask the same question again in lesson 08.)

# %% [markdown]
# ## Where GANs come from
#
# | Year | Model | Makes images from | Parametric? |
# |---|---|---|---|
# | 1999 | texture synthesis (Efros and Leung) | patches copied from a sample image | no |
# | 2014 | GAN (Goodfellow et al.) | random numbers | yes |
# | 2014 | conditional GAN (Mirza and Osindero) | random numbers and a label | yes |
# | 2014 | “deconvolutional” network (Dosovitskiy et al.) | the kind of chair and the angle of view | yes |
# | 2015 | DRAW, a recurrent network (Gregor et al.) | random numbers, in several strokes | yes |
# | 2015 | DCGAN (Radford et al.) | random numbers | yes |
#
# You can read that before GANs nobody could generate images from labels. That is wrong. Dosovitskiy
# and others made chairs from a class and a view, without any adversary, in the month of the
# conditional GAN; and your Gaussian per digit does it with two formulas. The DCGAN paper says
# something else, of the “deconvolutional” network and of DRAW: nobody had used their generators for
# supervised tasks, such as classifying images. What GANs brought is sharp images from random numbers.
# The DCGAN itself uses no labels at all.
#
# The same paper sorts image models as this lesson does: parametric ones, and non-parametric ones that
# match patches in a data base of images. GANs are **parametric**, since the layers fix the number of
# weights before the first image is seen.

# %% [markdown]
# ## Which of them are parametric?
#
# Now you decide, about twelve models. The table says which variant is meant.
#
# | Model | The variant that we mean |
# |---|---|
# | `"linear regression"` | the usual one |
# | `"logistic regression"` | the usual one |
# | `"naive Bayes"` | one normal distribution per class and feature |
# | `"k-NN"` | with k = 5 |
# | `"KDE"` | with bandwidth 0.13 |
# | `"Gaussian process"` | for regression, with fixed kernel |
# | `"random forest grown to purity"` | 20 trees that split until no leaf mixes classes |
# | `"k-means with k fixed"` | k = 10 |
# | `"kernel SVM"` | with Gaussian (RBF) kernel and C = 1 |
# | `"Gaussian mixture"` | with 10 components |
# | `"GAN"` | with the networks of lesson 08 |
# | `"histogram with fixed bins"` | 16 bins for each pixel |
#
# **Exercise 6** `is_parametric` (●●○, 4 min). `model` is one of the names in the left column. Return
# `True` if the model is parametric and `False` if not.


# %% exercise="is_parametric" points=2
def is_parametric(model):
    """Whether the model's number of parameters is fixed before it sees data."""
    ### BEGIN SOLUTION
    return model in {
        "linear regression",
        "logistic regression",
        "naive Bayes",
        "k-means with k fixed",
        "Gaussian mixture",
        "GAN",
        "histogram with fixed bins",
    }
    ### END SOLUTION


# %% check="is_parametric"
is_parametric = check.is_parametric(is_parametric)

# %% [markdown]
# A tempting thought is that k = 5, a bandwidth of 0.13 and C = 1 are fixed, so those models must be
# parametric. What does the check say to that?


# %%
def fixed_settings_count(model):
    return is_parametric(model) or model in {"k-NN", "KDE", "kernel SVM"}


check.is_parametric.look_at(fixed_settings_count)

# %% [markdown]
# Do real programs behave like that? scikit-learn's models can be opened. We fit some of them to 400
# digits and to 1600, and count the numbers that they keep.

# %%
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC


def numbers_kept(images, labels):
    bayes = GaussianNB().fit(images, labels)
    forest = RandomForestClassifier(20, random_state=0).fit(images, labels)
    return {
        "naive Bayes": bayes.theta_.size + bayes.var_.size + bayes.class_prior_.size,
        "k-means with k fixed": KMeans(10, n_init=1).fit(images).cluster_centers_.size,
        "kernel SVM": SVC().fit(images, labels).support_vectors_.size,
        "random forest grown to purity": sum(t.tree_.node_count for t in forest.estimators_),
    }


# %% [markdown]
# Does your table agree with what they keep?

# %%
few, many = numbers_kept(x[:400], labels[:400]), numbers_kept(x[:1600], labels[:1600])
for model, before in few.items():
    grows = "grows" if many[model] > 1.5 * before else "stays"
    says = "parametric" if is_parametric(model) else "non-parametric"
    print(f"{model:<30} {grows}, your table says {says}")

# %% [markdown]
# ## Play with it
#
# Move the two sliders. Three things to try:
#
# 1. Set the bandwidth to 0.01 and compare the two rows of digits. What does the leave-one-out
#    log-likelihood say?
# 2. Take $N$ down to 100. Which way does the best bandwidth move, and why? How much do 100 digits
#    take to store, compared with a Gaussian?
# 3. Look for the bandwidth with the highest log-likelihood for all 1,797 digits, and ask whether you
#    would have chosen it by eye.

# %%
from helpers.widgets.parametric_models import KdeExplorer

KdeExplorer()

# %% [markdown]
# ## Check yourself
#
# Think of your answer before you open one.

# %% [markdown]
# **1. A network has 50 million weights and is trained on 10,000 images. Is it parametric?**
#
# <details><summary>No, it has more parameters than data</summary>No. How many there are does not matter. Their number was fixed before the first image.</details>
# <details><summary>Yes</summary>Yes. With 20,000 images it would still have 50 million weights.</details>
# <details><summary>It depends on whether it has memorised the images</summary>No. A parametric model can memorise as well; the word only says that the number of parameters is fixed.</details>

# %% [markdown]
# **2. You double the number of training images. What happens to a k-NN classifier's memory?**
#
# <details><summary>It doubles</summary>Yes. It keeps every image and its label: non-parametric.</details>
# <details><summary>It stays, since k is fixed</summary>No. k says how many neighbours are asked. All images have to be kept to find them.</details>
# <details><summary>It grows four times, like the number of pairs</summary>No. Distances are computed when they are needed; what is kept are the images.</details>

# %% [markdown]
# **3. A KDE gives its training images a very high likelihood. Is it a good model?**
#
# <details><summary>Yes, likelihood measures how well a model fits</summary>No. A tiny bandwidth makes it as high as you like, by copying.</details>
# <details><summary>Yes, if the samples look sharp</summary>No. Copies of training images are perfectly sharp.</details>
# <details><summary>That cannot be said: it has to be judged by images that it has not seen</summary>Yes. Leave images out and let the others judge them.</details>

# %% [markdown]
# **4. How many covariances does a Gaussian of 64 pixels have for pairs of *different* pixels?**
#
# <details><summary>4096</summary>No. 64² are all entries: each pair twice, and the variances on the diagonal.</details>
# <details><summary>2016</summary>Yes. 64 · 63 / 2. With 64 variances and 64 means that makes 2144 parameters.</details>
# <details><summary>2080</summary>No. 64 · 65 / 2 counts the 64 variances too.</details>

# %% [markdown]
# **5. Which statement about labels and generated images is right?**
#
# <details><summary>Only GANs can generate images from labels</summary>No. Dosovitskiy et al. generated chairs from a class and a view without one, and you fitted a Gaussian per digit.</details>
# <details><summary>A DCGAN needs labels to be trained</summary>No. It learns from images alone; the conditional GAN uses labels.</details>
# <details><summary>A model fitted to each class by itself generates from labels</summary>Yes. Choose the class, then draw from its model.</details>

# %% [markdown]
# ## What to remember
#
# - Parametric: the number of parameters is fixed before any data are seen. Non-parametric: what is
#   kept grows with the data. GANs are parametric.
# - A Gaussian in $d$ dimensions has $d + d(d + 1)/2$ parameters; a KDE of $N$ images keeps $Nd + 1$
#   numbers.
# - Parametric means neither small nor simple; non-parametric does not mean without parameters.
# - A model that copies its training images looks perfect on them. Judge it by images left out, and
#   compare samples with their nearest training images, and those distances with the ones between
#   real images.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - E. Alpaydin, C. Kaynak, “Optical recognition of handwritten digits”, UCI Machine Learning
#   Repository, 1998, [doi:10.24432/C50P49](https://doi.org/10.24432/C50P49) (CC BY 4.0).
# - E. Parzen, “On estimation of a probability density function and mode”, Annals of Mathematical
#   Statistics 33, 1962, [doi:10.1214/aoms/1177704472](https://doi.org/10.1214/aoms/1177704472).
# - A. Efros, T. Leung, “Texture synthesis by non-parametric sampling”, ICCV 1999,
#   [doi:10.1109/ICCV.1999.790383](https://doi.org/10.1109/ICCV.1999.790383).
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - M. Mirza, S. Osindero, “Conditional generative adversarial nets”, 2014,
#   [arXiv:1411.1784](https://arxiv.org/abs/1411.1784).
# - A. Dosovitskiy, J. T. Springenberg, T. Brox, “Learning to generate chairs with convolutional neural
#   networks”, 2014, CVPR 2015, [arXiv:1411.5928](https://arxiv.org/abs/1411.5928).
# - K. Gregor et al., “DRAW: a recurrent neural network for image generation”, 2015,
#   [arXiv:1502.04623](https://arxiv.org/abs/1502.04623).
# - A. Radford, L. Metz, S. Chintala, “Unsupervised representation learning with deep convolutional
#   generative adversarial networks”, 2015, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - L. Theis, A. van den Oord, M. Bethge, “A note on the evaluation of generative models”, 2016,
#   [arXiv:1511.01844](https://arxiv.org/abs/1511.01844).

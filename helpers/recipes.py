"""Recipes for an ablation: the same DCGAN with one thing changed, told in one line.

    from helpers.recipes import RECIPES, Recipe

    train(*build_networks(RECIPES["smooth-labels"]), images, steps=1000, recipe=RECIPES[...])
    Recipe("my own", augmentation=("cutout",), augment_fakes=False)

An **ablation** takes one ingredient out, or puts one in, and leaves the rest as it is, so that a
difference in the result can only come from there. Both frameworks' trainers take a recipe; what is
the same for both of them is here, without either.

Source: S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, "Differentiable augmentation for data-efficient
GAN training", 2020, arXiv:2006.10738 (what is augmented); T. Salimans et al., "Improved techniques
for training GANs", 2016, arXiv:1606.03498 (one-sided label smoothing); A. Radford, L. Metz,
S. Chintala, 2015, arXiv:1511.06434 (batch normalisation, and what global average pooling costs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

Labels = TypeVar("Labels")

#: What can be done to an image, and which of its random numbers it takes.
AUGMENTATIONS = {
    "color": slice(0, 3),
    "translation": slice(3, 5),
    "cutout": slice(5, 7),
    "flip": slice(7, 8),
}

#: Random numbers per image, whatever is done to it.
NUMBERS = 8

#: What Zhao et al. do. Not flipping: see the recipe "flipped-digits".
DIFF_POLICY = ("color", "translation", "cutout")

#: How the discriminator gets from its last maps to the logit.
HEADS = ("dense", "gap")


@dataclass(frozen=True)
class Recipe:
    """How a DCGAN is built and trained, where it can be done in more than one way.

    Parameters
    ----------
    name : how a table calls it.
    augmentation : what happens to the images that the discriminator sees, names from
        ``AUGMENTATIONS``, in this order.
    augment_fakes : False augments the real images only.
    batch_norm : whether both networks normalise their hidden layers.
    head : "dense" flattens the discriminator's last maps, "gap" takes each one's mean (global
        average pooling); a dense layer makes the logit.
    smooth : one-sided label smoothing, real images have the target 0.9.
    images : train on at most so many images; None: on all.

    Raises
    ------
    ValueError
        For an augmentation or a head that there is not, one named twice, and images below 1.
    """

    name: str = "baseline"
    augmentation: tuple[str, ...] = ()
    augment_fakes: bool = True
    batch_norm: bool = True
    head: str = "dense"
    smooth: bool = False
    images: int | None = None

    def __post_init__(self) -> None:
        require_policy(self.augmentation)
        require_head(self.head)
        if self.images is not None and self.images < 1:
            raise ValueError(f"images is 1 or more, or None for all of them, not {self.images}.")

    @property
    def settings(self) -> dict[str, object]:
        """What a trainer does otherwise, as JSON can hold it, for a checkpoint's facts."""
        return {
            "augmentation": list(self.augmentation),
            "augment_fakes": self.augment_fakes,
            "smooth": self.smooth,
        }


def require_policy(policy: tuple[str, ...]) -> None:
    """Raise ValueError unless policy is a sequence of names from ``AUGMENTATIONS``, each once."""
    known = ", ".join(map(repr, AUGMENTATIONS))
    if isinstance(policy, str):
        raise ValueError(f"Augmentations are a tuple of names, ({policy!r},), not a text.")
    for name in policy:
        if name not in AUGMENTATIONS:
            raise ValueError(f"An augmentation is one of {known}, not {name!r}.")
    if len(set(policy)) < len(policy):
        raise ValueError(f"Each augmentation comes once, not {tuple(policy)}.")


def require_head(head: str) -> None:
    """Raise ValueError unless head is one of ``HEADS``."""
    if head not in HEADS:
        raise ValueError(f'head is "dense" or "gap", not {head!r}.')


#: What the course trains unless it says otherwise.
BASELINE = Recipe()

#: The ablations of lesson 10, by name. Each changes one thing against the baseline, but the last:
#: it is to be compared with the one before it.
RECIPES = {
    recipe.name: recipe
    for recipe in (
        BASELINE,
        Recipe("no-batch-norm", batch_norm=False),
        Recipe("global-average-pooling", head="gap"),
        Recipe("smooth-labels", smooth=True),
        Recipe("naive-augmentation", DIFF_POLICY, augment_fakes=False),
        Recipe("diff-augmentation", DIFF_POLICY),
        Recipe("flipped-digits", ("flip",), augment_fakes=False),
        Recipe("few-images", images=100),
        Recipe("few-images-diff-augmentation", DIFF_POLICY, images=100),
    )
}


def smooth_labels(labels: Labels, amount: float = 0.1) -> Labels:
    """One-sided label smoothing: 1 becomes 1 - amount, 0 stays 0; ``labels * (1 - amount)``.

    labels : the discriminator's targets, an array or tensor of floats of any shape, which stays as
    it is. Targets of 0 stay because a smoothed one would reward the discriminator for calling
    fakes real wherever there are many of them, and hold the generator there.

    Raises ValueError unless amount is at least 0 and less than 1.
    """
    if not 0 <= amount < 1:
        raise ValueError(f"amount is at least 0 and less than 1, not {amount}.")
    return labels * (1 - amount)

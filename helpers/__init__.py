"""Reference implementations, checks and widgets of the DCGAN course.

Importing this package loads neither PyTorch nor TensorFlow.
"""

__version__ = "0.1.0"


def require(version: str) -> None:
    """Compare a notebook's course version with this package's and say how to repair a mismatch.

    version : the version that the build wrote into the notebook, e.g. ``"0.1.0"``.
    Prints one line in either case; never raises, so an old notebook still runs.
    """
    if version == __version__:
        print(f"Course version {version}: notebook and helpers agree.")
    else:
        print(
            f"This notebook belongs to course version {version}, but the helpers package that "
            f"Python found is version {__version__} (in {__path__[0]}). Checks may misjudge your "
            "answers. Remedy: on your computer run `git pull` in the course folder; in Colab "
            "open the lesson afresh from the README and choose Runtime > Disconnect and delete "
            "runtime. Then restart the kernel."
        )

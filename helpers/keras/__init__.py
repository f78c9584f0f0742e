"""The course's reference implementations in Keras 3, on TensorFlow.

Importing this package imports both, quietly::

    from helpers.keras import keras, tf

TensorFlow's C++ code reports on the machine (no GPU found, which CPU instructions it uses) at its
import and again at its first operation, before ``TF_CPP_MIN_LOG_LEVEL`` has any say. Both happen
here, with standard error put aside. If the import fails, what was put aside is shown after all.
Set ``TF_CPP_MIN_LOG_LEVEL=0`` before Python starts to see everything.

Code that uses both frameworks imports torch first. The other way round, a PyTorch built for CUDA
warns at its first gradient that it cannot count the GPUs of a machine that has none.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

import numpy  # noqa: F401 - before the quiet, which would undo the warning filters it installs

_STDERR = 2  # C code writes here; in Jupyter sys.stderr is another object with another number


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Put aside what is written to standard error, by C code too; show it if the block fails.

    sys.stderr itself stays: loggers made in the block keep it for good. So under Jupyter, where
    it does not write to the descriptor, what Python code prints there is shown at once.
    """
    with contextlib.ExitStack() as stack:
        try:
            terminal = os.dup(_STDERR)
            stack.callback(os.close, terminal)
            aside = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # standard error is closed, or there is nowhere to put it: stay loud
            yield
            return
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        _flush()
        os.dup2(aside.fileno(), _STDERR)
        failed = True
        try:
            yield
            failed = False
        finally:
            _flush()
            os.dup2(terminal, _STDERR)
            if failed:
                aside.seek(0)
                _show(aside.read())


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


def _show(noise: bytes) -> None:
    # sys.stderr and not the descriptor: under Jupyter only the former always reaches the notebook.
    if sys.stderr is not None:
        sys.stderr.write(noise.decode(errors="replace"))
        sys.stderr.flush()


def _require_tensorflow_backend(backend: str) -> None:
    if backend != "tensorflow":
        raise ImportError(
            f"Keras runs on {backend!r} here, this course needs TensorFlow: remove KERAS_BACKEND "
            'from the environment or set it to "tensorflow", restart Python (in Jupyter: Kernel > '
            "Restart), and import helpers.keras before keras."
        )


if "keras" in sys.modules:
    _require_tensorflow_backend(sys.modules["keras"].backend.backend())
if not os.environ.get("KERAS_BACKEND"):
    os.environ["KERAS_BACKEND"] = "tensorflow"  # a personal keras.json may say otherwise
_require_tensorflow_backend(os.environ["KERAS_BACKEND"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # from here on: errors only
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # leave memory for PyTorch beside us

_loud = os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
with contextlib.nullcontext() if _loud else _quiet_stderr():
    # PyTorch's optimizers load Triton, and a Triton loaded after TensorFlow ends Python at once
    # ("LLVM ERROR: inconsistency in registered CommandLine options"). Before, it does no harm.
    # (Where TensorFlow is loaded already it is too late for that.)
    if "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            import triton  # noqa: F401

    import keras
    import tensorflow as tf

    tf.zeros(1) + 1  # starts the devices, which report too, and so does the first use of XLA
    with contextlib.suppress(tf.errors.OpError):
        tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(1))

__all__ = ["keras", "tf"]

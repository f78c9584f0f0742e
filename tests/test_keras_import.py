"""Importing ``helpers.keras`` is quiet, keeps real errors and insists on TensorFlow.

TensorFlow itself is slow to import, so two tests use it and the others a noisy stand-in.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
OURS = ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL", "TF_FORCE_GPU_ALLOW_GROWTH")

STAND_IN_XLA = """
class errors:
    OpError = RuntimeError
def function(body, jit_compile):
    def refuse(x):
        raise errors.OpError("no XLA here")
    return refuse
"""
NOISY_TENSORFLOW = (
    """
import os, warnings
os.write(2, b"noise from C\\n")
warnings.warn("noise from a library")
def zeros(n):
    os.write(2, b"noise of the first operation\\n")
    return n
"""
    + STAND_IN_XLA
)
BROKEN_TENSORFLOW = NOISY_TENSORFLOW + "raise ImportError('libsomething.so is missing')\n"
STAND_IN_KERAS = """
import os, types
backend = types.SimpleNamespace(backend=lambda: os.environ["KERAS_BACKEND"])
"""
USE = "from helpers.keras import keras, tf\n"
STILL_WRITES = """
import os, sys, time
os.write(2, b"later, from C\\n")
time.sleep(0.5)  # Jupyter forwards what C code writes from another thread
print("later, from Python", file=sys.stderr, flush=True)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A learner's environment, with room for stand-in modules in ``tmp_path``."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in (*OURS, "PYTHONWARNINGS", "PYTEST_CURRENT_TEST")
    }
    return environment | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    (tmp_path / "tensorflow.py").write_text(NOISY_TENSORFLOW)
    (tmp_path / "keras.py").write_text(STAND_IN_KERAS)
    return tmp_path


def run(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)


def run_in_jupyter(cells: list[str], environment: dict[str, str]) -> list[dict[str, str]]:
    """The text of each cell's streams; a cell that fails ends the run with its error's name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", timeout=200)
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(environment):
            patch.delenv(name)  # the kernel's environment is added to ours
        with contextlib.suppress(CellExecutionError):
            client.execute(env=environment, cwd=str(ROOT))
    texts = []
    for cell in notebook.cells:
        streams: dict[str, str] = {}
        for output in cell.outputs:
            name = output.get("name") or output.output_type
            streams[name] = streams.get(name, "") + output.get("text", output.get("ename", ""))
        texts.append(streams)
    return texts


def test_tensorflow_is_quiet_and_gets_on_with_pytorch(environment):
    first_operations = """
keras.ops.conv(tf.ones((1, 4, 4, 1)), tf.ones((3, 3, 1, 1)))
tf.function(lambda x: x + 1, jit_compile=True)(tf.ones(3))
"""
    optimizer = """
import torch
torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # loads Triton where there is one
print("alive")
"""
    done = run(USE + first_operations + STILL_WRITES + optimizer, environment)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert done.stderr.startswith("later, from C\nlater, from Python\n")


def test_tensorflow_is_quiet_in_jupyter(environment):
    quiet, after = run_in_jupyter([USE, STILL_WRITES], environment)
    assert quiet == {}
    assert after.keys() == {"stderr"}
    if sys.platform != "win32":  # where ipykernel does not capture C code's output
        assert sorted(after["stderr"].splitlines()) == ["later, from C", "later, from Python"]


@pytest.mark.parametrize("under_pytest", [False, True])
def test_quiet_in_jupyter_with_and_without_capture(environment, stand_ins, under_pytest):
    if under_pytest:  # ipykernel then leaves the file descriptors alone
        environment["PYTEST_CURRENT_TEST"] = "nbval"
    quiet, after = run_in_jupyter([USE, STILL_WRITES], environment)
    assert quiet == {}
    assert "later, from Python" in after["stderr"]


@pytest.mark.parametrize("under_pytest", [False, True])
def test_failure_in_jupyter_shows_what_was_put_aside(environment, stand_ins, under_pytest):
    (stand_ins / "tensorflow.py").write_text(BROKEN_TENSORFLOW)
    if under_pytest:
        environment["PYTEST_CURRENT_TEST"] = "nbval"
    (failed,) = run_in_jupyter([USE], environment)
    assert failed["error"] == "ImportError"
    assert "noise from C\n" in failed["stderr"]


def test_failure_shows_what_was_put_aside(environment, stand_ins):
    (stand_ins / "tensorflow.py").write_text(BROKEN_TENSORFLOW)
    done = run(USE, environment)
    assert done.returncode == 1
    assert done.stderr.startswith("noise from C\n")
    assert done.stderr.endswith("ImportError: libsomething.so is missing\n")


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("import io, sys; sys.stderr = io.StringIO()", id="no fileno"),
        pytest.param("import sys; sys.stderr = None", id="no sys.stderr"),
        pytest.param("import os; os.close(2)", id="closed descriptor"),
        pytest.param(
            "import tempfile; tempfile.tempdir = 'nowhere/at/all'", id="no room to put it aside"
        ),
    ],
)
def test_odd_standard_errors(environment, stand_ins, before):
    # A closed descriptor would turn the stand-in's own writes into errors.
    (stand_ins / "tensorflow.py").write_text("def zeros(n):\n    return n\n" + STAND_IN_XLA)
    done = run(f"{before}\n{USE}print(tf.zeros(1))", environment)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_environment_defaults_do_not_overrule_the_user(environment, stand_ins):
    show = USE + f"import os; print(*[os.environ[name] for name in {OURS}])"
    assert run(show, environment).stdout == "tensorflow 2 true\n"
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    done = run(show, environment)
    assert done.stdout == "tensorflow 0 false\n"
    assert "noise of the first operation" in done.stderr  # level 0 asks for everything


def test_another_backend_is_refused_with_the_remedy(environment, stand_ins):
    environment["KERAS_BACKEND"] = "torch"
    for code in (USE, "import keras\n" + USE):
        done = run(code, environment)
        assert done.returncode == 1
        assert "ImportError: Keras runs on 'torch' here" in done.stderr
        assert 'set it to "tensorflow", restart Python' in done.stderr
    late = (
        "import keras, os\nkeras.backend.backend = lambda: 'jax'\ndel os.environ['KERAS_BACKEND']\n"
    )
    assert "Keras runs on 'jax' here" in run(late + USE, environment).stderr

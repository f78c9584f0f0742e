"""Build an environment of Colab's versions and run the tests and all notebooks there.

    python tests/colab/run.py [--venv FOLDER] [--python PYTHON]

Needs uv (on PATH, or the one in .venv) and a Python 3.13. The environment, 8 GB, is made in
.venv-colab and kept; a second run only checks it. Notebooks run as a Colab user runs them, lessons
untouched, and fail on the first cell that raises; stored outputs are not compared, because
versions differ. No browser, no JupyterLab: Colab has its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path("tests/colab")
# The tests that say something about versions: references, checks, widgets.
TESTS = ["tests/test_conv_shapes*.py", "tests/test_engine*.py", "tests/test_checks*.py"]
TESTS += ["tests/test_keras_import.py", "tests/test_metrics.py"]
TESTS += ["tests/test_p*.py", "tests/test_s*.py"]
TESTS += ["tests/test_batch_norm*.py", "tests/test_d*.py", "tests/test_architecture.py"]
TESTS += ["tests/test_g*.py", "tests/test_expression_graph.py", "tests/test_latent_space.py"]
TESTS += ["tests/test_keras_*s.py", "tests/test_keras_training.py", "tests/test_runs.py"]
TESTS += ["tests/test_training*.py", "tests/test_nash*.py", "tests/test_improvements*.py"]
TESTS += [
    "tests/test_a*s.py",
    "tests/test_augment.py",
    "tests/test_recipes.py",
    "tests/test_kill_table.py",
]
NOTEBOOKS = ["lessons/*.ipynb", "solutions/*.ipynb"]


def find_uv() -> str:
    """The uv on PATH, else the one that course.py put into .venv."""
    folders = [ROOT / ".venv" / "bin", ROOT / ".venv" / "Scripts", Path(sys.executable).parent]
    uv = shutil.which("uv", path=os.pathsep.join([os.environ["PATH"], *map(str, folders)]))
    if uv is None:
        sys.exit("uv is not here: run `python3 course.py test` first, or `pip install uv`.")
    return uv


def find_python() -> str:
    """A Python 3.13 that uv may not see, pyenv's, else uv's own choice."""
    return next(
        (str(path) for path in Path.home().glob(".pyenv/versions/3.13*/bin/python")), "3.13"
    )


def build(venv: Path, python: str) -> Path:
    """Make the environment or bring it up to date; return its programs' folder."""
    uv = find_uv()
    if not (venv / "pyvenv.cfg").exists():
        subprocess.run([uv, "venv", "--python", python, venv], check=True)
    files = ["-r", HERE / "requirements.txt", "-c", HERE / "constraints.txt"]
    subprocess.run([uv, "pip", "install", "--python", venv, *files], check=True)
    return venv / ("Scripts" if os.name == "nt" else "bin")


def expand(patterns: list[str]) -> list[str]:
    paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return [str(path.relative_to(ROOT)) for path in paths if not path.stem.endswith("_browser")]


def main() -> int:
    """Return 0 if every test and every notebook passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-colab")
    parser.add_argument("--python", default=find_python())
    options = parser.parse_args()
    os.chdir(ROOT)
    programs = build(options.venv.resolve(), options.python)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}  # as in Colab: cloned, not installed
    commands = [[programs / "python", "-m", "pytest", *tests] for tests in [expand(TESTS)] if tests]
    # jupyter-execute is nbclient's own command; it writes nothing back.
    commands += [[programs / "jupyter-execute", path] for path in expand(NOTEBOOKS)]
    failed = [command for command in commands if subprocess.run(command, env=env).returncode]
    for command in failed:
        print("FAILED:", *command)
    print(f"Colab's versions: {len(commands) - len(failed)} passed, {len(failed)} failed.")
    return 1 if failed or not commands else 0


if __name__ == "__main__":
    sys.exit(main())

"""course.py as a learner meets it: real processes and a real .venv, but installers that are fakes.

The fake uv installs nothing but fake pytest, jupyterlab and pip, which write down how they were
called; FAKE_UV tells it how to fail. The words it fails with are those of uv 0.13.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake installers are POSIX scripts")

REPOSITORY = Path(__file__).resolve().parents[1]
BASE = getattr(sys, "_base_executable", sys.executable)
FAKE_UV = """\
import glob, os, shlex, sys, time
with open(os.environ["LOG"], "a") as log:
    print("uv", *map(shlex.quote, sys.argv[1:]), file=log)
mode = os.environ.get("FAKE_UV", "")
packages, = glob.glob(".venv/lib/python*/site-packages")
for name in ["pytest", "jupyterlab", "pip"]:
    with open(os.path.join(packages, name + ".py"), "w") as file:
        file.write('''import os, shlex, sys
with open(os.environ["LOG"], "a") as log:
    print("%s", *map(shlex.quote, sys.argv[1:]), file=log)
if "%s" == "pip":
    print(os.environ.get("PIP_SAYS", ""))
    sys.exit(1)
sys.exit(3 if "--nbval" in sys.argv and "FAIL_NBVAL" in os.environ else
         4 if "--nbval" not in sys.argv and "FAIL_PYTEST" in os.environ else 0)
''' % (name, name))
if mode == "slow":
    time.sleep(1)
if mode == "hang":
    open(os.environ["LOG"] + ".hangs", "w").close()
    time.sleep(60)
if mode == "offline":
    sys.exit("error: Request failed after 3 retries\\n  Caused by: error sending request for url")
if mode == "full":
    sys.exit("error: failed to write to file: No space left on device (os error 28)")
"""
FAKE_PYTHON = """\
import json, sys
facts = {{"version": [3, 12, 1], "prefix": "/", "platform": "linux-x86_64", "bits": 64,
         "machine": "x86_64", "pip": True, "ensurepip": True}}
facts.update({facts!r})
print(json.dumps(facts))
"""


def write_program(path: Path, source: str) -> None:
    # sh between: a shebang can hold no blank.
    body = path.with_name(path.name + ".program.py")
    body.write_text(source)
    line = f'exec {shlex.quote(BASE)} {shlex.quote(str(body))} "$@"'
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _hear_ctrl_c() -> None:
    """Undo what a job in the background of a script inherits: Ctrl-C is ignored there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Course:
    """A small copy of the course in a folder with blanks in its name."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.root = folder / "my course"
        self.log_file = folder / "log"
        self.elsewhere = folder / "elsewhere"
        for path in [self.bin, self.root / "solutions", self.root / "helpers", self.elsewhere]:
            path.mkdir(parents=True)
        shutil.copy(REPOSITORY / "course.py", self.root)
        (self.root / "requirements.txt").write_text("numpy\n")
        (self.root / "constraints.txt").write_text("numpy==2.0\n")
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.helper("build", "print('built', sys.argv[1:]); sys.exit(7)")
        self.helper("doctor", "print('doctor of', sys.prefix)")
        write_program(self.bin / "uv", FAKE_UV)

    def helper(self, name: str, body: str) -> None:
        (self.root / "helpers" / f"{name}.py").write_text(f"import sys\n{body}\n")

    def start(self, *words: str, python: str = BASE, **env: str) -> subprocess.Popen:
        # PATH holds nothing but our fakes; a disk check would depend on the machine.
        environment = {"PATH": str(self.bin), "LOG": str(self.log_file), "COURSE_NEEDS_GB": "0"}
        environment |= {"HOME": str(self.elsewhere), **env}
        return subprocess.Popen(
            [python, str(self.root / "course.py"), *words],
            cwd=self.elsewhere,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=None if os.name == "nt" else _hear_ctrl_c,
        )

    def run(self, *words: str, **options: str) -> tuple[int, str]:
        with self.start(*words, **options) as process:
            text, _ = process.communicate(timeout=120)
        assert "Traceback" not in text, text
        return process.returncode, text

    def run_with_base(self, facts: dict, *words: str, **env: str) -> tuple[int, str]:
        """Run course.py as if the Python that runs it told these facts about itself."""
        fake = self.root.parent / "fake python"
        write_program(fake, FAKE_PYTHON.format(facts=facts))
        return self.run(*words, python=str(self.wrapped(fake)), **env)

    def wrapped(self, fake: Path) -> Path:
        wrapper = self.root.parent / "python3"
        write_program(
            wrapper,
            "import runpy, sys\n"
            f"sys._base_executable = {str(fake)!r}\n"
            "del sys.argv[0]\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')\n",
        )
        return wrapper

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def log(self) -> list[str]:
        """Every call of a fake so far, the program first."""
        return self.log_file.read_text().splitlines() if self.log_file.exists() else []

    def installs(self) -> int:
        return sum(line.startswith("uv ") for line in self.log)

    def wait_for_hang(self) -> None:
        marker = Path(f"{self.log_file}.hangs")
        deadline = time.monotonic() + 30
        while not marker.exists():
            assert time.monotonic() < deadline, "the fake uv was never started"
            time.sleep(0.02)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def old_python() -> str | None:
    """A Python that is too old for the course, if the machine has one."""
    found = sorted(Path.home().glob(".pyenv/versions/3.[0-9].*/bin/python3"))
    found += sorted(Path.home().glob(".pyenv/versions/3.10.*/bin/python3"))
    names = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    for python in [*map(str, found), *filter(None, names)]:
        if subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            return python
    return None


# --- A good start ------------------------------------------------------------------------------


def test_lab_sets_up_and_opens_lesson_00(course: Course) -> None:
    code, text = course.run("lab", "--no-browser", "--port", "8899")
    assert code == 0, text
    install, jupyter = course.log
    assert install == (
        "uv pip install -r requirements.txt -c constraints.txt -e . "
        "--compile-bytecode --python .venv/bin/python"
    )
    assert "default_url=/lab/tree/lessons/00_start_here.ipynb" in jupyter
    assert "--ServerApp.root_dir=." in jupyter
    assert jupyter.endswith("--no-browser --port 8899")


def test_second_start_installs_nothing(course: Course) -> None:
    course.run("lab")
    before = (course.venv / "course.json").stat().st_mtime_ns
    code, text = course.run("lab")
    assert code == 0
    assert course.installs() == 1
    assert (course.venv / "course.json").stat().st_mtime_ns == before
    assert "Setting up" not in text


def test_printed_commands_do_the_same_when_typed(course: Course) -> None:
    _, text = course.run("lab", "--name=two words")
    commands = [
        line.strip() for line in text.splitlines() if line.startswith("  ") and line[2:3] != " "
    ]
    calls = course.log
    shutil.rmtree(course.venv)
    course.log_file.unlink()
    env = {"PATH": str(course.bin), "LOG": str(course.log_file)}
    for command in commands:
        subprocess.run(["/bin/sh", "-c", command], cwd=course.root, env=env, check=True)
    assert course.log == calls


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt", "pyproject.toml"])
def test_changed_requirements_install_into_the_same_venv(course: Course, name: str) -> None:
    course.run("lab")
    (course.venv / "mine").touch()
    with (course.root / name).open("a") as file:
        file.write("# changed\n")
    code, text = course.run("lab")
    assert code == 0
    assert "bringing .venv up to date" in text
    assert course.installs() == 2
    assert (course.venv / "mine").exists()


def test_build_passes_options_and_exit_code_on(course: Course) -> None:
    code, text = course.run("build", "--check", "03")
    assert code == 7
    assert "built ['--check', '03']" in text


@pytest.mark.parametrize(
    ("failing", "expected"),
    [({}, 0), ({"FAIL_PYTEST": "1"}, 4), ({"FAIL_NBVAL": "1"}, 3)],
)
def test_both_test_runs_happen_and_either_can_fail(
    course: Course, failing: dict, expected: int
) -> None:
    (course.root / "solutions" / "00_start_here.ipynb").touch()
    code, _ = course.run("test", "-k", "shapes", **failing)
    assert code == expected
    split = r"-n \d+ --dist loadfile --no-loadscope-reorder"
    first, second = course.log[1:]
    assert re.fullmatch(rf"pytest {split} -k shapes", first)
    assert re.fullmatch(rf"pytest --nbval {split} solutions/", second)


def test_without_notebooks_only_pytest_runs(course: Course) -> None:
    (course.root / "solutions").rmdir()
    assert course.run("test")[0] == 0
    assert len(course.log[1:]) == 1
    assert "--nbval" not in course.log[1]


def test_unknown_command_shows_how_to_use_it(course: Course) -> None:
    code, text = course.run("labs")
    assert code == 2
    assert "course.py lab" in text
    assert not course.venv.exists()


# --- doctor ------------------------------------------------------------------------------------


def test_doctor_before_set_up_makes_nothing(course: Course) -> None:
    code, text = course.run("doctor")
    assert code == 0
    assert "not there yet" in text
    assert "python3 course.py lab" in text
    assert not course.venv.exists()


def test_doctor_after_set_up_runs_in_the_venv(course: Course) -> None:
    course.run("lab")
    code, text = course.run("doctor")
    assert code == 0
    assert f"doctor of {course.venv}" in text


def test_doctor_names_what_stands_in_the_way(course: Course) -> None:
    code, text = course.run_with_base({"version": [3, 14, 0]}, "doctor")
    assert code == 1
    assert "This is Python 3.14.0" in text


# --- Computers on which it cannot work -----------------------------------------------------------


def test_a_real_old_python_gets_a_sentence(course: Course) -> None:
    python = old_python()
    if python is None:
        pytest.skip("no Python older than 3.11 here; the simulated one is tested below")
    code, text = course.run("lab", python=python)
    assert code == 1
    assert len(text.strip().splitlines()) == 1
    assert text.startswith("This is Python 3.")
    assert "3.11, 3.12 and 3.13" in text
    assert "python3.12 course.py lab" in text
    assert not course.venv.exists()


def test_an_old_python_takes_a_newer_one_on_path(course: Course) -> None:
    supported = course.bin / f"python3.{sys.version_info.minor}"
    supported.write_text(f'#!/bin/sh\nexec {shlex.quote(BASE)} "$@"\n')
    supported.chmod(0o755)
    code, text = course.run_with_base({"version": [3, 10, 2]}, "lab")
    assert code == 0, text
    assert f"does not run on Python 3.10.2: taking {supported}" in text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": [3, 10, 2]}, ["Python 3.10.2", "uv python install 3.12"]),
        ({"version": [3, 14, 0]}, ["Python 3.14.0", "python3.12 course.py lab"]),
        ({"bits": 32}, ["32-bit", "64-bit Python"]),
        ({"platform": "macosx-11-universal2"}, ["Intel", "Colab"]),
    ],
)
def test_unsuitable_computers_get_a_sentence(course: Course, facts: dict, words: list[str]) -> None:
    code, text = course.run_with_base(facts, "lab")
    assert code == 1
    assert len(text.strip().splitlines()) == 1
    for word in words:
        assert word in text
    assert not course.venv.exists()


def test_missing_ensurepip_names_the_package(course: Course) -> None:
    (course.bin / "uv").unlink()
    code, text = course.run_with_base({"ensurepip": False}, "lab")
    assert code == 1
    assert "sudo apt install python3.12-venv" in text
    assert not course.venv.exists()


def test_missing_ensurepip_does_not_matter_to_uv(course: Course) -> None:
    code, text = course.run_with_base({"ensurepip": False}, "doctor")
    assert code == 0, text


def test_small_disk_is_noticed_before_anything_is_made(course: Course) -> None:
    code, text = course.run("lab", COURSE_NEEDS_GB="1e9")
    assert code == 1
    assert "are free for" in text
    assert not course.venv.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder_gets_a_sentence(course: Course) -> None:
    course.root.chmod(0o555)
    try:
        code, text = course.run("lab")
    finally:
        course.root.chmod(0o755)
    assert code == 1
    assert "cannot be written to" in text


# --- Failures on the way -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (
            {"FAKE_UV": "offline", "PIP_SAYS": "Retrying (Retry(total=4"},
            "The package index cannot be reached",
        ),
        (
            {"FAKE_UV": "offline", "PIP_SAYS": "No matching distribution found for torch"},
            "has no version for this computer",
        ),
        ({"FAKE_UV": "full"}, "A disk is full"),
        (
            {"FAKE_UV": "offline", "PIP_SAYS": "[Errno 28] No space left on device"},
            "A disk is full",
        ),
        ({"FAKE_UV": "offline", "PIP_SAYS": "something new"}, "The installer failed"),
    ],
)
def test_failed_set_up_says_why_and_leaves_nothing(course: Course, env: dict, words: str) -> None:
    code, text = course.run("lab", **env)
    assert code == 1
    assert text.strip().splitlines()[-1].startswith(words) or words in text.splitlines()[-1]
    assert not list(course.root.glob(".venv*"))
    assert course.run("lab")[0] == 0


def test_pip_takes_over_where_uv_fails(course: Course) -> None:
    course.run("lab", FAKE_UV="offline")
    assert course.log[-1] == "pip install -r requirements.txt -c constraints.txt -e ."


def test_plain_pip_without_uv_installs_for_real(course: Course) -> None:
    """The whole way with Python's own pip, on packages that need no network."""
    (course.bin / "uv").unlink()
    (course.root / "requirements.txt").write_text("")
    (course.root / "helpers" / "__init__.py").touch()
    (course.root / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'tiny'\nversion = '1'\n"
    )
    (course.root / "backend.py").write_text(
        "import zipfile\n"
        "def build_editable(folder, config_settings=None, metadata_directory=None):\n"
        "    with zipfile.ZipFile(folder + '/tiny-1-py3-none-any.whl', 'w') as wheel:\n"
        "        info = 'tiny-1.dist-info/'\n"
        "        wheel.writestr('jupyterlab.py', 'print(\"a real lab\")')\n"
        "        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny\\n'\n"
        "                       'Version: 1\\n')\n"
        "        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: us\\n'\n"
        "                       'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        wheel.writestr(info + 'RECORD', '')\n"
        "    return 'tiny-1-py3-none-any.whl'\n"
    )
    code, text = course.run("lab", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert code == 0, text
    assert "pip install uv" in text  # tried first, not to be had here
    assert "a real lab" in text


def test_real_pip_without_network_gets_a_sentence(course: Course) -> None:
    (course.bin / "uv").unlink()
    # With the pip of the Python beneath, where it has one: making one takes six seconds.
    subprocess.run(
        [BASE, "-m", "venv", "--without-pip", "--system-site-packages", course.venv], check=True
    )
    nowhere = "http://127.0.0.1:9/simple"  # the discard port, where nobody listens
    code, text = course.run("lab", PIP_INDEX_URL=nowhere, PIP_RETRIES="1")
    assert code == 1
    assert text.splitlines()[-1].startswith("The package index cannot be reached")
    assert course.venv.exists()  # not ours to remove


def test_update_without_network_keeps_the_venv(course: Course) -> None:
    course.run("lab")
    (course.venv / "mine").touch()
    (course.root / "requirements.txt").write_text("numpy>=2\n")
    offline = {"FAKE_UV": "offline", "PIP_SAYS": "Retrying (Retry(total=4"}
    code, text = course.run("lab", **offline)
    assert code == 1
    assert ".venv is as it was: `.venv/bin/python -m jupyterlab`" in text
    assert course.run("lab")[0] == 0
    assert (course.venv / "mine").exists()


def test_ctrl_c_leaves_nothing_and_the_next_start_works(course: Course) -> None:
    with course.start("lab", FAKE_UV="hang") as process:
        course.wait_for_hang()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        text, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Stopped" in text
    assert "course.py" not in text.partition("Traceback")[2]  # a child may show its own
    assert not list(course.root.glob(".venv*"))
    assert course.run("lab")[0] == 0


@pytest.mark.parametrize("change", [False, True], ids=["first set-up", "update"])
def test_kill_in_the_middle_is_made_good(course: Course, change: bool) -> None:
    if change:
        course.run("lab")
        (course.root / "constraints.txt").write_text("numpy==2.1\n")
    with course.start("lab", FAKE_UV="hang") as process:
        course.wait_for_hang()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)
    (course.venv / "half").touch()
    code, text = course.run("lab")
    assert code == 0
    assert "Making .venv again: its set-up was cut short" in text
    assert not (course.venv / "half").exists()


def test_an_orphaned_installer_is_waited_for(course: Course) -> None:
    with course.start("lab", FAKE_UV="hang") as first:
        course.wait_for_hang()
        first.kill()  # the installer lives on
        first.wait()
        with course.start("lab") as second:
            assert "waiting for it" in second.stdout.readline()
            os.killpg(first.pid, signal.SIGKILL)
            second.communicate(timeout=120)
    assert second.returncode == 0


def test_of_two_starts_one_waits(course: Course) -> None:
    with (
        course.start("lab", FAKE_UV="slow") as first,
        course.start("lab", FAKE_UV="slow") as second,
    ):
        texts = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert course.installs() == 1
    assert sum("waiting for it" in text for text in texts) == 1


# --- A .venv that is not what it was -------------------------------------------------------------


def test_moved_folder_is_set_up_again(course: Course) -> None:
    course.run("lab")
    course.root = course.root.rename(course.root.parent / "moved here")
    code, text = course.run("lab")
    assert code == 0
    assert "Making .venv again: it was made for" in text
    stamp = json.loads((course.venv / "course.json").read_text())
    assert stamp["prefix"] == str(course.venv)


def test_copied_folder_is_set_up_again_and_the_first_stays(course: Course) -> None:
    course.run("lab")
    original, course.root = course.root, course.root.parent / "a copy"
    shutil.copytree(original, course.root, symlinks=True)
    assert course.run("lab")[0] == 0
    assert course.installs() == 2
    course.root = original
    course.run("lab")
    assert course.installs() == 2


def test_vanished_python_is_noticed(course: Course) -> None:
    course.run("lab")
    for python in (course.venv / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/nonexistent/python3")
    code, text = course.run("lab")
    assert code == 0
    assert "its Python does not run" in text


def test_leftovers_of_an_interrupted_removal_do_not_disturb(course: Course) -> None:
    for name in [".venv.old", ".venv.new"]:
        (course.root / name / "lib").mkdir(parents=True)
    assert course.run("lab")[0] == 0
    assert [path.name for path in course.root.glob(".venv*")] == [".venv"]


def test_a_venv_of_the_readers_own_is_used_and_kept(course: Course) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", course.venv], check=True)
    (course.venv / "mine").touch()
    code, text = course.run("lab")
    assert code == 0
    assert "course.py did not make it" in text
    assert (course.venv / "mine").exists()
    course.run("lab")
    assert course.installs() == 1


def test_a_broken_venv_of_the_readers_own_is_never_deleted(course: Course) -> None:
    course.venv.mkdir()
    (course.venv / "mine").touch()
    code, text = course.run("lab")
    assert code == 1
    assert "rename or delete it" in text
    assert (course.venv / "mine").exists()


def test_a_venv_with_an_old_python_is_refused(course: Course) -> None:
    (course.venv / "bin").mkdir(parents=True)
    old = FAKE_PYTHON.format(facts={"version": [3, 10, 2]})
    write_program(course.venv / "bin" / "python", old)
    code, text = course.run("lab")
    assert code == 1
    assert "it has Python 3.10.2" in text

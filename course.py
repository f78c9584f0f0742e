#!/usr/bin/env python3
"""Set up the course and start it; the first use of any command makes .venv (about 8 GB).

python3 course.py lab [jupyter options]     open the course in JupyterLab
python3 course.py test [pytest options]     run pytest, then pytest --nbval solutions/
                                            (options go to the first; both always run)
python3 course.py build [--check] [NN ...]  build the notebooks from solutions/*.py
python3 course.py doctor                    say what is here and what is missing

Paths in options are relative to the course folder. COURSE_NEEDS_GB=0 in the environment skips
the check for free disk space.
"""

# This file also has to run on the old Pythons that it turns away, hence no newer syntax.
import contextlib
import errno
import glob
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

WINDOWS = os.name == "nt"
if WINDOWS:
    import msvcrt
else:
    import fcntl

HERE = os.path.realpath(__file__)
ROOT = os.path.dirname(HERE)
PYTHONS = [(3, 13), (3, 12), (3, 11)]  # TensorFlow has packages for these
REQUIREMENTS = ["requirements.txt", "constraints.txt", "pyproject.toml"]
VENV, NEW, OLD = ".venv", ".venv.new", ".venv.old"
BIN = os.path.join(VENV, "Scripts" if WINDOWS else "bin")
PYTHON = os.path.join(BIN, "python.exe" if WINDOWS else "python")
STAMP = "course.json"  # in .venv: who made it, whether it is complete, for which requirements
LINUX = sys.platform.startswith("linux")
NEEDS_GB = float(os.environ.get("COURSE_NEEDS_GB") or (8 if LINUX else 4))

PROBE = """
import sys, json, os, sysconfig
from importlib.util import find_spec
print(json.dumps({"version": list(sys.version_info[:3]), "prefix": sys.prefix,
    "platform": sysconfig.get_platform(), "bits": 64 if sys.maxsize > 2**32 else 32,
    "machine": os.uname().machine if hasattr(os, "uname") else "",
    "pip": bool(find_spec("pip")),
    "ensurepip": bool(getattr(find_spec("ensurepip"), "origin", None))}))
"""


class Stop(Exception):
    """One sentence for the reader: what is wrong and the remedy."""


def say(text: str) -> None:
    print(text, flush=True)


def typed(command: list) -> str:
    """The command as one would type it in the course folder."""
    if WINDOWS:
        return subprocess.list2cmdline(command)
    return " ".join(shlex.quote(word) for word in command)


# --- Pythons -----------------------------------------------------------------------------------


def probe(python: str) -> dict:
    """What the interpreter says about itself; empty if it does not run."""
    try:
        text = subprocess.check_output([python, "-c", PROBE], stderr=subprocess.DEVNULL)
        return json.loads(text.decode())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}


def dotted(version: tuple) -> str:
    return ".".join(str(number) for number in version)


def supported(facts: dict) -> bool:
    return tuple(facts.get("version", ())[:2]) in PYTHONS


def choose_python() -> tuple:
    """The Python that makes .venv, and its facts: this one, else a supported one on PATH."""
    # The base of a virtual environment: .venv must not depend on another one, nor on itself.
    mine = getattr(sys, "_base_executable", None) or sys.executable
    facts = probe(mine)
    if supported(facts):
        return mine, facts
    mine_is = dotted(facts.get("version") or sys.version_info[:3])
    for version in PYTHONS:
        other = shutil.which("python" + dotted(version))
        facts = probe(other) if other else {}
        if supported(facts):
            say(f"The course does not run on Python {mine_is}: taking {other}.")
            return other, facts
    remedy = "py -3.12" if WINDOWS else "python3.12"
    raise Stop(
        f"This is Python {mine_is}, and TensorFlow has packages for Python 3.11, 3.12 and 3.13 "
        "only: install one of these (from python.org, your system's package manager, or with "
        f"`uv python install 3.12`), then type `{remedy} course.py lab`."
    )


def check_computer() -> str:
    """The Python to make .venv with; Stop if set-up cannot succeed here."""
    python, facts = choose_python()
    major, minor = facts["version"][:2]
    if facts["bits"] == 32:
        raise Stop(
            f"This Python {major}.{minor} is a 32-bit one, for which PyTorch and TensorFlow have "
            "no packages: install the 64-bit Python, or take the course in Colab (see README.md)."
        )
    if facts["platform"].startswith("macosx") and facts["machine"] == "x86_64":
        raise Stop(
            "PyTorch and TensorFlow no longer have packages for Macs with Intel processors: take "
            "the course in Colab (see README.md); on a Mac with an M processor, install the "
            "arm64 or universal Python from python.org and run that one."
        )
    if not os.access(ROOT, os.W_OK):
        raise Stop(
            f"The folder {ROOT} cannot be written to, and the course installs into it: copy it "
            "to a folder of your own and start there."
        )
    if not facts["ensurepip"] and not shutil.which("uv"):
        system = os.path.realpath(python) == os.path.realpath("/usr/bin/python3")
        package = "python3-venv" if system else f"python{major}.{minor}-venv"
        raise Stop(
            f"This Python {major}.{minor} lacks the parts that make virtual environments: type "
            f"`sudo apt install {package}` (Debian, Ubuntu; elsewhere install uv or the Python "
            "from python.org), then the same command again."
        )
    return python


def check_disk() -> None:
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDS_GB:
        raise Stop(
            f"Set-up needs about {NEEDS_GB:.0f} GB of disk and {free:.1f} GB are free for {ROOT}: "
            "free some space or move the course folder to a larger disk, then try again."
        )


# --- .venv -------------------------------------------------------------------------------------


def requirements_hash() -> str:
    digest = hashlib.sha256()
    for name in REQUIREMENTS:
        with open(name, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read_stamp() -> dict:
    try:
        with open(os.path.join(VENV, STAMP)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def write_stamp(folder: str, **facts) -> None:
    """All or nothing: a stamp is read either whole or as it was before."""
    path = os.path.join(folder, STAMP)
    with open(path + ".tmp", "w") as file:
        json.dump(facts, file)
    os.replace(path + ".tmp", path)


def why_unusable(stamp: dict) -> str:
    """Why the .venv that is there has to be made again; empty if it can serve."""
    facts = probe(PYTHON)
    if not facts:
        return "its Python does not run (removed or never finished)"
    if not supported(facts):
        return "it has Python " + dotted(facts["version"])
    if "prefix" in stamp:
        # Its programs hold absolute paths. samefile: the same folder may be spelt in many ways.
        if not os.path.exists(stamp["prefix"]) or not os.path.samefile(stamp["prefix"], VENV):
            return "it was made for " + os.path.dirname(stamp["prefix"])
        if stamp["version"] != facts["version"][:2]:
            return "the Python under it was replaced"
    if stamp.get("ours") and "requirements" not in stamp:
        return "its set-up was cut short"
    return ""


def ready(stamp: dict) -> bool:
    return stamp.get("requirements") == requirements_hash() and not why_unusable(stamp)


def remove_venv() -> None:
    """Rename first: an interrupted removal must not look like an environment."""
    for folder in [OLD, NEW]:
        if os.path.isdir(folder):
            shutil.rmtree(folder)
    if os.path.lexists(VENV):
        os.rename(VENV, OLD)
        shutil.rmtree(OLD)


@contextlib.contextmanager
def alone():
    """One set-up at a time. The system drops this lock with the last process that holds it."""
    with open(HERE, "rb") as file:
        told = False
        while not locked(file):
            if not told:
                say("Another course.py is at work on .venv: waiting for it (Ctrl-C to stop).")
                told = True
            time.sleep(0.5)
        yield file


def locked(file) -> bool:
    try:
        if WINDOWS:
            file.seek(1 << 30)  # beyond the end, where nobody reads
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Any other error: a file system without locks, where one start at a time has to do.
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


def set_up() -> None:
    """Make .venv or bring it up to date; quick when there is nothing to do."""
    if ready(read_stamp()):
        return
    with alone() as lock:
        stamp = read_stamp()
        if ready(stamp):  # made while we waited
            return
        if not os.path.lexists(VENV):
            return make(check_computer(), lock)
        reason = why_unusable(stamp)
        if not reason:
            return update(stamp, lock)
        if not stamp.get("ours"):
            raise Stop(
                f"The folder {VENV} cannot be used ({reason}), and course.py did not make it, so "
                "it stays: rename or delete it, then type the same command again."
            )
        python = check_computer()
        say(f"Making {VENV} again: {reason}.")
        make(python, lock)


def make(python: str, lock) -> None:
    remove_venv()  # also what an earlier removal left; first, for the space that it takes
    check_disk()
    say(
        f"Setting up the course in {VENV}: up to {NEEDS_GB:.0f} GB, one to ten minutes, once. "
        "The commands, for those who prefer to type them in this folder:"
    )
    os.mkdir(NEW)
    write_stamp(NEW, ours=True)
    os.rename(NEW, VENV)  # so .venv is marked as ours from its first moment
    try:
        command = [python, "-m", "venv", VENV]
        if shutil.which("uv"):
            command.insert(3, "--without-pip")
        if run(command, lock)[0]:
            raise Stop(f"Python could not make {VENV}: its message stands above.")
        install(lock)
        complete(True)
    except BaseException:  # Ctrl-C too: leave nothing half-made
        say(f"Removing the unfinished {VENV}.")
        remove_venv()
        raise


def update(stamp: dict, lock) -> None:
    if "requirements" in stamp:
        say(f"The requirements have changed: bringing {VENV} up to date.")
    else:
        say(f"Installing into the {VENV} that is here already (course.py did not make it).")
    ours = stamp.get("ours", False)
    write_stamp(VENV, ours=ours)  # incomplete from here on
    try:
        install(lock)
    except Unchanged as stop:
        write_stamp(VENV, **stamp)
        old = typed([PYTHON, "-m", "jupyterlab"])
        raise Stop(f"{stop} {VENV} is as it was: `{old}` runs it with its old packages.") from None
    complete(ours)


def complete(ours: bool) -> None:
    facts = probe(PYTHON)
    write_stamp(
        VENV,
        ours=ours,
        requirements=requirements_hash(),
        prefix=facts["prefix"],
        version=facts["version"][:2],
    )


# --- Installers --------------------------------------------------------------------------------


class Unchanged(Stop):
    """No install, no harm: the installers fetch everything before they touch .venv."""


# What uv, pip and the systems below them write, and what it means to the reader.
DISK_FULL = (
    ["no space left on device", "not enough space on the disk", "quota exceeded"],
    Stop(
        f"A disk is full (the message above names the file): free about {NEEDS_GB or 8:.0f} GB "
        "where this folder is, and in your home folder for the downloads, then type the same "
        "command again."
    ),
)
OFFLINE = (
    ["error sending request", "failed to fetch", "network was disabled"]
    + ["retrying (retry(", "failed to establish a new connection", "name resolution"]
    + ["read timed out", "connection reset", "network is unreachable"],
    Unchanged(
        "The package index cannot be reached: check the network connection (and the proxy, if "
        "there is one), then type the same command again."
    ),
)
NO_PACKAGE = (
    ["no matching distribution found", "no solution found", "for the current platform"],
    Unchanged(
        "A package, named above, has no version for this computer or contradicts another: the "
        "course installs on 64-bit Linux (glibc), Windows and Macs with an M processor; "
        "elsewhere take it in Colab (see README.md)."
    ),
)


def run(command: list, lock) -> tuple:
    """Show a command, run it, and return its exit code and what it wrote."""
    say("  " + typed(command))
    # The child shares the lock: if we are killed, the next start waits for it to end.
    keep = {} if WINDOWS else {"pass_fds": [lock.fileno()]}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **keep)
    written = b""
    try:
        for line in child.stdout:
            if not line.startswith((b" + ", b" - ")):  # uv's list of 160 packages
                sys.stdout.buffer.write(b"    " + line)  # bytes: no console fails to encode them
                sys.stdout.flush()
            written = (written + line)[-100000:]
        return child.wait(), written.decode(errors="replace").lower()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def have_pip(lock) -> bool:
    """A .venv that was made for uv has no pip, and Debian's Python may have none to give."""
    return probe(PYTHON)["pip"] or run([PYTHON, "-m", "ensurepip"], lock)[0] == 0


def install(lock) -> None:
    """Install the requirements with uv, else with pip; Stop with the reason if neither can."""
    what = ["install", "-r", "requirements.txt", "-c", "constraints.txt", "-e", "."]
    pip = [PYTHON, "-m", "pip"]
    uv, code, written = shutil.which("uv") and "uv", 1, ""
    if not uv and have_pip(lock):
        code, written = run(pip + ["install", "uv"], lock)
        if code:
            explain(written, DISK_FULL, OFFLINE)
        uv = code == 0 and os.path.join(BIN, "uv")
    if uv:
        # Compiled now, as pip does, not again in every kernel that may not write its own .pyc.
        options = ["--compile-bytecode", "--python", PYTHON]
        code, written = run([uv, "pip"] + what + options, lock)
        if code == 0:
            return
        # Not yet for want of a network: pip may know a proxy, a certificate or a mirror.
        explain(written, DISK_FULL)
        say("  uv failed; trying pip:")
    if have_pip(lock):
        code, written = run(pip + what, lock)
    if code:
        explain(written, DISK_FULL, OFFLINE, NO_PACKAGE)
        raise Stop("The installer failed; its last lines, above, say why.")


def explain(written: str, *reasons: tuple) -> None:
    """Stop with the remedy if the installer's words tell what went wrong."""
    for words, stop in reasons:
        if any(word in written for word in words):
            raise stop


# --- Commands ----------------------------------------------------------------------------------


def become(command: list) -> int:
    """Run the last command; its exit code is ours, and signals are its own affair."""
    say("  " + typed(command))
    if not WINDOWS:
        os.execv(command[0], command)
    return wait(command)


def wait(command: list) -> int:
    """Run a command and return its exit code; Ctrl-C reaches it too, so let it finish."""
    child = subprocess.Popen(command)
    interrupted = False
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return code


def lab(options: list) -> int:
    set_up()
    command = [PYTHON, "-m", "jupyterlab", "--ServerApp.root_dir=."]
    command += ["--LabApp.default_url=/lab/tree/lessons/00_start_here.ipynb"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]  # a container's only user; without it Jupyter refuses
    return become(command + options)


def test(options: list) -> int:
    set_up()
    # A file's tests share servers and kernels, so each file stays with one of the processes.
    split = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    split += ["--no-loadscope-reorder"]  # the longest file has few tests and would come last
    commands = [[PYTHON, "-m", "pytest"] + split + options]
    if glob.glob("solutions/*.ipynb"):  # where there are none, pytest --nbval is an error
        commands.append([PYTHON, "-m", "pytest", "--nbval"] + split + ["solutions/"])
    codes = []
    for command in commands:
        say("  " + typed(command))
        codes.append(wait(command))
    return next((code for code in codes if code), 0)


def build(options: list) -> int:
    set_up()
    return become([PYTHON, "-m", "helpers.build"] + options)


def doctor(options: list) -> int:
    stamp = read_stamp()
    usable = os.path.lexists(VENV) and not why_unusable(stamp)
    if usable and "requirements" in stamp:
        if not ready(stamp):
            say("The requirements have changed since set-up: the next start installs them.")
        return become([PYTHON, "-m", "helpers.doctor"] + options)
    python, uv = sys.version.split()[0], shutil.which("uv")
    say(f"Python     {python} ({sys.executable})")
    say(f"Free disk  {shutil.disk_usage(ROOT).free / 1e9:.1f} GB for {ROOT}")
    say("uv         " + (uv or "not on PATH; set-up fetches it"))
    state = "not there yet" if not os.path.lexists(VENV) else why_unusable(stamp) or "not set up"
    say(f"{VENV}      {state}")
    check_computer()
    check_disk()
    say("Set-up can start: type `python3 course.py lab`.")
    return 0


def main(words: list) -> int:
    commands = {"lab": lab, "test": test, "build": build, "doctor": doctor}
    if not words or words[0] not in commands:
        say(__doc__.strip())
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    os.chdir(ROOT)
    try:
        return commands[words[0]](words[1:])
    except Stop as stop:
        problem = str(stop)
    except KeyboardInterrupt:
        say("\nStopped; the same command starts again.")
        return 130
    except OSError as error:
        problem = f"{error.strerror or error} ({error.filename})."
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
            problem = f"The disk is full: free about {NEEDS_GB or 8:.0f} GB, then try again."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            problem = (
                f"{error.filename or ROOT} cannot be written to: close a running JupyterLab, or "
                "copy the course to a folder of your own, then try again."
            )
    print(problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

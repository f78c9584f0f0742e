"""Runs a learner's code inside the kernel without letting it take the kernel along.

In the same process and thread, because an attempt is a closure over the notebook's variables and
because starting or forking a process beside TensorFlow takes longer than a check may.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import functools
import getpass
import io
import itertools
import linecache
import os
import re
import signal
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

_MOST_PRINTED = 2_000
_LONGEST_IMPORT = 60.0


class TimeUp(BaseException):
    """Raised inside an attempt that has run too long; no `except Exception` swallows it."""


class AsksForInput(RuntimeError):
    """Raised inside an attempt that reads from the keyboard."""


class Complaint(Exception):
    """Raised by a probe about an answer: its text goes on after the question's label.

    mistake : slug of the banked mistake that it is a sign of, if it is of one.
    """

    def __init__(self, text: str, mistake: str = "") -> None:
        super().__init__(text)
        self.mistake = mistake


class Exits(BaseException):
    """Raised inside an attempt that would end the process or the kernel."""


@dataclass(frozen=True)
class Raised:
    """An exception as plain data.

    type_name : the name of its class. text : its message.
    line : the deepest line of the attempt that led to it. own : it was raised by that very line,
        not by a library that the line called. mistake : the one that a Complaint names.
    """

    type_name: str
    text: str
    line: str
    own: bool = False
    mistake: str = ""

    @property
    def is_stub(self) -> bool:
        """The ``raise NotImplementedError`` of an untouched exercise, not one of a library's.

        A library in C raises without a line of its own (PyTorch's mean of bytes does), so the line
        has to say so, or, where there is no source, the message has to be empty.
        """
        says_so = "NotImplementedError" in self.line if self.line else not self.text
        return self.type_name == "NotImplementedError" and self.own and says_so

    def sentence(self, seconds: float) -> str:
        """What happened, for a learner; follows a label such as ``scale(x)``."""
        at = f" at `{self.line}`" if self.line else ""
        if self.type_name == Complaint.__name__:
            return self.text
        if self.type_name == TimeUp.__name__:
            return f"was still running when the check's {seconds:g} seconds were over{at}."
        if self.type_name == "RecursionError":
            return (
                f"calls itself more often than Python allows ({sys.getrecursionlimit()} calls "
                "deep). Is there a case that returns without a further call? If so, use a loop."
            )
        if self.type_name == AsksForInput.__name__:
            return "asks for keyboard input: take everything from the arguments instead."
        if self.type_name in ("SystemExit", Exits.__name__):
            return f"tries to exit Python{at}: use `return` to leave a function."
        if self.type_name == "KeyboardInterrupt":
            return "was interrupted."
        if self.is_stub:
            return "still reaches `raise NotImplementedError`: that branch has no answer yet."
        text = f": {self.text.rstrip('.')}" if self.text else ""
        return f"raised {self.type_name}{text}{at}."


class Sandbox:
    """A context in which ``run(function)`` is safe; its time limit covers all runs together.

    seconds : for everything that runs inside. Imports in progress are let finish (interrupting
        one would leave a broken module behind).
    ``printed`` holds the beginning of what was written to stdout and stderr.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._output = _BoundedText(_MOST_PRINTED, sys.stderr)
        self._stack = contextlib.ExitStack()

    @property
    def printed(self) -> str:
        return self._output.getvalue()

    def __enter__(self) -> Sandbox:
        replace = self._replace
        replace(sys, "stdout", self._output)
        replace(sys, "stderr", self._output)
        replace(sys, "stdin", _NoInput())
        replace(builtins, "input", _refuse_input)
        replace(getpass, "getpass", _refuse_input)
        replace(sys, "unraisablehook", lambda _: None)  # a TimeUp may land in a __del__
        replace(os, "_exit", _refuse_exit)
        replace(os, "abort", _refuse_exit)
        self._stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        self._stack.callback(self._output.forward)
        self._stack.enter_context(_quiet_ipython())
        self._stack.enter_context(_no_figures_left())
        self._stack.enter_context(_usual_torch())
        use_signal = (
            hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        )
        self._clock = (_SignalClock if use_signal else _ThreadClock)(self._seconds)
        self._stack.callback(self._clock.stop)
        self._clock.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def run(self, function: Callable[[], Any]) -> tuple[Any, Raised | None]:
        """(what the function returns, None), or (None, what it raised)."""
        clock = self._clock
        if clock.expired:
            return None, Raised(TimeUp.__name__, "", "")
        try:
            try:
                clock.armed = True
                return function(), None
            finally:
                clock.armed = False
        except BaseException as error:
            while clock.armed:  # a thread's TimeUp can land on the very line that disarms it
                with contextlib.suppress(TimeUp):
                    clock.armed = False
            text, _ = self.run(functools.partial(_plain_text, error))
            line, own = _line_of(error)
            mistake = error.mistake if isinstance(error, Complaint) else ""
            return None, Raised(type(error).__name__, (text or "")[:600], line, own, mistake)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._stack.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


class _SignalClock:
    """Raises TimeUp in the main thread by SIGALRM, which also ends a sleep or a blocking read."""

    def __init__(self, seconds: float) -> None:
        self.armed = self.expired = False
        self._seconds = seconds
        self._patience = _LONGEST_IMPORT
        self._was_importing = False
        # Again and again, at uneven distances: an attempt may swallow one with a bare `except:`.
        self._delays = itertools.cycle((0.001, 0.000_03, 0.01, 0.000_1))

    def start(self) -> None:
        self._previous = signal.signal(signal.SIGALRM, self._ring)
        self._ring_after(self._seconds)

    def _ring_after(self, seconds: float) -> None:
        # Repeated, for rings that are lost: at the recursion limit not even _ring can be called.
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if self.armed and self._patience > 0 and _importing(frame):
            self._patience -= 0.5
            self._was_importing = True
            self._ring_after(0.5)
            return
        if self._was_importing:  # the import is over: now the attempt's own time begins
            self._was_importing = False
            self._ring_after(self._seconds)
            return
        self.expired = True
        if self.armed:
            self._ring_after(next(self._delays))
            if frame is not None and frame.f_globals is not globals():
                raise TimeUp


class _ThreadClock:
    """Raises TimeUp from a watching thread, where signals are not to be had.

    It cannot end a sleep or another blocking call before that returns by itself.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._armed = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._seconds = seconds
        self._target = threading.get_ident()

    @property
    def armed(self) -> bool:
        return self._armed

    @armed.setter
    def armed(self, value: bool) -> None:
        with self._lock:
            self._armed = value
            if not value:
                self._raise_in_target(None)

    def start(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        if self._stopped.wait(self._seconds):
            return
        deadline = time.monotonic()
        latest = deadline + _LONGEST_IMPORT
        while not self._stopped.wait(0.01):
            with self._lock:
                now = time.monotonic()
                frame = sys._current_frames().get(self._target)
                if self._armed and now < latest and _importing(frame):
                    deadline = now + self._seconds  # the attempt's own time begins afterwards
                if now < deadline:
                    continue
                self.expired = True
                if self._armed:
                    self._raise_in_target(TimeUp)

    def _raise_in_target(self, error: type[BaseException] | None) -> None:
        set_error = ctypes.pythonapi.PyThreadState_SetAsyncExc
        set_error(ctypes.c_ulong(self._target), error and ctypes.py_object(error))


class _BoundedText(io.StringIO):
    """Keeps the first ``most`` characters and swallows the rest.

    A logger made during the check keeps this stream for good, hence ``forward``: from then on it
    writes to the stream ``after``.
    """

    def __init__(self, most: int, after: Any) -> None:
        super().__init__()
        self._room = most
        self._after = after
        self._forwards = False

    def forward(self) -> None:
        self._forwards = True

    def write(self, text: str) -> int:
        if self._forwards:
            return self._after.write(text) if self._after else len(text)
        if self._room > 0:
            super().write(text[: self._room])
            self._room -= len(text)
        return len(text)

    def close(self) -> None:
        """Stays open, whatever the attempt does to its stdout."""


class _NoInput(io.TextIOBase):
    """A stdin that refuses to be read and, unlike the kernel's, does not mind being closed."""

    def read(self, *_: object) -> str:
        raise AsksForInput("no input during a check")

    readline = readlines = __next__ = read


def _refuse_input(*_: object, **__: object) -> str:
    raise AsksForInput("no input during a check")


def _refuse_exit(*_: object, **__: object) -> None:
    raise Exits


@contextlib.contextmanager
def _quiet_ipython() -> Iterator[None]:
    """In a kernel: `exit()` must not shut it down, and `display()` must not show anything."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        yield
        return
    from IPython.core.displaypub import CapturingDisplayPublisher

    publisher, shell.display_pub = shell.display_pub, CapturingDisplayPublisher()
    shell.ask_exit = _refuse_exit  # on the object: hides the class's method until it is deleted
    try:
        yield
    finally:
        del shell.ask_exit
        shell.display_pub = publisher


@contextlib.contextmanager
def _no_figures_left() -> Iterator[None]:
    """Close the figures that an attempt opens, which a notebook would show below the check."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = pyplot.get_fignums() if pyplot else []
    try:
        yield
    finally:
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in set(pyplot.get_fignums() if pyplot else ()) - set(before):
            pyplot.close(number)


@contextlib.contextmanager
def _usual_torch() -> Iterator[None]:
    """PyTorch with gradients on and float32; settings and random numbers are put back."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "inference_mode"):  # still being imported, elsewhere
        yield
        return
    dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)


def _plain_text(error: BaseException) -> str:
    """Its message, without what Keras adds: colours, and the arguments of the failed call."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    return text.partition("\n\nArguments received by")[0]


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


def _line_of(error: BaseException) -> tuple[str, bool]:
    """The deepest line in the attempt's own file, and whether the error was raised there."""
    step: TracebackType | None = error.__traceback__
    while step is not None and not _may_be_the_attempt(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    if step is None:
        return "", False
    home, line, own = step.tb_frame.f_code.co_filename, "", False
    while step is not None:
        own = step.tb_frame.f_code.co_filename == home
        if own:
            line = linecache.getline(home, step.tb_lineno).strip()
        step = step.tb_next
    return line, own


_CHECKS = os.path.dirname(__file__)
_LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")
)


def _may_be_the_attempt(path: str) -> bool:
    """Not a check and not a library, such as the frame in which PyTorch calls a forward."""
    return os.path.dirname(path) != _CHECKS and not path.startswith(_LIBRARIES)

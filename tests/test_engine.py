"""The check engine on hostile, clumsy and unusual attempts."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from helpers.checks import conv_shapes as check
from helpers.checks.engine import CheckFailed, Exercise, Lesson, Mistake, ask, case, lessons
from helpers.checks.sandbox import Complaint, Sandbox


def right(size, kernel_size, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


def rounds_up_and_forgets_dilation(size, kernel_size, stride=1, padding=0, dilation=1):
    return -(-(size + 2 * padding - kernel_size) // stride) + 1


def endless_loop(size, kernel_size, stride=1, padding=0, dilation=1):
    while True:
        pass


def endless_loop_that_swallows_everything(*args, **kwargs):
    while True:
        try:  # noqa: SIM105
            len([])
        except:  # noqa: E722
            pass


def sleeps(*args, **kwargs):
    time.sleep(3600)


def endless_generator(*args, **kwargs):
    while True:
        yield 1


def recurses(*args, **kwargs):
    return recurses(*args, **kwargs)


def asks(*args, **kwargs):
    return int(input("size? "))


def reads_stdin(*args, **kwargs):
    return int(sys.stdin.readline())


def exits(*args, **kwargs):
    sys.exit(1)


def quits(*args, **kwargs):
    quit()


def exits_hard(*args, **kwargs):
    os._exit(3)


def interrupts(*args, **kwargs):
    raise KeyboardInterrupt


def raises_oddly(*args, **kwargs):
    class Odd(Exception):
        def __str__(self):
            raise ValueError("no text")

    raise Odd


class EvilRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class EndlessIndex:
    def __index__(self):
        while True:
            pass


async def waits(*args, **kwargs):
    return 1


def recurses_and_recovers(*args, **kwargs):
    try:
        return recurses_and_recovers(*args, **kwargs)
    except RecursionError:
        return recurses_and_recovers(*args, **kwargs)


def closes_stdout(*args, **kwargs):
    sys.stdout.close()
    print("still open")
    return 1


def opens_missing_file(*args, **kwargs):
    with open("../../data/x.txt") as file:
        return file.read()


# As torch raises it for a module whose forward is misspelt: from a file of its own.
_LIBRARY: dict = {}
exec(
    compile(
        "def forward(): raise NotImplementedError('Module is missing forward')",
        "a_library.py",
        "exec",
    ),
    _LIBRARY,
)


def library_does_not_implement(*args, **kwargs):
    return _LIBRARY["forward"]()


HOSTILE = {
    endless_loop: "still running",
    endless_loop_that_swallows_everything: "still running",
    sleeps: "still running",
    endless_generator: "generator",
    recurses: "calls itself more often than Python allows",
    asks: "keyboard input",
    reads_stdin: "keyboard input",
    exits: "tries to exit",
    quits: "tries to exit",
    exits_hard: "tries to exit",
    interrupts: "interrupted",
    raises_oddly: "raised Odd",
    lambda *a, **k: 1 / 0: "ZeroDivisionError: division by zero at `",
    lambda *a, **k: None: "returned None",
    lambda *a, **k: print(right(*a, **k)): "only `return` hands it on",
    lambda *a, **k: float("nan"): "nan, not a number",
    lambda *a, **k: str(right(*a, **k)): "the right number as str",
    lambda *a, **k: 10**400: "should be 3",
    lambda *a, **k: float(10**300): "should be 3",
    lambda *a, **k: EvilRepr(): "EvilRepr",
    lambda *a, **k: EndlessIndex(): "still running",
    lambda *a, **k: right: "the brackets of a call seem to be missing",
    lambda *a, **k: [right(*a, **k)]: "return the number itself",
    lambda *a, **k: right(*a, **k) + 2: "all answers are 2 too large",
    lambda *a, **k: 4 * right(*a, **k): "all answers are 4 times the right ones",
    lambda *a, **k: float(right(*a, **k)): "All numbers are right, but they are floats",
    lambda *a, **k: np.array([1, 2]): "yours returned the array [1, 2]",
    lambda size: size: "cannot be called as conv_output_size(5, 3)",
    lambda *a, **k: -right(*a, **k): "all answers have the wrong sign",
    lambda kernel_size, size, stride=1, padding=0, dilation=1: 1: "arguments in another order",
    waits: "write `def`, not `async def`",
    check.conv_output_size: "This is the check, not your function",
    recurses_and_recovers: "still running",
    closes_stdout: "should be 3",
    opens_missing_file: "'../../data/x.txt'",
    library_does_not_implement: "raised NotImplementedError: Module is missing forward at `",
    7: "without calling it",
}


@pytest.mark.parametrize("attempt", HOSTILE, ids=lambda attempt: HOSTILE[attempt][:24])
def test_hostile_attempt_ends_in_a_sentence(attempt, capsys, monkeypatch):
    monkeypatch.setattr(check.conv_output_size, "seconds", 1.0)
    streams = sys.stdin, sys.stdout, sys.stderr, os._exit, sys.getrecursionlimit()
    handler = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    outcome = check.conv_output_size.grade(attempt)
    assert outcome.status == "failed"
    assert outcome.mistake is None
    assert HOSTILE[attempt] in outcome.message
    assert "helpers" not in outcome.message
    assert streams == (sys.stdin, sys.stdout, sys.stderr, os._exit, sys.getrecursionlimit())
    if handler is not None:
        assert signal.getsignal(signal.SIGALRM) == handler
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "number", [np.int64, np.int32, np.uint8, lambda n: np.array(n), lambda n: [n][0]]
)
def test_other_kinds_of_int_are_right(number):
    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        return number(right(size, kernel_size, stride, padding, dilation))

    assert check.conv_output_size.grade(attempt).status == "passed"


def test_texts_of_numpy_are_texts():
    def word(n):
        return {n: "even" if n % 2 == 0 else "odd"}

    cases = [case(1), case(2)]
    parity = Lesson("99", "Test").exercise(word, cases=cases, mistakes={}, hints=["a", "b"])
    right = parity.grade(lambda n: {n: np.where(n % 2 == 0, "even", "odd")[()]})
    wrong = parity.grade(lambda n: {n: np.where(n % 2 == 0, "odd", "even")[()]})
    assert (right.status, wrong.status) == ("passed", "failed")


def test_bool_is_no_int():
    lesson = Lesson("99", "Test")
    one = lesson.exercise(lambda n: 1, name="one", cases=[case(1)], hints=["a", "b"])
    assert one.grade(lambda n: True).status == "failed"


def test_a_thread_stops_endless_loops_too(monkeypatch):
    monkeypatch.setattr(check.conv_output_size, "seconds", 1.0)
    outcomes = []
    thread = threading.Thread(
        target=lambda: outcomes.extend(
            check.conv_output_size.grade(attempt)
            for attempt in (endless_loop, endless_loop_that_swallows_everything, right)
        )
    )
    thread.start()
    thread.join(60)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "passed"]
    assert "still running" in outcomes[0].message


def test_an_import_is_not_interrupted(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import time; time.sleep(1); done = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    results = []

    def imports():
        import slow_to_import

        time.sleep(0.1)  # more than was left of its own time
        return slow_to_import.done

    def check_imports():
        sys.modules.pop("slow_to_import", None)
        with Sandbox(0.2) as sandbox:
            results.append(sandbox.run(imports))
            results.append(sandbox.run(lambda: endless_loop(1, 1)))

    check_imports()
    thread = threading.Thread(target=check_imports)
    thread.start()
    thread.join(30)
    assert results[0::2] == [(True, None)] * 2
    assert [raised.type_name for _, raised in results[1::2]] == ["TimeUp"] * 2


def test_printing_without_end_is_bounded():
    with Sandbox(1.0) as sandbox:
        sandbox.run(lambda: [print("x" * 1000) for _ in itertools.repeat(0, 10_000)])
    assert len(sandbox.printed) <= 2000


def test_inputs_that_are_changed_are_named():
    def attempt(shape, layers):
        result = check.trace_shapes.reference(shape, layers)
        for layer in layers:
            layer["stride"] = 7
        return result

    outcome = check.trace_shapes.grade(attempt)
    assert outcome.status == "failed"
    assert "changes layers" in outcome.message


def test_state_between_calls_is_named():
    def attempt(shape, layers, shapes=[]):  # noqa: B006 - the classic mistake
        shapes += check.trace_shapes.reference(shape, layers)
        return shapes

    outcome = check.trace_shapes.grade(attempt)
    assert outcome.status == "failed"
    assert "remembers something between calls" in outcome.message


def test_what_is_missing_from_a_collection_is_named():
    def attempt(size, target, max_kernel_size=7):
        found = check.solve_conv.reference(size, target, max_kernel_size)
        return [each for each in found if each != (4, 2, 1)]

    message = check.solve_conv.grade(attempt).message
    assert "solve_conv(32, 16): 1 entry is missing, for example (4, 2, 1)." in message


def test_floats_in_any_collection_are_named():
    def padding(size, kernel_size, stride=1):
        return np.array(check.same_padding.reference(size, kernel_size, stride), dtype=float)

    def solutions(size, target, max_kernel_size=7):
        found = check.solve_conv.reference(size, target, max_kernel_size)
        return [tuple(map(float, each)) for each in reversed(found)]

    assert "they are floats" in check.same_padding.grade(padding).message
    assert "they are floats" in check.solve_conv.grade(solutions).message


def test_a_logger_made_during_a_check_goes_on_working(capsys):
    import logging

    def logs(*args, **kwargs):
        handler = logging.StreamHandler()  # keeps the stream of this moment
        logging.getLogger("of the attempt").addHandler(handler)
        return 1

    check.conv_output_size.grade(logs)
    logging.getLogger("of the attempt").warning("heard")
    assert "heard" in capsys.readouterr().err


def test_figures_of_an_attempt_are_closed():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    mine = plt.figure()
    with plt.rc_context({"figure.max_open_warning": 0}):
        check.conv_output_size.grade(lambda *a, **k: plt.figure().number)
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


def test_stopping_a_check_while_the_bank_is_computed_spoils_nothing(exercise):
    original, exercise.reference = exercise.reference, interrupts
    exercise.reference.__name__ = "add"
    with pytest.raises(KeyboardInterrupt):
        exercise.grade(lambda a, b=0: a + b)
    exercise.reference = original
    assert exercise.grade(lambda a, b=0: a + b).status == "passed"


def test_two_mistakes_at_once_are_told_one_after_the_other():
    outcome = check.conv_output_size.grade(rounds_up_and_forgets_dilation)
    assert outcome.mistake == "rounds_up"
    assert outcome.message.startswith("Leave dilation aside for now. You round up")
    assert "Then look at how dilation enters" in outcome.message


def test_a_mistake_in_no_bank_gets_an_example_and_what_the_wrong_cases_share():
    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        return right(size, kernel_size, stride, padding, dilation) + (padding > 0)

    outcome = check.conv_output_size.grade(attempt)
    assert outcome.mistake is None
    assert "conv_output_size(28, 5, 2, 2) should be 14, yours returned 15." in outcome.message
    assert "the wrong ones are exactly those where padding is not 0" in outcome.message


def test_an_error_in_some_cases_shows_the_line():
    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        if padding:
            return undefined_name  # noqa: F821
        return right(size, kernel_size, stride, padding, dilation)

    message = check.conv_output_size.grade(attempt).message
    assert "raised NameError" in message
    assert "at `return undefined_name" in message


def test_a_branch_left_open_is_not_called_not_attempted():
    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        if dilation > 1:
            raise NotImplementedError
        return right(size, kernel_size, stride, padding, dilation)

    outcome = check.conv_output_size.grade(attempt)
    assert outcome.status == "failed"
    assert "that branch has no answer yet" in outcome.message


def test_a_stub_with_words_of_its_own_is_not_attempted():
    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        raise NotImplementedError("later")

    assert check.conv_output_size.grade(attempt).status == "not attempted"


def test_what_pytorch_does_not_implement_is_no_stub():
    """Its C code raises NotImplementedError without a line of its own."""
    torch = pytest.importorskip("torch")

    def attempt(size, kernel_size, stride=1, padding=0, dilation=1):
        return torch.tensor([size], dtype=torch.uint8).mean()

    outcome = check.conv_output_size.grade(attempt)
    assert outcome.status == "failed"
    assert "Error: mean(): could not infer" in outcome.message  # RuntimeError until torch 2.11


@pytest.fixture
def exercise():
    def add(a, b=0):
        """a + b"""
        return a + b

    return Lesson("99", "Test").exercise(
        add,
        cases=[case(1), case(2, 3), case(-4, b=1)],
        mistakes={"minus": Mistake("You subtract.", lambda a, b=0: a - b)},
        hints=["first", "second"],
    )


def test_call_returns_the_attempt_or_the_reference(exercise, capsys):
    def good(a, b=0):
        return b + a

    assert exercise(good) is good
    assert exercise.status == "passed"
    assert exercise(lambda a, b=0: a - b) is exercise.reference
    assert exercise.status == "failed"
    shown = capsys.readouterr().out
    assert "✓ Passed: add" in shown
    assert "You subtract." in shown
    assert "reference" in shown


def test_the_reference_handed_out_is_not_a_pass(exercise, capsys):
    add = exercise(lambda a, b=0: a - b)
    assert exercise(add) is add
    assert exercise.status == "failed"
    shown = " ".join(capsys.readouterr().out.split())
    assert "Run the cell with your own answer again" in shown


def test_grade_shows_and_stores_nothing(exercise, capsys):
    exercise.grade(lambda a, b=0: a - b)
    assert exercise.status == "not attempted"
    assert capsys.readouterr() == ("", "")


def test_strict_mode_raises(exercise, monkeypatch):
    monkeypatch.setenv("HELPERS_STRICT", "1")

    def stub(a, b=0):
        raise NotImplementedError

    with pytest.raises(CheckFailed, match="not attempted"):
        exercise(stub)
    with pytest.raises(CheckFailed, match="You subtract"):
        exercise(lambda a, b=0: a - b)
    assert exercise(lambda a, b=0: a + b)(1, 2) == 3


def test_strict_mode_leaves_the_reference_for_later_cells(exercise, monkeypatch):
    monkeypatch.setenv("HELPERS_STRICT", "1")
    notebook = {"exercise": exercise}
    exec("def add(a, b=0):\n    raise NotImplementedError", notebook)
    with pytest.raises(CheckFailed):
        exec("add = exercise(add)", notebook)
    assert notebook["add"](2, 3) == 5


def test_hints_come_one_by_one_and_the_solution_is_shown(exercise, capsys):
    for expected in ("first", "second", "second"):
        exercise.hint()
        assert expected in capsys.readouterr().out
    exercise.solution()  # of no lesson, so there is only the reference
    shown = capsys.readouterr().out
    assert "return a + b" in shown and "An answer" not in shown


def test_progress_lists_every_exercise(capsys):
    check.progress()
    shown = capsys.readouterr().out
    assert all(name in shown for name in check.lesson.exercises)


def test_what_is_printed_is_shown_with_the_outcome(exercise, capsys):
    def chatty(a, b=0):
        print("debugging", a)
        return a + b

    exercise(chatty)
    assert "debugging 1" in capsys.readouterr().out


def test_probe_with_dependent_questions():
    class Counter:
        def __init__(self, start):
            self.value = start

        def step(self, by=1):
            self.value += by
            return self.value

    class Frozen(Counter):
        def step(self, by=1):
            return self.value + by

    def probe(attempt):
        counter = yield ask("Counter(3)", lambda: attempt(3), compare=False)
        yield ask("its first step", lambda: counter.step())
        yield ask("its second step", lambda: counter.step(5))

    exercise = Lesson("99", "Test").exercise(
        Counter,
        probe=probe,
        mistakes={"frozen": Mistake("It never moves.", Frozen)},
        hints=["a", "b"],
    )
    assert exercise.grade(Counter).status == "passed"
    assert exercise.grade(Frozen).mistake == "frozen"

    class Unfinished(Counter):
        def step(self, by=1):
            raise NotImplementedError

    outcome = exercise.grade(Unfinished)
    assert outcome.status == "failed"
    assert "its first step" in outcome.message


def test_exercises_are_refused_when_they_are_badly_made():
    lesson = Lesson("99", "Test")
    with pytest.raises(ValueError, match="two hints"):
        lesson.exercise(abs, cases=[case(1)], hints=["one"])
    with pytest.raises(ValueError, match="cases or a probe"):
        lesson.exercise(abs, hints=["a", "b"])
    lesson.exercise(abs, cases=[case(1)], hints=["a", "b"])
    with pytest.raises(ValueError, match="two exercises named"):
        lesson.exercise(abs, cases=[case(1)], hints=["a", "b"])


def test_html_is_escaped_and_labelled():
    from helpers.checks.reports import Result

    shown = Result("f", "failed", "use `<b>` & not x", printed="<script>")._repr_html_()
    assert "<script>" not in shown
    assert "<code" in shown and "&lt;b&gt;" in shown
    assert "role='status'" in shown


def test_checks_import_no_framework():
    code = """
        import sys
        import helpers.checks.conv_shapes, helpers.checks.start_here
        loaded = {"torch", "tensorflow", "keras", "numpy", "matplotlib"} & sys.modules.keys()
        assert not loaded, loaded
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_in_a_kernel_exit_does_not_end_it_and_display_is_quiet():
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "from helpers.checks import conv_shapes as check",
        "def leaves(*a, **k):\n    exit()\ncheck.conv_output_size(leaves);",
        "def shows(*a, **k):\n    display('seen')\n    return 1\n"
        "print(check.conv_output_size.grade(shows).status)",
        "exit.__class__.__name__, get_ipython().ask_exit.__name__",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=120).execute()
    left = notebook.cells[1].outputs[0]["data"]
    assert "tries to exit" in left["text/plain"]
    assert "Not yet" in left["text/html"]
    assert [output.get("text") for output in notebook.cells[2].outputs] == ["failed\n"]
    assert "ask_exit" in notebook.cells[3].outputs[0]["data"]["text/plain"]


def test_lessons_are_found_in_order():
    found = lessons()
    assert "conv_shapes" in found
    assert [lesson.number for lesson in found.values()] == sorted(
        lesson.number for lesson in found.values()
    )


def test_a_probe_may_say_it_in_its_own_words():
    def probe(attempt):
        made = yield ask("make()", attempt, compare=False)
        yield ask("make()'s length", lambda: _length(made))

    def _length(made):
        if not isinstance(made, dict):
            raise Complaint(f"cannot be told of a {type(made).__name__}. Make a dict.")
        return len(made)

    exercise = Lesson("99", "Test").exercise(
        lambda: {},
        name="make",
        probe=probe,
        hints=["a", "b"],
        mistakes={"a_list": Mistake("A list.", lambda: [])},
    )
    assert exercise.grade(list).mistake == "a_list"
    outcome = exercise.grade(tuple)  # another complaint, so another mistake
    assert outcome.mistake is None
    assert outcome.message == "make()'s length cannot be told of a tuple. Make a dict."


@pytest.fixture
def doubled():
    values = np.array([1.0, -2.0, 4.0])
    return Lesson("99", "Test").exercise(
        lambda n: values * n, name="times", cases=[case(2)], hints=["a", "b"]
    )


@pytest.mark.parametrize(
    ("attempt", "clue"),
    [
        (lambda n: np.array([1.0, -2.0, 4.0]), "All are 0.5 times the right ones."),
        (lambda n: np.array([3.5, -2.5, 9.5]), "All are 1.5 too large."),
        (lambda n: np.array([1, 2, 3], np.uint8), "at index (1,) yours is 2, right is -4. No"),
        (lambda n: np.array(["a", "b", "c"]), "yours returned the array ['a', 'b', 'c']"),
        (lambda n: np.array([True, False, True]), "at index (2,) yours is 1, right is 8."),
    ],
)
def test_what_two_arrays_differ_by(doubled, attempt, clue):
    assert clue in doubled.grade(attempt).message


COLUMNS = np.array([[1.0, 5.0], [2.0, -3.0], [4.0, 1.0]])


@pytest.mark.parametrize(
    ("change", "clue"),
    [
        (lambda x: x + [1, -2], "For each index of axis 1, all are shifted by one number"),
        (lambda x: x * [3, 0.5], "For each index of axis 1, all are off by one factor: look"),
        (lambda x: x * [3, 0.5] + [1, 2], "all are off by one factor and one shift."),
        (lambda x: x**2, ""),
        (lambda x: 0 * x, ""),
        (lambda x: x * np.nan, "contains nan"),
    ],
)
def test_what_the_columns_of_two_arrays_differ_by(change, clue):
    exercise = Lesson("99", "Test").exercise(
        lambda n: COLUMNS, name="columns", cases=[case(2)], hints=["a", "b"]
    )
    message = exercise.grade(lambda n: change(COLUMNS)).message
    assert clue in message
    assert clue or "axis 1" not in message


def test_torch_s_settings_hinder_no_attempt_and_survive_it():
    torch = pytest.importorskip("torch")

    def attempt():
        settings = torch.get_default_dtype(), torch.ones(1, requires_grad=True).mul(2).requires_grad
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float16)
        torch.manual_seed(7)
        return settings

    torch.set_default_dtype(torch.float64)
    state = torch.get_rng_state()
    try:
        with torch.no_grad(), torch.inference_mode():
            with Sandbox(5.0) as sandbox:
                assert sandbox.run(attempt) == ((torch.float32, True), None)
            assert torch.get_default_dtype() == torch.float64
            assert not torch.is_grad_enabled() and torch.is_inference_mode_enabled()
            assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_line_named_is_the_attempt_s_and_not_torch_s():
    torch = pytest.importorskip("torch")

    class Layer(torch.nn.Module):
        def forward(self, n):
            return torch.ones(2, 3) @ torch.ones(n)  # torch's own frames lie on either side

    exercise = Lesson("99", "Test").exercise(
        lambda n: 0, name="layer", cases=[case(2)], hints=["a", "b"]
    )
    message = exercise.grade(Layer()).message
    assert "at `return torch.ones(2, 3) @ torch.ones(n)" in message


def test_another_error_of_the_same_type_is_another_mistake():
    exercise = Lesson("99", "Test").exercise(
        lambda n: n,
        name="same",
        cases=[case(2)],
        hints=["a", "b"],
        mistakes={"divides": Mistake("It divides.", lambda n: n / 0)},
    )
    assert exercise.grade(lambda n: (n + 1) / 0).mistake == "divides"
    assert exercise.grade(lambda n: n // 0).mistake is None


def test_a_probe_can_name_the_mistake_that_it_saw_without_running_the_bank():
    def probe(attempt):
        value = yield ask("f()", attempt, compare=False)
        yield ask("The value", lambda: complain_of(value))

    def complain_of(value):
        if value < 0:
            raise Complaint(f"is {value}.", mistake="negative")
        if value > 9:
            raise Complaint(f"is {value}, too much.")

    def never_run():
        raise SystemExit

    exercise = Exercise(
        lambda: 1,
        name="f",
        probe=probe,
        names_mistakes=True,
        mistakes={"negative": Mistake("Leave the minus out.", never_run)},
        hints=["first", "second"],
    )
    assert exercise.grade(lambda: 2).status == "passed"
    named, unnamed = exercise.grade(lambda: -2), exercise.grade(lambda: 10)
    assert (named.status, named.mistake) == ("failed", "negative")
    assert named.message == "The value is -2. Leave the minus out."
    assert (unnamed.status, unnamed.mistake) == ("failed", None)
    assert unnamed.message == "The value is 10, too much."


def test_a_reference_given_by_name_is_imported_when_it_is_needed(tmp_path, monkeypatch, capsys):
    (tmp_path / "late_reference.py").write_text("def add(a, b=0):\n    return a + b\n")
    monkeypatch.syspath_prepend(tmp_path)
    exercise = Lesson("99", "Late imports").exercise(
        "late_reference.add",
        cases=[case(1), case(2, 3)],
        mistakes={"minus": Mistake("You subtract.", lambda a, b=0: a - b)},
        hints=["first", "second"],
    )
    assert exercise.name == "add"
    assert "late_reference" not in sys.modules
    assert exercise.grade(lambda a, b=0: a - b).mistake == "minus"
    assert exercise(None) is sys.modules["late_reference"].add
    exercise.solution()
    shown = capsys.readouterr().out
    assert "The reference, late_reference.add" in shown and "return a + b" in shown


def test_what_keras_adds_to_its_messages_is_left_out(exercise):
    def fails(a, b=0):
        raise ValueError(
            "Exception encountered when calling Dense.call().\n\n\x1b[1mNo.\x1b[0m\n\n"
            "Arguments received by Dense.call():\n  • x=1"
        )

    message = exercise.grade(fails).message
    assert "Dense.call().\n\nNo at `raise" in message
    assert "\x1b" not in message and "Arguments" not in message

"""The doctor finds what is there, names what is not, and never falls ill itself."""

import html.parser
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from helpers import __version__
from helpers import doctor as module
from helpers.doctor import Finding, Report, doctor, widget_test

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def report() -> Report:
    return doctor()


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch):
    """Make a package look as if it were not installed, or another version of it."""
    real = metadata.version

    def pretend(name: str, version: str | None = None) -> None:
        def lookup(asked: str) -> str:
            if asked != name:
                return real(asked)
            if version is None:
                raise metadata.PackageNotFoundError(asked)
            return version

        monkeypatch.setattr(metadata, "version", lookup)
        if version is None:
            monkeypatch.setitem(sys.modules, name, None)  # an import of it fails

    return pretend


def finding(report: Report, topic: str) -> Finding:
    return next(finding for finding in report.findings if finding.topic == topic)


def test_all_is_well_here(report: Report) -> None:
    assert report.problems == []
    assert report.verdict == "Everything the lessons need is here."
    assert report.verdict in repr(report)


def test_report_names_what_it_found(report: Report) -> None:
    text = repr(report)
    assert f"version {__version__}" in text
    for package in ["torch", "tensorflow", "keras", "numpy", "ipywidgets"]:
        assert f"{package} {metadata.version(package)}" in text
    assert f"{sys.version_info[0]}.{sys.version_info[1]}." in finding(report, "Python").text
    assert finding(report, "Device").text.split(":")[0] in ("cpu", "cuda", "mps")
    assert "CPU core" in text
    assert "of disk free" in text


def test_html_is_well_formed_and_says_it_without_colour(report: Report) -> None:
    class Parser(html.parser.HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.text = ""

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            self.text += data

    parser = Parser()
    broken = Report((*report.findings, Finding("Packages", "a <b> & c", "No <b>: install it.")))
    page = broken._repr_html_()
    parser.feed(page)
    assert parser.open == []
    assert "Problem: a <b> & c" in parser.text
    assert "No <b>: install it." in parser.text
    assert "#" not in page  # no colour of its own: dark and light themes bring theirs


def test_missing_package_is_a_problem_with_a_remedy(absent) -> None:
    absent("torchvision")
    report = doctor()
    assert len(report.problems) == 1
    assert "torchvision (not installed)" in report.verdict
    assert "course.py lab" in report.verdict


def test_old_package_is_a_problem(absent) -> None:
    absent("ipywidgets", "7.6.5")
    assert "ipywidgets (7.6.5, older than 7.7)" in doctor().verdict


@pytest.mark.parametrize("version", ["7.7", "7.7.1", "7.10.0", "8.1.9"])
def test_versions_are_compared_as_numbers(absent, version: str) -> None:
    absent("ipywidgets", version)
    assert doctor().problems == []


def test_versions_are_compared_without_packaging_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "packaging.version", None)
    assert module._older("2.7.1+cu126", "2.8")
    assert not module._older("2.11.0+cpu", "2.8")


def test_colab_lacks_only_what_no_lesson_needs(absent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-external")
    absent("nbval")
    report = doctor()
    assert report.problems == []
    assert "Google Colab" in repr(report)
    assert "nbval (not installed)" in finding(report, "Packages").text
    absent("torchvision")
    assert "%pip install -U torchvision" in doctor().verdict


def test_missing_torch_is_reported_once(absent) -> None:
    absent("torch")
    report = doctor()
    assert len(report.problems) == 1
    assert "torch (not installed)" in report.verdict


def test_damaged_torch_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libtorch_cpu.so: file too short")

    monkeypatch.setattr(module, "import_module", broken)
    assert "PyTorch is damaged" in doctor().verdict


def test_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Properties:
        total_memory = 80e9

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert finding(doctor(), "Device").text == "cuda: A GPU, 80 GB, the first of 2"


def test_unsupported_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PYTHONS", ((3, 7), (3, 8)))
    assert "3.7 to 3.8" in doctor().verdict


def test_full_svhn_is_found_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.delenv("HELPERS_DATA", raising=False)
    assert "not on disk" in finding(doctor(), "Full SVHN").text
    (tmp_path / "data" / "svhn").mkdir(parents=True)
    (tmp_path / "data" / "svhn" / "test_32x32.mat").write_bytes(bytes(3_000_000))
    assert "test_32x32.mat 3 MB" in finding(doctor(), "Full SVHN").text


def test_a_failing_look_does_not_fell_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Finding:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(module, "_computer", fail)
    assert "could not be examined (RuntimeError: no such thing)" in repr(doctor())


def test_importing_it_loads_no_framework() -> None:
    code = "import sys, helpers.doctor; print({'torch', 'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_widget_text_follows_the_slider() -> None:
    widget = widget_test()
    slider, text = widget.children
    assert "3 squared is 9" in text.value
    slider.value = 7
    assert "7 squared is 49" in text.value


def test_stored_widget_is_a_sentence() -> None:
    assert repr(widget_test()).startswith("Widget test: if you see a slider, widgets work.")
    assert len(repr(widget_test())) <= 110  # ipywidgets cuts longer ones

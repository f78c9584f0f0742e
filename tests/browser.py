"""A real JupyterLab in a real Chromium, for tests of the widgets.

``lab()`` starts a server on an empty folder and a browser; ``Lab.notebook(cells)`` opens a notebook
with those cells, runs them all and gives a ``Page``. Playwright's own browser download is never
used: the browser is the one installed on this computer, and ``missing()`` says what is lacking.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE = 120_000  # milliseconds; a busy computer keeps JupyterLab and its kernel waiting
# Noise of JupyterLab itself, seen with an empty notebook too.
_NOISE = (
    "favicon",  # the browser asks for an icon that the server lacks
    "/lsp/",  # no language server is installed
    "ERR_INTERNET_DISCONNECTED",
    "ERR_NAME_NOT_RESOLVED",
)


def browser_path() -> str | None:
    """The installed Chromium or Chrome, or None."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


def missing() -> str:
    """Why browser tests cannot run here; empty if they can."""
    for module in ("playwright", "jupyterlab", "ipywidgets"):
        if find_spec(module) is None:
            return f"the Python package {module} is not installed"
    if browser_path() is None:
        return f"no browser found on the PATH (looked for {', '.join(_BROWSERS)})"
    return ""


class Page:
    """One open notebook: ``page`` is Playwright's, ``errors`` what the console complained about."""

    def __init__(self, page: Any, errors: list[str]) -> None:
        self.page, self.errors = page, errors

    def run_all(self) -> None:
        """Start all cells, without waiting for them."""
        # Not awaited: it ends with the last cell, and evaluate() knows no time limit.
        self.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def screenshot(self, path: Path | str, selector: str = "") -> Path:
        """Save a picture of the window, or of the first element that ``selector`` finds."""
        target = self.page.locator(selector).first if selector else self.page
        target.screenshot(path=str(path))
        return Path(path)

    def theme(self, name: str) -> None:
        """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})",
            name,
        )
        light = "true" if "Light" in name else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")


class Lab:
    """A running JupyterLab and browser."""

    def __init__(self, url: str, token: str, folder: Path, browser: Any) -> None:
        self.url, self.token, self.folder, self._browser = url, token, folder, browser

    def notebook(
        self, cells: list[str], name: str = "test.ipynb", width: int = 1300, height: int = 1500
    ) -> Page:
        """Write a notebook with these code cells, open it alone in the window and run it."""
        (self.folder / name).write_text(json.dumps(_notebook(cells)))
        context = self._browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        errors: list[str] = []

        def note(text: str) -> None:
            if not any(noise in text for noise in _NOISE):
                errors.append(text)

        page.on(
            "console",
            lambda message: (
                note(f"{message.text} ({message.location.get('url', '')})")
                if message.type == "error"
                else None
            ),
        )
        page.on("pageerror", lambda error: note(str(error)))
        # "doc" is JupyterLab with nothing but the document; "reset" forgets earlier layouts.
        page.goto(f"{self.url}/doc/tree/{name}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        # Run before the kernel has answered, JupyterLab asks which kernel to use.
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status "
            "=== 'idle'"
        )
        opened = Page(page, errors)
        opened.run_all()
        return opened


def _notebook(cells: list[str]) -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """JupyterLab on an empty temporary folder, and a browser; both are gone afterwards."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "notebooks"
        folder.mkdir()
        _write_settings(Path(name) / "settings")
        with _server(folder, Path(name)) as (url, token), sync_playwright() as playwright:
            flags = list(_FLAGS)
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                flags.append("--no-sandbox")  # Chromium refuses to run as root with it
            browser = playwright.chromium.launch(executable_path=browser_path(), args=flags)
            try:
                yield Lab(url, token, folder, browser)
            finally:
                browser.close()


def _write_settings(folder: Path) -> None:
    # Otherwise a box offers Jupyter's news and covers what a test wants to click.
    notification = folder / "@jupyterlab" / "apputils-extension"
    notification.mkdir(parents=True)
    (notification / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


@contextlib.contextmanager
def _server(folder: Path, home: Path) -> Iterator[tuple[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    # Settings and history of whoever runs the tests stay out of it, and untouched.
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    log = home / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser",
                f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1",
                f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
                "--ServerApp.allow_root=True", "--ServerApp.port_retries=0",
                "--LabApp.news_url=",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/api/status?token={token}", process, log)
            yield url, token
        finally:
            _stop(process)


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not answer in {seconds} s:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen) -> None:
    """Ask JupyterLab to stop, which stops its kernels; then insist."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Widget:
    """A widget in a cell's output; finds its controls by their labels, as a reader does."""

    def __init__(self, page, place: int = 0) -> None:
        self.page = page
        self.root = page.locator(".jp-OutputArea-output").nth(place)

    def control(self, label: str):
        exact = re.compile(rf"^\s*{re.escape(label)}\s*$")
        box = self.root.locator(
            ".widget-inline-hbox", has=self.page.locator("label", has_text=exact)
        )
        return box.locator("visible=true").first

    def key(self, label: str, key: str, times: int = 1) -> None:
        """Press a key on a slider's handle."""
        for _ in range(times):
            self.control(label).locator(".noUi-handle").press(key)

    def choose(self, label: str, option: str) -> None:
        self.control(label).locator("select").select_option(option)

    def next_option(self, label: str) -> None:
        """The next option of a dropdown, by keyboard.

        A list that is not open leaves the arrow keys to the notebook, which moves to the next
        cell, so the list is opened first.
        """
        field = self.control(label).locator("select")
        for key in ("Space", "ArrowDown", "Enter"):
            field.press(key)

    def settled(self) -> None:
        """Wait until the kernel has answered all that was done, and the page shows it.

        Without it a test can take an old text for the new one. A slider holds back its later
        values until the kernel has answered the first, hence more than one question.
        """
        self.page.evaluate(
            """async () => {
                 const { sessionContext } = window.jupyterapp.shell.currentWidget;
                 for (let question = 0; question < 3; question++) {
                   const code = { code: "", silent: true, store_history: false };
                   await sessionContext.session.kernel.requestExecute(code).done;
                   await new Promise(requestAnimationFrame);
                 }
               }"""
        )

    def changed(self, read: Callable[[], T], before: T) -> T:
        """Wait until ``read()`` gives something, other than before; return it."""
        self.settled()
        end = time.monotonic() + _PATIENCE / 1000
        while not (after := read()) or after == before:
            assert time.monotonic() < end, "nothing was drawn anew"
            self.page.wait_for_timeout(100)
        return after

    def says(self, text: str | re.Pattern) -> None:
        """Wait until the text is to be seen."""
        self.settled()
        self.root.get_by_text(text).locator("visible=true").first.wait_for()

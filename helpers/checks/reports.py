"""How the checks speak to a learner: HTML in a notebook, plain text everywhere else.

The HTML takes its text colour from the page and lays translucent colour over it, so that it is
legible in light and dark themes; what a colour says, a word says too.
"""

from __future__ import annotations

import html
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# status: sign, word, colour of the bar on the left
_LOOKS = {
    "passed": ("✓", "Passed", "#1b9e77"),
    "failed": ("✗", "Not yet", "#d95f02"),
    "not attempted": ("○", "Not attempted", "#7f7f7f"),
}
_GOES_ON = {
    "passed": "What follows uses your answer.",
    "failed": "What follows uses the course's reference, so you can read on and come back.",
    "not attempted": "What follows uses the course's reference, so you can read on and come back.",
}


@dataclass(frozen=True)
class Result:
    """The outcome of one check."""

    name: str
    status: str
    message: str
    printed: str = ""
    counts: bool = True

    @property
    def _footer(self) -> str:
        return _GOES_ON[self.status] if self.counts else "Only shown: this answer does not count."

    def __repr__(self) -> str:
        sign, word, _ = _LOOKS[self.status]
        lines = [f"{sign} {word}: {self.name}", _wrap(self.message), _wrap(self._footer)]
        if self.printed:
            printed = textwrap.indent(self.printed.rstrip(), "    ")
            lines.append(f"  Printed during the check:\n{printed}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        sign, word, colour = _LOOKS[self.status]
        body = f"<div>{_text(self.message)}</div>"
        if self.printed:
            body += (
                "<details style='margin-top:.3em'><summary>Printed during the check</summary>"
                f"<pre style='margin:.3em 0;white-space:pre-wrap'>{html.escape(self.printed)}"
                "</pre></details>"
            )
        small = "margin-top:.3em;font-size:.9em;opacity:.8"
        body += f"<div style='{small}'>{self._footer}</div>"
        return _box(f"{sign} {word}: {_code(self.name)}", body, colour, f"{word}: {self.name}")


@dataclass(frozen=True)
class Note:
    """A hint."""

    title: str
    text: str
    more: str

    def __repr__(self) -> str:
        return "\n".join([self.title, _wrap(self.text), _wrap(self.more)])

    def _repr_html_(self) -> str:
        body = f"<div>{_text(self.text)}</div>"
        body += f"<div style='margin-top:.3em;font-size:.9em;opacity:.8'>{_text(self.more)}</div>"
        return _box(html.escape(self.title), body, "#7570b3", self.title)


@dataclass(frozen=True)
class Source:
    """Pieces of source code by title; in a notebook all but the first are folded away."""

    sources: Mapping[str, str]

    def __repr__(self) -> str:
        return "\n\n".join(
            f"{title}\n{textwrap.indent(source, '    ')}" for title, source in self.sources.items()
        )

    def _repr_html_(self) -> str:
        style = "margin:.3em 0;overflow-x:auto;background:rgba(127,127,127,.1);padding:.6em"
        style += ";white-space:pre;color:inherit"  # JupyterLab would wrap the lines
        title, *others = self.sources
        body = ""
        for each, source in self.sources.items():
            code = f"<pre style='{style}' tabindex='0'>{html.escape(source)}</pre>"
            if each in others:
                code = f"<details><summary>{html.escape(each)}</summary>{code}</details>"
            body += code
        return _box(html.escape(title), body, "#7570b3", title)


@dataclass(frozen=True)
class Progress:
    """The exercises of a lesson: (name, effort, status) each."""

    title: str
    rows: Sequence[tuple[str, str, str]]

    @property
    def _summary(self) -> str:
        passed = sum(status == "passed" for _, _, status in self.rows)
        return f"{passed} of {len(self.rows)} exercises passed"

    def __repr__(self) -> str:
        width = max((len(name) for name, _, _ in self.rows), default=0)
        lines = [
            f"  {_LOOKS[status][0]} {name:<{width}}  {effort:<10} {_LOOKS[status][1].lower()}"
            for name, effort, status in self.rows
        ]
        return "\n".join([f"{self.title}. {self._summary}.", *lines])

    def _repr_html_(self) -> str:
        cell = "style='text-align:left;padding:.15em 1.2em .15em 0'"
        rows = "".join(
            f"<tr><td {cell}>{_LOOKS[status][0]} {_LOOKS[status][1]}</td>"
            f"<td {cell}>{_code(name)}</td><td {cell}>{effort}</td></tr>"
            for name, effort, status in self.rows
        )
        head = "".join(
            f"<th scope='col' {cell}>{word}</th>" for word in ("Status", "Exercise", "Effort")
        )
        style = "border-collapse:collapse;margin:.2em 0;color:inherit"
        body = f"<table style='{style}'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        title = f"{self.title}. {self._summary}."
        return _box(html.escape(title), body, "#7570b3", title)


def show(report: Result | Note | Source | Progress) -> None:
    """Display the report in IPython or a notebook, print it elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(report)
    else:
        print(repr(report))


def _box(title: str, body: str, colour: str, label: str) -> str:
    style = (
        f"border-left:5px solid {colour};background:rgba(127,127,127,.08);padding:.6em 1em;"
        "margin:.4em 0;max-width:52em;line-height:1.5;font-family:sans-serif;color:inherit"
    )
    return (
        f"<div role='status' aria-label='{html.escape(label, quote=True)}' style='{style}'>"
        f"<div style='font-weight:bold'>{title}</div>{body}</div>"
    )


def _text(message: str) -> str:
    """Escaped text in which `backquoted` parts are code and line breaks stay."""
    parts = message.split("`")
    if len(parts) % 2 == 0:  # a lone backquote is not markup
        return html.escape(message).replace("\n", "<br>")
    marked = [_code(part) if index % 2 else html.escape(part) for index, part in enumerate(parts)]
    return "".join(marked).replace("\n", "<br>")


def _code(text: str) -> str:
    return (
        f"<code style='color:inherit;background:rgba(127,127,127,.15)'>{html.escape(text)}</code>"
    )


def _wrap(message: str) -> str:
    wrapped = (
        textwrap.fill(line, 96, initial_indent="  ", subsequent_indent="  ")
        for line in message.split("\n")
    )
    return "\n".join(wrapped)

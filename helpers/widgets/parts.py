"""Small pieces of text and drawing that several widgets share.

Text and lines take the colour of the surrounding theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

BLUE, ORANGE = "#3a8ad8", "#e0821a"  # legible on white and on near-black

_TEXT_STYLE = (
    "color:var(--jp-ui-font-color1,var(--vscode-editor-foreground,inherit));"
    "font-size:13px;line-height:1.5"
)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def page(*parts: str) -> str:
    """Parts of HTML in the theme's text colour."""
    return f'<div style="{_TEXT_STYLE}">{"".join(parts)}</div>'


def verdict_box(good: bool | None, lines: Sequence[str], min_height: int = 0) -> str:
    """Sentences beside a ✓, a ✗ or neither (None), announced by screen readers when they change.

    min_height : in pixels, so that what stands below does not jump with every change.
    """
    sign, colour = {
        True: ("✓", "47,158,107"),
        False: ("✗", "214,69,61"),
        None: ("", "58,138,216"),
    }[good]
    body = "".join(f"<div>{escape(sentence)}</div>" for sentence in lines)
    return (
        f'<div role="status" style="border-left:5px solid rgb({colour});padding:6px 12px;'
        f"background:rgba({colour},.13);margin:4px 0;display:flex;gap:8px;"
        f'min-height:{min_height}px">'
        f"<strong>{sign}</strong><div>{body}</div></div>"
    )


def number(value: float, digits: int = 3) -> str:
    """``digits`` digits; very large and very small numbers as 2.5·10⁻⁷; a true minus sign."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    sign, power = "−" if value < 0 else "", int(exponent)
    if -4 < power < 4:
        return f"{sign}{float(f'{mantissa}e{exponent}'):,.{max(digits - 1 - power, 0)}f}"
    raised = f"10{str(power).translate(_SUPERSCRIPTS)}"
    return sign + (raised if float(mantissa) == 1 else f"{mantissa}·{raised}")


def short(value: float) -> str:
    """As ``number``, without zeros at the end: for the ticks of an axis."""
    written = number(value)
    return written.rstrip("0").rstrip(".") if "." in written and "·" not in written else written


def times(ratio: float) -> str:
    """ "2.1 times", or "about as large as" for what rounds to 1."""
    return "about as large as" if f"{ratio:.1f}" == "1.0" else f"{number(ratio, 2)} times"


def percent(share: float) -> str:
    """A share in words; "less than 1 %" rather than a misleading 0 %."""
    if 0 < share < 0.01:
        return "less than 1 %"
    if 0.99 < share < 1:
        return "more than 99 %"
    return f"{share:.0%}".replace("%", " %")


def line(x1: float, y1: float, x2: float, y2: float, dashed: bool = False) -> str:
    """A thin line in an SVG."""
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'opacity=".6"{dashes}/>'
    )


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Text in an SVG; ``anchor`` is start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" '
        f'font-size="12">{escape(words)}</text>'
    )

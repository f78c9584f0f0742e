"""What the 1-D GAN player shows: training runs packed into small frames, and the page around them.

Pure functions: from a history to a packed run, from packed runs to HTML. A packed run holds text
and whole numbers only, so its page is the same on every computer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.widgets.gan_1d_script import SCRIPT, STYLE
from helpers.widgets.parts import BLUE, ORANGE

if TYPE_CHECKING:
    from helpers.pytorch.gan_1d import History

RUNS = Path(__file__).parents[2] / "data" / "results" / "gan_1d.json"
GREEN = "#2f9e6b"
MOST_RECORDS = 150

PackedRun = dict[str, Any]


def load_runs(path: str | Path = RUNS) -> dict[str, PackedRun]:
    """The bundled runs, packed, by name.

    Raises FileNotFoundError, with the command that makes the file, if it is not there.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))["runs"]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is not there; it comes with the course, and "
            "`python -m helpers.widgets.gan_1d_runs` makes it again."
        ) from None


def pack(history: History, note: str = "") -> PackedRun:
    """A run in a form that a page can hold: numbers rounded to what a picture shows of them.

    note : a sentence on what there is to see. Densities and probabilities become one byte each,
    places of fakes two. At most 150 records are kept, evenly spread. The losses of a record are the
    means over the steps since the one before, those of the first record the losses of the first
    step.
    """
    records = len(history.steps)
    kept = np.unique(np.linspace(0, records - 1, min(records, MOST_RECORDS)).round().astype(int))
    low, high = float(history.grid[0]), float(history.grid[-1])
    top = 2.2 * float(history.real_density.max())
    steps = history.steps[kept]
    pushes = history.pushes[kept]
    strongest = max(float(np.quantile(np.abs(pushes), 0.95)), 1e-9)
    return {
        "note": note,
        "low": round(low, 4),
        "high": round(high, 4),
        "top": round(top, 4),
        "places": len(history.grid),
        "fakes": history.samples.shape[1],
        "steps": steps.tolist(),
        "modes": [round(mean, 3) for mean in history.mixture.means],
        "real": _text(_whole(history.real_density / top, 255, np.uint8)),
        "fake": _text(_whole(history.fake_density[kept] / top, 255, np.uint8)),
        "judged": _text(_whole(history.discriminator[kept], 255, np.uint8)),
        "optimal": _text(_whole(history.optimal[kept], 255, np.uint8)),
        "samples": _text(_whole((history.samples[kept] - low) / (high - low), 65535, "<u2")),
        "pushes": _text(_whole((pushes / strongest + 1) / 2, 254, np.uint8)),
        "peaks": _rounded(history.fake_density[kept].max(axis=1), 2),
        "divergence": _rounded(history.divergence[kept], 3),
        "shares": [_rounded(share, 2) for share in history.shares[kept]],
        "d_losses": _rounded(_means(history.d_losses, steps), 3),
        "g_losses": _rounded(_means(history.g_losses, steps), 3),
    }


def _whole(shares: np.ndarray, largest: int, kind: Any) -> np.ndarray:
    return np.clip(np.round(np.asarray(shares) * largest), 0, largest).astype(kind)


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def _rounded(numbers: np.ndarray, digits: int) -> list[float]:
    return [round(float(number), digits) for number in numbers]


def _means(losses: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The mean loss between each record and the one before; of the first step for the first."""
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    between = (sums[steps[1:]] - sums[steps[:-1]]) / np.diff(steps)
    return np.concatenate([[losses[0]], between])


def unpack(run: PackedRun, name: str) -> np.ndarray:
    """The numbers of a packed run again, a row for each record ("real": one row).

    name : "real", "fake" (densities), "judged", "optimal" (probabilities) or "samples" (places).
    """
    raw = base64.b64decode(run[name])
    if name == "samples":
        numbers = np.frombuffer(raw, "<u2").reshape(-1, run["fakes"]) / 65535
        return run["low"] + numbers * (run["high"] - run["low"])
    numbers = np.frombuffer(raw, np.uint8).reshape(-1, run["places"]) / 255
    return numbers * run["top"] if name in ("real", "fake") else numbers


# ---- The page -----------------------------------------------------------------------------------


def player_html(runs: Mapping[str, PackedRun]) -> str:
    """The player of these runs: HTML that needs no kernel, no network and nothing beside itself.

    Without its script, as in a notebook that is not trusted, a still picture and a sentence remain.
    Raises ValueError if there is no run.
    """
    if not runs:
        raise ValueError("no runs: give at least one, as in {'my run': history}")
    # Nothing in the data may end the script element.
    data = json.dumps(runs, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    key = hashlib.sha256(f"{data}{SCRIPT}{STYLE}".encode()).hexdigest()[:12]
    still = base64.b64encode(still_svg(runs).encode()).decode()
    script = SCRIPT
    for name, value in {
        "KEY": json.dumps(key), "DATA": data, "STYLE": json.dumps(STYLE),
    }.items():  # fmt: skip
        script = script.replace(f'"{{{{{name}}}}}"', value)
    return (
        f'<div class="gan-1d" data-gan-1d="{key}" data-lm-suppress-shortcuts="true">'
        f'<img alt="{escape(still_words(runs))}" width="720" style="max-width:100%" '
        f'src="data:image/svg+xml;base64,{still}">'
        "<p>This is a still picture. The player needs its script, which Jupyter does not run in a "
        "notebook that it does not trust: run this cell, or choose Trust Notebook in the command "
        f"palette.</p></div><script>{script}</script>"
    )


_PANEL, _GAP, _TOP, _HEAD = (226, 96), 10, 38, 36


def still_svg(runs: Mapping[str, PackedRun]) -> str:
    """Densities at the start, the middle and the end of up to three runs, on a white card."""
    shown = list(runs.items())[:3]
    height = _TOP + len(shown) * (_PANEL[1] + _HEAD)
    parts = [
        f'<rect width="720" height="{height}" rx="8" fill="#fff"/>',
        f'<text x="12" y="22" font-weight="600"><tspan fill="{BLUE}">Real data</tspan> and '
        f'<tspan fill="#b8650b">fakes</tspan> at the start, in the middle and at the end of '
        f"{'three runs' if len(shown) == 3 else 'a run'}</text>",
    ]
    for row, (name, run) in enumerate(shown):
        last = len(run["steps"]) - 1
        real, fake = unpack(run, "real")[0], unpack(run, "fake")
        for column, record in enumerate((0, last // 2, last)):
            x = 12 + column * (_PANEL[0] + _GAP)
            y = _TOP + row * (_PANEL[1] + _HEAD) + 20
            title = f"{name}: step" if column == 0 else "step"
            parts.append(f'<text x="{x}" y="{y - 6}">{escape(title)} {run["steps"][record]}</text>')
            for density, colour in ((real, BLUE), (fake[record], ORANGE)):
                parts.append(_curve(density / run["top"], x, y, colour))
            floor = y + _PANEL[1]
            parts.append(
                f'<line x1="{x}" y1="{floor}" x2="{x + _PANEL[0]}" y2="{floor}" stroke="#555"/>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
        f'viewBox="0 0 720 {height}" fill="#222" '
        f'font-family="sans-serif" font-size="13">{"".join(parts)}</svg>'
    )


def _curve(shares: np.ndarray, x: float, y: float, colour: str) -> str:
    places = np.linspace(x, x + _PANEL[0], len(shares))
    points = " ".join(
        f"{place:.1f},{y + _PANEL[1] * (1 - share):.1f}"
        for place, share in zip(places, shares, strict=True)
    )
    return f'<polyline points="{points}" fill="{colour}22" stroke="{colour}" stroke-width="2"/>'


def still_words(runs: Mapping[str, PackedRun]) -> str:
    """What the still picture shows, for those who cannot see it."""
    said = []
    for name, run in list(runs.items())[:3]:
        start, end = run["divergence"][0], run["divergence"][-1]
        said.append(
            f"{name}: the Jensen-Shannon divergence of real and fake data is {start:.2f} at the "
            f"start and {end:.2f} at step {run['steps'][-1]}"
        )
    return f"Training runs of a 1-D GAN. {'; '.join(said)}; {math.log(2):.2f} is the largest."


def sentence(names: Sequence[str]) -> str:
    """What a page without HTML says in the player's place."""
    return f"1-D GAN player with the runs: {', '.join(names)}. It plays where HTML is shown."

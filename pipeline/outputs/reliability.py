"""Plots of `report.html`: the measured reliability of a speaker model, and the probabilities of one video.

``reliability.json`` beside this file holds the measurement; ``python -m benchmarks.contrast --reliability`` writes it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("reliability.json")

WIDTH, HEIGHT = 240, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 34
"""Size of a plot and its margins, in units of the drawing."""

MIN_WORDS = 10
"""Least words of a bin that is drawn: the share of fewer says nothing."""

BARS = 10

TITLES: Mapping[str, str] = {
    "conversations": "conversations, with listeners",
    "both-talking": "two mouths that move",
    "off-screen": "a voice from off screen",
}
"""Names of the composed sets, for people."""


def speaker_model_of(manifest: Mapping[str, Any]) -> str:
    """Return the name that `pipeline.vision.calibration.speaking_name` gives the speaker models of a manifest."""
    return " + ".join(model["name"] for model in manifest["models"] if model["job"] == "speaking")


def reliability_of(model: str) -> dict[str, Any] | None:
    """Return the plot of a speaker model's reliability; None where it was not measured.

    Returns:
        ``command``, ``videos`` and ``people`` of the measurement, ``words`` in the bins that are drawn, and ``sets``:
        ``title`` and ``points``, each with ``x``, ``y`` and ``text``.
    """
    measured = _measured().get(model)
    if measured is None:
        return None
    sets = {name: [each for each in bins if each["words"] >= MIN_WORDS] for name, bins in measured["sets"].items()}
    return {
        **{name: measured[name] for name in ("command", "videos", "people")},
        "words": sum(each["words"] for bins in sets.values() for each in bins),
        "sets": [
            {"title": TITLES.get(name, name), "points": [_point(each) for each in bins]} for name, bins in sets.items()
        ],
    }


def probabilities_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the histogram of the probabilities of a video's sentences, those without a speaker left out.

    Returns:
        ``clips`` and ``dropped``, how many there are; ``most``, the sentences of the highest bar; ``bars``, each with
        ``kind``, ``x``, ``y``, ``width``, ``height`` and ``text``; ``least``, the place of ``MIN_PROBABILITY`` or None.
    """
    counts = {kind: _counts(manifest[kind]) for kind in ("clips", "dropped")}
    most = max(sum(pair) for pair in zip(*counts.values(), strict=True)) or 1
    bars = []
    for number in range(BARS):
        below = 0
        for kind, values in counts.items():
            if values[number]:
                top = below + values[number]
                bars.append(_bar(kind, number, values[number], below / most, top / most))
                below = top
    least = manifest["settings"].get("MIN_PROBABILITY")
    return {
        **{kind: sum(values) for kind, values in counts.items()},
        "most": most,
        "bars": bars,
        "least": None if least is None else x_of(least),
    }


def x_of(share: float) -> float:
    """Return the place of a probability on the axis of either plot."""
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def y_of(share: float) -> float:
    """Return the height of a share, 0 to 1, in either plot."""
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


@functools.cache
def _measured() -> dict[str, Any]:
    return json.loads(FILE.read_bytes())


def _point(each: Mapping[str, Any]) -> dict[str, Any]:
    low, high = each["stated"]
    text = f"stated {low:.1f} to {high:.1f}: {each['right']:.0%} of {each['words']} words are right"
    return {"x": x_of((low + high) / 2), "y": y_of(each["right"]), "text": text}


def _counts(lines: Sequence[Mapping[str, Any]]) -> list[int]:
    counts = [0] * BARS
    for line in lines:
        if line["probability"] is not None:
            counts[min(int(line["probability"] * BARS), BARS - 1)] += 1
    return counts


def _bar(kind: str, number: int, count: int, low: float, high: float) -> dict[str, Any]:
    left, right = x_of(number / BARS) + 1, x_of((number + 1) / BARS) - 1
    ended = "with a clip" if kind == "clips" else kind
    text = f"{number / BARS:.1f} to {(number + 1) / BARS:.1f}: {count} {ended}"
    box = {"x": round(left, 1), "y": y_of(high), "width": round(right - left, 1)}
    return {"kind": kind, **box, "height": round(y_of(low) - y_of(high), 1), "text": text}

"""Every fault of the old systems has a test here that is named after it, or a reason why it cannot be had yet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FAULTS = range(1, 38)
"""The faults that were found in the five systems that this program replaces."""

NOT_YET = {
    17: "capture from camera and microphone: there is none",
    29: "SyncNet: no stage uses it",
    32: "masking of faces: there is none",
}
"""Faults of what this program does not do yet. Whoever adds it adds the tests, and takes the line away."""


def _tested() -> dict[int, list[str]]:
    """Names of the golden tests by the number of the fault."""
    tested: dict[int, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in re.findall(r"(?:test|and)_b(\d\d)_", node.name):
                    tested.setdefault(int(number), []).append(node.name)
                    assert ast.get_docstring(node), f"{node.name} does not say what the fault was"
    return tested


def test_every_fault_is_tested_or_told_of() -> None:
    assert sorted([*_tested(), *NOT_YET]) == list(FAULTS)


def test_what_is_told_of_is_not_there() -> None:
    """The reasons hold: no part of the program is about what they say is missing."""
    root = Path(__file__).resolve().parents[2]
    names = " ".join(path.stem for part in ("pipeline", "s3fd", "talknet") for path in (root / part).rglob("*.py"))
    for word in ("capture", "webcam", "syncnet", "mask"):
        assert word not in names.lower(), f"{word}: its faults can be tested now"

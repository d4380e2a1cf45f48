"""The command as its users start it, with an empty home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 1200
"""A command that takes longer than this hangs, even on a machine with much else to do."""


def command(*arguments: str | Path) -> list[str]:
    quick = ["--no-download-weights", "--clip-preset", "ultrafast"]
    return [sys.executable, str(ROOT / "optimized_runner.py"), *map(str, arguments), *quick]


def start(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command with an empty home, so that no weights are found."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment(home), timeout=LONG_S)


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS")}
    return kept | {"HOME": str(home)}

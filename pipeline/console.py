"""Commands of an installed package: ``lipgen``, and ``lipgen-weights`` and its like for the modules of that name.

Inside the package modules know each other by the names that they have in a checkout: its folder is put on the path.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """``python optimized_runner.py``."""
    _find_modules()
    from optimized_runner import main as run

    return run()


def weights() -> int:
    """``python -m pipeline.weights``."""
    _find_modules()
    from pipeline.weights import main as run

    return run()


def merge_runs() -> int:
    """``python -m pipeline.merge_runs``."""
    _find_modules()
    from pipeline.merge_runs import main as run

    return run()


def pages() -> int:
    """``python -m pipeline.clips.pages``."""
    _find_modules()
    from pipeline.clips.pages import main as run

    return run()


def _find_modules() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

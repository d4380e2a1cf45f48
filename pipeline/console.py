"""Commands of an installed package: ``lipgen``, and ``lipgen-weights`` and its like for the modules of that name.

Inside the package modules know each other by the names that they have in a checkout: its folder is put on the path.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    """Run ``python optimized_runner.py``."""
    return _main_of("optimized_runner")


def weights() -> int:
    """Run ``python -m pipeline.weights``."""
    return _main_of("pipeline.weights")


def merge_runs() -> int:
    """Run ``python -m pipeline.merge_runs``."""
    return _main_of("pipeline.merge_runs")


def pages() -> int:
    """Run ``python -m pipeline.clips.pages``."""
    return _main_of("pipeline.clips.pages")


def _main_of(module: str) -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    return importlib.import_module(module).main()

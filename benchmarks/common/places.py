"""Folders and files that benchmarks look for."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

SHARED = ROOT.parent / "shared"
"""Footage, recordings and weights for tests, beside the checkout."""

FOOTAGE = SHARED / "videos"
"""Default folder of the footage."""

YUNET_FILE = "yunet_n_dynamic.onnx"
"""Weights of YuNet, inside a folder of weights."""

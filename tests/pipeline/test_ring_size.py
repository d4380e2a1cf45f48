"""``RING_MB`` between runs: what was analysed at the same size stays, and nothing else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.run import runner
from tests.support.quick_run import quick

pytestmark = pytest.mark.slow

Run = Callable[[int], tuple[str, list[str] | None]]


@pytest.fixture
def run(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs over a video of 640x360 with so many MiB; how it ended, and what was kept of an earlier run."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(samples / "late_sound.mp4", videos / "a.mp4")
    shutil.copy(samples / "transcripts" / "late_sound.json", tmp_path / "a.json")

    def run(ring_mb: int) -> tuple[str, list[str] | None]:
        config = quick(tmp_path, RING_MB=ring_mb)
        assert runner.run(videos, config) == 0
        (line,) = json.loads((videos / "run.json").read_bytes())["videos"]
        return line["status"], line.get("kept")

    return run


def _source(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "videos" / "a" / "output" / "manifest.json").read_bytes())["source"]


def test_only_pictures_too_large_for_the_ring_depend_on_it(run: Run, tmp_path: Path) -> None:
    assert run(256) == ("done", None)
    whole = _source(tmp_path)
    assert (whole["analysed_width"], whole["analysed_height"]) == (whole["width"], whole["height"])
    assert run(512) == ("skipped", None), "the pictures fit into both"
    assert run(16) == ("done", ["speech"]), "they are to be reduced now"
    reduced = _source(tmp_path)
    assert reduced["analysed_width"] < reduced["width"] and reduced["analysed_height"] < reduced["height"]
    assert run(16) == ("skipped", None)
    assert run(18) == ("done", ["speech"]), "they are reduced less"
    assert _source(tmp_path)["analysed_width"] > reduced["analysed_width"]
    assert run(256) == ("done", ["speech"]), "they are no longer reduced"

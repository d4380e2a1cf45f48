"""Too little free space holds videos back, as too little memory does, and fails none while others are in work."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.executors.serial import SerialExecutor
from tests.support.executing import CONFIG, Kind, run

NAMES = ["a.mp4", "b.mp4", "c.mp4"]


@pytest.fixture(autouse=True)
def earlier(folder: Path) -> Path:
    """A manifest of an earlier run of the last video."""
    manifest = folder / "c.mp4.out" / "output" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    return manifest


def set_room(monkeypatch: pytest.MonkeyPatch, has_room: Callable[[], bool]) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=int(9e9 if has_room() else 1e6)))


def test_videos_wait_until_those_in_work_have_made_room(
    kind: Kind, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for one video at a time: its temporary files go when it has ended."""

    def has_room() -> bool:
        done = {name for name in NAMES if (folder / f"{name}.out" / "output" / "manifest.json").exists()} - {"c.mp4"}
        begun = {name for name in NAMES if (folder / f"{name}.out" / "log.txt").exists()}
        return not begun - done

    set_room(monkeypatch, has_room)
    recorder, _ = run(kind, folder, NAMES, dataclasses.replace(CONFIG, RAY_TEAMS=1))
    if kind is not SerialExecutor:
        assert [event.message for event in recorder.events if event.name == "disk"]
    assert {recorder.results[name].status for name in ("a.mp4", "b.mp4")} == {"done"}


@pytest.mark.slow
def test_without_room_and_work_the_rest_fails_and_keeps_its_results(
    kind: Kind, folder: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_room(monkeypatch, lambda: not (folder / "a.mp4.out" / "log.txt").exists())
    recorder, _ = run(kind, folder, NAMES, dataclasses.replace(CONFIG, RAY_TEAMS=1))
    assert {name: (each.status, each.reason_code) for name, each in recorder.results.items()} == {
        "a.mp4": ("done", ""),
        "b.mp4": ("failed", "disk_full"),
        "c.mp4": ("failed", "disk_full"),
    }
    assert recorder.results["c.mp4"].details == {"earlier_results": True}
    assert earlier.read_text() == "{}"
    said = [event.message for event in recorder.events if event.name == "disk"]
    if kind is SerialExecutor:
        assert said == []
    else:
        assert len(said) == 1 and "no video is begun until there is room, or the 1 in work have ended" in said[0]

"""Runs of the stages without networks with the stage that counts faces, and what comes of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tests.support import counting
from tests.support.executing import CONFIG, Kind, Recorder, run

COUNTING = counting.counting_config(CONFIG, RAY_TEAMS=1, COUNT_FACES=True)


def count(kind: Kind, folder: Path, *names: str, **changed: Any) -> Recorder:
    """Run the videos with the stage that counts faces."""
    recorder, _ = run(kind, folder, list(names), dataclasses.replace(COUNTING, **changed), counting.GRAPH)
    return recorder


def counted(folder: Path, name: str) -> dict[str, Any]:
    """Read the faces that were counted in one video."""
    return json.loads((folder / f"{name}.out" / "faces_per_shot.json").read_text())


def done(recorder: Recorder, name: str) -> set[str]:
    """Name the stages that were run for one video."""
    events = [event for event in recorder.events if event.video and event.video.path.name == name]
    return {event.stage for event in events if event.name == "stage_done"}

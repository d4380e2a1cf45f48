"""Values made by hand for the tests of this folder, handed out as functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.clips.worker import FinishedVideo, finish_video
from pipeline.errors import ToolError
from pipeline.media.probe import probe
from pipeline.render import cut
from pipeline.types import Fingerprints, ScoredTracks
from tests.support.square_and_beep import MODELS, TRANSCRIPT, known_tracks, write_video


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The square and the beep of `square_and_beep`."""
    path = tmp_path_factory.mktemp("source") / "square and beep.mp4"
    write_video(path)
    return path


@pytest.fixture(scope="session")
def tracks() -> ScoredTracks:
    """The square as a face that speaks, and a silent one."""
    return known_tracks()


@pytest.fixture
def finish(tmp_path: Path, video: Path, tracks: ScoredTracks) -> Callable[..., FinishedVideo]:
    """`finish_video` of the square and beep into ``tmp_path / "result"``."""

    def call(**changed: Any) -> FinishedVideo:
        values: dict[str, Any] = {
            "folder": tmp_path / "result",
            "probe": probe(video),
            "tracks": tracks,
            "transcript": TRANSCRIPT,
            "models": MODELS,
            "config": Config(CLIP_SIZE=84, CLIP_CRF=10, SENTENCE_PAUSE_S=0.4),
            "prints": Fingerprints({"speech": "s1", "clips": "f1"}),
            "timings": {"vision": 1.5},
            "on_clip": lambda done, total: None,
        }
        values |= changed
        if "attribution" not in values:
            faces = Faces(values["tracks"])
            values["attribution"] = attribute(faces, values["transcript"], values["models"], values["config"])
        return finish_video(**values)

    return call


@pytest.fixture
def first_clip_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder fails at the first clip."""
    real = cut.write_clip

    def fail_first(path: Path, *args: Any, **fields: Any) -> int:
        if path.name.startswith("seg_0000"):
            raise ToolError(["ffmpeg"], 1, "no")
        return real(path, *args, **fields)

    monkeypatch.setattr(cut, "write_clip", fail_first)

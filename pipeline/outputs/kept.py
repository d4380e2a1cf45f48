"""What one stage leaves for the next, in this run or a later one: scores in ``tracks.npz``, words in
``transcript.json``, each with the fingerprint of what it depends on.

The clips are always made of what lies on disk. So a run that goes on from there ends as one that was never interrupted.
A stage writes under a pending name; whoever knows that its work is still wanted puts it in place.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from pipeline.errors import InputError
from pipeline.outputs.tracks import read_losses, read_tracks, tracks_mark, write_tracks
from pipeline.outputs.transcript import read_own_transcript, write_transcript
from pipeline.types import Losses, Marks, ScoredTracks, Transcript

TRACKS, TRANSCRIPT = "tracks.npz", "transcript.json"
MANIFEST = "output/manifest.json"

ALL_STAGES = frozenset({"vision", "speech", "clips"})
"""What is kept of a video that is finished, save what somebody asks for beside it."""

FILES = {"vision": TRACKS, "speech": TRANSCRIPT}


def write_pending_tracks(folder: Path, tracks: ScoredTracks, losses: Losses, mark: str) -> Path:
    """Writes the result of vision into the *folder* of its video, under a name for `put_in_place`."""
    path = _pending(folder, TRACKS)
    write_tracks(path, tracks, losses, mark)
    return path


def write_pending_words(folder: Path, transcript: Transcript, mark: str) -> Path:
    """Likewise the result of speech; who says each word is added when that is known."""
    path = _pending(folder, TRANSCRIPT)
    write_transcript(path, transcript, mark=mark)
    return path


def put_in_place(pending: Path, stage: str) -> None:
    """Gives the result of ``vision`` or ``speech`` its name."""
    pending.replace(pending.with_name(FILES[stage]))


def remove_partial(folder: Path) -> None:
    """Removes what a killed run or worker left half written in *folder*; nobody else may be at work there."""
    for pattern in (".*.part", "output/.*.part", "export/.*.part", "persons/.*.part"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def read_kept(folder: Path) -> tuple[ScoredTracks, Losses, Transcript]:
    """What the stages have left.

    Raises:
        InputError: something has gone or was changed meanwhile.
    """
    tracks = read_tracks(folder / TRACKS)
    return tracks, read_losses(folder / TRACKS), read_own_transcript(folder / TRANSCRIPT)[0]


def stages_kept(folder: Path, marks: Marks) -> frozenset[str]:
    """Which of ``vision`` and ``speech`` need not be done, because their results lie in *folder* whole."""
    kept = set()
    try:
        if marks.vision and tracks_mark(folder / TRACKS) == marks.vision:
            read_tracks(folder / TRACKS)
            read_losses(folder / TRACKS)
            kept.add("vision")
    except InputError:
        pass
    try:
        if marks.speech and read_own_transcript(folder / TRANSCRIPT)[1] == marks.speech:
            kept.add("speech")
    except InputError:
        pass
    return frozenset(kept)


def _pending(folder: Path, name: str) -> Path:
    return folder / f".{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"

"""What one stage leaves for the next, in this run or a later one: scores in ``tracks.npz``, words in
``transcript.json``, each with the fingerprint of what it depends on.

The clips are always made of what lies on disk. So a run that goes on from there ends as one that was never interrupted.
A stage writes under a pending name; whoever knows that its work is still wanted puts it in place.

Where finished results of an earlier state lie in the folder, an attempt works in the folder `NEXT` inside it, and takes
their place when it has come to its end: until then they stay as they are.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from pipeline.errors import InputError
from pipeline.outputs.tracks import read_losses, read_picture_sizes, read_tracks, tracks_mark, write_tracks
from pipeline.outputs.transcript import read_own_transcript, write_transcript
from pipeline.types import FaceTracks, Losses, Marks, PictureSizes, ScoredTracks, Transcript

TRACKS, TRANSCRIPT = "tracks.npz", "transcript.json"
MANIFEST = "output/manifest.json"

ALL_STAGES = frozenset({"vision", "speech", "clips"})
"""What is kept of a video that is finished, save what somebody asks for beside it."""

FILES = {"vision": TRACKS, "speech": TRANSCRIPT}

NEXT = ".next"
"""Folder inside that of a video: what is made while finished results of an earlier state lie there."""


def write_pending_tracks(
    folder: Path, tracks: FaceTracks, losses: Losses, mark: str, sizes: PictureSizes | None = None
) -> Path:
    """Write the result of vision into *folder*, where its video is worked on, under a name for `put_in_place`."""
    path = _pending(folder, TRACKS)
    write_tracks(path, tracks, losses, mark, sizes)
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
        for path in (*folder.glob(pattern), *folder.glob(f"{NEXT}/{pattern}")):
            path.unlink(missing_ok=True)


def read_kept(folder: Path, marks: Marks | None = None) -> tuple[ScoredTracks, Losses, Transcript]:
    """Return what the stages have left in the *folder* of a video.

    Args:
        folder: of the video's results.
        marks: of an attempt: its results in `NEXT` come first; None: only finished results are read.

    Raises:
        InputError: something has gone or was changed meanwhile.
    """
    places = {stage: folder / name for stage, name in FILES.items()}
    if marks is not None:
        places |= {stage: folder / NEXT / FILES[stage] for stage in stages_kept(folder / NEXT, marks)}
    tracks = read_tracks(places["vision"])
    return tracks, read_losses(places["vision"]), read_own_transcript(places["speech"])[0]


def stages_kept(folder: Path, marks: Marks) -> frozenset[str]:
    """Return those of ``vision`` and ``speech`` that need not be done: their results lie in *folder* whole."""
    kept = set()
    try:
        if marks.vision and tracks_mark(folder / TRACKS) == marks.vision:
            read_tracks(folder / TRACKS)
            read_losses(folder / TRACKS)
            sizes = read_picture_sizes(folder / TRACKS)
            if sizes is None or sizes.hold(marks.most_px):
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
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"

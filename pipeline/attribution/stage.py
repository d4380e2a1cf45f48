"""The stage of attribution: decide from words and faces who says what, and write ``attribution.json``."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import ATTRIBUTION as ARTIFACT
from pipeline.artifacts import TRACKS, TRANSCRIPT
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.errors import InputError
from pipeline.outputs.attribution import attribution_marks, digest_of, read_attribution, write_attribution
from pipeline.outputs.tracks import read_tracks, tracks_mark
from pipeline.outputs.transcript import read_own_transcript
from pipeline.settings import ATTRIBUTION as NAME
from pipeline.settings import SPEECH, VISION
from pipeline.stage import CLIPS_POOL, Stage, StageResult, Work
from pipeline.types import Attribution, ScoredTracks, Transcript


def run_attribution(work: Work) -> StageResult:
    """Decide who says each word."""
    tracks, transcript = _read(work)
    attribution = attribute(Faces(tracks), transcript, work.models, work.config)
    made_of = digest_of(work.path(TRACKS), transcript.words)
    write_attribution(work.pending(ARTIFACT), attribution, work.video.prints.of(NAME), made_of)
    return StageResult()


def read_attributed(work: Work) -> tuple[ScoredTracks, Transcript, Attribution]:
    """Read the faces, the words and their speakers from the files of the earlier stages.

    Raises:
        InputError: a file is missing, or was changed meanwhile (``results_changed``).
    """
    tracks, transcript = _read(work)
    path = work.path(ARTIFACT)
    found = attribution_marks(path)
    if found != (work.video.prints.of(NAME), digest_of(work.path(TRACKS), transcript.words)):
        raise _changed(path)
    return tracks, transcript, read_attribution(path, transcript.words)


def _read(work: Work) -> tuple[ScoredTracks, Transcript]:
    """Read the faces and the words of this attempt, and no others."""
    tracks, words, prints = work.path(TRACKS), work.path(TRANSCRIPT), work.video.prints
    transcript, mark = read_own_transcript(words)
    if mark != prints.of(SPEECH):
        raise _changed(words)
    if tracks_mark(tracks) != prints.of(VISION):
        raise _changed(tracks)
    return read_tracks(tracks), transcript


def _changed(path: Path) -> InputError:
    return InputError("results_changed", "was changed while its video was worked on. Run it again", path)


ATTRIBUTION = Stage(
    NAME,
    run_attribution,
    CLIPS_POOL,
    makes=(ARTIFACT,),
    needs=(TRACKS, TRANSCRIPT),
    reads_source=False,
)

"""The stage of attribution: decide from words and faces who says what, and write ``attribution.json``."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import ATTRIBUTION as ARTIFACT
from pipeline.artifacts import TRACKS, TRANSCRIPT
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.outputs.attribution import read_attribution, write_attribution
from pipeline.outputs.tracks import read_tracks
from pipeline.outputs.transcript import read_own_transcript
from pipeline.settings import ATTRIBUTION as NAME
from pipeline.stage import CLIPS_POOL, Stage, StageResult, Work
from pipeline.types import Attribution, ScoredTracks, Transcript


def run_attribution(work: Work) -> StageResult:
    """Decide who says each word."""
    tracks = read_tracks(work.path(TRACKS))
    transcript, _ = read_own_transcript(work.path(TRANSCRIPT))
    attribution = attribute(Faces(tracks), transcript, work.models, work.config)
    write_attribution(work.pending(ARTIFACT), attribution, work.video.prints.of(NAME))
    return StageResult()


def read_attributed(work: Work) -> tuple[ScoredTracks, Transcript, Attribution]:
    """Read the faces, the words and their speakers from the files of the earlier stages.

    Raises:
        InputError: a file is missing or was changed meanwhile.
    """
    path: Path = work.path(ARTIFACT)
    transcript, _ = read_own_transcript(work.path(TRANSCRIPT))
    return read_tracks(work.path(TRACKS)), transcript, read_attribution(path, transcript.words)


ATTRIBUTION = Stage(
    NAME,
    run_attribution,
    CLIPS_POOL,
    makes=(ARTIFACT,),
    needs=(TRACKS, TRANSCRIPT),
    reads_source=False,
)

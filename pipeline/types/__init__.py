"""The frozen values that cross every boundary of the pipeline.

One clock runs through all of them. Time zero is the presentation time of the first video frame; frame *i* of the grid
shows ``[i / 25, (i + 1) / 25)`` seconds after it; audio sample 0 is the same instant. Intervals are half-open.
Coordinates are **source pixels**: the picture as it is displayed, with rotation and pixel aspect applied.

Each value is checked once, on construction; its arrays are read-only afterwards.
"""

from pipeline.types.clips import CLIP_NAME, UNCERTAIN_SPEAKER, ClipPlan, DroppedSentence
from pipeline.types.excerpt import Excerpt
from pipeline.types.faces import NO_FACE, TOO_SHORT, TOO_SMALL, FaceTracks, ScoredTracks, SpeakerScores
from pipeline.types.grid import AUDIO_RATE_HZ, GRID_FPS, SAMPLES_PER_FRAME
from pipeline.types.media import (
    AudioTrack,
    ClockJoin,
    FrameBatch,
    Losses,
    MediaLimits,
    PictureSizes,
    Probe,
    SoundFile,
    analysed_size,
)
from pipeline.types.run import Fingerprints, FinishedVideo, ModelChoice, VideoResult
from pipeline.types.words import (
    AttributedWord,
    Attribution,
    Overlap,
    Segment,
    Sentence,
    Timing,
    Transcript,
    Word,
)

__all__ = [
    "AUDIO_RATE_HZ",
    "CLIP_NAME",
    "GRID_FPS",
    "NO_FACE",
    "SAMPLES_PER_FRAME",
    "TOO_SHORT",
    "TOO_SMALL",
    "UNCERTAIN_SPEAKER",
    "AttributedWord",
    "Attribution",
    "AudioTrack",
    "ClipPlan",
    "ClockJoin",
    "DroppedSentence",
    "Excerpt",
    "FaceTracks",
    "Fingerprints",
    "FinishedVideo",
    "FrameBatch",
    "Losses",
    "MediaLimits",
    "ModelChoice",
    "Overlap",
    "PictureSizes",
    "Probe",
    "ScoredTracks",
    "Segment",
    "Sentence",
    "SoundFile",
    "SpeakerScores",
    "Timing",
    "Transcript",
    "VideoResult",
    "Word",
    "analysed_size",
]

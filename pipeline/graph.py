"""The pipeline: its stages, a line each. An output is a stage that is optional."""

from __future__ import annotations

from pipeline.attribution.stage import ATTRIBUTION
from pipeline.clips.outputs import ANNOTATE, CLIP_TEXTS, EXPORT
from pipeline.clips.stage import CLIPS
from pipeline.clips.upright import REFRAME
from pipeline.opening import open_video, read_frames
from pipeline.speech.stage import SPEECH
from pipeline.stage import Graph
from pipeline.vision.stage import VISION

GRAPH = Graph(
    (
        VISION,
        SPEECH,
        ATTRIBUTION,
        CLIPS,
        CLIP_TEXTS,
        EXPORT,
        ANNOTATE,
        REFRAME,
    ),
    open_video,
    read_frames,
)

"""What the settings ask for beside the clips: their texts, other programs' formats and the annotated video."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.framing.clock import clip_rate
from pipeline.machine import core_count
from pipeline.outputs.clip_texts import write_clip_texts
from pipeline.outputs.exports import write_exports
from pipeline.outputs.extras import ANNOTATED
from pipeline.outputs.kept import MANIFEST, read_kept
from pipeline.outputs.own_manifest import read_own_manifest
from pipeline.render.annotate import annotate
from pipeline.settings import as_list
from pipeline.types import ModelChoice, Probe
from pipeline.vision.crops import smooth_path


def write_extras(
    folder: Path,
    probe: Probe,
    models: tuple[ModelChoice, ...],
    config: Config,
    on_seconds: Callable[[float, float], None],
) -> None:
    """Writes them into *folder*, of the results that lie there.

    Args:
        folder: of a finished video.
        probe: the source.
        models: who did each job.
        config: settings; ``CLIP_TEXT``, ``EXPORT``, ``FACE_EMBEDDINGS`` and ``ANNOTATE`` say what is wanted.
        on_seconds: told the seconds of the annotated video that are done, and all of them.

    Raises:
        InputError: the results or the source cannot be read.
        ToolError: ffmpeg failed.
        WeightsError: the weights of the embeddings cannot be loaded.
    """
    if config.CLIP_TEXT:
        manifest = folder / MANIFEST
        write_clip_texts(manifest.parent, read_own_manifest(manifest))
    if not config.ANNOTATE and not config.EXPORT:
        return
    tracks, _, transcript = read_kept(folder)
    words, sentences = attribute(Faces(tracks), transcript, models, config)
    smooth = functools.partial(smooth_path, window=config.SMOOTH_FRAMES)
    embeddings = None
    if "talknet" in as_list(config.EXPORT) and config.FACE_EMBEDDINGS:
        from pipeline.vision.facenet import FaceNet, embed_tracks  # loads PyTorch

        network = FaceNet(Path(config.FACE_EMBEDDINGS).expanduser(), "cpu")
        embeddings = embed_tracks(probe, tracks, network)
    write_exports(as_list(config.EXPORT), folder, probe, tracks, words, smooth=smooth, embeddings=embeddings)
    if config.ANNOTATE:
        rate = clip_rate(probe.rate, "source")
        annotate(
            probe,
            tracks,
            sentences,
            folder / ANNOTATED,
            crf=config.CLIP_CRF,
            preset=config.CLIP_PRESET,
            on_frames=lambda done: on_seconds(float(done / rate), probe.length_s),
            threads=max(core_count() // 2, 1),
        )

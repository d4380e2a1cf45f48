"""The stage of vision: pictures and sound to faces with speaker scores, in ``tracks.npz``.

Of a video without sound it makes faces without scores: nobody was heard, and so nobody can be told to speak.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.artifacts import TRACKS
from pipeline.machine import ResolvedConfig
from pipeline.media.excerpts import check_reached
from pipeline.media.probe import missing_seconds
from pipeline.models.pairs import NETWORKS
from pipeline.outputs.tracks import write_tracks
from pipeline.settings import VISION as NAME
from pipeline.stage import VISION_POOL, Models, Stage, StageResult, Work, model_of
from pipeline.types import GRID_FPS, AudioTrack, FaceTracks, FrameBatch, Losses, PictureSizes
from pipeline.vision.calibration import speaking_name
from pipeline.vision.given_faces import WIDEST_STEP, GivenFaces
from pipeline.vision.persons import load_identity
from pipeline.vision.scenes import GivenShots
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import VisionSettings
from s3fd import load_detector
from talknet import load_scorer

FACE_BOXES = "face-boxes"
"""Name of the "model" of faces where they come from a list of the user's."""


def load_vision(config: ResolvedConfig, models: Models, device: str) -> VisionModels:
    """Load face detector, speaker model and identity model on *device*.

    No detector is loaded where the faces of every video are given.
    """
    faces, speaking = model_of(models, "faces"), [model for model in models if model.role == "speaking"]
    detector = None
    if faces.name != FACE_BOXES:
        detector = load_detector(faces.name, faces.weights, device, compiled=config.COMPILE)
    first, *partner = speaking
    scorer = load_scorer(
        NETWORKS.get(first.name, first.name), first.weights, device, partner=partner[0].weights if partner else None
    )
    identity = model_of(models, "identity")
    persons = load_identity(identity.name, identity.weights, identity.helper, device)
    has_contrast = any(model.name in NETWORKS for model in speaking)
    return VisionModels(detector, scorer, speaking_name(models), persons, has_contrast)


def frames_held(config: ResolvedConfig) -> int:
    """Return the pictures that vision must be able to hold at once."""
    held = VisionSettings.of(config).frames_held(1)
    return max(held, VisionSettings.of(config, WIDEST_STEP + 1).frames_held(1)) if config.FACE_BOXES else held


@dataclass(frozen=True, slots=True)
class VisionRun:
    """Vision at work on one video."""

    work: Work
    session: VisionSession

    def push(self, batch: FrameBatch) -> int:
        """Take pictures; return the first frame that is still needed."""
        return self.session.push(batch)

    def finish(self, lost_packets: int) -> StageResult:
        """Write the tracks, with what could not be read of the video.

        Raises:
            InputError: ``start_after_end`` when there was no picture in the excerpt.
        """
        tracks = self.session.finish()
        losses = keep_tracks(self.work, tracks, lost_packets)
        # Otherwise the result of the clips tells of them.
        lost = losses.described if self.work.video.no_sound is not None else []
        return StageResult((*self.session.notes, *lost))


def run_vision(work: Work) -> VisionRun:
    """Return the consumer of a video's pictures."""
    opened, config = work.opened, work.config
    first, length_s = opened.probe.excerpt.first_frame, opened.probe.length_s
    shots = None if opened.shots is None else GivenShots(max(start - first, 0) for start in opened.shots)
    faces = opened.faces if isinstance(opened.faces, GivenFaces) else None
    settings = VisionSettings.of(config, faces and faces.bridged)

    def on_frames(count: int) -> None:
        work.report(count / GRID_FPS, max(count / GRID_FPS, length_s))

    models: VisionModels = work.loaded
    session = VisionSession(models, settings, sound_of(work), work.capacity, on_frames, shots, faces, first)
    return VisionRun(work, session)


def sound_of(work: Work) -> AudioTrack | None:
    """Return the sound by which speakers are scored; None where the video has none.

    Raises:
        ValueError: the video has sound, and it is not on disk.
    """
    return None if work.video.no_sound is not None else work.opened.audio


def keep_tracks(work: Work, tracks: FaceTracks, lost_packets: int) -> Losses:
    """Write ``tracks.npz``, with what could not be read of the video; return that.

    Raises:
        InputError: ``start_after_end`` when there was no picture in the excerpt.
    """
    probe, audio, prints = work.opened.probe, sound_of(work), work.video.prints
    check_reached(probe, tracks.frame_count)
    missing_s = missing_seconds(probe, tracks.frame_count / GRID_FPS, audio.end_s if audio else 0.0)
    if probe.excerpt.stop_frame is None:
        lost_packets += probe.unread_packets
    losses = Losses(lost_packets, audio.lost_packets if audio else 0, missing_s)
    sizes = PictureSizes.of(probe, prints.most_px)
    write_tracks(work.pending(TRACKS), tracks, losses, prints.of(NAME), sizes)
    return losses


VISION = Stage(
    NAME,
    run_vision,
    VISION_POOL,
    makes=(TRACKS,),
    feeds="frames",
    load=load_vision,
    frames_held=frames_held,
    roles=("faces", "speaking", "identity"),
)

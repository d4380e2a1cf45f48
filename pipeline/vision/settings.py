"""The settings that act on vision, and how many pictures it has to hold with them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.machine import ResolvedConfig
from pipeline.settings import unless_auto
from pipeline.vision.shots import LAG_FRAMES

DECODE_BATCH = 8
"""Pictures in one message from the decoder."""


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """The settings that act on vision; None where ``auto`` is left to the network or the detector of shots."""

    detect_scale: float | None
    """Factor from the source's size to the one for face detection; None: the detector's usual one for that source."""
    detect_threshold: float | None
    detect_every: int
    detect_batch: int
    shot_detector: str
    shot_threshold: float | None
    min_track: int
    max_gap: int
    min_face_px: float
    track_iou: float
    smooth_frames: int
    crop_scale: float

    @classmethod
    def of(cls, config: ResolvedConfig, bridged: int | None = None) -> VisionSettings:
        """Return the settings of *config*.

        Args:
            config: settings.
            bridged: of given faces, which are known on every frame: frames from one face of a track to the next.
        """
        every = config.DETECT_EVERY if bridged is None else 1
        return cls(
            detect_scale=unless_auto(config.FACEDET_SCALE, None),
            detect_threshold=unless_auto(config.FACEDET_THRESHOLD, None),
            detect_every=every,
            detect_batch=config.DETECT_BATCH,
            shot_detector=config.SHOT_DETECTOR,
            shot_threshold=unless_auto(config.SHOT_THRESHOLD, None),
            min_track=config.MIN_TRACK,
            max_gap=max(config.NUM_FAILED_DET, bridged or every),
            min_face_px=config.MIN_FACE_SIZE,
            track_iou=config.TRACK_IOU,
            smooth_frames=config.SMOOTH_FRAMES,
            crop_scale=config.CROP_SCALE,
        )

    def frames_held(self, batch: int) -> int:
        """Most pictures that a session holds at once when it looks for faces in *batch* pictures at a time."""
        lag = LAG_FRAMES[self.shot_detector]
        return self.max_gap + self.smooth_frames // 2 + (batch + 1) * self.detect_every + lag + 2 * DECODE_BATCH

    def batch_within(self, capacity: int) -> int:
        """Return the largest detection batch, up to ``DETECT_BATCH``, with which *capacity* held pictures are
        enough."""
        fitting = [batch for batch in range(1, self.detect_batch + 1) if self.frames_held(batch) <= capacity]
        return fitting[-1] if fitting else 1

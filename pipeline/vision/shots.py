"""Cuts between shots, found while pictures are pushed in, with PySceneDetect's detectors."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.types import GRID_FPS

WIDTH_PX = 256
"""Width of the copy that is looked at: PySceneDetect's own measure; pushed pictures it does not scale down itself."""

ADAPTIVE_THRESHOLD, CONTENT_THRESHOLD = 3.0, 27.0
"""PySceneDetect's own."""

LAG_FRAMES = {"adaptive": 2, "content": 0}
"""By detector: a cut at frame *f* is known once frame ``f + lag`` has been pushed."""

MIN_SHOT_FRAMES = 5
"""A cut closer than this to the last one is a flash. A short limit: a missed cut joins two people into one track."""


class ShotFinder:
    """Takes the pictures of one video in order and tells where shots begin.

    Args:
        detector: ``adaptive`` or ``content``.
        threshold: of that detector; None for PySceneDetect's own.
    """

    def __init__(self, detector: str, threshold: float | None = None) -> None:
        if threshold is None:
            threshold = ADAPTIVE_THRESHOLD if detector == "adaptive" else CONTENT_THRESHOLD
        # PySceneDetect starts ffmpeg when it is imported, to see whether there is one: not at our import.
        from scenedetect import FrameTimecode
        from scenedetect.detector import FlashFilter
        from scenedetect.detectors import AdaptiveDetector, ContentDetector

        self._timecode = FrameTimecode
        if detector == "adaptive":
            self._detector = AdaptiveDetector(threshold, MIN_SHOT_FRAMES, window_width=LAG_FRAMES["adaptive"])
        else:
            self._detector = ContentDetector(threshold, MIN_SHOT_FRAMES, filter_mode=FlashFilter.Mode.SUPPRESS)

        self.lag = LAG_FRAMES[detector]
        if self._detector.event_buffer_length > self.lag:
            raise ValueError(f"ShotFinder: {detector} tells cuts later than expected, after {self.lag} frames")

    def push(self, frame: int, picture: np.ndarray) -> list[int]:
        """The cuts that become known with this picture.

        Args:
            frame: grid number; consecutive from 0.
            picture: (H, W, 3) uint8 BGR.

        Returns:
            First frames of new shots, ascending.
        """
        height, width = picture.shape[:2]
        if width > WIDTH_PX:
            size = (WIDTH_PX, max(round(height * WIDTH_PX / width), 1))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        return [cut.frame_num for cut in self._detector.process_frame(self._timecode(frame, float(GRID_FPS)), picture)]

"""Real faces for the networks of identity."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from pipeline.vision.samples import FaceView, view_of
from s3fd import load_detector


@pytest.fixture(scope="session")
def talking_heads(shared: Path) -> dict[str, list[FaceView]]:
    """Two views, two seconds apart, of each of three talking heads."""
    detector = load_detector("yunet", shared / "weights" / "yunet_n_dynamic.onnx")
    out = {}
    for name in ("retalking_face2", "retalking_face3", "retalking_face5"):
        capture = cv2.VideoCapture(str(shared / "videos" / f"{name}.mp4"))
        frames = [capture.read()[1] for _ in range(51)]
        capture.release()
        out[name] = [view_of(frame, detector.detect(frame[None], scale=0.5)[0][0, :4]) for frame in frames[::50]]
    return out

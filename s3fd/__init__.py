"""Face detectors behind one interface: S3FD, YuNet and MTCNN."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import WeightsError
from s3fd.common import DEFAULT_THRESHOLD, DETECTORS, FaceDetector, auto_scale

__all__ = ["DEFAULT_THRESHOLD", "DETECTORS", "FaceDetector", "auto_scale", "load_detector"]


def load_detector(
    model: str, weights: Path | str | None, device: str = "cpu", *, compiled: bool = False
) -> FaceDetector:
    """Load a face detector.

    Args:
        model: ``s3fd``, ``yunet`` or ``mtcnn``.
        weights: the file of its weights; None for ``mtcnn``, whose weights lie inside the facenet-pytorch wheel.
        device: ``cpu``, ``cuda``, ``cuda:1`` …; YuNet runs on the CPU whatever is asked for.
        compiled: run S3FD through ``torch.compile``; the others stay as they are.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
        ValueError: the model is unknown.
    """
    if model not in DETECTORS:
        raise ValueError(f"load_detector: expected one of {', '.join(DETECTORS)}, got {model!r}")
    if model == "mtcnn":
        from s3fd.mtcnn import Mtcnn

        return Mtcnn(device)
    if weights is None:
        raise WeightsError(f"{model} needs a weights file, and none was named (python -m pipeline.weights fetch)")
    if model == "yunet":
        from s3fd.yunet import YuNet

        return YuNet(Path(weights))
    from s3fd.detector import S3fdDetector

    return S3fdDetector(Path(weights), device, compiled=compiled)

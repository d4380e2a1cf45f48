"""Settings with which a whole run takes seconds: the user's own transcripts, stand-ins, few detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config import Config


def quick(transcripts: Path, **settings: Any) -> Config:
    """The settings of a run on the CPU with the transcripts in a folder, and *settings* beside them."""
    return Config(
        TRANSCRIPTS=str(transcripts),
        WHISPER_DEVICE="cpu",
        VISION_DEVICE="cpu",
        DOWNLOAD_WEIGHTS=False,
        SPEAKER_MODEL="lip-motion",
        IDENTITY_MODEL="none",
        DETECT_EVERY=25,
        FACEDET_SCALE=0.5,
        CLIP_PRESET="ultrafast",
        DEBUG=True,
        **settings,
    )

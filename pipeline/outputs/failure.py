"""``failure.json``: why a video could not be done, in its folder, where it is the file's own fault.

A later run with the same settings does not try such a video again unless it is told to.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.outputs.files import write_json
from pipeline.results import FAILURE, MANIFEST, remove_results
from pipeline.types import Fingerprints, VideoResult

SCHEMA_VERSION = 1

NO_AUDIO = "no_audio"
"""Reason code of a video without sound."""

OF_THE_FILE = frozenset({"not_media", NO_AUDIO, "no_video", "undecodable", "too_large", "too_long"})
"""Reason codes that stay true while the file stays the same; all others (a full disk, a worker that died) may not."""


OF_A_LIMIT = frozenset({"too_large", "too_long"})
"""Those of them that depend on ``MAX_MEGAPIXELS`` and ``MAX_VIDEO_HOURS``."""


def is_permanent(reason_code: str, prints: Fingerprints) -> bool:
    """Return True where the fault is the file's own and stays, and the file was read: its fingerprint is known."""
    return bool(prints.failure) and reason_code in OF_THE_FILE


def ends_results(reason_code: str, prints: Fingerprints) -> bool:
    """Return True where earlier results of a file hold no more: a limit that the user has set is no fault of it."""
    return is_permanent(reason_code, prints) and reason_code not in OF_A_LIMIT


def remove_ended(folder: Path, reason_code: str) -> None:
    """Delete results of a file for which `ends_results` is true.

    Of a video without sound, outputs in a folder without a manifest stay: they were made without sound.
    """
    remove_results(folder, keep_outputs=reason_code == NO_AUDIO and not (folder / MANIFEST).is_file())


def write_failure(folder: Path, prints: Fingerprints, result: VideoResult) -> None:
    """Write down how a video failed, if trying it again would bring nothing else."""
    if is_permanent(result.reason_code, prints):
        content = {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": prints.failure,
            "reason_code": result.reason_code,
            "message": result.message,
        }
        write_json(folder / FAILURE, content)


def failed_before(folder: Path, fingerprint: str) -> tuple[str, str] | None:
    """Return reason code and message with which a run with this fingerprint gave a video up; None where none did."""
    try:
        content = json.loads((folder / FAILURE).read_bytes())
        if content["fingerprint"] == fingerprint:
            return str(content["reason_code"]), str(content["message"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def forget_failure(folder: Path) -> None:
    """Remove what `write_failure` wrote."""
    (folder / FAILURE).unlink(missing_ok=True)

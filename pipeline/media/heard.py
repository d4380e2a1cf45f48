"""The sound that is worked on, where a file has several tracks: one that is not silent."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound
from pipeline.media.probe import with_sound_track
from pipeline.types import AudioTrack, Probe

SILENT_PEAK = 0.001
"""A sound track whose largest sample is below this, -60 dBFS, is silent."""


def extract_heard(
    probe: Probe, path: Path, may_choose: bool, on_progress: Callable[[float], None] = lambda _: None
) -> tuple[Probe, AudioTrack]:
    """As `extract_sound`; where the track is silent and another is not, of the first that is not.

    Args:
        probe: the file.
        path: file to write.
        may_choose: False where somebody has named the track.
        on_progress: called with the seconds after the first video frame that are done.

    Returns:
        The file with the track that was taken, and its sound.
    """
    track = extract_sound(probe, path, on_progress)
    if track.peak >= SILENT_PEAK or probe.sound_tracks == 1:
        return probe, track
    silent = f"sound track {probe.sound_track} is silent (peak {dbfs(track.peak):.0f} dBFS)"
    if not may_choose:
        return probe, dataclasses.replace(track, notes=(*track.notes, f"{silent}; it was asked for"))
    for number in range(1, probe.sound_tracks + 1):
        if number == probe.sound_track:
            continue
        try:
            other = with_sound_track(probe, number)
            heard = extract_sound(other, path, on_progress)
        except InputError as error:
            if error.reason_code in ("changed", "unreadable"):
                raise
            continue
        if heard.peak >= SILENT_PEAK:
            return other, dataclasses.replace(heard, notes=(*heard.notes, f"{silent}, so it was not used"))
    return probe, extract_sound(probe, path, on_progress)


def dbfs(peak: float) -> float:
    """Return the level of a sample in decibels of full scale; -96 for silence, as 16 bits have it."""
    return max(20 * math.log10(peak), -96.0) if peak > 0 else -96.0

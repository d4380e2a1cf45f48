"""Choice among several sound tracks of a file: one that is not silent."""

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

Heard = tuple[Probe, AudioTrack]
"""A file with the track that was taken, and its sound."""


def extract_heard(
    probe: Probe, path: Path, may_choose: bool, on_progress: Callable[[float], None] = lambda _: None
) -> Heard:
    """Do as `extract_sound`; where the track is silent or cannot be decoded, take the first other that is neither.

    Args:
        probe: the file.
        path: file to write.
        may_choose: False where somebody has named the track.
        on_progress: called with the seconds after the first video frame that are done.

    Returns:
        The file with the track that was taken, and its sound.

    Raises:
        InputError: those of `extract_sound`; ``no_such_track`` where nothing of the named one can be decoded.
    """
    first = _tried(probe, probe.sound_track, path, on_progress)
    wrong = _wrong(first, probe.sound_track)
    if isinstance(first, InputError):
        if probe.sound_tracks == 1 or first.reason_code != "no_audio":
            raise first
    elif not wrong or probe.sound_tracks == 1:
        return first
    if not may_choose:
        if isinstance(first, InputError):
            raise InputError("no_such_track", f"{wrong}; SOUND_TRACK asks for it", first.path) from first
        return _noted(first, f"{wrong}; it was asked for")
    for number in range(1, probe.sound_tracks + 1):
        other = first if number == probe.sound_track else _tried(probe, number, path, on_progress)
        if not isinstance(other, InputError) and not _wrong(other, number):
            return _noted(other, f"{wrong}, so it was not used")
    if isinstance(first, InputError):
        raise first
    return _noted((probe, extract_sound(probe, path, on_progress)), f"{wrong}, and no other is louder")


def _tried(probe: Probe, number: int, path: Path, on_progress: Callable[[float], None]) -> Heard | InputError:
    """Return the file with that sound track, and the sound; or the reason why there is none.

    Raises:
        InputError: the file itself cannot be read any more.
    """
    try:
        other = probe if number == probe.sound_track else with_sound_track(probe, number)
        return other, extract_sound(other, path, on_progress)
    except InputError as error:
        if error.reason_code in ("changed", "unreadable"):
            raise
        return error


def _wrong(tried: Heard | InputError, number: int) -> str:
    """Return the reason why a track is not used; empty where it is."""
    if isinstance(tried, InputError):
        return f"sound track {number} cannot be decoded"
    peak = tried[1].peak
    return "" if peak >= SILENT_PEAK else f"sound track {number} is silent (peak {dbfs(peak):.0f} dBFS)"


def _noted(heard: Heard, note: str) -> Heard:
    probe, track = heard
    return probe, dataclasses.replace(track, notes=(*track.notes, note))


def dbfs(peak: float) -> float:
    """Return the level of a sample in decibels of full scale; -96 for silence, as 16 bits have it."""
    return max(20 * math.log10(peak), -96.0) if peak > 0 else -96.0

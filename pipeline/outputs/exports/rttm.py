"""``speakers.rttm``: who speaks when, in the Rich Transcription Time Marked format of NIST (RT-09 evaluation plan,
appendix A), as tools for diarization read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.outputs.files import write_text

NOTHING = "<NA>"

Turn = tuple[float, float, str]
"""Start and end in seconds, and name of the speaker."""


def write_rttm(folder: Path, turns: Iterable[Turn], name: str, lead_s: float = 0.0) -> Path:
    """Write ``speakers.rttm`` into *folder*: a line to a turn, in order of their start.

    A line is ``SPEAKER <name> 1 <start> <length> <NA> <NA> <speaker> <NA> <NA>``, in seconds to the millisecond after
    the start of the container, as players and the subtitles count: readers compare it with sound, which may begin
    before the picture, and refuse times below 0. Speakers are ``speaker_1`` and so on, as in the subtitles. Turns of
    different speakers overlap where they speak at the same time.

    Args:
        folder: made when missing.
        turns: start, end and speaker of each, in order of their start.
        name: name of the recording; blanks in it become ``_``, since blanks part the fields.
        lead_s: seconds from the start of the container to the first video frame.
    """
    recording = re.sub(r"\s+", "_", name) or "_"
    path = folder / "speakers.rttm"
    lines = [
        f"SPEAKER {recording} 1 {start_s:.3f} {end_s - start_s:.3f} {NOTHING} {NOTHING} {speaker} {NOTHING} {NOTHING}\n"
        for start_s, end_s, speaker in _later(turns, lead_s)
    ]
    write_text(path, "".join(lines).encode("utf-8", "backslashreplace").decode())
    return path


def _later(turns: Iterable[Turn], by_s: float) -> list[Turn]:
    """Move *turns* to a clock that is ahead by *by_s*; cut off parts before its 0."""
    later = [(max(start_s + by_s, 0.0), end_s + by_s, speaker) for start_s, end_s, speaker in turns]
    return [turn for turn in later if turn[1] > turn[0]]

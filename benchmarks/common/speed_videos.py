"""Videos of any number and length for benchmarks of speed: the samples, looped, with their transcripts looped too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.places import ROOT
from benchmarks.common.short_videos import run_ffmpeg
from benchmarks.common.transcripts import transcript_of
from pipeline.media.probe import probe

SAMPLES = ("two_shot", "cuts", "late_sound")
"""Samples that are looped, in turn: two faces that talk, five shots, and one face whose sound begins late."""

UNIT_S = 30.0
"""Length of the unit of long videos, which is encoded once, then repeated without encoding."""


@dataclass(frozen=True, slots=True)
class VideoSet:
    """Videos for one run."""

    videos: Path
    """The folder of the videos."""
    transcripts: Path
    """The folder of their transcripts."""
    count: int
    seconds: float
    """Length of each."""


def make_videos(folder: Path, count: int, seconds: float, height_px: int | None = None) -> VideoSet:
    """Make *count* videos of *seconds* in a new *folder*.

    Args:
        folder: gets ``videos`` and ``transcripts``.
        count: number of videos; those that loop the same sample are the same.
        seconds: length of each.
        height_px: height of the picture; that of the sample when None.
    """
    made = _new_set(folder, count, seconds)
    for number in range(count):
        sample = SAMPLES[number % len(SAMPLES)]
        target = made.videos / f"{number:02d}_{sample}.mp4"
        if number < len(SAMPLES):
            _encode(ROOT / "samples" / f"{sample}.mp4", seconds, height_px, target)
        else:
            shutil.copyfile(made.videos / f"{number % len(SAMPLES):02d}_{sample}.mp4", target)
        _write_transcript(sample, [], seconds, made.transcripts / f"{target.stem}.json")
    return made


def make_long(folder: Path, minutes: float, sample: str = SAMPLES[0], height_px: int | None = None) -> VideoSet:
    """Make one video of that length in a new *folder*: the same 30 s again and again."""
    made = _new_set(folder, 1, minutes * 60)
    unit, target = folder / "unit.mp4", made.videos / f"long_{sample}.mp4"
    _encode(ROOT / "samples" / f"{sample}.mp4", UNIT_S, height_px, unit)
    times = int(made.seconds / UNIT_S) + 1
    loop = ["-stream_loop", str(times), "-i", f"file:{unit}", "-t", f"{made.seconds:.3f}", "-c", "copy"]
    run_ffmpeg(loop, target)
    _write_transcript(sample, [UNIT_S], made.seconds, made.transcripts / f"{target.stem}.json")
    return made


def _new_set(folder: Path, count: int, seconds: float) -> VideoSet:
    made = VideoSet(folder / "videos", folder / "transcripts", count, seconds)
    made.videos.mkdir(parents=True)
    made.transcripts.mkdir()
    return made


def _encode(source: Path, seconds: float, height_px: int | None, target: Path) -> None:
    """Loop *source* to exactly *seconds*."""
    size = [] if height_px is None else ["-vf", f"scale=-2:{height_px}"]
    codecs = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    run_ffmpeg(["-stream_loop", "-1", "-i", f"file:{source}", "-t", f"{seconds:.3f}", *size, *codecs], target)


def _write_transcript(sample: str, inner_s: Sequence[float], seconds: float, path: Path) -> None:
    """Write the transcript of *sample*, looped to each of the lengths in turn, the last of them *seconds*."""
    said = json.loads((ROOT / "samples" / "transcripts" / f"{sample}.json").read_bytes())
    segments, length_s = said["segments"], probe(ROOT / "samples" / f"{sample}.mp4").duration_s
    for until_s in (*inner_s, seconds):
        segments, length_s = looped(segments, length_s, until_s), until_s
    path.write_text(json.dumps(transcript_of(segments, said["language"])), encoding="utf-8")


def looped(segments: Sequence[Mapping[str, Any]], length_s: float, seconds: float) -> list[dict[str, Any]]:
    """Repeat segments in Whisper's shape every *length_s*; leave out those that would end after *seconds*."""
    repeated = []
    for loop in range(int(seconds / length_s) + 1):
        by_s = loop * length_s
        repeated += [_later(segment, by_s) for segment in segments if segment["end"] + by_s <= seconds]
    return repeated


def _later(segment: Mapping[str, Any], by_s: float) -> dict[str, Any]:
    words = [_moved(word, by_s) for word in segment["words"]]
    return {**_moved({name: segment[name] for name in ("start", "end", "text")}, by_s), "words": words}


def _moved(timed: Mapping[str, Any], by_s: float) -> dict[str, Any]:
    return {**timed, "start": round(timed["start"] + by_s, 3), "end": round(timed["end"] + by_s, 3)}

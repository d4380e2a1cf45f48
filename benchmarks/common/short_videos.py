"""Short, different videos cut from the samples and from footage, each with a transcript, and files that are no video.

Their content does not matter: they are for benchmarks of how runs end, not of what is found.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.places import ROOT
from benchmarks.common.transcripts import segment, transcript_of
from pipeline.media.encode import find_ffmpeg
from pipeline.media.probe import probe

HEIGHT_PX = 240
"""Height of the videos: low, so that most of a run is its processes and not its arithmetic."""

ENDINGS = (".mp4", ".mkv", ".mov")


@dataclass(frozen=True, slots=True)
class Short:
    """Input of a run, and the way it must end."""

    path: Path
    reasons: frozenset[str] = frozenset()
    """Reason codes of which one must be given; empty: the video is good and must be done."""

    @property
    def good(self) -> bool:
        return not self.reasons


def sources(footage: Path | None = None) -> list[tuple[Path, float]]:
    """Return videos with sound to cut pieces from, each with its length in seconds: samples, and those in *footage*."""
    folders = [ROOT / "samples", *([footage] if footage and footage.is_dir() else [])]
    paths = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".mp4", ".avi")]
    probes = [probe(path) for path in paths]
    return [(found.path, found.duration_s) for found in probes if found.audio_rate_hz]


def make_good(
    count: int, seconds: float, videos: Path, transcripts: Path, footage: Path | None = None, seed: int = 0
) -> list[Short]:
    """Make *count* different videos of *seconds* in the folder *videos*, and a transcript of each in *transcripts*.

    Each begins somewhere else in one of the `sources`, encoded anew so that it is whole and begins with a picture.
    """
    chance = random.Random(seed)
    usable = [(path, length_s) for path, length_s in sources(footage) if length_s > seconds + 0.2]
    made = []
    for number in range(count):
        source, length_s = usable[number % len(usable)]
        target = videos / f"good {number:04d}{ENDINGS[number % len(ENDINGS)]}"
        cut(source, chance.uniform(0, length_s - seconds - 0.1), seconds, target)
        write_transcript(transcripts / f"{target.stem}.json", seconds, f"This is video number {number}.")
        made.append(Short(target))
    return made


def make_bad(count: int, videos: Path, transcripts: Path, model: Path, seed: int = 0) -> list[Short]:
    """Make *count* bad files in the folder *videos*, of all `KINDS` in turn, and a transcript of each in *transcripts*.

    Args:
        model: a good MP4, from which some of them are made.
    """
    chance = random.Random(seed)
    kinds = sorted(KINDS)
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        spoil, reasons = KINDS[kind]
        target = videos / f"bad {number:04d} {kind}.mp4"
        spoil(model, target, chance)
        write_transcript(transcripts / f"{target.stem}.json", 1.0, "Nobody will hear this.")
        made.append(Short(target, reasons))
    return made


def cut(source: Path, start_s: float, seconds: float, target: Path) -> None:
    """Encode a piece of *source*, small and fast.

    Raises:
        subprocess.CalledProcessError: ffmpeg failed.
    """
    sound_and_picture = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    size = ["-vf", f"scale=-2:{HEIGHT_PX}", "-ac", "1"]
    run_ffmpeg(
        ["-ss", f"{start_s:.3f}", "-t", f"{seconds:.3f}", "-i", f"file:{source}", *size, *sound_and_picture], target
    )


def write_transcript(path: Path, seconds: float, text: str) -> None:
    """Write a transcript in Whisper's shape: the words of *text* evenly over *seconds*, a tenth left at either end."""
    words = text.split()
    spoken = segment(words, 0.1 * seconds, 0.8 * seconds / len(words))
    path.write_text(json.dumps(transcript_of([spoken])), encoding="utf-8")


def run_ffmpeg(arguments: Sequence[str], target: Path) -> None:
    """Make *target* with ffmpeg.

    Args:
        arguments: inputs and options, in front of the target.
        target: overwritten if it is there.

    Raises:
        subprocess.CalledProcessError: ffmpeg failed; its words are on stderr.
    """
    argv = [find_ffmpeg(), "-y", "-nostdin", "-loglevel", "error", *arguments, f"file:{target}"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _cut_off(model: Path, target: Path, _: random.Random) -> None:
    """Write the first half of *model*: the index of an MP4 stands at its end."""
    whole = model.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])


def _empty(_: Path, target: Path, __: random.Random) -> None:
    target.touch()


def _text(_: Path, target: Path, __: random.Random) -> None:
    target.write_text("This is a letter, not a video.\n" * 100, encoding="utf-8")


def _no_sound(model: Path, target: Path, _: random.Random) -> None:
    run_ffmpeg(["-i", f"file:{model}", "-an", "-c", "copy"], target)


def _no_picture(model: Path, target: Path, _: random.Random) -> None:
    run_ffmpeg(["-i", f"file:{model}", "-vn", "-c", "copy"], target)


def _noise(_: Path, target: Path, chance: random.Random) -> None:
    target.write_bytes(chance.randbytes(100_000))


KINDS: dict[str, tuple[Callable[[Path, Path, random.Random], None], frozenset[str]]] = {
    "cut off": (_cut_off, frozenset({"not_media"})),
    "empty": (_empty, frozenset({"not_media"})),
    "text": (_text, frozenset({"not_media"})),
    "no sound": (_no_sound, frozenset({"no_audio"})),
    "no picture": (_no_picture, frozenset({"no_video"})),
    "noise": (_noise, frozenset({"not_media", "no_video", "undecodable"})),
}
"""Kinds of bad files: a function that makes one, and the reasons a run may give. Noise may look like some format."""

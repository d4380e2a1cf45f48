"""Stages without networks or media for tests of executors: quick, and told by the name of a file how to behave.

``bad`` in a name: the file cannot be used. ``bug-STAGE``: that stage raises. ``kill-STAGE``: the process of that stage
is killed at its first attempt; ``deadly-STAGE``: at every attempt. ``hang-STAGE``: it stands still at its first
attempt; ``stuck-STAGE``: at every attempt. ``wait-STAGE``: it waits for ever at its first attempt, with its parent's
process ID in ``.NAME.STAGE.begun``. ``child-STAGE``: it starts a program and waits for ever. ``meet``: vision and
speech each wait until the other has begun, so that the video can only be done when they run at the same time.
``note``: vision has something to say of its work.
``damaged``: three packets of its picture cannot be decoded. ``short``: it has two pictures. ``excerpt``: only `EXCERPT`
of it is wanted.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from config import Config
from pipeline.clips.results import replace_results
from pipeline.clips.worker import FinishedVideo
from pipeline.errors import InputError
from pipeline.outputs.kept import read_kept
from pipeline.stages import Models, Prepared, Stages, VideoJob
from pipeline.types import AudioTrack, Excerpt, FrameBatch, Probe, ScoredTracks, Segment, Transcript

WIDTH, HEIGHT, FRAMES = 320, 240, 120
HELD = 8
EXCERPT = Excerpt(13, 111)
MEET_WITHIN_S = 60.0


def _behave(path: Path, stage: str) -> None:
    name = path.name
    if f"bug-{stage}" in name:
        raise RuntimeError(f"a bug in {stage}")
    if f"child-{stage}" in name:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        path.with_name(f".{name}.{stage}.child").touch()
        time.sleep(600)
    mark = path.with_name(f".{name}.{stage}.begun")
    if f"wait-{stage}" in name and not mark.exists():
        mark.write_text(str(os.getppid()))
        time.sleep(600)
    if f"stuck-{stage}" in name or (f"hang-{stage}" in name and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    if f"deadly-{stage}" in name or (f"kill-{stage}" in name and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _frame_count(path: Path) -> int:
    return 2 if "short" in path.name else FRAMES


def _meet(path: Path, stage: str, other: str) -> None:
    """Says that *stage* has begun and waits for *other*."""
    if "meet" not in path.name:
        return
    path.with_name(f".{path.name}.{stage}").touch()
    end_s = time.monotonic() + MEET_WITHIN_S
    while not path.with_name(f".{path.name}.{other}").exists():
        if time.monotonic() > end_s:
            raise RuntimeError(f"{stage} waited in vain for {other}")
        time.sleep(0.01)


def prepare(job: VideoJob, sound: Path | None, config: Config, on_seconds: Callable[[float], None]) -> Prepared:
    path = job.path
    _behave(path, "prepare")
    if "bad" in path.name:
        raise InputError("not_media", "is no video", path)
    if sound is not None:
        sound.write_bytes(bytes(2 * 16000))
    probe = Probe(path, "fake", _frame_count(path) / 25, WIDTH, HEIGHT, Fraction(25), 0, Fraction(0), 16000, 1)
    if "excerpt" in path.name:
        probe = dataclasses.replace(probe, excerpt=EXCERPT)
    return Prepared(probe, None if sound is None else AudioTrack(sound, 16000))


def pictures(
    prepared: Prepared, size_px: tuple[int, int], threads: int, on_lost: Callable[[int], None]
) -> Iterator[np.ndarray]:
    width, height = size_px
    if "damaged" in prepared.probe.path.name:
        on_lost(2)
        on_lost(1)
    excerpt = prepared.probe.excerpt
    for frame in range(excerpt.first_frame, excerpt.stop_frame or _frame_count(prepared.probe.path)):
        if frame == FRAMES // 2:
            _behave(prepared.probe.path, "decode")
        yield np.full((height, width, 3), frame, np.uint8)


@dataclass
class FakeSession:
    """Holds the last few pictures, as the real one does, and looks at each only when it lets it go."""

    path: Path
    capacity: int
    on_frames: Callable[[int], None]
    notes: tuple[str, ...] = ()
    first: int = 0

    def __post_init__(self) -> None:
        self._held: list[tuple[int, np.ndarray]] = []
        self._next = self.first
        self._right = 0

    def push(self, batch: FrameBatch) -> int:
        _meet(self.path, "vision", "speech")
        if batch.first_frame != self._next:
            raise RuntimeError(f"expected frame {self._next}, got {batch.first_frame}")
        self._next += len(batch)
        self._held += [(batch.first_frame + place, picture) for place, picture in enumerate(batch.frames)]
        if self._next > FRAMES // 2:
            _behave(self.path, "vision")
        while len(self._held) > HELD:
            self._look()
        time.sleep(0.001)
        self.on_frames(self._next - self.first)
        return self._next - len(self._held)

    def _look(self) -> None:
        frame, picture = self._held.pop(0)
        self._right += bool((picture == frame).all())

    def finish(self) -> ScoredTracks:
        while self._held:
            self._look()
        count = self._right
        frames = self.first + np.arange(count, dtype=np.int32)
        zeros = np.zeros(count, np.float32)
        boxes = np.zeros((count, 4), np.float32)
        starts = np.full(1, self.first, np.int32)
        return ScoredTracks(self._next, starts, frames * 0, frames, boxes, zeros, zeros, first_frame=self.first)


class FakeVision:
    def start(self, prepared: Prepared, capacity: int, on_frames: Callable[[int], None]) -> FakeSession:
        path = prepared.probe.path
        notes = ("vision was short of memory",) if "note" in path.name else ()
        return FakeSession(path, capacity, on_frames, notes, prepared.probe.excerpt.first_frame)


class FakeSpeech:
    def transcribe(
        self, audio: AudioTrack, on_progress: Callable[[float], None], given: Path | None = None
    ) -> Transcript:
        for path in _watched():
            _meet(Path(path), "speech", "vision")
            _behave(Path(path), "speech")
        on_progress(audio.duration_s)
        return Transcript("en", (Segment(0.0, 1.0, str(os.getpid()), ()),))


def _watched() -> list[str]:
    """The videos which speech, told nothing but its sound, should behave for: in a file that a variable names."""
    listed = Path(os.environ.get("FAKE_STAGES_WATCHED", "/nonexistent"))
    return listed.read_text().splitlines() if listed.exists() else []


def load_vision(config: Config, models: Models, device: str) -> FakeVision:
    if config.FACE_DETECTOR == "yunet":
        raise InputError("bad_setting", "these weights cannot be loaded")
    if config.WEIGHTS_DIR:
        loads = Path(config.WEIGHTS_DIR) / ".loads"
        loads.write_text((loads.read_text() if loads.exists() else "") + "x")
        if loads.read_text() == "xx":
            raise InputError("out_of_memory", "no memory for the second load")
    return FakeVision()


def load_speech(config: Config, models: Models, device: str) -> FakeSpeech:
    return FakeSpeech()


def finish(
    job: VideoJob,
    prepared: Prepared,
    models: Models,
    config: Config,
    timings: Mapping[str, float],
    on_clip: Callable[[int, int], None],
) -> FinishedVideo:
    """Clips: the pictures that came through unharmed."""
    _behave(job.path, "mux")
    tracks, losses, transcript = read_kept(job.folder, job.marks if job.renews else None)
    on_clip(1, 1)
    manifest = job.work / "output" / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    comm = Path("/proc/self/comm")
    named = comm.read_text().strip() if comm.exists() else "lipgen-mux-0"
    manifest.write_text(f"{os.getpid()} {transcript.segments[0].text} {named}")
    if job.renews:
        replace_results(job.folder)
    manifest = job.folder / "output" / "manifest.json"
    return FinishedVideo(
        manifest, len(tracks.track), 0, 0, losses=losses, frame_count=tracks.frame_count - tracks.first_frame
    )


def extras(
    job: VideoJob, prepared: Prepared, models: Models, config: Config, on_seconds: Callable[[float, float], None]
) -> None:
    _behave(job.path, "extras")
    (job.folder / "annotated.mp4").write_text((job.folder / "output" / "manifest.json").read_text())


def frames_held(config: Config) -> int:
    return HELD + 16


STAGES = Stages(prepare, pictures, load_vision, load_speech, finish=finish, extras=extras, frames_held=frames_held)

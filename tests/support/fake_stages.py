"""Stages without networks or media for tests of executors: quick, and told by the name of a file how to behave.

``bad`` in a name: the file cannot be used. ``mute``: it has no sound, as while ``.NAME.mute`` lies beside the file.
``bug-STAGE``: that stage raises, as it does while ``.NAME.STAGE.bug`` lies beside the file. ``kill-STAGE``: the
process of that stage is killed at its first attempt; ``deadly-STAGE``: at every attempt. ``hang-STAGE``: it stands
still at its first attempt; ``stuck-STAGE``: at every attempt. ``wait-STAGE``: it waits for ever at its first attempt,
with its parent's process ID in ``.NAME.STAGE.begun``. ``child-STAGE``: it starts a program and waits for ever.
``meet``: vision and speech each wait until the other has begun, so that the video can only be done when they run at
the same time. ``behind``: at the first attempt speech raises when all pictures are written and vision, which is slow,
has most of them still to look at. ``note``: vision has something to say of its work. ``damaged``: three packets of its
picture cannot be decoded. ``short``: it has two pictures. ``excerpt``: only `EXCERPT` of it is wanted.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from config import Config
from pipeline.artifacts import ATTRIBUTION, MANIFEST, TRACKS, TRANSCRIPT
from pipeline.errors import InputError
from pipeline.outputs.attribution import digest_of, write_attribution
from pipeline.outputs.tracks import read_losses, read_tracks, write_tracks
from pipeline.outputs.transcript import read_own_transcript, write_transcript
from pipeline.results import Artifact, replace_results
from pipeline.stage import (
    CLIPS_POOL,
    OUTPUTS_POOL,
    SPEECH_POOL,
    VISION_POOL,
    Graph,
    Models,
    OpenedVideo,
    Stage,
    StageResult,
    VideoJob,
    Work,
)
from pipeline.types import (
    AttributedWord,
    Attribution,
    AudioTrack,
    Excerpt,
    FaceTracks,
    FinishedVideo,
    FrameBatch,
    Losses,
    Probe,
    ScoredTracks,
    Segment,
    SpeakerScores,
    Transcript,
)

WIDTH, HEIGHT, FRAMES = 320, 240, 120
HELD = 8
EXCERPT = Excerpt(13, 111)
MEET_WITHIN_S = 60.0


def behave(path: Path, stage: str) -> None:
    name = path.name
    if f"bug-{stage}" in name or path.with_name(f".{name}.{stage}.bug").exists():
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


def open_video(video: VideoJob, sound: Path | None, config: Config, on_seconds: Callable[[float], None]) -> OpenedVideo:
    path = video.path
    behave(path, "open")
    if "bad" in path.name:
        raise InputError("not_media", "is no video", path)
    is_mute = "mute" in path.name or path.with_name(f".{path.name}.mute").exists()
    if sound is not None and is_mute:
        raise InputError("no_audio", "has no sound", path)
    if sound is not None:
        sound.write_bytes(bytes(2 * 16000))
    probe = Probe(path, "fake", _frame_count(path) / 25, WIDTH, HEIGHT, Fraction(25), 0, Fraction(0), 16000, 1)
    if "excerpt" in path.name:
        probe = dataclasses.replace(probe, excerpt=EXCERPT)
    return OpenedVideo(probe, None if sound is None else AudioTrack(sound, 16000))


def read_frames(
    opened: OpenedVideo, size_px: tuple[int, int], threads: int, on_lost: Callable[[int], None]
) -> Iterator[np.ndarray]:
    width, height = size_px
    if "damaged" in opened.probe.path.name:
        on_lost(2)
        on_lost(1)
    excerpt = opened.probe.excerpt
    for frame in range(excerpt.first_frame, excerpt.stop_frame or _frame_count(opened.probe.path)):
        if frame == FRAMES // 2:
            behave(opened.probe.path, "decode")
        yield np.full((height, width, 3), frame, np.uint8)
    if "behind" in opened.probe.path.name:
        opened.probe.path.with_name(f".{opened.probe.path.name}.decoded").touch()


@dataclass
class FakeVision:
    """Holds the last few pictures, as the real one does, and looks at each only when it lets it go."""

    work: Work

    def __post_init__(self) -> None:
        self.path = self.work.opened.probe.path
        self.first = self._next = self.work.opened.probe.excerpt.first_frame
        self._held: list[tuple[int, np.ndarray]] = []
        self._right = 0

    def push(self, batch: FrameBatch) -> int:
        _meet(self.path, "vision", "speech")
        if batch.first_frame != self._next:
            raise RuntimeError(f"expected frame {self._next}, got {batch.first_frame}")
        self._next += len(batch)
        self._held += [(batch.first_frame + place, picture) for place, picture in enumerate(batch.frames)]
        if self._next > FRAMES // 2:
            behave(self.path, "vision")
        while len(self._held) > HELD:
            self._look()
        time.sleep(0.3 if "behind" in self.path.name and self._next > 40 else 0.001)
        seconds = (self._next - self.first) / 25
        self.work.report(seconds, max(seconds, self.work.opened.probe.length_s))
        return self._next - len(self._held)

    def _look(self) -> None:
        frame, picture = self._held.pop(0)
        self._right += bool((picture == frame).all())

    def finish(self, lost_packets: int) -> StageResult:
        while self._held:
            self._look()
        count = self._right
        frames = self.first + np.arange(count, dtype=np.int32)
        zeros = np.zeros(count, np.float32)
        boxes = np.zeros((count, 4), np.float32)
        starts = np.full(1, self.first, np.int32)
        tracks = FaceTracks(self._next, starts, frames * 0, frames, boxes, first_frame=self.first)
        if self.work.video.no_sound is None:
            tracks = ScoredTracks.of(tracks, SpeakerScores(zeros, zeros))
        write_tracks(self.work.pending(TRACKS), tracks, Losses(lost_packets), self.work.video.prints.of("vision"))
        return StageResult(("vision was short of memory",) if "note" in self.path.name else ())


def _fall_behind(path: Path) -> None:
    """Raises in speech, once, when the decoder is done with a video whose vision is slow."""
    mark = path.with_name(f".{path.name}.fell-behind")
    if "behind" not in path.name or mark.exists():
        return
    mark.touch()
    end_s = time.monotonic() + MEET_WITHIN_S
    while not path.with_name(f".{path.name}.decoded").exists() and time.monotonic() < end_s:
        time.sleep(0.01)
    raise RuntimeError("vision has fallen behind")


def _watched() -> list[str]:
    """Name the videos that speech should behave for, too: in a file that a variable names."""
    listed = Path(os.environ.get("FAKE_STAGES_WATCHED", "/nonexistent"))
    return listed.read_text().splitlines() if listed.exists() else []


def run_speech(work: Work) -> StageResult:
    for path in (work.opened.probe.path, *map(Path, _watched())):
        _meet(path, "speech", "vision")
        behave(path, "speech")
    _fall_behind(work.opened.probe.path)
    work.report(work.opened.audio.duration_s, work.opened.audio.duration_s)
    transcript = Transcript("en", (Segment(0.0, 1.0, str(os.getpid()), ()),))
    write_transcript(work.pending(TRANSCRIPT), transcript, mark=work.video.prints.of("speech"))
    return StageResult()


def run_attribution(work: Work) -> StageResult:
    behave(work.video.path, "attribution")
    tracks, words = work.path(TRACKS), read_own_transcript(work.path(TRANSCRIPT))[0].words
    said = Attribution(tuple(AttributedWord(word, None, None) for word in words), ())
    write_attribution(work.pending(ATTRIBUTION), said, work.video.prints.of("attribution"), digest_of(tracks, words))
    return StageResult()


def load_vision(config: Config, models: Models, device: str) -> str:
    if config.FACE_DETECTOR == "yunet":
        raise InputError("bad_setting", "these weights cannot be loaded")
    if config.WEIGHTS_DIR:
        loads = Path(config.WEIGHTS_DIR) / ".loads"
        loads.write_text((loads.read_text() if loads.exists() else "") + "x")
        if loads.read_text() == "xx":
            raise InputError("out_of_memory", "no memory for the second load")
    return "vision"


def run_clips(work: Work) -> StageResult:
    """Clips: the pictures that came through unharmed."""
    video = work.video
    behave(video.path, "clips")
    tracks, transcript = read_tracks(work.path(TRACKS)), read_own_transcript(work.path(TRANSCRIPT))[0]
    work.report(1, 1)
    manifest = work.folder / MANIFEST.file
    manifest.parent.mkdir(parents=True, exist_ok=True)
    comm = Path("/proc/self/comm")
    named = comm.read_text().strip() if comm.exists() else "lipgen-clips-0"
    manifest.write_text(f"{os.getpid()} {transcript.segments[0].text} {named}")
    losses = read_losses(work.path(TRACKS))
    if video.renews:
        replace_results(video.folder)
    frames = tracks.frame_count - tracks.first_frame
    done = FinishedVideo(video.folder / MANIFEST.file, len(tracks.track), 0, 0, losses=losses, frame_count=frames)
    return StageResult(summary=done)


def run_annotate(work: Work) -> StageResult:
    behave(work.video.path, "annotate")
    (work.folder / "annotated.mp4").write_text(work.path(MANIFEST).read_text())
    return StageResult()


def run_measure(work: Work) -> StageResult:
    (work.folder / "size.txt").write_text(f"{work.opened.probe.width_px}x{work.opened.probe.height_px}")
    return StageResult()


MEASURE = Stage("measure", run_measure, OUTPUTS_POOL, optional=True)
"""An output that needs nothing but the source."""


def frames_held(config: Config) -> int:
    return HELD + 16


STAGES = (
    Stage(
        "vision",
        FakeVision,
        VISION_POOL,
        makes=(TRACKS,),
        feeds="frames",
        load=load_vision,
        frames_held=frames_held,
    ),
    Stage("speech", run_speech, SPEECH_POOL, makes=(TRANSCRIPT,), feeds="sound"),
    Stage("attribution", run_attribution, CLIPS_POOL, makes=(ATTRIBUTION,), needs=(TRACKS, TRANSCRIPT)),
    Stage("clips", run_clips, CLIPS_POOL, makes=(MANIFEST,), needs=(TRACKS, TRANSCRIPT, ATTRIBUTION), unit="clips"),
    Stage(
        "annotate",
        run_annotate,
        OUTPUTS_POOL,
        makes=(Artifact("annotated.mp4"),),
        needs=(TRACKS, ATTRIBUTION),
        optional=True,
        setting="ANNOTATE",
    ),
)

GRAPH = Graph(STAGES, open_video, read_frames)

"""Messages that cannot be, or come too late: the first end a video, the others are passed over."""

from __future__ import annotations

import ast
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.errors import WorkerDied
from pipeline.executors.admission import QueuedVideo
from pipeline.executors.local import messages as msg
from pipeline.executors.local.dispatcher import Attempt, Dispatcher
from pipeline.executors.reports import Failed
from pipeline.executors.scheduler import Ended
from pipeline.stage import OpenedVideo, StageResult, VideoJob
from pipeline.types import FinishedVideo, Probe
from tests.support import fake_stages
from tests.support.by_hand import on_cpu

ROOT = Path(__file__).resolve().parents[4]
OPENED = OpenedVideo(Probe(Path("/v/a.mp4"), "mp4", 4.0, 320, 240, Fraction(25), 0, Fraction(0), 16_000, 1), None)


class Worker:
    """A worker that notes what it is sent."""

    def __init__(self, kind: str) -> None:
        self.kind, self.number, self.name, self.ready = kind, 0, f"{kind}-0", True
        self.holds: dict[int, str] = {}
        self.sent: list[object] = []

    def send(self, message: object) -> None:
        self.sent.append(message)


class Run:
    """A dispatcher with one video in work, which its decoder has just been given."""

    def __init__(self, folder: Path, tries: int = 2) -> None:
        self.workers = {kind: Worker(kind) for kind in ("decode", "vision", "speech", "clips", "outputs")}
        self.ended: list[tuple[Attempt, Ended]] = []
        self.events: list[Any] = []
        pool = SimpleNamespace(of=lambda kind: [self.workers[kind]], workers=list(self.workers.values()))
        listener = SimpleNamespace(on_event=self.events.append, on_progress=lambda *_: None)
        config = on_cpu(MAX_VIDEOS_IN_FLIGHT=4, MAX_TRIES=tries, RING_MB=16, ANNOTATE=True)
        self.dispatcher = Dispatcher(
            config, fake_stages.GRAPH, cast(Any, pool), cast(Any, listener), folder, self._on_end
        )
        self.dispatcher.begin(QueuedVideo(VideoJob(0, folder / "a.mp4", folder / "a")))
        self.dispatcher.give_work()

    def _on_end(self, _: int, attempt: Attempt, ended: Ended) -> None:
        self.ended.append((attempt, ended))

    def say(self, kind: str, message: Any) -> None:
        self.dispatcher.take(cast(Any, self.workers[kind]), message)
        self.dispatcher.give_work()

    def open(self) -> None:
        self.say("decode", msg.SourceOpened(1, OPENED))
        self.say("decode", msg.DecoderIdle(1))

    def do(self, kind: str, stage: str, result: StageResult = StageResult()) -> None:  # noqa: B008
        self.say(kind, msg.StageDone(1, stage, result, 0.0, 1.0))

    def lose(self, kind: str) -> None:
        """The worker dies, and another takes its place."""
        worker = self.workers[kind]
        held, worker.holds = dict(worker.holds), {}
        self.dispatcher.lose(cast(Any, worker), WorkerDied(worker.name, -9), held)
        self.dispatcher.give_work()

    def to_the_clips(self) -> None:
        self.open()
        self.do("speech", "speech")
        self.say("decode", msg.EndOfFrames(1, 0, 1))
        self.do("vision", "vision")
        self.say("decode", msg.DecoderIdle(1))
        self.do("clips", "attribution")


OUT_OF_ORDER = {
    "pictures before the video is open": ("decode", msg.Frames(1, 0, 8, 1)),
    "end of pictures before the video is open": ("decode", msg.EndOfFrames(1, 0, 1)),
    "an order from a worker": ("decode", msg.StreamFrames(1, OPENED, cast(Any, None), 1)),
    "a stage from a decoder": ("decode", msg.StageDone(1, "clips", StageResult(), 0.0, 1.0)),
}


@pytest.mark.parametrize("case", OUT_OF_ORDER)
def test_what_cannot_be_ends_the_video_and_not_the_run(tmp_path: Path, case: str) -> None:
    run = Run(tmp_path)
    kind, message = OUT_OF_ORDER[case]
    run.say(kind, message)
    ((_, ended),) = run.ended
    assert ended.failure is not None and ended.failure.reason_code == "internal_error"
    assert f"{kind}-0 sent {type(message).__name__}" in ended.failure.message
    assert run.dispatcher.active == {}
    run.say(kind, message)
    assert len(run.ended) == 1, "what comes later of that video is passed over"


def test_it_is_open_twice(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.say("decode", msg.SourceOpened(1, OPENED))
    run.say("decode", msg.SourceOpened(1, OPENED))
    ((_, ended),) = run.ended
    assert ended.failure is not None and "that is open already" in ended.failure.message


def test_words_of_a_worker_that_holds_nothing_are_passed_over(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.do("clips", "clips")
    run.say("speech", Failed(1, "io_error", "no", "", "speech"))
    run.say("vision", msg.FramesReleased(1, 8, 1))
    assert run.ended == [] and list(run.dispatcher.active) == [1]


def test_one_video_from_beginning_to_end(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.to_the_clips()
    summary = FinishedVideo(tmp_path / "m", 1, 0, 0)
    run.do("clips", "clips", StageResult(("slow",), summary))
    assert run.ended == []
    run.do("outputs", "annotate")
    ((attempt, ended),) = run.ended
    assert (ended.failure, ended.notes, ended.summary) == (None, ("slow",), summary)
    assert list(attempt.timings) == ["speech", "decode", "vision", "attribution", "clips", "annotate"]
    orders = {kind: [type(each).__name__ for each in worker.sent] for kind, worker in run.workers.items()}
    assert orders == {
        "decode": ["OpenSource", "StreamFrames"],
        "vision": ["RunStage", "EndOfFrames"],
        "speech": ["RunStage"],
        "clips": ["RunStage", "RunStage"],
        "outputs": ["RunStage"],
    }


def test_a_vision_worker_that_dies_has_the_pictures_streamed_again_and_others_keep_theirs(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.open()
    run.do("speech", "speech")
    run.say("decode", msg.Frames(1, 0, 8, 1))
    run.lose("vision")
    run.say("decode", msg.Frames(1, 8, 8, 1))  # written before the decoder was told
    run.say("decode", msg.DecoderIdle(1))
    assert [type(each).__name__ for each in run.workers["decode"].sent[-2:]] == ["Cancel", "StreamFrames"]
    assert [event.stage for event in run.events if event.name == "again"] == ["vision"]
    assert [type(each).__name__ for each in run.workers["speech"].sent] == ["RunStage"], "words are not done again"
    run.say("decode", msg.EndOfFrames(1, 0, 1))
    run.do("vision", "vision")
    assert run.ended == [] and run.workers["clips"].holds == {1: "attribution"}


def streamed_again(folder: Path) -> Run:
    """A run whose decoder has died in the middle of the first stream, and whose second has begun."""
    run = Run(folder)
    run.open()
    run.do("speech", "speech")
    run.say("decode", msg.Frames(1, 0, 8, 1))
    run.lose("decode")
    assert streams_of(run) == [1], "vision may still read the ring"
    run.say("vision", msg.StreamDropped(1, 1))
    assert streams_of(run) == [1, 2]
    return run


def streams_of(run: Run) -> list[int]:
    return [message.stream for message in run.workers["decode"].sent if isinstance(message, msg.StreamFrames)]


def ended_while_vision_reads(folder: Path) -> Run:
    """All pictures are written and the decoder is idle; the video fails while vision has not looked at them."""
    run = Run(folder)
    run.open()
    for message in (msg.Frames(1, 0, 8, 1), msg.EndOfFrames(1, 0, 1), msg.DecoderIdle(1)):
        run.say("decode", message)
    run.say("speech", Failed(1, "io_error", "no", "", "speech"))
    assert len(run.ended) == 1
    return run


def test_the_next_video_is_streamed_when_nobody_reads_the_ring_any_more(tmp_path: Path) -> None:
    """The pictures of another would be taken for its own, and their faces kept as its result."""
    run = ended_while_vision_reads(tmp_path)
    run.dispatcher.begin(QueuedVideo(VideoJob(1, tmp_path / "b.mp4", tmp_path / "b")))
    run.dispatcher.give_work()
    run.say("decode", msg.SourceOpened(2, OPENED))
    run.say("decode", msg.DecoderIdle(2))
    assert streams_of(run) == [1]
    run.say("vision", msg.FramesReleased(1, 8, 1))
    run.say("vision", msg.StageDone(1, "vision", StageResult(), 0.0, 1.0, 1))
    assert streams_of(run) == [1]
    run.say("vision", msg.StreamDropped(1, 1))
    assert streams_of(run) == [1, 2] and len(run.ended) == 1


def test_a_video_is_held_while_vision_may_yet_write_its_faces(tmp_path: Path) -> None:
    run = ended_while_vision_reads(tmp_path)
    assert run.dispatcher.is_held(1) and run.dispatcher.awaits(cast(Any, run.workers["vision"]))
    run.say("vision", msg.StageDone(1, "vision", StageResult(), 0.0, 1.0, 1))
    assert run.dispatcher.is_held(1)
    run.say("vision", msg.StreamDropped(1, 1))
    assert not run.dispatcher.is_held(1)


def test_a_consumer_that_dies_gives_the_ring_back(tmp_path: Path) -> None:
    run = ended_while_vision_reads(tmp_path)
    run.lose("vision")
    assert not run.dispatcher.is_held(1)
    run.dispatcher.begin(QueuedVideo(VideoJob(1, tmp_path / "b.mp4", tmp_path / "b")))
    run.dispatcher.give_work()
    run.say("decode", msg.SourceOpened(2, OPENED))
    run.say("decode", msg.DecoderIdle(2))
    assert streams_of(run) == [1, 2]


LATE = {
    "frames let go of": msg.FramesReleased(1, 64, 1),
    "a failure": Failed(1, "internal_error", "the ring was closed", "", "vision", 1),
    "an end": msg.StageDone(1, "vision", StageResult(), 0.0, 1.0, 1),
}


@pytest.mark.parametrize("case", LATE)
def test_what_a_worker_says_of_a_stream_that_was_ended_is_passed_over(tmp_path: Path, case: str) -> None:
    run = streamed_again(tmp_path)
    run.say("vision", LATE[case])
    assert run.ended == []
    assert [m for m in run.workers["decode"].sent if isinstance(m, msg.FramesReleased)] == []
    run.say("decode", msg.Frames(1, 0, 8, 2))
    run.say("vision", msg.FramesReleased(1, 8, 2))
    assert [m for m in run.workers["decode"].sent if isinstance(m, msg.FramesReleased)] == [msg.FramesReleased(1, 8, 2)]
    run.say("decode", msg.EndOfFrames(1, 0, 2))
    run.say("vision", msg.StageDone(1, "vision", StageResult(), 0.0, 1.0, 2))
    assert run.ended == [] and run.workers["clips"].holds == {1: "attribution"}


def test_what_a_decoder_says_of_a_stream_that_was_ended_is_passed_over(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.open()
    run.lose("vision")
    run.say("decode", msg.DecoderIdle(1))
    for late in (msg.Frames(1, 0, 8, 1), msg.EndOfFrames(1, 0, 1), Failed(1, "io_error", "no", "", "decode", 1)):
        run.say("decode", late)
    assert run.ended == []
    assert [type(each).__name__ for each in run.workers["vision"].sent] == ["RunStage", "RunStage"]


def test_a_video_is_held_until_the_last_worker_has_let_go_of_it(tmp_path: Path) -> None:
    """Words are still being written when the picture fails: no other run may have the folder yet."""
    run = Run(tmp_path)
    run.open()
    run.say("vision", Failed(1, "internal_error", "no", "", "vision", 1))
    assert len(run.ended) == 1 and run.dispatcher.is_held(1)
    run.say("decode", msg.DecoderIdle(1))
    assert run.dispatcher.is_held(1)
    run.say("speech", msg.StageDone(1, "speech", StageResult(), 0.0, 1.0))
    assert not run.dispatcher.is_held(1) and len(run.ended) == 1


@pytest.mark.parametrize("kind", ["decode", "vision", "speech", "clips"])
def test_a_worker_that_dies_after_the_clips_are_there_takes_nothing_back(tmp_path: Path, kind: str) -> None:
    run = Run(tmp_path)
    run.to_the_clips()
    run.do("clips", "clips", StageResult((), FinishedVideo(tmp_path / "m", 1, 0, 0)))
    run.dispatcher.lose(cast(Any, run.workers[kind]), WorkerDied(f"{kind}-0", -9), {1: "vision"})
    assert run.ended == [] and list(run.dispatcher.active) == [1]


def test_a_decoder_that_dies_while_it_opens_is_given_its_tries_and_no_more(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for _ in range(2):
        assert run.ended == []
        run.lose("decode")
    ((_, ended),) = run.ended
    assert ended.failure is not None and ended.failure.reason_code == "worker_died"
    assert [type(each).__name__ for each in run.workers["decode"].sent] == ["OpenSource", "OpenSource"]


def test_the_sound_of_a_video_that_was_given_up_while_it_was_opened_goes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.say("decode", msg.Frames(1, 0, 8, 1))
    (tmp_path / "1.pcm").touch()
    run.say("decode", msg.SourceOpened(1, OPENED))
    assert not (tmp_path / "1.pcm").exists()


@pytest.mark.slow
def test_without_asserts_it_is_the_same() -> None:
    check = (
        "import tempfile; from pathlib import Path\n"
        "from tests.pipeline.executors.local.test_dispatcher import OUT_OF_ORDER, Run\n"
        "for kind, message in OUT_OF_ORDER.values():\n"
        "    run = Run(Path(tempfile.mkdtemp()))\n"
        "    run.say(kind, message)\n"
        "    print([ended.failure.reason_code for _, ended in run.ended])\n"
    )
    argv = [sys.executable, "-O", "-c", check]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['internal_error']"] * len(OUT_OF_ORDER)


def test_no_assert_stands_between_processes() -> None:
    """``python -O`` leaves them out."""
    folder = ROOT / "pipeline" / "executors"
    found = {
        f"{path.name}:{node.lineno}"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    }
    assert found == set()

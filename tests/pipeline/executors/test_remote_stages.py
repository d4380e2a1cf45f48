"""Stages over a storage: what they fetch and push, in every executor and on whatever machine."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.executors import locks, remote_stages
from pipeline.executors.cluster.worker import Order, Outcome, Workplace
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.serial import SerialExecutor
from pipeline.machine import resolved
from pipeline.outputs.kept import ALL_STAGES, MANIFEST, TRACKS, TRANSCRIPT, put_in_place, read_kept
from pipeline.run import remote
from pipeline.run.remote import RemoteListener
from pipeline.run.report import RunReport
from pipeline.stages import STAGES, Prepared, VideoJob
from pipeline.storage.mirror import Mirror, Remote
from pipeline.storage.objects import listing, push, remove
from pipeline.types import Marks, Segment, Transcript, VideoResult
from tests.support import fake_stages
from tests.support.s3 import s3_service

CONFIG = resolved(
    Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2, MAX_VIDEOS_IN_FLIGHT=3)
)
WORDS = Transcript("en", (Segment(0.0, 1.0, "Hello", ()),))


def names(url: str) -> set[str]:
    return {entry.name for entry in listing(url)}


def put(url: str, path: Path, content: bytes = b"content") -> None:
    path.write_bytes(content)
    push(path, url)


@pytest.fixture
def place(tmp_path: Path) -> str:
    (tmp_path / "storage").mkdir()
    return (tmp_path / "storage").as_uri()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_service() as url:
        yield url


def job(place: str, root: Path, name: str = "a.mp4", number: int = 0) -> VideoJob:
    """A video of *place*, as the machine has it whose mirror is *root*."""
    mirror = Mirror(root, f"{place}/v", f"{place}/out")
    path, folder = mirror.source_folder / name, mirror.results_folder / name.removesuffix(".mp4")
    marks = Marks(f"v{name}", f"s{name}", f"w{name}", f"f{name}")
    return VideoJob(number, path, folder, marks, remote=mirror.remote_of(path, folder))


class TestOnOneMachine:
    """With both executors, through listener and locks."""

    def run(self, kind: type, place: str, tmp_path: Path, names: list[str], config: Config = CONFIG) -> RunReport:
        root, work = tmp_path / "mirror", tmp_path / "work"
        work.mkdir(exist_ok=True)
        for name in names:
            put(f"{place}/v/{name}", tmp_path / "put")
        jobs = [job(place, root, name, number) for number, name in enumerate(names)]
        mirror = Mirror(root, f"{place}/v", f"{place}/out")
        report = RunReport(root / "results", root / "source", [each.path for each in jobs], shown=mirror.shown)
        executor = kind(config, (), work, remote_stages.remote_stages(fake_stages.STAGES))
        executor.run(jobs, RemoteListener(len(jobs), report, False, mirror))
        return report

    @pytest.mark.parametrize("kind", [SerialExecutor, pytest.param(LocalExecutor, marks=pytest.mark.slow)])
    def test_results_are_on_the_storage_and_the_copies_here_are_gone(
        self, kind: type, bucket: str, tmp_path: Path
    ) -> None:
        place = f"{bucket}/{tmp_path.name}"
        lost = "kill-mux.mp4" if kind is LocalExecutor else "b.mp4"
        report = self.run(kind, place, tmp_path, ["a.mp4", "bad.mp4", lost, "bug-mux.mp4"])
        assert [result.status for result in report.results] == ["done", "failed", "done", "failed"]
        whole = {f"{name}/{file}" for name in ("a", lost[:-4]) for file in (MANIFEST, TRACKS, TRANSCRIPT, "log.txt")}
        failed = {"bad/failure.json", "bad/log.txt", *(f"bug-mux/{file}" for file in (TRACKS, TRANSCRIPT, "log.txt"))}
        assert names(f"{place}/out") == whole | failed
        here = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "mirror").rglob("*") if path.is_file()}
        marks = {name for name in here if name.endswith(".begun")}
        manifests = {f"mirror/results/{name}/{MANIFEST}" for name in ("a", lost[:-4])}
        assert here - marks == {*manifests, "mirror/results/run.json"}

    def test_a_video_that_fails_loses_the_manifest_of_an_earlier_run(self, place: str, tmp_path: Path) -> None:
        for name in (MANIFEST, "output/seg_0000_track_000.mp4", "own.txt"):
            put(f"{place}/out/bad/{name}", tmp_path / "put")
        report = self.run(SerialExecutor, place, tmp_path, ["bad.mp4"])
        assert names(f"{place}/out") == {"bad/failure.json", "bad/log.txt", "bad/own.txt"}
        assert report.results[0].message == f"{place}/v/bad.mp4: is no video"

    def test_results_of_an_earlier_state_stay_until_a_new_one_is_complete(self, place: str, tmp_path: Path) -> None:
        old = (MANIFEST, "output/seg_0000_track_000.mp4", "report.html", "own.txt")
        for folder in ("a", "bug-mux"):
            for name in old:
                put(f"{place}/out/{folder}/{name}", tmp_path / "put")
        report = self.run(SerialExecutor, place, tmp_path, ["a.mp4", "bug-mux.mp4"])
        assert [result.status for result in report.results] == ["done", "failed"]
        stages = (".next/tracks.npz", ".next/transcript.json")
        assert names(f"{place}/out/bug-mux") == {*old, *stages, "log.txt"}
        assert names(f"{place}/out/a") == {MANIFEST, TRACKS, TRANSCRIPT, "own.txt", "log.txt"}
        assert report.results[1].details["earlier_results"] is True

    def test_what_an_earlier_run_left_is_not_done_again(self, place: str, tmp_path: Path) -> None:
        self.run(SerialExecutor, place, tmp_path, ["a.mp4"])
        remove(f"{place}/out/a/{MANIFEST}")
        report = self.run(SerialExecutor, place, tmp_path, ["a.mp4"])
        assert report.results[0].details["kept"] == ["speech", "vision"]
        assert MANIFEST in names(f"{place}/out/a")

    def test_the_log_goes_on_from_run_to_run(self, place: str, tmp_path: Path) -> None:
        for _ in range(2):
            self.run(SerialExecutor, place, tmp_path, ["bug-mux.mp4"])
        assert (tmp_path / "storage/out/bug-mux/log.txt").read_text().count(" failed (internal_error)") == 2

    def test_a_storage_that_fails_for_one_video_fails_that_one_alone(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look(remote: Remote) -> None:
            if remote.results is not None and remote.results.url.endswith("/a"):
                raise InputError("storage_failed", "the line broke", remote.results.url)

        monkeypatch.setattr(locks, "look", look)
        report = self.run(SerialExecutor, place, tmp_path, ["a.mp4", "b.mp4"])
        assert [(result.status, result.reason_code) for result in report.results] == [
            ("failed", "storage_failed"),
            ("done", ""),
        ]

    def test_extras_are_pushed_too(self, place: str, tmp_path: Path) -> None:
        self.run(SerialExecutor, place, tmp_path, ["a.mp4"], dataclasses.replace(CONFIG, ANNOTATE=True))
        assert "annotated.mp4" in names(f"{place}/out/a")


class TestOnMachinesOfTheirOwn:
    """Each stage with a mirror of its own, as on the machines of a cluster."""

    STAGES = remote_stages.remote_stages(fake_stages.STAGES)

    def see(self, place: str, root: Path) -> Prepared:
        video = job(place, root)
        prepared = self.STAGES.prepare(video, root / "sound", CONFIG, lambda _: None)
        session = fake_stages.FakeVision().start(prepared, 8, lambda _: None)
        put_in_place(self.STAGES.keep_tracks(video, prepared, session.finish(), 0), "vision")
        return prepared

    def hear(self, place: str, root: Path) -> None:
        put_in_place(self.STAGES.keep_words(job(place, root), WORDS), "speech")

    @pytest.fixture(autouse=True)
    def video(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/v/a.mp4", tmp_path / "put")

    def test_what_one_leaves_another_finds(self, place: str, tmp_path: Path) -> None:
        for name in ("see", "hear", "cut"):
            (tmp_path / name).mkdir()
        prepared = self.see(place, tmp_path / "see")
        self.hear(place, tmp_path / "hear")
        assert names(f"{place}/out/a") == {TRACKS, TRANSCRIPT}
        video = job(place, tmp_path / "cut")
        self.STAGES.finish(video, prepared, (), CONFIG, {}, lambda *_: None)
        assert names(f"{place}/out/a") == {TRACKS, TRANSCRIPT, MANIFEST}
        assert video.path.read_bytes() == b"content" and read_kept(video.folder)[2] == WORDS

    def test_the_manifest_is_there_for_who_only_adds_to_it(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/out/a/{MANIFEST}", tmp_path / "put")
        video = dataclasses.replace(job(place, tmp_path / "m"), kept=ALL_STAGES)
        self.STAGES.prepare(video, None, CONFIG, lambda _: None)
        assert (video.folder / MANIFEST).read_bytes() == b"content"

    def test_the_video_is_called_by_its_url(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "m").mkdir()
        assert self.see(place, tmp_path / "m").probe.url == f"{place}/v/a.mp4"

    def test_the_copy_on_another_machine_is_the_same_file_to_who_looks_for_changes(
        self, place: str, tmp_path: Path
    ) -> None:
        seen = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            self.see(place, tmp_path / name)
            seen.append(job(place, tmp_path / name).path.stat().st_mtime_ns)
        assert seen[0] == seen[1]

    def test_a_result_that_cannot_be_pushed_is_not_left_pending(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise InputError("storage_failed", "refused")

        monkeypatch.setattr(remote_stages, "push_named", refuse)
        with pytest.raises(InputError, match="refused"):
            self.hear(place, tmp_path / "m")
        assert [path for path in (tmp_path / "m").rglob("*") if path.is_file()] == []

    def test_they_can_be_sent_there(self) -> None:
        again = pickle.loads(pickle.dumps(remote_stages.remote_stages()))  # noqa: S301 - as they are sent
        assert again.finish.args == (STAGES.finish,) and again.load_vision is STAGES.load_vision

    def test_a_video_of_this_machine_is_done_as_ever(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_bytes(b"content")
        video = VideoJob(0, tmp_path / "a.mp4", tmp_path / "a")
        prepared = self.STAGES.prepare(video, None, CONFIG, lambda _: None)
        assert prepared.probe.url == ""
        assert self.STAGES.keep_words(video, WORDS).parent == tmp_path / "a"


class TestAtHand:
    def test_a_copy_is_nobody_elses_and_goes_at_the_end(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/v/a.mp4", tmp_path / "put")
        video = job(place, tmp_path / "mirror")
        stages, mine = remote_stages.remote_stages(fake_stages.STAGES), tmp_path / "mine"
        mine.mkdir()
        with remote_stages.at_hand(video, None, mine) as (one, _), remote_stages.at_hand(video, None, mine) as (two, _):
            prepared = stages.prepare(one, None, CONFIG, lambda _: None)
            assert one.path.is_file() and one.path.is_relative_to(mine) and not two.path.exists()
        assert list(mine.iterdir()) == [] and not video.remote.root.exists()  # type: ignore[union-attr]
        with remote_stages.at_hand(video, prepared, mine) as (there, again):
            assert again is not None and again.probe.path == there.path

    def test_what_is_wrong_is_said_of_the_url(self, place: str, tmp_path: Path) -> None:
        with (
            pytest.raises(InputError, match=f"^{place}/v/a.mp4: {place}/v/a.mp4 is no video$"),
            remote_stages.at_hand(job(place, tmp_path / "mirror"), None, tmp_path) as (video, _),
        ):
            raise InputError("not_media", f"file:{video.path} is no video", video.path)

    def test_what_lies_on_this_machine_stays_where_it_is(self, tmp_path: Path) -> None:
        video = VideoJob(0, tmp_path / "a.mp4", tmp_path / "a")
        with remote_stages.at_hand(video, None, tmp_path) as (same, _):
            assert same is video
        (tmp_path / "a.mp4").touch()
        results = Mirror(tmp_path / "mirror", "", f"{tmp_path.as_uri()}/out")
        folder = results.results_folder / "a"
        half = dataclasses.replace(video, folder=folder, remote=results.remote_of(video.path, folder))
        with remote_stages.at_hand(half, None, tmp_path / "mine") as (there, _):
            assert there.path == video.path and there.folder != half.folder
        assert video.path.exists()

    def test_a_machine_that_cannot_use_the_storage_says_so(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        fit, unfit = job(place, tmp_path / "m"), job((tmp_path / "file").as_uri(), tmp_path / "m")
        assert remote_stages.storage_problems([fit]) == []
        assert remote_stages.storage_problems([VideoJob(0, tmp_path, tmp_path)]) == []
        assert "file/v/a.mp4" in remote_stages.storage_problems([unfit])[0]


def test_workers_of_a_cluster_do_a_video_and_leave_nothing_on_their_machines(place: str, tmp_path: Path) -> None:
    put(f"{place}/v/a.mp4", tmp_path / "put")
    work = tmp_path / "work"
    config = dataclasses.replace(CONFIG, WORK_DIR=str(work))
    video, stages = job(place, tmp_path / "mirror"), remote_stages.remote_stages(fake_stages.STAGES)
    prepared = None
    for kind in ("vision", "speech", "mux"):
        worker = Workplace(kind, config, (), stages, 1, lambda _: None)
        outcome = worker.do(Order(1, video, prepared))
        assert isinstance(outcome, Outcome), outcome
        prepared = outcome.prepared
        assert [path.name for path in work.rglob("*") if path.is_file()] == [".in-use"]
        worker.close()
    assert outcome.finished is not None and outcome.finished.manifest == video.folder / MANIFEST
    assert names(f"{place}/out/a") == {MANIFEST, TRACKS, TRANSCRIPT}


class TestListener:
    def test_a_storage_that_fails_when_a_video_ends_is_told_and_ends_nothing(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def refuse(*_: object) -> None:
            raise InputError("storage_failed", "refused", "s3://b/out")

        video = job(place, tmp_path / "mirror")
        report = RunReport(tmp_path, tmp_path, [video.path])
        monkeypatch.setattr(remote, "remove_gone", refuse)
        listener = RemoteListener(1, report, False, Mirror(tmp_path / "mirror"))
        listener.on_result(video, VideoResult(video.path, "failed", "not_media", "is no video"))
        assert "warning: s3://b/out: refused" in capsys.readouterr().err
        assert report.results[0].status == "failed"

    def test_a_fault_of_the_storage_does_not_cost_the_results_of_an_earlier_run(
        self, place: str, tmp_path: Path
    ) -> None:
        put(f"{place}/out/a/{MANIFEST}", tmp_path / "put")
        video = job(place, tmp_path / "mirror")
        listener = RemoteListener(1, RunReport(tmp_path, tmp_path, [video.path]), False, Mirror(tmp_path / "mirror"))
        listener.on_result(video, VideoResult(video.path, "failed", "storage_failed", "the line broke"))
        assert names(f"{place}/out/a") == {MANIFEST}

    def test_the_report_is_pushed_while_the_run_goes_on(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote, "PUSH_EVERY_S", 0.0)
        mirror = Mirror(tmp_path / "mirror", f"{place}/v", f"{place}/out")
        mirror.results_folder.mkdir(parents=True)
        video = job(place, mirror.root)
        report = RunReport(mirror.results_folder, mirror.source_folder, [video.path], shown=mirror.shown)
        RemoteListener(1, report, False, mirror).on_result(video, VideoResult(video.path, "failed", "no_audio", "none"))
        assert "run.json" in names(f"{place}/out")

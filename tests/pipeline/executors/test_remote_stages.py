"""Stages over a storage: what they fetch and push, in every executor and on whatever machine."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.executors import locks, runtime
from pipeline.executors.cluster.worker import Outcome, RunStage, StageWorker
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.picture_format import fit
from pipeline.executors.runtime import frame_batches, localized, open_source, run_stage, storage_problems
from pipeline.executors.serial import SerialExecutor
from pipeline.graph import GRAPH
from pipeline.machine import resolved
from pipeline.results import ATTRIBUTION, MANIFEST, TRACKS, TRANSCRIPT, Artifact
from pipeline.run import remote
from pipeline.run.remote import RemoteListener
from pipeline.run.report import RunReport
from pipeline.stage import OUTPUTS_POOL, Graph, OpenedVideo, Stage, StageResult, VideoJob, Work
from pipeline.storage.mirror import Mirror, Remote
from pipeline.storage.objects import listing, push, remove
from pipeline.types import Probe, VideoResult
from tests.support import counting, fake_stages
from tests.support.by_hand import prints, work_of
from tests.support.s3 import s3_service

CONFIG = resolved(
    Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2, MAX_VIDEOS_IN_FLIGHT=3)
)


MADE = (TRACKS, TRANSCRIPT, ATTRIBUTION)


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
    found = prints(f"v{name}", f"s{name}", f"w{name}", f"f{name}", f"a{name}", annotate=f"d{name}")
    return VideoJob(number, path, folder, found, remote=mirror.remote_of(path, folder))


class TestOnOneMachine:
    """With both executors, through listener and locks."""

    def run(
        self,
        kind: type,
        place: str,
        tmp_path: Path,
        names: list[str],
        config: Config = CONFIG,
        graph: Graph = fake_stages.GRAPH,
    ) -> RunReport:
        root, work = tmp_path / "mirror", tmp_path / "work"
        work.mkdir(exist_ok=True)
        for name in names:
            put(f"{place}/v/{name}", tmp_path / "put")
        jobs = [job(place, root, name, number) for number, name in enumerate(names)]
        mirror = Mirror(root, f"{place}/v", f"{place}/out")
        report = RunReport(root / "results", root / "source", [each.path for each in jobs], shown=mirror.shown)
        executor = kind(config, (), work, graph)
        executor.run(jobs, RemoteListener(len(jobs), report, False, mirror))
        return report

    @pytest.mark.parametrize("kind", [SerialExecutor, pytest.param(LocalExecutor, marks=pytest.mark.slow)])
    def test_results_are_on_the_storage_and_the_copies_here_are_gone(
        self, kind: type, bucket: str, tmp_path: Path
    ) -> None:
        place = f"{bucket}/{tmp_path.name}"
        lost = "kill-clips.mp4" if kind is LocalExecutor else "b.mp4"
        report = self.run(kind, place, tmp_path, ["a.mp4", "bad.mp4", lost, "bug-clips.mp4"])
        assert [result.status for result in report.results] == ["done", "failed", "done", "failed"]
        whole = {f"{name}/{file}" for name in ("a", lost[:-4]) for file in (MANIFEST, *MADE, "log.txt")}
        failed = {"bad/failure.json", "bad/log.txt", *(f"bug-clips/{file}" for file in (*MADE, "log.txt"))}
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
        for folder in ("a", "bug-clips"):
            for name in old:
                put(f"{place}/out/{folder}/{name}", tmp_path / "put")
        report = self.run(SerialExecutor, place, tmp_path, ["a.mp4", "bug-clips.mp4"])
        assert [result.status for result in report.results] == ["done", "failed"]
        stages = [f".next/{name}" for name in MADE]
        assert names(f"{place}/out/bug-clips") == {*old, *stages, "log.txt"}
        assert names(f"{place}/out/a") == {MANIFEST, *MADE, "own.txt", "log.txt"}
        assert report.results[1].details["earlier_results"] is True

    def test_what_an_earlier_run_left_is_not_done_again(self, place: str, tmp_path: Path) -> None:
        self.run(SerialExecutor, place, tmp_path, ["a.mp4"])
        remove(f"{place}/out/a/{MANIFEST}")
        report = self.run(SerialExecutor, place, tmp_path, ["a.mp4"])
        assert report.results[0].details["kept"] == ["attribution", "speech", "vision"]
        assert MANIFEST in names(f"{place}/out/a")

    def test_the_log_goes_on_from_run_to_run(self, place: str, tmp_path: Path) -> None:
        for _ in range(2):
            self.run(SerialExecutor, place, tmp_path, ["bug-clips.mp4"])
        assert (tmp_path / "storage/out/bug-clips/log.txt").read_text().count(" failed (internal_error)") == 2

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

    def test_what_is_made_without_sound_is_there_and_old_results_are_not(self, place: str, tmp_path: Path) -> None:
        for name in (MANIFEST, "output/seg_0000_track_000.mp4", "own.txt", "failure.json"):
            put(f"{place}/out/mute/{name}", tmp_path / "put")
        config = counting.counting_config(CONFIG, COUNT_FACES=True)
        report = self.run(SerialExecutor, place, tmp_path, ["mute.mp4"], config, counting.GRAPH)
        assert (report.results[0].status, report.results[0].reason_code) == ("partial", "no_audio")
        made = {"mute/tracks.npz", "mute/faces_per_shot.json", "mute/.made/count_faces"}
        assert names(f"{place}/out") == {*made, "mute/failure.json", "mute/log.txt", "mute/own.txt"}
        note = json.loads((tmp_path / "storage/out/mute/failure.json").read_text())
        assert note["message"] == f"{place}/v/mute.mp4: has no sound" and note["fingerprint"] == "fmute.mp4"

    @pytest.mark.slow
    def test_an_output_that_is_made_is_not_made_again(self, place: str, tmp_path: Path) -> None:
        config = counting.counting_config(CONFIG, COUNT_FACES=True)
        for status in ("done", "skipped"):
            shutil.rmtree(tmp_path / "mirror", ignore_errors=True)
            report = self.run(SerialExecutor, place, tmp_path, ["a.mp4"], config, counting.GRAPH)
            assert report.results[0].status == status

    def test_extras_are_pushed_too(self, place: str, tmp_path: Path) -> None:
        self.run(SerialExecutor, place, tmp_path, ["a.mp4"], dataclasses.replace(CONFIG, ANNOTATE=True))
        assert {"annotated.mp4", ".made/annotate"} <= names(f"{place}/out/a")


class TestOnMachinesOfTheirOwn:
    """Each stage with a mirror of its own, as on the machines of a cluster."""

    def run(self, name: str, place: str, root: Path, opened: OpenedVideo | None = None) -> OpenedVideo:
        """Run a stage on the machine whose mirror is *root*."""
        video, stage = job(place, root), fake_stages.GRAPH.stage(name)
        opened = open_source(fake_stages.GRAPH, video, root / "sound", CONFIG, lambda _: None)
        form = fit(opened.probe, CONFIG.RING_MB << 20, fake_stages.HELD + 16)
        frames = frame_batches(fake_stages.GRAPH, opened, form, lambda _: None) if stage.feeds == "frames" else ()
        run_stage(stage, dataclasses.replace(work_of(video, opened, CONFIG), capacity=form.capacity), frames)
        return opened

    @pytest.fixture(autouse=True)
    def video(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/v/a.mp4", tmp_path / "put")

    def test_what_one_leaves_another_finds(self, place: str, tmp_path: Path) -> None:
        for name in ("vision", "speech", "attribution", "clips"):
            (tmp_path / name).mkdir()
            self.run(name, place, tmp_path / name)
        assert names(f"{place}/out/a") == {*MADE, MANIFEST}
        video = job(place, tmp_path / "clips")
        assert video.path.read_bytes() == b"content" and (video.folder / TRACKS).is_file()

    def test_the_manifest_is_there_for_who_only_adds_to_it(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/out/a/{MANIFEST}", tmp_path / "put")
        video = dataclasses.replace(job(place, tmp_path / "m"), kept=frozenset({"clips"}))
        open_source(fake_stages.GRAPH, video, None, CONFIG, lambda _: None)
        assert (video.folder / MANIFEST).read_bytes() == b"content"

    def test_the_video_is_called_by_its_url(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "m").mkdir()
        assert self.run("vision", place, tmp_path / "m").probe.url == f"{place}/v/a.mp4"

    def test_the_copy_on_another_machine_is_the_same_file_to_who_looks_for_changes(
        self, place: str, tmp_path: Path
    ) -> None:
        seen = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            self.run("vision", place, tmp_path / name)
            seen.append(job(place, tmp_path / name).path.stat().st_mtime_ns)
        assert seen[0] == seen[1]

    def test_a_result_that_cannot_be_pushed_is_not_left_pending(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise InputError("storage_failed", "refused")

        monkeypatch.setattr(runtime, "push_named", refuse)
        (tmp_path / "m").mkdir()
        with pytest.raises(InputError, match="refused"):
            self.run("speech", place, tmp_path / "m")
        assert [path for path in (tmp_path / "m" / "results").rglob("*") if path.is_file()] == []

    def test_a_stage_that_makes_more_than_its_artifact_has_all_of_it_pushed(self, place: str, tmp_path: Path) -> None:
        def draw(work: Work) -> StageResult:
            work.pending(plan).write_text("{}")
            (work.folder / "drawn.mp4").write_text("film")
            return StageResult()

        plan, video = Artifact("plan.json"), job(place, tmp_path / "m")
        stage = Stage("draw", draw, OUTPUTS_POOL, makes=(plan,), optional=True, reads_source=False)
        opened = OpenedVideo(Probe(video.path, "mp4", 4.0, 320, 240, Fraction(25), 0, Fraction(0), 16_000, 1), None)
        run_stage(stage, work_of(video, opened, CONFIG))
        assert names(f"{place}/out/a") == {"plan.json", "drawn.mp4", ".made/draw"}

    def test_they_can_be_sent_there(self) -> None:
        again = pickle.loads(pickle.dumps(GRAPH))  # noqa: S301 - as they are sent
        assert again == GRAPH

    def test_a_video_of_this_machine_is_done_as_ever(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_bytes(b"content")
        video = VideoJob(0, tmp_path / "a.mp4", tmp_path / "a", prints("v", "s"))
        opened = open_source(fake_stages.GRAPH, video, tmp_path / "sound", CONFIG, lambda _: None)
        assert opened.probe.url == ""
        run_stage(fake_stages.GRAPH.stage("speech"), work_of(video, opened, CONFIG))
        assert [path.name for path in (tmp_path / "a").iterdir()] == [TRANSCRIPT]


class TestLocalized:
    def test_a_copy_is_nobody_elses_and_goes_at_the_end(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/v/a.mp4", tmp_path / "put")
        video, mine = job(place, tmp_path / "mirror"), tmp_path / "mine"
        mine.mkdir()
        with localized(video, None, mine) as (one, _), localized(video, None, mine) as (two, _):
            prepared = open_source(fake_stages.GRAPH, one, None, CONFIG, lambda _: None)
            assert one.path.is_file() and one.path.is_relative_to(mine) and not two.path.exists()
        assert list(mine.iterdir()) == [] and not video.remote.root.exists()  # type: ignore[union-attr]
        with localized(video, prepared, mine) as (there, again):
            assert again is not None and again.probe.path == there.path

    def test_what_is_wrong_is_said_of_the_url(self, place: str, tmp_path: Path) -> None:
        with (
            pytest.raises(InputError, match=f"^{place}/v/a.mp4: {place}/v/a.mp4 is no video$"),
            localized(job(place, tmp_path / "mirror"), None, tmp_path) as (video, _),
        ):
            raise InputError("not_media", f"file:{video.path} is no video", video.path)

    def test_what_lies_on_this_machine_stays_where_it_is(self, tmp_path: Path) -> None:
        video = VideoJob(0, tmp_path / "a.mp4", tmp_path / "a")
        with localized(video, None, tmp_path) as (same, _):
            assert same is video
        (tmp_path / "a.mp4").touch()
        results = Mirror(tmp_path / "mirror", "", f"{tmp_path.as_uri()}/out")
        folder = results.results_folder / "a"
        half = dataclasses.replace(video, folder=folder, remote=results.remote_of(video.path, folder))
        with localized(half, None, tmp_path / "mine") as (there, _):
            assert there.path == video.path and there.folder != half.folder
        assert video.path.exists()

    def test_a_machine_that_cannot_use_the_storage_says_so(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        fit, unfit = job(place, tmp_path / "m"), job((tmp_path / "file").as_uri(), tmp_path / "m")
        assert storage_problems([fit]) == []
        assert storage_problems([VideoJob(0, tmp_path, tmp_path)]) == []
        assert "file/v/a.mp4" in storage_problems([unfit])[0]


def test_workers_of_a_cluster_do_a_video_and_leave_nothing_on_their_machines(place: str, tmp_path: Path) -> None:
    put(f"{place}/v/a.mp4", tmp_path / "put")
    work = tmp_path / "work"
    config = dataclasses.replace(CONFIG, WORK_DIR=str(work))
    video, opened, manifest = job(place, tmp_path / "mirror"), None, None
    for kind, stages in (("vision", ["vision"]), ("speech", ["speech"]), ("clips", ["attribution", "clips"])):
        worker = StageWorker(kind, config, (), fake_stages.GRAPH, 1, lambda _: None)
        for stage in stages:
            outcome = worker.do(RunStage(1, stage, video, opened))
            assert isinstance(outcome, Outcome), outcome
            opened = outcome.opened
            manifest = outcome.result.summary and outcome.result.summary.manifest
        assert [path.name for path in work.rglob("*") if path.is_file()] == [".in-use"]
        worker.close()
    assert manifest == video.folder / MANIFEST
    assert names(f"{place}/out/a") == {MANIFEST, *MADE}


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

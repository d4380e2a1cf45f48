"""The simulation of a cluster: nothing is lost or done twice, one full resource gives the rate of plain arithmetic."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common import stage_costs
from benchmarks.common.cluster_model import READS, Cluster, Outcome, Server, Simulation, stages_of
from benchmarks.common.cpu_seconds import Spent, TimedDetector, TimedScorer, cpu_clock, driver_seconds, spent_on
from benchmarks.common.stage_costs import COSTS, Costs, cpu_costs, finished_videos, measure, read_costs, wall_seconds
from benchmarks.scale import simulate
from config import Config
from pipeline.machine import resolved
from pipeline.models.choose import choose
from pipeline.outputs.tracks import write_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.types import ModelChoice, ScoredTracks, Transcript

FREE = Costs(
    sound_cpu_s=0,
    decode_cpu_s=0,
    vision_cpu_s=0,
    clips_cpu_s=0,
    read_mb=0,
    write_mb=0,
    begin_s=0,
    end_s=0,
    line_s=0,
)
"""Everything for nothing."""

PLENTY = Cluster(gpus=1, cores_per_gpu=1e9, vision_speed=1e9, speech_speed=1e9, host_share=0)
"""Everything in abundance."""


def run(cluster: Cluster, costs: Costs, videos: int = 200, minutes: float = 10.0) -> Outcome:
    return Simulation(cluster, costs, [minutes] * videos).run()


@settings(max_examples=50, deadline=None)
@given(
    gpus=st.integers(1, 20),
    teams=st.integers(1, 3),
    minutes=st.lists(st.floats(0.5, 200), min_size=1, max_size=60),
    cpu_s=st.floats(0, 30),
    mb=st.floats(0, 100),
)
def test_every_video_is_done_once(gpus: int, teams: int, minutes: list[float], cpu_s: float, mb: float) -> None:
    costs = dataclasses.replace(FREE, decode_cpu_s=cpu_s, clips_cpu_s=cpu_s, read_mb=mb, begin_s=0.01, line_s=0.001)
    cluster = Cluster(gpus, 4.0, 20.0, 40.0, teams_per_gpu=teams, storage_mb_s=500.0)
    outcome = Simulation(cluster, costs, minutes).run()
    assert sorted(outcome.done) == list(range(len(minutes)))


@settings(max_examples=50, deadline=None)
@given(gpus=st.integers(1, 12), cores=st.floats(1, 16), minutes=st.lists(st.floats(0.5, 200), min_size=1, max_size=60))
def test_no_run_ends_before_its_work_can_be_done(gpus: int, cores: float, minutes: list[float]) -> None:
    costs = dataclasses.replace(FREE, decode_cpu_s=5, clips_cpu_s=9, read_mb=50)
    cluster = Cluster(gpus, cores, 20.0, 40.0, storage_mb_s=800.0)
    stages = stages_of(costs, cluster).values()
    bounds = (
        sum(minutes) * sum(stage.gpu_s for stage in stages) / gpus,
        sum(minutes) * sum(stage.cpu_s for stage in stages) / (cores * gpus),
        sum(minutes) * sum(stage.storage_mb for stage in stages) / 800.0,
        max(minutes) * max(stage.alone_s for stage in stages),
    )
    assert Simulation(cluster, costs, minutes).run().wall_s >= max(bounds) * (1 - 1e-9)


def test_one_gpu_does_a_minute_in_the_seconds_of_vision_and_speech() -> None:
    # 60 / 20 s for vision and 60 / 40 s for speech, one after the other.
    outcome = run(dataclasses.replace(PLENTY, vision_speed=20.0, speech_speed=40.0), FREE)
    assert 1 / outcome.minutes_per_s == pytest.approx(3.0 + 1.5, rel=0.02)
    assert outcome.bottleneck == "gpu"


def test_cores_share_out_the_seconds_of_all_stages() -> None:
    # Sound is written for vision and for speech, so it counts twice: 2 * 1 + 5 + 4 + 9 = 20 s of one core, on 4 cores.
    costs = dataclasses.replace(FREE, sound_cpu_s=1, decode_cpu_s=5, vision_cpu_s=4, clips_cpu_s=9)
    cluster = dataclasses.replace(PLENTY, gpus=2, cores_per_gpu=2.0, teams_per_gpu=8, gpus_per_node=2)
    outcome = run(cluster, costs, videos=600)
    assert 1 / outcome.minutes_per_s == pytest.approx(20 / 4, rel=0.02)
    assert outcome.bottleneck == "cpu"


def test_a_core_that_serves_a_gpu_counts() -> None:
    cluster = dataclasses.replace(PLENTY, vision_speed=20.0, host_share=1.0)
    assert stages_of(FREE, cluster)["vision"].cpu_s == pytest.approx(3.0)


def test_the_storage_gives_what_is_read_and_takes_what_is_written() -> None:
    # A minute of 30 MB is read twice by vision, once by speech, once for the clips, which are 5 MB: 125 MB.
    costs = dataclasses.replace(FREE, read_mb=30, write_mb=5)
    outcome = run(dataclasses.replace(PLENTY, gpus=4, storage_mb_s=250.0), costs)
    assert sum(READS.values()) == 4
    assert 1 / outcome.minutes_per_s == pytest.approx(125 / 250, rel=0.02)
    assert outcome.bottleneck == "storage"


def test_the_driver_does_one_video_after_another() -> None:
    # 0.2 + 0.1 + 0.3 s for each video of 10 minutes.
    costs = dataclasses.replace(FREE, begin_s=0.2, end_s=0.1)
    outcome = run(dataclasses.replace(PLENTY, gpus=8, driver_s=0.3), costs, videos=3000)
    assert 10 / outcome.minutes_per_s == pytest.approx(0.6, rel=0.02)
    assert outcome.bottleneck == "driver"


def test_the_driver_writes_the_report_again_and_again() -> None:
    """Of 1000 videos in 1000 s, at 10 ms a line: the report of 25 takes 0.25 s, a twentieth of the 5 s until the next
    one, and later ones take that share of a longer time."""
    costs = dataclasses.replace(FREE, begin_s=1.0, line_s=0.01)
    with_report = run(dataclasses.replace(PLENTY, gpus=8), costs, videos=1000)
    without = run(dataclasses.replace(PLENTY, gpus=8), dataclasses.replace(costs, line_s=0), videos=1000)
    assert without.wall_s == pytest.approx(1000)
    assert 1.03 * without.wall_s < with_report.wall_s < 1.06 * without.wall_s


def test_a_worker_is_no_faster_than_its_own_steps() -> None:
    """Decoding on 2 threads takes 10 s of 20, vision beside it 3 + 4; the sound comes before: 11 s for each minute."""
    costs = dataclasses.replace(FREE, sound_cpu_s=1, decode_cpu_s=20, vision_cpu_s=4)
    cluster = dataclasses.replace(PLENTY, vision_speed=20.0, decode_threads=2)
    outcome = run(cluster, costs)
    assert 1 / outcome.minutes_per_s == pytest.approx(1 + 20 / 2, rel=0.02)
    assert outcome.bottleneck == "workers"


def test_more_teams_fill_a_gpu_that_waits_for_its_worker() -> None:
    costs = dataclasses.replace(FREE, vision_cpu_s=3)
    cluster = dataclasses.replace(PLENTY, vision_speed=20.0)
    rates = [run(dataclasses.replace(cluster, teams_per_gpu=teams), costs).minutes_per_s for teams in (1, 2, 4)]
    assert rates == pytest.approx([1 / 6, 1 / 3, 1 / 3], rel=0.03)


def test_as_many_gpus_as_there_are_do_as_many_times_the_work() -> None:
    cluster = dataclasses.replace(PLENTY, vision_speed=20.0, speech_speed=40.0)
    rates = [run(dataclasses.replace(cluster, gpus=gpus), FREE, 60 * gpus).minutes_per_s for gpus in (1, 2, 8, 20)]
    assert rates == pytest.approx([rates[0], 2 * rates[0], 8 * rates[0], 20 * rates[0]], rel=0.03)


def test_more_gpus_never_take_longer() -> None:
    costs = dataclasses.replace(FREE, decode_cpu_s=5, clips_cpu_s=9, read_mb=5, begin_s=0.01)
    walls = []
    for gpus in (1, 2, 4, 8, 16, 32):
        cluster = Cluster(gpus, 8.0, 20.0, 40.0, storage_mb_s=1000.0)
        walls.append(Simulation(cluster, costs, simulate.lengths(800, 10.0, 0.7, 1)).run().wall_s)
    assert walls == sorted(walls, reverse=True)


def test_the_last_node_has_cores_for_the_gpus_that_it_has() -> None:
    cluster = Cluster(gpus=11, cores_per_gpu=3.0, vision_speed=1, speech_speed=1, gpus_per_node=8)
    assert [cluster.cores_of(node) for node in range(cluster.nodes)] == [24.0, 9.0]


def test_a_server_works_in_the_order_in_which_it_is_asked() -> None:
    server = Server(2.0)
    assert [server.take(0.0, 4.0), server.take(1.0, 2.0), server.take(10.0, 2.0)] == [2.0, 3.0, 11.0]
    assert server.busy(0.0, 12.0) == pytest.approx(4 / 12)
    assert server.busy(2.5, 10.5) == pytest.approx(1 / 8)


def test_lengths_are_the_same_every_time_and_lie_around_the_median() -> None:
    drawn = simulate.lengths(2001, 10.0, 0.7, 0)
    assert drawn == simulate.lengths(2001, 10.0, 0.7, 0) != simulate.lengths(2001, 10.0, 0.7, 1)
    assert sorted(drawn)[1000] == pytest.approx(10.0, rel=0.1)
    assert simulate.lengths(3, 10.0, 0.0, 0) == [10.0] * 3


@pytest.mark.parametrize(("vision", "speech", "teams"), [(0.5, 0.5, 1), (0.25, 0.25, 2), (0.2, 0.1, 3), (1.0, 1.0, 1)])
def test_shares_of_a_gpu_say_how_many_teams_it_has(vision: float, speech: float, teams: int) -> None:
    assert simulate.teams_per_gpu(vision, speech) == teams


FEW = ["--gpus", "1", "8", "--cores", "2", "32", "--teams", "1", "2"]


def line_of(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert simulate.main([*FEW, *argv]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["--vision-speed", "1"], "gpu"),
        (["--cores-per-gpu", "0.5"], "cpu"),
        (["--read-mb", "1000", "--storage-gb-s", "0.1"], "storage"),
        (["--driver-ms", "60000"], "driver"),
        (["--vision-speed", "1000", "--speech-speed", "1000", "--cores-per-gpu", "64"], "workers"),
    ],
)
def test_the_bottleneck_of_an_extreme_case_has_its_name(
    capsys: pytest.CaptureFixture[str], argv: list[str], name: str
) -> None:
    assert line_of(capsys, *argv)["gpus"][-1]["bottleneck"] == name


@pytest.mark.slow
def test_the_same_command_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert line_of(capsys) == line_of(capsys)


@pytest.mark.slow
def test_balanced_is_nearly_as_fast_as_plenty_and_a_core_less_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    balanced = line_of(capsys)["balanced"]
    teams, cores = balanced["teams_per_gpu"], int(balanced["cores_per_gpu"])
    shares = ["--vision-gpus", str(0.5 / teams), "--speech-gpus", str(0.5 / teams), "--gpus", "8"]
    rates = {
        count: line_of(capsys, *shares, "--cores-per-gpu", str(count))["gpus"][0]["video_hours_per_hour"]
        for count in (cores - 1, cores, simulate.MAX_CORES)
    }
    assert rates[cores] >= simulate.NEARLY * rates[simulate.MAX_CORES] > rates[cores - 1]


def test_storage_is_full_where_arithmetic_says(capsys: pytest.CaptureFixture[str]) -> None:
    line = line_of(capsys, "--read-mb", "60", "--storage-gb-s", "1")
    per_gpu = line["balanced"]["video_hours_per_hour"] / 8
    mb_per_hour = 60 * (4 * 60 + line["costs"]["write_mb"]) * per_gpu
    assert line["storage_full_at_gpus"] == pytest.approx(3600 * 1000 / mb_per_hour, abs=1)


def test_the_kept_costs_can_be_read() -> None:
    assert read_costs(COSTS).decode_cpu_s > 0


@pytest.mark.parametrize("text", ["", "{}", '{"costs": {"decode_cpu_s": 1}}', '{"costs": 3}'])
def test_a_file_without_costs_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "costs.json").write_text(text)
    with pytest.raises(SystemExit, match=r"costs\.json holds no costs"):
        read_costs(tmp_path / "costs.json")


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "1", True])
def test_a_cost_is_a_number(value: Any) -> None:
    with pytest.raises(ValueError, match="read_mb"):
        dataclasses.replace(FREE, read_mb=value)


def video_of(folder: Path, number: int, seconds: float, vision_s: float, status: str = "done") -> dict[str, Any]:
    """A line of a ``run.json`` whose video and results are there."""
    path, results = folder / f"{number}.mp4", folder / str(number)
    (results / "output").mkdir(parents=True)
    path.write_bytes(bytes(1_000_000))
    (results / "tracks.npz").write_bytes(bytes(250_000))
    (results / "output" / "manifest.json").write_bytes(bytes(250_000))
    return {
        "path": str(path),
        "status": status,
        "video_seconds": seconds,
        "manifest": str(results / "output" / "manifest.json") if status != "failed" else None,
        "timings": {"vision": [5.0, 5.0 + vision_s]} if status == "done" else {},
    }


def test_seconds_of_wall_time_are_medians_over_videos(tmp_path: Path) -> None:
    videos = [video_of(tmp_path, number, 30.0, vision_s) for number, vision_s in enumerate((1.0, 2.0, 50.0))]
    assert wall_seconds(videos) == {"vision": 4.0}


def test_videos_that_another_run_did_are_passed_over(tmp_path: Path) -> None:
    statuses = ("failed", "skipped", "done")
    videos = [video_of(tmp_path, number, 30.0, 1.0, status) for number, status in enumerate(statuses)]
    assert finished_videos({"videos": videos}) == [videos[2]]
    with pytest.raises(SystemExit, match="did no video"):
        finished_videos({"videos": videos[:2]})


def test_cpu_seconds_are_of_all_videos_together() -> None:
    spent = [Spent("a", 640, 360, 1.0, 1, 2, 3, 4), Spent("b", 1920, 1080, 3.0, 3, 14, 9, 4)]
    assert cpu_costs(spent) == {"sound_cpu_s": 1, "decode_cpu_s": 4, "vision_cpu_s": 3, "clips_cpu_s": 2}


def test_measure_makes_a_file_that_the_simulation_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a made-up run; what would need networks and real videos is made up as well."""
    spent = Spent("0.mp4", 640, 360, 0.5, 0.5, 2.0, 1.5, 1.0)
    driver = {"begin_s": 0.01, "end_s": 0.001, "line_s": 0.0001}
    monkeypatch.setattr(stage_costs, "spent_on", lambda *_: spent)
    monkeypatch.setattr(stage_costs, "driver_seconds", lambda *_: driver)
    videos = [video_of(tmp_path, number, 30.0, 2.0) for number in range(2)]
    report = {"videos": videos, "models": [{"job": "faces", "name": "yunet"}]}
    (tmp_path / "run.json").write_text(json.dumps(report))
    kept = tmp_path / "costs.json"
    assert simulate.main(["--measure", str(tmp_path), "--costs", str(kept), "--note", "busy"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads(kept.read_bytes())
    assert content["run"]["wall_seconds_per_minute"] == {"vision": 4.0}
    assert content["machine"]["note"] == "busy"
    # Two files of 1 MB, and results of 0.5 MB for each, in a minute altogether.
    expected = Costs(1.0, 4.0, 3.0, 2.0, read_mb=2.0, write_mb=1.0, **driver)
    assert read_costs(kept) == expected


def test_measuring_stops_at_the_end_of_the_block() -> None:
    with cpu_clock() as spent:
        sum(range(100_000))
    first = spent()
    sum(range(3_000_000))
    assert spent() == first > 0


class Echo:
    """Gives back what it is given."""

    name, memory_reductions = "yunet", 0

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        return [frames * scale]

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        return crops + mfcc

    def score_tracks(self, tracks: Any) -> list[np.ndarray]:
        return [crops + mfcc for crops, mfcc in tracks]


def test_a_timed_network_answers_as_the_network_does() -> None:
    ones = np.ones(3)
    assert TimedDetector(Echo()).detect(ones, scale=2.0)[0].tolist() == [2.0] * 3
    assert TimedScorer(Echo()).score(ones, ones).tolist() == [2.0] * 3


def test_measure_does_no_more_videos_than_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def note(video: dict[str, Any], *_: object) -> Spent:
        done.append(video["path"])
        return Spent("", 640, 360, 0.5, 1, 1, 1, 1)

    monkeypatch.setattr(stage_costs, "spent_on", note)
    monkeypatch.setattr(stage_costs, "driver_seconds", lambda *_: {"begin_s": 0, "end_s": 0, "line_s": 0})
    videos = [video_of(tmp_path, number, 30.0, 2.0) for number in range(3)]
    (tmp_path / "run.json").write_text(json.dumps({"videos": videos, "models": []}))
    content = measure(tmp_path / "run.json", 2, None, "")
    assert done == [video["path"] for video in videos[:2]]
    assert (content["run"]["videos"], len(content["cpu_seconds"])) == (3, 2)


CPU = Config(
    VISION_DEVICE="cpu", WHISPER_DEVICE="cpu", FACE_DETECTOR="yunet", SPEAKER_MODEL="lip-motion", DETECT_EVERY=25
)


@pytest.mark.slow
def test_every_stage_of_a_real_video_takes_cpu_seconds(tmp_path: Path, samples: Path, shared: Path) -> None:
    """Of a run that saw no face and heard no word, whose results stay as they are."""
    none = {"track": np.int32, "frame": np.int32, "logit": np.float32, "probability": np.float32}
    columns: Any = {name: np.zeros(0, dtype) for name, dtype in none.items()}
    tracks = ScoredTracks(213, np.zeros(1, np.int32), box_px=np.zeros((0, 4), np.float32), **columns)
    (tmp_path / "output").mkdir()
    write_tracks(tmp_path / "tracks.npz", tracks)
    write_transcript(tmp_path / "transcript.json", Transcript("en", ()))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    chosen = choose("yunet", "lip-motion", None, "none", weights_dir=shared / "weights", download=False)
    manifest = str(tmp_path / "output" / "manifest.json")
    video = {"path": str(samples / "late_sound.mp4"), "video_seconds": 8.54, "manifest": manifest}
    spent = spent_on(video, resolved(CPU), (*chosen, ModelChoice("words", "transcript", None)))
    assert (spent.video, spent.width_px, spent.height_px) == ("late_sound.mp4", 480, 360)
    assert min(spent.sound_s, spent.decode_s, spent.vision_s, spent.clips_s) > 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.slow
def test_the_driver_is_timed_without_a_trace_beside_the_videos(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"anything")
    assert min(driver_seconds([tmp_path / "a.mp4"], resolved(CPU), ()).values()) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

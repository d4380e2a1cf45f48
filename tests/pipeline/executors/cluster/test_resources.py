"""What a cluster is asked for, and what its machines must see."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.executors.cluster.preflight import check_node
from pipeline.executors.cluster.resources import bundles_of, environment, group_count, sizes_of
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.serial import SerialExecutor
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, resolved
from pipeline.run.engines import engine_of, gpu_counter, new_executor
from tests.support.by_hand import on_cpu

ROOT = Path(__file__).resolve().parents[4]
CPU = on_cpu()
GPU = dataclasses.replace(CPU, VISION_DEVICE=("cuda:0",), WHISPER_DEVICE=("cuda:0",))


class TestTeams:
    def test_the_settings_act(self) -> None:
        config = dataclasses.replace(GPU, RAY_VISION_CPUS=3.0, RAY_VISION_GPUS=0.7, RAY_SPEECH_CPUS=2.0)
        assert bundles_of(dataclasses.replace(config, RAY_SPEECH_GPUS=0.2), GRAPH) == {
            "vision": {"CPU": 3.0, "GPU": 0.7},
            "speech": {"CPU": 2.0, "GPU": 0.2},
            "clips": {"CPU": 0.5},
        }
        assert all("GPU" not in bundle for bundle in bundles_of(CPU, GRAPH).values())

    @pytest.mark.parametrize(
        ("config", "machines", "count"),
        [
            (CPU, [{"CPU": 2.0}], 1),
            (CPU, [{"CPU": 3.9}, {"CPU": 4.0}], 1 + 2),
            (CPU, [{"CPU": 1.0}], 1),  # for a cluster that is yet to grow
            (dataclasses.replace(CPU, RAY_VISION_CPUS=3.0), [{"CPU": 8.0}], 2),
            (GPU, [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 16.0}], 2),
            (GPU, [{"CPU": 2.0, "GPU": 4.0}], 1),
            (dataclasses.replace(GPU, RAY_VISION_GPUS=0.25, RAY_SPEECH_GPUS=0.25), [{"CPU": 16.0, "GPU": 2.0}], 4),
            (dataclasses.replace(GPU, RAY_VISION_GPUS=1.0, RAY_SPEECH_GPUS=1.0), [{"CPU": 16.0, "GPU": 5.0}], 2),
            (dataclasses.replace(CPU, RAY_TEAMS=7), [{"CPU": 2.0}], 7),
        ],
    )
    def test_as_many_as_fit_are_asked_for(
        self, config: ResolvedConfig, machines: list[dict[str, float]], count: int
    ) -> None:
        assert group_count(config, GRAPH, machines) == count


class TestEngines:
    def test_engine_and_debug_act(self, tmp_path: Path) -> None:
        kinds = {
            "local": (CPU, LocalExecutor),
            "serial": (dataclasses.replace(CPU, ENGINE="serial"), SerialExecutor),
            "debug": (dataclasses.replace(CPU, DEBUG=True), SerialExecutor),
        }
        assert {name: type(new_executor(each, (), tmp_path)) for name, (each, _) in kinds.items()} == {
            name: kind for name, (_, kind) in kinds.items()
        }
        assert gpu_counter(CPU) is None

    def test_debug_and_a_cluster_contradict_each_other(self) -> None:
        with pytest.raises(InputError, match="DEBUG"):
            engine_of(Config(ENGINE="ray", DEBUG=True))

    def test_devices_of_a_cluster_are_its_own(self) -> None:
        """``auto`` means CUDA where the cluster has it, whatever this machine has."""
        on_cuda = resolved(Config(), lambda: 8)
        assert (on_cuda.VISION_DEVICE, on_cuda.WHISPER_DEVICE) == (("cuda:0",), ("cuda:0",))
        assert (on_cuda.DETECT_EVERY, on_cuda.VISION_WORKERS) == (1, 1)
        assert resolved(Config(), lambda: 0).VISION_DEVICE == ("cpu",)

    def test_code_travels_to_a_cluster_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
        with environment(Config()) as here, environment(Config(RAY_ADDRESS="auto")) as there:
            assert here == {}
            found = {path.relative_to(there["working_dir"]) for path in Path(there["working_dir"]).rglob("*.py")}
        tracked = {
            path.relative_to(ROOT) for name in ("pipeline", "s3fd", "talknet") for path in (ROOT / name).rglob("*.py")
        }
        assert found == tracked | {Path("config.py")}
        assert not Path(there["working_dir"]).exists()
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
        with environment(Config(RAY_ADDRESS="auto")) as submitted:
            assert submitted == {}


class TestSight:
    @pytest.fixture
    def seen(self, tmp_path: Path) -> dict[str, Path]:
        paths = {name: tmp_path / name for name in ("a.mp4", "weights.pt", "out/.note.part")}
        for path in paths.values():
            path.parent.mkdir(exist_ok=True)
            path.write_text("12345")
        return paths

    def look(self, seen: dict[str, Path], size: int = 5, text: str = "12345") -> list[str]:
        video, weights, note = seen.values()
        return check_node({video: size}, note, text, {weights: 5}, note.parent.parent / "work", [])

    def test_a_machine_that_sees_all_has_no_problems(self, seen: dict[str, Path]) -> None:
        before = sorted(seen["out/.note.part"].parent.iterdir())
        assert self.look(seen) == []
        assert sorted(seen["out/.note.part"].parent.iterdir()) == before

    def test_a_video_of_another_length(self, seen: dict[str, Path]) -> None:
        assert "a.mp4 is not there, or is another file" in self.look(seen, size=6)[0]

    def test_weights_that_are_not_there(self, seen: dict[str, Path]) -> None:
        seen["weights.pt"].unlink()
        assert self.look(seen) == [f"weights: {seen['weights.pt']} is not there"]

    def test_another_folder_for_results(self, seen: dict[str, Path]) -> None:
        assert "another folder" in self.look(seen, text="other")[0]
        seen["out/.note.part"].unlink()
        assert "what the driver wrote there is not seen" in self.look(seen)[0]

    def test_a_folder_that_cannot_be_written(self, seen: dict[str, Path], tmp_path: Path) -> None:
        (tmp_path / "work").write_text("in the way")
        assert self.look(seen)[0].startswith(f"nothing can be written to {tmp_path / 'work'}")


def test_of_many_videos_some_are_looked_at(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.mp4" for number in range(250)]
    for path in paths:
        path.write_text("x")
    assert 100 <= len(sizes_of(paths)) <= 125
    assert sizes_of(paths[:3]) == dict.fromkeys(paths[:3], 1)

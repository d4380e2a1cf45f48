from __future__ import annotations

import base64
import gzip
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from pipeline.errors import WeightsError
from pipeline.speech.whisper_file import load_model


@pytest.mark.slow
def test_a_checkpoint_of_the_official_format_is_loaded_unchanged(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    saved = torch.load(path, weights_only=True)["model_state_dict"]
    loaded = load_model(path, "cpu").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in saved.items())


@pytest.mark.slow
def test_a_file_that_is_not_published_uses_the_upper_half_of_the_decoder(make_checkpoint: Callable[..., Path]) -> None:
    heads = load_model(make_checkpoint(), "cpu").get_buffer("alignment_heads").to_dense()
    assert heads.tolist() == [[False, False], [True, True]]


@pytest.mark.slow
def test_a_published_file_uses_the_heads_of_its_authors(
    make_checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_checkpoint()
    wanted = np.array([[True, False], [False, True]])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(whisper._MODELS, "published", f"https://example.org/{digest}/published.pt")
    monkeypatch.setitem(whisper._ALIGNMENT_HEADS, "published", base64.b85encode(gzip.compress(wanted.tobytes())))
    np.testing.assert_array_equal(load_model(path, "cpu").get_buffer("alignment_heads").to_dense(), wanted)


@pytest.mark.slow
def test_a_file_named_like_a_published_model_is_not_downloaded(
    make_checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_checkpoint("base")
    monkeypatch.chdir(path.parent)
    assert load_model(Path("base"), "cpu").dims.n_audio_state == 32


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pt"):
        load_model(tmp_path / "nowhere.pt", "cpu")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.pt: (not a readable weights file|refused)"):
        load_model(path, "cpu")


def test_a_file_that_was_cut_short_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="not a readable weights file"):
        load_model(path, "cpu")


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"model.encoder.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="it lacks 'dims'"):
        load_model(path, "cpu")


def test_a_checkpoint_with_a_missing_tensor_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    content = torch.load(path, weights_only=True)
    del content["model_state_dict"]["decoder.ln.weight"]
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"lacks decoder\.ln\.weight"):
        load_model(path, "cpu")


@pytest.mark.slow
def test_a_checkpoint_with_a_number_that_is_none_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    content = torch.load(path, weights_only=True)
    content["model_state_dict"]["decoder.ln.weight"][3] = float("nan")
    torch.save(content, path)
    with pytest.raises(WeightsError, match="NaN or infinity"):
        load_model(path, "cpu")


def test_a_network_that_whisper_cannot_run_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    with pytest.raises(WeightsError, match="n_audio_ctx is 100, expected 1500"):
        load_model(make_checkpoint(n_audio_ctx=100), "cpu")


class _RunsCode:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.folder),))


def test_a_pickle_from_outside_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(pickle.dumps({"dims": _RunsCode(tmp_path / "made")}, protocol=2))
    with pytest.raises(WeightsError):
        load_model(path, "cpu")
    assert not (tmp_path / "made").exists()

"""The user's own checkpoint, named by its path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import WeightsError
from pipeline.models.download import sha256_of
from pipeline.models.registry import MODELS, Model
from pipeline.speech.checkpoints import own
from pipeline.speech.checkpoints.digest import digest_here
from pipeline.speech.checkpoints.own import own_checkpoint
from pipeline.types import ModelChoice


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes seconds to load PyTorch; `test_forms` starts it once."""
    monkeypatch.setattr(own, "digest_of", digest_here)


@pytest.mark.parametrize("name", ["base", "tiny.en", "whisper-base", "pocketsphinx"])
def test_a_name_is_no_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert own_checkpoint(name) is None


@pytest.mark.slow
@pytest.mark.parametrize("form", ["official", "ct2_folder", "hf_folder"])
def test_each_form_is_recorded_by_the_digest_of_the_model(form: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(form)
    assert own_checkpoint(str(path)) == ModelChoice("words", path.name, path, digest_here(path))


@pytest.mark.slow
def test_a_fine_tuned_checkpoint_has_a_digest_of_its_own(official: Path, content: dict[str, Any]) -> None:
    before = own_checkpoint(str(official))
    content["model_state_dict"]["decoder.ln.weight"][3] += 0.25
    torch.save(content, official)
    after = own_checkpoint(str(official))
    assert before and after and before.sha256 != after.sha256


def test_a_published_file_keeps_its_name(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = Model("whisper-small", "words", licence="MIT", file="small.pt", sha256=sha256_of(official))
    monkeypatch.setattr(own, "models_of", lambda job: [MODELS["whisper-base"], published])
    found = own_checkpoint(str(official))
    assert found == ModelChoice("words", "whisper-small", official, published.sha256)


@pytest.mark.slow
def test_a_file_in_this_folder_needs_its_ending_alone(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(official.parent)
    found = own_checkpoint(official.name)
    assert found is not None and found.name == official.name
    assert own_checkpoint(os.path.join(".", official.name)) is not None  # noqa: PTH118 - pathlib takes the dot away


def test_one_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tuned\.pt: there is no such checkpoint"):
        own_checkpoint(str(tmp_path / "tuned.pt"))


def test_a_damaged_one_is_told(official: Path) -> None:
    official.write_bytes(official.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="not a readable weights file"):
        own_checkpoint(str(official))

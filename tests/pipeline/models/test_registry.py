"""The table of models agrees with itself, with the files beside the project, and with the installed Whisper."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.errors import WeightsError
from pipeline.models.download import git_blob_of, sha256_of
from pipeline.models.registry import MODELS, STAND_INS, Model, default_whisper, lookup, models_of

WITH_FILE = [model for model in MODELS.values() if model.file is not None]
IN_SHARED = ("lr-asd", "lr-asd-ava", "light-asd", "light-asd-ava", "yunet", "mobilefacenet")


@pytest.mark.parametrize("model", WITH_FILE, ids=lambda model: model.name)
def test_every_file_can_be_recognised(model: Model) -> None:
    assert re.fullmatch("[0-9a-f]{64}", model.sha256 or "") or re.fullmatch("[0-9a-f]{40}", model.git_blob or "")


@pytest.mark.parametrize("model", WITH_FILE, ids=lambda model: model.name)
def test_every_source_is_an_encrypted_address(model: Model) -> None:
    assert all(urlsplit(url).scheme == "https" and urlsplit(url).hostname for url in model.sources)


def test_every_file_has_an_address() -> None:
    assert [model.name for model in WITH_FILE if not model.sources] == []


def test_identity_models_are_those_with_public_digests_and_one_of_them_is_for_commercial_use() -> None:
    found = {model.name: (model.size_bytes, model.sha256) for model in models_of("identity") if model.file}
    assert found == {
        "mobilefacenet": (4_135_271, "90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4"),
        "sface": (38_696_353, "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"),
        "auraface": (260_694_151, "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60"),
    }
    assert [name for name in found if not MODELS[name].non_commercial] == ["auraface"]


def test_no_two_models_share_a_file_name() -> None:
    files = [model.file for model in WITH_FILE]
    assert len(set(files)) == len(files)


def test_stand_ins_need_no_file_and_do_the_same_job() -> None:
    assert [(MODELS[name].role, MODELS[name].file) for name in STAND_INS.values()] == [(job, None) for job in STAND_INS]


@pytest.mark.parametrize("name", IN_SHARED)
def test_size_and_digests_are_those_of_the_real_file(name: str, shared: Path) -> None:
    model = MODELS[name]
    path = shared / "weights" / str(model.file)
    assert (path.stat().st_size, sha256_of(path), git_blob_of(path)) == (
        model.size_bytes,
        model.sha256,
        model.git_blob,
    )


def test_whisper_addresses_are_those_of_the_installed_package() -> None:
    found = importlib.util.find_spec("whisper")
    assert found is not None and found.origin is not None
    published = set(re.findall(r'"(https://[^"]+\.pt)"', Path(found.origin).read_text(encoding="utf-8")))
    assert {model.sources[0] for model in models_of("words") if model.file} == published


def test_a_whisper_address_contains_its_digest() -> None:
    assert all(model.sha256 and model.sha256 in model.sources[0] for model in models_of("words") if model.file)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("s3fd", "s3fd"),
        ("base", "whisper-base"),
        ("whisper-base.en", "whisper-base.en"),
        ("large", "whisper-large-v3"),
        ("whisper-turbo", "whisper-large-v3-turbo"),
        ("none", "by-track"),
    ],
)
def test_lookup_knows_the_names_that_users_write(asked: str, name: str) -> None:
    assert lookup(asked).name == name


def test_lookup_lists_what_there_is_for_an_unknown_name() -> None:
    with pytest.raises(WeightsError, match=r"'retinaface'.*s3fd, yunet, mtcnn$"):
        lookup("retinaface", "faces")


def test_lookup_refuses_a_model_of_another_job() -> None:
    with pytest.raises(WeightsError, match="no model for faces is called 'talknet'"):
        lookup("talknet", "faces")


def test_weights_for_comparisons_cannot_be_chosen_for_a_run() -> None:
    with pytest.raises(WeightsError, match="'lr-asd-ava'"):
        lookup("lr-asd-ava", "speaking")


@pytest.mark.parametrize(("cuda", "name"), [(True, "whisper-large-v3-turbo"), (False, "whisper-base")])
def test_default_whisper_depends_on_the_device(cuda: bool, name: str) -> None:
    assert default_whisper(cuda) == name

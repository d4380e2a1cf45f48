"""Where weights are looked for, with small files in the place of the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.models.store import cache_dir, find
from tests.support.small_weights import put


def test_weights_dir_comes_first(table: object, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(tmp_path / "first", "s3fd")
    monkeypatch.setenv("LIPGEN_WEIGHTS", str(put(tmp_path / "second", "s3fd")))
    put(cache_dir(), "s3fd")
    assert find("s3fd", first) == first / "sfd_face.pth"


def test_the_environment_comes_before_the_cache(table: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = put(tmp_path / "second", "s3fd")
    monkeypatch.setenv("LIPGEN_WEIGHTS", str(second))
    put(cache_dir(), "s3fd")
    assert find("s3fd", put(tmp_path / "empty")) == second / "sfd_face.pth"


def test_the_cache_comes_last(table: object, tmp_path: Path, home: Path) -> None:
    put(home / ".cache" / "lipgen", "s3fd")
    assert find("s3fd", put(tmp_path / "empty")) == home / ".cache" / "lipgen" / "sfd_face.pth"


def test_the_cache_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "lipgen"


def test_whisper_is_found_where_whisper_keeps_it(table: object, home: Path) -> None:
    put(home / ".cache" / "whisper", "whisper-base")
    assert find("base") == home / ".cache" / "whisper" / "base.pt"


def test_other_models_are_not_looked_for_there(table: object, home: Path) -> None:
    put(home / ".cache" / "whisper", "s3fd")
    assert find("s3fd") is None


def test_a_damaged_file_is_refused_though_a_good_one_comes_later(table: object, tmp_path: Path) -> None:
    put(cache_dir(), "s3fd")
    (tmp_path / "sfd_face.pth").write_bytes(b"cut short")
    with pytest.raises(WeightsError, match=r"sfd_face\.pth: refused.*delete it"):
        find("s3fd", tmp_path)


def test_a_model_without_file_has_none() -> None:
    assert find("mtcnn") is None


def test_a_weights_dir_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no such weights folder"):
        find("s3fd", tmp_path / "typo")


def test_the_real_files_are_accepted(shared: Path) -> None:
    assert find("lr-asd", shared / "weights") == shared / "weights" / "lr_asd_talkset.model"

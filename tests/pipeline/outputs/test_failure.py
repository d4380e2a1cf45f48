"""Why a video could not be done, written down for later runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.outputs.failure import failed_before, forget_failure, write_failure
from pipeline.types import Fingerprints, VideoResult
from tests.support.by_hand import prints

MARK = "a" * 64
MARKS = prints("v" * 64, "s" * 64, "w" * 64, MARK)


def _failed(code: str) -> VideoResult:
    return VideoResult(Path("/v/a.mp4"), "failed", code, "cannot be used")


def test_a_fault_of_the_file_is_remembered(tmp_path: Path) -> None:
    write_failure(tmp_path, MARKS, _failed("no_audio"))
    assert failed_before(tmp_path, MARK) == ("no_audio", "cannot be used")
    assert failed_before(tmp_path, "b" * 64) is None
    forget_failure(tmp_path)
    assert failed_before(tmp_path, MARK) is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", ["worker_died", "disk_full", "io_error", "internal_error", "unreadable", "changed"])
def test_what_may_go_better_next_time_is_not(tmp_path: Path, code: str) -> None:
    write_failure(tmp_path, MARKS, _failed(code))
    assert not list(tmp_path.iterdir())


def test_a_file_without_a_fingerprint_is_not(tmp_path: Path) -> None:
    write_failure(tmp_path, Fingerprints(), _failed("no_audio"))
    assert failed_before(tmp_path, "") is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"fingerprint": 1}', b"[" * 100_000])
def test_a_damaged_note_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "failure.json").write_bytes(content)
    assert failed_before(tmp_path, MARK) is None

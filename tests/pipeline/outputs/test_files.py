"""Files that are whole or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from pipeline.outputs.files import atomic_path, json_text, write_json, write_text


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_path(path) as partial:
        assert partial.parent == path.parent
        partial.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as partial:
        partial.write_text("hal")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "naïve\nשלום\n")
    assert (tmp_path / "a.txt").read_bytes() == "naïve\nשלום\n".encode()


@pytest.mark.parametrize("value", ["naïve שלום", "b\udcffd.mp4", 'quote " and \\ and \n', [1, None, {"a": 0.1}]])
def test_json_comes_back_as_it_was(tmp_path: Path, value) -> None:
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_bytes()) == value


def test_json_keeps_letters_readable() -> None:
    assert json_text("שלום") == '"שלום"'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_without_nan(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text(value)

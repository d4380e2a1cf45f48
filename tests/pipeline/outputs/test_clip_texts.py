"""The words of each clip beside it: UTF-8, nothing but the words, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.outputs import files
from pipeline.outputs.clip_texts import clips_without_text, write_clip_texts


def _manifest(*texts: str) -> dict[str, list[dict[str, str]]]:
    return {"clips": [{"clip": f"seg_{n:04d}_track_007.mp4", "text": text} for n, text in enumerate(texts)]}


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Hello there.", b"Hello there."),
        ("Gr\u00fc\u00df Gott, \u3053\u3093\u306b\u3061\u306f", "Grüß Gott, こんにちは".encode()),
        ("", b""),
        ("half \ud83d", b"half \\ud83d"),
    ],
)
def test_a_text_holds_the_words_and_nothing_else(tmp_path: Path, text: str, content: bytes) -> None:
    (path,) = write_clip_texts(tmp_path, _manifest(text))
    assert (path.name, path.read_bytes()) == ("seg_0000_track_007.txt", content)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_texts_that_are_right_are_left_alone_and_others_written_anew(tmp_path: Path) -> None:
    first, second = write_clip_texts(tmp_path, _manifest("One.", "Two."))
    seen = first.stat().st_ino, second.stat().st_ino
    write_clip_texts(tmp_path, _manifest("One.", "Three."))
    assert (first.read_text(), second.read_text()) == ("One.", "Three.")
    assert first.stat().st_ino == seen[0] and second.stat().st_ino != seen[1]


def test_a_disk_that_is_full_leaves_no_half_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_clip_texts(tmp_path, _manifest("One."))
    assert not list(tmp_path.iterdir())


def test_only_clips_can_lack_a_text(tmp_path: Path) -> None:
    for name in ("seg_0001_track_000.mp4", "seg_0002_track_000.mp4", "seg_0002_track_000.txt", "own.mp4", "x.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in clips_without_text(tmp_path)] == ["seg_0001_track_000.mp4"]
    assert list(clips_without_text(tmp_path / "nowhere")) == []

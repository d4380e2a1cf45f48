"""What is made of finished results where somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Config
from pipeline.outputs.extras import ANNOTATED, CLIP_TEXTS, EXPORTS, missing, remove_extras, wanted


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (Config(), ()),
        (Config(ANNOTATE=True), (ANNOTATED,)),
        (Config(CLIP_TEXT=True), (CLIP_TEXTS,)),
        (Config(EXPORT="rttm"), ("export/speakers.rttm",)),
        (Config(EXPORT=("sieve", "rttm"), ANNOTATE=True), ("export/sieve.json", "export/speakers.rttm", ANNOTATED)),
    ],
)
def test_what_the_settings_ask_for(config: Config, names: tuple[str, ...]) -> None:
    assert wanted(config) == names


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    config = Config(EXPORT=("sieve", "rttm"))
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "sieve.json").touch()
    assert missing(tmp_path, config) == ("export/speakers.rttm",)


def test_texts_are_missing_until_each_clip_has_one(tmp_path: Path) -> None:
    config, output = Config(CLIP_TEXT=True), tmp_path / "output"
    assert missing(tmp_path, config) == ()
    output.mkdir()
    for name in ("seg_0000_track_000.mp4", "seg_0012_track_003.mp4", "own.mp4", "seg_0000_track_000.txt"):
        (output / name).touch()
    assert missing(tmp_path, config) == (CLIP_TEXTS,)
    (output / "seg_0012_track_003.txt").touch()
    assert missing(tmp_path, config) == ()
    (output / "seg_0000_track_000.txt").unlink()
    assert missing(tmp_path, config) == (CLIP_TEXTS,)
    assert missing(tmp_path, Config()) == ()


def test_all_of_them_can_be_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    for name in [name for names in EXPORTS.values() for name in names] + [ANNOTATED, "export/mine.csv"]:
        (tmp_path / name).touch()
    remove_extras(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.csv"]
    remove_extras(tmp_path / "nowhere")

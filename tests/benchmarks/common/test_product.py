"""Flags of cheap runs are such as the product takes, and events are told from other lines."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.common.product import events_of, product_flags, text_of
from config import Config
from pipeline.flags import add_flags, from_flags


def test_the_product_understands_the_command_line(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Config)
    config = from_flags(Config, parser.parse_args([*product_flags(tmp_path, tmp_path, 5), "--log-json"]))
    assert (config.MAX_TRIES, config.SPEAKER_MODEL, config.FACE_DETECTOR) == (5, "lr-asd", "yunet")
    assert (config.VISION_DEVICE, config.WHISPER_MODEL_SIZE) == ("cpu", "pocketsphinx")
    assert config.TRANSCRIPTS == config.WEIGHTS_DIR == str(tmp_path)


def test_events_are_read_among_other_lines_and_one_that_is_being_written_is_left() -> None:
    console = '{"event": "again"}\nwords\n{"event": "worker_died"}\n{"event": "aga'
    assert events_of(console) == [{"event": "again"}, {"event": "worker_died"}]


def test_a_log_that_is_not_there_yet_has_no_text(tmp_path: Path) -> None:
    assert text_of(tmp_path / "console.txt") == ""

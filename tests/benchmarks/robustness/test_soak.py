"""The pure parts of the soak: its command line is one that the product takes, and events are counted."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.robustness.soak import count_events, product_flags
from config import Config
from pipeline.flags import add_flags, from_flags


def test_the_product_understands_the_command_line(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Config)
    config = from_flags(Config, parser.parse_args([*product_flags(tmp_path, tmp_path, 5), "--log-json"]))
    assert (config.MAX_TRIES, config.SPEAKER_MODEL, config.FACE_DETECTOR) == (5, "lr-asd", "yunet")
    assert config.TRANSCRIPTS == config.WEIGHTS_DIR == str(tmp_path)


def test_events_are_counted_among_other_lines() -> None:
    console = '{"event": "again"}\nwords\n{"event": "worker_died"}\n{"event": "again"}\n'
    assert count_events(console) == {"again": 2, "worker_died": 1}

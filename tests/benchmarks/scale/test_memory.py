"""The pure parts of the benchmark of memory: peaks, the table, and the transcript that it generates."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.scale.memory import Peak, subtitles, table, watch
from pipeline.speech.given import read_transcript

MIB = 1 << 20


def test_the_peak_is_that_of_all_together_and_each_kind_has_its_own() -> None:
    peak = Peak(wall_s=10.0)
    peak.note([("decode", 10 * MIB), ("decode", 5 * MIB), ("vision", 1 * MIB)], 2.0)
    peak.note([("decode", 4 * MIB), ("vision", 20 * MIB)], 5.0)
    peak.note([("vision", 3 * MIB)], 8.0)
    assert peak.line() == {
        "wall_s": 10.0,
        "peak_mb": 24,
        "peak_at": 0.5,
        "peak_processes": 2,
        "kinds_mb": {"decode": 15, "vision": 20},
    }


def test_the_table_has_a_column_for_each_kind() -> None:
    lines = [
        {"minutes": 5.0, "wall_s": 61.5, "peak_mb": 900, "peak_at": 0.5, "kinds_mb": {"decode": 300}},
        {"minutes": 60.0, "wall_s": 700.0, "peak_mb": 901, "peak_at": 1.0, "kinds_mb": {"decode": 301, "mux": 7}},
    ]
    assert table(lines).splitlines() == [
        "| minutes | wall s | peak | at | decode | mux |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 5 | 61.5 | 900 | 50% | 300 | 0 |",
        "| 60 | 700 | 901 | 100% | 301 | 7 |",
    ]


@pytest.mark.parametrize(("minutes", "sentences"), [(1, 1), (60, 60)])
def test_subtitles_are_read_as_one_sentence_a_minute(tmp_path: Path, minutes: int, sentences: int) -> None:
    (tmp_path / "a.srt").write_text(subtitles(minutes * 60))
    segments = read_transcript(tmp_path / "a.srt").segments
    assert len(segments) == sentences
    assert segments[-1].start_s == pytest.approx((sentences - 1) * 60 + 1)
    assert segments[-1].end_s < minutes * 60


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
def test_a_command_is_watched_with_its_exit_code() -> None:
    code = f"import sys, time; held = bytearray({60 * MIB}); time.sleep(2.5); sys.exit(3)"
    peak = watch([sys.executable, "-I", "-S", "-c", code])
    assert peak.exit_code == 3
    assert 60 * MIB <= peak.most < 100 * MIB

"""The diarization error rate, against sums by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.diarization_error import DiarizationError, Turn, diarization_error, read_rttm

TRUE: list[Turn] = [(0.0, 4.0, "anna"), (3.0, 6.0, "ben")]
"""Seven seconds of speech, one of them of both at once."""


@pytest.mark.parametrize(
    ("found", "missed_s", "false_alarm_s", "confused_s"),
    [
        ([(0, 4, "x"), (3, 6, "y")], 0, 0, 0),
        ([], 7, 0, 0),
        ([(0, 6, "x")], 1, 0, 2),  # x is anna, who has 4 s: of ben's 2 s alone nothing is right
        ([(0, 4, "x")], 3, 0, 0),
        ([(0, 4, "x"), (3, 6, "y"), (7, 9, "x")], 0, 2, 0),
        ([(0, 4, "x"), (0, 4, "z"), (3, 6, "y")], 0, 4, 0),
        ([(0, 2, "x"), (2, 4, "z"), (3, 6, "y")], 0, 0, 2),
        ([(0, 2, "x"), (1, 4, "x"), (3, 6, "y")], 0, 0, 0),  # turns of one speaker that overlap are one
    ],
)
def test_sums(found: list[Turn], missed_s: float, false_alarm_s: float, confused_s: float) -> None:
    error = diarization_error(found, TRUE)
    sums = (error.spoken_s, error.missed_s, error.false_alarm_s, error.confused_s)
    assert sums == pytest.approx((7, missed_s, false_alarm_s, confused_s))
    assert error.rate == pytest.approx((missed_s + false_alarm_s + confused_s) / 7)


def test_recordings_add_up() -> None:
    both = diarization_error([], TRUE) + diarization_error(TRUE, TRUE)
    assert both == DiarizationError(14, 7, 0, 0)
    assert both.rate == 0.5
    assert diarization_error([], []).rate == 0


def test_rttm_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rttm"
    path.write_text("SPEAKER a 1 1.5 0.25 <NA> <NA> anna <NA> <NA>\nSPKR-INFO a 1 <NA> <NA> <NA> unknown anna <NA>\n")
    assert read_rttm(path) == [(1.5, 1.75, "anna")]

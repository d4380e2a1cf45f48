"""Hostile lists of ranges: ranges that can be used, or an error that names the file."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.sources.ranges import SUFFIXES, read_ranges
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated

pytestmark = pytest.mark.slow

WHOLE = {
    ".csv": b"start,end,name\n1,2,one\n0:03,0:04.5,two\n00:00:05:00,00:00:06:12,three\n",
    ".json": b'{"clips": [{"start": 1, "end": 2.5, "name": "one"}, {"start": "0:03", "end": "1:00:00"}]}',
    ".srt": b"1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:01:00,000 --> 00:01:01,000\nYou\n",
    ".edl": b"FCM: DROP FRAME\n001 AX V C 00:00:10;00 00:00:15;05 01:00:00;00 01:00:05;05\n* FROM CLIP NAME: a.mov\n",
}
LIKELY = st.sampled_from(
    [
        *(
            "start",
            "end",
            "name",
            "clips",
            "1",
            "2",
            "-1",
            "0:01",
            "1:00:00",
            "00:00:01:24",
            "00:00:01;05",
            "-->",
            "nan",
        ),
        *("1e308", "inf", "", " ", '"', "'", "\0", "\u0663", "1" * 50, "\ufeff", "x" * 300, "[", "{", "}", ":", ";"),
        *("001", "AX", "V", "C", "\t", "\ud7ff", "../../etc/passwd"),
    ]
)
LINES = st.lists(st.lists(LIKELY, max_size=9), max_size=9)
RATES = st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(1), Fraction(1, 10), Fraction(240)])


def _read(path: Path, content: bytes, rate: Fraction) -> None:
    path.write_bytes(content)
    try:
        found = read_ranges(path, rate, 0.25)
    except InputError as error:
        assert error.reason_code == "bad_ranges" and str(error).startswith(f"{path}: ")
        assert len(str(error)) < len(str(path)) + 400
        return
    assert found
    for each in found:
        assert math.isfinite(each.start_s) and math.isfinite(each.end_s) and each.start_s < each.end_s
        assert len(each.name) <= 200 and "\n" not in each.name


@fuzz
@given(lines=LINES, between=st.sampled_from([",", " ", ";"]), suffix=st.sampled_from(SUFFIXES), rate=RATES)
@example(lines=[["0", '"1']] * 9, between=",", suffix=".csv", rate=Fraction(25))
@example(lines=[["[" * 100_000]], between="", suffix=".json", rate=Fraction(25))
def test_lines_of_likely_words(
    tmp_path: Path, lines: list[list[str]], between: str, suffix: str, rate: Fraction
) -> None:
    _read(tmp_path / f"a{suffix}", "\n".join(map(between.join, lines)).encode(), rate)


@fuzz
@given(content=st.binary(max_size=400), suffix=st.sampled_from(SUFFIXES), rate=RATES)
def test_any_bytes(tmp_path: Path, content: bytes, suffix: str, rate: Fraction) -> None:
    _read(tmp_path / f"a{suffix}", content, rate)


@fuzz
@given(changes=CHANGES, suffix=st.sampled_from(SUFFIXES), rate=RATES)
def test_spoilt_files(tmp_path: Path, changes: list[Change], suffix: str, rate: Fraction) -> None:
    _read(tmp_path / f"a{suffix}", mutated(WHOLE[suffix], changes), rate)

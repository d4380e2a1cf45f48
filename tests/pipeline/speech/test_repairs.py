"""A fault in a part of a user's transcript costs that part at most, and is told with its place in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.speech.given import read_transcript

Words = list[tuple[str, float, float]]
"""Text, start and end of the segments that come out."""


def srt(tmp_path: Path, text: str) -> tuple[Words, tuple[str, ...]]:
    path = tmp_path / "a.srt"
    path.write_bytes(text.encode())
    found = read_transcript(path)
    return [(part.text.strip(), part.start_s, part.end_s) for part in found.segments], found.notes


def cue(number: int, times: str, text: str) -> str:
    return f"{number}\n{times}\n{text}\n\n"


FIRST = cue(1, "00:00:01,000 --> 00:00:02,000", "one")
LAST = cue(3, "00:00:08,000 --> 00:00:09,000", "three")
ONE, THREE = ("one", 1.0, 2.0), ("three", 8.0, 9.0)


@pytest.mark.parametrize(
    ("times", "span", "said"),
    [
        ("00:00:05,000 --> 00:00:04,000", (4.0, 5.0), "ends at 4 s, before it begins at 5 s; the two were exchanged"),
        (
            "00:00:05,000 --> 00:00:00,500",
            (5.0, 8.0),
            "ends at 0.5 s, before it begins at 5 s; it was given 5 to 8 s",
        ),
        ("00:00:05,000 -->", (5.0, 8.0), "the cue has no end; it was given 5 to 8 s"),
        ("00:00:05,000", (5.0, 8.0), "the cue has no end; it was given 5 to 8 s"),
        ("0:0:05 ->", (5.0, 8.0), "the cue has no end; it was given 5 to 8 s"),
        ("-00:00:05,000 --> 00:00:06,000", (0.0, 6.0), "was read as 00:00:00,000 --> 00:00:06,000"),
        ("00:00:05 --> 00:00:06", (5.0, 6.0), "'00:00:05 --> 00:00:06' was read as 00:00:05,000 --> 00:00:06,000"),
        ("00:05.5 --> 00:06.25", (5.5, 6.25), "was read as 00:00:05,500 --> 00:00:06,250"),
        ("0:05,000-->0:06,000", (5.0, 6.0), "was read as 00:00:05,000 --> 00:00:06,000"),
    ],
)
def test_times_that_can_be_mended_are(tmp_path: Path, times: str, span: tuple[float, float], said: str) -> None:
    found, notes = srt(tmp_path, FIRST + cue(2, times, "two") + LAST)
    assert found == sorted([ONE, ("two", *span), THREE], key=lambda each: each[1])
    assert len(notes) == 1 and notes[0].startswith("a.srt was mended: line 6: ") and said in notes[0]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("5 --> 6", "line 6: '5 --> 6' holds no times; its cue was left out"),
        ("00:00:05,000 --> -1", "line 6: '00:00:05,000 --> -1' holds no times; its cue was left out"),
    ],
)
def test_a_cue_that_cannot_be_mended_costs_itself_alone(tmp_path: Path, times: str, said: str) -> None:
    found, notes = srt(tmp_path, FIRST + cue(2, times, "two\nand more") + LAST)
    assert found == [ONE, THREE]
    assert notes == (f"a.srt was mended: {said}",)


@pytest.mark.parametrize(
    ("times", "after", "span"),
    [
        ("00:00:09,500 --> 00:00:00,500", LAST, (0.5, 9.5)),
        ("00:00:01,800 --> 00:00:00,500", LAST, (1.8, 8.0)),
        ("00:00:05,000 --> 00:00:00,500", "", (5.0, 5.5)),
        ("00:00:05,000 --> 00:00:00,500", LAST.replace("00:00", "00:01"), (5.0, 5.5)),
        ("00:59:58,000 --> 00:00:01,500", LAST.replace("00:00", "01:00"), (3598.0, 3598.5)),
        ("00:00:05,000", "", (5.0, 5.5)),
    ],
)
def test_no_backwards_cue_is_lost(tmp_path: Path, times: str, after: str, span: tuple[float, float]) -> None:
    """Exchanged where it fits or nothing else does; else to the next cue where that is near."""
    found, _ = srt(tmp_path, FIRST + cue(2, times, "two") + after)
    assert ("two", *span) in found


def test_lines_are_those_of_the_file_whatever_its_numbers_and_line_ends(tmp_path: Path) -> None:
    backwards = cue(77, "00:00:05,000 --> 00:00:04,000", "two")
    text = ("\ufeff\n\n" + FIRST + "\n\n" + backwards + LAST).replace("\n", "\r\n")
    found, notes = srt(tmp_path, text)
    assert [text for text, *_ in found] == ["one", "two", "three"]
    assert notes[0].startswith("a.srt was mended: line 10: ")


def test_an_arrow_in_spoken_text_is_text(tmp_path: Path) -> None:
    found, notes = srt(tmp_path, cue(1, "00:00:01,000 --> 00:00:02,000", "count\n1 --> 2"))
    assert found == [("count 1 -> 2", 1.0, 2.0)] and notes == ()


def test_a_good_file_is_told_of_in_no_way(tmp_path: Path) -> None:
    assert srt(tmp_path, FIRST + LAST) == ([ONE, THREE], ())


def test_many_repairs_are_counted(tmp_path: Path) -> None:
    text = "".join(cue(n, f"00:00:{2 * n + 1:02d},000 --> 00:00:{2 * n:02d},000", f"w{n}") for n in range(1, 9))
    found, notes = srt(tmp_path, text)
    assert len(found) == 8 and notes[0].endswith("; and 5 more") and notes[0].count("line ") == 3


def of_json(tmp_path: Path, *segments: Any) -> tuple[Words, tuple[str, ...]]:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"language": "en", "segments": list(segments)}))
    found = read_transcript(path)
    return [(part.text.strip(), part.start_s, part.end_s) for part in found.segments], found.notes


def segment(text: str, start: Any, end: Any, **more: Any) -> dict[str, Any]:
    return {"text": f" {text}", "start": start, "end": end, **more}


BEFORE, AFTER = segment("one", 1, 2), segment("three", 8, 9)


@pytest.mark.parametrize(
    ("middle", "found", "said"),
    [
        (segment("two", 5, 4), ("two", 4.0, 5.0), "segments[1]: ends at 4 s, before it starts at 5 s; the two were"),
        (
            segment("two", None, None),
            ("two", 2.0, 8.0),
            "segments[1]: has neither start nor end, and no word",
        ),
        (
            segment("two", 4, None),
            ("two", 4.0, 8.0),
            "segments[1]: has no end, and no word with times; it was given 4 to",
        ),
        (
            segment("two", None, 5),
            ("two", 2.0, 5.0),
            "segments[1]: has no start, and no word with times; it was given 2 to",
        ),
        (segment("two", "4", 5), ("two", 2.0, 5.0), "segments[1].start: expected a number, got '4'; the time was"),
        (segment("two", float("nan"), 5), ("two", 2.0, 5.0), "segments[1].start: expected a number, got nan"),
        (segment("two", -4, 5), ("two", 2.0, 5.0), "segments[1].start: expected seconds from 0"),
        (segment("two", 4, 5, flags="x"), ("two", 4.0, 5.0), "segments[1].flags: expected a list, got 'x'"),
        (segment("two", 4, 5, words={}), ("two", 4.0, 5.0), "segments[1].words: expected a list, got dict"),
    ],
)
def test_a_segment_is_mended(tmp_path: Path, middle: Any, found: tuple[str, float, float], said: str) -> None:
    segments, notes = of_json(tmp_path, BEFORE, middle, AFTER)
    assert segments == [ONE, found, THREE]
    assert len(notes) == 1 and notes[0].startswith("a.json was mended: ") and said in notes[0]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (segment("one", None, 2), AFTER, [("one", 0.0, 2.0), THREE]),
        (segment("one", 1, float("inf")), AFTER, [("one", 1.0, 8.0), THREE]),
        (BEFORE, segment("three", 8, None), [ONE, ("three", 8.0, 8.5)]),
    ],
)
def test_the_first_and_the_last_segment_are_mended_too(tmp_path: Path, first: Any, last: Any, found: Words) -> None:
    assert of_json(tmp_path, first, last)[0] == found


@pytest.mark.parametrize("middle", [7, None, [], "text"])
def test_an_entry_that_is_no_segment_costs_itself_alone(tmp_path: Path, middle: Any) -> None:
    segments, notes = of_json(tmp_path, BEFORE, middle, AFTER)
    assert segments == [ONE, THREE] and "segments[1]: expected an object" in notes[0]


@pytest.mark.parametrize(
    ("word", "times", "said"),
    [
        ({"word": " b", "start": 1.6, "end": 1.4}, (1.4, 1.6), "segments[0].words[1]: ends at 1.4 s, before it starts"),
        ({"word": " b", "start": -1, "end": 1.6}, None, "segments[0].words[1].start: expected seconds from 0"),
        ({"word": " b", "start": "x", "end": 1.6}, None, "segments[0].words[1].start: expected a number, got 'x'"),
        ({"word": " b", "start": 1.4, "end": 1.6, "score": 7}, (1.4, 1.6), "words[1].probability: expected 0 to 1"),
    ],
)
def test_a_word_is_mended(tmp_path: Path, word: Any, times: tuple[float, float] | None, said: str) -> None:
    path = tmp_path / "a.json"
    words = [{"word": " a", "start": 1.0, "end": 1.2}, word, {"word": " c", "start": 1.8, "end": 2.0}]
    path.write_text(json.dumps({"segments": [{"text": " a b c", "start": 1, "end": 2, "words": words}]}))
    found = read_transcript(path)
    middle = found.words[1]
    assert [each.text for each in found.words] == [" a", " b", " c"] and said in found.notes[0]
    if times is None:
        assert middle.timing == "interpolated" and 1.2 <= middle.start_s < middle.end_s <= 1.8
    else:
        assert (middle.start_s, middle.end_s, middle.confidence) == (*times, None)


def test_an_entry_that_is_no_word_costs_itself_alone(tmp_path: Path) -> None:
    words = [{"word": " a", "start": 1.0, "end": 1.2}, 5, {"start": 3}, {"word": " c", "start": 1.8, "end": 2.0}]
    (tmp_path / "a.json").write_text(json.dumps({"segments": [{"start": 1, "end": 2, "words": words}]}))
    found = read_transcript(tmp_path / "a.json")
    assert [word.text for word in found.words] == [" a", " c"]
    assert "segments[0].words[1]: expected an object, got 5" in found.notes[0]
    assert "segments[0].words[2].word: expected text, got NoneType" in found.notes[0]

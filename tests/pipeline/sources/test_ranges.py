"""Ranges in files of the user's: every notation, and every fault with its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.sources import ranges
from pipeline.sources.ranges import GivenRange, parse_ranges, read_ranges

PAL, NTSC = Fraction(25), Fraction(30000, 1001)


def spans(text: str, suffix: str, rate: Fraction = PAL) -> list[tuple[float, float, str]]:
    return [(each.start_s, each.end_s, each.name) for each in parse_ranges(text.encode(), suffix, rate)]


def refusal(text: str | bytes, suffix: str = ".csv", rate: Fraction = PAL) -> str:
    with pytest.raises(InputError) as caught:
        parse_ranges(text if isinstance(text, bytes) else text.encode(), suffix, rate)
    assert caught.value.reason_code == "bad_ranges"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        ("12.5", 12.5),
        ("1:02.25", 62.25),
        ("90:00", 5400.0),
        ("1:02:03", 3723.0),
        ("01:02:03,456", 3723.456),
        ("00:01:02:05", 62.2),
    ],
)
def test_times_are_read_in_each_notation(text: str, seconds: float) -> None:
    assert spans(f'"{text}";9:00:00', ".csv") == [(pytest.approx(seconds), 32400.0, "")]


def test_columns_are_found_by_their_names_in_any_order() -> None:
    text = "\ufeffNote,End,Name,Start\nx,20,opening,10\n\ny,0:40, the end ,30.5\n"
    assert spans(text, ".csv") == [(10.0, 20.0, "opening"), (30.5, 40.0, "the end")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_without_a_header_columns_are_start_end_and_name(separator: str) -> None:
    text = separator.join(["1", "2", "one"]) + "\r\n" + separator.join(["3", "4"])
    assert spans(text, ".csv") == [(1.0, 2.0, "one"), (3.0, 4.0, "")]


@pytest.mark.parametrize("form", ["{}", '{{"clips": {}, "made_by": 7}}'])
def test_json_is_a_list_or_an_object_with_clips(form: str) -> None:
    entries = '[{"start": 1.5, "end": "0:04", "name": "a", "why": "it is good"}, {"start": 5, "end": 6}]'
    assert spans(form.format(entries), ".json") == [(1.5, 4.0, "a"), (5.0, 6.0, "")]


def test_cues_of_subtitles_count_from_the_start_of_the_file() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,500\nHe said --> this\n\n2\n00:01:00,000 --> 00:01:01,000 X1:10\nb\n"
    found = parse_ranges(text.encode(), ".srt", PAL, lead_s=0.5)
    assert found == (GivenRange(0.5, 2.0, "", "line 2"), GivenRange(59.5, 60.5, "", "line 6"))


EDL = """TITLE: talk
FCM: NON-DROP FRAME

001  AX       V     C        00:00:10:00 00:00:15:05 01:00:00:00 01:00:05:05
* FROM CLIP NAME: Opening.mov
001  AX       AA    C        00:00:10:00 00:00:15:05 01:00:00:00 01:00:05:05
002  BL       V     C        00:00:00:00 00:00:01:00 01:00:05:05 01:00:06:05
003  AX       B     C        00:01:00:00 00:01:00:00 01:00:06:05 01:00:06:05
003  AX       B     D    025 00:01:00:00 00:01:10:00 01:00:06:05 01:00:16:05
004  AX       AA/V  C        00:02:00:00 00:02:01:00 01:00:16:05 01:00:17:05
"""


def test_an_edit_list_gives_the_source_spans_of_its_pictures() -> None:
    """Sound alone, black, and the empty first half of a dissolve are no ranges."""
    assert spans(EDL, ".edl") == [(10.0, 15.2, "Opening"), (60.0, 70.0, ""), (120.0, 121.0, "")]


def test_dropped_frame_numbers_keep_to_the_clock() -> None:
    """Ten minutes of 29.97 fps hold 17982 frames: 00:10:00;00 is frame 17982, which is shown at 600.0 s exactly less
    0.6 ms; without dropping it would be frame 18000, at 600.6 s."""
    event = "001 AX V C 00:10:00;00 00:11:00;02 00:00:00;00 00:01:00;02\n"
    ((start_s, end_s, _),) = spans(event, ".edl", NTSC)
    assert start_s == pytest.approx(17982 * 1001 / 30000) == pytest.approx(599.9994)
    assert end_s == pytest.approx((17982 + 1800) * 1001 / 30000)
    colons = event.replace(";", ":")
    assert spans("FCM: DROP FRAME\n" + colons, ".edl", NTSC) == spans(event, ".edl", NTSC)
    assert spans(colons, ".edl", NTSC)[0][0] == pytest.approx(18000 * 1001 / 30000)


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("", ".csv", "holds no range"),
        ("1,2\n3\n", ".csv", "line 2: expected the columns start, end, name, got 1"),
        ("start,finish\n1,2\n", ".csv", "line 1: expected one column 'end' in the header"),
        ("1,2\n5,soon\n", ".csv", "line 2: expected seconds, M:SS, H:MM:SS or HH:MM:SS:FF, got 'soon'"),
        ("5,4\n", ".csv", "line 1: expected an end after the start, 5 s, got 4 s"),
        ("0:75,90\n", ".csv", "line 1: expected minutes and seconds below 60, got 0:75"),
        ("0,9999999\n", ".csv", "line 1: expected seconds up to 1000000, got 9999999"),
        ("0,00:00:01:25\n", ".csv", "line 1: expected a time code HH:MM:SS:FF with frames below 25, got '00:00:01:25'"),
        ('1,2\n"3,4\n', ".csv", "line 2: unexpected end of data"),
        (b"1,2\n\xff,3\n", ".csv", "line 2: is no text in UTF-8"),
        ("[1]", ".json", '[0]: expected {"start": ..., "end": ...}'),
        (
            '{"clips": [{"start": 1}]}',
            ".json",
            "clips[0].end: expected seconds, M:SS, H:MM:SS or HH:MM:SS:FF, got None",
        ),
        ('[{"start": NaN, "end": 2}]', ".json", "[0].start: expected seconds, M:SS, H:MM:SS or HH:MM:SS:FF, got nan"),
        ('[{"start": 1, "end": 2, "name": 3}]', ".json", "[0].name: expected text"),
        ("7", ".json", 'expected a list of {"start": ..., "end": ...}, or {"clips": [...]} with it'),
        ("00:00:01,000 --> later\n", ".srt", "line 1: expected seconds, M:SS, H:MM:SS or HH:MM:SS:FF, got 'later'"),
        ("001 AX V C 00:00:01:00 00:00:02:00\n", ".edl", "line 1: expected four time codes HH:MM:SS:FF after the"),
        ("1,2", ".txt", "has a name that ends with '.txt'; expected .csv, .json, .srt, .edl"),
    ],
)
def test_a_fault_is_refused_with_its_place(text: str | bytes, suffix: str, message: str) -> None:
    assert refusal(text, suffix).startswith(message)


def test_too_many_ranges_and_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MAX_RANGES", 2)
    assert refusal("1,2\n3,4\n5,6\n") == "line 3: more than 2 ranges"
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,4\n")
    assert len(read_ranges(path, PAL)) == 2
    monkeypatch.setattr(ranges, "MAX_BYTES", 7)
    with pytest.raises(InputError, match=f"{path}: is larger than 7 bytes"):
        read_ranges(path, PAL)
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        read_ranges(tmp_path / "nowhere.csv", PAL)

"""Subtitles: what they say, how long, and that other programs read them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.subtitles import (
    LINE_COLUMNS,
    MAX_CUE_S,
    MIN_CROWDED_CUE_S,
    RIGHT_TO_LEFT_MARK,
    Cue,
    ass_text,
    columns,
    cues_of,
    srt_text,
    vtt_text,
    write_subtitles,
)
from pipeline.types import AttributedWord, Sentence, Word


def _sentence(text: str, start_s: float = 1.0, end_s: float = 3.0, speaker: int | None = 1) -> Sentence:
    """A sentence whose words, parted at spaces, share its time evenly."""
    pieces = [" " + piece for piece in text.split(" ")]
    step_s = (end_s - start_s) / len(pieces)
    words = tuple(
        AttributedWord(Word(piece, start_s + i * step_s, start_s + (i + 1) * step_s), 0, speaker)
        for i, piece in enumerate(pieces)
    )
    return Sentence(words, 0, speaker, 1.0, 1.0, None, 1.0)


def test_cues_that_overlap_all_say_who_speaks() -> None:
    first = _sentence(" ".join(f"word{number}" for number in range(30)), 0.0, 9.0, 1)
    second = _sentence("Wait please.", 2.0, 3.0, 2)
    third = _sentence(" ".join(f"again{number}" for number in range(20)), 12.0, 26.0, 1)
    cues = cues_of([second, third, first])
    together = [cue for cue in cues if cue.start_s < 10]
    assert len([cue for cue in together if cue.speaker == 1]) > 1
    assert all(cue.lines[0].startswith(f"Speaker {cue.speaker}: ") for cue in together)
    assert all(columns(line) <= LINE_COLUMNS for cue in cues for line in cue.lines)
    alone = [cue for cue in cues if cue.start_s > 10]
    assert [cue.lines[0].startswith("Speaker 1: ") for cue in alone] == [True, *[False] * (len(alone) - 1)]


def test_a_short_sentence_is_one_cue_with_its_speaker() -> None:
    assert cues_of([_sentence("Hello there.")]) == (Cue(1.0, 3.0, ("Speaker 1: Hello there.",), 1),)


def test_somebody_who_is_not_in_view_is_off_screen() -> None:
    assert cues_of([_sentence("Hello.", speaker=None)])[0].lines == ("Off-screen: Hello.",)


def test_cues_are_in_order_of_time() -> None:
    cues = cues_of([_sentence("Second.", 5, 6), _sentence("First.", 1, 2)])
    assert [cue.start_s for cue in cues] == [1, 5]


def test_a_long_sentence_is_parted_into_cues_of_about_the_same_width() -> None:
    text = "the quick brown fox jumps over the lazy dog and " * 5 + "sleeps"
    cues = cues_of([_sentence(text, 0, 20)])
    assert [cue.lines[0].startswith("Speaker 1: ") for cue in cues] == [True] + [False] * (len(cues) - 1)
    assert " ".join(line for cue in cues for line in cue.lines) == "Speaker 1: " + text
    widths = [columns(" ".join(cue.lines)) for cue in cues]
    assert min(widths) > max(widths) / 2
    assert all(len(cue.lines) <= 2 for cue in cues)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(cues))


def test_a_slow_sentence_is_parted_by_time() -> None:
    cues = cues_of([_sentence("one two three four five six seven eight", 0, 24)])
    assert 4 <= len(cues) <= 5
    assert all(cue.end_s - cue.start_s <= MAX_CUE_S for cue in cues)


def test_wide_letters_count_twice() -> None:
    (cue,) = cues_of([_sentence("今日はとても良い天気ですから公園へ行きましょう", speaker=12)])
    assert len(cue.lines) == 2
    assert all(columns(line) <= LINE_COLUMNS for line in cue.lines)
    assert "".join(cue.lines) == "Speaker 12: 今日はとても良い天気ですから公園へ行きましょう"


def test_a_line_does_not_begin_with_closing_punctuation() -> None:
    text = "あ" * 15 + "。" + "い" * 5
    (cue,) = cues_of([_sentence(text)])
    assert cue.lines == ("Speaker 1: " + "あ" * 14, "あ。" + "い" * 5)


@pytest.mark.parametrize(
    ("start_s", "end_s", "next_s", "shown_until_s"),
    [
        (1.0, 1.2, 9.0, 2.0),  # long enough to be read
        (1.0, 1.2, 1.5, 1.5),  # but not into the next one
        (1.0, 1.0, 1.0, 1.0 + MIN_CROWDED_CUE_S),
        (1.0, 2.5, 2.0, 2.5),  # both speak at once
    ],
)
def test_how_long_a_cue_is_shown(start_s, end_s, next_s, shown_until_s) -> None:
    cues = cues_of([_sentence("Yes.", start_s, end_s), _sentence("No.", next_s, next_s + 3)])
    assert cues[0].end_s == pytest.approx(shown_until_s)


@pytest.mark.parametrize("syllable", ["เกาะ", "น้ำ", "ເກົ້າ", "ນ້ຳ", "မြို့"])
def test_no_cue_begins_inside_a_letter(syllable: str) -> None:
    """Recognisers part scripts without spaces by the code point."""
    length = 60 * len(syllable)
    said = [Word(letter, k * 18 / length, (k + 1) * 18 / length) for k, letter in enumerate(syllable * 60)]
    sentence = Sentence(tuple(AttributedWord(word, 0, 1) for word in said), 0, 1, 1.0, 1.0, None, 1.0)
    cues = cues_of([sentence])
    texts = ["".join(cue.lines).removeprefix("Speaker 1:").strip() for cue in cues]
    assert len(cues) > 2 and all(len(text) % len(syllable) == 0 for text in texts)


def test_right_to_left_text_sets_the_direction_of_its_line() -> None:
    text = "שלום, מה שלומך?"
    assert cues_of([_sentence(text)])[0].lines == (RIGHT_TO_LEFT_MARK + "Speaker 1: " + text,)


def test_clocks() -> None:
    cues = (Cue(0.0, 0.9996, ("a",), 1), Cue(3725.0416, 360000.5, ("b", "c"), None))
    assert srt_text(cues) == ("1\n00:00:00,000 --> 00:00:01,000\na\n\n2\n01:02:05,042 --> 100:00:00,500\nb\nc\n\n")
    assert vtt_text(cues) == ("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na\n\n01:02:05.042 --> 100:00:00.500\nb\nc\n")


def test_webvtt_escapes_its_own_marks() -> None:
    cues = cues_of([_sentence("<i>&amp; --> {x}")])
    assert "Speaker 1: &lt;i&gt;&amp;amp; --&gt; {x}" in vtt_text(cues)
    assert "Speaker 1: <i>&amp; --> {x}" in srt_text(cues)


def test_a_blank_line_never_ends_a_cue() -> None:
    word = AttributedWord(Word(" a\n\n\tb\r\n", 0, 1), 0, 1)
    sentence = Sentence((word,), 0, 1, 1.0, 1.0, None, 1.0)
    assert cues_of([sentence])[0].lines == ("Speaker 1: a b",)


def test_nothing_to_say() -> None:
    assert cues_of([Sentence((AttributedWord(Word(" ", 0, 1), 0, 1),), 0, 1, 1.0, 1.0, None, 1.0)]) == ()
    assert (srt_text(()), vtt_text(())) == ("", "WEBVTT\n")


@pytest.mark.slow
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=60),
        min_size=1,
        max_size=60,
    ),
    st.floats(0.1, 60),
)
def test_no_letter_is_lost_and_no_line_too_wide(pieces: list[str], length_s: float) -> None:
    cues = cues_of([_sentence(" ".join(pieces), 0, length_s)])
    shown = "".join(line for cue in cues for line in cue.lines).replace(RIGHT_TO_LEFT_MARK, "")
    assert shown.replace(" ", "").replace("Speaker1:", "", 1) == "".join(pieces).replace(RIGHT_TO_LEFT_MARK, "")
    assert all(columns(line) <= LINE_COLUMNS + 1 for cue in cues for line in cue.lines)
    assert all(cue.end_s > cue.start_s for cue in cues)


def test_a_dense_cue_stays_until_it_can_be_read() -> None:
    """59 columns at 20 a second are 2.95 s, unless the next cue comes before."""
    text = "x" * 9 + " y" * 20  # 49 columns, 11 of the label, and the space where the line breaks is none
    alone = cues_of([_sentence(text, 0, 1)])
    assert alone[0].end_s == pytest.approx(2.95)
    followed = cues_of([_sentence(text, 0, 1), _sentence("Next.", 1.5, 4)])
    assert followed[0].end_s == pytest.approx(1.5)


def test_each_speaker_has_a_colour() -> None:
    speakers = [1, 2, None, 1, 9]
    cues = cues_of([_sentence("Yes.", i, i + 0.9, speaker) for i, speaker in enumerate(speakers)])
    file = pysubs2.SSAFile.from_string(ass_text(cues))
    assert [event.style for event in file] == ["Speaker 1", "Speaker 2", "Off-screen", "Speaker 1", "Speaker 9"]
    colours = {name: str(style.primarycolor) for name, style in file.styles.items()}
    assert len({colours["Speaker 1"], colours["Speaker 2"], colours["Off-screen"]}) == 3
    assert colours["Speaker 9"] == colours["Speaker 1"]
    assert file.styles["Off-screen"].italic


def test_spoken_marks_style_nothing() -> None:
    cues = (Cue(0, 1, (r"{\i1}a\Nb", "c, d"), 1),)
    line = ass_text(cues).splitlines()[-1]
    assert line.endswith(",\\{\\\u2060i1\\}a\\\u2060Nb\\Nc, d")


def test_no_cue_at_all_is_a_file_too() -> None:
    assert pysubs2.SSAFile.from_string(ass_text(())).events == []


@pytest.mark.parametrize("name", ["transcript.srt", "transcript.vtt", "transcript.ass"])
def test_another_program_reads_them(tmp_path: Path, name: str) -> None:
    write_subtitles(tmp_path, [_sentence("Hello there."), _sentence("שלום", 4, 6, speaker=2)])
    events = pysubs2.load(str(tmp_path / name)).events
    assert [(event.start, event.end) for event in events] == [(1000, 3000), (4000, 6000)]
    assert events[0].plaintext == "Speaker 1: Hello there."
    assert events[1].plaintext == RIGHT_TO_LEFT_MARK + "Speaker 2: שלום"


def test_subtitles_count_from_the_start_of_the_container(tmp_path: Path) -> None:
    """Sentences count from the first picture, 1.5 s later; what would lie before the start is shown at it."""
    said = [_sentence("Too early.", -1.9, -1.6), _sentence("Before.", -0.4, -0.1), _sentence("After.", 3, 4)]
    write_subtitles(tmp_path, said, lead_s=1.5)
    text = (tmp_path / "transcript.srt").read_text()
    assert [line for line in text.splitlines() if "-->" in line] == [
        "00:00:00,000 --> 00:00:00,650",
        "00:00:01,100 --> 00:00:02,100",
        "00:00:04,500 --> 00:00:05,500",
    ]
    assert "00:00:01.100 --> 00:00:02.100" in (tmp_path / "transcript.vtt").read_text()
    assert "0:00:01.10,0:00:02.10" in (tmp_path / "transcript.ass").read_text()

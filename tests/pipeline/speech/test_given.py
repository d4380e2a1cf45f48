from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.outputs.transcript import transcript_json
from pipeline.speech import given as given_module
from pipeline.speech.given import read_given, read_transcript, transcript_digest
from pipeline.speech.words import split_words
from pipeline.types import AttributedWord, Segment, Timing, Transcript, Word

WHISPER = {
    "text": " Ask not what.",
    "language": "en",
    "segments": [
        {
            "id": 0,
            "start": 1.0,
            "end": 2.5,
            "text": " Ask not what.",
            "words": [
                {"word": " Ask", "start": 1.0, "end": 1.4, "probability": 0.9},
                {"word": " not", "start": 1.4, "end": 1.8, "probability": 0.8},
                {"word": " what.", "start": 1.9, "end": 2.5, "probability": 0.7},
            ],
        }
    ],
}
WHISPERX = {
    "segments": [
        {
            "start": 1.0,
            "end": 4.0,
            "text": " In 1984, yes.",
            "words": [
                {"word": "In", "start": 1.0, "end": 1.5, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "1984,"},
                {"word": "yes.", "start": 3.0, "end": 4.0, "score": 0.7},
            ],
        }
    ],
    "word_segments": [],
}
CUES = ["1", "00:00:01,000 --> 00:00:03,000", "<i>Hello</i>", "there, {\\an8}you", ""]
MUSIC = ["2", "00:00:04,000 --> 00:00:05,000", "♪♪", ""]
SRT = "\r\n".join([*CUES, *MUSIC])


def _json(folder: Path, content: Any) -> Path:
    path = folder / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def _srt(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.srt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _read(folder: Path, segment: dict[str, Any]) -> tuple[Word, ...]:
    return read_transcript(_json(folder, {"segments": [segment]})).words


def test_words_of_whisper_keep_their_times(tmp_path: Path) -> None:
    transcript = read_transcript(_json(tmp_path, WHISPER))
    assert transcript.language == "en"
    assert transcript.words == (
        Word(" Ask", 1.0, 1.4, 0.9),
        Word(" not", 1.4, 1.8, 0.8),
        Word(" what.", 1.9, 2.5, 0.7),
    )


def test_words_of_whisperx_get_their_spaces_and_missing_times(tmp_path: Path) -> None:
    assert read_transcript(_json(tmp_path, WHISPERX)).words == (
        Word(" In", 1.0, 1.5, 0.9),
        Word(" 1984,", 1.5, 3.0, None, "interpolated"),
        Word(" yes.", 3.0, 4.0, 0.7),
    )


def test_characters_of_whisperx_get_no_spaces_and_keep_their_marks(tmp_path: Path) -> None:
    words = [{"word": "本", "start": 1.0, "end": 1.5}, {"word": "だ", "start": 1.5, "end": 2.0}, {"word": "。"}]
    read = _read(tmp_path, {"start": 1.0, "end": 2.0, "text": "本だ。", "words": words})
    assert [word.text for word in read] == ["本", "だ。"]


def test_a_segment_without_words_is_spread_by_characters(tmp_path: Path) -> None:
    assert _read(tmp_path, {"start": 1, "end": 3, "text": " a bcd"}) == (
        Word(" a", 1.0, 1.5, None, "interpolated"),
        Word(" bcd", 1.5, 3.0, None, "interpolated"),
    )


def test_a_word_without_length_has_no_time_of_its_own(tmp_path: Path) -> None:
    words = [{"word": " a", "start": 1, "end": 2}, {"word": " b", "start": 2, "end": 2}]
    assert _read(tmp_path, {"start": 1, "end": 3, "text": " a b", "words": words})[1].timing == "interpolated"


def test_a_segment_without_its_own_times_takes_those_of_its_words(tmp_path: Path) -> None:
    transcript = read_transcript(_json(tmp_path, {"segments": [{"words": [{"word": "a", "start": 1, "end": 2}]}]}))
    assert (transcript.segments[0].start_s, transcript.segments[0].end_s) == (1.0, 2.0)


def test_a_recording_in_which_nobody_speaks_has_an_empty_transcript(tmp_path: Path) -> None:
    assert read_transcript(_json(tmp_path, {"segments": [], "language": "en"})) == Transcript("en", ())


TEXTS = st.lists(
    st.sampled_from(["one", "2,", "“three”", "—four", "fünf.", "слово", "日本", "です。", "don't", "3.5"]),
    min_size=1,
    max_size=5,
).map(lambda words: split_words(" ".join(words)))


@st.composite
def own_transcripts(draw: st.DrawFn) -> Transcript:
    """What a run may have written: times in milliseconds, segments in order."""
    segments, at_ms = [], draw(st.integers(0, 5000))
    for _ in range(draw(st.integers(0, 3))):
        words = []
        for text in draw(TEXTS):
            length_ms, measured = draw(st.integers(0, 900)), draw(st.booleans())
            timing: Timing = "measured" if measured and length_ms else "interpolated"
            confidence = draw(st.none() | st.integers(0, 10_000).map(lambda part: part / 10_000))
            words.append(Word(text, at_ms / 1000, (at_ms + length_ms) / 1000, confidence, timing))
            at_ms += length_ms + draw(st.integers(0, 300))
        flags = draw(st.sampled_from([(), ("repeated",)]))
        text = "".join(word.text for word in words)
        segments.append(Segment(words[0].start_s, words[-1].end_s, text, tuple(words), flags))
        at_ms += 1
    return Transcript(draw(st.sampled_from(["en", "ja", "und"])), tuple(segments))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(transcript=own_transcripts())
def test_our_own_transcript_is_read_back_as_it_was(tmp_path: Path, transcript: Transcript) -> None:
    written = transcript_json(transcript, [AttributedWord(word, None, None) for word in transcript.words])
    assert read_transcript(_json(tmp_path, written)) == transcript


def test_a_cue_is_read_without_its_marks_and_tags(tmp_path: Path) -> None:
    transcript = read_transcript(_srt(tmp_path, SRT))
    assert [word.text for word in transcript.words] == [" Hello", " there,", " you"]
    assert (transcript.segments[0].start_s, transcript.segments[0].end_s) == (1.0, 3.0)


def test_cues_come_in_order_of_time(tmp_path: Path) -> None:
    later = "1\n00:00:09,000 --> 00:00:10,000\nb\n\n2\n00:00:01,000 --> 00:00:02,000\na\n"
    assert [word.text for word in read_transcript(_srt(tmp_path, later)).words] == [" a", " b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    transcript = read_transcript(_srt(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\nпривет שלום\n".encode(encoding)))
    assert [word.text for word in transcript.words] == [" привет", " שלום"]


@pytest.mark.parametrize(("asked", "language"), [("auto", "und"), ("de", "de")])
def test_the_language_of_a_subtitle_is_the_one_named(tmp_path: Path, asked: str, language: str) -> None:
    assert read_transcript(_srt(tmp_path, SRT), asked).language == language


@pytest.mark.parametrize(("said", "language"), [("en", "en"), ("en-US", "en"), ("english", "de"), (None, "de")])
def test_the_code_in_the_file_comes_first(tmp_path: Path, said: str | None, language: str) -> None:
    assert read_transcript(_json(tmp_path, WHISPER | {"language": said}), "de").language == language


NAN, INFINITY = float("nan"), float("inf")
PLACES = [
    ({"segments": [1]}, r"segments\[0\]: expected an object, got 1"),
    ({"segments": [{"text": " a", "start": NAN}]}, r"segments\[0\]\.start: expected a number, got nan"),
    ({"segments": [{"text": " a", "end": INFINITY}]}, r"segments\[0\]\.end: expected seconds"),
    ({"segments": [{"text": " a", "start": -1}]}, r"segments\[0\]\.start: expected seconds"),
    ({"segments": [{"text": " a", "start": "0"}]}, r"segments\[0\]\.start: expected a number, got '0'"),
    ({"segments": [{"text": " a", "start": True}]}, r"segments\[0\]\.start: expected a number, got True"),
    ({"segments": [{"text": " a"}]}, r"segments\[0\]: has neither start nor end"),
    ({"segments": [{"text": 5, "start": 0, "end": 1}]}, r"segments\[0\]\.text: expected text, got 5"),
    ({"segments": [{"words": {}, "start": 0, "end": 1}]}, r"segments\[0\]\.words: expected a list, got dict"),
    ({"segments": [{"words": [None]}]}, r"segments\[0\]\.words\[0\]: expected an object, got NoneType"),
    ({"segments": [{"words": [{"start": 0}]}]}, r"segments\[0\]\.words\[0\]\.word: expected text"),
    (
        {"segments": [{"words": [{"word": "a", "start": 0, "end": 10**400}]}]},
        r"segments\[0\]\.words\[0\]\.end: expected seconds",
    ),
    ({"segments": [], "language": 7}, r"language: expected a code"),
    ({"segments": [{"text": " …", "start": 0, "end": 1}]}, "holds no words"),
    ({"text": "a"}, 'expected an object with a list "segments"'),
    ([], 'expected an object with a list "segments"'),
    ("{", "is not JSON"),
    ("[" * 100_000, "is not JSON"),
    ("1" * 5_000, "is not JSON"),
]


@pytest.mark.parametrize(("content", "message"), PLACES)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_transcript(_json(tmp_path, content))
    assert caught.value.reason_code == "bad_transcript"
    assert caught.value.path == tmp_path / "a.json"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no words"),
        (b"no subtitles", "holds no words"),
        ("1\n00:00:01,000 --> 00:00:02,000\nгод\n".encode("cp1251"), "is not UTF-8 text at byte 32"),
        (b"1\nsoon --> 00:00:02,000\na\n", "holds no words"),
        (b"1\n5 --> 9\na\n", "line 2: '5 --> 9' holds no times; its cue was left out"),
    ],
)
def test_what_is_wrong_with_a_subtitle_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_transcript(_srt(tmp_path, content))
    assert caught.value.reason_code == "bad_transcript"


def test_halves_of_characters_are_replaced(tmp_path: Path) -> None:
    words = _read(tmp_path, {"text": " a\ud800b\x00c", "start": 0, "end": 1})
    assert [word.text for word in words] == [" a", " b", " c"]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_module, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="at most 100 are read"):
        read_transcript(_json(tmp_path, WHISPER))


@pytest.mark.parametrize("read", [read_transcript, transcript_digest])
def test_a_missing_file_is_a_bad_transcript(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        read(tmp_path / "a.json")
    assert caught.value.reason_code == "bad_transcript"


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(b"abc")
    assert transcript_digest(tmp_path / "a.srt").startswith("ba7816bf")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match=r"ends in \.json or \.srt"):
        read_transcript(tmp_path / "a.txt")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
TIME = st.floats(0, 100) | JSON
WORD = st.fixed_dictionaries({"word": st.text(max_size=6) | JSON}, optional={"start": TIME, "end": TIME, "score": JSON})
SEGMENT = st.fixed_dictionaries(
    {}, optional={"text": st.text(max_size=20), "start": TIME, "end": TIME, "words": st.lists(WORD | JSON, max_size=4)}
)


def _check(path: Path) -> None:
    try:
        transcript = read_transcript(path)
    except InputError as error:
        assert error.reason_code == "bad_transcript"
        return
    for segment in transcript.segments:
        assert segment.words
        assert segment.text == "".join(word.text for word in segment.words)
        ends = [segment.start_s, *(at for word in segment.words for at in (word.start_s, word.end_s)), segment.end_s]
        assert ends == sorted(ends)
        segment.text.encode("utf-8")


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.fixed_dictionaries({"segments": st.lists(SEGMENT | JSON, max_size=4)}) | JSON)
def test_any_json_gives_a_sound_transcript_or_a_refusal(tmp_path: Path, content: Any) -> None:
    _check(_json(tmp_path, json.dumps(content)))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(st.sampled_from(["1", "", "00:00:01,000 --> 00:00:02,500", "00:00:09,0 --> "]) | st.text(max_size=9))
)
def test_any_subtitle_gives_a_sound_transcript_or_a_refusal(tmp_path: Path, lines: list[str]) -> None:
    _check(_srt(tmp_path, "\n".join(lines).encode("utf-8", "replace")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_give_a_refusal_or_a_sound_transcript(tmp_path: Path, content: bytes) -> None:
    _check(_srt(tmp_path, content))


@pytest.mark.parametrize(
    ("marks", "zero"),
    [
        ({}, "sound"),
        ({"fingerprint": "ab"}, "picture"),
        ({"fingerprint": 5}, "sound"),
        ({"time_zero": "first_video_frame"}, "picture"),
        ({"time_zero": "something else", "fingerprint": "ab"}, "sound"),
    ],
)
def test_a_json_file_says_by_its_marks_where_it_counts_from(tmp_path: Path, marks: Any, zero: str) -> None:
    given = read_given(_json(tmp_path, WHISPER | marks))
    assert (given.zero, given.transcript) == (zero, read_transcript(_json(tmp_path, WHISPER)))


def test_subtitles_count_from_the_start_of_the_container(tmp_path: Path) -> None:
    assert read_given(_srt(tmp_path, SRT)).zero == "container"


def test_our_own_transcript_may_begin_before_the_picture(tmp_path: Path) -> None:
    words = (Word(" So", -1.25, -0.5, 0.9), Word(" it", -0.2, 0.3, 0.8), Word(" is.", 0.3, 0.9, timing="interpolated"))
    transcript = Transcript("en", (Segment(-1.25, 0.9, " So it is.", words),))
    given = read_given(_json(tmp_path, transcript_json(transcript)))
    assert (given.zero, given.transcript) == ("picture", transcript)


def test_that_of_a_recogniser_may_not(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"segments\[0\]\.start: expected seconds from 0 to"):
        read_given(_json(tmp_path, {"segments": [{"text": "a", "start": -0.5}]}))

"""Transcripts from outside: a sound transcript that the rest of the pipeline can use, or ``bad_transcript``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.attribution.offscreen import fill_offscreen_words
from pipeline.attribution.sentences import split_sentences
from pipeline.attribution.speakers import attribute_words
from pipeline.clips.plan import plan_clips
from pipeline.errors import InputError
from pipeline.outputs.files import json_text
from pipeline.outputs.subtitles import write_subtitles
from pipeline.outputs.transcript import read_own_transcript, transcript_json, write_transcript
from pipeline.speech import given as module
from pipeline.speech.given import read_transcript
from pipeline.speech.given_times import fitted
from pipeline.speech.repeats import flag_repeats
from pipeline.speech.retiming import retimed
from pipeline.types import AudioTrack, ScoredTracks, Transcript, Word
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated
from tests.fuzz.values import JSON_VALUES, TEXTS, nested, raw_json, with_repeated_keys

pytestmark = pytest.mark.slow

DURATION_S = 20.0

WHISPER = {
    "text": " Ask not what.",
    "language": "en",
    "segments": [
        {
            "id": 0,
            "seek": 0,
            "start": 1.0,
            "end": 2.5,
            "text": " Ask not what.",
            "tokens": [1, 2],
            "words": [
                {"word": " Ask", "start": 1.0, "end": 1.4, "probability": 0.9},
                {"word": " not", "start": 1.4, "end": 1.8, "probability": 0.8},
                {"word": " what.", "start": 1.9, "end": 2.5, "probability": 0.7},
            ],
        },
        {"id": 1, "start": 3.0, "end": 9.5, "text": " Ask 日本 again (yes).", "flags": ["repeated"]},
    ],
}
WHISPERX = {
    "segments": [
        {
            "start": 1.0,
            "end": 4.0,
            "text": " In 1984, yes.",
            "speaker": "SPEAKER_00",
            "words": [
                {"word": "In", "start": 1.0, "end": 1.5, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "1984,"},
                {"word": "yes.", "start": 3.0, "end": 4.0, "score": 0.7},
            ],
        },
        {"start": 1.5, "end": 3.0, "text": "At once!", "words": [{"word": "At"}, {"word": "once!"}]},
    ],
    "word_segments": [],
}
SRT = (
    "1\r\n00:00:01,000 --> 00:00:03,000\r\n<i>Hello</i> {\\an8}there,\r\nyou\r\n\r\n"
    "2\r\n00:00:02,500 --> 00:00:05,000\r\n- Who?\r\n- Me.\r\n\r\n3\r\n00:01:00.5 --> 99:59:59,999\r\n♪ 日本 ♪\r\n"
).encode()

TIMES = st.floats(0, 100) | st.floats(0, 100).map(lambda time_s: round(time_s, 1)) | JSON_VALUES
WORDS = st.fixed_dictionaries(
    {"word": TEXTS | JSON_VALUES},
    optional={"start": TIMES, "end": TIMES, "score": JSON_VALUES, "probability": JSON_VALUES, "timing": TEXTS},
)
SEGMENTS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | JSON_VALUES,
        "start": TIMES,
        "end": TIMES,
        "flags": JSON_VALUES,
        "words": st.lists(WORDS | JSON_VALUES, max_size=4) | JSON_VALUES,
    },
)
TRANSCRIPTS = st.fixed_dictionaries(
    {"segments": st.lists(SEGMENTS | JSON_VALUES, max_size=4) | JSON_VALUES}, optional={"language": JSON_VALUES}
)
"""Objects of the shape that Whisper writes, with anything at all in any place."""

LINES = st.lists(
    st.sampled_from(["1", "", "- ", "{\\an8}", "<i", "<b>a</b>", "♪", "00:00:09,0 --> ", "00:00 --> 00:01"])
    | st.builds("{}:{}:{},{} --> {}:{}:{}.{}".format, *[st.integers(0, 99)] * 8)
    | st.just("00:00:01,000 --> 00:00:02,500")
    | TEXTS
)

NO_FACES = ScoredTracks(
    round(DURATION_S * 25),
    np.zeros(1, np.int32),
    *(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 4), np.float32)),
    *(np.zeros(0, np.float32), np.zeros(0, np.float32)),
)


class Finder:
    """An aligner that finds every other word, at times that are its own invention."""

    def align(self, audio: AudioTrack, texts: Any, start_s: float, end_s: float) -> tuple[Word, ...]:
        middle_s = (start_s + end_s) / 2
        return tuple(
            Word(text, middle_s if place % 2 else start_s, end_s, None, "interpolated" if place % 2 else "measured")
            for place, text in enumerate(texts)
        )


def _check(path: Path, language: str = "auto") -> None:
    try:
        transcript = read_transcript(path, language)
    except InputError as error:
        assert error.reason_code == "bad_transcript" and error.path == path
        str(error).encode("utf-8", "strict")
        return
    for segment in transcript.segments:
        assert segment.words
        assert segment.text == "".join(word.text for word in segment.words)
        assert all(word.text.strip() for word in segment.words)
        ends = [segment.start_s, *(at for word in segment.words for at in (word.start_s, word.end_s)), segment.end_s]
        assert ends == sorted(ends)
    _use(path.parent, transcript)


def _use(folder: Path, transcript: Transcript) -> None:
    """Everything that is done with a transcript where no face is in view."""
    try:
        transcript = fitted(transcript, DURATION_S)
    except InputError as error:
        assert error.reason_code == "bad_transcript"
        return
    audio = AudioTrack(folder / "sound.pcm", round(DURATION_S * 16000))
    for every_word in (False, True):
        again = retimed(transcript.segments, audio, Finder(), every_word=every_word)
        assert [word.text for part in again for word in part.words] == [word.text for word in transcript.words]
        assert all(0 <= word.start_s <= word.end_s <= DURATION_S for part in again for word in part.words)
    flag_repeats(transcript.segments)
    faces = Faces(NO_FACES)
    language = transcript.language
    words = attribute_words(transcript.words, faces, language=language)
    words = fill_offscreen_words(words, faces, language=language, pause_s=0.5)
    assert [spoken.word for spoken in words] == list(transcript.words)
    sentences = split_sentences(words, faces, language=language, pause_s=0.5, max_s=20.0)
    assert [spoken.word for sentence in sentences for spoken in sentence.words] == list(transcript.words)
    assert len(plan_clips(sentences, faces, (640, 360), Config())) == len(sentences)
    write_subtitles(folder, sentences)
    json.loads(json_text(transcript_json(transcript, words)))


def _json(folder: Path, content: bytes) -> Path:
    path = folder / "a.json"
    path.write_bytes(content)
    return path


def _srt(folder: Path, content: bytes) -> Path:
    path = folder / "a.srt"
    path.write_bytes(content)
    return path


@fuzz
@given(content=TRANSCRIPTS, language=st.sampled_from(["auto", "en", "ja", "ar"]))
@example(content={"segments": [{"text": " a", "start": 0, "end": 10**400}]}, language="auto")
def test_anything_in_the_shape_of_whisper(tmp_path: Path, content: Any, language: str) -> None:
    _check(_json(tmp_path, raw_json(content)), language)


@fuzz
@given(content=JSON_VALUES.map(raw_json) | st.binary(max_size=200))
def test_any_json_and_any_bytes(tmp_path: Path, content: bytes) -> None:
    _check(_json(tmp_path, content))
    _check(_srt(tmp_path, content))


@fuzz
@given(valid=st.sampled_from([WHISPER, WHISPERX]), changes=CHANGES)
def test_a_spoiled_file(tmp_path: Path, valid: Any, changes: list[Change]) -> None:
    _check(_json(tmp_path, mutated(json.dumps(valid).encode(), changes)))


@fuzz
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n", "\r"]), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_any_subtitles(tmp_path: Path, lines: list[str], end: str, encoding: str) -> None:
    _check(_srt(tmp_path, end.join(lines).encode(encoding, "replace")))


@fuzz
@given(changes=CHANGES)
def test_spoiled_subtitles(tmp_path: Path, changes: list[Change]) -> None:
    _check(_srt(tmp_path, mutated(SRT, changes)))


@pytest.mark.parametrize("depth", [100, 990, 5_000, 1_000_000])
def test_deep_nesting_is_refused(tmp_path: Path, depth: int) -> None:
    _check(_json(tmp_path, nested(depth)))
    _check(_json(tmp_path, b'{"segments": [{"start": ' + nested(depth) + b"}]}"))


@pytest.mark.parametrize("valid", [WHISPER, WHISPERX])
def test_of_repeated_keys_the_last_holds(tmp_path: Path, valid: Any) -> None:
    once = read_transcript(_json(tmp_path, json.dumps(valid).encode()))
    assert read_transcript(_json(tmp_path, with_repeated_keys(valid))) == once


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """Ten gigabytes, of which the disk holds nothing."""
    for path in (tmp_path / "a.json", tmp_path / "a.srt"):
        with path.open("wb") as file:
            file.truncate(10 * 10**9)
        with pytest.raises(InputError, match="10000000000 bytes; at most") as caught:
            read_transcript(path)
        assert caught.value.reason_code == "bad_transcript"
    assert module.MAX_BYTES < 1 << 30


SLOW_TEXTS = ["<", "{", "< ", "\n", " 1\n", "0", "<a", "< i", "a.", ". ", "\u0301", "\\N", "日", "a" + " " * 50]


@pytest.mark.parametrize("part", SLOW_TEXTS, ids=ascii)
def test_text_that_makes_slow_searches_slow(tmp_path: Path, part: str) -> None:
    """What takes the square of a length would run for days on the largest file, and for minutes on this one."""
    text = part * (100_000 // len(part))
    some = text[:20_000]
    _check(_srt(tmp_path, f"1\n00:00:01,000 --> 00:00:02,000\n{text}\nword\n".encode()))
    word = {"word": text, "start": 1.0, "end": 2.0}
    _check(_json(tmp_path, json.dumps({"segments": [{"start": 1, "end": 2, "text": some}]}).encode()))
    _check(_json(tmp_path, json.dumps({"segments": [{"start": 1, "end": 2, "words": [word]}]}).encode()))


def _many(**segment: Any) -> bytes:
    return json.dumps({"segments": [{**segment, "end": 2.0} for _ in range(20_000)]}).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_many(start=1.0, text=" a"), "20000 words are said at 1.00 s, more than 50 at the same time"),
        (_many(start=1.0, text=" a" * 2), "has 40000 words; at most 30000"),
        (_many(start=1.0, text=" " + "a" * 1001), "a word of 1002 characters"),
    ],
)
def test_more_than_anybody_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(module, "MAX_WORDS", 30_000)
    with pytest.raises(InputError, match=message) as caught:
        read_transcript(_json(tmp_path, content))
    assert caught.value.reason_code == "bad_transcript"


@pytest.mark.parametrize("together", [module.MAX_AT_ONCE, module.MAX_AT_ONCE + 1])
def test_as_many_as_may_speak_at_once(tmp_path: Path, together: int) -> None:
    """Followed by as many others, and with one word that has no length."""
    segments = [{"start": at, "end": at + 1, "text": " a"} for at in (1, 2) for _ in range(together)]
    path = _json(tmp_path, json.dumps({"segments": [*segments, {"start": 1, "end": 1, "text": " b"}]}).encode())
    if together > module.MAX_AT_ONCE:
        with pytest.raises(InputError, match=r"51 words are said at 1\.00 s"):
            read_transcript(path)
    else:
        assert len(read_transcript(path).words) == 2 * together + 1


def test_one_subtitle_with_a_book_in_it_is_refused(tmp_path: Path) -> None:
    path = _srt(tmp_path, SRT + b"4\n00:02:00,000 --> 00:03:00,000\n" + b"word word\n" * 1001)
    with pytest.raises(InputError, match="line 15: the cue has more than 10000 characters"):
        read_transcript(path)


@fuzz
@given(changes=CHANGES)
def test_our_own_transcript_spoiled(tmp_path: Path, changes: list[Change]) -> None:
    path = tmp_path / "transcript.json"
    transcript = read_transcript(_json(tmp_path, json.dumps(WHISPER).encode()))
    write_transcript(path, transcript, None, "ab" * 32)
    path.write_bytes(mutated(path.read_bytes(), changes))
    _check_own(path)


OWN_WORDS = st.fixed_dictionaries(
    {
        "word": TEXTS | JSON_VALUES,
        "start": st.floats(0, 9) | JSON_VALUES,
        "end": st.floats(9, 20) | JSON_VALUES,
        "probability": st.none() | st.floats(0, 1) | JSON_VALUES,
        "timing": st.sampled_from(["measured", "interpolated"]) | JSON_VALUES,
    }
)
OWN_SEGMENTS = st.fixed_dictionaries(
    {
        "start": st.just(0.0) | JSON_VALUES,
        "end": st.just(20.0) | JSON_VALUES,
        "text": TEXTS | JSON_VALUES,
        "words": st.lists(OWN_WORDS, min_size=1, max_size=3) | JSON_VALUES,
        "flags": st.just([]) | JSON_VALUES,
    }
)


@fuzz
@given(
    content=st.fixed_dictionaries(
        {"segments": st.lists(OWN_SEGMENTS, max_size=3) | JSON_VALUES},
        optional={"language": JSON_VALUES, "fingerprint": JSON_VALUES},
    )
)
def test_our_own_transcript_with_anything_in_it(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "transcript.json"
    path.write_bytes(raw_json({"language": "en", "fingerprint": "ab", **content}))
    _check_own(path)


def _check_own(path: Path) -> None:
    try:
        transcript, mark = read_own_transcript(path)
    except InputError as error:
        assert error.reason_code == "bad_transcript"
        return
    assert isinstance(mark, str)
    text = json_text(transcript_json(transcript, None, mark))
    path.write_text(text)
    assert read_own_transcript(path)[1] == mark
    words = attribute_words(transcript.words, Faces(NO_FACES), language=transcript.language)
    sentences = split_sentences(words, Faces(NO_FACES), language=transcript.language, pause_s=0.5, max_s=20.0)
    write_subtitles(path.parent, sentences)

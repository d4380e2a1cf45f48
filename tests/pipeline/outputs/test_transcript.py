"""``transcript.json``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.outputs.transcript import read_own_transcript, transcript_json, write_transcript
from pipeline.types import AttributedWord, Segment, Transcript, Word

HELLO = Word(" Hello", 0.1234567, 0.5, 0.98761)
THERE = Word(" there.", 0.5, 0.9, None, "interpolated")
SHALOM = Word(" שלום", 2.0, 2.5, 0.5)
TRANSCRIPT = Transcript(
    "en",
    (
        Segment(0.1, 0.9, " Hello there.", (HELLO, THERE)),
        Segment(1.0, 1.5, " (music)", ()),
        Segment(2.0, 2.5, " שלום", (SHALOM,), ("repeated",)),
    ),
)
SPOKEN = (
    AttributedWord(HELLO, 3, 1, ((3, 0.91239), (None, 0.08761))),
    AttributedWord(THERE, 3, 1),
    AttributedWord(SHALOM, None, None),
)

SHARES = [{"speaker_track": 3, "probability": 0.9124}, {"speaker_track": None, "probability": 0.0876}]


def _word(text: str, start: float, end: float, probability: float | None, **rest: object) -> dict[str, object]:
    return {"word": text, "start": start, "end": end, "probability": probability, "timing": "measured", **rest}


def test_it_has_whispers_shape_and_speakers() -> None:
    found = transcript_json(TRANSCRIPT, SPOKEN)
    first, music, last = found.pop("segments")
    assert found == {
        "text": " Hello there. (music) שלום",
        "language": "en",
        "language_probability": None,
        "time_zero": "first_video_frame",
        "sound_track": 0,
        "notes": [],
        "fingerprint": "",
    }
    assert first == {
        "id": 0,
        "start": 0.1,
        "end": 0.9,
        "text": " Hello there.",
        "flags": [],
        "words": [
            _word(" Hello", 0.123, 0.5, 0.9876, speaker=1, speaker_track=3, speaker_probabilities=SHARES),
            _word(
                " there.", 0.5, 0.9, None, speaker=1, speaker_track=3, timing="interpolated", speaker_probabilities=[]
            ),
        ],
    }
    assert music == {"id": 1, "start": 1.0, "end": 1.5, "text": " (music)", "flags": [], "words": []}
    assert last["flags"] == ["repeated"]
    assert last["words"] == [_word(" שלום", 2.0, 2.5, 0.5, speaker=None, speaker_track=None, speaker_probabilities=[])]


def test_it_is_written_as_json(tmp_path: Path) -> None:
    write_transcript(tmp_path / "transcript.json", TRANSCRIPT, SPOKEN)
    assert json.loads((tmp_path / "transcript.json").read_bytes()) == transcript_json(TRANSCRIPT, SPOKEN)


def test_whispers_own_writer_reads_it(tmp_path: Path) -> None:
    utils = pytest.importorskip("whisper.utils")
    utils.get_writer("srt", str(tmp_path))(transcript_json(TRANSCRIPT, SPOKEN), "talk.wav")
    assert "00:00:00,123 --> 00:00:00,900\nHello there." in (tmp_path / "talk.srt").read_text()


def test_words_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 3 words, got 2"):
        transcript_json(TRANSCRIPT, SPOKEN[:2])


def test_before_anybody_knows_who_speaks_nothing_is_said_about_it() -> None:
    words = transcript_json(TRANSCRIPT)["segments"][0]["words"]
    assert words[0] == _word(" Hello", 0.123, 0.5, 0.9876)


@pytest.mark.parametrize("attributed", [None, SPOKEN])
def test_it_comes_back_to_the_millisecond(tmp_path: Path, attributed: tuple[AttributedWord, ...] | None) -> None:
    write_transcript(tmp_path / "t.json", TRANSCRIPT, attributed, "ab")
    back, mark = read_own_transcript(tmp_path / "t.json")
    assert mark == "ab" and back.language == "en"
    assert [segment.flags for segment in back.segments] == [(), (), ("repeated",)]
    assert back.words[0] == Word(" Hello", 0.123, 0.5, 0.9876)
    assert back.words[1:] == (THERE, SHALOM)
    heard = dataclasses.replace(back, notes=("sound track 2 of 3 was used",), sound_track=2, language_probability=0.75)
    write_transcript(tmp_path / "heard.json", heard, None, "ab")
    assert read_own_transcript(tmp_path / "heard.json") == (heard, "ab")
    write_transcript(tmp_path / "again.json", back, None, "ab")
    assert read_own_transcript(tmp_path / "again.json") == (back, "ab")


@pytest.mark.parametrize("share", [1.5, -0.1, "0.5", True, float("nan")])
def test_a_probability_of_the_language_that_is_none_is_refused(tmp_path: Path, share: object) -> None:
    content = transcript_json(TRANSCRIPT) | {"language_probability": share}
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="is no transcript of this program"):
        read_own_transcript(tmp_path / "t.json")


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"segments": [], "language": "en"}', b"{" * 100_000, b"\xff"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_own_transcript(tmp_path / "t.json")
    assert caught.value.reason_code == "bad_transcript"

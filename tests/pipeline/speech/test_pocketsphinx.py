from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.speech.pocketsphinx import SphinxTranscriber, load_pocketsphinx
from pipeline.speech.regions import find_speech, load_detector
from pipeline.types import AudioTrack, Transcript

pytestmark = pytest.mark.slow

MakeTrack = Callable[[np.ndarray], AudioTrack]


@pytest.fixture(scope="module")
def transcriber() -> SphinxTranscriber:
    return load_pocketsphinx()


@pytest.fixture(scope="module")
def said(
    transcriber: SphinxTranscriber, jfk: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AudioTrack, Transcript, list[float]]:
    """A second of silence and eight of speech, its words, and the progress told."""
    path = tmp_path_factory.mktemp("sound") / "said.raw"
    samples = np.concatenate([np.zeros(16_000, np.int16), jfk[: 8 * 16_000]])
    samples.tofile(path)
    told: list[float] = []
    audio = AudioTrack(path, len(samples))
    return audio, transcriber.transcribe(audio, told.append), told


def test_plain_speech_is_recognised(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    assert " my fellow americans" in said[1].segments[0].text


def test_words_follow_the_convention_of_whisper(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    assert all(word.text[0] == " " and word.text[1:].replace("'", "").isalpha() for word in said[1].words)
    assert all(segment.text == "".join(word.text for word in segment.words) for segment in said[1].segments)


def test_every_word_lies_where_speech_was_found(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    spans_s = find_speech(load_detector(), said[0]) / 16_000
    for segment in said[1].segments:
        assert any(a <= segment.start_s and segment.end_s <= b for a, b in spans_s)


def test_words_are_ordered(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    flat = np.array([(word.start_s, word.end_s) for word in said[1].words]).ravel()
    assert (np.diff(flat) >= 0).all()


def test_confidence_is_a_probability(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    confidences = [word.confidence for word in said[1].words]
    assert all(confidence is not None and 0 < confidence <= 1 for confidence in confidences)
    assert len(set(confidences)) > 1


def test_progress_never_falls_and_ends_with_the_recording(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    assert said[2] == sorted(said[2])
    assert said[2][-1] == said[0].duration_s


def test_a_recording_gives_the_same_words_whatever_was_heard_before(
    transcriber: SphinxTranscriber,
    shared: Path,
    read_sound: Callable[[Path], np.ndarray],
    make_track: MakeTrack,
) -> None:
    first, second = (
        make_track(read_sound(shared / "videos" / "grid" / name)) for name in ("s1_bbaf2n.mpg", "s1_lbbk6p.mpg")
    )
    before = transcriber.transcribe(first, lambda _: None)
    transcriber.transcribe(second, lambda _: None)
    assert transcriber.transcribe(first, lambda _: None) == before


def test_silence_gives_no_words(transcriber: SphinxTranscriber, make_track: MakeTrack) -> None:
    assert transcriber.transcribe(make_track(np.zeros(48_000)), lambda _: None) == Transcript("en", ())


def test_another_language_is_refused() -> None:
    with pytest.raises(InputError, match="knows English only") as caught:
        load_pocketsphinx("ja")
    assert caught.value.reason_code == "bad_setting"

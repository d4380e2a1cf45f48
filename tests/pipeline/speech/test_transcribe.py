from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from whisper.decoding import DecodingResult
from whisper.model import Whisper
from whisper.tokenizer import LANGUAGES

from pipeline.errors import InputError
from pipeline.speech import transcribe, whisper_steps
from pipeline.speech.packing import PackedWindow
from pipeline.speech.regions import find_speech, load_detector
from pipeline.speech.transcribe import (
    PAUSE_S,
    RULES,
    WhisperTranscriber,
    checked_language,
    load_whisper,
    segments_of,
)
from pipeline.speech.whisper_decoding import DecodingRules, EncodedWindows
from pipeline.speech.whisper_file import load_model
from pipeline.speech.whisper_steps import SoundState
from pipeline.speech.whisper_words import HeardSegment, HeardWord
from pipeline.types import AudioTrack, Transcript

MakeTrack = Callable[[np.ndarray], AudioTrack]
MakeCheckpoint = Callable[..., Path]


def _load(path: Path, language: str = "en", temperatures: tuple[float, ...] = (0.0,)) -> WhisperTranscriber:
    return load_whisper(path, "cpu", language, temperatures=temperatures, sample_len=8)


def _raw(words: list[tuple[str, float, float]], start: float, end: float, **changed: Any) -> HeardSegment:
    """A segment with times from the beginning of its window."""
    listed = tuple(HeardWord(word, first, last, 0.5) for word, first, last in words)
    heard = HeardSegment(start, end, "".join(word for word, *_ in words), 1.0, words=listed)
    return dataclasses.replace(heard, **changed)


def _times(transcript: Transcript) -> list[tuple[float, float]]:
    return [(word.start_s, word.end_s) for word in transcript.words]


def _window(*pieces_s: tuple[float, float]) -> PackedWindow:
    return PackedWindow(tuple((round(start * 16_000), round(end * 16_000)) for start, end in pieces_s))


def test_times_are_those_of_the_recording() -> None:
    segment = segments_of([_raw([(" one", 0.5, 1.0), (" two", 1.0, 1.5)], 0.5, 1.5)], _window((60, 90)))[0]
    assert [(word.text, word.start_s, word.end_s) for word in segment.words] == [
        (" one", 60.5, 61.0),
        (" two", 61.0, 61.5),
    ]


def test_times_behind_a_pause_that_was_left_out_are_those_of_the_recording() -> None:
    raw = [_raw([(" one", 0.5, 1.0), (" two", 2.5, 3.0)], 0.5, 3.0), _raw([(" three", 3.0, 3.5)], 3.0, 3.5)]
    segments = segments_of(raw, _window((10, 12), (20, 22)))
    assert [(segment.start_s, segment.end_s) for segment in segments] == [(10.5, 21.0), (21.0, 21.5)]
    assert (segments[0].words[1].start_s, segments[0].words[1].end_s) == (20.5, 21.0)


def test_a_word_stays_inside_its_window() -> None:
    segments = segments_of([_raw([(" one", -0.02, 1.0), (" two", 1.0, 31.0)], 0.0, 31.0)], _window((60, 90)))
    assert [(word.start_s, word.end_s) for word in segments[0].words] == [(60.0, 61.0), (61.0, 90.0)]


def test_a_segment_never_begins_before_the_last_one_ends() -> None:
    raw = [_raw([(" one", 0.0, 2.0)], 0.0, 2.0), _raw([(" two", 1.5, 3.0)], 1.5, 3.0)]
    assert [(part.start_s, part.end_s) for part in segments_of(raw, _window((0, 9)))] == [(0, 2), (2, 3)]


def test_a_word_without_length_is_interpolated_and_marked() -> None:
    raw = [_raw([(" in", 0.0, 1.0), (" 1984", 1.0, 1.0), (" there", 2.0, 3.0)], 0.0, 3.0)]
    number = segments_of(raw, _window((0, 9)))[0].words[1]
    assert (number.start_s, number.end_s, number.timing) == (1.0, 2.0, "interpolated")


def test_a_word_without_length_is_never_put_into_a_pause_that_was_left_out() -> None:
    raw = [_raw([(" in", 0.0, 1.0), (" 1984", 1.0, 1.0), (" there", 2.0, 3.0)], 0.0, 3.0)]
    number = segments_of(raw, _window((0, 1.75), (50, 52)))[0].words[1]
    assert (number.start_s, number.end_s) == (1.0, 1.75)


def test_a_segment_whose_words_have_no_times_keeps_them() -> None:
    raw = [_raw([], 1.0, 3.0, text=" one two")]
    words = segments_of(raw, _window((0, 9)))[0].words
    assert [(word.text, word.start_s, word.end_s, word.timing) for word in words] == [
        (" one", 1.0, 2.0, "interpolated"),
        (" two", 2.0, 3.0, "interpolated"),
    ]


def test_a_segment_without_words_is_left_out() -> None:
    silent = [_raw([], 1.0, 3.0, text=""), _raw([(" ♪", 3.0, 4.0)], 3.0, 4.0)]
    assert segments_of(silent, _window((0, 9))) == []


def test_a_mark_is_no_word_by_itself() -> None:
    raw = [_raw([(" yes", 0.0, 1.0), (" -", 1.0, 1.2), (" no", 1.2, 2.0)], 0.0, 2.0)]
    assert [word.text for word in segments_of(raw, _window((0, 9)))[0].words] == [" yes", " - no"]


def test_text_that_compresses_too_well_is_flagged() -> None:
    raw = [_raw([(" one", 0.0, 1.0)], 0.0, 1.0, compression_ratio=2.5)]
    assert segments_of(raw, _window((0, 9)))[0].flags == ("repeated",)


@pytest.mark.parametrize(
    ("language", "multilingual", "count", "expected"),
    [("auto", True, 99, None), ("auto", False, 99, "en"), ("ja", True, 99, "ja"), ("yue", True, 100, "yue")],
)
def test_a_language_that_the_model_knows_is_passed_on(
    language: str, multilingual: bool, count: int, expected: str | None
) -> None:
    assert checked_language(language, multilingual, count) == expected


@pytest.mark.parametrize(
    ("language", "multilingual", "count"), [("ja", False, 99), ("xx", True, 99), ("yue", True, 99)]
)
def test_a_language_that_the_model_does_not_know_is_refused(language: str, multilingual: bool, count: int) -> None:
    with pytest.raises(InputError) as caught:
        checked_language(language, multilingual, count)
    assert caught.value.reason_code == "bad_setting"


def test_half_precision_is_refused_on_a_cpu(make_checkpoint: MakeCheckpoint) -> None:
    with pytest.raises(InputError, match="CUDA only"):
        load_whisper(make_checkpoint(), "cpu", precision="half")


@pytest.fixture(scope="module")
def said(
    jfk: np.ndarray, tmp_path_factory: pytest.TempPathFactory, write_checkpoint: Callable[..., Path]
) -> tuple[AudioTrack, Transcript, list[float]]:
    """Eleven seconds of speech with silence before them and in their middle, the words, and the progress told."""
    folder, silence = tmp_path_factory.mktemp("sound"), np.zeros(5 * 16_000, np.int16)
    samples = np.concatenate([silence, jfk[: 5 * 16_000], silence, jfk[5 * 16_000 :]])
    samples.tofile(folder / "said.raw")
    audio, told = AudioTrack(folder / "said.raw", len(samples)), []
    return audio, _load(write_checkpoint(folder / "tiny.pt")).transcribe(audio, told.append), told


@pytest.mark.slow
def test_every_word_lies_where_speech_was_found(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    audio, transcript, _ = said
    spans_s = find_speech(load_detector(), audio, RULES) / 16_000
    halves_s = [(spans_s[0, 0], 10.0), (10.0, spans_s[-1, 1])]
    held = [sum(a <= start and end <= b for start, end in _times(transcript)) for a, b in halves_s]
    assert min(held) > 0
    assert sum(held) == len(transcript.words)
    pauses_s = [(a, b) for a, b in zip(spans_s[:-1, 1], spans_s[1:, 0], strict=True) if b - a > PAUSE_S]
    assert pauses_s
    assert not any(start < b and end > a for start, end in _times(transcript) for a, b in pauses_s)


@pytest.mark.slow
def test_words_are_ordered_across_the_whole_recording(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    flat = np.array(_times(said[1])).ravel()
    assert len(flat) > 4
    assert (np.diff(flat) >= 0).all()


@pytest.mark.slow
def test_progress_never_falls_and_ends_with_the_recording(said: tuple[AudioTrack, Transcript, list[float]]) -> None:
    audio, _, told = said
    assert told == sorted(told)
    assert told[-1] == audio.duration_s


@pytest.mark.slow
def test_a_recording_that_fills_several_windows_keeps_what_is_said_in_each(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    phrase, silence = jfk[5 * 16_000 : 8 * 16_000], np.zeros(3 * 16_000)
    audio = make_track(np.concatenate([part for _ in range(12) for part in (phrase, silence)]))
    starts_s = [start for start, _ in _times(_load(make_checkpoint()).transcribe(audio, lambda _: None))]
    assert min(starts_s) < 30 and max(starts_s) > 60


@pytest.mark.slow
def test_a_language_is_told_by_the_first_window_that_holds_enough_or_by_the_fullest(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard_s = []

    def features_of(model: Whisper, dtype: torch.dtype, windows: Sequence[SoundState]) -> torch.Tensor:
        heard_s.append([window.frame_count / 100 for window in windows])
        return whisper_steps.features_of(model, dtype, windows)

    monkeypatch.setattr(transcribe, "features_of", features_of)
    transcriber = _load(make_checkpoint(), "auto")
    transcriber.transcribe(make_track(jfk), lambda _: None)
    silence = np.zeros(3 * 16_000)
    transcriber.transcribe(make_track(np.concatenate([*[jfk, silence] * 3, jfk[: 3 * 16_000]])), lambda _: None)
    assert 9 < heard_s[0][0] <= 11
    assert 18 < heard_s[1][0] <= 30


@pytest.mark.slow
def test_silence_gives_no_words(make_track: MakeTrack, make_checkpoint: MakeCheckpoint) -> None:
    audio = make_track(np.zeros(3 * 16_000))
    assert _load(make_checkpoint(), "ja").transcribe(audio, lambda _: None) == Transcript("ja", ())


@pytest.mark.slow
def test_silence_in_no_known_language_is_undetermined(make_track: MakeTrack, make_checkpoint: MakeCheckpoint) -> None:
    audio = make_track(np.zeros(3 * 16_000))
    assert _load(make_checkpoint(), "auto").transcribe(audio, lambda _: None).language == "und"


@pytest.mark.slow
def test_a_language_is_detected_when_none_is_named(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcriber, audio = _load(make_checkpoint(), "auto"), make_track(jfk[: 3 * 16_000])
    transcript = transcriber.transcribe(audio, lambda _: None)
    assert transcript.language in LANGUAGES
    assert 0 < (transcript.language_probability or 0) < 1
    shares = {"en": 0.1, "ur": 0.4, "hi": 0.5}
    monkeypatch.setattr(transcriber.model, "detect_language", lambda features: (None, shares))
    close = transcriber.transcribe(audio, lambda _: None)
    assert (close.language, close.language_probability) == ("hi", 0.5)
    assert "ur is close" in close.notes[0]


@pytest.mark.slow
def test_a_language_that_is_named_has_no_probability(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    transcript = _load(make_checkpoint(), "de").transcribe(make_track(jfk[: 3 * 16_000]), lambda _: None)
    assert (transcript.language, transcript.language_probability, transcript.notes) == ("de", None, ())


@pytest.mark.slow
def test_an_english_model_detects_english(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    path = make_checkpoint(n_vocab=51864)
    assert _load(path, "auto").transcribe(make_track(jfk[: 3 * 16_000]), lambda _: None).language == "en"


@pytest.mark.slow
def test_sampling_gives_the_same_words_every_time(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    transcriber, audio = _load(make_checkpoint(), temperatures=(1.0,)), make_track(jfk[: 3 * 16_000])
    assert transcriber.transcribe(audio, lambda _: None) == transcriber.transcribe(audio, lambda _: None)


@pytest.mark.slow
def test_sampling_leaves_the_random_numbers_of_others_alone(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    transcriber = _load(make_checkpoint(), temperatures=(1.0,))
    before = torch.get_rng_state()
    transcriber.transcribe(make_track(jfk[: 3 * 16_000]), lambda _: None)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_a_loop_of_the_model_is_flagged(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    path = make_checkpoint(seed=4, std=1.0)  # repeats one word through every stretch of sound
    transcript = _load(path).transcribe(make_track(jfk), lambda _: None)
    assert len(transcript.segments) > 1
    assert all("repeated" in segment.flags for segment in transcript.segments)


@pytest.mark.slow
def test_a_batch_that_was_halved_is_noted(
    jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = whisper_steps.decode

    def too_large(model: Whisper, windows: EncodedWindows, rules: DecodingRules) -> list[DecodingResult]:
        if len(windows.features) > 1:
            raise torch.OutOfMemoryError("no memory")
        return decode(model, windows, rules)

    monkeypatch.setattr(whisper_steps, "decode", too_large)
    audio = make_track(np.concatenate([part for _ in range(12) for part in (jfk[: 3 * 16_000], np.zeros(48_000))]))
    transcriber = _load(make_checkpoint())
    assert transcriber.transcribe(audio, lambda _: None).notes == (
        "the device ran out of memory: the batch of Whisper was halved 1 time",
    )
    assert transcriber.transcribe(audio, lambda _: None).notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_words_are_found_in_formats_of_two_bytes(
    dtype: torch.dtype, jfk: np.ndarray, make_track: MakeTrack, make_checkpoint: MakeCheckpoint
) -> None:
    model = load_model(make_checkpoint(), "cpu")
    transcriber = WhisperTranscriber(model, load_detector(), None, dtype, (0.0, 1.0), 8)
    flat = np.array(_times(transcriber.transcribe(make_track(jfk[: 3 * 16_000]), lambda _: None))).ravel()
    assert len(flat)
    assert (np.diff(flat) >= 0).all()

"""Whisper: speech is found first, and only speech is passed to it.

Regions of speech are packed into windows of 30 s or less: Whisper always computes 30 s. Every window is transcribed by
itself. Pauses between regions are heard only where they are short, and no window is given the words before: a loop
cannot be carried on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from whisper.audio import N_SAMPLES
from whisper.model import Whisper
from whisper.tokenizer import LANGUAGES

from pipeline.errors import InputError
from pipeline.speech.common import UNKNOWN_LANGUAGE, Precision
from pipeline.speech.doubts import flag_unlikely
from pipeline.speech.lag import lag_of
from pipeline.speech.language import SpokenLanguage, most_probable
from pipeline.speech.packing import PackedWindow, pack
from pipeline.speech.regions import STEP, RegionRules, load_detector, regions, speech_in, speech_scores
from pipeline.speech.repeats import REPEATED, flag_repeats, with_flag
from pipeline.speech.speech_edges import segments_in_speech
from pipeline.speech.whisper_decoding import COMPRESSION_LIMIT, TEMPERATURES, DecodingRules, with_weights_in
from pipeline.speech.whisper_file import load_model
from pipeline.speech.whisper_steps import SoundState, begin, features_of, transcribe
from pipeline.speech.whisper_words import HeardSegment
from pipeline.speech.words import attach_marks, place_words, split_words
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Segment, Transcript, Word
from talknet.batches import Batches

PAUSE_S = 2.0
"""Longest pause that is heard, as in faster-whisper: words keep their context, and so little silence starts no
invention."""

RULES = RegionRules(longest_s=N_SAMPLES / AUDIO_RATE_HZ)
"""Rules with regions no longer than a window."""

_ENOUGH_S = 15.0
"""Least sound of a window by which the language is detected, if there is one that holds so much."""

CPU_BATCH, CUDA_BATCH = 8, 16
"""Windows that are decoded at once; on two cores `benchmarks.speech` finds no more speed in 16 than in 8."""

CPU_CACHE_BYTES = 512 << 20
"""Memory of a CPU for the keys and values of the sound of these windows: of large models one window has as much."""


class WhisperTranscriber:
    """Loaded Whisper model with its speech detector.

    Args:
        model: the network, on its device.
        detector: result of `pipeline.speech.regions.load_detector`.
        language: a code that the model knows; None to detect it once for each recording.
        dtype: number format of the computation, in which the weights are stored, too.
        temperatures: sampling temperatures, tried in this order; the sampling is seeded, so that the same sound gives
            the same words.
        sample_len: greatest number of tokens in 30 s; None for Whisper's own, half of its context.
        rules: rules that tell speech from silence; regions must not be longer than 30 s.
        batch: windows that are decoded at once; None for the best number on the device.
    """

    def __init__(
        self,
        model: Whisper,
        detector: torch.jit.ScriptModule,
        language: str | None,
        dtype: torch.dtype = torch.float32,
        temperatures: Sequence[float] = TEMPERATURES,
        sample_len: int | None = None,
        rules: RegionRules | None = None,
        batch: int | None = None,
    ) -> None:
        self.model = model if dtype == torch.float32 else with_weights_in(model, dtype)
        self._lag_s = lag_of(model)
        self._detector = detector
        self._named = language
        self._temperatures = tuple(temperatures)
        self._sample_len = sample_len
        self._rules = rules or RULES
        self._dtype = dtype
        self._batch = batch or default_batch(model, dtype)
        self._batches = Batches(windows=self._batch)

    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        """Recognise the words of one recording; see `pipeline.speech.Transcriber`.

        A language to be detected is detected once, on the first window that holds 15 s of sound or else on the
        fullest, and kept for the whole recording. Segments that look like a loop of the model carry the flag
        ``repeated``. Words to which Whisper gives no length are marked ``interpolated``. The lag of
        their times is taken away as far as it is known, and words at the edges of speech are fitted to it.
        """
        scores = speech_scores(self._detector, audio)
        spans = regions(scores, audio.sample_count, self._rules)
        windows, halved = pack(spans, N_SAMPLES, round(PAUSE_S * AUDIO_RATE_HZ)), self._batches.reductions
        if not windows:
            on_progress(audio.duration_s)
            return Transcript(self._named or UNKNOWN_LANGUAGE, ())
        with torch.inference_mode():
            sounds = (self._begin(audio, spans, windows, number) for number in range(len(windows)))
            language = SpokenLanguage(self._named or UNKNOWN_LANGUAGE)
            if self._named is None:
                told_by = self._begin(audio, spans, windows, _telling(windows))
                features = features_of(self.model, self._dtype, [told_by])[0]
                known, language = dataclasses.replace(told_by, features=features), self._detected(features)
                sounds = (known if each.sound == known.sound else each for each in sounds)
            heard = transcribe(
                self.model,
                self._dtype,
                DecodingRules(language.code, self._temperatures, self._sample_len),
                sounds,
                self._batches,
                self._batch,
                lambda number: on_progress(windows[number].start_s),
            )
            done = {each.sound: each.segments for each in heard}
        segments: list[Segment] = []
        for number, window in enumerate(windows):
            segments.extend(segments_of(done[number], window))
        speech_s = speech_in(scores, audio.sample_count, self._rules) / AUDIO_RATE_HZ
        on_progress(audio.duration_s)
        notes = (*language.notes, *self._notes(halved))
        doubted = flag_unlikely(segments, scores, STEP / AUDIO_RATE_HZ)
        flagged = flag_repeats(segments_in_speech(doubted, speech_s, self._lag_s, audio.duration_s))
        return Transcript(language.code, flagged, notes, language_probability=language.probability)

    def _begin(self, audio: AudioTrack, spans: np.ndarray, windows: Sequence[PackedWindow], number: int) -> SoundState:
        window = windows[number]
        sound = np.concatenate([audio.read(start, end) for start, end in window.pieces]).astype(np.float32) / 32768
        return begin(self.model, number, sound, window.speech_s(spans))

    def _detected(self, features: Tensor) -> SpokenLanguage:
        """Return the most probable language of a window."""
        found: Any = self.model.detect_language(features)
        return most_probable(found[1])

    def _notes(self, halved: int) -> tuple[str, ...]:
        """Return notes where the device ran out of memory since *halved* was counted."""
        count = self._batches.reductions - halved
        if not count:
            return ()
        return (f"the device ran out of memory: the batch of Whisper was halved {count} time{'s' * (count > 1)}",)


def _telling(windows: Sequence[PackedWindow]) -> int:
    """Return the number of the window by which the language is detected."""
    full = (number for number, window in enumerate(windows) if window.sample_count >= _ENOUGH_S * AUDIO_RATE_HZ)
    return next(full, max(range(len(windows)), key=lambda number: windows[number].sample_count))


def load_whisper(
    weights: Path,
    device: str,
    language: str = "auto",
    precision: Precision = "auto",
    temperatures: Sequence[float] = TEMPERATURES,
    sample_len: int | None = None,
    batch: int | None = None,
) -> WhisperTranscriber:
    """Load a checkpoint of the official format and the speech detector; see `pipeline.speech.load_transcriber`.

    Raises:
        WeightsError: those of `pipeline.speech.whisper_file.load_model`.
        InputError: ``bad_setting`` when the model does not know *language*, or half precision is asked for on a CPU.
    """
    on_cuda = torch.device(device).type == "cuda"
    if precision == "half" and not on_cuda:
        raise InputError("bad_setting", f"Whisper computes in half precision on CUDA only, not on {device}")
    model = load_model(weights, device)
    spoken = checked_language(language, model.is_multilingual, model.num_languages)
    dtype = torch.float16 if on_cuda and precision != "full" else torch.float32
    return WhisperTranscriber(model, load_detector(), spoken, dtype, tuple(temperatures), sample_len, batch=batch)


def default_batch(model: Whisper, dtype: torch.dtype) -> int:
    """Return the default number of windows to decode at once: on a CPU no more than large models have memory for."""
    if model.device.type == "cuda":
        return CUDA_BATCH
    dims = model.dims
    window_bytes = 2 * dims.n_text_layer * dims.n_audio_ctx * dims.n_text_state * dtype.itemsize
    return min(max(CPU_CACHE_BYTES // window_bytes, 1), CPU_BATCH)


def checked_language(language: str, multilingual: bool, language_count: int) -> str | None:
    """Return the code to pass to Whisper for a setting: None where the model is to detect the language.

    Args:
        language: ISO 639-1 code or ``auto``.
        multilingual: True where the model knows more than English.
        language_count: number of Whisper's languages that it knows; older models lack the last ones of the list.

    Raises:
        InputError: ``bad_setting`` when the model does not know it.
    """
    known = list(LANGUAGES)[:language_count] if multilingual else ["en"]
    if language == "auto":
        return None if multilingual else "en"
    if language in known:
        return language
    if not multilingual:
        raise InputError(
            "bad_setting",
            f"this Whisper model knows English only, not {language!r}. Choose one without .en in its name",
        )
    raise InputError(
        "bad_setting", f"this Whisper model does not know the language {language!r}. It knows: {', '.join(known)}"
    )


def segments_of(heard: Sequence[HeardSegment], window: PackedWindow) -> list[Segment]:
    """Convert Whisper's segments of one window: times of the recording, in order, inside the window's pieces.

    Args:
        heard: segments with times from the beginning of the window.
        window: places of its sound in the recording.
    """
    segments: list[Segment] = []
    low_s, length_s = 0.0, window.sample_count / AUDIO_RATE_HZ
    for part in heard:
        texts, times_s, confidences = _timed_words(part)
        if not texts:
            continue
        own_s = np.array([[part.start_s, part.end_s]])
        reach_s = np.clip(np.concatenate([own_s, times_s[~np.isnan(times_s).any(axis=1)]]), low_s, length_s)
        placed, measured = place_words(texts, times_s, float(reach_s.min()), float(reach_s.max()))
        low_s = float(placed[-1, 1])
        said_s = window.on_recording(placed)
        words = tuple(
            Word(text, float(first), float(last), confidence, "measured" if had_time else "interpolated")
            for text, (first, last), confidence, had_time in zip(texts, said_s, confidences, measured, strict=True)
        )
        segment = Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words)
        if part.compression_ratio > COMPRESSION_LIMIT:
            segment = with_flag(segment, REPEATED)
        segments.append(segment)
    return segments


def _timed_words(part: HeardSegment) -> tuple[list[str], np.ndarray, list[float | None]]:
    """Return texts, (N, 2) times and confidences of one segment; NaN for a word that got no length.

    Whisper's alignment may give a word no frame at all: such a word has no time of its own. Where it gives a segment
    no words, its text is split, and no word has a time.
    """
    kept = attach_marks([word.text for word in part.words])
    if not kept:
        texts = list(split_words(part.text))
        return texts, np.full((len(texts), 2), np.nan), [None] * len(texts)
    times_s = np.array([[part.words[index].start_s, part.words[index].end_s] for _, index in kept], np.float64)
    times_s[times_s[:, 1] <= times_s[:, 0]] = np.nan
    confidences: list[float | None] = [min(max(float(part.words[index].probability), 0.0), 1.0) for _, index in kept]
    return [text for text, _ in kept], times_s, confidences

"""Whisper: speech is found first, and only speech is passed to it.

Regions of speech are joined into windows across pauses that are too short to make Whisper invent words, and every
window is transcribed by itself. A window is one unbroken piece of the recording: its times are shifted by where it
starts, and nothing else has to be mapped back. What lies between windows is never heard, and no window, nor any 30 s
inside one, is told what was said before: a loop cannot be carried on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.model import Whisper
from whisper.tokenizer import LANGUAGES

from pipeline.errors import InputError
from pipeline.speech.common import UNKNOWN_LANGUAGE, Precision
from pipeline.speech.regions import RegionRules, find_speech, load_detector, windows
from pipeline.speech.repeats import REPEATED, flag_repeats, with_flag
from pipeline.speech.whisper_decoding import COMPRESSION_LIMIT, TEMPERATURES, DecodingRules
from pipeline.speech.whisper_file import load_model
from pipeline.speech.whisper_steps import begin, transcribe
from pipeline.speech.whisper_words import HeardSegment
from pipeline.speech.words import attach_marks, place_words, split_words
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Segment, Transcript, Word
from talknet.batches import Batches

WINDOW_S = 120.0
"""Greatest length of a window: long enough that nearly every cut falls into a real pause, short enough that memory
stays small and progress is told often."""

PAUSE_S = 2.0
"""Longest pause inside a window, as in faster-whisper: words keep their context, and so little silence starts no
invention."""

CPU_BATCH, CUDA_BATCH = 8, 16
"""Windows that are decoded at once."""


class WhisperTranscriber:
    """A loaded Whisper model with its speech detector.

    Args:
        model: the network, on its device.
        detector: as of `pipeline.speech.regions.load_detector`.
        language: a code that the model knows; None to detect it once for each recording.
        half: compute in float16; CUDA only.
        temperatures: sampling temperatures, tried in this order; the sampling is seeded, so that the same sound gives
            the same words.
        sample_len: greatest number of tokens in 30 s; None for Whisper's own, half of its context.
        rules: how speech is told from silence.
    """

    def __init__(
        self,
        model: Whisper,
        detector: torch.jit.ScriptModule,
        language: str | None,
        half: bool = False,
        temperatures: Sequence[float] = TEMPERATURES,
        sample_len: int | None = None,
        rules: RegionRules | None = None,
    ) -> None:
        self._model = model
        self._detector = detector
        self._language = language
        self._temperatures = tuple(temperatures)
        self._sample_len = sample_len
        self._rules = rules or RegionRules()
        self._dtype = torch.float16 if half else torch.float32
        self._batch = CUDA_BATCH if model.device.type == "cuda" else CPU_BATCH
        self._batches = Batches(windows=self._batch)

    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        """The words of one recording; see `pipeline.speech.Transcriber`.

        A language to be detected is detected once, on the first 30 s of speech, and kept for the whole recording.
        Segments that look like a loop of the model carry the flag ``repeated``. Words to which Whisper gives no
        length are marked ``interpolated``.
        """
        spans = find_speech(self._detector, audio, self._rules)
        if not len(spans):
            on_progress(audio.duration_s)
            return Transcript(self._language or UNKNOWN_LANGUAGE, ())
        found = windows(spans, WINDOW_S, PAUSE_S).tolist()
        sounds = (begin(self._model, number, _float_sound(audio, *span)) for number, span in enumerate(found))
        language, halved = self._language, self._batches.reductions
        with torch.inference_mode():
            if language is None:
                language = self._detect_language(audio, spans)
            rules = DecodingRules(language, self._temperatures, self._sample_len)
            heard = transcribe(
                self._model,
                self._dtype,
                rules,
                sounds,
                self._batches,
                self._batch,
                lambda number: on_progress(found[number][0] / AUDIO_RATE_HZ),
            )
            done = {each.sound: each.segments for each in heard}
        segments: list[Segment] = []
        for number, (start, end) in enumerate(found):
            segments.extend(segments_of_window(done[number], start / AUDIO_RATE_HZ, end / AUDIO_RATE_HZ))
        on_progress(audio.duration_s)
        return Transcript(language, flag_repeats(segments), self._notes(halved))

    def _notes(self, halved: int) -> tuple[str, ...]:
        """Tell that the device ran out of memory since *halved* was counted."""
        count = self._batches.reductions - halved
        if not count:
            return ()
        return (f"the device ran out of memory: the batch of Whisper was halved {count} time{'s' * (count > 1)}",)

    def _detect_language(self, audio: AudioTrack, spans: np.ndarray) -> str:
        """Code of the most probable language of the first 30 s of speech, its pauses left out."""
        if not self._model.is_multilingual:
            return "en"
        pieces: list[np.ndarray] = []
        missing = N_SAMPLES
        for start, end in spans.tolist():
            pieces.append(_float_sound(audio, start, min(end, start + missing)))
            missing -= len(pieces[-1])
            if not missing:
                break
        mel = log_mel_spectrogram(np.concatenate(pieces), self._model.dims.n_mels, padding=N_SAMPLES)
        features = torch.as_tensor(pad_or_trim(mel, N_FRAMES))
        found: Any = self._model.detect_language(features.to(self._model.device, self._dtype))
        probabilities: dict[str, float] = found[1]
        return max(probabilities, key=probabilities.__getitem__)


def load_whisper(
    weights: Path,
    device: str,
    language: str = "auto",
    precision: Precision = "auto",
    temperatures: Sequence[float] = TEMPERATURES,
    sample_len: int | None = None,
) -> WhisperTranscriber:
    """Loads a checkpoint of the official format and the speech detector; see `pipeline.speech.load_transcriber`.

    Raises:
        WeightsError: as of `pipeline.speech.whisper_file.load_model`.
        InputError: ``bad_setting`` when the model does not know *language*, or half precision is asked for on a CPU.
    """
    on_cuda = torch.device(device).type == "cuda"
    if precision == "half" and not on_cuda:
        raise InputError("bad_setting", f"Whisper computes in half precision on CUDA only, not on {device}")
    model = load_model(weights, device)
    spoken = checked_language(language, model.is_multilingual, model.num_languages)
    return WhisperTranscriber(
        model, load_detector(), spoken, on_cuda and precision != "full", tuple(temperatures), sample_len
    )


def checked_language(language: str, multilingual: bool, language_count: int) -> str | None:
    """The code to pass to Whisper for a setting: None where the model is to detect the language.

    Args:
        language: ISO 639-1 code or ``auto``.
        multilingual: whether the model knows more than English.
        language_count: how many of Whisper's languages it knows; older models lack the last ones of the list.

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


def segments_of_window(heard: Sequence[HeardSegment], start_s: float, end_s: float) -> list[Segment]:
    """Whisper's segments of one window as ours: times of the recording, in order, inside the window.

    Args:
        heard: segments with times from the beginning of the window.
        start_s: where the window starts in the recording.
        end_s: where it ends.
    """
    segments: list[Segment] = []
    low_s = start_s
    for part in heard:
        texts, times_s, confidences = _timed_words(part, start_s)
        if not texts:
            continue
        own_s = np.array([[part.start_s + start_s, part.end_s + start_s]])
        reach_s = np.clip(np.concatenate([own_s, times_s[~np.isnan(times_s).any(axis=1)]]), low_s, end_s)
        placed, measured = place_words(texts, times_s, float(reach_s.min()), float(reach_s.max()))
        words = tuple(
            Word(text, float(first), float(last), confidence, "measured" if had_time else "interpolated")
            for text, (first, last), confidence, had_time in zip(texts, placed, confidences, measured, strict=True)
        )
        segment = Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words)
        if part.compression_ratio > COMPRESSION_LIMIT:
            segment = with_flag(segment, REPEATED)
        segments.append(segment)
        low_s = segment.end_s
    return segments


def _timed_words(part: HeardSegment, shift_s: float) -> tuple[list[str], np.ndarray, list[float | None]]:
    """Texts, (N, 2) times of the recording and confidences of one segment; NaN for a word that got no length.

    Whisper's alignment may give a word no frame at all: such a word has no time of its own. Where it gives a segment
    no words, its text is split, and no word has a time.
    """
    kept = attach_marks([word.text for word in part.words])
    if not kept:
        texts = list(split_words(part.text))
        return texts, np.full((len(texts), 2), np.nan), [None] * len(texts)
    times_s = np.array([[part.words[index].start_s, part.words[index].end_s] for _, index in kept], np.float64)
    times_s += shift_s
    times_s[times_s[:, 1] <= times_s[:, 0]] = np.nan
    confidences: list[float | None] = [min(max(float(part.words[index].probability), 0.0), 1.0) for _, index in kept]
    return [text for text, _ in kept], times_s, confidences


def _float_sound(audio: AudioTrack, start: int, end: int) -> np.ndarray:
    return audio.read(start, end).astype(np.float32) / 32768

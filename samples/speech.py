"""Synthetic speech by eSpeak NG: the sound of a sentence, and the times of its words and phonemes.

eSpeak reports every word and phoneme with the sample at which it begins, so the times are exact by construction. The
library is called through its C interface (``speak_lib.h``, version 1.52), from the wheel ``espeakng-loader``.
"""

from __future__ import annotations

import ctypes
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE_HZ = 22_050
"""Sample rate of eSpeak's voices."""

AUDIBLE = 64
"""int16 amplitude (-54 dBFS) from which a sample counts as sound when silence is cut off both ends."""

SEED = 1
"""Seed of eSpeak's breath noise."""

# Numbers of speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_WITH_PHONEME_EVENTS_IPA = 3
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_UTF8 = 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


@dataclass(frozen=True, slots=True)
class Voice:
    """Voice of one person."""

    name: str
    """eSpeak language and variant, such as ``gmw/en+f4``."""
    words_per_minute: int
    pitch: int
    """0..99, 50 is the voice's own."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Word or phoneme and the half-open interval in which it is spoken, seconds after the first sample."""

    text: str
    """A word with the punctuation that follows it, or a phoneme in IPA; an empty phoneme is a pause."""
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """Spoken sentence, without silence at either end."""

    samples: np.ndarray
    """(N,) int16 at 22,050 Hz."""
    words: tuple[Sound, ...]
    phonemes: tuple[Sound, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE_HZ


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """``espeak_EVENT``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(lines: Sequence[tuple[Voice, str]]) -> list[Utterance]:
    """Speak each sentence.

    Each is spoken in a process of its own: eSpeak keeps the phase of its pitch flutter between sentences, and only a
    fresh one gives the same samples every time.

    Raises:
        ImportError: ``espeakng-loader`` is not installed.
        ValueError: eSpeak does not have the voice, or runs words of a sentence together.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, max_tasks_per_child=1) as pool:
        return list(pool.map(speak_once, *zip(*lines, strict=True)))


def speak_once(voice: Voice, text: str) -> Utterance:
    """Speak one sentence in this process; raise the errors of :func:`speak`."""
    samples, events = _synthesize(voice, text)
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) >= AUDIBLE)
    first, stop = int(audible[0]), int(audible[-1]) + 1
    phonemes = [(label, at) for kind, label, _, at in events if kind == _EVENT_PHONEME]
    pauses = [at for label, at in phonemes if not label]
    tokens = _tokens(text)
    starts = [(at, position) for kind, _, position, at in events if kind == _EVENT_WORD]
    if [position for _, position in starts] != [position for position, _ in tokens]:
        raise ValueError(f"eSpeak runs words together in {text!r}; say it otherwise")

    def seconds(sample: int) -> float:
        return (min(max(sample, first), stop) - first) / RATE_HZ

    words = []
    for number, ((start, _), (_, token)) in enumerate(zip(starts, tokens, strict=True)):
        following = starts[number + 1][0] if number + 1 < len(starts) else None
        # A pause ends a word early; the last word lasts as long as it can be heard.
        ends = [at for at in pauses if at > start and following is not None]
        end = stop if following is None else min([following, *ends])
        words.append(Sound(token, seconds(start), seconds(end)))
    limits = [at for _, at in phonemes[1:]] + [stop]
    sounds = [Sound(label, seconds(at), seconds(end)) for (label, at), end in zip(phonemes, limits, strict=True)]
    return Utterance(samples[first:stop], tuple(words), tuple(sounds))


def _tokens(text: str) -> list[tuple[int, str]]:
    """Return each word of *text* and its place in it, counted from 1 as eSpeak does."""
    found, place = [], 0
    for token in text.split():
        place = text.index(token, place)
        found.append((place + 1, token))
        place += len(token)
    return found


def _synthesize(voice: Voice, text: str) -> tuple[np.ndarray, list[tuple[int, str, int, int]]]:
    """Return (N,) int16 samples, and the events: kind, phoneme or empty, place in the text, sample."""
    import espeakng_loader  # a requirement of the generator alone

    library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
    blocks: list[np.ndarray] = []
    events: list[tuple[int, str, int, int]] = []

    def receive(wave: Any, count: int, report: Any) -> int:
        if wave and count:
            blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        for event in iter_events(report):
            label = bytes(event.id.string).decode("utf-8") if event.type == _EVENT_PHONEME else ""
            events.append((event.type, label, event.text_position, event.sample))
        return 0

    def iter_events(report: Any) -> Any:
        index = 0
        while report[index].type != _EVENT_END:
            yield report[index]
            index += 1

    callback = _CALLBACK(receive)
    data = str(espeakng_loader.get_data_path()).encode()
    rate_hz = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, _WITH_PHONEME_EVENTS_IPA)
    if rate_hz != RATE_HZ:
        raise ValueError(f"eSpeak: expected {RATE_HZ} Hz, got {rate_hz}")
    try:
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ValueError(f"eSpeak has no voice {voice.name!r}")
        library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetParameter(_PARAMETER_RATE, voice.words_per_minute, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, voice.pitch, 0)
        encoded = text.encode("utf-8") + b"\0"
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    finally:
        library.espeak_Terminate()
    return np.concatenate(blocks), events

"""Steps of Whisper through sounds of any length, several at once: a batch holds a window of 30 s or less of each.

They are the steps that openai-whisper's ``transcribe`` (MIT) takes through one sound with ``word_timestamps`` and
without ``condition_on_previous_text``: where a window ends with an unfinished sentence, the next one begins there.
Where it is known that speech follows, so does the next window.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from whisper.audio import (
    FRAMES_PER_SECOND,
    HOP_LENGTH,
    N_FRAMES,
    N_SAMPLES,
    SAMPLE_RATE,
    log_mel_spectrogram,
)
from whisper.decoding import DecodingResult
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from pipeline.speech.whisper_decoding import DecodingRules, decode, encoded, is_silence
from pipeline.speech.whisper_words import HeardSegment, align, with_words
from talknet.batches import Batches

UNHEARD_S = 1.0
"""Seconds of speech, padding included, left after the last word of a window, from which the next window begins there
though Whisper claims silence: it falls silent early where another voice or another place follows."""

_FRAMES_PER_POSITION = 2
"""Frames of the spectrogram to a position of the encoder, which halves their rate; tokens of time count positions."""

_POSITION_S = _FRAMES_PER_POSITION * HOP_LENGTH / SAMPLE_RATE


@dataclass(frozen=True, slots=True, eq=False)
class SoundState:
    """Progress through one sound."""

    sound: int
    """Number of the sound."""
    mel: Tensor
    """(bands, frames) spectrogram, with 30 s of silence behind the sound."""
    frame: int = 0
    """Frame at which the next window begins."""
    last_speech_s: float = 0.0
    segments: tuple[HeardSegment, ...] = ()
    speech_s: np.ndarray | None = None
    """(R, 2) start and end of the stretches with speech; None where they are not known."""
    features: Tensor | None = None
    """(positions, state) of the next window, where they are known."""

    @property
    def frame_count(self) -> int:
        """Frames of the sound itself."""
        return self.mel.shape[-1] - N_FRAMES

    @property
    def is_done(self) -> bool:
        """True where there is no next window."""
        return self.frame >= self.frame_count

    @property
    def begins_s(self) -> float:
        """Start of the next window, in seconds."""
        return self.frame * HOP_LENGTH / SAMPLE_RATE

    def speech_after_s(self, time_s: float) -> float:
        """Return the seconds of speech after a time; 0 where that is not known."""
        if self.speech_s is None:
            return 0.0
        return float(np.diff(np.maximum(self.speech_s, time_s)).sum())

    @property
    def window_frames(self) -> int:
        """Frames of the next window."""
        return min(N_FRAMES, self.frame_count - self.frame)


def begin(model: Whisper, number: int, sound: np.ndarray, speech_s: np.ndarray | None = None) -> SoundState:
    """Compute the spectrogram of a sound; return its state before the first window.

    Args:
        model: the network.
        number: number of the sound.
        sound: (N,) float32 at 16 kHz, full scale 1.
        speech_s: (R, 2) start and end of the stretches with speech, where they are known.
    """
    return SoundState(number, log_mel_spectrogram(sound, model.dims.n_mels, padding=N_SAMPLES), speech_s=speech_s)


def features_of(model: Whisper, dtype: torch.dtype, windows: Sequence[SoundState]) -> Tensor:
    """Return the encoder's features of the next window of each sound: (B, positions, state)."""
    mels = torch.zeros(len(windows), model.dims.n_mels, N_FRAMES)
    for mel, each in zip(mels, windows, strict=True):
        mel[:, : each.window_frames] = each.mel[:, each.frame : each.frame + each.window_frames]
    return model.encoder(mels.to(model.device, dtype))


def transcribe(
    model: Whisper,
    dtype: torch.dtype,
    rules: DecodingRules,
    sounds: Iterable[SoundState],
    batches: Batches,
    batch: int,
    on_step: Callable[[int], None] = lambda _: None,
) -> Iterator[SoundState]:
    """Go through sounds to their ends.

    Args:
        model: the network.
        dtype: the number format of the network's states.
        rules: rules of the search for text.
        sounds: results of `begin`, in order; taken when there is room for them.
        batches: sizes of batches, by the memory of the device, under the name ``windows``.
        batch: most sounds that are in work at once.
        on_step: called before each step with the number of the first sound that is not done.

    Yields:
        Each sound at its end.
    """
    tokenizer = get_tokenizer(
        model.is_multilingual, num_languages=model.num_languages, language=rules.language, task="transcribe"
    )
    coming, working = iter(sounds), list[SoundState]()
    while True:
        working += itertools.islice(coming, batch - len(working))
        if not working:
            return
        on_step(working[0].sound)
        now, working = working, []
        step = functools.partial(_step, model, dtype, rules, tokenizer, now)
        for _, stop, after in batches.run("windows", len(now), step):
            yield from (each for each in after if each.is_done)
            working += [each for each in after if not each.is_done]
            if stop < len(now):
                on_step((working or now[stop:])[0].sound)


def _step(
    model: Whisper,
    dtype: torch.dtype,
    rules: DecodingRules,
    tokenizer: Tokenizer,
    sounds: Sequence[SoundState],
    start: int,
    stop: int,
) -> list[SoundState]:
    """Do the next window of the sounds *start* to *stop*."""
    chosen = sounds[start:stop]
    unknown = [each for each in chosen if each.features is None]
    made = iter(features_of(model, dtype, unknown) if unknown else ())
    windows = encoded(model, torch.stack([next(made) if each.features is None else each.features for each in chosen]))
    results = decode(model, windows, rules)
    said = [row for row, result in enumerate(results) if not is_silence(result)]
    parts = {row: _parts(tokenizer, chosen[row], results[row]) for row in said}
    texts = [[token for segment in parts[row][0] for token in segment.tokens] for row in said]
    frames = [chosen[row].window_frames for row in said]
    timings = dict(zip(said, align(model, tokenizer, windows.rows(said), texts, frames) if said else [], strict=True))
    after = []
    for row, sound in enumerate(chosen):
        if row not in parts:
            after.append(dataclasses.replace(sound, frame=sound.frame + sound.window_frames, features=None))
            continue
        segments, frame, is_finished = parts[row]
        segments = with_words(segments, timings[row], sound.begins_s, sound.last_speech_s)
        spoken_s = _end_s(segments)
        is_finished = is_finished and sound.speech_after_s(spoken_s) < UNHEARD_S
        if not is_finished and spoken_s > sound.begins_s:
            frame = max(round(spoken_s * FRAMES_PER_SECOND), sound.frame + 1)
        kept = tuple(segment for segment in segments if segment.start_s != segment.end_s and segment.text.strip())
        segments = (*sound.segments, *kept)
        after.append(dataclasses.replace(sound, frame=frame, last_speech_s=spoken_s, segments=segments, features=None))
    return after


def _parts(tokenizer: Tokenizer, sound: SoundState, result: DecodingResult) -> tuple[list[HeardSegment], int, bool]:
    """Return the segments in a window's text, the frame behind them, and True where the text ends with the window.

    Whisper writes times around its segments. Two at the end mean that the rest is unfinished, one that nothing is said
    after it.
    """
    tokens = result.tokens
    is_time = [token >= tokenizer.timestamp_begin for token in tokens]
    is_finished = is_time[-2:] == [False, True]
    borders = [place for place in range(1, len(tokens)) if is_time[place - 1] and is_time[place]]
    behind = sound.frame + sound.window_frames

    def segment(first: int, last: int, start_s: float, end_s: float) -> HeardSegment:
        text = tuple(token for token in tokens[first:last] if token < tokenizer.eot)
        start_s, end_s = sound.begins_s + start_s, sound.begins_s + end_s
        return HeardSegment(start_s, end_s, tokenizer.decode(list(text)), result.compression_ratio, text)

    if not borders:
        times = [token - tokenizer.timestamp_begin for token in tokens if token >= tokenizer.timestamp_begin]
        end_s = times[-1] * _POSITION_S if times and times[-1] else sound.window_frames * HOP_LENGTH / SAMPLE_RATE
        return [segment(0, len(tokens), 0.0, end_s)], behind, is_finished
    if is_finished:
        borders.append(len(tokens))
    segments = []
    for first, last in itertools.pairwise([0, *borders]):
        start_s, end_s = ((tokens[place] - tokenizer.timestamp_begin) * _POSITION_S for place in (first, last - 1))
        segments.append(segment(first, last, start_s, end_s))
    if not is_finished:
        behind = sound.frame + (tokens[borders[-1] - 1] - tokenizer.timestamp_begin) * _FRAMES_PER_POSITION
    return segments, behind, is_finished


def _end_s(segments: Sequence[HeardSegment]) -> float:
    """Return the end of the last word, or of the last segment where there are no words."""
    ends_s = [segment.words[-1].end_s for segment in segments if segment.words]
    return ends_s[-1] if ends_s else segments[-1].end_s

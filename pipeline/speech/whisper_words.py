"""Times of Whisper's words, by how its cross-attention moves along the sound.

A port of openai-whisper's ``whisper/timing.py`` (MIT) that starts from encoded features, where the original runs the
encoder again, and that aligns several windows at once. Words and times are the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor, nn
from whisper.audio import TOKENS_PER_SECOND
from whisper.model import Whisper, disable_sdpa
from whisper.timing import WordTiming, dtw_cpu, median_filter, merge_punctuations
from whisper.tokenizer import Tokenizer

from pipeline.speech.whisper_decoding import EncodedWindows, hidden_states, logits_of

_FILTER_WIDTH = 7
"""Width, in positions of 20 ms, of the median filter that smooths the attention."""

_path: Any = numba.njit(dtw_cpu.py_func)
"""openai-whisper's dynamic time warping, compiled without its ``parallel=True``: that gives no speed, and sets the
threads of PyTorch in this process to all cores."""

_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"
_SENTENCE_END = ".。!！?？"

_LONGEST_USUAL_S = 0.7
"""Greatest median length of words by which their lengths are judged."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """Word with its mark, as Whisper writes it."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """Stretch of text between two times that Whisper gave."""

    start_s: float
    end_s: float
    text: str
    compression_ratio: float
    """Length of the whole window's text by that of its zlib compression."""
    tokens: tuple[int, ...] = ()
    """Tokens of the text, without times."""
    words: tuple[HeardWord, ...] = ()


def align(
    model: Whisper,
    tokenizer: Tokenizer,
    windows: EncodedWindows,
    texts: Sequence[Sequence[int]],
    frames: Sequence[int],
) -> list[list[WordTiming]]:
    """Find the times of words in their windows.

    Args:
        model: the network.
        tokenizer: tokenizer for the language of the text.
        windows: B windows.
        texts: tokens of the text of each window, without times.
        frames: frames of the spectrogram of each window that hold sound.

    Returns:
        The words of each window with their times in seconds from its beginning; none where there is no text.
    """
    before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    rows = [[*before, *text, tokenizer.eot] for text in texts]
    longest = max(len(row) for row in rows)
    filled = torch.tensor([row + [tokenizer.eot] * (longest - len(row)) for row in rows], device=model.device)
    states, attention = _attention(model, windows, filled)
    found: list[list[WordTiming]] = []
    for row, text in enumerate(texts):
        words, word_tokens = tokenizer.split_to_word_tokens([*text, tokenizer.eot])
        if len(word_tokens) <= 1:
            found.append([])
            continue
        first, last = len(tokenizer.sot_sequence), len(rows[row])
        logits = logits_of(model.decoder, states[row, first : last - 2])[:, : tokenizer.eot]
        chances = logits.softmax(dim=-1)[torch.arange(len(text)), list(text)].tolist()
        cost = _cost(attention[row][:, :last, : frames[row] // 2])[first:-1]
        starts_s = _token_starts(cost)
        borders = np.pad(np.cumsum([len(tokens) for tokens in word_tokens[:-1]]), (1, 0))
        timed = zip(words[:-1], word_tokens[:-1], itertools.pairwise(borders.tolist()), strict=True)
        found.append(
            [
                WordTiming(word, tokens, starts_s[begin], starts_s[end], float(np.mean(chances[begin:end])))
                for word, tokens, (begin, end) in timed
            ]
        )
    return found


def _attention(model: Whisper, windows: EncodedWindows, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return (B, N, state) hidden states of (B, N) tokens, and (B, heads, N, positions) scores of the alignment
    heads."""
    heads_of: dict[int, list[int]] = {}
    for layer, head in model.alignment_heads.indices().T.tolist():  # type: ignore[operator]
        heads_of.setdefault(layer, []).append(head)
    kept: dict[int, Tensor] = {}

    def keep(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, outputs: tuple[Tensor, Tensor]) -> None:
            kept[layer] = outputs[1][:, heads_of[layer]]

        return hook

    crossing: list[Any] = [block.cross_attn for block in model.decoder.blocks]
    hooks = [crossing[layer].register_forward_hook(keep(layer)) for layer in heads_of]
    try:
        with disable_sdpa():
            states = hidden_states(model.decoder, tokens, 0, windows.features, dict(windows.cross))
    finally:
        for hook in hooks:
            hook.remove()
    return states, torch.cat([kept[layer] for layer in heads_of], dim=1)


def _cost(scores: Tensor) -> Tensor:
    """Return the (N, positions) cost of (heads, N, positions) scores: low where the heads attend."""
    weights = scores.softmax(dim=-1)
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    return -median_filter((weights - mean) / std, _FILTER_WIDTH).mean(dim=0)


def _token_starts(cost: Tensor) -> list[float]:
    """Return N times in seconds at which the cheapest path reaches each token."""
    tokens, positions = _path(cost.double().cpu().numpy())
    jumps = np.pad(np.diff(tokens), (1, 0), constant_values=1).astype(bool)
    return (positions[jumps] / TOKENS_PER_SECOND).tolist()


def with_words(
    segments: Sequence[HeardSegment], timings: list[WordTiming], offset_s: float, last_speech_s: float
) -> list[HeardSegment]:
    """Give segments of one window their words.

    Words that are too long are shortened where sentences and segments meet, as openai-whisper does: there the attention
    rests on silence.

    Args:
        segments: segments in order.
        timings: words of all of them, in seconds from the beginning of the window; changed in place.
        offset_s: start of the window.
        last_speech_s: end of the last word before it.
    """
    lengths_s = np.array([timing.end - timing.start for timing in timings])
    lengths_s = lengths_s[lengths_s.nonzero()]
    usual_s = min(_LONGEST_USUAL_S, float(np.median(lengths_s))) if len(lengths_s) else 0.0
    if len(lengths_s):
        _shorten_around_marks(timings, 2 * usual_s)
    merge_punctuations(timings, _OPENING, _CLOSING)
    found: list[HeardSegment] = []
    place = 0
    for segment in segments:
        taken, words = 0, []
        while place < len(timings) and taken < len(segment.tokens):
            timing = timings[place]
            if timing.word:
                times_s = round(offset_s + timing.start, 2), round(offset_s + timing.end, 2)
                words.append(HeardWord(timing.word, *times_s, timing.probability))
            taken += len(timing.tokens)
            place += 1
        if words:
            segment = _fitted(segment, words, usual_s, last_speech_s)
            last_speech_s = segment.end_s
        found.append(segment)
    return found


def _shorten_around_marks(timings: list[WordTiming], longest_s: float) -> None:
    """Shorten marks that end a sentence, and words after them, to *longest_s*."""
    for before, timing in itertools.pairwise(timings):
        if timing.end - timing.start > longest_s:
            if timing.word in _SENTENCE_END:
                timing.end = timing.start + longest_s
            elif before.word in _SENTENCE_END:
                timing.start = timing.end - longest_s


def _fitted(segment: HeardSegment, words: list[HeardWord], usual_s: float, last_speech_s: float) -> HeardSegment:
    """Return the segment with its words; shorten those at its edges where they are too long, or correct its own
    times."""
    longest_s = 2 * usual_s
    if _begins_too_long(words, longest_s, last_speech_s):
        if len(words) > 1 and words[1].end_s - words[1].start_s > longest_s:
            border_s = max(words[1].end_s / 2, words[1].end_s - longest_s)
            words[0] = dataclasses.replace(words[0], end_s=border_s)
            words[1] = dataclasses.replace(words[1], start_s=border_s)
        words[0] = dataclasses.replace(words[0], start_s=max(0, words[0].end_s - longest_s))
    start_s, end_s = words[0].start_s, segment.end_s
    if segment.start_s < words[0].end_s and segment.start_s - 0.5 > words[0].start_s:
        words[0] = dataclasses.replace(words[0], start_s=max(0, min(words[0].end_s - usual_s, segment.start_s)))
        start_s = segment.start_s
    if end_s > words[-1].start_s and end_s + 0.5 < words[-1].end_s:
        words[-1] = dataclasses.replace(words[-1], end_s=max(words[-1].start_s + usual_s, end_s))
    else:
        end_s = words[-1].end_s
    return dataclasses.replace(segment, start_s=start_s, end_s=end_s, words=tuple(words))


def _begins_too_long(words: list[HeardWord], longest_s: float, last_speech_s: float) -> bool:
    """Return True where the first word after a pause, or the first two, are too long to be said so."""
    if words[0].end_s - last_speech_s <= 2 * longest_s:
        return False
    if words[0].end_s - words[0].start_s > longest_s:
        return True
    return len(words) > 1 and words[1].end_s - words[0].start_s > 2 * longest_s

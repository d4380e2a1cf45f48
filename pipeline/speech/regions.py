"""Detection of speech: silero-vad over a recording of any length, and the regions that follow from its scores.

The model is the TorchScript file inside the silero-vad wheel (https://github.com/snakers4/silero-vad, MIT). Spans are
sample numbers at 16 kHz, half-open.
"""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.errors import WeightsError
from pipeline.speech.loudness import gains
from pipeline.types import AUDIO_RATE_HZ, AudioTrack

STEP = 512
"""Samples to one score, 32 ms: the only length that the model takes at 16 kHz."""

BLOCK_S = 60
"""Seconds of sound in memory at a time."""

_MODEL_FILE = Path("data") / "silero_vad.jit"


@dataclass(frozen=True, slots=True)
class RegionRules:
    """Rules that turn scores into regions. Thresholds are probabilities of speech, times are seconds."""

    threshold: float = 0.5
    """Score from which speech begins: silero-vad's own default."""
    release: float = 0.35
    """Score below which speech ends: silero-vad's own hysteresis of 0.15."""
    min_silence_s: float = 0.3
    """Length from which a pause ends a region: stops before plosives last up to 0.2 s."""
    min_speech_s: float = 0.1
    """Least length of a region; a shorter one is a click. The shortest words, such as a quick "a", last about 0.1 s."""
    padding_s: float = 0.4
    """Time kept on either side, at most half of the pause, as in faster-whisper: soft consonants score low, and a
    recogniser hears words at the very edge badly."""
    longest_s: float = 60.0
    """Longest region; a longer one is cut where its score is lowest, so that memory stays bounded."""


def load_detector() -> torch.jit.ScriptModule:
    """Load the speech detector out of the silero-vad wheel, on the CPU.

    The file is found without importing the package, which would set PyTorch to one thread for the whole process.

    Raises:
        WeightsError: the wheel is not installed or lacks the file.
    """
    spec = importlib.util.find_spec("silero_vad")
    path = Path(spec.origin).parent / _MODEL_FILE if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise WeightsError(f"the silero-vad wheel with its {_MODEL_FILE.name} is missing: pip install silero-vad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(path), map_location="cpu").eval()


def find_speech(detector: torch.jit.ScriptModule, audio: AudioTrack, rules: RegionRules | None = None) -> np.ndarray:
    """Return the regions of *audio* in which somebody speaks: (R, 2) int64, in the form of `regions`."""
    return regions(speech_scores(detector, audio), audio.sample_count, rules or RegionRules())


def speech_scores(detector: torch.jit.ScriptModule, audio: AudioTrack, block_s: int = BLOCK_S) -> np.ndarray:
    """Return the probability of speech in every 512 samples of the recording, the last ones filled up with silence.

    Quiet speech is brought to the level that the model was made for. The model's memory of earlier sound is cleared
    first and then carried from block to block, so that the length of the blocks changes nothing.

    Returns:
        (ceil(samples / 512),) float32 in 0..1.
    """
    detector.reset_states()
    block = block_s * AUDIO_RATE_HZ // STEP * STEP
    powers = [np.square(steps).mean(axis=1, dtype=np.float64) for steps in _steps(audio, block)]
    factors = gains(np.concatenate(powers or [np.zeros(0)]), STEP / AUDIO_RATE_HZ).astype(np.float32)
    scores: list[float] = []
    with torch.inference_mode(), _one_thread():
        for steps in _steps(audio, block):
            louder = np.clip(steps * factors[len(scores) : len(scores) + len(steps), None], -1, 1)
            scores.extend(detector(step[None], AUDIO_RATE_HZ).item() for step in torch.from_numpy(louder))
    return np.array(scores, np.float32)


def _steps(audio: AudioTrack, block: int) -> Iterator[np.ndarray]:
    """Yield (n, 512) float32 for each block of the recording, full scale 1; the last step is filled up with silence."""
    for first in range(0, audio.sample_count, block):
        last = min(first + block, -(-audio.sample_count // STEP) * STEP)
        yield (audio.read(first, last).astype(np.float32) / 32768).reshape(-1, STEP)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute in one thread inside: a step of 32 ms is so little work that a second one only costs time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def regions(scores: np.ndarray, sample_count: int, rules: RegionRules) -> np.ndarray:
    """Return the regions of speech from the scores of every 512 samples.

    Args:
        scores: (W,) probabilities of speech.
        sample_count: samples of the recording.
        rules: thresholds and lengths.

    Returns:
        (R, 2) int64: first sample and the one after the last; ascending, disjoint (neighbours may touch), inside the
        recording, none longer than ``longest_s``.
    """
    spans = speech_in(scores, sample_count, rules)
    padded = _padded(spans, sample_count, round(rules.padding_s * AUDIO_RATE_HZ))
    longest = max(round(rules.longest_s * AUDIO_RATE_HZ), 2 * STEP)
    pieces = [piece for span in padded.tolist() for piece in _split(span[0], span[1], scores, longest)]
    return np.array(pieces, np.int64).reshape(-1, 2)


def speech_in(scores: np.ndarray, sample_count: int, rules: RegionRules) -> np.ndarray:
    """Return the stretches of speech themselves: (R, 2) int64 samples, without padding and cuts; see `regions`."""
    return np.minimum(_found(scores, rules) * STEP, sample_count)


def _found(scores: np.ndarray, rules: RegionRules) -> np.ndarray:
    """Return (R, 2) int64 regions without padding, in steps."""
    spans = _bridged(_runs(_speaking(scores, rules)), rules.min_silence_s * AUDIO_RATE_HZ / STEP)
    return spans[(spans[:, 1] - spans[:, 0]) * STEP >= rules.min_speech_s * AUDIO_RATE_HZ]


def _speaking(scores: np.ndarray, rules: RegionRules) -> np.ndarray:
    """Return (W,) bool by hysteresis: between the two thresholds the last clear score holds."""
    above = scores >= rules.threshold
    clear = np.where(above | (scores < rules.release), np.arange(len(scores)), -1)
    held = np.maximum.accumulate(clear) if len(clear) else clear
    return (held >= 0) & above[held]


def _runs(flags: np.ndarray) -> np.ndarray:
    """Return the runs of True: (R, 2) int64."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def _bridged(spans: np.ndarray, shortest_gap: float) -> np.ndarray:
    """Fill gaps shorter than *shortest_gap*."""
    keep = spans[1:, 0] - spans[:-1, 1] >= shortest_gap
    starts = np.concatenate([spans[:1, 0], spans[1:, 0][keep]])
    ends = np.concatenate([spans[:-1, 1][keep], spans[-1:, 1]])
    return np.stack([starts, ends], axis=1)


def _padded(spans: np.ndarray, sample_count: int, padding: int) -> np.ndarray:
    middles = (spans[:-1, 1] + spans[1:, 0]) // 2
    low = np.concatenate([[0], middles])[: len(spans)]
    high = np.concatenate([middles, [sample_count]])[: len(spans)]
    starts, ends = np.maximum(spans[:, 0] - padding, low), np.minimum(spans[:, 1] + padding, high)
    return np.stack([starts, ends], axis=1)


def _split(start: int, end: int, scores: np.ndarray, longest: int) -> list[tuple[int, int]]:
    """Split one span into pieces of at most *longest* samples, at the lowest score in the second half of each."""
    pieces = []
    while end - start > longest:
        first, last = -(-(start + longest // 2) // STEP), (start + longest) // STEP
        cut = (first + int(np.argmin(scores[first : last + 1]))) * STEP
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, end)]

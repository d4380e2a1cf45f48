"""Speed of Whisper against openai-whisper's own loop, and differences of their words: ``python -m benchmarks.speech``.

Both ways take turns on every recording in one process: the samples, a telephone call, and all recordings of
`benchmarks.words` one after another with pauses, which fills windows and batches. ``ratio`` is the
speed of ours by that of the other; word error rates are against the true words, ``words_that_differ`` is that of ours
against the other.
``encoder_share`` is the share of the time that the encoder takes; ``batches`` are the seconds of the long recording for
several numbers of windows at once. Ends with one JSON line.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.baselines.old_speech import OldSpeech
from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.facts import facts
from benchmarks.common.places import SHARED
from benchmarks.quality.words import recordings, track_of, word_errors
from pipeline.machine import core_count
from pipeline.models.choose import choose
from pipeline.speech.transcribe import WhisperTranscriber, load_whisper
from pipeline.types import AUDIO_RATE_HZ, AudioTrack

PAUSE_S = 3.0
"""Between the recordings of the long one."""

BATCHES = (1, 2, 4, 8, 16)


@dataclass(slots=True)
class Arm:
    """Recogniser, its times and its words."""

    name: str
    text: Callable[[AudioTrack], str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Wall time of each set, once for each round."""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Words of the last round."""
    encoder_s: float = 0.0

    def run(self, name: str, tracks: Sequence[AudioTrack], threads: int) -> None:
        """Do one round of a set."""
        torch.set_num_threads(threads)
        began_s = time.perf_counter()
        self.texts[name] = [self.text(track) for track in tracks]
        self.seconds.setdefault(name, []).append(time.perf_counter() - began_s)
        print(f"{name or 'warming up'}, {self.name}: {self.seconds[name][-1]:.1f} s", flush=True)

    def watch(self, encoder: torch.nn.Module) -> None:
        """Add up the time that the encoder takes from now on."""
        encoder.register_forward_pre_hook(lambda *_: self._add(-time.perf_counter()))
        encoder.register_forward_hook(lambda *_: self._add(time.perf_counter()))

    def _add(self, seconds: float) -> None:
        self.encoder_s += seconds


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--model", default="base", help="Whisper model")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the recordings")
    parser.add_argument("--weights-dir", type=Path, help="folder searched first")
    add_runs(parser, 3)
    parser.add_argument("--threads", type=int, default=core_count(), help="threads of PyTorch")
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES, help="numbers of windows at once to measure")
    flags = parser.parse_args(argv)
    choices = choose(None, "lip-motion", flags.model, weights_dir=flags.weights_dir, strict=True)
    weights = next(choice.weights for choice in choices if choice.role == "words")
    assert weights is not None
    with tempfile.TemporaryDirectory() as folder:
        report = measured(weights, _sets(flags.shared, Path(folder)), flags.runs, flags.threads, flags.batches)
    print(json.dumps({"benchmark": "speech", "model": flags.model, "runs": flags.runs, **report, **facts()}))
    return 0


def measured(
    weights: Path, sets: dict[str, tuple[list[AudioTrack], list[str]]], runs: int, threads: int, sizes: Sequence[int]
) -> dict[str, Any]:
    """Measure both ways.

    Args:
        weights: a checkpoint of Whisper.
        sets: recordings with what is said in them; ``long`` is the one that batches are measured on.
        runs: rounds after one to warm up.
        threads: of PyTorch.
        sizes: batches to measure.
    """
    old, new = OldSpeech(weights, "en"), load_whisper(weights, "cpu", "en")
    before, after = Arm("before", old.text), Arm("now", lambda track: _text(new, track))
    shortest = min(sets, key=lambda name: sum(track.duration_s for track in sets[name][0]))
    for arm in (before, after):
        arm.run("", sets[shortest][0], threads)
    before.watch(old.model.encoder)
    after.watch(new.model.encoder)
    for _ in range(runs):
        for name, (tracks, _) in sets.items():
            for arm in (before, after):
                arm.run(name, tracks, threads)
    told = {name: _told(name, tracks, truths, before, after) for name, (tracks, truths) in sets.items()}
    for name, each in told.items():
        print(f"{name}: {each['before']} before, {each['after']} now: {each['ratio']} times as fast", flush=True)
    before_s, after_s = (sum(sum(arm.seconds[name]) for name in sets) for arm in (before, after))
    shares = {"before": round(before.encoder_s / before_s, 3), "after": round(after.encoder_s / after_s, 3)}
    return {
        "ratio": round(before_s / after_s, 3),
        "sets": told,
        "encoder_share": shares,
        "batches": {batch: _batch_s(weights, batch, sets["long"][0], threads) for batch in sizes},
    }


def _told(name: str, tracks: Sequence[AudioTrack], truths: list[str], before: Arm, after: Arm) -> dict[str, Any]:
    """Return times and errors of one set."""
    told: dict[str, Any] = {"seconds": round(sum(track.duration_s for track in tracks), 1)}
    for key, arm in (("before", before), ("after", after)):
        median_s, errors = statistics.median(arm.seconds[name]), word_errors(truths, arm.texts[name])
        count = sum(len(text.split()) for text in arm.texts[name])
        told[key] = {"s": round(median_s, 2), "words_per_s": round(count / median_s, 1), "wer": round(errors.wer, 3)}
    told["ratio"] = round(told["before"]["s"] / told["after"]["s"], 3)
    told["words_that_differ"] = round(word_errors(before.texts[name], after.texts[name]).wer, 3)
    return told


def _batch_s(weights: Path, batch: int, tracks: Sequence[AudioTrack], threads: int) -> float:
    """Return the seconds with another number of windows at once."""
    transcriber = load_whisper(weights, "cpu", "en", batch=batch)
    arm = Arm(f"{batch} at once", lambda track: _text(transcriber, track))
    arm.run("long", tracks, threads)
    return round(arm.seconds["long"][0], 2)


def _text(transcriber: WhisperTranscriber, track: AudioTrack) -> str:
    return "".join(word.text for word in transcriber.transcribe(track, lambda _: None).words)


def _sets(shared: Path, folder: Path) -> dict[str, tuple[list[AudioTrack], list[str]]]:
    """Return the recordings of each set with their words."""
    found = {
        name: ([track_of(path, folder) for path, _ in each], [truth for _, truth in each])
        for name, each in recordings(shared).items()
    }
    silence, parts = np.zeros(round(PAUSE_S * AUDIO_RATE_HZ), "<i2"), []
    for tracks, _ in found.values():
        for track in tracks:
            parts += [track.read(0, track.sample_count), silence]
    samples = np.concatenate(parts)
    samples.tofile(folder / "long.raw")
    truth = " ".join(text for _, truths in found.values() for text in truths)
    long = ([AudioTrack(folder / "long.raw", len(samples))], [truth])
    return {"samples": found["samples"], "telephone": found["telephone"], "long": long}


if __name__ == "__main__":
    sys.exit(main())

"""Word error rates of the recognisers, errors of the words' times, and errors in the alignment of known words:
``python -m benchmarks.words``.

Prints one line for each recogniser and set, and one for the times where a set has true ones; ends with one JSON line.
Word error rates are jiwer's, after openai-whisper's own normaliser of English texts on both sides: small letters, no
punctuation, numbers as digits. Weights that are missing are fetched first. ``--shared`` names the folder with the
footage that is not part of this project.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import jiwer
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from whisper.normalizers import EnglishTextNormalizer

from benchmarks.common.command_line import parser_of
from benchmarks.common.places import ROOT, SHARED
from pipeline.models.choose import choose
from pipeline.speech import Transcriber, load_transcriber
from pipeline.speech.alignment import Aligner
from pipeline.speech.doubts import UNLIKELY
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Word

JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
GRID_UNITS_S = 25_000
"""Units of time in GRID's files to one second."""
TrueWord = tuple[str, float, float]
"""Text, and start and end in seconds from the first sample of the sound."""
RECOGNISERS = ("pocketsphinx", "tiny.en", "base")
PAUSE_S = 0.3
"""Silence from which the words around it count as the last and the first of a stretch of speech."""


def main() -> None:
    """Measure the recordings of the shared folder, and the samples."""
    parser = parser_of(__doc__)
    parser.add_argument("recognisers", nargs="*", default=RECOGNISERS, help="PocketSphinx and Whisper models")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--weights-dir", type=Path, help="folder searched first")
    options = parser.parse_args()
    sets = recordings(options.shared)
    report: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.recognisers:
            transcriber = _loaded(name, options.weights_dir)
            report[name] = {key: _measured(name, key, transcriber, each, Path(folder)) for key, each in sets.items()}
        errors_ms = _alignment_errors_ms(_grid(options.shared), Path(folder))
    print(f"alignment of grid: median {np.median(errors_ms):.0f} ms, largest {errors_ms.max():.0f} ms")
    report["alignment_ms"] = {"median": round(float(np.median(errors_ms)), 1), "max": round(float(errors_ms.max()), 1)}
    print(json.dumps(report))


def sample_words(name: str) -> str:
    """Return all words of a sample video, in order of time."""
    return " ".join(text for text, *_ in _sample_truth(name))


def true_words(path: Path) -> list[TrueWord]:
    """Return the words of a recording with true times from its first sample on; empty where they are not known."""
    if path.with_suffix(".align").exists():
        return _truth(path)
    return _sample_truth(path.stem) if path.parent == ROOT / "samples" else []


def _sample_truth(name: str) -> list[TrueWord]:
    content = json.loads((ROOT / "samples" / f"{name}.truth.json").read_text())
    zero_s, turns = content["audio"]["start_s"], sorted(content["turns"], key=lambda turn: turn["start_s"])
    words = [word for turn in turns for word in turn["words"]]
    return [(word["text"], word["start_s"] - zero_s, word["end_s"] - zero_s) for word in words]


def word_errors(truths: Sequence[str], found: Sequence[str]) -> jiwer.WordOutput:
    """Compare texts in English by jiwer, each normalised."""
    plain = EnglishTextNormalizer()
    return jiwer.process_words([plain(text) for text in truths], [plain(text) for text in found])


def recordings(shared: Path) -> dict[str, list[tuple[Path, str]]]:
    """Return the recordings of each set with their words."""
    spoken = [line.split(maxsplit=5)[5] for line in (shared / "audio" / "pyannote_sample.stm").read_text().splitlines()]
    samples = sorted((ROOT / "samples").glob("*.mp4"))
    return {
        "samples": [(path, sample_words(path.stem)) for path in samples],
        "jfk": [(shared / "audio" / "jfk.flac", JFK)],
        "grid": [(path, " ".join(word for word, *_ in _truth(path))) for path in _grid(shared)],
        "telephone": [(shared / "audio" / "pyannote_sample.wav", " ".join(spoken))],
    }


def _grid(shared: Path) -> list[Path]:
    return sorted((shared / "videos" / "grid").glob("*.mpg"))


def _loaded(name: str, weights_dir: Path | None) -> Transcriber:
    """Load a recogniser, its weights fetched where needed; no stand-in."""
    choices = choose(None, "lip-motion", name, weights_dir=weights_dir, strict=True)
    weights = next(choice.weights for choice in choices if choice.role == "words")
    return load_transcriber("pocketsphinx" if weights is None else "whisper", weights, "cpu", "en")


def _measured(
    name: str, key: str, transcriber: Transcriber, recordings: Sequence[tuple[Path, str]], folder: Path
) -> dict[str, float]:
    heard = [transcriber.transcribe(track_of(path, folder), lambda _: None) for path, _ in recordings]
    found = [transcript.words for transcript in heard]
    segments = [segment for transcript in heard for segment in transcript.segments]
    texts = ["".join(word.text for word in words) for words in found]
    output = word_errors([truth for _, truth in recordings], texts)
    words = output.hits + output.substitutions + output.deletions
    print(f"{name}, {key}: word error rate {output.wer:.2f}, {output.hits} of {words} words right", flush=True)
    unlikely = sum(UNLIKELY in segment.flags for segment in segments)
    print(f"{name}, {key}: {unlikely} of {len(segments)} segments flagged {UNLIKELY}", flush=True)
    rates = {"wer": round(output.wer, 3), "words_right": output.hits, "words": words}
    rates |= {"segments": len(segments), UNLIKELY: unlikely}
    truths = [true_words(path) for path, _ in recordings]
    if not all(truths):
        return rates
    errors_ms = time_errors_ms(truths, found)
    print(f"{name}, {key}: median error of the times in ms: {errors_ms}", flush=True)
    return {**rates, **errors_ms}


def time_errors_ms(truths: Sequence[Sequence[TrueWord]], found: Sequence[Sequence[Word]]) -> dict[str, float]:
    """Return medians of the errors of times, in milliseconds, over the words that jiwer pairs, right or not.

    Returns:
        ``start_ms`` and ``end_ms`` over all words, ``early_ms`` with sign, below 0 where words begin too early,
        ``first_start_ms`` and ``last_end_ms`` over words behind and ahead of a pause of `PAUSE_S`.
    """
    errors_s: dict[str, list[float]] = {"start": [], "end": [], "first_start": [], "last_end": []}
    for truth, words in zip(truths, found, strict=True):
        for place, other in _pairs([text for text, *_ in truth], [word.text for word in words]):
            _, start_s, end_s = truth[place]
            start_error_s, end_error_s = words[other].start_s - start_s, words[other].end_s - end_s
            errors_s["start"].append(start_error_s)
            errors_s["end"].append(end_error_s)
            if place == 0 or start_s - truth[place - 1][2] >= PAUSE_S:
                errors_s["first_start"].append(start_error_s)
            if place == len(truth) - 1 or truth[place + 1][1] - end_s >= PAUSE_S:
                errors_s["last_end"].append(end_error_s)
    medians = {f"{key}_ms": float(np.median(np.abs(each))) * 1000 for key, each in errors_s.items() if each}
    medians["early_ms"] = float(np.median(errors_s["start"])) * 1000
    return {key: round(value, 1) for key, value in medians.items()}


def _pairs(truth: Sequence[str], found: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of the words that belong together."""

    def plain(texts: Sequence[str]) -> str:
        return " ".join("".join(filter(str.isalnum, text.lower())) or "-" for text in texts)

    for chunk in jiwer.process_words(plain(truth), plain(found)).alignments[0]:
        if chunk.type in ("equal", "substitute"):
            yield from zip(
                range(chunk.ref_start_idx, chunk.ref_end_idx),
                range(chunk.hyp_start_idx, chunk.hyp_end_idx),
                strict=True,
            )


def _alignment_errors_ms(paths: list[Path], folder: Path) -> np.ndarray:
    """Return (B,) milliseconds between each true border of a word and the one found, where the words are known."""
    aligner = Aligner()
    errors_s = []
    for path in paths:
        truth, audio = _truth(path), track_of(path, folder)
        words = aligner.align(audio, [word for word, *_ in truth], 0.0, audio.duration_s)
        for word, (_, start_s, end_s) in zip(words, truth, strict=True):
            errors_s += [abs(word.start_s - start_s), abs(word.end_s - end_s)]
    return np.array(errors_s) * 1000


def _truth(path: Path) -> list[TrueWord]:
    """Read word, start and end in seconds of each word of a GRID sentence."""
    lines = [line.split() for line in path.with_suffix(".align").read_text().splitlines()]
    return [(word, int(start) / GRID_UNITS_S, int(end) / GRID_UNITS_S) for start, end, word in lines if word != "sil"]


def track_of(path: Path, folder: Path) -> AudioTrack:
    """Decode the sound of a file from its own first sample on: GRID's word times begin there."""
    resampler = AudioResampler("s16", "mono", AUDIO_RATE_HZ)
    with av.open(str(path)) as container:
        frames = [frame for frame in container.decode(container.streams.audio[0]) if isinstance(frame, AudioFrame)]
    parts = [part.to_ndarray()[0] for frame in [*frames, None] for part in resampler.resample(frame)]
    samples = np.concatenate(parts).astype("<i2")
    raw = folder / f"{path.stem}.raw"
    samples.tofile(raw)
    return AudioTrack(raw, len(samples))


if __name__ == "__main__":
    main()

"""Word error rates of the recognisers, and errors in the alignment of known words: ``python -m benchmarks.words``.

Prints one line for each recogniser and set, and ends with one JSON line. Word error rates are jiwer's, after
openai-whisper's own normaliser of English texts on both sides: small letters, no punctuation, numbers as digits.
Weights that are missing are fetched first. ``--shared`` names the folder with the footage that is not part of this
project.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
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
from pipeline.types import AUDIO_RATE_HZ, AudioTrack

JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
GRID_UNITS_S = 25_000
"""Units of time in GRID's files to one second."""
RECOGNISERS = ("pocketsphinx", "tiny.en", "base")


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
    turns = json.loads((ROOT / "samples" / f"{name}.truth.json").read_text())["turns"]
    return " ".join(turn["text"] for turn in sorted(turns, key=lambda turn: turn["start_s"]))


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
) -> dict[str, float | int]:
    found = []
    for path, _ in recordings:
        transcript = transcriber.transcribe(track_of(path, folder), lambda _: None)
        found.append("".join(word.text for word in transcript.words))
    output = word_errors([truth for _, truth in recordings], found)
    words = output.hits + output.substitutions + output.deletions
    print(f"{name}, {key}: word error rate {output.wer:.2f}, {output.hits} of {words} words right", flush=True)
    return {"wer": round(output.wer, 3), "words_right": output.hits, "words": words}


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


def _truth(path: Path) -> list[tuple[str, float, float]]:
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

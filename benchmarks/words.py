"""How many words PocketSphinx gets right, and how exactly known words are aligned: ``python -m benchmarks.words``.

Prints one line for each set and ends with one JSON line. Word error rates are jiwer's, after small letters and without
punctuation; they are those of a stand-in, and high.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path

import av
import jiwer
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pipeline.speech import load_transcriber
from pipeline.speech.alignment import Aligner
from pipeline.types import AUDIO_RATE_HZ, AudioTrack

JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
GRID_UNITS_S = 25_000
"""Units of the times in GRID's files to one second."""


def main() -> None:
    """Measures the recordings of the shared folder."""
    parser = argparse.ArgumentParser(description="Word error rate and alignment error of PocketSphinx.")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    shared: Path = parser.parse_args().shared
    grid = sorted((shared / "videos" / "grid").glob("*.mpg"))
    spoken = [line.split(maxsplit=5)[5] for line in (shared / "audio" / "pyannote_sample.stm").read_text().splitlines()]
    sets = {
        "jfk": [(shared / "audio" / "jfk.flac", JFK)],
        "grid": [(path, " ".join(word for word, *_ in _truth(path))) for path in grid],
        "telephone": [(shared / "audio" / "pyannote_sample.wav", _plain(" ".join(spoken)))],
    }
    report: dict[str, object] = {"recogniser": "pocketsphinx"}
    with tempfile.TemporaryDirectory() as folder:
        transcriber = load_transcriber("pocketsphinx", None, "cpu", "en")
        for name, recordings in sets.items():
            found = []
            for path, _ in recordings:
                transcript = transcriber.transcribe(_track(path, Path(folder)), lambda _: None)
                found.append(_plain(" ".join(word.text for word in transcript.words)))
            output = jiwer.process_words([truth for _, truth in recordings], found)
            words = sum(len(truth.split()) for _, truth in recordings)
            print(f"{name}: word error rate {output.wer:.2f}, {output.hits} of {words} words right")
            report[name] = {"wer": round(output.wer, 3), "words_right": output.hits, "words": words}
        errors_ms = _alignment_errors_ms(grid, Path(folder))
    print(f"alignment of grid: median {np.median(errors_ms):.0f} ms, largest {errors_ms.max():.0f} ms")
    report["alignment_ms"] = {"median": round(float(np.median(errors_ms)), 1), "max": round(float(errors_ms.max()), 1)}
    print(json.dumps(report))


def _alignment_errors_ms(paths: list[Path], folder: Path) -> np.ndarray:
    """(B,) milliseconds between each true border of a word and the one found, where the words are known."""
    aligner = Aligner()
    errors_s = []
    for path in paths:
        truth, audio = _truth(path), _track(path, folder)
        words = aligner.align(audio, [word for word, *_ in truth], 0.0, audio.duration_s)
        for word, (_, start_s, end_s) in zip(words, truth, strict=True):
            errors_s += [abs(word.start_s - start_s), abs(word.end_s - end_s)]
    return np.array(errors_s) * 1000


def _truth(path: Path) -> list[tuple[str, float, float]]:
    """Word, start and end in seconds of each word of a GRID sentence."""
    lines = [line.split() for line in path.with_suffix(".align").read_text().splitlines()]
    return [(word, int(start) / GRID_UNITS_S, int(end) / GRID_UNITS_S) for start, end, word in lines if word != "sil"]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", "", text.lower()).split())


def _track(path: Path, folder: Path) -> AudioTrack:
    """The sound of a file from its own first sample on: GRID's word times begin there."""
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

"""Fits the calibration of a speaker model: slope, offset and boundary for ``pipeline/vision/calibration.py``.

    python -m benchmarks.calibration --videos ../shared/videos --weights-dir ../shared/weights --speaker-model lr-asd

Platt's method on every face of every frame on which somebody speaks, in composed conversations and under a voice from
off screen. The quality is that of a fit to every other video, on the videos between. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from benchmarks.judging import labelled_rows
from benchmarks.runs import run_product, videos_of
from benchmarks.truth import Truth, read_truth
from pipeline.outputs.tracks import read_tracks

LEAST_PROBABILITY = 0.2
"""A face says a word that is heard unless the odds are four to one against it: most speech has its speaker in view."""

BINS = 10


def main() -> None:
    """Fits one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True, help="folder of the footage for tests")
    parser.add_argument("--weights-dir", type=Path, required=True)
    parser.add_argument("--speaker-model", default="lr-asd")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("conversations", "off-screen"):
            videos = videos_of(name, arguments.videos, arguments.weights_dir, Path(folder) / name)
            results = Path(folder) / f"{name}-results"
            flags = ["--weights-dir", str(arguments.weights_dir), "--speaker-model", arguments.speaker_model]
            run_product(videos, results, videos / "transcripts", [*flags, "--face-detector", "yunet"])
            rows += [_spoken_rows(truth, results) for truth in read_truth(videos)]
    halves = [tuple(np.concatenate(part) for part in zip(*half, strict=True)) for half in (rows[::2], rows[1::2])]
    slope, offset = fit(*(np.concatenate(part) for part in zip(*halves, strict=True)))
    (train, test), held_out = halves, fit(*halves[0])
    report = {
        "model": arguments.speaker_model,
        "slope": round(slope, 3),
        "offset": round(offset, 3),
        "boundary": round((float(logit(LEAST_PROBABILITY)) - offset) / slope, 3),
        "held_out_log_loss": round(log_loss(*held_out, *test), 4),
        "plain_log_loss": round(log_loss(1.0, 0.0, *test), 4),
        "held_out_calibration_error": round(calibration_error(*held_out, *test), 4),
        "plain_calibration_error": round(calibration_error(1.0, 0.0, *test), 4),
        "rows": len(train[0]) + len(test[0]),
        "videos": len(rows),
    }
    print(f"Calibration(slope={report['slope']}, offset={report['offset']}, boundary={report['boundary']})")
    print(json.dumps(report))


def fit(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and offset with the least mean log loss.

    Args:
        logits: (R,) of faces.
        labels: (R,) bool: whether they speak.
    """
    found = minimize(lambda line: log_loss(line[0], line[1], logits, labels), np.array([1.0, 0.0]))
    return float(found.x[0]), float(found.x[1])


def log_loss(slope: float, offset: float, logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of *labels*."""
    odds = slope * logits.astype(np.float64) + offset
    return float(np.logaddexp(0, np.where(labels, -odds, odds)).mean())


def calibration_error(slope: float, offset: float, logits: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error: mean distance of stated probability and share that speaks, over equal bins."""
    stated = expit(slope * logits.astype(np.float64) + offset)
    bins = np.minimum((stated * BINS).astype(int), BINS - 1)
    apart = [abs(stated[bins == k].mean() - labels[bins == k].mean()) * (bins == k).mean() for k in np.unique(bins)]
    return float(np.sum(apart))


def _spoken_rows(truth: Truth, results: Path) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of every face on the frames of one video on which somebody speaks."""
    tracks = read_tracks(results / truth.stem / "tracks.npz")
    _, labels = labelled_rows(truth, tracks)
    voice = np.any([truth.speaking(person) for person in truth.boxes_px], axis=0)[tracks.frame]
    return tracks.logit[voice], labels[voice]


if __name__ == "__main__":
    main()

"""Fit the calibration of a speaker model: slope, offset and boundary, for ``pipeline/vision/calibration.py`` and
``pipeline/attribution/weights.py``.

    python -m benchmarks.calibration --videos ../shared/videos --weights-dir ../shared/weights --speaker-model lr-asd

Platt's method on every face of every frame on which somebody speaks, in composed conversations and under a voice from
off screen. Its quality is measured by a fit to every other video, on the videos between. The boundary is the one that
gets most words right if one word in ten comes from off screen. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.common.command_line import parser_of
from benchmarks.common.judging import count_words, labelled_rows, people_of_tracks
from benchmarks.common.runs import run_product, videos_of
from benchmarks.common.truth import Truth, read_truth
from pipeline.attribution.faces import Faces
from pipeline.attribution.speakers import attribute_words
from pipeline.attribution.weights import Weights
from pipeline.outputs.tracks import read_tracks
from pipeline.speech.given import read_transcript
from pipeline.types import ScoredTracks, Word
from pipeline.vision.calibration import Calibration

OFF_SCREEN_SHARE = 0.1
"""Share of words whose speaker is not in view, in the footage that the boundary is chosen for."""

BOUNDARIES = np.round(np.arange(-1.5, 2.01, 0.1), 1)
"""Logits that are tried as boundary."""

BINS = 10


def main() -> None:
    """Fit one model."""
    arguments = model_parser(__doc__).parse_args()
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    sets: dict[str, list[Scored]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("conversations", "off-screen"):
            sets[name] = scored_set(name, arguments, Path(folder))
            rows += [_spoken_rows(scored) for scored in sets[name]]
    halves = [tuple(np.concatenate(part) for part in zip(*half, strict=True)) for half in (rows[::2], rows[1::2])]
    slope, offset = fit(*(np.concatenate(part) for part in zip(*halves, strict=True)))
    shares = {name: [words_right(scored, slope, boundary) for boundary in BOUNDARIES] for name, scored in sets.items()}
    seen, unseen = np.array(shares["conversations"]), np.array(shares["off-screen"])
    best = int(np.argmax((1 - OFF_SCREEN_SHARE) * seen + OFF_SCREEN_SHARE * unseen))
    (train, test), held_out = halves, fit(*halves[0])
    report = {
        "model": arguments.speaker_model,
        "slope": round(slope, 3),
        "offset": round(offset, 3),
        "boundary": float(BOUNDARIES[best]),
        "words_right": round(float(seen[best]), 4),
        "off_screen_words_right": round(float(unseen[best]), 4),
        "held_out_log_loss": round(log_loss(*held_out, *test), 4),
        "plain_log_loss": round(log_loss(1.0, 0.0, *test), 4),
        "held_out_calibration_error": round(calibration_error(*held_out, *test), 4),
        "plain_calibration_error": round(calibration_error(1.0, 0.0, *test), 4),
        "rows": len(train[0]) + len(test[0]),
        "videos": len(rows),
    }
    print(Calibration(report["slope"], report["offset"]), f"boundary={report['boundary']}")
    print(json.dumps(report))


def model_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for the arguments that `scored_set` needs."""
    parser = parser_of(description)
    parser.add_argument("--videos", type=Path, required=True, help="folder of the footage for tests")
    parser.add_argument("--weights-dir", type=Path, required=True)
    parser.add_argument("--speaker-model", default="lr-asd")
    return parser


@dataclass(frozen=True, slots=True)
class Scored:
    """Video of a set as the product scored it."""

    truth: Truth
    tracks: ScoredTracks
    people: Sequence[str | None]
    """Person whose face each row of *tracks* shows."""
    labels: np.ndarray
    """(M,) bool: True where that person speaks."""
    words: Sequence[Word]


def scored_set(name: str, arguments: argparse.Namespace, folder: Path) -> list[Scored]:
    """Compose a set in *folder* and run the product on it, with the speaker model and the folders of *arguments*."""
    videos = videos_of(name, arguments.videos, arguments.weights_dir, folder / name)
    results = folder / f"{name}-results"
    flags = ["--weights-dir", str(arguments.weights_dir), "--speaker-model", arguments.speaker_model, "--score-only"]
    run_product(videos, results, videos / "transcripts", [*flags, "--face-detector", "yunet"])
    return [_scored(truth, videos, results) for truth in read_truth(videos)]


def words_right(videos: Sequence[Scored], slope: float, boundary: float) -> float:
    """Return the share of words that the product, so calibrated, gives to the right face, or rightly to nobody."""
    count = right = 0
    for video in videos:
        spoken = attribute_words(video.words, Faces(video.tracks), weights=Weights(presence=slope, boundary=boundary))
        chosen = [(found.word.start_s, found.word.end_s, found.track) for found in spoken]
        counted = count_words(chosen, video.truth, video.tracks, people_of_tracks(video.tracks, video.people))
        count, right = count + counted[0], right + counted[1]
    return right / count


def fit(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the slope and offset with the least mean log loss.

    Args:
        logits: (R,) logits of faces.
        labels: (R,) bool: True where the face speaks.
    """
    found = minimize(lambda line: log_loss(line[0], line[1], logits, labels), np.array([1.0, 0.0]))
    return float(found.x[0]), float(found.x[1])


def log_loss(slope: float, offset: float, logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of *labels*."""
    odds = slope * logits.astype(np.float64) + offset
    return float(np.logaddexp(0, np.where(labels, -odds, odds)).mean())


def calibration_error(slope: float, offset: float, logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the `stated_error` of the probabilities of *logits*."""
    return stated_error(expit(slope * logits.astype(np.float64) + offset), labels)


def stated_error(stated: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error: mean distance of probability and share that is right, over equal bins."""
    bins = bins_of(stated)
    apart = [abs(stated[bins == k].mean() - labels[bins == k].mean()) * (bins == k).mean() for k in np.unique(bins)]
    return float(np.sum(apart))


def bins_of(stated: np.ndarray) -> np.ndarray:
    """Return (n,) int64: the number of the bin of each probability, of `BINS` equal ones."""
    return np.minimum((stated * BINS).astype(int), BINS - 1)


def _scored(truth: Truth, videos: Path, results: Path) -> Scored:
    tracks = read_tracks(results / truth.stem / "tracks.npz")
    words = read_transcript(videos / "transcripts" / f"{truth.stem}.json").words
    return Scored(truth, tracks, *labelled_rows(truth, tracks), words)


def _spoken_rows(video: Scored) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels of every face on the frames of one video on which somebody speaks."""
    voice = np.any([video.truth.speaking(person) for person in video.truth.boxes_px], axis=0)[video.tracks.frame]
    return video.tracks.logit[voice], video.labels[voice]


if __name__ == "__main__":
    main()

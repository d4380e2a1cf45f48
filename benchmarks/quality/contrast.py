"""Choose how the scores of two sets of weights and the sync contrast say together who says a word.

    python -m benchmarks.contrast --videos ../shared/videos --weights-dir ../shared/weights

Prints a Markdown table of the terms alone, in pairs and together, one of the search over their weights, and the
reliability of the probabilities; the figures are shares of the words of the composed sets. In the search, the words of
a video are judged by the weights that serve best on the videos in which nobody of it is seen or heard. Ends with the
`Weights` that serve best on all, and one JSON line. With ``--reliability pipeline/outputs/reliability.json`` it also
writes the reliability there, for the plot in ``report.html``.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.common.judging import people_of_tracks
from benchmarks.quality.calibration import BINS, Scored, bins_of, model_parser, scored_set, stated_error
from pipeline.attribution.evidence import believed, mouth_moves
from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.speakers import attribute_words
from pipeline.attribution.weights import Certainty, Weights
from pipeline.outputs.files import write_json
from pipeline.outputs.reliability import speaker_model_of
from pipeline.types import AttributedWord

SHARES = {"conversations": 2.0, "both-talking": 1.0, "off-screen": 1.0}
"""Weight of each set in the choice: footage on which listeners listen is the usual one, and must not suffer."""

START = Weights(
    presence=0.5,
    boundary=0.3,
    others=0.25,
    presence_frames=51,
    moving=2.0,
    moving_slope=2.0,
    listening=0.3,
    contrast=1.0,
)
"""Weights whose neighbours are searched."""

GRID: Mapping[str, Sequence[float]] = {
    "boundary": (0.15, 0.3, 0.45),
    "others": (0.0, 0.25),
    "moving": (1.0, 2.0),
    "listening": (0.3, 0.5),
    "contrast": (0.5, 1.0, 2.0),
}

TERMS = ("moving", "listening", "contrast")


def main() -> None:
    """Score the sets, and choose."""
    parser = model_parser(__doc__)
    parser.add_argument("--reliability", type=Path, help="file of `pipeline.outputs.reliability` to write into")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets = {name: [Video(video) for video in scored_set(name, arguments, Path(folder))] for name in SHARES}
        model = _speaker_model(Path(folder))
    print(f"| terms | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
    for terms in (terms for count in (1, 2, 3) for terms in itertools.combinations(TERMS, count)):
        weights = replace(START, **{term: 0.0 for term in TERMS if term not in terms})
        shares = [_share(sum(video.right(weights) for video in videos), videos) for videos in sets.values()]
        print(f"| {' + '.join(terms)} | {' | '.join(f'{share:.3f}' for share in shares)} |")
    grid = [replace(START, **dict(zip(GRID, values, strict=True))) for values in itertools.product(*GRID.values())]
    right = {
        name: np.array([[video.right(each) for each in grid] for video in videos]) for name, videos in sets.items()
    }
    best = grid[int(np.argmax(_scores(sets, right, frozenset())))]
    held_out = {name: _share(_held_out(name, sets, right), videos) for name, videos in sets.items()}
    chosen = {name: _share(sum(video.right(best) for video in videos), videos) for name, videos in sets.items()}
    print(f"\n| weights chosen on | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
    print(f"| other people | {' | '.join(f'{share:.3f}' for share in held_out.values())} |")
    print(f"| all | {' | '.join(f'{share:.3f}' for share in chosen.values())} |")
    answers = {name: [answer for video in videos for answer in video.answers(best)] for name, videos in sets.items()}
    certainty, losses = fit_certainty(sets, answers, best)
    print(f"\n| stated | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
    told = {name: np.array([answer.told(certainty) for answer in answers[name]]) for name in sets}
    for k in range(BINS):
        print(f"| {k / BINS:.1f} to {(k + 1) / BINS:.1f} | {' | '.join(_bin(told[name], k) for name in sets)} |")
    if arguments.reliability:
        write_reliability(arguments.reliability, model, sets, told, replace(best, certainty=certainty))
    report = {
        "held_out": held_out,
        "chosen_on_all": chosen,
        "calibration_error": {name: round(stated_error(rows[:, 0], rows[:, 1]), 4) for name, rows in told.items()},
        "held_out_log_loss": losses,
        "mean_of_wrong": {
            name: round(float(rows[~rows[:, 1].astype(bool), 0].mean()), 3) for name, rows in told.items()
        },
        "words": {name: sum(video.count for video in videos) for name, videos in sets.items()},
    }
    print(replace(best, certainty=certainty))
    print(json.dumps(report))


class Video:
    """Scored video whose words are judged by one set of weights after the other.

    Args:
        scored: the video.
    """

    def __init__(self, scored: Scored) -> None:
        self.scored, self.faces = scored, Faces(scored.tracks)
        self.heads = frozenset(scored.truth.stem.split("__"))
        self._people = people_of_tracks(scored.tracks, scored.people)
        self.count = sum(1 for _ in self._judged(START))

    def right(self, weights: Weights) -> int:
        """Return the number of words on the right face, or rightly on nobody's."""
        return sum(self._person(spoken.track) == said_by for spoken, said_by in self._judged(weights))

    def answers(self, weights: Weights) -> Iterator[Answer]:
        """Give the probabilities of the words, before they are tempered."""
        for spoken, said_by in self._judged(replace(weights, certainty=Certainty())):
            states = [state for state, _ in spoken.probabilities]
            moving = [mouth_moves(spoken.word, self.faces, state, weights) for state in states]
            right = [self._person(state) == said_by for state in states]
            yield Answer(np.array([share for _, share in spoken.probabilities]), states, moving, np.array(right))

    def _judged(self, weights: Weights) -> Iterator[tuple[AttributedWord, str | None]]:
        """Give the words that somebody says, with the person if he is in view."""
        truth = self.scored.truth
        for spoken in attribute_words(self.scored.words, self.faces, weights=weights):
            person = truth.speaker(spoken.word.start_s, spoken.word.end_s)
            if person is not None:
                first, stop = frames_of(spoken.word.start_s, spoken.word.end_s)
                seen = truth.in_view(person)[first:stop]
                yield spoken, person if seen.size and seen.mean() >= 0.5 else None

    def _person(self, track: int | None) -> str | None:
        return None if track is None else self._people.get(track)


class Answer:
    """Probabilities of one word, likeliest first, to be tempered by one `Certainty` after the other."""

    def __init__(
        self, shares: np.ndarray, states: Sequence[int | None], moving: Sequence[float], right: np.ndarray
    ) -> None:
        self._odds = np.log(np.maximum(shares, 1e-30) / shares[0])
        self._pairs = [(states[0], moving[0], state, move) for state, move in zip(states, moving, strict=True)]
        self._right = right

    def shares(self, certainty: Certainty) -> np.ndarray:
        """Return the tempered probabilities."""
        odds = np.exp(self._odds * [believed(certainty, *pair) for pair in self._pairs])
        return odds / odds.sum()

    def loss(self, certainty: Certainty) -> float:
        """Return the negative logarithm of the probability of the truth."""
        return -float(np.log(max(self.shares(certainty)[self._right].sum(), 1e-6)))

    def told(self, certainty: Certainty) -> tuple[float, bool]:
        """Return the probability of the likeliest answer, and True where it is right."""
        return float(self.shares(certainty)[0]), bool(self._right[0])


def fit_certainty(
    sets: Mapping[str, Sequence[Video]], answers: Mapping[str, Sequence[Answer]], weights: Weights
) -> tuple[Certainty, dict[str, float]]:
    """Return the `Certainty` with the least log loss, the sets weighed as in the choice; and held-out log losses.

    A held-out loss is that of the videos of five people under the fit to the videos of the five others; videos with
    people of both halves are left out.
    """

    def fitted(taken: Mapping[str, Sequence[Answer]]) -> Certainty:
        def loss(values: np.ndarray) -> float:
            certainty = Certainty(*np.clip(values, 0.01, 1.0))
            return sum(
                SHARES[name] * float(np.mean([answer.loss(certainty) for answer in of_set]))
                for name, of_set in taken.items()
                if of_set
            )

        options = {"maxiter": 60, "xatol": 0.01, "fatol": 1e-4}
        found = minimize(loss, np.array([0.6, 0.3, 0.5]), method="Nelder-Mead", options=options).x
        return Certainty(*(round(float(value), 2) for value in np.clip(found, 0.01, 1.0)))

    people = sorted(frozenset().union(*(video.heads for videos in sets.values() for video in videos)))
    halves = frozenset(people[::2]), frozenset(people[1::2])
    parts = [
        {
            name: [answer for video in videos if video.heads <= half for answer in video.answers(weights)]
            for name, videos in sets.items()
        }
        for half in halves
    ]
    losses: dict[str, list[float]] = {name: [] for name in sets}
    for train, test in (parts, parts[::-1]):
        certainty = fitted(train)
        for name, of_set in test.items():
            losses[name] += [answer.loss(certainty) for answer in of_set]
    return fitted(answers), {name: round(float(np.mean(found)), 4) for name, found in losses.items() if found}


def write_reliability(
    path: Path, model: str, sets: Mapping[str, Sequence[Video]], told: Mapping[str, np.ndarray], weights: Weights
) -> None:
    """Write the reliability of a speaker model into the file *path*; those of other models in it stay.

    Args:
        path: file of `pipeline.outputs.reliability`, made where it is missing.
        model: name of the speaker model.
        sets: the videos.
        told: of each set (n, 2): the stated probability of each word, and 1 where it is right.
        weights: the weights that state it.
    """
    bins = {name: {k: _share_right(rows, k) for k in range(BINS)} for name, rows in told.items()}
    measured = json.loads(path.read_bytes()) if path.is_file() else {}
    measured[model] = {
        "command": "python -m benchmarks.contrast",
        "videos": sum(len(videos) for videos in sets.values()),
        "people": len(frozenset().union(*(video.heads for videos in sets.values() for video in videos))),
        "weights": asdict(weights),
        "sets": {
            name: [
                {"stated": [k / BINS, (k + 1) / BINS], "right": round(right, 2), "words": count}
                for k, (right, count) in of_set.items()
                if count
            ]
            for name, of_set in bins.items()
        },
    }
    write_json(path, measured)


def _speaker_model(folder: Path) -> str:
    """Return the name of the speaker model that scored the sets in *folder*, or of the two that did so jointly."""
    manifest = min(folder.glob("*-results/*/output/manifest.json"))
    return speaker_model_of(json.loads(manifest.read_bytes()))


def _bin(told: np.ndarray, k: int) -> str:
    right, count = _share_right(told, k)
    return f"{right:.2f} of {count}" if count else ""


def _share_right(told: np.ndarray, k: int) -> tuple[float, int]:
    """Return the share of the words of a bin that are right, 0 where there are none, and their number."""
    here = told[bins_of(told[:, 0]) == k]
    return float(here[:, 1].mean()) if len(here) else 0.0, len(here)


def _share(right: float, videos: Sequence[Video]) -> float:
    return round(right / sum(video.count for video in videos), 4)


def _scores(
    sets: Mapping[str, Sequence[Video]], right: Mapping[str, np.ndarray], without: frozenset[str]
) -> np.ndarray:
    """Return (G,) the weighted sum of the shares of words right, on the videos in which none of *without* is."""
    total = np.zeros(next(iter(right.values())).shape[1])
    for name, videos in sets.items():
        kept = np.array([not video.heads & without for video in videos], bool)
        words = sum(video.count for video, keep in zip(videos, kept, strict=True) if keep)
        total += SHARES[name] * right[name][kept].sum(axis=0) / max(words, 1)
    return total


def _held_out(name: str, sets: Mapping[str, Sequence[Video]], right: Mapping[str, np.ndarray]) -> int:
    chosen = (int(np.argmax(_scores(sets, right, video.heads))) for video in sets[name])
    return sum(int(right[name][i, best]) for i, best in enumerate(chosen))


if __name__ == "__main__":
    main()

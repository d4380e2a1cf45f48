"""The diarization error rate of turns against true ones, as NIST's evaluations define it, without a collar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.outputs.exports import Turn


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """Seconds of speech by what is wrong with them; those of several speakers at once count for each."""

    spoken_s: float = 0.0
    missed_s: float = 0.0
    false_alarm_s: float = 0.0
    confused_s: float = 0.0

    @property
    def rate(self) -> float:
        """Return the share of the true speech; 0 where there is none."""
        wrong_s = self.missed_s + self.false_alarm_s + self.confused_s
        return wrong_s / self.spoken_s if self.spoken_s else 0.0

    def __add__(self, other: DiarizationError) -> DiarizationError:
        return DiarizationError(
            self.spoken_s + other.spoken_s,
            self.missed_s + other.missed_s,
            self.false_alarm_s + other.false_alarm_s,
            self.confused_s + other.confused_s,
        )


def diarization_error(found: Sequence[Turn], true: Sequence[Turn]) -> DiarizationError:
    """Compare turns with true ones, whose speakers have other names.

    Names are paired one to one such that they share most time (RT-09 evaluation plan, section 6.1). An instant of n
    true and m found speakers, k of whom are pairs, has max(n - m, 0) missed, max(m - n, 0) false alarms and
    min(n, m) - k confused.
    """
    times_s = sorted({time for turn in (*found, *true) for time in turn[:2]})
    spans = [(start_s, end_s) for start_s, end_s in pairwise(times_s)]
    length_s = np.array([end_s - start_s for start_s, end_s in spans])
    theirs, ours = _presence(true, spans), _presence(found, spans)
    shared_s = (theirs * length_s) @ ours.T
    pairs = list(zip(*linear_sum_assignment(-shared_s), strict=True))
    right = np.zeros(len(spans))
    for row, column in pairs:
        right += theirs[row] * ours[column]
    there, here = theirs.sum(axis=0), ours.sum(axis=0)
    return DiarizationError(
        float(length_s @ there),
        float(length_s @ np.maximum(there - here, 0)),
        float(length_s @ np.maximum(here - there, 0)),
        float(length_s @ (np.minimum(there, here) - right)),
    )


def read_rttm(path: Path) -> list[Turn]:
    """Read the turns of one recording."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    return [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def _presence(turns: Iterable[Turn], spans: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return (speakers, spans) float64: 1 where a speaker has a turn."""
    by_name: dict[str, list[Turn]] = {}
    for turn in turns:
        by_name.setdefault(turn[2], []).append(turn)
    rows = [
        [any(start_s <= first and last <= end_s for start_s, end_s, _ in own) for first, last in spans]
        for own in by_name.values()
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(spans))

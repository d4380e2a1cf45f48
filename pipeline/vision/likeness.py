"""Vectors of faces: their length, and the cosines at which two are taken to be of one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class CosineLimits:
    """Cosines by which a network's vectors are judged; each network spreads people in its own way."""

    same_person: float
    """Least average cosine of the tracks of one person."""
    most_doubt: float
    """Cosine of two views of a track below which all its views are looked at."""
    most_across: float
    """Largest average cosine of all views before and all after a change of person, and of those beside it."""
    least_within: float
    """Least average cosine among the views on one side of the change, of those beside it."""

    def __post_init__(self) -> None:
        values = (self.most_across, self.most_doubt, self.same_person, self.least_within)
        if not 0 < self.most_across < self.same_person < self.least_within < 1 or not 0 < self.most_doubt < 1:
            raise ValueError(f"CosineLimits: expected cosines in 0..1 that ascend to those of one person, got {values}")

    def scaled_to(self, same_person: float) -> CosineLimits:
        """Return limits in the same proportion for another network, of which only *same_person* is known."""
        factor = same_person / self.same_person
        return CosineLimits(
            same_person, self.most_doubt * factor, self.most_across * factor, self.least_within * factor
        )


MOBILEFACENET = CosineLimits(same_person=0.45, most_doubt=0.4, most_across=0.25, least_within=0.55)
"""Measured with MobileFaceNet. On 21 clips of real and drawn people, tracks of different real people had an average
cosine of 0.43 at most; tracks of the same one had 0.80 to 0.99 close to the camera, 0.50 near and far, and 0.27 once,
between a profile and a face 30 pixels high: such a track stays a person of its own. Views of one person in profile and
from the front come down to 0.27, those of different people are about 0."""


def unit(vector: np.ndarray) -> np.ndarray:
    """Scale *vector* to float32 of length 1; a zero vector stays as it is."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length if length else vector).astype(np.float32)

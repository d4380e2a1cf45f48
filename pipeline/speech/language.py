"""Language of a recording, by the probabilities that a recogniser gives to all that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CLOSE_SHARE = 0.5
"""Share of the best language's probability from which the second best is said to be close: the odds between the two are
then two to one at most. Chosen by that, not on data."""


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """Language that a recording is taken to be in."""

    code: str
    """ISO 639-1 code, where there is one."""
    probability: float | None = None
    """Its probability in 0..1 among all languages of the recogniser; None where it was named, not detected."""
    notes: tuple[str, ...] = ()
    """Remarks for people."""


def most_probable(probabilities: Mapping[str, float]) -> SpokenLanguage:
    """Return the most probable language, with a note where the second best is close to it.

    Args:
        probabilities: probability of each language by its code; at least one.
    """
    best, *others = sorted(probabilities, key=lambda code: -probabilities[code])
    share = probabilities[best]
    if not others or probabilities[others[0]] < CLOSE_SHARE * share:
        return SpokenLanguage(best, share)
    note = (
        f"the language was taken to be {best} (probability {share:.2f}), and {others[0]} is close "
        f"({probabilities[others[0]]:.2f}): if the words are in the wrong one, name the other with --whisper-language"
    )
    return SpokenLanguage(best, share, (note,))

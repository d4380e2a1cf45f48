"""Graphemes: a letter with all its marks, which a reader takes for one letter, and which is never torn."""

from __future__ import annotations

import unicodedata

import regex

VIRAMA = 9
"""Combining class of the signs that join a consonant with the next one, and of a few that do not."""

ASAT = "\u103a"
"""The Burmese sign of that class that ends a syllable."""

VOWELS_BEFORE = regex.compile(r"\p{Logical_Order_Exception}")
"""Vowels that are written before their consonant and are letters to Unicode: those of Thai, Lao and Tai scripts."""

VOWELS_AFTER = frozenset("\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\u0ebd")
"""Vowels that are written after their consonant and are letters to Unicode: those of Thai and Lao."""

MARKS = ("Mn", "Mc", "Me")
"""Categories of marks, which sit on, under or beside another letter."""


def clusters(text: str) -> list[str]:
    """Return *text* in parts that must stay together.

    The parts are the extended grapheme clusters of Unicode (UAX 29), as the regex package has them, with every mark
    that follows, which for some Burmese signs they leave out; consonants that a virama joins are one part in every
    script, and so is a Thai or Lao consonant with the vowels before and after it.
    """
    found: list[str] = []
    for cluster in regex.findall(r"\X", text):
        kind = unicodedata.category(cluster[0])
        if found and (kind in MARKS or cluster[0] in VOWELS_AFTER or (kind == "Lo" and _joins(found[-1]))):
            found[-1] += cluster
        else:
            found.append(cluster)
    return found


def is_torn(before: str, after: str) -> bool:
    """Return True where the end of *before* and the beginning of *after* are parts of one letter."""
    return bool(before and after) and len(clusters(clusters(before)[-1] + clusters(after)[0])) == 1


def cluster_columns(cluster: str) -> int:
    """Return the width of a cluster on screen: two for a wide one, such as Chinese or emoji, none for marks alone."""
    if any(unicodedata.east_asian_width(letter) in "WF" for letter in cluster):
        return 2
    return sum(unicodedata.category(letter) not in (*MARKS, "Cf") for letter in cluster)


def _joins(cluster: str) -> bool:
    if VOWELS_BEFORE.fullmatch(cluster):
        return True
    marks = cluster.rstrip("\u200d")
    return bool(marks) and unicodedata.combining(marks[-1]) == VIRAMA and marks[-1] != ASAT

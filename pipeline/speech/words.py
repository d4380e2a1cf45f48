"""Words of a text and times for those that have none: pure functions, shared by every source of words."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from pipeline.outputs.graphemes import clusters

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Thai and Lao, Burmese, Khmer, kana, Han: scripts without spaces, which Whisper too splits by the character."""

_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_LEADING = ("Pd", "Ps", "Pi")
"""Unicode categories of dashes, brackets and quotes that belong to the word after them."""

_WRAPPED_LINE = re.compile(f"(?<=[{_UNSPACED}])[^\\S\\n]*\\n\\s*(?=[{_UNSPACED}])")


def split_words(text: str) -> tuple[str, ...]:
    """Split a text into words in Whisper's convention: each begins with the space that separates it from the one
    before.

    Scripts without spaces give one word a letter with its marks. A text without a letter or digit has no words.

    Returns:
        Words whose join is the text, its white space made single spaces; the first begins with a space unless its
        script has none.
    """
    pieces: list[str] = []
    for token in _WRAPPED_LINE.sub("", text).split():
        first, *others = _pieces(token)
        pieces.extend([first if not pieces and is_unspaced(token) else f" {first}", *others])
    return tuple(joined for joined, _ in attach_marks(pieces))


def attach_marks(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Join texts to words with the marks between them: nobody says a mark, so that it is no word by itself.

    Opening marks and dashes go to the word after them, all others to the word before.

    Returns:
        Each word with its marks, and its place in *texts*; the join of the words is that of *texts*. Empty when there
        is no word.
    """
    found: list[tuple[str, int]] = []
    waiting = ""
    for index, text in enumerate(texts):
        if is_spoken(text):
            found.append((waiting + text, index))
            waiting = ""
        elif found and not waiting and unicodedata.category((text.strip() or " ")[0]) not in _LEADING:
            found[-1] = (found[-1][0] + text, found[-1][1])
        else:
            waiting += text
    if waiting and found:
        found[-1] = (found[-1][0] + waiting, found[-1][1])
    return found


def is_spoken(text: str) -> bool:
    """Return True where *text* has anything to say: a letter or a digit."""
    return any(character.isalnum() for character in text)


def is_unspaced(text: str) -> bool:
    """Return True where the first letter of *text* is of a script that puts no spaces between words."""
    first = next((character for character in text if character.isalnum()), "")
    return bool(_UNSPACED_CHARACTER.match(first))


def spread(texts: Sequence[str], start_s: float, end_s: float) -> np.ndarray:
    """Spread words over a span by their share of the characters: (N, 2) float64 seconds, from *start_s* to *end_s*."""
    lengths = [max(len(text.strip()), 1) for text in texts]
    edges = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
    edges = start_s + (end_s - start_s) * edges / max(edges[-1], 1.0)
    edges = np.clip(edges, start_s, end_s)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def place_words(
    texts: Sequence[str], times_s: np.ndarray, low_s: float, high_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Make the times of consecutive words sound: ordered, inside their span, none missing.

    Words never begin before the one ahead of them has begun, and end no later than the next one with a time begins.
    Words without a time share the room between their neighbours by their number of characters; where there is none,
    they get a moment without length.

    Args:
        texts: N words.
        times_s: (N, 2) float64 start and end; NaN in either marks a word without a time.
        low_s: no word begins earlier.
        high_s: no word ends later.

    Returns:
        (N, 2) float64 start and end, and (N,) bool: True where the word had a time of its own.
    """
    measured = np.isfinite(times_s[:, 0]) & np.isfinite(times_s[:, 1])
    placed = np.full((len(texts), 2), np.nan)
    known = np.flatnonzero(measured)
    starts = np.maximum.accumulate(np.clip(times_s[known, 0], low_s, high_s)) if len(known) else np.zeros(0)
    ends = np.maximum(np.clip(times_s[known, 1], low_s, high_s), starts)
    ends[:-1] = np.minimum(ends[:-1], starts[1:])
    placed[known, 0], placed[known, 1] = starts, ends
    for had_time, run in itertools.groupby(range(len(texts)), key=lambda index: bool(measured[index])):
        if had_time:
            continue
        missing = list(run)
        before, after = missing[0] - 1, missing[-1] + 1
        start_s = float(placed[before, 1]) if before >= 0 else low_s
        end_s = float(placed[after, 0]) if after < len(texts) else high_s
        placed[missing] = spread([texts[index] for index in missing], start_s, end_s)
    return placed, measured


def _pieces(token: str) -> list[str]:
    """Cut one token without white space at every letter, with its marks, of a script without spaces."""
    pieces: list[str] = []
    open_, unspaced = True, False
    for cluster in clusters(token):
        character = cluster[0]
        category = unicodedata.category(character)
        own = bool(_UNSPACED_CHARACTER.match(character)) and not category.startswith("M") and character.isalnum()
        opening = category in _LEADING[1:]
        begins = own or opening or (unspaced and character.isalnum())
        if pieces and (open_ or not begins):
            pieces[-1] += cluster
        else:
            pieces.append(cluster)
        open_ = opening or (open_ and not character.isalnum())
        if character.isalnum():
            unspaced = own
    return pieces

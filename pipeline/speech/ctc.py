"""Alignment of known words to the output of a CTC network: pure functions of scores and labels.

A network of this kind scores, for every 20 ms of sound, each letter of its dictionary and a blank. The most probable
path through these scores that spells the words in their order is torchaudio's ``forced_align`` (Viterbi search over
blanks and labels; Kürzinger et al., "CTC-Segmentation of Large Corpora", 2020, and Pratap et al., "Scaling Speech
Technology to 1,000+ Languages", 2023, which also has the idea of a label for sounds that cannot be spelled).
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import forced_align, merge_tokens

BLANK = 0
"""Number of the blank in the dictionaries of torchaudio."""

ANYTHING_COST = 0.05
"""Log probability by which "anything" is worse than the best label of a frame: enough that it takes the frames which
no known word explains, and leaves silence to the blank."""

LOWEST_SCORE = -1e4
"""Log probability in the place of that of zero, with which the search cannot compute."""

_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŋ": "ng"}
"""Spellings of Latin letters that are not a base letter with a mark."""


def spelled(text: str, labels: Mapping[str, int]) -> tuple[int, ...]:
    """Return the labels of a word as written: its letters without marks and punctuation.

    Args:
        text: one word, with its punctuation.
        labels: dictionary of the network, in small letters.

    Returns:
        Empty when the word has a letter or digit that the dictionary lacks, or none at all.
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    letters = [_LETTERS.get(character, character) for character in plain if not unicodedata.combining(character)]
    kept = "".join(character for character in "".join(letters) if character.isalnum() or character == "'").strip("'")
    if any(character.isalnum() and character not in labels for character in kept):
        return ()
    return tuple(labels[character] for character in kept if character in labels)


def word_frames(log_probs: Tensor, words: Sequence[Sequence[int]], separator: int | None = None) -> np.ndarray | None:
    """Return the frames of each word on the most probable path.

    A word without labels is taken to be said, somehow: it gets the sound that its neighbours do not explain.

    Args:
        log_probs: (T, C) float32 log probabilities, `BLANK` first.
        words: labels of each word, in their order; empty for a word that cannot be spelled.
        separator: label that the network gives between two words; None where it has none.

    Returns:
        (N, 2) float64: first frame of the first letter and the frame after the last letter; NaN for words without
        labels. None when there are fewer frames than letters, or no word has labels.
    """
    if not any(words) or not len(log_probs):
        return None
    anything = log_probs.shape[1]
    groups: list[tuple[int | None, tuple[int, ...]]] = []
    for known, run in itertools.groupby(range(len(words)), key=lambda index: bool(words[index])):
        groups += [(index, tuple(words[index])) for index in run] if known else [(None, (anything,))]
    targets: list[int] = []
    owners: list[int | None] = []
    for place, (index, labels) in enumerate(groups):
        if place and separator is not None:
            targets.append(separator)
            owners.append(None)
        targets += labels
        owners += [index] * len(labels)
    repeats = sum(one == other for one, other in itertools.pairwise(targets))
    if len(targets) + repeats > len(log_probs):
        return None
    scores = torch.clamp(torch.nan_to_num(log_probs.float(), nan=LOWEST_SCORE), min=LOWEST_SCORE)
    scores = torch.cat([scores, scores.max(dim=1, keepdim=True).values - ANYTHING_COST], dim=1)
    path, along = forced_align(scores[None], torch.tensor([targets], dtype=torch.int32), blank=BLANK)
    frames = np.full((len(words), 2), np.nan)
    for owner, span in zip(owners, merge_tokens(path[0], along[0], BLANK), strict=True):
        if owner is not None:
            frames[owner, 0] = np.fmin(frames[owner, 0], span.start)
            frames[owner, 1] = span.end
    return frames

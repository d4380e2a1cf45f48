"""Ends of sentences, from punctuation alone: a function of a word and the one after it."""

from __future__ import annotations

import re

from pipeline.attribution.abbreviations import (
    ANY_LANGUAGE,
    BEFORE_NOUN,
    BEFORE_NUMBER,
    MAYBE_LAST,
    NEVER_LAST,
    NO_ABBREVIATIONS,
    ONE_LETTER_WORDS,
    SMALL_ONLY,
    begins_sentence,
    is_title,
    listed_abbreviations,
    word_set,
)

FINAL = ".!?…‥" + "。！？．｡" + "؟۔" + "।॥" + "։።။។"
"""Marks that end a sentence: Latin, Cyrillic and Greek; Chinese and Japanese; Arabic and Urdu; Hindi and its
neighbours; Armenian, Ethiopic, Burmese and Khmer."""

GREEK_QUESTION = ";\u037e"
"""The Greek question mark, and the semicolon that it is mostly typed as: final in Greek only."""

OPENING = "\"'“‘„«‹¿¡([{「『（【《〈［｛-–—"
"""Marks that may stand before a word."""

CLOSING = "\"'”’“»›)]}」』）】》〉］｝"
"""Quotation marks and brackets that may follow the mark."""

ORDINAL_LANGUAGES = word_set("de da nb nn no fi cs sk sl hr sr bs hu et lv is pl tr")
"""Languages that write ordinals with a point: ``am 3. Mai``."""

YEAR_DIGITS = 4
"""Digits from which a number is no ordinal."""

SHORT_DOTTED = re.compile(r"\w{1,3}\.")
"""Parts that follow the first one of an abbreviation that is written with spaces."""

DOTTED = re.compile(r"\w(\.\w)+")
"""Letters with points between them: ``U.S``, ``z.B``. The sentence goes on after them, unless a pause ends it."""


def ends_sentence(text: str, following: str, language: str = "en") -> bool:
    """Return True where a sentence ends after the word *text*.

    Args:
        text: the word with its punctuation.
        following: the word after it, with the space in front that it has; empty when there is none.
        language: ISO 639-1 code.
    """
    bare = text.strip().rstrip(CLOSING)
    final = FINAL + GREEK_QUESTION if language == "el" else FINAL
    if not bare or bare[-1] not in final:
        return False
    if not following.strip():
        return True
    goes_on = following.strip().lstrip(OPENING)[:1].islower()
    if bare[-1] == "." and not bare.endswith(".."):
        return _point_ends(bare[:-1].lstrip(OPENING), following, goes_on, language)
    closed = len(bare) < len(text.strip())
    return not (goes_on and (closed or bare[-1] in ".…‥!"))


def _point_ends(word: str, following: str, goes_on: bool, language: str) -> bool:
    """Return True where the point after *word* ends a sentence, not an abbreviation or a part of a number."""
    next_word = following.strip().lstrip(OPENING)
    if word[-1:].isdigit():
        decimal = following[:1].isdigit()
        is_ordinal = language in ORDINAL_LANGUAGES and word.isdigit() and len(word) < YEAR_DIGITS
        return not decimal and (not is_ordinal or begins_sentence(next_word, language))
    small = word.lower()
    if len(word) == 1 and word.islower():
        return small in ONE_LETTER_WORDS.get(language, ()) and not SHORT_DOTTED.fullmatch(following.strip())
    is_number, is_listed = next_word[:1].isdigit(), small in listed_abbreviations(language)
    if is_number and (small in BEFORE_NUMBER or (is_listed and small not in NO_ABBREVIATIONS)):
        return False
    if small in ANY_LANGUAGE or small in NEVER_LAST.get(language, ()) or word in SMALL_ONLY.get(language, ()):
        return False
    if small in BEFORE_NOUN.get(language, ()):
        return begins_sentence(next_word, language)
    if small in MAYBE_LAST or (goes_on and is_listed):
        return not goes_on
    if is_title(word, language):
        return False
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not initial and DOTTED.fullmatch(word) is None

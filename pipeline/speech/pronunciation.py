"""Pronunciation of an English word of a written text: words of a dictionary, or a guess from its letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_SCALES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))
_LARGEST = 10**12

_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at "}

_LONGEST_ACRONYM = 5
"""Most letters of an abbreviation; a longer unknown word in capitals is a shout."""

_GRAPHEMES = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "igh": "AY", "tch": "CH",
    "sch": "SH", "dge": "JH", "eau": "OW", "cz": "CH", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W",
    "ck": "K", "ng": "NG", "qu": "K W", "gh": "G", "zh": "ZH", "ts": "T S", "ee": "IY", "ea": "IY", "oo": "UW",
    "ou": "AW", "ow": "OW", "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "ei": "EY",
    "ey": "IY", "ie": "IY", "ue": "UW", "ui": "UW", "oa": "OW", "ar": "AA R", "er": "ER", "ir": "ER", "ur": "ER",
    "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH",
    "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T",
    "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
"""Phones of the CMU dictionary for letters, in the commonest reading of each; written here, not measured."""

_LONGEST_GRAPHEME = max(map(len, _GRAPHEMES))


@dataclass(frozen=True, slots=True)
class Spoken:
    """Spoken form of one word of a text."""

    parts: tuple[str, ...]
    """Words in small letters, to be looked up; empty where the text cannot be said in English."""
    sure: bool
    """True where every part is in the dictionary and stands in the text: no number and no guess."""


def spoken_form(text: str, known: Callable[[str], bool]) -> Spoken:
    """Return the words that are said for one word of a written text.

    Accents are dropped; hyphens and slashes separate; digits become number words; short abbreviations in capitals
    that the dictionary lacks are spelled. Any other word stays whole, and its pronunciation is for `guessed_phones`.

    Args:
        text: the word with its punctuation.
        known: function that returns True where the dictionary has a word, in small letters.
    """
    plain = unicodedata.normalize("NFKD", text).replace("’", "'")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    for sign, name in _SIGNS.items():
        plain = plain.replace(sign, name)
    plain = re.sub(r"(?<=\d)\.(\d+)", lambda found: " point " + " ".join(found[1]), plain)
    parts: list[str] = []
    sure = all(character.isascii() for character in plain if character.isalnum())
    for token in re.findall(r"[A-Za-z']+|[0-9]+(?:,[0-9]{3})*", plain):
        if token[0].isdigit():
            parts.extend(number_words(token))
            sure = False
        elif word := _dictionary_word(token.lower(), known):
            parts.append(word)
        elif token.isupper() and len(token) <= _LONGEST_ACRONYM and "'" not in token:
            parts.extend(token.lower())
        elif bare := token.lower().replace("'", ""):
            parts.append(bare)
            sure = False
    return Spoken(tuple(parts), sure and bool(parts))


def number_words(number: str) -> list[str]:
    """Return the words of a whole number: four digits that look like a year in pairs, very long or zero-led ones by
    digit.

    Args:
        number: digits, with commas between the thousands or without; with them it is no year.
    """
    digits = number.replace(",", "")
    value = int(digits) if len(digits) <= len(str(_LARGEST)) else _LARGEST
    if value >= _LARGEST or (len(digits) > 1 and digits.startswith("0")):
        return [_ONES[int(digit)] for digit in digits]
    if len(number) == 4 and (1100 <= value < 2000 or 2010 <= value < 2100) and value % 100:
        tail = value % 100
        return [*_cardinal(value // 100), *(["oh"] if tail < 10 else []), *_cardinal(tail)]
    return _cardinal(value)


def guessed_phones(word: str) -> str:
    """Guess the phones of a word that no dictionary has, by the commonest reading of its letters.

    Good enough to give the word its length in an alignment; not to recognise it.

    Args:
        word: small letters a to z only, at least one.
    """
    if len(word) > 2 and word[-1] == "e" and word[-2] not in "aeiouy":
        word = word[:-1]
    phones: list[str] = []
    at = 0
    while at < len(word):
        if at + 1 < len(word) and word[at] == word[at + 1] and word[at] not in "aeo":
            at += 1
            continue
        size = next(size for size in range(_LONGEST_GRAPHEME, 0, -1) if word[at : at + size] in _GRAPHEMES)
        grapheme = word[at : at + size]
        softened = grapheme == "c" and word[at + 1 : at + 2] in ("e", "i", "y")
        phones.append("S" if softened else "Y" if grapheme == "y" and at == 0 else _GRAPHEMES[grapheme])
        at += size
    return " ".join(phones)


def _dictionary_word(token: str, known: Callable[[str], bool]) -> str | None:
    return next((form for form in (token, token.strip("'")) if form and known(form)), None)


def _cardinal(value: int) -> list[str]:
    if value < 20:
        return [_ONES[value]]
    if value < 100:
        return [_TENS[value // 10 - 2], *(_cardinal(value % 10) if value % 10 else [])]
    size, name = next((size, name) for size, name in _SCALES if value >= size)
    return [*_cardinal(value // size), name, *(_cardinal(value % size) if value % size else [])]

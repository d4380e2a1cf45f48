"""Where a sentence ends, from punctuation alone: a function of a word and the one after it."""

from __future__ import annotations

import functools
import re

FINAL = ".!?…‥" + "。！？．｡" + "؟۔" + "।॥" + "։።။។"
"""Marks that end a sentence: Latin, Cyrillic and Greek; Chinese and Japanese; Arabic and Urdu; Hindi and its
neighbours; Armenian, Ethiopic, Burmese and Khmer."""

GREEK_QUESTION = ";\u037e"
"""The Greek question mark, and the semicolon that it is mostly typed as: final in Greek only."""

OPENING = "\"'“‘„«‹¿¡([{「『（【《〈［｛-–—"
"""What may stand before a word."""

CLOSING = "\"'”’“»›)]}」』）】》〉］｝"
"""Quotation marks and brackets that may follow the mark."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ANY_LANGUAGE = _set("dr prof st vs approx ca e.g i.e")
NEVER_LAST = {
    "en": _set("mr mrs ms messrs mt rev hon gen col maj capt lt sgt cmdr sen gov pres"),
    "de": _set("hr fr frau bzw z.b d.h u.a bspw evtl ggf inkl zzgl sog vgl str"),
    "fr": _set("m mm mme mlle mgr me"),
    "es": _set("sr sra srta ud uds dra dña"),
    "it": _set("sig sig.ra sig.na dott dott.ssa ing avv"),
    "pt": _set("sr sra srta dra exmo"),
    "nl": _set("dhr mevr mw drs ir bijv m.b.t d.w.z"),
    "pl": _set("np tzw ul mgr inż"),
    "ru": _set("г ул им т.е т.к т.н"),
    "sv": _set("t.ex bl.a s.k d.v.s"),
    "da": _set("f.eks bl.a dvs"),
}
"""Abbreviations after which a sentence goes on, by language, without their last point. None is a common word that
may well stand last."""

BEFORE_NUMBER = _set("no nos nr nº n° fig vol art p pp s abs cap chap sec núm č")
"""Abbreviations only in front of a number: ``No. 5``, but ``No. I won't.``"""

MAYBE_LAST = _set("etc inc ltd co corp bros jr sr a.m p.m usw etw ltda cie al bzgl др пр")
"""Abbreviations that end a sentence unless the next word begins small."""

ORDINAL_LANGUAGES = _set("de da nb nn no fi cs sk sl hr sr bs hu et lv is pl tr")
"""Languages that write ordinals with a point: ``am 3. Mai``."""

ONE_LETTER_WORDS = {
    "en": _set("a i o"),
    "fr": _set("a à y ô"),
    "es": _set("a e o u y"),
    "it": _set("a e è i o"),
    "pt": _set("a à e é o"),
    "ca": _set("a e i o"),
    "ro": _set("a e o"),
    "pl": _set("a i o u w z"),
    "cs": _set("a i k o s u v z"),
    "sk": _set("a i k o s u v z"),
    "hr": _set("a i k o s u"),
    "sl": _set("a h in k o s v z"),
    "sr": _set("а и к о с у a i k o s u"),
    "bg": _set("а в и о с"),
    "ru": _set("а в и к о с у я"),
    "uk": _set("а в з і й о у я є"),
    "sv": _set("i å ö"),
    "da": _set("i å ø"),
    "nb": _set("i å ø"),
    "no": _set("i å ø"),
    "hu": _set("a ő s"),
}
"""Words of one letter, which may stand last; any other small letter with a point is an abbreviation, or a part of one
that is written with spaces: ``z. B.``, ``p. ex.``, ``т. е.``."""

SHORT_DOTTED = re.compile(r"\w{1,3}\.")
"""What follows the first part of such an abbreviation."""

DOTTED = re.compile(r"\w(\.\w)+")
"""Letters with points between them: ``U.S``, ``z.B``. They rather go on; a pause parts them all the same."""


def ends_sentence(text: str, following: str, language: str = "en") -> bool:
    """Whether a sentence ends after the word *text*.

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
    """Whether the point after *word* ends a sentence, rather than an abbreviation or a part of a number."""
    if word[-1:].isdigit():
        decimal = following[:1].isdigit()
        return not decimal and not (language in ORDINAL_LANGUAGES and word.isdigit())
    small = word.lower()
    if len(word) == 1 and word.islower():
        return small in ONE_LETTER_WORDS.get(language, ()) and not SHORT_DOTTED.fullmatch(following.strip())
    if small in MAYBE_LAST or (goes_on and small in listed_abbreviations(language)):
        return not goes_on
    if small in BEFORE_NUMBER and following.strip()[:1].isdigit():
        return False
    if small in ANY_LANGUAGE or small in NEVER_LAST.get(language, ()):
        return False
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not initial and DOTTED.fullmatch(word) is None


@functools.cache
def listed_abbreviations(language: str) -> frozenset[str]:
    """Return the abbreviations of a language that pysbd lists, in small letters and without their last point.

    Its lists hold words that are none, too; here they count only where the next word begins small.
    """
    from pysbd.languages import LANGUAGE_CODES

    listed = getattr(LANGUAGE_CODES.get(language), "Abbreviation", None)
    return frozenset(word.strip().rstrip(".").lower() for word in getattr(listed, "ABBREVIATIONS", ()))

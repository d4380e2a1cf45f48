"""Abbreviations, whose points end no sentence: those that pysbd lists, and those that it lacks."""

from __future__ import annotations

import functools


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ANY_LANGUAGE = word_set("dr prof st vs approx ca e.g i.e")
NEVER_LAST = {
    "en": word_set(
        "mr mrs ms messrs mt rev hon gen col maj capt lt sgt cmdr sen gov pres adm brig cpl supt pvt pfc atty"
    ),
    "de": word_set(
        "hr fr frau frl fam fa hl gebr geb verh verw bzw z.b d.h u.a bspw evtl ggf gem lt inkl exkl einschl zzgl abzgl "
        "zw wg bzgl bezgl betr sog vgl allg insb insbes ehem dt engl franz röm kath öff spez durchschn versch hrsg abb "
        "anm nr tel dipl dipl.-ing ing univ univ.-prof med phil jur rer priv"
    ),
    "fr": word_set("m mm mme mlle mgr me ex av c.-à-d"),
    "es": word_set("sr sra srta ud uds dra dña ej ee"),
    "it": word_set("sig sig.ra sig.na dott dott.ssa ing avv es"),
    "pt": word_set("sr sra srta dra exmo"),
    "nl": word_set("dhr mevr mw drs ir bijv m.b.t d.w.z"),
    "pl": word_set("np tzw tzn ul mgr inż in"),
    "ru": word_set("г ул им т.е т.к т.н"),
    "sv": word_set("t.ex ex bl.a bl s.k d.v.s"),
    "da": word_set("f.eks eks bl.a bl dvs"),
    "nb": word_set("f.eks eks bl.a bl dvs"),
    "no": word_set("f.eks eks bl.a bl dvs"),
}
"""Abbreviations after which a sentence goes on, by language, without their last point. None is a common word that
may well stand last."""

BEFORE_NUMBER = word_set(
    "no nos nr nº n° fig vol art p pp s abs cap chap kap sec núm č bd bde tab ziff aufl pág págs pag pagg env "
    "jan feb febr mär apr jun jul aug sep sept okt oct nov dez dec"
)
"""Abbreviations only in front of a number: ``No. 5``, but ``No. I won't.``"""

MAYBE_LAST = word_set("etc inc ltd co corp bros jr sr a.m p.m usw etw ltda cie al др пр")
"""Abbreviations that end a sentence unless the next word begins small."""

BEFORE_NOUN = {
    "de": word_set(
        "mio mrd tsd std min sek chr jh jhd jhdt jan feb febr mär apr jun jul aug sep sept okt nov dez bd kap tab"
    )
}
"""Abbreviations that end a sentence only where the next word is one of `OPENERS`: in German every noun begins large."""

OPENERS = {
    "de": word_set(
        "Aber Also Beim Bis Dabei Damals Damit Danach Dann Darum Dazu Denn Deshalb Deswegen Dies Diese Dieser Dieses "
        "Doch Dort Du Er Ihr Ja Jedoch Kein Keine Man Nein Nun Oder Seit Sie Trotzdem Vom Von Vor Wo Zum Zur"
    )
}
"""Words that often begin a sentence, beside those of pysbd."""

SMALL_ONLY = {"de": word_set("max mind")}
"""Abbreviations after which a sentence goes on where they are written small: large they are a name."""

ONE_LETTER_WORDS = {
    "en": word_set("a i o"),
    "fr": word_set("a à y ô"),
    "es": word_set("a e o u y"),
    "it": word_set("a e è i o"),
    "pt": word_set("a à e é o"),
    "ca": word_set("a e i o"),
    "ro": word_set("a e o"),
    "pl": word_set("a i o u w z"),
    "cs": word_set("a i k o s u v z"),
    "sk": word_set("a i k o s u v z"),
    "hr": word_set("a i k o s u"),
    "sl": word_set("a h in k o s v z"),
    "sr": word_set("а и к о с у a i k o s u"),
    "bg": word_set("а в и о с"),
    "ru": word_set("а в и о с у я"),
    "uk": word_set("а в з і й о у я є"),
    "sv": word_set("i å ö"),
    "da": word_set("i å ø"),
    "nb": word_set("i å ø"),
    "no": word_set("i å ø"),
    "hu": word_set("a ő s"),
}
"""Words of one letter, which may stand last; any other small letter with a point is an abbreviation, or a part of one
that is written with spaces: ``z. B.``, ``p. ex.``, ``т. е.``."""

NO_ABBREVIATIONS = word_set("bien bis id ill is man may me miss no ok")
"""Words among those that pysbd lists, which may stand before a number."""


def is_title(word: str, language: str) -> bool:
    """Return True for a title in front of an English name, such as ``Rep.``. Source: the list of pysbd."""
    return language == "en" and word[:1].isupper() and word.lower() in _of_pysbd("en", "PREPOSITIVE_ABBREVIATIONS")


def begins_sentence(following: str, language: str) -> bool:
    """Return True where the first word of *following* often begins a sentence; only some languages have a list."""
    word = next(iter(following.split()), "").rstrip(",;:")
    return word in OPENERS.get(language, ()) or word in _openers_of_pysbd(language)


def listed_abbreviations(language: str) -> frozenset[str]:
    """Return the abbreviations of a language that pysbd lists, in small letters and without their last point.

    Some words in its lists are no abbreviations. The lists count here only before a small letter or a number.
    """
    return _of_pysbd(language, "ABBREVIATIONS")


@functools.cache
def _of_pysbd(language: str, name: str) -> frozenset[str]:
    from pysbd.languages import LANGUAGE_CODES

    listed = getattr(LANGUAGE_CODES.get(language), "Abbreviation", None)
    return frozenset(word.strip().rstrip(".").lower() for word in getattr(listed, name, ()))


@functools.cache
def _openers_of_pysbd(language: str) -> frozenset[str]:
    from pysbd.languages import LANGUAGE_CODES

    replacer = getattr(LANGUAGE_CODES.get(language), "AbbreviationReplacer", None)
    return frozenset(getattr(replacer, "SENTENCE_STARTERS", ()))

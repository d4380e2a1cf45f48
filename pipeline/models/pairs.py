"""Models that go together: networks with two files, helpers, and the one that aligns a language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTNERS: Mapping[str, str] = MappingProxyType(
    {"talknet": "talknet-ava", "lr-asd": "lr-asd-ava", "light-asd": "light-asd-ava"}
)
"""Other weights of the same network, used together with its own; where one file is missing, the other is alone."""

UNASKED_PARTNERS = frozenset({"talknet-ava"})
"""Those that a run does not fetch: their joint use is fitted to no footage, as the file could not be had."""

NETWORKS: Mapping[str, str] = MappingProxyType({other: name for name, other in PARTNERS.items()})
"""The model of whose network each of those is."""

HELPERS: Mapping[str, str] = MappingProxyType(dict.fromkeys(("mobilefacenet", "sface", "auraface"), "yunet"))
"""Helper of each model, which finds the landmarks that it needs. MTCNN does that where the helper's file is missing."""


def alignment_model(language: str) -> str:
    """Return the network that aligns words of a language to the sound: the smaller one where it is known to be
    English."""
    return "wav2vec2-base-960h" if language == "en" else "mms-fa"

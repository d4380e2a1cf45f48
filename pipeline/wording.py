"""Numbers and lists as people write them."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: Sequence[str]) -> str:
    """``clips``, ``clips and speech``, ``clips, speech and vision``."""
    return " and ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])

"""Repairs of a file of the user's, listed for people."""

from __future__ import annotations

SHOWN = 3
"""Repairs of one file that are listed one by one; the rest is counted."""


class Repairs:
    """Repairs of one file."""

    def __init__(self) -> None:
        self._told: list[str] = []

    @property
    def first(self) -> str:
        """The first repair; empty without one."""
        return self._told[0] if self._told else ""

    def add(self, place: str, text: str) -> None:
        """Add one repair.

        Args:
            place: place in the file, such as ``line 12``.
            text: the fault, and its repair.
        """
        self._told.append(f"{place}: {text}")

    def notes(self, name: str) -> tuple[str, ...]:
        """Return a line for people about the file *name*; nothing where nothing was mended."""
        if not self._told:
            return ()
        more = len(self._told) - SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        return (f"{name} was mended: {'; '.join(self._told[:SHOWN])}{rest}",)

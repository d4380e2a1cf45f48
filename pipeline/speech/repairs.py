"""What was wrong in a file of the user's and could be mended, for people."""

from __future__ import annotations

SHOWN = 3
"""Repairs of one file that are told one by one; the rest is counted."""


class Repairs:
    """Collects what was mended in one file."""

    def __init__(self) -> None:
        self._told: list[str] = []

    @property
    def first(self) -> str:
        """The first repair; empty without one."""
        return self._told[0] if self._told else ""

    def add(self, place: str, text: str) -> None:
        """Take in one repair.

        Args:
            place: in the file, such as ``line 12``.
            text: what was wrong, and what was done.
        """
        self._told.append(f"{place}: {text}")

    def notes(self, name: str) -> tuple[str, ...]:
        """Return a line for people about the file *name*; nothing where nothing was mended."""
        if not self._told:
            return ()
        more = len(self._told) - SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        return (f"{name} was mended: {'; '.join(self._told[:SHOWN])}{rest}",)

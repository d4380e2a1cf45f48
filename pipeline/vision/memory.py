"""Counts of batches that the models of one video halved because the device ran out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class HasMemory(Protocol):
    """A model that halves its batch when the device runs out of memory."""

    @property
    def memory_reductions(self) -> int:
        """Number of times that it did since loading."""
        ...


class HalvedBatches:
    """The halved batches of one video, of models that serve many."""

    def __init__(self) -> None:
        self._counts = {"face detector": 0, "speaker model": 0, "identity model": 0}

    @contextmanager
    def noting(self, name: str, model: HasMemory) -> Iterator[None]:
        """Count how often *model* halves its batch inside; *name* is what people call it."""
        before = model.memory_reductions
        yield
        self._counts[name] += model.memory_reductions - before

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each model for which the device ran out of memory."""
        return tuple(
            f"the device ran out of memory: the batch of the {model} was halved {count} time{'s' * (count > 1)}"
            for model, count in self._counts.items()
            if count
        )

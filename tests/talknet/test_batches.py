from __future__ import annotations

import pytest
import torch

from talknet.batches import Batches


def _runs(batches: Batches, count: int, fits: int, unit: int = 1) -> list[tuple[int, int]]:
    def work(start: int, stop: int) -> tuple[int, int]:
        if stop - start > fits:
            raise torch.OutOfMemoryError("no memory")
        return start, stop

    return [result for _, _, result in batches.run("frames", count, work, unit)]


def test_items_are_done_in_order_in_batches() -> None:
    assert _runs(Batches(frames=4), 10, fits=4) == [(0, 4), (4, 8), (8, 10)]


def test_a_batch_is_halved_until_it_fits() -> None:
    batches = Batches(frames=16)
    assert _runs(batches, 8, fits=3) == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert batches.reductions == 2


def test_what_was_learnt_holds_for_later_work() -> None:
    batches = Batches(frames=16)
    _runs(batches, 16, fits=4)
    learnt = batches.reductions
    _runs(batches, 16, fits=4)
    assert batches.reductions == learnt


def test_an_item_larger_than_the_batch_is_done_alone() -> None:
    assert _runs(Batches(frames=4), 3, fits=1, unit=100) == [(0, 1), (1, 2), (2, 3)]


def test_large_items_are_halved_too() -> None:
    assert _runs(Batches(frames=1000), 4, fits=1, unit=100) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_one_item_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        _runs(Batches(frames=4), 3, fits=0)

"""Work beside the thread that leads a run: in its order, and its errors are raised where results are taken."""

from __future__ import annotations

import threading

import pytest

from pipeline.executors.background import Background


def test_calls_run_in_their_order_in_one_other_thread_and_results_come_back_here() -> None:
    woken, ran, taken = threading.Semaphore(0), [], []
    background = Background(woken.release)
    for number in range(20):
        background.submit(
            lambda number=number: ran.append((number, threading.current_thread().name)) or number, taken.append
        )
    for _ in range(20):
        assert woken.acquire(timeout=60)
    assert taken == [] and len(background) == 20
    background.take()
    assert taken == list(range(20)) and len(background) == 0
    assert [number for number, _ in ran] == taken and len({name for _, name in ran}) == 1
    assert ran[0][1] != threading.current_thread().name
    background.close()


def test_a_call_that_waits_holds_nobody_up() -> None:
    go, taken = threading.Event(), []
    background = Background()
    background.submit(go.wait, taken.append)
    background.take()
    assert taken == [] and len(background) == 1
    go.set()
    background.close()
    background.take()
    assert taken == [True]


def test_its_errors_are_raised_where_results_are_taken() -> None:
    background = Background()

    def fail() -> None:
        raise OSError("no room")

    background.submit(fail)
    background.close()
    with pytest.raises(OSError, match="no room"):
        background.take()


def test_what_was_submitted_is_done_before_it_closes() -> None:
    done = []
    background = Background()
    for number in range(5):
        background.submit(lambda number=number: done.append(number))
    background.close()
    assert done == list(range(5))


def test_a_call_that_does_not_end_keeps_nobody_from_ending() -> None:
    go, done = threading.Event(), []
    background = Background()
    background.submit(go.wait)
    background.submit(lambda: done.append(True))
    background.close(within_s=0.0)
    assert done == [] and len(background) == 2
    go.set()
    background.close()
    assert done == [True]

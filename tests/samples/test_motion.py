from __future__ import annotations

import numpy as np

from samples.motion import IDLE_SPREAD, SWAY, blinks, sway

TIMES_S = np.arange(0, 30, 0.04)


def test_sway_stays_within_its_amplitudes_and_moves_every_part() -> None:
    motion = sway(5, TIMES_S)
    assert motion.shape == (len(TIMES_S), 4)
    reached = np.abs(motion).max(axis=0) / (*SWAY, IDLE_SPREAD)
    assert (reached <= 1).all() and (reached > 0.3).all()


def test_seed_decides() -> None:
    assert np.array_equal(sway(5, TIMES_S), sway(5, TIMES_S))
    assert not np.allclose(sway(5, TIMES_S), sway(6, TIMES_S))


def test_eyes_are_mostly_open_and_blink_a_few_times() -> None:
    shut = blinks(5, TIMES_S)
    starts = int(((shut[1:] > 0) & (shut[:-1] == 0)).sum())
    assert 5 <= starts <= 13
    assert (shut == 0).mean() > 0.9 and shut.min() >= 0 and shut.max() <= 1

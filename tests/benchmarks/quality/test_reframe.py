"""Judgement of upright videos by who is seen in them when."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.quality.reframe import Count, Said, judged, jumps_in, looked_at, pooled

BOX = np.tile([0.0, 0.0, 9.0, 9.0], (200, 1))
SAID = Said([(10, 40, "ann"), (50, 90, "ann"), (100, 140, "ben"), (150, 160, None)], {"ann": BOX, "ben": BOX})


def _shown(switch: int, *extra: tuple[int, frozenset[Any]]) -> dict[int, frozenset[Any]]:
    shown = {frame: frozenset(["ann" if frame < switch else "ben"]) for frame in looked_at(SAID, 200)}
    return {**shown, **dict(extra)}


def test_all_frames_round_a_turn_are_looked_at_and_every_fifth_elsewhere() -> None:
    assert looked_at(SAID, 200) == {*range(0, 200, 5), *range(75, 126)}


def test_the_speaker_in_view() -> None:
    """Of 6, 8 and 8 looks at words, the four from 100 to 115 show ann instead of ben."""
    count = judged(SAID, _shown(120), [120], [])
    assert count.row()["speaker"] == round(1 - 4 / 22, 4)
    assert count.row()["switch_s"] == 0.8 and count.row()["switch_near"] == 0.0


def test_a_switch_before_the_first_word() -> None:
    row = judged(SAID, _shown(97), [97], []).row()
    assert (row["switch_s"], row["switch_near"], row["switches"]) == (-0.12, 1.0, 1)
    assert row["speaker"] == 1.0 and row["in_word"] == 0


def test_a_switch_at_a_cut_of_the_source_is_not_ours() -> None:
    assert judged(SAID, _shown(97), [], [97]).row()["switches"] == 0


def test_frames_of_nobody() -> None:
    shown = _shown(97, (20, frozenset()), (30, frozenset()))
    assert judged(SAID, shown, [], []).row()["nobody"] == round(2 / 40, 4)


def test_a_jump_stands_alone_and_motion_does_not() -> None:
    """Frame 3: the upright picture jumps; 6: both do; from 8 on it moves fast; 12: the source moves by half as much."""
    upright = [0, 1, 1, 40, 1, 1, 50, 1, 20, 25, 22, 1, 30, 1]
    source = [0, 1, 1, 2, 1, 1, 45, 1, 4, 5, 4, 1, 15, 9]
    assert jumps_in(np.stack([source, upright], axis=1).astype(float)) == ([3], [6])


def test_our_cuts() -> None:
    """The one at 60 is inside a word, the one at 73 comes 3 frames after one of the source."""
    row = judged(SAID, _shown(97), [60, 73, 150], [70]).row()
    assert (row["in_word"], row["late"], row["short"]) == (2, 1, 2)


def test_videos_are_pooled_by_their_frames_and_switches() -> None:
    one = Count([True] * 3, [False], [-0.12, 0.5], short=1, sound_equal=True, shift_ms=0.5)
    other = Count([False], [True] * 3, [-0.2], in_word=2, late=1, sound_equal=False, shift_ms=0.1)
    row = pooled([one, other]).row()
    assert (row["speaker"], row["frames"], row["nobody"]) == (0.75, 4, 0.75)
    assert (row["switch_s"], row["switch_near"], row["switches"]) == (-0.12, round(2 / 3, 4), 3)
    assert (row["short"], row["in_word"], row["late"]) == (1, 2, 1)
    assert (row["sound_equal"], row["shift_ms"]) == (False, 0.5)

"""Ranges as frames: from sentence to sentence, and why a range gives nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.framing.planner import plan_framing
from pipeline.framing.ranges import RangeRules, RefusedRange, SnappedRange, part_of_plan, snap_ranges
from pipeline.sources.ranges import GivenRange
from pipeline.types import AttributedWord, Sentence, Word
from tests.support.talks import HD, LEFT, RIGHT, UPRIGHT, faces, says

FRAMES = 25 * 60


def sentence(start_s: float, end_s: float, speaker: int = 1) -> Sentence:
    word = AttributedWord(Word(" word", start_s, end_s), None, speaker)
    return Sentence((word,), None, speaker, None, None, None, 0.0)


TALK = [sentence(2, 6), sentence(7, 12), sentence(14, 20), sentence(20.1, 25), sentence(40, 45)]


def snap(
    start_s: float,
    end_s: float,
    sentences: Sequence[Sentence] | None = TALK,
    *,
    changes: Sequence[int] = (),
    padding_s: float = 0.12,
    min_s: float = 0,
    max_s: float = 0,
    first: int = 0,
    stop: int = FRAMES,
) -> SnappedRange | RefusedRange:
    rules = RangeRules(padding_s, min_s, max_s)
    given = GivenRange(start_s, end_s, "", "line 1")
    (found,) = snap_ranges([given], sentences, first=first, stop=stop, changes=changes, rules=rules)
    return found


def frames(found: SnappedRange | RefusedRange) -> tuple[int, int]:
    assert isinstance(found, SnappedRange), found
    return found.first, found.stop


def why(found: SnappedRange | RefusedRange) -> tuple[str, str]:
    assert isinstance(found, RefusedRange), found
    return found.reason_code, found.message


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((6.8, 12.4), (172, 303)),  # 7 - 0.12 = 6.88 s, 12 + 0.12 = 12.12 s
        ((9.4, 16.9), (172, 303)),  # 2.6 of 5 s of the second sentence are inside, 2.9 of 6 s of the third are not
        ((9.6, 17.1), (347, 501)),  # 2.4 of 5 s are not, 3.1 of 6 s are; the stop is between 20 s and 20.1 s
        ((15, 16), (347, 501)),  # within one sentence: all of it
        ((0, 100), (47, 1128)),
    ],
)
def test_each_end_moves_to_the_nearest_end_of_a_sentence(span: tuple[float, float], expected: tuple[int, int]) -> None:
    assert frames(snap(*span)) == expected


def test_the_silence_around_holds_no_word_beside() -> None:
    assert frames(snap(14, 20, padding_s=1.0)) == (325, 501)  # 13 s; 20.05 s is the middle between two sentences
    assert frames(snap(20.1, 25, padding_s=1.0)) == (501, 650)


def test_the_silence_around_ends_where_the_picture_changes() -> None:
    assert frames(snap(14, 20, padding_s=1.0, changes=[330, 400])) == (330, 501)
    assert frames(snap(7, 12, padding_s=1.0, changes=[100, 305])) == (163, 305)  # 6.5 s is the middle of two sentences


def test_words_that_sound_at_once_are_kept_whole() -> None:
    both = [sentence(1, 10), sentence(9, 15, 2), sentence(14, 18, 1)]
    assert frames(snap(9, 15, both)) == (225, 375)


def test_a_range_outside_the_video_or_in_silence_says_so() -> None:
    assert why(snap(60, 70)) == ("outside_video", "the range is 60.00 to 70.00 s, and the video 0.00 to 60.00 s")
    assert why(snap(-5, 0))[0] == "outside_video"
    assert why(snap(2, 6, first=200, stop=700))[0] == "outside_video"
    assert why(snap(26, 39)) == ("nothing_said", "nothing is said from 26.00 to 39.00 s")
    assert why(snap(26, 39, []))[0] == "nothing_said"


def test_a_range_that_is_too_short_after_snapping_says_so() -> None:
    code, message = why(snap(1, 9, min_s=5))  # frames 47 to 153
    assert code == "too_short"
    assert message == "from sentence to sentence it lasts 4.24 s, less than MIN_LENGTH, 5 s"
    assert frames(snap(1, 9, min_s=4.24)) == (47, 153)


def test_a_range_that_is_too_long_ends_with_the_last_sentence_that_fits() -> None:
    found = snap(0, 26, max_s=12)
    assert frames(found) == (47, 303)
    assert isinstance(found, SnappedRange)
    assert found.note == "it lasts 23.24 s, more than MAX_LENGTH, 12 s: it ends after 10.24 s with a sentence"
    assert frames(snap(0, 26, max_s=18.2)) == (47, 501)


def test_a_range_without_a_sentence_end_at_an_allowed_length_says_so() -> None:
    code, message = why(snap(0, 26, max_s=4))
    assert (code, message[:52]) == ("too_long", "it lasts 23.24 s, more than MAX_LENGTH, 4 s, and no ")
    assert why(snap(0, 26, min_s=8, max_s=10))[0] == "too_long"  # 4.24 s are too short, 10.24 s too long


def test_a_video_in_which_nothing_can_be_heard_is_cut_as_given() -> None:
    found = snap(3.01, 9.99, None)
    assert frames(found) == (75, 250)
    assert isinstance(found, SnappedRange) and found.note.startswith("nothing is heard")
    assert frames(snap(-1, 90, None)) == (0, FRAMES)
    assert why(snap(3, 4, None, min_s=2))[0] == "too_short"
    assert why(snap(3, 9, None, max_s=2))[0] == "too_long"


EDGES = st.lists(st.floats(0, 59), min_size=2, max_size=24, unique=True).map(sorted)


@given(edges=EDGES, start_s=st.floats(-5, 65), length_s=st.floats(0.01, 40), padding_s=st.floats(0, 2))
def test_no_range_cuts_a_sentence(edges: list[float], start_s: float, length_s: float, padding_s: float) -> None:
    """Sentences are inside or outside, but for half a frame where a gap holds no boundary."""
    sentences = [sentence(low, high) for low, high in list(pairwise(edges))[::2]]
    found = snap(start_s, start_s + length_s, sentences, padding_s=padding_s)
    if isinstance(found, RefusedRange) or found.stop - found.first == 1:  # a video has one frame at least
        return
    assert 0 <= found.first < found.stop <= FRAMES
    for each in sentences:
        before, after = each.end_s * 25 <= found.first + 0.51, each.start_s * 25 >= found.stop - 0.51
        inside = each.start_s * 25 >= found.first - 0.51 and each.end_s * 25 <= found.stop + 0.51
        assert before or after or inside


def test_the_plan_of_a_range_is_a_part_of_the_plan_of_all() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    words = [*says(1, 8, 0), *says(10, 18, 1)]
    whole = plan_framing(two, words, picture_px=HD, size_px=UPRIGHT)
    assert [run.first for run in whole.runs] == [0, 247]
    part = part_of_plan(whole, 200, 300)
    assert [(run.first, run.stop, run.begin) for run in part.runs] == [(200, 247, "start"), (247, 300, "turn")]
    assert part.runs[1].panels == whole.runs[1].panels
    (run,) = part_of_plan(whole, 247, 500).runs
    assert (run.first, run.stop, run.begin) == (247, 500, "start")
    with pytest.raises(ValueError, match="expected at least one run"):
        part_of_plan(whole, 500, 600)

"""Composed conversations: who is seen and heard when."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.composing import SPAN_FRAMES, Conversation, compose, write
from benchmarks.common.heads import HEAD_PX, Head
from benchmarks.common.truth import read_truth
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe


def _head(name: str, grey: int, frames: int, silent: tuple[int, int]) -> Head:
    """A head whose picture number *i* is grey, brighter by *i* / 10, and whose sound is *grey*."""
    pictures = np.empty((frames, HEAD_PX, HEAD_PX, 3), np.uint8)
    pictures[:] = (grey + np.arange(frames) // 10)[:, None, None, None]
    spoken = np.ones(frames, bool)
    spoken[slice(*silent)] = False
    return Head(name, pictures, np.full(frames * 640, grey, np.int16), spoken)


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    """The third has no silence to listen with."""
    return [_head("ann", 20, 150, (100, 130)), _head("ben", 80, 160, (0, 20)), _head("cid", 140, 90, (0, 4))]


def test_the_longest_silence(heads: list[Head]) -> None:
    assert [head.silence() for head in heads] == [(100, 130), (0, 20), (0, 4)]


def test_only_heads_with_silence_listen(heads: list[Head]) -> None:
    talks = {(talk.name, turn.head.name) for talk in compose(heads, "listening") for turn in talk.turns}
    assert talks == {("ann__ben", "ann"), ("ann__ben", "ben"), ("ann__cid", "cid"), ("ben__cid", "cid")}


@pytest.mark.parametrize("case", ["listening", "talking", "off-screen"])
def test_turns_are_of_the_promised_length_and_do_not_overlap(heads: list[Head], case) -> None:
    talks = compose(heads, case)
    assert talks
    for talk in talks:
        for head in talk.people:
            spans = [(turn.first, turn.stop) for turn in talk.turns if turn.head is head]
            assert all(SPAN_FRAMES[0] <= stop - first <= SPAN_FRAMES[1] for first, stop in spans)
            assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_the_speaker_moves_on_and_the_listener_stays_silent(heads: list[Head]) -> None:
    talk = next(talk for talk in compose(heads, "listening") if talk.name == "ann__ben")
    frames = np.stack([picture[0, ::HEAD_PX, 0] for picture in talk.pictures()]).astype(int)
    assert frames.shape == (talk.frame_count, 2)
    assert len(talk.sound()) == 640 * talk.frame_count
    at = 0
    for turn in talk.turns:
        length = turn.stop - turn.first
        shown, sound = frames[at : at + length], talk.sound()[640 * at : 640 * (at + length)]
        assert turn.place is not None
        np.testing.assert_array_equal(shown[:, turn.place], turn.head.pictures[turn.first : turn.stop, 0, 0, 0])
        other = talk.heads[1 - turn.place]
        first, stop = other.silence()
        silent = other.pictures[first:stop, 0, 0, 0].astype(int)
        assert set(shown[:, 1 - turn.place]) <= set(silent)
        assert (sound == turn.head.sound[0]).all()
        at += length


def test_a_voice_from_off_screen_is_of_neither(heads: list[Head]) -> None:
    (talk,) = (talk for talk in compose(heads, "off-screen"))
    assert talk.name == "ann__ben__cid"
    assert {turn.head.name for turn in talk.turns} == {"cid"}


@pytest.mark.slow
def test_what_is_written_is_read_back(heads: list[Head], tmp_path: Path) -> None:
    (talk,) = compose(heads, "off-screen")
    write(talk, tmp_path)
    (truth,) = read_truth(tmp_path)
    assert truth.stem == talk.name
    assert [(turn.person, round(turn.start_s * 25), round(turn.end_s * 25)) for turn in truth.turns] == [
        (head.name, first, stop) for head, first, stop in talk.spoken()
    ]
    assert truth.in_view("ann").all() and not truth.in_view("cid").any()
    assert len(list(read_frames(probe(tmp_path / f"{talk.name}.mp4")))) == talk.frame_count
    transcript = json.loads((tmp_path / "transcripts" / f"{talk.name}.json").read_text())
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert all(truth.speaker(word["start"], word["end"]) == "cid" for word in words)


def test_a_conversation_is_the_same_every_time(heads: list[Head]) -> None:
    def spans(talks: list[Conversation]) -> list[list[tuple[int, int]]]:
        return [[(turn.first, turn.stop) for turn in talk.turns] for talk in talks]

    assert spans(compose(heads, "talking")) == spans(compose(heads, "talking"))

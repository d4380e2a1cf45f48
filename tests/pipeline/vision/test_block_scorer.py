"""Speaker scores in blocks, from crops that arrive in any portions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.vision import block_scorer
from pipeline.vision.block_scorer import BlockScorer
from pipeline.vision.memory import HalvedBatches
from talknet.features import mfcc_for_frames
from tests.pipeline.vision.crops import WholeWindow, ended, feed, growing, moving_crops, sound

BLOCK = 20


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_scorer, "SCORE_BLOCK_FRAMES", BLOCK)


def plain(first: int, crops: list[np.ndarray], marks: list[int]) -> np.ndarray:
    """The logits of a track whose blocks begin at *marks*."""
    spans = zip(marks, [*marks[1:], len(crops)], strict=True)
    return np.concatenate(
        [WholeWindow().score(np.stack(crops[a:b]), mfcc_for_frames(sound, first + a, b - a)) for a, b in spans if a < b]
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.lists(st.integers(0, 25), max_size=8))
def test_blocks_begin_where_the_track_does_however_its_crops_arrive(count: int, sizes: list[int]) -> None:
    crops, scorer = moving_crops(count), WholeWindow()
    blocks = BlockScorer(scorer, sound)
    parts = feed(blocks, 7, crops, sizes)
    np.testing.assert_array_equal(blocks.columns(parts)["logit"], plain(7, crops, list(range(0, count, BLOCK))))
    assert max(max(call) for call in scorer.calls) <= BLOCK


def test_what_is_left_at_the_end_is_parted_between_persons() -> None:
    crops, blocks = moving_crops(50), BlockScorer(WholeWindow(), sound)
    parts = feed(blocks, 3, crops, [22], cuts=[8, 31])
    np.testing.assert_array_equal(blocks.columns(parts)["logit"], plain(3, crops, [0, 20, 31]))


def test_crops_are_let_go_with_their_block() -> None:
    blocks = BlockScorer(WholeWindow(), sound)
    for at in range(0, 100, 8):
        blocks.grow([growing(0, at, moving_crops(8))])
        assert len(blocks._unscored[0].crops) < BLOCK
    blocks.end([ended(0, 104, [], [])])
    assert not blocks._unscored


def test_a_track_that_is_not_kept_leaves_no_logits() -> None:
    blocks = BlockScorer(WholeWindow(), sound)
    blocks.grow([growing(4, 0, moving_crops(BLOCK + 1))])
    blocks.end([ended(4, BLOCK + 1, [], [])])
    assert blocks.columns([])["logit"].tolist() == []
    assert not any(column._logits for column in blocks._found.values())


def test_tracks_that_end_together_go_to_the_model_together() -> None:
    scorer, crops = WholeWindow(), moving_crops(12)
    blocks = BlockScorer(scorer, sound)
    whole = feed(BlockScorer(WholeWindow(), sound), 0, crops, [])[0]
    stretch = block_scorer.Stretch(0, whole.stop_frame, None)
    blocks.end([ended(0, 0, crops, [stretch]), ended(1, 0, crops, [stretch])])
    assert scorer.calls == [[12, 12]]


def test_halved_batches_of_the_model_are_counted() -> None:
    class Short(WholeWindow):
        def score_tracks(self, tracks):
            self.memory_reductions += 1
            return super().score_tracks(tracks)

    halved = HalvedBatches()
    feed(BlockScorer(Short(), sound, halved), 0, moving_crops(45), [45])
    assert halved.notes == ("the device ran out of memory: the batch of the speaker model was halved 2 times",)

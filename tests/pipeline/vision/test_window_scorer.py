"""Causal speaker scores against a plain account of them, and against the scores in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import AudioTrack, FrameBatch
from pipeline.vision.block_scorer import BlockScorer
from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.persons import Stretch
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from pipeline.vision.stream import TrackStream
from pipeline.vision.window_scorer import WindowScorer
from s3fd import load_detector
from talknet import SpeakerScorer, load_scorer
from talknet.features import mfcc_for_frames
from tests.pipeline.vision.crops import WholeWindow, ended, feed, growing, moving_crops, sound
from tests.support.by_hand import on_cpu

EVERYTHING = 10**9
"""Frames of a window, or of a look-ahead, that covers any track."""

FRAMES = 100


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 45),
    st.lists(st.integers(0, 12), max_size=8),
    st.integers(1, 30),
    st.integers(0, 15),
    st.integers(1, 6),
)
def test_each_frame_is_scored_from_its_window(count: int, sizes: list[int], window: int, ahead: int, step: int) -> None:
    assume(step <= window)
    crops, first = moving_crops(count), 11
    scorer = WindowScorer(WholeWindow(), sound, window, ahead, step)
    found = scorer.logits(feed(scorer, first, crops, sizes))
    for frame in range(count):
        stop = min((frame // step + 1) * step, count)
        a, b = max(stop - window, 0), min(stop + ahead, count)
        logits = WholeWindow().score(np.stack(crops[a:b]), mfcc_for_frames(sound, first + a, b - a))
        assert found[frame] == logits[frame - a]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), max_size=8), st.integers(0, 9), st.integers(1, 4))
def test_a_score_is_there_when_its_look_ahead_is_and_stays(sizes: list[int], ahead: int, step: int) -> None:
    told: dict[int, float] = {}

    def take(key: int, first: int, logits: np.ndarray) -> None:
        assert key == 0 and not told.keys() & range(first, first + len(logits))
        told.update(zip(range(first, first + len(logits)), logits.tolist(), strict=True))

    crops, came = moving_crops(40), 0
    scorer = WindowScorer(WholeWindow(), sound, 10, ahead, step, take)
    for size in sizes:
        scorer.grow([growing(0, came, crops[came : came + size])])
        came = min(came + size, 40)
        assert len(told) == max(came - ahead, 0) // step * step
        assert len(scorer._held[0].crops) <= 10 + ahead + step
    early = dict(told)
    scorer.end([ended(0, came, crops[came:], [Stretch(0, 40, None)])])
    whole = feed(another := WindowScorer(WholeWindow(), sound, 10, ahead, step), 0, crops, [])
    np.testing.assert_array_equal(another.logits(whole), [told[frame] for frame in range(40)])
    assert early.items() <= told.items()


@pytest.mark.slow
def test_with_no_look_ahead_nothing_later_acts() -> None:
    crops = moving_crops(40)
    changed = [*crops[:25], *moving_crops(15, seed=9)]
    found = []
    for track in (crops, changed):
        scorer = WindowScorer(load_scorer("lip-motion", None), sound)
        found.append(scorer.logits(feed(scorer, 0, track, [8] * 5)))
    np.testing.assert_array_equal(found[0][:25], found[1][:25])
    assert (found[0][25:] != found[1][25:]).any()


@pytest.mark.parametrize("cuts", [[], [30], [12, 55]], ids=["one-person", "two", "three"])
def test_with_the_whole_track_in_view_scores_are_those_of_the_blocks(cuts: list[int]) -> None:
    crops = moving_crops(80)
    blocks = BlockScorer(load_scorer("lip-motion", None), sound)
    causal = WindowScorer(load_scorer("lip-motion", None), sound, EVERYTHING, EVERYTHING)
    expected = blocks.columns(feed(blocks, 5, crops, [8] * 6, cuts))["logit"]
    np.testing.assert_array_equal(causal.logits(feed(causal, 5, crops, [8] * 6, cuts)), expected)
    narrow = WindowScorer(load_scorer("lip-motion", None), sound, 25)
    assert (narrow.logits(feed(narrow, 5, crops, [8] * 6, cuts)) != expected).any()


def test_a_track_that_is_not_kept_leaves_nothing() -> None:
    scorer = WindowScorer(WholeWindow(), sound)
    scorer.grow([growing(0, 0, moving_crops(9)), growing(1, 0, moving_crops(9))])
    scorer.end([ended(0, 9, [], []), ended(1, 9, [], [])])
    assert not scorer._held and not scorer._logits._logits


@pytest.mark.parametrize(("window", "ahead", "step"), [(5, 0, 6), (5, -1, 1), (5, 0, 0)])
def test_windows_that_cannot_be_are_refused(window: int, ahead: int, step: int) -> None:
    with pytest.raises(ValueError, match="expected window >= step"):
        WindowScorer(WholeWindow(), sound, window, ahead, step)


class Recorded:
    """Keeps what a stream hands out, to hand it to others."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Sequence]] = []

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        self.steps.append(("grow", tracks))

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        self.steps.append(("end", tracks))

    def replay(self, consumer: BlockScorer | WindowScorer) -> None:
        for name, tracks in self.steps:
            getattr(consumer, name)(tracks)


@pytest.fixture(scope="module")
def talking(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrackStream, Recorded, AudioTrack]:
    """Four seconds of a talking head."""
    found = probe(shared / "videos" / "retalking_face3.mp4")
    audio = extract_sound(found, tmp_path_factory.mktemp("sound") / "sound.pcm")
    tuned, recorded = VisionSettings.of(on_cpu(DETECT_EVERY=5)), Recorded()
    detector = load_detector("yunet", shared / "weights" / "yunet_n_dynamic.onnx")
    stream = TrackStream(detector, None, tuned, tuned.frames_held(2), [recorded])
    pictures, first = (picture.copy() for picture in islice(read_frames(found), FRAMES)), 0
    while batch := list(islice(pictures, DECODE_BATCH)):
        stream.push(FrameBatch(first, np.stack(batch)))
        first += len(batch)
    stream.finish()
    return stream, recorded, audio


@pytest.fixture(scope="module")
def network(shared: Path) -> SpeakerScorer:
    return load_scorer("lr-asd", shared / "weights" / "lr_asd_ava.model")


@pytest.fixture(scope="module")
def in_blocks(talking, network) -> np.ndarray:
    """The (100,) logits of the one track there."""
    stream, recorded, audio = talking
    blocks = BlockScorer(network, audio.read)
    recorded.replay(blocks)
    return blocks.columns(stream.parts)["logit"]


@pytest.mark.slow
def test_lr_asd_with_the_whole_track_in_view_scores_as_in_blocks(talking, network, in_blocks) -> None:
    stream, recorded, audio = talking
    causal = WindowScorer(network, audio.read, EVERYTHING, EVERYTHING)
    recorded.replay(causal)
    assert len(in_blocks) == FRAMES
    np.testing.assert_array_equal(causal.logits(stream.parts), in_blocks)


@pytest.mark.slow
def test_causal_lr_asd_agrees_on_who_speaks_where_the_blocks_are_sure(talking, network, in_blocks) -> None:
    """From the last two seconds alone, scored ten frames at a time."""
    stream, recorded, audio = talking
    causal = WindowScorer(network, audio.read, step_frames=10)
    recorded.replay(causal)
    live, sure = causal.logits(stream.parts), np.abs(in_blocks) > 1
    assert sure.sum() > FRAMES / 2 and (live != in_blocks).any()
    assert ((live > 0) == (in_blocks > 0))[sure].mean() > 0.9

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from python_speech_features import mfcc

from talknet.features import ReadSamples, mfcc_for_frames, mfcc_of

_FRAMES = 100


def _sound(frame_count: int = _FRAMES) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(640 * frame_count) * 3000).astype(np.int16)


def _reader(sound: np.ndarray) -> ReadSamples:
    padded = np.pad(sound, 100_000)
    return lambda start, stop: padded[100_000 + start : 100_000 + stop]


def test_rows_are_those_of_the_published_function_on_the_whole_sound() -> None:
    sound = _sound()
    expected = mfcc(sound, 16000, numcep=13, winlen=0.025, winstep=0.010)[: 4 * _FRAMES - 2]
    got = mfcc_for_frames(_reader(sound), 0, _FRAMES)[: len(expected)]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


def test_a_cut_that_starts_the_sound_is_as_published() -> None:
    sound = _sound()
    expected = mfcc(sound[640 * 7 :], 16000, numcep=13, winlen=0.025, winstep=0.010)[:80]
    got = mfcc_for_frames(_reader(sound), 7, 20, starts_the_sound=True)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("cuts", [(0, 50, 100), (0, 1, 2, 99, 100), (0, 33, 66, 100)])
def test_spans_joined_are_the_whole(cuts: tuple[int, ...]) -> None:
    read = _reader(_sound())
    joined = [mfcc_for_frames(read, first, last - first) for first, last in pairwise(cuts)]
    np.testing.assert_allclose(np.concatenate(joined), mfcc_for_frames(read, 0, _FRAMES), rtol=0, atol=1e-5)


def test_the_last_rows_hear_the_sound_after_the_span() -> None:
    read = _reader(_sound())
    np.testing.assert_allclose(
        mfcc_for_frames(read, 0, 10)[-3:], mfcc_for_frames(read, 0, 20)[37:40], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("frame_count", [0, 1, 13])
def test_four_rows_to_each_frame(frame_count: int) -> None:
    rows = mfcc_for_frames(_reader(_sound()), 5, frame_count)
    assert rows.shape == (4 * frame_count, 13)
    assert rows.dtype == np.float32


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc_for_frames(_reader(np.zeros(0, np.int16)), 0, 5)).all()


def test_a_reader_that_gives_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 3600 int16 samples"):
        mfcc_for_frames(lambda start, stop: np.zeros(stop - start - 1, np.int16), 0, 5)


def test_a_whole_sound_gives_the_published_row_count() -> None:
    assert mfcc_of(_sound(10)).shape == (1 + int(np.ceil((6400 - 400) / 160)), 13)

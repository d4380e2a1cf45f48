"""Who comes back in the same framing is the same person; anybody else is another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import AudioTrack, FrameBatch
from pipeline.vision.framing import LONGEST_ABSENCE_FRAMES, look_of, persons_by_framing
from pipeline.vision.persons import load_identity
from pipeline.vision.samples import VIEW_PX, FaceView
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from s3fd import load_detector
from talknet import load_scorer
from tests.support.by_hand import on_cpu

BOX = (100, 100, 200, 200)
LOOKS = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 4)))[0].T.astype(np.float32)
"""Four looks that have nothing in common."""


def told(*tracks: tuple[int, int, tuple[float, ...], np.ndarray | None]) -> list[int]:
    """The persons of tracks that stay where they are: first frame, frame after the last, box, look."""
    spans = np.array([track[:2] for track in tracks]).reshape(-1, 2)
    boxes_px = np.array([[track[2]] * 2 for track in tracks], float).reshape(-1, 2, 4)
    found = persons_by_framing(spans, boxes_px, [track[3] for track in tracks])
    assert found.dtype == np.int32
    return found.tolist()


def nearly(look: np.ndarray, cosine: float) -> np.ndarray:
    """A look with that correlation to *look*."""
    return (cosine * look + (1 - cosine**2) ** 0.5 * LOOKS[3]).astype(np.float32)


def test_who_comes_back_after_a_cut_away_is_the_same_person():
    a, b = LOOKS[:2]
    shots = [(0, 50, BOX, a), (50, 80, BOX, b), (80, 120, BOX, a), (120, 150, BOX, b), (150, 200, BOX, a)]
    assert told(*shots) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("back", "persons"),
    [
        ((80, 120, BOX, nearly(LOOKS[0], 0.91)), [0, 0]),
        ((80, 120, BOX, nearly(LOOKS[0], 0.89)), [0, 1]),
        # Shifted by a third of its side, two boxes share 2/3 of 4/3: half.
        ((80, 120, (132, 100, 232, 200), LOOKS[0]), [0, 0]),
        ((80, 120, (136, 100, 236, 200), LOOKS[0]), [0, 1]),
        # Larger about the same middle: 100^2 of 140^2 are 0.51, of 145^2 are 0.48.
        ((80, 120, (80, 80, 220, 220), LOOKS[0]), [0, 0]),
        ((80, 120, (77, 77, 222, 222), LOOKS[0]), [0, 1]),
        ((50 + LONGEST_ABSENCE_FRAMES, 400, BOX, LOOKS[0]), [0, 0]),
        ((51 + LONGEST_ABSENCE_FRAMES, 400, BOX, LOOKS[0]), [0, 1]),
        ((50, 120, BOX, LOOKS[0]), [0, 0]),
        ((49, 120, BOX, LOOKS[0]), [0, 1]),
        ((80, 120, BOX, None), [0, 1]),
    ],
)
def test_look_place_size_and_time_must_be_near(back, persons):
    assert told((0, 50, BOX, LOOKS[0]), back) == persons


def test_a_person_is_gone_on_with_from_the_last_track():
    # The last is 60 pixels and 380 frames from the first.
    boxes = [(left, 100, left + 100, 200) for left in (100, 130, 160)]
    shots = [(start, start + 20, box, LOOKS[0]) for start, box in zip((0, 200, 400), boxes, strict=True)]
    assert told(*shots) == [0, 0, 0]
    assert told(shots[0], shots[2]) == [0, 1]


def test_of_two_that_begin_together_only_the_more_alike_is_that_person():
    first, less, more = (0, 50, BOX, LOOKS[0]), nearly(LOOKS[0], 0.92), nearly(LOOKS[0], 0.98)
    assert told(first, (60, 90, BOX, less), (60, 90, BOX, more)) == [0, 1, 0]


def test_of_two_before_it_a_track_is_the_more_alike():
    left, right = (0, 100, 100, 200), (20, 100, 120, 200)
    shots = [(0, 50, left, nearly(LOOKS[0], 0.95)), (0, 50, right, LOOKS[0]), (60, 90, (10, 100, 110, 200), LOOKS[0])]
    assert told(*shots) == [0, 1, 1]


def test_no_tracks_no_persons():
    assert told() == []


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 90), st.integers(0, 120), st.sampled_from([*range(4), None])),
        max_size=12,
    )
)
def test_nobody_is_twice_on_screen_and_numbers_are_those_of_first_appearance(tracks):
    tracks = sorted((start, start + length, left, look) for start, length, left, look in tracks if look is not None)
    persons = told(*((a, b, (left, 0, left + 100, 100), LOOKS[look]) for a, b, left, look in tracks))
    assert list(dict.fromkeys(persons)) == list(range(len(set(persons))))
    for at, (start, _, _, look) in enumerate(tracks):
        for before in range(at):
            if persons[before] == persons[at]:
                assert tracks[before][1] <= start and tracks[before][3] == look


def view(picture: np.ndarray) -> FaceView:
    return FaceView(picture, np.array([56, 56, 168, 168], np.float32))


def test_a_look_is_that_of_the_picture_whatever_its_brightness():
    noise = np.random.default_rng(2).integers(0, 120, (7, 7, 3), np.uint8)
    picture = cv2.resize(noise, (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_NEAREST)
    look, brighter, other = look_of([view(picture)]), look_of([view(picture + 90)]), look_of([view(picture[::-1])])
    assert look is not None and brighter is not None and other is not None
    assert look.dtype == np.float32 and np.linalg.norm(look) == pytest.approx(1)
    assert look @ brighter == pytest.approx(1) and look @ other < 0.5


def test_no_views_and_a_single_colour_have_no_look():
    assert look_of([]) is None
    assert look_of([view(np.full((VIEW_PX, VIEW_PX, 3), 110, np.uint8))]) is None


@pytest.mark.slow
def test_real_people_who_take_turns_and_one_before_the_background_of_the_other(shared: Path, tmp_path: Path):
    """A, B, A again, B before A's background, and A in another framing."""
    first, second = (
        [
            cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA)
            for picture, _ in zip(read_frames(probe(shared / "videos" / name)), range(90), strict=False)
        ]
        for name in ("retalking_face2.mp4", "retalking_face4.mp4")
    )
    mask = np.zeros((320, 320, 1), np.uint8)
    cv2.ellipse(mask, (160, 145), (85, 115), 0, 0, 360, (1,), -1)
    cv2.rectangle(mask, (40, 240), (280, 320), (1,), -1)
    changed = [picture * (1 - mask) + other * mask for picture, other in zip(first, second, strict=True)]
    nearer = [cv2.resize(picture[20:240, 50:270], (320, 320)) for picture in first]
    frames = [*first[:25], *second[:25], *first[60:85], *changed[:25], *nearer[:25]]
    yunet = load_detector("yunet", shared / "weights" / "yunet_n_dynamic.onnx")
    models = VisionModels(yunet, load_scorer("lip-motion", None), "lip-motion", load_identity("by-framing", None, None))
    (tmp_path / "sound.pcm").touch()
    settings = VisionSettings.of(on_cpu(DETECT_EVERY=5))
    session = VisionSession(models, settings, AudioTrack(tmp_path / "sound.pcm", 0), settings.frames_held(8))
    for at in range(0, len(frames), DECODE_BATCH):
        session.push(FrameBatch(at, np.stack(frames[at : at + DECODE_BATCH])))
    found = session.finish()
    assert found.shot_starts.tolist() == [0, 25, 50, 75, 100]
    assert found.persons == {0: 0, 1: 1, 2: 0, 3: 2, 4: 3}

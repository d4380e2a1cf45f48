"""Contact sheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.outputs import contact_sheet as module
from pipeline.outputs.contact_sheet import FACE_PX, chosen_rows, face_of, sheet, title_of, write_contact_sheets
from pipeline.types import ScoredTracks

RED, BLUE = (0, 0, 200), (200, 0, 0)


def _tracks(*spans: tuple[int, int, int, float]) -> ScoredTracks:
    """A track for each (person, first frame, stop frame, left edge of its 20 px box)."""
    frames = [np.arange(first, stop) for _, first, stop, _ in spans]
    lengths = [len(part) for part in frames]
    rows = sum(lengths)
    return ScoredTracks(
        frame_count=1000,
        shot_starts=np.array([0], np.int32),
        track=np.repeat(np.arange(len(spans)), lengths).astype(np.int32),
        frame=np.concatenate(frames).astype(np.int32),
        box_px=np.repeat(np.array([[x, 10, x + 20, 30] for *_, x in spans], np.float32), lengths, axis=0),
        logit=np.zeros(rows, np.float32),
        probability=np.zeros(rows, np.float32),
        person=np.repeat([person for person, *_ in spans], lengths).astype(np.int32),
    )


def _pictures(asked: list[int]):
    """Pictures red on the left and blue on the right; what is asked for is noted."""

    def give(frames: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        asked.extend(frames)
        picture = np.empty((40, 120, 3), np.uint8)
        picture[:, :60], picture[:, 60:] = RED, BLUE
        for frame in frames:
            yield frame, picture

    return give


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def _colour(picture: np.ndarray, i: int) -> np.ndarray:
    """Mean BGR in the middle of face *i* of a sheet."""
    x = module.EDGE_PX + i % module.COLUMNS * (FACE_PX + module.EDGE_PX) + FACE_PX // 2
    y = module.TITLE_PX + i // module.COLUMNS * (FACE_PX + module.LABEL_PX + module.EDGE_PX) + FACE_PX // 2
    return picture[y - 10 : y + 10, x - 10 : x + 10].reshape(-1, 3).mean(axis=0)


def test_a_person_that_is_two_is_seen(tmp_path: Path) -> None:
    """Half of the time person 0 is red, half of it blue; person 1 is blue."""
    tracks = _tracks((0, 0, 100, 10), (0, 200, 300, 90), (1, 0, 100, 90))
    written = write_contact_sheets(tmp_path, tracks, _pictures([]))
    assert {person: path.name for person, path in written.items()} == {0: "person_000.jpg", 1: "person_001.jpg"}
    pictures = {person: _read(path) for person, path in written.items()}
    colours = [_colour(pictures[0], i) for i in range(24)]
    np.testing.assert_allclose(colours, [RED] * 12 + [BLUE] * 12, atol=25)
    np.testing.assert_allclose(_colour(pictures[1], 23), BLUE, atol=25)


def test_faces_are_spread_evenly_over_the_time_in_view() -> None:
    """24 of 240 frames in two stretches: the middles of every ten."""
    tracks = _tracks((0, 500, 620, 0), (0, 0, 120, 0))
    (rows,) = chosen_rows(tracks).values()
    assert tracks.frame[rows].tolist() == [*range(5, 120, 10), *range(505, 620, 10)]


def test_no_face_is_shown_twice() -> None:
    (rows,) = chosen_rows(_tracks((0, 7, 10, 0))).values()
    assert len(rows) == len(set(rows)) == 3


def test_of_many_persons_fewer_faces_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PICTURES", 30)
    monkeypatch.setattr(module, "MAX_PERSONS", 3)
    tracks = _tracks((0, 0, 20, 0), (1, 0, 90, 0), (2, 0, 80, 0), (3, 0, 70, 0))
    assert {person: len(rows) for person, rows in chosen_rows(tracks).items()} == {1: 10, 2: 10, 3: 10}


def test_only_the_wanted_frames_are_asked_for_once_and_in_order(tmp_path: Path) -> None:
    asked: list[int] = []
    write_contact_sheets(tmp_path, _tracks((0, 0, 500, 0), (1, 0, 500, 60)), _pictures(asked))
    assert asked == sorted(set(asked))
    assert len(asked) == 24


def test_a_face_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    written = write_contact_sheets(tmp_path, _tracks((0, 0, 5, 0)), lambda frames: iter(()))
    assert written == {}


def test_sheets_of_an_earlier_run_go_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "persons"
    home.mkdir()
    for name in ("person_007.jpg", ".person_003.jpg.77.part", "mine.jpg"):
        (home / name).touch()
    write_contact_sheets(tmp_path, _tracks((0, 0, 5, 0)), _pictures([]))
    assert sorted(path.name for path in home.iterdir()) == ["mine.jpg", "person_000.jpg"]


def test_a_video_without_faces(tmp_path: Path) -> None:
    assert write_contact_sheets(tmp_path, _tracks((0, 0, 0, 0)), _pictures([])) == {}


@pytest.mark.parametrize("size", [8.0, 200.0])
def test_a_face_is_in_the_middle_with_a_margin_around(size: float) -> None:
    """The box, white on grey, fills 1 / (1 + 2 * 0.35) of the square."""
    picture = np.full((600, 600, 3), 90, np.uint8)
    low, high = int(300 - size / 2), int(300 + size / 2)
    picture[low:high, low:high] = 255
    face = face_of(picture, np.array([low, low, high, high], np.float32))
    row = face[FACE_PX // 2, :, 0] > 170
    assert face.shape == (FACE_PX, FACE_PX, 3)
    assert row.sum() == pytest.approx(FACE_PX / 1.7, abs=FACE_PX / size / 1.5 + 2)
    assert abs(np.flatnonzero(row).mean() - (FACE_PX - 1) / 2) < 0.6 * FACE_PX / 1.7 / size + 1.5


def test_beyond_the_picture_it_is_black() -> None:
    picture = np.full((100, 100, 3), 255, np.uint8)
    face = face_of(picture, np.array([-50, 20, 50, 80], np.float32))
    assert (face[FACE_PX // 2, 5, 0], face[FACE_PX // 2, -5, 0]) == (0, 255)
    assert face_of(picture, np.array([300, 300, 350, 350], np.float32)).max() == 0


def test_the_title_says_who_and_for_how_long() -> None:
    tracks = _tracks((3, 0, 100, 0), (3, 200, 1000, 0))
    assert title_of(tracks, 3, 2) == "Person 3, speaker 2: 0:36 in view, 2 tracks (#)"
    assert title_of(tracks, 3, None).startswith("Person 3: ")


def test_each_face_has_its_label_below() -> None:
    face = np.zeros((FACE_PX, FACE_PX, 3), np.uint8)
    with_label, without = sheet([face], ["0:01.0"], ""), sheet([face], [""], "")
    changed = np.flatnonzero((with_label != without).any(axis=(1, 2)))
    top = module.TITLE_PX + FACE_PX
    assert changed.min() >= top
    assert changed.max() < top + module.LABEL_PX

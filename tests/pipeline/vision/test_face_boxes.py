"""Lists of faces from outside: read right, or refused by file and line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction as F  # noqa: N817
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.types import Probe
from pipeline.vision import face_boxes as module
from pipeline.vision.face_boxes import read_face_boxes
from pipeline.vision.given_faces import GivenFaces

BOX = "10,20,110.5,140,0.9"


def _probe(rate: F = F(25), seconds: float = 4.0, size_px: tuple[int, int] = (640, 360)) -> Probe:
    return Probe(Path("/v/talk.mp4"), "mp4", seconds, *size_px, rate, 0, F(0), 16000, 1)


def _even(probe: Probe) -> Sequence[F]:
    """Pictures at the rate of *probe*."""
    return [k / probe.rate for k in range(round(probe.duration_s * probe.rate))]


def _read(
    folder: Path,
    content: str | bytes,
    probe: Probe | None = None,
    times: Callable[[Probe], Sequence[F]] = _even,
    threshold: float | None = None,
) -> GivenFaces:
    path = folder / "talk-faces.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_face_boxes(path, probe or _probe(), times, threshold)


def _on(faces: GivenFaces, count: int = 100) -> dict[int, list[list[float]]]:
    return {frame: faces.at(frame).tolist() for frame in range(count) if len(faces.at(frame))}


@pytest.mark.parametrize(
    "content",
    [
        f"3,{BOX}\n4,{BOX}\n",
        f"frame,x1,y1,x2,y2,conf\n3,{BOX}\n4,{BOX}\n",
        f"\ufeffFrame, X1, Y1, X2, Y2, Confidence\r\n3,{BOX}\r\n\r\n4,{BOX}",
        f'"frame","x1","y1","x2","y2"\n"3","10","20","110.5","140"\n4,{BOX},\n5,\n6\n',
        f"4,{BOX}\n3,{BOX}\n",
        f"frame_number,x1,y1,x2,y2\n3,{BOX}\n4,{BOX}\n",
        f"grid_frame,x1,y1,x2,y2,score\n3,{BOX}\n4,{BOX}\n",
        f"3.0,{BOX}\n4e0,1e1,2e1,110.5,140,-3\n",
    ],
)
def test_forms_of_the_same_list(tmp_path: Path, content: str) -> None:
    box = [[10, 20, 110.5, 140]]
    assert _on(_read(tmp_path, content)) == {3: box, 4: box}


def test_several_faces_of_a_frame_on_a_line_or_on_several(tmp_path: Path) -> None:
    """Sieve's detector puts all faces of a frame into one line, and a frame without a face is a line of its own."""
    other = "300,50,400,150,0.5"
    for content in (f"0\n7,{BOX},{other}\n8,\n", f"7,{BOX}\n7,{other}\n"):
        assert _on(_read(tmp_path, content)) == {7: [[10, 20, 110.5, 140], [300, 50, 400, 150]]}


def test_an_empty_list_has_no_face(tmp_path: Path) -> None:
    assert _on(_read(tmp_path, "")) == _on(_read(tmp_path, "frame,x1,y1,x2,y2,conf\n")) == {}


def test_faces_below_the_threshold_are_left_out(tmp_path: Path) -> None:
    content = f"0,{BOX}\n1,10,20,110,140,0.89\n2,10,20,110,140\n"
    assert [*_on(_read(tmp_path, content))] == [0, 1, 2]
    assert [*_on(_read(tmp_path, content, threshold=0.9))] == [0, 2]


def test_frames_count_the_pictures_of_the_file_whatever_its_rate(tmp_path: Path) -> None:
    """Picture 60 of 120 at 30 a second begins at 2 s: grid frame 50; at 12.5 a second it is on frames 120 and 121."""
    content = f"60,{BOX}\n"
    assert [*_on(_read(tmp_path, content, _probe(F(30))))] == [50]
    assert [*_on(_read(tmp_path, content, _probe(F(25, 2), 8.0)), 200)] == [120, 121]
    assert [*_on(_read(tmp_path, f"grid_frame,x1,y1,x2,y2,conf\n{content}", _probe(F(30))))] == [60]


def test_pictures_of_a_variable_rate_have_their_own_times(tmp_path: Path) -> None:
    """30 pictures in the first second and 10 in the second: picture 35 begins at 1.5 s, and lasts to 1.6 s."""
    at = [F(k, 30) for k in range(30)] + [1 + F(k, 10) for k in range(10)]
    faces = _read(tmp_path, f"35,{BOX}\n", _probe(F(20), 2.0), lambda _: at)
    assert [*_on(faces)] == [37, 38, 39]  # middles at 1.5, 1.54 and 1.58 s


def test_lists_of_every_nth_picture_are_bridged(tmp_path: Path) -> None:
    listed = "".join(f"{frame},{BOX}\n" for frame in range(0, 120, 15))
    assert _read(tmp_path, listed, _probe(F(30))).step in (12, 13)
    with pytest.raises(InputError, match=r"talk-faces\.csv: its frames are 50 frames of 25 a second apart"):
        _read(tmp_path, f"0,{BOX}\n60,{BOX}\n", _probe(F(30)))


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (f"0,{BOX}\n1,10,20,nan,140,1\n", 2, "expected a number, got 'nan'"),
        ("0,10,20,inf,140,1\n", 1, "expected a number, got 'inf'"),
        (f"0,{BOX}\n\n1,10,20,x,140,1\n", 3, "expected a number, got 'x'"),
        ("0,10,20,,140,1\n", 1, "expected a number, got ''"),
        ("1_0,10,20,30,140,1\n", 1, "got '1_0'"),
        ("0,110,20,10,140,1\n", 1, "ends at 10,140, before it begins at 110,20"),
        ("0,10,20,110,20,1\n", 1, "before it begins"),
        ("0,0.1,0.2,0.5,0.6,1\n", 1, "parts of the picture"),
        ("0,600,20,700,140,1\n", 1, "lies outside the picture, which is shown at 640x360"),
        ("0,1000,20,1100,140,1\n", 1, "lies outside"),
        ("0,-60,20,40,140,1\n", 1, "lies outside"),
        ("0,-1e300,20,1e300,140,1\n", 1, "lies outside"),
        ("0,10,-1e308,110,1.7e308,1\n", 1, "lies outside"),
        (f"-1,{BOX}\n", 1, "number of a frame"),
        (f"0.5,{BOX}\n", 1, "number of a frame"),
        (f"1e9,{BOX}\n", 1, "number of a frame"),
        ("0,10,20\n", 1, "five values to a face"),
        (f"0,{BOX},face\n", 1, "five values to a face"),
        (f"# frames\n0,{BOX}\n", 1, "expected the columns frame,x1,y1,x2,y2,conf"),
        ("0;10;20;110;140;0.9\n", 1, "expected a number, got '0;10;20;110;140;0.9'"),
        (f"0,{BOX},1,2\n", 1, "five values to a face"),
        (f"frame,x,y,w,h,conf\n0,{BOX}\n", 1, "expected the columns frame,x1,y1,x2,y2,conf"),
        (f"0,{BOX}\nframe,x1,y1,x2,y2,conf\n", 2, "expected a number"),
        (f"0,{BOX}\n125,{BOX}\n", 2, "frame 125 is beyond the end of the video, which has 100"),
        (f"grid_frame,x1,y1,x2,y2\n0,{BOX}\n125,{BOX}\n", 3, "grid frame 125 is beyond the end"),
        (f'0,"{BOX}\n', 1, ""),
        (b"0,10,20,30,40,1\n\xff\xfe\n", 1, "no text in UTF-8"),
        ("0," * 20_001, 1, "longer than 20000 characters"),
    ],
)
def test_what_cannot_be_right_is_refused_by_its_line(
    tmp_path: Path, content: str | bytes, line: int, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, content)
    assert caught.value.reason_code == "bad_face_boxes"
    assert str(caught.value).startswith(f"{tmp_path}/talk-faces.csv: line {line}: ") and words in str(caught.value)


def test_boxes_that_reach_a_little_outside_and_frames_just_past_the_end_are_no_fault(tmp_path: Path) -> None:
    content = "0,-40,-50,60,60,1\n0,600,300,660,400\n" + "".join(f"{frame},{BOX}\n" for frame in range(1, 125))
    assert _on(_read(tmp_path, content))[0] == [[-40, -50, 60, 60], [600, 300, 660, 400]]


def test_the_grid_of_a_video_without_a_length_ends_with_its_pictures(tmp_path: Path) -> None:
    probe, at = _probe(seconds=0.0), [F(k, 50) for k in range(100)]
    content = f"grid_frame,x1,y1,x2,y2\n49,{BOX}\n"
    assert [*_on(_read(tmp_path, content, probe, lambda _: at))] == [49]
    with pytest.raises(InputError, match="line 2: grid frame 80 is beyond the end of the video, which has 50"):
        _read(tmp_path, content.replace("49", "80"), probe, lambda _: at)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MAX_FACES", "more than 2 faces on frame 5"),
        ("MAX_BOXES", "more than 2 faces"),
        ("MAX_LINES", "more than 2"),
    ],
)
def test_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.setattr(module, name, 2)
    content = "".join(f"5,{k},0,{k + 50},90,1\n" for k in range(4))
    with pytest.raises(InputError, match=rf"line [34]: {words}"):
        _read(tmp_path, content)


def test_a_file_that_is_too_large_missing_or_a_folder_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="has 21 bytes; at most 10 are read"):
        _read(tmp_path, f"0,{BOX}")
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as caught:
            read_face_boxes(path, _probe(), _even)
        assert caught.value.reason_code == "bad_face_boxes"


def test_a_list_of_many_faces_is_read_whole(tmp_path: Path) -> None:
    rows = [f"{frame},{x},40,{x + 100},160,0.9" for frame in range(100) for x in range(0, 500, 100)]
    faces = _read(tmp_path, "\n".join(rows))
    assert len(faces.box_px) == 500
    np.testing.assert_array_equal(faces.at(99)[:, 0], [0, 100, 200, 300, 400])

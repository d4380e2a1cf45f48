"""Hostile lists of faces: boxes that can be used, or an error that names the file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.types import Probe
from pipeline.vision.face_boxes import read_face_boxes

pytestmark = pytest.mark.slow

PROBE = Probe(Path("/v/a.mp4"), "mp4", 2.0, 64, 48, Fraction(30), 0, Fraction(0), 16000, 1)
TIMES = [Fraction(k, 30) for k in range(60)]

LIKELY = st.sampled_from(
    [
        *("frame", "grid_frame", "x1", "y1", "x2", "y2", "conf", "0", "1", "2", "-1", "59", "60", "89", "90", "1e8"),
        *("10", "20.5", "40", "nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "1_0", "0x1", "", " ", '"', "'", "\0"),
        *("\u0663", "1" * 50, "\ufeff", "x" * 300),
    ]
)
LINES = st.lists(st.lists(LIKELY, max_size=12).map(",".join), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def _read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        faces = read_face_boxes(path, PROBE, lambda _: TIMES, 0.5)
    except InputError as error:
        assert error.reason_code == "bad_face_boxes" and str(error).startswith(f"{path}: ")
        assert len(str(error)) < len(str(path)) + 400
        return
    assert np.isfinite(faces.box_px).all() and 1 <= faces.step <= 25
    assert (faces.box_px[:, 2:] > faces.box_px[:, :2]).all()
    assert (faces.box_px > -64).all() and (faces.box_px < 128).all()
    assert (faces.first_frame < faces.stop_frame).all()
    assert (faces.stop_frame[:-1] <= faces.first_frame[1:]).all()
    rows = sum(len(faces.at(frame)) for frame in faces.first_frame.tolist())
    assert rows == len(faces.box_px)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, end=ENDS)
@example(lines=["0,-1e308,0,1e308,10,1"], end="\n")
@example(lines=['0,"1,2'] * 9, end="\n")
def test_lines_of_likely_words(tmp_path: Path, lines: list[str], end: str) -> None:
    _read(tmp_path / "a-faces.csv", end.join(lines).encode())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    _read(tmp_path / "a-faces.csv", content)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 59), st.floats(0, 30), st.floats(0, 20), st.floats(2, 30), st.floats(2, 20)),
        max_size=60,
    )
)
def test_any_boxes_inside_the_picture_are_read(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    """Where the frames are close enough; the number of boxes on the grid is that of the pictures it shows."""
    lines = [f"{frame}" for frame in range(60)]
    lines += [f"{frame},{x!r},{y!r},{x + w!r},{y + h!r},0.7" for frame, x, y, w, h in rows]
    path = tmp_path / "a-faces.csv"
    path.write_text("\n".join(lines))
    faces = read_face_boxes(path, PROBE, lambda _: TIMES)
    assert len(faces.first_frame) == 50 and faces.step == 1
    assert len(faces.box_px) <= len(rows)

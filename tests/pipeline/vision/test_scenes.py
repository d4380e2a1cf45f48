"""The user's own shots, from the table that PySceneDetect writes."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.media.decode import on_grid
from pipeline.types import AudioTrack
from pipeline.vision import scenes as module
from pipeline.vision.scenes import GivenShots, read_scenes
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated
from tests.pipeline.vision.synthetic import Face, pictures, stream
from tests.support.film import Film

F = Fraction
HEADER = (
    "Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds),"
    "Length (frames),Length (timecode),Length (seconds)\n"
)


def _row(number: int, start_s: str, end_s: str) -> str:
    return f"{number},1,00:00:00.000,{start_s},1,00:00:00.000,{end_s},1,00:00:00.000,0.000\n"


TABLE = "Timecode List:,00:00:01.502\n" + HEADER + _row(1, "0.000", "1.502") + _row(2, "1.502", "3.337")


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "scenes.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _listed(rate: Fraction, edges: list[int], **options: object) -> str:
    """The table that PySceneDetect itself writes for scenes between these frames."""
    from scenedetect import FrameTimecode
    from scenedetect.output import write_scene_list

    codes = [FrameTimecode(edge, rate) for edge in edges]
    scenes = list(pairwise(codes))
    out = io.StringIO(newline="")
    write_scene_list(out, scenes, cut_list=[code.get_timecode() for code in codes[1:-1]], **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30), F(30000, 1001), F(50), F(60)], ids=str)
def test_shots_begin_where_the_grid_first_shows_them(tmp_path: Path, rate: Fraction) -> None:
    """Not where the frame number says: at 60 fps frame 120 is frame 50 of the grid."""
    edges = [0, 31, 120, 247, 300]
    shown = on_grid((F(k) / rate, 1 / rate, k) for k in range(300))
    shot_of = [sum(picture >= edge for edge in edges[1:-1]) for _, picture in shown]
    expected = tuple(shot_of.index(shot) for shot in range(4))
    assert read_scenes(_file(tmp_path, _listed(rate, edges))) == expected


@pytest.mark.parametrize(
    "options",
    [{}, {"include_cut_list": False}, {"col_separator": ";"}, {"col_separator": "\t"}, {"row_separator": "\r\n"}],
    ids=str,
)
def test_every_way_of_writing_the_table_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    assert read_scenes(_file(tmp_path, _listed(F(25), [0, 40, 100], **options))) == (0, 40)


def test_what_pyscenedetect_finds_in_a_film_is_where_the_film_was_cut(tmp_path: Path) -> None:
    """At 30 fps, in a file whose clock begins at 1.5 s; cut at its frames 20 and 50."""
    from scenedetect import ContentDetector, detect
    from scenedetect.output import write_scene_list

    colours = [(20, 200, 30)] * 20 + [(200, 20, 200)] * 30 + [(20, 20, 20)] * 25
    pictures = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    film = Film(tmp_path).make("film.mp4", [F(3, 2) + F(k, 30) for k in range(75)], F(1, 30), pictures=pictures)
    found = detect(str(film), ContentDetector(min_scene_len=5))
    with (tmp_path / "film-Scenes.csv").open("w") as file:
        write_scene_list(file, found)
    assert read_scenes(tmp_path / "film-Scenes.csv") == (0, 17, 42)


def test_a_dropped_scene_is_a_shot_of_its_own(tmp_path: Path) -> None:
    content = HEADER + _row(1, "0.000", "2.000") + _row(2, "3.000", "4.000")
    assert read_scenes(_file(tmp_path, content)) == (0, 50, 75)


def test_a_long_scene_is_not_split(tmp_path: Path) -> None:
    assert read_scenes(_file(tmp_path, HEADER + _row(1, "0.000", "4000.000"))) == (0,)


def test_scenes_that_no_frame_of_the_grid_shows_are_left_out(tmp_path: Path) -> None:
    rows = _row(1, "0.000", "1.001") + _row(2, "1.001", "1.009") + _row(3, "1.009", "2.000")
    assert read_scenes(_file(tmp_path, HEADER + rows)) == (0, 25)


def test_times_may_overlap_by_their_rounding(tmp_path: Path) -> None:
    rows = _row(1, "0.000", "1.021") + _row(2, "1.020", "2.000")
    assert read_scenes(_file(tmp_path, HEADER + rows)) == (0, 26)


@pytest.mark.parametrize("content", [HEADER, "Timecode List:\n" + HEADER, HEADER + "\n\n", "\ufeff" + HEADER])
def test_a_list_without_scenes_is_one_shot(tmp_path: Path, content: str) -> None:
    assert read_scenes(_file(tmp_path, content)) == (0,)


BAD = {
    "empty": ("", 1),
    "no header": ("1,2,3\n4,5,6\n", 2),
    "header below the second line": ("a\nb\n" + HEADER, 2),
    "a column is missing": (HEADER.replace("Start Time (seconds)", "Start"), 1),
    "a column is there twice": (HEADER.replace("Start Frame", "Start Time (seconds)"), 1),
    "too few columns": (HEADER + _row(1, "0.000", "1.000") + "2,3\n", 3),
    "no number": (HEADER + _row(1, "0.000", "x"), 2),
    "not a number": (HEADER + _row(1, "nan", "1.000"), 2),
    "infinite": (HEADER + _row(1, "0.000", "inf"), 2),
    "exponent": (HEADER + _row(1, "0.000", "1e400"), 2),
    "negative": (HEADER + _row(1, "-1.000", "1.000"), 2),
    "digits of another script": (HEADER + _row(1, "٠.000", "1.000"), 2),
    "years": (HEADER + _row(1, "0.000", "99999999.0"), 2),
    "ends before it begins": (HEADER + _row(1, "2.000", "1.000"), 2),
    "out of order": (HEADER + _row(1, "5.000", "6.000") + _row(2, "0.000", "1.000"), 3),
    "overlapping": (HEADER + _row(1, "0.000", "2.000") + _row(2, "1.000", "3.000"), 3),
    "a quote that does not end": (HEADER + '"1,2', 2),
    "no text": (HEADER.encode() + b"\xff\xfe", 2),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, what: str) -> None:
    content, line = BAD[what]
    with pytest.raises(InputError, match=rf"scenes\.csv: line {line}: ") as caught:
        read_scenes(_file(tmp_path, content))
    assert caught.value.reason_code == "bad_scenes"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as caught:
        read_scenes(tmp_path / "none.csv")
    assert caught.value.reason_code == "bad_scenes"


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="larger than 100 bytes"):
        read_scenes(_file(tmp_path, TABLE))


def test_too_many_scenes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SCENES", 1)
    with pytest.raises(InputError, match="line 4: more than 1 scenes"):
        read_scenes(_file(tmp_path, TABLE))


def test_the_list_of_another_video_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, HEADER + "".join(_row(k, f"{k}.000", f"{k + 1}.000") for k in range(10)))
    assert len(read_scenes(path, duration_s=9.5)) == 10
    with pytest.raises(InputError, match="8 of its 10 scenes begin after the end of the video at 2"):
        read_scenes(path, duration_s=2.0)


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_file_gives_shots_or_says_what_is_wrong(tmp_path: Path, changes: list[Change]) -> None:
    path = _file(tmp_path, mutated(TABLE.encode(), changes))
    try:
        starts = read_scenes(path)
    except InputError as error:
        assert error.reason_code == "bad_scenes"
        assert str(path) in str(error)
        return
    assert starts[0] == 0
    assert all(before < after for before, after in pairwise(starts))


@fuzz
@given(edges_ms=st.lists(st.integers(0, 10**6), min_size=2, max_size=20, unique=True).map(sorted))
def test_any_table_of_scenes_in_order_is_read(tmp_path: Path, edges_ms: list[int]) -> None:
    times = [f"{ms / 1000:.3f}" for ms in edges_ms]
    rows = [_row(k, *pair) for k, pair in enumerate(pairwise(times), 1)]
    expected = {-((20 - ms) // 40) for ms in edges_ms[:-1]}  # the first frame whose middle, 20 ms in, is not before
    assert read_scenes(_file(tmp_path, HEADER + "".join(rows))) == tuple(sorted({0, *expected}))


def test_given_shots_are_told_when_their_frame_comes() -> None:
    shots = GivenShots((0, 3, 7, 99))
    picture = np.zeros((2, 2, 3), np.uint8)
    assert [shots.push(frame, picture) for frame in range(8)] == [[], [], [], [3], [], [], [], [7]]
    assert shots.lag == 0


def test_vision_goes_by_given_shots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A face that stands still through a given cut is two tracks; the cut in the picture is none."""
    face = Face(x=30, y=10)
    frames = pictures([(20, [face]), (20, [face])])
    (tmp_path / "sound.pcm").write_bytes(bytes(2 * 640 * 40))
    monkeypatch.setattr("pipeline.vision.stream.ShotFinder", lambda *_: GivenShots((0, 12)))
    found = stream(frames, AudioTrack(tmp_path / "sound.pcm", 640 * 40)).tracks
    assert found.shot_starts.tolist() == [0, 12]
    spans = [found.frame[found.rows(track)][[0, -1]].tolist() for track in found.track_ids.tolist()]
    assert spans == [[0, 11], [12, 39]]

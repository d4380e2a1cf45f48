"""Zooms by tags in the user's subtitles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.framing.plan import FramingPlan, Run
from pipeline.framing.plan_file import PlanFile, parse_plan, plan_text
from pipeline.framing.planner import plan_framing
from pipeline.framing.zoom import Zoom, ZoomTags, factor_of, zooms_of
from pipeline.speech.given import read_transcript
from tests.support.talks import HD, LEFT, MIDDLE, RIGHT, UPRIGHT, faces, says

SRT = """1
00:00:01,000 --> 00:00:02,000
<ZOOM>Hello <b>there</b>

2
00:00:03,000 --> 00:00:05,000
one < zoom = "1,25" > two</zoom>

3
00:00:06,000 --> 00:00:07,000
<zoom=abc>three <zoom=9>four <zoom 2>five <zoom=1.5

4
00:00:08,000 --> 00:00:09,000
3 < 4 and a zoom
"""


def write(path: Path, text: str = SRT) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("tag", "factor"),
    [
        ("<zoom>", 1.1), ("<Zoom=1.25>", 1.25), ("< zoom = 1,25 >", 1.25), ('<zoom="2">', 2.0), ("<zoom=150%>", 1.5),
        ("<zoom=2x>", 2.0), ("<zoom=1>", None), ("<zoom=0.5>", None), ("<zoom=4.01>", None), ("<zoom=-2>", None),
        ("<zoom=nan>", None), ("<zoom=inf>", None), ("<zoom=>", None), ("<zoom 2>", None), ("<zoom=1.5", None),
    ],
)  # fmt: skip
def test_the_factor_of_a_tag(tag: str, factor: float | None) -> None:
    assert factor_of(tag) == factor


def test_zooms_are_read_from_subtitles_on_the_clock_of_the_picture_and_wrong_ones_told(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.srt")
    tags = zooms_of(path, container_start_s=-0.5)
    assert tags.zooms == (Zoom(0.5, 1.5, 1.1), Zoom(2.5, 4.5, 1.25))
    (note,) = tags.notes
    assert note.startswith(
        "talk.srt was mended: line 10: '<zoom=abc>': expected a factor above 1 and up to 4, such as <zoom=1.25>; the "
        "tag was left out; line 10: '<zoom=9>'"
    )
    assert note.endswith("and 1 more")
    assert zooms_of(None) == ZoomTags()
    assert zooms_of(tmp_path / "talk.json") == ZoomTags()


def test_tags_never_reach_the_words(tmp_path: Path) -> None:
    words = read_transcript(write(tmp_path / "talk.srt")).words
    text = "".join(word.text for word in words).strip()
    assert text == "Hello there one two three four five 3 < 4 and a zoom"


def test_zooms_do_not_overlap_and_neighbours_of_one_factor_are_one(tmp_path: Path) -> None:
    cues = [(1, 3, "1.5"), (2, 4, "2"), (4.4, 6, "2"), (7, 8, "2")]
    text = "".join(
        f"{number}\n00:00:{start:06.3f} --> 00:00:{end:06.3f}\n<zoom={factor}>a\n\n"
        for number, (start, end, factor) in enumerate(cues, 1)
    )
    assert zooms_of(write(tmp_path / "a.srt", text)).zooms == (Zoom(1, 2, 1.5), Zoom(2, 6, 2), Zoom(7, 8, 2))


def plan(tracks, words, *zooms: Zoom, picture_px=HD, size_px=UPRIGHT) -> FramingPlan:
    return plan_framing(tracks, words, zooms=zooms, picture_px=picture_px, size_px=size_px)


def windows(run: Run) -> np.ndarray:
    return np.array([run.panels[0].path.at(frame) for frame in range(run.first, run.stop)])


ONE = faces((0, 250, MIDDLE), frame_count=250)
SAID = says(0.4, 9.6, 0)


def test_a_zoom_goes_towards_the_face_and_is_eased_in_and_out() -> None:
    (run,) = plan(ONE, SAID, Zoom(4, 6, 1.1)).runs
    seen = windows(run)
    height = 1080 / 1.1
    # The eyes, at 300 + 0.4 * 180 = 372, at 0.38 of the height: the middle would be at 490; in the picture it is 491.
    assert seen[125].tolist() == pytest.approx([960, height / 2, height], abs=0.02)
    assert seen[99].tolist() == seen[150].tolist() == [960, 540, 1080]
    assert (np.diff(seen[99:109, 2]) <= 0).all()
    assert seen[107, 2] == pytest.approx(height, abs=0.02)  # its middle is 7.5 frames, 0.3 s, later
    assert seen[106, 2] > height + 0.02
    steps = -np.diff(seen[99:109, 2])
    assert steps[0] < steps[2] < steps[4] > steps[6] > steps[8]  # slow, fast, slow
    assert run.reason == "speaker 1 speaks; zoom 1.1"


def test_a_zoom_begins_and_ends_with_a_cut_that_is_near() -> None:
    two = faces((0, 250, LEFT), (0, 250, RIGHT), frame_count=250)
    words = [*says(0.4, 4, 0), *says(5, 9.6, 1)]
    assert [run.first for run in plan(two, words).runs] == [0, 122]
    first, second = plan(two, words, Zoom(4.7, 8, 1.1)).runs  # 4.88 s is the cut
    assert windows(first)[:, 2].tolist() == [1080] * 122
    assert windows(second)[0, 2] < 1080
    first, second = plan(two, words, Zoom(4.6, 8, 1.1)).runs
    assert windows(first)[-1, 2] < 1080
    first, second = plan(two, words, Zoom(2, 5, 1.1)).runs
    assert windows(first)[100, 2] == pytest.approx(1080 / 1.1, abs=0.02)
    assert windows(second)[:, 2].tolist() == [1080] * 128


def test_a_zoom_is_capped_by_the_pixels_of_the_source_and_that_is_said() -> None:
    made = plan(ONE, SAID, Zoom(4, 6, 2))
    assert windows(made.runs[0])[125, 2] == pytest.approx(960, abs=0.02)  # 1920 / 2
    told = "the source has no more pixels for the zooms at 4.0 s (1.12 for 2.00); a smaller REFRAME_SIZE leaves more"
    assert made.notes == (told,)
    assert plan(ONE, SAID, Zoom(4, 6, 2), size_px=(540, 960)).notes == ()
    assert made.runs[0].reason == "speaker 1 speaks; zoom 1.12"
    assert plan(ONE, SAID, Zoom(4, 6, 1.1)).notes == ()


def test_a_zoom_for_which_there_are_no_pixels_at_all_is_no_reason() -> None:
    small = faces((0, 250, np.array(LEFT) / 4), frame_count=250)
    (run,) = plan(small, SAID, Zoom(4, 6, 1.5), picture_px=(480, 270)).runs
    assert (windows(run)[:, 2] == 270).all()
    assert run.reason == "speaker 1 speaks"


def test_a_source_that_is_upright_already_is_only_zoomed() -> None:
    two = faces((0, 250, (100, 300, 220, 450)), (0, 250, (800, 1200, 920, 1350)), frame_count=250)
    words = [*says(0.4, 4, 0), *says(5, 9.6, 1)]
    plain = plan(two, words, picture_px=(1080, 1920))
    assert all((windows(run) == [540, 960, 1920]).all() for run in plain.runs)
    made = plan(two, words, Zoom(1, 3, 1.5), Zoom(6, 8, 1.5), picture_px=(1080, 1920))
    seen = np.concatenate([windows(run) for run in made.runs])
    assert seen[50].tolist() == pytest.approx([360, 640, 1280], abs=0.02)  # up and to the left, as far as it goes
    # The eyes, at 1260, at 0.38 of 1280: 1260 + 0.12 * 1280 = 1413.6; in the picture 1280.
    assert seen[175].tolist() == pytest.approx([720, 1280, 1280], abs=0.02)
    assert seen[112].tolist() == [540, 960, 1920]


def test_a_plan_with_zooms_is_a_valid_file() -> None:
    way = np.interp(np.arange(250), [0, 60, 200, 250], [0, 0, 800, 800])
    tracks = faces((0, 250, np.array(LEFT) + np.outer(way, [1, 0, 1, 0])), frame_count=250)
    made = plan(tracks, SAID, Zoom(3, 6, 1.1), Zoom(7, 9.9, 1.05))
    text = plan_text(PlanFile(made, "talk.mp4", 250))
    assert plan_text(parse_plan(text)) == text
    inside = windows(made.runs[0])
    assert (inside[:, 0] - inside[:, 2] * 9 / 32 <= LEFT[0] + way).all()
    assert (inside[:, 0] + inside[:, 2] * 9 / 32 >= LEFT[2] + way).all()

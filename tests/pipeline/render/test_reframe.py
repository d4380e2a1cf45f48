"""Upright videos of hand-made plans, measured in the written pictures by the colours of disks."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.framing.plan import Background, Begin, CameraPath, FramingPlan, Mode, Panel, Run
from pipeline.media.probe import probe
from pipeline.render.reframe import reframe
from pipeline.types import Excerpt
from tests.support.disks import BLUE, GREEN, RED, disk_in, disks

F = Fraction
SOURCE_PX, SIZE_PX = (640, 360), (270, 480)
WIDTH = 360 * 270 / 480
"""Width of the widest window in source pixels."""


def still(x: float, y: float = 180.0, height: float = 360.0) -> CameraPath:
    return CameraPath(np.array([0.0]), np.array([[x, y, height]]))


def run(first: int, stop: int, *paths: CameraPath, mode: Mode = "follow", begin: Begin = "start") -> Run:
    panels = tuple(Panel((number,), path) for number, path in enumerate(paths))
    return Run(first, stop, mode, panels, begin, "speaker model", 1, "")


def plan(*runs: Run, background: Background = "blur", content_px: Any = (0, 0, 640, 360)) -> FramingPlan:
    return FramingPlan(SOURCE_PX, SIZE_PX, content_px, background, runs)


def two(shift: float = 0.0) -> np.ndarray:
    """A red disk on the left and a blue one on the right."""
    return disks(SOURCE_PX, {RED: (160 + shift, 150, 30), BLUE: (480, 200, 30)})


def written(source: Path, wanted: FramingPlan, **changed: Any) -> list[tuple[Fraction, np.ndarray]]:
    """Time and picture of all pictures of the upright video."""
    path = source.parent / "reframed.mp4"
    settings: dict[str, Any] = {"crf": 8, "preset": "ultrafast", **changed}
    excerpt = settings.pop("excerpt", Excerpt())
    reframe(replace(probe(source), excerpt=excerpt), wanted, path, **settings)
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        tick_s = F(stream.time_base)
        return [((frame.pts or 0) * tick_s, frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)]


def seen(picture: np.ndarray) -> str:
    """Letters of the disks that are in a picture."""
    return "".join(letter for letter, colour in zip("RBG", (RED, BLUE, GREEN), strict=True) if disk_in(picture, colour))


def assert_at(
    picture: np.ndarray, colour: tuple[int, int, int], expected: tuple[float, float, float], within_px: float = 0.8
) -> None:
    """The disk lies there; colours have half the resolution, which blurs its edge."""
    found = disk_in(picture, colour)
    assert found is not None
    assert found[:2] == pytest.approx(expected[:2], abs=within_px)
    assert found[2] == pytest.approx(expected[2], abs=2.5)


def test_a_turn_changes_the_framing_on_its_very_picture(film: Any) -> None:
    """The window on the red disk, then that on the blue one; each disk where the window puts it."""
    source = film.make("v.mp4", film.times(F(25), 2), pictures=[two()] * 50)
    shown = written(source, plan(run(0, 30, still(160)), run(30, 50, still(480), begin="turn")))
    assert [seen(picture) for _, picture in shown] == ["R"] * 30 + ["B"] * 20
    assert_at(shown[10][1], RED, (135, 150 * 480 / 360, 40))
    assert_at(shown[40][1], BLUE, (135, 200 * 480 / 360, 40))


@pytest.mark.parametrize("rate", [F(24), F(30000, 1001), F(50), F(60), F(12)], ids=str)
@pytest.mark.parametrize("first_new", [10, 11, 12])
def test_a_cut_of_the_source_is_never_shown_in_the_old_framing(film: Any, rate: Fraction, first_new: int) -> None:
    """At any rate: the cut lies between two grid frames, and no picture has the wrong window."""
    count = round(rate)
    pictures = [two()] * first_new + [disks(SOURCE_PX, {GREEN: (320, 180, 50)}, 20)] * (count - first_new)
    source = film.make("v.mp4", film.times(rate, 1), 1 / rate, pictures=pictures)
    cut = math.ceil(first_new * 25 / rate - F(1, 2))  # first grid frame whose middle shows the new shot
    shown = written(source, plan(run(0, cut, still(160)), run(cut, 26, still(320), begin="cut")))
    assert [seen(picture) for _, picture in shown] == ["R"] * first_new + ["G"] * (count - first_new)


def test_a_moving_camera_samples_between_pixels(film: Any) -> None:
    """It pans by 0.31 source pixels a picture over a disk that stands: each step is seen, and all are alike."""
    source = film.make("v.mp4", film.times(F(25), 2), pictures=[two()] * 50)
    path = CameraPath(np.array([0.0, 49.0]), np.array([[150.0, 180, 360], [150 + 0.31 * 49, 180, 360]]))
    places = np.array([disk_in(picture, RED) for _, picture in written(source, plan(run(0, 50, path)))])
    steps = np.diff(places[:, 0])[1:-1]
    assert steps.mean() == pytest.approx(-0.31 * 480 / 360, abs=0.02)
    assert np.abs(steps - steps.mean()).max() < 0.2


def test_a_standing_camera_gives_equal_pictures_and_whole_pixels(film: Any) -> None:
    """Where window and upright video have the same size, pictures are the source's own pixels."""
    grey = np.random.default_rng(4).integers(0, 256, (360, 640, 1)).astype(np.uint8)
    picture = np.repeat(grey, 3, axis=2)
    source = film.make("v.mp4", film.times(F(25), 1), pictures=[picture] * 25, options={"crf": "0"})
    small = FramingPlan(SOURCE_PX, (90, 160), (0, 0, 640, 360), "blur", (run(0, 25, still(300.37, 150.2, 160.0)),))
    shown = [picture for _, picture in written(source, small, crf=0)]
    with av.open(str(source)) as container:
        own = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert np.abs(shown[3].astype(int) - own[70:230, 255:345].astype(int)).mean() < 3
    assert all((picture == shown[0]).all() for picture in shown)


def test_a_split_has_the_left_one_on_top(film: Any) -> None:
    source = film.make("v.mp4", film.times(F(25), 1), pictures=[two()] * 25)
    both = run(0, 25, still(160, 150, 160), still(480, 200, 160), mode="split")
    _, picture = written(source, plan(both))[5]
    assert_at(picture[:240], RED, (135, 120, 45))
    assert_at(picture[240:], BLUE, (135, 120, 45))
    assert (seen(picture[:240]), seen(picture[240:])) == ("R", "B")


@pytest.mark.parametrize("background", ["blur", "black"])
def test_a_wide_picture_is_whole_before_a_dark_ground(film: Any, background: Background) -> None:
    source = film.make("v.mp4", film.times(F(25), 1), pictures=[two()] * 25)
    _, picture = written(source, plan(run(0, 25, still(320), mode="wide"), background=background))[5]
    height = 152  # 270 * 360 / 640, even
    middle = picture[(480 - height) // 2 : (480 + height) // 2]
    assert_at(middle, RED, (160 * 270 / 640, 150 * height / 360, 12.7))
    assert disk_in(middle, BLUE) is not None
    ground = np.concatenate([picture[:150], picture[-150:]]).astype(float)
    assert ground.max() <= (4 if background == "black" else 0.6 * 128)
    assert ground.mean() > 40 or background == "black"


def test_black_bars_of_the_source_are_not_shown(film: Any) -> None:
    """Neither in a crop nor in the ground of a wide picture."""
    barred = two()
    barred[:45] = barred[-45:] = 0
    source = film.make("v.mp4", film.times(F(25), 1), pictures=[barred] * 25)
    content_px = (0, 45, 640, 315)
    crop, wide = run(0, 12, still(160, 180, 270)), run(12, 25, still(320, 180, 270), mode="wide", begin="turn")
    shown = written(source, plan(crop, wide, content_px=content_px))
    assert shown[5][1].min(axis=2).min() > 20  # the red of the disk is the darkest
    assert shown[20][1].max(axis=2).min() > 40


def test_uneven_times_are_kept_and_the_camera_follows_them(film: Any) -> None:
    """The disk moves with time, and so does the window: it stays in the middle of pictures at any distance."""
    times_s = [F(k * k, 600) for k in range(35)]
    ends_s = [*times_s[1:], times_s[-1] + F(1, 10)]
    places = [(start + end) / 2 * 25 - F(1, 2) for start, end in zip(times_s, ends_s, strict=True)]
    pictures = [disks(SOURCE_PX, {RED: (140 + 4 * float(place), 180, 30)}) for place in places]
    source = film.make("v.mp4", times_s, F(1, 10), pictures=pictures)
    path = CameraPath(np.array([0.0, 60.0]), np.array([[140.0, 180, 360], [380.0, 180, 360]]))
    shown = written(source, plan(run(0, 60, path)))
    assert [at for at, _ in shown if at in times_s] == times_s
    middles = [disk_in(picture, RED) for at, picture in shown if at in times_s and F(1, 10) < at < F(5, 4)]
    assert np.array(middles)[:, 0] == pytest.approx(135, abs=3)


def test_a_picture_that_stays_is_shown_again_where_its_framing_changes(film: Any) -> None:
    """Two seconds of one picture, and a turn in the middle."""
    source = film.make("v.mp4", [F(0), F(2)], F(1, 2), pictures=[two()] * 2)
    shown = written(source, plan(run(0, 30, still(160)), run(30, 63, still(480), begin="turn")))
    assert [(at, seen(picture)) for at, picture in shown] == [(F(0), "R"), (F(30, 25), "B"), (F(2), "B")]


@pytest.mark.parametrize("rate", [F(25), F(30000, 1001)], ids=str)
def test_a_constant_rate_where_that_is_asked_for(film: Any, rate: Fraction) -> None:
    source = film.make("v.mp4", [F(k * k, 600) for k in range(35)], F(1, 10), pictures=[two()] * 35)
    shown = written(source, plan(run(0, 50, still(160))), rate=rate)
    assert [at for at, _ in shown] == [k / rate for k in range(len(shown))]
    assert len(shown) == pytest.approx(float((F(34 * 34, 600) + F(1, 10)) * rate), abs=1)


def test_an_excerpt_has_the_frames_of_the_plan(film: Any) -> None:
    pictures = [two()] * 40 + [disks(SOURCE_PX, {GREEN: (160, 180, 30)}, 20)] * 35
    source = film.make("v.mp4", film.times(F(25), 3), pictures=pictures)
    part = plan(run(30, 40, still(160)), run(40, 50, still(480), begin="cut"), run(50, 60, still(160), begin="turn"))
    shown = written(source, part, excerpt=Excerpt(30, 60))
    assert [seen(picture) for _, picture in shown] == ["R"] * 10 + [""] * 10 + ["G"] * 10
    assert [at for at, _ in shown] == [F(k, 25) for k in range(30)]


def test_rotation_and_pixel_aspect_come_before_the_geometry(film: Any) -> None:
    """320 stored pixels are 640 on screen; a picture on its side is turned first."""
    narrow = two()[:, ::2] // 2 + two()[:, 1::2] // 2
    film.make("narrow.mp4", film.times(F(25), 1), pictures=[narrow] * 25, aspect=F(2))
    shown = written(film.folder / "narrow.mp4", plan(run(0, 25, still(160))))
    assert_at(shown[5][1], RED, (135, 200, 40), 2)
    lying = np.ascontiguousarray(np.rot90(two()))
    film.make("lying.mp4", film.times(F(25), 1), pictures=[lying] * 25)
    film.ffmpeg("-display_rotation", "-90", "-i", "lying.mp4", "-c", "copy", "turned.mp4")
    found = probe(film.folder / "turned.mp4")
    assert (found.width_px, found.height_px) == SOURCE_PX
    shown = written(film.folder / "turned.mp4", plan(run(0, 25, still(160))))
    assert_at(shown[5][1], RED, (135, 200, 40), 2)


@pytest.mark.parametrize("seconds", [F(1, 25), F(2, 25)])
def test_a_video_of_one_picture_or_two(film: Any, seconds: Fraction) -> None:
    count = int(seconds * 25)
    source = film.make("v.mp4", film.times(F(25), float(seconds)), pictures=[two()] * count)
    assert [seen(picture) for _, picture in written(source, plan(run(0, count, still(480))))] == ["B"] * count


def test_progress_is_told_in_seconds(film: Any) -> None:
    source = film.make("v.mp4", film.times(F(25), 3), pictures=[two()] * 75)
    told: list[float] = []
    written(source, plan(run(0, 75, still(160))), on_seconds=told.append)
    assert told == [1.0, 2.0, 3.0, 3.0]


def test_a_plan_of_another_picture_is_refused(film: Any) -> None:
    source = film.make("v.mp4", film.times(F(25), 1))
    with pytest.raises(InputError, match="its picture is 64x48, and the plan is for one of 640x360"):
        written(source, plan(run(0, 25, still(160))))
    assert not (film.folder / "reframed.mp4").exists()

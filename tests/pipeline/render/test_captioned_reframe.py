"""Captions in an upright video: the difference that they make to its pictures."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.media.probe import probe
from pipeline.render.caption_file import ass_text, caption_overlay
from pipeline.render.caption_places import area_px
from pipeline.render.captions import make_captions
from pipeline.render.fonts import load_fonts
from pipeline.render.reframe import NO_OVERLAY, Overlay, reframe
from pipeline.types import FaceTracks
from tests.support.captioned import sentence
from tests.support.disks import BLUE, RED, disks

SOURCE_PX, SIZE_PX = (640, 360), (270, 480)
Written = list[tuple[Fraction, np.ndarray]]


def pan(first: int, stop: int, mode: Any, *windows: tuple[float, float, float]) -> Run:
    """A run whose windows move by 20 pixels to the right."""
    panels = []
    for number, (x, y, height) in enumerate(windows):
        keys = np.array([[x, y, height], [x + 20, y, height]])
        panels.append(Panel((number,), CameraPath(np.array([first, stop - 1], float), keys)))
    return Run(first, stop, mode, tuple(panels), "start", "speaker model", 1, "")


PLAN = FramingPlan(
    SOURCE_PX,
    SIZE_PX,
    (0, 0, *SOURCE_PX),
    "blur",
    (
        pan(0, 50, "follow", (160, 180, 360)),
        pan(50, 100, "split", (160, 150, 160), (470, 200, 160)),
        pan(100, 150, "follow", (470, 160, 240)),
    ),
)
FACES = {RED: (160, 150, 50), BLUE: (480, 200, 50)}


def faces(frames: int) -> FaceTracks:
    boxes = [[x - r, y - r, x + r, y + r] for x, y, r in FACES.values()]
    return FaceTracks(
        frames,
        np.array([0], np.int32),
        np.repeat(np.arange(2, dtype=np.int32), frames),
        np.tile(np.arange(frames, dtype=np.int32), 2),
        np.repeat(np.array(boxes, np.float32), frames, axis=0),
    )


def written(source: Path, overlay: Overlay, plan: FramingPlan = PLAN) -> Written:
    path = source.parent / "reframed.mp4"
    reframe(probe(source), plan, path, crf=4, preset="ultrafast", overlay=overlay)
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        tick_s = Fraction(stream.time_base)
        return [((frame.pts or 0) * tick_s, frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)]


def both(source: Path, plan: FramingPlan = PLAN) -> tuple[Written, Written]:
    """Times and pictures without captions, and with them."""
    said = [sentence("We see who speaks, left and right.", 0.2), sentence("And then there is me again!", 3.0, 2)]
    made = make_captions(said, plan, faces(150), load_fonts("", "en"))
    path = source.parent / "reframed.ass"
    path.write_text(ass_text(made), encoding="utf-8")
    with caption_overlay(path, made) as overlay:
        return written(source, NO_OVERLAY, plan), written(source, overlay, plan)


def lower_halves(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(H, W) bool: the lower half of each disk of a colour."""
    found = np.zeros(picture.shape[:2], bool)
    alike = (np.abs(picture.astype(int) - colour).max(axis=2) < 50).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(alike)
    for label in range(1, count):
        _, top, _, height, area = stats[label]
        if area > 200:
            found[top + height // 2 :] |= labels[top + height // 2 :] == label
    return found


def test_text_is_inside_the_area_and_on_no_mouth(film: Any) -> None:
    """In runs of one and of two panels, while the camera moves."""
    source = film.make("v.mp4", film.times(Fraction(25), 6), pictures=[disks(SOURCE_PX, FACES)] * 150)
    x1, y1, x2, y2 = area_px("union", SIZE_PX)
    plain, captioned = both(source)
    lettered = 0
    for (at_s, without), (same_s, with_text) in zip(plain, captioned, strict=True):
        assert at_s == same_s
        changed = np.abs(without.astype(int) - with_text).max(axis=2) > 60
        rows, columns = np.nonzero(changed)
        lettered += bool(len(rows))
        if len(rows):
            assert columns.min() >= x1 - 1 and columns.max() < x2 + 1
            assert rows.min() >= y1 - 1 and rows.max() < y2 + 1
        for colour in FACES:
            assert not (changed & lower_halves(without, colour)).any()
    assert lettered > 120


def test_text_changes_where_one_picture_stands_for_long(film: Any) -> None:
    """Words light up on a slide that is shown for six seconds; its other times stay the source's."""
    source = film.make("v.mp4", [Fraction(0), Fraction(3, 100), Fraction(6)], pictures=[disks(SOURCE_PX, FACES)] * 3)
    plain, captioned = both(source)
    times = [at_s for at_s, _ in plain]
    assert set(times) <= {at_s for at_s, _ in captioned}
    frames = [picture for at_s, picture in captioned if 0.2 <= at_s < 2]
    assert len(frames) > 40
    assert sum((np.abs(a.astype(int) - b).max() > 60) for a, b in pairwise(frames)) > 20

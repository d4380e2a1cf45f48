"""Picture and sound of a clip are of the same instants: a flash and its beep, cut out of all kinds of video."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.clips.plan import plan_clips
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.render.cut import cut_clip
from pipeline.types import ClipPlan

F = Fraction
SOUND_HZ = 48_000
FLASH_S = F(8, 5)
LOUD = 3000 / 32768
"""The tone is at half of full scale."""


def _times(film: Any, rate: Any) -> tuple[list[Fraction], Fraction]:
    """Times of the frames of three seconds, and how long the last is shown; variable: 30 a second, then 10."""
    if rate == "variable":
        return [F(k, 30) for k in range(30)] + [1 + F(k, 10) for k in range(20)], F(1, 10)
    return film.times(rate, 3), 1 / rate


def _flash_and_beep(film: Any, rate: Any, late_s: Fraction) -> Any:
    """A white picture and a tone begin together, with the first frame at or after `FLASH_S`, and stay."""
    times_s, last_s = _times(film, rate)
    flash = next(k for k, at in enumerate(times_s) if at >= FLASH_S)
    pictures = [np.full((48, 64, 3), 235 if k >= flash else 20, np.uint8) for k in range(len(times_s))]
    sound = film.tone(SOUND_HZ, 3 - float(late_s), channels=2, frequency_hz=1000)
    sound[: round((times_s[flash] - late_s) * SOUND_HZ)] = 0
    return film.make(
        "v.mp4", times_s, last_s, pictures=pictures, sound=[(late_s, sound)], sound_rate_hz=SOUND_HZ, sound_codec="aac"
    )


def _time_s(frame: Any) -> float:
    return float(frame.pts * frame.time_base)


def _onsets(path: Any) -> tuple[float, float]:
    """Seconds after the clip's first frame at which its picture turns white, and at which its sound begins."""
    with av.open(str(path)) as container:
        seen = [(_time_s(frame), frame.to_ndarray().mean()) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        heard = [(_time_s(frame), np.abs(frame.to_ndarray()).max(axis=0)) for frame in container.decode(audio=0)]
    flash_s = next(at for at, level in seen if level > 127)
    beep_s = next(at + int(np.argmax(loud > LOUD)) / SOUND_HZ for at, loud in heard if (loud > LOUD).any())
    return flash_s - seen[0][0], beep_s - seen[0][0]


@pytest.mark.slow
@pytest.mark.parametrize("fps", ["grid", "source"])
@pytest.mark.parametrize("late_s", [F(0), F(476, 1000)], ids=["", "late"])
@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30000, 1001), F(50), F(60), "variable"], ids=str)
def test_a_flash_and_its_beep_stay_together(
    film: Any, make_tracks: Any, make_sentence: Any, rate: Any, late_s: Fraction, fps: str
) -> None:
    source = probe(_flash_and_beep(film, rate, late_s))
    tracks = make_tracks((0, 75, 1.0, (20, 10, 40, 30)), frame_count=75)
    sentences = [make_sentence(0.7, 1.9), make_sentence(1.9, 2.6)]
    size = (source.width_px, source.height_px)
    plans = plan_clips(sentences, Faces(tracks), size, Config(CLIP_FPS=fps, CLIP_SIZE=32), source.rate)
    assert isinstance(plans[0], ClipPlan)
    assert plans[0].rate == (25 if fps == "grid" else source.rate.limit_denominator(1001))
    path = film.folder / "clip.mp4"
    cut_clip(plans[0], source, path, crf=20, preset="ultrafast")
    flash_s, beep_s = _onsets(path)
    assert abs(flash_s - beep_s) <= 1 / float(plans[0].rate) + 1e-3
    assert abs(beep_s - float(FLASH_S - F(7, 10))) < 0.25  # it is this flash that was found


@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001), F(50), F(60)], ids=str)
def test_a_grid_of_the_sources_rate_has_each_of_its_pictures_once(film: Any, rate: Fraction) -> None:
    source = probe(film.make("v.mp4", film.times(rate, 2), 1 / rate))
    assert [film.number(picture) for picture in read_frames(source, 7, 57 if rate > 40 else 40, rate=source.rate)] == [
        *range(7, 57 if rate > 40 else 40)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("true_cut", [99, 100, 101])
def test_the_window_jumps_where_the_picture_does(
    film: Any, make_tracks: Any, make_sentence: Any, true_cut: int
) -> None:
    """At 50 fps the grid does not say whether a cut is at frame 99, 100 or 101: the picture does.

    The face is white, on the left before the cut and on the right after it; each picture of the clip shows it.
    """
    pictures = []
    for k in range(150):
        picture = np.full((48, 64, 3), 60 if k < true_cut else 120, np.uint8)
        picture[8:40, slice(0, 32) if k < true_cut else slice(32, 64)] = 250
        pictures.append(picture)
    sound = [(F(0), film.tone(16_000, 3))]
    source = probe(
        film.make("v.mp4", film.times(F(50), 3), F(1, 50), pictures=pictures, sound=sound, sound_codec="aac")
    )
    tracks = make_tracks(
        (0, 50, 1.0, (0, 8, 32, 40)), (50, 75, 1.0, (32, 8, 64, 40)), frame_count=75, shot_starts=(0, 50)
    )
    config = Config(CLIP_FPS="source", CLIP_SIZE=32, CLIP_SCALE=0.0)
    sentence = make_sentence(1.6, 2.4)
    words = (sentence.words[0], *make_sentence(2.4, 2.6, 1).words)
    plan = plan_clips([dataclasses.replace(sentence, words=words)], Faces(tracks), (64, 48), config, F(50))[0]
    assert isinstance(plan, ClipPlan)
    path = film.folder / "clip.mp4"
    cut_clip(plan, source, path, crf=10, preset="ultrafast")
    with av.open(str(path)) as container:
        levels = [frame.to_ndarray(format="gray")[8:24, 8:24].mean() for frame in container.decode(video=0)]
    assert len(levels) == plan.frame_count
    assert min(levels) > 240

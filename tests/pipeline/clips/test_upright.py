"""The stage of the upright video, on disks that speak: the written pictures are measured by their colours."""

from __future__ import annotations

import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from config import Config
from pipeline.clips.upright import CAPTIONS, UPRIGHT, has_upright, tier_of
from pipeline.errors import InputError
from pipeline.executors.runtime import run_stage
from pipeline.framing.plan_file import read_plan
from pipeline.graph import GRAPH
from pipeline.media.probe import probe
from pipeline.outputs.tracks import write_tracks
from pipeline.stage import NoSound, OpenedVideo, StageResult, VideoJob
from pipeline.types import (
    Excerpt,
    FaceTracks,
    Losses,
    ModelChoice,
    Probe,
    ScoredTracks,
    Segment,
    Transcript,
    Word,
)
from tests.support.by_hand import kept, prints, work_of
from tests.support.disks import BLUE, RED, disk_in, disks

F = Fraction
SOURCE_PX, FRAMES = (640, 360), 150
MODELS = (ModelChoice("speaking", "lr-asd", None),)
MUTE = NoSound("mute", ("reframe",), ("clips",), frozenset({"speech", "attribution", "clips"}))
MADE = prints("v", "s", attribution="a", reframe="r")


def faces() -> FaceTracks:
    """A red disk on the left and a larger blue one on the right, in view all the time."""
    numbers = np.repeat(np.arange(2, dtype=np.int32), FRAMES)
    frames = np.tile(np.arange(FRAMES, dtype=np.int32), 2)
    boxes = np.array([[130, 120, 190, 180], [440, 130, 520, 210]], np.float32)[numbers]
    return FaceTracks(FRAMES, np.zeros(1, np.int32), numbers, frames, boxes)


def speaking() -> ScoredTracks:
    """The red one speaks in the first half, the blue one in the second."""
    seen = faces()
    speaks = (seen.track == 0) == (seen.frame < FRAMES // 2)
    logit = np.where(speaks, 4.0, -4.0).astype(np.float32)
    probability = np.where(speaks, 0.98, 0.02).astype(np.float32)
    return ScoredTracks(seen.frame_count, seen.shot_starts, seen.track, seen.frame, seen.box_px, logit, probability)


def words() -> Transcript:
    """A word every half second, and one sentence for each half."""
    texts = [Word(f" w{k}" + ("." if k in (5, 11) else ""), k / 2 + 0.05, k / 2 + 0.45, 0.9) for k in range(12)]
    halves = (tuple(texts[:6]), tuple(texts[6:]))
    return Transcript("en", tuple(Segment(h[0].start_s, h[-1].end_s, "", h) for h in halves))


@pytest.fixture
def source(film: Any) -> Probe:
    """Six seconds with a tone."""
    picture = disks(SOURCE_PX, {RED: (160, 150, 30), BLUE: (480, 170, 40)})
    tone = [(F(0), film.tone(16_000, 6))]
    times_s = film.times(F(25), FRAMES / 25)
    return probe(film.make("v.mp4", times_s, pictures=[picture] * FRAMES, sound=tone, sound_codec="aac"))


def reframed(
    source: Probe,
    transcript: Transcript | None = None,
    no_sound: NoSound | None = None,
    models: Any = MODELS,
    transcript_file: Path | None = None,
    **given: Any,
) -> StageResult:
    """Run the stage on a video whose faces and words are known."""
    folder = source.path.parent / "results"
    folder.mkdir(exist_ok=True)
    config = Config(REFRAME=True, CLIP_PRESET="ultrafast", **given)
    video = VideoJob(0, source.path, folder, MADE, transcript_file, no_sound=no_sound)
    if no_sound is not None:
        write_tracks(folder / "tracks.npz", faces(), Losses(), "v")
        source = dataclasses.replace(source, audio_rate_hz=None, audio_channels=0)
    else:
        kept(folder, speaking(), words() if transcript is None else transcript, MADE)
        run_stage(GRAPH.stage("attribution"), work_of(video, OpenedVideo(source, None), config, models))
    return run_stage(GRAPH.stage("reframe"), work_of(video, OpenedVideo(source, None), config, models))


def pictures(source: Probe) -> list[np.ndarray]:
    with av.open(str(source.path.parent / "results" / UPRIGHT.file)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def plan_of(source: Probe) -> dict[str, Any]:
    return json.loads((source.path.parent / "results" / "reframe.json").read_bytes())


def test_who_speaks_is_shown_from_the_turn_on(source: Probe) -> None:
    """The red disk, and from just before its first word the blue one; the sound is there."""
    assert reframed(source).notes == ()
    shown = pictures(source)
    assert len(shown) == FRAMES
    assert [disk_in(picture, RED) is not None for picture in shown[:70]] == [True] * 70
    assert [disk_in(picture, BLUE) is not None for picture in shown[76:]] == [True] * (FRAMES - 76)
    assert not any(disk_in(picture, BLUE) for picture in shown[:70])
    assert plan_of(source)["summary"]["tier_share"] == {"speaker model": 1.0}
    assert plan_of(source)["fingerprint"] == "r"
    assert probe(source.path.parent / "results" / UPRIGHT.file).has_audio


def test_the_plan_that_is_left_can_be_read_again(source: Probe) -> None:
    reframed(source)
    file = read_plan(source.path.parent / "results" / "reframe.json")
    assert (file.source_name, file.frame_count, file.plan.picture_px) == ("v.mp4", FRAMES, SOURCE_PX)
    assert file.plan.size_px == (404, 718)


def test_without_sound_the_largest_face_is_shown_and_that_is_told(source: Probe) -> None:
    result = reframed(source, no_sound=MUTE)
    assert "reframed.mp4: framed for 100% by the largest face" in result.notes
    assert all(disk_in(picture, BLUE) and not disk_in(picture, RED) for picture in pictures(source)[::10])
    assert not probe(source.path.parent / "results" / UPRIGHT.file).has_audio


def test_without_words_the_largest_face_is_shown_and_strict_refuses_that(source: Probe) -> None:
    result = reframed(source, Transcript("en", ()))
    assert "reframed.mp4: framed for 100% by the largest face" in result.notes
    (source.path.parent / "results" / UPRIGHT.file).unlink()
    for mute, given in ((None, Transcript("en", ())), (MUTE, None)):
        with pytest.raises(InputError, match="no words were heard in it") as caught:
            reframed(source, given, mute, STRICT=True)
        assert caught.value.reason_code == "no_words"
    assert not (source.path.parent / "results" / UPRIGHT.file).exists()


def test_lip_motion_is_told_and_the_speaker_model_is_not(source: Probe) -> None:
    stand_in = (ModelChoice("speaking", "lip-motion", None, stands_in_for="talknet"),)
    assert tier_of(stand_in) == "lip motion" and tier_of(MODELS) == "speaker model"
    assert "reframed.mp4: framed for 100% by lip motion" in reframed(source, models=stand_in).notes


def test_sound_that_cannot_be_copied_is_told(source: Probe) -> None:
    wave = source.path.with_name("w.mkv")
    with av.open(str(source.path)) as given, av.open(str(wave), "w") as output:
        video = output.add_stream_from_template(given.streams.video[0])
        sound = output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                output.mux(packet)
        given.seek(0)
        for frame in given.decode(audio=0):
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    notes = reframed(probe(wave)).notes
    assert notes == ("reframed.mp4: its sound was encoded anew, as MP4 does not hold pcm_s16le",)


@pytest.mark.parametrize(("size", "expected"), [("auto", (404, 718)), (270, (270, 480)), (90, (90, 160))])
def test_the_size_acts(source: Probe, size: Any, expected: tuple[int, int]) -> None:
    reframed(source, REFRAME_SIZE=size)
    assert pictures(source)[0].shape[1::-1] == expected


def test_the_camera_acts(source: Probe) -> None:
    """A close camera shows faces larger; a calm one leaves it at that."""
    sizes = {}
    for preset in ("calm", "close"):
        reframed(source, REFRAME_PRESET=preset, REFRAME_SIZE=202)
        found = disk_in(pictures(source)[20], RED)
        assert found is not None
        sizes[preset] = found[2]
    assert sizes["close"] > 1.1 * sizes["calm"]


@pytest.mark.parametrize(("fallback", "light"), [("wide", (30, 90)), ("bars", (0, 3)), ("centre", (120, 135))])
def test_the_fallback_acts_where_there_is_no_face(source: Probe, fallback: str, light: tuple[int, int]) -> None:
    """Above the picture there is it again, darkened, or black; the middle of it fills everything."""
    folder = source.path.parent / "results"
    folder.mkdir()
    none = np.zeros(0, np.int32)
    empty = FaceTracks(FRAMES, np.zeros(1, np.int32), none, none, np.zeros((0, 4), np.float32))
    write_tracks(folder / "tracks.npz", empty, Losses(), "v")
    mute = dataclasses.replace(source, audio_rate_hz=None, audio_channels=0)
    config = Config(REFRAME=True, REFRAME_FALLBACK=fallback, CLIP_PRESET="ultrafast")
    video = VideoJob(0, source.path, folder, MADE, no_sound=MUTE)
    result = run_stage(GRAPH.stage("reframe"), work_of(video, OpenedVideo(mute, None), config, MODELS))
    assert "reframed.mp4: no face for 100%" in result.notes
    above = pictures(source)[5][20:80]
    assert light[0] <= above.mean() <= light[1]


@pytest.mark.parametrize(("fps", "count"), [("source", 150), ("30", 180), ("12.5", 75), ("30000/1001", 180)])
def test_the_rate_acts(source: Probe, fps: str, count: int) -> None:
    reframed(source, REFRAME_FPS=fps)
    assert len(pictures(source)) == count


@pytest.mark.parametrize("crf", [40, 10])
def test_the_quality_of_the_clips_acts(source: Probe, crf: int) -> None:
    reframed(source)
    before = (source.path.parent / "results" / UPRIGHT.file).stat().st_size
    reframed(source, CLIP_CRF=crf)
    after = (source.path.parent / "results" / UPRIGHT.file).stat().st_size
    assert (after < before) == (crf > 18) and after != before


def test_tags_in_the_subtitles_zoom_towards_the_speaker(source: Probe) -> None:
    """By half as much again in the second cue alone; a wrong tag is told."""
    cues = (
        "1\n00:00:00,000 --> 00:00:03,000\nOne <zoom=9>\n",
        "2\n00:00:03,000 --> 00:00:06,000\nTwo <zoom=1.5>\n",
    )
    (source.path.parent / "v.srt").write_text("\n".join(cues))
    reframed(source, REFRAME_SIZE=202)
    before = pictures(source)
    result = reframed(source, REFRAME_SIZE=202, transcript_file=source.path.parent / "v.srt")
    after = pictures(source)
    sizes = [[disk_in(shown[at], colour) for shown in (before, after)] for at, colour in ((40, RED), (110, BLUE))]
    (red, same_red), (blue, large_blue) = [[found[2] for found in pair if found] for pair in sizes]
    assert same_red == pytest.approx(red, abs=0.3)
    assert large_blue == pytest.approx(1.5 * blue, abs=0.8)
    assert any("v.srt" in note and "<zoom=9>" in note for note in result.notes)


def test_black_bars_are_found_and_not_shown(film: Any) -> None:
    """Bars of 45 rows: the upright video is of the 270 rows between them."""
    picture = disks(SOURCE_PX, {RED: (160, 150, 30), BLUE: (480, 170, 40)})
    picture[:45] = picture[-45:] = 0
    barred = probe(film.make("v.mp4", film.times(F(25), FRAMES / 25), pictures=[picture] * FRAMES))
    reframed(barred, no_sound=MUTE)
    assert plan_of(barred)["content_px"] == [0, 45, 640, 315]
    assert plan_of(barred)["size_px"] == [302, 536]
    assert pictures(barred)[5].max(axis=2).min() > 40


def ass_of(source: Probe) -> Path:
    return source.path.parent / "results" / CAPTIONS


@pytest.mark.parametrize(
    ("captions", "is_written", "is_drawn"), [("none", False, False), ("file", True, False), ("burn", True, True)]
)
def test_captions_act(source: Probe, captions: str, is_written: bool, is_drawn: bool) -> None:
    """``none`` takes those of an earlier run away; ``burn`` changes the picture where text is, ``file`` nothing."""
    reframed(source, CLIP_CRF=5, CAPTIONS="file")
    before = pictures(source)
    assert reframed(source, CLIP_CRF=5, CAPTIONS=captions).notes == ()
    assert ass_of(source).exists() == is_written
    assert has_upright(ass_of(source).parent, Config(CAPTIONS=captions))
    assert has_upright(ass_of(source).parent, Config(CAPTIONS="burn")) == is_written
    changed = np.abs(pictures(source)[20].astype(int) - before[20]).max(axis=2) > 100
    assert changed.any() == is_drawn
    assert not changed[: 718 // 2].any()


def test_captions_of_an_excerpt_count_from_its_first_picture(source: Probe) -> None:
    reframed(dataclasses.replace(source, excerpt=Excerpt(50, 100)), CAPTIONS="file")
    starts = [line.split(",")[1] for line in ass_of(source).read_text().splitlines() if line.startswith("Dialogue")]
    assert starts[0] == "0:00:00.05"


def test_the_area_and_the_font_act(source: Probe) -> None:
    """TikTok leaves more room at the foot than all of them do; letters that the fonts lack are told."""
    bottoms = []
    for area in ("union", "tiktok"):
        reframed(source, CAPTIONS="file", CAPTION_AREA=area)
        bottoms.append(int(re.findall(r"\\pos\(\d+,(\d+)\)", ass_of(source).read_text())[0]))
    assert bottoms[0] < bottoms[1]
    strange = Transcript("xx", (Segment(0.1, 1, "", (Word(" ⴰⵣⵓⵍ", 0.1, 1.0, 0.9),)),))
    assert any("no font has their letters" in note for note in reframed(source, strange, CAPTIONS="file").notes)
    font = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not font.is_file():
        pytest.skip("no fonts-dejavu-core")
    assert not any(
        "no font" in note for note in reframed(source, strange, CAPTIONS="file", CAPTION_FONT=str(font)).notes
    )
    assert "DejaVu Sans" in ass_of(source).read_text()


def test_without_words_there_are_no_captions_and_that_is_told(source: Probe) -> None:
    notes = reframed(source, Transcript("en", ()), CAPTIONS="burn").notes
    assert "reframed.mp4: no captions, as no words were heard" in notes
    assert ass_of(source).is_file()

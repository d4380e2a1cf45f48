"""Upright videos of ranges, on disks that speak and a tone that ends: pictures by colour, sound by its level."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest

from config import Config
from pipeline.clips import upright, upright_ranges
from pipeline.clips.upright import UPRIGHT, has_upright
from pipeline.clips.upright_ranges import ranges_whole
from pipeline.errors import ToolError
from pipeline.executors.runtime import run_stage
from pipeline.graph import GRAPH
from pipeline.media.audio import read_sound
from pipeline.media.probe import probe
from pipeline.outputs.tracks import write_tracks
from pipeline.stage import NoSound, OpenedVideo, StageResult, VideoJob
from pipeline.types import FaceTracks, Fingerprints, Losses, ModelChoice, Probe, ScoredTracks, Segment, Transcript, Word
from tests.support.by_hand import kept, prints, work_of
from tests.support.disks import BLUE, RED, disk_in, disks

F = Fraction
SOURCE_PX, FRAMES, RATE_HZ = (640, 360), 200, 16_000
MODELS = (ModelChoice("speaking", "lr-asd", None),)
MADE = prints("v", "s", attribution="a", reframe="r")
MUTE = NoSound("mute", ("reframe",), ("clips",), frozenset({"speech", "attribution", "clips"}))


def speaking() -> ScoredTracks:
    """A red disk on the left speaks in the first half, a blue one on the right in the second."""
    track = np.repeat(np.arange(2, dtype=np.int32), FRAMES)
    frame = np.tile(np.arange(FRAMES, dtype=np.int32), 2)
    box_px = np.array([[130, 120, 190, 180], [440, 130, 520, 210]], np.float32)[track]
    logit = np.where((track == 0) == (frame < FRAMES // 2), 4.0, -4.0).astype(np.float32)
    probability = np.where(logit > 0, 0.98, 0.02).astype(np.float32)
    return ScoredTracks(FRAMES, np.zeros(1, np.int32), track, frame, box_px, logit, probability)


def transcript() -> Transcript:
    """Four sentences of three words: 0.5 to 1.7 s, 2 to 3.2 s, 4.5 to 5.7 s and 6 to 7.2 s."""
    words = []
    for start in (0.5, 2.0, 4.5, 6.0):
        words += [Word(f" w{k}" + "." * (k == 2), start + 0.4 * k, start + 0.4 * (k + 1), 0.9) for k in range(3)]
    parts = [tuple(words[k : k + 3]) for k in range(0, 12, 3)]
    return Transcript("en", tuple(Segment(part[0].start_s, part[-1].end_s, "", part) for part in parts))


@pytest.fixture
def source(film: Any) -> Probe:
    """Eight seconds; a tone in the first 3.5 s."""
    picture = disks(SOURCE_PX, {RED: (160, 150, 30), BLUE: (480, 170, 40)})
    tone = film.tone(RATE_HZ, 8)
    tone[round(3.5 * RATE_HZ) :] = 0
    times_s = film.times(F(25), FRAMES / 25)
    made = film.make("v.mp4", times_s, pictures=[picture] * FRAMES, sound=[(F(0), tone)], sound_codec="aac")
    return probe(made)


def home(source: Probe) -> Path:
    return source.path.parent / "results"


def ranged(
    source: Probe, listed: str | None, made: Fingerprints = MADE, no_sound: NoSound | None = None, **given: Any
) -> StageResult:
    """Run the stage with a list of ranges, or without one."""
    folder = home(source)
    folder.mkdir(exist_ok=True)
    path = source.path.parent / "ranges.csv"
    path.write_text(listed or "")
    config = Config(REFRAME=True, CLIP_PRESET="ultrafast", REFRAME_SIZE=202, **given)
    video = VideoJob(0, source.path, folder, made, ranges=path if listed else None, no_sound=no_sound)
    opened = OpenedVideo(source, None)
    if no_sound is None:
        kept(folder, speaking(), transcript(), made)
        run_stage(GRAPH.stage("attribution"), work_of(video, opened, config, MODELS))
    return run_stage(GRAPH.stage("reframe"), work_of(video, opened, config, MODELS))


def files(source: Probe) -> list[str]:
    return sorted(path.name for path in (home(source) / "reframed").iterdir())


def entries(source: Probe) -> list[dict[str, Any]]:
    return json.loads((home(source) / "reframed" / "ranges.json").read_bytes())["ranges"]


def disks_seen(path: Path) -> str:
    """R or B for each picture."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return "".join("R" if disk_in(frame, RED) else "B" if disk_in(frame, BLUE) else "-" for frame in frames)


def test_each_range_is_a_video_from_sentence_to_sentence(source: Probe) -> None:
    result = ranged(source, "1.9,3.9,The first!\n2.5,8,../both\n")
    assert files(source) == ["001_The_first.mp4", "002_both.mp4", "ranges.json"]
    first, both = entries(source)
    # The second sentence, 2 to 3.2 s, and 0.12 s around it; then that to the last, 7.2 s. The turn is 2.52 s later.
    assert (first["start"], first["end"], both["start"], both["end"]) == (1.88, 3.32, 1.88, 7.32)
    assert first["given"] == [1.9, 3.9] and first["name"] == "The first!" and first["place"] == "line 1"
    folder = home(source) / "reframed"
    assert disks_seen(folder / "001_The_first.mp4") == "R" * 36
    seen = disks_seen(folder / "002_both.mp4")
    assert seen.lstrip("R").strip("B") == "" and len(seen) == 136 and 60 <= seen.count("R") <= 64
    assert "reframed/: 2 of 2 ranges were written" in result.notes
    assert not (home(source) / UPRIGHT.file).exists()
    assert has_upright(home(source), Config())


def test_the_sound_is_that_of_the_very_instants(source: Probe) -> None:
    """The tone ends at 3.5 s: 1.62 s after the start of a video that begins at 1.88 s."""
    ranged(source, "1.9,8\n")
    path = home(source) / "reframed" / "001.mp4"
    samples, rate_hz = read_sound(probe(path), F(0), F(136, 25))
    loud = np.abs(samples[:, 0].astype(int)) > 4000
    assert np.flatnonzero(loud)[-1] / rate_hz == pytest.approx(1.62, abs=0.005)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(5.44)


def test_ranges_that_give_nothing_say_why(source: Probe) -> None:
    notes = ranged(
        source, "start,end,name\n30,40,late\n3.3,4.3,\n2,3,short\n0,8,\n", MIN_LENGTH=1.5, MAX_LENGTH=3
    ).notes
    assert notes[-5:] == (
        "reframed/: 1 of 4 ranges were written",
        "range 1 (late, line 2) gives nothing: the range is 30.00 to 40.00 s, and the video 0.00 to 8.00 s",
        "range 2 (line 3) gives nothing: nothing is said from 3.30 to 4.30 s",
        "range 3 (short, line 4) gives nothing: from sentence to sentence it lasts 1.44 s, less than MIN_LENGTH, 1.5 s",
        "range 4 (line 5): it lasts 6.96 s, more than MAX_LENGTH, 3 s: it ends after 2.96 s with a sentence",
    )
    assert files(source) == ["004.mp4", "ranges.json"]
    assert [entry.get("reason_code") for entry in entries(source)] == [
        "outside_video",
        "nothing_said",
        "too_short",
        None,
    ]


def test_many_notes_are_counted(source: Probe) -> None:
    notes = ranged(source, "".join(f"{30 + k},90\n" for k in range(12))).notes
    assert notes[-1] == "4 more ranges were changed or left out: reframed/ranges.json says why"
    assert files(source) == ["ranges.json"] and ranges_whole(home(source))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("", "003.mp4"),
        ("..", "003.mp4"),
        ("/etc/passwd", "003_etc_passwd.mp4"),
        ('a\\b:c*?"<>|', "003_a_b_c.mp4"),
        ("what he-said, 2", "003_what_he-said_2.mp4"),
        ("गया था", "003_गया_था.mp4"),
        ("\ud800x\0", "003_x.mp4"),
        ("x" * 300, f"003_{'x' * 60}.mp4"),
        ("\U00010400" * 60, f"003_{chr(0x10400) * 50}.mp4"),
    ],
)
def test_names_of_files_are_plain_and_short(name: str, file: str) -> None:
    assert upright_ranges._file_name(3, name) == file


def test_the_whole_video_takes_the_place_of_ranges_and_ranges_that_of_the_whole(source: Probe) -> None:
    ranged(source, "2,3,a\n4.5,6,b\n")
    (home(source) / "reframed" / "mine.mp4").write_text("of the user")
    ranged(source, "2,3,c\n")
    assert files(source) == ["001_c.mp4", "mine.mp4", "ranges.json"]
    ranged(source, None)
    assert files(source) == ["mine.mp4"] and (home(source) / UPRIGHT.file).is_file()
    (home(source) / "reframed" / "mine.mp4").unlink()
    ranged(source, "2,3,c\n")
    assert not (home(source) / UPRIGHT.file).exists()
    ranged(source, None)
    assert not (home(source) / "reframed").exists()


def test_what_was_made_before_a_kill_is_not_made_again(source: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage fails at the second range; the first is kept while nothing has changed."""
    whole, rendered = upright.reframe, []

    def dies(part: Probe, plan: Any, path: Path, **given: Any) -> Any:
        rendered.append(path.name)
        if path.name == "002_b.mp4" and rendered.count(path.name) == 1:
            raise ToolError(("ffmpeg",), -9, "killed")
        return whole(part, plan, path, **given)

    monkeypatch.setattr(upright, "reframe", dies)
    listed = "2,3,a\n4.5,5.7,b\n"
    with pytest.raises(ToolError):
        ranged(source, listed)
    assert files(source) == ["001_a.mp4", "ranges.json"]
    assert [entry["number"] for entry in entries(source)] == [1]
    ranged(source, listed)
    assert rendered == ["001_a.mp4", "002_b.mp4", "002_b.mp4"]
    assert files(source) == ["001_a.mp4", "002_b.mp4", "ranges.json"]
    ranged(source, listed, FORCE=True)
    ranged(source, listed, prints("v", "s", attribution="a", reframe="other"))
    assert rendered[3:] == ["001_a.mp4", "002_b.mp4"] * 2


@pytest.mark.parametrize("spoilt", ["", "[]", '{"version": 1, "ranges": [{"file": "../x.mp4"}]}', '{"version": 9}'])
def test_a_list_that_is_not_ours_is_made_anew(source: Probe, spoilt: str) -> None:
    ranged(source, "2,3,a\n")
    (home(source) / "reframed" / "ranges.json").write_text(spoilt)
    assert not has_upright(home(source), Config())
    ranged(source, "2,3,a\n")
    assert entries(source)[0]["file"] == "001_a.mp4" and has_upright(home(source), Config())
    (home(source) / "reframed" / "001_a.mp4").unlink()
    assert not has_upright(home(source), Config())


def test_captions_of_a_range_lie_beside_it_and_count_from_its_start(source: Probe) -> None:
    """The third sentence begins at 4.5 s, 0.1 s after the start of its video."""
    ranged(source, "4.4,5.8,third\n", CAPTIONS="file")
    assert files(source) == ["001_third.ass", "001_third.mp4", "ranges.json"]
    assert not (home(source) / "reframed.ass").exists()
    (captions,) = [line for line in pysubs2.load(str(home(source) / "reframed" / "001_third.ass")) if line.plaintext]
    assert captions.plaintext.split() == ["w0", "w1", "w2."] and captions.start == 100
    (home(source) / "reframed" / "001_third.ass").unlink()
    assert not has_upright(home(source), Config(CAPTIONS="file"))
    ranged(source, "4.4,5.8,third\n")
    assert files(source) == ["001_third.mp4", "ranges.json"]


def test_without_sound_ranges_are_cut_as_given(source: Probe) -> None:
    folder = home(source)
    folder.mkdir()
    seen = speaking()
    faces = FaceTracks(FRAMES, seen.shot_starts, seen.track, seen.frame, seen.box_px)
    write_tracks(folder / "tracks.npz", faces, Losses(), "v")
    mute = dataclasses.replace(source, audio_rate_hz=None, audio_channels=0)
    notes = ranged(mute, "1,2\n", no_sound=MUTE).notes
    assert notes[-1] == "range 1 (line 1): nothing is heard in the video, so that it is cut as given"
    assert disks_seen(folder / "reframed" / "001.mp4") == "B" * 25

"""``START`` and ``DURATION``: a part of a video is worked on, and comes out as it does in a run over all of it."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline import opening
from pipeline.errors import InputError
from pipeline.fingerprint import fingerprints_of
from pipeline.graph import GRAPH
from pipeline.opening import SOUND_BYTES_PER_S, open_video, read_frames
from pipeline.outputs.tracks import read_losses, read_tracks
from pipeline.run.dry_run import dry_run
from pipeline.speech.clocks import inside
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import (
    AudioTrack,
    Excerpt,
    ScoredTracks,
    Segment,
    Transcript,
    Word,
)
from talknet.features import mfcc_for_frames
from tests.support.by_hand import on_cpu, tracks_of
from tests.support.film import Film

F = Fraction
RATE_HZ = 48_000


def _prepared(path: Path, **settings: Any) -> OpenedVideo:
    return open_video(VideoJob(0, path, path.parent), path.with_name("sound.pcm"), on_cpu(**settings), lambda _: None)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "first", "stop"),
    [
        (0.0, 0.0, 0, None),
        (0.0, 2.0, 0, 50),
        (0.28, 0.0, 7, None),
        (0.3, 0.0, 7, None),
        (1.0, 0.01, 25, 26),
        (1.39, 0.02, 34, 36),
        (3600.04, 0.28, 90001, 90008),
    ],
)
def test_all_frames_are_in_it_that_it_touches(start_s: float, duration_s: float, first: int, stop: int | None) -> None:
    excerpt = Excerpt.of(start_s, duration_s)
    assert (excerpt.first_frame, excerpt.stop_frame) == (first, stop)
    assert excerpt.is_whole == (start_s == duration_s == 0)


def test_what_is_before_the_picture_belongs_to_its_beginning() -> None:
    assert Excerpt(0, 50).holds(-30.0) and not Excerpt(0, 50).holds(2.0)
    assert not Excerpt(1).holds(-0.1) and Excerpt(1).holds(1e6)
    assert [Excerpt(50, 100).length_of(length_s) for length_s in (1.0, 3.0, 9.0, 0.0)] == [0.0, 1.0, 2.0, 0.0]


def test_frames_that_cannot_be_are_refused() -> None:
    for first, stop in ((-1, None), (5, 5), (5, 2)):
        with pytest.raises(ValueError, match="expected 0 <= first < stop"):
            Excerpt(first, stop)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.avi"])
@pytest.mark.parametrize(("start_s", "duration_s"), [(1.3, 0.8), (0.04, 0.04), (2.0, 0.0), (0.0, 1.0), (3.9, 9.0)])
def test_pictures_are_those_of_its_frames(film: Film, name: str, start_s: float, duration_s: float) -> None:
    """Keyframes are 50 pictures apart, so that it begins among them."""
    options = {"g": "50", "keyint_min": "50", "sc_threshold": "0"}
    codec = "aac" if name == "v.ts" else "pcm_s16le"
    path = film.make(
        name, film.times(F(25), 4), sound=[(F(0), film.tone(16_000, 4))], sound_codec=codec, options=options
    )
    found = _prepared(path, START=start_s, DURATION=duration_s)
    seen = [film.number(picture) for picture in read_frames(found, (64, 48), 1, lambda _: None)]
    excerpt = found.probe.excerpt
    assert seen == list(range(excerpt.first_frame, min(excerpt.stop_frame or 100, 100)))
    assert found.probe.length_s == pytest.approx(len(seen) / 25, abs=0.05)


def _noise(rate_hz: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(3).integers(-9000, 9000, (round(rate_hz * seconds), 1)).astype(np.int16)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize(("start_s", "duration_s"), [(1.3, 0.8), (0.08, 0.6), (2.2, 0.0), (0.0, 1.0)])
def test_sound_is_that_of_the_whole(film: Film, rate_hz: int, start_s: float, duration_s: float) -> None:
    """So are the features of its frames, which reach into their neighbours."""
    sound = [(F(0), _noise(rate_hz, 4))]
    path = film.make("v.mov", film.times(F(25), 4), sound=sound, sound_rate_hz=rate_hz)
    whole = _prepared(path)
    all_samples = whole.audio.read(-8000, 80_000)
    found = _prepared(path, START=start_s, DURATION=duration_s).audio
    first, stop = found.excerpt.first_frame, min(found.excerpt.stop_frame or 100, 100)
    low, high = first * 640 - 160, min(stop * 640 + 240, 64_000)
    if first == 0:
        low = -8000
    difference = np.abs(found.read(low, high).astype(int) - all_samples[low + 8000 : high + 8000].astype(int))
    assert difference.max() <= 1
    assert found.first_sample == (0 if not first else pytest.approx((first / 25 - 0.2) * 16_000, abs=160))
    assert found.end_s == pytest.approx(min(stop / 25 + 0.2, 4.0), abs=0.001)
    whole_track = AudioTrack(path.with_name("whole.pcm"), 88_000, first_sample=-8000)
    whole_track.path.write_bytes(all_samples.tobytes())
    features, wanted = (mfcc_for_frames(track.read, first, stop - first) for track in (found, whole_track))
    np.testing.assert_allclose(features, wanted, atol=0.05)


@pytest.mark.parametrize("duration_s", [0.0, 1.0])
def test_an_excerpt_after_the_end_of_the_sound_is_silent(film: Film, duration_s: float) -> None:
    path = film.make("v.mkv", film.times(F(25), 5), sound=[(F(0), film.tone(16_000, 1))])
    audio = _prepared(path, START=3.0, DURATION=duration_s).audio
    assert audio.start_s <= 2.8 and audio.end_s >= 3.04
    assert not audio.read(48_000, 64_000).any()
    assert not audio.recording.read(0, audio.sample_count).any()


def test_what_is_lost_is_told_of_the_excerpt_only(film: Film) -> None:
    path = film.make("v.mkv", film.times(F(25), 4), sound=[(F(0), film.tone(16_000, 4))])
    found = _prepared(path, START=1.0, DURATION=1.0)
    tracks = ScoredTracks(50, *_none(), first_frame=25)
    written = tracks_of(VideoJob(0, path, film.folder), found, tracks)
    assert not read_losses(written)
    assert read_tracks(film.folder / "tracks.npz").first_frame == 25


def _none() -> tuple[np.ndarray, ...]:
    empty = np.zeros(0, np.int32)
    return empty, empty, empty, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32)


def test_a_start_after_the_end_is_refused(film: Film) -> None:
    path = film.make("v.mkv", film.times(F(25), 2), sound=[(F(0), film.tone(16_000, 2))])
    with pytest.raises(InputError, match=r"START is 2 s, and its picture ends at 2\.00 s") as caught:
        _prepared(path, START=2.0)
    assert caught.value.reason_code == "start_after_end"


def test_a_start_after_the_end_that_no_header_tells_is_refused_when_it_is_found(film: Film) -> None:
    """A stream without a container does not say how long it is."""
    path = film.make("v.mkv", film.times(F(25), 2), sound=[(F(0), film.tone(16_000, 2))])
    film.ffmpeg("-i", "v.mkv", "-c:v", "copy", "-an", "v.h264")
    film.ffmpeg("-i", "v.mkv", "-vn", "v.wav")
    job = VideoJob(0, path.with_name("v.h264"), film.folder, sound_file=path.with_name("v.wav"))
    found = open_video(job, path.with_name("sound.pcm"), on_cpu(START=5.0), lambda _: None)
    assert list(read_frames(found, (64, 48), 1, lambda _: None)) == []
    with pytest.raises(InputError) as caught:
        tracks_of(job, found, ScoredTracks(125, *_none(), first_frame=125))
    assert caught.value.reason_code == "start_after_end"


def test_a_negative_start_is_refused() -> None:
    with pytest.raises(InputError, match="START is -1"):
        Config(START=-1.0)
    with pytest.raises(InputError, match="DURATION is -1"):
        Config(DURATION=-1.0)


def test_a_whole_video_keeps_all_words() -> None:
    transcript = Transcript("en", (Segment(-3.0, -1.0, " a", (Word(" a", -3.0, -1.0),)),))
    assert inside(transcript, Excerpt()) is transcript
    assert inside(transcript, Excerpt(0, 5)) == transcript
    assert inside(transcript, Excerpt(1)).segments == ()


def test_room_is_wanted_for_the_excerpt_only(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film.make("v.mkv", film.times(F(25), 4), sound=[(F(0), film.tone(16_000, 4))])

    class Tight:
        free = 2 * SOUND_BYTES_PER_S

    monkeypatch.setattr(opening.shutil, "disk_usage", lambda folder: Tight)
    with pytest.raises(OSError, match="temporary files"):
        _prepared(path)
    assert _prepared(path, START=1.0, DURATION=1.6).audio.sample_count == 2 * 16_000


def test_a_dry_run_counts_the_excerpt(film: Film, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIPGEN_WEIGHTS", str(tmp_path / "none"))
    path = film.make("v.mkv", film.times(F(25), 4), sound=[(F(0), film.tone(16_000, 4))])
    config = Config(
        START=1.0,
        DURATION=2.0,
        FACE_DETECTOR="mtcnn",
        SPEAKER_MODEL="lip-motion",
        IDENTITY_MODEL="none",
        WHISPER_MODEL_SIZE="pocketsphinx",
        DOWNLOAD_WEIGHTS=False,
    )
    lines: list[str] = []
    assert dry_run(path, config, lines.append) == 0
    assert any(line.startswith("to do    v.mkv: 2.0 s") for line in lines)
    late = dataclasses.replace(config, START=9.0)
    lines.clear()
    assert dry_run(path, late, lines.append) == 1
    assert any("start_after_end" in line for line in lines)


def test_an_excerpt_is_infinite_where_the_file_bounds_it() -> None:
    assert (Excerpt().start_s, Excerpt().end_s) == (-math.inf, math.inf)


def test_faces_words_and_clips_depend_on_it(film: Film) -> None:
    path = film.make("v.mkv", film.times(F(25), 1))
    marks = [
        fingerprints_of(GRAPH, path, Config(START=start_s, DURATION=length_s), ())
        for start_s, length_s in [(0, 0), (1, 0), (0, 1)]
    ]
    for stage in ("vision", "speech", "clips"):
        assert len({mark.of(stage) for mark in marks}) == 3

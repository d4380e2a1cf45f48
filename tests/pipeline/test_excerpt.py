"""``START`` and ``DURATION``: a part of a video is worked on, and comes out as it does in a run over all of it."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest

from config import Config
from pipeline import opening
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.clips.worker import finish_video
from pipeline.errors import InputError
from pipeline.fingerprint import fingerprints_of
from pipeline.graph import GRAPH
from pipeline.opening import SOUND_BYTES_PER_S, open_video, read_frames
from pipeline.outputs.exports import write_exports
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.report_data import report_data
from pipeline.outputs.tracks import read_losses, read_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.render.annotate import annotate
from pipeline.run.dry_run import dry_run
from pipeline.speech.clocks import inside
from pipeline.speech.worker import SpeechWorker
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import (
    AudioTrack,
    Excerpt,
    Fingerprints,
    ScoredTracks,
    Segment,
    Transcript,
    Word,
)
from talknet.features import mfcc_for_frames
from tests.support.by_hand import tracks_of
from tests.support.film import Film
from tests.support.square_and_beep import MODELS

F = Fraction
RATE_HZ = 48_000


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path)


def _prepared(path: Path, **settings: Any) -> OpenedVideo:
    return open_video(VideoJob(0, path, path.parent), path.with_name("sound.pcm"), Config(**settings), lambda _: None)


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
    found = open_video(job, path.with_name("sound.pcm"), Config(START=5.0), lambda _: None)
    assert list(read_frames(found, (64, 48), 1, lambda _: None)) == []
    with pytest.raises(InputError) as caught:
        tracks_of(job, found, ScoredTracks(125, *_none(), first_frame=125))
    assert caught.value.reason_code == "start_after_end"


def test_a_negative_start_is_refused() -> None:
    with pytest.raises(InputError, match="START is -1"):
        Config(START=-1.0)
    with pytest.raises(InputError, match="DURATION is -1"):
        Config(DURATION=-1.0)


SAID = (
    *((" Zero.", 0.1, 0.4, 500), (" one", 0.9, 1.36, 800), (" two.", 1.36, 1.8, 1100), (" Three", 2.0, 2.4, 1400)),
    *((" four", 2.4, 2.72, 1700), (" five.", 2.72, 3.4, 2000)),
)
"""Words with their tones. Of an excerpt from 1.2 to 2.8 s, the second begins before it, and is in it by the smaller
part only; the fifth is in it; of the last the greater part is beyond."""

LEAD_S = F(1, 2)


def _spoken_film(film: Film) -> Path:
    at = np.arange(-int(LEAD_S * RATE_HZ), 4 * RATE_HZ) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * tone * at) * ((at >= start) & (at < end)) for _, start, end, tone in SAID)
    sound = np.rint(8000 * (wave + np.zeros(len(at)))).astype(np.int16)[:, None]
    times_s = film.times(F(25), 4, LEAD_S)
    return film.make("v.mkv", times_s, sound=[(F(0), sound)], sound_rate_hz=RATE_HZ, options={"g": "50"})


def _whisper_json(path: Path, zero_s: float) -> Path:
    words = [{"word": text, "start": start - zero_s, "end": end - zero_s} for text, start, end, _ in SAID]
    segment = {"text": "".join(text for text, *_ in SAID), "start": words[0]["start"], "end": words[-1]["end"]}
    path.write_text(json.dumps({"language": "de", "segments": [segment | {"words": words}]}))
    return path


def _face(first: int, stop: int) -> ScoredTracks:
    count = stop - first
    boxes = np.tile(np.array([10, 10, 40, 40], np.float32), (count, 1))
    logits, zeros = np.full(count, 2.0, np.float32), np.zeros(count, np.int32)
    frames = np.arange(first, stop, dtype=np.int32)
    starts = np.array([first], np.int32)
    return ScoredTracks(stop, starts, zeros, frames, boxes, logits, logits / 4, first_frame=first)


@pytest.fixture
def finished(film: Film) -> tuple[Path, OpenedVideo, Path]:
    """The excerpt from 1.2 to 2.8 s of a film with a lead: the film, what is known of it, and the results."""
    path = _spoken_film(film)
    config = Config(START=1.2, DURATION=1.6, CLIP_STYLE="full", CLIP_PADDING_S=0.1)
    found = open_video(VideoJob(0, path, film.folder), film.folder / "sound.pcm", config, lambda _: None)
    given = _whisper_json(film.folder / "given.json", -float(LEAD_S))
    folder, told = film.folder / "result", []
    words = SpeechWorker(None, "de").transcribe(found.audio, told.append, given)
    assert told == [pytest.approx(2.0, abs=0.01)]
    folder.mkdir()
    job = VideoJob(0, path, folder)
    tracks_of(job, found, _face(30, 70))
    write_transcript(folder / "transcript.json", words)
    finish_video(
        folder=folder,
        probe=found.probe,
        tracks=_face(30, 70),
        transcript=words,
        models=MODELS,
        config=config,
        attribution=attribute(Faces(_face(30, 70)), words, MODELS, config),
        prints=Fingerprints(),
        timings={},
        on_clip=lambda done, total: None,
    )
    return path, found, folder


def _tone_hz(path: Path) -> tuple[float, float]:
    """Tones of the first and the last 0.2 s of a clip."""
    with av.open(str(path)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    parts = samples[4800:12000], samples[-14400:-7200]
    first, last = (float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), RATE_HZ)))) for part in parts)
    return first, last


@pytest.mark.slow
def test_results_have_the_times_of_the_file(finished: tuple[Path, OpenedVideo, Path]) -> None:
    _, _, folder = finished
    manifest = read_manifest(folder / "output" / "manifest.json")
    assert [clip["text"] for clip in manifest["clips"]] == ["two.", "Three four"]
    assert manifest["dropped"] == []
    assert [(clip["start_time"], clip["end_time"]) for clip in manifest["clips"]] == [(1.24, 1.92), (1.92, 2.8)]
    assert [clip["first_frame"] for clip in manifest["clips"]] == [31, 48]
    source = manifest["source"]
    assert (source["first_grid_frame"], source["grid_frames"], source["lead"]) == (30, 40, 0.5)
    assert source["duration"] == pytest.approx(4.0, abs=0.05)
    assert (manifest["settings"]["START"], manifest["settings"]["DURATION"]) == (1.2, 1.6)
    tones = [_tone_hz(folder / "output" / clip["clip"]) for clip in manifest["clips"]]
    assert tones[0][0] == pytest.approx(1100, abs=8) and tones[1] == pytest.approx((1400, 1700), abs=8)
    said = json.loads((folder / "transcript.json").read_bytes())
    assert [(w["word"], w["start"]) for part in said["segments"] for w in part["words"]] == [
        *((" two.", 1.36), (" Three", 2.0), (" four", 2.4)),
    ]
    cues = pysubs2.load(str(folder / "transcript.srt"))
    assert [(cue.start, cue.plaintext) for cue in cues] == [(1860, "Speaker 1: two."), (2500, "Speaker 1: Three four")]


@pytest.mark.slow
def test_the_report_shows_the_excerpt(finished: tuple[Path, OpenedVideo, Path]) -> None:
    _, _, folder = finished
    tracks = read_tracks(folder / "tracks.npz")
    manifest = read_manifest(folder / "output" / "manifest.json")
    said = json.loads((folder / "transcript.json").read_bytes())
    data = report_data(manifest, said, tracks, posters={}, sheets={})
    assert (data["begin"], data["duration"], data["shots"]) == (1.2, 2.8, [1.2])
    assert data["lanes"][0]["curve"]["runs"][0][0] == 30
    assert "1.6 long" in (folder / "report.html").read_text().replace("0:0", "")


@pytest.mark.slow
def test_the_annotated_video_is_the_excerpt(finished: tuple[Path, OpenedVideo, Path]) -> None:
    _, found, folder = finished
    tracks = read_tracks(folder / "tracks.npz")
    told: list[int] = []
    out = folder / "annotated.mp4"
    count = annotate(found.probe, tracks, (), out, crf=10, preset="ultrafast", on_frames=told.append)
    assert (count, told[-1]) == (40, 40)
    with av.open(str(out)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="bgr24")
        container.seek(0)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    bars = [int(first[46, int((bit + 0.5) * 8)].mean() > 127) << bit for bit in range(8)]
    assert sum(bars) == 30
    assert len(sound) / RATE_HZ == pytest.approx(1.6, abs=0.03)
    part = sound[round(0.2 * RATE_HZ) : round(0.5 * RATE_HZ)]  # the second word, 1.4 s after the first picture
    assert float(np.argmax(np.abs(np.fft.rfft(part, RATE_HZ)))) == pytest.approx(1100, abs=8)


@pytest.mark.slow
def test_exports_count_as_the_file(finished: tuple[Path, OpenedVideo, Path]) -> None:
    _, found, folder = finished
    tracks = read_tracks(folder / "tracks.npz")
    formats = ("sieve", "sieve-raw", "sieve-cuts", "ava", "talknet")
    smooth = lambda boxes: np.zeros((len(boxes), 3))  # noqa: E731
    write_exports(formats, folder, found.probe, tracks, (), smooth=smooth)
    for name in ("sieve.json", "sieve_raw.json"):
        frames = json.loads((folder / "export" / name).read_text())
        assert [frame["frame_number"] for frame in frames] == list(range(30, 70))
        assert all(len(frame["faces"]) == 1 for frame in frames)
    (cut,) = json.loads((folder / "export" / "sieve_cuts.json").read_text())
    assert cut["frame_number"] == 30
    assert (folder / "export" / "ava_labels.csv").read_text().split(",")[1] == "1.20"


def test_a_word_of_a_recogniser_is_kept_where_its_middle_is_in_the_excerpt(film: Film) -> None:
    found = _prepared(_spoken_film(film), START=1.2, DURATION=1.6)
    heard: list[AudioTrack] = []

    class Recogniser:
        def transcribe(self, audio: AudioTrack, on_progress: Any) -> Transcript:
            heard.append(audio)
            words = tuple(Word(text, start_s, end_s) for text, start_s, end_s in [
                (" a", 0.0, 0.3), (" b", 0.3, 0.6), (" c", 1.7, 1.82), (" d", 1.82, 1.99),
            ])  # fmt: skip
            on_progress(audio.duration_s)
            return Transcript("en", (Segment(0.0, 1.99, " a b c d", words), Segment(1.9, 1.99, " e", (words[-1],))))

    told: list[float] = []
    got = SpeechWorker(Recogniser()).transcribe(found.audio, told.append)
    assert (heard[0].first_sample, heard[0].duration_s) == (0, 2.0)
    (segment,) = got.segments
    assert (segment.text, segment.start_s, segment.end_s) == (" b c", pytest.approx(1.3), pytest.approx(2.82))
    assert told == [2.0]


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

"""The results of an excerpt: clips, tables, report and annotated video have the times of the file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest

from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.clips.worker import finish_video
from pipeline.opening import open_video
from pipeline.outputs.exports import write_exports
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.report_data import report_data
from pipeline.outputs.tracks import read_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.render.annotate import annotate
from pipeline.speech.worker import SpeechWorker
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import (
    AudioTrack,
    Fingerprints,
    ScoredTracks,
    Segment,
    Transcript,
    Word,
)
from tests.support.by_hand import on_cpu, tracks_of
from tests.support.film import Film
from tests.support.square_and_beep import MODELS

F = Fraction
RATE_HZ = 48_000


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
    config = on_cpu(START=1.2, DURATION=1.6, CLIP_STYLE="full", CLIP_PADDING_S=0.1)
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
    found = open_video(
        VideoJob(0, _spoken_film(film), film.folder),
        film.folder / "sound.pcm",
        on_cpu(START=1.2, DURATION=1.6),
        lambda _: None,
    )
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

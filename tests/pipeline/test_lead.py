"""Sound that begins before the first picture: words by place, in everything that a video leaves."""

from __future__ import annotations

import json
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pysubs2
import pytest

from pipeline import opening
from pipeline.attribution.attribute import attribute
from pipeline.attribution.faces import Faces
from pipeline.attribution.turns import NO_SPEECH, spoken_turns
from pipeline.clips.worker import finish_video
from pipeline.machine import ResolvedConfig
from pipeline.opening import SOUND_BYTES_PER_S, open_video, read_frames
from pipeline.outputs.exports import write_exports
from pipeline.outputs.manifest import read_manifest
from pipeline.speech.worker import SpeechWorker
from pipeline.stage import VideoJob
from pipeline.types import AttributedWord, AudioTrack, Fingerprints, Probe, ScoredTracks, Transcript
from tests.support.by_hand import on_cpu
from tests.support.film import Film
from tests.support.square_and_beep import MODELS

F = Fraction
RATE_HZ = 48_000
PICTURE_S = 2
BEFORE, AFTER = ((-0.5, -0.2), (-1.2, -0.9)), ((0.28, 0.6), (0.8, 1.12), (1.4, 1.8))
"""Spans of the words, in seconds after the first video frame; each is a tone of its own."""

PRIMING_S = 1024 / RATE_HZ
"""Length of the samples that FFmpeg puts in front of AAC; a transport stream does not say that they are no sound."""

CONFIG = on_cpu(CLIP_STYLE="full", CLIP_PADDING_S=0.0)


@dataclass(frozen=True)
class Said:
    """A word, where it is, and how it sounds."""

    text: str
    start_s: float
    end_s: float
    tone_hz: float


def _said(lead_s: float) -> list[Said]:
    spans = sorted(span for span in (*BEFORE, *AFTER) if span[0] >= -lead_s)
    return [Said(f"w{k}.", *span, 500.0 + 300 * k) for k, span in enumerate(spans)]


def _sound(said: Sequence[Said], begin_s: float, end_s: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """(N, 1) int16 from *begin_s* to *end_s* after the first video frame."""
    at = begin_s + np.arange(round((end_s - begin_s) * rate_hz)) / rate_hz
    wave = sum(np.sin(2 * np.pi * word.tone_hz * at) * ((at >= word.start_s) & (at < word.end_s)) for word in said)
    return np.rint(8000 * (wave + np.zeros(len(at)))).astype(np.int16)[:, None]


def _video(film: Film, name: str, lead_s: Fraction, said: Sequence[Said], end_s: float = PICTURE_S) -> Path:
    """Pictures from *lead_s* of the file's clock on, sound from its 0 on, or later where *lead_s* is below 0."""
    sound = _sound(said, -float(lead_s), end_s)
    codec = "pcm_s16le" if name.endswith((".mkv", ".mov")) else "aac"
    start_s = max(lead_s, F(0))
    return film.make(
        name,
        film.times(F(25), PICTURE_S, start_s),
        sound=[(start_s - lead_s, sound)],
        sound_rate_hz=RATE_HZ,
        sound_codec=codec,
        options={"bf": "0"},
    )


def _face() -> ScoredTracks:
    """Somebody who speaks on every frame."""
    count = PICTURE_S * 25
    boxes = np.tile(np.array([10, 10, 40, 40], np.float32), (count, 1))
    logits = np.full(count, 2.0, np.float32)
    zeros = np.zeros(count, np.int32)
    return ScoredTracks(
        count, np.zeros(1, np.int32), zeros, np.arange(count, dtype=np.int32), boxes, logits, logits / 4
    )


def _given(folder: Path, form: str, said: Sequence[Said], zero_s: float) -> Path:
    """A transcript of the user's, whose 0 is *zero_s* after the first video frame."""
    times = [(word.text, word.start_s - zero_s, word.end_s - zero_s) for word in said]
    if form == "srt":
        file = pysubs2.SSAFile()
        for text, start_s, end_s in times:
            file.append(pysubs2.SSAEvent(round(start_s * 1000), round(end_s * 1000), text))
        path = folder / "given.srt"
        path.write_text(file.to_string("srt"))
        return path
    segments: list[dict[str, Any]] = [
        {
            "start": start_s,
            "end": end_s,
            "text": f" {text}",
            "words": [{"word": f" {text}", "start": start_s, "end": end_s}],
        }
        for text, start_s, end_s in times
    ]
    marks = {"own": {"time_zero": "first_video_frame", "fingerprint": ""}, "older": {"fingerprint": "ab"}}
    path = folder / "given.json"
    path.write_text(json.dumps({"segments": segments, "language": "de", **marks.get(form, {})}))
    return path


def _run(
    video: Path, given: Path, config: ResolvedConfig = CONFIG, **job: Any
) -> tuple[Probe, AudioTrack, Transcript, Path]:
    prepared = open_video(VideoJob(0, video, video.parent, **job), video.with_name("sound.pcm"), config, lambda _: None)
    words = SpeechWorker(None, "de").transcribe(prepared.audio, lambda _: None, given)
    folder = video.parent / "result"
    finish_video(
        folder=folder,
        probe=prepared.probe,
        tracks=_face(),
        transcript=words,
        models=MODELS,
        config=config,
        attribution=attribute(Faces(_face()), words, MODELS, config),
        prints=Fingerprints(),
        timings={},
        on_clip=lambda done, total: None,
    )
    return prepared.probe, prepared.audio, words, folder


def _heard(path: Path, start_s: float, length_s: float) -> np.ndarray:
    """Sound that FFmpeg cuts out of *path*, whose times count from the start of its container."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-i", str(path), "-ss", f"{start_s:.6f}"]
    argv += ["-t", f"{length_s:.6f}", "-vn", "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<i2")


def _tone_hz(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), RATE_HZ))))


def _words_of(line: dict[str, Any]) -> list[tuple[str, float, float]]:
    return [(word["text"], word["start"], word["end"]) for word in line["words"]]


def _close(found: Sequence[tuple[str, float, float]], said: Sequence[Said], within_s: float = 0.0025) -> bool:
    return [word for word, *_ in found] == [word.text for word in said] and all(
        abs(start_s - word.start_s) <= within_s and abs(end_s - word.end_s) <= within_s
        for (_, start_s, end_s), word in zip(found, said, strict=True)
    )


def _check(folder: Path, video: Path, said: Sequence[Said], lead_s: float) -> None:
    """Everything in *folder* has the words at the place where they sound in *video*."""
    manifest = read_manifest(folder / "output" / "manifest.json")
    before = [word for word in said if word.end_s <= 0]
    after = [word for word in said if word.end_s > 0]
    assert abs(manifest["source"]["lead"] - lead_s) < 0.0015
    assert {line["reason_code"] for line in manifest["dropped"]} == ({"outside_picture"} if before else set())
    assert _close([word for line in manifest["dropped"] for word in _words_of(line)], before)
    assert _close([word for clip in manifest["clips"] for word in _words_of(clip)], after)
    transcript = json.loads((folder / "transcript.json").read_bytes())
    assert _close(
        [
            (word["word"].strip(), word["start"], word["end"])
            for part in transcript["segments"]
            for word in part["words"]
        ],
        said,
    )
    for clip, word in zip(manifest["clips"], after, strict=True):
        assert abs(clip["start_time"] - word.start_s) < 0.05
        with av.open(str(folder / "output" / clip["clip"])) as container:
            samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert _tone_hz(samples[4800:9600]) == pytest.approx(word.tone_hz, abs=8)
    for name in ("transcript.srt", "transcript.vtt", "transcript.ass"):
        cues = pysubs2.load(str(folder / name))
        assert [cue.plaintext.split()[-1] for cue in cues] == [word.text for word in said]
        for cue, word in zip(cues, said, strict=True):
            assert abs(cue.start / 1000 - lead_s - word.start_s) <= 0.012
            heard = _heard(video, cue.start / 1000, word.end_s - word.start_s)
            middle = heard[len(heard) // 4 : -len(heard) // 4]
            assert _tone_hz(middle) == pytest.approx(word.tone_hz, abs=8)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "srt", "own", "older"])
@pytest.mark.parametrize(
    ("name", "lead_s"),
    [("v.mkv", F(152, 100)), ("v.mp4", F(152, 100)), ("v.ts", F(27, 10)), ("v.mov", F(2, 25)), ("v.mkv", F(30))],
    ids=str,
)
def test_every_word_is_where_it_sounds(film: Film, name: str, lead_s: Fraction, form: str) -> None:
    said = _said(float(lead_s))
    video = _video(film, name, lead_s, said)
    start_s = -float(lead_s) - (PRIMING_S if name.endswith(".ts") else 0.0)
    zero_s = 0.0 if form in ("own", "older") else start_s
    found, audio, _, folder = _run(video, _given(film.folder, form, said, zero_s))
    assert float(found.lead_s) == pytest.approx(-start_s, abs=0.0015)
    assert audio.start_s == pytest.approx(start_s, abs=0.0015)
    _check(folder, video, said, float(found.lead_s))


@pytest.mark.slow
@pytest.mark.parametrize(("form", "zero_s"), [("json", 0.24), ("srt", 0.0), ("own", 0.0)])
def test_sound_that_begins_after_the_picture(film: Film, form: str, zero_s: float) -> None:
    """Recognisers count from its first sample, subtitles from the picture then."""
    said = _said(0.0)
    video = _video(film, "v.mkv", F(-24, 100), said)
    _, audio, _, folder = _run(video, _given(film.folder, form, said, zero_s))
    assert (audio.start_s, audio.sound_start_s, audio.container_start_s) == (0.0, 0.24, 0.0)
    _check(folder, video, said, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "zero_s"), [("json", -1.0), ("srt", -1.52), ("own", 0.0)])
def test_a_sound_file_beside_a_video_with_a_lead(film: Film, form: str, zero_s: float) -> None:
    """JSON counts from the sound file's first sample, here 0.52 s after the start of the video's container. What is
    0 there is the start of the container, so that the file has silence up to it."""
    said = _said(0.9)
    video = _video(film, "v.mkv", F(152, 100), said)
    sound = _sound(said, -1.52, PICTURE_S)
    with wave.open(str(film.folder / "beside.wav"), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    given = _given(film.folder, form, said, -1.52 if form == "json" else zero_s)
    _, audio, _, folder = _run(video, given, sound_file=film.folder / "beside.wav")
    assert audio.start_s == -1.52
    _check(folder, video, said, 1.52)


@pytest.mark.slow
def test_all_is_said_before_the_picture(film: Film) -> None:
    """The sound even ends before it."""
    said = [word for word in _said(2.0) if word.end_s < 0]
    video = _video(film, "v.mkv", F(2), said, end_s=-0.1)
    _, audio, _, folder = _run(video, _given(film.folder, "json", said, -2.0))
    assert audio.end_s == pytest.approx(-0.1, abs=0.001)
    _check(folder, video, said, 2.0)


@pytest.mark.slow
def test_a_sentence_over_the_first_picture_is_parted_there(film: Film) -> None:
    """A word of which the greater part is in the picture is in the clip; the words before are dropped, and named."""
    said = [Said(text, *span, hz) for text, span, hz in [
        ("Das", (-0.9, -0.5), 500), ("ist", (-0.5, -0.08), 800), ("so", (-0.08, 0.4), 1100), ("gut.", (0.4, 0.8), 1400),
    ]]  # fmt: skip
    video = _video(film, "v.mkv", F(1), said)
    _, _, _, folder = _run(video, _given(film.folder, "json", said, -1.0))
    manifest = read_manifest(folder / "output" / "manifest.json")
    (clip,), (dropped,) = manifest["clips"], manifest["dropped"]
    assert (clip["text"], clip["start_time"], clip["end_time"]) == ("so gut.", 0.0, 0.8)
    assert (dropped["text"], dropped["start_time"], dropped["end_time"]) == ("Das ist", -0.9, -0.08)
    assert (dropped["reason_code"], dropped["index"], clip["index"]) == ("outside_picture", 0, 1)
    assert dropped["speaker"] == clip["speaker"] == 1  # nobody else is seen to say it
    assert "begins at 0" in dropped["message"]


@pytest.mark.slow
def test_rttm_counts_as_players_do(film: Film) -> None:
    said = _said(1.52)
    video = _video(film, "v.mkv", F(152, 100), said)
    found, _, words, _ = _run(video, _given(film.folder, "json", said, -1.52))
    turns = spoken_turns([AttributedWord(word, 0, 1) for word in words.words], _face(), NO_SPEECH)
    (path,) = write_exports(["rttm"], film.folder, found, _face(), turns, smooth=lambda boxes: boxes[:, :3])
    starts_s = [float(line.split()[3]) for line in path.read_text().splitlines()]
    assert starts_s[0] == pytest.approx(said[0].start_s + 1.52, abs=0.002)
    assert all(start_s >= 0 for start_s in starts_s)


@pytest.mark.slow
def test_a_capture_that_begins_between_keyframes(film: Film) -> None:
    """A transport stream with a keyframe every 75 pictures, cut anywhere: sound can be heard before the first of them
    that can be decoded. Its place is that in the whole file."""
    said = [Said(f"w{k}.", 0.2 + 0.7 * k, 0.6 + 0.7 * k, 500.0 + 300 * k) for k in range(9)]
    film.make(
        "whole.ts",
        film.times(F(25), 7),
        sound=[(F(0), _sound(said, 0.0, 7.0))],
        sound_rate_hz=RATE_HZ,
        sound_codec="aac",
        options={"g": "75", "keyint_min": "75", "sc_threshold": "0", "bf": "0"},
    )
    content = (film.folder / "whole.ts").read_bytes()
    cut = film.folder / "cut.ts"
    cut.write_bytes(content[len(content) // 188 // 8 * 188 :])
    prepared = open_video(VideoJob(0, cut, film.folder), film.folder / "sound.pcm", CONFIG, lambda _: None)
    audio, lead_s = prepared.audio, float(prepared.probe.lead_s)
    assert 1.0 < lead_s < 3.0
    pictures = read_frames(prepared, (64, 48), 1, lambda _: None)
    assert film.number(next(pictures)) == 75  # the first keyframe that is left
    heard = audio.recording.read(0, audio.sample_count)
    wanted = [word for word in said if word.start_s - 3.0 >= audio.start_s]
    assert any(word.end_s < 3.0 for word in wanted)
    for word in wanted:
        first = round((word.start_s - 3.0 - audio.start_s) * 16_000)
        span = heard[first : first + round(0.4 * 16_000)][1600:-1600]
        assert float(np.argmax(np.abs(np.fft.rfft(span, 16_000)))) == pytest.approx(word.tone_hz, abs=8)
        on_player = _heard(cut, word.start_s - 3.0 + lead_s + 0.1, 0.2)
        assert _tone_hz(on_player) == pytest.approx(word.tone_hz, abs=8)


def test_room_is_wanted_for_the_sound_before_the_picture(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    video = _video(film, "v.mkv", F(30), _said(1.0))

    class Full:
        free = 20 * SOUND_BYTES_PER_S

    monkeypatch.setattr(opening.shutil, "disk_usage", lambda path: Full)
    with pytest.raises(OSError, match="its sound needs 1 MB"):
        open_video(VideoJob(0, video, film.folder), film.folder / "sound.pcm", CONFIG, lambda _: None)


def test_progress_of_speech_counts_from_the_first_picture(film: Film) -> None:
    """So that it ends where the length of the video does."""
    said, told = _said(1.52), []
    video = _video(film, "v.mkv", F(152, 100), said)
    prepared = open_video(VideoJob(0, video, film.folder), film.folder / "sound.pcm", CONFIG, lambda _: None)

    class Recogniser:
        def transcribe(self, audio: AudioTrack, on_progress: Any) -> Transcript:
            for done_s in (0.5, 1.6, audio.duration_s):
                on_progress(done_s)
            return Transcript("en", ())

    SpeechWorker(Recogniser()).transcribe(prepared.audio, told.append)
    assert told == pytest.approx([0.0, 0.08, PICTURE_S])
    assert all(one <= other for one, other in pairwise(told))

"""B9 to B16 and B36: where the old systems lost the time of a picture or of a sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.attribution.offscreen import fill_offscreen_words
from pipeline.attribution.sentences import split_sentences
from pipeline.attribution.speakers import attribute_words
from pipeline.clips.plan import plan_clips
from pipeline.media import decode
from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.render.cut import cut_clip
from pipeline.types import SAMPLES_PER_FRAME, AudioTrack, ClipPlan, Probe, ScoredTracks, Word
from pipeline.vision.shots import ShotFinder
from talknet.features import ROWS_PER_FRAME, mfcc_for_frames
from talknet.windows import DURATIONS_S, windows
from tests.pipeline.vision.synthetic import Face, boxes_in, pictures, stream
from tests.support.film import Film

F = Fraction


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path)


def _sound(found: Probe) -> AudioTrack:
    return extract_sound(found, found.path.with_suffix(".pcm"))


def _onset_s(samples: np.ndarray, rate_hz: int) -> float:
    return int(np.argmax(np.abs(samples.astype(float)) > 0.1 * np.abs(samples.astype(float)).max())) / rate_hz


@pytest.mark.slow
@pytest.mark.parametrize("fps", [30, 60])
def test_b09_frame_rate_of_the_source_does_not_shift_sound(film: Film, fps: int) -> None:
    """Pictures at the source's own rate were scored as 25 a second: 10 s of sound met 8.33 s of picture at 30 fps."""
    path = film.make("v.mkv", film.times(F(fps), 10), F(1, fps), sound=[(F(0), film.tone(16000, 10))])
    found = probe(path)
    frames = sum(1 for _ in read_frames(found))
    audio = _sound(found)
    assert frames == 250
    assert audio.sample_count == frames * SAMPLES_PER_FRAME
    assert len(mfcc_for_frames(audio.read, 0, frames)) == ROWS_PER_FRAME * frames


def test_b10_variable_frame_rate_shows_the_picture_of_its_time(film: Film) -> None:
    """A file of 30, then 10 fps was read as 20.5 fps throughout: at 9 s the picture of 6.15 s was shown."""
    times_s = [F(k, 30) for k in range(150)] + [5 + F(k, 10) for k in range(50)]
    shown = [film.number(picture) for picture in read_frames(probe(film.make("v.mp4", times_s, F(1, 10))))]
    assert len(shown) == 250
    assert times_s[shown[9 * 25]] == 9
    late_s = [F(2 * i + 1, 50) - times_s[number] for i, number in enumerate(shown)]
    assert all(0 <= late < F(1, 30) for late in late_s[:125])
    assert all(0 <= late < F(1, 10) for late in late_s[125:])


def test_b11_each_of_the_six_durations_counts_once() -> None:
    """Weights of 1,1,1,2,2,2,3,3,4,5,6 were written into a set, so that they never were; scores were cut to 0.1."""
    assert DURATIONS_S == (1, 2, 3, 4, 5, 6)
    votes = np.zeros((7, 300), int)
    for group in windows([300]):
        for window in group:
            votes[window.length // 25, window.start : window.start + window.length] += window.weight
    # 12 s end in the middle of a 5 s window, of which 2 s are left: there, 2 s windows vote twice.
    expected = np.zeros_like(votes)
    expected[1:] = 1
    expected[2, 250:], expected[5, 250:] = 2, 0
    np.testing.assert_array_equal(votes, expected)


@pytest.mark.parametrize("name", ["v.mkv", "v.mov"])
def test_b12_sound_that_starts_late_stays_late(film: Film, name: str) -> None:
    """Sound that begins at 0.476 s was extracted as if it began with the picture."""
    path = film.make(name, film.times(F(25), 2), sound=[(F(476, 1000), film.tone(16000, 1))])
    audio = _sound(probe(path))
    assert _onset_s(audio.read(0, audio.sample_count), 16000) == pytest.approx(0.476, abs=0.002)


def test_b13_nothing_lossy_lies_between_the_file_and_the_models(film: Film) -> None:
    """Sound went through MP3, 10 s became 10.057 s; pictures went through MPEG-4, JPEG and XVID."""
    noise = np.random.default_rng(1).integers(-9000, 9000, (160_000, 1)).astype(np.int16)
    grey = np.random.default_rng(2).integers(60, 200, (48, 64, 1)).repeat(3, axis=2).astype(np.uint8)
    grey = grey[::8, ::8].repeat(8, axis=0).repeat(8, axis=1)
    path = film.make("v.mkv", film.times(F(25), 10), pictures=[grey] * 250, sound=[(F(0), noise)], options={"qp": "0"})
    found = probe(path)
    audio = _sound(found)
    np.testing.assert_array_equal(audio.read(0, audio.sample_count), noise[:, 0])
    with av.open(str(path)) as container:
        stored = next(iter(container.decode(video=0)))
    assert isinstance(stored, VideoFrame)
    # Grey in studio range, by the definition of BT.601: 219 steps above 16 for 255.
    luma = stored.to_ndarray()[:48].astype(float)
    picture = next(read_frames(found))
    np.testing.assert_allclose(picture[..., 1], (luma - 16) * 255 / 219, atol=1)
    assert {each.name for each in film.folder.iterdir()} == {"v.mkv", "v.pcm"}


def test_b14_cuts_of_a_30_fps_file_are_where_they_are(film: Film) -> None:
    """Cuts were found with 25 fps forced upon a 30 fps file, and so landed a fifth too late: 2 s became 2.4 s."""
    rng = np.random.default_rng(3)
    scenes = [(rng.integers(0, 120, (48, 64, 3)) + 60 * (k % 2)).astype(np.uint8) for k in range(3)]
    path = film.make("v.mp4", film.times(F(30), 6), F(1, 30), pictures=[scenes[k // 60] for k in range(180)])
    finder = ShotFinder("content")
    cuts = [cut for i, picture in enumerate(read_frames(probe(path))) for cut in finder.push(i, picture.copy())]
    assert cuts == [50, 100]


def _film_with_a_flash(film: Film) -> Probe:
    """Four seconds; from 2.0 s on the picture is white and the sound a tone."""
    rgb = [np.full((48, 64, 3), 235 if k >= 50 else 20, np.uint8) for k in range(100)]
    tone = film.tone(16000, 4)
    tone[:32000] = 0
    return probe(film.make("v.mkv", film.times(F(25), 4), pictures=rgb, sound=[(F(0), tone)]))


def _face(first: int, stop: int, frame_count: int, logit: float = 3.0) -> ScoredTracks:
    count = stop - first
    return ScoredTracks(
        frame_count,
        np.zeros(1, np.int32),
        np.zeros(count, np.int32),
        np.arange(first, stop, dtype=np.int32),
        np.tile(np.array([10, 5, 50, 45], np.float32), (count, 1)),
        np.full(count, logit, np.float32),
        np.full(count, 0.95, np.float32),
    )


def _planned(tracks: ScoredTracks, words: Iterable[tuple[float, float]], config: Config) -> list[Any]:
    faces = Faces(tracks)
    spoken = attribute_words([Word(f" w{i}", start_s, end_s) for i, (start_s, end_s) in enumerate(words)], faces)
    spoken = fill_offscreen_words(spoken, faces, language="en", pause_s=0.5)
    sentences = split_sentences(spoken, faces, language="en", pause_s=0.5, max_s=20.0)
    return list(plan_clips(sentences, faces, (64, 48), config))


def _flash_and_beep_s(clip: Path) -> tuple[int, float, float, float]:
    """Pictures, seconds of sound, and when each of the two begins to be loud, in seconds of the clip."""
    with av.open(str(clip)) as container:
        bright = [
            f.to_ndarray(format="gray").mean() > 127 for f in container.decode(video=0) if isinstance(f, VideoFrame)
        ]
    with av.open(str(clip)) as container:
        stream_ = container.streams.audio[0]
        parts = [frame.to_ndarray()[0] for frame in container.decode(stream_) if isinstance(frame, AudioFrame)]
        length_s = float((stream_.duration or 0) * (stream_.time_base or 0))
    samples = np.concatenate(parts)
    return len(bright), length_s, bright.index(True) / 25, _onset_s(samples, 16000)


@pytest.mark.parametrize(("gap", "first_s", "flash_s"), [("wide", 0.0, 2.0), ("trim", 1.0, 1.0)])
def test_b15_a_clip_has_picture_and_sound_of_the_same_instants(
    film: Film, gap: str, first_s: float, flash_s: float
) -> None:
    """A face in view from 1 to 3 s of a sentence of 0 to 3 s gave 2 s of picture under 3 s of sound: lips 1 s off."""
    words = [(0.25 * i, 0.25 * i + 0.25) for i in range(12)]
    config = Config(GAP=gap, CLIP_PADDING_S=0.0, CLIP_SIZE=64)
    (plan,) = _planned(_face(25, 75, 100), words, config)
    assert isinstance(plan, ClipPlan), plan
    assert (plan.start_s, plan.end_s) == (first_s, 3.0)
    clip = film.folder / "clip.mp4"
    cut_clip(plan, _film_with_a_flash(film), clip, crf=20, preset="ultrafast")
    frames, sound_s, flash_at_s, beep_at_s = _flash_and_beep_s(clip)
    assert frames == plan.frame_count == round((3.0 - first_s) * 25)
    assert sound_s == pytest.approx(frames / 25, abs=0.05)
    assert flash_at_s == pytest.approx(flash_s, abs=0.001)
    assert beep_at_s == pytest.approx(flash_s, abs=0.04)


@pytest.mark.slow
def test_b16_no_shot_has_a_frame_too_many(tmp_path: Path) -> None:
    """Each scene listed one frame more than it has: after 20 scenes the crop was 19 frames off."""
    (tmp_path / "sound.pcm").write_bytes(bytes(2 * 300 * SAMPLES_PER_FRAME))
    audio = AudioTrack(tmp_path / "sound.pcm", 300 * SAMPLES_PER_FRAME)
    frames = pictures([(15, (Face(5 + 2 * (k % 5), speed=2),)) for k in range(20)])
    found = stream(frames, audio).tracks
    assert found.frame_count == len(frames) == 300
    assert found.shot_starts.tolist() == list(range(0, 300, 15))
    assert len(found.track_ids) == 20 and found.frame.tolist() == list(range(300))
    for frame, box in zip(found.frame.tolist(), found.box_px, strict=True):
        np.testing.assert_array_equal(box, boxes_in(frames[frame])[0])


def test_b36_a_clip_at_the_end_of_a_long_file_decodes_only_its_span(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every clip was decoded from the beginning of the file, so that the work grew with the square of the length."""
    gop = {"g": "10"}
    film.make("v.mp4", film.times(F(5), 300), F(1, 5), pictures=[film.coded(k % 256) for k in range(1500)], options=gop)
    found = probe(film.folder / "v.mp4")
    decoded: list[int] = []
    whole = decode.on_grid

    def counting(timed: Iterable[Any], rate: Any) -> Iterator[Any]:
        def counted() -> Iterator[Any]:
            for each in timed:
                decoded.append(1)
                yield each

        return whole(counted(), rate)

    monkeypatch.setattr(decode, "on_grid", counting)
    numbers = [film.number(picture) for picture in read_frames(found, 299 * 25, 300 * 25)]
    assert numbers == [(1495 + i // 5) % 256 for i in range(25)]
    # The last second, 2 s before it for the seek, and up to 2 s more to the key frame: at 5 frames a second.
    assert len(decoded) <= 5 + 10 + 10 + 1

"""Which sound track is used (SOUND_TRACK), what is said of it, and that mixes neither clip nor cancel."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.excerpts import excerpted
from pipeline.media.heard import extract_heard
from pipeline.media.probe import probe, with_sound_file, with_sound_track
from pipeline.types import AudioTrack
from tests.support.film import Film

F = Fraction
RATE_HZ = 48_000
LOW, HIGH = "sine=f=300:r=48000:d=2,volume=12dB", "sine=f=900:r=48000:d=2,volume=12dB"
SILENT = "anullsrc=r=48000:cl=mono:d=2"


def with_tracks(film: Film, *sounds: str, languages: tuple[str, ...] = (), default: int = 0) -> Path:
    """A video of two seconds whose sound tracks are these sources of ffmpeg."""
    words: list[str | Path] = ["-f", "lavfi", "-i", "color=gray:s=64x48:r=25:d=2"]
    for sound in sounds:
        words += ["-f", "lavfi", "-i", sound]
    words += ["-map", "0:v"]
    for number in range(len(sounds)):
        words += ["-map", f"{number + 1}:a"]
    for number, language in enumerate(languages):
        words += [f"-metadata:s:a:{number}", f"language={language}"]
    for number in range(len(sounds)):
        words += [f"-disposition:a:{number}", "default" if number == default else "0"]
    film.ffmpeg(*words, "-c:v", "libx264", "-c:a", "pcm_s16le", "tracks.mkv")
    return film.folder / "tracks.mkv"


def pitch_hz(track: AudioTrack) -> int:
    """The loudest tone, to 10 Hz."""
    samples = track.read(0, track.sample_count).astype(float)
    return 10 * round(int(np.abs(np.fft.rfft(samples)).argmax()) / track.duration_s / 10)


@pytest.mark.parametrize(("default", "found_hz", "number"), [(0, 300, 1), (1, 900, 2)])
def test_auto_takes_the_default_and_says_so(film: Film, default: int, found_hz: int, number: int) -> None:
    found = probe(with_tracks(film, LOW, HIGH, languages=("ger", "eng"), default=default))
    _, track = extract_heard(found, film.folder / "s.pcm", True)
    language = ("ger", "eng")[default]
    assert pitch_hz(track) == found_hz and track.sound_track == number
    assert track.notes == (f"sound track {number} of 2 ({language}) was used",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "found_hz"), [("1", 300), ("2", 900), ("de", 300), ("deu", 300), ("ger", 300), ("en", 900), ("eng", 900)]
)
def test_sound_track_acts(film: Film, wanted: str, found_hz: int) -> None:
    found = probe(with_tracks(film, LOW, HIGH, languages=("ger", "eng")), sound_track=wanted)
    assert pitch_hz(extract_sound(found, film.folder / "s.pcm")) == found_hz
    clip, rate_hz = read_sound(found, F(1, 2), F(1))
    assert round(np.abs(np.fft.rfft(clip[:, 0])).argmax() * rate_hz / len(clip), -1) == found_hz


@pytest.mark.parametrize("wanted", ["3", "fr", "99"])
def test_a_track_that_is_not_there_is_told_with_those_that_are(film: Film, wanted: str) -> None:
    path = with_tracks(film, LOW, HIGH, languages=("ger",))
    there = r"it has 1 \(ger\), 2 \(no language\)"
    with pytest.raises(InputError, match=rf"no sound track '{wanted}' .*; {there}") as raised:
        probe(path, sound_track=wanted)
    assert raised.value.reason_code == "no_such_track"


def test_where_the_default_is_silent_another_is_taken_and_clips_have_it_too(film: Film) -> None:
    found, track = extract_heard(probe(with_tracks(film, SILENT, SILENT, HIGH)), film.folder / "s.pcm", True)
    assert (found.sound_track, track.sound_track, pitch_hz(track)) == (3, 3, 900)
    assert track.notes == (
        "sound track 3 of 3 was used",
        "sound track 1 is silent (peak -96 dBFS), so it was not used",
    )
    assert np.abs(read_sound(found, F(0), F(1))[0]).max() > 3000


def test_a_silent_track_that_was_asked_for_is_used_and_told(film: Film) -> None:
    found = probe(with_tracks(film, SILENT, HIGH), sound_track="1")
    found, track = extract_heard(found, film.folder / "s.pcm", False)
    assert (found.sound_track, track.peak) == (1, 0.0)
    assert track.notes[1] == "sound track 1 is silent (peak -96 dBFS); it was asked for"


def test_where_all_are_silent_the_default_stays(film: Film) -> None:
    found, track = extract_heard(probe(with_tracks(film, SILENT, SILENT, default=1)), film.folder / "s.pcm", True)
    assert (found.sound_track, track.sound_track, track.peak) == (2, 2, 0.0)
    assert track.notes[1] == "sound track 2 is silent (peak -96 dBFS), and no other is louder"


def damaged(film: Film, *sounds: str) -> Path:
    """As `with_tracks`, nothing of whose first track can be decoded."""
    path = film.folder / "damaged.mkv"
    film.ffmpeg("-i", with_tracks(film, *sounds), "-map", "0", "-c:v", "copy", "-c:a", "aac", path)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]
    content = path.read_bytes()
    for packet in packets:
        content = content.replace(packet, b"\xff" * len(packet), 1)
    path.write_bytes(content)
    return path


@pytest.mark.slow
def test_where_the_default_cannot_be_decoded_another_is_taken(film: Film) -> None:
    path = damaged(film, LOW, SILENT, HIGH)
    found, track = extract_heard(probe(path), film.folder / "s.pcm", True)
    assert (found.sound_track, pitch_hz(track)) == (3, 900)
    assert track.notes[1] == "sound track 1 cannot be decoded, so it was not used"
    with pytest.raises(InputError, match="sound track 1 cannot be decoded; SOUND_TRACK asks for it") as raised:
        extract_heard(probe(path, sound_track="1"), film.folder / "s.pcm", False)
    assert raised.value.reason_code == "no_such_track"


def test_a_single_track_that_cannot_be_decoded_is_no_sound(film: Film) -> None:
    with pytest.raises(InputError) as raised:
        extract_heard(probe(damaged(film, LOW)), film.folder / "s.pcm", True)
    assert raised.value.reason_code == "no_audio"


def test_a_track_that_is_silent_in_the_excerpt_is_silent(film: Film) -> None:
    """The default sounds after the excerpt only."""
    later = "aevalsrc='0.5*sin(2*PI*300*t)*gt(t,1.5)':s=48000:d=2"
    found = excerpted(probe(with_tracks(film, later, HIGH)), 0.0, 0.5)
    found, track = extract_heard(found, film.folder / "s.pcm", True)
    assert (found.sound_track, pitch_hz(track)) == (2, 900)


def test_one_track_needs_no_word(film: Film) -> None:
    found, track = extract_heard(probe(with_tracks(film, LOW)), film.folder / "s.pcm", True)
    assert track.notes == () and (found.sound_track, found.sound_tracks) == (1, 1)


def test_tracks_of_a_sound_file_are_chosen_among_too(film: Film) -> None:
    sound = with_tracks(film, LOW, HIGH, languages=("ger", "eng")).rename(film.folder / "sound.mka")
    video = film.make("v.mkv", film.times(F(25), 2))
    found = with_sound_file(probe(video), sound, "eng")
    assert pitch_hz(extract_sound(found, film.folder / "s.pcm")) == 900
    assert pitch_hz(extract_sound(with_sound_track(found, 1), film.folder / "s.pcm")) == 300


def stereo(film: Film, left: float, right: float, name: str = "v.mkv") -> Path:
    tone = film.tone(RATE_HZ, 3)[:, 0]
    sound = np.stack([np.rint(left * tone), np.rint(right * tone)], axis=1).astype(np.int16)
    return film.make(name, film.times(F(25), 3), sound=[(F(0), sound)], sound_rate_hz=RATE_HZ)


@pytest.mark.parametrize(("left", "right", "level"), [(1, -1, 1), (1, -0.9, 1), (-0.5, 0.6, 0.6)])
def test_opposite_phase_is_heard_and_told(film: Film, left: float, right: float, level: float) -> None:
    path = stereo(film, left, right)
    track = extract_sound(probe(path), film.folder / "s.pcm")
    samples = track.read(8000, 40_000)
    assert np.abs(samples).max() == pytest.approx(16384 * level, rel=0.02)
    assert track.notes == (
        "the channels of its sound cancel each other out for 3.0 of 3.0 s: the louder one was heard there",
    )
    clip, _ = read_sound(probe(path), F(0), F(1))
    assert np.abs(clip).max(axis=0).tolist() == pytest.approx([16384 * abs(left), 16384 * abs(right)], rel=0.01)


def test_a_centre_opposite_to_its_sides_is_heard_and_told(film: Film) -> None:
    """Their mix to left and right is nearly silent already, in clips too."""
    tone = "0.4*sin(2*PI*300*t)"
    source = f"aevalsrc=exprs=-0.65*{tone}|-0.65*{tone}|{tone}|0|0|0:c=5.1:s=48000:d=2"
    found = probe(with_tracks(film, source))
    for excerpt in (found, excerpted(found, 0.0, 1.5)):
        track = extract_sound(excerpt, film.folder / "s.pcm")
        assert np.abs(track.read(8000, 20_000)).max() == pytest.approx(0.4 * 32768, rel=0.03)
        assert track.notes[0].startswith("the channels of its sound cancel each other out for ")
    clip, _ = read_sound(found, F(1, 2), F(1))
    assert np.abs(clip[4800:]).max(axis=0).tolist() == pytest.approx([0.4 * 32768] * 2, rel=0.03)


def test_channels_in_phase_are_mixed_as_ever(film: Film) -> None:
    track = extract_sound(probe(stereo(film, 1, 0.5)), film.folder / "s.pcm")
    assert np.abs(track.read(8000, 40_000)).max() == pytest.approx(16384 * 0.75, rel=0.01)
    assert track.notes == () and track.peak == pytest.approx(0.375, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "7.1", "quad", "3.0", "5.0", "6.1"])
def test_no_clip_is_louder_than_its_source(film: Film, layout: str) -> None:
    """A voice in the centre and tones of 0.7 beside it; before, 5.6 % of the samples of a clip stood at full scale."""
    source = f"aevalsrc=exprs={'|'.join(['0.7*sin(2*PI*(300+70*ch)*t)'] * _channels(layout))}:c={layout}:s=48000:d=2"
    path = with_tracks(film, source)
    clip, _ = read_sound(probe(path), F(0), F(2))
    assert clip.shape[1] == 2
    assert 0.3 * 32767 < np.abs(clip).max() <= 0.71 * 32768
    mono = extract_sound(probe(path), film.folder / "s.pcm")
    assert 0.2 < mono.peak <= 0.71


def _channels(layout: str) -> int:
    return {"5.1": 6, "5.1(side)": 6, "7.1": 8, "quad": 4, "3.0": 3, "5.0": 5, "6.1": 7}[layout]


@pytest.mark.parametrize("channels", [1, 2])
def test_mono_and_stereo_keep_their_level(film: Film, channels: int) -> None:
    sound = film.tone(RATE_HZ, 1, channels)
    path = film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), sound)], sound_rate_hz=RATE_HZ)
    np.testing.assert_array_equal(read_sound(probe(path), F(0), F(1))[0], sound)


def test_the_choice_outlives_a_probe_without_sound(film: Film) -> None:
    """Clips are cut by another process, or another run, that has not heard the sound."""
    first = probe(with_tracks(film, SILENT, HIGH))
    heard, track = extract_heard(first, film.folder / "s.pcm", True)
    assert dataclasses.replace(with_sound_track(first, track.sound_track)) == heard

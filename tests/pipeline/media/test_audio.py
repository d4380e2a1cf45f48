"""Sound on the clock of the picture."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from pipeline.errors import InputError
from pipeline.media import audio
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import AUDIO_RATE_HZ, SAMPLES_PER_FRAME, AudioTrack, MediaLimits

F = Fraction
MS = AUDIO_RATE_HZ // 1000


def _track(path: Path) -> AudioTrack:
    return extract_sound(probe(path), path.with_name("sound.raw"))


def _sound(path: Path) -> np.ndarray:
    """(N,) int32 at 16 kHz, from the first video frame on."""
    track = _track(path)
    assert track.sample_count == len(np.fromfile(track.path, "<i2"))
    return track.read(0, track.first_sample + track.sample_count).astype(np.int32)


def _onset(samples: np.ndarray, level: int = 3000) -> int:
    return int(np.argmax(np.abs(samples) > level))


def _noise(rate_hz: int, seconds: float, channels: int = 1, seed: int = 5) -> np.ndarray:
    """(N, C) int16, loud from its first sample on."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-12000, 12000, (round(rate_hz * seconds), channels))
    values[0] = 12000
    return values.astype(np.int16)


@pytest.mark.parametrize("name", ["v.mkv", "v.mov", "v.avi"])
def test_sound_at_16_khz_is_not_touched(film: Any, name: str) -> None:
    wanted = _noise(16000, 2)
    got = _sound(film.make(name, film.times(F(25), 2), sound=[(F(0), wanted)]))
    np.testing.assert_array_equal(got, wanted[:, 0])


@pytest.mark.parametrize("name", ["v.mkv", "v.mov"])
def test_late_sound_is_preceded_by_silence(film: Any, name: str) -> None:
    start_s = F(476, 1000)
    got = _sound(film.make(name, film.times(F(25), 2), sound=[(start_s, _noise(16000, 1))]))
    assert abs(_onset(got) - 476 * MS) <= MS
    assert not got[: 475 * MS].any()
    assert abs(len(got) - 1476 * MS) <= MS


@pytest.mark.slow
def test_late_sound_of_aac_in_mp4(film: Any) -> None:
    sound = [(F(476, 1000), film.tone(48000, 1))]
    path = film.make("v.mp4", film.times(F(25), 2), sound=sound, sound_rate_hz=48000, sound_codec="aac")
    got = _sound(path)
    assert abs(_onset(got) - 476 * MS) <= 25 * MS
    assert not got[: 440 * MS].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mkv", "v.mov"])
@pytest.mark.parametrize("lead_s", [F(2, 25), F(1)], ids=str)
def test_sound_before_the_picture_has_negative_numbers(film: Any, name: str, lead_s: Fraction) -> None:
    """Sample 0 is the instant of the first picture, however early the sound begins."""
    wanted = _noise(16000, 3)[:, 0]
    track = _track(film.make(name, film.times(F(25), 2, lead_s), sound=[(F(0), wanted[:, None])]))
    lead = round(lead_s * 16000)
    assert (track.first_sample, track.sample_count) == (-lead, 48000)
    assert track.sound_start_s == track.container_start_s == track.start_s == -float(lead_s)
    assert track.end_s == 3 - float(lead_s)
    np.testing.assert_array_equal(track.read(-lead, 48000 - lead), wanted)
    np.testing.assert_array_equal(track.read(-lead - 5, -lead), np.zeros(5))
    np.testing.assert_array_equal(track.recording.read(0, 48000), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [44100, 48000, 8000])
def test_sound_before_the_picture_changes_nothing_after_it(film: Any, rate_hz: int) -> None:
    """Resampled from before time zero on, as if all of it had been resampled at once."""
    wanted = _noise(rate_hz, 3)
    lead_s = F(1013, 1000)
    path = film.make("v.mkv", film.times(F(25), 2, lead_s), sound=[(F(0), wanted)], sound_rate_hz=rate_hz)
    track = _track(path)
    silence = round(-track.first_sample * rate_hz / 16000) - round(lead_s * rate_hz)
    placed = np.concatenate([np.zeros(silence), wanted[:, 0] / 32768]).astype(np.float32)
    whole = resample(torch.from_numpy(placed), rate_hz, AUDIO_RATE_HZ).numpy()
    got = track.recording.read(0, track.sample_count).astype(np.int32)
    assert 0 <= silence < rate_hz / 100
    assert len(got) == len(whole)
    assert np.abs(got - np.clip(np.rint(whole * 32768), -32768, 32767)).max() <= 1


def test_sound_that_ends_before_the_picture_begins_is_kept(film: Any) -> None:
    wanted = _noise(16000, 1)
    track = _track(film.make("v.mkv", film.times(F(25), 1, F(2)), sound=[(F(0), wanted)]))
    assert (track.start_s, track.end_s) == (-2.0, -1.0)
    np.testing.assert_array_equal(track.read(-32000, -16000), wanted[:, 0])
    assert not track.read(-16000, 16000).any()


def test_the_first_sample_of_late_sound_is_told(film: Any) -> None:
    track = _track(film.make("v.mkv", film.times(F(25), 2), sound=[(F(476, 1000), _noise(16000, 1))]))
    assert (track.first_sample, track.sound_start_s, track.container_start_s) == (0, 0.476, 0.0)


def test_sound_hours_before_the_picture_is_a_broken_clock(film: Any) -> None:
    path = film.make("v.mkv", film.times(F(25), 1, F(60)), sound=[(F(0), _noise(16000, 0.1))])
    with pytest.raises(InputError, match=r"hours before its first picture") as caught:
        extract_sound(probe(path, MediaLimits(length_s=50.0)), path.with_name("sound.raw"))
    assert caught.value.reason_code == "too_long"


def test_a_gap_is_filled_with_silence(film: Any) -> None:
    first, second = _noise(16000, 1), _noise(16000, 1, seed=6)
    got = _sound(film.make("v.mkv", film.times(F(25), 3), sound=[(F(0), first), (F(17, 10), second)]))
    np.testing.assert_array_equal(got[:16000], first[:, 0])
    assert not got[16000:27200].any()
    np.testing.assert_array_equal(got[27200:], second[:, 0])


def test_a_long_gap_is_filled_with_silence(film: Any) -> None:
    sound = [(F(0), _noise(16000, 0.5)), (F(7, 2), _noise(16000, 0.5, seed=6))]
    got = _sound(film.make("v.mkv", film.times(F(5), 4), F(1, 5), sound=sound))
    assert len(got) == 4 * 16000
    assert _onset(got[9000:]) + 9000 == 56000


def test_sound_sent_twice_is_kept_once(film: Any) -> None:
    """A stretch whose timestamps go back half a second: the overlap is cut away."""
    whole = _noise(16000, 2.5)
    path = film.make("v.mkv", film.times(F(25), 3), sound=[(F(0), whole[:24000]), (F(1), whole[16000:])])
    got = _sound(path)
    np.testing.assert_array_equal(got, whole[:, 0])


def test_small_strays_of_timestamps_are_not_heard(film: Any) -> None:
    """Blocks of 1024 samples at 44.1 kHz in whole milliseconds: none is cut or padded."""
    wanted = _noise(44100, 2)
    path = film.make("v.mkv", film.times(F(25), 2), sound=[(F(0), wanted)], sound_rate_hz=44100)
    samples, _ = read_sound(probe(path), F(0), F(2))
    np.testing.assert_array_equal(samples, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [44100, 48000, 22050, 8000, 11025, 96000, 32000])
def test_blocks_resample_as_if_all_at_once(film: Any, monkeypatch: pytest.MonkeyPatch, rate_hz: int) -> None:
    monkeypatch.setattr(audio, "BLOCK_S", 1)
    wanted = _noise(rate_hz, 3.3)
    got = _sound(film.make("v.mkv", film.times(F(25), 4), sound=[(F(0), wanted)], sound_rate_hz=rate_hz))
    whole = resample(torch.from_numpy(wanted[:, 0] / np.float32(32768)), rate_hz, AUDIO_RATE_HZ).numpy()
    assert len(got) == len(whole)
    assert np.abs(got - np.clip(np.rint(whole * 32768), -32768, 32767)).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 2.0, 2.0005, 0.001])
def test_blocks_of_any_last_length(film: Any, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(audio, "BLOCK_S", 1)
    wanted = _noise(44100, seconds)
    got = _sound(film.make("v.mkv", film.times(F(25), 2), sound=[(F(0), wanted)], sound_rate_hz=44100))
    whole = resample(torch.from_numpy(wanted[:, 0] / np.float32(32768)), 44100, AUDIO_RATE_HZ).numpy()
    assert len(got) == len(whole)
    assert np.abs(got - np.clip(np.rint(whole * 32768), -32768, 32767)).max() <= 1


def test_loud_sound_is_clipped_not_wrapped(film: Any) -> None:
    square = np.where(np.arange(44100) % 100 < 50, 32767, -32768).astype(np.int16)[:, None]
    got = _sound(film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), square)], sound_rate_hz=44100))
    # In the middle of each half wave the sign is the square's.
    middles = np.arange(25, 44000, 50)
    at = np.rint(middles * 16000 / 44100).astype(int)
    np.testing.assert_array_equal(np.sign(got[at]), np.sign(square[middles, 0].astype(int)))


def test_stereo_becomes_its_mean(film: Any) -> None:
    left, right = film.tone(16000, 1)[:, 0], film.tone(16000, 1, frequency_hz=1000)[:, 0]
    got = _sound(film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), np.stack([left, right], 1))]))
    wanted = (left.astype(float) + right) / 2
    assert np.abs(got - wanted).max() <= 1


def test_loud_stereo_does_not_clip(film: Any) -> None:
    loud = film.tone(16000, 1, 2) // 2 * 3
    got = _sound(film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), loud)]))
    np.testing.assert_array_equal(got, loud[:, 0])


def test_voice_in_the_centre_of_five_channels_is_heard(film: Any) -> None:
    sound = np.zeros((16000, 6), np.int16)
    sound[:, 2] = film.tone(16000, 1)[:, 0]
    got = _sound(film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), sound)]))
    assert len(got) == 16000
    likeness = np.corrcoef(got, sound[:, 2])[0, 1]
    assert likeness > 0.999
    assert np.abs(got).max() > 3000


def test_five_channels_are_read_as_stereo(film: Any) -> None:
    sound = np.zeros((16000, 6), np.int16)
    sound[:, 0] = film.tone(16000, 1)[:, 0]
    samples, rate_hz = read_sound(probe(film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), sound)])), F(0), F(1))
    assert (samples.shape, rate_hz) == ((16000, 2), 16000)
    assert np.abs(samples[:, 0]).max() > 3000
    assert np.abs(samples[:, 1]).max() == 0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [44100, 48000, 16000])
def test_a_span_is_the_slice_of_the_whole(film: Any, channels: int, rate_hz: int) -> None:
    wanted = _noise(rate_hz, 4, channels)
    path = film.make("v.mov", film.times(F(25), 4), sound=[(F(0), wanted)], sound_rate_hz=rate_hz)
    for start, end in ((0, 100), (0, 1), (13, 14), (30, 77), (99, 100)):
        samples, got_hz = read_sound(probe(path), F(start, 25), F(end, 25))
        assert got_hz == rate_hz
        np.testing.assert_array_equal(samples, wanted[start * rate_hz // 25 : end * rate_hz // 25], str((start, end)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mkv", "v.ts", "v.mp4"])
def test_a_span_of_coded_sound_lies_where_it_does_in_the_whole(film: Any, name: str) -> None:
    at = np.arange(4 * 48000) / 48000
    sweep = np.rint(12000 * np.sin(2 * np.pi * (200 + 400 * at) * at)).astype(np.int16)[:, None]
    path = film.make(name, film.times(F(25), 4), sound=[(F(0), sweep)], sound_rate_hz=48000, sound_codec="aac")
    whole, _ = read_sound(probe(path), F(0), F(4))
    span, _ = read_sound(probe(path), F(2), F(3))
    parts = [whole[96000 + by : 144000 + by, 0].astype(float) for by in range(-60, 61)]
    likeness = [np.corrcoef(span[:, 0], part)[0, 1] for part in parts]
    # Matroska and MPEG-TS round the time of a block: to a millisecond, 48 samples, at most.
    assert max(likeness) > 0.99
    assert abs(int(np.argmax(likeness)) - 60) <= 48


def test_a_span_before_a_clock_wraps(film: Any) -> None:
    """The 33 bits of a transport stream are full 2 s after its beginning: FFmpeg counts what is before as below 0."""
    film.make("v.mkv", film.times(F(25), 4), sound=[(F(0), _noise(48000, 4))], sound_rate_hz=48000)
    film.ffmpeg("-i", "v.mkv", "-c:v", "copy", "-c:a", "mp2", "-b:a", "384k", "-output_ts_offset", "95440.3", "v.ts")
    source = probe(film.folder / "v.ts")
    assert source.zero_s < -1
    whole, rate_hz = read_sound(source, F(0), F(4))
    for start_s in (F(3, 5), F(1), F(3, 2), F(5, 2)):
        span, _ = read_sound(source, start_s, start_s + 1)
        wanted = whole[round(start_s * rate_hz) :][: len(span)]
        assert np.corrcoef(span[:, 0], wanted[:, 0])[0, 1] > 0.99


def test_a_span_has_its_exact_length_where_there_is_no_sound(film: Any) -> None:
    path = film.make("v.mkv", film.times(F(25), 3), sound=[(F(1), _noise(44100, 1))], sound_rate_hz=44100)
    source = probe(path)
    for start_s, end_s in ((F(0), F(1, 2)), (F(0), F(3)), (F(5, 2), F(3)), (F(1, 3), F(2, 3)), (F(20), F(21))):
        samples, rate_hz = read_sound(source, start_s, end_s)
        assert samples.shape == (round((end_s - start_s) * rate_hz), 1)
    assert not read_sound(source, F(0), F(1, 2))[0].any()
    assert not read_sound(source, F(5, 2), F(3))[0].any()
    assert abs(_onset(read_sound(source, F(0), F(3))[0][:, 0].astype(int)) - 44100) <= 45


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30000, 1001), F(50), F(60), "variable"], ids=str)
@pytest.mark.parametrize("late_s", [F(0), F(476, 1000)], ids=str)
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
def test_a_flash_and_its_beep_stay_together(film: Any, rate: Any, late_s: Fraction, name: str) -> None:
    """A white picture and a tone begin together; grid and 16 kHz sound show them within a frame of each other."""
    if rate == "variable":
        times_s = [F(k, 30) for k in range(30)] + [1 + F(k, 10) for k in range(20)]
        last_s = F(1, 10)
    else:
        times_s, last_s = film.times(rate, 3), 1 / rate
    flash = next(k for k, at in enumerate(times_s) if at >= F(8, 5))
    pictures = [np.full((48, 64, 3), 235 if k >= flash else 20, np.uint8) for k in range(len(times_s))]
    sound = film.tone(48000, 3 - float(late_s), frequency_hz=1000)
    sound[: round((times_s[flash] - late_s) * 48000)] = 0
    path = film.make(
        name, times_s, last_s, pictures=pictures, sound=[(late_s, sound)], sound_rate_hz=48000, sound_codec="aac"
    )
    bright = [picture.mean() > 127 for picture in read_frames(probe(path))].index(True)
    assert abs(_onset(_sound(path)) / SAMPLES_PER_FRAME - bright) <= 1


def test_a_video_without_sound(film: Any) -> None:
    source = probe(film.make("v.mp4", film.times(F(25), 1)))
    with pytest.raises(InputError) as caught:
        extract_sound(source, film.folder / "a.raw")
    assert caught.value.reason_code == "no_audio"
    with pytest.raises(InputError) as caught:
        read_sound(source, F(0), F(1))
    assert caught.value.reason_code == "no_audio"


def test_sound_that_cannot_be_decoded(film: Any) -> None:
    path = film.make(
        "v.mp4", film.times(F(25), 1), sound=[(F(0), _noise(48000, 1))], sound_rate_hz=48000, sound_codec="aac"
    )
    source = dataclasses.replace(probe(path), seen=None)
    data = bytearray(path.read_bytes())
    start, stop = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:stop] = b"\xff" * (stop - start)
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        extract_sound(source, film.folder / "a.raw")
    assert caught.value.reason_code == "no_audio"


@pytest.mark.slow
def test_progress_goes_up_to_the_end(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "BLOCK_S", 1)
    path = film.make("v.mkv", film.times(F(25), 3), sound=[(F(0), _noise(44100, 3))], sound_rate_hz=44100)
    seen: list[float] = []
    track = extract_sound(probe(path), film.folder / "a.raw", seen.append)
    assert len(seen) >= 3
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(track.duration_s)


@pytest.mark.parametrize("name", ["kennedy_wav2lip.mp4", "syncnet_example.avi"])
def test_real_footage_is_as_long_as_its_picture(shared: Path, tmp_path: Path, name: str) -> None:
    source = probe(shared / "videos" / name)
    track = extract_sound(source, tmp_path / "a.raw")
    assert track.duration_s == pytest.approx(source.duration_s, abs=0.15)

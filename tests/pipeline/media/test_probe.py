"""What one look at a file tells, and the words for those that cannot be used."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from tests.support.privileges import folder_of_nobody

F = Fraction


def _refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        probe(path)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.mov", "v.ts", "v.avi"])
def test_a_plain_video(film: Any, name: str) -> None:
    codec, channels = ("mp3", 2) if name == "v.avi" else ("aac", 2)
    sound = [(F(0), film.tone(44100, 2, channels))]
    path = film.make(name, film.times(F(25), 2), sound=sound, sound_rate_hz=44100, sound_codec=codec)
    seen = probe(path)
    assert (seen.path, seen.width_px, seen.height_px, seen.rotation_deg) == (path, 64, 48, 0)
    assert (seen.audio_rate_hz, seen.audio_channels, seen.has_audio) == (44100, 2, True)
    assert abs(seen.frame_count - 50) <= 2
    assert seen.rate == 25


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
def test_time_zero_is_the_first_picture(film: Any, name: str) -> None:
    times_s = film.times(F(25), 1, F(3, 2))
    sound = [(F(0), film.tone(48000, 2))]
    base_s = probe(film.make(name, film.times(F(25), 1), sound=sound, sound_rate_hz=48000, sound_codec="aac")).zero_s
    seen = probe(film.make(name, times_s, sound=sound, sound_rate_hz=48000, sound_codec="aac"))
    assert abs(seen.zero_s - base_s - F(3, 2)) < F(1, 500)
    assert seen.frame_count == len(list(read_frames(seen))) == 25


def test_a_path_is_made_absolute(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    film.make("v.mp4", film.times(F(25), 0.2))
    monkeypatch.chdir(film.folder)
    assert probe(Path("v.mp4")).path == film.folder / "v.mp4"


@pytest.mark.parametrize(
    "name",
    ["a b.mp4", 'it\'s "so".mp4', "100%d.mp4", "a;b&c.mp4", "http:x.mp4", "-v.mp4", "日本語.mp4", "new\nline.mp4"],
)
def test_any_name_will_do(film: Any, name: str) -> None:
    film.make("v.mp4", film.times(F(25), 0.2)).rename(film.folder / name)
    assert len(list(read_frames(probe(film.folder / name)))) == 5


def test_a_name_that_is_not_utf8(film: Any) -> None:
    path = film.folder / os.fsdecode(b"caf\xe9.mp4")
    film.make("v.mp4", film.times(F(25), 0.2)).rename(path)
    assert len(list(read_frames(probe(path)))) == 5


def test_a_video_without_sound(film: Any) -> None:
    seen = probe(film.make("v.mp4", film.times(F(25), 0.2)))
    assert (seen.audio_rate_hz, seen.audio_channels, seen.has_audio) == (None, 0, False)


@pytest.mark.parametrize("content", [b"just words, and no media\n" * 50, bytes(5000), b"\xff" * 5000, b"x"])
def test_not_media(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "words.mp4"
    path.write_bytes(content)
    error = _refusal(path)
    assert error.reason_code == "not_media"
    assert "Errno" not in str(error) and str(error).count(str(path)) == 1


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    error = _refusal(path)
    assert error.reason_code == "not_media"
    assert "empty" in error.message


def test_a_missing_file(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "gone.mp4").reason_code == "unreadable"


def test_a_folder(tmp_path: Path) -> None:
    assert _refusal(tmp_path).reason_code == "unreadable"


def test_a_file_that_may_not_be_read() -> None:
    with folder_of_nobody() as folder:
        closed = folder / "v.mp4"
        closed.touch()
        closed.chmod(0)
        assert _refusal(closed).reason_code == "unreadable"


def test_sound_alone_has_no_picture(film: Any) -> None:
    with wave.open(str(film.folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(film.tone(8000, 1).tobytes())
    assert _refusal(film.folder / "a.wav").reason_code == "no_video"


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.flac", "song.mp4"])
def test_cover_art_is_no_picture(film: Any, name: str) -> None:
    film.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x48:d=0.04", "-frames:v", "1", "cover.png")
    film.ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=1", "-i", "cover.png", "-map", "0:a", "-map", "1:v"),
        *("-c:v", "mjpeg" if name.endswith("mp3") else "png", "-disposition:v", "attached_pic", name),
    )
    assert _refusal(film.folder / name).reason_code == "no_video"


def _several(film: Any, name: str, *dispositions: str) -> Path:
    """Two pictures, 64x48 and 32x32; two sound tracks, 44.1 and 48 kHz."""
    film.ffmpeg(
        *("-f", "lavfi", "-i", "color=red:s=64x48:r=25:d=1", "-f", "lavfi", "-i", "color=blue:s=32x32:r=25:d=1"),
        *("-f", "lavfi", "-i", "sine=300:r=44100:d=1", "-f", "lavfi", "-i", "sine=3000:r=48000:d=1"),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "libx264", "-c:a", "aac", *dispositions, name),
    )
    return film.folder / name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.mov"])
@pytest.mark.parametrize(
    ("marks", "size", "rate_hz"),
    [
        ((), (64, 48), 44100),
        (("-disposition:v:0", "0", "-disposition:v:1", "default"), (32, 32), 44100),
        (("-disposition:a:0", "0", "-disposition:a:1", "default"), (64, 48), 48000),
    ],
)
def test_of_several_tracks_the_one_marked_as_default(
    film: Any, name: str, marks: tuple[str, ...], size: tuple[int, int], rate_hz: int
) -> None:
    """Or the first where none is, or all are; by what is told of the file and by both its readers."""
    source = probe(_several(film, name, *marks))
    assert (source.width_px, source.height_px, source.audio_rate_hz) == (*size, rate_hz)
    picture = next(read_frames(source))
    assert picture.shape[1::-1] == size
    assert int(picture[8, 8].argmax()) == (2 if size == (64, 48) else 0)
    crossings = 300 if rate_hz == 44100 else 3000
    heard = extract_sound(source, film.folder / "a.raw").read(0, 16000)
    assert abs(int((np.diff(np.sign(heard)) > 0).sum()) - crossings) < crossings * 0.05
    clip = read_sound(source, F(0), F(1))[0][:, 0]
    assert abs(int((np.diff(np.sign(clip)) > 0).sum()) - crossings) < crossings * 0.05


def test_a_sound_track_that_nobody_can_decode_is_none(film: Any) -> None:
    """Its codec has a tag that means nothing."""
    path = film.make("v.mov", film.times(F(25), 1), sound=[(F(0), film.tone(16000, 1))])
    data = path.read_bytes()
    assert data.count(b"sowt") == 1
    path.write_bytes(data.replace(b"sowt", b"zzzz"))
    assert probe(path).audio_rate_hz is None


def test_a_picture_that_cannot_be_decoded(film: Any) -> None:
    """The boxes of the file are whole, its pictures are noise."""
    path = film.make("v.mp4", film.times(F(25), 0.4))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    stop = data.index(b"moov") - 4
    data[start:stop] = b"\xaa" * (stop - start)
    path.write_bytes(data)
    assert _refusal(path).reason_code == "undecodable"


def _hls(_: Path) -> str:
    return "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\ninner.ts\n#EXT-X-ENDLIST\n"


def _concat(_: Path) -> str:
    return "ffconcat version 1.0\nfile inner.ts\n"


def _dash(_: Path) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>inner.ts</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )


def _sdp(_: Path) -> str:
    return "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"


@pytest.mark.parametrize("content", [_hls, _concat, _dash, _sdp])
@pytest.mark.parametrize("ending", [".mp4", ".m3u8", ".ts"])
def test_a_list_of_other_files_is_refused(film: Any, content: Callable[[Path], str], ending: str) -> None:
    film.make("inner.ts", film.times(F(25), 1))
    path = film.folder / f"list{ending}"
    path.write_text(content(film.folder))
    assert _refusal(path).reason_code == "not_media"


def test_a_quicktime_reference_to_another_file_is_not_followed(film: Any) -> None:
    """A data reference box with a file name in it must not make that file our input."""
    path = film.make("v.mov", film.times(F(25), 0.4))
    data = path.read_bytes()
    assert data.count(b"url \x00\x00\x00\x01") == 1
    alias = data.replace(b"url \x00\x00\x00\x01", b"alis\x00\x00\x00\x00")
    path.write_bytes(alias)
    film.make("inner.mov", film.times(F(25), 0.4), pictures=[np.full((48, 64, 3), 255, np.uint8)] * 10)
    try:
        pictures = [film.number(picture) for picture in read_frames(probe(path))]
    except InputError as error:
        assert error.reason_code in ("not_media", "no_video", "undecodable")
    else:
        assert pictures == list(range(10))

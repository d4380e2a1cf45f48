"""Headers that claim more than any video has."""

from __future__ import annotations

import dataclasses
import itertools
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.decode import read_frames
from pipeline.media.limits import believable_rate
from pipeline.media.probe import probe
from pipeline.types import MediaLimits, Probe

F = Fraction
YEAR_S = 365 * 86400
NO_LIMITS = MediaLimits(length_s=1e15)
ROOT = Path(__file__).resolve().parents[3]


def _reason(path: Path, limits: MediaLimits = MediaLimits()) -> str:  # noqa: B008
    with pytest.raises(InputError) as caught:
        probe(path, limits)
    return caught.value.reason_code


def _believed(path: Path) -> Probe:
    """The file as if its header had claimed nothing wrong."""
    return dataclasses.replace(probe(path, NO_LIMITS), limits=MediaLimits())


def test_pictures_up_to_the_limit_pass(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 0.2))
    assert probe(path, MediaLimits(pixels=64 * 48)).width_px == 64
    assert _reason(path, MediaLimits(pixels=64 * 48 - 1)) == "too_large"


def test_videos_up_to_the_limit_pass(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 2))
    assert probe(path, MediaLimits(length_s=2.0)).duration_s == 2.0
    assert _reason(path, MediaLimits(length_s=1.9)) == "too_long"


def test_eight_k_passes() -> None:
    assert MediaLimits().pixels >= 8192 * 8192


def test_the_limit_holds_for_the_displayed_size_too(film: Any) -> None:
    """Pixels twenty times as high as wide."""
    path = film.make("v.mp4", film.times(F(25), 0.2), aspect=F(1, 20))
    assert _reason(path, MediaLimits(pixels=64 * 48 * 20 - 1)) == "too_large"
    assert probe(path, MediaLimits(pixels=64 * 48 * 20)).height_px == 48 * 20


def _png_film(film: Any) -> bytes:
    film.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-c:v", "png", "-pix_fmt", "rgb24", "a.mov")
    return (film.folder / "a.mov").read_bytes()


def _sizes(film: Any) -> dict[str, Path]:
    """Films of PNG pictures whose container, or whose pictures, claim sixty thousand lines."""
    data, huge = _png_film(film), 60_000
    entry = struct.pack(">HH", 64, 48) + struct.pack(">II", 72 << 16, 72 << 16)
    assert data.count(entry) == 1
    box = data.replace(entry, struct.pack(">HH", huge, huge) + entry[4:])
    header = b"IHDR" + struct.pack(">II", 64, 48)
    assert data.count(header) == 5
    inner = data.replace(header, b"IHDR" + struct.pack(">II", huge, huge))
    both = box.replace(header, b"IHDR" + struct.pack(">II", huge, huge))
    paths = {}
    for name, content in (("box", box), ("inner", inner), ("both", both)):
        paths[name] = film.folder / f"{name}.mov"
        paths[name].write_bytes(content)
    return paths


@pytest.mark.slow
def test_sizes_that_are_not_true_are_refused_before_memory_is_spent(film: Any) -> None:
    """Sixty thousand squared in three channels would be ten gigabytes. Another process, so that its peak is its own."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pipeline.errors import InputError\n"
        "from pipeline.media.decode import read_frames\n"
        "from pipeline.media.probe import probe\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        print(len(list(read_frames(probe(Path(name))))))\n"
        "    except InputError as error:\n"
        "        print(error.reason_code)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    paths = _sizes(film)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths.values())], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *reasons, more_mib = done.stdout.split()
    assert reasons[0] in ("5", "too_large")
    assert len(reasons) == 3 and set(reasons[1:]) <= {"too_large", "undecodable"}
    assert int(more_mib) < 200


def test_a_picture_a_year_later_is_not_waited_for(film: Any) -> None:
    path = film.make("v.mkv", [F(0), F(1, 25), F(YEAR_S)])
    assert _reason(path) == "too_long"
    source = _believed(path)
    shown = read_frames(source)
    with pytest.raises(InputError) as caught:
        for _ in itertools.islice(shown, 100):
            pass
    assert caught.value.reason_code == "too_long"


def test_a_last_picture_that_stays_for_a_year(film: Any) -> None:
    path = film.make("v.mp4", [F(0), F(1, 25)], F(4 * 3600))
    source = dataclasses.replace(probe(path), limits=MediaLimits(length_s=3600.0))
    with pytest.raises(InputError) as caught:
        list(itertools.islice(read_frames(source), 100))
    assert caught.value.reason_code == "too_long"


def test_sound_a_year_later_is_not_preceded_by_a_year_of_silence(film: Any) -> None:
    tone = film.tone(16000, 1)
    path = film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), tone), (F(YEAR_S), tone)])
    raw = film.folder / "a.raw"
    with pytest.raises(InputError) as caught:
        extract_sound(_believed(path), raw)
    assert caught.value.reason_code == "too_long"
    assert raw.stat().st_size < 1 << 20


@pytest.mark.parametrize("rate_hz", [1e9, 3.0, 2e6])
def test_sound_of_a_rate_that_nobody_records(film: Any, rate_hz: float) -> None:
    path = film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), film.tone(16000, 1))])
    data, true = path.read_bytes(), struct.pack(">d", 16000.0)
    assert data.count(true) == 1
    path.write_bytes(data.replace(true, struct.pack(">d", rate_hz)))
    assert _reason(path) == "too_large"


@pytest.mark.parametrize("rate_hz", [44101, 192000, 47999])
def test_sound_of_an_odd_rate_is_read_all_the_same(film: Any, rate_hz: int) -> None:
    """Without a common divisor a filter for 16 kHz would have a thousand million taps; AAC stops at 96 kHz."""
    path = film.make("v.mkv", film.times(F(25), 1), sound=[(F(0), film.tone(rate_hz, 1))], sound_rate_hz=rate_hz)
    source = probe(path)
    assert source.audio_rate_hz == rate_hz
    track = extract_sound(source, film.folder / "a.raw")
    wanted = film.tone(16000, 1)[:, 0]
    assert abs(track.sample_count - 16000) <= 16
    assert np.corrcoef(track.read(100, 15900), wanted[100:15900])[0, 1] > 0.99
    clip, clip_hz = read_sound(source, F(0), F(1))
    assert clip_hz == (rate_hz if rate_hz <= 96000 else 48000)
    assert len(clip) == clip_hz


@pytest.mark.parametrize(
    ("claims", "wanted"),
    [
        ((F(30000, 1001), F(30)), F(30000, 1001)),
        ((F(90000), F(50)), F(50)),
        ((None, F(1)), F(1)),
        ((F(0), F(1, 1000)), F(25)),
        ((F(10**9), F(10**9)), F(25)),
        ((F(120), None), F(120)),
    ],
)
def test_rates_that_can_be_true(claims: tuple[Fraction | None, ...], wanted: Fraction) -> None:
    assert believable_rate(*claims) == wanted

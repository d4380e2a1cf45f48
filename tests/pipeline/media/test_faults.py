"""What the system does not give for the moment is no fault of a file."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
import pytest

from pipeline.errors import InputError
from pipeline.media import audio, decode, faults, probe
from pipeline.outputs.failure import is_permanent
from pipeline.types import Fingerprints
from tests.support.film import Film


@pytest.fixture
def video(tmp_path: Path) -> Path:
    film = Film(tmp_path)
    return film.make("v.mkv", film.times(Fraction(25), 2), sound=[(Fraction(0), film.tone(16_000, 2))])


def broken(number: int) -> Callable[..., Any]:
    """What fails with this error of the system, as FFmpeg hands it on."""

    def fail(*_: Any, **__: Any) -> Any:
        av.error.err_check(-number)

    return fail


def broken_after(number: int, count: int) -> Callable[..., Iterator[Any]]:
    """Gives *count* packets, then fails."""
    real = probe.packets

    def give(*streams: Any) -> Iterator[Any]:
        for index, packet in enumerate(real(*streams)):
            if index == count:
                av.error.err_check(-number)
            yield packet

    return give


def read_all(path: Path) -> None:
    found = probe.probe(path)
    assert sum(1 for _ in decode.read_frames(found)) > 0
    audio.extract_sound(found, path.with_suffix(".pcm"))


@pytest.mark.parametrize("number", [errno.ESTALE, errno.ETIMEDOUT, errno.EACCES])
@pytest.mark.parametrize("place", ["open", "probe", "decode", "audio"])
def test_wherever_it_happens_the_file_is_unreadable(
    video: Path, monkeypatch: pytest.MonkeyPatch, number: int, place: str
) -> None:
    if place == "open":
        monkeypatch.setattr(probe.av, "open", broken(number))
    else:
        module = {"probe": probe, "decode": decode, "audio": audio}[place]
        monkeypatch.setattr(module, "packets", broken_after(number, 0 if place == "probe" else 5))
    with pytest.raises(InputError, match=r"v\.mkv: cannot be read: ") as raised:
        read_all(video)
    assert raised.value.reason_code == "unreadable"
    assert not is_permanent(raised.value.reason_code, Fingerprints(failure="f"))


def test_an_error_of_input_of_a_file_that_can_be_read_is_damage(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg says the same of files that were cut off: they are read as far as they go."""
    monkeypatch.setattr(decode, "packets", broken_after(errno.EIO, 5))
    lost: list[int] = []
    assert 0 < sum(1 for _ in decode.read_frames(probe.probe(video), on_lost=lost.append)) < 50 and lost == [1]


def test_an_error_of_input_of_a_file_that_cannot_be_read_is_the_systems() -> None:
    memory = Path("/proc/self/mem")
    if not memory.exists():
        pytest.skip("no file here that opens and cannot be read")
    with pytest.raises(InputError, match="cannot be read: Input/output error") as raised:
        faults.check_system(OSError(errno.EIO, "of FFmpeg"), memory)
    assert raised.value.reason_code == "unreadable"

"""Spoiled media files: pictures, sound or a refusal; no crash, no hang, no unbounded memory, no endless file.

They are read in a process of their own, so that a crash in native code is seen as such.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import media_child
from tests.fuzz.mutations import EXAMPLES, fuzz
from tests.support.film import Film

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COPIES = 12
"""Spoiled copies of each file in one process."""

NAMES = ("v.mp4", "v.mkv", "v.avi", "v.ts", "v.webm", "v.mov", "front.mp4")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A second of picture and sound in each container."""
    film = Film(tmp_path_factory.mktemp("media"))
    sound = {"sound": [(Fraction(0), film.tone(48000, 1, 2))], "sound_rate_hz": 48000}
    times_s = film.times(Fraction(25), 1)
    for name in NAMES[:4]:
        film.make(name, times_s, sound_codec="aac" if name != "v.avi" else "mp2", options={"g": "5"}, **sound)
    film.make("v.mov", times_s, options={"bf": "2", "g": "10"}, **sound)
    film.ffmpeg("-i", "v.mp4", "-c", "copy", "-movflags", "+faststart", "front.mp4")
    film.ffmpeg(
        "-i", "v.mp4", *("-c:v", "libvpx", "-b:v", "100k", "-deadline", "realtime"), *("-c:a", "libopus"), "v.webm"
    )
    return [film.folder / name for name in NAMES]


def _told(files: list[Path], folder: Path, seed: int, copies: int = COPIES) -> list[str]:
    """What a child says of *copies* spoiled copies of each file; nothing when all is well."""
    argv = [sys.executable, str(ROOT / "tests" / "fuzz" / "media_child.py"), str(folder), str(seed), str(copies)]
    limit_s = 30 + len(files) * copies * media_child.SECONDS_EACH
    try:
        done = subprocess.run(
            [*argv, *map(str, files)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return [f"hangs: {_kept(folder, seed)}"]
    lines = done.stdout.splitlines()
    if done.returncode:
        name = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit code {done.returncode}"
        return [*lines, f"died of {name}: {_kept(folder, seed)}\n{done.stderr[-2000:]}"]
    assert lines and lines[-1] == "done", done.stderr
    return lines[:-1]


def _kept(folder: Path, seed: int) -> Path:
    """The copy that was being read when the child died."""
    (current,) = (folder / "current").iterdir() if (folder / "current").is_dir() else (folder,)
    return current.rename(folder / f"{seed}-killer-{current.name}") if current.is_file() else current


@settings(fuzz, max_examples=max(EXAMPLES // 60, 1), phases=[Phase.generate])
@given(seed=st.integers(0, 10**9))
def test_spoiled_media(files: list[Path], tmp_path: Path, seed: int) -> None:
    told = _told(files, tmp_path, seed)
    assert not told, "\n".join(told)


def test_whole_files_are_read(files: list[Path], tmp_path: Path) -> None:
    """The child does read: of a file that is whole it has nothing to tell, and of an endless one it has."""
    for file in files:
        assert media_child._read(file, tmp_path / "sound.pcm") == ""
        assert (tmp_path / "sound.pcm").stat().st_size > 30_000
        (tmp_path / "sound.pcm").unlink()


@pytest.mark.parametrize("what", ["memory", "time", "crash"])
def test_the_child_is_held_within_its_limits(files: list[Path], tmp_path: Path, what: str) -> None:
    """What the fuzz run looks for would be seen."""
    code = {
        "memory": "bytearray(3 << 30)",
        "time": "[0 for _ in iter(int, 1)]",
        "crash": "__import__('ctypes').string_at(0)",
    }[what]
    program = (
        "from pathlib import Path; import sys; from tests.fuzz import media_child\n"
        "media_child.SECONDS_EACH, whole, calls = 1, media_child.probe, []\n"
        f"media_child.probe = lambda *given: {code} if calls else calls.append(1) or whole(*given)\n"
        "media_child.main(Path(sys.argv[1]), 0, 1, [Path(sys.argv[2])])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(files[0])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if what == "memory":
        assert "MemoryError" in done.stdout
    else:
        assert -done.returncode == (signal.SIGXCPU if what == "time" else signal.SIGSEGV)

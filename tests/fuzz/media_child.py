"""Reads spoiled copies of media files in a process of its own, within limits that the system enforces.

Run as ``python media_child.py FOLDER SEED COUNT FILE ...``. It spoils each FILE COUNT times, reads every copy as the
pipeline does, and prints a line of JSON for each whose reading ended in anything but pictures, sound or `InputError`.
The copy that is being read lies in ``FOLDER/current``: when the process dies, that one killed it.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import traceback
from fractions import Fraction
from itertools import islice
from pathlib import Path

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import MediaLimits
from tests.fuzz.mutations import Change, mutated

LIMITS = MediaLimits(pixels=1_000_000, length_s=30.0)
MAX_FRAMES = 40 * 25
"""More pictures than the limits allow are a fault."""

MEMORY_BYTES = 1 << 30
"""Address space beyond what the imports take."""

FILE_BYTES = 64 << 20
"""Largest file that may be written: the sound of 30 s has 1 MB."""

SECONDS_EACH = 5
"""Computing time for each copy."""

KINDS = ("overwrite", "insert", "delete", "repeat", "truncate", "flip")
PARTS = (b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff", b"\x80\0\0\0")


def main(folder: Path, seed: int, count: int, files: list[Path]) -> None:
    _read(files[0], folder / "sound.pcm")  # what is imported on first use must not count
    mapped_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes + MEMORY_BYTES, mapped_bytes + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for file in files:
        content = file.read_bytes()
        for number in range(count):
            rng = random.Random(f"{seed} {number} {file.name}")
            path = folder / "current" / file.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(mutated(content, _changes(rng)))
            used_s = resource.getrusage(resource.RUSAGE_SELF)
            spent_s = int(used_s.ru_utime + used_s.ru_stime)
            resource.setrlimit(resource.RLIMIT_CPU, (spent_s + SECONDS_EACH + 1, resource.RLIM_INFINITY))
            wrong = _read(path, folder / "sound.pcm")
            if wrong:
                kept = folder / f"{seed}-{number}-{file.name}"
                kept.write_bytes(path.read_bytes())
                print(json.dumps({"file": str(kept), "wrong": wrong}), flush=True)
    print("done", flush=True)


def _changes(rng: random.Random) -> list[Change]:
    """One to six changes, most of them where headers are."""
    changes = []
    for _ in range(rng.randint(1, 6)):
        share = rng.choice([rng.random(), rng.random() ** 4, 1 - rng.random() ** 6 * 0.999 - 1e-9])
        part = rng.choice([*PARTS, rng.randbytes(rng.randint(1, 12))])
        changes.append((rng.choices(KINDS, (4, 2, 2, 1, 1, 8))[0], share, part))
    return changes


def _read(path: Path, sound: Path) -> str:
    """What was wrong with reading a file: nothing, where it gives what it has or is refused."""
    try:
        found = probe(path, LIMITS)
        frames = sum(1 for _ in islice(read_frames(found), MAX_FRAMES))
        if frames == MAX_FRAMES:
            return f"{frames} pictures and more"
        for _ in read_frames(found, frames // 2, frames // 2 + 5):
            pass
        if found.has_audio:
            extract_sound(found, sound)
            read_sound(found, Fraction(1, 2), Fraction(1))
    except InputError:
        return ""
    except BaseException as error:
        places = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(place.filename).name}:{place.lineno} {place.name}" for place in places]
        return f"{type(error).__name__}: {error} at {' > '.join(ours)}"
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])

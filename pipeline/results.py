"""The folder of a video's results: every name in it, what is stale when, and how a new state takes an old one's place.

    tracks.npz, transcript.json ...   artifacts of stages, which hold until they are made anew
    output/, report.html, persons/    results, which go when a new state of the video is complete
    annotated.mp4, reframed.mp4 ...   outputs, which are made of results and go with them: `OUTPUTS`, a line each
    reframed/                         upright videos of ranges, and the list of them: of the output of reframed.mp4
    .next/                            an attempt's work while finished results of an earlier state lie in the folder
    .made/                            for each output the fingerprint of what it was made of

Nothing that is finished is lost: results stay until the new state is whole, or the file itself is to blame.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.types import CLIP_NAME

TRACKS = "tracks.npz"
TRANSCRIPT = "transcript.json"
ATTRIBUTION = "attribution.json"
OUTPUT = "output"
MANIFEST = f"{OUTPUT}/manifest.json"
REPORT = "report.html"
SHEETS = "persons"
FAILURE = "failure.json"
LOG = "log.txt"
NEXT = ".next"
MADE = ".made"

STAGED = (TRACKS, TRANSCRIPT, ATTRIBUTION)
"""Artifacts that stages keep for each other and for later runs."""

EXPORT_FILES: Mapping[str, tuple[str, ...]] = {
    "talknet": ("export/scene.pckl", "export/faces.pckl", "export/tracks.pckl", "export/scores.pckl"),
    "sieve": ("export/sieve.json",),
    "sieve-raw": ("export/sieve_raw.json",),
    "sieve-cuts": ("export/sieve_cuts.json",),
    "rttm": ("export/speakers.rttm",),
    "ava": ("export/ava_labels.csv", "export/ava_predictions.csv"),
}
"""The files of each format of the exports."""

OUTPUTS: dict[str, tuple[str, ...]] = {
    "annotate": ("annotated.mp4",),
    "reframe": ("reframed.mp4", "reframe.json", "reframed.ass"),
    "export": tuple(name for files in EXPORT_FILES.values() for name in files),
}
"""The files of each output, by the name of its stage."""

RANGES = "reframed"
RANGES_LIST = "ranges.json"

RANGE_NAME = re.compile(r"\d{3,}(_[^/]+)?\.(mp4|ass)")
"""Upright videos of ranges in `RANGES`, and their captions: a number, and what is left of the range's name."""

SHEET_NAME = re.compile(r"person_\d{3,}\.jpg|\.person_\d{3,}\.jpg\.\d+\.part")
"""Contact sheets in `SHEETS`, and what an interrupted run leaves of them."""

CLIP_FILES = re.compile(rf"\.?{CLIP_NAME.pattern}(\.\d+)?(\.part)?|\.manifest\.json\.\d+\.part")
"""Clips in `OUTPUT`, their texts, and what an interrupted run leaves of them; nothing else there is touched."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that one stage makes and others need."""

    file: str
    """Its name from the folder of the video's results."""
    version: int = 0
    """Raised when the program comes to another content for the same input; it counts in fingerprints unless it is 0."""
    holds: Callable[[Path, str, int], bool] | None = None
    """Tells of a path whether the file is whole, has a fingerprint, and was made at a picture size that the most pixels
    to be analysed still give; None: its fingerprint lies in `MADE`."""
    fits: Callable[[Path, Sequence[Path]], bool] | None = None
    """Tells whether the file was made of the very files that its stage needs, which are given in order: a fingerprint
    does not tell everything, such as the size at which large pictures are analysed. None: it need not be asked."""


def is_result(name: str) -> bool:
    """Return True for a file, named from the folder of results, to delete once the results are stale."""
    folder, _, last = name.rpartition("/")
    if name in (MANIFEST, FAILURE, REPORT) or name.startswith((f"{NEXT}/", f"{MADE}/")):
        return True
    if any(name in files for files in OUTPUTS.values()):
        return True
    if folder == RANGES:
        return last == RANGES_LIST or RANGE_NAME.fullmatch(last) is not None
    if folder == OUTPUT:
        return CLIP_NAME.fullmatch(last) is not None
    return folder == SHEETS and SHEET_NAME.fullmatch(last) is not None


def made_of(folder: Path, output: str) -> str:
    """Return the fingerprint that an output in *folder* was made with; empty where none is known."""
    try:
        return (folder / MADE / output).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def note_made(folder: Path, output: str, fingerprint: str) -> str:
    """Note the fingerprint of an output whose files are whole; return the name of the note."""
    (folder / MADE).mkdir(exist_ok=True)
    pending = folder / MADE / f".{output}.part"
    pending.write_text(fingerprint, encoding="ascii")
    pending.replace(folder / MADE / output)
    return f"{MADE}/{output}"


def forget_made(folder: Path, output: str) -> str:
    """Delete the note of an output that is about to be made anew; return its name.

    An attempt that is killed when the files are new and the note is old must not be taken for what the note says.
    """
    (folder / MADE / output).unlink(missing_ok=True)
    return f"{MADE}/{output}"


def commit(pending: Path, artifact: Artifact) -> None:
    """Give an artifact that is whole its name."""
    pending.replace(pending.with_name(artifact.file))


def remove_partial(folder: Path) -> None:
    """Delete half-written files that a killed run or worker left in *folder*; nobody else may be at work there."""
    folders = ("", f"{OUTPUT}/", "export/", f"{RANGES}/", f"{SHEETS}/", f"{MADE}/")
    for pattern in (f"{inside}.*.part" for inside in folders):
        for path in (*folder.glob(pattern), *folder.glob(f"{NEXT}/{pattern}")):
            path.unlink(missing_ok=True)


def remove_clips(output: Path) -> None:
    """Delete the clips in *output*, their texts, and what an interrupted run left of them; nothing else."""
    if output.is_dir():
        for path in output.iterdir():
            if CLIP_FILES.fullmatch(path.name) and path.is_file():
                path.unlink()


def remove_ranges(folder: Path, keep: Collection[str] = ()) -> None:
    """Delete the upright videos of ranges in the *folder* of a video, and the list of them; the names *keep* stay."""
    home = folder / RANGES
    if not home.is_dir():
        return
    for path in home.iterdir():
        if is_result(f"{RANGES}/{path.name}") and path.name not in keep and path.is_file():
            path.unlink()
    with contextlib.suppress(OSError):
        home.rmdir()  # unless others have put files into it


def remove_outputs(folder: Path, keep: Collection[str] = ()) -> None:
    """Delete outputs made of results that are stale; those named *keep* stay."""
    for output, files in OUTPUTS.items():
        for name in files if output not in keep else ():
            (folder / name).unlink(missing_ok=True)
    if "reframe" not in keep:
        remove_ranges(folder)
    if not keep:
        shutil.rmtree(folder / MADE, ignore_errors=True)
    elif (folder / MADE).is_dir():
        for note in (folder / MADE).iterdir():
            if note.name not in keep:
                note.unlink()


def remove_results(folder: Path, keep_outputs: bool = False) -> None:
    """Delete manifest, clips, pages and outputs from the *folder* of a video, the manifest first.

    Args:
        folder: of the video.
        keep_outputs: leave the outputs.
    """
    (folder / MANIFEST).unlink(missing_ok=True)
    remove_clips(folder / OUTPUT)
    (folder / REPORT).unlink(missing_ok=True)
    for path in (folder / SHEETS).glob("person_*.jpg"):
        if SHEET_NAME.fullmatch(path.name):
            path.unlink(missing_ok=True)
    if not keep_outputs:
        remove_outputs(folder)


def replace_results(folder: Path) -> None:
    """Put an attempt's work in `NEXT` in the place of the finished results in *folder*, the manifest last.

    A process that is killed in between leaves no manifest, and `recover` brings the work into place.
    """
    remove_results(folder)
    for path in sorted((folder / NEXT).rglob("*")):
        name = path.relative_to(folder / NEXT)
        if path.is_file() and name.as_posix() != MANIFEST:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)
    (folder / MANIFEST).parent.mkdir(parents=True, exist_ok=True)
    (folder / NEXT / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(folder / NEXT)


def recover(folder: Path) -> None:
    """Bring artifacts that earlier attempts left in `NEXT` into place in the *folder* of a video without a manifest."""
    if not (folder / NEXT).is_dir():
        return
    for name in STAGED:
        with contextlib.suppress(FileNotFoundError):
            (folder / NEXT / name).replace(folder / name)
    shutil.rmtree(folder / NEXT)


def forget_attempt(folder: Path) -> None:
    """Delete what a failed attempt left in the *folder* of a video; artifacts stay for the next one.

    Finished results are not touched.
    """
    if not (folder / NEXT).is_dir():
        if not (folder / MANIFEST).is_file():
            remove_results(folder)
        return
    for path in (folder / NEXT).iterdir():
        if path.name in STAGED:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not any((folder / NEXT).iterdir()):
        (folder / NEXT).rmdir()

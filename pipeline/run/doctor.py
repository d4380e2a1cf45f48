"""``optimized_runner.py --doctor``: check everything that a run needs. One line for each check, with advice."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from config import Config
from pipeline.clips.captioning import caption_filters
from pipeline.errors import InputError, PipelineError
from pipeline.machine import core_count, gpu_count, resolved, unnamed_memory
from pipeline.media.encode import find_ffmpeg
from pipeline.models.registry import STAND_INS, Model, default_whisper, lookup
from pipeline.models.store import find
from pipeline.outputs.manifest_check import check_manifests
from pipeline.speech.checkpoints import checkpoint_file
from pipeline.speech.checkpoints.own import is_path
from pipeline.storage.places import check, is_url, places

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
MIN_PYTHON = (3, 11)
EITHER = {"opencv-python": "opencv-python-headless"}
"""Packages, each with the one of the same version that may replace it."""

Level = Literal["ok", "note", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    level: Level
    """``note``: a run works, but not as well as it could; ``FAIL``: a run does not work."""
    name: str
    text: str
    """A finding, and the advice where it is not good."""

    def __str__(self) -> str:
        return f"{self.level:4}  {self.name}: {self.text}"


def examine(config: Config, videos: Path | str | None) -> Iterator[Finding]:
    """Check everything that a run with these settings needs.

    Nothing is written, fetched or loaded, but for a small object on a storage, which is deleted again.

    Args:
        config: the settings of the run.
        videos: its folder of videos or video file, where it is known; a text may be a URL.
    """
    yield _python()
    yield from _packages()
    yield _ffmpeg(config)
    yield _devices(config)
    yield _shared_memory()
    yield from _weights(config)
    yield from _folders(config, videos)
    yield from _manifests(config, videos)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < MIN_PYTHON:
        return Finding("FAIL", "python", f"{version} is too old. Use {'.'.join(map(str, MIN_PYTHON))} or newer")
    return Finding("ok", "python", f"{version}, {core_count()} cores")


def _packages() -> Iterator[Finding]:
    """Check packages: one line for each that is missing or of another version, or one line for all."""
    wanted = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    requirements = [Requirement(line) for line in wanted if line]
    here = [each for each in requirements if each.marker is None or each.marker.evaluate()]
    amiss = [finding for each in here if (finding := _package(each)) is not None]
    yield from amiss or [Finding("ok", "packages", f"all {len(here)} of requirements.txt")]


def _package(wanted: Requirement) -> Finding | None:
    for name in (wanted.name, EITHER.get(wanted.name, wanted.name)):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if wanted.specifier.contains(version, prereleases=True):
            return None
        return Finding("note", name, f"{version} is installed; the tests ran with {wanted.specifier}")
    return Finding("FAIL", wanted.name, "is not installed. Run: pip install -r requirements.txt")


def _ffmpeg(config: Config) -> Finding:
    try:
        if config.REFRAME or config.REFRAME_ALONE:
            filters = caption_filters(config)
            found = find_ffmpeg(*filters, timed=True)
            draws = ", and draws captions" if filters else ""
            return Finding("ok", "ffmpeg", f"{found} encodes H.264 and AAC, and keeps variable frame rates{draws}")
        return Finding("ok", "ffmpeg", f"{find_ffmpeg()} encodes H.264 and AAC")
    except PipelineError as error:
        return Finding("FAIL", "ffmpeg", str(error))


def _devices(config: Config) -> Finding:
    try:
        meant = resolved(config)
    except PipelineError as error:
        return Finding("FAIL", "devices", str(error))
    used = f"Whisper on {', '.join(meant.WHISPER_DEVICE)}, vision on {', '.join(meant.VISION_DEVICE)}"
    if not gpu_count():
        return Finding("note", "devices", f"{used}: PyTorch finds no GPU, and a CPU is many times slower")
    import torch

    found = [torch.cuda.get_device_properties(number) for number in range(gpu_count())]
    named = [f"cuda:{number} {gpu.name} {gpu.total_memory / 2**30:.0f} GiB" for number, gpu in enumerate(found)]
    return Finding("ok", "devices", f"{used}; {'; '.join(named)}")


def _shared_memory() -> Finding:
    """Check that the rings of a run can be allocated, in the way of `pipeline.executors.local.ring`."""
    folder = tempfile.gettempdir()
    try:
        descriptor, is_memory = unnamed_memory()
    except OSError as error:
        text = f"neither memfd nor a file in {folder} can be had ({error.strerror}). Name another folder with TMPDIR"
        return Finding("FAIL", "shared memory", text)
    os.close(descriptor)
    if is_memory:
        return Finding("ok", "shared memory", "anonymous (memfd); the size of /dev/shm does not matter")
    text = f"there is no memfd here; pictures pass through unnamed files in {folder}, which is slower on a disk"
    return Finding("note", "shared memory", text)


def _weights(config: Config) -> Iterator[Finding]:
    """Check the weights: one line for each model of the run."""
    folder = Path(config.WEIGHTS_DIR).absolute() if config.WEIGHTS_DIR else None
    boxes = Path(config.FACE_BOXES).expanduser() if config.FACE_BOXES else None
    if boxes is not None and not boxes.exists():
        yield Finding("FAIL", "face boxes", f"{boxes} does not exist")
    names = [("faces", config.FACE_DETECTOR), ("speaking", config.SPEAKER_MODEL)]
    if boxes is not None and boxes.is_file():
        yield Finding("ok", "faces", f"{boxes}, a list of your own")
        names = names[1:]
    words = config.WHISPER_MODEL_SIZE
    names.append(("words", default_whisper(gpu_count() > 0) if words == "auto" else words))
    if config.IDENTITY_MODEL != "none":
        names.append(("identity", config.IDENTITY_MODEL))
    for job, name in names:
        try:
            if job == "words" and is_path(name):
                yield Finding("ok", job, f"{checkpoint_file(Path(name).expanduser())}, a checkpoint of your own")
                continue
            model = lookup(name, job)
            path = find(model.name, folder)
        except PipelineError as error:
            yield Finding("FAIL", job, str(error))
            continue
        if path is not None or model.file is None:
            yield Finding("ok", job, f"{model.name}{f', {path}' if path else ', which needs no file'}")
        else:
            yield _missing(model, config)


def _missing(model: Model, config: Config) -> Finding:
    text = f"{model.file} of {model.name} is not on this machine"
    if config.DOWNLOAD_WEIGHTS:
        return Finding("note", model.role, f"{text}; a run will try to download it")
    advice = f"python -m pipeline.weights fetch {model.name}"
    if config.STRICT:
        return Finding("FAIL", model.role, f"{text}, and --strict refuses a stand-in. Do: {advice}")
    return Finding("note", model.role, f"{text}; {STAND_INS[model.role]} stands in for it. To have it: {advice}")


def _folders(config: Config, videos: Path | str | None) -> Iterator[Finding]:
    """Check the folders: one line for each place that a run reads or writes."""
    here = None if videos is None or is_url(videos) else Path(videos)
    if is_url(videos) or is_url(config.OUTPUT_DIR):
        yield _storage(str(videos or ""), config.OUTPUT_DIR)
    if here is not None and not here.exists():
        yield Finding("FAIL", "videos", f"{here} does not exist")
        here = None
    beside = (here if here.is_dir() else here.parent) if here else None
    output = Path(config.OUTPUT_DIR) if config.OUTPUT_DIR else beside
    if output is not None and not is_url(config.OUTPUT_DIR):
        yield _writable("results", output, config.MIN_FREE_GB)
    yield _writable("temporary files", Path(config.WORK_DIR or tempfile.gettempdir()), config.MIN_FREE_GB)


def _manifests(config: Config, videos: Path | str | None) -> Iterator[Finding]:
    """Check finished manifests: one line for each that does not fit the schema, and one for all others."""
    places = [Path(place) for place in (config.OUTPUT_DIR, videos) if place and not is_url(place)]
    checked = check_manifests([place for place in places if place.is_dir()], config.RECURSIVE)
    for error in checked.misfits:
        yield Finding("note", "manifest", f"{error}. A run does its video again")
    if checked.found:
        count = f"{checked.validated} of {checked.found}" if checked.validated < checked.found else f"{checked.found}"
        said = f"{count} were held against the whole schema, {len(checked.misfits)} do not fit"
        yield Finding("ok", "manifests", said)


def _storage(source: str, output: str) -> Finding:
    """Check that videos and results at the URLs *source* and *output* can be read and written."""
    try:
        source, output = places(source, output)
        check(source, output)
    except InputError as error:
        return Finding("FAIL", "storage", str(error))
    found = [f"{url} can be {what}" for url, what in ((source, "read"), (output, "written")) if is_url(url)]
    return Finding("ok", "storage", ", ".join(found))


def _writable(name: str, folder: Path, least_gb: float) -> Finding:
    """Check that *folder*, or the folder that it would be made in, can be written, and how much fits there."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free_gb = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        return Finding("FAIL", name, f"{folder} cannot be written ({error.strerror}). Name another folder")
    if free_gb < least_gb:
        return Finding(
            "FAIL",
            name,
            f"{folder} has {free_gb:.1f} GB left, less than MIN_FREE_GB. Make room, or name another folder",
        )
    return Finding("ok", name, f"{folder}, {free_gb:.0f} GB free")

"""One run from a folder to ``run.json``: settings resolved, models chosen, videos found, an executor put to work."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config import Config
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.base import Executor, remove_results
from pipeline.executors.claims import skipped
from pipeline.executors.local import LocalExecutor
from pipeline.executors.progress import ConsoleListener, sayable
from pipeline.executors.serial import SerialExecutor
from pipeline.executors.summary import summary
from pipeline.executors.work_dir import remove_abandoned as remove_abandoned_work
from pipeline.executors.work_dir import root_of, temporary_files_in, work_dir
from pipeline.fingerprint import finished_before, marks_of
from pipeline.inputs import RUN_FILES, discover, given_transcripts, result_folders
from pipeline.machine import resolved
from pipeline.media.encode import find_ffmpeg
from pipeline.outputs.failure import failed_before
from pipeline.outputs.files import remove_abandoned
from pipeline.run_report import RunReport
from pipeline.speech.given import transcript_digest
from pipeline.stages import TRANSCRIPT, Models, VideoJob
from pipeline.types import ModelChoice, VideoResult
from pipeline.weights_choice import choose, choose_alignment
from pipeline.weights_table import default_whisper

OK, SOME_FAILED, INTERRUPTED = 0, 1, 130
GOOD = ("done", "partial", "skipped")


def run(source: Path, config: Config) -> int:
    """Works on every video of *source* and returns the exit code.

    Raises:
        PipelineError: the command or the set-up is wrong; nothing was started.
    """
    source = source.resolve() if source.is_dir() else source.parent.resolve() / source.name
    output = Path(config.OUTPUT_DIR).resolve() if config.OUTPUT_DIR else None
    home = output or (source if source.is_dir() else source.parent)
    try:
        videos = discover(source, config.RECURSIVE)
    except InputError as error:
        if output is not None or home.is_dir():
            report = RunReport(_made(home), source, [])
            report.set_error(error)
            report.close()
        raise
    folders = result_folders(videos, source, output)
    transcripts = _transcripts(videos, source, folders, config)
    remove_abandoned(_made(home), RUN_FILES)
    for folder in (home, _made(root_of(config.WORK_DIR), "--work-dir")):
        _check_room(folder, config.MIN_FREE_GB)
    config = resolved(config)
    _check_precision(config)
    find_ffmpeg()
    models = chosen_models(config, transcripts)
    report = RunReport(home, source, videos)
    report.set_models(models)
    listener = ConsoleListener(len(videos), report, config.LOG_JSON)
    begun_s = time.monotonic()
    jobs = []
    for number, (path, folder, given) in enumerate(zip(videos, folders, transcripts, strict=True)):
        job = _job(number, path, folder, given, config, models, listener)
        if job is not None:
            jobs.append(job)
    try:
        _execute(jobs, config, models, listener, report)
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept; the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except WorkerDied as error:
        if not report.results:
            raise
        _say(f"the run cannot go on: {error}")
        return SOME_FAILED
    finally:
        listener.close()
        _close(report)
    _sum_up(report, models, time.monotonic() - begun_s)
    return OK if all(result.status in GOOD for result in report.results) else SOME_FAILED


def chosen_models(config: Config, transcripts: Sequence[Path | None] = ()) -> Models:
    """The model of each job; each stand-in is announced in one line.

    Args:
        config: settings, with every ``auto`` resolved.
        transcripts: of each video, the user's own. Where every video has one, no recogniser is chosen. Where one has,
            the network that aligns words takes part if it is here; with ``ALIGN`` it must be.

    Raises:
        PipelineError: weights are damaged, or missing where no stand-in is allowed.
    """
    words = None if transcripts and all(transcripts) else config.WHISPER_MODEL_SIZE
    if words == "auto":
        words = default_whisper(any(device != "cpu" for device in config.WHISPER_DEVICE))
    folder = Path(config.WEIGHTS_DIR).absolute() if config.WEIGHTS_DIR else None
    chosen = choose(
        config.FACE_DETECTOR,
        config.SPEAKER_MODEL,
        words,
        config.IDENTITY_MODEL,
        weights_dir=folder,
        download=config.DOWNLOAD_WEIGHTS,
        strict=config.STRICT,
        language=config.WHISPER_LANGUAGE,
        announce=_say,
    )
    if words is None:
        chosen = (*chosen[:2], ModelChoice("words", TRANSCRIPT, None), *chosen[2:])
    if config.ALIGN or any(transcripts):
        network = choose_alignment(
            config.WHISPER_LANGUAGE,
            weights_dir=folder,
            download=config.DOWNLOAD_WEIGHTS,
            required=config.ALIGN,
            announce=_say,
        )
        chosen = (*chosen, network) if network else chosen
    return chosen


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _transcripts(videos: list[Path], source: Path, folders: list[Path], config: Config) -> Sequence[Path | None]:
    """The user's own transcript of each video; how many there are is said once."""
    if not config.TRANSCRIPTS:
        return [None] * len(videos)
    found = given_transcripts(videos, source, folders, Path(config.TRANSCRIPTS))
    count = len(found) - found.count(None)
    rest = "" if count == len(found) else "; the others are transcribed by the recogniser"
    _say(f"transcripts: {count} of {len(found)} videos have one in {config.TRANSCRIPTS}{rest}")
    return found


def _models_of(models: Models, transcript: Path | None, config: Config) -> Models:
    """Who does each job for one video.

    Raises:
        InputError: ``bad_transcript`` when the transcript cannot be read.
    """
    if transcript is None:
        return models if config.ALIGN else tuple(model for model in models if model.job != "alignment")
    words = ModelChoice("words", TRANSCRIPT, transcript, transcript_digest(transcript))
    return tuple(words if model.job == "words" else model for model in models)


def _check_precision(config: Config) -> None:
    """Refuses half precision where Whisper would run on a CPU."""
    if config.WHISPER_PRECISION == "half" and "cpu" in config.WHISPER_DEVICE:
        raise InputError(
            "bad_setting",
            "WHISPER_PRECISION is 'half', which needs CUDA, and WHISPER_DEVICE is cpu here. Use auto or full",
        )


def _check_room(folder: Path, least_gb: float) -> None:
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < least_gb:
        message = f"only {free_gb:.2f} GB are free there, and MIN_FREE_GB is {least_gb:g}. Make room, or name another"
        raise InputError("disk_full", f"{message} folder with --output-dir and --work-dir", folder)


def _made(folder: Path, flag: str = "--output-dir") -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        message = f"nothing can be written there: {error.strerror}. Name another folder with {flag}"
        raise InputError("output_not_writable", message, folder) from error


def _job(
    number: int,
    path: Path,
    folder: Path,
    transcript: Path | None,
    config: Config,
    models: Models,
    listener: ConsoleListener,
) -> VideoJob | None:
    """The work on one video; None when there is none because it is done already or cannot be read."""
    job = VideoJob(number, path, folder, transcript=transcript)
    try:
        models = _models_of(models, transcript, config)
        marks = marks_of(path, config, models)
    except InputError as error:
        remove_results(folder)
        listener.on_result(job, VideoResult(path, "failed", error.reason_code, str(error)))
        return None
    job = dataclasses.replace(job, marks=marks, models=models)
    if config.FORCE:
        return job
    manifest = finished_before(folder, marks.whole)
    if manifest is not None:
        listener.on_result(job, skipped(path, manifest))
        return None
    failure = None if config.RETRY_FAILED else failed_before(folder, marks.whole)
    if failure is not None:
        code, message = failure
        text = f"{message} (found by an earlier run; --retry-failed tries again)"
        listener.on_result(job, VideoResult(path, "failed", code, text))
        return None
    return job


def _execute(
    jobs: list[VideoJob], config: Config, models: Models, listener: ConsoleListener, report: RunReport
) -> None:
    root = root_of(config.WORK_DIR)
    if not jobs:
        remove_abandoned_work(root)
        return
    kind = SerialExecutor if config.DEBUG else LocalExecutor
    with work_dir(root) as folder, temporary_files_in(folder):
        executor: Executor = kind(config, models, folder)
        with _signals(executor):
            try:
                executor.run(jobs, listener)
            finally:
                report.set_queues({name: dict(queue) for name, queue in executor.queues().items()})
                report.set_peak_memory(executor.peak_bytes)


@contextmanager
def _signals(executor: Executor) -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM ends the run in good order, the second at once."""
    signals = (signal.SIGINT, signal.SIGTERM)
    asked = False

    def interrupt(*_: object) -> None:
        nonlocal asked
        if asked:
            for each in signals:
                signal.signal(each, signal.SIG_IGN)
            raise KeyboardInterrupt
        asked = True
        executor.interrupt()

    before = [signal.signal(each, interrupt) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _close(report: RunReport) -> None:
    """Writes the report; where that fails, the results themselves are not lost by it."""
    try:
        report.close()
    except OSError as error:
        _say(f"{report.path} cannot be written ({error.strerror}); the results of the videos are in their folders")


def _sum_up(report: RunReport, models: Models, seconds: float) -> None:
    print()
    print(sayable(summary(report.results, seconds), sys.stdout))
    print(sayable(f"Every video: {report.path}", sys.stdout))
    kept = next((result.manifest for result in report.results if result.manifest is not None), None)
    if kept is not None:
        print(sayable(f"Clips and manifests: in the folder of each video, such as {kept.parent}/", sys.stdout))
    replaced = [f"{model.stands_in_for} ({model.job})" for model in models if model.stands_in_for]
    if replaced:
        print(
            f"Stand-ins were used for {', '.join(replaced)}. To fetch the real models: python -m pipeline.weights fetch"
        )

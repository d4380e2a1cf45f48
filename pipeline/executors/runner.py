"""One run from a folder to ``run.json``: settings resolved, models chosen, videos found, an executor put to work."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import Config
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.base import Executor, remove_results
from pipeline.executors.local import LocalExecutor
from pipeline.executors.orders import home_of, located, take_orders
from pipeline.executors.progress import ConsoleListener, sayable
from pipeline.executors.serial import SerialExecutor
from pipeline.executors.summary import summary
from pipeline.executors.work_dir import remove_abandoned as remove_abandoned_work
from pipeline.executors.work_dir import root_of, temporary_files_in, work_dir
from pipeline.inputs import RUN_FILES
from pipeline.media.encode import find_ffmpeg
from pipeline.outputs.files import remove_abandoned
from pipeline.run_report import RunReport
from pipeline.stages import Models, VideoJob

OK, SOME_FAILED, INTERRUPTED = 0, 1, 130
GOOD = ("done", "partial", "skipped")

NOTHING_THERE = ("not_found", "unreadable", "no_videos")
"""Reason codes of a source without videos: ``run.json`` says so."""


def run(source: Path, config: Config) -> int:
    """Works on every video of *source* and returns the exit code.

    Raises:
        PipelineError: the command or the set-up is wrong; nothing was started.
    """
    source = located(source)
    home = home_of(source, config)
    try:
        orders = take_orders(source, config, _say)
    except InputError as error:
        if error.reason_code in NOTHING_THERE and (config.OUTPUT_DIR or home.is_dir()):
            report = RunReport(_made(home), source, [])
            report.set_error(error)
            report.close()
        raise
    remove_abandoned(_made(home), RUN_FILES)
    for folder in (home, _made(root_of(config.WORK_DIR), "--work-dir")):
        _check_room(folder, config.MIN_FREE_GB)
    find_ffmpeg()
    config, models = orders.config, orders.choose_models(_say)
    report = RunReport(home, source, orders.videos)
    report.set_models(models)
    listener = ConsoleListener(len(orders.videos), report, config.LOG_JSON)
    begun_s = time.monotonic()
    jobs = []
    for number in range(len(orders.videos)):
        job, result = orders.order(number, models)
        if result is None:
            jobs.append(job)
            continue
        if result.status == "failed":
            with contextlib.suppress(OSError):
                remove_results(job.folder)
        listener.on_result(job, result)
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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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

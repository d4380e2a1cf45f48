"""One run from a folder to ``run.json``: resolve settings, choose models, find videos, start an executor."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config import Config
from pipeline.clips.captioning import caption_filters
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.base import Executor, with_earlier
from pipeline.executors.work_dir import remove_abandoned as remove_abandoned_work
from pipeline.executors.work_dir import root_of, temporary_files_in, work_dir
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.media.encode import find_ffmpeg
from pipeline.outputs.failure import ends_results, remove_ended
from pipeline.outputs.files import remove_abandoned
from pipeline.run.console import ConsoleListener, sayable
from pipeline.run.engines import new_executor
from pipeline.run.plan import home_of, located, make_plan
from pipeline.run.remote import RemoteListener, mirrored, push_run
from pipeline.run.report import GOOD, RunReport
from pipeline.run.summary import models_used, summary
from pipeline.sources.shard import RUN_FILES, shard_of
from pipeline.stage import Graph, Models, VideoJob
from pipeline.storage.mirror import Mirror
from pipeline.storage.places import is_url

OK, SOME_FAILED, INTERRUPTED = 0, 1, 130

NOTHING_THERE = ("not_found", "unreadable", "no_videos")
"""Reason codes of a source without videos: ``run.json`` says so."""


def run(source: Path | str, config: Config) -> int:
    """Process every video of *source* and return the exit code.

    Args:
        source: folder or video; a text may be a URL too, and so may ``OUTPUT_DIR``.
        config: settings.

    Raises:
        PipelineError: the command or the set-up is wrong; nothing was started.
    """
    if not is_url(source) and not is_url(config.OUTPUT_DIR):
        return _run(Path(source), config)
    root = _made(root_of(config.WORK_DIR), "--work-dir")
    with mirrored(source, config, root) as (path, config, mirror):
        return _run(path, config, mirror)


def _run(source: Path, config: Config, mirror: Mirror | None = None) -> int:
    """Do the work of `run`; *mirror* holds the files that lie on a storage."""
    shown = str if mirror is None else mirror.shown
    source = located(source)
    home = home_of(source, config)
    shard = shard_of(config.SHARD, os.environ)
    try:
        plan = make_plan(source, config, _say, shard, mirror)
    except InputError as error:
        if error.reason_code in NOTHING_THERE and (config.OUTPUT_DIR or home.is_dir()):
            report = RunReport(_made(home), source, [], shard, shown)
            report.set_error(error)
            _close(report, mirror)
        raise
    remove_abandoned(_made(home), map(shard.name_of, RUN_FILES))
    for folder in (home, _made(root_of(config.WORK_DIR), "--work-dir")):
        _check_room(folder, config.MIN_FREE_GB)
    find_ffmpeg()
    if plan.config.REFRAME:
        find_ffmpeg(*caption_filters(plan.config), timed=True)
    config, models = plan.config, plan.choose_models(_say)
    report = RunReport(home, source, plan.listed, shard, shown)
    report.set_models(models)
    if mirror is None:
        listener = ConsoleListener(len(plan.videos), report, config.LOG_JSON)
    else:
        listener = RemoteListener(len(plan.videos), report, config.LOG_JSON, mirror)
    begun_s = time.monotonic()
    jobs = []
    for job, result in plan.every(models):
        if result is None:
            jobs.append(job)
            continue
        if result.status == "failed" and ends_results(result.reason_code, job.prints):
            with contextlib.suppress(OSError):
                remove_ended(job.folder, result.reason_code)
        listener.on_result(job, with_earlier(result, job.folder))
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
        _close(report, mirror)
    _sum_up(report, models, config, time.monotonic() - begun_s, shown)
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
    jobs: list[VideoJob],
    config: ResolvedConfig,
    models: Models,
    listener: ConsoleListener,
    report: RunReport,
    graph: Graph = GRAPH,
) -> None:
    root = root_of(config.WORK_DIR)
    if not jobs:
        remove_abandoned_work(root)
        return
    with work_dir(root) as folder:
        executor = new_executor(config, models, folder, graph)
        with temporary_files_in(folder), _signals(executor):
            try:
                executor.run(jobs, listener)
            finally:
                report.set_queues({name: dict(queue) for name, queue in executor.queues().items()})
                report.set_peak_memory(executor.peak_bytes)


@contextmanager
def _signals(executor: Executor) -> Iterator[None]:
    """Handle signals inside the block: the first SIGINT or SIGTERM ends the run in good order, the second at once."""
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


def _close(report: RunReport, mirror: Mirror | None) -> None:
    """Write the report; where that fails, say so: the results of the videos are not lost."""
    try:
        report.close()
        if mirror is not None:
            push_run(report, mirror)
    except OSError as error:
        _say(f"{report.path} cannot be written ({error.strerror}); the results of the videos are in their folders")
    except InputError as error:
        _say(f"the report of the run cannot be written: {error}; the results of the videos are in their folders")


def _sum_up(
    report: RunReport, models: Models, config: ResolvedConfig, seconds: float, shown: Callable[[Path], str]
) -> None:
    print()
    print(sayable(summary(report.results, seconds), sys.stdout))
    print(sayable(f"Every video: {shown(report.path)}", sys.stdout))
    kept = next((result.manifest for result in report.results if result.manifest is not None), None)
    if kept is not None:
        print(sayable(f"Clips and manifests: in the folder of each video, such as {shown(kept.parent)}/", sys.stdout))
    devices = (", ".join(named) for named in (config.VISION_DEVICE, config.WHISPER_DEVICE))
    print(sayable(models_used(models, *devices), sys.stdout))

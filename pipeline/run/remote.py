"""Runs whose videos or results lie on a storage: the part of the leading process.

The storage has no locks: one run at a time may work on a folder there.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from config import Config
from pipeline.errors import InputError, describe
from pipeline.executors.events import Event
from pipeline.executors.work_dir import work_dir
from pipeline.outputs.failure import ends_results
from pipeline.results import FAILURE, LOG
from pipeline.run.console import ConsoleListener
from pipeline.run.report import RunReport
from pipeline.stage import VideoJob
from pipeline.storage.copies import look, push_named, remove_gone, trim
from pipeline.storage.mirror import Mirror, Remote
from pipeline.storage.objects import Entry, push
from pipeline.storage.places import check, folder_of, is_url, places
from pipeline.types import VideoResult

PUSH_EVERY_S = 60.0
"""Least time between two pushes of ``run.json`` while the run goes on."""


@contextmanager
def mirrored(source: Path | str, config: Config, root: Path) -> Iterator[tuple[Path, Config, Mirror]]:
    """Make a mirror in *root* for a run over *source*, and delete it at the end.

    Yield the path to use in place of the source, settings whose ``OUTPUT_DIR`` lies in the mirror where results go to a
    storage, and the mirror.

    Args:
        source: a path or URL of a folder or video.
        config: settings.
        root: folder for temporary files.

    Raises:
        InputError: the storage cannot be used, or there is no such video or folder.
    """
    place, output = places(str(source), config.OUTPUT_DIR)
    check(place, output)
    home = folder_of(place) if is_url(place) else ""
    with work_dir(root) as folder:
        mirror = Mirror(folder.resolve() / "mirror", home, output if is_url(config.OUTPUT_DIR) else "")
        if mirror.results:
            mirror.results_folder.mkdir(parents=True)
            config = dataclasses.replace(config, OUTPUT_DIR=str(mirror.results_folder))
        if not home:
            yield Path(source), config, mirror
        elif home != place:
            video = Entry(place.removeprefix(f"{home}/"), 0)
            mirror.stand_in(video)
            yield mirror.source_folder / video.name, config, mirror
        else:
            mirror.lay_out(config.RECURSIVE)
            yield mirror.source_folder, config, mirror


class RemoteListener(ConsoleListener):
    """`ConsoleListener` that updates the storage when a video ends, and deletes this machine's copies of it.

    Args:
        videos: how many there are.
        report: gets every result.
        as_json: a JSON object for each event, and no bars.
        mirror: of the run.
        stream: where to show it; standard error by default.
    """

    def __init__(
        self, videos: int, report: RunReport, as_json: bool, mirror: Mirror, stream: TextIO | None = None
    ) -> None:
        super().__init__(videos, report, as_json, stream)
        self._of_run, self._mirror, self._pushed_s = report, mirror, time.monotonic()

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        """Show the end of a video, and update the storage."""
        super().on_result(video, result)
        if video.remote is not None:
            with self._told(video):
                end(video, video.remote, result)
        if time.monotonic() - self._pushed_s > PUSH_EVERY_S:
            self._pushed_s = time.monotonic()
            with self._told():
                push_run(self._of_run, self._mirror)

    @contextmanager
    def _told(self, video: VideoJob | None = None) -> Iterator[None]:
        """Turn a failure of the storage into a warning.

        It must not end the run: the results that matter are stored already, or are tried again.
        """
        try:
            yield
        except (InputError, OSError) as error:
            self.on_event(Event("storage", describe(error)[1], video, level="warning"))


def end(video: VideoJob, remote: Remote, result: VideoResult) -> None:
    """Update the storage after *video* has ended, and delete its copies here.

    Files that the pages of the run are made from stay.

    Raises:
        InputError: the storage cannot be written.
    """
    try:
        if remote.results is not None:
            if result.status == "failed" and ends_results(result.reason_code, video.prints):
                remove_gone(remote)
            if result.manifest is not None and not result.manifest.is_file():
                look(remote)
            for name in (FAILURE, LOG):
                path = video.folder / name
                if path.is_file() and path.stat().st_size:
                    push_named(remote, path, name)
    finally:
        trim(remote)


def push_run(report: RunReport, mirror: Mirror) -> None:
    """Push those files of the run as a whole that are written and belong on the storage.

    Raises:
        InputError: the storage cannot be written.
    """
    for path in (report.path, report.clips_path, report.index_path):
        url = mirror.url_of(path)
        if url and path.is_file():
            push(path, url)

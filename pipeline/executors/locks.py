"""Locks on videos: each is in the hands of one run at a time, on whatever machine.

A run holds a lock on the log of every video that it works on. Another run over the same folder passes over that video
and comes back to it: by then it is done, or free because the first run is gone. The system lets go of the lock however
a run ends.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from config import Config
from pipeline.artifacts import (
    finished,
    kept_artifacts,
    kept_outputs,
    made_without_sound,
    missing_outputs,
    stages_needed,
    stages_of,
)
from pipeline.outputs.failure import NO_AUDIO, forget_failure, write_failure
from pipeline.results import LOG, MANIFEST, NEXT, STAGED, recover, remove_outputs, remove_partial, remove_results
from pipeline.soundless import skipped_without_sound
from pipeline.stage import Graph, NoSound, VideoJob
from pipeline.storage.copies import bring, look, next_names, remove_gone, remove_named
from pipeline.types import VideoResult

MAX_LOG_BYTES = 1 << 20
"""A log that has grown longer, over many runs, is begun anew."""

WITHOUT_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""Errors of file systems without locks."""


class NoRoomError(OSError):
    """A folder has less free space than ``MIN_FREE_GB``."""


class VideoLocks:
    """The videos that this run holds.

    Args:
        config: settings of the run.
        work_dir: folder for temporary files, which must have room too.
        graph: the stages.
    """

    def __init__(self, config: Config, work_dir: Path, graph: Graph) -> None:
        self._config, self._work_dir, self._graph = config, work_dir, graph
        self._locks: dict[Path, int] = {}

    def acquire(self, video: VideoJob) -> VideoJob | VideoResult | None:
        """Take *video* for this run.

        Returns:
            The video with the stages that need not be run; its result, when there is nothing to do; or None while
            another run holds it.

        Raises:
            NoRoomError: there is too little free space to begin a video.
            OSError: its folder cannot be made, written or locked.
            InputError: its folder is on a storage that cannot be read or written.
        """
        video.folder.mkdir(parents=True, exist_ok=True)
        for folder in (video.folder, self._work_dir):
            free_gb = shutil.disk_usage(folder).free / 1e9
            if free_gb < self._config.MIN_FREE_GB:
                text = f"only {free_gb:.2f} GB are free (MIN_FREE_GB is {self._config.MIN_FREE_GB:g})"
                raise NoRoomError(errno.ENOSPC, text, str(folder))
        if video.remote is not None:
            look(video.remote)
            names = (*STAGED, *next_names(video.folder)) if not self._config.FORCE else ()
            bring(video.remote, (LOG, *names))
        if not self.lock(video.folder):
            return None
        try:
            return self._acquired(video)
        except BaseException:
            self.release(video)
            raise

    def _acquired(self, video: VideoJob) -> VideoJob | VideoResult:
        """Find what need not be done of a video that is locked, and tidy its folder."""
        if video.no_sound is not None:
            return self._acquired_without_sound(video, video.no_sound)
        graph, config, folder, prints = self._graph, self._config, video.folder, video.prints
        manifest = None if config.FORCE else finished(graph, folder, prints)
        if manifest is not None:
            shutil.rmtree(folder / NEXT, ignore_errors=True)
            if not missing_outputs(graph, folder, prints, config):
                self.release(video)
                return skipped(video.path, manifest)
        remove_partial(folder)
        if manifest is not None:
            outputs = missing_outputs(graph, folder, prints, config)
            kept = {stage.name for stage in graph.required} - stages_needed(graph, folder, prints, outputs)
            return dataclasses.replace(video, kept=frozenset(kept | kept_outputs(graph, folder, prints, config)))
        taken = dataclasses.replace(video, renews=(folder / MANIFEST).is_file())
        forget_failure(folder)
        if taken.renews:
            taken.work.mkdir(exist_ok=True)
        else:
            recover(folder)
            remove_outputs(folder, () if config.FORCE else made_without_sound(graph, folder, prints, config))
            if video.remote is not None:
                remove_gone(video.remote)
        found = {} if config.FORCE else kept_artifacts(graph, prints, taken.work, folder)
        if taken.renews:
            self._drop_stale(taken, found.values())
        return dataclasses.replace(taken, kept=stages_of(graph, found))

    def _acquired_without_sound(self, video: VideoJob, no_sound: NoSound) -> VideoJob | VideoResult:
        """Do as `_acquired` for a video that is known to have no sound."""
        graph, config, folder, prints = self._graph, self._config, video.folder, video.prints
        missing = frozenset(no_sound.outputs)
        if not config.FORCE:
            missing &= missing_outputs(graph, folder, prints, config)
        if not missing:
            self.release(video)
            return skipped_without_sound(video, no_sound)
        remove_partial(folder)
        if (folder / MANIFEST).is_file():
            remove_results(folder)
            if video.remote is not None:
                remove_gone(video.remote)
        recover(folder)
        write_failure(folder, prints, VideoResult(video.path, "failed", NO_AUDIO, no_sound.why))
        if config.FORCE:
            return video
        names = {stage.name for stage in graph.asked(config)} - no_sound.left_out
        return dataclasses.replace(video, kept=names - missing - stages_needed(graph, folder, prints, missing))

    def _drop_stale(self, video: VideoJob, kept: Collection[Path]) -> None:
        """Delete artifacts that an attempt with other settings has left in the folder of attempts.

        Stages look there first: they would be taken for those of this attempt.
        """
        for name in STAGED:
            if (video.work / name).is_file() and video.work / name not in kept:
                (video.work / name).unlink()
                if video.remote is not None:
                    remove_named(video.remote, f"{NEXT}/{name}")

    def release(self, video: VideoJob) -> None:
        """Let go of *video*, however it ended."""
        lock = self._locks.pop(video.folder, None)
        if lock is not None:
            os.close(lock)

    def release_all(self) -> None:
        """Let go of everything."""
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()

    def lock(self, folder: Path) -> bool:
        """Return True where the video of *folder* is ours now, False while another run holds it.

        File systems without locks are trusted to have one run only.

        Raises:
            OSError: the lock can be neither had nor refused, as where the system has no more of them.
        """
        if folder in self._locks:
            return True
        lock = os.open(folder / LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                os.close(lock)
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    return False
                raise
        if os.fstat(lock).st_size > MAX_LOG_BYTES:
            os.ftruncate(lock, 0)
        self._locks[folder] = lock
        return True


def skipped(path: Path, manifest: Path) -> VideoResult:
    """Return the result of a video that is done already."""
    message = "done by an earlier run with the same settings (--force does it again)"
    return VideoResult(path, "skipped", message=message, manifest=manifest)

"""Which video this run may begin: each is in the hands of one run at a time, on whatever machine.

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
from pathlib import Path

from config import Config
from pipeline.clips.results import recover
from pipeline.fingerprint import finished_before
from pipeline.outputs.extras import missing, remove_extras
from pipeline.outputs.failure import forget_failure
from pipeline.outputs.kept import ALL_STAGES, MANIFEST, NEXT, remove_partial, stages_kept
from pipeline.stages import VideoJob
from pipeline.storage.copies import KEPT, bring, look, next_names, remove_gone
from pipeline.types import VideoResult

LOG = "log.txt"
"""The log of one video, in its folder: a line for each thing that happened to it."""

MOST_LOG_BYTES = 1 << 20
"""A log that has grown longer, over many runs, is begun anew."""


WITHOUT_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""How file systems answer that have no locks."""


class NoRoomError(OSError):
    """A folder has less free space than ``MIN_FREE_GB``."""


class Claims:
    """The videos that this run holds.

    Args:
        config: settings of the run.
        work_dir: folder for temporary files, which must have room too.
    """

    def __init__(self, config: Config, work_dir: Path) -> None:
        self._config, self._work_dir = config, work_dir
        self._locks: dict[Path, int] = {}

    def take(self, video: VideoJob) -> VideoJob | VideoResult | None:
        """Takes *video* for this run.

        Returns:
            The video with the stages that need not be done; how it has ended, when there is nothing to do; or None
            while another run holds it.

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
            names = (*KEPT, *next_names(video.folder)) if not self._config.FORCE else ()
            bring(video.remote, (LOG, *names))
        if not self._lock(video.folder):
            return None
        try:
            done = None if self._config.FORCE else finished_before(video.folder, video.marks.whole, video.marks.most_px)
            if done is not None:
                shutil.rmtree(video.folder / NEXT, ignore_errors=True)
            if done is not None and not missing(video.folder, self._config):
                self.release(video)
                return skipped(video.path, done)
            remove_partial(video.folder)
            if done is not None:
                return dataclasses.replace(video, kept=ALL_STAGES)
            taken = dataclasses.replace(video, renews=(video.folder / MANIFEST).is_file())
            forget_failure(video.folder)
            if taken.renews:
                taken.work.mkdir(exist_ok=True)
            else:
                recover(video.folder)
                remove_extras(video.folder)
                if video.remote is not None:
                    remove_gone(video.remote)
            if self._config.FORCE:
                return taken
            kept = frozenset().union(*(stages_kept(folder, video.marks) for folder in {taken.work, taken.folder}))
            return dataclasses.replace(taken, kept=kept)
        except BaseException:
            self.release(video)
            raise

    def release(self, video: VideoJob) -> None:
        """Lets go of *video*, however it ended."""
        lock = self._locks.pop(video.folder, None)
        if lock is not None:
            os.close(lock)

    def release_all(self) -> None:
        """Lets go of everything."""
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()

    def _lock(self, folder: Path) -> bool:
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
        if os.fstat(lock).st_size > MOST_LOG_BYTES:
            os.ftruncate(lock, 0)
        self._locks[folder] = lock
        return True


def skipped(path: Path, manifest: Path) -> VideoResult:
    """The result of a video that is done already."""
    message = "done by an earlier run with the same settings (--force does it again)"
    return VideoResult(path, "skipped", message=message, manifest=manifest)

"""One attempt of the local executor at one video: who works on it, how far it is, and for whom it waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.clips.worker import FinishedVideo
from pipeline.executors.local.pool import Worker
from pipeline.executors.local.ring import PictureFormat
from pipeline.stages import Prepared, VideoJob


@dataclass(slots=True)
class Attempt:
    """One attempt at one video."""

    video: VideoJob
    tries: int
    decoder: Worker
    begun_s: float
    prepared: Prepared | None = None
    form: PictureFormat | None = None
    seer: Worker | None = None
    has_ring: bool = False
    """The decoder may write pictures."""
    written: int = 0
    """Frames that the decoder has put into its ring."""
    needed: int = 0
    """The first frame that vision still needs."""
    unseen: int = 0
    """Messages that vision has been sent and has not answered."""
    results: set[str] = field(default_factory=set)
    """Those of ``vision`` and ``speech`` that lie in the folder of the video."""
    finished: FinishedVideo | None = None
    """What mux has made of it, while it is still to be drawn on."""
    extras_tries: int = 0
    """How often what is asked for beside the clips was begun."""
    timings: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What people should know of the work."""

    def waits_for(self, worker: Worker) -> bool:
        """Whether it is the turn of *worker*, which holds the job, to say something.

        A decoder has nothing to say while it waits for a ring or for room in it, vision while it has no pictures.
        """
        if worker is self.seer:
            return self.unseen > 0
        if worker is self.decoder and self.form is not None and "vision" not in self.video.kept:
            return self.has_ring and self.written - self.needed < self.form.capacity
        return True

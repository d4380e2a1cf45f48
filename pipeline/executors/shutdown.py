"""The early end of a run of several processes: no more videos are admitted, those in flight get ``GRACE_S``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from pipeline.executors.admission import AdmissionQueue
from pipeline.executors.events import Event
from pipeline.wording import counted


class Shutdown:
    """A request to end a run, and the time until which it may go on.

    Args:
        grace_s: time that the videos in work then get.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._at_s = math.inf
        self._is_told = False

    @property
    def is_asked(self) -> bool:
        """True once somebody has asked for it."""
        return self._at_s < math.inf

    def ask(self) -> None:
        """Ask for it; the first time counts."""
        self._at_s = min(self._at_s, time.monotonic() + self._grace_s)

    def check(self, admission: AdmissionQueue, in_work: int, ending: int, tell: Callable[[Event], None]) -> None:
        """Close *admission* once a shutdown is asked for.

        Args:
            admission: the videos that are not begun.
            in_work: videos that are.
            ending: calls about videos that are being begun or have ended.
            tell: takes the event.

        Raises:
            KeyboardInterrupt: nothing is in work any more, or the time is up.
        """
        if not self.is_asked:
            return
        if in_work and not self._is_told:
            self._is_told = True
            left_s = max(self._at_s - time.monotonic(), 0)
            begun = "no more videos are begun; " if len(admission) else ""
            text = f"interrupted: {begun}{left_s:.0f} s are left for {counted(in_work, 'video')} in work"
            tell(Event("stopping", f"{text} (interrupt again to end at once)", level="warning"))
        admission.close()
        if not in_work + ending or time.monotonic() >= self._at_s:
            raise KeyboardInterrupt

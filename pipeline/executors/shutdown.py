"""How a run of several processes ends early: nothing more is begun, and what is in work gets a moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from pipeline.executors.admission import Intake
from pipeline.executors.events import Event


class Stopping:
    """Whether somebody has asked a run to stop, and until when it may go on.

    Args:
        grace_s: time that the videos in work then get.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._at_s = math.inf

    @property
    def is_asked(self) -> bool:
        return self._at_s < math.inf

    def ask(self) -> None:
        """Asks for it; the first time counts."""
        self._at_s = min(self._at_s, time.monotonic() + self._grace_s)

    def check(self, intake: Intake, in_work: int, tell: Callable[[Event], None]) -> None:
        """Empties *intake* once a stop is asked for.

        Raises:
            KeyboardInterrupt: nothing is in work any more, or the time is up.
        """
        if not self.is_asked:
            return
        if len(intake):
            intake.clear()
            left_s = max(self._at_s - time.monotonic(), 0)
            text = f"interrupted: no more videos are begun; the {in_work} in work have {left_s:.0f} s to end"
            tell(Event("stopping", text, level="warning"))
        if not in_work or time.monotonic() >= self._at_s:
            raise KeyboardInterrupt

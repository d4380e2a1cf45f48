"""Where shots begin, found while pictures are pushed in: cuts with PySceneDetect's detectors, flashes taken out, cuts
that flashes hide, gradual transitions, and jump cuts."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np

from pipeline.types import GRID_FPS
from pipeline.vision.jumps import JumpFinder
from pipeline.vision.structure import Structure, alike, grey, structure_of
from pipeline.vision.transitions import FLAT, TransitionFinder, difference, likeness, small, spread

WIDTH_PX = 256
"""Width of the copy that is looked at: PySceneDetect's own measure; pushed pictures it does not scale down itself."""

ADAPTIVE_THRESHOLD, CONTENT_THRESHOLD = 3.0, 27.0
"""PySceneDetect's own."""

MIN_SHOT_FRAMES = 5
"""A cut closer than this to the last one is none. A short limit: a missed cut joins two people into one track."""

FLASH_FRAMES = 6
"""Longest change of the picture that is no shot, whatever it shows. A reverse shot is longer."""

LIGHT_FRAMES = 10
"""Longest flash of light: at 1.25 Hz and more a strobe light is on, or off, no longer than this. Shots as short as this
have no tracks."""

SAME_SCENE = 0.7
"""Least correlation, or its negative, of two pictures of one scene in other light. Those of different scenes with
people at the same place come to half of it."""

ALIKE = 0.4
"""Largest difference of two pictures of one shot around a flash, as a share of the change where the flash begins."""

MIN_LIGHT_STEP = 5.0
"""Least change of the mean level from one frame to the next that is one of light, in grey levels: near it, the
structure of the pictures decides."""

OTHER_STRUCTURE, SAME_STRUCTURE = 0.45, 0.7
"""Likeness of the structure of pictures before and after, in changing light: where the greatest of all pairs is below
the first, there is a cut; above the second there is none. Chosen on the films that ``benchmarks.flashes`` composes with
``--people chosen``; the people and places of ``--people held-out`` are others."""

LAG_FRAMES = {"adaptive": 16, "content": 16}
"""By detector: the first frame *f* of a shot is known once frame ``f + lag`` has been pushed. The middle of a dissolve
of a second is told in time; that of a longer one is put later, as far back as the lag allows."""

WINDOW_FRAMES = 2
"""Frames on either side that the adaptive detector compares with: PySceneDetect's own."""


class ShotFinder:
    """The beginnings of shots, found in the pictures of one video as they come.

    Args:
        detector: of cuts: ``adaptive`` or ``content``.
        threshold: of that detector; None for PySceneDetect's own.
        gradual: whether dissolves, fades and wipes are looked for.
    """

    def __init__(self, detector: str, threshold: float | None = None, gradual: bool = True) -> None:
        if threshold is None:
            threshold = ADAPTIVE_THRESHOLD if detector == "adaptive" else CONTENT_THRESHOLD
        # PySceneDetect starts ffmpeg when it is imported, to see whether there is one: not at our import.
        from scenedetect import FrameTimecode
        from scenedetect.detector import FlashFilter
        from scenedetect.detectors import AdaptiveDetector, ContentDetector

        self._timecode = FrameTimecode
        # PySceneDetect's own filter of flashes goes by lengths alone: it would keep each flash's first side as a cut.
        if detector == "adaptive":
            self._detector = AdaptiveDetector(threshold, 1, window_width=WINDOW_FRAMES)
        else:
            self._detector = ContentDetector(threshold, 1, filter_mode=FlashFilter.Mode.SUPPRESS)

        self.lag = LAG_FRAMES[detector]
        self._gradual = TransitionFinder() if gradual else None
        self._jumps = JumpFinder()
        self._pictures: dict[int, np.ndarray] = {}
        self._greys: dict[int, np.ndarray] = {}
        self._structures: dict[int, Structure] = {}
        self._waiting: list[int] = []
        self._begin = 0

    def push(self, frame: int, picture: np.ndarray) -> list[int]:
        """Take the next picture and return the cuts that become known with it.

        Args:
            frame: grid number; consecutive from 0.
            picture: (H, W, 3) uint8 BGR.

        Returns:
            First frames of new shots, ascending.
        """
        height, width = picture.shape[:2]
        if width > WIDTH_PX:
            size = (WIDTH_PX, max(round(height * WIDTH_PX / width), 1))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        found = self._detector.process_frame(self._timecode(frame, float(GRID_FPS)), picture)
        self._waiting += [cut.frame_num for cut in found]
        self._pictures[frame], self._greys[frame] = small(picture), grey(picture)
        for held in (self._pictures, self._greys, self._structures):
            held.pop(frame - 2 * self.lag, None)
        self._look_in_flashes(frame - FLASH_FRAMES)
        cuts = self._settled(frame)
        middle = self._gradual.push(self._pictures[frame], self._begin) if self._gradual else None
        if middle is not None:
            cuts += self._begun(max(middle, frame - self.lag))
        jump = self._jumps.push(picture)
        if jump is not None and not self._light_changes(jump):
            cuts += self._begun(jump)
        return cuts

    def finish(self) -> list[int]:
        """Return the cuts that become known because no picture follows."""
        return self._settled(max(self._pictures, default=0) + LIGHT_FRAMES)

    def _settled(self, frame: int) -> list[int]:
        """Return the cuts that are old enough at *frame* to be told from a flash, and are none."""
        cuts: list[int] = []
        while self._waiting and self._waiting[0] + self._longest_flash(self._waiting[0]) <= frame:
            cut = self._waiting.pop(0)
            if not self._is_flash(cut):
                cuts += self._begun(cut)
        return cuts

    def _begun(self, cut: int) -> list[int]:
        if cut - self._begin < MIN_SHOT_FRAMES:
            return []
        self._begin = cut
        return [cut]

    def _look_in_flashes(self, cut: int) -> None:
        """Add *cut* to those that wait if the light changes round it and no picture after it shows what one before did.

        Bursts of flashes hide cuts from detectors that compare a frame with its neighbours.
        """
        if cut - 1 not in self._pictures or cut in self._waiting or not self._light_changes(cut):
            return
        if max(spread(self._pictures[cut - 1]), spread(self._pictures[cut])) <= FLAT:
            return
        likeness = self._likeness_across(cut, FLASH_FRAMES)
        if likeness is not None and likeness < OTHER_STRUCTURE:
            bisect.insort(self._waiting, cut)

    def _is_flash(self, cut: int) -> bool:
        """Return True where the shot goes on after *cut*: a picture a little later looks like one before it.

        In changing light their structure decides, where it is clear.
        """
        longest = self._longest_flash(cut)
        likeness = self._likeness_across(cut, longest) if self._light_changes(cut) else None
        if likeness is not None and not OTHER_STRUCTURE <= likeness <= SAME_STRUCTURE:
            return likeness > SAME_STRUCTURE
        most = ALIKE * difference(self._pictures[cut - 1], self._pictures[cut])
        return any(difference(self._pictures[a], self._pictures[b]) < most for a, b in self._pairs(cut, longest))

    def _likeness_across(self, cut: int, longest: int) -> float | None:
        """Return the greatest likeness of the structure of a picture before *cut* and one after it; None where they
        show nothing."""
        pairs = ((self._structure(a), self._structure(b)) for a, b in self._pairs(cut, longest))
        return max((alike(a, b) for a, b in pairs if not (a.is_flat or b.is_flat)), default=None)

    def _structure(self, frame: int) -> Structure:
        if frame not in self._structures:
            self._structures[frame] = structure_of(self._greys[frame])
        return self._structures[frame]

    def _pairs(self, cut: int, longest: int) -> Iterator[tuple[int, int]]:
        """Yield the pictures before and after *cut* between which a flash of *longest* frames may lie."""
        last = max(self._pictures)
        for before in range(max(cut - longest - 1, self._begin, min(self._pictures)), cut):
            for after in range(cut, min(before + longest + 1, last) + 1):
                yield before, after

    def _light_changes(self, cut: int) -> bool:
        """Return True where the mean level jumps on some frame near *cut*."""
        near = range(max(cut - FLASH_FRAMES, min(self._pictures)), min(cut + FLASH_FRAMES, max(self._pictures)) + 1)
        levels = [float(self._pictures[frame].mean()) for frame in near]
        return any(abs(after - before) >= MIN_LIGHT_STEP for before, after in pairwise(levels))

    def _longest_flash(self, cut: int) -> int:
        """Return the frames that a flash which begins or ends with *cut* may take: more where the light alone changes
        there, or one of the two pictures has but one colour."""
        last, first = self._pictures[cut - 1], self._pictures[cut]
        is_light = min(spread(last), spread(first)) <= FLAT or abs(likeness(last, first)) >= SAME_SCENE
        return LIGHT_FRAMES if is_light else FLASH_FRAMES

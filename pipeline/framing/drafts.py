"""Runs before they have a camera: their mode, the faces they show, the height of their windows, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.framing.options import FramingOptions
from pipeline.framing.people import HOLD_FRAMES, Shot, ShotPerson
from pipeline.framing.plan import Mode, Tier
from pipeline.framing.turns import PersonTurn
from pipeline.framing.who import Stretch
from pipeline.framing.windows import WindowShape, is_larger_than_window, window_height
from pipeline.types import GRID_FPS

NO_FACE = f"no face is in view, nor was one within {HOLD_FRAMES / GRID_FPS:.1f} s"

PANELS = 2
"""Panels of a split picture."""

SAME_SHAPE = 0.02
"""Difference of the shapes of the source and the upright video up to which they are the same."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A run without its camera."""

    first: int
    """First grid frame."""
    stop: int
    mode: Mode
    persons: tuple[int, ...]
    boxes_px: tuple[np.ndarray, ...]
    """(n, 4) float64 box of each person on each frame."""
    heights: tuple[float, ...]
    """Height of the windows of each panel."""
    tier: Tier
    speaker: int | None
    reason: str
    opens_shot: bool
    """It begins with a shot."""


@dataclass(frozen=True, slots=True)
class Drafter:
    """Makes drafts of the stretches of a video."""

    shape: WindowShape
    """Windows of the whole upright picture."""
    options: FramingOptions
    speakers: Mapping[int, int]
    """Number of the speaker that each person is."""
    tier_of_model: Tier

    @property
    def is_upright(self) -> bool:
        """Return True where the source has the shape of the upright video: it is shown whole."""
        x1, y1, x2, y2 = self.shape.content_px
        return abs((x2 - x1) / (y2 - y1) / self.shape.aspect - 1) <= SAME_SHAPE

    @property
    def panel_shape(self) -> WindowShape:
        """Return the windows of a panel of a split picture."""
        width, height = self.shape.panel_px
        return WindowShape(self.shape.content_px, (width, height // PANELS))

    def drafts(self, shot: Shot, stretches: Sequence[Stretch], turns: Sequence[PersonTurn]) -> list[Draft]:
        """Return the drafts of the stretches of a shot.

        Args:
            shot: the shot.
            stretches: framings and their frames, in order.
            turns: turns of persons in the shot.
        """
        followed = {each.state.persons[0] for each in stretches if each.state.mode == "follow"}
        windows = {person: self._window(shot.of(person)) for person in followed}
        return [self._draft(shot, stretch, turns, windows) for stretch in stretches]

    def _window(self, person: ShotPerson) -> float | None:
        """Return the height of the windows that follow a person in a shot; None where the face fits into none."""
        boxes = person.box_px[person.seen]
        if is_larger_than_window(boxes, self.shape) and self.options.fallback != "centre":
            return None
        return window_height([boxes], self.shape, self._least_face, self.options.max_enlarged)

    @property
    def _least_face(self) -> float:
        return 0.0 if self.is_upright else self.options.camera.least_face

    def _draft(
        self, shot: Shot, stretch: Stretch, turns: Sequence[PersonTurn], windows: Mapping[int, float | None]
    ) -> Draft:
        first, stop = shot.first + stretch.first, shot.first + stretch.stop
        persons = stretch.state.persons
        spoken = _spoken(turns, persons, shot.first, shot.stop)
        here = _spoken(turns, persons, first, stop)
        foremost = max(persons, key=lambda person: (here.get(person, 0), spoken.get(person, 0)), default=None)
        speaker = self.speakers.get(foremost) if foremost is not None and foremost in spoken else None
        tier: Tier = "none" if not persons else self.tier_of_model if spoken else "largest face"
        mode, heights, reason = self._framing(shot, stretch, speaker, here, windows)
        boxes = tuple(shot.of(person).box_px[stretch.first : stretch.stop] for person in persons)
        return Draft(first, stop, mode, persons, boxes, heights, tier, speaker, reason, not stretch.first)

    def _framing(
        self,
        shot: Shot,
        stretch: Stretch,
        speaker: int | None,
        here: Mapping[int, int],
        windows: Mapping[int, float | None],
    ) -> tuple[Mode, tuple[float, ...], str]:
        """Return mode, heights of windows and reason."""
        state, shape = stretch.state, self.shape
        if state.mode == "nobody":
            reason = NO_FACE if shot.people else "no face is in view in this shot"
            if self.options.fallback == "centre":
                return "centre", (shape.max_height,), reason
            return "wide", (), reason
        people = [shot.of(person) for person in state.persons]
        if state.mode == "follow":
            person = people[0]
            if speaker is None:
                who = "nobody in view speaks: the largest face" if not here else "this face speaks"
                who = "the only face in view" if len(shot.people) == 1 and not here else who
            else:
                who = f"speaker {speaker} speaks" if here else f"speaker {speaker} is the nearest to speak"
            if person.inset:
                who += ", in a picture within the picture"
            height = windows[person.person]
            if height is None:
                return "wide", (), f"{who}; the face is larger than an upright window"
            return "follow", (height,), who
        share, enlarged = self._least_face, self.options.max_enlarged
        names = " and ".join(str(self.speakers.get(each.person, "?")) for each in people)
        frames = slice(stretch.first, stretch.stop)
        boxes = [each.box_px[frames] for each in people]
        if state.mode == "pair":
            height = window_height(boxes, shape, share, enlarged)
            return "pair", (height,), f"speakers {names} fit into one window; {state.why}"
        panel = self.panel_shape
        middles = [(each[:, 0] + each[:, 2]) / 2 for each in boxes]
        apart = float(np.median(np.abs(middles[1] - middles[0])))
        heights = []
        for own, other in (boxes, boxes[::-1]):
            half = float(np.median(other[:, 2] - other[:, 0])) / 2
            limit = 2 * max(apart - half, 0.0) / panel.aspect
            heights.append(window_height([own], panel, PANELS * share, enlarged, limit))
        return "split", tuple(heights), f"speakers {names} do not fit into one window; {state.why}"


def _spoken(turns: Sequence[PersonTurn], persons: Sequence[int], first: int, stop: int) -> dict[int, int]:
    """Return for how many of frames ``[first, stop)`` each of *persons* speaks; those who do not are left out."""
    found: dict[int, int] = {}
    for turn in turns:
        frames = min(turn.stop, stop) - max(turn.first, first)
        if turn.person in persons and frames > 0:
            found[turn.person] = found.get(turn.person, 0) + frames
    return found

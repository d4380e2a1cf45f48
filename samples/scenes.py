"""The sample videos: script, cast and camera. Everything else follows from this."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from samples.face import View
from samples.speech import Voice

VOICES = {
    "astronaut": Voice("en-us+f3", words_per_minute=160, pitch=55),
    "admiral": Voice("gmw/en+f4", words_per_minute=150, pitch=32),
}

LEAD_S = 0.6
"""Silence before the first turn."""
TAIL_S = 0.7
"""Least silence after the last turn."""


@dataclass(frozen=True, slots=True)
class Line:
    """Sentence of the script."""

    person: str
    text: str
    pause_s: float = 0.7
    """Silence before it; ignored for the first."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Change of the camera's view."""

    view: str
    """Key of :attr:`Scene.views`."""
    line: int
    """Number of the line that the cut refers to."""
    after_s: float
    """Seconds after the start of that line; negative before it. The next frame boundary is taken."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Part of a picture that shows one person."""

    person: str
    left_px: int
    """Left edge in the picture; panels are as high as the picture."""
    view: View


@dataclass(frozen=True, slots=True)
class Scene:
    """Sample video."""

    name: str
    """Stem of its files."""
    rate: Fraction
    """Frames a second."""
    size: tuple[int, int]
    """Width and height."""
    audio_rate_hz: int
    audio_channels: int
    sound_from_s: float
    """Start of the sound track, seconds after the first frame."""
    lines: tuple[Line, ...]
    cuts: tuple[Cut, ...]
    """Cuts in order of time; the first is the view of the first frame, whatever its time."""
    views: dict[str, tuple[Panel, ...]]
    """Panels of each view, by its name."""
    seed: int

    @property
    def people(self) -> tuple[str, ...]:
        """Return everybody who can be seen, in alphabetical order."""
        return tuple(sorted({panel.person for panels in self.views.values() for panel in panels}))


_VIEWS = {
    "two_shot": (
        Panel("astronaut", 0, View(1.3, (224, 140), (320, 360))),
        Panel("admiral", 320, View(0.68, (265, 285), (320, 360))),
    ),
    "close_up_astronaut": (Panel("astronaut", 0, View(1.9, (225, 113), (640, 360))),),
    "close_up_admiral": (Panel("admiral", 0, View(1.26, (256, 215), (640, 360))),),
}

TWO_SHOT = Scene(
    name="two_shot",
    rate=Fraction(25),
    size=(640, 360),
    audio_rate_hz=48_000,
    audio_channels=1,
    sound_from_s=0.0,
    lines=(
        Line("astronaut", "Good morning, the sky is clear and the wind is calm."),
        Line("admiral", "The harbour is quiet too, and every ship is ready."),
        Line("astronaut", "From up here you can see the whole coast and both islands.", pause_s=0.8),
        Line("admiral", "Then please tell me where the morning fog will go.", pause_s=0.6),
        Line("astronaut", "It moves to the north and is gone by noon.", pause_s=0.9),
        Line("admiral", "Thank you, that is all we need to know today."),
    ),
    cuts=(Cut("two_shot", 0, 0.0),),
    views={"two_shot": _VIEWS["two_shot"]},
    seed=11,
)

CUTS = Scene(
    name="cuts",
    rate=Fraction(30000, 1001),
    size=(640, 360),
    audio_rate_hz=44_100,
    audio_channels=2,
    sound_from_s=0.0,
    lines=(
        Line("admiral", "We have twenty minutes before the boats come in."),
        Line("astronaut", "Good, that leaves time for one story about the moon."),
        Line("admiral", "I like stories, but please keep the numbers small.", pause_s=0.6),
        Line("astronaut", "Six people went up, and six came back with dust on their boots.", pause_s=0.8),
        Line("astronaut", "It got into everything, even the sandwiches and the maps."),
        Line("admiral", "Now that is a number which I can remember.", pause_s=0.9),
    ),
    cuts=(
        Cut("two_shot", 0, 0.0),
        Cut("close_up_astronaut", 1, -0.3),
        Cut("close_up_admiral", 2, -0.25),
        Cut("close_up_astronaut", 2, 2.5),  # the listener, while the admiral ends her sentence
        Cut("two_shot", 3, -0.3),
        Cut("close_up_admiral", 4, -0.35),  # the listener, through a whole sentence
        Cut("two_shot", 5, -0.4),
    ),
    views=_VIEWS,
    seed=22,
)

LATE_SOUND = Scene(
    name="late_sound",
    rate=Fraction(24),
    size=(480, 360),
    audio_rate_hz=32_000,
    audio_channels=1,
    sound_from_s=0.4,
    lines=(
        Line("admiral", "The picture starts first, and the sound follows later."),
        Line("admiral", "Both of them must still agree about every word."),
    ),
    cuts=(Cut("close_up_admiral", 0, 0.0),),
    views={"close_up_admiral": (Panel("admiral", 0, View(1.1, (262, 225), (480, 360))),)},
    seed=33,
)

SCENES = {scene.name: scene for scene in (TWO_SHOT, CUTS, LATE_SOUND)}

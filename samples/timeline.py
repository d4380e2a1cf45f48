"""Scene laid out in time: turns, cuts, and the pose of each face in each frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from samples.face import Pose
from samples.motion import blinks, sway
from samples.mouth import mouth_movement
from samples.scenes import LEAD_S, TAIL_S, VOICES, Scene
from samples.speech import Sound, Utterance, speak


@dataclass(frozen=True, slots=True)
class Turn:
    """Sentence by one person, in seconds after the first frame."""

    person: str
    text: str
    start_s: float
    utterance: Utterance

    @property
    def end_s(self) -> float:
        return self.start_s + self.utterance.duration_s

    @property
    def words(self) -> tuple[Sound, ...]:
        return shifted(self.utterance.words, self.start_s)

    @property
    def phonemes(self) -> tuple[Sound, ...]:
        return shifted(self.utterance.phonemes, self.start_s)


@dataclass(frozen=True, slots=True)
class Shot:
    """View that the camera holds, from one cut to the next."""

    view: str
    first_frame: int
    stop_frame: int
    """Frames of the video itself, not of the 25 fps grid."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Scene in time."""

    scene: Scene
    frame_count: int
    turns: tuple[Turn, ...]
    shots: tuple[Shot, ...]
    poses: dict[str, tuple[Pose, ...]]
    """Poses of each person's face in each frame, seen or not."""

    @property
    def duration_s(self) -> Fraction:
        return self.frame_count / self.scene.rate

    def shot_at(self, frame: int) -> Shot:
        """Return the shot that *frame* belongs to."""
        return next(shot for shot in self.shots if shot.first_frame <= frame < shot.stop_frame)


def shifted(sounds: tuple[Sound, ...], by_s: float) -> tuple[Sound, ...]:
    """Return the same sounds, later by *by_s*."""
    return tuple(Sound(sound.text, sound.start_s + by_s, sound.end_s + by_s) for sound in sounds)


def lay_out(scene: Scene) -> Timeline:
    """Lay the scene out in time; raise the errors of :func:`samples.speech.speak`."""
    turns: list[Turn] = []
    utterances = speak([(VOICES[line.person], line.text) for line in scene.lines])
    for line, utterance in zip(scene.lines, utterances, strict=True):
        start_s = round(turns[-1].end_s + line.pause_s, 3) if turns else LEAD_S
        turns.append(Turn(line.person, line.text, start_s, utterance))
    frame_count = math.ceil((turns[-1].end_s + TAIL_S) * scene.rate)
    poses = {person: _poses(scene, person, turns, frame_count) for person in scene.people}
    return Timeline(scene, frame_count, tuple(turns), _shots(scene, turns, frame_count), poses)


def _shots(scene: Scene, turns: list[Turn], frame_count: int) -> tuple[Shot, ...]:
    starts = [math.ceil((turns[cut.line].start_s + cut.after_s) * scene.rate) for cut in scene.cuts]
    starts[0] = 0
    stops = [*starts[1:], frame_count]
    return tuple(Shot(cut.view, *span) for cut, *span in zip(scene.cuts, starts, stops, strict=True))


def _poses(scene: Scene, person: str, turns: list[Turn], frame_count: int) -> tuple[Pose, ...]:
    """Return the pose of one face in each frame: that in the middle of the time for which the frame is shown."""
    times_s = (np.arange(frame_count) + 0.5) / float(scene.rate)
    seed = 100 * scene.seed + scene.people.index(person)
    right, down, roll_deg, idle = sway(seed, times_s).T
    blink = blinks(seed, times_s)
    said = [sound for turn in turns if turn.person == person for sound in turn.phonemes]
    opening, spread = mouth_movement(said, times_s).T
    spread = (spread + idle).clip(-1, 1)
    rows = np.stack([opening, spread, blink, right, down, roll_deg], axis=1)
    return tuple(Pose(*(float(value) for value in row)) for row in rows)

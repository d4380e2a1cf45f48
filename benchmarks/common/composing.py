"""Conversations with exact truth, composed of real talking heads side by side.

One head at a time plays with its sound. Its neighbour is a listener, made from its own longest silent stretch played
back and forth; or, in the harder case, goes on talking without its sound: both mouths move and one sound plays. In a
third case both listen, and the sound is that of a head that is not in view. In a fourth both talk, and both are heard.

`write` makes a video, and says who speaks when (``.rttm``) and where (``.truth.json``). The words to attribute, in
``transcripts/``, are stretches of speech of 0.3 s, for nobody has written down what is said.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from benchmarks.common.heads import HEAD_PX, Head
from benchmarks.common.transcripts import transcript_of
from pipeline.attribution.faces import runs_of
from pipeline.media.encode import write_clip
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS, SAMPLES_PER_FRAME

SHORTEST_SILENCE = 15
"""Frames of silence that make a listener."""

SPAN_FRAMES = (40, 125)
"""Shortest and longest turn: 1.6 to 5 s."""

MIN_SPOKEN = 0.6
"""Share of a turn's frames on which there is speech."""

MAX_TURNS = 2
"""Turns of each speaker in one conversation."""

WORD_FRAMES = 8
"""Frames of a stretch that stands for a word: 0.32 s, a usual length."""

Case = Literal["listening", "talking", "off-screen", "overlap"]
"""Behaviour of heads without sound: they listen, or talk on; ``off-screen``: both listen to somebody else. With
``overlap`` there are none: both talk at once, and their sounds are mixed."""

CASES: tuple[Case, ...] = get_args(Case)


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of one head, played with its sound."""

    head: Head
    place: int | None
    """0 for the head on the left, 1 for the one on the right, None for one that is only heard."""
    first: int
    """First frame of it in the head's own video."""
    stop: int
    """Frame after its last."""
    other: int | None = None
    """First frame of what the other head in view says at the same time, and is heard to say; None where it does not."""

    @property
    def samples(self) -> slice:
        """Its part of the head's sound."""
        return _samples(self.first, self.stop)


def _samples(first: int, stop: int) -> slice:
    return slice(first * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Two heads and their turns."""

    heads: tuple[Head, Head]
    turns: tuple[Turn, ...]
    case: Case

    @property
    def name(self) -> str:
        return "__".join(head.name for head in self.people)

    @property
    def people(self) -> list[Head]:
        """Heads from left to right, then the one that is only heard."""
        unseen = {turn.head.name: turn.head for turn in self.turns if turn.place is None}
        return [*self.heads, *unseen.values()]

    @property
    def frame_count(self) -> int:
        return sum(turn.stop - turn.first for turn in self.turns)

    def pictures(self) -> Iterator[np.ndarray]:
        """Yield every frame, (HEAD_PX, 2 * HEAD_PX, 3) uint8."""
        for turn in self.turns:
            frames = [
                np.arange(turn.first, turn.stop) if place == turn.place else self._neighbour_frames(head, turn)
                for place, head in enumerate(self.heads)
            ]
            for left, right in zip(*frames, strict=True):
                yield np.concatenate([self.heads[0].pictures[left], self.heads[1].pictures[right]], axis=1)

    def sound(self) -> np.ndarray:
        """Return (frame_count * 640,) int16 samples; those of two voices are added, each at its own level."""
        parts = []
        for turn in self.turns:
            part = turn.head.sound[turn.samples].astype(np.int32)
            if turn.other is not None:
                part += self._other(turn).sound[_samples(turn.other, turn.other + turn.stop - turn.first)]
            parts.append(np.clip(part, -32768, 32767).astype(np.int16))
        return np.concatenate(parts)

    def spoken(self) -> list[tuple[Head, int, int]]:
        """Return speaker, first frame and the frame after the last of every stretch of speech, in order."""
        runs, at = [], 0
        for turn in self.turns:
            count = turn.stop - turn.first
            said = [(turn.head, turn.first)] if turn.other is None else [(turn.head, turn.first), self._said(turn)]
            for head, begin in said:
                runs += [(head, first + at, stop + at) for first, stop in runs_of(head.spoken[begin : begin + count])]
            at += count
        return sorted(runs, key=lambda run: run[1:])

    def _other(self, turn: Turn) -> Head:
        assert turn.place is not None
        return self.heads[1 - turn.place]

    def _said(self, turn: Turn) -> tuple[Head, int]:
        assert turn.other is not None
        return self._other(turn), turn.other

    def _neighbour_frames(self, head: Head, turn: Turn) -> np.ndarray:
        """Return the frames of *head*, which is not the turn's, during the turn."""
        count = turn.stop - turn.first
        if turn.other is not None:
            return np.arange(turn.other, turn.other + count)
        return _neighbour_frames(head, count, self.case)


def compose(heads: Sequence[Head], case: Case) -> list[Conversation]:
    """Compose a conversation of every two heads that have turns for one.

    A head listens where it has a silent stretch that is long enough; where it has none, it only speaks. The spans that
    are played depend on the names of the heads alone.
    """
    conversations = []
    for left, right in itertools.combinations(heads, 2):
        rng = np.random.default_rng(zlib.crc32(f"{left.name} {right.name}".encode()))
        if case == "off-screen":
            others = [head for head in heads if head not in (left, right)]
            voice = others[int(rng.integers(len(others)))]
            rows = [_turns(voice, None, rng) if _can_listen(left) and _can_listen(right) else []]
        elif case == "overlap":
            rows = [_together(left, right, rng)]
        else:
            rows = [
                _turns(head, place, rng) if case == "talking" or _can_listen(other) else []
                for place, (head, other) in enumerate(((left, right), (right, left)))
            ]
        turns = tuple(turn for both in itertools.zip_longest(*rows) for turn in both if turn is not None)
        if turns:
            conversations.append(Conversation((left, right), turns, case))
    return conversations


def write(conversation: Conversation, folder: Path) -> None:
    """Write the video of *conversation*, its truth and its transcript into *folder*."""
    (folder / "transcripts").mkdir(parents=True, exist_ok=True)
    name = conversation.name
    write_clip(
        folder / f"{name}.mp4",
        conversation.pictures(),
        size_px=(2 * HEAD_PX, HEAD_PX),
        rate=Fraction(GRID_FPS),
        sound=conversation.sound()[:, None],
        sound_rate_hz=AUDIO_RATE_HZ,
        crf=12,
        preset="veryfast",
    )
    spoken = conversation.spoken()
    lines = [
        f"SPEAKER {name} 1 {first / GRID_FPS:.2f} {(stop - first) / GRID_FPS:.2f} <NA> <NA> {head.name} <NA> <NA>"
        for head, first, stop in spoken
    ]
    (folder / f"{name}.rttm").write_text("\n".join([*lines, ""]))
    cells = [[0, 0, HEAD_PX, HEAD_PX], [HEAD_PX, 0, 2 * HEAD_PX, HEAD_PX], None]
    boxes = {
        head.name: [cell] * conversation.frame_count for head, cell in zip(conversation.people, cells, strict=False)
    }
    truth = {"video": f"{name}.mp4", "boxes": {"grid_fps": GRID_FPS, **boxes}}
    (folder / f"{name}.truth.json").write_text(json.dumps(truth))
    segments = [_segment(first, stop) for _, first, stop in spoken]
    (folder / "transcripts" / f"{name}.json").write_text(json.dumps(transcript_of(segments)))


def _segment(first: int, stop: int) -> dict[str, Any]:
    """Return a stretch of speech as a segment in Whisper's shape, cut into words of about ``WORD_FRAMES``."""
    count = max(round((stop - first) / WORD_FRAMES), 1)
    edges = np.round(np.linspace(first, stop, count + 1)) / GRID_FPS
    words = [
        {"word": " word", "start": start, "end": end, "probability": 1.0}
        for start, end in itertools.pairwise(edges.tolist())
    ]
    return {"start": first / GRID_FPS, "end": stop / GRID_FPS, "text": " word" * count, "words": words}


def _can_listen(head: Head) -> bool:
    first, stop = head.silence()
    return stop - first >= SHORTEST_SILENCE


def _neighbour_frames(head: Head, count: int, case: Case) -> np.ndarray:
    """Return (count,) frames of a head without sound: its silence, or its longest run of speech, back and forth."""
    if case == "talking":
        first, stop = max(runs_of(head.spoken), key=lambda run: run[1] - run[0])
    else:
        first, stop = head.silence()
    there = np.arange(first, stop)
    return np.resize(np.concatenate([there, there[-2:0:-1]]), count)


def _turns(head: Head, place: int | None, rng: np.random.Generator) -> list[Turn]:
    """Draw up to ``MAX_TURNS`` spans of the head's video in which it speaks most of the time."""
    shortest, longest = SPAN_FRAMES
    spoken = np.concatenate([[0], np.cumsum(head.spoken)])
    spans: list[tuple[int, int]] = []
    for _ in range(MAX_TURNS):
        length = int(rng.integers(shortest, min(longest, len(head)) + 1))
        starts = [
            first
            for first in range(len(head) - length + 1)
            if spoken[first + length] - spoken[first] >= MIN_SPOKEN * length
            and all(first + length <= start or first >= stop for start, stop in spans)
        ]
        if starts:
            first = starts[int(rng.integers(len(starts)))]
            spans.append((first, first + length))
    return [Turn(head, place, first, stop) for first, stop in sorted(spans)]


def _together(left: Head, right: Head, rng: np.random.Generator) -> list[Turn]:
    """Draw the turns of two heads that talk at once: the turns of each, as long as the shorter of the two."""
    found = []
    for one, other in zip(_turns(left, 0, rng), _turns(right, 1, rng), strict=False):
        count = min(one.stop - one.first, other.stop - other.first)
        found.append(replace(one, stop=one.first + count, other=other.first))
    return found

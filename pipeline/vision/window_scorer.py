"""Speaker scores while a video goes on: each frame of a track from the crops and the sound of the last seconds.

The same network reads the same crops as in `BlockScorer`. There a frame is scored with up to 60 s around it; here with
the window that ends at most a stated look-ahead after it. With a window and a look-ahead that cover the whole track the
scores are those of `BlockScorer` for tracks of up to 60 s, and for longer ones of one person with the networks, which
score in blocks of 60 s whatever they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.types import GRID_FPS
from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.logits import TrackLogits
from pipeline.vision.memory import HalvedBatches
from pipeline.vision.persons import PersonPart
from talknet import SpeakerScorer
from talknet.features import ReadSamples, mfcc_for_frames

WINDOW_FRAMES = 2 * GRID_FPS
"""Frames that a frame is scored from, itself among them. On 560 frames of three clips, LR-ASD, five frames at a time
without look-ahead: the sign was that of the blocks on 89 % of the frames, on 98 % of those whose logit in blocks was
beyond 1, and the median difference 0.57; with 25 frames that was 86 %, 95 % and 0.67."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Frames that one pass over a window scores."""

    key: int
    frames: tuple[int, int]
    """First frame that is scored, and the frame after the last."""
    window: tuple[int, int]
    """First frame of the window, and the frame after its last."""


class WindowScorer:
    """`CropConsumer` that scores a frame as soon as its look-ahead is there.

    A frame's score depends on the track alone, not on how many frames come at a time. It is final: no later frame
    changes it. What is held of a track is the crops of one window, its look-ahead and one step.

    One pass of the network over a window gives the scores of *step_frames* frames, so a frame costs
    ``window_frames / step_frames`` times as much as in a block. All frames of a step share the window that ends
    *look_ahead_frames* after the last of them: the others see up to ``step_frames - 1`` frames more of what follows.

    Args:
        scorer: speaker model.
        read: gives the samples of the sound. That of a frame is asked for to 15 ms after its end.
        window_frames: frames from the first of the window to the end of the step; at least *step_frames*.
        look_ahead_frames: frames after the step that the window takes in. A track's last frames are scored without
            waiting for those that never come.
        step_frames: frames scored in one pass, counted from the beginning of the track.
        on_scores: called with the key of a track, the first frame and the (T,) float32 logits of its next frames.
        halved: counts how often the model halves its batch.
    """

    def __init__(
        self,
        scorer: SpeakerScorer,
        read: ReadSamples,
        window_frames: int = WINDOW_FRAMES,
        look_ahead_frames: int = 0,
        step_frames: int = 1,
        on_scores: Callable[[int, int, np.ndarray], None] = lambda *_: None,
        halved: HalvedBatches | None = None,
    ) -> None:
        if not (look_ahead_frames >= 0 and 1 <= step_frames <= window_frames):
            asked = f"{window_frames}, {look_ahead_frames} and {step_frames}"
            raise ValueError(f"WindowScorer: expected window >= step >= 1 and look-ahead >= 0 frames, got {asked}")
        self._scorer, self._read, self._halved = scorer, read, halved or HalvedBatches()
        self._window, self._ahead, self._step = window_frames, look_ahead_frames, step_frames
        self._on_scores = on_scores
        self._held: dict[int, _Held] = {}
        self._logits = TrackLogits()

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        """Score the frames whose look-ahead has come, in one call."""
        pieces: list[_Piece] = []
        for track in tracks:
            held = self._take(track)
            steps = max(held.stop - self._ahead - held.begin, 0) // self._step
            pieces += self._pieces(track.key, held, held.begin, held.begin + steps * self._step, held.stop)
        self._score(pieces)
        for track in tracks:
            self._held[track.key].let_go(self._window)

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        """Score the frames that are left; no window crosses from one person of a track to the next."""
        pieces: list[_Piece] = []
        for track in tracks:
            held = self._take(track)
            for stretch in track.stretches:
                pieces += self._pieces(track.key, held, stretch.first_frame, stretch.stop_frame, stretch.stop_frame)
        self._score(pieces)
        for track in tracks:
            del self._held[track.key]
            if not track.stretches:
                self._logits.forget(track.key)

    def logits(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """Return the (M,) float32 logits of the rows of a table that is made of *parts* of ended tracks."""
        return self._logits.rows(parts)

    def _take(self, track: GrowingTrack | EndedTrack) -> _Held:
        held = self._held.setdefault(track.key, _Held(track.first_frame, track.first_frame, track.first_frame))
        held.crops.extend(track.crops)
        return held

    def _pieces(self, key: int, held: _Held, begin: int, end: int, known: int) -> list[_Piece]:
        """Return what is still to be scored of the frames ``[begin, end)``, with windows inside ``[begin, known)``."""
        pieces: list[_Piece] = []
        first = max(held.next_unscored, begin)
        while first < end:
            steps = (first - held.begin) // self._step + 1
            stop = min(held.begin + steps * self._step, end)
            window = max(stop - self._window, begin, held.first), min(stop + self._ahead, known)
            if pieces and pieces[-1].window == window:
                first = pieces.pop().frames[0]
            pieces.append(_Piece(key, (first, stop), window))
            first = stop
        return pieces

    def _score(self, pieces: Sequence[_Piece]) -> None:
        if not pieces:
            return
        stacks = {key: np.stack(self._held[key].crops) for key in dict.fromkeys(piece.key for piece in pieces)}
        pairs = []
        for piece in pieces:
            (first, stop), begin = piece.window, self._held[piece.key].first
            crops = stacks[piece.key][first - begin : stop - begin]
            pairs.append((crops, mfcc_for_frames(self._read, first, stop - first)))
        with self._halved.noting("speaker model", self._scorer):
            scored = self._scorer.score_tracks(pairs)
        for piece, logits in zip(pieces, scored, strict=True):
            first, stop = piece.frames
            found = logits[first - piece.window[0] : stop - piece.window[0]]
            self._held[piece.key].next_unscored = stop
            self._logits.add(piece.key, first, found)
            self._on_scores(piece.key, first, found)


@dataclass(slots=True)
class _Held:
    """The crops of a track that a later window may need."""

    begin: int
    """First frame of the track."""
    first: int
    """First frame whose crop is held."""
    next_unscored: int
    crops: list[np.ndarray] = field(default_factory=list)

    @property
    def stop(self) -> int:
        """The frame after the last whose crop is held."""
        return self.first + len(self.crops)

    def let_go(self, window_frames: int) -> None:
        """Drop the crops before every window that is still to come."""
        gone = max(self.next_unscored + 1 - window_frames - self.first, 0)
        self.crops, self.first = self.crops[gone:], self.first + gone

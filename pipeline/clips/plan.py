"""Plans of clips: the sentences that become one, the picture of each, and the reason why the others get none."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from config import Config
from pipeline.attribution.faces import Faces, frames_of, runs_of
from pipeline.attribution.picture import outside_picture
from pipeline.attribution.sentences import measured, shares_of
from pipeline.clips.spans import clip_spans
from pipeline.framing.camera import Camera
from pipeline.framing.clock import GRID_RATE, clip_rate
from pipeline.framing.gaps import longest_part
from pipeline.types import (
    GRID_FPS,
    TOO_SHORT,
    TOO_SMALL,
    UNCERTAIN_SPEAKER,
    AttributedWord,
    ClipPlan,
    DroppedSentence,
    Sentence,
)

NEAR_FRAMES = 10 * GRID_FPS
"""Seconds around a sentence in which other tracks of its speaker are looked for: as far as the calmest camera looks."""

Plan = ClipPlan | DroppedSentence


def plan_clips(
    sentences: Sequence[Sentence],
    faces: Faces,
    picture_px: tuple[int, int],
    config: Config,
    source_rate: Fraction = GRID_RATE,
) -> tuple[Plan, ...]:
    """Plan a clip for every sentence, in order, or give the reason why it gets none.

    Args:
        sentences: all of the video, in order of speech.
        faces: the tracks of the video.
        picture_px: width and height of its picture.
        config: thresholds, and how clips look.
        source_rate: average frames a second of the source.
    """
    tracks = faces.tracks
    rate = clip_rate(source_rate, config.CLIP_FPS)
    planner = _Planner(faces, tracks.persons, Camera.of(config, picture_px, rate), config)
    padding_s = config.CLIP_PADDING_S
    spans = clip_spans(sentences, tracks.shot_starts, tracks.frame_count, padding_s, rate, tracks.first_frame)
    return tuple(planner.plan(i, *each) for i, each in enumerate(zip(sentences, spans, strict=True)))


@dataclass(frozen=True, slots=True)
class _Planner:
    """Values shared by all sentences of a video."""

    faces: Faces
    persons: Mapping[int, int]
    camera: Camera
    config: Config

    def plan(self, index: int, sentence: Sentence, span: tuple[int, int]) -> Plan:
        speaking = self._tracks_of(sentence)
        seen = _seen(self.faces, speaking, *frames_of(sentence.start_s, sentence.end_s))
        if sentence.track is not None:
            sentence = dataclasses.replace(sentence, coverage=float(seen.mean()))
        reason = why_dropped(sentence, self.faces, self.config)
        if reason is None and span[0] >= span[1]:
            reason = "outside_picture", "the picture ends before its first frame"
        if reason is not None:
            return DroppedSentence(index, sentence, *reason)
        windows, covered = self.camera.windows(self.faces.tracks, speaking, *span)
        if self.config.GAP == "wide" or covered.all():
            gap = "none" if covered.all() else "wide"
            return self._clip(index, sentence, speaking, span[0], windows, covered, gap)
        if self.config.GAP == "skip":
            return self._skipped(index, sentence, speaking, span[0], windows, covered, seen)
        return self._trimmed(index, sentence, speaking, span[0], windows, covered)

    def _clip(
        self,
        index: int,
        sentence: Sentence,
        speaking: Sequence[int],
        first: int,
        windows: np.ndarray,
        covered: np.ndarray,
        gap: Literal["none", "wide", "trim"],
        words_outside: tuple[AttributedWord, ...] = (),
    ) -> ClipPlan:
        stop = first + len(windows)
        return ClipPlan(
            index=index,
            sentence=sentence,
            first_frame=first,
            window_px=windows,
            style=self.camera.style,
            covered=covered,
            size_px=self.camera.size_px,
            rate=self.camera.rate,
            tracks=self._in_view(speaking, first, stop),
            gap=gap,
            words_outside=words_outside,
            cuts=self.camera.open_cuts(self.faces.tracks.shot_starts, first, stop),
        )

    def _skipped(
        self,
        index: int,
        sentence: Sentence,
        speaking: Sequence[int],
        first: int,
        windows: np.ndarray,
        covered: np.ndarray,
        seen: np.ndarray,
    ) -> Plan:
        """Drop the sentence; where only the silence around it lacks the face, shorten that silence instead."""
        middle_s = (sentence.start_s + sentence.end_s) / 2
        middle = min(max(int(middle_s * float(self.camera.rate)) - first, 0), len(covered) - 1)
        around = [run for run in runs_of(covered) if run[0] <= middle < run[1]]
        if not seen.all() or not around:
            missing_s = max(int((~seen).sum()), 1) / GRID_FPS
            message = f"the face is not in view for {missing_s:.2f} s of it, and GAP is skip"
            return DroppedSentence(index, sentence, "face_gap", message)
        begin, end = around[0]
        return self._clip(index, sentence, speaking, first + begin, windows[begin:end], covered[begin:end], "none")

    def _trimmed(
        self,
        index: int,
        sentence: Sentence,
        speaking: Sequence[int],
        first: int,
        windows: np.ndarray,
        covered: np.ndarray,
    ) -> Plan:
        """Plan a clip of the longest part with the face; drop the sentence if that is too little of it."""
        fps = float(self.camera.rate)
        part = longest_part(sentence.words, covered, first, self.camera.rate, self.config.CLIP_PADDING_S)
        if part is None:
            return DroppedSentence(index, sentence, "face_gap", "no whole word is in a part with the face in view")
        overlap_s = min(part.stop / fps, sentence.end_s) - max(part.first / fps, sentence.start_s)
        share = overlap_s / length_s if (length_s := sentence.end_s - sentence.start_s) > 0 else 1.0
        if share < self.config.MIN_COVERAGE:
            message = (
                f"the longest part with the face in view is {share:.0%} of it, less than MIN_COVERAGE, "
                f"{self.config.MIN_COVERAGE:.0%}"
            )
            return DroppedSentence(index, sentence, "low_coverage", message)
        kept = slice(part.first - first, part.stop - first)
        said = measured(part.inside, self.faces) if part.outside else sentence
        reason = why_dropped(said, self.faces, self.config)
        if reason is not None:
            return DroppedSentence(index, sentence, reason[0], f"of what is left with the face in view: {reason[1]}")
        said = dataclasses.replace(said, coverage=1.0)
        gap = "trim" if part.outside or not _is_silence(sentence, part.first, part.stop, fps) else "none"
        return self._clip(index, said, speaking, part.first, windows[kept], covered[kept], gap, part.outside)

    def _tracks_of(self, sentence: Sentence) -> list[int]:
        """Return the tracks of the speaker of *sentence*.

        First the track that holds most of it, next the others of its words, then near tracks of the same person.
        """
        count: Mapping[int, int] = Counter(spoken.track for spoken in sentence.words if spoken.track is not None)
        own = sorted(count, key=lambda track: (track != sentence.track, -count[track], track))
        first, stop = frames_of(sentence.start_s, sentence.end_s)
        known = {self.persons[track] for track in own if track in self.persons}
        near = self.faces.in_view(first - NEAR_FRAMES, stop + NEAR_FRAMES) if known else []
        return own + [track for track in near if self.persons[track] in known and track not in count]

    def _in_view(self, speaking: Sequence[int], first: int, stop: int) -> tuple[int, ...]:
        begin, end = self.camera.grid_span(first, stop, self.faces.tracks.frame_count)
        shown = set(self.faces.in_view(begin, end)) & set(speaking)
        return tuple(sorted(shown, key=lambda track: (self.faces.span(track)[0], track)))


def why_dropped(sentence: Sentence, faces: Faces, config: Config) -> tuple[str, str] | None:
    """Return code and message of the reason why *sentence* gets no clip; None when it gets one."""
    length_s = sentence.end_s - sentence.start_s
    if (message := outside_picture(sentence.words, faces.tracks)) is not None:
        return "outside_picture", message
    if sentence.track is None or sentence.avg_score is None:
        return "not_visible", _seen_instead(sentence, faces, config)
    if length_s < config.MIN_SENTENCE_S:
        return "too_short", f"it lasts {length_s:.2f} s, less than MIN_SENTENCE_S, {config.MIN_SENTENCE_S:g} s"
    if length_s > config.MAX_SENTENCE_S:
        return "too_long", f"one word lasts {length_s:.2f} s, more than MAX_SENTENCE_S, {config.MAX_SENTENCE_S:g} s"
    if sentence.coverage < config.MIN_COVERAGE:
        message = (
            f"the face is in view on {sentence.coverage:.0%} of it, less than MIN_COVERAGE, {config.MIN_COVERAGE:.0%}"
        )
        return "low_coverage", message
    if sentence.avg_score < config.MIN_SPEAKER_SCORE_THRESHOLD:
        message = (
            f"the face scores {sentence.avg_score:.2f}, below MIN_SPEAKER_SCORE_THRESHOLD, "
            f"{config.MIN_SPEAKER_SCORE_THRESHOLD:g}"
        )
        return "low_score", message
    if not config.KEEP_DOUBTFUL and (message := doubt_of(sentence, faces, config)) is not None:
        return UNCERTAIN_SPEAKER, message
    return None


def doubt_of(sentence: Sentence, faces: Faces, config: Config) -> str | None:
    """Return for people why it is doubtful that the speaker says *sentence*; None where it is sure enough."""
    own, other = shares_of(sentence.words, faces)
    if own < config.MIN_PROBABILITY:
        return (
            f"the speaker says it with probability {own:.2f}, below MIN_PROBABILITY, {config.MIN_PROBABILITY:g}; "
            "--keep-doubtful cuts it all the same"
        )
    if own - other < config.MIN_MARGIN:
        return (
            f"the speaker is ahead of the likeliest other answer by {own - other:.2f}, less than MIN_MARGIN, "
            f"{config.MIN_MARGIN:g}; --keep-doubtful cuts it all the same"
        )
    return None


def _seen(faces: Faces, speaking: Sequence[int], first: int, stop: int) -> np.ndarray:
    """Return (stop - first,) bool: True for grid frames on which one of the tracks is in view."""
    seen = np.zeros(stop - first, bool)
    for track in speaking:
        begin, end = faces.span(track)
        seen[max(begin - first, 0) : max(end - first, 0)] = True
    return seen


def _is_silence(sentence: Sentence, first: int, stop: int, fps: float) -> bool:
    """Return True where the whole sentence lies in frames ``[first, stop)``, to half a frame."""
    return first <= sentence.start_s * fps + 0.5 and stop >= sentence.end_s * fps - 0.5


def _seen_instead(sentence: Sentence, faces: Faces, config: Config) -> str:
    """Return the part of the message about who was in view: nobody, or the face that came nearest to speaking."""
    first, stop = frames_of(sentence.start_s, sentence.end_s)
    best: tuple[float, int] | None = None
    for track in faces.in_view(first, stop):
        score = float(faces.tracks.logit[faces.rows(track, first, stop)].mean())
        best = max(best, (score, track)) if best else (score, track)
    if best is None:
        return _seen_in_vain(faces, config, first, stop)
    return f"no face in view speaks; the nearest is track {best[1]} with a score of {best[0]:.2f}"


def _seen_in_vain(faces: Faces, config: Config, first: int, stop: int) -> str:
    """Return the message where no track is in view: there is no face, or one too short or too small for a track."""
    unkept = faces.tracks.unkept
    causes = set(unkept[(unkept[:, 0] < stop) & (unkept[:, 1] > first), 2].tolist())
    if TOO_SHORT in causes:
        return f"a face is in view, on no shot longer than {config.MIN_TRACK} frames, MIN_TRACK"
    if TOO_SMALL in causes:
        return f"a face is in view, no larger than MIN_FACE_SIZE, {config.MIN_FACE_SIZE:g} pixels"
    return "no face is in view"

"""Annotated video: each face with its box, its name and its probability of speaking, and subtitles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar

import cv2
import numpy as np

from pipeline.framing.clock import certainly_before, certainly_from, clip_rate, on_grid_scale
from pipeline.media.audio import clip_sound, sound_blocks
from pipeline.media.decode import read_frames
from pipeline.media.encode import write_video
from pipeline.outputs.subtitles import RIGHT_TO_LEFT_MARK, Cue, cues_of, speaker_label
from pipeline.render.cut import cut_among
from pipeline.render.overlay import draw_caption, draw_face
from pipeline.types import Probe, ScoredTracks, Sentence

T = TypeVar("T")

HALF_FRAME = 0.5
"""Half the time that a frame of the grid stands for: from half a frame before its middle to half a frame after."""

MAX_CUES = 2
"""Most subtitles shown at the same time, the latest ones: more would hide the picture."""

TOLD_EVERY = 25
"""Frames between two reports of progress."""

NO_NAMES: Mapping[int, str] = MappingProxyType({})


def annotate(
    probe: Probe,
    tracks: ScoredTracks,
    sentences: Sequence[Sentence],
    path: Path,
    *,
    crf: int,
    preset: str,
    names: Mapping[int, str] = NO_NAMES,
    on_frames: Callable[[int], None] = lambda _: None,
    threads: int = 1,
) -> int:
    """Write the annotated video, an H.264/AAC MP4 that appears whole or not at all. Memory does not grow with length.

    Pictures have the source's displayed size, made even by repeating the last row or column, and its average rate;
    where that is variable, each picture is shown at the nearest moments. The sound begins with the first picture. An
    excerpt is written alone: its first picture is the first of the written video. Boxes and probabilities are
    interpolated between two frames of the grid; at a cut they change with the picture.

    Args:
        probe: the source, with sound.
        tracks: its faces; a box is coloured by its probability.
        sentences: all of them, whether they became clips or not; shown as the subtitles show them.
        path: of the video.
        crf, preset: of x264.
        names: of speakers; the others are ``Speaker 1`` and so on. Faces that say nothing have a number only.
        on_frames: called now and then, and at the end, with the number of pictures done.
        threads: that decode.

    Returns:
        The number of pictures written.

    Raises:
        InputError: the source cannot be read, or has no sound.
        ToolError: ffmpeg failed.
    """
    rate = clip_rate(probe.rate, "source")
    sound_rate_hz, channels = clip_sound(probe)
    first, stop = certainly_from(probe.excerpt.first_frame, rate), None
    if probe.excerpt.stop_frame is not None:
        stop = max(certainly_before(probe.excerpt.stop_frame, rate), first + 1)
    pictures = read_frames(probe, first, stop, threads=threads, rate=rate)
    drawn = draw_all(pictures, rate, tracks, labels_of(tracks, sentences, names), cues_of(sentences), first)
    return write_video(
        path,
        _counted(drawn, on_frames),
        size_px=(probe.width_px + probe.width_px % 2, probe.height_px + probe.height_px % 2),
        rate=rate,
        sound=sound_blocks(probe, first / rate, None if stop is None else stop / rate),
        sound_rate_hz=sound_rate_hz,
        channels=channels,
        crf=crf,
        preset=preset,
    )


def labels_of(
    tracks: ScoredTracks, sentences: Iterable[Sentence], names: Mapping[int, str] = NO_NAMES
) -> dict[int, str]:
    """Return the speaker's name or number for each track of a person who speaks in one of *sentences*."""
    persons = tracks.persons
    speaker_of = {
        persons[spoken.track]: spoken.speaker
        for sentence in sentences
        for spoken in sentence.words
        if spoken.track is not None and spoken.speaker is not None
    }
    known = {track: speaker_of[person] for track, person in persons.items() if person in speaker_of}
    return {track: names.get(speaker, speaker_label(speaker)) for track, speaker in known.items()}


def draw_all(
    pictures: Iterable[np.ndarray],
    rate: Fraction,
    tracks: ScoredTracks,
    labels: Mapping[int, str],
    cues: Sequence[Cue],
    first: int = 0,
) -> Iterator[np.ndarray]:
    """Yield copies of *pictures*, even in size, with boxes, labels and subtitles drawn on them.

    Args:
        pictures: (H, W, 3) uint8 BGR; picture *k* shows ``(k + 1/2) / rate`` seconds after the first video frame.
        rate: frames a second.
        tracks, labels: faces and what they are called, by track.
        cues: subtitles.
        first: number of the first picture.
    """
    faces = _Shown((*span, track) for track, span in _spans(tracks).items())
    captions = _Shown((cue.start_s, cue.end_s, cue) for cue in cues)
    for number, (at, picture) in enumerate(_placed(pictures, rate, tracks.shot_starts, first), first):
        even = _even_copy(picture)
        for track in faces.at(at):
            box, probability = interpolated(tracks, track, at)
            draw_face(even, box, probability, labels.get(track, ""))
        said = captions.at(float((number + Fraction(1, 2)) / rate))
        lines = [line.replace(RIGHT_TO_LEFT_MARK, "") for cue in said[-MAX_CUES:] for line in cue.lines]
        draw_caption(even, lines)
        yield even


def _placed(
    pictures: Iterable[np.ndarray], rate: Fraction, shot_starts: np.ndarray, first: int
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the place of each picture in grid frames, and the picture; *first* is the number of the first.

    Between two grid frames with a cut in between, the place is moved to the grid frame of the shot that the picture
    shows.
    """
    cut_after = {certainly_before(cut, rate) - 1: cut for cut in shot_starts[1:].tolist()}
    numbered = enumerate(pictures, first)
    for number, picture in numbered:
        yield _place(number, rate), picture
        cut = cut_after.get(number)
        if cut is None or certainly_from(cut, rate) == number + 1:
            continue
        held = [picture.copy()]
        held += [later.copy() for _, later in islice(numbered, certainly_from(cut, rate) - number)]
        new = number + cut_among(held) if len(held) > 1 else number
        for k, later in enumerate(held[1:], number + 1):
            yield (min(_place(k, rate), cut - 1.0) if k < new else max(_place(k, rate), float(cut))), later


def _place(number: int, rate: Fraction) -> float:
    return float(on_grid_scale(number, number + 1, rate)[0])


def interpolated(tracks: ScoredTracks, track: int, at: float) -> tuple[list[float], float]:
    """Interpolate a face's box in source pixels and its probability between two grid frames; the nearest at its ends.

    Args:
        tracks: the table.
        track: number of a track in it.
        at: place in grid frames.
    """
    rows = tracks.rows(track)
    place = min(max(at - float(tracks.frame[rows.start]), 0.0), rows.stop - rows.start - 1.0)
    before = rows.start + int(place)
    after, share = min(before + 1, rows.stop - 1), place - int(place)
    box = (1 - share) * tracks.box_px[before] + share * tracks.box_px[after]
    probability = (1 - share) * tracks.probability[before] + share * tracks.probability[after]
    return [float(edge) for edge in box], float(probability)


def _spans(tracks: ScoredTracks) -> dict[int, tuple[float, float]]:
    """Return start and end of each track, in grid frames."""
    spans = {}
    for track in tracks.track_ids.tolist():
        rows = tracks.rows(track)
        spans[track] = (
            float(tracks.frame[rows.start]) - HALF_FRAME,
            float(tracks.frame[rows.stop - 1]) + HALF_FRAME,
        )
    return spans


class _Shown(Generic[T]):
    """Items that are to be seen at one place after another.

    Args:
        spans: start, end and thing, in any order.
    """

    def __init__(self, spans: Iterable[tuple[float, float, T]]) -> None:
        self._waiting = sorted(spans, key=lambda span: span[0], reverse=True)
        self._open: list[tuple[float, float, T]] = []

    def at(self, place: float) -> list[T]:
        """Return the items at a place, in order of start; places are asked for in ascending order."""
        while self._waiting and self._waiting[-1][0] <= place:
            self._open.append(self._waiting.pop())
        self._open = [span for span in self._open if place < span[1]]
        return [thing for _, _, thing in self._open]


def _even_copy(picture: np.ndarray) -> np.ndarray:
    """Return a copy with even sides: an odd one gets its last row or column twice."""
    height, width = picture.shape[:2]
    even = cv2.copyMakeBorder(np.ascontiguousarray(picture), 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(even)


def _counted(pictures: Iterable[np.ndarray], on_frames: Callable[[int], None]) -> Iterator[np.ndarray]:
    count = 0
    for count, picture in enumerate(pictures, 1):
        yield picture
        if count % TOLD_EVERY == 0:
            on_frames(count)
    if count % TOLD_EVERY:
        on_frames(count)

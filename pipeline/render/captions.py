"""Captions of an upright video: the words in the colour of their speaker, which light up as they are said.

    sentences -> syllables -> captions of one or two lines -> places

`pipeline.render.caption_file` writes them and has them drawn.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.framing.plan import FramingPlan
from pipeline.outputs.subtitles import speaking_together
from pipeline.render.caption_groups import Caption, captions_of, shown_until
from pipeline.render.caption_places import Area, Places, area_px, shown_faces
from pipeline.render.caption_text import Ruler, Syllable, is_rightward, plain_words, syllables_of
from pipeline.render.fonts import Font, Fonts, MissingGlyphError
from pipeline.types import GRID_FPS, FaceTracks, Sentence

EM_SHARE = 64 / 1080
"""Size of the letters, as a share of the picture's width: about 23 Latin letters on a line."""

OUTLINE_SHARE = 4 / 1080
"""Width of their black outline, as a share of the picture's width."""

MIN_SHOWN_S = 0.1
"""Shortest time on screen of a caption that another takes the place of, in seconds."""

MAX_LETTERS_TOLD = 20
"""Most letters that a note names."""


@dataclass(frozen=True, slots=True)
class PlacedCaption:
    """A caption with its time and place."""

    caption: Caption
    start_s: float
    end_s: float
    """End on screen."""
    bottom_px: float
    """Lower edge of its last line."""


@dataclass(frozen=True, slots=True)
class Captions:
    """Captions of a video."""

    placed: tuple[PlacedCaption, ...]
    """In order of time, in seconds after the first video frame."""
    size_px: tuple[int, int]
    area_px: tuple[float, float, float, float]
    notes: tuple[str, ...]
    """Remarks for people: what is not drawn, and why."""

    @property
    def fonts(self) -> tuple[Font, ...]:
        """The fonts that they are drawn with."""
        syllables = (syllable for each in self.placed for syllable in each.caption.syllables)
        return tuple(dict.fromkeys(font for syllable in syllables for font, _ in syllable.pieces))


def make_captions(
    sentences: Sequence[Sentence], plan: FramingPlan, tracks: FaceTracks, fonts: Fonts, area: Area = "union"
) -> Captions:
    """Return the captions of an upright video.

    A caption is of one speaker and spans no long pause. Where two persons speak at once, each has one line; a third
    takes the line of the one whose text stands longest. A sentence with letters that no font has is left out, and so
    is a caption for which there is no place; symbols and emoji that no font has are left out alone.

    Args:
        sentences: all of them, with times after the first video frame.
        plan: the framing.
        tracks: the faces, which no text lies on.
        fonts: in the order in which they are tried.
        area: that the text stays in.
    """
    width = plan.size_px[0]
    ruler, border_px = Ruler(EM_SHARE * width), OUTLINE_SHARE * width
    x1, y1, x2, y2 = area_px(area, plan.size_px)
    inner = x1 + border_px, y1 + border_px, x2 - border_px, y2 - border_px
    spoken, notes = _spoken(sentences, plan.span_s, fonts)
    heights = [ruler.height_px((syllable,)) for _, syllables, _ in spoken for syllable in syllables]
    places = Places(plan, shown_faces(plan, tracks), inner, max(heights, default=1.0))
    made: list[tuple[Caption, float, int]] = []
    unplaced = 0
    for sentence, syllables, is_together in spoken:
        for caption in captions_of(
            syllables,
            ruler,
            inner[2] - inner[0],
            speaker=sentence.speaker,
            is_rightward=is_rightward(syllables),
            max_lines=1 if is_together else 2,
        ):
            for part in _fitted(caption, places, ruler, inner[2] - inner[0]):
                place = places.find(*_frames(part))
                if place is None:
                    unplaced += 1
                else:
                    made.append((part, place.bottom_px, place.max_lines if is_together else 1))
    if unplaced:
        notes.append(f"{unplaced} captions are not drawn: faces leave no place for them")
    placed = _timed(made, max(heights, default=1.0), plan.span_s[1])
    return Captions(tuple(placed), plan.size_px, (x1, y1, x2, y2), tuple(notes))


def _spoken(
    sentences: Sequence[Sentence], span_s: tuple[float, float], fonts: Fonts
) -> tuple[list[tuple[Sentence, list[Syllable], bool]], list[str]]:
    """Return the sentences inside a span with their syllables and True where another speaker's overlaps, and notes."""
    found: list[tuple[Sentence, list[Syllable], bool]] = []
    missing: Counter[str] = Counter()
    symbols: set[str] = set()
    unread = asked = 0
    inside = sorted(
        (each for each in sentences if each.end_s > span_s[0] and each.start_s < span_s[1]),
        key=lambda sentence: sentence.start_s,
    )
    together = speaking_together(inside)
    for sentence, is_together in zip(inside, together, strict=True):
        words = plain_words(sentence.words)
        if not words:
            continue
        asked += 1
        symbols.update(fonts.lacks("".join(spoken.word.text for spoken in words)))
        try:
            syllables = syllables_of(words, fonts)
        except MissingGlyphError as error:
            unread += 1
            missing.update(error.letters)
            continue
        syllables = [each for each in syllables if each.end_s > span_s[0] and each.start_s < span_s[1]]
        if syllables:
            found.append((sentence, syllables, is_together))
    notes = []
    if unread:
        letters = " ".join(letter for letter, _ in missing.most_common(MAX_LETTERS_TOLD))
        notes.append(
            f"{unread} of {asked} sentences have no caption, as no font has their letters: {letters}. Name one that "
            "does with CAPTION_FONT, such as Noto Sans of their script"
        )
    if symbols:
        letters = " ".join(sorted(symbols)[:MAX_LETTERS_TOLD])
        notes.append(f"symbols are left out of captions, as no font has them: {letters}")
    return found, notes


def _fitted(caption: Caption, places: Places, ruler: Ruler, width_px: float) -> list[Caption]:
    """Return the caption, or its words in captions of one line where there is no place for two."""
    place = places.find(*_frames(caption))
    if len(caption.lines) == 1 or (place is not None and place.max_lines == 2):
        return [caption]
    return captions_of(
        caption.syllables,
        ruler,
        width_px,
        speaker=caption.speaker,
        is_rightward=caption.is_rightward,
        max_lines=1,
    )


def _frames(caption: Caption) -> tuple[int, int]:
    """Return the grid frames on which a caption is, with the time that it stays after its last word."""
    end_s = shown_until(caption.end_s)
    first = math.floor(caption.start_s * GRID_FPS)
    return first, max(math.ceil(end_s * GRID_FPS), first + 1)


def _timed(made: Sequence[tuple[Caption, float, int]], line_px: float, stop_s: float) -> list[PlacedCaption]:
    """Give captions their end and, of those that are shown together, each a line.

    Args:
        made: captions with the lower edge of their place and the lines that it has for them and others.
        line_px: height of a line.
        stop_s: end of the video.
    """
    done: list[PlacedCaption] = []
    shown: list[int] = []
    for caption, bottom_px, lines in sorted(made, key=lambda each: each[0].start_s):
        start_s, end_s = max(caption.start_s, 0.0), min(shown_until(caption.end_s), stop_s)
        for number in shown:
            if done[number].caption.end_s <= start_s:
                done[number] = _ended(done[number], start_s)
        shown = [number for number in shown if done[number].end_s > start_s]
        height_px = len(caption.lines) * line_px
        options = []
        for row in range(lines):
            own_px = bottom_px - row * line_px
            under = [number for number in shown if _is_met(done[number], own_px, height_px, line_px)]
            options.append((max((done[number].start_s for number in under), default=-math.inf), row, under))
        _, row, under = min(options)
        for number in under:
            done[number] = _ended(done[number], start_s)
        shown = [number for number in shown if number not in under] + [len(done)]
        end_s = max(end_s, start_s + MIN_SHOWN_S)
        done.append(PlacedCaption(caption, start_s, end_s, bottom_px - row * line_px))
    return done


def _is_met(other: PlacedCaption, bottom_px: float, height_px: float, line_px: float) -> bool:
    """Return True where a caption lies on the heights of a new one."""
    top_px = other.bottom_px - len(other.caption.lines) * line_px
    return top_px < bottom_px and bottom_px - height_px < other.bottom_px


def _ended(placed: PlacedCaption, at_s: float) -> PlacedCaption:
    return dataclasses.replace(placed, end_s=max(min(placed.end_s, at_s), placed.start_s + MIN_SHOWN_S))

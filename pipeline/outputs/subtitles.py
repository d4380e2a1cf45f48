"""``.srt``, ``.vtt`` and ``.ass``: all speech with its speakers, in cues that can be read in time.

The first two are written here rather than through a subtitle library: those take braces and backslashes in spoken text
for styling, and leave ``<`` and ``&`` as they are where WebVTT wants them escaped. The third, where every speaker has a
colour, is written through pysubs2.
"""

from __future__ import annotations

import dataclasses
import html
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from pathlib import Path

from pysubs2 import Alignment, Color, SSAEvent, SSAFile, SSAStyle

from pipeline.outputs.files import write_text
from pipeline.outputs.graphemes import cluster_columns as _width
from pipeline.outputs.graphemes import clusters, is_torn
from pipeline.types import AttributedWord, Sentence

LINE_COLUMNS = 42
"""Width of a line, in columns: the usual limit of broadcasters for Latin script; a CJK letter is two columns."""

CUE_COLUMNS = 67
"""Width of a cue that fits on two lines: lines break between words, so that about a fifth of them stays empty."""

MAX_CUE_S = 7.0
"""Longest cue, in seconds: beyond that it is read twice."""

MIN_CUE_S = 1.0
"""Shortest time on screen, in seconds, where the next cue leaves room for it."""

READ_COLUMNS_PER_S = 20
"""Speed of reading in columns a second: a cue stays on screen for that long where the next one leaves room.
Broadcasters allow adults 17 to 20."""

MIN_CROWDED_CUE_S = 0.1
"""Shortest time on screen where the next cue leaves no room: players pass over cues without a length."""

RIGHT_TO_LEFT_MARK = "\u200f"
"""Mark before the label of right-to-left text, whose direction would otherwise be that of the Latin label."""

COLOURS_RGB = (
    *((255, 255, 255), (86, 180, 233), (230, 159, 0), (0, 200, 150)),
    *((240, 228, 66), (204, 121, 167), (213, 94, 0), (120, 150, 255)),
)
"""Colours of speakers 1, 2 and so on in ``.ass``, again from the first after the last: bright on dark, and most of them
told apart by the colour-blind too (the set of Okabe and Ito, lightened)."""

OFF_SCREEN_RGB = (190, 190, 190)
"""Colour of somebody who is not in view; the text is slanted, too."""

ASS_PICTURE_PX = (1920, 1080)
"""Size of the picture on which sizes in ``.ass`` are measured; players scale them to theirs."""

ASS_LETTER_PX = 58
"""Height of a letter on that picture: 42 columns fill about two thirds of its width."""

WORD_JOINER = "\u2060"
"""Character without width; after a backslash it keeps ``.ass`` from reading ``\\N`` and its like in spoken text."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Subtitle."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    """Plain text, without markup; the first may begin with the speaker's label."""
    speaker: int | None
    """Number of the speaker; None for somebody who is not in view."""


def speaker_label(speaker: int | None) -> str:
    """Return ``Speaker 1``, or ``Off-screen`` for somebody who is not in view."""
    return "Off-screen" if speaker is None else f"Speaker {speaker}"


def cues_of(sentences: Iterable[Sentence]) -> tuple[Cue, ...]:
    """Return the subtitles of *sentences*, in order of time; the first cue of each sentence names the speaker, and
    where somebody else speaks at the same time each cue does."""
    cues: list[Cue] = []
    ordered = sorted(sentences, key=lambda sentence: sentence.start_s)
    for sentence, is_together in zip(ordered, speaking_together(ordered), strict=True):
        label = speaker_label(sentence.speaker) + ": "
        for number, part in enumerate(_parts(sentence.words, len(label), is_together)):
            text = _text(part)
            if text:
                lines = _wrapped(_labelled(label, text) if number == 0 or is_together else text)
                end_s = max(spoken.word.end_s for spoken in part)
                cues.append(Cue(part[0].word.start_s, end_s, lines, sentence.speaker))
    cues.sort(key=lambda cue: cue.start_s)
    return tuple(_readable(cue, cues[i + 1].start_s if i + 1 < len(cues) else math.inf) for i, cue in enumerate(cues))


def srt_text(cues: Sequence[Cue]) -> str:
    """Return *cues* as SubRip."""
    return "".join(
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n" + "\n".join(cue.lines) + "\n\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt_text(cues: Sequence[Cue]) -> str:
    """Return *cues* as WebVTT (W3C), with ``&``, ``<`` and ``>`` escaped."""
    blocks = [
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n"
        + "\n".join(html.escape(line, quote=False) for line in cue.lines)
        for cue in cues
    ]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def ass_text(cues: Sequence[Cue]) -> str:
    """Return *cues* as Advanced SubStation Alpha: a style, and with it a colour, for each speaker."""
    width, height = ASS_PICTURE_PX
    file = SSAFile()
    file.info.update({"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "2"})
    file.styles = {_style_name(cue.speaker): _style(cue.speaker) for cue in cues} or {"Default": SSAStyle()}
    for cue in cues:
        start, end = (_centis(time_s) * 10 for time_s in (cue.start_s, cue.end_s))
        text = r"\N".join(ass_escaped(line) for line in cue.lines)
        style = _style_name(cue.speaker)
        file.append(SSAEvent(start, max(end, start + 10), text, style=style, name=style))
    return file.to_string("ass")


def write_subtitles(folder: Path, sentences: Iterable[Sentence], lead_s: float = 0.0) -> None:
    """Write ``transcript.srt``, ``.vtt`` and ``.ass`` into *folder*, each whole or not at all.

    Args:
        folder: folder of the video's results.
        sentences: sentences with times after the first video frame.
        lead_s: seconds from the start of its container, from which players count, to that frame.
    """
    cues = [_later(cue, lead_s) for cue in cues_of(sentences)]
    write_text(folder / "transcript.ass", ass_text(cues))
    write_text(folder / "transcript.srt", srt_text(cues))
    write_text(folder / "transcript.vtt", vtt_text(cues))


def _later(cue: Cue, by_s: float) -> Cue:
    """Move *cue* to a clock that is ahead by *by_s*; players know no time before 0."""
    start_s = max(cue.start_s + by_s, 0.0)
    return dataclasses.replace(cue, start_s=start_s, end_s=max(cue.end_s + by_s, start_s + MIN_CROWDED_CUE_S))


def columns(text: str) -> int:
    """Return the width of *text* on screen: wide letters count two, marks that sit on another letter none."""
    return sum(map(_width, clusters(text)))


def _text(words: Sequence[AttributedWord]) -> str:
    """Join the words on one line: a blank line would end the cue."""
    return " ".join("".join(spoken.word.text for spoken in words).split())


def speaking_together(sentences: Sequence[Sentence]) -> list[bool]:
    """Return for each of *sentences*, in order of their start, True where another speaker's overlaps it in time."""
    found = [False] * len(sentences)
    going: list[int] = []
    for number, sentence in enumerate(sentences):
        going = [other for other in going if sentences[other].end_s > sentence.start_s]
        for other in going:
            if sentences[other].speaker != sentence.speaker:
                found[number] = found[other] = True
        going.append(number)
    return found


def _parts(
    words: Sequence[AttributedWord], label_columns: int, label_each: bool = False
) -> list[Sequence[AttributedWord]]:
    """Split a sentence into groups of words of about the same width, each short enough for a cue: with the label in
    front of the first, or of each."""
    widths = [columns(spoken.word.text) for spoken in words]
    parts: list[Sequence[AttributedWord]] = []
    most = CUE_COLUMNS - label_columns if label_each else CUE_COLUMNS
    first, used = 0, 0 if label_each else label_columns
    total = used + sum(widths)
    while first < len(words):
        stop = _cue_stop(words, widths, first, used, total, most)
        parts.append(words[first:stop])
        total -= used + sum(widths[first:stop])
        first, used = stop, 0
    return parts


def _cue_stop(
    words: Sequence[AttributedWord], widths: Sequence[int], first: int, used: int, total: int, most: int
) -> int:
    """Return the end of the cue from word *first* on: an even share of all words that follow.

    *used* of the *total* columns from there on are taken; a cue has *most*.
    """
    start_s = words[first].word.start_s
    cues = max(math.ceil(total / most), math.ceil((words[-1].word.end_s - start_s) / MAX_CUE_S), 1)
    stop = first + 1
    used += widths[first]
    while (
        stop < len(words) and used + widths[stop] / 2 <= total / cues and words[stop].word.end_s - start_s <= MAX_CUE_S
    ):
        used += widths[stop]
        stop += 1
    while stop < len(words) and is_torn(words[stop - 1].word.text, words[stop].word.text):
        stop += 1
    return stop


def _labelled(label: str, text: str) -> str:
    strong = next((kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), "L")
    return (RIGHT_TO_LEFT_MARK if strong != "L" else "") + label + text


def _wrapped(text: str) -> tuple[str, ...]:
    """Wrap to lines of at most `LINE_COLUMNS`, broken at spaces; a stretch without spaces is broken where it must
    be."""
    lines: list[str] = []
    line = ""
    for piece in text.split(" "):
        joined = f"{line} {piece}" if line else piece
        if columns(joined) <= LINE_COLUMNS:
            line = joined
            continue
        if line and columns(piece) <= (LINE_COLUMNS // 2 if _is_wide(piece) else LINE_COLUMNS):
            lines.append(line)
            line = piece
            continue
        line = joined
        while columns(line) > LINE_COLUMNS:
            cut = _cut_place(line)
            lines.append(line[:cut].rstrip())
            line = line[cut:].lstrip()
    return (*lines, line) if line else tuple(lines)


def _is_wide(text: str) -> bool:
    """Return True where a letter of *text* is of a script that may be parted anywhere, such as Chinese."""
    return any(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _cut_place(text: str) -> int:
    """Count the letters of *text* that fit on a line; a mark stays with its letter, closing punctuation with its
    word."""
    parts = clusters(text)
    cut = max(sum(1 for _ in takewhile(lambda width: width <= LINE_COLUMNS, accumulate(map(_width, parts)))), 1)
    while 1 < cut < len(parts) and unicodedata.category(parts[cut][0]) in ("Po", "Pe", "Pf"):
        cut -= 1
    return len("".join(parts[:cut]))


def _readable(cue: Cue, next_start_s: float) -> Cue:
    """Lengthen *cue* until it can be read, without running into the next one."""
    reading_s = max(MIN_CUE_S, sum(map(columns, cue.lines)) / READ_COLUMNS_PER_S)
    wanted_s = max(cue.end_s, min(cue.start_s + min(reading_s, MAX_CUE_S), next_start_s))
    return dataclasses.replace(cue, end_s=max(wanted_s, cue.start_s + MIN_CROWDED_CUE_S))


def _style_name(speaker: int | None) -> str:
    """Return `speaker_label` as the name of a style, where commas end a field."""
    return speaker_label(speaker).replace(",", " ")


def _style(speaker: int | None) -> SSAStyle:
    rgb = OFF_SCREEN_RGB if speaker is None else COLOURS_RGB[(speaker - 1) % len(COLOURS_RGB)]
    return SSAStyle(
        fontname="Arial",
        fontsize=ASS_LETTER_PX,
        primarycolor=Color(*rgb),
        outlinecolor=Color(0, 0, 0),
        outline=3,
        shadow=1,
        italic=speaker is None,
        alignment=Alignment.BOTTOM_CENTER,
        marginl=60,
        marginr=60,
        marginv=50,
    )


def ass_escaped(text: str) -> str:
    """Escape spoken text so that its braces and backslashes style nothing in libass."""
    return text.replace("\\", "\\" + WORD_JOINER).replace("{", r"\{").replace("}", r"\}")


def _centis(time_s: float) -> int:
    return round(time_s * 100)


def _clock(time_s: float, point: str) -> str:
    """Return the form ``01:02:03,004``."""
    seconds, millis = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{millis:03d}"

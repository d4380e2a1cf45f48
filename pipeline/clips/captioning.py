"""Captions of upright videos, as the settings ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import Config
from pipeline.artifacts import ATTRIBUTION, TRACKS, TRANSCRIPT
from pipeline.errors import InputError
from pipeline.framing.plan import FramingPlan
from pipeline.outputs.attribution import attribution_marks, digest_of, read_attribution
from pipeline.outputs.files import write_text
from pipeline.outputs.tracks import read_faces
from pipeline.outputs.transcript import read_own_transcript
from pipeline.render.caption_file import CAPTION_FILTER, ass_text, caption_overlay
from pipeline.render.caption_places import Area
from pipeline.render.captions import make_captions
from pipeline.render.fonts import load_fonts
from pipeline.render.reframe import NO_OVERLAY, Overlay
from pipeline.speech import UNKNOWN_LANGUAGE
from pipeline.types import AttributedWord, FaceTracks, Overlap, Sentence


def caption_filters(config: Config) -> tuple[str, ...]:
    """Return the filters of ffmpeg that the settings need for captions."""
    return (CAPTION_FILTER,) if config.CAPTIONS == "burn" else ()


def check_captions(config: Config) -> None:
    """Refuse a ``CAPTION_FONT`` that is none.

    Raises:
        InputError: ``bad_font``.
    """
    if config.CAPTIONS != "none":
        load_fonts(config.CAPTION_FONT, "und")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Faces of a video and what was said, by whom; nothing in a video without sound."""

    tracks: FaceTracks
    words: Sequence[AttributedWord] = ()
    sentences: Sequence[Sentence] = ()
    language: str = UNKNOWN_LANGUAGE
    overlaps: Sequence[Overlap] = ()


@contextmanager
def captioned(
    path: Path, config: Config, plan: FramingPlan, spoken: Spoken | None
) -> Iterator[tuple[Overlay, tuple[str, ...]]]:
    """Write the captions of an upright video, and yield the overlay that draws them and remarks for people.

    Args:
        path: the ``.ass`` file, which is deleted where ``CAPTIONS`` is ``none``.
        config: settings.
        plan: of the video, which begins with it.
        spoken: all that is said, with times after the first video frame; None where ``CAPTIONS`` is ``none``.

    Raises:
        InputError: ``bad_font``: ``CAPTION_FONT`` cannot be read.
    """
    if config.CAPTIONS == "none" or spoken is None:
        path.unlink(missing_ok=True)
        yield NO_OVERLAY, ()
        return
    fonts = load_fonts(config.CAPTION_FONT, spoken.language)
    area: Area = config.CAPTION_AREA  # type: ignore[assignment] - one of its choices
    captions = make_captions(spoken.sentences, plan, spoken.tracks, fonts, area)
    write_text(path, ass_text(captions, plan.span_s[0]))
    notes = captions.notes if spoken.sentences else ("no captions, as no words were heard",)
    if config.CAPTIONS == "file":
        yield NO_OVERLAY, notes
        return
    with caption_overlay(path, captions) as overlay:
        yield overlay, notes


def read_spoken(folder: Path) -> Spoken:
    """Return what was said in a video from an earlier run's results.

    Raises:
        InputError: ``bad_setting``: there are none, or they do not belong together.
    """
    tracks, words, attribution = (folder / artifact.file for artifact in (TRACKS, TRANSCRIPT, ATTRIBUTION))
    try:
        transcript, _ = read_own_transcript(words)
        if attribution_marks(attribution)[1] != digest_of(tracks, transcript.words):
            raise InputError("results_changed", "is of other faces or words than lie beside it", attribution)
        spoken = read_attribution(attribution, transcript.words)
        return Spoken(read_faces(tracks), spoken.words, spoken.sentences, transcript.language)
    except (InputError, OSError) as error:
        text = (
            f"CAPTIONS needs the words of an earlier run in {folder}, which cannot be read: {error}. Run it without "
            "REFRAME_PLAN first, or leave CAPTIONS out"
        )
        raise InputError("bad_setting", text) from error

"""Sentences, plans and faces for captions, and pictures with captions drawn on them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from pipeline.framing.plan import CameraPath, FramingPlan, Mode, Panel, Run
from pipeline.render.caption_file import ass_text, caption_overlay
from pipeline.render.captions import Captions
from pipeline.speech.words import split_words
from pipeline.types import AttributedWord, FaceTracks, Sentence, Word

UPRIGHT = 1080, 1920

GROUND = 0x60
"""Grey on which captions are drawn."""


def sentence(text: str, start_s: float = 0.0, speaker: int | None = 1, word_s: float = 0.4) -> Sentence:
    """A sentence whose words, split as the recogniser splits them, follow one another without a pause."""
    spoken = [
        AttributedWord(Word(word, start_s + number * word_s, start_s + (number + 1) * word_s), None, speaker)
        for number, word in enumerate(split_words(text))
    ]
    return Sentence(tuple(spoken), None, speaker, None, None, None, 0.0)


def still_run(first: int, stop: int, mode: Mode = "follow", size_px: tuple[int, int] = UPRIGHT) -> Run:
    """A run that shows all of a source of the upright size; of `split` each panel its middle half."""
    width, height = size_px
    path = CameraPath(np.array([0.0]), np.array([[width / 2, height / 2, height / (2 if mode == "split" else 1)]]))
    panels = tuple(Panel((number,), path) for number in range(2 if mode == "split" else 1))
    return Run(first, stop, mode, panels, "start", "speaker model", 1, "")


def still_plan(*runs: Run, size_px: tuple[int, int] = UPRIGHT) -> FramingPlan:
    return FramingPlan(size_px, size_px, (0, 0, *size_px), "blur", runs)


def standing_faces(frames: int, *boxes_px: Sequence[float]) -> FaceTracks:
    """Faces that stand still on all frames."""
    count = len(boxes_px)
    return FaceTracks(
        frames,
        np.array([0], np.int32),
        np.repeat(np.arange(count, dtype=np.int32), frames),
        np.tile(np.arange(frames, dtype=np.int32), count),
        np.repeat(np.array(boxes_px, np.float32).reshape(count, 4), frames, axis=0),
    )


def drawn(captions: Captions, at_s: float, folder: Path) -> tuple[np.ndarray, str]:
    """Draw the captions of a moment on grey; return the picture, (H, W, 3) uint8, and what ffmpeg said."""
    width, height = captions.size_px
    path = folder / "it's, [odd]; 100%: ä.ass"
    path.write_text(ass_text(captions), encoding="utf-8")
    ground = f"color=c=0x{GROUND:02x}{GROUND:02x}{GROUND:02x}:s={width}x{height}:r=100:d={at_s + 0.1},format=bgr24"
    with caption_overlay(path, captions) as overlay:
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-f", "lavfi", "-i", ground]
        argv += [
            "-vf",
            f"{overlay.filters[0]},select=gte(t\\,{at_s})",
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-",
        ]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width, 3), done.stderr.decode()


def lettered(picture: np.ndarray) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 of what is drawn."""
    rows, columns = np.nonzero((np.abs(picture.astype(int) - GROUND) > 8).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def dialogues(text: str) -> list[str]:
    """The texts of an .ass file's events."""
    return [line.split(",", 9)[9] for line in text.splitlines() if line.startswith("Dialogue:")]


def bare(text: str) -> str:
    """An event's text as libass shows it, its lines joined by newlines."""
    shown, place = [], 0
    while place < len(text):
        escape = text[place : place + 2]
        if escape in (r"\{", r"\}"):
            shown.append(escape[1])
            place += 2
        elif escape == r"\N":
            shown.append("\n")
            place += 2
        elif text[place] == "{":
            place = text.index("}", place) + 1
        else:
            shown.append(text[place])
            place += 1
    return re.sub("[\u2060\u200e\u200f]", "", "".join(shown))

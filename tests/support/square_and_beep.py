"""A square that moves over a flickering ground, with a beep: a video whose faces and words are known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline.types import ModelChoice, ScoredTracks, Segment, Transcript, Word

WIDTH, HEIGHT, FRAMES, RATE_HZ = 160, 120, 75, 16_000
SQUARE = 30
BEEP_S = (1.4, 1.6)
MODELS = (
    ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="no weights"),
    ModelChoice("speaking", "lip-motion", None),
    ModelChoice("words", "base", Path("/somewhere/base.pt"), "ab" * 32),
)


def square_at(frame: int) -> tuple[int, int]:
    return 20 + frame, 40 + frame // 5


LIT = np.random.default_rng(5).random(FRAMES) < 0.5
"""Whether the ground is light on a frame: no two stretches of it are alike."""


def write_video(path: Path) -> None:
    """Three seconds at 25 fps: a white square moves over a ground that flickers as `LIT` says; a beep at `BEEP_S`."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": "0"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for i in range(FRAMES):
            pixels = np.full((HEIGHT, WIDTH, 3), 140 if LIT[i] else 40, np.uint8)
            x, y = square_at(i)
            pixels[y : y + SQUARE, x : x + SQUARE] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        times = np.arange(FRAMES * RATE_HZ // 25) / RATE_HZ
        beep = np.where((times >= BEEP_S[0]) & (times < BEEP_S[1]), np.sin(2 * np.pi * 1000 * times), 0)
        for first in range(0, len(beep), 1024):
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray((beep[None, first : first + 1024] * 16000).astype(np.int16)),
                format="s16",
                layout="mono",
            )
            block.sample_rate, block.pts, block.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            container.mux(sound.encode(block))
        container.mux(sound.encode())


def known_tracks() -> ScoredTracks:
    """The square as a face that speaks, and a silent one beside it; the square is lost on the last ten frames."""
    corners = np.array([square_at(i) for i in range(FRAMES - 10)], np.float32)
    moving = np.hstack([corners, corners + SQUARE])
    still = np.tile(np.array([100, 10, 130, 40], np.float32), (FRAMES, 1))
    boxes = np.vstack([moving, still])
    numbers = np.repeat(np.arange(2, dtype=np.int32), [len(moving), len(still)])
    frames = np.concatenate([np.arange(len(moving)), np.arange(FRAMES)]).astype(np.int32)
    logits = np.where(numbers == 0, 2.0, -2.0).astype(np.float32)
    return ScoredTracks(
        FRAMES, np.zeros(1, np.int32), numbers, frames, boxes, logits, np.where(numbers == 0, 0.9, 0.1).astype("f4")
    )


def segment(*words: Word, flags: tuple[str, ...] = ()) -> Segment:
    return Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words, flags)


TRANSCRIPT = Transcript(
    "en",
    (
        segment(Word(" Hello", 0.24, 0.56, 0.9), Word(" there.", 0.56, 0.9, 0.8)),
        segment(Word(" Beep", 1.4, 1.6, timing="interpolated"), Word(" now", 1.9, 2.7), flags=("repeated",)),
        segment(Word(" Too late.", 3.2, 3.6)),
    ),
)


def pictures_of(clip: Path) -> list[np.ndarray]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24").astype(float) for frame in container.decode(video=0)]


def sound_of(clip: Path) -> tuple[np.ndarray, float]:
    """Samples as they are played, and the length of the stream in seconds."""
    with av.open(str(clip)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None and stream.time_base is not None
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
        return samples, float(stream.duration * stream.time_base)

"""Small synthetic videos whose pictures carry their number and whose sound can be found by ear of numpy."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

BITS = 8
WIDTH_PX, HEIGHT_PX = 64, 48
TICKS = 120_000
"""Ticks a second of the picture's clock: a whole number to a frame of 23.976, 25, 29.97, 50 and 60 fps."""


@dataclass(frozen=True, slots=True)
class Film:
    """Makes videos in *folder*."""

    folder: Path

    def coded(self, number: int) -> np.ndarray:
        """(48, 64, 3) uint8 picture with *number* as eight bars, black and white."""
        bits = [(number >> bit) & 1 for bit in range(BITS)]
        row = np.repeat(np.array(bits, np.uint8) * 255, WIDTH_PX // BITS)
        return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (HEIGHT_PX, WIDTH_PX, 3)))

    def number(self, picture: np.ndarray) -> int:
        """The number in a picture made by `coded`, of whatever size it is now."""
        height, width = picture.shape[:2]
        columns = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
        return sum(int(picture[height // 2, column].mean() > 127) << bit for bit, column in enumerate(columns))

    def times(self, rate: Fraction, seconds: float, zero_s: Fraction = Fraction(0)) -> list[Fraction]:
        """Times of the frames of *seconds* of video."""
        return [zero_s + k / rate for k in range(round(seconds * rate))]

    def make(
        self,
        name: str,
        times_s: Sequence[Fraction],
        last_s: Fraction = Fraction(1, 25),
        *,
        pictures: Sequence[np.ndarray] | None = None,
        sound: Sequence[tuple[Fraction, np.ndarray]] = (),
        sound_rate_hz: int = 16_000,
        sound_codec: str = "pcm_s16le",
        aspect: Fraction | None = None,
        options: dict[str, str] | None = None,
    ) -> Path:
        """Writes a video whose frame *k* is shown from ``times_s[k]`` on, the last for *last_s* seconds.

        AVI has no timestamps: there, times are multiples of 1/25 s and the codec is MPEG-4 without B-frames.

        Args:
            name: of the file; its ending chooses the container.
            times_s, last_s: see above.
            pictures: one for each time; the number of the frame by default.
            sound: start and (N, C) int16 samples of each stretch.
            sound_rate_hz, sound_codec: of the sound.
            aspect: of a pixel, width to height.
            options: of x264.
        """
        path = self.folder / name
        pictures = [self.coded(k) for k in range(len(times_s))] if pictures is None else pictures
        with av.open(str(path), "w") as container:
            avi = path.suffix == ".avi"
            video = container.add_stream("mpeg4" if avi else "libx264", rate=25)
            video.width, video.height, video.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
            ticks = 25 if avi else TICKS
            video.time_base = video.codec_context.time_base = Fraction(1, ticks)
            video.options = {} if avi else {"preset": "ultrafast", "crf": "10", **(options or {})}
            if avi:
                video.bit_rate, video.gop_size = 2_000_000, int((options or {}).get("g", 12))
            if aspect is not None:
                video.codec_context.sample_aspect_ratio = aspect
            packets: list[Any] = []
            audio: Any = None
            layout = ""
            if sound:
                channels = sound[0][1].shape[1]
                layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
                audio = container.add_stream(sound_codec, rate=sound_rate_hz, layout=layout)
            ends_s = [*times_s[1:], times_s[-1] + last_s]
            durations = {round(at * ticks): round((end - at) * ticks) for at, end in zip(times_s, ends_s, strict=True)}
            for at, picture in zip(times_s, pictures, strict=True):
                frame = VideoFrame.from_ndarray(picture, "bgr24")
                frame.pts, frame.time_base = round(at * ticks), Fraction(1, ticks)
                packets += video.encode(frame)
            packets += video.encode(None)
            for packet in packets:
                packet.duration = durations[packet.pts]
            if audio is not None:
                for start_s, samples in sound:
                    step = audio.codec_context.frame_size or 1024
                    for first in range(0, len(samples), step):
                        part = np.ascontiguousarray(samples[first : first + step])
                        frame = AudioFrame.from_ndarray(part.reshape(1, -1), "s16", layout)
                        frame.sample_rate = sound_rate_hz
                        frame.pts = round(start_s * sound_rate_hz) + first
                        frame.time_base = Fraction(1, sound_rate_hz)
                        packets += audio.encode(frame)
                packets += audio.encode(None)
            packets.sort(key=lambda packet: packet.dts * packet.time_base)
            for packet in packets:
                container.mux(packet)
        return path

    def ffmpeg(self, *words: str | Path) -> None:
        """Runs the bundled ffmpeg, quietly, in the folder."""
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-nostdin", *map(str, words)]
        subprocess.run(argv, check=True, cwd=self.folder)

    def tone(self, rate_hz: int, seconds: float, channels: int = 1, frequency_hz: float = 440.0) -> np.ndarray:
        """(N, C) int16 sine at half of full scale."""
        at = np.arange(round(rate_hz * seconds)) / rate_hz
        wave = np.rint(16384 * np.sin(2 * np.pi * frequency_hz * at)).astype(np.int16)
        return np.repeat(wave[:, None], channels, axis=1)

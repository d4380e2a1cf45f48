"""Picture and sound of a scene, and the file that holds both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.audio.stream
import av.video.stream
import numpy as np
from av.codec.context import Flags
from scipy.signal import resample_poly

from samples.face import Face
from samples.portraits import PORTRAITS
from samples.scenes import Scene
from samples.speech import RATE_HZ
from samples.timeline import Timeline

SPEECH_DBFS = -21.0
"""Root mean square of every sentence."""
ROOM_DBFS = -64.0
"""Root mean square of the noise under everything: a real microphone never gives plain zeros."""
DIVIDER_PX = 4
"""Width of the dark line between two panels."""
CRF = "26"
AUDIO_BIT_RATE = 56_000


def frames(timeline: Timeline) -> Iterator[np.ndarray]:
    """Yield every frame of the video, (height, width, 3) uint8 BGR; raise the errors of :class:`samples.face.Face`."""
    scene = timeline.scene
    width, height = scene.size
    faces = {
        name: [(panel, Face(PORTRAITS[panel.person], panel.view)) for panel in panels]
        for name, panels in scene.views.items()
    }
    for shot in timeline.shots:
        for frame in range(shot.first_frame, shot.stop_frame):
            picture = np.zeros((height, width, 3), np.uint8)
            for panel, face in faces[shot.view]:
                right_px = panel.left_px + panel.view.size[0]
                picture[:, panel.left_px : right_px] = face.draw(timeline.poses[panel.person][frame])
                if panel.left_px:
                    picture[:, panel.left_px - DIVIDER_PX // 2 : panel.left_px + DIVIDER_PX // 2] = 24
            yield picture


def sound(timeline: Timeline) -> np.ndarray:
    """Return the sound of the scene from the first frame to the end of the last, (N,) float32 in -1..1."""
    rate_hz = timeline.scene.audio_rate_hz
    random = np.random.default_rng(timeline.scene.seed)
    count = math.ceil(timeline.duration_s * rate_hz)
    mix = random.standard_normal(count) * 10 ** (ROOM_DBFS / 20)
    divisor = math.gcd(rate_hz, RATE_HZ)
    for turn in timeline.turns:
        speech = turn.utterance.samples / 32768
        speech *= 10 ** (SPEECH_DBFS / 20) / np.sqrt(np.mean(speech**2))
        speech = resample_poly(speech, rate_hz // divisor, RATE_HZ // divisor)
        first = round(turn.start_s * rate_hz)
        mix[first : first + len(speech)] += speech
    return mix.astype(np.float32)


def write_video(timeline: Timeline, path: Path) -> None:
    """Encode the scene as H.264 and AAC in MP4, with one thread and no mark of version or date."""
    scene = timeline.scene
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        picture_stream = container.add_stream("libx264", rate=scene.rate, options={"crf": CRF, "preset": "slow"})
        sound_stream = container.add_stream("aac", rate=scene.audio_rate_hz)
        assert isinstance(picture_stream, av.video.stream.VideoStream)
        assert isinstance(sound_stream, av.audio.stream.AudioStream)
        picture_stream.width, picture_stream.height = scene.size
        picture_stream.pix_fmt = "yuv420p"
        sound_stream.layout = "mono" if scene.audio_channels == 1 else "stereo"
        sound_stream.bit_rate = AUDIO_BIT_RATE
        for stream in (picture_stream, sound_stream):
            stream.codec_context.thread_count = 1
            stream.codec_context.flags |= Flags.bitexact
        for number, picture in enumerate(frames(timeline)):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, 1 / scene.rate
            container.mux(picture_stream.encode(frame))
        container.mux(picture_stream.encode(None))
        for frame in _sound_frames(sound(timeline), scene):
            container.mux(sound_stream.encode(frame))
        container.mux(sound_stream.encode(None))


def _sound_frames(samples: np.ndarray, scene: Scene) -> Iterator[av.AudioFrame]:
    """Yield *samples* from the start of the sound track on, in blocks with their times."""
    block = 1024
    layout = "mono" if scene.audio_channels == 1 else "stereo"
    for first in range(round(scene.sound_from_s * scene.audio_rate_hz), len(samples), block):
        planes = np.tile(samples[first : first + block], (scene.audio_channels, 1))
        frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = scene.audio_rate_hz, first, Fraction(1, scene.audio_rate_hz)
        yield frame

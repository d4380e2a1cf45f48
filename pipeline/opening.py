"""The opening of a source: it is probed, its sound written to disk, its pictures read on the 25 fps grid."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from config import Config
from pipeline.errors import InputError
from pipeline.machine import ResolvedConfig
from pipeline.media.decode import read_frames as decode_frames
from pipeline.media.excerpts import excerpted
from pipeline.media.heard import extract_heard
from pipeline.media.picture_times import picture_times
from pipeline.media.probe import probe, with_sound_file
from pipeline.media.sound_tracks import AUTO
from pipeline.outputs.failure import OF_THE_FILE
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import AUDIO_RATE_HZ, MediaLimits
from pipeline.vision.face_boxes import read_face_boxes
from pipeline.vision.scenes import read_scenes
from pipeline.vision.settings import VisionSettings

SOUND_BYTES_PER_S = 2 * AUDIO_RATE_HZ
"""Size of the sound file of a video, which lies there while the video is in work."""


def open_video(
    video: VideoJob, sound: Path | None, config: ResolvedConfig, on_seconds: Callable[[float], None]
) -> OpenedVideo:
    """Probe a video, and write its sound to *sound*, unless that is None: a video without sound is opened so.

    Raises:
        InputError: the file cannot be used.
        OSError: there is no room for its sound.
    """
    found = probe(video.path, limits_of(config), AUTO if video.sound_file else config.SOUND_TRACK)
    found = excerpted(found, config.START, config.DURATION)
    if video.no_sound is not None:
        found = dataclasses.replace(found, audio_rate_hz=None, audio_channels=0)  # a track of it cannot be decoded
    if video.sound_file is not None:
        with _no_fault_of_the_video(video.sound_file):
            found = with_sound_file(found, video.sound_file, config.SOUND_TRACK)
    shots = None if video.scenes is None else read_scenes(video.scenes, found.duration_s)
    faces = None
    if video.face_boxes is not None and "vision" not in video.kept | video.left_out:
        settings = VisionSettings.of(config)
        faces = read_face_boxes(video.face_boxes, found, picture_times, settings.detect_threshold)
    if sound is None:
        return OpenedVideo(found, None, shots, faces)
    needed = int((found.length_s + float(max(found.lead_s, 0))) * SOUND_BYTES_PER_S)
    if shutil.disk_usage(sound.parent).free < needed:
        text = f"its sound needs {needed / 1e6:.0f} MB of temporary files"
        raise OSError(errno.ENOSPC, text, str(sound.parent))
    with _no_fault_of_the_video(video.sound_file):
        found, heard = extract_heard(found, sound, config.SOUND_TRACK == AUTO, on_seconds)
    return OpenedVideo(found, heard, shots, faces)


@contextlib.contextmanager
def _no_fault_of_the_video(sound_file: Path | None) -> Iterator[None]:
    """Give what is wrong with a sound file of the user's a code of its own: the video with its results stays good."""
    try:
        yield
    except InputError as error:
        if sound_file is None or error.path != sound_file or error.reason_code not in OF_THE_FILE:
            raise
        raise InputError("bad_audio_file", f"{error.message} (AUDIO_FILE)", sound_file) from error


def limits_of(config: Config) -> MediaLimits:
    """Return the limits on what a file may claim."""
    return MediaLimits(round(config.MAX_MEGAPIXELS * 1e6), config.MAX_VIDEO_HOURS * 3600)


def read_frames(
    opened: OpenedVideo, size_px: tuple[int, int], threads: int, on_lost: Callable[[int], None]
) -> Iterator[np.ndarray]:
    """Yield the pictures of the excerpt on the grid at *size_px* (width, height); each holds until the next one.

    *on_lost* takes the number of packets that could not be decoded, as that is found.
    """
    excerpt = opened.probe.excerpt
    return decode_frames(opened.probe, excerpt.first_frame, excerpt.stop_frame, threads, size_px, on_lost=on_lost)

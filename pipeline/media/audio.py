"""Sound of a video on the clock of its picture: sample 0 is the instant of the first video frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import av.stream
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pipeline.errors import InputError
from pipeline.media.probe import opened
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Probe

TOLERANCE_S = 0.02
"""Timestamps may stray this far from the running count of samples before silence is put in or sound cut out:
containers round them to milliseconds, and a correction is heard."""

BLOCK_S = 10
"""Seconds of sound resampled at a time."""

SEEK_LEAD_S = Fraction(1, 2)
"""Decoding begins this long before a wanted span: audio codecs need the packets before to get going."""


def extract_sound(probe: Probe, path: Path, on_progress: Callable[[float], None] = lambda _: None) -> AudioTrack:
    """Writes the first sound track as mono 16 kHz int16 samples to *path*, in bounded memory.

    Late or missing sound becomes silence, sound before the first picture is left out.

    Args:
        probe: the file.
        path: file to write; whole when the function returns.
        on_progress: called with the seconds done.

    Raises:
        InputError: ``no_audio`` when there is no sound track or nothing in it can be decoded.
    """
    if probe.audio_rate_hz is None:
        raise InputError("no_audio", "has no sound track; who speaks cannot be told without sound", probe.path)
    rate_hz = probe.audio_rate_hz
    written = 0
    with path.open("wb") as file:
        for block in _resampled(_blocks(_placed(probe, rate_hz, 1, Fraction(0)), rate_hz * BLOCK_S), rate_hz):
            samples = np.clip(np.rint(block * 32768.0), -32768, 32767).astype("<i2")
            file.write(samples.tobytes())
            written += len(samples)
            on_progress(written / AUDIO_RATE_HZ)
    if not written:
        raise InputError("no_audio", "its sound track holds nothing that can be decoded", probe.path)
    return AudioTrack(path, written)


def read_sound(probe: Probe, start_s: Fraction, end_s: Fraction) -> tuple[np.ndarray, int]:
    """The sound of ``[start_s, end_s)`` after the first video frame, at the source's own rate.

    Returns:
        (N, C) int16 with C of 1 or 2 and N of exactly ``round((end_s - start_s) * rate)``, silence where there is
        no sound; and the rate in Hz.
    """
    if probe.audio_rate_hz is None:
        raise InputError("no_audio", "has no sound track", probe.path)
    rate_hz = probe.audio_rate_hz
    channels = min(probe.audio_channels, 2)
    wanted = round((end_s - start_s) * rate_hz)
    out = np.zeros((wanted, channels), np.int16)
    filled = 0
    for block in _placed(probe, rate_hz, channels, Fraction(start_s)):
        part = block[: wanted - filled]
        out[filled : filled + len(part)] = np.clip(np.rint(part * 32768.0), -32768, 32767)
        filled += len(part)
        if filled == wanted:
            break
    return out, rate_hz


def _placed(probe: Probe, rate_hz: int, channels: int, start_s: Fraction) -> Iterator[np.ndarray]:
    """Consecutive (n, channels) float32 blocks; the first sample is the instant *start_s* after the first picture."""
    tolerance = round(TOLERANCE_S * rate_hz)
    silence = np.zeros((rate_hz, channels), np.float32)
    begun = False
    position = 0
    for time_s, samples in _decoded(probe, rate_hz, channels, start_s):
        at = position if time_s is None else round((time_s - start_s) * rate_hz)
        if not begun or abs(at - position) > tolerance:
            if at > position:
                missing = at - position
                for first in range(0, missing, len(silence)):
                    yield silence[: missing - first]
                position = at
            samples = samples[position - at :]
        if len(samples):
            begun = True
            yield samples
            position += len(samples)


def _decoded(
    probe: Probe, rate_hz: int, channels: int, start_s: Fraction
) -> Iterator[tuple[Fraction | None, np.ndarray]]:
    """Time after the first video frame (None: unknown) and (n, channels) float32 of each block that can be decoded."""
    with opened(probe.path) as container:
        stream = container.streams.audio[0]
        time_base = stream.time_base or Fraction(1, av.time_base)
        if start_s > SEEK_LEAD_S:
            _seek(container, stream, probe.zero_s + start_s - SEEK_LEAD_S, time_base)
        resampler, described = None, None
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                for frame in frames:
                    assert isinstance(frame, AudioFrame)
                    shape = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if resampler is None or shape != described:
                        layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
                        resampler, described = AudioResampler("fltp", layout, rate_hz), shape
                    time_s = None if frame.pts is None else frame.pts * (frame.time_base or time_base) - probe.zero_s
                    for part in resampler.resample(frame):
                        yield time_s, _mixed(part.to_ndarray().T, channels)
                        time_s = None
        except av.error.FFmpegError as error:
            if resampler is None:
                raise InputError("no_audio", f"its sound cannot be decoded ({error})", probe.path) from error


def _mixed(samples: np.ndarray, channels: int) -> np.ndarray:
    """(n, 1) or (n, 2) samples as (n, channels): two become their mean, which cannot be louder than full scale.

    FFmpeg's own mix of two float channels into one is louder by 3 dB, so that loud speech would clip.
    """
    if samples.shape[1] == channels:
        return samples
    return samples.mean(axis=1, keepdims=True) if channels == 1 else np.repeat(samples, channels, axis=1)


def _seek(
    container: av.container.InputContainer, stream: av.stream.Stream, time_s: Fraction, time_base: Fraction
) -> None:
    try:
        container.seek(max(int(time_s / time_base), 0), stream=stream, backward=True)
    except av.error.FFmpegError:
        container.seek(0)


def _blocks(parts: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The mono samples of *parts* regrouped into blocks of *length*; the last one is shorter."""
    held: list[np.ndarray] = []
    count = 0
    for part in parts:
        held.append(part[:, 0])
        count += len(part)
        if count >= length:
            joined = np.concatenate(held)
            whole = count - count % length
            for first in range(0, whole, length):
                yield joined[first : first + length]
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _resampled(blocks: Iterator[np.ndarray], rate_hz: int) -> Iterator[np.ndarray]:
    """Blocks at 16 kHz, the same numbers as if all had been resampled at once.

    Each block is resampled with a margin of its neighbours on either side, and the margin cut away; blocks and
    margins are whole multiples of the step after which the two rates meet again.
    """
    if rate_hz == AUDIO_RATE_HZ:
        yield from blocks
        return
    import torch
    from torchaudio.functional import resample

    common = math.gcd(rate_hz, AUDIO_RATE_HZ)
    step_in, step_out = rate_hz // common, AUDIO_RATE_HZ // common
    margin = math.ceil(64 * max(1.0, step_in / step_out) / step_in)
    before = np.zeros(0, np.float32)
    block = next(blocks, None)
    while block is not None:
        after = next(blocks, None)
        lead = before[-margin * step_in :]
        tail = np.zeros(0, np.float32) if after is None else after[: margin * step_in]
        joined = torch.from_numpy(np.concatenate([lead, block, tail]))
        whole = resample(joined, rate_hz, AUDIO_RATE_HZ).numpy()
        first = len(lead) // step_in * step_out
        yield whole[first : first + math.ceil(len(block) * step_out / step_in)]
        before, block = block, after

"""Sound of a video on the clock of its picture: sample 0 is the instant of the first video frame, and sound before it
has negative numbers."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.audio.stream
import av.container
import av.error
import av.stream
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pipeline.errors import InputError
from pipeline.media.faults import check_system
from pipeline.media.joins import join_notes, on_one_clock
from pipeline.media.limits import MAX_CHANNELS, SOUND_RATES_HZ, check_length
from pipeline.media.mixing import Mixer, mono_mixer, stereo_mixer
from pipeline.media.probe import MISSING_S, check_unchanged, claimed_end, opened, packets
from pipeline.media.sound_tracks import sound_streams
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS, AudioTrack, Excerpt, Probe

TOLERANCE_S = 0.02
"""Largest distance of timestamps from the running count of samples before silence is put in or sound cut out:
containers round them to milliseconds, and a correction is heard."""

BLOCK_S = 10
"""Seconds of sound resampled at a time."""

AROUND_S = Fraction(1, 5)
"""Seconds of sound before and after an excerpt that are kept: recognisers hear words at the very edge badly, and the
features of a frame reach into its neighbours."""

SEEK_LEAD_S = Fraction(1, 2)
"""Time before a wanted span at which decoding begins: audio codecs need the packets before to get going."""


MAX_STEP = 4_000_000
"""Most products of a resampling filter; rates without a common divisor with 16 kHz would need gigabytes."""

USUAL_RATE_HZ = 48_000
"""Rate of sound where the source's own cannot be used."""

CANCELLED_S = 1.0
"""Least length of opposite phase that is reported: stereo effects have moments of it."""

CLIP_RATES_HZ = range(8_000, 96_001)
"""Rates that AAC knows."""


@dataclass(slots=True)
class _Losses:
    """Counts of samples and packets of a sound track that could not be read or mixed."""

    packets: int = 0
    cancelled: int = 0
    """Samples at which a mix of more than two channels consists of one channel alone."""


def extract_sound(probe: Probe, path: Path, on_progress: Callable[[float], None] = lambda _: None) -> AudioTrack:
    """Write the sound track as mono 16 kHz int16 samples to *path*, in bounded memory.

    The file begins with the first video frame, or with the sound where that is earlier; that of an excerpt has
    `AROUND_S` more on either side. Late or missing sound becomes silence. Packets that cannot be decoded, and those
    that the header claims beyond the end of a file that was cut off, are counted.

    Args:
        probe: the file.
        path: file to write; whole when the function returns.
        on_progress: called with the seconds after the first video frame, or of the excerpt, that are done.

    Raises:
        InputError: ``no_audio`` when there is no sound track or nothing in it can be decoded, ``too_long`` when it
            goes on beyond the limits, or begins as far before the picture, ``changed`` when the file has changed.
    """
    if probe.audio_rate_hz is None:
        message = "has no sound track that can be decoded; who speaks cannot be told without sound"
        raise InputError("no_audio", message, probe.path)
    rate_hz = _working_rate(probe.audio_rate_hz)
    losses = _Losses()
    sound_s = sound_start(probe)
    first_sample, least, most = _samples_of(probe.excerpt, sound_s, rate_hz)
    begin_s = Fraction(first_sample, AUDIO_RATE_HZ)
    channels = min(probe.audio_channels, 2)
    written, peak, mixer = 0, 0.0, mono_mixer(channels, rate_hz)
    with path.open("wb") as file:
        parts = _placed(probe, rate_hz, channels, begin_s, losses)
        for resampled in _resampled(_blocks(parts, rate_hz * BLOCK_S, mixer), rate_hz):
            block = resampled[: most - written]
            samples = np.clip(np.rint(block * 32768.0), -32768, 32767).astype("<i2")
            file.write(samples.tobytes())
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            written += len(samples)
            on_progress(max(written + min(first_sample, 0), 0) / AUDIO_RATE_HZ)
            if written == most:
                break
        if written < least:
            file.write(bytes(2 * (least - written)))
            written = least
    check_unchanged(probe)
    if not written:
        raise InputError("no_audio", "its sound track holds nothing that can be decoded", _sound_of(probe)[0])
    return AudioTrack(
        path,
        written,
        losses.packets,
        first_sample,
        float(sound_s),
        min(peak, 1.0),
        _notes(probe, max(mixer.cancelled, losses.cancelled) / rate_hz, written / AUDIO_RATE_HZ),
        probe.sound_track,
        container_start_s=-float(probe.lead_s),
        excerpt=probe.excerpt,
    )


def _notes(probe: Probe, cancelled_s: float, length_s: float) -> tuple[str, ...]:
    notes = []
    if probe.sound_tracks > 1:
        language = f" ({probe.sound_language})" if probe.sound_language else ""
        notes.append(f"sound track {probe.sound_track} of {probe.sound_tracks}{language} was used")
    if cancelled_s > CANCELLED_S:
        text = f"the channels of its sound cancel each other out for {cancelled_s:.1f} of {length_s:.1f} s"
        notes.append(f"{text}: the louder one was heard there")
    if probe.unread_packets:
        text = f"{probe.unread_packets} packets of other streams follow where its picture ends, and were not read"
        notes.append(f"{text}: is it made of several recordings? Part it, or give them the same streams with ffmpeg")
    return (*join_notes(probe.joins, probe.zero_s), *notes)


def sound_start(probe: Probe) -> Fraction:
    """Return the instant of the first sample that can be decoded, in seconds after the first video frame; below 0
    where the sound begins before the picture.

    Raises:
        InputError: ``no_audio`` when nothing can be decoded, ``too_long`` when it lies beyond the limits.
    """
    path = _sound_of(probe)[0]
    rate_hz = _working_rate(probe.audio_rate_hz or AUDIO_RATE_HZ)
    decoded = _decoded(probe, rate_hz, 1, Fraction(0), _Losses())
    with contextlib.closing(decoded):
        first = next(decoded, None)
    if first is None:
        raise InputError("no_audio", "its sound track holds nothing that can be decoded", path)
    start_s = first[0] or Fraction(0)
    check_length(start_s, probe.limits, path, "the beginning of its sound")
    return start_s


def _samples_of(excerpt: Excerpt, sound_s: Fraction, rate_hz: int) -> tuple[int, int, int]:
    """Return the number of the first sample at 16 kHz that is kept of a sound that begins at *sound_s*, and the least
    and greatest number of samples.

    The first sample lies at an instant of both rates, so that resampling gives the same numbers wherever it begins. An
    excerpt that begins later has sound, if only silence, on its first frame.
    """
    step_s = Fraction(1, math.gcd(rate_hz, AUDIO_RATE_HZ))
    begin_s, least_s = min(sound_s, Fraction(0)), Fraction(0)
    if excerpt.first_frame:
        begin_s = Fraction(excerpt.first_frame, GRID_FPS) - AROUND_S
        least_s = AROUND_S + Fraction(1, GRID_FPS)
    first = math.floor(begin_s / step_s) * int(step_s * AUDIO_RATE_HZ)
    if excerpt.stop_frame is None:
        return first, round(least_s * AUDIO_RATE_HZ), sys.maxsize
    stop = round((Fraction(excerpt.stop_frame, GRID_FPS) + AROUND_S) * AUDIO_RATE_HZ)
    return first, min(round(least_s * AUDIO_RATE_HZ), stop - first), stop - first


def _working_rate(rate_hz: int) -> int:
    """Return the rate from which sound is brought to 16 kHz: the source's own, unless the two have too little in
    common."""
    common = math.gcd(rate_hz, AUDIO_RATE_HZ)
    return rate_hz if (rate_hz // common) * (AUDIO_RATE_HZ // common) <= MAX_STEP else USUAL_RATE_HZ


def read_sound(probe: Probe, start_s: Fraction, end_s: Fraction) -> tuple[np.ndarray, int]:
    """Read the sound of ``[start_s, end_s)`` after the first video frame, at the source's own rate where AAC knows it.

    Returns:
        (N, C) int16 with C of 1 or 2 and N of exactly ``round((end_s - start_s) * rate)``, silence where there is
        no sound; and the rate in Hz.
    """
    rate_hz, channels = clip_sound(probe)
    wanted = round((end_s - start_s) * rate_hz)
    out = np.zeros((wanted, channels), np.int16)
    filled = 0
    for block in sound_blocks(probe, start_s):
        part = block[: wanted - filled]
        out[filled : filled + len(part)] = part
        filled += len(part)
        if filled == wanted:
            break
    return out, rate_hz


def clip_sound(probe: Probe) -> tuple[int, int]:
    """Return the rate in Hz and the channels, 1 or 2, of a clip's sound: the source's own where AAC knows them.

    Raises:
        InputError: ``no_audio``.
    """
    if probe.audio_rate_hz is None:
        raise InputError("no_audio", "has no sound track that can be decoded", probe.path)
    rate_hz = probe.audio_rate_hz if probe.audio_rate_hz in CLIP_RATES_HZ else USUAL_RATE_HZ
    return rate_hz, min(probe.audio_channels, 2)


def sound_blocks(probe: Probe, start_s: Fraction = Fraction(0), end_s: Fraction | None = None) -> Iterator[np.ndarray]:
    """Yield consecutive (n, C) int16 blocks from *start_s* after the first video frame to *end_s* or the end of the
    sound, in the form of `clip_sound`: silence where there is no sound in between, nothing after its end."""
    rate_hz, channels = clip_sound(probe)
    left = sys.maxsize if end_s is None else round((end_s - start_s) * rate_hz)
    for block in _placed(probe, rate_hz, channels, Fraction(start_s), _Losses()):
        yield np.clip(np.rint(block[:left] * 32768.0), -32768, 32767).astype(np.int16)
        left -= len(block)
        if left <= 0:
            return


def _placed(probe: Probe, rate_hz: int, channels: int, start_s: Fraction, losses: _Losses) -> Iterator[np.ndarray]:
    """Yield consecutive (n, channels) float32 blocks; the first sample is the instant *start_s* after the first
    picture."""
    tolerance = round(TOLERANCE_S * rate_hz)
    silence = np.zeros((rate_hz, channels), np.float32)
    begun = False
    position = 0
    for time_s, samples in _decoded(probe, rate_hz, channels, start_s, losses):
        at = position if time_s is None else round((time_s - start_s) * rate_hz)
        check_length(start_s + Fraction(at, rate_hz), probe.limits, _sound_of(probe)[0], "a part of its sound")
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


def _sound_of(probe: Probe) -> tuple[Path, Fraction]:
    """Return the file that has the sound, and the instant of the first video frame on its clock."""
    return (probe.path, probe.zero_s) if probe.sound_file is None else (probe.sound_file.path, probe.sound_file.zero_s)


def _decoded(
    probe: Probe, rate_hz: int, channels: int, start_s: Fraction, losses: _Losses
) -> Generator[tuple[Fraction | None, np.ndarray]]:
    """Yield the time after the first video frame (None: unknown) and (n, channels) float32 of each decodable block."""
    path, zero_s = _sound_of(probe)
    with opened(path, probe.limits) as container:
        check_unchanged(probe)
        streams = sound_streams(container)
        if len(streams) < probe.sound_track:
            raise InputError("no_audio", "its sound track has gone", path)
        stream = streams[probe.sound_track - 1]
        time_base = stream.time_base or Fraction(1, av.time_base)
        sought = start_s > SEEK_LEAD_S and not probe.joins
        if sought:
            _seek(container, stream, zero_s + start_s - SEEK_LEAD_S, time_base)
        resampler, mixer, described, reached = None, None, None, not sought
        read, begin_s, end_s = 0, (stream.start_time or 0) * time_base, Fraction(0)
        try:
            joins = () if probe.sound_file else probe.joins
            for packet in on_one_clock(packets(container, stream), stream.index, joins):
                reached = reached or (packet.pts is not None and packet.pts * time_base - zero_s >= start_s)
                if sought and not read and packet.pts is not None:
                    begin_s = packet.pts * time_base
                read += bool(packet.size)
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    losses.packets += reached
                    continue
                losses.packets += packet.is_corrupt and reached
                if packet.pts is not None:
                    end_s = (packet.pts + (packet.duration or 0)) * time_base
                for frame in frames:
                    assert isinstance(frame, AudioFrame)
                    if frame.sample_rate not in SOUND_RATES_HZ or frame.layout.nb_channels > MAX_CHANNELS:
                        losses.packets += reached
                        continue
                    shape = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if resampler is None or shape != described:
                        resampler, described = _resampler(frame, rate_hz), shape
                        mixer = stereo_mixer([channel.name for channel in frame.layout.channels], rate_hz)
                    time_s = None if frame.pts is None else frame.pts * (frame.time_base or time_base) - zero_s
                    for part in resampler.resample(frame):
                        samples = part.to_ndarray().reshape(-1, frame.layout.nb_channels)
                        yield time_s, _mixed(samples, channels, mixer, losses)
                        time_s = None
        except av.error.FFmpegError as error:
            check_system(error, path)
            if resampler is None:
                raise InputError("no_audio", f"its sound cannot be decoded ({error})", path) from error
            losses.packets += 1
        if not probe.joins:
            losses.packets += _packets_missing(container, stream, read, begin_s, end_s)


def _packets_missing(
    container: av.container.InputContainer,
    stream: av.audio.stream.AudioStream,
    read: int,
    begin_s: Fraction,
    end_s: Fraction,
) -> int:
    """Estimate the packets that the header claims beyond the *read* ones, by the mean length of those, which began at
    *begin_s* and ended at *end_s* of the file's clock."""
    claim_s, claimed_for = claimed_end(container, stream)
    if claimed_for != "picture" or not read or claim_s - end_s <= MISSING_S or end_s <= begin_s:
        return 0
    return math.ceil((claim_s - end_s) * read / (end_s - begin_s))


def _resampler(frame: AudioFrame, rate_hz: int) -> AudioResampler:
    """Return a resampler from sound like *frame* to a rate and to packed floats, with the channels that it has.

    The floats are packed because PyAV reads beyond the end of a frame with eight planes.
    """
    count = frame.layout.nb_channels
    return AudioResampler("flt", {1: "mono", 2: "stereo"}.get(count) or frame.layout, rate_hz)


def _mixed(samples: np.ndarray, channels: int, mixer: Mixer | None, losses: _Losses) -> np.ndarray:
    """Mix (n, C) samples to (n, channels), 1 or 2; *mixer* is for more than two source channels."""
    if mixer is not None:
        before = mixer.cancelled
        samples = mixer.mix(samples)
        losses.cancelled += mixer.cancelled - before
    if samples.shape[1] == channels:
        return samples
    return samples.mean(axis=1, keepdims=True) if channels == 1 else np.repeat(samples, channels, axis=1)


def _seek(
    container: av.container.InputContainer, stream: av.stream.Stream, time_s: Fraction, time_base: Fraction
) -> None:
    """Seek to *time_s* of the file's clock, or to the beginning, which lies below 0 where the clock wraps later on."""
    try:
        container.seek(max(int(time_s / time_base), stream.start_time or 0), stream=stream, backward=True)
    except av.error.FFmpegError:
        container.seek(container.start_time or 0)


def _blocks(parts: Iterator[np.ndarray], length: int, mixer: Mixer) -> Iterator[np.ndarray]:
    """Yield the samples of *parts*, mixed to mono and regrouped into blocks of *length*; the last one is shorter."""
    held: list[np.ndarray] = []
    count = 0
    for part in parts:
        held.append(mixer.mix(part)[:, 0])
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
    """Yield blocks at 16 kHz, with the same numbers as if all had been resampled at once.

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

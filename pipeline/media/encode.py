"""Clips through ffmpeg: pictures through a pipe, sound beside them, one encoder process a clip."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import ffmpeg
import imageio_ffmpeg
import numpy as np

from pipeline.errors import InputError, ToolError

STDERR_TAIL_BYTES = 2000
"""Bytes at the end of ffmpeg's stderr that an error carries."""

SOUND_BITRATE = "192k"
"""AAC rate at which speech and music are as good as the source for stereo at 44.1 or 48 kHz."""

CLIP_THREADS = 1
"""Threads of x264 for a clip. More cost CPU time, and clips are encoded beside one another. x264 writes other bytes
with other numbers of threads, which would depend on the machine's cores."""

ALL_THREADS = 0
"""Number of threads that lets x264 choose."""

KEEP_TIMES = {"fps_mode": "passthrough"}
"""Options with which ffmpeg (5.1 and later) neither repeats nor drops pictures, nor moves them."""

MAX_SMALL_PX = (1024, 576)
"""Width and height up to which readers that ignore the colour tag of a file take its picture for BT.601; they take
larger ones for BT.709. Clips are what such readers expect, and tagged."""


@functools.cache
def find_ffmpeg(*filters: str, timed: bool = False) -> str:
    """Return the first ffmpeg that encodes H.264 and AAC: the system's, or the one in the imageio-ffmpeg wheel.

    Args:
        filters: names of the filters that it must have, such as ``ass``.
        timed: it must also keep the times of pictures as they are.

    Raises:
        InputError: ``no_ffmpeg`` when neither does, with the message of each.
    """
    tried = []
    for candidate in (shutil.which("ffmpeg"), _bundled()):
        if candidate is None:
            continue
        try:
            _encode_nothing(candidate, timed)
            _check_filters(candidate, filters)
        except (ToolError, OSError) as error:
            tried.append(str(error))
        else:
            return candidate
    raise InputError(
        "no_ffmpeg",
        f"no ffmpeg that encodes H.264 (libx264) and AAC{_listed(filters, timed)} was found. Install ffmpeg, or "
        "`pip install imageio-ffmpeg`. " + " ".join(tried),
    )


def _listed(filters: Sequence[str], timed: bool) -> str:
    """Return the rest of what an ffmpeg must do, for a message."""
    needs = [*(["keeps variable frame rates (-fps_mode)"] if timed else []), *(f"has the filter {f}" for f in filters)]
    return "".join(f" and {need}" for need in needs)


def _check_filters(executable: str, filters: Sequence[str]) -> None:
    """Refuse an ffmpeg that lacks one of *filters*.

    Raises:
        ToolError: it does, or cannot be asked.
    """
    if not filters:
        return
    argv = [executable, "-hide_banner", "-filters"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True)
    # A line is: flags, name, types, meaning.
    there = {words[1] for line in done.stdout.decode(errors="replace").splitlines() if len(words := line.split()) > 2}
    missing = [name for name in filters if name not in there]
    if done.returncode or missing:
        raise ToolError(argv, done.returncode, f"has no filter {', '.join(missing)}")


def _bundled() -> str | None:
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return None


def _encode_nothing(executable: str, timed: bool) -> None:
    """Encode a tenth of a second of black and silence to nowhere."""
    picture = ffmpeg.input("color=black:s=64x64:r=25:d=0.1", f="lavfi")
    sound = ffmpeg.input("anullsrc=r=44100:d=0.1", f="lavfi")
    output = ffmpeg.output(
        picture, sound, "-", vcodec="libx264", acodec="aac", format="null", **(KEEP_TIMES if timed else {})
    )
    with tempfile.TemporaryFile() as stderr:
        argv = command(executable, output)
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr).returncode
        _raise_if_failed(argv, code, stderr)


def command(executable: str, output: Any) -> list[str]:
    """Return the command that makes *output* (of ffmpeg-python): quiet but for errors, overwriting, asking nothing."""
    quiet = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return [str(word) for word in ffmpeg.compile(quiet, cmd=executable, overwrite_output=True)]


def _raise_if_failed(argv: Sequence[str], code: int, stderr: IO[bytes]) -> None:
    if code:
        size = stderr.seek(0, 2)
        stderr.seek(max(size - STDERR_TAIL_BYTES, 0))
        raise ToolError(argv, code, stderr.read().decode(errors="replace"))


def write_clip(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    size_px: tuple[int, int],
    rate: Fraction,
    sound: np.ndarray,
    sound_rate_hz: int,
    crf: int,
    preset: str,
) -> int:
    """Encode pictures and sound to an H.264/AAC MP4 at *path*, which appears whole or not at all.

    Args:
        path: the clip.
        frames: (H, W, 3) uint8 BGR pictures, all of *size_px*; consumed one by one.
        size_px: width and height, both even.
        rate: frames a second.
        sound: (N, C) int16 samples; the first sounds with the first picture.
        sound_rate_hz: samples a second.
        crf, preset: settings of x264.

    Returns:
        The number of pictures written.

    Raises:
        ToolError: ffmpeg failed; nothing is left at *path*.
        ValueError: a picture has another size, or there is none.
    """
    with tempfile.NamedTemporaryFile(suffix=".pcm") as pcm:
        pcm.write(np.ascontiguousarray(sound, "<i2").tobytes())
        pcm.flush()
        source = SoundSource(f"file:{Path(pcm.name).absolute()}", sound_rate_hz, sound.shape[1])
        return _encode(path, frames, size_px, rate, source, crf, preset, CLIP_THREADS)


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    size_px: tuple[int, int],
    rate: Fraction,
    sound: Iterable[np.ndarray],
    sound_rate_hz: int,
    channels: int,
    crf: int,
    preset: str,
) -> int:
    """Do as `write_clip`, for any length in bounded memory: *sound* comes in blocks, read as they are encoded.

    Args:
        sound: (n, *channels*) int16 samples each; the first sounds with the first picture. Consumed by a thread of its
            own, since ffmpeg reads sound and pictures by turns as it likes.

    Raises:
        ToolError, ValueError: those of `write_clip`. Errors of *frames* and *sound* pass through.
    """
    with sound_through_pipe(sound, sound_rate_hz, channels) as source:
        return _encode(path, frames, size_px, rate, source, crf, preset, ALL_THREADS)


@contextlib.contextmanager
def sound_through_pipe(sound: Iterable[np.ndarray], rate_hz: int, channels: int) -> Generator[SoundSource]:
    """Give the *sound* of `write_video` to an ffmpeg that is run inside, through a pipe that a thread fills."""
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1, "sound") as pool, os.fdopen(reading, "rb") as end:
        feeding = pool.submit(_feed_sound, writing, sound)
        yield SoundSource(f"pipe:{reading}", rate_hz, channels, end, feeding.result)


def _feed_sound(writing: int, blocks: Iterable[np.ndarray]) -> None:
    """Write the sound and close the pipe, which breaks when ffmpeg goes away."""
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
        for block in blocks:
            pipe.write(np.ascontiguousarray(block, "<i2").data)


@dataclass(frozen=True, slots=True)
class SoundSource:
    """Source from which ffmpeg reads the samples."""

    url: str
    rate_hz: int
    channels: int
    end: IO[bytes] | None = None
    """End of a pipe that ffmpeg inherits; closed here once it has, so that the writer notices when ffmpeg goes away."""
    finish: Callable[[], None] = lambda: None
    """Function that waits until all samples are written, and raises the writer's error."""


def _encode(
    path: Path,
    frames: Iterable[np.ndarray],
    size_px: tuple[int, int],
    rate: Fraction,
    sound: SoundSource,
    crf: int,
    preset: str,
    threads: int,
) -> int:
    width, height = size_px
    partial = path.with_name(f".{path.name}.part")
    try:
        argv = _clip_argv(partial, size_px, rate, sound, crf, preset, threads)
        count = run_fed(argv, lambda pipe: _feed(pipe, frames, (height, width, 3)), sound)
        if not count:
            raise ValueError(f"{path.name}: expected at least one picture, got none")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def run_fed(argv: Sequence[str], feed: Callable[[IO[bytes]], int], sound: SoundSource | None = None) -> int:
    """Run a command of ffmpeg whose pictures *feed* writes to its standard input, which it closes; return its count.

    Args:
        argv: the command.
        feed: writes and closes; a pipe that breaks is no error there.
        sound: its second input.

    Raises:
        ToolError: the command failed. Errors of *feed* and of the sound pass through; the process is ended then.
    """
    with tempfile.TemporaryFile() as stderr:
        inherited = () if sound is None or sound.end is None else (sound.end.fileno(),)
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stderr, pass_fds=inherited
        )
        if sound is not None and sound.end is not None:
            sound.end.close()
        with process:
            assert process.stdin is not None
            try:
                count = feed(process.stdin)
                if sound is not None:
                    sound.finish()
            except BaseException:
                process.kill()
                raise
            code = process.wait()
        _raise_if_failed(argv, code, stderr)
    return count


def _feed(pipe: IO[bytes], frames: Iterable[np.ndarray], shape: tuple[int, int, int]) -> int:
    """Write the pictures and close the pipe. A pipe that breaks is no error: an ffmpeg that went away says why
    itself."""
    count = 0
    try:
        for frame in frames:
            if frame.shape != shape or frame.dtype != np.uint8:
                raise ValueError(f"expected pictures uint8 {shape}, got {frame.dtype} {frame.shape}")
            pipe.write(np.ascontiguousarray(frame).data)
            count += 1
    except BrokenPipeError:
        pass
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
    return count


def colour_matrix(size_px: tuple[int, int]) -> str:
    """Return FFmpeg's name of the colour matrix for a picture of that size, for conversion and tag."""
    small = size_px[0] <= MAX_SMALL_PX[0] and size_px[1] <= MAX_SMALL_PX[1]
    return "smpte170m" if small else "bt709"


def conversion(matrix: str) -> str:
    """Return the filters from BGR to H.264's usual format with a colour matrix.

    FFmpeg's fast conversion, its default, darkens the picture by one to four levels: the exact one is asked for.
    """
    return f"scale=out_color_matrix={matrix}:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"


CLIP, SOUND = "file:clip", "file:sound"
"""Placeholders of two paths while a command is composed: ffmpeg-python refuses names that are not UTF-8."""


def _clip_argv(
    path: Path, size_px: tuple[int, int], rate: Fraction, sound: SoundSource, crf: int, preset: str, threads: int
) -> list[str]:
    picture = ffmpeg.input("pipe:0", format="rawvideo", pix_fmt="bgr24", video_size=size_px, framerate=str(rate))
    samples = ffmpeg.input(SOUND, format="s16le", ar=sound.rate_hz, ac=sound.channels)
    matrix = colour_matrix(size_px)
    output = ffmpeg.output(
        picture.video,
        samples.audio,
        CLIP,
        format="mp4",
        vcodec="libx264",
        preset=preset,
        crf=crf,
        threads=threads,
        vf=conversion(matrix),
        pix_fmt="yuv420p",
        colorspace=matrix,
        color_range="tv",
        acodec="aac",
        audio_bitrate=SOUND_BITRATE,
        movflags="+faststart",
    )
    paths = {CLIP: f"file:{path.absolute()}", SOUND: sound.url}
    return [paths.get(word, word) for word in command(find_ffmpeg(), output)]

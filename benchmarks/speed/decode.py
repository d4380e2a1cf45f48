"""Pictures a second into the ring, beside ffmpeg and PyAV.

    python -m benchmarks.decode
    python -m benchmarks.decode --video talk.mp4 --threads 2
    python -m benchmarks.decode --seconds 4 --runs 1

*Ring* is the product's own decoding process (`pipeline.executors.local.decoding`), with a consumer that gives room as
soon as pictures are there: its clock runs from ``StreamFrames`` to ``EndOfFrames``.
*PyAV* decodes in this process and makes
a new array of every frame, ``to_ndarray('bgr24')``. *ffmpeg* is ``-f null``: no conversion, start of the program
included. All have the same number of threads, and take turns; the ratios are medians of those within one round.
``decode_ratio`` is ring by PyAV. Ends with one JSON line.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av

from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.facts import facts
from benchmarks.common.speed_videos import make_videos
from config import Config
from pipeline.executors.local import messages as say
from pipeline.executors.local.forkserver import clean_processes
from pipeline.executors.local.ring import SharedMemory
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.worker import work
from pipeline.executors.picture_format import fit
from pipeline.executors.reports import Failed
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, core_count, resolved
from pipeline.media.encode import find_ffmpeg
from pipeline.stage import VideoJob
from pipeline.vision.stage import frames_held

WAYS = ("ring", "pyav", "ffmpeg")


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--video", type=Path, help="video to decode (default: a sample, looped and scaled up)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the sample")
    parser.add_argument("--height", type=int, default=720, help="of the sample, in pixels")
    parser.add_argument("--threads", type=int, help="of each decoder (default: as the product's on this machine)")
    add_runs(parser, 5)
    flags = parser.parse_args(argv)
    threads = flags.threads or product_threads()
    with tempfile.TemporaryDirectory(prefix="decode-") as temporary:
        folder = Path(temporary)
        video = flags.video or sample(folder, flags.seconds, flags.height)
        print(json.dumps(decode(video.absolute(), threads, flags.runs, folder)))
    return 0


def sample(folder: Path, seconds: float, height_px: int) -> Path:
    """Make a video of that length and height in *folder*."""
    return next(make_videos(folder / "set", 1, seconds, height_px).videos.iterdir())


def product_threads() -> int:
    """Return the threads of one decoder in a run with default settings."""
    workers = resolved(Config(VISION_DEVICE="cpu", WHISPER_DEVICE="cpu")).NUM_PREPROCESS_WORKERS
    return max(core_count() // int(workers), 1)


def decode(video: Path, threads: int, runs: int, folder: Path) -> dict[str, Any]:
    """Decode *video* all three ways in each round; return the JSON line. *folder* is for temporary files."""
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    frames = _pyav(video, threads)[0]
    with ring_decoder(threads, folder) as into_ring:
        into_ring(video)
        for _ in range(runs):
            for way, (count, seconds) in (("ring", into_ring(video)), ("pyav", _pyav(video, threads))):
                rates[way].append(count / seconds)
            rates["ffmpeg"].append(frames / _ffmpeg(video, threads))
    return {"benchmark": "decode", "video": video.name, **_picture(video), **line(rates, threads, frames), **facts()}


def line(rates: dict[str, list[float]], threads: int, frames: int) -> dict[str, Any]:
    """Return the JSON line of medians, from the frames a second of every round of each way."""

    def by(way: str) -> float:
        return round(statistics.median(a / b for a, b in zip(rates["ring"], rates[way], strict=True)), 3)

    medians = {f"{way}_frames_per_s": round(statistics.median(rates[way]), 1) for way in WAYS}
    return {
        "frames": frames,
        "decoder_threads": threads,
        "runs": len(rates["ring"]),
        **medians,
        "decode_ratio": by("pyav"),
        "ring_by_ffmpeg": by("ffmpeg"),
    }


@contextmanager
def ring_decoder(threads: int, folder: Path) -> Iterator:
    """Start the decoding process of a run; yield a function that decodes a video and returns frames and seconds.

    Raises:
        SystemExit: no setting makes the product decode with so many threads here.
    """
    workers = max(core_count() // threads, 1)
    if max(core_count() // workers, 1) != threads:
        raise SystemExit(f"on {core_count()} cores no decoder has {threads} threads: try {core_count() // workers}")
    config = resolved(Config(VISION_DEVICE="cpu", WHISPER_DEVICE="cpu", NUM_PREPROCESS_WORKERS=workers))
    ring = SharedMemory(config.RING_MB << 20)
    context = clean_processes()
    ours, theirs = context.Pipe()
    setup = WorkerSetup("decode", 0, "cpu", (ring.handle(),), config, (), GRAPH, folder, dict(os.environ))
    process = context.Process(target=work, args=(theirs, setup), daemon=True)
    process.start()
    theirs.close()
    jobs = 0

    def into_ring(video: Path) -> tuple[int, float]:
        nonlocal jobs
        jobs += 1
        return _consume(ours, jobs, video, folder, config)

    try:
        _await(ours, say.Ready)
        yield into_ring
        ours.send(say.Stop())
        process.join()
    finally:
        process.kill()
        process.join()
        ours.close()
        ring.close()


def _consume(pipe: Connection, job: int, video: Path, folder: Path, config: ResolvedConfig) -> tuple[int, float]:
    """Frames and seconds of one video, whose pictures nobody looks at."""
    pipe.send(say.OpenSource(job, VideoJob(job, video, folder), True))
    opened = _await(pipe, say.SourceOpened).opened
    _await(pipe, say.DecoderIdle)
    form = fit(opened.probe, config.RING_MB << 20, frames_held(config))
    began_s = time.perf_counter()
    pipe.send(say.StreamFrames(job, opened, form, job))
    frames = 0
    while not isinstance(message := _await(pipe, say.Frames, say.EndOfFrames), say.EndOfFrames):
        frames = message.first_frame + message.count
        pipe.send(say.FramesReleased(job, frames, job))
    took_s = time.perf_counter() - began_s
    _await(pipe, say.DecoderIdle)
    (folder / f"{job}.pcm").unlink()
    return frames, took_s


def _await(pipe: Connection, *kinds: type) -> Any:
    """Return the next message of these kinds; messages of progress are passed over.

    Raises:
        SystemExit: the job has failed.
    """
    while True:
        message = pipe.recv()
        if isinstance(message, kinds):
            return message
        if isinstance(message, Failed | say.NotReady):
            raise SystemExit(f"decoding failed: {message.message}\n{message.traceback}")


def _pyav(video: Path, threads: int) -> tuple[int, float]:
    began_s, frames = time.perf_counter(), 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
        for frame in container.decode(stream):
            frame.to_ndarray(format="bgr24")
            frames += 1
    return frames, time.perf_counter() - began_s


def _ffmpeg(video: Path, threads: int) -> float:
    argv = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-threads", str(threads), "-i", f"file:{video}"]
    began_s = time.perf_counter()
    subprocess.run([*argv, "-map", "0:v:0", "-f", "null", "-"], check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def _picture(video: Path) -> dict[str, Any]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        return {"width_px": stream.width, "height_px": stream.height, "codec": stream.codec_context.name}


if __name__ == "__main__":
    sys.exit(main())

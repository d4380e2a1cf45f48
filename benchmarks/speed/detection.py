"""Speed and exactness of S3FD against the published demos.

    python -m benchmarks.detection --weights-dir weights

Ends with one JSON line. Where the weights cannot be found the network gets reproducible numbers instead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.baselines.published_detection import plain_faces, plain_outputs
from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.measuring import flops_of, largest_memory_mib, machine, matmul_peak, medians
from benchmarks.common.networks import S3FD_FILE, S3FD_THRESHOLD, fill_s3fd, find_weights, load_or_write
from s3fd.boxes import face_scores
from s3fd.detector import S3fdDetector
from s3fd.network import S3fdNetwork

MAX_DIFFERENCE = 1e-4
"""Largest difference of outputs in float32, as a share of their largest value."""

MAX_PX = 1e5
"""Coordinate beyond which a box is none."""


def main() -> None:
    """Measure S3FD on frames of a video, or on cloudy noise."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    frames = _video(arguments.video, arguments.frames) if arguments.video else _clouds(arguments.frames)
    published = S3fdNetwork()
    with tempfile.TemporaryDirectory() as folder:
        found = find_weights(arguments.weights_dir, S3FD_FILE)
        path = load_or_write(published, found, Path(folder) / "stand_in.pth", fill_s3fd)
        published.eval().to(device)
        _check_exact(published, S3fdDetector(path, arguments.device, dtype=torch.float32), frames[:2], arguments.scale)
        dtype = getattr(torch, arguments.dtype) if arguments.dtype else None
        detector = S3fdDetector(path, arguments.device, dtype=dtype, compiled=arguments.compile)
        report = _measure(published, detector, frames, device, arguments)
    report |= {"weights": found.name if found else "stand-in", **machine(device)}
    print(json.dumps(report))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights")
    parser.add_argument("--video", type=Path, help="frames to look at; noise by default")
    parser.add_argument("--frames", type=int, default=16, help="frames, and batch")
    parser.add_argument("--scale", type=float, default=0.25)
    add_runs(parser, 5)
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], help="the device's fastest by default")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    return parser


def _clouds(count: int) -> np.ndarray:
    """Return (count, 720, 1280, 3) noise of all sizes, as pictures have."""
    rng, frames = np.random.default_rng(0), np.zeros((count, 720, 1280, 3), np.float32)
    for frame in frames:
        for octave in range(1, 9):
            coarse = rng.normal(0, 2 ** (7 - octave), (max(1, 720 >> (9 - octave)), max(1, 1280 >> (9 - octave)), 3))
            frame += cv2.resize(coarse.astype(np.float32), (1280, 720), interpolation=cv2.INTER_LINEAR)
    return np.clip(frames + 128, 0, 255).astype(np.uint8)


def _video(path: Path, count: int) -> np.ndarray:
    capture, frames = cv2.VideoCapture(str(path)), []
    while len(frames) < count:
        good, frame = capture.read()
        if not good:
            raise SystemExit(f"{path} has only {len(frames)} frames")
        frames.append(frame)
    return np.stack(frames)


def _check_exact(published: S3fdNetwork, detector: S3fdDetector, frames: np.ndarray, scale: float) -> None:
    """Exit unless both compute the same in float32: outputs, and boxes where the outputs make sound ones.

    The stand-in numbers of some layouts make boxes beyond all measure; those are not compared.
    """
    differences = _differences(published, detector, frames, scale)
    if differences["max_abs_difference"] > MAX_DIFFERENCE:
        raise SystemExit("the two networks differ in float32: nothing to measure")
    for frame, found in zip(frames, detector.detect(frames, scale=scale, threshold=S3FD_THRESHOLD), strict=True):
        with np.errstate(all="ignore"):
            expected = plain_faces(published, frame, scale, S3FD_THRESHOLD)
        if not all(np.isfinite(boxes).all() and np.abs(boxes).max(initial=0) < MAX_PX for boxes in (expected, found)):
            continue
        if expected.shape != found.shape or not np.allclose(expected, found, rtol=1e-3, atol=0.1):
            raise SystemExit("the two find different boxes in float32: nothing to measure")


def _measure(
    published: S3fdNetwork,
    detector: S3fdDetector,
    frames: np.ndarray,
    device: torch.device,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    scale, count = arguments.scale, len(frames)

    def plain() -> list[np.ndarray]:
        return [plain_faces(published, frame, scale, S3FD_THRESHOLD) for frame in frames]

    def fast() -> list[np.ndarray]:
        return detector.detect(frames, scale=scale, threshold=S3FD_THRESHOLD)

    differences = _differences(published, detector, frames, scale)
    plain_s, fast_s = medians(device, arguments.runs, plain, fast)
    flops = flops_of(lambda: [plain_outputs(published, frame, scale) for frame in frames])
    print(f"s3fd: {count} frames of {frames.shape[2]}x{frames.shape[1]} at {scale}, {arguments.runs} runs")
    print(f"  published {plain_s / count * 1e3:.1f} ms a frame, ours {fast_s / count * 1e3:.1f} ms: ", end="")
    print(f"{plain_s / fast_s:.1f} times faster; of {differences['priors_over']} priors over {S3FD_THRESHOLD}", end="")
    print(f" {differences['priors_that_differ']} differ")
    return {
        "model": "s3fd",
        "ratio": round(plain_s / fast_s, 2),
        **differences,
        "plain_ms_per_frame": round(plain_s / count * 1e3, 2),
        "fast_ms_per_frame": round(fast_s / count * 1e3, 2),
        "frames_per_s": round(count / fast_s, 1),
        "matmul_share": round(flops / fast_s / matmul_peak(device, detector.dtype), 3),
        "dtype": str(detector.dtype).removeprefix("torch."),
        "largest_memory_mib": largest_memory_mib(device),
        "batch": count,
        "runs": arguments.runs,
    }


@torch.inference_mode()
def _differences(
    published: S3fdNetwork, detector: S3fdDetector, frames: np.ndarray, scale: float
) -> dict[str, float | int]:
    """Return the differences of the network's outputs to the published ones, as shares of their largest value."""
    plain = [plain_outputs(published, frame, scale)[:2] for frame in frames]
    loc, conf = (torch.cat(parts) for parts in zip(*plain, strict=True))
    fast_loc, fast_conf = detector.outputs(frames, scale)
    of_loc = float((fast_loc - loc).abs().max() / loc.abs().max())
    of_conf = float((fast_conf - conf).abs().max() / conf.abs().max())
    over, fast_over = face_scores(conf) > S3FD_THRESHOLD, face_scores(fast_conf) > S3FD_THRESHOLD
    return {
        "max_abs_difference": max(of_loc, of_conf),
        "loc_difference": of_loc,
        "conf_difference": of_conf,
        "priors_over": int(over.sum()),
        "priors_that_differ": int((over != fast_over).sum()),
    }


if __name__ == "__main__":
    main()

"""Speed and exactness of the speaker networks against the published demos.

    python -m benchmarks.scoring --model talknet --weights-dir weights

Ends with one JSON line. Where the weights cannot be found the network gets reproducible numbers instead: neither the
time nor the difference depends on its training.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.baselines.published_scoring import plain_logits
from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.measuring import flops_of, largest_memory_mib, machine, matmul_peak, medians
from benchmarks.common.networks import SPEAKER_FILES, SPEAKER_LAYOUTS, find_weights, load_or_write
from talknet.contrast import MARGIN_FRAMES, HeardTrack
from talknet.joint import JointScorer
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.scorer import NetworkScorer
from talknet.talknet_layout import TalkNet

MAX_DIFFERENCE = {torch.float32: 1e-3}


def main() -> None:
    """Measure one network on one track of noise: pictures and sound of any content cost the same."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    dtype = getattr(torch, arguments.dtype) if arguments.dtype else None
    published = SPEAKER_LAYOUTS[arguments.model]()
    with tempfile.TemporaryDirectory() as folder:
        found = find_weights(arguments.weights_dir, SPEAKER_FILES[arguments.model])
        path = load_or_write(published, found, Path(folder) / "stand_in.model")
        scorer = NetworkScorer(arguments.model, path, arguments.device, dtype=dtype)
        report = _measure(published.eval().to(device), scorer, device, arguments)
    report |= {"weights": found.name if found else "stand-in", **machine(device)}
    print(json.dumps(report))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--model", choices=sorted(SPEAKER_LAYOUTS), required=True)
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights")
    parser.add_argument("--seconds", type=float, default=60, help="length of the track")
    add_runs(parser, 3)
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], help="of the part that reads pictures")
    return parser


def _measure(
    published: TalkNet | LrAsd | LightAsd, scorer: NetworkScorer, device: torch.device, arguments: argparse.Namespace
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    frames = round(arguments.seconds * 25)
    crops = rng.integers(0, 256, (frames, 112, 112), dtype=np.uint8)
    mfcc = rng.normal(0, 5, (4 * frames, 13)).astype(np.float32)
    expected, got = plain_logits(published, crops, mfcc), scorer.score(crops, mfcc)
    difference = float(np.abs(got - expected).max())
    if difference > MAX_DIFFERENCE.get(scorer.dtype, np.inf):
        raise SystemExit(f"the two differ by {difference}: nothing to measure")
    around = rng.normal(0, 5, (4 * MARGIN_FRAMES, 13)).astype(np.float32)
    heard = [HeardTrack(crops, np.concatenate([around, mfcc, around]))]
    joint = JointScorer(scorer, scorer)
    plain_s, fast_s, joint_s = medians(
        device,
        arguments.runs,
        lambda: plain_logits(published, crops, mfcc),
        lambda: scorer.score(crops, mfcc),
        lambda: joint.evidence(heard),
    )
    flops = flops_of(lambda: scorer.score(crops, mfcc))
    print(f"{arguments.model}: {arguments.seconds:g} s of track, {frames} frames, {arguments.runs} runs")
    print(f"  published loop {plain_s:.2f} s, ours {fast_s:.2f} s: {plain_s / fast_s:.1f} times faster")
    print(
        f"  with the weights of two files and the sync contrast {joint_s:.2f} s: {joint_s / fast_s:.2f} times as long"
    )
    print(f"  largest difference {difference:.1e}, same side of zero {np.mean((got > 0) == (expected > 0)):.4f}")
    return {
        "model": arguments.model,
        "ratio": round(plain_s / fast_s, 2),
        "max_abs_difference": difference,
        "same_side_of_zero": round(float(np.mean((got > 0) == (expected > 0))), 4),
        "plain_s": round(plain_s, 3),
        "fast_s": round(fast_s, 3),
        "joint_s": round(joint_s, 3),
        "joint_ratio": round(joint_s / fast_s, 2),
        "track_s": arguments.seconds,
        "frames_per_s": round(frames / fast_s, 1),
        "matmul_share": round(flops / fast_s / matmul_peak(device, scorer.dtype), 3),
        "dtype": str(scorer.dtype).removeprefix("torch."),
        "largest_memory_mib": largest_memory_mib(device),
        "runs": arguments.runs,
    }


if __name__ == "__main__":
    main()

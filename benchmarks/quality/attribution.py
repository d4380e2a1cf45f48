"""Judge who speaks, end to end: run ``optimized_runner.py`` on videos whose truth is known, and compare.

    python -m benchmarks.attribution --set samples --weights-dir ../shared/weights
    python -m benchmarks.attribution --set conversations --videos ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.attribution --set both-talking --videos ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.attribution --set off-screen --videos ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.attribution --set FOLDER --weights-dir weights

A folder holds videos, and beside them the files that ``benchmarks/common/truth.py`` reads; ``transcripts/`` in it, or
``--transcripts``, holds the true words. Without one the words are recognised. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.clip_offsets import av_offset_frames
from benchmarks.common.command_line import parser_of
from benchmarks.common.judging import Verdict, average_precision, judge
from benchmarks.common.runs import COMPOSED, run_product, videos_of
from benchmarks.common.truth import Truth, read_truth
from pipeline.media.probe import probe
from pipeline.outputs.tracks import read_tracks


def main() -> None:
    """Measure one set."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = videos_of(arguments.set, arguments.videos, arguments.weights_dir, Path(folder) / "videos")
        results = arguments.output_dir or Path(folder) / "results"
        transcripts = arguments.transcripts or videos / "transcripts"
        flags = ["--weights-dir", str(arguments.weights_dir), "--speaker-model", arguments.speaker_model]
        flags += ["--face-detector", arguments.face_detector, *arguments.options]
        given = transcripts.is_dir()
        run_product(videos, results, transcripts if given else None, flags)
        truths = read_truth(videos)
        verdicts = []
        for truth in truths:
            verdicts.append(judge(truth, results / truth.stem))
            print(_line(truth.stem, verdicts[-1]))
        offsets = [offset for truth in truths for offset in _offsets(truth, results / truth.stem)]
    report = {
        "set": arguments.set if arguments.set in (*COMPOSED, "samples") else "folder",
        **_summary(verdicts, offsets),
    }
    report |= {"speaker_model": arguments.speaker_model, "face_detector": arguments.face_detector}
    print(json.dumps(report | {"words": "true" if given else "recognised"}))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--set", required=True, help="samples, conversations, both-talking, off-screen, overlap, or a folder"
    )
    parser.add_argument("--videos", type=Path, help="folder of the footage for tests, for composed conversations")
    parser.add_argument("--weights-dir", type=Path, required=True)
    parser.add_argument(
        "--transcripts", type=Path, help="folder of the true words; the folder's transcripts/ if not given"
    )
    parser.add_argument("--speaker-model", default="lr-asd")
    parser.add_argument("--face-detector", default="yunet")
    parser.add_argument("--output-dir", type=Path, help="keep the results here")
    parser.add_argument("options", nargs="*", help="further flags of optimized_runner.py, after --")
    return parser


def _offsets(truth: Truth, results: Path) -> list[float | None]:
    """Return `av_offset_frames` of every clip of one video."""
    manifest: dict[str, Any] = json.loads((results / "output" / "manifest.json").read_bytes())
    source, tracks = probe(Path(manifest["source"]["path"])), read_tracks(results / "tracks.npz")
    return [av_offset_frames(clip, results / "output" / clip["clip"], source, tracks) for clip in manifest["clips"]]


def _summary(verdicts: Sequence[Verdict], offsets: Sequence[float | None]) -> dict[str, Any]:
    words = sum(verdict.words for verdict in verdicts)
    frames = sum(verdict.frames for verdict in verdicts)
    errors_s = np.concatenate([verdict.boundary_errors_s for verdict in verdicts])
    measured = [offset for offset in offsets if offset is not None]
    found = np.concatenate([v.scores for v in verdicts]), np.concatenate([v.labels for v in verdicts])
    return {
        "speaking_ap": round(average_precision(*found, sum(verdict.positives for verdict in verdicts)), 4),
        "frames_right": _share(sum(verdict.frames_right for verdict in verdicts), frames),
        "frames": frames,
        "words_right": _share(sum(verdict.words_right for verdict in verdicts), words),
        "words_right_by_track_mean": _share(sum(verdict.words_right_by_mean for verdict in verdicts), words),
        "word_count": words,
        "boundary_error_ms": round(float(np.median(errors_s)) * 1000, 1) if len(errors_s) else None,
        "boundary_error_p90_ms": round(float(np.quantile(errors_s, 0.9)) * 1000, 1) if len(errors_s) else None,
        "av_offset_frames": max((abs(round(offset, 3)) for offset in measured), default=None),
        "clips": len(offsets),
        "clips_measured": len(measured),
        "videos": len(verdicts),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _line(stem: str, verdict: Verdict) -> str:
    return (
        f"{stem}: {verdict.words_right} of {verdict.words} words right "
        f"({verdict.words_right_by_mean} by whole-track mean), {verdict.frames_right} of {verdict.frames} frames"
    )


if __name__ == "__main__":
    main()

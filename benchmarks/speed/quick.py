"""Compare speed with kept ratios, in five minutes at most: ``make bench-quick``.

    python -m benchmarks.quick --weights-dir ../shared/weights
    python -m benchmarks.quick --weights-dir ../shared/weights --keep

Does small versions of ``baseline``, ``end_to_end``, ``decode`` and ``clips``, whose lines it prints, and compares their
ratios, never times, with those that ``--keep`` has written to ``kept.json`` beside this file: by machine, for a ratio
depends on its cores. Each is such that more is better. One that is less than ``1 - TOLERANCE`` of the kept one fell.

Ends with one JSON line: the ratios (``end_to_end_ratio``, ``cpu_ratio``, ``overlap_efficiency``, ``decode_ratio``,
``clip_flatness``), ``kept``, ``fell`` and the machine. Exit code 1 when something fell. Where nothing is kept for this
machine nothing is compared, and ``kept`` is null. Keep and compare on a machine that does nothing else. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import add_work, parser_of, working_folder
from benchmarks.common.facts import QUIET, commit, facts, machine_name
from benchmarks.common.timed_runs import Models
from benchmarks.speed import baseline, clips, decode, end_to_end
from pipeline.outputs.files import write_json

KEPT = Path(__file__).with_name("kept.json")

TOLERANCE = 0.2
"""Share of a kept ratio that may be lost. The runs are short: on a quiet machine they differ by up to a tenth."""

RATIOS: tuple[str, ...] = ("end_to_end_ratio", "cpu_ratio", "overlap_efficiency", "decode_ratio", "clip_flatness")

BASELINE = ("--videos", "2", "--seconds", "12", "--runs", "1", "--detect-every", "5")
END_TO_END = ("--counts", "4", "--seconds", "12", "--long-minutes", "0", "--runs", "1")
"""Settings of the small versions."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--keep", action="store_true", help="compare with nothing, and keep these ratios from now on")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the file of the kept ones")
    add_work(parser)
    Models.add_flags(parser)
    flags = parser.parse_args(argv)
    kept = read_kept(flags.kept)
    began_s = time.monotonic()
    lines = small_versions(flags, working_folder(flags.work))
    ratios = ratios_of(lines)
    name = machine_name(flags.device)
    if flags.keep:
        write_json(flags.kept, {**kept, name: {**ratios, "commit": commit(), "date": facts()["date"]}})
    before = None if flags.keep else kept.get(name)
    if before is None and not flags.keep:
        print(f"nothing is kept for {name}: run it with --keep on a good commit first", file=sys.stderr)
    fell = fallen(ratios, before or {}, TOLERANCE)
    for ratio in fell:
        print(f"{ratio} fell from {(before or {})[ratio]} to {ratios[ratio]}", file=sys.stderr)
    measured_on = facts()
    if (measured_on["others"] or 0) > QUIET:
        print(
            f"others took {measured_on['others']:.0%} of the machine: these ratios are not to be trusted",
            file=sys.stderr,
        )
    told = {"kept": before, "fell": fell, "tolerance": TOLERANCE, "took_s": round(time.monotonic() - began_s)}
    print(json.dumps({"benchmark": "quick", **ratios, **told, **measured_on}))
    return 1 if fell else 0


def small_versions(flags: argparse.Namespace, work: Path) -> dict[str, dict[str, Any]]:
    """Run the benchmarks in small; print the JSON line of each as it comes, and return all."""
    models = Models.of(flags)
    threads = decode.product_threads()
    lines: dict[str, dict[str, Any]] = {}

    def done(line: dict[str, Any]) -> dict[str, Any]:
        lines[line["benchmark"]] = line
        print(json.dumps(line), flush=True)
        return line

    for name in ("decode", "clips", "end_to_end", "baseline"):
        (work / name).mkdir()
    video = decode.sample(work / "decode", 10.0, 720)
    done(decode.decode(video, threads, 3, work / "decode"))
    done(clips.clips([1, 10], 4.0, 3, None, work / "clips"))
    done(end_to_end.end_to_end(end_to_end.parsed([*END_TO_END, *_weights(flags)]), models, work / "end_to_end"))
    done(baseline.baseline(baseline.parsed([*BASELINE, *_weights(flags)]), models, work / "baseline"))
    return lines


def _weights(flags: argparse.Namespace) -> list[str]:
    return ["--weights-dir", str(flags.weights_dir)]


def ratios_of(lines: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the ratios that are compared, from the lines of the benchmarks; more is better in each."""
    return {
        "end_to_end_ratio": lines["baseline"]["end_to_end_ratio"],
        "cpu_ratio": lines["baseline"]["cpu_ratio"],
        "overlap_efficiency": lines["end_to_end"]["overlap_efficiency"],
        "decode_ratio": lines["decode"]["decode_ratio"],
        "clip_flatness": round(1 / lines["clips"]["ratio"], 3),
    }


def fallen(ratios: Mapping[str, float], before: Mapping[str, Any], tolerance: float) -> list[str]:
    """Return the names of the ratios that are less than ``1 - tolerance`` of the earlier ones."""
    return [name for name in RATIOS if name in before and ratios[name] < (1 - tolerance) * before[name]]


def read_kept(path: Path) -> dict[str, dict[str, Any]]:
    """Read the kept ratios, by machine; nothing where there is no such file.

    Raises:
        SystemExit: it holds something else.
    """
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_bytes())
        if all(isinstance(entry[name], int | float) for entry in kept.values() for name in RATIOS):
            return kept
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SystemExit(f"{path} does not hold kept ratios ({error!r}). Make it anew with --keep") from error
    raise SystemExit(f"{path} does not hold kept ratios. Make it anew with --keep")


if __name__ == "__main__":
    sys.exit(main())

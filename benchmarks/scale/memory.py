"""Peak memory of a whole run by the length of its video: ``python -m benchmarks.memory --minutes 5 20 60``.

Each length is a sample, looped without encoding it anew, with a transcript of one sentence a minute. So the run is
about decoding and vision, and the clips are few; ``--speech pocketsphinx`` recognises the words instead. ``--unbroken``
plays the sample forward and backward: there is no cut, and the face is one track from beginning to end.

Memory is proportional (`pipeline.executors.local.process_memory`): what processes share, such as the picture ring,
counts once. Linux only.

Prints a table, in which each kind of process has its own peak, then one JSON line: for each length
``minutes``, ``wall_s``, ``peak_mb``, ``peak_at`` (share of the wall time), ``peak_processes``, ``kinds_mb``; and
``ratio`` of the longest to the shortest.

``python -m benchmarks.memory --command make demo`` looks at any command instead.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import add_work, parser_of, working_folder
from benchmarks.common.places import ROOT
from benchmarks.common.product import FAST
from benchmarks.common.short_videos import run_ffmpeg
from pipeline.executors.local.process_memory import proportional_bytes, tree_of
from pipeline.media.probe import probe

LOOK_EVERY_S = 1.0

SENTENCE = "We say a few words now and then."
SENTENCE_S = 3.0
SENTENCE_EVERY_S = 60.0

UNBROKEN = "[0:v]split[f][b];[b]reverse[r];[f][r]concat[v];[0:a]asplit[c][d];[d]areverse[e];[c][e]concat=v=0:a=1[a]"
"""FFmpeg filters: the video, then the same backward."""


@dataclass(slots=True)
class Peak:
    """Time and memory of a command; memory in bytes."""

    exit_code: int = 0
    wall_s: float = 0.0
    most: int = 0
    at_s: float = 0.0
    processes: int = 0
    """Number of processes at that moment."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Peak of each kind of process, all of that kind together, each at its own time."""

    def note(self, sizes: Sequence[tuple[str, int]], at_s: float) -> None:
        """Add the sizes of all processes now, each with the name of its kind."""
        total = sum(size for _, size in sizes)
        if total > self.most:
            self.most, self.at_s, self.processes = total, at_s, len(sizes)
        together: Counter[str] = Counter()
        for kind, size in sizes:
            together[kind] += size
        self.kinds |= together

    def line(self) -> dict[str, Any]:
        """Return the values for the JSON line, in MiB."""
        return {
            "wall_s": round(self.wall_s, 1),
            "peak_mb": round(self.most / 2**20),
            "peak_at": round(self.at_s / self.wall_s, 2) if self.wall_s else 0,
            "peak_processes": self.processes,
            "kinds_mb": {kind: round(size / 2**20) for kind, size in sorted(self.kinds.items())},
        }


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 20, 60])
    parser.add_argument("--source", type=Path, default=ROOT / "samples" / "two_shot.mp4", help="video that is looped")
    parser.add_argument("--unbroken", action="store_true", help="forward and backward, so that there is no cut")
    parser.add_argument("--speaker-model", default="lr-asd", help="lip-motion is quicker")
    parser.add_argument("--speech", choices=("transcript", "pocketsphinx"), default="transcript")
    parser.add_argument("--weights-dir", type=Path, help="without it stand-ins run")
    add_work(parser)
    parser.add_argument("--command", nargs=argparse.REMAINDER, help="look at this command instead of a run")
    flags = parser.parse_args(argv)
    if flags.command:
        peak = watch(flags.command)
        print(json.dumps({"command": flags.command, "exit_code": peak.exit_code, **peak.line()}))
        return peak.exit_code
    work = working_folder(flags.work)
    source = flags.source
    if flags.unbroken:
        source = work / "unbroken.mp4"
        run_ffmpeg(["-i", f"file:{flags.source}", "-filter_complex", UNBROKEN, "-map", "[v]", "-map", "[a]"], source)
    lines = []
    for minutes in sorted(flags.minutes):
        command = run_of(source, minutes, work / f"{minutes:g}-minutes", flags.speech, flags.weights_dir)
        peak = watch([*command, "--speaker-model", flags.speaker_model])
        if peak.exit_code:
            raise SystemExit(f"the run ended with {peak.exit_code}")
        lines.append({"minutes": minutes, **peak.line()})
    print(table(lines), flush=True)
    ratio = round(lines[-1]["peak_mb"] / lines[0]["peak_mb"], 3)
    asked = {"source": flags.source.name, "unbroken": flags.unbroken, "speech": flags.speech}
    asked["speaker_model"] = flags.speaker_model
    print(json.dumps({**asked, "lengths": lines, "ratio": ratio}))
    return 0


def run_of(source: Path, minutes: float, folder: Path, speech: str, weights_dir: Path | None) -> list[str]:
    """Make a video of that length in *folder* and return the command that runs the product on it."""
    transcripts = folder / "transcripts"
    transcripts.mkdir(parents=True)
    video = folder / f"long{source.suffix}"
    times = int(minutes * 60 / probe(source).duration_s) + 1
    loop = ["-stream_loop", str(times), "-i", f"file:{source}", "-t", f"{minutes * 60:.3f}", "-c", "copy"]
    run_ffmpeg(loop, video)
    argv = [sys.executable, "optimized_runner.py", str(video), "--output-dir", str(folder / "results"), *FAST]
    if weights_dir is not None:
        argv += ["--weights-dir", str(weights_dir.absolute())]
    if speech == "transcript":
        (transcripts / "long.srt").write_text(subtitles(minutes * 60), encoding="utf-8")
        argv += ["--transcripts", str(transcripts)]
    return argv


def subtitles(seconds: float) -> str:
    """Return an SRT file of one short sentence every `SENTENCE_EVERY_S`, up to *seconds*."""
    cues = []
    start_s = 1.0
    while start_s + SENTENCE_S <= seconds:
        cues.append(f"{len(cues) + 1}\n{_stamp(start_s)} --> {_stamp(start_s + SENTENCE_S)}\n{SENTENCE}\n")
        start_s += SENTENCE_EVERY_S
    return "\n".join(cues)


def _stamp(time_s: float) -> str:
    minutes, seconds = divmod(time_s, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:06.3f}".replace(".", ",")


def watch(command: Sequence[str]) -> Peak:
    """Run *command* and look at it and all its descendants until it ends; its output goes to stderr."""
    peak, began_s = Peak(), time.monotonic()
    child = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr)
    while child.poll() is None:
        sizes = [(kind_of(process), proportional_bytes(process)) for process in tree_of(child.pid)]
        peak.note(sizes, time.monotonic() - began_s)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_EVERY_S)
    peak.exit_code, peak.wall_s = child.returncode, time.monotonic() - began_s
    return peak


def kind_of(process: int) -> str:
    """Return the name that ``ps`` shows for a process, without the number of a worker."""
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{process}/comm").read_text().strip()
        return name.rstrip("0123456789-") if name.startswith("lipgen-") else name
    return "gone"


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Return the lengths as a Markdown table: sizes in MiB, a column for each kind of process."""
    kinds = sorted({kind for line in lines for kind in line["kinds_mb"]})
    rows = [["minutes", "wall s", "peak", "at", *kinds], ["---:"] * (4 + len(kinds))]
    for line in lines:
        first = [f"{line['minutes']:g}", f"{line['wall_s']:g}", str(line["peak_mb"]), f"{line['peak_at']:.0%}"]
        rows.append([*first, *(str(line["kinds_mb"].get(kind, 0)) for kind in kinds)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())

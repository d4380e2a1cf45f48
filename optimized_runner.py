"""Folders of video to speaker-attributed, sentence-level clips: ``python optimized_runner.py /videos/``.

Every setting of ``config.py`` has a flag. Exit codes: 0 all videos done, 1 some failed, 2 the command or the set-up is
wrong and nothing was started, 130 interrupted (what was finished is kept).
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from config import Config
from pipeline.doctor import examine
from pipeline.errors import PipelineError
from pipeline.executors.dry_run import dry_run
from pipeline.executors.runner import run
from pipeline.settings import add_flags, from_flags
from pipeline.storage.places import is_url


def main(argv: list[str] | None = None) -> int:
    """Parses the command line and runs the pipeline; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Turn a folder of videos into speaker-attributed, sentence-level clips with a manifest.",
        epilog="Exit codes: 0 all done, 1 some videos failed, 2 the command or set-up is wrong, 130 interrupted.",
    )
    parser.add_argument(
        "videos", type=_place, nargs="?", help="folder of videos, or one video file: a path, or a URL such as s3://b/v"
    )
    parser.add_argument("--doctor", action="store_true", help="say what a run would find here, and start nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what a run would do and need, and write nothing")
    add_flags(parser, Config)
    flags = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be valid text
    videos: Path | str | None = flags.videos
    try:
        config = from_flags(Config, flags)
        if flags.doctor:
            return _doctor(config, videos)
        if videos is None:
            parser.error("the following arguments are required: videos")
        if flags.dry_run:
            return dry_run(videos, config, print)
        return run(videos, config)
    except PipelineError as error:
        print(f"optimized_runner: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("optimized_runner: interrupted", file=sys.stderr)
        return 130


def _place(text: str) -> Path | str:
    """A path, or a URL, which a path would spoil."""
    return text if is_url(text) else Path(text)


def _doctor(config: Config, videos: Path | str | None) -> int:
    findings = []
    for finding in examine(config, videos):
        print(finding, flush=True)
        findings.append(finding)
    return 2 if any(finding.level == "FAIL" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())

# PYTHON_ARGCOMPLETE_OK
"""Folders of video to speaker-attributed, sentence-level clips: ``python optimized_runner.py /videos/``.

Every setting of ``config.py`` has a flag. Exit codes: 0 all videos done, 1 some failed, 2 the command or the set-up is
wrong and nothing was started, 130 interrupted (what was finished is kept).
"""

from __future__ import annotations

import argparse
import difflib
import io
import os
import re
import sys
from pathlib import Path

from config import Config
from pipeline.config_file import config_text, read_config
from pipeline.errors import InputError, PipelineError
from pipeline.flags import add_flags, from_flags
from pipeline.storage.places import is_url
from pipeline.streams import lasting_streams
from pipeline.wording import listed

USAGE = "optimized_runner.py VIDEOS [--output-dir DIR] [--config FILE] [settings]"


def main(argv: list[str] | None = None) -> int:
    """Parses the command line and runs the pipeline; returns the exit code."""
    flags = parse_flags(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be valid text
    with lasting_streams():
        return _obey(flags)


def _obey(flags: argparse.Namespace) -> int:
    """Does what the command line asks for; returns the exit code."""
    videos: Path | str | None = flags.videos
    try:
        config = from_flags(Config, flags, read_config(flags.config, Config) if flags.config else None)
        if flags.print_config:
            print(config_text(config), end="")
            return 0
        if flags.doctor:
            return _doctor(config, videos)
        if videos is None:
            raise InputError("bad_setting", "no videos are named. Usage: " + USAGE)
        if config.REFRAME_PLAN:
            return _render_edited(config, videos, flags.dry_run)
        return _dry_run(config, videos) if flags.dry_run else _run(config, videos)
    except PipelineError as error:
        print(f"optimized_runner: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("optimized_runner: interrupted", file=sys.stderr)
        return 130


def parse_flags(argv: list[str]) -> argparse.Namespace:
    """Parses the command line; ends the process after ``--help``, and with 2 where a flag is unknown."""
    parser = _parser("--help-all" in argv)
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    flags, unknown = parser.parse_known_args(argv)
    if unknown:
        flags_known = re.findall(r"^ +(--[a-z-]+)", _parser(everything=True).format_help(), re.MULTILINE)
        named = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        near = [close for word in named for close in difflib.get_close_matches(word, flags_known, 1)]
        hint = f"; is {listed(near)} meant?" if near else ". --help-all tells of all flags"
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return flags


def _parser(everything: bool) -> argparse.ArgumentParser:
    """The command line; *everything*: its help tells of all settings, and not of the common ones alone."""
    more = "" if everything else "--help-all tells of all settings. "
    parser = argparse.ArgumentParser(
        usage=USAGE,
        description="Turn a folder of videos into speaker-attributed, sentence-level clips with a manifest.",
        epilog=f"{more}Exit codes: 0 all done, 1 some videos failed, 2 the command or the set-up is wrong, "
        "130 interrupted.",
        add_help=False,
    )
    parser.add_argument(
        "videos", type=_place, nargs="?", help="folder of videos, or one video file: a path, or a URL such as s3://b/v"
    )
    parser.add_argument("-h", "--help", "--help-all", action="help", help="this text; --help-all: with all settings")
    parser.add_argument("--doctor", action="store_true", help="say what a run would find here, and start nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what a run would do and need, and write nothing")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings in a TOML file, by the same names; flags beat it"
    )
    parser.add_argument("--print-config", action="store_true", help="write all settings as such a file, and do nothing")
    add_flags(parser, Config, everything)
    return parser


def _place(text: str) -> Path | str:
    """A path, or a URL, which a path would spoil."""
    return text if is_url(text) else Path(text)


# What needs the networks' packages is imported when it is needed: help and completion answer at once.


def _run(config: Config, videos: Path | str) -> int:
    from pipeline.run.runner import run

    return run(videos, config)


def _render_edited(config: Config, videos: Path | str, dry: bool) -> int:
    from pipeline.run.edited_plan import render_edited

    return render_edited(videos, config, print, dry)


def _dry_run(config: Config, videos: Path | str) -> int:
    from pipeline.run.dry_run import dry_run

    return dry_run(videos, config, print)


def _doctor(config: Config, videos: Path | str | None) -> int:
    from pipeline.run.doctor import examine

    findings = []
    for finding in examine(config, videos):
        print(finding, flush=True)
        findings.append(finding)
    return 2 if any(finding.level == "FAIL" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())

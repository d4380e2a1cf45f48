"""Parts of the command line that benchmarks share."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help begins with *doc*, the docstring of the command, line by line."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_runs(parser: argparse.ArgumentParser, default: int) -> None:
    """Add ``--runs``."""
    parser.add_argument("--runs", type=int, default=default, help="rounds that the medians are taken over")


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add ``--work``, which `working_folder` takes."""
    parser.add_argument("--work", type=Path, help="a new folder for everything; it stays (default: a temporary one)")


def working_folder(wanted: Path | None) -> Path:
    """Make *wanted*, or a temporary folder that stays, and say on stderr which it is.

    Raises:
        SystemExit: *wanted* is not empty.
    """
    if wanted is None:
        folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    else:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise SystemExit(f"{wanted} is not empty. Name a new folder")
        folder = wanted.absolute()
    print(f"everything is in {folder}", file=sys.stderr)
    return folder

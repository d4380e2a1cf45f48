"""The command that keeps the doubtful sentences of a video, as text to be pasted into a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.settings import flag_of
from pipeline.types import UNCERTAIN_SPEAKER

PROGRAM = ("python", "optimized_runner.py")


def keep_command(manifest: Mapping[str, Any], rerun: Sequence[str]) -> str:
    """Return the command that cuts the doubtful sentences of a video, too; empty where there are none.

    Args:
        manifest: result of `pipeline.outputs.manifest.manifest_json`.
        rerun: words of the command line that work on the video again; empty where they are not known.
    """
    if not rerun or all(line["reason_code"] != UNCERTAIN_SPEAKER for line in manifest["dropped"]):
        return ""
    return shell_text([*PROGRAM, *rerun, flag_of("KEEP_DOUBTFUL")])


def shell_text(words: Iterable[str]) -> str:
    """Return *words* as one line for a shell, which takes each for one word, to the byte.

    Words are quoted as `shlex.quote` does. Those with control characters, or with bytes of names that are no UTF-8, are
    written as ``$'...'``, which bash and zsh read: pasted into a terminal, a control character would be obeyed.

    >>> print(shell_text(["/a b/c.mp4", "plain", "line\\n"]))
    '/a b/c.mp4' plain $'line\\x0a'
    """
    return " ".join(shlex.quote(word) if word.isprintable() else _escaped(word) for word in words)


def _escaped(word: str) -> str:
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(plain)}'"

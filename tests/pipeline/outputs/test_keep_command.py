"""The command that keeps doubtful sentences, as a shell reads it."""

from __future__ import annotations

import doctest
import os
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs import keep_command as module
from pipeline.outputs.keep_command import keep_command, shell_text

NAMES = (
    *("plain", "", "a b", "it's", '"q"', "$HOME `id` $(id)", "-x", "~", "*?[a]", "#c", "a;b|c&d>e", "!1", "{a,b}"),
    *("a\\b", "line\nbreak", "tab\t", "\x1b[201~\nid\n", "\x1b\\'", "\x07f", "not\udcffutf8'", "ü ñ", "e\u0301"),
    "\u202egpj.exe",
)


def manifest_of(*reasons: str) -> dict[str, list[dict[str, str]]]:
    return {"dropped": [{"reason_code": reason} for reason in reasons]}


def test_a_shell_reads_the_very_words() -> None:
    done = subprocess.run(["bash", "-c", "printf '%s\\0' " + shell_text(NAMES)], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(name) for name in NAMES]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_nothing_that_a_terminal_obeys_is_in_the_text(words: list[str]) -> None:
    text = shell_text(words)
    assert text.isprintable()


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0


def test_the_command_keeps_the_doubtful_sentences() -> None:
    text = keep_command(manifest_of("not_visible", "uncertain_speaker"), ["/v/a b.mp4", "--output-dir", "/o"])
    assert text == "python optimized_runner.py '/v/a b.mp4' --output-dir /o --keep-doubtful"


def test_there_is_none_without_doubts_or_where_the_run_is_not_known() -> None:
    assert keep_command(manifest_of("not_visible"), ["/v/a.mp4"]) == ""
    assert keep_command(manifest_of("uncertain_speaker"), []) == ""

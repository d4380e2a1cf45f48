"""The help of the command line: few settings first, all of them on request, in the groups of the class."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

import optimized_runner
from config import Config
from pipeline.settings import flag_of

ROOT = Path(__file__).resolve().parents[2]
FIELDS = dataclasses.fields(Config)
COMMON = {flag_of(declared.name) for declared in FIELDS if declared.metadata["common"]}


def _help(flag: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        optimized_runner.main([flag])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_tells_of_few_settings(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help("--help", capsys)
    assert text.startswith("usage: optimized_runner.py VIDEOS [")
    assert text.index("\n") < 80
    words = text.replace(",", " ").split()
    assert {flag_of(declared.name) for declared in FIELDS} & set(words) == COMMON
    assert 10 <= len(COMMON) <= 15 and "--help-all" in text


def test_help_all_tells_of_all_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help("--help-all", capsys)
    titles = [declared.metadata["begins"] for declared in FIELDS if declared.metadata["begins"]]
    places = [text.index(f"\n{title}:\n") for title in titles]
    assert places == sorted(places) and len(titles) == 8
    assert FIELDS[0].metadata["begins"]
    assert [flag_of(declared.name) for declared in FIELDS if flag_of(declared.name) not in text] == []


def test_the_shell_completes_flags() -> None:
    """As argcomplete's shell function asks: the line, where the cursor is, and an answer on descriptor 8."""
    line = "optimized_runner.py /videos --whisper-l"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
    command = f"{sys.executable} optimized_runner.py 8>&1 9>/dev/null 1>/dev/null"
    told = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True, timeout=120
    )
    assert told.stdout.split() == ["--whisper-language"]

"""Two results folders are compared file by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.robustness.compare import main


def test_differences_are_told_and_end_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", "one"), ("b", "two")):
        (tmp_path / name / "talk").mkdir(parents=True)
        (tmp_path / name / "talk" / "transcript.srt").write_text(text)
        (tmp_path / name / "talk" / "log.txt").write_text(text)
    (tmp_path / "a" / "talk" / "transcript.vtt").touch()
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["differences"] == ["talk/transcript.vtt: missing", "talk/transcript.srt: differs"]
    assert main([str(tmp_path / "a"), str(tmp_path / "a")]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 3


def test_no_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), str(tmp_path / "none")])
    assert ended.value.code == 2

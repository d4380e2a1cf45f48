"""The guard compares ratios with those kept for this machine."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from benchmarks.speed import quick
from benchmarks.speed.quick import RATIOS, fallen, ratios_of, read_kept

LINES = {
    "baseline": {"end_to_end_ratio": 6.0, "cpu_ratio": 5.0},
    "end_to_end": {"overlap_efficiency": 0.8},
    "decode": {"decode_ratio": 0.9},
    "clips": {"ratio": 1.25},
}
ALL: dict[str, float] = dict(zip(RATIOS, (6.0, 5.0, 0.8, 0.9, 0.8), strict=True))


def test_ratios_are_such_that_more_is_better() -> None:
    assert ratios_of(LINES) == ALL


@pytest.mark.parametrize(("kept", "fell"), [(7.4, []), (7.6, ["end_to_end_ratio"]), (1.0, [])])
def test_only_what_lost_more_than_the_tolerance_fell(kept: float, fell: list[str]) -> None:
    assert fallen(ALL, {**ALL, "end_to_end_ratio": kept}, 0.2) == fell


def test_what_is_not_kept_cannot_fall() -> None:
    assert fallen(ALL, {}, 0.2) == []


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Runs the guard over `LINES`; gives exit code and JSON line."""
    monkeypatch.setattr(quick, "small_versions", lambda *_: LINES)

    def once(*words: str) -> tuple[int, dict]:
        kept, work = tmp_path / "kept.json", tempfile.mkdtemp(dir=tmp_path)
        code = quick.main(["--weights-dir", str(tmp_path), "--kept", str(kept), "--work", work, *words])
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return once


def test_without_kept_ratios_nothing_fell(run) -> None:
    code, line = run()
    assert (code, line["kept"], line["fell"]) == (0, None, [])
    assert {"end_to_end_ratio", "overlap_efficiency", "decode_ratio"} <= set(line)


def test_what_was_kept_is_compared_with(run, tmp_path: Path) -> None:
    assert run("--keep")[0] == 0
    assert run()[1]["kept"]["end_to_end_ratio"] == 6.0
    kept = json.loads((tmp_path / "kept.json").read_bytes())
    for entry in kept.values():
        entry["decode_ratio"] = 2.0
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    code, line = run()
    assert (code, line["fell"]) == (1, ["decode_ratio"])


def test_keeping_leaves_other_machines_alone(run, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text(json.dumps({"another, 64 cores": ALL}))
    assert run()[1]["kept"] is None
    run("--keep")
    assert len(read_kept(tmp_path / "kept.json")) == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"a machine": {}}', '{"a machine": {"cpu_ratio": "x"}}'])
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "kept.json").write_text(text)
    with pytest.raises(SystemExit, match="does not hold kept ratios"):
        read_kept(tmp_path / "kept.json")

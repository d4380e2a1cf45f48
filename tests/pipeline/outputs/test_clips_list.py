"""``clips.jsonl``."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.outputs.clips_list import write_clips_list
from pipeline.outputs.manifest import CutClip, manifest_json, write_manifest
from pipeline.types import AttributedWord, ClipPlan, Probe, Sentence, Word


def _manifest(path: Path, video: str, count: int) -> Path:
    sentence = Sentence((AttributedWord(Word(" Où?", 0.0, 1.0), 0, 1),), 0, 1, 1.0, 0.9, None, 1.0)
    plans = [
        ClipPlan(i, sentence, 0, np.zeros((25, 4), np.float32), "face", np.ones(25, bool), (8, 8), tracks=(0,))
        for i in range(count)
    ]
    content = manifest_json(
        probe=Probe(Path(video), "matroska", 4.0, 64, 36, Fraction(25), 0, Fraction(0), 8000, 1),
        frame_count=100,
        language="fr",
        fingerprint="f",
        config=Config(),
        models=[],
        clips=[CutClip(plan, ()) for plan in plans],
        dropped=[],
    )
    write_manifest(path, content)
    return path


def test_every_clip_of_the_run_is_a_line(tmp_path: Path) -> None:
    manifests = [
        _manifest(tmp_path / "out" / "a.mkv" / "output" / "manifest.json", "/v/a.mkv", 2),
        _manifest(tmp_path / "out" / "none" / "output" / "manifest.json", "/v/none.mkv", 0),
        _manifest(tmp_path / "beside" / "b" / "output" / "manifest.json", "/v/b.mkv", 1),
    ]
    count = write_clips_list(tmp_path / "out" / "clips.jsonl", manifests)
    lines = [json.loads(line) for line in (tmp_path / "out" / "clips.jsonl").read_text("utf-8").splitlines()]
    assert count == len(lines) == 3
    assert [(line["video"], line["manifest"], line["path"]) for line in lines] == [
        ("/v/a.mkv", "a.mkv/output/manifest.json", "a.mkv/output/seg_0000_track_000.mp4"),
        ("/v/a.mkv", "a.mkv/output/manifest.json", "a.mkv/output/seg_0001_track_000.mp4"),
        ("/v/b.mkv", "../beside/b/output/manifest.json", "../beside/b/output/seg_0000_track_000.mp4"),
    ]
    assert {line["text"] for line in lines} == {"Où?"}
    assert all((tmp_path / "out" / line["manifest"]).is_file() for line in lines)


def test_a_run_without_clips_leaves_an_empty_list(tmp_path: Path) -> None:
    assert write_clips_list(tmp_path / "clips.jsonl", []) == 0
    assert (tmp_path / "clips.jsonl").read_bytes() == b""


def test_a_bad_manifest_spoils_no_list(tmp_path: Path) -> None:
    (tmp_path / "clips.jsonl").write_text("old\n")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError):
        write_clips_list(tmp_path / "clips.jsonl", [tmp_path / "manifest.json"])
    assert (tmp_path / "clips.jsonl").read_text() == "old\n"

"""``clips.jsonl``."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.outputs import clips_list as module
from pipeline.outputs.clips_list import ClipsList, write_clips_list
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
    write_clips_list(tmp_path / "out" / "clips.jsonl", manifests)
    lines = [json.loads(line) for line in (tmp_path / "out" / "clips.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 3
    assert [(line["video"], line["manifest"], line["path"]) for line in lines] == [
        ("/v/a.mkv", "a.mkv/output/manifest.json", "a.mkv/output/seg_0000_track_000.mp4"),
        ("/v/a.mkv", "a.mkv/output/manifest.json", "a.mkv/output/seg_0001_track_000.mp4"),
        ("/v/b.mkv", "../beside/b/output/manifest.json", "../beside/b/output/seg_0000_track_000.mp4"),
    ]
    assert {line["text"] for line in lines} == {"Où?"}
    assert all((tmp_path / "out" / line["manifest"]).is_file() for line in lines)


def test_a_run_without_clips_leaves_an_empty_list(tmp_path: Path) -> None:
    assert write_clips_list(tmp_path / "clips.jsonl", []).parts == ()
    assert (tmp_path / "clips.jsonl").read_bytes() == b""


def test_a_bad_manifest_spoils_no_list(tmp_path: Path) -> None:
    (tmp_path / "clips.jsonl").write_text("old\n")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError):
        write_clips_list(tmp_path / "clips.jsonl", [tmp_path / "manifest.json"])
    assert (tmp_path / "clips.jsonl").read_text() == "old\n"


@pytest.fixture
def manifests(tmp_path: Path) -> list[Path]:
    return [_manifest(tmp_path / name / "output" / "manifest.json", f"/v/{name}", 2) for name in "abc"]


def _whole(path: Path, manifests: list[Path]) -> bytes:
    """The list as it is written where nothing is known of an earlier one."""
    other = path.with_name("other.jsonl")
    write_clips_list(other, manifests)
    return other.read_bytes()


def test_a_list_that_is_still_right_is_left_alone(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clips.jsonl"
    made = write_clips_list(path, manifests)
    assert ClipsList.of_json(json.loads(json.dumps(made.json()))) == made
    before = path.stat()
    monkeypatch.setattr(module, "read_own_manifest", lambda _: pytest.fail("a manifest was read again"))
    assert write_clips_list(path, manifests, made) == made
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("change", ["one is new", "one has gone", "one has changed", "another order"])
def test_only_what_has_changed_is_read_again(
    tmp_path: Path, manifests: list[Path], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clips.jsonl"
    made = write_clips_list(path, manifests)
    changed: list[Path] = []
    if change == "one is new":
        changed = [_manifest(tmp_path / "d" / "output" / "manifest.json", "/v/d", 3)]
        manifests.insert(1, changed[0])
    elif change == "one has gone":
        del manifests[1]
    elif change == "one has changed":
        changed = [_manifest(manifests[1], "/v/elsewhere", 5)]
    else:
        manifests.reverse()
    read, real = [], module.read_own_manifest
    monkeypatch.setattr(module, "read_own_manifest", lambda path: read.append(path) or real(path))
    write_clips_list(path, manifests, made)
    assert read == changed
    assert path.read_bytes() == _whole(path, manifests)


@pytest.mark.parametrize("change", ["touched", "cut", "gone", "told wrong"])
def test_a_list_that_is_not_the_one_that_was_written_is_made_anew(
    tmp_path: Path, manifests: list[Path], change: str
) -> None:
    path = tmp_path / "clips.jsonl"
    made: ClipsList | None = write_clips_list(path, manifests)
    right = path.read_bytes()
    if change == "touched":
        path.write_bytes(right.replace(b"fr", b"xx"))
    elif change == "cut":
        path.write_bytes(right[:-10])
    elif change == "gone":
        path.unlink()
    else:
        spoiled = made.json()
        spoiled["parts"][0][2] += 1
        made = ClipsList.of_json(spoiled)
        assert made is None
        path.write_bytes(b"{}")
    write_clips_list(path, manifests, made)
    assert path.read_bytes() == right


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], {}, {"bytes": 1}, {"bytes": 0, "modified_ns": 0, "parts": 3}),
        *({"bytes": 1, "modified_ns": 0, "parts": [["a", "b", True]]}, {"bytes": 2.0, "modified_ns": 0, "parts": []}),
        *(
            {"bytes": -1, "modified_ns": 0, "parts": [["a", "b", -1]]},
            {"bytes": 1, "modified_ns": 0, "parts": [["a", 1]]},
        ),
    ],
)
def test_what_tells_nothing_of_a_list(value: Any) -> None:
    assert ClipsList.of_json(value) is None

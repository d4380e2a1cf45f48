"""Manifests of the program, read without the whole schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.outputs import manifest as manifest_module
from pipeline.outputs import own_manifest as module
from pipeline.outputs.manifest import read_manifest, write_manifest
from pipeline.outputs.own_manifest import read_own_manifest, read_summary, summary_of
from pipeline.outputs.seal import sealed
from pipeline.types import PictureSizes
from tests.support.finished import finished

SIZES = {"analysed_width": 32, "analysed_height": 18}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return finished().write(tmp_path)


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was held against the schema."""
    calls: list[Any] = []
    real = manifest_module.validate
    monkeypatch.setattr(manifest_module, "validate", lambda content: calls.append(content) or real(content))
    return calls


def test_what_the_program_wrote_is_not_validated_again(path: Path, validations: list[Any]) -> None:
    content = read_own_manifest(path)
    summary, names = read_summary(path)
    assert validations == []
    assert content == read_manifest(path)
    assert names == tuple(clip["clip"] for clip in content["clips"])
    assert (summary.fingerprint, summary.clips, summary.dropped, summary.speakers) == ("abc", 5, 1, 2)
    assert (summary.length_s, summary.sizes) == (18.0, None)


@pytest.mark.parametrize("seal", [True, False])
def test_sizes_of_pictures(path: Path, seal: bool) -> None:
    content = read_manifest(path)
    content["source"] |= SIZES
    path.write_bytes(sealed(content) if seal else json.dumps(content).encode())
    source = content["source"]
    assert summary_of(path).sizes == PictureSizes((source["width"], source["height"]), (32, 18))


@pytest.mark.parametrize("edit", [b'"schema_version": 2', b'"schema_version": 1,\n "surprise": 3'])
def test_an_edited_manifest_is_held_against_the_schema(path: Path, validations: list[Any], edit: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 1', edit))
    for read in (read_own_manifest, read_summary, summary_of):
        with pytest.raises(InputError, match=r"manifest\.json") as caught:
            read(path)
        assert caught.value.reason_code == "bad_manifest"
    assert len(validations) == 3


def test_an_older_manifest_that_fits_is_good(path: Path, validations: list[Any]) -> None:
    whole, names = read_summary(path)
    path.write_text(json.dumps(read_manifest(path)))
    validations.clear()
    older, older_names = read_summary(path)
    assert (older_names, older.fingerprint, older.clips) == (names, whole.fingerprint, whole.clips)
    assert len(validations) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("clips", 0, "clip"), "../seg_0000_track_000.mp4"),
        (("clips", 0, "clip"), "seg_0000_track_000.txt"),
        (("clips", 0, "speaker"), None),
        (("clips", 0, "text"), 3),
        (("clips", 0, "start_time"), "now"),
        (("clips", 0, "index"), True),
        (("dropped", 0, "reason_code"), None),
        (("dropped",), {}),
        (("source", "grid_rate"), 0),
        (("source", "path"), None),
        (("source", "lost"), []),
        (("source", "notes"), [1]),
        (("settings",), []),
        (("fingerprint",), 1),
    ],
)
def test_a_right_digest_makes_no_wrong_type_right(path: Path, place: tuple[Any, ...], value: Any) -> None:
    content = read_manifest(path)
    holder: Any = content
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    path.write_bytes(sealed(content))
    with pytest.raises(InputError) as caught:
        read_own_manifest(path)
    assert caught.value.reason_code == "bad_manifest"


def test_numbers_beyond_all_bounds(path: Path) -> None:
    """They fit the schema, and no length can be computed of them."""
    content = read_manifest(path)
    content["source"]["grid_frames"] = 10**400
    for text in (sealed(content), json.dumps(content).encode()):
        path.write_bytes(text)
        with pytest.raises(InputError, match="grid_frames"):
            read_summary(path)


def test_a_file_is_read_once_while_it_stays_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    real = module.read_content
    monkeypatch.setattr(module, "read_content", lambda path: reads.append(path) or real(path))
    assert summary_of(path) == summary_of(path)
    assert len(reads) == 1
    other = finished(9).write(path.parent.parent)
    assert (other, summary_of(path).clips) == (path, 8)
    seen = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"abc"', b'"abd"'))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert summary_of(path).fingerprint == "abd"


def test_one_that_has_gone(path: Path) -> None:
    summary_of(path)
    path.unlink()
    with pytest.raises(InputError) as caught:
        summary_of(path)
    assert caught.value.reason_code == "unreadable"


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(0, 12),
    text=st.text(max_size=40).map(lambda text: f" a{text}"),
    dropped=st.sets(st.integers(0, 11)),
    sizes=st.booleans(),
)
def test_the_lines_tell_what_the_json_tells(
    tmp_path_factory: pytest.TempPathFactory, count: int, text: str, dropped: set[int], sizes: bool
) -> None:
    """Whatever is said in the video, such as lines that look like fields."""
    said = f'{text} \n   "speaker": 9,\n "dropped": ['
    done = finished(count, text_of=lambda index: said, is_dropped=lambda index: index in dropped)
    if sizes:
        done.manifest["source"] |= SIZES
    path = tmp_path_factory.mktemp("m") / "manifest.json"
    write_manifest(path, done.manifest)
    content = path.read_bytes()
    digest = module.seal_of(content)
    assert digest is not None
    parsed = read_own_manifest(path)
    names = tuple(clip["clip"] for clip in parsed["clips"])
    assert module._scanned(digest, content) == (module._summary(digest, parsed), names)

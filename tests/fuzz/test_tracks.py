"""``tracks.npz`` from outside: sound tracks or a refusal, and no more memory than the file holds."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.outputs import tracks as module
from pipeline.outputs.tracks import (
    ARRAYS,
    FORMS,
    OPTIONAL_FORMS,
    read_losses,
    read_picture_sizes,
    read_tracks,
    tracks_mark,
    write_tracks,
)
from pipeline.types import PictureSizes, ScoredTracks
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated

pytestmark = pytest.mark.slow

ROWS = 6


def _valid() -> ScoredTracks:
    return ScoredTracks(
        frame_count=40,
        shot_starts=np.array([0, 20], np.int32),
        track=np.repeat(np.arange(2, dtype=np.int32), ROWS // 2),
        frame=np.tile(np.arange(5, 5 + ROWS // 2, dtype=np.int32), 2),
        box_px=np.arange(4 * ROWS, dtype=np.float32).reshape(ROWS, 4),
        logit=np.linspace(-1, 1, ROWS, dtype=np.float32),
        probability=np.linspace(0, 1, ROWS, dtype=np.float32),
    )


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a valid file, unpacked."""
    path: Path = tmp_path_factory.mktemp("tracks") / "tracks.npz"
    write_tracks(path, _valid(), sizes=PictureSizes((640, 360), (320, 180)))
    with zipfile.ZipFile(path) as stored:
        return {name: stored.read(name) for name in stored.namelist()}


def _packed(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _npy(shape: str, dtype: str = "<f4", order: str = "False", content: bytes = b"") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def _saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _check(path: Path) -> None:
    tracemalloc.start()
    try:
        tracks = read_tracks(path)
        assert np.isfinite(tracks.logit).all()
        assert tracks.track.shape == tracks.frame.shape
        assert isinstance(tracks_mark(path), str)
        read_losses(path)
        sizes = read_picture_sizes(path)
        assert sizes is None or isinstance(sizes.hold(10**6), bool)
    except InputError as error:
        assert error.reason_code in ("bad_tracks", "unreadable", "no_scores")
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20, f"{peak} bytes for a file of {path.stat().st_size}"


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_file(tmp_path: Path, members: dict[str, bytes], changes: list[Change]) -> None:
    path = _packed(tmp_path / "tracks.npz", members)
    path.write_bytes(mutated(path.read_bytes(), changes))
    _check(path)


@fuzz
@given(name=st.sampled_from([*FORMS, *OPTIONAL_FORMS]), changes=CHANGES)
def test_a_spoiled_array_in_a_whole_file(
    tmp_path: Path, members: dict[str, bytes], name: str, changes: list[Change]
) -> None:
    """Checksums right, content wrong: what somebody does on purpose."""
    content = mutated(members[f"{name}.npy"], changes)
    _check(_packed(tmp_path / "tracks.npz", {**members, f"{name}.npy": content}))


NUMBERS = st.integers(-3, 9) | st.sampled_from([2**31, 2**40, 2**62, 2**63, 2**64, 10**400])
HEADERS = st.builds(
    _npy,
    shape=st.lists(NUMBERS, max_size=3).map(lambda sizes: f"({''.join(f'{size}, ' for size in sizes)})")
    | st.sampled_from(["()", "None", "(1.5,)", "('a',)", "[" * 4000, "(True,)", "(-1, 4)", "{}"]),
    dtype=st.sampled_from(["<f4", "<i4", "<i8", "|O", "<f8", "|S0", "|V99999", ">i4", "<m8[s]", "", "<U9", "nonsense"]),
    order=st.sampled_from(["False", "True", "1", "None"]),
    content=st.binary(max_size=200),
)


@fuzz
@given(name=st.sampled_from(list(FORMS)), header=HEADERS)
def test_a_header_that_claims_something_else(
    tmp_path: Path, members: dict[str, bytes], name: str, header: bytes
) -> None:
    _check(_packed(tmp_path / "tracks.npz", {**members, f"{name}.npy": header}))


@fuzz
@given(
    frame_count=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 50),
    columns=st.fixed_dictionaries(
        {
            name: st.lists(
                st.integers(-5, 60) if name in ("shot_starts", "track", "frame", "person") else st.floats(width=32),
                max_size=4,
            )
            for name in ARRAYS
        }
    ),
)
def test_any_numbers_in_arrays_of_the_right_form(tmp_path: Path, frame_count: int, columns: dict[str, Any]) -> None:
    arrays = {name: np.array(values, FORMS[name][0]) for name, values in columns.items()}
    arrays["box_px"] = arrays["box_px"][: len(arrays["box_px"]) // 4 * 4].reshape(-1, 4)
    arrays["frame_count"] = np.array(frame_count, np.int64)
    members = {f"{name}.npy": _saved(array) for name, array in arrays.items()}
    _packed(tmp_path / "tracks.npz", members)
    _check(tmp_path / "tracks.npz")


def test_a_claim_of_terabytes_is_refused_before_anything_is_allocated(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    path = _packed(tmp_path / "tracks.npz", {**members, "logit.npy": _npy(f"({2**40},)")})
    _check(path)
    with pytest.raises(InputError, match="are read in all"):
        read_tracks(path)


def test_a_file_that_unpacks_to_more_than_it_claims_is_read_no_further(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    """64 MiB of zeros pack into 64 KiB; the header claims six numbers of them."""
    path = _packed(tmp_path / "tracks.npz", {**members, "logit.npy": _npy("(6,)", content=bytes(64 << 20))})
    assert path.stat().st_size < 1 << 20
    _check(path)


def test_arrays_that_are_too_large_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tracks.npz"
    write_tracks(path, _valid())
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size)
    assert read_tracks(path).frame_count == 40
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(InputError, match="at most"):
        read_tracks(path)


def test_objects_are_not_unpickled(tmp_path: Path, members: dict[str, bytes]) -> None:
    """``|O`` in a header is a pickle behind it."""
    content = _saved(np.array([_MakesFolder(tmp_path / "made")], object))
    path = _packed(tmp_path / "tracks.npz", {**members, "person.npy": content})
    with pytest.raises(InputError, match="person: expected"):
        read_tracks(path)
    assert not (tmp_path / "made").exists()


class _MakesFolder:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder,)

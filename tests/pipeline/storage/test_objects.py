"""Objects on a storage: on a folder behind ``file://``, and on a real S3 service."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.storage import objects
from pipeline.storage.objects import Entry, fetch, listing, push, read_part, remove, size_of

ROOT = Path(__file__).resolve().parents[3]


def put(url: str, content: bytes, tmp_path: Path) -> str:
    path = tmp_path / "put"
    path.write_bytes(content)
    push(path, url)
    return url


@pytest.fixture
def environment(bucket: str) -> Iterator[pytest.MonkeyPatch]:
    """The environment, read anew by whoever speaks S3 inside the test and after it."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    s3fs.S3FileSystem.clear_instance_cache()


class TestImport:
    @pytest.mark.slow
    def test_fsspec_is_imported_when_a_url_is_used_and_not_before(self) -> None:
        code = (
            "import sys, optimized_runner\n"
            "from pipeline.storage.objects import size_of\n"
            "before = 's3fs' in sys.modules, 'aiobotocore' in sys.modules\n"
            "size_of('file:///nowhere')\n"
            "print(before, 'fsspec' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "(False, False) True"

    def test_a_package_that_is_missing_is_named_with_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(InputError, match=r"needs the package s3fs\. Run: pip install -r requirements-ray\.txt"):
            size_of("s3://bucket/a")


class TestObjects:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["a.mp4", "a b/c.mp4", "[1]*?.mp4", "é#%.mp4", "a::b"])
    def test_what_is_pushed_can_be_fetched_whatever_its_name(self, place: str, tmp_path: Path, name: str) -> None:
        url = put(f"{place}/{name}", b"content", tmp_path)
        fetch(url, tmp_path / "new" / "got")
        assert (tmp_path / "new" / "got").read_bytes() == b"content" and size_of(url) == 7
        assert listing(place) == [Entry(name, 7)]

    @pytest.mark.slow
    @pytest.mark.parametrize("size", [0, 1, 5 << 20, (17 << 20) + 1])
    def test_empty_and_large_ones_too(self, place: str, tmp_path: Path, size: int) -> None:
        content = os.urandom(size)
        fetch(put(f"{place}/a", content, tmp_path), tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == content

    def test_a_listing_has_names_from_the_folder_on(self, place: str, tmp_path: Path) -> None:
        for name in ("b.mp4", "a/x.mp4", "a/deep/y.mp4"):
            put(f"{place}/v/{name}", b"12", tmp_path)
        put(f"{place}/vv.mp4", b"12", tmp_path)
        assert listing(f"{place}/v") == [Entry("a/deep/y.mp4", 2), Entry("a/x.mp4", 2), Entry("b.mp4", 2)]
        assert listing(f"{place}/v", recursive=False) == [Entry("a", None), Entry("b.mp4", 2)]

    @pytest.mark.parametrize("recursive", [True, False])
    def test_a_folder_that_is_not_there_is_empty(self, place: str, recursive: bool) -> None:
        assert listing(f"{place}/nowhere", recursive) == []

    def test_what_another_machine_has_written_is_seen_at_once(self, place: str, tmp_path: Path) -> None:
        assert listing(place) == []
        put(f"{place}/a", b"1", tmp_path)
        assert [entry.name for entry in listing(place)] == ["a"]
        remove(f"{place}/a")
        assert listing(place) == [] and size_of(f"{place}/a") is None

    def test_a_folder_has_no_size(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/folder/a", b"1", tmp_path)
        assert size_of(f"{place}/folder") is None

    def test_removing_what_is_not_there_is_well(self, place: str) -> None:
        remove(f"{place}/a")

    def test_a_part_is_read(self, place: str, tmp_path: Path) -> None:
        url = put(f"{place}/a", bytes(range(100)), tmp_path)
        assert read_part(url, 10, 20) == bytes(range(10, 20)) and read_part(url, 5, 5) == b""

    @pytest.mark.slow
    def test_progress_over_a_network_adds_up_to_the_size(self, bucket: str, tmp_path: Path) -> None:
        told: list[int] = []
        fetch(put(f"{bucket}/long", bytes(9 << 20), tmp_path), tmp_path / "got", told.append)
        assert sum(told) == 9 << 20

    def test_a_longer_object_takes_the_place_of_a_shorter(self, place: str, tmp_path: Path) -> None:
        put(f"{place}/a", b"old", tmp_path)
        fetch(put(f"{place}/a", b"longer", tmp_path), tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == b"longer"


class TestFaults:
    def test_fetching_what_is_not_there_says_so_and_leaves_nothing(self, place: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such object") as raised:
            fetch(f"{place}/a", tmp_path / "new" / "got")
        assert raised.value.reason_code == "not_found" and raised.value.path == f"{place}/a"
        assert not (tmp_path / "new").exists()

    def test_what_came_in_part_is_not_taken(self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        url = put(f"{place}/a", b"content", tmp_path)
        monkeypatch.setattr(objects, "_seen", lambda _: (8, 0.0))
        with pytest.raises(InputError, match="7 of its 8 bytes came"):
            fetch(url, tmp_path / "new" / "got")
        assert list((tmp_path / "new").iterdir()) == []

    def test_without_room_nothing_is_fetched(self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        url = put(f"{place}/a", b"content", tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(6))
        with pytest.raises(OSError, match="temporary files") as raised:
            fetch(url, tmp_path / "got")
        assert raised.value.errno == errno.ENOSPC

    def test_a_file_that_cannot_be_read_here_is_no_fault_of_the_storage(self, place: str, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            push(tmp_path / "nowhere", f"{place}/a")

    def test_a_name_that_is_no_text_is_named(self, place: str) -> None:
        with pytest.raises(InputError, match="Rename the video") as raised:
            listing(f"{place}/\udcff")
        assert raised.value.reason_code == "bad_name"

    def test_a_bucket_that_is_not_there_is_named(self, bucket: str) -> None:
        with pytest.raises(InputError, match="no such bucket") as raised:
            listing("s3://nobody-has-this/videos")
        assert raised.value.path == "s3://nobody-has-this/videos"

    def test_missing_credentials_are_named_with_what_to_do(
        self, bucket: str, tmp_path: Path, environment: pytest.MonkeyPatch
    ) -> None:
        environment.delenv("AWS_ACCESS_KEY_ID")
        environment.delenv("AWS_SECRET_ACCESS_KEY")
        environment.setenv("HOME", str(tmp_path))
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(InputError, match="Set AWS_ACCESS_KEY_ID") as raised:
            listing(bucket)
        assert raised.value.reason_code == "storage_denied"

    def test_a_service_that_does_not_answer_is_named(self, bucket: str, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        environment.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(InputError, match="Check AWS_ENDPOINT_URL") as raised:
            size_of(f"{bucket}/a")
        assert raised.value.reason_code == "storage_failed"

    def test_a_refusal_is_named_with_what_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Refusing:
            def find(self, *_: object, **__: object) -> None:
                raise PermissionError("Access Denied")

        monkeypatch.setattr(objects, "_system", lambda url: (Refusing(), "bucket/a"))
        with pytest.raises(InputError, match="access was refused") as raised:
            listing("s3://bucket/a")
        assert raised.value.reason_code == "storage_denied"

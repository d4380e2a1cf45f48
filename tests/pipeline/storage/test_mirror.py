"""A folder here that stands for places on a storage."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.sources.discover import discover
from pipeline.storage import mirror as module
from pipeline.storage.mirror import Copy, Mirror, Remote
from pipeline.storage.objects import push

CLIP = "output/seg_0000_track_000.mp4"


def put(url: str, tmp_path: Path) -> None:
    path = tmp_path / "put"
    path.write_bytes(b"content")
    push(path, url)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


class TestPaths:
    MIRROR = Mirror(Path("/m"), "s3://b/v", "s3://b/out")

    @pytest.mark.parametrize(
        ("path", "url"),
        [
            ("/m/source/x/a.mp4", "s3://b/v/x/a.mp4"),
            ("/m/results/a", "s3://b/out/a"),
            ("/m/results", "s3://b/out"),
            ("/videos/a.mp4", ""),
            ("/m/sources/a.mp4", ""),
        ],
    )
    def test_a_path_in_the_mirror_stands_for_a_url(self, path: str, url: str) -> None:
        assert self.MIRROR.url_of(Path(path)) == url
        assert self.MIRROR.shown(Path(path)) == url or path

    def test_either_side_may_be_on_this_machine(self) -> None:
        mirror = Mirror(Path("/m"), results="s3://b/out")
        remote = mirror.remote_of(Path("/videos/a.mp4"), Path("/m/results/a"))
        assert remote == Remote(Path("/m"), None, Copy("s3://b/out/a", Path("/m/results/a")))
        assert mirror.remote_of(Path("/videos/a.mp4"), Path("/videos/a")) is None

    def test_people_are_told_urls(self) -> None:
        remote = self.MIRROR.remote_of(Path("/m/source/a.mp4"), Path("/m/results/a"))
        assert remote is not None
        told = remote.told("file:/m/source/a.mp4: bad, see /m/results/a/log")
        assert told == "s3://b/v/a.mp4: bad, see s3://b/out/a/log"
        error = self.MIRROR.told(InputError("no_videos", "none", Path("/m/source")))
        assert str(error) == "s3://b/v: none" and error.reason_code == "no_videos"

    def test_it_can_be_sent_to_another_machine(self) -> None:
        remote = self.MIRROR.remote_of(Path("/m/source/a.mp4"), Path("/m/results/a"))
        assert pickle.loads(pickle.dumps(remote)) == remote  # noqa: S301 - as it is sent

    def test_another_machine_may_have_it_elsewhere(self) -> None:
        remote = Remote(Path("/m"), Copy("s3://b/v/a.mp4", Path("/m/source/a.mp4")), None)
        assert remote.moved(Path("/n")) == Remote(Path("/n"), Copy("s3://b/v/a.mp4", Path("/n/source/a.mp4")), None)


class TestLayOut:
    @pytest.mark.slow
    @pytest.mark.parametrize("recursive", [True, False])
    def test_the_same_videos_are_found_as_in_a_folder(
        self, place: str, tmp_path: Path, root: Path, recursive: bool
    ) -> None:
        files = ["b.mp4", "a.MKV", ".hidden.mp4", "notes.txt", "deep/c.mp4", ".deep/d.mp4", "deep/.e.mp4"]
        files += [f"b/{CLIP}", "b/output/own.mp4", "b/log.txt", "b/tracks.npz", "b/annotated.mp4", f"no/{CLIP}"]
        for name in files:
            (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / name).touch()
            put(f"{place}/{name}", tmp_path)
        mirror = Mirror(root, place)
        mirror.lay_out(recursive)
        found = [path.relative_to(mirror.source_folder) for path in discover(mirror.source_folder, recursive)]
        assert found == [path.relative_to(tmp_path / "folder") for path in discover(tmp_path / "folder", recursive)]

    def test_a_name_cannot_lead_out_of_the_mirror(
        self, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = ["../out.mp4", "a/../../../out.mp4", "..", "./../out.mp4"]
        monkeypatch.setattr(module, "listing", lambda *_: [module.Entry(name, 1) for name in bad])
        Mirror(root, "s3://b/v").lay_out(recursive=True)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["..", "a/../b.mp4", "", "nul\0/b.mp4"])
    def test_nor_can_one_that_was_named_on_the_command_line(self, tmp_path: Path, root: Path, name: str) -> None:
        with pytest.raises(InputError) as raised:
            Mirror(root, "s3://b/v").stand_in(module.Entry(name, 1))
        assert raised.value.reason_code == "bad_name" and not any(path.is_file() for path in tmp_path.rglob("*"))

    @pytest.mark.slow
    @pytest.mark.parametrize("names", [["a//b.mp4"], ["/b.mp4"], ["x" * 300 + ".mp4"], ["a.mp4", "a.mp4/b.mp4"]])
    def test_a_name_that_no_file_can_have_is_named(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
    ) -> None:
        monkeypatch.setattr(module, "listing", lambda *_: [module.Entry(name, 1) for name in names])
        with pytest.raises(InputError, match="Rename it") as raised:
            Mirror(root, "s3://b/v").lay_out(recursive=True)
        assert raised.value.path == f"s3://b/v/{names[-1]}"

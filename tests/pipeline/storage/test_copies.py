"""What of a video lies on a storage, fetched into the mirror and pushed from it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.results import MANIFEST, TRACKS, TRANSCRIPT, is_result
from pipeline.storage import copies as module
from pipeline.storage.copies import bring, bring_video, look, push_changed, remove_gone, stamps, trim
from pipeline.storage.mirror import Copy, Remote
from pipeline.storage.objects import listing, push

CLIP = "output/seg_0000_track_000.mp4"
OTHER_CLIP = "output/seg_0001_track_000.mp4"


def put(url: str, tmp_path: Path, content: bytes = b"content") -> None:
    path = tmp_path / "put"
    path.write_bytes(content)
    push(path, url)


def names(url: str) -> set[str]:
    return {entry.name for entry in listing(url)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def remote(place: str, root: Path) -> Remote:
    """A video ``v/a.mp4`` with results in ``out/a``."""
    results = Copy(f"{place}/out/a", root / "results" / "a")
    return Remote(root, Copy(f"{place}/v/a.mp4", root / "source" / "a.mp4"), results)


def write(remote: Remote, *files: str, content: str = "new") -> None:
    assert remote.results is not None
    for name in files:
        path = remote.results.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


class TestLook:
    @pytest.mark.slow
    def test_what_is_there_can_be_asked_of_the_folder(self, remote: Remote, place: str, tmp_path: Path) -> None:
        for name in (MANIFEST, CLIP, TRACKS, "report.html", "annotated.mp4", "notes.txt"):
            put(f"{place}/out/a/{name}", tmp_path)
        look(remote)
        assert remote.results is not None
        here = {name: (remote.results.path / name).stat().st_size for name in stamps(remote.results.path)}
        assert here == {MANIFEST: 7, CLIP: 0, TRACKS: 0, "report.html": 0, "annotated.mp4": 0}

    @pytest.mark.slow
    def test_what_is_here_whole_is_not_emptied(self, remote: Remote, place: str, tmp_path: Path) -> None:
        put(f"{place}/out/a/{TRACKS}", tmp_path)
        write(remote, TRACKS, content="content")
        look(remote)
        assert remote.results is not None and (remote.results.path / TRACKS).read_text() == "content"


class TestBring:
    @pytest.mark.slow
    def test_an_empty_file_in_its_place_is_filled(self, remote: Remote, place: str, tmp_path: Path) -> None:
        for name in (TRACKS, TRANSCRIPT):
            put(f"{place}/out/a/{name}", tmp_path)
        look(remote)
        bring(remote, [TRACKS, "log.txt"])
        assert remote.results is not None
        assert (remote.results.path / TRACKS).read_bytes() == b"content"
        assert (remote.results.path / TRANSCRIPT).read_bytes() == b""
        assert not (remote.results.path / "log.txt").exists()

    def test_several_at_once_fetch_the_video_once(
        self, remote: Remote, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(f"{place}/v/a.mp4", tmp_path)
        fetched, real = [], module.fetch
        monkeypatch.setattr(module, "fetch", lambda *args: (fetched.append(args[0]), real(*args)))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: bring_video(remote), range(4)))
        assert fetched == [f"{place}/v/a.mp4"]
        assert remote.video is not None and remote.video.path.read_bytes() == b"content"

    def test_a_video_that_has_gone_is_named(self, remote: Remote, place: str) -> None:
        with pytest.raises(InputError, match="not there any more") as raised:
            bring_video(remote)
        assert raised.value.path == f"{place}/v/a.mp4"

    def test_a_name_as_long_as_names_can_be_is_fetched(self, bucket: str, root: Path, tmp_path: Path) -> None:
        name = "é" * 125 + ".mp4"
        put(f"{bucket}/{name}", tmp_path)
        bring_video(Remote(root, Copy(f"{bucket}/{name}", root / name), None))
        assert (root / name).read_bytes() == b"content"


class TestPush:
    def test_what_was_written_is_pushed_and_nothing_else(self, remote: Remote, place: str, tmp_path: Path) -> None:
        put(f"{place}/out/a/annotated.mp4", tmp_path)
        look(remote)
        before = stamps(remote.results.path) if remote.results else {}
        write(remote, "export/speakers.rttm", ".tracks.npz.1.part", "output/.manifest.json.1.part")
        assert push_changed(remote, before) == ["export/speakers.rttm"]
        assert [(entry.name, entry.size) for entry in listing(f"{place}/out/a")] == [
            ("annotated.mp4", 7),
            ("export/speakers.rttm", 3),
        ]

    def test_a_new_manifest_takes_the_place_of_everything(self, remote: Remote, place: str, tmp_path: Path) -> None:
        for name in (MANIFEST, CLIP, OTHER_CLIP, "persons/person_000.jpg", "persons/mine.jpg", "notes.txt"):
            put(f"{place}/out/a/{name}", tmp_path)
        write(remote, MANIFEST, CLIP, "report.html")
        push_changed(remote, {})
        left = {MANIFEST, CLIP, "report.html", "persons/mine.jpg", "notes.txt"}
        assert names(f"{place}/out/a") == left

    def test_the_old_manifest_goes_first_and_the_new_one_comes_last(
        self, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        monkeypatch.setattr(module, "push", lambda path, url: done.append(f"push {path.name}"))
        monkeypatch.setattr(module, "remove", lambda url: done.append(f"remove {url.rpartition('/')[2]}"))
        write(remote, MANIFEST, CLIP, OTHER_CLIP)
        push_changed(remote, {})
        assert (done[0], done[-1], len(done)) == ("remove manifest.json", "push manifest.json", 4)

    def test_without_all_clips_no_manifest_is_pushed(
        self, remote: Remote, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, url: str) -> None:
            if path.name in OTHER_CLIP:
                raise InputError("storage_failed", "refused", url)
            push(path, url)

        monkeypatch.setattr(module, "push", refuse)
        write(remote, MANIFEST, CLIP, OTHER_CLIP)
        with pytest.raises(InputError, match="refused"):
            push_changed(remote, {})
        assert MANIFEST not in names(f"{place}/out/a")

    def test_results_that_hold_no_more_are_removed_and_others_are_not(
        self, remote: Remote, place: str, tmp_path: Path
    ) -> None:
        for name in (MANIFEST, CLIP, "failure.json", TRACKS, TRANSCRIPT, "report.html", "transcript.srt", "own.mp4"):
            put(f"{place}/out/a/{name}", tmp_path)
        write(remote, "failure.json")
        remove_gone(remote)
        assert names(f"{place}/out/a") == {"failure.json", TRACKS, TRANSCRIPT, "transcript.srt", "own.mp4"}

    @pytest.mark.parametrize(
        ("name", "is_one"),
        [
            (CLIP, True),
            ("seg_0000_track_000.mp4", False),
            ("output/seg_0000_track_000.txt", True),
            ("output/holiday.mp4", False),
            ("output/notes.txt", False),
            ("persons/person_012.jpg", True),
            ("export/ava_labels.csv", True),
            ("export/own.csv", False),
        ],
    )
    def test_nothing_but_what_this_program_wrote_counts_as_a_result(self, name: str, is_one: bool) -> None:
        assert is_result(name) is is_one


class TestEnd:
    @pytest.mark.slow
    def test_trimming_leaves_what_the_pages_of_a_run_are_made_of(
        self, remote: Remote, place: str, tmp_path: Path
    ) -> None:
        put(f"{place}/v/a.mp4", tmp_path)
        bring_video(remote)
        write(remote, MANIFEST, CLIP, TRACKS, "report.html", "log.txt")
        trim(remote)
        left = {path.name: path.stat().st_size for path in remote.root.rglob("*") if path.is_file()}
        assert left == {"manifest.json": 3, "report.html": 0}

    @pytest.mark.slow
    def test_nothing_outside_the_mirror_is_removed(self, tmp_path: Path) -> None:
        own = tmp_path / "own.mp4"
        own.touch()
        with pytest.raises(ValueError, match="in the mirror"):
            trim(Remote(tmp_path / "mirror", Copy("s3://b/own.mp4", own), None))
        assert own.exists()

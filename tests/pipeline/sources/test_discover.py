"""Which videos a run works on, and where the results of each go."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clips import outputs
from pipeline.clips.upright import UPRIGHT
from pipeline.errors import InputError
from pipeline.sources.discover import EXTENSIONS, WRITTEN, discover, result_folders
from pipeline.sources.shard import RUN_FILES, SHARDS_FILE
from pipeline.types import CLIP_NAME, ClipPlan
from tests.support.privileges import folder_of_nobody


def _files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _names(folder: Path, recursive: bool = False) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in discover(folder, recursive)]


def _refusal(path: Path, recursive: bool = False) -> InputError:
    with pytest.raises(InputError) as caught:
        discover(path, recursive)
    return caught.value


def test_videos_in_order_of_their_names(tmp_path: Path) -> None:
    _files(tmp_path, "b.mp4", "a.MKV", "c.mov", "notes.txt", "d.wav", ".hidden.mp4", "mp4", "e.mp4.part")
    assert _names(tmp_path) == ["a.MKV", "b.mp4", "c.mov"]


@pytest.mark.parametrize("ending", sorted(EXTENSIONS))
def test_each_known_ending_counts(tmp_path: Path, ending: str) -> None:
    _files(tmp_path, f"a{ending}", f"b{ending.upper()}")
    assert len(discover(tmp_path, False)) == 2


def test_folders_inside_are_read_when_asked(tmp_path: Path) -> None:
    _files(tmp_path, "a.mp4", "in/b.mp4", "in/deeper/c.mp4", ".git/d.mp4")
    assert _names(tmp_path) == ["a.mp4"]
    assert _names(tmp_path, recursive=True) == ["a.mp4", "in/b.mp4", "in/deeper/c.mp4"]


def test_results_of_an_earlier_run_are_no_input(tmp_path: Path) -> None:
    _files(tmp_path, "a.mp4", "a/output/manifest.json", "a/output/seg_0000_track_000.mp4", "b/c.mp4")
    assert _names(tmp_path, recursive=True) == ["a.mp4", "b/c.mp4"]


CLIP = "output/seg_0000_track_000.mp4"


@pytest.mark.parametrize("sign", ["log.txt", "transcript.json", "tracks.npz", "failure.json", "output/manifest.json"])
def test_clips_of_a_run_that_did_not_end_are_no_input(tmp_path: Path, sign: str) -> None:
    _files(tmp_path, "a.mp4", f"a/{sign}", f"a/{CLIP}", "a/output/seg_0012_track_1234.mp4")
    assert _names(tmp_path, recursive=True) == ["a.mp4"]


def test_videos_of_ones_own_among_results_are_input(tmp_path: Path) -> None:
    """Nothing is passed over but what is called as our clips are, where our clips are."""
    mine = ["a/b.mp4", "a/c/d.mp4", "a/output/e.mp4", "a/output/f/g.mp4", "a/output/seg_0000_track_000.mkv"]
    _files(tmp_path, "a/output/manifest.json", f"a/{CLIP}", *mine)
    assert _names(tmp_path, recursive=True) == mine


def test_a_folder_of_ones_own_that_is_called_output(tmp_path: Path) -> None:
    _files(tmp_path, CLIP, "b/output/c.mp4", "b/seg_0000_track_000.mp4")
    assert _names(tmp_path, recursive=True) == ["b/output/c.mp4", "b/seg_0000_track_000.mp4", CLIP]


@pytest.mark.parametrize(("index", "track"), [(0, 0), (12345, 1234)])
def test_our_clips_are_known_by_the_name_that_they_get(index: int, track: int) -> None:
    plan: Any = SimpleNamespace(index=index, sentence=SimpleNamespace(track=track))
    assert ClipPlan.name.fget is not None
    assert CLIP_NAME.fullmatch(ClipPlan.name.fget(plan))


def test_a_drawn_on_video_among_results_is_no_input(tmp_path: Path) -> None:
    """One of that name elsewhere is, and so is what else lies there."""
    _files(tmp_path, "a.mp4", "a/tracks.npz", "a/annotated.mp4", "a/b.mp4", "c/annotated.mp4", "annotated.mp4")
    assert _names(tmp_path, recursive=True) == ["a.mp4", "a/b.mp4", "annotated.mp4", "c/annotated.mp4"]
    assert {outputs.ANNOTATED, UPRIGHT.file} == WRITTEN


@pytest.mark.parametrize("table", ["tracks.npz", "reframe.json"])
def test_upright_videos_of_earlier_runs_are_no_videos(tmp_path: Path, table: str) -> None:
    """An edited plan is rendered without faces."""
    _files(tmp_path, "a.mp4", f"a/{table}", "a/reframed.mp4", "c/reframed.mp4", "reframed.mp4")
    assert _names(tmp_path, recursive=True) == ["a.mp4", "c/reframed.mp4", "reframed.mp4"]


def test_upright_videos_of_ranges_of_earlier_runs_are_no_videos(tmp_path: Path) -> None:
    _files(tmp_path, "a.mp4", "a/reframed/ranges.json", "a/reframed/001_x.mp4", "a/reframed/b.mp4", "reframed/001.mp4")
    assert _names(tmp_path, recursive=True) == ["a.mp4", "a/reframed/b.mp4", "reframed/001.mp4"]


def test_the_folder_itself_may_be_a_result(tmp_path: Path) -> None:
    """Clips can be put in again by naming their folder."""
    _files(tmp_path, "output/manifest.json", "output/seg_0000_track_000.mp4")
    assert _names(tmp_path / "output") == ["seg_0000_track_000.mp4"]


def test_a_folder_that_is_named_like_a_video_is_no_video(tmp_path: Path) -> None:
    _files(tmp_path, "a.mp4", "folder.mp4/b.mp4")
    assert _names(tmp_path) == ["a.mp4"]
    assert _names(tmp_path, recursive=True) == ["a.mp4", "folder.mp4/b.mp4"]


def test_linked_videos_count(tmp_path: Path) -> None:
    _files(tmp_path, "far/a.mp4")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link.mp4").symlink_to(tmp_path / "far/a.mp4")
    assert _names(tmp_path / "in") == ["link.mp4"]


def test_a_linked_folder_is_not_a_video(tmp_path: Path) -> None:
    _files(tmp_path, "far/a.mp4", "in/b.mp4")
    (tmp_path / "in/link.mp4").symlink_to(tmp_path / "far")
    assert _names(tmp_path / "in") == ["b.mp4"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    _files(tmp_path, "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert _names(tmp_path) == ["a.mp4"]
    assert _refusal(tmp_path / "pipe.mp4").reason_code == "unreadable"


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    _files(tmp_path, "in/a.mp4")
    (tmp_path / "in/round").symlink_to(tmp_path / "in")
    assert _names(tmp_path / "in", recursive=True) == ["a.mp4"]


def test_a_link_to_itself_is_reported_later_not_lost(tmp_path: Path) -> None:
    (tmp_path / "round.mp4").symlink_to(tmp_path / "round.mp4")
    assert _names(tmp_path) == ["round.mp4"]


def test_two_links_to_one_file_are_two_videos(tmp_path: Path) -> None:
    """Each name gets its results."""
    _files(tmp_path, "a.mp4")
    (tmp_path / "b.mp4").symlink_to(tmp_path / "a.mp4")
    assert _names(tmp_path) == ["a.mp4", "b.mp4"]
    assert len(set(result_folders(discover(tmp_path, False), tmp_path, tmp_path / "out"))) == 2


def test_a_folder_that_may_not_be_read_does_not_end_the_run() -> None:
    """It is among the videos, so that the run says that it cannot be read."""
    with folder_of_nobody() as folder:
        _files(folder, "a.mp4", "closed/b.mp4", "open/c.mp4")
        (folder / "link.mp4").symlink_to(folder / "closed/b.mp4")
        (folder / "closed").chmod(0)
        assert _names(folder, recursive=True) == ["a.mp4", "closed", "link.mp4", "open/c.mp4"]
        assert result_folders(discover(folder, True), folder, None)[1] == folder / "closed.clips"
        for path in (folder / "closed", folder / "closed/b.mp4"):
            error = _refusal(path)
            assert (error.reason_code, error.path) == ("unreadable", path)


def test_a_broken_link_is_reported_later_not_lost(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    assert _names(tmp_path) == ["gone.mp4"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.touch()
    assert discover(tmp_path, False) == [path]


def test_one_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    _files(tmp_path, "recording")
    assert discover(tmp_path / "recording", False) == [tmp_path / "recording"]


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _files(tmp_path, "in/a.mp4")
    monkeypatch.chdir(tmp_path)
    assert discover(Path("in"), False) == [tmp_path / "in/a.mp4"]
    assert discover(Path("in/a.mp4"), False) == [tmp_path / "in/a.mp4"]


def test_a_missing_folder(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "gone")
    assert (error.reason_code, error.path) == ("not_found", tmp_path / "gone")


def test_an_empty_folder(tmp_path: Path) -> None:
    error = _refusal(tmp_path)
    assert error.reason_code == "no_videos"
    assert ".mp4" in error.message
    assert "--recursive" not in error.message


def test_videos_only_further_in_are_hinted_at(tmp_path: Path) -> None:
    _files(tmp_path, "in/a.mp4")
    assert "--recursive" in _refusal(tmp_path).message


def _results(folder: Path, output: Path | None, *names: str) -> list[str]:
    _files(folder, *names)
    base = folder if output is None else output
    return [
        path.relative_to(base).as_posix() for path in result_folders([folder / name for name in names], folder, output)
    ]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("a.mp4", "b.mkv"), ["a", "b"]),
        # Two videos of one name.
        (("a.mp4", "a.mkv", "b.mp4"), ["a.mp4", "a.mkv", "b"]),
        # One name where capitals do not count.
        (("Talk.mp4", "talk.mkv"), ["Talk.mp4", "talk.mkv"]),
        # Names that the run itself writes.
        (("run.json.mp4", "clips.jsonl.mp4"), ["run.json.mp4", "clips.jsonl.mp4"]),
        # Names that a shard writes.
        (
            ("Run.shard-00-of-02.json.mp4", "x.shard-00-of-02.json.mp4"),
            ["Run.shard-00-of-02.json.mp4", "x.shard-00-of-02.json"],
        ),
        (("one.two.mp4",), ["one.two"]),
        # Where the clips of x.mp4 go if it lies beside x/output.mp4.
        (("x.mp4", "x/output.mp4", "Output.mkv"), ["x", "x/output.mp4", "Output.mkv"]),
        # The whole name of one is the other's without its ending.
        (("a.mkv", "a.mp4", "a.mp4.mkv"), ["a.mkv", "a.mp4", "a.mp4.mkv"]),
    ],
)
def test_folders_in_an_output_folder(tmp_path: Path, names: tuple[str, ...], wanted: list[str]) -> None:
    (tmp_path / "in").mkdir()
    assert _results(tmp_path / "in", tmp_path / "out", *names) == wanted


def test_folders_inside_the_source_are_kept(tmp_path: Path) -> None:
    wanted = ["a", "x/a", "y/z/a"]
    assert _results(tmp_path / "in", tmp_path / "out", "a.mp4", "x/a.mp4", "y/z/a.mp4") == wanted


def test_folders_beside_the_videos(tmp_path: Path) -> None:
    assert _results(tmp_path, None, "a.mp4", "x/b.mp4") == ["a", "x/b"]


def test_beside_two_videos_of_one_name(tmp_path: Path) -> None:
    assert _results(tmp_path, None, "a.mp4", "a.mkv") == ["a.mp4.clips", "a.mkv.clips"]


def test_beside_a_file_of_that_name(tmp_path: Path) -> None:
    _files(tmp_path, "a")
    assert _results(tmp_path, None, "a.mp4") == ["a.mp4.clips"]


def test_a_video_without_an_ending(tmp_path: Path) -> None:
    _files(tmp_path, "recording")
    assert result_folders([tmp_path / "recording"], tmp_path / "recording", None) == [tmp_path / "recording.clips"]


def test_a_video_called_output_does_not_get_the_folder_of_the_clips_of_another(tmp_path: Path) -> None:
    assert _results(tmp_path, None, "x.mp4", "x/output.mp4") == ["x", "x/output.mp4.clips"]


@pytest.mark.parametrize("letter", ["a", "ж", "語", os.fsdecode(b"\xe9")])
def test_names_as_long_as_can_be(tmp_path: Path, letter: str) -> None:
    """255 bytes; two videos that share all but the ending, so that nothing may be put behind without a cut."""
    stem = letter * (251 // len(os.fsencode(letter)))
    videos = [f"{stem}.mp4", f"{stem}.mkv"]
    folders = _results(tmp_path, None, *videos)
    assert len(set(folders)) == 2
    for name in folders:
        assert len(os.fsencode(name)) <= 255
        (tmp_path / name).mkdir()
    assert _results(tmp_path, tmp_path / "out", videos[0]) == [stem]


def test_one_file_in_an_output_folder(tmp_path: Path) -> None:
    _files(tmp_path, "in/a.mp4")
    source = tmp_path / "in/a.mp4"
    assert result_folders([source], source, tmp_path / "out") == [tmp_path / "out/a"]


STEMS = ("a", "A", "b", "a.mp4", "a.clips", "a.mp4.clips", "run.json", "Run.json", "run.shard-0-of-2.json")
NAMES = st.lists(
    st.tuples(st.sampled_from(["", "x/"]), st.sampled_from(STEMS), st.sampled_from([".mp4", ".mkv", ".MP4"])),
    min_size=1,
    max_size=8,
    unique=True,
)


@pytest.mark.slow
@given(NAMES, st.booleans())
def test_no_two_videos_share_a_folder(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str, str, str]], beside: bool
) -> None:
    """Nor is a folder in the place of a video or of a file of the run, even where capitals do not count."""
    folder = tmp_path_factory.mktemp("names")
    videos = ["".join(parts) for parts in names]
    _files(folder, *videos)
    output = None if beside else folder / "out"
    got = result_folders([folder / video for video in videos], folder, output)
    assert len({str(path).casefold() for path in got}) == len(videos)
    assert not any(
        path.is_file() or path.name in RUN_FILES or SHARDS_FILE.fullmatch(path.name.casefold()) for path in got
    )

"""Which videos a run does that is one of several over the same list."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.run import runner
from pipeline.run.dry_run import dry_run
from pipeline.sources.shard import RUN_FILES, SHARDS_FILE, WHOLE, Shard, list_digest, shard_of
from tests.support.noted_runs import CPU, Seen, names, noting_executor, two_files  # noqa: F401 - the last two are fixtures

WORLDS = st.integers(1, 40)


@pytest.fixture(autouse=True)
def no_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests themselves may run in an array of a cluster."""
    for name in ("ID", "COUNT", "MIN", "MAX"):
        monkeypatch.delenv(f"SLURM_ARRAY_TASK_{name}", raising=False)


class TestPartition:
    @given(videos=st.lists(st.integers(), unique=True), world=WORLDS)
    def test_every_video_is_in_one_shard(self, videos: list[int], world: int) -> None:
        shares = [Shard(rank, world).of(videos) for rank in range(world)]
        assert sorted(video for share in shares for video in share) == sorted(videos)

    @given(videos=st.lists(st.integers()), world=WORLDS)
    def test_shares_are_of_one_size_but_for_one_video(self, videos: list[int], world: int) -> None:
        sizes = [len(Shard(rank, world).of(videos)) for rank in range(world)]
        assert max(sizes) - min(sizes) <= 1

    def test_each_takes_every_nth(self) -> None:
        assert [Shard(rank, 3).of("abcdefgh") for rank in range(3)] == [list("adg"), list("beh"), list("cf")]

    @pytest.mark.parametrize(("rank", "world"), [(2, 2), (-1, 2), (0, 0)])
    def test_a_rank_beyond_the_world_is_no_shard(self, rank: int, world: int) -> None:
        with pytest.raises(ValueError, match="rank"):
            Shard(rank, world)


class TestNames:
    @given(world=st.integers(2, 2000))
    def test_no_two_shards_write_the_same_file(self, world: int) -> None:
        given_names = [Shard(rank, world).name_of(name) for rank in range(world) for name in RUN_FILES]
        assert len({*given_names, *RUN_FILES}) == len(given_names) + len(RUN_FILES)

    @given(world=st.integers(2, 2000), data=st.data())
    def test_a_file_of_a_shard_is_known_by_its_name(self, world: int, data: st.DataObject) -> None:
        rank = data.draw(st.integers(0, world - 1))
        for name in RUN_FILES:
            match = SHARDS_FILE.fullmatch(Shard(rank, world).name_of(name))
            assert match is not None and (int(match[2]), int(match[3])) == (rank, world)

    def test_they_sort_by_rank(self) -> None:
        given_names = [Shard(rank, 128).name_of("run.json") for rank in range(128)]
        assert given_names == sorted(given_names) and given_names[3] == "run.shard-003-of-128.json"

    def test_the_only_shard_is_the_whole_run(self) -> None:
        assert [WHOLE.name_of(name) for name in RUN_FILES] == list(RUN_FILES)


class TestListDigest:
    A, B = Path("/v/a.mp4"), Path("/v/in/b.mp4")

    def test_it_changes_with_names_and_their_order_and_not_with_the_place(self) -> None:
        digest = list_digest([self.A, self.B], Path("/v"))
        assert digest == list_digest([Path("/w/a.mp4"), Path("/w/in/b.mp4")], Path("/w"))
        for other in ([self.B, self.A], [self.A], [self.A, Path("/v/b.mp4")], []):
            assert list_digest(other, Path("/v")) != digest

    def test_one_file(self) -> None:
        assert list_digest([self.A], self.A) == list_digest([self.A], Path("/v"))


def array(task: int | str, count: int | str, first: int | str = "", last: int | str = "") -> dict[str, str]:
    """The variables of a task of a Slurm array."""
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items() if value != ""}


class TestShardOf:
    @pytest.mark.parametrize(
        ("wanted", "environment", "shard"),
        [
            ("", {}, "0/1"),
            ("3/8", {}, "3/8"),
            ("0/1", {}, "0/1"),
            ("", array(3, 8, 0, 7), "3/8"),
            ("", array(3, 8), "3/8"),
            # An array that begins at 1.
            ("", array(8, 8, 1, 8), "7/8"),
            ("", array(1, 8, 1), "0/8"),
            # What is asked for beats the array.
            ("0/1", array(3, 8, 0, 7), "0/1"),
            ("5/9", array(3, 8, 0, 7), "5/9"),
            ("7/8", array(7, 2, 3, 7), "7/8"),
            # One task does all.
            ("", array(0, 1, 0, 0), "0/1"),
            ("", array(5, 1, 5, 5), "0/1"),
            # No array: variables that some sites set for every job.
            ("", array("", 8), "0/1"),
            ("", array(3, ""), "0/1"),
        ],
    )
    def test_by_setting_and_by_array(self, wanted: str, environment: dict[str, str], shard: str) -> None:
        assert str(shard_of(wanted, environment)) == shard

    @pytest.mark.parametrize(
        ("wanted", "environment", "message"),
        [
            ("8/8", {}, "ranks go from 0"),
            ("0/0", {}, "ranks go from 0"),
            # 3 and 7 of an array of eight, given again: which eight is not known here.
            ("", array(3, 2, 3, 7), "--shard RANK/WORLD"),
            ("", array(0, 4, 0, 6), "leaves out numbers"),
            ("", array(9, 8, 0, 7), "leaves out numbers"),
            ("", array("x", 8), "SLURM_ARRAY_TASK_ID is 'x'"),
            ("", array(0, "-2"), "SLURM_ARRAY_TASK_COUNT is '-2'"),
            ("", array(0, 8, "²"), "SLURM_ARRAY_TASK_MIN"),
        ],
    )
    def test_what_is_no_shard_is_refused(self, wanted: str, environment: dict[str, str], message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            shard_of(wanted, environment)
        assert caught.value.reason_code == "bad_setting"

    @pytest.mark.parametrize("wanted", ["1", "a/2", "1/2/3", "-1/2", "1/ 2", "1/2\n"])
    def test_what_does_not_look_like_one_is_no_setting(self, wanted: str) -> None:
        with pytest.raises(InputError, match="RANK/WORLD"):
            dataclasses.replace(CPU, SHARD=wanted)


class TestRun:
    @pytest.fixture(autouse=True)
    def three(self, videos: Path) -> None:
        """A third video, which shares its name with the second."""
        (videos / "b.mkv").write_bytes(b"b.mkv" * 100)

    def test_shards_together_do_all_under_the_names_of_one_run(self, videos: Path, seen: type[Seen]) -> None:
        assert runner.run(videos, CPU) == 0
        whole = {job.path: (job.folder, job.prints, job.models) for job in seen.videos}
        parts = {}
        for shard in ("0/2", "1/2"):
            assert runner.run(videos, dataclasses.replace(CPU, SHARD=shard)) == 0
            parts |= {job.path: (job.folder, job.prints, job.models) for job in seen.videos}
        assert names(seen) == ["b.mkv"] and seen.videos[0].folder == videos / "b.mkv.clips"
        assert parts == whole

    def test_a_task_of_an_array_does_its_share_and_says_so(
        self, videos: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, value in array(2, 2, 1, 2).items():
            monkeypatch.setenv(name, value)
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["b.mkv"]
        assert "shard 1/2: 1 of 3 videos, as this is a task of a Slurm array (--shard 0/1" in capsys.readouterr().err
        assert runner.run(videos, dataclasses.replace(CPU, SHARD="0/1")) == 0
        assert len(names(seen)) == 3 and (videos / "run.json").exists()

    def test_its_files_have_names_of_their_own(self, videos: Path) -> None:
        runner.run(videos, dataclasses.replace(CPU, SHARD="1/2"))
        assert sorted(path.name for path in videos.iterdir() if path.name.endswith(("json", "jsonl", "html"))) == [
            "clips.shard-01-of-02.jsonl",
            "index.shard-01-of-02.html",
            "run.shard-01-of-02.json",
        ]

    def test_the_run_file_tells_of_which_list_it_is_a_share(self, videos: Path) -> None:
        runner.run(videos, dataclasses.replace(CPU, SHARD="1/2"))
        content = json.loads((videos / "run.shard-01-of-02.json").read_text())
        everything = [videos / name for name in ("a.mp4", "b.mkv", "b.mp4")]
        assert content["shard"] == {
            "rank": 1,
            "world": 2,
            "videos_in_all": 3,
            "list_digest": list_digest(everything, videos),
        }
        assert [video["path"] for video in content["videos"]] == [str(videos / "b.mkv")]

    def test_more_shards_than_videos(self, videos: Path, seen: type[Seen]) -> None:
        assert runner.run(videos, dataclasses.replace(CPU, SHARD="7/9")) == 0
        assert seen.videos == []
        assert json.loads((videos / "run.shard-07-of-09.json").read_text())["videos"] == []

    def test_all_shards_choose_their_models_by_the_whole_list(self, videos: Path, tmp_path: Path) -> None:
        """A shard whose videos all have transcripts would need no recogniser, and its list of models would differ."""
        transcripts = tmp_path / "transcripts"
        transcripts.mkdir()
        (transcripts / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        models = []
        for rank in range(3):
            config = dataclasses.replace(CPU, SHARD=f"{rank}/3", TRANSCRIPTS=str(transcripts))
            runner.run(videos, config)
            models.append(json.loads((videos / f"run.shard-0{rank}-of-03.json").read_text())["models"])
        assert models[0] == models[1] == models[2]

    def test_a_source_without_videos_is_told_in_the_file_of_the_shard(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(InputError):
            runner.run(tmp_path / "empty", dataclasses.replace(CPU, SHARD="1/2"))
        content = json.loads((tmp_path / "empty" / "run.shard-01-of-02.json").read_text())
        assert content["reason_code"] == "no_videos"
        assert not (tmp_path / "empty" / "run.json").exists()

    def test_what_other_shards_are_writing_stays(self, videos: Path) -> None:
        """Their processes may live on other machines, where no process of this one's numbers tells."""
        own, other = (videos / f".run.shard-0{rank}-of-02.json.999999999.part" for rank in range(2))
        for path in (own, other):
            path.touch()
        runner.run(videos, dataclasses.replace(CPU, SHARD="0/2"))
        assert not own.exists() and other.exists()

    def test_a_dry_run_tells_of_the_shard_only(self, videos: Path) -> None:
        lines: list[str] = []
        dry_run(videos, dataclasses.replace(CPU, SHARD="1/2"), lines.append)
        assert "shard 1/2: 1 of 3 videos" in lines
        assert [line.split(":")[0].split()[1] for line in lines if line.startswith(("to do", "failed"))] == ["b.mkv"]

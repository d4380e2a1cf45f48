"""Every kind of input through the whole pipeline, each with the end that is defined for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.machine import ResolvedConfig
from pipeline.opening import open_video
from pipeline.run.runner import run
from pipeline.stage import VideoJob
from tests.support import zoo
from tests.support.by_hand import on_cpu
from tests.support.privileges import folder_of_nobody

ROOT = Path(__file__).resolve().parent.parent
LONG_S = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONG_S)]

FAILED = {
    "silent.mp4": "no_audio",
    "blind.mp4": "no_video",
    "only_cover_art.mp4": "no_video",
    "truncated_index.mp4": "not_media",
    "no_picture_left.mp4": "undecodable",
    "empty.mp4": "not_media",
    "words.mp4": "not_media",
    "noise.mkv": "not_media",
    "playlist.mp4": "not_media",
    "to_itself.mp4": "unreadable",
    "broken.mp4": "unreadable",
}
PARTIAL = {"truncated.mp4": "truncated", "truncated.mkv": "truncated", "corrupt.ts": "damaged"}
WITHOUT_CLIP = ("fps1.mp4", "sixteen.mp4", "eight_k.mp4", *PARTIAL)
"""Too few pictures, too small or too short for a face: their one sentence may be dropped."""

COMPOSED = (
    *("sound_late.mp4", "clock_far_on.ts", "edit_list.mp4", "rotated.mp4", "several_sounds.mkv", "cover_art.mp4"),
    *("eight_k.mp4", "same.mp4", "same.mkv", "wrong_ending.avi", "inner/deep.mp4"),
)
GOOD = (*(name for name in zoo.CONVERTED if name not in FAILED), *COMPOSED, *zoo.ODD_NAMES)

SETTINGS: dict[str, Any] = {
    "FACE_DETECTOR": "mtcnn",
    "SPEAKER_MODEL": "lip-motion",
    "IDENTITY_MODEL": "none",
    "DOWNLOAD_WEIGHTS": False,
    "DETECT_EVERY": 25,
    "MIN_COVERAGE": 0.0,
    "MIN_SPEAKER_SCORE_THRESHOLD": -100.0,
    "CLIP_PRESET": "ultrafast",
    "CLIP_SIZE": 64,
    "MIN_FREE_GB": 0.0,
    "DEBUG": True,
}
"""Of a run in this process, without a download, quick, and with a clip of every sentence on which a face is seen."""


def _transcripts(folder: Path, names: list[str]) -> Path:
    """A sentence of the user's own for each video, so that no recogniser is needed."""
    words = [{"word": " Good", "start": 0.1, "end": 0.4}, {"word": " day.", "start": 0.4, "end": 0.8}]
    segments = [{"start": 0.1, "end": 0.8, "text": " Good day.", "words": words}]
    for name in names:
        path = folder / Path(name).stem / "transcript.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"language": "en", "segments": segments}))
    return folder


def _without_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))


@dataclass(frozen=True, slots=True)
class Shown:
    """The one run that all tests look at."""

    folder: Path
    output: Path
    code: int
    videos: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    home = tmp_path_factory.mktemp("zoo")
    folder, output = home / "videos", home / "out"
    zoo.fill(folder, ROOT / "samples" / "late_sound.mp4")
    given = _transcripts(home / "given", [*GOOD, *PARTIAL, *FAILED])
    with pytest.MonkeyPatch.context() as patch:
        _without_home(patch, home)
        code = run(folder, Config(OUTPUT_DIR=str(output), TRANSCRIPTS=str(given), RECURSIVE=True, **SETTINGS))
    videos = json.loads((output / "run.json").read_bytes())["videos"]
    return Shown(folder, output, code, {str(Path(video["path"]).relative_to(folder)): video for video in videos})


def test_every_input_has_an_end_and_nothing_else_is_taken_for_one(shown: Shown) -> None:
    assert sorted(shown.videos, key=os.fsencode) == sorted([*GOOD, *PARTIAL, *FAILED], key=os.fsencode)
    assert shown.code == 1


@pytest.mark.parametrize("name", GOOD, ids=ascii)
def test_a_good_one_is_done(shown: Shown, name: str) -> None:
    video = shown.videos[name]
    assert video["status"] == "done", video["message"]
    manifest = Path(video["manifest"])
    content = json.loads(manifest.read_bytes())
    assert len(content["clips"]) + len(content["dropped"]) == 1
    assert name in WITHOUT_CLIP or len(content["clips"]) == 1, content["dropped"]
    for clip in content["clips"]:
        assert (manifest.parent / clip["clip"]).stat().st_size > 500


@pytest.mark.parametrize("name", PARTIAL)
def test_a_damaged_one_gives_what_is_left(shown: Shown, name: str) -> None:
    video = shown.videos[name]
    assert (video["status"], video["reason_code"]) == ("partial", PARTIAL[name]), video["message"]
    assert Path(video["manifest"]).is_file()


@pytest.mark.parametrize("name", FAILED)
def test_a_bad_one_fails_with_its_reason(shown: Shown, name: str) -> None:
    video = shown.videos[name]
    assert (video["status"], video["reason_code"]) == ("failed", FAILED[name]), video["message"]
    assert len(video["message"]) > 30
    assert video["manifest"] is None


def test_no_name_is_read_by_a_shell_and_nothing_partial_is_left(shown: Shown) -> None:
    names = [path.name for path in shown.folder.parent.rglob("*")]
    assert "shell" not in names
    assert not [name for name in names if name.endswith(".part")]
    assert not (Path.cwd() / "shell").exists()


def test_results_of_each_have_a_folder_of_their_own(shown: Shown) -> None:
    manifests = [video["manifest"] for video in shown.videos.values() if video["manifest"]]
    assert len({path.casefold() for path in manifests}) == len(manifests) == len(GOOD) + len(PARTIAL)


def test_a_run_over_its_own_results_finds_no_video_more(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results lie beside the videos, and some of them from a run that did not end."""
    shutil.copytree(shown.output / "kind.mkv", tmp_path / "videos" / "a")
    shutil.copytree(shown.output / "rotated", tmp_path / "videos" / "b")
    (tmp_path / "videos" / "b" / "output" / "manifest.json").unlink()
    _without_home(monkeypatch, tmp_path)
    with pytest.raises(InputError) as caught:
        run(tmp_path / "videos", Config(OUTPUT_DIR=str(tmp_path / "out"), RECURSIVE=True, **SETTINGS))
    assert caught.value.reason_code == "no_videos"


def test_an_input_folder_that_may_only_be_read(monkeypatch: pytest.MonkeyPatch, shown: Shown) -> None:
    """And a video in it that may not even be that, by a user who is not root."""
    good = (shown.folder / "kind.mkv").read_bytes()
    with folder_of_nobody() as home:
        folder, output = home / "videos", home / "out"
        folder.mkdir()
        for name in ("open.mkv", "closed.mkv"):
            (folder / name).write_bytes(good)
        (folder / "closed.mkv").chmod(0)
        folder.chmod(0o555)
        given = _transcripts(home / "given", ["open.mkv", "closed.mkv"])
        _without_home(monkeypatch, home)
        config = Config(OUTPUT_DIR=str(output), TRANSCRIPTS=str(given), WORK_DIR=str(home), **SETTINGS)
        assert run(folder, config) == 1
        videos = json.loads((output / "run.json").read_bytes())["videos"]
        assert {Path(video["path"]).name: (video["status"], video["reason_code"]) for video in videos} == {
            "open.mkv": ("done", ""),
            "closed.mkv": ("failed", "unreadable"),
        }
        with pytest.raises(InputError) as caught:
            run(folder, Config(TRANSCRIPTS=str(given), WORK_DIR=str(home), **SETTINGS))
        assert caught.value.reason_code == "output_not_writable"
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("small", "reason"),
    [(on_cpu(MAX_MEGAPIXELS=0.003), "too_large"), (on_cpu(MAX_VIDEO_HOURS=0.001), "too_long")],
    ids=["MAX_MEGAPIXELS", "MAX_VIDEO_HOURS"],
)
def test_limits_of_the_settings(tmp_path: Path, small: ResolvedConfig, reason: str) -> None:
    """64x48 are 0.003072 million pixels, and four seconds more than a thousandth of an hour."""
    film = zoo.Film(tmp_path)
    path = film.make("v.mkv", film.times(Fraction(25), 4), sound=[(Fraction(0), film.tone(16000, 4))])
    job = VideoJob(0, path, tmp_path)
    open_video(job, tmp_path / "sound", on_cpu(), lambda _: None)
    with pytest.raises(InputError) as caught:
        open_video(job, tmp_path / "sound", small, lambda _: None)
    assert caught.value.reason_code == reason


def _small_disk(mount: Path, command: list[str], size_kib: int) -> list[str]:
    """*command* with a disk of that size at *mount*, seen by it alone; its results are copied out at the end."""
    script = (
        'mount -t tmpfs -o size="$2"k none "$1" && place="$1" && shift 2 && '
        '{ "$@"; code=$?; cp -r "$place" "$place.copy"; exit $code; }'
    )
    return ["unshare", "-rm", "sh", "-c", script, "sh", str(mount), str(size_kib), *command]


def _can_mount(mount: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(_small_disk(mount, ["true"], 100), capture_output=True).returncode == 0


def test_a_full_disk(shown: Shown, tmp_path: Path) -> None:
    """There is room for the words and the faces, and none for a clip without loss."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _can_mount(disk):
        pytest.skip("this machine does not let its users mount a small disk (unshare -rm)")
    shutil.rmtree(tmp_path / "disk.copy")
    (tmp_path / "videos").mkdir()
    shutil.copy(shown.folder / "kind.mkv", tmp_path / "videos")
    given = _transcripts(tmp_path / "given", ["kind.mkv"])
    settings = {**SETTINGS, "CLIP_STYLE": "full", "CLIP_SIZE": 480, "CLIP_CRF": 0, "OUTPUT_DIR": str(disk)}
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from config import Config\n"
        "from pipeline.run.runner import run\n"
        f"sys.exit(run(Path(sys.argv[1]), Config(TRANSCRIPTS=sys.argv[2], **{settings!r})))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "videos"), str(given)]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS")
    }
    ended = subprocess.run(
        _small_disk(disk, command, 300),
        cwd=ROOT,
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert ended.returncode == 1, ended.stderr
    results = tmp_path / "disk.copy"
    (video,) = json.loads((results / "run.json").read_bytes())["videos"]
    assert video["status"] == "failed"
    assert video["reason_code"] in ("no_clip_written", "disk_full", "io_error"), video
    assert "No space left on device" in video["message"]
    assert {path.name for path in results.rglob("*") if path.is_file()} <= {
        *("run.json", "clips.jsonl", "index.html", "log.txt", "failure.json"),
        *("tracks.npz", "attribution.json", "transcript.json", "transcript.srt", "transcript.vtt", "transcript.ass"),
    }

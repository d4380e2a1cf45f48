"""The command as its users start it, on real and broken files, with the stand-ins that need no weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import optimized_runner
from tests.support.command_line import LONG_S, ROOT, start

GOOD = "late_sound.mp4"
RAY = pytest.param("ray", marks=pytest.mark.ray)
pytestmark = pytest.mark.timeout(LONG_S)


def ends(folder: Path) -> dict[str, tuple[str, str]]:
    run = json.loads((folder / "run.json").read_text())
    return {Path(video["path"]).name: (video["status"], video["reason_code"]) for video in run["videos"]}


def write_media(path: Path, picture: bool, sound: bool) -> None:
    """A second of grey picture, of tone, or of both, as MP4."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", 25, {"g": "5"}) if picture else None
        track = container.add_stream("aac", 16000) if sound else None
        if stream is not None:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(25):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "bgr24")))
            container.mux(stream.encode())
        if track is not None:
            tone = (np.sin(np.arange(16000) / 16000 * 2 * np.pi * 440) * 8000).astype(np.int16)
            block = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
            block.sample_rate, block.pts, block.time_base = 16000, 0, Fraction(1, 16000)
            container.mux(track.encode(block))
            container.mux(track.encode())


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, subprocess.CompletedProcess[str]]:
    """A folder with one good video among bad ones, run once: the folder, its results, how the command ended."""
    folder, home = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("home")
    shutil.copy(ROOT / "samples" / GOOD, folder / GOOD)
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "dangling.mp4").symlink_to(folder / "nowhere")
    (folder / "notes.txt").write_text("not looked at")
    write_media(folder / "silent.mp4", picture=True, sound=False)
    write_media(folder / "blind.mp4", picture=False, sound=True)
    write_media(folder / "nobody.mp4", picture=True, sound=True)
    output = folder / "results"
    return folder, output, start(folder, "--output-dir", output, home=home)


ENDS = {
    GOOD: ("done", ""),
    "nobody.mp4": ("done", ""),
    "text.mp4": ("failed", "not_media"),
    "empty.mp4": ("failed", "not_media"),
    "dangling.mp4": ("failed", "unreadable"),
    "silent.mp4": ("failed", "no_audio"),
    "blind.mp4": ("failed", "no_video"),
}
"""How the videos of that folder end, on whatever engine."""

Mixed = tuple[Path, Path, subprocess.CompletedProcess[str]]


@pytest.mark.slow
class TestMixedFolder:
    def test_each_video_ends_with_its_reason_and_the_good_ones_are_done(self, mixed: Mixed) -> None:
        _, output, ended = mixed
        assert ended.returncode == 1, ended.stderr
        assert ends(output) == ENDS

    def test_every_failure_says_what_to_do_and_leaves_no_manifest(self, mixed: Mixed) -> None:
        _, output, ended = mixed
        for video in json.loads((output / "run.json").read_text())["videos"]:
            name = Path(video["path"]).stem
            assert (output / name / "output" / "manifest.json").exists() == (video["status"] == "done")
            if video["status"] == "failed":
                assert video["message"] in ended.stdout and len(video["message"]) > 30

    def test_the_good_one_leaves_everything_that_is_promised(self, mixed: Mixed) -> None:
        _, output, _ = mixed
        results = output / "late_sound"
        manifest = json.loads((results / "output" / "manifest.json").read_text())
        clips = {clip["clip"] for clip in manifest["clips"]}
        assert clips and clips | {"manifest.json"} == {path.name for path in (results / "output").iterdir()}
        assert {path.name for path in results.iterdir()} == {
            *(
                "log.txt",
                "attribution.json",
                "persons",
                "report.html",
                "output",
                "tracks.npz",
                "transcript.json",
                "transcript.srt",
                "transcript.vtt",
                "transcript.ass",
            )
        }
        lines = (output / "clips.jsonl").read_text().splitlines()
        assert {json.loads(line)["clip"] for line in lines} == clips
        with np.load(results / "tracks.npz", allow_pickle=False) as tracks:
            assert {"track", "frame", "box_px", "logit", "probability"} <= set(tracks.files)

    def test_every_stand_in_is_announced(self, mixed: Mixed) -> None:
        _, output, ended = mixed
        run = json.loads((output / "run.json").read_text())
        good = next(video for video in run["videos"] if video["path"].endswith(GOOD))
        assert good["stand_ins"] == [
            *("faces: mtcnn", "speaking: lip-motion", "words: pocketsphinx", "identity: by-framing")
        ]
        for model in ("s3fd", "talknet", "whisper-base", "mobilefacenet"):
            assert sum(f"STAND-IN for {model}" in line for line in ended.stderr.splitlines()) == 1
        manifest = json.loads((output / "late_sound" / "output" / "manifest.json").read_text())
        replaced = {model["stands_in_for"] for model in manifest["models"]}
        assert replaced == {"s3fd", "talknet", "whisper-base", "mobilefacenet"}
        assert "python -m pipeline.weights fetch" in ended.stdout

    def test_the_input_folder_is_not_touched(self, mixed: Mixed) -> None:
        folder, output, _ = mixed
        assert len(list(folder.iterdir())) == 8 + (output.parent == folder)

    def test_a_second_run_does_only_what_is_missing(self, mixed: Mixed, tmp_path: Path) -> None:
        folder, output, _ = mixed
        manifest = output / "late_sound" / "output" / "manifest.json"
        before = manifest.stat().st_mtime_ns
        ended = start(folder / GOOD, "--output-dir", output, home=tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert ends(output) == {GOOD: ("skipped", "")}
        assert manifest.stat().st_mtime_ns == before
        assert (output / "clips.jsonl").read_text().strip()

    def test_another_clip_style_keeps_tracks_and_words(self, mixed: Mixed, tmp_path: Path) -> None:
        """And the clips are those of a run that did everything."""
        folder, output, _ = mixed
        shutil.copytree(output / "late_sound", tmp_path / "kept" / "late_sound")
        manifests = []
        for home in (tmp_path / "kept", tmp_path / "new"):
            results = home / "late_sound"
            ended = start(folder / GOOD, "--output-dir", home, "--clip-style", "head", home=tmp_path)
            assert ended.returncode == 0, ended.stderr
            (video,) = json.loads((home / "run.json").read_text())["videos"]
            assert video.get("kept") == (["attribution", "speech", "vision"] if home.name == "kept" else None)
            assert (" vision late_sound.mp4" in ended.stderr) == (home.name == "new")
            manifests.append(json.loads((results / "output" / "manifest.json").read_text()))
        assert without_time(manifests[0]) == without_time(manifests[1])
        assert manifests[0]["clips"][0]["crop_style"] == "head"
        for name in ("tracks.npz", "transcript.json", "transcript.srt"):
            assert (tmp_path / "kept" / "late_sound" / name).read_bytes() == (
                tmp_path / "new" / "late_sound" / name
            ).read_bytes()

    def test_what_is_asked_for_later_leaves_the_clips_alone(self, mixed: Mixed, tmp_path: Path) -> None:
        folder, output, _ = mixed
        shutil.copytree(output / "late_sound", tmp_path / "out" / "late_sound")
        results = tmp_path / "out" / "late_sound"
        clips = {path: path.stat().st_mtime_ns for path in (results / "output").iterdir()}
        more = ["--export", "rttm,ava,sieve,sieve-raw,sieve-cuts,talknet", "--annotate", "--clip-text"]
        ended = start(folder / GOOD, "--output-dir", tmp_path / "out", *more, home=tmp_path)
        assert ended.returncode == 0, ended.stderr
        (video,) = json.loads((tmp_path / "out" / "run.json").read_text())["videos"]
        assert (video["status"], video["kept"]) == ("done", ["attribution", "clips", "speech", "vision"])
        assert {path: path.stat().st_mtime_ns for path in clips} == clips
        texts = {path.with_suffix(".mp4").name: path.read_text() for path in (results / "output").glob("*.txt")}
        manifest = json.loads((results / "output" / "manifest.json").read_text())
        assert texts == {clip["clip"]: clip["text"] for clip in manifest["clips"]} != {}
        assert "SPEAKER late_sound 1 " in (results / "export" / "speakers.rttm").read_text()
        assert len(list((results / "export").iterdir())) == 10
        with av.open(str(results / "annotated.mp4")) as annotated, av.open(str(folder / GOOD)) as source:
            frames = [sum(1 for _ in each.decode(video=0)) for each in (annotated, source)]
        assert abs(frames[0] - frames[1]) <= 1
        again = start(folder / GOOD, "--output-dir", tmp_path / "out", *more, home=tmp_path)
        assert ends(tmp_path / "out") == {GOOD: ("skipped", "")}, again.stderr

    def test_debug_gives_the_same_manifest_in_one_process(self, mixed: Mixed, tmp_path: Path) -> None:
        folder, output, _ = mixed
        ended = start(folder / GOOD, "--output-dir", tmp_path / "out", "--debug", home=tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert manifest_of(tmp_path / "out", GOOD) == manifest_of(output, GOOD)

    @pytest.mark.parametrize("engine", ["serial", RAY])
    def test_every_engine_ends_as_the_local_one(
        self, mixed: Mixed, tmp_path: Path, engine: str, request: pytest.FixtureRequest
    ) -> None:
        """That of Ray on a cluster of two machines. Each goes on from what another has left."""
        folder, output, _ = mixed
        more = ["--engine", engine]
        if engine == "ray":
            more += ["--ray-address", request.getfixturevalue("ray_nodes").address]
        ended = start(folder, "--output-dir", tmp_path / "out", *more, home=tmp_path)
        assert ended.returncode == 1, ended.stderr
        assert ends(tmp_path / "out") == ENDS
        for name in (GOOD, "nobody.mp4"):
            assert manifest_of(tmp_path / "out", name) == manifest_of(output, name)
        again = start(folder / GOOD, "--output-dir", tmp_path / "out", home=tmp_path)
        assert ends(tmp_path / "out") == {GOOD: ("skipped", "")}, again.stderr


def manifest_of(output: Path, name: str) -> dict[str, Any]:
    """The manifest of a video, without what differs from run to run."""
    manifest = output / Path(name).stem / "output" / "manifest.json"
    return without_time(json.loads(manifest.read_text()))


def without_time(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in ("created_at", "digest")}


@pytest.mark.slow
class TestTranscripts:
    def test_words_of_the_user_take_the_place_of_a_recogniser(self, tmp_path: Path) -> None:
        """One video has a transcript, one a broken one: no Whisper is needed, and the other is done."""
        videos, given, output = tmp_path / "videos", tmp_path / "given", tmp_path / "out"
        videos.mkdir()
        given.mkdir()
        write_media(videos / "good.mp4", picture=True, sound=True)
        shutil.copy(videos / "good.mp4", videos / "broken.mp4")
        words = [{"word": " Good", "start": 0.2, "end": 0.4}, {"word": " day.", "start": 0.4, "end": 0.7}]
        segments = [{"start": 0.2, "end": 0.7, "text": " Good day.", "words": words}]
        (given / "good.json").write_text(json.dumps({"language": "en", "segments": segments}))
        (given / "broken.srt").write_text("1\nsoon --> 00:00:02,000\nx\n\n2\n5 --> 6\ny\n")
        ended = start(videos, "--transcripts", given, "--output-dir", output, home=tmp_path)
        assert ended.returncode == 1, ended.stderr
        assert ends(output) == {"good.mp4": ("done", ""), "broken.mp4": ("failed", "bad_transcript")}
        assert f"{given}/broken.srt: line 6: '5 --> 6' holds no times; its cue was left out" in ended.stdout
        assert "transcripts: 2 of 2 videos have one" in ended.stderr and "whisper" not in ended.stderr
        manifest = json.loads((output / "good" / "output" / "manifest.json").read_text())
        model = next(model for model in manifest["models"] if model["job"] == "words")
        assert (model["name"], model["file"], model["stands_in_for"]) == ("transcript", "good.json", None)
        assert [sentence["text"] for sentence in manifest["dropped"]] == ["Good day."]
        written = json.loads((output / "good" / "transcript.json").read_text())
        assert [(word["word"], word["start"], word["end"]) for word in written["segments"][0]["words"]] == [
            (" Good", 0.2, 0.4),
            (" day.", 0.4, 0.7),
        ]
        assert sorted(path.name for path in given.iterdir()) == ["broken.srt", "good.json"]


@pytest.mark.slow
class TestFaceBoxes:
    @pytest.mark.parametrize("engine", ["serial", "local", RAY])
    def test_faces_of_the_user_take_the_place_of_a_detector(
        self, tmp_path: Path, engine: str, request: pytest.FixtureRequest
    ) -> None:
        """A grey picture in which no detector finds a face: two are given, one with a gap too long to be bridged. A
        list that cannot be right fails its video only."""
        videos, given, output = tmp_path / "videos", tmp_path / "given", tmp_path / "out"
        videos.mkdir()
        given.mkdir()
        write_media(videos / "good.mp4", picture=True, sound=True)
        for name in ("broken.mp4", "nobody.mp4"):
            shutil.copy(videos / "good.mp4", videos / name)
        still, other = "4,6,24,30,0.9", "40,8,60,28,0.8"
        lines = [f"{frame},{still}" + (f",{other}" if frame not in range(6, 17) else "") for frame in range(25)]
        (given / "good-faces.csv").write_text("\n".join(lines))
        (given / "broken-faces.csv").write_text(f"frame,x1,y1,x2,y2,conf\n0,{still}\n1,70,6,90,30,0.9\n")
        more = ["--engine", engine, "--speaker-model", "lip-motion", "--identity-model", "none", "--min-track", "5"]
        more += ["--ray-address", request.getfixturevalue("ray_nodes").address] if engine == "ray" else []
        words = [*more, "--whisper-model-size", "pocketsphinx", "--face-boxes", given, "--output-dir", output]
        ended = start(videos, *words, home=tmp_path)
        assert ended.returncode == 1, ended.stderr
        assert ends(output) == {
            "good.mp4": ("done", ""),
            "nobody.mp4": ("done", ""),
            "broken.mp4": ("failed", "bad_face_boxes"),
        }
        assert f"{given}/broken-faces.csv: line 3: the box 70,6,90,30 lies outside the picture" in ended.stdout
        assert "face boxes: 2 of 3 videos have a list" in ended.stderr
        with np.load(output / "good" / "tracks.npz") as table:
            frames, boxes = table["frame"], {tuple(box) for box in table["box_px"].tolist()}
            spans = [(frames[table["track"] == n].min(), frames[table["track"] == n].max()) for n in range(3)]
        assert sorted(spans) == [(0, 5), (0, 24), (17, 24)] and boxes == {(4, 6, 24, 30), (40, 8, 60, 28)}
        faces = [
            json.loads((output / name / "output" / "manifest.json").read_text())["models"][0]
            for name in ("good", "nobody")
        ]
        assert [(model["name"], model["file"]) for model in faces] == [
            ("face-boxes", "good-faces.csv"),
            ("mtcnn", None),
        ]
        assert faces[0]["stands_in_for"] is None and len(faces[0]["sha256"]) == 64
        if engine != "serial":
            return
        start(videos, *words, home=tmp_path)
        assert ends(output)["good.mp4"] == ("skipped", "")
        (given / "good-faces.csv").write_text("\n".join(lines).replace("0.9", "0.7"))
        start(videos, *words, home=tmp_path)
        assert ends(output)["good.mp4"] == ("done", "") and ends(output)["nobody.mp4"] == ("skipped", "")


class TestWrongUse:
    def test_a_folder_without_videos(self, tmp_path: Path) -> None:
        ended = start(tmp_path, home=tmp_path)
        assert ended.returncode == 2
        run = json.loads((tmp_path / "run.json").read_text())
        assert run["reason_code"] == "no_videos" and run["videos"] == []
        assert "no videos in this folder" in ended.stderr

    @pytest.mark.slow
    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        ended = start(tmp_path / "nowhere", home=tmp_path)
        assert ended.returncode == 2 and "there is no such file or folder" in ended.stderr

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("flag", "value", "said"),
        [
            ("--detect-every", "0", "DETECT_EVERY is 0; allowed: a whole number from 1 to 25, or auto"),
            ("--whisper-device", "gpu", "WHISPER_DEVICE is 'gpu'; allowed: auto, cpu, cuda"),
            ("--vision-device", "cuda:99", "VISION_DEVICE is 'cuda:99'; this machine has"),
            ("--ring-mb", "many", "RING_MB (--ring-mb) is 'many'; allowed: a whole number"),
        ],
    )
    def test_a_wrong_value_is_refused_before_anything_starts(
        self, tmp_path: Path, flag: str, value: str, said: str
    ) -> None:
        ended = start(ROOT / "samples", "--output-dir", tmp_path / "out", flag, value, home=tmp_path)
        assert ended.returncode == 2 and said in ended.stderr
        assert not list(tmp_path.glob("out/*/"))

    @pytest.mark.slow
    def test_strict_refuses_stand_ins(self, tmp_path: Path) -> None:
        ended = start(ROOT / "samples", "--output-dir", tmp_path / "out", "--strict", home=tmp_path)
        assert ended.returncode == 2
        assert "sfd_face.pth" in ended.stderr and "--strict" in ended.stderr

    @pytest.mark.slow
    def test_missing_encoders_are_told_before_anything_starts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poor = tmp_path / "ffmpeg"
        poor.write_text("#!/bin/sh\necho Unknown encoder libx264 >&2\nexit 1\n")
        poor.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(poor))
        ended = start(ROOT / "samples", "--output-dir", tmp_path / "out", home=tmp_path)
        assert ended.returncode == 2
        assert "no ffmpeg that encodes H.264" in ended.stderr and "Unknown encoder libx264" in ended.stderr
        assert not list(tmp_path.glob("out/*/"))

    @pytest.mark.parametrize(
        ("flag", "told"),
        [("--clip-stile=head", "is --clip-style meant?"), ("--ring-mbs", "--ring-mb meant?"), ("--zzzz", "--help-all")],
    )
    def test_an_unknown_flag(self, flag: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            optimized_runner.main([str(tmp_path), flag])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert flag in error and told in error


@pytest.mark.slow
def test_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    ended = start(ROOT / "samples", "--output-dir", tmp_path / "out", "--dry-run", home=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("to do    ") == 3 and "3 of 3 videos to do" in ended.stdout
    assert not (tmp_path / "out").exists()

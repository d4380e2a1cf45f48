"""What is made of finished results: that the settings about it act."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline import results
from pipeline.artifacts import is_made, missing_outputs
from pipeline.clips import outputs, speech_stretches
from pipeline.errors import InputError
from pipeline.executors.runtime import run_stage
from pipeline.graph import GRAPH
from pipeline.outputs.exports import FORMATS
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.tracks import write_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.results import EXPORT_FILES, note_made
from pipeline.settings import as_list
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import Fingerprints, Losses, ModelChoice, Probe, ScoredTracks, Segment, Transcript, Word
from pipeline.vision import facenet
from tests.support.by_hand import kept, prints, work_of

MODELS = (ModelChoice("speaking", "lip-motion", None),)
PROBE = Probe(Path("/v/talk.mp4"), "mp4", 2.0, 100, 80, Fraction(25), 0, Fraction(0), 16_000, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a finished video of two seconds in which one face says two words."""
    frames = np.arange(50, dtype=np.int32)
    boxes = np.tile(np.array([10, 10, 50, 50], np.float32), (50, 1))
    tracks = ScoredTracks(
        *(50, np.zeros(1, np.int32), frames * 0, frames, boxes),
        *(np.full(50, 3, np.float32), np.full(50, 0.9, np.float32)),
    )
    words = (Word(" Good", 0.2, 0.5, 0.9), Word(" day.", 0.5, 1.0, 0.9))
    transcript = Transcript("en", (Segment(0.2, 1.0, " Good day.", words),))
    kept(tmp_path, tracks, transcript, prints("v", "s"))
    run_stage(GRAPH.stage("attribution"), _work(tmp_path, Config()))
    return tmp_path


@pytest.fixture(autouse=True)
def sounds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that sound was written to; in each there is speech from 0.2 to 1.4 s."""
    written: list[Path] = []

    def speech_of(probe: Probe, sound: Path, pulse: Any) -> np.ndarray:
        sound.touch()
        written.append(sound)
        return np.array([[0.2, 1.4]])

    monkeypatch.setattr(speech_stretches, "speech_of", speech_of)
    return written


def _work(folder: Path, config: Config) -> Any:
    found = prints("v", "s", attribution="a")
    return work_of(VideoJob(0, PROBE.path, folder, found), OpenedVideo(PROBE, None), config, MODELS)


def write(folder: Path, config: Config) -> None:
    """Make the outputs that *config* asks for."""
    for stage in GRAPH.outputs:
        if stage.is_asked(config):
            run_stage(stage, _work(folder, config))


@pytest.mark.parametrize("names", [*FORMATS, FORMATS])
def test_export_writes_what_is_wanted_and_nothing_else(folder: Path, names: Any) -> None:
    config = Config(EXPORT=names)
    write(folder, config)
    written = {path.relative_to(folder).as_posix() for path in (folder / "export").iterdir()}
    assert written == {name for each in as_list(names) for name in EXPORT_FILES[each]}


def test_turns_are_of_who_says_the_words_as_long_as_there_is_speech(folder: Path) -> None:
    """The last word ends at 1.0 s."""
    write(folder, Config(EXPORT="rttm"))
    assert (folder / "export" / "speakers.rttm").read_text().split()[3:8] == [
        *("0.200", "1.200", "<NA>", "<NA>", "speaker_1")
    ]


@pytest.mark.parametrize("names", FORMATS)
def test_speech_is_looked_for_where_turns_are_wanted_and_its_sound_goes(
    folder: Path, sounds: list[Path], names: str
) -> None:
    write(folder, Config(EXPORT=names))
    assert len(sounds) == (names == "rttm")
    assert not any(path.exists() for path in sounds)


def test_sound_goes_where_speech_cannot_be_found_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(probe: Probe, sound: Path, pulse: Any) -> np.ndarray:
        sound.touch()
        raise InputError("no_audio", "has no sound", probe.path)

    monkeypatch.setattr(speech_stretches, "speech_of", fails)
    with pytest.raises(InputError, match="has no sound"):
        write(folder, Config(EXPORT="rttm"))
    assert not list(folder.glob(".sound*"))


@pytest.mark.slow
def test_clip_text_writes_the_words_beside_each_clip_and_cuts_none(finish, tmp_path: Path) -> None:
    manifest = finish().manifest
    clips = {path: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}
    write(tmp_path / "result", Config(CLIP_TEXT=True))
    texts = {path.name: path.read_bytes().decode() for path in sorted(manifest.parent.glob("*.txt"))}
    assert texts == {"seg_0000_track_000.txt": "Hello there.", "seg_0001_track_000.txt": "Beep now"}
    assert [clip["text"] for clip in read_manifest(manifest)["clips"]] == list(texts.values())
    assert {path: path.stat().st_mtime_ns for path in manifest.parent.iterdir() if path.suffix != ".txt"} == clips
    finish()
    assert not list(manifest.parent.glob("*.txt"))


@pytest.mark.slow
def test_only_the_clips_that_were_cut_have_a_text(finish, tmp_path: Path, first_clip_fails: None) -> None:
    """B8: a clip that failed had its words beside it all the same."""
    output = finish().manifest.parent
    write(tmp_path / "result", Config(CLIP_TEXT=True))
    assert sorted(path.name for path in output.glob("seg_*")) == ["seg_0001_track_000.mp4", "seg_0001_track_000.txt"]


@pytest.mark.parametrize("names", ["talknet", "rttm"])
def test_face_embeddings_acts_on_the_talknet_export(folder: Path, monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    loaded: list[Path] = []
    given: list[Any] = []
    monkeypatch.setattr(facenet, "FaceNet", lambda path, device: loaded.append(path))
    monkeypatch.setattr(facenet, "embed_tracks", lambda probe, tracks, network: ["embeddings"])
    monkeypatch.setattr(outputs, "write_exports", lambda *_, embeddings, **__: given.append(embeddings))
    write(folder, Config(EXPORT=names, FACE_EMBEDDINGS="/w/vggface2.pt"))
    write(folder, Config(EXPORT=names))
    asked = names == "talknet"
    assert loaded == ([Path("/w/vggface2.pt")] if asked else [])
    assert given == ([["embeddings"], None] if asked else [None, None])


@pytest.mark.parametrize("header", [False, True])
def test_ava_header_acts_on_the_ava_export(folder: Path, header: bool) -> None:
    write(folder, Config(EXPORT="ava", AVA_HEADER=header))
    for name in ("ava_labels.csv", "ava_predictions.csv"):
        assert (folder / "export" / name).read_text().startswith("video_id,") == header


def test_outputs_are_asked_for_by_their_settings() -> None:
    def asked(**settings: Any) -> list[str]:
        return [stage.name for stage in GRAPH.outputs if stage.is_asked(Config(**settings))]

    assert asked() == []
    assert asked(ANNOTATE=True) == ["annotate"]
    assert asked(REFRAME=True) == ["reframe"]
    assert asked(CLIP_TEXT=True, EXPORT=("sieve", "rttm")) == ["clip_texts", "export"]


def test_an_output_is_missing_until_its_files_are_there_and_made_of_the_same(tmp_path: Path) -> None:
    config, found = Config(EXPORT=("sieve", "rttm")), Fingerprints({"export": "e"})
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "sieve.json").touch()
    note_made(tmp_path, "export", "e")
    assert missing_outputs(GRAPH, tmp_path, found, config) == {"export"}
    (tmp_path / "export" / "speakers.rttm").touch()
    assert missing_outputs(GRAPH, tmp_path, found, config) == frozenset()
    assert missing_outputs(GRAPH, tmp_path, Fingerprints({"export": "other"}), config) == {"export"}
    assert missing_outputs(GRAPH, tmp_path, found, Config()) == frozenset()


def test_texts_are_missing_until_each_clip_has_one(tmp_path: Path) -> None:
    stage, config, output = GRAPH.stage("clip_texts"), Config(CLIP_TEXT=True), tmp_path / "output"
    found = Fingerprints({"clip_texts": "t"})
    note_made(tmp_path, "clip_texts", "t")
    assert is_made(stage, tmp_path, found, config)
    output.mkdir()
    for name in ("seg_0000_track_000.mp4", "seg_0012_track_003.mp4", "own.mp4", "seg_0000_track_000.txt"):
        (output / name).touch()
    assert not is_made(stage, tmp_path, found, config)
    (output / "seg_0012_track_003.txt").touch()
    assert is_made(stage, tmp_path, found, config)
    (output / "seg_0000_track_000.txt").unlink()
    assert not is_made(stage, tmp_path, found, config)


def test_an_output_that_is_half_made_anew_is_not_taken_for_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are new when the attempt is killed, and the note would still be that of the settings before."""
    config = Config(EXPORT="rttm")
    old, new = (prints("v", "s", attribution="a", export=mark) for mark in ("old", "new"))

    def make(found: Fingerprints) -> None:
        work = work_of(VideoJob(0, PROBE.path, folder, found), OpenedVideo(PROBE, None), config, MODELS)
        run_stage(GRAPH.stage("export"), work)

    make(old)
    assert missing_outputs(GRAPH, folder, old, config) == frozenset()
    with monkeypatch.context() as patched:
        patched.setattr(results, "note_made", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            make(new)
    assert missing_outputs(GRAPH, folder, old, config) == {"export"} == missing_outputs(GRAPH, folder, new, config)
    make(old)
    assert missing_outputs(GRAPH, folder, old, config) == frozenset()


@pytest.mark.parametrize("changed", ["tracks.npz", "transcript.json", "attribution.json"])
def test_results_of_another_run_are_not_taken_for_those_of_this_one(folder: Path, changed: str) -> None:
    """As when a worker of a run that had given the video up writes late."""
    frames = np.arange(50, dtype=np.int32)
    tracks = ScoredTracks(
        *(50, np.zeros(1, np.int32), frames * 0, frames, np.zeros((50, 4), np.float32)),
        *(np.zeros(50, np.float32), np.zeros(50, np.float32)),
    )
    if changed == "tracks.npz":
        write_tracks(folder / changed, tracks, Losses(), "other")
    elif changed == "transcript.json":
        write_transcript(folder / changed, Transcript("en", ()), mark="other")
    else:
        write_tracks(folder / "tracks.npz", tracks, Losses(), "v")
    with pytest.raises(InputError) as caught:
        write(folder, Config(EXPORT="rttm"))
    assert caught.value.reason_code == "results_changed" and caught.value.path == folder / changed

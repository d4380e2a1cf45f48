"""What changes the fingerprint of results, and when they count as finished."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline import fingerprint as module
from pipeline.artifacts import finished
from pipeline.errors import InputError
from pipeline.fingerprint import fingerprints_of
from pipeline.graph import GRAPH
from pipeline.machine import DETECT_EVERY_CPU, resolved
from pipeline.outputs import manifest as manifest_module
from pipeline.outputs.manifest import read_manifest, write_manifest
from pipeline.stage import Graph
from pipeline.types import Fingerprints, ModelChoice
from tests.support.finished import finished as finished_video

MODELS = (ModelChoice("faces", "s3fd", Path("/w/s3fd.pth"), "aa" * 32), ModelChoice("words", "base", None))


def fingerprint(video: Path, config: Config, models: tuple[ModelChoice, ...]) -> str:
    """That of everything."""
    return fingerprints_of(GRAPH, video, config, models).of("clips")


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of ten samples."""
    monkeypatch.setattr(module, "SAMPLE_BYTES", 100)
    path = tmp_path / "v.mp4"
    path.write_bytes(bytes(range(250)) * 4)
    return path


def test_it_stays(video: Path) -> None:
    first = fingerprint(video, Config(), MODELS)
    assert fingerprint(video, Config(), MODELS) == first
    assert len(first) == 64


def test_name_and_date_do_not_count(video: Path) -> None:
    other = video.with_name("other.mp4")
    other.write_bytes(video.read_bytes())
    assert fingerprint(other, Config(), MODELS) == fingerprint(video, Config(), MODELS)


@pytest.mark.parametrize("at", [0, 99, 450, 500, 549, 900, 999])
def test_content_counts_at_both_ends_and_in_the_middle(video: Path, at: int) -> None:
    before = fingerprint(video, Config(), MODELS)
    data = bytearray(video.read_bytes())
    data[at] ^= 1
    video.write_bytes(data)
    assert fingerprint(video, Config(), MODELS) != before


def test_size_counts(video: Path) -> None:
    """Zeros put between the samples of a file of zeros leave the samples as they are."""
    video.write_bytes(bytes(1000))
    before = fingerprint(video, Config(), MODELS)
    video.write_bytes(bytes(1200))
    assert fingerprint(video, Config(), MODELS) != before


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 199])
def test_small_files(video: Path, size: int) -> None:
    video.write_bytes(bytes(size))
    before = fingerprint(video, Config(), MODELS)
    video.write_bytes(bytes(size) + b"x")
    assert fingerprint(video, Config(), MODELS) != before


@pytest.mark.parametrize(
    ("name", "value"), [("CLIP_SIZE", 128), ("SPEAKER_MODEL", "lr-asd"), ("SENTENCE_PAUSE_S", 0.7), ("DETECT_EVERY", 2)]
)
def test_settings_that_change_results_count(video: Path, name: str, value: Any) -> None:
    changed = dataclasses.replace(Config(), **{name: value})
    assert fingerprint(video, changed, MODELS) != fingerprint(video, Config(), MODELS)


@pytest.mark.parametrize(
    ("name", "value"), [("OUTPUT_DIR", "/x"), ("NUM_MUX_WORKERS", 3), ("VISION_DEVICE", "cpu"), ("DEBUG", True)]
)
def test_settings_that_do_not_change_results_do_not_count(video: Path, name: str, value: Any) -> None:
    changed = dataclasses.replace(Config(), **{name: value})
    assert fingerprint(video, changed, MODELS) == fingerprint(video, Config(), MODELS)


@pytest.mark.parametrize("changed", [{"name": "mtcnn"}, {"sha256": "bb" * 32}, {"role": "speaking"}])
def test_models_count(video: Path, changed: dict[str, str]) -> None:
    models = (dataclasses.replace(MODELS[0], **changed), MODELS[1])
    assert fingerprint(video, Config(), models) != fingerprint(video, Config(), MODELS)


def test_the_file_that_helps_a_model_counts(video: Path) -> None:
    models = (dataclasses.replace(MODELS[0], helper=Path("/w/yunet.onnx")), MODELS[1])
    assert fingerprint(video, Config(), models) != fingerprint(video, Config(), MODELS)


@pytest.mark.parametrize(("name", "value"), [("WHISPER_PRECISION", "full"), ("ALIGN", True)])
def test_settings_of_speech_count(video: Path, name: str, value: Any) -> None:
    changed = dataclasses.replace(Config(), **{name: value})
    assert fingerprint(video, changed, MODELS) != fingerprint(video, Config(), MODELS)


def test_the_content_of_a_transcript_counts_and_not_where_it_lies(video: Path) -> None:
    given = [
        (MODELS[0], ModelChoice("words", "transcript", Path(place), digest * 32))
        for place, digest in (("/t/v.json", "aa"), ("/t/v.json", "bb"), ("/u/v.srt", "aa"))
    ]
    first, other_content, other_place = (fingerprint(video, Config(TRANSCRIPTS="/t"), models) for models in given)
    assert first not in (other_content, fingerprint(video, Config(), MODELS))
    assert first == other_place == fingerprint(video, Config(TRANSCRIPTS="/u"), given[0])


def test_where_the_weights_lie_does_not_count(video: Path) -> None:
    models = (dataclasses.replace(MODELS[0], weights=Path("/elsewhere.pth"), why="moved"), MODELS[1])
    assert fingerprint(video, Config(), models) == fingerprint(video, Config(), MODELS)


def test_resolving_changes_no_fingerprint_but_by_the_values(video: Path) -> None:
    asked = Config(DETECT_EVERY=4, VISION_DEVICE="cpu", WHISPER_DEVICE="cpu")
    assert fingerprints_of(GRAPH, video, resolved(asked), MODELS) == fingerprints_of(GRAPH, video, asked, MODELS)
    left_open = dataclasses.replace(asked, DETECT_EVERY="auto")
    on_cpu = dataclasses.replace(asked, DETECT_EVERY=DETECT_EVERY_CPU)
    assert fingerprints_of(GRAPH, video, resolved(left_open), MODELS) == fingerprints_of(GRAPH, video, on_cpu, MODELS)


@pytest.mark.parametrize("name", ["gone.mp4", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        fingerprint(tmp_path / name, Config(), MODELS)
    assert caught.value.reason_code == "unreadable"


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("CLIP_STYLE", "head", {"clips", "failure"}),
        ("MIN_COVERAGE", 0.6, {"clips", "failure"}),
        ("WHISPER_LANGUAGE", "ja", {"speech", "attribution", "clips", "failure"}),
        ("SHOT_THRESHOLD", 5, {"vision", "attribution", "clips", "failure"}),
        ("SENTENCE_PAUSE_S", 0.7, {"attribution", "clips", "failure"}),
        ("NUM_MUX_WORKERS", 3, set()),
        ("MAX_MEGAPIXELS", 10.0, {"failure"}),
        ("MAX_VIDEO_HOURS", 1.0, {"failure"}),
    ],
)
def test_a_setting_changes_the_marks_of_what_depends_on_it(
    video: Path, setting: str, value: Any, changed: set[str]
) -> None:
    before = fingerprints_of(GRAPH, video, Config(), MODELS)
    after = fingerprints_of(GRAPH, video, dataclasses.replace(Config(), **{setting: value}), MODELS)
    assert _changed(before, after) == changed


@pytest.mark.parametrize(
    ("job", "changed"),
    [
        ("faces", {"vision", "attribution", "clips", "failure"}),
        ("words", {"speech", "attribution", "clips", "failure"}),
    ],
)
def test_a_model_changes_the_marks_of_its_stage(video: Path, job: str, changed: set[str]) -> None:
    before = fingerprints_of(GRAPH, video, Config(), MODELS)
    models = tuple(dataclasses.replace(model, sha256="cc" * 32) if model.role == job else model for model in MODELS)
    after = fingerprints_of(GRAPH, video, Config(), models)
    assert _changed(before, after) == changed


@pytest.mark.parametrize(
    ("stage", "changed"),
    [
        ("vision", {"vision", "attribution", "clips", "failure"}),
        ("speech", {"speech", "attribution", "clips", "failure"}),
        ("attribution", {"attribution", "clips", "failure"}),
        ("clips", {"clips", "failure"}),
    ],
)
def test_another_version_of_the_program_does_its_stage_again(video: Path, stage: str, changed: set[str]) -> None:
    newer = {
        artifact: dataclasses.replace(artifact, version=artifact.version + 1) for artifact in GRAPH.stage(stage).makes
    }
    stages = tuple(
        dataclasses.replace(
            each,
            makes=tuple(newer.get(artifact, artifact) for artifact in each.makes),
            needs=tuple(newer.get(artifact, artifact) for artifact in each.needs),
            wants=tuple(newer.get(artifact, artifact) for artifact in each.wants),
        )
        for each in GRAPH.stages
    )
    graph = Graph(stages, GRAPH.open_video, GRAPH.read_frames)
    before, after = fingerprints_of(GRAPH, video, Config(), MODELS), fingerprints_of(graph, video, Config(), MODELS)
    assert _changed(before, after) == changed


@pytest.mark.parametrize(
    ("setting", "value", "outputs"),
    [
        ("CLIP_CRF", 20, {"annotate", "clip_texts", "reframe"}),
        ("FACE_EMBEDDINGS", "/w/e.pt", {"export"}),
        ("AVA_HEADER", True, {"export"}),
        ("SENTENCE_PAUSE_S", 0.7, {"annotate", "export", "clip_texts", "reframe"}),
        ("EXPORT", "rttm", set()),
        ("REFRAME_SIZE", 540, {"reframe"}),
        ("REFRAME_PRESET", "calm", {"reframe"}),
        ("REFRAME_FALLBACK", "bars", {"reframe"}),
        ("REFRAME_FPS", "30", {"reframe"}),
        ("REFRAME", True, set()),
        ("CAPTIONS", "burn", {"reframe"}),
        ("CAPTION_FONT", "/f/a.ttf", {"reframe"}),
        ("CAPTION_AREA", "reels", {"reframe"}),
        ("MIN_LENGTH", 2.0, {"reframe"}),
        ("MAX_LENGTH", 60.0, {"reframe"}),
        ("RANGES", "/r", set()),
    ],
)
def test_outputs_are_made_again_when_what_they_depend_on_changes(
    video: Path, setting: str, value: Any, outputs: set[str]
) -> None:
    before = fingerprints_of(GRAPH, video, Config(), MODELS)
    after = fingerprints_of(GRAPH, video, dataclasses.replace(Config(), **{setting: value}), MODELS)
    assert {stage.name for stage in GRAPH.outputs if before.of(stage.name) != after.of(stage.name)} == outputs


def _changed(before: Fingerprints, after: Fingerprints) -> set[str]:
    """Name those of the stages before the outputs, and ``failure``, whose fingerprints differ."""
    found = {stage.name for stage in GRAPH.required if before.of(stage.name) != after.of(stage.name)}
    return found | ({"failure"} if before.failure != after.failure else set())


def _found(folder: Path, mark: str, most_px: int = 0) -> Path | None:
    return finished(GRAPH, folder, Fingerprints({"clips": mark}, most_px=most_px))


CLIP = "output/seg_0000_track_000.mp4"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of results with one clip, of 640x360 that was analysed as it is."""
    done = finished_video(1, is_dropped=lambda _: False)
    done.manifest["source"] |= {"width": 640, "height": 360, "analysed_width": 640, "analysed_height": 360}
    done.write(tmp_path)
    (tmp_path / CLIP).touch()
    return tmp_path


def test_whole_results_are_finished(folder: Path) -> None:
    assert _found(folder, "abc") == folder / "output" / "manifest.json"


@pytest.mark.parametrize(("most_px", "holds"), [(0, True), (640 * 360, True), (640 * 360 - 1, False), (1 << 30, True)])
@pytest.mark.parametrize("seal", [True, False])
def test_results_hold_while_pictures_are_analysed_at_the_same_size(
    folder: Path, most_px: int, holds: bool, seal: bool
) -> None:
    _unseal(folder, not seal)
    assert (_found(folder, "abc", most_px) is not None) is holds


@pytest.mark.parametrize(("most_px", "holds"), [(320 * 180, True), (320 * 180 - 400, False), (640 * 360, False)])
@pytest.mark.parametrize("seal", [True, False])
def test_results_of_reduced_pictures(folder: Path, most_px: int, holds: bool, seal: bool) -> None:
    path = folder / "output" / "manifest.json"
    content = read_manifest(path)
    content["source"] |= {"analysed_width": 320, "analysed_height": 180}
    write_manifest(path, content)
    _unseal(folder, not seal)
    assert (_found(folder, "abc", most_px) is not None) is holds


def test_the_ring_changes_no_mark(video: Path) -> None:
    """It changes the size of large pictures, which the results name, and nothing else."""
    assert fingerprints_of(GRAPH, video, Config(RING_MB=16), MODELS) == fingerprints_of(
        GRAPH, video, Config(RING_MB=512), MODELS
    )


@pytest.mark.parametrize("edit", ["fingerprint", "clip", "unsealed"])
def test_whole_schema_only_for_what_was_not_written_by_the_program(
    folder: Path, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    real = manifest_module.validate
    monkeypatch.setattr(manifest_module, "validate", lambda content: calls.append(content) or real(content))
    assert _found(folder, "abc") is not None
    assert calls == []
    path = folder / "output" / "manifest.json"
    if edit == "unsealed":
        _unseal(folder)
    elif edit == "fingerprint":
        path.write_text(path.read_text().replace('"fingerprint": "abc"', '"fingerprint": "abd"'))
    else:
        path.write_text(path.read_text().replace("seg_0000_track_000.mp4", "../../x/seg_0000_track_000.mp4"))
    calls.clear()
    found = _found(folder, "abd" if edit == "fingerprint" else "abc")
    assert len(calls) == 1
    assert (found is None) is (edit == "clip")


def _unseal(folder: Path, really: bool = True) -> None:
    """Takes the digest away, as from a file of an older program."""
    path = folder / "output" / "manifest.json"
    if really:
        path.write_text(json.dumps(read_manifest(path)))


def test_results_of_other_settings_are_not(folder: Path) -> None:
    assert _found(folder, "abd") is None


def test_results_with_a_missing_clip_are_not(folder: Path) -> None:
    (folder / CLIP).unlink()
    assert _found(folder, "abc") is None


def test_results_with_a_damaged_manifest_are_not(folder: Path) -> None:
    (folder / "output" / "manifest.json").write_text("{")
    assert _found(folder, "abc") is None


def test_no_results_are_not(tmp_path: Path) -> None:
    assert _found(tmp_path, "abc") is None


RECORDED = {
    ("defaults", False): (
        "259ea97122fef63bfdf384acc6232081b7a818027092971c42b4a123098ed891",
        "03a16cbe58dd2acf8cb1dfbb2530982886552e18595c44e6c3b06739e2739e1b",
        "0c67ed022ac374ff8227fbd8e655c750407e63571ce8036f1df255bc11a0a941",
        "d433f5fb5bd0d64dc45b3960158687ed1aaafbe5af59a7be27efeddae45cf79a",
    ),
    ("defaults", True): (
        "17ef3f07ad303907179fb3b2e233fa2f7cccfded143e4f93443902b6fb583b6d",
        "2206eca9feeb155fcc61bab5c2c5f93aa76b09ba4c4f7f781297c5eba8791211",
        "772d3285f877d49cbf938c6c9fe3ca4e4f38d0427ea886d5ee577f95fa88418c",
        "e4dc66c5c6099775efdbdb49f0c2cb375b8315985e3c50162b88700080cde6fa",
    ),
    ("others", False): (
        "9fe9f1f43e50c85b4f847a45adf693159318377c80e5983e36168a074fbbad2b",
        "a66597986db5ca5de6ab18dca975804d3add56678932f25302ec3b198e2f38a9",
        "9c44c16da94fb293b8a0ed3d1ccc95e913fa669367e54dd10e7c902bd794cd98",
        "b4e99cfcb539be95aefc3051fa70aba2f66b11672c557a2021792450ec2bb925",
    ),
    ("others", True): (
        "44a423d816efd4a4a65e52a6fe365290085fdeb14545604575961ebcd3c26583",
        "e95783e8c8a9b7082624ebc7b56f1189e260a2bcf88cb0320ec6fad188f60920",
        "82e42ae105b98ed9e25d729c222890dbb86d27e73b586dccbbf5dcc116fb59fe",
        "17b2738007fe99379fbf9060ddd5b1d1a31f3ddb226c53d2e8a5ec4617d172c4",
    ),
}
"""Fingerprints of vision, speech, everything and failure, as they were before stages were declared: where one changes,
everybody computes everything anew."""

RECORDED_MODELS = (
    ModelChoice("faces", "yunet", Path("/w/y.onnx"), "aa" * 32),
    ModelChoice("speaking", "lr-asd", Path("/w/l.model"), "bb" * 32),
    ModelChoice("words", "whisper-base", Path("/w/b.pt"), "cc" * 32),
    ModelChoice("identity", "mobilefacenet", Path("/w/m.pt"), "dd" * 32, helper=Path("/w/y.onnx")),
    ModelChoice("alignment", "mms-fa", None, "ee" * 32),
)
RECORDED_CONFIGS = {
    "defaults": Config(),
    "others": Config(
        DETECT_EVERY=5,
        WHISPER_LANGUAGE="ja",
        SHOT_THRESHOLD=5,
        CLIP_STYLE="portrait",
        SENTENCE_PAUSE_S=0.7,
        START=1.5,
        DURATION=20,
        MAX_SENTENCE_S=8,
        MIN_SPEAKER_SCORE_THRESHOLD=0.5,
        CLIP_CRF=20,
        ALIGN=True,
    ),
}


@pytest.mark.parametrize("case", RECORDED)
def test_fingerprints_are_those_of_earlier_versions(tmp_path: Path, case: tuple[str, bool]) -> None:
    """A stage that comes to other results raises the version of its artifact, and the digests here with it."""
    name, given = case
    path, scenes, sound = tmp_path / "v.mp4", tmp_path / "s.csv", tmp_path / "a.wav"
    path.write_bytes(bytes(range(250)) * 40)
    scenes.write_text("0\n50\n")
    sound.write_bytes(b"RIFF" * 99)
    files = (scenes, sound) if given else (None, None)
    found = fingerprints_of(GRAPH, path, RECORDED_CONFIGS[name], RECORDED_MODELS, *files)
    assert (found.of("vision"), found.of("speech"), found.of("clips"), found.failure) == RECORDED[case]

"""What changes the fingerprint of results, and when they count as finished."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline import fingerprint as module
from pipeline.errors import InputError
from pipeline.fingerprint import finished_before, marks_of
from pipeline.outputs import manifest as manifest_module
from pipeline.outputs.manifest import read_manifest, write_manifest
from pipeline.types import ModelChoice
from tests.support.finished import finished as finished_video

MODELS = (ModelChoice("faces", "s3fd", Path("/w/s3fd.pth"), "aa" * 32), ModelChoice("words", "base", None))


def fingerprint(video: Path, config: Config, models: tuple[ModelChoice, ...]) -> str:
    """That of everything."""
    return marks_of(video, config, models).whole


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


@pytest.mark.parametrize("changed", [{"name": "mtcnn"}, {"sha256": "bb" * 32}, {"job": "speaking"}])
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


@pytest.mark.parametrize("name", ["gone.mp4", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        fingerprint(tmp_path / name, Config(), MODELS)
    assert caught.value.reason_code == "unreadable"


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("CLIP_STYLE", "head", {"whole", "failure"}),
        ("MIN_COVERAGE", 0.6, {"whole", "failure"}),
        ("WHISPER_LANGUAGE", "ja", {"speech", "whole", "failure"}),
        ("SHOT_THRESHOLD", 5, {"vision", "whole", "failure"}),
        ("NUM_MUX_WORKERS", 3, set()),
        ("MAX_MEGAPIXELS", 10.0, {"failure"}),
        ("MAX_VIDEO_HOURS", 1.0, {"failure"}),
    ],
)
def test_a_setting_changes_the_marks_of_what_depends_on_it(
    video: Path, setting: str, value: Any, changed: set[str]
) -> None:
    before = marks_of(video, Config(), MODELS)
    after = marks_of(video, dataclasses.replace(Config(), **{setting: value}), MODELS)
    names = [each.name for each in dataclasses.fields(before)]
    assert {name for name in names if getattr(before, name) != getattr(after, name)} == changed


@pytest.mark.parametrize(
    ("job", "changed"), [("faces", {"vision", "whole", "failure"}), ("words", {"speech", "whole", "failure"})]
)
def test_a_model_changes_the_marks_of_its_stage(video: Path, job: str, changed: set[str]) -> None:
    before = marks_of(video, Config(), MODELS)
    models = tuple(dataclasses.replace(model, sha256="cc" * 32) if model.job == job else model for model in MODELS)
    after = marks_of(video, Config(), models)
    names = [each.name for each in dataclasses.fields(before)]
    assert {name for name in names if getattr(before, name) != getattr(after, name)} == changed


@pytest.mark.parametrize(
    ("stage", "changed"),
    [
        ("vision", {"vision", "whole", "failure"}),
        ("speech", {"speech", "whole", "failure"}),
        ("clips", {"whole", "failure"}),
    ],
)
def test_another_version_of_the_program_does_its_stage_again(
    video: Path, monkeypatch: pytest.MonkeyPatch, stage: str, changed: set[str]
) -> None:
    before = marks_of(video, Config(), MODELS)
    monkeypatch.setitem(module.VERSIONS, stage, module.VERSIONS[stage] + 1)
    after = marks_of(video, Config(), MODELS)
    names = [each.name for each in dataclasses.fields(before)]
    assert {name for name in names if getattr(before, name) != getattr(after, name)} == changed


CLIP = "output/seg_0000_track_000.mp4"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A folder of results with one clip, of 640x360 that was analysed as it is."""
    done = finished_video(1, is_dropped=lambda _: False)
    done.manifest["source"] |= {"width": 640, "height": 360, "analysed_width": 640, "analysed_height": 360}
    done.write(tmp_path)
    (tmp_path / CLIP).touch()
    return tmp_path


def test_whole_results_are_finished(finished: Path) -> None:
    assert finished_before(finished, "abc") == finished / "output" / "manifest.json"


@pytest.mark.parametrize(("most_px", "holds"), [(0, True), (640 * 360, True), (640 * 360 - 1, False), (1 << 30, True)])
@pytest.mark.parametrize("seal", [True, False])
def test_results_hold_while_pictures_are_analysed_at_the_same_size(
    finished: Path, most_px: int, holds: bool, seal: bool
) -> None:
    _unseal(finished, not seal)
    assert (finished_before(finished, "abc", most_px) is not None) is holds


@pytest.mark.parametrize(("most_px", "holds"), [(320 * 180, True), (320 * 180 - 400, False), (640 * 360, False)])
@pytest.mark.parametrize("seal", [True, False])
def test_results_of_reduced_pictures(finished: Path, most_px: int, holds: bool, seal: bool) -> None:
    path = finished / "output" / "manifest.json"
    content = read_manifest(path)
    content["source"] |= {"analysed_width": 320, "analysed_height": 180}
    write_manifest(path, content)
    _unseal(finished, not seal)
    assert (finished_before(finished, "abc", most_px) is not None) is holds


def test_the_ring_changes_no_mark(video: Path) -> None:
    """It changes the size of large pictures, which the results name, and nothing else."""
    assert marks_of(video, Config(RING_MB=16), MODELS) == marks_of(video, Config(RING_MB=512), MODELS)


@pytest.mark.parametrize("edit", ["fingerprint", "clip", "unsealed"])
def test_whole_schema_only_for_what_was_not_written_by_the_program(
    finished: Path, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    real = manifest_module.validate
    monkeypatch.setattr(manifest_module, "validate", lambda content: calls.append(content) or real(content))
    assert finished_before(finished, "abc") is not None
    assert calls == []
    path = finished / "output" / "manifest.json"
    if edit == "unsealed":
        _unseal(finished)
    elif edit == "fingerprint":
        path.write_text(path.read_text().replace('"fingerprint": "abc"', '"fingerprint": "abd"'))
    else:
        path.write_text(path.read_text().replace("seg_0000_track_000.mp4", "../../x/seg_0000_track_000.mp4"))
    calls.clear()
    found = finished_before(finished, "abd" if edit == "fingerprint" else "abc")
    assert len(calls) == 1
    assert (found is None) is (edit == "clip")


def _unseal(folder: Path, really: bool = True) -> None:
    """Takes the digest away, as from a file of an older program."""
    path = folder / "output" / "manifest.json"
    if really:
        path.write_text(json.dumps(read_manifest(path)))


def test_results_of_other_settings_are_not(finished: Path) -> None:
    assert finished_before(finished, "abd") is None


def test_results_with_a_missing_clip_are_not(finished: Path) -> None:
    (finished / CLIP).unlink()
    assert finished_before(finished, "abc") is None


def test_results_with_a_damaged_manifest_are_not(finished: Path) -> None:
    (finished / "output" / "manifest.json").write_text("{")
    assert finished_before(finished, "abc") is None


def test_no_results_are_not(tmp_path: Path) -> None:
    assert finished_before(tmp_path, "abc") is None

"""Settings in a TOML file: the same names, checked as flags are, and beaten by them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import optimized_runner
from config import Config
from pipeline.config_file import config_text, read_config
from pipeline.errors import InputError


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_names_in_any_case_and_values_of_each_kind(tmp_path: Path) -> None:
    text = """
        DETECT_EVERY = 4
        face-detector = "yunet"
        clip_size = "auto"
        SENTENCE_PAUSE_S = 1
        ANNOTATE = true
        EXPORT = ["rttm", "ava"]
        VISION_DEVICE = "cuda:0,cuda:1"
        OUTPUT_DIR = 'C:\\videos "x"'
    """
    assert read_config(written(tmp_path, text), Config) == {
        "DETECT_EVERY": 4,
        "FACE_DETECTOR": "yunet",
        "CLIP_SIZE": "auto",
        "SENTENCE_PAUSE_S": 1,
        "ANNOTATE": True,
        "EXPORT": ("rttm", "ava"),
        "VISION_DEVICE": ("cuda:0", "cuda:1"),
        "OUTPUT_DIR": 'C:\\videos "x"',
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DETECT_EVRY = 4", "there is no setting DETECT_EVRY; is DETECT_EVERY meant?"),
        ("colour = 4", "there is no setting colour"),
        ("[clips]\nCLIP_SIZE = 4", "[clips] is a table"),
        ("DETECT_EVERY = 4\ndetect-every = 5", "DETECT_EVERY is there twice"),
        ("DETECT_EVERY = 99", "DETECT_EVERY is 99; allowed: a whole number from 1 to 25, or auto"),
        ("DETECT_EVERY = 'often'", "DETECT_EVERY is 'often'; allowed"),
        ("ANNOTATE = 1", "ANNOTATE is 1; allowed: true or false"),
        ("CLIP_STYLE = ['face']", "CLIP_STYLE is ('face',); allowed: one of"),
        ("DETECT_EVERY = ", "not valid TOML"),
        ("MIN_FACE_SIZE = nan", "MIN_FACE_SIZE is nan"),
        ("OUTPUT_DIR = 2026-11-28", "OUTPUT_DIR is datetime.date(2026, 11, 28); allowed"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_config(path, Config)
    assert caught.value.reason_code == "bad_setting"
    assert str(path) in str(caught.value) and told in str(caught.value)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "none.toml", "cannot be read"), (tmp_path, "cannot be read")):
        with pytest.raises(InputError, match=told):
            read_config(path, Config)
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(InputError, match="larger than"):
        read_config(tmp_path / "large.toml", Config)
    (tmp_path / "latin.toml").write_bytes(b'OUTPUT_DIR = "\xe4"')
    with pytest.raises(InputError, match="not valid TOML"):
        read_config(tmp_path / "latin.toml", Config)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config = dataclasses.replace(
        Config(), OUTPUT_DIR='a "b"\\\n\x7fÄ', EXPORT=("ava", "rttm"), VISION_DEVICE=("cuda:0", "cpu"), GRACE_S=0.1
    )
    text = config_text(config)
    assert Config(**read_config(written(tmp_path, text), Config)) == config
    assert text.startswith("# ==== results ====")
    assert all(len(line) <= 120 for line in text.splitlines() if line.startswith("#"))


def test_what_is_allowed_is_told_as_toml_has_it() -> None:
    text = config_text(Config())
    assert "Allowed: true or false\nANNOTATE = false\n" in text
    assert "True or False" not in text


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="OUTPUT_DIR"):
        config_text(Config(OUTPUT_DIR="/v/\udce4"))


def test_flags_beat_the_file_and_the_file_beats_the_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "DETECT_EVERY = 4\nCLIP_STYLE = 'full'")
    assert optimized_runner.main(["--config", str(path), "--clip-style", "head", "--print-config"]) == 0
    values = read_config(written(tmp_path, capsys.readouterr().out), Config)
    assert Config(**values) == Config(DETECT_EVERY=4, CLIP_STYLE="head")


def test_a_wrong_file_ends_with_2_and_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert optimized_runner.main(["/videos", "--config", str(written(tmp_path, "X = 1"))]) == 2
    assert "there is no setting X" in capsys.readouterr().err

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError, WeightsError
from pipeline.speech import load_transcriber
from pipeline.types import AudioTrack


@pytest.mark.slow
def test_whisper_is_loaded_from_its_checkpoint(
    make_checkpoint: Callable[..., Path], make_track: Callable[[np.ndarray], AudioTrack]
) -> None:
    transcriber = load_transcriber("whisper", make_checkpoint(), "cpu", "ja")
    assert transcriber.transcribe(make_track(np.zeros(16_000)), lambda _: None).language == "ja"


@pytest.mark.slow
def test_pocketsphinx_needs_no_checkpoint(make_track: Callable[[np.ndarray], AudioTrack]) -> None:
    transcriber = load_transcriber("pocketsphinx", None, "cpu", "auto")
    assert transcriber.transcribe(make_track(np.zeros(16_000)), lambda _: None).language == "en"


def test_whisper_without_a_checkpoint_is_refused() -> None:
    with pytest.raises(WeightsError, match="needs a checkpoint"):
        load_transcriber("whisper", None, "cpu", "en")


def test_the_precision_is_passed_to_whisper(make_checkpoint: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="half precision on CUDA only"):
        load_transcriber("whisper", make_checkpoint(), "cpu", "en", "half")


def test_an_unknown_recogniser_is_refused() -> None:
    with pytest.raises(InputError, match="there is no recogniser 'vosk'"):
        load_transcriber("vosk", None, "cpu", "en")


@pytest.mark.slow
def test_the_package_is_imported_without_its_models() -> None:
    code = "import sys, pipeline.speech; assert not {'torch', 'whisper', 'pocketsphinx'} & set(sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

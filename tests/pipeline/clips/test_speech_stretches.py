"""Stretches of speech in a video whose truth is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.common.diarization_error import diarization_error, read_rttm
from pipeline.clips.speech_stretches import speech_of
from pipeline.media.probe import probe
from pipeline.types import Excerpt

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "late_sound.mp4"


def test_speech_lies_where_somebody_speaks(tmp_path: Path) -> None:
    """On the clock of the picture: the sound of this video begins later."""
    pulses: list[None] = []
    found = speech_of(probe(SAMPLE), tmp_path / "sound", lambda: pulses.append(None))
    true = [(start_s, end_s, "speech") for start_s, end_s, _ in read_rttm(SAMPLE.with_suffix(".rttm"))]
    error = diarization_error([(start_s, end_s, "speech") for start_s, end_s in found.tolist()], true)
    assert error.spoken_s > 3
    assert error.rate < 0.2, (found, true)
    assert pulses


def test_speech_of_an_excerpt_ends_with_it(tmp_path: Path) -> None:
    """Its sound has some more on either side."""
    whole = speech_of(probe(SAMPLE), tmp_path / "sound")
    middle = int(25 * whole[0].mean())
    part = dataclasses.replace(probe(SAMPLE), excerpt=Excerpt(middle, middle + 10))
    (span,) = speech_of(part, tmp_path / "part").tolist()
    assert span == pytest.approx([middle / 25, (middle + 10) / 25], abs=0.1)
    assert span[1] == (middle + 10) / 25

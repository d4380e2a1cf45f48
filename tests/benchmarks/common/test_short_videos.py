"""Short videos are different and good; bad files end as they are said to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.common.short_videos import KINDS, cut, make_good, write_transcript
from pipeline.errors import InputError
from pipeline.media.audio import extract_sound
from pipeline.media.probe import probe
from pipeline.speech.given import read_transcript


@pytest.mark.slow
def test_good_ones_are_different_videos_with_sound_and_words(tmp_path: Path) -> None:
    made = make_good(4, 0.4, tmp_path, tmp_path)
    assert len({short.path.read_bytes() for short in made}) == len({short.path for short in made}) == 4
    for short in made:
        found = probe(short.path)
        assert found.audio_rate_hz and found.duration_s == pytest.approx(0.4, abs=0.1)
        assert short.good and (tmp_path / f"{short.path.stem}.json").is_file()


@pytest.fixture(scope="module")
def model(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good video."""
    path = tmp_path_factory.mktemp("model") / "model.mp4"
    cut(samples / "late_sound.mp4", 1.0, 0.4, path)
    return path


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_bad_one_fails_as_it_is_said_to(kind: str, model: Path, tmp_path: Path) -> None:
    spoil, reasons = KINDS[kind]
    spoil(model, tmp_path / "bad.mp4", random.Random(1))
    with pytest.raises(InputError) as raised:
        extract_sound(probe(tmp_path / "bad.mp4"), tmp_path / "sound")
    assert raised.value.reason_code in reasons


def test_a_transcript_has_its_words_in_the_middle_of_its_length(tmp_path: Path) -> None:
    write_transcript(tmp_path / "a.json", 10.0, "one two")
    words = read_transcript(tmp_path / "a.json").words
    assert [(word.text.strip(), word.start_s, word.end_s) for word in words] == [("one", 1.0, 5.0), ("two", 5.0, 9.0)]

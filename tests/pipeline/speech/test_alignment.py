from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.speech.alignment import Aligner
from pipeline.types import AudioTrack, Word

MakeTrack = Callable[[np.ndarray], AudioTrack]
GRID_UNITS_S = 25_000
"""Units of the times in GRID's files to one second."""


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


@pytest.fixture(scope="session")
def grid(
    shared: Path, read_sound: Callable[[Path], np.ndarray]
) -> list[tuple[np.ndarray, list[tuple[str, float, float]]]]:
    """Sound and true words, with start and end in seconds, of the six GRID sentences."""
    found = []
    for path in sorted((shared / "videos" / "grid").glob("*.mpg")):
        lines = [line.split() for line in path.with_suffix(".align").read_text().splitlines()]
        truth = [(word, int(a) / GRID_UNITS_S, int(b) / GRID_UNITS_S) for a, b, word in lines if word != "sil"]
        found.append((read_sound(path), truth))
    assert len(found) == 6
    return found


def _errors_s(words: Sequence[Word], truth: Sequence[tuple[str, float, float]]) -> list[float]:
    pairs = zip(words, truth, strict=True)
    return [abs(error) for word, (_, start, end) in pairs for error in (word.start_s - start, word.end_s - end)]


@pytest.mark.slow
def test_known_words_are_found_to_60_ms(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    errors = []
    for sound, truth in grid:
        audio = make_track(sound)
        words = aligner.align(audio, [f" {word}" for word, *_ in truth], 0.0, audio.duration_s)
        assert all(word.timing == "measured" for word in words)
        errors.extend(_errors_s(words, truth))
    assert float(np.median(errors)) <= 0.060


@pytest.mark.slow
def test_words_come_back_as_they_were_written(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    audio = make_track(grid[0][0])
    texts = [" Bin", " blue", " at", " F", " two", " now."]
    assert [word.text for word in aligner.align(audio, texts, 0.0, audio.duration_s)] == texts


def test_times_are_those_of_the_recording(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    sound, truth = grid[0]
    audio = make_track(np.concatenate([np.zeros(7 * 16_000), sound]))
    words = aligner.align(audio, [word for word, *_ in truth], 7.0, audio.duration_s)
    shifted = [(word, start + 7, end + 7) for word, start, end in truth]
    assert float(np.median(_errors_s(words, shifted))) <= 0.060


@pytest.mark.parametrize("stranger", ["bloo", "blorf"])
def test_a_word_that_no_dictionary_has_leaves_its_neighbours_in_place(
    grid, make_track: MakeTrack, aligner: Aligner, stranger: str
) -> None:
    sound, truth = grid[0]
    audio = make_track(sound)
    texts = [stranger if word == "blue" else word for word, *_ in truth]
    words = aligner.align(audio, texts, 0.0, audio.duration_s)
    assert [word.timing for word in words] == ["interpolated" if text == stranger else "measured" for text in texts]
    assert float(np.median(_errors_s(words, truth))) <= 0.060


def test_a_guessed_word_stays_a_guess(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    sound, truth = grid[0]
    audio = make_track(sound)
    texts = ["bloo" if word == "blue" else word for word, *_ in truth]
    first, second = (aligner.align(audio, texts, 0.0, audio.duration_s) for _ in range(2))
    assert first[1].timing == "interpolated"
    assert second == first


def test_a_number_is_aligned_as_it_is_read(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    sound, truth = grid[0]
    audio = make_track(sound)
    words = aligner.align(audio, ["2" if word == "two" else word for word, *_ in truth], 0.0, audio.duration_s)
    assert [word.timing for word in words].count("interpolated") == 1
    assert float(np.median(_errors_s(words, truth))) <= 0.060


def test_a_word_that_cannot_be_said_gets_the_room_between(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    sound, truth = grid[0]
    audio = make_track(sound)
    texts = [word for word, *_ in truth]
    words = aligner.align(audio, [*texts[:3], "日本", *texts[3:]], 0.0, audio.duration_s)
    assert words[3].timing == "interpolated"
    assert (words[3].start_s, words[3].end_s) == (words[2].end_s, words[4].start_s)


@pytest.mark.parametrize("length_s", [0.0, 0.02, 0.3])
def test_words_that_do_not_fit_are_spread_over_the_span(
    grid, make_track: MakeTrack, aligner: Aligner, length_s: float
) -> None:
    audio = make_track(grid[0][0])
    words = aligner.align(
        audio, ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"], 1.0, 1.0 + length_s
    )
    assert all(word.timing == "interpolated" for word in words)
    assert words[0].start_s == 1.0
    assert words[-1].end_s == pytest.approx(1.0 + length_s)


def test_a_span_outside_the_recording_gives_times_inside(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    audio = make_track(grid[0][0])
    words = aligner.align(audio, ["bin", "blue"], 50.0, 60.0)
    assert all(word.end_s <= audio.duration_s for word in words)


def test_the_result_does_not_depend_on_what_was_aligned_before(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    tracks = [(make_track(sound), [word for word, *_ in truth]) for sound, truth in grid[:2]]
    before, _, after = [aligner.align(audio, texts, 0.0, 9.0) for audio, texts in (*tracks, tracks[0])]
    assert after == before


def test_no_words_give_no_words(grid, make_track: MakeTrack, aligner: Aligner) -> None:
    assert aligner.align(make_track(grid[0][0]), [], 0.0, 1.0) == ()

"""Words to faces."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.speakers import attribute_words
from pipeline.attribution.weights import Weights
from pipeline.types import Word


def _tracks_of(attributed) -> list[int | None]:
    return [spoken.track for spoken in attributed]


def _row(start_s: float, length_s: float, count: int, gap_s: float = 0.0) -> tuple[Word, ...]:
    step = length_s + gap_s
    return tuple(Word(f" w{i}", start_s + i * step, start_s + i * step + length_s) for i in range(count))


@pytest.mark.parametrize(
    ("logits", "threshold", "track"),
    [
        ((1.0, -1.0), 0.0, 0),
        ((-1.0, 1.0), 0.0, 1),
        ((0.5, 0.6), 0.0, 1),
        ((-0.1, -1.0), 0.0, None),
        ((0.0, -1.0), 0.0, 0),  # reaching the threshold is enough
        ((-0.1, -1.0), -0.5, 0),
        ((0.9, -1.0), 1.0, None),
    ],
)
def test_a_word_alone_goes_to_the_best_face_that_speaks(make_tracks, logits, threshold, track) -> None:
    faces = Faces(make_tracks(*((0, 50, logit) for logit in logits), frame_count=50))
    (spoken,) = attribute_words((Word(" hi", 0.4, 0.8),), faces, weights=Weights(boundary=threshold))
    assert spoken.track == track
    assert spoken.speaker == (None if track is None else 1)


def test_the_score_during_the_word_decides_and_not_that_of_the_track(make_tracks) -> None:
    """B26: a face that talks for three seconds of sixty, beside one that talks all the time but then."""
    short, long = np.full(1500, -2.0), np.full(1500, 3.0)
    short[500:575], long[500:575] = 3.0, -2.0
    faces = Faces(make_tracks((0, 1500, short), (0, 1500, long), frame_count=1500))
    assert _tracks_of(attribute_words(_row(20.5, 0.4, 5), faces)) == [0] * 5


def test_nobody_in_view(make_tracks) -> None:
    faces = Faces(make_tracks((0, 25, 3.0), frame_count=100))
    words = (Word(" seen", 0.2, 0.6), Word(" unseen", 2.0, 2.5), Word(" after", 90.0, 91.0))
    assert _tracks_of(attribute_words(words, faces)) == [0, None, None]


def test_a_face_in_view_on_less_than_half_of_the_word_does_not_say_it(make_tracks) -> None:
    faces = Faces(make_tracks((0, 14, 5.0), frame_count=100))
    assert _tracks_of(attribute_words((Word(" late", 0.4, 0.8),), faces)) == [None]  # 4 of 10 frames


def test_one_noisy_word_does_not_flip(make_tracks) -> None:
    first, second = np.full(100, 1.5), np.full(100, -1.5)
    first[40:48], second[40:48] = -0.4, 0.9
    faces = Faces(make_tracks((0, 100, first), (0, 100, second), frame_count=100))
    words = _row(0.0, 0.32, 12)
    assert frames_of(words[5].start_s, words[5].end_s) == (40, 48)
    alone = attribute_words(words[5:6], faces)
    assert _tracks_of(alone) == [1]
    assert _tracks_of(attribute_words(words, faces)) == [0] * 12


def test_a_clear_turn_in_a_pause_is_kept(make_tracks) -> None:
    first, second = np.full(150, 2.0), np.full(150, -2.0)
    first[50:75], second[50:75] = -2.0, 2.0
    faces = Faces(make_tracks((0, 150, first), (0, 150, second), frame_count=150))
    words = (*_row(0.0, 0.4, 4), Word(" Yes.", 2.3, 2.7), *_row(3.4, 0.4, 4))
    assert _tracks_of(attribute_words(words, faces)) == [0] * 4 + [1] + [0] * 4


@pytest.mark.parametrize(
    ("shot_starts", "second", "track"),
    [((0,), 3.0, 0), ((0, 40, 48), 3.0, 1), ((0, 40, 48), 1.0, 0)],
)
def test_a_change_costs_half_across_a_shot_cut(make_tracks, shot_starts, second, track) -> None:
    """A word in a shot of its own, whose picture shows another face: there and back costs 6, across cuts 3."""
    logits = np.full(100, 1.5)
    logits[40:48] = -0.4
    faces = Faces(make_tracks((0, 100, logits), (40, 48, second), frame_count=100, shot_starts=shot_starts))
    assert attribute_words(_row(0.0, 0.32, 12), faces)[5].track == track


def test_a_cut_to_the_listener_inside_a_sentence_is_no_change_of_speaker(make_tracks) -> None:
    """The speaker stays in view; the listener, seen from the cut on, seems to speak by a little."""
    faces = Faces(make_tracks((0, 100, 0.6), (50, 100, 0.9), frame_count=100, shot_starts=(0, 50)))
    assert _tracks_of(attribute_words(_row(1.0, 0.4, 4), faces)) == [0] * 4


@pytest.mark.parametrize(("text", "gap_s", "last"), [(" so,", 0.0, 0), (" so.", 0.0, 1), (" so,", 0.5, 1)])
def test_a_change_costs_less_after_a_sentence_and_in_a_pause(make_tracks, text, gap_s, last) -> None:
    """The second word leans by 1 to the second face: evidence 2 over 10 frames. The cost is 3, 1.5 and 0.75."""
    second = 0.8 + gap_s
    turn = round((0.4 + second) / 2 * 25)
    before = np.arange(75) < turn
    faces = Faces(
        make_tracks((0, 75, np.where(before, 1.0, 0.0)), (0, 75, np.where(before, -1.0, 1.0)), frame_count=75)
    )
    words = (Word(text, 0.0, 0.8), Word(" w", second, second + 0.4))
    assert _tracks_of(attribute_words(words, faces)) == [0, last]


def test_speakers_are_numbered_in_order_of_first_speech(make_tracks) -> None:
    faces = Faces(make_tracks((0, 50, -3.0), (0, 50, 3.0), (50, 100, 3.0), frame_count=100, shot_starts=(0, 50)))
    attributed = attribute_words((Word(" a", 0.2, 0.8), Word(" b", 2.2, 2.8), Word(" c", 3.2, 3.6)), faces)
    assert [(spoken.track, spoken.speaker) for spoken in attributed] == [(1, 1), (2, 2), (2, 2)]


def test_a_known_identity_joins_tracks(make_tracks) -> None:
    words = (Word(" a", 0.2, 0.8), Word(" b", 2.2, 2.8))
    for persons, speakers in (((7, 7), [1, 1]), ((7, 0), [1, 2])):
        tracks = make_tracks((0, 50, 3.0), (50, 100, 3.0), frame_count=100, shot_starts=(0, 50), persons=persons)
        attributed = attribute_words(words, Faces(tracks))
        assert [spoken.track for spoken in attributed] == [0, 1]
        assert [spoken.speaker for spoken in attributed] == speakers


def test_every_face_in_view_and_nobody_have_a_probability(make_tracks) -> None:
    """Evidence of a word of ten frames is twice the logit: odds of 1 to e to e squared."""
    faces = Faces(make_tracks((0, 50, 0.5), (0, 50, 1.0), (40, 50, 5.0), frame_count=50))
    (spoken,) = attribute_words((Word(" hi", 0.4, 0.8),), faces)
    total = 1 + np.e + np.e**2
    assert [state for state, _ in spoken.probabilities] == [1, 0, None]
    assert [share for _, share in spoken.probabilities] == pytest.approx([np.e**2 / total, np.e / total, 1 / total])
    (steeper,) = attribute_words((Word(" hi", 0.4, 0.8),), faces, weights=Weights(presence=2.0))
    assert steeper.probabilities[0][1] > spoken.probabilities[0][1]


def test_two_words_at_once_are_said_by_two(make_tracks) -> None:
    faces = Faces(make_tracks((0, 50, 2.0), (0, 50, 1.0), frame_count=50))
    words = (Word(" yes", 0.2, 0.8), Word(" but", 0.9, 1.4), Word(" no", 0.3, 0.8))
    attributed = attribute_words(words, faces)
    assert [spoken.track for spoken in attributed] == [0, 0, 1]
    assert [spoken.word for spoken in attributed] == list(words)


def _talk(make_tracks, seed: int, spans_s: tuple[tuple[float, float], ...], louder: float = 0.0) -> Faces:
    """One face for each span, that talks then; scores as noisy as lip motion's, the last face's higher by *louder*."""
    random = np.random.default_rng(seed)
    count = 25 * 8
    frames_s = np.arange(count) / 25
    logits = []
    for place, (start_s, end_s) in enumerate(spans_s):
        noise = np.convolve(random.normal(0, 1, count), np.ones(8) / np.sqrt(8), "same")
        level = 0.8 + louder * (place == len(spans_s) - 1)
        logits.append(np.where((frames_s >= start_s) & (frames_s < end_s), level, -0.8) + 1.6 * noise)
    return Faces(make_tracks(*((0, count, logit) for logit in logits), frame_count=count))


@pytest.mark.slow
@pytest.mark.parametrize("louder", [0.0, 1.5])
@pytest.mark.parametrize("second_s", [(2.0, 7.0), (1.5, 3.0), (1.0, 7.0)])
def test_words_of_two_who_talk_at_once_do_not_change_places(make_tracks, second_s, louder) -> None:
    """The first cue is the first face's, the second cue the second's; both mouths move while the cues overlap."""
    first_s = (0.2, 4.2)
    right = total = 0
    for seed in range(40):
        cues = [_row(start_s, 0.3, int((end_s - start_s) / 0.35), 0.05) for start_s, end_s in (first_s, second_s)]
        found = _tracks_of(attribute_words(sum(cues, ()), _talk(make_tracks, seed, (first_s, second_s), louder)))
        truth = [track for track, cue in enumerate(cues) for _ in cue]
        right += sum(a == b for a, b in zip(found, truth, strict=True))
        total += len(truth)
    assert right / total > 0.7


def test_the_words_of_overlapping_cues_stay_with_their_faces_throughout(make_tracks) -> None:
    """Clear scores: the left one talks for 4 s; the right one, who looks surer, joins in at 2 s and goes on."""
    frames_s = np.arange(200) / 25
    left = np.where(frames_s < 4.2, 1.5, -2.0)
    right = np.where(frames_s >= 2.0, 3.0, -2.0)
    faces = Faces(make_tracks((0, 200, left), (0, 200, right), frame_count=200))
    first, second = _row(0.2, 0.3, 11, 0.05), _row(2.0, 0.3, 14, 0.05)
    assert _tracks_of(attribute_words(first + second, faces)) == [0] * 11 + [1] * 14
    assert _tracks_of(attribute_words(second + first, faces)) == [1] * 14 + [0] * 11


def test_no_words(make_tracks) -> None:
    assert attribute_words((), Faces(make_tracks(frame_count=5))) == ()


def test_deciding_together_is_better_than_word_by_word(make_tracks) -> None:
    """Scores as noisy as lip motion: the words of turns of five, with noise that lasts for a third of a second."""
    random = np.random.default_rng(7)
    frame_count, turn_frames = 6000, 50
    turns = np.arange(frame_count) // turn_frames % 2
    logits = []
    for track in (0, 1):
        noise = np.convolve(random.normal(0, 1, frame_count), np.ones(8) / np.sqrt(8), "same")
        logits.append(np.where(turns == track, 0.8, -0.8) + 1.6 * noise)
    faces = Faces(make_tracks(*((0, frame_count, logit) for logit in logits), frame_count=frame_count))
    words = tuple(
        Word(f" w{i}.", turn * 2.0 + 0.1 + i * 0.32, turn * 2.0 + 0.4 + i * 0.32)
        for turn in range(frame_count // turn_frames)
        for i in range(5)
    )
    truth = [int(word.start_s // 2) % 2 for word in words]
    alone = [attribute_words((word,), faces)[0].track for word in words]
    together = _tracks_of(attribute_words(words, faces))
    right_alone = sum(a == b for a, b in zip(alone, truth, strict=True)) / len(truth)
    right_together = sum(a == b for a, b in zip(together, truth, strict=True)) / len(truth)
    assert right_together > right_alone + 0.05

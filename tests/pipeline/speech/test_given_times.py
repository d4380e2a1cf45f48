from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.speech.alignment import Aligner
from pipeline.speech.given_times import align_given, fitted
from pipeline.types import AudioTrack, Segment, Transcript, Word

MakeTrack = Callable[[np.ndarray], AudioTrack]


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


@pytest.fixture
def sentence(shared: Path, read_sound: Callable[[Path], np.ndarray], make_track: MakeTrack) -> AudioTrack:
    """2.98 s: "bin blue at f two now", from 0.95 s to 2.12 s."""
    return make_track(read_sound(shared / "videos" / "grid" / "s1_bbaf2n.mpg"))


def _cue(text: str, start_s: float, end_s: float) -> Segment:
    """A cue whose words have no time of their own."""
    words = tuple(Word(f" {word}", start_s, end_s, None, "interpolated") for word in text.split())
    return Segment(start_s, end_s, "".join(word.text for word in words), words)


def test_english_words_are_found_in_the_sound(sentence: AudioTrack, aligner: Aligner) -> None:
    given = Transcript("en", (_cue("bin blue at f two now", 0.5, 2.5),))
    words = align_given(given, sentence, aligner).words
    truth_s = np.array([0.95, 1.18, 1.36, 1.42, 1.64, 1.89, 2.12])
    errors_s = np.abs(
        np.array([[word.start_s, word.end_s] for word in words]) - np.stack([truth_s[:-1], truth_s[1:]], 1)
    )
    assert [word.timing for word in words] == ["measured"] * 6
    assert float(np.median(errors_s)) <= 0.060


def test_an_aligner_is_loaded_when_none_is_given(sentence: AudioTrack) -> None:
    words = align_given(Transcript("en", (_cue("bin blue at f two now", 0.5, 2.5),)), sentence).words
    assert {word.timing for word in words} == {"measured"}


def test_a_cue_may_begin_a_little_late(sentence: AudioTrack, aligner: Aligner) -> None:
    segment = align_given(Transcript("en", (_cue("bin blue at f two now", 1.1, 2.5),)), sentence, aligner).segments[0]
    assert segment.words[0].start_s < 1.1
    assert segment.start_s == segment.words[0].start_s


def test_a_cue_never_takes_the_time_of_its_neighbour(sentence: AudioTrack, aligner: Aligner) -> None:
    given = Transcript("en", (_cue("bin blue", 0.5, 1.36), _cue("at f two now", 1.36, 2.5)))
    first, second = align_given(given, sentence, aligner).segments
    assert first.end_s <= 1.36 <= second.start_s


def test_neighbouring_cues_never_share_time(sentence: AudioTrack, aligner: Aligner) -> None:
    given = Transcript("en", (_cue("bin blue at", 0.9, 1.2), _cue("f two now", 1.6, 2.2)))
    first, second = align_given(given, sentence, aligner).segments
    assert first.end_s <= second.start_s


def test_a_cue_that_does_not_fit_the_sound_stays_as_it_is(sentence: AudioTrack, aligner: Aligner) -> None:
    given = Transcript("en", (_cue("nothing of this is ever said by anyone here at any time", 0.5, 1.0),))
    assert align_given(given, sentence, aligner) == given


def test_words_with_a_time_keep_it_and_the_others_are_found_between(sentence: AudioTrack, aligner: Aligner) -> None:
    bin_, now = Word(" bin", 0.95, 1.18, 0.9), Word(" now", 1.89, 2.12, 0.8)
    between = tuple(Word(f" {text}", 1.2, 1.3, None, "interpolated") for text in ("blue", "at", "f", "two"))
    given = Transcript("en", (Segment(0.95, 2.12, " bin blue at f two now", (bin_, *between, now)),))
    words = align_given(given, sentence, aligner).words
    assert (words[0], words[5]) == (bin_, now)
    assert abs(words[4].start_s - 1.64) < 0.1
    assert {word.timing for word in words} == {"measured"}


def test_a_word_is_never_moved_past_a_neighbour_with_a_time(sentence: AudioTrack, aligner: Aligner) -> None:
    blue, now = Word(" blue", 1.8, 1.9, 0.9), Word(" now", 2.0, 2.1, 0.8)
    others = [Word(f" {text}", 1.9, 2.0, None, "interpolated") for text in ("bin", "at", "f", "two")]
    words = (others[0], blue, *others[1:], now)
    done = align_given(Transcript("en", (Segment(0.9, 2.5, " bin blue at f two now", words),)), sentence, aligner).words
    times_s = [at for word in done for at in (word.start_s, word.end_s)]
    assert times_s == sorted(times_s)
    assert (done[1], done[5]) == (blue, now)


def test_words_that_all_have_times_are_left_as_they_are(sentence: AudioTrack) -> None:
    given = Transcript("en", (Segment(1.0, 1.5, " bin", (Word(" bin", 1.0, 1.5),)),))
    assert align_given(given, sentence) == given


def test_another_language_keeps_its_share_of_the_cue(sentence: AudioTrack) -> None:
    given = Transcript("de", (_cue("so ein Ding", 0.5, 2.5),))
    assert align_given(given, sentence) == given


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I am originally from Chicago and I live in New Jersey now though", "en"),
        ("Ich komme eigentlich aus Hamburg und wohne jetzt seit drei Jahren in der Stadt", "und"),
        ("Je viens de Lyon mais maintenant nous habitons tous dans la grande ville", "und"),
        ("Soy de Sevilla pero ahora vivimos todos juntos en la ciudad desde hace tres meses", "und"),
        ("Ik kom uit Utrecht maar nu wonen wij al jaren met het hele gezin in de stad", "und"),
    ],
)
def test_a_text_in_no_named_language_is_english_when_its_words_are(
    sentence: AudioTrack, aligner: Aligner, text: str, language: str
) -> None:
    assert align_given(Transcript("und", (_cue(text, 0.0, 2.9),)), sentence, aligner).language == language


def test_no_word_is_lost_or_changed(sentence: AudioTrack, aligner: Aligner) -> None:
    given = Transcript("en", (_cue("bin BLUE, at 7 日本 xyzzy", 0.5, 2.5), _cue("now", 2.9, 2.98)))
    done = align_given(given, sentence, aligner)
    assert [segment.text for segment in done.segments] == [segment.text for segment in given.segments]
    assert [word.text for word in done.words] == [word.text for word in given.words]


def test_all_times_end_with_the_recording_and_what_lies_past_it_is_marked() -> None:
    inside, across, beyond = Word(" a", 0.5, 1.0), Word(" b", 1.5, 9.0), Word(" c", 9.0, 9.5)
    done = fitted(Transcript("en", (Segment(0.5, 9.5, " a b c", (inside, across, beyond)),)), 2.0)
    assert done.words == (inside, Word(" b", 1.5, 2.0), Word(" c", 2.0, 2.0, None, "interpolated"))
    assert done.segments[0].end_s == 2.0


def test_the_transcript_of_another_video_is_refused() -> None:
    with pytest.raises(InputError, match="another video") as caught:
        fitted(Transcript("de", (_cue("eins", 1.0, 2.0), _cue("zwei drei", 50.0, 52.0))), 2.98)
    assert caught.value.reason_code == "bad_transcript"

"""Where the words of a video come from, and what measures their times."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.speech.alignment import Aligner
from pipeline.speech.worker import SpeechWorker
from pipeline.types import AudioTrack, Segment, Transcript, Word

MakeTrack = Callable[[np.ndarray], AudioTrack]

HEARD = Transcript("en", (Segment(1.0, 2.0, " heard", (Word(" heard", 1.0, 2.0, 0.5),)),))


class Recogniser:
    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        on_progress(1.0)
        on_progress(audio.duration_s)
        return HEARD


class Network:
    """Finds every word in the last tenth of its span."""

    def __init__(self, language: str | None = None) -> None:
        self._language = language

    def speaks(self, language: str) -> bool:
        return self._language in (None, language)

    def align(self, audio: AudioTrack, texts: Sequence[str], start_s: float, end_s: float) -> tuple[Word, ...]:
        edges = np.linspace(end_s - (end_s - start_s) / 10, end_s, len(texts) + 1).tolist()
        return tuple(Word(text, *edges[place : place + 2]) for place, text in enumerate(texts))


@pytest.fixture
def audio(make_track: MakeTrack) -> AudioTrack:
    """Ten seconds of silence."""
    return make_track(np.zeros(160_000))


@pytest.fixture
def subtitle(tmp_path: Path) -> Path:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:04,000 --> 00:00:06,000\nHello there\n")
    return path


@pytest.fixture
def timed(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    words = [{"word": " Hello", "start": 4.0, "end": 5.0}]
    segment = {"start": 4.0, "end": 5.0, "text": " Hello", "words": words}
    path.write_text(json.dumps({"language": "en", "segments": [segment]}))
    return path


def told_nothing(_: float) -> None: ...


def test_the_recogniser_is_asked_where_nothing_is_given(audio: AudioTrack) -> None:
    assert SpeechWorker(Recogniser()).transcribe(audio, told_nothing) == HEARD


@pytest.mark.parametrize(("language", "timing"), [("en", "measured"), ("de", "interpolated")])
def test_english_words_without_length_are_aligned(
    make_track: MakeTrack, jfk: np.ndarray, monkeypatch: pytest.MonkeyPatch, language: str, timing: str
) -> None:
    audio = make_track(jfk[8 * 16_000 :])
    texts = [" ask", " what", " you", " can", " do", " for", " your", " country"]
    words = Aligner().align(audio, texts, 0.0, audio.duration_s)
    assert all(word.timing == "measured" for word in words)
    place = 4
    lost = dataclasses.replace(words[place], start_s=words[place].end_s, timing="interpolated")
    heard = (*words[:place], lost, *words[place + 1 :])
    segment = Segment(words[0].start_s, words[-1].end_s, " ask what you can do for your country", heard)
    monkeypatch.setattr(Recogniser, "transcribe", lambda self, audio, told: Transcript(language, (segment,)))
    found = SpeechWorker(Recogniser()).transcribe(audio, told_nothing).words
    assert found[:place] + found[place + 1 :] == words[:place] + words[place + 1 :]
    assert found[place].timing == timing
    if language == "en":
        assert found[place].start_s == pytest.approx(words[place].start_s, abs=0.05)
    else:
        assert found[place] == lost


class Deaf:
    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        return Transcript("en", ())


@pytest.mark.parametrize(
    ("peak", "said"),
    [
        (0.5, "no speech was found in 10.0 s of sound, peak -6 dBFS; listen to it: is there speech, in the language"),
        (0.0009, "no speech was found in 10.0 s of sound, peak -61 dBFS; it is silent: look for another sound track"),
        (0.0, "no speech was found in 10.0 s of sound, peak -96 dBFS; it is silent"),
    ],
)
def test_a_video_without_speech_says_so_and_what_to_look_at(audio: AudioTrack, peak: float, said: str) -> None:
    heard = dataclasses.replace(audio, peak=peak, notes=("sound track 1 of 2 was used",), sound_track=1)
    found = SpeechWorker(Deaf()).transcribe(heard, told_nothing)
    assert found.notes[0] == "sound track 1 of 2 was used" and found.sound_track == 1
    assert found.notes[1].startswith(said) and len(found.notes) == 2


def test_a_given_transcript_without_words_says_so(audio: AudioTrack, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"segments": []}')
    found = SpeechWorker(None).transcribe(audio, told_nothing, tmp_path / "a.json")
    assert found.notes == ("the transcript that was given, a.json, holds no words",)


def test_a_given_transcript_takes_its_place(audio: AudioTrack, timed: Path) -> None:
    words = SpeechWorker(None).transcribe(audio, told_nothing, timed).words
    assert words == (Word(" Hello", 4.0, 5.0),)


def test_the_end_is_told_once_when_everything_is_done(audio: AudioTrack) -> None:
    told: list[float] = []
    SpeechWorker(Recogniser(), load_network=Network, align_all=True).transcribe(audio, told.append)  # type: ignore[arg-type]
    assert told == [1.0, 10.0]


def test_words_of_the_recogniser_are_aligned_when_asked_for(audio: AudioTrack) -> None:
    aligned = SpeechWorker(Recogniser(), load_network=Network, align_all=True)  # type: ignore[arg-type]
    assert aligned.transcribe(audio, told_nothing).words == (Word(" heard", 2.1, 2.25, 0.5),)
    only_given = SpeechWorker(Recogniser(), load_network=Network)  # type: ignore[arg-type]
    assert only_given.transcribe(audio, told_nothing) == HEARD


def test_a_network_for_another_language_leaves_the_times(audio: AudioTrack) -> None:
    worker = SpeechWorker(Recogniser(), load_network=lambda: Network("de"), align_all=True)  # type: ignore[arg-type, return-value]
    assert worker.transcribe(audio, told_nothing) == HEARD


def test_words_without_a_time_are_measured_by_a_network_that_is_here(audio: AudioTrack, subtitle: Path) -> None:
    worker = SpeechWorker(None, "fr", load_network=Network)  # type: ignore[arg-type]
    transcript = worker.transcribe(audio, told_nothing, subtitle)
    assert transcript.language == "fr"
    assert [(word.text, word.timing) for word in transcript.words] == [(" Hello", "measured"), (" there", "measured")]
    assert transcript.words[0].start_s == pytest.approx(6.0)


def test_words_with_times_are_left_alone_by_a_network_that_happens_to_be_here(audio: AudioTrack, timed: Path) -> None:
    def load() -> Network:
        raise AssertionError("it is not needed")

    words = SpeechWorker(None, load_network=load).transcribe(audio, told_nothing, timed).words  # type: ignore[arg-type]
    assert words == (Word(" Hello", 4.0, 5.0),)


def test_given_words_with_times_are_aligned_when_asked_for(audio: AudioTrack, timed: Path) -> None:
    worker = SpeechWorker(None, load_network=Network, align_all=True)  # type: ignore[arg-type]
    (word,) = worker.transcribe(audio, told_nothing, timed).words
    assert word.start_s == pytest.approx(5.1) and word.timing == "measured"


def test_other_languages_are_spread_over_their_cue_without_a_network(audio: AudioTrack, subtitle: Path) -> None:
    words = SpeechWorker(None, "fr").transcribe(audio, told_nothing, subtitle).words
    assert words == (Word(" Hello", 4.0, 5.0, None, "interpolated"), Word(" there", 5.0, 6.0, None, "interpolated"))


@pytest.mark.slow
def test_english_is_aligned_without_a_network(
    shared: Path, read_sound: Callable[[Path], np.ndarray], make_track: MakeTrack, tmp_path: Path
) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:00,500 --> 00:00:02,500\nbin blue at f two now\n")
    sentence = make_track(read_sound(shared / "videos" / "grid" / "s1_bbaf2n.mpg"))
    words = SpeechWorker(None, "en").transcribe(sentence, told_nothing, path).words
    assert {word.timing for word in words} == {"measured"}
    assert abs(words[1].start_s - 1.18) < 0.1


def test_what_is_wrong_with_a_transcript_names_its_file(audio: AudioTrack, tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:01:00,000 --> 00:01:02,000\nLater\n")
    with pytest.raises(InputError, match="another video") as caught:
        SpeechWorker(None).transcribe(audio, told_nothing, path)
    assert (caught.value.reason_code, caught.value.path) == ("bad_transcript", path)


def test_nothing_to_go_by_is_a_bug(audio: AudioTrack) -> None:
    with pytest.raises(ValueError, match="neither"):
        SpeechWorker(None).transcribe(audio, told_nothing)

"""The words of a video, and their speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.types.checks import check_span

Timing = Literal["measured", "interpolated"]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word."""

    text: str
    """The text as Whisper gives it: with the space in front that separates it from the word before, where its language
    has one. Sentences are ``"".join`` of their words."""
    start_s: float
    """Start in seconds; below 0 for a word before the first video frame, where times count from that frame."""
    end_s: float
    confidence: float | None = None
    """Probability of the word in 0..1 as the recogniser sees it; None when it does not say."""
    timing: Timing = "measured"
    """``interpolated`` when the recogniser gave no time and the neighbours' times were used."""

    def __post_init__(self) -> None:
        check_span("Word", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech as the recogniser delivered it: not yet a sentence."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]
    flags: tuple[str, ...] = ()
    """Doubts about it: ``repeated`` when a phrase comes back too often to be speech, ``unlikely`` when its text was
    probably never said."""

    def __post_init__(self) -> None:
        check_span("Segment", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that was said, in order of time."""

    language: str
    """ISO 639-1 code, such as ``en``."""
    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = ()
    """Remarks for people on the sound and the words."""
    sound_track: int = 0
    """Number of the sound track that the words were heard in; 0 where that is not known."""
    language_probability: float | None = None
    """Probability of the language in 0..1; None where the recogniser did not detect it."""

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class AttributedWord:
    """A word and the face that says it."""

    word: Word
    track: int | None
    """Track of the face that speaks during the word; None when nobody in view does."""
    speaker: int | None
    """Speaker number, stable inside the video; None when the speaker is not in view."""
    probabilities: tuple[tuple[int | None, float], ...] = ()
    """Track and probability for every face in view, and None for "nobody in view", highest first; they add up to 1.
    Empty where nobody computed them."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Consecutive words of one speaker that become one clip, or a line in the list of those dropped."""

    words: tuple[AttributedWord, ...]
    track: int | None
    """Track that holds most of the sentence; None when nobody in view speaks it."""
    speaker: int | None
    avg_score: float | None
    """Mean logit of the speaking face over the frames of the sentence's own words; None without a face."""
    probability: float | None
    """Mean probability of the speaker over the same words, against all other faces in view and nobody."""
    margin: float | None
    """Lead of the mean logit over the runner-up's among the other faces in view; None without another face."""
    coverage: float
    """Share of the sentence's frames in 0..1 on which the speaking face is in view."""

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("Sentence: expected at least one word, got none")

    @property
    def start_s(self) -> float:
        return self.words[0].word.start_s

    @property
    def end_s(self) -> float:
        return max(spoken.word.end_s for spoken in self.words)

    @property
    def text(self) -> str:
        return "".join(spoken.word.text for spoken in self.words).strip()


@dataclass(frozen=True, slots=True)
class Overlap:
    """Span in which several people in view seem to speak at once."""

    start_s: float
    end_s: float
    tracks: tuple[int, ...]
    """Their tracks, ascending: of two persons at least."""

    def shared_s(self, start_s: float, end_s: float) -> float:
        """Return the seconds that it shares with another span."""
        return max(min(self.end_s, end_s) - max(self.start_s, start_s), 0.0)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Speakers of all words of a video."""

    words: tuple[AttributedWord, ...]
    """Every word of the transcript, in its order, with its speaker."""
    sentences: tuple[Sentence, ...]
    """The sentences that these words make, in order of time."""
    overlaps: tuple[Overlap, ...] = ()
    """Spans of simultaneous speech, in order of time."""

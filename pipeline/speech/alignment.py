"""Alignment of a known English text to sound, with the acoustic model inside the PocketSphinx wheel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pocketsphinx import Decoder

from pipeline.speech.pocketsphinx import FRAME_S, decoded_words
from pipeline.speech.pronunciation import Spoken, guessed_phones, spoken_form
from pipeline.speech.words import place_words, spread
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Word

LONGEST_S = 60.0
"""Longest span that is aligned; words of longer ones are spread: memory grows with their length times their words."""

DENSEST_WORDS_S = 12.0
"""Words a second above which nobody can speak: the text does not belong to the span."""

SEARCH_BEAMS = {"beam": 1e-120, "wbeam": 1e-100, "pbeam": 1e-120}
"""Least probability of a path before it is given up. With the defaults (1e-48, 7e-29, 1e-48), one wrong word among
six made the search of GRID sentences fail in 58 of 108 cases, with these in 30; wider still gains nothing."""


class Aligner:
    """Loaded aligner. One serves any number of recordings, one call at a time."""

    def __init__(self) -> None:
        self._decoder = Decoder(lm=None, loglevel="FATAL", **SEARCH_BEAMS)
        self._guessed: set[str] = set()

    def knows(self, word: str) -> bool:
        """Return True where the dictionary has the word, in small letters; it has some 130,000."""
        return word not in self._guessed and self._decoder.lookup_word(word) is not None

    def align(self, audio: AudioTrack, texts: Sequence[str], start_s: float, end_s: float) -> tuple[Word, ...]:
        """Find the times of the words of a text that is said in ``[start_s, end_s)``, with any silence around it.

        A word outside the dictionary takes part with a pronunciation guessed from its letters, and a number with one
        way of reading it, so that its sound is not given to its neighbours; its time is the best guess and is marked
        ``interpolated``. A word that cannot be said in English at all gets the room between its neighbours. Where the
        search finds no way through the sound, the words are spread over the span by their characters.

        Args:
            audio: the recording.
            texts: the words as written; they come back unchanged.
            start_s: start of the span; clipped to the recording, as is its end.
            end_s: end of the span.
        """
        start_s, end_s = np.clip([start_s, end_s], 0.0, audio.duration_s).tolist()
        forms = [spoken_form(text, self.knows) for text in texts]
        times_s = self._search(audio, forms, start_s, end_s)
        if times_s is None:
            return tuple(
                Word(text, float(first), float(last), None, "interpolated")
                for text, (first, last) in zip(texts, spread(texts, start_s, end_s), strict=True)
            )
        placed, _ = place_words(texts, times_s, start_s, end_s)
        return tuple(
            Word(text, float(first), float(last), None, "measured" if form.sure else "interpolated")
            for text, form, (first, last) in zip(texts, forms, placed, strict=True)
        )

    def _search(self, audio: AudioTrack, forms: Sequence[Spoken], start_s: float, end_s: float) -> np.ndarray | None:
        """Return (N, 2) times, NaN for words that are not said; None when the text does not fit the sound."""
        owners = [index for index, form in enumerate(forms) for _ in form.parts]
        parts = [part for form in forms for part in form.parts]
        length_s = end_s - start_s
        if not parts or length_s > LONGEST_S or len(parts) > DENSEST_WORDS_S * length_s:
            return None
        for part in parts:
            if self._decoder.lookup_word(part) is None:
                self._decoder.add_word(part, guessed_phones(part), False)
                self._guessed.add(part)
        first = round(start_s * AUDIO_RATE_HZ)
        self._decoder.set_align_text(" ".join(parts))
        found = decoded_words(self._decoder, audio.read(first, round(end_s * AUDIO_RATE_HZ)))
        if [word for word, *_ in found] != parts:
            return None
        times_s = np.full((len(forms), 2), np.nan)
        for owner, (_, start, end, _) in zip(owners, found, strict=True):
            times_s[owner, 0] = np.fmin(times_s[owner, 0], start_s + start * FRAME_S)
            times_s[owner, 1] = start_s + end * FRAME_S
        return times_s

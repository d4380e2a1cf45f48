"""PocketSphinx: a stand-in that recognises English where Whisper cannot be had. Its words are often wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import torch
from pocketsphinx import Decoder

from pipeline.errors import InputError
from pipeline.speech.regions import RegionRules, find_speech, load_detector
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Segment, Transcript, Word

FRAME_S = 0.01
"""Length of a decoder frame: its default rate of 100 a second."""

SEARCH_BEAMS = {"beam": 1e-60, "wbeam": 1e-40, "maxhmmpf": -1}
"""Least probability of a path before it is given up. Wider than the defaults of 1e-48, 7e-29 and 30000, which
lose words on the recordings of ``benchmarks/quality/words.py``; it takes about a third longer."""

_FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
"""Sentence borders, silence, noise and breath among the words of a result."""

_VARIANT = re.compile(r"\(\d+\)$")
"""Number of the second and later pronunciations of a word, as in ``two(2)``."""


class SphinxTranscriber:
    """Loaded PocketSphinx decoder with a speech detector.

    Args:
        decoder: decoder with a language model.
        detector: result of `pipeline.speech.regions.load_detector`.
        rules: rules that tell speech from silence.
    """

    def __init__(self, decoder: Decoder, detector: torch.jit.ScriptModule, rules: RegionRules | None = None) -> None:
        self._decoder = decoder
        self._detector = detector
        self._rules = rules or RegionRules()

    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        """Recognise the words of one recording; see `pipeline.speech.Transcriber`.

        Each region of speech is decoded by itself and gives one segment, or none where no word is recognised. Words
        are in small letters without punctuation. Their confidence is the posterior probability in the word lattice,
        of the words that the decoder considered: high ones are wrong now and then.
        """
        segments: list[Segment] = []
        for start, end in find_speech(self._detector, audio, self._rules).tolist():
            on_progress(start / AUDIO_RATE_HZ)
            start_s, end_s = start / AUDIO_RATE_HZ, end / AUDIO_RATE_HZ
            words = tuple(
                Word(
                    f" {text}",
                    min(start_s + first * FRAME_S, end_s),
                    min(start_s + last * FRAME_S, end_s),
                    min(max(posterior, 0.0), 1.0),
                )
                for text, first, last, posterior in decoded_words(self._decoder, audio.read(start, end))
            )
            if words:
                segments.append(Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words))
        on_progress(audio.duration_s)
        return Transcript("en", tuple(segments))


def load_pocketsphinx(language: str = "auto") -> SphinxTranscriber:
    """Load the American English model inside the wheel.

    Args:
        language: ``en``, or ``auto``, which is taken as English: PocketSphinx detects no language. Other
            languages come out as English words.

    Raises:
        InputError: ``bad_setting`` for any other language.
    """
    if language not in ("auto", "en"):
        raise InputError(
            "bad_setting",
            f"PocketSphinx knows English only, not {language!r}. Provide a Whisper model, or a transcript of your own "
            "with --transcripts",
        )
    return SphinxTranscriber(Decoder(loglevel="FATAL", **SEARCH_BEAMS), load_detector())


def decoded_words(decoder: Decoder, sound: np.ndarray) -> list[tuple[str, int, int, float]]:
    """Run one utterance through a decoder, with the search that it is set to.

    The result depends on this sound only: the noise that the decoder learned in an earlier one is forgotten first.

    Args:
        decoder: decoder with a search.
        sound: (N,) int16 at 16 kHz.

    Returns:
        Word without its variant number, first frame, the frame after the last, and posterior probability; no fillers.
        Empty when the search came to no end.
    """
    if not len(sound):
        return []
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), full_utt=True)
    decoder.end_utt()
    return [
        (_VARIANT.sub("", part.word), part.start_frame, part.end_frame + 1, float(part.prob))
        for part in decoder.seg() or ()
        if not _FILLER.fullmatch(part.word)
    ]

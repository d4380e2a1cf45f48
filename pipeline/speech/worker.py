"""Words of one video, from a recogniser or the user's own transcript."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.media.heard import SILENT_PEAK, dbfs
from pipeline.speech import UNKNOWN_LANGUAGE, Transcriber
from pipeline.speech.clocks import inside, on_picture, on_recording
from pipeline.speech.given import read_given
from pipeline.types import AudioTrack, Transcript

if TYPE_CHECKING:
    from pipeline.speech.alignment import Aligner
    from pipeline.speech.wav2vec import NetworkAligner


def _no_words(transcript: Transcript, audio: AudioTrack, given: Path | None) -> tuple[str, ...]:
    """Return the message for a video without a word, with advice."""
    if transcript.words:
        return ()
    if given is not None:
        where = "" if audio.excerpt.is_whole else " in this part of the video"
        return (f"the transcript that was given, {given.name}, holds no words{where}",)
    level = f"{audio.duration_s:.1f} s of sound, peak {dbfs(audio.peak):.0f} dBFS"
    if audio.peak < SILENT_PEAK:
        hint = "it is silent: look for another sound track (--sound-track) or a sound file beside it (--audio-file)"
    else:
        hint = "listen to it: is there speech, in the language that --whisper-language names, on this sound track?"
    return (f"no speech was found in {level}; {hint}",)


class SpeechWorker:
    """Loaded models of speech. One serves any number of videos, one call at a time.

    Args:
        recogniser: None where every video has a transcript of the user's own.
        language: language of the speech, ISO 639-1, or ``auto``.
        load_network: function that loads the network that aligns words; None where there is none.
        align_all: measure the times of all words with that network, which is loaded at once; otherwise it serves only
            the words of a given transcript that have no time, and is loaded when there is one.
    """

    def __init__(
        self,
        recogniser: Transcriber | None,
        language: str = "auto",
        load_network: Callable[[], NetworkAligner] | None = None,
        align_all: bool = False,
    ) -> None:
        self._recogniser = recogniser
        self._language = language
        self._load_network = load_network
        self._align_all = align_all
        self._network = load_network() if load_network and align_all else None
        self._english: Aligner | None = None

    def transcribe(
        self, audio: AudioTrack, on_progress: Callable[[float], None], given: Path | None = None
    ) -> Transcript:
        """Find the words of one recording, with times in seconds after the first video frame.

        Args:
            audio: the recording.
            on_progress: called with the seconds of sound from the first video frame on that are done; the numbers
                never fall.
            given: the user's own transcript, used instead of the recogniser.

        Raises:
            InputError: ``bad_transcript``, naming the file and the place in it.
        """

        recording, before_s = audio.recording, audio.duration_s - audio.progress_s

        def early(done_s: float) -> None:
            if done_s < recording.duration_s:
                on_progress(max(done_s - before_s, 0.0))

        if given is not None:
            transcript = self._read(given, audio)
        elif self._recogniser is not None:
            transcript = self._recogniser.transcribe(recording, early)
            transcript = (self._aligned if self._align_all else self._completed)(transcript, recording)
        else:
            raise ValueError("SpeechWorker.transcribe: expected a recogniser or a given transcript, got neither")
        on_progress(audio.progress_s)
        found = on_picture(transcript, audio)
        if given is None:
            found = inside(found, audio.excerpt)
        notes = (*audio.notes, *found.notes, *_no_words(found, audio, given))
        return dataclasses.replace(found, notes=notes, sound_track=audio.sound_track)

    def _read(self, path: Path, placed: AudioTrack) -> Transcript:
        """Read the transcript in *path*, on the clock of the recording *placed*."""
        from pipeline.speech.given_times import align_given, fitted, is_timed

        transcript, audio = on_recording(read_given(path, self._language), placed), placed.recording
        try:
            transcript = fitted(transcript, audio.duration_s, is_whole=placed.excerpt.is_whole)
        except InputError as error:
            raise InputError(error.reason_code, error.message, path) from error
        if self._align_all or (self._load_network and not is_timed(transcript)):
            named = self._named(transcript)
            if self._get_network().speaks(named.language):
                return self._aligned(named, audio)
            transcript = named
        return transcript if is_timed(transcript) else align_given(transcript, audio, self._get_english())

    def _completed(self, transcript: Transcript, audio: AudioTrack) -> Transcript:
        """Return *transcript* with times for the English words to which the recogniser gave none."""
        from pipeline.speech.given_times import align_given, is_timed

        if transcript.language != "en" or is_timed(transcript):
            return transcript
        return align_given(transcript, audio, self._get_english())

    def _aligned(self, transcript: Transcript, audio: AudioTrack) -> Transcript:
        """Return *transcript* with the times of the network, where it is for its language."""
        from pipeline.speech.retiming import retimed

        network = self._get_network()
        if not network.speaks(transcript.language):
            return transcript
        return dataclasses.replace(transcript, segments=retimed(transcript.segments, audio, network, self._align_all))

    def _named(self, transcript: Transcript) -> Transcript:
        """Return *transcript* with the language ``en`` where it names none and is English."""
        from pipeline.speech.given_times import is_english

        if transcript.language == UNKNOWN_LANGUAGE and is_english(transcript.words, self._get_english()):
            return dataclasses.replace(transcript, language="en")
        return transcript

    def _get_network(self) -> NetworkAligner:
        if self._network is None:
            assert self._load_network is not None
            self._network = self._load_network()
        return self._network

    def _get_english(self) -> Aligner:
        from pipeline.speech.alignment import Aligner

        self._english = self._english or Aligner()
        return self._english

"""The stage of speech: sound to words, in ``transcript.json``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pipeline.artifacts import TRANSCRIPT as ARTIFACT
from pipeline.machine import ResolvedConfig
from pipeline.outputs.transcript import write_transcript
from pipeline.settings import SPEECH as NAME
from pipeline.speech import Precision, load_transcriber
from pipeline.speech.worker import SpeechWorker
from pipeline.stage import SPEECH_POOL, Models, Stage, StageResult, Work, model_of
from pipeline.types import ModelChoice

if TYPE_CHECKING:
    from pipeline.speech.wav2vec import NetworkAligner

TRANSCRIPT = "transcript"
"""Name of the "model" of words where they come from the user's own transcript."""


def load_speech(config: ResolvedConfig, models: Models, device: str) -> SpeechWorker:
    """Load the recogniser on *device*, unless every video has a transcript, and the network that ``ALIGN`` needs."""
    words = model_of(models, "words")
    recogniser = None
    if words.name != TRANSCRIPT:
        name = words.name if words.name == "pocketsphinx" else "whisper"
        recogniser = load_transcriber(name, words.weights, device, config.WHISPER_LANGUAGE, _precision(config))
    network = next((model for model in models if model.role == "alignment"), None)
    load_network = None if network is None else functools.partial(_load_aligner, network, device)
    return SpeechWorker(recogniser, config.WHISPER_LANGUAGE, load_network, config.ALIGN)


def run_speech(work: Work) -> StageResult:
    """Transcribe the sound of a video, or place the words of the user's own transcript in it."""
    audio, speech = work.opened.audio, work.loaded
    transcript = speech.transcribe(audio, lambda done_s: work.report(done_s, audio.progress_s), work.video.transcript)
    write_transcript(work.pending(ARTIFACT), transcript, mark=work.video.prints.of(NAME))
    return StageResult()


def _precision(config: ResolvedConfig) -> Precision:
    return config.WHISPER_PRECISION  # type: ignore[return-value]


def _load_aligner(network: ModelChoice, device: str) -> NetworkAligner:
    from pipeline.speech.wav2vec import load_aligner

    return load_aligner(network.name, network.weights, device)


SPEECH = Stage(
    NAME,
    run_speech,
    SPEECH_POOL,
    makes=(ARTIFACT,),
    feeds="sound",
    load=load_speech,
    roles=("words", "alignment"),
)

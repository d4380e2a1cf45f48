"""Words of a recording: recognisers, detection of speech, and transcripts that the user brings."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import InputError, WeightsError
from pipeline.speech.common import UNKNOWN_LANGUAGE, Precision, Transcriber


def load_transcriber(
    name: str, weights: Path | None, device: str, language: str, precision: Precision = "auto"
) -> Transcriber:
    """Load a recogniser with everything that it needs.

    Args:
        name: ``whisper`` or ``pocketsphinx``.
        weights: checkpoint of openai-whisper; None for PocketSphinx, whose model is in its wheel.
        device: as PyTorch names it, such as ``cpu`` or ``cuda:1``; PocketSphinx always runs on the CPU.
        language: ISO 639-1 code, or ``auto``: Whisper detects it, PocketSphinx takes English.
        precision: number format of Whisper; PocketSphinx has one only.

    Raises:
        WeightsError: the checkpoint is missing, damaged or of another format.
        InputError: ``bad_setting`` when the model does not know the language, the device cannot do the precision,
            or there is no recogniser of that name.
    """
    if name == "whisper":
        from pipeline.speech.transcribe import load_whisper

        if weights is None:
            raise WeightsError("Whisper needs a checkpoint, and none was given. Name one with --whisper-model-size")
        return load_whisper(weights, device, language, precision)
    if name == "pocketsphinx":
        from pipeline.speech.pocketsphinx import load_pocketsphinx

        return load_pocketsphinx(language)
    raise InputError("bad_setting", f"there is no recogniser {name!r}; there are whisper and pocketsphinx")


__all__ = ["UNKNOWN_LANGUAGE", "Precision", "Transcriber", "load_transcriber"]

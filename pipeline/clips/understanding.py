"""Who says which sentence: words joined to faces, and parted into sentences."""

from __future__ import annotations

from collections.abc import Sequence

from config import Config
from pipeline.clips.cutaways import carried_over
from pipeline.clips.faces import Faces
from pipeline.clips.plan import speaking_threshold
from pipeline.clips.sentences import split_sentences
from pipeline.clips.speakers import attribute_words
from pipeline.types import AttributedWord, ModelChoice, Sentence, Transcript
from pipeline.vision.calibration import calibration_of


def understood(
    faces: Faces, transcript: Transcript, models: Sequence[ModelChoice], config: Config
) -> tuple[tuple[AttributedWord, ...], tuple[Sentence, ...]]:
    """Every word with its speaker, and the sentences that they make.

    Args:
        faces: of the video.
        transcript: what is said in it.
        models: who did each job; the scores are judged as those of the one for ``speaking``.
        config: settings.
    """
    scores = calibration_of(next(model.name for model in models if model.job == "speaking"))
    language, pause_s = transcript.language, config.SENTENCE_PAUSE_S
    words = attribute_words(
        transcript.words,
        faces,
        language=language,
        threshold=speaking_threshold(config, scores.boundary),
        slope=scores.slope,
    )
    words = tuple(carried_over(words, faces, language=language, pause_s=pause_s))
    sentences = split_sentences(words, faces, language=language, pause_s=pause_s, max_s=config.MAX_SENTENCE_S)
    return words, tuple(sentences)

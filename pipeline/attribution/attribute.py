"""Attribution of a whole video: join words to faces, and split them into sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.attribution.offscreen import fill_offscreen_words
from pipeline.attribution.overlap import SPEAKS_FROM, overlaps_of
from pipeline.attribution.sentences import split_sentences
from pipeline.attribution.speakers import attribute_words
from pipeline.attribution.weights import weights_of
from pipeline.types import Attribution, ModelChoice, Transcript
from pipeline.vision.calibration import speaking_name


def attribute(faces: Faces, transcript: Transcript, models: Sequence[ModelChoice], config: Config) -> Attribution:
    """Attribute every word to a speaker, split the words into sentences, and find where several speak at once.

    Args:
        faces: of the video.
        transcript: what is said in it.
        models: who did each job; the scores are judged as those of the one for ``speaking``.
        config: settings.
    """
    model = speaking_name(models)
    weights = weights_of(model)
    weights = replace(weights, boundary=speaking_threshold(config, weights.boundary))
    language, pause_s = transcript.language, config.SENTENCE_PAUSE_S
    words = attribute_words(transcript.words, faces, language=language, weights=weights)
    words = tuple(fill_offscreen_words(words, faces, language=language, pause_s=pause_s))
    sentences = split_sentences(words, faces, language=language, pause_s=pause_s, max_s=config.MAX_SENTENCE_S)
    return Attribution(words, tuple(sentences), overlaps_of(faces, SPEAKS_FROM.get(model)))


def speaking_threshold(config: Config, boundary: float = 0.0) -> float:
    """Return the logit from which a face counts as speaking during a word.

    The speaker model's own is *boundary*. A `MIN_SPEAKER_SCORE_THRESHOLD` below 0 lowers it, or else it would have
    no effect; a higher one is about whole sentences, and leaves it.
    """
    return boundary + min(0.0, config.MIN_SPEAKER_SCORE_THRESHOLD)

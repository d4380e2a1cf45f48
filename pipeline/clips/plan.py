"""Which sentences become clips, and what each clip shows; the others with the reason why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from config import Config
from pipeline.clips.faces import Faces, frames_of
from pipeline.clips.framing import face_windows
from pipeline.clips.spans import clip_spans
from pipeline.types import GRID_FPS, ClipPlan, DroppedSentence, Sentence


def plan_clips(
    sentences: Sequence[Sentence], faces: Faces, picture_px: tuple[int, int], config: Config
) -> dict[int, ClipPlan | DroppedSentence]:
    """For the number of every sentence, in order, its clip or why it gets none.

    Args:
        sentences: all of the video, in order of speech.
        faces: the tracks of the video.
        picture_px: width and height of its picture.
        config: thresholds, and how clips look.
    """
    tracks = faces.tracks
    spans = clip_spans(sentences, tracks.shot_starts, tracks.frame_count, config.CLIP_PADDING_S)
    plans: dict[int, ClipPlan | DroppedSentence] = {}
    for index, (sentence, (first, stop)) in enumerate(zip(sentences, spans, strict=True)):
        dropped = why_dropped(sentence, faces, config)
        if dropped is not None:
            plans[index] = dropped
            continue
        windows, covered = face_windows(
            tracks,
            _tracks_of(sentence),
            first,
            stop - first,
            picture_px=picture_px,
            scale=config.CLIP_SCALE,
            smooth_frames=config.SMOOTH_FRAMES,
        )
        plans[index] = ClipPlan(index, sentence, first, windows, "face", covered)
    return plans


def why_dropped(sentence: Sentence, faces: Faces, config: Config) -> DroppedSentence | None:
    """The reason why *sentence* gets no clip; None when it gets one."""
    picture_s = faces.tracks.frame_count / GRID_FPS
    length_s = sentence.end_s - sentence.start_s
    if frames_of(sentence.start_s, sentence.end_s)[0] >= faces.tracks.frame_count:
        message = f"the picture ends at {picture_s:.2f} s and the sentence begins at {sentence.start_s:.2f} s"
        return DroppedSentence(sentence, "outside_picture", message)
    if sentence.track is None or sentence.avg_score is None:
        return DroppedSentence(sentence, "not_visible", _seen_instead(sentence, faces))
    if length_s < config.MIN_SENTENCE_S:
        message = f"it lasts {length_s:.2f} s, less than MIN_SENTENCE_S, {config.MIN_SENTENCE_S:g} s"
        return DroppedSentence(sentence, "too_short", message)
    if length_s > config.MAX_SENTENCE_S:
        message = f"one word lasts {length_s:.2f} s, more than MAX_SENTENCE_S, {config.MAX_SENTENCE_S:g} s"
        return DroppedSentence(sentence, "too_long", message)
    if sentence.coverage < config.MIN_COVERAGE:
        message = (
            f"the face is in view on {sentence.coverage:.0%} of it, less than MIN_COVERAGE, {config.MIN_COVERAGE:.0%}"
        )
        return DroppedSentence(sentence, "low_coverage", message)
    if sentence.avg_score < config.MIN_SPEAKER_SCORE_THRESHOLD:
        message = (
            f"the face scores {sentence.avg_score:.2f}, below MIN_SPEAKER_SCORE_THRESHOLD, "
            f"{config.MIN_SPEAKER_SCORE_THRESHOLD:g}"
        )
        return DroppedSentence(sentence, "low_score", message)
    return None


def speaking_threshold(config: Config) -> float:
    """The logit from which a face counts as speaking during a word.

    0 is the networks' own boundary. A lower `MIN_SPEAKER_SCORE_THRESHOLD` lowers it, or else it would have no effect;
    a higher one is about whole sentences, and leaves it.
    """
    return min(0.0, config.MIN_SPEAKER_SCORE_THRESHOLD)


def _tracks_of(sentence: Sentence) -> list[int]:
    """Tracks that say the words of *sentence*: the one that holds most of it, then the others by their words."""
    count: Mapping[int, int] = Counter(spoken.track for spoken in sentence.words if spoken.track is not None)
    return sorted(count, key=lambda track: (track != sentence.track, -count[track], track))


def _seen_instead(sentence: Sentence, faces: Faces) -> str:
    """What there was to see, for the message: nobody, or the face that came nearest to speaking."""
    first, stop = frames_of(sentence.start_s, sentence.end_s)
    best: tuple[float, int] | None = None
    for track in faces.in_view(first, stop):
        score = float(faces.tracks.logit[faces.rows(track, first, stop)].mean())
        best = max(best, (score, track)) if best else (score, track)
    if best is None:
        return "no face is in view"
    return f"no face in view speaks; the nearest is track {best[1]} with a score of {best[0]:.2f}"

"""What the stages leave of an imagined video: two persons who speak in turn, a sentence of two seconds every three."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from config import Config
from pipeline.outputs.manifest import CutClip, manifest_json, write_manifest
from pipeline.outputs.speaking import speaking_json
from pipeline.outputs.tracks import write_tracks
from pipeline.outputs.transcript import transcript_json, write_transcript
from pipeline.types import (
    AttributedWord,
    ClipPlan,
    DroppedSentence,
    Losses,
    ModelChoice,
    Probe,
    ScoredTracks,
    Segment,
    Sentence,
    Transcript,
    Word,
)
from tests.support.film import HEIGHT_PX, WIDTH_PX, Film

PITCH_S, SENTENCE_S = 3.0, 2.0
MODELS = (
    ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="its <weights> cannot be had"),
    ModelChoice("speaking", "lr-asd", Path("/w/lr.model"), "0f" * 32),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything in memory, as the worker of the clips has it."""

    manifest: dict[str, Any]
    transcript: dict[str, Any]
    tracks: ScoredTracks
    words: tuple[AttributedWord, ...]
    spoken: Transcript

    def write(self, folder: Path) -> Path:
        """Writes what `pipeline.clips.pages` reads, and returns the manifest's path."""
        path = folder / "output" / "manifest.json"
        write_manifest(path, self.manifest)
        write_transcript(folder / "transcript.json", self.spoken, self.words)
        write_tracks(folder / "tracks.npz", self.tracks)
        return path

    def make_clips(self, folder: Path, film_folder: Path) -> None:
        """Puts real clips of two seconds under the names of all clips."""
        film = Film(film_folder)
        tone = film.tone(16_000, SENTENCE_S, 2)
        times = film.times(Fraction(25), SENTENCE_S)
        clip = film.make("clip.mp4", times, sound=[(Fraction(0), tone)], sound_codec="aac", options={"g": "10"})
        (folder / "output").mkdir(parents=True, exist_ok=True)
        for line in self.manifest["clips"]:
            shutil.copyfile(clip, folder / "output" / line["clip"])


def finished(
    count: int = 6,
    *,
    path: Path = Path("/videos/a <b> 'c' #1.mp4"),
    text_of: Callable[[int], str] = lambda index: f" This is sentence {index}.",
    is_dropped: Callable[[int], bool] = lambda index: index == 1,
    config: Config | None = None,
    losses: Losses = Losses(),  # noqa: B008 - it is frozen
) -> Finished:
    """*count* sentences, spoken by speaker 1 (track 0) and 2 (track 1) in turn; those dropped by nobody in view."""
    sentences = [_sentence(index, text_of(index), is_dropped(index)) for index in range(count)]
    clips = [CutClip(_plan(i, one), ("overlap",) if i == 2 else ()) for i, one in enumerate(sentences) if one.speaker]
    dropped = [
        DroppedSentence(i, one, "not_visible", "no <face> is in view")
        for i, one in enumerate(sentences)
        if not one.speaker
    ]
    seconds = count * PITCH_S
    probe = Probe(
        path, "mov,mp4", seconds, WIDTH_PX, HEIGHT_PX, Fraction(30000, 1001), 0, Fraction(0), 44_100, 2, "picture"
    )
    spoken = tuple(word for one in sentences for word in one.words)
    transcript = Transcript(
        "en", tuple(Segment(one.start_s, one.end_s, one.text, tuple(w.word for w in one.words)) for one in sentences)
    )
    tracks = _tracks(round(seconds * 25))
    manifest = manifest_json(
        probe=probe,
        frame_count=tracks.frame_count,
        language="en",
        fingerprint="abc",
        config=config or Config(),
        models=MODELS,
        clips=clips,
        dropped=dropped,
        losses=losses,
        speaking=speaking_json(spoken, sentences, tracks),
        created_at=datetime(2030, 1, 2, tzinfo=UTC),
    )
    return Finished(manifest, transcript_json(transcript, spoken), tracks, spoken, transcript)


def _sentence(index: int, text: str, dropped: bool) -> Sentence:
    """Its words share its two seconds evenly."""
    track, speaker = (None, None) if dropped else (index % 2, index % 2 + 1)
    texts = [f" {part}" for part in text.split()]
    start_s, each_s = index * PITCH_S, SENTENCE_S / len(texts)
    words = tuple(
        AttributedWord(Word(part, start_s + i * each_s, start_s + (i + 1) * each_s, 0.9), track, speaker)
        for i, part in enumerate(texts)
    )
    scores = (None, None, None) if dropped else (1.5, 0.5 + 0.4 * ((index * 7) % 10) / 10, 2.0 - index % 3)
    return Sentence(words, track, speaker, *scores, 0.0 if dropped else 1.0)


def _plan(index: int, sentence: Sentence) -> ClipPlan:
    frames = round(SENTENCE_S * 25)
    return ClipPlan(
        index,
        sentence,
        round(index * PITCH_S * 25),
        np.tile(np.array([0, 0, 40, 40], np.float32), (frames, 1)),
        "face",
        np.ones(frames, bool),
        (WIDTH_PX, HEIGHT_PX),
        tracks=(index % 2,),
    )


def _tracks(frames: int) -> ScoredTracks:
    """Two faces side by side through the whole video; one of them speaks every other three seconds."""
    at = np.arange(frames, dtype=np.int32)
    turn = (at // round(PITCH_S * 25)) % 2
    speaks = np.concatenate([turn == 0, turn == 1])
    boxes = np.repeat(np.array([[4, 8, 24, 28], [36, 8, 56, 28]], np.float32), frames, axis=0)
    return ScoredTracks(
        frame_count=frames,
        shot_starts=np.array([0, frames // 2], np.int32),
        track=np.repeat(np.array([0, 1], np.int32), frames),
        frame=np.concatenate([at, at]),
        box_px=boxes,
        logit=np.where(speaks, 2, -2).astype(np.float32),
        probability=np.where(speaks, 0.9, 0.1).astype(np.float32),
    )

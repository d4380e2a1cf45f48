"""Time of a run that has nothing to do: ``python -m benchmarks.rerun --videos 1000 --minutes 30``.

Makes a folder of finished videos, with the program's own writers: each has a manifest of talk of its own, with a clip
for every sentence but each tenth; one transcript and one table of faces serve all; videos are sparse files, of which a
run with nothing to do reads samples only, and clips empty ones, which it does not open. Then ``optimized_runner.py``
runs over them twice as it stands: the first time its list and its page of all videos are made, the second time they are
there.

``phases_s`` are seconds of the second run in one process, by phase: its start with all imports, looking for
the videos and choosing the models, deciding what is to be done, and the files of the run. Ends with one JSON line.
Everything was read or written just before: on a cold disk or over a network reading comes on top.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import facts
from benchmarks.common.places import ROOT
from config import Config
from pipeline.outputs.manifest import CutClip, manifest_json, write_manifest
from pipeline.outputs.tracks import write_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.run.plan import RunPlan, make_plan
from pipeline.stage import Models, VideoJob
from pipeline.types import (
    GRID_FPS,
    AttributedWord,
    ClipPlan,
    DroppedSentence,
    Probe,
    ScoredTracks,
    Segment,
    Sentence,
    Transcript,
    Word,
)

VIDEO_BYTES = 300_000_000
"""Size of a sparse file that stands for a video: half an hour at 1.3 Mbit/s."""

SENTENCE_S, WORDS = 4.0, 11
"""Length of a sentence, and its words: 165 words a minute."""

FLAGS = ("--no-download-weights", "--face-detector", "mtcnn", "--speaker-model", "lip-motion")
FLAGS += ("--identity-model", "none", "--whisper-model-size", "pocketsphinx")
"""Models that need no files, so that nothing but the results is looked at."""

CONFIG = Config(
    DOWNLOAD_WEIGHTS=False,
    FACE_DETECTOR="mtcnn",
    SPEAKER_MODEL="lip-motion",
    IDENTITY_MODEL="none",
    WHISPER_MODEL_SIZE="pocketsphinx",
)

PHASES = """
import sys, time
began_s = time.perf_counter()
import optimized_runner
from pipeline.run import plan, runner
marks = [("start", began_s, time.perf_counter())]

def timed(owner, name, phase):
    real = getattr(owner, name)
    def wrapped(*args, **more):
        from_s = time.perf_counter()
        try:
            return real(*args, **more)
        finally:
            marks.append((phase, from_s, time.perf_counter()))
    setattr(owner, name, wrapped)

timed(runner, "make_plan", "videos")
timed(plan.RunPlan, "choose_models", "models")
timed(runner, "_close", "files")
code = optimized_runner.main(sys.argv[1:])
ended_s = time.perf_counter()
phases = {name: round(to_s - from_s, 3) for name, from_s, to_s in marks}
phases["decide"] = round(ended_s - began_s - sum(phases.values()), 3)
print("PHASES", phases)
sys.exit(code)
"""
"""Program that runs the product and prints the seconds of its phases."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = parser_of(__doc__)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0, help="of talk in each")
    parser.add_argument(
        "--work", type=Path, help="a folder for everything; it stays, and what was made there is run over again"
    )
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(flags.work or temporary)
        if not (folder / "videos").is_dir():
            make_finished(folder / "videos", flags.videos, flags.minutes)
        print(f"{flags.videos} finished videos are there", file=sys.stderr, flush=True)
        manifest_mb = next((folder / "videos").glob("*/output/manifest.json")).stat().st_size / 1e6
        first_s, _ = run_again(folder / "videos")
        wall_s, phases = run_again(folder / "videos")
    told = {"videos": flags.videos, "minutes": flags.minutes, "manifest_mb": round(manifest_mb, 2)}
    times = {"first_s": round(first_s, 2), "wall_s": round(wall_s, 2), "phases_s": phases}
    print(json.dumps({"benchmark": "rerun", **told, **times, **facts()}))
    return 0


def make_finished(folder: Path, count: int, minutes: float) -> None:
    """Make *count* videos in *folder* that are finished for a run with `FLAGS`."""
    folder.mkdir(parents=True)
    for number in range(count):
        with (folder / f"talk {number:05d}.mp4").open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            file.truncate(VIDEO_BYTES)
    planned = make_plan(folder, CONFIG, lambda _: None)
    models = planned.choose_models(lambda _: None)
    sentences = talk(minutes * 60)
    spoken = tuple(word for sentence in sentences for word in sentence.words)
    model = folder.parent / "model"
    segments = [Segment(each.start_s, each.end_s, each.text, tuple(w.word for w in each.words)) for each in sentences]
    write_transcript(model / "transcript.json", Transcript("en", tuple(segments)), spoken)
    write_tracks(model / "tracks.npz", faces(round(minutes * 60 * GRID_FPS)))
    for number in range(count):
        job, _ = planned.job(number, models)
        _finish(job, planned, models, sentences, minutes * 60)
        for name in ("transcript.json", "tracks.npz"):
            os.link(model / name, job.folder / name)


def _finish(job: VideoJob, planned: RunPlan, models: Models, sentences: Sequence[Sentence], seconds: float) -> None:
    """Writes what the end of the work on one video leaves, as far as a later run looks at it."""
    output = job.folder / "output"
    output.mkdir(parents=True)
    clips, dropped = [], []
    for index, sentence in enumerate(sentences):
        if index % 10 == 9:
            unseen = replace(sentence, track=None, speaker=None, avg_score=None, probability=None, margin=None)
            dropped.append(DroppedSentence(index, unseen, "not_visible", "no face is in view"))
            continue
        frames = round(SENTENCE_S * GRID_FPS)
        window = np.tile(np.array([0, 0, 224, 224], np.float32), (frames, 1))
        seen = np.ones(frames, bool)
        track = sentence.track or 0
        plan = ClipPlan(index, sentence, index * frames, window, "face", seen, (224, 224), tracks=(track,))
        clips.append(CutClip(plan, ()))
        (output / plan.name).touch()
    source = Probe(job.path, "mov,mp4", seconds, 1280, 720, Fraction(25), 0, Fraction(0), 48_000, 2)
    content = manifest_json(
        probe=source,
        frame_count=round(seconds * GRID_FPS),
        language="en",
        fingerprint=job.prints.of("clips"),
        config=planned.config,
        models=models,
        clips=clips,
        dropped=dropped,
    )
    for name in ("log.txt", "report.html", "transcript.srt", "transcript.vtt"):
        (job.folder / name).touch()
    write_manifest(output / "manifest.json", content)


def talk(seconds: float) -> list[Sentence]:
    """Return sentences of two speakers in turn that fill *seconds*."""
    return [_sentence(number) for number in range(int(seconds / SENTENCE_S))]


def _sentence(number: int) -> Sentence:
    track, speaker = number % 2, number % 2 + 1
    each_s = SENTENCE_S / WORDS
    words = []
    for place in range(WORDS):
        start_s = number * SENTENCE_S + place * each_s
        share = 0.5 + (number * 37 + place * 11) % 499 / 1000
        ending = "." if place == WORDS - 1 else ""
        word = Word(f" word{(number * 7 + place) % 1000}{ending}", start_s, start_s + each_s, share)
        words.append(AttributedWord(word, track, speaker, ((track, share), (None, 1 - share))))
    return Sentence(tuple(words), track, speaker, 1.5, 0.5 + number % 49 / 100, 2.0, 1.0)


def faces(frames: int) -> ScoredTracks:
    """Return two faces that are in view for all *frames*."""
    at = np.arange(frames, dtype=np.int32)
    return ScoredTracks(
        frame_count=frames,
        shot_starts=np.zeros(1, np.int32),
        track=np.repeat(np.array([0, 1], np.int32), frames),
        frame=np.concatenate([at, at]),
        box_px=np.tile(np.array([100, 100, 300, 300], np.float32), (2 * frames, 1)),
        logit=np.concatenate([np.sin(at / 30), np.cos(at / 30)]).astype(np.float32),
        probability=np.full(2 * frames, 0.5, np.float32),
    )


def run_again(videos: Path) -> tuple[float, dict[str, float]]:
    """Run the product over *videos*; return wall seconds of the whole process, and seconds of its phases.

    Raises:
        SystemExit: it failed, or did something.
    """
    argv = [sys.executable, "-c", PHASES, str(videos), *FLAGS]
    began_s = time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    wall_s = time.perf_counter() - began_s
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    if done.returncode or not last.startswith("PHASES"):
        raise SystemExit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}\nthe run ended with {done.returncode}")
    results = json.loads((videos / "run.json").read_bytes())["videos"]
    if any(line["status"] != "skipped" for line in results):
        raise SystemExit("the run did not find every video finished")
    return wall_s, json.loads(last.removeprefix("PHASES").replace("'", '"'))


if __name__ == "__main__":
    sys.exit(main())

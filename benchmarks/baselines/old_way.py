"""Process videos the way of the systems that this one replaces: the yardstick of ``benchmarks.baseline``.

Written from the description of those systems, with the constants of the published demos of TalkNet-ASD: the video is
encoded anew at 25 fps (AVI), its sound written from that (WAV), then every frame as a JPEG. Shots are found in the AVI.
Every JPEG is read and looked at on its own. Every track becomes a cropped AVI with a WAV beside it, which are read back
and scored in windows of 1, 2, 3, 4, 5 and 6 s, one after another. For every sentence the JPEGs are listed and read once
more, and ffmpeg reads the source from its start to cut the sound.

With ``--words`` the old way passes the whole sound of each video to openai-whisper, whose segments are its sentences.

Left out are faults that have no part in the time, and pickles. Clips have the encoder's settings of ours; a sentence
goes to the face with the best mean over its whole track, without a threshold, so that both ways make as many clips.

    python -m benchmarks.old_way VIDEOS TRANSCRIPTS OUT --weights-dir ../shared/weights

writes ``OUT/old.json``: the time when the models were loaded, seconds of each stage, and counts of the results. It
leaves all files.
"""

from __future__ import annotations

import json
import sys
import time
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.baselines.baseline_models import OldModels, load_old
from benchmarks.baselines.old_tracks import OldTrack, old_crop, old_tracks
from benchmarks.baselines.published_scoring import plain_logits
from benchmarks.common.command_line import parser_of
from benchmarks.common.short_videos import run_ffmpeg
from benchmarks.common.timed_runs import Models
from config import Config
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS
from pipeline.vision.crops import CROP_PX, FULL_PX
from talknet.features import mfcc_of

STAGES = ("media", "words", "shots", "faces", "tracks_crops", "scores", "clips")

FOR_WORK = ("pyavi", "pyframes", "pycrop")
"""Folders of intermediate files, inside the folder of each video."""

THREADS = "10"
"""Threads of ffmpeg, as in the demos."""

EDGE = (FULL_PX - CROP_PX) // 2


@dataclass(slots=True)
class OldVideo:
    """Video in work: its files, the seconds of each stage, and the results so far."""

    path: Path
    folder: Path
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    frames: int = 0
    tracks: list[OldTrack] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    clips: list[dict[str, Any]] = field(default_factory=list)
    """For each clip ``start`` and ``end`` in seconds, and ``box_px`` of the face in the middle of it."""

    @contextmanager
    def clock(self, stage: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - began_s

    def pictures(self) -> list[Path]:
        return sorted((self.folder / "pyframes").glob("*.jpg"))

    def line(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "seconds": self.seconds,
            "frames": self.frames,
            "tracks": len(self.tracks),
            "clips": self.clips,
        }


def do_video(path: Path, transcript: Path, folder: Path, models: OldModels) -> OldVideo:
    """Run all stages of one video; *folder* is made, and holds everything at the end."""
    video = OldVideo(path, folder)
    for name in (*FOR_WORK, "output"):
        (folder / name).mkdir(parents=True)
    with video.clock("media"):
        _media(video)
    with video.clock("words"):
        segments = _segments(video, transcript, models)
    with video.clock("shots"):
        shots = _shots(video)
    faces = _faces(video, models)
    with video.clock("tracks_crops"):
        video.tracks = [track for first, stop in shots for track in old_tracks(faces[first:stop], first)]
        for number, track in enumerate(video.tracks):
            _write_crop(video, number, track)
    with video.clock("scores"):
        video.scores = [_score(video, number, models) for number in range(len(video.tracks))]
    with video.clock("clips"):
        for index, segment in enumerate(segments):
            _clip(video, index, segment)
        _write_manifest(video, segments)
    return video


def _media(video: OldVideo) -> None:
    avi, pyavi = video.folder / "pyavi" / "video.avi", video.folder / "pyavi"
    source = ["-i", f"file:{video.path}", "-qscale:v", "2", "-threads", THREADS, "-af", "aresample=async=1"]
    run_ffmpeg([*source, "-r", str(GRID_FPS)], avi)
    sound = ["-ac", "1", "-vn", "-threads", THREADS, "-ar", str(AUDIO_RATE_HZ)]
    run_ffmpeg(["-i", f"file:{avi}", *sound], pyavi / "audio.wav")
    frames = ["-i", f"file:{avi}", "-qscale:v", "2", "-threads", THREADS, "-f", "image2"]
    run_ffmpeg(frames, video.folder / "pyframes" / "%06d.jpg")


def _segments(video: OldVideo, transcript: Path, models: OldModels) -> Sequence[Mapping[str, Any]]:
    """Return sentences with ``start`` and ``end`` in seconds: those given, or openai-whisper's of the whole sound."""
    if models.whisper is None:
        return json.loads(transcript.read_bytes())["segments"]
    sound = _sound(video.folder / "pyavi" / "audio.wav").astype(np.float32) / 32768
    heard: Any = models.whisper.transcribe(sound, language="en", word_timestamps=True, fp16=False, verbose=None)
    return heard["segments"]


def _sound(path: Path) -> np.ndarray:
    """Read the (N,) int16 samples of a WAV file."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def _shots(video: OldVideo) -> list[tuple[int, int]]:
    """Return for each shot its first frame, and the frame after its last."""
    from scenedetect import ContentDetector, detect

    found = detect(str(video.folder / "pyavi" / "video.avi"), ContentDetector())
    return [(begin.frame_num, end.frame_num) for begin, end in found] or [(0, len(video.pictures()))]


def _faces(video: OldVideo, models: OldModels) -> list[np.ndarray]:
    """Return (N, 4) boxes of every frame; a detector that only gives boxes is not timed."""
    boxes = []
    for path in video.pictures():
        with video.clock("faces"):
            picture = _read(path)
            found = models.detect(picture)
        boxes.append((found if models.boxes is None else models.boxes(picture))[:, :4])
    video.frames = len(boxes)
    return boxes


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} cannot be read")
    return picture


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[np.ndarray], object]]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), GRID_FPS, (FULL_PX, FULL_PX))
    if not writer.isOpened():
        raise SystemExit(f"OpenCV cannot write {path}")
    yield lambda picture: writer.write(picture)
    writer.release()


def _write_crop(video: OldVideo, number: int, track: OldTrack) -> None:
    """Write the track as a cropped AVI with its sound, and the sound beside it."""
    pictures, stem = video.pictures(), video.folder / "pycrop" / f"{number:05d}"
    with _writer(stem.with_suffix(".t.avi")) as write:
        for frame, place in zip(track.frames, track.path(), strict=True):
            write(old_crop(_read(pictures[frame]), place))
    start_s, end_s = track.frames[0] / GRID_FPS, (track.frames[-1] + 1) / GRID_FPS
    wav = stem.with_suffix(".wav")
    sound = ["-i", f"file:{video.folder / 'pyavi' / 'audio.wav'}", "-threads", THREADS]
    run_ffmpeg([*sound, "-ss", f"{start_s:.3f}", "-to", f"{end_s:.3f}"], wav)
    both = ["-i", f"file:{stem.with_suffix('.t.avi')}", "-i", f"file:{wav}", "-c:v", "copy", "-c:a", "copy"]
    run_ffmpeg(both, stem.with_suffix(".avi"))
    stem.with_suffix(".t.avi").unlink()


def _score(video: OldVideo, number: int, models: OldModels) -> np.ndarray:
    stem = video.folder / "pycrop" / f"{number:05d}"
    capture, crops = cv2.VideoCapture(str(stem.with_suffix(".avi"))), []
    while (read := capture.read())[0]:
        grey = cv2.resize(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), (FULL_PX, FULL_PX))
        crops.append(grey[EDGE : EDGE + CROP_PX, EDGE : EDGE + CROP_PX])
    capture.release()
    return plain_logits(models.network, np.stack(crops), mfcc_of(_sound(stem.with_suffix(".wav"))))


def _clip(video: OldVideo, index: int, segment: Mapping[str, Any]) -> None:
    """Cut a sentence's clip around the face with the best mean over its whole track, on the frames it is in view."""
    first, stop = int(segment["start"] * GRID_FPS), int(segment["end"] * GRID_FPS)
    seen = [n for n, track in enumerate(video.tracks) if track.frames[0] < stop and track.frames[-1] >= first]
    if not seen:
        return
    best = max(seen, key=lambda number: float(np.mean(video.scores[number])))
    track, pictures = video.tracks[best], video.pictures()
    silent, wav = video.folder / "pycrop" / f"seg_{index:04d}.avi", video.folder / "pycrop" / f"seg_{index:04d}.wav"
    rows = [row for row, frame in enumerate(track.frames) if first <= frame < stop and frame < len(pictures)]
    if not rows:
        return
    path = track.path()
    with _writer(silent) as write:
        for row in rows:
            write(old_crop(_read(pictures[track.frames[row]]), path[row]))
    span = ["-ss", f"{segment['start']:.3f}", "-to", f"{segment['end']:.3f}"]
    run_ffmpeg(["-i", f"file:{video.path}", *span, "-vn"], wav)
    config = Config()
    codecs = ["-c:v", "libx264", "-preset", config.CLIP_PRESET, "-crf", str(config.CLIP_CRF), "-pix_fmt", "yuv420p"]
    target = video.folder / "output" / f"seg_{index:04d}_track_{best:03d}.mp4"
    run_ffmpeg(["-i", f"file:{silent}", "-i", f"file:{wav}", *codecs, "-c:a", "aac"], target)
    middle = track.boxes_px[rows[len(rows) // 2]]
    video.clips.append(
        {
            "clip": target.name,
            "start": segment["start"],
            "end": segment["end"],
            "frame": int(track.frames[rows[len(rows) // 2]]),
            "box_px": middle.tolist(),
        }
    )


def _write_manifest(video: OldVideo, segments: Sequence[Mapping[str, Any]]) -> None:
    text = {"sentences": len(segments), "clips": video.clips}
    (video.folder / "output" / "manifest.json").write_text(json.dumps(text))


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("videos", type=Path, help="a folder of MP4s")
    parser.add_argument("transcripts", type=Path, help="a folder with a transcript of each, in Whisper's shape")
    parser.add_argument("out", type=Path, help="a new folder")
    Models.add_flags(parser)
    flags = parser.parse_args(argv)
    flags.out.mkdir(parents=True)
    models = load_old(Models.of(flags))
    loaded_at, done = time.time(), []
    for path in sorted(flags.videos.glob("*.mp4")):
        folder = flags.out / path.stem
        done.append(do_video(path, flags.transcripts / f"{path.stem}.json", folder, models).line())
    ended_at = time.time()
    content = {"loaded_at": loaded_at, "ended_at": ended_at, "videos": done}
    (flags.out / "old.json").write_text(json.dumps(content))
    return 0


if __name__ == "__main__":
    sys.exit(main())

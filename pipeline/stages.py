"""What the stages are and what each needs: plain functions on typed values, which know no queue and no process.

    prepare  -> Prepared: what the file is, and its sound
    pictures -> the pictures of the 25 fps grid, for vision
    vision   -> FaceTracks, kept in the video's folder     } side by side
    speech   -> Transcript, kept likewise                  }
    finish   -> clips, manifest, subtitles of what is kept

What an earlier run with the same settings has kept is not done again. An executor decides where stages run. `STAGES`
are the real ones; tests give an executor others.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from config import Config
from pipeline.clips.extras import write_extras
from pipeline.clips.results import replace_results
from pipeline.clips.worker import FinishedVideo, finish_video
from pipeline.errors import InputError, PipelineError
from pipeline.media.decode import read_frames
from pipeline.media.excerpts import check_reached, excerpted
from pipeline.media.heard import extract_heard
from pipeline.media.picture_times import picture_times
from pipeline.media.probe import missing_seconds, probe, with_sound_file, with_sound_track
from pipeline.media.sound_tracks import AUTO
from pipeline.outputs import kept
from pipeline.outputs.failure import OF_THE_FILE
from pipeline.speech import Precision, load_transcriber
from pipeline.speech.worker import SpeechWorker
from pipeline.storage.mirror import Remote
from pipeline.types import (
    AUDIO_RATE_HZ,
    GRID_FPS,
    AudioTrack,
    FaceTracks,
    FrameBatch,
    Losses,
    Marks,
    MediaLimits,
    ModelChoice,
    PictureSizes,
    Probe,
    Transcript,
)
from pipeline.vision.face_boxes import read_face_boxes
from pipeline.vision.given_faces import WIDEST_STEP, GivenFaces
from pipeline.vision.persons import load_identity
from pipeline.vision.scenes import GivenShots, read_scenes
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import VisionSettings
from s3fd import load_detector
from talknet import load_scorer

if TYPE_CHECKING:
    from pipeline.speech.wav2vec import NetworkAligner

Models = tuple[ModelChoice, ...]
"""The model of each job of a run."""

SOUND_BYTES_PER_S = 2 * AUDIO_RATE_HZ
"""Of the sound file of a video, which is there while the video is in work."""

TRANSCRIPT = "transcript"
"""Name of the "model" of words where they come from the user's own transcript."""

FACE_BOXES = "face-boxes"
"""Name of the "model" of faces where they come from a list of the user's."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """One video of a run."""

    number: int
    """Its place in the run, from 0."""
    path: Path
    """Absolute path of the file."""
    folder: Path
    """Where its results go."""
    marks: Marks = field(default_factory=Marks)
    """Fingerprints of its content, the settings and the weights."""
    transcript: Path | None = None
    """The user's own transcript of it, which takes the place of a recogniser."""
    scenes: Path | None = None
    """The user's own list of its scenes, which takes the place of the shot detector."""
    face_boxes: Path | None = None
    """The user's own list of the faces in it, which takes the place of the face detector."""
    sound_file: Path | None = None
    """A file with its sound, used instead of its own."""
    models: Models | None = None
    """Who does each job for this video; None: all the models of the run."""
    kept: frozenset[str] = frozenset()
    """Those of ``vision`` and ``speech`` whose results lie in the folder already."""
    renews: bool = False
    """Finished results of an earlier state lie in the folder: they stay until this attempt has come to its end."""
    remote: Remote | None = None
    """What of it lies on a storage: `path` and `folder` are in the mirror then. None where both are here."""

    @property
    def work(self) -> Path:
        """The folder in which an attempt works."""
        return self.folder / kept.NEXT if self.renews else self.folder

    @property
    def shown(self) -> str:
        """The video for people and programs: its URL where it has one."""
        return str(self.path) if self.remote is None or self.remote.video is None else self.remote.video.url

    def told(self, text: str) -> str:
        """*text* about it, with URLs in place of paths in a mirror."""
        return text if self.remote is None else self.remote.told(text)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A video whose sound is on disk and whose pictures can be read."""

    probe: Probe
    sound: AudioTrack | None
    """None where nobody needs it any more."""
    shots: tuple[int, ...] | None = None
    """First grid frame of each shot, where the user has said so."""
    faces: GivenFaces | None = None
    """The faces, where the user has said so, and vision is still to be done."""

    @property
    def audio(self) -> AudioTrack:
        """Its sound, for those who need it."""
        if self.sound is None:
            raise ValueError(f"Prepared: expected the sound of {self.probe.path}, got none")
        return self.sound


class Session(Protocol):
    """The vision of one video, fed with its pictures in order."""

    def push(self, batch: FrameBatch) -> int:
        """Takes pictures; returns the first frame that is still needed."""
        ...

    def finish(self) -> FaceTracks: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of the work, once it is finished."""
        ...


class Vision(Protocol):
    """The models of vision, loaded once a worker."""

    def start(self, prepared: Prepared, capacity: int, on_frames: Callable[[int], None]) -> Session:
        """Begins one video, of which up to *capacity* pictures may be held at once."""
        ...


class Speech(Protocol):
    """The models of speech, loaded once a worker."""

    def transcribe(
        self, audio: AudioTrack, on_progress: Callable[[float], None], given: Path | None = None
    ) -> Transcript:
        """The words of one recording, from the file *given* where there is one; tells the seconds that are done."""
        ...


@dataclass(frozen=True, slots=True)
class RealVision:
    """`Vision` with the networks of the run."""

    models: VisionModels
    config: Config

    def start(self, prepared: Prepared, capacity: int, on_frames: Callable[[int], None]) -> Session:
        first = prepared.probe.excerpt.first_frame
        shots = None if prepared.shots is None else GivenShots(max(start - first, 0) for start in prepared.shots)
        settings = VisionSettings.of(self.config, prepared.faces and prepared.faces.bridged)
        return VisionSession(self.models, settings, prepared.audio, capacity, on_frames, shots, prepared.faces, first)


def prepare(job: VideoJob, sound: Path | None, config: Config, on_seconds: Callable[[float], None]) -> Prepared:
    """Looks at the video and writes its sound to *sound*, unless that is None.

    Raises:
        InputError: the file cannot be used.
        OSError: there is no room for its sound.
    """
    found = probe(job.path, limits_of(config), AUTO if job.sound_file else config.SOUND_TRACK)
    found = excerpted(found, config.START, config.DURATION)
    if job.sound_file is not None:
        with _no_fault_of_the_video(job.sound_file):
            found = with_sound_file(found, job.sound_file, config.SOUND_TRACK)
    shots = None if job.scenes is None else read_scenes(job.scenes, found.duration_s)
    faces = None
    if job.face_boxes is not None and "vision" not in job.kept:
        threshold = None if config.FACEDET_THRESHOLD == "auto" else float(config.FACEDET_THRESHOLD)
        faces = read_face_boxes(job.face_boxes, found, picture_times, threshold)
    if sound is None:
        return Prepared(found, None, shots, faces)
    needed = int((found.length_s + float(max(found.lead_s, 0))) * SOUND_BYTES_PER_S)
    if shutil.disk_usage(sound.parent).free < needed:
        text = f"its sound needs {needed / 1e6:.0f} MB of temporary files"
        raise OSError(errno.ENOSPC, text, str(sound.parent))
    with _no_fault_of_the_video(job.sound_file):
        found, heard = extract_heard(found, sound, config.SOUND_TRACK == AUTO, on_seconds)
    return Prepared(found, heard, shots, faces)


@contextlib.contextmanager
def _no_fault_of_the_video(sound_file: Path | None) -> Iterator[None]:
    """Give what is wrong with a sound file of the user's a code of its own: the video with its results stays good."""
    try:
        yield
    except InputError as error:
        if sound_file is None or error.path != sound_file or error.reason_code not in OF_THE_FILE:
            raise
        raise InputError("bad_audio_file", f"{error.message} (AUDIO_FILE)", sound_file) from error


def limits_of(config: Config) -> MediaLimits:
    """What a file may claim, as the settings have it."""
    return MediaLimits(round(config.MAX_MEGAPIXELS * 1e6), config.MAX_VIDEO_HOURS * 3600)


def pictures(
    prepared: Prepared, size_px: tuple[int, int], threads: int, on_lost: Callable[[int], None]
) -> Iterator[np.ndarray]:
    """The pictures of the excerpt on the grid at *size_px* (width, height): views that hold until the next one.

    *on_lost* is told how many packets could not be decoded, as that is found.
    """
    excerpt = prepared.probe.excerpt
    return read_frames(prepared.probe, excerpt.first_frame, excerpt.stop_frame, threads, size_px, on_lost=on_lost)


def keep_tracks(job: VideoJob, prepared: Prepared, tracks: FaceTracks, lost_packets: int) -> Path:
    """Writes the result of vision, with what could not be read of the video, for `kept.put_in_place`.

    Raises:
        InputError: ``start_after_end`` when there was no picture in the excerpt.
    """
    check_reached(prepared.probe, tracks.frame_count)
    missing_s = missing_seconds(prepared.probe, tracks.frame_count / GRID_FPS, prepared.audio.end_s)
    if prepared.probe.excerpt.stop_frame is None:
        lost_packets += prepared.probe.unread_packets
    losses = Losses(lost_packets, prepared.audio.lost_packets, missing_s)
    sizes = PictureSizes.of(prepared.probe, job.marks.most_px)
    return kept.write_pending_tracks(job.work, tracks, losses, job.marks.vision, sizes)


def keep_words(job: VideoJob, transcript: Transcript) -> Path:
    """Writes the result of speech, for `kept.put_in_place`."""
    return kept.write_pending_words(job.work, transcript, job.marks.speech)


def load_vision(config: Config, models: Models, device: str) -> Vision:
    """Loads face detector, speaker model and identity model on *device*.

    No detector is loaded where the faces of every video are given.
    """
    faces, speaking = model_of(models, "faces"), model_of(models, "speaking")
    detector = None
    if faces.name != FACE_BOXES:
        detector = load_detector(faces.name, faces.weights, device, compiled=config.COMPILE)
    scorer = load_scorer(speaking.name, speaking.weights, device)
    identity = model_of(models, "identity")
    persons = load_identity(identity.name, identity.weights, identity.helper, device)
    return RealVision(VisionModels(detector, scorer, speaking.name, persons), config)


def load_speech(config: Config, models: Models, device: str) -> Speech:
    """Loads the recogniser on *device*, unless every video has a transcript, and what ``ALIGN`` needs."""
    words = model_of(models, "words")
    recogniser = None
    if words.name != TRANSCRIPT:
        name = words.name if words.name == "pocketsphinx" else "whisper"
        recogniser = load_transcriber(name, words.weights, device, config.WHISPER_LANGUAGE, _precision(config))
    network = next((model for model in models if model.job == "alignment"), None)
    load_network = None if network is None else functools.partial(_load_aligner, network, device)
    return SpeechWorker(recogniser, config.WHISPER_LANGUAGE, load_network, config.ALIGN)


def _precision(config: Config) -> Precision:
    return config.WHISPER_PRECISION  # type: ignore[return-value]


def _load_aligner(network: ModelChoice, device: str) -> NetworkAligner:
    from pipeline.speech.wav2vec import load_aligner

    return load_aligner(network.name, network.weights, device)


def finish(
    job: VideoJob,
    prepared: Prepared,
    models: Models,
    config: Config,
    timings: Mapping[str, float],
    on_clip: Callable[[int, int], None],
) -> FinishedVideo:
    """Cuts the clips of what vision and speech have kept, and writes everything that the video leaves.

    Raises:
        InputError: ``no_clip_written`` when not one of the clips could be cut; no manifest is left then.
    """
    tracks, losses, transcript = kept.read_kept(job.folder, job.marks if job.renews else None)
    finished = finish_video(
        folder=job.work,
        probe=_as_heard(prepared.probe, transcript),
        tracks=tracks,
        transcript=transcript,
        losses=losses,
        models=job.models or models,
        config=config,
        marks=job.marks,
        timings=timings,
        on_clip=on_clip,
    )
    if finished.failed_count and not finished.clip_count:
        said = finished.first_failure
        finished.manifest.unlink()
        raise InputError("no_clip_written", f"none of its {finished.failed_count} clips could be cut: {said}", job.path)
    if job.renews:
        replace_results(job.folder)
        return replace(finished, manifest=job.folder / kept.MANIFEST)
    return finished


def extras(
    job: VideoJob, prepared: Prepared, models: Models, config: Config, on_seconds: Callable[[float, float], None]
) -> None:
    """Writes what the settings ask for beside the clips, of the results that lie in the folder."""
    found = _as_heard(prepared.probe, kept.read_kept(job.folder)[2])
    write_extras(job.folder, found, job.models or models, config, on_seconds)


def _as_heard(found: Probe, transcript: Transcript) -> Probe:
    """The file with the sound track that its words were heard in."""
    if transcript.sound_track in (0, found.sound_track):
        return found
    return with_sound_track(found, transcript.sound_track)


def frames_held(config: Config) -> int:
    """Pictures that vision must be able to hold at once."""
    held = VisionSettings.of(config).frames_held(1)
    return max(held, VisionSettings.of(config, WIDEST_STEP + 1).frames_held(1)) if config.FACE_BOXES else held


def model_of(models: Models, job: str) -> ModelChoice:
    """The model of one job of the run."""
    return next(model for model in models if model.job == job)


@dataclass(frozen=True, slots=True)
class Stages:
    """The functions that an executor runs; each can be sent to another process by its name."""

    prepare: Callable[[VideoJob, Path | None, Config, Callable[[float], None]], Prepared] = prepare
    pictures: Callable[[Prepared, tuple[int, int], int, Callable[[int], None]], Iterator[np.ndarray]] = pictures
    load_vision: Callable[[Config, Models, str], Vision] = load_vision
    load_speech: Callable[[Config, Models, str], Speech] = load_speech
    keep_tracks: Callable[[VideoJob, Prepared, FaceTracks, int], Path] = keep_tracks
    keep_words: Callable[[VideoJob, Transcript], Path] = keep_words
    finish: Callable[
        [VideoJob, Prepared, Models, Config, Mapping[str, float], Callable[[int, int], None]], FinishedVideo
    ] = finish
    extras: Callable[[VideoJob, Prepared, Models, Config, Callable[[float, float], None]], None] = extras
    frames_held: Callable[[Config], int] = frames_held


STAGES = Stages()


def describe(error: BaseException) -> tuple[str, str]:
    """Reason code and message of whatever ended a video.

    A typed error speaks for itself; the system's own (disk full, no permission) are named; anything else is a bug.
    """
    if isinstance(error, PipelineError):
        return error.reason_code, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full", f"{error}. Make room in the folders for results and for temporary files, and run it again"
    if isinstance(error, OSError):
        return "io_error", f"{error}. Check free space and permissions of the output and the temporary folder"
    if isinstance(error, MemoryError):
        return "out_of_memory", "the memory ran out. Try fewer workers or a smaller RING_MB"
    return "internal_error", f"a bug in the program: {type(error).__name__}: {error}. Run it with --debug and report it"

"""The plan of a run: its videos, its models and the work still to do. Nothing is written here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config import Config
from pipeline.artifacts import finished, missing_outputs
from pipeline.clips.captioning import check_captions
from pipeline.errors import InputError
from pipeline.executors.locks import skipped
from pipeline.executors.picture_format import most_pixels
from pipeline.fingerprint import fingerprints_of
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, resolved
from pipeline.models.choose import choose, choose_alignment
from pipeline.models.download import sha256_of
from pipeline.models.registry import default_whisper
from pipeline.outputs.failure import NO_AUDIO, failed_before
from pipeline.run.engines import gpu_counter
from pipeline.run.rerun import rerun_of
from pipeline.soundless import skipped_without_sound, without_sound
from pipeline.sources.discover import discover, result_folders
from pipeline.sources.ranges import ANY_RATE, read_ranges
from pipeline.sources.shard import WHOLE, Shard, announcement
from pipeline.sources.sidecars import given_face_boxes, given_ranges, given_scenes, given_transcripts
from pipeline.speech.checkpoints.own import own_checkpoint
from pipeline.speech.given import transcript_digest
from pipeline.speech.stage import TRANSCRIPT
from pipeline.stage import Models, VideoJob
from pipeline.storage.copies import ASKED_AT_ONCE, look, trim
from pipeline.storage.mirror import Mirror
from pipeline.types import ModelChoice, VideoResult
from pipeline.vision.stage import FACE_BOXES, frames_held

LOOKED_AT_AT_ONCE = 4
"""Videos of this machine examined at the same time: reading and digests release the interpreter lock."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The videos of a run."""

    config: ResolvedConfig
    listed: Sequence[Path]
    """Every video that was found; `videos` and the lists that follow it are the shard's own."""
    videos: Sequence[Path]
    folders: Sequence[Path]
    """Folder of each video's results."""
    transcripts: Sequence[Path | None]
    """The user's own transcript of each video."""
    scenes: Sequence[Path | None]
    """The user's own list of scenes of each video."""
    face_boxes: Sequence[Path | None]
    """The user's own list of faces of each video."""
    ranges: Sequence[Path | None]
    """The user's own list of the ranges wanted of each video."""
    sound_file: Path | None = None
    """The sound of the only video."""
    has_transcript: Sequence[bool] = ()
    """For each video that was found, True where the user gives its transcript."""
    has_face_boxes: Sequence[bool] = ()
    """For each video that was found, True where the user gives its faces."""
    mirror: Mirror | None = None
    """The mirror of the storage; None where neither videos nor results lie on one."""

    def choose_models(self, announce: Callable[[str], None]) -> Models:
        """Choose the models for every video that was found, so that all shards choose the same."""
        return chosen_models(self.config, self.has_transcript, announce, self.has_face_boxes)

    def every(self, models: Models) -> Iterator[tuple[VideoJob, VideoResult | None]]:
        """Yield `job` of each video.

        Several videos are examined at once: a storage is slow to answer, and digests are computed in parallel.
        """
        numbers = range(len(self.videos))
        at_once = LOOKED_AT_AT_ONCE if self.mirror is None else ASKED_AT_ONCE
        with ThreadPoolExecutor(at_once, "plan") as pool:
            yield from pool.map(lambda number: self.job(number, models), numbers)

    def job(self, number: int, models: Models) -> tuple[VideoJob, VideoResult | None]:
        """Return the job of one video, and its result where no work is needed: it is done, or cannot be used.

        Args:
            number: of the video, from 0.
            models: of the run.
        """
        job, result = self._decided(number, models)
        if result is None and job.remote is not None:
            trim(job.remote)  # it is looked at again when its turn comes, which may be hours later
        return job, result

    def _decided(self, number: int, models: Models) -> tuple[VideoJob, VideoResult | None]:
        path, folder, transcript = self.videos[number], self.folders[number], self.transcripts[number]
        scenes, boxes, ranges = self.scenes[number], self.face_boxes[number], self.ranges[number]
        job = VideoJob(
            number,
            path,
            folder,
            transcript=transcript,
            scenes=scenes,
            face_boxes=boxes,
            ranges=ranges,
            sound_file=self.sound_file,
        )
        url = ""
        if self.mirror is not None:
            job = dataclasses.replace(job, remote=self.mirror.remote_of(path, folder))
            url = self.mirror.url_of(path)
        try:
            if job.remote is not None:
                look(job.remote)
            models = _models_of(models, transcript, boxes, self.config)
            prints = fingerprints_of(GRAPH, path, self.config, models, scenes, self.sound_file, url, ranges)
            if ranges is not None:
                read_ranges(ranges, ANY_RATE)
        except InputError as error:
            return job, VideoResult(path, "failed", error.reason_code, str(error))
        prints = dataclasses.replace(prints, most_px=most_pixels(self.config.RING_MB << 20, frames_held(self.config)))
        job = dataclasses.replace(job, prints=prints, models=models, rerun=rerun_of(job, self.config))
        if self.config.FORCE:
            return job, None
        manifest = finished(GRAPH, folder, prints)
        if manifest is not None:
            return job, None if missing_outputs(GRAPH, folder, prints, self.config) else skipped(path, manifest)
        failure = None if self.config.RETRY_FAILED else failed_before(folder, prints.failure)
        if failure is not None:
            return self._decided_by(*failure, job)
        return job, None

    def _decided_by(self, code: str, message: str, job: VideoJob) -> tuple[VideoJob, VideoResult | None]:
        """Do as `job` for a video of which an earlier run has noted that it cannot be used, and why."""
        again = without_sound(GRAPH, self.config, job, message) if code == NO_AUDIO else None
        if again is None or again.no_sound is None:
            text = f"{message} (found by an earlier run; --retry-failed tries again)"
            return job, VideoResult(job.path, "failed", code, text)
        missing = missing_outputs(GRAPH, again.folder, again.prints, self.config)
        made = missing.isdisjoint(again.no_sound.outputs)
        return again, skipped_without_sound(again, again.no_sound) if made else None


def make_plan(
    source: Path,
    config: Config,
    announce: Callable[[str], None],
    shard: Shard = WHOLE,
    mirror: Mirror | None = None,
) -> RunPlan:
    """Find the videos in *source* and all that belongs to them.

    Args:
        source: path that `located` returns.
        config: settings.
        announce: gets the number of videos with a transcript, and the number of the shard's.
        shard: which of the videos are to be done. All else is found out about the whole list, so that it does not
            depend on the shard.
        mirror: of the storage, where *source* or ``OUTPUT_DIR`` is in one.

    Raises:
        InputError: there are no videos, or a setting does not fit this machine.
    """
    output = Path(config.OUTPUT_DIR).resolve() if config.OUTPUT_DIR else None
    try:
        videos = discover(source, config.RECURSIVE)
    except InputError as error:
        if mirror is None:
            raise
        raise mirror.told(error) from error
    folders = result_folders(videos, source, output)
    transcripts = _transcripts(videos, source, folders, config, announce)
    config = resolved(_upright(config, announce), gpu_counter(config))
    _check_precision(config)
    scenes = given_scenes(videos, Path(config.SCENES)) if config.SCENES else [None] * len(videos)
    face_boxes = _face_boxes(videos, config, announce)
    ranges = _ranges(videos, config, announce)
    sound_file = Path(config.AUDIO_FILE).expanduser().absolute() if config.AUDIO_FILE else None
    if sound_file is not None and len(videos) != 1:
        message = f"AUDIO_FILE names the sound of one video, and here are {len(videos)}. Name one video file"
        raise InputError("bad_setting", message)
    if config.FACE_EMBEDDINGS and not Path(config.FACE_EMBEDDINGS).expanduser().is_file():
        raise InputError("bad_setting", f"FACE_EMBEDDINGS names no file: {config.FACE_EMBEDDINGS}")
    if config.REFRAME:
        check_captions(config)
    own = shard.of(videos)
    if shard.world > 1:
        announce(announcement(shard, config.SHARD, len(own), len(videos)))
    return RunPlan(
        config,
        listed=videos,
        videos=own,
        folders=shard.of(folders),
        transcripts=shard.of(transcripts),
        scenes=shard.of(scenes),
        face_boxes=shard.of(face_boxes),
        ranges=shard.of(ranges),
        sound_file=sound_file,
        has_transcript=[transcript is not None for transcript in transcripts],
        has_face_boxes=[boxes is not None for boxes in face_boxes],
        mirror=mirror,
    )


def _upright(config: Config, announce: Callable[[str], None]) -> Config:
    """Return the settings in which ``REFRAME`` says whether there are upright videos; those cost as much as clips."""
    if config.REFRAME_ALONE:
        return dataclasses.replace(config, REFRAME=True, SCORE_ONLY=True)
    if config.RANGES and not config.REFRAME:
        config = dataclasses.replace(config, REFRAME=True)
    if config.REFRAME and config.SCORE_ONLY:
        announce("no upright videos are written with SCORE_ONLY; REFRAME_ALONE writes them, and cuts no clips")
        return dataclasses.replace(config, REFRAME=False)
    if config.CAPTIONS != "none" and not config.REFRAME:
        announce("no captions are written without REFRAME: they are those of upright videos")
    return config


def located(source: Path) -> Path:
    """Return the absolute path of a folder or file; a file that is a link keeps its own name."""
    return source.resolve() if source.is_dir() else source.parent.resolve() / source.name


def home_of(source: Path, config: Config) -> Path:
    """Return the folder for the files of the run as a whole."""
    if config.OUTPUT_DIR:
        return Path(config.OUTPUT_DIR).resolve()
    return source if source.is_dir() else source.parent


def chosen_models(
    config: ResolvedConfig,
    has_transcript: Sequence[bool] = (),
    announce: Callable[[str], None] = lambda _: None,
    has_face_boxes: Sequence[bool] = (),
) -> Models:
    """Choose the model of each job.

    Args:
        config: settings.
        has_transcript: of each video, whether it has one of the user's. Where every video has, no recogniser is
            chosen. Where one has, the network that aligns words takes part if it is here; with ``ALIGN`` it must be.
        announce: gets a line for each stand-in and each download.
        has_face_boxes: of each video, whether the user gives its faces. Where all have, no face detector is chosen.

    Raises:
        PipelineError: weights are damaged, or missing where no stand-in is allowed.
    """
    words = None if has_transcript and all(has_transcript) else config.WHISPER_MODEL_SIZE
    if words == "auto":
        words = default_whisper(any(device != "cpu" for device in config.WHISPER_DEVICE))
    folder = Path(config.WEIGHTS_DIR).absolute() if config.WEIGHTS_DIR else None
    detector = None if has_face_boxes and all(has_face_boxes) else config.FACE_DETECTOR
    chosen = choose(
        detector,
        config.SPEAKER_MODEL,
        words and (own_checkpoint(words) or words),
        config.IDENTITY_MODEL,
        weights_dir=folder,
        download=config.DOWNLOAD_WEIGHTS,
        strict=config.STRICT,
        language=config.WHISPER_LANGUAGE,
        announce=announce,
    )
    if detector is None:
        chosen = (ModelChoice("faces", FACE_BOXES, None), *chosen)
    if words is None:
        chosen = (*chosen[:2], ModelChoice("words", TRANSCRIPT, None), *chosen[2:])
    if config.ALIGN or any(has_transcript):
        network = choose_alignment(
            config.WHISPER_LANGUAGE,
            weights_dir=folder,
            download=config.DOWNLOAD_WEIGHTS,
            required=config.ALIGN,
            announce=announce,
        )
        chosen = (*chosen, network) if network else chosen
    return chosen


def _transcripts(
    videos: list[Path], source: Path, folders: list[Path], config: Config, announce: Callable[[str], None]
) -> Sequence[Path | None]:
    """Find the user's own transcript of each video; announce their number once."""
    if not config.TRANSCRIPTS:
        return [None] * len(videos)
    found = given_transcripts(videos, source, folders, Path(config.TRANSCRIPTS))
    count = len(found) - found.count(None)
    rest = "" if count == len(found) else "; the others are transcribed by the recogniser"
    announce(f"transcripts: {count} of {len(found)} videos have one in {config.TRANSCRIPTS}{rest}")
    return found


def _face_boxes(videos: list[Path], config: Config, announce: Callable[[str], None]) -> Sequence[Path | None]:
    """Find the user's own list of the faces in each video; announce their number once."""
    if not config.FACE_BOXES:
        return [None] * len(videos)
    found = given_face_boxes(videos, Path(config.FACE_BOXES))
    count = len(found) - found.count(None)
    rest = "" if count == len(found) else "; in the others the face detector looks for them"
    announce(f"face boxes: {count} of {len(found)} videos have a list in {config.FACE_BOXES}{rest}")
    return found


def _ranges(videos: list[Path], config: Config, announce: Callable[[str], None]) -> Sequence[Path | None]:
    """Find the user's own list of the ranges wanted of each video; announce their number once."""
    if not config.RANGES:
        return [None] * len(videos)
    if 0 < config.MAX_LENGTH < config.MIN_LENGTH:
        lengths = f"MIN_LENGTH is {config.MIN_LENGTH:g} s and MAX_LENGTH {config.MAX_LENGTH:g} s"
        raise InputError("bad_setting", f"{lengths}: no range can be both")
    found = given_ranges(videos, Path(config.RANGES))
    count = len(found) - found.count(None)
    rest = "" if count == len(found) else "; of the others the whole is made upright"
    announce(f"ranges: {count} of {len(found)} videos have a list in {config.RANGES}{rest}")
    return found


def _models_of(models: Models, transcript: Path | None, boxes: Path | None, config: Config) -> Models:
    """Return the models for one video.

    Raises:
        InputError: ``bad_transcript`` or ``bad_face_boxes`` when what the user gives cannot be read.
    """
    if boxes is not None:
        faces = ModelChoice("faces", FACE_BOXES, boxes, _face_boxes_digest(boxes))
        models = tuple(faces if model.role == "faces" else model for model in models)
    if transcript is None:
        return models if config.ALIGN else tuple(model for model in models if model.role != "alignment")
    words = ModelChoice("words", TRANSCRIPT, transcript, transcript_digest(transcript))
    return tuple(words if model.role == "words" else model for model in models)


def _face_boxes_digest(boxes: Path) -> str:
    try:
        return sha256_of(boxes)
    except OSError as error:
        raise InputError("bad_face_boxes", f"cannot be read: {error.strerror}", boxes) from error


def _check_precision(config: ResolvedConfig) -> None:
    """Refuse half precision where Whisper would run on a CPU."""
    if config.WHISPER_PRECISION == "half" and "cpu" in config.WHISPER_DEVICE:
        raise InputError(
            "bad_setting",
            "WHISPER_PRECISION is 'half', which needs CUDA, and WHISPER_DEVICE is cpu here. Use auto or full",
        )

"""The vocabulary of the pipeline: a stage, the graph of stages, and what a stage is given to work on.

    open      -> OpenedVideo: the probed file, and its sound on disk
    GRAPH     -> stages, each of which turns artifacts in the video's folder into others

A stage is a record: its function, what it needs, what it makes, which processes run it. It knows no queue and no
process. An executor runs the stages of a graph; everything else that depends on which stages there are (bars, timings,
worker processes, fingerprints, what is stale) is derived from the records. `pipeline.graph` declares the real ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from config import Config
from pipeline.machine import ResolvedConfig
from pipeline.results import NEXT, Artifact
from pipeline.storage.mirror import Remote
from pipeline.types import AudioTrack, Fingerprints, FrameBatch, ModelChoice, Probe

Models = tuple[ModelChoice, ...]
"""The model of each role in a run."""

DECODE = "decode"
"""The name under which the reading of a source is shown and timed; its results do not last, so it is no `Stage`."""


@dataclass(frozen=True, slots=True)
class NoSound:
    """The part of the work that is done on a video without sound."""

    why: str
    """The reason why there is no sound, for people."""
    outputs: tuple[str, ...]
    """Outputs that are asked for and need no sound."""
    missing: tuple[str, ...]
    """The final stage and outputs that are asked for and need sound."""
    left_out: frozenset[str]
    """Stages that are asked for and are not run."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """One video of a run."""

    number: int
    """Its place in the run, from 0."""
    path: Path
    """Absolute path of the file."""
    folder: Path
    """The folder of its results."""
    prints: Fingerprints = field(default_factory=Fingerprints)
    """Fingerprints of its content, the settings and the weights."""
    transcript: Path | None = None
    """The user's own transcript, used instead of a recogniser."""
    scenes: Path | None = None
    """The user's own list of scenes, used instead of the shot detector."""
    face_boxes: Path | None = None
    """The user's own list of faces, used instead of the face detector."""
    ranges: Path | None = None
    """The user's own list of the ranges that upright videos are wanted of."""
    sound_file: Path | None = None
    """A file with its sound, used instead of its own."""
    models: Models | None = None
    """The model of each role for this video; None: the models of the run."""
    kept: frozenset[str] = frozenset()
    """Stages whose results lie in the folder already."""
    renews: bool = False
    """True where finished results of an earlier state lie in the folder: they stay until this attempt has ended."""
    remote: Remote | None = None
    """Its places on a storage: `path` and `folder` are in the mirror then. None where both are on this machine."""
    rerun: tuple[str, ...] = ()
    """Words of the command line, after the program's name, that work on this video alone with the settings of the run;
    empty where there are none."""
    no_sound: NoSound | None = None
    """Set where it is known to have no sound, and some outputs can do without: `soundless.without_sound`."""

    @property
    def left_out(self) -> frozenset[str]:
        """Stages that are not run for want of sound."""
        return frozenset() if self.no_sound is None else self.no_sound.left_out

    @property
    def work(self) -> Path:
        """The folder in which an attempt works."""
        return self.folder / NEXT if self.renews else self.folder

    @property
    def display_path(self) -> str:
        """The video for people and programs: its URL where it has one."""
        return str(self.path) if self.remote is None or self.remote.video is None else self.remote.video.url

    def with_urls(self, text: str) -> str:
        """Return *text* with URLs in place of paths in a mirror."""
        return text if self.remote is None else self.remote.told(text)


class FacesByFrame(Protocol):
    """Faces that the user has listed."""

    @property
    def bridged(self) -> int:
        """The widest step between two listed frames of a face that is still one face."""
        ...

    def at(self, frame: int) -> np.ndarray:
        """Return (N, 4) float32: the boxes on a grid frame, in source pixels."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedVideo:
    """A video whose sound is on disk and whose pictures can be read."""

    probe: Probe
    sound: AudioTrack | None
    """None where no stage needs it any more, and where the video has none."""
    shots: tuple[int, ...] | None = None
    """First grid frame of each shot, where the user has listed them."""
    faces: FacesByFrame | None = None
    """The faces, where the user has listed them and vision is still to be done."""

    @property
    def audio(self) -> AudioTrack:
        """Its sound, for stages that need it."""
        if self.sound is None:
            raise ValueError(f"OpenedVideo: expected the sound of {self.probe.path}, got none")
        return self.sound

    def without_sound(self) -> OpenedVideo:
        """Return the same for another machine, which does not see the sound file."""
        return dataclasses.replace(self, sound=None)


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage's word to the process that leads the run; everything large lies in its artifacts."""

    notes: tuple[str, ...] = ()
    """Remarks for people."""
    summary: Any = None
    """A small value; of the last stage that is not optional the `FinishedVideo`."""


@dataclass(frozen=True, slots=True)
class Work:
    """One stage of one video, as its function is given it."""

    video: VideoJob
    opened: OpenedVideo
    config: ResolvedConfig
    models: Models
    """The model of each role, for this video."""
    loaded: Any = None
    """The networks, as `Stage.load` returned them."""
    report: Callable[[float, float], None] = lambda done, total: None
    """Takes progress: done and total, in the stage's unit."""
    pulse: Callable[[], None] = lambda: None
    """Tells whoever waits that the work goes on where there is no progress to report."""
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    """Seconds that the stages before took."""
    capacity: int = 0
    """Pictures that may be held at once, for a stage that is fed with frames."""
    token: str = "0"
    """Text that no other attempt has, for names of files that are being written."""

    @property
    def folder(self) -> Path:
        """The folder to write into."""
        return self.video.work

    def pending(self, artifact: Artifact) -> Path:
        """Return the path under which to write *artifact*; it gets its name when the stage has returned."""
        return self.folder / f".{artifact.file}.{self.token}.part"

    def path(self, artifact: Artifact) -> Path:
        """Return the path of an artifact that an earlier stage, or an earlier run, has made."""
        path = self.folder / artifact.file
        return path if path.is_file() else self.video.folder / artifact.file


class FrameConsumer(Protocol):
    """A stage at work on the pictures of one video, which are pushed into it in order."""

    def push(self, batch: FrameBatch) -> int:
        """Take pictures; return the first frame that is still needed."""
        ...

    def finish(self, lost_packets: int) -> StageResult:
        """Write the artifacts after the last picture; *lost_packets* of the picture could not be decoded."""
        ...


@dataclass(frozen=True, slots=True)
class Pool:
    """Worker processes that share their stages' work."""

    name: str
    devices: str = ""
    """The setting that names the devices, with a process on each; empty: processes without one."""
    count: str = ""
    """The setting that counts the processes, on each device where there are devices; empty: one."""
    actor: str = ""
    """The pool whose worker does this one's work on a cluster; empty: a worker of its own."""
    cpus: str = ""
    """The setting with the cores that its worker takes on a cluster; empty: a fixed share."""
    gpus: str = ""
    """The setting with the share of a GPU that its worker takes on a cluster, where it runs on CUDA."""

    def devices_in(self, config: ResolvedConfig) -> tuple[str, ...]:
        """Return the devices that it runs on."""
        return getattr(config, self.devices) if self.devices else ("cpu",)

    def processes_in(self, config: ResolvedConfig) -> int:
        """Return its processes on each device."""
        return getattr(config, self.count) if self.count else 1


VISION_POOL = Pool("vision", "VISION_DEVICE", "VISION_WORKERS", cpus="RAY_VISION_CPUS", gpus="RAY_VISION_GPUS")
SPEECH_POOL = Pool("speech", "WHISPER_DEVICE", cpus="RAY_SPEECH_CPUS", gpus="RAY_SPEECH_GPUS")
CLIPS_POOL = Pool("clips", count="NUM_MUX_WORKERS")
OUTPUTS_POOL = Pool("outputs", count="NUM_EXTRA_WORKERS", actor="clips")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the pipeline."""

    name: str
    """Its name in events, timings, bars, queues and settings."""
    run: Callable[[Work], StageResult | FrameConsumer]
    """A function of a module. It writes what `makes` names to `Work.pending`, other files whole under their names; of
    these a stage that is fed has none. One that is fed with frames returns their consumer."""
    pool: Pool
    makes: tuple[Artifact, ...] = ()
    needs: tuple[Artifact, ...] = ()
    wants: tuple[Artifact, ...] = ()
    """Artifacts that it is made of, too, where the video has sound, and does without where it has none."""
    feeds: Literal["frames", "sound"] | None = None
    """Pictures or sound, where the decoder hands it either. One that is fed with sound cannot do without; one that is
    fed with pictures must do without where `VideoJob.no_sound` is set."""
    hears: bool = False
    """True where it reads the sound of the source by itself and cannot do without."""
    load: Callable[[ResolvedConfig, Models, str], Any] | None = None
    """Loads its networks on a device, once a process."""
    frames_held: Callable[[ResolvedConfig], int] | None = None
    """Pictures that a consumer of frames must be able to hold at once."""
    roles: tuple[str, ...] = ()
    """Roles of the models that it depends on; its own settings are those marked with its name."""
    optional: bool = False
    """An output: its failure, or its worker's death, leaves a note. It begins when all else but outputs has ended."""
    setting: str = ""
    """The setting that asks for an output; empty: always."""
    is_whole: Callable[[Path, Config], bool] | None = None
    """Tells whether all files of an output lie in a folder; None: its artifacts do."""
    reads_source: bool = True
    """False where it reads artifacts alone, and not the video."""
    unit: Literal["s", "clips"] = "s"
    """The unit of its progress: seconds of video, or clips."""

    @property
    def version(self) -> tuple[int, ...]:
        """The versions of its artifacts; those that never came to another result (0) are left out."""
        return tuple(artifact.version for artifact in self.makes if artifact.version)

    def is_asked(self, config: Config) -> bool:
        """Return True where the settings ask for it."""
        return not self.setting or bool(getattr(config, self.setting))


@dataclass(frozen=True, slots=True)
class Graph:
    """The stages of a pipeline, each after those that it needs.

    Args:
        stages: in order; names and artifacts are unique.
        open_video: probes a video and writes its sound to a file, unless that is None; told the seconds done.
        read_frames: yields the pictures of an opened video at a size (width, height), decoded with a number of threads
            (0: as many as FFmpeg likes); told of packets that could not be decoded. A picture holds until the next.
    """

    stages: tuple[Stage, ...]
    open_video: Callable[[VideoJob, Path | None, ResolvedConfig, Callable[[float], None]], OpenedVideo]
    read_frames: Callable[[OpenedVideo, tuple[int, int], int, Callable[[int], None]], Iterator[np.ndarray]]

    def __post_init__(self) -> None:
        made: set[Artifact] = set()
        names: set[str] = {DECODE}
        for stage in self.stages:
            missing = [artifact.file for artifact in (*stage.needs, *stage.wants) if artifact not in made]
            if missing:
                raise ValueError(f"Graph: {stage.name} needs {', '.join(missing)}, which no stage before it makes")
            if stage.name in names or made & set(stage.makes):
                raise ValueError(f"Graph: expected one stage of the name and the artifacts of {stage.name}")
            needs_output = any(self.maker(artifact).optional for artifact in (*stage.needs, *stage.wants))
            if needs_output and not stage.optional:
                raise ValueError(f"Graph: {stage.name} needs an output, and so must be one")
            names.add(stage.name)
            made.update(stage.makes)
        if not self.required:
            raise ValueError("Graph: expected a stage that is not optional")
        if sum(stage.feeds == "frames" for stage in self.stages) > 1:
            raise ValueError("Graph: expected one consumer of frames: others subscribe inside it")

    def stage(self, name: str) -> Stage:
        """Return the stage *name*."""
        return next(stage for stage in self.stages if stage.name == name)

    def maker(self, artifact: Artifact) -> Stage:
        """Return the stage that makes *artifact*."""
        return next(stage for stage in self.stages if artifact in stage.makes)

    @property
    def required(self) -> tuple[Stage, ...]:
        """The stages that are not optional."""
        return tuple(stage for stage in self.stages if not stage.optional)

    @property
    def outputs(self) -> tuple[Stage, ...]:
        """The optional stages."""
        return tuple(stage for stage in self.stages if stage.optional)

    @property
    def final(self) -> Stage:
        """The last stage that is not optional: its artifact says that a video is done, its summary how."""
        return self.required[-1]

    def asked(self, config: Config) -> tuple[Stage, ...]:
        """Return the stages that the settings ask for."""
        return tuple(stage for stage in self.stages if not stage.optional or stage.is_asked(config))

    def before(self, stage: Stage) -> frozenset[str]:
        """Return the names of the stages that must have ended before *stage* begins."""
        names = {self.maker(artifact).name for artifact in (*stage.needs, *stage.wants)}
        return frozenset(names | {each.name for each in self.required}) if stage.optional else frozenset(names)

    def chain(self, stage: Stage, *, sound: bool = True) -> tuple[Stage, ...]:
        """Return *stage* and all that its results depend on, in the order of the graph; *sound*: of a video that has
        any."""
        found = {stage.name}
        for each in reversed(self.stages):
            if each.name in found:
                found |= {self.maker(artifact).name for artifact in (*each.needs, *(each.wants if sound else ()))}
        return tuple(each for each in self.stages if each.name in found)

    def needs_sound(self, stage: Stage) -> bool:
        """Return True where *stage*, or a stage that its results depend on, cannot do without sound."""
        return any(each.feeds == "sound" or each.hears for each in self.chain(stage, sound=False))

    def takes_sound(self, video: VideoJob, stages: Iterable[Stage]) -> bool:
        """Return True where the sound of *video* must be on disk for one of *stages* that is still to be run."""
        if video.no_sound is not None:
            return False
        return any(stage.feeds for stage in stages if stage.name not in video.kept)


def model_of(models: Models, role: str) -> ModelChoice:
    """Return the model of one role."""
    return next(model for model in models if model.role == role)

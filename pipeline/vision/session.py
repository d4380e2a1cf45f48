"""The vision of one video: its pictures to face tracks, and with its sound to speaker scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.types import AudioTrack, FaceTracks, FrameBatch, ScoredTracks, SpeakerScores
from pipeline.vision.block_scorer import BlockScorer
from pipeline.vision.calibration import probability_of
from pipeline.vision.consumers import CropConsumer
from pipeline.vision.given_faces import GivenFaces
from pipeline.vision.memory import HalvedBatches
from pipeline.vision.persons import Identity
from pipeline.vision.scenes import GivenShots
from pipeline.vision.settings import VisionSettings
from pipeline.vision.stream import TrackStream
from s3fd import FaceDetector
from talknet import SpeakerScorer
from talknet.contrast import wrapped


@dataclass(frozen=True, slots=True)
class VisionModels:
    """The networks of vision, loaded once a worker."""

    detector: FaceDetector | None
    """None where the faces of every video are given."""
    scorer: SpeakerScorer | None
    """None where nobody asks who speaks."""
    scorer_name: str
    """Name of the speaker model, by which its logits are calibrated."""
    identity: Identity | None = None
    """Tells persons apart; None: every track is a person of its own."""
    has_contrast: bool = False
    """True where the speaker model hears whether a face speaks to this sound: the sync contrast is measured."""


class VisionSession:
    """A `TrackStream` with a `BlockScorer` on it, where there is a speaker model and sound.

    Args:
        models: the networks.
        settings: what acts on them.
        audio: the sound of the same video; None where it has none.
        capacity: pictures that may be held at once; at least ``settings.frames_held(1)``.
        on_frames: called with the number of frames done.
        shots: where shots begin, counted from the first picture, if the user has said so; they are looked for
            otherwise.
        faces: the faces, if the user has given them; the detector looks for them otherwise.
        first_frame: grid number of the first picture.
        consumers: others that take the crops in the same pass.
    """

    def __init__(
        self,
        models: VisionModels,
        settings: VisionSettings,
        audio: AudioTrack | None,
        capacity: int,
        on_frames: Callable[[int], None] = lambda _: None,
        shots: GivenShots | None = None,
        faces: GivenFaces | None = None,
        first_frame: int = 0,
        consumers: Sequence[CropConsumer] = (),
    ) -> None:
        self._scorer_name, self._halved = models.scorer_name, HalvedBatches()
        self._scorer: BlockScorer | None = None
        if models.scorer is not None and audio is not None:
            stop = audio.first_sample + max(audio.sample_count, 1)
            around = wrapped(audio.read, audio.first_sample, stop) if models.has_contrast else None
            self._scorer = BlockScorer(models.scorer, audio.read, self._halved, around)
        self._stream = TrackStream(
            models.detector,
            models.identity,
            settings,
            capacity,
            consumers if self._scorer is None else (self._scorer, *consumers),
            on_frames,
            shots,
            faces,
            first_frame,
            self._halved,
        )

    def push(self, batch: FrameBatch) -> int:
        """Take the next pictures.

        Returns:
            The first frame whose picture is still needed: those before it may be overwritten.
        """
        return self._stream.push(batch)

    def finish(self) -> FaceTracks:
        """Return everything found, after the last picture has been pushed.

        Returns:
            `ScoredTracks` where there is a speaker model and sound, the faces alone otherwise.
        """
        faces = self._stream.finish()
        if self._scorer is None:
            return faces
        columns = self._scorer.columns(self._stream.parts)
        probability = probability_of(self._scorer_name, columns["logit"])
        return ScoredTracks.of(faces, SpeakerScores(probability=probability, **columns))

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each model for which the device ran out of memory during this video."""
        return self._halved.notes

"""The stream of pictures from a decoder to the stage that is fed with them, and who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.executors.local import messages as msg
from pipeline.executors.local.pool import WorkerHandle
from pipeline.executors.picture_format import PictureFormat


@dataclass(slots=True)
class FrameFeed:
    """One video's pictures on their way through the ring of a decoder."""

    job: int
    stream: int
    """Its number; no other stream of the run has it."""
    decoder: WorkerHandle
    consumer: WorkerHandle
    form: PictureFormat
    written: int
    """The frame after the last one in the ring."""
    needed: int
    """The first frame that the consumer still needs."""
    unanswered: int = 0
    """Messages that the consumer has been sent and has not answered."""
    has_ended: bool = False
    """The decoder has written the last picture."""

    def pass_on(self, message: msg.Frames | msg.EndOfFrames) -> None:
        """Hand a decoder's message to the consumer."""
        if isinstance(message, msg.Frames):
            self.written = message.first_frame + message.count
        else:
            self.has_ended = True
        self.unanswered += 1
        self.consumer.send(message)

    def release(self, message: msg.FramesReleased) -> None:
        """Hand the consumer's answer to the decoder."""
        self.needed = message.needed
        self.unanswered -= 1
        self.decoder.send(message)

    def awaits(self, worker: WorkerHandle) -> bool:
        """Return True where it is *worker*'s turn to say something.

        The decoder has nothing to say while its ring is full, the consumer while it has no pictures.
        """
        if worker is self.consumer:
            return self.unanswered > 0
        return not self.has_ended and self.written - self.needed < self.form.capacity

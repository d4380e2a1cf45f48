"""The speaker networks as scorers: the published six-fold windows, exactly, for little more than the price of one.

What reads the pictures is nearly all of the work, and is done once for all windows and all shifts of the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.checkpoint import load_weights
from talknet.batches import Batches, keep_freed_memory
from talknet.contrast import CONTRAST_DURATIONS_S, MARGIN_FRAMES, SHIFTS_FRAMES, Evidence, HeardTrack
from talknet.faces import second_faces, trunk_faces
from talknet.features import ROWS_PER_FRAME
from talknet.inputs import Track, extended, usable_frames
from talknet.light_asd import LightAsd, LightAsdRunner
from talknet.lr_asd import LrAsd, LrAsdRunner
from talknet.talknet import TRUNK_REACH, TalkNet, TalkNetRunner, Trunk
from talknet.windows import BLOCK_FRAMES, DURATIONS_S, Window, block_spans, frame_places, sound_places, windows

CPU_BATCHES = {"frames": 128, "seconds": 1, "windows": 600}
"""Frames of the trunk, seconds of the encoder and frames of windows that go through together on a CPU."""

CPU_FINE_FRAMES = 32
"""Frames whose largest maps in the trunk a CPU computes together: as many as stay in its caches."""

CUDA_BATCHES = {"frames": 1500, "seconds": 60, "windows": 10 * BLOCK_FRAMES}
"""The same on a GPU, which wants much at once."""

CPU_BLOCKS_FRAMES = BLOCK_FRAMES
CUDA_BLOCKS_FRAMES = 4 * BLOCK_FRAMES
"""Frames of blocks whose embeddings are held together, at least one block: this bounds the memory."""


class NetworkScorer:
    """``SpeakerScorer`` with a network.

    Args:
        model: ``talknet``, ``lr-asd`` or ``light-asd``.
        weights: the published file or one of the same layout.
        device: where the network runs, such as ``cpu`` or ``cuda:0``.
        dtype: number format of the part that reads pictures, nearly all of the work; the rest is float32. When None,
            float16 on CUDA and float32, which is exact to the published networks, elsewhere.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """

    def __init__(self, model: str, weights: Path, device: str = "cpu", *, dtype: torch.dtype | None = None) -> None:
        self.name = model
        self._device = torch.device(device)
        on_cuda = self._device.type == "cuda"
        self.dtype = dtype or (torch.float16 if on_cuda else torch.float32)
        if not on_cuda:
            keep_freed_memory()
        self._network = load_runner(model, weights).to(self._device)
        faces = self._network.trunk if isinstance(self._network, TalkNetRunner) else self._network.faces
        if isinstance(faces, Trunk) and not on_cuda:
            faces.fine_batch = CPU_FINE_FRAMES
        faces.to(self.dtype).dtype = self.dtype
        self._batches = Batches(**(CUDA_BATCHES if on_cuda else CPU_BATCHES))
        self._together = CUDA_BLOCKS_FRAMES if on_cuda else CPU_BLOCKS_FRAMES

    @property
    def memory_reductions(self) -> int:
        """Times that the device ran out of memory since loading, and a batch was halved."""
        return self._batches.reductions

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """See ``SpeakerScorer.score``."""
        return self.score_tracks([(crops, mfcc)])[0]

    @torch.inference_mode()
    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        """See ``SpeakerScorer.score_tracks``; memory grows with the tracks given, not with the work on them."""
        scored = [np.empty(usable_frames(*track)) for track in tracks]
        with self._exact_float32():
            for group in self._groups([len(logits) for logits in scored]):
                crops, mfcc = self._inputs(tracks, group, 0)
                faces, sound = self._faces(crops), self._sound(mfcc)
                blocks = self._mean_logits([len(block) for block in crops], faces, sound)
                for (track, start, stop), logits in zip(group, blocks, strict=True):
                    scored[track][start:stop] = logits
        return [extended(logits, len(crops)) for logits, (crops, _) in zip(scored, tracks, strict=True)]

    @torch.inference_mode()
    def evidence(self, tracks: Sequence[HeardTrack]) -> list[Evidence]:
        """See ``ContrastScorer.evidence``."""
        for heard in tracks:
            usable_frames(*heard.track)
        pairs = [(heard.crops, heard.mfcc) for heard in tracks]
        found = [np.empty((2, len(heard.crops)), np.float32) for heard in tracks]
        with self._exact_float32():
            for group in self._groups([len(heard.crops) for heard in tracks]):
                crops, mfcc = self._inputs(pairs, group, MARGIN_FRAMES)
                faces, sound, lengths = self._faces(crops), self._sound(mfcc), [len(block) for block in crops]
                logits = self._mean_logits(lengths, faces, sound, margin=MARGIN_FRAMES)
                contrasts = self._contrasts(lengths, faces, sound)
                for (track, start, stop), *rows in zip(group, logits, contrasts, strict=True):
                    found[track][:, start:stop] = rows
        return [Evidence(logit, logit, contrast) for logit, contrast in found]

    def _exact_float32(self) -> AbstractContextManager[None]:
        """Keep cuDNN from computing in fewer bits than float32 has, which it does unless told."""
        if self._device.type != "cuda":
            return nullcontext()
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)

    def _inputs(
        self, tracks: Sequence[Track], group: Sequence[tuple[int, int, int]], margin: int
    ) -> tuple[list[Tensor], list[np.ndarray]]:
        """Return the crops of some blocks on the device, and their MFCC with those of *margin* frames on each side."""
        crops = [np.ascontiguousarray(tracks[track][0][start:stop]) for track, start, stop in group]
        rows = [slice(ROWS_PER_FRAME * start, ROWS_PER_FRAME * (stop + 2 * margin)) for _, start, stop in group]
        mfcc = [tracks[track][1][part] for (track, _, _), part in zip(group, rows, strict=True)]
        return [torch.from_numpy(block).to(self._device) for block in crops], mfcc

    def _sound(self, mfcc: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(mfcc).astype(np.float32, copy=False)).to(self._device)

    def _groups(self, track_frames: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
        """Blocks (track, first frame, past-the-last frame) that are scored together."""
        group: list[tuple[int, int, int]] = []
        frames = 0
        for track, count in enumerate(track_frames):
            for start, stop in block_spans(count):
                if group and frames + stop - start > self._together:
                    yield group
                    group, frames = [], 0
                group.append((track, start, stop))
                frames += stop - start
        if group:
            yield group

    def _mean_logits(
        self,
        lengths: Sequence[int],
        faces: Tensor,
        sound: Tensor,
        durations_s: Sequence[int] = DURATIONS_S,
        margin: int = 0,
        shift: int = 0,
    ) -> list[np.ndarray]:
        """Return the (n,) float64 logits of each block, the mean over windows of *durations_s*.

        Args:
            lengths: frames of each block.
            faces: (sum of 2 n, C): both versions of the faces of all blocks.
            sound: (sum of 4 (n + 2 *margin*), 13): the MFCC of all blocks.
            durations_s: lengths of the windows.
            margin: frames of sound on each side of a block.
            shift: frames by which the sound is read later.
        """
        totals = [np.zeros(length) for length in lengths]
        for group in windows(lengths, durations_s):
            heard = torch.from_numpy(sound_places(group, lengths, ROWS_PER_FRAME, margin, shift)).to(self._device)
            score = self._window_scorer(group, lengths, faces, sound, heard)
            for start, stop, logits in self._batches.run("windows", len(group), score, unit=group[0].length):
                for window, row in zip(group[start:stop], logits.double().cpu().numpy(), strict=True):
                    totals[window.block][window.start : window.start + window.length] += window.weight * row
        return [total / len(durations_s) for total in totals]

    def _contrasts(self, lengths: Sequence[int], faces: Tensor, sound: Tensor) -> list[np.ndarray]:
        """Return the (n,) float64 sync contrast of each block; see `talknet.contrast`."""
        own, *others = (
            self._mean_logits(lengths, faces, sound, CONTRAST_DURATIONS_S, MARGIN_FRAMES, shift)
            for shift in (0, *SHIFTS_FRAMES)
        )
        return [mine - np.mean(elsewhere, axis=0) for mine, *elsewhere in zip(own, *others, strict=True)]

    def _faces(self, blocks: Sequence[Tensor]) -> Tensor:
        if isinstance(self._network, TalkNetRunner):
            return trunk_faces(self._network.trunk, blocks, self._batches)
        return second_faces(self._network.faces, blocks, self._batches)

    def _window_scorer(
        self, group: Sequence[Window], lengths: Sequence[int], faces: Tensor, sound: Tensor, heard: Tensor
    ) -> Callable[[int, int], Tensor]:
        reach = TRUNK_REACH if isinstance(self._network, TalkNetRunner) else self._network.faces.reach
        seen = torch.from_numpy(frame_places(group, lengths, reach)).to(self._device)
        return lambda start, stop: self._network(sound[heard[start:stop]], faces[seen[start:stop]])


Runner = TalkNetRunner | LrAsdRunner | LightAsdRunner


def load_runner(model: str, weights: Path) -> Runner:
    """A network with the weights of a published file, on the CPU, ready to run in float32.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
        ValueError: the model is none of ``talknet``, ``lr-asd`` and ``light-asd``.
    """
    if model == "talknet":
        return _ready(TalkNet(), TalkNetRunner, weights)
    if model == "lr-asd":
        return _ready(LrAsd(), LrAsdRunner, weights)
    if model == "light-asd":
        return _ready(LightAsd(), LightAsdRunner, weights)
    raise ValueError(f"load_runner: expected talknet, lr-asd or light-asd, got {model!r}")


def _ready(published: nn.Module, runner: Callable[..., Runner], weights: Path) -> Runner:
    load_weights(published, weights)
    return runner(published.eval()).eval().requires_grad_(False)

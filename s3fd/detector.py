"""S3FD as a face detector: batches in, boxes out, in the number format that the device is fastest in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from pipeline.checkpoint import load_weights
from s3fd.boxes import face_scores, faces, priors
from s3fd.common import DEFAULT_THRESHOLD, as_detections, check_frames
from s3fd.network import MEAN_RGB, S3fdNetwork

CPU_BATCH_FRAMES = 8
CUDA_BATCH_FRAMES = 32
"""Most frames that enter the network together: over how many a CPU reads the weights once, and what keeps a GPU busy;
fewer after the device has run out of memory."""

CPU_FINE_FRAMES = 2
"""Frames whose largest maps a CPU computes together: as many as stay in its caches."""

CPU_BATCH_PX = CPU_BATCH_FRAMES * 320 * 180
"""Pixels, as the network reads them, up to which more than `CPU_FINE_FRAMES` frames enter it together: weights count
for little beside larger pictures, and memory for much."""

MIN_SIDE_PX = 28
"""Shortest side that survives five halvings; smaller pictures are enlarged to it, whatever the scale."""


class S3fdDetector:
    """``FaceDetector`` with S3FD.

    Args:
        weights: ``sfd_face.pth`` or a file of the same layout.
        device: where the network runs, such as ``cpu`` or ``cuda:0``.
        dtype: number format of the network; ``fastest_dtype`` of the device when None.
        compiled: run the network through ``torch.compile``, which begins anew for each picture size.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """

    name = "s3fd"

    def __init__(
        self, weights: Path, device: str = "cpu", *, dtype: torch.dtype | None = None, compiled: bool = False
    ) -> None:
        self._device = torch.device(device)
        self.dtype = fastest_dtype(self._device) if dtype is None else dtype
        network = S3fdNetwork()
        load_weights(network, weights)
        network = network.eval().to(self._device).in_format(self.dtype, deep_dtype(self.dtype))
        self._network = torch.compile(network) if compiled else network
        self._batch = CUDA_BATCH_FRAMES if self._device.type == "cuda" else CPU_BATCH_FRAMES
        self.memory_reductions = 0
        """Times that the device ran out of memory, and the batch was halved."""

    @torch.inference_mode()
    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        """See ``FaceDetector.detect``; a scale of 0.25 is that of the published demos."""
        check_frames(frames, scale)
        lowest = DEFAULT_THRESHOLD["s3fd"] if threshold is None else threshold
        scale = max(scale, MIN_SIDE_PX / min(frames.shape[1:3]))
        most = self._most_together(frames.shape[1] * frames.shape[2] * scale**2)
        answers: list[np.ndarray] = []
        while len(answers) < len(frames):
            pictures = frames[len(answers) : len(answers) + min(self._batch, most)]
            try:
                answers += self._faces(pictures, scale, lowest)
                continue
            except torch.OutOfMemoryError:
                if self._batch == 1:
                    raise
            # Outside of the handler, which would keep the tensors of the failed call alive.
            self._batch = max(1, min(self._batch, len(pictures)) // 2)
            self.memory_reductions += 1
            torch.cuda.empty_cache()
        return answers

    def _most_together(self, picture_px: float) -> int:
        """Frames that may enter the network together, if memory allows."""
        if self._device.type == "cuda":
            return CUDA_BATCH_FRAMES
        return max(CPU_FINE_FRAMES, int(CPU_BATCH_PX / picture_px))

    @torch.inference_mode()
    def outputs(self, frames: np.ndarray, scale: float) -> tuple[Tensor, Tensor]:
        """Return the network's own (B, P, 4) offsets and (B, P, 2) logits, float32, for a batch that fits."""
        offsets, logits, _ = self._run(self._pixels(frames, scale))
        return offsets, logits

    def _run(self, pixels: Tensor) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        if self._device.type != "cuda":
            return self._network(pixels, CPU_FINE_FRAMES)
        # Unless told, cuDNN computes float32 in fewer bits than it has.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self._network(pixels)

    def _faces(self, frames: np.ndarray, scale: float, threshold: float) -> list[np.ndarray]:
        pixels = self._pixels(frames, scale)
        offsets, logits, map_sizes = self._run(pixels)
        prior = priors(pixels.shape[2], pixels.shape[3], tuple(map_sizes), self._device)
        picture_px = frames.shape[2], frames.shape[1]
        return [
            as_detections(boxes.cpu().numpy(), scores.cpu().numpy(), threshold)
            for boxes, scores in faces(offsets, face_scores(logits), prior, picture_px, threshold)
        ]

    def _pixels(self, frames: np.ndarray, scale: float) -> Tensor:
        """(B, 3, H, W) in the format of the network, channels last: resized as published, RGB, less the mean."""
        resized = [cv2.resize(frame, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) for frame in frames]
        pixels = torch.from_numpy(np.stack(resized)).to(self._device).flip(3)
        mean = torch.tensor(MEAN_RGB, dtype=self.dtype, device=self._device)
        return (pixels.to(self.dtype) - mean).permute(0, 3, 1, 2)


def fastest_dtype(device: torch.device) -> torch.dtype:
    """The number format that a device is fastest in: float16 on CUDA, bfloat16 on CPUs that know it, or float32."""
    if device.type == "cuda":
        return torch.float16
    abilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else torch.float32


def deep_dtype(dtype: torch.dtype) -> torch.dtype:
    """The format of the network's deep layers: float32 beside bfloat16, whose 8 bits are too few for all 17 layers."""
    return torch.float32 if dtype == torch.bfloat16 else dtype

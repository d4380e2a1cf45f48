"""A vector for every face of every frame, as system 1's tracks have it: Inception-ResNet-v1, trained on VGGFace2.

Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering" (CVPR 2015); architecture and
published weights are those of the package facenet-pytorch (github.com/timesler/facenet-pytorch), which this calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from pipeline.checkpoint import check_layout, read_checkpoint
from pipeline.errors import InputError
from pipeline.media.decode import read_frames
from pipeline.types import Probe, ScoredTracks

INPUT_PX = 160
"""Side of the square that the network reads."""

EMBEDDING_SIZE = 512

MIDDLE, SPREAD = 127.5, 128.0
"""Taken from, and divided into, pixels in 0..255: ``fixed_image_standardization`` of facenet-pytorch."""

BATCH = 64
"""Faces at once."""

CLASSIFIER = ("logits.weight", "logits.bias")
"""Of the published file, for the people it was trained on: not part of an embedding."""

COUNTER = ".num_batches_tracked"
"""Of batch normalisation while it is trained: files of older versions of PyTorch lack it."""


class FaceNet:
    """The network with its weights.

    Args:
        weights: the published ``20180402-114759-vggface2.pt``.
        device: where it runs, such as ``cuda:0``.

    Raises:
        WeightsError: the file is missing, damaged or of another network.
    """

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

        network = InceptionResnetV1(pretrained=None, classify=False)
        found = {name: value for name, value in read_checkpoint(weights).items() if name not in CLASSIFIER}
        plain = [
            {k: v for k, v in tensors.items() if not k.endswith(COUNTER)} for tensors in (found, network.state_dict())
        ]
        check_layout(plain[0], plain[1], weights)
        network.load_state_dict(plain[0], strict=False)
        self._network, self._device = network.eval().to(device), device

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return (n, 512) float32 of unit length for (n, 160, 160, 3) uint8 **BGR** faces; the network sees them as
        RGB."""
        import torch

        rgb = np.ascontiguousarray(faces[..., ::-1].transpose(0, 3, 1, 2))
        with torch.inference_mode():
            pixels = (torch.from_numpy(rgb).to(self._device).float() - MIDDLE) / SPREAD
            return self._network(pixels).float().cpu().numpy()


def face_input(picture: np.ndarray, box_px: np.ndarray) -> np.ndarray:
    """Return the content of a box, cut at the edge of the picture and brought to the network's size.

    Args:
        picture: (H, W, 3) uint8.
        box_px: (4,) x1, y1, x2, y2 in its pixels.

    Returns:
        (160, 160, 3) uint8.
    """
    height, width = picture.shape[:2]
    x1, y1 = (int(np.clip(edge, 0, size - 1)) for edge, size in zip(box_px[:2], (width, height), strict=True))
    x2, y2 = max(int(min(box_px[2], width)), x1 + 1), max(int(min(box_px[3], height)), y1 + 1)
    return np.asarray(cv2.resize(np.ascontiguousarray(picture[y1:y2, x1:x2]), (INPUT_PX, INPUT_PX)))


def embed_tracks(
    probe: Probe,
    tracks: ScoredTracks,
    network: FaceNet,
    *,
    on_frames: Callable[[int], None] = lambda _: None,
    threads: int = 1,
) -> tuple[np.ndarray, ...]:
    """Return the embeddings of every face of a video, in one pass over its pictures.

    Args:
        probe: the source.
        tracks: its faces.
        network: the loaded network.
        on_frames: called with the number of frames done.
        threads: that decode.

    Returns:
        For each track in ascending order of its number, (n, 512) float32 of its n frames: 2 kB to a face and frame.

    Raises:
        InputError: the source cannot be read any more, or ends before its tracks do.
    """
    vectors = np.zeros((len(tracks.frame), EMBEDDING_SIZE), np.float32)
    rows: list[int] = []
    faces: list[np.ndarray] = []
    for row, face in _faces(probe, tracks, threads, on_frames):
        rows.append(row)
        faces.append(face)
        if len(rows) == BATCH:
            vectors[rows] = network.embed(np.stack(faces))
            rows, faces = [], []
    if rows:
        vectors[rows] = network.embed(np.stack(faces))
    return tuple(vectors[tracks.rows(track)] for track in tracks.track_ids.tolist())


def _faces(
    probe: Probe, tracks: ScoredTracks, threads: int, on_frames: Callable[[int], None]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the row of the table and the `face_input` of every face, frame by frame."""
    order = np.argsort(tracks.frame, kind="stable")
    bounds = np.searchsorted(tracks.frame[order], np.arange(tracks.frame_count + 1))
    first = seen = tracks.first_frame
    for seen, picture in enumerate(read_frames(probe, first, tracks.frame_count, threads=threads), first + 1):
        for row in order[bounds[seen - 1] : bounds[seen]].tolist():
            yield row, face_input(picture, tracks.box_px[row])
        on_frames(seen - first)
    if bounds[seen] < len(order):
        message = f"the picture ends after {seen} frames, before the last of its faces"
        raise InputError("outside_picture", message, probe.path)

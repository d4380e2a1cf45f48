"""Face embeddings: facenet-pytorch's own network and numbers, with weights that are made up."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import InputError, WeightsError
from pipeline.media.probe import probe
from pipeline.types import ScoredTracks
from pipeline.vision.facenet import FaceNet, embed_tracks, face_input
from tests.support.film import Film

F = Fraction


@pytest.fixture(scope="module")
def original() -> torch.nn.Module:
    """The network of facenet-pytorch with a classifier, as it was published, and random numbers."""
    from facenet_pytorch import InceptionResnetV1

    torch.manual_seed(3)
    return InceptionResnetV1(pretrained=None, classify=True, num_classes=5).eval()


@pytest.fixture(scope="module")
def weights(original: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "facenet.pt"
    torch.save(original.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def network(weights: Path) -> FaceNet:
    return FaceNet(weights)


def _faces(count: int) -> np.ndarray:
    coarse = np.random.default_rng(1).integers(0, 256, (count, 8, 8, 3), np.uint8)
    return np.repeat(np.repeat(coarse, 20, axis=1), 20, axis=2)


def _original_embedding(original: torch.nn.Module, rgb: np.ndarray) -> np.ndarray:
    from facenet_pytorch import fixed_image_standardization

    original.classify = False  # type: ignore[assignment]
    with torch.inference_mode():
        return original(fixed_image_standardization(torch.from_numpy(rgb).permute(0, 3, 1, 2).float())).numpy()


@pytest.mark.slow
def test_embeddings_are_those_of_the_package_on_rgb(original: torch.nn.Module, network: FaceNet) -> None:
    bgr = _faces(2) // 4
    bgr[..., 0] += 190
    found = network.embed(bgr)
    assert (found.shape, found.dtype) == ((2, 512), np.float32)
    right, wrong = _original_embedding(original, bgr[..., ::-1].copy()), _original_embedding(original, bgr)
    np.testing.assert_allclose(found, right, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.abs(found - wrong).max() > 1e-3, "the test cannot tell RGB from BGR"


@pytest.mark.slow
def test_weights_without_counters_are_the_same(weights: Path, network: FaceNet, tmp_path: Path) -> None:
    tensors = torch.load(weights, weights_only=True)
    torch.save({k: v for k, v in tensors.items() if "num_batches" not in k}, tmp_path / "old.pt")
    np.testing.assert_array_equal(FaceNet(tmp_path / "old.pt").embed(_faces(1)), network.embed(_faces(1)))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt.*lacks"):
        FaceNet(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("box", "value"),
    [((0, 0, 10, 10), 10), ((-5, -5, 10, 10), 10), ((10, 0, 20, 10), 20), ((15, 3, 99, 9), 20), ((50, 50, 60, 60), 20)],
)
def test_a_face_is_cut_at_the_edge_of_the_picture(box: tuple[int, ...], value: int) -> None:
    picture = np.full((16, 20, 3), 10, np.uint8)
    picture[:, 10:] = 20
    face = face_input(picture, np.array(box, np.float32))
    assert face.shape == (160, 160, 3)
    assert np.unique(face).tolist() == [value]


class _Means:
    """Stands for the network: the mean of a face in every place of its embedding."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, faces: np.ndarray) -> np.ndarray:
        self.batches.append(len(faces))
        return np.repeat(faces.mean((1, 2, 3), np.float32)[:, None], 512, axis=1)


def _tracks(count: int) -> ScoredTracks:
    """Tracks 2 and 5: the left and the right half of the picture from frame 10 on."""
    frames = np.arange(10, count, dtype=np.int32)
    boxes = np.repeat(np.array([[0, 0, 32, 48], [32, 0, 64, 48]], np.float32), len(frames), axis=0)
    zeros = np.zeros(2 * len(frames), np.float32)
    track = np.repeat(np.array([2, 5], np.int32), len(frames))
    return ScoredTracks(count, np.array([0], np.int32), track, np.tile(frames, 2), boxes, zeros, zeros)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Left half white on even frames, right half on odd ones."""
    pictures = [np.zeros((48, 64, 3), np.uint8) for _ in range(60)]
    for number, picture in enumerate(pictures):
        picture[:, 32 * (number % 2) : 32 + 32 * (number % 2)] = 255
    return Film(tmp_path).make("v.mp4", [F(k, 25) for k in range(60)], pictures=pictures)


def test_every_face_of_every_frame_has_its_own(film: Path) -> None:
    means, told = _Means(), []
    left, right = embed_tracks(probe(film), _tracks(60), means, on_frames=told.append)  # type: ignore[arg-type]
    assert left.shape == right.shape == (50, 512)
    assert (left[:, 0] > 127).tolist() == [frame % 2 == 0 for frame in range(10, 60)]
    assert (right[:, 0] > 127).tolist() == [frame % 2 == 1 for frame in range(10, 60)]
    assert (means.batches, told[-1]) == ([64, 36], 60)


def test_a_video_that_has_become_shorter_is_refused(film: Path) -> None:
    with pytest.raises(InputError, match="ends after 60 frames"):
        embed_tracks(probe(film), _tracks(70), _Means())  # type: ignore[arg-type]


def test_a_video_without_faces(film: Path) -> None:
    none = dataclasses.replace(_tracks(10), person=np.zeros(0, np.int32))
    assert embed_tracks(probe(film), none, _Means()) == ()  # type: ignore[arg-type]

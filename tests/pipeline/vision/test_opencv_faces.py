"""SFace and AuraFace read faces as their publishers have them read, on small networks of the same interface."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import WeightsError
from pipeline.vision.embedding import FaceEmbedder, load_embedder
from pipeline.vision.face_alignment import INPUT_PX, PLACES_PX, aligned
from pipeline.vision.likeness import unit
from pipeline.vision.opencv_faces import AuraFace, SFace
from pipeline.vision.samples import FaceView
from s3fd.landmarks import YuNetLandmarks
from tests.support.small_onnx import pooled, pooling_network

Network = type[SFace] | type[AuraFace]

BOTH = pytest.mark.parametrize(("network", "size"), [(SFace, 128), (AuraFace, 512)])


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, INPUT_PX, INPUT_PX, 3), np.uint8)


def test_sface_reads_red_green_and_blue_as_they_are(tmp_path: Path):
    weights = pooling_network(tmp_path / "m.onnx", 128, first=1)
    expected = [pooled(face[..., ::-1], weights) for face in faces(3)]
    np.testing.assert_allclose(SFace(tmp_path / "m.onnx").embed(faces(3)), expected, rtol=1e-4, atol=0.05)


@pytest.mark.parametrize("first", [1, "None"])
def test_auraface_reads_red_green_and_blue_from_minus_one_to_one(tmp_path: Path, first: int | str):
    weights = pooling_network(tmp_path / "m.onnx", 512, first, name="input.1")
    expected = [pooled(face[..., ::-1] / 127.5 - 1, weights) for face in faces(3)]
    np.testing.assert_allclose(AuraFace(tmp_path / "m.onnx").embed(faces(3)), expected, rtol=1e-4, atol=1e-3)


@BOTH
def test_the_points_of_the_face_come_to_their_places(tmp_path: Path, network: Network, size: int):
    pooling_network(tmp_path / "m.onnx", size, first=1)
    points = np.array(PLACES_PX) * 1.5 + [40, 20]
    picture = np.zeros((300, 300, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
    face = network(tmp_path / "m.onnx").align(picture, points)
    assert face.shape == (INPUT_PX, INPUT_PX, 3) and face.dtype == np.uint8
    assert all(face[round(y), round(x), 0] > 200 for x, y in PLACES_PX)
    assert face.astype(int) == pytest.approx(aligned(picture, points).astype(int), abs=25)


def test_sface_is_aligned_read_and_compared_as_opencv_does_it(tmp_path: Path, shared: Path, talking_heads):
    path, yunet = tmp_path / "m.onnx", shared / "weights" / "yunet_n_dynamic.onnx"
    pooling_network(path, 128, first=1)
    recogniser, detector = (
        cv2.FaceRecognizerSF.create(str(path), ""),
        cv2.FaceDetectorYN.create(str(yunet), "", (224,) * 2),
    )
    views = [views[0] for views in talking_heads.values()]
    rows = [np.asarray(detector.detect(view.picture)[1]) for view in views]
    features = [
        recogniser.feature(recogniser.alignCrop(view.picture, row[:1])) for view, row in zip(views, rows, strict=True)
    ]
    found = SFace(path)
    own = [
        found.embed(found.align(view.picture, row[0, 4:14].reshape(5, 2))[None])[0]
        for view, row in zip(views, rows, strict=True)
    ]
    np.testing.assert_array_equal(own, np.concatenate(features))
    cosine = recogniser.match(features[0], features[1], cv2.FaceRecognizerSF_FR_COSINE)
    assert unit(own[0]) @ unit(own[1]) == pytest.approx(cosine, abs=1e-5)


@BOTH
def test_limits_are_in_proportion_to_the_cosine_of_one_person(network: Network, size: int):
    same = {SFace: 0.363, AuraFace: 0.52}[network]
    assert network.limits.same_person == same
    # Of MobileFaceNet: 0.45 and 0.25.
    assert network.limits.most_across == pytest.approx(same * 0.25 / 0.45)


@pytest.mark.parametrize(("name", "network", "size"), [("sface", SFace, 128), ("auraface", AuraFace, 512)])
def test_each_is_loaded_by_its_name_with_yunet_to_find_landmarks(
    tmp_path: Path, shared: Path, talking_heads: dict[str, list[FaceView]], name: str, network: Network, size: int
):
    pooling_network(tmp_path / "m.onnx", size, first=1)
    embedder = load_embedder(name, tmp_path / "m.onnx", shared / "weights" / "yunet_n_dynamic.onnx", "cpu")
    assert isinstance(embedder.network, network) and isinstance(embedder.landmarks, YuNetLandmarks)
    assert embedder.limits == network.limits and embedder.memory_reductions == 0
    vectors = _vectors(embedder, talking_heads["retalking_face2"])
    assert vectors.shape == (2, size) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])


def _vectors(embedder: FaceEmbedder, views: list[FaceView]) -> np.ndarray:
    return np.stack([vector for vector in embedder.embed(views) if vector is not None])


@BOTH
@pytest.mark.parametrize(("content", "message"), [(None, "no such weights file"), (b"x", "not a network")])
def test_weights_that_cannot_be_used(tmp_path: Path, network: Network, size: int, content: bytes | None, message: str):
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        network(path)


@BOTH
def test_a_network_that_gives_another_number_of_numbers_is_refused(tmp_path: Path, network: Network, size: int):
    pooling_network(tmp_path / "m.onnx", size + 1, first=1)
    with pytest.raises(WeightsError, match=f"gives {size + 1} numbers for a face, expected {size}"):
        network(tmp_path / "m.onnx")


@BOTH
def test_a_network_that_reads_no_faces_is_refused(shared: Path, network: Network, size: int):
    with pytest.raises(WeightsError, match="yunet_n_dynamic"):
        network(shared / "weights" / "yunet_n_dynamic.onnx")

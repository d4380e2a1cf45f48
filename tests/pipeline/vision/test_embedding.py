"""Faces are aligned to the published places, and the same person gets nearly the same vector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import WeightsError
from pipeline.vision.embedding import INPUT_PX, PLACES_PX, FaceEmbedder, aligned, similarity, unit
from pipeline.vision.samples import FaceView, view_of
from s3fd import load_detector
from s3fd.landmarks import YuNetLandmarks

PLACES = np.array(PLACES_PX)


@given(st.floats(0.05, 20), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500))
def test_a_turn_scaling_and_shift_is_found_exactly(scale, angle, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(PLACES, PLACES @ turn.T + [x, y])
    assert found == pytest.approx(np.column_stack([turn, [x, y]]), abs=1e-6 * max(scale, 1) * 1000)


def test_points_that_do_not_fit_are_met_as_nearly_as_can_be():
    noisy = PLACES + np.random.default_rng(0).normal(size=PLACES.shape) * 3
    found = similarity(noisy, PLACES)

    def error(matrix: np.ndarray) -> float:
        return float(((noisy @ matrix[:, :2].T + matrix[:, 2] - PLACES) ** 2).sum())

    nudges = [[[s, -t, x], [t, s, y]] for s, t, x, y in 1e-3 * np.vstack([np.eye(4), -np.eye(4)])]
    assert all(error(found) < error(found + nudge) for nudge in nudges)


def test_the_points_of_the_face_come_to_their_places():
    points = PLACES * 1.5 + [40, 20]
    picture = np.zeros((300, 300, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
    face = aligned(picture, points)
    assert face.shape == (INPUT_PX, INPUT_PX, 3)
    assert all(face[round(y), round(x), 0] > 200 for x, y in PLACES)


def test_unit_length():
    assert unit(np.array([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
    assert unit(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def embedder(shared: Path) -> FaceEmbedder:
    weights = shared / "weights"
    return FaceEmbedder(weights / "mobilefacenet.onnx", YuNetLandmarks(weights / "yunet_n_dynamic.onnx"))


@pytest.fixture(scope="module")
def views(shared: Path) -> dict[str, list[FaceView]]:
    """Two views, two seconds apart, of each of three talking heads."""
    detector = load_detector("yunet", shared / "weights" / "yunet_n_dynamic.onnx")
    out = {}
    for name in ("retalking_face2", "retalking_face3", "retalking_face5"):
        capture = cv2.VideoCapture(str(shared / "videos" / f"{name}.mp4"))
        frames = [capture.read()[1] for _ in range(51)]
        capture.release()
        out[name] = [view_of(frame, detector.detect(frame[None], scale=0.5)[0][0, :4]) for frame in frames[::50]]
    return out


def test_the_same_person_is_alike_and_others_are_not(embedder, views):
    vectors = {name: [embedder.embed([view]) for view in both] for name, both in views.items()}
    for name, (first, second) in vectors.items():
        assert first.shape == (128,) and first.dtype == np.float32
        assert np.linalg.norm(first) == pytest.approx(1)
        assert first @ second > 0.8
        assert all(first @ other[1] < 0.3 for strange, other in vectors.items() if strange != name)


def test_views_are_averaged_and_those_without_a_face_left_out(embedder, views):
    first, second = views["retalking_face2"]
    empty = FaceView(np.full_like(first.picture, 110), first.box_px)
    mean = unit(embedder.embed([first]) + embedder.embed([second]))
    assert embedder.embed([first, empty, second]) == pytest.approx(mean, abs=1e-5)
    assert embedder.embed([empty]) is None
    assert embedder.embed([]) is None


def test_the_network_reads_red_green_and_blue_less_their_means(embedder, monkeypatch):
    class Network:
        def setInput(self, blob: np.ndarray) -> None:  # noqa: N802
            self.blob = blob

        def forward(self) -> np.ndarray:
            return np.ones((1, 128), np.float32)

    network = Network()
    monkeypatch.setattr(embedder, "_network", network)
    embedder.embed_aligned(np.tile(np.array([0, 51, 255], np.uint8), (INPUT_PX, INPUT_PX, 1)))
    assert network.blob.shape == (1, 3, INPUT_PX, INPUT_PX) and network.blob.dtype == np.float32
    red, green, blue = (1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225
    assert network.blob[0].reshape(3, -1).std(axis=1).max() < 1e-6
    assert network.blob[0, :, 5, 7] == pytest.approx([red, green, blue], abs=1e-5)


@pytest.mark.parametrize(("content", "message"), [(None, "no such weights file"), (b"x", "not a network")])
def test_weights_that_cannot_be_used(tmp_path, content, message):
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        FaceEmbedder(path, None)  # pyright: ignore[reportArgumentType]

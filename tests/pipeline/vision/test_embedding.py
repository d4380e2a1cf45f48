"""Views of the same person get nearly the same vector, and each view has its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.vision.embedding import FaceEmbedder, load_embedder
from pipeline.vision.samples import FaceView

pytestmark = pytest.mark.slow

Views = dict[str, list[FaceView]]


@pytest.fixture(scope="module")
def embedder(shared: Path) -> FaceEmbedder:
    weights = shared / "weights"
    return load_embedder("mobilefacenet", weights / "mobilefacenet.pt", weights / "yunet_n_dynamic.onnx")


def test_the_same_person_is_alike_and_others_are_not(embedder, talking_heads: Views):
    vectors = {name: embedder.embed(views) for name, views in talking_heads.items()}
    for name, (first, second) in vectors.items():
        assert first is not None and second is not None
        assert first.shape == (128,) and first.dtype == np.float32
        assert np.linalg.norm(first) == pytest.approx(1)
        assert first @ second > 0.8
        assert all(first @ other[1] < 0.3 for strange, other in vectors.items() if strange != name)


def test_each_view_has_its_vector_and_those_without_a_face_none(embedder, talking_heads: Views):
    first, second = talking_heads["retalking_face2"]
    empty = FaceView(np.full_like(first.picture, 110), first.box_px)
    alone = [embedder.embed([view])[0] for view in (first, second)]
    found = embedder.embed([empty, first, empty, second])
    assert [vector is None for vector in found] == [True, False, True, False]
    assert np.stack([found[1], found[3]]) == pytest.approx(np.stack(alone), abs=1e-5)
    assert embedder.embed([empty]) == [None]
    assert embedder.embed([]) == []


def test_a_blurred_face_has_no_vector_and_is_seen_to_be_a_face(embedder, talking_heads: Views):
    for views in talking_heads.values():
        # Out of focus by an eighteenth of the face's width; moved by a quarter of it.
        for picture in (cv2.GaussianBlur(views[0].picture, (0, 0), 6), cv2.blur(views[0].picture, (28, 1))):
            blurred = FaceView(picture, views[0].box_px)
            assert embedder.embed([blurred]) == [None]
            assert embedder.sees_face([blurred])


def test_what_shows_no_face_in_any_view_is_none(embedder, talking_heads: Views):
    face = talking_heads["retalking_face2"][0]
    empty = FaceView(np.full_like(face.picture, 110), face.box_px)
    aside = FaceView(face.picture, np.array([0, 0, 40, 40], np.float32))
    assert not embedder.sees_face([]) and not embedder.sees_face([empty, aside])
    assert embedder.sees_face([empty, face])


def test_the_faces_of_all_views_go_through_the_network_together(embedder, talking_heads: Views, monkeypatch):
    counts = []
    real: Callable[[np.ndarray], np.ndarray] = embedder.network.embed

    def watched(faces: np.ndarray) -> np.ndarray:
        counts.append(len(faces))
        return real(faces)

    monkeypatch.setattr(embedder.network, "embed", watched)
    embedder.embed([view for views in talking_heads.values() for view in views])
    assert counts == [6]


def test_an_unknown_model_is_told(tmp_path):
    with pytest.raises(ValueError, match="'facenet'"):
        load_embedder("facenet", tmp_path / "x.pt", None)

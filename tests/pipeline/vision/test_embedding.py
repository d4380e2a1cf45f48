"""Views of the same person get nearly the same vector, and each view has its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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

"""The benchmark of blurred persons counts each pair of tracks once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.quality.blurred_persons import VIEW_PX, few_pixels, judged, moved, out_of_focus
from pipeline.vision.likeness import MOBILEFACENET, unit
from pipeline.vision.persons import IdentityByFace
from pipeline.vision.samples import FaceView


class Coloured:
    """Knows a face by its level, and takes levels from 200 for one."""

    limits = MOBILEFACENET
    memory_reductions = 0

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        levels = [min(int(view.picture[0, 0, 0]), 200) for view in views]
        return [None if level == 0 else unit(np.eye(201)[level]) for level in levels]

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        return True


@pytest.mark.parametrize(
    ("levels", "joined", "same_joined"), [((10, 20, 30), 0, 3), ((10, 210, 220), 4, 3), ((10, 20, 0), 0, 2)]
)
def test_strangers_and_the_two_tracks_of_a_head_are_counted(levels, joined, same_joined):
    heads = [[FaceView(np.full((4, 4, 3), level, np.uint8), np.zeros(4, np.float32))] * 4 for level in levels]
    found = judged(IdentityByFace(Coloured()), heads)
    assert found == {"strangers": 12, "joined": joined, "same": 3, "same_joined": same_joined}


@pytest.mark.parametrize("blur", [out_of_focus(0.04), few_pixels(12), moved(0.27)])
def test_blur_takes_detail_away_and_leaves_size_and_level(blur):
    picture = np.random.default_rng(0).integers(0, 256, (VIEW_PX, VIEW_PX, 3)).astype(np.uint8)
    blurred = blur(picture)
    assert blurred.shape == picture.shape and blurred.dtype == np.uint8
    assert blurred.std() < picture.std() / 3 and abs(blurred.mean() - picture.mean()) < 3

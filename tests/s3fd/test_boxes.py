from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from s3fd.boxes import best_boxes, decoded, faces, priors

_CPU = torch.device("cpu")
_MAPS = ((22, 40), (11, 20), (5, 10), (2, 5), (1, 3), (1, 2))


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "reference" / "s3fd.npz"))


def test_priors_are_exact(reference: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(priors(90, 160, _MAPS, _CPU).numpy(), reference["priors"])


def test_priors_of_a_size_are_computed_once() -> None:
    assert priors(90, 160, _MAPS, _CPU) is priors(90, 160, _MAPS, _CPU)


def test_the_first_prior_is_centred_on_the_first_cell() -> None:
    # stride 4, side 16: centre at pixel (2, 2) of 160x90
    expected = torch.tensor([2 / 160, 2 / 90, 16 / 160, 16 / 90])
    torch.testing.assert_close(priors(90, 160, _MAPS, _CPU)[0], expected)


def test_the_first_suppression_equals_the_published_one(reference: dict[str, np.ndarray]) -> None:
    prior = torch.from_numpy(reference["priors"])
    boxes = decoded(torch.from_numpy(reference["nms_loc"])[0], prior)
    found, scores = best_boxes(boxes, torch.from_numpy(reference["nms_conf"])[0, :, 1], 0.05)
    expected = torch.from_numpy(reference["nms_detections"])
    torch.testing.assert_close(torch.cat([scores[:, None], found], dim=1), expected, rtol=0, atol=1e-6)


def test_the_final_boxes_equal_the_published_ones(reference: dict[str, np.ndarray]) -> None:
    height, width = reference["image_rgb"].shape[:2]
    offsets, scores = (torch.from_numpy(reference[name]) for name in ("nms_loc", "nms_conf"))
    [(boxes, best)] = faces(offsets, scores[..., 1], torch.from_numpy(reference["priors"]), (width, height), 0.9)
    expected = torch.from_numpy(reference["nms_final_boxes_xyxy_score"])
    torch.testing.assert_close(torch.cat([boxes, best[:, None]], dim=1), expected, rtol=0, atol=1e-3)


def test_no_more_than_750_boxes_leave_suppression() -> None:
    starts = torch.arange(1000.0)[:, None].repeat(1, 2) * 10
    boxes, scores = best_boxes(torch.cat([starts, starts + 5], dim=1), torch.linspace(0.5, 1, 1000), 0.1)
    assert len(boxes) == 750
    assert scores[0] == 1


def test_the_best_5000_candidates_enter_suppression() -> None:
    # The same box 6000 times, then 10 apart with the lowest scores: those come too late to be looked at.
    boxes = torch.cat([torch.tensor([[0.0, 0, 1, 1]]).repeat(6000, 1), torch.tensor([[5.0, 5, 6, 6]]).repeat(10, 1)])
    kept, _ = best_boxes(boxes, torch.linspace(1, 0.5, 6010), 0.1)
    assert len(kept) == 1


def test_nothing_over_the_threshold() -> None:
    [(boxes, scores)] = faces(torch.zeros(1, 1165, 4), torch.zeros(1, 1165), priors(90, 160, _MAPS, _CPU), (9, 9), 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)

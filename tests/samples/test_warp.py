from __future__ import annotations

import numpy as np
import pytest

from samples.warp import Curve, along_columns, smoothstep


def column(*heights: float) -> np.ndarray:
    return np.array(heights, np.float32)[:, None]


def test_smoothstep_rises_from_0_to_1() -> None:
    assert smoothstep(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0, 0, 0.5, 1, 1]


def test_equal_keys_change_nothing() -> None:
    keys = [column(2.0), column(5.0), column(9.0)]
    heights = np.arange(12, dtype=np.float32)[:, None]
    assert along_columns(heights, keys, keys) == pytest.approx(heights, abs=1e-5)


def test_spans_are_stretched_and_the_rest_stays() -> None:
    # Keys 0, 4, 8 in the pose show 0, 2, 8 of the source: 2 px stretched to 4, then 6 px squeezed into 4.
    target, source = [column(0.0), column(4.0), column(8.0)], [column(0.0), column(2.0), column(8.0)]
    heights = column(-1.0, 2.0, 4.0, 6.0, 9.0)
    assert along_columns(heights, target, source)[:, 0].tolist() == pytest.approx([-1, 1, 2, 5, 9])


def test_empty_span_is_passed_over() -> None:
    target, source = [column(0.0), column(3.0), column(3.0), column(6.0)], [column(v) for v in (0.0, 3.0, 4.0, 6.0)]
    assert along_columns(column(2.0, 3.0), target, source)[:, 0].tolist() == pytest.approx([2, 4])


def test_curve_goes_through_its_points_and_is_level_beyond() -> None:
    curve = Curve(((1.0, 5.0), (2.0, 6.0), (4.0, 5.0)), scale=2.0)
    assert (curve.left, curve.right) == (2.0, 8.0)
    assert curve(np.array([0.0, 2.0, 4.0, 8.0, 9.0])) == pytest.approx([10, 10, 12, 10, 10], abs=0.01)

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from benchmarks.speed import tried

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("pair", [tried.relu_inside, tried.winograd])
def test_what_was_tried_computes_the_same(pair: Callable[[], tuple[Callable, Callable]]) -> None:
    with torch.inference_mode():
        ours, other = pair()
        expected, found = ours(), other()
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-4 * float(expected.abs().max())

from __future__ import annotations

import pytest

from pipeline.errors import WeightsError
from s3fd import load_detector


@pytest.mark.parametrize("model", ["s3fd", "yunet"])
def test_a_detector_without_its_weights_is_refused(model: str) -> None:
    with pytest.raises(WeightsError, match=model):
        load_detector(model, None)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="s3fd, yunet, mtcnn"):
        load_detector("haar", None)

from __future__ import annotations

import pytest
from whisper import _ALIGNMENT_HEADS
from whisper.model import ModelDimensions, Whisper

from pipeline.speech.lag import lag_of

SIZES = {"base": (6, 8, 51865), "base.en": (6, 8, 51864), "tiny": (4, 6, 51865), "tiny.en": (4, 6, 51864)}


@pytest.mark.parametrize(("name", "lag_s"), [("base", -0.05), ("tiny.en", 0.11), ("base.en", 0.0), ("tiny", 0.0)])
def test_a_model_is_known_by_its_published_heads(name: str, lag_s: float) -> None:
    layers, heads, vocabulary = SIZES[name]
    model = Whisper(ModelDimensions(80, 50, 6 * heads, heads, 1, vocabulary, 50, 6 * heads, heads, layers))
    model.set_alignment_heads(_ALIGNMENT_HEADS[name])
    assert lag_of(model) == lag_s

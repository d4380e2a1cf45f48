"""Lag of the times that Whisper's attention gives to words: it is another one for each set of alignment heads."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from whisper.model import Whisper

Heads = tuple[tuple[int, int], ...]

LAG_S: Mapping[tuple[int, Heads], float] = MappingProxyType(
    {
        (6, ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))): -0.05,
        (4, ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4))): 0.11,
    }
)
"""Seconds by which words begin late, by the layers of the decoder and its alignment heads: ``base`` and ``tiny.en``.

The median over the words inside the stretches of speech of ``samples/``, all of them synthetic voices. GRID's speaker
is held out: ``benchmarks.words`` prints the median error of the starts there. Of other models it is not known."""


def lag_of(model: Whisper) -> float:
    """Return the lag of a model in seconds, below 0 where its words begin early; 0 where it is not known."""
    heads = sorted((int(layer), int(head)) for layer, head in model.alignment_heads.to_dense().nonzero().tolist())  # type: ignore[operator]
    return LAG_S.get((model.dims.n_text_layer, tuple(heads)), 0.0)

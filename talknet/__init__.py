"""Speaker scorers behind one interface: TalkNet, LR-ASD, Light-ASD, and lip motion as their stand-in."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import WeightsError
from talknet.inputs import SCORERS, SpeakerScorer, Track

__all__ = ["SCORERS", "SpeakerScorer", "Track", "load_scorer"]


def load_scorer(
    model: str, weights: Path | str | None, device: str = "cpu", *, partner: Path | str | None = None
) -> SpeakerScorer:
    """Load a speaker scorer.

    Args:
        model: ``talknet``, ``lr-asd``, ``light-asd`` or ``lip-motion``.
        weights: the file of its weights; None for ``lip-motion``, which has none.
        device: ``cpu``, ``cuda``, ``cuda:1`` …; lip motion runs on the CPU whatever is asked for.
        partner: a second file of the same network, whose weights were trained on AVA alone: both are used together.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
        ValueError: the model is unknown.
    """
    if model not in SCORERS:
        raise ValueError(f"load_scorer: expected one of {', '.join(SCORERS)}, got {model!r}")
    if model == "lip-motion":
        from talknet.lip_motion import LipMotion

        return LipMotion()
    if weights is None:
        raise WeightsError(f"{model} needs a weights file, and none was named (python -m pipeline.weights fetch)")
    from talknet.joint import JointScorer
    from talknet.scorer import NetworkScorer

    scorer = NetworkScorer(model, Path(weights), device)
    return scorer if partner is None else JointScorer(scorer, NetworkScorer(model, Path(partner), device))

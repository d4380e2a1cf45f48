"""Two sets of weights of one network as one scorer: the sum of their logits, and the sync contrast of the second.

Weights that were fine-tuned on TalkSet tell best whether somebody speaks; those that were trained on AVA alone also
hear whether it is this sound that he speaks. Their logits are summed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talknet.contrast import ContrastScorer, Evidence, HeardTrack
from talknet.inputs import Track


class JointScorer:
    """``ContrastScorer`` of two others.

    Args:
        fine_tuned: scorer with the weights that were fine-tuned on TalkSet.
        first: scorer with the weights that were trained on AVA, whose contrast counts.
    """

    def __init__(self, fine_tuned: ContrastScorer, first: ContrastScorer) -> None:
        self.name = fine_tuned.name
        self._fine_tuned, self._first = fine_tuned, first

    @property
    def memory_reductions(self) -> int:
        """Times that the device ran out of memory since loading, and a batch was halved."""
        return self._fine_tuned.memory_reductions + self._first.memory_reductions

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """See ``SpeakerScorer.score``."""
        return self.score_tracks([(crops, mfcc)])[0]

    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        """See ``SpeakerScorer.score_tracks``."""
        pairs = zip(self._fine_tuned.score_tracks(tracks), self._first.score_tracks(tracks), strict=True)
        return [one + other for one, other in pairs]

    def evidence(self, tracks: Sequence[HeardTrack]) -> list[Evidence]:
        """See ``ContrastScorer.evidence``."""
        logits = self._fine_tuned.score_tracks([heard.track for heard in tracks])
        found = self._first.evidence(tracks)
        return [Evidence(own + other.logit, own, other.sync_contrast) for own, other in zip(logits, found, strict=True)]

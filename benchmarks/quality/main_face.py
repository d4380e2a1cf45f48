"""Share of frames on which the main face of a video scores as speaking: ``python -m benchmarks.main_face RESULTS``.

For results of videos in which one person talks to the camera all the time. The main face is the person who is in view
on most frames. Ends with one JSON line.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.common.command_line import parser_of
from pipeline.outputs.tracks import read_tracks
from pipeline.types import ScoredTracks


def main() -> None:
    """Read the ``tracks.npz`` of each video."""
    parser = parser_of(__doc__)
    parser.add_argument("results", type=Path, help="output folder of a run")
    parser.add_argument("videos", nargs="*", help="names of result folders in it; all by default")
    arguments = parser.parse_args()
    names = arguments.videos or sorted(path.parent.name for path in arguments.results.glob("*/tracks.npz"))
    shares = {name: speaking_share(read_tracks(arguments.results / name / "tracks.npz")) for name in names}
    for name, (share, frames) in shares.items():
        print(f"{name}: {share:.1%} of {frames} frames")
    print(json.dumps({"least": min((share for share, _ in shares.values()), default=None), "videos": len(shares)}))


def speaking_share(tracks: ScoredTracks) -> tuple[float, int]:
    """Return the share of the main face's frames with a logit above 0, and the number of those frames."""
    if not len(tracks.track):
        return 0.0, 0
    main_person = int(np.bincount(tracks.person).argmax())
    logits = tracks.logit[tracks.person == main_person]
    return round(float((logits > 0).mean()), 4), len(logits)


if __name__ == "__main__":
    main()

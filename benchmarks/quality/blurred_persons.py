"""Count strangers that are joined, and persons that are known again, where faces are blurred; and hands with a track.

    python -m benchmarks.blurred_persons --footage ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.blurred_persons --footage ../shared/videos --weights-dir ../shared/weights --people chosen

Views of talking heads of the footage, cut out as the product does, are blurred: by a lens out of focus, by few
pixels, and by motion sideways. Each head is two tracks, from the first and the second half of its views.
``strangers`` are pairs of tracks of two people, ``joined`` where one person is made of them; ``same`` are the two
tracks of a head. Each pair is weighed alone. Blur is told as a share of the face's width, few pixels as that width.
``hands`` are tracks of the stretch of a documentary on which only a hand is in view. Limits were chosen with
``--people chosen``. Ends with one JSON line.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import commit
from benchmarks.common.places import YUNET_FILE
from benchmarks.common.vision import tracks_in
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.vision.persons import Identity, PersonPart, load_identity
from pipeline.vision.samples import VIEW_PX, FaceView, SampledTrack, view_of
from pipeline.vision.session import VisionModels
from s3fd import FaceDetector, auto_scale, load_detector

HEADS = (
    "grid/s1_bbaf2n.mpg",
    "kennedy_wav2lip.mp4",
    "latentsync_demo1.mp4",
    "latentsync_demo3.mp4",
    "lightasd_pycrop_00000.avi",
    "liveportrait_d10.mp4",
    "musetalk_yongen_no_audio.mp4",
    "retalking_face1.mp4",
    "retalking_face2.mp4",
    "retalking_face3.mp4",
    "retalking_face4.mp4",
    "retalking_face5.mp4",
    "syncnet_example.avi",
    "talknet_pycrop_00000.avi",
)
PEOPLE = {"chosen": HEADS[::2], "held-out": HEADS[1::2]}

HAND = ("pyscenedetect_issue195_voiceover.mp4", 70)
"""The documentary, and the frame at which its shot of a hand ends."""

VIEWS, STEP_FRAMES = 8, 9
"""Views of each head, and frames from one to the next."""

FACE_PX = VIEW_PX // 2
"""Width of a face in a view."""

Blur = Callable[[np.ndarray], np.ndarray]


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--footage", type=Path, required=True, help="folder with the videos")
    parser.add_argument("--weights-dir", type=Path, required=True, help="folder with YuNet and MobileFaceNet")
    parser.add_argument("--people", choices=PEOPLE, default="held-out", help="talking heads")
    flags = parser.parse_args(argv)
    yunet = flags.weights_dir / YUNET_FILE
    detector = load_detector("yunet", yunet)
    identity = load_identity("mobilefacenet", flags.weights_dir / "mobilefacenet.pt", yunet)
    assert identity is not None
    heads = [views_of(flags.footage / name, detector) for name in PEOPLE[flags.people]]
    cases: dict[str, dict[str, int]] = {}
    for name, blur in BLURS.items():
        cases[name] = judged(identity, [[FaceView(blur(view.picture), view.box_px) for view in head] for head in heads])
        print(name, cases[name], flush=True)
    name, stop = HAND
    pictures = islice(read_frames(probe(flags.footage / name)), stop)
    hands = len(tracks_in(pictures, VisionModels(detector, None, "", identity)).track_ids)
    line: dict[str, Any] = {"benchmark": "blurred_persons", "people": flags.people, **cases, "hands": hands}
    print(json.dumps({**line, "commit": commit()}))
    return 0


def views_of(path: Path, detector: FaceDetector) -> list[FaceView]:
    """Return views of the largest face of a video."""
    views: list[FaceView] = []
    for picture in islice(read_frames(probe(path)), 0, VIEWS * STEP_FRAMES, STEP_FRAMES):
        height, width = picture.shape[:2]
        (found,) = detector.detect(picture[None], scale=auto_scale(detector.name, height, width))
        if len(found):
            views.append(view_of(picture, max(found[:, :4], key=lambda box: float(box[2] - box[0]))))
    return views


def out_of_focus(share: float) -> Blur:
    """Return a blur of a standard deviation that is a *share* of the face's width."""
    return lambda picture: cv2.GaussianBlur(picture, (0, 0), share * FACE_PX)


def few_pixels(width_px: int) -> Blur:
    """Return what shows a face as it is where it is *width_px* wide."""
    side = width_px * VIEW_PX // FACE_PX

    def blur(picture: np.ndarray) -> np.ndarray:
        little = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(little, (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_LINEAR)

    return blur


def moved(share: float) -> Blur:
    """Return a blur of a face that moves sideways by a *share* of its width while a picture is taken."""
    length = round(share * FACE_PX)
    return lambda picture: cv2.filter2D(picture, -1, np.full((1, length), 1 / length, np.float32))


BLURS: dict[str, Blur] = {
    "sharp": lambda picture: picture,
    **{f"focus {share}": out_of_focus(share) for share in (0.02, 0.04, 0.06)},
    **{f"{width} px": few_pixels(width) for width in (24, 16, 12)},
    **{f"motion {share}": moved(share) for share in (0.13, 0.27)},
}


def judged(identity: Identity, heads: Sequence[Sequence[FaceView]]) -> dict[str, int]:
    """Count pairs of tracks, and those that are joined, of two people and of one."""
    tracks: list[SampledTrack] = []
    for views in heads:
        half = len(views) // 2
        for part in (views[:half], views[half:]):
            first = len(tracks) * 1000
            frames = [first + STEP_FRAMES * at for at in range(len(part))]
            tracks.append(SampledTrack(first, first + STEP_FRAMES * len(part), frames, part))
    boxes = np.zeros((1, 4), np.float32)
    parts = [
        PersonPart(key, stretches[0].first_frame, boxes, stretches[0].look)
        for key, stretches in enumerate(identity.stretches(tracks))
    ]
    counts = {"strangers": 0, "joined": 0, "same": 0, "same_joined": 0}
    for one, other in itertools.combinations(parts, 2):
        joined = len(set(identity.persons([one, other]).tolist())) == 1
        kind = ("same", "same_joined") if one.key // 2 == other.key // 2 else ("strangers", "joined")
        counts[kind[0]] += 1
        counts[kind[1]] += joined
    return counts


if __name__ == "__main__":
    sys.exit(main())

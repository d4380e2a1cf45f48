"""Count the persons that are told apart by framing alone, beside MobileFaceNet and every track by itself.

    python -m benchmarks.framing --footage ../shared/videos --samples samples --weights-dir ../shared/weights

Talking heads are shown one after another: each of two people twice by turns (``turns``); one person before and after
another, who is put before the background of the first (``same set``); and one after the other (``once``). ``cuts.mp4``
is a sample. The people
whom the limits of `pipeline.vision.framing` were chosen with, and others, count apart. ``joined`` are the pairs of
tracks of one person that have one number, ``wrong`` those of two people. ``f1`` is B-cubed over frames. Faces are found
by YuNet; MobileFaceNet tells how much a network would find. Ends with one JSON line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice, permutations
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import facts
from benchmarks.common.places import YUNET_FILE
from benchmarks.common.vision import tracks_in
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.vision.persons import Identity, load_identity
from pipeline.vision.session import VisionModels
from s3fd import FaceDetector, load_detector

CHOSEN_WITH = (
    "kennedy_wav2lip.mp4",
    "latentsync_demo1.mp4",
    "lightasd_pycrop_00000.avi",
    "liveportrait_d10.mp4",
    "retalking_face1.mp4",
    "retalking_face3.mp4",
    "syncnet_example.avi",
)
OTHERS = (
    "latentsync_demo3.mp4",
    "musetalk_yongen_no_audio.mp4",
    "retalking_face2.mp4",
    "retalking_face4.mp4",
    "retalking_face5.mp4",
    "talknet_pycrop_00000.avi",
)
STRETCH_FRAMES, LATER_FRAME = 30, 75
"""Frames that a person is in view, and the first frame of the source for the second time in view."""

SIDE_PX = 320

Shown = tuple[str, list[np.ndarray]]
"""Name of a person, and pictures."""


@dataclass(slots=True)
class Count:
    """Result of one way of telling persons."""

    pairs: int = 0
    joined: int = 0
    wrong: int = 0
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], found: np.ndarray, frames: Sequence[int]) -> None:
        """Count the tracks of one video: the person each shows, its number, and its length in frames."""
        for a, b in combinations(range(len(truth)), 2):
            one, joined = truth[a] == truth[b], bool(found[a] == found[b])
            self.pairs += one
            self.joined += one and joined
            self.wrong += joined and not one
        sizes = np.array(frames, float)
        same_truth = np.array([[a == b for b in truth] for a in truth])
        same_found = np.asarray(found)[:, None] == np.asarray(found)
        right = (same_truth & same_found) @ sizes
        for at, count in enumerate(frames):
            self.precision += [right[at] / (same_found @ sizes)[at]] * count
            self.recall += [right[at] / (same_truth @ sizes)[at]] * count

    @property
    def told(self) -> dict[str, float | int]:
        precision, recall = float(np.mean(self.precision)), float(np.mean(self.recall))
        f1 = 2 * precision * recall / (precision + recall)
        return {"pairs": self.pairs, "joined": self.joined, "wrong": self.wrong, "f1": round(f1, 3)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--footage", type=Path, required=True, help="folder with talking heads")
    parser.add_argument("--samples", type=Path, required=True, help="folder with cuts.mp4 and its truth")
    parser.add_argument("--weights-dir", type=Path, required=True, help="folder with YuNet and MobileFaceNet")
    parser.add_argument("--people", type=int, default=0, help="of each of the two groups; 0: all")
    flags = parser.parse_args(argv)
    yunet = flags.weights_dir / YUNET_FILE
    ways = {
        "by-track": None,
        "by-framing": load_identity("by-framing", None, None),
        "mobilefacenet": load_identity("mobilefacenet", flags.weights_dir / "mobilefacenet.pt", yunet),
    }
    detector = load_detector("yunet", yunet)
    counts: dict[str, dict[str, Count]] = {}
    for group, files in (("chosen with", CHOSEN_WITH), ("others", OTHERS)):
        heads = {name: head(flags.footage / name) for name in files[: flags.people or None]}
        for kind, shown in compositions(heads):
            judge(shown, detector, ways, counts.setdefault(f"{kind}, {group}", {way: Count() for way in ways}))
    sample = counts["cuts.mp4"] = {way: Count() for way in ways}
    judge_sample(flags.samples, detector, ways, sample)
    told = {case: {way: count.told for way, count in found.items()} for case, found in counts.items()}
    for case, found in told.items():
        print(case, *(f"{way}: {values}" for way, values in found.items()), sep="\n  ")
    print(json.dumps({"benchmark": "framing", **told, **facts()}))
    return 0


def head(path: Path) -> list[np.ndarray]:
    """Read the first and the second stretch of a talking head as square pictures, (320, 320, 3) uint8 each."""
    frames = islice(read_frames(probe(path)), LATER_FRAME + STRETCH_FRAMES)
    wanted = [picture.copy() for at, picture in enumerate(frames) if at < STRETCH_FRAMES or at >= LATER_FRAME]
    return [_square(picture) for picture in wanted]


def _square(picture: np.ndarray) -> np.ndarray:
    """Cut the upper middle of a picture, where portraits have the face."""
    height, width = picture.shape[:2]
    side = min(height, width)
    left = (width - side) // 2
    return cv2.resize(picture[:side, left : left + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


def compositions(heads: dict[str, list[np.ndarray]]) -> Iterator[tuple[str, list[Shown]]]:
    for (a, first), (b, second) in permutations(heads.items(), 2):
        early, late = slice(STRETCH_FRAMES), slice(STRETCH_FRAMES, None)
        yield "turns", [(a, first[early]), (b, second[early]), (a, first[late]), (b, second[late])]
        changed = [_before(*pictures) for pictures in zip(first[early], second[early], strict=True)]
        yield "same set", [(a, first[early]), (b, changed), (a, first[late])]
        yield "once", [(a, first[early]), (b, second[early])]


def _before(set_px: np.ndarray, person_px: np.ndarray) -> np.ndarray:
    """Paste the middle of *person_px*, where head and shoulders are, into *set_px*."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    cv2.ellipse(mask, (SIDE_PX // 2, SIDE_PX * 9 // 20), (SIDE_PX // 4, SIDE_PX // 3), 0, 0, 360, 1.0, -1)
    cv2.rectangle(mask, (SIDE_PX // 8, SIDE_PX * 3 // 4), (SIDE_PX * 7 // 8, SIDE_PX), 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return (person_px * mask + set_px * (1 - mask)).astype(np.uint8)


def _models(detector: FaceDetector, identity: Identity | None) -> VisionModels:
    return VisionModels(detector, None, "", identity)


class _Looked:
    """Detector that looks at each picture once, however often it is shown."""

    def __init__(self, detector: FaceDetector) -> None:
        self.name, self._detector, self._known = detector.name, detector, dict[bytes, np.ndarray]()
        self.memory_reductions = 0

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        found = []
        for frame in frames:
            key = frame[::16, ::16].tobytes()
            if key not in self._known:
                self._known[key] = self._detector.detect(frame[None], scale=scale, threshold=threshold)[0]
            found.append(self._known[key])
        return found


def judge(
    shown: list[Shown], detector: FaceDetector, ways: dict[str, Identity | None], counts: dict[str, Count]
) -> None:
    pictures = [picture for _, stretch in shown for picture in stretch]
    who = [name for name, stretch in shown for _ in stretch]
    looked = _Looked(detector)
    for way, identity in ways.items():
        found = tracks_in(pictures, _models(looked, identity))
        spans = [found.frame[found.rows(track)] for track in found.track_ids.tolist()]
        truth = [who[int(np.median(frames))] for frames in spans]
        persons = np.array([found.persons[track] for track in found.track_ids.tolist()])
        counts[way].add(truth, persons, [len(frames) for frames in spans])


def judge_sample(
    folder: Path, detector: FaceDetector, ways: dict[str, Identity | None], counts: dict[str, Count]
) -> None:
    boxes = json.loads((folder / "cuts.truth.json").read_text("utf-8"))["boxes"]
    for way, identity in ways.items():
        found = tracks_in(read_frames(probe(folder / "cuts.mp4")), _models(detector, identity))
        rows = [found.rows(track) for track in found.track_ids.tolist()]
        truth = []
        for row in rows:
            middle = len(found.frame[row]) // 2
            frame, (x1, y1, x2, y2) = int(found.frame[row][middle]), found.box_px[row][middle].tolist()
            away = {
                name: abs(x1 + x2 - box[0] - box[2]) + abs(y1 + y2 - box[1] - box[3])
                for name, all_boxes in boxes.items()
                if name != "grid_fps" and (box := all_boxes[frame]) is not None
            }
            truth.append(min(away, key=lambda name: away[name]))
        persons = np.array([int(found.person[row][0]) for row in rows])
        counts[way].add(truth, persons, [len(found.frame[row]) for row in rows])


if __name__ == "__main__":
    sys.exit(main())

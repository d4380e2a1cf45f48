"""What vision should find, told the plain way: everything in memory, one step after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.types import AudioTrack
from pipeline.vision.settings import VisionSettings
from pipeline.vision.shots import ShotFinder
from talknet.features import mfcc_for_frames
from tests.pipeline.vision.synthetic import Scorer, boxes_in


def two_passes(frames: Sequence[np.ndarray], audio: AudioTrack, settings: VisionSettings) -> list[tuple]:
    """The same with everything in memory: (first frame, boxes, logits) of each track, in order."""
    finder = ShotFinder(settings.shot_detector, settings.shot_threshold)
    cuts = sorted(cut for frame, picture in enumerate(frames) for cut in finder.push(frame, picture))
    cuts += finder.finish()
    starts = [0, *cuts, len(frames)] if len(frames) else [0]
    out = []
    for start, stop in itertools.pairwise(starts):
        planned = sorted({*range(start, stop, settings.detect_every), stop - 1})
        looked_at = {frame for a, b in itertools.pairwise(planned) for frame in halved(frames, a, b, settings)}
        looked_at = sorted({*planned, *looked_at})
        for seen in associate({frame: boxes_in(frames[frame]) for frame in looked_at}, settings):
            first, last = min(seen), max(seen)
            path = fill_in(seen)
            sides = (path[:, 2:] - path[:, :2]).mean()
            if last - first + 1 <= settings.min_track or sides <= settings.min_face_px:
                continue
            crops = np.stack(
                [crop(frames[first + i], place, settings) for i, place in enumerate(smooth(path, settings))]
            )
            mfcc = mfcc_for_frames(audio.read, first, len(crops))
            out.append((first, path, Scorer().score(crops, mfcc)))
    return sorted(out, key=lambda track: (track[0], *track[1][0].tolist()))


def halved(frames: Sequence[np.ndarray], a: int, b: int, settings: VisionSettings) -> list[int]:
    """The frames between *a* and *b* that are looked at because the faces there are not on straight lines."""
    if b - a < 2 or straight(boxes_in(frames[a]).tolist(), boxes_in(frames[b]).tolist(), settings.track_iou):
        return []
    middle = (a + b) // 2
    return [*halved(frames, a, middle, settings), middle, *halved(frames, middle, b, settings)]


def straight(before: list, after: list, least_iou: float) -> bool:
    gain = np.array([[overlap(a, b) for b in after] for a in before]).reshape(len(before), len(after))
    gain = np.where(gain > least_iou, gain, 0.0)
    pairs = [(r, c) for r, c in zip(*linear_sum_assignment(-gain), strict=True) if gain[r, c] > 0]
    if not len(pairs) == len(before) == len(after):
        return False
    for r, c in pairs:
        (ax, ay, ar, ab), (bx, by, br, bb) = before[r], after[c]
        side = (ar - ax + ab - ay + br - bx + bb - by) / 4
        moved = max(abs(bx + br - ax - ar), abs(by + bb - ay - ab)) / 2
        grown = max(abs(br - bx - ar + ax), abs(bb - by - ab + ay))
        if max(moved, grown) > 0.25 * side:
            return False
    return True


def associate(found: dict[int, np.ndarray], settings: VisionSettings) -> list[dict[int, np.ndarray]]:
    tracks: list[dict[int, np.ndarray]] = []
    for frame, boxes in found.items():
        alive = [track for track in tracks if frame - max(track) <= settings.max_gap]
        gain = np.array([[overlap(track[max(track)], box) for box in boxes] for track in alive])
        gain = np.where(gain > settings.track_iou, gain, 0.0).reshape(len(alive), len(boxes))
        pairs = {c: r for r, c in zip(*linear_sum_assignment(-gain), strict=True) if gain[r, c] > 0}
        for number, box in enumerate(boxes):
            if number in pairs:
                alive[pairs[number]][frame] = box
            else:
                tracks.append({frame: box})
    return tracks


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    ax, ay, ar, ab, bx, by, br, bb = map(float, (*a, *b))
    shared = max(min(ar, br) - max(ax, bx), 0) * max(min(ab, bb) - max(ay, by), 0)
    return shared / ((ar - ax) * (ab - ay) + (br - bx) * (bb - by) - shared)


def fill_in(seen: dict[int, np.ndarray]) -> np.ndarray:
    """A box for every frame; weighted in float32 as the tracks have it, so that results agree to the bit."""
    path = []
    known = sorted(seen)
    for before, after in itertools.pairwise(known):
        for at in range(before, after):
            path.append(seen[before] + (seen[after] - seen[before]) * np.float32((at - before) / (after - before)))
    return np.stack([*path, seen[known[-1]]])


def smooth(path: np.ndarray, settings: VisionSettings) -> np.ndarray:
    x1, y1, x2, y2 = path.astype(np.float64).T
    raw = np.stack([(x1 + x2) / 2, (y1 + y2) / 2, np.maximum(x2 - x1, y2 - y1) / 2], axis=1)
    edge = settings.smooth_frames // 2
    padded = np.pad(raw, ((edge, edge), (0, 0)), mode="edge")
    return np.stack([np.median(padded[i : i + settings.smooth_frames], axis=0) for i in range(len(raw))])


def crop(picture: np.ndarray, place: np.ndarray, settings: VisionSettings) -> np.ndarray:
    x, y, half = place.tolist()
    margin = settings.crop_scale
    pad = int(half * (1 + 2 * margin))
    padded = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
    x, y = x + pad, y + pad
    rows = slice(int(y - half), int(y + half * (1 + 2 * margin)))
    square = padded[rows, int(x - half * (1 + margin)) : int(x + half * (1 + margin))]
    return cv2.cvtColor(cv2.resize(square, (224, 224)), cv2.COLOR_BGR2GRAY)[56:168, 56:168]

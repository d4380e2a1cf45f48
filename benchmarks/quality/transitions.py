"""Judge shots and persons where two people are joined by a fade, a dissolve or a wipe; count false alarms.

    python -m benchmarks.transitions --footage ../shared/videos --weights-dir ../shared/weights

Two talking heads of the footage are joined at 4 s by each transition of ffmpeg's ``xfade`` in turn, and looked at with
YuNet, MobileFaceNet and the lip motion. ``shots`` are those found after the first, right where one is within the
transition; ``persons`` are right where two are found, each on its own side. On the footage as it is, a shot that the
gradual measure alone finds, and a track parted into persons, count as false; fades to black of a film are among them.
``shots_by_faces`` is the time of finding shots by that of looking for faces, per frame of 640x640. Ends with one JSON
line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import facts
from benchmarks.common.places import YUNET_FILE
from benchmarks.common.vision import tracks_in
from pipeline.errors import InputError
from pipeline.media.decode import read_frames
from pipeline.media.encode import find_ffmpeg
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS, FaceTracks
from pipeline.vision.persons import load_identity
from pipeline.vision.session import VisionModels
from pipeline.vision.shots import ShotFinder
from s3fd import load_detector

KINDS = ("fade", "fadeblack", "fadewhite", "wipeleft", "smoothleft", "slideup", "circleopen", "radial", "pixelize")
LENGTHS_S = (0.2, 0.4, 1.0, 2.0)
PAIR = ("retalking_face2.mp4", "retalking_face3.mp4")
JOIN_S = 2.5
SIDE_PX = 640


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--footage", type=Path, required=True, help="folder with videos")
    parser.add_argument("--weights-dir", type=Path, required=True, help="folder with YuNet and MobileFaceNet")
    parser.add_argument("--pair", nargs=2, default=PAIR, help="two videos of that folder, a talking head in each")
    parser.add_argument("--kinds", nargs="*", default=KINDS, help="transitions of xfade")
    parser.add_argument("--lengths-s", nargs="*", type=float, default=LENGTHS_S, help="how long each takes")
    parser.add_argument("--skip-footage", action="store_true", help="do not look at the footage as it is")
    flags = parser.parse_args(argv)
    models = load_models(flags.weights_dir)
    cases, ratio = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for kind in flags.kinds:
            for length_s in flags.lengths_s:
                path = Path(folder) / f"{kind}.mp4"
                join([flags.footage / name for name in flags.pair], path, kind, length_s)
                cases.append({"kind": kind, "length_s": length_s, **judged(look(path, models), length_s)})
                print(cases[-1], flush=True)
                ratio = ratio or cost_ratio(path, models)
    footage = {} if flags.skip_footage else untouched(flags.footage, models)
    summary = {
        "cases": len(cases),
        "shots_right": sum(case["shots_right"] for case in cases),
        "persons_right": sum(case["persons_right"] for case in cases),
        **footage,
        "shots_by_faces": ratio,
    }
    print(json.dumps({"benchmark": "transitions", **summary, **facts()}))
    return 0


def load_models(weights: Path) -> VisionModels:
    """Load YuNet and MobileFaceNet; nobody looks for who speaks."""
    yunet = weights / YUNET_FILE
    identity = load_identity("mobilefacenet", weights / "mobilefacenet.pt", yunet)
    return VisionModels(load_detector("yunet", yunet), None, "", identity)


def join(paths: Sequence[Path], out: Path, kind: str, length_s: float) -> None:
    """Write two videos as one, joined after `JOIN_S` of the first with a transition of ffmpeg's ``xfade``."""
    form = f"scale={SIDE_PX}:{SIDE_PX},setsar=1,fps={GRID_FPS},settb=1/{GRID_FPS}"
    graph = (
        f"[0:v]{form}[a];[1:v]{form}[b];[a][b]xfade=transition={kind}:duration={length_s}:offset={JOIN_S},"
        "trim=duration=6,setpts=PTS-STARTPTS[v]"
    )
    inputs = [word for path in paths for word in ("-i", str(path))]
    command = [str(find_ffmpeg()), "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[v]"]
    subprocess.run([*command, "-preset", "ultrafast", str(out)], check=True, stdin=subprocess.DEVNULL)


def look(path: Path, models: VisionModels) -> FaceTracks:
    """Return the tracks in *path*, found without its sound."""
    return tracks_in(read_frames(probe(path)), models)


def judged(found: FaceTracks, length_s: float) -> dict[str, Any]:
    """Compare shots and persons with the truth: one transition, a person before it and another after."""
    first, stop = JOIN_S * GRID_FPS - 3, (JOIN_S + length_s) * GRID_FPS + 3
    starts = found.shot_starts[1:].tolist()
    before, after = (found.person[side].tolist() for side in (found.frame < first, found.frame >= stop))
    return {
        "shots": starts,
        "shots_right": any(first <= start <= stop for start in starts)
        and all(first <= start <= stop for start in starts),
        "tracks": len(found.track_ids),
        "persons": len(set(before + after)),
        "persons_right": len(set(before)) == len(set(after)) == 1 and set(before) != set(after),
    }


def untouched(folder: Path, models: VisionModels) -> dict[str, Any]:
    """Return gradual shots and parted tracks on all videos of *folder*, by video where there are any."""
    shots: dict[str, list[int]] = {}
    splits: dict[str, int] = {}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    count = 0
    for path in paths:
        try:
            probe(path)
        except InputError:
            continue
        count += 1
        found = look(path, models)
        cuts = sudden(path)
        extra = [start for start in found.shot_starts[1:].tolist() if start not in cuts]
        stops = {int(found.frame[found.rows(int(track))][-1]) + 1 for track in found.track_ids}
        starts = {int(found.frame[found.rows(int(track))][0]) for track in found.track_ids}
        parted = len((stops & starts) - set(found.shot_starts.tolist()))
        shots |= {path.name: extra} if extra else {}
        splits |= {path.name: parted} if parted else {}
        print(path.name, len(found.shot_starts), "shots", extra, "parted", parted, flush=True)
    return {"videos": count, "gradual_shots": shots, "parted_tracks": splits}


def sudden(path: Path) -> set[int]:
    """Return the cuts in *path*, found without the measure of gradual transitions."""
    finder = ShotFinder("adaptive", gradual=False)
    cuts = {cut for frame, picture in enumerate(read_frames(probe(path))) for cut in finder.push(frame, picture)}
    return cuts | set(finder.finish())


def cost_ratio(path: Path, models: VisionModels) -> float:
    """Return the time to look for shots in a picture, by that to look for faces in it."""
    pictures = [picture.copy() for picture in read_frames(probe(path))]
    finder = ShotFinder("adaptive")
    start = time.process_time()
    for frame, picture in enumerate(pictures):
        finder.push(frame, picture)
    middle = time.process_time()
    assert models.detector is not None
    for picture in pictures:
        models.detector.detect(picture[None])
    return round((middle - start) / (time.process_time() - middle), 3)


if __name__ == "__main__":
    sys.exit(main())

"""Pages and pictures for people about one video, made of what its stages have left.

``python -m pipeline.clips.pages <output>/<video>`` makes them anew for a video that is done.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.media.posters import clip_poster, pictures_at
from pipeline.media.probe import probe as probe_file
from pipeline.outputs.contact_sheet import write_contact_sheets
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.report import MAX_POSTERS, write_report
from pipeline.outputs.report_data import speakers_of
from pipeline.outputs.tracks import read_tracks
from pipeline.outputs.transcript import read_own_transcript
from pipeline.results import MANIFEST, SHEET_NAME, SHEETS, TRACKS, TRANSCRIPT
from pipeline.types import Probe, ScoredTracks


def write_pages(
    folder: Path,
    probe: Probe | None,
    manifest: Mapping[str, Any],
    transcript: Mapping[str, Any],
    tracks: ScoredTracks,
    timings: Mapping[str, float],
    rerun: Sequence[str] = (),
) -> Path:
    """Write the contact sheets and ``report.html`` into *folder*; the clips are in ``output/`` already.

    Args:
        folder: of the video's results.
        probe: the source; None where it is gone. The contact sheets then stay as they are.
        manifest: as `pipeline.outputs.manifest.manifest_json` gives it.
        transcript: as `pipeline.outputs.transcript.transcript_json` gives it.
        tracks: faces and scores.
        timings: seconds that each stage took; may be empty.
        rerun: see `pipeline.stage.VideoJob`; empty where the settings of the run are not known.

    Returns:
        The path of the report.

    Raises:
        InputError: the source cannot be read any more.
    """
    speakers = speakers_of(manifest, tracks.persons)
    if probe is None:
        sheets = _sheets_in(folder)
    else:
        sheets = write_contact_sheets(folder, tracks, functools.partial(pictures_at, probe), speakers)
    posters = {}
    for clip in manifest["clips"][:MAX_POSTERS]:
        if (poster := clip_poster(folder / "output" / clip["clip"], _first_seen(clip))) is not None:
            posters[clip["clip"]] = poster
    return write_report(folder, manifest, transcript, tracks, timings, posters=posters, sheets=sheets, rerun=rerun)


def _first_seen(clip: Mapping[str, Any]) -> int:
    """Return the first frame of a clip on which its speaker is in view."""
    gaps, start_s = clip["not_in_view"], clip["start_time"]
    if not gaps or gaps[0][0] > start_s:
        return 0
    return min(round((gaps[0][1] - start_s) * float(Fraction(clip["rate"]))), clip["frame_count"] - 1)


def _sheets_in(folder: Path) -> dict[int, Path]:
    found = {}
    for path in sorted((folder / SHEETS).glob("person_*.jpg")):
        if SHEET_NAME.fullmatch(path.name):
            found[int(path.stem.removeprefix("person_"))] = path
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite the pages of a finished folder. Return 0 on success, 1 when something in it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.clips.pages",
        description="Makes report.html and the contact sheets of a finished video anew.",
    )
    parser.add_argument("folder", type=Path, help="the folder of the video's results: tracks.npz is in it")
    folder: Path = parser.parse_args(argv).folder
    try:
        manifest = read_manifest(folder / MANIFEST)
        tracks = read_tracks(folder / TRACKS)
        read_own_transcript(folder / TRANSCRIPT)
        transcript = json.loads((folder / TRANSCRIPT).read_bytes())
        path = write_pages(folder, _source(manifest), manifest, transcript, tracks, {})
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print(path)
    return 0


def _source(manifest: Mapping[str, Any]) -> Probe | None:
    try:
        return probe_file(Path(manifest["source"]["path"]))
    except InputError as error:
        print(f"{error}. The contact sheets are left as they are", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())

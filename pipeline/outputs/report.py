"""``report.html``: one page that shows the results of a video, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.outputs.files import write_text
from pipeline.outputs.keep_command import keep_command
from pipeline.outputs.pages import link, page, shown, stand_ins
from pipeline.outputs.reliability import probabilities_of, reliability_of, speaker_model_of, x_of, y_of
from pipeline.outputs.report_data import changed_settings, losses_of, report_data, speaking_rows
from pipeline.results import REPORT
from pipeline.types import UNCERTAIN_SPEAKER, ScoredTracks

STYLES = ("page.css", "report.css")
SCRIPTS = ("common.js", "player.js", "clips.js", "keep.js", "source.js", "transcript.js", "timeline.js", "report.js")

MAX_POSTERS = 1000
"""Most posters that are put into a page, 4 kB each: it must open quickly."""


def write_report(
    folder: Path,
    manifest: Mapping[str, Any],
    transcript: Mapping[str, Any],
    tracks: ScoredTracks,
    timings: Mapping[str, float],
    *,
    posters: Mapping[str, bytes] | None = None,
    sheets: Mapping[int, Path] | None = None,
    rerun: Sequence[str] = (),
) -> Path:
    """Write ``report.html`` into *folder*, whole or not at all.

    The page refers to the clips in ``output/`` and the contact sheets by relative names and holds everything else.

    Args:
        folder: folder of the video's results.
        manifest: result of `pipeline.outputs.manifest.manifest_json`.
        transcript: result of `pipeline.outputs.transcript.transcript_json`.
        tracks: faces and scores.
        timings: seconds that each stage took; may be empty.
        posters: JPEG of clips by file name; the first `MAX_POSTERS` are used.
        sheets: contact sheets by person.
        rerun: words of the command line that work on this video again, for the command that keeps doubtful sentences;
            empty where they are not known.

    Returns:
        The path of the page.
    """
    path = folder / REPORT
    text = report_html(folder, manifest, transcript, tracks, timings, posters or {}, sheets or {}, rerun)
    write_text(path, text)
    return path


def report_html(
    folder: Path,
    manifest: Mapping[str, Any],
    transcript: Mapping[str, Any],
    tracks: ScoredTracks,
    timings: Mapping[str, float],
    posters: Mapping[str, bytes],
    sheets: Mapping[int, Path],
    rerun: Sequence[str],
) -> str:
    """Return the page that `write_report` writes."""
    source = manifest["source"]
    urls = {person: link(sheet, folder) for person, sheet in sheets.items()}
    few = dict(list(posters.items())[:MAX_POSTERS])
    name = shown(Path(source["path"]).name)
    data = report_data(manifest, transcript, tracks, posters=few, sheets=urls)
    keep = keep_command(manifest, rerun)
    source_url = None if "://" in source["path"] else link(Path(source["path"]), folder)
    return page(
        "report.html",
        styles=STYLES,
        scripts=SCRIPTS,
        data=data | {"keep": keep, "source": {"url": source_url, "lead": source.get("lead", 0)}},
        begin=data["begin"],
        duration=data["duration"],
        name=name,
        path=shown(source["path"]),
        source_url=source_url,
        source=source,
        lead=source.get("lead", 0),
        picture_rate=f"{float(Fraction(source['rate'])):.3f}".rstrip("0").rstrip("."),
        created_at=manifest["created_at"],
        models=manifest["models"],
        stand_ins=stand_ins(manifest["models"]),
        losses=losses_of(manifest),
        settings=changed_settings(manifest),
        timings={stage: float(seconds) for stage, seconds in timings.items()},
        clip_count=len(manifest["clips"]),
        dropped=manifest["dropped"],
        doubtful_count=sum(line["reason_code"] == UNCERTAIN_SPEAKER for line in manifest["dropped"]),
        keep=keep,
        speaker_model=speaker_model_of(manifest),
        reliability=reliability_of(speaker_model_of(manifest)),
        probabilities=probabilities_of(manifest),
        x_of=x_of,
        y_of=y_of,
        speaking=speaking_rows(manifest),
        speech_s=manifest.get("speaking", {}).get("speech", 0.0),
        speaker_count=len({clip["speaker"] for clip in manifest["clips"]}),
    )

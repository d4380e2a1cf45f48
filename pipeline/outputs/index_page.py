"""``index.html`` of a run: every video with its status, a search over all sentences, totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.outputs.files import write_text
from pipeline.outputs.own_manifest import Summary, read_own_manifest, summary_of
from pipeline.outputs.pages import clock, link, page, shown, stand_ins
from pipeline.results import REPORT

INDEX = "index.html"

STYLES = ("page.css", "index.css")
SCRIPTS = ("common.js", "index.js")

MAX_SENTENCES = 50_000
"""Sentences that the page can search, and `MAX_LETTERS` their letters: some 70 hours of talk. Beyond, the page says
that its search is not whole; ``clips.jsonl`` is."""

MAX_LETTERS = 6_000_000

MAX_MESSAGE_LETTERS = 600
"""Most letters of an error's message; ``run.json`` has it whole."""


def write_index(home: Path, run: Mapping[str, Any], manifests: Iterable[Path], name: str = INDEX) -> Path:
    """Write ``index.html`` into *home*, whole or not at all.

    Args:
        home: folder of ``run.json``.
        run: content of ``run.json``.
        manifests: path of each manifest. Their sentences are read one after the other, as long as the page has room.
        name: another name for the page.

    Returns:
        The path of the page.

    Raises:
        InputError: a manifest cannot be read.
    """
    path = home / name
    write_text(path, index_html(home, run, manifests))
    return path


def index_html(home: Path, run: Mapping[str, Any], manifests: Iterable[Path]) -> str:
    """Return the page that `write_index` writes."""
    places = {video["manifest"]: number for number, video in enumerate(run["videos"]) if video["manifest"]}
    videos = [_video(video) for video in run["videos"]]
    sentences: list[list[Any]] = []
    letters, left_out = 0, 0
    for path in manifests:
        number = places.get(str(path))
        if number is None:
            continue
        summary = summary_of(path)
        _fill(videos[number], home, path, summary)
        if len(sentences) >= MAX_SENTENCES or letters > MAX_LETTERS:
            left_out += summary.clips + summary.dropped
            continue
        for said in _sentences(number, read_own_manifest(path)):
            letters += len(said[4])
            if len(sentences) < MAX_SENTENCES and letters <= MAX_LETTERS:
                sentences.append(said)
            else:
                left_out += 1
    return page(
        "index.html",
        styles=STYLES,
        scripts=SCRIPTS,
        data={"videos": videos, "sentences": sentences},
        source=shown(run["source"]),
        run=run,
        stand_ins=stand_ins(run["models"]),
        totals=totals(run, videos),
        sentence_count=len(sentences),
        left_out=left_out,
    )


def totals(run: Mapping[str, Any], videos: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return names and values of a run's totals.

    Throughput counts the videos of this run, not those of an earlier one.
    """
    videos = list(videos)
    counts: dict[str, int] = {}
    for video in videos:
        counts[video["status"]] = counts.get(video["status"], 0) + 1
    fresh_s = sum(video["seconds"] for video in videos if video["status"] in ("done", "partial"))
    clips = sum(video["clips"] for video in videos)
    found = [
        ("videos", f"{len(videos)}" + "".join(f", {count} {status}" for status, count in sorted(counts.items()))),
        ("length", clock(sum(video["seconds"] for video in videos))),
        ("clips", f"{clips}"),
        ("sentences without a clip", f"{sum(video['dropped'] for video in videos)}"),
        ("time taken", clock(run["seconds"], 1)),
    ]
    if fresh_s and run["seconds"]:
        found.append(("throughput", f"{fresh_s / run['seconds']:.2f} s of video a second"))
    if run.get("peak_memory_mb"):
        found.append(("most memory", f"{run['peak_memory_mb']} MB"))
    return found


def _video(line: Mapping[str, Any]) -> dict[str, Any]:
    message = shown(line["message"])
    if len(message) > MAX_MESSAGE_LETTERS:
        message = message[:MAX_MESSAGE_LETTERS] + " …"
    return {
        "name": shown(Path(line["path"]).name),
        "path": shown(line["path"]),
        "status": line["status"],
        "reason": line["reason_code"],
        "message": message,
        "seconds": line["video_seconds"],
        "took": line["seconds"],
        "clips": line["clips"],
        "dropped": 0,
        "speakers": 0,
        "stand_ins": line["stand_ins"],
        "report": None,
    }


def _fill(video: dict[str, Any], home: Path, path: Path, summary: Summary) -> None:
    """Add the facts of the manifest to *video*."""
    report = path.parent.parent / REPORT
    video["clips"], video["dropped"], video["speakers"] = summary.clips, summary.dropped, summary.speakers
    video["seconds"] = video["seconds"] or summary.length_s
    if report.is_file():
        video["report"] = link(report, home)


def _sentences(number: int, manifest: Mapping[str, Any]) -> Iterable[list[Any]]:
    """Return video, start in seconds, speaker or null, true for a clip, and text of every sentence, in order of
    time."""
    clips = [(line, 1) for line in manifest["clips"]]
    dropped = [(line, 0) for line in manifest["dropped"]]
    for line, is_clip in sorted([*clips, *dropped], key=lambda pair: pair[0]["index"]):
        yield [number, line["start_time"], line["speaker"], is_clip, line["text"]]

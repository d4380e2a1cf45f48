"""Data of `report.html` for one video, as JSON values: pure functions of its manifest, transcript and tracks."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from config import Config
from pipeline.outputs.manifest import settings_of
from pipeline.types import GRID_FPS, ScoredTracks

MAX_COLUMNS = 6000
"""Most columns of a score curve: those of a wide screen at a threefold zoom. A shorter video has one a frame."""

MAX_LANES = 200
"""Most persons with a lane: those who speak first, then those longest in view."""

MAX_SILENT = 8
"""Most persons who never speak that are listed beside those who do."""

MAX_WORDS_A_TURN = 60
"""Longest paragraph of the transcript, in words."""

Word = tuple[str, float, float, int]
"""Word: text as spoken, start and end in seconds, number of its sentence or -1."""


def report_data(
    manifest: Mapping[str, Any],
    transcript: Mapping[str, Any],
    tracks: ScoredTracks,
    *,
    posters: Mapping[str, bytes],
    sheets: Mapping[int, str],
) -> dict[str, Any]:
    """Return the data that the scripts of the page need.

    Args:
        manifest: result of `pipeline.outputs.manifest.manifest_json`.
        transcript: result of `pipeline.outputs.transcript.transcript_json`, with or without speakers.
        tracks: faces and scores.
        posters: JPEG of the clips that have one, by file name.
        sheets: relative URL of the contact sheets, by person.

    Returns:
        ``begin``, that of the picture or of what is said before it, and ``duration``, the end of it all, in seconds
        after the first video frame; ``shots``, where they start; ``clips`` and ``dropped``; ``lanes``, one a person,
        with its score curve; ``turns`` of the transcript.
    """
    persons = tracks.persons
    speakers = speakers_of(manifest, persons)
    clips = [_clip(clip, persons, posters) for clip in manifest["clips"]]
    dropped = [_sentence(line, persons) | {"reason": line["reason_code"]} for line in manifest["dropped"]]
    ends = [line["end"] for line in (*clips, *dropped)]
    claimed_s = 0.0 if manifest["settings"].get("DURATION") else manifest["source"]["duration"]
    return {
        "begin": min([tracks.first_frame / GRID_FPS, *(line["start"] for line in dropped)]),
        "duration": max([tracks.frame_count / GRID_FPS, claimed_s, *ends]),
        "shots": [round(frame / GRID_FPS, 3) for frame in tracks.shot_starts.tolist()],
        "clips": clips,
        "dropped": dropped,
        "lanes": lanes(tracks, speakers, sheets),
        "turns": turns(transcript, manifest),
    }


def speakers_of(manifest: Mapping[str, Any], persons: Mapping[int, int]) -> dict[int, int]:
    """Return the speaker number of the persons that speak: the one that most of their sentences have.

    Args:
        manifest: manifest whose clips and dropped sentences name the speakers.
        persons: person of each track.
    """
    said: dict[int, Counter[int]] = {}
    for line in (*manifest["clips"], *manifest["dropped"]):
        person = persons.get(line["speaker_track"]) if line["speaker_track"] is not None else None
        if person is not None and line["speaker"] is not None:
            said.setdefault(person, Counter())[line["speaker"]] += 1
    return {person: counts.most_common(1)[0][0] for person, counts in said.items()}


def lanes(tracks: ScoredTracks, speakers: Mapping[int, int], sheets: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return a lane per person: those who speak by their number, then the others, longest in view first.

    Returns:
        ``person``, ``speaker`` or null, ``seconds`` in view, number of ``tracks``, ``sheet`` or null and ``curve``,
        the result of `curve`.
    """
    persons, counts = np.unique(tracks.person, return_counts=True)
    order = sorted(
        zip(persons.tolist(), counts.tolist(), strict=True),
        key=lambda line: (speakers.get(line[0], 1 << 31), -line[1], line[0]),
    )
    found = []
    for person, count in order[:MAX_LANES]:
        rows = tracks.person == person
        found.append(
            {
                "person": person,
                "speaker": speakers.get(person),
                "seconds": round(count / GRID_FPS, 2),
                "tracks": len(np.unique(tracks.track[rows])),
                "sheet": sheets.get(person),
                "curve": curve(tracks.frame[rows], tracks.probability[rows], tracks.frame_count - tracks.first_frame),
            }
        )
    return found


def curve(frame: np.ndarray, probability: np.ndarray, frame_count: int) -> dict[str, Any]:
    """Return the lowest and highest probability of each column of a score curve.

    Args:
        frame: (M,) int32 grid frames in any order.
        probability: (M,) float32 in 0..1.
        frame_count: frames of the video, or of the excerpt.

    Returns:
        ``step``, frames a column, and ``runs``: ``[first column, [lowest ...], [highest ...]]`` of each stretch in
        view, in hundredths.
    """
    step = max(-(-frame_count // MAX_COLUMNS), 1)
    order = np.argsort(frame, kind="stable")
    column, hundredths = frame[order] // step, np.rint(probability[order] * 100).astype(int)
    if not len(column):
        return {"step": step, "runs": []}
    first = np.flatnonzero(np.diff(column, prepend=-1))
    low, high = np.minimum.reduceat(hundredths, first), np.maximum.reduceat(hundredths, first)
    columns = column[first]
    breaks = np.flatnonzero(np.diff(columns) > 1) + 1
    parts = zip(np.split(columns, breaks), np.split(low, breaks), np.split(high, breaks), strict=True)
    return {"step": step, "runs": [[int(at[0]), lows.tolist(), highs.tolist()] for at, lows, highs in parts]}


def turns(transcript: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the transcript as paragraphs of one speaker: ``speaker`` or null, and ``words`` as `Word`."""
    sentence_of = dict(_sentence_of_words(manifest))
    found: list[dict[str, Any]] = []
    for segment in transcript["segments"]:
        for word in segment["words"]:
            speaker = word.get("speaker")
            if not found or found[-1]["speaker"] != speaker or len(found[-1]["words"]) >= MAX_WORDS_A_TURN:
                found.append({"speaker": speaker, "words": []})
            key = word["start"], word["end"], word["word"].strip()
            found[-1]["words"].append([word["word"], word["start"], word["end"], sentence_of.get(key, -1)])
    return found


def speaking_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return speaking time, a row to each who speaks or is in view; nothing for a manifest of a version without it.

    Returns:
        ``who``, ``speaker`` or None, ``seconds``, ``share`` of all speech in percent, ``sentences``, ``words`` and
        ``in_view`` in seconds, None for those off screen. Of the persons who never speak, the `MAX_SILENT` that are
        longest in view.
    """
    speaking = manifest.get("speaking")
    if speaking is None:
        return []
    heard = [line for line in speaking["persons"] if line["speaker"] is not None]
    silent = [line for line in speaking["persons"] if line["speaker"] is None]
    rows = [{"who": f"Speaker {line['speaker']}", **line} for line in heard]
    if speaking["off_screen"]["words"]:
        rows.append({"who": "Off-screen", "speaker": None, "in_view": None, **speaking["off_screen"]})
    rows += [{"who": f"Person {line['person']}", **line} for line in silent[:MAX_SILENT]]
    whole_s = speaking["speech"]
    return [{**row, "share": 100 * row["seconds"] / whole_s if whole_s else 0.0} for row in rows]


def changed_settings(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, value and default of the settings that differ from their defaults."""
    usual = settings_of(Config())
    found = []
    for name, value in sorted(manifest["settings"].items()):
        if name not in usual or _plain(usual[name]) != _plain(value):
            found.append((name, _plain(value), _plain(usual[name]) if name in usual else "unknown"))
    return found


def losses_of(manifest: Mapping[str, Any]) -> list[str]:
    """Describe the parts of the file that could not be read; nothing for a whole one."""
    lost = manifest["source"]["lost"]
    words = []
    if lost["picture_packets"]:
        words.append(f"{lost['picture_packets']} packets of the picture could not be decoded")
    if lost["sound_packets"]:
        words.append(f"{lost['sound_packets']} packets of the sound could not be decoded")
    if lost["missing"]:
        words.append(f"the last {lost['missing']:g} s of the picture are missing")
    return words


def _plain(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value))
    return str(value)


def _sentence_of_words(manifest: Mapping[str, Any]) -> Iterator[tuple[tuple[float, float, str], int]]:
    for line in (*manifest["clips"], *manifest["dropped"]):
        for word in (*line["words"], *line.get("words_outside", ())):
            yield (word["start"], word["end"], word["text"]), line["index"]


def _clip(clip: Mapping[str, Any], persons: Mapping[int, int], posters: Mapping[str, bytes]) -> dict[str, Any]:
    poster = posters.get(clip["clip"])
    return _sentence(clip, persons) | {
        "file": clip["clip"],
        "flags": clip["flags"],
        "style": f"{clip['crop_style']} {clip['width']}x{clip['height']}",
        "unseen": clip["not_in_view"],
        "poster": "" if poster is None else "data:image/jpeg;base64," + base64.b64encode(poster).decode(),
    }


def _sentence(line: Mapping[str, Any], persons: Mapping[int, int]) -> dict[str, Any]:
    track = line["speaker_track"]
    return {
        "index": line["index"],
        "text": line["text"],
        "start": line["start_time"],
        "end": line["end_time"],
        "track": track,
        "person": None if track is None else persons.get(track),
        "speaker": line["speaker"],
        "probability": line["probability"],
        "score": line["avg_score"],
        "margin": line["margin"],
        "coverage": line["coverage"],
    }

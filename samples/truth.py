"""Truth of a scene, in the formats that other programs read. The README describes each of them."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from samples.face import Face
from samples.portraits import PORTRAITS
from samples.scenes import VOICES
from samples.timeline import Timeline

SCHEMA_VERSION = 1
GRID_FPS = 25
"""Rate of the grid on which the face boxes are given: that of the pipeline."""


def truth(timeline: Timeline) -> dict[str, Any]:
    """Return everything that is known about the video, ready for :func:`truth_text`."""
    scene = timeline.scene
    return {
        "schema_version": SCHEMA_VERSION,
        "video": f"{scene.name}.mp4",
        "fps": str(scene.rate),
        "size": list(scene.size),
        "frame_count": timeline.frame_count,
        "duration_s": _seconds(timeline.duration_s),
        "audio": {
            "rate_hz": scene.audio_rate_hz,
            "channels": scene.audio_channels,
            "start_s": scene.sound_from_s,
        },
        "people": [{"name": person, "voice": VOICES[person].name} for person in scene.people],
        "turns": [
            {
                "person": turn.person,
                "start_s": _seconds(turn.start_s),
                "end_s": _seconds(turn.end_s),
                "text": turn.text,
                "words": [
                    {"text": word.text, "start_s": _seconds(word.start_s), "end_s": _seconds(word.end_s)}
                    for word in turn.words
                ],
            }
            for turn in timeline.turns
        ],
        "shots": [
            {
                "start_s": _seconds(shot.first_frame / scene.rate),
                "end_s": _seconds(shot.stop_frame / scene.rate),
                "view": shot.view,
                "visible": [panel.person for panel in scene.views[shot.view]],
            }
            for shot in timeline.shots
        ],
        "boxes": {"grid_fps": GRID_FPS, **_boxes(timeline)},
    }


def truth_text(content: dict[str, Any]) -> str:
    """Return the truth as JSON: one turn, shot, word or person to a line, and all boxes of a person on one."""

    def inline(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def block(value: list[Any]) -> str:
        return "[\n" + ",\n".join(f"  {inline(item)}" for item in value) + "\n ]"

    parts = []
    for key, value in content.items():
        if key == "turns":
            text = "[\n" + ",\n".join(_turn_text(turn, inline) for turn in value) + "\n ]"
        elif key == "boxes":
            text = "{\n" + ",\n".join(f"  {inline(name)}: {inline(rows)}" for name, rows in value.items()) + "\n }"
        else:
            text = block(value) if key in ("people", "shots") else inline(value)
        parts.append(f" {inline(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def rttm(timeline: Timeline) -> str:
    """Return who speaks when, in NIST's Rich Transcription Time Marked format."""
    name = timeline.scene.name
    return "".join(
        f"SPEAKER {name} 1 {turn.start_s:.4f} {turn.end_s - turn.start_s:.4f} <NA> <NA> {turn.person} <NA> <NA>\n"
        for turn in timeline.turns
    )


def whisper_json(timeline: Timeline) -> str:
    """Return the words in the shape of openai-whisper's ``transcribe(..., word_timestamps=True)``, a segment a turn.

    Whisper counts from the first sample of the sound; here times count from the first video frame, and the file says
    so as the product's own transcripts do.
    """
    segments = [
        {
            "id": number,
            "seek": 0,
            "start": _seconds(turn.start_s),
            "end": _seconds(turn.end_s),
            "text": f" {turn.text}",
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": 0.0,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.0,
            "words": [
                {
                    "word": f" {word.text}",
                    "start": _seconds(word.start_s),
                    "end": _seconds(word.end_s),
                    "probability": 1.0,
                }
                for word in turn.words
            ],
        }
        for number, turn in enumerate(timeline.turns)
    ]
    whole = "".join(f" {turn.text}" for turn in timeline.turns)
    content = {"text": whole, "segments": segments, "language": "en", "time_zero": "first_video_frame"}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _boxes(timeline: Timeline) -> dict[str, list[list[float] | None]]:
    """Return for each person a box for each frame of the grid, None while not in view.

    A frame of the grid shows the picture in the middle of its interval.
    """
    scene = timeline.scene
    faces = {
        (name, panel.person): (panel.left_px, Face(PORTRAITS[panel.person], panel.view))
        for name, panels in scene.views.items()
        for panel in panels
    }
    boxes: dict[str, list[list[float] | None]] = {person: [] for person in scene.people}
    grid_count = int(timeline.duration_s * GRID_FPS + Fraction(1, 2))
    for index in range(grid_count):
        frame = min(int(Fraction(2 * index + 1, 2 * GRID_FPS) * scene.rate), timeline.frame_count - 1)
        view = timeline.shot_at(frame).view
        for person in scene.people:
            if (view, person) not in faces:
                boxes[person].append(None)
                continue
            left_px, face = faces[view, person]
            x1, y1, x2, y2 = face.box_px(timeline.poses[person][frame])
            boxes[person].append([round(float(value), 1) for value in (x1 + left_px, y1, x2 + left_px, y2)])
    return boxes


def _turn_text(turn: dict[str, Any], inline: Any) -> str:
    head = ", ".join(f"{inline(key)}: {inline(value)}" for key, value in turn.items() if key != "words")
    words = ",\n".join(f"    {inline(word)}" for word in turn["words"])
    return f'  {{{head}, "words": [\n{words}\n  ]}}'


def _seconds(value: Fraction | float) -> float:
    """Round seconds to a tenth of a millisecond."""
    return round(float(value), 4)

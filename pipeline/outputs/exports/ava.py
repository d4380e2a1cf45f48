"""``ava_labels.csv`` and ``ava_predictions.csv``: every face of every frame as the AVA ActiveSpeaker data set has it
(research.google.com/ava; Roth et al., "AVA-ActiveSpeaker", ICASSP 2020)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from pipeline.outputs.files import atomic_path
from pipeline.types import GRID_FPS, ScoredTracks

SPEAKING, SILENT = "SPEAKING_AUDIBLE", "NOT_SPEAKING"
"""Labels of the data set. Its third, for mouths that speak unheard, is never given: scores do not tell it apart."""

BOX_DIGITS, SCORE_DIGITS = 6, 6

LABEL_COLUMNS = (
    *("video_id", "frame_timestamp", "entity_box_x1", "entity_box_y1", "entity_box_x2", "entity_box_y2"),
    *("label", "entity_id"),
)
"""Columns of the annotations, in their order."""

PREDICTION_COLUMNS = (*LABEL_COLUMNS, "score")
"""Columns of predictions, in their order."""


def write_ava(
    folder: Path, tracks: ScoredTracks, size_px: tuple[int, int], name: str, header: bool = False
) -> tuple[Path, Path]:
    """Write both files into *folder*: a row to a face and frame, by entity and then time.

    ``ava_labels.csv`` has `LABEL_COLUMNS`. The label follows the logit, speaking above 0. ``ava_predictions.csv``, the
    input of the challenge's evaluation, has `PREDICTION_COLUMNS`: the label is the one that a score is given for,
    always ``SPEAKING_AUDIBLE``, and ``score`` is its calibrated probability.

    The annotations of the data set and ActivityNet's ``get_ava_active_speaker_performance.py`` have no header. The
    script as TalkNet-ASD, Light-ASD and LR-ASD carry it picks the columns by their names, and refuses files without.

    Times are seconds after the first video frame, to the hundredth; boxes are parts of width and height, 0 to 1; an
    entity is a track, named ``<video_id>:<track>``.

    Args:
        folder: made when missing.
        tracks: faces and scores.
        size_px: width and height of the picture.
        name: name of the video; its ``video_id``.
        header: begin both files with the names of their columns.
    """
    labels, predictions = folder / "ava_labels.csv", folder / "ava_predictions.csv"
    name = name.encode("utf-8", "backslashreplace").decode()
    for path, is_prediction in ((labels, False), (predictions, True)):
        with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if header:
                writer.writerow(PREDICTION_COLUMNS if is_prediction else LABEL_COLUMNS)
            writer.writerows(_row(tracks, row, size_px, name, is_prediction) for row in range(len(tracks.track)))
    return labels, predictions


def _row(tracks: ScoredTracks, row: int, size_px: tuple[int, int], name: str, is_prediction: bool) -> list[str]:
    box = np.clip(tracks.box_px[row].astype(np.float64) / np.array([*size_px, *size_px]), 0, 1)
    place = [f"{edge:.{BOX_DIGITS}f}" for edge in box]
    start = [name, f"{int(tracks.frame[row]) / GRID_FPS:.2f}", *place]
    entity = f"{name}:{int(tracks.track[row])}"
    if is_prediction:
        return [*start, SPEAKING, entity, f"{float(tracks.probability[row]):.{SCORE_DIGITS}f}"]
    return [*start, SPEAKING if tracks.logit[row] > 0 else SILENT, entity]

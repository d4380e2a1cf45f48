"""Exports, read back with nothing of ours: pickle, csv, json and a reader of RTTM lines written here."""

from __future__ import annotations

import csv
import dataclasses
import json
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import medfilt

from pipeline.attribution.turns import NO_SPEECH, spoken_turns
from pipeline.outputs.exports import FORMATS, write_exports
from pipeline.types import AttributedWord, Probe, ScoredTracks, Word
from pipeline.vision.crops import smooth_path

SIZE_PX = (320, 240)
FRAMES = 260
FIRST, SECOND = range(10, 60), range(40, 160)
"""Frames of track 0, which moves, and of track 3, which stands and is partly outside."""


def _tracks() -> ScoredTracks:
    moving = np.array([[20 + 2 * k, 30.25, 60 + 2 * k, 80.25] for k in range(len(FIRST))], np.float32)
    standing = np.tile(np.array([[-10.0, 100.0, 90.0, 250.0]], np.float32), (len(SECOND), 1))
    logit = np.concatenate([np.linspace(-2, 2, len(FIRST)), np.full(len(SECOND), 0.149)]).astype(np.float32)
    return ScoredTracks(
        frame_count=FRAMES,
        shot_starts=np.array([0, 200], np.int32),
        track=np.repeat(np.array([0, 3], np.int32), [len(FIRST), len(SECOND)]),
        frame=np.array([*FIRST, *SECOND], np.int32),
        box_px=np.concatenate([moving, standing]),
        logit=logit,
        probability=(1 / (1 + np.exp(-logit))).astype(np.float32),
    )


def _said(text: str, start_s: float, end_s: float, speaker: int | None) -> AttributedWord:
    return AttributedWord(Word(text, start_s, end_s), None if speaker is None else 0, speaker)


WORDS = (
    *(_said(" One", 0.5, 0.9, 1), _said(" two", 1.0, 1.4, 1), _said(" yes", 1.2, 1.6, 2)),
    *(_said(" three", 1.7, 2.0, 1), _said(" later", 3.0, 3.5, 1), _said(" voice", 4.0, 4.5, None)),
)
TURNS = spoken_turns(WORDS, _tracks(), NO_SPEECH)


def _probe(name: str = "a talk") -> Probe:
    return Probe(Path(f"/v/{name}.mp4"), "mov", 10.4, *SIZE_PX, Fraction(25), 0, Fraction(0), 16000, 1)


def _smooth(boxes: np.ndarray) -> np.ndarray:
    return smooth_path(boxes, 13)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    write_exports(FORMATS, tmp_path, _probe(), _tracks(), TURNS, smooth=_smooth)
    return tmp_path / "export"


def _unpickled(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # noqa: S301 - written a moment ago by this test


def test_talknet_tracks(export: Path) -> None:
    tracks = _unpickled(export / "tracks.pckl")
    assert [set(track) for track in tracks] == [{"track", "proc_track"}] * 2
    assert [track["track"]["frame"].tolist() for track in tracks] == [[*FIRST], [*SECOND]]
    for track in tracks:
        frame, box, count = track["track"]["frame"], track["track"]["bbox"], len(track["track"]["frame"])
        assert set(track["track"]) == {"frame", "bbox"}
        assert (frame.dtype, box.dtype, box.shape) == (np.int64, np.float64, (count, 4))
        assert {key: (v.shape, v.dtype.name) for key, v in track["proc_track"].items()} == dict.fromkeys(
            "xys", ((count,), "float64")
        )
    assert tracks[0]["track"]["bbox"][5].tolist() == [30.0, 30.25, 70.0, 80.25]


def test_talknet_path_is_the_median_of_the_demo_away_from_the_ends(export: Path) -> None:
    for track in _unpickled(export / "tracks.pckl"):
        x1, y1, x2, y2 = track["track"]["bbox"].T
        raw = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "s": np.maximum(x2 - x1, y2 - y1) / 2}
        for key, values in raw.items():
            np.testing.assert_array_equal(track["proc_track"][key][6:-6], medfilt(values, 13)[6:-6])


def test_talknet_path_is_not_pulled_to_the_corner_at_the_ends(export: Path) -> None:
    """A median that pads with zeros would be up to 12 px off in the last frames of a face that moves 2 px a frame."""
    moving = _unpickled(export / "tracks.pckl")[0]
    boxes = moving["track"]["bbox"]
    assert np.abs(moving["proc_track"]["x"] - (boxes[:, 0] + boxes[:, 2]) / 2).max() <= 6
    assert moving["proc_track"]["s"].tolist() == [25.0] * len(FIRST)


def test_talknet_scores_are_rounded_to_a_tenth(export: Path) -> None:
    scores = _unpickled(export / "scores.pckl")
    assert [(score.dtype.name, len(score)) for score in scores] == [("float64", 50), ("float64", 120)]
    assert (scores[0][0], scores[0][-1], set(scores[1].tolist())) == (-2.0, 2.0, {0.1})
    np.testing.assert_array_equal(scores[0], np.round(scores[0], 1))


def test_talknet_faces_are_listed_by_frame(export: Path) -> None:
    faces = _unpickled(export / "faces.pckl")
    assert len(faces) == FRAMES
    assert [len(faces[frame]) for frame in (9, 10, 40, 60, 159, 160)] == [0, 1, 2, 1, 1, 0]
    for number, frame in enumerate(faces):
        for face in frame:
            assert (set(face), face["frame"]) == ({"frame", "bbox", "conf"}, number)
            assert [type(edge) for edge in face["bbox"]] == [float] * 4
            assert face["conf"] == 1.0


def test_talknet_scenes_are_pairs_of_timecodes(export: Path) -> None:
    from scenedetect import FrameTimecode

    scenes = _unpickled(export / "scene.pckl")
    assert all(isinstance(edge, FrameTimecode) for scene in scenes for edge in scene)
    assert [(first.frame_num, stop.frame_num) for first, stop in scenes] == [(0, 200), (200, 260)]
    assert (scenes[1][0].seconds, scenes[1][0].frame_rate) == (8.0, 25)


def test_talknet_embeddings_stand_beside_the_track_they_are_of(tmp_path: Path) -> None:
    vectors = [np.full((len(span), 512), number, np.float32) for number, span in enumerate((FIRST, SECOND))]
    write_exports(["talknet"], tmp_path, _probe(), _tracks(), TURNS, smooth=_smooth, embeddings=vectors)
    tracks = _unpickled(tmp_path / "export" / "tracks.pckl")
    found = [(track["embeddings"].shape, track["embeddings"].dtype.name, track["embeddings"].max()) for track in tracks]
    assert found == [((50, 512), "float64", 0.0), ((120, 512), "float64", 1.0)]


def test_embeddings_of_another_number_of_faces_are_refused(tmp_path: Path) -> None:
    vectors = [np.zeros((50, 512)), np.zeros((119, 512))]
    with pytest.raises(ValueError, match=r"\(120, 512\), got \(119, 512\)"):
        write_exports(["talknet"], tmp_path, _probe(), _tracks(), TURNS, smooth=_smooth, embeddings=vectors)
    assert not (tmp_path / "export" / "tracks.pckl").exists()


def test_sieve_frames(export: Path) -> None:
    frames = json.loads((export / "sieve.json").read_text())
    assert [frame["frame_number"] for frame in frames] == [*range(FRAMES)]
    assert set(frames[0]) == {"frame_number", "faces", "related_scene"}
    assert frames[15]["faces"] == [{"x1": 30, "y1": 30, "x2": 70, "y2": 80, "speaking_score": -1.5918, "active": False}]
    large, small = frames[45]["faces"]
    assert large == {"x1": 0, "y1": 100, "x2": 90, "y2": 240, "speaking_score": 0.149, "active": True}
    assert (small["x1"], small["active"]) == (90, True)
    assert (frames[0]["faces"], frames[250]["faces"]) == ([], [])
    assert frames[250]["related_scene"] == {
        "start_seconds": 8.0,
        "end_seconds": 10.4,
        "start_frame": 200,
        "end_frame": 259,
        "scene_number": 1,
        "start_timecode": "00:00:08.000",
        "end_timecode": "00:00:10.400",
    }


@pytest.mark.parametrize(
    ("name", "frames"),
    [("sieve.json", [*range(FRAMES)]), ("sieve_raw.json", [*range(FRAMES)]), ("sieve_cuts.json", [0, 45, 200])],
)
def test_sieve_can_be_read_line_by_line(tmp_path: Path, name: str, frames: list[int]) -> None:
    lines = (_cut_at_45(tmp_path) / name).read_text().splitlines()
    assert (lines[0], lines[-1]) == ("[", "]")
    assert [json.loads(line.rstrip(","))["frame_number"] for line in lines[1:-1]] == frames


def _cut_at_45(folder: Path) -> Path:
    """The exports where a shot begins while both faces are in view."""
    tracks = dataclasses.replace(_tracks(), shot_starts=np.array([0, 45, 200], np.int32))
    write_exports(FORMATS, folder, _probe(), tracks, TURNS, smooth=_smooth)
    return folder / "export"


def test_sieve_raw_has_the_track_and_score_of_every_face(export: Path) -> None:
    frames = json.loads((export / "sieve_raw.json").read_text())
    assert [frame["frame_number"] for frame in frames] == [*range(FRAMES)]
    assert {key for frame in frames for key in frame} == {"frame_number", "faces"}
    assert frames[15]["faces"] == [
        {"track_id": 0, "raw_score": -1.5918, "x1": 30, "y1": 30, "x2": 70, "y2": 80, "speaking": False}
    ]
    small, large = frames[45]["faces"]
    assert (small["track_id"], small["x1"], small["speaking"]) == (0, 90, True)
    assert large == {"track_id": 3, "raw_score": 0.149, "x1": 0, "y1": 100, "x2": 90, "y2": 240, "speaking": True}
    by_track: dict[int, dict[int, float]] = {}
    for frame in frames:
        for face in frame["faces"]:
            by_track.setdefault(face["track_id"], {})[frame["frame_number"]] = face["raw_score"]
    tracks = _tracks()
    assert {track: [*rows] for track, rows in by_track.items()} == {0: [*FIRST], 3: [*SECOND]}
    for track, rows in by_track.items():
        np.testing.assert_allclose([*rows.values()], tracks.logit[tracks.track == track], atol=1e-4)


def test_sieve_raw_leaves_out_no_face_and_takes_a_score_of_zero_for_speech(tmp_path: Path) -> None:
    count = 8
    tracks = ScoredTracks(
        *(1, np.zeros(1, np.int32), np.arange(count, dtype=np.int32), np.zeros(count, np.int32)),
        *(np.tile(np.array([0, 0, 9, 9], np.float32), (count, 1)), np.arange(-4, 4, dtype=np.float32)),
        np.full(count, 0.5, np.float32),
    )
    write_exports(["sieve-raw", "sieve"], tmp_path, _probe(), tracks, (), smooth=_smooth)
    (raw,), (frame,) = (
        json.loads((tmp_path / "export" / name).read_text()) for name in ("sieve_raw.json", "sieve.json")
    )
    assert [(face["track_id"], face["speaking"]) for face in raw["faces"]] == [(t, t >= 4) for t in range(count)]
    assert len(frame["faces"]) == 5


def test_sieve_cuts_are_the_first_frames_of_the_scenes(tmp_path: Path) -> None:
    export = _cut_at_45(tmp_path)
    cuts = json.loads((export / "sieve_cuts.json").read_text())
    every = json.loads((export / "sieve.json").read_text())
    assert cuts == [every[frame] for frame in (0, 45, 200)]
    assert [len(frame["faces"]) for frame in cuts] == [0, 2, 0]
    assert [frame["related_scene"]["end_frame"] for frame in cuts] == [44, 199, 259]


def _rttm(path: Path) -> list[dict[str, str]]:
    names = ("type", "file", "channel", "onset", "duration", "text", "kind", "speaker", "confidence", "lookahead")
    return [dict(zip(names, line.split(), strict=True)) for line in path.read_text().splitlines()]


def test_rttm_turns(export: Path) -> None:
    """Words 0.1 and 0.3 s apart are one turn, a second of silence parts two, and speakers overlap."""
    lines = _rttm(export / "speakers.rttm")
    assert [(line["speaker"], line["onset"], line["duration"]) for line in lines] == [
        *[("speaker_1", "0.500", "1.500"), ("speaker_2", "1.200", "0.400"), ("speaker_1", "3.000", "0.500")],
        ("off_screen", "4.000", "0.500"),
    ]
    assert {(line["type"], line["file"], line["channel"]) for line in lines} == {("SPEAKER", "a_talk", "1")}
    assert {line[name] for line in lines for name in ("text", "kind", "confidence", "lookahead")} == {"<NA>"}


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_ava_labels(export: Path) -> None:
    rows = _rows(export / "ava_labels.csv")
    assert (len(rows), {len(row) for row in rows}) == (170, {8})
    edges = ["0.093750", "0.126042", "0.218750", "0.334375"]
    assert rows[5] == ["a talk", "0.60", *edges, "NOT_SPEAKING", "a talk:0"]
    assert rows[49][6:] == ["SPEAKING_AUDIBLE", "a talk:0"]
    assert rows[50] == [
        "a talk",
        "1.60",
        "0.000000",
        "0.416667",
        "0.281250",
        "1.000000",
        "SPEAKING_AUDIBLE",
        "a talk:3",
    ]


def test_ava_predictions_add_the_score_of_speaking(export: Path) -> None:
    labels, predictions = _rows(export / "ava_labels.csv"), _rows(export / "ava_predictions.csv")
    assert [row[:6] + row[7:8] for row in predictions] == [row[:6] + row[7:8] for row in labels]
    assert {row[6] for row in predictions} == {"SPEAKING_AUDIBLE"}
    np.testing.assert_allclose([float(row[8]) for row in predictions], _tracks().probability, atol=1e-6)


def test_ava_header_names_the_columns_and_changes_no_row(export: Path, tmp_path: Path) -> None:
    write_exports(["ava"], tmp_path / "named", _probe(), _tracks(), TURNS, smooth=_smooth, ava_header=True)
    labels = ["video_id", "frame_timestamp", *(f"entity_box_{edge}" for edge in ("x1", "y1", "x2", "y2")), "label"]
    labels += ["entity_id"]
    for name, columns in (("ava_labels.csv", labels), ("ava_predictions.csv", [*labels, "score"])):
        assert _rows(tmp_path / "named" / "export" / name) == [columns, *_rows(export / name)]


def test_only_what_is_asked_for_is_written(tmp_path: Path) -> None:
    written = write_exports(["rttm"], tmp_path, _probe(), _tracks(), TURNS, smooth=_smooth)
    assert [path.name for path in written] == ["speakers.rttm"]
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["speakers.rttm"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mp3"):
        write_exports(["mp3"], tmp_path, _probe(), _tracks(), TURNS, smooth=_smooth)


def test_a_video_without_frames_faces_and_words(tmp_path: Path) -> None:
    empty = np.zeros(0, np.int32)
    none = np.zeros(0, np.float32)
    tracks = ScoredTracks(0, empty, empty, empty, none.reshape(0, 4), none, none)
    written = write_exports(FORMATS, tmp_path, _probe('odd, "name"\udcff'), tracks, (), smooth=_smooth)
    contents = [_unpickled(path) for path in written if path.suffix == ".pckl"]
    assert contents == [[], [], [], []]
    assert [json.loads(path.read_text()) for path in written if path.suffix == ".json"] == [[], [], []]


def test_a_name_that_breaks_fields_does_not(tmp_path: Path) -> None:
    write_exports(["rttm", "ava"], tmp_path, _probe('a, "b"\tc\udcff'), _tracks(), TURNS, smooth=_smooth)
    assert _rttm(tmp_path / "export" / "speakers.rttm")[0]["file"] == 'a,_"b"_c\\udcff'
    assert _rows(tmp_path / "export" / "ava_labels.csv")[0][0] == 'a, "b"\tc\\udcff'

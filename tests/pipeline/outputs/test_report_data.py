"""What the report shows, as values."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest

from config import Config
from pipeline.outputs import report_data as module
from pipeline.outputs.report_data import (
    changed_settings,
    curve,
    lanes,
    losses_of,
    report_data,
    speakers_of,
    speaking_rows,
    turns,
)
from pipeline.types import Losses
from tests.support.finished import finished

DONE = finished()
PERSONS = DONE.tracks.persons


def test_a_clip_has_what_is_shown_of_it() -> None:
    name = DONE.manifest["clips"][1]["clip"]
    data = report_data(DONE.manifest, DONE.transcript, DONE.tracks, posters={name: b"jpeg"}, sheets={})
    assert data["clips"][1] == {
        "index": 2,
        "text": "This is sentence 2.",
        "start": 6.0,
        "end": 8.0,
        "track": 0,
        "person": 0,
        "speaker": 1,
        "probability": 0.66,
        "score": 1.5,
        "margin": 0.0,
        "coverage": 1.0,
        "file": "seg_0002_track_000.mp4",
        "flags": ["overlap"],
        "style": "face 64x48",
        "unseen": [],
        "poster": "data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode(),
    }
    assert data["clips"][0]["poster"] == ""


def test_what_was_dropped_has_its_reason_and_no_person() -> None:
    data = report_data(DONE.manifest, DONE.transcript, DONE.tracks, posters={}, sheets={})
    (line,) = data["dropped"]
    assert (line["index"], line["reason"], line["person"], line["speaker"]) == (1, "not_visible", None, None)


def test_shots_and_length_are_in_seconds() -> None:
    data = report_data(DONE.manifest, DONE.transcript, DONE.tracks, posters={}, sheets={})
    assert (data["shots"], data["duration"]) == ([0, 9], 18)


def test_what_is_said_before_the_picture_begins_the_page() -> None:
    (line,) = DONE.manifest["dropped"]
    early = DONE.manifest | {"dropped": [line | {"start_time": -1.52, "end_time": -0.4}]}
    data = report_data(early, DONE.transcript, DONE.tracks, posters={}, sheets={})
    assert (data["begin"], data["duration"]) == (-1.52, 18)
    assert report_data(DONE.manifest, DONE.transcript, DONE.tracks, posters={}, sheets={})["begin"] == 0


def test_everything_is_json() -> None:
    data = report_data(DONE.manifest, DONE.transcript, DONE.tracks, posters={}, sheets={0: "./persons/person_000.jpg"})
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_lanes_are_of_the_speakers_first() -> None:
    """Person 1 is made the longest in view, and says nothing."""
    found = lanes(DONE.tracks, {0: 1}, {0: "./x.jpg"})
    assert [(lane["person"], lane["speaker"], lane["sheet"]) for lane in found] == [(0, 1, "./x.jpg"), (1, None, None)]
    assert (found[0]["seconds"], found[0]["tracks"]) == (18, 1)


def test_persons_of_several_tracks_have_one_lane() -> None:
    one = dataclasses.replace(DONE.tracks, person=np.zeros(len(DONE.tracks.track), np.int32))
    (lane,) = lanes(one, {}, {})
    assert (lane["tracks"], lane["curve"]["runs"][0][1][:1], lane["curve"]["runs"][0][2][:1]) == (2, [10], [90])


def test_the_number_of_lanes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LANES", 1)
    assert len(lanes(DONE.tracks, {1: 1}, {})) == 1


def test_who_a_person_is_follows_most_of_their_sentences() -> None:
    manifest = {
        "clips": [{"speaker_track": 0, "speaker": speaker} for speaker in (2, 2, 1)],
        "dropped": [{"speaker_track": None, "speaker": None}, {"speaker_track": 9, "speaker": 4}],
    }
    assert speakers_of(manifest, {0: 7}) == {7: 2}


def test_a_short_curve_has_a_column_a_frame() -> None:
    frames, shares = np.array([3, 4, 8], np.int32), np.array([0.1, 0.254, 1.0], np.float32)
    assert curve(frames, shares, 10) == {"step": 1, "runs": [[3, [10, 25], [10, 25]], [8, [100], [100]]]}


def test_a_long_curve_keeps_the_lowest_and_highest_of_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COLUMNS", 4)
    frames = np.arange(2, 10, dtype=np.int32)  # 10 frames in 4 columns are 3 frames a column: 2, 345, 678, 9
    shares = np.array([0.5, 0.1, 0.9, 0.2, 0.3, 0.3, 0.3, 1.0], np.float32)
    assert curve(frames, shares, 10) == {"step": 3, "runs": [[0, [50, 10, 30, 100], [50, 90, 30, 100]]]}


def test_a_curve_of_nothing() -> None:
    assert curve(np.zeros(0, np.int32), np.zeros(0, np.float32), 0) == {"step": 1, "runs": []}


def test_the_transcript_knows_the_sentence_of_each_word() -> None:
    found = turns(DONE.transcript, DONE.manifest)
    assert [turn["speaker"] for turn in found[:3]] == [1, None, 1]
    assert found[0]["words"][1] == [" is", 0.5, 1.0, 0]
    assert {word[3] for word in found[1]["words"]} == {1}


def test_words_without_speakers_are_shown_too() -> None:
    segments = [{"words": [{"word": " Hi", "start": 99.0, "end": 99.5}]}]
    assert turns({"segments": segments}, DONE.manifest) == [{"speaker": None, "words": [[" Hi", 99.0, 99.5, -1]]}]


def test_long_turns_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WORDS_A_TURN", 3)
    assert [len(turn["words"]) for turn in turns(DONE.transcript, DONE.manifest)[:2]] == [3, 1]


def test_settings_that_differ_are_told() -> None:
    assert changed_settings(DONE.manifest) == []
    changed = finished(config=Config(CLIP_CRF=30)).manifest
    assert changed_settings(changed) == [("CLIP_CRF", "30", str(Config().CLIP_CRF))]


def test_settings_of_another_version_are_told() -> None:
    manifest = {"settings": {"OLD": ["a", "b"]}}
    assert changed_settings(manifest) == [("OLD", "a, b", "unknown")]


def test_what_was_lost_is_told_in_words() -> None:
    assert losses_of(DONE.manifest) == []
    assert losses_of(finished(losses=Losses(2, 3, 1.5)).manifest) == [
        "2 packets of the picture could not be decoded",
        "3 packets of the sound could not be decoded",
        "the last 1.5 s of the picture are missing",
    ]


def test_of_many_silent_persons_those_longest_in_view_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SILENT", 2)
    silent = {"speaker": None, "seconds": 0.0, "words": 0, "sentences": 0}
    persons = [{"person": n, "in_view": 10.0 - n, **silent} for n in range(4)]
    nobody = {"seconds": 0.0, "words": 0, "sentences": 0}
    rows = speaking_rows({"speaking": {"speech": 0.0, "off_screen": nobody, "persons": persons}})
    assert [(row["who"], row["share"]) for row in rows] == [("Person 0", 0.0), ("Person 1", 0.0)]
    assert speaking_rows({}) == []

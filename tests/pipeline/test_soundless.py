"""What is done of a video without sound."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.graph import GRAPH
from pipeline.results import Artifact
from pipeline.soundless import outcome, skipped_without_sound, without_sound
from pipeline.stage import CLIPS_POOL, Graph, NoSound, Stage, VideoJob
from pipeline.types import ModelChoice
from tests.support.by_hand import prints

FACES, WORDS, CLIPS, MASKS, DRAWN = (Artifact(name) for name in ("faces", "words", "clips", "masks", "drawn"))


def _nothing(*_: Any) -> Any:
    raise NotImplementedError


def stage(name: str, makes: tuple[Artifact, ...] = (), needs: tuple[Artifact, ...] = (), **more: Any) -> Stage:
    return Stage(name, _nothing, CLIPS_POOL, makes, needs, **more)


SEE = stage("see", (FACES,), feeds="frames", roles=("faces",))
HEAR = stage("hear", (WORDS,), feeds="sound", roles=("words",))
CUT = stage("cut", (CLIPS,), (FACES, WORDS))
MASK = stage("mask", (MASKS,), (FACES,), optional=True, setting="CLIP_TEXT")
DRAW = stage("draw", (DRAWN,), (MASKS,), optional=True, setting="ANNOTATE")
SYNC = stage("sync", (), (FACES,), optional=True, hears=True)
SEND = stage("send", (), (CLIPS,), optional=True)
ALL = Graph((SEE, HEAR, CUT, MASK, DRAW, SYNC, SEND), _nothing, _nothing)
CONFIG = Config(CLIP_TEXT=True, ANNOTATE=True)
VIDEO = VideoJob(0, Path("/v/a.mp4"), Path("/v/a"), prints("v", "s", failure="f"), kept=frozenset({"see"}), renews=True)


@pytest.mark.parametrize(
    ("name", "needs"),
    [("see", False), ("hear", True), ("cut", True), ("mask", False), ("draw", False), ("sync", True), ("send", True)],
)
def test_a_stage_needs_sound_that_is_fed_with_it_or_reads_it_or_is_made_of_what_such_a_one_makes(
    name: str, needs: bool
) -> None:
    assert ALL.needs_sound(ALL.stage(name)) is needs


def test_of_the_product_faces_and_the_upright_video_can_do_without() -> None:
    assert [stage.name for stage in GRAPH.stages if not GRAPH.needs_sound(stage)] == ["vision", "reframe"]
    everything = Config(CLIP_TEXT=True, EXPORT=("sieve",), ANNOTATE=True)
    assert without_sound(GRAPH, everything, VIDEO, "mute") is None
    video = without_sound(GRAPH, dataclasses.replace(everything, REFRAME=True), VIDEO, "mute")
    assert video is not None and video.no_sound is not None
    assert (video.no_sound.outputs, video.no_sound.missing) == (
        ("reframe",),
        ("clips", "clip_texts", "export", "annotate"),
    )


def test_outputs_that_can_do_without_are_made_with_what_they_need_and_all_else_is_left_out() -> None:
    video = without_sound(ALL, CONFIG, VIDEO, "mute")
    assert video is not None and video.no_sound == NoSound(
        "mute", ("mask", "draw"), ("cut", "sync", "send"), frozenset({"hear", "cut", "sync", "send"})
    )
    assert video.left_out == {"hear", "cut", "sync", "send"} and not video.kept and not video.renews
    assert not ALL.takes_sound(video, ALL.stages) and ALL.takes_sound(VIDEO, ALL.stages)


def test_an_output_does_without_what_it_only_wants() -> None:
    """It is left out where there is no sound; where there is, it is needed, and counts in the fingerprint."""
    frame = stage("frame", (), (FACES,), wants=(WORDS,), optional=True)
    graph = Graph((SEE, HEAR, CUT, frame), _nothing, _nothing)
    assert not graph.needs_sound(frame)
    assert [each.name for each in graph.chain(frame)] == ["see", "hear", "frame"]
    assert [each.name for each in graph.chain(frame, sound=False)] == ["see", "frame"]
    assert graph.before(frame) == {"see", "hear", "cut"}
    video = without_sound(graph, Config(), VIDEO, "mute")
    assert video is not None and video.left_out == {"hear", "cut"}
    with pytest.raises(ValueError, match="frame needs words, which no stage before it makes"):
        Graph((SEE, frame, HEAR, CUT), _nothing, _nothing)


def test_a_stage_that_nobody_needs_then_is_left_out() -> None:
    look = stage("look", (MASKS,), feeds="frames")
    count = stage("count", (), (FACES,), optional=True)
    faces = stage("see", (FACES,))
    graph = Graph((faces, look, HEAR, stage("cut", (CLIPS,), (FACES, WORDS, MASKS)), count), _nothing, _nothing)
    video = without_sound(graph, CONFIG, VIDEO, "mute")
    assert video is not None and video.left_out == {"look", "hear", "cut"}


def test_nothing_is_done_where_no_output_that_is_asked_for_can_do_without() -> None:
    assert without_sound(ALL, Config(), VIDEO, "mute") is None
    mask_alone = without_sound(ALL, Config(CLIP_TEXT=True), VIDEO, "mute")
    assert mask_alone is not None and mask_alone.no_sound is not None and mask_alone.no_sound.outputs == ("mask",)


def test_an_output_of_finished_results_is_none_that_can_do_without() -> None:
    """The stage that ends a video is not run, whatever it needs."""
    graph = Graph((SEE, stage("cut", (CLIPS,), (FACES,)), SEND, MASK), _nothing, _nothing)
    assert without_sound(graph, Config(), VIDEO, "mute") is None
    video = without_sound(graph, CONFIG, VIDEO, "mute")
    assert video is not None and video.no_sound is not None
    assert (video.no_sound.outputs, video.no_sound.missing) == (("mask",), ("cut", "send"))


def test_what_is_made_without_sound_has_fingerprints_of_its_own() -> None:
    video = without_sound(ALL, CONFIG, VIDEO, "mute")
    assert video is not None and video.prints.failure == VIDEO.prints.failure == "f"
    assert video.prints.of("vision") not in ("", "v") and video.prints.of("vision") != video.prints.of("speech")
    assert len(video.prints.of("vision")) == 64 and video.prints.of("clips") == ""


def test_models_that_take_no_part_are_not_named() -> None:
    models = tuple(ModelChoice(role, role, None, stands_in_for="other") for role in ("faces", "words"))
    video = without_sound(ALL, CONFIG, dataclasses.replace(VIDEO, models=models), "mute")
    assert video is not None and video.models == models[:1]


def test_the_message_says_what_was_made_and_what_was_not() -> None:
    no_sound = NoSound("a.mp4: mute", ("mask", "draw"), ("cut", "sync", "send"), frozenset())
    text = "a.mp4: mute; made without sound: mask and draw; not made for want of sound: cut, sync and send"
    assert outcome(no_sound, ["mask", "draw"]) == text
    assert outcome(no_sound, []) == "a.mp4: mute; not made for want of sound: cut, sync and send"
    skipped = skipped_without_sound(VIDEO, no_sound)
    assert (skipped.status, skipped.reason_code, skipped.manifest) == ("skipped", "no_audio", None)
    assert skipped.message == f"{text} (by an earlier run with the same settings; --force does it again)"

"""Which stage runs next: by hand, and over random graphs with random failures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.executors.scheduler import Ended, Failure, Scheduler
from pipeline.results import Artifact
from pipeline.stage import CLIPS_POOL, Graph, Stage, StageResult

A, B, C = Artifact("a"), Artifact("b"), Artifact("c")
WHY = Failure("worker_died", "it died")


def _nothing(*_: Any) -> Any:
    raise NotImplementedError


def stage(name: str, makes: tuple[Artifact, ...] = (), needs: tuple[Artifact, ...] = (), **more: Any) -> Stage:
    return Stage(name, _nothing, CLIPS_POOL, makes, needs, **more)


def scheduler_of(*stages: Stage, tries: int = 2) -> Scheduler:
    return Scheduler(Graph(stages, _nothing, _nothing), stages, tries)


SEE, HEAR = stage("see", (A,)), stage("hear", (B,))
CUT = stage("cut", (C,), (A, B))
DRAW = stage("draw", (Artifact("d"),), (A,), optional=True)
SEND = stage("send", (Artifact("e"),), (Artifact("d"),), optional=True)
ALL = ("see", "hear", "cut", "draw", "send")


def take(scheduler: Scheduler, *names: str) -> list[tuple[str, int]]:
    """Hand out all that can be begun."""
    found = []
    while (handed := scheduler.next(names or ALL)) is not None:
        scheduler.begun(*handed)
        found.append(handed)
    return found


class TestByHand:
    def test_a_stage_waits_for_all_that_it_needs(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        assert scheduler.add(1) is None
        assert sorted(take(scheduler)) == [("hear", 1), ("see", 1)]
        assert scheduler.done("see", 1, StageResult()) is None and take(scheduler) == []
        assert scheduler.done("hear", 1, StageResult()) is None and take(scheduler) == [("cut", 1)]
        ended = scheduler.done("cut", 1, StageResult(("slow",), "summary"))
        assert ended == Ended(1, ("slow",), "summary") and len(scheduler) == 0

    def test_what_is_kept_is_not_handed_out(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        scheduler.add(1, {"see", "hear"})
        assert take(scheduler) == [("cut", 1)]
        assert scheduler.add(2, {"see", "hear", "cut"}, "of an earlier run") == Ended(2, (), "of an earlier run")

    def test_what_is_left_out_is_not_handed_out_and_neither_is_what_needs_it(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, DRAW, SEND)
        assert scheduler.add(1, left_out={"hear"}) is None
        assert take(scheduler) == [("see", 1)]
        scheduler.done("see", 1, StageResult(("slow",)))
        assert take(scheduler) == [("draw", 1)]
        scheduler.done("draw", 1, StageResult())
        assert take(scheduler) == [("send", 1)]
        assert scheduler.done("send", 1, StageResult()) == Ended(1, ("slow",))

    def test_what_is_kept_is_there_whatever_is_left_out(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, DRAW)
        scheduler.add(1, {"hear"}, left_out={"hear", "draw"})
        assert take(scheduler) == [("see", 1)]
        scheduler.done("see", 1, StageResult())
        assert take(scheduler) == [("cut", 1)]
        assert scheduler.add(2, {"see"}, "s", ALL) == Ended(2, (), "s")

    def test_the_video_that_was_admitted_first_goes_first_and_its_later_stage_before_its_earlier(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        for job in (1, 2, 3):
            scheduler.add(job, {"see"} if job == 2 else {"see", "hear"})
        assert [scheduler.next(["hear", "cut"]) for _ in range(3)] == [("cut", 1), ("hear", 2), ("cut", 3)]
        assert take(scheduler, "see") == []

    def test_outputs_begin_when_all_else_has_ended(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, DRAW)
        scheduler.add(1)
        take(scheduler)
        for name in ("see", "hear"):
            scheduler.done(name, 1, StageResult())
        assert take(scheduler) == [("cut", 1)]
        assert scheduler.done("cut", 1, StageResult(summary="s")) is None
        assert take(scheduler) == [("draw", 1)]
        assert scheduler.done("draw", 1, StageResult()) == Ended(1, (), "s")

    def test_a_failure_ends_a_video_and_what_is_said_of_it_later_is_passed_over(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        scheduler.add(1)
        take(scheduler)
        assert scheduler.failed("see", 1, WHY) == Ended(1, (), failure=WHY)
        assert scheduler.done("hear", 1, StageResult()) is None and scheduler.failed("hear", 1, WHY) is None
        assert scheduler.lost("hear", 1, WHY) is None and take(scheduler) == [] and 1 not in scheduler

    def test_an_output_that_fails_leaves_a_note_and_takes_along_what_is_made_of_it(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, DRAW, SEND)
        scheduler.add(1, {"see", "hear", "cut"}, "s")
        assert take(scheduler) == [("draw", 1)]
        ended = scheduler.failed("draw", 1, Failure("io_error", "the disk is full"))
        assert ended is not None and ended.failure is None and ended.summary == "s"
        assert ended.notes == (
            "draw could not be written: the disk is full",
            "send could not be written: the output that it is made of is missing",
        )
        assert ended.dropped == {"draw", "send"}

    @pytest.mark.parametrize("tries", [1, 2, 3])
    def test_a_lost_stage_is_begun_again_so_often_and_no_more(self, tries: int) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, tries=tries)
        scheduler.add(1, {"hear"})
        for _ in range(tries - 1):
            assert take(scheduler) == [("see", 1)]
            assert scheduler.lost("see", 1, WHY) is None
        assert take(scheduler) == [("see", 1)]
        assert scheduler.lost("see", 1, WHY) == Ended(1, (), failure=WHY)

    def test_the_tries_of_one_stage_are_not_those_of_another(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        scheduler.add(1)
        take(scheduler)
        assert scheduler.lost("see", 1, WHY) is None and scheduler.lost("hear", 1, WHY) is None
        assert sorted(take(scheduler)) == [("hear", 1), ("see", 1)]

    def test_a_lost_output_is_begun_again_and_then_leaves_a_note(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT, DRAW)
        scheduler.add(1, {"see", "hear", "cut"})
        take(scheduler)
        assert scheduler.lost("draw", 1, WHY) is None
        take(scheduler)
        ended = scheduler.lost("draw", 1, WHY)
        assert ended is not None and ended.failure is None and ended.notes == ("draw could not be written: it died",)

    def test_a_video_can_be_cancelled_whatever_its_stages_do(self) -> None:
        scheduler = scheduler_of(SEE, HEAR, CUT)
        scheduler.add(1)
        assert scheduler.next(["see"]) == ("see", 1)
        assert scheduler.cancel(1, WHY) == Ended(1, (), failure=WHY)
        assert scheduler.cancel(1, WHY) is None and take(scheduler) == []


class TestGraphs:
    """Graphs that cannot be are refused when they are declared."""

    @pytest.mark.parametrize(
        ("stages", "message"),
        [
            ((CUT,), "cut needs a, b"),
            ((SEE, stage("see", (B,))), "one stage of the name"),
            ((SEE, stage("other", (A,))), "one stage of the name"),
            ((SEE, DRAW, stage("cut", (C,), DRAW.makes)), "must be one"),
            ((stage("x", (A,), optional=True),), "not optional"),
            ((stage("x", (A,), feeds="frames"), stage("y", (B,), feeds="frames")), "one consumer of frames"),
            ((stage("decode", (A,)),), "one stage of the name"),
        ],
    )
    def test_they_are_refused(self, stages: tuple[Stage, ...], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Graph(stages, _nothing, _nothing)

    def test_a_chain_is_all_that_a_result_depends_on(self) -> None:
        graph = Graph((SEE, HEAR, CUT, DRAW, SEND), _nothing, _nothing)
        assert [each.name for each in graph.chain(SEND)] == ["see", "draw", "send"]
        assert graph.before(SEND) == {"see", "hear", "cut", "draw"} and graph.final is CUT


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Stage, ...]:
    """Return stages that each make one artifact and need some of those before; the first is not optional."""
    stages: list[Stage] = []
    for number in range(draw(st.integers(1, 7))):
        optional = bool(stages) and draw(st.booleans())
        usable = [each for each in stages if optional or not each.optional]
        needs = tuple(each.makes[0] for each in usable if draw(st.booleans()))
        stages.append(stage(f"s{number}", (Artifact(f"f{number}"),), needs, optional=optional))
    return tuple(stages)


def without(graph: Graph, made: set[str], left_out: set[str]) -> set[str]:
    """Return the stages that cannot be run where *left_out* are not, and what was *made* is there."""
    gone = left_out - made
    for _ in graph.stages:
        gone |= {
            each.name
            for each in graph.stages
            if each.name not in made and any(graph.maker(artifact).name in gone for artifact in each.needs)
        }
    return gone


@settings(max_examples=150, deadline=None)
@given(graphs(), st.data())
def test_every_video_ends_once_nothing_runs_too_early_and_nothing_finished_is_lost(
    stages: tuple[Stage, ...], data: st.DataObject
) -> None:
    """Workers take what is handed out and do it, fail at it, die, or come too late, in any order. Of some videos some
    stages are left out."""
    graph, names, tries = (
        Graph(stages, _nothing, _nothing),
        [each.name for each in stages],
        data.draw(st.integers(1, 3)),
    )
    scheduler = Scheduler(graph, stages, tries)
    waiting = list(range(data.draw(st.integers(1, 4))))
    made: dict[int, set[str]] = {}
    gone: dict[int, set[str]] = {}
    begun: dict[tuple[str, int], int] = {}
    bad: dict[int, set[str]] = {}
    ended: dict[int, Ended] = {}
    running: list[tuple[str, int]] = []

    def note(end: Ended | None) -> None:
        if end is not None:
            assert end.job not in ended, "it ended twice"
            ended[end.job] = end

    def act(what: str) -> None:
        if what == "add" and waiting:
            job = waiting.pop(0)
            made[job] = set(data.draw(st.sets(st.sampled_from(names))))
            bad[job] = set()
            left_out = data.draw(st.sets(st.sampled_from(names), max_size=2))
            gone[job] = without(graph, made[job], left_out)
            note(scheduler.add(job, made[job], left_out=left_out))
        elif what == "next":
            handed = scheduler.next(data.draw(st.permutations(names)))
            if handed is not None:
                name, job = handed
                needs = {graph.maker(artifact).name for artifact in graph.stage(name).needs}
                assert needs <= made[job], "it began before what it needs was there"
                assert name not in made[job], "what was finished is done again"
                assert name not in gone[job], "what is left out is done"
                assert handed not in running, "two workers have it"
                begun[handed] = scheduler.begun(name, job)
                assert begun[handed] <= tries
                running.append(handed)
        elif what == "late" and ended:
            job = data.draw(st.sampled_from(sorted(ended)))
            assert scheduler.done(data.draw(st.sampled_from(names)), job, StageResult()) is None
        elif what in ("done", "fail", "die") and running:
            name, job = handed = running.pop(data.draw(st.integers(0, len(running) - 1)))
            if what == "done":
                if job in scheduler:
                    made[job].add(name)
                note(scheduler.done(name, job, StageResult(summary=name)))
            elif what == "fail":
                bad[job].add(name)
                note(scheduler.failed(name, job, WHY))
            else:
                if begun[handed] >= tries:
                    bad[job].add(name)
                note(scheduler.lost(name, job, WHY))

    acts = st.sampled_from(["add", "next", "next", "done", "done", "fail", "die", "late"])
    for what in data.draw(st.lists(acts, max_size=60)):
        act(what)
    for what in ["add"] * len(waiting) + ["next", "done"] * (len(names) * len(made | dict.fromkeys(waiting)) + 60):
        act(what)
    assert not waiting and not running and len(scheduler) == 0, "it does not come to an end"
    assert set(ended) == set(made), "every video that was begun has ended"
    required = {each.name for each in graph.required}
    for job, end in ended.items():
        assert (end.failure is None) is (required - gone[job] <= made[job])
        if end.failure is None:
            outputs = {each.name for each in graph.outputs}
            assert outputs - gone[job] - made[job] == {text.split()[0] for text in end.notes} == end.dropped
        else:
            assert bad[job] & required


def test_no_video_waits_for_ever_beside_others() -> None:
    """One worker, many videos: each stage of the one that was admitted first is done before those of later ones."""
    scheduler = scheduler_of(SEE, HEAR, CUT)
    for job in range(50):
        scheduler.add(job)
    order = []
    while (handed := scheduler.next(["see", "hear", "cut"])) is not None:
        order.append(handed[1])
        scheduler.begun(*handed)
        scheduler.done(*handed, StageResult())
    assert order == sorted(order) and len(order) == 150

"""The executor for a cluster, whatever engine places its workers.

A team is a vision, a speech and a clips worker on one machine; each has one video at a time. Paths go in and small
values come out: pictures and sound never leave the machine that decodes them. The driver holds all state of the run,
and all results lie on storage that every machine sees, so that a driver that dies loses nothing that was finished.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config import Config
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.admission import Intake
from pipeline.executors.base import Listener
from pipeline.executors.cluster.backend import Cluster, Lost, Member, Team
from pipeline.executors.cluster.board import Board
from pipeline.executors.cluster.resources import team_count
from pipeline.executors.cluster.worker import NOT_READY, Begun, Order, Readiness
from pipeline.executors.events import Event
from pipeline.executors.local.messages import Failed
from pipeline.executors.local.watchdog import START_WITHIN_S
from pipeline.executors.shutdown import Stopping
from pipeline.outputs.kept import remove_partial
from pipeline.stages import Models, VideoJob

LOOK_EVERY_S = 0.5
"""The driver looks around this often even when nobody answers."""

ASK_AGAIN_S = 5.0
"""A member that was lost is asked again after this time whether it is back."""

BACK_WITHIN_S = 60.0
"""Time that the engine gets to bring a lost member back before its team is given up for a new one."""


class ClusterExecutor:
    """Runs the stages on the machines of a cluster.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        work_dir: of the driver; every worker has its own.
        cluster: where the workers are.
    """

    def __init__(self, config: Config, models: Models, work_dir: Path, cluster: Cluster) -> None:
        self._config, self._models, self._work_dir, self._cluster = config, models, work_dir, cluster
        self._stopping = Stopping(config.GRACE_S)
        self._teams: list[Team] = []
        self._board: Board | None = None
        self._in_flight = 0
        self._is_staffed = False
        self._staffed_s = self._looked_s = time.monotonic()

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """As `Executor.queues`: the others are the engine's."""
        return {"videos": {"bound": self._in_flight, "peak": self._board.peak if self._board is not None else 0}}

    @property
    def peak_bytes(self) -> int:
        """As `Executor.peak_bytes`: the engine watches over the memory of its machines."""
        return 0

    def interrupt(self) -> None:
        """As `Executor.interrupt`."""
        self._stopping.ask()

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        if not videos:
            return
        self._listener = listener
        intake = Intake(self._config, self._work_dir, videos, listener)
        board = self._board = Board(self._config, self._models, intake, listener, time.time())
        try:
            self._cluster.open(videos)
            self._start_teams(len(videos))
            while len(intake) or len(board):
                self._stopping.check(intake, len(board), listener.on_event)
                self._give_work(intake, board)
                self._take_answers(board)
                self._look_after_members(board)
            if self._stopping.is_asked:
                raise KeyboardInterrupt
            self._cluster.tidy([member for member in self._members if member.ready])
        finally:
            self._cluster.close(self._members)
            for video in board.videos:
                remove_partial(video.folder)
            intake.release_all()

    @property
    def _members(self) -> list[Member]:
        return [member for team in self._teams for member in team.members]

    def _start_teams(self, videos: int) -> None:
        count = min(team_count(self._config, self._cluster.machines()), videos)
        most = self._config.MAX_VIDEOS_IN_FLIGHT
        self._in_flight = 2 * count + 2 if isinstance(most, str) else most
        for _ in range(count):
            self._teams.append(self._new_team())
        self._tell("teams", f"teams of workers asked of the cluster: {count}", more={"teams": count})

    def _new_team(self) -> Team:
        team = self._cluster.new_team()
        for member in team.members:
            self._ask(member)
        return team

    def _ask(self, member: Member) -> None:
        """Asks whether it can work."""
        member.order, member.heard_s = None, time.monotonic()
        member.asked = self._cluster.ask(member)

    def _give_work(self, intake: Intake, board: Board) -> None:
        while self._is_staffed and not self._stopping.is_asked and len(board) < self._in_flight:
            wanted = intake.next(len(board))
            if wanted is None:
                break
            board.begin(wanted)
        for member in self._members:
            if member.ready and member.asked is None:
                order = board.next(member.kind)
                if order is not None:
                    member.order, member.heard_s, member.silent_s = order, time.monotonic(), 0.0
                    member.asked = self._cluster.do(member, order)

    def _take_answers(self, board: Board) -> None:
        by_asked = {member.asked: member for member in self._members if member.asked is not None}
        if not by_asked:
            time.sleep(LOOK_EVERY_S)
            return
        answers = self._cluster.answers(list(by_asked), LOOK_EVERY_S)
        self._take_reports(board)
        for asked, answer in answers:
            member = by_asked[asked]
            order, member.order, member.asked = member.order, None, None
            if isinstance(answer, Lost):
                text = f"a {member.kind} worker was lost: {answer.why}"
                self._tell("worker_died", text, stage=member.kind, level="warning")
                self._lose(member, order, board)
            elif order is None or (isinstance(answer, Failed) and answer.reason_code == NOT_READY):
                self._on_readiness(member, order, answer, board)
            else:
                board.answer(member.kind, order, answer)

    def _on_readiness(self, member: Member, order: Order | None, answer: Readiness | Failed, board: Board) -> None:
        """Ends a run whose models cannot be loaded. Where that worked before, the worker is started again."""
        if isinstance(answer, Readiness):
            member.machine = answer.machine
        fault = answer.fault if isinstance(answer, Readiness) else answer.message
        if not fault:
            member.ready, member.lost_s = True, 0.0
            self._is_staffed = self._is_staffed or any(team.is_ready for team in self._teams)
            return
        text = f"{member.kind} cannot start: {fault}"
        if not self._is_staffed:
            raise InputError("not_ready", text)
        self._tell("not_ready", text, stage=member.kind, level="warning")
        self._cluster.restart(member)
        self._lose(member, order, board)

    def _lose(self, member: Member, order: Order | None, board: Board) -> None:
        """Its video goes to another; it is asked again later whether it is back."""
        now_s = time.monotonic()
        member.ready, member.lost_s, member.heard_s = False, member.lost_s or now_s, now_s
        if order is not None:
            board.lost(member.kind, order, WorkerDied(member.kind, None, member.silent_s))

    def _take_reports(self, board: Board) -> None:
        """What was said before the answers were."""
        for kind, message in self._cluster.reports():
            for member in self._members:
                if member.kind == kind and member.order is not None and member.order.job == message.job:
                    member.heard_s = time.monotonic()
                    if isinstance(message, Begun):
                        member.machine, member.lost_s = message.machine, 0.0
            board.report(message)

    def _look_after_members(self, board: Board) -> None:
        """Ends what hangs, and gives up teams that do not come back."""
        now_s = time.monotonic()
        if now_s - self._looked_s > ASK_AGAIN_S:
            self._looked_s = now_s
            living = self._cluster.living()
            for member in self._members:
                if member.machine and member.machine not in living:
                    member.lost_s, member.ready = member.lost_s or now_s, False
        for member in self._members:
            self._excuse_start(member, now_s)
            silent_s = now_s - member.heard_s
            if member.order is not None and silent_s > self._config.HANG_S:
                member.silent_s, member.heard_s, member.starting_s = silent_s, now_s, 0.0
                self._cluster.restart(member)
            elif member.asked is None and not member.ready and silent_s > ASK_AGAIN_S:
                self._ask(member)
        if any(team.is_ready for team in self._teams):
            self._staffed_s = now_s
            for team in self._teams:
                if any(member.lost_s and now_s - member.lost_s > BACK_WITHIN_S for member in team.members):
                    self._replace(team, board)
        elif now_s - self._staffed_s > max(self._config.HANG_S, START_WITHIN_S):
            raise WorkerDied("of every team", None)

    def _excuse_start(self, member: Member, now_s: float) -> None:
        """One that the engine is starting again has not fallen silent, unless that takes too long."""
        if not self._cluster.is_starting(member):
            member.starting_s = 0.0
            return
        member.starting_s = member.starting_s or now_s
        if now_s - member.starting_s <= START_WITHIN_S:
            member.heard_s = now_s

    def _replace(self, team: Team, board: Board) -> None:
        """Gives up a team whose machine is gone; another is asked for, and works when there is room for it."""
        self._tell("worker_died", "a team has not come back; another is asked of the cluster", level="warning")
        self._cluster.give_up(team)
        for member in team.members:
            if member.order is not None:
                self._lose(member, member.order, board)
        self._teams[self._teams.index(team)] = self._new_team()

    def _tell(self, name: str, message: str, stage: str = "", **more: Any) -> None:
        self._listener.on_event(Event(name, message, None, stage, **more))

"""The stages over videos or results on a storage: what a stage needs is fetched first, what it leaves is pushed.

The stages themselves see paths in the mirror. Each function works on whatever machine it is sent to: a video, its
scores and its words are fetched there when they are not in the mirror yet. On one machine all stages share the copy,
which goes when the video has ended; the workers of a cluster have a copy each (`at_hand`) while they work on it.
"""

from __future__ import annotations

import dataclasses
import functools
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from config import Config
from pipeline.clips.worker import FinishedVideo
from pipeline.errors import InputError
from pipeline.outputs.kept import FILES, MANIFEST, NEXT
from pipeline.stages import STAGES, Models, Prepared, Stages, VideoJob
from pipeline.storage.copies import KEPT, bring, bring_video, push_changed, push_named, stamps
from pipeline.storage.mirror import Remote
from pipeline.storage.places import check
from pipeline.types import FaceTracks, Transcript


def remote_stages(stages: Stages = STAGES) -> Stages:
    """*stages* for videos of which something lies on a storage; others are done as by *stages*. As those, they can be
    sent to another process by their names."""
    return dataclasses.replace(
        stages,
        prepare=functools.partial(_prepare, stages.prepare),
        keep_tracks=functools.partial(_keep_tracks, stages.keep_tracks),
        keep_words=functools.partial(_keep_words, stages.keep_words),
        finish=functools.partial(_finish, stages.finish),
        extras=functools.partial(_extras, stages.extras),
    )


@contextmanager
def at_hand(video: VideoJob, prepared: Prepared | None, folder: Path) -> Iterator[tuple[VideoJob, Prepared | None]]:
    """*video*, and what is known of it, with the mirror in a place of its own in *folder*, which goes at the end.

    What does not lie on a storage stays where it is.

    Raises:
        InputError: what is raised inside, naming the URL in place of a path.
    """
    if video.remote is None:
        yield video, prepared
        return
    place = video.remote.moved(folder / f"mirror-{uuid.uuid4().hex[:8]}")
    path = video.path if place.video is None else place.video.path
    results = video.folder if place.results is None else place.results.path
    if prepared is not None:
        prepared = dataclasses.replace(prepared, probe=dataclasses.replace(prepared.probe, path=path))
    try:
        yield dataclasses.replace(video, path=path, folder=results, remote=place), prepared
    except InputError as error:
        if error.path is None:
            raise
        raise InputError(error.reason_code, place.told(error.message), place.told(str(error.path))) from error
    finally:
        shutil.rmtree(place.root, ignore_errors=True)


def storage_problems(videos: Sequence[VideoJob]) -> list[str]:
    """What this machine cannot do on the storage of *videos*, if they have one, a line each; none: it is fit."""
    copies = [video.remote for video in videos if video.remote is not None]
    source = next((each.video.url for each in copies if each.video is not None), "")
    output = next((each.results.url for each in copies if each.results is not None), "")
    try:
        check(source, output)
    except InputError as error:
        return [str(error)]
    return []


def _prepare(
    stage: Callable[[VideoJob, Path | None, Config, Callable[[float], None]], Prepared],
    job: VideoJob,
    sound: Path | None,
    config: Config,
    on_seconds: Callable[[float], None],
) -> Prepared:
    """Fetches the video, and gives what is found its URL."""
    if job.remote is not None:
        bring_video(job.remote, lambda _: on_seconds(0.0))
        if "clips" in job.kept:
            bring(job.remote, (MANIFEST,))
    prepared = stage(job, sound, config, on_seconds)
    if job.remote is None or job.remote.video is None:
        return prepared
    return dataclasses.replace(prepared, probe=dataclasses.replace(prepared.probe, url=job.remote.video.url))


def _keep_tracks(
    stage: Callable[[VideoJob, Prepared, FaceTracks, int], Path],
    job: VideoJob,
    prepared: Prepared,
    tracks: FaceTracks,
    lost_packets: int,
) -> Path:
    """Pushes the scores under their final name too: whoever cuts the clips may be on another machine. Their fingerprint
    says what they are of, so that they are right even when nobody waits for this attempt any more."""
    return _pushed(job, stage(job, prepared, tracks, lost_packets), "vision")


def _keep_words(stage: Callable[[VideoJob, Transcript], Path], job: VideoJob, transcript: Transcript) -> Path:
    """Likewise the words."""
    return _pushed(job, stage(job, transcript), "speech")


def _pushed(job: VideoJob, pending: Path, stage: str) -> Path:
    if job.remote is not None:
        try:
            push_named(job.remote, pending, f"{NEXT}/{FILES[stage]}" if job.renews else FILES[stage])
        except BaseException:
            pending.unlink(missing_ok=True)
            raise
    return pending


def _finish(
    stage: Callable[
        [VideoJob, Prepared, Models, Config, Mapping[str, float], Callable[[int, int], None]], FinishedVideo
    ],
    job: VideoJob,
    prepared: Prepared,
    models: Models,
    config: Config,
    timings: Mapping[str, float],
    on_clip: Callable[[int, int], None],
) -> FinishedVideo:
    """Fetches what the clips are made of, and pushes everything that the video leaves, the manifest last."""
    if job.remote is None:
        return stage(job, prepared, models, config, timings, on_clip)
    _fetch(job.remote, lambda: on_clip(0, 0), job.renews)
    so_far = [0, 0]

    def count(cut: int, total: int) -> None:
        so_far[:] = cut, total
        on_clip(cut, total)

    before = stamps(job.folder)
    finished = stage(job, prepared, models, config, timings, count)
    push_changed(job.remote, before, lambda: on_clip(*so_far))
    return finished


def _extras(
    stage: Callable[[VideoJob, Prepared, Models, Config, Callable[[float, float], None]], None],
    job: VideoJob,
    prepared: Prepared,
    models: Models,
    config: Config,
    on_seconds: Callable[[float, float], None],
) -> None:
    """Likewise with what is asked for beside the clips."""
    if job.remote is None:
        stage(job, prepared, models, config, on_seconds)
        return
    length_s = prepared.probe.length_s
    _fetch(job.remote, lambda: on_seconds(0.0, length_s))
    before = stamps(job.folder)
    stage(job, prepared, models, config, on_seconds)
    push_changed(job.remote, before, lambda: on_seconds(length_s, length_s))


def _fetch(place: Remote, pulse: Callable[[], None], renews: bool = False) -> None:
    """Brings what a stage after vision and speech needs to this machine; *pulse* is called as it comes."""
    bring_video(place, lambda _: pulse())
    bring(place, [*KEPT, *(f"{NEXT}/{name}" for name in KEPT if renews)], lambda _: pulse())

"""``--reframe-plan``: render the edited plan of one video, without any analysis."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.clips.captioning import caption_filters, captioned, check_captions, read_spoken
from pipeline.clips.upright import CAPTIONS, PLAN, UPRIGHT, rate_of
from pipeline.errors import InputError, ToolError
from pipeline.executors.locks import VideoLocks
from pipeline.executors.work_dir import root_of
from pipeline.framing.plan_file import PlanFile, read_plan, write_plan
from pipeline.graph import GRAPH
from pipeline.machine import core_count
from pipeline.media.encode import find_ffmpeg
from pipeline.media.excerpts import excerpted
from pipeline.media.probe import probe, with_sound_file
from pipeline.opening import limits_of
from pipeline.render.reframe import reframe
from pipeline.results import forget_made, remove_partial, remove_ranges
from pipeline.run.plan import located
from pipeline.settings import REFRAMED
from pipeline.sources.discover import discover, result_folders
from pipeline.storage.places import is_url
from pipeline.types import Excerpt, Probe

TENTHS = 10
"""Reports of progress."""

BEYOND_FRAMES = 2
"""Grid frames by which a plan may reach beyond the end that the file claims."""


def render_edited(source: Path | str, config: Config, say: Callable[[str], None], dry: bool = False) -> int:
    """Write the upright video of ``REFRAME_PLAN`` into the results of the one video of *source*.

    The part of the video that the plan has runs for is written. A later run with ``REFRAME`` plans the video itself
    again.

    Args:
        source: the video, or a folder that holds no other.
        config: settings.
        say: gets each line.
        dry: check everything, and write nothing.

    Returns:
        The exit code: 0, or 1 where the video could not be written.

    Raises:
        InputError: the plan, the video or a setting is wrong; nothing was started.
    """
    if config.RANGES:
        message = "REFRAME_PLAN renders without words, and RANGES end with sentences. Give one of the two"
        raise InputError("bad_setting", message)
    path, folder = _video_of(source, config)
    file = read_plan(Path(config.REFRAME_PLAN).expanduser())
    found = _fitting(_opened(path, config), file)
    find_ffmpeg(*caption_filters(config), timed=True)
    check_captions(config)
    spoken = read_spoken(folder) if config.CAPTIONS != "none" else None
    begin_s, end_s = file.plan.span_s
    say(f"{path.name}: {end_s - begin_s:.1f} s of {len(file.plan.runs)} runs, to {folder / UPRIGHT.file}")
    if dry:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    locks = VideoLocks(config, root_of(config.WORK_DIR), GRAPH)
    if not locks.lock(folder):
        raise InputError("in_use", "another run works on this video. Wait until it has ended", path)
    try:
        remove_partial(folder)
        forget_made(folder, REFRAMED)
        remove_ranges(folder)
        with captioned(folder / CAPTIONS, config, file.plan, spoken) as (overlay, remarks):
            written = reframe(
                found,
                file.plan,
                folder / UPRIGHT.file,
                crf=config.CLIP_CRF,
                preset=config.CLIP_PRESET,
                rate=rate_of(config),
                overlay=overlay,
                on_seconds=_tenths(end_s - begin_s, say),
                threads=max(core_count() // 2, 1),
            )
        write_plan(folder / PLAN.file, dataclasses.replace(file, fingerprint=""))
    except (InputError, ToolError) as error:
        print(f"optimized_runner: {error}", file=sys.stderr)
        return 1
    finally:
        locks.release_all()
    for note in (*file.plan.notes, *written.notes, *remarks):
        say(f"{path.name}: {note}")
    return 0


def _video_of(source: Path | str, config: Config) -> tuple[Path, Path]:
    """Return the video and the folder of its results."""
    if is_url(source) or is_url(config.OUTPUT_DIR):
        raise InputError("bad_setting", "REFRAME_PLAN renders videos of this machine only, into a folder of it")
    source = located(Path(source))
    videos = discover(source, config.RECURSIVE)
    if len(videos) != 1:
        message = f"REFRAME_PLAN is the plan of one video, and here are {len(videos)}. Name one video file"
        raise InputError("bad_setting", message)
    output = Path(config.OUTPUT_DIR).resolve() if config.OUTPUT_DIR else None
    return videos[0], result_folders(videos, source, output)[0]


def _opened(path: Path, config: Config) -> Probe:
    found = probe(path, limits_of(config), config.SOUND_TRACK if not config.AUDIO_FILE else "auto")
    if config.AUDIO_FILE:
        found = with_sound_file(found, Path(config.AUDIO_FILE).expanduser(), config.SOUND_TRACK)
    return excerpted(found, config.START, config.DURATION)


def _fitting(found: Probe, file: PlanFile) -> Probe:
    """Return the part of the video that a plan frames.

    Raises:
        InputError: ``bad_plan``: it is the plan of another video.
    """
    plan, size_px = file.plan, (found.width_px, found.height_px)
    if plan.picture_px != size_px:
        have, wanted = (f"{width}x{height}" for width, height in (size_px, plan.picture_px))
        raise InputError("bad_plan", f"source.size_px: the plan is for {wanted}, and the picture is {have}", found.path)
    first, stop = plan.runs[0].first, plan.runs[-1].stop
    if found.duration_of != "nothing" and stop > found.frame_count + BEYOND_FRAMES:
        text = f"the plan ends at {plan.span_s[1]:g} s, and the video at {found.duration_s:g} s"
        raise InputError("bad_plan", f"runs[{len(plan.runs) - 1}].end_s: {text}", found.path)
    excerpt = Excerpt(first, None if stop >= file.frame_count else stop)
    return dataclasses.replace(found, excerpt=excerpt)


def _tenths(length_s: float, say: Callable[[str], None]) -> Callable[[float], None]:
    """Return a function that is told the seconds done, and says so ten times."""
    told = 0

    def tell(done_s: float) -> None:
        nonlocal told
        if (tenth := int(done_s / length_s * TENTHS + 1e-6)) > told:
            told = tenth
            say(f"{done_s:.0f} of {length_s:.0f} s")

    return tell

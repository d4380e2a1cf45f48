"""The direction of imports, and what the whole tree promises."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import Config
from pipeline.settings import flag_of

ROOT = Path(__file__).resolve().parent.parent

FLOORS = (
    ("pipeline.errors", "pipeline.types", "pipeline.settings", "config", "pipeline.checkpoint", "s3fd", "talknet"),
    ("pipeline.media", "pipeline.outputs", "pipeline.weights", "pipeline.inputs", "pipeline.machine"),
    ("pipeline.vision", "pipeline.speech", "pipeline.storage"),
    ("pipeline.clips",),
    ("pipeline.stages", "pipeline.run_report", "pipeline.fingerprint", "pipeline.doctor"),
    ("pipeline.executors", "pipeline.merge_runs"),
    ("optimized_runner",),
)
"""From the ground up. A part imports from the floors below; on the ground floor see `GROUND`."""

GROUND = {
    "pipeline.errors": set(),
    "pipeline.types": set(),
    "pipeline.settings": {"pipeline.errors"},
    "config": {"pipeline.settings"},
    "pipeline.checkpoint": {"pipeline.errors"},
    "s3fd": {"pipeline.errors", "pipeline.checkpoint"},
    "talknet": {"pipeline.errors", "pipeline.checkpoint"},
}

WEIGHTS = ("pipeline.weights_table", "pipeline.weights_fetch", "pipeline.weights_choice")
"""Modules that belong to the part `pipeline.weights`."""


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("pipeline", "s3fd", "talknet")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return [ROOT / "optimized_runner.py", ROOT / "config.py", *files]


def part_of(module: str) -> str | None:
    """The part of `FLOORS` that *module* belongs to; None for what is not ours."""
    if module in WEIGHTS:
        return "pipeline.weights"
    parts = [part for floor in FLOORS for part in floor if module == part or module.startswith(f"{part}.")]
    return parts[0] if parts else None


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every module that *path* imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_imports_point_down(path: Path) -> None:
    floor_of = {part: number for number, floor in enumerate(FLOORS) for part in floor}
    own = part_of(module_of(path))
    if module_of(path) == "pipeline":
        assert not imports_of(path)
        return
    assert own is not None, f"{path} is on no floor"
    for module in imports_of(path):
        other = part_of(module)
        if other is None or other == own:
            continue
        allowed = GROUND[own] if own in GROUND else {part for part in floor_of if floor_of[part] < floor_of[own]}
        assert other in allowed, f"{module_of(path)} imports {module}"


@pytest.mark.parametrize("tool", ["subprocess", "av", "ffmpeg"])
def test_media_is_opened_and_ffmpeg_started_in_one_place(tool: str) -> None:
    users = {
        module_of(path)
        for path in sources()
        if any(module == tool or module.startswith(f"{tool}.") for module in imports_of(path))
    }
    assert all(user.startswith("pipeline.media.") for user in users), users
    assert users


def test_storages_are_spoken_to_in_one_place() -> None:
    users = {
        module_of(path)
        for path in sources()
        if any(module.split(".")[0] in ("fsspec", "s3fs", "boto3", "botocore") for module in imports_of(path))
    }
    assert users == {"pipeline.storage.objects"}


def test_no_source_file_holds_two_jobs() -> None:
    long = {module_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: count for name, count in long.items() if count > 400} == {}


@pytest.mark.parametrize("module", ["config", "optimized_runner", "pipeline.stages", "pipeline.executors.local"])
def test_importing_starts_no_work(module: str) -> None:
    """No process, no thread, no connection: what is done at import is done again in every worker."""
    code = (
        "import sys, threading\n"
        "events = []\n"
        "sys.addaudithook(lambda event, _: events.append(event) if event in WATCHED else None)\n"
        f"import {module}\n"
        "assert not events, events\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    watched = "WATCHED = {'subprocess.Popen', 'os.system', 'os.fork', 'socket.connect', 'urllib.Request'}\n"
    done = subprocess.run([sys.executable, "-c", watched + code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["optimized_runner", "pipeline.executors.workers"])
def test_pytorch_is_loaded_by_those_alone_that_compute_with_it(module: str) -> None:
    """It takes seconds, and the process that leads a run has no use for it."""
    code = f"import sys, {module}; assert not {{'torch', 'whisper'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("setting", [declared.name for declared in dataclasses.fields(Config)])
def test_every_setting_is_used_by_a_test_of_what_it_does(setting: str) -> None:
    """Only that it is named or flagged outside the tests of the command line itself: whether it acts, they say."""
    flag = flag_of(setting)
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path.name not in LOOK_AT_ALL]
    assert any(re.search(rf"\b{setting}\b|{flag}\b", text) for text in texts), f"no test shows what {setting} does"


LOOK_AT_ALL = ("test_config.py", "test_settings.py", "test_architecture.py")

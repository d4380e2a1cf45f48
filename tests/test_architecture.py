"""The direction of imports, and what the whole tree promises."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Container, Mapping
from pathlib import Path

import pytest

from config import Config
from pipeline.settings import flag_of

ROOT = Path(__file__).resolve().parent.parent

FLOORS = (
    (
        "pipeline.errors",
        "pipeline.types",
        "pipeline.results",
        "pipeline.settings",
        "pipeline.streams",
        "pipeline.wording",
        "config",
        "pipeline.checkpoint",
        "s3fd",
        "talknet",
    ),
    ("pipeline.media", "pipeline.outputs", "pipeline.models", "pipeline.sources", "pipeline.machine"),
    ("pipeline.storage",),
    ("pipeline.stage",),
    ("pipeline.artifacts", "pipeline.soundless"),
    ("pipeline.vision", "pipeline.speech"),
    ("pipeline.attribution",),
    ("pipeline.framing",),
    ("pipeline.render",),
    ("pipeline.clips",),
    ("pipeline.opening", "pipeline.fingerprint"),
    ("pipeline.graph",),
    ("pipeline.executors",),
    ("pipeline.run", "pipeline.flags", "pipeline.config_file"),
    ("pipeline.merge_runs", "pipeline.weights"),
    ("optimized_runner",),
    ("pipeline.console",),
)
"""From the ground up. A part imports from the floors below; on the ground floor see `GROUND`."""

GROUND = {
    "pipeline.errors": set(),
    "pipeline.types": set(),
    "pipeline.results": {"pipeline.types"},
    "pipeline.settings": {"pipeline.errors"},
    "pipeline.streams": set(),
    "pipeline.wording": set(),
    "config": {"pipeline.settings"},
    "pipeline.checkpoint": {"pipeline.errors"},
    "s3fd": {"pipeline.errors", "pipeline.checkpoint"},
    "talknet": {"pipeline.errors", "pipeline.checkpoint"},
}


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("pipeline", "s3fd", "talknet")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return [ROOT / "optimized_runner.py", ROOT / "config.py", *files]


def part_of(module: str) -> str | None:
    """The part of `FLOORS` that *module* belongs to; None for what is not ours."""
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
    if tool == "subprocess":
        users.remove("pipeline.models.wheels")  # starts pip
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
    """But for the settings, which people read and edit from top to bottom in one place."""
    long = {module_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: count for name, count in long.items() if count > 400 and name != "config"} == {}


@pytest.mark.parametrize(
    "module", ["config", "optimized_runner", "pipeline.graph", "pipeline.executors.local.executor"]
)
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


@pytest.mark.slow
def test_importing_every_module_changes_nothing_in_the_process() -> None:
    """Tools that import all modules (documentation, type checkers, test collectors) must come out as they went in.

    PyTorch and what it is imported with may do work of their own: they are imported first. In the environment the
    variables of a fork server do not count for a process that is none.
    """
    modules = sorted(module_of(path) for path in [*sources(), *tools()])
    imported = {module for path in [*sources(), *tools()] for module in module_level_imports(path)}
    libraries = sorted(name for name in imported if name.split(".")[0] not in {each.split(".")[0] for each in modules})
    code = (
        "import atexit, contextlib, importlib, os, signal, sys, threading\n"
        f"for name in {libraries}:\n"
        "    for each in (name.rpartition('.')[0], name):\n"
        "        with contextlib.suppress(ImportError, ValueError):\n"
        "            importlib.import_module(each)\n"
        "import torch, cv2\n"
        "def state():\n"
        "    return {\n"
        "        'signals': {each: signal.getsignal(each) for each in signal.valid_signals()},\n"
        "        'at exit': atexit._ncallbacks(),\n"
        "        'threads': threading.enumerate(),\n"
        "        'environment': dict(os.environ),\n"
        "        'torch': (torch.get_num_threads(), torch.get_num_interop_threads(), torch.get_default_dtype(),\n"
        "            torch.is_grad_enabled(), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()),\n"
        "        'opencv': cv2.getNumThreads(),\n"
        "        'folder': os.getcwd(),\n"
        "        'switches': (sys.getswitchinterval(), sys.getrecursionlimit(), sys.excepthook),\n"
        "    }\n"
        "before = state()\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    after = state()\n"
        "    changed = {each: (before[each], after[each]) for each in before if before[each] != after[each]}\n"
        "    assert not changed, (name, changed)\n"
        "print('came to the end')\n"
    )
    environment = {**os.environ, "LIPGEN_FORKSERVER_FOLDER": "/nowhere", "LIPGEN_FORKSERVER_OF": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "came to the end\n"), done.stderr


@pytest.mark.parametrize("deferred", [False, True], ids=["at-module-level", "inside-functions-too"])
def test_imports_make_no_circle(deferred: bool) -> None:
    """An import that is put off into a function hides a circle, and does not end it."""
    paths = {module_of(path): path for path in [*sources(), *tools()]}
    graph = {
        name: {module for each in module_level_imports(path, deferred) if (module := _owner(each, paths)) != name}
        for name, path in paths.items()
    }
    circles = [
        f"{name} <-> {other}"
        for name, others in graph.items()
        for other in others
        if other in paths and name in _reached(graph, other)
    ]
    assert circles == []


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def later():\n    import b\n")
    (tmp_path / "b.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import c\nimport a\n")
    found = {
        name: [module_level_imports(tmp_path / f"{name}.py", put_off) for put_off in (False, True)] for name in "ab"
    }
    assert found == {"a": [set(), {"b"}], "b": [{"a", "typing.TYPE_CHECKING"}] * 2}
    assert "a" in _reached({"a": {"b"}, "b": {"a"}}, "b") and "a" not in _reached({"a": {"b"}, "b": set()}, "b")


def tools() -> list[Path]:
    return [path for name in ("samples", "benchmarks") for path in (ROOT / name).rglob("*.py")]


def module_level_imports(path: Path, deferred: bool = False) -> set[str]:
    """Return the imports of *path* when it is imported itself, or, with *deferred*, at some time; types apart."""

    def within(node: ast.AST) -> set[str]:
        found: set[str] = set()
        for each in ast.iter_child_nodes(node):
            if isinstance(each, ast.Import):
                found |= {alias.name for alias in each.names}
            elif isinstance(each, ast.ImportFrom):
                found |= {f"{each.module}.{alias.name}" for alias in each.names if each.module != "__future__"}
            elif isinstance(each, ast.If) and "TYPE_CHECKING" in ast.dump(each.test):
                continue
            elif deferred or not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                found |= within(each)
        return found

    return within(ast.parse(path.read_text(encoding="utf-8")))


def _owner(name: str, modules: Container[str]) -> str:
    """The module that *name*, as `module_level_imports` gives it, is or comes from."""
    return name if name in modules else name.rpartition(".")[0]


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """Everything that is imported where *start* is."""
    reached, waiting = set(), [start]
    while waiting:
        for other in graph.get(waiting.pop(), set()) - reached:
            reached.add(other)
            waiting.append(other)
    return reached


@pytest.mark.parametrize("module", ["optimized_runner", "pipeline.executors.local.worker"])
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


RIDDLES = re.compile(r"(What|Whether|How|Likewise|As of|As)\b")
"""Beginnings of docstrings that turn a clause round or lean on a neighbour."""


def docstrings_of(path: Path) -> list[tuple[int, str]]:
    """Return line and text of every docstring of *path*, those below constants and fields included."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    blocks = [body for node in nodes if isinstance(body := getattr(node, "body", None), list)]
    values = [each.value for block in blocks for each in block if isinstance(each, ast.Expr)]
    return [
        (value.lineno, value.value)
        for value in values
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in [*sources(), *tools()]
        for line, text in docstrings_of(path)
        if RIDDLES.match(text)
    ]
    assert found == []


def test_a_docstring_that_begins_with_a_riddle_would_be_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Whether it is."""\nX = 1\n"""As `Y`."""\ndef f(x=lambda: 0):\n    """Assemble it."""\n')
    texts = [text for _, text in docstrings_of(module)]
    assert [bool(RIDDLES.match(text)) for text in texts] == [True, True, False]

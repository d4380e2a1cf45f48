"""Commands keep the names that documents call them by, wherever their files lie."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import COMMAND_FOLDERS
from benchmarks.__main__ import HERE, commands, main, module_of

ROOT = HERE.parent

NAMES = (
    *("added_costs", "attribution", "baseline", "calibration", "clips", "commits", "compare", "conversations"),
    *("decode", "detection", "end_to_end", "framing", "interrupted", "lost_machine", "main_face", "memory", "old_way"),
    *("quick", "rerun", "scoring", "simulate", "soak", "speech", "transitions", "tried", "words"),
)
"""Names that were called as ``python -m benchmarks.NAME`` when all commands lay in one folder."""

HELP = """
import io, runpy, sys
from contextlib import redirect_stdout
for name in sys.argv[1:]:
    sys.argv, out = [name, "--help"], io.StringIO()
    code = None
    try:
        with redirect_stdout(out):
            runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    assert code == 0 and out.getvalue().startswith("usage:"), (name, code, out.getvalue())
    print(name)
"""


@pytest.mark.slow
def test_every_command_answers_help_under_its_short_name() -> None:
    """All in one process, found as ``-m`` finds them; ``lost_machine`` alone needs Ray."""
    names = [name for name in commands() if name != "lost_machine" or importlib.util.find_spec("ray")]
    done = subprocess.run([sys.executable, "-c", HELP, *names], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, names), done.stderr


def test_no_command_has_lost_its_name() -> None:
    assert set(NAMES) <= set(commands())
    for name, path in commands().items():
        found = importlib.util.find_spec(f"benchmarks.{name}")
        assert found is not None and found.origin == str(path)


def test_every_file_that_can_be_run_is_a_command_with_a_name_of_its_own() -> None:
    runnable = [path for path in HERE.rglob("*.py") if "__main__" in path.read_text() and path.parent != HERE]
    assert sorted(commands().values()) == sorted(runnable)
    names = [path.stem for path in HERE.rglob("[!_]*.py")]
    assert len(names) == len(set(names)), "`benchmarks.NAME` would mean two modules"


@pytest.mark.slow
def test_nothing_is_imported_by_its_short_name() -> None:
    """A module that is imported under two names is there twice, with classes that differ."""
    short = {f"benchmarks.{path.stem}" for folder in COMMAND_FOLDERS for path in (HERE / folder).glob("[!_]*.py")}
    found = [(path, name) for path in ours() for name in imported(path) if name in short]
    assert found == []
    assert imported(ROOT / "tests" / "benchmarks" / "test_commands.py") >= {"benchmarks.__main__", "benchmarks"}


def test_helpers_import_no_command() -> None:
    names = {module_of(path) for path in commands().values()}
    helpers = [path for path in HERE.rglob("*.py") if path not in commands().values()]
    assert [(path, imported(path) & names) for path in helpers if imported(path) & names] == []


def ours() -> list[Path]:
    return [path for name in ("benchmarks", "tests") for path in (ROOT / name).rglob("*.py")]


def imported(path: Path) -> set[str]:
    """Modules that *path* imports, and what it imports from `benchmarks` as if it were a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_without_a_name_all_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(commands())
    assert all(len(line.split()) > 2 for line in lines if line.startswith("  "))
    assert [line for line in lines[1:] if line and not line.startswith(" ")] == list(COMMAND_FOLDERS)


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert "no benchmark 'speed'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_name_behind_the_package_runs_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "compare", str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, '{"benchmark": "compare", "files": 0, "differences": []}\n'), done
    assert module_of(commands()["compare"]) == "benchmarks.robustness.compare"

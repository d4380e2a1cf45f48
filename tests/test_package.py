"""What is installed: one package, whose commands work from any folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SCRIPTS = PROJECT["scripts"]


def test_the_version_is_the_last_one_of_the_changelog() -> None:
    released = re.findall(
        r"^## (\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released[0] == PROJECT["version"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as site-packages, with what a wheel would bring."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(site)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True)
    return site


def test_captions_bring_their_fonts_and_areas(installed: Path) -> None:
    render = installed / "lipgen" / "pipeline" / "render"
    assert {path.name for path in (ROOT / "pipeline" / "render" / "caption_fonts").iterdir()} == {
        path.name for path in (render / "caption_fonts").iterdir()
    }
    assert (render / "caption_areas.json").is_file()


def test_nothing_but_the_package_is_installed(installed: Path) -> None:
    assert [path.name for path in installed.iterdir()] == ["lipgen"]
    names = {name for path in (installed / "lipgen").rglob("*") for name in path.relative_to(installed).parts}
    assert not {"tests", "benchmarks", "samples", "conftest.py"} & names
    assert [name for name in sorted(names) if name.startswith("test_")] == []


def test_every_file_of_the_product_is_in_it(installed: Path) -> None:
    for folder in ("pipeline", "s3fd", "talknet"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (installed / "lipgen" / path.relative_to(ROOT)).is_file(), path


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("lipgen", ["--print-config"], "DETECT_EVERY ="),
        ("lipgen-weights", ["list"], "mobilefacenet"),
        ("lipgen-merge-runs", ["--help"], "usage"),
        ("lipgen-pages", ["--help"], "usage"),
    ],
)
def test_the_commands_work_elsewhere(
    installed: Path, tmp_path: Path, command: str, arguments: list[str], told: str
) -> None:
    module, function = SCRIPTS[command].split(":")
    program = f"import sys; sys.argv[0] = {command!r}; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and told in done.stdout, done.stderr

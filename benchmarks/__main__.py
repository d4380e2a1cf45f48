"""List the benchmarks, or run one: ``python -m benchmarks [NAME ...]``.

``python -m benchmarks NAME ...`` is the same as ``python -m benchmarks.NAME ...``.
"""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import COMMAND_FOLDERS

HERE = Path(__file__).resolve().parent

STARTS_A_COMMAND = 'if __name__ == "__main__":'


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    known = commands()
    if not words or words[0] in ("-h", "--help"):
        print(listing(known))
        return 0
    name, *arguments = words
    if name not in known:
        print(f"There is no benchmark {name!r}. `python -m benchmarks` lists them.", file=sys.stderr)
        return 2
    sys.argv = [str(known[name]), *arguments]
    runpy.run_module(module_of(known[name]), run_name="__main__", alter_sys=True)
    return 0


def commands() -> dict[str, Path]:
    """Return the file of each command by its name, folder by folder."""
    paths = [path for folder in COMMAND_FOLDERS for path in sorted((HERE / folder).glob("*.py"))]
    return {path.stem: path for path in paths if STARTS_A_COMMAND in path.read_text("utf-8").splitlines()}


def module_of(path: Path) -> str:
    """Return the full name of the module in the file *path*.

    >>> module_of(HERE / "speed" / "decode.py")
    'benchmarks.speed.decode'
    """
    return f"benchmarks.{path.parent.name}.{path.stem}"


def listing(known: dict[str, Path]) -> str:
    """Return a line for each command, below its folder: name, and the first sentence of its docstring."""
    width = max(len(name) for name in known)
    lines = ["usage: python -m benchmarks.NAME [--help] ..."]
    folder = ""
    for name, path in known.items():
        if path.parent.name != folder:
            folder = path.parent.name
            lines += ["", folder]
        lines.append(f"  {name:<{width}}  {summary_of(path)}")
    return "\n".join(lines)


def summary_of(path: Path) -> str:
    """Return the first line of the docstring of a module, which is not imported, up to a colon or full stop."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.partition("\n")[0].partition(": ``")[0].removesuffix(".").replace("`", "")


if __name__ == "__main__":
    sys.exit(main())

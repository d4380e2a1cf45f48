"""What worker processes inherit, and what they do not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

import pytest

from pipeline.executors.local import forkserver
from pipeline.executors.local.forkserver import PROJECT, clean_processes

pytestmark = pytest.mark.slow

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are spawned")

INHERITED = []


def tell(pipe: Connection) -> None:
    pipe.send((list(INHERITED), threading.active_count(), sorted({"torch", "torchaudio"} & set(sys.modules))))


def told(context: ForkServerContext | SpawnContext) -> tuple[list[int], int, list[str]]:
    ours, theirs = context.Pipe()
    process = context.Process(target=tell, args=(theirs,))
    process.start()
    process.join()
    return ours.recv()


@linux
def test_libraries_are_inherited_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "INHERITED", [1])
    assert told(clean_processes()) == ([], 1, ["torch", "torchaudio"])


@linux
def test_from_any_folder_with_interrupts_and_no_traces(tmp_path: Path, short_folder: Path) -> None:
    """Libraries are found wherever it is called from; what it leaves among temporary files goes with its parent."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipeline.executors.local.forkserver import clean_processes, multiprocessing\n"
        "context = clean_processes()\n"
        "ours, theirs = context.Pipe()\n"
        "from pipeline.executors.local.worker import _name_process\n"
        "process = context.Process(target=_name_process, args=('a',)); process.start(); process.join()\n"
        "server = multiprocessing.forkserver._forkserver._forkserver_pid\n"
        "for each in (signal.SIGINT, signal.SIGTERM): os.kill(server, each)\n"
        "process = context.Process(target=_name_process, args=('b',)); process.start(); process.join()\n"
        "assert server == multiprocessing.forkserver._forkserver._forkserver_pid\n"
        "assert 'torch' in Path(f'/proc/{server}/maps').read_text()\n"
        "assert 'LIPGEN_FORKSERVER_FOLDER' not in os.environ and os.environ.get('PYTHONPATH') == sys.argv[1]\n"
        "sys.stdout.write(str(len(list(Path(os.environ['TMPDIR']).iterdir())))); sys.stdout.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(short_folder)}
    # It returns when the last process that holds the pipe of its output has ended.
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROJECT)], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    assert done.stdout == "1"
    assert list(short_folder.iterdir()) == []


def test_where_that_cannot_be_each_starts_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long() -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(forkserver.multiprocessing.forkserver, "ensure_running", too_long)
    before = dict(os.environ)
    context = clean_processes()
    assert isinstance(context, SpawnContext)
    assert dict(os.environ) == before


def test_variables_are_those_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the parent when it starts a worker, not when the libraries were loaded."""
    from pipeline.executors.local.executor import LocalExecutor
    from tests.support.executing import run

    (tmp_path / ".work").mkdir()
    for name in ("one", "two"):
        monkeypatch.setenv("FAKE_STAGES_WATCHED", str(tmp_path / name))
        (tmp_path / name).write_text(str(tmp_path / f"{name}-bug-speech.mp4"))
        recorder, _ = run(LocalExecutor, tmp_path, [f"{name}.mp4"])
        assert "a bug in speech" in recorder.results[f"{name}.mp4"].message


@linux
def test_a_run_does_without_a_process_that_dies(tmp_path: Path) -> None:
    """The one that forks is killed, as for want of memory, whenever it begins: workers are started from nothing."""
    (tmp_path / ".work").mkdir()
    (tmp_path / "dies.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.executors.local import forkserver; forkserver.LOADED = 'dies'\n"
        "from tests.support.executing import run; from pipeline.executors.local.executor import LocalExecutor\n"
        "recorder, _ = run(LocalExecutor, Path(sys.argv[1]), ['a.mp4'])\n"
        "assert recorder.results['a.mp4'].status == 'done', recorder.results\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

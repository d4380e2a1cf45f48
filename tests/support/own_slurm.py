"""A Slurm of one node on this machine, for one test: Debian's slurm-wlm and munge, started and ended by `own_slurm`.

Nothing of the system's own Slurm is read or changed, and no cgroups, accounts or root services are needed; only root
may start it, as Slurm starts jobs for their users.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.this_machine import free_ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "setpriv")

CPUS = 2

UP_WITHIN_S = 60.0
DOWN_WITHIN_S = 20.0

CONFIGURATION = """\
ClusterName=lipgen
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True, slots=True)
class OwnSlurm:
    """Its commands."""

    environment: dict[str, str]
    """What a command needs to reach it."""

    def sbatch(self, *arguments: str | Path, folder: Path, **variables: str) -> str:
        """Submits a job from *folder* with these variables in its environment; returns the job's number."""
        said = self._do("sbatch", "--parsable", *map(str, arguments), folder=folder, **variables)
        return said.strip().partition(";")[0]

    def end_of(self, job: str, within_s: float) -> dict[str, str]:
        """Waits until every task of *job* has ended.

        Returns:
            State and exit code of each task, such as ``COMPLETED 0:0``, by its number in the array; a job that is no
            array has the number ``""``.
        """
        end_s = time.monotonic() + within_s
        while self._do("squeue", "--noheader", f"--jobs={job}").strip():
            if time.monotonic() > end_s:
                raise TimeoutError(f"job {job} has not ended: {self._do('squeue')}")
            time.sleep(0.5)
        ends = {}
        for line in self._do("scontrol", "--oneliner", "show", "job", job).splitlines():
            fields = dict(field.split("=", 1) for field in line.split() if "=" in field)
            ends[fields.get("ArrayTaskId", "")] = f"{fields['JobState']} {fields['ExitCode']}"
        return ends

    def _do(self, *argv: str, folder: Path | None = None, **variables: str) -> str:
        environment = self.environment | variables
        done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise OSError(f"{' '.join(argv)}: {done.stderr}")
        return done.stdout


def missing_programs() -> list[str]:
    """What must be installed (Debian: slurm-wlm, munge) and is not."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


@contextmanager
def own_slurm(folder: Path, environment: dict[str, str]) -> Iterator[OwnSlurm]:
    """Inside, a Slurm runs; at the end nothing of it or of its jobs lives.

    Args:
        folder: an empty one for its files; a short path, as a socket is in it.
        environment: of the commands, and so of the jobs.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key, configuration, munge = folder / "munge.key", folder / "slurm.conf", f"{folder}/munge"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    controller_port, node_port = free_ports(2)
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            controller_port=controller_port,
            node_port=node_port,
            folder=folder,
            cpus=CPUS,
        )
    )
    # Every process inherits the mark, whoever its parent becomes: by it all are found at the end.
    mark = ("OWN_SLURM", uuid.uuid4().hex)
    kept = {name: value for name, value in environment.items() if not name.startswith(("SLURM_", "SBATCH_"))}
    ours = kept | {"PATH": _path(), "SLURM_CONF": str(configuration), mark[0]: mark[1]}
    files = [f"--{name}-file={munge}.{name}" for name in ("pid", "log", "seed")]
    daemons = (
        ["munged", "--foreground", "--force", f"--socket={munge}.socket", f"--key-file={key}", *files],
        ["slurmctld", "-D", "-c", "-f", str(configuration)],
        ["slurmd", "-D", "-f", str(configuration)],
    )
    started = []
    try:
        for argv in daemons:
            started.append(_started(argv, folder / f"{argv[0]}.out", ours))
            if argv[0] == "munged":
                _wait_for(Path(f"{munge}.socket").exists, folder)
        _wait_for(lambda: _is_up(ours), folder)
        yield OwnSlurm(ours)
    finally:
        _end_all("=".join(mark).encode())
        for daemon in started:
            daemon.wait()


def _started(argv: Sequence[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A daemon that dies with this process, even where that is killed."""
    argv = ["setpriv", "--pdeathsig", "KILL", *argv]
    with log.open("wb") as file:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)


def _is_up(environment: dict[str, str]) -> bool:
    argv = ["sinfo", "--noheader", "--format=%T"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout.strip() == "idle"


def _wait_for(condition: Callable[[], bool], folder: Path) -> None:
    end_s = time.monotonic() + UP_WITHIN_S
    while not condition():
        if time.monotonic() > end_s:
            said = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*.out"))
            raise TimeoutError(f"Slurm does not come up: {said}")
        time.sleep(0.2)


def _end_all(mark: bytes) -> None:
    """Ends every process that has *mark* in its environment: first the daemons in good order, then whatever is left."""
    end_s = time.monotonic() + DOWN_WITHIN_S
    kind = signal.SIGTERM
    while found := _marked(mark):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, kind)
        if time.monotonic() > end_s:
            kind = signal.SIGKILL
        time.sleep(0.3)


def _marked(mark: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

"""Downloads, against a server on this machine that misbehaves in every way that servers do."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.errors import WeightsError
from pipeline.models.download import UnreachableError, check, fetch, git_blob_of, mismatch, sha256_of
from pipeline.models.registry import Model
from tests.support.this_machine import free_ports, stay_on_this_machine

ROOT = Path(__file__).resolve().parents[3]
CONTENT = bytes(range(256)) * 1024
"""What the published file holds."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GIT_BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


class Server:
    """Serves `CONTENT` and counts the requests; ``/held`` sends half of it and waits for ``release``."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held = threading.Event()
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        name = request.path.rsplit("/", 1)[-1]
        if name == "missing":
            request.send_error(404)
            return
        request.send_response(200)
        if name.startswith("uc?id=file"):
            request.send_header("Content-Disposition", 'attachment; filename="some other name.bin"')
        request.send_header("Content-Type", "text/html" if name.startswith("uc?id=quota") else "application/x")
        body = b"<html>quota exceeded</html>" if "quota" in name else CONTENT[::-1] if name == "wrong" else CONTENT
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        half = len(body) // 2
        try:
            if name == "slow":
                for start in range(0, len(body), len(body) // 8):
                    request.wfile.write(body[start : start + len(body) // 8])
                    self.release.wait(0.05)
                return
            request.wfile.write(body[:half])
            request.wfile.flush()
            if name in ("held", "stall"):
                self.held.set()
                self.release.wait(60)
            if name.endswith("drop"):
                request.connection.shutdown(socket.SHUT_RDWR)
                return
            request.wfile.write(body[half:])
        except OSError:
            pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    stay_on_this_machine(monkeypatch)
    server = Server()
    yield server
    server.close()


def model_from(*sources: str, sha256: str | None = SHA256, git_blob: str | None = None) -> Model:
    return Model(
        "model",
        "speaking",
        licence="MIT",
        file="model.bin",
        size_bytes=len(CONTENT),
        sha256=sha256,
        git_blob=git_blob,
        sources=sources,
    )


def fetch_quietly(model: Model, folder: Path) -> Path:
    stalls = any(url.endswith("/stall") for url in model.sources)
    return fetch(model, folder, announce=lambda line: None, timeouts_s=(5.0, 1.0 if stalls else 30.0), progress=False)


def visible(folder: Path) -> list[str]:
    """Names in *folder* but for the lock, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_good_file_arrives_in_a_folder_made_for_it(server: Server, tmp_path: Path) -> None:
    path = fetch_quietly(model_from(server.url("good")), tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert visible(path.parent) == ["model.bin"]


def test_size_source_and_place_are_announced_before_the_request(server: Server, tmp_path: Path) -> None:
    lines: list[tuple[str, int]] = []
    fetch(model_from(server.url("good")), tmp_path, announce=lambda line: lines.append((line, len(server.asked))))
    first, requests_before = lines[0]
    assert requests_before == 0
    assert all(part in first for part in ("0.3 MB", server.url("good"), str(tmp_path / "model.bin")))


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    fetch_quietly(model_from(server.url("good")), tmp_path)
    assert server.asked == []


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["drop", "wrong", "missing", "stall", "quota"])
def test_after_a_bad_source_the_next_one_is_used(bad: str, server: Server, tmp_path: Path) -> None:
    path = fetch_quietly(model_from(server.url(bad), server.url("good")), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked == [f"/{bad}", "/good"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("drop", "IncompleteRead"),
        ("wrong", f"gave another file: {len(CONTENT)} bytes with sha256 "),
        ("missing", "HTTP status 404"),
        ("stall", "timed out"),
        ("quota", "gave another file: 27 bytes"),
    ],
)
def test_a_bad_source_is_told_and_leaves_nothing(bad: str, told: str, server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=told) as failure:
        fetch_quietly(model_from(server.url(bad)), tmp_path)
    assert server.url(bad) in str(failure.value)
    assert visible(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["drop", "wrong", "missing", "stall"])
def test_a_source_is_tried_once(bad: str, server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        fetch_quietly(model_from(server.url(bad)), tmp_path)
    assert server.asked == [f"/{bad}"]


def test_a_source_that_answers_badly_is_not_taken_for_an_offline_machine(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as failure:
        fetch_quietly(model_from(f"http://127.0.0.1:{free_ports(1)[0]}/x", server.url("missing")), tmp_path)
    assert not isinstance(failure.value, UnreachableError)


@pytest.mark.slow
def test_a_slow_source_that_keeps_sending_is_waited_for(server: Server, tmp_path: Path) -> None:
    assert fetch_quietly(model_from(server.url("slow")), tmp_path).read_bytes() == CONTENT


def test_one_unreachable_host_does_not_end_the_search(server: Server, tmp_path: Path) -> None:
    model = model_from(f"http://127.0.0.1:{free_ports(1)[0]}/x", server.url("good"))
    assert fetch_quietly(model, tmp_path).read_bytes() == CONTENT


def test_two_unreachable_hosts_end_the_search(server: Server, tmp_path: Path) -> None:
    closed = [f"http://127.0.0.1:{free_ports(1)[0]}/{name}" for name in ("x", "y")]
    with pytest.raises(UnreachableError, match=r"model\.bin .*offline(?s:.)*cannot be reached.*refused"):
        fetch_quietly(model_from(*closed, server.url("good")), tmp_path)
    assert server.asked == []


def test_an_unreachable_host_is_asked_once(server: Server, tmp_path: Path) -> None:
    closed = f"http://127.0.0.1:{free_ports(1)[0]}"
    lines: list[str] = []
    with pytest.raises(UnreachableError):
        fetch(model_from(f"{closed}/x", f"{closed}/y"), tmp_path, announce=lines.append)
    assert len(lines) == 1


def test_the_final_name_does_not_exist_before_the_file_is_whole(server: Server, tmp_path: Path) -> None:
    model = model_from(server.url("held"))
    thread = threading.Thread(
        target=fetch, args=(model, tmp_path), kwargs={"announce": lambda line: None, "progress": False}
    )
    thread.start()
    assert server.held.wait(30)
    while_loading = (tmp_path / "model.bin").exists()
    server.release.set()
    thread.join(30)
    assert (while_loading, (tmp_path / "model.bin").read_bytes() == CONTENT) == (False, True)


FETCH_IN_A_PROCESS = """
import sys
from pathlib import Path
from pipeline.models.download import fetch
from pipeline.models.registry import Model
url, sha256, folder = sys.argv[1:]
model = Model("model", "speaking", licence="MIT", file="model.bin", sha256=sha256, sources=(url,))
fetch(model, Path(folder), announce=lambda line: print(line, flush=True), progress=False)
"""


def in_a_process(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH_IN_A_PROCESS, url, SHA256, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )


@pytest.mark.slow
def test_two_processes_at_once_download_once(server: Server, tmp_path: Path) -> None:
    first = in_a_process(server.url("held"), tmp_path)
    assert server.held.wait(60)
    second = in_a_process(server.url("held"), tmp_path)
    assert second.stdout is not None
    waiting = second.stdout.readline()
    server.release.set()
    second_said, _ = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode, server.asked) == (0, 0, ["/held"])
    assert "waiting for another process" in waiting and "is there already" in second_said


@pytest.mark.slow
def test_a_killed_download_leaves_no_final_name_and_no_lock(server: Server, tmp_path: Path) -> None:
    process = in_a_process(server.url("held"), tmp_path)
    assert server.held.wait(60)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "model.bin").exists()
    assert fetch_quietly(model_from(server.url("good")), tmp_path).read_bytes() == CONTENT
    assert visible(tmp_path) == ["model.bin"]


def test_a_damaged_file_that_is_there_is_refused_and_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"my own experiment")
    with pytest.raises(WeightsError, match="refused, because this is not the published file of model"):
        fetch_quietly(model_from(server.url("good")), tmp_path)
    assert path.read_bytes() == b"my own experiment"


def test_a_folder_that_cannot_be_made_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(WeightsError, match="cannot be written"):
        fetch_quietly(model_from(server.url("good")), tmp_path / "taken")


def test_a_model_without_known_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no public address of model\.bin is known"):
        fetch_quietly(model_from(), tmp_path)


def test_a_model_without_file_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="mtcnn has no file to fetch: in a wheel"):
        fetch_quietly(Model("mtcnn", "faces", licence="MIT", note="in a wheel"), tmp_path)


@pytest.fixture
def drive(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server in the place of Google Drive: gdown itself runs, and asks it instead."""
    real = requests.Session.get

    def redirected(session: requests.Session, url: str, **options: Any) -> requests.Response:
        return real(session, url.replace("https://drive.google.com", server.base), **options)

    monkeypatch.setattr(requests.Session, "get", redirected)
    return server


def test_google_drive_is_fetched_under_our_own_name(drive: Server, tmp_path: Path) -> None:
    path = fetch_quietly(model_from("https://drive.google.com/uc?id=file"), tmp_path)
    assert (path.name, path.read_bytes() == CONTENT, visible(tmp_path)) == ("model.bin", True, ["model.bin"])
    assert drive.asked == ["/uc?id=file"]


def test_google_drive_over_its_quota_is_told(drive: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"every source failed.*\n.*public link"):
        fetch_quietly(model_from("https://drive.google.com/uc?id=quota"), tmp_path)
    assert visible(tmp_path) == []


def test_google_drive_that_drops_the_connection_leaves_nothing(drive: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="every source failed"):
        fetch_quietly(model_from("https://drive.google.com/uc?id=file-drop"), tmp_path)
    assert visible(tmp_path) == []


def test_google_drive_behind_a_dead_proxy_is_unreachable(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(UnreachableError):
        fetch_quietly(model_from("https://drive.google.com/uc?id=1"), tmp_path)


def test_git_blob_is_what_git_prints(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(b"hello\n")
    # `echo hello | git hash-object --stdin`
    assert git_blob_of(path) == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize(
    ("sha256", "git_blob"), [(SHA256, None), (None, GIT_BLOB), ("0" * 64, GIT_BLOB)], ids=["sha256", "git", "either"]
)
def test_one_right_digest_is_enough(sha256: str | None, git_blob: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    assert check(model_from(sha256=sha256, git_blob=git_blob), path) == SHA256


@pytest.mark.parametrize(("sha256", "git_blob"), [("0" * 64, None), (None, "0" * 40), ("0" * 64, "0" * 40)])
def test_no_right_digest_is_a_mismatch(sha256: str | None, git_blob: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    assert "expected" in mismatch(model_from(sha256=sha256, git_blob=git_blob), path)


def test_a_digest_is_computed_anew_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"one")
    before = sha256_of(path)
    path.write_bytes(b"three")
    assert (before, sha256_of(path)) == (hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"three").hexdigest())


def test_a_file_that_cannot_be_read_is_a_weights_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        check(model_from(), tmp_path / "nothing")

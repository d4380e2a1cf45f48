"""A machine without weights, and a table of small ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import weights
from pipeline.models import registry
from pipeline.models.registry import MODELS
from tests.support.small_weights import content_of
from tests.support.this_machine import free_ports, stay_on_this_machine


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without weights, and no way to any other machine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    stay_on_this_machine(monkeypatch)
    return tmp_path / "home"


@pytest.fixture
def closed() -> str:
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, closed: str) -> Callable[[str], None]:
    """Replaces the table by one of the same models with `content_of` them; sources at the address that it is given."""

    def use(base: str) -> None:
        models = {
            name: model
            if model.file is None
            else replace(
                model,
                sha256=hashlib.sha256(content_of(name)).hexdigest(),
                git_blob=None,
                size_bytes=len(content_of(name)),
                size_exact=True,
                sources=(f"{base}/{name}",),
                wheels=None,
                model_sha256=None,
            )
            for name, model in MODELS.items()
        }
        monkeypatch.setattr(registry, "MODELS", models)
        monkeypatch.setattr(weights, "MODELS", models)

    use(closed)
    return use


@pytest.fixture
def server(tmp_path: Path, table: Callable[[str], None]) -> Iterator[list[str]]:
    """A server with every file, which the table then names as its source; gives the paths that were asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in MODELS:
        (folder / name).write_bytes(content_of(name))
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    ) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        table(f"http://127.0.0.1:{running.server_address[1]}")
        yield asked
        running.shutdown()

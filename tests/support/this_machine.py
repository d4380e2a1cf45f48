"""This machine as the only one that a test talks to."""

from __future__ import annotations

import contextlib
import socket

import pytest


def free_ports(count: int) -> list[int]:
    """As many ports, each another, on which nobody listens now."""
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it a failure to look up any other host."""
    real = socket.getaddrinfo

    def guarded(host: str, *args: object, **options: object) -> object:
        assert host == "127.0.0.1", f"a test asked for {host}"
        return real(host, *args, **options)  # pyright: ignore[reportArgumentType, reportCallIssue]

    monkeypatch.setattr(socket, "getaddrinfo", guarded)

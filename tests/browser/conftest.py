"""A real Chromium for the pages: the system's own, driven by Playwright, without network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio", "--disable-gpu")


@dataclass
class Opened:
    """A page that is open, and what it did."""

    page: Any
    console: list[str] = field(default_factory=list)
    """Errors, and what the content security policy refused."""
    requests: list[str] = field(default_factory=list)
    """Address of everything that was asked for, data in the page itself left out."""


@pytest.fixture(scope="session")
def chromium():
    """The browser. Skips where there is none, and fails there when ``REQUIRE_CHROMIUM=1``."""
    named = os.environ.get("CHROMIUM")
    executable = named if named else shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _give_up("the Python package playwright is not installed")
        raise
    if executable is None or not Path(executable).is_file():
        _give_up("no Chromium: `chromium` is not on PATH and CHROMIUM names none")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium) -> Iterator:
    """Opens a page from disk: ``opened(path, width=..., dark=..., fragment="#t=1")``."""
    contexts = []

    def open_page(path: Path, width: int = 1280, height: int = 900, dark: bool = False, fragment: str = "") -> Opened:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(20_000)
        done = Opened(context.new_page())
        page = done.page
        page.on("console", lambda said: done.console.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: done.console.append(str(error)))
        page.on("dialog", lambda dialog: (done.console.append(f"dialog {dialog.message}"), dialog.dismiss()))
        context.on("request", lambda sent: done.requests.append(sent.url) if sent.url[:5] != "data:" else None)
        page.goto(path.absolute().as_uri() + fragment)
        return done

    yield open_page
    for context in contexts:
        context.close()


def _give_up(message: str) -> None:
    if os.environ.get("REQUIRE_CHROMIUM") == "1":
        pytest.fail(message)
    pytest.skip(message)

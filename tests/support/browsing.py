"""Waiting for a page, without the page's leave: its content security policy lets Playwright's own waiting not run."""

from __future__ import annotations

import time
from typing import Any

LONGEST_S = 20.0


def until(page: Any, expression: str) -> None:
    """Returns once *expression* is true in *page*.

    Raises:
        AssertionError: it did not become so within `LONGEST_S` seconds.
    """
    end_s = time.monotonic() + LONGEST_S
    while not page.evaluate(expression):
        assert time.monotonic() < end_s, f"never came true: {expression}"
        page.wait_for_timeout(20)

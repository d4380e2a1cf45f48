"""``index.html`` of a run in a real browser, from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.clips.pages import write_pages
from pipeline.outputs.index_page import write_index
from tests.support.browsing import until
from tests.support.finished import finished

pytestmark = pytest.mark.browser

NAMES = ("plain", "a 'b' \"c\" #1 100%?&", "not\udcffutf8")


def line(path: Path, status: str = "done", **changed: Any) -> dict[str, Any]:
    """A video of ``run.json``."""
    values = {"path": str(path), "status": status, "reason_code": "", "message": "", "seconds": 2.0}
    more = {"video_seconds": 18.0, "stand_ins": ["faces: mtcnn"], "clips": 5, "manifest": None, "timings": {}}
    return {**values, **more, **changed}


def run_of(videos: list[dict[str, Any]]) -> dict[str, Any]:
    """``run.json`` of *videos*."""
    models = [{"job": "faces", "name": "mtcnn", "stands_in_for": "s3fd", "why": "not found"}]
    head = {"schema_version": 1, "created_at": "2030-01-02", "source": "/videos/<b>", "seconds": 10.0}
    return {**head, "reason_code": "", "message": "", "models": models, "peak_memory_mb": 900, "videos": videos}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("run")
    videos, manifests = [], []
    for number, name in enumerate(NAMES):
        done = finished(
            path=home / f"{name}.mp4", text_of=lambda index, n=number: f" Video {n} says {index} <b>aloud</b>."
        )
        folder = home / name
        manifest = done.write(folder)
        write_pages(folder, None, done.manifest, done.transcript, done.tracks, {})
        manifests.append(manifest)
        videos.append(line(home / f"{name}.mp4", manifest=str(manifest)))
    videos.append(line(home / "silent.mp4", "failed", reason_code="no_audio", message="it has <no> sound", clips=0))
    return write_index(home, run_of(videos), manifests)


def test_it_opens_from_disk_and_asks_for_nothing_else(opened, index: Path) -> None:
    done = opened(index)
    assert done.page.locator("#videos tbody tr").count() == 4
    assert "it has <no> sound" in done.page.locator("#videos").inner_text()
    assert (done.console, done.requests) == ([], [index.as_uri()])


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_links_lead_to_the_reports_whatever_they_are_called(opened, index: Path, number: int) -> None:
    done = opened(index)
    done.page.locator("#videos tbody a").nth(number).click()
    until(done.page, "document.title.endsWith('report')")
    assert done.page.locator(".clip .text").first.text_content() == f"Video {number} says 0 <b>aloud</b>."
    assert done.console == []


def test_filters_by_status_and_name(opened, index: Path) -> None:
    page = opened(index).page
    page.select_option("#status", "failed")
    assert page.locator("#videos tbody td:first-child").all_inner_texts() == ["silent.mp4"]
    page.select_option("#status", "")
    page.fill("#name", "PLAIN")
    until(page, "document.querySelectorAll('#videos tbody tr').length === 1")
    assert page.locator("#video-count").inner_text() == "1 of 4 videos"


def test_search_goes_over_all_videos_and_leads_to_the_place(opened, index: Path) -> None:
    done = opened(index)
    page = done.page
    page.fill("#search", "says 4")
    until(page, "document.querySelectorAll('#found li').length === 3")
    assert "Video 1 says 4 <b>aloud</b>." in page.locator("#found").text_content()
    page.locator("#found a").nth(1).click()
    until(page, "document.querySelector('.clip.chosen')?.dataset.index === '4'")
    assert done.console == []


def test_keys(opened, index: Path) -> None:
    page = opened(index).page
    page.keyboard.press("/")
    page.keyboard.type("says 4")
    until(page, "document.querySelectorAll('#found li').length === 3")
    page.keyboard.press("Escape")
    until(page, "document.querySelectorAll('#found li').length === 0")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == f"{NAMES[1]}.mp4"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_is_wider_than_the_window(opened, index: Path, width: int) -> None:
    page = opened(index, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_ten_thousand_videos(opened, tmp_path: Path) -> None:
    """The table grows as it is asked to; filters see all of it."""
    videos = [line(tmp_path / f"{number:05d}.mp4", "done" if number else "failed") for number in range(10_000)]
    page = opened(write_index(tmp_path, run_of(videos), [])).page
    assert page.locator("#videos tbody tr").count() == 100
    page.click("#more-videos")
    assert page.locator("#videos tbody tr").count() == 200
    page.fill("#name", "09999")
    until(page, "document.querySelectorAll('#videos tbody tr').length === 1")

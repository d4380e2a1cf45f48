"""``report.html`` in a real browser, from disk."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.clips.pages import write_pages
from tests.support.browsing import until
from tests.support.film import Film
from tests.support.finished import PITCH_S, finished

pytestmark = pytest.mark.browser

SCRIPT = ' <script>alert(1)</script> &amp; "quoted" <img src=x onerror=alert(2)>'
TEXTS = {3: SCRIPT, 4: " Ça ira à Noël."}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "a <b> 'c' #1 100%"
    done = finished(text_of=lambda index: TEXTS.get(index, f" This is sentence {index}."))
    done.make_clips(folder, tmp_path_factory.mktemp("film"))
    return write_pages(folder, None, done.manifest, done.transcript, done.tracks, {"vision": 12.5})


def _place(page, time_s: float, lane: int) -> dict[str, float]:
    """Where on the timeline *time_s* is, in the lane of that number: 22 pixels of axis, then 52 a lane."""
    box = page.locator("#timeline canvas").bounding_box()
    return {"x": time_s / (6 * PITCH_S) * box["width"], "y": 22 + lane * 52 + 30}


def _plays(page, index: int) -> float:
    """Waits until the clip of sentence *index* plays and tells where it is, in seconds of the video."""
    until(page, f"document.querySelector('#clip-{index} video')?.currentTime > 0")
    return page.evaluate(f"document.querySelector('#clip-{index} video').currentTime") + index * PITCH_S


def test_it_opens_from_disk_and_asks_for_nothing_else(opened, report: Path) -> None:
    done = opened(report)
    assert done.page.title() == "a <b> 'c' #1.mp4 – report"
    assert done.page.locator(".clip").count() == 5
    assert done.page.locator("#stand-ins").inner_text().count("stands in for") == 1
    assert (done.console, done.requests) == ([], [report.as_uri()])


def test_everything_that_is_played_comes_from_its_own_folder(opened, report: Path) -> None:
    done = opened(report)
    done.page.locator("#clip-0 .picture").click()
    assert _plays(done.page, 0) < 2
    assert done.console == []
    assert len(done.requests) > 1
    assert all(url.startswith(report.parent.as_uri() + "/") for url in done.requests), done.requests


@pytest.mark.parametrize(("time_s", "lane", "index"), [(7.0, 0, 2), (10.0, 1, 3), (10.0, 0, 3)])
def test_a_click_on_the_timeline_plays_what_is_said_there(opened, report: Path, time_s, lane, index) -> None:
    page = opened(report).page
    page.locator("#timeline canvas").click(position=_place(page, time_s, lane))
    assert time_s - 0.1 < _plays(page, index) < time_s + 1
    assert page.locator(".clip.chosen").get_attribute("data-index") == str(index)


def test_a_click_where_nothing_was_cut_says_why(opened, report: Path) -> None:
    page = opened(report).page
    page.locator("#timeline canvas").click(position=_place(page, 4.0, 2))
    assert page.locator("#message").inner_text() == "No clip at 0:04.0: not_visible"
    assert page.locator("video").count() == 0


def test_a_click_on_a_word_plays_the_clip_at_that_word(opened, report: Path) -> None:
    page = opened(report).page
    page.locator("#transcript").get_by_text("Noël.", exact=True).click()
    starts_s = 4 * PITCH_S + 2 * 2 / 4  # third of the words "Ça ira à Noël." is at 1.0 s, the fourth at 1.5 s
    assert starts_s + 0.4 < _plays(page, 4) < starts_s + 1.01
    until(page, "document.querySelector('.turn .now')?.textContent === 'Noël.'")


def test_a_click_on_a_word_without_a_clip_says_why(opened, report: Path) -> None:
    page = opened(report).page
    page.locator(".turn .no-clip").first.click()
    assert page.locator("#message").inner_text() == "This sentence got no clip: not_visible"


def test_only_one_clip_plays_at_a_time(opened, report: Path) -> None:
    page = opened(report).page
    for index in (0, 2):
        page.locator(f"#clip-{index} .picture").click()
        _plays(page, index)
    assert page.evaluate("document.querySelector('#clip-0 video').paused")


def test_search_finds_letters_without_case_and_accents(opened, report: Path) -> None:
    page = opened(report).page
    page.fill("#search", "NOEL")
    until(page, "document.querySelectorAll('.clip').length === 1")
    assert page.locator(".clip .text").text_content() == "Ça ira à Noël."
    assert page.locator("#count").inner_text() == "1 of 5 clips, 0 of 1 dropped"


def test_what_is_found_is_marked(opened, report: Path) -> None:
    page = opened(report).page
    page.fill("#search", "SENTENCE 2")
    until(page, "document.querySelectorAll('.clip').length === 1")
    assert page.locator(".clip mark").text_content() == "sentence 2"


def test_the_speaker_filter(opened, report: Path) -> None:
    page = opened(report).page
    page.select_option("#speaker", label="Speaker 2")
    assert page.locator(".clip .who").all_text_contents() == ["Speaker 2", "Speaker 2"]
    page.select_option("#speaker", label="Off-screen")
    assert page.locator(".clip").count() == 0
    assert page.locator("#dropped tbody tr:visible").count() == 1


def test_a_clip_that_filters_hide_comes_back_when_it_is_played(opened, report: Path) -> None:
    page = opened(report).page
    page.select_option("#speaker", label="Speaker 2")
    page.locator("#timeline canvas").click(position=_place(page, 7.0, 0))
    _plays(page, 2)
    assert page.locator("#clip-2").is_visible()
    assert page.input_value("#speaker") == ""


def test_only_what_is_doubtful(opened, report: Path) -> None:
    page = opened(report).page
    page.check("#doubts")
    assert [row.get_attribute("data-index") for row in page.locator(".clip").all()] == ["2"]


def test_the_least_sure_first(opened, report: Path) -> None:
    page = opened(report).page
    page.select_option("#sort", "probability")
    shown = re.findall(r"probability (\S+)", page.locator("#clips").text_content())
    assert shown == sorted(shown)
    assert len(set(shown)) > 2


def test_keys(opened, report: Path) -> None:
    page = opened(report).page
    chosen = page.locator(".clip.chosen")
    for key, index in (("j", "0"), ("j", "2"), ("j", "3"), ("k", "2")):
        page.keyboard.press(key)
        assert chosen.get_attribute("data-index") == index
    page.keyboard.press(" ")
    _plays(page, 2)
    page.keyboard.press(" ")
    until(page, "document.querySelector('#clip-2 video').paused")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert page.input_value("#search") == "jk?"
    page.keyboard.press("Escape")
    until(page, "document.querySelectorAll('.clip').length === 5")


def test_the_timeline_obeys_keys(opened, report: Path) -> None:
    page = opened(report).page
    page.focus("#timeline canvas")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert 6.9 < _plays(page, 2) < 8


def test_zooming_keeps_clicks_in_place(opened, report: Path) -> None:
    page = opened(report).page
    page.click("#closer")
    until(page, "document.querySelector('#span').textContent === '0:05 – 0:14'")  # the middle half of 18 s: 4.5 to 13.5
    box = page.locator("#timeline canvas").bounding_box()
    page.locator("#timeline canvas").click(position={"x": (7.0 - 4.5) / 9 * box["width"], "y": 52})
    assert 6.9 < _plays(page, 2) < 8


def test_markup_in_a_sentence_is_shown_and_not_run(opened, report: Path) -> None:
    done = opened(report)
    assert done.page.locator("#clip-3 .text").text_content() == SCRIPT.strip()
    assert "<script>alert(1)</script>" in done.page.locator("#transcript").text_content()
    assert done.page.locator("img[src=x]").count() == 0
    assert done.console == []


def test_the_address_leads_to_a_time(opened, report: Path) -> None:
    page = opened(report, fragment="#t=9.5").page
    assert page.locator(".clip.chosen").get_attribute("data-index") == "3"


@pytest.mark.parametrize("dark", [False, True])
def test_it_follows_the_wish_for_dark_or_light(opened, report: Path, dark: bool) -> None:
    page = opened(report, dark=dark).page
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back))) < 3 * 60) == dark


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_is_wider_than_the_window(opened, report: Path, width: int) -> None:
    page = opened(report, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_five_hundred_clips(opened, tmp_path: Path) -> None:
    """All are there, none is loaded before it is wanted, and the last can be found and played."""
    done = finished(501)
    done.make_clips(tmp_path, tmp_path)
    path = write_pages(tmp_path, None, done.manifest, done.transcript, done.tracks, {})
    shown = opened(path)
    page = shown.page
    until(page, "document.querySelectorAll('.clip').length === 500")
    assert (page.locator("video").count(), shown.requests) == (0, [path.as_uri()])
    page.fill("#search", "sentence 499.")
    until(page, "document.querySelectorAll('.clip').length === 1")
    page.keyboard.press("Escape")
    until(page, "document.querySelectorAll('.clip').length === 500")
    page.locator("#clip-500 .picture").click()
    assert 1500 <= _plays(page, 500) < 1502
    assert shown.console == []


def test_what_is_said_before_the_picture_is_on_the_timeline(opened, tmp_path: Path) -> None:
    """It begins below 0: 22 s are shown, of which 4 lie before the first picture."""
    done = finished()
    (line,) = done.manifest["dropped"]
    early = line | {"start_time": -4.0, "end_time": -3.0, "reason_code": "outside_picture"}
    manifest = done.manifest | {"dropped": [early], "source": done.manifest["source"] | {"lead": 4.25}}
    page = opened(write_pages(tmp_path, None, manifest, done.transcript, done.tracks, {})).page
    assert page.locator("#span").inner_text() == "−0:04 – 0:18"
    assert "players show +4.25 s" in page.locator(".facts").inner_text()
    assert page.locator("#dropped td").first.inner_text() == "▶ −0:04.0"
    box = page.locator("#timeline canvas").bounding_box()
    page.locator("#timeline canvas").click(position={"x": 0.5 / 22 * box["width"], "y": 22 + 2 * 52 + 30})
    assert page.locator("#message").inner_text() == "No clip at −0:03.5: outside_picture"
    page.locator("#timeline canvas").press("Home")
    until(page, "document.querySelector('#timeline canvas').getAttribute('aria-valuenow') === '-4.0'")


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose one dropped sentence is doubtful."""
    done = finished()
    done.manifest["dropped"][0]["reason_code"] = "uncertain_speaker"
    rerun = ("/v/it's <b>.mp4", "--output-dir", "/out/" + "long/" * 60)
    return write_pages(
        tmp_path_factory.mktemp("doubtful"), None, done.manifest, done.transcript, done.tracks, {}, rerun
    )


COMMAND = f"python optimized_runner.py '/v/it'\"'\"'s <b>.mp4' --output-dir /out/{'long/' * 60} --keep-doubtful"


@pytest.mark.parametrize("button", ["#keep button", "#dropped button[data-keep]"])
def test_the_command_that_keeps_doubtful_sentences_is_copied(opened, doubtful: Path, button: str) -> None:
    """By keyboard; a message and the button say so."""
    shown = opened(doubtful)
    page = shown.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.focus(button)
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('{button}').textContent === 'Copied'")
    assert "Command copied" in page.locator("#message").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == COMMAND
    assert not page.locator("#command").is_visible()
    assert shown.console == []


def test_where_the_page_may_not_copy_the_command_is_shown_selected(opened, doubtful: Path) -> None:
    page = opened(doubtful, width=360).page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("#keep button")
    until(page, "document.querySelector('#command').open")
    assert page.evaluate("getSelection().toString()") == COMMAND
    page.keyboard.press("j")
    assert page.locator(".clip.chosen").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Escape")
    assert not page.locator("#command").is_visible()
    assert page.evaluate("document.activeElement.dataset.keep") == ""


@pytest.fixture
def with_source(tmp_path: Path) -> Path:
    """A report whose source lies beside its folder; the dropped sentence is from 3 to 5 s."""
    (tmp_path / "a #1").mkdir()
    film = Film(tmp_path / "a #1")
    sound = [(Fraction(0), film.tone(16_000, 8.0, 2))]
    source = film.make("film.mp4", film.times(Fraction(25), 8.0), sound=sound, sound_codec="aac", options={"g": "10"})
    done = finished(path=source)
    folder = tmp_path / "results"
    folder.mkdir()
    return write_pages(folder, None, done.manifest, done.transcript, done.tracks, {})


def test_a_sentence_without_a_clip_is_played_from_the_source_and_no_further(opened, with_source: Path) -> None:
    page = opened(with_source).page
    page.locator("#dropped button[data-source]").focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#source video')?.currentTime > 3")
    page.evaluate("document.querySelector('#source video').playbackRate = 8")
    until(page, "document.querySelector('#source video').paused")
    assert 5 <= page.evaluate("document.querySelector('#source video').currentTime") < 8


def test_a_source_that_is_gone_is_told(opened, with_source: Path) -> None:
    (with_source.parent.parent / "a #1" / "film.mp4").unlink()
    page = opened(with_source).page
    page.locator("#dropped button[data-source]").click()
    until(page, "document.querySelector('#message').textContent.includes('cannot be played here')")

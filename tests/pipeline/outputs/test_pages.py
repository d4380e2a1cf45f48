"""What the HTML pages have in common."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.pages import clock, json_block, link, page, shown, stand_ins


@given(st.text())
def test_no_text_can_end_the_block_of_data(text: str) -> None:
    block = json_block({"text": text})
    assert "<" not in block
    assert json.loads(block) == {"text": text}


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [
        (0, 0, "0:00"),
        (59.96, 1, "1:00.0"),
        (3599.96, 1, "1:00:00.0"),
        (3723.25, 2, "1:02:03.25"),
        (-1.52, 1, "−0:01.5"),
        (-0.01, 1, "0:00.0"),
    ],
)
def test_times_for_people(seconds: float, digits: int, text: str) -> None:
    assert clock(seconds, digits) == text


@pytest.mark.parametrize("name", ["a b.mp4", "#1 100%?&;=+", "'\"<>", "ünï", "not\udcffutf8", "a:b", "~"])
def test_links_name_the_very_bytes(tmp_path: Path, name: str) -> None:
    url = link(tmp_path / "x" / name / "report.html", tmp_path / "y")
    assert unquote_to_bytes(url) == b"./../x/" + os.fsencode(name) + b"/report.html"
    assert not set(url) & set(" #?<>\"'&:")


def test_a_link_cannot_be_taken_for_a_scheme(tmp_path: Path) -> None:
    assert link(tmp_path / "javascript:alert(1)", tmp_path) == "./javascript%3Aalert%281%29"


@pytest.mark.parametrize(("path", "text"), [("/ä", "/ä"), ("/\udcff", "/\ufffd"), ("/\ud800", "/?")])
def test_paths_that_are_no_utf8_can_be_shown(path: str, text: str) -> None:
    assert shown(path) == text


def test_only_stand_ins_are_told_as_such() -> None:
    models = [{"name": "a", "stands_in_for": None}, {"name": "b", "stands_in_for": "c"}]
    assert [model["name"] for model in stand_ins(models)] == ["b"]


def test_a_value_that_a_template_lacks_is_a_fault() -> None:
    with pytest.raises(Exception, match="undefined"):
        page("report.html", styles=(), scripts=(), data={})

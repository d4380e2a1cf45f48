"""Black bars around a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.framing.borders import content_of

RANDOM = np.random.default_rng(5)
SIZE = (180, 320)


def scene(level: int = 120, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a picture of noise of a mean luma."""
    return np.clip(np.random.default_rng(level).normal(level, 25, (*size, 3)), 0, 255).astype(np.uint8)


def barred(picture: np.ndarray, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """Return the picture with bars of the noise that compression leaves."""
    out = np.random.default_rng(1).integers(0, 12, picture.shape, np.uint8)
    out[y1:y2, x1:x2] = picture[y1:y2, x1:x2]
    return out


@pytest.mark.parametrize(
    "content",
    [
        pytest.param((0, 22, 320, 158), id="letterbox"),
        pytest.param((109, 0, 211, 180), id="pillarbox"),
        pytest.param((40, 22, 280, 158), id="both"),
        pytest.param((0, 0, 320, 180), id="none"),
        pytest.param((0, 22, 320, 157), id="one line more below"),
    ],
)
def test_bars_are_found_to_the_line(content: tuple[int, int, int, int]) -> None:
    assert content_of([barred(scene(), *content) for _ in range(8)]) == content


def test_a_wide_picture_in_an_upright_one_with_changing_text_below() -> None:
    pictures = []
    for number in range(10):
        picture = barred(scene(size=(320, 180)), 0, 110, 180, 210)
        columns = RANDOM.random(140) < 0.4  # letters cover less than half of a line
        picture[240:252, 20:160][:, columns] = 230
        pictures.append(picture if number % 3 else barred(scene(size=(320, 180)), 0, 110, 180, 210))
    assert content_of(pictures) == (0, 110, 180, 210)


def test_dark_shots_say_nothing_and_bright_ones_decide() -> None:
    letterboxed = [barred(scene(level), 0, 22, 320, 158) for level in (5, 5, 5, 130, 8, 120, 110, 5)]
    assert content_of(letterboxed) == (0, 22, 320, 158)
    assert content_of([scene(4), scene(3), scene(120)]) == (0, 0, 320, 180)


def test_one_picture_without_bars_is_enough_for_none() -> None:
    assert content_of([*(barred(scene(), 0, 22, 320, 158) for _ in range(15)), scene()]) == (0, 0, 320, 180)


def test_a_dark_ceiling_is_no_bar() -> None:
    room = scene()
    room[:60] = np.linspace(0, 100, 60)[:, None, None]
    assert content_of([room] * 6) == (0, 0, 320, 180)
    stage = np.zeros((*SIZE, 3), np.uint8)
    rows, columns = np.mgrid[:180, :320]
    stage[((rows - 120) / 60) ** 2 + ((columns - 160) / 50) ** 2 < 1] = 200  # somebody in a spot of light
    assert content_of([stage] * 6) == (0, 0, 320, 180)
    black_above = scene()
    black_above[:40] = 0
    assert content_of([black_above] * 6) == (0, 0, 320, 180)


def test_black_pictures_alone_have_no_bars() -> None:
    assert content_of([np.zeros((*SIZE, 3), np.uint8)] * 3) == (0, 0, 320, 180)
    with pytest.raises(ValueError, match="at least one picture"):
        content_of([])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 100), st.lists(st.integers(2, 200), min_size=1, max_size=6))
def test_no_more_than_the_bars_is_cut_off(bar_y: int, bar_x: int, levels: list[int]) -> None:
    content = bar_x, bar_y, 320 - bar_x, 180 - bar_y
    x1, y1, x2, y2 = content_of([barred(scene(level), *content) for level in levels])
    assert x1 <= content[0]
    assert y1 <= content[1]
    assert x2 >= content[2]
    assert y2 >= content[3]
    if max(levels) >= 90:
        assert (x1, y1, x2, y2) == content

"""Sizes of clips."""

from __future__ import annotations

import pytest

from pipeline.framing.styles import clip_size_px, upright_size_px


@pytest.mark.parametrize(
    ("style", "picture_px", "wanted", "size_px"),
    [
        ("face", (1920, 1080), "auto", (224, 224)),
        ("face", (1920, 1080), 96, (96, 96)),
        ("head", (640, 360), "auto", (512, 512)),
        ("full", (1920, 1080), "auto", (1920, 1080)),
        ("full", (591, 333), "auto", (592, 332)),  # even sides
        ("full", (1920, 1080), 360, (640, 360)),
        ("full", (1080, 1920), 360, (360, 640)),
        ("portrait", (1920, 1080), "auto", (606, 1078)),  # as wide as the picture is high, times 9/16, and even
        ("portrait", (1080, 1920), "auto", (1080, 1920)),
        ("portrait", (3840, 2160), "auto", (1080, 1920)),  # 1214 are there; 1080 is the usual width
        ("portrait", (400, 1000), "auto", (400, 712)),
        ("portrait", (1920, 1080), 1080, (1080, 1920)),
    ],
)
def test_sizes(style, picture_px, wanted, size_px) -> None:
    assert clip_size_px(style, picture_px, wanted) == size_px


@pytest.mark.parametrize(
    ("content_px", "wanted", "size_px"),
    [
        ((1920, 1080), "auto", (1080, 1920)),
        ((3840, 2160), "auto", (1080, 1920)),
        ((1280, 720), "auto", (810, 1440)),
        ((640, 360), "auto", (404, 718)),
        ((1080, 1920), "auto", (1080, 1920)),
        ((100, 1000), "auto", (200, 356)),
        ((640, 360), 1080, (1080, 1920)),
        ((1, 1), "auto", (2, 4)),
    ],
)
def test_an_upright_video_is_at_most_twice_as_large_as_its_source(
    content_px: tuple[int, int], wanted: int | str, size_px: tuple[int, int]
) -> None:
    assert upright_size_px(content_px, wanted) == size_px

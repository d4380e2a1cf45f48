from __future__ import annotations

import pytest

from pipeline.wording import counted, listed


@pytest.mark.parametrize(("count", "told"), [(0, "0 clips"), (1, "1 clip"), (2, "2 clips"), (21, "21 clips")])
def test_one_alone_is_singular(count: int, told: str) -> None:
    assert counted(count, "clip") == told


@pytest.mark.parametrize(
    ("words", "told"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_words_are_listed(words: list[str], told: str) -> None:
    assert listed(words) == told

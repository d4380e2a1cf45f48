from __future__ import annotations

import pytest

from pipeline.speech.language import SpokenLanguage, most_probable


def test_a_clear_language_has_its_probability_and_no_note() -> None:
    assert most_probable({"fr": 0.04, "en": 0.9, "de": 0.06}) == SpokenLanguage("en", 0.9)


@pytest.mark.parametrize(("second", "told"), [(0.24, True), (0.23, False)], ids=["half as probable", "less"])
def test_a_second_language_that_is_close_is_named(second: float, told: bool) -> None:
    found = most_probable({"ur": second, "hi": 0.48, "en": 0.2})
    assert (found.code, found.probability, len(found.notes)) == ("hi", 0.48, int(told))
    assert all("hi (probability 0.48), and ur is close (0.24)" in note for note in found.notes)


def test_the_only_language_is_not_close_to_any() -> None:
    assert most_probable({"en": 1.0}) == SpokenLanguage("en", 1.0)

"""Where a sentence ends."""

from __future__ import annotations

import pytest

from pipeline.clips.punctuation import ends_sentence


@pytest.mark.parametrize(
    ("text", "following", "language", "ends"),
    [
        (" there.", " How", "en", True),
        (" there.", " how", "en", True),  # all in small letters: a point is still a point
        (" there", " How", "en", False),
        (" there,", " How", "en", False),
        (" there.", "", "en", True),
        (" you?", " I", "en", True),
        (" you?", " i", "en", True),
        (' "Really?"', " he", "en", False),
        (' "Really?"', " He", "en", True),
        (" (yes.)", " Now", "en", True),
        (" well...", " you", "en", False),
        (" well...", " You", "en", True),
        (" well…", " you", "en", False),
        (" Dr.", " Smith", "en", False),
        (" (Dr.", " Smith", "en", False),
        (" J.", " Smith", "en", False),
        (" did I.", " Then", "en", True),
        (" I.", " Then", "en", True),
        (" U.S.", " Army", "en", False),
        (" e.g.", " Paris", "en", False),
        (" etc.", " Then", "en", True),
        (" etc.", " and", "en", False),
        (" p.m.", " We", "en", True),
        (" No.", " I", "en", True),
        (" No.", " 5", "en", False),
        (" 3.", "5", "en", False),  # a recogniser that parts a number at its point
        (" 3.5.", " Then", "en", True),
        (" 1990.", " Then", "en", True),
        (" 3.", " Mai", "de", False),
        (" z.B.", " Hunde", "de", False),
        (" M.", " Dupont", "fr", False),
        (" а.", " Потом", "ru", True),
        ("です。", "次", "ja", True),
        ("吗？", "是", "zh", True),
        ("」。", "次", "ja", True),
        ("。」", "次", "ja", True),
        ("です、", "次", "ja", False),
        (" मैं।", " वह", "hi", True),
        (" كيف؟", " نعم", "ar", True),
        (" ہے۔", " وہ", "ur", True),
        (" τι;", " Ναι", "el", True),
        (" what;", " Yes", "en", False),
        (" ", " Yes", "en", False),
        (' "', " Yes", "en", False),
    ],
)
def test_ends_sentence(text: str, following: str, language: str, ends: bool) -> None:
    assert ends_sentence(text, following, language) is ends

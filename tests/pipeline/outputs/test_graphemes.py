"""Letters with their marks are one, however many code points they have."""

from __future__ import annotations

import pytest

from pipeline.outputs.graphemes import cluster_columns, clusters
from pipeline.outputs.subtitles import LINE_COLUMNS, _wrapped, columns

WORDS = {
    "Thai": ("ผู้หญิงกินน้ำ", ["ผู้", "ห", "ญิ", "ง", "กิ", "น", "น้ำ"]),
    "Thai vowels": ("เกาะแพะไป", ["เกาะ", "แพะ", "ไป"]),
    "Lao vowels": ("ເກາະແມ່ມາ", ["ເກາະ", "ແມ່", "ມາ"]),
    "Lao": ("ຜູ້ຍິງນ້ຳ", ["ຜູ້", "ຍິ", "ງ", "ນ້ຳ"]),
    "Devanagari": ("हिन्दी", ["हि", "न्दी"]),
    "Bengali": ("বাংলা", ["বাং", "লা"]),
    "Burmese": ("မြန်မာ", ["မြ", "န်", "မာ"]),
    "Tamil": ("தமிழ்", ["த", "மி", "ழ்"]),
    "Khmer": ("ខ្មែរ", ["ខ្មែ", "រ"]),
    "Hangul": ("\u1112\u1161\u11ab글", ["\u1112\u1161\u11ab", "글"]),
    "family": ("👨‍👩‍👧a", ["👨‍👩‍👧", "a"]),
    "skin": ("👍🏽👍", ["👍🏽", "👍"]),
    "flag": ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
    "accents": ("e\u0301o\u0308", ["e\u0301", "o\u0308"]),
}


@pytest.mark.parametrize(("text", "parts"), WORDS.values(), ids=WORDS)
def test_a_letter_is_never_torn(text: str, parts: list[str]) -> None:
    assert clusters(text) == parts


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("กิน", 2),
        ("ผู้", 1),
        ("เกาะ", 4),
        ("ກິນ", 2),
        ("हिन्दी", 3),
        ("မြန်မာ", 3),
        ("e\u0301", 1),
        ("日本", 4),
        ("👨‍👩‍👧", 2),
        ("abc", 3),
    ],
)
def test_marks_take_no_room(text: str, width: int) -> None:
    assert columns(text) == width == sum(map(cluster_columns, clusters(text)))


@pytest.mark.parametrize(
    "name", ["Thai", "Thai vowels", "Lao", "Lao vowels", "Devanagari", "Bengali", "Burmese", "Tamil", "Khmer", "family"]
)
def test_no_line_begins_with_a_mark(name: str) -> None:
    text = WORDS[name][0] * 30
    lines = _wrapped(text)
    assert len(lines) > 1 and "".join(lines) == text
    assert all(columns(line) <= LINE_COLUMNS for line in lines)
    assert [part for line in lines for part in clusters(line)] == clusters(text)

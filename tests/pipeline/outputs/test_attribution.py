"""``attribution.json``: what was written comes back to the last bit, and what was changed is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.outputs.attribution import attribution_marks, digest_of, read_attribution, write_attribution
from pipeline.outputs.seal import sealed
from pipeline.types import AttributedWord, Attribution, Overlap, Sentence, Word

WORDS = tuple(Word(f" w{place}", place / 3, (place + 1) / 3, 0.5) for place in range(4))
SPOKEN = (
    AttributedWord(WORDS[0], 2, 1, ((2, 1 / 3), (None, 2 / 3))),
    AttributedWord(WORDS[1], None, None, ()),
    AttributedWord(WORDS[2], 2, 1, ((2, 0.1 + 0.2),)),
    AttributedWord(WORDS[3], None, 0, ((None, 1.0),)),
)
SAID = Attribution(
    SPOKEN,
    (
        Sentence((SPOKEN[0], SPOKEN[2]), 2, 1, 1 / 7, 0.1 + 0.2, None, 1.0),
        Sentence((SPOKEN[1],), None, None, None, None, None, 0.0),
        Sentence((SPOKEN[3],), None, 0, None, None, None, 0.5),
    ),
    (Overlap(1 / 3, 0.1 + 0.9, (0, 2)),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_attribution(tmp_path / "attribution.json", SAID, "f" * 64, "m" * 64)
    return tmp_path / "attribution.json"


def test_it_comes_back_as_it_was_with_sentences_that_go_into_each_other(path: Path) -> None:
    assert read_attribution(path, WORDS) == SAID
    assert attribution_marks(path) == ("f" * 64, "m" * 64)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_numbers_come_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    spoken = (AttributedWord(WORDS[0], 0, 0, ((0, numbers[0]),)),)
    said = Attribution(spoken, (Sentence(spoken, 0, 0, numbers[1], numbers[2], numbers[3], 0.1),))
    path = tmp_path_factory.mktemp("said") / "attribution.json"
    write_attribution(path, said, "", "")
    assert read_attribution(path, WORDS[:1]) == said


def test_of_other_words_it_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="of 4 words, and the transcript has 3") as caught:
        read_attribution(path, WORDS[:3])
    assert caught.value.reason_code == "bad_attribution"


@pytest.mark.parametrize("damage", ["cut", "edited", "empty", "none"])
def test_what_is_not_as_it_was_written_is_refused(path: Path, damage: str) -> None:
    content = path.read_text()
    changed = {"cut": content[:-40], "edited": content.replace(" 2,", " 3,", 1), "empty": ""}
    path.unlink() if damage == "none" else path.write_text(changed[damage])
    for read in (lambda: read_attribution(path, WORDS), lambda: attribution_marks(path)):
        with pytest.raises(InputError) as caught:
            read()
        assert caught.value.reason_code == ("unreadable" if damage == "none" else "bad_attribution")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), 1),
        (("fingerprint",), 7),
        (("made_of",), None),
        (("words", 0, 0), -1),
        (("words", 0, 0), True),
        (("words", 0, 2), [[0, "x"]]),
        (("words", 0), [0, 1]),
        (("sentences", 0, "words"), [9]),
        (("sentences", 0, "words"), [-1]),
        (("sentences", 0, "words"), []),
        (("sentences", 0, "coverage"), None),
        (("sentences", 0, "margin"), "much"),
        (("sentences",), {"a": 1}),
        (("words",), None),
        (("overlaps", 0), [0.0, 1.0]),
        (("overlaps", 0, 1), None),
        (("overlaps", 0, 2), [-1]),
        (("overlaps",), None),
    ],
)
def test_values_that_cannot_be_are_refused_though_the_digest_is_right(
    path: Path, place: tuple[Any, ...], value: Any
) -> None:
    content: Any = json.loads(path.read_text())
    *way, last = place
    inner = content
    for step in way:
        inner = inner[step]
    inner[last] = value
    path.write_bytes(sealed(content))
    with pytest.raises(InputError) as caught:
        read_attribution(path, WORDS)
    assert caught.value.reason_code == "bad_attribution"


def test_it_is_made_of_the_content_of_the_faces_and_of_the_words_as_they_are_heard(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.npz"
    tracks.write_bytes(b"faces")
    first = digest_of(tracks, WORDS)
    assert digest_of(tracks, WORDS) == first and len(first) == 64
    assert digest_of(tracks, WORDS[:3]) != first
    tracks.write_bytes(b"other")
    assert digest_of(tracks, WORDS) != first
    tracks.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        digest_of(tracks, WORDS)

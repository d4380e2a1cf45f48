"""Files that show whether they are as they were written."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.seal import DIGEST, seal_of, sealed

CONTENT = {"schema_version": 1, "text": 'a "b"\n "digest": é \udce9', "list": [1.5, None, {"x": True}]}


def test_the_digest_is_of_all_that_follows_its_line() -> None:
    content = sealed(CONTENT)
    first, second, rest = content.split(b"\n", 2)
    assert (first, json.loads(content)) == (b"{", {DIGEST: hashlib.sha256(rest).hexdigest(), **CONTENT})
    assert second.decode() == f' "{DIGEST}": "{seal_of(content)}",'


def test_an_earlier_digest_is_replaced() -> None:
    assert sealed({DIGEST: "0" * 64, **CONTENT}) == sealed(CONTENT)


@given(st.integers(0, len(sealed(CONTENT)) - 1), st.integers(1, 255))
def test_every_changed_byte_breaks_it(place: int, change: int) -> None:
    content = bytearray(sealed(CONTENT))
    content[place] ^= change
    assert seal_of(bytes(content)) is None


@given(st.integers(0, len(sealed(CONTENT)) - 1))
def test_every_missing_end_breaks_it(length: int) -> None:
    assert seal_of(sealed(CONTENT)[:length]) is None


@pytest.mark.parametrize("content", [b"", b"{}", json.dumps(CONTENT).encode(), b"\n" + sealed(CONTENT)])
def test_others_have_none(content: bytes) -> None:
    assert seal_of(content) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_cannot_be_sealed(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        sealed({"a": value})

"""Values that a file in JSON may hold, and some that it must not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

_NUMBERS = (
    st.integers()
    | st.floats()
    | st.floats(0, 100)
    | st.sampled_from([2**63, 10**400, -(10**400), 1e308, 5e-324, -0.0, 1e6, 1e6 + 1, 25e6])
)
_LETTERS = st.characters(exclude_categories=()) | st.sampled_from("\ud800\udfff\0\x1b\u2028\u202e")
TEXTS = st.text(_LETTERS, max_size=8) | st.sampled_from(
    ["../../x", "a" * 3000, "interpolated", "measured", "en", "repeated"]
)

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
"""Values of any kind and nesting, with NaN, infinities, numbers beyond every float and halves of characters."""


def raw_json(value: Any) -> bytes:
    """*value* as Python's json writes it, NaN and infinities too; halves of characters as they are."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def nested(depth: int) -> bytes:
    """Lists in lists."""
    return b"[" * depth + b"]" * depth


def with_repeated_keys(value: Any) -> bytes:
    """*value* with every object's fields given twice: the first time they are empty."""
    if isinstance(value, dict):
        names = [json.dumps(name).encode() for name in value]
        fields = [name + b": null" for name in names]
        fields += [name + b": " + with_repeated_keys(inner) for name, inner in zip(names, value.values(), strict=True)]
        return b"{" + b", ".join(fields) + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(map(with_repeated_keys, value)) + b"]"
    return json.dumps(value).encode()


Place = tuple[str | int, ...]
"""Keys and numbers that lead to a value inside JSON."""


def places_in(value: Any) -> list[Place]:
    """Where the values inside *value* are, however deep."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in inside for place in [(key,), *((key, *rest) for rest in places_in(inner))]]


def changed(content: Any, place: Place, value: Any) -> Any:
    """A copy of *content* with another *value* at *place*."""
    copy = json.loads(json.dumps(content))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy

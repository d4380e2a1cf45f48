"""What the fuzz tests share: how files are spoiled, and how hard it is tried."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
"""Examples of each test. ``FUZZ_EXAMPLES=3000 pytest tests/fuzz`` looks longer."""

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

Change = tuple[str, float, bytes]
"""Kind, place as a share of the file, and bytes that take part."""

CHANGES: st.SearchStrategy[list[Change]] = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "delete", "repeat", "truncate", "flip"]),
        st.floats(0, 1, exclude_max=True) | st.floats(0, 0.02) | st.floats(0.98, 1, exclude_max=True),
        st.binary(min_size=1, max_size=12) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff", b"[" * 12]),
    ),
    min_size=1,
    max_size=6,
)
"""A few changes to a file; its two ends, where headers and tables of contents are, are hit more often."""


def mutated(content: bytes, changes: Sequence[Change]) -> bytes:
    """*content* after these changes, one after the other."""
    data = bytearray(content)
    for kind, share, part in changes:
        at = int(share * len(data))
        length = len(part)
        if kind == "overwrite":
            data[at : at + length] = part
        elif kind == "insert":
            data[at:at] = part
        elif kind == "delete":
            del data[at : at + length * length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length * length]
        elif kind == "truncate":
            del data[at:]
        elif data:
            data[at % len(data)] ^= 1 << part[0] % 8
    return bytes(data)

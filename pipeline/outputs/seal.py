"""Sealed JSON files, which show changes since the program wrote them: the first field is a digest of the rest.

The digest shows damage and edits, in a small part of the time that a schema takes. It is no signature: anybody
can compute it for a file of their own. So the content of a sealed file is trusted no more than that of any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from pipeline.outputs.files import json_text

DIGEST = "digest"
"""The field: SHA-256, in hexadecimal digits, of the file after the line that holds it."""

_HEAD = re.compile(rb'\{\n "digest": "([0-9a-f]{64})",\n')


def sealed(content: Mapping[str, Any]) -> bytes:
    """Return *content*, which has at least one field, as indented JSON with its digest in front.

    Raises:
        ValueError: NaN or infinity, which JSON does not know.
    """
    body = (json_text({name: value for name, value in content.items() if name != DIGEST}, indent=1) + "\n").encode()
    body = body.removeprefix(b"{\n")
    return b'{\n "%s": "%s",\n' % (DIGEST.encode(), hashlib.sha256(body).hexdigest().encode()) + body


def seal_of(content: bytes) -> str | None:
    """Return the digest of a file that is as `sealed` wrote it; None where it has none, or another one."""
    head = _HEAD.match(content)
    if head is None:
        return None
    digest = hashlib.sha256(memoryview(content)[head.end() :]).hexdigest()
    return digest if head[1] == digest.encode() else None

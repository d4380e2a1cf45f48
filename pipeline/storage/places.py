"""What the user names as the place of videos or results, where that is a URL."""

from __future__ import annotations

import re

from pipeline.errors import InputError
from pipeline.storage.objects import PACKAGES, listing, size_of, try_out

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


def is_url(place: object) -> bool:
    """Whether *place* is a URL, of whatever protocol, and no path."""
    return isinstance(place, str) and _URL.match(place) is not None


def checked(url: str) -> str:
    """*url* as this module takes it: its protocol in small letters, no ``/`` at its end.

    Raises:
        InputError: ``bad_setting`` for a protocol that is not served, or where the bucket is missing.
    """
    found = _URL.match(url)
    protocol, place = (found[1].lower(), found[2].rstrip("/")) if found else ("", "")
    if protocol not in PACKAGES:
        served = " and ".join(f"{name}://" for name in PACKAGES)
        raise InputError("bad_setting", f"videos and results are read and written on {served} only", url)
    if protocol == "file" and not place.startswith("/"):
        raise InputError("bad_setting", "a file URL needs an absolute path, such as file:///videos", url)
    if not place.split("/")[0] and protocol != "file":
        raise InputError("bad_setting", "names no bucket. Write s3://bucket/folder", url)
    return f"{protocol}://{place}"


def places(source: str, output: str) -> tuple[str, str]:
    """Where the videos and the results of a run are: as `checked` has it where they are URLs; the results beside the
    videos where *output* is empty and *source* is a URL.

    Raises:
        InputError: as `checked`, or the storage cannot be asked.
    """
    source = checked(source) if is_url(source) else source
    output = checked(output) if is_url(output) else output
    if is_url(source) and not output:
        output = folder_of(source)
    return source, output


def folder_of(url: str) -> str:
    """*url*, or the folder that it lies in where it is an object."""
    return url if size_of(url) is None else url.rpartition("/")[0]


def check(source: str, output: str) -> None:
    """Finds out whether this machine can do on the storage what a run does there: lists *source*, then writes, reads
    and removes a small object in *output*. Either may be a path or empty: that is not looked at.

    It can be sent to another machine and run there.

    Raises:
        InputError: what is wrong, and what to do.
    """
    if is_url(source):
        source = checked(source)
        if size_of(source) is None:
            listing(source, recursive=False)
    if is_url(output):
        try_out(checked(output))

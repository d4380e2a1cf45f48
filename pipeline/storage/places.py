"""Places of videos or results that the user names by URLs."""

from __future__ import annotations

import re

from pipeline.errors import InputError
from pipeline.storage.objects import PACKAGES, listing, size_of, try_out

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


def is_url(place: object) -> bool:
    """Return True where *place* is a URL, of any protocol, and no path."""
    return isinstance(place, str) and _URL.match(place) is not None


def checked(url: str) -> str:
    """Return *url* in the form of this module: its protocol in small letters, no ``/`` at its end.

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
    """Return the places of a run's videos and results, in the form of `checked` where they are URLs; the results beside
    the videos where *output* is empty and *source* is a URL.

    Raises:
        InputError: those of `checked`, or the storage cannot be asked.
    """
    source = checked(source) if is_url(source) else source
    output = checked(output) if is_url(output) else output
    if is_url(source) and not output:
        output = folder_of(source)
    return source, output


def folder_of(url: str) -> str:
    """Return *url*, or the folder that it lies in where it is an object."""
    return url if size_of(url) is None else url.rpartition("/")[0]


def check(source: str, output: str) -> None:
    """Check that this machine can use the storage as a run does: list *source*, then write, read and remove a small
    object in *output*. A path or an empty text is not checked.

    It can be sent to another machine and run there.

    Raises:
        InputError: the fault, and the way to mend it.
    """
    if is_url(source):
        source = checked(source)
        if size_of(source) is None:
            listing(source, recursive=False)
    if is_url(output):
        try_out(checked(output))

"""Common parts of the HTML pages: one file without any other, text escaped, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.outputs.files import json_text

TEMPLATES = Path(__file__).with_name("templates")


def page(template: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any, **values: Any) -> str:
    """Return a self-contained HTML page.

    Its content security policy lets only this very script run and nothing be fetched but pictures and clips beside it.

    Args:
        template: name of the Jinja template; its values are escaped.
        styles, scripts: names of files in the folder of templates, put into the page in this order.
        data: JSON values for the scripts, in one block of the page that no text in it can end.
        values: values for the template.
    """
    script = "".join(['\n"use strict";\n(() => {\n', *map(_source, scripts), "})();\n"])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            style="".join(map(_source, styles)),
            script=script,
            script_digest=digest,
            data=json_block(data),
            **values,
        )
    )


def json_block(data: Any) -> str:
    """Return *data* as JSON that can stand inside a ``<script>`` element: it holds no ``<``."""
    return json_text(data).replace("<", "\\u003c")


def shown(path: str) -> str:
    """Return a path, or text with one, in UTF-8: bytes that are none become U+FFFD."""
    return path.encode("utf-8", "surrogateescape" if _is_escaped(path) else "replace").decode("utf-8", "replace")


def _is_escaped(path: str) -> bool:
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def link(target: Path, folder: Path) -> str:
    """Return the relative URL of *target* from a page in *folder*; each byte of a name that is not plain is quoted."""
    relative = os.path.relpath(target.absolute(), folder.absolute())
    parts = Path(relative).parts
    url = "/".join(quote(os.fsencode(part), safe="") for part in parts)
    return f"./{url}"


def clock(seconds: float, digits: int = 0) -> str:
    """Return ``1:02:03``, or ``2:03`` below an hour; with *digits* after the point, and a minus sign below 0."""
    unit = 10**digits
    whole, part = divmod(round(abs(seconds) * unit), unit)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    text = f"−{text}" if seconds < 0 and (whole or part) else text
    return f"{text}.{part:0{digits}d}" if digits else text


def stand_ins(models: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the models that stand in for others."""
    return [model for model in models if model.get("stands_in_for")]


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["clock"] = clock
    environment.filters["shown"] = shown
    return environment


@functools.cache
def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")

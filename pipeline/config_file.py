"""Settings in a TOML file: ``--config FILE`` reads one, ``--print-config`` writes one."""

from __future__ import annotations

import dataclasses
import difflib
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Item

from pipeline.errors import InputError
from pipeline.settings import Switch, parsed

MAX_BYTES = 1 << 20
"""Size above which a file is refused before it is read: one with every setting has some 20 kB."""

COLUMNS = 110


def read_config(path: Path, settings: type) -> dict[str, Any]:
    """Read the values that a file gives to the fields of *settings*.

    Names are those of the class, in any case and with ``-`` or ``_``. Values are checked as flags are; a text means
    the same as on the command line.

    Raises:
        InputError: ``bad_setting``, naming the file, the setting and the allowed values: the file cannot be read or is
            no TOML, a name is unknown or there twice, or a value is wrong.
    """
    fields = {declared.name: declared for declared in dataclasses.fields(settings)}
    found: dict[str, Any] = {}
    for key, value in _content(path).items():
        name = key.upper().replace("-", "_")
        if isinstance(value, dict):
            raise _refused(path, f"[{key}] is a table; settings stand alone, as in DETECT_EVERY = 5")
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            raise _refused(path, f"there is no setting {key}" + (f"; is {near[0]} meant?" if near else ""))
        if name in found:
            raise _refused(path, f"{name} is there twice")
        found[name] = _value(path, fields[name], value)
    return found


def config_text(config: Any) -> str:
    """Return TOML of every setting of *config*, in the groups of its class, each below its help.

    Raises:
        InputError: ``bad_setting``: a value is no valid text, such as the name of a file that is not UTF-8.
    """
    document = tomlkit.document()
    for declared in dataclasses.fields(config):
        about = declared.metadata
        if about["begins"]:
            document.add(tomlkit.nl())
            document.add(tomlkit.comment(f"==== {about['begins']} ===="))
        document.add(tomlkit.nl())
        for line in textwrap.wrap(f"{about['help']}. Allowed: {_allowed(declared)}", COLUMNS):
            document.add(tomlkit.comment(line))
        document.add(declared.name, _item(declared.name, getattr(config, declared.name)))
    return tomlkit.dumps(document).lstrip("\n")


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, f"larger than {MAX_BYTES} bytes: no file of settings is")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"not valid TOML ({error}). --print-config writes one") from error


def _value(path: Path, declared: dataclasses.Field[Any], value: Any) -> Any:
    value = tuple(value) if isinstance(value, list) else value
    kind = declared.metadata["kind"]
    try:
        if isinstance(value, str) and not kind.check(value):
            value = parsed(declared, value, declared.name)
        if not kind.check(value):
            raise InputError("bad_setting", f"{declared.name} is {value!r}; allowed: {_allowed(declared)}")
    except InputError as error:
        raise _refused(path, str(error)) from None
    return value


def _allowed(declared: dataclasses.Field[Any]) -> str:
    """Return the allowed values of a setting in TOML's form."""
    kind = declared.metadata["kind"]
    return "true or false" if isinstance(kind, Switch) else kind.allowed


def _item(name: str, value: Any) -> Item:
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise InputError("bad_setting", f"{name} is {value!r}, which no TOML file can hold") from error
    return tomlkit.item(list(value) if isinstance(value, tuple) else value)


def _refused(path: Path, message: str) -> InputError:
    return InputError("bad_setting", f"{path}: {message}")

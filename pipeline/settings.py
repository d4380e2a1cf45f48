"""Kinds of settings, and the facts of each.

A settings class is a frozen dataclass whose fields are declared with `setting`: the default, the meaning, and the kind
of value that is allowed. Flags (``--detect-every 4``) and the file of ``--config`` are made from the fields, so
that nothing is written twice.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeVar

from pipeline.errors import InputError

T = TypeVar("T")

VISION, SPEECH, ATTRIBUTION, CLIPS, NOTHING = "vision", "speech", "attribution", "clips", "nothing"
EXPORTS, ANNOTATED, REFRAMED = "export", "annotate", "reframe"
"""Stages whose results a setting changes: their names. `NOTHING`: no result (where and how fast things run)."""


class Kind(Protocol):
    """Kind of values that a setting takes."""

    @property
    def allowed(self) -> str:
        """Return the allowed values, for people."""
        ...

    def parse(self, text: str) -> Any:
        """Parse *text* of the command line; raise ValueError when it is no value."""
        ...

    def check(self, value: Any) -> bool:
        """Return True where *value* is allowed."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Switch:
    """Kind: on or off, as ``--name`` and ``--no-name``."""

    allowed: str = "True or False"

    def parse(self, text: str) -> bool:
        return {"true": True, "false": False}[text.lower()]

    def check(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """Kind: a number in ``[low, high]``: whole when *whole*, ``even`` or ``odd`` by *parity*, or ``auto`` when
    *auto*."""

    low: float
    high: float = math.inf
    whole: bool = False
    auto: bool = False
    parity: str = ""

    @property
    def allowed(self) -> str:
        noun = f"an {self.parity} number" if self.parity else "a whole number" if self.whole else "a number"
        span = f"from {self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"of at least {self.low:g}"
        return f"{noun} {span}" + (", or auto" if self.auto else "")

    def parse(self, text: str) -> int | float | str:
        if self.auto and text == "auto":
            return text
        return int(text) if self.whole else float(text)

    def check(self, value: Any) -> bool:
        if self.auto and value == "auto":
            return True
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        if self.parity and value % 2 != (self.parity == "odd"):
            return False
        return self.low <= value <= self.high and math.isfinite(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Kind: one of a few words."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(self.options)

    def parse(self, text: str) -> str:
        return text

    def check(self, value: Any) -> bool:
        return value in self.options


@dataclasses.dataclass(frozen=True, slots=True)
class Choices:
    """Kind: any of a few words, or none."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "any of " + ", ".join(self.options) + " (on the command line with commas)"

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def check(self, value: Any) -> bool:
        words = (value,) if isinstance(value, str) else value
        if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) for word in words):
            return False
        return len(set(words)) == len(words) and set(words) <= set(self.options)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """Kind: any text that matches *pattern* whole."""

    pattern: str = r"(?s).*"
    allowed: str = "text"

    def parse(self, text: str) -> str:
        return text

    def check(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Devices:
    """Kind: one device for models, or several, of which each gets a worker."""

    allowed: str = "auto, cpu, cuda, cuda:N, or a list of them (on the command line with commas)"

    def parse(self, text: str) -> str | tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(","))
        return parts if len(parts) > 1 else text.strip()

    def check(self, value: Any) -> bool:
        devices = (value,) if isinstance(value, str) else value
        if not isinstance(devices, (tuple, list)) or not all(isinstance(device, str) for device in devices):
            return False
        word = r"cpu|cuda(:(0|[1-9][0-9]*))?" + ("|auto" if len(devices) == 1 else "")
        different = {"cuda:0" if device == "cuda" else device for device in devices}
        return 0 < len(devices) == len(different) and all(re.fullmatch(word, device) for device in devices)


def setting(default: T, help_text: str, kind: Kind, *affects: str, begins: str = "", common: bool = False) -> T:
    """Declare a field of a settings class.

    Args:
        default: its value where nothing else is said.
        help_text: one line: what it means, its unit, why this default.
        kind: which values are allowed.
        affects: the first stages whose results depend on it, by name, such as `VISION`; or `NOTHING`.
        begins: title of the group of settings that this one is the first of; those after it belong to the same.
        common: True for the few that people need first.
    """
    about = {"help": help_text, "kind": kind, "affects": affects, "begins": begins, "common": common}
    return dataclasses.field(default=default, metadata=about)


def parsed(declared: dataclasses.Field[Any], text: str, name: str) -> Any:
    """Parse the value of a setting.

    Args:
        declared: its field.
        text: the value as people write it.
        name: name of the setting as people know it there, for the message.

    Raises:
        InputError: ``bad_setting``: the text is no value of it.
    """
    kind: Kind = declared.metadata["kind"]
    try:
        return kind.parse(text)
    except (ValueError, KeyError):
        raise InputError("bad_setting", f"{name} is {text!r}; allowed: {kind.allowed}") from None


def settings_that_affect(settings: Any, *stages: str) -> dict[str, Any]:
    """Return the fields of *settings* that one of these stages depends on: JSON values by name."""
    names = [each.name for each in dataclasses.fields(settings) if set(each.metadata["affects"]) & set(stages)]
    values = [(name, getattr(settings, name)) for name in names]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


def check_all(settings: Any) -> None:
    """Refuse a wrong value in any field of *settings*.

    Raises:
        InputError: ``bad_setting``, naming the field, the value and the allowed values.
    """
    for declared in dataclasses.fields(settings):
        value, kind = getattr(settings, declared.name), declared.metadata["kind"]
        if not kind.check(value):
            raise InputError("bad_setting", f"{declared.name} is {value!r}; allowed: {kind.allowed}")


def flag_of(name: str) -> str:
    """Return the flag of a setting: ``--whisper-device`` for ``WHISPER_DEVICE``."""
    return "--" + name.lower().replace("_", "-")


def flags_for(settings: Any, names: Collection[str]) -> list[str]:
    """Return the words of a command line that give the fields *names* of *settings* where they differ from the class.

    A value that begins with ``-`` stands in one word with its flag.
    """
    words: list[str] = []
    for declared in dataclasses.fields(settings):
        value, flag = getattr(settings, declared.name), flag_of(declared.name)
        if declared.name not in names or value == declared.default:
            continue
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
            continue
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]
    return words


def unless_auto(value: T | str, auto: T) -> T:
    """Return the value of a setting that takes numbers, or *auto* where that is ``auto``."""
    return auto if isinstance(value, str) else value


def as_list(devices: str | Sequence[str]) -> list[str]:
    """Return one device or several as a list."""
    return [devices] if isinstance(devices, str) else list(devices)

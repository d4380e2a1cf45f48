"""Command line made from a class of settings: every field has a flag."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from pipeline.settings import Choice, Choices, Devices, Kind, Number, Switch, flag_of, parsed

T = TypeVar("T")

FIRST = "settings that matter first"


def add_flags(parser: argparse.ArgumentParser, settings: type, everything: bool = True) -> None:
    """Add a flag to *parser* for every field of the class *settings*.

    Args:
        parser: gets the flags in the groups of the class.
        settings: class whose fields are made by `pipeline.settings.setting`.
        everything: show all flags in the help; else the common ones alone, in one group.
    """
    group = first = parser.add_argument_group(FIRST)
    for declared in dataclasses.fields(settings):
        about = declared.metadata
        if everything and about["begins"]:
            group = parser.add_argument_group(about["begins"])
        shown = group if everything else first
        help_text = _help(declared) if everything or about["common"] else argparse.SUPPRESS
        if isinstance(about["kind"], Switch):
            shown.add_argument(
                flag_of(declared.name),
                dest=declared.name,
                action=argparse.BooleanOptionalAction,
                default=None,
                help=help_text,
            )
        else:
            shown.add_argument(
                flag_of(declared.name), dest=declared.name, metavar=_metavar(about["kind"]), help=help_text
            )


def from_flags(settings: type[T], flags: argparse.Namespace, base: Mapping[str, Any] | None = None) -> T:
    """Return an instance of *settings* in which given flags beat *base*, which beats the class.

    Raises:
        InputError: ``bad_setting`` for a wrong value.
    """
    given: dict[str, Any] = dict(base or {})
    for declared in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(flags, declared.name)
        if isinstance(value, str):
            value = parsed(declared, value, f"{declared.name} ({flag_of(declared.name)})")
        if value is not None:
            given[declared.name] = value
    return settings(**given)


def _help(declared: dataclasses.Field[Any]) -> str:
    default = declared.default
    shown = ",".join(default) if isinstance(default, tuple) else str(default)
    told = f"{declared.metadata['help']} (default: {shown})" if shown else declared.metadata["help"]
    return told.replace("%", "%%")


def _metavar(kind: Kind) -> str:
    if isinstance(kind, Choice):
        return "|".join(kind.options)
    words = {Number: "NUMBER", Choices: "WORD,WORD", Devices: "DEVICE"}
    return words.get(type(kind), "TEXT")

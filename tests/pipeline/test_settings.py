"""Kinds of settings and the command line made from a class of them."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.flags import add_flags, from_flags
from pipeline.settings import (
    NOTHING,
    Choice,
    Choices,
    Devices,
    Number,
    Switch,
    Text,
    as_list,
    check_all,
    flag_of,
    setting,
    unless_auto,
)


@dataclass(frozen=True, slots=True)
class Few:
    """One setting of each kind."""

    LOUD: bool = setting(False, "loud", Switch(), NOTHING)
    QUIET: bool = setting(True, "quiet, 100% of the time", Switch(), NOTHING)
    SIDE: int | str = setting(4, "side", Number(2, 8, whole=True, auto=True, parity="even"), NOTHING)
    SHARE: float = setting(0.5, "share", Number(0, 1), NOTHING)
    WORD: str = setting("a", "word", Choice(("a", "b")), NOTHING)
    NOTE: str = setting("", "note", Text(), NOTHING)
    WHERE: str | tuple[str, ...] = setting("auto", "where", Devices(), NOTHING)
    SOME: str | tuple[str, ...] = setting((), "some", Choices(("a", "b")), NOTHING)

    def __post_init__(self) -> None:
        check_all(self)


def _parsed(*words: str) -> Few:
    parser = argparse.ArgumentParser()
    add_flags(parser, Few)
    return from_flags(Few, parser.parse_args(words))


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (Number(0), "a number of at least 0"),
        (Number(0, 1), "a number from 0 to 1"),
        (Number(1, 25, whole=True), "a whole number from 1 to 25"),
        (Number(1, 25, whole=True, auto=True), "a whole number from 1 to 25, or auto"),
        (Number(2, 8, whole=True, parity="even"), "an even number from 2 to 8"),
        (Choice(("a", "b")), "one of a, b"),
    ],
)
def test_what_is_allowed_in_words(kind: Any, allowed: str) -> None:
    assert kind.allowed == allowed


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Number(0, 1), [0, 1, 0.5], [-0.01, 1.01, math.nan, math.inf, True, "0.5", None]),
        (Number(0), [0, 1e9], [-1, math.nan, math.inf]),
        (Number(1, 9, whole=True), [1, 9], [0, 10, 1.0, True, "auto"]),
        (Number(1, 9, whole=True, auto=True), ["auto", 3], ["Auto", ""]),
        (Number(1, 9, whole=True, parity="odd"), [1, 3, 9], [2, 8]),
        (Number(1, 9, whole=True, parity="even"), [2, 8], [1, 9]),
        (Switch(), [True, False], [0, 1, "True", None]),
        (Choice(("a", "b")), ["a", "b"], ["", "c", "ab", None, ["a"], {"a": 1}]),
        (Text(), ["", "x", "two\nlines"], [None, 3, b"x"]),
        (Text(r"[a-z]+"), ["ab"], ["", "a b", "ab\n"]),
        (
            Devices(),
            ["auto", "cpu", "cuda", "cuda:12", ("cpu",), ["cpu", "cuda:0"]],
            ["", (), "cuda:", ("auto", "cpu")],
        ),
        (Choices(("a", "b")), [(), "a", ("b", "a"), ["a"]], [None, "", "c", ("a", "a"), ("a", 3), "ab"]),
        (Devices(), [("cuda:0", "cuda:1")], [None, 3, ("cpu", 3), (["cpu"], "cuda"), "cpu\n", {"cpu": 1}, "cuda:00"]),
        (Devices(), [], [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda", "cuda")]),
    ],
)
def test_values_by_kind(kind: Any, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not kind.check(value)] == []
    assert [value for value in wrong if kind.check(value)] == []


def test_flags_beat_the_class() -> None:
    got = _parsed("--loud", "--no-quiet", "--side", "6", "--share", "0.25", "--word", "b", "--note", "n", "--where=cpu")
    assert got == Few(True, False, 6, 0.25, "b", "n", "cpu")


def test_what_is_not_given_stays() -> None:
    assert _parsed("--side", "auto") == Few(SIDE="auto")


def test_a_list_of_devices() -> None:
    assert _parsed("--some", "b, a").SOME == ("b", "a")
    assert _parsed("--where", "cuda:0, cuda:1").WHERE == ("cuda:0", "cuda:1")


def test_an_empty_text_is_a_value() -> None:
    assert _parsed("--note", "").NOTE == ""


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--side", "six"), ("SIDE", "--side", "'six'", "an even number from 2 to 8, or auto")),
        (("--side", "5"), ("SIDE", "5", "an even number from 2 to 8, or auto")),
        (("--side", "6.0"), ("SIDE", "'6.0'", "an even number")),
        (("--share", "2"), ("SHARE", "2.0", "from 0 to 1")),
        (("--word", "c"), ("WORD", "'c'", "one of a, b")),
        (("--where", "gpu"), ("WHERE", "'gpu'", "cuda:N")),
    ],
)
def test_a_refusal_names_field_value_and_what_is_allowed(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        _parsed(*words)
    assert caught.value.reason_code == "bad_setting"
    assert [part for part in parts if part not in str(caught.value)] == []


def test_help_names_defaults_and_keeps_percent_signs() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Few)
    text = " ".join(parser.format_help().split())
    assert "100% of the time (default: True)" in text
    assert "side (default: 4)" in text


def test_flag_of() -> None:
    assert flag_of("WHISPER_DEVICE") == "--whisper-device"


@pytest.mark.parametrize(
    ("value", "auto", "wanted"), [("auto", 3, 3), ("auto", None, None), (0, 3, 0), (0.5, None, 0.5)]
)
def test_unless_auto(value: float | str, auto: float | None, wanted: float | None) -> None:
    assert unless_auto(value, auto) == wanted


@pytest.mark.parametrize(("value", "wanted"), [("cpu", ["cpu"]), (("cuda:0", "cpu"), ["cuda:0", "cpu"])])
def test_as_list(value: Any, wanted: list[str]) -> None:
    assert as_list(value) == wanted

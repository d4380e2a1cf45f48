"""The settings of a run: each has a flag, and no wrong value gets by."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.flags import add_flags, from_flags
from pipeline.settings import Choice, Choices, Number, Switch, flag_of, flags_for

FIELDS = dataclasses.fields(Config)
NAMES = [declared.name for declared in FIELDS]


def _parsed(*words: str) -> Config:
    parser = argparse.ArgumentParser()
    add_flags(parser, Config)
    return from_flags(Config, parser.parse_args(words))


def _kind(name: str) -> Any:
    return next(declared.metadata["kind"] for declared in FIELDS if declared.name == name)


def _another(declared: Any) -> tuple[str, Any]:
    """A text for the flag of a field, and the value that it stands for; never the default."""
    kind = declared.metadata["kind"]
    if isinstance(kind, Choice):
        word = next(option for option in kind.options if option != declared.default)
        return word, word
    if isinstance(kind, Number):
        step = 2 if kind.parity else 1
        value = declared.default + step if isinstance(declared.default, (int, float)) else kind.low
        value = value if value <= kind.high else kind.low
        return (str(int(value)), int(value)) if kind.whole else (str(float(value)), float(value))
    if isinstance(kind, Choices):
        return ",".join(kind.options), kind.options
    special = {
        "SHARD": "1/2",
        "WHISPER_LANGUAGE": "en",
        "WHISPER_DEVICE": "cpu",
        "VISION_DEVICE": "cpu",
        "SOUND_TRACK": "2",
        "REFRAME_FPS": "30000/1001",
    }
    word = special.get(declared.name, "some words/x")
    return word, word


def test_no_flag_leaves_the_class() -> None:
    assert _parsed() == Config()


@pytest.mark.parametrize("declared", FIELDS, ids=NAMES)
def test_each_field_has_a_flag_that_beats_the_class(declared: Any) -> None:
    if isinstance(declared.metadata["kind"], Switch):
        words, value = [flag_of(declared.name)], True
        if declared.default:
            words, value = ["--no-" + flag_of(declared.name).removeprefix("--")], False
    else:
        text, value = _another(declared)
        words = [flag_of(declared.name), text]
    got = _parsed(*words)
    assert getattr(got, declared.name) == value != declared.default
    assert dataclasses.replace(got, **{declared.name: declared.default}) == Config()


@pytest.mark.parametrize("declared", FIELDS, ids=NAMES)
def test_each_field_says_what_it_means(declared: Any) -> None:
    assert len(declared.metadata["help"]) >= 10
    assert declared.metadata["kind"].check(declared.default)


@pytest.mark.parametrize("declared", FIELDS, ids=NAMES)
def test_a_value_of_the_wrong_type_is_refused_in_the_class(declared: Any) -> None:
    wrong: Any
    for wrong in (None, object(), b"x", ["cuda:x"], {"a": 1}):
        with pytest.raises(InputError) as caught:
            Config(**{declared.name: wrong})
        assert caught.value.reason_code == "bad_setting"
        message = str(caught.value)
        assert declared.name in message
        assert repr(wrong) in message
        assert declared.metadata["kind"].allowed in message


NUMBERS = [declared.name for declared in FIELDS if isinstance(declared.metadata["kind"], Number)]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_range_are_refused(name: str) -> None:
    kind = _kind(name)
    wrong: list[Any] = [kind.low - 2, float("nan"), float("inf"), True]
    if kind.high != float("inf"):
        wrong.append(kind.high + 2)
    if not kind.auto:
        wrong.append("auto")
    for value in wrong:
        with pytest.raises(InputError, match=name):
            Config(**{name: value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["many", "", "1e", "nan", "-inf", "inf"])
def test_flags_that_are_no_number_are_refused(name: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        _parsed(f"{flag_of(name)}={text}")
    message = str(caught.value)
    assert caught.value.reason_code == "bad_setting"
    assert name in message
    assert _kind(name).allowed in message


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [("CLIP_SIZE", 225, 226), ("SMOOTH_FRAMES", 12, 11), ("DETECT_EVERY", 1.5, 1), ("RING_MB", 64.0, 64)],
)
def test_whole_odd_and_even(name: str, wrong: Any, right: Any) -> None:
    with pytest.raises(InputError, match=name):
        Config(**{name: wrong})
    assert getattr(Config(**{name: right}), name) == right


@pytest.mark.parametrize("name", ["FACE_DETECTOR", "SPEAKER_MODEL", "SHOT_DETECTOR", "CLIP_PRESET"])
def test_choices(name: str) -> None:
    for option in _kind(name).options:
        assert getattr(_parsed(flag_of(name), option), name) == option
    with pytest.raises(InputError, match=name) as caught:
        _parsed(flag_of(name), "haar")
    assert all(option in str(caught.value) for option in _kind(name).options)


@pytest.mark.parametrize("text", ["english", "EN", "e", ""])
def test_wrong_languages(text: str) -> None:
    with pytest.raises(InputError, match="WHISPER_LANGUAGE"):
        Config(WHISPER_LANGUAGE=text)


@pytest.mark.parametrize("text", ["auto", "en", "yue"])
def test_languages(text: str) -> None:
    assert text == Config(WHISPER_LANGUAGE=text).WHISPER_LANGUAGE


@pytest.mark.parametrize("name", ["WHISPER_DEVICE", "VISION_DEVICE"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cpu", "cpu"),
        ("cuda", "cuda"),
        ("cuda:3", "cuda:3"),
        ("cuda:0,cuda:1", ("cuda:0", "cuda:1")),
        ("cuda:0, cuda:1", ("cuda:0", "cuda:1")),
        ("cpu,cuda:0", ("cpu", "cuda:0")),
    ],
)
def test_devices(name: str, text: str, value: Any) -> None:
    assert getattr(_parsed(flag_of(name), text), name) == value


@pytest.mark.parametrize("name", ["WHISPER_DEVICE", "VISION_DEVICE"])
@pytest.mark.parametrize(
    "text",
    ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:01", "cuda:0,", "auto,cuda:0", "cuda:0,cuda:0", "cuda,cuda:0"],
)
def test_wrong_devices(name: str, text: str) -> None:
    with pytest.raises(InputError, match=name):
        _parsed(f"{flag_of(name)}={text}")


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().DEBUG = True  # type: ignore[misc]


def test_help_can_be_printed() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Config)
    text = parser.format_help()
    assert all(flag_of(name) in text for name in NAMES)


@pytest.mark.parametrize("declared", FIELDS, ids=NAMES)
def test_words_for_a_value_are_read_as_that_value(declared: Any) -> None:
    value = not declared.default if isinstance(declared.metadata["kind"], Switch) else _another(declared)[1]
    changed = dataclasses.replace(Config(), **{declared.name: value})
    words = flags_for(changed, NAMES)
    assert words and _parsed(*words) == changed
    assert flags_for(changed, set(NAMES) - {declared.name}) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"MIN_SPEAKER_SCORE_THRESHOLD": -1e-7},
        {"WEIGHTS_DIR": "--force"},
        {"WEIGHTS_DIR": "a b"},
        {"EXPORT": ("rttm",), "VISION_DEVICE": ("cuda:0", "cuda:1")},
        {"WHISPER_MODEL_SIZE": "\n"},
    ],
)
def test_values_that_look_like_flags_are_read_as_values(fields: dict[str, Any]) -> None:
    assert _parsed(*flags_for(Config(**fields), NAMES)) == Config(**fields)


def test_no_words_for_the_class() -> None:
    assert flags_for(Config(), NAMES) == []

"""B33 to B35 and B37: names that ran as commands, claims that were not true, flags that did nothing, dead imports."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import importlib
import inspect
import re
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config import Config
from pipeline.errors import ToolError, WeightsError
from pipeline.flags import add_flags, from_flags
from pipeline.media import encode
from pipeline.media.decode import read_frames
from pipeline.media.encode import STDERR_TAIL_BYTES, write_clip
from pipeline.media.probe import probe
from pipeline.models.choose import choose
from pipeline.render.cut import cut_clip
from pipeline.settings import flag_of
from pipeline.types import AttributedWord, ClipPlan, Sentence, Word
from tests.support.film import Film
from tests.test_architecture import ROOT, sources

HOSTILE = [
    "a b.mp4",
    "$(touch pwned).mp4",
    "`touch pwned`.mp4",
    "a; touch pwned #.mp4",
    "a && touch pwned.mp4",
    "a | tee pwned.mp4",
    "'\"; touch pwned; '.mp4",
    "new\nline.mp4",
    "-i.mp4",
    "http:x.mp4",
    "concat:a|b.mp4",
    "%06d.mp4",
    "~root.mp4",
    "*?[a].mp4",
    "日本 é.mp4",
]
WORD = AttributedWord(Word(" hi", 0.0, 0.4), 0, 1)
SENTENCE = Sentence((WORD,), 0, 1, 1.0, 0.9, None, 1.0)


def _clip(frames: int = 10) -> ClipPlan:
    window = np.tile(np.array([0, 0, 48, 48], np.float32), (frames, 1))
    return ClipPlan(0, SENTENCE, 0, window, "face", np.ones(frames, bool), (32, 32), tracks=(0,))


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_b33_a_name_is_a_name_whatever_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Paths were put into shell commands: a blank broke them, and ``$(...)`` in a name was run."""
    film = Film(tmp_path)
    plain = film.make("plain.mkv", film.times(Fraction(25), 0.4), sound=[(Fraction(0), film.tone(16000, 0.4))])
    inside, outside = tmp_path / "in", tmp_path / name
    inside.mkdir()
    outside.mkdir()
    monkeypatch.chdir(inside)
    source = plain.rename(inside / name)
    found = probe(source)
    assert [film.number(picture) for picture in read_frames(found)] == list(range(10))
    cut_clip(_clip(), found, outside / name, crf=30, preset="ultrafast")
    assert sum(1 for _ in read_frames(probe(outside / name))) == 10
    assert [path.name for path in inside.iterdir()] == [path.name for path in outside.iterdir()] == [name]


@functools.cache
def _nodes() -> tuple[tuple[str, ast.AST], ...]:
    """Place and node of everything in the program."""
    trees = [(path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))) for path in sources()]
    return tuple((f"{path}:{getattr(node, 'lineno', 0)}", node) for path, tree in trees for node in ast.walk(tree))


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Place, dotted name and node of every call in the program."""
    for place, node in _nodes():
        if isinstance(node, ast.Call):
            yield place, ast.unparse(node.func), node


def _given(call: ast.Call, name: str) -> object:
    return next((ast.literal_eval(word.value) for word in call.keywords if word.arg == name), None)


@pytest.mark.slow
def test_b33_no_shell_no_foreign_code_and_no_pickle_from_outside() -> None:
    """``shell=True`` with paths in it, ``os.system`` with a video's id, and pickles that run what is in them."""
    never = {"eval", "exec", "compile", "os.system", "os.popen", "os.execl", "__import__", "subprocess.getoutput"}
    wrong, loads = [], 0
    for place, name, call in _calls():
        last = name.rpartition(".")[2]
        shell = any(word.arg == "shell" for word in call.keywords)
        unpickles = last in ("load", "loads", "Unpickler") and name.split(".")[0] in (
            "pickle",
            "dill",
            "joblib",
            "yaml",
        )
        if name in never or shell or unpickles or last == "read_pickle":
            wrong.append(f"{place} {name}")
        if name == "torch.load":
            loads += 1
            if _given(call, "weights_only") is not True:
                wrong.append(f"{place} torch.load")
        if name in ("np.load", "numpy.load") and _given(call, "allow_pickle") is not False:
            wrong.append(f"{place} {name}")
        if name.startswith("subprocess.") and call.args and isinstance(call.args[0], (ast.Constant, ast.JoinedStr)):
            wrong.append(f"{place} {name} with a string")
    assert wrong == []
    assert loads, "the search sees calls"


@pytest.mark.slow
def test_b33_nobody_listens_on_the_network_and_no_secret_is_in_the_tree() -> None:
    """A page served any folder to any address, under a secret that was part of the source."""
    imported = {
        alias.name.split(".")[0] for _, node in _nodes() if isinstance(node, ast.Import) for alias in node.names
    } | {(node.module or "").split(".")[0] for _, node in _nodes() if isinstance(node, ast.ImportFrom)}
    assert not imported & {"flask", "fastapi", "socketserver", "http", "uvicorn", "aiohttp"}
    known = "AWS_SECRET_ACCESS_KEY"  # the name of a variable, which texts for people may say
    texts = {
        place: node.value.replace(known, "")
        for place, node in _nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {place: text for place, text in texts.items() if "0.0.0.0" in text or "secret" in text.lower()} == {}
    docker = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"sshd|chpasswd|PermitRootLogin|sudo", docker)


def test_b34_an_encoder_that_talks_much_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of ffmpeg went into a pipe that nobody read: full after 64 KiB, it stopped for ever."""
    talker = tmp_path / "ffmpeg"
    talker.write_text(
        "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' 'x' >&2\necho the last word >&2\ncat >/dev/null\nexit 5\n"
    )
    talker.chmod(0o755)
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: str(talker))
    with pytest.raises(ToolError) as caught:
        _encoded(tmp_path / "clip.mp4", [np.zeros((32, 32, 3), np.uint8)] * 200)
    assert caught.value.exit_code == 5
    assert caught.value.stderr_tail.endswith("the last word\n")
    assert len(caught.value.stderr_tail) <= STDERR_TAIL_BYTES


def _encoded(path: Path, frames: list[np.ndarray]) -> int:
    return write_clip(
        *(path, frames),
        size_px=(32, 32),
        rate=Fraction(25),
        sound=np.zeros((640 * len(frames), 1), np.int16),
        sound_rate_hz=16000,
        crf=30,
        preset="ultrafast",
    )


def test_b34_a_clip_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every clip was encoded, then encoded again."""
    film = Film(tmp_path)
    path = film.make("v.mkv", film.times(Fraction(25), 0.4), sound=[(Fraction(0), film.tone(16000, 0.4))])
    started: list[list[str]] = []
    real = subprocess.Popen

    def counted(argv: list[str], **options: object) -> subprocess.Popen[bytes]:
        started.append(argv)
        return real(argv, **options)  # type: ignore[call-overload]

    encode.find_ffmpeg()
    monkeypatch.setattr(subprocess, "Popen", counted)
    cut_clip(_clip(), probe(path), tmp_path / "clip.mp4", crf=30, preset="ultrafast")
    assert len(started) == 1 and started[0].count("libx264") == 1


def test_b34_a_model_that_is_missing_is_replaced_aloud_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tiers of fallback were promised, and the program ended at the first that was missing."""
    for name in ("HOME", "XDG_CACHE_HOME", "LIPGEN_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    said: list[str] = []
    asked = ("s3fd", "talknet", "base", "mobilefacenet")
    chosen = choose(*asked, download=False, announce=said.append)
    assert [model.stands_in_for for model in chosen[:3]] == ["s3fd", "talknet", "whisper-base"]
    for model in chosen[:3]:
        assert any(model.name in line and str(model.stands_in_for) in line for line in said), model
    with pytest.raises(WeightsError):
        choose(*asked, download=False, strict=True, announce=said.append)


def _other_value(name: str) -> str:
    """Another value of a setting than its default, as text for its flag."""
    declared = {each.name: each for each in dataclasses.fields(Config)}[name]
    kind, default = declared.metadata["kind"], declared.default
    tried = ["1", "3", "2", "0.5", "17", "64", "cpu", "en", "elsewhere", "0/4", *getattr(kind, "options", ())]
    for text in tried:
        try:
            value = kind.parse(text)
        except (ValueError, KeyError):
            continue
        if kind.check(value) and value != default:
            return text
    raise AssertionError(f"no other value of {name} was found")


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Config)])
def test_b35_every_flag_reaches_its_setting_and_the_setting_is_read(name: str) -> None:
    """Flags for start, duration, scale, rate and codec were parsed, and used nowhere."""
    default = getattr(Config(), name)
    words = [flag_of(name if not default else f"NO_{name}")] if isinstance(default, bool) else None
    words = words or [flag_of(name), _other_value(name)]
    flags = argparse.ArgumentParser()
    add_flags(flags, Config)
    assert getattr(from_flags(Config, flags.parse_args(words)), name) != default
    readers = [
        place
        for place, node in _nodes()
        if (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Constant) and node.value == name)
        if not place.startswith("config.py")
    ]
    assert readers, f"nothing reads {name}"


@pytest.mark.slow
def test_b35_no_path_of_a_machine_is_in_the_program() -> None:
    """The path of ffmpeg on one cluster was written into the source."""
    machine = re.compile(r"(^|[\s\"'=:])(/home/|/Users/|/root/|/work/|/mnt/|[A-Z]:\\)")
    found = [
        f"{place} {node.value!r}"
        for place, node in _nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and machine.search(node.value)
    ]
    assert found == []


def _names_imported() -> list[tuple[str, str]]:
    """Module and name (empty for the module itself) of every import from outside the project."""
    own = {"pipeline", "s3fd", "talknet", "config", "optimized_runner", "__future__"}
    found = set()
    for _, node in _nodes():
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "", alias.name) for alias in node.names}
    return sorted((module, name) for module, name in found if module.split(".")[0] not in own)


def test_b37_everything_that_is_imported_exists() -> None:
    """Releases of scenedetect took ``VideoManager`` away: the import failed before anything was done."""
    names = _names_imported()
    missing = []
    for module, name in names:
        found = importlib.import_module(module)
        if name and not hasattr(found, name):
            try:
                importlib.import_module(f"{module}.{name}")
            except ImportError:
                missing.append(f"{module}.{name}")
    assert missing == []
    assert ("scenedetect.detectors", "AdaptiveDetector") in names and ("av", "") in names


def test_b37_downloads_are_asked_for_as_their_libraries_want_it() -> None:
    """gdown took its option ``--id`` away: the download failed, and its exit code was not looked at."""
    import gdown
    import pooch

    wanted: dict[str, Callable[..., object]] = {
        "gdown.download": gdown.download,
        "pooch.HTTPDownloader": pooch.HTTPDownloader,
    }
    seen = set()
    for place, name, call in _calls():
        if name in wanted:
            seen.add(name)
            keywords = {word.arg: None for word in call.keywords if word.arg}
            inspect.signature(wanted[name]).bind(*call.args, **keywords)
            assert None not in [word.arg for word in call.keywords], place
    assert seen == set(wanted)


def test_b37_every_package_is_pinned() -> None:
    """The packages that broke were named without a version."""
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    packages = [line for line in lines if line]
    assert [line for line in packages if not re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", line)] == []
    assert any(line.startswith("scenedetect==") for line in packages)

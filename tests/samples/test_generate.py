"""The generator remakes the samples that are in the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from samples import generate

pytestmark = pytest.mark.slow

SCENE = "late_sound"
"""The shortest."""


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with one scene made anew."""
    if missing := generate.missing_requirements():
        pytest.skip(f"requirements-samples.txt is not installed (no {', '.join(missing)})")
    folder = tmp_path_factory.mktemp("samples")
    generate.generate(SCENE, folder)
    return folder


@pytest.mark.parametrize("name", [f"{SCENE}.truth.json", f"{SCENE}.rttm", f"transcripts/{SCENE}.json"])
def test_truth_comes_out_the_same(remade: Path, samples: Path, name: str) -> None:
    assert (remade / name).read_text("utf-8") == (samples / name).read_text("utf-8")


def test_pictures_come_out_the_same(
    remade: Path, samples: Path, read_pictures: Callable[[Path], Iterator[tuple[float, np.ndarray]]]
) -> None:
    pairs = zip(read_pictures(samples / f"{SCENE}.mp4"), read_pictures(remade / f"{SCENE}.mp4"), strict=True)
    for (time_s, kept), (remade_s, made) in pairs:
        assert time_s == remade_s
        # Encoders of another build may round otherwise.
        assert np.abs(kept.astype(int) - made).mean() < 2


def test_sound_comes_out_the_same(
    remade: Path, samples: Path, read_sound: Callable[[Path], tuple[np.ndarray, int]]
) -> None:
    (kept, rate_hz), (made, made_rate_hz) = (read_sound(folder / f"{SCENE}.mp4") for folder in (samples, remade))
    assert (rate_hz, len(kept)) == (made_rate_hz, len(made))
    assert np.corrcoef(kept, made)[0, 1] > 0.999


def test_nothing_but_the_results_is_left(remade: Path) -> None:
    names = {path.relative_to(remade).as_posix() for path in remade.rglob("*") if path.is_file()}
    assert names == {f"{SCENE}.mp4", f"{SCENE}.truth.json", f"{SCENE}.rttm", f"transcripts/{SCENE}.json"}


def test_missing_requirements_end_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(generate, "REQUIREMENTS", ("no_such_package",))
    assert generate.main(["--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "no_such_package" in told and "requirements-samples.txt" in told
    assert not list(tmp_path.iterdir())


def test_unknown_scene_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(generate, "REQUIREMENTS", ())
    with pytest.raises(SystemExit) as stopped:
        generate.main(["--out", str(tmp_path), "nowhere"])
    assert stopped.value.code == 2
    assert "nowhere" in capsys.readouterr().err

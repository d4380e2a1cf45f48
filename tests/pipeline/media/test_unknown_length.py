"""Files that do not say how long they are: their pictures are counted, and that is their length everywhere."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest

from optimized_runner import main
from pipeline.errors import InputError
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import MediaLimits
from tests.support.film import Film

pytestmark = pytest.mark.slow

F = Fraction


@pytest.fixture
def film(tmp_path: Path) -> Film:
    (tmp_path / "v").mkdir()
    return Film(tmp_path / "v")


def recording(film: Film, seconds: str = "3.2", rate: str = "30") -> Path:
    """What a browser records: WebM that was written as it came, without a length and without an index."""
    source = ["-f", "lavfi", "-i", f"testsrc=s=160x120:r={rate}:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}"]
    codecs = ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]
    film.ffmpeg(*source, *codecs, "-f", "webm", "-live", "1", "talk.webm")
    with av.open(str(film.folder / "talk.webm")) as container:
        assert container.duration is None, "ffmpeg has written a length"
    return film.folder / "talk.webm"


@pytest.mark.parametrize(("seconds", "rate"), [("3.2", "30"), ("2.5", "12")])
def test_the_length_is_that_of_the_pictures(film: Film, seconds: str, rate: str) -> None:
    found = probe(recording(film, seconds, rate))
    frames = sum(1 for _ in read_frames(found))
    assert found.duration_s == pytest.approx(float(seconds), abs=0.05)
    assert found.counted_s(frames) == pytest.approx(frames / 25, abs=0.04)


def test_one_that_is_too_long_is_refused_by_its_stamps(film: Film) -> None:
    with pytest.raises(InputError) as raised:
        probe(recording(film), MediaLimits(length_s=2.0))
    assert raised.value.reason_code == "too_long"


def test_a_run_says_the_counted_length_everywhere(
    film: Film, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording(film)
    (tmp_path / "t").mkdir()
    words = [{"word": " Hello.", "start": 1.0, "end": 1.5}]
    segment = {"start": 1.0, "end": 1.5, "text": " Hello.", "words": words}
    (tmp_path / "t" / "talk.json").write_text(json.dumps({"language": "en", "segments": [segment]}))
    flags = (
        "--engine serial --no-download-weights --face-detector mtcnn --speaker-model lip-motion --identity-model none"
    )
    out = tmp_path / "out"
    code = main([str(film.folder), "--output-dir", str(out), "--transcripts", str(tmp_path / "t"), *flags.split()])
    said = capsys.readouterr()
    assert code == 0 and "0.0 s of video" not in said.err + said.out
    assert "3.2 s" in said.out
    (video,) = json.loads((out / "run.json").read_text())["videos"]
    manifest = json.loads((out / "talk" / "output" / "manifest.json").read_text())
    assert video["video_seconds"] == pytest.approx(3.2, abs=0.05)
    assert manifest["source"]["duration"] == pytest.approx(3.2, abs=0.05)
    assert manifest["source"]["grid_frames"] == pytest.approx(80, abs=1)

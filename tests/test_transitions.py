"""Two people joined by a transition are two speakers, from the command line on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.media.encode import find_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
LONG_S = 1200

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONG_S)]

JOINS = {"fade 1.0": ("fade", 1.0), "fade 0.4": ("fade", 0.4), "wipe 0.6": ("wiperight", 0.6)}
AT_S, LENGTH_S = 2.4, 5.6

CUES = """1
00:00:00,200 --> 00:00:02,200
Nobody has asked me so far.

2
00:00:03,600 --> 00:00:05,400
Then I will ask you now.
"""


@pytest.fixture(scope="module")
def results(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run over face2 turning into face3 in several ways; the one speaks before, the other after."""
    folder = tmp_path_factory.mktemp("transitions")
    for place in ("videos", "words", "out"):
        (folder / place).mkdir()
    for name, (kind, length_s) in JOINS.items():
        picture = f"[{{}}:v]fps=25,scale=320:320,trim=duration={AT_S + length_s},setpts=PTS-STARTPTS"
        graph = (
            f"{picture.format(0)}[a];{picture.format(1).replace(str(AT_S + length_s), str(LENGTH_S - AT_S))}[b];"
            f"[a][b]xfade=transition={kind}:duration={length_s}:offset={AT_S}[v];"
            f"[0:a]atrim=duration={AT_S + length_s},asetpts=PTS-STARTPTS[x];"
            f"[1:a]atrim=duration={LENGTH_S - AT_S},asetpts=PTS-STARTPTS[y];[x][y]acrossfade=d={length_s}[w]"
        )
        sources = [part for face in (2, 3) for part in ("-i", str(shared / "videos" / f"retalking_face{face}.mp4"))]
        target = folder / "videos" / f"{name}.mp4"
        maps = ["-map", "[v]", "-map", "[w]", "-c:v", "libx264", "-preset", "ultrafast", str(target)]
        subprocess.run([find_ffmpeg(), "-v", "error", *sources, "-filter_complex", graph, *maps], check=True)
        (folder / "words" / f"{name}.srt").write_text(CUES)
    flags = ["--transcripts", folder / "words", "--output-dir", folder / "out", "--weights-dir", shared / "weights"]
    flags += ["--face-detector", "yunet", "--speaker-model", "lip-motion", "--clip-preset", "ultrafast"]
    command = [sys.executable, "optimized_runner.py", folder / "videos", *flags, "--no-download-weights", "--strict"]
    told = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=LONG_S)
    assert told.returncode == 0, told.stdout + told.stderr
    return folder / "out"


@pytest.mark.parametrize("name", JOINS)
def test_each_side_of_a_transition_is_a_speaker(results: Path, name: str) -> None:
    manifest = json.loads((results / name / "output" / "manifest.json").read_text())
    said = [(clip["speaker"], clip["text"]) for clip in manifest["clips"]]
    assert said == [(1, "Nobody has asked me so far."), (2, "Then I will ask you now.")]
    assert len({clip["speaker_track"] for clip in manifest["clips"]}) == 2

"""Make the sample videos and their truth: ``python -m samples.generate [--out DIR] [SCENE ...]``."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

REQUIREMENTS = ("espeakng_loader", "skimage", "matplotlib")
"""Import names of the packages in ``requirements-samples.txt``."""


def missing_requirements() -> list[str]:
    """Return the import names of those requirements of the generator that are not installed."""
    return [name for name in REQUIREMENTS if importlib.util.find_spec(name) is None]


def generate(name: str, folder: Path) -> Path:
    """Make one scene and write its video, truth, RTTM and transcript into *folder*.

    Returns:
        The video.

    Raises:
        KeyError: there is no such scene.
        ImportError, ValueError: those of :func:`samples.speech.speak` and :func:`samples.portraits.picture_of`.
    """
    from samples.render import write_video
    from samples.scenes import SCENES
    from samples.timeline import lay_out
    from samples.truth import rttm, truth, truth_text, whisper_json

    timeline = lay_out(SCENES[name])
    (folder / "transcripts").mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.mp4.part"
    try:
        write_video(timeline, partial)
        partial.replace(folder / f"{name}.mp4")
    finally:
        partial.unlink(missing_ok=True)
    (folder / f"{name}.truth.json").write_text(truth_text(truth(timeline)), "utf-8")
    (folder / f"{name}.rttm").write_text(rttm(timeline), "utf-8")
    (folder / "transcripts" / f"{name}.json").write_text(whisper_json(timeline), "utf-8")
    return folder / f"{name}.mp4"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return exit code 0 when all was made and 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m samples.generate", description="Make the sample videos.")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="two_shot, cuts or late_sound; all by default")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR", help="default: samples/")
    options = parser.parse_args(arguments)
    if missing := missing_requirements():
        command = "python -m pip install --no-deps -r requirements-samples.txt"
        print(f"not installed: {', '.join(missing)}. Run: {command}", file=sys.stderr)
        return 2
    from samples.scenes import SCENES

    if unknown := set(options.scenes) - set(SCENES):
        parser.error(f"no such scene: {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    for name in options.scenes or SCENES:
        path = generate(name, options.out)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

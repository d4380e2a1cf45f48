"""Judge the turns of ``--export rttm``: the diarization error rate without a collar, before and after faces and speech.

    python -m benchmarks.diarization --set conversations --videos ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.diarization --set off-screen --lost 0 --videos ../shared/videos --weights-dir ../shared/weights
    python -m benchmarks.diarization --set FOLDER --weights-dir ../shared/weights
    python -m benchmarks.diarization --speech ../shared/audio/pyannote_sample.wav

Sets are those of `benchmarks.attribution`, and need transcripts. Those of composed sets hold every word, which no
recogniser does: ``--lost`` leaves a share of them out. Before: the turns that words alone give. After: those that the
product wrote. ``--speech`` compares the speech alone that is found in a recording, mono at 16 kHz, with the RTTM beside
it. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import wave
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import parser_of
from benchmarks.common.diarization_error import DiarizationError, diarization_error, read_rttm
from benchmarks.common.runs import COMPOSED, run_product, videos_of
from benchmarks.common.transcripts import with_losses
from pipeline.attribution.turns import NO_SPEECH, spoken_turns
from pipeline.clips.speech_stretches import stretches_of
from pipeline.outputs.attribution import read_attribution
from pipeline.outputs.tracks import read_tracks
from pipeline.outputs.transcript import read_own_transcript
from pipeline.types import AUDIO_RATE_HZ, AudioTrack


def main() -> None:
    """Measure one set, or the speech in one recording."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.speech is not None:
            print(json.dumps({"recording": arguments.speech.name} | _summary(_of_speech(arguments.speech, folder))))
            return
        if arguments.set is None or arguments.weights_dir is None:
            raise SystemExit("--set and --weights-dir are needed, or --speech")
        print(json.dumps(_of_set(arguments, Path(folder))))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--set", help="samples, conversations, both-talking, off-screen, overlap, or a folder")
    parser.add_argument("--videos", type=Path, help="folder of the footage for tests, for composed conversations")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--lost", type=float, default=0.15, help="share of the words that the transcripts lack")
    parser.add_argument("--speaker-model", default="lr-asd")
    parser.add_argument("--output-dir", type=Path, help="keep the results here")
    parser.add_argument("--speech", type=Path, help="a recording with an RTTM beside it, instead of a set")
    return parser


def _of_set(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    videos = videos_of(arguments.set, arguments.videos, arguments.weights_dir, folder / "videos")
    results = arguments.output_dir or folder / "results"
    transcripts = folder / "transcripts"
    transcripts.mkdir()
    for path in sorted((videos / "transcripts").glob("*.json")):
        lacking = with_losses(json.loads(path.read_bytes()), arguments.lost, path.stem)
        (transcripts / path.name).write_text(json.dumps(lacking))
    flags = ["--weights-dir", str(arguments.weights_dir), "--speaker-model", arguments.speaker_model]
    run_product(videos, results, transcripts, [*flags, "--face-detector", "yunet", "--export", "rttm"])
    before = after = DiarizationError()
    paths = sorted(videos.glob("*.rttm"))
    for path in paths:
        true, result = read_rttm(path), results / path.stem
        words = read_own_transcript(result / "transcript.json")[0].words
        said = read_attribution(result / "attribution.json", words).words
        old = diarization_error(spoken_turns(said, read_tracks(result / "tracks.npz"), NO_SPEECH), true)
        new = diarization_error(read_rttm(result / "export" / "speakers.rttm"), true)
        print(f"{path.stem}: {old.rate:.3f} by words alone, {new.rate:.3f} with faces and speech")
        before, after = before + old, after + new
    return {
        "set": arguments.set if arguments.set in (*COMPOSED, "samples") else "folder",
        "videos": len(paths),
        "lost": arguments.lost,
        "words_alone": _summary(before),
        "with_faces_and_speech": _summary(after),
    }


def _of_speech(path: Path, folder: str) -> DiarizationError:
    """Compare the speech in one recording with that of all speakers together."""
    with wave.open(str(path)) as recording:
        if (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) != (1, 2, AUDIO_RATE_HZ):
            raise SystemExit(f"{path} is not mono at 16 kHz with 16 bits")
        samples = recording.readframes(recording.getnframes())
    sound = Path(folder) / "sound"
    sound.write_bytes(samples)
    found = [
        (start_s, end_s, "speech") for start_s, end_s in stretches_of(AudioTrack(sound, len(samples) // 2)).tolist()
    ]
    true = [(start_s, end_s, "speech") for start_s, end_s, _ in read_rttm(path.with_suffix(".rttm"))]
    return diarization_error(found, true)


def _summary(error: DiarizationError) -> dict[str, float]:
    return {
        "der": round(error.rate, 4),
        "missed_s": round(error.missed_s, 2),
        "false_alarm_s": round(error.false_alarm_s, 2),
        "confused_s": round(error.confused_s, 2),
        "spoken_s": round(error.spoken_s, 2),
    }


if __name__ == "__main__":
    main()

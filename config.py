"""Every setting of the pipeline: edit the values here, or give the flag of the same name (``--detect-every 4``).

Flags beat this class. A wrong value is refused before anything starts.

One GPU: leave both devices on ``auto`` (or set both to ``"cuda:0"``).
Two GPUs: ``auto`` gives Whisper the first and vision the second; or set ``WHISPER_DEVICE`` to ``"cuda:0"`` and
``VISION_DEVICE`` to ``"cuda:1"``. A list, ``("cuda:0", "cuda:1")``, starts one worker on each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.settings import Choice, Devices, Number, Switch, Text, check_all, setting


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. Lengths of time are in seconds, sizes in source pixels unless the name says other."""

    # Where things are.
    OUTPUT_DIR: str = setting("", "folder for the results; empty: beside each video", Text())
    RECURSIVE: bool = setting(False, "also read the folders inside the given folder", Switch())
    WORK_DIR: str = setting("", "folder for temporary sound files; empty: the system's", Text())
    FORCE: bool = setting(False, "do again what an earlier run with the same settings finished", Switch())

    # Devices: where the models run.
    WHISPER_DEVICE: str | tuple[str, ...] = setting("auto", "device of the transcription", Devices())
    VISION_DEVICE: str | tuple[str, ...] = setting("auto", "device of face detection and speaker scores", Devices())

    # Models, and where their weights come from.
    FACE_DETECTOR: str = setting("s3fd", "face detector", Choice(("s3fd", "yunet", "mtcnn")))
    SPEAKER_MODEL: str = setting("talknet", "speaker network", Choice(("talknet", "lr-asd", "light-asd", "lip-motion")))
    WHISPER_MODEL_SIZE: str = setting(
        "auto",
        "Whisper model: auto (large-v3-turbo on CUDA, base on CPU), a name such as small or large-v3, the path of a "
        "checkpoint, or pocketsphinx",
        Text(r"(?s).+", "auto, a Whisper model's name, the path of a checkpoint, or pocketsphinx"),
    )
    WHISPER_LANGUAGE: str = setting(
        "auto",
        "language of the speech, such as en or ja; auto: Whisper detects it",
        Text(r"auto|[a-z]{2,3}", "auto, or a language code of two or three small letters, such as en"),
    )
    WEIGHTS_DIR: str = setting("", "folder searched first for weights; empty: only the usual places", Text())
    DOWNLOAD_WEIGHTS: bool = setting(True, "fetch missing weights before anything starts", Switch())
    STRICT: bool = setting(False, "refuse to run on a stand-in for a model whose weights are missing", Switch())

    # Faces and tracks.
    FACEDET_SCALE: float | str = setting(
        "auto",
        "picture size for face detection, as a factor; auto: 0.25 for s3fd, longest side 640 for yunet and mtcnn",
        Number(0.01, 4.0, auto=True),
    )
    FACEDET_THRESHOLD: float | str = setting(
        "auto", "least score of a face; auto: the detector's own (0.9 for s3fd)", Number(0.0, 1.0, auto=True)
    )
    DETECT_EVERY: int | str = setting(
        "auto",
        "look for faces on every n-th frame and interpolate between; auto: 1 on CUDA, 5 on CPU, where detection is "
        "the slowest part",
        Number(1, 25, whole=True, auto=True),
    )
    DETECT_BATCH: int = setting(8, "frames in one call of the face detector", Number(1, 256, whole=True))
    SHOT_DETECTOR: str = setting(
        "adaptive",
        "PySceneDetect detector: adaptive misses fewer cuts in moving pictures",
        Choice(("adaptive", "content")),
    )
    SHOT_THRESHOLD: float | str = setting(
        "auto",
        "threshold of the shot detector; auto: PySceneDetect's own (3 adaptive, 27 content)",
        Number(0.0, auto=True),
    )
    MIN_TRACK: int = setting(10, "shortest track, in frames at 25 a second: more than this many", Number(0, whole=True))
    NUM_FAILED_DET: int = setting(
        10, "frames at 25 a second that a face may be missed within a track", Number(1, 100, whole=True)
    )
    MIN_FACE_SIZE: float = setting(
        1.0, "least mean side of a track's faces, in source pixels: more than this", Number(0)
    )
    TRACK_IOU: float = setting(0.5, "least overlap of a face with the last one of its track, 0 to 1", Number(0.0, 1.0))
    SMOOTH_FRAMES: int = setting(
        13, "window of the median that smooths a face's path, in frames", Number(1, 101, whole=True, parity="odd")
    )
    CROP_SCALE: float = setting(
        0.40,
        "margin around the face in the speaker network's picture, in half sides: what the networks were trained on",
        Number(0.0, 2.0),
    )

    # Sentences.
    MIN_SPEAKER_SCORE_THRESHOLD: float = setting(
        0.0,
        "least mean logit of the speaking face over a sentence's words; below it no clip. 0 is the networks' own "
        "boundary of speaking",
        Number(-100.0, 100.0),
    )
    SENTENCE_PAUSE_S: float = setting(0.5, "a pause between words that ends a sentence, in seconds", Number(0.05, 60.0))
    MIN_SENTENCE_S: float = setting(0.2, "shorter sentences get no clip, in seconds", Number(0.0, 60.0))
    MAX_SENTENCE_S: float = setting(
        20.0, "longer sentences are split at their widest pause, in seconds", Number(1.0, 600.0)
    )
    MIN_COVERAGE: float = setting(
        0.5, "least share of a sentence's frames on which the speaker's face is in view, 0 to 1", Number(0.0, 1.0)
    )

    # Clips.
    CLIP_SIZE: int = setting(224, "side of a clip, in pixels", Number(16, 4096, whole=True, parity="even"))
    CLIP_SCALE: float = setting(
        0.40, "margin around the face in a clip, in half sides; 0.4 shows the whole head", Number(0.0, 4.0)
    )
    CLIP_PADDING_S: float = setting(
        0.12, "silence kept before and after a sentence, in seconds: never a neighbour's word", Number(0.0, 5.0)
    )
    CLIP_CRF: int = setting(
        18, "x264 quality of the clips: 0 is lossless, 18 looks like the source", Number(0, 51, whole=True)
    )
    CLIP_PRESET: str = setting(
        "veryfast",
        "x264 speed of the clips: slower ones are smaller",
        Choice(("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")),
    )

    # Processes and memory.
    NUM_PREPROCESS_WORKERS: int | str = setting(
        "auto", "decoding processes; auto: half the cores, 2 to 8", Number(1, 256, whole=True, auto=True)
    )
    NUM_MUX_WORKERS: int = setting(1, "processes that cut clips and write results", Number(1, 256, whole=True))
    MAX_VIDEOS_IN_FLIGHT: int | str = setting(
        "auto",
        "videos begun and not finished; auto: two more than decoding processes",
        Number(1, 1024, whole=True, auto=True),
    )
    RING_MB: int = setting(
        256,
        "shared memory for pictures, in MiB for each decoding process; pictures too large for it are analysed at a "
        "smaller size",
        Number(16, 65536, whole=True),
    )
    MAX_TRIES: int = setting(
        2, "times that a video is begun when the process that holds it dies", Number(1, 10, whole=True)
    )
    DEBUG: bool = setting(False, "run everything in this one process, with tracebacks", Switch())

    def __post_init__(self) -> None:
        check_all(self)

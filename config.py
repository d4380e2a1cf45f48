"""Every setting of the pipeline: edit the values here, or give the flag of the same name (``--detect-every 4``).

Flags beat this class. A wrong value is refused before anything starts.

One GPU: leave both devices on ``auto`` (or set both to ``"cuda:0"``).
Two GPUs: ``auto`` gives Whisper the first and vision the second; or set ``WHISPER_DEVICE`` to ``"cuda:0"`` and
``VISION_DEVICE`` to ``"cuda:1"``. A list, ``("cuda:0", "cuda:1")``, starts one worker on each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.settings import (
    ANNOTATED,
    ATTRIBUTION,
    CLIPS,
    EXPORTS,
    NOTHING,
    REFRAMED,
    SPEECH,
    VISION,
    Choice,
    Choices,
    Devices,
    Number,
    Switch,
    Text,
    check_all,
    setting,
)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. Lengths of time are in seconds, sizes in source pixels unless the name says other."""

    OUTPUT_DIR: str = setting(
        "",
        "folder for the results, or a URL such as s3://bucket/results; empty: beside each video",
        Text(),
        NOTHING,
        begins="results",
        common=True,
    )
    FORCE: bool = setting(False, "do again what an earlier run with the same settings finished", Switch(), NOTHING)
    RETRY_FAILED: bool = setting(
        False, "try again what failed in an earlier run by the fault of the file itself", Switch(), NOTHING
    )

    FACE_DETECTOR: str = setting(
        "s3fd", "face detector", Choice(("s3fd", "yunet", "mtcnn")), VISION, begins="models", common=True
    )
    SPEAKER_MODEL: str = setting(
        "talknet", "speaker network", Choice(("talknet", "lr-asd", "light-asd", "lip-motion")), VISION, common=True
    )
    IDENTITY_MODEL: str = setting(
        "mobilefacenet",
        "network that knows a person again after a cut; by-framing: only one who comes back in the same framing; none: "
        "every track is a person of its own",
        Choice(("mobilefacenet", "sface", "auraface", "by-framing", "none")),
        VISION,
    )
    WHISPER_MODEL_SIZE: str = setting(
        "auto",
        "Whisper model: auto (large-v3-turbo on CUDA, base on CPU), a name such as small or large-v3, the path of a "
        "checkpoint, or pocketsphinx",
        Text(r"(?s).+", "auto, a Whisper model's name, the path of a checkpoint, or pocketsphinx"),
        SPEECH,
        common=True,
    )
    WHISPER_LANGUAGE: str = setting(
        "auto",
        "language of the speech, such as en or ja; auto: Whisper detects it",
        Text(r"auto|[a-z]{2,3}", "auto, or a language code of two or three small letters, such as en"),
        SPEECH,
        common=True,
    )
    WHISPER_PRECISION: str = setting(
        "auto", "precision of Whisper; auto: half on CUDA, which it needs", Choice(("auto", "half", "full")), SPEECH
    )
    WEIGHTS_DIR: str = setting("", "folder searched first for weights; empty: only the usual places", Text(), NOTHING)
    DOWNLOAD_WEIGHTS: bool = setting(True, "fetch missing weights before anything starts", Switch(), NOTHING)
    STRICT: bool = setting(
        False, "refuse to run on a stand-in for a model whose weights are missing", Switch(), NOTHING
    )

    RECURSIVE: bool = setting(
        False, "also read the folders inside the given folder", Switch(), NOTHING, begins="what goes in", common=True
    )
    TRANSCRIPTS: str = setting(
        "",
        "folder of transcripts of your own (<video's name>.json of Whisper or whisperX, or .srt), used instead of a "
        "recogniser; empty: none",
        Text(),
        NOTHING,
        common=True,
    )
    SCENES: str = setting(
        "",
        "scenes of your own instead of the shot detector: a CSV of PySceneDetect's list-scenes, or a folder with one "
        "for each video (<video's name>-Scenes.csv); empty: none",
        Text(),
        NOTHING,
    )
    FACE_BOXES: str = setting(
        "",
        "faces of your own instead of a face detector: a file of lines frame,x1,y1,x2,y2,conf in source pixels, or a "
        "folder with one for each video (<video's name>-faces.csv); empty: none",
        Text(),
        NOTHING,
    )
    AUDIO_FILE: str = setting(
        "", "sound of the one video that is given, beside it in a file of its own; empty: the video's", Text(), NOTHING
    )
    SOUND_TRACK: str = setting(
        "auto",
        "sound track of videos that have several: its number, from 1, or its language such as en; auto: the one marked "
        "as default, or where that is silent the first that is not",
        Text(r"auto|[1-9][0-9]?|[a-z]{2,3}", "auto, a number from 1, or a language code such as en or eng"),
        VISION,
        SPEECH,
    )
    START: float = setting(
        0.0,
        "seconds after the first picture from which each video is worked on; results keep the times of the file",
        Number(0.0, 1e6),
        VISION,
        SPEECH,
    )
    DURATION: float = setting(
        0.0, "seconds of each video that are worked on, from START; 0: to its end", Number(0.0, 1e6), VISION, SPEECH
    )
    MAX_MEGAPIXELS: float = setting(
        70.0,
        "largest picture, in millions of pixels: a file that claims more is refused. 8192x8192 passes",
        Number(0.001, 1000.0),
        NOTHING,
    )
    MAX_VIDEO_HOURS: float = setting(
        24.0,
        "longest video, in hours: a file whose header or time stamps claim more is refused before disk is spent",
        Number(0.001, 10000.0),
        NOTHING,
    )

    ALIGN: bool = setting(
        False,
        "measure the times of all words anew by aligning them to the sound with wav2vec 2.0",
        Switch(),
        SPEECH,
        begins="who and what",
    )
    FACEDET_SCALE: float | str = setting(
        "auto",
        "picture size for face detection, as a factor; auto: 0.25 for s3fd, longest side 640 for yunet and mtcnn",
        Number(0.01, 4.0, auto=True),
        VISION,
    )
    FACEDET_THRESHOLD: float | str = setting(
        "auto", "least score of a face; auto: the detector's own (0.9 for s3fd)", Number(0.0, 1.0, auto=True), VISION
    )
    DETECT_EVERY: int | str = setting(
        "auto",
        "look for faces on every n-th frame, and between where they move too far to be interpolated; auto: 1 on CUDA, "
        "5 on CPU",
        Number(1, 25, whole=True, auto=True),
        VISION,
    )
    SHOT_DETECTOR: str = setting(
        "adaptive", "shot detector: adaptive misses fewer cuts in motion", Choice(("adaptive", "content")), VISION
    )
    SHOT_THRESHOLD: float | str = setting(
        "auto",
        "threshold of the shot detector; auto: PySceneDetect's own (3 adaptive, 27 content)",
        Number(0.0, auto=True),
        VISION,
    )
    MIN_TRACK: int = setting(
        10, "shortest track, in frames at 25 a second: more than this many", Number(0, whole=True), VISION
    )
    NUM_FAILED_DET: int = setting(
        10, "frames at 25 a second that a face may be missed within a track", Number(1, 100, whole=True), VISION
    )
    MIN_FACE_SIZE: float = setting(
        1.0, "least mean side of a track's faces, in source pixels: more than this", Number(0), VISION
    )
    TRACK_IOU: float = setting(
        0.5, "least overlap of a face with the last one of its track, 0 to 1", Number(0.0, 1.0), VISION
    )
    SMOOTH_FRAMES: int = setting(
        13, "frames of the median that smooths a face's path", Number(1, 101, whole=True, parity="odd"), VISION
    )
    CROP_SCALE: float = setting(
        0.40,
        "margin around the face in the speaker network's picture, in half sides: what the networks were trained on",
        Number(0.0, 2.0),
        VISION,
    )
    MIN_SPEAKER_SCORE_THRESHOLD: float = setting(
        0.0,
        "least mean logit of the speaking face over a sentence's words; below it no clip. 0 is the networks' own "
        "boundary of speaking",
        Number(-100.0, 100.0),
        ATTRIBUTION,
    )
    MIN_PROBABILITY: float = setting(
        0.5,
        "least probability that the speaker says a sentence, 0 to 1; below it no clip: somebody else, in view or "
        "not, is as likely",
        Number(0.0, 1.0),
        CLIPS,
    )
    MIN_MARGIN: float = setting(
        0.0,
        "least lead of that probability over that of the likeliest other answer, 0 to 1; below it no clip",
        Number(0.0, 1.0),
        CLIPS,
    )
    KEEP_DOUBTFUL: bool = setting(
        False, "cut clips of sentences below MIN_PROBABILITY or MIN_MARGIN, too, and flag them", Switch(), CLIPS
    )
    SENTENCE_PAUSE_S: float = setting(
        0.5, "a pause between words that ends a sentence, in seconds", Number(0.05, 60.0), ATTRIBUTION
    )
    MIN_SENTENCE_S: float = setting(0.2, "shorter sentences get no clip, in seconds", Number(0.0, 60.0), CLIPS)
    MAX_SENTENCE_S: float = setting(
        20.0, "longer sentences are split at their widest pause, in seconds", Number(1.0, 600.0), ATTRIBUTION
    )
    MIN_COVERAGE: float = setting(
        0.5,
        "least share of a sentence's frames on which the speaker's face is in view, 0 to 1",
        Number(0.0, 1.0),
        CLIPS,
    )

    SCORE_ONLY: bool = setting(
        False,
        "cut no clips: faces, scores, words and sentences only, all of them in the manifest",
        Switch(),
        CLIPS,
        begins="clips",
    )
    CLIP_STYLE: str = setting(
        "face",
        "what a clip shows: face (a square around the face), head (a wider square: head and shoulders), full (the "
        "whole picture), portrait (9:16, follows the speaker)",
        Choice(("face", "head", "full", "portrait")),
        CLIPS,
        common=True,
    )
    CLIP_SIZE: int | str = setting(
        "auto",
        "shorter side of a clip, in pixels; auto: 224 for face, 512 for head, the source's own for full, and for "
        "portrait what the source fills without being enlarged, at most 1080",
        Number(16, 4096, whole=True, auto=True, parity="even"),
        CLIPS,
        common=True,
    )
    CLIP_SCALE: float | str = setting(
        "auto",
        "margin around the face in a clip, in half sides; auto: 0.4 for face, 1.5 for head, 5 for portrait; full has "
        "none",
        Number(0.0, 20.0, auto=True),
        CLIPS,
    )
    CLIP_FPS: str = setting(
        "grid",
        "frames a second of a clip: grid (25) or source (the source's own; its average where it varies)",
        Choice(("grid", "source")),
        CLIPS,
    )
    GAP: str = setting(
        "wide",
        "where the speaker's face is not in view for a part of the sentence: wide (a shot without it is shown whole), "
        "skip (no clip), trim (the clip is the longest part with the face)",
        Choice(("wide", "skip", "trim")),
        CLIPS,
    )
    CLIP_PADDING_S: float = setting(
        0.12, "silence kept before and after a sentence, in seconds: never a neighbour's word", Number(0.0, 5.0), CLIPS
    )
    CLIP_CRF: int = setting(
        18,
        "x264 quality of the clips: 0 is lossless, 18 looks like the source",
        Number(0, 51, whole=True),
        CLIPS,
        ANNOTATED,
        REFRAMED,
    )
    CLIP_PRESET: str = setting(
        "veryfast",
        "x264 speed of the clips: slower ones are smaller",
        Choice(("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")),
        CLIPS,
        ANNOTATED,
        REFRAMED,
    )
    CLIP_TEXT: bool = setting(False, "also write the words of each clip beside it (.txt)", Switch(), NOTHING)

    ANNOTATE: bool = setting(
        False,
        "also write the video with boxes, speakers and sentences drawn on it (annotated.mp4)",
        Switch(),
        NOTHING,
        begins="other outputs",
        common=True,
    )
    REFRAME: bool = setting(
        False,
        "also write the video upright, 9:16, following who speaks (reframed.mp4), and its plan (reframe.json)",
        Switch(),
        NOTHING,
        common=True,
    )
    REFRAME_ALONE: bool = setting(False, "as REFRAME, and cut no clips", Switch(), NOTHING)
    REFRAME_SIZE: int | str = setting(
        "auto",
        "width of the upright video in pixels; auto: 1080, or less where the source would be enlarged more than twice",
        Number(16, 2160, whole=True, auto=True, parity="even"),
        REFRAMED,
    )
    REFRAME_PRESET: str = setting(
        "normal",
        "camera of the upright video: calm (cuts and moves less), normal, close (larger faces)",
        Choice(("calm", "normal", "close")),
        REFRAMED,
    )
    REFRAME_FALLBACK: str = setting(
        "wide",
        "where no upright crop fits: wide (the whole picture before itself, blurred), centre (its middle), bars (the "
        "whole picture before black)",
        Choice(("wide", "centre", "bars")),
        REFRAMED,
    )
    REFRAME_FPS: str = setting(
        "source",
        "frames a second of the upright video: source (each picture at its own time), or a number such as 30 or "
        "30000/1001",
        Text(
            r"source|[1-9][0-9]{0,2}(\.[0-9]{1,3})?|(24|30|60|120)000/1001",
            "source, or frames a second from 1 to 999, such as 25, 29.97 or 30000/1001",
        ),
        REFRAMED,
    )
    CAPTIONS: str = setting(
        "none",
        "captions of the upright video, which light up by the word: none, file (reframed.ass beside it), burn (that, "
        "and drawn on it)",
        Choice(("none", "file", "burn")),
        REFRAMED,
    )
    CAPTION_FONT: str = setting(
        "",
        "font of the captions: a file, or a folder with some, that comes before the project's own (Latin, Greek, "
        "Cyrillic, Arabic, Hebrew, Thai); empty: these alone",
        Text(),
        REFRAMED,
    )
    CAPTION_AREA: str = setting(
        "union",
        "part of the upright video that captions stay in: what tiktok, reels or shorts leave free, or union: what all "
        "of them do",
        Choice(("union", "tiktok", "reels", "shorts")),
        REFRAMED,
    )
    RANGES: str = setting(
        "",
        "ranges of the one video that is given (CSV, JSON, SRT or EDL), or a folder with a list for each video "
        "(<video's name>.csv): an upright video of each, from sentence to sentence, in place of that of the whole; "
        "asks for REFRAME; empty: none",
        Text(),
        NOTHING,
    )
    MIN_LENGTH: float = setting(
        0.0, "shortest upright video of a range, in seconds: shorter ones are left out", Number(0.0, 1e6), REFRAMED
    )
    MAX_LENGTH: float = setting(
        0.0,
        "longest upright video of a range, in seconds: it ends with the last sentence that fits; 0: no limit",
        Number(0.0, 1e6),
        REFRAMED,
    )
    REFRAME_PLAN: str = setting(
        "",
        "an edited plan (reframe.json) of one video, which is rendered without any analysis: reframed.mp4 is all that "
        "is made",
        Text(),
        NOTHING,
    )
    EXPORT: str | tuple[str, ...] = setting(
        (),
        "other programs' formats, with commas: talknet (pickles of TalkNet's demo), sieve (JSON of frames), sieve-raw "
        "(its faces with their tracks), sieve-cuts (its first frame of each shot), rttm, ava (CSV)",
        Choices(("talknet", "sieve", "sieve-raw", "sieve-cuts", "rttm", "ava")),
        NOTHING,
        common=True,
    )
    FACE_EMBEDDINGS: str = setting(
        "",
        "weights of facenet-pytorch's InceptionResnetV1 (20180402-114759-vggface2.pt): the talknet export then has an "
        "embedding for every face; empty: none",
        Text(),
        EXPORTS,
    )
    AVA_HEADER: bool = setting(
        False,
        "begin the files of the ava export with the names of their columns, as the evaluation script in TalkNet-ASD, "
        "Light-ASD and LR-ASD wants them; ActivityNet's wants none",
        Switch(),
        EXPORTS,
    )

    WHISPER_DEVICE: str | tuple[str, ...] = setting(
        "auto", "device of the transcription", Devices(), NOTHING, begins="this machine", common=True
    )
    VISION_DEVICE: str | tuple[str, ...] = setting(
        "auto", "device of face detection, speaker scores and identity", Devices(), NOTHING, common=True
    )
    DETECT_BATCH: int = setting(8, "frames in one call of the face detector", Number(1, 256, whole=True), NOTHING)
    COMPILE: bool = setting(
        False, "compile s3fd with torch.compile, for each picture size: for long runs on CUDA", Switch(), NOTHING
    )
    NUM_PREPROCESS_WORKERS: int | str = setting(
        "auto", "decoding processes; auto: half the cores, 2 to 8", Number(1, 256, whole=True, auto=True), NOTHING
    )
    VISION_WORKERS: int | str = setting(
        "auto",
        "processes of vision on each device; auto: one on a GPU; on a CPU one for each decoder, which share its cores",
        Number(1, 64, whole=True, auto=True),
        NOTHING,
    )
    NUM_MUX_WORKERS: int = setting(1, "processes that cut clips and write results", Number(1, 256, whole=True), NOTHING)
    NUM_EXTRA_WORKERS: int = setting(
        1,
        "processes that write what ANNOTATE, CLIP_TEXT, EXPORT and REFRAME ask for",
        Number(1, 256, whole=True),
        NOTHING,
    )
    CLIPS_AT_ONCE: int | str = setting(
        "auto",
        "clips that each of those processes cuts at the same time; auto: the cores shared out among them, at most 4",
        Number(1, 64, whole=True, auto=True),
        NOTHING,
    )
    MAX_VIDEOS_IN_FLIGHT: int | str = setting(
        "auto",
        "videos begun and not finished; auto: two more than decoding processes",
        Number(1, 1024, whole=True, auto=True),
        NOTHING,
    )
    RING_MB: int = setting(
        256,
        "shared memory for pictures, in MiB for each decoding process; pictures too large for it are analysed at a "
        "smaller size",
        Number(16, 65536, whole=True),
        VISION,
    )
    MAX_RAM_GB: float | str = setting(
        "auto",
        "memory of all processes; above it no video is begun, then the largest one ended; auto: nine tenths of all",
        Number(0.5, auto=True),
        NOTHING,
    )
    MIN_FREE_GB: float = setting(
        1.0, "free space, for results and for temporary files, without which no video is begun", Number(0.0), NOTHING
    )
    WORK_DIR: str = setting("", "folder for temporary sound files; empty: the system's", Text(), NOTHING)
    MAX_TRIES: int = setting(
        2,
        "times that a stage of a video is begun when the process that holds it dies",
        Number(1, 10, whole=True),
        NOTHING,
    )
    HANG_S: float = setting(
        1800.0,
        "longest silence of a process with work, in seconds; then it is replaced: Whisper on a CPU may need minutes",
        Number(1.0),
        NOTHING,
    )
    GRACE_S: float = setting(
        10.0,
        "time that the videos in work get to end after Ctrl-C or SIGTERM, in seconds; a second one ends all at once",
        Number(0.0),
        NOTHING,
    )
    LOG_JSON: bool = setting(
        False, "write each event as one JSON object a line instead of bars and lines for people", Switch(), NOTHING
    )
    DEBUG: bool = setting(False, "run everything in this one process, with tracebacks", Switch(), NOTHING)

    ENGINE: str = setting(
        "local",
        "where the work is done: local (processes of this machine), serial (this one process), ray (a Ray cluster)",
        Choice(("local", "serial", "ray")),
        NOTHING,
        begins="more machines",
        common=True,
    )
    SHARD: str = setting(
        "",
        "share of the videos that this run does, as RANK/WORLD: 0/4, 1/4, 2/4 and 3/4 together do all; empty: all of "
        "them, or in a Slurm array the share of the task",
        Text(r"|[0-9]{1,6}/[0-9]{1,6}", "RANK/WORLD with a rank from 0 to below the world, such as 0/4"),
        NOTHING,
    )
    RAY_ADDRESS: str = setting(
        "",
        "the Ray cluster: auto (the one that this machine belongs to), HOST:PORT, ray://HOST:10001; empty: Ray is "
        "started on this machine for the run",
        Text(),
        NOTHING,
    )
    RAY_TEAMS: int | str = setting(
        "auto",
        "teams of a vision, a speech and a clips process; auto: as many as fit into the cluster when the run begins",
        Number(1, 10000, whole=True, auto=True),
        NOTHING,
    )
    RAY_VISION_CPUS: float = setting(
        1.0, "cores that a team's vision process takes in Ray's books: it decodes, too", Number(0.1, 1024.0), NOTHING
    )
    RAY_SPEECH_CPUS: float = setting(
        0.5, "cores that a team's speech process takes in Ray's books", Number(0.1, 1024.0), NOTHING
    )
    RAY_VISION_GPUS: float = setting(
        0.5, "share of a GPU that a team's vision process takes, where it runs on CUDA", Number(0.01, 1.0), NOTHING
    )
    RAY_SPEECH_GPUS: float = setting(
        0.5, "share of a GPU that a team's speech process takes, where it runs on CUDA", Number(0.01, 1.0), NOTHING
    )

    def __post_init__(self) -> None:
        check_all(self)

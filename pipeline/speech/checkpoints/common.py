"""The value that every reader of a Whisper checkpoint returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

FORMS = (
    "A Whisper checkpoint is an openai-whisper .pt file, a CTranslate2 folder or its model.bin (as faster-whisper has "
    "it), or a Hugging Face folder with config.json and model.safetensors"
)

MAX_CONFIGURATION_BYTES = 16 * 2**20
"""Size above which a configuration is refused before it is read; published ones have a few kilobytes."""

AlignmentHeads = tuple[tuple[int, int], ...]
"""Layer and head of the decoder, for each head that follows the sound."""


@dataclass(frozen=True, slots=True)
class WhisperCheckpoint:
    """Checkpoint in openai-whisper's layout, not checked yet."""

    dimensions: Mapping[str, Any]
    """``n_mels``, ``n_vocab`` and the other fields of ``whisper.model.ModelDimensions``, by name."""
    tensors: Mapping[str, Tensor]
    """Dense tensors on the CPU, by the names of ``Whisper.state_dict()``."""
    heads: AlignmentHeads | None = None
    """Heads that the checkpoint names; None where it names none."""


def read_configuration(path: Path) -> Mapping[str, Any]:
    """Read a JSON object from *path*; an empty one where there is no file.

    Raises:
        WeightsError: the file is no JSON object, or too large to be a configuration.
    """
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MAX_CONFIGURATION_BYTES:
            raise WeightsError(f"{path}: larger than {MAX_CONFIGURATION_BYTES} bytes: no configuration is")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not a readable configuration ({error}). Fetch the folder again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def alignment_heads(configurations: Iterable[Mapping[str, Any]], path: Path) -> AlignmentHeads | None:
    """Return the first ``alignment_heads`` of some configurations; None where no configuration has any.

    Raises:
        WeightsError: the entry is no list of pairs of a layer and a head.
    """
    for configuration in configurations:
        found = configuration.get("alignment_heads")
        if found is None:
            continue
        pairs = found if isinstance(found, list) else [found]
        if not pairs or not all(
            isinstance(pair, list) and len(pair) == 2 and all(type(part) is int and part >= 0 for part in pair)
            for pair in pairs
        ):
            raise WeightsError(f"{path}: expected alignment_heads to be pairs of a layer and a head, got {found!r:.80}")
        return tuple((layer, head) for layer, head in pairs)
    return None


def layer_count(names: Iterable[str], prefix: str) -> int:
    """Return the number of layers that *names* count under *prefix*, such as ``encoder/layer_``."""
    numbers = {name[len(prefix) :].split("/")[0].split(".")[0] for name in names if name.startswith(prefix)}
    return sum(number.isdecimal() for number in numbers)

"""Checkpoints of Hugging Face's transformers: ``config.json`` with ``model.safetensors``, in one file or in shards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.speech.checkpoints.common import WhisperCheckpoint, alignment_heads, read_configuration

DIMENSIONS = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}
"""openai-whisper's names of the dimensions, and those of ``config.json``."""

OUTPUT_LAYER, EMBEDDING = "proj_out.weight", "model.decoder.embed_tokens.weight"

_NAMES = (
    (r"model\.(encoder|decoder)\.layers\.(\d+)\.", r"\1.blocks.\2."),
    (r"model\.(encoder|decoder)\.embed_positions\.weight", r"\1.positional_embedding"),
    (r"model\.decoder\.embed_tokens\.", "decoder.token_embedding."),
    (r"model\.encoder\.layer_norm\.", "encoder.ln_post."),
    (r"model\.decoder\.layer_norm\.", "decoder.ln."),
    (r"model\.encoder\.conv", "encoder.conv"),
)
"""Beginnings of names, and their replacements."""

_BLOCKS = {
    "self_attn_layer_norm": "attn_ln",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "final_layer_norm": "mlp_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    **{
        f"{theirs}.{projection}_proj": f"{ours}.{name}"
        for theirs, ours in (("self_attn", "attn"), ("encoder_attn", "cross_attn"))
        for projection, name in (("q", "query"), ("k", "key"), ("v", "value"), ("out", "out"))
    },
}
"""Parts of a layer."""


def read(path: Path) -> WhisperCheckpoint:
    """Read a ``.safetensors`` file, or the index of several, with the ``config.json`` beside it.

    Raises:
        WeightsError: a file is missing or damaged, or the model is none of Whisper.
    """
    beside = path.with_name("config.json")
    configuration = read_configuration(beside)
    if not configuration:
        raise WeightsError(f"{path}: config.json is not beside it. Name the folder that holds both")
    if configuration.get("model_type") != "whisper":
        raise WeightsError(f"{beside}: expected a model of type whisper, got {configuration.get('model_type')!r:.40}")
    if missing := [theirs for theirs in DIMENSIONS.values() if theirs not in configuration]:
        raise WeightsError(f"{beside}: lacks {', '.join(dict.fromkeys(missing))}")
    found = _tensors(path)
    output = found.pop(OUTPUT_LAYER, None)
    if output is not None and (EMBEDDING not in found or not output.equal(found[EMBEDDING])):
        raise WeightsError(f"{path}: {OUTPUT_LAYER} is not the embedding's, and Whisper has one for both")
    tensors = {_renamed(name, path): value for name, value in found.items()}
    generation = path.with_name("generation_config.json")
    heads = alignment_heads([read_configuration(generation), configuration], generation)
    return WhisperCheckpoint({ours: configuration[theirs] for ours, theirs in DIMENSIONS.items()}, tensors, heads)


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = _shards(path, read_configuration(path)) if path.suffix == ".json" else [path]
    found: dict[str, Tensor] = {}
    for file in files:
        try:
            found |= load_file(file)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{file}: not a readable safetensors file ({error}). Fetch it again") from error
    return found


def _shards(path: Path, index: Mapping[str, Any]) -> list[Path]:
    """Return the files that an index names; they lie beside it."""
    names = index.get("weight_map")
    if not isinstance(names, dict) or not all(
        isinstance(name, str) and Path(name).name == name and name.endswith(".safetensors") for name in names.values()
    ):
        raise WeightsError(f"{path}: expected a weight_map of tensor names to .safetensors files beside it")
    return [path.with_name(name) for name in sorted(set(names.values()))]


def _renamed(name: str, path: Path) -> str:
    for pattern, replacement in _NAMES:
        changed, count = re.subn(f"^{pattern}", replacement, name)
        if not count:
            continue
        found = re.fullmatch(r"((?:encoder|decoder)\.blocks\.\d+)\.(.+)\.(weight|bias)", changed)
        if found is None:
            return changed
        if found[2] in _BLOCKS:
            return f"{found[1]}.{_BLOCKS[found[2]]}.{found[3]}"
    raise WeightsError(f"{path}: holds {name!r:.80}, which Whisper has not")

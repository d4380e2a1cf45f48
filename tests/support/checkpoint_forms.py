"""Whisper in the forms of other programs, as their converters write it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

HEADS = [[0, 1], [1, 0]]

TYPES = {torch.float32: 0, torch.int8: 1, torch.int16: 2, torch.int32: 3, torch.float16: 4, torch.bfloat16: 5}


def variables_of(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The variables of CTranslate2's form, as its converter writes them."""
    dims, tensors = content["dims"], content["model_state_dict"]
    found: dict[str, Tensor] = {}
    for part, short in (("encoder", "audio"), ("decoder", "text")):
        found[f"{part}/num_heads"] = torch.tensor(dims[f"n_{short}_head"], dtype=torch.int16)
        found[f"{part}/position_encodings/encodings"] = tensors[f"{part}.positional_embedding"]
        last = "ln_post" if part == "encoder" else "ln"
        found |= _norm(f"{part}/layer_norm", f"{part}.{last}", tensors)
        for layer in range(dims[f"n_{short}_layer"]):
            theirs, ours = f"{part}/layer_{layer}", f"{part}.blocks.{layer}"
            found |= _norm(f"{theirs}/self_attention/layer_norm", f"{ours}.attn_ln", tensors)
            found |= _joined(f"{theirs}/self_attention/linear_0", f"{ours}.attn", ("query", "key", "value"), tensors)
            found |= _joined(f"{theirs}/self_attention/linear_1", f"{ours}.attn", ("out",), tensors)
            if part == "decoder":
                found |= _norm(f"{theirs}/attention/layer_norm", f"{ours}.cross_attn_ln", tensors)
                found |= _joined(f"{theirs}/attention/linear_0", f"{ours}.cross_attn", ("query",), tensors)
                found |= _joined(f"{theirs}/attention/linear_1", f"{ours}.cross_attn", ("key", "value"), tensors)
                found |= _joined(f"{theirs}/attention/linear_2", f"{ours}.cross_attn", ("out",), tensors)
            found |= _norm(f"{theirs}/ffn/layer_norm", f"{ours}.mlp_ln", tensors)
            found |= _joined(f"{theirs}/ffn/linear_0", f"{ours}.mlp", ("0",), tensors)
            found |= _joined(f"{theirs}/ffn/linear_1", f"{ours}.mlp", ("2",), tensors)
    for conv in ("conv1", "conv2"):
        found |= {f"encoder/{conv}/{kind}": tensors[f"encoder.{conv}.{kind}"] for kind in ("weight", "bias")}
    found["decoder/embeddings/weight"] = tensors["decoder.token_embedding.weight"]
    found["decoder/activation"] = torch.tensor(3, dtype=torch.int8)
    found["decoder/alignment_heads"] = torch.tensor(1, dtype=torch.int16)
    return dict(sorted(found.items()))


def _norm(theirs: str, ours: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{theirs}/gamma": tensors[f"{ours}.weight"], f"{theirs}/beta": tensors[f"{ours}.bias"]}


def _joined(theirs: str, ours: str, parts: tuple[str, ...], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    weights = [tensors[f"{ours}.{part}.weight"] for part in parts]
    zero = torch.zeros(weights[0].shape[0])
    biases = [tensors.get(f"{ours}.{part}.bias", zero) for part in parts]
    return {f"{theirs}/weight": torch.cat(weights), f"{theirs}/bias": torch.cat(biases)}


def write_model_bin(path: Path, variables: Mapping[str, Tensor], version: int = 6) -> None:
    """Writes ``model.bin``."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", version), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        data = value.contiguous().view(torch.int16 if value.element_size() == 2 else value.dtype).numpy().tobytes()
        parts += [text(name), struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)]
        parts += [struct.pack("<BI", TYPES[value.dtype], len(data)), data]
    parts += [struct.pack("<I", 1), text("decoder/projection/weight"), text("decoder/embeddings/weight")]
    path.write_bytes(b"".join(parts))


def hugging_face_of(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and tensors of the Hugging Face form."""
    dims = content["dims"]
    names = {
        "attn_ln": "self_attn_layer_norm",
        "cross_attn_ln": "encoder_attn_layer_norm",
        "mlp_ln": "final_layer_norm",
        "mlp.0": "fc1",
        "mlp.2": "fc2",
        "attn.query": "self_attn.q_proj",
        "attn.key": "self_attn.k_proj",
        "attn.value": "self_attn.v_proj",
        "attn.out": "self_attn.out_proj",
    } | {
        f"cross_attn.{ours}": f"encoder_attn.{theirs}_proj"
        for ours, theirs in (("query", "q"), ("key", "k"), ("value", "v"), ("out", "out"))
    }
    tensors = {}
    for name, value in content["model_state_dict"].items():
        part, rest = name.split(".", 1)
        if rest.startswith("blocks."):
            _, layer, inner = rest.split(".", 2)
            module, kind = inner.rsplit(".", 1)
            rest = f"layers.{layer}.{names[module]}.{kind}"
        elif rest == "positional_embedding":
            rest = "embed_positions.weight"
        rest = rest.replace("ln_post.", "layer_norm.").replace("token_embedding.", "embed_tokens.")
        if rest.startswith("ln."):
            rest = f"layer_norm.{rest[3:]}"
        tensors[f"model.{part}.{rest}"] = value.clone()
    configuration = {
        "model_type": "whisper",
        "num_mel_bins": dims["n_mels"],
        "max_source_positions": dims["n_audio_ctx"],
        "d_model": dims["n_audio_state"],
        "encoder_attention_heads": dims["n_audio_head"],
        "encoder_layers": dims["n_audio_layer"],
        "vocab_size": dims["n_vocab"],
        "max_target_positions": dims["n_text_ctx"],
        "decoder_attention_heads": dims["n_text_head"],
        "decoder_layers": dims["n_text_layer"],
    }
    return configuration, tensors


def write_ctranslate2(folder: Path, content: Mapping[str, Any], heads: list[list[int]] = HEADS) -> Path:
    """Writes the CTranslate2 folder of an openai-whisper checkpoint."""
    folder.mkdir()
    write_model_bin(folder / "model.bin", variables_of(content))
    (folder / "config.json").write_text(json.dumps({"alignment_heads": heads}))
    return folder


def write_hugging_face(folder: Path, content: Mapping[str, Any], heads: list[list[int]] = HEADS) -> Path:
    """Writes the Hugging Face folder of an openai-whisper checkpoint."""
    folder.mkdir()
    configuration, tensors = hugging_face_of(content)
    (folder / "config.json").write_text(json.dumps(configuration))
    (folder / "generation_config.json").write_text(json.dumps({"alignment_heads": heads}))
    save_file(tensors, folder / "model.safetensors")
    return folder

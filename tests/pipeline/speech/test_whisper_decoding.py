from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from whisper.decoding import DecodingResult
from whisper.model import LayerNorm

from pipeline.speech.transcribe import CPU_BATCH, default_batch
from pipeline.speech.whisper_decoding import encoded, is_silence, logits_of, with_weights_in
from pipeline.speech.whisper_file import load_model

pytestmark = pytest.mark.slow

MakeCheckpoint = Callable[..., Path]


@pytest.mark.parametrize("shape", [(1, 32), (1, 1, 32), (5, 1, 32), (2, 3, 32), (9, 2, 32)])
def test_logits_are_the_products_with_every_token(shape: tuple[int, ...], make_checkpoint: MakeCheckpoint) -> None:
    decoder = load_model(make_checkpoint(), "cpu").decoder
    states = torch.randn(shape)
    with torch.inference_mode():
        expected = functional.linear(states, decoder.token_embedding.weight)
        found = logits_of(decoder, states)
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_weights_are_stored_in_the_format_and_norms_stay(make_checkpoint: MakeCheckpoint) -> None:
    model = with_weights_in(load_model(make_checkpoint(), "cpu"), torch.bfloat16)
    norms = {
        id(tensor) for module in model.modules() if isinstance(module, LayerNorm) for tensor in module.parameters()
    }
    weights = [tensor for tensor in model.parameters() if id(tensor) not in norms and tensor is not _places(model)]
    assert {tensor.dtype for tensor in weights} == {torch.bfloat16}
    assert all(tensor.dtype == torch.float32 for tensor in model.parameters() if id(tensor) in norms)


def test_chosen_windows_keep_what_belongs_to_them(make_checkpoint: MakeCheckpoint) -> None:
    model = load_model(make_checkpoint(), "cpu")
    features = torch.randn(3, 10, 32)
    with torch.inference_mode():
        chosen = encoded(model, features).rows([2, 0])
        expected = encoded(model, features[[2, 0]])
    torch.testing.assert_close(chosen.features, expected.features)
    assert list(chosen.cross) == list(expected.cross)
    for module, tensor in chosen.cross.items():
        torch.testing.assert_close(tensor, expected.cross[module], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("no_speech", "mean", "silent"), [(0.7, -1.1, True), (0.7, -0.9, False), (0.5, -1.1, False), (0.7, -1.0, True)]
)
def test_improbable_text_where_nobody_seems_to_speak_is_silence(no_speech: float, mean: float, silent: bool) -> None:
    assert is_silence(DecodingResult(torch.zeros(1), "en", no_speech_prob=no_speech, avg_logprob=mean)) == silent


def test_large_models_decode_fewer_windows_at_once_on_a_cpu(make_checkpoint: MakeCheckpoint) -> None:
    model = load_model(make_checkpoint(), "cpu")
    assert default_batch(model, torch.float32) == CPU_BATCH
    model.dims.n_text_layer, model.dims.n_text_state = 12, 768  # small: 105 MiB a window
    assert default_batch(model, torch.float32) == 4
    model.dims.n_text_layer, model.dims.n_text_state = 32, 1280  # large-v3: 469 MiB
    assert default_batch(model, torch.float32) == 1


def _places(model: torch.nn.Module) -> torch.nn.Parameter:
    return model.get_submodule("decoder").positional_embedding  # type: ignore[return-value]

"""The networks that align words: loading the published form, windows, and words from emissions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import Tensor
from torchaudio import pipelines
from torchaudio.models import Wav2Vec2Model, wav2vec2_model

from pipeline.errors import WeightsError
from pipeline.speech import wav2vec
from pipeline.speech.wav2vec import FRAME, NETWORKS, Network, NetworkAligner, load_aligner
from pipeline.types import AudioTrack

MakeTrack = Callable[[np.ndarray], AudioTrack]

TINY = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [(8, 10, 5), *[(8, 3, 2)] * 4, *[(8, 2, 2)] * 2],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 16,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 1,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 16,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
}
"""The published architecture with everything small but the strides."""


def tiny(outputs: int = 29) -> Wav2Vec2Model:
    torch.manual_seed(0)
    return wav2vec2_model(**TINY, aux_num_out=outputs)


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables as they are, with small networks."""
    english = dataclasses.replace(NETWORKS["wav2vec2-base-960h"], build=tiny)
    any_latin = dataclasses.replace(NETWORKS["mms-fa"], build=lambda: tiny(28))
    monkeypatch.setattr(wav2vec, "NETWORKS", MappingProxyType({"wav2vec2-base-960h": english, "mms-fa": any_latin}))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A file as published: old names of the normalised weight, three outputs that belong to no label."""
    tensors = {}
    for name, tensor in tiny(32).state_dict().items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        tensors[name.replace("parametrizations.weight.original1", "weight_v")] = tensor
    path = tmp_path / "w.pth"
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize(
    ("name", "bundle"),
    [("wav2vec2-base-960h", pipelines.WAV2VEC2_ASR_BASE_960H), ("mms-fa", pipelines.MMS_FA)],
)
def test_the_networks_are_those_that_torchaudio_publishes(
    name: str, bundle: pipelines.Wav2Vec2ASRBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        ours, theirs = NETWORKS[name].build(), wav2vec2_model(**bundle._params)
    shapes = [{tensor: value.shape for tensor, value in model.state_dict().items()} for model in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert NETWORKS[name].labels == tuple(label for label in bundle.get_labels() if label != "*")
    assert NETWORKS[name].normalised == bundle._normalize_waveform
    assert bundle._remove_aux_axis == wav2vec.UNUSED_OUTPUTS and bundle.sample_rate == 16_000


def test_a_published_file_is_loaded_without_its_unused_outputs(published: Path) -> None:
    aligner = load_aligner("wav2vec2-base-960h", published, "cpu")
    bias = torch.load(published, weights_only=True)["aux.bias"]
    assert torch.equal(aligner._model.state_dict()["aux.bias"], bias[[0, *range(4, 32)]])


@pytest.mark.parametrize(("name", "said"), [("wav2vec2-base-960h", "another network"), ("hubert", "There are: ")])
def test_what_cannot_be_loaded_is_refused(tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / "w.pth"
    torch.save({"aux.bias": torch.zeros(7)}, path)
    with pytest.raises(WeightsError, match=said):
        load_aligner(name, path, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 399, 400, 3200, 3201])
def test_every_320_samples_have_a_frame(published: Path, make_track: MakeTrack, samples: int) -> None:
    aligner = load_aligner("wav2vec2-base-960h", published, "cpu")
    log_probs = aligner.log_probs(make_track(np.zeros(samples)), 0, samples)
    assert log_probs.shape == (-(-samples // FRAME), 29)
    assert torch.allclose(log_probs.exp().sum(dim=1), torch.ones(len(log_probs)), atol=1e-5)


@pytest.mark.slow
def test_a_long_span_is_heard_in_windows_with_their_context(
    published: Path, make_track: MakeTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 5 s in windows of 1 s, none is longer than 1 s with 2 s either side, and all frames are there."""
    aligner = load_aligner("wav2vec2-base-960h", published, "cpu")
    track = make_track(np.random.default_rng(0).normal(0, 3000, 80_000))
    lengths: list[int] = []
    forward = aligner._model.forward

    def noted(wave: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor | None]:
        lengths.append(wave.shape[1])
        return forward(wave, *rest)

    monkeypatch.setattr(aligner._model, "forward", noted)
    monkeypatch.setattr(wav2vec, "WINDOW_S", 1)
    assert len(aligner.log_probs(track, 0, 80_000)) == 250
    assert len(lengths) == 5 and max(lengths) <= 80_000 + 80


def heard(frames: list[int], monkeypatch: pytest.MonkeyPatch, language: str | None = "en") -> NetworkAligner:
    """An aligner whose network gives each frame the label that is listed for it."""
    network = Network(tiny, ("-", "|", "A", "B", "C"), False, language)
    aligner = NetworkAligner(tiny(5), network, "cpu")

    def log_probs(audio: AudioTrack, first: int, last: int) -> Tensor:
        scores = torch.full((len(frames), 5), -5.0)
        scores[torch.arange(len(frames)), torch.tensor(frames)] = -0.05
        return scores[first // FRAME : -(-last // FRAME)]

    monkeypatch.setattr(aligner, "log_probs", log_probs)
    return aligner


def test_frames_become_seconds_of_the_recording(make_track: MakeTrack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words at frames 12 to 15 and 20 to 21 of 20 ms: 0.24 to 0.30 s and 0.40 to 0.42 s."""
    frames = [0] * 12 + [2, 0, 3] + [1] + [0] * 4 + [4] + [0] * 9
    words = heard(frames, monkeypatch).align(make_track(np.zeros(9600)), [" Ab,", " C"], 0.1, 0.6)
    assert [(word.text, round(word.start_s, 3), round(word.end_s, 3), word.timing) for word in words] == [
        (" Ab,", 0.24, 0.3, "measured"),
        (" C", 0.4, 0.42, "measured"),
    ]


def test_a_number_gets_the_room_between_its_neighbours(make_track: MakeTrack, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [2, 1, 0, 4, 3, 4, 0, 1, 3, 0]
    words = heard(frames, monkeypatch).align(make_track(np.zeros(3200)), [" a", " 7", " b"], 0.0, 0.2)
    assert [word.timing for word in words] == ["measured", "interpolated", "measured"]
    assert words[0].end_s == words[1].start_s == pytest.approx(0.02)
    assert words[1].end_s == words[2].start_s == pytest.approx(0.16)


@pytest.mark.parametrize("texts", [[" 1", " 2"], [" abcabcabcabc"]])
def test_a_text_that_cannot_be_placed_is_spread(
    make_track: MakeTrack, monkeypatch: pytest.MonkeyPatch, texts: list[str]
) -> None:
    words = heard([0] * 10, monkeypatch).align(make_track(np.zeros(3200)), texts, 0.0, 0.2)
    assert {word.timing for word in words} == {"interpolated"}
    assert (words[0].start_s, words[-1].end_s) == (0.0, 0.2)


@pytest.mark.parametrize(("knows", "language", "speaks"), [("en", "en", True), ("en", "de", False), (None, "de", True)])
def test_which_languages_a_network_is_for(
    monkeypatch: pytest.MonkeyPatch, knows: str | None, language: str, speaks: bool
) -> None:
    assert heard([0], monkeypatch, knows).speaks(language) == speaks

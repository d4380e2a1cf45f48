"""The three forms of one Whisper are read to the same network; anything else ends in a message that names them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import WeightsError
from pipeline.speech.checkpoints.digest import digest_here, digest_of, model_digest
from pipeline.speech.whisper_file import load_model, read_model
from tests.support.checkpoint_forms import HEADS, hugging_face_of, variables_of, write_model_bin


@pytest.mark.slow
def test_every_form_gives_the_numbers_of_the_official_one(official: Path, ct2_folder: Path, hf_folder: Path) -> None:
    wanted = load_model(official, "cpu")
    for path in (ct2_folder, ct2_folder / "model.bin", hf_folder, hf_folder / "model.safetensors"):
        found = load_model(path, "cpu")
        assert found.dims == wanted.dims
        assert all(torch.equal(found.state_dict()[name], value) for name, value in wanted.state_dict().items()), path


@pytest.mark.slow
def test_every_form_says_the_same_words(official: Path, ct2_folder: Path, hf_folder: Path, sound: np.ndarray) -> None:
    said = [
        load_model(path, "cpu").transcribe(sound, language="en", temperature=0.0, sample_len=12, fp16=False)["text"]
        for path in (official, ct2_folder, hf_folder)
    ]
    assert said[0] and said[1:] == said[:1] * 2


@pytest.mark.slow
def test_every_form_has_the_same_digest_and_one_number_changes_it(
    official: Path, content: dict[str, Any], ct2_folder: Path, hf_folder: Path
) -> None:
    assert digest_of(official) == digest_here(ct2_folder) == digest_here(hf_folder)
    heads = content["dims"]["n_audio_head"], content["dims"]["n_text_head"]
    assert model_digest(content["model_state_dict"], *heads) == digest_here(official)
    content["model_state_dict"]["decoder.ln.weight"][3] += 1e-3
    assert model_digest(content["model_state_dict"], *heads) != digest_here(official)


@pytest.mark.slow
def test_half_precision_is_the_same_model_in_every_form(tmp_path: Path, content: dict[str, Any]) -> None:
    content["model_state_dict"] = {name: value.half() for name, value in content["model_state_dict"].items()}
    torch.save(content, tmp_path / "half.pt")
    write_model_bin(
        tmp_path / "half.bin", {n: v.half() if v.is_floating_point() else v for n, v in variables_of(content).items()}
    )
    assert digest_here(tmp_path / "half.pt") == digest_here(tmp_path / "half.bin")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["ct2_folder", "hf_folder"])
def test_alignment_heads_come_from_the_configuration(form: str, request: pytest.FixtureRequest) -> None:
    mask = load_model(request.getfixturevalue(form), "cpu").get_buffer("alignment_heads").to_dense()
    assert [list(pair) for pair in mask.nonzero().tolist()] == HEADS


@pytest.mark.slow
def test_heads_that_the_decoder_has_not_are_refused(ct2_folder: Path) -> None:
    (ct2_folder / "config.json").write_text(json.dumps({"alignment_heads": [[2, 0]]}))
    with pytest.raises(WeightsError, match="names head 0 of layer 2, which it has not"):
        load_model(ct2_folder, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("heads", [[[0]], "all", [[0, -1]], [[0, True]], {}, []])
def test_heads_of_another_kind_are_refused(ct2_folder: Path, heads: object) -> None:
    (ct2_folder / "config.json").write_text(json.dumps({"alignment_heads": heads}))
    with pytest.raises(WeightsError, match="expected alignment_heads to be pairs"):
        load_model(ct2_folder, "cpu")


@pytest.mark.slow
def test_shards_are_read_together(tmp_path: Path, content: dict[str, Any], official: Path) -> None:
    configuration, tensors = hugging_face_of(content)
    names = sorted(tensors)
    files = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(files.values()):
        save_file({name: tensors[name] for name in names if files[name] == file}, tmp_path / file)
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    assert digest_here(tmp_path) == digest_here(official)


def test_an_index_that_leads_out_of_its_folder_is_refused(hf_folder: Path) -> None:
    (hf_folder / "model.safetensors").rename(hf_folder.parent / "stolen.safetensors")
    index = {"weight_map": {"a": "../stolen.safetensors"}}
    (hf_folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match="files beside it"):
        load_model(hf_folder, "cpu")


@pytest.mark.slow
def test_an_output_layer_that_is_the_embedding_is_left_out(hf_folder: Path, content: dict[str, Any]) -> None:
    _, tensors = hugging_face_of(content)
    tensors["proj_out.weight"] = tensors["model.decoder.embed_tokens.weight"].clone()
    save_file(tensors, hf_folder / "model.safetensors")
    load_model(hf_folder, "cpu")
    tensors["proj_out.weight"][0, 0] += 1
    save_file(tensors, hf_folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"proj_out\.weight is not the embedding's"):
        load_model(hf_folder, "cpu")


def test_a_key_with_a_bias_is_refused(ct2_folder: Path, content: dict[str, Any]) -> None:
    variables = variables_of(content)
    variables["encoder/layer_0/self_attention/linear_0/bias"][40] = 0.5
    write_model_bin(ct2_folder / "model.bin", variables)
    with pytest.raises(WeightsError, match="gives the key a bias"):
        load_model(ct2_folder, "cpu")


def test_a_quantised_model_is_refused_with_the_remedy(ct2_folder: Path, content: dict[str, Any]) -> None:
    variables = variables_of(content)
    variables["encoder/layer_0/ffn/linear_0/weight"] = torch.zeros(128, 32, dtype=torch.int8)
    write_model_bin(ct2_folder / "model.bin", variables)
    with pytest.raises(WeightsError, match=r"quantised to torch\.int8.*--quantization float16"):
        load_model(ct2_folder, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9, 0.999999])
def test_a_model_that_was_cut_short_is_refused(ct2_folder: Path, share: float) -> None:
    file = ct2_folder / "model.bin"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size) or 40])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        load_model(file, "cpu")


def test_a_claim_beyond_the_file_takes_no_memory(ct2_folder: Path) -> None:
    file = ct2_folder / "model.bin"
    data = bytearray(file.read_bytes())
    data[22:26] = b"\xff\xff\xff\x7f"
    file.write_bytes(data)
    with pytest.raises(WeightsError, match="it claims 2147483647 variables"):
        load_model(file, "cpu")


@pytest.mark.parametrize("version", [3, 7])
def test_another_version_of_the_format_is_refused(ct2_folder: Path, content: dict[str, Any], version: int) -> None:
    write_model_bin(ct2_folder / "model.bin", variables_of(content), version)
    with pytest.raises(WeightsError, match=f"in version {version}"):
        load_model(ct2_folder, "cpu")


def test_a_safetensors_file_without_its_configuration_is_refused(hf_folder: Path) -> None:
    (hf_folder / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json is not beside it"):
        load_model(hf_folder, "cpu")


def test_another_model_of_hugging_face_is_refused(hf_folder: Path) -> None:
    (hf_folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2"}))
    with pytest.raises(WeightsError, match="expected a model of type whisper, got 'wav2vec2'"):
        load_model(hf_folder, "cpu")


def test_a_damaged_safetensors_file_is_refused(hf_folder: Path) -> None:
    (hf_folder / "model.safetensors").write_bytes(b"\xff" * 1000)
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_model(hf_folder, "cpu")


def test_a_folder_of_another_kind_names_the_forms(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"openai-whisper \.pt file, a CTranslate2 folder .* Hugging Face folder"):
        read_model(tmp_path)

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.checkpoint import load_weights, read_checkpoint
from pipeline.errors import WeightsError


def _network() -> nn.Module:
    return nn.Sequential(OrderedDict(first=nn.Linear(3, 2), norm=nn.BatchNorm1d(2)))


def _saved(path: Path, tensors: object) -> Path:
    torch.save(tensors, path)
    return path


def _same(module: nn.Module, tensors: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, tensors[name]) for name, value in module.state_dict().items())


class _RunsCode:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.folder),))


def test_a_file_of_the_same_network_is_loaded_unchanged(tmp_path: Path) -> None:
    tensors = _network().state_dict()
    module = _network()
    load_weights(module, _saved(tmp_path / "a.model", tensors))
    assert _same(module, tensors)


def test_the_prefix_of_data_parallel_is_stripped(tmp_path: Path) -> None:
    tensors = _network().state_dict()
    module = _network()
    load_weights(module, _saved(tmp_path / "a.model", {f"module.{name}": value for name, value in tensors.items()}))
    assert _same(module, tensors)


def test_a_prefix_that_only_some_names_carry_belongs_to_the_names(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.model", {"module.a": torch.ones(1), "b": torch.ones(1)})
    assert set(read_checkpoint(path)) == {"module.a", "b"}


def test_the_older_file_format_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    torch.save({"a": torch.arange(3)}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_checkpoint(path)["a"], torch.arange(3))


def test_a_missing_tensor_is_named_with_the_file(tmp_path: Path) -> None:
    tensors = _network().state_dict()
    del tensors["norm.running_var"]
    with pytest.raises(WeightsError, match=r"short\.model.*lacks norm\.running_var"):
        load_weights(_network(), _saved(tmp_path / "short.model", tensors))


def test_an_added_tensor_is_named(tmp_path: Path) -> None:
    tensors = {**_network().state_dict(), "second.weight": torch.zeros(2)}
    with pytest.raises(WeightsError, match=r"adds second\.weight"):
        load_weights(_network(), _saved(tmp_path / "a.model", tensors))


def test_a_misshaped_tensor_is_named_with_both_shapes(tmp_path: Path) -> None:
    tensors = {**_network().state_dict(), "first.weight": torch.zeros(2, 4)}
    with pytest.raises(WeightsError, match=r"first\.weight \(2x4, expected 2x3\)"):
        load_weights(_network(), _saved(tmp_path / "a.model", tensors))


def test_a_refused_file_leaves_the_module_as_it_was(tmp_path: Path) -> None:
    module = _network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    tensors = {name: value + 1 for name, value in before.items()} | {"more": torch.zeros(1)}
    with pytest.raises(WeightsError):
        load_weights(module, _saved(tmp_path / "a.model", tensors))
    assert _same(module, before)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.model: there is no such weights file"):
        read_checkpoint(tmp_path / "nowhere.model")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.model"
    folder = tmp_path / "made"
    if zipped:
        torch.save({"a": _RunsCode(folder)}, path)
    else:
        path.write_bytes(pickle.dumps({"a": _RunsCode(folder)}, protocol=2))
    with pytest.raises(WeightsError, match="refused"):
        read_checkpoint(path)
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.model"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"page\.model"):
        read_checkpoint(path)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = _saved(tmp_path / "cut.model", {"a": torch.zeros(10_000)})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(WeightsError, match=r"cut\.model"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [torch.zeros(2), {}, {"a": 3}, {"state_dict": {"a": torch.zeros(1)}}])
def test_anything_but_a_flat_mapping_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsError, match="expected a"):
        read_checkpoint(_saved(tmp_path / "a.model", content))

"""Small ONNX files with the interface of published networks of identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx


def pooling_network(path: Path, size: int, first: int | str, name: str = "data") -> np.ndarray:
    """Writes a network that gives *size* numbers for a face: weighted sums of what 49 squares of it have on average.

    Args:
        path: of the file.
        size: how many numbers.
        first: dimension of the batch: a number, or a name where it may be any.
        name: of the input.

    Returns:
        (3, 7, 7, size) float32, the weights of colours and squares.
    """
    weights = np.random.default_rng(size).normal(size=(3, 7, 7, size)).astype(np.float32)
    make, number = onnx.helper, onnx.TensorProto.FLOAT
    graph = make.make_graph(
        [
            make.make_node("AveragePool", [name], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
            make.make_node("Flatten", ["pooled"], ["flat"]),
            make.make_node("MatMul", ["flat", "weights"], ["fc1"]),
        ],
        "small",
        [make.make_tensor_value_info(name, number, [first, 3, 112, 112])],
        [make.make_tensor_value_info("fc1", number, [first, size])],
        [onnx.numpy_helper.from_array(weights.reshape(-1, size), "weights")],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), str(path))
    return weights


def pooled(face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What that network gives for *face* (112, 112, 3), in the order of its colours."""
    squares = face.astype(np.float64).reshape(7, 16, 7, 16, 3).mean(axis=(1, 3))
    return np.einsum("yxc,cyxd->d", squares, weights.astype(np.float64))

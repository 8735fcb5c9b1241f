#!/usr/bin/env python3
"""Recomputes the relative error of an exported file from its values, with nothing of DSF Explorer's own.

    check_export.py EXPORTED.safetensors WEIGHTS.safetensors TENSOR [--transposed]

WEIGHTS holds the tensor as it is stored; --transposed when that is [in, out]. Fails unless ‖W − AB‖/‖W‖, in float64,
is what the file's `dsf.report` says, to 1e-6. With torch installed, torch reads the file too.
"""

import json
import struct
import sys

import numpy as np
from safetensors import safe_open

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U8": "u1"}


def read(path):
    """All tensors of a file as arrays (bf16 as f32, which numpy lacks) and its metadata, from the bytes themselves."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    assert length % 8 == 0, "the data are not aligned"
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, info in header.items():
        start, end = info["data_offsets"]
        array = np.frombuffer(data[start:end], dtype=TYPES[info["dtype"]]).reshape(info["shape"])
        if info["dtype"] == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = array
    assert max(info["data_offsets"][1] for info in header.values()) == len(data), "bytes beyond the tensors"
    return tensors, metadata, {name: info["dtype"] for name, info in header.items()}


def from_csr(tensors, name):
    rows, cols = tensors[name + ".shape"]
    starts, columns = tensors[name + ".crow_indices"], tensors[name + ".col_indices"]
    assert len(starts) == rows + 1 and starts[-1] == len(columns)
    dense = np.zeros((rows, cols))
    for row in range(rows):
        here = columns[starts[row] : starts[row + 1]]
        assert (np.diff(here) > 0).all(), "columns are not ascending"
        dense[row, here] = tensors[name + ".values"][starts[row] : starts[row + 1]]
    return dense


def from_bitmask(tensors, name):
    rows, cols = tensors[name + ".shape"]
    bits = np.unpackbits(tensors[name + ".bitmask"], axis=1, bitorder="little")
    assert not bits[:, cols:].any(), "pad bits are set"
    mask = bits[:, :cols].astype(bool)
    counts = mask.sum(axis=1)
    assert (tensors[name + ".row_offsets"] == np.cumsum(counts) - counts).all()
    dense = np.zeros((rows, cols))
    dense[mask] = tensors[name + ".compressed"]
    return dense


def approximation(tensors, layout, tensor):
    """A·B, or the merged tensor as it is stored."""
    stem = tensor.removesuffix(".weight")
    if layout == "merged":
        assert set(tensors) == {tensor}
        return tensors[tensor].astype(np.float64)
    factor = {
        "dense": lambda name: tensors[name + ".weight"].astype(np.float64),
        "csr": lambda name: from_csr(tensors, name),
        "bitmask": lambda name: from_bitmask(tensors, name),
    }[layout]
    return factor(stem + ".A") @ factor(stem + ".B")


def check_readers(path, tensors, types):
    """The library's own readers take the file and find the same values."""
    with safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == set(tensors)
        for name in tensors:
            if types[name] != "BF16":
                assert (file.get_tensor(name) == tensors[name]).all(), name
    try:
        import torch
    except ImportError:
        return "numpy"
    with safe_open(path, framework="pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
    for name in tensors:
        assert (found[name].double().numpy() == tensors[name]).all(), name
    for part in [name.removesuffix(".crow_indices") for name in tensors if name.endswith(".crow_indices")]:
        crow, col, values = (found[f"{part}.{x}"] for x in ("crow_indices", "col_indices", "values"))
        size = tuple(found[part + ".shape"].tolist())
        sparse = torch.sparse_csr_tensor(crow, col, values.double(), size=size, check_invariants=True)
        assert (sparse.to_dense().numpy() == from_csr(tensors, part)).all(), part
    return "numpy and torch"


def main():
    arguments = [x for x in sys.argv[1:] if x != "--transposed"]
    exported, weights, tensor = arguments
    tensors, metadata, types = read(exported)
    assert metadata["format"] == "pt"
    readers = check_readers(exported, tensors, types)
    w = read(weights)[0][tensor].astype(np.float64)
    layout = metadata["dsf.layout"]
    v = approximation(tensors, layout, tensor)
    if layout == "merged":
        assert v.shape == w.shape, (v.shape, w.shape)
    else:
        w = w.T if "--transposed" in sys.argv else w.reshape(w.shape[0], -1)
    error = np.linalg.norm(w - v) / np.linalg.norm(w)
    reported = json.loads(metadata["dsf.report"])["relative_error"]
    assert abs(error - reported) <= 1e-6, f"the file's values give {error}, its report says {reported}"
    print(f"{layout}, {sorted(set(types.values()))}: {error:.9f}, read by {readers}")


if __name__ == "__main__":
    main()

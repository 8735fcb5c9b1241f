"""Arrays of NumPy and of torch, as the native part takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

Buffer = tuple[np.ndarray, str]
"""An array, and the name of its number format; values of 16 bits stand in it as whole numbers."""

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def is_torch(array: Any) -> bool:
    """Whether it is a tensor of torch, which need not be there."""
    return type(array).__module__.split(".")[0] == "torch"


def buffer(array: Any, what: str) -> Buffer:
    """The values of an array of floats, without a copy where they are in this memory."""
    if is_torch(array):
        values, name = _of_torch(array)
    else:
        values = np.asarray(array)
        name = values.dtype.name
    if name not in _FLOATS:
        raise TypeError(f"{what} has values of {name}: give one of {', '.join(_FLOATS)}")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.itemsize == 2 and values.dtype != np.uint16:
        values = values.view(np.uint16)
    return values, name


def _of_torch(tensor: Any) -> Buffer:
    import torch

    tensor = tensor.detach()
    if tensor.layout != torch.strided:
        raise TypeError(f"a tensor of layout {tensor.layout} is not read: give a dense one")
    tensor = tensor.cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(np.uint16), "bfloat16"
    return tensor.numpy(), str(tensor.dtype).removeprefix("torch.")


def floats(values: bytearray, shape: tuple[int, ...]) -> np.ndarray:
    """The array of f32 in these bytes."""
    return np.frombuffer(values, dtype=np.float32).reshape(shape)

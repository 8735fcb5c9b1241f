"""Weights and factors that are there already."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import _native
from ._arrays import floats
from ._layer import Path, _dense, _matrix


def example() -> np.ndarray:
    """The weight `[256, 256]` of a layer of the built-in language model, to try things with."""
    shape, values = _native.example()
    return floats(values, shape)


class Loaded(NamedTuple):
    """What a file holds in place of a layer's weight."""

    matrices: list[Any]
    """Its matrices from the left, `scipy.sparse` arrays: A and B, or one."""

    @property
    def A(self) -> Any:
        """Left factor `[out, k]`."""
        return self._factors()[0]

    @property
    def B(self) -> Any:
        """Right factor `[k, in]`."""
        return self._factors()[1]

    def to_dense(self) -> Any:
        """Ŵ `[out, in]`, their product."""
        product = _dense(self.matrices[0])
        for matrix in self.matrices[1:]:
            product = product @ _dense(matrix)
        return product

    def _factors(self) -> list[Any]:
        if len(self.matrices) != 2:
            raise AttributeError("the layer is stored as one sparse matrix, matrices[0]")
        return self.matrices


class _Layers(Mapping[str, Loaded]):
    """The layers of a file, each read when it is asked for."""

    def __init__(self, path: str):
        self._path = path
        self._names = _native.factorizations(path)

    def __getitem__(self, name: str) -> Loaded:
        if name not in self._names:
            raise KeyError(name)
        return Loaded([_matrix(part) for part in _native.read(self._path, name)[1]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<factors of {len(self)} layers in {self._path}>"


def load(path: Path) -> Mapping[str, Loaded]:
    """The layers that a file or a folder holds as factors, or as one sparse matrix, by name.

    Any layout that `Replacement.save`, the command line or the window writes; each layer is read when it is asked for.
    """
    # A folder with a merged model has the factors beside it; those of every layout are the same.
    files = sorted(pathlib.Path(path).glob("factors-*.safetensors"))
    return _Layers(os.fspath(files[0] if files else path))

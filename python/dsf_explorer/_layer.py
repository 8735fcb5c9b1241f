"""One layer, replaced."""

from __future__ import annotations

import base64
import html
import json
import os
from typing import Any, Unpack

import numpy as np
import scipy.sparse

from . import _native
from ._arrays import Buffer, buffer, floats
from ._options import Settings
from ._progress import Tell, note, teller

Path = str | os.PathLike[str]


class XtX:
    """The product XᵀX `[in, in]` of a layer's inputs, in place of the inputs X `[samples, in]` themselves."""

    def __init__(self, product: Any):
        self.product = product


def factorize(
    W: Any,
    density: float = 0.25,
    preset: str = "best",
    calibration: Any = None,
    held_out: Any = None,
    *,
    output_weights: Any = None,
    backend: str = "cpu",
    threads: int | None = None,
    name: str = "layer.weight",
    progress: Tell | bool | None = None,
    **settings: Unpack[Settings],
) -> Factorization:
    """Replaces the weight W by the product A·B of two sparse matrices.

    W is an array `[out, in]` of a layer y = W·x, or a convolution's `[out, in, height, width]`, of NumPy or torch, in float16,
    bfloat16, float32 or float64. A and B together have `density` times as many nonzeros as W has entries.

    preset
        Where the settings start from: published (the authors' code), fast, best, compact or vision. A setting given by
        name wins over it; `dsf_explorer.settings(preset)` shows them all.
    calibration
        The layer's inputs X `[samples, in]`, or `XtX(product)`, or a file with either: what is minimized then is the error of
        the layer's outputs.
    held_out
        Other inputs, to measure the result with.
    output_weights
        How much the square of an error in each output matters, `[out]`, or a file with that.
    backend
        cpu; gpu or auto where the package was built with it.
    threads
        By default one a processor. The result does not depend on them.
    name
        What the layer is called in files.
    progress
        True for a line on standard error, or a function that is called with a `Progress`; where it returns False, or on
        Ctrl-C, the run ends with the best factors it has.

    Raises `dsf_explorer.Error` for what cannot be done, with a message and a hint.
    """
    request = _Request(W, "dsf", preset, {"density": density, **settings}, name)
    request.where(backend, threads)
    request.inputs(calibration, held_out, output_weights)
    made = Factorization(request.run(progress))
    if not made.finished:
        note("the run was interrupted: these are the best factors it had")
    return made


def prune(
    W: Any,
    method: str = "magnitude",
    density: float = 0.25,
    calibration: Any = None,
    held_out: Any = None,
    *,
    threshold: str = "matrix",
    output_weights: Any = None,
    threads: int | None = None,
    name: str = "layer.weight",
    progress: Tell | bool | None = None,
) -> Replacement:
    """Replaces the weight W by another method, at the same number of nonzeros as `factorize`.

    method
        magnitude, wanda, admm, sparsegpt or obc: one sparse matrix. svd, monarch: two matrices, the result is a
        `Factorization`. palm4msa, hierarchical: as they are described. wanda, sparsegpt and obc need a calibration.
    threshold
        Of admm and sparsegpt: whether entries compete in the whole matrix or in each row.

    The other arguments are those of `factorize`.
    """
    request = _Request(W, method, "published", {"density": density}, name)
    request.threshold = threshold
    request.where("cpu", threads)
    request.inputs(calibration, held_out, output_weights)
    native = request.run(progress)
    return Factorization(native) if len(native.parts()[1]) == 2 else Replacement(native)


def settings(preset: str = "best", density: float = 0.25, **given: Unpack[Settings]) -> dict[str, Any]:
    """All settings of a run: those of a preset at a density, and those given."""
    return json.loads(_native.settings(preset, json.dumps({"density": density, **given})))


class _Request:
    """What the native part is asked for."""

    def __init__(self, W: Any, method: str, preset: str, given: dict[str, Any], name: str):
        self.check(given)
        values, dtype = buffer(W, "W")
        if values.ndim not in (2, 4):
            raise ValueError(f"W has the shape {values.shape}: give [out, in], or [out, in, height, width] of a convolution")
        self.shape = list(values.shape)
        self.weight: Buffer = (values.reshape(values.shape[0], -1) if values.ndim == 4 else values, dtype)
        self.method = method
        self.preset = preset
        self.settings = json.dumps(given)
        self.threshold = "matrix"
        self.name = name

    @staticmethod
    def check(given: dict[str, Any]) -> None:
        """Refuses names that are none of a setting, as Python does."""
        known = Settings.__annotations__.keys() | {"density"}
        for name in given.keys() - known:
            raise TypeError(f"{name!r} is no setting; they are {', '.join(sorted(known))}")

    def where(self, backend: str, threads: int | None) -> None:
        """Where it is computed."""
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}: give at least 1")
        self.backend = backend
        self.threads = threads

    def inputs(self, calibration: Any, held_out: Any, output_weights: Any) -> None:
        """What is known of the layer's inputs and outputs."""
        self.calibration = self.statistics(calibration, "calibration")
        self.held_out = self.statistics(held_out, "held_out")
        self.output_weights: Buffer | Path | None = output_weights
        if not (output_weights is None or isinstance(output_weights, (str, os.PathLike))):
            self.output_weights = buffer(output_weights, "output_weights")

    def statistics(self, given: Any, what: str) -> Any:
        if given is None:
            return None
        if isinstance(given, (str, os.PathLike)):
            return os.fspath(given)
        if isinstance(given, XtX):
            return buffer(given.product, what), True
        values, dtype = buffer(given, what)
        if values.ndim < 2:
            raise ValueError(f"{what} has the shape {values.shape}: give inputs [samples, in], or XtX(product)")
        return (values.reshape(-1, values.shape[-1]), dtype), False

    def run(self, progress: Tell | bool | None) -> _native.Replaced:
        asked = {name: value for name, value in vars(self).items() if name != "weight"}
        return _native.replace(self.weight, asked, teller(progress), note)


class Replacement:
    """What stands in a layer's place, and how good it is."""

    def __init__(self, native: _native.Replaced):
        self._native = native
        self._kind, parts = native.parts()
        self.matrices: list[Any] = [_matrix(part) for part in parts]
        """Its matrices from the left: `scipy.sparse` arrays, of svd dense ones. Their product is Ŵ."""
        self.report: dict[str, Any] = json.loads(native.report)
        """The report of the run, with the keys of `dsf-explorer factorize --json`."""
        self.settings: dict[str, Any] = json.loads(native.settings)
        """Its settings, with what was found where they said auto."""

    @property
    def method(self) -> str:
        """Name of the method."""
        return self._native.method

    @property
    def finished(self) -> bool:
        """Whether the run came to its end, and was not cancelled."""
        return self._native.finished

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)` of W."""
        return self.report["rows"], self.report["cols"]

    @property
    def nnz(self) -> int:
        """Number of nonzeros of all matrices."""
        return self.report["nnz"]

    @property
    def relative_error(self) -> float:
        """‖W − Ŵ‖ / ‖W‖."""
        return self.report["relative_error"]

    @property
    def layer_error(self) -> float | None:
        """Error of the layer's outputs on the calibration, as a share of their squares; None without one."""
        return self.report["layer_error"]

    def to_dense(self) -> np.ndarray:
        """Ŵ `[out, in]`, the product of the matrices, in float32."""
        shape, values = self._native.dense()
        return floats(values, shape)

    def save(self, path: Path, layout: str | None = None, dtype: str | None = None, force: bool = False) -> None:
        """Writes it to a .safetensors.

        layout: dense, csr or bitmask (the smallest) for two matrices; merged, their product under W's name, for any. dtype:
        f32, f16 or bf16, of merged by default W's own. force: replace a file that is there.
        """
        self._native.save(os.fspath(path), layout, dtype, force)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), self._native.to_bytes())

    def __repr__(self) -> str:
        rows, cols = self.shape
        share = self.report["bytes"] / self.report["bytes_dense"]
        error = f"relative error {self.relative_error:.4f}"
        if self.layer_error is not None:
            error += f", layer error {self.layer_error:.5f}"
        return f"<{type(self).__name__} of {rows}×{cols} by {self.method}: {error}, {self.nnz} nonzeros, {share:.0%} of the bytes>"

    def _repr_html_(self) -> str:
        report = self.report
        facts = [("Method", self.method), ("W", f"{report['rows']}×{report['cols']}")]
        facts.append(("Relative error", f"{self.relative_error:.4f}"))
        for label, key in [("Layer error", "layer_error"), ("On held-out inputs", "layer_error_held_out")]:
            if report[key] is not None:
                facts.append((label, f"{report[key]:.5f}"))
        facts.append(("Nonzeros", f"{self.nnz} of {report['rows'] * report['cols']} entries"))
        share = report["bytes"] / report["bytes_dense"]
        facts.append(("16-bit storage", f"{report['bytes']} bytes, {share:.1%} of dense"))
        facts.append(("Time", f"{report['seconds']:.2f} s"))
        rows = "".join(f"<tr><th style='text-align:left'>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in facts)
        return f"<table>{rows}</table><div style='display:flex;flex-wrap:wrap;gap:8px'>{self._figures(256)}</div>"

    def _figures(self, side: int) -> str:
        def figure(caption: str, png: bytes) -> str:
            source = base64.b64encode(png).decode()
            text = html.escape(caption)
            return (
                f"<figure style='margin:0'><img alt='{text}' src='data:image/png;base64,{source}'>"
                f"<figcaption>{text}</figcaption></figure>"
            )

        return "".join(figure(caption, png) for caption, png in self._native.pictures(side))


class Factorization(Replacement):
    """W ≈ A·B."""

    @property
    def A(self) -> Any:
        """Left factor `[out, k]`, a `scipy.sparse.csr_array`."""
        return self.matrices[0]

    @property
    def B(self) -> Any:
        """Right factor `[k, in]`, a `scipy.sparse.csr_array`."""
        return self.matrices[1]

    def dense(self) -> tuple[np.ndarray, np.ndarray]:
        """A and B with their zeros."""
        return _dense(self.A), _dense(self.B)

    def torch(self, layout: str = "csr", dtype: Any = None) -> tuple[Any, Any]:
        """A and B as tensors of torch: layout csr (`torch.sparse_csr_tensor`) or dense."""
        import torch

        if layout not in ("csr", "dense"):
            raise ValueError(f"layout is {layout!r}: give csr or dense")

        def tensor(matrix: Any) -> Any:
            if layout == "dense" or not _is_sparse(matrix):
                return torch.from_numpy(_dense(matrix)).to(dtype or torch.float32)
            parts = [torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data)]
            return torch.sparse_csr_tensor(*parts, size=matrix.shape, dtype=dtype or torch.float32)

        return tensor(self.A), tensor(self.B)


def _matrix(part: tuple[Any, ...]) -> Any:
    """The array of a part: a dense one has a shape and values, a sparse one its rows' starts and columns between."""
    shape, *positions, values = part
    if not positions:
        return floats(values, shape)
    starts, columns = positions
    starts = np.frombuffer(starts, dtype=np.int64)
    # SciPy wants both of one type.
    if starts[-1] <= np.iinfo(np.int32).max:
        starts, columns = starts.astype(np.int32), np.frombuffer(columns, dtype=np.int32)
    else:
        columns = np.frombuffer(columns, dtype=np.int32).astype(np.int64)
    return scipy.sparse.csr_array((floats(values, (-1,)), columns, starts), shape=shape)


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if _is_sparse(matrix) else matrix


def _is_sparse(matrix: Any) -> bool:
    return scipy.sparse.issparse(matrix)


def _unpickled(cls: type[Replacement], data: bytes) -> Replacement:
    return cls(_native.Replaced.from_bytes(data))

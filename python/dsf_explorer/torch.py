"""Modules of torch whose weight is a product of two sparse matrices, or one sparse matrix.

    from dsf_explorer.torch import replace
    replace(model, density=0.25, calibration_loader=batches)   # linear layers and convolutions, in place

For inference on the CPU they run on this package's sparse kernels. Elsewhere, and where gradients are wanted, the matrices
are unpacked in each forward; gradients reach the values, and the zeros stay zeros.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import _native
from ._error import Error
from ._layer import Factorization, XtX, factorize
from ._layer import Path as AnyPath
from ._load import Loaded, load
from ._progress import Progress, Tell, note, teller

__all__ = ["DoubleSparseConv2d", "DoubleSparseLinear", "SparseLinear", "load_model", "replace"]

_FORMATS = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}


class _Sparse(nn.Module):
    """A sparse matrix on a fixed mask: its nonzeros, row by row, and a bit for each position."""

    def __init__(self, matrix: Any, dtype: torch.dtype | None):
        super().__init__()
        csr = scipy.sparse.csr_array(matrix)
        csr.sort_indices()
        self.shape: tuple[int, int] = csr.shape
        mask = np.zeros(csr.shape, dtype=bool)
        mask[np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr)), csr.indices] = True
        values = torch.from_numpy(csr.data.astype(np.float32))
        self.values = nn.Parameter(values.to(dtype or torch.float32))
        # Column c is bit c % 8 of byte c // 8, as in files of layout bitmask.
        self.register_buffer("bits", torch.from_numpy(np.packbits(mask, axis=1, bitorder="little")))

    def mask(self) -> Tensor:
        """Where it has values, as booleans."""
        bits = self.bits.unsqueeze(-1) >> torch.arange(8, dtype=torch.uint8, device=self.bits.device) & 1
        return bits.flatten(1)[:, : self.shape[1]].bool()

    def dense(self) -> Tensor:
        """With its zeros; gradients reach the values."""
        return self.values.new_zeros(self.shape).masked_scatter(self.mask(), self.values)

    def csr(self) -> tuple[tuple[int, int], np.ndarray, np.ndarray, np.ndarray]:
        """Shape, starts of the rows, columns and values, for the kernels."""
        mask = np.unpackbits(self.bits.numpy(), axis=1, bitorder="little", count=self.shape[1]).astype(bool)
        starts = np.zeros(self.shape[0] + 1, dtype=np.int64)
        np.cumsum(mask.sum(axis=1), out=starts[1:])
        columns = np.nonzero(mask)[1].astype(np.int32)
        return self.shape, starts, columns, self.values.detach().float().numpy()

    def extra_repr(self) -> str:
        rows, cols = self.shape
        return f"{rows}×{cols}, {self.values.numel()} nonzeros"


class _SparseProduct(nn.Module):
    """W as the product of sparse matrices, the right one first."""

    def __init__(self, names: Sequence[str], matrices: Sequence[Any], bias: Tensor | None, dtype: torch.dtype | None):
        super().__init__()
        self._names = tuple(names)
        for name, matrix in zip(names, matrices, strict=True):
            self.add_module(name, _Sparse(matrix, dtype))
        dtype = dtype or torch.float32
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone().to(dtype))
        self._kernels: tuple[Any, _native.Product] | None = None

    def matrices(self) -> list[_Sparse]:
        """Its matrices from the left."""
        return [self.get_submodule(name) for name in self._names]

    @property
    def weight(self) -> Tensor:
        """Ŵ, their product, with its zeros."""
        product, *others = [matrix.dense() for matrix in self.matrices()]
        for other in others:
            product = product @ other
        return product

    def product(self) -> _native.Product:
        """The matrices as the kernels want them, made anew when a value has changed."""
        values = [matrix.values for matrix in self.matrices()]
        # Tensors made in inference mode do not count their versions.
        versions = [None if value.is_inference() else value._version for value in values]
        state = [(value.data_ptr(), version, value.dtype) for value, version in zip(values, versions, strict=True)]
        if self._kernels is None or self._kernels[0] != state:
            parts = [matrix.csr() for matrix in self.matrices()]
            self._kernels = (state, _native.Product(parts, _FORMATS[values[0].dtype]))
        return self._kernels[1]

    def on_kernels(self, x: Tensor) -> bool:
        """Whether the kernels take this input: on the CPU, in a number format that they have, with no gradient wanted."""
        tensors = [x, *self.parameters()]
        wants = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        known = all(tensor.device.type == "cpu" and tensor.dtype in _FORMATS for tensor in tensors)
        return known and not wants and not torch.compiler.is_compiling()

    def apply_kernels(self, rows: Tensor) -> Tensor:
        """X·Wᵀ of rows `[n, in]`."""
        x = rows.detach().to(torch.float32).contiguous().numpy()
        y = self.product().apply(x, torch.get_num_threads())
        y = torch.frombuffer(y, dtype=torch.float32) if len(y) else torch.empty(0)
        return y.reshape(len(rows), self.matrices()[0].shape[0]).to(rows.dtype)

    def __getstate__(self) -> dict[str, Any]:
        # The kernels' form is made from the values where it is wanted.
        return {**self.__dict__, "_kernels": None}

    def extra_repr(self) -> str:
        return f"bias={self.bias is not None}"


class _Linear(_SparseProduct):
    @property
    def in_features(self) -> int:
        return self.matrices()[-1].shape[1]

    @property
    def out_features(self) -> int:
        return self.matrices()[0].shape[0]

    def forward(self, x: Tensor) -> Tensor:
        if self.on_kernels(x):
            y = self.apply_kernels(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], self.out_features)
            return y if self.bias is None else y + self.bias.to(y.dtype)
        *others, last = self.matrices()[::-1]
        for matrix in others:
            x = F.linear(x, matrix.dense())
        return F.linear(x, last.dense(), self.bias)


class DoubleSparseLinear(_Linear):
    """y = A·(B·x) + bias, with sparse A `[out, k]` and B `[k, in]`, of SciPy or dense.

    The masks are what A and B are not 0 at, and stay; the values are parameters, and can be tuned.
    """

    def __init__(self, A: Any, B: Any, bias: Tensor | None = None, dtype: torch.dtype | None = None):
        if A.shape[1] != B.shape[0]:
            raise ValueError(f"A is {list(A.shape)} and B {list(B.shape)}: A has as many columns as B has rows")
        super().__init__(["A", "B"], [A, B], bias, dtype)

    @classmethod
    def of(cls, made: Factorization | Loaded, bias: Tensor | None = None, dtype: torch.dtype | None = None):
        """From what `factorize` or `load` returns."""
        return cls(made.A, made.B, bias, dtype)


class SparseLinear(_Linear):
    """y = W·x + bias, with one sparse W `[out, in]` on a fixed mask."""

    def __init__(self, W: Any, bias: Tensor | None = None, dtype: torch.dtype | None = None):
        super().__init__(["W"], [W], bias, dtype)


class DoubleSparseConv2d(_SparseProduct):
    """A convolution whose weight is A·B: B is k kernels with its stride, padding and dilation, A mixes what they give."""

    def __init__(self, A: Any, B: Any, like: nn.Conv2d, dtype: torch.dtype | None = None):
        channels = like.in_channels * like.kernel_size[0] * like.kernel_size[1]
        if A.shape[1] != B.shape[0] or (A.shape[0], B.shape[1]) != (like.out_channels, channels):
            raise ValueError(f"A is {list(A.shape)} and B {list(B.shape)}, for {list(like.weight.shape)}")
        super().__init__(["A", "B"], [A, B], like.bias, dtype)
        self.in_channels, self.out_channels, self.kernel_size = like.in_channels, like.out_channels, like.kernel_size
        self.how = {"stride": like.stride, "padding": like.padding, "dilation": like.dilation}

    def forward(self, x: Tensor) -> Tensor:
        a, b = (matrix.dense() for matrix in self.matrices())
        kernels = b.unflatten(1, (self.in_channels, *self.kernel_size))
        return F.conv2d(F.conv2d(x, kernels, **self.how), a[..., None, None], self.bias)


def replace(
    model: nn.Module,
    density: float = 0.25,
    calibration_loader: Iterable[Any] | None = None,
    preset: str = "best",
    *,
    layers: Sequence[str] | Callable[[str, nn.Module], bool] = ("*",),
    forward: Callable[[nn.Module, Any], object] | None = None,
    progress: Tell | bool | None = None,
    **settings: Any,
) -> dict[str, dict[str, Any]]:
    """Replaces the linear layers and convolutions of a model by products of two sparse matrices, in place.

    density, preset, settings
        As of `factorize`: each layer gets this share of its weights as nonzeros.
    calibration_loader
        Batches that go through the model as it is; XᵀX of each layer's inputs is summed up on the way, and its outputs'
        error is minimized. Without it the plain error of each weight is.
    layers
        Which ones: patterns of names such as "model.layers.*.mlp.*", or a function of name and module.
    forward
        Calls the model with a batch. By default a tensor is its argument, of a list or tuple the first item is, and a mapping
        has its arguments by name.
    progress
        As of `factorize`.

    Returns the report of each layer, by name. Grouped convolutions, and those that pad otherwise than with zeros, stay.
    """
    chosen = _chosen(model, layers)
    if not chosen:
        raise ValueError("the model has no linear layer or convolution of these names")
    tell = teller(progress)
    sums = {} if calibration_loader is None else _gram_sums(model, chosen, calibration_loader, forward or _forward)
    reports = {}
    weights = {name: module.weight.numel() for name, module in chosen.items()}
    done, total = 0, sum(weights.values())
    replaced: dict[nn.Module, nn.Module] = {}
    for name, module in chosen.items():

        def show(news: Progress, name: str = name, done: int = done) -> bool:
            return tell((done + news.share * weights[name]) / total, f"{name}: {news.what}", news.error)

        if calibration_loader is not None and name not in sums:
            note(f"{name} saw no input: the plain error of its weight counts")
        product = sums.get(name)
        made = factorize(
            module.weight,
            density,
            preset,
            None if product is None else XtX(product),
            name=f"{name}.weight",
            progress=show,
            **settings,
        )
        if not made.finished:
            raise Error(f"cancelled at {name}", "the model is as it was")
        new = _module(made, module).train(module.training).to(module.weight.device)
        replaced[module] = new
        reports[name] = made.report
        done += weights[name]
    _put(model, replaced)
    return reports


def load_model(folder: AnyPath, model: nn.Module | None = None, trust_remote_code: bool = False) -> nn.Module:
    """The model in a folder that `compress` wrote, on this package's modules.

    model
        For networks that transformers does not build, such as torchvision's: an instance of it, whose layers are replaced
        and whose other tensors are read. None for a language model, which transformers builds.
    trust_remote_code
        A folder with factors brings code that builds the model in transformers. It runs where it is the code that this version
        writes, and otherwise only with this.
    """
    folder = Path(folder)
    if not any((folder / name).exists() for name in ("model.safetensors", "model.safetensors.index.json")):
        raise Error(f"{folder} has no model.safetensors", "give a folder that compress wrote")
    layers = load(folder)
    if model is None:
        model = _transformers_model(folder, trust_remote_code)
        held = {name: _held(model, name) for name in layers}
    else:
        from safetensors.torch import load_file

        held = {name: dict(model.named_modules()).get(name) for name in layers}
        names = [name for name, module in held.items() if module is None]
        if names:
            raise Error(f"the model has no layer {names[0]!r}", "give the one that was compressed")
        missing, unknown = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        missing = [name for name in missing if name.rpartition(".")[0] not in layers]
        if missing or unknown:
            raise Error(f"the tensors of {folder} are not the model's: {[*missing, *unknown][0]!r}")
    _put(model, {module: _module(layers[name], module) for name, module in held.items()})
    return model


def _chosen(model: nn.Module, layers: Any) -> dict[str, nn.Module]:
    """The layers that can be replaced and are wanted, by name."""

    def wanted(name: str, module: nn.Module) -> bool:
        return layers(name, module) if callable(layers) else any(fnmatch.fnmatchcase(name, one) for one in layers)

    def possible(module: nn.Module) -> bool:
        if isinstance(module, nn.Conv2d):
            return module.groups == 1 and module.padding_mode == "zeros"
        return isinstance(module, nn.Linear)

    layers = [layers] if isinstance(layers, str) else layers
    return {name: module for name, module in model.named_modules() if possible(module) and wanted(name, module)}


def _forward(model: nn.Module, batch: Any) -> object:
    if isinstance(batch, Tensor):
        return model(batch)
    if hasattr(batch, "keys"):
        return model(**batch)
    return model(batch[0])


@torch.no_grad()
def _gram_sums(
    model: nn.Module, layers: dict[str, nn.Module], batches: Iterable[Any], forward: Callable[[nn.Module, Any], object]
) -> dict[str, Tensor]:
    """XᵀX of the inputs of each layer."""
    sums: dict[str, Tensor] = {}

    def hear(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows = _rows(module, inputs[0].detach())
            product = (rows.T @ rows).double().cpu()
            sums[name] = sums[name] + product if name in sums else product

        return hook

    hooks = [module.register_forward_pre_hook(hear(name)) for name, module in layers.items()]
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for batch in batches:
            forward(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
        for module, was in training.items():
            module.training = was
    return sums


def _rows(module: nn.Module, x: Tensor) -> Tensor:
    """The inputs that the weight is multiplied with, a row each."""
    if isinstance(module, nn.Conv2d):
        padding = module.padding
        if isinstance(padding, str):
            # By "same" the end may get one more than the beginning, which unfold cannot do.
            x, padding = F.pad(x, _same(module) if padding == "same" else [0] * 4), 0
        patches = F.unfold(x, module.kernel_size, module.dilation, padding, module.stride)
        x = patches.transpose(1, 2)
    return x.reshape(-1, x.shape[-1]).float()


def _same(module: nn.Conv2d) -> list[int]:
    """What is added before and after each dimension, the last one first."""
    added = [step * (size - 1) for step, size in zip(module.dilation, module.kernel_size, strict=True)][::-1]
    return [side for all in added for side in (all // 2, all - all // 2)]


def _module(made: Factorization | Loaded, like: Any) -> nn.Module:
    """The module of these matrices, in the place of `like`."""
    # transformers' code for a folder with factors has the bias in A.
    bias = getattr(getattr(like, "A", like), "bias", None)
    dtype = _dtype(like)
    if isinstance(like, nn.Conv2d):
        if len(made.matrices) != 2:
            raise Error("a convolution of one sparse matrix is not run", "compress it with method dsf, or write merged")
        return DoubleSparseConv2d(made.A, made.B, like, dtype)
    if len(made.matrices) == 1:
        return SparseLinear(made.matrices[0], bias, dtype)
    return DoubleSparseLinear(made.A, made.B, bias, dtype)


def _dtype(module: nn.Module) -> torch.dtype | None:
    tensors = [*module.parameters(), *module.buffers()]
    return next((tensor.dtype for tensor in tensors if tensor.dtype in _FORMATS), None)


def _put(model: nn.Module, replaced: dict[nn.Module, nn.Module]) -> None:
    """Puts modules in the places of others, wherever they stand."""
    for parent in list(model.modules()):
        # `named_children` leaves out what stands there twice.
        for name, child in list(parent._modules.items()):
            if child in replaced:
                setattr(parent, name, replaced[child])


def _transformers_model(folder: Path, trusted: bool) -> nn.Module:
    from transformers import AutoModelForCausalLM

    code = folder / "modeling_dsf.py"
    if not code.exists():
        # Merged: a model like any other, whose factors stand beside it.
        return AutoModelForCausalLM.from_pretrained(folder).eval()
    if not trusted and code.read_text(encoding="utf-8") != _native.modeling_code():
        what = f"{code} is not the code that this version writes, and is not run unasked"
        raise Error(what, "look at it, then give trust_remote_code=True")
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dsf_packed=True).eval()


def _held(model: nn.Module, name: str) -> nn.Module:
    """The module of a layer's name, which may lack the model's own prefix."""
    modules = dict(model.named_modules())
    for known in (name, f"{getattr(model, 'base_model_prefix', '')}.{name}"):
        if known in modules:
            return modules[known]
    raise Error(f"the model has no layer {name!r}")

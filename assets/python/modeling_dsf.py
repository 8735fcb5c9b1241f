"""Loads a language model in whose linear layers a product of two sparse matrices replaces W: y = A(Bx).

    AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=True)

The folder holds the factors in a file of their own, and the model's other tensors in `model.safetensors`. Factors are
made dense while they are loaded; with `dsf_packed=True` they stay packed in memory, and every forward unpacks them.
"""

from collections import OrderedDict

import torch
import transformers
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, GenerationConfig
from transformers.pytorch_utils import Conv1D
from transformers.utils import cached_file

# The tensors that a matrix consists of, beside its shape: the first are its values.
PARTS = {
    "bitmask": ("compressed", "bitmask"),
    "csr": ("values", "col_indices", "crow_indices"),
    "dense": ("weight",),
}

# Parts of layers that some models have as one, in their order.
FUSED = ("q", "k", "v", "gate", "up")

# Arguments that say where the files are, not how the model is built.
PLACE = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token")


def mask_of_bits(shape, bitmask):
    """Where a matrix has values, as booleans: column c is bit c % 8 of byte c // 8."""
    bits = bitmask.unsqueeze(-1) >> torch.arange(8, dtype=torch.uint8, device=bitmask.device) & 1
    return bits.flatten(1)[:, : shape[1]].bool()


def unpack(shape, parts):
    """The dense matrix that `parts` describe."""
    if "bitmask" in parts:
        values = parts["compressed"]
        return values.new_zeros(shape).masked_scatter_(mask_of_bits(shape, parts["bitmask"]), values)
    if "crow_indices" in parts:
        values, columns = parts["values"], parts["col_indices"].long()
        rows = torch.arange(shape[0], device=values.device)
        rows = rows.repeat_interleave(parts["crow_indices"].diff(), output_size=len(values))
        return values.new_zeros(shape).index_put_((rows, columns), values)
    return parts["weight"]


def check_parts(shape, parts):
    """Raises ValueError where the parts of a matrix do not fit together."""
    (rows, columns), values, fits = shape, next(iter(parts.values())), True
    if "bitmask" in parts:
        packed = (rows, (columns + 7) // 8)
        fits = parts["bitmask"].shape == packed and mask_of_bits(shape, parts["bitmask"]).sum() == len(values)
    elif "crow_indices" in parts:
        starts, inside = parts["crow_indices"], parts["col_indices"]
        fits = len(starts) == rows + 1 and starts[0] == 0 and starts[-1] == len(values) == len(inside)
        fits = fits and (starts.diff() >= 0).all() and ((inside >= 0) & (inside < columns)).all()
    if not fits:
        raise ValueError(f"its {', '.join(parts)} do not describe a matrix of shape [{rows}, {columns}]")


def read_matrices(path, layout):
    """The matrices of a file: shape and parts of each, by name."""
    tensors, matrices = load_file(path), {}
    end = "." + PARTS[layout][0]
    for name in [key.removesuffix(end) for key in tensors if key.endswith(end)]:
        try:
            parts = {part: tensors[f"{name}.{part}"] for part in PARTS[layout]}
            shape = parts["weight"].shape if layout == "dense" else tensors[f"{name}.shape"].tolist()
            check_parts(shape, parts)
        except KeyError as missing:
            raise ValueError(f"{path} has no tensor {missing}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {name}: {error}") from None
        if layout == "csr":  # as narrow as they can be, for those that stay packed
            narrow = torch.int16 if shape[1] <= 2**15 else torch.int32
            parts["col_indices"] = parts["col_indices"].to(narrow)
        matrices[name] = (tuple(shape), parts)
    return matrices


class PackedLinear(nn.Module):
    """A linear layer whose weight stays packed: its parts are buffers, named as in the file."""

    def __init__(self, shape, parts, bias):
        super().__init__()
        self.out_features, self.in_features = shape
        for name, part in parts.items():
            dtype = None if part.is_floating_point() else part.dtype  # values are of the model's type
            self.register_buffer(name, torch.empty(part.shape, dtype=dtype))
        self.register_parameter("bias", nn.Parameter(torch.empty(shape[0])) if bias else None)

    @property
    def weight(self):
        """The dense weight, unpacked anew."""
        return unpack((self.out_features, self.in_features), self._buffers)

    def forward(self, x):
        return nn.functional.linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def pair_up(matrices):
    """The names of what replaces each layer, by the layer's name: of A and B, or of one matrix."""
    layers = {}
    for name in matrices:
        stem, pair = name[:-2], [f"{name[:-2]}.A", f"{name[:-2]}.B"]
        two = name in pair and matrices.keys() >= set(pair)
        layers[stem if two else name] = pair if two else [name]
    return layers


class Product(nn.Sequential):
    """A(Bx)."""

    @property
    def weight(self):
        """A's, which GPT-2 gives other first numbers before the stored ones are there."""
        return self.A.weight


class Fused(nn.Module):
    """Several layers that their model has as one: their outputs side by side, of each head if there are `heads`."""

    def __init__(self, parts, bias, heads):
        super().__init__()
        self.names, self.heads = list(parts), heads
        for name, part in parts.items():
            self.add_module(name, part)
        self.register_parameter("bias", nn.Parameter(torch.empty(bias)) if bias else None)

    def forward(self, x):
        outputs = [self.get_submodule(name)(x) for name in self.names]
        if self.heads:
            outputs = [output.unflatten(-1, (self.heads, -1)) for output in outputs]
        output = torch.cat(outputs, -1)
        if self.heads:
            output = output.flatten(-2)
        return output if self.bias is None else output + self.bias


def sizes_of(layer):
    """Outputs and inputs of a linear layer, GPT-2's `Conv1D` among them; None for anything else."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return (layer.nf, layer.weight.shape[0]) if isinstance(layer, Conv1D) else None


def sizes_of_product(stem, factors):
    """Outputs and inputs of A(Bx), or of one matrix."""
    sides = [side for shape, _ in factors for side in shape]  # out, k, k, in
    if sides[1:-1:2] != sides[2:-1:2]:
        found = " times ".join(str(list(shape)) for shape, _ in factors)
        raise ValueError(f"the factors of {stem} are {found}")
    return sides[0], sides[-1]


def product(factors, bias, packed):
    """The layer A(Bx), or of one matrix; values are yet to be loaded."""

    def linear(matrix, bias):
        (rows, columns), parts = matrix
        return PackedLinear((rows, columns), parts, bias) if packed else nn.Linear(columns, rows, bias)

    a = linear(factors[0], bias)
    return Product(OrderedDict(B=linear(factors[1], False), A=a)) if len(factors) == 2 else a


def replace(model, stem, parts, packed):
    """Puts what replaces the linear layer `stem` in its place: `parts` are its factors by the name of the part of it that
    they are of, in order; a layer that is one has an empty name."""
    layer = dict(model.named_modules()).get(stem)
    expected = sizes_of(layer)
    if expected is None:
        raise ValueError(f"{stem} is not a linear layer of {type(model).__name__}")
    sizes = [sizes_of_product(f"{stem}.{part}".rstrip("."), factors) for part, factors in parts.items()]
    found = (sum(rows for rows, _ in sizes), sizes[0][1])
    if found != expected or any(columns != expected[1] for _, columns in sizes):
        raise ValueError(f"{stem} is {list(expected)}, and what replaces it is {[list(size) for size in sizes]}")
    bias = layer.bias is not None
    if "" in parts:
        new = product(parts[""], bias, packed)
    else:
        heads = model.config.num_attention_heads if model.config.model_type == "gpt_neox" else 0
        products = {part: product(factors, False, packed) for part, factors in parts.items()}
        new = Fused(products, expected[0] if bias else 0, heads)
    parent, _, child = stem.rpartition(".")
    setattr(model.get_submodule(parent), child, new)


def with_factors(base, layers, packed):
    """The architecture `base` with these layers replaced. Name and module stay, by which transformers finds things."""

    def __init__(self, config, *args, **kwargs):
        base.__init__(self, config, *args, **kwargs)
        modules, wholes, prefix = dict(self.named_modules()), {}, f"{self.base_model_prefix}."
        for stem, factors in layers.items():
            # A file may lack the start of the names, as GPT-2's own does, or have one that this class lacks.
            module = stem if stem in modules or stem.rpartition(".")[0] in modules else prefix + stem
            if module not in modules and module.rpartition(".")[0] not in modules:
                module = stem.removeprefix(prefix)
            stem = module
            whole, _, part = stem.rpartition(".")
            is_part = part in FUSED and sizes_of(modules.get(whole)) is not None
            wholes.setdefault(whole if is_part else stem, {})[part if is_part else ""] = factors
        for stem, parts in wholes.items():
            replace(self, stem, {part: parts[part] for part in sorted(parts, key=("", *FUSED).index)}, packed)

    return type(base.__name__, (base,), {"__init__": __init__, "__module__": base.__module__})


class DsfForCausalLM:
    """What `AutoModelForCausalLM` calls: it gives a model of the original architecture."""

    @classmethod
    def register_for_auto_class(cls, auto_class="AutoModelForCausalLM"):
        """Asked for by transformers; there is nothing to do."""

    @classmethod
    def from_pretrained(cls, path, *args, config=None, dsf_packed=False, output_loading_info=False, **kwargs):
        """The model in a folder or repository, in eval mode. The other arguments are those of transformers."""
        place = {key: kwargs.pop(key) for key in PLACE if key in kwargs}
        config = config or AutoConfig.from_pretrained(path, **place)
        base = getattr(transformers, config.architectures[0], None)
        if base is None:
            raise ValueError(f"this version of transformers has no {config.architectures[0]}")
        layout = config.dsf["layout"]
        if layout not in PARTS:
            raise ValueError(f"the layout {layout} is none of {', '.join(PARTS)}")
        packed = dsf_packed and layout != "dense"
        matrices = read_matrices(cached_file(path, config.dsf["factors"], **place), layout)
        state = load_file(cached_file(path, "model.safetensors", **place))
        layers = pair_up(matrices)
        for stem, names in layers.items():
            if f"{stem}.bias" in state:
                state[f"{names[0]}.bias"] = state.pop(f"{stem}.bias")
        for name, (shape, parts) in matrices.items():
            loaded = parts if packed else {"weight": unpack(shape, parts)}
            state.update({f"{name}.{part}": tensor for part, tensor in loaded.items()})
            # The model's class needs the shapes and types alone, and would keep the values in memory.
            matrices[name] = (shape, {part: tensor.to("meta") for part, tensor in parts.items()})
        layers = {stem: [matrices[name] for name in names] for stem, names in layers.items()}
        model, info = with_factors(base, layers, packed).from_pretrained(
            None, *args, config=config, state_dict=state, output_loading_info=True, **kwargs
        )
        if info["missing_keys"]:
            raise ValueError(f"{path} has no {', '.join(sorted(info['missing_keys']))}")
        model.name_or_path = model.config.name_or_path = str(path)
        if kwargs.get("generation_config") is None:
            try:
                model.generation_config = GenerationConfig.from_pretrained(path, **place)
            except OSError:
                pass  # there is none: transformers has made one from the model's configuration
        return (model, info) if output_loading_info else model

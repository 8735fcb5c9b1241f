#!/usr/bin/env python3
"""Loads a compressed model that keeps its factors with transformers, and compares it with the merged one.

    check_model.py DSF_DIR MERGED_DIR

Fails unless both give the same logits, with weights made dense and with packed ones, every compressed layer has the
matrices of the factors' file and no others, and the model generates text.
"""

import json
import os
import sys
import tempfile

# The folder's code is copied to where transformers imports it from: not into the user's cache.
CACHE = tempfile.TemporaryDirectory()
os.environ.update(HF_HUB_OFFLINE="1", HF_MODULES_CACHE=CACHE.name)

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM
from transformers.utils import logging

# Merged weights are rounded to the type of their file.
TOLERANCE = 2e-3
PACKED = {"bitmask": {"compressed", "bitmask"}, "csr": {"values", "col_indices", "crow_indices"}, "dense": {"weight"}}


def matrices(folder):
    """The layout of a folder's factors, and the shape of each of its matrices by name."""
    with open(os.path.join(folder, "config.json")) as file:
        dsf = json.load(file)["dsf"]
    with safe_open(os.path.join(folder, dsf["factors"]), framework="pt") as file:
        if dsf["layout"] == "dense":
            return "dense", {x.removesuffix(".weight"): file.get_slice(x).get_shape() for x in file.keys()}
        shapes = [x for x in file.keys() if x.endswith(".shape")]
        return dsf["layout"], {x.removesuffix(".shape"): file.get_tensor(x).tolist() for x in shapes}


def check_layers(model, shapes, parts):
    """Each compressed layer holds its matrices, of these parts, and nothing else but a bias. Counts the layers."""
    stems = {name[:-2] if name.endswith((".A", ".B")) else name for name in shapes}
    linears = {name: module for name, module in model.named_modules() if name in shapes}
    assert set(linears) == set(shapes), set(shapes) - set(linears)
    for name, module in linears.items():
        assert [module.out_features, module.in_features] == shapes[name] == list(module.weight.shape), name
    held = {name for name in model.state_dict() if any(name.startswith(stem + ".") for stem in stems)}
    expected = {f"{name}.{part}" for name in shapes for part in parts}
    assert {name for name in held if not name.endswith(".bias")} == expected, held ^ expected
    return len(stems)


def logits(model, ids):
    with torch.no_grad():
        return model(ids).logits


def main():
    folder, merged_folder = sys.argv[1:]
    logging.disable_progress_bar()
    layout, shapes = matrices(folder)

    def load(**options):
        return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=torch.float32, **options)

    dense, packed = load(), load(dsf_packed=True)
    merged = AutoModelForCausalLM.from_pretrained(merged_folder, dtype=torch.float32)
    assert type(merged) is not type(dense), "the merged model needs no code of ours"
    vocabulary = dense.config.vocab_size
    ids = (torch.arange(64) * 37 % vocabulary).reshape(2, 32)
    expected = logits(merged, ids)
    largest, texts = 0, []
    for model, parts in [(dense, {"weight"}), (packed, PACKED[layout])]:
        assert not model.training
        layers = check_layers(model, shapes, parts)
        difference = (logits(model, ids) - expected).abs().max().item()
        assert difference <= TOLERANCE * expected.abs().max().item(), difference
        largest = max(largest, difference)
        texts.append(model.generate(ids[:1, :8], max_new_tokens=8, min_new_tokens=8, do_sample=False))
        assert texts[-1].shape == (1, 16) and texts[-1].max() < vocabulary, texts
    assert torch.equal(*texts), texts
    print(f"ok: {layers} layers, max difference {largest:.2g}")


if __name__ == "__main__":
    main()

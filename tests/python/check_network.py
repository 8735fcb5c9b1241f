#!/usr/bin/env python3
"""Loads a compressed residual network with transformers, and builds it of two convolutions a layer.

    check_network.py MERGED_DIR DENSE_DIR IMAGES.npy LOGITS.json

MERGED_DIR has the products of the factors that `factors-dense.safetensors` in DENSE_DIR holds; LOGITS.json is what
`accuracy --json --logits` says of MERGED_DIR. Fails unless all give the same logits.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from safetensors.torch import load_file
from transformers import ResNetForImageClassification

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "assets", "python"))
from two_convolutions import two_convolutions

TOLERANCE = 1e-3


def npy(path):
    """The pictures `[n, 3, height, width]` of a version 1 file, without NumPy."""
    with open(path, "rb") as file:
        bytes = file.read()
    start = 10 + int.from_bytes(bytes[8:10], "little")
    shape = eval(bytes[10:start].decode())["shape"]
    return torch.frombuffer(bytearray(bytes[start:]), dtype=torch.uint8).reshape(shape)


def main():
    merged, dense, images, logits = sys.argv[1:]
    with open(logits) as file:
        expected = torch.tensor(json.load(file)["logits"])
    with open(os.path.join(merged, "preprocessor_config.json")) as file:
        preprocessor = json.load(file)
    mean, std = (torch.tensor(preprocessor[f"image_{key}"]).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    pixels = (npy(images) / 255 - mean) / std

    model = ResNetForImageClassification.from_pretrained(merged).eval()

    def difference():
        with torch.no_grad():
            found = model(pixels).logits
        return ((found - expected).abs().max() / expected.abs().max()).item()

    of_merged = difference()
    assert of_merged < TOLERANCE, of_merged
    factors = load_file(os.path.join(dense, "factors-dense.safetensors"))
    stems = sorted({name.split(".A.")[0] for name in factors if ".A." in name})
    for stem in stems:
        parent, name = stem.rsplit(".", 1)
        parent = model.get_submodule(parent)
        setattr(parent, name, two_convolutions(getattr(parent, name), factors, stem))
    of_two = difference()
    assert of_two < TOLERANCE, of_two
    print(f"ok: {len(stems)} layers as two convolutions, {of_merged:.1e} and {of_two:.1e} from the logits")


main()

#!/usr/bin/env python3
"""Sums up the patches that convolutions of ResNet-20 read, with NumPy alone, and compares with saved statistics.

    check_statistics.py MODEL.safetensors IMAGES.bin COUNT STATISTICS.safetensors

STATISTICS is what `compress --parallel --save-calibration` wrote for COUNT images, all that IMAGES has. Fails unless XᵀX of the first
convolution, and of both of the first block, are the same up to a factor of their own.
"""

import sys

import numpy as np
from safetensors.numpy import load_file

TOLERANCE = 1e-4


def patches(x):
    """Patches of 3×3 with a black edge, `[positions, channels·3·3]`, of pictures `[n, channels, height, width]`."""
    n, channels, height, width = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    taps = [padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.stack(taps, 2).transpose(0, 3, 4, 1, 2).reshape(n * height * width, channels * 9)


def layer(tensors, x, convolution, norm):
    """The convolution and its batch normalization."""
    n, _, height, width = x.shape
    weight = tensors[f"{convolution}.weight"].astype(np.float64)
    y = patches(x) @ weight.reshape(len(weight), -1).T
    scale, shift, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    y = (y - mean) / np.sqrt(variance + 1e-5) * scale + shift
    return y.reshape(n, height, width, -1).transpose(0, 3, 1, 2)


def main():
    model, images, count, statistics = sys.argv[1:]
    tensors, found = load_file(model), load_file(statistics)
    records = np.fromfile(images, np.uint8).reshape(int(count), 3073)
    mean, std = (np.array(x).reshape(1, 3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pixels = (records[:, 1:].reshape(-1, 3, 32, 32) / 255 - mean) / std
    stem = np.maximum(layer(tensors, pixels, "conv1", "bn1"), 0)
    inside = np.maximum(layer(tensors, stem, "layer1.0.conv1", "layer1.0.bn1"), 0)
    largest = 0
    for name, x in [("conv1", pixels), ("layer1.0.conv1", stem), ("layer1.0.conv2", inside)]:
        x = patches(x)
        expected, xtx = x.T @ x, found[f"{name}.XtX"].astype(np.float64)
        scale = np.trace(xtx) / np.trace(expected)
        difference = np.abs(xtx - scale * expected).max() / np.abs(xtx).max()
        assert difference < TOLERANCE, (name, difference)
        largest = max(largest, difference)
    print(f"ok: XᵀX of 3 convolutions, {largest:.1e} of the largest value apart")


main()

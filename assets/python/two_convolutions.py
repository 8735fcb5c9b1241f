"""A convolution as two, from the factors that `dsf-explorer compress --layout dense` writes.

    from safetensors.torch import load_file
    factors = load_file("compressed/factors-dense.safetensors")
    block.conv1 = two_convolutions(block.conv1, factors, "layer1.0.conv1")
"""

import torch


def two_convolutions(convolution, factors, name):
    """What computes as `convolution` does with its weight replaced by A·B.

    B `[k, in·kh·kw]` comes first, as k kernels with the stride and padding of the convolution; A `[out, k]` mixes what they
    give, position by position.
    """
    a, b = factors[f"{name}.A.weight"], factors[f"{name}.B.weight"]
    kernels = torch.nn.Conv2d(
        convolution.in_channels,
        b.shape[0],
        convolution.kernel_size,
        convolution.stride,
        convolution.padding,
        bias=False,
    )
    mixing = torch.nn.Conv2d(b.shape[0], a.shape[0], 1, bias=convolution.bias is not None)
    with torch.no_grad():
        kernels.weight.copy_(b.reshape(kernels.weight.shape))
        mixing.weight.copy_(a.reshape(mixing.weight.shape))
        if convolution.bias is not None:
            mixing.bias.copy_(convolution.bias)
    return torch.nn.Sequential(kernels, mixing)

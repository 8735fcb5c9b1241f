"""Options of commands, as types: written by `make_options.py` from the command line's own list."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

Path = str | os.PathLike[str]


class Settings(TypedDict, total=False):
    """Settings of a run."""

    factor_density: float
    """Nonzeros of the factor on W's smaller side n, as a share of n² [default: 0.16 for a square W, else 0.25; at most
    half of all nonzeros]."""
    split: Literal["paper", "balanced", "auto", "vision"]
    """Without a factor density: how the nonzeros are divided."""
    expansion: float
    """Inner dimension k of A (out×k) and B (k×in), in units of the smaller side of W."""
    orientation: Literal["paper", "auto", "as-is", "transposed"]
    """Which of W and its transpose is factorized."""
    outer: int
    """Outer iterations: each solves for one factor, then for the other."""
    inner: int
    """Inner (ADMM) iterations of each half-step."""
    rho: float
    """ADMM penalty ρ, against a Gram matrix of unit diagonal."""
    rho1: float
    """Penalty of the later inner iterations, as a share of ρ [default: 1; of the geometric schedule 0.7 to 1, from the
    density]."""
    schedule: Literal["cubic", "linear", "constant", "geometric", "none"]
    """How the first inner iteration's penalty ρ₀ grows to ρ over the outer iterations."""
    rho0_start: float
    """Where the geometric schedule begins, as a share of ρ."""
    rho0_end: float
    """Where the geometric schedule ends, as a share of ρ [default: from the density, 0.4 to 1]."""
    ridge: float
    """Added to the Gram matrix's diagonal, as a share of its mean."""
    ridge_start: float
    """The ridge of the first outer iteration, from where it falls geometrically [default: no change]."""
    ramp_from: float
    """The density of the first outer iteration, from where the budget grows [default: all of it at once]."""
    ramp_until: float
    """When the budget has grown to its full size, as a share of the outer iterations."""
    relaxation: float
    """Over-relaxation λ of all but the first inner iteration."""
    start: Literal["identity", "random", "svd"]
    """Which factors the run starts from."""
    mask_iterations: int
    """Inner iterations of each half-step that choose the mask anew; the others keep it."""
    warm_start: bool
    """False: start each half-step from nothing instead of from the last factor and its dual variables."""
    fixed_mask: bool
    """The first factor keeps one mask, drawn from the seed; only the other is chosen."""
    fallback: bool
    """Magnitude pruning (an identity times the largest entries) is the result where it is better."""
    objective: Literal["norms", "outputs", "weights"]
    """With calibration: what the masks are chosen by."""
    power: float
    """With calibration and objective outputs: the power of XᵀX's eigenvalues at the end of the run."""
    power_growth: float
    """How the power grows over the run: with this power of the time [default: from the density, 0.5 to 3]."""
    output_power: float
    """Of a language model with calibration: the power of the loss's mean squared gradients that weighs each output; 0
    weighs all alike."""
    finalize: bool
    """False: with calibration: leave the values as they are when the masks are final."""
    finalize_both: bool
    """With calibration: finalize the input-side factor B too, not only A."""
    rounds: int
    """With calibration: how often the factors are finalized, in turn."""
    exact: bool
    """Solve for the values on the final masks exactly; without calibration too, with objective outputs always."""
    shrinkage: float
    """With calibration: how much of its diagonal is added to XᵀX, against learning the samples by heart."""
    seed: int
    """Of the random start and the fixed mask."""


class CompressOptions(Settings, total=False):
    """Options of `compress`."""

    mean: str
    """What is taken off each colour, scaled to 0 to 1 [default: 0.485,0.456,0.406, or what preprocessor_config.json
    says]."""
    std: str
    """What each colour is divided by after that [default: 0.229,0.224,0.225, or what preprocessor_config.json says]."""
    method: Literal["dsf", "magnitude", "wanda", "admm", "sparsegpt", "obc", "svd", "monarch", "palm4msa", "hierarchical"]
    """How W is replaced; what follows under settings is for dsf, but for the density."""
    threshold: Literal["matrix", "row"]
    """Over what entries compete (admm, sparsegpt)."""
    preset: Literal["published", "best", "fast", "compact", "vision"]
    """Where the settings start from; a single one given wins over it."""
    density: float
    """Kept nonzeros of both factors together, as a share of W's entries."""
    density_of: str | list[str] | dict[str, float]
    """Other densities for some layers: a kind of layer or a single one, for example down_proj=0.4 or
    model.layers.0.mlp.up_proj=0.3; 1 leaves them as they are, as a residual network's first convolution and last layer
    unless they are named here. Can be given several times."""
    calibration_text: Path
    """Text whose tokens the layers' inputs are taken from [default for the built-in model: stories of its language]."""
    calibration_samples: int
    """How many windows of it, spread evenly [default: 128]."""
    calibration_context: int
    """Tokens of such a window."""
    calibration_images: Path
    """Of a residual network: images that the layers' inputs are taken from, as many as --calibration-samples says
    [default: 1024], spread evenly over the set; the built-in network, `compress glyphs`, brings its own. A .bin of
    CIFAR-10 or a folder of them, a .npy [n, 3, height, width] of bytes, or a folder with a subfolder for each class."""
    augment: bool
    """Change the calibration images at random as in training: small ones are shifted by up to an eighth, and every
    second one is mirrored. For batch normalization they always are."""
    images: Path
    """Labelled images that the accuracy is measured on [default: the calibration images; of the built-in network ones
    that its training did not see]."""
    limit: int
    """Only the first so many of them."""
    keep_batch_norm: bool
    """Leave batch normalization as it is. Otherwise its means and variances are estimated anew on the calibration
    images, after each layer (but with --parallel) and in the end."""
    distribute: Literal["proxy", "gradients", "dsf", "obc"] | bool
    """Give each layer its share of all nonzeros so that the model loses least. proxy, the default for language models:
    as `proxy` foretells it; gradients: as `proxy --by gradients` does. dsf, obc: the sum of the layers' errors is
    least, as short runs of DSF or Optimal Brain Compression measure them; dsf at every density that a residual
    network's layer may get, at seven for language models."""
    flops: str
    """Of a residual network: a bound on its operations in place of the density, 2x for half of the dense network's. The
    layers' shares are chosen as with --distribute."""
    blockwise: bool
    """Tune each block while its layers are compressed, so that it gives what the dense model's gives: the values of its
    finished layers, its norms and biases, and its other layers."""
    parallel: Literal["no", "block", "all"] | bool
    """Which layers are compressed side by side. no: each sees the inputs that the compressed layers before it give it;
    block: those of a language model's block, none of which sees the others compressed; all, the default of the flag:
    each layer sees the inputs that the dense model gives it."""
    save_calibration: Path
    """Write the statistics of all layers' inputs to this file."""
    load_calibration: Path | list[Path]
    """Use statistics that were saved, in place of a text; of several files, which are the parts of --part, their
    sum."""
    statistics_only: bool
    """Collect the statistics of all layers' inputs in the dense model for --save-calibration, and replace nothing."""
    statistics_of_block: int
    """With --parallel=block: collect the statistics of the inputs of this block's layers, blocks counted from 0, once
    those of all blocks before it are replaced, and replace nothing. They are kept beside --out, where --layers finds
    them."""
    part: str
    """The statistics of this part of the calibration windows or images only, for example 2/8. --load-calibration adds
    the files of all parts up, as --layers does those of a block."""
    layers: str | list[str]
    """Replace only layers with such full names, in which * stands for any characters and ? for one, and keep them
    beside --out, where --assemble finds them. Any number of processes may do so at the same time, each with layers of
    its own."""
    assemble: bool
    """Write --out from the layers that were replaced with --layers."""
    list_layers: bool
    """List the layers that would be replaced, with what they are predicted to take, and replace nothing."""
    layout: Literal["dense", "merged", "csr", "bitmask"] | list[Literal["dense", "merged", "csr", "bitmask"]]
    """What to write: merged, a model like the one that was given, with the products of the factors; or a model that
    keeps its factors and runs on them (bitmask is the smallest). After merged, with a comma: the factors beside it."""
    dtype: Literal["f32", "f16", "bf16"]
    """Number format of the factors where they are kept apart [default: f32]."""
    backend: Literal["cpu", "gpu", "auto"]
    """Where to compute the runs of dsf."""
    threads: int
    """Worker threads; the result does not depend on them [default: all processors]."""
    force: bool
    """Replace an existing output, and drop the beginnings of another one."""


class FinetuneOptions(TypedDict, total=False):
    """Options of `finetune`."""

    text: Path
    """Text to train on [default for the built-in model: stories of its language, without end]."""
    images: Path
    """Of a residual network: labelled images to train on, as of `accuracy` [default for the built-in network: pictures
    as it was trained on, without end]."""
    held_out: Path
    """Text, or images, not trained on: the values with the lowest loss there are kept [default: the last tenth of the
    text, every tenth image; for the built-in models other stories or pictures]."""
    distill: Path | bool
    """Learn the predictions of this model, the dense one, in place of the text's next tokens; without a folder those of
    the built-in model."""
    blockwise: bool
    """Tune one block after the other, so that each gives what the block of the model of --distill gives; needs one
    block in memory."""
    steps: int
    """Steps, each on one batch [default: 200]."""
    epochs: float
    """Passes over the text or the images, in place of a number of steps."""
    learning_rate: float
    """Learning rate at its peak [default: 0.0005 with adamw, 0.05 with sgd, and a quarter of it where values get worse
    than untuned; 0.01 with sgd of a residual network]."""
    decay: Literal["linear", "cosine", "constant"]
    """How the learning rate falls after the warm-up."""
    warm_up: int
    """Steps in which the learning rate rises to its peak [default: 3 % of all, none of a residual network]."""
    batch: int
    """Windows of a step; of a residual network images, 128 unless it is given."""
    context: int
    """Tokens of a window, of which the first is not predicted [default: 256, or as many as the model has positions]."""
    optimizer: Literal["adamw", "sgd"]
    """What makes a step of a gradient; of a residual network sgd unless it is given."""
    weight_decay: float
    """What of the weights is taken off in each step, times the learning rate; norms and biases are left alone [default:
    0.01 with adamw, 0.0001 with sgd]."""
    momentum: float
    """Nesterov momentum of sgd."""
    beta1: float
    """How slowly adamw's mean of the gradients follows them."""
    beta2: float
    """How slowly adamw's mean of their squares follows them."""
    clip: float
    """Norm of all gradients together above which they are scaled down to it; 0 never does, as of a residual network
    unless it is given."""
    train: Literal["values", "values+norms", "all"]
    """What is trained; of a residual network values+norms unless it is given."""
    every: int
    """Steps from one held-out loss to the next [default: a tenth of all]."""
    patience: int
    """Held-out losses without a better one after which it ends [default: it goes on to the last step]."""
    seed: int
    """Of the order of the windows or images, and of the built-in models' stories and pictures."""
    estimate: bool
    """Only say how much memory it takes."""
    layout: Literal["dense", "merged", "csr", "bitmask"] | list[Literal["dense", "merged", "csr", "bitmask"]]
    """What to write, as of `compress` [default: what DIR has]."""
    mean: str
    """What is taken off each colour, scaled to 0 to 1 [default: 0.485,0.456,0.406, or what preprocessor_config.json
    says]."""
    std: str
    """What each colour is divided by after that [default: 0.229,0.224,0.225, or what preprocessor_config.json says]."""
    dtype: Literal["f32", "f16", "bf16"]
    """Number format of the factors where they are kept apart [default: that of DIR's]."""
    threads: int
    """Worker threads; the result does not depend on them [default: all processors]."""
    force: bool
    """Replace an existing output, and drop the beginnings of another one."""


class PerplexityOptions(TypedDict, total=False):
    """Options of `perplexity`."""

    context: int
    """Tokens of a window; its first one is not predicted."""
    tokens: int
    """Only the first so many tokens of the text [default: all; of the built-in model's stories 32768]."""
    threads: int
    """Worker threads [default: all processors]."""


class AccuracyOptions(TypedDict, total=False):
    """Options of `accuracy`."""

    mean: str
    """What is taken off each colour, scaled to 0 to 1 [default: 0.485,0.456,0.406, or what preprocessor_config.json
    says]."""
    std: str
    """What each colour is divided by after that [default: 0.229,0.224,0.225, or what preprocessor_config.json says]."""
    limit: int
    """Only the first so many images [default for the built-in pictures, which have no end: 1000]."""
    logits: bool
    """Also what the network computed of each image (only with --json)."""
    threads: int
    """Worker threads; the result does not depend on them [default: all processors]."""

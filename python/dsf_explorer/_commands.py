"""Whole models: the commands of the command line, as functions.

An option is the flag of the same name, with underscores for hyphens. What a command says of its flags holds for the arguments.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
from collections.abc import Mapping
from typing import Any, Unpack

from . import _native
from ._layer import Path
from ._options import AccuracyOptions, CompressOptions, FinetuneOptions, PerplexityOptions
from ._progress import Tell, note, teller


def compress(
    model: Path | None = None,
    out: Path | None = None,
    *,
    progress: Tell | bool | None = None,
    **options: Unpack[CompressOptions],
) -> dict[str, Any]:
    """Compresses the layers of a language model or a residual network, one after the other.

    model
        A folder of Hugging Face or timm, or a file of weights; None for the built-in language model, "glyphs" for the
        built-in network.
    out
        Folder for the result. A call that was interrupted goes on where it was.

    Returns the totals and every layer's report, with the keys of `dsf-explorer compress --json`.
    """
    return _call("compress", model, {"out": out, **options}, progress)


def finetune(
    model: Path,
    out: Path | None = None,
    *,
    progress: Tell | bool | None = None,
    **options: Unpack[FinetuneOptions],
) -> dict[str, Any]:
    """Tunes the values of a model that `compress` wrote; the nonzeros stay where they are.

    Returns the losses before and after, with the keys of `dsf-explorer finetune --json`.
    """
    return _call("finetune", model, {"out": out, **options}, progress)


def perplexity(
    model: Path | None = None,
    text: Path | None = None,
    *,
    progress: Tell | bool | None = None,
    **options: Unpack[PerplexityOptions],
) -> dict[str, Any]:
    """How well a language model predicts a text; without them the built-in model on its stories.

    Returns perplexity, nll and tokens, with the keys of `dsf-explorer perplexity --json`.
    """
    return _call("perplexity", model, {"text": text, **options}, progress)


def accuracy(
    model: Path | None = None,
    images: Path | None = None,
    *,
    progress: Tell | bool | None = None,
    **options: Unpack[AccuracyOptions],
) -> dict[str, Any]:
    """How many images a residual network recognizes; without them the built-in network on its pictures.

    Returns accuracy, loss and per_class, with the keys of `dsf-explorer accuracy --json`.
    """
    return _call("accuracy", model, {"images": images, **options}, progress)


def _call(command: str, model: Path | None, options: Mapping[str, Any], progress: Tell | bool | None) -> dict[str, Any]:
    words = [command, "--json", *_words(command, options)]
    if model is not None:
        words += ["--", os.fspath(model)]
    return json.loads(_native.call(words, teller(progress), note))


@functools.cache
def _known(command: str) -> dict[str, dict[str, Any]]:
    """The options of a command that have flags, by name."""
    options = json.loads(_native.options(command))
    return {option["name"]: option for option in options if option["flag"] and option["name"] != "json"}


def _words(command: str, options: Mapping[str, Any]) -> list[str]:
    """The flags of these options."""
    known = _known(command)
    words = []
    for name, value in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{command}() has no option {name!r}{hint}")
        if value is not None:
            words += _flags(known[name], value)
    return words


def _flags(option: Mapping[str, Any], value: Any) -> list[str]:
    name, flag, kind = option["name"], f"--{option['flag']}", option["kind"]
    if kind in ("yes", "no"):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, not {value!r}")
        return [flag] if value == (kind == "yes") else []
    if kind == "optional" and isinstance(value, bool) and option["value"] != "bool":
        return [flag] if value else []
    if isinstance(value, Mapping):
        value = [f"{key}={_text(name, one)}" for key, one in value.items()]
    several = value if kind == "several" and isinstance(value, (list, tuple)) else [value]
    return [f"{flag}={_text(name, one)}" for one in several]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if hasattr(value, "item"):  # NumPy's numbers
        return repr(value.item())
    raise TypeError(f"{name} cannot be {value!r}")

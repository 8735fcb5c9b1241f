"""A whole model on many machines, with Ray.

    import ray
    from dsf_explorer.ray import compress

    ray.init(address="auto")
    compress("llama", "/shared/llama-30", density=0.3, calibration_text="/shared/text.txt", parts=16)

The machines share the folder that is written to, and that the model is read from. Nothing here schedules, tries again or moves
data: each task is a call of `dsf_explorer.compress` for a part of the statistics or for one layer, whose result is a file. A task
that Ray runs twice writes the same file; a call that was interrupted goes on where it was.
"""

from __future__ import annotations

import os
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any, Unpack

import ray

from . import _commands
from ._error import Error, Note
from ._layer import Path
from ._options import CompressOptions
from ._progress import Tell, teller

__all__ = ["compress"]

# What is said to each task by itself.
_OWN = ("statistics_only", "part", "save_calibration", "load_calibration", "layers", "assemble", "list_layers")
# What makes layers depend on each other.
_TOGETHER = ("distribute", "flops", "blockwise")
# What is read only while statistics are collected.
_OF_STATISTICS = ("calibration_text", "calibration_samples", "calibration_context")


def compress(
    model: Path | None,
    out: Path,
    *,
    parts: int = 1,
    progress: Tell | bool | None = None,
    resources: dict[str, Any] | None = None,
    **options: Unpack[CompressOptions],
) -> dict[str, Any]:
    """Compresses a model as `dsf_explorer.compress(model, out, parallel=True, …)` does, to the same bits, on Ray's cluster.

    parts
        Into how many the calibration windows are divided; their statistics add up. With one part the result is that of one
        machine to the last bit; with more, sums of f32 are rounded otherwise.
    resources
        Other options of the tasks, as Ray's `options` takes them, such as `{"max_retries": -1}`. Each task asks for as many CPUs as
        `threads` says, 1 by default, and for the memory that its layer is predicted to take.
    progress
        True for a line on standard error, or a function that is called with a `Progress` after each task; where it returns
        False, or on Ctrl-C, the tasks are cancelled.

    The paths must be the same on every machine. Statistics are kept in `<out>.statistics`, finished layers in `<out>.partial`.
    """
    for name in options:
        if name in _OWN:
            raise TypeError(f"{name} is what a task is told: it is not for all of them")
        if name in _TOGETHER or options.get("parallel") is False:
            raise TypeError(f"{name} makes layers wait for each other: give density_of, and parallel=True or nothing")
    threads = options.get("threads") or 1
    if parts < 1 or threads < 1:
        raise ValueError(f"parts is {parts} and threads {threads}: give at least 1 of each")
    if not ray.is_initialized():
        ray.init()
    out = os.path.abspath(out)
    model = model if model is None or not os.path.exists(model) else os.path.abspath(model)
    common: dict[str, Any] = {**options, "parallel": True, "threads": threads}
    of_layers: dict[str, Any] = {name: value for name, value in common.items() if name not in _OF_STATISTICS}
    layers = _commands.compress(model, list_layers=True, **common)["layers"]
    tell, given = teller(progress), {"num_cpus": threads, **(resources or {})}

    folder = pathlib.Path(f"{out}.statistics")
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}-of-{parts}.safetensors" for number in range(1, parts + 1)]
    task = ray.remote(_task)
    begun = [
        task.options(name=f"statistics {number} of {parts}", **given).remote(
            model, None, {**common, "statistics_only": True, "save_calibration": file, "part": f"{number}/{parts}"}
        )
        for number, file in enumerate(files, 1)
        if not file.exists()
    ]
    _finish(begun, tell, "statistics")

    of_layers |= {"load_calibration": [os.fspath(file) for file in files]}
    begun = [
        task.options(name=layer["name"], **{"memory": _memory(layer), **given}).remote(
            model, out, {**of_layers, "layers": layer["name"]}
        )
        # The longest first: what is left at the end is short.
        for layer in sorted(layers, key=lambda layer: -layer["seconds"])
    ]
    _finish(begun, tell, "layers")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*of the work was there already", Note)  # all of it, as it must
        totals = _commands.compress(model, out, assemble=True, **of_layers)
    for file in files:
        file.unlink()
    folder.rmdir()
    return totals


def _memory(layer: dict[str, Any]) -> int:
    """Bytes that a layer's task takes: what its run is predicted to take, and XᵀX in f64, in f32 and once more to be factorized."""
    return (layer["solver_bytes"] or 4 * layer["rows"] * layer["cols"]) + 16 * layer["cols"] ** 2


def _task(model: Path | None, out: Path | None, options: dict[str, Any]) -> None:
    """One part of the statistics, or one layer: on a worker, whose result is a file."""
    _commands.compress(model, out, **options)


def _finish(tasks: list[Any], tell: Any, what: str) -> None:
    """Waits for all tasks."""
    waiting = list(tasks)
    try:
        for done in _done(waiting):
            ray.get(done)
            if not tell((len(tasks) - len(waiting)) / len(tasks), what, None):
                raise Error("cancelled", "the same call goes on from there")
    finally:
        for task in waiting:
            ray.cancel(task, force=True)


def _done(waiting: list[Any]) -> Iterator[Any]:
    """The tasks as they end; those that have not ended are left in `waiting`."""
    while waiting:
        [done], waiting[:] = ray.wait(waiting)
        yield done

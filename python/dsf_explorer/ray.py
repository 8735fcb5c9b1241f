"""A whole model on many machines, with Ray.

    import ray
    from dsf_explorer.ray import compress

    ray.init(address="auto")
    compress("llama", "/shared/llama-30", density=0.3, calibration_text="/shared/text.txt", parts=16)

The machines share the folder that is written to, and that the model is read from. Nothing here schedules, tries again or moves
data: each task is a call of `dsf_explorer.compress` for a part of the statistics or for one layer, whose result is a file. A task
that Ray runs twice writes the same file; a call that was interrupted goes on where it was.

By default all layers are tasks at once: each sees what the dense model gives it. With `parallel="block"` those of a block are,
and see the blocks before it compressed, which is often better for the model.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
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
_OWN = (
    "statistics_only",
    "statistics_of_block",
    "part",
    "save_calibration",
    "load_calibration",
    "layers",
    "assemble",
    "list_layers",
)
# What makes layers depend on each other.
_TOGETHER = ("distribute", "flops", "blockwise")
# What is read only while statistics are collected.
_OF_STATISTICS = ("calibration_text", "calibration_samples", "calibration_context")
# What else decides what is collected: whether the loss's gradients are.
_OF_GRADIENTS = ("method", "preset", "output_power")


def compress(
    model: Path | None,
    out: Path,
    *,
    parts: int = 1,
    progress: Tell | bool | None = None,
    resources: dict[str, Any] | None = None,
    **options: Unpack[CompressOptions],
) -> dict[str, Any]:
    """Compresses a model as `dsf_explorer.compress(model, out, parallel=True, …)` does, to the same bits, on Ray's cluster; or as
    `dsf_explorer.compress(model, out, parallel="block", …)`, if that is given.

    parts
        Into how many the calibration windows are divided; their statistics add up. With one part the result is that of one
        machine to the last bit; with more, sums of f32 are rounded otherwise.
    resources
        Other options of the tasks, as Ray's `options` takes them, such as `{"max_retries": -1}`. Each task asks for as many CPUs as
        `threads` says, 1 by default, and for the memory that its layer is predicted to take.
    progress
        True for a line on standard error, or a function that is called with a `Progress` after each task; where it returns
        False, or on Ctrl-C, the tasks are cancelled.

    The paths must be the same on every machine. Finished layers are kept in `<out>.partial`, the statistics in
    `<out>.statistics`, or one block's at a time in `<out>.partial`.
    """
    for name in options:
        if name in _OWN:
            raise TypeError(f"{name} is what a task is told: it is not for all of them")
        if name in _TOGETHER:
            raise TypeError(f"{name} makes layers wait for each other: give density_of")
    parallel = options.get("parallel")
    if parallel not in (None, True, "all", "block"):
        raise TypeError(f"with parallel={parallel!r} layers wait for each other: give 'block', or True")
    threads = options.get("threads") or 1
    if parts < 1 or threads < 1:
        raise ValueError(f"parts is {parts} and threads {threads}: give at least 1 of each")
    if not ray.is_initialized():
        ray.init()
    out = os.path.abspath(out)
    model = model if model is None or not os.path.exists(model) else os.path.abspath(model)
    common: dict[str, Any] = {**options, "parallel": parallel or True, "threads": threads}
    layers = _commands.compress(
        model, list_layers=True, **{name: value for name, value in common.items() if name not in _OF_STATISTICS}
    )["layers"]
    work = _Work(model, out, parts, {"num_cpus": threads, **(resources or {})}, teller(progress), layers)
    return work.by_blocks(common) if parallel == "block" else work.at_once(common)


class _Work:
    """Tasks of a compression, and who is told of them."""

    def __init__(
        self,
        model: Path | None,
        out: Path,
        parts: int,
        given: dict[str, Any],
        tell: Any,
        layers: list[dict[str, Any]],
    ) -> None:
        self.model, self.out, self.parts, self.given, self.tell, self.layers = model, out, parts, given, tell, layers
        self.task = ray.remote(_task)

    def at_once(self, common: dict[str, Any]) -> dict[str, Any]:
        """All layers, with statistics of the dense model."""
        folder = self.statistics_folder(common)
        files = [folder / f"{number}-of-{self.parts}.safetensors" for number in range(1, self.parts + 1)]
        begun = [
            self.task.options(name=f"statistics {number} of {self.parts}", **self.given).remote(
                self.model,
                None,
                {**common, "force": True, "statistics_only": True, "save_calibration": file, "part": f"{number}/{self.parts}"},
            )
            for number, file in enumerate(files, 1)
            if not file.exists()
        ]
        self.finish(begun, "statistics", (0, len(begun)))
        of_layers = {name: value for name, value in common.items() if name not in _OF_STATISTICS}
        of_layers |= {"load_calibration": [os.fspath(file) for file in files]}
        self.finish(self.begin(self.layers, of_layers), "layers", (0, len(self.layers)))
        totals = self.assemble(of_layers)
        shutil.rmtree(folder, ignore_errors=True)
        return totals

    def statistics_folder(self, common: dict[str, Any]) -> pathlib.Path:
        """Where the statistics are collected; what an earlier call left there of another model or text is deleted."""
        folder = pathlib.Path(f"{self.out}.statistics")
        told = {name: value for name, value in common.items() if name in _OF_STATISTICS + _OF_GRADIENTS}
        files = [_stamp(path) for path in (self.model, told.get("calibration_text"))]
        what = {"model": self.model, "parts": self.parts, "options": told, "files": files}
        identity, now = folder / "work.json", json.dumps(what, sort_keys=True, default=str)
        if folder.exists() and (not identity.exists() or identity.read_text() != now):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        identity.write_text(now)
        return folder

    def by_blocks(self, common: dict[str, Any]) -> dict[str, Any]:
        """Block after block, each with statistics of what the compressed ones before it give."""
        done, all_layers = 0, len(self.layers)
        for block in range(max((layer["block"] for layer in self.layers), default=-1) + 1):
            begun = [
                self.task.options(name=f"statistics of block {block}, {number} of {self.parts}", **self.given).remote(
                    self.model, self.out, {**common, "statistics_of_block": block, "part": f"{number}/{self.parts}"}
                )
                for number in range(1, self.parts + 1)
            ]
            self.finish(begun, "statistics", (done, all_layers), counts=False)
            of_block = [layer for layer in self.layers if layer["block"] == block]
            self.finish(self.begin(of_block, common), "layers", (done, all_layers))
            done += len(of_block)
        return self.assemble(common)

    def begin(self, layers: list[dict[str, Any]], options: dict[str, Any]) -> list[Any]:
        """A task for each layer, the longest first: what is left at the end is short."""
        return [
            self.task.options(name=layer["name"], **{"memory": _memory(layer), **self.given}).remote(
                self.model, self.out, {**options, "layers": layer["name"]}
            )
            for layer in sorted(layers, key=lambda layer: -layer["seconds"])
        ]

    def finish(self, tasks: list[Any], what: str, share: tuple[int, int], counts: bool = True) -> None:
        """Waits for all tasks, of which `share` is done before, of how many; they count towards it, if `counts`."""
        (before, of), waiting = share, list(tasks)
        try:
            for done in _done(waiting):
                ray.get(done)
                ended = len(tasks) - len(waiting) if counts else 0
                if not self.tell((before + ended) / of, what, None):
                    raise Error("cancelled", "the same call goes on from there")
        finally:
            for task in waiting:
                ray.cancel(task, force=True)

    def assemble(self, options: dict[str, Any]) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*of the work was there already", Note)  # all of it, as it must
            return _commands.compress(self.model, self.out, assemble=True, **options)


def _memory(layer: dict[str, Any]) -> int:
    """Bytes that a layer's task takes: what its run is predicted to take, and XᵀX in f64, in f32 and once more to be factorized."""
    return (layer["solver_bytes"] or 4 * layer["rows"] * layer["cols"]) + 16 * layer["cols"] ** 2


def _stamp(path: Path | None) -> list[tuple[str, int, int]]:
    """Names, sizes and times of a file, or of those in a folder."""
    if path is None or not os.path.exists(path):
        return []
    folder = pathlib.Path(path)
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]


def _task(model: Path | None, out: Path | None, options: dict[str, Any]) -> None:
    """One part of the statistics, or one layer: on a worker, whose result is a file."""
    _commands.compress(model, out, **options)


def _done(waiting: list[Any]) -> Iterator[Any]:
    """The tasks as they end; those that have not ended are left in `waiting`."""
    while waiting:
        [done], waiting[:] = ray.wait(waiting)
        yield done

"""How long work tells where it stands."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from ._error import Note


class Progress(NamedTuple):
    """Where work stands."""

    share: float
    """Share of it that is done, from 0 to 1. Before and after its main part a command may measure the model, from 0 on."""
    what: str
    """What it is about: a stage of a run, a layer, or what is measured."""
    error: float | None
    """Error so far, of a run."""


Tell = Callable[[Progress], object]
"""Called now and then with the progress; what it returns goes by unless it is False, which cancels the work."""


def teller(progress: Tell | bool | None) -> Callable[[float, str, float | None], bool]:
    """A function that tells of progress, and says whether to go on."""
    if progress is True:
        progress = _Line()
    if not progress:
        return lambda share, what, error: True
    return lambda share, what, error: progress(Progress(share, what, error)) is not False


def note(text: str) -> None:
    """Says something beside a result."""
    warnings.warn(text, Note, stacklevel=4)


class _Line:
    """One line that changes: on standard error, or in a notebook; where that is neither, a line for each tenth."""

    def __init__(self) -> None:
        self.tenth = 0
        self.width = 0
        self.shown = 0.0
        self.cell: Any = None

    def __call__(self, progress: Progress) -> None:
        error = "" if progress.error is None else f", error {progress.error:.4f}"
        text = f"{100 * progress.share:3.0f} %  {progress.what}{error}"
        over = progress.share >= 1
        if not over and time.monotonic() - self.shown < 0.1:
            return
        self.shown = time.monotonic()
        if "ipykernel" in sys.modules:
            self.in_notebook(text)
        elif sys.stderr.isatty():
            print("\r" + text.ljust(self.width), end="\n" if over else "", file=sys.stderr, flush=True)
            self.width = len(text)
        elif int(10 * progress.share) != self.tenth:
            self.tenth = int(10 * progress.share)
            print(text, file=sys.stderr, flush=True)

    def in_notebook(self, text: str) -> None:
        from IPython.display import display

        line = {"text/plain": text}
        if self.cell is None:
            self.cell = display(line, raw=True, display_id=True)
        else:
            self.cell.update(line, raw=True)

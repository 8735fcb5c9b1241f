"""Double Sparse Factorization: a weight matrix W as the product A·B of two sparse ones.

    >>> import dsf_explorer as dsf
    >>> made = dsf.factorize(W, density=0.25)   # W: an array [out, in] of NumPy or torch
    >>> made.A, made.B                          # scipy.sparse arrays, [out, k] and [k, in]
    >>> made.relative_error                     # ‖W − A·B‖ / ‖W‖

`prune` replaces W by any other method at the same number of nonzeros. `compress`, `finetune`, `perplexity` and `accuracy` work
on whole models, as the commands of the same names do. `dsf_explorer.torch` has modules that run on two sparse factors.
"""

from ._commands import accuracy, compress, finetune, perplexity
from ._error import Error, Note
from ._layer import Factorization, Replacement, XtX, factorize, prune, settings
from ._load import example, load
from ._progress import Progress

__all__ = [
    "Error",
    "Factorization",
    "Note",
    "Progress",
    "Replacement",
    "XtX",
    "accuracy",
    "compress",
    "example",
    "factorize",
    "finetune",
    "load",
    "perplexity",
    "prune",
    "settings",
]

"""What the package's tests share. Tests with the project's data say that they are skipped where DSF_TEST_DATA is not set."""

import os
import pathlib
import subprocess

import numpy as np
import pytest


def weight(rows, cols, seed=0):
    """A weight with heavier and lighter rows, as those of layers are."""
    generator = np.random.default_rng(seed)
    scale = np.exp(0.5 * generator.standard_normal((rows, 1)))
    return (scale * generator.standard_normal((rows, cols))).astype(np.float32)


@pytest.fixture(scope="session")
def data():
    """The folder of the project's data."""
    folder = os.environ.get("DSF_TEST_DATA")
    if folder is None:
        pytest.skip("DSF_TEST_DATA is not set")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def program():
    """Runs the program of the command line, which `DSF_TEST_PROGRAM` names."""
    path = os.environ.get("DSF_TEST_PROGRAM")
    if path is None:
        pytest.skip("DSF_TEST_PROGRAM is not set")

    def run(*words):
        done = subprocess.run([path, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run

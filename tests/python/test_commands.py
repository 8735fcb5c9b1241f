"""Whole models."""

import json
import pathlib
import subprocess
import sys

import pytest

import dsf_explorer as dsf
from dsf_explorer import _commands

ROOT = pathlib.Path(__file__).parents[2]


def test_compress_and_perplexity_are_the_command_lines(tmp_path, data, program):
    text = tmp_path / "text.txt"
    text.write_text((data / "text" / "tinystories_val.txt").read_text(encoding="utf-8")[:20_000], encoding="utf-8")
    model = data / "stories260k"
    options = {"density": 0.5, "preset": "fast", "calibration_samples": 8, "calibration_text": text}
    ours = dsf.compress(model, tmp_path / "ours", **options)
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    theirs = json.loads(program("compress", model, "--out", tmp_path / "theirs", *words, "--json"))
    assert [layer["relative_error"] for layer in ours["layers"]] == [layer["relative_error"] for layer in theirs["layers"]]
    tensors = "model.safetensors"
    assert (tmp_path / "ours" / tensors).read_bytes() == (tmp_path / "theirs" / tensors).read_bytes()
    loss = dsf.perplexity(tmp_path / "ours", text)
    assert loss["nll"] == json.loads(program("perplexity", tmp_path / "theirs", "--text", text, "--json"))["nll"]
    assert loss["perplexity"] > dsf.perplexity(model, text)["perplexity"]


def test_a_network_is_compressed_tuned_and_measured(tmp_path):
    layers = {"layer3.0.conv1": 0.5, "layer3.1.conv2": 1}
    made = dsf.compress("glyphs", tmp_path / "a", method="magnitude", density=0.1, density_of=layers, layout="bitmask", limit=200)
    densities = {layer["tensor"]: layer["nnz"] / (layer["rows"] * layer["cols"]) for layer in made["layers"]}
    assert densities["layer3.0.conv1.weight"] == 0.5 and "layer3.1.conv2.weight" not in densities
    assert densities["layer3.0.conv2.weight"] == pytest.approx(0.1, abs=1e-3)
    tuned = dsf.finetune(tmp_path / "a", tmp_path / "b", steps=20, batch=16, every=10)
    assert tuned["nnz_after"] == tuned["nnz_before"] and tuned["loss_after"] < tuned["loss_before"]
    before, after = (dsf.accuracy(tmp_path / folder, limit=200) for folder in "ab")
    assert before["images"] == after["images"] == 200 and before["loss"] != after["loss"]
    # What was written as bit masks is read as one sparse matrix for each layer.
    loaded = dsf.load(tmp_path / "b")
    assert len(loaded) == len(made["layers"])
    assert {len(layer.matrices) for layer in loaded.values()} == {1}


@pytest.mark.filterwarnings("ignore:.*worse than the")
def test_cancelled_a_compression_goes_on_where_it_was(tmp_path):
    seen = []

    def half(progress):
        seen.append(progress)
        return not progress.what.startswith("layer3.1")

    with pytest.raises(dsf.Error, match="cancelled"):
        dsf.compress("glyphs", tmp_path / "a", preset="fast", outer=6, density=0.3, limit=100, progress=half)
    assert not (tmp_path / "a").exists() and 0.5 <= seen[-1].share < 1
    with pytest.warns(dsf.Note, match="of the work was there already"):
        dsf.compress("glyphs", tmp_path / "a", preset="fast", outer=6, density=0.3, limit=100)
    dsf.compress("glyphs", tmp_path / "b", preset="fast", outer=6, density=0.3, limit=100)
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"density": 0.5}, ["--density=0.5"]),
        ({"warm_start": False, "finalize": True}, ["--no-warm-start"]),
        ({"exact": False}, ["--exact=false"]),
        ({"exact": True, "parallel": True, "force": False}, ["--exact=true", "--parallel"]),
        ({"layout": ["merged", "bitmask"]}, ["--layout=merged", "--layout=bitmask"]),
        ({"distribute": True}, ["--distribute"]),
        ({"distribute": "obc"}, ["--distribute=obc"]),
        ({"out": pathlib.Path("a b")}, ["--out=a b"]),
        ({"seed": None}, []),
    ],
)
def test_options_become_flags(options, words):
    assert _commands._words("compress", options) == words


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: dsf.compress(densty=0.3), TypeError, "did you mean 'density'"),
        (lambda: dsf.compress(density="x"), dsf.Error, "invalid value 'x'"),
        (lambda: dsf.compress(blockwise=3), TypeError, "True or False"),
        (lambda: dsf.compress(density=[]), TypeError, "density cannot be"),
        (lambda: dsf.compress("--nowhere"), dsf.Error, "does not exist"),
        (lambda: dsf.perplexity("nowhere"), dsf.Error, "does not exist"),
        (lambda: dsf.accuracy("glyphs", "nowhere"), dsf.Error, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_the_options_types_are_the_command_lines_own():
    """`python python/make_options.py` was run after the last change of a flag."""
    sys.path.append(str(ROOT / "python"))
    import make_options

    assert make_options.FILE.read_text(encoding="utf-8") == make_options.made()


def test_the_package_brings_the_program(tmp_path):
    def run(*words):
        return subprocess.run([sys.executable, "-m", "dsf_explorer", *words], cwd=tmp_path, capture_output=True, text=True)

    done = run("inspect", "--help")
    assert done.returncode == 0 and "Usage: dsf-explorer inspect" in done.stdout
    done = run("inspect", "nowhere")
    assert done.returncode == 1 and done.stderr.startswith("error: nowhere does not exist")
    assert run("--nonsense").returncode == 2

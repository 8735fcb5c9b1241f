"""The examples of docs/python.md run, one after the other."""

import json
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    names, ran = {}, 0
    for block in blocks:
        for module in re.findall(r"^(?:import|from) (torch|transformers)", block, re.MULTILINE):
            pytest.importorskip(module)
        if "load_model" in block:
            pytest.importorskip("transformers")
        exec(compile(block, str(PAGE), "exec"), names)
        ran += 1
        # What a reader sees of the first.
        if ran == 1:
            shapes, error, pruned = capsys.readouterr().out.splitlines()
            assert shapes.startswith("(256, ") and shapes.endswith(" 16384") and float(error) < float(pruned)


def test_the_notebook_runs(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    notebook = json.loads((PAGE.parents[1] / "examples" / "layer.ipynb").read_text(encoding="utf-8"))
    names = {}
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "it is kept without what it prints"
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "layer.ipynb", "exec"), names)
            pyplot.close("all")
    errors = names["errors"]
    best, published, one = errors["two sparse matrices (best)"], errors["two sparse matrices (as published)"], errors["one sparse matrix"]
    assert all(x < y < z for x, y, z in zip(best, published, one))

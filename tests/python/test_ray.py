"""A compression on a cluster of several nodes in one machine."""

import json
import os
import pathlib

import pytest

import dsf_explorer as dsf

ray = pytest.importorskip("ray")
from dsf_explorer.ray import compress  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

OPTIONS = {"preset": "fast", "density": 0.4, "calibration_samples": 8}


@pytest.fixture
def cluster():
    """A head, which runs no tasks, and two nodes of one processor each."""
    quick = {"health_check_period_ms": 500, "health_check_failure_threshold": 2, "health_check_initial_delay_ms": 500}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=made.address, log_to_driver=False)
    yield made, nodes
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def source(data, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text((data / "text" / "tinystories_val.txt").read_text(encoding="utf-8")[:40_000], encoding="utf-8")
    return data / "stories260k", {**OPTIONS, "calibration_text": text}


def tensors(folder):
    return (folder / "model.safetensors").read_bytes()


def test_a_killed_node_changes_nothing(cluster, source, tmp_path):
    """Same factors, bit for bit, as one machine's; the layers in work on the killed node are computed on the other."""
    made, nodes = cluster
    model, options = source
    dsf.compress(model, tmp_path / "one", parallel=True, **options)
    told = []

    def kill(progress):
        told.append(progress)
        if progress.what == "layers" and progress.share > 0.2 and len(nodes) == 2:
            # Not the one that this process has its connection from.
            own = ray.get_runtime_context().get_node_id()
            nodes.remove(killed := next(node for node in nodes if node.node_id != own))
            made.remove_node(killed, allow_graceful=False)

    totals = compress(model, tmp_path / "many", progress=kill, **options)
    assert len(nodes) == 1 and told[-1].share == 1
    assert tensors(tmp_path / "many") == tensors(tmp_path / "one")
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    errors = lambda of: {layer["tensor"]: layer["relative_error"] for layer in of["layers"]}
    assert errors(totals) == errors(report)
    assert sorted(os.listdir(tmp_path)) == ["many", "one", "text.txt"], "nothing is left over"


def test_block_after_block(cluster, source, tmp_path):
    """The blocks before a layer are compressed when it is: the same bits as one machine's, with a node killed on the way; and a
    second call goes on where the first was cancelled."""
    made, nodes = cluster
    model, options = source
    options = {**options, "preset": "best", "outer": 4, "parallel": "block"}
    dsf.compress(model, tmp_path / "one", **options)

    def until_half(progress):
        if progress.what == "layers" and progress.share > 0.2 and len(nodes) == 2:
            own = ray.get_runtime_context().get_node_id()
            nodes.remove(killed := next(node for node in nodes if node.node_id != own))
            made.remove_node(killed, allow_graceful=False)
        return progress.share < 0.5

    with pytest.raises(dsf.Error, match="cancelled"):
        compress(model, tmp_path / "many", progress=until_half, **options)
    layers = tmp_path / "many.partial" / "layers"
    before = {file.name: file.stat().st_mtime_ns for file in layers.glob("*.safetensors")}
    told = []

    def look(progress):
        told.append(progress)
        if progress.share < 1:
            assert before.items() <= {file.name: file.stat().st_mtime_ns for file in layers.glob("*.safetensors")}.items()

    compress(model, tmp_path / "many", progress=look, **options)
    assert len(before) >= 17 and len(nodes) == 1 and told[-1].share == 1
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert tensors(tmp_path / "many") == tensors(tmp_path / "one")
    assert sorted(os.listdir(tmp_path)) == ["many", "one", "text.txt"], "nothing is left over"
    # Not what the layers of the dense model give.
    dsf.compress(model, tmp_path / "dense", **{**options, "parallel": True})
    assert tensors(tmp_path / "dense") != tensors(tmp_path / "one")


def test_cancelled_it_goes_on_where_it_was(cluster, source, tmp_path):
    model, options = source

    def until_half(progress):
        return progress.what != "layers" or progress.share < 0.5

    with pytest.raises(dsf.Error, match="cancelled"):
        compress(model, tmp_path / "many", parts=2, progress=until_half, **options)
    layers = tmp_path / "many.partial" / "layers"
    before = {file.name: file.stat().st_mtime_ns for file in layers.glob("*.safetensors")}
    statistics = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "many.statistics").glob("*.safetensors")}
    assert before and sorted(statistics) == ["1-of-2.safetensors", "2-of-2.safetensors"]
    kept = {}

    def look(progress):
        if progress.what == "layers" and not kept:
            kept.update({name: (layers / name).stat().st_mtime_ns for name in before})

    compress(model, tmp_path / "many", parts=2, progress=look, **options)
    assert kept == before, "what was finished is not computed again"
    # Sums of two parts are those of one but for rounding.
    dsf.compress(model, tmp_path / "one", parallel=True, **options)
    errors = [
        [layer["layer_error"] for layer in json.loads((tmp_path / name / "report.json").read_text())["layers"]]
        for name in ["one", "many"]
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.05)


def test_statistics_of_another_text_are_not_taken(cluster, source, tmp_path):
    model, options = source
    with pytest.raises(dsf.Error, match="cancelled"):
        compress(model, tmp_path / "many", progress=lambda progress: progress.what != "statistics", **options)
    assert list((tmp_path / "many.statistics").glob("*.safetensors")), "those of the first text are there"
    other = tmp_path / "other.txt"
    other.write_text(" ".join(reversed(pathlib.Path(options["calibration_text"]).read_text().split())))
    options = {**options, "calibration_text": other}
    compress(model, tmp_path / "many", **options)
    dsf.compress(model, tmp_path / "one", parallel=True, **options)
    assert tensors(tmp_path / "many") == tensors(tmp_path / "one")


def test_what_cannot_be_spread_is_refused(source, tmp_path):
    model, options = source
    for wrong, says in [
        ({"distribute": True}, "wait for each other"),
        ({"parallel": False}, "wait for each other: give 'block'"),
        ({"statistics_of_block": 0}, "what a task is told"),
        ({"layers": "*"}, "what a task is told"),
    ]:
        with pytest.raises(TypeError, match=says):
            compress(model, tmp_path / "many", **options, **wrong)
    with pytest.raises(ValueError, match="at least 1"):
        compress(model, tmp_path / "many", parts=0, **options)

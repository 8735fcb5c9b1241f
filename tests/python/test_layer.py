"""factorize, prune and what they return."""

import json
import pickle
import signal
import threading
import time

import numpy as np
import pytest
import scipy.sparse
from conftest import weight
from safetensors.numpy import load_file

import dsf_explorer as dsf
from dsf_explorer._options import Settings

W = weight(48, 64)
X = weight(300, 64, seed=1)


def dense(matrix):
    return matrix.toarray() if scipy.sparse.issparse(matrix) else matrix


def distance(made, of=W):
    """‖W − Ŵ‖ / ‖W‖ in f64."""
    product = np.eye(made.shape[0])
    for matrix in made.matrices:
        product = product @ dense(matrix).astype(np.float64)
    return np.linalg.norm(of - product) / np.linalg.norm(of)


def same(one, other):
    """Whether two results have the same bits."""
    pairs = list(zip(one.matrices, other.matrices, strict=True))
    return all(a.shape == b.shape and np.array_equal(dense(a), dense(b)) for a, b in pairs)


def test_two_sparse_factors_with_the_nonzeros_asked_for():
    made = dsf.factorize(W, 0.25, "fast")
    assert isinstance(made, dsf.Factorization) and made.finished
    assert made.A.shape[0] == 48 and made.B.shape[1] == 64 and made.A.shape[1] == made.B.shape[0]
    assert made.nnz == made.A.nnz + made.B.nnz == 48 * 64 // 4
    assert made.relative_error == pytest.approx(distance(made), rel=1e-5)
    assert made.relative_error < dsf.prune(W, "magnitude", 0.25).relative_error
    assert np.allclose(made.to_dense(), (made.A @ made.B).toarray(), atol=1e-5)
    assert made.layer_error is None
    a, b = made.dense()
    assert np.array_equal(a, made.A.toarray()) and np.array_equal(b, made.B.toarray())


def test_magnitude_pruning_keeps_the_largest():
    made = dsf.prune(W, "magnitude", 0.1)
    kept = 48 * 64 // 10
    least = np.sort(np.abs(W), axis=None)[-kept]
    assert type(made) is dsf.Replacement
    assert np.array_equal(made.matrices[0].toarray(), np.where(np.abs(W) >= least, W, 0))


@pytest.mark.parametrize(
    "method", ["magnitude", "wanda", "admm", "sparsegpt", "obc", "svd", "monarch", "palm4msa", "hierarchical"]
)
def test_every_method(method):
    square = weight(64, 64)
    made = dsf.prune(square, method, 0.3, X)
    assert made.method == method and made.nnz <= 0.3 * 64 * 64
    assert made.relative_error == pytest.approx(distance(made, square), rel=1e-5)
    assert made.layer_error is not None
    assert same(pickle.loads(pickle.dumps(made)), made)


def test_inputs_and_their_product_are_the_same():
    by_inputs = dsf.factorize(W, 0.25, "fast", X)
    x = X.astype(np.float64)
    error = x @ (W - by_inputs.to_dense()).T.astype(np.float64)
    assert by_inputs.layer_error == pytest.approx((error**2).sum() / ((x @ W.T) ** 2).sum(), rel=1e-4)
    by_product = dsf.factorize(W, 0.25, "fast", dsf.XtX(x.T @ x))
    assert by_product.layer_error == pytest.approx(by_inputs.layer_error, rel=1e-2)
    # Its texts and tokens do not matter.
    assert same(dsf.factorize(W, 0.25, "fast", X.reshape(3, 100, 64)), by_inputs)
    held_out = dsf.factorize(W, 0.25, "fast", X, weight(200, 64, seed=2))
    assert held_out.report["layer_error_held_out"] > held_out.layer_error


def test_weights_of_outputs_count():
    first = np.where(np.arange(48) < 24, 100.0, 1.0)
    made = dsf.factorize(W, 0.25, "fast", output_weights=first)
    plain = dsf.factorize(W, 0.25, "fast")
    rows = lambda one: np.linalg.norm((W - one.to_dense())[:24])
    assert rows(made) < rows(plain)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_number_formats(dtype):
    typed = W.astype(dtype)
    assert same(dsf.factorize(typed, preset="fast"), dsf.factorize(typed.astype(np.float32), preset="fast"))


@pytest.mark.parametrize("make", [np.asfortranarray, lambda a: np.repeat(a, 2, 0)[::2], lambda a: a.astype(">f4")])
def test_any_order_in_memory(make):
    assert same(dsf.factorize(make(W), preset="fast"), dsf.factorize(W, preset="fast"))


def test_a_read_only_array_is_read():
    kept = W.copy()
    kept.flags.writeable = False
    assert same(dsf.factorize(kept, preset="fast"), dsf.factorize(W, preset="fast"))


def test_a_convolution_is_a_matrix_in_four_dimensions(tmp_path):
    made = dsf.factorize(W.reshape(48, 16, 2, 2), preset="fast", name="conv.weight")
    assert same(made, dsf.factorize(W, preset="fast"))
    made.save(tmp_path / "merged.safetensors", "merged")
    assert b'"shape":[48,16,2,2]' in (tmp_path / "merged.safetensors").read_bytes()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_result_does_not_depend_on_the_threads(threads):
    assert same(dsf.factorize(W, preset="fast", threads=threads), dsf.factorize(W, preset="fast"))


def test_settings():
    assert dsf.settings("published", 0.3)["outer"] == 40
    assert dsf.settings("published", outer=7, warm_start=False)["outer"] == 7
    made = dsf.factorize(W, 0.3, "published", outer=3, split="balanced", seed=5)
    assert len(made.report["history"]) == 3 and made.report["preset"] == "published"
    assert made.settings["split"] == "balanced" and made.settings["seed"] == 5
    assert dsf.settings("best").keys() == Settings.__annotations__.keys() | {"density"}


@pytest.mark.parametrize("preset", ["published", "fast", "best"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_the_numbers_are_the_command_lines(tmp_path, data, program, preset, calibrated):
    """All of a report, to the bit, but the time and where W was."""
    folder, name = data / "matrices", "minilm_l2_q"
    words = ["--tensor", name, "--preset", preset, "--density", 0.2]
    inputs = {}
    if calibrated:
        inputs = {"calibration": folder / f"{name}.cal.safetensors", "held_out": folder / f"{name}.held.safetensors"}
        words += [word for key, file in inputs.items() for word in (f"--{key.replace('_', '-')}", file)]
    words = ["factorize", folder / "weights.safetensors", *words]
    report = json.loads(program(*words, "--json"))
    program(*words, "--layout", "csr", "--out", tmp_path / "theirs.safetensors")
    made = dsf.factorize(load_file(folder / "weights.safetensors")[name], 0.2, preset, name=name, **inputs)
    for key in report.keys() - {"seconds", "source"}:
        assert report[key] == made.report[key], key
    made.save(tmp_path / "ours.safetensors", "csr")
    for file in ["ours", "theirs"]:
        [layer] = dsf.load(tmp_path / f"{file}.safetensors").values()
        assert same(layer, made)


@pytest.mark.parametrize("layout", ["dense", "csr", "bitmask"])
@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_what_is_saved_is_loaded(tmp_path, layout, dtype):
    made = dsf.factorize(W, preset="fast", name="block.0.q.weight")
    made.save(tmp_path / "a.safetensors", layout, dtype)
    loaded = dsf.load(tmp_path / "a.safetensors")
    assert list(loaded) == ["block.0.q"]
    layer = loaded["block.0.q"]
    assert np.array_equal(layer.A.indices, made.A.indices)
    tolerance = {"f32": 0, "f16": 2**-10, "bf16": 2**-7}[dtype]
    assert np.abs(layer.to_dense() - made.to_dense()).max() <= tolerance * np.abs(made.to_dense()).max() * 4 + 1e-6


def test_nothing_is_lost(tmp_path):
    made = dsf.factorize(W, preset="fast")
    path = tmp_path / "a.safetensors"
    made.save(path)
    before = path.read_bytes()
    with pytest.raises(dsf.Error, match="exists") as raised:
        made.save(path)
    assert raised.value.hint == "use force=True to replace it" and path.read_bytes() == before
    with pytest.raises(dsf.Error, match="safetensors"):
        made.save(tmp_path / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_pickled_it_is_the_same(tmp_path):
    made = dsf.factorize(W, 0.2, "fast", X)
    again = pickle.loads(pickle.dumps(made))
    assert same(again, made) and again.report == made.report and again.settings == made.settings
    # W, XᵀX and the factors once each.
    assert len(pickle.dumps(made)) < 4 * (W.size + 64 * 64) + 9 * made.nnz + 20_000
    made.save(tmp_path / "a.safetensors")
    again.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    with pytest.raises(dsf.Error, match="this version"):
        type(made._native).from_bytes(b"no")


def test_a_notebook_shows_errors_and_masks():
    page = dsf.factorize(W, preset="fast", calibration=X)._repr_html_()
    assert "Layer error" in page and page.count("data:image/png;base64,") == 5
    assert "relative error" in repr(dsf.prune(W))


def test_progress_is_told_and_ends_a_run():
    seen = []

    def tell(progress):
        seen.append(progress)
        return progress.share < 0.5

    with pytest.warns(dsf.Note, match="interrupted"):
        made = dsf.factorize(W, preset="published", outer=2000, progress=tell)
    assert not made.finished and made.nnz == 48 * 64 // 4
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares) and 0.5 <= shares[-1] < 1 and seen[0].what == "factorizing"
    assert made.relative_error == pytest.approx(distance(made), rel=1e-5)


def test_what_a_callback_raises_comes_out():
    def tell(progress):
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        dsf.factorize(W, preset="published", outer=100_000, progress=tell)


def test_ctrl_c_keeps_the_best():
    import _thread

    # A process that was started in the background of a script ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = threading.Event()

    def press():
        begun.wait()
        _thread.interrupt_main()

    threading.Thread(target=press).start()
    with pytest.warns(dsf.Note, match="interrupted"):
        made = dsf.factorize(W, preset="published", outer=1_000_000, progress=lambda progress: begun.set())
    signal.signal(signal.SIGINT, before)
    assert not made.finished and made.relative_error == pytest.approx(distance(made), rel=1e-5)


def test_other_threads_go_on():
    """Two runs at once, and a count beside them, none of which waits for the others' ends."""
    running, done = [], []

    def work():
        dsf.factorize(W, preset="published", outer=1_000_000, progress=lambda progress: not running or bool(running[0]))
        done.append(True)

    running.append(True)
    threads = [threading.Thread(target=work) for _ in range(2)]
    with pytest.warns(dsf.Note):
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        counted = 0
        while counted < 1000 and time.monotonic() < deadline:
            counted += 1
            time.sleep(0)
        assert counted == 1000 and not done
        running[0] = False
        for thread in threads:
            thread.join()
    assert len(done) == 2


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: dsf.factorize(W, 2.0), dsf.Error, "density is 2"),
        (lambda: dsf.factorize(W, 0.0001), dsf.Error, "at least one each"),
        (lambda: dsf.factorize(W, preset="quick"), dsf.Error, "published, best, fast"),
        (lambda: dsf.factorize(W, outer=-1), TypeError, "outer is -1"),
        (lambda: dsf.factorize(W, outer=0), dsf.Error, "outer is 0"),
        (lambda: dsf.factorize(W, oter=3), TypeError, "'oter' is no setting"),
        (lambda: dsf.factorize(W, split="halves"), TypeError, "split is \"halves\""),
        (lambda: dsf.factorize(W, threads=0), ValueError, "threads is 0"),
        (lambda: dsf.factorize(W, backend="cuda"), dsf.Error, "cpu, gpu, auto"),
        (lambda: dsf.factorize(W.astype(int)), TypeError, "int64"),
        (lambda: dsf.factorize(W[0]), ValueError, "shape"),
        (lambda: dsf.factorize(W[:0]), dsf.Error, "nonzeros"),
        (lambda: dsf.factorize(np.where(W == W[3, 4], np.nan, W)), dsf.Error, "row 3, column 4"),
        (lambda: dsf.factorize("W"), TypeError, "give one of float16"),
        (lambda: dsf.factorize(W, calibration=X[:, :5]), dsf.Error, "5 inputs where 64"),
        (lambda: dsf.factorize(W, calibration=X[0]), ValueError, "samples"),
        (lambda: dsf.factorize(W, calibration=dsf.XtX(X)), dsf.Error, "square"),
        (lambda: dsf.factorize(W, calibration="no.safetensors"), dsf.Error, "does not exist"),
        (lambda: dsf.factorize(W, output_weights=np.ones(3)), dsf.Error, "3 outputs where 48"),
        (lambda: dsf.prune(W, "wanda"), dsf.Error, "give a calibration"),
        (lambda: dsf.prune(W, "lottery"), dsf.Error, "magnitude, wanda"),
        (lambda: dsf.load("no.safetensors"), dsf.Error, "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(call, error, says):
    with pytest.raises(error, match=says):
        call()

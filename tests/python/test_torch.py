"""Modules of torch."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import weight

import dsf_explorer as dsf

torch = pytest.importorskip("torch")
from dsf_explorer.torch import DoubleSparseConv2d, DoubleSparseLinear, SparseLinear, load_model, replace  # noqa: E402
from torch import nn  # noqa: E402

W = weight(48, 64)
MADE = dsf.factorize(W, preset="fast")
BIAS = torch.linspace(-1, 1, 48)
X = torch.from_numpy(weight(37, 64, seed=3))


def linear():
    return DoubleSparseLinear.of(MADE, BIAS)


@pytest.mark.parametrize("shape", [(64,), (1, 64), (37, 64), (5, 7, 64), (0, 64)])
def test_the_kernels_give_the_product(shape):
    module, x = linear(), torch.from_numpy(weight(int(np.prod(shape[:-1], initial=1)), 64)).reshape(shape)
    expected = x.double() @ torch.from_numpy(MADE.to_dense()).double().T + BIAS
    with torch.no_grad():
        y = module(x)
    assert module._kernels is not None and y.shape == (*shape[:-1], 48)
    assert torch.allclose(y.double(), expected, atol=1e-5)
    assert torch.allclose(module(x).double(), expected, atol=1e-5), "by torch, with gradients"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_number_formats(dtype):
    typed = torch.from_numpy(W).to(dtype)
    made, plain = dsf.factorize(typed, preset="fast"), dsf.factorize(typed.float(), preset="fast")
    assert np.array_equal(made.A.data, plain.A.data) and np.array_equal(made.B.indices, plain.B.indices)
    module = DoubleSparseLinear.of(made, BIAS, dtype)
    with torch.no_grad():
        y = module(X.to(dtype))
        dense = X.to(dtype).float() @ module.float().weight.T + module.bias
    assert y.dtype == dtype and torch.allclose(y.float(), dense, atol=0.02 * dense.abs().max().item())


def test_tensors_with_strides_and_gradients_are_read():
    turned = nn.Parameter(torch.from_numpy(np.ascontiguousarray(W.T))).T
    assert np.array_equal(dsf.factorize(turned, preset="fast").A.data, MADE.A.data)
    a, b = MADE.torch()
    assert a.layout == torch.sparse_csr and torch.equal(a.to_dense(), MADE.torch("dense")[0])
    assert torch.allclose(a.to_dense() @ b.to_dense(), torch.from_numpy(MADE.to_dense()), atol=1e-5)
    with pytest.raises(TypeError, match="sparse_csr"):
        dsf.factorize(a)


def test_gradients_reach_the_values_and_the_zeros_stay():
    module, target = linear(), nn.Linear(64, 48)
    masks = [matrix.mask().clone() for matrix in module.matrices()]
    dense = [matrix.dense().detach().double().requires_grad_() for matrix in module.matrices()]
    (module(X) - target(X).detach()).square().sum().backward()
    # The gradient with respect to dense matrices, where the masks are.
    ((X.double() @ dense[1].T) @ dense[0].T + BIAS.double() - target(X).detach().double()).square().sum().backward()
    for matrix, mask, full in zip(module.matrices(), masks, dense):
        assert torch.allclose(matrix.values.grad.double(), full.grad[mask], rtol=1e-3, atol=1e-3)
    before = (module(X) - target(X)).square().mean().item()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(50):
        optimizer.zero_grad()
        (module(X) - target(X).detach()).square().mean().backward()
        optimizer.step()
    assert (module(X) - target(X)).square().mean().item() < 0.5 * before
    assert all(torch.equal(matrix.dense() != 0, mask) for matrix, mask in zip(module.matrices(), masks))
    # The kernels know of the new values.
    with torch.no_grad():
        assert torch.allclose(module(X), X @ module.weight.T + module.bias, atol=1e-4)


def test_it_is_saved_and_copied_like_any_module(tmp_path):
    module = linear()
    with torch.no_grad():
        expected = module(X)
    torch.save(module.state_dict(), tmp_path / "a.pt")
    other = DoubleSparseLinear(np.where(MADE.dense()[0], 1, 0), np.where(MADE.dense()[1], 1, 0), torch.zeros(48))
    other.load_state_dict(torch.load(tmp_path / "a.pt"))
    for again in [other, copy.deepcopy(module), pickle.loads(pickle.dumps(module))]:
        with torch.no_grad():
            assert torch.equal(again(X), expected)
    with torch.inference_mode():
        assert torch.equal(module(X), expected)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 16, 3, padding="same")
        self.grouped = nn.Conv2d(16, 16, 3, groups=4, padding=1)
        self.second = nn.Conv2d(16, 24, (3, 2), stride=2, padding=1, dilation=(1, 2), bias=False)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(24 * 4 * 4, 40), nn.ReLU(), nn.Linear(40, 10))

    def forward(self, x):
        return self.head(self.second(self.grouped(self.first(x)).relu()).relu())


def test_any_module_is_replaced():
    images = [torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    net = Net().train()
    expected = net(images[0])
    by_pictures, blind = copy.deepcopy(net), copy.deepcopy(net)
    told = []
    # A loader gives tensors, or images with labels.
    loader = [images[0], (images[1], torch.zeros(20)), [images[2]]]
    reports = replace(by_pictures, 0.4, loader, "fast", progress=told.append)
    assert list(reports) == ["first", "second", "head.1", "head.3"]
    assert by_pictures.training and isinstance(by_pictures.grouped, nn.Conv2d)
    assert [type(by_pictures.get_submodule(name)) for name in reports] == [DoubleSparseConv2d] * 2 + [DoubleSparseLinear] * 2
    assert told[0].what.startswith("first: ") and told[-1].share == pytest.approx(1)
    replace(blind, 0.4, None, "fast")
    error = lambda one: (one(images[0]) - expected).square().mean().item()
    assert error(by_pictures) < error(blind)
    # XᵀX is that of the layer's inputs: the reported error is the one that is measured.
    one = copy.deepcopy(net)
    report = replace(one, 0.4, images, "fast", layers="second")["second"]
    inputs = torch.cat([net.grouped(net.first(image)).relu() for image in images])
    lost = (one.second(inputs) - net.second(inputs)).double().square().sum()
    assert report["layer_error"] == pytest.approx((lost / net.second(inputs).double().square().sum()).item(), rel=1e-3)


def test_a_shared_layer_is_replaced_everywhere_and_a_cancelled_model_is_as_it_was():
    shared = nn.Linear(16, 16)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    before = copy.deepcopy(model)
    with pytest.raises(dsf.Error, match="cancelled"), pytest.warns(dsf.Note):
        replace(model, 0.5, preset="published", outer=100_000, progress=lambda progress: False)
    assert torch.equal(model[0].weight, before[0].weight)
    replace(model, 0.5, preset="fast")
    assert model[0] is model[2] and isinstance(model[0], DoubleSparseLinear)
    with pytest.raises(ValueError, match="no linear layer"):
        replace(model, layers=lambda name, module: False)


def test_a_compressed_language_model_is_loaded(tmp_path, data):
    pytest.importorskip("transformers")
    from transformers import AutoModelForCausalLM

    dense = data / "stories260k"
    for layout in ["bitmask", ["merged", "csr"]]:
        folder = tmp_path / "-".join(layout)
        dsf.compress(dense, folder, preset="fast", density=0.6, layout=layout, method="dsf", calibration_samples=4,
                     calibration_text=data / "text" / "tinystories_val.txt")  # fmt: skip
        model = load_model(folder)
        layers = dsf.load(folder)
        held = {name: module for name, module in model.named_modules() if isinstance(module, DoubleSparseLinear)}
        assert held.keys() == layers.keys()
        ids = torch.arange(32)[None] * 7 % 512
        with torch.no_grad():
            logits = model(ids).logits
        if layout == "bitmask":
            expected = logits
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
    scale = merged.abs().max()
    assert (logits - expected).abs().max() < 1e-3 * scale and (logits - merged).abs().max() < 2e-3 * scale
    assert model.generate(ids[:, :4], max_new_tokens=4, min_new_tokens=4, do_sample=False).shape == (1, 8)


def test_foreign_code_is_not_run_unasked(tmp_path):
    dsf.compress(out=tmp_path / "a", method="magnitude", density=0.5, layout="bitmask", calibration_samples=2)
    code = tmp_path / "a" / "modeling_dsf.py"
    code.write_text(code.read_text() + "\nraise SystemExit('run')\n")
    pytest.importorskip("transformers")
    with pytest.raises(dsf.Error, match="not run unasked"):
        load_model(tmp_path / "a")


def test_a_network_of_the_callers_is_loaded(tmp_path):
    """A folder as `compress` writes it, with the tensors of a network that transformers does not know."""
    from safetensors.numpy import save_file
    net = Net().eval()
    made = dsf.factorize(net.second.weight, 0.5, "fast", name="second.weight")
    made.save(tmp_path / "factors-bitmask.safetensors", "bitmask")
    others = {name: value.numpy() for name, value in net.state_dict().items() if name != "second.weight"}
    save_file(others, tmp_path / "model.safetensors")
    torch.manual_seed(9)
    loaded = load_model(tmp_path, Net().eval())
    images = torch.randn(4, 3, 8, 8)
    kernels = torch.from_numpy(made.to_dense()).reshape(net.second.weight.shape)
    net.second.weight.data.copy_(kernels)
    assert torch.allclose(loaded(images), net(images), atol=1e-4)
    with pytest.raises(dsf.Error, match="no layer 'second'"):
        load_model(tmp_path, nn.Sequential(nn.Linear(2, 2)))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="as many columns as B has rows"):
        DoubleSparseLinear(np.ones((3, 4)), np.ones((5, 6)))
    with pytest.raises(ValueError, match="rows of 64 values"), torch.no_grad():
        linear()(torch.ones(2, 63))
    one = SparseLinear(W)
    with torch.no_grad():
        assert torch.allclose(one(X), X @ torch.from_numpy(W).T, atol=1e-4)

"""Makes the checkpoints of this folder, with PyTorch 2.15: `python make.py`.

Each is a small file of one kind that people have; `tests/formats.rs` knows their values.
"""

from collections import OrderedDict
from pathlib import Path

import torch

here = Path(__file__).parent
torch.manual_seed(0)


def counting(*shape, dtype=torch.float32):
    """1, 2, 3, … of this shape."""
    return torch.arange(1, 1 + torch.Size(shape).numel(), dtype=torch.float32).reshape(shape).to(dtype)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
        self.fc.weight.data = counting(2, 3)
        self.fc.bias.data = counting(2)
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(self.fc(x))


# A state dict in several types, with strides, and one storage for two tensors.
whole = counting(4, 6)
torch.save(
    OrderedDict(
        plain=counting(2, 3),
        transposed=counting(2, 3).t(),
        part=whole[1:3, 1:5:2],
        same=whole[1:3],
        expanded=counting(1, 2).expand(3, 2),
        half=counting(2, 2, dtype=torch.float16),
        bf16=counting(2, 2, dtype=torch.bfloat16),
        double=counting(2, 2, dtype=torch.float64),
        eight=counting(2, 2).to(torch.float8_e4m3fn),
        steps=torch.tensor([[3, 4]]),
        scalar=torch.tensor(7.0),
        empty=torch.empty(0, 4),
        parameter=torch.nn.Parameter(counting(1, 2)),
    ),
    here / "tensors.pt",
)
# What training programs write: the model beside its optimizer.
net = Net()
optimizer = torch.optim.SGD(net.parameters(), momentum=0.9)
net(counting(2, 3)).sum().backward()
optimizer.step()
net.fc.weight.data = counting(2, 3)
torch.save({"epoch": 3, "state_dict": net.state_dict(), "optimizer": optimizer.state_dict()}, here / "training.ckpt")
# A whole module, of a class that nobody else has.
net = Net()
torch.save(net, here / "module.pt")
torch.jit.script(torch.nn.Sequential(Net().fc)).save(here / "script.pt")
torch.save(counting(2, 2), here / "tensor.pth")
torch.save({"weight": counting(2, 2)}, here / "legacy.bin", _use_new_zipfile_serialization=False)

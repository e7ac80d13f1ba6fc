"""Makes the files beside it with PyTorch and safetensors: nets whose matrices are square where they
can be, as safetensors.torch.save_file writes them, and what PyTorch's nets give for some inputs.

    python tests/checkpoint/torch_files/make_torch_files.py

The files here are those of PyTorch 2.14.1.
"""

from pathlib import Path

import safetensors.torch
import torch
from torch import nn

HERE = Path(__file__).parent


class Branches(nn.Module):
    """Layers and parameters in a dict, lists and a list of lists."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleDict({"left": nn.Linear(3, 3), "right": nn.Linear(3, 3, bias=False)})
        self.blocks = nn.ModuleList([nn.ModuleList([nn.Linear(3, 3), nn.PReLU()])])
        self.scales = nn.ParameterList([torch.ones(3), torch.ones(1)])

    def forward(self, x):
        left, right = self.heads["left"](x), self.heads["right"](x)
        x = torch.tanh(left * self.scales[0] + right * self.scales[1])
        for layer in self.blocks[0]:
            x = layer(x)
        return x


NETS = {
    "sequential": lambda: nn.Sequential(
        nn.Linear(3, 3),
        nn.ReLU(),
        nn.Linear(3, 3, bias=False),
        nn.BatchNorm1d(3),
        nn.PReLU(3),
        nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.BatchNorm1d(3, affine=False)),
        nn.Linear(3, 2),
    ),
    "branches": Branches,
}


def main():
    """Trains each net for some steps, so that all numbers have moved, and saves it."""
    torch.manual_seed(0)
    found = {"x": torch.randn(8, 3)}
    for name, make in NETS.items():
        net = make()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for _ in range(20):
            x = torch.randn(16, 3)
            y = net(x)
            optimizer.zero_grad()
            (y - x.sort(dim=1).values[:, : y.shape[1]]).square().mean().backward()
            optimizer.step()
        safetensors.torch.save_file(net.state_dict(), HERE / f"{name}.safetensors")
        found[name] = net.eval()(found["x"]).detach()
    safetensors.torch.save_file(found, HERE / "outputs.safetensors")


if __name__ == "__main__":
    main()

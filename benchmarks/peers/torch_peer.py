"""PyTorch: data as float32 tensors, optimisers that update all parameters at once (foreach)."""

import os
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from nets import LR, MOMENTUM, first_weights, load_numbers, shuffled, toy
from torch import nn
from torch.nn import functional as F

from peers import programs
from peers.timing import megabytes, seconds_per_call, timed

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


class Net(nn.Sequential):
    """Dense layers with ReLU between them."""

    def __init__(self, sizes: list[int]) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        super().__init__(*layers[:-1])
        self.start = [torch.from_numpy(w.T.copy()) for w in first_weights(sizes)]
        self.restart()

    @torch.no_grad()
    def restart(self) -> None:
        """Back to the first weights."""
        for parameter, start in zip(self.parameters(), self.start, strict=True):
            parameter.copy_(start)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), LR, momentum=MOMENTUM, foreach=True)


class Epoch:
    """Epochs of MNIST, each from the same first weights."""

    def __init__(self, sizes: list[int], batch: int, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        self.x, self.y = torch.from_numpy(x[:samples]), torch.from_numpy(y[:samples])
        self.net, self.batch = Net(sizes), batch

    def epoch(self, optimizer: torch.optim.Optimizer, seed: int) -> float:
        batches = torch.from_numpy(shuffled(len(self.x), self.batch, seed))
        total = torch.zeros(())
        for rows in batches:
            x, y = self.x.index_select(0, rows), self.y.index_select(0, rows)
            loss = F.cross_entropy(self.net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total.item() / len(batches)

    def turn(self, seed: int) -> dict[str, float]:
        self.net.restart()
        seconds, loss = timed(self.epoch, self.net.optimizer(), seed)
        return {"seconds": seconds, "loss": loss, "megabytes": megabytes("VmHWM")}


class Step:
    """Steps of a small net, data in memory."""

    def __init__(self, sizes: list[int], batch: int) -> None:
        x, y = toy(batch, sizes[0], sizes[-1])
        self.x, self.y, self.net = torch.from_numpy(x), torch.from_numpy(y), Net(sizes)

    def step(self) -> float:
        loss = F.cross_entropy(self.net(self.x), self.y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def turn(self, steps: int, budget: float) -> dict[str, float]:
        self.net.restart()
        self.optimizer = self.net.optimizer()
        losses = [self.step() for _ in range(steps)]
        return {"seconds": seconds_per_call(self.step, budget), "loss": float(np.mean(losses))}


class Programs(programs.Programs):
    """What minidl runs with the same text."""

    library, F = torch, F


class Inference:
    """The net's outputs for one batch, without a graph."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes, self.net = sizes, Net(sizes).eval()

    @torch.inference_mode()
    def turn(self, batch: int, budget: float) -> dict[str, float]:
        x = torch.from_numpy(toy(batch, self.sizes[0], self.sizes[-1])[0])
        seconds = seconds_per_call(lambda: self.net(x), budget)
        return {"seconds": seconds, "value": self.net(x).abs().mean().item()}


# minidl's names; those that PyTorch has not are left out.
FUNCTIONS = {
    "relu": F.relu, "leaky_relu": F.leaky_relu, "prelu": F.prelu, "relu6": F.relu6,
    "hard_tanh": F.hardtanh, "hard_sigmoid": F.hardsigmoid, "elu": F.elu, "selu": F.selu,
    "celu": F.celu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softsign": F.softsign,
    "softplus": F.softplus, "log_sigmoid": F.logsigmoid, "silu": F.silu, "mish": F.mish,
    "gelu": F.gelu,
}  # fmt: skip


class Activations:
    """Activations forward and backward on one large array; making the result is included."""

    def __init__(self, floats: int) -> None:
        x = np.random.default_rng(0).standard_normal(floats, dtype=np.float32)
        self.x = torch.from_numpy(x)
        self.dy = torch.ones_like(self.x)

    def turn(self, name: str, repeats: int) -> dict[str, Any]:
        function = FUNCTIONS[name]
        weights = [torch.tensor([0.25], requires_grad=True)] if name == "prelu" else []
        forward, backward = [], []
        for _ in range(repeats):
            with torch.no_grad():
                seconds, y = timed(function, self.x, *weights)
            forward.append(seconds)
            del y
        x = self.x.clone().requires_grad_()
        for _ in range(repeats):
            x.grad = None
            y = function(x, *weights)
            backward.append(timed(y.backward, self.dy)[0])
        values = [array.detach().abs().mean(dtype=torch.float64).item() for array in (y, x.grad)]
        return {"forward": min(forward), "backward": min(backward), "values": values}

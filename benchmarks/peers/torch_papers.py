"""PyTorch's epochs of the papers' nets, its optimisers the foreach ones."""

from itertools import pairwise

import torch
from nets import (
    BATCH,
    INPUT_DROPOUT,
    MAX_NORM,
    MAXOUT_MOMENTUM,
    MAXOUT_RATE,
    NOISE,
    NOISY_RATE,
    PAPERS,
    first_weights,
    load_numbers,
    shuffled,
)
from torch import nn
from torch.nn import functional as F

from peers.timing import timed
from peers.torch_peer import versions as versions


class Noise(nn.Module):
    """x + NOISE n, n normal."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.randn_like(x).mul_(NOISE).add_(x)


class Bias(nn.Module):
    """x + b."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bias


class Light(nn.Module):
    """Dropout that does not make up for what it takes away."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (torch.rand_like(x) >= INPUT_DROPOUT)


class Maxout(nn.Module):
    """The largest of each unit's pieces."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(len(x), -1, PAPERS["maxout"].pieces).amax(-1)


def noisy() -> nn.Sequential:
    layers: list[nn.Module] = [Noise()]
    for n_in, n_out in pairwise(PAPERS["noisy"].sizes):
        layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out, affine=False),
                   Noise(), Bias(n_out), nn.ReLU()]  # fmt: skip
    return nn.Sequential(*layers[:-1])


def maxout() -> nn.Sequential:
    layers: list[nn.Module] = [Light()]
    sizes, pieces = PAPERS["maxout"]
    *hidden, (last_in, last_out) = pairwise(sizes)
    for n_in, n_out in hidden:
        layers += [nn.Linear(n_in, n_out * pieces), Maxout(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(last_in, last_out))


@torch.no_grad()
def bound(net: nn.Module) -> None:
    """No unit's incoming weights, a row, have a larger norm."""
    for p in net.parameters():
        if p.ndim == 2:
            p.mul_((MAX_NORM / p.norm(dim=1, keepdim=True)).clamp_(max=1))


class Epoch:
    """An epoch from new first weights."""

    def __init__(self, paper: str, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        self.x, self.y, self.paper = torch.from_numpy(x[:samples]), torch.from_numpy(y), paper
        self.net = {"noisy": noisy, "maxout": maxout}[paper]()

    @torch.no_grad()
    def restart(self, seed: int) -> torch.optim.Optimizer:
        torch.manual_seed(seed)
        for p, w in zip(self.net.parameters(), first_weights(*PAPERS[self.paper]), strict=True):
            p.copy_(torch.from_numpy(w.T.copy()))
        if self.paper == "noisy":
            return torch.optim.Adam(self.net.parameters(), NOISY_RATE, foreach=True)
        return torch.optim.SGD(self.net.parameters(), MAXOUT_RATE, MAXOUT_MOMENTUM, foreach=True)

    def epoch(self, optimizer: torch.optim.Optimizer, seed: int) -> float:
        total = torch.zeros(())
        batches = torch.from_numpy(shuffled(len(self.x), BATCH, seed))
        for rows in batches:
            loss = F.cross_entropy(self.net(self.x[rows]), self.y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if self.paper == "maxout":
                bound(self.net)
            total += loss.detach()
        return total.item() / len(batches)

    def turn(self, seed: int) -> dict[str, float]:
        seconds, loss = timed(self.epoch, self.restart(seed), seed)
        return {"seconds": seconds, "loss": loss}

"""minidl's epochs of the papers' nets, as examples/papers makes them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nets import PAPERS, first_weights, load_pixels

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from peers.minidl_peer import versions as versions
from peers.timing import timed

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "papers"))

import maxout_mnist
import noisy_mlp_mnist
from seeds import BATCH


def noisy() -> TrainingStep:
    net = noisy_mlp_mnist.network([1000, 500], input_noise=0.3, hidden_noise=0.3)
    return TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), noisy_mlp_mnist.RATE))


def maxout() -> TrainingStep:
    net: nn.Layer = maxout_mnist.network()
    optimizer = optim.SGD(net.parameters(), maxout_mnist.RATE, momentum=0.5)
    return TrainingStep(net, F.cross_entropy, optimizer, max_norm=maxout_mnist.MAX_NORM)


RECIPES: dict[str, Callable[[], TrainingStep]] = {"noisy": noisy, "maxout": maxout}


class Epoch:
    """An epoch from new first weights."""

    def __init__(self, paper: str, data: str, samples: int) -> None:
        x, y = load_pixels(data)
        self.x, self.y, self.paper = x[:samples].copy(), y[:samples].copy(), paper

    def turn(self, seed: int) -> dict[str, Any]:
        minidl.manual_seed(seed)
        step = RECIPES[self.paper]()
        for p, w in zip(step.net.parameters(), first_weights(*PAPERS[self.paper]), strict=True):
            p.data[...] = w
        batches = data.batches(self.x, self.y, BATCH, shuffle=True, seed=seed, drop_last=True)
        seconds, losses = timed(step.epoch, batches)
        return {"seconds": seconds, "loss": float(losses.mean())}

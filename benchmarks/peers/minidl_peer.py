"""minidl's turns."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from nets import LR, MOMENTUM, first_weights, layer_arrays, load_pixels, toy

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl._kernels import ROW_FUNCTIONS, gemm, product_nanoseconds, rows, threads_for
from minidl.layers.activations import REGISTRY
from minidl.layers.activations.declaration import POINTWISE_ROW as PIECE
from peers import programs
from peers.timing import megabytes, seconds_per_call, timed


def versions() -> dict[str, str]:
    config = minidl.show_config()
    return {
        "minidl": f"{minidl.__version__} (kernels {config['level']}, GCC or Clang "
        f"{config['compiler']}, OpenMP {config['openmp']})"
    }


# --- training -----------------------------------------------------------------------------------


def written_out_epoch(
    net: nn.Layer, optimizer: optim.Optimizer, x: np.ndarray, y: np.ndarray, batch: int, seed: int
) -> float:
    """The mean loss of one epoch, by the loop that every user can write."""
    batches = data.batches(x, y, batch, shuffle=True, seed=seed, drop_last=True)
    return sum(step(net, optimizer, *pair) for pair in batches) / len(batches)


def step(net: nn.Layer, optimizer: optim.Optimizer, x: Any, y: np.ndarray) -> float:
    """The loss of one batch, before the step that it causes."""
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def minidl_epoch(
    net: nn.Layer, optimizer: optim.Optimizer, x: np.ndarray, y: np.ndarray, batch: int, seed: int
) -> float:
    """The mean loss of one epoch, by the fastest way that minidl has."""
    batches = data.batches(x, y, batch, shuffle=True, seed=seed, drop_last=True)
    return float(TrainingStep(net, F.cross_entropy, optimizer).epoch(batches).mean())


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": lambda parameters: optim.SGD(parameters, LR, momentum=MOMENTUM),
    "adam": optim.Adam,
}


class Epoch:
    """Epochs of MNIST, each from the same first weights."""

    def __init__(
        self,
        sizes: list[int],
        batch: int,
        data: str,
        samples: int,
        activation: str = "relu",
        optimizer: str = "sgd",
        dropout: float = 0.0,
        written_out: bool = False,
        **options: Any,
    ) -> None:
        x, y = load_pixels(data)
        self.x, self.y, self.batch = x[:samples].copy(), y[:samples].copy(), batch
        minidl.manual_seed(0)
        self.net = nn.MLP(sizes, activation, dropout=dropout, **options)
        self.optimizer = OPTIMIZERS[optimizer]
        self.start = self.net.state_dict()
        if activation == "relu":
            self.start = dict(zip(self.start, first_weights(sizes), strict=True))
        self.epoch = written_out_epoch if written_out else minidl_epoch

    def turn(self, seed: int) -> dict[str, float]:
        self.net.load_state_dict(self.start)
        optimizer = self.optimizer(self.net.parameters())
        seconds, loss = timed(self.epoch, self.net, optimizer, self.x, self.y, self.batch, seed)
        return {"seconds": seconds, "loss": loss, "megabytes": megabytes("VmHWM")}


class Growth(Epoch):
    """The memory in use after 1/10 of the steps and after all."""

    def turn(self, steps: int) -> dict[str, float]:
        optimizer = self.optimizer(self.net.parameters())
        piece = steps // 40 * self.batch
        x, y = self.x[:piece], self.y[:piece]
        used = []
        for number in range(40):
            minidl_epoch(self.net, optimizer, x, y, self.batch, number)
            used.append(megabytes("VmRSS"))
        return {"early": used[3], "late": used[-1]}


class Denormals:
    """Epochs of a small net whose weights and averages are driven towards 0, where they become
    numbers that many processors are slow with."""

    def __init__(self, data: str, samples: int) -> None:
        x, y = load_pixels(data)
        self.x, self.y = x[:samples].copy(), y[:samples].copy()

    def turn(self, epochs: int) -> dict[str, list[float]]:
        minidl.manual_seed(0)
        net = nn.MLP([784, 32, 10], "sigmoid")
        optimizer = optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-2)
        seconds = [
            timed(minidl_epoch, net, optimizer, self.x, self.y, 64, seed)[0]
            for seed in range(epochs)
        ]
        return {"seconds": seconds}


class Step:
    """Steps of a small net, data in memory."""

    def __init__(self, sizes: list[int], batch: int, written_out: bool = False) -> None:
        x, self.y = toy(batch, sizes[0], sizes[-1])
        self.x, self.written_out = minidl.tensor(x), written_out
        self.net, self.start = nn.MLP(sizes, "relu"), first_weights(sizes)

    def turn(self, steps: int, budget: float) -> dict[str, float]:
        names = self.net.state_dict()
        self.net.load_state_dict(dict(zip(names, self.start, strict=True)))
        optimizer = optim.SGD(self.net.parameters(), LR, momentum=MOMENTUM)
        if self.written_out:
            call = partial(step, self.net, optimizer, self.x, self.y)
        else:
            call = partial(TrainingStep(self.net, F.cross_entropy, optimizer), self.x, self.y)
        losses = [call() for _ in range(steps)]
        seconds = seconds_per_call(call, budget)
        return {"seconds": seconds, "loss": float(np.mean(losses))}


class Programs(programs.Programs):
    """What PyTorch runs with the same text."""

    library, F = minidl, F


# --- inference and kernels ----------------------------------------------------------------------


class Inference:
    """The net's outputs for one batch, without a graph: by a `Predictor`, or by `predict`."""

    def __init__(self, sizes: list[int], by_predict: bool = False) -> None:
        self.sizes = sizes
        net = nn.MLP(sizes, "relu").eval()
        names = net.state_dict()
        net.load_state_dict(dict(zip(names, first_weights(sizes), strict=True)))
        self.predict = partial(minidl.predict, net) if by_predict else minidl.Predictor(net)

    def turn(self, batch: int, budget: float) -> dict[str, float]:
        x, _ = toy(batch, self.sizes[0], self.sizes[-1])
        seconds = seconds_per_call(lambda: self.predict(x), budget)
        return {"seconds": seconds, "value": float(np.abs(self.predict(x)).mean())}


class Products:
    """The three products of a dense layer."""

    def turn(self, batch: int, inputs: int, outputs: int, budget: float) -> dict[str, Any]:
        X, W, dZ = (array[None] for array in layer_arrays(batch, inputs, outputs))
        threads = threads_for(product_nanoseconds(batch, inputs, outputs))
        Z, dW, dX = (np.empty_like(array) for array in (dZ, W, X))
        calls = {
            "X·W": (X, False, W, False, Z),
            "Xᵀ·dZ": (X, True, dZ, False, dW),
            "dZ·Wᵀ": (dZ, False, W, True, dX),
        }
        return {
            product: {
                "seconds": seconds_per_call(lambda c=call: gemm.product(*c, threads), budget),
                "value": float(np.abs(call[-1]).mean()),
            }
            for product, call in calls.items()
        }


class Activations:
    """Activations forward and backward on one large array; making the result is included."""

    def __init__(self, floats: int) -> None:
        self.x = np.random.default_rng(0).standard_normal(floats, dtype=np.float32)
        self.dy = np.ones_like(self.x)

    def turn(self, name: str, repeats: int) -> dict[str, Any]:
        function = getattr(F, name)
        weights = [minidl.tensor([0.25], requires_grad=True)] if name == "prelu" else []
        x = minidl.Tensor(self.x)
        forward, backward = [], []
        for _ in range(repeats):
            with minidl.no_grad():
                seconds, y = timed(function, x, *weights)
            forward.append(seconds)
            del y
        x = minidl.Tensor(self.x, requires_grad=True)
        for _ in range(repeats):
            x.grad = None
            y = function(x, *weights)
            backward.append(timed(y.backward, self.dy)[0])
        dx = x.grad.numpy()
        values = [float(np.abs(array).mean(dtype=np.float64)) for array in (y.numpy(), dx)]
        kernel = self.kernel(name, repeats)
        return {"forward": min(forward), "backward": min(backward), "kernel": kernel,
                "values": values}  # fmt: skip

    def kernel(self, name: str, repeats: int) -> dict[str, float]:
        """The kernel alone, on arrays that are there already."""
        functions = ROW_FUNCTIONS[name]["float32"]
        options = np.array([*REGISTRY[name].bind().values(), 0.0])
        slopes, out = np.full(PIECE, 0.25, np.float32), np.empty_like(self.x)
        threads = minidl.get_num_threads()
        calls = {
            "forward": lambda: rows.forward(
                functions[0], self.x, slopes, out, options, PIECE, PIECE, threads
            ),
            "backward": lambda: rows.backward(
                functions[1], self.x, PIECE, slopes, self.dy, out, options, PIECE, PIECE, threads
            ),
        }
        return {
            direction: min(timed(call)[0] for _ in range(repeats + 1))
            for direction, call in calls.items()
        }


class Threads:
    """A dense layer forward and backward on one thread and on several, in alternation."""

    def turn(
        self, batch: int, inputs: int, outputs: int, threads: int, budget: float
    ) -> dict[str, list[float]]:
        layer = nn.Dense(inputs, outputs)
        x = minidl.tensor(np.ones((batch, inputs), np.float32), requires_grad=True)
        dy = np.ones((batch, outputs), np.float32)

        def forward_and_backward() -> None:
            layer.zero_grad()
            x.grad = None
            layer(x).backward(dy)

        seconds: dict[str, list[float]] = {"one": [], "all": []}
        for _ in range(3):
            for name, count in (("one", 1), ("all", threads)):
                with minidl.set_num_threads(count):
                    seconds[name].append(seconds_per_call(forward_and_backward, budget))
        return seconds

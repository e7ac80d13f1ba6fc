# pyright: strict
"""A user's program that type checkers read and nobody runs: of its lines they refuse those that are
marked as mistakes, and no other."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import minidl
from minidl import Tensor, checkpoint, data, init, nn, optim, schedules, train
from minidl import functional as F


class Squareplus(nn.Activation):
    """An activation of the user's own."""

    name = "squareplus"
    paper = "Barron 2021"

    @staticmethod
    def formula(x: Tensor, b: float = 4.0) -> Tensor:
        return (x + (x * x + b).sqrt()) / 2


class Residual(nn.Layer):
    """A layer of the user's own."""

    def __init__(self, units: int) -> None:
        self.inner = nn.Dense(units, units, bias=False, init="he_normal")
        self.scale = nn.Parameter(np.ones(units, np.float32), decays=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.leaky_relu(self.inner(x), negative_slope=0.1) * self.scale


class Chained(nn.Layer):
    """One that only calls its layers in order."""

    def __init__(self) -> None:
        self.hidden, self.norm = nn.Dense(4, 8), nn.LayerNorm(8, affine=False)
        self.block = nn.Residual(nn.Sequential(nn.RMSNorm(8, eps=1e-6), nn.Dense(8, 8), nn.ReLU()))
        self.heads = nn.Concat(nn.Dense(8, 2), nn.Identity())

    forward = nn.chain("hidden", "norm", "block", "heads")


Array = npt.NDArray[Any]


class Signum(optim.Optimizer):
    """An optimiser of the user's own."""

    options = {"lr": optim.NOT_NEGATIVE, "momentum": optim.SHARE}
    state = ("u",)

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, momentum: float = 0.9) -> None:
        super().__init__(params, lr=lr, momentum=momentum)

    def update(
        self, w: Array, g: Array, state: dict[str, Array], options: Mapping[str, Any], t: int
    ) -> Array:
        share = options["momentum"]
        state["u"] = share * state["u"] + (1 - share) * g
        change: Array = options["lr"] / t * np.sign(state["u"])
        return w - change


class Rate(train.Callback):
    """A callback of the user's own."""

    def on_epoch_end(self, run: train.Run, row: dict[str, Any]) -> None:
        print(row["epoch"], run.lr)


def operations(x: Tensor, y: npt.NDArray[np.float32]) -> Tensor:
    """Operators, with numbers and arrays on either side, and methods: all give tensors."""
    assert_type(x + 1, Tensor)
    assert_type(1 - x * 2 / x, Tensor)
    assert_type(2**-x @ x.T, Tensor)
    assert_type(x - y, Tensor)
    assert_type(x == y, Tensor)
    assert_type(~(x < 1) & (x != 0), Tensor)
    assert_type(x[0, 1:], Tensor)
    assert_type(x.sum(axis=1), Tensor)
    assert_type(x.exp().clip(0, 1).mean(axis=(0, 1), keepdims=True).reshape(-1), Tensor)
    assert_type(list(x), list[Tensor])
    assert_type(float(x.max()), float)
    assert_type(minidl.where(x > 0, x, 0.0), Tensor)
    assert_type(x.shape, tuple[int, ...])
    assert_type(x.grad, Tensor | None)
    values: npt.NDArray[Any] = np.asarray(x.detach())
    x += 1
    x[0] = 0
    return minidl.concatenate([x, values])


def functions(x: Tensor, y: npt.NDArray[np.int64]) -> list[Tensor]:
    """Activations and losses, with their options."""
    slopes = minidl.tensor([0.25], requires_grad=True)
    outputs = [F.relu(x), F.gelu(x, approximate=True), F.prelu(x, slopes), F.maxout(x, pieces=2)]
    return [F.cross_entropy(output, y, label_smoothing=0.1) for output in outputs]


def main() -> None:
    (x_train, y_train), (x_test, y_test) = data.mnist()
    minidl.manual_seed(0)
    net = nn.Sequential(
        nn.Dense(784, 64), nn.LeakyReLU(0.2), Residual(64), nn.BatchNorm(64), nn.Dropout(0.5),
        nn.Dense(64, 32), nn.PReLU(32, init=0.1), nn.Dense(32, 64), nn.Maxout(pieces=2),
        Squareplus(b=1.0), nn.Dense(32, 10),
    )  # fmt: skip
    optimizer = optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    loss = partial(F.cross_entropy, label_smoothing=0.1)
    for x, y in data.batches(x_train, y_train, batch_size=64, shuffle=True):
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optim.clip_grad_norm(net.parameters(), 1.0)
        optimizer.step()

    step = minidl.TrainingStep(net, F.cross_entropy, optimizer, clip_norm=1.0, max_norm=2)
    mean: float = step.epoch(data.batches(x_train, y_train, batch_size=64)).mean()
    history = train.fit(
        net, (x_train, y_train), F.cross_entropy, optimizer, epochs=3,
        validation=(x_test, y_test), metrics=["accuracy"], schedule=schedules.cosine(1000),
        clip_norm=1, callbacks=[train.EarlyStopping(patience=2), train.Checkpoint("run"), Rate()],
        resume=True,
    )  # fmt: skip
    print(mean, history["validation_accuracy"][-1], minidl.predict(net, x_test).argmax(axis=1))
    checkpoint.save_model(net.eval(), "mnist.safetensors")
    small = nn.MLP([4, 8, 2], "squareplus", b=1.0, init=init.he_uniform).astype("float64")
    assert_type(Chained()(nn.Embedding(10, 4)(y_test)), Tensor)
    weight: Tensor = next(small.parameters())
    with minidl.no_grad():
        print(operations(weight, np.ones(8, np.float32)), functions(weight, y_test))

    nn.Nonsense()  # mistake: there is no such layer
    nn.LeakyReLU(slope=0.2)  # mistake: its option is negative_slope
    F.relu(weight, 0.1)  # mistake: it has no option
    optim.SGD(net.parameters(), lr=0.1, momentun=0.9)  # mistake: momentum
    train.fit(net, (x_train, y_train), F.cross_entropy, optimizer, epochs="3")  # mistake: a text

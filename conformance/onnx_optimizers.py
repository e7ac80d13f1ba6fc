"""ONNX's optimisers as minidl has them: one step from a state that the node gives.

Inputs are the rate, the count of steps before, then all parameters, all gradients and all states;
outputs are the new parameters and states.
"""

from typing import Any

import numpy as np
from verdicts import LeftOut

from minidl import Tensor, optim, tensor


def stepped(
    kind: type[optim.Optimizer], state: str, steps: int, arrays: tuple[Tensor, ...], **options: Any
) -> list[Tensor]:
    """Parameters and states after the optimiser's next step."""
    xs, gradients, states = np.split(np.arange(len(arrays)), 3)
    parameters = [tensor(arrays[i], requires_grad=True) for i in xs]
    optimizer = kind(parameters, **options)
    before = {f"parameters.{n}.steps": steps for n in range(len(xs))}
    before |= {f"parameters.{n}.{state}": arrays[i].numpy() for n, i in enumerate(states)}
    optimizer.load_state_dict(optimizer.state_dict() | before)
    for parameter, i in zip(parameters, gradients, strict=True):
        parameter.grad = arrays[i]
    optimizer.step()
    after = optimizer.state_dict()
    return [*parameters, *(tensor(after[f"parameters.{n}.{state}"]) for n in range(len(xs)))]


def adagrad(
    rate: Tensor, steps: Tensor, *arrays: Tensor, norm_coefficient: float, epsilon: float,
    decay_factor: float,
) -> list[Tensor]:  # fmt: skip
    return stepped(
        optim.Adagrad, "v", int(steps), arrays, lr=float(rate), lr_decay=decay_factor,
        weight_decay=norm_coefficient, eps=epsilon,
    )  # fmt: skip


def adam(*inputs: Tensor, **options: Any) -> list[Tensor]:
    """All tests have a count of 0, and ONNX's Adam then corrects no bias."""
    raise LeftOut("a first step without the correction of its bias")


def momentum(
    rate: Tensor, steps: Tensor, *arrays: Tensor, norm_coefficient: float, alpha: float,
    beta: float, mode: str,
) -> list[Tensor]:  # fmt: skip
    """minidl's first velocity is the gradient; ONNX's continues from one that is given."""
    dampening = 1 - beta if int(steps) else 0.0
    return stepped(
        optim.SGD, "velocity", int(steps) + 1, arrays, lr=float(rate), momentum=alpha,
        dampening=dampening, nesterov=mode == "nesterov", weight_decay=norm_coefficient,
    )  # fmt: skip


OPTIMIZERS = {"Adagrad": adagrad, "Adam": adam, "Momentum": momentum}

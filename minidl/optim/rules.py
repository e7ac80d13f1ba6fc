"""The update rules, each as PyTorch has it, with its defaults.

In the formulas g is the gradient, after weight decay: g + weight_decay · w. Squares, roots and
quotients are element by element.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from .arguments import FLAG, NOT_NEGATIVE, NUMBER, SHARE, TWO_SHARES, Parameters
from .base import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or Nesterov's.

        w = w - lr · g
        momentum:  u = momentum · u + (1 - dampening) · g,  w = w - lr · u
        nesterov:  the same u,  w = w - lr · (g + momentum · u)

    The first u is g. Nesterov's form needs momentum and no dampening: ArgumentError. Robbins,
    Monro (1951), A stochastic approximation method; both momenta: Sutskever, Martens, Dahl,
    Hinton (2013), On the importance of initialization and momentum in deep learning.

    >>> import minidl
    >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0., 0.], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "momentum": NOT_NEGATIVE, "dampening": NUMBER, "nesterov": FLAG,
        "weight_decay": NOT_NEGATIVE,
    }  # fmt: skip
    state = ("velocity",)
    nanoseconds = 0.5

    def __init__(
        self,
        params: Parameters,
        lr: float,
        momentum: float = 0.0,
        *,  # PyTorch has these two in another order
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov,
            weight_decay=weight_decay,
        )  # fmt: skip

    def _check_options(self, options: dict[str, Any]) -> None:
        super()._check_options(options)
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ArgumentError(
                explain(
                    self._name,
                    "momentum above 0 and dampening 0 with nesterov=True",
                    f"momentum={options['momentum']}, dampening={options['dampening']}",
                    "momentum=0.9",
                )
            )

    def _initial_state(self, options: dict[str, Any]) -> dict[str, float]:
        return {"velocity": 0.0} if options["momentum"] else {}

    def _kernel(self, options: dict[str, Any]) -> str:
        return "momentum" if options["momentum"] else "sgd"

    def _is_steady(self, options: dict[str, Any]) -> bool:
        return not options["dampening"]

    def _numbers(self, options: dict[str, Any], t: np.ndarray, decay: np.ndarray) -> Sequence[Any]:
        if not options["momentum"]:
            return options["lr"], decay
        fresh = np.where(t == 1, 1.0, 1 - options["dampening"]) if options["dampening"] else 1.0
        return options["lr"], decay, options["momentum"], fresh, options["nesterov"]


class Adam(Optimizer):
    """Adam: steps scaled by running averages of the gradient and its square.

        m = beta1 · m + (1 - beta1) · g
        v = beta2 · v + (1 - beta2) · g²
        w = w - lr · m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    t counts a parameter's steps from 1; m and v start from 0. Kingma, Ba (2015), Adam: a method
    for stochastic optimization.

    >>> import minidl
    >>> w = minidl.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is ± lr, however large the gradient
    >>> w.data
    array([ 0.75, -0.75], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
    }  # fmt: skip
    state = ("m", "v")
    nanoseconds = 0.9
    _decoupled = False  # whether weight decay goes past the averages

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _initial_state(self, options: dict[str, Any]) -> dict[str, float]:
        return {"m": 0.0, "v": 0.0}

    def _kernel(self, options: dict[str, Any]) -> str:
        return "adam"

    def _numbers(self, options: dict[str, Any], t: np.ndarray, decay: np.ndarray) -> Sequence[Any]:
        beta1, beta2 = options["betas"]
        rate, correction = options["lr"] / (1 - beta1**t), np.sqrt(1 - beta2**t)
        if self._decoupled:
            shrink = 1 - options["lr"] * decay
            return 0.0, shrink, rate, correction, beta1, beta2, options["eps"]
        return decay, 1.0, rate, correction, beta1, beta2, options["eps"]


class AdamW(Adam):
    """Adam whose weight decay does not go through the averages.

    First w = w · (1 - lr · weight_decay), then Adam's step with the bare gradient. Loshchilov,
    Hutter (2019), Decoupled weight decay regularization.

    >>> import minidl
    >>> w = minidl.tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.5, weight_decay=0.5)
    >>> (w * 0).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.75], dtype=float32)
    """

    _decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """RMSprop: the gradient divided by the root of the running average of its square.

        v = alpha · v + (1 - alpha) · g²
        w = w - lr · g / (sqrt(v) + eps)
        centered:  m = alpha · m + (1 - alpha) · g, and sqrt(v - m²) for sqrt(v)
        momentum:  u = momentum · u + g / (sqrt(v) + eps),  w = w - lr · u

    Tieleman, Hinton (2012), Lecture 6.5 of Neural networks for machine learning; centred: Graves
    (2013), Generating sequences with recurrent neural networks.

    >>> import minidl
    >>> w = minidl.tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.25, alpha=0.75)
    >>> (w * 3).sum().backward()
    >>> optimizer.step()  # v = 9 / 4
    >>> w.data
    array([0.5], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "alpha": SHARE, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "momentum": NOT_NEGATIVE, "centered": FLAG,
    }  # fmt: skip
    state = ("v", "m", "velocity")
    nanoseconds = 0.6

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered,
        )  # fmt: skip

    def _initial_state(self, options: dict[str, Any]) -> dict[str, float]:
        wanted = {"v": True, "m": options["centered"], "velocity": options["momentum"]}
        return {name: 0.0 for name, is_wanted in wanted.items() if is_wanted}

    def _kernel(self, options: dict[str, Any]) -> str:
        return "rmsprop"

    def _is_steady(self, options: dict[str, Any]) -> bool:
        return True

    def _numbers(self, options: dict[str, Any], t: np.ndarray, decay: np.ndarray) -> Sequence[Any]:
        return (
            options["lr"], decay, options["alpha"], options["eps"], options["momentum"],
        )  # fmt: skip


class Adagrad(Optimizer):
    """Adagrad: the gradient divided by the root of the sum of all its squares so far.

        v = v + g²
        w = w - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(v) + eps)

    v starts from initial_accumulator_value, t counts a parameter's steps from 1. Duchi, Hazan,
    Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization.

    >>> import minidl
    >>> w = minidl.tensor([1.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.5, initial_accumulator_value=16)
    >>> (w * 3).sum().backward()
    >>> optimizer.step()  # g / sqrt(v) = 3 / 5
    >>> w.data
    array([0.7], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "lr_decay": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "initial_accumulator_value": NOT_NEGATIVE, "eps": NOT_NEGATIVE,
    }  # fmt: skip
    state = ("v",)
    nanoseconds = 0.6

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def _initial_state(self, options: dict[str, Any]) -> dict[str, float]:
        return {"v": options["initial_accumulator_value"]}

    def _kernel(self, options: dict[str, Any]) -> str:
        return "adagrad"

    def _numbers(self, options: dict[str, Any], t: np.ndarray, decay: np.ndarray) -> Sequence[Any]:
        return decay, options["lr"] / (1 + (t - 1) * options["lr_decay"]), options["eps"]

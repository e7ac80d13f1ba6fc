"""The update rules, with PyTorch's definitions and defaults; Lion, which PyTorch does not have,
follows its paper. Adam and its variants are in adam.py.

In the formulas, g is the gradient with weight decay: g + weight_decay · w. Squares, roots and
quotients are element by element. `maximize=True` goes up the gradient.
"""

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError, explain
from .arguments import FLAG, NOT_NEGATIVE, NUMBER, SHARE, TWO_SHARES, Parameters
from .compiled import Compiled


class SGD(Compiled):
    """Stochastic gradient descent; with momentum, also in Nesterov's form.

        w = w - lr · g
        momentum:  u = momentum · u + (1 - dampening) · g,  w = w - lr · u
        nesterov:  the same u,  w = w - lr · (g + momentum · u)

    The first u is g. ArgumentError for Nesterov's form without momentum or with dampening. Robbins,
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
        "weight_decay": NOT_NEGATIVE, "maximize": FLAG,
    }  # fmt: skip
    state = ("velocity",)
    kernel, nanoseconds = "sgd", 0.5

    def __init__(
        self,
        params: Parameters,
        lr: float,
        momentum: float = 0.0,
        *,  # PyTorch has these two in another order
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov,
            weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Also raises ArgumentError for Nesterov's form without momentum or with dampening."""
        super().check_options(options)
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ArgumentError(
                explain(
                    self._name,
                    "momentum above 0 and dampening 0 with nesterov=True",
                    f"momentum={options['momentum']}, dampening={options['dampening']}",
                    "momentum=0.9",
                )
            )

    def initial_state(self, options: Mapping[str, Any]) -> dict[str, float]:
        """The velocity u, if there is momentum."""
        return {"velocity": 0.0} if options["momentum"] else {}


class RMSprop(Compiled):
    """RMSprop: divides the gradient by the root of the running average of its square.

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
        "momentum": NOT_NEGATIVE, "centered": FLAG, "maximize": FLAG,
    }  # fmt: skip
    state = ("v", "m", "velocity")
    kernel, nanoseconds = "rmsprop", 0.6

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered, maximize=maximize,
        )  # fmt: skip

    def initial_state(self, options: Mapping[str, Any]) -> dict[str, float]:
        """The average of g if it is centred, the velocity u if there is momentum."""
        wanted = {"v": True, "m": options["centered"], "velocity": options["momentum"]}
        return {name: 0.0 for name, is_wanted in wanted.items() if is_wanted}


class Adagrad(Compiled):
    """Adagrad: divides the gradient by the root of the sum of all its squares so far.

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
        "maximize": FLAG,
    }  # fmt: skip
    state = ("v",)
    kernel, nanoseconds = "adagrad", 0.6

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps, maximize=maximize,
        )  # fmt: skip

    def initial_state(self, options: Mapping[str, Any]) -> dict[str, float]:
        """v, with its first value."""
        return {"v": options["initial_accumulator_value"]}


class Adadelta(Compiled):
    """Adadelta: steps about as long as the last ones, by running averages of both squares.

        v = rho · v + (1 - rho) · g²
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u = rho · u + (1 - rho) · d²
        w = w - lr · d

    u and v start from 0. Zeiler (2012), ADADELTA: an adaptive learning rate method.

    >>> import minidl
    >>> w = minidl.tensor([1.0], requires_grad=True)
    >>> optimizer = Adadelta([w], rho=0.75, eps=0.25)
    >>> (w * 3**0.5).sum().backward()
    >>> optimizer.step()  # v = 3 / 4, so d = sqrt(1 / 4) / sqrt(1) · sqrt(3)
    >>> w.data.round(3)
    array([0.134], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "rho": SHARE, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "maximize": FLAG,
    }  # fmt: skip
    state = ("v", "u")
    kernel, nanoseconds = "adadelta", 0.9

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize
        )


class Lion(Compiled):
    """Lion: steps in the direction of the sign of an averaged gradient.

        w = w - lr · sign(beta1 · m + (1 - beta1) · g)
        m = beta2 · m + (1 - beta2) · g

    m starts from 0. Weight decay is decoupled, as in AdamW: w = w · (1 - lr · weight_decay) comes
    first. All steps are ± lr, so choose a learning rate of a third to a tenth of Adam's, and a
    decay larger by the same factor. Chen et al. (2023), Symbolic discovery of optimization
    algorithms.

    >>> import minidl
    >>> w = minidl.tensor([1.0, -1.0, 0.0], requires_grad=True)
    >>> optimizer = Lion([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.75, -0.75,  0.  ], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "weight_decay": NOT_NEGATIVE, "maximize": FLAG,
    }  # fmt: skip
    state = ("m",)
    decoupled = True
    kernel, nanoseconds = "lion", 0.6

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)

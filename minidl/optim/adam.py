"""Adam and its variants, with PyTorch's rules and defaults. rules.py explains g and `maximize`."""

from collections.abc import Mapping
from typing import Any

from .arguments import FLAG, NOT_NEGATIVE, TWO_SHARES, Parameters
from .compiled import Compiled


class Adam(Compiled):
    """Adam: steps scaled by running averages of the gradient and its square.

        m = beta1 · m + (1 - beta1) · g
        v = beta2 · v + (1 - beta2) · g²
        w = w - lr · m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    t counts a parameter's steps from 1; m and v start from 0. amsgrad=True uses the largest v so
    far in place of v. Kingma, Ba (2015), Adam: a method for stochastic optimization; amsgrad:
    Reddi, Kale, Kumar (2018), On the convergence of Adam and beyond.

    >>> import minidl
    >>> w = minidl.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is ± lr, however large the gradient
    >>> w.data.round(6)
    array([ 0.75, -0.75], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "amsgrad": FLAG, "maximize": FLAG,
    }  # fmt: skip
    state = ("m", "v", "largest_v")
    kernel, nanoseconds = "adam", 0.9

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            maximize=maximize,
        )  # fmt: skip

    def initial_state(self, options: Mapping[str, Any]) -> dict[str, float]:
        """m and v, and with amsgrad the largest v so far."""
        names = self.state if options["amsgrad"] else self.state[:2]
        return dict.fromkeys(names, 0.0)


class AdamW(Adam):
    """Adam with decoupled weight decay, which does not go through the averages.

        w = w · (1 - lr · weight_decay), then Adam's step with the gradient alone

    Loshchilov, Hutter (2019), Decoupled weight decay regularization.

    >>> import minidl
    >>> w = minidl.tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.5, weight_decay=0.5)
    >>> (w * 0).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.75], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class NAdam(Compiled):
    """Adam with Nesterov's momentum.

        mu_t = beta1 · (1 - 0.96^(t · momentum_decay) / 2)
        m = beta1 · m + (1 - beta1) · g
        v = beta2 · v + (1 - beta2) · g²
        n = (1 - mu_t) · g / (1 - mu_1 ⋯ mu_t) + mu_{t+1} · m / (1 - mu_1 ⋯ mu_{t+1})
        w = w - lr · n / (sqrt(v / (1 - beta2^t)) + eps)

    t counts a parameter's steps from 1; m and v start from 0. decoupled_weight_decay=True keeps the
    decay out of the averages, as in AdamW. The products mu_1 ⋯ mu_t take the present options, even
    if earlier steps had others. Dozat (2016), Incorporating Nesterov momentum into Adam.

    >>> import minidl
    >>> w = minidl.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.25, betas=(0, 0.999))
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # without momentum, as Adam
    >>> w.data
    array([ 0.75, -0.75], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "momentum_decay": NOT_NEGATIVE, "decoupled_weight_decay": FLAG, "maximize": FLAG,
    }  # fmt: skip
    state = ("m", "v")
    kernel, nanoseconds = "nadam", 0.9

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )  # fmt: skip


class RAdam(Compiled):
    """Adam that takes plain steps as long as the average of the squares rests on too few of them.

        m = beta1 · m + (1 - beta1) · g
        v = beta2 · v + (1 - beta2) · g²
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 · t · beta2^t / (1 - beta2^t)
        rho > 5:  r = sqrt((rho - 4) (rho - 2) · limit / ((limit - 4) (limit - 2) · rho))
                  w = w - lr · r · m / (1 - beta1^t) / ((sqrt(v) + eps) / sqrt(1 - beta2^t))
        else:     w = w - lr · m / (1 - beta1^t)

    t counts a parameter's steps from 1; m and v start from 0. decoupled_weight_decay=True keeps the
    decay out of the averages, as in AdamW. Liu et al. (2020), On the variance of the adaptive
    learning rate and beyond.

    >>> import minidl
    >>> w = minidl.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr · g
    >>> w.data
    array([ 0.5, -1. ], dtype=float32)
    """

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "decoupled_weight_decay": FLAG, "maximize": FLAG,
    }  # fmt: skip
    state = ("m", "v")
    kernel, nanoseconds = "radam", 0.9

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        )  # fmt: skip

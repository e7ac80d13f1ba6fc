"""The update rules of scikit-learn's solvers: minidl's, changed where these differ.

The penalty alpha / 2 · ||W||² is divided by the total weight of a batch's rows, so each batch has
its own weight decay.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..optim import SGD, Adam
from ..optim.compiled import Compiled


class Penalised(Compiled):
    """A rule with `weight_decay` alpha / total; `plan` gives the total of each coming batch."""

    _totals = np.ones(1)
    _done = 0

    def plan(self, totals: np.ndarray) -> None:
        """The total weights of the batches of the coming steps."""
        self._totals, self._done = totals, 0

    def coming(self, options: dict[str, Any], steps: int) -> dict[str, Any]:
        """The options with each step's own weight decay."""
        totals = self._totals[self._done : self._done + steps]
        self._done += steps
        return options | {"weight_decay": options["weight_decay"] / totals[:, None]}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set."""
        return self.lr

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.lr = rate

    def __reduce__(self) -> Any:
        # The blocks hold kernels, which cannot be pickled.
        return restored, (type(self), list(self.all_parameters()), self.state_dict())


def restored(kind: type[Any], parameters: list[Tensor], state: dict[str, Any]) -> Penalised:
    """The rule, restored from a pickle or a copy."""
    rule = kind(parameters, lr=1.0)
    rule.load_state_dict(state)
    return rule


class ScikitSGD(Penalised, SGD):
    """SGD whose velocity contains the learning rate, v = momentum · v - lr · g: if the rate
    changes, earlier steps keep their share with their old rate."""

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set."""
        return self.lr

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if rate and self.lr:
            for group in self._groups:
                for block in group.blocks:
                    if "velocity" in block.state:
                        block.state["velocity"] *= self.lr / rate
        self.lr = rate


class ScikitAdam(Penalised, Adam):
    """Adam with eps added to sqrt(v) before the correction: the form at the end of section 2 of
    Kingma and Ba."""

    kernel = "adam_early_eps"


def rule_for(estimator: Any, parameters: Sequence[Tensor]) -> Penalised:
    """The rule that the estimator's options name, for these parameters."""
    rate, alpha = float(estimator.learning_rate_init), float(estimator.alpha)
    if estimator.solver == "sgd":
        momentum = float(estimator.momentum)
        nesterov = bool(estimator.nesterovs_momentum) and momentum > 0
        return ScikitSGD(parameters, rate, momentum, nesterov=nesterov, weight_decay=alpha)
    betas = float(estimator.beta_1), float(estimator.beta_2)
    return ScikitAdam(parameters, rate, betas, float(estimator.epsilon), alpha)

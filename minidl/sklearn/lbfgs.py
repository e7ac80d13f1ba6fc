"""Training by SciPy's L-BFGS: the loss of all rows as a function of one vector of weights."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.optimize
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from ..layers.base import Parameter
from ..optim.block import gradient_of
from .losses import packed
from .network import outputs, parameters_of
from .rows import Sample


class Objective:
    """The loss with its penalty, and its gradient, as a function of a vector of all parameters.

    It is computed in double precision, as SciPy's line search needs, whatever the net's dtype.
    `shown` is the reported loss at the last vector.
    """

    def __init__(self, m: Any, sample: Sample) -> None:
        self.net, self.factor = m._net, m._loss.shown
        self.parameters: Sequence[Parameter] = list(m._net.parameters())
        self.matrices = [weight for weight, _ in parameters_of(m._net)]
        self.x = sample.x.toarray() if sparse.issparse(sample.x) else sample.x
        self.x = self.x.astype(np.float64, copy=False)
        self.y = packed(sample.y, sample.weights)
        self.loss = m._loss.of_batch(sample.weights is not None)
        total = len(sample) if sample.weights is None else sample.weights.sum()
        self.decay = m.alpha / total
        self.shown = np.inf

    def vector(self) -> np.ndarray:
        """All parameters, one after the other."""
        return np.concatenate([p.data.ravel() for p in self.parameters])

    def move_to(self, vector: np.ndarray) -> None:
        """Copies the vector's numbers into the net."""
        start = 0
        for p in self.parameters:
            p.data[...] = vector[start : start + p.size].reshape(p.shape)
            p.mark_written()
            start += p.size

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and gradient."""
        self.move_to(vector)
        self.net.zero_grad()
        loss = self.loss(self.net(self.x), self.y)
        loss.backward()
        gradients: dict[int, Any] = {id(p): gradient_of("lbfgs", p) for p in self.parameters}
        penalty = 0.0
        for weight in self.matrices:
            flat = weight.data.ravel()
            penalty += 0.5 * self.decay * float(flat @ flat)
            gradients[id(weight)] = gradients[id(weight)] + self.decay * weight.data
        self.shown = loss.item() * self.factor + penalty
        return loss.item() + penalty, np.concatenate([g.ravel() for g in gradients.values()])


def fit_lbfgs(m: Any, sample: Sample, validation: Sample | None) -> None:
    """Trains the estimator m on all rows at once."""
    dtype = m._dtype()
    m._net.astype(np.float64)
    objective = Objective(m, sample)
    m.loss_curve_ = []
    m.validation_loss_curve_ = None if validation is None else []

    def note(_: np.ndarray) -> None:
        m.loss_curve_.append(objective.shown)
        if m.verbose:
            print(f"Iteration {len(m.loss_curve_)}, loss = {objective.shown:.8f}")
        if validation is not None:
            values = outputs(m._net, validation.x.astype(np.float64))
            m.validation_loss_curve_.append(m._loss_of(values, validation))

    result = scipy.optimize.minimize(
        objective, objective.vector(), method="L-BFGS-B", jac=True, callback=note,
        options={"maxfun": m.max_fun, "maxiter": m.max_iter, "gtol": m.tol},
    )  # fmt: skip
    objective(result.x)
    m._net.zero_grad()
    m._net.astype(dtype)
    m.loss_ = objective.shown
    m.n_iter_ = min(int(result.nit), m.max_iter)
    if result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge after {m.n_iter_} iteration(s) (status={result.status}): "
            f"{result.message}. You might also want to scale the data, or to increase max_iter.",
            ConvergenceWarning,
            stacklevel=5,
        )

"""`MLPRegressor`."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from .base import BaseMLP, is_stochastic
from .losses import Loss, regressor_loss
from .options import one_of
from .rows import Sample


class MLPRegressor(RegressorMixin, BaseMLP):
    """A regressor with scikit-learn's interface, trained by minidl's kernels."""

    _own_options = {"loss": one_of("squared_error", "poisson", "huber")}
    _checks_of_y = {"y_numeric": True}

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        maxout_pieces: int = 2,
        dropout: float = 0.0,
        batch_norm: bool = False,
        max_norm: float | None = None,
        callbacks: Any = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._keep(locals())

    def _targets(self, y: np.ndarray) -> np.ndarray:
        targets = y.reshape(-1, 1) if y.ndim == 1 else y
        if self.loss == "poisson" and not (targets >= 0).all():
            raise ValueError("MLPRegressor: loss='poisson' needs y >= 0.")
        return targets.astype(np.float64, copy=False)

    def _count_outputs(self, targets: np.ndarray) -> int:
        return targets.shape[1]

    def _make_loss(self) -> Loss:
        return regressor_loss(self.loss, self.n_outputs_)

    def _score_of(self, outputs: np.ndarray, sample: Sample) -> float:
        predicted = self._predicted(outputs)
        return float(r2_score(sample.labels, predicted, sample_weight=sample.weights))

    def _predicted(self, outputs: np.ndarray) -> np.ndarray:
        values = np.exp(outputs) if self.out_activation_ == "exp" else outputs
        return values.ravel() if values.shape[1] == 1 else values

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One more epoch on X and y; otherwise as fit."""
        return self._fit(X, y, sample_weight, None, is_incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """The predicted quantities, (n,), or (n, outputs) where y had several columns."""
        return self._predicted(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

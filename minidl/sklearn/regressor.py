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
    """scikit-learn's MLPRegressor, trained by minidl's kernels, with more options.

    The options up to max_fun are scikit-learn's, with its defaults; the same random_state gives the
    same weights, up to rounding. The new options are

    - loss: "squared_error", "poisson", or "huber" with delta 1, which outliers influence less
    - activation: also the name of any registered activation, its class, or a layer such as
      nn.LeakyReLU(0.3); a list has one for each hidden layer
    - maxout_pieces: for "maxout"; the layer before has this many times the columns in `coefs_`
    - learning_rate: also a function of the epoch 0, 1, 2 ..., such as schedules.cosine(200), which
      multiplies learning_rate_init, for adam too
    - dropout: the probability, after every hidden activation
    - batch_norm: BatchNorm before every hidden activation
    - max_norm: a bound on the norm of each unit's weights
    - callbacks: those of `minidl.train`, called for every epoch of fit; training can be stopped
      after an epoch
    - progress: True for a progress bar, "line" for one line for each epoch
    - n_threads: for the kernels; None for minidl's own number. The bits do not depend on it

    dropout, batch_norm, max_norm and callbacks are for solver="sgd" and "adam".

    Attributes are scikit-learn's. `validation_loss_curve_` exists after a fit with validation data
    or early stopping, and does not contain the penalty. If an epoch has several batches, the
    penalty in `loss_curve_` is assumed to change evenly between them.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, scaled=True)
    >>> net = MLPRegressor(hidden_layer_sizes=8, activation="softplus", solver="lbfgs",
    ...                    alpha=1, max_iter=1000, random_state=0)
    >>> net.fit(X, y / 100).score(X, y / 100) > 0.4
    True
    """

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
        """One more epoch on X and y; otherwise like fit."""
        return self._fit((X, y, sample_weight), is_incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """The predicted quantities, (n,), or (n, outputs) if y had several columns."""
        return self._predicted(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

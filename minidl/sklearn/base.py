"""What the classifier and the regressor share: fit, and the net behind it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from .._kernels import set_num_threads
from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..layers.containers import Sequential
from ..losses.checks import weights as checked_weights
from ..optim.arguments import Option
from ..tools.checks import is_number
from . import network
from .lbfgs import fit_lbfgs
from .losses import Loss
from .options import check_options, hidden_activations, hidden_sizes
from .rows import Sample
from .stochastic import fit_stochastic
from .undo import all_or_nothing

Given = tuple[Any, Any, Any]  # X, y and the rows' weights, as the user has them
NOTHING: Given = (None, None, None)
FLOATS = (np.float64, np.float32)  # x of any other dtype becomes the first of them

# The attributes that describe the epochs.
RECORD = ("loss_curve_", "best_loss_", "validation_loss_curve_", "validation_scores_",
          "best_validation_score_", "_no_improvement_count")  # fmt: skip


def is_stochastic(estimator: Any) -> bool:
    """Whether the solver trains by epochs; AttributeError if not."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit: expected solver 'sgd' or 'adam', got 'lbfgs'.")
    return True


class BaseMLP(BaseEstimator):
    """A net of dense layers as an estimator.

    `coefs_` and `intercepts_` hold the net's own arrays: if their elements change, or other arrays
    replace them, the net computes with these. A subclass defines targets and predictions.
    """

    _own_options: dict[str, Option] = {}  # besides the shared ones
    _checks_of_y: dict[str, Any] = {}

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Sets the constructor's arguments as attributes."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def _check_options(self) -> None:
        """ArgumentError for options that make no sense."""
        check_options(self, self._own_options)

    # What a subclass defines.

    def _learn_classes(self, y: np.ndarray, is_incremental: bool) -> None:
        """Learns which classes there are; ValueError if y has classes that it may not have."""

    def _require_known(self, y: np.ndarray) -> None:
        """ValueError if y has classes that were not learned."""

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """y in the form for the loss."""
        raise NotImplementedError

    def _count_outputs(self, targets: np.ndarray) -> int:
        """The number of the net's outputs for such targets."""
        raise NotImplementedError

    def _make_loss(self) -> Loss:
        """The loss that the options name."""
        raise NotImplementedError

    def _score_of(self, outputs: np.ndarray, sample: Sample) -> float:
        """The score of the predictions from these outputs."""
        raise NotImplementedError

    def _weigh(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """The weights of the rows, from the user's weights."""
        return weights

    def _stratifies(self) -> bool:
        """Whether early stopping holds out the same share of every class."""
        return False

    # Fitting.

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Trains on X (n, features), an array, data frame or sparse matrix, and y; returns the
        estimator.

        `sample_weight` (n,) says how much each row counts. `X_val` and `y_val`, perhaps with
        `sample_weight_val`, are for validation: their loss after each epoch is in
        `validation_loss_curve_`, and early stopping uses them instead of setting rows of X aside.
        ValueError, before training begins, for data or options that make no sense. If fit fails,
        then or later, the estimator stays unchanged.
        """
        return self._fit((X, y, sample_weight), (X_val, y_val, sample_weight_val))

    def _fit(self, given: Given, validation: Given = NOTHING, is_incremental: bool = False) -> Any:
        with all_or_nothing(self):
            self._train(given, validation, is_incremental)
        return self

    def _train(self, given: Given, given_for_validation: Given, is_incremental: bool) -> None:
        self._check_options()
        if is_incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        is_first = not hasattr(self, "coefs_") or not (self.warm_start or is_incremental)
        X, y, weights = self._checked(*given, is_first)
        self._learn_classes(y, is_incremental)
        dtype = X.dtype if is_first else self._dtype()
        sample = self._sample(X, y, weights, dtype)
        validation = None
        if any(part is not None for part in given_for_validation):
            validation = self._sample(*self._checked_validation(*given_for_validation), dtype)
        self._random_state = check_random_state(self.random_state)
        if is_first:
            self._start(sample)
        elif self._described() != getattr(self, "_net_described", None):
            self._build(self._dtype())  # the options were changed, or the weights set by hand
        net = self._network()
        self._loss = self._make_loss()
        self.out_activation_ = self._loss.activation
        with self._threads():
            if self.solver == "lbfgs":
                fit_lbfgs(self, sample, validation)
            else:
                fit_stochastic(self, sample, validation, is_incremental)
        self.coefs_, self.intercepts_ = network.weights_of(net)
        if not all(np.isfinite(p.data).all() for p in net.parameters()):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, is_first: bool
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and the weights as arrays, X perhaps as a CSR matrix."""
        X, y = validate_data(
            self, X, y, reset=is_first, accept_sparse="csr", multi_output=True, dtype=FLOATS,
            **self._checks_of_y,
        )  # fmt: skip
        y = y.toarray() if sparse.issparse(y) else y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is None:
            return X, y, None
        if is_number(sample_weight):
            sample_weight = np.full(len(y), sample_weight)
        return X, y, checked_weights(type(self).__name__, "sample_weight", sample_weight, (len(y),))

    def _checked_validation(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """The user's validation data, checked."""
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            wanted = "X_val and y_val together"
            raise ArgumentError(explain(type(self).__name__, wanted, f"{missing}=None"))
        X, y, weights = self._checked(X, y, sample_weight, is_first=False)
        self._require_known(y)
        return X, y, weights

    def _sample(self, X: Any, y: np.ndarray, weights: np.ndarray | None, dtype: np.dtype) -> Sample:
        """Checked data in the form for the solvers."""
        targets = self._targets(y)
        if targets.dtype.kind == "f":
            targets = targets.astype(dtype, copy=False)
        name = type(self).__name__
        sample = Sample(X.astype(dtype, copy=False), targets, y, weights).without_weightless(name)
        weights = self._weigh(sample.labels, sample.weights)
        return Sample(sample.x, sample.y, sample.labels, weights).without_weightless(name)

    def _start(self, sample: Sample) -> None:
        """The attributes of a first fit, before any training."""
        self.n_iter_ = self.t_ = 0
        self.n_outputs_ = self._count_outputs(sample.y)
        self._build(sample.x.dtype)
        self.n_layers_ = len(self._sizes())
        self.coefs_, self.intercepts_ = network.first_weights(
            self._net, self.activation, self._random_state
        )
        network.seed_dropout(self._net, self._random_state)
        for name in RECORD:
            setattr(self, name, None)

    # The net.

    def _sizes(self) -> list[int]:
        hidden = hidden_sizes(type(self).__name__, self.hidden_layer_sizes)
        return [self.n_features_in_, *hidden, self.n_outputs_]

    def _described(self) -> str:
        """The options that the net is built from."""
        own = self.activation, self.maxout_pieces, self.dropout, self.batch_norm
        return repr((self._sizes(), *own))

    def _build(self, dtype: np.dtype) -> None:
        """Builds the net that the options describe, without weights; drops the optimiser."""
        sizes, name = self._sizes(), type(self).__name__
        activations = hidden_activations(name, self.activation, len(sizes) - 2, self.maxout_pieces)
        self._net = network.build(sizes, activations, self.dropout, self.batch_norm, dtype)
        self._net_described = self._described()
        if hasattr(self, "_optimizer"):
            del self._optimizer

    def _network(self) -> Sequential:
        """The net with the weights in `coefs_` and `intercepts_`."""
        if not hasattr(self, "_net"):  # the weights were set by hand
            self._build(self._dtype())
        network.adopt(self._net, self.coefs_, self.intercepts_)
        return self._net

    def _dtype(self) -> np.dtype:
        """The dtype of the weights."""
        dtype = np.asarray(self.coefs_[0]).dtype
        return dtype if dtype in FLOATS else np.dtype(FLOATS[0])

    def _threads(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.n_threads is None else set_num_threads(int(self.n_threads))

    def _outputs(self, X: Any) -> np.ndarray:
        """The net's outputs for X, before the output's activation."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=FLOATS)
        with self._threads():
            return network.outputs(self._network(), X.astype(self._dtype(), copy=False))

    def _loss_of(self, outputs: np.ndarray, sample: Sample) -> float:
        """The loss for these outputs, without penalty."""
        options = {} if sample.weights is None else {"sample_weight": sample.weights}
        with no_grad():
            loss = self._loss.function(Tensor(outputs), sample.y, **options)
        return loss.item() * self._loss.shown

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

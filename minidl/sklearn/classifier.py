"""`MLPClassifier`."""

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from ..errors import ArgumentError, explain
from ..optim.arguments import SHARE
from ..tools.checks import not_negative
from .base import BaseMLP, is_stochastic
from .losses import Loss, class_targets, classifier_loss
from .options import CLASS_WEIGHT, one_of
from .rows import Sample
from .undo import all_or_nothing


def gives_probabilities(estimator: Any) -> bool:
    """Whether the outputs mean probabilities; those of hinge are scores."""
    if estimator.loss == "hinge":
        raise AttributeError("loss='hinge' gives no probabilities. Try: loss='log_loss'")
    return True


def balanced(y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """By which each row's weight is multiplied so that the k classes, of total weight T, have the
    weight T / k each; for several labels, the product over them.

    >>> balanced(np.array([0, 0, 0, 1]), None)
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    factors = np.ones(len(y))
    for labels in y.reshape(len(y), -1).T:
        _, which = np.unique(labels, return_inverse=True)
        totals = np.bincount(which, weights)
        factors *= totals.sum() / (len(totals) * totals[which])
    return factors


class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's MLPClassifier, trained by minidl's kernels, with more options.

    The options up to max_fun are scikit-learn's, with its defaults; the same random_state gives the
    same weights, up to rounding. The new options are

    - loss: "log_loss", or "hinge": `hinge` for two classes and for each of several labels,
      `multi_margin` for more classes. Hinge gives scores (`decision_function`), not probabilities
    - class_weight: None, a dict, or "balanced", by which the rows of each class weigh as much as
      those of any other; it multiplies the rows' weights
    - label_smoothing: the share of the targets that is spread over all classes
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

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((16, 8), ["tanh", "maxout"], solver="lbfgs", alpha=1,
    ...                     max_iter=1000, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.95
    True
    """

    _own_options = {
        "loss": one_of("log_loss", "hinge"), "label_smoothing": SHARE, "class_weight": CLASS_WEIGHT,
    }  # fmt: skip

    def __init__(
        self,
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
        loss: str = "log_loss",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        maxout_pieces: int = 2,
        dropout: float = 0.0,
        batch_norm: bool = False,
        max_norm: float | None = None,
        callbacks: Any = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._keep(locals())

    def _check_options(self) -> None:
        super()._check_options()
        if self.loss == "hinge" and self.label_smoothing:
            wanted = "label_smoothing=0 with loss='hinge'"
            raise ArgumentError(explain(type(self).__name__, wanted, self.label_smoothing))

    def _learn_classes(self, y: np.ndarray, is_incremental: bool) -> None:
        if hasattr(self, "classes_") and (self.warm_start or is_incremental):
            if self.warm_start:
                self._require_all_classes(y)
            self._require_known(y)
        else:
            self._set_classes(y)

    def _set_classes(self, y: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_

    def _require_all_classes(self, y: np.ndarray) -> None:
        """ValueError unless y has the classes of the previous fit."""
        classes = unique_labels(y)
        if set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )

    def _require_known(self, y: np.ndarray) -> None:
        classes = unique_labels(y)
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )

    @property
    def _kind(self) -> str:
        """The kind of decision: "binary", "multiclass" or "multilabel-indicator"."""
        return self._label_binarizer.y_type_

    def _targets(self, y: np.ndarray) -> np.ndarray:
        if self._kind == "multiclass":
            return np.searchsorted(self.classes_, y)
        labels = self._label_binarizer.transform(y)
        return class_targets(labels, self.loss, self.label_smoothing)

    def _count_outputs(self, targets: np.ndarray) -> int:
        return len(self.classes_) if targets.ndim == 1 else targets.shape[1]

    def _make_loss(self) -> Loss:
        return classifier_loss(self.loss, self._kind, self.n_outputs_, self.label_smoothing)

    def _weigh(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        if self.class_weight == "balanced":
            of_class = balanced(y, weights)
        else:
            of_class = compute_sample_weight(self.class_weight, y)
            not_negative(type(self).__name__, "class_weight", of_class)
        return of_class if weights is None else of_class * weights

    def _stratifies(self) -> bool:
        return self.n_outputs_ == 1

    def _score_of(self, outputs: np.ndarray, sample: Sample) -> float:
        predicted = self._labels_of(outputs)
        return float(accuracy_score(sample.labels, predicted, sample_weight=sample.weights))

    def _labels_of(self, outputs: np.ndarray) -> np.ndarray:
        if self.n_outputs_ == 1:
            outputs = outputs.ravel()
        # A probability is above 1/2 where its logit is above 0.
        return self._label_binarizer.inverse_transform(outputs, threshold=0.0)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """One more epoch on X and y; otherwise like fit.

        `classes` are all classes that will ever occur; the first call needs them, and any later
        call must give the same or none.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not known to partial_fit, which sees some rows only. "
                "Try: a dict of weights"
            )
        if hasattr(self, "classes_"):
            if classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                    f"{self.classes_!r}"
                )
        elif classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if hasattr(self, "classes_"):
            return self._fit((X, y, sample_weight), is_incremental=True)
        with all_or_nothing(self):
            is_multilabel = type_of_target(y).startswith("multilabel")
            self._set_classes(y if is_multilabel else classes)
            return self._fit((X, y, sample_weight), is_incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, (n,); for several labels 0 or 1, (n, labels)."""
        return self._labels_of(self._outputs(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """The scores before softmax or the logistic function: (n,) for two classes, where a score
        above 0 means the second class, else (n, classes)."""
        outputs = self._outputs(X)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    @available_if(gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (n, classes)."""
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return softmax(outputs, axis=1)
        probabilities = expit(outputs)
        if self.n_outputs_ > 1:
            return probabilities
        return np.hstack([1 - probabilities, probabilities])

    @available_if(gives_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

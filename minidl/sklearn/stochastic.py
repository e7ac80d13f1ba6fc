"""Training by sgd and adam: scikit-learn's loop over the epochs; a `TrainingStep` runs each."""

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from ..step.training import TrainingStep
from ..train import Callback
from ..train.progress import progress_of
from .losses import packed
from .network import outputs
from .rows import Sample, rows_of
from .rules import rule_for
from .watch import Watch

SMALLEST_RATE = 1e-6  # at which "adaptive" stops
DIVISOR = 5.0  # by which "adaptive" divides the rate


def fit_stochastic(m: Any, sample: Sample, validation: Sample | None, is_incremental: bool) -> None:
    """Trains the estimator m for its epochs; for one epoch if it is incremental."""
    if m.early_stopping and validation is None:
        sample, validation = split(m, sample)
    if not (is_incremental and hasattr(m, "_optimizer")):
        m._optimizer = rule_for(m, list(m._net.parameters()))
    watchers = [] if is_incremental else [*(m.callbacks or ()), *progress_of(m.progress)]
    epochs = Epochs(m, sample, validation, watchers)
    m.n_iter_ = 0
    with epochs.watched():
        try:
            while not epochs.is_last(is_incremental):
                epochs.run_one()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
    if m.early_stopping:
        m._net.load_state_dict(epochs.best)


def split(m: Any, sample: Sample) -> tuple[Sample, Sample]:
    """The rows for training and those held out, with the same shares of two classes."""
    is_stratified = m._stratifies()
    train, held_out = train_test_split(
        np.arange(len(sample)), random_state=m._random_state, test_size=m.validation_fraction,
        stratify=sample.y > 0.5 if is_stratified else None,
    )  # fmt: skip
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return sample.take(train), sample.take(held_out)


class Epochs:
    """A fit in progress: what its epochs need, so that each takes little time in Python."""

    def __init__(
        self, m: Any, sample: Sample, validation: Sample | None, watchers: list[Callback]
    ) -> None:
        self.m, self.sample, self.validation = m, sample, validation
        size = clipped_batch(m.batch_size, len(sample))
        self.rows = rows_of(sample.x, packed(sample.y, sample.weights), size)
        self.rows.least = 2 if m.batch_norm else 1  # one row has no variance
        loss = m._loss.of_batch(sample.weights is not None)
        self.step = TrainingStep(m._net, loss, m._optimizer, max_norm=m.max_norm)
        self.counts = self.rows.totals(None)
        self.totals, self.seen = self.counts, self.counts.sum()
        self.is_stopped = False
        self.best = m._net.state_dict() if m.early_stopping else {}
        begin_record(m, validation is not None)
        self.watch = Watch(self.step, self.rows, m, self.columns(), watchers) if watchers else None

    def is_last(self, is_incremental: bool) -> bool:
        """Whether no epoch follows."""
        m = self.m
        if is_incremental:
            return m.n_iter_ == 1
        if self.is_stopped or m.n_iter_ < m.max_iter:
            return self.is_stopped
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({m.max_iter}) reached and the optimization "
            "hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=6,
        )
        return True

    def run_one(self) -> None:
        """One epoch, and the consequences of its loss."""
        m = self.m
        if callable(m.learning_rate):
            m._optimizer.learning_rate = m.learning_rate_init * m.learning_rate(m.n_iter_)
        m.loss_ = self.loss_of_epoch()
        m.n_iter_ += 1
        m.t_ += len(self.sample)
        m.loss_curve_.append(m.loss_)
        if m.verbose:
            print(f"Iteration {m.n_iter_}, loss = {m.loss_:.8f}")
        if self.validation is not None:
            self.validate(self.validation)
        if self.watch is not None:
            self.is_stopped = self.watch.end_epoch(self.row())
        self.count_no_improvement()
        if m.learning_rate == "invscaling" and m.solver == "sgd":
            m._optimizer.learning_rate = m.learning_rate_init / (m.t_ + 1) ** m.power_t
        if m._no_improvement_count > m.n_iter_no_change:
            self.stop_or_slow_down()

    def loss_of_epoch(self) -> float:
        """Trains on every batch once; returns the mean loss, with the penalty."""
        m, rows = self.m, self.rows
        if not m._net.training:
            m._net.train()
        if m.shuffle:
            rows.shuffle(m._random_state)
        if self.sample.weights is not None:
            self.totals = rows.totals(self.sample.weights)
        m._optimizer.plan(self.totals)
        self.step.squares = [] if m.alpha else None
        train = self.step.epoch if self.watch is None else self.watch.epoch
        losses = train(rows) * m._loss.shown
        if self.step.squares is not None:  # a batch's penalty uses the weights before its step
            losses = losses + 0.5 * m.alpha * np.concatenate(self.step.squares) / self.totals
        return float(losses @ self.counts) / self.seen

    def validate(self, validation: Sample) -> None:
        """The loss, and if it decides the score, of the rows held out."""
        m = self.m
        values = outputs(m._net, validation.x)
        m.validation_loss_curve_.append(m._loss_of(values, validation))
        if m.early_stopping:
            score = m._score_of(values, validation) if np.isfinite(values).all() else float("nan")
            m.validation_scores_.append(score)
            if m.verbose:
                print(f"Validation score: {score:f}")

    def count_no_improvement(self) -> None:
        """Counts the epochs in a row without progress, and notes the best value."""
        m = self.m
        if m.early_stopping:
            score = m.validation_scores_[-1]
            is_worse = score < m.best_validation_score_ + m.tol
            if score > m.best_validation_score_:
                m.best_validation_score_ = score
                self.best = m._net.state_dict()
        else:
            is_worse = m.loss_ > m.best_loss_ - m.tol
            m.best_loss_ = m.loss_ if m.loss_ < m.best_loss_ else m.best_loss_
        m._no_improvement_count = m._no_improvement_count + 1 if is_worse else 0

    def stop_or_slow_down(self) -> None:
        """Acts after too many epochs without progress: stops, or lowers the rate."""
        m = self.m
        what = "Validation score" if m.early_stopping else "Training loss"
        epochs = f"tol={m.tol:f} for {m.n_iter_no_change} consecutive epochs."
        rate = m._optimizer.learning_rate
        if m.learning_rate == "adaptive" and m.solver == "sgd" and rate > SMALLEST_RATE:
            m._optimizer.learning_rate = rate / DIVISOR
            m._no_improvement_count = 0
            action = f"Setting learning rate to {rate / DIVISOR:f}"
        else:
            self.is_stopped = True
            action = "Stopping."
        if m.verbose:
            print(f"{what} did not improve more than {epochs} {action}")

    def columns(self) -> list[str]:
        """The columns of the history."""
        score = ["validation_score"] if self.m.early_stopping else []
        loss = ["validation_loss"] if self.validation is not None else []
        return ["epoch", "loss", "rate", *loss, *score]

    def row(self) -> dict[str, float]:
        """The finished epoch, for the callbacks."""
        m = self.m
        values = {"epoch": m.n_iter_, "loss": m.loss_, "rate": m._optimizer.learning_rate}
        if self.validation is not None:
            values["validation_loss"] = m.validation_loss_curve_[-1]
        if m.early_stopping:
            values["validation_score"] = m.validation_scores_[-1]
        return values

    def watched(self) -> AbstractContextManager[None]:
        """Within the block the callbacks know that training is in progress."""
        return nullcontext() if self.watch is None else self.watch.open()


def begin_record(m: Any, is_validated: bool) -> None:
    """The attributes that describe the epochs; those of an earlier fit are continued."""
    starts: dict[str, Any] = {"loss_curve_": [], "_no_improvement_count": 0}
    if is_validated:
        starts["validation_loss_curve_"] = []
    if m.early_stopping:
        starts |= {"validation_scores_": [], "best_validation_score_": -np.inf}
        m.best_loss_ = None
    else:
        starts["best_loss_"] = np.inf
        m.validation_scores_ = m.best_validation_score_ = None
    for name, start in starts.items():
        if getattr(m, name, None) is None:
            setattr(m, name, start)


def clipped_batch(wanted: Any, samples: int) -> int:
    """The batch size, at most all samples."""
    if wanted == "auto":
        return min(200, samples)
    if wanted > samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=7,
        )
    return min(int(wanted), samples)

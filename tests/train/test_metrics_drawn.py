"""Metrics against scikit-learn's on drawn data: one logit, two columns, classes, labels."""

from functools import partial

import numpy as np
import pytest
import sklearn.metrics as sk

import minidl
from minidl import functional as F
from minidl import nn, train
from minidl.train.metrics import NAMED, find, is_better_when

ROUNDING = 1e-12  # of sums of some ten float64 numbers around 1
KINDS = ("one logit", "a column", "two columns", "classes", "predictions", "rows", "labels")
AVERAGES = ("auto", "macro", "micro", "weighted", "binary", None)
RATES = {
    train.precision: sk.precision_score,
    train.recall: sk.recall_score,
    train.f1: sk.f1_score,
}


class Drawn:
    """y and outputs as minidl takes them, and what scikit-learn is told of the same."""

    def __init__(self, kind, seed):
        rng = np.random.default_rng((KINDS.index(kind), seed))
        n = int(rng.integers(1, 12))
        self.labels = kind == "labels"
        self.count = 2 if kind in KINDS[:3] else int(rng.integers(3, 5))
        shift = rng.choice([-3, 0, 3])  # in some draws nothing is positive, or all is
        scores = (rng.normal(size=(n, self.count)) + shift).round(int(rng.integers(0, 3)))
        self.truth = rng.integers(0, self.count, n)
        self.predicted = scores.argmax(1)
        self.y, self.outputs, self.scores = self.truth, scores, scores[:, 1] - scores[:, 0]
        if kind in ("one logit", "a column"):
            self.outputs = self.scores = scores[:, 0]
            self.predicted = (self.scores > 0).astype(int)
        if kind == "a column":
            self.outputs, self.y = self.outputs[:, None], self.y[:, None]
            self.y = rng.choice([0, 1]) * (self.y * 2 - 1 - self.y) + self.y  # some as -1 and 1
        if kind == "predictions":
            self.outputs = self.predicted
        if kind == "rows":
            self.y = np.eye(self.count)[self.truth]
        if kind == "labels":
            self.y = self.truth = rng.integers(0, 2, (n, self.count))
            self.predicted, self.scores = (scores > 0).astype(int), scores
        if self.y.min() >= 0 and self.y.max() <= 1:
            self.y = self.y.astype(rng.choice(["bool", "int8", "float32", "float64"]))
        self.options = {"multi_label": True} if self.labels else {}

    def rates(self, average):
        """scikit-learn's precision, recall and F1; ValueError where it has none."""
        present = sorted({*self.truth.ravel(), *self.predicted.ravel()})
        columns = range(self.count)
        usual = "macro" if self.labels or self.classes_told() > 2 else "binary"
        average = usual if average == "auto" else average
        if average == "binary" and (self.labels or self.classes_told() > 2):
            raise ValueError
        labels = columns if self.labels or average is None else present
        if average == "binary":
            labels = None
        return sk.precision_recall_fscore_support(
            self.truth, self.predicted, average=average, labels=labels, zero_division=0.0
        )[:3]

    def classes_told(self):
        """How many classes there are, by what minidl is given."""
        if self.outputs.ndim == 1 and self.outputs.dtype.kind == "i":
            return 1 + max(self.truth.max(), self.predicted.max())
        return self.count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")  # scikit-learn tells of each 0 / 0
def test_rates_and_accuracy_are_scikit_learns(kind):
    for seed in range(20):
        drawn = Drawn(kind, seed)
        got = train.accuracy(drawn.y, drawn.outputs, **drawn.options)
        assert got == pytest.approx(sk.accuracy_score(drawn.truth, drawn.predicted))
        for average in AVERAGES:
            options = {"average": average, **drawn.options}
            if average is None and kind == "predictions":
                options["classes"] = drawn.count
            mine = [partial(rate, drawn.y, drawn.outputs, **options) for rate in RATES]
            try:
                expected = drawn.rates(average)
            except ValueError:
                with pytest.raises(minidl.ArgumentError, match="two classes"):
                    mine[0]()
            else:
                got = [rate() for rate in mine]
                np.testing.assert_allclose(got, expected, atol=ROUNDING)


@pytest.mark.parametrize("kind", ["one logit", "a column", "two columns", "labels"])
@pytest.mark.filterwarnings("ignore")
def test_auc_is_scikit_learns(kind):
    for seed in range(40):
        drawn = Drawn(kind, seed)
        columns = drawn.truth.T if drawn.labels else [drawn.truth]
        expected = np.nan  # where one class alone is true, for which it has no number
        if all(len(set(column)) == 2 for column in columns):
            expected = sk.roc_auc_score(drawn.truth, drawn.scores)
        got = train.auc(drawn.y, drawn.outputs, **drawn.options)
        np.testing.assert_allclose(got, expected, atol=ROUNDING)


@pytest.mark.parametrize("columns", [1, 3])
def test_mae_is_scikit_learns(columns):
    rng = np.random.default_rng(columns)
    y, found = rng.normal(size=(2, 20, columns))
    assert train.mae(y, found) == pytest.approx(sk.mean_absolute_error(y, found), abs=ROUNDING)
    assert train.mae(y[:, 0], found[:, :1]) == train.mae(y[:, :1], found[:, 0])
    assert np.isnan(train.mae(y[:0], found[:0]))
    assert np.isnan(train.mae(y, found * np.nan))


def test_auc_of_nan_and_of_no_rows_is_nan():
    assert np.isnan(train.auc([0, 1], [0.0, np.nan]))
    assert np.isnan(train.auc(np.empty(0), np.empty(0)))
    assert train.auc([0, 1, 1], [-np.inf, 0.0, np.inf]) == 1.0


# ---- By name, beside a loss ---------------------------------------------------------------------

OF_LABELS = [
    name for name in NAMED if name not in ("confusion_matrix", "r2", "mae")
]  # what has a value of labels


@pytest.mark.parametrize("loss", [F.binary_cross_entropy_with_logits, F.hinge])
@pytest.mark.parametrize("name", OF_LABELS)
def test_the_loss_says_that_columns_are_labels(loss, name):
    rng = np.random.default_rng(3)
    y = np.eye(3)[rng.integers(0, 3, 40)]  # one label in each row, as classes have too
    x = rng.normal(size=(40, 2)).astype(np.float32)
    net = nn.Dense(2, 3)
    y = 2 * y - 1 if loss is F.hinge else y
    given = partial(loss, reduction="mean")
    got = train.evaluate(net, (x, y), given, [name])[name]
    scores = train.predict(net, x)
    truth, predicted = (y > 0).astype(int), (scores > 0).astype(int)
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "auc": sk.roc_auc_score(truth, scores),
    }
    for mine, function in RATES.items():
        rate = mine.__name__
        expected[rate] = expected[f"{rate}_macro"] = function(truth, predicted, average="macro")
        expected[f"{rate}_micro"] = function(truth, predicted, average="micro")
    assert got == pytest.approx(expected[name], abs=ROUNDING)
    if hasattr(train, name):
        same = train.evaluate(net, (x, y), given, [getattr(train, name)])
        assert same[name] == got
    assert train.evaluate(net, (x, truth), F.mse, ["accuracy"])["accuracy"] == pytest.approx(
        (scores.argmax(1) == truth.argmax(1)).mean()
    )


def test_f1_by_name_is_that_of_the_positive_class():
    y, scores = np.array([0, 1, 1, 0, 1, 0]), np.array([[0, 1], [0, 1], [1, 0]] * 2)
    assert find("f1")[1](y, scores) == sk.f1_score(y, scores.argmax(1))
    macro = sk.f1_score(y, scores.argmax(1), average="macro")
    assert find("f1_macro")[1](y, scores) == macro
    assert find(partial(train.f1, average="macro"))[0] == "f1"


def test_early_stopping_knows_which_is_better():
    for name in NAMED:
        if name != "confusion_matrix":
            y = np.array([0, 1, 1, 0])
            good, bad = (find(name)[1](y, scores) for scores in (2.0 * y - 0.5, 0.5 - 2.0 * y))
            assert is_better_when(name) == ("max" if good > bad else "min")


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("accuracy", r"Try: metrics=\['accuracy'\]"),
        (["f1", partial(train.f1, average="macro")], "different names"),
        (["acc"], "one of accuracy"),
    ],
)
def test_metrics_are_a_list_of_different_names(metrics, message):
    with pytest.raises(minidl.ArgumentError, match=message):
        train.evaluate(nn.Dense(2, 2), (np.ones((3, 2)), [0, 1, 1]), F.cross_entropy, metrics)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train.accuracy([[1, 1], [0, 1]], np.eye(2)), r"row 0. Try: multi_label=True"),
        (lambda: train.f1([[0, 0], [0, 1]], np.eye(2)), r"one class for each row"),
        (lambda: train.accuracy([0, 2], [0.5, -0.5]), "y of 0 and 1, or of -1 and 1"),
        (lambda: train.accuracy([-1, 0], [0.5, -0.5]), "y of 0 and 1, or of -1 and 1"),
        (lambda: train.accuracy([0, 5], np.eye(2)), "classes from 0 to 1"),
        (lambda: train.accuracy([0, 1], [0, -1]), "outputs of classes from 0 up"),
        (lambda: train.accuracy(["a", "b"], np.eye(2)), r"np.unique\(y, return_inverse=True\)"),
        (lambda: train.accuracy(np.eye(3)[:2], np.eye(2)), "y of 2 columns"),
        (lambda: train.accuracy([[0.3, 1.0]], [[1.0, 2.0]], multi_label=True), "y of 0 and 1"),
        (lambda: train.f1([0, 1], np.eye(2), multi_label=True), "y of the outputs' shape"),
        (lambda: train.auc([0, 1, 2], np.eye(3)), "two classes"),
        (lambda: train.auc([0.0, 0.5], [1.0, 2.0]), "y of 0 and 1"),
        (lambda: train.mae([1.0], [1.0, 2.0]), "y's shape"),
    ],
)
def test_what_has_no_right_value_is_refused(call, message):
    with pytest.raises(minidl.MinidlError, match=message):
        call()


# ---- Weights of rows ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")  # scikit-learn tells of each 0 / 0
def test_weighted_metrics_of_classes_are_scikit_learns(kind):
    for seed in range(15):
        drawn, rng = Drawn(kind, seed), np.random.default_rng(seed)
        weights = rng.uniform(0.1, 3, len(drawn.y)) * (rng.random(len(drawn.y)) < 0.8)
        if not weights.any():
            continue
        given = {"sample_weight": weights, **drawn.options}
        expected = sk.accuracy_score(drawn.truth, drawn.predicted, sample_weight=weights)
        assert train.accuracy(drawn.y, drawn.outputs, **given) == pytest.approx(expected)
        columns = [*range(drawn.count)]
        more = {"classes": drawn.count} if kind == "predictions" else {}
        for average in ("micro", None):
            expected = sk.precision_recall_fscore_support(
                drawn.truth, drawn.predicted, average=average, labels=columns, zero_division=0.0,
                sample_weight=weights,
            )[:3]  # fmt: skip
            for rate, value in zip(RATES, expected, strict=True):
                found = rate(drawn.y, drawn.outputs, average=average, **given, **more)
                np.testing.assert_allclose(found, value, atol=ROUNDING)
        if not drawn.labels:
            expected = sk.confusion_matrix(
                drawn.truth, drawn.predicted, labels=columns, sample_weight=weights
            )
            found = train.confusion_matrix(drawn.y, drawn.outputs, sample_weight=weights, **more)
            np.testing.assert_allclose(found, expected, atol=ROUNDING)
        if drawn.outputs.ndim == 2 and drawn.count > 2 and not drawn.labels:
            expected = sk.top_k_accuracy_score(
                drawn.truth, drawn.outputs, k=2, labels=columns, sample_weight=weights
            )
            found = train.top_k(drawn.y, drawn.outputs, 2, sample_weight=weights)
            if len(np.unique(drawn.outputs)) == drawn.outputs.size:  # ties differ
                assert found == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
def test_weighted_auc_r2_and_mae_are_scikit_learns():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rows = int(rng.integers(2, 20))
        weights, labels = rng.uniform(0.1, 3, rows), rng.integers(0, 2, rows)
        scores = rng.normal(size=rows).round(1)
        if len(set(labels)) == 2:
            expected = sk.roc_auc_score(labels, scores, sample_weight=weights)
            found = train.auc(labels, scores, sample_weight=weights)
            assert found == pytest.approx(expected, abs=ROUNDING)
        y, outputs = rng.normal(size=(2, rows, int(rng.integers(1, 3))))
        for mine, theirs in ((train.r2, sk.r2_score), (train.mae, sk.mean_absolute_error)):
            expected = theirs(y, outputs, sample_weight=weights)
            assert mine(y, outputs, sample_weight=weights) == pytest.approx(expected, abs=1e-9)

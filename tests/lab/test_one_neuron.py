"""The experiment 'one-neuron': its rule, its formulas, and a small run."""

from functools import partial

import numpy as np
import pytest
from lab_planted import changed
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from minidl_lab.experiments import one_neuron, one_neuron_least
from minidl_lab.experiments.one_neuron import (
    LOSSES,
    PAIRS,
    SHOWN,
    OneNeuron,
    forget,
    images_of,
    learn_pair,
    named,
    neuron,
    over_pairs,
    weights_of,
)
from minidl_lab.experiments.one_neuron_least import gap, least_loss, objective
from minidl_lab.rules import sensitivity
from minidl_lab.statistics import student

ONE = {
    "error": [0.01, 0.02],
    "rounding": 0.5,
    "shrank": 1.0,
}


def errors(mean):
    """Each digit has a share of its own in the errors of its pairs."""
    return {named([a, b]): mean + 0.0002 * (a + b - 9) for a, b in PAIRS}


NUMBERS = {
    "errors": {"logistic": errors(0.01), "hinge": errors(0.01)},
    "agree": 0.99,
    "gap": {"0-1, logistic": 0.001, "3-5, hinge": 0.002},
    "decays": {"0-1, logistic": {"norm": [3.0, 2.0, 1.0]}},
    "forgetting": {"bias too": ONE, "bias stays": ONE},
}


planted = partial(changed, NUMBERS)


@pytest.mark.parametrize(
    "numbers",
    [
        NUMBERS,
        planted("errors", "hinge", value=errors(0.028)),
        planted("gap", "3-5, hinge", value=0.02),
        planted("decays", "0-1, logistic", "norm", value=[3.0, 2.999, 2.998]),
        planted("forgetting", "bias too", "rounding", value=1.0),
    ],
)
def test_rule_reproduced(numbers):
    assert OneNeuron().judge(numbers).outcome == "reproduced"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (planted("errors", "logistic", value=errors(0.032)), "3 %"),
        (planted("errors", "hinge", value=errors(0.032)), "3 %"),
        (planted("gap", "0-1, logistic", value=0.0201), "the least"),
        (planted("gap", "3-5, hinge", value=0.0201), "the least"),
        (planted("decays", "0-1, logistic", "norm", value=[3.0, 2.0, 2.0]), "with decay"),
        (planted("forgetting", "bias stays", "shrank", value=0.999), "shrinks"),
        (planted("forgetting", "bias stays", "rounding", value=1.01), "formula"),
    ],
)
def test_rule_not_reproduced(numbers, words):
    verdict = OneNeuron().judge(numbers)
    assert verdict.outcome == "not reproduced"
    assert words in verdict.words.split(";")[0]


def test_rule_undecided():
    verdict = OneNeuron().judge(planted("errors", "hinge", value=errors(0.03)))
    assert verdict.outcome == "undecided"
    assert len(sensitivity(OneNeuron(), NUMBERS)) == 6


def test_the_interval_over_pairs_is_the_jackknife():
    """Where a digit adds its own number to its pairs, the mean over the pairs is twice the mean of
    these ten numbers, and has 9 / 8 of twice the interval of their mean: the mean without a digit
    moves by 9 / 8 · 2 / 10 of how far it is from the others."""
    parts = np.random.default_rng(0).random(10)
    found = over_pairs({named([a, b]): parts[a] + parts[b] for a, b in PAIRS})
    assert found.value == pytest.approx(2 * parts.mean())
    half = student(9) * 2 * parts.std(ddof=1) / 10**0.5
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)


@pytest.fixture(scope="module")
def rows(few_digits):
    (x, y), _ = images_of(few_digits, [4, 9])
    return x, y


def test_images_of_a_pair(few_digits):
    (x, y), (x_test, y_test) = images_of(few_digits, [9, 4])
    assert len(x) == np.sum(few_digits.y == 9) + np.sum(few_digits.y == 4) > 50
    assert (x[~y] == few_digits.x[few_digits.y == 9]).all()
    assert len(x_test) == len(y_test) == np.isin(few_digits.y_test, [4, 9]).sum()


def test_the_objective_is_the_formula(rows):
    x, y = rows
    w, b = np.linspace(-0.1, 0.1, 784), 0.3
    z = x / 255 @ w + b
    p = 1 / (1 + np.exp(-z))
    penalty = 0.2 / 2 * (np.sum(w**2) + b**2)
    entropy = -np.mean(np.where(y, np.log(p), np.log(1 - p)))
    hinge = np.mean(np.clip(1 - np.where(y, z, -z), 0, None))
    assert objective("logistic", w, b, x, y, 0.2) == pytest.approx(entropy + penalty, rel=1e-6)
    assert objective("hinge", w, b, x, y, 0.2) == pytest.approx(hinge + penalty, rel=1e-6)


def peer(loss, x, y, decay):
    """scikit-learn's weights. Its C is 1 / (n decay); the bias becomes a weight that decays by a
    column of ones."""
    x1 = np.column_stack([x / 255, np.ones(len(x))])
    how = {"C": 1 / (len(x) * decay), "fit_intercept": False}
    if loss == "logistic":
        model = LogisticRegression(**how, tol=1e-10, max_iter=5000)
    else:
        model = LinearSVC(**how, loss="hinge", tol=1e-8, max_iter=200_000)
    v = model.fit(x1, y).coef_[0]
    return v[:-1], v[-1]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_least_loss_is_scikit_learns(rows, loss):
    least, above = least_loss(loss, *rows, 0.01)
    wanted = objective(loss, *peer(loss, *rows, 0.01), *rows, 0.01)
    assert 0 < above < 1e-3 * least
    assert least - above <= wanted <= (1 + 1e-3) * least


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_newton_that_has_not_converged_never_favours_the_claim(rows, loss, steps, monkeypatch):
    """However early it ends, the gap is no less than that to the least loss."""
    x, y = rows
    x = x[:, ::8]
    least, above = least_loss(loss, x, y, 0.1)
    monkeypatch.setattr(one_neuron_least, "STEPS_AT_MOST", 1 + steps)
    assert gap(1.0, *least_loss(loss, x, y, 0.1)) >= 1 / least - 1 - 1e-9
    assert gap(1.0, least=0.1, above=0.2) > 1e6
    assert above < 1e-3 * least


def test_both_neurons_end_at_the_least_loss(rows):
    x, y = rows
    for loss in LOSSES:
        w, b = weights_of(neuron(x, y, loss, 0.1, 300, seed=0))
        assert gap(objective(loss, w, b, x, y, 0.1), *least_loss(loss, x, y, 0.1)) < 0.02


def test_a_pair_is_told_apart_by_both_losses(few_digits):
    cell = learn_pair(few_digits, pair=[0, 1], decay=1e-3, keep=True, epochs=10, seed=0)
    for loss in LOSSES:
        assert cell[loss]["error"] < 0.1
        w = np.array(cell[loss]["weights"])
        assert np.linalg.norm(w) == pytest.approx(cell[loss]["norm"], rel=1e-3)
        assert w.reshape(28, 28)[10:18, 13:15].mean() > 0  # ink in the middle speaks for 1
    assert cell["agree"] > 0.9


@pytest.mark.parametrize("bias_decays", [True, False])
def test_forgetting_follows_the_formula(few_digits, bias_decays, monkeypatch):
    monkeypatch.setattr(one_neuron, "STEPS", (0, 1, 50))
    cell = forget(few_digits, pair=[4, 9], bias_decays=bias_decays, epochs=3, seed=0)
    norms = np.array(cell["norm"])
    assert norms / norms[0] == pytest.approx([1, 0.99, 0.99**50], rel=1e-6)
    assert cell["shrank"] == 1
    assert 0 < cell["rounding"] < 1
    assert np.diff(cell["confidence"]).max() < 0


@pytest.mark.parametrize("bias_decays", [True, False])
def test_forgetting_leaves_the_bias_if_it_does_not_decay(few_digits, bias_decays, monkeypatch):
    """What is left of w x is then 3e-7 of it: the answers are a coin's, or all the same."""
    monkeypatch.setattr(one_neuron, "STEPS", (0, 1500))
    cell = forget(few_digits, pair=[4, 9], bias_decays=bias_decays, epochs=3, seed=0)
    nines = np.mean(few_digits.y_test[np.isin(few_digits.y_test, [4, 9])] == 9)
    assert (cell["confidence"][-1] < 0.5 + 1e-5) == bias_decays
    if bias_decays:
        assert cell["error"][-1] == cell["error"][0] < 0.3
    else:
        assert cell["error"][-1] in (pytest.approx(nines), pytest.approx(1 - nines))


def test_forgetting_notices_another_decay(few_digits, monkeypatch):
    monkeypatch.setattr(one_neuron, "STEPS", (0, 1, 10))
    right = one_neuron.optim.SGD

    def wrong(params, lr, weight_decay=0.0, **options):
        return right(params, lr, weight_decay=weight_decay * (1 + 1e-4), **options)

    monkeypatch.setattr(one_neuron.optim, "SGD", wrong)
    cell = forget(few_digits, pair=[4, 9], bias_decays=True, epochs=1, seed=0)
    assert cell["rounding"] > 1


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(one_neuron, "EPOCHS", 1)
    monkeypatch.setattr(one_neuron, "STEPS", (0, 1, 5))
    monkeypatch.setattr(one_neuron_least, "STEPS_AT_MOST", 2)
    experiment = OneNeuron()
    numbers = experiment.measure(bench)
    assert len(numbers["errors"]["hinge"]) == len(PAIRS) == 45
    assert len(numbers["gap"]) == 6
    assert experiment.judge(numbers).words
    means, matrix, images, lines, norms = experiment.charts(numbers)
    assert len(means.rows) == 2
    square = matrix.values
    assert [i for i in range(10) for j in range(10) if square[i][j] is None] == [*range(10)]
    assert all(square[i][i] is None for i in range(10))
    assert square[3][5] == 100 * numbers["errors"]["logistic"]["3-5"]
    assert square[5][3] == 100 * numbers["errors"]["hinge"]["3-5"]
    seeds = {cell.arguments["seed"] for cell in bench.measured if "seed" in cell.arguments}
    assert seeds == {*bench.scale.some(1)}
    assert [title.split(",")[0] for title, _ in images.images[::2]] == [named(p) for p in SHOWN]
    assert np.shape(images.images[0][1]) == (28, 28)
    assert len(lines.series) == 4
    assert len(norms.rows) == 6

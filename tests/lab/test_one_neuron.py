"""The experiment 'one-neuron': its rule, its formulas, and a small run."""

from functools import partial

import numpy as np
import pytest
from lab_planted import changed
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from minidl_lab.experiments import one_neuron
from minidl_lab.experiments.one_neuron import (
    LOSSES,
    PAIRS,
    SHOWN,
    OneNeuron,
    forget,
    gap,
    images_of,
    learn_pair,
    least_loss,
    named,
    neuron,
    objective,
    weights_of,
)

ONE = {
    "error": [0.01, 0.02],
    "rounding": 0.5,
    "shrank": 1.0,
}
NUMBERS = {
    "mean_error": {"logistic": [0.01, 0.005, 0.02], "hinge": [0.01, 0.005, 0.02]},
    "agree": [0.99, 0.98, 1.0],
    "gap": {"0-1": 0.001, "3-5": 0.002},
    "decays": {"0-1, logistic": {"norm": [3.0, 2.0, 1.0]}},
    "forgetting": {"bias too": ONE, "bias stays": ONE},
}


planted = partial(changed, NUMBERS)


@pytest.mark.parametrize(
    "numbers",
    [
        NUMBERS,
        planted("mean_error", "hinge", value=[0.01, 0.005, 0.0299]),
        planted("gap", "3-5", value=0.01),
        planted("decays", "0-1, logistic", "norm", value=[3.0, 2.999, 2.998]),
        planted("forgetting", "bias too", "rounding", value=1.0),
    ],
)
def test_rule_reproduced(numbers):
    assert OneNeuron().judge(numbers).outcome == "reproduced"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (planted("mean_error", "logistic", value=[0.01, 0.005, 0.03]), "3 %"),
        (planted("mean_error", "hinge", value=[0.01, 0.005, 0.03]), "3 %"),
        (planted("gap", "3-5", value=0.0101), "the least"),
        (planted("decays", "0-1, logistic", "norm", value=[3.0, 2.0, 2.0]), "with decay"),
        (planted("forgetting", "bias stays", "shrank", value=0.999), "shrinks"),
        (planted("forgetting", "bias stays", "rounding", value=1.01), "formula"),
    ],
)
def test_rule_not_reproduced(numbers, words):
    verdict = OneNeuron().judge(numbers)
    assert verdict.outcome == "not reproduced"
    assert words in verdict.words


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


def test_the_least_loss_is_scikit_learns(few_digits, rows):
    """Its C is 1 / (n decay); the bias becomes a weight that decays by a column of ones."""
    x, y = rows
    x1 = np.column_stack([x / 255, np.ones(len(x))])
    peer = LogisticRegression(C=1 / (len(x) * 1e-3), fit_intercept=False, tol=1e-10, max_iter=5000)
    w = peer.fit(x1, y).coef_[0]
    least = least_loss(few_digits, pair=[4, 9], decay=1e-3)
    wanted = objective("logistic", w[:-1], w[-1], x, y, 1e-3)
    assert least["above"] < 1e-6 * least["objective"]
    assert least["objective"] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_newton_that_has_not_converged_never_favours_the_claim(few_digits, steps, monkeypatch):
    """However early it ends, the gap is no less than that to the least loss."""
    wanted = least_loss(few_digits, pair=[4, 9], decay=0.1)["objective"]
    monkeypatch.setattr(one_neuron, "STEPS_AT_MOST", 1 + steps)
    least = least_loss(few_digits, pair=[4, 9], decay=0.1)
    assert gap(1.0, **least) >= (1 - 1e-9) * (1 / wanted - 1)
    assert gap(1.0, objective=0.1, above=0.2) > 1e6


def test_hinge_gets_near_scikit_learns_support_vector_machine(rows):
    x, y = rows
    w, b = weights_of(neuron(x, y, "hinge", 0.1, 400, seed=0))
    x1 = np.column_stack([x / 255, np.ones(len(x))])
    peer = LinearSVC(C=1 / (len(x) * 0.1), loss="hinge", fit_intercept=False, max_iter=50_000)
    v = peer.fit(x1, y).coef_[0]
    least = objective("hinge", v[:-1], v[-1], x, y, 0.1)
    assert objective("hinge", w, b, x, y, 0.1) == pytest.approx(least, rel=0.02)


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
    monkeypatch.setattr(one_neuron, "EXACT", 10.0)  # Newton's method takes a second
    experiment = OneNeuron()
    numbers = experiment.measure(bench)
    assert len(numbers["errors"]["hinge"]) == len(PAIRS) == 45
    assert experiment.judge(numbers).words
    matrix, images, lines, norms = experiment.charts(numbers)
    square = matrix.values
    assert [i for i in range(10) for j in range(10) if square[i][j] is None] == [*range(10)]
    assert all(square[i][i] is None for i in range(10))
    assert square[3][5] == 100 * numbers["errors"]["logistic"]["3-5"]
    assert square[5][3] == 100 * numbers["errors"]["hinge"]["3-5"]
    seeds = {cell.arguments["seed"] for cell in bench.cells if "seed" in cell.arguments}
    assert seeds == {*bench.scale.some(1)}
    assert [title.split(",")[0] for title, _ in images.images[::2]] == [named(p) for p in SHOWN]
    assert np.shape(images.images[0][1]) == (28, 28)
    assert len(lines.series) == 4
    assert len(norms.rows) == 6

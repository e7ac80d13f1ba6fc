"""Which rows are for validation, how much each counts, what is kept of them, and the scores."""

import re

import numpy as np
import pytest
from cli_data import read_csv, write_csv
from sklearn import metrics

from minidl import data
from minidl.cli.confusion import confusion
from minidl.cli.rows import Split
from minidl.cli.scores import calibration_error


def rare(rows=200, share=0.1):
    """A class with few rows, told apart by its number, with noise."""
    rng = np.random.default_rng(0)
    for i in range(rows):
        is_rare = i % round(1 / share) == 0
        yield [f"id{i}", f"{rng.normal() + 2 * is_rare:.3f}", 1 + 9 * is_rare, "ab"[is_rare]]


@pytest.fixture
def few(here):
    write_csv(here / "few.csv", ("name", "x", "weight", "kind"), rare())
    return ("train", "--data", "few.csv", "--target", "kind", "--ignore", "name", "--hidden",
            "--quiet", "--save", "a.st", "--force")  # fmt: skip


def recalls(run):
    out, _ = run("evaluate", "a.st", "--data", "few.csv")
    return [float(re.search(rf"^{name} +\d+ +\S+ +(\S+)", out, re.MULTILINE)[1]) for name in "ab"]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_validation_has_the_same_share_of_each_class(share, seed):
    classes = np.random.default_rng(seed).choice(["a", "b", "c"], 300, p=[0.9, 0.07, 0.03])
    found = data.table({"x": np.sin(np.arange(300)), "y": classes.tolist()}, "y")
    train, validation = Split.of(found, share, seed, None)
    assert sorted([*train, *validation]) == [*range(300)]
    assert len(validation) == round(share * 300)
    for name in "abc":
        assert abs((classes[validation] == name).sum() - share * (classes == name).sum()) <= 1


def test_weights_move_the_net_to_the_rare_class(run, few):
    run(*few, "--ignore", "name", "weight")
    plain = recalls(run)
    run(*few, "--ignore", "name", "weight", "--class-weight", "balanced")
    balanced = recalls(run)
    run(*few, "--weights", "weight")
    weighted = recalls(run)
    for other in (balanced, weighted):
        assert other[1] > plain[1] + 0.2
        assert other[0] < plain[0]


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ("-1", "line 3, column 'weight': expected a weight from 0 up, got '-1'"),
        ("", "line 3, column 'weight': expected a weight from 0 up, got none"),
        ("much", "line 3, column 'weight': expected a weight from 0 up, got 'much'"),
    ],
)
def test_weights_that_are_none_are_refused(run, few, here, weight, words):
    rows = [*rare()]
    rows[1][2] = weight
    write_csv(here / "few.csv", ("name", "x", "weight", "kind"), rows)
    assert words in run(*few, "--weights", "weight", code=1)[1]


def test_class_weights_are_for_classes(run):
    train = ("train", "--data", "houses.csv", "--target", "price", "--class-weight", "balanced")
    assert "--class-weight is for classes" in run(*train, code=2)[1]


def test_predictions_stand_beside_what_is_kept(run, few, here):
    run(*few)
    run("predict", "a.st", "--data", "few.csv", "--keep", "name", "kind", "--no-probabilities",
        "--output", "out.csv")  # fmt: skip
    header, rows = read_csv(here / "out.csv")
    assert header == ["name", "kind", "predicted kind"]
    assert [row[:2] for row in rows] == [[row[0], row[3]] for row in rare()]
    plain = run("predict", "a.st", "--data", "few.csv")[0].splitlines()
    assert plain[0] == "kind,probability of a,probability of b"
    assert [line.split(",")[0] for line in plain[1:]] == [row[2] for row in rows]


def test_scores_are_those_of_scikit_learn(run, few, here):
    run(*few)
    out, _ = run("evaluate", "a.st", "--data", "few.csv")
    run("predict", "a.st", "--data", "few.csv", "--output", "out.csv")
    _, rows = read_csv(here / "out.csv")
    true, taken = [row[3] for row in rare()], [row[0] for row in rows]
    means = metrics.precision_recall_fscore_support(true, taken, average="macro")[:3]
    found = re.search(r"^mean +200 +(\S+) +(\S+) +(\S+)$", out, re.MULTILINE).groups()
    np.testing.assert_allclose(np.array(found, float), means, atol=1e-4)
    area = metrics.roc_auc_score(true, [float(row[2]) for row in rows])
    assert float(re.search(r"^AUC +(\S+)$", out, re.MULTILINE)[1]) == pytest.approx(area, abs=1e-3)


def test_the_mean_absolute_error_is_in_the_targets_unit(run, here):
    run("train", "--data", "houses.csv", "--target", "price", "--quiet", "--save", "h.st")
    out, _ = run("evaluate", "h.st", "--data", "houses.csv")
    run("predict", "h.st", "--data", "houses.csv", "--output", "out.csv")
    price = np.array(read_csv(here / "houses.csv")[1], float)[:, 2]
    found = np.array(read_csv(here / "out.csv")[1], float)[:, 0]
    told = float(re.search(r"^MAE +(\S+)$", out, re.MULTILINE)[1])
    assert told == pytest.approx(metrics.mean_absolute_error(price, found), rel=1e-3)


def test_calibration_by_its_formula():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 500)
    y = rng.integers(0, 3, 500)
    best, right = p.max(1), p.argmax(1) == y
    wanted = 0.0
    for low in np.arange(10) / 10:
        group = (best >= low) & (best < low + 0.1)
        if group.any():
            wanted += group.mean() * abs(right[group].mean() - best[group].mean())
    assert calibration_error(y, p) == pytest.approx(wanted, abs=1e-9)


def test_sixty_classes_are_readable():
    counts = np.diag(np.full(60, 20))
    counts[7, [8, 9]] = 5, 2
    counts[3, 50] = 1
    lines = confusion([f"class {i}" for i in range(60)], counts).splitlines()
    assert [re.split("  +", line) for line in lines[:3]] == [
        ["true class", "wrong", "taken for"],
        ["class 7", "7 of 27", "class 8 5, class 9 2"],
        ["class 3", "1 of 21", "class 50 1"],
    ]
    assert lines[-1] == "no rows of 58 of 60 classes are taken for another class"
    assert max(map(len, lines)) < 80

"""The examples run as a user runs them, on a few steps."""

import importlib
import json
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
DOCS = EXAMPLES.parent / "docs"


def run(folder, script, *arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def output(folder, script, *arguments):
    done = run(folder, script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_png(file):
    return file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and file.stat().st_size > 10_000


def test_train_mnist(tmp_path):
    text = output(
        tmp_path, "train_mnist.py", "--layers", 3, "--activation", "maxout", "--option",
        "pieces=3", "--hidden", 20, 12, "--optimizer", "adam", "--epochs", 2, "--limit", 2000,
        "--save", "net.npz",
    )  # fmt: skip
    assert "Maxout(pieces=3)" in text
    assert text.count("test accuracy") == 2
    saved = np.load(tmp_path / "net.npz")
    assert {k: v.shape for k, v in saved.items()} == {
        "0.weight": (784, 60), "0.bias": (60,), "2.weight": (20, 36), "2.bias": (36,),
        "4.weight": (12, 10), "4.bias": (10,),
    }  # fmt: skip


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop", "adagrad"])
def test_train_mnist_learns_with_every_optimizer(tmp_path, optimizer):
    text = output(tmp_path, "train_mnist.py", "--optimizer", optimizer, "--epochs", 2,
                  "--limit", 4000)  # fmt: skip
    last = text.split("test accuracy ")[-1].split("%")[0]
    assert float(last) > 85


def test_two_runs_of_an_example_print_the_same(tmp_path):
    arguments = ("train_mnist.py", "--epochs", 1, "--limit", 1000, "--dropout", 0.1)
    first, second = (output(tmp_path, *arguments).split("epoch")[1] for _ in range(2))
    assert first.split("\n")[0] == second.split("\n")[0]


def test_compare_activations(tmp_path):
    text = output(tmp_path, "compare_activations.py", "--activations", "sigmoid", "relu", "maxout",
                  "--hidden", 30, "--hidden", 20, 12, "--epochs", 2, "--limit", 1500, "--seeds", 2,
                  "--output", "out")  # fmt: skip
    rows = (tmp_path / "out/results.md").read_text().splitlines()[2:]
    assert [row.split()[3] for row in rows] == 2 * ["sigmoid", "relu", "maxout"]
    assert all(row in text for row in rows)
    trainings = json.loads((tmp_path / "out/results.json").read_text())["trainings"]
    assert [t["seed"] for t in trainings] == 6 * [0] + 6 * [1]
    errors = [t["test_error"][-1] for t in trainings[::6]]
    assert f"{statistics.mean(errors):.2f} ± {statistics.stdev(errors):.2f}" in rows[0]
    assert is_png(tmp_path / "out/curves.png")
    assert is_png(tmp_path / "out/activations.png")


@pytest.mark.parametrize("name", ["results", "results-wide"])
def test_the_committed_table_is_that_of_the_committed_numbers(monkeypatch, name):
    monkeypatch.syspath_prepend(EXAMPLES)
    compare = importlib.import_module("compare_activations")
    trainings = json.loads((DOCS / f"{name}.json").read_text())["trainings"]
    assert f"<!-- {name} -->\n{compare.table(trainings)}\n<" in (DOCS / "results.md").read_text()


def test_the_curves_are_drawn_from_the_numbers(tmp_path):
    output(tmp_path, "curves.py", DOCS / "results.json", "curves.png")
    assert is_png(tmp_path / "curves.png")


def test_binary_classifier(tmp_path):
    text = output(tmp_path, "binary_classifier.py", "--digits", 0, 1, "--epochs", 2)
    accuracies = [float(part.split("%")[0]) for part in text.split("test accuracy ")[1:]]
    assert len(accuracies) == 2
    assert min(accuracies) > 99, "0 and 1 are easy to tell apart"
    assert is_png(tmp_path / "results/neuron.png")


def numbers(line):
    return [float(word.rstrip("%,:")) for word in line.split() if word[0].isdigit()]


def test_newton(tmp_path):
    *steps, last = output(tmp_path, "newton.py", "--steps", 6).splitlines()[1:]
    norms, descent = zip(*[numbers(line)[2::2] for line in steps], strict=True)
    assert all(norm < 100 * before**2 for before, norm in pairwise(norms[3:]))
    assert norms[-1] < 1e-10
    assert descent[-1] > 0.1
    assert numbers(last)[0] > 95


def test_gradient_penalty(tmp_path):
    true, with_penalty, without = output(
        tmp_path, "gradient_penalty.py", "--steps", 100
    ).splitlines()
    assert numbers(true) == [5]
    _, distance, slope, spread = numbers(with_penalty)
    assert abs(distance - 5) < 0.5
    assert abs(slope - 1) < 0.1
    assert spread < 0.1
    assert numbers(without)[1] > 50


def test_input_gradient(tmp_path):
    text = output(tmp_path, "input_gradient.py", "--limit", 3000, "--epochs", 2)
    (_, usual, fooled), (_, accuracy, attacked) = map(numbers, text.splitlines()[1:])
    assert min(usual, accuracy) > 85
    assert attacked > fooled + 15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train_mnist.py", "--data", "nowhere"], "nowhere"),
        (["train_mnist.py", "--lr", "-1"], "lr"),
        (["train_mnist.py", "--activation", "rellu"], "invalid choice"),
        (["binary_classifier.py", "--digits", "3", "3"], "two different digits"),
    ],
)
def test_mistakes_get_one_line_not_a_traceback(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr

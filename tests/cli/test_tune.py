"""`tune`: successive halving; the command in its last line trains the best candidate again."""

import re
import shlex
from itertools import pairwise

import numpy as np
import pytest

from minidl import data
from minidl.cli import model_file, scores, tune
from minidl.cli.rows import Split

OPTIONS = {  # by the data's target: a few values of each, of which some are drawn
    "--lr": ["0.02"],
    "--hidden": ["", "8", "9 5"],
    "--activation": ["tanh", "maxout --option pieces=3"],
    "--dropout": ["0.2"],
    "--batch-norm": [""],
    "--optimizer": ["adam", "rmsprop"],
    "--batch-size": ["16"],
    "--epochs": ["5"],
    "--seed": ["3"],
    "--no-standardize": [""],
    "--ignore": ["width"],
}


def told(out):
    """The rows of the last table: names, the scores of the half that chose, and of the other."""
    names, best, unused = re.findall(r"^(?:validation rows|of the best.*?|never .*?)  +(.*)$", out,
                                     re.MULTILINE)  # fmt: skip
    return [re.split("  +", line) for line in (names, best, unused)]


@pytest.mark.parametrize("seed", range(10))
def test_the_command_repeats_the_best(run, seed):
    """For drawn options: the trained net has the scores that the search told."""
    rng = np.random.default_rng(seed)
    file, target = [("iris.csv", "species"), ("houses.csv", "price")][seed % 2]
    words = ["--data", file, "--target", target, "--validation", "0.3"]
    for name in rng.permutation([*OPTIONS])[: rng.integers(0, 5)]:
        if not (name == "--ignore" and file == "houses.csv"):
            words += [name, *str(rng.choice(OPTIONS[name])).split()]
    if "--epochs" not in words:
        words += ["--epochs", "4"]
    own = ["--candidates", str(rng.integers(2, 8)), "--workers", "1"]
    place = int(rng.choice([0, len(words)]))  # of tune's own options among those of train
    out, err = run("tune", *words[:place], *own, *words[place:])
    assert "candidate 1: loss " in err
    command = shlex.split(out.splitlines()[-1])
    assert command[:2] == ["minidl", "train"]
    assert len(command) == len({w for w in command if w.startswith("--")}) + sum(
        not w.startswith("--") for w in command
    )  # no option twice
    run(*command[1:], "--quiet", "--save", "best.st")
    model = model_file.load("best.st")
    table = data.table(file, target, like=model.encoder)
    number = int(words[words.index("--seed") + 1]) if "--seed" in words else 0
    split = Split.of(table, 0.3, number, None)
    rows = np.random.default_rng(number).permutation(split.validation)
    x, y = model.encoder(table)
    names, *lines = told(out)
    for half, line in zip((rows[::2], rows[1::2]), lines, strict=True):
        found = scores.measure(model.net, (x[half], y[half]), model.encoder)
        assert [scores.shown(name, found[name]) for name in names] == line


def test_the_best_third_goes_on(run):
    """Each rung has the candidates that had the smallest losses on the rung before."""
    out, _ = run("tune", "--data", "iris.csv", "--target", "species", "--validation", 0.3,
                 "--candidates", 7, "--epochs", 9, "--workers", 1)  # fmt: skip
    parts = re.findall(r"^(\d+) candidates?, (\d+) epochs?\n\n.*\n((?:.+\n)+)", out, re.MULTILINE)
    assert [(int(n), int(epochs)) for n, epochs, _ in parts] == [(7, 1), (3, 3), (1, 9)]
    rungs = [[re.split("  +", line) for line in lines.splitlines()] for _, _, lines in parts]
    for rung, following in pairwise(rungs):
        losses = [float(row[-2]) for row in rung]
        assert losses == sorted(losses)
        assert {tuple(row[:-2]) for row in rung[: len(following)]} == {
            tuple(row[:-2]) for row in following
        }
    assert any(row[0] == "default" for row in rungs[0])


def test_processes_find_the_same(run):
    words = ("tune", "--data", "houses.csv", "--target", "price", "--candidates", 3, "--epochs", 2)
    assert run(*words, "--workers", 1)[0] == run(*words, "--workers", 2)[0]


@pytest.mark.parametrize("candidates", range(2, 30))
def test_rungs_end_with_one_and_all_epochs(candidates):
    rungs = tune.rungs_of(candidates, 20)
    assert rungs[0][0] == candidates
    assert rungs[-1] == (1, 20)
    for (n, epochs), (fewer, more) in pairwise(rungs):
        assert fewer == -(-n // 3)
        assert epochs <= more
        assert epochs >= 1


def test_rates_that_diverge_lose(run, monkeypatch):
    monkeypatch.setattr(tune, "RATES", (1e8, 1e9))
    words = ("tune", "--data", "houses.csv", "--target", "price", "--candidates", 4, "--optimizer",
             "sgd", "--epochs", 3, "--workers", 1)  # fmt: skip
    out, _ = run(*words, "--hidden", 8)
    assert "inf" in out
    assert "--lr" not in out.splitlines()[-1]  # the default is the best
    _, err = run(*words, "--lr", 1e9, code=1)
    assert "tune: expected a candidate that learns, got none" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--validation 0", 2, "tune needs --validation above 0"),
        ("--option pieces=3", 2, "--option needs --activation"),
        ("--lr 1 --hidden 8 --activation relu --dropout 0", 2, "nothing to search"),
        ("--validation 0.001", 1, "expected 2 rows for validation or more, got 1"),
        ("--candidates 1", 2, "expected a whole number from 2 up"),
        ("--save a.st", 2, "unrecognized arguments: --save a.st"),
        ("--target nope", 1, "a column 'nope'"),
    ],
)
def test_what_is_refused(run, words, code, message):
    base = ["--data", "iris.csv", "--target", "species"]
    assert message in run("tune", *base, *words.split(), code=code)[1]

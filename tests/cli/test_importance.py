"""`evaluate --importance`: the loss of score, compared with its mean over all pairs of rows."""

import re

import numpy as np
import pytest
from cli_data import write_csv

from minidl import data, train
from minidl.cli import importance, model_file
from minidl.cli.pictures import new_figure


def rows(count=60):
    """Two useful columns, one of them missing now and then, a category, and noise."""
    for i in range(count):
        a, b, kind = np.sin(i), np.cos(3 * i), "uvw"[i * i % 3]
        y = 3 * a + b + (kind == "v")
        numbers = [f"{a:.3f}", "" if i % 9 == 4 else f"{b:.3f}", f"{np.sin(7 * i):.3f}", f"{y:.3f}"]
        yield [*numbers, kind, "low" if y < 0.5 else "high"]


@pytest.fixture
def told(here, run):
    """Trains for a target with these words, and gives what `evaluate` prints, with the model."""
    write_csv(here / "t.csv", ("a", "b", "noise", "y", "kind", "class"), list(rows()))

    def command(target, *words, evaluate=("--importance",)):
        other = {"y": "class", "class": "y"}[target]
        run("train", "--data", "t.csv", "--target", target, "--ignore", other, "--quiet", "--save",
            "m.st", "--force", "--epochs", 60, "--category", "kind", *words)  # fmt: skip
        out, _ = run("evaluate", "m.st", "--data", "t.csv", *evaluate)
        found = re.findall(r"^(\w+) +(-?\d\.\d{4}) +(\d\.\d{4})$", out, re.MULTILINE)
        return {name: (float(lost), float(half)) for name, lost, half in found}

    return command


def of_all_pairs(name):
    """The expected loss of score by its definition: row i gets the column's value of row j, for all
    pairs, each alike likely. Of R², which is linear in the squared errors, and of the accuracy."""
    model = model_file.load("m.st")
    encoder = model.encoder
    table = data.table("t.csv", encoder.target, like=encoder)
    x, y = encoder(table)
    whole = train.predict(model.net, x)
    places = [i for i, input in enumerate(encoder.names) if re.match(rf"{name}\b", input)]
    scores = []
    for j in range(len(x)):
        moved = x.copy()
        moved[:, places] = x[j, places]
        outputs = train.predict(model.net, moved)
        scores.append(
            (outputs.argmax(1) == y).mean() if encoder.classes
            else 1 - ((outputs - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        )  # fmt: skip
    if encoder.classes:
        return (whole.argmax(1) == y).mean() - np.mean(scores)
    return 1 - ((whole - y) ** 2).sum() / ((y - y.mean()) ** 2).sum() - np.mean(scores)


@pytest.mark.parametrize("target", ["y", "class"])
@pytest.mark.parametrize("words", [("--hidden",), ("--embed", "kind:2")], ids=str)
def test_the_mean_is_that_of_all_pairs(told, target, words):
    found = told(target, *words, evaluate=("--importance", "--repeats", 40))
    assert set(found) == {"a", "b", "kind", "noise"}
    for name, (lost, half) in found.items():
        error = half / 2.023 * 4  # t for 39 degrees of freedom; four standard errors
        assert abs(lost - of_all_pairs(name)) < error + 1e-4, name
    assert [*found] == sorted(found, key=lambda name: -found[name][0])
    assert next(iter(found)) == "a"


def test_the_interval_gets_narrower_and_follows_the_seed(told, run):
    few, many = told("y"), told("y", evaluate=("--importance", "--repeats", 90))
    assert 2 < few["a"][1] / many["a"][1] < 7
    again = [run("evaluate", "m.st", "--data", "t.csv", "--importance", "--seed", s)[0]
             for s in (0, 0, 1)]  # fmt: skip
    assert again[0] == again[1] != again[2]


def test_the_picture(told, run, here, monkeypatch):
    told("class", evaluate=("--importance", "--plot", "i.png"))
    assert (here / "i.png").read_bytes().startswith(b"\x89PNG")
    found = [importance.Importance("$a$", 0.3, 0.1), importance.Importance("b", -0.01, 0.02)]
    figures = []
    monkeypatch.setattr(importance, "new_figure",
                        lambda **o: figures.append(new_figure(**o)) or figures[-1])  # fmt: skip
    importance.draw(found, model_file.load("m.st").encoder, here / "j.svg")
    (axis,) = figures[0].axes
    assert [bar.get_width() for bar in axis.patches] == [0.3, -0.01]
    assert [label.get_text() for label in axis.get_yticklabels()] == [r"\$a\$", "b"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the largest on top
    assert axis.get_xlabel().startswith("accuracy lost")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--plot", "i.png"], 2, "--plot needs --importance"),
        (["--importance", "--plot", "t.csv"], 1, "--force to replace it"),
        (["--importance", "--plot", "i.xyz"], 1, "--plot: expected a name that ends in one of"),
        (["--importance", "--repeats", "1"], 2, "expected a whole number from 2 up"),
    ],
    ids=str,
)
def test_what_cannot_be_had(told, run, words, code, message):
    told("y", evaluate=())
    assert message in run("evaluate", "m.st", "--data", "t.csv", *words, code=code)[1]


def test_pixels_have_no_columns(run, digits):
    run("train", "--data", digits, "--epochs", 1, "--quiet", "--save", "d.st")
    _, err = run("evaluate", "d.st", "--data", digits, "--importance", code=2)
    assert "--importance is for columns, and the model's inputs are pixels" in err

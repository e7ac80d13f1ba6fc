"""From a file to predictions with only --data and --target; what stands in the model file."""

import csv
import gzip
import io
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn
from cli_data import read_csv
from real_files import PAGE, REAL, scores, understood, whole

from minidl.cli import model_file


def passengers(rows=240):
    """A table like that of the Titanic: texts, gaps, an identifier; survival by sex and class."""
    rng = np.random.default_rng(0)
    for i in range(rows):
        sex, rank = rng.choice(["male", "female"]), int(rng.integers(1, 4))
        age = "" if rng.random() < 0.2 else f"{rng.uniform(1, 70):.0f}"
        port = rng.choice(["S", "C", "Q", ""], p=[0.6, 0.2, 0.15, 0.05])
        survived = int(sex == "female" or rank == 1)
        yield [i + 1, survived, rank, f"Passenger, No. {i}", sex, age, port]


AGES, PORTS = (sum(row[i] == "" for row in passengers()) for i in (5, 6))
WHOLE = sum("" not in row for row in passengers())
HEADER = ["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "Embarked"]


@pytest.fixture
def titanic(here):
    with (here / "titanic.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *passengers()])
    return here / "titanic.csv"


@pytest.mark.filterwarnings("ignore")
def test_from_a_file_to_predictions_in_two_commands(run, titanic, here):
    out, _ = run("train", "--data", "titanic.csv", "--target", "Survived", "--save", "t.st")
    block = out.split("\n\n")[0]
    assert [line.split(maxsplit=1) for line in block.splitlines()[1:]] == [
        ["numbers", "1 column: Age"],
        ["categories", "3 columns: Pclass (3), Sex (2), Embarked (3) (--category)"],
        ["left", "out    PassengerId (counts the rows)"],
        ["left", "out    Name (nearly all different)"],
        ["missing", f"Age {AGES}, Embarked {PORTS} (--missing)"],
        ["target", "Survived, 2 classes: 0, 1 (--task)"],
    ]
    assert block in run("summary", "t.st")[0]
    unknown = [[row[0], *row[2:]] for row in passengers()]
    unknown[0][-1], unknown[1][4] = "Southampton", ""  # a text and a gap that are new
    with (here / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[HEADER[0], *HEADER[2:]], *unknown])
    run("predict", "t.st", "--data", "new.csv", "--output", "out.csv")
    answers = [row[0] for row in read_csv(here / "out.csv")[1]]
    assert np.mean([int(a) == row[1] for a, row in zip(answers, passengers(), strict=True)]) > 0.95
    assert "accuracy" in run("evaluate", "t.st", "--data", "titanic.csv")[0]


SMALL = [real for real in REAL if real.package != "statsmodels" and real.name != "digits"]


def passengers_of_sklearn():
    """The Titanic's passengers of OpenML (1309 rows), which scikit-learn has for its tests, as
    CSV."""
    folder = Path(sklearn.__file__).parent / "datasets" / "tests" / "data" / "openml" / "id_40945"
    (path,) = folder.glob("data*.arff.gz")
    head, _, rows = gzip.decompress(path.read_bytes()).decode().partition("@data\n")
    names = re.findall("^@attribute '([^']*)'", head, re.MULTILINE)
    return ",".join(names) + "\n" + rows


@pytest.mark.filterwarnings("ignore")
def test_the_guides_titanic(run, here):
    """Both commands print what the guide says; numbers may differ a little from CPU to CPU."""
    (here / "titanic.csv").write_text(passengers_of_sklearn())
    guide = (PAGE.parent / "guides" / "command-line.md").read_text()
    section = guide.split("## The Titanic in two commands\n")[1].split("\n## ")[0]
    told, answers = re.findall("^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    commands = re.findall("^python -m minidl (.*)$", told, re.MULTILINE)
    out = "".join(run(*command.split())[0] for command in commands)
    shown = re.sub("^python.*\n", "", told, flags=re.MULTILINE)
    number, seconds = re.compile(r"\d+\.\d+"), re.compile(r"\d+\.\d s")
    out, shown = (seconds.sub("", text) for text in (out, shown))
    assert number.sub("#", out).split() == number.sub("#", shown).split()
    for one, other in zip(number.findall(out), number.findall(shown), strict=True):
        assert abs(float(one) - float(other)) < 5
    found = list(csv.reader((here / "answers.csv").read_text().splitlines()))
    assert len(found) == 1310
    for one, other in zip(found, csv.reader(answers.splitlines()), strict=False):
        assert one[:2] == other[:2]


@pytest.mark.parametrize("real", SMALL, ids=lambda real: real.name)
@pytest.mark.filterwarnings("ignore")
def test_real_files_need_no_other_option(tmp_path, real):
    """What docs/tables.md says of each, and that its nets are much better than the baseline."""
    found = whole(real, tmp_path)
    page = PAGE.read_text()
    named = f"| {real.name.partition('.')[0]} ({real.package}) | {len(found):,} |"
    assert f"{named} {understood(found)} | {real.target}: " in page
    task, before, after = scores(real, tmp_path, most=1)
    if task == "classes":
        before, after = 1 - before, 1 - after
    assert after < 0.85 * before


def test_a_table_comes_from_a_pipe(run, titanic, monkeypatch):
    class Piped:
        buffer = io.BytesIO(titanic.read_bytes())

    monkeypatch.setattr("sys.stdin", Piped)
    out, _ = run("train", "--data", "-", "--target", "Survived", "--ignore", "Name", "PassengerId",
                 "--epochs", 1)  # fmt: skip
    assert out.startswith("-: 240 rows, cells between ','")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--missing", "drop"], f"{WHOLE} rows, cells"),
        (["--missing", "error"], f"'Age': expected a value, got none, as in {240 - WHOLE} rows"),
        (["--number", "Pclass"], "2 columns: Pclass, Age"),
        (["--category", "Age"], "Age ("),
        (["--columns", "Sex", "Pclass"], "Name, Age, Embarked (not chosen)"),
        (["--id", "PassengerId"], "PassengerId (--id)"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_options_say_otherwise(run, titanic, options, words):
    train = ("train", "--data", "titanic.csv", "--target", "Survived", "--epochs", 1)
    is_error = "error" in options
    assert words in run(*train, *options, code=int(is_error))[is_error], words


@pytest.mark.filterwarnings("ignore")
def test_a_text_that_training_did_not_have_may_be_an_error(run, titanic, here):
    run("train", "--data", "titanic.csv", "--target", "Survived", "--unseen", "error", "--save",
        "t.st", "--quiet")  # fmt: skip
    text = titanic.read_text().replace(",Q\n", ",Queenstown\n")
    (here / "new.csv").write_text(text)
    err = run("predict", "t.st", "--data", "new.csv", code=1)[1]
    assert "column 'Embarked': expected one of C, Q, S, as in training, got 'Queenstown'" in err


@pytest.mark.filterwarnings("ignore")
def test_a_column_for_new_texts_that_had_none_in_training_weighs_nothing(run, titanic):
    run("train", "--data", "titanic.csv", "--target", "Survived", "--save", "t.st", "--quiet")
    model = model_file.load("t.st")
    weights = dict(zip(model.encoder.names, model.net[0].weight.data, strict=True))
    assert not weights["Sex = another"].any()
    assert weights["Sex = male"].all()

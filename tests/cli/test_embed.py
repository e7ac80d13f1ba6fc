"""`--embed`: categories as learned vectors, from the table to the predictions."""

import numpy as np
import pytest
from cli_data import read_csv, write_csv

from minidl import DataError, data
from minidl.checkpoint import read
from minidl.cli import model_file

TOWNS = [f"town{i}" for i in range(30)]


def rent(i):
    """Row i: the rent depends on the town, and a little on the size; one town occurs once."""
    town = "once" if i == 0 else TOWNS[i * 7 % 30]
    price = 10 * np.sin(i * 7 % 30) + 0.5 * np.cos(i)
    kind = "" if i % 11 == 3 else ["flat", "house"][i % 2]
    return [town, kind, f"{np.cos(i):.4f}", f"{price:.3f}"]


@pytest.fixture
def rents(here):
    write_csv(here / "rents.csv", ("town", "kind", "size", "rent"), [rent(i) for i in range(600)])
    return ("train", "--data", "rents.csv", "--target", "rent", "--hidden", 16, "--quiet",
            "--save", "r.st", "--force", "--embed")  # fmt: skip


def test_a_net_with_embeddings_predicts_as_its_formula(run, rents, here):
    """Seen and unseen values, missing ones, and columns in another order."""
    run(*rents, "town:3", "kind:2", "--activation", "tanh", "--epochs", 60, "--lr", 0.02)
    model, (arrays, _) = model_file.load("r.st"), read("r.st")
    assert str(model.plan).endswith("tanh, embedding 31 by 3, embedding 4 by 2")
    assert model.encoder.names == ["size", "town", "kind"]
    assert model.training["validation R²"] > 0.98
    rows = [["house", "town8", 0.3], ["flat", "Nowhere", -1.0], ["", "once", 0.5], ["hut", "", 0.0]]
    write_csv(here / "new.csv", ("kind", "town", "size"), rows)
    run("predict", "r.st", "--data", "new.csv", "--output", "out.csv")
    towns, kinds = sorted(TOWNS), ["flat", "house"]
    for (kind, town, size), (told,) in zip(rows, read_csv(here / "out.csv")[1], strict=True):
        if town == "":  # no town was missing in training: the most frequent one
            place = model.encoder.categories["town"].most_frequent
        else:
            place = towns.index(town) if town in towns else 30
        at = 3 if kind == "" else kinds.index(kind) if kind in kinds else 2
        z = (size - arrays["inputs_scale:mean"]) / arrays["inputs_scale:sd"]
        x = np.concatenate([z, arrays["0.tables.0"][place], arrays["0.tables.1"][at]])
        hidden = np.tanh(x @ arrays["1.weight"] + arrays["1.bias"])
        y = hidden @ arrays["3.weight"] + arrays["3.bias"]
        y = y * arrays["target_scale:sd"] + arrays["target_scale:mean"]
        assert float(told) == pytest.approx(y[0], rel=1e-5, abs=1e-4)
    assert (arrays["0.tables.1"][2] == 0).all()  # no row of training has another kind


def test_an_unseen_value_may_be_an_error(run, rents, here):
    run(*rents, "town:2", "--unseen", "error", "--epochs", 1)
    write_csv(here / "new.csv", ("town", "kind", "size"), [["Nowhere", "flat", 1]])
    _, err = run("predict", "r.st", "--data", "new.csv", code=1)
    assert "line 2, column 'town': expected one of once, town0" in err
    assert "got 'Nowhere'" in err


def test_the_file_comes_back_and_a_training_goes_on(run, rents, here):
    """Resumed, it has the bits of the training in one piece."""
    options = ("town:3", "--checkpoints", "folder")
    run(*rents, "town:3", "--epochs", 4)
    whole = read("r.st")[0]
    run(*rents, *options, "--epochs", 2)
    run(*rents, *options, "--epochs", 4, "--resume")
    resumed = read("r.st")[0]
    assert all((resumed[name] == array).all() for name, array in whole.items())
    model_file.save(model_file.load("r.st"), here / "other.st")
    assert (here / "other.st").read_bytes() == (here / "r.st").read_bytes()
    _, err = run(*rents, "town:4", "--checkpoints", "folder", "--resume", code=1)
    assert "--resume: expected a net of 8-16-1" in err
    out, _ = run("summary", "r.st")
    assert "EntityEmbedding((31, 3))" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["size:3"], 1, "rents.csv: --embed: expected categories, got 'size' (no category)"),
        (["nope:3"], 1, "got 'nope' (no category). Try: --category 'nope'"),
        (["rent:3"], 1, "got 'rent' (no category)"),
        (["town:3", "--ignore", "town"], 1, "got 'town' (--ignore)"),
        (["town:3", "kind:2", "town:2"], 2, "--embed has a column twice"),
        (["town:2.5"], 2, "expected a whole number from 1 up, got '2.5'"),
        (["town:0"], 2, "expected a whole number from 1 up, got '0'"),
        (["town"], 2, "expected COLUMN:SIZE, such as town:8, got 'town'"),
        ([":3"], 2, "expected COLUMN:SIZE"),
        (["town:3", "--data", "mnist"], 2, "MNIST has no columns to choose"),
    ],
    ids=str,
)
def test_what_cannot_be_embedded(run, rents, words, code, message):
    assert message in run(*rents, *words, code=code)[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_number_says_which_column_has_the_1(seed):
    """Drawn tables: the numbers to embed are the places of the 1 in the columns of 0 and 1."""
    rng = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(rng.integers(1, 5))]
    columns = {
        name: rng.choice([*"abcdefgh", None], 60, p=[0.12] * 8 + [0.04]).tolist() for name in names
    }
    columns |= {"x": rng.normal(size=60), "y": rng.normal(size=60)}
    table = data.table(columns, "y")
    rows, unseen = np.arange(50), rng.choice(["column", "column", "error"])
    embed = [str(name) for name in rng.permutation(names)[: rng.integers(1, len(names) + 1)]]
    plain = data.Encoder.of(table, rows, unseen=unseen)
    encoder = data.Encoder.of(table, rows, unseen=unseen, embed=embed)
    try:
        wanted = plain.encode(table)
    except DataError as error:
        with pytest.raises(DataError, match=error.args[0][:30]):
            encoder.encode(table)
        return
    x = encoder.encode(table)
    assert x.shape == (60, encoder.inputs)
    assert encoder.names[-len(embed) :] == embed
    of_plain = {name: wanted[:, i] for i, name in enumerate(plain.names)}
    for name, values in zip(encoder.names, x.T, strict=True):
        if name not in embed:
            np.testing.assert_array_equal(values, of_plain[name])
            continue
        one_hot = [v for n, v in of_plain.items() if n.startswith(f"{name} ")]
        assert len(one_hot) == encoder.counts[embed.index(name)]
        ones = np.array(one_hot)[:, np.arange(60)]
        if f"{name} is missing" in of_plain:  # then its mark counts
            ones[:-1, ones[-1] == 1] = 0
        np.testing.assert_array_equal(values, ones.argmax(axis=0))

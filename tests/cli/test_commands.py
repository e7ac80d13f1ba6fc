"""The commands from the outside: what they print and write, and how they end."""

import json
import re
import shlex

import numpy as np
import pytest
import safetensors.numpy
from cli_data import FLOWERS, HEADER, flower, read_csv, write_csv
from matplotlib.figure import Figure
from optimizer_rules import RULES

import minidl
from minidl import checkpoint, nn, show_config
from minidl.cli.command_line import COMMANDS, parsers
from minidl.cli.pictures import curve, draw_one
from minidl.layers.activations import REGISTRY
from minidl.layers.activations.table import HEADER as COLUMNS

TRAIN = ("train", "--data", "iris.csv", "--target", "species", "--quiet")


def answers(path):
    """The names and the numbers of a file that `predict` wrote."""
    header, rows = read_csv(path)
    return header, [row[0] for row in rows], np.array([row[1:] for row in rows], float)


def weights(path):
    return {k: v for k, v in safetensors.numpy.load_file(path).items() if ":" not in k}


# ---- train, evaluate, predict -------------------------------------------------------------------


def test_the_example_of_the_readme_learns(run):
    out, err = run("train", "--data", "iris.csv", "--target", "species", "--hidden", 16,
                   "--activation", "prelu")  # fmt: skip
    assert "3-16-3, prelu: 116 parameters" in out
    assert re.search(r"train +81 +0\.0\d+ +100\.00%", out)
    assert re.search(r"validation +9 +0\.\d+ +100\.00%", out)
    assert err.startswith("epoch 1/334  loss")
    assert err.count("\n") >= 85


def test_quiet(run):
    assert run(*TRAIN)[1] == ""


def test_predictions_are_the_formulas(run, iris):
    run("predict", iris, "--data", "iris.csv", "--output", "out.csv")
    header, names, found = answers(iris.with_name("out.csv"))
    assert header == ["species", *(f"probability of {name}" for name in FLOWERS)]

    saved = {k: v.astype(np.float64) for k, v in safetensors.numpy.load_file(iris).items()}
    x = np.array([flower(i)[:3] for i in range(90)], float)
    x = (x - saved["inputs_scale:mean"]) / saved["inputs_scale:sd"]
    hidden = x @ saved["0.weight"] + saved["0.bias"]
    hidden = np.where(hidden > 0, hidden, saved["1.weight"] * hidden)
    wanted = np.exp(hidden @ saved["2.weight"] + saved["2.bias"])
    wanted /= wanted.sum(axis=1, keepdims=True)
    # float32 nets err by some 1e-6, six digits are written.
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert names == [FLOWERS[i] for i in wanted.argmax(axis=1)]


def test_columns_are_found_by_name(run, iris, here):
    rows = [[r[2], "?", r[0], r[1]] for r in map(flower, range(90))]
    write_csv(here / "other.csv", ("petal", "note", "sepal", "width"), rows)
    plain, _ = run("predict", iris, "--data", "iris.csv")
    assert run("predict", iris, "--data", "other.csv")[0] == plain


def test_evaluate_says_what_the_predictions_are_worth(run, iris, here):
    rows = [flower(i) for i in range(90)]
    for row in rows[:7]:
        row[3] = "virginica"  # so that there is something wrong
    write_csv(here / "wrong.csv", HEADER, rows)
    run("predict", iris, "--data", "wrong.csv", "--output", "out.csv")
    predicted = answers(here / "out.csv")[1]
    out, _ = run("evaluate", iris, "--data", "wrong.csv")
    pairs = [(row[3], name) for row, name in zip(rows, predicted, strict=True)]
    right = sum(a == b for a, b in pairs)
    assert right < 88
    assert re.search(f"accuracy +{right / 90:.2%}", out)
    for name in FLOWERS:
        true, taken = (sum(pair[i] == name for pair in pairs) for i in (0, 1))
        hits = pairs.count((name, name))
        shares = f"{hits / taken:.4f} +{hits / true:.4f} +{2 * hits / (true + taken):.4f}"
        assert re.search(rf"^{name} +{true} +{shares}$", out, re.MULTILINE)
        counts = " +".join(str(pairs.count((name, other))) for other in FLOWERS)
        assert re.search(rf"^{name} +{counts}$", out, re.MULTILINE)


def test_a_regression_answers_in_the_targets_unit(run, here):
    out, _ = run("train", "--data", "houses.csv", "--target", "price", "--quiet", "--epochs", 60,
                 "--save", "houses.safetensors")  # fmt: skip
    assert re.search(r"validation +8 +\S+ +0\.99", out)
    run("predict", "houses.safetensors", "--data", "houses.csv", "--output", "out.csv")
    header, rows = read_csv(here / "out.csv")
    found = np.array(rows, float)[:, 0]
    price = np.array(read_csv(here / "houses.csv")[1], float)[:, 2]
    assert header == ["price"]
    rmse = np.sqrt(np.mean((found - price) ** 2))
    r2 = 1 - np.sum((found - price) ** 2) / np.sum((price - price.mean()) ** 2)
    assert r2 > 0.99
    lines = run("evaluate", "houses.safetensors", "--data", "houses.csv")[0].splitlines()
    told = dict(line.split() for line in lines[lines.index("") + 1 :])
    np.testing.assert_allclose([float(told["R²"]), float(told["RMSE"])], [r2, rmse], rtol=1e-3)


def test_whole_numbers_are_learned_as_numbers_if_asked(run, here):
    write_csv(here / "whole.csv", ("a", "b"), [(i, 10 * i) for i in range(40)])
    out, _ = run("train", "--data", "whole.csv", "--target", "b", "--task", "regression", "--quiet")
    assert "1-128-1" in out
    assert "R²" in out


def test_mnist_has_rows_to_test_with(run, digits):
    out, _ = run("train", "--data", "digits", "--epochs", 40, "--quiet", "--save", "d.safetensors")
    assert re.search(r"test +40 +\S+ +100\.00%", out)
    out, _ = run("evaluate", "d.safetensors", "--data", "digits")
    assert re.search(r"accuracy +100\.00%", out)
    run("predict", "d.safetensors", "--data", "digits", "--output", "out.csv")
    assert answers(digits.with_name("out.csv"))[1] == [str(i % 10) for i in range(40)]


def test_images_in_an_npz_file(run, here):
    images = np.random.default_rng(0).integers(0, 256, (60, 5, 5), np.uint8)
    np.savez(here / "a.npz", images=images, bright=np.where(images[:, 0, 0] > 127, "yes", "no"))
    out, _ = run("train", "--data", "a.npz", "--inputs", "images", "--target", "bright", "--hidden",
                 "--quiet", "--save", "a.safetensors")  # fmt: skip
    assert "25-2: 52 parameters" in out
    assert "rows" in run("evaluate", "a.safetensors", "--data", "a.npz", "--inputs", "images")[0]


def test_two_trainings_have_the_same_bits_for_any_number_of_threads(run):
    for name, count in (("one", 1), ("two", 2)):
        run(*TRAIN, "--dropout", 0.2, "--save", f"{name}.st", "--threads", count)
    one, two = weights("one.st"), weights("two.st")
    assert all((one[name] == two[name]).all() for name in one)
    run(*TRAIN, "--dropout", 0.2, "--save", "other.st", "--seed", 1)
    assert (weights("other.st")["0.weight"] != one["0.weight"]).any()


def test_batch_norm_dropout_maxout_and_other_options(run):
    out, err = run(*TRAIN, "--hidden", 8, 4, "--activation", "maxout", "--option", "pieces=3",
                   "--dropout", 0.1, "--batch-norm", "--batch-size", 80, "--optimizer", "rmsprop",
                   "--momentum", 0.5, "--lr", 0.01, "--weight-decay", 0.001, "--epochs", 30,
                   "--save", "a.st")  # fmt: skip
    assert err == ""  # 81 rows: the last one alone has no variance
    assert {k: v.shape for k, v in weights("a.st").items() if k.endswith(".weight")} == {
        "0.weight": (3, 24), "1.weight": (24,), "4.weight": (8, 12), "5.weight": (12,),
        "8.weight": (4, 3),
    }  # fmt: skip
    out, _ = run("summary", "a.st")
    assert re.search(r"2: Maxout\(pieces=3\) +\(1, 8\)$", out, re.MULTILINE)
    assert re.search(r"^total +255 +180$", out, re.MULTILINE)  # 3·24 + 2·24 + 8·12 + 2·12 + 4·3 + 3


def test_every_optimizer_trains(run):
    for rule in RULES:
        name = rule.__name__.lower()
        run(*TRAIN, "--optimizer", name, "--epochs", 1, "--save", f"{name}.st")
        out, _ = run("summary", f"{name}.st")
        assert f"{name}, " in out, name


def test_options_reach_the_optimizer(run):
    run(*TRAIN, "--epochs", 1, "--lr", 1e-30, "--save", "still.st")
    run(*TRAIN, "--epochs", 3, "--lr", 1e-30, "--save", "as-still.st")
    run(*TRAIN, "--epochs", 1, "--save", "moved.st")
    run(*TRAIN, "--epochs", 1, "--momentum", 0, "--save", "slower.st")
    run(*TRAIN, "--epochs", 1, "--weight-decay", 0.5, "--save", "smaller.st")
    still, again, moved, slower, smaller = (
        weights(f"{name}.st")["0.weight"]
        for name in ("still", "as-still", "moved", "slower", "smaller")
    )
    assert (still == again).all()
    assert (still != moved).any()
    assert np.abs(slower - still).sum() < np.abs(moved - still).sum()
    assert np.abs(smaller).sum() < np.abs(moved).sum()


def test_patience_ends_a_training(run):
    out, _ = run(*TRAIN, "--lr", 1e-30, "--patience", 2, "--save", "a.st")
    assert "3 epochs" in out
    assert "stopped: no better validation_loss than that of epoch 1" in out
    assert re.search(r"stopped +no better validation_loss", run("summary", "a.st")[0])


def test_a_warning_is_one_line(run, here):
    rows = [[1000 * (i % 2) + i, i % 2] for i in range(40)]
    write_csv(here / "large.csv", ("a", "b"), rows)
    _, err = run("train", "--data", "large.csv", "--target", "b", "--no-standardize", "--quiet",
                 "--lr", 1e-9)  # fmt: skip
    assert re.fullmatch(r"minidl train: warning: inputs: expected numbers of about 1.*\n", err)


# ---- resuming, and files that are there ---------------------------------------------------------


def test_a_training_that_is_resumed_has_the_bits_of_one_that_was_not(run):
    options = (*TRAIN, "--dropout", 0.1)
    run(*options, "--epochs", 6, "--save", "whole.st")
    run(*options, "--epochs", 2, "--checkpoints", "run")
    out, _ = run(*options, "--epochs", 6, "--checkpoints", "run", "--resume", "--save", "rest.st")
    assert "6 epochs" in out
    whole, rest = weights("whole.st"), weights("rest.st")
    assert all((whole[name] == rest[name]).all() for name in whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--seed", 1], "seed"),
        (["--validation", 0.2], "data float32 (81, 3)"),
        (["--batch-size", 16], "batch_size 32, as when training began, got batch_size 16"),
        (["--activation", "tanh"], "layer 1 ReLU(), as when training began, got layer 1 Tanh()"),
        (["--lr", 0.1], "lr 0.05, as when training began, got lr 0.1"),
        (["--momentum", 0], "momentum 0.9, as when training began"),
        (["--weight-decay", 1e-4], "weight_decay"),
        (["--data", "other.csv"], "data"),
    ],
)
def test_another_training_is_not_resumed(run, here, change, words):
    write_csv(here / "other.csv", HEADER, [flower(i) for i in range(3, 93)])
    run(*TRAIN, "--epochs", 1, "--checkpoints", "run")
    _, err = run(*TRAIN, *change, "--checkpoints", "run", "--resume", "--save", "a.st", code=1)
    assert err.startswith("minidl train: ")
    assert err.count("\n") == 1
    assert words in err
    assert not (here / "a.st").exists()


@pytest.mark.parametrize(
    ("activation", "hidden", "other"),
    [
        (["relu"], [9], [128]),
        (["prelu"], [], [9]),
        (["maxout", "--option", "pieces=3", "--batch-norm"], [9, 7], [9, 8]),
    ],
)
def test_resuming_with_another_shape_says_what_to_type(run, activation, hidden, other):
    train = (*TRAIN, "--activation", *activation, "--checkpoints", "run")
    run(*train, "--epochs", 1, "--hidden", *hidden)
    _, err = run(*train, "--epochs", 2, "--resume", "--hidden", *other, code=1)
    before, now = ("-".join(map(str, [3, *units, 3])) for units in (hidden, other))
    assert f"--resume: expected a net of {before}, as in run, got {now}." in err
    typed = re.search("Try: (--hidden[ 0-9]*) with the same data", err)[1]
    run(*train, "--epochs", 2, "--resume", *typed.split())


def test_a_default_that_is_written_out_is_the_same_training(run):
    run(*TRAIN, "--epochs", 1, "--checkpoints", "run")
    out, _ = run(*TRAIN, "--epochs", 2, "--checkpoints", "run", "--resume", "--optimizer", "sgd",
                 "--lr", 0.05, "--momentum", 0.9, "--weight-decay", 3 / 81)  # fmt: skip
    assert "2 epochs" in out


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"), [(30, 32, 1000), (81, 32, 334), (1600, 32, 20), (81, 1, 20)]
)
def test_few_rows_are_trained_on_for_more_epochs(run, here, rows, batch, epochs):
    """At least 1,000 steps, and at least 20 epochs."""
    write_csv(here / "a.csv", HEADER, [flower(i) for i in range(rows)])
    out, _ = run("train", "--data", "a.csv", "--target", "species", "--hidden", 2, "--quiet",
                 "--validation", 0, "--batch-size", batch)  # fmt: skip
    assert f"{epochs} epochs" in out


def test_a_folder_with_a_training_is_not_taken_for_another(run):
    run(*TRAIN, "--epochs", 1, "--checkpoints", "run")
    assert "--resume, or another folder" in run(*TRAIN, "--checkpoints", "run", code=1)[1]


def test_nothing_is_overwritten_without_force(run, iris, here):
    commands = {
        "a.st": (*TRAIN, "--epochs", "1", "--save", "a.st"),
        "a.csv": ("predict", iris, "--data", "iris.csv", "--output", "a.csv"),
        "a.png": ("activations", "relu", "--plot", "a.png"),
    }
    for name, words in commands.items():
        (here / name).write_text("precious")
        _, err = run(*words, code=1)
        assert "--force" in err
        assert (here / name).read_text() == "precious"
        run(*words, "--force")
        assert (here / name).read_bytes()[:8] != b"precious"


@pytest.mark.parametrize("name", ["nowhere/a.st", "."])
def test_a_model_that_cannot_be_saved_is_known_before_the_training(run, name):
    out, err = run(*TRAIN, "--epochs", 10**9, "--save", name, code=1)
    assert out == ""
    assert err.count("\n") == 1


# ---- what users do wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --data iris.csv --target nope", "iris.csv: expected a column 'nope'"),
        ("train --data nowhere.csv --target a", "nowhere.csv: No such file or directory"),
        ("train --data nowhere.npz", "nowhere.npz: No such file or directory"),
        ("train --data . --target kind", ".: expected a file with a table, or a folder"),
        ("train --data iris.csv --target petal --number species",
         "iris.csv: line 2, column 'species': expected a number, got 'setosa'"),
        ("train --data iris.csv --target species --validation 0.999",
         "iris.csv: expected rows to train with and rows for validation"),
        ("train --data iris.csv --target species --activation prelu --option units=99999999999999 "
         "--quiet", "not enough memory"),
        ("train --data iris.csv --target species --activation prelu --option units=3 --quiet",
         "prelu: expected a weight of shape"),
        ("evaluate nowhere.st --data iris.csv", "nowhere.st: No such file or directory"),
        ("evaluate iris.csv --data iris.csv", "checkpoint.read: iris.csv: expected a safetensors"),
        ("evaluate iris.safetensors --data houses.csv", "houses.csv: expected a column 'species'"),
        ("predict iris.safetensors --data houses.csv", "houses.csv: expected a column 'sepal'"),
        ("predict iris.safetensors --data a.npz", "a.npz: expected 3 columns of numbers, as in "
         "training, got 4 of pixels"),
        ("activations --plot a.xyz", "--plot: expected a name that ends in one of"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_code_1(run, iris, here, words, message):
    np.savez(here / "a.npz", x=np.ones((2, 4), np.uint8), y=np.ones(2))
    _, err = run(*shlex.split(words), code=1)
    assert err.startswith(f"minidl {words.split()[0]}: {message}")
    assert err.count("\n") == 1


def test_a_training_that_diverges_says_why(run):
    _, err = run(*TRAIN, "--lr", 1e9, "--save", "a.st", code=1)
    *warnings, last = err.splitlines()
    assert all(line.startswith("minidl train: warning: rate: ") for line in warnings)
    assert last.startswith("minidl train: fit: a loss of")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("bogus", "invalid choice: 'bogus'"),
        ("train", "required: --data"),
        ("train --data a.csv", "--target COLUMN is needed for a file with named columns"),
        ("train --data a.csv --target b --activation ge", "invalid choice: 'ge'"),
        ("train --data a.csv --target b --option pieces=3", "options as in relu(), got pieces=3"),
        ("train --data a.csv --target b --activation maxout --option pieces=0", "pieces"),
        ("train --data a.csv --target b --option pieces", "expected NAME=VALUE"),
        ("train --data a.csv --target b --option a=__import__('os')", "expected NAME=VALUE"),
        ("train --data a.csv --target b --activation elu --option alpha=-1", "alpha > 0"),
        ("train --data a.csv --target b --activation elu --option alpha=1e999", "alpha=inf"),
        ("train --data a.csv --target b --epochs 0", "a whole number from 1 up, got '0'"),
        ("train --data a.csv --target b --hidden 3 -2", "a whole number from 1 up, got '-2'"),
        ("train --data a.csv --target b --dropout 1", "from 0 up and below 1, got '1'"),
        ("train --data a.csv --target b --lr nan", "above 0, got 'nan'"),
        ("train --data a.csv --target b --patience 3 --validation 0", "--patience needs"),
        ("train --data a.csv --target b --resume", "--resume needs --checkpoints"),
        ("train --data a.csv --target b --optimizer adam --momentum 0.9", "not an option of adam"),
        ("train --data a.csv --target b --batch-norm --batch-size 1", "--batch-norm needs"),
        ("train --data mnist --target b", "MNIST has no columns"),
        ("train --data a.csv --target b --epo 3", "unrecognized arguments: --epo"),
        ("activations tanhh", "Try: 'tanh'"),
    ],
)
def test_usage_errors_have_code_2(run, words, message):
    out, err = run(*shlex.split(words), code=2)
    assert out == ""
    assert err.startswith("usage: minidl")
    assert message in err.splitlines()[-1]


def test_names_that_a_terminal_would_obey_are_not_printed_as_they_are(run, here):
    evil = "\x1b[31mred"
    rows = [[i, ("blue", evil)[i % 2]] for i in range(40)]
    write_csv(here / "evil.csv", ("a", "\x1b]0;b"), rows)
    run("train", "--data", "evil.csv", "--target", 1, "--quiet", "--save", "evil.st")
    texts = [
        *run("summary", "evil.st"),
        *run("evaluate", "evil.st", "--data", "evil.csv"),
        *run("evaluate", "evil.st", "--data", "iris.csv", code=1),
    ]
    assert any("?[31mred" in text for text in texts)
    assert not any("\x1b" in text for text in texts)
    assert evil in run("predict", "evil.st", "--data", "evil.csv")[0]  # it is data there


# ---- summary, activations, config ---------------------------------------------------------------


def test_summary(run, iris):
    out, _ = run("summary", iris)
    assert re.search(r"^ +0: Dense\(3, 8\) +\(1, 8\) +32 +24$", out, re.MULTILINE)
    assert re.search(r"^ +1: PReLU\(\) +\(1, 8\) +1$", out, re.MULTILINE)
    assert re.search(r"^ +2: Dense\(8, 3\) +\(1, 3\) +27 +24$", out, re.MULTILINE)
    assert re.search(r"^total +60 +48$", out, re.MULTILINE)
    for fact in ("sepal, width, petal", "species, 3 classes: setosa, versicolor, virginica",
                 "iris.csv", "sgd, lr 0.05", f"minidl {minidl.__version__}"):  # fmt: skip
        assert fact in out


def test_activations_are_the_registry(run):
    lines = run("activations")[0].splitlines()
    assert re.split("  +", lines[0]) == list(COLUMNS)
    assert [line.split()[0] for line in lines[1:]] == list(REGISTRY)
    line = "softsign  Softsign()  y = x / (1 + |x|)  -1, 1  -"
    assert re.sub("  +", "  ", run("activations", "softsign")[0]).splitlines()[1].startswith(line)


def test_a_picture_of_the_activations(run, here):
    run("activations", "relu", "maxout", "--plot", "a.png")
    assert (here / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    run("activations", "relu", "tanh", "--plot", "a.svg")
    text = (here / "a.svg").read_text()
    labels = ("relu", "tanh", "y = f(x)", "derivative dy/dx", "kink", "derivative there")
    assert all(f"<!-- {label} -->" in text for label in labels)


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda kind: kind.name)
def test_each_kink_lies_inside_the_frame(kind):
    axis = Figure().add_subplot()
    draw_one(axis, kind)
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    x, y, _ = curve(kind)
    for kink, slope in kind.kinks().items():
        assert left < kink < right
        assert bottom < y[x == kink].item() < top
        assert bottom < slope < top


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda kind: kind.name)
def test_the_curves_are_the_formulas(kind):
    x, y, slope = curve(kind)
    assert (np.diff(x) > 0).all()
    wide = x if kind.name != "maxout" else np.stack([x, 0 * x], axis=1)
    weight = [minidl.Tensor(np.array([0.25]))] if kind.learned else []
    np.testing.assert_allclose(
        y, kind.formula(minidl.Tensor(wide), *weight).data.reshape(-1), rtol=1e-9, atol=1e-12
    )
    assert x[np.isnan(slope)].tolist() == [*kind.kinks()]
    steep = np.diff(y) / np.diff(x)
    inner = np.isfinite(slope[1:] + slope[:-1]) & (np.diff(x) > 1e-6) & (abs(x[1:]) > 0.02)
    middle = (slope[1:] + slope[:-1]) / 2
    np.testing.assert_allclose(steep[inner], middle[inner], atol=1e-3)


def test_config(run):
    out, _ = run("config", "--json")
    assert json.loads(out) == {"version": minidl.__version__, **show_config()}
    lines = dict(re.split("  +", line) for line in run("config")[0].splitlines())
    assert list(lines) == ["version", *show_config()]
    assert lines["threads"] == str(minidl.get_num_threads())


def test_weights_go_to_a_net_of_ones_own(run, iris):
    net = nn.MLP([3, 8, 3], "prelu")
    checkpoint.load_model(net, iris)
    assert (net[0].weight.data == weights(iris)["0.weight"]).all()


# ---- help ---------------------------------------------------------------------------------------


def examples():
    parser, commands = parsers()
    for text in (parser.epilog, *(command.epilog for command in commands.values())):
        yield from re.findall(r"^  python -m (minidl .*)$", text, re.MULTILINE)


def test_every_command_has_examples():
    for name, module in COMMANDS.items():
        assert 2 <= module.EXAMPLES.count(f"  python -m minidl {name}") <= 4


@pytest.mark.parametrize("example", sorted(set(examples())))
def test_the_examples_in_the_help_run(run, iris, digits, monkeypatch, example):
    monkeypatch.setenv("MINIDL_DATA", str(digits))
    run("train", "--data", "mnist", "--epochs", 1, "--quiet", "--save", "digits.safetensors")
    words = shlex.split(example)[1:]
    if "--save" in words:
        iris.unlink()
    run(*words)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(run, name):
    out, _ = run(*[name] * bool(name), "--help")
    assert "examples:" in out
    assert "python -m minidl" in out


def test_version(run):
    assert run("--version")[0] == f"minidl {minidl.__version__}\n"

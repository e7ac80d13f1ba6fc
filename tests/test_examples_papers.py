"""The reproductions of papers: their formulas, and short runs, killed and not."""

import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import data, nn
from minidl.checkpoint import Folder
from minidl.train import History, fit

PAPERS = Path(__file__).parents[1] / "examples/papers"
MNIST = PAPERS.parent / "data/mnist"
STEPS = 500  # of an epoch of 50,000 images
# What the authors' run had measured, in float32, in its best epoch, 243: mnist_pi_continued.yaml.
AUTHORS_RATE, AUTHORS_MOMENTUM = 0.0615082606673, 0.694376766682

sys.path.insert(0, str(PAPERS))
seeds, maxout, noisy, record = map(
    importlib.import_module, ("seeds", "maxout_mnist", "noisy_mlp_mnist", "record_mnist")
)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def small_mnist(folder, train=240, test=60, seed=0):
    """MNIST's first images as a data set; the labels of the test are drawn at random."""
    folder.mkdir()
    (x, y), (x_test, _) = data.mnist(MNIST)
    write_idx(folder / "train-images-idx3-ubyte", x[:train].reshape(-1, 28, 28))
    write_idx(folder / "train-labels-idx1-ubyte", y[:train])
    write_idx(folder / "t10k-images-idx3-ubyte", x_test[:test].reshape(-1, 28, 28))
    labels = np.random.default_rng(seed).integers(0, 10, test)
    write_idx(folder / "t10k-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_mnist(tmp_path_factory.mktemp("data") / "mnist")


@pytest.fixture
def narrow(monkeypatch):
    """Maxout nets of few units, small batches and little patience: soon trained."""
    monkeypatch.setattr(seeds, "BATCH", 20)
    monkeypatch.setattr(maxout, "UNITS", 10)
    monkeypatch.setattr(maxout, "FIRST_WEIGHTS", 0.1)
    monkeypatch.setattr(maxout, "PATIENCE", 4)


def results(folder):
    return json.loads((folder / "results.json").read_text())


def rows(folder):
    """The rows, without what may differ from run to run."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in results(folder)["rows"]]


def newest(folder, stage, seed=0):
    return Folder(folder / f"seed-{seed}" / stage).newest()


def history(folder, stage, seed=0):
    return History.from_json(newest(folder, stage, seed).arrays["run:history"].tobytes().decode())


def assert_same_training(one, other, stage):
    """The two ended with the same bits, and the same to go on from."""
    a, b = newest(one, stage), newest(other, stage)
    assert a.step == b.step
    assert a.state == b.state
    assert a.arrays.keys() == b.arrays.keys()
    for name in a.arrays.keys() - {"run:history"}:
        np.testing.assert_array_equal(a.arrays[name], b.arrays[name], err_msg=name)
    assert history(one, stage) == history(other, stage)


# What the recipes say


def test_the_momentum_rises_as_the_released_recipe_says():
    assert maxout.momentum_of(1) == 0.5
    assert maxout.momentum_of(250) == maxout.momentum_of(1000) == pytest.approx(0.7, abs=1e-15)
    assert np.diff([maxout.momentum_of(e) for e in range(1, 251)]) == pytest.approx(0.2 / 249)
    assert maxout.momentum_of(243) == pytest.approx(AUTHORS_MOMENTUM, rel=2e-6)


def test_the_rate_falls_as_the_released_recipe_says():
    factor = maxout.decay_from(0.1)
    rate = 0.1
    for step in range(5):
        assert 0.1 * factor(step) == pytest.approx(rate, rel=1e-12)
        rate /= 1.000004
    assert 0.1 * factor(243 * STEPS) == pytest.approx(AUTHORS_RATE, rel=1e-6)
    assert 0.1 * factor(10**9) == pytest.approx(1e-6)
    assert 0.05 * maxout.decay_from(0.05)(10**9) == pytest.approx(1e-6)


def test_a_step_is_that_of_pylearn2_while_the_rate_falls(monkeypatch):
    """v = m v - lr g, w = w + v, in float64, with a rate that falls fast enough to see it."""
    monkeypatch.setattr(maxout, "DECAY", 1.05)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.integers(0, 4, 12)
    net = nn.Dense(3, 4).astype(np.float64)
    W, b = net.weight.data.copy(), net.bias.data.copy()
    rate, vW, vb = 0.1, 0.0, 0.0
    for epoch in range(1, 41):
        p = np.exp(x @ W + b)
        p /= p.sum(1, keepdims=True)
        dz = (p - np.eye(4)[y]) / 12
        m = 0.5 + 0.2 * (epoch - 1) / 249
        vW, vb = m * vW - rate * x.T @ dz, m * vb - rate * dz.sum(0)
        W, b, rate = W + vW, b + vb, rate / 1.05
        norms = np.linalg.norm(W, axis=0)
        W = W * np.minimum(1, 1.9365 / norms)
    fit(
        net, (x, y), minidl.functional.cross_entropy, maxout.sgd(net, 0.1, 0.5), 40, batch_size=12,
        callbacks=[maxout.RisingMomentum()], schedule=maxout.decay_from(0.1),
        max_norm=maxout.MAX_NORM, progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(net.weight.data, W, rtol=1e-12)
    np.testing.assert_allclose(net.bias.data, b, rtol=1e-12, atol=1e-15)


def cross_entropy(z, y):
    """The mean of -log softmax(z)[y], in float64."""
    z = z.astype(float)
    return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), y])


def test_the_objective_is_the_loss_with_dropout_and_leaves_the_net_alone():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (250, 784), np.uint8), rng.integers(0, 10, 250)
    net = nn.Sequential(nn.Dense(784, 10), nn.Dropout(0.5, seed=3)).eval()
    state, random = net.state_dict(), minidl.random.random_state()
    z = x / 255 @ net[0].weight.data.astype(float) + net[0].bias.data
    parts = np.split(z, [100, 200])  # a mask for each batch of 100
    kept = [
        minidl.functional.dropout(np.ones_like(part, np.float32), 0.5, seed=3, step=i).numpy()
        for i, part in enumerate(parts)
    ]
    expected = cross_entropy(z * np.concatenate(kept), y)
    assert maxout.objective(net, (x, y)) == pytest.approx(expected, rel=1e-6)
    assert abs(expected - cross_entropy(z, y)) > 0.01
    assert not any(layer.training for layer in net)
    assert minidl.random.random_state() == random
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_stage_2_ends_as_soon_as_the_objective_is_there():
    x, y = np.eye(4, dtype=np.float32), np.arange(4)

    def objectives(level, epochs=8):
        minidl.manual_seed(0)
        net = nn.Dense(4, 4)
        optimizer = minidl.optim.SGD(net.parameters(), 1.0)
        done = fit(
            net, (x, y), minidl.functional.cross_entropy, optimizer, epochs,
            callbacks=[maxout.StopAt(level, (x, y))], progress=False,
        )  # fmt: skip
        return done["objective"]

    falling = objectives(0.0)
    assert len(falling) == 8
    assert falling == sorted(falling, reverse=True)
    assert objectives(falling[4]) == falling[:5], "equal is enough"
    assert objectives(np.nextafter(falling[4], 0)) == falling[:6]
    assert objectives(falling[0]) == falling[:1]


def test_the_maxout_net():
    net = maxout.network()
    assert repr(net).split("\n") == [
        "Sequential(", "  (0): Dropout(p=0.2, rescale=False)", "  (1): Dense(784, 1200)",
        "  (2): Maxout(pieces=5)", "  (3): Dropout(p=0.5)", "  (4): Dense(240, 1200)",
        "  (5): Maxout(pieces=5)", "  (6): Dropout(p=0.5)", "  (7): Dense(240, 10)", ")",
    ]  # fmt: skip
    for layer in (net[1], net[4], net[7]):
        W = layer.weight.data
        assert not layer.bias.data.any()
        assert 0.0049 < W.max() <= 0.005
        assert -0.005 <= W.min() < -0.0049
        assert W.std() == pytest.approx(0.01 / np.sqrt(12), rel=0.02), "of a uniform distribution"


def test_the_noisy_net_is_the_ladders_encoder():
    net = noisy.network([6, 4], 0.3, 0.5)
    names = [type(layer).__name__ for layer in net]
    part = ["Dense", "BatchNorm", "GaussianNoise", "Bias"]
    assert names == ["GaussianNoise", *part, "ReLU", *part, "ReLU", *part]
    noise = [layer.sd for layer in net if isinstance(layer, nn.GaussianNoise)]
    assert noise == [0.3, 0.5, 0.5, 0.5]
    sizes = [layer.weight.shape for layer in net if isinstance(layer, nn.Dense)]
    assert sizes == [(784, 6), (6, 4), (4, 10)]
    learned = [p.shape for p in net.parameters()]
    assert learned == [(784, 6), (6,), (6, 4), (4,), (4, 10), (10,)]


def test_the_papers_net():
    """784-1000-500-250-250-250-10, a bias for each unit and a scale for each output."""
    arguments = noisy.parse([])
    assert (arguments.input_noise, arguments.hidden_noise, arguments.epochs) == (0.3, 0.5, 150)
    net = noisy.network(arguments.widths, 0.3, 0.5, arguments.scale)
    sizes = [784, 1000, 500, 250, 250, 250, 10]
    shapes = [shape for n, m in pairwise(sizes) for shape in ((n, m), (m,))]
    assert [p.shape for p in net.parameters()] == [*shapes, (10,)]
    assert [type(layer).__name__ for layer in net][-3:] == ["GaussianNoise", "Bias", "Scale"]
    for layer in net:
        if isinstance(layer, nn.Dense):  # N(0, 1/inputs), as in the authors' code
            W = layer.weight.data
            assert W.std() * len(W) ** 0.5 == pytest.approx(1, rel=0.05)


def test_the_scaled_net_by_its_formula():
    """Outputs and gradients in float64, without noise, beside the formula and differences."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6)), rng.integers(0, 3, 20)
    noisy_layers = noisy.network([5, 4], 0.0, 0.0, True)
    net = nn.Sequential(nn.Dense(6, 784, bias=False), *noisy_layers).astype(np.float64)
    values = [rng.normal(size=p.shape) for p in net.parameters()]
    for p, value in zip(net.parameters(), values, strict=True):
        p.data[...] = value

    def outputs(values):
        h = x @ values[0]
        for W, b in zip(values[1:-1:2], values[2:-1:2], strict=True):
            z = h @ W
            z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) + b
            h = np.maximum(z, 0)
        return z * values[-1]

    got = net(x)
    np.testing.assert_allclose(got.numpy(), outputs(values), rtol=1e-9, atol=1e-9)
    minidl.functional.cross_entropy(got, y).backward()
    for i in (-1, -2):  # scale and the last bias
        for j in range(3):
            moved = [[v.copy() for v in values] for _ in range(2)]
            moved[0][i][j] += 1e-6
            moved[1][i][j] -= 1e-6
            high, low = (cross_entropy(outputs(m), y) for m in moved)
            gradient = list(net.parameters())[i].grad[j]
            assert float(gradient) == pytest.approx((high - low) / 2e-6, rel=1e-5, abs=1e-8)


def test_clean_statistics_are_those_of_the_images_without_noise():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (300, 784), np.uint8), rng.integers(0, 10, 300)
    net = noisy.network([6], 0.3, 0.5)
    for p in net.parameters():
        p.data[...] = rng.normal(size=p.shape)
    net(x.astype(np.float32))  # the averages begin anew after this
    noisy.settle(net, (x, y))
    assert not any(layer.training for layer in net)
    h = x / 255
    for dense, norm, bias in ((net[1], net[2], net[4]), (net[6], net[7], net[9])):
        z = h @ dense.weight.data.astype(float)
        parts = z.reshape(3, 100, -1)  # batches
        np.testing.assert_allclose(norm.running_mean, z.mean(0), rtol=1e-3, atol=1e-3)
        variances = parts.var(1, ddof=1).mean(0)
        np.testing.assert_allclose(norm.running_var, variances, rtol=1e-3)
        # What goes on to the next layer was normalised batch by batch.
        z = (parts - parts.mean(1, keepdims=True)) / parts.std(1, keepdims=True)
        h = np.maximum(z.reshape(300, -1) + bias.bias.data, 0)


@pytest.mark.parametrize("steps", [1, 2, 90, 91])
def test_the_noisy_nets_rate_falls_in_the_last_third(steps):
    factor = noisy.falls_late(steps)
    values = [factor(step) for step in range(steps + 1)]
    flat = 2 * steps // 3
    assert values[: flat + 1] == [1.0] * (flat + 1)
    assert values[flat:] == pytest.approx(np.linspace(1, 0, steps - flat + 1))


# Short runs


def test_maxout_stages(narrow, small, tmp_path, monkeypatch, capsys):
    """Stage 1 stops by its patience and gives its best weights, which decide when stage 2 ends."""
    levels, stop_at = [], maxout.StopAt

    def stop(level, held_back):
        levels.append(level)
        np.testing.assert_array_equal(held_back[0], x[200:])
        return stop_at(level, held_back)

    monkeypatch.setattr(maxout, "StopAt", stop)
    (x, y), (x_test, y_test) = data.mnist(small)
    argv = ["--data", small, "--output", tmp_path, "--seeds", 1, "--most-epochs", 200]
    maxout.main(list(map(str, argv)))
    (row,) = rows(tmp_path)
    first, second = history(tmp_path, "stage-1"), history(tmp_path, "stage-2")
    right = first["validation_accuracy"]
    best = right.index(max(right)) + 1
    assert row["best_epoch"] == best
    assert row["epochs"] == [len(first), len(second)] == [best + 4, len(second)]
    assert row["steps"] == 10 * len(first) + 12 * len(second)
    assert row["validation_error"] == pytest.approx(100 - 100 * max(right))
    weights = {
        name.split(":")[-1]: values for name, values in newest(tmp_path, "stage-1").arrays.items()
        if name.startswith("callbacks.EarlyStopping.0:weights")
    }  # fmt: skip
    (level,) = levels
    assert row["training_objective"] == level
    several = [
        cross_entropy(outputs(weights, x[:200], np.random.default_rng(seed)), y[:200])
        for seed in range(50)
    ]  # other masks
    mean, sd = np.mean(several), np.std(several)
    assert abs(level - mean) < 4 * sd
    assert cross_entropy(outputs(weights, x[:200]), y[:200]) < mean - 8 * sd, "without dropout"
    objectives = second["objective"]
    assert [value <= level for value in objectives] == [False] * (len(objectives) - 1) + [True]
    mistakes = (outputs(newest(tmp_path, "stage-2").arrays, x_test).argmax(1) != y_test).sum()
    assert row["test_mistakes"] == mistakes
    assert row["test_error"] == pytest.approx(100 * mistakes / 60)
    assert row["stopped"] == f"an objective of at most {level:.6f}"
    assert row["minidl"] == minidl.__version__
    text = capsys.readouterr().out
    assert text.splitlines()[-1].endswith("0.94 (one run) |")


def test_no_piece_of_any_layer_gets_more_than_the_bound(narrow, small, tmp_path, monkeypatch):
    monkeypatch.setattr(maxout, "MAX_NORM", 0.05)  # below that of the first weights
    maxout.main(
        [*map(str, ["--data", small, "--output", tmp_path, "--seeds", 1, "--most-epochs", 1])]
    )
    for stage in ("stage-1", "stage-2"):
        saved = newest(tmp_path, stage).arrays
        for i in (1, 4, 7):
            norms = np.linalg.norm(saved[f"{i}.weight"].astype(np.float64), axis=0)
            assert norms.max() == pytest.approx(0.05, rel=1e-6)


def outputs(weights, x, rng=None):
    """The maxout net's, by its formula, in float64; with dropout, if a generator is given."""
    x = x / 255
    if rng:
        x = x * (rng.random(x.shape) < 0.8)
    for i in (1, 4, 7):
        x = x @ weights[f"{i}.weight"].astype(float) + weights[f"{i}.bias"]
        if i < 7:
            x = x.reshape(len(x), -1, 5).max(2)
            if rng:
                x = x * 2 * (rng.random(x.shape) < 0.5)
    return x


def test_stage_2_ends_if_the_objective_never_gets_there(narrow, small, tmp_path, monkeypatch):
    monkeypatch.setattr(maxout, "MOST_CONTINUED", 3)
    monkeypatch.setattr(maxout, "StopAt", lambda level, rows, kind=maxout.StopAt: kind(0.0, rows))
    maxout.main([*map(str, ["--data", small, "--output", tmp_path, "--seeds", 1])])
    (row,) = rows(tmp_path)
    assert row["epochs"][1] == 3
    assert row["stopped"] == "3 epochs without getting there"


def test_stage_2_goes_on_with_the_rate_and_the_momentum_of_the_best_epoch(narrow, small, tmp_path):
    """Each seed with its own: the rate after that epoch's 10 steps, by a falling product, and that
    epoch's place on the line from 0.5 to 0.7."""
    argv = ["--data", small, "--output", tmp_path, "--seeds", 3, "--most-epochs", 12]
    maxout.main(list(map(str, argv)))
    bests = []
    for row in rows(tmp_path):
        right = history(tmp_path, "stage-1", row["seed"])["validation_accuracy"]
        best = 1 + right.index(max(right))
        bests.append(best)
        rate = 0.1
        for _ in range(10 * best):
            rate /= 1.000004
        momentum = 0.5 + 0.2 / 249 * (best - 1)
        last = len(right)
        for stage, first_rate, its_momentum, steps in (
            ("stage-1", 0.1, 0.5 + 0.2 / 249 * (last - 1), 10), ("stage-2", rate, momentum, 12),
        ):  # fmt: skip
            saved = newest(tmp_path, stage, row["seed"])
            done = steps * len(history(tmp_path, stage, row["seed"]))
            assert saved.step == done
            used = saved.state["optimizer:groups.0.lr"]
            assert used == pytest.approx(first_rate / 1.000004**done, rel=1e-12)
            used = saved.state["optimizer:groups.0.momentum"]
            assert used == pytest.approx(its_momentum * 1.000004, rel=1e-12)
        assert row["continued_rate"] == pytest.approx(rate, rel=1e-12)
        assert row["continued_momentum"] == pytest.approx(momentum, rel=1e-12)
    assert len(set(bests)) > 1


SHORT = {
    "maxout": (["--most-epochs", 4], ["stage-1", "stage-2"]),
    "noisy": (["--epochs", 6, "--widths", 30, 20], ["training"]),
    "record": (["--epochs", 6, "--widths", 30, 20], ["training"]),
}
MODULES = {"maxout": maxout, "noisy": noisy, "record": record}


@pytest.mark.parametrize("name", SHORT)
def test_what_the_test_images_are_changes_nothing_but_the_result(name, narrow, small, tmp_path):
    options, stages = SHORT[name]
    other = small_mnist(tmp_path / "other", test=50, seed=1)
    for folder, output in ((small, "a"), (other, "b")):
        argv = ["--data", folder, "--output", tmp_path / output, "--seeds", 1, *options]
        MODULES[name].main(list(map(str, argv)))
    for stage in stages:
        assert_same_training(tmp_path / "a", tmp_path / "b", stage)
    (a,), (b,) = rows(tmp_path / "a"), rows(tmp_path / "b")
    of_test = {"test_mistakes", "test_error"}
    assert a.keys() == b.keys() > of_test
    assert {name for name in a if a[name] != b[name]} <= of_test
    assert a["test_error"] != b["test_error"]


@pytest.mark.parametrize("name", SHORT)
def test_the_test_images_are_looked_at_once_when_a_seed_is_trained(
    name, narrow, small, tmp_path, monkeypatch
):
    looks = []

    def look(net, folder):
        done = [history(tmp_path, stage, len(looks)) for stage in SHORT[name][1]]
        looks.append([len(each) for each in done])
        return 1, 10

    monkeypatch.setattr(seeds, "test_mistakes", look)
    argv = ["--data", small, "--output", tmp_path, "--seeds", 2, *SHORT[name][0]]
    MODULES[name].main(list(map(str, argv)))
    assert looks == [row["epochs"] for row in rows(tmp_path)]


def test_with_validation_the_test_images_are_not_looked_at(small, tmp_path, monkeypatch, capsys):
    monkeypatch.delattr(seeds, "test_mistakes")
    argv = ["--data", small, "--output", tmp_path, "--seeds", 2, *SHORT["noisy"][0]]
    noisy.main([*map(str, argv), "--validation", "--statistics", "running"])
    for row in rows(tmp_path):
        assert not any(name.startswith("test") for name in row)
        right = history(tmp_path, "training", row["seed"])["validation_accuracy"]
        assert row["validation_error"] == pytest.approx(100 * (1 - right[-1]))
        assert row["steps"] == 6 * 2, "two batches of the first 200 images"
    assert "validation error %" in capsys.readouterr().out


def test_clean_statistics_change_the_result_alone(small, tmp_path, monkeypatch):
    seen = []

    def look(net, folder):
        seen.append(net)
        return 0, 1

    monkeypatch.setattr(seeds, "test_mistakes", look)
    for kind in ("running", "clean"):
        argv = ["--data", small, "--output", tmp_path / kind, "--seeds", 1, *SHORT["noisy"][0]]
        noisy.main([*map(str, argv), "--statistics", kind])
    assert_same_training(tmp_path / "running", tmp_path / "clean", "training")
    running, clean = (net.state_dict() for net in seen)
    changed = {name for name in clean if not np.array_equal(running[name], clean[name])}
    assert {name.split(".")[1] for name in changed} >= {"running_mean", "running_var"}
    assert all("running" in name or "num_batches" in name for name in changed)


@pytest.mark.parametrize("name", SHORT)
def test_seeds_that_are_done_are_not_trained_again(name, narrow, small, tmp_path, capsys):
    def run(*options):
        argv = ["--data", small, "--output", tmp_path, *SHORT[name][0], *options]
        MODULES[name].main(list(map(str, argv)))
        return capsys.readouterr().out

    run("--seeds", 1, "--first-seed", 1)
    (one,) = results(tmp_path)["rows"]
    text = run("--seeds", 2)
    assert "seed 0" in text
    assert "seed 1" not in text
    assert [row["seed"] for row in rows(tmp_path)] == [0, 1]
    assert results(tmp_path)["rows"][1] == one
    assert "epoch 1:" not in run("--seeds", 2)


def test_other_settings_need_another_folder(small, tmp_path):
    argv = [*map(str, ["--data", small, "--output", tmp_path, "--seeds", 1, "--epochs", 1])]
    noisy.main(argv)
    with pytest.raises(minidl.ArgumentError, match=r"'hidden_noise': 0.5.*Try: another --output"):
        noisy.main([*argv, "--hidden-noise", "0.4"])
    kept = (tmp_path / "results.json").read_text()
    for text in ("{}", kept.replace('"seed"', '"sed"'), kept.replace('"seed": 0', '"seed": "x"')):
        (tmp_path / "results.json").write_text(text)
        with pytest.raises(minidl.DataError, match="expected what a run wrote"):
            noisy.main(argv)


def test_a_seed_that_two_runs_train_has_one_row(tmp_path):
    kept = seeds.Results(tmp_path, {})
    for mistakes in (3, 4):
        kept.add({"seed": 1, "test_mistakes": mistakes})
    kept.add({"seed": 0, "test_mistakes": 5})
    assert [(row["seed"], row["test_mistakes"]) for row in kept.rows()] == [(0, 5), (1, 4)]


def test_two_runs_of_the_same_command_share_the_seeds(small, tmp_path):
    """Each seed is trained by one of them, and comes to the same as alone."""
    argv = ["--data", small, "--seeds", 4]
    runs = [
        subprocess.Popen(
            command("noisy", tmp_path / "both", *argv), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    lines = [line for run in runs for line in run.communicate()[0].splitlines()]
    assert [run.returncode for run in runs] == [0, 0]
    noisy.main([*map(str, [*argv, "--output", tmp_path / "one", *SHORT["noisy"][0]])])
    assert rows(tmp_path / "both") == rows(tmp_path / "one")
    ends = [line for line in lines if line.endswith("ended: all epochs done")]
    assert sorted(ends) == [f"seed {i} training ended: all epochs done" for i in range(4)]


def test_a_seed_that_another_process_trains_is_left_to_it(small, tmp_path, capsys):
    argv = ["--data", small, "--output", tmp_path, *SHORT["noisy"][0]]
    with seeds.alone(tmp_path / "seed-0") as is_alone:
        assert is_alone
        noisy.main([*map(str, [*argv, "--seeds", 1])])
        assert capsys.readouterr().out == "seed 0: another process is training it\n"
        noisy.main([*map(str, [*argv, "--seeds", 2])])
        assert [row["seed"] for row in rows(tmp_path)] == [1]
    noisy.main([*map(str, [*argv, "--seeds", 2])])
    assert [row["seed"] for row in rows(tmp_path)] == [0, 1]


# Runs that are killed


def command(name, folder, *options):
    argv = [MODULES[name].__file__, "--seeds", 1, "--output", folder, *SHORT[name][0], *options]
    return [sys.executable, *map(str, argv)]


def killed_after(words, argv):
    """Runs it until it prints a line with these words."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        seen = []
        for line in run.stdout:
            seen.append(line)
            if words in line:
                os.kill(run.pid, signal.SIGKILL)
                break
        assert run.wait() == -signal.SIGKILL, "".join(seen)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("maxout", ["stage-1 epoch 2:", "stage-2 epoch 1:"]),
        ("noisy", ["training epoch 4:"]),
        ("record", ["training epoch 2:"]),
    ],
)
def test_a_run_that_was_killed_comes_to_the_same(name, places, small, tmp_path):
    for words in places:
        killed_after(words, command(name, tmp_path / "killed", "--data", small))
        assert rows(tmp_path / "killed") == []
    for folder in ("killed", "whole"):
        subprocess.run(command(name, tmp_path / folder, "--data", small), check=True)
    for stage in SHORT[name][1]:
        assert_same_training(tmp_path / "killed", tmp_path / "whole", stage)
        seconds = history(tmp_path / "killed", stage).seconds
        assert len(seconds) == len(history(tmp_path / "whole", stage)), "none is forgotten"
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")


def test_without_safetensors_it_says_what_to_install(small, tmp_path):
    code = (
        "import runpy, sys; sys.modules['safetensors'] = None; del sys.argv[0]; "
        "sys.path.insert(0, sys.argv[0].rpartition('/')[0]); "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    executable, *argv = command("noisy", tmp_path, "--data", small)
    done = subprocess.run(
        [executable, "-c", code, *argv], capture_output=True, text=True, cwd=tmp_path
    )  # elsewhere than in the source, which -c would take for the package
    assert done.returncode == 1
    assert done.stderr.startswith("noisy_mlp_mnist: ")
    assert "pip install safetensors" in done.stderr


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("maxout", ["--seeds", "0"], "--seeds: expected a whole number from 1 up: 0"),
        ("maxout", ["--most-epochs", "x"], "invalid whole number value: 'x'"),
        ("maxout", ["--limit", "11"], "--limit: expected a whole number from 12 up"),
        ("noisy", ["--widths", "5", "-1"], "--widths: expected a whole number from 1 up: -1"),
        ("noisy", ["--hidden-noise", "-0.1"], "--hidden-noise: expected a finite number from 0 up"),
        ("noisy", ["--input-noise", "x"], "invalid standard deviation value: 'x'"),
        ("noisy", ["--input-noise", "nan"], "--input-noise: expected a finite number from 0 up"),
        ("record", ["--farthest", "inf"], "--farthest: expected a finite number from 0 up: inf"),
    ],
)
def test_bad_arguments(name, options, message, capsys):
    with pytest.raises(SystemExit) as end:
        MODULES[name].main(options)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_the_table():
    errors = [0.9, 1.0, 1.3]
    made = [
        {"seed": i, "epochs": [3, i], "steps": 5, "seconds": 89.0, "test_error": error}
        for i, error in enumerate(errors)
    ]
    header, rule, *lines, spread, interval, paper = seeds.table(
        made, {"test_error": "%"}, "1.0"
    ).split("\n")
    assert header.replace(" ", "") == "|seed|epochs|seconds|%|"
    assert set(rule) == set("|-: ")
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "2", "3 + 2", "89", "1.30",
    ]  # fmt: skip
    assert f"{statistics.mean(errors):.3f} ± {np.std(errors, ddof=1):.3f}" in spread
    assert "4.0 ± 1.0" in spread
    low, high = (float(word) for word in interval.rstrip(" |").split("|")[-1].split(" to "))
    half = 4.302653 * np.std(errors, ddof=1) / 3**0.5  # Student's t for 2 degrees of freedom
    assert (low, high) == pytest.approx(
        (np.mean(errors) - half, np.mean(errors) + half), abs=0.00051
    )
    assert paper.rstrip(" |").endswith("1.0")
    assert len({len(line) for line in (header, rule, *lines, spread, interval, paper)}) == 1
    one = seeds.table(made[:1], {"test_error": "%"}, "").split("\n")
    assert len(one) == 5
    assert "±" not in one[3].split("sd")[1]

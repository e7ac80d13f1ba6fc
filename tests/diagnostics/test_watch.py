"""Diagnostics in `fit` and by hand: known answers, the same bits of training, resuming."""

import json
from functools import partial

import numpy as np
import pytest
from diagnostics_nets import OwnReLU, net, problem

import minidl
from minidl import functional as F
from minidl import nn, optim, train
from minidl.diagnostics import Diagnostics, Report
from minidl.errors import ArgumentError, DataError, DivergedError, GraphError
from minidl.layers.activations import REGISTRY
from minidl.step.training import TrainingStep


def looked(made, x, y, loss=F.cross_entropy):
    """The numbers of every layer on one batch."""
    diagnostics = Diagnostics(made)
    diagnostics.look(x, y, loss)
    diagnostics.end_epoch()
    return diagnostics.report.epochs[0]


def trained(made, every=3, epochs=2, **options):
    x, y = problem()
    diagnostics = Diagnostics(made, every=every)
    options = {"callbacks": [diagnostics], "batch_size": 8, "seed": 5, "progress": False} | options
    optimizer = optim.SGD(made.parameters(), lr=0.01, momentum=0.9)
    train.fit(made, (x, y), F.cross_entropy, optimizer, epochs=epochs, guards=False, **options)
    return diagnostics.report


def test_numbers_of_a_net_against_float64():
    made = net(nn.Sigmoid())
    x, y = problem()
    numbers = looked(made, x, y)
    W1, b1, W2, b2 = (p.data.astype(np.float64) for p in made.parameters())
    z = x @ W1 + b1
    a = 1 / (1 + np.exp(np.minimum(-z, 700)))
    logits = a @ W2 + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    dlogits = (p - np.eye(3)[y]) / len(x)
    da = dlogits @ W2.T
    dW1 = x.T @ (da * a * (1 - a))
    wanted = {
        ("0", "mean"): z.mean(), ("0", "spread"): z.std(), ("1", "mean"): a.mean(),
        ("1", "offset"): a.mean() / np.sqrt((a * a).mean()),
        ("1", "percentile_98"): np.percentile(a, 98),
        ("1", "gradient"): np.linalg.norm(da), ("2", "gradient"): np.linalg.norm(dlogits),
        ("0", "weight_gradient"): np.linalg.norm(dW1),
        ("2", "weight_gradient"): np.linalg.norm(a.T @ dlogits),
        ("1", "saturated"): (a * (1 - a) < 0.05 / 4).mean(), ("1", "dead"): 1 / 40,
    }  # fmt: skip
    for (layer, measure), value in wanted.items():
        assert numbers[layer][measure] == pytest.approx(value, rel=1e-4), (layer, measure)
    signs = np.maximum((dW1 > 0).sum(axis=0), (dW1 < 0).sum(axis=0))[np.arange(40) != 4] / 5
    assert numbers["0"]["sign_agreement"] == pytest.approx(signs.mean(), abs=0.01)


def test_one_example_with_positive_inputs_has_gradients_of_one_sign():
    made = net(nn.Tanh())
    numbers = looked(made, np.full((1, 5), 0.5, np.float32), [1])
    assert numbers["0"]["sign_agreement"] == 1.0
    both = looked(made, np.array([[0.5, -0.5, 0.5, -0.5, 0]], np.float32), [1])
    assert both["0"]["sign_agreement"] == 0.5


@pytest.mark.parametrize(
    ("activation", "name", "wanted"),
    [
        (nn.Tanh(), "saturated", 1.0),  # z = 5 or -5, where the slope is 0.0002
        (nn.HardTanh(), "saturated", 1.0),
        (nn.ReLU(), "inactive", 0.5),
        (OwnReLU(), "inactive", 0.5),
        (nn.GELU(), "inactive", 0.5),
        (nn.LeakyReLU(0.01), "inactive", 0.5),
        (nn.LeakyReLU(0.1), "inactive", 0.0),
        (nn.PReLU(2, init=0.01), "inactive", 0.5),
    ],
)
def test_flat_outputs(activation, name, wanted):
    made = nn.Sequential(nn.Dense(1, 2), activation, nn.Dense(2, 2))
    made[0].weight.data[...] = [[5.0, -5.0]]
    assert looked(made, np.ones((4, 1), np.float32), [0, 1, 0, 1])["1"][name] == wanted


def test_maxout_and_prelu():
    made = nn.Sequential(nn.Dense(1, 4), nn.Maxout(2), nn.PReLU(2), nn.Dense(2, 2))
    made[0].weight.data[...] = [[1.0, -1.0, 0.0, 0.0]]
    made[0].bias.data[...] = [0.0, 0.0, 1.0, 0.0]
    made[2].weight.data[...] = [0.5, -0.25]
    numbers = looked(made, np.array([[1], [-1]], np.float32), [0, 1])
    assert numbers["1"]["win_entropy"] == 0.5  # the one unit shares evenly, the other never
    assert numbers["1"]["dead"] == 0.25
    slopes = [numbers["2"][name] for name in ("slope", "least_slope", "largest_slope")]
    assert slopes == [0.125, -0.25, 0.5]


def test_update_ratio_is_that_of_the_step_after_the_look():
    made = net(nn.ReLU())
    x, y = problem()
    step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), lr=0.5))
    diagnostics = Diagnostics(made)
    diagnostics.look(x, y, F.cross_entropy)
    before = made[0].weight.data.astype(np.float64)
    step(x, y)
    diagnostics.stepped()
    after = made[0].weight.data.astype(np.float64)
    step(x, y)
    diagnostics.stepped()
    diagnostics.end_epoch()
    numbers = diagnostics.report.epochs[0]["0"]
    wanted = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert numbers["update_ratio"] == pytest.approx(wanted, rel=1e-5)
    # SGD without momentum moves W by 0.5 dW.
    moved = 0.5 * numbers["weight_gradient"] / np.linalg.norm(before)
    assert numbers["update_ratio"] == pytest.approx(moved, rel=1e-4)


def make(kind):
    minidl.manual_seed(1)
    if kind == "noisy":
        return nn.Sequential(
            nn.Dense(5, 8), nn.BatchNorm(8), nn.ReLU(), nn.Dropout(0.3), nn.GaussianNoise(0.1),
            nn.Dense(8, 3),
        )  # fmt: skip
    if kind == "dropout":
        return nn.Sequential(nn.Dense(5, 40), nn.ReLU(), nn.Dropout(0.5), nn.Dense(40, 3))
    return net({"relu": nn.ReLU, "maxout": partial(nn.Maxout, 2), "own": OwnReLU}[kind]())


@pytest.mark.parametrize("every", [1, 3, None])
@pytest.mark.parametrize("kind", ["relu", "maxout", "dropout", "noisy", "own"])
def test_training_keeps_its_bits(kind, every):
    plain, watched = make(kind), make(kind)
    trained(plain, callbacks=[])
    report = trained(watched, every=every)
    assert len(report.epochs) == 2
    assert 0 < report.latest()["0"]["update_ratio"] < 1
    for name, values in plain.state_dict().items():
        np.testing.assert_array_equal(watched.state_dict()[name], values)
    assert watched.random_state() == plain.random_state()
    assert "forward" not in vars(watched[0])


@pytest.mark.parametrize("kind", ["relu", "maxout", "dropout"])
def test_loop_and_kernel_and_threads_give_the_same_numbers(kind, monkeypatch):
    wanted = trained(make(kind)).to_json()
    for threads in (1, 2, 3):
        with minidl.set_num_threads(threads):
            assert trained(make(kind)).to_json() == wanted
    monkeypatch.setattr(TrainingStep, "_planned", lambda *_, **__: None)
    assert trained(make(kind)).to_json() == wanted


def test_an_activation_of_ones_own_gives_the_numbers_of_minidls():
    own, kernel = trained(make("own")).epochs, trained(make("relu")).epochs
    for by_own, by_kernel in zip(own, kernel, strict=True):
        assert by_own["1"]["dead"] == by_kernel["1"]["dead"] == 1 / 40
        assert by_own["1"]["kind"] == "OwnReLU()"
        for measure, value in by_kernel["1"].items():
            if measure != "kind":
                assert by_own["1"][measure] == pytest.approx(value, rel=1e-3), measure


def test_a_batch_feed_gives_the_numbers_of_rows():
    x, y = problem()
    pairs = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 90, 8)]
    made = make("relu")
    diagnostics = Diagnostics(made, every=3)
    optimizer = optim.SGD(made.parameters(), lr=0.01, momentum=0.9)
    options = {"guards": False, "progress": False, "callbacks": [diagnostics]}
    train.fit(made, pairs, F.cross_entropy, optimizer, epochs=2, **options)
    assert diagnostics.report.to_json() == trained(make("relu"), shuffle=False).to_json()


def one_row_for_unit_4(kind, row):
    """A net and data where unit 4 fires on this row alone."""
    made = make(kind)
    x, y = problem()
    x[:, 0] = 0
    x[row, 0] = 1
    made[0].weight.data[0, 4] = 2000
    return made, x, y


@pytest.mark.parametrize("kind", ["relu", "own"])
def test_rows_that_no_look_sees_count(kind):
    for row, wanted in ((80, 0.0), (None, 1 / 40)):
        made, x, y = one_row_for_unit_4(kind, 0 if row is None else row)
        x[:, 0] *= row is not None
        diagnostics = Diagnostics(made, every=1000)
        options = {"batch_size": 8, "shuffle": False, "guards": False, "progress": False}
        slow = optim.SGD(made.parameters(), lr=1e-30)
        train.fit(made, (x, y), F.cross_entropy, slow, callbacks=[diagnostics], **options)
        assert diagnostics.report.epochs[0]["1"]["dead"] == wanted


@pytest.mark.parametrize("kind", ["relu", "own"])
def test_what_fired_before_a_stop_counts_after_it(kind, tmp_path):
    class Stop(train.Callback):
        def on_steps(self, run, losses):
            run.stop("enough")

    made, x, y = one_row_for_unit_4(kind, 3)
    slow = optim.SGD(made.parameters(), lr=1e-30)
    for stop in ([Stop()], []):
        diagnostics = Diagnostics(made, every=4)
        train.fit(
            made, (x, y), F.cross_entropy, slow, batch_size=8, shuffle=False, guards=False,
            progress=False, resume=True,
            callbacks=[*stop, diagnostics, train.Checkpoint(tmp_path)],
        )  # fmt: skip
    (epoch,) = diagnostics.report.epochs
    assert epoch["1"]["dead"] == 0.0


def test_a_layer_used_twice_has_its_gradient_once():
    shared = nn.Dense(5, 5)
    made = nn.Sequential(shared, nn.Tanh(), shared, nn.Dense(5, 3))
    numbers = looked(made, *problem())
    assert list(numbers) == ["0", "1", "0, use 2", "3"]
    assert "weight_gradient" in numbers["0"]
    assert "weight_gradient" not in numbers["0, use 2"]


@pytest.mark.parametrize("kind", ["relu", "own"])
def test_resuming_within_an_epoch_gives_the_same_report(kind, tmp_path):
    class Stop(train.Callback):
        def on_steps(self, run, losses):
            if run.step >= 15:
                run.stop("enough")

    wanted = trained(make(kind), epochs=3)
    made = make(kind)
    x, y = problem()
    optimizer = optim.SGD(made.parameters(), lr=0.01, momentum=0.9)
    for stop in ([Stop()], []):
        diagnostics = Diagnostics(made, every=3)
        train.fit(
            made, (x, y), F.cross_entropy, optimizer, epochs=3, batch_size=8, seed=5,
            guards=False, progress=False, resume=True,
            callbacks=[*stop, diagnostics, train.Checkpoint(tmp_path)],
        )  # fmt: skip
    assert diagnostics.report.to_json() == wanted.to_json()


def test_a_look_changes_nothing():
    made = make("noisy")
    x, y = problem()
    F.cross_entropy(made(x), y).backward()
    gradients = [p.grad.numpy().copy() for p in made.parameters()]
    state, random = made.state_dict(), minidl.random.random_state()
    layers = made.random_state()
    with pytest.raises(ZeroDivisionError):
        looked(made, x, y, lambda outputs, y: 1 / 0)
    looked(made, x, y, lambda outputs, y: F.cross_entropy(nn.Dropout(0.5)(outputs), y))
    for name, values in made.state_dict().items():
        np.testing.assert_array_equal(values, state[name])
    for p, gradient in zip(made.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), gradient)
    assert made.random_state() == layers
    assert minidl.random.random_state() == random


def test_what_makes_no_sense():
    made = net(nn.ReLU())
    x, y = problem()
    with pytest.raises(ArgumentError, match="a layer as net"):
        Diagnostics(nn.ReLU)
    for every in (0, 2.5, True):
        with pytest.raises(ArgumentError, match="every: a whole number"):
            Diagnostics(made, every=every)
    with pytest.raises(ArgumentError, match="the net of Diagnostics"):
        trained(net(nn.ReLU()), callbacks=[Diagnostics(made)])
    with minidl.no_grad(), pytest.raises(GraphError, match="no_grad"):
        Diagnostics(made).look(x, y, F.cross_entropy)
    with pytest.raises(ArgumentError, match=r"a loss that gives a tensor, got 3\.0"):
        Diagnostics(made).look(x, y, lambda outputs, y: 3.0)
    with pytest.raises(ArgumentError, match="one Diagnostics among the callbacks, got two"):
        trained(made, callbacks=[Diagnostics(made), Diagnostics(made)])
    assert trained(made).epochs, "neither is left at the net"
    with pytest.raises(ArgumentError, match=r"Thresholds or None, got 0\.1"):
        Report().verdicts(0.1)


class NaiveSigmoid(nn.Activation):
    """Its gradient is NaN where exp(-8 x) is infinite in float32, below x = -11."""

    name = "naive_sigmoid_of_the_diagnostics"
    paper = ""

    @staticmethod
    def formula(x):
        return 1 / (1 + (x * -8.0).exp())


class Swish(nn.Activation):
    """x sigmoid(beta x): what it learns is no slope."""

    name = "swish_of_the_diagnostics"
    paper = ""
    learned = ("beta",)

    def __init__(self):
        self.options = self.bind()
        self.beta = nn.Parameter(np.ones(1, np.float32))

    @staticmethod
    def formula(x, beta):
        return x * F.sigmoid(x * beta)


for kind in (NaiveSigmoid, Swish):
    del REGISTRY[kind.name]  # other tests go through all that are registered


def test_a_slope_that_is_nan_far_out_does_not_hide_the_others():
    made = net(NaiveSigmoid())
    made[0].bias.data[4] = 0  # elsewhere exp(1000) is infinite
    x, y = problem()
    z = x @ made[0].weight.data + made[0].bias.data
    assert np.abs(z).max() < 11  # exp(-8 z) is finite
    with np.errstate(over="ignore"):
        a = 1 / (1 + np.exp(-8 * z.astype(float)))
    assert looked(made, x, y)["1"]["saturated"] == pytest.approx((a * (1 - a) < 0.05 / 4).mean())


def test_only_prelu_has_slopes():
    made = net(Swish())
    numbers = looked(made, *problem())["1"]
    assert not {"slope", "least_slope", "largest_slope"} & numbers.keys()


def test_what_gets_no_gradient_has_no_numbers_of_one():
    x, y = problem()
    numbers = looked(nn.Sequential(nn.Dropout(0.2), *net(nn.ReLU())), x, y)
    assert "gradient" not in numbers["0"]
    assert {"gradient", "weight_gradient"} <= numbers["1"].keys()
    made = net(nn.ReLU())
    for p in made[0].parameters():
        p.requires_grad = False
    watch = Diagnostics(made)
    watch.look(x, y, F.cross_entropy)
    watch.stepped()
    watch.end_epoch()
    layers = watch.report.latest()
    assert not {"gradient", "weight_gradient", "update_ratio"} & layers["0"].keys()
    assert "update_ratio" in layers["2"]


def test_weights_of_0_have_no_infinite_update():
    made = net(nn.Tanh())
    made[2].weight.data[...] = 0
    report = trained(made, every=1)
    assert 0 < report.latest()["2"]["update_ratio"] < 10
    assert json.loads(report.to_json(), parse_constant=pytest.fail)


def test_a_net_that_diverges_leaves_its_numbers():
    made = nn.MLP([5, 8, 8, 3], "relu")
    x, y = problem()
    watch = Diagnostics(made, every=1)
    optimizer = optim.SGD(made.parameters(), lr=1e8)
    with pytest.raises(DivergedError):
        train.fit(made, (x, y), F.cross_entropy, optimizer, callbacks=[watch], batch_size=8,
                  progress=False, guards=False)  # fmt: skip
    (layers,) = watch.report.epochs
    assert layers["0"]["update_ratio"] > 1e3
    assert all(np.isfinite(v) for n in layers.values() for m, v in n.items() if m != "kind")
    assert any("lower the learning rate" in verdict for verdict in watch.report.verdicts())


def test_a_stopped_epoch_does_not_call_units_dead():
    class Stop(train.Callback):
        def on_steps(self, run, losses):
            if run.step == 61:
                run.stop("enough")

    made = net(nn.ReLU())
    watch = Diagnostics(made, every=1)
    trained(made, batch_size=2, epochs=3, callbacks=[watch, Stop()])
    assert len(watch.report.epochs) == 2
    assert watch.report.latest()["1"]["dead"] == 1 / 40
    assert "dead" not in watch.report.epochs[-1]["1"]


def test_json_keeps_every_bit():
    report = trained(make("relu"))
    again = Report.from_json(report.to_json())
    assert again.epochs == report.epochs
    assert json.loads(report.to_json())["epochs"][0]["1"]["dead"] == 1 / 40
    wrong = ["", "[]", '{"epochs": 3}', '{"epochs": [{"0": 1}]}', '{"epochs": [[1]]}',
             '{"epochs": [{"0": {"mean": "a"}}]}', '{"epochs": [{"0": {"kind": 1}}]}']  # fmt: skip
    for text in wrong:
        with pytest.raises(DataError, match="Report.from_json"):
            Report.from_json(text)


def test_a_table_and_a_picture(tmp_path):
    report = trained(make("relu"))
    lines = repr(report).splitlines()
    assert len(lines) == 4
    assert "2 %" in lines[2]  # 1 of 40 units is dead
    report.plot(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000
    with pytest.raises(ArgumentError, match="an epoch"):
        Report().plot()

"""The experiment 'leaky': its rule, its pairs, and a small run."""

import numpy as np
import pytest
from scipy import stats

from minidl import nn
from minidl_lab.experiments import leaky
from minidl_lab.experiments.leaky import FAMILY, SLOPES, TASKS, Leaky, compared, learn
from minidl_lab.rules import sensitivity

RELU = np.linspace(0.018, 0.022, 10)
NOISE = 1 + 0.002 * np.random.default_rng(0).normal(size=10)


def planted(*ratios, noise=NOISE):
    """Errors where leaky ReLU has so many times ReLU's: of the first comparisons, the others 1."""
    left = iter(ratios)
    return {
        "seeds": [*range(10)],
        "errors": {
            task: {"relu": RELU.tolist()}
            | {f"leaky_relu {slope}": (next(left, 1.0) * RELU * noise).tolist() for slope in SLOPES}
            for task in TASKS
        },
    }


@pytest.mark.parametrize(
    ("ratios", "outcome"),
    [
        ([1.0] * FAMILY, "not reproduced"),  # no success anywhere
        ([1.5] * FAMILY, "not reproduced"),
        ([0.5] * FAMILY, "not reproduced"),  # consistent
        ([0.5], "reproduced"),
        ([0.5] * (FAMILY - 1) + [1.5], "reproduced"),
        ([0.94] * FAMILY, "not reproduced"),  # 1 / 1.05 = 0.952
        ([0.96], "not reproduced"),  # a difference within the margin is none
    ],
)
def test_rule(ratios, outcome):
    assert Leaky().judge(planted(*ratios)).outcome == outcome


def test_noise_is_undecided_and_no_finding():
    loud = np.exp(0.3 * np.random.default_rng(1).normal(size=10))
    verdict = Leaky().judge(planted(noise=loud))
    assert verdict.outcome == "undecided"
    assert verdict.words == f"it is better in 0 comparisons, not better in 0, and {FAMILY} are open"
    assert Leaky().judge(planted(0.2, noise=loud)).outcome == "undecided"  # one success alone


def test_what_is_seen_is_told_before_the_verdict():
    told = str(Leaky().judge(planted(0.5, 1.5)))
    effect = told.index("between 0.50 (0.50 to 0.50) (all images, slope 0.01) and 1.50")
    assert effect < told.index(
        "reproduced: it is better in 1 comparisons, not better in 11. Better: all"
    )
    assert (
        "Better: all images with 0.01; worse: all images with 0.1; not better: all images" in told
    )


def test_another_margin_may_turn_the_verdict():
    found = {(one.limit, one.value): one.verdict.outcome
             for one in sensitivity(Leaky(), planted(0.94))}  # fmt: skip
    assert found == {
        ("margin", 0.025): "reproduced", ("margin", 0.1): "not reproduced",
        ("level", 0.9): "reproduced", ("level", 0.99): "reproduced",
        ("method", "bootstrap"): "reproduced",
    }  # fmt: skip


def test_ratios_are_paired_and_hold_for_all():
    """The errors vary far more from seed to seed than within a pair."""
    ratios = np.exp(np.random.default_rng(2).normal(0.1, 0.02, 10))
    base = np.exp(np.random.default_rng(3).normal(0, 1, 10))
    errors = {"relu": base.tolist(), "leaky_relu 0.1": (base * ratios).tolist()}
    found = compared({"errors": {"a": errors}})["a"]
    logs = np.log(ratios)
    expected = stats.t.interval(1 - 0.05 / FAMILY, 9, loc=logs.mean(), scale=stats.sem(logs))
    assert found["leaky_relu 0.1"][1:] == pytest.approx(np.exp(expected), rel=1e-4)
    assert "relu" not in found


def test_pairs_start_from_the_same_weights_and_slope_is_what_differs(few_digits, monkeypatch):
    starts = []

    def start(net, x, *arguments, **options):
        starts.append(net)
        return []

    monkeypatch.setattr(leaky, "train", start)
    for activation, slope, seed in (("relu", 0.0, 3), ("leaky_relu", 0.3, 3), ("relu", 0.0, 4)):
        learn(few_digits, task="all images", activation=activation, slope=slope, seed=seed,
              epochs=1)  # fmt: skip
    relu, leaking, other = (net.layers[0].weight.data for net in starts)
    assert np.array_equal(relu, leaking)
    assert not np.array_equal(relu, other)
    assert relu.std() == pytest.approx((2 / 784) ** 0.5, rel=0.01)
    assert isinstance(starts[0].layers[1], nn.ReLU)
    assert starts[1].layers[1].options == {"negative_slope": 0.3}


def test_tasks_differ_in_data_rate_and_depth(few_digits, monkeypatch):
    seen = {}
    monkeypatch.setitem(TASKS["6000 images"], "images", 100)
    for task in TASKS:
        monkeypatch.setattr(
            leaky, "train",
            lambda net, x, y, optimizer, task=task, **options: seen.update(
                {task: (len(x), len(net.layers), optimizer.lr)}
            ),
        )  # fmt: skip
        learn(few_digits, task=task, activation="relu", slope=0.0, seed=0, epochs=1)
    assert seen == {
        "all images": (512, 5, 0.05), "6000 images": (100, 5, 0.05), "six layers": (512, 11, 0.05),
        "a high rate": (512, 5, 0.2),
    }  # fmt: skip


def test_measures_judges_and_draws(bench, monkeypatch):
    for given in TASKS.values():
        monkeypatch.setitem(given, "hidden", [16] * len(given["hidden"]))
    bench.extra = ["gelu"]
    experiment = Leaky()
    numbers = experiment.measure(bench)
    names = [f"leaky_relu {slope}" for slope in SLOPES]
    assert [*numbers["errors"]] == [*TASKS]
    assert all([*errors] == ["relu", *names, "gelu"] for errors in numbers["errors"].values())
    assert experiment.judge(numbers).words
    rows, table = experiment.charts(numbers)
    assert len(rows.rows) == FAMILY + len(TASKS)
    assert table.header[2:] == [f"seed {seed}" for seed in bench.scale.some(10)]

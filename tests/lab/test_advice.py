"""The experiment 'advice': its rule, its runs, the shares, and a small league."""

import numpy as np
import pytest
from scipy import stats

from minidl import nn
from minidl_lab import Bench
from minidl_lab.experiments import advice_league, advice_measured
from minidl_lab.experiments.advice import OF_FASHION, OF_MNIST, Advice
from minidl_lab.experiments.advice_judged import (
    CARE,
    OTHERS,
    SIGMOID,
    TANH,
    TRY,
    against_relu,
    parts,
    situations_of,
)
from minidl_lab.experiments.advice_league import RASH, costs, situation, time_to_half_way
from minidl_lab.experiments.advice_measured import (
    CONTESTANTS,
    NETS,
    OPTIMIZERS,
    STARTS,
    entry,
    learn,
    tune,
)
from minidl_lab.experiments.advice_shares import shares, with_range
from minidl_lab.experiments.advice_shown import sentence
from minidl_lab.rules import sensitivity

SITUATIONS = [situation(net, optimizer) for net in NETS for optimizer in OPTIMIZERS]
SEEDS = 10
TRUE = {"maxout": 0.8, "sigmoid": 1.3, "tanh": 1.2, RASH: 2.0}
FEW = ("ReLU", "leaky ReLU 0.01", "leaky ReLU 0.1", "maxout", "narrow maxout", "GELU", "tanh",
       "sigmoid")  # fmt: skip


def errors(ratios, noise=0.01, seed=0):
    """Test errors that are so many times ReLU's, in all situations."""
    rng = np.random.default_rng(seed)
    found = {}
    for i, where in enumerate(SITUATIONS):
        base = (0.02 + 0.01 * i) * np.exp(rng.normal(0, 0.3, SEEDS))
        found[where] = {
            name: (ratios.get(name, 1.0) * base * np.exp(rng.normal(0, noise, SEEDS))).tolist()
            for name in (*CONTESTANTS, RASH)
        }
        found[where]["ReLU"] = base.tolist()
    return found


def planted(ratios, second=None, **options):
    """Numbers with these ratios on MNIST, and on the second data set."""
    sets = {OF_MNIST: {"errors": errors(ratios, **options)}}
    if second is not None:
        sets[OF_FASHION] = {"errors": errors(second, seed=1, **options)}
    return {"sets": sets}


@pytest.mark.parametrize(
    ("ratios", "outcome", "told"),
    [
        (TRUE, "reproduced", f"{OTHERS}, {TRY}, {SIGMOID}, {TANH}, {CARE}"),
        (TRUE | {"maxout": 0.97}, "true only when", f"false: {TRY};"),
        (TRUE | {"maxout": 1.0, "leaky ReLU 0.1": 0.9}, "reproduced", TRY),
        (TRUE | {"GELU": 0.9}, "true only when", f"false: {OTHERS};"),
        (TRUE | {"PReLU": 0.97}, "reproduced", OTHERS),  # within the margin
        (TRUE | {"tanh": 1.03}, "true only when", f"false: {TANH};"),
        (TRUE | {"sigmoid": 0.5}, "true only when", f"false: {OTHERS}, {SIGMOID};"),
        (TRUE | {RASH: 1.0}, "true only when", f"false: {CARE};"),
        (TRUE | {"tanh": 1.05}, "undecided", f"undecided: {TANH};"),
        ({"GELU": 0.8}, "not reproduced", f"false: {OTHERS}, {TRY}, {SIGMOID}, {TANH}, {CARE}"),
    ],
)
def test_rule(ratios, outcome, told):
    verdict = Advice().judge(planted(ratios, ratios))
    assert verdict.outcome == outcome
    assert told in verdict.words
    assert verdict.effect.endswith(".")


def test_what_holds_on_one_data_set_and_fails_on_the_other_fails():
    verdict = Advice().judge(planted(TRUE, TRUE | {"tanh": 0.97}))
    assert verdict.outcome == "true only when"
    assert f"On Fashion-MNIST it is not the same: '{TANH}' fails, and holds on MNIST." in str(
        verdict
    )
    alike = Advice().judge(planted(TRUE, TRUE))
    assert "On Fashion-MNIST each part fares as on MNIST." in alike.evidence
    alone = Advice().judge(planted(TRUE))
    assert (alone.outcome, "this is of MNIST alone" in alone.evidence) == ("reproduced", True)


def test_noise_is_undecided():
    assert Advice().judge(planted({}, {}, noise=1.0)).outcome == "undecided"


def test_intervals_are_paired_and_hold_for_both_data_sets():
    numbers = planted(TRUE, noise=0.05)
    found = against_relu(numbers["sets"][OF_MNIST]["errors"], SITUATIONS, 2)
    assert len(found) == 15
    logs = [
        np.mean([np.log(one["tanh"][i] / one["ReLU"][i])
                 for one in numbers["sets"][OF_MNIST]["errors"].values()])
        for i in range(SEEDS)
    ]  # fmt: skip
    level = 1 - 0.05 / (2 * 15)
    expected = stats.t.interval(level, SEEDS - 1, loc=np.mean(logs), scale=stats.sem(logs))
    assert found["tanh"][1:] == pytest.approx(np.exp(expected), rel=1e-4)


def test_an_optimiser_can_be_judged_alone():
    numbers = planted(TRUE, TRUE)
    for one in numbers["sets"].values():
        for where, found in one["errors"].items():
            if where.endswith("SGD"):
                found["tanh"] = found["ReLU"]
    assert situations_of(numbers, "SGD") == SITUATIONS[::2]
    found = {one.value: one.verdict for one in sensitivity(Advice(), numbers)}
    assert f"false: {TANH};" in found["SGD"].words
    assert found["Adam"].outcome == "reproduced"


def test_parts_that_are_open_stay_open():
    wide, better = (1.0, 0.5, 2.0), (0.8, 0.7, 0.9)
    ratios = {name: wide for name in (*CONTESTANTS, RASH) if name != "ReLU"}
    assert set(parts(ratios, 0.05).values()) == {None}
    assert parts(ratios | {"maxout": better}, 0.05)[TRY] is True
    assert parts(ratios | {"maxout": better}, 0.05)[OTHERS] is None
    assert parts(ratios | {"mine": better}, 0.05)[OTHERS] is False  # one that the user has added


def test_the_advice_of_a_situation_names_the_best_and_the_worse():
    told = sentence(errors(TRUE | {"GELU": 0.8}), SITUATIONS[0])
    beside = "not shown to differ from it"
    assert told.startswith((f"Take maxout; {beside}: GELU; ", f"Take GELU; {beside}: maxout; "))
    assert "leave sigmoid (1.29) and tanh (1.20) alone" in told
    assert "four times ReLU's best rate costs 2.0" in told
    told = sentence(errors({}), SITUATIONS[0])
    assert "none is shown to be worse than ReLU; four times ReLU's best rate is not" in told


def test_half_way_is_on_straight_lines():
    line = np.linspace(2, 1, 20).tolist()
    assert time_to_half_way(line, line) == pytest.approx(0.5)
    twice = [max(1.0, 2 - 2 * (one - 0.025) / 0.95) for one in (np.arange(20) + 0.5) / 20]
    assert time_to_half_way(twice, line) == pytest.approx(0.025 + 0.475 / 2, abs=1e-3)
    assert time_to_half_way([2.0] * 20, line) is None
    assert time_to_half_way([*line[:5], *[None] * 15], line) is None
    assert time_to_half_way(line, [*line[:5], *[None] * 15]) is None


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", CONTESTANTS)
def test_costs_are_those_of_the_net(name, net):
    what = entry(name, net)
    made = nn.MLP(what["sizes"], what["activation"], **what["options"])
    weights = [p for p in made.parameters() if p.ndim == 2]
    of_dense = sum(p.size for layer in made.layers if isinstance(layer, nn.Dense)
                   for p in layer.parameters())  # fmt: skip
    assert costs(name, net) == {
        "parameters": of_dense, "products": sum(p.size for p in weights)
    }  # fmt: skip
    assert len(weights) == NETS[net] + 1
    if name == "narrow maxout":
        relu = costs("ReLU", net)["parameters"]
        assert of_dense == pytest.approx(relu, rel=0.015)
        assert len({*what["sizes"][1:-1]}) == 1
    else:
        assert {*what["sizes"][1:-1]} == {128}


@pytest.fixture
def starts(monkeypatch):
    """The steps of the trainings that were begun; none is trained."""
    begun = []

    def course(step, digits, seed, epochs):
        begun.append(step)
        return [1.0]

    monkeypatch.setattr(advice_measured, "course", course)
    return begun


def test_pairs_start_from_the_same_numbers_times_the_gain(few_digits, starts):
    for name in ("ReLU", "tanh", "SELU"):
        what = {**entry(name, "six layers"), "optimizer": "SGD", "rate": 0.1, "decay": 0.0}
        for start in STARTS:
            learn(few_digits, **what, start=start, seeds=[3], epochs=1)
    weights = [[p.data for p in step.net.parameters() if p.ndim == 2] for step in starts]
    relu, tanh = weights[0], weights[3]
    for one, other in zip(relu[:-1], tanh[:-1], strict=True):
        factors = other / one
        assert factors == pytest.approx(factors[0, 0], rel=1e-5)
    assert np.array_equal(relu[-1], tanh[-1])
    assert relu[0].std() == pytest.approx((2 / 784) ** 0.5, rel=0.02)
    for i, deviation in ((1, (2 / (784 + 128)) ** 0.5), (2, 0.01)):
        assert weights[i][0].std() == pytest.approx(deviation, rel=0.02)
        for other in (weights[i + 3], weights[i + 6]):  # whatever the activation
            assert all(map(np.array_equal, weights[i], other))


def test_the_optimisers_have_their_decay(few_digits, starts):
    what = {**entry("ReLU", "two layers"), "start": "own gain", "seeds": [1], "epochs": 1}
    for optimizer in OPTIMIZERS:
        learn(few_digits, **what, optimizer=optimizer, rate=0.25, decay=0.125)
    sgd, adam = (step.optimizer for step in starts)
    assert [type(one).__name__ for one in (sgd, adam)] == ["SGD", "AdamW"]
    options = [one.param_groups[0] for one in (sgd, adam)]
    assert options[0]["momentum"] == 0.9
    assert [(one["lr"], one["weight_decay"]) for one in options] == [(0.25, 0.125)] * 2


def test_tuning_sees_no_test_image_and_takes_the_best(few_digits, monkeypatch):
    runs = []

    def fake(digits, *, rate, decay, seeds, **what):
        runs.append((rate, decay, *seeds))
        assert len(digits.x) + len(digits.x_test) == len(few_digits.x)
        assert np.array_equal(digits.x_test, few_digits.x[len(digits.x) :])
        assert (what["start"], what["optimizer"]) == ("own gain", "SGD")
        wrong = 0.1 + abs(np.log2(rate / 0.2)) - 300 * decay * (decay < 5e-4)
        return {"errors": [wrong], "diverged": int(rate > 0.3)}

    monkeypatch.setattr(advice_measured, "learn", fake)
    what = {**entry("ReLU", "two layers"), "optimizer": "SGD"}
    found = tune(few_digits, **what, **OPTIMIZERS["SGD"], seeds=[1, 2], epochs=1)
    assert (found["rate"], found["decay"], found["is_interior"]) == (0.2, 1e-4, True)
    assert found["tried"] == [(0.05, 2.1), (0.1, 1.1), (0.2, 0.1), (0.4, None)]
    assert found["decays"] == [(0.0, 0.1), (1e-4, 0.07), (1e-3, 0.1)]
    assert (0.4, 0.0, 2) not in runs  # diverged with the first seed
    assert (0.05, 0.0, 2) in runs


def test_a_hopeless_rate_gets_one_seed(few_digits, monkeypatch):
    runs = []

    def fake(digits, *, rate, seeds, **what):
        runs.append((rate, *seeds))
        return {"errors": [0.1 + rate], "diverged": 0}

    monkeypatch.setattr(advice_measured, "learn", fake)
    what = {**entry("ReLU", "two layers"), "optimizer": "SGD"}
    found = tune(few_digits, **what, **OPTIMIZERS["SGD"], seeds=[1, 2], epochs=1)
    assert (0.1, 1) in runs
    assert (0.1, 2) not in runs  # 0.2 is over 1.25 times 0.15
    assert (0.025, 2) in runs
    assert len(found["tried"]) == advice_measured.MOST
    assert not found["is_interior"]


def test_what_diverges_is_told(few_digits):
    what = {**entry("ReLU", "two layers"), "optimizer": "SGD", "start": "own gain"}
    found = learn(few_digits, **what, rate=1e30, decay=0.0, seeds=[1, 2], epochs=2)
    assert found["diverged"] == 2
    assert all(curve[-1] is None for curve in found["curves"])
    assert all(wrong > 0.5 for wrong in found["errors"])
    fine = learn(few_digits, **what, rate=0.05, decay=0.0, seeds=[1, 2], epochs=2)
    assert (fine["diverged"], len(fine["curves"][0])) == (0, 8)
    assert fine == fine | {
        key: learn(few_digits, **what, rate=0.05, decay=0.0, seeds=[1, 2], epochs=2)[key]
        for key in ("errors", "curves")
    }


def choices_of(effect, drop=lambda run: False):
    """Runs whose logarithm of the error is this function of activation, rate, start and seed."""
    return [
        (a, r, s, float(np.exp(effect(i, j, k, n))))
        for i, a in enumerate("abcd") for j, r in enumerate((0.25, 1.0, 4.0))
        for k, s in enumerate(STARTS) for n in range(3) if not drop((i, j, k, n))
    ]  # fmt: skip


def test_shares_are_those_of_the_sums_of_squares():
    """Where all combinations are there, against the formulas of means."""
    table = np.random.default_rng(0).normal(size=(4, 3, 3, 3))
    found = shares(choices_of(lambda *place: table[place]))
    total = ((table - table.mean()) ** 2).sum()
    mains = [
        table.size / table.shape[i] * table.mean(axis=tuple({0, 1, 2, 3} - {i})).var()
        * table.shape[i] / total for i in range(3)
    ]  # fmt: skip
    seed = ((table - table.mean(axis=3, keepdims=True)) ** 2).sum() / total
    assert [found[name] for name in ("activation", "rate", "start")] == pytest.approx(mains)
    assert found["seed"] == pytest.approx(seed)
    assert sum(found.values()) == pytest.approx(1)


def test_missing_runs_change_no_share_of_what_has_no_effect():
    found = shares(choices_of(lambda i, j, k, n: 0.3 * i - 0.5 * k, lambda run: sum(run) > 5))
    assert found["rate"] == pytest.approx(0, abs=1e-12)
    assert found["combinations"] == pytest.approx(0, abs=1e-12)
    assert found["seed"] == pytest.approx(0, abs=1e-12)
    assert min(found["activation"], found["start"]) > 0.1


def test_the_range_of_a_share_is_that_without_one_activation():
    """Only one activation differs from the others: without it there is no effect of activations."""
    rng = np.random.default_rng(1)
    runs = choices_of(lambda i, j, k, n: 2.0 * (i == 0) + 0.1 * rng.normal())
    found = with_range(runs)["activation"]
    assert found.low < 0.1 < 0.9 < found.value <= found.high


def test_measures_judges_and_draws(bench, few_digits, monkeypatch):
    monkeypatch.setattr(advice_league, "CONTESTANTS", few := {n: CONTESTANTS[n] for n in FEW})
    monkeypatch.setattr("minidl_lab.experiments.advice.CONTESTANTS", few)
    monkeypatch.setattr(advice_league, "STARTS", ["own gain", "small"])
    monkeypatch.setattr(advice_measured, "WIDTH", 16)
    other = few_digits._replace(y=few_digits.y[::-1].copy())
    bench = Bench(
        "tried",
        few_digits,
        bench.scale,
        bench.store,
        bench.display,
        ["softplus", "tanh"],
        fashion=other,
    )
    experiment = Advice()
    numbers = experiment.measure(bench)
    names, where = [*FEW, "softplus"], ["three layers, SGD", "three layers, Adam"]
    assert [*numbers["sets"]] == [OF_MNIST, OF_FASHION]
    tuned, again = (found["tuned"] for found in numbers["sets"].values())
    for place in where:
        assert [*tuned[place]] == [*again[place]] == names
        for name in names:
            one, other = tuned[place][name], again[place][name]
            assert [decay for decay, _ in one["decays"]] == OPTIMIZERS[place[14:]]["decays"]
            assert [decay for decay, _ in other["decays"]] == [one["decay"]]
            assert one["rate"] in [rate for rate, _ in other["tried"]]
    for found in numbers["sets"].values():
        assert [*found["errors"]] == where
        assert [*found["errors"][where[0]]] == [*names, RASH]
        assert all(0 < one < 1 for one in found["steps"][where[0]]["ReLU"])
    assert len(numbers["choices"]["SGD"]) == 6 * len(names)
    best = next(one for one in numbers["choices"]["SGD"]
                if (one["times"], one["start"]) == (1.0, "own gain"))  # fmt: skip
    assert best["errors"] == numbers["sets"][OF_MNIST]["errors"][where[0]]["ReLU"][:1]
    assert experiment.judge(numbers).words
    charts = experiment.charts(numbers)
    titles = [chart.title for chart in charts]
    assert titles[1] == "Advice"
    assert sum(OF_FASHION in title for title in titles) == 5
    assert len(charts[1].rows) == 4

"""The experiment 'six-times': its rule, its ratios, and a small run."""

import json

import numpy as np
import pytest
from scipy import stats

from minidl_lab.experiments import six_times
from minidl_lab.experiments.six_times import SixTimes, middle
from minidl_lab.rules import sensitivity
from minidl_lab.statistics import paired_slowness
from minidl_lab.tuning import median

PLACES = [(net, init) for init in six_times.INITS for net in six_times.NETS]


TARGETS = [0.05, 0.02, 0.01, 0.005]
RELU = [100.0, 120.0, 90.0, 110.0, 105.0, 95.0]
NOISE = np.exp(0.01 * np.random.default_rng(0).normal(size=6))


def planted(*ratios, noise=NOISE, is_interior=True):
    """Steps of ReLU, and of tanh so many times as many to 1 %, in the order of PLACES; to other
    errors and of other activations it is 9."""
    settings = []
    for (net, init), ratio in zip(PLACES, ratios, strict=True):
        there = {"net": net, "init": init, "is_interior": is_interior}
        slow = [[9 * steps for steps in RELU]] * 4
        tanh = [*slow[:2], (ratio * np.array(RELU) * noise).tolist(), slow[3]]
        settings += [
            there | {"activation": "relu", "steps": [RELU] * 4, "is_interior": True},
            there | {"activation": "tanh", "steps": tanh},
            there | {"activation": "gelu", "steps": slow, "is_interior": True},
        ]
    return {"settings": settings, "targets": TARGETS, "most": 10_000}


@pytest.mark.parametrize(
    ("ratios", "outcome", "words"),
    [
        ([4.2, 5, 6, 7], "reproduced", "ReLU is at least 4 times faster"),
        ([3.5, 5, 1.5, 1.5], "true only when", "the net is 5 × 256, own start"),
        ([1.1, 3.8, 1.2, 1.3], "true only when", "it is read as 'faster', not as 'six times'"),
        ([1.1, 1.0, 0.2, 0.3], "true only when",
         "it is read as 'faster', not as 'six times' (2 × 256, own start)"),
        ([1.0, 0.9, 0.5, 0.2], "not reproduced", "ReLU is at least 4 times faster nowhere"),
        ([1.04, 1.0, 1.0, 1.0], "not reproduced", "ReLU is at least 4 times faster nowhere"),
        ([4.0, 5, 6, 7], "undecided",
         "whether ReLU is at least 4 times faster is open in 2 × 256, own start"),
        ([4.0, 1, 1, 1], "not reproduced",
         "ReLU is at least 4 times faster nowhere, though that is open in 2 × 256, own start"),
    ],
)  # fmt: skip
def test_rule(ratios, outcome, words):
    assert SixTimes().judge(planted(*ratios))[:2] == (outcome, words)


def test_noise_is_undecided():
    loud = np.exp(2 * np.random.default_rng(0).normal(size=6))
    assert SixTimes().judge(planted(4, 4, 4, 4, noise=loud)).outcome == "undecided"


def test_other_limits():
    found = {(one.limit, one.value): one.verdict.outcome
             for one in sensitivity(SixTimes(), planted(2.5, 2.5, 2.5, 2.5))}  # fmt: skip
    assert found.pop(("times", 2.0)) == "reproduced"
    assert [found.pop(("target", target)) for target in (0.05, 0.02, 0.005)] == ["reproduced"] * 3
    assert set(found.values()) == {"true only when"}
    assert ("times", 8.0) in found


def test_rule_says_where_tuning_has_failed():
    assert "inside the grid" not in str(SixTimes().judge(planted(1, 1, 1, 1)))
    assert "tanh, 2 × 256, Glorot start" in (
        str(SixTimes().judge(planted(1, 1, 1, 1, is_interior=False)))
    )


def test_the_intervals_are_of_pairs_and_hold_for_four():
    numbers = planted(3, 1, 1, 1)
    student, by_seeds = (
        six_times.slowness(numbers, numbers["settings"][1], 0.01, method=method).interval
        for method in ("student", "bootstrap")
    )
    logs = np.log(3 * NOISE)
    expected = stats.t.interval(1 - 0.05 / 4, 5, loc=logs.mean(), scale=stats.sem(logs))
    assert student[1:] == pytest.approx(np.exp(expected), rel=1e-4)
    steps, relu = np.array(numbers["settings"][1]["steps"][2]), np.array(RELU)
    drawn = np.random.default_rng(7).integers(6, size=(50_000, 6))
    ratios = np.median(steps[drawn], axis=1) / np.median(relu[drawn], axis=1)
    ends = np.quantile(ratios, [0.05 / 8, 1 - 0.05 / 8])
    assert by_seeds == pytest.approx([np.median(steps) / np.median(relu), *ends], rel=2e-3)


def test_runs_that_never_end_do_not_favour_the_claim():
    fast = [100.0] * 10
    assert paired_slowness([600.0] * 10, fast, 1000) == (6.0, 6.0, 6.0)
    assert paired_slowness([None] * 10, fast, 1000) == (10.0, 10.0, 10.0)
    assert paired_slowness([600.0] * 10, [None] * 10, 1000) == (0.0, 0.0, 0.0)
    some = paired_slowness([600.0] * 10, [*fast[:7], None, None, None], 1000)
    assert some[:2] == (6.0, 0.0)
    numbers = planted(6, 6, 6, 6)
    numbers["settings"][1]["steps"][2] = [None, *numbers["settings"][1]["steps"][2][1:]]
    assert "at least " in SixTimes().judge(numbers).effect
    numbers["settings"][0]["steps"] = [[None, None, *RELU[2:]]] * 4
    assert SixTimes().judge(numbers).outcome == "undecided"
    assert SixTimes().judge(numbers, method="student").outcome == "undecided"


def test_middle_is_the_quartiles_at_each_look():
    steps = [20, 40, 60]
    runs = [
        {"steps": steps, "errors": [0.5, 0.4, 0.3]},
        {"steps": steps[:2], "errors": [0.3, 0.004]},  # at the goal: keeps its error
        {"steps": steps[:1], "errors": [0.4]},  # diverged: guesses
    ]
    assert middle(runs, 60) == {
        "steps": steps,
        "low": pytest.approx([0.35, 0.202, 0.152]),
        "median": pytest.approx([0.4, 0.4, 0.3]),
        "high": pytest.approx([0.45, 0.65, 0.6]),
    }


def test_middle_ends_with_the_median_at_the_goal():
    curve = middle([{"steps": [20, 40], "errors": [0.1, 0.005]}] * 3, 1000)
    assert curve["steps"] == [20, 40]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(six_times, "NETS", {"two": [16, 16], "five": [8] * 5})
    monkeypatch.setattr(six_times, "BATCH", 16)
    monkeypatch.setattr(six_times, "TARGETS", [0.5, 0.3, 0.2, 0.1])
    monkeypatch.setattr(six_times, "JUDGED", 0.2)


@pytest.mark.usefixtures("small")
def test_measures_judges_and_draws(bench):
    bench.extra = ["softsign"]
    experiment = SixTimes()
    numbers = json.loads(json.dumps(experiment.measure(bench), allow_nan=False))
    assert [one["activation"] for one in numbers["settings"]] == ["relu", "tanh", "softsign"] * 2
    assert {one["init"] for one in numbers["settings"]} == {"own start"}
    for one in numbers["settings"]:
        best = min(score for _, score in one["tried"] if score)
        assert dict(map(tuple, one["tried"]))[one["rate"]] == best
        assert np.shape(one["steps"]) == (4, 2)
    relu, tanh = numbers["settings"][:2]
    found = six_times.slowness(numbers, tanh, 0.2).interval
    assert found.value == pytest.approx(median(tanh["steps"][2]) / median(relu["steps"][2]))
    assert experiment.judge(numbers, target=0.2).words
    assert len(experiment.charts(numbers)) == 4
    tuning = [cell.arguments for cell in bench.measured if cell.arguments["goal"] == 0.2]
    final = [cell.arguments for cell in bench.measured if cell.arguments["goal"] == 0.1]
    assert {one["seed"] for one in tuning}.isdisjoint(one["seed"] for one in final)
    assert tuning[0]["most"] == final[0]["most"]
    assert any(one["most"] < final[0]["most"] for one in tuning)  # what is hopeless ends
    assert {one["init"] for one in tuning + final} == {None}

"""The experiment 'six-times': its rule, its ratios, and a small run."""

import json

import numpy as np
import pytest

from minidl_lab.experiments import six_times
from minidl_lab.experiments.six_times import SixTimes, middle
from minidl_lab.statistics import slowness
from minidl_lab.tuning import median

PLACES = [(net, init) for init in six_times.INITS for net in six_times.NETS]


def planted(*lows, is_interior=True):
    """Numbers with these lower ends at 1 %, in the order of PLACES; at other errors and of other
    activations tanh's ratio is 9."""
    pairs = [*zip(PLACES, lows, strict=True)]
    nine = {"steps": [9.0, 9.0, 9.0], "seconds": None}
    ratios = [
        one
        for (net, init), low in pairs
        for one in (
            {"net": net, "init": init, "activation": "tanh", "target": 0.01,
             "steps": [low + 0.5, low, low + 2], "seconds": None, "is_least": low > 5},
            {"net": net, "init": init, "activation": "tanh", "target": 0.02} | nine,
            {"net": net, "init": init, "activation": "gelu", "target": 0.01} | nine,
        )
    ]  # fmt: skip
    settings = [
        {"net": net, "init": init, "activation": "tanh", "is_interior": is_interior}
        for net, init in PLACES
    ]
    return {"settings": settings, "ratios": ratios}


def test_rule_reproduced():
    verdict = SixTimes().judge(planted(4.0, 4.0, 5.0, 6.0))
    assert verdict.outcome == "reproduced"
    assert verdict.words == "ReLU is at least 4 times faster"
    assert "; at least 6.50 (6.00 to 8.00) times" in str(verdict)
    assert "; 5.50 (5.00 to 7.00) times" in str(verdict)


def test_rule_true_only_on_a_net():
    verdict = SixTimes().judge(planted(3.99, 4.0, 1.5, 1.5))
    assert verdict.outcome == "true only when"
    assert verdict.words == "the net is 5 × 256, own start"


def test_rule_faster_but_not_six_times():
    verdict = SixTimes().judge(planted(1.01, 3.99, 1.2, 1.3))
    assert verdict.outcome == "true only when"
    assert verdict.words == "it is read as 'faster', not as 'six times'"
    assert "1.51 (1.01 to 3.01)" in str(verdict)


def test_rule_faster_in_places():
    verdict = SixTimes().judge(planted(1.01, 1.0, 0.2, 0.3))
    assert verdict.words == "it is read as 'faster', not as 'six times' (2 × 256, own start)"


def test_rule_not_reproduced():
    assert SixTimes().judge(planted(1.0, 0.9, 0.5, 0.2)).outcome == "not reproduced"


def test_rule_says_where_tuning_has_failed():
    assert "inside the grid" not in str(SixTimes().judge(planted(1, 1, 1, 1)))
    assert "tanh, 2 × 256, Glorot start" in (
        str(SixTimes().judge(planted(1, 1, 1, 1, is_interior=False)))
    )


def test_runs_that_never_end_do_not_favour_the_claim():
    fast = [100.0] * 10
    assert slowness([600.0] * 10, fast, 1000) == (6.0, 6.0, 6.0)
    assert slowness([None] * 10, fast, 1000) == (10.0, 10.0, 10.0)
    assert slowness([600.0] * 10, [None] * 10, 1000) == (0.0, 0.0, 0.0)
    some = slowness([600.0] * 10, [*fast[:7], None, None, None], 1000)
    assert some.value == 6.0
    assert some.low == 0.0


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
    (found,) = [
        one["steps"]
        for one in numbers["ratios"]
        if (one["net"], one["activation"], one["target"]) == ("two", "tanh", 0.2)
    ]
    assert found[0] == pytest.approx(median(tanh["steps"][2]) / median(relu["steps"][2]))
    assert experiment.judge(numbers).words
    assert len(experiment.charts(numbers)) == 4
    tuning = [cell.arguments for cell in bench.cells if cell.arguments["goal"] == 0.2]
    final = [cell.arguments for cell in bench.cells if cell.arguments["goal"] == 0.1]
    assert {one["seed"] for one in tuning}.isdisjoint(one["seed"] for one in final)
    assert tuning[0]["most"] == final[0]["most"]
    assert any(one["most"] < final[0]["most"] for one in tuning)  # what is hopeless ends
    assert {one["init"] for one in tuning + final} == {None}

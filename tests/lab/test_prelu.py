"""The experiment 'prelu': its rule, what it reads from a net, and a small run."""

from copy import deepcopy

import numpy as np
import pytest

from minidl_lab.experiments.prelu import (
    SHARING,
    STARTS,
    PReLUSlopes,
    kind_of,
    learn_slopes,
    left,
    prelu_net,
    prelus,
    summary,
)

KINDS = [kind_of(sharing, start) for sharing in SHARING for start in STARTS]
GOOD = {
    "end": {"first": [0.6, 0.5, 0.7], "second": [0.3, 0.2, 0.4], "third": [0.1, 0.0, 0.2]},
    "moved": [0.2, 0.1, 0.3],
    "first_less_last": [0.5, 0.4, 0.6],
    "above_1": 0.01,
    "below_0": 0.0,
}
NUMBERS = {
    "kinds": dict.fromkeys(KINDS, GOOD),
    "left": {sharing: [0.1, 0.2, 0.05] for sharing in SHARING},
    "less_than_relu": {f"PReLU, {kind}": [0.001, -0.001, 0.003] for kind in KINDS},
}
BAD = {
    "not shown to move": {"moved": [0.2, 0.05, 0.3]},
    "not shown to be above 0.1": {"end": GOOD["end"] | {"first": [0.6, 0.1, 0.7]}},
    "not shown to be larger than the last": {"first_less_last": [0.5, 0.0, 0.6]},
    "5 % of the slopes or more have |a| > 1": {"above_1": 0.05},
}
JUST_GOOD = {
    "moved": [0.2, 0.0501, 0.3],
    "end": GOOD["end"] | {"first": [0.6, 0.1001, 0.7]},
    "first_less_last": [0.5, 0.0001, 0.6],
    "above_1": 0.0499,
}


def planted(change, kinds=KINDS):
    numbers = deepcopy(NUMBERS)
    for kind in kinds:
        numbers["kinds"][kind] = GOOD | change
    return numbers


@pytest.mark.parametrize("change", [{}, JUST_GOOD], ids=["well", "just"])
def test_rule_reproduced(change):
    assert PReLUSlopes().judge(planted(change)).outcome == "reproduced"


@pytest.mark.parametrize("words", BAD)
def test_rule_not_reproduced(words):
    verdict = PReLUSlopes().judge(planted(BAD[words]))
    assert verdict.outcome == "not reproduced"
    assert f"{words}" in str(verdict)
    assert "6 of 6" in str(verdict)


@pytest.mark.parametrize("words", BAD)
def test_rule_true_only_for_the_kinds_that_it_holds_for(words):
    verdict = PReLUSlopes().judge(planted(BAD[words], KINDS[:1] + KINDS[2:]))
    assert verdict.outcome == "true only when"
    assert verdict.words.startswith("slopes are one per layer, from 0.25 (")


@pytest.mark.parametrize(("sharing", "slopes"), [("one per layer", 1), ("one per unit", 128)])
def test_the_net_has_its_slopes(sharing, slopes):
    found = [layer.weight.data for layer in prelus(prelu_net(sharing, 0.5))]
    assert [a.shape for a in found] == [(slopes,)] * 3
    assert all((a == 0.5).all() for a in found)


def test_the_weights_have_the_gain_of_the_slope():
    """1 / √((1 + a²) / 2), He et al. 2015, equation 15; the output layer's is 1."""
    layers = prelu_net("one per unit", 0.5).layers
    spreads = [layer.weight.data.std() * layer.weight.shape[0] ** 0.5 for layer in layers[::2]]
    assert spreads == pytest.approx([1.6**0.5] * 3 + [1], rel=0.05)


def rows_that_end(first, third, start=0.25):
    return [
        {"slopes": [[start] * 3, [a, start, b]], "above_1": 0.5, "below_0": 0.25}
        for a, b in zip(first, third, strict=True)
    ]


def test_summary_is_paired_and_by_layer():
    one = summary(rows_that_end(first=[0.65, 0.85], third=[0.15, 0.35]))
    assert one["by_epoch"]["first"] == pytest.approx([0.25, 0.75])
    assert one["by_epoch"]["third"] == pytest.approx([0.25, 0.25])
    assert one["end"]["first"].value == pytest.approx(0.75)
    assert one["first_less_last"] == pytest.approx((0.5, 0.5, 0.5))
    assert one["moved"].value == pytest.approx((0.4 + 0.1 + 0.6 + 0.1) / 6)
    assert (one["above_1"], one["below_0"]) == (0.5, 0.25)


def test_what_is_left_of_the_start():
    sharing = "one per unit"
    kinds = {
        kind_of(sharing, 0.0): rows_that_end([0.1], [0.3], 0.0),
        kind_of(sharing, 0.5): rows_that_end([0.1], [0.45], 0.5),
    }
    assert left(kinds, sharing) == pytest.approx([0, 1, 0.3])


def test_a_cell_notes_start_and_end(few_digits):
    cell = learn_slopes(few_digits, sharing="one per unit", start=0.5, seed=0, epochs=2)
    slopes = np.array(cell["slopes"])
    assert slopes.shape == (3, 3)
    assert (slopes[0] == 0.5).all()
    assert (slopes[1] != slopes[0]).all()
    assert cell["below_0"] == 0


def test_measures_judges_and_draws(bench):
    bench.extra = ["gelu"]
    experiment = PReLUSlopes()
    numbers = experiment.measure(bench)
    assert list(numbers["kinds"]) == KINDS
    assert {"leaky_relu", "gelu"} < set(numbers["less_than_relu"])
    assert "relu" not in numbers["less_than_relu"]
    assert experiment.judge(numbers).words
    panels, table, intervals = experiment.charts(numbers)
    assert len(panels.panels) == len(table.rows) == 6
    assert len(intervals.rows) == 8

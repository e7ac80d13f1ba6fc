"""The experiment 'dying': its rule, its census, and a small run."""

import numpy as np
import pytest

from minidl import nn
from minidl_lab.experiments import dying
from minidl_lab.experiments.dying import Dying, came_back, count, returns, share
from minidl_lab.trainings import net_of, sgd, train

NONE = {"dead": [[0, 0], [0, 0]], "flat": [[0, 0], [0, 0]]}


def run(dead=0.0, accuracy=0.95, back=NONE, diverged=False):
    shares = [] if diverged else [[dead, dead]] * 2
    return {
        "diverged": diverged, "accuracy": accuracy, "dead": shares, "flat": shares, "back": back
    }  # fmt: skip


def planted(*relu, **others):
    """Numbers of two seeds; `relu` has a run for each rate."""
    rows = {"relu": relu} | {name: (others.get(name, run()),) for name in dying.OTHERS}
    return {
        "activations": {
            name: [{"rate": 0.1 * 2**i, "runs": [one, one]} for i, one in enumerate(runs)]
            for name, runs in rows.items()
        }
    }


def judged(*relu, **others):
    return Dying().judge(planted(*relu, **others))


def test_reproduced():
    assert judged(run(), run(0.4, 0.9)).outcome == "reproduced"


def test_true_only_where_it_no_longer_learns():
    for runs in [(run(), run(0.4, 0.899)), (run(0.39, 0.9), run(0.41, 0.1))]:
        verdict = judged(*runs)
        assert verdict.outcome == "true only when"
        assert verdict.words.startswith("the rate is so high that not every net learns")


def test_every_seed_has_to_learn():
    numbers = planted(run(), run(0.5))
    numbers["activations"]["relu"][1]["runs"] = [run(0.5), run(0.5, 0.8)]
    assert Dying().judge(numbers).outcome == "true only when"


def test_true_only_in_the_first_layer():
    back = NONE | {"dead": [[0, 10], [3, 10]]}
    verdict = judged(run(), run(0.5, back=back))
    assert verdict.words.startswith("for never coming back, the unit is in the first hidden ")
    assert "6 of 20 in the second" in str(verdict)


def test_both_conditions():
    words = str(judged(run(), run(0.5, 0.1, NONE | {"dead": [[0, 10], [3, 10]]})))
    assert "the rate is so high that not every net learns and, for " in words


@pytest.mark.parametrize(
    ("relu", "others"),
    [
        ([run(), run(0.399)], {}),
        ([run(), run(0.5, back=NONE | {"dead": [[1, 10], [0, 10]]})], {}),
        ([run(), run(0.5)], {"elu": run(0.001)}),
    ],
    ids=["too few", "the first layer's come back", "ELU dies"],
)
def test_not_reproduced(relu, others):
    assert judged(*relu, **others).outcome == "not reproduced"


def test_what_dies_where_it_does_not_learn_is_not_counted_against_the_others():
    assert judged(run(), run(0.5), elu=run(0.9, 0.1)).outcome == "reproduced"


def test_it_is_not_held_that_the_others_live_if_none_learns():
    verdict = judged(run(), run(0.5), **dict.fromkeys(dying.OTHERS, run(0.0, 0.899)))
    assert verdict.outcome == "not reproduced"
    assert verdict.words == "whether its relatives die was not tested, as none of them learns"
    assert "Leaky ReLU, PReLU and ELU: none learns" in verdict.evidence
    one = judged(run(), run(0.5), **dict.fromkeys(dying.OTHERS[:2], run(0.0, 0.899)))
    assert one.outcome == "reproduced"


def test_nothing_is_counted_where_every_training_diverged():
    gone = run(diverged=True, accuracy=0.1)
    numbers = planted(gone, gone)
    assert Dying().judge(numbers).outcome == "not reproduced"
    dead, *_ = Dying().charts(numbers)
    assert [series.y for series in dead.series] == [[], []]


def test_one_dead_unit_is_not_none():
    verdict = judged(run(), run(0.5), elu=run(1 / 384 / 20))
    assert "at most 0.013 % are dead" in verdict.evidence


def test_a_training_that_diverged_is_not_counted():
    numbers = planted(run(), run(0.5), run(diverged=True, accuracy=0.1))
    assert Dying().judge(numbers).outcome == "reproduced"
    numbers["activations"]["relu"][1]["runs"][0] = run(diverged=True, accuracy=0.1)
    assert share(numbers["activations"]["relu"][1], "dead").value == 0.5


def test_a_share_is_of_units_not_of_layers():
    one = {"runs": [run() | {"dead": [[0.1, 0.1], [0.5, 0.2]]}]}
    assert np.isclose(share(one, "dead").value, (256 * 0.5 + 128 * 0.2) / 384)
    assert share(one, "dead", 1).value == 0.2


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (1500, 12)).astype(np.uint8)


def small(activation, low=-50, **options):
    """A net with units 1 and 4 of the first layer, and 2 of the second, far below 0."""
    net = nn.MLP([12, 8, 6, 3], activation, **options)
    net.layers[0].bias.data[[1, 4]] = low
    net.layers[2].bias.data[2] = low
    return net


def slopes_of_relu(net, pixels):
    """Where units are active, in float64."""
    h, found = pixels / 255.0, []
    for layer in (net.layers[0], net.layers[2]):
        z = h @ layer.weight.data.astype(np.float64) + layer.bias.data
        found.append(z > 0)
        h = np.maximum(z, 0)
    return found


def test_census_of_relu(pixels):
    net = small("relu")
    net.layers[0].bias.data[6] -= 1.0  # seldom active, at different images
    expected = [~active.any(axis=0) for active in slopes_of_relu(net, pixels)]
    found = count(net, pixels)
    assert [dead.tolist() for dead in found["dead"]] == [dead.tolist() for dead in expected]
    assert [flat.tolist() for flat in found["flat"]] == [dead.tolist() for dead in expected]
    assert expected[0][[1, 4]].all()
    assert expected[1][2]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu"])
def test_census_looks_at_every_image(name, pixels):
    pixels[:], pixels[-1] = 0, 255
    net = nn.MLP([12, 8, 6, 3], name)
    if name == "prelu":
        net.layers[1].weight.data[...] = 0.01
    net.layers[0].weight.data[...] = 1
    net.layers[0].bias.data[...] = -1  # active at the last image alone
    net.layers[2].weight.data[...] = 1
    found = count(net, pixels)
    assert not found["dead"][0].any()
    assert not found["flat"][0].any()


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_units_of_the_others_are_flat_and_not_dead(name, pixels):
    found = count(small(name, -10), pixels)
    assert not any(dead.any() for dead in found["dead"])
    assert found["flat"][0][[1, 4]].all()
    assert found["flat"][1][2]


def test_a_slope_of_5_percent_is_not_flat(pixels):
    for slope, is_flat in [(0.049, True), (0.051, False)]:
        found = count(small("leaky_relu", negative_slope=slope), pixels)
        assert found["flat"][0][1] == is_flat


def test_census_of_learned_slopes(pixels):
    net = small("prelu")  # starts with a slope of 0.25
    assert not count(net, pixels)["flat"][0].any()
    net.layers[1].weight.data[...] = 0
    found = count(net, pixels)
    assert found["dead"][0][[1, 4]].all()
    assert found["flat"][0][[1, 4]].all()


def test_of_maxout_the_pieces_are_counted(pixels):
    net = nn.MLP([12, 8, 6, 3], "maxout")
    net.layers[0].bias.data[[1, 4]] = -50  # pieces of units 0 and 2
    found = count(net, pixels)
    assert [len(dead) for dead in found["dead"]] == [16, 12]
    assert found["dead"][0][[1, 4]].all()
    assert not found["dead"][0][[0, 5]].any()


def test_who_came_back():
    first = [np.array(flags, bool) for flags in ([1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 1])]
    second = [np.array(flags, bool) for flags in ([0], [1], [0])]
    assert returns([list(layers) for layers in zip(first, second, strict=True)]) == [[1, 5], [1, 1]]
    assert came_back([{"runs": [run(back={"dead": [[1, 5], [1, 1]]})] * 2}], "dead", 0) == (2, 10)


def test_a_dead_unit_of_the_first_layer_gets_no_gradient(few_digits):
    net = net_of([784, 8, 6, 10], "relu", 0)
    net.layers[0].bias.data[1] = -50
    before = net.layers[0].weight.data.copy()
    assert count(net, few_digits.x)["dead"][0][1]
    train(net, few_digits.x, few_digits.y, sgd(net, 0.2), epochs=2, batch=64, seed=0)
    moved = (net.layers[0].weight.data != before).any(axis=0)
    assert not moved[1]
    assert moved.sum() > 4
    assert count(net, few_digits.x)["dead"][0][1]


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(dying, "FINE", (0.4, 1.6))
    monkeypatch.setattr(dying, "COARSE", (0.4, 1e30))
    bench.extra = ["gelu"]
    experiment = Dying()
    numbers = experiment.measure(bench)
    assert [*numbers["activations"]] == ["relu", "leaky_relu", "prelu", "elu", "maxout", "gelu"]
    diverged = [row["runs"] for row in numbers["activations"]["leaky_relu"] if row["rate"] > 1]
    assert all(one["diverged"] for one in diverged[0])
    assert experiment.judge(numbers).words
    dead, panels, back = experiment.charts(numbers)
    assert len(dead.series) == 2
    assert all(len(panel.series) == 6 for panel in panels.panels)
    assert len(back.rows) == 12


def test_a_net_that_learned_is_told_beside_those_that_did_not():
    numbers = planted(run(0.5), run(0.5))
    numbers["activations"]["relu"][1]["runs"] = [run(0.8, 0.1), run(0.2, 0.93)]
    words = str(Dying().judge(numbers))
    assert "80 % dead, 10 % of the test images right; 20 % dead, 93 % of the test" in words

"""The experiment 'dying': its rule, its census, and a small run."""

import numpy as np
import pytest

from minidl import nn
from minidl_lab.experiments import dying
from minidl_lab.experiments.dying import (
    KIN,
    MOMENTA,
    RATES,
    Dying,
    come_back,
    dead_units,
    returns,
    share,
)
from minidl_lab.rules import sensitivity
from minidl_lab.trainings import net_of, sgd, train

NOISE = np.linspace(-0.02, 0.02, 10)  # of ten seeds
STAY = [[0, 0, 40], [0, 40, 40]]  # came back, could, were dead, in each layer
STAY_WITH_MOMENTUM = [[0, 40, 40], [0, 40, 40]]


def run(dead=0.0, accuracy=0.95, back=STAY, diverged=False):
    shares = [] if diverged else [[dead, dead]] * 3
    return {"diverged": diverged, "accuracy": accuracy, "dead": shares, "back": back}


def ten(dead, accuracy=0.95, back=STAY):
    return [run(dead + one if dead else 0.0, accuracy, back) for one in NOISE]


def planted(dead=0.5, accuracy=0.95, plain=STAY, momentum=STAY_WITH_MOMENTUM, **kin):
    """Nothing dies at any rate but the highest without momentum."""
    backs = dict(zip(MOMENTA, (plain, momentum), strict=True))
    relu = {
        name: [{"rate": rate, "runs": ten(0.0, back=backs[name])} for rate in rates]
        for name, rates in RATES.items()
    }
    relu["without momentum"][-1]["runs"] = ten(dead, accuracy, plain)
    others = {
        name: {m: [{"rate": rate, "runs": kin.get(name, ten(0.0))} for rate in rates[:2]]
               for m, rates in RATES.items()}
        for name in KIN
    }  # fmt: skip
    return {"activations": {"relu": relu, **others}}


def judged(*relu, **others):
    return Dying().judge(planted(*relu, **others))


def test_reproduced():
    assert judged().outcome == "reproduced"


def test_true_only_where_it_no_longer_learns():
    verdict = judged(0.5, 0.8)
    assert verdict.outcome == "true only when"
    assert verdict.words == "the rate is so high that nets no longer learn"
    assert "10 have 40 % or more of theirs dead, and 0 of these 10 have learned" in verdict.effect


def test_too_few_die():
    verdict = judged(0.3)
    assert verdict.outcome == "not reproduced"
    assert "false: 40 % die" in verdict.words


def test_at_the_limit_and_with_too_few_nets_it_is_undecided():
    assert judged(0.4).outcome == "undecided"
    numbers = planted(0.9)
    for one in numbers["activations"]["relu"]["without momentum"][-1]["runs"][:6]:
        one.update(run(diverged=True, accuracy=0.1))
    verdict = Dying().judge(numbers)
    assert verdict.outcome == "undecided"
    assert "unknown" not in verdict.effect  # it tells the most of what is known
    assert len(sensitivity(Dying(), numbers)) == 9


@pytest.mark.parametrize(
    "backs", [{"plain": [[0, 0, 40], [4, 40, 40]]}, {"momentum": [[4, 40, 40], [0, 40, 40]]}]
)
def test_those_that_come_back_count_in_each_place(backs):
    verdict = judged(**backs)
    assert verdict.outcome == "not reproduced"
    assert "false: they stay dead" in verdict.words
    assert "10 %" in verdict.evidence


def test_where_it_cannot_happen_nothing_is_known():
    """Units that stay dead because nothing can wake them are no evidence."""
    assert judged(plain=[[0, 0, 40], [0, 0, 40]]).outcome == "undecided"


def test_kin_that_die_where_they_learn():
    assert judged(elu=[*ten(0.0), run(1 / 384)]).outcome == "not reproduced"
    assert judged(elu=[*ten(0.0), run(0.9, 0.1)]).outcome == "reproduced"
    assert judged(elu=ten(0.0, 0.5)).outcome == "undecided"  # it was not tested


def test_the_share_is_of_units_not_of_layers_nor_of_nets_that_diverged():
    nets = [run() | {"dead": [[0.1, 0.1], [0.5, 0.2]]}] * 5 + [run(diverged=True)]
    assert share({"runs": nets}).value == pytest.approx((256 * 0.5 + 128 * 0.2) / 384)


def test_what_comes_back_is_a_mean_over_nets():
    rows = [{"runs": [run(back=[[0, 0, 9], [1, 2, 9]]), run(back=[[0, 0, 9], [0, 98, 98]])] * 5}]
    found, units = come_back({"without momentum": rows}, "without momentum", 1)
    assert found.value == pytest.approx(0.25)
    assert units == 500


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
    assert [dead.tolist() for dead in dead_units(net, pixels)] == [
        dead.tolist() for dead in expected
    ]
    assert expected[0][[1, 4]].all()
    assert expected[1][2]


@pytest.mark.parametrize("name", ["relu", "prelu"])
def test_census_looks_at_every_image(name, pixels):
    pixels[:], pixels[-1] = 0, 255
    net = nn.MLP([12, 8, 6, 3], name)
    if name == "prelu":
        net.layers[1].weight.data[...] = 0
    net.layers[0].weight.data[...] = 1
    net.layers[0].bias.data[...] = -1  # active at the last image alone
    assert not dead_units(net, pixels)[0].any()


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_units_of_the_others_are_not_dead(name, pixels):
    assert not any(dead.any() for dead in dead_units(small(name, -10), pixels))


def test_census_of_learned_slopes(pixels):
    net = small("prelu")
    assert not dead_units(net, pixels)[0].any()
    net.layers[1].weight.data[...] = 0
    assert dead_units(net, pixels)[0][[1, 4]].all()


def test_of_maxout_the_pieces_are_counted(pixels):
    net = nn.MLP([12, 8, 6, 3], "maxout")
    net.layers[0].bias.data[[1, 4]] = -50  # pieces of units 0 and 2
    found = dead_units(net, pixels)
    assert [len(dead) for dead in found] == [16, 12]
    assert found[0][[1, 4]].all()
    assert not found[0][[0, 5]].any()


def test_who_came_back_and_who_could():
    first = [np.array(flags, bool) for flags in ([1, 1, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1])]
    second = [np.array(flags, bool) for flags in ([0, 1], [1, 1], [1, 0])]
    census = [list(layers) for layers in zip(first, second, strict=True)]
    # After the second epoch the whole second layer is dead: nothing moves without momentum.
    assert returns(census, has_momentum=False) == [[0, 0, 5], [1, 1, 3]]
    assert returns(census, has_momentum=True) == [[0, 5, 5], [1, 3, 3]]


def test_a_dead_unit_of_the_first_layer_moves_with_momentum_alone(few_digits):
    for momentum in (0.0, 0.9):
        net = net_of([784, 8, 6, 10], "relu", 0)
        optimizer = sgd(net, 0.02, momentum)
        train(net, few_digits.x, few_digits.y, optimizer, epochs=1, batch=64, seed=0)
        net.layers[0].bias.data[1] = -50
        before = net.layers[0].weight.data.copy()
        assert dead_units(net, few_digits.x)[0][1]
        train(net, few_digits.x, few_digits.y, optimizer, epochs=1, batch=64, seed=0)
        moved = (net.layers[0].weight.data != before).any(axis=0)
        assert moved[1] == (momentum > 0)
        assert moved.sum() > 4


def test_measures_judges_and_draws(bench, monkeypatch):
    rates = {"without momentum": (0.4, 1e30), "with momentum 0.9": (0.04, 0.16)}
    monkeypatch.setattr(dying, "RATES", rates)
    monkeypatch.setattr(dying, "GENTLE", 1)
    bench.extra = ["gelu"]
    experiment = Dying()
    numbers = experiment.measure(bench)
    assert [*numbers["activations"]] == ["relu", "leaky_relu", "prelu", "elu", "gelu"]
    relu = numbers["activations"]["relu"]
    assert all(one["diverged"] for one in relu["without momentum"][1]["runs"])
    assert len(numbers["activations"]["gelu"]["with momentum 0.9"]) == 1
    assert experiment.judge(numbers).words
    panels, scatter, nets, back = experiment.charts(numbers)
    assert [len(panel.series) for panel in panels.panels] == [2, 2]
    assert [len(series.x) for series in scatter.series] == [2, 4]
    assert (len(nets.rows), len(back.rows)) == (4 + 4 * 2, 4)

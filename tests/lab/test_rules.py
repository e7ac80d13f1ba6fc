"""How verdicts follow: intervals against SciPy, the sides of a limit, every experiment's rule."""

import numpy as np
import pytest
from scipy import stats

from minidl_lab.experiments import EXPERIMENTS
from minidl_lab.rules import every, is_above, is_below, is_inside, limits, outcome, sided
from minidl_lab.statistics import bootstrap, mean_interval, paired, paired_ratio

EACH = pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)


@pytest.mark.parametrize(
    ("interval", "above"),
    [
        ((2, 1.001, 3), True), ((2, 1.0, 3), None), ((0.5, 0.0, 0.999), False),
        ((0.5, 0.0, 1.0), None), ((np.nan, 0.0, np.inf), None), ((1, 1, 1), None),
    ],
)  # fmt: skip
def test_sides_of_a_limit(interval, above):
    assert is_above(interval, 1.0) is above
    assert is_below(interval, 1.0) is {True: False, False: True, None: None}[above]


@pytest.mark.parametrize(
    ("interval", "inside", "side"),
    [
        ((1.0, 0.953, 1.049), True, "equal"),  # 1 / 1.05 = 0.9524
        ((1.0, 0.952, 1.049), None, "undecided"),
        ((1.0, 0.953, 1.051), None, "undecided"),
        ((1.2, 1.051, 1.3), False, "larger"),
        ((1.2, 1.049, 1.3), None, "undecided"),
        ((0.8, 0.7, 0.952), False, "smaller"),
        ((0.8, 0.7, 0.953), None, "undecided"),
    ],
)
def test_sides_of_a_margin(interval, inside, side):
    assert is_inside(interval, 1 / 1.05, 1.05) is inside
    assert sided(interval, 0.05) == side


def test_every():
    assert every([]) is True
    assert every([True, None, False]) is False
    assert every([True, None]) is None


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([True, True], "reproduced"), ([True, False, None], "true only when"),
        ([False, False], "not reproduced"), ([False, None], "not reproduced"),
        ([True, None], "undecided"), ([None, None], "undecided"),
    ],
)  # fmt: skip
def test_outcomes(cases, expected):
    assert outcome(dict(enumerate(cases))) == expected


def test_no_effect_is_never_a_difference_more_often_than_said():
    """Of 400 families of four comparisons of nothing at most about 5 % have one that is called
    different from 0; of as many with an effect of two standard deviations nearly all do."""
    rng = np.random.default_rng(0)
    for effect, least, most in ((0.0, 0.01, 0.08), (2.0, 0.95, 1.0)):
        found = [
            any(is_above(one, 0) is not None for one in
                (mean_interval(rng.normal(effect, 1, 10).tolist(), 4) for _ in range(4)))
            for _ in range(400)
        ]  # fmt: skip
        assert least <= np.mean(found) <= most


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("comparisons", [1, 3])
def test_intervals_are_scipys(level, comparisons):
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(0.2, 0.5, 12), rng.lognormal(0, 0.5, 12)
    for found, x in (
        (paired(a, b, comparisons, level), a - b),
        (np.log(paired_ratio(a, b, comparisons, level)), np.log(a / b)),
    ):
        expected = stats.t.interval(
            1 - (1 - level) / comparisons, 11, loc=x.mean(), scale=stats.sem(x)
        )
        assert found == pytest.approx([x.mean(), *expected], rel=1e-5)
    found = paired(a, b, comparisons, level, "bootstrap")
    theirs = stats.bootstrap(
        (a - b,), np.mean, n_resamples=20_000, confidence_level=1 - (1 - level) / comparisons,
        method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found[1:] == pytest.approx(theirs, abs=0.03)


def test_seeds_can_be_drawn_in_pairs():
    """Where both samples go up and down together, their ratio does not vary."""
    x = np.random.default_rng(0).lognormal(0, 1, 11)

    def ratio(a, b):
        return np.median(a, axis=-1) / np.median(b, axis=-1)

    assert bootstrap(ratio, 3 * x, x, in_pairs=True) == pytest.approx([3, 3, 3])
    assert bootstrap(ratio, 3 * x, x).low < 2


@EACH
def test_every_limit_has_other_values_and_no_other_name_is_tried(experiment):
    usual = limits(experiment)
    assert set(experiment.tried) == set(usual) != set()
    for name, values in experiment.tried.items():
        assert values
        assert usual[name] not in values


@EACH
def test_limits_are_halved_and_doubled(experiment):
    usual = limits(experiment)
    for name in usual.keys() - {"level", "method", "target", "interval"}:
        if isinstance(usual[name], float):
            assert {usual[name] / 2, 2 * usual[name]} <= set(experiment.tried[name]), name

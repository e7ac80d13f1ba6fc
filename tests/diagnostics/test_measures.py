"""Each measure against its formula in float64, on arrays with a known answer."""

import math

import numpy as np
import pytest

from minidl.diagnostics import measures

RNG = np.random.default_rng(0)
Y = RNG.normal(0.3, 2.0, (50, 7)).astype(np.float32)


def test_moments():
    flat = Y.astype(np.float64).ravel().tolist()
    mean = math.fsum(flat) / len(flat)
    square = math.fsum(v * v for v in flat) / len(flat)
    assert measures.mean(Y) == pytest.approx(mean, rel=1e-12)
    assert measures.spread(Y) == pytest.approx(math.sqrt(square - mean**2), rel=1e-9)
    assert measures.offset(Y) == pytest.approx(mean / math.sqrt(square), rel=1e-12)
    assert measures.norm(Y) == pytest.approx(math.sqrt(square * len(flat)), rel=1e-12)


def test_percentile_is_of_the_size():
    y = -np.arange(101.0)
    assert measures.percentile_98(y) == 98


def test_large_float32_numbers_do_not_overflow():
    assert measures.norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30, rel=1e-6)


def test_flat_share_counts_below_the_share_of_the_largest():
    slope = np.array([[-0.25, 0.0124], [0.0126, 0.0]])
    assert measures.flat_share(slope, 0.25) == 0.5  # 0.05 · 0.25 = 0.0125
    assert measures.flat_share(slope, np.array([0.25, 0.1])) == 0.25


def test_silent_share():
    assert measures.silent_share(np.array([True, False, False, True, True])) == 0.4


@pytest.mark.parametrize(
    ("dW", "wanted"),
    [
        ([[1], [2], [3], [-1]], 0.75),
        ([[-1], [-2], [-3], [1]], 0.75),
        ([[1, 0], [1, 0]], 1.0),  # a neuron without a gradient has no part
        ([[1, 1], [1, -1]], 0.75),
        ([[5, -3], [0, 0]], 1.0),
        ([[0, 0], [0, 0]], None),
    ],
)
def test_sign_agreement(dW, wanted):
    assert measures.sign_agreement(np.array(dW, np.float32)) == wanted


def test_win_shares_and_entropy():
    slope = np.array([[0, 0, 1, 1, 0, 0], [1, 0, 0, 1, 0, 0], [0, 1, 0, 1, 0, 0]])
    shares = measures.win_shares(slope, 3)
    np.testing.assert_allclose(shares, [[1 / 3, 1 / 3, 1 / 3], [1, 0, 0]])
    np.testing.assert_allclose(measures.entropy(shares), [1, 0], atol=1e-15)
    quarter = measures.entropy(np.array([[0.25, 0.75]]))
    wanted = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    np.testing.assert_allclose(quarter, [wanted], rtol=1e-14)


def test_update_ratio():
    W = RNG.normal(size=(4, 5))
    assert measures.update_ratio(W, 0.99 * W) == pytest.approx(0.01, rel=1e-12)
    assert measures.update_ratio(np.zeros(3), np.ones(3)) == math.inf


@pytest.mark.parametrize("measure", ["mean", "spread", "offset", "norm", "percentile_98"])
def test_nan_stays_nan(measure):
    assert math.isnan(getattr(measures, measure)(np.array([1.0, math.nan])))

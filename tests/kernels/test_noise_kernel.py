"""Gaussian noise against Box and Muller's formula in NumPy, and against the normal distribution."""

import math

import numpy as np
import pytest
from support import random_words

from minidl import _kernels

pytestmark = pytest.mark.usefixtures("level")

DOMAIN = 2**31  # the counter's second word, which is 0 for dropout
MANY = 1_000_000
DEVIATIONS = 5  # how far a statistic may be off, in its own standard deviations


def noise(n, seed=1, step=0, dtype=np.float64, threads=1):
    """What is added to n zeros by sd = 1."""
    return run(np.zeros(n, dtype), 1.0, seed, step, threads)


def run(x, sd=1.0, seed=1, step=0, threads=1):
    y = np.full_like(x, 7)
    _kernels.noise.gaussian_noise(x, sd, y, seed, step, threads)
    return y


def normals(a, b):
    """The kernel's two normal numbers of each pair of words."""
    first, second = np.empty(len(a)), np.empty(len(a))
    _kernels.noise.normals(np.array(a, np.uint64), np.array(b, np.uint64), first, second)
    return first, second


def box_muller(a, b):
    """sqrt(-2 ln u) cos and sin 2 pi t. An angle of more than pi/4 is first turned by quarters,
    which is exact, as cos(pi/2) is not 0 where pi is rounded."""
    u = (np.asarray(a, float) + 0.5) / 2**32
    r = np.sqrt(-2 * np.where(u > 0.5, np.log1p(-(1 - u)), np.log(u)))
    quarters, rest = np.divmod(np.asarray(b, np.int64) + 2**29, 2**30)
    angle = 2 * np.pi * (rest - 2**29) / 2**32
    turned = np.exp(1j * angle) * np.array([1, 1j, -1, -1j])[quarters % 4]
    return r * turned.real, r * turned.imag


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 63, 64, 65, 127, 1000])
@pytest.mark.parametrize(
    ("seed", "step"), [(0, 0), (1, 2), (2**63 + 12345, 7), (5, 2**40 + 3), (2**64 - 1, 2**64 - 1)]
)
def test_the_noise_is_box_muller_of_philox(n, seed, step):
    words = random_words(-(-n // 4) * 4, seed, step, DOMAIN)
    wanted = np.stack(box_muller(words[::2], words[1::2]), axis=1).ravel()[:n]
    np.testing.assert_allclose(noise(n, seed, step), wanted, rtol=4e-15)


@pytest.mark.bounds("noise.normals")
def test_box_muller_over_all_its_range():
    """The error stays relative, also next to the angles where a number vanishes."""
    edges = [k + d for k in (0, 2**29, 2**30, 2**31, 3 * 2**30) for d in range(-50, 51)]
    steps = np.arange(0, 2**32, 4_999_999)
    words = np.concatenate([np.array(edges) % 2**32, steps])
    for a in (words, np.full_like(words, 1), np.full_like(words, 2**32 - 1)):
        for got, wanted in zip(normals(a, words), box_muller(a, words), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=4e-15, atol=1e-300)
    for got, wanted in zip(
        normals(words, words[::-1]), box_muller(words, words[::-1]), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=4e-15, atol=1e-300)


def test_the_ends():
    largest, smallest = math.sqrt(66 * math.log(2)), math.sqrt(2 * 2**-33)
    for angle, x, y in ((0, 1, 0), (2**30, 0, 1), (2**31, -1, 0), (3 * 2**30, 0, -1)):
        for word, r in ((0, largest), (2**32 - 1, smallest)):
            first, second = normals([word], [angle])
            assert first[0] == pytest.approx(r * x, rel=1e-9, abs=0)
            assert second[0] == pytest.approx(r * y, rel=1e-9, abs=0)


@pytest.mark.bounds("noise.gaussian_noise")
def test_float32_is_the_same_noise_rounded_once():
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    wide = run(x.astype(np.float64), 0.3)
    assert run(x, 0.3).tobytes() == wide.astype(np.float32).tobytes()
    np.testing.assert_allclose(wide, x + 0.3 * noise(1000), rtol=1e-15, atol=1e-16)


def test_nan_and_infinity_go_through():
    x = np.tile([np.nan, np.inf, -np.inf], 50)
    np.testing.assert_array_equal(run(x), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_threads_or_length(dtype):
    wanted = noise(4099, dtype=dtype)
    for threads in (2, 3, 8):
        assert noise(4099, dtype=dtype, threads=threads).tobytes() == wanted.tobytes()
    for n in (1, 63, 64, 65, 1001):
        np.testing.assert_array_equal(noise(n, dtype=dtype), wanted[:n])


# ---- The distribution ------------------------------------------------------------------------


def test_moments():
    """Of n normal numbers the means of x, x² - 1, x³ and x⁴ - 3 have the variances 1, 2, 15 and 96
    by n."""
    x = noise(MANY, seed=2)
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - mean) < DEVIATIONS * math.sqrt(variance / MANY), power


def test_kolmogorov_smirnov():
    """The largest distance to the exact distribution, times sqrt n, is above 1.95 once in 1000."""
    n = 200_000
    x = np.sort(noise(n, seed=3))
    exact = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x])
    above, below = np.arange(1, n + 1) / n - exact, exact - np.arange(n) / n
    assert math.sqrt(n) * max(above.max(), below.max()) < 1.95


def test_tails():
    """How many of n are beyond z: Q(z) n, with a deviation of its root."""
    n = 4 * MANY
    x = noise(n, seed=4, dtype=np.float32)
    for z in (1, 2, 3, 4, 4.5):
        wanted = n * 0.5 * math.erfc(z / math.sqrt(2))
        for count in (x > z).sum(), (x < -z).sum():
            assert abs(count - wanted) < DEVIATIONS * math.sqrt(wanted), z


def test_neighbours_steps_and_seeds_are_uncorrelated():
    """Products of independent x, and of x² - 1, average to 0 with deviations 1 and 2 by sqrt n."""
    x = noise(MANY, seed=3, step=5)
    others = [noise(MANY, seed=s, step=t) for s, t in ((3, 6), (4, 5), (5, 3))]
    pairs = [(x, other) for other in others]
    pairs += [(x[d:], x[:-d]) for d in (1, 2, 3, 4, 64, 1024)]
    for a, b in pairs:
        bound = DEVIATIONS / math.sqrt(len(a))
        assert abs((a * b).mean()) < bound
        assert abs(((a * a - 1) * (b * b - 1)).mean()) < 2 * bound


def test_dropout_with_the_same_seed_is_independent():
    x = noise(MANY, seed=1)
    y = np.empty(MANY)
    _kernels.dropout.dropout(np.ones(MANY), y, 1, 0, 2**31 - 1, 2.0, 1)
    assert abs(((y - 1) * x).mean()) < DEVIATIONS / math.sqrt(MANY)
    assert abs(((y - 1) * (x * x - 1)).mean()) < DEVIATIONS * math.sqrt(2 / MANY)

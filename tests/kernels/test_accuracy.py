"""How far the kernels are from the exact values: float32 over its whole range, and tensors' own
functions in float64 too.

An error is in units of the last place (ULP): the distance of two neighbouring float32 numbers
where the exact value lies. Exact means float64, whose own error is 1e-8 of such a unit. Swept are
every 4999th of the 2^32 bit patterns (NaN, infinities and subnormal numbers among them), the
numbers next to every place where a formula changes, and even grids where the functions bend.
Sweeps of every 101st pattern found the errors given in BOUNDS, rounded up.
"""

from pathlib import Path

import mpmath
import numpy as np
import pytest

import minidl
from minidl import Tensor
from minidl import functional as F
from minidl.layers.activations import REGISTRY

# The worst error of the forward kernel at any level, in ULP.
BOUNDS = {
    "relu": 0.0, "leaky_relu": 0.9, "relu6": 0.0, "hard_tanh": 0.0, "hard_sigmoid": 1.0,
    "elu": 0.9, "selu": 1.7, "celu": 2.0, "sigmoid": 1.8, "tanh": 1.4, "lecun_tanh": 0.6,
    "softsign": 1.5, "softplus": 1.6, "log_sigmoid": 1.6, "silu": 0.51, "mish": 0.51, "gelu": 0.6,
}  # fmt: skip
CASES = [(name, {}) for name in BOUNDS]
CASES += [("gelu", {"approximate": True}), ("celu", {"alpha": 0.3})]
SEAMS = [0, 0.35, 0.5, 0.625, 0.693, 1, 1.5, 3, 6, 10, 14.3, 20, 30, 87.34, 88.73, 103.97, 105, 125]


def neighbours(x: float, count: int = 500) -> np.ndarray:
    """The float32 numbers within `count` places of x, of both signs."""
    bits = np.float32(x).view(np.int32) + np.arange(-count, count + 1, dtype=np.int32)
    near = bits[bits >= 0].view(np.float32)
    return np.concatenate([near, -near])


def sweep(step: int = 4999) -> np.ndarray:
    patterns = np.arange(0, 2**32, step, dtype=np.uint32).view(np.float32)
    grids = [np.linspace(-a, a, 100_001, dtype=np.float32) for a in (2, 18, 110)]
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    return np.concatenate([patterns, *grids, *map(neighbours, SEAMS), special])


def ulps(y: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The error of every y; NaN must be NaN and infinity infinity."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        same = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
        apart = np.abs(y.astype(np.float64) - exact) / np.spacing(np.abs(rounded))
    return np.where(same & ~np.isfinite(rounded), 0, np.where(np.isfinite(apart), apart, np.inf))


X = sweep()


def formula(name: str, options: dict, x: np.ndarray) -> np.ndarray:
    """The declaration's formula in float64; infinity has its limit."""
    kind = REGISTRY[name]
    with np.errstate(all="ignore"):
        y = kind.formula(minidl.tensor(x.astype(np.float64)), **options).data
    low, high = kind.limits(**options)
    return np.where(x == -np.inf, low, np.where(x == np.inf, high, y))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}{case[1] or ''}")
def case(request):
    name, options = request.param
    return name, options, formula(name, options, X)


def test_float32_keeps_its_bound(case, level):
    name, options, exact = case
    y = getattr(F, name)(X, **options).data
    error = ulps(y, exact)
    worst = error.argmax()
    assert error[worst] <= BOUNDS[name], f"{error[worst]:.3f} ULP at x = {X[worst]!r}"


@pytest.mark.parametrize(("name", "options"), CASES)
def test_an_element_has_the_same_bits_alone_and_anywhere_in_an_array(name, options, level):
    """Loops run eight numbers at a time, then four, then one: all must round alike."""
    x = np.random.default_rng(0).standard_normal(203).astype(np.float32) * 4

    def both(part: np.ndarray) -> np.ndarray:
        inputs = minidl.tensor(part, requires_grad=True)
        y = getattr(F, name)(inputs, **options)
        y.backward(np.full(len(part), 0.7, np.float32))
        return np.array([y.data, inputs.grad.data])

    together = both(x)
    alone = np.concatenate([both(x[i : i + 1]) for i in range(len(x))], axis=1)
    assert together.tobytes() == alone.tobytes()
    for length in range(2, 24):
        np.testing.assert_array_equal(both(x[5 : 5 + length]), together[:, 5 : 5 + length])


def test_the_exponential_of_a_difference(level):
    """softmax of (m, x): far below m it is e^(x - m) itself. A difference that was rounded would
    show as some 30 ULP."""
    rng = np.random.default_rng(1)
    m = rng.uniform(-50, 50, 300_000).astype(np.float32)
    x = m - rng.uniform(25, 87, m.size).astype(np.float32)
    e = np.exp(x.astype(np.float64) - m)
    y = F.softmax(np.stack([m, x], axis=1)).data[:, 1]
    assert ulps(y, e / (1 + e)).max() <= 0.69


# Of tensors' own functions: the worst error in float32, and in float64, at any level, which
# 120,000 numbers as in sweep64 found.
FUNCTIONS = {
    "exp": (0.76, 1.1), "expm1": (1.5, 1.7), "log": (1.0, 0.8), "log1p": (1.0, 0.8),
    "tanh": (1.3, 2.5),
}  # fmt: skip


def values(name: str, x: np.ndarray) -> np.ndarray:
    return getattr(Tensor, name)(minidl.tensor(x)).data


def assert_same_signs(y: np.ndarray, exact: np.ndarray) -> None:
    """Of zeros too."""
    numbers = ~np.isnan(exact)
    np.testing.assert_array_equal(np.signbit(y[numbers]), np.signbit(exact[numbers]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensors_function_keeps_its_bound_in_float32(name, level):
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(X.astype(np.float64))
    y = values(name, X)
    error = ulps(y, exact)
    worst = error.argmax()
    assert error[worst] <= FUNCTIONS[name][0], f"{error[worst]:.3f} ULP at x = {X[worst]!r}"
    assert_same_signs(y, exact)


def sweep64() -> np.ndarray:
    """Bit patterns, and numbers about 0, about 1, and of every size that has a finite result."""
    rng = np.random.default_rng(3)
    n = 500
    sign = rng.choice([-1.0, 1.0], n)
    return np.concatenate(
        [
            rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64),
            rng.uniform(-3, 3, n),
            rng.normal(0, 0.3, n),
            rng.uniform(-746, 710, n),
            10 ** rng.uniform(-320, 308, n),
            10 ** rng.uniform(-18, 3, n) * sign,
            1 + 10 ** rng.uniform(-17, 0, n) * sign,
            [
                0.0,
                -0.0,
                np.inf,
                -np.inf,
                np.nan,
                5e-324,
                -5e-324,
                1e-310,
                -1e-310,
                2.0**-1022,
                1,
                -1,
            ],
            [2.0**-53 - 1, -1 - 2.0**-52, 709.782712893384, 709.7827128933841, 1.7e308, -1.7e308],
        ]
    )


X64 = sweep64()


@pytest.fixture(scope="module", params=FUNCTIONS)
def exact64(request):
    """A function's name, and its values by mpmath as a double and what that leaves of them."""
    with np.errstate(all="ignore"):
        rounded = getattr(np, request.param)(X64)  # NaN and infinity; else mpmath's
    rest = np.zeros_like(rounded)
    function = getattr(mpmath, request.param)
    with mpmath.workprec(300):
        for i in np.flatnonzero(np.isfinite(rounded)):
            value = function(mpmath.mpf(X64[i]))
            rounded[i] = value or rounded[i]  # a zero keeps its sign
            rest[i] = value - mpmath.mpf(rounded[i])
    return request.param, rounded, rest


def test_a_tensors_function_keeps_its_bound_in_float64(exact64, level):
    name, rounded, rest = exact64
    y = values(name, X64)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(y[~finite], rounded[~finite])
    assert_same_signs(y, rounded)
    with np.errstate(all="ignore"):
        error = np.abs((y - rounded) - rest) / np.spacing(np.abs(rounded))
    worst = np.where(finite, error, 0).argmax()
    assert error[worst] <= FUNCTIONS[name][1], f"{error[worst]:.3f} ULP at x = {X64[worst]!r}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensors_function_has_the_same_bits_for_any_threads_and_place(name, dtype, level):
    """20,001 numbers are five pieces, the last one short."""
    x = np.random.default_rng(0).uniform(0.01, 4, 20_001).astype(dtype)
    with minidl.set_num_threads(1):
        y = values(name, x)
    np.testing.assert_allclose(y, getattr(np, name)(x), rtol=3 * np.finfo(dtype).eps)
    for threads in (2, 3, 8):
        with minidl.set_num_threads(threads):
            assert values(name, x).tobytes() == y.tobytes()
    for i in (0, 1, 4095, 4096, 20_000):
        assert values(name, x[i]).tobytes() == y[i].tobytes()
    for length in range(2, 24):
        assert values(name, x[5 : 5 + length]).tobytes() == y[5 : 5 + length].tobytes()
    assert (
        values(name, x[:20_000].reshape(40, 500).T).tobytes()
        == y[:20_000].reshape(40, 500).T.tobytes()
    )


def validation_set(name: str, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NumPy's own inputs and outputs for a function, and the ULP that it allows."""
    package = Path(np.__file__).parent
    places = [package / core / "tests" / "data" for core in ("_core", "core")]
    files = [place / f"umath-validation-set-{name}.csv" for place in places]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        pytest.skip("this NumPy came without its tests")
    rows = [line.split(",") for line in file.read_text().splitlines() if line.startswith("np.")]
    rows = [row[1:] for row in rows if row[0] == f"np.{dtype.__name__}"]
    whole = np.uint32 if dtype == np.float32 else np.uint64
    x, y = (np.array([int(row[k], 16) for row in rows], whole).view(dtype) for k in (0, 1))
    return x, y, np.array([int(row[2]) for row in rows])


def everywhere(x: np.ndarray) -> np.ndarray:
    return np.full(x.shape, True)


# What is such a function, and where: tensors' own, and three kernels of other names.
VALIDATED = {f"Tensor.{name}": (name, getattr(Tensor, name), everywhere) for name in FUNCTIONS}
VALIDATED |= {
    "tanh": ("tanh", F.tanh, everywhere),
    "elu": ("expm1", F.elu, lambda x: x <= 0),
    "softmax": (
        "exp",
        lambda x: F.softmax(np.stack([0 * x.data, x.data], 1))[:, 1],
        lambda x: (x < -40) & (x > -1e30),
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", VALIDATED)
def test_numpys_validation_set(case, dtype, level):
    name, function, domain = VALIDATED[case]
    x, expected, allowed = validation_set(name, dtype)
    inside = domain(x)
    assert inside.sum() > 10
    x, expected, allowed = x[inside], expected[inside], allowed[inside]
    y = function(minidl.tensor(x)).data
    # As NumPy's test does: the distance in bit patterns.
    whole = np.int32 if dtype == np.float32 else np.int64
    apart = np.abs(np.abs(y).view(whole) - np.abs(expected).view(whole))
    apart[np.isnan(y) & np.isnan(expected)] = 0  # of any pattern
    np.testing.assert_array_equal(np.sign(y), np.sign(expected))
    assert (apart <= allowed).all(), f"{apart.max()} places at x = {x[apart.argmax()]!r}"

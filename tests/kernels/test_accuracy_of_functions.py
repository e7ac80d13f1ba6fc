"""How far tensors' own functions are from the exact values, in units of the last place (ULP).

In float32 exact means float64, at the numbers of `sweep`; in float64 it means mpmath.
"""

from pathlib import Path

import mpmath
import numpy as np
import pytest
from ulps import sweep, ulps

import minidl
from minidl import Tensor
from minidl import functional as F

X = sweep()

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


@pytest.mark.bounds(*(f"elementwise.{name}" for name in FUNCTIONS))
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


@pytest.mark.bounds("elementwise.square_root", "elementwise.absolute")
@pytest.mark.parametrize("x", [X, X64], ids=["float32", "float64"])
def test_roots_and_magnitudes_are_rounded_correctly(x, level):
    """As NumPy's are."""
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(values("sqrt", x), np.sqrt(x))
    np.testing.assert_array_equal(values("abs", x), np.abs(x))


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

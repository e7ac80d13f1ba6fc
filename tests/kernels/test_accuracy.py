"""How far the kernels are from the exact values.

An error is in units of the last place (ULP): the distance of two neighbouring numbers of the dtype
where the exact value lies. For float32 over its whole range, exact means float64, whose own error
is 1e-8 of such a unit. Swept are every 4999th of the 2^32 bit patterns (NaN, infinities and
subnormal numbers among them), the numbers next to every place where a formula changes, and even
grids where the functions bend. For float64 and for slopes exact means mpmath, at random numbers.

Here are the functions of one number; the others' bounds are in the tests that have the mark
`bounds`. The last test knows every kernel: one without a bound fails it.
"""

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import mpmath
import numpy as np
import pytest
from ulps import sweep, ulps

import minidl
from minidl import _kernels
from minidl import functional as F
from minidl.layers.activations import REGISTRY

# An activation, its options; the worst error at any level of y in ULP, and of its slope in eps,
# each in float32 and float64. Found by sweeps of every 101st pattern, and by 12,000 numbers as
# those of `points`, and rounded up.
BOUNDS = [
    ("relu", {}, (0, 0), (0, 0)),
    ("leaky_relu", {}, (0.9, 0.51), (0.01, 0.01)),
    ("relu6", {}, (0, 0), (0, 0)),
    ("hard_tanh", {}, (0, 0), (0, 0)),
    ("hard_sigmoid", {}, (1.0, 1.0), (0.05, 0.05)),
    ("elu", {}, (0.9, 0.9), (0.4, 0.4)),
    ("elu", {"alpha": 0.7}, (1.7, 1.6), (0.6, 0.5)),
    ("selu", {}, (1.7, 2.8), (1.3, 2.0)),
    ("celu", {}, (0.9, 0.9), (0.4, 0.4)),
    ("celu", {"alpha": 0.3}, (2.0, 2.0), (1.0, 1.0)),
    ("sigmoid", {}, (1.8, 2.1), (0.8, 0.8)),
    ("tanh", {}, (1.4, 2.2), (0.9, 1.5)),
    ("lecun_tanh", {}, (0.6, 3.9), (2.0, 2.1)),
    ("softsign", {}, (1.5, 1.6), (0.9, 0.9)),
    ("softplus", {}, (1.6, 2.4), (0.6, 0.6)),
    ("log_sigmoid", {}, (1.6, 2.4), (0.6, 0.7)),
    ("silu", {}, (0.51, 2.6), (9, 16)),  # s (1 + x (1 - s)): x times the rounding of 1 - s
    ("mish", {}, (0.51, 3.1), (9, 20)),
    ("gelu", {}, (0.6, 7.5), (1.8, 2.1)),
    ("gelu", {"approximate": True}, (0.6, 55), (1.6, 1.6)),  # e^t at t = -25: t times its rounding
]
CASES = [(name, options) for name, options, _, _ in BOUNDS]


X = sweep()


def formula(name: str, options: dict, x: np.ndarray) -> np.ndarray:
    """The declaration's formula in float64; infinity has its limit."""
    kind = REGISTRY[name]
    with np.errstate(all="ignore"):
        y = kind.formula(minidl.tensor(x.astype(np.float64)), **options).data
    low, high = kind.limits(**options)
    return np.where(x == -np.inf, low, np.where(x == np.inf, high, y))


def case_id(case: tuple) -> str:
    return f"{case[0]}{case[1] or ''}"


@pytest.fixture(scope="module", params=BOUNDS, ids=case_id)
def case(request):
    name, options, (bound, _), _ = request.param
    return name, options, bound, formula(name, options, X)


def test_float32_keeps_its_bound(case, level):
    name, options, bound, exact = case
    y = getattr(F, name)(X, **options).data
    error = ulps(y, exact)
    worst = error.argmax()
    assert error[worst] <= bound, f"{error[worst]:.3f} ULP at x = {X[worst]!r}"


def hinged(low, high):
    return lambda x: min(max(x, mpmath.mpf(low)), mpmath.mpf(high))


def exponential(x, alpha=1.0, scale=1.0):
    return x if x > 0 else alpha * mpmath.expm1(x / scale)


def gelu(x, approximate=False):
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)
    return x / (1 + mpmath.exp(-2 * inner)) if approximate else x * mpmath.ncdf(x)


SELU = mpmath.mpf("1.0507009873554804934"), mpmath.mpf("1.6732632423543772848")
FORMULAS = {
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.01) * x,
    "relu6": hinged(0, 6),
    "hard_tanh": hinged(-1, 1),
    "hard_sigmoid": lambda x: hinged(0, 6)(x + 3) / 6,
    "elu": exponential,
    "selu": lambda x: SELU[0] * exponential(x, SELU[1]),
    "celu": lambda x, alpha=1.0: exponential(x, alpha, alpha),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "lecun_tanh": lambda x: mpmath.mpf(1.7159) * mpmath.tanh(2 * x / 3),
    "softsign": lambda x: x / (1 + abs(x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "gelu": gelu,
}


def points(dtype: str, count: int = 40) -> np.ndarray:
    """Where activations bend, far out, and near 0."""
    rng = np.random.default_rng(5)
    drawn = rng.normal(0, 2, count), rng.uniform(-6, 30, count), rng.normal(0, 1e-3, count)
    return np.concatenate(drawn).astype(dtype)


@pytest.fixture(scope="module", params=BOUNDS, ids=case_id)
def exact_case(request):
    """A case, and for each dtype x, y and the slope by mpmath."""
    name, options, *_ = request.param
    values = {}
    with mpmath.workprec(160):
        for dtype in ("float32", "float64"):
            x = points(dtype)
            numbers = [mpmath.mpf(v) for v in x.tolist()]
            y = [FORMULAS[name](v, **options) for v in numbers]
            slope = [mpmath.diff(lambda v: FORMULAS[name](v, **options), v) for v in numbers]
            values[dtype] = x, y, slope
    return request.param, values


def worst(found: np.ndarray, exact: list, units: np.ndarray) -> float:
    """The largest error."""
    pairs = zip(found.tolist(), exact, units.tolist(), strict=True)
    with mpmath.workprec(160):
        return float(max(abs(mpmath.mpf(a) - b) / unit for a, b, unit in pairs))


@pytest.mark.bounds(*(f"{name} {way}" for name, _ in CASES for way in ("forward", "backward")))
def test_values_and_slopes_keep_their_bounds(exact_case, level):
    (name, options, *bounds), values = exact_case
    for k, (dtype, (x, y, slope)) in enumerate(values.items()):
        inputs = minidl.tensor(x, requires_grad=True)
        found = getattr(F, name)(inputs, **options)
        found.backward(np.ones_like(x))
        rounded = np.abs(np.array(y, float)).astype(dtype)
        assert worst(found.data, y, np.spacing(rounded)) <= bounds[0][k], dtype
        eps = np.full(len(x), np.finfo(dtype).eps)
        assert worst(inputs.grad.data, slope, eps) <= bounds[1][k], dtype


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


# ---- All kernels ---------------------------------------------------------------------------------

# Those that compute nothing themselves: they run other kernels, or move or count whole numbers.
WITHOUT = {
    "rows.forward", "rows.backward", "rows.pointwise", "rows.pointwise_back", "rows.learned",
    "losses.of_rows", "losses.first_outside", "update.Update", "update.coefficients",
    "program.Program", "dropout.philox_words", "dropout.drop_part",
    "weights.is_wide", "weights.lanes", "weights.packed_numbers", "weights.scratch_numbers",
}  # fmt: skip


def kernels() -> Iterator[str]:
    """What the modules define, and what they register. (An instruction of a step runs the functions
    that these run, to the same bits: tests/test_training_step.py.)"""
    for module_name in _kernels.KERNELS:
        module = sys.modules[f"minidl._kernels.{_kernels.level}.{module_name}"]
        for name, value in vars(module).items():
            if callable(value) and not name.startswith("_"):
                yield f"{module_name}.{name}"
    for name in _kernels.ROW_FUNCTIONS:
        yield from (f"{name} forward", f"{name} backward")
    yield from (f"{name} gradient" for name in _kernels.LEARNED)
    yield from (f"{name} loss" for name in _kernels.LOSSES)
    yield from (f"{name} rule" for name in _kernels.rules.RULES)


def bounded() -> Iterator[str]:
    """What the tests with the mark `bounds` name."""
    for file in sorted(Path(__file__).parents[1].rglob("test_*.py")):
        if "mark.bounds(" not in file.read_text():
            continue
        specification = spec_from_file_location(file.stem, file)
        module = module_from_spec(specification)
        specification.loader.exec_module(module)
        for test in vars(module).values():
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "bounds":
                    yield from mark.args


def test_every_kernel_has_a_bound_that_a_test_holds_it_to():
    names, held = set(kernels()), set(bounded())
    assert names - WITHOUT - held == set(), "these have none"
    assert (WITHOUT | held) - names == set(), "these are no kernels"

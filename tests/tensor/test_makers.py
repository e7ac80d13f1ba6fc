"""New tensors: against NumPy's functions of the same names; at random, by their distribution."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, tensor
from minidl import functional as F
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError

ROWS = [
    (5,), (2, 7), (0, 1, 0.25), (10, 0, -3), (0,), (1.0,), (-3,), (0, 1, 0.1), (3, 3), (1, 2.5),
    (np.int32(2), np.int64(5)),
]  # fmt: skip
SPACES = [(0, 1), (0, 1, 5), (2, -2, 7), (0, 1, 4, False), (1, 1, 3), (0, 1, 1), (0, 1, 0)]
EYES = [(3,), (2, 4), (4, 2, 1), (3, 3, -2), (3, None, 5), (0,)]
DTYPES = [None, "float64", "int32", np.uint8, bool]


def assert_made(y, wanted, dtype):
    assert isinstance(y, Tensor)
    assert y.dtype == dtype
    assert y.shape == wanted.shape
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
def test_of_one_number(shape, dtype):
    wanted = np.float32 if dtype is None else dtype
    for name in ("zeros", "ones", "empty"):
        make = getattr(minidl, name)
        for y in (
            make(*shape, dtype=dtype),
            make(shape, dtype=dtype),
            make(list(shape), dtype=dtype),
        ):
            assert_made(
                y, y.numpy() if name == "empty" else getattr(np, name)(shape, wanted), wanted
            )
    for value in (1, 1.0, True, np.int64(1), tensor(1.0), np.array(1)):
        y = minidl.full(shape, value, dtype=dtype)
        own = tensor(value).dtype
        assert_made(y, np.ones(shape), own if dtype is None else dtype)
    rows = np.arange(2).reshape(2, *[1] * len(shape))
    assert_made(minidl.full((2, *shape), rows), rows + np.zeros((2, *shape)), np.int64)
    assert minidl.full(3, 7.5).shape == (3,)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "bool"])
def test_like_another(kind):
    x = tensor(np.ones((2, 3), kind), requires_grad=kind[0] == "f")
    for name, wanted in (("zeros", 0), ("ones", 1), ("empty", None)):
        make = getattr(minidl, f"{name}_like")
        y = make(x)
        assert_made(y, y.numpy() if wanted is None else np.full((2, 3), wanted), kind)
        assert make(x, dtype="float64").dtype == np.float64
        assert make([1.0]).dtype == np.float32
        assert not y.requires_grad
    assert_made(minidl.full_like(x, 1), np.ones((2, 3)), kind)
    if kind[0] == "f":
        for y in (minidl.rand_like(x), minidl.randn_like(x)):
            assert (y.shape, y.dtype) == ((2, 3), kind)
            assert len(np.unique(y)) == 6
    else:
        with pytest.raises(DTypeError, match="full_like: expected values that"):
            minidl.full_like(x, 0.5)
        with pytest.raises(DTypeError, match="rand: expected float32 or float64"):
            minidl.rand_like(x)
    assert minidl.full_like(x, 0.5, dtype="float64").numpy()[1, 2] == 0.5


@pytest.mark.parametrize("arguments", ROWS, ids=repr)
def test_in_steps(arguments):
    wanted = np.arange(*arguments)
    dtype = np.int64 if wanted.dtype.kind == "i" else np.float32
    assert_made(minidl.arange(*arguments), wanted.astype(dtype), dtype)
    assert_made(minidl.arange(*arguments, dtype="float64"), wanted, np.float64)


@pytest.mark.parametrize("arguments", SPACES, ids=repr)
def test_at_equal_distances(arguments):
    wanted = np.linspace(*arguments)
    assert_made(minidl.linspace(*arguments), wanted.astype(np.float32), np.float32)
    assert_made(minidl.linspace(*arguments, dtype="float64"), wanted, np.float64)


@pytest.mark.parametrize("arguments", EYES, ids=repr)
def test_unit_matrices(arguments):
    assert_made(minidl.eye(*arguments), np.eye(*arguments), np.float32)
    assert_made(minidl.eye(*arguments, dtype=int), np.eye(*arguments), np.int64)


def test_one_hot():
    for labels in ([2, 0], np.array([2, 0], np.uint8), tensor([2, 0]), tensor(np.array([2, 0]))):
        assert_made(F.one_hot(labels), np.array([[0, 0, 1], [1, 0, 0]]), np.float32)
    assert_made(F.one_hot([[1], [0]], 2, bool), np.array([[[0, 1]], [[1, 0]]]), bool)
    assert F.one_hot(1, 3).shape == (3,)
    assert F.one_hot([], 3).shape == (0, 3)
    for labels, classes in (([3], 3), ([-1], 3), ([0], 0.5), ([0], -1)):
        with pytest.raises(ArgumentError, match="one_hot: expected classes as a number"):
            F.one_hot(labels, classes)
    for labels in ([0.5], [True], tensor([0.5])):
        with pytest.raises(DTypeError, match="one_hot: expected"):
            F.one_hot(labels)


@pytest.mark.parametrize(
    "make",
    [
        lambda **o: minidl.zeros(2, **o), lambda **o: minidl.ones(2, **o),
        lambda **o: minidl.empty(2, **o), lambda **o: minidl.full(2, 1, **o),
        lambda **o: minidl.arange(2, dtype="float32", **o), lambda **o: minidl.linspace(0, 1, **o),
        lambda **o: minidl.eye(2, **o), lambda **o: minidl.rand(2, **o),
        lambda **o: minidl.randn(2, **o), lambda **o: minidl.zeros_like([1.0], **o),
        lambda **o: minidl.randn_like([1.0], **o), lambda **o: minidl.full_like([1.0], 2, **o),
    ],
)  # fmt: skip
def test_those_that_want_a_gradient(make):
    assert not make().requires_grad
    w = make(requires_grad=True)
    (w * 3).sum().backward()
    np.testing.assert_array_equal(w.grad, np.full(w.shape, 3))
    y = make()
    y += 1  # its memory is its own


# ---- At random -----------------------------------------------------------------------------------


def test_the_seed_makes_the_numbers():
    drawn = []
    for _ in range(2):
        minidl.manual_seed(5)
        drawn.append([
            minidl.rand(3), minidl.randn(2, 2, dtype="float64"), minidl.randint(100, size=4),
            minidl.rand_like(np.zeros(2)),
        ])  # fmt: skip
    for one, other in zip(*drawn, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(minidl.rand(3), minidl.rand(3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype):
    """Means and variances lie within five standard errors."""
    n = 40_000
    uniform, normal = (make(n, dtype=dtype).numpy() for make in (minidl.rand, minidl.randn))
    assert uniform.min() >= 0
    assert uniform.max() < 1
    np.testing.assert_allclose(uniform.mean(), 1 / 2, atol=5 / np.sqrt(12 * n))
    np.testing.assert_allclose((uniform**2).mean(), 1 / 3, atol=5 * np.sqrt(4 / 45 / n))
    np.testing.assert_allclose(normal.mean(), 0, atol=5 / np.sqrt(n))
    np.testing.assert_allclose((normal**2).mean(), 1, atol=5 * np.sqrt(2 / n))
    np.testing.assert_allclose((normal**4).mean(), 3, atol=5 * np.sqrt(96 / n))
    whole = minidl.randint(-2, 3, (n,)).numpy()
    assert whole.dtype == np.int64
    counts = np.bincount(whole + 2)
    assert len(counts) == 5
    np.testing.assert_allclose(counts / n, 1 / 5, atol=5 * np.sqrt(4 / 25 / n))


def test_shapes_of_random_tensors():
    assert minidl.rand().shape == minidl.randn().shape == minidl.randint(5).shape == ()
    assert minidl.rand(2, 0).shape == (2, 0)
    assert minidl.randn((2, 3)).dtype == np.float32
    assert minidl.randint(3, 9, [2, 1], dtype="uint8").dtype == np.uint8
    assert minidl.randint(7, 8, 3).tolist() == [7, 7, 7]
    assert abs(minidl.randint(-(2**63), 2**63).item()) < 2**63 + 1


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: minidl.zeros(-1), ArgumentError, "zeros: expected whole numbers from 0 up"),
        (lambda: minidl.ones(2, "float64"), ArgumentError, r"ones: .*Try: ones\(.*dtype="),
        (lambda: minidl.empty((2, 3), np.float64), ArgumentError, "empty: .*dtype="),
        (lambda: minidl.zeros(2.5), ArgumentError, "zeros: expected whole numbers"),
        (lambda: minidl.zeros(2, dtype="complex64"), DTypeError, "zeros: expected"),
        (lambda: minidl.full((2,), "a"), DTypeError, "full: expected"),
        (lambda: minidl.full((2,), [1, 2, 3]), ShapeError, "full: expected"),
        (lambda: minidl.full((2,), tensor(1.0, requires_grad=True)), GraphError, "full: "),
        (lambda: minidl.arange(0, 1, 0), ArgumentError, "arange: expected finite numbers"),
        (lambda: minidl.arange(np.nan), ArgumentError, "arange: expected finite"),
        (lambda: minidl.arange("a"), ArgumentError, "arange: expected finite"),
        (lambda: minidl.linspace(0, "a"), ArgumentError, "linspace: expected two numbers"),
        (lambda: minidl.linspace(0, 1, -1), ArgumentError, "linspace: expected two numbers"),
        (lambda: minidl.eye(-1), ArgumentError, "eye: expected whole numbers"),
        (lambda: minidl.eye(2, k=0.5), ArgumentError, "eye: expected a whole number"),
        (lambda: minidl.rand(2, dtype=int), DTypeError, "rand: .*Try: minidl.randint"),
        (lambda: minidl.randint(3, 3), ArgumentError, "randint: expected whole numbers"),
        (lambda: minidl.randint(10, (2,)), ArgumentError, r"randint: .*size=\(2, 3\)"),
        (lambda: minidl.randint(0.5), ArgumentError, "randint: expected whole"),
        (lambda: minidl.randint(300, dtype="uint8", size=999), DTypeError, "uint8 can hold"),
    ],
)  # fmt: skip
def test_what_is_refused(use, error, message):
    with pytest.raises(error, match=message):
        use()

"""The dense layer's kernels, at every CPU level that this machine can run."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from minidl import _kernels

# Batch, inputs, outputs.
SHAPES = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 784, 10), (5, 2, 16), (7, 3, 1), (64, 128, 10),
    (29, 33, 65), (66, 300, 40), (300, 70, 70), (400, 20, 130),
]  # fmt: skip


@pytest.fixture(params=_kernels.levels())
def kernels(request: pytest.FixtureRequest) -> SimpleNamespace:
    """The dense and the gemm kernel of one level, and its row functions."""
    load = {
        name: import_module(f"minidl._kernels.{request.param}.{name}")
        for name in ("dense", "gemm", "pointwise", "maxout")
    }
    functions = load["pointwise"].KERNELS | load["maxout"].KERNELS
    return SimpleNamespace(dense=load["dense"], gemm=load["gemm"], functions=functions)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


def arrays(dtype, *shapes):
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def forward(kernels, x, W, b=None, function=None, y=None, slopes=(), options=(), threads=1):
    """Returns z and y; without `y` the activation works in place."""
    z = np.full((len(x), W.shape[1]), 7, x.dtype)
    y = z if y is None else y
    kernels.dense.forward(
        x, W, np.zeros(0, x.dtype) if b is None else b, function, np.array(slopes, x.dtype),
        np.array(options, np.float64), z, y, threads, threads,
    )  # fmt: skip
    return z, y


def backward(
    kernels, x, W, dy, kept=None, function=None, slopes=(), options=(), threads=1, asked="xWb"
):
    """Returns dz, dx, dW and db; those not asked for have no rows."""
    dz = dy.copy() if function is None else np.full((len(x), W.shape[1]), 7, x.dtype)
    dx = np.full(x.shape if "x" in asked else (0, 0), 7, x.dtype)
    dW = np.full(W.shape if "W" in asked else (0, 0), 7, x.dtype)
    db = np.full(W.shape[1] if "b" in asked else 0, 7, x.dtype)
    kernels.dense.backward(
        x, W, dy if kept is None else kept, function, np.array(slopes, x.dtype),
        np.array(options, np.float64), dy, dz, dx, dW, db, threads, threads,
    )  # fmt: skip
    return dz, dx, dW, db


def assert_product(c, a, b, start=0.0):
    """Within the error of any sum of `start` and `depth` products: depth · eps · the summands."""
    a, b, start = (np.asarray(part, np.float64) for part in (a, b, start))
    bound = (a.shape[1] + 1) * np.finfo(c.dtype).eps * (abs(a) @ abs(b) + abs(start))
    assert np.all(abs(c - (a @ b + start)) <= bound)


def same_bits(one, two):
    return all(map(np.array_equal, one, two))


# ---- forward -------------------------------------------------------------------------------------


@pytest.mark.bounds("dense.forward")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward(kernels, dtype, shape):
    batch, inputs, outputs = shape
    x, W, b = arrays(dtype, (batch, inputs), (inputs, outputs), (outputs,))
    assert_product(forward(kernels, x, W, b)[0], x, W, b)
    plain = np.empty((1, batch, outputs), dtype)
    kernels.gemm.product(x[None], False, W[None], False, plain, 1)
    np.testing.assert_array_equal(forward(kernels, x, W)[0], plain[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_sums_start_from_the_bias(kernels, dtype, shape):
    batch, inputs, outputs = shape
    x, W, b = arrays(dtype, (batch, inputs), (inputs, outputs), (outputs,))
    # Products with powers of two are exact, so a fused multiply-add rounds as an addition does.
    W = np.copysign(2.0 ** np.round(3 * W), W).astype(dtype)
    expected = np.tile(b, (batch, 1))
    for p in range(inputs):
        expected += x[:, p, None] * W[p]
    np.testing.assert_array_equal(forward(kernels, x, W, b)[0], expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_activation_follows_the_product(kernels, dtype, shape, threads):
    batch, inputs, outputs = shape
    x, W, b = arrays(dtype, (batch, inputs), (inputs, outputs), (outputs,))
    z, _ = forward(kernels, x, W, b)
    relu = kernels.functions["relu"][dtype.name][0]
    separate = np.full_like(z, 7)
    kept, y = forward(kernels, x, W, b, relu, y=separate, threads=threads)
    np.testing.assert_array_equal(kept, z)
    np.testing.assert_array_equal(y, np.maximum(z, 0))
    np.testing.assert_array_equal(forward(kernels, x, W, b, relu, threads=threads)[0], y)


def test_activation_gets_its_options_and_slopes(kernels, dtype):
    x, W, b = arrays(dtype, (9, 5), (5, 12), (12,))
    z, _ = forward(kernels, x, W, b)
    slopes = np.linspace(-1, 1, 12).astype(dtype)
    prelu = kernels.functions["prelu"][dtype.name][0]
    _, y = forward(kernels, x, W, b, prelu, slopes=slopes)
    np.testing.assert_array_equal(y, np.where(z > 0, z, slopes * z))
    maxout = kernels.functions["maxout"][dtype.name][0]
    _, y = forward(kernels, x, W, b, maxout, y=np.empty((9, 4), dtype), options=[3])
    np.testing.assert_array_equal(y, z.reshape(9, 4, 3).max(axis=2))


def test_a_row_of_forward_has_the_same_bits_alone_and_in_a_batch(kernels, dtype):
    x, W, b = arrays(dtype, (29, 300), (300, 37), (37,))
    batch, _ = forward(kernels, x, W, b, threads=2)
    for i in range(29):
        np.testing.assert_array_equal(forward(kernels, x[i : i + 1], W, b)[0][0], batch[i])


def test_nan_in_the_input_stays_in_its_row_and_in_the_bias_in_its_column(kernels, dtype):
    x, W, b = arrays(dtype, (23, 30), (30, 10), (10,))
    x[4, 0] = b[9] = np.nan
    z, _ = forward(kernels, x, W, b)
    expected = np.zeros((23, 10), bool)
    expected[4], expected[:, 9] = True, True
    np.testing.assert_array_equal(np.isnan(z), expected)


# ---- backward ------------------------------------------------------------------------------------


@pytest.mark.bounds("dense.backward")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_backward(kernels, dtype, shape):
    batch, inputs, outputs = shape
    x, W, dy = arrays(dtype, (batch, inputs), (inputs, outputs), (batch, outputs))
    dz, dx, dW, db = backward(kernels, x, W, dy)
    np.testing.assert_array_equal(dz, dy)
    assert_product(dx, dy, W.T)
    assert_product(dW, x.T, dy)
    assert_product(db[None], np.ones((1, batch)), dy)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_backward_goes_through_the_activation_first(kernels, dtype, shape):
    batch, inputs, outputs = shape
    x, W, dy, y = arrays(
        dtype, (batch, inputs), (inputs, outputs), (batch, outputs), (batch, outputs)
    )
    relu = kernels.functions["relu"][dtype.name][1]
    through = backward(kernels, x, W, dy, kept=y, function=relu)
    np.testing.assert_array_equal(through[0], np.where(y > 0, dy, 0))
    assert same_bits(through, backward(kernels, x, W, through[0]))
    assert same_bits(through, backward(kernels, x, W, dy, kept=y, function=relu, threads=3))


def test_backward_through_maxout(kernels, dtype):
    x, W, z, dy = arrays(dtype, (9, 5), (5, 12), (9, 12), (9, 4))
    maxout = kernels.functions["maxout"][dtype.name][1]
    dz, _, dW, _ = backward(kernels, x, W, dy, kept=z, function=maxout, options=[3])
    wins = z.reshape(9, 4, 3) == z.reshape(9, 4, 3).max(axis=2, keepdims=True)
    np.testing.assert_array_equal(dz, (wins * dy[:, :, None]).reshape(9, 12))
    assert_product(dW, x.T, dz)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_threads_do_not_change_bits(kernels, dtype, shape):
    batch, inputs, outputs = shape
    x, W, dy = arrays(dtype, (batch, inputs), (inputs, outputs), (batch, outputs))
    alone = backward(kernels, x, W, dy)
    for threads in (2, 3, 8):
        assert same_bits(backward(kernels, x, W, dy, threads=threads), alone)


def test_a_row_of_dx_has_the_same_bits_alone_and_in_a_batch(kernels, dtype):
    x, W, dy = arrays(dtype, (29, 37), (37, 300), (29, 300))
    batch = backward(kernels, x, W, dy, threads=2)[1]
    for i in range(29):
        np.testing.assert_array_equal(
            backward(kernels, x[i : i + 1], W, dy[i : i + 1])[1][0], batch[i]
        )


@pytest.mark.parametrize("asked", ["", "x", "W", "b", "xb", "Wb"])
def test_outputs_not_asked_for(kernels, dtype, asked):
    x, W, dy = arrays(dtype, (20, 30), (30, 40), (20, 40))
    everything = backward(kernels, x, W, dy)
    some = backward(kernels, x, W, dy, asked=asked)
    for name, one, full in zip("zxWb", some, everything, strict=True):
        assert np.array_equal(one, full) if name in "z" + asked else one.size == 0


def test_outputs_without_rows_are_not_written(kernels, dtype):
    x, W, dy = arrays(dtype, (20, 30), (30, 40), (20, 40))
    around = [np.full(shape, -7, dtype) for shape in ((20, 30), (30, 40), 40)]
    dx, dW, db = (array[:0] for array in around)
    nothing = np.zeros(0)
    kernels.dense.backward(x, W, dy, None, nothing.astype(dtype), nothing, dy, dy, dx, dW, db, 2, 2)
    assert all(np.all(array == -7) for array in around)


# ---- capsules ------------------------------------------------------------------------------------


def test_a_capsule_of_another_dtype_or_direction_is_refused(kernels, dtype):
    other = {"float32": "float64", "float64": "float32"}[dtype.name]
    x, W, dy = arrays(dtype, (2, 3), (3, 4), (2, 4))
    relu = kernels.functions["relu"]
    for wrong in (relu[other][0], relu[dtype.name][1]):
        with pytest.raises(ValueError, match="incorrect name"):
            forward(kernels, x, W, function=wrong)
    for wrong in (relu[other][1], relu[dtype.name][0]):
        with pytest.raises(ValueError, match="incorrect name"):
            backward(kernels, x, W, dy, function=wrong)

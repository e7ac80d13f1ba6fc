"""The kernels of layer normalisation and RMS normalisation: the formula in float64, differences of
values, every CPU level."""

import numpy as np
import pytest
from support import LAYOUTS, assert_gradients, gradients_of_norm

import minidl
from minidl import functional as F
from minidl._kernels import threads as kernel_threads

pytestmark = pytest.mark.usefixtures("level")

SEEDS = range(40)


def layer_norm(x, weight=1, bias=0, eps=1e-5):
    """As the paper and PyTorch's manual have it."""
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def rms_norm(x, weight=1, eps=None):
    """As PyTorch's manual has it; its eps without one is that of x's dtype."""
    eps = np.finfo(x.dtype).eps if eps is None else eps
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


FUNCTIONS = {F.layer_norm: layer_norm, F.rms_norm: rms_norm}


class Drawn:
    """A function, x of any shape and layout, and any of the options."""

    def __init__(self, seed, most=70):
        rng = np.random.default_rng(seed)
        self.ours = list(FUNCTIONS)[seed % 2]
        leading = rng.integers(1, 6, rng.integers(4))
        units = int(rng.integers(1, most))
        layout = LAYOUTS[rng.choice(list(LAYOUTS))] if len(leading) else LAYOUTS["strided"]
        self.x = layout(rng.normal(3, 2, (*leading, units)))
        names = ["weight", "bias"][: 1 + (self.ours is F.layer_norm)]
        wanted = [name for name in names if rng.random() < 0.7]
        self.parameters = {name: rng.normal(size=units) for name in wanted}
        self.options = {"eps": 10 ** rng.uniform(-6, 0)} if rng.random() < 0.7 else {}
        self.dy = rng.normal(size=self.x.shape)

    def __call__(self, *inputs):
        """The function of x and those parameters that there are."""
        return self.ours(inputs[0], **dict(zip(self.parameters, inputs[1:], strict=True)),
                         **self.options)  # fmt: skip

    def inputs(self, dtype):
        return [array.astype(dtype) for array in (self.x, *self.parameters.values())]


@pytest.mark.bounds("layer_norm.forward")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_formula(seed, dtype):
    drawn = Drawn(seed)
    x, *parameters = drawn.inputs(dtype)
    eps = {"eps": np.finfo(dtype).eps} if drawn.ours is F.rms_norm else {}
    named = dict(zip(drawn.parameters, (p.astype(float) for p in parameters), strict=True))
    y = drawn(x, *parameters).numpy()
    assert y.dtype == dtype
    wanted = FUNCTIONS[drawn.ours](x.astype(float), **named, **eps | drawn.options)
    # The one rounding at the end, and that of the bias where it nearly takes all away.
    tolerance = np.finfo(dtype).eps * (1 if dtype is np.float32 else 64)
    np.testing.assert_allclose(y, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients(seed):
    drawn = Drawn(seed, most=20)
    inputs = [drawn.x, *drawn.parameters.values()]
    assert_gradients(drawn, *inputs)
    for number in range(len(inputs)):  # each on its own: what nobody asks for is left out

        def of_one(x, number=number):
            return drawn(*inputs[:number], x, *inputs[number + 1 :])

        assert_gradients(of_one, inputs[number])


@pytest.mark.bounds("layer_norm.backward")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ours", FUNCTIONS)
def test_gradients_are_exact_but_for_a_few_roundings(ours, dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(1, 1, (2, 50, 33)).astype(dtype)
    weight = rng.normal(size=33).astype(dtype)
    inputs = [minidl.tensor(a, requires_grad=True) for a in (x, weight, np.zeros(33, dtype))]
    inputs = inputs[: 3 if ours is F.layer_norm else 2]
    ours(*inputs, eps=1e-3).backward(dy)
    wanted = gradients_of_norm(x, weight, dy, 1, 1e-3, ours is F.layer_norm)
    # In double precision and rounded once.
    allowed = (0.6 if dtype is np.float32 else 50) * np.finfo(dtype).eps
    for found, (exact, size) in zip(inputs, wanted, strict=False):
        assert (np.abs(found.grad.data - exact) <= allowed * size).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_float32_are_rounded_once(seed):
    """They are those of the same numbers in float64, to half a unit in the last place."""
    drawn = Drawn(seed)
    inputs = drawn.inputs(np.float32)
    dy = drawn.dy.astype(np.float32)
    found = []
    for dtype in (np.float32, np.float64):
        tensors = [minidl.tensor(array.astype(dtype), requires_grad=True) for array in inputs]
        options = {"eps": np.finfo(np.float32).eps} | drawn.options
        y = drawn.ours(tensors[0], **dict(zip(drawn.parameters, tensors[1:], strict=True)),
                       **options)  # fmt: skip
        y.backward(dy.astype(dtype))
        found.append([x.grad.numpy() for x in tensors])
    for narrow, wide in zip(*found, strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, wide, rtol=6e-8, atol=1e-12)


@pytest.mark.parametrize("ours", FUNCTIONS)
def test_a_mean_far_from_0_costs_no_digits(ours):
    x = np.round(np.random.default_rng(0).normal(size=(3, 50)), 3)
    near, far = (F.layer_norm(x + c).numpy() for c in (0.0, 1e6))
    np.testing.assert_allclose(far, near, rtol=1e-8, atol=1e-8)
    y = ours(np.full((1, 20_000), 1 + 2**-20, np.float32), eps=1e-30).numpy()
    assert np.ptp(y) == 0
    assert y[0, 0] == (0 if ours is F.layer_norm else 1)


@pytest.mark.parametrize("ours", FUNCTIONS)
def test_nan_and_infinity_stay_in_their_row(ours):
    x = np.random.default_rng(0).normal(size=(5, 9))
    x[1, 0], x[3, 8] = np.nan, np.inf
    leaf = minidl.tensor(x, requires_grad=True)
    y = ours(leaf)
    y.sum().backward()
    for array in (y.numpy(), leaf.grad.numpy()):
        assert np.isnan(array[[1, 3]]).any(axis=1).all()
        assert np.isfinite(array[[0, 2, 4]]).all()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (2, 0, 5), (0, 0)], ids=str)
@pytest.mark.parametrize("ours", FUNCTIONS)
def test_nothing_gives_nothing(ours, shape):
    x, weight = (minidl.tensor(np.ones(s), requires_grad=True) for s in (shape, shape[-1:]))
    y = ours(x, weight)
    assert y.shape == shape
    y.backward(np.ones(shape))
    assert x.grad.shape == shape
    np.testing.assert_array_equal(weight.grad.numpy(), np.zeros(shape[-1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ours", FUNCTIONS)
def test_the_bits_depend_neither_on_threads_nor_on_other_rows(ours, dtype, monkeypatch):
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 70, 203)).astype(dtype)
    parameters = rng.normal(size=(2 if ours is F.layer_norm else 1, 203)).astype(dtype)

    def found(threads, rows):
        inputs = [minidl.tensor(a, requires_grad=True) for a in (x[rows], *parameters)]
        with minidl.set_num_threads(threads):
            y = ours(*inputs)
            y.backward(dy[rows])
        return [y.numpy(), *(p.grad.numpy() for p in inputs)]

    whole = found(1, slice(None))
    for threads in (2, 3, 8):
        for one, other in zip(found(threads, slice(None)), whole, strict=True):
            assert one.tobytes() == other.tobytes()
    for row in (0, 33, 69):
        for one, other in zip(found(1, slice(row, row + 1))[:2], whole[:2], strict=True):
            assert one.tobytes() == other[row].tobytes()

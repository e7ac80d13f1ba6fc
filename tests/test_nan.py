"""A NaN is not lost on the way back: where a result is NaN, the gradient of the input that made it
so is NaN itself or the result's, times a slope; never 0."""

import numpy as np
import pytest
from activation_cases import CASES, UNITS, case_id, learned

import minidl
from minidl import TrainingStep, data, maximum, minimum, nn, optim, tensor
from minidl import functional as F
from minidl.losses.declaration import REGISTRY

NAN, INF = np.nan, np.inf


def gradients(function, *arrays, dtype=np.float64):
    """What the inputs get where the result's gradient is 2 everywhere."""
    inputs = [tensor(np.array(array, dtype), requires_grad=True) for array in arrays]
    y = function(*inputs)
    y.backward(np.full(y.shape, 2))
    return [x.grad.numpy() for x in inputs]


# ---- What chooses hands the gradient to the NaN --------------------------------------------------

CHOICES = {
    "max": (lambda x: x.max(), [[1, NAN, 3]], [[0, 2, 0]]),
    "min": (lambda x: x.min(), [[1, NAN, 0]], [[0, 2, 0]]),
    "max of rows": (lambda x: x.max(1), [[[1, NAN], [2, 1]]], [[[0, 2], [2, 0]]]),
    "max of two": (lambda x: x.max(0, keepdims=True), [[NAN, 1, NAN]], [[1, 0, 1]]),
    "min of infinities": (lambda x: x.min(), [[-INF, NAN, INF]], [[0, 2, 0]]),
    "maximum": (maximum, [[NAN, 1, NAN, INF], [1, NAN, NAN, NAN]],
                [[2, 0, 1, 0], [0, 2, 1, 2]]),
    "minimum": (minimum, [[NAN, 1, NAN, -INF], [1, NAN, NAN, NAN]],
                [[2, 0, 1, 0], [0, 2, 1, 2]]),
    "maximum, broadcast": (maximum, [[[NAN, 1], [0, 1]], [0, 0]], [[[2, 2], [1, 2]], [1, 0]]),
    "clip": (lambda x: x.clip(0, 1), [[NAN, -1, 0, 2]], [[2, 0, 2, 0]]),
    "clip below": (lambda x: x.clip(low=0), [[NAN, -1]], [[2, 0]]),
    "where": (lambda x: minidl.where([True, True], x, 0), [[NAN, 1]], [[2, 2]]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_hands_its_gradient_to_the_nan(name, dtype):
    function, arrays, wanted = CHOICES[name]
    found = gradients(function, *arrays, dtype=dtype)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


FORMULAS = {
    name: lambda x, name=name: getattr(x, name)()
    for name in ("exp", "log", "expm1", "log1p", "sqrt", "tanh", "abs", "sum", "mean", "var")
} | {
    "softmax": lambda x: F.softmax(x[None, :]), "log_softmax": lambda x: F.log_softmax(x[None, :]),
    "layer_norm": F.layer_norm, "rms_norm": F.rms_norm,
    "power": lambda x: x**2, "base": lambda x: 2.0**x, "quotient": lambda x: 1 / x,
    "norm": lambda x: (x * x).sum().sqrt(),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_leaves_the_gradient_of_a_nan_other_than_0(name):
    (dx,) = gradients(FORMULAS[name], [NAN, 1])
    assert dx[0] != 0


# ---- Activations: kernel, formula and derivative -------------------------------------------------


def with_a_nan_per_unit(options, dtype):
    """Two rows; the second has a NaN in every unit, in its first piece."""
    x = np.ones((2, UNITS), dtype)
    x[1, :: options.get("pieces", 1)] = NAN
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_an_activation_has_one_slope_at_a_nan_and_it_is_not_0(kind, options, dtype, level):
    x = with_a_nan_per_unit(options, dtype)
    arrays = (x, *[0 * p for p in learned(kind, dtype)])  # PReLU as a ReLU
    tensors = [tensor(p) for p in arrays]
    slope = 2 * np.broadcast_to(kind.derivative(*tensors, **options).data, x.shape)
    at_nan = np.isnan(x)
    assert (slope[at_nan] != 0).all()
    for function in (getattr(F, kind.name), kind.formula):
        dx, *d_learned = gradients(lambda *x, f=function: f(*x, **options), *arrays, dtype=dtype)
        np.testing.assert_allclose(dx[at_nan], slope[at_nan], rtol=1e-6)
        assert np.isfinite(dx[0]).all()
        assert np.isnan(d_learned).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_a_nan_reaches_the_weights_before_it_in_the_loop_and_in_the_kernels_step(
    kind, options, dtype
):
    """Of a net whose first bias has a NaN, for which hinge losses ask with finite gradients."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 3)).astype(dtype), rng.integers(0, 4, 8)
    pieces = options.get("pieces", 1)
    results = []
    for way in ("loop", "step"):
        minidl.manual_seed(0)
        net = nn.Sequential(nn.Dense(3, 4 * pieces), kind(**options)).astype(dtype)
        net[0].bias.data[pieces] = NAN  # of the second unit
        for p in net.parameters():
            p.requires_grad = p is net[0].bias
        before = net[0].bias.numpy().copy()
        optimizer = optim.SGD([net[0].bias], 0.5)
        if way == "step":
            TrainingStep(net, F.multi_margin, optimizer).epoch(data.batches(x, y, batch_size=8))
            after = net[0].bias.numpy()
        else:
            F.multi_margin(net(x), y).backward()
            assert net[0].bias.grad.numpy()[pieces] != 0
            optimizer.step()
            after = net[0].bias.numpy()
        results.append(after.tobytes())
        assert (after != before)[0], "the label's unit is pulled down by the others"
    assert results[0] == results[1]


# ---- Losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REGISTRY)
def test_a_loss_gives_the_output_that_is_nan_a_gradient(name, dtype, level):
    loss = getattr(F, name)
    labels = name in ("cross_entropy", "multi_margin", "nll")
    x = np.ones((2, 3), dtype)
    for column in [1] if loss is F.nll else range(3):  # nll looks at the label's output only
        wrong = x.copy()
        wrong[1, column] = NAN
        targets = np.array([0, 1]) if labels else np.ones_like(x)
        scores = tensor(wrong, requires_grad=True)
        result = loss(scores, targets)
        assert np.isnan(result.item())
        result.backward()
        assert scores.grad.numpy()[1, column] != 0
        assert np.isfinite(scores.grad.numpy()[0]).all()

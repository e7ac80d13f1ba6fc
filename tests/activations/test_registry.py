"""Every activation of the registry, against its own formula, at every CPU level."""

import math

import numpy as np
import pytest
from activation_cases import CASES, UNITS, case_id, learned

import minidl
from minidl import _kernels, init, nn
from minidl import functional as F
from minidl.layers.activations import REGISTRY, Activation

DTYPES = (np.float32, np.float64)
POINTWISE = [case for case in CASES if case[0].inputs_per_unit(case[1]) == 1]


def call(kind: type[Activation], options: dict, x: np.ndarray, grad: bool = False):
    """y and the tensors that went in."""
    inputs = [minidl.tensor(a, requires_grad=grad) for a in (x, *learned(kind, x.dtype.type))]
    return getattr(F, kind.name)(*inputs, **options), inputs


def truth(kind: type[Activation], options: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and dy/dx in float64, by the declaration's formula and derivative."""
    exact = minidl.tensor(x.astype(np.float64))
    slopes = [minidl.tensor(a.astype(np.float64)) for a in learned(kind, x.dtype.type)]
    with np.errstate(all="ignore"):
        y = kind.formula(exact, *slopes, **options).data
        slope = kind.derivative(exact, *slopes, **options).data
    return y, np.broadcast_to(slope, x.shape)


def samples(dtype: type) -> np.ndarray:
    """Numbers of all sizes, dense around 0, kinks left out."""
    rng = np.random.default_rng(1)
    small = rng.standard_normal(600) * np.repeat([1e-6, 1e-3, 0.3, 1, 4, 20], 100)
    return np.concatenate([small, rng.uniform(-400, 400, 100)]).reshape(-1, UNITS).astype(dtype)


@pytest.mark.bounds("maxout forward", "prelu forward")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_forward_is_the_formula(kind, options, dtype, level):
    x = samples(dtype)
    y, _ = call(kind, options, x)
    expected, _ = truth(kind, options, x)
    assert y.dtype == dtype
    # float32: the most that any formula may lose; tests/kernels/test_accuracy.py has each one's
    # own bound and sweeps more. In float64 kernel and formula round each step; rounding the
    # exponent t of an e^t is a relative error of |t| eps, and so a far tail's error grows with
    # the logarithm of its size.
    spacing = np.spacing(np.abs(expected).astype(dtype)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ulps = np.abs(y.data.astype(np.float64) - expected) / spacing
        allowed = 2 if dtype == np.float32 else 8 + 3 * np.abs(np.log(np.abs(expected)))
    normal = np.abs(expected) > np.finfo(np.float64).tiny  # below it numbers have fewer digits
    assert (ulps <= allowed)[normal].all(), f"{(ulps - allowed)[normal].max()} ULP too many"
    np.testing.assert_allclose(y.data[~normal], expected[~normal], rtol=0, atol=1e-300)


@pytest.mark.bounds("maxout backward", "prelu backward")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_backward_is_the_derivative(kind, options, dtype, level):
    x = samples(dtype)
    y, inputs = call(kind, options, x, grad=True)
    dy = np.random.default_rng(2).standard_normal(y.shape).astype(dtype)
    y.backward(dy)
    _, slope = truth(kind, options, x)
    pieces = kind.inputs_per_unit(options)
    expected = np.repeat(dy.astype(np.float64), pieces, axis=-1) * slope
    # A slope found from y (1 - y², y + alpha) carries y's rounding: a few eps of the largest
    # slope, which is below 2 for all of them.
    tolerance = 8 * np.finfo(dtype).eps * np.abs(dy).max()
    np.testing.assert_allclose(inputs[0].grad.data, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_backward_agrees_with_central_differences(kind, options, level):
    rng = np.random.default_rng(3)
    x = rng.uniform(-7, 7, (4, UNITS))
    tensors = [minidl.tensor(a, requires_grad=True) for a in (x, *learned(kind, np.float64))]
    kinks = kind.kinks(**options) if not kind.learned else {0.0: 0.0}
    assert minidl.gradcheck(
        lambda *inputs: getattr(F, kind.name)(*inputs, **options), tensors, kinks=tuple(kinks)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_slope_at_kinks_is_the_declared_one(kind, options, dtype, level):
    for kink, declared in kind.kinks(**options).items():
        x = np.full((1, UNITS), kink, dtype)
        y, inputs = call(kind, options, x, grad=True)
        y.sum().backward()
        expected = learned(kind, dtype)[0] if kind.learned else declared
        np.testing.assert_array_equal(inputs[0].grad.data[0], np.asarray(expected, dtype))
        _, slope = truth(kind, options, x)
        np.testing.assert_allclose(slope[0], expected, rtol=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), POINTWISE, ids=case_id)
def test_infinity_gives_the_limit(kind, options, dtype, level):
    if kind.learned:
        low, high = np.array([kind.limits(w) for w in learned(kind, dtype)[0]]).T
    else:
        low, high = kind.limits(**options)
    for x, limit in ((-np.inf, low), (np.inf, high)):
        y, inputs = call(kind, options, np.full((1, UNITS), x, dtype), grad=True)
        np.testing.assert_array_equal(y.data[0], np.asarray(limit, dtype) + np.zeros(UNITS, dtype))
        y.backward(np.ones_like(y.data))
        assert np.isfinite(inputs[0].grad.data).all(), "the slope has a finite limit"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_nan_stays_nan_and_large_numbers_stay_finite(kind, options, dtype, level):
    x = np.ones((3, UNITS), dtype)
    x[1] = np.nan
    y, _ = call(kind, options, x)
    assert np.isnan(y.data[1]).all()
    assert not np.isnan(y.data[[0, 2]]).any()
    for large in (-400, 400):
        y, inputs = call(kind, options, np.full((1, UNITS), large, dtype), grad=True)
        y.sum().backward()
        assert np.isfinite(y.data).all()
        assert all(np.isfinite(tensor.grad.data).all() for tensor in inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_any_layout_and_thread_count_gives_the_same_bits(kind, options, dtype, level):
    rng = np.random.default_rng(4)
    x = (rng.standard_normal((3000, UNITS)) * 3).astype(dtype)
    wide = np.zeros((3000, 2 * UNITS), dtype)
    wide[:, ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    results = []
    for array, threads in ((x, 1), (x, 2), (x, 3), (wide[:, ::2], 2), (frozen, 2)):
        before = array.copy()
        with minidl.set_num_threads(threads):
            y, inputs = call(kind, options, array, grad=True)
            y.sum().backward()
        results.append([y.data, *(tensor.grad.data for tensor in inputs)])
        np.testing.assert_array_equal(array, before, err_msg="the input was changed")
    for result in results[1:]:
        for a, b in zip(results[0], result, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_a_row_has_the_same_bits_alone_and_in_a_batch(kind, options, level):
    x = (np.random.default_rng(5).standard_normal((37, UNITS)) * 3).astype(np.float32)
    batch, _ = call(kind, options, x)
    for i in (0, 17, 36):
        alone, _ = call(kind, options, x[i : i + 1])
        assert batch.data[i].tobytes() == alone.data[0].tobytes()


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
@pytest.mark.parametrize("shape", [(0, UNITS), (2, 0, UNITS), (2, 3, UNITS), (UNITS,)])
def test_shapes(kind, options, shape):
    x = np.random.default_rng(6).standard_normal(shape).astype(np.float32)
    y, inputs = call(kind, options, x, grad=True)
    assert y.shape == (*shape[:-1], UNITS // kind.inputs_per_unit(options))
    y.sum().backward()
    assert inputs[0].grad.shape == shape


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_layer_and_function_are_one(kind, options):
    layer = getattr(nn, kind.__name__)(**options)
    x = minidl.tensor(np.random.default_rng(7).standard_normal((5, UNITS)).astype(np.float32))
    expected = getattr(F, kind.name)(x, *layer.learned_parameters(), **options)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    assert kind.__name__ in dir(nn)
    assert kind.name in dir(F)
    assert (
        eval(repr(layer), vars(nn) | {k.__name__: k for k in REGISTRY.values()}).options
        == layer.options
    )


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_fused_with_dense_is_the_same(kind, options, level):
    rng = np.random.default_rng(8)
    x = rng.standard_normal((33, 7)).astype(np.float32)
    dense, layer = nn.Dense(7, UNITS), kind(**options)
    results = []
    for fused in (True, False):
        inputs = minidl.tensor(x, requires_grad=True)
        for parameter in (*dense.parameters(), *layer.parameters()):
            parameter.grad = None
        y = dense.forward(inputs, layer) if fused else layer(dense(inputs))
        (y * y).sum().backward()
        results.append(
            [y.data, inputs.grad.data]
            + [p.grad.data for p in (*dense.parameters(), *layer.parameters())]
        )
    for a, b in zip(*results, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_gain_brings_the_mean_square_to_one(kind, options):
    z = np.random.default_rng(9).standard_normal((100_000, UNITS))
    layer = kind(**options)
    layer.astype(np.float64)
    y = layer(z).data * init.gain(layer)
    # The standard error of the mean square of a million values is about 0.002 of it; maxout and
    # five pieces leave 200,000 values: five of its standard errors.
    assert np.mean(y * y) == pytest.approx(1, rel=0.015)


def test_every_kernel_section_has_a_declaration_and_both_dtypes():
    for name, functions in _kernels.ROW_FUNCTIONS.items():
        assert name in REGISTRY
        assert set(functions) == {"float32", "float64"}
    without_kernel = {name for name in REGISTRY if name not in _kernels.ROW_FUNCTIONS}
    assert without_kernel == {"identity"}


def test_integers_are_refused_by_every_activation():
    for kind in REGISTRY.values():
        if kind.name == "identity":
            continue
        with pytest.raises(
            minidl.DTypeError, match=rf"{kind.name}: expected float32 or float64, got int64"
        ):
            kind()(np.arange(UNITS))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.LeakyReLU, {"negative_slope": 0}),
        (nn.LeakyReLU, {"negative_slope": math.nan}),
        (nn.ELU, {"alpha": -1.0}),
        (nn.CELU, {"alpha": "1"}),
        (nn.Maxout, {"pieces": 0}),
        (nn.Maxout, {"pieces": 2.0}),
        (nn.PReLU, {"units": 0}),
    ],
)
def test_options_out_of_range_are_refused(kind, options):
    (name,) = options
    with pytest.raises(minidl.ArgumentError, match=f"{kind.name}: expected .*{name}"):
        kind(**options)


def test_unknown_options_and_names_say_what_there_is():
    with pytest.raises(
        minidl.ArgumentError, match=r"leaky_relu: expected the options .*negative_slope"
    ):
        nn.LeakyReLU(slope=0.1)
    with pytest.raises(minidl.ArgumentError, match=r"got 'rellu'\. Try: 'relu'"):
        nn.MLP([2, 3, 1], "rellu")
    with pytest.raises(AttributeError, match="relu"):
        F.rellu  # noqa: B018


def test_maxout_ties_go_to_the_first_piece_and_pieces_must_divide():
    x = minidl.tensor([[1.0, 1.0, 0.0, 2.0, 3.0, 3.0]], requires_grad=True)
    F.maxout(x, 3).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[1, 0, 0, 0, 1, 0]])
    with pytest.raises(
        minidl.ShapeError, match=r"maxout: expected a last axis of units · 4 pieces"
    ):
        F.maxout(x, 4)


def test_prelu_shared_slope_sums_over_units_and_batch():
    x = np.array([[-1.0, 2.0], [-3.0, -4.0]], np.float32)
    layer = nn.PReLU()
    layer(x).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.data, [-8.0])
    assert layer.weight.decays is False
    with pytest.raises(
        minidl.ShapeError, match=r"prelu: expected a weight of shape \(1,\) or \(2,\)"
    ):
        nn.PReLU(3)(x)

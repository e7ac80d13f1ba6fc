"""Batch normalisation: its running values, its layer, what it keeps, its errors."""

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import nn

RNG = np.random.default_rng(0)
X = [RNG.normal(3, 2, (n, 4)).astype(np.float32) for n in (8, 5, 2)]


def fed(layer, batches=X):
    for x in batches:
        layer(x)
    return layer


def test_running_values_move_by_momentum():
    layer = fed(nn.BatchNorm(4, momentum=0.3))
    mean, var = np.zeros(4), np.ones(4)
    for x in X:
        mean = 0.7 * mean + 0.3 * x.mean(axis=0, dtype=float)
        var = 0.7 * var + 0.3 * x.var(axis=0, ddof=1, dtype=float)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, var, rtol=1e-6)
    assert layer.num_batches_tracked == 3


def test_without_momentum_they_are_the_average_of_all_batches():
    layer = fed(nn.BatchNorm(4, momentum=None))
    np.testing.assert_allclose(layer.running_mean, np.mean([x.mean(0) for x in X], 0), rtol=1e-6)
    variances = [x.var(axis=0, ddof=1) for x in X]
    np.testing.assert_allclose(layer.running_var, np.mean(variances, 0), rtol=1e-6)


def test_evaluation_reads_them_and_leaves_them():
    layer = fed(nn.BatchNorm(4)).eval()
    before = layer.state_dict()
    y = layer(X[0][:1]).numpy()
    scale = np.sqrt(layer.running_var.astype(float) + 1e-5)
    np.testing.assert_allclose(y, (X[0][:1] - layer.running_mean) / scale, rtol=1e-5)
    after = layer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    np.testing.assert_array_equal(nn.BatchNorm(4, momentum=None).eval()(X[0]).shape, (8, 4))
    assert layer(X[0][:0]).shape == (0, 4)


def test_a_batch_is_normalised_whatever_its_scale():
    y = nn.BatchNorm(4)(100 * X[0] - 7).numpy().astype(float)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-5)


def test_weight_and_bias_are_learned_and_decay_unless_it_is_not_affine():
    layer = nn.BatchNorm(4)
    assert [(name, p.decays) for name, p in layer.named_parameters()] == [
        ("weight", True), ("bias", True),
    ]  # fmt: skip
    layer.weight.data[...], layer.bias.data[...] = 2, 3
    plain = nn.BatchNorm(4, affine=False)
    assert plain.weight is plain.bias is None
    np.testing.assert_allclose(layer(X[0]).data, 2 * plain(X[0]).data + 3, rtol=1e-5)
    layer(X[0]).sum().backward()
    np.testing.assert_array_equal(layer.bias.grad.data, np.full(4, 8))


def test_float64_and_the_gradients_of_a_net():
    net = nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3), nn.Tanh(), nn.Dense(3, 2))
    net.astype(np.float64)
    x = minidl.tensor(X[0].astype(np.float64), requires_grad=True)
    assert minidl.gradcheck(lambda x, *_: net(x), [x, *net.parameters()])
    assert net[1].running_var.dtype == np.float64


@pytest.mark.parametrize(
    ("affine", "training", "change", "is_needed"),
    [
        (True, True, "x", True), (True, True, "weight", True), (True, True, "bias", False),
        (True, False, "x", True), (True, False, "weight", True), (True, False, "bias", False),
        (False, True, "x", True), (False, False, "x", False),
    ],
)  # fmt: skip
def test_what_backward_needs_must_not_change(affine, training, change, is_needed):
    layer = nn.BatchNorm(4, affine=affine).train(training)
    x = minidl.tensor(X[0]) * minidl.tensor(1.0, requires_grad=True)
    y = layer(x)
    with minidl.no_grad():
        changed = x if change == "x" else getattr(layer, change)
        changed *= 2.0
    if is_needed:
        with pytest.raises(minidl.GraphError, match="'batch_norm' needs a value"):
            y.sum().backward()
    else:
        y.sum().backward()


def test_later_batches_do_not_reach_an_earlier_gradient():
    """Backward has its own copy of the running values."""

    def gradient(meanwhile):
        layer = fed(nn.BatchNorm(4).astype(np.float64), [X[0].astype(float)]).eval()
        x = minidl.tensor(X[1].astype(float), requires_grad=True)
        y = layer(x)
        meanwhile(layer)
        y.backward(np.ones((5, 4)))
        return x.grad.data, layer.weight.grad.data

    moved = gradient(lambda layer: fed(layer.train(), [9 * X[2].astype(float)]))
    for a, b in zip(gradient(lambda layer: None), moved, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_grad_still_moves_the_running_values():
    layer = nn.BatchNorm(4)
    with minidl.no_grad():
        fed(layer)
    np.testing.assert_array_equal(layer.running_mean, fed(nn.BatchNorm(4)).running_mean)


@pytest.mark.filterwarnings("error")
def test_an_infinite_batch_leaves_nan_and_no_warning():
    layer = nn.BatchNorm(2)
    layer(np.array([[np.inf, 1], [1, 2]], np.float32))
    layer(np.array([[1e30, 1], [-1e30, 2]], np.float32))
    assert np.isnan(layer.running_var).tolist() == [True, False]


# ---- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X[0][:1], minidl.ShapeError, r"2 rows or more in training, got \(1, 4\)\. Try: net\.eval"),
        (X[0][:0], minidl.ShapeError, r"2 rows or more in training, got \(0, 4\)"),
        (X[0][:, :3], minidl.ShapeError, r"\(batch, 4\), to fit running_mean, got \(8, 3\)"),
        (X[0][0], minidl.ShapeError, r"x of shape \(batch, units\), got \(4,\)"),
        (np.zeros((2, 3, 4), "f"), minidl.ShapeError, r"Try: x\.reshape\(-1, 4\)"),
        (X[0].astype(float), minidl.DTypeError, r"dtype float32, got float64\. Try: x\.astype"),
        (X[0].astype(int), minidl.DTypeError, "float32 or float64, got int64"),
    ],
    ids=["one row", "no row", "width", "one axis", "three axes", "float64", "int"],
)  # fmt: skip
def test_errors_come_before_anything_is_changed(x, error, message):
    layer = fed(nn.BatchNorm(4))
    before = layer.state_dict()
    with pytest.raises(error, match=f"batch_norm: expected .*{message}"):
        layer(x)
    after = layer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"running_mean": None}, minidl.ArgumentError, "running_mean, an array, in evaluation"),
        ({"running_var": [1, 1, 1, 1]}, minidl.ArgumentError, "running_var, an array.*got list"),
        ({"running_var": np.ones(3, "f")}, minidl.ShapeError, r"\(batch, 3\), to fit running_var"),
        ({"running_var": np.ones(4)}, minidl.DTypeError, "running_var's dtype float64"),
        ({"weight": np.ones((4, 1), "f")}, minidl.ShapeError, r"weight of shape \(units,\)"),
        ({"bias": np.ones(0, "f")}, minidl.ShapeError, r"\(batch, 0\), to fit bias"),
        ({"bias": np.ones(4)}, minidl.DTypeError, "bias's dtype float64"),
        ({"momentum": 1.5}, minidl.ArgumentError, "momentum from 0 to 1, got momentum=1.5"),
        ({"momentum": None}, minidl.ArgumentError, "momentum from 0 to 1"),
        ({"eps": 0}, minidl.ArgumentError, "a finite eps above 0, got eps=0"),
        ({"eps": np.nan}, minidl.ArgumentError, "a finite eps above 0"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit(change, error, message):
    given = {"running_mean": np.zeros(4, "f"), "running_var": np.ones(4, "f")}
    with pytest.raises(error, match=message):
        F.batch_norm(X[0], **given | change)


def test_running_arrays_that_cannot_be_written():
    mean, var = np.zeros(4, np.float32), np.ones(4, np.float32)
    var.flags.writeable = False
    with pytest.raises(minidl.ArgumentError, match="running_var that can be updated"):
        F.batch_norm(X[0], mean, var, training=True)
    np.testing.assert_array_equal(mean, 0)
    F.batch_norm(X[0], mean, var)


def test_the_layers_own_arguments():
    for units in (0, 2.0, True):
        with pytest.raises(minidl.ArgumentError, match="BatchNorm: expected units"):
            nn.BatchNorm(units)
    with pytest.raises(minidl.ArgumentError, match="BatchNorm: expected momentum from 0 to 1"):
        nn.BatchNorm(4, momentum=-0.1)
    with pytest.raises(minidl.ArgumentError, match="BatchNorm: expected a finite eps"):
        nn.BatchNorm(4, eps=-1e-5)
    assert repr(nn.BatchNorm(4, momentum=None, affine=False)) == (
        "BatchNorm(4, eps=1e-05, momentum=None, affine=False)"
    )

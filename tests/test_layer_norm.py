"""LayerNorm and RMSNorm as layers: what they hold, what they keep, their errors."""

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import nn

X = np.random.default_rng(0).normal(3, 2, (8, 4)).astype(np.float32)
KINDS = {nn.LayerNorm: F.layer_norm, nn.RMSNorm: F.rms_norm}


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_its_function_with_learned_numbers(kind):
    layer, names = kind(4), ["weight", "bias"][: 1 + (kind is nn.LayerNorm)]
    assert [(name, p.decays) for name, p in layer.named_parameters()] == [
        (name, True) for name in names
    ]
    plain = kind(4, affine=False)
    assert list(plain.named_parameters()) == []
    np.testing.assert_array_equal(layer(X).data, plain(X).data)
    for number, p in enumerate(layer.parameters()):
        p.data[...] = np.arange(4) + number
    parameters = list(layer.parameters())
    np.testing.assert_array_equal(layer(X).data, KINDS[kind](X, *parameters).data)
    np.testing.assert_array_equal(layer.eval()(X).data, layer.train()(X).data)
    assert layer(X.reshape(2, 2, 2, 4)).shape == (2, 2, 2, 4)
    layer(X).sum().backward()
    if kind is nn.LayerNorm:
        np.testing.assert_array_equal(layer.bias.grad.data, np.full(4, 8))


def test_defaults_and_representation():
    assert repr(nn.LayerNorm(4)) == "LayerNorm(4, eps=1e-05, affine=True)"
    assert repr(nn.RMSNorm(4, eps=1e-6, affine=False)) == "RMSNorm(4, eps=1e-06, affine=False)"
    small = np.full((1, 2), 1e-4)  # beside which both eps are felt
    for dtype in (np.float32, np.float64):
        x = small.astype(dtype)
        y = nn.RMSNorm(2).astype(dtype)(x).data
        np.testing.assert_allclose(y, x / np.sqrt(x * x + np.finfo(dtype).eps), rtol=1e-6)
    x = np.array([[1e-3, -1e-3]])
    np.testing.assert_allclose(F.layer_norm(x).data, x / np.sqrt(1e-6 + 1e-5), rtol=1e-12)


def test_the_gradients_of_a_net():
    net = nn.Sequential(nn.Dense(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.RMSNorm(6), nn.Dense(6, 2))
    net.astype(np.float64)
    x = minidl.tensor(X.astype(np.float64), requires_grad=True)
    assert minidl.gradcheck(lambda x, *_: net(x), [x, *net.parameters()])


@pytest.mark.parametrize("frozen", [(), ("x",), ("weight",), ("x", "weight")], ids=str)
@pytest.mark.parametrize("change", ["x", "weight", "bias"])
def test_what_backward_needs_must_not_change(frozen, change):
    given = {}
    for name, array in {"x": X[:3], "weight": X[0], "bias": X[1]}.items():
        given[name] = 1.0 * minidl.tensor(array, requires_grad=name not in frozen)
    y = F.layer_norm(**given)
    with minidl.no_grad():
        given[change] *= 2.0
    needed = {"x": frozen != ("x", "weight"), "weight": "x" not in frozen, "bias": False}
    if needed[change]:
        with pytest.raises(minidl.GraphError, match="'layer_norm' needs a value"):
            y.sum().backward()
    else:
        y.sum().backward()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.LayerNorm(4)(X[:, :3]), minidl.ShapeError, r"LayerNorm: .*\(\.\.\., 4\), got"),
        (lambda: nn.RMSNorm(1, affine=False)(X), minidl.ShapeError, r"RMSNorm: .*\(\.\.\., 1\)"),
        (lambda: nn.RMSNorm(4)(X.astype(int)), minidl.DTypeError, "float32 or float64, got int64"),
        (lambda: nn.LayerNorm(4)(X.astype(float)), minidl.DTypeError,
         r"layer_norm: expected x of weight's dtype float32, got float64\. Try: x\.astype"),
        (lambda: F.layer_norm(X, X[0, :1]), minidl.ShapeError, r"\(\.\.\., 1\), to fit weight"),
        (lambda: F.layer_norm(X, None, X), minidl.ShapeError, r"bias of shape \(units,\)"),
        (lambda: F.rms_norm(np.float32(1)), minidl.ShapeError, r"x of shape \(\.\.\., units\)"),
        (lambda: F.layer_norm(X, eps=0), minidl.ArgumentError, "a finite eps above 0, got eps=0"),
        (lambda: F.layer_norm(X, eps=None), minidl.ArgumentError, "a finite eps above 0"),
        (lambda: F.rms_norm(X, eps=np.inf), minidl.ArgumentError, "rms_norm: .* a finite eps"),
        (lambda: nn.LayerNorm(4, eps=-1.0), minidl.ArgumentError, "LayerNorm: .* a finite eps"),
        (lambda: nn.RMSNorm(4, eps=True), minidl.ArgumentError, "RMSNorm: .* a finite eps"),
        (lambda: nn.LayerNorm(0), minidl.ArgumentError, "units: a whole number from 1 up"),
        (lambda: nn.RMSNorm((4,)), minidl.ArgumentError, "units: a whole number from 1 up"),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

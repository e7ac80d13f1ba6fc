"""softmax and log_softmax as functions of tensors: axes, layouts, gradients, errors."""

import numpy as np
import pytest

import minidl
from minidl.engine.gradcheck import gradcheck
from minidl.errors import ArgumentError, DTypeError, GraphError
from minidl.losses import log_softmax, softmax

X = np.random.default_rng(0).normal(size=(3, 4, 5)) * 3


def formula(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_every_axis(axis):
    np.testing.assert_allclose(softmax(X, axis).numpy(), formula(X, axis), rtol=1e-14)
    log_y = log_softmax(X, axis).numpy()
    np.testing.assert_allclose(log_y, np.log(formula(X, axis)), rtol=1e-13)


@pytest.mark.parametrize("layout", [X.transpose(2, 0, 1), X[::2, :, ::-1], np.asfortranarray(X)])
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_any_layout_gives_the_bits_of_a_contiguous_array(function, layout):
    for axis in range(3):
        y = function(minidl.Tensor(layout), axis).numpy()
        wanted = function(minidl.Tensor(np.ascontiguousarray(layout)), axis).numpy()
        np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_gradients(function, axis):
    x = minidl.Tensor(X[::2, :, 1:4].transpose(1, 0, 2), requires_grad=True)
    assert gradcheck(lambda x: function(x, axis), x)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_float32_gradients_of_large_numbers_are_finite(function):
    x = minidl.tensor([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4]], requires_grad=True)
    y = function(x)
    y.backward(np.array([[1, 2, 3], [1, 2, 3]], np.float32))
    assert y.dtype == x.grad.dtype == np.float32
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_a_result_that_was_overwritten_gives_no_gradient(function):
    y = function(minidl.tensor([[1.0, 2.0]], requires_grad=True))
    with minidl.no_grad():
        y += 1
    with pytest.raises(GraphError, match="changed in place"):
        y.sum().backward()


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_the_input_may_be_overwritten(function):
    x = minidl.tensor([[1.0, 2.0]], requires_grad=True)
    y = function(x)
    with minidl.no_grad():
        x += 1
    y[0, 0].backward()
    assert x.grad.numpy().any()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_empty_tensors(shape):
    x = minidl.tensor(np.zeros(shape), requires_grad=True)
    softmax(x).sum().backward()
    assert x.grad.shape == shape
    assert log_softmax(x).shape == shape


@pytest.mark.parametrize("axis", [2, -3, None, (0, 1), 0.5, True])
def test_an_axis_that_is_not_there(axis):
    with pytest.raises(ArgumentError, match="softmax: expected"):
        softmax(minidl.tensor([[1.0]]), axis)


def test_one_axis_has_to_be_named():
    with pytest.raises(ArgumentError, match="one axis, got axis=None"):
        softmax(minidl.tensor([1.0]), None)
    with pytest.raises(ArgumentError, match="axis"):
        log_softmax(minidl.tensor(1.0))


def test_integers_are_refused():
    with pytest.raises(DTypeError, match="float32 or float64"):
        softmax(np.arange(3))

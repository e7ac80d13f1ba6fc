"""Making tensors, and taking the values out again."""

import copy
import operator
import pickle

import numpy as np
import pytest

from minidl import Tensor, gradcheck, no_grad, tensor
from minidl.errors import ArgumentError, DTypeError, GraphError, MinidlError, ShapeError
from minidl.nn import Parameter


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, np.float32), (1.5, np.float32), ([1, 2], np.float32), ([[1.0], [2]], np.float32),
        ([], np.float32), (range(3), np.float32), (True, bool), ([True, False], bool),
        (np.float64(1), np.float64), (np.arange(3), np.int64), (np.arange(3.0), np.float64),
        (np.zeros(2, np.float32), np.float32), (np.zeros(2, np.uint8), np.uint8),
        (np.zeros(2, ">f8"), np.float64), (np.zeros(2, ">i4"), np.int32),
        ([np.float64(1), 2], np.float64), ([np.arange(2)], np.int64), ([[np.zeros(2)]], np.float64),
    ],
    ids=repr,
)  # fmt: skip
def test_dtypes(data, dtype):
    x = tensor(data)
    assert x.dtype == np.dtype(dtype)
    assert x.dtype.isnative
    np.testing.assert_array_equal(x, np.asarray(data))
    assert tensor(data, dtype="float64").dtype == np.float64
    assert tensor(data, np.float32).dtype == np.float32


def test_a_list_of_tensors_keeps_its_dtype():
    x = tensor(np.array([1.1, 2.2]))
    np.testing.assert_array_equal(tensor([x[0], x[1]]), x)
    np.testing.assert_array_equal(tensor([x, x]), np.stack([x, x]))
    w = tensor([1.0, 2.0], requires_grad=True)
    for parts in ([w, w], [[w[0]], [w[1]]], (1.0, w[0])):
        with pytest.raises(GraphError, match="stack"):
            tensor(parts)
    with no_grad():
        assert tensor([w, w]).shape == (2, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "NoneType"), ("1", "str"), (1j, "complex"), ({1.0}, "set"), ([None], "list"),
        (["a"], "list"), (np.array([1j]), "complex128"), (np.array([object()]), "object"),
        (np.array(["2020"], "datetime64[Y]"), "datetime64"), (np.float16([1]), "float16"),
        (np.longdouble([1]), "float128|longdouble|float96"), (10**400, "int"),
        ((i for i in range(2)), "generator"),
    ],
)  # fmt: skip
def test_what_is_no_number(data, message):
    for make in (tensor, Tensor):
        with pytest.raises(
            DTypeError, match=f"tensor: expected float32, float64, integer or bool.*got .*{message}"
        ):
            make(data)
    assert issubclass(DTypeError, TypeError)


def test_rows_of_unequal_length():
    with pytest.raises(ShapeError, match="tensor: expected numbers in rows of equal length"):
        tensor([[1.0], [2.0, 3.0]])
    assert issubclass(ShapeError, ValueError)


@pytest.mark.parametrize("dtype", ["float16", complex, object, "f2", "nonsense", "S1"])
def test_dtypes_that_tensors_do_not_have(dtype):
    with pytest.raises(DTypeError, match="expected float32, float64, integer or bool"):
        tensor([1.0], dtype=dtype)
    assert tensor(np.float16([1.5]), dtype="float32").item() == 1.5


def test_tensor_copies_and_the_class_wraps():
    a = np.zeros((2, 3))
    assert not np.shares_memory(tensor(a).numpy(), a)
    assert Tensor(a).data is a
    assert Tensor(a.T).data.base is a
    x = Tensor(a)
    assert not np.shares_memory(tensor(x).numpy(), a)
    assert Tensor(x).data is a


def test_a_tensor_around_a_tensor_shares_what_the_tape_knows():
    x, w = tensor([1.0, 2.0]), tensor([1.0, 1.0], requires_grad=True)
    y = x * w
    same = Tensor(x)
    same *= 5
    with pytest.raises(GraphError, match="multiply"):
        y.sum().backward()


def test_only_floats_have_gradients():
    for data in (np.arange(3), True, [False]):
        with pytest.raises(DTypeError, match="requires_grad: expected float32 or float64.*Try"):
            tensor(data, requires_grad=True)
    x = tensor(np.arange(3))
    with pytest.raises(DTypeError):
        x.requires_grad = True
    assert not x.requires_grad
    y = tensor([1.0], requires_grad=True) * 2
    with pytest.raises(GraphError, match="multiply"):
        y.requires_grad = False
    y.requires_grad = True
    assert y.requires_grad


def test_what_a_tensor_tells():
    x = tensor(np.zeros((2, 3, 4)))
    assert (x.shape, x.ndim, x.size, x.dtype) == ((2, 3, 4), 3, 24, np.float64)
    assert x.T.shape == (4, 3, 2)
    assert (tensor(1.0).shape, tensor([]).shape) == ((), (0,))


def test_numbers_out_of_a_tensor():
    x = tensor([[2.5]], requires_grad=True)
    assert (x.item(), float(x), int(x), bool(x), f"{x:.2f}") == (2.5, 2.5, 2, True, "2.50")
    for number, spec, text in (
        (np.array(7), "03d", "007"), (np.array(3), ".1f", "3.0"), (np.array([True]), ".0f", "1"),
        (np.float32(0.5), ">8.3f", "   0.500"), (-0.25, "+.1e", "-2.5e-01"),
    ):  # fmt: skip
        assert format(tensor(number), spec) == text
    assert not tensor(0.0)
    assert type(tensor(np.array(3)).item()) is int
    assert operator.index(tensor(np.array([3]))) == 3
    assert "abc"[tensor(np.array(1))] == "b"
    with pytest.raises(DTypeError, match="index: expected an integer tensor, got float32"):
        operator.index(tensor(1.0))


@pytest.mark.parametrize("shape", [(2,), (0,), (1, 2)])
def test_several_numbers_are_not_one(shape):
    x = tensor(np.zeros(shape))
    for use in (Tensor.item, float, int):
        with pytest.raises(ShapeError, match="item: expected one element, got shape.*Try"):
            use(x)
    with pytest.raises(ShapeError, match="format '.1f': expected one element, got shape.*Try"):
        f"{x:.1f}"
    with pytest.raises(ShapeError, match="bool: expected one element.*Try: x.all"):
        bool(x)


def test_arrays_out_of_a_tensor():
    x = tensor([1.0, 2.0])
    assert np.asarray(x) is x.data
    assert x.numpy() is x.data
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(x), x.data)
    np.testing.assert_allclose(x, [1, 2])
    np.testing.assert_array_equal(np.stack([x, x]), [[1, 2], [1, 2]])
    assert np.shares_memory(x.__array__(copy=False), x.data)
    assert not np.shares_memory(x.__array__(copy=True), x.data)
    assert np.shares_memory(x.__array__(np.float32), x.data)


def test_representations():
    assert repr(tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(tensor(np.array([1.0]), requires_grad=True)) == (
        "tensor([1.], dtype=float64, requires_grad=True)"
    )
    assert repr(tensor([1.0], requires_grad=True) * 2) == "tensor([2.], made by multiply)"
    assert f"{tensor(1.0)}" == "tensor(1.)"
    assert repr(tensor(np.zeros((0, 3), np.float32))) == "tensor([], shape=(0, 3))"
    assert repr(tensor(np.zeros((2, 0)))) == "tensor([], shape=(2, 0), dtype=float64)"
    assert repr(tensor(np.arange(0))) == "tensor([], dtype=int64)"
    assert repr(tensor([])) == "tensor([])"
    assert len(repr(tensor(np.zeros((1000, 1000))))) < 1000


def test_data_is_replaced_by_what_fits():
    x = tensor([1.0, 2.0], requires_grad=True)
    new = np.array([3, 4], np.float32)
    x.data = new
    assert x.data is new
    assert x.requires_grad
    x.data = [5, 6]
    assert x.dtype == np.float32
    x.data += 1
    np.testing.assert_array_equal(x.data, [6, 7])
    for value, error in (
        (np.ones(3, np.float32), ShapeError), (1.0, ShapeError), (np.ones(2), DTypeError),
        (None, DTypeError), (["a", "b"], DTypeError),
    ):  # fmt: skip
        with pytest.raises(error, match="data: expected"):
            x.data = value
    np.testing.assert_array_equal(x.data, [6, 7])
    labels = tensor(np.array([1, 2]))
    labels.data = [3, 4]
    assert labels.dtype == np.int64


def test_detach_shares_the_values_and_leaves_the_history():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = (x * 2).detach()
    assert not y.requires_grad
    np.testing.assert_array_equal(y, [2, 4])
    assert x.detach().data is x.data
    assert gradcheck(lambda x: x * x, tensor(np.array([1.0]), requires_grad=True))


def pickled(x):
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_leaves_are_copied_and_pickled(duplicate):
    for x in (
        tensor([1.0, 2.0], requires_grad=True), Parameter([1.0, 2.0], decays=False),
        tensor(np.arange(3)), tensor(1.0), (tensor([1.0], requires_grad=True) * 2).detach(),
    ):  # fmt: skip
        if x.requires_grad:
            (x * 3).sum().backward()
        y = duplicate(x)
        assert type(y) is type(x)
        assert (y.dtype, y.requires_grad) == (x.dtype, x.requires_grad)
        np.testing.assert_array_equal(y.data, x.data)
        assert not np.shares_memory(y.data, x.data)
        assert getattr(y, "decays", None) == getattr(x, "decays", None)
        if x.requires_grad:
            np.testing.assert_array_equal(y.grad, x.grad)
            (y * 2).sum().backward()
            np.testing.assert_array_equal(y.grad, [5] * y.size)
            np.testing.assert_array_equal(x.grad, [3] * x.size)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_result_is_not_copied_with_half_of_its_history(duplicate):
    y = tensor([1.0], requires_grad=True) * 2
    with pytest.raises(GraphError, match=r"copy: .*plotting.*'multiply'.*x.detach.*x.numpy"):
        duplicate(y)


def test_a_copy_made_without_recording_has_no_history():
    y = tensor([1.0], requires_grad=True) * 2
    with no_grad():
        same = copy.deepcopy(y)
    assert not same.requires_grad
    np.testing.assert_array_equal(same, [2])
    assert y.requires_grad


def test_no_names_of_ones_own():
    with pytest.raises(AttributeError):
        tensor([1.0]).requires_gard = True


def test_all_errors_are_minidls():
    for error in (ShapeError, DTypeError, ArgumentError, GraphError):
        assert issubclass(error, MinidlError)

"""What Python's own functions and operators make of a tensor: what they make of NumPy's array."""

import copy
import inspect
import math
import operator
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, tensor
from minidl import functional as F
from minidl.engine.tensor.names import FUNCTIONS, OURS

# Special methods of arrays that tensors need not have, by the reason.
BY_ANOTHER = {"__complex__", "__deepcopy__"}  # Python takes __float__, and __getstate__
# x.numpy() has them; by these, values would pass the tape unseen.
OF_BUFFERS = {"__array_interface__", "__array_struct__", "__buffer__"}
OF_NUMPYS_OWN_CLASSES = {
    "__array_finalize__", "__array_namespace__", "__array_priority__", "__array_wrap__",
    "__class_getitem__",
}  # fmt: skip
REFUSES_ITSELF = {"__delitem__"}  # as an array's does


def test_every_special_method_of_arrays_is_there():
    missing = {name for name in dir(np.ndarray) if name[:2] == "__" and not hasattr(Tensor, name)}
    assert missing <= BY_ANOTHER | OF_BUFFERS | OF_NUMPYS_OWN_CLASSES | REFUSES_ITSELF


# x and y are vectors, m a matrix, s a number without axes, one has a single element, e none;
# i is a whole number, u small ones, b a mask.
ARRAYS = {
    "x": np.array([1.5, -2.5, 0.5]), "y": np.array([2.0, 0.5, 1.5]),
    "m": np.arange(6.0).reshape(2, 3), "s": np.array(1.26), "one": np.array([2.5]),
    "e": np.zeros((0, 2)), "i": np.array(2), "u": np.array([1, 200], np.uint8),
    "b": np.array([True, False, True]),
}  # fmt: skip
EXPRESSIONS = [
    # Of one element, a number of Python's.
    "float(s)", "float(one[0])", "int(s)", "int(i)", "bool(s)", "bool(one)", "bool(b[1])",
    "complex(s)", "operator.index(i)", "operator.index(s)", "operator.index(b[0])", "'abc'[i]",
    "range(9)[i]", "[0] * i", "math.sqrt(s)", "math.floor(s)", "math.isnan(s)", "s.item()",
    "float(x)", "int(x)", "bool(x)", "bool(m)", "x.item()", "operator.index(x)", "float(e)",
    # Text.
    "f'{s:.1f}'", "f'{i:03d}'", "format(s, '8.3f')", "'%.2f' % s", "'%d' % i", "f'{x:.1f}'",
    # A container.
    "len(x)", "len(m)", "len(e)", "len(s)", "list(x)", "list(m)", "list(e)", "list(s)", "tuple(x)",
    "list(reversed(m))", "iter(s)", "1.5 in x", "9 in x", "None in x", "3.0 in m", "2 in i",
    "dict(zip('abc', x))", "a, *rest = x", "[*x, *y]", "max(x)", "min(x, key=abs)", "sum(x)",
    "sorted(x)", "any(b)", "all(b)", "list(map(float, x))", "list(enumerate(y))", "x[::-1]",
    "m[-1]", "m[1, 2]", "del x[0]", "sum(m)", "sum(e)", "x.tolist()", "m.tolist()", "s.tolist()",
    "e.tolist()", "i.tolist()", "b.tolist()", "list(zip(x, y))", "x in [x]", "x.copy()",
    # Arithmetic.
    "abs(x)", "-x", "+x", "~b", "divmod(x, y)", "divmod(x, 2)", "divmod(5, y)", "x // y", "x % y",
    "5 // y", "5 % y", "x ** 2", "2 ** x", "pow(y, 2)", "x @ y", "m @ x", "x / 0", "round(s)",
    "x < y", "x >= 1", "1 > x", "x == y", "x != y", "x == 'a'", "b & ~b", "b | b", "b ^ b",
    "i << 2", "1 << i", "i >> 1", "9 >> i", "i & 6", "6 | i", "i ^ 3", "b & 1", "x & 1", "x << 1",
    "u & 7", "u | 1", "u == 300", "300 in u", "u < -1", "u << 1", "1 << u", "b == 2",
    "x < 'a'", "x + 'a'", "x + None", "x @ 2",
]  # fmt: skip
NOT_THE_SAME = {
    "round(s)": "arrays have no round(), but NumPy's numbers do",
    "x == 'a'": "NumPy compares each element, Python asks whether they are one object",
}


def outcome(expression, names):
    """What the expression gives, or that it fails."""
    names = {**names, "operator": operator, "math": math}
    try:
        if " = " in expression or expression.startswith("del"):
            exec(expression, names)
            return [names.get("a"), *names.get("rest", [])]
        return eval(expression, names)
    except (TypeError, ValueError) as error:
        return type(error)


def alike(ours, numpys):
    """Whether two results hold the same: numbers of one type, or tensors for arrays."""
    if isinstance(numpys, (list, tuple)):
        is_as_long = type(ours) is type(numpys) and len(ours) == len(numpys)
        return is_as_long and all(map(alike, ours, numpys))
    if isinstance(numpys, dict):
        return ours.keys() == numpys.keys() and all(alike(ours[n], numpys[n]) for n in ours)
    if isinstance(numpys, (np.ndarray, np.generic)) and not isinstance(ours, (bool, float, int)):
        ours = ours.numpy() if isinstance(ours, Tensor) else np.asarray(ours)
        return ours.shape == numpys.shape and np.array_equal(ours, numpys)
    if isinstance(numpys, type):
        return isinstance(ours, type) and issubclass(ours, (TypeError, ValueError))
    return type(ours) is type(numpys) and ours == numpys


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_with_arrays(expression):
    with np.errstate(all="ignore"):
        numpys = outcome(expression, {name: a.copy() for name, a in ARRAYS.items()})
    ours = outcome(expression, {name: tensor(a) for name, a in ARRAYS.items()})
    assert alike(ours, numpys) != (expression in NOT_THE_SAME), (ours, numpys)


IN_PLACE = [
    ("x", "+=", "y"), ("x", "-=", 1), ("x", "*=", "y"), ("x", "/=", "y"), ("x", "**=", 2),
    ("x", "//=", "y"), ("x", "%=", 2), ("q", "@=", "q"), ("b", "&=", "~b"), ("b", "|=", True),
    ("b", "^=", "b"), ("i", "<<=", 2), ("i", ">>=", 1), ("u", "&=", 7), ("u", "|=", 1),
    ("u", "^=", 255), ("i", "+=", 1), ("i", "+=", 0.5), ("x", "&=", 1), ("b", "&=", "i"),
    ("u", "<<=", 1), ("x", "@=", "x"), ("x", "+=", "m"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operation", "other"), IN_PLACE)
def test_changes_in_place_are_seen_by_whoever_has_the_tensor(name, operation, other):
    results = []
    for kind in (np.array, tensor):
        names = {n: kind(a) for n, a in {**ARRAYS, "q": np.eye(2) + 1}.items()}
        same = names[name]
        try:
            exec(f"{name} {operation} {other}", names)
        except (TypeError, ValueError):
            results.append(TypeError)
        else:
            assert names[name] is same
            results.append(same)
    assert alike(*results[::-1])


def test_round_of_a_tensor():
    assert round(tensor(1.26), 1).item() == np.float32(1.3)
    np.testing.assert_array_equal(round(tensor([1.6, 2.5])), [2, 2])


def test_a_tensor_in_a_set_or_dict_is_itself():
    x, y = tensor([1.0]), tensor([1.0])
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[x] == "x"


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_are_independent(duplicate):
    for array in ARRAYS.values():
        x = tensor(array)
        same = duplicate(x)
        assert not np.shares_memory(same.numpy(), x.numpy())
        np.testing.assert_array_equal(same, x)
    x = tensor([1.0, 2.0])
    one, other = duplicate([x, x])
    assert one is other or duplicate is copy.copy


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(protocol):
    x = tensor(ARRAYS["m"], requires_grad=True)
    (x * x).sum().backward()
    y = pickle.loads(pickle.dumps(x, protocol))
    np.testing.assert_array_equal(y.data, x.data)
    np.testing.assert_array_equal(y.grad, x.grad)
    assert y.requires_grad


# ---- Classes -------------------------------------------------------------------------------------


def test_the_signature_of_the_class():
    expected = ["data", "dtype", "requires_grad"]
    assert list(inspect.signature(Tensor).parameters) == expected


def test_a_subclass_that_leaves_init_out_has_nothing_to_work_on():
    class Own(Tensor):
        def __init__(self):
            pass

    for use in (Tensor.mark_written, Tensor.detach, lambda x: x + 1, Tensor.exp, Tensor.sum, repr):
        with pytest.raises(AttributeError):
            use(Own())


# ---- Names of other libraries --------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_the_name_of_another_library_is_answered_by_ours(name):
    x, y = tensor(np.array([[4.0, 1.0], [2.0, 3.0]])), tensor(np.ones((2, 2)))
    with pytest.raises(
        AttributeError, match=f"Tensor: expected .* got the name '{name}'. Try: "
    ) as error:
        getattr(x, name)
    assert not hasattr(x, name)
    assert name not in dir(x)
    ours = str(error.value).partition("Try: ")[2]
    assert ours == OURS[name]
    exec(ours, {"x": x, "y": y, "F": F, "minidl": minidl})


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "clone", "permute", "reshape", "astype", "amax", "mm"]
)
def test_the_function_of_another_library_is_answered_by_ours(name):
    x, y = tensor(np.ones((2, 2))), np.ones((2, 2))
    with pytest.raises(AttributeError, match=f"minidl: .* got '{name}'. Try: ") as error:
        getattr(minidl, name)
    eval(str(error.value).partition("Try: ")[2], {"x": x, "y": tensor(y), "minidl": minidl})
    with pytest.raises(AttributeError, match="minidl: .* got 'nonsense'.$"):
        minidl.nonsense  # noqa: B018 (to ask for it is the test)


def test_a_subclass_may_have_such_a_name():
    class Own(Tensor):
        def clone(self):
            return 5

    assert Own([1.0]).clone() == 5
    with pytest.raises(AttributeError, match="^Own: .*x.size"):
        Own([1.0]).numel()
    with pytest.raises(AttributeError, match=r"Try: x.numpy\(\).flags"):
        getattr(tensor([1.0]), "flags")  # noqa: B009 (mypy knows that there is none)
    with pytest.raises(AttributeError, match="no attribute 'nmpy'"):
        tensor([1.0]).nmpy()
    assert {"numpy", "sum", "grad", "T"} <= set(dir(tensor(1.0)))
    assert "numel" not in dir(minidl.tensor(1.0))

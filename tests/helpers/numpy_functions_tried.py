"""Every public function of NumPy, tried on a tensor that wants a gradient.

`tried()` calls each with arguments of many forms. Where the function works on arrays, a tensor in
place of one must give the same values and the gradient of central differences, or be refused in
words that name what to do, unless the result does not depend on the tensor's values.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from support import STEP, TOLERANCE

from minidl import Tensor
from minidl.errors import MinidlError

RIGHT = "right with its gradient"
REFUSED = "refused"
NO_GRADIENT = "has no gradient"
BY_FLOAT = "calls float(x), which gives the number by its name"
LOST = "the gradient is lost"
UNCLEAR = "fails without a hint"
WRONG = "wrong values or a wrong gradient"
DECISIVE = (LOST, WRONG, UNCLEAR, BY_FLOAT, RIGHT)  # else the first form, the simplest, counts

# These ask for float(x) of single elements, as math.exp does; a user writes float(loss) as well.
ASK_FOR_FLOAT = {
    "np.fromiter", "np.float64", "np.double", "np.complex64", "np.csingle", "np.complex128",
    "np.cdouble", "ndarray.fill", "array[0] = x", "np.fill_diagonal", "np.sum(initial=x)",
}  # fmt: skip
# Not about an array's values, or not to be called with whatever comes.
LEFT_OUT = {
    "np.test", "np.linalg.test", "np.fft.test", "np.random.test", "np.info", "np.memmap",
    "np.empty_like", "np.fromfile", "np.load", "np.mintypecode", "np.bmat", "np.genfromtxt",
    "np.setbufsize", "np.seterr", "np.seterrcall", "np.errstate", "np.random.seed",
    "np.random.set_state", "np.random.set_bit_generator", "np.set_printoptions",
    "np.printoptions", "np.random.Generator", "np.random.RandomState",
}  # fmt: skip
NAMESPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.random": np.random}
# The last three end the process where `out` or `dtype` is given something odd.
GENERATOR = set(dir(np.random.Generator)) - {
    "bit_generator", "spawn", "random", "standard_normal", "standard_exponential",
}  # fmt: skip
ARRAY_METHODS = [
    "__add__", "__iadd__", "__imul__", "__matmul__", "__pow__", "__floordiv__", "__mod__", "dot",
    "searchsorted", "put", "choose", "clip", "fill", "compress", "repeat", "take",
]  # fmt: skip
Function = Callable[..., Any]


def functions() -> Iterator[tuple[str, Function]]:
    """All that can be called, by the name that a user writes."""
    for prefix, namespace in NAMESPACES.items():
        for name in sorted(dir(namespace)):
            function = getattr(namespace, name)
            path = f"{prefix}.{name}"
            is_error = isinstance(function, type) and issubclass(function, BaseException)
            if name[0] != "_" and callable(function) and path not in LEFT_OUT and not is_error:
                yield path, function
            if isinstance(function, np.ufunc):
                for method in ("reduce", "accumulate", "reduceat", "outer", "at"):
                    yield f"{path}.{method}", getattr(function, method)
    for name in sorted(name for name in GENERATOR if name[0] != "_"):
        yield f"Generator.{name}", lambda *a, n=name: getattr(np.random.default_rng(0), n)(*a)
    for name in ARRAY_METHODS:
        yield f"ndarray.{name}", lambda array, *a, n=name: getattr(np.array(array, float), n)(*a)
    yield from SYNTAX.items()


def assigned(array: np.ndarray, x: Any) -> np.ndarray:
    array[0] = x
    return array


def added(array: np.ndarray, x: Any) -> np.ndarray:
    array += x
    return array


# What is no function of NumPy's, or needs a name for its argument.
SYNTAX: dict[str, Function] = {
    "array[0] = x": lambda c, x: assigned(c.ravel(), x),
    "array += x": lambda c, x: added(np.array(c), x),
    "np.r_[x]": lambda x: np.r_[x, x],
    "np.c_[x]": lambda x: np.c_[x, x],
    "np.vectorize(f)(x)": lambda x: np.vectorize(math.sqrt)(x),
    "np.frompyfunc(f)(x)": lambda x: np.frompyfunc(abs, 1, 1)(x),
    "np.einsum(path, x)": lambda c, x: np.einsum("...,...", c, x),
    "np.poly1d(x)(2)": lambda x: np.poly1d(x)(2.0),
    "np.polynomial.Polynomial(x)": lambda x: np.polynomial.Polynomial(x)(2.0),
    "np.polynomial.polynomial.polyval(2, x)": lambda x: np.polynomial.polynomial.polyval(2.0, x),
    "np.nditer(x)": lambda x: [float(part) for part in np.nditer(x)],
    "np.lib.stride_tricks.sliding_window_view(x, 2)": (
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2)
    ),
    "np.ma.array(x)": lambda x: np.ma.array(x).filled(0),
    "np.ma.exp(x)": lambda x: np.ma.exp(x).filled(0),
    "masked + x": lambda c, x: np.ma.array(c) + x,
    "np.add(out=array)": lambda c, x: np.add(c, x, out=np.array(c)),
    "np.add(where=mask)": lambda c, x: np.add(c, x, where=c > 0),
    "np.sum(dtype=)": lambda x: np.sum(x, dtype=np.float64),
    "np.sum(initial=x)": lambda x: np.sum(np.ones(3), initial=x),
    "np.average(weights=x)": lambda c, x: np.average(c, weights=x),
    "np.histogram(weights=x)": lambda c, x: np.histogram(c, weights=x),
    "np.bincount(weights=x)": lambda x: np.bincount(np.arange(x.size) % 2, weights=x),
    "np.full_like(c, x)": lambda x: np.full_like(np.ones(3), x),
    "np.full_like(x, x)": lambda x: np.full_like(x, x),
    "np.random.choice(p=x)": lambda x: np.random.choice(4, p=x),  # noqa: NPY002 (tried itself)
    "Generator.choice(p=x)": lambda x: np.random.default_rng(0).choice(4, p=x),
}


def forms(x: Any, array: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """Arguments with x at all places; the others are new arrays of the same shape."""
    c = array[::-1] * 1.25 + 0.01 if array.ndim else array * 1.25
    whole, mask, index = c.astype(int) + 2, c > c.mean(), np.arange(len(array)) if array.ndim else 0
    yield from [
        (x,), (x, x), (x, c), (c, x), (x, 1), (1, x), (x, 0.5), (0.5, x), (x, x, x), (x, c, c),
        (c, x, c), (c, c, x), ([x, x],), ([x, c],), ([c, x], 0), (mask, x, c), (mask, c, x),
        (mask, x), (x, mask), (x, mask, c), (c, mask, x), (x, index), (index, x), (x, index, c),
        (c, index, x), (x, 0, 1), (x, 1, 0), (whole, x), (x, whole), (whole, c, x), (4, x),
        (x, 1, 3), (0.0, x, 3), (x, (x.size,)), ((x.size,), x), (x, float), (x, -1, 0),
        ([mask], [x]), ([mask], [c], x),
        (x, [mask], [np.negative]), (c, [mask], [x]), (np.negative, 0, x), (np.sum, x, [0]),
        (index, [x, c]), (io.BytesIO(), x), (x, c, 0), (c, x, 0), (x, c, 0, 0), (index, c, x),
        (c, c, c, x),
    ]  # fmt: skip


class ArrayLike:
    """An array that no function knows but by `__array__`: what a function refuses of it, it would
    refuse of any tensor."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.size = array, array.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype)


class Input:
    """An array, as all forms of arguments with it, with a tensor of it, and with it moved."""

    def __init__(self, array: np.ndarray) -> None:
        self.x = Tensor(array.copy(), requires_grad=True)
        self.plain = list(forms(array, array))
        self.with_tensor = list(forms(self.x, array))
        self.with_array_like = list(forms(ArrayLike(array), array))
        self.moved = [
            [list(forms(np.array(array + step * place), array)) for step in (STEP, -STEP)]
            for place in np.eye(array.size).reshape(-1, *array.shape)
        ]


def outcome(name: str, function: Function, given: Input, form: int) -> str | None:
    """How the function fares with arguments of one form; None if it takes no arrays there."""
    plain = copied(given.plain[form])
    try:
        wanted = called(function, plain)
    except Exception:
        return None
    arguments = copied(given.with_tensor[form])
    try:
        result = called(function, arguments)
    except MinidlError as error:
        return REFUSED if any(word in str(error) for word in ("expected", "Try: ")) else UNCLEAR
    except Exception:
        try:
            called(function, copied(given.with_array_like[form]))
        except Exception:
            return None
        return UNCLEAR
    if isinstance(result, Tensor) and result.requires_grad:
        if np.size(wanted) == 0 or not np.isfinite(wanted).all():
            return None  # no differences: there is a pole, or nothing
        return RIGHT if is_right(function, result, wanted, given, form) else WRONG
    moved = called(function, copied(given.moved[0][0][form]))
    depends = floats(result).size and not any(result is part for part in arguments)
    if same(arguments, given.with_tensor[form]) and (not depends or same(moved, wanted)):
        return NO_GRADIENT
    return BY_FLOAT if name in ASK_FOR_FLOAT else LOST


def is_right(
    function: Function, result: Tensor, wanted: Any, given: Input, form: int
) -> bool:  # fmt: skip
    """Whether values are NumPy's, and the gradient that of central differences of NumPy's."""
    dy = np.random.default_rng(1).normal(size=result.shape)
    given.x.grad = None
    result.backward(dy)
    gradient = [
        np.sum(dy * np.subtract(*[called(function, copied(forms[form])) for forms in moved]))
        / (2 * STEP)
        for moved in given.moved
    ]
    found = np.zeros(given.x.shape) if given.x.grad is None else given.x.grad.numpy()
    return (
        result.shape == np.shape(wanted)
        and np.allclose(result.numpy(), wanted, rtol=1e-14, atol=1e-14)
        and np.allclose(found.ravel(), gradient, rtol=TOLERANCE, atol=TOLERANCE)
    )


def called(function: Function, arguments: list[Any]) -> Any:
    """What the function gives, with NumPy's old generator in the same state at each call; of a list
    of tensors or arrays, as np.split gives, all elements in a row."""
    np.random.seed(0)  # noqa: NPY002 (tried itself)
    with contextlib.redirect_stdout(io.StringIO()):
        result = function(*arguments)
    if isinstance(result, list) and result and isinstance(result[0], (Tensor, np.ndarray)):
        return np.concatenate([part.reshape(-1) for part in result])
    return result


def copied(data: Any) -> Any:
    """Lists and arrays within them copied, as functions write into them; tensors as they are."""
    if isinstance(data, (list, tuple)) and not all(isinstance(part, int) for part in data):
        return [copied(part) for part in data]
    if isinstance(data, io.BytesIO):
        return io.BytesIO()
    return data.copy() if isinstance(data, np.ndarray) else data


def same(one: Any, other: Any) -> bool:
    """Whether two results, or the arguments before and after a call, hold the same floats in
    some order."""
    return np.array_equal(np.sort(floats(one)), np.sort(floats(other)), equal_nan=True)


def floats(data: Any) -> np.ndarray:
    """All numbers in a result, or in arguments after a call, in one row."""
    if isinstance(data, (list, tuple)):
        return np.concatenate([np.zeros(0, complex), *map(floats, data)])
    if isinstance(data, Tensor):
        return floats(data.numpy())
    if isinstance(data, np.ndarray) and data.dtype.kind == "O":
        return floats(data.ravel().tolist())
    if isinstance(data, (np.ndarray, np.generic, float, complex)):
        array = np.asarray(data).ravel()
        return array.astype(complex) if array.dtype.kind in "fc" else np.zeros(0)
    return np.zeros(0)


# No quotient of two is whole: `//` and `%` jump there.
INPUTS = [
    np.array([0.3137, 0.1729, 0.3911, 0.1223]),
    np.array([[0.9, 0.31], [0.23, 0.71]]),
    np.array(0.4123),
]


def tried() -> list[tuple[str, str]]:
    """The name of each function that takes arrays, and how it fares with a tensor."""
    outcomes = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = [Input(array) for array in INPUTS]
        for name, function in functions():
            found = [
                outcome(name, function, given, form)
                for given in inputs
                for form in range(len(given.plain))
            ]
            decisive = [one for one in DECISIVE if one in found]
            outcomes += [(name, one) for one in [*decisive, *found] if one is not None][:1]
    return outcomes

"""`Dense` and its operation y = f(x · W + b): one kernel call forward, and one backward."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.tape import Node
from ..engine.tensor import FLOATS, Operation, Tensor, as_tensor, by_formula, record
from ..errors import DTypeError, ShapeError, Unplanned, explain
from ..tools.checks import check_size, declared
from . import init as initial
from .activations import Activation
from .base import Layer, Parameter
from .plan import Builder, Value

# Given to the kernel in place of arrays that are missing or not wanted.
NOTHING = {dtype: (np.empty((0, 0), dtype), np.empty(0, dtype)) for dtype in FLOATS}
NO_OPTIONS = np.zeros(1)
SMALL = 32**3  # multiply-adds up to which one thread does everything


def dense(
    x: Any, W: Tensor, b: Tensor | None = None, activation: Activation | None = None
) -> Tensor:
    """y = f(x · W + b); f is an activation layer, or None.

        dz = dy · f'(z) with z = x · W + b
        dx = dz · Wᵀ,   dW = xᵀ · dz,   db = sum of dz over the batch

    Shapes: x (..., in), W (in, out), b (out,), y (..., out), or (..., out / pieces) for maxout; all
    of one dtype, float32 or float64. An activation that has a kernel runs in the same call as the
    product, while its data is in the cache.

    ShapeError for shapes that do not fit; DTypeError for integers and for dtypes that differ.

    >>> import minidl
    >>> W = minidl.tensor([[1.0, -1.0], [0.5, 2.0]])
    >>> dense(minidl.tensor([[2.0, 0.0]]), W, minidl.tensor([0.0, 1.0]), minidl.nn.ReLU())
    tensor([[2., 0.]])
    """
    if not isinstance(x, Tensor):
        x = as_tensor(x, "dense")
    x_array, W_array = x._array, np.ascontiguousarray(W._array)
    check(x_array, W_array, b)
    depth, out = W_array.shape
    dtype = x_array.dtype
    kernel = None if activation is None else activation.kernel_after(out, dtype)
    if activation is not None and kernel is None:
        return activation(dense(x, W, b))

    x_rows = np.ascontiguousarray(x_array).reshape(-1, depth)
    batch = len(x_rows)
    bias = NOTHING[dtype][1] if b is None else np.ascontiguousarray(b._array)
    threads, row_threads = threads_for(activation, batch, depth, out)
    z = np.empty((batch, out), dtype)
    learned: tuple[Tensor, ...] = ()
    if activation is None or kernel is None:
        forward = backward_function = None
        y, slopes, options, keeps_y = z, bias, NO_OPTIONS, False
    else:
        forward, backward_function, units, options = kernel
        learned = activation.learned_parameters()
        slopes = activation.slopes(learned, units, dtype)
        keeps_y = activation.keeps == "y"
        # If the backward pass reads y, z is not needed again, and y takes its place.
        y = z if keeps_y else np.empty((batch, units), dtype)
    _kernels.dense.forward(
        x_rows, W_array, bias, forward, slopes, options, z, y, threads, row_threads
    )

    inputs = (x, W, *learned) if b is None else (x, W, b, *learned)
    # dW needs x, dx needs W, and f' may contain a learned slope.
    keeps = [*([0] if W.requires_grad else []), *([1] if x.requires_grad else [])]
    keeps += range(len(inputs) - len(learned), len(inputs) + keeps_y)
    call = Call(
        activation, b is not None, backward_function, slopes, options, None if keeps_y else z
    )
    result = y if x_array.ndim == 2 else y.reshape(*x_array.shape[:-1], y.shape[1])
    operation = operation_with(None if activation is None else activation.name)
    return record(operation, result, inputs, {"call": call}, keeps=keeps)


@declared
class Dense(Layer):
    """y = x · W + b: every output is a weighted sum of all inputs. x (..., in), y (..., out).

    `weight` W is (in_features, out_features), `bias` b is (out_features,) and starts at 0;
    bias=False leaves it out. `init`, a function from minidl.init or its name, draws the weights. By
    default they are normal with variance gain² / in_features, where the gain is that of the
    activation after the layer (He et al. 2015 for ReLU): `Sequential` sets it; without one it is 1.
    Errors as in `functional.dense`.

    >>> Dense(784, 128)
    Dense(784, 128)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str | initial.Initializer | None = None,
    ) -> None:
        shape = (
            check_size("Dense", "in_features", in_features),
            check_size("Dense", "out_features", out_features),
        )
        draw = initial.initializer("lecun_normal" if init is None else init)
        self.weight = Parameter(np.asarray(draw(shape), dtype=np.float32))
        self.bias = Parameter(np.zeros(shape[1], np.float32)) if bias else None
        self.gain = 1.0 if init is None else None  # None: the user has chosen the weights

    def forward(self, x: Any, activation: Activation | None = None) -> Tensor:
        """f(x · W + b) in one kernel call; f is the activation, if there is one."""
        return dense(x, self.weight, self.bias, activation)

    def plan(self, builder: Builder, x: Value) -> Value:
        """The products, dW together with its update, and db."""
        W, b = self.weight, self.bias
        check_planned(x.width, W, b)
        y = builder.value(W.shape[1], x.is_wanted or builder.is_learned(W, b))
        split = split_of(*W.shape)
        arguments: dict[str, Any] = {
            "x": x.numbers, "z": y.numbers, "dx": x.gradient, "dz": y.gradient,
            "W": builder.parameter(W), "b": builder.parameter(b), "inputs": W.shape[0],
            "outputs": W.shape[1], "batch": builder.batch, "threads": builder.threads,
        }  # fmt: skip
        builder.forward(f"dense by {split}", **arguments)
        if x.is_wanted:
            builder.backward(f"dense back by {split}", **arguments)
        builder.matrix(W, split, arguments)
        builder.learn(b, "gradient of b", dy=y.gradient, width=y.width)
        once, one = (_kernels.product_nanoseconds(rows, *W.shape) for rows in (0, 1))
        builder.cost(once, one - once)
        return y

    def scale_for(self, activation: Activation) -> None:
        """Scales new default weights by the gain of the activation that follows."""
        if self.gain is not None and self.weight._memory.writes == 0:
            gain = initial.gain(activation)
            self.weight.data[...] *= gain / self.gain
            self.gain = gain

    def describe(self) -> str:
        """Its sizes."""
        rows, columns = self.weight.shape
        return f"{rows}, {columns}" + ("" if self.bias is not None else ", bias=False")


class Call(NamedTuple):
    """How the kernel ran; the backward pass reads it."""

    activation: Activation | None
    has_bias: bool
    backward: Any  # the activation's, or None
    slopes: np.ndarray
    options: np.ndarray
    z: np.ndarray | None  # the activation's input, unless its gradient reads y


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray | None]:
    """dx = dz · Wᵀ, dW = xᵀ · dz, db = sum of dz, with dz = dy f'(z)."""
    call: Call = node.options["call"]
    x_array, W = node.kept[0].array, np.ascontiguousarray(node.kept[1].array)
    depth, out = W.shape
    dtype = dy.dtype
    no_rows, no_bias = NOTHING[dtype]
    x = np.ascontiguousarray(x_array).reshape(-1, depth)
    read = node.kept[-1].array if call.z is None else call.z
    read = np.ascontiguousarray(read).reshape(len(x), read.shape[-1])
    dy_rows = np.ascontiguousarray(dy).reshape(len(x), dy.shape[-1])
    dz = dy_rows if call.backward is None else np.empty((len(x), out), dtype)
    x_wanted, W_wanted = node.inputs[0] is not None, node.inputs[1] is not None
    b_wanted = call.has_bias and node.inputs[2] is not None
    dx = np.empty((len(x), depth), dtype) if x_wanted else no_rows
    dW = np.empty((depth, out), dtype) if W_wanted else no_rows
    db = np.empty(out, dtype) if b_wanted else no_bias
    threads, row_threads = threads_for(call.activation, len(x), depth, out)
    _kernels.dense.backward(
        x, W, read, call.backward, call.slopes, call.options, dy_rows, dz, dx, dW, db, threads,
        row_threads,
    )  # fmt: skip
    found: list[np.ndarray | None] = [
        dx.reshape(x_array.shape) if x_wanted else None, dW if W_wanted else None
    ]  # fmt: skip
    if call.has_bias:
        found.append(db if b_wanted else None)
    learned = [kept.array for kept in node.kept[len(found) : -1]]
    if learned and call.activation is not None:
        found += call.activation.learned_gradients(read, dy_rows, learned)
    return found


def formula(x: Tensor, W: Tensor, *others: Tensor, call: Call) -> Tensor:
    """y = f(x · W + b) in operations on tensors."""
    z = x @ W
    if call.has_bias:
        z = z + others[0]
    f = call.activation
    return z if f is None else f.run(z, f.options, others[call.has_bias :])


@lru_cache
def operation_with(name: str | None) -> Operation:
    """The declaration of the dense operation, alone or with an activation of that name."""
    whole = "dense" if name is None else f"dense+{name}"
    return Operation(whole, kernel=gradients, recorded=by_formula(formula))


def threads_for(activation: Activation | None, batch: int, depth: int, out: int) -> tuple[int, int]:
    """How many threads compute the products, and how many the activation."""
    if batch * depth * out <= SMALL:
        return 1, 1
    product = _kernels.threads_for(_kernels.product_nanoseconds(batch, depth, out))
    if activation is None:
        return product, 1
    return product, _kernels.threads_for(activation.nanoseconds * batch * out)


def check(x: np.ndarray, W: np.ndarray, b: Tensor | None) -> None:
    """ShapeError or DTypeError unless x · W + b is defined."""
    fits = W.ndim == 2 and x.shape[-1:] == W.shape[:1] and x.dtype == W.dtype in FLOATS
    if fits and (b is None or (b.shape == W.shape[1:] and b.dtype == x.dtype)):
        return
    if W.ndim != 2:
        raise ShapeError(explain("dense", "W of shape (in, out)", W.shape))
    if x.shape[-1:] != W.shape[:1]:
        flat = x.ndim > 2 and np.prod(x.shape[1:]) == W.shape[0]
        hint = "x.reshape(len(x), -1)" if flat else ""
        raise ShapeError(explain("dense", f"x of shape (batch, {W.shape[0]})", x.shape, hint))
    if b is not None and b.shape != W.shape[1:]:
        raise ShapeError(explain("dense", f"b of shape ({W.shape[1]},)", b.shape))
    if x.dtype not in FLOATS:
        raise DTypeError(
            explain("dense", "float32 or float64", x.dtype, "tensor(x, dtype='float32')")
        )
    name, other = ("W", W.dtype) if x.dtype != W.dtype or b is None else ("b", b.dtype)
    raise DTypeError(
        explain(
            "dense",
            f"x of {name}'s dtype {other}",
            x.dtype,
            f"x.astype('{other}'), or layer.astype('{x.dtype}')",
        )
    )


def check_planned(width: int, W: Tensor, b: Tensor | None) -> None:
    """Unplanned unless a layer with these weights takes `width` numbers."""
    fits = W.ndim == 2 and W.shape[0] == width and (b is None or b.shape == W.shape[1:])
    if not fits:
        shapes = f"{W.shape} and b {None if b is None else b.shape}"
        raise Unplanned(f"W {shapes} after {width} columns", "layers that fit each other")


def split_of(inputs: int, outputs: int) -> str:
    """How threads share the products of W (inputs, outputs)."""
    return "tasks" if _kernels.weights.is_wide(outputs) else "rows"

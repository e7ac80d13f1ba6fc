"""Operations that move elements or pick some: against NumPy, with gradients of first and second
order. What they share is that they are linear in what they move."""

import numpy as np
import pytest
from support import LAYOUTS, STEP, TOLERANCE, assert_gradients, numbers

import minidl
from minidl import Tensor, no_grad, tensor
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError

M, T3 = (3, 4), (2, 3, 4)
WHERE = np.array([[1, 0, 2, 2]])
ROWS = np.array([[2, 0], [1, 1]])

# The name, the shape of x, the arguments; and what NumPy has instead, if not the function of that
# name. All of them are functions and methods.
CASES = [
    ("squeeze", (1, 3, 1)), ("squeeze", (1, 3, 1), 0), ("squeeze", (1, 3, 1), (0, -1)),
    ("squeeze", (2, 3)), ("squeeze", ()),
    ("expand_dims", M, 0), ("expand_dims", M, -1), ("expand_dims", M, (0, 2)),
    ("expand_dims", (), 0), ("expand_dims", M, (-1, 1)),
    ("swapaxes", T3, 0, -1), ("swapaxes", T3, 1, 1), ("swapaxes", T3, -2, 0),
    ("moveaxis", T3, 0, -1), ("moveaxis", T3, (0, 2), (1, 0)), ("moveaxis", T3, [2, 1], [0, 2]),
    ("broadcast_to", (3, 1), (2, 3, 4)), ("broadcast_to", (), (2, 2)),
    ("flip", T3), ("flip", T3, 1), ("flip", T3, (0, -1)), ("flip", ()), ("flip", (0, 2)),
    ("roll", M, 1), ("roll", M, -5, 1), ("roll", M, (1, 2), (0, 1)), ("roll", M, 2, (0, 1)),
    ("roll", M, 0), ("roll", (0,), 3), ("roll", M, (1, 2)),
    ("repeat", M, 2), ("repeat", M, 3, 1), ("repeat", M, [0, 2, 1], 0), ("repeat", (), 3),
    ("repeat", M, np.array([2]), 0), ("repeat", M, 0),
    ("tile", M, 2), ("tile", M, (2, 1, 3)), ("tile", M, (2, 3)), ("tile", (), 2),
    ("tile", M, (0, 1)), ("tile", M, ()),
    ("pad", M, 1), ("pad", M, (1, 2)), ("pad", M, ((1, 2), (0, 3))), ("pad", M, ((2,), (0,))),
    ("pad", M, 2, "reflect"), ("pad", M, ((0, 9), (5, 0)), "wrap"), ("pad", M, 4, "symmetric"),
    ("pad", M, ((3, 0), (0, 1)), "edge"), ("pad", M, 0, "edge"), ("pad", (), 1),
    ("diagonal", M), ("diagonal", M, 1), ("diagonal", M, -2), ("diagonal", M, 9),
    ("diagonal", T3, 0, 1, 2), ("diagonal", T3, 1, -1, 0), ("diagonal", T3),
    ("diag", M), ("diag", (3,)), ("diag", (3,), 2), ("diag", (2,), -1), ("diag", M, -1),
    ("tril", M), ("tril", T3, 1), ("triu", M, -1), ("triu", T3),
    ("take", M, [5, 0, 5]), ("take", M, WHERE, 1), ("take", T3, 1, 1), ("take", T3, [-1, 0], -1),
    ("take_along_axis", M, WHERE, 1), ("take_along_axis", M, ROWS[:1, :1], 0),
    ("take_along_axis", M, np.array([3, 3, 11]), None),
    ("take_along_axis", T3, np.array([[[0, -1]], [[2, 2]]]), -1),
    ("sort", M), ("sort", M, 0), ("sort", M, None), ("sort", T3, 1),
]  # fmt: skip
SPLITS = [
    ("split", M, 2, 1), ("split", M, [1, 3], 1), ("split", M, [2, 9]), ("split", M, []),
    ("array_split", M, 2), ("array_split", (7,), 3), ("array_split", M, 5), ("split", (0, 2), 3),
]  # fmt: skip


def differentiated_twice(function, x):
    """Checks the gradient as a function of dy: it is dᵀJ, whose own gradient for d is Jv."""
    x = Tensor(x, requires_grad=True)
    y = function(x)
    dy, v = (Tensor(numbers(*shape, seed=3), requires_grad=True) for shape in (y.shape, x.shape))
    (dx,) = minidl.grad([y], [x], [dy], create_graph=True)
    (found,) = minidl.grad([(dx * v).sum()], [dy])
    with no_grad():
        ahead, behind = (function(x + step * v.data).numpy() for step in (STEP, -STEP))
    np.testing.assert_allclose(found, (ahead - behind) / (2 * STEP), atol=TOLERANCE)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_values_and_gradients(case):
    name, shape, *arguments = case
    function, x = getattr(minidl, name), numbers(*shape)
    x = x if shape else np.asarray(x)
    wanted = getattr(np, name)(x, *arguments)
    found = assert_gradients(lambda x: function(x, *arguments), x)
    np.testing.assert_array_equal(found, wanted)
    assert found.shape == wanted.shape
    differentiated_twice(lambda x: function(x, *arguments), x)
    np.testing.assert_array_equal(function(x, *arguments), wanted)
    as_numpys = getattr(np, name)(Tensor(x, requires_grad=True), *arguments)
    assert as_numpys.requires_grad
    assert np.shares_memory(found, x) == np.shares_memory(wanted, x) or name == "take"
    method = getattr(Tensor, {"expand_dims": "unsqueeze", "broadcast_to": "expand"}.get(name, name))
    np.testing.assert_array_equal(method(Tensor(x), *arguments), wanted)
    integers = (x * 100).astype(np.int64)
    found = function(integers, *arguments)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, getattr(np, name)(integers, *arguments))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["flip", "tril", "diagonal", "sort", "squeeze"])
def test_any_layout(name, layout):
    x = numbers(4, 3)
    found = assert_gradients(getattr(minidl, name), layout(x))
    np.testing.assert_array_equal(found, getattr(np, name)(x))


@pytest.mark.parametrize("case", SPLITS, ids=repr)
def test_parts(case):
    name, shape, *arguments = case
    x = numbers(*shape)
    wanted = getattr(np, name)(x, *arguments)
    parts = getattr(minidl, name)(x, *arguments)
    assert len(parts) == len(wanted)
    for part, array in zip(parts, wanted, strict=True):
        np.testing.assert_array_equal(part, array)
        assert part.shape == array.shape
        assert part.size == 0 or np.shares_memory(part, x)
    for i in range(len(wanted)):
        assert_gradients(lambda x, i=i: getattr(x, name)(*arguments)[i], x)
    assert all(isinstance(p, Tensor) for p in getattr(np, name)(Tensor(x), *arguments))


@pytest.mark.parametrize(("n", "chunks"), [(7, 3), (6, 3), (5, 4), (2, 5), (0, 2), (1, 1)])
def test_chunks(n, chunks):
    """As torch.chunk: ceil(n / chunks) elements in each but the last."""
    x, size = numbers(n, 2), max(-(-n // chunks), 1)
    wanted = [x[i : i + size] for i in range(0, max(n, 1), size)]
    parts = Tensor(x).chunk(chunks)
    assert [p.shape for p in parts] == [p.shape for p in wanted]
    for part, array in zip(parts, wanted, strict=True):
        np.testing.assert_array_equal(part, array)


def test_joining_rows_and_columns():
    for name in ("vstack", "hstack"):
        for shapes in ([(2,), (2,)], [(2, 3), (2, 3)], [(2, 1, 2)] * 3, [(), ()]):
            parts = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
            wanted = getattr(np, name)(parts)
            found = assert_gradients(
                lambda *parts: getattr(minidl, name)(parts), *map(np.asarray, parts)
            )
            np.testing.assert_array_equal(found, wanted)
            assert isinstance(getattr(np, name)(list(map(Tensor, parts))), Tensor)
    np.testing.assert_array_equal(
        minidl.vstack([[1.0, 2.0], np.ones((2, 2))]), [[1, 2], [1, 1], [1, 1]]
    )


def test_shapes_of_few_words():
    x = Tensor(numbers(*T3))
    assert x.expand(5, -1, 3, 4).shape == (5, 2, 3, 4)
    assert Tensor(numbers(3, 1)).expand((2, -1, 4)).shape == (2, 3, 4)
    assert x.flatten(1).shape == (2, 12)
    assert x.flatten(0, 1).shape == (6, 4)
    assert x.flatten(-2, -1).shape == (2, 12)
    assert x.flatten(1, 1).shape == T3
    assert x.ravel().shape == (24,)
    assert tensor(1.0).flatten().shape == (1,)
    with pytest.raises(ArgumentError, match="flatten: expected start"):
        x.flatten(2, 1)
    with pytest.raises(ShapeError, match="broadcast_to"):
        x.expand(5, -1)


def along(x, index, axis):
    """Every element of the index, one by one, as PyTorch's documentation defines gather."""
    for place in np.ndindex(index.shape):
        yield place, (*place[:axis], index[place], *place[axis + 1 :])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_and_scatter(axis):
    x, index, values = (
        numbers(3, 4, 3),
        np.array([[[0, 2], [2, 2]], [[1, 0], [0, 0]]]),
        numbers(2, 2, 2),
    )
    picked, written, added = np.empty(index.shape), x.copy(), x.copy()
    for place, source in along(x, index, axis % 3):
        picked[place] = x[source]
        written[source] = values[place]
        added[source] += values[place]
    assert_equal = np.testing.assert_array_equal
    assert_equal(assert_gradients(lambda x: x.gather(axis, index), x), picked)
    for given in (tensor(index), tensor(index.astype(np.float32)), index.tolist()):
        assert_equal(minidl.gather(x, axis, given), picked)
    assert_equal(assert_gradients(lambda x, v: x.scatter(axis, index, v), x, values), written)
    found = assert_gradients(lambda x, v: x.scatter_add(axis, index, v), x, values)
    np.testing.assert_allclose(found, added, rtol=1e-14)
    assert_gradients(lambda x, v: x.scatter_add(axis, index, v), x, np.array(0.5))
    assert_equal(
        minidl.scatter(x, axis, index, 7.0).data == 7,
        minidl.scatter_add(x, axis, index, 1.0).data != x,
    )
    differentiated_twice(lambda x: x.gather(axis, index), x)
    differentiated_twice(lambda v: minidl.scatter_add(x, axis, index, v), values)
    differentiated_twice(lambda v: minidl.scatter(x, axis, index, v), values)


def test_masked_fill():
    x, mask = numbers(2, 3), np.array([[True, False, True], [False, False, True]])
    found = assert_gradients(lambda x, v: x.masked_fill(mask, v), x, np.array(0.5))
    np.testing.assert_array_equal(found, np.where(mask, 0.5, x))
    hidden = Tensor(np.array([np.inf, 1.0]), requires_grad=True)
    (hidden.masked_fill([True, False], 0.0) * 2).sum().backward()
    np.testing.assert_array_equal(hidden.grad, [0, 2])


# ---- Order ---------------------------------------------------------------------------------------


def test_order_with_equal_elements_and_nan():
    x = np.array([2.0, np.nan, 1.0, 2.0, -np.inf, 1.0, np.nan])
    np.testing.assert_array_equal(minidl.argsort(x), [4, 2, 5, 0, 3, 1, 6])
    np.testing.assert_array_equal(minidl.argsort(x, descending=True), [1, 6, 0, 3, 2, 5, 4])
    np.testing.assert_array_equal(minidl.sort(x, descending=True), x[[1, 6, 0, 3, 2, 5, 4]])
    small = np.array([[0, 255, 3], [7, 7, 1]], np.uint8)
    np.testing.assert_array_equal(minidl.sort(small, descending=True), [[255, 3, 0], [7, 7, 1]])
    np.testing.assert_array_equal(Tensor(small).argsort(0), [[0, 1, 1], [1, 0, 0]])
    assert minidl.argsort(small).dtype == np.int64


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [0, 1, 3])
def test_topk(k, largest, axis):
    x = numbers(4, 3)
    ordered = np.flip(np.sort(x, axis), axis) if largest else np.sort(x, axis)
    found = assert_gradients(lambda x: x.topk(k, axis, largest)[0], x)
    np.testing.assert_array_equal(found, ordered.take(range(k), axis))
    values, index = minidl.topk(x, k, axis=axis, largest=largest)
    np.testing.assert_array_equal(np.take_along_axis(x, index.numpy(), axis), values)
    assert not index.requires_grad


def test_unique_and_nonzero():
    x = np.array([[2.0, 0.0], [1.0, 2.0]])
    for options in ({}, {"return_index": True}, {"return_inverse": True, "return_counts": True}):
        found, wanted = minidl.unique(x, **options), np.unique(x, **options)
        for one, other in zip(found, wanted, strict=True) if options else [(found, wanted)]:
            np.testing.assert_array_equal(one, other)
            assert isinstance(one, Tensor)
    y = Tensor(x, requires_grad=True)
    with pytest.raises(GraphError, match="unique: .*x.detach"):
        y.unique()
    with no_grad():
        assert y.unique().size == 3
    index = y.nonzero()
    np.testing.assert_array_equal(index, np.nonzero(x))
    assert all(isinstance(i, Tensor) for i in np.nonzero(y))
    y[index].sum().backward()
    np.testing.assert_array_equal(y.grad, x != 0)


# ---- Views ---------------------------------------------------------------------------------------

VIEWS = {
    "squeeze": lambda x: x.reshape(1, 2, 3).squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "moveaxis": lambda x: x.moveaxis(0, 1),
    "flip": lambda x: x.flip(),
    "diagonal": lambda x: x.diagonal(1),
    "diag": lambda x: x.diag(),
    "split": lambda x: x.split(2)[1],
    "chunk": lambda x: x.chunk(3, axis=1)[0],
    "flatten": lambda x: x.flatten(),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view_shares_memory_and_what_is_known_of_it(view):
    base = tensor(numbers(2, 3), requires_grad=True) * 1
    product = base * base
    part = view(base)
    with no_grad():
        part[...] = 7
    assert (base.data == 7).sum() == part.size
    with pytest.raises(GraphError, match="'multiply' needs a value that was changed in place"):
        product.sum().backward()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_the_gradient_of_what_is_written_to_a_view(view):
    def function(x, w):
        part = view(x * 1)
        part *= 3
        part[...] += w
        return part * part

    x = numbers(2, 3)
    found = assert_gradients(function, x, np.array(0.7))
    np.testing.assert_allclose(found, (3 * view(Tensor(x)).numpy() + 0.7) ** 2, rtol=1e-14)
    base = tensor(x, requires_grad=True) * 1
    part = view(base)
    part *= tensor(np.array(2.0), requires_grad=True)
    with pytest.raises(GraphError, match="shares memory with another"):
        base.sum()


def test_copies_that_were_stretched_are_not_written_to():
    x = tensor([[1.0], [2.0]])
    for stretched in (x.expand(2, 3), minidl.broadcast_to(x, (2, 2))):
        with pytest.raises(ArgumentError, match="memory to write to, got a read-only array"):
            stretched += 1
        with pytest.raises(ArgumentError, match="memory to write to"):
            stretched[0] = 5
    y = x.tile((1, 2))
    y += 1
    np.testing.assert_array_equal(x, [[1], [2]])


# ---- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: x.squeeze(0), ShapeError, "squeeze: expected length 1 along axis 0"),
        (lambda x: x.squeeze(3), ArgumentError, "squeeze: expected axis within 2"),
        (lambda x: x.unsqueeze(4), ArgumentError, "expand_dims: expected axis within 3"),
        (lambda x: minidl.broadcast_to(x, "ab"), ShapeError, "broadcast_to: expected a shape that"),
        (lambda x: x.expand(2.5, 4), ShapeError, "broadcast_to: expected a shape that"),
        (lambda x: x.swapaxes(0, 2), ArgumentError, "swapaxes: expected axis"),
        (lambda x: x.moveaxis((0, 1), 0), ArgumentError, "moveaxis: expected as many places"),
        (lambda x: x.flip((0, 0)), ArgumentError, "flip: expected every axis once"),
        (lambda x: x.roll(0.5), ArgumentError, "roll: expected shift"),
        (lambda x: x.roll((1, 2, 3), (0, 1)), ArgumentError, "roll: expected a shift for each"),
        (lambda x: x.repeat(-1), ArgumentError, "repeat: expected a number from 0 up"),
        (lambda x: x.repeat([1, 2, 3], 0), ArgumentError, "repeat: expected a number from 0"),
        (lambda x: x.repeat(1.5), ArgumentError, "repeat: expected a number"),
        (lambda x: x.tile((2, -1)), ArgumentError, "tile: expected numbers from 0 up"),
        (lambda x: x.pad(-1), ArgumentError, "pad: expected numbers from 0 up"),
        (lambda x: x.pad((1, 2, 3)), ArgumentError, "pad: expected numbers"),
        (lambda x: x.pad(1, "mean"), ArgumentError, "pad: expected mode 'constant'"),
        (lambda x: x[:, :0].pad(1, "edge"), ShapeError, "pad: expected elements to repeat"),
        (lambda x: x.pad(1, constant_values="a"), DTypeError, "pad: "),
        (lambda x: x.astype("int64").pad(1, constant_values=0.5), DTypeError, "pad: .*int64"),
        (lambda x: x[0].diagonal(), ShapeError, "diagonal: expected at least two axes"),
        (lambda x: x.diagonal(0, 1, 1), ArgumentError, "diagonal: expected every axis once"),
        (lambda x: x.diagonal(0.5), ArgumentError, "diagonal: expected a whole number"),
        (lambda x: x.reshape(1, 2, 3).diag(), ShapeError, "diag: expected a vector or"),
        (lambda x: x[0].tril(), ShapeError, "tril: expected at least two axes"),
        (lambda x: x.triu(None), ArgumentError, "triu: expected a whole number"),
        (lambda x: x.split(2, 1), ShapeError, "split: expected a divisor of 3.*array_split"),
        (lambda x: x.split(0), ArgumentError, "split: expected a whole number of parts"),
        (lambda x: x.split(0.5), ArgumentError, "split: expected a whole number of parts"),
        (lambda x: x.chunk(0), ArgumentError, "chunk: expected a whole number of parts"),
        (lambda x: x.take([6]), IndexError, r"tensor of shape \(6,\)"),
        (lambda x: x.take([0.5], 0), DTypeError, "take: expected whole numbers"),
        (lambda x: x.take([True, False]), DTypeError, r"take: .* bool. Try: x\[mask\]"),
        (lambda x: x.take(tensor(0.5)), DTypeError, "take: expected integers"),
        (lambda x: x.gather(1, [0]), ShapeError, "gather: expected whole numbers with 2 axes"),
        (lambda x: x.gather(1, [[3]]), IndexError, "tensor of shape"),
        (lambda x: x.gather(0, [[0], [0], [0], [2]]), IndexError, "tensor of shape"),
        (lambda x: x.scatter(1, [[0]], [1.0, 2.0]), ShapeError, "item assignment"),
        (lambda x: x.scatter_add(1, [[0]], [1.0, 2.0]), ShapeError, "broadcast_to"),
        (lambda x: x.take_along_axis([[0.5]]), ShapeError, "take_along_axis: expected whole"),
        (lambda x: x.topk(4), ArgumentError, "topk: expected k from 0 to 3"),
        (lambda x: x.topk(-1), ArgumentError, "topk: expected k"),
        (lambda x: x.sort(2), ArgumentError, "argsort: expected axis"),
        (lambda x: x.sum().nonzero(), ShapeError, "nonzero: expected at least one axis"),
        (lambda x: minidl.vstack([x, x[:, :2]]), ShapeError, "concatenate: expected equal shapes"),
        (lambda x: minidl.hstack([]), ArgumentError, "hstack: expected at least one"),
    ],
)  # fmt: skip
def test_what_is_refused(use, error, message):
    x = tensor(numbers(2, 3), requires_grad=True)
    with pytest.raises(error, match=message):
        use(x)

"""Embedding: rows by their numbers, forward and backward; what is no number of a row."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F

W = np.random.default_rng(0).normal(size=(7, 3))


@pytest.mark.parametrize("seed", range(20))
def test_rows_and_their_gradient(seed):
    """Of indices of any shape and kind, one by one."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(rng.choice(["float32", "float64"]))
    shape = tuple(rng.integers(0, 5, rng.integers(0, 4)))
    kind = rng.choice(["int64", "int32", "uint8", "uint64", "int8", "float32"])
    places = rng.integers(7, size=shape)
    indices = minidl.tensor(places.astype(kind)) if kind == "float32" else places.astype(kind)
    weight = minidl.tensor(W.astype(dtype), requires_grad=True)
    y = F.embedding(indices, weight)
    assert (y.shape, y.dtype) == ((*shape, 3), dtype)
    dy, wanted = rng.normal(size=y.shape).astype(dtype), np.zeros((7, 3))
    y.backward(dy)
    for place in np.ndindex(shape):
        np.testing.assert_array_equal(y.numpy()[place], weight.numpy()[places[place]])
        wanted[places[place]] += dy[place]
    rtol = np.finfo(dtype).eps
    np.testing.assert_allclose(weight.grad.numpy(), wanted, rtol=rtol, atol=rtol)


def test_the_layer():
    minidl.manual_seed(0)
    layer = nn.Embedding(2000, 50)
    assert repr(layer) == "Embedding(2000, 50)"
    assert [(name, p.shape) for name, p in layer.named_parameters()] == [("weight", (2000, 50))]
    values = layer.weight.data
    assert values.dtype == np.float32
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.02
    assert not np.array_equal(values, nn.Embedding(2000, 50).weight.data)
    np.testing.assert_array_equal(layer([[5, 5]]).data, values[[[5, 5]]])
    for sizes in ((0, 3), (3, 0), (2.0, 3), (True, 3)):
        with pytest.raises(minidl.ArgumentError, match="Embedding: .* a whole number from 1 up"):
            nn.Embedding(*sizes)


@pytest.mark.parametrize(
    ("indices", "weight", "error", "message"),
    [
        ([0, 7], W, minidl.ArgumentError, "embedding: expected indices from 0 to 6, got 7"),
        ([[0], [-1]], W, minidl.ArgumentError, "from 0 to 6, got -1"),
        (np.uint64([2**63 + 5]), W, minidl.ArgumentError, "got 9223372036854775813"),
        ([0.0, 1.0], W, minidl.DTypeError, "whole numbers, got float64"),
        ([True], W, minidl.DTypeError, "whole numbers, got bool"),
        (minidl.tensor([0.5]), W, minidl.DTypeError, "whole numbers"),
        ([2**70], W, minidl.DTypeError, "whole numbers, got object"),
        ([0], W[0], minidl.ShapeError, r"weight of shape \(count, width\), got \(3,\)"),
        ([0], W.astype(int), minidl.DTypeError, "float32 or float64, got int64"),
    ],
    ids=str,
)
def test_errors(indices, weight, error, message):
    with pytest.raises(error, match=message):
        F.embedding(indices, weight)


def test_the_weight_must_not_have_changed_only_if_it_is_read_again():
    """Its gradient reads no values; the indices are a copy."""
    layer, indices = nn.Embedding(4, 2), np.array([1, 1, 3])
    y = layer(indices)
    indices[:] = 0
    with minidl.no_grad():
        layer.weight *= 2.0
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.data, [[0, 0], [2, 2], [0, 0], [1, 1]])


def test_words_are_learned():
    """Which of two classes a word belongs to, and nothing else is told of it."""
    minidl.manual_seed(0)
    words = np.arange(100).reshape(50, 2)
    classes = (words % 3 == 0).any(axis=1).astype(np.int64)
    net = nn.Sequential(nn.Embedding(100, 4), Flat(), nn.Dense(8, 2))
    step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), lr=0.05))
    for _ in range(60):
        step.epoch(data.batches(words, classes, 10, shuffle=True))
    assert (minidl.predict(net, words).argmax(1) == classes).all()


@pytest.mark.parametrize("seed", range(20))
def test_entities_are_columns_of_0_and_1_times_a_matrix(seed):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(rng.choice(["float32", "float64"]))
    rows, columns = int(rng.integers(0, 6)), int(rng.integers(0, 4))
    sizes = rng.integers(1, 6, (rng.integers(1, 4), 2)).tolist()
    layer = nn.EntityEmbedding(*map(tuple, sizes)).astype(dtype)
    assert [p.shape for p in layer.parameters()] == [tuple(size) for size in sizes]
    places = [rng.integers(0, count, rows) for count, _ in sizes]
    unchanged = rng.normal(size=(rows, columns))
    x = minidl.tensor(np.column_stack([unchanged, *places]).astype(dtype), requires_grad=True)
    y = layer(x)
    dy = rng.normal(size=y.shape).astype(dtype)
    y.backward(dy)
    one_hot = [np.eye(count)[place] for (count, _), place in zip(sizes, places, strict=True)]
    products = [a @ W.data for a, W in zip(one_hot, layer.tables, strict=True)]
    np.testing.assert_array_equal(y.data, np.hstack([x.data[:, :columns], *products]))
    np.testing.assert_array_equal(x.grad.data, np.pad(dy[:, :columns], [(0, 0), (0, len(sizes))]))
    widths = np.cumsum([columns, *(width for _, width in sizes)])
    rtol = np.finfo(dtype).eps
    for i, W in enumerate(layer.tables):
        wanted = one_hot[i].T @ dy[:, widths[i] : widths[i + 1]]
        np.testing.assert_allclose(W.grad.data, wanted, rtol=rtol, atol=2 * rtol)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[0.5, 1, 4]], minidl.ArgumentError, "embedding: expected indices from 0 to 3, got 4"),
        ([[0.5, -1, 0]], minidl.ArgumentError, "from 0 to 1, got -1"),
        ([[0.5, 0.5, 0]], minidl.DTypeError, "whole numbers"),
        ([[0.5, 0, np.nan]], minidl.DTypeError, "whole numbers"),
        ([[0.5]], minidl.ShapeError, r"x of shape \(..., 2 or more\), got \(1, 1\)"),
        (0.5, minidl.ShapeError, r"x of shape \(..., 2 or more\), got \(\)"),
    ],
)
def test_entities_that_are_not_there(x, error, message):
    """The same error from the layer alone, and from a net with a plan."""
    x, layer = np.array(x, np.float32), nn.EntityEmbedding((2, 3), (4, 2))
    with pytest.raises(error, match=message):
        layer(x)
    if x.ndim == 2:
        with pytest.raises(error, match=message):
            minidl.predict(nn.Sequential(layer, nn.Dense(6, 1)), x)


def test_tables_of_no_size():
    for tables in ([], [(0, 3)], [(3, 2.0)]):
        with pytest.raises(minidl.ArgumentError, match="EntityEmbedding: expected"):
            nn.EntityEmbedding(*tables)
    with pytest.raises(minidl.DTypeError, match="EntityEmbedding"):
        nn.EntityEmbedding((3, 2))(np.array([[1]]))


class Flat(nn.Layer):
    """All numbers of a sample in a row."""

    def forward(self, x):
        return x.reshape(len(x), -1)

"""A net's summary: shapes as the layers give them, counts by formulas, and nothing is changed."""

import copy
import math

import numpy as np
import pytest
from random_trainings import Training

import minidl
from minidl import nn
from minidl.engine.random import random_state
from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.layers.hooks import hooked

TABLE = [
    ["layer", "output", "parameters", "frozen", "multiply-adds"],
    ["Sequential()", "(5, 500)", "", "", ""],
    ["  0: Residual()", "(5, 4)", "", "", ""],
    ["    0.body: Sequential()", "(5, 4)", "", "", ""],
    ["      0.body.0: Dense(4, 4)", "(5, 4)", "20", "16", "80"],
    ["      0.body.1: Tanh()", "(5, 4)", "", "", ""],
    ["  1: RMSNorm(4, eps=0.1, affine=True)", "(5, 4)", "4", "", ""],
    ["  2: Dense(4, 1500, bias=False)", "(5, 1500)", "6,000", "", "30,000"],
    ["  3: Maxout(pieces=3)", "(5, 500)", "", "", ""],
    ["total", "", "6,024", "16", "30,080"],
]


def test_the_table():
    net = nn.Sequential(
        nn.Residual(nn.Sequential(nn.Dense(4, 4), nn.Tanh())), nn.RMSNorm(4, 0.1),
        nn.Dense(4, 1500, bias=False), nn.Maxout(3),
    )  # fmt: skip
    net[0].body[0].weight.requires_grad = False
    assert net.summary((5, 4)).table() == TABLE
    found = net.summary(np.ones((5, 4), np.float32))
    assert found.table() == TABLE
    assert str(found).splitlines()[-1].split() == TABLE[-1][:1] + TABLE[-1][2:]
    assert (found.parameters, found.trainable, found.multiply_adds) == (6024, 6008, 30080)
    dense = found.rows[3]
    assert (dense.path, dense.layer, dense.depth) == ("0.body.0", "Dense(4, 4)", 3)
    assert (dense.shapes, dense.parameters, dense.trainable) == ([(5, 4)], 20, 4)


def products_by_formula(net, x):
    """rows · in · out for each use of a Dense, and what each layer gives."""
    found, shapes = 0, {}

    def note(path, layer, x, y):
        nonlocal found
        shapes.setdefault(path, []).append(y.shape)
        if isinstance(layer, nn.Dense):
            found += math.prod(np.shape(x)[:-1]) * layer.weight.size
        return y

    with hooked(net, note):
        net.eval()(x)
    return found, shapes


def test_random_nets():
    """Shapes and counts of nets from the whole space of layers."""
    for seed in range(120):
        training = Training(seed)
        net = training.net
        x = training.x[: training.batch_size]
        x = x.astype(training.dtype) if x.dtype in ("uint8", "int32") else x
        if training.tables:
            x = x.astype(np.int64) % len(training.tables[0].weight.data)
        if n := len(training.counts):
            x = x.copy()
            x[:, -n:] %= training.counts
        found = net.summary(x)
        products, shapes = products_by_formula(net, x)
        assert found.multiply_adds == products, seed
        assert {row.path: row.shapes for row in found.rows if row.shapes} == shapes, seed
        parameters = {id(p): p for p in net.parameters()}.values()
        assert found.parameters == sum(p.size for p in parameters), seed
        assert found.trainable == sum(p.size for p in parameters if p.requires_grad), seed


class Products(nn.Layer):
    """Matrix products of every kind."""

    def __init__(self):
        self.v, self.W = nn.Parameter(np.ones(3, "f")), nn.Parameter(np.ones((3, 3), "f"))
        self.T = nn.Parameter(np.ones((2, 3, 4), "f"))

    def forward(self, x):
        self.W.requires_grad = False  # then the product counts no less
        x = x @ self.W  # 3 · 3 · 3, all of one shape
        y = x @ self.v  # 3 · 3
        stack = x @ self.T  # 2 · 3 · 3 · 4
        z = minidl.einsum("ij,kjl->ikl", x, self.T)  # 3 · 2 · 3 · 4
        return y.sum() + stack.sum() + (z * z).sum() + (y @ y)  # 3


def test_products_of_a_layer_of_ones_own():
    assert nn.Sequential(Products()).summary((3, 3)).multiply_adds == 27 + 9 + 72 + 72 + 3


def test_a_layer_that_is_used_twice_counts_twice_and_has_its_parameters_once():
    dense = nn.Dense(3, 3)
    found = nn.Sequential(dense, nn.ReLU(), dense).summary((2, 3))
    assert (found.parameters, found.multiply_adds) == (12, 2 * 2 * 9)
    assert "  0: Dense(3, 3), 2 uses  (2, 3)" in str(found)
    tied = nn.Sequential(nn.Dense(3, 3), nn.Dense(3, 3))
    tied[1].weight = tied[0].weight
    assert [row.parameters for row in tied.summary((2, 3)).rows] == [0, 12, 3]


class Restless(nn.Layer):
    """Draws numbers and writes into what it is given, also in evaluation."""

    buffer_names = ("count",)

    def __init__(self):
        self.count = np.zeros(1)

    def forward(self, x):
        x += minidl.randn(*x.shape)
        self.count += 1
        return x


def test_nothing_is_changed():
    net = nn.Sequential(
        nn.Dense(4, 4), nn.BatchNorm(4), nn.Dropout(0.5), nn.GaussianNoise(0.1), Restless(),
        nn.Dense(4, 2),
    )  # fmt: skip
    net[3].eval()
    net(np.ones((3, 4), np.float32)).sum().backward()
    x = minidl.tensor(np.ones((3, 4)), dtype="float32")

    def state():
        gradients = {name: p.grad.numpy() for name, p in net.named_parameters()}
        arrays = [net.state_dict(), gradients, {"x": x.numpy()}]
        values = [{name: array.tolist() for name, array in some.items()} for some in arrays]
        attributes = [[*vars(layer)] for layer in net.layers_within()]
        modes = [vars(layer).get("training") for layer in net.layers_within()]
        return values, net.random_state(), random_state(), attributes, modes

    before = copy.deepcopy(state())
    for given in (x, x.numpy(), (3, 4)):
        with minidl.no_grad():  # whether operations are recorded is no matter
            net.summary(given)
    assert state() == before
    with pytest.raises(ShapeError):
        net.summary((3, 5))
    assert state() == before
    net[0].weight.requires_grad = False
    net.summary(x)
    assert not net[0].weight.requires_grad


@pytest.mark.parametrize("given", [784, (2.0, 3), [2, 3], None, (-1, 4), "cat"])
def test_inputs_that_are_none(given):
    with pytest.raises(ArgumentError, match=r"summary: expected an array, .* \(64, 784\)"):
        nn.Dense(4, 2).summary(given)


def test_indices():
    net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Dense(8, 2)).astype("float64")
    found = net.summary(np.array([[1, 2], [3, 4], [5, 6]]))
    assert [row.shapes for row in found.rows] == [[(3, 2)], [(3, 2, 4)], [(3, 8)], [(3, 2)]]
    assert found.multiply_adds == 3 * 8 * 2
    with pytest.raises(DTypeError):
        net.summary((3, 2))


def test_what_a_notebook_shows_is_escaped():
    class Odd(nn.Layer):
        def describe(self):
            return '<b a="1">&'

        def forward(self, x):
            return x

    html = nn.Sequential(Odd()).summary((1, 2))._repr_html_()
    assert "&#160;&#160;0: Odd(&lt;b a=&quot;1&quot;&gt;&amp;)</td>" in html
    assert "<b" not in html

"""Layers made of layers: Residual, Concat, and `chain` for a layer of one's own."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl.layers.containers import Chain
from minidl.layers.hooks import hooked

X = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
LABELS = np.arange(8) % 3


class Net(nn.Layer):
    """Of every container."""

    def __init__(self):
        self.first, self.tanh = nn.Dense(4, 6), nn.Tanh()
        self.block = nn.Residual(nn.Sequential(nn.LayerNorm(6), nn.Dense(6, 6), nn.Tanh()))
        self.heads = nn.Concat(nn.Dense(6, 2, bias=False), nn.Identity(), nn.Dense(6, 1))
        self.last = nn.Dense(9, 3)

    forward = nn.chain("first", "tanh", "block", "tanh", "heads", "last")


def by_hand(net, x):
    x = net.tanh(net.first(x))
    x = x + net.block.body(x)
    x = net.tanh(x)
    x = minidl.concatenate([body(x) for body in net.heads.bodies], axis=1)
    return net.last(x)


def test_the_outputs_and_gradients_are_those_of_the_parts():
    net = Net().astype(np.float64)
    x = minidl.tensor(X.astype(float), requires_grad=True)
    np.testing.assert_array_equal(net(x).data, by_hand(net, x).data)
    assert minidl.gradcheck(lambda x, *_: net(x), [x, *net.parameters()])
    leading = X.reshape(2, 4, 4).astype(float)
    np.testing.assert_array_equal(net(leading).data.reshape(8, 3), net(X.astype(float)).data)


def test_names_state_and_representation():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "first.weight", "first.bias", "block.body.0.weight", "block.body.0.bias",
        "block.body.1.weight", "block.body.1.bias", "heads.bodies.0.weight",
        "heads.bodies.2.weight", "heads.bodies.2.bias", "last.weight", "last.bias",
    ]  # fmt: skip
    other = Net()
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other(X).data, net(X).data)
    assert not any(layer.training for layer in net.eval().layers_within())
    assert repr(nn.Residual(nn.Concat(nn.Dense(4, 4)))) == (
        "Residual(\n  (body): Concat(\n    (bodies.0): Dense(4, 4)\n  )\n)"
    )
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        twin.first.weight.data[...] = 0
        assert not np.array_equal(twin(X).data, net(X).data)


def test_the_step_trains_them_as_the_loop_does():
    results = []
    for by_step in (True, False):
        minidl.manual_seed(0)
        net = nn.Sequential(nn.Embedding(5, 4), Net(), nn.RMSNorm(3))
        optimizer = optim.Adam(net.parameters())
        step = TrainingStep(net, F.cross_entropy, optimizer)
        for x, y in data.batches(np.arange(8) % 5, LABELS, 3):
            if by_step:
                step(x, y)
                continue
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        results.append([net.state_dict(), minidl.predict(net, np.arange(5))])
    (state, outputs), (other_state, other_outputs) = results
    assert all(np.array_equal(state[name], other_state[name]) for name in state)
    np.testing.assert_array_equal(outputs, other_outputs)


def test_a_hook_sees_every_layer():
    net, seen = Net(), []
    with hooked(net, lambda path, layer, x, y: (seen.append(path), y)[1]):
        y = net(X)
    assert seen == [
        "first", "tanh", "block.body.0", "block.body.1", "block.body.2", "block.body", "block",
        "tanh", "heads.bodies.0", "heads.bodies.1", "heads.bodies.2", "heads", "last", "",
    ]  # fmt: skip
    np.testing.assert_array_equal(y.data, net(X).data)


class Whole(nn.Layer):
    """Uses a tensor's methods."""

    def forward(self, x):
        return x.exp()


@pytest.mark.parametrize("kind", [nn.Residual, nn.Concat, nn.Sequential])
def test_an_array_is_a_tensor_for_what_is_within(kind):
    assert kind(Whole())(X).shape == (8, 4)


def test_a_residual_keeps_the_shape_and_concat_the_leading_axes():
    with pytest.raises(minidl.ShapeError, match=r"keeps x's shape \(8, 4\), got \(8, 1\)"):
        nn.Residual(nn.Dense(4, 1))(X)
    with pytest.raises(minidl.ShapeError, match=r"last axis only, got \(8, 4\), \(2, 16\)"):
        nn.Concat(nn.Identity(), Reshaped())(X)


class Reshaped(nn.Layer):
    def forward(self, x):
        return x.reshape(2, -1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Residual(nn.ReLU), r"Residual: expected a layer, got <class.*ReLU\(\) with"),
        (lambda: nn.Residual(np.tanh), "Residual: expected a layer, got <ufunc"),
        (lambda: nn.Concat(), "Concat: expected at least one layer, got none"),
        (lambda: nn.Concat(nn.ReLU(), [nn.ReLU()]), r"Concat: argument 1: expected a layer"),
        (lambda: nn.chain(), r"chain: expected names of attributes, got \(\)"),
        (lambda: nn.chain("a", nn.ReLU()), r"chain: expected names of attributes, got \('a', ReLU"),
        (lambda: nn.chain("blocks.0"), "chain: expected names of attributes"),
    ],
)
def test_what_is_no_layer_or_no_name(make, message):
    with pytest.raises(minidl.ArgumentError, match=message):
        make()


# ---- chain ---------------------------------------------------------------------------------------


class Chained(nn.Layer):
    def __init__(self):
        self.hidden, self.relu, self.out = nn.Dense(4, 5), nn.ReLU(), nn.Dense(5, 3)

    forward = nn.chain("hidden", "relu", "out")


def test_a_chain_is_a_method_that_knows_its_names():
    net = Chained()
    assert isinstance(Chained.forward, Chain)
    assert Chained.forward.names == ("hidden", "relu", "out")
    assert repr(Chained.forward) == "chain('hidden', 'relu', 'out')"
    assert Chained.forward.__doc__ == "Calls in order: hidden, relu, out."
    np.testing.assert_array_equal(net.forward(X).data, Chained.forward(net, X).data)


def test_a_dense_and_the_activation_after_it_are_one_operation():
    net = Chained()
    assert net(X)._node.inputs[0].operation.name == "dense+relu"
    net.relu.forward = lambda x: x * 2
    np.testing.assert_array_equal(net(X).data, net.out(net.hidden(X) * 2).data)


def test_what_is_put_in_the_place_of_a_layer_is_what_runs():
    net = Chained()
    net.relu = nn.Tanh()
    np.testing.assert_array_equal(net(X).data, net.out(net.hidden(X).tanh()).data)


def test_a_chain_without_its_layers_says_what_is_missing():
    net = Chained()
    net.hiden = net.hidden
    del net.hidden
    with pytest.raises(
        minidl.ArgumentError, match="Chained: chain: 'hidden': expected .* got none. Try: 'hiden'"
    ):
        net(X)
    net.hidden = [nn.Dense(4, 5)]
    with pytest.raises(minidl.ArgumentError, match=r"chain: 'hidden': expected a layer, got \["):
        net(X)

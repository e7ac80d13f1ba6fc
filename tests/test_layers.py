"""Layers: parameters, modes, state, fusing, errors."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import init, nn


def x_of(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def test_dense_is_the_product_plus_the_bias():
    layer, x = nn.Dense(5, 3), x_of(4, 5)
    layer.bias.data[...] = [1, 2, 3]
    expected = x.astype(float) @ layer.weight.data.astype(float) + [1, 2, 3]
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5)
    assert layer.weight.shape == (5, 3)
    assert nn.Dense(5, 3, bias=False).bias is None


def test_dense_takes_any_leading_axes():
    layer, x = nn.Dense(5, 3), x_of(2, 4, 5)
    flat = layer(x.reshape(8, 5)).data
    np.testing.assert_array_equal(layer(x).data, flat.reshape(2, 4, 3))
    np.testing.assert_array_equal(layer(x[0, 0]).data, flat[0])
    assert layer(np.empty((0, 5), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("activation", [None, nn.Tanh(), nn.GELU(), nn.PReLU(4), nn.Maxout(2)])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_dense(activation, bias):
    if activation is not None:
        activation = copy.deepcopy(activation).astype(np.float64)
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(shape) for shape in ((3, 5), (5, 4), (4,))[: 2 + bias]]
    inputs = [minidl.tensor(a, requires_grad=True) for a in arrays]
    learned = [] if activation is None else list(activation.learned_parameters())

    def function(x, W, b=None, *_):
        return F.dense(x, W, b, activation)

    assert minidl.gradcheck(function, inputs)
    if learned and bias:
        assert minidl.gradcheck(lambda *_: function(*inputs), learned)


def test_dense_on_transposed_and_read_only_arrays():
    layer, x = nn.Dense(5, 3), x_of(5, 4)
    expected = layer(np.ascontiguousarray(x.T)).data
    x.flags.writeable = False
    np.testing.assert_array_equal(layer(x.T).data, expected)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((2, 4), np.float32), minidl.ShapeError, r"x of shape \(batch, 6\), got \(2, 4\)"),
        (np.zeros((2, 2, 3), np.float32), minidl.ShapeError, r"Try: x\.reshape\(len\(x\), -1\)"),
        (np.zeros((2, 6)), minidl.DTypeError, r"W's dtype float32, got float64\. Try: x\.astype"),
        (np.zeros((2, 6), int), minidl.DTypeError, "float32 or float64, got int64"),
        (np.zeros((2, 6), object), minidl.DTypeError, "got object"),
        (np.float32(1), minidl.ShapeError, r"got \(\)"),
    ],
)
def test_dense_says_what_is_wrong_with_its_input(x, error, message):
    with pytest.raises(error, match=message):
        nn.Dense(6, 2)(x)


@pytest.mark.parametrize("sizes", [(0, 3), (3, -1), (2.0, 3), (True, 3), ("3", 3)])
def test_dense_refuses_sizes_that_are_none(sizes):
    with pytest.raises(minidl.ArgumentError, match="a whole number from 1 up"):
        nn.Dense(*sizes)


def test_sequential_fuses_by_itself_and_gives_the_same_bits():
    net = nn.Sequential(nn.Dense(6, 5), nn.ReLU(), nn.Dense(5, 4), nn.Maxout(2), nn.Dense(2, 3))
    x = x_of(7, 6)
    y = net(x)
    step = minidl.tensor(x)
    operations = []
    for layer in net:
        step = layer(step)
        operations.append(step._node.operation.name)
    assert y.data.tobytes() == step.data.tobytes()
    assert operations == ["dense", "relu", "dense", "maxout", "dense"]
    fused = net[0].forward(x, net[1])
    assert fused._node.operation.name == "dense+relu"


def test_sequential_may_hold_one_layer_twice_in_any_order():
    silu, dense = nn.SiLU(), nn.Dense(3, 3)
    x = minidl.tensor([[1.0, -2.0, 3.0]])
    net = nn.Sequential(dense, silu, silu, dense, silu, dense, dense)
    y = x
    for layer in net.layers:
        y = layer(y)
    np.testing.assert_array_equal(net(x).data, y.data)


class Embedding(nn.Layer):
    """A layer of a user's own, which takes whole numbers."""

    def __init__(self):
        self.table = nn.Parameter(np.arange(8, dtype=np.float32).reshape(4, 2))

    def forward(self, x):
        return self.table[x.reshape(-1)]


class Rising(nn.Layer):
    """A layer of a user's own, which uses a tensor's methods."""

    def forward(self, x):
        return x.exp()


@pytest.mark.parametrize(
    ("first", "x"), [(Rising(), x_of(3, 2)), (Embedding(), np.array([[3], [0], [3]]))]
)
def test_a_layer_of_ones_own_may_be_the_first(first, x):
    net = nn.Sequential(nn.Sequential(first), nn.Dense(2, 1))
    expected = net[1](first(minidl.tensor(x)))
    np.testing.assert_array_equal(net(x).data, expected.data)
    np.testing.assert_array_equal(minidl.predict(net, x), expected.data)


def test_a_copy_of_a_sequential_computes_with_its_own_layers():
    net = nn.Sequential(nn.Dense(3, 2), nn.ReLU(), nn.Dense(2, 1))
    twin = copy.deepcopy(net)
    twin.load_state_dict({name: array * 0 + 1 for name, array in net.state_dict().items()})
    np.testing.assert_array_equal(twin(np.ones((1, 3), np.float32)).data, [[9]])
    with pytest.raises(AttributeError):
        net.layers = ()


def test_sequential_leaves_a_changed_forward_alone():
    class Loud(nn.ReLU):
        def forward(self, x):
            return super().forward(x) * 10

    dense, x = nn.Dense(3, 3), np.eye(3, dtype=np.float32)
    expected = 10 * np.maximum(dense(x).data, 0)
    np.testing.assert_allclose(
        nn.Sequential(dense, Loud())(x).data, np.sqrt(2) * expected, rtol=1e-6
    )


def test_default_weights_have_the_gain_of_the_activation_that_follows():
    def spread(*layers):
        net = nn.Sequential(*layers)
        return net[0].weight.data.std() * np.sqrt(400)

    # 400 · 500 numbers: the deviation's standard error is 0.16 %.
    assert spread(nn.Dense(400, 500), nn.ReLU()) == pytest.approx(np.sqrt(2), rel=0.01)
    assert spread(nn.Dense(400, 500), nn.Tanh()) == pytest.approx(1.5925, rel=0.01)
    assert spread(nn.Dense(400, 500), nn.Dense(500, 2)) == pytest.approx(1, rel=0.01)
    he = nn.Dense(400, 500, init="he_normal")
    assert spread(he, nn.Tanh()) == pytest.approx(np.sqrt(2), rel=0.01)
    dense = nn.Dense(400, 500)
    nn.Sequential(dense, nn.ReLU())
    assert spread(dense, nn.ReLU()) == pytest.approx(np.sqrt(2), rel=0.01), "scaled twice"


def test_loaded_weights_are_not_scaled():
    dense = nn.Dense(3, 2)
    state = dense.state_dict()
    dense.load_state_dict(state)
    nn.Sequential(dense, nn.ReLU())
    np.testing.assert_array_equal(dense.weight.data, state["weight"])


def test_signals_keep_their_size_through_ten_layers():
    for name in ("relu", "tanh", "selu", "maxout", "gelu"):
        net = nn.MLP([300] * 11 + [1], name)
        x = x_of(200, 300)
        for layer in list(net)[:-1]:
            x = layer(x)
        # Without their gain tanh would be at 1e-4 and relu at 1e-3.
        assert 0.1 < float((x * x).mean()) < 10, name


def test_parameters_are_found_everywhere_and_once():
    class Net(nn.Layer):
        def __init__(self):
            self.first = nn.Dense(2, 3)
            self.tied = self.first
            self.blocks = [nn.Dense(3, 3), nn.Sequential(nn.PReLU(), nn.Dense(3, 1))]
            self.scale = nn.Parameter(np.ones(1, np.float32))

        def forward(self, x):
            return self.blocks[1](self.blocks[0](self.tied(x))) * self.scale

    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "scale", "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias",
        "blocks.1.0.weight", "blocks.1.1.weight", "blocks.1.1.bias",
    ]  # fmt: skip
    assert net.count_parameters() == 1 + 9 + 12 + 1 + 4
    net(x_of(2, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_train_and_eval_reach_every_layer():
    net = nn.MLP([4, 4, 4, 2], "relu", dropout=0.5)
    assert net.eval() is net
    assert not any(layer.training for layer in net.layers_within())
    a, b = net(x_of(3, 4)), net(x_of(3, 4))
    np.testing.assert_array_equal(a.data, b.data)
    net.train()
    assert all(layer.training for layer in net.layers_within())


def test_dropout_draws_anew_at_each_call_and_repeats_with_the_seed():
    def run():
        minidl.manual_seed(7)
        layer = nn.Dropout(0.5)
        return [layer(np.ones(100, np.float32)).data for _ in range(3)]

    first, second = run(), run()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1])
    for p in (-0.1, 1.1, float("nan"), "0.5"):
        with pytest.raises(minidl.ArgumentError, match="p from 0 to 1"):
            nn.Dropout(p)


def test_dropout_without_rescaling_and_its_copies():
    layer = nn.Dropout(0.25, rescale=False, seed=3)
    for each in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        y = each(np.full(1000, 3, np.float32)).data
        assert set(y) == {0, 3}
        assert repr(each) == "Dropout(p=0.25, rescale=False)"


def test_state_goes_round_and_is_checked_before_anything_changes(tmp_path):
    a, b = (nn.MLP([4, 3, 2], "prelu") for _ in range(2))
    np.savez(tmp_path / "net.npz", **a.state_dict())
    b.load_state_dict(np.load(tmp_path / "net.npz"))
    np.testing.assert_array_equal(a(x_of(5, 4)).data, b(x_of(5, 4)).data)
    before = b.state_dict()
    for change, error, message in (
        ({"0.weight": None}, minidl.ShapeError, "without 0.weight"),
        ({"extra": np.zeros(1)}, minidl.ShapeError, "unknown: extra"),
        (
            {"2.bias": np.zeros(3, "f")},
            minidl.ShapeError,
            r"2.bias: expected shape \(2,\), got \(3,\)",
        ),
        ({"2.bias": np.zeros(2, object)}, minidl.DTypeError, "2.bias"),
    ):
        state = {k: v for k, v in (a.state_dict() | change).items() if v is not None}
        state = {k: v + 1 if k == "0.bias" else v for k, v in state.items()}
        with pytest.raises(error, match=message):
            b.load_state_dict(state)
        assert all(np.array_equal(before[k], v) for k, v in b.state_dict().items())


def test_loading_between_forward_and_backward_is_noticed():
    net = nn.MLP([3, 3, 1], "tanh")
    loss = net(minidl.tensor(x_of(2, 3), requires_grad=True)).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(minidl.GraphError, match="changed in place"):
        loss.backward()


def test_astype_converts_all_parameters():
    net = nn.MLP([3, 4, 2], "prelu").astype(np.float64)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert net(x_of(2, 3, dtype=np.float64)).dtype == np.float64
    with pytest.raises(minidl.DTypeError, match="float32 or float64"):
        net.astype(np.int32)


def test_representation():
    assert repr(nn.MLP([4, 3, 2], "leaky_relu", negative_slope=0.2)) == (
        "MLP(\n  (0): Dense(4, 3)\n  (1): LeakyReLU(negative_slope=0.2)\n  (2): Dense(3, 2)\n)"
    )
    assert repr(nn.Sequential(nn.Dropout(0.1))) == "Sequential(\n  (0): Dropout(p=0.1)\n)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([4],), "at least the sizes of input and output"),
        (([4, 0, 2],), "a whole number from 1 up, got 0"),
        (([4, 3, 2], ["relu", "tanh"]), "1 activations, one per hidden layer, got 2"),
        (([4, 3, 2], 3), "activation"),
        (([4, 3, 3, 2], nn.ReLU()), "activation"),  # one layer for two places
    ],
)
def test_mlp_says_what_is_wrong(arguments, message):
    with pytest.raises((minidl.ArgumentError, TypeError), match=message):
        nn.MLP(*arguments)


def test_mlp_takes_one_activation_per_layer():
    net = nn.MLP([4, 3, 3, 2], ["tanh", nn.ReLU])
    assert [type(layer).__name__ for layer in net] == ["Dense", "Tanh", "Dense", "ReLU", "Dense"]
    assert len(nn.MLP([4, 2])) == 1


def test_mlp_takes_activations_that_are_layers():
    own = nn.LeakyReLU(0.3)
    net = nn.MLP([4, 3, 3, 2], [own, nn.Maxout(2)])
    assert net[1] is own
    assert net[2].weight.shape == (3, 6)
    with pytest.raises(minidl.ArgumentError, match="no options beside .*, got negative_slope"):
        nn.MLP([4, 3, 2], [own], negative_slope=0.2)


def test_mlp_normalises_before_its_activations():
    net = nn.MLP([4, 3, 3, 2], "maxout", pieces=2, batch_norm=True, dropout=0.1)
    hidden = ["Dense", "BatchNorm", "Maxout", "Dropout"]
    assert [type(layer).__name__ for layer in net] == [*hidden, *hidden, "Dense"]
    dense = [layer for layer in net if isinstance(layer, nn.Dense)]
    assert [layer.bias is None for layer in dense] == [True, True, False]
    assert [layer.weight.shape for layer in dense] == [(4, 6), (3, 6), (3, 2)]
    assert net[1].weight.shape == (6,)


def test_sequential_wants_layers():
    with pytest.raises(minidl.ArgumentError, match=r"argument 1: .*ReLU\(\) with brackets"):
        nn.Sequential(nn.Dense(2, 2), nn.ReLU)


def test_initializers():
    for name, function in init.INITIALIZERS.items():
        w = function((300, 200), rng=np.random.default_rng(3))
        assert w.dtype == np.float32
        assert abs(w.mean()) < 0.002, name
    spread = {name: f((300, 200)).std() for name, f in init.INITIALIZERS.items()}
    for kind in ("normal", "uniform"):
        assert spread[f"glorot_{kind}"] == pytest.approx(np.sqrt(2 / 500), rel=0.02)
        assert spread[f"he_{kind}"] == pytest.approx(np.sqrt(2 / 300), rel=0.02)
        assert spread[f"lecun_{kind}"] == pytest.approx(np.sqrt(1 / 300), rel=0.02)
    assert np.abs(init.glorot_uniform((300, 200))).max() <= np.sqrt(6 / 500)
    for shape in ((300, 200), (200, 300)):
        w = init.orthogonal(shape, gain=2).astype(float)
        square = w.T @ w if shape[0] > shape[1] else w @ w.T
        np.testing.assert_allclose(square, 4 * np.eye(200), atol=1e-5)
    with pytest.raises(minidl.ArgumentError, match=r"'he_norml'.* Try: 'he_normal'"):
        nn.Dense(2, 3, init="he_norml")
    with pytest.raises(minidl.ShapeError, match="in_features"):
        init.he_normal((3,))


@pytest.mark.parametrize(
    ("name", "options", "square"),
    [
        ("identity", {}, 1),
        ("relu", {}, 1 / 2),
        ("leaky_relu", {"negative_slope": 0.2}, (1 + 0.04) / 2),
        ("prelu", {}, (1 + 1 / 16) / 2),
        ("selu", {}, 1),
        ("maxout", {"pieces": 2}, 1),
        ("maxout", {"pieces": 3}, 1 + np.sqrt(3) / (2 * np.pi)),  # David & Nagaraja 2003, 3.2
        ("hard_tanh", {}, 0.5160585),  # erf(1/sqrt 2) - 2 phi(1) + 2 Q(1)
    ],
)
def test_gains_that_are_known_exactly(name, options, square):
    assert init.gain(name, **options) == pytest.approx(1 / np.sqrt(square), rel=1e-6)


def test_gain_of_a_layer_uses_its_options_and_slopes():
    assert init.gain(nn.LeakyReLU(0.5)) == pytest.approx(np.sqrt(2 / 1.25))
    assert init.gain(nn.PReLU(3, init=0.5)) == pytest.approx(np.sqrt(2 / 1.25))

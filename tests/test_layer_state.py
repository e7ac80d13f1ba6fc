"""What a net is beside its parameters: buffers, the state of its random numbers, resuming."""

import copy
import json
import pickle

import numpy as np
import pytest
import skops.io

import minidl
from minidl import data, nn, optim
from minidl import functional as F


def net_with_everything():
    return nn.Sequential(
        nn.Dense(6, 5, bias=False),
        nn.BatchNorm(5, affine=False),
        nn.GaussianNoise(0.3),
        nn.Bias(5),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Sequential(nn.Dense(5, 3), nn.BatchNorm(3)),
    )


def x_of(n=8):
    return np.random.default_rng(n).normal(size=(n, 6)).astype(np.float32)


def test_buffers_have_paths_and_are_saved_with_the_parameters():
    net = net_with_everything()
    buffers = dict(net.named_buffers())
    names = ["running_mean", "running_var", "num_batches_tracked"]
    assert list(buffers) == [f"{path}.{name}" for path in ("1", "6.1") for name in names]
    assert buffers["1.running_var"] is net[1].running_var
    assert set(net.state_dict()) == set(buffers) | dict(net.named_parameters()).keys()
    assert net.count_parameters() == 30 + 5 + 18 + 6


def test_state_goes_round_with_its_buffers(tmp_path):
    net, other = net_with_everything(), net_with_everything()
    for _ in range(3):
        net(x_of())
    np.savez(tmp_path / "net.npz", **net.state_dict())
    other.load_state_dict(np.load(tmp_path / "net.npz"))
    assert other[1].num_batches_tracked == 3
    np.testing.assert_array_equal(other.eval()(x_of()).data, net.eval()(x_of()).data)
    state = net.state_dict()
    net.train()(x_of())
    assert not np.array_equal(state["1.running_mean"], net[1].running_mean), "it is a copy"


def test_a_state_is_checked_before_anything_changes():
    net = net_with_everything()
    before = net.state_dict()
    for change, error, message in (
        ({"1.running_mean": None}, minidl.ShapeError, "without 1.running_mean"),
        ({"6.1.running_var": np.ones(4, "f")}, minidl.ShapeError, r"running_var: expected shape"),
        ({"6.1.running_var": np.ones(3, int)}, minidl.DTypeError, "running_var: expected float32"),
        ({"6.1.num_batches_tracked": np.array(1.5)}, minidl.DTypeError, "expected int64"),
    ):
        state = {name: array + 1 for name, array in before.items()} | change
        with pytest.raises(error, match=message):
            net.load_state_dict({name: array for name, array in state.items() if array is not None})
        assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())


class Matrices(nn.Layer):
    buffer_names = ("count",)

    def __init__(self):
        self.first = nn.Parameter(np.zeros((2, 2), "f"))
        self.last = nn.Parameter(np.zeros((3, 2), "f"))
        self.count = np.zeros(1, np.int32)


class OfPyTorch:
    """What a tensor of another library shows: NumPy takes it for an array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array

    def detach(self):
        return self


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"last": np.zeros((2, 3), "f")}, minidl.ShapeError, r"got \(2, 3\)\. Try: .*load_torch"),
        ({"last": OfPyTorch(np.zeros((3, 2), "f"))}, minidl.DTypeError, r"Try: .*load_torch"),
        ({"count": np.array([2**40])}, minidl.DTypeError, "count: expected int32, got int64"),
        ("net.npz", minidl.DTypeError, "expected a dict, got str"),
    ],
)
def test_a_state_that_cannot_be_right_changes_nothing(change, error, message):
    net, before = Matrices(), Matrices().state_dict()
    state = change if isinstance(change, str) else {k: v + 1 for k, v in before.items()} | change
    with pytest.raises(error, match=message):
        net.load_state_dict(state)
    assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize("name", ["last", "count"])
def test_memory_that_cannot_be_written_to_is_found_before_anything_changes(name):
    net = Matrices()
    (net.count if name == "count" else net.last.data).flags.writeable = False
    state = {name: array + 1 for name, array in net.state_dict().items()}
    with pytest.raises(minidl.ArgumentError, match=f"{name}: expected memory to write to"):
        net.load_state_dict(state)
    assert not any(array.any() for array in net.state_dict().values())


def test_layers_that_swap_their_weights_by_their_own_arrays():
    net = nn.Sequential(nn.Dense(3, 3), nn.Dense(3, 3))
    before = net.state_dict()
    of_other = {"0": "1", "1": "0"}
    parameters = dict(net.named_parameters())
    views = {n: parameters[of_other[n[0]] + n[1:]].data for n in before}
    for state in (views, dict(net.named_parameters())):
        net.load_state_dict(state)
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[of_other[name[0]] + name[1:]])


def test_astype_changes_all_or_nothing_and_thaws_nothing():
    net = net_with_everything()
    net[0].weight.requires_grad = False
    net.astype(np.float64)
    assert [name for name, p in net.named_parameters() if not p.requires_grad] == ["0.weight"]
    net[6][1].weight.data[0] = 1e300
    with pytest.raises(RuntimeWarning, match="overflow"):  # a warning that is an error here
        net.astype(np.float32)
    assert {p.dtype.name for p in net.parameters()} == {"float64"}


def test_astype_converts_buffers_of_its_kind():
    net = net_with_everything().astype(np.float64)
    kinds = {name.split(".")[-1]: array.dtype for name, array in net.named_buffers()}
    assert kinds == {"running_mean": "f8", "running_var": "f8", "num_batches_tracked": "i8"}
    assert net(x_of().astype(np.float64)).dtype == np.float64


def test_a_layer_that_is_there_twice_counts_once():
    norm, drop = nn.BatchNorm(5), nn.Dropout(0.5)
    net = nn.Sequential(norm, drop, norm, nn.Sequential(drop))
    assert [path for path, _ in net.named_layers()] == ["", "0", "1", "3"]
    assert set(net.state_dict()) == {f"0.{name}" for name in norm.state_dict()}
    assert list(net.random_state()) == ["1"]


def test_a_subclass_declares_its_buffers():
    class Counting(nn.Layer):
        buffer_names = ("seen",)

        def __init__(self):
            self.seen = np.zeros(2)
            self.scratch = np.zeros(3)

        def forward(self, x):
            self.seen += 1
            return x

    layer = Counting()
    layer(1)
    assert layer.state_dict().keys() == {"seen"}
    other = Counting()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.seen, [1, 1])


def by_skops(net):
    content = skops.io.dumps(net)
    return skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))


def by_pickle(protocol):
    return lambda net: pickle.loads(pickle.dumps(net, protocol))


DUPLICATES = [copy.deepcopy, by_skops, *map(by_pickle, range(6))]


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_are_independent_and_pickle_works(duplicate):
    net, x = nn.MLP([6, 4, 2], "prelu"), x_of()
    net[0].bias.requires_grad = False
    twin = duplicate(net)
    np.testing.assert_array_equal(twin(x).data, net(x).data)
    twin(x).sum().backward()
    assert all(p.grad is None for p in net.parameters())
    assert [p.decays for p in twin.parameters()] == [p.decays for p in net.parameters()]
    assert [name for name, p in twin.named_parameters() if p.grad is None] == ["0.bias"]
    next(twin.parameters()).data[...] += 1
    assert not np.array_equal(twin(x).data, net(x).data)


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_have_buffers_and_random_numbers_of_their_own(duplicate):
    net = net_with_everything()
    net(x_of())
    twin = duplicate(net)
    before, state = net.state_dict(), net.random_state()
    assert twin.random_state() == state
    twin(x_of())
    assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())
    assert net.random_state() == state


def test_the_random_state_goes_round():
    net, other = net_with_everything(), net_with_everything()
    net(x_of())
    state = net.random_state()
    assert {path: calls for path, (_, calls) in state.items()} == {"2": 1, "5": 1}
    for saved in (state, json.loads(json.dumps(state)), {k: np.array(v) for k, v in state.items()}):
        other.load_random_state(saved)
        assert other.random_state() == state
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other(x_of()).data, net(x_of()).data)
    large = {"2": [2**64 - 1, 2**64 - 1], "5": [0, 0]}
    other.load_random_state(large)
    assert other.random_state() == large


def test_a_random_state_is_checked_before_anything_changes():
    net = net_with_everything()
    before = net.random_state()
    for change, error, message in (
        ({"2": None}, minidl.ShapeError, "the random layers 2, 5, got without 2"),
        ({"3": [1, 2]}, minidl.ShapeError, "unknown: 3"),
        ({"5": [1]}, minidl.ArgumentError, r"load_random_state: 5: expected \[seed, calls\]"),
        ({"5": 7}, minidl.ArgumentError, "got 7"),
        ({"5": "12"}, minidl.ArgumentError, "got '12'"),
        ({"5": [1, -1]}, minidl.ArgumentError, "whole numbers from 0"),
        ({"5": [1.0, 2]}, minidl.ArgumentError, "whole numbers from 0"),
        ({"5": [2**64, 0]}, minidl.ArgumentError, "whole numbers from 0"),
        ({"5": [[1, 2], [3]]}, minidl.ArgumentError, "whole numbers from 0"),
    ):
        state = {"2": [1, 1], "5": [2, 2]} | change
        with pytest.raises(error, match=message):
            net.load_random_state({k: v for k, v in state.items() if v is not None})
        assert net.random_state() == before


def test_training_is_resumed_to_the_bit():
    x = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    y = np.arange(64) % 3

    def epochs(net, optimizer, numbers):
        for number in numbers:
            for batch, labels in data.batches(x, y, 16, shuffle=True, seed=number):
                optimizer.zero_grad()
                F.cross_entropy(net(batch), labels).backward()
                optimizer.step()
        return {name: array.tobytes() for name, array in net.state_dict().items()}

    def make():
        net = net_with_everything()
        return net, optim.Adam(net.parameters(), 0.01)

    net, optimizer = make()
    epochs(net, optimizer, range(2))
    saved = net.state_dict(), net.random_state(), optimizer.state_dict()
    whole = epochs(net, optimizer, range(2, 4))
    net, optimizer = make()
    for load, state in zip(
        (net.load_state_dict, net.load_random_state, optimizer.load_state_dict), saved, strict=True
    ):
        load(state)
    assert epochs(net, optimizer, range(2, 4)) == whole
    net.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[2])
    assert epochs(net, optimizer, range(2, 4)) != whole, "the random state matters"


def test_bias_adds_and_learns():
    layer = nn.Bias(6)
    layer.bias.data[...] = np.arange(6)
    x = minidl.tensor(x_of(), requires_grad=True)
    y = layer(x)
    np.testing.assert_array_equal(y.data, x.data + np.arange(6, dtype=np.float32))
    y.backward(np.ones((8, 6)))
    np.testing.assert_array_equal(layer.bias.grad.data, np.full(6, 8))
    np.testing.assert_array_equal(x.grad.data, np.ones((8, 6)))
    assert layer(np.zeros((2, 3, 6), np.float32)).shape == (2, 3, 6)
    assert repr(layer) == "Bias(6)"
    for x, error, message in (
        (np.zeros((2, 1), "f"), minidl.ShapeError, r"Bias: expected x of shape \(\.\.\., 6\)"),
        (np.zeros((6, 5), "f"), minidl.ShapeError, r"got \(6, 5\)"),
        (np.float32(1), minidl.ShapeError, r"got \(\)"),
        (np.zeros((2, 6)), minidl.DTypeError, r"float32, got float64. Try: x\.astype"),
    ):
        with pytest.raises(error, match=message):
            layer(x)


def test_noise_draws_anew_at_each_call_in_training_only():
    layer, x = nn.GaussianNoise(0.5), np.zeros((3, 4), np.float32)
    first, second = layer(x).data, layer(x).data
    assert not np.array_equal(first, second)
    assert layer.calls == 2
    assert not layer.eval()(x).data.any()
    assert layer.calls == 2
    layer.train().load_random_state({"": [layer.seed, 0]})
    np.testing.assert_array_equal(layer(x).data, first)
    assert repr(layer) == "GaussianNoise(sd=0.5)"

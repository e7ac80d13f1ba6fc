"""What a layer holds: found in lists, tuples and dicts, with one path each, or told to be lost."""

import copy
import warnings
from collections import deque

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.layers.hooks import hooked


class Holder(nn.Layer):
    """A layer with these attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def forward(self, x):
        return x


class Own(nn.Sequential):
    """A Sequential with parts of its own."""

    def __init__(self):
        super().__init__(nn.Bias(2))
        self.scale = nn.Parameter(np.ones(2, "f"))
        self.skip = {"x": nn.Bias(2)}


def bias():
    return nn.Bias(2)


def parameter(*values):
    return nn.Parameter(np.array(values or [1.0], "f"))


def cycle():
    parts = [bias()]
    parts.append(parts)
    return parts


def ring():
    first, second = Holder(w=parameter()), Holder(w=parameter())
    first.next, second.next = second, {"back": first}
    return first


SHARED, TWICE = parameter(), bias()


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (Holder(scales=[parameter(), parameter()]), ["scales.0", "scales.1"]),
        (Holder(scales=(parameter(),), w=parameter()), ["scales.0", "w"]),
        (Holder(heads={"left": bias(), "right": bias()}), ["heads.left.bias", "heads.right.bias"]),
        (Holder(a={"b": [(1, parameter()), {"c": bias()}]}), ["a.b.0.1", "a.b.1.c.bias"]),
        (Holder(a=[bias()], b={"w": parameter()}), ["b.w", "a.0.bias"]),
        (Holder(a=Holder(w=SHARED), b=[Holder(w=SHARED)]), ["a.w"]),
        (Holder(a=[TWICE], b={"again": TWICE}), ["a.0.bias"]),
        (Holder(parts=cycle()), ["parts.0.bias"]),
        (ring(), ["w", "next.w"]),
        (Own(), ["scale", "0.bias", "skip.x.bias"]),
        (Holder(words=["a"], table={1.5: "b", "a.b": [1]}, seen={3}, x=minidl.tensor([1])), []),
    ],
)
def test_parameters_are_found_wherever_they_are(layer, names):
    assert [name for name, _ in layer.named_parameters()] == names
    assert list(layer.state_dict()) == names
    assert [name for name, _ in copy.deepcopy(layer).named_parameters()] == names
    assert repr(layer).startswith(type(layer).__name__)


class Branches(nn.Layer):
    """Layers and parameters in a dict, a list and a tuple of dicts."""

    def __init__(self):
        self.heads = {"left": nn.Dense(3, 2), "right": nn.Dense(3, 2)}
        self.scales = [parameter(2.0), parameter(3.0)]
        self.tail = ({"norm": nn.BatchNorm(2), "drop": nn.Dropout(0.5)},)

    def forward(self, x):
        left, right = (
            head(x) * scale for head, scale in zip(self.heads.values(), self.scales, strict=True)
        )
        return self.tail[0]["drop"](self.tail[0]["norm"](left + right))


def test_all_that_a_net_does_reaches_them():
    net, x = Branches(), np.random.default_rng(0).normal(size=(8, 3)).astype("f")
    assert list(net.random_state()) == ["tail.0.drop"]
    assert [name for name, _ in net.named_buffers()] == [
        f"tail.0.norm.{name}" for name in nn.BatchNorm.buffer_names
    ]
    assert "(heads.left): Dense(3, 2)" in repr(net)
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.count_parameters() == 2 * (6 + 2) + 2 + 4

    other = Branches()
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other.eval()(x).data, net.eval()(x).data)
    assert not any(layer.training for layer in net.layers_within())
    assert net.astype("float64")(x.astype("f8")).dtype == np.float64

    paths = []
    with hooked(net, lambda path, layer, x, y: paths.append(path) or y):
        net(x.astype("f8"))
    assert paths == ["heads.left", "heads.right", "tail.0.norm", "tail.0.drop", ""]


@pytest.mark.parametrize("key", ["a.b", "a:b", "", 1, None, (1, 2)])
def test_a_key_that_could_stand_for_another_path_is_refused(key):
    for value in (parameter(), bias(), [bias()]):
        with pytest.raises(minidl.ArgumentError, match="names without dots and colons"):
            list(Holder(heads={key: value}).parameters())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            minidl.tensor([1.0], requires_grad=True),
            "a tensor with .* neither trained nor saved. Try: nn.Parameter",
        ),
        ({bias()}, "got a set, which is neither trained nor saved. Try: a list"),
        (frozenset([parameter()]), "got a frozenset"),
        (deque([bias()]), "got a deque"),
        ({"a": parameter()}.values(), "got a dict_values"),
        ((bias() for _ in range(2)), "got a generator"),
        (map(nn.Bias, [2, 2]), "got a map"),
    ],
)
def test_what_looks_learned_and_is_not_found_is_told(value, message):
    layer = Holder(inner=Holder(a=[value]))
    for use in (layer.state_dict, lambda: list(layer.parameters())):
        with pytest.warns(minidl.GuardWarning, match=rf"Layer: inner\.a\.0: .*{message}"):
            use()


def test_what_a_layer_keeps_of_its_work_is_not_told():
    layer = Holder(w=parameter())
    layer.last = layer.w * 2
    layer.pair = [minidl.tensor([1.0]), layer.w.detach()]
    layer.tables = {5: minidl.tensor([1.0]), (2, "a.b"): [{"x"}], "a:b": {1: layer.last}}
    assert [name for name, _ in layer.named_parameters()] == ["w"]


def test_a_loss_of_parameters_is_told_once():
    layer = Holder(w=minidl.tensor([1.0], requires_grad=True))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            layer.zero_grad()
            layer.state_dict()
    assert len(told) == 1


def test_a_buffer_that_is_no_array_is_refused():
    class Counting(Holder):
        buffer_names = ("seen",)

    for value in ([np.zeros(2)], np.float32(0), None):
        with pytest.raises(minidl.DTypeError, match="the buffer inner.seen: expected an array"):
            Holder(inner=Counting(seen=value)).state_dict()

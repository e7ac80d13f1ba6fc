"""The computation graph: what it contains, against graphs known by hand, and how it is drawn."""

import os
import shutil
import subprocess
from graphlib import TopologicalSorter
from xml.etree import ElementTree

import numpy as np
import pytest
from random_trainings import KINDS, Training
from support import numbers
from tensor_cases import ELEMENTWISE, OTHERS

import minidl
from minidl import functional as F
from minidl import nn
from minidl.diagnostics.folding import RECORDS, layers_of
from minidl.engine.tape import Node, behind
from minidl.errors import ArgumentError, GraphError, MissingPackageError
from minidl.layers.activations import REGISTRY
from minidl.layers.hooks import hooked
from minidl.layers.summary import headline

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="there is no Graphviz here")


def leaf(value, dtype="float32"):
    return minidl.tensor(value, dtype=dtype, requires_grad=True)


def named(graph):
    """The edges by the names of their ends."""
    return [(graph.nodes[a].name, graph.nodes[b].name) for a, b in graph.edges]


def test_a_graph_known_by_hand():
    w, b, x = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([0.5, 0.5]), minidl.ones(3, 2)
    h = F.relu(x @ w + b)
    loss = (h * h).sum()
    graph = minidl.graph(loss, w=w, b=b, x=x, h=h)
    assert [(node.kind, node.name, node.shape) for node in graph.nodes] == [
        ("constant", "x", (3, 2)),
        ("leaf", "w", (2, 2)),
        ("operation", "matmul", (3, 2)),
        ("leaf", "b", (2,)),
        ("operation", "add", (3, 2)),
        ("operation", "relu", (3, 2)),
        ("operation", "multiply", (3, 2)),
        ("operation", "sum", ()),
    ]
    assert graph.edges == [(0, 2), (1, 2), (2, 4), (3, 4), (4, 5), (5, 6), (5, 6), (6, 7)]
    assert [node.tensor for node in graph.nodes if node.tensor] == ["h"]
    assert [node.name for node in graph.nodes if node.has_kernel] == ["matmul", "relu"]
    assert graph.nodes[-1].value == loss.item() == 3 * (4.5**2 + 6.5**2)


def test_gradients_are_those_that_backward_left():
    w, x = leaf([3.0, 4.0]), minidl.tensor([1.0, 2.0])
    y = w * x
    y.retain_grad()
    loss = (y * y).sum()
    assert all(node.gradient is None for node in minidl.graph(loss).nodes)
    loss.backward(retain_graph=True)
    gradients = {node.name: node.gradient for node in minidl.graph(loss, w=w, x=x).nodes}
    assert gradients["w"].tolist() == [6, 32]
    assert gradients["x"] is None
    assert "gradient [6, 32]" in str(minidl.graph(loss))
    assert [node.gradient.tolist() for node in minidl.graph(loss, y=y).nodes if node.tensor] == [
        [6, 16]
    ]


def test_numbers_are_shown_where_they_are_known():
    w, x = leaf(2.0), minidl.tensor(3.0)
    loss = w * x
    loss.backward(retain_graph=True)
    graph = minidl.graph(loss, w=w, x=x)
    assert [node.label for node in graph.nodes] == ["w\n2\ngradient 3", "x\n3", "multiply\n6"]
    with minidl.no_grad():
        x += 1  # what multiply keeps of x is not what it was
    assert [node.value for node in minidl.graph(loss).nodes] == [2, None, 6]


def test_an_array_of_more_than_four_numbers_is_shown_by_its_shape():
    few, more = leaf([[1.0, 2 / 3], [0.5, -1e9]]), leaf([3.0, 4.0, 0.0, 0.0, 0.0])
    loss = (few * few).sum() + (more * more).sum()
    loss.backward(retain_graph=True)
    labels = [node.label for node in minidl.graph(loss, few=few, more=more).nodes]
    assert labels[0] == "few\n[[1, 0.6667], [0.5, -1e+09]]\ngradient [[2, 1.333], [1, -2e+09]]"
    assert "more\n(5,)\n‖gradient‖ 10" in labels
    nothing = minidl.graph(leaf(np.zeros((0, 2))).sum())
    assert nothing.nodes[0].label == "leaf\n(0, 2)"


def test_a_graph_is_what_it_was_when_it_was_made():
    w = leaf([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    graph = minidl.graph(loss, w=w)
    before = str(graph)
    w.data[...], w.grad.data[...] = 7, 7
    assert str(graph) == before


def test_dtypes_are_shown_where_they_are_not_float32():
    graph = minidl.graph(leaf([1.0, 2.0], "float64").astype("float32").sum())
    assert [node.dtype for node in graph.nodes] == ["float64", "float32", "float32"]
    assert [node.label for node in graph.nodes][:2] == ["leaf\n[1, 2], float64", "astype\n(2,)"]


@pytest.mark.parametrize("name", [*ELEMENTWISE, *OTHERS])
def test_the_shape_of_every_operation(name):
    """Nodes know the shapes of their inputs alone; what `y` is has to follow from its user."""
    if name in ELEMENTWISE:
        one = ELEMENTWISE[name]
        arrays = [numbers(3, 2, low=low, high=high) for low, high in one.ranges]
    else:
        one = OTHERS[name]
        arrays = one.inputs
    y = one.ours(*[minidl.Tensor(array, requires_grad=True) for array in arrays])
    if not y.requires_grad:
        return
    graph = minidl.graph(y.expand_dims(0).sum(), y=y)
    assert [(n.shape, n.dtype) for n in graph.nodes if n.tensor == "y"] == [(y.shape, y.dtype)]


def test_a_parameter_that_is_used_twice_is_one_node():
    w = leaf([1.0, 2.0])
    graph = minidl.graph((w * w).sum() + w.sum(), w=w)
    assert named(graph) == [
        ("w", "multiply"), ("w", "multiply"), ("multiply", "sum"), ("w", "sum"), ("sum", "add"),
        ("sum", "add"),
    ]  # fmt: skip


def test_in_place():
    x, y = leaf([1.0, 2.0]), minidl.zeros(2)
    y[0] = x.sum()
    y += x
    assert named(minidl.graph(y, x=x)) == [
        ("x", "sum"), ("constant", "item assignment"), ("sum", "item assignment"),
        ("item assignment", "add"), ("x", "add"),
    ]  # fmt: skip


def test_history_that_no_longer_fits_the_values_is_refused():
    x = leaf([1.0, 2.0]) * 1
    view = x[0]
    x *= 2
    with pytest.raises(GraphError, match="graph: this tensor shares memory"):
        minidl.graph(view)


def test_gradients_of_gradients():
    x = leaf(3.0)
    (slope,) = minidl.grad(x**3, x, create_graph=True)
    names = [node.name for node in minidl.graph(slope * slope, x=x, slope=slope).nodes]
    assert names[-1] == "multiply"
    assert names.count("x") == 1
    (slope * slope).backward(retain_graph=True)
    graph = minidl.graph(slope * slope, x=x, slope=slope)
    assert next(n.gradient for n in graph.nodes if n.name == "x") == 36 * 27  # d(9x⁴)/dx
    assert next(n.value for n in graph.nodes if n.tensor == "slope") == 27


def test_a_leaf_alone():
    x = leaf([1.0, 2.0])
    assert [node.name for node in minidl.graph(x, x=x).nodes] == ["x"]


def test_a_released_graph_is_refused_whole():
    w = leaf([1.0, 2.0])
    h = w.exp()
    first, second = h.sum(), (h * 2).sum()
    first.backward()
    for loss in (first, second):  # of the second one half is left
        with pytest.raises(GraphError, match=r"released\. Try: .*retain_graph=True"):
            minidl.graph(loss)


@pytest.mark.parametrize(
    ("arguments", "names", "error"),
    [
        ((3.0,), {}, "graph: expected a tensor, got 3.0"),
        ((leaf(1.0), leaf(2.0)), {}, "graph: expected a net"),
        ((leaf(1.0),), {"w": 3.0}, "graph: w: expected a tensor or an array, got 3.0"),
        ((leaf(1.0),), {"w": leaf(1.0)}, "graph: w: expected a tensor of this graph"),
    ],
)
def test_arguments(arguments, names, error):
    with pytest.raises(ArgumentError, match=error):
        minidl.graph(*arguments, **names)


def test_a_tensor_without_history_is_refused():
    with pytest.raises(GraphError, match="without history"):
        minidl.graph(minidl.ones(3))


# ---- Layers --------------------------------------------------------------------------------------


def mlp_loss():
    minidl.manual_seed(0)
    net = nn.MLP([4, 3, 2])
    x = np.ones((5, 4), np.float32)
    return net, x, F.cross_entropy(net(x), [0, 1, 0, 1, 1])


def test_a_layer_is_one_node():
    net, x, loss = mlp_loss()
    loss.backward(retain_graph=True)
    graph = minidl.graph(loss, net, x=x)
    first, second = "0: Dense(4, 3)\n1: ReLU()", "2: Dense(3, 2)"
    assert named(graph) == [("x", first), (first, second), (second, "cross_entropy")]
    node = graph.nodes[1]
    assert (node.kind, node.shape, node.has_kernel) == ("layer", (5, 3), True)
    assert [held.name for held in node.holds] == ["dense+relu", "0.weight", "0.bias"]
    norm = np.linalg.norm(net[0].weight.grad.numpy())
    assert f"0.weight: (4, 3), ‖gradient‖ {norm:.3g}" in node.label


def test_an_unfolded_layer_is_a_frame():
    net, x, loss = mlp_loss()
    graph = minidl.graph(loss, net, fold=False, x=x)
    assert named(graph) == [
        ("x", "dense+relu"), ("0.weight", "dense+relu"), ("0.bias", "dense+relu"),
        ("dense+relu", "dense"), ("2.weight", "dense"), ("2.bias", "dense"),
        ("dense", "cross_entropy"),
    ]  # fmt: skip
    assert [graph.layers.get(node.layer, "") for node in graph.nodes] == [
        "", *["0: Dense(4, 3)\n1: ReLU()"] * 3, *["2: Dense(3, 2)"] * 3, "",
    ]  # fmt: skip


class Scaled(nn.Layer):
    """What it computes between the uses of its parameters is its own, too."""

    def __init__(self):
        self.scale, self.shift = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
        self.inner = nn.Dense(3, 3)

    def forward(self, x):
        return self.inner((x * self.scale).exp().sqrt() + self.shift).tanh()


def test_a_layer_of_ones_own():
    net = nn.Sequential(nn.Dense(2, 3), Scaled()).astype("float64")
    loss = net(np.ones((4, 2))).sum()
    graph = minidl.graph(loss, net)
    assert [node.name for node in graph.nodes] == [
        "constant", "0: Dense(2, 3)", "1: Scaled()", "1.inner: Dense(3, 3)", "tanh", "sum",
    ]  # fmt: skip
    held = [node.name for node in graph.nodes[2].holds]
    assert held == ["multiply", "exp", "sqrt", "add", "1.scale", "1.shift"]


def test_a_net_that_runs_twice_and_a_penalty_on_its_weights():
    net = nn.Sequential(nn.Dense(2, 3), nn.Dropout(0.5), nn.Dense(3, 1))
    x = np.ones((4, 2), np.float32)
    loss = (net(x) - net(x)).sum() + (net[0].weight ** 2).sum()
    names = [node.name for node in minidl.graph(loss, net, fold=False).nodes]
    folded = minidl.graph(loss, net)
    assert names.count("0.weight") == names.count("2.bias") == 1
    titles = ["0: Dense(2, 3)", "1: Dropout(p=0.5)", "2: Dense(3, 1)"]
    assert [node.name for node in folded.nodes if node.kind == "layer"] == titles * 2
    outside = [node.name for node in folded.nodes if node.kind == "operation"]
    assert sorted(outside) == ["add", "power", "subtract", "sum", "sum"]


def test_every_layer_of_minidl_is_found():
    made = {
        nn.BatchNorm: nn.BatchNorm(4, affine=False), nn.Bias: nn.Bias(4),
        nn.Concat: nn.Concat(nn.Identity(), nn.Identity()), nn.Dense: nn.Dense(4, 4),
        nn.Dropout: nn.Dropout(0.5), nn.Embedding: nn.Embedding(9, 4), nn.Flatten: nn.Flatten(),
        nn.GaussianNoise: nn.GaussianNoise(0.1), nn.LayerNorm: nn.LayerNorm(4, affine=False),
        nn.RMSNorm: nn.RMSNorm(4, affine=False), nn.Residual: nn.Residual(nn.Identity()),
    }  # fmt: skip
    assert made.keys() == RECORDS.keys()
    made |= {kind: kind() for kind in map(REGISTRY.get, KINDS) if kind is not nn.Identity}
    for kind, layer in made.items():
        first = [] if kind is nn.Embedding else [nn.Dense(4, 4), nn.Bias(4)]
        net = nn.Sequential(*first, layer)
        x = np.ones((2, 4), np.int64 if kind is nn.Embedding else np.float32)
        last = minidl.graph(net(x), net).nodes[-1]
        assert (last.kind, last.name) == ("layer", f"{len(first)}: {headline(layer)}")


def ran(net, x):
    """The net's output, and which layer made each operation behind it, as hooks see it."""
    made = {}

    def after(path, layer, x, y):
        stops = {x._node if isinstance(x, minidl.Tensor) else None, *made}
        waiting = [y._node]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Node) and node not in stops:
                made[node], stops = layer, {*stops, node}
                waiting += node.inputs
        return y

    with hooked(net, after):
        return net(x), made


def sources_of(graph):
    return {b: [a for a, c in graph.edges if c == b] for _, b in graph.edges}


def test_random_nets():
    """An operation is in the box of the layer that made it, wherever all layers are minidl's."""
    boxes = 0
    for seed in range(120):
        training = Training(seed)
        net = training.net
        is_house = all(type(x).__module__.startswith("minidl.") for x in net.layers_within())
        x = training.x[: training.batch_size]
        x = x.astype(training.dtype) if x.dtype == "uint8" else x
        try:
            y, made = ran(net, x)
        except minidl.MinidlError:
            continue
        if not y.requires_grad:
            continue
        found = [node for node in behind([y._node]) if isinstance(node, Node)]
        operations = sorted(found, key=lambda node: node.age)
        keys, titles = layers_of(net, operations)
        for node in operations:
            if node in keys:
                assert titles[keys[node]].split(": ")[-1] == headline(made[node]), seed
                boxes += 1
            else:
                assert not is_house, (seed, node.operation, net, made[node])
        graph = minidl.graph(net(x), net)  # without hooks activations run with the Dense before
        TopologicalSorter(sources_of(graph)).prepare()  # no edges in a circle
        assert not is_house or all(node.kind != "operation" for node in graph.nodes)
    assert boxes > 300


# ---- The picture ---------------------------------------------------------------------------------

ODD = 'a "b" <c> & \\N \\l &lt; {d|e} ü'


def texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter()
            if element.tag.endswith("}text")]  # fmt: skip


@needs_graphviz
@pytest.mark.parametrize("fold", [False, True])
def test_the_picture_shows_names_as_they_are(fold):
    class Odd(nn.Layer):
        def __init__(self):
            self.w = nn.Parameter(np.ones(2))

        def describe(self):
            return ODD

        def forward(self, x):
            return self.w * x

    net = Odd()
    graph = minidl.graph(net(np.ones(2)).sum(), net, fold=fold)
    assert f"Odd({ODD})" in texts(graph.svg())
    assert texts(minidl.graph(net.w.sum(), **{ODD: net.w}).svg())[0] == ODD


@needs_graphviz
def test_graphviz_reads_every_node_and_edge():
    net, x, loss = mlp_loss()
    for graph in (minidl.graph(loss, net), minidl.graph(loss, net, fold=False, x=x)):
        plain = subprocess.run(
            ["dot", "-Tplain"], input=str(graph), capture_output=True, text=True, check=True
        ).stdout.splitlines()
        drawn = [tuple(line.split()[1:3]) for line in plain if line.startswith("edge ")]
        assert sorted(drawn) == sorted((f"n{a}", f"n{b}") for a, b in graph.edges)
        assert sum(line.startswith("node ") for line in plain) == len(graph.nodes)


@needs_graphviz
@pytest.mark.parametrize(
    ("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_saved(tmp_path, kind, start):
    minidl.graph(leaf(1.0) * 2).save(tmp_path / f"graph.{kind}")
    assert (tmp_path / f"graph.{kind}").read_bytes().startswith(start)


def test_without_graphviz_there_is_the_text(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    graph = minidl.graph(leaf(1.0) * 2)
    graph.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text() == f"{graph}\n" == f"{graph.dot}\n"
    assert graph._repr_svg_() is None
    with pytest.raises(MissingPackageError, match="dot, got none. Try: install graphviz"):
        graph.svg()
    with pytest.raises(MissingPackageError, match="dot, got none"):
        graph.save(tmp_path / "graph.svg")
    with pytest.raises(ArgumentError, match=r"\.dot, \.svg, \.png, \.pdf, got .*graph\.gif"):
        graph.save(tmp_path / "graph.gif")
    assert [file.name for file in tmp_path.iterdir()] == ["graph.dot"]

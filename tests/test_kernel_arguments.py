"""A kernel trusts what it is given, so what users can reach is checked first, and copied where it
must not change afterwards."""

from functools import partial

import numpy as np
import pytest

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.losses.declaration import planned

X = np.random.default_rng(0).random((30, 40), np.float32)
PIXELS = (X * 255).astype(np.uint8)
LABELS = np.arange(30) % 10


def model(bias=10):
    """A net that the kernel trains, wide enough for packed weights; its optimiser, and a step."""
    net = nn.Sequential(nn.Dense(40, 30), nn.PReLU(30), nn.Dense(30, 10))
    net[2].bias = nn.Parameter(np.zeros(bias, np.float32))
    optimizer = optim.Adam(net.parameters())
    return net, optimizer, minidl.TrainingStep(net, F.cross_entropy, optimizer)


def bits_of(net):
    return b"".join(p.data.tobytes() for p in net.parameters())


# ---- Rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[10**9], [30], [-1], [0, -30], [2**63], [0.5], [[1]], [True]])
@pytest.mark.parametrize("x", [X, PIXELS])
def test_rows_that_are_not_there_are_refused_before_anything_changes(rows, x):
    net, _, step = model()
    batches = data.batches(x, LABELS, 8)
    before = bits_of(net)
    for use in (batches.walk, batches.take, partial(step.on_rows, batches)):
        with pytest.raises(ArgumentError, match="rows"):
            use(rows)
    assert bits_of(net) == before


@pytest.mark.parametrize("x", [X, PIXELS])
def test_rows_of_any_integers_give_the_same_steps(x):
    rows = np.arange(30)[::-1]
    results = []
    for given in (rows, list(rows), rows.astype(np.int16), rows.astype(np.uint64), rows.copy()):
        minidl.manual_seed(0)
        net, _, step = model()
        losses = step.on_rows(data.batches(x, LABELS, 8), given)
        assert len(step.on_rows(data.batches(x, LABELS, 8), [])) == 0
        results.append(losses.tobytes() + bits_of(net))
    assert len(set(results)) == 1


def test_rows_that_change_on_the_way_and_other_data_are_not_read():
    batches, rows = data.batches(PIXELS, LABELS, 8), np.arange(30)
    walk = batches.walk(rows)
    next(walk)
    rows[:] = 10**9
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in walk]), LABELS[8:])
    for name in ("x", "y"):
        with pytest.raises(AttributeError, match=name):
            setattr(batches, name, PIXELS[:3])


# ---- Targets and weights -------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [F.cross_entropy, F.multi_margin])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "uint64", "float64", "float32", bool])
def test_labels_are_a_copy_which_nobody_can_change_after_they_were_checked(loss, dtype):
    given = (LABELS % 2).astype(dtype)
    targets = planned(loss, given, (30, 10), np.dtype("float32")).targets
    assert targets.dtype == np.int64
    assert not np.shares_memory(targets, given)


def test_weights_may_lie_apart_in_memory():
    weights = np.random.default_rng(1).random((2, 30)) + 0.5
    for class_weight in (weights[0, :10], weights.repeat(2)[:20:2]):
        net, _, step = model()
        step.loss = partial(F.cross_entropy, weight=class_weight)
        expected = step.loss(net(X), LABELS).item()
        np.testing.assert_allclose(step.epoch(data.batches(X, LABELS, 30)), [expected], rtol=1e-6)
    for reduction in ("mean", "sum", "none"):
        of_kind = partial(F.cross_entropy, net(X), LABELS, reduction=reduction)
        together, apart = (of_kind(sample_weight=w) for w in (weights[0], weights.T.copy()[:, 0]))
        np.testing.assert_array_equal(together.numpy(), apart.numpy())


# ---- Parameters ----------------------------------------------------------------------------------


def resized(array, *shape):
    array.resize(shape, refcheck=False)


USES = {
    "step": lambda net, optimizer, step: step(X, LABELS),
    "epoch": lambda net, optimizer, step: step.epoch(data.batches(PIXELS, LABELS, 8)),
    "predict": lambda net, optimizer, step: minidl.predict(net, X),
    "layers": lambda net, optimizer, step: net(X),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("factor", [0, 3])
def test_a_parameter_that_was_resized_in_place_is_noticed(use, number, factor):
    net, optimizer, step = model()
    USES[use](net, optimizer, step)
    array = list(net.parameters())[number].data
    resized(array, *[factor * n + 2 for n in array.shape])
    with pytest.raises(ShapeError):
        USES[use](net, optimizer, step)


def test_a_bias_of_another_width_is_refused():
    net, optimizer, step = model(bias=3)
    for use in USES.values():
        with pytest.raises(ShapeError, match="b of shape"):
            use(net, optimizer, step)


@pytest.mark.parametrize("change", ["resize", "reshape", "dtype"])
def test_an_optimiser_refuses_arrays_other_than_its_state_is_for(change):
    w, other = (minidl.tensor(np.ones((4, 6)), requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([{"params": [other]}, {"params": [w]}])
    array = w.data
    if change == "resize":
        resized(array, 2, 2)
    elif change == "reshape":
        array.shape = (6, 4)
    else:
        w._array = array.astype(np.float32)
    for p in (w, other):
        p.grad = minidl.tensor(np.ones_like(p.data))
    before = optimizer.state_dict()["parameters.0.steps"]
    for use in (optimizer.step, partial(optimizer.next_steps, 1, set())):
        with pytest.raises((ShapeError, DTypeError), match="Try: a new optimiser"):
            use()
    np.testing.assert_array_equal(other.data, np.ones((4, 6)))
    assert optimizer.state_dict()["parameters.0.steps"] == before

"""Rules of a user's own: `update` in NumPy."""

import math

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError
from minidl.optim import FLAG, NOT_NEGATIVE, TWO_SHARES

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 5)).astype(np.float32)
Y = RANDOM.integers(0, 3, 40)


class OwnAdam(optim.Optimizer):
    """Adam, for comparison with the kernel's."""

    options = {
        "lr": NOT_NEGATIVE, "betas": TWO_SHARES, "weight_decay": NOT_NEGATIVE, "maximize": FLAG,
        "decoupled_weight_decay": FLAG,
    }  # fmt: skip
    state = ("m", "v")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.0, **flags):
        flags = {"maximize": False, "decoupled_weight_decay": False} | flags
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, **flags)

    def update(self, w, g, state, options, t):
        beta1, beta2 = options["betas"]
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] *= beta2
        state["v"] += (1 - beta2) * g**2
        m, v = state["m"] / (1 - beta1**t), state["v"] / (1 - beta2**t)
        return w - options["lr"] * m / (np.sqrt(v) + 1e-8)


class OwnSGD(optim.Optimizer):
    options = {"lr": NOT_NEGATIVE}

    def update(self, w, g, state, options, t):
        return w - options["lr"] * g


def parameters(*shapes, dtype="float64"):
    return [
        minidl.tensor(np.random.default_rng(i).normal(size=shape), dtype, requires_grad=True)
        for i, shape in enumerate(shapes)
    ]


def give_gradients(params, seed):
    random = np.random.default_rng(seed)
    for p in params:
        p.grad = minidl.tensor(random.normal(size=p.shape).astype(p.dtype))


def values(params):
    return [p.data.copy() for p in params]


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("maximize", [False, True])
def test_groups_decay_direction_and_steps_are_those_of_the_built_in(decoupled, maximize):
    results = []
    for kind in (OwnAdam, optim.AdamW if decoupled else optim.Adam):
        params = parameters((3, 4), (), (2,), (4,))
        params[3] = nn.Parameter(params[3].data.copy(), decays=False)
        more = {"decoupled_weight_decay": decoupled} if kind is OwnAdam else {}
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.03}]
        optimizer = kind(groups, lr=0.1, weight_decay=0.1, maximize=maximize, **more)
        for seed in range(4):
            give_gradients(params, seed)
            params[seed % 3].grad = None  # and its steps are not counted
            params[1].requires_grad = seed != 1
            optimizer.step()
        params[1].requires_grad = True
        state = optimizer.state_dict()
        results.append([*values(params), *(state[f"parameters.{k}.{n}"] for k in range(4)
                                           for n in ("steps", "m", "v"))])  # fmt: skip
    for own, built_in in zip(*results, strict=True):
        np.testing.assert_allclose(own, built_in, rtol=1e-12)


def test_loading_a_state_goes_on_to_the_bit(tmp_path):
    params = parameters((3, 2), (2,), dtype="float32")
    optimizer = OwnAdam(params, lr=0.1)
    for seed in range(3):
        give_gradients(params, seed)
        optimizer.step()
    np.savez(tmp_path / "state.npz", **optimizer.state_dict())
    others = [minidl.tensor(p.data.copy(), requires_grad=True) for p in params]
    other = OwnAdam(others)
    with np.load(tmp_path / "state.npz") as saved:
        other.load_state_dict(saved)
    for each, its in ((params, optimizer), (others, other)):
        give_gradients(each, 5)
        its.step()
    for a, b in zip(values(params), values(others), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def test_fit_trains_by_it_and_resumes_to_the_bit(tmp_path):
    def fit(epochs, folder, **more):
        minidl.manual_seed(0)
        net = nn.MLP([5, 8, 3], "tanh")
        optimizer = OwnAdam(net.parameters(), lr=0.05)
        schedule = minidl.schedules.Schedule(optimizer, minidl.schedules.exponential(0.99))
        history = train.fit(
            net, (X, Y), F.cross_entropy, optimizer, epochs=epochs, batch_size=8, seed=1,
            schedule=schedule, callbacks=[train.Checkpoint(tmp_path / folder)], progress=False,
            **more,
        )  # fmt: skip
        return history["loss"], values(net.parameters())

    losses, whole = fit(4, "whole")
    assert losses[-1] < losses[0]
    fit(2, "parts")
    again, parts = fit(4, "parts", resume=True)
    assert again == losses
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", ["class", "object"])
def test_an_update_in_the_place_of_a_kernel_runs(way):
    """In a subclass of a built-in rule, on one object, and in TrainingStep."""

    def halved(w, g, state, options, t):
        return w / 2

    class Halving(optim.Adam):
        def update(self, w, g, state, options, t):
            return halved(w, g, state, options, t)

    for use in ("loop", "step"):
        net = nn.MLP([5, 3])
        kind = {"class": Halving, "object": optim.Adam}[way]
        optimizer = kind(net.parameters(), lr=0.1)
        if way == "object":
            optimizer.update = halved
        expected = [w / 2 for w in values(net.parameters())]
        if use == "loop":
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()
        else:
            TrainingStep(net, F.cross_entropy, optimizer).epoch(data.batches(X, Y, 40))
        for w, wanted in zip(values(net.parameters()), expected, strict=True):
            np.testing.assert_array_equal(w, wanted)


def rule_with(update, names=("u",)):
    return type("Own", (optim.Optimizer,), {
        "options": {"lr": NOT_NEGATIVE}, "state": names, "update": update,
    })  # fmt: skip


def undeclared(self, w, g, state, options, t):
    state["z"] = g
    return w


def writes(self, w, g, state, options, t):
    w -= g
    return w


def writes_gradient(self, w, g, state, options, t):
    g *= 2
    return w


def forgets(self, w, g, state, options, t):
    w = w - g


def sets(value):
    def update(self, w, g, state, options, t):
        state["u"] = value
        return w

    return update


@pytest.mark.parametrize(
    ("update", "error", "match"),
    [
        (forgets, DTypeError, "Own.update: expected new weights .* got NoneType.*return w"),
        (lambda *a: "text", DTypeError, "new weights"),
        (lambda *a: a[1].astype(complex), DTypeError, "complex"),
        (lambda *a: a[1].sum(), ShapeError, "new weights of shape"),
        (sets(np.ones(7)), ShapeError, "state 'u'"),
        (sets(None), DTypeError, "state 'u'"),
        (undeclared, ArgumentError, "an unknown 'z'"),
        (writes, ValueError, "read-only"),
        (writes_gradient, ValueError, "read-only"),
        (lambda *a: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_an_update_that_fails_leaves_all_as_it_was(update, error, match):
    """Also what came before it in the same step."""

    def second_fails(self, w, g, state, options, t):
        if w.shape == (3,):
            return update(self, w, g, state, options, t)
        state["u"] += 1
        return w - g

    params = parameters((2, 2), (3,))
    optimizer = rule_with(second_fails)(params, lr=0.1)
    give_gradients(params, 1)
    before, gradients = values(params), [p.grad.data.copy() for p in params]
    loss = sum((p * p).sum() for p in params)
    with pytest.raises(error, match=match):
        optimizer.step()
    state = optimizer.state_dict()
    assert [state[f"parameters.{k}.steps"] for k in range(2)] == [0, 0]
    assert not any(state[f"parameters.{k}.u"].any() for k in range(2))
    for now, was in zip(values(params), before, strict=True):
        np.testing.assert_array_equal(now, was)
    for p, was in zip(params, gradients, strict=True):
        np.testing.assert_array_equal(p.grad.data, was)
    loss.backward()  # nothing is stale


def test_arrays_of_the_state_may_change_places():
    def update(self, w, g, state, options, t):
        state["new"], state["old"] = g, state["new"]
        return w

    (w,) = parameters((3,))
    optimizer = rule_with(update, ("new", "old"))([w], lr=0.1)
    for value in (1.0, 2.0, 3.0):
        w.grad = minidl.tensor(np.full(3, value))
        optimizer.step()
    state = optimizer.state_dict()
    assert state["parameters.0.new"].tolist() == [3.0] * 3
    assert state["parameters.0.old"].tolist() == [2.0] * 3


def test_options_are_not_the_rules_to_change():
    def update(self, w, g, state, options, t):
        options["lr"] = 1.0
        return w

    params = parameters((3,))
    give_gradients(params, 1)
    with pytest.raises(TypeError, match="does not support item assignment"):
        rule_with(update)(params, lr=0.1).step()


def test_numbers_of_numpy_as_options_leave_the_dtype_alone():
    def update(self, w, g, state, options, t):
        assert w.dtype == g.dtype == state["u"].dtype == np.float32
        return w - options["lr"] * g

    options = {"lr": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE}
    kind = type("Own", (optim.Optimizer,), {"options": options, "state": ("u",), "update": update})
    (w,) = parameters((3,), dtype="float32")
    optimizer = kind([w], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    give_gradients([w], 1)
    optimizer.step()
    assert w.dtype == np.float32


def test_a_rule_without_update_says_so():
    params = parameters((3,))
    give_gradients(params, 1)
    optimizer = type("Own", (optim.Optimizer,), {"options": {"lr": NOT_NEGATIVE}})(params, lr=1.0)
    with pytest.raises(NotImplementedError, match=r"Own: expected a rule, .*def update\(self, w"):
        optimizer.step()


@pytest.mark.parametrize(
    "declared",
    [
        {"options": {"rate": NOT_NEGATIVE}},
        {},
        {"options": {"lr": NOT_NEGATIVE}, "state": ("steps",)},
    ],
)
def test_a_rule_must_declare_what_all_have(declared):
    kind = type("Own", (optim.Optimizer,), declared)
    with pytest.raises(ArgumentError, match="^Own: expected"):
        kind(parameters((3,)), **dict.fromkeys(declared.get("options", ["lr"]), 1.0))


def test_options_are_checked_and_refused_like_those_of_the_built_in():
    params = parameters((3,))
    for options in ({"lr": -1.0}, {"lr": math.nan}, {"lr": 0.1, "momentum": 0.9}, {}):
        with pytest.raises(ArgumentError, match="OwnSGD"):
            OwnSGD(params, **options)
    optimizer = OwnSGD(params, lr=0.1)
    give_gradients(params, 1)
    before = values(params)
    optimizer.param_groups[0]["lr"] = -1.0
    with pytest.raises(ArgumentError, match="lr"):
        optimizer.step()
    np.testing.assert_array_equal(params[0].data, before[0])


def test_the_tape_and_the_guards_know_of_its_steps():
    (w,) = parameters((3,))
    optimizer = OwnSGD([w], lr=0.1)
    with pytest.warns(minidl.GuardWarning, match="OwnSGD.step: expected a parameter with"):
        optimizer.step()
    stale = (w * w).sum()
    (w * w).sum().backward()
    optimizer.step()
    with pytest.raises(GraphError, match="changed in place"):
        stale.backward()
    with pytest.warns(minidl.GuardWarning, match="step has used already"):
        (w * w).sum().backward()


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_leaves_all_gradients_as_they_were():
    used, other = parameters((3,), (3,))
    (used * used).sum().backward()
    OwnSGD([used], lr=0.1).step()
    before, y = used.grad.data.copy(), (other * used).sum()
    with pytest.raises(minidl.GuardWarning, match="step has used already"):
        y.backward()
    np.testing.assert_array_equal(used.grad, before)
    assert other.grad is None
    used.grad = None
    y.backward()
    np.testing.assert_array_equal(other.grad, used.data)


@pytest.mark.parametrize("groups", [False, True])
def test_weights_that_share_memory_change_one_after_the_other(groups):
    memory = np.ones(4)
    a, b = (minidl.Tensor(memory, requires_grad=True) for _ in range(2))
    params = [{"params": [a]}, {"params": [b]}] if groups else [a, b]
    optimizer = OwnSGD(params, lr=1.0)
    a.grad, b.grad = minidl.tensor(np.full(4, 0.25)), minidl.tensor(np.full(4, 0.5))
    optimizer.step()
    np.testing.assert_array_equal(memory, np.full(4, 0.25))


@pytest.mark.parametrize("layout", ["fortran", "strided", "read-only"])
def test_parameters_of_every_layout(layout):
    array = np.arange(12.0).reshape(3, 4)
    laid_out = {
        "fortran": np.asfortranarray(array), "strided": np.repeat(array, 2, axis=1)[:, ::2],
        "read-only": np.frombuffer(array.tobytes()).reshape(3, 4),
    }[layout]  # fmt: skip
    w = minidl.Tensor(laid_out, requires_grad=True)
    w.grad = minidl.tensor(np.ones((3, 4)))
    OwnSGD([w], lr=1.0).step()
    np.testing.assert_array_equal(w.data, array - 1)

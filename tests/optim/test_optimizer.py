"""Groups, parameters in every condition, and saving."""

import copy

import numpy as np
import pytest

import minidl
from minidl import _kernels
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError
from minidl.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop

RULES = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (Adam, {"weight_decay": 0.1}),
    (AdamW, {}),
    (RMSprop, {}),
    (RMSprop, {"centered": True, "momentum": 0.5}),
    (Adagrad, {"lr_decay": 0.5, "initial_accumulator_value": 1}),
    (Adam, {"amsgrad": True, "maximize": True}),
    (NAdam, {"momentum_decay": 0.5, "weight_decay": 0.1}),
    (RAdam, {"betas": (0.9, 0.7)}),
    (Adadelta, {}),
    (Lion, {"weight_decay": 0.1}),
]
EVERY_RULE = pytest.mark.parametrize(
    ("rule", "options"), RULES, ids=[f"{rule.__name__}-{len(options)}" for rule, options in RULES]
)


def parameter(*values, dtype="float32"):
    return minidl.tensor(list(values), dtype=dtype, requires_grad=True)


def random_parameters(shapes, dtype="float32", seed=0):
    random = np.random.default_rng(seed)
    return [
        minidl.tensor(random.normal(size=shape).astype(dtype), requires_grad=True)
        for shape in shapes
    ]


def give_gradients(parameters, seed):
    random = np.random.default_rng(seed)
    for p in parameters:
        p.grad = minidl.tensor(random.normal(size=p.shape).astype(p.dtype))


def values(parameters):
    return [p.data.copy() for p in parameters]


def assert_same_bits(got, expected):
    for x, y in zip(got, expected, strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


# ---- Groups -------------------------------------------------------------------------------------


def test_groups_have_their_own_options():
    a, b, c = (parameter(1.0) for _ in range(3))
    optimizer = SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    for p in (a, b, c):
        p.grad = minidl.tensor([1.0])
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.75, 0.5, 0.5]
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [-0.25, 0.0, 0.125]


def test_a_group_names_its_parameters_in_order():
    a, b = parameter(1.0), parameter(2.0)
    first, second = SGD([{"params": (p for p in [b])}, {"params": [a]}], lr=1).param_groups
    assert first["params"][0] is b
    assert second["params"][0] is a


def test_lr_is_the_only_groups():
    optimizer = SGD([parameter(1.0)], lr=0.25)
    optimizer.lr = 0.5
    assert optimizer.lr == optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(ArgumentError, match="lr=-1"):
        optimizer.lr = -1
    optimizer.add_param_group({"params": [parameter(1.0)]})
    with pytest.raises(ArgumentError, match="param_groups"):
        optimizer.lr  # noqa: B018
    with pytest.raises(ArgumentError, match="param_groups"):
        optimizer.lr = 1.0


def test_one_kernel_for_each_group_and_dtype(monkeypatch):
    kernel, made = _kernels.update.Update, []
    monkeypatch.setattr(
        _kernels.update, "Update", lambda *arguments: made.append(arguments) or kernel(*arguments)
    )
    single, double = random_parameters([3, 4, (2, 2)]), random_parameters([5, 6], "float64")
    optimizer = SGD([*single[:2], *double, single[2]], lr=0.1)
    expected = values(single + double)
    for seed in (1, 2):
        give_gradients(single + double, seed)
        expected = [x - 0.1 * p.grad.data for x, p in zip(expected, single + double, strict=True)]
        optimizer.step()
    of_each = [(dtype, len(shapes)) for _, dtype, shapes, *_ in made]
    assert of_each == [("float32", 3), ("float64", 2)]
    for p, x in zip(single + double, expected, strict=True):
        np.testing.assert_allclose(p.data, x, rtol=1e-6)


def test_zero_grad_forgets():
    a, b = parameter(1.0), parameter(2.0)
    optimizer = SGD([{"params": [a]}, {"params": [b]}], lr=0.1)
    give_gradients([a, b], seed=1)
    optimizer.zero_grad()
    assert a.grad is None
    assert b.grad is None


def test_a_step_without_any_gradient_is_none():
    w = parameter(1.0)
    optimizer = Adam([w], weight_decay=0.1)
    with pytest.warns(minidl.GuardWarning, match=r"Adam.step: expected a parameter with"):
        optimizer.step()
    assert w.data == [1.0]
    assert optimizer.state_dict()["parameters.0.steps"] == 0


def test_a_rate_of_zero_moves_nothing():
    w = parameter(1.0, 2.0)
    optimizer = SGD([w], lr=0.1, weight_decay=0.5)
    optimizer.lr = 0
    give_gradients([w], seed=1)
    optimizer.step()
    assert w.data.tolist() == [1.0, 2.0]


# ---- Parameters: where they lie, and what the tape knows ----------------------------------------


@EVERY_RULE
def test_same_bits_for_every_thread_count_and_beside_other_parameters(rule, options):
    def after_two_steps(groups, threads):
        """The parameters, updated by one optimiser for each group of them."""
        parameters = random_parameters([(), (4095,), (0, 3), (4097,), (300, 200), (7,)])
        optimizers = [rule([parameters[k] for k in group], **options) for group in groups]
        with minidl.set_num_threads(threads):
            for seed in (1, 2):
                give_gradients(parameters, seed)
                for optimizer in optimizers:
                    optimizer.step()
        return values(parameters)

    expected = after_two_steps([range(6)], threads=1)
    assert_same_bits(after_two_steps([range(6)], threads=2), expected)
    assert_same_bits(after_two_steps([range(6)], threads=3), expected)
    assert_same_bits(after_two_steps([[k] for k in range(6)], threads=1), expected)


@EVERY_RULE
@pytest.mark.parametrize("layout", ["fortran", "strided", "read-only", "unaligned"])
def test_parameters_and_gradients_of_every_layout(rule, options, layout):
    def laid_out(x):
        if layout == "fortran":
            return np.asfortranarray(x)
        if layout == "strided":
            return np.repeat(x, 2, axis=1)[:, ::2]
        if layout == "unaligned":
            raw = np.frombuffer(b"." + x.tobytes(), np.uint8)
            return raw[1:].view(x.dtype).reshape(x.shape)
        x = x.copy()
        x.flags.writeable = False
        return x

    (plain,) = random_parameters([(3, 4)])
    odd = minidl.Tensor(laid_out(plain.data), requires_grad=True)
    assert not odd.data.flags.carray
    ours, theirs = rule([odd], **options), rule([plain], **options)
    for seed in (1, 2):
        give_gradients([plain], seed)
        odd.grad = minidl.Tensor(laid_out(plain.grad.data))
        theirs.step()
        ours.step()
    assert_same_bits([odd.data], [plain.data])


def test_parameters_stay_where_they_are():
    w = parameter(1.0, 2.0)
    array, view = w.data, w.detach()
    optimizer = SGD([w], lr=1.0)
    w.grad = minidl.tensor([1.0, 1.0])
    optimizer.step()
    assert w.data is array
    assert view.data.tolist() == [0.0, 1.0]


def test_values_assigned_between_steps_are_the_ones_updated():
    w = parameter(1.0, 2.0)
    optimizer = SGD([w], lr=1.0, momentum=0.5)
    w.grad = minidl.tensor([1.0, 1.0])
    optimizer.step()
    w.data = np.array([10.0, 20.0], np.float32)
    optimizer.step()
    assert w.data.tolist() == [8.5, 18.5]
    with minidl.no_grad():
        w += 1
    optimizer.step()
    assert w.data.tolist() == [7.75, 17.75]


def test_two_optimisers_may_share_a_parameter():
    w, b = parameter(1.0), parameter(1.0)
    first, second = SGD([w, b], lr=1.0), SGD([w], lr=0.5, momentum=0.5)
    w.grad = b.grad = minidl.tensor([1.0])
    for _ in range(2):
        first.step()
        second.step()
    # first: -1 each time; second: -0.5, then -0.75.
    assert (w.item(), b.item()) == (1 - 2 - 1.25, -1.0)


@EVERY_RULE
def test_backward_through_old_values_is_an_error(rule, options):
    w, b = parameter(1.0, 2.0), parameter(3.0, 4.0)
    optimizer = rule([w, b], **options)
    stale, fresh = (w * w).sum(), (b * b).sum()
    w.grad = minidl.tensor([1.0, 1.0])
    optimizer.step()
    with pytest.raises(GraphError, match="changed in place"):
        stale.backward()
    fresh.backward()  # b had no gradient, so it was not changed
    assert b.grad.data.tolist() == [6.0, 8.0]


def test_a_graph_from_before_the_optimiser_is_watched_too():
    w = minidl.Tensor(np.ones((2, 2), np.float32).T[:, ::-1], requires_grad=True)
    before, after = (w * w).sum(), (w * w).sum()
    optimizer = SGD([w], lr=0.5)
    before.backward()
    optimizer.step()
    with pytest.raises(GraphError, match="changed in place"):
        after.backward()


def test_training_reaches_the_least_squares_solution():
    random = np.random.default_rng(0)
    X, solution = random.normal(size=(20, 3)), random.normal(size=(3, 2))
    for rule, options in [
        (SGD, {"lr": 0.1, "momentum": 0.9}),
        (Adam, {"lr": 0.1}),
        (RMSprop, {"lr": 0.1}),
        (Adagrad, {"lr": 1.0}),
        (NAdam, {"lr": 0.1}),
        (RAdam, {"lr": 0.1}),
        (Adadelta, {"lr": 10.0}),
        (Lion, {"lr": 0.05}),
    ]:
        W = minidl.tensor(np.zeros((3, 2)), requires_grad=True)
        optimizer = rule([W], **options)
        for step in range(400):
            optimizer.lr = options["lr"] * (1 - step / 400)
            optimizer.zero_grad()
            ((minidl.tensor(X) @ W - X @ solution) ** 2).mean().backward()
            optimizer.step()
        np.testing.assert_allclose(W.data, solution, atol=1e-3, err_msg=rule.__name__)


# ---- Saving -------------------------------------------------------------------------------------


def trained(rule, options, steps, seed=0):
    """Parameters of both dtypes in two groups, after some steps, and their optimiser."""
    parameters = random_parameters([(3, 2), ()], seed=seed)
    parameters[1:1] = random_parameters([(2,)], "float64", seed=seed)
    optimizer = rule(
        [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.05}], **options
    )
    for seed in range(steps):
        give_gradients(parameters, seed)
        optimizer.step()
    return parameters, optimizer


@EVERY_RULE
def test_a_loaded_optimiser_continues_bit_for_bit(rule, options, tmp_path):
    parameters, optimizer = trained(rule, options, steps=3)
    optimizer.param_groups[1]["lr"] = 0.025
    np.savez(tmp_path / "optimizer.npz", **optimizer.state_dict())
    others, other = trained(rule, options, steps=1, seed=9)
    for p, q in zip(parameters, others, strict=True):
        q.data[...] = p.data
    with np.load(tmp_path / "optimizer.npz") as saved:
        other.load_state_dict(saved)
    for seed in (5, 6):
        for each, its in ((parameters, optimizer), (others, other)):
            give_gradients(each, seed)
            its.step()
    assert_same_bits(values(others), values(parameters))
    for group, own in zip(other.param_groups, optimizer.param_groups, strict=True):
        assert {**group, "params": None} == {**own, "params": None}
        assert {name: type(value) for name, value in group.items()} == {
            name: type(value) for name, value in own.items()
        }


def test_a_state_is_a_copy_of_numbers_and_arrays():
    parameters, optimizer = trained(SGD, {"lr": 0.1, "momentum": 0.5}, steps=2)
    state = optimizer.state_dict()
    assert state["groups.0.lr"] == 0.1
    assert state["groups.1.lr"] == 0.05
    assert state["parameters.2.steps"] == 2
    assert {name.split(".")[2] for name in state if name.startswith("parameters")} == {
        "steps", "velocity",
    }  # fmt: skip
    for number, p in enumerate(parameters):
        velocity = state[f"parameters.{number}.velocity"]
        assert velocity.shape == p.shape
        assert velocity.dtype == p.dtype
    before = copy.deepcopy(state)
    give_gradients(parameters, seed=1)
    optimizer.step()
    assert_same_bits(state.values(), before.values())
    assert optimizer.state_dict()["parameters.2.steps"] == 3


def replaced(name, value):
    return lambda state: {**state, name: value}


def without(name):
    return lambda state: {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (replaced("parameters.2.velocity", np.zeros(3, np.float32)), ShapeError),
        (replaced("parameters.1.velocity", np.zeros(2, np.float32)), DTypeError),
        (replaced("parameters.2.steps", -1), ArgumentError),
        (replaced("parameters.2.steps", 1.5), ArgumentError),
        (replaced("groups.1.lr", -1.0), ArgumentError),
        (replaced("groups.1.nesterov", True), ArgumentError),
        (replaced("groups.2.lr", 0.1), ArgumentError),
        (replaced("parameters.2.m", np.zeros((), np.float32)), ArgumentError),
        (without("groups.1.momentum"), ArgumentError),
        (without("parameters.2.velocity"), ArgumentError),
        (without("parameters.2.steps"), ArgumentError),
        (lambda state: {}, ArgumentError),
        (lambda state: list(state.items()), DTypeError),
    ],
)
def test_a_state_that_does_not_fit_is_refused_before_anything_is_changed(change, error):
    _, saved = trained(SGD, {"lr": 0.1, "momentum": 0.5, "dampening": 0.5}, steps=3)
    _, optimizer = trained(SGD, {"lr": 0.2, "momentum": 0.25, "dampening": 0.5}, steps=1)
    before = optimizer.state_dict()
    with pytest.raises(error):
        optimizer.load_state_dict(change(saved.state_dict()))
    after = optimizer.state_dict()
    assert after.keys() == before.keys()
    assert_same_bits(after.values(), before.values())


def test_loading_replaces_all_state():
    """What was kept under other options must not come back when they do."""
    _, plain = trained(SGD, {"lr": 0.1}, steps=2)
    results = []
    for steps in (0, 3):
        _, optimizer = trained(SGD, {"lr": 0.1, "momentum": 0.5}, steps=steps)
        optimizer.load_state_dict(plain.state_dict())
        (w,), (b, c) = (group["params"] for group in reversed(optimizer.param_groups))
        for p in (w, b, c):
            p.data = np.ones_like(p.data)
        optimizer.param_groups[0]["momentum"] = optimizer.param_groups[1]["momentum"] = 0.5
        give_gradients([w, b, c], seed=1)
        optimizer.step()
        results.append(values([w, b, c]))
    assert_same_bits(*results)


def test_a_state_of_another_rule_is_refused():
    _, sgd = trained(SGD, {"lr": 0.1}, steps=1)
    _, adam = trained(Adam, {}, steps=1)
    with pytest.raises(ArgumentError):
        adam.load_state_dict(sgd.state_dict())


@EVERY_RULE
def test_a_deep_copy_is_independent(rule, options):
    parameters, optimizer = trained(rule, options, steps=2)
    before = values(parameters)
    copies, its = copy.deepcopy((parameters, optimizer))
    for seed in (5, 6):
        give_gradients(copies, seed)
        its.step()
    assert_same_bits(values(parameters), before)
    for seed in (5, 6):
        give_gradients(parameters, seed)
        optimizer.step()
    assert_same_bits(values(parameters), values(copies))

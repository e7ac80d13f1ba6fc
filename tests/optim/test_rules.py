"""Every update rule against its published formula, in Python floats, one number at a time."""

import math

import numpy as np
import pytest

import minidl
from minidl.optim import SGD, Adagrad, Adam, AdamW, RMSprop


def sgd(w, g, s, lr, momentum=0, dampening=0, nesterov=False, weight_decay=0):
    g += weight_decay * w
    if momentum:
        s["u"] = momentum * s["u"] + (1 - dampening) * g if "u" in s else g
        g = g + momentum * s["u"] if nesterov else s["u"]
    return w - lr * g


def adam(w, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    g += weight_decay * w
    t = s["t"] = s.get("t", 0) + 1
    m = s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    v = s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    return w - lr * m_hat / (math.sqrt(v_hat) + eps)


def adamw(w, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
    return adam(w - lr * weight_decay * w, g, s, lr, betas, eps)


def rmsprop(w, g, s, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
    g += weight_decay * w
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g**2
    s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
    step = g / (math.sqrt(s["v"] - s["m"] ** 2 if centered else s["v"]) + eps)
    s["u"] = momentum * s.get("u", 0) + step
    return w - lr * s["u"]


def adagrad(w, g, s, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
    g += weight_decay * w
    t = s["t"] = s.get("t", 0) + 1
    s["v"] = s.get("v", initial_accumulator_value) + g**2
    return w - lr / (1 + (t - 1) * lr_decay) * g / (math.sqrt(s["v"]) + eps)


CASES = [
    (SGD, sgd, {"lr": 0.1}),
    (SGD, sgd, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.8, "dampening": 0.25, "weight_decay": 0.1}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (Adam, adam, {}),
    (Adam, adam, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.1, "weight_decay": 0.3}),
    (Adam, adam, {"betas": (0, 0.0)}),
    (AdamW, adamw, {}),
    (AdamW, adamw, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.1, "weight_decay": 0.3}),
    (RMSprop, rmsprop, {}),
    (RMSprop, rmsprop, {"alpha": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (RMSprop, rmsprop, {"alpha": 0.5, "momentum": 0.9}),
    (RMSprop, rmsprop, {"alpha": 0.75, "centered": True, "eps": 0.01}),
    (RMSprop, rmsprop, {"alpha": 0.75, "centered": True, "eps": 0.01, "momentum": 0.5}),
    (Adagrad, adagrad, {}),
    (Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.5, "weight_decay": 0.3, "eps": 0.1}),
    (Adagrad, adagrad, {"initial_accumulator_value": 2}),
]


def identity(case):
    rule, _, options = case
    return rule.__name__ + "".join(f"-{name}={value}" for name, value in options.items())


def numbers(shape, dtype, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def updated(reference, options, w, gradients):
    """The weights after all gradients, by the formula; None stands for a step without one."""
    result = []
    for column in zip(w.ravel().tolist(), *(g.ravel().tolist() for g in gradients), strict=True):
        value, state = column[0], {}
        for g in column[1:]:
            value = reference(value, g, state, **options)
        result.append(value)
    return np.array(result).reshape(w.shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=identity)
def test_rule_is_the_published_formula(case, dtype):
    rule, reference, options = case
    start = numbers((3, 5), dtype, seed=1)
    gradients = [numbers((3, 5), dtype, seed) for seed in range(2, 8)]
    w = minidl.tensor(start, requires_grad=True)
    optimizer = rule([w], **options)
    for gradient in gradients:
        w.grad = minidl.tensor(gradient)
        optimizer.step()
    expected = updated(reference, options, start, gradients)
    # The weights stay below 8: six times half a digit's worth, 4 eps, is the most that rounding
    # them costs. What a step subtracts is below 1, and its own error below half of that.
    np.testing.assert_allclose(w.data, expected, rtol=0, atol=6 * (4 + 2) * np.finfo(dtype).eps)
    assert w.dtype == dtype


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_parameter_without_gradient_is_left_out(case):
    """No decay, no momentum, no step counted: as if the step had not been."""
    rule, reference, options = case
    start = [numbers((4,), "float64", 1), numbers((2, 3), "float64", 2)]
    given = [numbers((3, 4), "float64", 3), numbers((2, 2, 3), "float64", 4)]
    a, b = (minidl.tensor(x, requires_grad=True) for x in start)
    optimizer = rule([a, b], **options)
    for of_a, of_b in [(given[0][0], given[1][0]), (given[0][1], None), (given[0][2], given[1][1])]:
        optimizer.zero_grad()
        a.grad = minidl.tensor(of_a)
        b.grad = None if of_b is None else minidl.tensor(of_b)
        before = b.data.copy()
        optimizer.step()
        if of_b is None:
            np.testing.assert_array_equal(b.data, before)
    np.testing.assert_allclose(a.data, updated(reference, options, start[0], given[0]), rtol=1e-12)
    np.testing.assert_allclose(b.data, updated(reference, options, start[1], given[1]), rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_parameter_may_refuse_weight_decay(case):
    class Slope(minidl.Tensor):
        decays = False

    rule, reference, options = case
    start, gradients = numbers((4,), "float64", 1), list(numbers((3, 4), "float64", 2))
    slope = Slope(start.copy(), requires_grad=True)
    w = minidl.tensor(start, requires_grad=True)
    optimizer = rule([slope, w], **options)
    for gradient in gradients:
        slope.grad = w.grad = minidl.tensor(gradient)
        optimizer.step()
    bare = options | {"weight_decay": 0}
    np.testing.assert_allclose(slope.data, updated(reference, bare, start, gradients), rtol=1e-12)
    np.testing.assert_allclose(w.data, updated(reference, options, start, gradients), rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "defaults"),
    [
        (
            SGD,
            {"momentum": 0, "dampening": 0, "nesterov": False, "weight_decay": 0, "lr": 0.5},
        ),
        (Adam, {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}),
        (AdamW, {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}),
        (
            RMSprop,
            {
                "lr": 1e-2,
                "alpha": 0.99,
                "eps": 1e-8,
                "weight_decay": 0,
                "momentum": 0,
                "centered": False,
            },
        ),
        (
            Adagrad,
            {
                "lr": 1e-2,
                "lr_decay": 0,
                "weight_decay": 0,
                "initial_accumulator_value": 0,
                "eps": 1e-10,
            },
        ),
    ],
)
def test_defaults_are_pytorchs(rule, defaults):
    w = minidl.tensor([1.0], requires_grad=True)
    (group,) = rule([w], **({"lr": 0.5} if rule is SGD else {})).param_groups
    assert {name: value for name, value in group.items() if name != "params"} == defaults


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e15])
def test_adams_first_step_is_the_learning_rate(scale):
    w = minidl.tensor([0.0, 0.0], requires_grad=True)
    w.grad = minidl.tensor([scale, -scale])
    Adam([w], lr=0.25).step()
    # eps = 1e-8 is up to 1e-5 of the gradient.
    np.testing.assert_allclose(w.data, [-0.25, 0.25], rtol=2e-5)


def test_momentum_may_be_switched_on_and_off():
    """The first velocity is the gradient, whenever it comes; without momentum it rests."""
    w = minidl.tensor([0.0], dtype="float64", requires_grad=True)
    w.grad = minidl.tensor([1.0], dtype="float64")
    optimizer = SGD([w], lr=1.0, dampening=0.5)
    moves = []
    for momentum in (0, 0.75, 0.75, 0, 0.5):
        optimizer.param_groups[0]["momentum"] = momentum
        before = w.item()
        optimizer.step()
        moves.append(before - w.item())
    assert moves == [1, 1, 0.75 + 0.5, 1, 0.5 * 1.25 + 0.5]


def test_the_centred_variance_is_never_below_zero():
    """A constant gradient has variance 0, and v - m² is then made of rounding errors alone."""
    w = minidl.tensor(np.linspace(0.1, 3, 97, dtype=np.float32), requires_grad=True)
    w.grad = minidl.tensor(np.linspace(0.1, 3, 97, dtype=np.float32))
    optimizer = RMSprop([w], alpha=0.5, eps=1.0, centered=True)
    for _ in range(100):
        optimizer.step()
    assert np.isfinite(w.data).all()


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_nan_and_infinite_numbers_pass(case):
    rule, _, options = case
    w = minidl.tensor([0.0, -np.inf, 1.0], requires_grad=True)
    w.grad = minidl.tensor([np.nan, 0.0, 1.0])
    optimizer = rule(
        [w],
        **(
            options | {"weight_decay": 0, "eps": 0.1}
            if rule is not SGD
            else options | {"weight_decay": 0}
        ),
    )
    optimizer.step()
    assert np.isnan(w.data[0])
    assert w.data[1] == -np.inf
    assert np.isfinite(w.data[2])

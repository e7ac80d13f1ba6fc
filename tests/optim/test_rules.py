"""Every update rule against its published formula, in Python floats, one number at a time."""

import math
from functools import partial

import numpy as np
import pytest
from optimizer_rules import RULES, drawn_options

import minidl
from minidl.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop

# A formula gives the new w; g comes with its weight decay, unless that is decoupled. `updated`
# sees to it, and to `maximize`.


def sgd(w, g, s, lr, momentum=0, dampening=0, nesterov=False):
    if momentum:
        s["u"] = momentum * s["u"] + (1 - dampening) * g if "u" in s else g
        g = g + momentum * s["u"] if nesterov else s["u"]
    return w - lr * g


def averages(g, s, betas):
    """Adam's: t, m and v."""
    t = s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    return t, s["m"], s["v"]


def adam(w, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
    t, m, v = averages(g, s, betas)
    if amsgrad:
        v = s["largest"] = max(v, s.get("largest", 0))
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    return w - lr * m_hat / (math.sqrt(v_hat) + eps)


def nadam(w, g, s, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3):
    t, m, v = averages(g, s, betas)
    mu, next_mu = (betas[0] * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in (t, t + 1))
    product = s["product"] = s.get("product", 1) * mu
    m_bar = next_mu * m / (1 - product * next_mu) + (1 - mu) * g / (1 - product)
    return w - lr * m_bar / (math.sqrt(v / (1 - betas[1] ** t)) + eps)


def radam(w, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    t, m, v = averages(g, s, betas)
    m_hat, power = m / (1 - betas[0] ** t), betas[1] ** t
    limit = 2 / (1 - betas[1]) - 1
    rho = limit - 2 * t * power / (1 - power)
    if rho <= 5:
        return w - lr * m_hat
    r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    return w - lr * m_hat * r * math.sqrt(1 - power) / (math.sqrt(v) + eps)


def rmsprop(w, g, s, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0, centered=False):
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g**2
    s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
    step = g / (math.sqrt(s["v"] - s["m"] ** 2 if centered else s["v"]) + eps)
    s["u"] = momentum * s.get("u", 0) + step
    return w - lr * s["u"]


def adagrad(w, g, s, lr=1e-2, lr_decay=0, initial_accumulator_value=0, eps=1e-10):
    t = s["t"] = s.get("t", 0) + 1
    s["v"] = s.get("v", initial_accumulator_value) + g**2
    return w - lr / (1 + (t - 1) * lr_decay) * g / (math.sqrt(s["v"]) + eps)


def adadelta(w, g, s, lr=1.0, rho=0.9, eps=1e-6):
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g**2
    delta = math.sqrt(s.get("u", 0) + eps) / math.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0) + (1 - rho) * delta**2
    return w - lr * delta


def lion(w, g, s, lr=1e-4, betas=(0.9, 0.99)):
    m = s.get("m", 0)
    s["m"] = betas[1] * m + (1 - betas[1]) * g
    return w - lr * math.copysign(1, betas[0] * m + (1 - betas[0]) * g)


FORMULAS = {
    SGD: sgd, Adam: adam, AdamW: adam, NAdam: nadam, RAdam: radam, RMSprop: rmsprop,
    Adagrad: adagrad, Adadelta: adadelta, Lion: lion,
}  # fmt: skip


def test_every_rule_has_a_formula():
    assert FORMULAS.keys() == set(RULES)


CASES = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.8, "dampening": 0.25, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.1, "weight_decay": 0.3}),
    (Adam, {"betas": (0, 0.0)}),
    (Adam, {"lr": 0.1, "betas": (0.5, 0.3), "amsgrad": True, "maximize": True}),
    (AdamW, {}),
    (AdamW, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.1, "weight_decay": 0.3}),
    (NAdam, {}),
    (NAdam, {"lr": 0.1, "betas": (0.5, 0.75), "momentum_decay": 9.0, "weight_decay": 0.3}),
    (NAdam, {"lr": 0.1, "momentum_decay": 0.0}),
    (RAdam, {}),
    (RAdam, {"lr": 0.1, "betas": (0.5, 0.8), "weight_decay": 0.3, "decoupled_weight_decay": True}),
    (RAdam, {"lr": 0.1, "betas": (0.5, 0.6)}),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (RMSprop, {"alpha": 0.5, "momentum": 0.9}),
    (RMSprop, {"alpha": 0.75, "centered": True, "eps": 0.01}),
    (RMSprop, {"alpha": 0.75, "centered": True, "eps": 0.01, "momentum": 0.5}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.1, "lr_decay": 0.5, "weight_decay": 0.3, "eps": 0.1}),
    (Adagrad, {"initial_accumulator_value": 2}),
    (Adadelta, {}),
    (Adadelta, {"lr": 0.5, "rho": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (Lion, {}),
    (Lion, {"lr": 0.1, "betas": (0.25, 0.5), "weight_decay": 0.3}),
]


def identity(case):
    rule, options = case
    return rule.__name__ + "".join(f"-{name}={value}" for name, value in options.items())


def numbers(shape, dtype, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def updated(rule, options, w, gradients):
    """The weights after all gradients, by the formula."""
    own, decoupled = dict(options), rule.decoupled
    lr, sign = own.get("lr", FORMULAS[rule].__defaults__[0]), -1 if own.get("maximize") else 1
    decay = own.pop("weight_decay", 1e-2 if rule is AdamW else 0)
    own.pop("maximize", None)
    decoupled = own.pop("decoupled_weight_decay", decoupled)
    formula = partial(FORMULAS[rule], **own)
    result = []
    for value, *column in zip(w.flat, *(g.flat for g in gradients), strict=True):
        x, state = float(value), {}
        for g in map(float, column):
            if decoupled:
                x = formula(x - lr * decay * x, sign * g, state)
            else:
                x = formula(x, sign * g + decay * x, state)
        result.append(x)
    return np.array(result).reshape(w.shape)


@pytest.mark.bounds(*(f"{formula.__name__} rule" for formula in FORMULAS.values()))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=identity)
def test_rule_is_the_published_formula(case, dtype):
    rule, options = case
    start = numbers((3, 5), dtype, seed=1)
    gradients = [numbers((3, 5), dtype, seed) for seed in range(2, 8)]
    w = minidl.tensor(start, requires_grad=True)
    optimizer = rule([w], **options)
    for gradient in gradients:
        w.grad = minidl.tensor(gradient)
        optimizer.step()
    expected = updated(rule, options, start, gradients)
    # The weights stay below 8: six times half a digit's worth, 4 eps, is the most that rounding
    # them costs. What a step subtracts is below 1, and its own error below half of that.
    np.testing.assert_allclose(w.data, expected, rtol=0, atol=6 * (4 + 2) * np.finfo(dtype).eps)
    assert w.dtype == dtype


@pytest.mark.parametrize("rule", RULES)
def test_rules_with_drawn_options_are_the_published_formulas(rule):
    random = np.random.default_rng(0)
    for seed in range(12):
        options = {"lr": 0.1, **drawn_options(rule, random)}
        if options.get("centered"):
            options["eps"] = 1e-3  # where the variance is made of rounding alone
        start, *gradients = numbers((15, 3), "float64", seed)
        w = minidl.tensor(start, requires_grad=True)
        optimizer = rule([w], **options)
        for gradient in gradients:
            w.grad = minidl.tensor(gradient)
            optimizer.step()
        expected = updated(rule, options, start, gradients)
        np.testing.assert_allclose(w.data, expected, 1e-9, 1e-9, err_msg=str(options))


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_parameter_without_gradient_is_left_out(case):
    """No decay, no momentum, no step counted: as if the step had not been."""
    rule, options = case
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
    np.testing.assert_allclose(a.data, updated(rule, options, start[0], given[0]), rtol=1e-12)
    np.testing.assert_allclose(b.data, updated(rule, options, start[1], given[1]), rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_parameter_may_refuse_weight_decay(case):
    class Slope(minidl.Tensor):
        decays = False

    rule, options = case
    start, gradients = numbers((4,), "float64", 1), list(numbers((3, 4), "float64", 2))
    slope = Slope(start.copy(), requires_grad=True)
    w = minidl.tensor(start, requires_grad=True)
    optimizer = rule([slope, w], **options)
    for gradient in gradients:
        slope.grad = w.grad = minidl.tensor(gradient)
        optimizer.step()
    bare = options | {"weight_decay": 0}
    np.testing.assert_allclose(slope.data, updated(rule, bare, start, gradients), rtol=1e-12)
    np.testing.assert_allclose(w.data, updated(rule, options, start, gradients), rtol=1e-12)


ADAMS = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "maximize": False}


@pytest.mark.parametrize(
    ("rule", "defaults"),
    [
        (
            SGD,
            {
                "momentum": 0, "dampening": 0, "nesterov": False, "weight_decay": 0, "lr": 0.5,
                "maximize": False,
            },
        ),
        (Adam, ADAMS | {"amsgrad": False}),
        (AdamW, ADAMS | {"amsgrad": False, "weight_decay": 1e-2}),
        (NAdam, ADAMS | {"lr": 2e-3, "momentum_decay": 4e-3, "decoupled_weight_decay": False}),
        (RAdam, ADAMS | {"decoupled_weight_decay": False}),
        (
            RMSprop,
            {
                "lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0,
                "centered": False, "maximize": False,
            },
        ),
        (
            Adagrad,
            {
                "lr": 1e-2, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0,
                "eps": 1e-10, "maximize": False,
            },
        ),
        (Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0, "maximize": False}),
    ],
)  # fmt: skip
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
    rule, options = case
    w = minidl.tensor([0.0, -np.inf, 1.0], requires_grad=True)
    w.grad = minidl.tensor([np.nan, 0.0, 1.0])
    optimizer = rule(
        [w], **options | {"weight_decay": 0} | ({"eps": 0.1} if "eps" in rule.options else {})
    )
    optimizer.step()
    assert np.isnan(w.data[0])
    assert w.data[1] == -np.inf
    assert np.isfinite(w.data[2])


def test_amsgrad_keeps_a_nan():
    w = minidl.tensor([0.0, 0.0], dtype="float64", requires_grad=True)
    optimizer = Adam([w], amsgrad=True)
    for gradient in (1.0, np.nan, 1.0):
        w.grad = minidl.tensor([gradient, 1.0], dtype="float64")
        optimizer.step()
    assert np.isnan(optimizer.state_dict()["parameters.0.largest_v"]).tolist() == [True, False]


@pytest.mark.parametrize("momentum_decay", [0.0, 1e-9, 4e-3, 1.0, 50.0])
@pytest.mark.parametrize("beta1", [0.0, 0.9, 0.999])
def test_nadams_product_is_that_of_all_factors(beta1, momentum_decay):
    """After 3000 steps, by which the product has come down to nothing, or nearly."""
    for t in (1, 2, 50, 3000):
        w = minidl.tensor([0.0], dtype="float64", requires_grad=True)
        optimizer = NAdam([w], lr=1.0, betas=(beta1, 0.0), eps=0, momentum_decay=momentum_decay)
        state = optimizer.state_dict()
        optimizer.load_state_dict(state | {"parameters.0.steps": t - 1})
        w.grad = minidl.tensor([1.0], dtype="float64")
        optimizer.step()  # m = 1 - beta1, v = 1
        mus = [beta1 * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in range(1, t + 2)]
        product = math.prod(mus[:-1])
        of_m = mus[-1] * (1 - beta1) / (1 - product * mus[-1])
        assert w.item() == pytest.approx(-of_m - (1 - mus[-2]) / (1 - product), rel=1e-12)


@pytest.mark.parametrize("option", ["amsgrad", "maximize", "weight_decay"])
def test_an_option_set_later_counts_from_the_next_step(option):
    """As if the state had been loaded by an optimiser that had it from the start."""
    values, gradients = numbers((4,), "float64", 1), numbers((5, 4), "float64", 2)
    results = []
    for is_loaded in (False, True):
        w = minidl.tensor(values, requires_grad=True)
        optimizer = Adam([w], lr=0.1)
        for i, gradient in enumerate(gradients):
            w.grad = minidl.tensor(gradient)
            if i == 3:
                optimizer.param_groups[0][option] = True if option != "weight_decay" else 0.5
                state = optimizer.state_dict()
                if is_loaded:
                    optimizer = Adam([w])
                    optimizer.param_groups[0][option] = True if option != "weight_decay" else 0.5
                    optimizer.load_state_dict(state)
            optimizer.step()
        results.append(w.data.copy())
    np.testing.assert_array_equal(*results)
    assert (results[0] != values).all()

"""The update kernels: what they may depend on."""

import numpy as np
import pytest

from minidl._kernels import rules, update

DTYPES = ["float32", "float64"]


def cut(sizes, longest):
    """The spans over parameters of these sizes."""
    rows, start = [], 0
    for k, size in enumerate(sizes):
        for first in range(0, size, longest):
            rows.append((k, first, start + first, min(longest, size - first)))
        start += size
    return np.array(rows, np.intp).reshape(-1, 4)


def numbers(n, dtype, seed):
    return np.random.default_rng(seed).normal(size=n).astype(dtype)


def shapes_of(arrays):
    return np.array([(1, array.size) for array in arrays], np.intp)


def hyperparameters(n, decay=0.0, decoupled=0.0, climbs=0.0, options=(), lr=0.1):
    """Rows of hyperparameters, alike for n parameters."""
    row = [0.0, lr, decay, decoupled, climbs, *options]
    return np.tile([*row, *[0.0] * (update.HYPERPARAMETERS - len(row))], (n, 1))


# The rule, which of the three states it keeps, and its own options.
RULES = {
    "sgd": ("sgd", [], [0.0, 0.0, 0.0]),
    "momentum": ("sgd", [0], [0.9, 0.1, 0.0]),
    "nesterov": ("sgd", [0], [0.9, 0.0, 1.0]),
    "adam": ("adam", [0, 1], [0.9, 0.99, 1e-8]),
    "amsgrad": ("adam", [0, 1, 2], [0.5, 0.6, 1e-8]),
    "early eps": ("adam_early_eps", [0, 1], [0.9, 0.99, 1e-8]),
    "nadam": ("nadam", [0, 1], [0.9, 0.99, 1e-8, 4e-3]),
    "radam": ("radam", [0, 1], [0.9, 0.75, 1e-8]),
    "rmsprop": ("rmsprop", [0], [0.9, 1e-8, 0.0]),
    "centred": ("rmsprop", [0, 1, 2], [0.9, 1e-8, 0.9]),
    "adagrad": ("adagrad", [0], [0.1, 0.0, 1e-8]),
    "adadelta": ("adadelta", [0, 1], [0.9, 1e-6]),
    "lion": ("lion", [0], [0.9, 0.99]),
}
# What is done to the gradient or to w first.
BEFORE = {
    "plain": {}, "decay": {"decay": 0.1}, "uphill": {"climbs": 1.0, "decay": 0.1},
    "shrinking": {"decay": 0.1, "decoupled": 1.0},
}  # fmt: skip
CASES = [(name, "plain") for name in RULES] + [("nesterov", name) for name in BEFORE]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))


def test_every_rule_is_tried():
    assert {name for name, _, _ in RULES.values()} == set(rules.RULES)


def run(case, weights, gradients, spans, threads=1):
    """Six steps; returns the weights and the state, all new."""
    weights = [w.copy() for w in weights]
    total, dtype = sum(w.size for w in weights), weights[0].dtype
    name, kept, options = RULES[case[0]]
    state = [np.zeros(total, dtype) for _ in range(3)]
    kernel = update.Update(
        rules.RULES[name], dtype.name, shapes_of(weights), spans,
        [state[k] if k in kept else None for k in range(3)],
        hyperparameters(len(weights), options=options, **BEFORE[case[1]]),
    )  # fmt: skip
    steps = [0] * len(weights)
    for _ in range(6):
        assert kernel.find(weights, gradients)
        kernel.run(steps, True, threads)
    assert steps == [0 if g is None else 6 for g in gradients]
    return weights, state


@pytest.mark.parametrize("dtype", DTYPES)
@EVERY_CASE
def test_bits_depend_neither_on_spans_nor_on_threads(case, dtype):
    sizes = [1, 700, 0, 33, 2048]
    weights = [numbers(n, dtype, n) for n in sizes]
    gradients = [numbers(n, dtype, n + 1) for n in sizes]
    expected, expected_state = run(case, weights, gradients, cut(sizes, 10_000))
    for longest, threads in [(1, 1), (7, 2), (64, 3), (500, 5), (10_000, 2)]:
        got, state = run(case, weights, gradients, cut(sizes, longest), threads)
        for x, y in zip(got + state, expected + expected_state, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", DTYPES)
@EVERY_CASE
def test_a_number_has_the_same_bits_in_every_place(case, dtype):
    """The loop's vector part and its remainder must round alike."""
    w, g = numbers(1, dtype, 5), numbers(1, dtype, 6)
    for n in (1, 2, 3, 7, 8, 31, 67):
        (result,), _ = run(case, [np.repeat(w, n)], [np.repeat(g, n)], cut([n], n))
        (alone,), _ = run(case, [w], [g], cut([1], 1))
        np.testing.assert_array_equal(result, np.repeat(alone, n))


@pytest.mark.parametrize("dtype", DTYPES)
@EVERY_CASE
def test_none_leaves_a_parameter_and_its_state_alone(case, dtype):
    weights = [numbers(5, dtype, k) for k in range(3)]
    gradients = [numbers(5, dtype, 7), None, numbers(5, dtype, 8)]
    got, state = run(case, weights, gradients, cut([5, 5, 5], 2))
    np.testing.assert_array_equal(got[1], weights[1])
    assert all((array[5:10] == 0).all() for array in state)
    (alone,), _ = run(case, [weights[2]], [gradients[2]], cut([5], 5))
    np.testing.assert_array_equal(got[2], alone)


def sgd(w, dtype="float64", lr=0.5):
    """SGD's kernel for one parameter."""
    return update.Update(rules.RULES["sgd"], dtype, shapes_of([w]), cut([w.size], w.size),
                         [None] * 3, hyperparameters(1, lr=lr))  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_may_be_the_weights_themselves(dtype):
    w = numbers(100, dtype, 1)
    expected, kernel = w - np.asarray(0.5, dtype) * w, sgd(w, dtype)
    assert kernel.find([w], [w])
    kernel.run([0], True, 1)
    np.testing.assert_array_equal(w, expected)


def read_only(array):
    array.flags.writeable = False
    return array


def unaligned(array):
    raw = np.frombuffer(b"." + array.tobytes(), np.uint8).copy()
    return raw[1:].view(array.dtype)


@pytest.mark.parametrize(
    "arrays",
    [
        (read_only(np.ones(4)), np.ones(4)),
        (np.ones(8)[::2], np.ones(4)),
        (np.ones(4), np.ones(8)[::2]),
        (np.ones(4, np.float32), np.ones(4)),
        (np.ones(4), np.ones(4, np.float32)),
        (np.ones(4), np.ones(4, np.int64)),
        (np.ones(4), np.ones(4, ">f8")),
        (np.ones(4), np.ones(5)),
        (np.ones(4), np.ones((2, 2))),
        (np.ones(3), np.ones(4)),
        (unaligned(np.ones(4)), np.ones(4)),
        (np.ones(4), unaligned(np.ones(4))),
        (np.ones(4), "text"),
        (np.ones(4), object()),
    ],
)
def test_what_does_not_fit_is_found_and_left_alone(arrays):
    """Also if it comes after what did fit."""
    w, g = arrays
    first = np.ones(4)
    kernel = update.Update(rules.RULES["sgd"], "float64", shapes_of([first] * 2), cut([4, 4], 4),
                           [None] * 3, hyperparameters(2))  # fmt: skip
    before = w.tobytes()
    assert not kernel.find([first, w], [np.ones(4), g])
    kernel.run([0, 0], True, 1)
    assert first.tolist() == [1.0] * 4
    assert w.tobytes() == before


def test_gradients_are_used_once():
    """After a step nobody keeps them."""
    w = np.ones(4)
    kernel = sgd(w)
    kernel.find([w], [np.ones(4)])
    for _ in range(2):
        kernel.run([0], True, 1)
    assert w.tolist() == [0.5] * 4


def test_weights_at_another_place_are_told():
    w, g = np.ones(4), np.ones(4)
    kernel = sgd(w)
    moved = []
    for weights in (w, w, w.copy(), w):
        kernel.find([weights], [g])
        moved.append(kernel.has_moved)
    assert moved == [True, False, True, True]


@pytest.mark.bounds("adam_early_eps rule")
@pytest.mark.parametrize("dtype", DTYPES)
def test_adam_with_an_early_eps_is_its_formula(dtype):
    """The form at the end of section 2 of Kingma & Ba (2015)."""
    start, g = numbers(20, dtype, 1), numbers(20, dtype, 2)
    (found,), _ = run(("early eps", "plain"), [start], [g], cut([20], 20))
    _, _, (beta1, beta2, eps) = RULES["early eps"]
    w, g, m, v = start.astype(float), g.astype(float), 0, 0
    for t in range(1, 7):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        w = w - 0.1 * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps)
    # The weights stay below 4; each of six steps rounds them, and itself, which is below 0.2.
    np.testing.assert_allclose(found, w, rtol=0, atol=6 * (2 + 1) * np.finfo(dtype).eps)


def test_a_rule_of_another_dtype_is_refused():
    wrong = dict(rules.RULES["sgd"], float64=rules.RULES["sgd"]["float32"])
    with pytest.raises(ValueError, match="incorrect name"):
        update.Update(
            wrong, "float64", shapes_of([np.ones(4)]), cut([4], 4), [None] * 3, hyperparameters(1)
        )


def test_the_coefficients_of_many_steps_are_those_of_one_after_the_other():
    name, _, options = RULES["nadam"]
    w, rows = numbers(3, "float64", 1), hyperparameters(1, decay=0.1, options=options)
    kernel = update.Update(
        rules.RULES[name], "float64", shapes_of([w]), cut([3], 3), [w, w, None], rows
    )
    many = np.repeat(rows[None], 5, axis=0)
    many[:, 0, 0] = range(1, 6)
    found, one = np.empty((5, 1, update.COEFFICIENTS)), np.empty((1, update.COEFFICIENTS))
    update.coefficients(rules.RULES[name], many, found)
    for t in range(1, 6):
        kernel.coefficients([t], one)
        np.testing.assert_array_equal(one[0, :9], found[t - 1, 0, :9])

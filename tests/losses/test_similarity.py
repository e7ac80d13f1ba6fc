"""Cosine similarity and the triplet loss: definitions, derivatives, extreme vectors."""

import autograd.numpy as anp
import numpy as np
import pytest
from derivatives import assert_derivatives

import minidl
from minidl import ArgumentError, DTypeError, ShapeError, tensor
from minidl.losses import cosine_similarity, triplet_margin

RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(3, 5, 4))


def cosine(x, y, axis=1):

    def length(v):
        return anp.sqrt(anp.sum(v * v, axis, keepdims=True))

    return anp.sum(x / length(x) * (y / length(y)), axis)


# ---- cosine_similarity --------------------------------------------------------------------------


def test_cosines_are_their_definition():
    assert_derivatives(cosine_similarity, cosine, X, Y)
    assert_derivatives(
        lambda x, y: cosine_similarity(x, y, axis=0), lambda x, y: cosine(x, y, 0), X, Y
    )
    assert_derivatives(cosine_similarity, cosine, X, Y[:1])
    assert_derivatives(
        lambda x, y: cosine_similarity(x, y, axis=-1),
        lambda x, y: cosine(x, y, 2),
        *[X[:, None], Y[None]],
    )


def test_an_axis_that_is_broadcast_has_its_copies_length():
    y = np.array([[2.0], [-3.0]])
    found = cosine_similarity(X[:2], y)
    wanted = X[:2].sum(1) * np.sign(y[:, 0]) / np.linalg.norm(X[:2], axis=1) / 2
    np.testing.assert_allclose(found.numpy(), wanted)


def test_cosines_by_hand():
    x = [[3.0, 4.0], [3.0, 4.0], [3.0, 4.0], [0.0, 0.0]]
    y = [[6.0, 8.0], [-3.0, -4.0], [4.0, -3.0], [1.0, 1.0]]
    np.testing.assert_allclose(cosine_similarity(x, y).numpy(), [1, -1, 0, 0], atol=1e-7)
    assert cosine_similarity(x, y).dtype == np.float32


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e20, 1e200, 1e300])
def test_long_and_short_vectors(size):
    x = tensor(size * X, requires_grad=True)
    y = cosine_similarity(x, Y, eps=1e-308)
    np.testing.assert_allclose(y.numpy(), cosine(X, Y), rtol=1e-12)
    (dx,) = minidl.grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(dx.numpy() * size, gradient_of_cosines(X, Y), rtol=1e-9)


def gradient_of_cosines(x, y):
    x_length, y_length = (np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
    return (y / y_length - cosine(x, y)[:, None] * x / x_length) / x_length


def test_the_vector_0_has_a_slope_and_no_curvature():
    """Its length counts as eps, so what is left is y / |y| / eps."""
    x = tensor(np.zeros((1, 3)), requires_grad=True)
    (dx,) = minidl.grad(
        cosine_similarity(x, [[3.0, 0.0, 4.0]], eps=0.1).sum(), x, create_graph=True
    )
    np.testing.assert_allclose(dx.numpy(), [[6, 0, 8]])
    np.testing.assert_array_equal(minidl.grad(dx.sum(), x)[0].numpy(), np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:, :3]), ShapeError, "broadcast"),
        ((X[0], Y[0]), ArgumentError, "axis within 1 axes"),
        ((X, Y, (0, 1)), ArgumentError, "axis"),
        ((X.astype(int), Y), DTypeError, "float32 or float64"),
        ((X, Y, 1, 0.0), ArgumentError, "a finite eps above 0"),
    ],
)
def test_errors_of_cosines(arguments, error, message):
    with pytest.raises(error, match=message):
        cosine_similarity(*arguments)


# ---- triplet_margin -----------------------------------------------------------------------------


def triplet(a, p, n, margin=1.0, power=2.0, swap=False, eps=1e-6):
    def distance(x, y):
        return anp.sum(anp.abs(x - y + eps) ** power, -1) ** (1 / power)

    to_far = distance(a, n)
    if swap:
        to_far = anp.minimum(to_far, distance(p, n))
    return anp.maximum(0, distance(a, p) - to_far + margin)


@pytest.mark.parametrize("seed", range(12))
def test_triplets_with_options_drawn_at_random(seed):
    rng = np.random.default_rng(seed)
    options = {
        "margin": rng.choice([0.0, 0.3, 1.0, 3.0]),
        "p": rng.choice([1.0, 1.5, 2.0, 3.0]),
        "swap": bool(rng.integers(2)),
        "eps": rng.choice([1e-6, 1e-3]),
    }
    reduction, v = rng.choice(["mean", "sum", "none"]), rng.random(5)

    def theirs(a, p, n):
        power = options["p"]
        losses = v * triplet(a, p, n, options["margin"], power, options["swap"], options["eps"])
        return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / v.sum()}[reduction]

    assert_derivatives(
        lambda *xs: triplet_margin(*xs, **options, sample_weight=v, reduction=reduction),
        lambda *xs: theirs(*xs) if reduction == "none" else anp.sum(theirs(*xs)),
        *[X, Y, Z],
        order=2,
    )


def test_triplets_by_hand():
    a, p, n = [[0.0, 0.0]] * 3, [[3.0, 4.0]] * 3, [[0.0, 2.0], [0.0, 5.5], [0.0, 9.0]]
    found = triplet_margin(a, p, n, reduction="none").numpy()
    np.testing.assert_allclose(found, [4, 0.5, 0], atol=1e-5)
    np.testing.assert_allclose(triplet_margin(a, p, n).item(), 1.5, atol=1e-5)
    assert triplet_margin(a, p, n).dtype == np.float32


def test_alike_and_far_triplets_have_finite_gradients():
    for a, p, n in ((X, X, X), (1e200 * X, -1e200 * X, 1e200 * Y), (0 * X, 0 * X, 1e-200 * X)):
        tensors = [tensor(x, requires_grad=True) for x in (a, p, n)]
        for power in (1, 2, 3):
            loss = triplet_margin(*tensors, p=power)
            found = minidl.grad(loss, tensors, create_graph=True)
            assert np.isfinite([loss.item(), *[dx.numpy().sum() for dx in found]]).all()
            second = minidl.grad(sum((dx * dx).sum() for dx in found), tensors)
            assert np.isfinite([dx.numpy() for dx in second]).all()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X, Y, Z[:3]), {}, ShapeError, r"negative of the anchor's shape \(5, 4\)"),
        ((X, Y[0], Z), {}, ShapeError, "positive of the anchor's shape"),
        ((1.0, 1.0, 1.0), {}, ShapeError, r"\(batch, features\)"),
        ((X[:0], Y[:0], Z[:0]), {}, ShapeError, "empty batch"),
        ((X.astype(int), Y, Z), {}, DTypeError, "float32 or float64"),
        ((X, Y, Z), {"margin": -1.0}, ArgumentError, "margin from 0 up"),
        ((X, Y, Z), {"p": 0.5}, ArgumentError, "p from 1 up"),
        ((X, Y, Z), {"eps": 0}, ArgumentError, "a finite eps above 0"),
        ((X, Y, Z), {"reduction": "all"}, ArgumentError, "'mean', 'batchmean', 'sum' or 'none'"),
        ((X, Y, Z), {"sample_weight": np.ones(4)}, ShapeError, "sample_weight of shape"),
    ],
)
def test_errors_of_triplets(arguments, options, error, message):
    with pytest.raises(error, match=message):
        triplet_margin(*arguments, **options)

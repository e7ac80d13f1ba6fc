"""einsum, and the products that it contains: NumPy's values, and gradients to the second order."""

import numpy as np
import pytest
from support import assert_gradients, numbers

import minidl
from minidl import gradcheck, tensor
from minidl.errors import ArgumentError, ShapeError

KNOWN = [
    "ij,jk->ik", "ij,jk", "ji,jk->ki", "bij,bjk->bik", "i,i", "i,i->i", "i,j->ji", "ij->ji", "ij->",
    "ij->j", "ii", "ii->i", "iji->j", "...ij,...jk->...ik", "...,...", "i...->...i", "...i,i",
    "b...i,bi->b...", "ij,jk,kl->il", "i,ij,j->", "ab,bc,cd,da->", "bhqd,bhkd->bhqk", ",i->i", "->",
    "i,j,k->kij", "ij,ij->", " i j , j k -> k i ", "iij,jk->ki", "aB,Bc",
]  # fmt: skip
SIZES = dict(zip("abBcdhijklq", [2, 3, 2, 2, 3, 2, 3, 2, 4, 2, 3], strict=True))


def given(subscripts, rng):
    """Arrays that fit the terms; two axes for `...`, or one, or one of length 1."""
    arrays = []
    for term in subscripts.replace(" ", "").split("->")[0].split(","):
        before, dots, after = term.partition("...")
        more = [(2, 3), (3,), (1, 3), (2, 1)][rng.integers(4)] if dots else ()
        shape = (*(SIZES[a] for a in before), *more, *(SIZES[a] for a in after))
        arrays.append(rng.uniform(-1, 1, shape))
    return arrays


@pytest.mark.parametrize("subscripts", KNOWN)
def test_values_and_two_derivatives(subscripts):
    arrays = given(subscripts, np.random.default_rng(1))

    def function(*xs):
        return minidl.einsum(subscripts, *xs)

    y = function(*arrays)
    wanted = np.einsum(subscripts, *arrays)
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-14)
    inputs = [tensor(array, requires_grad=True) for array in arrays]
    second = sum(array.size for array in arrays) < 25
    assert gradcheck(function, inputs, order=1 + second)


def drawn(rng):
    """Subscripts at random: letters repeated within terms and between them, `...`, 1 for a size."""
    letters = "ijkl"[: rng.integers(1, 5)]
    terms = ["".join(rng.choice([*letters], rng.integers(0, 4))) for _ in range(rng.integers(1, 4))]
    dots = rng.random() < 0.3
    if dots:
        places = [rng.integers(len(term) + 1) for term in terms]
        terms = [f"{t[:n]}...{t[n:]}" for t, n in zip(terms, places, strict=True)]
    used = sorted(set("".join(terms)) - {"."})
    result = "".join(rng.permutation(used)[: rng.integers(len(used) + 1)])
    arrow = "" if rng.random() < 0.3 else "->" + ("..." if dots else "") + result
    return ",".join(terms) + arrow


@pytest.mark.parametrize("seed", range(60))
def test_subscripts_drawn_at_random(seed):
    rng = np.random.default_rng(seed)
    subscripts = drawn(rng)
    arrays = given(subscripts, rng)
    if rng.random() < 0.3:  # a length of 1 broadcasts, but not within a term
        i = rng.integers(len(arrays))
        letters = subscripts.split("->")[0].split(",")[i].replace("...", "")
        if len({*letters}) == len(letters) > 0 and arrays[i].ndim:
            arrays[i] = arrays[i][:1]
    y = assert_gradients(lambda *xs: minidl.einsum(subscripts, *xs), *arrays)
    np.testing.assert_allclose(y, np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-14)


def test_nothing_and_rounding():
    assert minidl.einsum("ij,jk->ik", np.ones((2, 0)), np.ones((0, 3))).numpy().sum() == 0
    x = numbers(8, 50).astype(np.float32)
    y = minidl.einsum("ij,kj->ik", x, x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, tensor(x) @ x.T)
    assert minidl.einsum("ij,kj->ik", x, x.astype(np.float64)).dtype == np.float64


def test_integers():
    x, y = np.array([[1, 2**53 + 1], [3, 4]]), np.array([1, 1])
    for subscripts in ("ij,j->i", "ij,j->ij", "ij,j->"):
        z = minidl.einsum(subscripts, x, y)
        assert z.dtype == np.int64
        np.testing.assert_array_equal(z, np.einsum(subscripts, x, y))
    z = minidl.einsum("ij,j->i", x, tensor([1.0, 2.0], requires_grad=True))
    assert (z.dtype, z.requires_grad) == (np.float32, True)
    np.testing.assert_array_equal(minidl.dot(x, y), x @ y)


def test_many_tensors_are_contracted_by_the_smallest_results():
    """From the left, the first of these products would have 10^10 elements."""
    x = np.ones(100_000)
    assert minidl.einsum("i,j,i,j->", x, x, x, x).item() == 1e10


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk", [(2, 3)], "terms for 1 tensors"),
        ("ij", [(2,)], "a letter for each of 1 axes in 'ij'"),
        ("i", [(2, 2)], "a letter for each of 2 axes in 'i'"),
        ("...ij", [(2,)], "a letter for each of 1 axes in '...ij'"),
        ("ij->ii", [(2, 3)], "each letter of the result once, and in a term"),
        ("ij->k", [(2, 3)], "each letter of the result once, and in a term"),
        ("i1", [(2, 3)], "letters, ',', '->' and '...'"),
        ("i.j", [(2, 3)], "letters, ',', '->' and '...'"),
        ("......", [(2, 3)], "letters, ',', '->' and '...'"),
        ("...i->i", [(2, 3)], "'...' in the result too"),
        ("ij->i->j", [(2, 3)], "letters, ',', '->' and '...'"),
    ],
)
def test_subscripts_without_a_meaning(subscripts, shapes, message):
    with pytest.raises(ArgumentError) as error:
        minidl.einsum(subscripts, *map(np.ones, shapes))
    assert message in str(error.value)
    assert repr(subscripts) in str(error.value)


def test_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"einsum: expected axes 'j' of one length.*\(2, 3\) and"):
        minidl.einsum("ij,jk", np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ShapeError, match="einsum: expected equal lengths"):
        minidl.einsum("ii", np.ones((1, 3)))
    with pytest.raises(ArgumentError, match="einsum: expected subscripts first"):
        minidl.einsum(np.ones(2), [0])


SHAPES = [(), (3,), (2, 3), (3, 2), (2, 2, 3)]


@pytest.mark.parametrize("a", SHAPES)
@pytest.mark.parametrize("b", SHAPES)
def test_dot_inner_and_outer(a, b):
    x, y = numbers(*a), numbers(*b, seed=1)
    for name in ("dot", "inner", "outer"):
        try:
            wanted = getattr(np, name)(x, y)
        except ValueError:
            with pytest.raises(ShapeError, match=f"{name}: expected pairs of axes of equal length"):
                getattr(minidl, name)(x, y)
            continue
        found = assert_gradients(getattr(minidl, name), x, y)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


AXES = [0, 1, 2, (1, 1), ([0, 1], [0, 1]), ((1, -1), (0, 2)), (0, 0), ([], [])]


@pytest.mark.parametrize("axes", AXES, ids=repr)
def test_tensordot(axes):
    x, y = numbers(3, 2, 2), numbers(2, 2, 3, seed=1)
    for a, b in ((x, y), (x, x), (x[:, 0], y[:, :, 0])):
        try:
            wanted = np.tensordot(a, b, axes)
        except (ValueError, IndexError):
            with pytest.raises((ShapeError, ArgumentError), match="tensordot: expected"):
                minidl.tensordot(a, b, axes)
            continue
        found = assert_gradients(lambda a, b: minidl.tensordot(a, b, axes), a, b)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("axes", [-1, "1", (1,), ([0], [0, 1]), None, 3])
def test_tensordot_refuses(axes):
    with pytest.raises((ShapeError, ArgumentError), match="tensordot: expected"):
        minidl.tensordot(np.ones((2, 2)), np.ones((2, 2)), axes)

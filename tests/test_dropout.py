"""Dropout as a function of tensors: what is dropped, what is scaled, and what it depends on."""

import numpy as np
import pytest

import minidl
from minidl.engine.gradcheck import gradcheck
from minidl.errors import ArgumentError, DTypeError
from minidl.layers.dropout import dropout

X = np.random.default_rng(0).normal(size=(7, 13))


def tensor(x):
    return minidl.tensor(x, requires_grad=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.75, np.float32(0.2)])
def test_what_is_kept_is_scaled(p, dtype):
    x = X.astype(dtype)
    y = dropout(x, p, seed=4).numpy()
    kept = y != 0
    assert y.dtype == dtype
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(y[kept], x[kept] / (1 - float(p)), rtol=np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.75])
def test_without_rescaling_what_is_kept_is_x_itself(p, dtype):
    x = tensor(X.astype(dtype))
    y = dropout(x, p, rescale=False, seed=4)
    kept = dropout(x, p, seed=4).numpy() != 0
    dy = np.random.default_rng(1).normal(size=X.shape).astype(dtype)
    y.backward(dy)
    np.testing.assert_array_equal(y.numpy(), np.where(kept, x.numpy(), 0))
    np.testing.assert_array_equal(x.grad.numpy(), np.where(kept, dy, 0))
    assert dropout(x, p, training=False, rescale=False) is x
    np.testing.assert_array_equal(dropout(x, 1, rescale=False).numpy(), 0 * X)


@pytest.mark.parametrize("value", [None, 1, "no", np.array([True])])
def test_a_rescale_that_is_neither_true_nor_false(value):
    with pytest.raises(ArgumentError, match="rescale: True or False"):
        dropout(X, 0.5, rescale=value)
    with pytest.raises(ArgumentError, match="rescale: True or False"):
        minidl.nn.Dropout(0.5, rescale=value)


def test_the_mean_is_kept():
    """The mean of 10^5 values that are 0 or 1 / (1 - p): its deviation is sqrt(p / (1 - p) / n)."""
    n = 100_000
    for p in (0.1, 0.5, 0.9):
        y = dropout(np.ones(n), p, seed=1).numpy()
        assert abs(y.mean() - 1) < 5 * np.sqrt(p / (1 - p) / n)


def test_backward_drops_the_same_elements():
    x = tensor(X)
    y = dropout(x, 0.4)
    dy = np.random.default_rng(1).normal(size=X.shape)
    y.backward(dy)
    np.testing.assert_allclose(x.grad.numpy(), np.where(y.numpy() == 0, 0, dy / 0.6), rtol=1e-15)


def test_gradients_of_any_layout():
    for layout in (X.T, X[::2, ::-3], X.ravel(), np.array(3.0)):
        x = minidl.Tensor(layout, requires_grad=True)
        assert gradcheck(lambda x: dropout(x, 0.3, seed=2, step=1), x)
        contiguous = dropout(layout.copy(), 0.3, seed=2)
        np.testing.assert_array_equal(dropout(x, 0.3, seed=2).numpy(), contiguous.numpy())


def test_nothing_is_kept_so_the_input_may_be_overwritten():
    x = tensor(np.ones(100))
    y = dropout(x, 0.5, seed=3)
    mask = y.numpy().copy()
    with minidl.no_grad():
        x *= 0
        y *= 0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), mask)


def test_without_training_or_at_p_0_nothing_happens():
    x = tensor(X)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0) is x
    assert dropout(x, 1e-12) is x, "below half of 2^-32"


def test_at_p_1_all_is_dropped():
    for p in (1, 1.0, 1 - 1e-12):
        x = tensor(X)
        y = dropout(x, p)
        y.sum().backward()
        np.testing.assert_array_equal(y.numpy(), 0 * X)
        np.testing.assert_array_equal(x.grad.numpy(), 0 * X)


def test_the_mask_depends_on_seed_and_step():
    def mask(**where):
        return dropout(np.ones(200), 0.5, **where).numpy().tobytes()

    masks = [mask(seed=s, step=t) for s in (0, 1, 2**32, 2**64 - 1) for t in (0, 1, 2**32)]
    assert len(set(masks)) == len(masks)
    assert mask(seed=1) == mask(seed=np.int64(1), step=np.uint8(0))


def test_a_longer_tensor_begins_with_the_mask_of_a_shorter_one():
    long = dropout(np.ones(1000), seed=5).numpy()
    for n in (1, 3, 64, 65, 500):
        np.testing.assert_array_equal(dropout(np.ones(n), seed=5).numpy(), long[:n])
    np.testing.assert_array_equal(dropout(np.ones((10, 100)), seed=5).numpy().ravel(), long)


def test_manual_seed_starts_the_seeds_that_are_drawn():
    def draw():
        return [dropout(np.ones(200)).numpy().tobytes() for _ in range(3)]

    minidl.manual_seed(1)
    first = draw()
    assert len(set(first)) == 3
    minidl.manual_seed(1)
    assert draw() == first
    minidl.manual_seed(2)
    assert draw() != first


def test_a_seed_of_its_own_leaves_the_generator_alone():
    minidl.manual_seed(1)
    wanted = minidl.random.fresh_seed()
    minidl.manual_seed(1)
    dropout(X, 0.5, seed=3)
    dropout(X, 0.5, training=False)
    assert minidl.random.fresh_seed() == wanted


def test_the_bits_do_not_depend_on_the_threads():
    x = np.random.default_rng(0).normal(size=100_003).astype(np.float32)
    results = []
    for threads in (1, 2, 5):
        with minidl.set_num_threads(threads):
            results.append(dropout(x, 0.3, seed=1).numpy().tobytes())
    assert len(set(results)) == 1


def test_empty_tensors():
    x = tensor(np.zeros((0, 3)))
    y = dropout(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == (0, 3)


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, "0.5", None, True, np.array([0.5])])
def test_a_p_that_is_no_probability(p):
    for training in (True, False):
        with pytest.raises(ArgumentError, match="a probability p from 0 to 1"):
            dropout(X, p, training)


@pytest.mark.parametrize("value", [-1, 2**64, 0.5, "1", True])
@pytest.mark.parametrize("name", ["seed", "step"])
def test_seeds_and_steps_that_are_none(name, value):
    with pytest.raises(ArgumentError, match=rf"a {name} from 0 to 2\*\*64 - 1"):
        dropout(X, **{name: value})


def test_integers_are_refused():
    with pytest.raises(DTypeError, match="float32 or float64"):
        dropout(np.ones(3, int))

"""predict: a net's outputs as one kernel call, with the bits of net(x)."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import nn, predict, train
from minidl._kernels import threads as kernel_threads


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def called(net, x):
    """What net(x) gives, on one thread."""
    with minidl.no_grad(), minidl.set_num_threads(1):
        return net(x).numpy()


@pytest.mark.parametrize("activation", ["relu", "tanh", "prelu", "maxout"])
@pytest.mark.parametrize("rows", [1, 3, 256, 257, 700])
def test_the_bits_of_the_net_called(activation, rows, level):
    net, x = nn.MLP([20, 40, 30, 7], activation), numbers(rows, 20)
    for threads in (1, 2, 3):
        with minidl.set_num_threads(threads):
            np.testing.assert_array_equal(predict(net, x), called(net, x))


def test_threads_wait_for_each_other_between_batches():
    """The last batch, of one row, is another thread's than the first row of the one before."""
    net, x = nn.MLP([46, 21]), numbers(257, 46)
    expected = called(net, x)
    for _ in range(300):
        np.testing.assert_array_equal(predict(net, x), expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.lists(st.integers(1, 70), min_size=2, max_size=4))
def test_random_sizes_and_a_row_alone(rows, sizes):
    net, x = nn.MLP(sizes, "sigmoid"), numbers(rows, sizes[0])
    y = predict(net, x)
    np.testing.assert_array_equal(y, called(net, x))
    np.testing.assert_array_equal(predict(net, x[-1:]), y[-1:])


class Giving(nn.Layer):
    """Gives what it was given."""

    def forward(self, x):
        return minidl.Tensor(x)


@pytest.mark.parametrize("net", [Giving(), nn.Identity()])
def test_the_outputs_are_the_callers_own(net):
    """Also where an iterable gives one array again and again."""
    x = numbers(4, 3)
    assert not np.shares_memory(predict(net, x), x)

    def again():
        for value in range(3):
            x[:] = value
            yield x, x

    assert train.evaluate(net, again(), metrics=[lambda y, outputs: (y == outputs).all()]) == {
        "<lambda>": True
    }


def test_batch_norm_noise_and_bias_are_called():
    net = nn.Sequential(
        nn.Dense(20, 30), nn.BatchNorm(30), nn.GaussianNoise(0.5), nn.Bias(30), nn.ReLU()
    )
    net(numbers(40, 20))
    net.eval()
    before, x = net.state_dict(), numbers(300, 20)
    np.testing.assert_array_equal(predict(net, x), called(net, x))
    np.testing.assert_array_equal(predict(net, x[-1:]), called(net, x)[-1:])
    assert all(np.array_equal(before[name], array) for name, array in net.state_dict().items())


def test_pixels_float64_and_tensors():
    x = np.random.default_rng(0).integers(0, 256, (9, 20), np.uint8)
    net = nn.MLP([20, 30, 4])
    expected = called(net, (x / np.float32(255)).astype(np.float32))
    np.testing.assert_array_equal(predict(net, x), expected)
    np.testing.assert_array_equal(predict(net, minidl.tensor(x)), expected)
    double = nn.MLP([20, 30, 4]).astype("float64")
    np.testing.assert_array_equal(predict(double, x / 255), called(double, x / 255))


def test_lists_of_numbers_are_what_tensor_makes_of_them():
    net = nn.MLP([2, 3, 2])
    for x in ([[1.0, 2.0]], [[1, 2]], ((1, 2), (3.5, 4)), np.ones((1, 2), ">f4")):
        np.testing.assert_array_equal(predict(net, x), called(net, minidl.tensor(x)))
    with pytest.raises(minidl.DTypeError, match="predict: expected float32"):
        predict(net, [["a", "b"]])


def test_each_call_gives_an_array_of_its_own_and_sees_the_weights_of_now():
    net, x = nn.MLP([5, 30, 2], "prelu"), numbers(4, 5)
    first = predict(net, x)
    before = first.copy()
    for parameter in net.parameters():
        parameter.data = parameter.data + 1
    np.testing.assert_array_equal(predict(net, x), called(net, x))
    net[1].weight.data[...] = 3
    np.testing.assert_array_equal(predict(net, x), called(net, x))
    np.testing.assert_array_equal(first, before)


def test_weights_that_are_read_only():
    net, x = nn.MLP([5, 30, 2]), numbers(4, 5)
    expected = called(net, x)
    for parameter in net.parameters():
        frozen = parameter.data.copy()
        frozen.flags.writeable = False
        parameter.data = frozen
    np.testing.assert_array_equal(predict(net, x), expected)


def test_threads_of_python_that_share_a_net():
    net, inputs = nn.MLP([50, 60, 10]), [numbers(200, 50) + k for k in range(4)]
    expected = [called(net, x) for x in inputs]

    def is_right(k):
        return all(np.array_equal(predict(net, inputs[k]), expected[k]) for _ in range(100))

    with minidl.set_num_threads(1), ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_right, range(4)))


def test_options_that_were_changed_since():
    net, x = nn.MLP([5, 30, 2], "leaky_relu"), numbers(4, 5)
    predict(net, x)
    net[1].options["negative_slope"] = 0.5
    np.testing.assert_array_equal(predict(net, x), called(net, x))


class Doubled(nn.Layer):
    def forward(self, x):
        return minidl.Tensor(x) * 2


def test_any_other_net_is_called():
    x = numbers(4, 5)
    np.testing.assert_array_equal(predict(Doubled(), x), 2 * x)
    net = nn.MLP([5, 8, 2], dropout=0.5)
    assert not np.array_equal(predict(net, x), predict(net, x)), "dropout is on"
    np.testing.assert_array_equal(predict(net.eval(), x), called(net, x))
    assert predict(net, x[:0]).shape == (0, 2)
    pixels = np.full((3, 2, 5), 51, np.uint8)
    np.testing.assert_array_equal(predict(Doubled(), pixels), np.full((3, 2, 5), np.float32(0.4)))


def test_errors_are_those_of_the_layers():
    with pytest.raises(minidl.ShapeError, match=r"dense: expected x of shape \(batch, 5\)"):
        predict(nn.MLP([5, 8, 2]), numbers(4, 6))
    with pytest.raises(minidl.DTypeError, match="dense: expected x of W's dtype float32"):
        predict(nn.MLP([5, 8, 2]), np.ones((4, 5)))

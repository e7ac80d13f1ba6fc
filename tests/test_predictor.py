"""Predictor: the bits of predict, of the net as it was, for any number of threads at a time."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from random_trainings import Training

import minidl
from minidl import Predictor, nn, predict
from minidl._kernels import threads as kernel_threads
from minidl.layers.plan import form_of
from minidl.step.program import NotPlanned, planned_or_not


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def net():
    minidl.manual_seed(0)
    return nn.Sequential(
        nn.Dense(20, 300), nn.ReLU(), nn.Dropout(0.5), nn.Dense(300, 50), nn.PReLU(),
        nn.Dense(50, 5),
    )  # fmt: skip


def rows(n):
    return np.random.default_rng(n).normal(size=(n, 20)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 32, 257, 600])
def test_the_bits_of_predict(n, threads, level):
    plain = net()
    predictor = Predictor(plain)
    with minidl.set_num_threads(threads):
        np.testing.assert_array_equal(predictor(rows(n)), predict(plain.eval(), rows(n)))


@pytest.mark.parametrize("seed", range(60))
def test_the_bits_of_predict_for_nets_drawn_at_random(seed):
    t = Training(seed)
    t.net.eval()
    expected = predict(t.net, t.x)
    if isinstance(planned_or_not(copy.deepcopy(t.net), form_of(t.x)), NotPlanned):
        with pytest.raises(minidl.ArgumentError, match="every layer has a plan"):
            Predictor(t.net)(t.x)
    else:
        np.testing.assert_array_equal(Predictor(t.net)(t.x), expected)


def test_it_is_the_net_as_it_was():
    plain = net()
    predictor, before = Predictor(plain), predict(plain.eval(), rows(9))
    plain[0].weight.data[...] = 0
    np.testing.assert_array_equal(predictor(rows(9)), before)
    assert plain.train().training


def test_threads_share_it():
    predictor, wanted = Predictor(net()), {n: predict(net().eval(), rows(n)) for n in range(1, 60)}
    with ThreadPoolExecutor(8) as pool:
        sizes = list(wanted) * 5
        for n, y in zip(sizes, pool.map(lambda n: predictor(rows(n)), sizes), strict=True):
            np.testing.assert_array_equal(y, wanted[n])


def test_a_copy_predicts_alike():
    predictor = Predictor(net())
    expected = predictor(rows(7))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predictor))(rows(7)), expected)


def test_pixels_and_what_does_not_fit():
    predictor = Predictor(net())
    pixels = np.random.default_rng(0).integers(0, 256, (9, 20), np.uint8)
    np.testing.assert_array_equal(predictor(pixels), predict(net().eval(), pixels))
    with pytest.raises(minidl.ShapeError, match=r"dense: expected x of shape \(batch, 20\)"):
        predictor(rows(3)[:, :4])
    with pytest.raises(minidl.DTypeError, match="float32"):
        predictor(rows(3).astype(np.float64))
    with pytest.raises(minidl.ShapeError, match=r"dense: expected x of shape \(batch, 20\)"):
        predictor(rows(1)[0])


def test_a_net_without_a_plan_is_refused():
    class Halved(nn.Layer):
        def forward(self, x):
            return x * 0.5

    with pytest.raises(minidl.ArgumentError, match="every layer has a plan, got Halved"):
        Predictor(nn.Sequential(nn.Dense(20, 3), Halved()))(rows(2))

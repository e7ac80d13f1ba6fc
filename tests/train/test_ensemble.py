"""Several seeds together: the same bits side by side, the interval, the mean of the outputs."""

import numpy as np
import pytest
import scipy.stats
from ensembles import X, fails, make

import minidl
from minidl import functional as F
from minidl import nn, train


@pytest.fixture(scope="module")
def four():
    return train.ensemble(make, seeds=4, workers=1)


def test_each_seed_is_a_training_of_its_own(four):
    for seed, net, result in zip(four.seeds, four.nets, four.results, strict=True):
        minidl.manual_seed(seed)
        alone, history = make(seed)
        for name, array in alone.state_dict().items():
            assert net.state_dict()[name].tobytes() == array.tobytes()
        names = "loss", "validation_loss", "validation_accuracy"
        assert result == {name: history[-1][name] for name in names}


def test_processes_come_to_the_same_bits(four):
    minidl.manual_seed(7)
    before = minidl.random.random_state()
    found = train.ensemble(make, seeds=[2, 0], workers=2)
    assert minidl.random.random_state() == before
    assert found.results == [four.results[2], four.results[0]]
    for net, alone in zip(found.nets, (four.nets[2], four.nets[0]), strict=True):
        for name, array in alone.state_dict().items():
            assert net.state_dict()[name].tobytes() == array.tobytes()


def test_the_interval_is_students(four):
    values = [result["validation_loss"] for result in four.results]
    mean, half = four["validation_loss"]
    low, high = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    np.testing.assert_allclose([mean - half, mean + half], [low, high], rtol=1e-6)
    lines = repr(four).splitlines()
    assert lines[0] == "4 seeds"
    assert lines[1].split() == ["mean", "±", "95", "%", "least", "most"]
    assert f"{min(values):.4g}" in repr(four)
    assert np.isnan(train.Ensemble([0], four.nets[:1], four.results[:1])["loss"].half)


def test_the_ensemble_predicts_the_mean(four):
    outputs = [train.predict(net, X).astype(np.float64) for net in four.nets]
    np.testing.assert_allclose(four.predict(X), np.mean(outputs, axis=0), rtol=1e-5, atol=1e-6)
    shares = [np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in outputs]
    np.testing.assert_allclose(four.predict(X, F.softmax), np.mean(shares, axis=0), rtol=1e-5)


def test_an_error_of_one_seed_is_raised():
    for workers in (1, 2):
        with pytest.raises(minidl.DivergedError, match="nan"):
            train.ensemble(fails, seeds=2, workers=workers)


def test_the_random_numbers_stay():
    minidl.manual_seed(3)
    before = minidl.random.random_state()
    train.ensemble(make, seeds=1, workers=1)
    assert minidl.random.random_state() == before


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"seeds": 0}, "seeds: how many, or a list"),
        ({"seeds": []}, "seeds: how many, or a list"),
        ({"seeds": [-1]}, "seeds: how many, or a list"),
        ({"workers": 0}, "workers from 1 up"),
        ({"make": lambda seed: make(seed), "workers": 2}, "other processes import.*Try: workers=1"),
        ({"make": lambda seed: nn.Dense(2, 2), "workers": 1}, "a net and its results, got Dense"),
        ({"make": lambda seed: (nn.Dense(2, 2), 3.0), "workers": 1}, "a dict of numbers"),
    ],
)
def test_wrong_arguments(arguments, match):
    given = {"make": make, "seeds": 2} | arguments
    with pytest.raises(minidl.ArgumentError, match=match):
        train.ensemble(given.pop("make"), **given)

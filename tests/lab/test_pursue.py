"""Training to a goal, and when it was reached."""

import numpy as np
import pytest

import minidl
from minidl import data, nn
from minidl import functional as F
from minidl_lab.trainings import error, looks, net_of, pursue, reached, sgd


def test_looks_are_no_further_apart_than_said_and_end_at_the_last():
    steps = [*looks(5000)]
    gaps = np.diff([0, *steps])
    assert steps[-1] == 5000
    assert all(
        gap <= max(20, 0.08 * step + 0.5) for gap, step in zip(gaps, [0, *steps], strict=False)
    )
    assert all(gaps > 0)


@pytest.mark.parametrize(
    ("target", "amount"), [(0.9, 10), (0.5, 10), (0.35, 15), (0.2, 20), (0.1, 30), (0.05, None)]
)
def test_reached_lies_on_the_lines_between_the_looks(target, amount):
    found = reached([10, 20, 25, 30], [0.5, 0.2, 0.3, 0.1], target)
    assert found == (None if amount is None else pytest.approx(amount))


def test_reached_is_the_first_time():
    assert reached([1, 2, 3, 4], [0.4, 0.2, 0.4, 0.2], 0.3) == pytest.approx(1.5)


def test_steps_and_errors_are_those_of_the_loop(few_digits):
    """Against steps made one by one, of whole batches; the first look is within an epoch."""
    x, y = few_digits.x[:300], few_digits.y[:300]
    net = net_of([784, 16, 10], "relu", 3)
    curve = pursue(net, x, y, sgd(net, 0.1), batch=32, seed=5, goal=0.0, most=30)

    other = net_of([784, 16, 10], "relu", 3)
    optimizer = sgd(other, 0.1)
    batches = data.batches(x, y, 32, shuffle=True, seed=5, drop_last=True)
    errors, done = {}, 0
    while done < 30:
        for inputs, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(other(inputs), labels).backward()
            optimizer.step()
            done += 1
            errors[done] = error(other, x, y)
            if done == 30:
                break
    assert curve.steps == [20, 30]
    assert curve.errors == [errors[20], errors[30]]
    assert np.array_equal(net.layers[0].weight.data, other.layers[0].weight.data)
    assert 0 < curve.seconds[0] < curve.seconds[1]


def test_ends_at_the_goal(few_digits):
    net = net_of([784, 16, 10], "relu", 0)
    curve = pursue(
        net, few_digits.x, few_digits.y, sgd(net, 0.2), batch=64, seed=0, goal=0.5, most=400
    )
    assert curve.errors[-1] <= 0.5 < min(curve.errors[:-1], default=1.0)
    assert curve.steps[-1] < 400


def test_a_run_that_diverges_has_no_look_after_it(few_digits):
    net = net_of([784, 16, 10], "relu", 0)
    curve = pursue(
        net, few_digits.x, few_digits.y, sgd(net, 1e30), batch=64, seed=0, goal=0.0, most=100
    )
    assert curve == ([], [], [])


def test_follows_a_schedule(few_digits):
    """A factor of 0 from step 20 on leaves what was there."""
    x, y = few_digits.x, few_digits.y

    def factor(t):
        return float(t < 20)

    nets = [net_of([784, 8, 10], "tanh", 0) for _ in range(2)]
    for net, most in zip(nets, (20, 60), strict=True):
        pursue(net, x, y, sgd(net, 0.1), batch=32, seed=0, goal=0.0, most=most, schedule=factor)
    assert np.array_equal(nets[0].layers[0].weight.data, nets[1].layers[0].weight.data)


def test_an_activation_without_a_kernel(few_digits):
    class Cube(nn.Activation):
        name = "pursued_cube"
        paper = ""

        @staticmethod
        def formula(x):
            return x * x * x

        @staticmethod
        def limits():
            return -np.inf, np.inf

    net = net_of([784, 8, 10], "pursued_cube", 0, "glorot_uniform")
    curve = pursue(
        net, few_digits.x, few_digits.y, sgd(net, 0.01), batch=32, seed=0, goal=0.0, most=20
    )
    assert curve.steps == [20]
    del minidl.layers.activations.REGISTRY["pursued_cube"]

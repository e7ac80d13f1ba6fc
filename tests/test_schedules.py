"""Factors against their closed forms, and the schedule that applies them."""

import math

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError
from minidl.optim import SGD
from minidl.optim.schedules import Schedule, constant, cosine, exponential, linear, step, warmup


def optimizer(*rates):
    groups = [{"params": [minidl.tensor([1.0], requires_grad=True)], "lr": lr} for lr in rates]
    return SGD(groups, lr=1.0)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (constant(), [1, 1, 1, 1, 1, 1]),
        (step(2), [1, 1, 0.1, 0.1, 0.01, 0.01]),
        (step(3, factor=0.5), [1, 1, 1, 0.5, 0.5, 0.5]),
        (exponential(0.5), [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
        (linear(4), [1, 0.75, 0.5, 0.25, 0, 0]),
        (linear(4, end=0.2), [1, 0.8, 0.6, 0.4, 0.2, 0.2]),
        (cosine(4), [1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0, 0]),
        (cosine(2, end=0.2), [1, 0.6, 0.2, 0.2, 0.2, 0.2]),
        (warmup(4), [0.25, 0.5, 0.75, 1, 1, 1]),
        (warmup(1), [1, 1, 1, 1, 1, 1]),
        (warmup(2, then=linear(2)), [0.5, 1, 1, 0.5, 0, 0]),
        (warmup(2, then=warmup(2, then=exponential(0.5))), [0.5, 1, 0.5, 1, 1, 0.5]),
    ],
)
def test_factors(factor, expected):
    assert [factor(t) for t in range(6)] == pytest.approx(expected, rel=1e-15, abs=1e-16)


@pytest.mark.parametrize("family", [linear, cosine])
@pytest.mark.parametrize("end", [0.0, 0.1, 0.3, 1.0, 2.0])
def test_ends_are_exact_and_stay(family, end):
    factor = family(7, end=end)
    assert factor(0) == 1.0
    assert factor(7) == factor(8) == factor(10**9) == end


@pytest.mark.parametrize(
    "make",
    [
        lambda: step(0), lambda: step(1.5), lambda: step(True), lambda: step(2, factor=-1),
        lambda: step(2, factor=math.nan), lambda: exponential(math.inf), lambda: exponential("x"),
        lambda: linear(0), lambda: linear(3, end=-0.1), lambda: cosine(-1), lambda: cosine(None),
        lambda: cosine(3, end=math.nan), lambda: warmup(0), lambda: warmup(2, then=0.5),
    ],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(make):
    with pytest.raises(ArgumentError):
        make()


def test_a_schedule_sets_every_groups_rate():
    sgd = optimizer(1.0, 0.5)
    schedule = Schedule(sgd, warmup(2, then=linear(2)))
    rates = [schedule.lr]
    for _ in range(4):
        schedule.step()
        rates.append([group["lr"] for group in sgd.param_groups])
    assert rates == [[0.5, 0.25], [1.0, 0.5], [1.0, 0.5], [0.5, 0.25], [0.0, 0.0]]


def test_a_rate_of_zero_at_the_end_stops_learning():
    sgd = optimizer(1.0)
    (w,) = sgd.param_groups[0]["params"]
    schedule = Schedule(sgd, linear(1))
    w.grad = minidl.tensor([0.5])
    sgd.step()
    schedule.step()
    sgd.step()
    assert w.item() == 0.5


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, None])
def test_a_factor_out_of_range_changes_nothing(bad):
    with pytest.raises(ArgumentError, match=r"factor\(0\)"):
        Schedule(optimizer(1.0), lambda t: bad)
    sgd = optimizer(1.0)
    schedule = Schedule(sgd, lambda t: bad if t == 2 else 1 / (t + 1))
    schedule.step()
    for _ in range(2):
        with pytest.raises(ArgumentError, match=r"factor\(2\)"):
            schedule.step()
        assert sgd.lr == 0.5


@pytest.mark.parametrize(("target", "factor"), [(None, constant()), (optimizer(1.0), 0.5)])
def test_a_schedule_needs_an_optimiser_and_a_function(target, factor):
    with pytest.raises(ArgumentError):
        Schedule(target, factor)


def test_a_group_that_is_added_later_needs_a_new_schedule():
    sgd = optimizer(1.0)
    schedule = Schedule(sgd, linear(4))
    sgd.add_param_group({"params": [minidl.tensor([1.0], requires_grad=True)]})
    with pytest.raises(ArgumentError, match="add_param_group"):
        schedule.step()


def test_a_loaded_schedule_continues(tmp_path):
    sgd = optimizer(1.0, 0.1)
    schedule = Schedule(sgd, cosine(9))
    for _ in range(4):
        schedule.step()
    np.savez(tmp_path / "schedule.npz", **schedule.state_dict())
    resumed = optimizer(*schedule.lr)  # as if loaded with the rates of that time
    other = Schedule(resumed, cosine(9))
    with np.load(tmp_path / "schedule.npz") as state:
        other.load_state_dict(state)
    for _ in range(6):
        assert other.lr == schedule.lr
        other.step()
        schedule.step()
    assert other.lr == [0.0, 0.0]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": -1}, {"steps": 1.5}, {"steps": np.array([1])}, {"first_lr": np.array([1.0, 2.0])},
        {"first_lr": np.array([-1.0])}, {"first_lr": np.array([np.nan])}, {"more": 1},
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change):
    sgd = optimizer(1.0)
    schedule = Schedule(sgd, linear(4))
    schedule.step()
    with pytest.raises(ArgumentError):
        schedule.load_state_dict({**schedule.state_dict(), **change})
    for nothing in ({}, None, [1, 2]):
        with pytest.raises(ArgumentError):
            schedule.load_state_dict(nothing)
    assert sgd.lr == 0.75
    schedule.step()
    assert sgd.lr == 0.5

"""Which units fire, over all rows: in the kernel and in the loop, against the slopes by formula."""

import numpy as np
import pytest
from diagnostics_nets import N, OwnReLU, net, problem
from random_trainings import Training

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl.step.firing import Firing, derivatives
from minidl.step.training import TrainingStep

TINY = 1e-30  # a rate that leaves the weights as they are

KINDS = {
    "relu": nn.ReLU,
    "leaky": nn.LeakyReLU,
    "relu6": nn.ReLU6,
    "hard_sigmoid": nn.HardSigmoid,  # keeps x
    "sigmoid": nn.Sigmoid,
    "maxout": lambda: nn.Maxout(4),
    "prelu": lambda: nn.PReLU(40, init=0.0),
    "own": OwnReLU,
}


def fired_by_formula(z, made):
    """Whether any row's slope is not 0, for weights that do not change."""
    name = made[1].name
    if name in ("relu", "own_relu_of_the_diagnostics", "prelu"):
        return (z > 0).any(axis=0)
    if name == "relu6":
        return ((z > 0) & (z < 6)).any(axis=0)
    if name == "hard_sigmoid":
        return (np.abs(z) < 3).any(axis=0)
    if name == "maxout":
        rows = z.reshape(len(z), -1, 4)
        return (rows == rows.max(axis=2, keepdims=True)).any(axis=0).ravel()
    if name == "sigmoid":
        return ((z > -80) & (z < 16)).any(axis=0)
    return np.ones(z.shape[1], bool)


def trained(kind, by_loop=False, threads=1, lr=TINY, batch_size=8):
    made = net(KINDS[kind]())
    x, y = problem()
    step = TrainingStep(made, F.cross_entropy, optimizer_of(made, lr))
    if by_loop:
        step._planned = lambda *_, **__: None
    step.firing = Firing(made)
    with minidl.set_num_threads(threads):
        step.epoch(data.batches(x, y, batch_size=batch_size))
    return made, step


def optimizer_of(made, lr):
    """PReLU's slopes stay 0."""
    for p in made[1].parameters():
        p.requires_grad = False
    return optim.SGD([*made[0].parameters(), *made[2].parameters()], lr=lr)


@pytest.mark.parametrize("by_loop", [False, True], ids=["kernel", "loop"])
@pytest.mark.parametrize("kind", KINDS)
def test_fired_is_what_the_slopes_say(kind, by_loop):
    made, step = trained(kind, by_loop)
    x, _ = problem()
    z = made[0](x).numpy()
    fired = step.firing.fired()["1"]
    np.testing.assert_array_equal(fired, fired_by_formula(z, made))
    assert kind == "leaky" or not fired[4]


@pytest.mark.parametrize("kind", KINDS)
def test_fired_at_every_level(kind, level):
    made, step = trained(kind)
    x, _ = problem()
    fired = step.firing.fired()["1"]
    np.testing.assert_array_equal(fired, fired_by_formula(made[0](x).numpy(), made))


@pytest.mark.parametrize("kind", ["relu", "own"])
def test_a_single_row_of_all_is_enough(kind):
    """Only the last row of the last, shorter batch makes unit 4 fire."""
    made = net(KINDS[kind]())
    x, y = problem()
    x[:, 0] = 0
    x[-1, 0] = 1
    made[0].weight.data[0, 4] = 2000
    step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), lr=TINY))
    step.firing = Firing(made)
    step.epoch(data.batches(x[:-1], y[:-1], batch_size=8))
    assert not step.firing.fired()["1"][4]
    step.epoch(data.batches(x, y, batch_size=8))
    assert step.firing.fired()["1"][4]
    step.firing.forget()
    assert not step.firing.fired()["1"].any()
    step(x[:8], y[:8])
    assert step.firing.fired()["1"].any()
    assert not step.firing.fired()["1"][4]


@pytest.mark.parametrize("kind", KINDS)
def test_loop_kernel_and_threads_agree_and_training_keeps_its_bits(kind):
    plain = net(KINDS[kind]())
    x, y = problem()
    bare = TrainingStep(plain, F.cross_entropy, optimizer_of(plain, 0.01))
    bare.epoch(data.batches(x, y, batch_size=8))
    found = {}
    for by_loop in (False, True):
        for threads in (1, 2, 3):
            made, step = trained(kind, by_loop, threads, lr=0.01)
            for p, q in zip(made.parameters(), plain.parameters(), strict=True):
                np.testing.assert_array_equal(p.data, q.data)
            found[by_loop, threads] = step.firing.fired()["1"]
    for flags in found.values():
        np.testing.assert_array_equal(flags, found[False, 1])


@pytest.mark.filterwarnings("ignore::minidl.GuardWarning")
@pytest.mark.parametrize("seed", range(60))
def test_the_same_is_noted_in_the_kernel_and_in_the_loop_for_nets_drawn_at_random(seed):
    found = []
    for by_loop in (False, True):
        t = Training(seed)
        t.step.firing = Firing(t.net)
        if by_loop:
            t.step._planned = lambda *_, **__: None
        try:
            with np.errstate(all="ignore"), minidl.set_num_threads(t.threads):
                t.step.epoch(t.batches)
        except minidl.MinidlError as error:
            found.append(type(error))
        else:
            found.append({name: list(flags) for name, flags in t.step.firing.fired().items()})
    assert found[0] == found[1]


def test_batches_of_many_sizes_need_no_more_memory():
    made = net(nn.ReLU())
    x, y = problem()
    step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), lr=TINY))
    step.firing = Firing(made)
    for size in range(1, 20):
        step(x[:size], y[:size])
    assert len(step.firing.flags["1"]) == 1


def test_an_activation_used_twice_is_noted_for_each_use():
    relu = nn.ReLU()
    made = nn.Sequential(nn.Dense(5, 6), relu, nn.Dense(6, 4), relu, nn.Dense(4, 3))
    made[2].bias.data[1] = -1000
    x, y = problem()
    for by_loop in (False, True):
        step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), lr=TINY))
        if by_loop:
            step._planned = lambda *_, **__: None
        step.firing = Firing(made)
        step.epoch(data.batches(x, y, batch_size=N))
        fired = step.firing.fired()
        assert [len(flags) for flags in fired.values()] == [6, 4]
        assert not fired["1, use 2"][1]


def test_slopes_leave_a_learned_slope_without_a_gradient():
    prelu = nn.PReLU()
    found = derivatives(prelu, np.array([[-1.0, 2.0]], np.float32))
    np.testing.assert_array_equal(found, np.array([[0.25, 1.0]], np.float32))
    assert prelu.weight.grad is None


def test_nan_is_not_silent():
    made = net(nn.ReLU())
    made[0].weight.data[0, 4] = np.nan
    x, y = problem()
    for by_loop in (False, True):
        step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), lr=TINY))
        if by_loop:
            step._planned = lambda *_, **__: None
        step.firing = Firing(made)
        step(x, y)
        assert step.firing.fired()["1"][4]

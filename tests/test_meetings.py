"""Threads meet where they have to: a step that one thread makes for a whole team, taking the part
of each from one meeting to the next, has the bits of the loop, whoever comes first."""

import numpy as np
import pytest
from random_trainings import Training

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl._kernels import threads as kernel_threads
from minidl.step import meetings
from minidl.step import training as training_step
from minidl.step.program import Program

THREADS = 3


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, and their weights packed for a few steps, which
    would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    monkeypatch.setattr(training_step, "WORTH_PACKING", 1)


@pytest.fixture
def in_turns(monkeypatch):
    """Sets the order in which one thread takes the parts of a team: 1, -1, or 0 for a team."""
    order = 0
    build = Program.build

    def set_order(wanted):
        nonlocal order
        order = wanted

    def build_in_order(program):
        build(program)
        program.kernel.order = order

    monkeypatch.setattr(Program, "build", build_in_order)
    return set_order


def bits_of(t, threads):
    """The losses and all weights after two epochs."""
    with minidl.set_num_threads(threads), np.errstate(all="ignore"):
        losses = [t.step.epoch(t.batches) for _ in range(2)]
    return [np.nan_to_num(array).tobytes() for array in (*losses, *t.net.state_dict().values())]


@pytest.mark.filterwarnings("ignore::minidl.GuardWarning")
@pytest.mark.parametrize("seed", range(40))
def test_it_does_not_matter_who_comes_first(seed, in_turns):
    found = []
    for order, threads in ((0, 1), (1, THREADS), (-1, THREADS)):
        in_turns(order)
        try:
            found.append(bits_of(Training(seed), threads))
        except minidl.MinidlError as error:
            found.append(type(error))
    assert found[0] == found[1] == found[2]


NETS = {  # without an Embedding: indices that are not there yet lead anywhere in memory
    "activations": lambda: [
        nn.Dropout(0.2), nn.Dense(20, 40), nn.PReLU(), nn.Dense(40, 30), nn.Tanh(),
        nn.Dropout(0.3), nn.Dense(30, 5),
    ],
    "batch norm": lambda: [nn.BatchNorm(20), nn.Dense(20, 70), nn.BatchNorm(70), nn.Dense(70, 5)],
    "layer norm": lambda: [nn.LayerNorm(20), nn.Dense(20, 20), nn.RMSNorm(20), nn.Dense(20, 5)],
    "residual": lambda: [nn.Dense(20, 40), nn.Residual(nn.Dense(40, 40)), nn.Dense(40, 5)],
    "concat": lambda: [nn.Concat(nn.Dense(20, 3), nn.Dense(20, 30)), nn.Bias(33), nn.Dense(33, 5)],
}  # fmt: skip


def training(name):
    minidl.manual_seed(0)
    net = nn.Sequential(*NETS[name]())
    x = np.random.default_rng(0).normal(size=(32, 20)).astype(np.float32)
    batches = data.batches(x, np.arange(32) % 5, 16, shuffle=True, seed=0)
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1, momentum=0.9))
    return net, step, batches


def weights(name, order, in_turns):
    in_turns(order)
    net, step, batches = training(name)
    with minidl.set_num_threads(THREADS):
        step.epoch(batches)
    assert not step.why()
    return [array.tobytes() for array in net.state_dict().values()]


@pytest.mark.parametrize("name", NETS)
def test_every_meeting_is_needed(name, in_turns, monkeypatch):
    """Without any one of them the bits are others, in one order or the other."""
    expected = weights(name, 1, in_turns)
    with_meetings, left_out, count = meetings.with_meetings, -1, 0

    def without_one(instructions, threads):
        nonlocal count
        listed = list(with_meetings(instructions, threads))
        meeting = [i for i, (_, _, meets) in enumerate(listed) if meets]
        count = max(count, len(meeting))
        if 0 <= left_out < len(meeting):
            i = meeting[left_out]
            listed[i] = (*listed[i][:2], False)
        return listed

    monkeypatch.setattr("minidl.step.program.with_meetings", without_one)
    assert weights(name, 1, in_turns) == weights(name, -1, in_turns) == expected
    assert count >= 1
    for left_out in range(count):  # without_one reads it
        found = [weights(name, order, in_turns) for order in (1, -1)]
        assert found != [expected, expected], left_out

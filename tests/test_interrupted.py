"""An epoch that is interrupted at any line of minidl's has been made as a whole or not at all, and
the next one goes on from there to the bit."""

import sys

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, schedules
from minidl import functional as F

X = np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32)
Y = np.arange(24) % 3
HERE = minidl.__path__[0]
PLACES = 200  # that are tried, of some thousands


class InterruptError(Exception):
    """As a signal's handler raises one."""


class Epochs:
    """A training of all that goes on from step to step."""

    def __init__(self, done):
        minidl.manual_seed(0)
        self.net = nn.Sequential(
            nn.Dense(5, 40), nn.BatchNorm(40), nn.ReLU(), nn.Dropout(0.5), nn.GaussianNoise(0.1),
            nn.Residual(nn.Dense(40, 40)), nn.Dense(40, 3),
        )  # fmt: skip
        self.optimizer = optim.Adam(self.net.parameters())
        self.schedule = schedules.Schedule(self.optimizer, schedules.exponential(0.9))
        self.step = TrainingStep(self.net, F.cross_entropy, self.optimizer, self.schedule)
        self.batches = data.batches(X, Y, 4)
        for _ in range(done):
            self.run()

    def run(self):
        self.step.epoch(self.batches)

    def state(self):
        parts = self.net, self.optimizer, self.schedule
        arrays = [np.asarray(v).tobytes() for part in parts for v in part.state_dict().values()]
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return arrays, self.net.random_state(), rates


def interrupted(run, at):
    """Runs, until line number `at` within minidl is to be executed; gives how many were before. (In
    `_run` no signal is handled between two lines.)"""
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        code = frame.f_code
        if not code.co_filename.startswith(HERE) or code.co_name == "_run":
            return trace
        lines += event == "line"
        if event == "line" and lines == at:
            raise InterruptError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except InterruptError:
        pass
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("done", [0, 1])
def test_an_epoch_is_made_as_a_whole_or_not_at_all(done):
    states = [Epochs(n).state() for n in range(4)]
    all_lines = interrupted(Epochs(done).run, -1)
    for at in np.linspace(1, all_lines, PLACES).astype(int):
        epochs = Epochs(done)
        assert interrupted(epochs.run, at) == at
        assert epochs.state() in states[done : done + 2], at
        reached = states.index(epochs.state())
        epochs.run()
        assert epochs.state() == states[reached + 1], at

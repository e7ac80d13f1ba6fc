"""A step's instructions as text."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F

X, LABELS = np.ones((64, 784), np.float32), np.zeros(64, int)
ENDS = "  all threads meet"


def listed(threads=2, loss=F.cross_entropy, **options):
    net = nn.MLP([784, 128, 10], "relu")
    step = TrainingStep(net, loss, optim.SGD(net.parameters(), 0.1), **options)
    assert step.instructions() == ""
    with minidl.set_num_threads(threads):
        step.epoch(data.batches(X, LABELS, 32))
    return step.instructions().splitlines()


def names(lines):
    return [line[4:23].strip() for line in lines if line.startswith("    ")]


def test_a_step_of_two_layers():
    lines = listed(threads=1)
    assert lines[0] == (
        "threads: 1, rows: 32, numbers in a row: "
        "input 784, slot 1 128, slot 2 128, slot 3 10, slot 4 10"
    )
    assert names(lines) == [
        "gather", "dense by tasks", "activation", "dense by rows", "loss", "dense back by rows",
        "activation back", "total loss", "gradient of b", "gradient of b", "update W by tasks",
        "update W by rows", "update", "update",
    ]  # fmt: skip
    assert not any("meet" in line for line in lines)


def test_a_meeting_says_what_is_shared_otherwise():
    assert [line for line in listed() if "meet" in line and line != ENDS] == [
        "  all threads meet: input[rows] was written, input[all] is read",
        "  all threads meet: slot 1[all] was written, slot 1[rows] is read",
        "  all threads meet: row losses[rows] was written, row losses[all] is read",
    ]


def test_a_whole_gradient_is_there_where_the_norm_is_bounded():
    assert not any("weight.gradient" in line for line in listed())
    clipped = listed(clip_norm=1.0)
    written = [line for line in clipped if line.endswith("weight.gradient[all]")]
    assert names(written) == ["gradient of W"] * 2


def test_a_group_of_batches_is_updated_for_once():
    lines = listed(accumulate=2)
    once = lines.index("and for each 2 steps once")
    assert set(names(lines[:once])) & {"update", "mean of sum"} == set()
    assert set(names(lines[once:])) == {"update", "mean of sum"}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_loss_of_ones_own_is_called_between_two_lists(threads):
    lines = listed(threads, lambda y, labels: F.cross_entropy(y, labels))
    called = lines.index("and when the loss was called")
    assert names(lines[:called])[-1] == "dense by rows"
    assert names(lines[called:])[0] == "dense back by rows"
    assert lines.count(ENDS) == (2 if threads > 1 else 0)

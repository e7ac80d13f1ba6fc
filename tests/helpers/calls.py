"""Calls that other processes can import, for tests/train/test_workers.py."""

import os
import signal
import time
from pathlib import Path

import minidl
from minidl import _kernels, nn
from minidl.train.workers import side_by_side


def about(seed):
    """Where this call is, and random weights."""
    minidl.manual_seed(seed)
    time.sleep(0.01)  # another thread of this process could seed in between
    weight = nn.Dense(3, 2).weight.data.tobytes()
    return {"weight": weight, "threads": minidl.get_num_threads(), "level": _kernels.level}


def fail(number):
    if number == 2:
        raise minidl.DataError("a power cut")
    return number * number


def nested(number):
    """The processes of calls within a call, and its own."""
    return os.getpid(), side_by_side(process, [1, 2, 3], workers=3)


def process(number):
    return os.getpid()


def killed(folder, number):
    """A number; the call with -1 kills its process, once, when results are kept; -2 always."""
    with Path(folder, f"call{number}").open("a") as file:
        file.write("x")
    if number == -2 or (number == -1 and not Path(folder, "killed").exists()):
        end = time.monotonic() + 20
        while not Path(folder, "kept").exists() and time.monotonic() < end:
            time.sleep(0.01)
        Path(folder, "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number

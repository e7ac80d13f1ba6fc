"""Calls that other processes can import, for tests/test_sweeps.py."""

import os
import signal
import time
import zlib
from pathlib import Path

import ensembles

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


def nested(seed):
    """`about`, the process, and those of calls within the call."""
    return about(seed), os.getpid(), side_by_side(process, [1, 2, 3], workers=3)


def process(number):
    return os.getpid()


def killed(folder, number):
    """A number; the call with -1 kills its process, once, when results are kept; -2 always."""
    with Path(folder, f"call{number}").open("a") as file:
        file.write("x")
    if number == -2 or (number == -1 and not Path(folder, "killed").exists()):
        end = time.monotonic() + 60
        while not Path(folder, "kept").exists() and time.monotonic() < end:
            time.sleep(0.01)
        Path(folder, "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def logged(folder, seed):
    """ensembles.make; with the file "deadly", seed 0 kills its process after seed 3 is kept."""
    with Path(folder, "begun").open("a") as file:
        file.write(f"{seed} ")
    if seed == 0 and Path(folder, "deadly").exists():
        end = time.monotonic() + 60
        while not list(Path(folder).glob("seeds/**/output.pkl")) and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return ensembles.make(seed)


def checksum(net, x=None, y=None):
    """Of the weights, as a score of scikit-learn's."""
    return zlib.crc32(b"".join(array.tobytes() for array in (*net.coefs_, *net.intercepts_)))


def threads(net, x, y):
    return minidl.get_num_threads()

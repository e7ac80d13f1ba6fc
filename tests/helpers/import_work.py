"""What test_forks.py runs where nothing but minidl is imported: a fork while another thread is in
an import that NumPy does late.
"""

import sys
import threading
import time

import numpy as np
from children import end_well, in_fork

from minidl import nn


class Slow:
    """Finds no module, but gives others time while this one is looked for."""

    def __init__(self, name):
        self.name, self.begun = name, threading.Event()

    def find_spec(self, name, *_):
        if name == self.name:
            self.begun.set()
            time.sleep(0.3)


def build():
    """A net; and labels are looked at, as metrics do."""
    nn.MLP([5, 5, 2], "gelu")
    np.unique([1, 1])


def fork_during_the_import_of(name):
    assert name not in sys.modules
    slow = Slow(name)
    sys.meta_path.insert(0, slow)
    builder = threading.Thread(target=build)
    builder.start()
    assert slow.begun.wait(10), f"a net does not need {name}"
    child = in_fork(build)
    builder.join()
    end_well(child)


def print_late_imports():
    """What building and training a net has NumPy import."""
    before = set(sys.modules)
    import processes_work

    build()
    processes_work.every_kernel()
    print(*[name for name in set(sys.modules) - before if name.startswith("numpy.")])

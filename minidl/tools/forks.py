"""Protects locks and imports from forks. If another thread is inside one at a fork, the child
would wait for it forever, as it does not have that thread."""

import os
import threading
from importlib import import_module

# Modules that NumPy imports when it first uses them: for initial weights, their scale, and sets of
# labels. Importing them with minidl would double its import time.
LATE = ("numpy.random", "numpy.polynomial", "numpy.ma")


def import_late() -> None:
    """Waits until no thread is inside one of these imports; from now on none will be."""
    for name in LATE:
        import_module(name)


def lock_across_forks() -> "threading.RLock":
    """A lock that no other thread holds at a fork. The thread that forks may hold it: a signal
    handler runs wherever its thread is."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=import_late)

"""What no fork may cut through: a lock, or an import, that another thread is in. In the child it
would never end, for there is no such thread."""

import os
import threading
from importlib import import_module

# What NumPy imports when it is first used: for initial weights, their scale, and sets of labels. To
# import all of it with minidl would take as long as all else.
LATE = ("numpy.random", "numpy.polynomial", "numpy.ma")


def import_late() -> None:
    """Waits until nobody is in one of these imports, which from now on nobody is."""
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

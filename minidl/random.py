"""The one source of randomness: initial weights, dropout and shuffling draw from it."""

import os

import numpy as np

from .checks import is_whole
from .errors import ArgumentError, explain


class _Source:
    generator: "np.random.Generator | None" = None  # made when first wanted: importing numpy.random
    # takes a third as long as all of minidl
    is_seeded = False


def manual_seed(seed: int) -> None:
    """Starts the random numbers anew: what is drawn after it is the same in every run.

    A forked child goes on with a copy, as with NumPy's: to have children draw different numbers,
    seed each with one of its own. Where nothing was seeded, each draws its own numbers. A layer's
    dropout goes on with the layer's own seed in both cases.

    >>> import minidl
    >>> manual_seed(1)
    >>> first = minidl.random.generator().random()
    >>> manual_seed(1)
    >>> minidl.random.generator().random() == first
    True
    """
    if not is_whole(seed, 0):
        raise ArgumentError(explain("manual_seed", "a whole number from 0 up", repr(seed)))
    _Source.generator, _Source.is_seeded = np.random.default_rng(int(seed)), True


def generator(seed: int | None = None) -> "np.random.Generator":
    """The shared generator, or one of its own for a seed."""
    if seed is not None:
        return np.random.default_rng(seed)
    if _Source.generator is None:
        _Source.generator = np.random.default_rng()
    return _Source.generator


def fresh_seed() -> int:
    """A 63-bit number for a generator that counts for itself (dropout's)."""
    return int(generator().integers(2**63))


def _after_fork_in_child() -> None:
    """A copy of the generator if it was seeded. It is made anew in any case: another thread may
    have held the lock of the old one."""
    old, _Source.generator = _Source.generator, None
    if old is not None and _Source.is_seeded:
        bits = type(old.bit_generator)(0)
        bits.state = old.bit_generator.state
        _Source.generator = np.random.Generator(bits)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

"""The one source of randomness: initial weights, shuffling, and the seeds of kernels that make
their own random numbers (dropout, noise)."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..tools.checks import is_whole

__all__ = [
    "generator", "last_seed", "manual_seed", "preserved", "random_state", "set_random_state",
]  # fmt: skip


class _Source:
    generator: "np.random.Generator | None" = None  # made when first wanted: importing numpy.random
    # takes a third as long as all of minidl
    is_seeded = False
    last_seed: int | None = None


def manual_seed(seed: int) -> None:
    """Starts the random numbers anew: the same numbers follow in every run.

    A forked child goes on with a copy, as in NumPy: to have children draw different numbers, seed
    each of them. Without a seed, each child draws its own numbers. A layer's dropout goes on with
    the layer's own seed in both cases.

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
    _Source.last_seed = int(seed)


def last_seed() -> int | None:
    """The seed that manual_seed was given last; None if it was never called."""
    return _Source.last_seed


def generator(seed: int | None = None) -> "np.random.Generator":
    """The shared generator; with a seed, a new one that starts from it."""
    if seed is not None:
        return np.random.default_rng(seed)
    if _Source.generator is None:
        _Source.generator = np.random.default_rng()
    return _Source.generator


def random_state() -> dict[str, Any]:
    """The state of the shared generator, as NumPy gives it: numbers and names, fit for JSON."""
    return dict(generator().bit_generator.state)


def set_random_state(state: Mapping[str, Any]) -> None:
    """Sets the shared generator to a state that `random_state` gave.

    Anything else raises ArgumentError and changes nothing.

    >>> import minidl
    >>> state = minidl.random.random_state()
    >>> first = minidl.random.generator().random()
    >>> minidl.random.set_random_state(state)
    >>> minidl.random.generator().random() == first
    True
    """
    own = generator().bit_generator
    try:
        tried = type(own)(0)
        tried.state = state
        if tried.state != state:
            raise ValueError("NumPy changes it")
        own.state = state
        _Source.is_seeded = True
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(
            explain("set_random_state", "a result of random_state()", f"{state!r}: {error}")
        ) from None


@contextmanager
def preserved() -> Iterator[None]:
    """After the block the generator has its state from before it.

    >>> import minidl
    >>> with minidl.random.preserved():
    ...     first = minidl.random.generator().random()
    >>> minidl.random.generator().random() == first
    True
    """
    state, was_seeded = random_state(), _Source.is_seeded
    try:
        yield
    finally:
        set_random_state(state)
        _Source.is_seeded = was_seeded


def fresh_seed() -> int:
    """A 63-bit seed for a kernel that makes its own random numbers (dropout)."""
    return int(generator().integers(2**63))


def is_word(value: Any) -> bool:
    """Whether `value` can be the seed or the step of a kernel that makes its own random numbers.

    >>> is_word(2**64 - 1), is_word(2**64), is_word(-1), is_word(1.0)
    (True, False, False, False)
    """
    return is_whole(value, 0) and int(value) < 2**64


def check_words(operation: str, seed: int | None, step: int) -> None:
    """ArgumentError unless the step, and the seed if there is one, are whole numbers of 64 bits."""
    for name, value in (("seed", 0 if seed is None else seed), ("step", step)):
        if not is_word(value):
            expected = f"a {name} from 0 to 2**64 - 1, a whole number"
            raise ArgumentError(explain(operation, expected, f"{name}={value!r}"))


def _after_fork_in_child() -> None:
    """Goes on with a copy of the generator if it was seeded. The old one is not used again:
    another thread may have held its lock."""
    old, _Source.generator = _Source.generator, None
    if old is not None and _Source.is_seeded:
        bits = type(old.bit_generator)(0)
        bits.state = old.bit_generator.state
        _Source.generator = np.random.Generator(bits)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def __dir__() -> list[str]:
    return __all__

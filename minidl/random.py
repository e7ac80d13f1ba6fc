"""The one source of randomness: initial weights, shuffling and the seeds of kernels that count for
themselves (dropout's, noise's) come from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .checks import is_whole
from .errors import ArgumentError, explain


class _Source:
    generator: "np.random.Generator | None" = None  # made when first wanted: importing numpy.random
    # takes a third as long as all of minidl


def manual_seed(seed: int) -> None:
    """Starts the random numbers anew: what is drawn after it is the same in every run.

    >>> import minidl
    >>> manual_seed(1)
    >>> first = minidl.random.generator().random()
    >>> manual_seed(1)
    >>> minidl.random.generator().random() == first
    True
    """
    if not is_whole(seed, 0):
        raise ArgumentError(explain("manual_seed", "a whole number from 0 up", repr(seed)))
    _Source.generator = np.random.default_rng(int(seed))


def generator(seed: int | None = None) -> "np.random.Generator":
    """The shared generator, or one of its own for a seed."""
    if seed is not None:
        return np.random.default_rng(seed)
    if _Source.generator is None:
        _Source.generator = np.random.default_rng()
    return _Source.generator


def random_state() -> dict[str, Any]:
    """Where the shared generator stands, as NumPy tells it: numbers and names, fit for JSON."""
    return dict(generator().bit_generator.state)


def set_random_state(state: Mapping[str, Any]) -> None:
    """Goes on where the generator stood that gave `state`.

    >>> import minidl
    >>> state = minidl.random.random_state()
    >>> first = minidl.random.generator().random()
    >>> minidl.random.set_random_state(state)
    >>> minidl.random.generator().random() == first
    True
    """
    try:
        generator().bit_generator.state = state
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(
            explain("set_random_state", "what random_state() gave", f"{state!r}: {error}")
        ) from None


def fresh_seed() -> int:
    """A 63-bit number for a generator that counts for itself (dropout's)."""
    return int(generator().integers(2**63))


def is_word(value: Any) -> bool:
    """Whether `value` can be the seed or the step of a generator that counts for itself.

    >>> is_word(2**64 - 1), is_word(2**64), is_word(-1), is_word(1.0)
    (True, False, False, False)
    """
    return is_whole(value, 0) and int(value) < 2**64


def check_words(operation: str, seed: int | None, step: int) -> None:
    """ArgumentError unless a seed, if there is one, and a step are whole numbers of 64 bits."""
    for name, value in (("seed", 0 if seed is None else seed), ("step", step)):
        if not is_word(value):
            expected = f"a {name} from 0 to 2**64 - 1, a whole number"
            raise ArgumentError(explain(operation, expected, f"{name}={value!r}"))

"""Philox against its published vectors, and the masks against Philox written in NumPy."""

import numpy as np
import pytest
from support import philox, random_words

from minidl import _kernels

pytestmark = pytest.mark.usefixtures("level")


def run(x, seed=1, step=0, last=2**31 - 1, scale=2.0, threads=1):
    y = np.full_like(x, 7)
    _kernels.dropout.dropout(x, y, seed, step, last, scale, threads)
    return y


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # kat_vectors of the Random123 distribution, "philox4x32 10"
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([2**32 - 1] * 4, [2**32 - 1] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_published_vectors(counter, key, words):
    result = np.zeros(4, np.uint32)
    _kernels.dropout.philox_words(np.array(counter, np.uint32), np.array(key, np.uint32), result)
    assert result.tolist() == words
    assert philox(np.array(counter)[:, None], key).ravel().tolist() == words


@pytest.mark.bounds("dropout.dropout")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 31, 33, 127, 128, 129, 1000])
@pytest.mark.parametrize(
    ("seed", "step"), [(0, 0), (1, 2), (2**63 + 12345, 7), (5, 2**40 + 3), (2**64 - 1, 2**64 - 1)]
)
def test_the_mask_is_philox_of_seed_step_and_position(n, seed, step, dtype):
    x = np.random.default_rng(0).normal(size=n).astype(dtype)
    last = round(0.3 * 2**32) - 1
    wanted = np.where(random_words(n, seed, step) <= last, 0, x / 0.7)
    y = run(x, seed, step, last, 1 / 0.7)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, wanted, rtol=np.finfo(dtype).eps)


def drop_part(x, y, first):
    _kernels.dropout.drop_part(x, y, first, 2**40 + 9, 2**33 + 1, 2**31 - 1, 2.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_part_alone_is_what_the_whole_has_there(dtype):
    """Groups are of 128 elements, vectors of up to 16: parts that start and end around both."""
    n = 400
    x = np.random.default_rng(0).normal(size=n).astype(dtype)
    whole = np.where(random_words(n, 2**40 + 9, 2**33 + 1) <= 2**31 - 1, 0, x * dtype(2))
    for first in (0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 64, 125, 126, 127, 128, 129, 255, 257):
        for end in (first + length for length in (1, 2, 3, 5, 8, 13, 17, 33, 127, 128, 129, 143)):
            y = np.full(n, 7, dtype)
            drop_part(x[first:end], y[first:end], first)
            np.testing.assert_array_equal(y[first:end], whole[first:end])
            assert (y[:first] == 7).all()
            assert (y[end:] == 7).all()
            in_place = x.copy()  # as backward does
            drop_part(in_place[first:end], in_place[first:end], first)
            np.testing.assert_array_equal(in_place, np.where(y == 7, x, y))


def test_the_number_of_a_block_has_64_bits():
    blocks = np.arange(2**32 - 40, 2**32 + 40, dtype=np.uint64)
    step = np.full_like(blocks, 2**33 + 1)
    counter = [blocks % 2**32, blocks // 2**32, step % 2**32, step // 2**32]
    words = philox(counter, (9, 2**8)).T.ravel()
    x, y = np.ones(320, np.float32), np.empty(320, np.float32)
    drop_part(x, y, 4 * int(blocks[0]))
    np.testing.assert_array_equal(y, np.where(words <= 2**31 - 1, 0, 2))


def test_the_threshold_at_its_ends():
    x, words = np.ones(1000), random_words(1000, 1, 0)
    assert not run(x, last=2**32 - 1).any()
    smallest = int(words.min())
    assert (run(x, last=smallest) == 0).sum() == 1
    assert (run(x, last=smallest - 1) == 0).sum() == 0


def test_what_is_dropped_is_zero_whatever_it_was():
    x = np.tile([np.nan, np.inf, -np.inf, -1.0], 50)
    dropped = random_words(200, 1, 0) <= 2**31 - 1
    np.testing.assert_array_equal(run(x), np.where(dropped, 0, 2 * x))
    assert not np.signbit(run(x)[dropped]).any()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_probability(p):
    """10^6 elements: the share that is dropped has a standard deviation of sqrt(p q / 10^6)."""
    n = 1_000_000
    y = run(np.ones(n, np.float32), seed=11, last=round(p * 2**32) - 1)
    assert abs((y == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / n)


def test_neighbours_steps_and_seeds_are_uncorrelated():
    """Products of independent signs average to 0, with a standard deviation of 1 / sqrt n."""
    n = 1_000_000
    x = np.ones(n, np.float32)

    def signs(**where):
        return run(x, **where) - 1

    base = signs(seed=3, step=5)
    for other in (signs(seed=3, step=6), signs(seed=4, step=5), signs(seed=5, step=3)):
        assert abs((base * other).mean()) < 5 / np.sqrt(n)
    for distance in (1, 2, 3, 4, 64, 1024):
        assert abs((base[distance:] * base[:-distance]).mean()) < 5 / np.sqrt(n - distance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_threads_or_level(dtype):
    x = np.random.default_rng(0).normal(size=4099).astype(dtype)
    wanted = np.where(random_words(4099, 1, 0) <= 2**31 - 1, 0, x * dtype(2)).tobytes()
    for threads in (1, 2, 3, 8):
        assert run(x, threads=threads).tobytes() == wanted

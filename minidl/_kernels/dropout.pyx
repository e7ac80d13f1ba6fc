"""Dropout with random numbers that are computed from their position (Philox 4x32-10).

A generator with a state would have to be run in order; Philox turns a counter and a key into four
random words by ten rounds of multiplying and mixing, so any thread can make any part of the mask,
and backward makes it again instead of keeping it. The key is the seed; the counter is the number
of the block of four elements and the step.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from cython.parallel cimport prange
from libc.stdint cimport uint32_t, uint64_t

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #define LANES 16  /* blocks made together, so that a round is a few vector instructions */
    """
    enum: LANES

cdef struct Blocks:
    uint32_t[LANES] a, b, c, d  # the four words of the blocks: counters before, random after


cdef inline void philox(Blocks *blocks, uint32_t key_low, uint32_t key_high) noexcept nogil:
    """Turns every block's counter into its random words."""
    cdef uint64_t left, right
    cdef int _, i
    for _ in range(10):
        for i in range(LANES):
            left = <uint64_t> 0xD2511F53u * blocks.a[i]
            right = <uint64_t> 0xCD9E8D57u * blocks.c[i]
            blocks.a[i] = <uint32_t> (right >> 32) ^ blocks.b[i] ^ key_low
            blocks.b[i] = <uint32_t> right
            blocks.c[i] = <uint32_t> (left >> 32) ^ blocks.d[i] ^ key_high
            blocks.d[i] = <uint32_t> left
        key_low += 0x9E3779B9u
        key_high += 0xBB67AE85u


cdef inline void drop(
    const real *x, real *y, Py_ssize_t n, uint64_t first_block, uint64_t seed, uint64_t step,
    uint32_t last, double scale
) noexcept nogil:
    """A group of blocks: element 4 i + w is dropped if word w of block i is at most `last`."""
    cdef Blocks blocks
    cdef uint32_t words[4 * LANES]
    cdef Py_ssize_t i
    for i in range(LANES):
        blocks.a[i] = <uint32_t> (first_block + i)
        blocks.b[i] = <uint32_t> ((first_block + i) >> 32)
        blocks.c[i] = <uint32_t> step
        blocks.d[i] = <uint32_t> (step >> 32)
    philox(&blocks, <uint32_t> seed, <uint32_t> (seed >> 32))
    for i in range(LANES):
        words[4 * i] = blocks.a[i]
        words[4 * i + 1] = blocks.b[i]
        words[4 * i + 2] = blocks.c[i]
        words[4 * i + 3] = blocks.d[i]
    for i in range(n):
        y[i] = 0 if words[i] <= last else <real> (x[i] * scale)


def dropout(
    const real[::1] x, real[::1] y, uint64_t seed, uint64_t step, uint32_t last,
    double scale, int threads
):
    """y = 0 with probability (last + 1) / 2^32, else scale · x; shapes (n,) and (n,).

    Which elements are dropped depends on seed, step and position only: applied to dy, it is its
    own backward. Cost: one pass over x and y, 20 multiplications for four elements.
    """
    cdef Py_ssize_t group, n = x.shape[0]
    cdef Py_ssize_t groups = (n + 4 * LANES - 1) // (4 * LANES)
    for group in prange(groups, nogil=True, num_threads=threads, schedule="static"):
        drop(&x[group * 4 * LANES], &y[group * 4 * LANES], min(4 * LANES, n - group * 4 * LANES),
             group * LANES, seed, step, last, scale)


def philox_words(const uint32_t[::1] counter, const uint32_t[::1] key, uint32_t[::1] words):
    """The random words (4,) of one counter (4,) and key (2,); for the published test vectors."""
    cdef Blocks blocks
    cdef int i
    for i in range(LANES):
        blocks.a[i], blocks.b[i] = counter[0], counter[1]
        blocks.c[i], blocks.d[i] = counter[2], counter[3]
    philox(&blocks, key[0], key[1])
    words[0], words[1], words[2], words[3] = blocks.a[0], blocks.b[0], blocks.c[0], blocks.d[0]

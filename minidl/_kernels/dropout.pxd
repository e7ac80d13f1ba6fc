"""Dropout with random numbers that are computed from their position (Philox 4x32-10).

A generator with a state would have to be run in order; Philox turns a counter and a key into four
random words by ten rounds of multiplying and mixing, so any thread can make any part of the mask,
and backward makes it again instead of keeping it. The key is the seed; the counter is the number
of the block of four elements and the step.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from libc.stdint cimport uint32_t, uint64_t

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #define DROPOUT_LANES 16  /* blocks made together: a round is a few instructions */
    #define GROUP (4 * DROPOUT_LANES)
    """
    enum:
        DROPOUT_LANES
        GROUP  # elements whose words are made together

cdef struct Blocks:
    uint32_t[DROPOUT_LANES] a, b, c, d  # the words of the blocks: counters before, random after


cdef inline void philox(Blocks *blocks, uint32_t key_low, uint32_t key_high) noexcept nogil:
    """Turns every block's counter into its random words."""
    cdef uint64_t left, right
    cdef int _, i
    for _ in range(10):
        for i in range(DROPOUT_LANES):
            left = <uint64_t> 0xD2511F53u * blocks.a[i]
            right = <uint64_t> 0xCD9E8D57u * blocks.c[i]
            blocks.a[i] = <uint32_t> (right >> 32) ^ blocks.b[i] ^ key_low
            blocks.b[i] = <uint32_t> right
            blocks.c[i] = <uint32_t> (left >> 32) ^ blocks.d[i] ^ key_high
            blocks.d[i] = <uint32_t> left
        key_low += 0x9E3779B9u
        key_high += 0xBB67AE85u


cdef struct Mask:
    # Which elements are dropped, and what the others are multiplied by.
    uint64_t seed
    uint64_t step
    uint32_t last  # the largest random word that drops its element
    double scale


cdef inline void drop(
    const real *x, real *y, Py_ssize_t first, Py_ssize_t end, Mask mask
) noexcept nogil:
    """y_i = 0 if word i is at most `last`, else scale · x_i, for i = first ... end - 1."""
    cdef Blocks blocks
    cdef uint32_t words[GROUP]
    cdef Py_ssize_t group = first // GROUP, i, block
    while group * GROUP < end:
        for i in range(DROPOUT_LANES):
            block = group * DROPOUT_LANES + i
            blocks.a[i] = <uint32_t> block
            blocks.b[i] = <uint32_t> (<uint64_t> block >> 32)
            blocks.c[i] = <uint32_t> mask.step
            blocks.d[i] = <uint32_t> (mask.step >> 32)
        philox(&blocks, <uint32_t> mask.seed, <uint32_t> (mask.seed >> 32))
        for i in range(DROPOUT_LANES):
            words[4 * i] = blocks.a[i]
            words[4 * i + 1] = blocks.b[i]
            words[4 * i + 2] = blocks.c[i]
            words[4 * i + 3] = blocks.d[i]
        for i in range(max(first, group * GROUP), min(end, (group + 1) * GROUP)):
            y[i] = 0 if words[i - group * GROUP] <= mask.last else <real> (x[i] * mask.scale)
        group += 1

"""Dropout over a whole array, in parallel. The random numbers are made in dropout.pxd."""

from cython.parallel cimport prange
from libc.stdint cimport uint32_t, uint64_t

from minidl._kernels.dropout cimport DROPOUT_LANES, GROUP, Blocks, Mask, drop, philox
from minidl._kernels.scalar cimport real


def dropout(
    const real[::1] x, real[::1] y, uint64_t seed, uint64_t step, uint32_t last,
    double scale, int threads
):
    """y = 0 with probability (last + 1) / 2^32, else scale · x; shapes (n,) and (n,).

    Which elements are dropped depends on seed, step and position only: applied to dy, it is its
    own backward. Cost: one pass over x and y, 20 multiplications for four elements.
    """
    cdef Py_ssize_t group, n = x.shape[0]
    cdef Mask mask = Mask(seed, step, last, scale)
    if n == 0:
        return
    for group in prange((n + GROUP - 1) // GROUP, nogil=True, num_threads=threads,
                        schedule="static"):
        drop(&x[0], &y[0], group * GROUP, min(n, (group + 1) * GROUP), mask)


def philox_words(const uint32_t[::1] counter, const uint32_t[::1] key, uint32_t[::1] words):
    """The random words (4,) of one counter (4,) and key (2,); for the published test vectors."""
    cdef Blocks blocks
    cdef int i
    for i in range(DROPOUT_LANES):
        blocks.a[i], blocks.b[i] = counter[0], counter[1]
        blocks.c[i], blocks.d[i] = counter[2], counter[3]
    philox(&blocks, key[0], key[1])
    words[0], words[1], words[2], words[3] = blocks.a[0], blocks.b[0], blocks.c[0], blocks.d[0]

"""Batches: picks rows out of a data set, and turns pixels into numbers on the way.

A data set of images stays uint8, a quarter of its size in float32; only the rows of a batch are
converted, while they are read.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define PREFETCH(address) __builtin_prefetch(address)
    #else
    #define PREFETCH(address)
    #endif
    """
    void PREFETCH(const void *address) noexcept nogil

cdef enum:
    MAX_PIXEL = 255
    CACHE_LINE = 64  # bytes
    ROWS_AHEAD = 2


cdef inline void pixel_row(const uint8_t *x, real *y, Py_ssize_t n) noexcept nogil:
    """y = x / 255. A division is rounded correctly, x * (1 / 255) would not be."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] / <real> MAX_PIXEL


cdef inline void fetch_row(const uint8_t *x, Py_ssize_t n) noexcept nogil:
    """Asks for a row that will be needed soon. Shuffled rows lie anywhere in memory, and to wait
    for each takes as long as to convert it (a batch of 64 images: 18 us, so 11)."""
    cdef Py_ssize_t i = 0
    while i < n:
        PREFETCH(x + i)
        i += CACHE_LINE


def pixels(const uint8_t[:, ::1] x, const int64_t[::1] rows, real[:, ::1] y, int threads):
    """y[i] = x[rows[i]] / 255, shapes (n, width), (batch,) and (batch, width).

    Threads share the rows out between them. Cost: one pass over the rows that are read and y.
    """
    cdef Py_ssize_t i, batch = rows.shape[0]
    for i in prange(batch, nogil=True, num_threads=threads, schedule="static"):
        if i + ROWS_AHEAD < batch:
            fetch_row(&x[rows[i + ROWS_AHEAD], 0], x.shape[1])
        pixel_row(&x[rows[i], 0], &y[i, 0], x.shape[1])

"""Batches: picks rows out of a data set, and turns pixels into numbers on the way.

A data set of images stays uint8, a quarter of its size in float32; only the rows of a batch are
converted, while they are read.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t

from minidl._kernels.scalar cimport real

cdef enum:
    MAX_PIXEL = 255


cdef inline void pixel_row(const uint8_t *x, real *y, Py_ssize_t n) noexcept nogil:
    """y = x / 255. A division is rounded correctly, x * (1 / 255) would not be."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] / <real> MAX_PIXEL


def pixels(const uint8_t[:, ::1] x, const int64_t[::1] rows, real[:, ::1] y, int threads):
    """y[i] = x[rows[i]] / 255, shapes (n, width), (batch,) and (batch, width).

    Threads share the rows out between them. Cost: one pass over the rows that are read and y.
    """
    cdef Py_ssize_t i
    for i in prange(rows.shape[0], nogil=True, num_threads=threads, schedule="static"):
        pixel_row(&x[rows[i], 0], &y[i, 0], x.shape[1])

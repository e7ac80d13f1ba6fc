"""Batches: picks rows out of a data set, and turns pixels into numbers on the way.

A data set of images stays uint8, a quarter of its size in float32; only the rows of a batch are
converted, while they are read.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t

from minidl._kernels.gather cimport ROWS_AHEAD, fetch_row, pixel_row
from minidl._kernels.scalar cimport real


def pixels(const uint8_t[:, ::1] x, const int64_t[::1] rows, real[:, ::1] y, int threads):
    """y[i] = x[rows[i]] / 255, shapes (n, width), (batch,) and (batch, width).

    Threads share the rows out between them. Cost: one pass over the rows that are read and y.
    """
    cdef Py_ssize_t i, batch = rows.shape[0]
    for i in prange(batch, nogil=True, num_threads=threads, schedule="static"):
        if i + ROWS_AHEAD < batch:
            fetch_row(&x[rows[i + ROWS_AHEAD], 0], x.shape[1])
        pixel_row(&x[rows[i], 0], &y[i, 0], x.shape[1])

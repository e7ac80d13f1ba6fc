"""Norms, in double precision and one fixed order: of gradients, and of the columns of weights."""

from cython.parallel cimport prange
from libc.math cimport sqrt

from minidl._kernels.scalar cimport real

cdef enum:
    LANES = 8  # sums that run side by side, so that one addition need not wait for the last
    COLUMNS = 64


def sum_of_squares(const real[::1] x):
    """The sum of x², as a float: LANES sums that run through x side by side, then added up."""
    cdef double sums[LANES]
    cdef Py_ssize_t i = 0, lane, n = x.shape[0]
    cdef double total = 0
    with nogil:
        for lane in range(LANES):
            sums[lane] = 0
        while i + LANES <= n:
            for lane in range(LANES):
                sums[lane] += <double> x[i + lane] * x[i + lane]
            i = i + LANES
        for lane in range(n - i):
            sums[lane] += <double> x[i + lane] * x[i + lane]
        for lane in range(LANES):
            total += sums[lane]
    return total


cdef inline void limit_columns(
    real *W, double *norms, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t columns, double limit
) noexcept nogil:
    """The same for up to COLUMNS neighbouring columns of a matrix whose rows are `units` long."""
    cdef double scales[COLUMNS]
    cdef Py_ssize_t i, u
    cdef bint exceeded = False
    for u in range(columns):
        norms[u] = 0
    for i in range(rows):
        for u in range(columns):
            norms[u] += <double> W[i * units + u] * W[i * units + u]
    for u in range(columns):
        norms[u] = sqrt(norms[u])
        scales[u] = limit / norms[u] if norms[u] > limit else 1
        exceeded = exceeded or norms[u] > limit
    if exceeded:
        for i in range(rows):
            for u in range(columns):
                W[i * units + u] = <real> (W[i * units + u] * scales[u])


def max_norm(real[:, ::1] W, double limit, double[::1] norms, int threads):
    """norms_u = the norm of column u of W (in, units); where it is above `limit`, the column is
    scaled down to it. Cost: one pass over W, a second one where a norm is too large."""
    cdef Py_ssize_t block, start, rows = W.shape[0], units = W.shape[1]
    cdef Py_ssize_t blocks = (units + COLUMNS - 1) // COLUMNS
    for block in prange(blocks, nogil=True, num_threads=threads, schedule="static"):
        start = COLUMNS * block
        limit_columns(&W[0, start], &norms[start], rows, units, min(COLUMNS, units - start),
                      limit)

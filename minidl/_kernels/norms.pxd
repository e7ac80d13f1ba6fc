"""Norms, in double precision and in one fixed order, whichever thread has which part.

    of gradients    the squares of BLOCK numbers at a time, then the blocks' sums in order
    of columns      row by row
"""

from libc.math cimport sqrt

from minidl._kernels.scalar cimport real

cdef enum:
    LANES = 8  # sums that run side by side, so that no addition waits for another
    BLOCK = 1024  # numbers
    COLUMNS = 64


cdef inline double sum_of_block(const real *x, Py_ssize_t n) noexcept nogil:
    """The sum of x²: LANES sums that run through x side by side, then added up."""
    cdef double sums[LANES]
    cdef double total = 0
    cdef Py_ssize_t i = 0, lane
    for lane in range(LANES):
        sums[lane] = 0
    while i + LANES <= n:
        for lane in range(LANES):
            sums[lane] += <double> x[i + lane] * x[i + lane]
        i += LANES
    for lane in range(n - i):
        sums[lane] += <double> x[i + lane] * x[i + lane]
    for lane in range(LANES):
        total += sums[lane]
    return total


cdef inline double clipping(double squares, double limit) noexcept nogil:
    """The factor, if it is below 1, that brings the norm of gradients with this sum of squares down
    to `limit`."""
    return limit / (sqrt(squares) + 1e-6)


cdef inline void square_columns(
    const real *W, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t columns, double *sums
) noexcept nogil:
    """Adds the squares of each column's rows, which are `units` long, to its sum."""
    cdef Py_ssize_t i, u
    for i in range(rows):
        for u in range(columns):
            sums[u] += <double> W[i * units + u] * W[i * units + u]


cdef inline Py_ssize_t find_scales(
    const double *sums, Py_ssize_t columns, double limit, double *scales
) noexcept nogil:
    """The scale of each column whose norm is above `limit`; returns how many these are."""
    cdef double norm
    cdef Py_ssize_t u, exceeded = 0
    for u in range(columns):
        norm = sqrt(sums[u])
        scales[u] = limit / norm if norm > limit else 1
        exceeded += norm > limit
    return exceeded


cdef inline void scale_columns(
    real *W, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t columns, const double *scales
) noexcept nogil:
    """Multiplies the rows of each column by its scale."""
    cdef Py_ssize_t i, u
    for i in range(rows):
        for u in range(columns):
            W[i * units + u] = <real> (W[i * units + u] * scales[u])


cdef inline Py_ssize_t limit_columns(
    real *W, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t columns, double limit
) noexcept nogil:
    """Scales those of up to COLUMNS neighbouring columns of a matrix, whose rows are `units` long,
    down to the norm `limit` that have a larger norm; returns how many. Cost: one pass, and a second
    one if a norm is too large."""
    cdef double sums[COLUMNS]
    cdef double scales[COLUMNS]
    cdef Py_ssize_t u, exceeded
    for u in range(columns):
        sums[u] = 0
    square_columns(<const real *> W, rows, units, columns, sums)
    exceeded = find_scales(sums, columns, limit, scales)
    if exceeded:
        scale_columns(W, rows, units, columns, scales)
    return exceeded

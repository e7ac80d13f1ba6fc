"""Sums over the rows of matrices, for reductions and the gradients of broadcast operands."""

from cython.parallel cimport prange

from minidl._kernels.ndarray cimport (
    FLOAT, axes, data, empty, is_writable, load, size, type_of)
from minidl._kernels.ndarray cimport shape as shape_of
from minidl._kernels.real cimport real
from minidl._kernels.sums cimport BLOCK, sum_rows

load()

IN_ORDER = BLOCK  # the most rows that are summed simply in order

cdef enum:
    PIECE = 256  # columns that a thread takes at a time


def over_rows(x, sums, int threads):
    """sums[n] = the sum of the rows of x[n].

    Shapes: x (n, rows, columns), sums (n, columns), C-contiguous and of one dtype. Cost: one pass
    over x.
    """
    cdef int kind = type_of(x)
    if (kind < 0 or type_of(sums) != kind or axes(x) != 3 or axes(sums) != 2
            or not is_writable(sums)):
        raise ValueError("expected C-contiguous x (3 axes) and sums (2), writable, of one dtype")
    cdef void *source = data(x)
    cdef void *target = data(sums)
    cdef const Py_ssize_t *shape = shape_of(x)
    with nogil:
        if kind == FLOAT:
            sum_each(<const float *> source, <float *> target, shape, threads)
        else:
            sum_each(<const double *> source, <double *> target, shape, threads)


cdef void sum_each(
    const real *x, real *sums, const Py_ssize_t *shape, int threads
) noexcept nogil:
    """Threads share the matrices and their pieces."""
    cdef Py_ssize_t rows = shape[1], columns = shape[2], job, n, first
    cdef Py_ssize_t across = (columns + PIECE - 1) // PIECE
    for job in prange(shape[0] * across, num_threads=threads, schedule="static"):
        n = job // across
        first = job % across * PIECE
        sum_rows(x + n * rows * columns, columns, rows, first, min(columns, first + PIECE),
                 sums + n * columns)


cdef real in_pairs(const real *x, Py_ssize_t n) noexcept nogil:
    """The sum of n numbers, with NumPy's bits: eight sums side by side for up to 128 numbers, else
    the sum of both halves."""
    cdef real sums[8]
    cdef real total = 0
    cdef Py_ssize_t i = 0, lane, half
    if n < 8:
        for i in range(n):
            total += x[i]
        return total
    if n > 128:
        half = n // 2
        half -= half % 8
        return in_pairs(x, half) + in_pairs(x + half, n - half)
    for lane in range(8):
        sums[lane] = x[lane]
    for i in range(8, n - n % 8, 8):
        for lane in range(8):
            sums[lane] += x[i + lane]
    total = (sums[0] + sums[1]) + (sums[2] + sums[3])
    total += (sums[4] + sums[5]) + (sums[6] + sums[7])
    for i in range(n - n % 8, n):
        total += x[i]
    return total


def total(x):
    """The sum of all of a C-contiguous array of float32 or float64, an array without axes; None
    for another array. Cost: one pass over x."""
    cdef int kind = type_of(x)
    if kind < 0:
        return None
    cdef object result = empty(0, NULL, kind)
    if kind == FLOAT:
        (<float *> data(result))[0] = in_pairs(<const float *> data(x), size(x))
    else:
        (<double *> data(result))[0] = in_pairs(<const double *> data(x), size(x))
    return result

"""Sums over the rows of matrices, for reductions and the gradients of what was broadcast."""

from cython.parallel cimport prange

from cpython.buffer cimport PyBuffer_Release
from libc.string cimport memset

from minidl._kernels.operand cimport take
from minidl._kernels.real cimport real
from minidl._kernels.sums cimport BLOCK, sum_rows

IN_ORDER = BLOCK  # rows up to which a sum is one in order

cdef enum:
    PIECE = 256  # columns that a thread takes at a time


def over_rows(x, sums, int threads):
    """sums[n] = the sum of the rows of x[n].

    Shapes: x (n, rows, columns), sums (n, columns), C-contiguous and of one dtype. Cost: one pass
    over x.
    """
    cdef Py_buffer operands[2]
    cdef int i
    memset(operands, 0, sizeof(operands))
    try:
        take(x, 3, False, &operands[0])
        take(sums, 2, True, &operands[1])
        if operands[0].itemsize != operands[1].itemsize:
            raise ValueError("expected x and sums of one dtype")
        with nogil:
            if operands[1].itemsize == sizeof(float):
                sum_each(<const float *> operands[0].buf, <float *> operands[1].buf,
                         operands[0].shape, threads)
            else:
                sum_each(<const double *> operands[0].buf, <double *> operands[1].buf,
                         operands[0].shape, threads)
    finally:
        for i in range(2):
            PyBuffer_Release(&operands[i])


cdef void sum_each(
    const real *x, real *sums, const Py_ssize_t *shape, int threads
) noexcept nogil:
    """Threads share the matrices and their pieces out between them."""
    cdef Py_ssize_t rows = shape[1], columns = shape[2], job, n, first
    cdef Py_ssize_t across = (columns + PIECE - 1) // PIECE
    for job in prange(shape[0] * across, num_threads=threads, schedule="static"):
        n = job // across
        first = job % across * PIECE
        sum_rows(x + n * rows * columns, columns, rows, first, min(columns, first + PIECE),
                 sums + n * columns)

"""Matrix products, one or a batch of them. The work is done in gemm.pxd."""

from cpython.buffer cimport PyBuffer_Release
from libc.string cimport memset

from minidl._kernels.gemm cimport multiply
from minidl._kernels.ndarray cimport FLOAT, axes, data, empty, load, type_of
from minidl._kernels.ndarray cimport shape as shape_of
from minidl._kernels.operand cimport take
from minidl._kernels.real cimport real

load()

cdef enum:
    SMALL = 262144  # some 7 microseconds


def product(a, bint a_transposed, b, bint b_transposed, c, int threads):
    """c[n] = a[n] · b[n], each operand transposed first where asked.

    Shapes (n, m, k) · (n, k, p) = (n, m, p), C-contiguous and of one dtype; a transposed operand is
    stored as (n, k, m) or (n, p, k). Cost: 2 n m k p operations.
    """
    cdef Py_buffer operands[3]
    cdef int i
    memset(operands, 0, sizeof(operands))
    try:
        take(a, 3, False, &operands[0])
        take(b, 3, False, &operands[1])
        take(c, 3, True, &operands[2])
        if not operands[0].itemsize == operands[1].itemsize == operands[2].itemsize:
            raise ValueError("expected a, b and c of one dtype")
        with nogil:
            if operands[2].itemsize == sizeof(float):
                multiply_to(<float *> operands[2].buf, operands, a_transposed, b_transposed,
                            threads)
            else:
                multiply_to(<double *> operands[2].buf, operands, a_transposed, b_transposed,
                            threads)
    finally:
        for i in range(3):
            PyBuffer_Release(&operands[i])


cdef void multiply_to(
    real *c, const Py_buffer *operands, bint a_transposed, bint b_transposed, int threads
) noexcept nogil:
    cdef const real *a = <const real *> operands[0].buf
    cdef const real *b = <const real *> operands[1].buf
    cdef Py_ssize_t depth = operands[0].shape[1 if a_transposed else 2]
    cdef const Py_ssize_t *shape = operands[2].shape
    multiply(shape[0], a, a_transposed, b, b_transposed, NULL, c, shape[1], shape[2], depth,
             threads)


def of_small_matrices(a, b, bint a_transposed=False, bint b_transposed=False):
    """A new matrix a · b, each operand transposed first where asked, by one thread. None unless
    both are C-contiguous matrices of one dtype, float32 or float64, whose product exists and takes
    at most SMALL multiply-adds: what is asked of shapes elsewhere takes longer than such a one."""
    cdef int kind = type_of(a)
    if kind < 0 or type_of(b) != kind or axes(a) != 2 or axes(b) != 2:
        return None
    cdef Py_ssize_t depth = shape_of(a)[0 if a_transposed else 1]
    cdef Py_ssize_t[2] of_c
    of_c[0] = shape_of(a)[1 if a_transposed else 0]
    of_c[1] = shape_of(b)[0 if b_transposed else 1]
    if shape_of(b)[1 if b_transposed else 0] != depth or of_c[0] * of_c[1] * depth > SMALL:
        return None
    cdef object c = empty(2, of_c, kind)
    if kind == FLOAT:
        multiply(1, <const float *> data(a), a_transposed, <const float *> data(b), b_transposed,
                 <const float *> NULL, <float *> data(c), of_c[0], of_c[1], depth, 1)
    else:
        multiply(1, <const double *> data(a), a_transposed, <const double *> data(b), b_transposed,
                 <const double *> NULL, <double *> data(c), of_c[0], of_c[1], depth, 1)
    return c

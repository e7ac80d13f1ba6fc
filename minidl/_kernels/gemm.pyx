"""Matrix products, one or a batch of them. The work is done in gemm.pxd."""

from minidl._kernels.gemm cimport multiply
from minidl._kernels.ndarray cimport FLOAT, axes, data, empty, is_writable, load, type_of
from minidl._kernels.ndarray cimport shape as shape_of

load()

cdef enum:
    SMALL = 262144  # some 7 microseconds


def product(a, bint a_transposed, b, bint b_transposed, c, int threads):
    """c[n] = a[n] · b[n], with each operand transposed first if asked.

    Shapes (n, m, k) · (n, k, p) = (n, m, p), C-contiguous and of one dtype; a transposed operand is
    stored as (n, k, m) or (n, p, k). Cost: 2 n m k p operations.
    """
    cdef int kind = type_of(c)
    if (kind < 0 or type_of(a) != kind or type_of(b) != kind
            or not axes(a) == axes(b) == axes(c) == 3 or not is_writable(c)):
        raise ValueError("expected C-contiguous a, b and c of one dtype and 3 axes, c writable")
    cdef Py_ssize_t depth = shape_of(a)[1 if a_transposed else 2]
    cdef const Py_ssize_t *shape = shape_of(c)
    cdef void *of_a = data(a)
    cdef void *of_b = data(b)
    cdef void *of_c = data(c)
    with nogil:
        if kind == FLOAT:
            multiply(shape[0], <const float *> of_a, a_transposed, <const float *> of_b,
                     b_transposed, <const float *> NULL, <float *> of_c, shape[1], shape[2],
                     depth, threads)
        else:
            multiply(shape[0], <const double *> of_a, a_transposed, <const double *> of_b,
                     b_transposed, <const double *> NULL, <double *> of_c, shape[1], shape[2],
                     depth, threads)


def of_small_matrices(a, b, bint a_transposed=False, bint b_transposed=False):
    """A new matrix a · b, with each operand transposed first if asked, by one thread. None unless
    both are C-contiguous matrices of one dtype, float32 or float64, whose product exists and takes
    at most SMALL multiply-adds. (The general checks of shapes take longer than such a product.)"""
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

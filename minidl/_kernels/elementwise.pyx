"""exp, expm1, log, log1p and tanh of whole arrays, in parallel; every number has an answer.

The arrays are of any shape, contiguous, and both of one shape and dtype. Each function costs one
pass over x and y. Their formulas, and how far they are off, are in series32.pxd and series64.pxd.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython.parallel cimport prange

from minidl._kernels.scalar cimport full_exp, full_expm1, full_log1p, real
from minidl._kernels.scalar cimport log as full_log
from minidl._kernels.scalar cimport tanh as full_tanh

cdef enum:
    PIECE = 4096  # numbers of one call: enough that it costs nothing, few enough to share out

ctypedef void (*of_floats)(const float *, float *, Py_ssize_t) noexcept nogil
ctypedef void (*of_doubles)(const double *, double *, Py_ssize_t) noexcept nogil


cdef inline void part(
    of_floats f32, of_doubles f64, Py_buffer *x, Py_buffer *y, Py_ssize_t first, Py_ssize_t end
) noexcept nogil:
    """y = f(x) for elements first ... end - 1."""
    if y.itemsize == sizeof(float):
        f32(<const float *> x.buf + first, <float *> y.buf + first, end - first)
    else:
        f64(<const double *> x.buf + first, <double *> y.buf + first, end - first)


cdef int run(of_floats f32, of_doubles f64, object x, object y, int threads) except -1:
    """y = f(x). Buffers are asked for as they are: a memoryview would cost as much as 100 numbers
    do, and arrays of several axes a reshape each."""
    cdef Py_buffer source, target
    cdef Py_ssize_t n, piece
    PyObject_GetBuffer(x, &source, PyBUF_C_CONTIGUOUS)
    try:
        PyObject_GetBuffer(y, &target, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    except BaseException:
        PyBuffer_Release(&source)
        raise
    n = target.len // target.itemsize
    if n <= PIECE:
        part(f32, f64, &source, &target, 0, n)
    else:
        for piece in prange((n + PIECE - 1) // PIECE, nogil=True, num_threads=threads,
                            schedule="static"):
            part(f32, f64, &source, &target, piece * PIECE, min(n, (piece + 1) * PIECE))
    PyBuffer_Release(&target)
    PyBuffer_Release(&source)
    return 0


cdef void exp_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_exp(x[i])


def exp(x, y, int threads):
    """y = e^x."""
    run(exp_row[float], exp_row[double], x, y, threads)


cdef void expm1_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_expm1(x[i])


def expm1(x, y, int threads):
    """y = e^x - 1."""
    run(expm1_row[float], expm1_row[double], x, y, threads)


cdef void log_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_log(x[i])


def log(x, y, int threads):
    """y = ln x: -inf at 0, NaN below."""
    run(log_row[float], log_row[double], x, y, threads)


cdef void log1p_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_log1p(x[i])


def log1p(x, y, int threads):
    """y = ln(1 + x): -inf at -1, NaN below."""
    run(log1p_row[float], log1p_row[double], x, y, threads)


cdef void tanh_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_tanh(x[i])


def tanh(x, y, int threads):
    """y = tanh x."""
    run(tanh_row[float], tanh_row[double], x, y, threads)

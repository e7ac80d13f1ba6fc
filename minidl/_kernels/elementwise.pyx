"""exp, expm1, log, log1p, tanh, sqrt and |x| of whole arrays, in parallel.

x is C-contiguous, float32 or float64, of any shape; the result is a new array like x, or None for
any other x. Each function costs one pass over x and the result. The formulas and their errors are
in series32.pxd and series64.pxd.
"""

from cython.parallel cimport prange

from minidl._kernels.cpu cimport PIECE
from minidl._kernels.ndarray cimport FLOAT, data, empty_like, load, size, type_of
from minidl._kernels.real cimport magnitude, root
from minidl._kernels.scalar cimport full_exp, full_expm1, full_log1p, real
from minidl._kernels.scalar cimport log as full_log
from minidl._kernels.scalar cimport tanh as full_tanh

load()

ctypedef void (*of_floats)(const float *, float *, Py_ssize_t) noexcept nogil
ctypedef void (*of_doubles)(const double *, double *, Py_ssize_t) noexcept nogil


cdef object run(of_floats f32, of_doubles f64, object x, int threads):
    """The new array f(x), or None."""
    cdef int kind = type_of(x)
    if kind < 0:
        return None
    cdef object y = empty_like(x)
    cdef Py_ssize_t n = size(x), piece, first
    cdef void *source = data(x)
    cdef void *target = data(y)
    if n <= PIECE:
        if kind == FLOAT:
            f32(<const float *> source, <float *> target, n)
        else:
            f64(<const double *> source, <double *> target, n)
        return y
    for piece in prange((n + PIECE - 1) // PIECE, nogil=True, num_threads=threads,
                        schedule="static"):
        first = piece * PIECE
        if kind == FLOAT:
            f32(<const float *> source + first, <float *> target + first, min(PIECE, n - first))
        else:
            f64(<const double *> source + first, <double *> target + first, min(PIECE, n - first))
    return y


cdef void exp_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_exp(x[i])


def exp(x, int threads):
    """y = e^x."""
    return run(exp_row[float], exp_row[double], x, threads)


cdef void expm1_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_expm1(x[i])


def expm1(x, int threads):
    """y = e^x - 1."""
    return run(expm1_row[float], expm1_row[double], x, threads)


cdef void log_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_log(x[i])


def log(x, int threads):
    """y = ln x: -inf at 0, NaN below."""
    return run(log_row[float], log_row[double], x, threads)


cdef void log1p_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_log1p(x[i])


def log1p(x, int threads):
    """y = ln(1 + x): -inf at -1, NaN below."""
    return run(log1p_row[float], log1p_row[double], x, threads)


cdef void tanh_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = full_tanh(x[i])


def tanh(x, int threads):
    """y = tanh x."""
    return run(tanh_row[float], tanh_row[double], x, threads)


cdef void sqrt_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = root(x[i])


def square_root(x, int threads):
    """The square root: NaN below 0."""
    return run(sqrt_row[float], sqrt_row[double], x, threads)


cdef void abs_row(const real *x, real *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = magnitude(x[i])


def absolute(x, int threads):
    """|x|."""
    return run(abs_row[float], abs_row[double], x, threads)

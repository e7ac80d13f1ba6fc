"""PReLU: a leaky ReLU whose slope is learned, one for each unit."""

from minidl._kernels.real cimport ZERO, real
from minidl._kernels.rows cimport learned_functions, row_functions


# ---- prelu: y = x where x > 0, else a_u x; keeps x ------------------------------------------
# dx = dy or a_u dy; at 0 it is the negative side's. Keeps x, not y: a learned slope may turn
# negative, and y then no longer has the sign of x. Cost: one pass over the memory touched.

cdef void prelu_forward(
    const real *x, const real *slopes, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t u
    cdef real sloped
    for u in range(n):
        sloped = slopes[u] * x[u]
        y[u] = x[u] if x[u] > 0 else sloped


cdef void prelu_backward(
    const real *x, const real *slopes, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t u
    cdef real sloped
    for u in range(n):
        sloped = slopes[u] * dy[u]
        dx[u] = dy[u] if x[u] > 0 else sloped


KERNELS = {
    "prelu": row_functions(prelu_forward, prelu_backward, prelu_forward, prelu_backward),
}


cdef void slope_gradient(
    const real *x, const real *dy, real *da, Py_ssize_t first, Py_ssize_t end, Py_ssize_t rows,
    Py_ssize_t units
) noexcept nogil:
    """da_u = the sum over the batch of dy x where x <= 0, in order."""
    cdef Py_ssize_t i, u
    cdef real product
    for u in range(first, end):
        da[u] = 0
    for i in range(rows):
        for u in range(first, end):
            product = dy[i * units + u] * x[i * units + u]
            da[u] += ZERO if x[i * units + u] > 0 else product


LEARNED = {"prelu": learned_functions(slope_gradient, slope_gradient)}

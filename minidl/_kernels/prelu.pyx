"""PReLU: a leaky ReLU whose slope is learned, one for each unit."""

from cython.parallel cimport prange

from minidl._kernels.rows cimport row_functions
from minidl._kernels.real cimport ZERO, real


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


def slope_gradient(const real[:, ::1] x, const real[:, ::1] dy, real[::1] dslopes, int threads):
    """da_u = the sum over the batch of dy x where x <= 0, shapes (batch, units) to (units,).

    Every sum runs over the batch in order; threads share the units out between them, in whole
    cache lines. Cost: one pass over x and dy.
    """
    cdef Py_ssize_t i, u, thread, start, stop, batch = x.shape[0], units = x.shape[1]
    cdef real product
    cdef Py_ssize_t share = ((units + threads - 1) // threads + 15) // 16 * 16
    for thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        start = min(units, thread * share)
        stop = min(units, start + share)
        for u in range(start, stop):
            dslopes[u] = 0
        for i in range(batch):
            for u in range(start, stop):
                product = dy[i, u] * x[i, u]
                dslopes[u] += ZERO if x[i, u] > 0 else product

"""Maxout: a unit's output is the largest of its pieces."""

from minidl._kernels.rows cimport row_functions
from minidl._kernels.scalar cimport real


# ---- maxout: y_u = max over p of x_up; keeps x ----------------------------------------------
# dx_up = dy_u for the winning piece, else 0. The first piece wins a tie, and a NaN wins over
# numbers. Backward looks for the winner again: x is read once more, and nothing else is kept.
# Cost: one pass over the memory touched.

cdef inline Py_ssize_t winner(const real *x, Py_ssize_t pieces) noexcept nogil:
    cdef Py_ssize_t p, best = 0
    for p in range(1, pieces):
        if x[p] > x[best] or (x[p] != x[p] and x[best] == x[best]):
            best = p
    return best


cdef void maxout_forward(
    const real *x, const real *slopes, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t u, pieces = <Py_ssize_t> options[0]
    for u in range(n):
        y[u] = x[u * pieces + winner(x + u * pieces, pieces)]


cdef void maxout_backward(
    const real *x, const real *slopes, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t u, p, best, pieces = <Py_ssize_t> options[0]
    for u in range(n):
        best = winner(x + u * pieces, pieces)
        for p in range(pieces):
            dx[u * pieces + p] = 0
        dx[u * pieces + best] = dy[u]


KERNELS = {
    "maxout": row_functions(maxout_forward, maxout_backward, maxout_forward, maxout_backward),
}

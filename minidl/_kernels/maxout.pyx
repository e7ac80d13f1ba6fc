"""Maxout: a unit's output is the largest of its pieces."""

from minidl._kernels.rows cimport row_functions
from minidl._kernels.real cimport ZERO, real


# ---- maxout: y_u = max over p of x_up; keeps x ----------------------------------------------
# dx_up = dy_u for the winning piece, else 0. The first piece wins a tie, and a NaN wins over
# numbers. Backward searches for the winner again: x is read once more, and nothing else is kept.
# Cost: one pass over the memory touched.

# The pieces are compared one after the other, for 64 units at a time: a loop over the units has no
# branch that depends on the data, and vectorises. Two pieces are written out for the compiler,
# which then reads the pairs in whole vectors.

cdef inline bint beats(real x, real best) noexcept nogil:
    return (x > best) | ((x != x) & (best == best))


cdef inline real larger(real x, real best) noexcept nogil:
    return x if beats(x, best) else best


cdef inline void forward_block(
    const real *x, real *y, Py_ssize_t n, Py_ssize_t pieces
) noexcept nogil:
    cdef Py_ssize_t u, p
    for u in range(n):
        y[u] = x[u * pieces]
    for p in range(1, pieces):
        for u in range(n):
            y[u] = larger(x[u * pieces + p], y[u])


cdef inline void backward_block(
    const real *x, const real *dy, real *dx, Py_ssize_t n, Py_ssize_t pieces
) noexcept nogil:
    """The first piece that equals the largest takes dy; the pieces after it get 0."""
    cdef Py_ssize_t u, p
    cdef real[64] best, left
    cdef real piece
    cdef bint wins
    forward_block(x, best, n, pieces)
    for u in range(n):
        left[u] = dy[u]
    for p in range(pieces):
        for u in range(n):
            piece = x[u * pieces + p]
            wins = (piece == best[u]) | (piece != piece)
            dx[u * pieces + p] = left[u] if wins else ZERO
            left[u] = ZERO if wins else left[u]


cdef void maxout_forward(
    const real *x, const real *slopes, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t u, pieces = <Py_ssize_t> options[0]
    if pieces == 2:
        for u in range(n):
            y[u] = larger(x[2 * u + 1], x[2 * u])
    else:
        for u in range(0, n, 64):
            forward_block(x + u * pieces, y + u, min(n - u, 64), pieces)


cdef void maxout_backward(
    const real *x, const real *slopes, const real *dy, real *dx, Py_ssize_t n,
    const double *options
) noexcept nogil:
    cdef Py_ssize_t u, pieces = <Py_ssize_t> options[0]
    cdef bint second
    if pieces == 2:
        for u in range(n):
            second = beats(x[2 * u + 1], x[2 * u])
            dx[2 * u] = ZERO if second else dy[u]
            dx[2 * u + 1] = dy[u] if second else ZERO
    else:
        for u in range(0, n, 64):
            backward_block(x + u * pieces, dy + u, dx + u * pieces, min(n - u, 64), pieces)


KERNELS = {
    "maxout": row_functions(maxout_forward, maxout_backward, maxout_forward, maxout_backward),
}

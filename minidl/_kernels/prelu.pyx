"""PReLU: a leaky ReLU whose slope is learned, one for each unit."""

from minidl._kernels.real cimport ZERO, real
from minidl._kernels.rows cimport learned_functions, row_functions
from minidl._kernels.sums cimport (
    BLOCK, Stack, add_up, blocks_of, clear, columns_for, end_of, paired)


# ---- prelu: y = x where x > 0, else a_u x; keeps x ------------------------------------------
# dx = a_u dy where x <= 0, else dy. Keeps x, not y: a learned slope may turn negative, and y then
# no longer has the sign of x. Cost: one pass over the memory touched.

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
        dx[u] = sloped if x[u] <= 0 else dy[u]


KERNELS = {
    "prelu": row_functions(prelu_forward, prelu_backward, prelu_forward, prelu_backward),
}


cdef void slope_gradient(
    const real *x, const real *dy, real *da, Py_ssize_t first, Py_ssize_t end, Py_ssize_t rows,
    Py_ssize_t units
) noexcept nogil:
    """da_u = the sum over the batch of dy x where x <= 0."""
    cdef Stack memory
    cdef real *stack = <real *> &memory
    cdef real *top
    cdef real product
    cdef Py_ssize_t i, u, n, block
    while first < end:
        n = min(columns_for(rows, sizeof(real)), end - first)
        top = stack
        for block in range(blocks_of(rows)):
            clear(top, n)
            for i in range(block * BLOCK, end_of(block, rows)):
                for u in range(n):
                    product = dy[i * units + first + u] * x[i * units + first + u]
                    top[u] += ZERO if x[i * units + first + u] > 0 else product
            top = paired(top, block, n)
        add_up(stack, top, n)
        for u in range(n):
            da[first + u] = stack[u]
        first += n


LEARNED = {"prelu": learned_functions(slope_gradient, slope_gradient)}

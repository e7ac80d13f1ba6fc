"""The gradient of the slopes that PReLU learns. Its formulas are in piecewise.pxd."""

from minidl._kernels.real cimport ZERO, real
from minidl._kernels.rows cimport learned_functions
from minidl._kernels.sums cimport (
    BLOCK, Stack, add_up, blocks_of, clear, columns_for, end_of, paired)


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

"""Matrix products, one or a batch of them. The work is done in gemm.pxd."""

from minidl._kernels.gemm cimport multiply
from minidl._kernels.scalar cimport real


def product(
    const real[:, :, ::1] a, bint a_transposed, const real[:, :, ::1] b, bint b_transposed,
    real[:, :, ::1] c, int threads
):
    """c[n] = a[n] · b[n], each operand transposed first where asked.

    Shapes (n, m, k) · (n, k, p) = (n, m, p); a transposed operand is stored as (n, k, m) or
    (n, p, k). Cost: 2 n m k p operations.
    """
    cdef Py_ssize_t depth = a.shape[1] if a_transposed else a.shape[2]
    with nogil:
        multiply(c.shape[0], &a[0, 0, 0], a_transposed, &b[0, 0, 0], b_transposed, NULL,
                 &c[0, 0, 0], c.shape[1], c.shape[2], depth, threads)

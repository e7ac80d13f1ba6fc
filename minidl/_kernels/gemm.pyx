"""Matrix products, one or a batch of them. The work is done in gemm.pxd."""

from cython.parallel cimport prange

from minidl._kernels.gemm cimport Matrix, Plan, laid_out, plan, run_task
from minidl._kernels.scalar cimport real


def product(
    const real[:, :, ::1] a, bint a_transposed, const real[:, :, ::1] b, bint b_transposed,
    real[:, :, ::1] c, int threads
):
    """c[n] = a[n] · b[n], each operand transposed first where asked.

    Shapes (n, m, k) · (n, k, p) = (n, m, p); a transposed operand is stored as (n, k, m) or
    (n, p, k). Cost: 2 n m k p operations.
    """
    cdef Py_ssize_t count = c.shape[0], rows = c.shape[1], columns = c.shape[2]
    cdef Py_ssize_t depth = a.shape[1] if a_transposed else a.shape[2]
    cdef Matrix a_at = laid_out(a.shape[2], a_transposed)
    cdef Matrix b_at = laid_out(b.shape[2], b_transposed)
    cdef Plan cut = plan(rows, columns, b_transposed, sizeof(real))
    cdef Py_ssize_t job, n
    for job in prange(count * cut.tasks, nogil=True, num_threads=threads, schedule="static"):
        n = job // cut.tasks
        run_task(cut, job % cut.tasks, &a[n, 0, 0], a_at, &b[n, 0, 0], b_at, NULL, &c[n, 0, 0],
                 rows, columns, depth)

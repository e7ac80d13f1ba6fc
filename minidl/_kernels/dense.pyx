"""A dense layer: the product, the bias and the activation in one call, and their gradients."""

from cython.parallel cimport parallel, prange

from minidl._kernels.gemm cimport Matrix, Plan, laid_out, plan, run_task
from minidl._kernels.rows cimport (
    backward_function, backward_row, forward_function, forward_row)
from minidl._kernels.scalar cimport real


def forward(
    const real[:, ::1] x, const real[:, ::1] W, const real[::1] b,
    function, const real[::1] slopes, const double[::1] options,
    real[:, ::1] z, real[:, ::1] y, int threads
):
    """z = x · W + b and y = f(z), the activation's row function; y may be z.

    Shapes: x (batch, in), W (in, out), b (out,) or (0,) for none, z (batch, out), y
    (batch, units). `function` None stops at z. Cost: 2 batch in out operations. The sums start
    from the bias, so that it costs nothing.
    """
    cdef void *f = NULL if function is None else forward_function(function, sizeof(real))
    cdef Py_ssize_t batch = z.shape[0], out = z.shape[1], depth = x.shape[1], task, i
    cdef Matrix x_at = laid_out(depth, False), W_at = laid_out(out, False)
    cdef Plan cut = plan(batch, out, False, sizeof(real))
    cdef const real *start = &b[0] if b.shape[0] else NULL
    with nogil, parallel(num_threads=threads):
        for task in prange(cut.tasks, schedule="static"):
            run_task(cut, task, &x[0, 0], x_at, &W[0, 0], W_at, start, &z[0, 0],
                     batch, out, depth)
        if f != NULL:
            for i in prange(batch, schedule="static"):
                forward_row(f, &z[i, 0], &slopes[0], &y[i, 0], y.shape[1], &options[0])


def backward(
    const real[:, ::1] x, const real[:, ::1] W, const real[:, ::1] kept,
    function, const real[::1] slopes, const double[::1] options, const real[:, ::1] dy,
    real[:, ::1] dz, real[:, ::1] dx, real[:, ::1] dW, real[::1] db, int threads
):
    """dz = dy · f'(kept), dx = dz · Wᵀ, dW = xᵀ · dz, db = the sum of dz over the batch.

    Shapes as in forward. `function` None means that dz already holds dz. An output without rows
    is not asked for. Cost: 2 batch in out operations for each of dx and dW. db's sums run over
    the batch in order; threads share the columns out between them.
    """
    cdef void *f = NULL if function is None else backward_function(function, sizeof(real))
    cdef Py_ssize_t batch = dz.shape[0], out = dz.shape[1], depth = x.shape[1], task, i, j, left
    cdef Matrix dz_at = laid_out(out, False)
    cdef Matrix xT_at = laid_out(depth, True), WT_at = laid_out(out, True)
    cdef Plan cut_W = plan(depth, out, False, sizeof(real))
    cdef Plan cut_x = plan(batch, depth, True, sizeof(real))
    cdef Py_ssize_t blocks = (db.shape[0] + 63) // 64
    if dW.shape[0] == 0:
        cut_W.tasks = 0
    if dx.shape[0] == 0:
        cut_x.tasks = 0
    with nogil, parallel(num_threads=threads):
        if f != NULL:
            for i in prange(batch, schedule="static"):
                backward_row(f, &kept[i, 0], &slopes[0], &dy[i, 0], &dz[i, 0], dy.shape[1],
                             &options[0])
        for task in prange(blocks, schedule="static"):
            left = 64 * task
            for j in range(left, min(left + 64, out)):
                db[j] = 0
            for i in range(batch):
                for j in range(left, min(left + 64, out)):
                    db[j] += dz[i, j]
        for task in prange(cut_W.tasks, schedule="static"):
            run_task(cut_W, task, &x[0, 0], xT_at, &dz[0, 0], dz_at, NULL, &dW[0, 0],
                     depth, out, batch)
        for task in prange(cut_x.tasks, schedule="static"):
            run_task(cut_x, task, &dz[0, 0], dz_at, &W[0, 0], WT_at, NULL, &dx[0, 0],
                     batch, depth, out)

"""A dense layer: the product, the bias and the activation in one call, and their gradients.

`threads` work on the product, and `row_threads` on the activation, which may not be worth sharing.
"""

from minidl._kernels.gemm cimport multiply
from minidl._kernels.rows cimport (
    backward_function, backward_shares, forward_function, forward_shares)
from minidl._kernels.scalar cimport real
from minidl._kernels.sums cimport sum_rows


def forward(
    const real[:, ::1] x, const real[:, ::1] W, const real[::1] b,
    function, const real[::1] slopes, const double[::1] options,
    real[:, ::1] z, real[:, ::1] y, int threads, int row_threads
):
    """z = x · W + b and y = f(z), the activation's row function; y may be z.

    Shapes: x (batch, in), W (in, out), b (out,) or (0,) for none, z (batch, out), y
    (batch, units). `function` None stops at z. Cost: 2 batch in out operations. The sums start
    from the bias, so that it costs nothing.
    """
    cdef void *f = NULL if function is None else forward_function(function, sizeof(real))
    cdef const real *start = &b[0] if b.shape[0] else NULL
    cdef Py_ssize_t batch = z.shape[0]
    with nogil:
        multiply(1, &x[0, 0], False, &W[0, 0], False, start, &z[0, 0], batch, z.shape[1],
                 x.shape[1], threads)
        if f != NULL:
            forward_shares[real](f, &z[0, 0], z.shape[1], &slopes[0], &y[0, 0], y.shape[1],
                                 &options[0], batch, row_threads)


def backward(
    const real[:, ::1] x, const real[:, ::1] W, const real[:, ::1] kept,
    function, const real[::1] slopes, const double[::1] options, const real[:, ::1] dy,
    real[:, ::1] dz, real[:, ::1] dx, real[:, ::1] dW, real[::1] db, int threads, int row_threads
):
    """dz = dy · f'(kept), dx = dz · Wᵀ, dW = xᵀ · dz, db = the sum of dz over the batch.

    Shapes as in forward. `function` None means that dz holds dz already. An output without rows is
    not wanted. Cost: 2 batch in out operations for each of dx and dW.
    """
    cdef void *f = NULL if function is None else backward_function(function, sizeof(real))
    cdef Py_ssize_t batch = dz.shape[0], out = dz.shape[1], depth = x.shape[1]
    with nogil:
        if f != NULL:
            backward_shares[real](f, &kept[0, 0], kept.shape[1], &slopes[0], &dy[0, 0], &dz[0, 0],
                                  out, dy.shape[1], &options[0], batch, row_threads)
        if db.shape[0]:
            # This is 1 / (2 in) of dW's work: one thread is enough.
            sum_rows(&dz[0, 0], out, batch, 0, out, &db[0])
        if dW.shape[0]:
            multiply(1, &x[0, 0], True, &dz[0, 0], False, NULL, &dW[0, 0], depth, out, batch,
                     threads)
        if dx.shape[0]:
            multiply(1, &dz[0, 0], False, &W[0, 0], True, NULL, &dx[0, 0], batch, depth, out,
                     threads)

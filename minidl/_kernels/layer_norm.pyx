"""Layer normalisation and RMS normalisation of many rows. layer_norm.pxd has the formulas.

Threads share the rows out between them, and for the gradients of weight and bias the columns: each
sum is one thread's and has one order.
"""

from cython.parallel cimport prange

from minidl._kernels.layer_norm cimport affine_gradients, normalize_row, normalize_row_backward
from minidl._kernels.scalar cimport real

cdef enum:
    PIECE = 32  # columns that a thread takes at a time: whole cache lines of a row


def forward(
    const real[:, ::1] x, const real[::1] weight, const real[::1] bias, double eps,
    real[:, ::1] y, double[::1] center, double[::1] scale, bint is_centered, int threads
):
    """y = weight (x - center) scale + bias, and each row's centre and scale.

    Shapes: x and y (rows, units); weight and bias (units,); center and scale (rows,). Cost: three
    passes over x, two if it is not centred, and one over y.
    """
    cdef Py_ssize_t i, units = x.shape[1]
    if units == 0:
        return
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="static"):
        normalize_row(&x[i, 0], &weight[0], &bias[0], eps, &y[i, 0], &center[i], &scale[i], units,
                      is_centered)


def backward(
    const real[:, ::1] x, const real[::1] weight, const double[::1] center,
    const double[::1] scale, const real[:, ::1] dy, real[:, ::1] dx, real[::1] dweight,
    real[::1] dbias, bint is_centered, int threads
):
    """dx, dweight and dbias; of shape (0, 0) or (0,) where not asked for.

    Shapes as in forward. Cost: two passes over x, three over dy and one over dx; for dweight and
    dbias one more over x and dy.
    """
    cdef real *to_w = &dweight[0] if dweight.shape[0] else NULL
    cdef real *to_b = &dbias[0] if dbias.shape[0] else NULL
    cdef Py_ssize_t i, piece, rows = x.shape[0], units = x.shape[1]
    if units == 0:
        return
    for i in prange(dx.shape[0], nogil=True, num_threads=threads, schedule="static"):
        normalize_row_backward(&x[i, 0], &weight[0], center[i], scale[i], &dy[i, 0], &dx[i, 0],
                               units, is_centered)
    if to_w == NULL and to_b == NULL:
        return
    for piece in prange((units + PIECE - 1) // PIECE, nogil=True, num_threads=threads,
                        schedule="static"):
        affine_gradients(&x[0, 0], &center[0], &scale[0], &dy[0, 0], to_w, to_b, rows, units,
                         piece * PIECE, min(units, (piece + 1) * PIECE))

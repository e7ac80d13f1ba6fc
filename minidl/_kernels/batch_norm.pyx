"""Batch normalisation: each unit's numbers get mean 0 and variance 1 over the batch.

Threads share the units out between them, COLUMNS at a time, so each sum is one thread's and has one
order, that of sums.pxd. All is computed in double precision: float32 is rounded once, at the end,
and a mean far from 0 costs no digits.

Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
covariate shift", ICML 2015.
"""

from cython.parallel cimport prange
from libc.math cimport sqrt

from minidl._kernels.scalar cimport real
from minidl._kernels.sums cimport BLOCK, add_up, blocks_of, clear, end_of, paired

cdef enum:
    COLUMNS = 32  # whole cache lines of a row, and few enough for their sums to stay in the cache
    STACK = 42 * COLUMNS  # 2^41 blocks of rows have no room in a 64-bit address space


cdef inline void moments(
    const real *x, double *mean, double *variance, Py_ssize_t batch, Py_ssize_t units,
    Py_ssize_t n
) noexcept nogil:
    """The mean of each of the first n columns, and that of the squared distances from it."""
    cdef double[STACK] sums
    cdef double[COLUMNS] center
    cdef double *top = sums
    cdef double d
    cdef Py_ssize_t i, j, block
    for block in range(blocks_of(batch)):
        clear(top, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                top[j] += x[i * units + j]
        top = paired(top, block, n)
    add_up(sums, top, n)
    for j in range(n):
        mean[j] = center[j] = sums[j] / batch
    top = sums
    for block in range(blocks_of(batch)):
        clear(top, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                d = x[i * units + j] - center[j]
                top[j] += d * d
        top = paired(top, block, n)
    add_up(sums, top, n)
    for j in range(n):
        variance[j] = sums[j] / batch


# ---- y = weight (x - mean) / sqrt(variance + eps) + bias; keeps x and weight ------------------
# With s = 1 / sqrt(variance + eps) and mean[...] for the mean over the batch:
# dx = s weight (dy - mean[dy] - (x - mean) s² mean[dy (x - mean)]) in training, where mean and
# variance depend on x, else s weight dy; dweight = sum dy (x - mean) s, dbias = sum dy.

cdef inline void forward_columns(
    const real *x, const real *weight, const real *bias, double *mean, double *variance,
    double eps, real *y, Py_ssize_t batch, Py_ssize_t units, Py_ssize_t first, bint is_training
) noexcept nogil:
    """The columns from `first` on, COLUMNS of them or as many as there are."""
    cdef double[COLUMNS] center, scale, shift
    cdef Py_ssize_t i, j, n = min(<Py_ssize_t> COLUMNS, units - first)
    x, y, mean, variance = x + first, y + first, mean + first, variance + first
    if is_training:
        moments(x, mean, variance, batch, units, n)
    for j in range(n):
        center[j] = mean[j]
        scale[j] = (1.0 if weight == NULL else <double> weight[first + j]) / sqrt(
            variance[j] + eps)
        shift[j] = 0.0 if bias == NULL else <double> bias[first + j]
    for i in range(batch):
        for j in range(n):
            y[i * units + j] = <real> ((x[i * units + j] - center[j]) * scale[j] + shift[j])


cdef inline void backward_columns(
    const real *x, const real *weight, const double *mean, const double *variance, double eps,
    const real *dy, real *dx, real *dweight, real *dbias, Py_ssize_t batch, Py_ssize_t units,
    Py_ssize_t first, bint is_training
) noexcept nogil:
    """The columns from `first` on, likewise; what is NULL is not there or not asked for."""
    cdef double[COLUMNS] center, scale
    cdef double[STACK] sums, products
    cdef double *top = sums
    cdef double *top_product = products
    cdef double s
    cdef Py_ssize_t i, j, block, n = min(<Py_ssize_t> COLUMNS, units - first)
    x, dy = x + first, dy + first
    for j in range(n):
        center[j] = mean[first + j]
    for block in range(blocks_of(batch)):
        clear(top, n)
        clear(top_product, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                top[j] += dy[i * units + j]
                top_product[j] += dy[i * units + j] * (x[i * units + j] - center[j])
        top = paired(top, block, n)
        top_product = paired(top_product, block, n)
    add_up(sums, top, n)
    add_up(products, top_product, n)
    for j in range(n):
        s = 1.0 / sqrt(variance[first + j] + eps)
        if dweight != NULL:
            dweight[first + j] = <real> (products[j] * s)
        if dbias != NULL:
            dbias[first + j] = <real> sums[j]
        scale[j] = s if weight == NULL else s * weight[first + j]
        sums[j] = sums[j] / batch
        products[j] = products[j] * s * s / batch
    if dx == NULL:
        return
    dx = dx + first
    if is_training:
        for i in range(batch):
            for j in range(n):
                dx[i * units + j] = <real> (scale[j] * (
                    dy[i * units + j] - sums[j] - (x[i * units + j] - center[j]) * products[j]))
    else:
        for i in range(batch):
            for j in range(n):
                dx[i * units + j] = <real> (scale[j] * dy[i * units + j])


def forward(
    const real[:, ::1] x, const real[::1] weight, const real[::1] bias, double[::1] mean,
    double[::1] variance, double eps, real[:, ::1] y, bint is_training, int threads
):
    """y = weight (x - mean) / sqrt(variance + eps) + bias.

    Shapes: x and y (batch, units); weight and bias (units,), or (0,) for none; mean and variance
    (units,), which in training are the batch's and are written, else read. Cost: one pass over x
    and y, in training two more over x.
    """
    cdef const real *w = &weight[0] if weight.shape[0] else NULL
    cdef const real *b = &bias[0] if bias.shape[0] else NULL
    cdef Py_ssize_t batch = x.shape[0], units = x.shape[1], block
    if batch == 0:
        return
    for block in prange((units + COLUMNS - 1) // COLUMNS, nogil=True, num_threads=threads,
                        schedule="static"):
        forward_columns(&x[0, 0], w, b, &mean[0], &variance[0], eps, &y[0, 0], batch, units,
                        block * COLUMNS, is_training)


def backward(
    const real[:, ::1] x, const real[::1] weight, const double[::1] mean,
    const double[::1] variance, double eps, const real[:, ::1] dy, real[:, ::1] dx,
    real[::1] dweight, real[::1] dbias, bint is_training, int threads
):
    """dx, dweight and dbias of the formula above; of shape (0, 0) or (0,) where not asked for.

    Shapes as in forward. Cost: one pass over x and dy for the sums, and one over x, dy and dx.
    """
    cdef const real *w = &weight[0] if weight.shape[0] else NULL
    cdef real *to_x = &dx[0, 0] if dx.shape[0] else NULL
    cdef real *to_w = &dweight[0] if dweight.shape[0] else NULL
    cdef real *to_b = &dbias[0] if dbias.shape[0] else NULL
    cdef Py_ssize_t batch = x.shape[0], units = x.shape[1], block
    for block in prange((units + COLUMNS - 1) // COLUMNS, nogil=True, num_threads=threads,
                        schedule="static"):
        backward_columns(&x[0, 0], w, &mean[0], &variance[0], eps, &dy[0, 0], to_x, to_w, to_b,
                         batch, units, block * COLUMNS, is_training)
